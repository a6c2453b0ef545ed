#!/usr/bin/env bats
# The runner of the fuzzers: it notices each kind of fault, keeps what shows it, and says so.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	export FUZZ_FOUND=$BATS_TEST_TMPDIR/found
	unset TMPDIR
}

# finds BUG WORDS
finds() {
	local status=0
	"$root/tests/fuzz/run" --seconds "${3:-20}" --seed 7 --plant "$1" >"$BATS_TEST_TMPDIR/out" || status=$?
	cat "$BATS_TEST_TMPDIR/out"
	[ "$status" -eq 1 ]
	grep -q "$(printf '^total\tfuzz executions\t[1-9][0-9]*\t1$')" "$BATS_TEST_TMPDIR/out"
	grep -q "$2" "$FUZZ_FOUND/planted.log"
	# The input that shows it.
	grep -q '^key!' "$FUZZ_FOUND"/planted-*-*
}

@test "a planted crash is found" {
	finds crash 'deadly signal'
}

@test "a planted read behind the end is found" {
	finds read 'heap-buffer-overflow'
}

@test "planted undefined behaviour is found" {
	finds undefined 'signed integer overflow'
}

@test "a planted leak is found" {
	finds leak 'detected memory leaks'
}

@test "a planted hang is found" {
	finds hang 'ERROR: libFuzzer: timeout' 40
}

@test "nothing is found where nothing is planted, and unknown targets are told" {
	"$root/tests/fuzz/run" --seconds 2 --only words --seed 7 | tee "$BATS_TEST_TMPDIR/out"
	grep -q "$(printf '^total\tfuzz executions\t[1-9][0-9]*\t0$')" "$BATS_TEST_TMPDIR/out"
	[ ! -e "$FUZZ_FOUND" ]
	! "$root/tests/fuzz/run" --seconds 2 --only nosuch
}
