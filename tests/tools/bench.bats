#!/usr/bin/env bats
# The benchmark measures every name, says so in its JSON, and writes its report. No test looks at
# how long anything took.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	export BUILD=${BUILD:-$root/build}
	data=$BATS_FILE_TMPDIR/data
	json=$BATS_FILE_TMPDIR/run.json
	unset STRONGROOM_DB STRONGROOM_LOG DATABASE_NAME
}

fails() {
	if "$@"; then
		return 1
	fi
}

measure() {
	"$root/bench/run" --rows 2000 --rounds 1 --tree /usr/share --no-install --data "$data" "$@"
}

@test "every name is in the JSON, with a value or the reason why not" {
	measure --json "$json" >"$BATS_FILE_TMPDIR/out"
	command -v plocate || grep -q "^NOTE: plocate is not installed" "$BATS_FILE_TMPDIR/out"
	jq -e '.rows == 2000 and (.machine | .cores > 0 and .paths >= 1000 and .mean_path > 0
		and (.terms | length) == 6)' "$json"
	diff <("$root/bench/run" --names | sort) <(jq -r '.results[].name | select(contains("@") | not)' "$json" | sort)
	jq -e '.results | all(has("name") and has("unit") and has("value") and has("baseline")
		and has("ratio") and has("target") and has("met"))' "$json"
	jq -e '.results | all(.value == null and (.note | length) > 0 or (.value | type) == "number")' "$json"
	jq -e '.results | all(.met == null or .met == true or .met == false)' "$json"
	# What needs no peer and no other program is measured.
	for name in search.common.walk search.none.shuffled filters.walk original.rare statistics.10m open \
		found.missed bytes.recorded; do
		jq -e --arg name "$name" '.results[] | select(.name == $name) | .value >= 0' "$json"
	done
	# Targets for other rows are neither met nor missed.
	jq -e '.results | map(select(.name | startswith("search."))) | length > 0 and all(.met == null)' "$json"
	jq -e '.results[] | select(.name == "found.missed") | .met' "$json"
	# Both sides found the same.
	fails grep "NOT AS MANY" "$BATS_FILE_TMPDIR/out"
	grep -q "^common term .* hits" "$BATS_FILE_TMPDIR/out"
}

@test "what is prepared is kept, and made anew for another schema" {
	measure --only open >"$BATS_TEST_TMPDIR/out"
	fails grep "rows/s" "$BATS_TEST_TMPDIR/out"
	echo '{"form": "another"}' >"$data/2000-walk.ready"
	measure --only open >"$BATS_TEST_TMPDIR/out"
	grep -q "^2000-walk.db: 2,000 rows in " "$BATS_TEST_TMPDIR/out"
}

@test "--only measures some, and refuses what is no name" {
	measure --only statistics --only open --json "$BATS_TEST_TMPDIR/some.json"
	[ "$(jq -c '[.results[].name]' "$BATS_TEST_TMPDIR/some.json")" = \
		'["statistics.1m","statistics.10m","open"]' ]
	run measure --only nothing
	[ "$status" -eq 1 ]
	[[ $output == *"--only nothing: there is no such name" ]]
}

@test "the report has every name, its plots are well-formed, and what was written by hand stays" {
	jq '.rows = 20000 | .results += [.results[] | select(.name == "writers.rows")
		| .baseline = 2 | (.name = "writers.rows@1" | .value = 3), (.name = "writers.rows@64" | .value = 4)]' \
		"$json" >"$BATS_TEST_TMPDIR/more.json"
	"$root/bench/run" --report "$BATS_TEST_TMPDIR/more.json" "$json" --output "$BATS_TEST_TMPDIR"
	results=$BATS_TEST_TMPDIR/RESULTS.md
	for name in $("$root/bench/run" --names); do
		grep -qF "| \`$name\` |" "$results"
	done
	grep -q "at 20,000 rows" "$results"
	grep -q "| milliseconds | 2,000 | 20,000 |" "$results"
	for plot in search-rows other-rows writers-threads; do
		grep -q "(plots/$plot.svg)" "$results"
		python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$BATS_TEST_TMPDIR/plots/$plot.svg"
	done
	echo "by hand" >>"$results"
	"$root/bench/run" --report "$json" --output "$BATS_TEST_TMPDIR"
	grep -q "at 2,000 rows" "$results"
	[ "$(grep -c "by hand" "$results")" -eq 2 ]
}

@test "what a program prints is taken only in its form" {
	read_lines() { python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import programs
print(programs.parse(sys.stdin.readlines()))' "$root/bench/tool"; }
	run read_lines <<<$'# a note\nsave.bare\tours\t12.5\trows/s\nsave.bare\ttheirs\t10\trows/s\nwriters.rows@8\tours\t3\trows/s'
	[ "$status" -eq 0 ]
	[ "$output" = "{'save.bare': {'ours': [12.5], 'theirs': [10.0]}, 'writers.rows@8': {'ours': [3.0], 'theirs': []}}" ]
	for line in $'save.bare\tours\t1\tms' $'save.other\tours\t1\trows/s' $'save.bare\tmine\t1\trows/s'; do
		run read_lines <<<"$line"
		[ "$status" -eq 1 ]
		[[ $output == *"cannot make sense of"* ]]
	done
}

@test "a catalog that is filled fast is as the library would have filled it" {
	cd "$BATS_TEST_TMPDIR"
	for kind in saved catalog; do
		"$BUILD/bench/bench_fill" $kind "$data/paths" 3000 shuffled $kind.db
	done
	python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import data; data.settle("catalog.db")' \
		"$root/bench/tool"
	for kind in saved catalog; do
		sqlite3 $kind.db "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2" >$kind.schema
		columns=$(sqlite3 $kind.db "SELECT group_concat(quote(name)) FROM pragma_table_info('files')
			WHERE name NOT IN ('ID', 'RecordedAt')" | tr "'" '"')
		sqlite3 $kind.db "SELECT $columns FROM files ORDER BY rowid; SELECT * FROM client_usage" >$kind.rows
		"$BUILD/strongroom" --db $kind.db health
	done
	[ "$(wc -l <saved.rows)" -eq 3010 ]
	cmp saved.schema catalog.schema
	cmp saved.rows catalog.rows
}
