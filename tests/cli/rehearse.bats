#!/usr/bin/env bats
# migrate rehearse: a forecast and a verdict, and nothing written to the database.
load common

latest() {
	json .latest_version migrate status
}

untouched() {
	sha256sum "$STRONGROOM_DB"
	stat -c '%y %s %i' "$STRONGROOM_DB"
	find "$folder" -maxdepth 1 -name 'catalog.db*' | sort
}

@test "a rehearsal says what it took, and leaves no trace" {
	old_database "$STRONGROOM_DB" 3
	before=$(untouched)
	try migrate rehearse
	equal 0 "$status"
	grep -q '^Rehearsed from version 3 to' "$folder/out"
	grep -q '^up 4 ' "$folder/out"
	grep -q '^down 4 ' "$folder/out"
	grep -q '^files .* kept' "$folder/out"
	grep -q '^Verdict: safe' "$folder/out"
	equal "$before" "$(untouched)"
}

@test "as one document, and as lines" {
	old_database "$STRONGROOM_DB" 3
	latest=$(latest)
	equal "[3,$latest,true]" "$(json '[.from_version, .to_version, .rehearsed]' migrate rehearse)"
	equal $((2 * (latest - 3))) "$(json '.steps | length' migrate rehearse)"
	equal '["copy_seconds","database_file","forecast","from_version","queries","reasons","rehearsed","snapshot","steps","to_version","verdict"]' \
		"$(json keys migrate rehearse)"
	equal true "$(json '.steps[0].tables | map(select(.table == "files"))[0] |
		.rows_before == 3 and .rows_after == 3 and .digest_before == .digest_after' migrate rehearse)"
	equal true "$(json '.queries | length > 10 and all(.worse == false)' migrate rehearse)"
	strongroom --csv migrate rehearse 2>notes | head -1 | grep -q '^direction,version,done,seconds,'
	grep -q 'verdict: safe' notes
	strongroom --plain migrate rehearse 2>/dev/null | grep -q "^up	$latest	1	"
}

@test "what it foretells is what migrate up does" {
	old_database "$STRONGROOM_DB" 2
	json '[.from_version, .to_version]' migrate rehearse >foretold
	# The search index is filled when the migrations are done.
	json '[.steps[] | select(.direction == "up")] | last | .tables | map([.table, .rows_after]) |
		map(select(.[0] | startswith("search_") | not)) | sort' migrate rehearse >rows
	equal "$(cat foretold)" "$(json '[.from_version, .version]' migrate up)"
	jq -r '.[] | "SELECT \u0027\(.[0])\u0027, count(*) FROM \"\(.[0])\";"' rows |
		sqlite3 "$STRONGROOM_DB" >now
	equal "$(jq -r '.[] | "\(.[0])|\(.[1])"' rows)" "$(cat now)"
}

@test "nothing pending is nothing to rehearse, and a lower version is" {
	strongroom init >/dev/null
	latest=$(latest)
	before=$(untouched)
	strongroom migrate rehearse | grep -q "at version $latest already"
	equal '[false,[],null,"safe"]' "$(json '[.rehearsed, .steps, .forecast, .verdict]' migrate rehearse)"
	equal "[$latest,5,\"down\",$latest]" \
		"$(json '[.from_version, .to_version, .steps[0].direction, .steps[0].version]' migrate rehearse --to 5)"
	equal "$before" "$(untouched)"
	refused 2 99 -- migrate rehearse --to 99
	refused 2 many -- migrate rehearse --to many
}

@test "going down says what it would drop" {
	strongroom init >/dev/null
	strongroom client add host >/dev/null
	mkdir tree
	echo one >tree/one
	strongroom record --client host tree >/dev/null
	equal '["safe with remarks",true]' \
		"$(json '[.verdict, (.reasons | any(.reason | contains("column files.FileHash")))]' migrate rehearse --to 1)"
	equal 1 "$(json '.files | length' search one)"
}

@test "a migration that cannot be run is not to be run" {
	old_database "$STRONGROOM_DB" 5
	sqlite3 "$STRONGROOM_DB" "CREATE TABLE client_activity_archive (mine);"
	before=$(untouched)
	try --json migrate rehearse
	equal 3 "$status"
	equal '["do not run",true]' \
		"$(jq -c '[.verdict, (.reasons[0] | .serious and (.reason | contains("client_activity_archive")))]' "$folder/out")"
	equal "$before" "$(untouched)"
}

@test "the copy can be elsewhere, and can be kept" {
	old_database "$STRONGROOM_DB" 4
	refused 1 "no/such" -- migrate rehearse --dir no/such
	mkdir other
	copy=$(json .snapshot migrate rehearse --dir other --keep | tr -d '"')
	equal "$(pwd)/other" "$(dirname "$copy")"
	equal 600 "$(stat -c %a "$copy")"
	equal 4 "$(json .current_version --db "$copy" migrate status)"
	equal null "$(json .snapshot migrate rehearse --dir other)"
	equal 1 "$(find other -type f | wc -l)"
}

@test "a database that may only be read" {
	old_database "$STRONGROOM_DB" 3
	chmod 0444 "$STRONGROOM_DB"
	before=$(untouched)
	equal '"safe"' "$(json .verdict migrate rehearse)"
	equal "$before" "$(untouched)"
}

@test "a signal ends it and takes the copy away" {
	old_database "$STRONGROOM_DB" 0
	sqlite3 "$STRONGROOM_DB" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
		INSERT INTO files (ID, FileName, PathName, ClientID) SELECT randomblob(16), 'f' || i, 'p' || i,
		(SELECT ID FROM clients LIMIT 1) FROM n;"
	before=$(untouched)
	"$PROGRAM" migrate rehearse >out 2>err &
	pid=$!
	for _ in $(seq 1000); do
		[ -n "$(find "$folder" -maxdepth 1 -name '*.rehearsal.*' -print -quit)" ] && break
		sleep 0.01
	done
	kill -TERM $pid # A shell starts what is in the background with SIGINT ignored.
	status=0
	wait $pid || status=$?
	equal 1 "$status"
	grep -q 'cancelled' err
	equal "$before" "$(untouched)"
}
