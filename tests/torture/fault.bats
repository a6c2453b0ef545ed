#!/usr/bin/env bats
# The machine that makes every n-th allocation and call fail: it finds what is planted, and nothing
# without.
load common

@test "a few faults while a file is saved leave the catalog whole" {
	run "$MACHINE" --seconds 12 --seed 7 --only "save one"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"fault: save one: "*" faults, 0 bad"* ]]
	[[ $output == *$'total\tfaults\t'*$'\t0' ]]
}

@test "a disk that fills while a damaged database is restored leaves it whole" {
	STRONGROOM_TORTURE_KIND=ENOSPC run "$MACHINE" --seconds 30 --seed 5 --only "restore damaged"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"fault: restore damaged: "*" faults, 0 bad"* ]]
	[[ $output == *$'total\tfaults\t'[1-9]*$'\t0' ]]
}

@test "an error that is swallowed is found" {
	found "" --seconds 30 --only "save many" --plant swallow
}

@test "memory that is not freed after a failure is found" {
	found "1 blocks were not freed" --only "save one" --plant leak
}

@test "a descriptor that is not closed after a failure is found" {
	found "1 descriptors were left open" --only "open" --plant hold
}
