#!/usr/bin/env bats
# strongroom record, on real files, compared with what cksum and sha256sum say.
bats_require_minimum_version 1.5.0
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	mkdir -p tree/sub
	printf 'hello\n' >tree/a.txt
	printf '\0\1\2' >tree/sub/b.bin
	: >tree/sub/empty
}

counts='[.scanned, .added, .changed, .unchanged, .missing, .failed]'

@test "checksums are those of cksum and sha256sum" {
	equal '[3,3,0,0,0,0]' "$(json "$counts" record --client pc tree)"
	find "$PWD/tree" -type f | while read -r file; do
		crc=$(cksum <"$file" | cut -d ' ' -f 1)
		hash=$(sha256sum <"$file" | cut -d ' ' -f 1)
		size=$(stat -c %s "$file")
		equal "[$size,$crc,\"$hash\",\"$file\",false]" \
			"$(json '[.size, .crc, .hash, .path, .verified]' file show pc "$file")"
	done
}

@test "a second record reads nothing and adds nothing" {
	strongroom record --client pc tree >/dev/null
	equal '[3,0,0,3,0,0]' "$(json "$counts" record --client pc tree)"
	equal 0 "$(json .read record --client pc tree)"
	equal 9 "$(json .read record --client pc tree --reread)"
	equal 3 "$(json '.files | length' search)"
}

@test "changed content makes a version, a touch does not" {
	strongroom record --client pc tree >/dev/null
	printf 'hullo\n' >tree/a.txt
	touch -d '2026-01-01 12:00 UTC' tree/sub/b.bin
	equal '[3,0,1,2,0,0]' "$(json "$counts" record --client pc tree)"
	equal '[1,2]' "$(json 'map(.version)' history pc "$PWD/tree/a.txt")"
	equal '[1]' "$(json 'map(.version)' history pc "$PWD/tree/sub/b.bin")"
	equal '"2026-01-01T12:00:00Z"' "$(json .date file show pc "$PWD/tree/sub/b.bin")"
	equal "[$(printf 'hello\n' | cksum | cut -d ' ' -f 1),$(cksum <tree/a.txt | cut -d ' ' -f 1)]" \
		"$(json 'map(.crc)' history pc "$PWD/tree/a.txt")"
}

@test "a file that is gone is marked, kept, and unmarked when it returns" {
	strongroom record --client pc tree >/dev/null
	mv tree/a.txt elsewhere
	equal '[2,0,0,2,1,0]' "$(json "$counts" record --client pc tree)"
	equal 1 "$(json '[.files[] | select(.missing_since != null)] | length' search)"
	equal 2 "$(json '.files | length' search --present)"
	strongroom search a.txt | grep -q missing
	mv elsewhere tree/a.txt
	equal 0 "$(json .missing record --client pc tree)"
	equal 3 "$(json '.files | length' search --present)"
}

@test "links and special files are counted and left" {
	ln -s a.txt tree/link
	mkfifo tree/pipe
	equal '[3,2]' "$(json '[.scanned, .special]' record --client pc tree)"
}

@test "--exclude leaves out names and paths" {
	equal '[2,1]' "$(json '[.scanned, .excluded]' record --client pc --exclude '*.bin' tree)"
	equal 0 "$(json '[.files[] | select(.filename == "b.bin")] | length' search)"
	strongroom client add other >/dev/null
	equal '[2,1]' "$(json '[.scanned, .excluded]' record --client other --exclude 'tree/a.*' tree)"
	equal '[1,1]' "$(json '[.scanned, .excluded]' record --client other --exclude sub/ tree)"
	equal '[1,2]' "$(json '[.scanned, .excluded]' record --client other --exclude "$PWD/**/sub/*" tree)"
	equal '[3,0]' "$(json '[.scanned, .excluded]' record --client other --exclude "/sub/*" tree)"
	equal 1 "$(json '.files | length' search b.bin --client other)"
}

@test "a file that cannot be read is named, the rest is recorded, the status is 1" {
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || skip "needs root and setpriv"
	chmod 0 tree/a.txt
	chmod -R a+rwX "$folder"
	chmod 0 tree/a.txt
	chmod a+rx "$(dirname "$PROGRAM")" 2>/dev/null || true
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$PROGRAM" ||
		skip "the program cannot be reached by another user"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$PROGRAM" --json record --client pc tree \
		>"$folder/out" 2>"$folder/err" || status=$?
	equal 1 "$status"
	equal '[2,1]' "$(jq -c '[.added, .failed]' "$folder/out")"
	grep -q "$PWD/tree/a.txt" "$folder/err"
}

@test "names with newlines, control characters and bytes that are no UTF-8 come back" {
	printf x >"tree/$(printf 'new\nline')"
	printf x >"tree/$(printf 'bell\a')"
	printf x >"tree/$(printf 'latin\351.txt')"
	equal 6 "$(json .added record --client pc tree)"
	equal '["new\nline"]' "$(json '[.files[].filename]' search 'new')"
	equal '["bell\u0007"]' "$(json '[.files[].filename]' search bell)"
	strongroom search latin --json | grep -qF 'latin\ufffd.txt'
	equal 'latin\351.txt' "$(json '.files[0].filename_bytes' search latin | tr -d '"' |
		base64 -d | python3 -c 'import sys; print(sys.stdin.buffer.read().decode("latin1").replace("\xe9", "\\351"), end="")')"
	for form in --quiet --csv --plain; do
		strongroom search $form >"$folder/out"
		run ! grep -P '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]' "$folder/out"
		iconv -f UTF-8 -t UTF-8 "$folder/out" >/dev/null
		equal 6 "$(grep -c tree "$folder/out")"
	done
	strongroom search latin --plain | grep -qF 'latin\xe9.txt'
	strongroom search new | grep -qF 'new\nline'
	strongroom history pc "$PWD/tree/$(printf 'latin\351.txt')" >/dev/null
}

@test "what cannot be recorded is refused" {
	refused 1 nobody -- record --client nobody tree
	refused 1 nowhere -- record --client pc nowhere
	refused 2 client -- record tree
	refused 2 PATH -- record --client pc
	refused 2 0 -- record --client pc --threads 0 tree
	refused 2 -1 -- record --client pc --threads -1 tree
	refused 2 many -- record --client pc --threads many tree
	equal '[]' "$(json .files search)"
}

@test "Ctrl-C keeps whole batches and says so" {
	mkdir many
	(cd many && seq 1 30000 | split -l 1 -a 4 -)
	set -m
	"$PROGRAM" --json record --client pc --threads 1 many >"$folder/out" 2>"$folder/err" &
	local pid=$!
	set +m
	for _ in $(seq 200); do
		[ "$(sqlite3 -readonly "$STRONGROOM_DB" 'SELECT count(*) FROM files' 2>/dev/null)" -gt 0 ] 2>/dev/null && break
		sleep 0.02
	done
	kill -INT "$pid" 2>/dev/null || skip "it was done before it could be interrupted"
	status=0
	wait "$pid" || status=$?
	[ "$status" -ne 0 ] || skip "it was done before it could be interrupted"
	equal 1 "$status"
	equal true "$(jq .interrupted "$folder/out")"
	grep -q interrupted "$folder/err"
	equal "$(jq .added "$folder/out")" "$(json '.[0].files' client list)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	equal 30000 "$(json .scanned record --client pc many)"
}

@test "kill -9 keeps whole batches, and their activity tells how many files" {
	mkdir many
	(cd many && seq 1 30000 | split -l 1 -a 4 -)
	"$PROGRAM" record --client pc --threads 1 many >/dev/null 2>&1 &
	local pid=$!
	for _ in $(seq 200); do
		[ "$(sqlite3 -readonly "$STRONGROOM_DB" 'SELECT count(*) FROM files' 2>/dev/null)" -gt 0 ] 2>/dev/null && break
		sleep 0.02
	done
	kill -KILL "$pid" 2>/dev/null || skip "it was done before it could be killed"
	wait "$pid" || true
	local kept
	kept=$(json '.[0].files' client list)
	[ "$kept" -gt 0 ]
	equal "[[\"save\",$kept]]" "$(json 'map([.activity_type, .file_count])' activity)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	equal "[30000,$((30000 - kept)),$kept]" \
		"$(json '[.scanned, .added, .unchanged]' record --client pc many)"
}

@test "the summary in table, csv and plain" {
	strongroom record --client pc tree | grep -q '^files seen  *3$'
	equal scanned "$(strongroom record --client pc tree --csv | head -1 | cut -d , -f 1)"
	equal 3 "$(strongroom record --client pc tree --plain | cut -f 1)"
}
