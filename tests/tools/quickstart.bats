#!/usr/bin/env bats
# ./quickstart DIR, from a copy of the tree without a build folder, and then again.

setup_file() {
	root=$BATS_TEST_DIRNAME/../..
	export tree=$BATS_FILE_TMPDIR/tree files=$BATS_FILE_TMPDIR/some\ files
	mkdir -p "$tree" "$files/deep"
	(cd "$root" && find . -mindepth 1 -maxdepth 1 ! -name '.*' ! -name 'build*' -exec cp -r -t "$tree" {} +)
	for number in 1 2 3 4 5 6 7; do
		echo "$number" >"$files/deep/$number.txt"
	done
	export -n BUILD # It builds its own.
	"$tree/quickstart" "$files" >"$BATS_FILE_TMPDIR/first" 2>&1 || echo "$?" >"$BATS_FILE_TMPDIR/failed"
	echo new >>"$files/deep/1.txt"
	"$tree/quickstart" "$files" >"$BATS_FILE_TMPDIR/second" 2>&1 || echo "$?" >"$BATS_FILE_TMPDIR/failed"
}

figure() { # NAME FILE: the figure that record's summary gives it.
	sed -n "s/^ *$1  *\([0-9,]*\)$/\1/p" "$2" | head -n 1
}

@test "it builds, and ends well" {
	cat "$BATS_FILE_TMPDIR"/first "$BATS_FILE_TMPDIR"/second
	[ ! -e "$BATS_FILE_TMPDIR/failed" ]
	[ -x "$tree/build/strongroom" ]
	[ -e "$tree/build/libstrongroom.so" ]
	[ -e "$tree/build/libstrongroom.a" ]
	[ -e "$tree/build/catalog.db" ]
}

@test "it shows how many files it recorded" {
	cat "$BATS_FILE_TMPDIR/first"
	[ "$(figure added "$BATS_FILE_TMPDIR/first")" -eq 7 ]
}

@test "a second time it shows what was unchanged" {
	cat "$BATS_FILE_TMPDIR/second"
	[ "$(figure changed "$BATS_FILE_TMPDIR/second")" -eq 1 ]
	[ "$(figure unchanged "$BATS_FILE_TMPDIR/second")" -eq 6 ]
}

@test "the client is named after the host" {
	run "$tree/build/strongroom" --db "$tree/build/catalog.db" client show "$(uname -n)"
	[ "$status" -eq 0 ]
}

@test "the three commands to try next work as they are printed" {
	run sed -n '/^== Try next/,$s/^    //p' "$BATS_FILE_TMPDIR/second"
	[ "${#lines[@]}" -eq 3 ]
	cd "$tree"
	for line in "${lines[@]}"; do
		echo "$line"
		bash -c "$line"
	done
}

@test "nothing but the build folder and the extension is left in the tree" {
	# pip may be building beside this, and be copied with the tree.
	left=$(cd "$tree" && find . \( -path ./build -o -path ./python/build \) -prune -o \
		-type f -cnewer build/build.ninja -print)
	[ "$left" = ./python/src/strongroom/_strongroom.abi3.so ]
}
