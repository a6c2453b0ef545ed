#!/usr/bin/env bats
# A client's key is destroyed: in the database, its log, free pages, and the backups that are told of;
# proven by a search of every byte. Everybody else's key is kept.
bats_require_minimum_version 1.5.0
load common

KEY=5ec2e75ec2e7a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718aabb
OTHER=0badcafe0badcafea1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718

setup_more() {
	export STRONGROOM_MASTER_KEY_FILE=$folder/keys/ring
	mkdir "$folder/keys" "$folder/backups"
	backups=$folder/backups
	echo "correct horse" >"$folder/passphrase"
	strongroom init >/dev/null
	for name in host other third; do strongroom client add "$name" >/dev/null; done
	strongroom sql --write "UPDATE clients SET AESKey = CASE Name WHEN 'host' THEN x'$KEY'
		WHEN 'other' THEN x'$OTHER' END" >/dev/null
	echo data >data
	strongroom record --client host data >/dev/null
	# Of before keys were wrapped.
	strongroom backup "$backups/early.db" >/dev/null
	strongroom backup --compress "$backups/early.zst" >/dev/null
	strongroom keys init >/dev/null
	strongroom backup "$backups" >/dev/null
	strongroom backup --compress "$backups" >/dev/null
	strongroom backup --key-file "$folder/passphrase" "$backups/sealed" >/dev/null
	strongroom backup --compress --key-file "$folder/passphrase" "$backups" >/dev/null
}

# The files below the test's folder that hold those bytes, given in hexadecimal. Not with grep, which
# knows lines.
holding() {
	python3 - "$1" "$folder" <<'PYTHON'
import pathlib, sys
wanted = bytes.fromhex(sys.argv[1])
for path in pathlib.Path(sys.argv[2]).rglob("*"):
    if path.is_file() and wanted in path.read_bytes():
        print(path)
PYTHON
}

# The same for a text.
holding_text() {
	grep -rlaF -- "$1" "$folder" || true
}

blob() {
	sqlite3 "$STRONGROOM_DB" "SELECT hex(AESKey) FROM clients WHERE Name = '$1'"
}

# Everything that was packed, as it is inside, in $folder/unpacked.
unpack_all() {
	local file
	rm -rf "$folder/unpacked"
	mkdir "$folder/unpacked"
	for file in "$backups"/*; do
		case $file in *_backup_made_*) continue ;; esac
		local to=$folder/unpacked/${file##*/}
		# No ring, and no upgrade to what was packed: only its bytes.
		"$PROGRAM" --db "$to" --yes restore "$file" --key-file "$folder/passphrase" >/dev/null
	done
}

@test "no byte of the key, of its wrapped form, or of the master key is left" {
	local wrapped master secret id file
	wrapped=$(blob host)
	master=$(tail -1 "$STRONGROOM_MASTER_KEY_FILE")
	secret=${master##* }
	[ "${#wrapped}" -eq 152 ]
	# They are found where they are, so that finding nothing means something.
	holding "$KEY" | grep -q "early.db$"
	holding "$wrapped" | grep -q "/catalog.db$"
	holding "$wrapped" | grep -q "/backups/.*\.db$"
	holding_text "$secret" | grep -q "/keys/ring$"
	# Another process keeps the log from going away.
	sqlite3 "$STRONGROOM_DB" "PRAGMA wal_autocheckpoint = 0; BEGIN IMMEDIATE; UPDATE clients SET
		AESKey = x'$KEY' WHERE Name = 'host'; ROLLBACK"
	try --json --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	cat "$folder/err"
	equal 0 "$status"
	equal '["host",1,1,6,1,[]]' "$(jq -c '[.deleted, .files, .rewrapped, (.backups | length), .forgotten, .left]' "$folder/out")"
	rm "$folder/out"
	equal "" "$(holding "$KEY")"
	equal "" "$(holding "$wrapped")"
	equal "" "$(holding_text "$secret")"
	equal "" "$(holding "$(base64 -d <<<"$secret" | od -An -v -tx1 | tr -d ' \n')")"
	# Nor in what is packed.
	unpack_all
	equal 6 "$(ls "$folder/unpacked" | grep -vc -e -shm -e -wal)"
	equal "" "$(holding "$KEY")"
	equal "" "$(holding "$wrapped")"
	for file in "$folder"/unpacked/*; do
		equal '[[true,3]]' "$(sqlite3 -json "$file" "SELECT json_group_array(json(v)) AS v FROM (SELECT json_array(
			json(iif((SELECT AESKey FROM clients WHERE Name = 'host') IS NULL, 'true', 'false')),
			(SELECT count(*) FROM clients)) AS v)" | jq -c '.[0].v | fromjson')"
		equal ok "$(sqlite3 "$file" 'PRAGMA integrity_check')"
	done
	equal 2 "$(json length client list)"
}

@test "every other key is kept, in the catalog and in each backup" {
	try --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 0 "$status"
	equal 1 "$(grep -vc '^#' "$STRONGROOM_MASTER_KEY_FILE")"
	equal '[1,0]' "$(json '[.checked, .unreadable]' keys check)"
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
	for file in "$backups"/*; do
		case $file in *_backup_made_*) continue ;; esac
		strongroom --yes restore "$file" --key-file "$folder/passphrase" >/dev/null
		equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
		equal null "$(json '.[0].aes_key' --yes keys export host)"
		equal 1 "$(json length file list host)"
	done
}

@test "a backup that somebody has open as a database is left alone" {
	coproc sqlite3 "$backups/early.db"
	echo "SELECT 'open' FROM clients LIMIT 1;" >&"${COPROC[1]}"
	read -r line <&"${COPROC[0]}"
	equal open "$line"
	holder=$COPROC_PID
	local before
	before=$(blob host)
	refused 1 "early.db' is in use as a database, by process $holder" -- \
		--yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 3 "$(json length client list)"
	# Before anything was destroyed.
	equal "$before" "$(blob host)"
	equal 1 "$(grep -vc '^#' "$STRONGROOM_MASTER_KEY_FILE")"
	echo ".quit" >&"${COPROC[1]}"
	wait "$holder" || true
	try --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 0 "$status"
}

@test "backups elsewhere are listed, and nothing is done without a yes" {
	strongroom backup elsewhere.db >/dev/null
	local before
	before=$(sha256sum "$backups"/* elsewhere.db "$STRONGROOM_MASTER_KEY_FILE")
	refused 2 --yes -- client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	grep -q "$PWD/elsewhere.db" "$folder/err"
	equal "$before" "$(sha256sum "$backups"/* elsewhere.db "$STRONGROOM_MASTER_KEY_FILE")"
	equal 3 "$(json length client list)"
	try --json --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 0 "$status"
	equal "[\"$PWD/elsewhere.db\"]" "$(jq -c '[.left[].path]' "$folder/out")"
	# What that meant for it.
	strongroom --yes restore elsewhere.db >/dev/null
	try --json keys check
	equal 3 "$status"
	equal '[2,2]' "$(jq -c '[.checked, .unreadable]' "$folder/out")"
}

@test "what cannot be opened or is wrong is told before anything is changed" {
	local before
	before=$(sha256sum "$backups"/* "$STRONGROOM_MASTER_KEY_FILE")
	refused 1 "is encrypted" -- --yes client delete host --shred --backups "$backups"
	echo wrong >wrong
	refused 1 "not the one it was encrypted with" -- --yes client delete host --shred --backups "$backups" \
		--passphrase-file wrong
	refused 1 "cannot be reached" "$folder/none" -- --yes client delete host --shred --backups "$folder/none"
	refused 2 "no folder" -- --yes client delete host --shred --backups "$folder/passphrase"
	refused 2 "go with --shred" -- client delete host --backups "$backups"
	refused 1 "no client" -- --yes client delete nobody --shred
	head -c 5000 "$backups/early.db" >"$backups/cut.db"
	refused 1 "cut.db is damaged" "; delete it, or move it elsewhere" -- --yes client delete host --shred \
		--backups "$backups" --passphrase-file "$folder/passphrase"
	rm "$backups/cut.db"
	equal "$before" "$(sha256sum "$backups"/* "$STRONGROOM_MASTER_KEY_FILE")"
	equal '[2,0]' "$(json '[.checked, .unreadable]' keys check)"
	# Where keys are not wrapped there is no master key to destroy.
	strongroom --yes keys unwrap >/dev/null
	refused 2 "keys init" -- --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
}

@test "other files in the folder stay as they are" {
	echo text >"$backups/notes.txt"
	echo text | zstd -q >"$backups/notes.zst"
	sqlite3 "$backups/foreign.db" "CREATE TABLE t(a); INSERT INTO t VALUES (1)"
	ln -s "$folder/passphrase" "$backups/link"
	mkdir "$backups/below"
	local before
	before=$(cd "$backups" && sha256sum notes.txt notes.zst foreign.db && readlink link)
	try --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	cat "$folder/err"
	equal 0 "$status"
	equal "$before" "$(cd "$backups" && sha256sum notes.txt notes.zst foreign.db && readlink link)"
	# What was not looked into is told.
	grep -q "not looked into.*/backups/below" "$folder/err"
	grep -q "not looked into.*/backups/link" "$folder/err"
	grep -q "not looked into.*/backups/foreign.db" "$folder/err"
	grep -q "not looked into.*/backups/notes.zst" "$folder/err"
}

@test "files that are taken for no backups are named, but for those of the program itself" {
	gzip -c "$backups/early.db" >"$backups/early.db.gz"
	tar -C "$backups" -cf "$backups/all.tar" early.db
	sqlite3 "$backups/early.db" .dump >"$backups/early.dump"
	{ echo before && cat "$backups/early.db"; } >"$backups/shifted.db"
	# In the form of a backup, and with no catalog in it.
	sqlite3 "$backups/early.db" .dump | zstd -q >"$backups/dump.zst"
	zstd -qc "$backups/early.zst" >"$backups/twice.zst"
	sqlite3 "$backups/foreign.db" "CREATE TABLE kept (key); INSERT INTO kept VALUES (x'$KEY')"
	cp "$backups/early.dump" "$backups/more.db_backup_20260101_000000.db.4194302.part"
	cp "$backups/early.dump" "$backups/early.dump.4194302.part"
	cp "$backups/early.dump" "$backups/gone.db-shm"
	# What can hold no key is not told: nothing, and the index of a log.
	: >"$backups/empty"
	: >"$backups/early.db-wal"
	head -c 32768 /dev/zero >"$backups/early.db-shm"
	mv "$STRONGROOM_MASTER_KEY_FILE" "$backups/ring"
	export STRONGROOM_MASTER_KEY_FILE=$backups/ring
	try --json --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	cat "$folder/err"
	equal 0 "$status"
	equal "$(printf '%s\n' all.tar dump.zst early.db.gz early.dump early.dump.4194302.part foreign.db gone.db-shm \
		more.db_backup_20260101_000000.db.4194302.part shifted.db twice.zst)" \
		"$(jq -r '[.passed_over[] | sub(".*/"; "")] | sort | .[]' "$folder/out")"
	equal 10 "$(grep -c "not looked into" "$folder/err")"
	ls "$backups" | grep -q _backup_made_
}

@test "a backup keeps its mode and its time, and rotation still knows it" {
	touch -d '2026-01-01T00:00:00Z' "$backups/sealed"
	chmod 640 "$backups/sealed"
	strongroom --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase" >/dev/null
	equal "640 1767225600" "$(stat -c '%a %Y' "$backups/sealed")"
	equal 3 "$(json '.kept + .removed' backup "$backups" --keep-last 1 --dry-run)"
}

@test "killed at any moment, the same again finishes it, and nobody else's key is lost" {
	local round found=0
	cp -a "$folder" "$folder.whole"
	for round in $(seq 12); do
		rm -rf "${folder:?}"/{catalog.db*,keys,backups}
		cp -a "$folder.whole"/{catalog.db,keys,backups} "$folder/"
		"$PROGRAM" --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase" \
			>/dev/null 2>&1 &
		pid=$!
		sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || found=$((found + 1))
		equal 0 "$(json .unreadable keys check)"
		equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
		[ "$(json length client list)" -eq 2 ] || {
			try --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
			cat "$folder/err"
			equal 0 "$status"
		}
		equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
		equal "" "$(holding "$KEY" | grep -v -e /out$ -e /err$)"
		strongroom --yes restore "$backups/sealed" --key-file "$folder/passphrase" >/dev/null
		equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
	done
	rm -rf "$folder.whole"
	[ "$found" -gt 0 ]
}

shred() {
	"$PROGRAM" --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase" "$@"
}

# Kills the shredding in the moment in which one of its parts in the folder is called like that.
kill_while() {
	"$PROGRAM" --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase" \
		>/dev/null 2>&1 &
	pid=$!
	python3 - "$pid" "$1" "$2" <<'PYTHON'
import fnmatch, os, signal, sys
pid, folder, pattern = int(sys.argv[1]), sys.argv[2], sys.argv[3]
while not any(fnmatch.fnmatch(name, pattern) for name in os.listdir(folder)):
    os.kill(pid, 0)
os.kill(pid, signal.SIGKILL)
PYTHON
	wait "$pid" 2>/dev/null || true
}

@test "what a killed one leaves unpacked is gone after the next" {
	sqlite3 "$STRONGROOM_DB" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO clients (ID, Name, LastSeen) SELECT randomblob(16), hex(randomblob(100)), '2026-01-01' FROM n"
	rm "$backups"/*
	strongroom backup --key-file "$folder/passphrase" "$backups" >/dev/null
	kill_while "$folder" 'catalog.db_backup_*.part.*.part'
	ls "$folder" | grep -q '\.part\.[0-9]*\.part$'
	# What SQLite would have left there, had it been in another moment, and of a living process.
	echo journal >"$folder/catalog.db_backup_20260101_000000.db.4194302.part.4194302.part-journal"
	shred >/dev/null
	equal "" "$(find "$folder" -name '*.part*')"
}

@test "what a killed rehearsal leaves is gone after the next" {
	local id=0123456789abcdef0123456789abcdef stays
	# With the key as it was before keys were wrapped.
	for place in "$folder" "$backups"; do
		sqlite3 "$backups/early.db" "VACUUM INTO '$place/catalog.db.rehearsal.4194302.$id'"
		cp "$backups/early.db" "$place/catalog.db.rehearsal.4194302.$id-wal"
	done
	stays=$folder/other.db.rehearsal.4194302.$id
	echo precious >"$stays"
	shred >/dev/null
	equal "$stays" "$(find "$folder" -name '*.rehearsal.*')"
	equal "" "$(holding "$KEY")"
}

@test "what looks like a part and is none of this database stays" {
	echo precious >"$backups/thesis.4194302.part"
	echo precious >"$backups/movie.part1.4194301.part"
	echo precious >"$backups/foo.1.part"
	sqlite3 "$backups/more.db_backup_20260101_000000.db.4194302.part" "CREATE TABLE t(a)"
	local before
	before=$(sha256sum "$backups"/*.part)
	shred >/dev/null
	equal "$before" "$(sha256sum "$backups"/*.part)"
}

@test "an unfinished backup that may be anybody's is named before anything is changed" {
	local before part
	# Of: backup FILE.
	for part in "$backups/mine.4194302.part" "$folder/mine.4194302.part"; do
		sqlite3 "$backups/early.db" "VACUUM INTO '$part'"
		before=$(sha256sum "$backups"/* "$STRONGROOM_MASTER_KEY_FILE")
		refused 1 "$part" "remove it" -- --yes client delete host --shred --backups "$backups" \
			--passphrase-file "$folder/passphrase"
		equal "$before" "$(sha256sum "$backups"/* "$STRONGROOM_MASTER_KEY_FILE")"
		rm "$part"
	done
	shred >/dev/null
}

@test "a master key that somebody's unreadable key may need is not destroyed" {
	local ring before
	ring=$(sha256sum "$STRONGROOM_MASTER_KEY_FILE")
	sqlite3 "$STRONGROOM_DB" "CREATE TABLE was AS SELECT ID FROM clients WHERE Name = 'other';
		UPDATE clients SET ID = randomblob(16) WHERE Name = 'other'"
	refused 1 "1 AES key" "keys check" -- --yes client delete host --shred --backups "$backups" \
		--passphrase-file "$folder/passphrase"
	equal "$ring" "$(sha256sum "$STRONGROOM_MASTER_KEY_FILE")"
	equal 3 "$(json length client list)"
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET ID = (SELECT ID FROM was) WHERE Name = 'other'; DROP TABLE was"
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
	# In a backup likewise.
	before=$(ls "$backups"/catalog.db_backup_*.db)
	sqlite3 "$before" "UPDATE clients SET ID = randomblob(16) WHERE Name = 'other'"
	refused 1 "$before" "cannot be opened" -- --yes client delete host --shred --backups "$backups" \
		--passphrase-file "$folder/passphrase"
	equal "$ring" "$(sha256sum "$STRONGROOM_MASTER_KEY_FILE")"
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
	# Where the ring has no master key for it, nothing is lost with the ones that it has.
	sqlite3 "$before" "UPDATE clients SET AESKey = CAST(substr(AESKey, 1, 8) || zeroblob(8) || substr(AESKey, 17) AS BLOB)
		WHERE Name = 'other'"
	shred >/dev/null
	equal 1 "$(grep -vc '^#' "$STRONGROOM_MASTER_KEY_FILE")"
	# The client's own does not matter.
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'third'"
	strongroom client update other --name another >/dev/null
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET ID = randomblob(16) WHERE Name = 'third'"
	strongroom --yes client delete third --shred --backups "$backups" --passphrase-file "$folder/passphrase" >/dev/null
}

@test "a part of a killed process whose number is another's by now stops nothing" {
	local part number
	for number in 1 $$ $PPID; do
		part=$backups/catalog.db_backup_20260101_000000.db.$number.part
		sqlite3 "$backups/early.db" "VACUUM INTO '$part'"
	done
	shred >/dev/null
	equal "" "$(find "$backups" -name '*.part')"
}

@test "the key ring may lie among the backups" {
	mv "$STRONGROOM_MASTER_KEY_FILE" "$backups/ring"
	export STRONGROOM_MASTER_KEY_FILE=$backups/ring
	shred >/dev/null
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
}

@test "backups elsewhere with plain keys are named, ten at most" {
	local i
	mkdir "$folder/plain"
	for i in $(seq 12); do cp "$backups/early.db" "$folder/plain/catalog.db_backup_202601$(printf %02d "$i")_000000.db"; done
	strongroom --yes keys unwrap >/dev/null
	strongroom backup "$folder/plain/catalog.db_backup_20260120_000000.db" >/dev/null
	strongroom keys init >/dev/null
	refused 2 "13 known backups elsewhere" "and 3 more" -- client delete host --shred --backups "$backups" \
		--passphrase-file "$folder/passphrase"
	equal 10 "$(grep -c "plain/catalog.db_backup_" "$folder/err")"
	rm "$folder"/plain/catalog.db_backup_202601[01]*
	refused 2 "1 known backup elsewhere" "plain/catalog.db_backup_20260120" -- client delete host --shred \
		--backups "$backups" --passphrase-file "$folder/passphrase"
	run ! grep -q " more$" "$folder/err"
}

@test "a backup that has another name elsewhere is told of" {
	mkdir "$folder/snapshot"
	ln "$backups/early.db" "$folder/snapshot"
	try client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase" --yes
	equal 0 "$status"
	grep -qF "$backups/early.db' until now has 1 other name (hard link)" "$folder/err"
	equal 1 "$(grep -c 'hard link' "$folder/err")"
	equal "$folder/snapshot/early.db" "$(holding $KEY)"
}

@test "a client that was deleted before is shredded in backups by its id, which its namesake's shredding tells" {
	local id before
	id=$(json .id client show host | tr -d '"')
	strongroom --yes client delete host >/dev/null
	strongroom client add host >/dev/null
	try --json --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 0 "$status"
	equal "[\"$id\"]" "$(jq -c .namesakes "$folder/out")"
	grep -q "another client host, which was deleted.* $id" "$folder/err"
	holding "$KEY" | grep -q "early.db$"
	# Neither a name nor an id that is nowhere changes anything.
	before=$(sha256sum "$backups"/* "$STRONGROOM_DB" "$STRONGROOM_MASTER_KEY_FILE")
	refused 1 "no client named" "by its id" -- --yes client delete host --shred --backups "$backups" \
		--passphrase-file "$folder/passphrase"
	refused 1 "neither in the catalog nor in a backup" -- --yes client delete "${id//[0-9]/a}" --shred \
		--backups "$backups" --passphrase-file "$folder/passphrase"
	refused 1 "neither in the catalog nor in a backup" -- --yes client delete "$id" --shred
	equal "$before" "$(sha256sum "$backups"/* "$STRONGROOM_DB" "$STRONGROOM_MASTER_KEY_FILE")"
	try --json --yes client delete "$id" --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	cat "$folder/err"
	equal 0 "$status"
	equal "[\"$id\",0,1,6,1,[]]" "$(jq -c '[.deleted, .files, .rewrapped, (.backups | length), .forgotten, .namesakes]' "$folder/out")"
	rm "$folder/out"
	unpack_all
	equal "" "$(holding "$KEY")"
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
	strongroom --yes restore "$backups/sealed" --key-file "$folder/passphrase" >/dev/null
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
	equal null "$(json '.[0].aes_key' --yes keys export host)"
}

@test "a client that was called so before, and is there, is no namesake" {
	strongroom client update other --name renamed >/dev/null
	strongroom client add other >/dev/null
	try --json --yes client delete other --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 0 "$status"
	equal '[]' "$(jq -c .namesakes "$folder/out")"
	run ! grep -q "another client" "$folder/err"
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export renamed)"
}

@test "a text in the folder that the program's own output goes to is no database" {
	echo "a line of before" >"$backups/cron.log"
	echo "a line of before" >"$backups/notes"
	shred >>"$backups/cron.log" 2>&1 3<>"$backups/notes"
	grep -q "not looked into.*/cron.log" "$backups/cron.log"
	grep -q "not looked into.*/notes" "$backups/cron.log"
	grep -q "^backups rewritten *6" "$backups/cron.log"
}

@test "keys in a backup that no master key opens are counted, in one warning" {
	local backup
	backup=$(ls "$backups"/catalog.db_backup_*.db)
	sqlite3 "$backup" "UPDATE clients SET AESKey = (SELECT CAST(substr(AESKey, 1, 8) || zeroblob(8)
		|| substr(AESKey, 17) AS BLOB) FROM clients WHERE Name = 'other') WHERE Name <> 'host'"
	try --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	equal 0 "$status"
	equal 1 "$(grep -c "that no master key" "$folder/err")"
	grep -q "$backup' has 2 AES keys that no master key in the ring opens: they stay as they were" "$folder/err"
	run ! grep -q "other" "$folder/err"
}

@test "a damaged key in a backup is found before anything is changed" {
	local backup whole damage before
	backup=$(ls "$backups"/catalog.db_backup_*.db)
	whole=$(sqlite3 "$backup" "SELECT hex(AESKey) FROM clients WHERE Name = 'other'")
	# The first byte, and the last.
	for damage in "00${whole:2}" "${whole:0:-2}$(printf %02X $((0x${whole: -2} ^ 1)))"; do
		sqlite3 "$backup" "UPDATE clients SET AESKey = x'$damage' WHERE Name = 'other'"
		before=$(sha256sum "$backups"/* "$STRONGROOM_MASTER_KEY_FILE" && blob host && blob other)
		refused 1 "$backup': 1 AES key in it cannot be opened" "; delete it, or move it elsewhere" -- \
			--yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
		equal "$before" "$(sha256sum "$backups"/* "$STRONGROOM_MASTER_KEY_FILE" && blob host && blob other)"
	done
	# The client's own does not matter.
	sqlite3 "$backup" "UPDATE clients SET AESKey = x'$whole' WHERE Name = 'other';
		UPDATE clients SET AESKey = CAST(x'00' || substr(AESKey, 2) AS BLOB) WHERE Name = 'host'"
	shred >/dev/null
	strongroom --yes restore "$backup" >/dev/null
	equal "\"$OTHER\"" "$(json '.[0].aes_key' --yes keys export other)"
}

@test "backups from before clients had keys stay as they are" {
	local before
	old_database "$backups/first.db" 0
	sqlite3 "$backups/first.db" "ALTER TABLE clients DROP COLUMN AESKey"
	sqlite3 "$backups/legacy.db" "CREATE TABLE clients (ID BLOB(16) PRIMARY KEY, Name TEXT UNIQUE NOT NULL);
		CREATE TABLE files (FileName TEXT, PathName TEXT); INSERT INTO clients VALUES (zeroblob(16), 'host')"
	# Which may be anybody's.
	sqlite3 "$backups/files.db" "CREATE TABLE files (FileName TEXT, PathName TEXT)"
	before=$(sha256sum "$backups"/{first,legacy,files}.db)
	try --json --yes client delete host --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	cat "$folder/err"
	equal 0 "$status"
	equal "$before" "$(sha256sum "$backups"/{first,legacy,files}.db)"
	equal "[6,[\"$backups/files.db\"]]" "$(jq -c '[(.backups | length), .passed_over]' "$folder/out")"
}

@test "namesakes are those whose names agree to the end, also behind a NUL" {
	local one=11111111111111111111111111111111 short=22222222222222222222222222222222
	local now=33333333333333333333333333333333
	sqlite3 "$STRONGROOM_DB" "INSERT INTO clients (ID, Name, LastSeen, AESKey) VALUES
		(x'$one', CAST('twin' || char(0) || 'one' AS BLOB), '2026-01-01', x'$KEY'),
		(x'$short', 'twin', '2026-01-01', x'$OTHER')"
	strongroom backup "$backups" >/dev/null
	for id in "$one" "$short"; do strongroom --yes client delete "$id" >/dev/null; done
	# Which old code writes as a text.
	sqlite3 "$STRONGROOM_DB" "INSERT INTO clients (ID, Name, LastSeen) VALUES
		(x'$now', 'twin' || char(0) || 'one', '2026-01-01')"
	try --json --yes client delete "$now" --shred --backups "$backups" --passphrase-file "$folder/passphrase"
	cat "$folder/err"
	equal 0 "$status"
	equal "[\"$one\"]" "$(jq -c .namesakes "$folder/out")"
}
