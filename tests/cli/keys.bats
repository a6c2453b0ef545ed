#!/usr/bin/env bats
# strongroom keys: clients' AES keys wrapped, shown, checked, exported, made plain again
bats_require_minimum_version 1.5.0
load common

KEY=5ec2e75ec2e7a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718aabb

setup_more() {
	strongroom init >/dev/null
	strongroom client add host >/dev/null
	strongroom client add other >/dev/null
	strongroom sql --write "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'host'" >/dev/null
	ring=$folder/master.keys
}

# Every file but the ring, searched for a part of the key.
has_plain() {
	LC_ALL=C grep -rlaP '\x5e\xc2\xe7\x5e\xc2\xe7\xa1\xb2' "$folder" --exclude=master.keys
}

@test "init wraps all keys under a new ring, and leaves no plain byte" {
	has_plain
	equal '[true,true,1,true,null]' \
		"$(json '[.ring_made, .begun, .changed, .cleaned, .why]' keys init --key-file "$ring")"
	run ! has_plain
	equal 600 "$(stat -c %a "$ring")"
	grep -q "^$(json .masters[0].id keys status | tr -d '"') 20..-..-..T..:..:..Z [A-Za-z0-9+/]*=$" "$ring"
	strongroom backup >/dev/null
	run ! has_plain
	equal '[false,false,0,true]' \
		"$(json '[.ring_made, .begun, .changed, .cleaned]' keys init --key-file "$ring")"
}

@test "init says where the ring is to be, and keeps to what there is" {
	refused 2 --key-file STRONGROOM_MASTER_KEY_FILE -- keys init
	echo hello >"$ring"
	chmod 600 "$ring"
	refused 2 'line 1' "$ring" -- keys init --key-file "$ring"
	equal hello "$(cat "$ring")"
	chmod 640 "$ring"
	refused 1 0640 'chmod 600' -- keys init --key-file "$ring"
	ln -s "$ring" link
	refused 1 link -- keys init --key-file link
	refused 2 'database itself' -- keys init --key-file "$STRONGROOM_DB"
	equal '[false,0,1,1]' "$(json '[.wrapping, .wrapped, .plain, .without]' keys status)"
	STRONGROOM_AES_KEYS=plain refused 2 STRONGROOM_AES_KEYS -- keys init --key-file new
	[ ! -e new ]
}

@test "status tells how keys are kept" {
	strongroom keys status >"$folder/out"
	grep -q '^keys are *plain$' "$folder/out"
	grep -q '^the ring *none is set$' "$folder/out"
	strongroom keys init --key-file "$ring" >/dev/null
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom keys status >"$folder/out"
	grep -q '^keys are *wrapped$' "$folder/out"
	grep -q '^the ring *read$' "$folder/out"
	equal '["wrapped",true,false,1,0,1,true,null,1]' "$(json \
		'[.state, .wrapping, .keep_plain, .wrapped, .plain, .without, .ring_read, .ring_says, (.masters | length)]' keys status)"
	equal '[true,true,1]' "$(json '.masters[0] | [.current, .in_ring, .clients]' keys status)"
	equal state,wrapped,plain,without,current,since,ring,ring_state,cleaned \
		"$(strongroom keys status --csv | head -1 | tr -d '\r')"
	equal 1 "$(strongroom keys status --plain | wc -l)"
	rm "$ring"
	try keys status
	equal 0 "$status"
	grep -q 'no key ring' "$folder/err"
	# The database of an older version has keys too.
	strongroom keys status --json >/dev/null
	old_database "$folder/old.db" 3
	equal '["plain",0]' "$(json '[.state, .wrapped]' keys status --db "$folder/old.db")"
}

@test "what another program writes is wrapped by the next write" {
	strongroom keys init --key-file "$ring" >/dev/null
	export STRONGROOM_MASTER_KEY_FILE=$ring
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'other'"
	equal '["mixed",1,1]' "$(json '[.state, .wrapped, .plain]' keys status)"
	strongroom keys status 2>&1 >/dev/null | grep -q '1 key is plain'
	strongroom client add third >/dev/null
	equal '["wrapped",2,0]' "$(json '[.state, .wrapped, .plain]' keys status)"
	equal "$KEY" "$(json '.[0].aes_key' keys export other --yes | tr -d '"')"
	# Also by a statement of one's own.
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'third'"
	strongroom sql --write "UPDATE clients SET LastSeen = '2026-01-01' WHERE Name = 'host'" >/dev/null
	equal '["wrapped",3,0]' "$(json '[.state, .wrapped, .plain]' keys status)"
	strongroom sql --write "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'third'" >/dev/null
	equal '["wrapped",3,0]' "$(json '[.state, .wrapped, .plain]' keys status)"
	equal "$KEY" "$(json '.[0].aes_key' keys export third --yes | tr -d '"')"
}

@test "a way down past the wrapping of keys says that it ends" {
	strongroom migrate down --to 18 --yes 2>"$folder/err" >/dev/null
	run ! grep -q 'keys init' "$folder/err"
	strongroom migrate up >/dev/null
	strongroom keys init --key-file "$ring" >/dev/null
	strongroom sql --write "UPDATE clients SET AESKey = NULL" >/dev/null
	strongroom migrate down --to 18 --yes 2>"$folder/err" >/dev/null
	grep -q 'going up again does not begin that anew: strongroom keys init' "$folder/err"
}

@test "commands that show no keys need no ring" {
	mkdir tree
	echo x >tree/x
	strongroom keys init --key-file "$ring" >/dev/null
	rm "$ring"
	strongroom client list | grep -q host
	strongroom client show host | grep -q host
	strongroom client update host --last-seen 2026-01-31 >/dev/null
	strongroom record --client host tree >/dev/null
	strongroom prune --client host --keep-last 1 --yes >/dev/null
	strongroom search x | grep -q tree/x
	printf 'name,last_seen\nhost,2026-02-01\nfresh,2026-02-01\n' >list.csv
	strongroom client import list.csv >/dev/null
	strongroom health >/dev/null || [ $? -eq 3 ]
	equal '[1,0]' "$(json '[.wrapped, .plain]' keys status)"
}

@test "check names each client whose key cannot be read" {
	strongroom keys init --key-file "$ring" >/dev/null
	strongroom keys check --key-file "$ring" | grep -q '^1 wrapped key, readable.$'
	equal '{"faults":[],"checked":1,"unreadable":0}' "$(json . keys check --key-file "$ring")"
	try keys check
	equal 3 "$status"
	grep -q 'host .*wrong key .*STRONGROOM_MASTER_KEY_FILE' "$folder/out"
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = AESKey || x'00' WHERE Name = 'host'"
	try keys check --key-file "$ring" --json
	equal 3 "$status"
	equal '["host","corrupt",1]' "$(jq -c '[.faults[0].client, .faults[0].status, .unreadable]' "$folder/out")"
	try keys check --key-file "$ring" --csv
	equal id,client,status,message "$(head -1 "$folder/out" | tr -d '\r')"
	try keys check --key-file "$ring" --plain
	equal 4 "$(tr '\t' '\n' <"$folder/out" | wc -l)"
	# As wide as terminals are, the reason is there to its end.
	timeout 60 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 "" "$PROGRAM" keys check --key-file "$ring" \
		>"$folder/out" || [ $? -eq 3 ]
	grep -q "it was changed, or is another client's: master key [0-9a-f]* does not open it" "$folder/out"
	try keys rotate --key-file "$ring"
	grep -q '1 key could not be opened, and stays as it was: .* names it$' "$folder/err"
}

@test "check looks at the ring where no key is wrapped yet" {
	strongroom keys init --key-file "$ring" >/dev/null
	strongroom client delete host --yes >/dev/null
	strongroom keys check --key-file "$ring" | grep -q '^0 wrapped keys, all readable.$'
	chmod 644 "$ring"
	try keys check --key-file "$ring"
	equal 3 "$status"
	equal "" "$(cat "$folder/out")"
	grep -q 'the next key cannot be wrapped: .*master.*600' "$folder/err"
	try keys check
	equal 3 "$status"
	grep -q 'the next key cannot be wrapped: no key ring is set' "$folder/err"
}

@test "export asks, and writes into a new file that is nobody else's" {
	strongroom keys init --key-file "$ring" >/dev/null
	export STRONGROOM_MASTER_KEY_FILE=$ring
	refused 2 'AES key of client host' --yes -- keys export host --out keys.txt
	[ ! -e keys.txt ]
	(
		umask 000
		strongroom keys export --all --out keys.txt --yes --plain
	) >out
	[ ! -s out ]
	equal 600 "$(stat -c %a keys.txt)"
	equal "$KEY" "$(grep host keys.txt | cut -f 3)"
	equal 2 "$(wc -l <keys.txt)"
	refused 1 keys.txt -- keys export host --out keys.txt --yes
	ln -s nowhere link
	refused 1 link -- keys export host --out link --yes
	[ ! -e nowhere ]
	equal "$KEY" "$(json '.[0].aes_key' keys export host --yes | tr -d '"')"
	equal id,client,aes_key "$(strongroom keys export --all --yes --csv | head -1 | tr -d '\r')"
	strongroom keys export other --yes | grep -q other
	refused 2 'CLIENT, or --all' -- keys export
	refused 2 'CLIENT, or --all' -- keys export host --all
	refused 1 nobody -- keys export nobody --yes
	# Half of it would be worse than nothing.
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = AESKey || x'00' WHERE Name = 'host'"
	refused 1 "'host'" -- keys export --all --out half.txt --yes
	[ ! -e half.txt ]
}

@test "unwrap asks, makes all plain, and the way down is open again" {
	strongroom keys init --key-file "$ring" >/dev/null
	refused 1 'keys unwrap' -- migrate down --to 18 --yes
	equal 19 "$(json .current_version migrate status)"
	refused 2 'plain' -- keys unwrap --key-file "$ring"
	refused 1 'STRONGROOM_MASTER_KEY_FILE' -- keys unwrap --yes
	equal '{"changed":1}' "$(json . keys unwrap --key-file "$ring" --yes)"
	equal '["plain",0]' "$(json '[.state, .wrapped]' keys status)"
	strongroom migrate down --to 18 --yes >/dev/null
	equal "$KEY" "$(sqlite3 "$STRONGROOM_DB" "SELECT lower(hex(AESKey)) FROM clients WHERE Name = 'host'")"
}

@test "the ring comes from a command, and settings say which" {
	strongroom keys init --key-file "$ring" >/dev/null
	export STRONGROOM_MASTER_KEY_COMMAND="cat '$ring'"
	equal "$KEY" "$(json '.[0].aes_key' keys export host --yes | tr -d '"')"
	strongroom keys status | grep -q "^key ring *cat '"
	STRONGROOM_MASTER_KEY_COMMAND='exit 7' refused 1 'status 7' -- keys export host --yes
	unset STRONGROOM_MASTER_KEY_COMMAND
	echo "STRONGROOM_MASTER_KEY_FILE = $ring" >strongroom.conf
	equal "$KEY" "$(json '.[0].aes_key' keys export host --yes | tr -d '"')"
	strongroom config | grep -q "STRONGROOM_MASTER_KEY_FILE *$ring"
	strongroom config | grep -q 'STRONGROOM_AES_KEYS *wrapped *default'
}

@test "nobody waits for the key command" {
	strongroom keys init --key-file "$ring" >/dev/null
	# It tells whether others could write while it ran.
	cat >ask <<-END
		if sqlite3 -bail -cmd '.timeout 4000' '$STRONGROOM_DB' 'BEGIN IMMEDIATE; ROLLBACK'; then echo free; else echo held; fi >>asked 2>&1
		cat '$ring'
	END
	export STRONGROOM_MASTER_KEY_COMMAND='sh ask'
	# Nobody needs it.
	strongroom client add second >/dev/null
	[ ! -e asked ]
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'other'"
	strongroom client add third >/dev/null
	equal free "$(cat asked)"
	equal '["wrapped",2,0]' "$(json '[.state, .wrapped, .plain]' keys status)"
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'third'"
	rm asked
	strongroom category add papers >/dev/null
	equal free "$(cat asked)"
	equal '["wrapped",3,0]' "$(json '[.state, .wrapped, .plain]' keys status)"
	# One that fails is asked once, and the write goes on.
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'second'"
	echo 'exit 9' >>ask
	rm asked
	strongroom client add fourth >/dev/null 2>"$folder/err"
	equal free "$(cat asked)"
	grep -q 'stay plain.*status 9' "$folder/err"
}

@test "no message, log or trace has a key" {
	strongroom keys init --key-file "$ring" --log-level debug >out 2>&1
	strongroom keys status --key-file "$ring" --log-level debug >>out 2>&1
	strongroom keys check --log-level debug >>out 2>&1 || true
	secret=$(grep -o '[A-Za-z0-9+/]*=$' "$ring")
	run ! grep -F -e "$secret" out
	run ! grep -i "${KEY:0:12}" out
}

@test "rotate wraps every key under a new master key, and old ones go only after a yes" {
	export STRONGROOM_MASTER_KEY_FILE=$ring
	refused 2 "keys init" -- keys rotate --key-file "$ring"
	strongroom keys init >/dev/null
	local first
	first=$(json '[.masters[] | select(.current)][0].id' keys status)
	equal '[1,0,0]' "$(json '[.changed, .unreadable, .forgotten]' keys rotate)"
	[ "$first" != "$(json '[.masters[] | select(.current)][0].id' keys status)" ]
	equal 2 "$(grep -vc '^#' "$ring")"
	equal "\"$KEY\"" "$(json '.[0].aes_key' --yes keys export host)"
	# A backup that needs them.
	strongroom backup needing.db >/dev/null
	refused 2 --yes "that 1 backup needs" -- keys rotate --forget-old
	grep -qF "$PWD/needing.db" "$folder/err"
	equal 2 "$(grep -vc '^#' "$ring")"
	equal '[1,0,2]' "$(json '[.changed, .unreadable, .forgotten]' --yes keys rotate --forget-old)"
	equal 1 "$(grep -vc '^#' "$ring")"
	equal 600 "$(stat -c %a "$ring")"
	equal "\"$KEY\"" "$(json '.[0].aes_key' --yes keys export host)"
	equal '[1,0]' "$(json '[.checked, .unreadable]' keys check)"
}

@test "each part has help of its own, and what is lost is asked" {
	strongroom keys rotate --help >out
	grep -q 'another catalog that uses the same ring' out
	run ! grep -qE 'hexadecimal|^(init|status|check|export|unwrap) ' out
	strongroom keys export --help >out
	grep -q hexadecimal out
	run ! grep -qE 'same ring|^(init|status|check|rotate|unwrap) ' out
	strongroom keys --help | grep -q '^unwrap '
	strongroom keys init --key-file "$ring" >/dev/null
	refused 2 'any other catalog on this key ring' -- keys rotate --forget-old --key-file "$ring"
	strongroom backup needing.db >/dev/null
	refused 2 'any other catalog on this key ring' -- keys rotate --forget-old --key-file "$ring"
}

@test "a restore that ends the wrapping says so" {
	strongroom backup "$folder/before.db" >/dev/null
	strongroom keys init --key-file "$ring" >/dev/null
	strongroom backup "$folder/after.db" >/dev/null
	equal false "$(json .keys_plain restore "$folder/before.db" --yes)"
	strongroom keys init --key-file "$ring" >/dev/null
	export STRONGROOM_MASTER_KEY_FILE=$ring
	try restore "$folder/before.db" --yes --json
	equal 0 "$status"
	equal true "$(jq .keys_plain "$folder/out")"
	grep -q 'they are plain.*strongroom keys init' "$folder/err"
	strongroom keys init >/dev/null
	try restore "$folder/after.db" --yes --json
	equal false "$(jq .keys_plain "$folder/out")"
	run ! grep -q plain "$folder/err"
	STRONGROOM_AES_KEYS=plain try restore "$folder/before.db" --yes
	run ! grep -q plain "$folder/err"
}

# known: the backups that --forget-old names, without the catalog's own names for them.
known() {
	refused 2 --yes -- keys rotate --forget-old
	sed -n 's|^strongroom: \(.*/[a-z]*\.db\)$|\1|p' "$folder/err"
}

@test "a restored catalog knows every backup that the one before knew, and the one it is from" {
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom keys init >/dev/null
	mkdir backups
	strongroom backup "$PWD/backups/restored.db" >/dev/null
	strongroom backup "$PWD/backups/later.db" >/dev/null
	cp backups/restored.db "$folder/copied.db"
	strongroom --yes restore "$folder/copied.db" >/dev/null
	rm "$STRONGROOM_DB"_backup_*
	local all
	all=$(printf '%s\n' "$PWD/backups/later.db" "$PWD/backups/restored.db" "$folder/copied.db" | sort)
	equal "$all" "$(known | sort)"
	# Each activity once, however often it is restored.
	strongroom --yes restore backups/restored.db >/dev/null
	rm "$STRONGROOM_DB"_backup_*
	equal "$all" "$(known | sort)"
	equal 2 "$(json '[.[] | select(.activity_type == "backup")] | length' activity)"
	equal 2 "$(json '[.[] | select(.activity_type == "restore")] | length' activity)"
	# Old master keys go only with all of those.
	equal 1 "$(json .forgotten --yes keys rotate --forget-old)"
}

# damage TABLE: its first page is of no use.
damage() {
	python3 - "$STRONGROOM_DB" "$1" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
(page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (sys.argv[2],)).fetchone()
(size,) = db.execute("PRAGMA page_size").fetchone()
db.close()
with open(sys.argv[1], "r+b") as file:
    file.seek((page - 1) * size)
    file.write(b"\xff" * size)
PYTHON
}

@test "what a damaged catalog knew of backups is known after a restore, and what is set aside is" {
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom keys init >/dev/null
	strongroom backup "$folder/restored.db" >/dev/null
	strongroom backup "$folder/later.db" >/dev/null
	damage metrics_history
	strongroom --yes restore "$folder/restored.db" >/dev/null
	refused 2 --yes "that 3 backups need" "$folder/later.db" "$folder/restored.db" "$STRONGROOM_DB"_damaged_ -- \
		keys rotate --forget-old
	# Where it cannot say what it knew, that is told.
	damage catalog_activity
	try --yes restore "$folder/restored.db"
	equal 0 "$status"
	grep -q "backups that the damaged database knew of may be unknown" "$folder/err"
	refused 2 --yes "that 3 backups need" "$folder/restored.db" -- keys rotate --forget-old
}

@test "what an odd catalog knew of backups keeps none from being restored" {
	strongroom backup "$PWD/b.db" >/dev/null
	sqlite3 "$STRONGROOM_DB" "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'Timestamp TEXT NOT NULL', 'Timestamp TEXT') WHERE name = 'catalog_activity'"
	sqlite3 "$STRONGROOM_DB" "INSERT INTO catalog_activity (ActivityType, Timestamp, Detail) VALUES ('backup', NULL, '/x/y.db')"
	for _ in 1 2; do strongroom restore "$PWD/b.db" --yes >/dev/null; done
	equal 1 "$(sqlite3 "$STRONGROOM_DB" "SELECT count(*) FROM catalog_activity WHERE Detail = '/x/y.db'")"
}

@test "the copy of a rehearsal that was kept needs the master keys, too" {
	strongroom migrate down --to 18 --yes >/dev/null
	strongroom migrate rehearse --keep >/dev/null
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom migrate up >/dev/null
	rm "$STRONGROOM_DB"_backup_*
	strongroom keys init >/dev/null
	refused 2 "1 known backup elsewhere" "$STRONGROOM_DB"_rehearsal_ -- client delete host --shred
}

@test "a restore tells of keys that the ring does not open" {
	strongroom keys init --key-file "$ring" >/dev/null
	strongroom backup "$folder/before.db" >/dev/null
	export STRONGROOM_MASTER_KEY_FILE=$ring
	try restore "$folder/before.db" --yes --json
	equal 0 "$(jq .keys_lost "$folder/out")"
	equal '' "$(cat "$folder/err")"
	strongroom keys rotate --forget-old --yes >/dev/null
	try restore "$folder/before.db" --yes --json
	equal 0 "$status"
	equal 1 "$(jq .keys_lost "$folder/out")"
	grep -q '1 AES key cannot be read: the key ring does not have the master key [0-9a-f]\{16\}; bring' "$folder/err"
	mv "$ring" away
	try restore "$folder/before.db" --yes --json
	equal '[0,1]' "$(jq -c '[.from_version - .version, .keys_lost]' "$folder/out")"
	grep -q "1 AES key cannot be read: there is no key ring '$ring'" "$folder/err"
	unset STRONGROOM_MASTER_KEY_FILE
	STRONGROOM_MASTER_KEY_COMMAND="cat away" try restore "$folder/before.db" --yes
	grep -q '1 AES key cannot be read: the key ring does not have' "$folder/err"
}

@test "no backup that a command makes first has what another program wrote plain" {
	strongroom backup "$folder/before.db" >/dev/null
	strongroom keys init --key-file "$ring" >/dev/null
	rm "$folder/before.db"
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom backup "$folder/after.db" >/dev/null
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'host'"
	strongroom restore "$folder/after.db" --yes >/dev/null
	compgen -G "$folder/*_backup_*"
	# Down it does not go while keys are wrapped.
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'host'"
	refused 1 'keys unwrap' -- migrate down --to 18 --yes
	LC_ALL=C run ! grep -laP '\x5e\xc2\xe7\x5e\xc2\xe7\xa1\xb2' "$folder"/*_backup_*
	# Without the ring it is as with a backup: told.
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'host'"
	mv "$ring" away
	try restore "$folder/after.db" --yes
	equal 0 "$status"
	grep -q 'AES keys that another program wrote stay plain' "$folder/err"
}

@test "SQL of one's own is done though it takes away where keys are" {
	export STRONGROOM_MASTER_KEY_FILE=$ring DANGEROUS_OPERATIONS_BLOCKED=false
	strongroom keys init >/dev/null
	cp "$STRONGROOM_DB" whole.db
	for table in master_keys clients; do
		strongroom sql --write "DROP TABLE $table" >/dev/null
		equal 0 "$(sqlite3 "$STRONGROOM_DB" "SELECT count(*) FROM sqlite_schema WHERE name = '$table'")"
		cp whole.db "$STRONGROOM_DB"
	done
	# What does forbid it is named, and what it was about.
	sqlite3 "$STRONGROOM_DB" "CREATE TRIGGER t BEFORE UPDATE OF AESKey ON clients WHEN length(NEW.AESKey) > 32 BEGIN SELECT raise(ABORT, 'no long keys'); END"
	TRUST_FOREIGN_TRIGGERS=true refused 1 'wrapping AES keys' 'no long keys' -- \
		sql --write "UPDATE clients SET AESKey = x'$KEY' WHERE Name = 'other'"
}

@test "killed at any moment of a rotation, every key can be read" {
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom keys init >/dev/null
	for _ in $(seq 10); do
		"$PROGRAM" --yes keys rotate --forget-old >/dev/null 2>&1 &
		sleep "0.0$((RANDOM % 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		equal "\"$KEY\"" "$(json '.[0].aes_key' --yes keys export host)"
	done
}

# many N: as many clients with keys, wrapped.
many() {
	sqlite3 "$STRONGROOM_DB" "INSERT INTO clients (ID, Name, LastSeen, AESKey) WITH RECURSIVE n(i) AS (SELECT 1
		UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT randomblob(16), 'c' || i, '2026-01-31T00:00:00Z',
		randomblob(32) FROM n"
	export STRONGROOM_MASTER_KEY_FILE=$ring
	strongroom keys init >/dev/null
}

@test "two rotations at once lose no key, whichever forget" {
	local first second round
	many 1000
	for round in 1 2; do
		for first in "keys rotate --forget-old" "client delete c$round --shred"; do
			for second in "keys rotate --forget-old" "keys rotate" "client delete d --shred"; do
				strongroom client add d >/dev/null 2>&1 || true
				# shellcheck disable=SC2086
				strongroom --yes $first >/dev/null 2>first &
				# shellcheck disable=SC2086
				strongroom --yes $second >/dev/null 2>second || grep -q "no client" second
				wait $! || grep -q "no client" first
				equal 0 "$(json .unreadable keys check)"
			done
		done
	done
	strongroom --yes keys rotate --forget-old >/dev/null
	equal 1 "$(grep -vc '^#' "$ring")"
	equal 0 "$(json .unreadable keys check)"
}

@test "no master key is forgotten while a backup is made that needs it" {
	many 8000
	mkdir bk
	strongroom backup bk/x.db.zst --compress >/dev/null &
	until compgen -G "$folder/*.part" >/dev/null || [ -e bk/x.db.zst ]; do sleep 0.001; done
	try --yes keys rotate --forget-old
	wait $!
	# Where it was made in no time, this was told of it.
	[ "$status" -eq 0 ] || grep -qE "backup of .* is being made|need the old master keys, .*bk/x.db.zst" "$folder/err"
	[ "$status" -ne 0 ] || grep -q "bk/x.db.zst" "$folder/err"
	[ "$status" -eq 0 ] || {
		strongroom --yes restore bk/x.db.zst >/dev/null
		equal 0 "$(json .unreadable keys check)"
	}
}

@test "what a killed rotation or init left of the ring goes with the next, and health tells of it" {
	local round
	many 10
	for round in $(seq 20); do
		[ $((round % 2)) -eq 0 ] || strongroom --yes keys unwrap >/dev/null
		[ $((round % 2)) -eq 0 ] || rm "$ring"
		"$PROGRAM" --yes keys "$([ $((round % 2)) -eq 0 ] && echo rotate || echo init)" >/dev/null 2>&1 &
		sleep "0.00$((RANDOM % 10))"
		kill -9 $! 2>/dev/null || true
		wait $! 2>/dev/null || true
		strongroom keys init >/dev/null
		equal "" "$(compgen -G "$ring.*" || true)"
		equal 0 "$(json .unreadable keys check)"
	done
	touch "$ring.0123456789abcdef0123456789abcdef.part"
	try health
	grep -q "$ring" "$folder/out"
	strongroom --yes keys rotate --forget-old >/dev/null
	equal "" "$(compgen -G "$ring.*" || true)"
}

@test "with a command, rotate takes the newest key that it prints" {
	strongroom keys init --key-file "$ring" >/dev/null
	cp "$ring" printed
	strongroom keys rotate --key-file "$ring" >/dev/null
	STRONGROOM_MASTER_KEY_COMMAND="cat '$ring'" refused 2 "is the current one" -- keys rotate
	strongroom init --db "$folder/second.db" >/dev/null
	strongroom --db "$folder/second.db" keys init --key-file printed >/dev/null
	STRONGROOM_MASTER_KEY_COMMAND="cat '$ring'" try --json --db "$folder/second.db" keys rotate
	equal 0 "$status"
	equal "$(tail -1 "$ring" | cut -d' ' -f1)" "$(jq -r .id "$folder/out")"
	STRONGROOM_MASTER_KEY_COMMAND="cat '$ring'" refused 2 "cannot be changed here" -- --yes keys rotate --forget-old
}
