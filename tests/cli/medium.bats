#!/usr/bin/env bats
# Media that are full or read-only, and what a crash has left on them. They need a file system of
# their own, which only root can mount.
load common

setup_more() {
	medium=$folder/medium
	mkdir "$medium"
	mount -t tmpfs -o size=2m,mode=700 tmpfs "$medium" 2>/dev/null ||
		skip "a small file system cannot be mounted here"
	export STRONGROOM_DB=$medium/catalog.db
}

teardown_more() {
	mountpoint -q "$medium" && umount "$medium"
	return 0
}

# Leaves so many KiB free.
fill() {
	local free
	free=$(df --output=avail -k "$medium" | tail -1)
	head -c $(((free - $1) * 1024)) /dev/zero >"$medium/fill"
}

@test "init on a full medium says so, and works once there is space" {
	for free in 0 4 40 100 160; do
		fill $free
		refused 1 "$STRONGROOM_DB" "no space is left" -- init
		rm "$medium/fill"
		try init
		equal 19 "$(json .current_version migrate status)"
		rm "$medium"/*
	done
}

@test "what does not fit is not written by half" {
	strongroom init >/dev/null
	strongroom client add host >/dev/null
	{ echo name; seq -f 'a client with a name that takes some space %.0f' 20000; } >clients.csv
	refused 1 "no space is left" -- client import clients.csv
	equal 1 "$(json length client list)"
	{ echo filename; seq -f 'a file with a name that takes some space %.0f' 20000; } >files.csv
	! strongroom file import --client host files.csv 2>err
	grep -q "no space is left" err
	equal "$(json .file_stats.total_files stats)" "$(json '.files | length' search --limit 100000)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
	mount -o remount,size=64m "$medium"
	strongroom file import --client host files.csv >/dev/null
	equal 20000 "$(json .file_stats.total_files stats)"
}

@test "record on a full medium keeps whole batches and goes on later" {
	mkdir tree
	for n in {1..40}; do
		mkdir "tree/folder-$n"
		(cd "tree/folder-$n" && touch file-with-a-name-that-takes-some-space-{1..250})
	done
	strongroom init >/dev/null
	strongroom client add host >/dev/null
	refused 1 "no space is left" -- record --client host tree
	kept=$(json .file_stats.total_files stats)
	[ "$kept" -gt 0 ] && [ "$kept" -lt 10000 ]
	mount -o remount,size=64m "$medium"
	equal $((10000 - kept)) "$(json .added record --client host tree)"
	equal ok "$(sqlite3 "$STRONGROOM_DB" 'PRAGMA integrity_check')"
}

@test "an upgrade that does not fit leaves the old database" {
	old_database "$STRONGROOM_DB" 3
	before=$(sqlite3 "$STRONGROOM_DB" .dump)
	fill 200
	refused 1 "$medium" "bytes, and" -- migrate up
	MIGRATION_BACKUP_ENABLED=false refused 1 "$medium" "bytes, and" -- migrate up
	equal "$before" "$(sqlite3 "$STRONGROOM_DB" .dump)"
	rm "$medium/fill"
	strongroom migrate up >/dev/null
	equal true "$(json .verified migrate verify)"
}

@test "a read-only medium is read, and writers say that it is" {
	strongroom init >/dev/null
	strongroom client add host >/dev/null
	mount -o remount,ro "$medium"
	for command in stats search "client list" "client show host" "migrate status" \
		"migrate verify" "sql SELECT(1)"; do
		try $command
		equal 0 "$status"
	done
	for command in init "client add x" "client delete host --yes" "migrate up" \
		"migrate down --to 0 --yes" "record --client host ."; do
		refused 1 "$STRONGROOM_DB" "Read-only file system" -- $command
	done
}

@test "what a crash has left is read where it can be" {
	strongroom init >/dev/null
	crash
	mount -o remount,ro "$medium"
	equal '["late"]' "$(json '[.[].name]' client list)"
	refused 1 "Read-only file system" -- client add x
	mount -o remount,rw "$medium"
	# Without its index SQLite itself cannot read the log there.
	rm "$STRONGROOM_DB-shm"
	mount -o remount,ro "$medium"
	for command in stats "client list" "migrate status" "client add x"; do
		refused 1 "$STRONGROOM_DB" "left with a log" -- $command
	done
	mount -o remount,rw "$medium"
	equal '["late"]' "$(json '[.[].name]' client list)"
	[ ! -e "$STRONGROOM_DB-wal" ]
}
