#!/usr/bin/env bats
# strongroom metric
bats_require_minimum_version 1.5.0
load common

setup_more() {
	strongroom init >/dev/null
}

@test "record, list and clean up" {
	strongroom metric record load 0.5 | grep -q 'Recorded load'
	strongroom metric record load -- -2e3 >/dev/null
	equal '["other",true]' "$(json '[.metric_name, .value == 7]' metric record other 7)"
	equal true "$(json 'map(.value) == [0.5, -2000]' metric list load)"
	equal '["timestamp","value"]' "$(json '.[0] | keys' metric list load)"
	equal 'timestamp,value' "$(strongroom metric list load --csv | head -1 | tr -d '\r')"
	equal 2 "$(strongroom metric list load --plain | wc -l)"
	equal '[]' "$(json . metric list nothing)"
	refused 2 --yes -- metric cleanup
	equal '{"removed":0}' "$(json . metric cleanup --yes)"
	equal '{"removed":3}' "$(json . metric cleanup --days 0 --yes)"
	equal '[]' "$(json . metric list load)"
}

@test "numbers are printed in the shortest form that reads back" {
	for value in 0.1 0.30000000000000004 1e300; do
		strongroom metric record m $value >/dev/null
	done
	equal '0.1 0.30000000000000004 1e+300' "$(strongroom metric list m --plain | cut -f2 | xargs)"
	equal '0.1 0.30000000000000004 1e+300' \
		"$(strongroom metric list m --csv | tail -n +2 | tr -d '\r' | cut -d, -f2 | xargs)"
	strongroom metric list m --json | grep -q '"value": 0.1}'
	strongroom metric list m --json | grep -q '"value": 0.30000000000000004}'
}

@test "old programs' times are read in all their forms, oldest first" {
	sqlite3 "$STRONGROOM_DB" "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES
		(strftime('%Y-%m-%dT%H:%M:%S.123456', 'now', '-3 hours'), 'm', 3),
		(strftime('%Y-%m-%d %H:%M:%S', 'now', '-2 hours'), 'm', 2),
		(strftime('%Y-%m-%dT%H:%M:%S+00:00Z', 'now', '-1 hours'), 'm', 1),
		(strftime('%Y-%m-%dT%H:%M:%S+14:00', 'now', '-4 hours', '+14 hours'), 'm', 4),
		(strftime('%Y-%m-%dT%H:%M:%S', 'now', '-40 hours'), 'm', 40), ('soon', 'm', 0)"
	equal '[4,3,2,1]' "$(json 'map(.value | floor)' metric list m)"
	equal '[40,4,3,2,1]' "$(json 'map(.value | floor)' metric list m --hours 48)"
	equal '[1]' "$(json 'map(.value | floor)' metric list m --hours 2)"
	equal '{"removed":1}' "$(json . metric cleanup --days 1 --yes)"
	old_database old.db 0
	equal '[]' "$(json . --db old.db metric list load)"
	refused 1 'migrate up' -- --db old.db metric record load 1
}

@test "what is no name and no number is refused" {
	refused 2 empty -- metric record '' 1
	refused 2 101 -- metric record "$(printf '%0101d' 7)" 1
	refused 2 control -- metric record "$(printf 'a\nb')" 1
	refused 2 UTF-8 -- metric record "$(printf 'a\377b')" 1
	refused 2 number -- metric record load much
	refused 2 number -- metric record load nan
	refused 2 number -- metric record load inf
	refused 2 'VALUE "1e999" is beyond the largest number' -- metric record load 1e999
	refused 2 'VALUE "0x10" is not a number' -- metric record load 0x10
	refused 2 'VALUE " 1" is not a number' -- metric record load ' 1'
	refused 2 '"-5" is not an option; put -- before' -- metric record load -5
	refused 2 missing -- metric record load
	refused 2 hours -- metric list load --hours 0
	refused 2 days -- metric cleanup --yes --days=-1
	equal 0 "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*) FROM metrics_history')"
}
