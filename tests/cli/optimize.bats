#!/usr/bin/env bats
# The database made compact.
load common

setup_more() {
	old_database "$STRONGROOM_DB" 5
	strongroom init >/dev/null
	rm "$STRONGROOM_DB"_backup_*
	sqlite3 "$STRONGROOM_DB" "
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
		INSERT INTO files (ID, FileName, PathName, ClientID)
			SELECT CAST(printf('%016d', i) AS BLOB), 'name ' || i, 'p/' || i, (SELECT ID FROM clients LIMIT 1) FROM n;
		DELETE FROM files WHERE rowid % 4 > 0;"
}

teardown_more() {
	[ ! -d "$folder/small" ] || umount "$folder/small"
}

rows() {
	sqlite3 "$STRONGROOM_DB" 'SELECT rowid, * FROM files' | sha256sum
}

@test "it says what it needs, gives space back, and all figures are true" {
	before=$(rows)
	size=$(stat -c %s "$STRONGROOM_DB")
	try --json optimize
	equal 0 "$status"
	equal '[true,true,[],true,true]' "$(jq -c '[.vacuum_performed, .analyze_performed, .errors,
		.size_before_mb - .size_after_mb == .space_saved_mb, .space_saved_mb > 0]' "$folder/out")"
	equal "$size" "$(jq .size_before "$folder/out")"
	equal "$(stat -c %s "$STRONGROOM_DB")" "$(jq .size_after "$folder/out")"
	equal "$before" "$(rows)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	equal "$STRONGROOM_DB" "$(ls "$folder"/catalog.db*)"
	try optimize
	grep -q "^Needs .* of free space in its folder, where .* are.$" "$folder/out"
	grep -q "^vacuum .*yes" "$folder/out"
	try --csv optimize --analyze-only
	equal "search_index_built,vacuum_performed,analyze_performed,size_before_mb,size_after_mb,space_saved_mb,errors" "$(head -1 "$folder/out" | tr -d '\r')"
	grep -q "^0,0,1," "$folder/out"
}

@test "analyze alone leaves the file as it is" {
	equal '[false,true,null]' "$(json '[.vacuum_performed, .analyze_performed, .needed]' optimize --analyze-only)"
	[ "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA freelist_count')" -gt 0 ]
	[ "$(sqlite3 "$STRONGROOM_DB" "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'files'")" -gt 5 ]
}

@test "without the space that it needs it does not begin" {
	mkdir "$folder/small"
	mount -t tmpfs -o size=4m none "$folder/small" || {
		rmdir "$folder/small"
		skip "cannot mount here"
	}
	cp "$STRONGROOM_DB" "$folder/small/a.db"
	export STRONGROOM_DB=$folder/small/a.db
	before=$(rows)
	needed=$(strongroom --json optimize | jq .needed)
	free=$(($(df --output=avail -B1 "$folder/small" | tail -1)))
	head -c $((free - needed / 2)) /dev/zero >"$folder/small/fill"
	refused 1 "$folder/small" "bytes, and" "are free" -- optimize
	grep -q "^Needs " "$folder/out"
	try --json optimize
	equal 1 "$status"
	equal '[false,false,1]' "$(jq -c '[.vacuum_performed, .analyze_performed, (.errors | length)]' "$folder/out")"
	jq -e '.errors[0] | startswith("vacuum: ")' "$folder/out"
	equal "$before" "$(rows)"
	equal "" "$(find "$folder/small" -name '*.part*')"
}

# A catalog of 150,000 more files, most of them deleted again.
fill() {
	sqlite3 "$STRONGROOM_DB" "DELETE FROM files WHERE rowid > 10;
		WITH RECURSIVE n(i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < 160000)
		INSERT INTO files (ID, FileName, PathName, ClientID)
			SELECT CAST(printf('%016d', i) AS BLOB), 'name ' || i, 'p/' || i, (SELECT ID FROM clients LIMIT 1) FROM n;
		DELETE FROM files WHERE rowid % 8 > 0;"
}

# Interrupted once its copy is there: $status.
interrupt() {
	# Job control, so that the signal is not ignored.
	set -m
	"$PROGRAM" optimize >"$folder/out" 2>"$folder/err" &
	set +m
	for _ in $(seq 2000); do
		compgen -G "$STRONGROOM_DB*.part" >/dev/null && break
		sleep 0.001
	done
	kill -INT $! || true
	status=0
	wait $! || status=$?
}

@test "Ctrl-C leaves it as it was" {
	# It may be done before the signal comes: then once more.
	for _ in $(seq 30); do
		fill
		strongroom optimize --search-index >/dev/null # Else it takes pages before it is interrupted.
		before=$(rows)
		unused=$(sqlite3 "$STRONGROOM_DB" 'PRAGMA freelist_count')
		interrupt
		[ "$status" -ne 0 ] && break
	done
	equal 1 "$status"
	grep -q "cancelled\|interrupted" "$folder/err"
	equal "$before" "$(rows)"
	equal "$unused" "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA freelist_count')"
	equal "" "$(find "$folder" -name '*.part*')"
}

@test "old databases keep their version, foreign triggers are not run" {
	for version in 0 3; do
		export STRONGROOM_DB=$folder/v$version.db
		old_database "$STRONGROOM_DB" $version
		equal '[true,[]]' "$(json '[.vacuum_performed, .errors]' optimize)"
		equal $version "$(json .current_version migrate status)"
	done
	sqlite3 "$STRONGROOM_DB" "CREATE TRIGGER strange AFTER INSERT ON files BEGIN SELECT 1; END"
	refused 1 strange -- optimize
	refused 1 "strongroom init" -- --db "$folder/none.db" optimize
	refused 2 "--nonsense" -- optimize --nonsense
}
