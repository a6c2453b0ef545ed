# What every machine's tests start with: the machine, which is called as the file of its tests, and
# the program that it may run.
MACHINE_NAME=torture-$(basename "$BATS_TEST_FILENAME" .bats)

setup_file() {
	export BUILD=${BUILD:-$BATS_TEST_DIRNAME/../../build} TMPDIR=/dev/shm
	ninja -C "$BUILD" --quiet strongroom "tests/torture/$MACHINE_NAME"
}

setup() {
	MACHINE=$BUILD/tests/torture/$MACHINE_NAME
}

# found PATTERN ARGUMENT…: the machine finds something, says so in such words and how to see it again.
found() {
	local pattern=$1
	shift
	run "$MACHINE" --seconds 3 --seed 7 "$@"
	echo "$output" | cut -c 1-300 | head -40
	[ "$status" -eq 1 ]
	grep -q "BAD: .*$pattern" <<<"$output"
	grep -q "^  again: $MACHINE_NAME --seed [0-9]* --only '.*' --plant " <<<"$output"
	grep -q $'^total\t[a-z ]*\t[0-9]*\t[1-9]' <<<"$output"
}
