#!/usr/bin/env bats
# The machine that makes hostile files: it finds what was planted, and nothing where nothing is.
load common

@test "hostile files of every kind are used safely or refused" {
	run "$MACHINE" --seconds 15
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^hostile: .*: [1-9][0-9]* hostile files, 0 bad$' <<<"$output")" -eq 7 ]
	grep -q $'^total\thostile files\t[1-9][0-9]*\t0$' <<<"$output"
}

@test "code of a file's own that runs is found" {
	found "code of the file's own has run" --only triggers --plant trigger
}

@test "a file outside that is read or deleted is found" {
	found "outside/secret was " --only paths --plant path
}

@test "a file outside that is opened is found" {
	found "opened outside the catalog's folder: .*/outside/secret" --only rows --plant open
}

@test "a crash is found" {
	found "it ended with signal 6" --only rows --plant crash
}

@test "unknown bugs and kinds are refused" {
	run "$MACHINE" --plant nothing
	[ "$status" -eq 2 ]
	run "$MACHINE" --seconds 1 --only nothing
	[ "$status" -eq 2 ]
}
