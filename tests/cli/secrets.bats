#!/usr/bin/env bats
# Passphrases and keys are in no message, no list of processes and no core file.
load common

setup_more() {
	strongroom init >/dev/null
	passphrase="correct horse battery staple $RANDOM"
	printf '%s\n' "$passphrase" >"$folder/key"
	printf 'another %s\n' "$passphrase" >"$folder/other"
}

@test "no passphrase is in what a command says, at any level, also when it fails" {
	for level in debug info warning; do
		try --verbose --log-level "$level" backup --key-file "$folder/key" "sealed-$level"
		equal 0 "$status"
		cat "$folder/out" "$folder/err" >>said
		try --log-level "$level" backup verify "sealed-$level" --key-file "$folder/key"
		equal 0 "$status"
		cat "$folder/out" "$folder/err" >>said
		for format in --json --csv --plain --quiet; do
			try "$format" --log-level "$level" \
				backup verify "sealed-$level" --key-file "$folder/other"
			equal 1 "$status"
			grep -q "not the one it was encrypted with" "$folder/err"
			cat "$folder/out" "$folder/err" >>said
		done
	done
	strongroom --json activity >>said
	strongroom --json config >>said
	[ -s said ]
	equal 0 "$(grep -c -a -F "$passphrase" said)"
	equal 0 "$(grep -c -a -F "$passphrase" sealed-debug "$STRONGROOM_DB" | grep -v ':0$' | wc -l)"
}

@test "no passphrase is among the arguments or in the environment of a process" {
	mkfifo input
	"$PROGRAM" backup --key-file input packed >/dev/null &
	pid=$!
	# It waits for the key meanwhile.
	exec 5>input
	tr '\0' '\n' <"/proc/$pid/cmdline" >seen
	tr '\0' '\n' <"/proc/$pid/environ" >>seen || true
	printf '%s' "$passphrase" >&5
	exec 5>&-
	wait "$pid"
	grep -qx input seen
	equal 0 "$(grep -c -F "$passphrase" seen)"
	strongroom backup verify packed --key-file "$folder/key" >/dev/null
}

# dumps PROGRAM ARGUMENT…: whether the system writes a core of it, or would, when it is told to abort.
dumps() {
	python3 - "$@" <<'PYTHON'
import os, resource, signal, subprocess, sys, time
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
# It has begun to wait for its input.
while "S" not in open("/proc/%d/stat" % process.pid).read().split(")")[-1].split()[0]:
    time.sleep(0.01)
os.kill(process.pid, signal.SIGABRT)
pid, status = os.waitpid(process.pid, 0)
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT, status
sys.exit(0 if os.WCOREDUMP(status) else 1)
PYTHON
}

@test "the system writes no core of the program" {
	# The leak detector has to look into the process.
	! grep -q -a __asan_init "$PROGRAM" || skip "built with a sanitizer"
	ulimit -c unlimited 2>/dev/null || skip "cores are forbidden here"
	mkdir cores && cd cores
	dumps cat || skip "the system writes no cores at all"
	rm -f core*
	run dumps "$PROGRAM" client import -
	equal 1 "$status"
	equal "" "$(ls)"
}
