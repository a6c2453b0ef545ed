# Processes that read, write and checkpoint one database come to what a serial replay comes to.

setup_file() {
	ninja -C "$BUILD" tests/torture/torture-replay >/dev/null
}

setup() {
	machine=$BUILD/tests/torture/torture-replay
}

@test "what two processes and a plain session did is what comes out one after the other" {
	run "$machine" --seconds 3
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	[[ "$output" == *$'total\treplays\t'*$'\t0' ]]
	changes=$(sed -n 's/^replay: \([0-9]*\) changes$/\1/p' <<<"$output")
	[ "$changes" -gt 100 ]
}

@test "a read that is torn is found" {
	run "$machine" --seconds 2 --plant torn-read
	[ "$status" -eq 1 ]
	[[ "$output" == *"is not what was there after change"* ]]
}

@test "an answer for what was rolled back is found" {
	run "$machine" --seconds 2 --plant early-answer
	[ "$status" -eq 1 ]
	[[ "$output" == *"was acknowledged and comes behind"* ]]
}

@test "a bug that cannot be planted is said so" {
	run "$machine" --plant nonsense
	[ "$status" -eq 2 ]
	[[ "$output" == *"there is no bug 'nonsense' to plant"* ]]
}
