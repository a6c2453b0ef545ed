#!/usr/bin/env bats
# Backups written, verified and restored at the command line.
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add host >/dev/null
	mkdir tree
	for i in 1 2 3 4 5 6 7 8; do echo "$i" >"tree/$i"; done
	strongroom record --client host tree >/dev/null
	echo "correct horse" >"$folder/key"
}

teardown_more() {
	[ ! -d "$folder/small" ] || umount "$folder/small"
}

rows() {
	sqlite3 "$1" 'SELECT * FROM clients; SELECT * FROM files; SELECT * FROM file_versions' | sha256sum
}

@test "a backup has the catalog's rows and says what was verified" {
	try --json backup
	equal 0 "$status"
	path=$(jq -r .path "$folder/out")
	[[ $path =~ ^$STRONGROOM_DB'_backup_'[0-9]{8}_[0-9]{6}.db$ ]]
	equal "$(rows "$STRONGROOM_DB")" "$(rows "$path")"
	equal '[true,false,false,true]' "$(jq -c '[.verified, .compressed, .encrypted, .seconds > 0]' "$folder/out")"
	equal "$(stat -c %s "$path")" "$(jq .bytes "$folder/out")"
	equal 600 "$(stat -c %a "$path")"
	try backup named.db
	grep -q "^Verified: structure; .* rows of .* tables, each compared.$" "$folder/out"
	[ -f named.db ]
	refused 1 "named.db' exists already" -- backup named.db
	equal "$(json .version backup)" "$(json .version backup verify named.db)"
}

@test "zstd reads a compressed one" {
	path=$(json .path backup --compress | jq -r .)
	zstd -q -d "$path" -o plain.db
	equal "$(rows "$STRONGROOM_DB")" "$(rows plain.db)"
	equal true "$(json .compressed backup verify "$path")"
}

@test "an encrypted one needs its key, and shows nothing" {
	try backup --key-file "$folder/key" sealed
	equal 0 "$status"
	equal 0 "$(grep -c -a -e 'SQLite format' -e host sealed)"
	refused 1 "is encrypted" -- backup verify sealed
	# The bytes less a last newline.
	printf 'correct horse' >same
	equal true "$(json .encrypted backup verify sealed --key-file same)"
	printf 'correct horse\n\n' >other
	refused 1 "not the one it was encrypted with" -- backup verify sealed --key-file other
	: >empty
	refused 2 "is empty" -- backup --key-file empty
	echo >empty
	refused 2 "is empty" -- backup --key-file empty
	refused 1 "cannot read the key file" -- backup --key-file none
	refused 2 "--encrypt asks" -- backup --encrypt --key-file same
	equal "" "$(find . "$folder" -name '*.part' -o -name '*_backup_*')"
}

@test "what is damaged is unhealthy" {
	try backup --compress packed
	truncate -s -1 packed
	refused 3 "packed' is damaged: its end is missing" -- backup verify packed
	echo "nothing of the kind, but long enough for a header of some sort of database file" >text
	refused 3 "text" -- backup verify text
	refused 1 "none" -- backup verify none
}

@test "restore brings everything back, and keeps what was there" {
	before=$(rows "$STRONGROOM_DB")
	try backup --compress --key-file "$folder/key" packed
	strongroom client add later >/dev/null
	changed=$(rows "$STRONGROOM_DB")
	refused 2 "Replace the present catalog by packed" "--yes" -- restore packed --key-file "$folder/key"
	equal "$changed" "$(rows "$STRONGROOM_DB")"
	try --json --yes restore packed --key-file "$folder/key"
	equal 0 "$status"
	equal "$before" "$(rows "$STRONGROOM_DB")"
	equal "$changed" "$(rows "$(jq -r .kept "$folder/out")")"
	equal null "$(jq .set_aside "$folder/out")"
	# Missing: nothing to ask, nothing to keep.
	rm "$STRONGROOM_DB"
	try --json restore packed --key-file "$folder/key"
	equal 0 "$status"
	equal null "$(jq .kept "$folder/out")"
	equal "$before" "$(rows "$STRONGROOM_DB")"
	equal host "$(json '.[0].name' client list | jq -r .)"
}

@test "a damaged database is set aside with its log, unless somebody has it open" {
	before=$(rows "$STRONGROOM_DB")
	try backup saved.db
	head -c 20000 /dev/urandom >"$STRONGROOM_DB"
	exec 7<"$STRONGROOM_DB"
	refused 1 "still open in a process" -- --yes restore saved.db
	exec 7<&-
	try --yes restore saved.db
	equal 0 "$status"
	grep -q "^The damaged database: $STRONGROOM_DB"_damaged_ "$folder/out"
	equal "$before" "$(rows "$STRONGROOM_DB")"
	aside=("$STRONGROOM_DB"_damaged_*.db)
	equal 20000 "$(stat -c %s "${aside[0]}")"
	# The log of one that is gone must not be taken for the restored one's.
	rm "$STRONGROOM_DB" "${aside[0]}"
	echo old >"$STRONGROOM_DB-wal"
	exec 7<"$STRONGROOM_DB-wal"
	refused 1 "still open in a process" -- restore saved.db
	exec 7<&-
	try restore saved.db
	equal 0 "$status"
	equal "$before" "$(rows "$STRONGROOM_DB")"
	equal old "$(cat "$STRONGROOM_DB"_damaged_*.db-wal)"
}

@test "an old backup is upgraded, a backup put back by cp works" {
	old_database old.db 3
	try --yes restore old.db
	equal 0 "$status"
	grep -q "^The backup was of version 3, and is upgraded to " "$folder/out"
	try health
	equal 0 "$status"
	# The seed's way, as docs/BACKUP.md has it.
	path=$(json .path backup | jq -r .)
	strongroom client add later >/dev/null
	rm -f "$STRONGROOM_DB-wal" "$STRONGROOM_DB-shm"
	cp "$path" "$STRONGROOM_DB"
	equal "$(rows "$path")" "$(rows "$STRONGROOM_DB")"
	try client add another
	equal 0 "$status"
}
