#!/usr/bin/env bats
# tools/check-hardening finds each thing that a binary may lack, and nothing in one that has all.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	cd "$BATS_TEST_TMPDIR"
	# A frame of many pages, calls that can be checked, and an array to be guarded.
	cat >small.c <<'C'
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
	char large[65536], name[16];

	if (fgets(large, sizeof(large), stdin) == NULL)
		return 1;
	strcpy(name, argv[0]);
	printf("%s %c\n", name, large[argc]);
	return 0;
}
C
}

# built OPTION…: small, hardened, and then as the options say.
built() {
	rm -f small
	gcc -O2 -fPIE -pie -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE \
		-D_FORTIFY_SOURCE=2 $([ "$(uname -m)" != x86_64 ] || echo -fcf-protection=full) \
		-Wl,-z,relro,-z,now,-z,noexecstack "$@" -o small small.c 2>log || {
		cat log
		return 1
	}
	run "$root/tools/check-hardening" "$PWD/small"
}

# lacking TEXT OPTION…: that, and nothing else, is found.
lacking() {
	local text=$1
	shift
	built "$@"
	[ "$status" -eq 1 ] || { echo "not found: $text"; return 1; }
	[ "${#lines[@]}" -eq 1 ] && [[ $output == *"/small: "*"$text"* ]] || { echo "$output"; return 1; }
}

@test "a binary that has everything passes" {
	built
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == "1 binaries are hardened: $PWD/small" ]]
}

@test "each thing that is lacking is found" {
	lacking "no PIE" -no-pie -fno-pie
	lacking "no RELRO" -Wl,-z,norelro
	lacking "no BIND_NOW" -Wl,-z,lazy
	lacking "its stack is executable" -Wl,-z,execstack
	lacking "its stack is not guarded" -fno-stack-protector
	lacking "no _FORTIFY_SOURCE" -U_FORTIFY_SOURCE
	lacking "in an RPATH" -Wl,--disable-new-dtags,-rpath,/tmp
}

@test "what only x86 has is found to be lacking there" {
	[ "$(uname -m)" = x86_64 ] || skip "another processor"
	lacking "no CET" -fcf-protection=none
	lacking "no stack clash protection" -fno-stack-clash-protection
}

@test "a build folder without its binaries does not pass" {
	run "$root/tools/check-hardening" "$BATS_TEST_TMPDIR"
	[ "$status" -eq 1 ]
	[[ $output == *"/strongroom: is not there"*"/libstrongroom.so: is not there"* ]]
}
