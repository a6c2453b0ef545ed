#!/usr/bin/env bats
# strongroom history, and what file does with versions.
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	strongroom client add diff >/dev/null
	import /etc/a 10 aa 2026-01-01T10:00:00Z
	import /etc/a 20 bb 2026-02-01T10:00:00Z
	import /etc/a 30 cc 2026-03-01T10:00:00Z
	import /etc/once 1 dd 2026-01-01T10:00:00Z
}

# import PATH SIZE LETTERS DATE [CLIENT]
import() {
	printf '{"original_path": "%s", "size": %d, "hash": "%s", "date": "%s", "stored": false}\n' \
		"$1" "$2" "$(printf "$3%.0s" {1..32})" "$4" |
		strongroom file import --client "${5:-pc}" >/dev/null
}

@test "activate brings a version back as a new one, and overwrites none" {
	strongroom file activate pc /etc/a --version 1 >out
	equal 'Version 1 is current again, as version 4.' "$(cat out)"
	equal '[[1,10,false,null],[2,20,false,1],[3,30,false,2],[4,10,true,1]]' \
		"$(json 'map([.version, .size, .active, .parent])' history pc /etc/a)"
	equal '[10,"2026-01-01T10:00:00Z",false,4]' \
		"$(json '[.size, .date, .verified, .versions]' file show pc /etc/a)"
	equal '{"client":"pc","path":"/etc/a","version":5}' \
		"$(json . file activate pc /etc/a --version 3)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	equal '' "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA foreign_key_check')"
}

@test "the table tells hashes and where versions came from, in 80 columns" {
	strongroom file activate pc /etc/a --version 2 >/dev/null
	strongroom file pin pc /etc/a --version 4 >/dev/null
	sqlite3 "$STRONGROOM_DB" 'UPDATE file_versions SET FileSize = 1024000 WHERE VersionNumber < 4'
	strongroom history pc /etc/a >out
	equal 'VERSION SIZE MODIFIED HASH FROM' "$(head -1 out | xargs)"
	equal '1 1000.0 KiB 2026-01-01 10:00 aaaaaaaaaaaa' "$(sed -n 2p out | xargs)"
	equal '2 1000.0 KiB 2026-02-01 10:00 bbbbbbbbbbbb 1' "$(sed -n 3p out | xargs)"
	equal '4 20 B 2026-02-01 10:00 bbbbbbbbbbbb 2 current, pinned' "$(sed -n 5p out | xargs)"
	run grep -E '.{81}' out
	equal '' "$output"
	equal 'version,size,date,created,crc,hash,active,path,id,parent,pinned' \
		"$(strongroom history pc /etc/a --csv | head -1 | tr -d '\r')"
	strongroom history pc /etc/a --plain | grep -q "$(printf 'b%.0s' {1..64})"
}

@test "activate says what cannot be" {
	refused 2 '--version is missing' 'strongroom history' -- file activate pc /etc/a
	refused 2 "--version '0'" -- file activate pc /etc/a --version 0
	refused 2 'version 3 of file' 'current one already' -- file activate pc /etc/a --version 3
	refused 1 "file '/etc/a' has no version 9" -- file activate pc /etc/a --version 9
	refused 1 "'/etc/none'" -- file activate pc /etc/none --version 1
	refused 1 "'nobody'" -- file activate nobody /etc/a --version 1
	equal 3 "$(json length history pc /etc/a)"
}

@test "record looks again after activate" {
	mkdir tree
	echo one >tree/a
	strongroom record --client pc tree >/dev/null
	echo other >tree/a
	strongroom record --client pc tree >/dev/null
	equal 0 "$(json .changed record --client pc tree)"
	strongroom file activate pc "$PWD/tree/a" --version 1 >/dev/null
	equal 1 "$(json .changed record --client pc tree)"
	equal '[4,6,4,6]' "$(json 'map(.size)' history pc "$PWD/tree/a")"
}

@test "pin and unpin, also of a file that never changed" {
	equal 'Version 2 is pinned: it is never pruned.' "$(strongroom file pin pc /etc/a --version 2)"
	strongroom file pin pc /etc/a >/dev/null
	equal '[false,true,true]' "$(json 'map(.pinned)' history pc /etc/a)"
	equal 1 "$(strongroom history pc /etc/a | grep -v current | grep -c ' pinned$')"
	equal 1 "$(strongroom history pc /etc/a | grep -c ' current, pinned$')"
	equal 'Version 2 is not pinned any more.' "$(strongroom file unpin pc /etc/a --version 2)"
	equal '[false,false,true]' "$(json 'map(.pinned)' history pc /etc/a)"
	equal '{"client":"pc","path":"/etc/once","pinned":1}' "$(json . file pin pc /etc/once)"
	equal '[[1,true,true]]' "$(json 'map([.version, .active, .pinned])' history pc /etc/once)"
	refused 1 'no version 2' -- file pin pc /etc/once --version 2
	refused 2 "--version 'x'" -- file unpin pc /etc/once --version x
}

@test "diff shows the fields in which two versions differ, in every form" {
	strongroom history diff pc /etc/a 1 3 >out
	equal 'FIELD VERSION 1 VERSION 3' "$(head -1 out | xargs)"
	equal 'size 10 B 30 B' "$(grep ^size out | xargs)"
	equal 'date 2026-01-01T10:00:00Z 2026-03-01T10:00:00Z' "$(grep ^date out | xargs)"
	grep -q ^hash out
	run grep -E '^(crc|path|pinned)' out
	equal '' "$output"
	equal '[{"from":10,"to":30},null,1,3]' \
		"$(json '[.differences.size, .differences.path, .from.version, .to.version]' \
			history diff pc /etc/a 1 3)"
	strongroom history diff pc /etc/a 3 1 --csv | tr -d '\r' | grep -qx 'size,30,10'
	equal 'size 20 30' "$(strongroom history diff pc /etc/a 2 3 --plain | grep ^size | xargs)"
	equal 'The two versions do not differ.' "$(strongroom history diff pc /etc/a 2 2)"
	equal '{}' "$(json .differences history diff pc /etc/a 2 2)"
}

@test "diff says what is wrong with its words, and a client may be called diff" {
	import /etc/d 5 ee 2026-01-01T10:00:00Z diff
	equal '[5]' "$(json 'map(.size)' history diff /etc/d)"
	equal '{}' "$(json .differences history diff diff /etc/d 1 1)"
	refused 2 'N is missing' -- history diff pc /etc/a
	refused 2 'M is missing' -- history diff pc /etc/a 1
	refused 2 'unexpected argument "6"' -- history diff pc /etc/a 1 2 6
	refused 2 'unexpected argument "1"' -- history pc /etc/a 1 2
	refused 2 "version 'one' is not a whole number" -- history diff pc /etc/a one 2
	refused 1 'no version 4' -- history diff pc /etc/a 1 4
	refused 1 "'/etc/none'" -- history diff pc /etc/none 1 2
	refused 1 "'nobody'" -- history diff nobody /etc/a 1 2
}

@test "history and its differences are there before versions could be pinned" {
	old_database "$folder/old.db" 5
	sqlite3 "$folder/old.db" "
		INSERT INTO clients (ID, Name, LastSeen) VALUES (x'fe000000000000000000000000000001', 'oldpc', '2025');
		INSERT INTO files (ID, FileName, PathName, ClientID, FileSize) VALUES
			(x'fe000000000000000000000000000002', 'a', 'a', x'fe000000000000000000000000000001', 2);
		INSERT INTO file_versions (FileID, VersionNumber, PathName, FileSize, CreatedDate, IsActive)
			VALUES (x'fe000000000000000000000000000002', 1, 'a', 1, '2025-01-01', 0),
			(x'fe000000000000000000000000000002', 2, 'a', 2, '2025-01-02', 1);"
	equal '[[1,false],[2,false]]' "$(json 'map([.version, .pinned])' history oldpc a --db "$folder/old.db")"
	equal '["created","size"]' "$(json '.differences | keys' history diff oldpc a 1 2 --db "$folder/old.db")"
	refused 1 'migrate up' -- file pin oldpc a --db "$folder/old.db"
	refused 1 'migrate up' -- file activate oldpc a --version 1 --db "$folder/old.db"
}
