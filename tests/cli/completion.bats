#!/usr/bin/env bats
# Completion: typed at a prompt of bash and zsh on a terminal, and asked of fish.
bats_require_minimum_version 1.5.0
load common

setup_more() {
	scripts=$BATS_TEST_DIRNAME/../../completion
	export TERM=xterm PATH=$(dirname "$PROGRAM"):$PATH
	ln -s "$PROGRAM" "$folder/strongroom"
	PATH=$folder:$PATH
	strongroom init >/dev/null
	for name in laptop 'my client' 'my "odd" $(touch pwned)' "it's" host:1 host:2 ünï 'bang!' '5" disk"' --dash; do
		strongroom client add -- "$name" >/dev/null
	done
	printf '%s\n' '{"original_path": "/data/a file"}' '{"original_path": "/data/sub dir/b"}' \
		'{"original_path": "/data/sub dir/c/d"}' '{"original_path": "/else"}' |
		strongroom file import --client laptop >/dev/null
	mkdir there
	touch 'there/a file'
}

# type_in SHELL TYPED: the words of the command line that TYPED, with tabs in it, makes.
type_in() {
	local shell=$1 typed=$2$'\001words \nexit\n'
	mkdir -p rc
	rm -f words
	printf '%s\n' "PS1='ready> '" 'words() { printf "{%s}" "$@" >>'"'$PWD/words'"'; }' >rc/bash
	cp rc/bash rc/.zshrc
	printf '%s\n' "bind 'set enable-bracketed-paste off'" "source '$scripts/strongroom.bash'" >>rc/bash
	printf '%s\n' "fpath=('$scripts' \$fpath)" 'autoload -Uz compinit' 'compinit -u' 'bindkey -e' >>rc/.zshrc
	export ZDOTDIR=$PWD/rc TYPE_AFTER='ready> ' TYPE_KEYS=
	case $shell in
	bash) set -- /bin/bash --noprofile --rcfile rc/bash -i ;;
	zsh) set -- /bin/zsh -i ;;
	esac
	timeout 300 python3 "$BATS_TEST_DIRNAME/on_terminal.py" 250 "$typed" "$@" >received || true
	cat words || cat received # Which tells what became of it.
}

# completes TYPED WORD…: in bash and in zsh.
completes() {
	local typed=$1 wanted={strongroom}
	shift
	for word in "$@"; do
		wanted+="{$word}"
	done
	for shell in bash zsh; do
		equal "$shell $wanted" "$shell $(type_in "$shell" "$typed")"
	done
}

# What fish offers for a line, without its meanings.
in_fish() {
	fish --no-config -c "source '$scripts/strongroom.fish'; complete -C \"\$argv[1]\"" "$1" | cut -f 1
}

@test "commands, subcommands and options" {
	completes $'strongroom cli\tupd\t' client update
	completes $'strongroom search --verif\t--cl\t' search --verified --client
	completes $'strongroom help cli\tupd\t' help client update
	# A part that the command itself tells from the name of a file.
	completes $'strongroom backup ver\tthe\ta\t' backup verify 'there/a file'
	completes $'strongroom backup --key-f\tthe\ta\t' backup --key-file 'there/a file'
	completes $'strongroom --no-p\tmig\tver\t' --no-progress migrate verify
}

@test "clients, quoted as they must be, and nothing is run" {
	completes $'strongroom client show lap\t' client show laptop
	completes $'strongroom client show my\\ c\t' client show 'my client'
	completes $'strongroom client show "my c\t' client show 'my client'
	completes $'strongroom client show \'my "\t' client show 'my "odd" $(touch pwned)'
	completes $'strongroom client show "my \\"\t' client show 'my "odd" $(touch pwned)'
	completes $'strongroom client show "ban\t' client show 'bang!'
	completes $'strongroom client show "5\t' client show '5" disk"'
	completes $'strongroom client show it\t' client show "it's"
	completes $'strongroom client show ü\t' client show 'ünï'
	completes $'strongroom client show -- --d\t' client show -- --dash
	completes $'strongroom file list my\\ c\t/da\t' file list 'my client' /da
	# A substitution that was typed and then wiped.
	completes $'strongroom client show "$(touch pwned)" $(touch pwned) \t\025strongroom'
	[ ! -e pwned ]
}

@test "categories" {
	strongroom category add 'my own' >/dev/null
	completes $'strongroom category show my\t' category show 'my own'
	completes $'strongroom category delete my\t--mo\tvid\t' category delete 'my own' --move-to video
	completes $'strongroom category assign lap\t/da\ta\tdoc\t' category assign laptop '/data/a file' document
	equal 'my own' "$(in_fish 'strongroom category update my')"
}

@test "paths that the catalog has of a client, a folder at a time" {
	completes $'strongroom history lap\t/da\ta\t' history laptop '/data/a file'
	completes $'strongroom file list lap\t/da\tsu\t' file list laptop '/data/sub dir/'
	completes $'strongroom file show lap\t"/data/sub dir/b\t' file show laptop '/data/sub dir/b'
	completes $'strongroom file show lap\t/da\tsu\tc\t\t' file show laptop '/data/sub dir/c/d'
	equal '/data/a file' "$(in_fish 'strongroom history laptop /data/a')"
	strongroom complete -- history laptop '' | tr '\n' ' ' >answer
	equal 'paths /data/ /else ' "$(cat answer)"
	equal 'paths /else ' "$(strongroom complete -- history laptop /else | tr '\n' ' ')"
	equal 'paths ' "$(strongroom complete -- history nobody /da | tr '\n' ' ')"
	# Each folder once, however much is in it, and without a look at all of that.
	seq 1 3000 | sed 's|.*|{"original_path": "/many/&/f"}|' | strongroom file import --client laptop >/dev/null
	equal 1000 "$(strongroom complete -- history laptop /many/ | grep -c '^/many/[0-9]*/$')"
	equal '/many/2999/ ' "$(strongroom complete -- history laptop /many/2999 | tail -n +2 | tr '\n' ' ')"
}

@test "words that bash breaks at = and :" {
	completes $'strongroom search --client=my\\ c\t' search '--client=my client'
	completes $'strongroom search --client=host:1\t' search --client=host:1
	completes $'strongroom client show ho\t2\t' client show host:2
}

@test "names of files" {
	completes $'strongroom record --client lap\tthe\ta\t' record --client laptop 'there/a file'
	completes $'strongroom client import the\ta\t' client import 'there/a file'
	mv "$STRONGROOM_DB" there/other.db
	unset STRONGROOM_DB
	completes $'strongroom --db the\to\tcli\tsh\tlap\t' --db there/other.db client show laptop
	completes $'strongroom --db=the\to\tcli\tsh\tlap\t' --db=there/other.db client show laptop
}

@test "fish" {
	equal client "$(in_fish 'strongroom cl')"
	equal 'show' "$(in_fish 'strongroom client sh')"
	equal 'my client' "$(in_fish 'strongroom client show my\ c')"
	equal 'my client' "$(in_fish "strongroom client show 'my c")"
	equal '--client=laptop' "$(in_fish 'strongroom search --client=lap')"
	equal '--verified' "$(in_fish 'strongroom search --verif')"
	equal 'there/a file' "$(in_fish 'strongroom record --client laptop there/')"
	equal --db="$folder/catalog.db" "$(in_fish "strongroom --db=$folder/cat")"
}

@test "without a catalog the rest completes, without a word" {
	for db in "$folder/none.db" "$folder" /proc/nothing/there; do
		try --db "$db" complete -- client show ''
		equal 0 "$status"
		equal words "$(cat "$folder/out")"
		equal '' "$(cat "$folder/err")"
		try complete -- --db "$db" client ''
		grep -qx update "$folder/out"
	done
	printf 'no database at all' >"$folder/text"
	try complete -- --db "$folder/text" client show ''
	equal 'words ' "$(tr '\n' ' ' <"$folder/out")$(cat "$folder/err")"
	try complete --
	equal '0 ' "$status $(cat "$folder/out" "$folder/err")"
}

@test "it only reads" {
	before=$(sha256sum "$STRONGROOM_DB"; ls "$folder")
	strongroom complete -- client show '' | grep -qx laptop
	equal "$before" "$(sha256sum "$STRONGROOM_DB"; ls "$folder")"
	old_database "$folder/old.db" 2
	sqlite3 "$folder/old.db" "INSERT INTO clients VALUES (zeroblob(16), 'ancient', NULL, '2020-01-01', NULL)"
	before=$(sha256sum "$folder/old.db"; ls "$folder")
	strongroom complete -- --db "$folder/old.db" client show '' | grep -qx ancient
	equal "$before" "$(sha256sum "$folder/old.db"; ls "$folder")"
}

@test "names that would drive a terminal are not offered" {
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET Name = 'a' || char(27) || '[31m' WHERE Name = 'laptop'"
	sqlite3 "$STRONGROOM_DB" "UPDATE clients SET Name = 'two' || char(10) || 'lines' WHERE Name = 'ünï'"
	strongroom complete -- client show '' >answer
	run ! grep -e "$(printf '\033')" -e two -e lines answer
	grep -qx 'my client' answer
}

@test "every command, subcommand and option is offered, and explained by its help" {
	offered() { strongroom complete -- "$@" | tail -n +2 | cut -f 1; }
	offered '' | grep -v '^-' >commands
	[ "$(wc -l <commands)" -gt 10 ]
	while read -r command; do
		offered "$command" '' | grep -xE '[a-z]+' >parts || echo '' >parts
		strongroom complete -- "$command" '' | grep -qx files && echo '' >parts
		while read -r part; do
			strongroom help $command $part >text
			offered $command $part -- >options
			offered $command $part - >options
			grep -qx -e --json options
			for option in $(cat options); do
				grep -q -e "^  $option\\b" text || strongroom help | grep -q -e "^  $option\\b" || {
					echo "help $command $part does not explain $option"
					return 1
				}
			done
		done <parts
	done <commands
}

@test "the scripts have no fault of grammar" {
	bash -n "$scripts/strongroom.bash"
	zsh -n "$scripts/_strongroom"
	fish --no-execute "$scripts/strongroom.fish"
}
