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
		help)
			case ${2-} in
			"") printf '  %s  words\n' add ask carry drop lift move; printf '\nOptions of\n  zap  x\n' ;;
			add) printf 'usage: strongroom add one\n       strongroom add two\n\n  --quickly  or not\n' ;;
			*) echo "usage: strongroom $2" ;;
			esac ;;
		config) printf 'A_SETTING\t5\tdefault\n' ;;
		add) echo "added 3 files in 0.2 s below $PWD" ;;
		*) echo "unknown command $1"; exit 2 ;;
		esac
	END
	chmod +x "$tree/strongroom"
	printf '.It Cm %s\n' add ask carry drop lift move >"$tree/man/strongroom.1"
	printf '.Xr %s 1\n' strongroom-add strongroom >>"$tree/man/strongroom.1"
	printf '.Nm strongroom add %s\n' one two >"$tree/man/strongroom-add.1"
	echo '.It Fl -quickly' >>"$tree/man/strongroom-add.1"
	echo '.It Cm A_SETTING' >"$tree/man/strongroom.conf.5"
	printf "  'man/%s',\n" strongroom.1 strongroom-add.1 strongroom.conf.5 >"$tree/meson.build"
	readme '$ strongroom add' 'added 3 files in 1.7 s below /tmp/first-steps'
}

readme() {
	printf '# Name\n\n```console\n%s\n%s\n```\n' "$1" "$2" >"$tree/README.md"
}

# typed [OPTION]: the README, as it is typed.
typed() {
	run "$BATS_TEST_DIRNAME/../../tools/type-document" "$@" "$tree/strongroom" "$tree/README.md"
}

@test "what prints what is shown passes, whatever the time it took" {
	typed
	[ "$status" -eq 0 ]
	[ "$output" = "README.md: its 1 commands print what it shows" ]
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 0 ]
}

@test "another figure is found, unless figures vary; another word always" {
	readme '$ strongroom add' 'added 4 files in 1.7 s below /tmp/first-steps'
	typed
	[ "$status" -eq 1 ]
	[[ "$output" == *'$ strongroom add'*'prints now:'*'added 3 files'* ]]
	typed --figures-vary
	[ "$status" -eq 0 ]
	readme '$ strongroom add' 'added 4 folders in 1.7 s below /tmp/first-steps'
	typed --figures-vary
	[ "$status" -eq 1 ]
}

@test "a command that fails is found" {
	readme '$ strongroom record' 'unknown command record'
	typed
	[ "$status" -eq 1 ]
	[[ "$output" == *'$ strongroom record'*'ended with 2'* ]]
}

@test "a document that shows nothing is found" {
	echo '# Name' >"$tree/README.md"
	typed
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

# lacks FILE PATTERN MESSAGE: without the line, that is said.
lacks() {
	cp "$tree/$1" "$BATS_TEST_TMPDIR/before"
	sed -i "/$2/d" "$tree/$1"
	run "$tree/tools/check-docs" "$tree/strongroom"
	cp "$BATS_TEST_TMPDIR/before" "$tree/$1"
	[ "$status" -eq 1 ]
	[ "$output" = "$3" ]
}

@test "a part, an option or a setting that its manual lacks is found" {
	lacks man/strongroom-add.1 'add two' 'man/strongroom-add.1 does not have add two'
	lacks man/strongroom-add.1 quickly 'man/strongroom-add.1 does not have --quickly of add'
	lacks man/strongroom.conf.5 A_SETTING 'man/strongroom.conf.5 does not have A_SETTING'
	lacks man/strongroom.1 'Xr strongroom-add' 'man/strongroom.1 does not point to strongroom-add.1'
	rm "$tree/man/strongroom-add.1"
	echo '.It Cm add one' >>"$tree/man/strongroom.1"
	sed -i /strongroom-add/d "$tree/meson.build" "$tree/man/strongroom.1"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[ "$output" = 'man/strongroom.1 does not have add two
man/strongroom.1 does not have --quickly of add' ]
}

@test "a finding that the manual of check-ups lacks is found" {
	mkdir "$tree/src/catalog"
	printf 'sr_finding_add(c, SR_SEVERITY_NOTE,\n\tgood ? "as_it_was" : "changed", "words")\n' \
		>"$tree/src/catalog/health_one.c"
	printf '### `src/catalog/`\n\n- `health_one.c`\n' >>"$tree/ARCHITECTURE.md"
	printf '.It Li damaged\n.It Li changed , as_it_was\n' >"$tree/man/strongroom-health.1"
	echo "  'man/strongroom-health.1'," >>"$tree/meson.build"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 0 ]
	sed -i 's/ , as_it_was//' "$tree/man/strongroom-health.1"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[ "$output" = 'man/strongroom-health.1 does not have the finding as_it_was' ]
}

@test "a program that is missing, or older than its sources, is said so" {
	run "$tree/tools/check-docs" "$tree/gone"
	[ "$status" -eq 1 ]
	[ "$output" = "$tree/gone is not there: build it first" ]
	printf 'rule copy\n  command = cp $in $out\nbuild built: copy strongroom\n' >"$tree/build.ninja"
	ninja -C "$tree" --quiet
	run "$tree/tools/check-docs" "$tree/built"
	[ "$status" -eq 0 ]
	touch "$tree/strongroom"
	run "$tree/tools/check-docs" "$tree/built"
	[ "$status" -eq 1 ]
	[ "$output" = "$tree/built is older than what it is built from: build it first" ]
}

@test "a manual that is not installed, or not there, is found" {
	lacks meson.build conf.5 'meson.build does not install man/strongroom.conf.5'
	echo '.Xr strongroom-gone 1' >>"$tree/man/strongroom.conf.5"
	run "$tree/tools/check-docs" "$tree/strongroom"
	[ "$status" -eq 1 ]
	[ "$output" = 'man/strongroom.conf.5 points to strongroom-gone(1), which is not there' ]
}

@test "the library's manual lists every call, or is not made" {
	printf '%s\n' '/* ---- One */' 'SR_API int sr_one(int a);' \
		'SR_API SR_MUST_CHECK const char *' 'sr_two(void);' >"$tree/header.h"
	printf '.Sh CALLS\n@CALLS@\n' >"$tree/page"
	list() { run "$BATS_TEST_DIRNAME/../../tools/list-calls" "$tree/header.h" "$tree/page" "$tree/made"; }
	list
	[ "$status" -eq 0 ]
	[ "$(cat "$tree/made")" = '.Sh CALLS
.Ss One
.Fn sr_one ,
.Fn sr_two .' ]
	echo 'SR_API int odd;' >>"$tree/header.h"
	list
	[ "$status" -eq 1 ]
	[[ "$output" == *'names of some are not found'* ]]
	echo '.Sh CALLS' >"$tree/page"
	sed -i /odd/d "$tree/header.h"
	list
	[ "$status" -eq 1 ]
	[[ "$output" == *'no one place'* ]]
	sed -i '/----/d' "$tree/header.h"
	list
	[ "$status" -eq 1 ]
	[[ "$output" == *'outside all sections'* ]]
}
