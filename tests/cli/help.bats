#!/usr/bin/env bats
# Help, options, and how the command line is read.
bats_require_minimum_version 1.5.0
load common


# Those that the program itself names.
setup_more() {
	commands=$(strongroom complete -- '' | tail -n +2 | cut -f 1)
	[ "$(wc -w <<<"$commands")" -ge 12 ]
}

@test "help lists every command within 80 columns" {
	try help
	equal 0 "$status"
	for command in $commands; do
		grep -q "^  $command " "$folder/out"
	done
	run awk '{ gsub(/…/, "."); if (length($0) > 80) print }' "$folder/out"
	equal "" "$output"
}

@test "every command has help with usage and an example, asked for in three ways" {
	for command in $commands; do
		strongroom help "$command" >one
		strongroom "$command" --help >two
		strongroom -h "$command" >three
		cmp one two
		cmp one three
		grep -q "^usage: strongroom $command" one
		grep -q '^example:' one
		run awk '{ gsub(/…/, "."); if (length($0) > 80) print }' one
		equal "" "$output"
	done
}

@test "a subcommand has help of its own, asked for in two ways" {
	strongroom help client list >list
	cmp list <(strongroom client list --help)
	cmp list <(strongroom client list --stale 3d --help)
	equal '"client list"' "$(json .command help client list)"
	equal 'usage: strongroom client list [--stale SPAN]' "$(head -1 list)"
	grep -q '^  --stale SPAN' list
	run ! grep -e --public-key -e 'client add' list
	strongroom help client add | grep -q '^  strongroom client add laptop'
	# Usage that takes two lines stays whole.
	strongroom help client update | grep -q '^ *--no-public-key\] \[--last-seen DATE\]$'
	strongroom help migrate up | grep -q '^  --full-check'
	run ! grep -e 'migrate down' <(strongroom help migrate up)
	run ! grep -e '^  --full-check' <(strongroom help migrate status)
	# One that the command itself tells apart.
	strongroom help backup verify | head -1 | grep -q '^usage: strongroom backup verify FILE'
	refused 2 '"client frobnicate"' 'add, list' -- help client frobnicate
	refused 2 '"client frobnicate"' 'add, list' -- client frobnicate --help
}

@test "help is a document with --json" {
	equal '"search"' "$(json .command help search)"
	equal '"search"' "$(json .command search --help)"
	equal null "$(json .command help)"
	strongroom help search | cmp - <(strongroom help search --json | jq -r .help)
	refused 2 '"nothing"; see: strongroom help' -- help nothing
}

@test "version names program, library and engine, in every form" {
	strongroom version | grep -q '^engine  *SQLite 3\.'
	equal '["engine","library","program"]' "$(json 'keys' version)"
	equal "program,library,engine" "$(strongroom version --csv | head -1 | tr -d '\r')"
	equal 3 "$(strongroom --plain version | tr '\t' '\n' | wc -l)"
	strongroom --version | cmp - <(strongroom version)
}

@test "global options stand before, between and behind the command" {
	strongroom init >/dev/null
	strongroom client add one >/dev/null
	strongroom --json client list >before
	strongroom client --json list >between
	strongroom client list --json >behind
	cmp before between
	cmp before behind
	unset STRONGROOM_DB
	strongroom --db "$folder/catalog.db" client list --plain | grep -q one
	strongroom client list --plain --db="$folder/catalog.db" | grep -q one
}

@test "what is wrong on the command line is named, with status 2" {
	refused 2 'a command is missing' --
	refused 2 '"frobnicate"' -- frobnicate
	refused 2 '"client frobnicate"' 'add, list' -- client frobnicate
	refused 2 'add, list' -- client
	refused 2 '"--frobnicate"' -- stats --frobnicate
	refused 2 '"-x"' -- stats -x
	refused 2 '--limit needs a value' -- search --limit
	refused 2 '--limit needs a value' -- search --limit --verified
	refused 2 '--verified takes no value' -- search --verified=yes
	refused 2 '--limit is given twice' '"3"' '"4"' -- search --limit 3 --limit=4
	refused 2 '"c"' -- client show b c
	refused 2 'NAME is missing' -- client add
	refused 2 'PATH is missing' -- history one
	refused 2 '--csv and --plain' -- --plain stats --csv
	refused 2 'loud' -- --log-level loud stats
	refused 2 '"frobnicate"' -- help frobnicate
}

@test "behind -- everything is an operand" {
	strongroom init >/dev/null
	strongroom client add -- --odd >/dev/null
	equal '"--odd"' "$(json '.[0].name' client list)"
}

@test "a usage error with --json is an object, wherever --json stands" {
	for arguments in "--json --frobnicate" "--frobnicate --json" "search --limit x --json"; do
		try $arguments
		equal 2 "$status"
		equal '["message","status"]' "$(jq -c '.error | keys' "$folder/err")"
	done
}
