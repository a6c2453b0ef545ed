#!/usr/bin/env bats
# The keys of files outlive whatever is done to the database.
load common

setup_more() {
	old_database "$STRONGROOM_DB" 5
	strongroom init >/dev/null
	rm "$STRONGROOM_DB"_backup_*
	sqlite3 "$STRONGROOM_DB" "
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
		INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)
			SELECT CAST(printf('%016d', i) AS BLOB), 'name ' || i, 'p/' || i, i, (SELECT ID FROM clients LIMIT 1) FROM n;
		DELETE FROM files WHERE RowKey % 5 = 2 OR RowKey > 1900;
		INSERT INTO file_versions (FileID, VersionNumber, PathName, CreatedDate) SELECT ID, 1, PathName, 'then' FROM files WHERE RowKey > 100 LIMIT 9;
		UPDATE files SET CurrentVersionID = (SELECT v.ID FROM file_versions v WHERE v.FileID = files.ID);"
	before=$(keys "$STRONGROOM_DB")
	used=$(sqlite3 "$STRONGROOM_DB" "SELECT seq FROM sqlite_sequence WHERE name = 'files'")
	[ "$used" -gt 1990 ]
}

keys() {
	sqlite3 "$1" 'SELECT RowKey, hex(ID), FileName, FileSize FROM files ORDER BY RowKey' | sha256sum
}

# The keys are as they were, and the next one is one that no file ever had.
kept() {
	local db=${1:-$STRONGROOM_DB}
	equal "$before" "$(keys "$db")"
	equal ok "$(sqlite3 "$db" 'PRAGMA integrity_check')"
	equal "" "$(sqlite3 "$db" 'PRAGMA foreign_key_check(file_versions)')"
	sqlite3 "$db" "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES (x'77', 'n', 'p', (SELECT ID FROM clients LIMIT 1))"
	equal "${2:-$((used + 1))}" "$(sqlite3 "$db" "SELECT RowKey FROM files WHERE ID = x'77'")"
	sqlite3 "$db" "DELETE FROM files WHERE ID = x'77'"
}

@test "VACUUM keeps them, and so does a dump that is loaded again" {
	sqlite3 "$STRONGROOM_DB" VACUUM
	kept
	sqlite3 "$STRONGROOM_DB" .dump >"$folder/dump.sql"
	sqlite3 "$folder/again.db" <"$folder/dump.sql"
	kept "$folder/again.db" $((used + 2))
	equal true "$(json .verified --db "$folder/again.db" migrate verify)"
	equal '[]' "$(json '[.findings[].code] - ["storage_missing", "engine_flaw", "version_differs"]' --db "$folder/again.db" health --full)"
}

@test "optimize keeps them" {
	strongroom optimize >/dev/null
	kept
}

@test "a backup brings them back, packed or not" {
	strongroom backup "$folder/plain.db" >/dev/null
	strongroom backup --compress "$folder/packed.db.zst" >/dev/null
	for one in plain.db packed.db.zst; do
		sqlite3 "$STRONGROOM_DB" 'DELETE FROM files WHERE RowKey < 1000'
		strongroom restore "$folder/$one" --yes >/dev/null
		kept
	done
}

@test "a backup from before keys is restored and gets them" {
	strongroom migrate down --to 13 --yes >/dev/null
	strongroom backup "$folder/old.db" >/dev/null
	strongroom migrate up >/dev/null
	kept
	strongroom restore "$folder/old.db" --yes >/dev/null
	strongroom migrate up >/dev/null
	kept
}

@test "salvage keeps those of the rows that it finds, and what was used" {
	strongroom salvage "$STRONGROOM_DB" "$folder/saved.db" >/dev/null
	kept "$folder/saved.db"
}

@test "repair keeps them" {
	sqlite3 "$STRONGROOM_DB" "UPDATE client_usage SET Files = 5; UPDATE files SET TotalVersions = 7 WHERE RowKey < 100"
	strongroom repair --apply --yes >/dev/null
	equal "$before" "$(keys "$STRONGROOM_DB")"
}

@test "plain SQL sees the columns in the order that it knows" {
	sqlite3 -header "$STRONGROOM_DB" 'SELECT * FROM files LIMIT 1' >"$folder/out"
	grep -q '^ID|FileName|PathName|Verified|FileSize|ModificationDate|CRC|ClientID|.*|MissingSince|RowKey$' "$folder/out"
	equal "$(sqlite3 "$STRONGROOM_DB" 'SELECT min(RowKey) FROM files')" \
		"$(strongroom --plain sql 'SELECT RowKey FROM files ORDER BY RowKey LIMIT 1')"
	# The counters hear of a key that changes and takes another's place.
	sqlite3 "$STRONGROOM_DB" "UPDATE OR REPLACE files SET RowKey = 11 WHERE RowKey = 13"
	equal '[]' "$(json '[.findings[].code] - ["storage_missing", "engine_flaw", "version_differs"]' health)"
}
