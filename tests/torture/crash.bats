#!/usr/bin/env bats
# The machine that cuts the power: it finds what was planted, and nothing where nothing is.
load common

@test "every scenario survives every state that is tried, and prints how many" {
	run "$MACHINE" --seconds 10
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^crash: .*: [1-9][0-9]* crash points, 0 bad$' <<<"$output")" -ge 24 ]
	grep -q $'^total\tcrash points\t[1-9][0-9]*\t0$' <<<"$output"
}

@test "a build in which SQLite syncs no file is found" {
	found "what was acknowledged is not there\|not a database\|damaged\|integrity_check" --only "save one" --plant missing-sync
}

@test "a build in which the library leaves every sync to SQLite is found" {
	found "what was acknowledged is not there: file:one.db" --only backup --plant missing-own-sync
	found "client .*: .*ring" --only "keys wrapped" --plant missing-own-sync
}

@test "a build that acknowledges before the commit is found" {
	found "what was acknowledged is not there" --only "save one" --plant early-acknowledge
}

@test "unknown bugs and scenarios are refused" {
	run "$MACHINE" --plant nothing
	[ "$status" -eq 2 ]
	run "$MACHINE" --seconds 1 --only nothing
	[ "$status" -eq 2 ]
}
