#!/usr/bin/env bats
# strongroom activity, and stats by client and by day.
bats_require_minimum_version 1.5.0
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add one --id 000102030405060708090a0b0c0d0e0f >/dev/null
	strongroom client add two >/dev/null
}

# Rows of fixed times, as another program may write them.
old_rows() {
	sqlite3 "$STRONGROOM_DB" "
		INSERT INTO client_activity (ClientID, ActivityType, Timestamp, FileCount, BytesTransferred)
			SELECT ID, 'save', '2026-01-31T09:30:00Z', 3, 30 FROM clients WHERE Name = 'one';
		INSERT INTO client_activity (ClientID, ActivityType, Timestamp, FileCount, BytesTransferred)
			SELECT ID, 'save_failed', '2026-01-31T10:30:00Z', 2, 0 FROM clients WHERE Name = 'two';
		INSERT INTO catalog_activity (ActivityType, Timestamp, Detail, BytesTransferred)
			VALUES ('backup', '2026-02-01T00:00:00Z', 'to x'||char(27)||'.db', 4096);"
}

@test "activity lists newest first, in every form" {
	equal 'No activity.' "$(strongroom activity)"
	equal '[]' "$(json . activity)"
	old_rows
	equal '["backup","save_failed","save"]' "$(json 'map(.activity_type)' activity)"
	equal '["activity_type","bytes_transferred","client","client_deleted","client_id","detail","file_count","timestamp"]' \
		"$(json '.[0] | keys' activity)"
	equal '["one","000102030405060708090a0b0c0d0e0f",false,3,30,"2026-01-31T09:30:00Z",null]' \
		"$(json '.[2] | [.client, .client_id, .client_deleted, .file_count, .bytes_transferred, .timestamp, .detail]' activity)"
	equal '[null,null,null]' "$(json '.[0] | [.client, .client_id, .file_count]' activity)"
	strongroom activity | head -1 | grep -q '^WHEN  *TYPE  *CLIENT  *FILES  *SIZE'
	strongroom activity | grep -q '^2026-01-31 10:30  save_failed  two  *2  *0 B$'
	strongroom activity list | cmp - <(strongroom activity)
	equal 3 "$(strongroom activity --plain | wc -l)"
	strongroom activity --csv | grep -qF 'backup,,,0,,4096,to x\x1b.db'
	run ! grep -q $'\033' <(strongroom activity; strongroom activity --json)
}

@test "activity is filtered by client, type, age and number" {
	old_rows
	equal '["save"]' "$(json 'map(.activity_type)' activity --client one)"
	equal '["save"]' "$(json 'map(.activity_type)' activity --client 000102030405060708090a0b0c0d0e0f)"
	equal '["save_failed"]' "$(json 'map(.activity_type)' activity --type save_failed)"
	equal '["backup","save_failed"]' "$(json 'map(.activity_type)' activity --since 2026-01-31T10:00)"
	equal '["backup"]' "$(json 'map(.activity_type)' activity --limit 1)"
	equal 3 "$(json length activity --limit 0)"
	equal '[]' "$(json . activity --type nonsense)"
	refused 1 nobody -- activity --client nobody
	refused 1 ffff -- activity --client ffffffffffffffffffffffffffffffff
	refused 2 someday -- activity --since someday
	refused 2 -1 -- activity --limit=-1
	refused 2 '"frobnicate"' -- activity frobnicate
}

@test "what deleted clients did stays under their names" {
	old_rows
	strongroom client delete one --yes >/dev/null
	equal '["delete","save"]' "$(json 'map(.activity_type)' activity --client one)"
	equal '[true,true]' "$(json 'map(.client_deleted)' activity --client one)"
	strongroom activity | grep -q 'one  *(deleted)'
	# By another program, whatever it thinks of foreign keys.
	sqlite3 "$STRONGROOM_DB" "PRAGMA foreign_keys = ON; DELETE FROM clients"
	equal '["save_failed"]' "$(json 'map(.activity_type)' activity --client two)"
	equal '' "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA foreign_key_check')"
}

@test "cleanup asks, forgets whole days, and tells how much" {
	old_rows
	refused 2 --yes -- activity cleanup --older-than 90d
	refused 2 older-than -- activity cleanup --yes
	refused 2 week -- activity cleanup --yes --older-than week
	equal 3 "$(json length activity)"
	equal '{"removed":0}' "$(json . activity cleanup --yes --older-than 40y)"
	equal '{"removed":3}' "$(json . --yes activity cleanup --older-than 1d)"
	equal '[]' "$(json . activity)"
	equal 'Removed 0 activities.' "$(strongroom -y activity cleanup --older-than 1d)"
}

@test "stats --transfers has every day of the window, and draws them" {
	today=$(date -u +%F)
	yesterday=$(date -u -d yesterday +%F)
	sqlite3 "$STRONGROOM_DB" "DELETE FROM transfer_stats; INSERT INTO transfer_stats VALUES
		('$yesterday', 5, 4000, 4, 1, 1000, 77), ('2020-02-29', 1, 2000, 1, 0, 2000, 0)"
	equal "[\"$yesterday\",5,4000,4,1,1000,77]" "$(json '.[1] | [.date, .total_files,
		.total_bytes, .successful_transfers, .failed_transfers, .average_file_size,
		.peak_transfer_speed]' stats --transfers --days 3)"
	equal "[3,\"$today\",0]" "$(json '[length, .[2].date, .[2].total_files]' stats --transfers --days 3)"
	equal "[\"2020-02-29\",\"$yesterday\"]" "$(json 'map(.date)' stats --transfers --days 0)"
	equal 30 "$(json length stats --transfers)"
	LC_ALL=C strongroom stats --transfers --days 0 | grep -q "^$yesterday .* ##############$"
	LC_ALL=C strongroom stats --transfers --days 0 | grep -q '^2020-02-29 .* #######$'
	LC_ALL=C.UTF-8 strongroom stats --transfers --days 0 | grep -q '^2020-02-29 .* ███████$'
	LC_ALL=C strongroom stats --transfers --days 30 | awk '{ if (length($0) > 80) exit 1 }'
	equal "date,total_files,total_bytes,successful_transfers,failed_transfers,average_file_size,peak_transfer_speed" \
		"$(strongroom stats --transfers --csv | head -1 | tr -d '\r')"
	refused 2 days -- stats --transfers --days=-1
	refused 2 days -- stats --transfers --days soon
	refused 2 --days -- stats --days 3
	refused 2 only -- stats --transfers --clients
	refused 2 days -- stats --clients --days 0
}

@test "stats --clients tells files, size, share and growth" {
	strongroom sql --write "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)
		SELECT x'01', 'a', 'a', 300, ID FROM clients WHERE Name = 'one'" >/dev/null
	strongroom sql --write "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)
		SELECT x'02', 'b', 'b', 100, ID FROM clients WHERE Name = 'two'" >/dev/null
	strongroom sql --write "INSERT INTO client_usage_daily SELECT ID, date('now', '-40 days'), 1, 120
		FROM clients WHERE Name = 'one'" >/dev/null
	equal '["one",1,300,75,180,null]' "$(json '.[0] | [.name, .files, .bytes, .share_percent,
		.growth_bytes, .last_activity]' stats --clients)"
	equal '["two",25,100,10]' "$(json '.[1] | [.name, .share_percent, .growth_bytes,
		(.growth_since | length)]' stats --clients)"
	strongroom stats --clients | grep -q '^one  *1  *300 B  *75.0 %  *180 B'
	strongroom stats --storage | cmp - <(strongroom stats)
	old_database old.db 4
	equal '["old one",2,30,100,null]' "$(json '.[0] | [.name, .files, .bytes, .share_percent,
		.growth_bytes]' --db old.db stats --clients)"
	equal '[]' "$(json . --db old.db activity)"
	equal '[]' "$(json . --db old.db stats --transfers --days 0)"
}

@test "stats --by counts files by category, size, day and month" {
	strongroom sql --write "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID,
		FileCategory, ModificationDate, Verified)
		SELECT x'01', 'a', 'a', 300, ID, 'code', '2026-01-31', 1 FROM clients WHERE Name = 'one' UNION ALL
		SELECT x'02', 'b', 'b', 20000, ID, 'image', '2026-01-02', 0 FROM clients WHERE Name = 'one' UNION ALL
		SELECT x'03', 'c', 'c', 10, ID, NULL, NULL, 0 FROM clients WHERE Name = 'two'" >/dev/null
	equal '[[null,1,10,0],["code",1,300,1],["image",1,20000,0]]' \
		"$(json 'map([.category, .files, .bytes, .verified_files])' stats --by category)"
	equal '[["below 1 KiB",1,1024,2,310],["16 KiB to 256 KiB",16384,262144,1,20000]]' \
		"$(json 'map([.size, .size_from, .size_below, .files, .bytes])' stats --by size)"
	equal '[[null,1],["2026-01-02",1],["2026-01-31",1]]' "$(json 'map([.day, .files])' stats --by day)"
	equal '[[null,1],["2026-01",2]]' "$(json 'map([.month, .files])' stats --by month)"
	equal '[]' "$(json . stats --by recorded)"
	for by in category size day month recorded; do
		strongroom help stats | grep -qw "$by"
		grep -qE "^\.It Cm ([a-z]+ , )?$by( |$)" "$BATS_TEST_DIRNAME/../../man/strongroom-stats.1"
	done
	strongroom stats --by category | grep -q '^(none)  *1  *10 B  *0$'
	equal 'category,files,bytes,verified_files' \
		"$(strongroom stats --by category --csv | head -1 | tr -d '\r' | sed 's/size_from,size_below,//')"
	# To the byte, also where a double would round.
	strongroom sql --write "UPDATE files SET FileSize = 9007199254740992 WHERE ID = x'02'" >/dev/null
	strongroom stats --by month --json | grep -q '"bytes": 9007199254741292'
	equal 9007199254741292 "$(strongroom stats --by month --plain | tail -n 1 | cut -f 5)"
	refused 2 colour -- stats --by colour
	refused 2 only -- stats --by day --clients
	old_database old.db 4
	equal '[3,30]' "$(json '[map(.files), map(.bytes)] | map(add)' --db old.db stats --by size)"
}

@test "activity has help for its parts" {
	strongroom help activity cleanup | grep -q '^usage: strongroom activity cleanup'
	run ! grep -e --since <(strongroom help activity cleanup)
	strongroom activity --help | grep -q -e --older-than
	equal '"activity cleanup"' "$(json .command activity cleanup --help)"
}

@test "one recording and one import are one activity each, however many files they have" {
	mkdir many
	(cd many && seq 1 2500 | split -l 1 -a 3 -)
	strongroom record --client one many >/dev/null
	equal '[["save",2500]]' "$(json 'map([.activity_type, .file_count])' activity)"
	{ echo original_path,size && seq -f '/f%g,1' 1 1300; } >files.csv
	strongroom file import --client two files.csv >/dev/null
	equal '[["save",1300,1300]]' \
		"$(json 'map([.activity_type, .file_count, .bytes_transferred])' activity --client two)"
}
