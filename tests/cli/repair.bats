#!/usr/bin/env bats
# strongroom repair: shows what it would do, does that alone, and health is content afterwards.
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc --id 00112233445566778899aabbccddeeff >/dev/null
	mkdir tree
	for i in $(seq 30); do echo "$i" >"tree/it's file $i"; done
	strongroom record --client pc tree >/dev/null
	for i in $(seq 5); do echo "$i again" >"tree/it's file $i"; done
	strongroom record --client pc tree >/dev/null
}

@test "nothing to mend is said so, and leaves no backup" {
	equal 'Nothing is to be mended.' "$(strongroom repair)"
	equal 'Nothing is to be mended.' "$(strongroom repair --apply)"
	equal '{"applied":false,"steps":[],"damage":null,"backup":null}' "$(json . repair)"
	[ -z "$(ls "$folder"/*backup* 2>/dev/null)" ]
}

@test "a dry run shows and changes nothing; --apply mends after a backup" {
	sqlite3 "$STRONGROOM_DB" "UPDATE client_usage SET Files = 7; DROP INDEX idx_files_size"
	before=$(sqlite3 "$STRONGROOM_DB" .dump | cksum)
	try repair
	equal 0 "$status"
	grep -q "count anew what clients use, in 'client_usage': 1" "$folder/out"
	grep -q "make 'idx_files_size' as the schema has it: 1" "$folder/out"
	grep -q 'strongroom repair --apply' "$folder/out"
	equal "$before" "$(sqlite3 "$STRONGROOM_DB" .dump | cksum)"
	equal '["schema_lacks","usage_wrong"]' "$(json '.steps | map(.code)' repair)"
	equal 2 "$(strongroom repair --csv | tail -n +2 | wc -l)"

	refused 2 --yes -- repair --apply
	equal "$before" "$(sqlite3 "$STRONGROOM_DB" .dump | cksum)"
	try repair --apply --yes
	equal 0 "$status"
	grep -q "done: count anew what clients use, in 'client_usage': 1 of 1" "$folder/out"
	backup=$(sed -n 's/^The database as it was: //p' "$folder/out")
	equal 7 "$(sqlite3 "$backup" 'SELECT Files FROM client_usage')"
	strongroom health --full
	equal 0 "$(json '.issues | length' health --full)"
}

@test "a table that is gone is made anew and counted, and one repair is enough" {
	sqlite3 "$STRONGROOM_DB" 'DROP TABLE client_usage; DROP TABLE category_rules'
	sqlite3 -cmd '.dbconfig enable_trigger off' "$STRONGROOM_DB" 'UPDATE files SET CurrentVersionID = 99999, FileSize = 1 WHERE TotalVersions = 2' >/dev/null
	try health
	equal 3 "$status"
	equal '["strongroom repair --apply"]' "$(json '[.findings[] | select(.code == "schema_lacks") | .cure] | unique' health)"
	try repair --apply --yes --no-backup
	equal 0 "$status"
	grep -q "done: make the table 'client_usage' anew, without what it held: 1 of 1" "$folder/out"
	grep -q "done: count anew what clients use, in 'client_usage': 1 of 1" "$folder/out"
	grep -q "done: bring the history of 'files' up to what they are: 5 of 5" "$folder/out"
	equal 'Nothing is to be mended.' "$(strongroom repair)"
	strongroom health --full
	equal 30 "$(sqlite3 "$STRONGROOM_DB" 'SELECT Files FROM client_usage')"
	[ "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*) FROM category_rules')" -gt 100 ]
}

@test "orphans move aside, and come back as the manual page says" {
	sqlite3 "$STRONGROOM_DB" 'SELECT * FROM files ORDER BY ID' >files.before
	sqlite3 "$STRONGROOM_DB" 'SELECT * FROM file_versions ORDER BY ID' >versions.before
	# No trigger, as a program that knows nothing of them would do it.
	sqlite3 -cmd '.dbconfig enable_trigger off' "$STRONGROOM_DB" 'DELETE FROM clients' >/dev/null
	try health
	equal 3 "$status"
	equal '[30,30]' "$(json '[.steps[] | select(.subject == "files") | .count, .done]' repair --apply --yes --no-backup)"
	strongroom health --full
	equal 0 "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*) FROM files')"

	strongroom client add pc --id 00112233445566778899aabbccddeeff >/dev/null
	strongroom sql --plain 'SELECT Content FROM orphaned_rows ORDER BY ID' |
		while IFS= read -r row; do strongroom sql --write "$row" >/dev/null; done
	strongroom sql --write 'DELETE FROM orphaned_rows' >/dev/null
	sqlite3 "$STRONGROOM_DB" 'SELECT * FROM files ORDER BY ID' | cmp - files.before
	sqlite3 "$STRONGROOM_DB" 'SELECT * FROM file_versions ORDER BY ID' | cmp - versions.before
	strongroom health --full
}

@test "damaged pages are told of, and not mended" {
	page=$(sqlite3 "$STRONGROOM_DB" "SELECT pageno FROM dbstat WHERE name = 'files' AND pagetype = 'leaf' LIMIT 1")
	yes Z | tr -d '\n' | dd of="$STRONGROOM_DB" bs=1 count=300 \
		seek=$(((page - 1) * $(sqlite3 "$STRONGROOM_DB" 'PRAGMA page_size'))) conv=notrunc status=none
	try repair
	[ "$status" -ne 0 ] || grep -q 'strongroom salvage' "$folder/err"
	grep -qi 'damaged' "$folder/err"
}

@test "an older database is to be upgraded first" {
	old_database old.db 5
	refused 1 'strongroom migrate up' -- --db old.db repair
}
