#!/usr/bin/env bats
# strongroom file and history: what a server records of files that clients sent.
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	mkdir "$folder/received_files"
}

# Stores content under a name and imports it as the client's: stored NAME CONTENT.
stored() {
	printf '%s' "$2" >"$folder/received_files/$1"
	printf '{"filename": "%s", "path": "received_files/%s", "original_path": "/home/%s", "size": %d, "crc": %d, "hash": "%s", "date": "2026-01-31T09:30:00Z"}\n' \
		"$1" "$1" "$1" "${#2}" "$(printf %s "$2" | cksum | cut -d ' ' -f 1)" \
		"$(printf %s "$2" | sha256sum | cut -d ' ' -f 1)" |
		FILE_STORAGE_DIR=$folder/received_files strongroom file import --client pc >/dev/null
}

@test "import counts what it added, changed and left" {
	printf 'original_path,size,date\n/a,1,2026-01-01\n/b,2,2026-01-01\n' >one.csv
	printf 'original_path,size,date\n/a,1,2026-01-01\n/b,3,2026-01-01\n/c,4,2026-01-01\n' >two.csv
	equal '{"added":2,"changed":0,"unchanged":0}' "$(json . file import --client pc one.csv)"
	equal '{"added":1,"changed":1,"unchanged":1}' "$(json . file import --client pc two.csv)"
	equal '3 files added' "$(strongroom client add q >/dev/null; strongroom file import --client q two.csv | cut -d , -f 1)"
}

@test "what an import does not say of a known file stays" {
	mkdir tree
	echo hi >tree/one
	strongroom record --client pc tree >/dev/null
	printf '{"original_path": "%s/tree/one", "size": 3}\n' "$PWD" | strongroom file import --client pc >/dev/null
	equal "[\"$PWD/tree/one\",false]" "$(json '[.path, .stored]' file show pc "$PWD/tree/one")"
	echo '{"original_path": "/q", "path": "received_files/q"}' | strongroom file import --client pc >/dev/null
	echo '{"original_path": "/q", "size": 1}' | strongroom file import --client pc >/dev/null
	equal '["received_files/q",true]' "$(json '[.path, .stored]' file show pc /q)"
}

@test "list shows one level with what folders hold, or everything" {
	printf '%s\n' '{"original_path": "/etc/hosts", "size": 100, "date": "2026-01-01"}' \
		'{"original_path": "/etc/apt/a", "size": 1024, "date": "2026-01-02"}' \
		'{"original_path": "/etc/apt/b/c", "size": 2048, "date": "2026-01-03"}' |
		strongroom file import --client pc >/dev/null
	equal '[["apt",true,2,3072],["hosts",false,null,null]]' \
		"$(json 'map([.name, .folder, .files, .bytes])' file list pc /etc)"
	equal '["apt/a","apt/b/c","hosts"]' "$(json 'map(.name)' file list pc /etc --recursive)"
	strongroom file list pc /etc | grep -q '2  3.0 KiB .* apt/$'
	equal "2 3072 2026-01-03 apt/" "$(strongroom file list pc /etc --plain | head -1 | tr '\t' ' ' | sed 's/ $//')"
	equal files,bytes,date,name,mark "$(strongroom file list pc --csv | head -1 | tr -d '\r')"
	refused 1 /nowhere -- file list pc /nowhere
	strongroom client add none >/dev/null
	equal '[]' "$(json . file list none)"
	refused 1 /etc -- file list none /etc
	refused 1 nobody -- file list nobody
}

@test "show prints one file in every form" {
	stored a.txt hello
	equal '["a.txt","/home/a.txt",5,true]' "$(json '[.filename, .original_path, .size, .stored]' file show pc /home/a.txt)"
	equal '"/home/a.txt"' "$(json .original_path file show pc a.txt)"
	strongroom file show pc a.txt | grep -q '^size  *5 B$'
	equal 2 "$(strongroom file show pc a.txt --csv | wc -l)"
	equal 5 "$(strongroom file show pc a.txt --plain | cut -f 6)"
	refused 1 /home/b.txt -- file show pc /home/b.txt
}

@test "history has every version, a file that never changed one" {
	stored a.txt hello
	equal '[[1,5,true]]' "$(json 'map([.version, .size, .active])' history pc a.txt)"
	stored a.txt 'hello again'
	equal '[[1,5,false],[2,11,true]]' "$(json 'map([.version, .size, .active])' history pc a.txt)"
	strongroom history pc a.txt | tail -1 | grep -q 'current$'
	equal 3 "$(strongroom history pc a.txt --csv | wc -l)"
	equal '1 2' "$(strongroom history pc a.txt --plain | cut -f 1 | xargs)"
	refused 1 b.txt -- history pc b.txt
}

@test "verify reads what is stored and tells what is wrong" {
	export FILE_STORAGE_DIR=$folder/received_files
	stored good.txt hello
	stored bad.txt hello
	stored gone.txt hello
	printf '{"original_path": "/catalogued", "stored": false}' | strongroom file import --client pc >/dev/null
	printf hullo >"$folder/received_files/bad.txt"
	rm "$folder/received_files/gone.txt"
	status=0
	strongroom --json file verify pc >"$folder/out" 2>"$folder/err" || status=$?
	equal 1 "$status"
	equal '{"verified":1,"failed":2,"not_stored":1}' "$(jq -c . "$folder/out")"
	equal '["/home/bad.txt","/home/gone.txt"]' "$(jq -c -s 'map(.failed.path) | sort' "$folder/err")"
	equal '["good.txt"]' "$(json '[.files[].filename]' search --verified)"
	try file verify pc good.txt
	equal 0 "$status"
	refused 1 bad.txt -- file verify pc bad.txt
	refused 1 nothing.txt -- file verify pc nothing.txt
}

@test "verify tells when the list of what to read is cut short" {
	local long
	long=$(printf 'd%.0s' {1..120})
	long=/$long/$long/$long/$long/$long/$long/$long/$long
	# The keys of 68 files are longer than the 64 KiB that this process may write, by less than
	# what waits in memory until the end.
	seq -f "{\"original_path\": \"$long/%03g\"}" 68 |
		strongroom file import --client pc
	(
		trap '' XFSZ
		ulimit -f 64
		refused 1 "of 68 files were read" -- file verify pc
	)
}

@test "delete takes the stored file with it, unless it is to be kept" {
	export FILE_STORAGE_DIR=$folder/received_files
	stored a.txt hello
	stored b.txt hello
	refused 2 --yes -- file delete pc a.txt
	equal 2 "$(json '.files | length' search)"
	strongroom file delete pc a.txt --yes >/dev/null
	[ ! -e "$folder/received_files/a.txt" ]
	strongroom file delete pc b.txt --keep-stored --yes >/dev/null
	[ -e "$folder/received_files/b.txt" ]
	equal 0 "$(json '.files | length' search)"
	refused 1 a.txt -- file delete pc a.txt --yes
}

@test "nothing outside the storage folder is ever deleted" {
	export FILE_STORAGE_DIR=$folder/received_files
	echo precious >"$folder/precious"
	printf '{"filename": "x", "path": "%s"}\n{"filename": "y", "path": "received_files/../precious"}\n' \
		"$folder/precious" | strongroom file import --client pc >/dev/null
	refused 1 precious --keep-stored -- file delete pc x --yes
	refused 1 precious -- file delete pc y --yes
	[ -e "$folder/precious" ]
	equal 2 "$(json '.files | length' search)"
}

@test "a bad row anywhere leaves nothing behind" {
	{ seq 1200 | sed 's/.*/{"original_path": "\/f&", "size": &}/'; echo '{"size": 3}'; } >late.jsonl
	refused 1 late.jsonl 'line 1201' -- file import --client pc late.jsonl
	equal 0 "$(json '.[0].files' client list)"
	for row in '{"filename": "a", "size": -1}' '{"filename": "a", "size": 99999999999999999999}' \
		'{"filename": "a", "size": "big"}' '{"filename": "a", "date": "2026-02-31"}' \
		'{"filename": "a", "crc": 4294967296}' '{"filename": "a", "hash": "xyz"}' \
		'{"filename": "a", "verified": "perhaps"}' '{"filename": "a", "colour": 1}' \
		'{"filename": ["a"]}' '[1]' '{"filename": "a"} trailing' '"text"'; do
		echo "$row" >row.jsonl
		refused 1 row.jsonl -- file import --client pc row.jsonl
	done
	refused 1 nobody -- file import --client nobody row.jsonl
	refused 2 --client -- file import row.jsonl
	refused 1 nowhere -- file import --client pc nowhere
	equal '[]' "$(json .files search)"
}

@test "what search prints can be imported for another client" {
	stored a.txt hello
	strongroom client add copy >/dev/null
	strongroom search --csv | strongroom file import --client copy >/dev/null
	strongroom search --json | jq -c '.files[]' | strongroom file import --client copy >/dev/null
	equal '{"added":0,"changed":0,"unchanged":1}' \
		"$(strongroom search --client pc --json | json . file import --client copy)"
	equal '["pc","copy"]' "$(json '[.files[].client] | sort | reverse' search)"
	equal 1 "$(json '[.files[] | {filename, path, original_path, size, date, crc, hash}] | unique | length' search)"
}

@test "what search prints as JSON comes back with every byte of its names" {
	for name in 'a\nb' $'a\nb' $'\033[2J' "'=x" '=x' $'latin\351' ' end '; do
		printf '{"filename": "?", "filename_bytes": "%s", "size": 1}\n' "$(printf %s "$name" | base64)"
	done | strongroom file import --client pc >/dev/null
	strongroom client add copy >/dev/null
	for form in . '.files'; do
		strongroom search --client pc --json | jq "$form" | strongroom file import --client copy
	done >/dev/null
	equal "$(json '[.files[].filename_bytes // .files[].filename] | sort' search --client pc)" \
		"$(json '[.files[].filename_bytes // .files[].filename] | sort' search --client copy)"
	equal 7 "$(sqlite3 "$STRONGROOM_DB" 'SELECT count(*) FROM (SELECT FileName FROM files GROUP BY FileName HAVING count(*) = 2)')"
	strongroom search --client pc --limit 2 --json >page
	strongroom file import --client copy page 2>note | grep -q '2 unchanged'
	grep -q '"next"' note
	sed -i '$s/$/ {}/' page
	refused 1 page 'end of file expected' -- file import --client copy page
	jq -c . <(sed '$s/ {}$//' page) >line
	strongroom file import --client copy line | grep -q '2 unchanged'
	refused 1 'behind the document' -- file import --client copy <(cat line line)
	refused 1 'line 3' '"x"' -- file import --client copy <(printf '{"filename": "a"}\n\n{"x": 1}\n')
	refused 1 'line 1' -- file import --client copy <(printf '{"filename":\n"a"}\n')
	refused 1 'element 1' -- file import --client copy <(echo '{"files": [1]}')
}

@test "names that are not UTF-8 come in and go out by their bytes" {
	printf '{"filename": "x", "filename_bytes": "bGF0aW7p"}' | strongroom file import --client pc >/dev/null
	equal '"bGF0aW7p"' "$(json '.files[0].filename_bytes' search)"
	equal '"latin\ufffd"' "$(strongroom search --json | grep -o '"filename": "latin[^"]*"' | cut -d ' ' -f 2)"
	strongroom file show pc "$(printf 'latin\351')" --plain | grep -qF 'latin\xe9'
	refused 1 base64 -- file import --client pc <(echo '{"filename_bytes": "?"}')
}
