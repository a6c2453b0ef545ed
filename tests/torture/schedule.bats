#!/usr/bin/env bats
# The pool under a scheduler that decides everything; bugs planted into it are found.
load common

@test "no schedule of any scenario goes wrong" {
	run "$MACHINE" --seconds 4
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ "$output" == *$'total\tschedules\t'*$'\t0' ]]
	[ "$(grep -c ' schedules, 0 bad$' <<<"$output")" -ge 14 ]
}

@test "the same seed is the same schedules" {
	# How far a run gets is a matter of time, the first five hundred of a scenario are not.
	"$MACHINE" --seconds 0 --seed 7 >"$BATS_TEST_TMPDIR/one"
	"$MACHINE" --seconds 0 --seed 7 >"$BATS_TEST_TMPDIR/two"
	diff "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	grep -q ' points$' "$BATS_TEST_TMPDIR/one"
	! "$MACHINE" --seconds 0 --seed 8 | diff -q "$BATS_TEST_TMPDIR/one" -
}

# Finds the planted bug with these words, and again by the seed that was printed.
finds() {
	run "$MACHINE" --seconds 2 --only "$2" --plant "$1"
	[ "$status" -eq 1 ]
	[[ "$output" == *"BAD: $2: "*"$3"* ]] || { echo "$output"; false; }
	seed=$(sed -n 's/.*again: .* --seed \([0-9]*\) .*/\1/p' <<<"$output" | head -n 1)
	run "$MACHINE" --seconds 0 --seed "$seed" --only "$2" --plant "$1"
	[ "$status" -eq 1 ]
	[[ "$output" == *"$2: 1 schedules, 1 bad"* ]] || { echo "$output"; false; }
}

@test "a lost wake-up is found" {
	finds lost-wakeup readers "nobody woke it up"
	finds lost-wakeup "group commit" "nobody woke it up"
}

@test "a connection handed out twice is found" {
	finds double-lend readers "idle and lent"
}

@test "an answer before the commit is found" {
	finds early-answer "group commit" "is there 0 times"
}

@test "a checkpoint that does not hold the log is found" {
	finds log-free checkpoints "the log began anew under a checkpoint"
}

@test "a bug that cannot be planted is said so" {
	TMPDIR=$BATS_TEST_TMPDIR/folders
	mkdir "$TMPDIR"
	run "$MACHINE" --plant nonsense
	[ "$status" -eq 2 ]
	[[ "$output" == *"there is no bug 'nonsense' to plant"* ]]
	[[ "$output" == *"Bugs: lost-wakeup double-lend early-answer log-free" ]]
	[ -z "$(ls -A "$TMPDIR")" ]
}
