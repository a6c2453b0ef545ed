#!/usr/bin/env bats
# Whatever is made is its owner's alone, whatever the umask, and never through a symbolic link.
load common

setup_more() {
	victim=$folder/victim
	echo "of somebody else" >"$victim"
	echo "correct horse" >"$folder/key"
	tree=$PWD/tree
	mkdir "$tree"
	for i in 1 2 3; do echo "$i" >"$tree/$i"; done
}

victim_is_untouched() {
	equal "of somebody else" "$(cat "$victim")"
}

# Every command that makes files, all that stays of them in one folder.
make_everything() {
	"$PROGRAM" init >/dev/null
	"$PROGRAM" client add host >/dev/null
	"$PROGRAM" record --client host "$tree" >/dev/null
	"$PROGRAM" backup plain.db >/dev/null
	"$PROGRAM" backup --compress packed.zst >/dev/null
	"$PROGRAM" backup --key-file "$folder/key" sealed >/dev/null
	"$PROGRAM" backup "$made" >/dev/null
	"$PROGRAM" backup >/dev/null
	"$PROGRAM" migrate rehearse --keep --dir "$made" --to 5 >/dev/null
	"$PROGRAM" --yes restore plain.db >/dev/null
	"$PROGRAM" optimize >/dev/null
	"$PROGRAM" salvage plain.db "$made/salvaged.db" >/dev/null
	"$PROGRAM" --db "$made/restored.db" --yes restore sealed --key-file "$folder/key" >/dev/null
}

@test "everything that is made has mode 0600, whatever the umask" {
	for mask in 000 022 777; do
		made=$folder/made-$mask
		mkdir "$made"
		STRONGROOM_DB=$made/catalog.db
		cd "$made"
		(umask "$mask" && make_everything)
		[ "$(find . -type f | wc -l)" -ge 9 ]
		equal "" "$(find . -type f -not -perm 0600)"
		"$PROGRAM" health >/dev/null
	done
}

@test "a new catalog is not made through a link" {
	ln -s "$folder/elsewhere" "$STRONGROOM_DB"
	refused 1 "$STRONGROOM_DB is a symbolic link to nothing" -- init
	[ ! -e "$folder/elsewhere" ]
	: >"$folder/elsewhere"
	refused 1 "$STRONGROOM_DB is a symbolic link to an empty file" -- init
	[ ! -s "$folder/elsewhere" ]
}

@test "a catalog that was put elsewhere is opened through a link" {
	strongroom init >/dev/null
	mv "$STRONGROOM_DB" "$folder/elsewhere.db"
	ln -s "$folder/elsewhere.db" "$STRONGROOM_DB"
	try client add host
	equal 0 "$status"
	try backup
	equal 0 "$status"
	equal 1 "$(sqlite3 "$folder/elsewhere.db" 'SELECT count(*) FROM clients')"
}

@test "a link beside the database is refused by its name" {
	strongroom init >/dev/null
	for suffix in -wal -shm -journal; do
		ln -s "$victim" "$STRONGROOM_DB$suffix"
		refused 1 "$STRONGROOM_DB$suffix is a symbolic link, which is not followed" -- client add host
		refused 1 "$STRONGROOM_DB$suffix is a symbolic link" -- client list
		rm "$STRONGROOM_DB$suffix"
		victim_is_untouched
	done
	# Beside the file itself, where the catalog is a link.
	mv "$STRONGROOM_DB" "$folder/elsewhere.db"
	ln -s "$folder/elsewhere.db" "$STRONGROOM_DB"
	ln -s "$victim" "$folder/elsewhere.db-wal"
	refused 1 "$folder/elsewhere.db-wal is a symbolic link" -- client add host
	victim_is_untouched
}

# planted LINK ARGUMENT…: with a link there, whose name may hold PID: the program's own.
planted() {
	local link=$1
	shift
	status=0
	bash -c 'ln -s "$0" "${1//PID/$$}"; shift; exec "$@"' "$victim" "$link" "$PROGRAM" "$@" \
		>"$folder/out" 2>"$folder/err" || status=$?
	victim_is_untouched
	rm -f "${link%PID*}"*.part
}

@test "a link that is planted where a backup is made is not followed" {
	strongroom init >/dev/null
	local part
	part=$(realpath .)/copy.PID.part
	for options in "" --compress "--key-file $folder/key"; do
		# shellcheck disable=SC2086 # Two words.
		planted "$part" backup $options copy
		equal 1 "$status"
		grep -q "copy\.[0-9]*\.part.* cannot be made: a symbolic link is there" "$folder/err"
		[ ! -e copy ]
	done
	ln -s "$victim" copy
	refused 1 "copy' exists already" -- backup copy
	victim_is_untouched
}

@test "a link in the place of the list of backups is replaced, not followed" {
	strongroom init >/dev/null
	strongroom backup >/dev/null
	local list
	list=$(echo "$folder"/catalog.db_backup_made_????????)
	[ -f "$list" ]
	ln -s "$victim" "$list.new"
	try backup
	equal 0 "$status"
	victim_is_untouched
	[ -f "$list" ] && [ ! -L "$list" ]
	equal 2 "$(wc -l <"$list")"
	[ ! -e "$list.new" ]
}

@test "neither restore nor salvage writes through a link" {
	strongroom init >/dev/null
	strongroom backup plain.db >/dev/null
	ln -s "$folder/elsewhere" new.db
	refused 1 "symbolic link to nothing" -- --db "$PWD/new.db" --yes restore plain.db
	ln -s circle.db circle.db
	refused 1 "circle.db cannot be reached: Too many levels" -- --db "$PWD/circle.db" --yes restore plain.db
	refused 1 "is there already" -- salvage plain.db new.db
	[ ! -e "$folder/elsewhere" ]
}

@test "a command of a configuration file that a stranger may have written is not run" {
	ran=$folder/ran
	echo "STRONGROOM_MASTER_KEY_COMMAND = \"touch $ran\"" >strongroom.conf
	chmod 602 strongroom.conf
	strongroom --config /dev/null init >/dev/null
	for place in ./strongroom.conf "$XDG_CONFIG_HOME/strongroom/strongroom.conf"; do
		mkdir -p "$XDG_CONFIG_HOME/strongroom"
		[ -e "$place" ] || mv strongroom.conf "$place"
		refused 1 "${place#./}" "chmod o-w" --config -- keys check
		refused 1 "$place" "chmod o-w" -- --config "$place" keys check
		if [ "$(id -u)" = 0 ]; then
			chmod 600 "$place"
			chown 65534 "$place"
			refused 1 "${place#./}" "belongs to user 65534" chown -- keys check
			chown 0 "$place"
			chmod 602 "$place"
		fi
	done
	[ ! -e "$ran" ]
	# The same file, once it is the user's alone.
	chmod 600 "$place"
	try keys check
	[ -e "$ran" ]
	mkfifo strongroom.conf
	refused 1 "strongroom.conf" "no regular file" -- stats
	strongroom --config /dev/null stats >/dev/null
}
