#!/usr/bin/env bats
# What the scripts around the build promise: they ask nothing, find what is wrong, say it.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	tree=$BATS_TEST_TMPDIR/tree
	bin=$BATS_TEST_TMPDIR/bin
	mkdir -p "$tree" "$bin"
	export PATH=$bin:$PATH
}

copy_tree() {
	# All but the build folders.
	(cd "$root" && find . -mindepth 1 -maxdepth 1 ! -name 'build*' ! -name '.git*' -exec cp -r -t "$tree" {} +)
}

# A command that says what it was called with and ends with a status.
fake() {
	printf '#!/bin/bash\necho "%s $*" >>"%s"\n%s\n' "$1" "$BATS_TEST_TMPDIR/calls" "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

@test "with every package there, nothing is fetched" {
	fake dpkg-query 'echo installed'
	fake apt-get 'exit 1'
	run "$root/tools/install-packages" build check
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run grep -c apt-get "$BATS_TEST_TMPDIR/calls"
	[ "$output" -eq 0 ]
}

@test "only what is missing is installed, without a question" {
	fake dpkg-query 'case $* in *meson) exit 1 ;; *jansson*) echo config-files ;; *) echo installed ;; esac'
	fake apt-get 'echo "$DEBIAN_FRONTEND" >>"'"$BATS_TEST_TMPDIR"'/frontend"'
	fake id 'echo 0'
	run "$root/tools/install-packages" build
	[ "$status" -eq 0 ]
	[ "$output" = "Installing: meson libjansson-dev" ]
	grep -q -- 'apt-get .*--yes .*install meson libjansson-dev$' "$BATS_TEST_TMPDIR/calls"
	[ "$(sort -u "$BATS_TEST_TMPDIR/frontend")" = noninteractive ]
}

@test "without root the missing packages are named" {
	fake dpkg-query 'case $* in *meson) exit 1 ;; *) echo installed ;; esac'
	fake apt-get 'exit 1'
	fake id 'echo 1000'
	run "$root/tools/install-packages" build
	[ "$status" -eq 1 ]
	[[ "$output" == *"needs root"*"apt-get install meson"* ]]
	run grep -c apt-get "$BATS_TEST_TMPDIR/calls"
	[ "$output" -eq 0 ]
}

@test "without the archive the packages and the reason are named" {
	fake dpkg-query 'exit 1'
	fake apt-get 'echo "Temporary failure resolving"; exit 100'
	fake id 'echo 0'
	run "$root/tools/install-packages" build
	[ "$status" -eq 1 ]
	[[ "$output" == *"Temporary failure resolving"*"Could not install"*"in reach?"* ]]
}

@test "both commands read one list, and every package of it is named once" {
	run grep -h -o 'tools/install-packages.*' "$root/quickstart" "$root/check"
	[[ "$output" == *"tools/install-packages build"*"tools/install-packages build check"* ]]
	[ -z "$(grep -v -e '^#' -e '^\[' -e '^$' "$root/packages.txt" | sort | uniq -d)" ]
}

@test "a file that is not laid out as it should be is named" {
	copy_tree
	printf 'int  main( void ){return 0;}\n' >"$tree/src/base/planted.c"
	run "$tree/tools/check-format"
	[ "$status" -eq 1 ]
	[[ "$output" == *"planted.c"* ]]
	"$tree/tools/check-format" --fix
	run "$tree/tools/check-format"
	[ "$status" -eq 0 ]
}

@test "a name that leaves the library and should not is found" {
	mkdir "$tree/lib"
	declare_all=$(grep -v '^[[:space:]]*\*' "$root/include/strongroom.h" | tr '\n' ' ' |
		grep -o 'SR_API[^;]*;' | grep -o '\bsr_[a-z0-9_]*(' | tr -d '(' | sort -u |
		sed 's/.*/void &(void);void &(void){}/')
	echo "$declare_all" | gcc -shared -fPIC -x c -o "$tree/lib/libstrongroom.so" -
	echo "void sr_one(void);void sr_one(void){}" | gcc -c -x c -o "$tree/lib/one.o" -
	ar rcs "$tree/lib/libstrongroom.a" "$tree/lib/one.o"
	run "$root/tools/check-exports" "$tree/lib"
	[ "$status" -eq 0 ]

	(echo "$declare_all"; echo "int leaked = 1;") |
		gcc -shared -fPIC -x c -o "$tree/lib/libstrongroom.so" -
	run "$root/tools/check-exports" "$tree/lib"
	[ "$status" -eq 1 ]
	[[ "$output" == *"exported, not declared in strongroom.h: leaked"* ]]

	echo "$declare_all" | grep -v sr_open | gcc -shared -fPIC -x c -o "$tree/lib/libstrongroom.so" -
	run "$root/tools/check-exports" "$tree/lib"
	[ "$status" -eq 1 ]
	[[ "$output" == *"declared in strongroom.h, not exported: sr_open"* ]]
}

@test "quickstart refuses what it does not know, before doing anything" {
	run "$root/quickstart" --fast
	[ "$status" -eq 2 ]
	[[ "$output" == *"unknown option --fast"* ]]
	run "$root/quickstart" /no/such/folder
	[ "$status" -eq 2 ]
	[[ "$output" == *"/no/such/folder is not a folder"* ]]
	run "$root/quickstart" --build "$tree"
	[ "$status" -eq 2 ]
}
