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

# Each place where a call can fail so, once.
places() {
	STRONGROOM_TORTURE_PLACES=1 STRONGROOM_TORTURE_KIND=$1 run "$MACHINE" --seconds 120 --seed 1 --only "$2"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *$'total\tfaults\t'[1-9]*$'\t0' ]]
}

@test "a signal, or a read cut short, has no backup passed over while a client is shredded" {
	places EINTR "client shred"
	places short "client shred"
}

@test "a disk that cannot be looked at is no database of somebody else's, and no wrong folder" {
	places EIO "create"
	places EIO "client shred"
}

@test "a check-up finds what is there on a disk that cannot be read, or says what it could not look at" {
	places EIO "health"
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
