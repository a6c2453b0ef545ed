#!/usr/bin/env bats
# Processes that read, write and checkpoint one database come to what a serial replay comes to.
load common

@test "what two processes and a plain session did is what comes out one after the other" {
	run "$MACHINE" --seconds 3
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ "$output" == *$'total\treplays\t'*$'\t0' ]]
	changes=$(sed -n 's/^replay: \([0-9]*\) changes$/\1/p' <<<"$output")
	[ "$changes" -gt 100 ]
}

@test "a read that is torn is found" {
	found "is not what was there after change" --seconds 2 --plant torn-read
}

@test "an answer for what was rolled back is found" {
	found "was acknowledged and comes behind" --seconds 2 --plant early-answer
}

@test "a bug that cannot be planted is said so" {
	run "$MACHINE" --plant nonsense
	[ "$status" -eq 2 ]
	[[ "$output" == *"there is no bug 'nonsense' to plant"* ]]
}
