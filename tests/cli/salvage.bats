#!/usr/bin/env bats
# What can be read of a damaged database.
load common

setup_more() {
	strongroom init >/dev/null
	mkdir "$folder/tree"
	for n in $(seq 300); do
		echo "$n" >"$folder/tree/a file with a longer name, number $n"
	done
	strongroom client add host >/dev/null
	strongroom record --client host "$folder/tree" >/dev/null
	mv "$STRONGROOM_DB" "$folder/damaged.db"
	export STRONGROOM_DB=$folder/fresh.db
}

# destroy TABLE KIND COUNT: overwrites pages of it; how many rows were on them.
destroy() {
	local pages rows
	pages=$(sqlite3 "$folder/damaged.db" "SELECT pageno FROM dbstat WHERE name = '$1' AND pagetype = '$2' LIMIT $3")
	rows=$(sqlite3 "$folder/damaged.db" "SELECT sum(ncell) FROM (SELECT ncell FROM dbstat WHERE name = '$1' AND pagetype = '$2' LIMIT $3)")
	for page in $pages; do
		dd if=/dev/urandom of="$folder/damaged.db" bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
	done
	echo "$rows"
}

@test "what health finds damaged is salvaged, and the rest counted" {
	rows=$(destroy files leaf 2)
	try --db "$folder/damaged.db" health --full
	equal 3 "$status"
	before=$(sha256sum <"$folder/damaged.db")
	try salvage "$folder/damaged.db" "$STRONGROOM_DB"
	equal 3 "$status"
	grep -Eq "^files +$((300 - rows)) +0 +0 +$rows " "$folder/out"
	grep -q "^$STRONGROOM_DB holds what could be read" "$folder/out"
	equal "$before" "$(sha256sum <"$folder/damaged.db")"
	equal "damaged.db fresh.db" "$(cd "$folder" && echo *.db*)"
	try health --full
	equal 0 "$status"
	equal $((300 - rows)) "$(json .file_stats.total_files stats)"
	equal $((300 - rows)) "$(json '.files | length' search 'longer name')"
}

@test "its JSON tells each table, and the status whether anything is lost" {
	try --json salvage "$folder/damaged.db" "$STRONGROOM_DB"
	equal 0 "$status"
	equal '[0,0,true,[],300]' "$(jq -c '[.lost, .refused, .lost_exact, .notes, (.tables[] | select(.table == "files") | .saved)]' "$folder/out")"
	rm "$STRONGROOM_DB"
	rows=$(destroy files leaf 1)
	destroy files internal 9
	try --json salvage "$folder/damaged.db" "$STRONGROOM_DB"
	equal 3 "$status"
	equal "{\"table\":\"files\",\"saved\":$((300 - rows)),\"adrift\":$((300 - rows)),\"refused\":0,\"lost\":$rows,\"lost_exact\":true,\"orphans\":0}" \
		"$(jq -c '.tables[] | select(.table == "files")' "$folder/out")"
	rm "$STRONGROOM_DB"
	try --csv salvage "$folder/damaged.db" "$STRONGROOM_DB"
	equal "table,saved,adrift,refused,lost,lost_exact,orphans" "$(head -1 "$folder/out" | tr -d '\r')"
}

@test "without its header and its schema it is still read" {
	dd if=/dev/zero of="$folder/damaged.db" bs=4096 count=1 conv=notrunc status=none
	refused 1 "$folder/damaged.db" -- --db "$folder/damaged.db" stats
	try salvage "$folder/damaged.db" "$STRONGROOM_DB"
	equal 3 "$status"
	grep -q "header is lost" "$folder/err"
	equal 300 "$(json .file_stats.total_files stats)"
	equal true "$(json .verified migrate verify)"
}

@test "a database in use, a new one that is there, and what is no database are refused" {
	coproc sqlite3 "$folder/damaged.db"
	echo 'BEGIN; SELECT count(*) FROM files;' >&"${COPROC[1]}"
	read -r _ <&"${COPROC[0]}"
	refused 1 "in use" -- salvage "$folder/damaged.db" "$STRONGROOM_DB"
	echo .quit >&"${COPROC[1]}"
	wait
	touch "$STRONGROOM_DB"
	refused 1 "$STRONGROOM_DB" "already" -- salvage "$folder/damaged.db" "$STRONGROOM_DB"
	rm "$STRONGROOM_DB"
	seq 10000 >"$folder/text"
	refused 1 "$folder/text" "looks like a page" -- salvage "$folder/text" "$STRONGROOM_DB"
	refused 1 "$folder/none" -- salvage "$folder/none" "$STRONGROOM_DB"
	refused 2 NEW -- salvage "$folder/damaged.db"
	[ ! -e "$STRONGROOM_DB" ]
	equal "" "$(find "$folder" -name '*.part*')"
}

@test "old databases come out upgraded" {
	for version in 0 2 5; do
		old_database "$folder/v$version.db" $version
		try salvage "$folder/v$version.db" "$folder/new$version.db"
		equal 0 "$status"
		equal 3 "$(json '.files | length' --db "$folder/new$version.db" search)"
		equal "$(sqlite3 "$folder/v$version.db" 'SELECT hex(ID), FileName FROM files ORDER BY 1')" \
			"$(sqlite3 "$folder/new$version.db" 'SELECT hex(ID), FileName FROM files ORDER BY 1')"
	done
}

@test "a damaged database on a medium that only reads is salvaged from there" {
	mkdir "$folder/medium"
	mount -t tmpfs -o size=4m none "$folder/medium" || skip "cannot mount here"
	cp "$folder/damaged.db" "$folder/medium/"
	mount -o remount,ro "$folder/medium"
	try salvage "$folder/medium/damaged.db" "$STRONGROOM_DB"
	umount "$folder/medium"
	equal 0 "$status"
	equal 300 "$(json .file_stats.total_files stats)"
}
