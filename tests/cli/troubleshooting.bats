#!/usr/bin/env bats
# Every entry of docs/TROUBLESHOOTING.md that the command line can bring about: the trouble, and the
# cure in its message, which is then applied. The pool and the log are in the unit tests.
load common

@test "potentially dangerous operations: refused with the setting that allows them" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	for sql in 'DROP TABLE files' 'DELETE FROM clients' "ATTACH 'x' AS x" 'DROP INDEX idx_files_size'; do
		refused 1 "contains potentially dangerous operations" DANGEROUS_OPERATIONS_BLOCKED -- sql --write "$sql"
	done
	equal 1 "$(json length client list)"
	DANGEROUS_OPERATIONS_BLOCKED=false strongroom sql --write 'DELETE FROM clients' >/dev/null
	equal 0 "$(json length client list)"
}

@test "no such column: FileCategory names migrate up, which adds it" {
	old_database "$STRONGROOM_DB" 1
	refused 1 "no such column: FileCategory" "strongroom migrate up" -- sql 'SELECT FileCategory FROM files'
	refused 1 "no such table: file_versions" "strongroom migrate up" -- sql 'SELECT * FROM file_versions'
	refused 1 "strongroom migrate up" -- client add x
	strongroom migrate up >/dev/null
	strongroom sql 'SELECT FileCategory FROM files' >/dev/null
	strongroom client add x >/dev/null
}

@test "slow queries: health says what makes them so, and the command that helps does" {
	old_database "$STRONGROOM_DB" 0
	try health
	grep -q 'cure: strongroom migrate up' "$folder/out"
	strongroom migrate up >/dev/null
	plan=$(strongroom --plain sql "EXPLAIN QUERY PLAN SELECT 1 FROM files WHERE ClientID = x'00' AND FileName = 'a'")
	[[ $plan == *"SEARCH files USING"* ]]

	sqlite3 "$STRONGROOM_DB" 'DROP INDEX idx_files_size'
	said=$(strongroom health || true)
	[[ $said == *"idx_files_size"*"cure: strongroom repair --apply"* ]]
	strongroom --yes repair --apply >/dev/null
	equal 1 "$(sqlite3 "$STRONGROOM_DB" "SELECT count(*) FROM sqlite_master WHERE name = 'idx_files_size'")"
	strongroom --yes optimize >/dev/null
}

@test "high memory usage: what runs out says what needs less" {
	# A build with sanitizers takes terabytes of addresses, and reports that it does not get them.
	PROGRAM=$(realpath "$BATS_TEST_DIRNAME/../../build/strongroom")
	[ -x "$PROGRAM" ] || skip "the build without sanitizers is not there"
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	seq 30000 | sed 's/.*/{"original_path": "\/some\/folder\/with\/a\/long\/name\/file&", "size": &}/' |
		strongroom file import --client pc >/dev/null
	found=
	for kilobytes in 14000 16000 18000 20000 24000 28000; do
		status=0
		(ulimit -v $kilobytes && exec "$PROGRAM" search --limit 1000000 >/dev/null 2>err) || status=$?
		[ "$status" -lt 128 ]
		if [ "$status" -eq 1 ] && grep -q '^strongroom: out of memory.*CONNECTION_POOL_SIZE.*--limit' err; then
			found=$kilobytes
		fi
	done
	[ -n "$found" ]
	# It was the limit alone, and the catalog is whole.
	equal 30000 "$(json '.files | length' search --limit 1000000)"
}

@test "database locks: the message names the process, and what to do" {
	strongroom init >/dev/null
	mkfifo hold
	sqlite3 "$STRONGROOM_DB" <hold >/dev/null 2>&1 &
	holder=$!
	exec 8>hold
	echo 'BEGIN IMMEDIATE;' >&8
	for _ in $(seq 100); do
		sqlite3 "$STRONGROOM_DB" 'BEGIN IMMEDIATE; ROLLBACK;' 2>/dev/null || break
		sleep 0.05
	done
	CONNECTION_TIMEOUT=0.3 refused 1 "locked by another program" CONNECTION_TIMEOUT -- client add x
	if grep -q ' POSIX ' /proc/locks; then
		grep -q "process $holder 'sqlite3'" "$folder/err"
	fi
	# What it says does not get lost on the way through a migration, and no backup is left.
	CONNECTION_TIMEOUT=0.3 refused 1 "locked by another program" CONNECTION_TIMEOUT "at version" -- \
		--yes migrate down --to 5
	equal 0 "$(find "$folder" -name '*_backup_2*.db' | wc -l)"
	# Readers go on.
	equal 0 "$(json length client list)"
	exec 8>&-
	wait
	strongroom client add x >/dev/null
}

@test "two names of one file: one is removed, or the other becomes a file of its own" {
	strongroom init >/dev/null
	ln "$STRONGROOM_DB" other.db
	refused 1 "2 names (hard links) and takes no writes" -- client add x
	equal 2 "$(find . "$folder" -maxdepth 1 -samefile "$STRONGROOM_DB" | wc -l)"
	cp "$STRONGROOM_DB" copy.db && mv copy.db "$STRONGROOM_DB"
	strongroom client add x >/dev/null
	ln "$STRONGROOM_DB" another.db
	refused 1 "2 names" -- client add y
	rm another.db
	strongroom client add y >/dev/null
	equal 2 "$(json length client list)"
}

@test "debug mode: levels, for all or by module" {
	strongroom init >/dev/null
	strongroom migrate down --to 5 --yes >/dev/null 2>&1
	STRONGROOM_LOG=migrate:info,error strongroom migrate up >/dev/null 2>err
	grep -q '^strongroom: info: \[migrate\] ' err
	strongroom migrate down --to 5 --yes >/dev/null 2>&1
	strongroom --log-level error migrate up >/dev/null 2>err
	equal '' "$(cat err)"
	STRONGROOM_LOG=nonsense refused 2 nonsense -- stats
}

@test "every entry has a section" {
	for title in 'Connection pool exhausted' 'WAL mode not available' 'Potentially dangerous operations' \
		'No such column: FileCategory' 'Slow queries' 'High memory usage' 'Database locks' 'Two names of one file' 'Debug mode'; do
		grep -qx "## $title" "$BATS_TEST_DIRNAME/../../docs/TROUBLESHOOTING.md"
	done
}
