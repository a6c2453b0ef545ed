#!/usr/bin/env bats
# strongroom search
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	strongroom client add other >/dev/null
	cat >files.jsonl <<-'END'
		{"original_path": "/d/Report.PDF", "size": 100, "date": "2026-01-31T09:30:00Z", "verified": true, "extension": "pdf", "crc": 1}
		{"original_path": "/d/100%_done.txt", "size": 2048, "date": "2026-01-31T23:59:59.5Z", "extension": "txt"}
		{"original_path": "/d/100 done.txt", "size": 5000, "date": "2026-02-01T00:00:00Z", "extension": "txt"}
		{"original_path": "/d/straße.txt", "size": null, "date": null, "extension": "txt"}
	END
	strongroom file import --client pc files.jsonl >/dev/null
	printf 'filename,size,date\nlone.txt,7,2020-01-01\n' | strongroom file import --client other >/dev/null
}

names='[.files[].filename]'

@test "newest first, the whole document with its keys" {
	equal '["100 done.txt","100%_done.txt","Report.PDF","lone.txt","straße.txt"]' "$(json "$names" search)"
	equal null "$(json .next search)"
	equal '["category","client","crc","date","extension","filename","hash","id","mime_type","missing_since","original_path","path","size","verified","version","versions"]' \
		"$(json '.files[0] | keys' search)"
}

@test "every filter" {
	equal '["Report.PDF"]' "$(json "$names" search REPORT)"
	equal '["100%_done.txt"]' "$(json "$names" search 0%_)"
	equal '["straße.txt"]' "$(json "$names" search STRASSE)" ||
		equal '["straße.txt"]' "$(json "$names" search Straße)"
	equal '["Report.PDF"]' "$(json "$names" search --type .PDF)"
	equal '["lone.txt"]' "$(json "$names" search --client other)"
	equal '["lone.txt"]' "$(json "$names" search --client-part THE)"
	equal '[]' "$(json "$names" search --client-part nobody)"
	refused 2 --client-part -- search --client-part ''
	equal 1 "$(json .files search --client-part THE --count)"
	equal '["Report.PDF"]' "$(json "$names" search --verified)"
	equal '["100%_done.txt","Report.PDF"]' "$(json "$names" search --from 2026-01-31 --to 2026-01-31)"
	equal '["Report.PDF"]' "$(json "$names" search --from 2026-01-31T09:30Z --to 2026-01-31T09:30Z)"
	equal '["100 done.txt","100%_done.txt"]' "$(json "$names" search --min-size 2K)"
	equal '["Report.PDF","lone.txt"]' "$(json "$names" search --max-size 100B)"
	equal '["100 done.txt"]' "$(json "$names" search done --type txt --client pc --min-size 3k)"
}

@test "sorting in both directions" {
	equal '["100 done.txt","100%_done.txt","Report.PDF","lone.txt","straße.txt"]' "$(json "$names" search --sort name)"
	equal '["lone.txt","Report.PDF","100%_done.txt","100 done.txt","straße.txt"]' "$(json "$names" search --sort size --reverse)"
}

@test "a token goes on where the search stopped, in every form" {
	equal '["100 done.txt","100%_done.txt"]' "$(json "$names" search --limit 2)"
	token=$(json .next search --limit 2 | tr -d '"')
	equal '["Report.PDF","lone.txt","straße.txt"]' "$(json "$names" search --limit 3 --after "$token")"
	equal null "$(json .next search --limit 3 --after "$token")"
	try search --limit 2 --plain
	grep -qF -- "--after $token" "$folder/err"
	refused 2 token -- search report --limit 2 --after "$token"
	refused 2 token -- search --after nonsense
}

@test "nothing found is status 0 and a whole document" {
	equal '{"files":[],"next":null}' "$(json . search nothing-like-it)"
	equal 'Nothing found.' "$(strongroom search nothing-like-it)"
	equal '' "$(strongroom search nothing-like-it --plain)"
	equal 1 "$(strongroom search nothing-like-it --csv | wc -l)"
}

@test "table, csv and plain" {
	strongroom search | head -1 | grep -q '^DATE  *SIZE  CLIENT  *FILE$'
	strongroom search done | grep -q '4.9 KiB  pc'
	strongroom search --csv | python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert [r["size"] for r in rows] == ["5000", "2048", "100", "7", ""], rows
assert rows[2]["verified"] == "1" and rows[2]["crc"] == "1", rows'
	equal 5000 "$(strongroom search --plain --limit 1 2>/dev/null | cut -f 6)"
}

@test "values that make no sense are named" {
	refused 2 31 -- search --from 2026-02-31
	refused 2 tomorrow -- search --to tomorrow
	refused 2 -1 -- search --min-size -1
	refused 2 big -- search --max-size big
	refused 2 99999999999999999999 -- search --max-size 99999999999999999999
	refused 2 'too large' -- search --min-size 99999999999999T
	refused 2 0 -- search --limit 0
	refused 2 -3 -- search --limit -3
	refused 2 ten -- search --limit ten
	refused 2 99999999999999999999 -- search --limit 99999999999999999999
	refused 2 colour -- search --sort colour
	refused 2 --min-size -- search --min-size 3 --max-size 2
	refused 2 --from -- search --from 2026-02-01 --to 2026-01-01
	refused 1 nobody -- search --client nobody
}

@test "earlier versions are found by what they were, and marked" {
	strongroom client add two >/dev/null
	for size in 5 7; do
		printf 'original_path,size,date\n/v/plan.txt,%s,2026-03-0%s\n' "$size" "$size" |
			strongroom file import --client two >/dev/null
	done
	equal '[[7,null]]' "$(json '[.files[] | [.size, .version]]' search plan)"
	equal '[[7,null],[5,1]]' "$(json '[.files[] | [.size, .version]]' search plan --all-versions)"
	equal '[5]' "$(json '[.files[].size]' search plan --all-versions --to 2026-03-05)"
	strongroom search plan --all-versions | grep -q '5 B.*plan.txt *version 1$'
	# How it was is not imported as how it is.
	strongroom search plan --all-versions --json | jq .files >was.json
	strongroom client add three >/dev/null
	refused 1 'version "1"' -- file import --client three was.json
	equal 0 "$(json '.files | length' search plan --client three)"
}

@test "several terms, and what is not wanted" {
	equal '["100 done.txt","100%_done.txt"]' "$(json "$names" search done txt)"
	equal '["100%_done.txt"]' "$(json "$names" search done 0%_ DONE)"
	equal '[]' "$(json "$names" search done report)"
	equal '["100 done.txt"]' "$(json "$names" search done --not %)"
	equal '["lone.txt"]' "$(json "$names" search txt --not done --not STRASSE)"
	equal '["100 done.txt","100%_done.txt","Report.PDF","lone.txt","straße.txt"]' "$(json "$names" search '')"
	# Wildcards in terms are characters.
	equal '[]' "$(json "$names" search '*.txt')"
	equal '[]' "$(json "$names" search '[a-z]')"
}

@test "patterns, exact names, paths and hashes, each also the other way" {
	equal '["100 done.txt","100%_done.txt"]' "$(json "$names" search --glob '100*.TXT')"
	equal '["100%_done.txt"]' "$(json "$names" search --glob '100*' --glob '*%*')"
	equal '["Report.PDF"]' "$(json "$names" search --glob '[!0-9]*' --not-glob '*.txt')"
	equal '["Report.PDF"]' "$(json "$names" search --glob 'd/r*')"
	equal '["Report.PDF"]' "$(json "$names" search --glob '/**/report.*')"
	equal '[]' "$(json "$names" search --glob '/report.*')"
	equal '["100 done.txt","100%_done.txt","Report.PDF","straße.txt"]' "$(json "$names" search --glob 'd/')"
	equal '["lone.txt"]' "$(json "$names" search --name LONE.txt)"
	equal '[]' "$(json "$names" search --name lone)"
	equal '["100 done.txt","100%_done.txt","straße.txt"]' "$(json "$names" search --not-name report.pdf --not-name lone.txt)"
	equal '["Report.PDF"]' "$(json "$names" search --path /d/REP)"
	equal '["lone.txt"]' "$(json "$names" search --not-path /d/)"
	printf 'original_path,size,date,hash\n/h/one,7,2020-01-01,%s\n' "$(printf one | sha256sum | cut -c 1-64)" |
		strongroom file import --client other >/dev/null
	equal '["one"]' "$(json "$names" search --hash 7692C3AD)"
	equal '[]' "$(json "$names" search --hash 7692c3ae)"
	equal '["lone.txt"]' "$(json "$names" search --client other --not-hash 7692c)"
}

@test "conditions that make no sense are named" {
	refused 2 --glob -- search --glob ''
	refused 2 --not -- search --not ''
	refused 2 --not-path -- search --not-path ''
	refused 2 xyz -- search --hash xyz
	refused 2 TERM -- search a ''
	token=$(json .next search txt --limit 1 --not nothing | tr -d '"')
	equal '["100%_done.txt"]' "$(json "$names" search txt --limit 1 --not nothing --after "$token")"
	refused 2 token -- search txt --limit 1 --after "$token"
	refused 2 token -- search txt --limit 1 --not nothin --after "$token"
	refused 2 token -- search txt nothing --limit 1 --after "$token"
}

@test "counting in every form" {
	equal '{"files":2,"bytes":7048}' "$(json . search done --count)"
	equal '{"files":0,"bytes":0}' "$(json . search nothing-like-it --count)"
	equal "files       2
their size  6.9 KiB" "$(strongroom search done --count)"
	equal "$(printf '2\t7048')" "$(strongroom search done --count --plain)"
	equal "$(printf 'files,bytes\r\n2,7048\r')" "$(strongroom search done --count --csv)"
	# All of them, however few are shown.
	equal 5 "$(json .files search --count)"
}

@test "facets in every form" {
	equal '{"files":5,"bytes":7155,"facets":{"client":[{"value":"pc","files":4,"bytes":7148},{"value":"other","files":1,"bytes":7}]}}' \
		"$(json . search --facet client)"
	equal '[["2026-02",1],["2026-01",2],["2020-01",1],[null,1]]' \
		"$(json '[.facets.month[] | [.value, .files]]' search --facet month --facet size)"
	equal '[["below 1 KiB",2],["1 KiB to 16 KiB",2],[null,1]]' "$(json '[.facets.size[] | [.value, .files]]' search --facet size)"
	equal '[["txt",4],["pdf",1]]' "$(json '[.facets.type[] | [.value, .files]]' search --facet type --count)"
	equal '[["txt",2]]' "$(json '[.facets.type[] | [.value, .files]]' search --facet type done)"
	equal '[]' "$(json .facets.type search --facet type nothing-like-it)"
	strongroom search --facet month --facet client | head -1 | grep -q '^BY  *VALUE  *FILES  *SIZE$'
	strongroom search --facet month | grep -q '^month  *(none)  *1 '
	equal 'Nothing found.' "$(strongroom search --facet month nothing-like-it)"
	equal "$(printf 'client\tpc\t4\t7148\t0\nclient\tother\t1\t7\t0')" "$(strongroom search --facet client --plain)"
	strongroom search --facet month --csv | python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert [(r["facet"], r["value"], r["files"], r["bytes"], r["rest"]) for r in rows][-1] == ("month", "", "1", "0", "0"), rows'
}

@test "how a search went about it, in every form" {
	equal '["candidates","choice","estimated","fetching_ms","files","hits","matching_ms","planning_ms","rechecked"]' \
		"$(json keys search done --explain)"
	equal '[2,1,true]' "$(json '[.hits, .files, .rechecked >= .hits]' search done --explain --limit 1)"
	equal '"client index"' "$(json .choice search --client other --explain)"
	equal '"date index"' "$(json .choice search --explain)"
	equal '"trigram index"' "$(json .choice search report --explain)"
	equal '"scan"' "$(json .choice search report --all-versions --explain)"
	for key in $(strongroom search done --explain --json | jq -r 'keys[]'); do
		grep -q "^\.It Li $key$" "$BATS_TEST_DIRNAME/../../man/strongroom-search.1"
	done
	refused 2 --facet -- search --explain --facet size
	refused 2 --count -- search --explain --count
	strongroom search done --explain | grep -q '^hits  *2$'
	equal 2 "$(strongroom search done --explain --csv | wc -l)"
	equal 9 "$(strongroom search done --explain --plain | tr '\t' '\n' | wc -l)"
	# Times to the microsecond, and no digits that say nothing.
	equal 3 "$(strongroom search done --explain --plain | tr '\t' '\n' | tail -n 3 | grep -cE '^[0-9]+(\.[0-9]{1,3})?$')"
	equal 3 "$(strongroom search done --explain --json | grep -cE '_ms": [0-9]+(\.[0-9]{1,3})?,?$')"
}

@test "what excludes each other is named" {
	refused 2 colour -- search --facet colour
	refused 2 --count -- search --count --explain
	refused 2 --facet -- search --facet type --explain
	refused 2 --limit -- search --count --limit 3
	refused 2 --sort -- search --facet size --sort size
	refused 2 --after -- search --count --after x
	refused 1 nobody -- search --client nobody --count
}
