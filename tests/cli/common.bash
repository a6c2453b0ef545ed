# What every test of the command line starts with: a folder of its own, and no settings of the
# developer's.
PROGRAM=${STRONGROOM:-${BUILD:-$BATS_TEST_DIRNAME/../../build}/strongroom}
PROGRAM=$(realpath "$PROGRAM")

setup() {
	unset STRONGROOM_DB STRONGROOM_LOG DATABASE_NAME FILE_STORAGE_DIR CONNECTION_POOL_SIZE \
		CONNECTION_TIMEOUT COLUMNS STRONGROOM_MASTER_KEY_FILE STRONGROOM_MASTER_KEY_COMMAND \
		STRONGROOM_AES_KEYS
	export HOME XDG_CONFIG_HOME
	folder=$(mktemp -d)
	HOME=$folder/home
	XDG_CONFIG_HOME=$folder/home/.config
	mkdir -p "$XDG_CONFIG_HOME"
	mkdir "$folder/work"
	cd "$folder/work" || return 1
	export STRONGROOM_DB=$folder/catalog.db
	command -v setup_more >/dev/null && setup_more
	return 0
}

teardown() {
	cd /
	command -v teardown_more >/dev/null && teardown_more
	rm -rf "$folder"
}

strongroom() {
	"$PROGRAM" "$@"
}

# Runs the program: $status, and what it wrote in the files out and err. A crash is never what a
# test expects.
try() {
	status=0
	"$PROGRAM" "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
	[ "$status" -lt 99 ] || {
		echo "ended with $status: $*"
		cat "$folder/err"
		return 1
	}
}

# refused STATUS TEXT… -- ARGUMENT…: it must end so, and every TEXT must stand in its one message.
refused() {
	local want=$1 texts=()
	shift
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	try "$@"
	[ "$status" -eq "$want" ] || {
		echo "ended with $status, not $want: $*"
		cat "$folder/out" "$folder/err"
		return 1
	}
	grep -q '^strongroom: ' "$folder/err" || {
		echo "no message: $*"
		return 1
	}
	for text in "${texts[@]}"; do
		grep -qF -- "$text" "$folder/err" || {
			echo "\"$text\" is not in the message: $(cat "$folder/err")"
			return 1
		}
	done
}

# equal WANTED GOT
equal() {
	[ "$1" = "$2" ] || {
		printf 'wanted: %s\ngot:    %s\n' "$1" "$2"
		return 1
	}
}

# json FILTER ARGUMENT…: what jq makes of the one document that it prints.
json() {
	local filter=$1
	shift
	"$PROGRAM" --json "$@" | jq -c -s "if length == 1 then .[0] else error(\"\(length) documents\") end | $filter"
}

# Ends a stock client in the middle of its work, so that its log stays.
crash() {
	! python3 - "$STRONGROOM_DB" <<-END
		import os, sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("INSERT INTO clients VALUES (x'0a', 'late', NULL, '2025-01-01', NULL)")
		db.commit()
		os.kill(os.getpid(), 9)
	END
	[ -s "$STRONGROOM_DB-wal" ]
}

# A database as the old code made it, by stock SQLite: old_database FILE VERSION.
old_database() {
	local version=$2
	sqlite3 "$1" <"$BATS_TEST_DIRNAME/old_core.sql"
	for n in 1 2 3 4 5; do
		[ "$n" -le "$version" ] || break
		sqlite3 "$1" <"$BATS_TEST_DIRNAME/old_$n.sql"
	done
}
