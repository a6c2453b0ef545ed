#!/usr/bin/env bats
# strongroom client
bats_require_minimum_version 1.5.0
load common

setup_more() {
	strongroom init >/dev/null
}

@test "add, list, show, update and delete" {
	strongroom client add one --id 000102030405060708090a0b0c0d0e0f >"$folder/out"
	grep -q 'Added client one, id 000102030405060708090a0b0c0d0e0f' "$folder/out"
	strongroom client add two >/dev/null
	equal '["one","two"]' "$(json 'map(.name)' client list)"
	equal '"000102030405060708090a0b0c0d0e0f"' "$(json .id client show one)"
	equal '"one"' "$(json .name client show 000102030405060708090a0b0c0d0e0f)"
	strongroom client update one --name uno --last-seen 2026-01-31T09:30Z >/dev/null
	equal '["uno","2026-01-31T09:30:00Z"]' "$(json '[.name, .last_seen]' client show uno)"
	refused 1 one -- client show one
	equal '{"deleted":"uno","files":0}' "$(json . client delete uno --yes)"
	equal '["two"]' "$(json 'map(.name)' client list)"
}

@test "list in table, csv and plain" {
	strongroom client add one >/dev/null
	strongroom client list | head -1 | grep -q '^NAME  *FILES  *SIZE  *LAST RECORDED'
	equal "id,name,files,bytes,last_recorded,last_seen,days_silent" \
		"$(strongroom client list --csv | head -1 | tr -d '\r')"
	strongroom client list --csv | python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert len(rows) == 1 and rows[0]["name"] == "one" and rows[0]["files"] == "0", rows'
	equal one "$(strongroom client list --plain | cut -f 2)"
}

@test "an empty list is a whole document" {
	equal '[]' "$(json . client list)"
	equal 'No clients.' "$(strongroom client list)"
	equal '' "$(strongroom client list --plain)"
}

@test "a public key is kept as X.509 DER, whatever form it came in" {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
	openssl pkey -in key.pem -pubout -out public.pem
	openssl pkey -in key.pem -pubout -outform DER -out public.der
	want=$(od -An -v -tx1 public.der | tr -d ' \n')
	strongroom client add pem --public-key public.pem >/dev/null
	strongroom client add der --public-key public.der >/dev/null
	equal "\"$want\"" "$(json .public_key client show pem)"
	equal "\"$want\"" "$(json .public_key client show der)"
	strongroom client update pem --no-public-key >/dev/null
	equal null "$(json .public_key client show pem)"
}

@test "what is no public key is refused and adds nothing" {
	echo text >text
	: >empty
	refused 2 text 'no public key' -- client add one --public-key text
	refused 2 empty -- client add one --public-key empty
	refused 2 'directory' -- client add one --public-key .
	refused 1 nowhere -- client add one --public-key nowhere
	equal '[]' "$(json . client list)"
}

@test "names that cannot be are refused, and so are those that exist" {
	strongroom client add one --id 000102030405060708090a0b0c0d0e0f >/dev/null
	strongroom client add two >/dev/null
	strongroom client list --json >before
	refused 2 name -- client add ''
	refused 2 name -- client add "$(printf 'a\nb')"
	refused 2 name -- client add "$(printf 'a\001b')"
	refused 2 name -- client add "$(printf 'a\377b')"
	refused 2 256 -- client add "$(printf '%0256d' 7)"
	refused 1 one -- client add one
	refused 1 one 000102030405060708090a0b0c0d0e0f -- client add three \
		--id 000102030405060708090a0b0c0d0e0f
	refused 2 nonsense -- client add three --id nonsense
	refused 1 two -- client update one --name two
	refused 1 nobody -- client update nobody --name somebody
	refused 1 nobody -- client delete nobody --yes
	refused 2 31 -- client update one --last-seen 2026-02-31
	refused 2 nothing -- client update one
	strongroom client list --json | cmp - before
	strongroom client add "$(printf '%0255d' 7)" >/dev/null
}

@test "stale clients are those not heard of for longer" {
	strongroom client add fresh >/dev/null
	strongroom client add silent >/dev/null
	strongroom client update silent --last-seen 30d >/dev/null
	equal '["silent"]' "$(json 'map(.name)' client list --stale 7d)"
	equal '[30]' "$(json 'map(.days_silent)' client list --stale 7d)"
	equal '[]' "$(json . client list --stale 4000w)"
	refused 2 week -- client list --stale week
	refused 2 -7d -- client list --stale=-7d
}

@test "deleting asks on a terminal and needs --yes elsewhere" {
	strongroom client add one >/dev/null
	refused 2 --yes -- client delete one
	equal 1 "$(json length client list)"
	strongroom client delete one --yes >/dev/null
	equal 0 "$(json length client list)"
}

@test "import takes CSV, JSON lines and a JSON array" {
	printf 'name,id,last_seen,public_key\r\n"a, ""b""",00000000000000000000000000000001,2026-01-31T09:30:00Z,0102ff\r\nplain,,,\r\n' >c.csv
	equal '{"added":2,"changed":0,"unchanged":0}' "$(json . client import c.csv)"
	equal '["a, \"b\"","00000000000000000000000000000001","2026-01-31T09:30:00Z","0102ff"]' \
		"$(json '[.name, .id, .last_seen, .public_key]' client show 'a, "b"')"
	echo '{"name": "line", "public_key": "AQL/"}' >c.jsonl
	strongroom client import c.jsonl >/dev/null
	equal '"0102ff"' "$(json .public_key client show line)"
	echo '[{"name": "x"},' '{"name": "y"}]' >c.json
	strongroom client import - <c.json >/dev/null
	equal 5 "$(json length client list)"
}

@test "import updates known clients and keeps what a row does not give" {
	printf 'name,public_key,last_seen\none,0102,2026-01-31T09:30:00Z\n' >a.csv
	printf 'name,last_seen\none,2026-02-01T09:30:00Z\n' >b.csv
	strongroom client import a.csv >/dev/null
	strongroom client import b.csv >/dev/null
	equal '["0102","2026-02-01T09:30:00Z"]' \
		"$(json '[.public_key, .last_seen]' client show one)"
}

@test "what client list prints can be imported elsewhere" {
	strongroom client add one >/dev/null
	strongroom client update one --last-seen 2026-01-31 >/dev/null
	strongroom client list --json >list.json
	strongroom client list --csv >list.csv
	for list in list.json list.csv; do
		strongroom --db "$folder/$list.db" init >/dev/null
		strongroom --db "$folder/$list.db" client import "$list" >/dev/null
		strongroom --db "$folder/$list.db" client list --json | cmp - list.json
	done
}

@test "a bad row is named and nothing is imported" {
	printf 'name\none\n"two\n' >quote.csv
	refused 1 quote.csv 'line 3' -- client import quote.csv
	printf 'name\none\na\001b\n' >control.csv
	refused 1 control.csv 'line 3' -- client import control.csv
	printf 'name,id\none,\ntwo\n' >short.csv
	refused 1 'line 3' '1 value, but 2 columns' -- client import short.csv
	printf 'name,colour\none,red\n' >column.csv
	refused 1 '"colour"' -- client import column.csv
	printf '{"name": "one"}\n{"name": \n' >half.jsonl
	refused 1 half.jsonl 'line 2' -- client import half.jsonl
	printf '[{"name": "one"} {"name": "two"}]' >comma.json
	refused 1 comma.json -- client import comma.json
	printf '[{"name": "one"}, {"name": "two"}' >open.json
	refused 1 open.json -- client import open.json
	printf 'name,last_seen\none,2026-02-31\n' >date.csv
	refused 1 date.csv 'line 2' 2026-02-31 -- client import date.csv
	printf '{"name": "a\\u0000b"}\n' >nul.jsonl
	refused 1 nul.jsonl 'line 1' 'NUL byte' -- client import nul.jsonl
	: >empty.csv
	refused 1 empty.csv -- client import empty.csv
	head -c 3000000 /dev/zero | tr '\0' a >long.csv
	refused 1 long.csv '1 MiB' -- client import long.csv
	head -c 100000 /dev/urandom >random.csv
	refused 1 random.csv -- client import random.csv
	refused 1 nowhere.csv -- client import nowhere.csv
	refused 1 directory -- client import .
	printf 'name,id\none,00000000000000000000000000000001\none,00000000000000000000000000000002\n' >same.csv
	refused 1 one -- client import same.csv
	equal '[]' "$(json . client list)"
}

@test "the AES key is never shown" {
	strongroom client add one >/dev/null
	strongroom sql --write "UPDATE clients SET AESKey = x'5ec2e75ec2e75ec2e7'" >/dev/null
	for form in --json --csv --plain --quiet; do
		run ! grep -i 5ec2e7 <(strongroom client list $form; strongroom client show one $form)
		run ! grep -i 5ec2e7 <(strongroom sql $form "SELECT *, hex(AESKey) FROM clients")
	done
	equal '["one",null]' "$(json '[.[0].Name, .[0].AESKey]' sql 'SELECT * FROM clients')"
}
