#!/usr/bin/env bats
# The check of the documents fails where they stop being true. The program here is a stand-in.

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/tools" "$tree/man" "$tree/src/base"
	echo 'int one;' >"$tree/src/base/one.c"
	printf '# Rooms\n\n### `src/base/`\n\n- `one.c`\n' >"$tree/ARCHITECTURE.md"
	cp "$BATS_TEST_DIRNAME/../../tools/check-docs" "$tree/tools"
	cat >"$tree/strongroom" <<-'END'
		#!/bin/bash
		case $1 in
		help) printf '  %s  words\n' add ask carry drop lift move; printf '\nOptions of\n  zap  x\n' ;;
		add) echo "added 3 files in 0.2 s below $PWD" ;;
		*) echo "unknown command $1"; exit 2 ;;
		esac
	END
	chmod +x "$tree/strongroom"
	printf '.It Cm %s\n' add ask carry drop lift move >"$tree/man/strongroom.1"
	readme '$ strongroom add' 'added 3 files in 1.7 s below /tmp/first-steps'
}

readme() {
	printf '# Name\n\n```console\n%s\n%s\n```\n' "$1" "$2" >"$tree/README.md"
}

@test "what prints what is shown passes, whatever the time it took" {
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 0 ]
	[ "$output" = "README's 1 commands print what it shows" ]
}

@test "another figure is found" {
	readme '$ strongroom add' 'added 4 files in 1.7 s below /tmp/first-steps'
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[[ "$output" == *'$ strongroom add'*'prints now:'*'added 3 files'* ]]
}

@test "a command that fails is found" {
	readme '$ strongroom record' 'unknown command record'
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[[ "$output" == *'$ strongroom record'*'ended with 2'* ]]
}

@test "a README that shows nothing is found" {
	echo '# Name' >"$tree/README.md"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[[ "$output" == *"no \`\`\`console block"* ]]
}

@test "a command that the manual lacks is found" {
	sed -i /carry/d "$tree/man/strongroom.1"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[ "$output" = "man/strongroom.1 does not have the command carry" ]
}

@test "a file that is named and not there is found" {
	echo 'See `src/gone.c` and [this](that.md).' >>"$tree/README.md"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[[ "$output" == *"README.md points to that.md, which is not there"* ]]
	[[ "$output" == *"README.md names src/gone.c, which is not there"* ]]
}

@test "a source file without a place in the tour is found" {
	echo 'int two;' >"$tree/src/base/two.c"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[ "$output" = "ARCHITECTURE's source tour lacks src/base/two.c" ]
}
