#!/usr/bin/env bats
# What only happens on a terminal: tables cut to its width, questions, progress.
bats_require_minimum_version 1.5.0
load common

setup_more() {
	export TERM=xterm
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
}

# on_terminal COLUMNS TYPED ARGUMENT…
on_terminal() {
	local columns=$1 typed=$2
	shift 2
	python3 "$BATS_TEST_DIRNAME/on_terminal.py" "$columns" "$typed" "$PROGRAM" "$@" | tr -d '\r'
	return "${PIPESTATUS[0]}"
}

@test "tables are cut to the terminal's width, and not in a pipe" {
	long=/a/folder/with/a/very/long/name/that/does/not/fit/into/any/terminal/of/sixty/columns.txt
	echo "{\"original_path\": \"$long\", \"size\": 1, \"date\": \"2026-01-01\"}
		{\"original_path\": \"/wide/$(printf '文%.0s' $(seq 60))\", \"size\": 1}" |
		strongroom file import --client pc >/dev/null
	for width in 60 80 132; do
		on_terminal $width '' search >out
		equal '' "$(python3 -c '
import re, sys, unicodedata
for line in open("out"):
    line = re.sub(r"\x1b\[\d*m", "", line)
    wide = sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line.rstrip("\n"))
    if wide > int(sys.argv[1]):
        print(wide, line)' $width)"
	done
	on_terminal 60 '' search | grep -q '….*columns.txt$'
	strongroom search | grep -qF "$long"
}

# too_wide COLUMNS FILE: lines that take more. Progress may have been shown before one, and wiped away.
too_wide() {
	python3 -c '
import re, sys, unicodedata
for line in open(sys.argv[2], errors="replace"):
    line = re.sub(r".*\x1b\[K|\x1b\[\d*m", "", line.rstrip("\n"))
    if sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) > int(sys.argv[1]):
        print(line)' "$1" "$2"
}

@test "no table is wider than 80 columns, whatever the catalog holds" {
	long=$(printf 'long-%.0s' $(seq 40))
	wide=$(printf '文%.0s' $(seq 60))
	strongroom client add "$wide" >/dev/null
	strongroom category add "$(printf 'c%.0s' $(seq 50))" --description "$long$long" >/dev/null
	for client in pc "$wide"; do
		for size in 10 20; do
			echo "{\"original_path\": \"/$long/$wide$long.txt\", \"size\": ${size}000000000000000}
				{\"original_path\": \"/date\", \"size\": $size}" |
				strongroom file import --client "$client" >/dev/null
		done
	done
	sqlite3 "$STRONGROOM_DB" "UPDATE files SET ModificationDate = '$long' WHERE FileName = 'date'
		AND ModificationDate IS NULL; UPDATE clients SET LastSeen = '$long' WHERE Name = 'pc';
		UPDATE files SET FileCategory = '$long' WHERE FileName = 'date'"
	listings=("client list" search "file list pc" "file list pc --recursive" "history pc /date"
		"category list" "category assign --dry-run" "migrate status" "config" "version"
		"migrate verify" "health" "activity" "stats --clients" "stats --transfers" "quota list"
		"repair")
	for listing in "${listings[@]}"; do
		on_terminal 80 '' $listing >out || [ "$listing" = health ]
		[ "$(wc -l <out)" -gt 0 ]
		equal '' "$(too_wide 80 out)"
	done
	on_terminal 80 '' sql 'SELECT Name, LastSeen, ID FROM clients' >out
	equal '' "$(too_wide 80 out)"
	# A date that is one stays whole beside what is none.
	on_terminal 80 '' client list | grep -q "$(date -u +%Y-%m-%d) [0-9][0-9]:[0-9][0-9] "
}

@test "a table that cannot fit stands upright, each value whole" {
	on_terminal 80 '' sql 'SELECT *, 7 AS last FROM clients' >out
	equal '' "$(too_wide 80 out)"
	strongroom client add second >/dev/null
	on_terminal 30 '' client list | sed 's/\x1b\[[0-9]*m//g' >out
	grep -q '^NAME  *pc$' out
	grep -q '^NAME  *second$' out
	grep -q '^DAYS SILENT  *0$' out
	equal 1 "$(grep -c '^$' <(sed '$d' out))"
	strongroom client list | grep -q '^NAME  *FILES'
}

@test "colours are for terminals that have some and people who want them" {
	escape=$(printf '\033')
	mkdir some
	touch some/gone some/there
	strongroom record --client pc some >/dev/null
	rm some/gone
	strongroom record --client pc some >/dev/null
	on_terminal 80 '' search >out
	grep -q "^$escape\\[1mDATE$escape\\[0m" out
	grep -q "$escape\\[33mmissing$escape\\[0m$" out
	grep 'some/there' out | run ! grep "$escape"
	sed "s/$escape\\[[0-9]*m//g" out >without
	on_terminal 80 '' health >states
	grep -q "^$escape\\[32mhealthy$escape\\[0m: 0 errors" states
	grep -q "^  integrity  *$escape\\[32mok$escape\\[0m$" states
	for refused in NO_COLOR=1 TERM=dumb TERM=; do
		export "$refused"
		on_terminal 80 '' search >out
		cmp out without
		on_terminal 80 '' stats >out
		run ! grep "$escape" out
		unset NO_COLOR
		TERM=xterm
	done
	NO_COLOR= on_terminal 80 '' stats | grep -q "^$escape\\[1mDatabase$escape\\[0m"
	for form in --json --csv --plain; do
		on_terminal 80 '' search $form >out
		run ! grep "$escape" out
	done
	strongroom search >out
	run ! grep "$escape" out
	# Cut and padded by what is seen: the marks stand below each other, in colour or not.
	NO_COLOR=1 on_terminal 60 '' search >plain
	on_terminal 60 '' search | sed "s/$escape\\[[0-9]*m//g" | cmp - plain
}

@test "what destroys asks first" {
	status=0
	on_terminal 80 $'n\n' client delete pc >out || status=$?
	equal 1 "$status"
	grep -q 'Delete client pc' out
	grep -q 'nothing was changed' out
	equal 1 "$(json length client list)"
	on_terminal 80 $'y\n' client delete pc
	equal 0 "$(json length client list)"
}

@test "progress shows on a terminal, and not where it is unwanted" {
	mkdir many
	(cd many && seq 1 30000 | split -l 1 -a 4 -)
	on_terminal 80 '' record --client pc many >out
	grep -q 'recording: ' out
	on_terminal 80 '' record --client pc --reread --no-progress many >out
	run ! grep 'recording: ' out
	on_terminal 80 '' record --client pc --reread --quiet many >out
	run ! grep 'recording: ' out
	strongroom record --client pc --reread many >out 2>&1
	run ! grep 'recording: ' out
}

@test "progress tells the time left in one line, which is gone at the end" {
	mkdir tree
	truncate -s 1T tree/big
	status=0
	TYPE_AFTER=' left' on_terminal 80 $'\003' record --client pc tree >out || status=$?
	equal 1 "$status"
	grep -q interrupted out
	# Each line that is drawn fits, and is wiped before anything else is written.
	python3 - <<-'END'
		drawn = open("out").read().split("\x1b[K")
		lines = [text for text in drawn if text.startswith("recording: ")]
		assert lines and lines == drawn[:len(lines)], drawn
		assert all(len(line) < 80 and "\n" not in line for line in lines[:-1]), lines
		assert lines[-1].rstrip("^C").endswith(" left"), lines
	END
}
