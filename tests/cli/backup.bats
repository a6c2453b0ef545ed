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
	try backup lacking
	sqlite3 lacking 'DROP TRIGGER trg_client_quotas_warn; DROP TABLE clients'
	refused 3 "lacking' is damaged: its schema is of version 19, and it has no table clients" -- backup verify lacking
	refused 1 "no table clients" -- --yes restore lacking
	strongroom client list >/dev/null
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

@test "databases that are set aside within one second have names of their own" {
	try backup saved.db
	for text in one two three; do
		echo "$text, and no database" >"$STRONGROOM_DB"
		try --yes restore saved.db
		equal 0 "$status"
	done
	equal 3 "$(cat "$STRONGROOM_DB"_damaged_*.db | grep -c 'and no database')"
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

@test "keep rules remove what this command has made, and nothing else" {
	mkdir b
	for i in 1 2 3 4; do try backup b; done
	touch b/catalog.db_backup_20200101_000000.db b/catalog.db_backup_20200102_000000.db.zst
	refused 2 "give one" -- backup b --dry-run
	equal '[2,2]' "$(json '[.kept, .removed]' backup b --dry-run --keep-last 2)"
	equal 4 "$(find b -name 'catalog.db_backup_2*.db' -newer tree/8 -size +0 | wc -l)"
	try backup b --keep-last 2
	equal 0 "$status"
	grep -q "^Rotated: 2 kept, 3 removed" "$folder/out"
	equal 2 "$(find b -name 'catalog.db_backup_2*.db' -size +0 | wc -l)"
	[ -f b/catalog.db_backup_20200101_000000.db ]
	[ -f b/catalog.db_backup_20200102_000000.db.zst ]
	# The newest is always the one just made, also within a second.
	path=$(json .path backup b --keep-last 1 | jq -r .)
	equal "$(realpath "$path")" "$(realpath b/catalog.db_backup_20[2-9][1-9]*.db)"
	# What others write into the list is not believed.
	echo precious >precious
	printf '../precious\nprecious\ncatalog.db_backup_20200101_000000.db/../../precious\n' >>b/catalog.db_backup_made_*
	ln -s ../precious b/catalog.db_backup_20210101_000000.db
	echo catalog.db_backup_20210101_000000.db >>b/catalog.db_backup_made_*
	try backup b --keep-last 1
	equal precious "$(cat precious)"
	[ -L b/catalog.db_backup_20210101_000000.db ]
	# An empty file under a name of ours is neither kept for a backup nor removed.
	path=$(json .path backup b | jq -r .)
	: >"$path"
	try backup b --keep-last 1
	grep -q "^Rotated: 1 kept, 1 removed" "$folder/out"
	[ -f "$path" ]
	# Nor is a backup of another catalog of that name.
	mkdir other
	strongroom --db other/catalog.db init >/dev/null
	theirs=$(strongroom --db other/catalog.db backup b --json | jq -r .path)
	try backup b --keep-last 1
	[ -s "$theirs" ]
	path=b
	refused 2 "--keep-daily 'seven'" -- backup b --keep-daily seven
	refused 2 "verify" -- backup verify "$path" --keep-last 1
}

@test "a passphrase is asked for twice and not shown" {
	export TYPE_AFTER="Passphrase for the backup: "
	timeout 60 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 $'secret words\nsecret words\n' \
		"$PROGRAM" backup --encrypt sealed >shown
	equal 0 "$(grep -c "secret words" shown)"
	printf 'secret words' >key
	equal true "$(json .encrypted backup verify sealed --key-file key)"
	TYPE_AFTER="Passphrase of the backup: "
	timeout 60 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 $'secret words\n' \
		"$PROGRAM" --yes restore sealed >shown
	equal 0 "$(grep -c "secret words" shown)"
	# Two that differ are asked for anew; Ctrl-C leaves nothing, and the terminal as it was.
	TYPE_AFTER="Passphrase for the backup: "
	timeout 60 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 $'one\ntwo\nthree\nthree\n' \
		"$PROGRAM" backup --encrypt second >shown
	grep -q "They differ" shown
	printf 'three' >key
	equal true "$(json .encrypted backup verify second --key-file key)"
	status=0
	timeout 60 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 $'one\x03' \
		"$PROGRAM" backup --encrypt third >shown || status=$?
	equal 1 "$status"
	grep -q "no passphrase was given" shown
	[ ! -e third ]
	# Without a terminal it is an error, not a wait.
	status=0
	setsid -w "$PROGRAM" backup --encrypt third >out 2>&1 </dev/null || status=$?
	equal 2 "$status"
	grep -q -e "--key-file" out
}

@test "a full disk leaves no backup, and the catalog as it was" {
	mkdir "$folder/small"
	mount -t tmpfs -o size=1400k none "$folder/small" || {
		rmdir "$folder/small"
		skip "cannot mount here"
	}
	sqlite3 "$STRONGROOM_DB" "CREATE TABLE more (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL
		SELECT i + 1 FROM n WHERE i < 300) INSERT INTO more SELECT randomblob(8000) FROM n"
	before=$(rows "$STRONGROOM_DB")
	refused 1 "$folder/small" "bytes, and" "are free" -- backup "$folder/small"
	# How large packed ones become is not known before.
	refused 1 "$folder/small" "space" -- backup --compress "$folder/small"
	refused 1 "$folder/small" "space" -- backup --key-file "$folder/key" "$folder/small/b"
	equal "" "$(ls "$folder/small")"
	equal "" "$(find "$folder" -name '*.part*')"
	try backup big.db
	# Restoring into a full folder touches nothing.
	cp tree/1 "$folder/small/x"
	export STRONGROOM_DB=$folder/small/catalog.db
	try init
	other=$(rows "$STRONGROOM_DB")
	refused 1 "$folder/small" "are free" -- --yes restore big.db
	sqlite3 "$folder/catalog.db" "UPDATE more SET a = zeroblob(8000)"
	try backup --db "$folder/catalog.db" --compress packed
	refused 1 "space" -- --yes restore packed
	equal "$other" "$(rows "$STRONGROOM_DB")"
	equal "$before" "$(rows "$folder/catalog.db")"
	equal "" "$(find "$folder/small" -name '*.part*' -o -name '*_backup_*')"
}
