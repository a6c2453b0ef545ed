#!/usr/bin/env bats
# strongroom health: what it finds, in which words, and how it ends.
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	mkdir tree
	for i in $(seq 300); do echo "$i" >"tree/file number $i"; done
	strongroom record --client pc tree >/dev/null
}

# Overwrites a page in the middle of a table: damage NAME.
damage() {
	local page
	page=$(sqlite3 "$STRONGROOM_DB" "SELECT pageno FROM dbstat WHERE name = '$1' AND pagetype = 'leaf' LIMIT 1 OFFSET 1")
	yes Z | tr -d '\n' | dd of="$STRONGROOM_DB" bs=1 count=300 \
		seek=$(((page - 1) * $(sqlite3 "$STRONGROOM_DB" 'PRAGMA page_size'))) conv=notrunc status=none
}

@test "a healthy catalog has the keys of old and no issue, and nothing changes" {
	before=$(stat -c '%Y %s' "$STRONGROOM_DB")
	equal '[true,true,true,[]]' "$(json '[.integrity_check, .foreign_key_check, .connection_pool_healthy, .issues]' health)"
	equal '["number","number"]' "$(json '[.table_count, .index_count] | map(type)' health)"
	equal '["active_connections","available_connections","enabled","exhaustion_events","health_score","peak_active","pool_size","recommendations","utilization_percent","warnings"]' \
		"$(json '.connection_pool_metrics | keys' health)"
	equal '["message","size_bytes","size_mb","status","threshold_critical_mb","threshold_warning_mb"]' "$(json '.size | keys' health)"
	equal '["ok",500,1000]' "$(json '.size | [.status, .threshold_warning_mb, .threshold_critical_mb]' health)"
	strongroom health --full
	equal '[]' "$(json .unseen health --full)"
	equal "$before" "$(stat -c '%Y %s' "$STRONGROOM_DB")"
	[ ! -e "$STRONGROOM_DB-wal" ]
}

@test "what people read fits a terminal's 80 columns" {
	sqlite3 "$STRONGROOM_DB" "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) VALUES (x'77', 'save', 'now')"
	NO_COLOR=1 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 80 "" "$PROGRAM" health >shown || true
	grep -q 'unhealthy: 1 error' shown
	# How far it is may have been shown and wiped away before the first line.
	run awk '{ sub(/.*\033\[K/, ""); sub(/\r$/, ""); gsub(/…/, "."); if (length($0) > 80) print }' shown
	equal "" "$output"
}

@test "a damaged page is found by --full, with the cure" {
	damage files
	try health --full
	equal 3 "$status"
	grep -q '^error: .*damaged' "$folder/out"
	grep -q 'strongroom salvage' "$folder/out"
	equal false "$(json .integrity_check health --full || true)"
	equal true "$(strongroom health --full --json | jq '[.findings[].code] | index("damaged") != null')"
}

@test "each finding is a line for programs" {
	sqlite3 "$STRONGROOM_DB" 'DROP INDEX idx_files_size'
	try health --csv
	equal 3 "$status"
	equal severity,code,subject,count,meaning,cure "$(head -1 "$folder/out" | tr -d '\r')"
	grep -q '^error,schema_lacks,idx_files_size,1,' "$folder/out"
	equal 'error schema_lacks' "$(strongroom health --plain | head -1 | cut -f 1,2 | tr '\t' ' ')"
}

@test "warnings and notes leave the exit status 0" {
	export SIZE_WARNING_MB=0.01
	try health
	equal 0 "$status"
	grep -q '^warning: .*SIZE_WARNING_MB' "$folder/out"
	SIZE_CRITICAL_MB=0.02
	export SIZE_CRITICAL_MB
	equal '["critical","size_critical"]' "$(json '[.size.status, (.findings[] | select(.severity == "warning") | .code)]' health)"
	SIZE_CRITICAL_MB=0.x refused 2 SIZE_CRITICAL_MB -- health
}

@test "a file that is no database says why and ends with 3; none at all with 1" {
	echo 'A letter, and not at all a database: it is too short, and full of words.' >letter
	try --db letter health
	equal 3 "$status"
	grep -q letter "$folder/out"
	equal '[false,"cannot_open"]' "$(strongroom --db letter health --json | jq -c '[.opened, .findings[0].code]')"
	refused 1 'strongroom init' -- --db nothing health
}

@test "old databases are looked at as they are" {
	for version in 0 1 2 3 4 5; do
		old_database "old$version.db" "$version"
		try --db "old$version.db" health --full
		equal 0 "$status"
		grep -q 'strongroom migrate up' "$folder/out"
	done
}

@test "--verify-files reads what is stored, all or a sample, and marks nothing" {
	mkdir "$folder/received_files"
	for i in $(seq 20); do
		printf 'file %d' "$i" >"$folder/received_files/$i"
		printf '{"filename": "%d", "path": "received_files/%d", "size": %d, "hash": "%s"}\n' "$i" "$i" \
			"$(printf 'file %d' "$i" | wc -c)" "$(printf 'file %d' "$i" | sha256sum | cut -d ' ' -f 1)"
	done | strongroom file import --client pc >/dev/null
	equal '[20,0]' "$(json '.stored_files | [.read, .failed]' health --verify-files)"
	seed=$(json .stored_files.seed health --verify-files --sample 50%)
	equal "$(json .stored_files.read health --verify-files --sample 50% --seed "$seed")" \
		"$(json .stored_files.read health --verify-files --sample 50% --seed "$seed")"
	printf 'File 7' >"$folder/received_files/7"
	rm "$folder/received_files/8"
	try health --verify-files
	equal 3 "$status"
	grep -q "stored file '.*received_files/7' has the hash" "$folder/out"
	grep -q "received_files/8" "$folder/out"
	grep -q '20 read, 2 failed, seed' "$folder/out"
	equal 0 "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*) FROM files WHERE PathName LIKE "received_files/%" AND Verified')"
}

@test "what a plain session does shows at once" {
	sqlite3 "$STRONGROOM_DB" "INSERT OR REPLACE INTO files (ID, FileName, PathName, FileSize, ClientID, IsStored) SELECT ID, 'x', 'x', 7, ClientID, 0 FROM files LIMIT 10; UPDATE files SET FileSize = FileSize + 1; DELETE FROM files WHERE rowid % 3 = 0"
	strongroom health --full
	equal "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*), sum(FileSize) FROM files')" \
		"$(sqlite3 "$STRONGROOM_DB" 'SELECT Files, Bytes FROM client_usage')"
}

@test "sessions that come and go meanwhile are no trouble" {
	for i in $(seq 60); do
		sqlite3 -cmd '.timeout 5000' "$STRONGROOM_DB" "UPDATE files SET FileSize = $i WHERE rowid = $i"
	done &
	writer=$!
	while kill -0 "$writer" 2>/dev/null; do strongroom health --plain >/dev/null; done
	wait "$writer"
	strongroom health --full
}

@test "a reader of another process is seen" {
	exec 9> >(sqlite3 "$STRONGROOM_DB" >/dev/null)
	echo "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES ('now', 'x', 1); BEGIN; SELECT count(*) FROM files;" >&9
	for _ in $(seq 100); do
		[ "$(json .log.other_readers health)" = 0 ] || break
		sleep 0.1
	done
	equal 1 "$(json .log.other_readers health)"
	exec 9>&-
}

@test "--watch prints a block each time and ends at Ctrl-C with the last state" {
	"$PROGRAM" health --watch 1 >shown 2>&1 &
	watcher=$!
	for _ in $(seq 100); do
		[ "$(grep -c '^healthy' shown)" -lt 2 ] || break
		sleep 0.1
	done
	kill -TERM "$watcher"
	wait "$watcher"
	[ "$(grep -c '^healthy' shown)" -ge 2 ]
	! grep -q $'\033' shown
	refused 2 'for people' -- health --watch --csv
	refused 2 '--watch' -- health --watch never
}

@test "options that make no sense are refused" {
	refused 2 '"none"' -- health --verify-files --sample none
	refused 2 '"0%"' -- health --verify-files --sample 0%
	refused 2 '"101"' -- health --verify-files --sample 101
	refused 2 '--verify-files' -- health --sample 5%
	refused 2 '"5"' -- health 5
}
