# A disk that is full for real: every command says so, keeps what was there, and goes on when there
# is space again. Needs root, for the mount.

load common

setup_more() {
	small=$folder/small
	mkdir "$small"
	seq 2000 | sed 's/.*/{"original_path": "\/some\/folder\/file&.txt", "size": &, "stored": false}/' >many.jsonl
	seq 40000 | sed 's/.*/{"original_path": "\/other\/file&.jpg", "size": &, "stored": false}/' >more.jsonl
}

teardown_more() {
	mountpoint -q "$small" && umount "$small"
	true
}

# A file system of this size, with a catalog of 2000 files.
small_disk() {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	mount -t tmpfs -o "size=$1" none "$small" || skip "cannot mount here"
	export STRONGROOM_DB=$small/catalog.db
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	strongroom file import --client one many.jsonl >/dev/null
}

fill() {
	dd if=/dev/zero of="$small/filler" bs=4k 2>/dev/null || true
	[ "$(df --output=avail "$small" | tail -1)" -eq 0 ]
}

rows() {
	sqlite3 "$STRONGROOM_DB" "PRAGMA integrity_check; SELECT count(*) FROM files; SELECT Name FROM
		clients; SELECT max(version) FROM database_migrations"
}

# No space: status 1, words about it, the rows of before; with space again it is done.
full_then_free() {
	local before after
	before=$(rows)
	fill
	try "$@"
	cat "$folder/err"
	equal 1 "$status"
	grep -qiE 'space|bytes.*free' "$folder/err"
	rm "$small/filler"
	equal "$before" "$(rows)"
	equal "" "$(find "$small" -name '*.part*' -o -name '*.rehearsal*' -o -name '*-journal')"
	try "$@"
	cat "$folder/err"
	equal 0 "$status"
	after=$(rows)
	equal ok "${after%%$'\n'*}"
}

@test "saving on a full disk" {
	small_disk 6m
	full_then_free client add two
	full_then_free quota set one 5M
	full_then_free sql --write "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('2026-01-01', 'a', 1)"
}

@test "a batch that does not fit" {
	small_disk 6m
	before=$(rows)
	try file import --client one more.jsonl
	equal 1 "$status"
	grep -qi space "$folder/err"
	equal "$before" "$(rows)"
	# What is small enough still goes.
	try client add two
	equal 0 "$status"
	try health
	equal 0 "$status"
}

@test "recording until the disk is full" {
	small_disk 4m
	mkdir tree
	(cd tree && seq -f 'a-file-with-a-long-name-so-that-its-row-takes-space-%g' 9000 | xargs touch)
	try record --client one "$PWD/tree"
	equal 1 "$status"
	grep -qi space "$folder/err"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	try health
	equal 0 "$status"
	mount -o remount,size=64m "$small"
	try record --client one "$PWD/tree"
	equal 0 "$status"
	equal 11000 "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*) FROM files')"
}

@test "migrations on a full disk" {
	small_disk 16m
	try migrate down --to 12 --yes
	equal 0 "$status"
	full_then_free migrate up
	full_then_free migrate down --to 15 --yes
}

@test "upkeep on a full disk" {
	small_disk 8m
	full_then_free optimize
	full_then_free optimize --search-index --anew
	full_then_free backup "$small/copy.db"
}

@test "a full disk is told of by health, and the database backed up to another one" {
	small_disk 6m
	equal '[]' "$(json '[.findings[].code | select(. == "disk_full")]' health)"
	fill
	try health
	equal 0 "$status"
	grep -q '^warning: the file system of the database has 0.0 MB left' "$folder/out"
	try backup "$folder/elsewhere.db"
	cat "$folder/err"
	equal 0 "$status"
	equal 2000 "$(sqlite3 "$folder/elsewhere.db" 'SELECT count(*) FROM files')"
}

@test "a disk without inodes" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	mount -t tmpfs -o size=16m,nr_inodes=40 none "$small" || skip "cannot mount here"
	export STRONGROOM_DB=$small/catalog.db
	strongroom init >/dev/null
	equal '[]' "$(json '[.findings[].code | select(. == "inodes_used_up")]' health)"
	(cd "$small" && seq 60 | xargs -n 1 touch) 2>/dev/null || true
	equal 0 "$(df --output=iavail "$small" | tail -1 | tr -d ' ')"
	refused 1 "$STRONGROOM_DB" "no inode left" -- client add one
	refused 1 "no inode left" -- optimize
	equal '["inodes_used_up"]' "$(json '[.findings[].code | select(. == "inodes_used_up")]' health)"
	strongroom backup "$folder/elsewhere.db" >/dev/null
	[ -s "$folder/elsewhere.db" ]
	# One is enough for the log, and not for its index.
	rm "$small/1"
	refused 1 "no inode left" -- client add one
	rm "$small/2" "$small/3"
	strongroom client add one >/dev/null
	equal 1 "$(json length client list)"
}

@test "a limit of the size of files" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	before=$(rows)
	status=0
	(
		ulimit -f 600
		strongroom file import --client one more.jsonl
	) >/dev/null 2>err || status=$?
	equal 1 "$status"
	grep -q "File too large" err
	equal "$before" "$(rows)"
}

@test "a quota of the file system" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	truncate -s 200M image
	{ mkfs.btrfs -q image && mount -o loop image "$small"; } &>/dev/null || skip "no btrfs here"
	btrfs quota enable "$small"
	btrfs subvolume create "$small/limited" >/dev/null
	btrfs qgroup limit 4M "$small/limited"
	export STRONGROOM_DB=$small/limited/catalog.db
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	before=$(rows)
	try file import --client one more.jsonl
	cat "$folder/err"
	equal 1 "$status"
	grep -q "quota exceeded" "$folder/err"
	equal "$before" "$(rows)"
	btrfs qgroup limit none "$small/limited"
	try file import --client one more.jsonl
	equal 0 "$status"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
}

@test "a medium that becomes read-only" {
	small_disk 8m
	mount -o remount,ro "$small"
	for command in "client add two" "optimize" "migrate down --to 12 --yes" "quota set one 5M"; do
		try $command
		cat "$folder/err"
		equal 1 "$status"
		grep -qiE 'read-only|cannot be written|reading only' "$folder/err"
	done
	equal 2000 "$(strongroom search --plain --limit 5000 folder | wc -l)"
	# Nothing stays of what could not be begun.
	refused 1 "$small/new.db" -- salvage "$STRONGROOM_DB" "$small/new.db"
	equal 0 "$(grep -c warning "$folder/err")"
	equal '[]' "$(json '[.findings[].code | select(. == "disk_full")]' health)"
	mount -o remount,rw "$small"
	try client add two
	equal 0 "$status"
}

@test "a file of the database that is cut short under the program ends it with words" {
	strongroom init >/dev/null
	coproc sqlite3 "$STRONGROOM_DB"
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&"${COPROC[1]}"
	read -r line <&"${COPROC[0]}"
	equal held "$line"
	"$PROGRAM" client add one >/dev/null 2>err &
	waiting=$!
	until grep -q -- -shm "/proc/$waiting/maps"; do :; done
	kill -BUS $waiting
	status=0
	wait $waiting || status=$?
	equal 1 "$status"
	grep -q "was cut short by another program" err
	echo "ROLLBACK;" >&"${COPROC[1]}"
	try client add one
	equal 0 "$status"
}
