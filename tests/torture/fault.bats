# The machine that makes every n-th allocation and call fail: it finds what is planted, and nothing
# without.

setup() {
	export TMPDIR=/dev/shm
	machine=${BUILD:-build}/tests/torture/torture-fault
	ninja -C "${BUILD:-build}" tests/torture/torture-fault >/dev/null
}

@test "a few faults while a file is saved leave the catalog whole" {
	run "$machine" --seconds 12 --seed 7 --only "save one"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"fault: save one: "*" faults, 0 bad"* ]]
	[[ $output == *$'total\tfaults\t'*$'\t0' ]]
}

@test "an error that is swallowed is found" {
	run "$machine" --seconds 10 --seed 7 --only "save many" --plant swallow
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"fault: BAD: save many: "* ]]
}

@test "memory that is not freed after a failure is found" {
	run "$machine" --seconds 3 --seed 7 --only "save one" --plant leak
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"1 blocks were not freed"* ]]
}

@test "a descriptor that is not closed after a failure is found" {
	run "$machine" --seconds 3 --seed 7 --only "open" --plant hold
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"1 descriptors were left open"* ]]
}
