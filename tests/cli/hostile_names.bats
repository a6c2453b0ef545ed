#!/usr/bin/env bats
# Names that were made to drive what shows them: terminals, spreadsheets, JSON, logs.
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
}

# Every control character of both sets, the ends of lines of Unicode, and what turns the direction of
# writing, one a name.
driving_names() {
	python3 - <<-'END'
		import base64, json
		marks = [*range(1, 32), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F),
			*range(0x2066, 0x206A)]
		for c in marks:
		    print(json.dumps({"original_path": f"/x/{chr(c)}]0;{c}m", "size": 1}))
		raw = base64.b64encode(b"\x9b2J\xff\xc2").decode()
		print(json.dumps({"original_path": "?", "original_path_bytes": raw, "size": 1}))
	END
}

# What of the file FILE is more than printable text in lines.
driving() {
	python3 - "$1" <<-'END'
		import sys, unicodedata
		text = open(sys.argv[1], "rb").read().decode("utf-8")
		for c in text.replace("\r\n", "\n"):
		    if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
		        print(hex(ord(c)))
	END
}

@test "no name drives a terminal, in any form of output" {
	driving_names | strongroom file import --client pc >/dev/null
	[ "$(json .file_stats.total_files stats)" -gt 70 ]
	for form in "" --json --csv --plain; do
		for command in "search" "file list pc /x" "file list pc --recursive" "health --full" \
			"sql SELECT+OriginalPath+FROM+files" "search --explain" "activity" "prune --keep-last 1"; do
			words=()
			for word in $command; do
				words+=("${word//+/ }")
			done
			try "${words[@]}" $form
			equal '' "$(driving "$folder/out")"
			equal '' "$(driving "$folder/err")"
		done
	done
	# They come out as they are, where a program reads them.
	equal "$(driving_names | jq -r .original_path | sort | sha256sum)" \
		"$(strongroom search --all --json | jq -r '.files[] | if .original_path_bytes then "?" else .original_path end' |
			sort | sha256sum)"
}

@test "no name drives what messages go to, nor begins a line of its own" {
	name=$'/x/\e[2J\u009b2K\u202e\nstrongroom: error: [forged] line\r'
	for form in "" --json; do
		for command in "file show pc" "file delete pc --yes" "file verify pc" "history pc" "client show" \
			"restore --yes" "backup verify" "search --db" "migrate up --own" "config --config"; do
			try $command "$name" $form
			[ "$status" -ne 0 ]
			equal '' "$(driving "$folder/err")"
			equal 0 "$(grep -c '^strongroom: error: \[forged\]' "$folder/err")"
			if [ -n "$form" ] && [ -s "$folder/err" ]; then
				jq -e . "$folder/err" >/dev/null
			fi
		done
	done
}

@test "no column drives a terminal, whatever a statement calls it" {
	statement=$'SELECT 1 AS "a\e]0;pwn\a\e[2J\u009b2J\u202e\nb", 2 AS "\e[31m"'
	for form in "" --json --csv --plain; do
		try $form sql "$statement"
		[ "$status" -eq 0 ]
		equal '' "$(driving "$folder/out")"
	done
	equal 'a\x1b]0;pwn\x07\x1b[2J\xc2\x9b2J\xe2\x80\xae\nb,\x1b[31m' "$(strongroom --csv sql "$statement" | head -1 | tr -d '\r')"
	equal 2 "$(strongroom sql "$statement" | wc -l)"
	# Upright, where a terminal is too narrow.
	NO_COLOR=1 timeout 60 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 8 '' "$PROGRAM" sql "$statement" >"$folder/out"
	grep -q '^\\x1b\[31m  *2' "$folder/out"
	tr -d '\r' <"$folder/out" >"$folder/shown"
	equal '' "$(driving "$folder/shown")"
	# Nor does JSON leave one out that is no text.
	equal '[{"�":1,"�_2":2}]' "$(json . sql $'SELECT 1 AS "\xff", 2 AS "\xfe"')"
}

@test "CSV has no heading that a spreadsheet runs, whatever a statement calls its columns" {
	equal "'=1+1,\"'@a,b\",plain,-5" "$(strongroom sql --csv 'SELECT 1 AS "=1+1", 2 AS "@a,b", 3 AS plain, 4 AS "-5"' |
		head -1 | tr -d '\r')"
}

@test "CSV has no text that a spreadsheet runs, and imports it unchanged" {
	cat >names.jsonl <<-'END'
		{"original_path": "=cmd|' /C calc'!A0"}
		{"original_path": "+cmd", "size": 5}
		{"original_path": "-2+3+cmd", "crc": 7}
		{"original_path": "@SUM(1)"}
		{"original_path": "＝1"}
		{"original_path": "'=1"}
		{"original_path": "''@x"}
		{"original_path": "'tis"}
		{"original_path": "-5"}
		{"original_path": "a=1"}
		{"original_path": "\t=1"}
		{"original_path": "\r=1"}
	END
	strongroom file import --client pc names.jsonl >/dev/null
	sqlite3 "$STRONGROOM_DB" "UPDATE files SET ModificationDate = '=1+1' WHERE CRC = 7"
	for command in search "file list pc" "history pc =cmd|'+/C+calc'!A0" \
		"sql SELECT+OriginalPath,+ModificationDate+FROM+files" "file show pc +cmd"; do
		words=()
		for word in $command; do
			words+=("${word//+/ }")
		done
		[ "$command" != "file show pc +cmd" ] || words=(file show pc +cmd)
		strongroom "${words[@]}" --csv >out.csv
		[ "$(wc -l <out.csv)" -gt 1 ]
		equal '' "$(python3 - <<-'END'
			import csv
			for row in csv.reader(open("out.csv", newline="")):
			    for cell in row:
			        number = cell[1:].replace(".", "").isdigit()
			        if cell[:1] in tuple("=+-@＝＋－＠\t\r") and cell and not number:
			            print(cell)
		END
		)"
	done
	strongroom search --csv | grep -qF "'=cmd"
	strongroom search --csv | grep -qF ",-5,"
	strongroom search --csv | grep -qF ",'tis,"
	sqlite3 "$STRONGROOM_DB" "UPDATE files SET ModificationDate = NULL"
	strongroom client add copy >/dev/null
	strongroom search --csv | strongroom file import --client copy >/dev/null
	# But for control characters, which CSV shows.
	of() {
		strongroom search --all --json | jq -r --arg c "$1" \
			'.files[] | select(.client == $c) | .original_path' | grep -v '[[:cntrl:]\\]' | sort
	}
	equal "$(of pc)" "$(of copy)"
	equal 10 "$(of copy | wc -l)"
}
