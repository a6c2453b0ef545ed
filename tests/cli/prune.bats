#!/usr/bin/env bats
# strongroom prune and its policies.
load common

setup_more() {
	export TZ=UTC
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	strongroom client add laptop >/dev/null
	for client in pc laptop; do
		for size in 1 2 3 4; do
			printf '{"original_path": "/a", "size": %d, "stored": false}\n' "$size" |
				strongroom file import --client "$client" >/dev/null
		done
	done
	sqlite3 "$STRONGROOM_DB" "UPDATE file_versions SET CreatedDate = '2026-01-0' || VersionNumber || 'T10:00:00Z'"
}

versions() {
	json 'map(.version)' history "$1" /a
}

@test "a dry run shows what goes, what stays and why, and changes nothing" {
	strongroom prune --client pc --keep-last 1 --keep-within 24h --dry-run >out
	equal 'CLIENT FILE VERSION SIZE RECORDED KEPT BY' "$(head -1 out | xargs)"
	equal 'pc /a 4 4 B 2026-01-04 10:00 kept last, within 1d, active' "$(sed -n 2p out | xargs)"
	equal 'pc /a 3 3 B 2026-01-03 10:00 kept within 1d' "$(sed -n 3p out | xargs)"
	equal 'pc /a 2 2 B 2026-01-02 10:00 pruned' "$(sed -n 4p out | xargs)"
	grep -q '2 versions would go (3 B), 2 would stay' out
	equal '[true,1,1,2,2,3,4]' "$(json '[.dry_run, .clients, .files, .kept, .pruned, .bytes, (.versions | length)]' \
		prune --client pc --keep-last 2 --dry-run)"
	equal '[4,true,"last, active"]' "$(json '.versions[0] | [.version, .kept, .rules]' prune --client pc --keep-last 2 --dry-run)"
	strongroom prune --client pc --keep-last 1 --dry-run --csv | tr -d '\r' | grep -q '^pc,/a,1,1,2026-01-01T10:00:00Z,pruned,$'
	equal 8 "$(strongroom prune --keep-last 1 --dry-run --plain | wc -l)"
	equal '[1,2,3,4]' "$(versions pc)"
}

@test "prune asks, does it, and says what it did" {
	refused 2 'Delete 3 versions of 1 file (6 B)' '--yes' -- prune --client pc --keep-last 1
	equal '[1,2,3,4]' "$(versions pc)"
	strongroom file pin pc /a --version 2 >/dev/null
	strongroom prune --client pc --keep-last 1 --yes | grep -q '2 versions are pruned (4 B), 2 stay'
	equal '[2,4]' "$(versions pc)"
	equal '[1,2,3,4]' "$(versions laptop)"
	equal '[false,2,2,2]' "$(json '[.dry_run, .clients, .files, .pruned]' prune --keep-last 2 --yes)"
	equal '[3,4]' "$(versions laptop)"
	# Nothing to delete is nothing to ask about; programs get the figures in each form.
	equal 'clients,files,kept,pruned,bytes,stored_files,stored_bytes,stored_failed 2,2,4,0,0,0,0,0' \
		"$(strongroom prune --keep-last 2 --csv </dev/null | tr -d '\r' | paste -sd ' ')"
	equal '' "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA foreign_key_check')"
}

@test "one file alone, and clients by name" {
	refused 2 '--file needs exactly one --client' -- prune --file /a --keep-last 1 --yes
	refused 1 "'/none'" -- prune --client pc --file /none --keep-last 1 --yes
	refused 1 "'nobody'" -- prune --client nobody --keep-last 1 --yes
	strongroom prune --client pc --client laptop --keep-last 3 --yes >/dev/null
	equal '[2,3,4][2,3,4]' "$(versions pc)$(versions laptop)"
	strongroom prune --client pc --file /a --keep-daily 1 --yes >/dev/null
	equal '[4][2,3,4]' "$(versions pc)$(versions laptop)"
}

@test "without a rule nothing is pruned, and a rule that makes no sense is named" {
	refused 2 'what is to be kept is missing' -- prune --yes
	refused 2 'what is to be kept is missing' -- prune --keep-last 0 --yes
	refused 2 "keep-last 'x' is not a whole number" -- prune --keep-last x --yes
	refused 2 'keep-within' "span '30'" -- prune --keep-within 30 --yes
	refused 2 "keep-within: span '90s'" months -- prune --keep-within 90s --yes
	refused 2 'exclude each other' -- prune --policy --keep-last 3 --yes
	refused 2 'unexpected argument "pc"' -- prune pc --keep-last 3 --yes
	equal '[1,2,3,4]' "$(versions pc)"
	strongroom prune --keep-yearly unlimited --keep-monthly unlimited --yes >/dev/null
	equal '[4]' "$(versions pc)"
}

@test "policies are set, shown, listed, cleared, and run" {
	refused 1 'no client has a retention policy' 'prune policy set' -- prune --policy
	refused 1 'no client has a retention policy' -- prune --policy --dry-run
	equal '' "$(cat "$folder/out")"
	strongroom prune policy set pc --keep-last 1 --keep-within 36h | grep -q '^keep within  *36h$'
	equal '["pc",1,129600,null]' "$(json '[.client, .keep_last, .keep_within_seconds, .keep_daily]' prune policy show pc)"
	strongroom prune policy set laptop --keep-daily unlimited >/dev/null
	equal '[["laptop",null,"unlimited"],["pc",1,null]]' "$(json 'map([.client, .keep_last, .keep_daily])' prune policy list)"
	equal '["laptop","pc"]' "$(json 'map(.client)' --json prune policy list)"
	equal '[2,2]' "$(json '[.clients, .pruned]' prune --policy --dry-run)"
	strongroom prune --policy --yes >/dev/null
	equal '[3,4][1,2,3,4]' "$(versions pc)$(versions laptop)"
	equal '{"client":"pc","cleared":true}' "$(json . prune policy clear pc)"
	equal 'There was no policy.' "$(strongroom prune policy clear pc)"
	refused 1 "'pc' has no retention policy" -- prune policy show pc
	refused 1 "'pc' has no retention policy" -- prune --policy --client pc --yes
	refused 2 'what is to be kept is missing' -- prune policy set pc
	refused 2 'unknown command "prune policy drop"' -- prune policy drop pc
}

@test "a dry run reads databases of every version" {
	old_database "$folder/old.db" 5
	equal 0 "$(json .pruned prune --keep-last 100 --dry-run --db "$folder/old.db")"
	old_database "$folder/older.db" 2
	equal '[0,[]]' "$(json '[.files, .versions]' prune --keep-last 1 --dry-run --db "$folder/older.db")"
	refused 1 'migrate up' -- prune --keep-last 1 --yes --db "$folder/old.db"
}

@test "activate keeps to the quota" {
	strongroom quota set pc 3 >/dev/null
	printf '{"original_path": "/a", "size": 1, "stored": false}\n' | strongroom file import --client pc >/dev/null
	refused 1 quota "'pc'" -- file activate pc /a --version 4
	equal 5 "$(json length history pc /a)"
	strongroom file activate pc /a --version 3 >/dev/null
	equal 3 "$(json .used_bytes quota show pc)"
}
