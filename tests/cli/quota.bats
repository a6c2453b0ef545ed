#!/usr/bin/env bats
# strongroom quota, and what commands do at a quota
bats_require_minimum_version 1.5.0
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add host >/dev/null
}

# file NAME BYTES
file() {
	head -c "$2" /dev/zero | tr '\0' "${1:0:1}" >"$1"
}

@test "set, show, list and clear, with every key" {
	strongroom quota set host 1000 --warn 75% | grep -q 'The quota of client host is 1000 B'
	equal '{"client":"host","quota_bytes":1000,"used_bytes":0,"available_bytes":1000,"used_percent":0,"warning_threshold":0.75,"state":"ok"}' \
		"$(json . quota show host)"
	strongroom client add other >/dev/null
	equal '[["host","ok"],["other","unlimited"]]' "$(json 'map([.client, .state])' quota list)"
	equal '[null,null,null,null,0]' \
		"$(json '[.quota_bytes, .available_bytes, .used_percent, .warning_threshold, .used_bytes]' quota show other)"
	equal "$(strongroom quota list)" "$(strongroom quota show)"
	equal '{"client":"host","cleared":true}' "$(json . quota clear host)"
	equal '{"client":"host","cleared":false}' "$(json . quota clear host)"
	equal 'Client host had no quota.' "$(strongroom quota clear host)"
	equal '"unlimited"' "$(json .state quota show host)"
}

@test "people read percents, programs numbers" {
	strongroom quota set host 1600 --warn 0.75 >/dev/null
	file a 1000
	strongroom record --client host a >/dev/null
	strongroom quota show host >"$folder/out"
	grep -q '^used of quota *62.5 %$' "$folder/out"
	grep -q '^warns at *75 %$' "$folder/out"
	equal '[62.5,0.75]' "$(json '[.used_percent, .warning_threshold]' quota show host)"
	equal 'host,1600,1000,600,62.5,0.75,ok' \
		"$(strongroom quota show host --csv | sed -n 2p | tr -d '\r')"
	strongroom quota default 5 --warn 90% | grep -q '^warns at *90 %$'
}

@test "table, csv and plain" {
	strongroom quota set host 1500 --warn 0.5 >/dev/null
	file a 600
	strongroom record --client host a >/dev/null
	strongroom quota list >"$folder/out"
	grep -q '^CLIENT .*QUOTA .*USED .*AVAILABLE .*STATE' "$folder/out"
	grep -q '####------ 40% *ok' "$folder/out"
	equal 'client,quota_bytes,used_bytes,available_bytes,used_percent,warning_threshold,state' \
		"$(strongroom quota list --csv | head -1 | tr -d '\r')"
	equal 'host,1500,600,900,40,0.5,ok' "$(strongroom quota list --csv | sed -n 2p | tr -d '\r')"
	equal 7 "$(strongroom quota list --plain | tr '\t' '\n' | wc -l)"
	strongroom client add "$(printf 'x%.0s' {1..250})" >/dev/null
	NO_COLOR=1 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 '' "$PROGRAM" quota list | tr -d '\r' >"$folder/out"
	equal 3 "$(wc -l <"$folder/out")"
	! LC_ALL=C.UTF-8 grep -qE '^.{81}' "$folder/out"
}

@test "what is no quota is a usage error and sets nothing" {
	refused 2 lots -- quota set host lots
	refused 2 -1 -- quota set host -- -1
	refused 2 -- quota set host
	refused 2 120% -- quota set host 5 --warn 120%
	refused 2 '80' -- quota set host 5 --warn 80
	refused 2 always -- quota set host 5 --warn 0
	refused 1 nobody -- quota set nobody 5
	refused 1 nobody -- quota show nobody
	refused 1 nobody -- quota clear nobody
	refused 2 maybe -- quota enforce maybe
	refused 2 none -- quota default many
	refused 2 warn -- quota default none --warn 5%
	equal '"unlimited"' "$(json .state quota show host)"
}

@test "record goes on with what fits, names the rest and ends with 1" {
	strongroom quota set host 1000 >/dev/null
	file a 400
	file b 1100
	file c 600
	refused 1 "$PWD/b: does not fit: it has 1100 bytes" '1 file did not fit' quota -- \
		record --client host a b c
	equal '["a","c"]' "$(json '.files | map(.filename) | sort' search)"
	file d 1
	try --json record --client host a b c d
	equal 1 "$status"
	equal '[4,0,2,2,2]' "$(jq -c '[.scanned, .added, .unchanged, .failed, .over_quota]' "$folder/out")"
	equal '"quota exceeded"' "$(tail -1 "$folder/err" | jq .error.status)"
	equal '"warning"' "$(json .state quota show host)"
	# Room made by what shrinks, and by a larger quota.
	strongroom quota set host 2101 >/dev/null
	strongroom record --client host a b c d >/dev/null
	equal 2101 "$(json .used_bytes quota show host)"
	file a 300
	strongroom record --client host a >/dev/null
	equal 2001 "$(json .used_bytes quota show host)"
}

@test "failed transfers are counted, those that could not be read too" {
	file a 400
	file b 700
	strongroom quota set host 500 >/dev/null
	refused 1 'gone' 'b: does not fit' '2 files could not be recorded, 1 of them' -- \
		record --client host a b gone
	equal '2|1|1|2' "$(sqlite3 "$STRONGROOM_DB" "SELECT sum(FailedTransfers), sum(SuccessfulTransfers),
		(SELECT count(*) FROM client_activity WHERE ActivityType = 'save'),
		(SELECT sum(FileCount) FROM client_activity WHERE ActivityType = 'save_failed')
		FROM transfer_stats")"
}

@test "the warning is logged once" {
	file a 850
	file b 10
	strongroom quota set host 1000 >/dev/null
	strongroom record --client host a 2>"$folder/err" >/dev/null
	grep -q "warning: .*'host' uses 850 of the 1000 bytes" "$folder/err"
	strongroom record --client host b 2>"$folder/err" >/dev/null
	equal '' "$(cat "$folder/err")"
}

@test "a quota below what is used says so" {
	file a 900
	strongroom record --client host a >/dev/null
	strongroom quota set host 500 2>"$folder/err" >/dev/null
	grep -q '400 more than its quota' "$folder/err"
	equal '"exceeded"' "$(json .state quota show host)"
	equal 0 "$(json .available_bytes quota show host)"
}

@test "an import that does not fit imports nothing" {
	strongroom quota set host 1000 >/dev/null
	printf 'original_path,size\n/a,600\n/b,600\n/c,100\n' >files.csv
	refused 1 "'/b'" 1000 600 'nothing was imported' -- file import --client host files.csv
	equal 0 "$(json .used_bytes quota show host)"
	equal '1|0' "$(sqlite3 "$STRONGROOM_DB" 'SELECT FailedTransfers, SuccessfulTransfers FROM transfer_stats')"
	python3 -c '
print("original_path,size")
for i in range(1200): print(f"/{i},{1 if i < 1199 else 2}")' >many.csv
	strongroom quota set host 1200 >/dev/null
	refused 1 "'/1199'" 'nothing was imported' -- file import --client host many.csv
	equal 0 "$(json .used_bytes quota show host)"
	strongroom quota set host 1201 >/dev/null
	strongroom file import --client host many.csv >/dev/null
	equal 1201 "$(json .used_bytes quota show host)"
}

@test "default and enforce are the catalog's" {
	equal '{"quota_bytes":null,"warning_threshold":null}' "$(json . quota default)"
	equal '{"quota_bytes":1000,"warning_threshold":0.9}' "$(json . quota default 1000 --warn 90%)"
	strongroom client add late >/dev/null
	equal '[1000,0.9]' "$(json '[.quota_bytes, .warning_threshold]' quota show late)"
	equal '"unlimited"' "$(json .state quota show host)"
	equal '{"enforce":false}' "$(json . quota enforce)"
	insert="INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)
		SELECT randomblob(16), 'n', 'p', 700, ID FROM clients WHERE Name = 'late'"
	sqlite3 "$STRONGROOM_DB" "$insert"
	strongroom quota enforce on >/dev/null
	run sqlite3 "$STRONGROOM_DB" "$insert"
	[ "$status" -ne 0 ]
	[[ "$output" == *'over the quota'* ]]
	strongroom quota enforce off >/dev/null
	sqlite3 "$STRONGROOM_DB" "$insert"
	equal '[1400,"exceeded"]' "$(json '[.used_bytes, .state]' quota show late)"
	strongroom quota default none >/dev/null
	equal null "$(json .quota_bytes quota default)"
}

@test "an older database is read as it is" {
	old_database "$folder/old.db" 4
	json '.[0].state' --db "$folder/old.db" quota list
	refused 1 'migrate up' -- --db "$folder/old.db" quota default 5
}

@test "processes that record at once stop at the same byte" {
	strongroom quota set host 1050 >/dev/null
	for p in 1 2 3 4; do
		mkdir "$p"
		for n in 1 2 3 4 5 6; do
			(cd "$p" && file "$n" 100)
		done
	done
	for p in 1 2 3 4; do
		strongroom record --client host "$p" >/dev/null 2>&1 &
	done
	wait
	equal '[1000,50]' "$(json '[.used_bytes, .available_bytes]' quota show host)"
	equal '10|14|1000' "$(sqlite3 "$STRONGROOM_DB" \
		'SELECT SuccessfulTransfers, FailedTransfers, TotalBytes FROM transfer_stats')"
}

@test "upright, what has no heading in a table is named too" {
	strongroom client add narrow >/dev/null
	strongroom quota set narrow 1M >/dev/null
	NO_COLOR=1 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 30 '' "$PROGRAM" quota list | tr -d '\r' >"$folder/out"
	grep -q '^USED OF QUOTA  *----' "$folder/out"
}
