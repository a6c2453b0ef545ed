#!/usr/bin/env bats
# Databases that are none, disks that are full, outputs that are closed: a message, a status, no
# change.
load common

readers=(stats search "client list" "sql SELECT+1" "migrate verify" "migrate rehearse")
writers=("client add x" "file import --client x /dev/null" "sql --write SELECT+1")

# Runs every reader and writer on the database; each must fail and name what is given.
all_refused() {
	for command in "${readers[@]}" "${writers[@]}"; do
		local words=()
		for word in $command; do
			words+=("${word//+/ }")
		done
		refused 1 "$@" -- "${words[@]}"
	done
}

@test "a missing database names init, and none is made" {
	all_refused "strongroom init" "$STRONGROOM_DB"
	[ ! -e "$STRONGROOM_DB" ]
	refused 1 "strongroom init" -- migrate up
}

@test "a database that is a directory" {
	mkdir "$STRONGROOM_DB"
	all_refused "$STRONGROOM_DB"
	refused 1 "$STRONGROOM_DB" -- init
}

@test "a database that is text, random or encrypted" {
	for kind in text random; do
		if [ $kind = text ]; then
			seq 10000 >"$STRONGROOM_DB"
		else
			head -c 65536 /dev/urandom >"$STRONGROOM_DB"
		fi
		before=$(sha256sum <"$STRONGROOM_DB")
		all_refused "$STRONGROOM_DB"
		refused 1 "$STRONGROOM_DB" -- init
		equal "$before" "$(sha256sum <"$STRONGROOM_DB")"
	done
}

@test "half a database" {
	strongroom init >/dev/null
	size=$(stat -c %s "$STRONGROOM_DB")
	truncate -s $((size / 2 - 100)) "$STRONGROOM_DB"
	before=$(sha256sum <"$STRONGROOM_DB")
	try client add x
	equal 1 "$status"
	grep -q "$STRONGROOM_DB" "$folder/err"
	equal "$before" "$(sha256sum <"$STRONGROOM_DB")"
}

@test "damage in any part is an error or does no harm, never a crash" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	seq 300 | sed 's/.*/{"original_path": "\/some\/folder\/file&", "size": &}/' |
		strongroom file import --client one >/dev/null
	cp "$STRONGROOM_DB" whole.db
	size=$(stat -c %s whole.db)
	RANDOM=7
	for _ in $(seq 40); do
		cp whole.db "$STRONGROOM_DB"
		printf '\377\377\377\377' | dd of="$STRONGROOM_DB" bs=1 conv=notrunc status=none \
			seek=$(((RANDOM * 32768 + RANDOM) % size))
		for command in "search file" stats "client list" "file list one /"; do
			try --json $command
			if [ "$status" -ne 0 ]; then
				tail -1 "$folder/err" | jq -e .error.message >/dev/null
			fi
			# Whatever was printed is a document, also where an error cut it short.
			[ ! -s "$folder/out" ] || jq -e . "$folder/out" >/dev/null
		done
		try client add two
	done
}

@test "a database in a folder that does not exist" {
	refused 1 nowhere -- --db nowhere/catalog.db stats
	refused 1 nowhere -- --db nowhere/catalog.db init
	[ ! -e nowhere ]
}

@test "a database without permission, and one that can only be read" {
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || skip "needs root and setpriv"
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	chmod 755 "$folder"
	nobody() {
		status=0
		setpriv --reuid 65534 --regid 65534 --clear-groups "$PROGRAM" "$@" \
			>"$folder/out" 2>"$folder/err" || status=$?
	}
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$PROGRAM" ||
		skip "the program cannot be reached by another user"
	nobody stats
	equal 1 "$status"
	grep -q "$STRONGROOM_DB" "$folder/err"
	chmod 644 "$STRONGROOM_DB"
	nobody client list --plain
	equal 0 "$status"
	nobody client add two
	equal 1 "$status"
	grep -q '^strongroom: ' "$folder/err"
}

@test "a database on a medium that only reads" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	mkdir "$folder/medium"
	mount -t tmpfs -o size=4m none "$folder/medium" || skip "cannot mount here"
	cp "$STRONGROOM_DB" "$folder/medium/catalog.db"
	mount -o remount,ro "$folder/medium"
	good=yes
	{
		equal one "$(strongroom --db "$folder/medium/catalog.db" client list --plain | cut -f 2)" &&
			refused 1 "$folder/medium/catalog.db" -- --db "$folder/medium/catalog.db" client add two
	} || good=no
	umount "$folder/medium"
	equal yes $good
}

@test "a full disk keeps the database whole" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	mkdir "$folder/small"
	mount -t tmpfs -o size=1400k none "$folder/small" || skip "cannot mount here"
	export STRONGROOM_DB=$folder/small/catalog.db
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	seq 30000 | sed 's/.*/{"original_path": "\/some\/folder\/file&", "size": &}/' >many.jsonl
	status=0
	strongroom file import --client one many.jsonl >/dev/null 2>err || status=$?
	found=$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check; SELECT count(*) FROM files' | xargs)
	umount "$folder/small"
	equal 1 "$status"
	grep -qi 'full\|space' err
	equal "ok 0" "$found"
}

@test "locked by another program for longer than the timeout" {
	strongroom init >/dev/null
	mkfifo hold
	sqlite3 "$STRONGROOM_DB" <hold >/dev/null 2>&1 &
	exec 8>hold
	echo 'PRAGMA journal_mode; BEGIN EXCLUSIVE;' >&8
	for _ in $(seq 100); do
		sqlite3 "$STRONGROOM_DB" 'BEGIN IMMEDIATE; ROLLBACK;' 2>/dev/null || break
		sleep 0.05
	done
	CONNECTION_TIMEOUT=0.3 refused 1 "$STRONGROOM_DB" -- client add x
	exec 8>&-
	wait
	strongroom client add x >/dev/null
}

@test "a catalog behind a link has its log where the link leads" {
	strongroom init >/dev/null
	ln -s "$STRONGROOM_DB" link.db
	crash
	equal '["late"]' "$(json '[.[].name]' --db link.db client list)"
	strongroom salvage link.db fresh.db >/dev/null
	equal '["late"]' "$(json '[.[].name]' --db fresh.db client list)"
	strongroom --db link.db client add next >/dev/null
	equal '["late","next"]' "$(json '[.[].name]' client list)"
	[ -L link.db ]
	[ ! -e link.db-wal ]
}

@test "closed and full standard outputs are failures" {
	strongroom init >/dev/null
	for command in version help "client list" stats "client list --json"; do
		status=0
		"$PROGRAM" $command >&- 2>err || status=$?
		equal 1 "$status"
		grep -q 'standard output' err
		status=0
		"$PROGRAM" $command >/dev/full 2>err || status=$?
		equal 1 "$status"
		grep -q 'standard output: No space left' err
	done
	# The closed descriptor was not taken by the database.
	status=0
	"$PROGRAM" client add one >&- 2>&- <&- || status=$?
	equal 1 "$status"
	equal '[]' "$(json . client list)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
}

@test "a reader that leaves ends it quietly and in order" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	seq 20000 | sed 's/.*/{"original_path": "\/f&", "size": &}/' | strongroom file import --client one >/dev/null
	strongroom search --all 2>err | head -1 >/dev/null
	equal '' "$(cat err)"
	equal 1 "$(find "$folder" -name 'catalog.db*' | wc -l)"
}

@test "errors with --json are objects with a status" {
	try --json stats
	equal 1 "$status"
	equal '"not found"' "$(jq -c .error.status "$folder/err")"
	equal '' "$(cat "$folder/out")"
}

@test "a database that is deleted or replaced under a command is a failure" {
	for fate in deleted replaced; do
		rm -f "$STRONGROOM_DB"*
		strongroom init >/dev/null
		strongroom client add one >/dev/null
		cp "$STRONGROOM_DB" "$folder/other.db"
		mkfifo rows
		status=0
		"$PROGRAM" file import --client one rows >out 2>err &
		# It has the database open once it reads its rows.
		exec 7>rows
		seq 5000 | sed 's/.*/{"original_path": "\/f&"}/' >&7
		rm "$STRONGROOM_DB"
		[ "$fate" = deleted ] || mv "$folder/other.db" "$STRONGROOM_DB"
		exec 7>&-
		wait $! || status=$?
		equal 1 "$status"
		grep -q 'moved, replaced or deleted' err
		[ "$fate" = deleted ] || equal 0 "$(json .file_stats.total_files stats)"
		rm rows
	done
}

# The next write would take it for its own log or journal, and remove it.
@test "nothing is made under a name that belongs beside a database" {
	export STRONGROOM_MASTER_KEY_FILE=$folder/ring
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	strongroom backup "$folder/good.db" >/dev/null
	for side in wal shm journal; do
		name=$STRONGROOM_DB-$side
		refused 2 "$name" "choose another name" -- backup "$name"
		refused 2 "$name" -- backup --compress "$name"
		refused 2 "$folder/none.db-$side" -- backup "$folder/none.db-$side"
		refused 2 "$name" -- salvage "$STRONGROOM_DB" "$name"
		refused 2 "$name" -- keys export --all --yes --out "$name"
		refused 2 "$name" -- keys init --key-file "$name"
		refused 2 "$name" -- --db "$name" init
		refused 2 "$name" -- --db "$name" restore "$folder/good.db" --yes
		[ ! -e "$name" ]
	done
	# A folder may be called so.
	mkdir "$folder/x-journal"
	strongroom backup "$folder/x-journal" >/dev/null
	equal 1 "$(ls "$folder/x-journal" | grep -c "_backup_.*db$")"
}

# Each would have a log of its own, and lose what the other acknowledged.
@test "a database with two names is read and not written, until the other name is gone" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	ln "$STRONGROOM_DB" "$folder/other.db"
	for name in "$STRONGROOM_DB" "$folder/other.db"; do
		refused 1 "$name" "2 names (hard links)" "remove the other names" -- --db "$name" client add two
		refused 1 "2 names" -- --db "$name" optimize
		refused 1 "2 names" -- --db "$name" migrate down --to 15 --yes
		try --db "$name" client list --plain
		equal 1 "$(wc -l <"$folder/out")"
		try --db "$name" health --json
		equal 3 "$status"
		jq -e '.findings[] | select(.code == "database_linked")' "$folder/out"
	done
	# The newest may be in the log of the other name.
	refused 1 "2 names" -- backup "$folder/copy.db"
	try client list --plain
	grep -q 'warning.*other names' "$folder/err"
	# A copy of it is another file, and the original is free again once the name is gone.
	cp "$STRONGROOM_DB" "$folder/copy.db"
	refused 1 "2 names" -- restore "$folder/copy.db" --yes
	equal 1 "$(strongroom --db "$folder/other.db" client list --plain | wc -l)"
	rm "$folder/other.db"
	strongroom client add two >/dev/null
	equal 2 "$(strongroom client list --plain | wc -l)"
}

@test "backups with another name, as snapshots make them, are verified, restored and salvaged" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	strongroom backup "$folder/b.db" >/dev/null
	strongroom backup --compress "$folder/b.zst" >/dev/null
	mkdir snapshot
	ln "$folder/b.db" "$folder/b.zst" snapshot
	for file in b.db b.zst; do
		strongroom backup verify "snapshot/$file" >/dev/null
		strongroom client add other >/dev/null
		strongroom restore "snapshot/$file" --yes >/dev/null
		equal 1 "$(strongroom client list --plain | wc -l)"
	done
	strongroom salvage snapshot/b.db saved.db >/dev/null
	equal 1 "$(strongroom --db "$PWD/saved.db" client list --plain | wc -l)"
	equal 1 "$(strongroom --db "$PWD/snapshot/b.db" client list --plain | wc -l)"
	# All of which has made no other name.
	equal "" "$(find "$folder" -name '*.db' -links +1 ! -name b.db)"
}

@test "a key ring that is empty, or has no name, is called that" {
	export STRONGROOM_MASTER_KEY_FILE=$folder/ring
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	for part in init check rotate; do
		refused 2 "--key-file is empty" -- keys $part --key-file ''
	done
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = zeroblob(32)"
	strongroom keys init >/dev/null
	: >"$folder/ring"
	try keys check
	[ "$status" -ne 0 ]
	grep -q "is empty, without the master key" "$folder/out" "$folder/err"
}
