#!/usr/bin/env bats
# Databases of the old code, made by stock SQLite.
load common

# All rows of the core tables, as version 0 has them.
core_rows() {
	sqlite3 "$1" "SELECT hex(ID), Name, hex(PublicKey), LastSeen FROM clients ORDER BY 1;
		SELECT hex(ID), FileName, PathName, Verified, FileSize, ModificationDate, CRC, hex(ClientID)
		FROM files ORDER BY 1;"
}

@test "every version is read without being changed" {
	for version in 0 1 2 3 4 5; do
		old_database "$folder/old.db" $version
		before=$(sha256sum <"$folder/old.db")
		equal 3 "$(json '.files | length' --db "$folder/old.db" search)"
		equal '["a.txt","a.txt"]' "$(json '[.files[].filename]' --db "$folder/old.db" search A.TXT)"
		equal 3 "$(json .file_stats.total_files --db "$folder/old.db" stats)"
		equal 2 "$(json length --db "$folder/old.db" client list)"
		equal 2 "$(json length --db "$folder/old.db" file list 'old one')"
		equal $version "$(json .current_version --db "$folder/old.db" migrate status)"
		equal "$before" "$(sha256sum <"$folder/old.db")"
		equal 1 "$(find "$folder" -name 'old.db*' | wc -l)"
		rm "$folder/old.db"
	done
}

@test "writers name migrate up and change nothing" {
	old_database "$STRONGROOM_DB" 5
	before=$(core_rows "$STRONGROOM_DB")
	refused 1 "migrate up" -- client add x
	refused 1 "migrate up" -- client delete 'old one' --yes
	refused 1 "migrate up" -- file delete 'old one' a.txt --keep-stored --yes
	printf 'filename\nx\n' >x.csv
	refused 1 "migrate up" -- file import --client 'old one' x.csv
	equal "$before" "$(core_rows "$STRONGROOM_DB")"
}

@test "every version upgrades, goes down to 0 and up again with every row" {
	for version in 0 1 2 3 4 5; do
		export STRONGROOM_DB=$folder/v$version.db
		old_database "$STRONGROOM_DB" $version
		before=$(core_rows "$STRONGROOM_DB")
		[ $((version % 2)) = 0 ] && command=init || command="migrate up"
		equal "[$version,19]" "$(json '[.from_version, .version]' $command)"
		equal "$before" "$(core_rows "$STRONGROOM_DB")"
		equal 1 "$(find "$folder" -name "v$version.db_backup_*.db" | wc -l)"
		equal "$before" "$(core_rows "$(find "$folder" -name "v$version.db_backup_*.db")")"
		equal true "$(json .verified migrate verify)"
		strongroom migrate down --to 0 --yes >/dev/null
		equal "$before" "$(core_rows "$STRONGROOM_DB")"
		strongroom migrate up >/dev/null
		equal "$before" "$(core_rows "$STRONGROOM_DB")"
		equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	done
}

@test "a database newer than the program is refused by both versions' numbers" {
	strongroom init >/dev/null
	sqlite3 "$STRONGROOM_DB" "INSERT INTO database_migrations (version, description, applied_at, checksum) VALUES (99, 'from the future', '2030-01-01', 'c0ffee')"
	for command in stats init "migrate up" "client add x"; do
		refused 1 99 19 -- $command
	done
}
