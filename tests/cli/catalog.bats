#!/usr/bin/env bats
# init, stats, config, migrate and sql.
bats_require_minimum_version 1.5.0
load common

@test "init creates a private database, and again changes nothing" {
	equal '[true,19,null]' "$(json '[.created, .version, .backup]' init)"
	equal 600 "$(stat -c %a "$STRONGROOM_DB")"
	equal '[false,19,null]' "$(json '[.created, .version, .backup]' init)"
	equal 1 "$(find "$folder" -name '*.db*' | wc -l)"
}

@test "a search loads no library that only other commands need" {
	strongroom init >/dev/null
	LD_DEBUG=files "$PROGRAM" search nothing 2>loaded || true
	grep -q libsqlite3 loaded
	equal '' "$(grep -Eo 'libcrypto|libmagic|libzstd' loaded | sort -u)"
}

@test "stats has the sections and keys, on an empty catalog too" {
	strongroom init >/dev/null
	equal '["client_stats","database_info","file_stats","performance_info","storage_info"]' "$(json keys stats)"
	equal '["connection_pool_enabled","file_path","file_size_mb","pool_size"]' "$(json '.database_info | keys' stats)"
	equal '["directory","total_files","total_size_mb"]' "$(json '.storage_info | keys' stats)"
	equal '["average_days_since_seen","clients_with_keys","total_clients"]' "$(json '.client_stats | keys' stats)"
	equal '["average_file_size_mb","max_file_size_mb","min_file_size_kb","total_files","total_size_gb","verification_rate","verified_files"]' \
		"$(json '.file_stats | keys' stats)"
	equal true "$(json '.performance_info.indexes_count == (.performance_info.indexes | length)' stats)"
	equal null "$(json .client_stats.average_days_since_seen stats)"
	strongroom client add one >/dev/null
	printf 'filename,size,verified\na,1048576,1\nb,3145728,0\n' | strongroom file import --client one >/dev/null
	equal '[2,1,50,2,3]' "$(json '.file_stats | [.total_files, .verified_files, .verification_rate, .average_file_size_mb, .max_file_size_mb]' stats)"
	strongroom stats | grep -q '^  average size  *2.0 MiB$'
	strongroom stats --csv | tr -d '\r' | grep -qx 'file_stats,total_files,2'
	strongroom stats --plain | grep -qx "$(printf 'file_stats\ttotal_files\t2')"
}

@test "config names each value's source, and a value that does not parse" {
	echo 'CONNECTION_POOL_SIZE = 7' >strongroom.conf
	equal '["7"]' "$(json '[.[] | select(.name == "CONNECTION_POOL_SIZE") | .value]' config)"
	json '.[] | select(.name == "CONNECTION_POOL_SIZE") | .source' config | grep -q strongroom.conf
	equal '"environment"' "$(CONNECTION_POOL_SIZE=9 json '.[] | select(.name == "CONNECTION_POOL_SIZE") | .source' config)"
	strongroom config | grep -q '^CONNECTION_TIMEOUT  *30'
	CONNECTION_TIMEOUT=soon refused 2 CONNECTION_TIMEOUT soon -- config
	CONNECTION_POOL_SIZE=-1 refused 2 CONNECTION_POOL_SIZE -1 -- config
	echo 'CONNECTION_POOL_SIZE = some' >strongroom.conf
	refused 2 CONNECTION_POOL_SIZE some strongroom.conf -- config
	refused 1 nowhere.conf -- --config nowhere.conf config
}

@test "migrate status knows of a missing database" {
	equal '[false,0,19,19]' "$(json '[.database_exists, .current_version, .latest_version, (.migrations | length)]' migrate status)"
	[ ! -e "$STRONGROOM_DB" ]
	strongroom init >/dev/null
	equal '[true,19,0]' "$(json '[.database_exists, .current_version, .pending_migrations]' migrate status)"
	equal '["current_version","database_exists","database_file","latest_version","migrations","own_migrations","pending_migrations","total_migrations"]' \
		"$(json keys migrate status)"
	strongroom migrate status | grep -q '^VERSION  DESCRIPTION'
}

@test "migrate status lists users' own that old code has written down" {
	strongroom init >/dev/null
	equal '[]' "$(json .own_migrations migrate status)"
	! strongroom migrate status | grep -q 'YOUR OWN'
	sqlite3 "$STRONGROOM_DB" "INSERT INTO database_migrations (version, description, applied_at) VALUES (77, 'Tape library', '2025-08-29T17:42:34.123456+00:00')"
	equal '[19,0,[{"version":77,"description":"Tape library","applied_at":"2025-08-29T17:42:34.123456+00:00"}]]' \
		"$(json '[.current_version, .pending_migrations, .own_migrations]' migrate status)"
	strongroom migrate status | grep -q '^ *77  Tape library'
	equal 19 "$(strongroom migrate status --plain | wc -l)"
}

@test "down and up again, and what makes no sense" {
	strongroom init >/dev/null
	equal '[19,5]' "$(json '[.from_version, .version]' migrate down --to 5 --yes)"
	equal '[5,19]' "$(json '[.from_version, .version]' migrate up)"
	equal '[19,19]' "$(json '[.from_version, .version]' migrate up)"
	refused 2 --to -- migrate down
	refused 2 --to 3 -- migrate up --to 3
	strongroom migrate down --to 4 --yes >/dev/null
	refused 2 6 -- migrate down --to 6
	refused 2 many -- migrate up --to many
	refused 2 -1 -- migrate up --to -1
	refused 2 99 -- migrate up --to 99
}

@test "a step down that drops values says which, and needs --yes" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	printf 'original_path,size,hash\n/a,1,%064d\n' 7 | strongroom file import --client one >/dev/null
	refused 1 FileHash -- migrate down --to 1
	equal 19 "$(json .current_version migrate status)"
	strongroom migrate down --to 1 --yes >/dev/null
	equal 1 "$(json .current_version migrate status)"
}

@test "verify is status 3 where the schema drifted" {
	strongroom init >/dev/null
	equal '{"differences":[],"verified":true}' "$(json . migrate verify)"
	sqlite3 "$STRONGROOM_DB" 'DROP INDEX idx_files_size'
	try migrate verify --json
	equal 3 "$status"
	equal '["idx_files_size"]' "$(jq -c '[.differences[].object]' "$folder/out")"
}

@test "sql reads, in every form" {
	strongroom init >/dev/null
	equal '[{"a":1,"b":"x","c":"00ff","d":null,"e":1.5}]' "$(json . sql "SELECT 1 AS a, 'x' AS b, x'00ff' AS c, NULL AS d, 1.5 AS e")"
	equal '[{"a":9223372036854775807,"a_2":2}]' "$(strongroom --json sql 'SELECT 9223372036854775807 AS a, 2 AS a' | tr -d ' \n')"
	equal '[]' "$(json . sql 'SELECT 1 WHERE 0')"
	equal "$(printf '1\tx\\ty')" "$(strongroom sql "SELECT 1, 'x' || char(9) || 'y'" --plain)"
	equal 'a,"b""c"' "$(strongroom sql "SELECT 'a' AS a, 'b\"c' AS b" --csv | tail -1 | tr -d '\r')"
	equal '[{"n":3}]' "$(echo 'SELECT 3 AS n' | json . sql -)"
}

@test "sql without --write cannot write, attach or switch" {
	strongroom init >/dev/null
	before=$(sha256sum <"$STRONGROOM_DB")
	for sql in "DELETE FROM clients" "ATTACH '$folder/x.db' AS x" "PRAGMA query_only = 0" \
		"PRAGMA journal_mode = DELETE" "VACUUM" "CREATE TABLE x(y)" "INSERT INTO clients(ID) VALUES (1)" \
		"SELECT load_extension('x')" "BEGIN IMMEDIATE"; do
		try sql "$sql"
		equal 1 "$status"
		grep -q '^strongroom: ' "$folder/err"
	done
	refused 1 'delete from clients' 'sql --write' -- sql 'DELETE FROM clients'
	refused 1 'change the schema' 'sql --write' -- sql 'DROP TABLE clients'
	refused 1 nonsense -- sql nonsense
	refused 1 'too big' -- sql 'SELECT zeroblob(2000000000)'
	equal '' "$(cat "$folder/out")"
	refused 2 STATEMENT -- sql ' '
	equal "$before" "$(sha256sum <"$STRONGROOM_DB")"
	[ ! -e "$folder/x.db" ]
}

@test "sql --write is all or nothing, and the dangerous is refused" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	strongroom sql --write "UPDATE clients SET Name = 'uno'; UPDATE clients SET Name = Name || '!'" >/dev/null
	equal '["uno!"]' "$(json 'map(.name)' client list)"
	try sql --write "UPDATE clients SET Name = 'x'; UPDATE nothing SET a = 1"
	equal 1 "$status"
	for sql in "DROP TABLE clients" "DELETE FROM clients" "ATTACH '$folder/x.db' AS x"; do
		refused 1 -- sql --write "$sql"
	done
	refused 1 TRUST_FOREIGN_TRIGGERS -- sql --write \
		'CREATE TRIGGER mine AFTER INSERT ON files BEGIN DELETE FROM clients; END'
	refused 1 'sql --write is one' -- sql --write 'BEGIN; SELECT 1'
	equal '["uno!"]' "$(json 'map(.name)' client list)"
	strongroom client add still >/dev/null
}

@test "logging can be turned up and is kept apart from the output" {
	strongroom init >/dev/null
	strongroom migrate down --to 5 --yes >/dev/null
	strongroom --verbose --plain migrate up >one 2>two
	grep -q '^strongroom: info: \[migrate\] ' two
	run ! grep '\[' one
	strongroom migrate down --to 5 --yes 2>two >/dev/null
	equal '' "$(cat two)"
	STRONGROOM_LOG=migrate:info,error strongroom --json migrate up 2>two | jq -e . >/dev/null
	equal '["migrate"]' "$(jq -c -s 'map(.log.module) | unique' two)"
	STRONGROOM_LOG=loud refused 2 loud -- stats
}

@test "init fills an empty file in, and leaves another program's database alone" {
	: >"$STRONGROOM_DB"
	equal 0 "$(json .current_version migrate status)"
	strongroom migrate status | grep -q 'no schema yet.*strongroom init'
	equal true "$(json .created init)"
	equal 19 "$(json .current_version migrate status)"
	sqlite3 other.db 'CREATE TABLE bookmarks (url)'
	before=$(sha256sum <other.db)
	for command in init "migrate up" stats; do
		refused 1 other.db "of another kind" -- --db other.db $command
	done
	equal "$before" "$(sha256sum <other.db)"
}

@test "sizes beyond what an integer holds are not shown as negative" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	printf 'original_path,size\n/a,9223372036854775807\n/b,9223372036854775807\n' | strongroom file import --client one >/dev/null
	# A size counts for 2^53 at most in sums, so that those stay exact.
	strongroom stats | grep -q 'total size  *16.0 PiB'
	strongroom stats | grep -q 'largest  *8.0 EiB'
	run ! grep -e '-[0-9]' <(strongroom stats)
}

@test "a message that names what is missing names what helps" {
	refused 1 nowhere.conf -- --config nowhere.conf stats
	run ! grep init "$folder/err"
	strongroom init >/dev/null
	refused 1 "'nobody'" 'strongroom client list' -- client show nobody
	refused 2 '--type is empty' -- search --type ''
	id=$(strongroom client add one --plain)
	refused 1 '"one" already' "$id" 'strongroom client update' -- client add one
}
