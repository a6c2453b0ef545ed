#!/usr/bin/env bats
# The layer check holds for this tree, and fails for what it is there to find.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	check=$root/tools/check-layers
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"
	cp -r "$root"/{src,cli,include,migrations,tools,tests,man,completion,bench,meson.build,meson_options.txt} "$tree"
}

# Adds a line to the top of a file of the copy.
plant() {
	sed -i "1i $2" "$tree/$1"
}

# An archive with one object a line of "MEMBER: C code".
archive() {
	while IFS=: read -r member code; do
		echo "$code" | gcc -fvisibility=hidden -c -x c -o "$tree/$member" -
		ar rcs "$tree/lib.a" "$tree/$member"
	done
}

@test "the rooms of this tree call only downwards" {
	run "$check" "$tree"
	[ "$status" -eq 0 ]
	[[ "$output" == *"call only downwards" ]]
}

@test "an upward include is found and named" {
	plant src/base/error.c '#include "../catalog/catalog.h"'
	run "$check" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"src/base/error.c:1: includes src/catalog/catalog.h, but src/base may use"* ]]
}

@test "an upward include through the include path is found" {
	plant src/engine/engine.h '#include <pool/pool.h>'
	run "$check" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"src/engine/engine.h:1: includes src/pool/pool.h"* ]]
}

@test "rooms side by side may not include each other" {
	plant src/pool/pool.h '#include "../schema/migrate.h"'
	run "$check" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"src/pool/pool.h:1: includes src/schema/migrate.h"* ]]
}

@test "a door includes the public header only" {
	echo '#include "../src/base/error.h"' >"$tree/cli/planted.c"
	run "$check" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"cli/planted.c:1: includes src/base/error.h"* ]]
}

@test "SQLite's header belongs to the engine" {
	echo '#include <sqlite3.h>' >"$tree/src/catalog/planted.c"
	run "$check" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"src/catalog/planted.c:1: includes <sqlite3.h>, which belongs to src/engine"* ]]
}

@test "an upward include fails the build" {
	meson setup "$tree/build" "$tree"
	ninja -C "$tree/build" includes.checked
	plant src/base/error.c '#include "../pool/pool.h"'
	run ninja -C "$tree/build" includes.checked
	[ "$status" -ne 0 ]
	[[ "$output" == *"src/base/error.c:1: includes src/pool/pool.h"* ]]
}

@test "calls downwards pass" {
	archive <<-'END'
		src_base_low.c.o: void sr_low(void) {}
		src_catalog_high.c.o: void sr_low(void); void sr_high(void) { sr_low(); }
	END
	run "$check" --archive "$tree/lib.a" "$tree"
	[ "$status" -eq 0 ]
}

@test "an upward call without an include is found and named" {
	archive <<-'END'
		src_base_low.c.o: void sr_high(void); void sr_low(void) { sr_high(); }
		src_catalog_high.c.o: void sr_high(void) {}
	END
	run "$check" --archive "$tree/lib.a" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"src_base_low.c.o calls sr_high of src/catalog, but src/base may use only itself"* ]]
}

@test "record may call what the library exports, and nothing hidden" {
	archive <<-'END'
		src_catalog_file.c.o: __attribute__((visibility("default"))) void sr_open(void) {} void sr_in(void) {}
		src_record_walk.c.o: void sr_open(void); void sr_walk(void) { sr_open(); }
	END
	run "$check" --archive "$tree/lib.a" "$tree"
	[ "$status" -eq 0 ]
	archive <<-'END'
		src_record_hash.c.o: void sr_in(void); void sr_hash(void) { sr_in(); }
	END
	run "$check" --archive "$tree/lib.a" "$tree"
	[ "$status" -eq 1 ]
	[[ "$output" == *"src_record_hash.c.o calls sr_in of src/catalog"* ]]
}
