#!/usr/bin/env bats
# The machine that kills commands and writers: it finds what is planted, and nothing without.
load common

@test "every command and 16 writers are killed, and nothing is lost" {
	run "$MACHINE" --seconds 10 --seed 3
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"kill: 16 writers: "*" kills, 0 bad"* ]]
	[[ $output == *"kill: optimize: "*" kills, 0 bad"* ]]
	[[ $output == *$'total\tkills\t'*$'\t0' ]]
	kills=$(sed -n $'s/^total\tkills\t\\([0-9]*\\)\t.*/\\1/p' <<<"$output")
	[ "$kills" -ge 20 ]
}

@test "writers that acknowledge before they have saved are found" {
	found ", acknowledged, 0 of 3 rows are there" --seconds 4 --seed 3 --only "16 writers" \
		--plant early-acknowledge
}
