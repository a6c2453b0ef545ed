/*
 * torture-replay: two processes of 16 threads each, with a pool, and a plain session of SQLite
 * read, write and checkpoint one database. Then everything that was acknowledged is done again, one
 * change after the other, in the order that the database gave them: each must have been told
 * what comes out, each snapshot must be what was there after some change, and the end the end.
 */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

static const char scenario[] = "two processes";

enum { PROCESSES = 3, ROUND = 8 /* Seconds: what is written down is kept in memory. */ };

/* The serial world. */
static int64_t accounts[ACCOUNTS];
static int64_t number;
static uint64_t digest;
static uint64_t checked; /* Changes and snapshots. */

typedef struct round_notes {
	replay_note *all;
	size_t count, room;
} round_notes;

/* ---- The database ---- */

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
		exit(2);
	}
	return db;
}

static void make_database(const char *path)
{
	sqlite3 *db = open_database(path);
	char sql[1024];

	snprintf(sql, sizeof sql,
		 "PRAGMA journal_mode = WAL;"
		 "CREATE TABLE head (number INTEGER NOT NULL); INSERT INTO head VALUES (0);"
		 "CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);"
		 "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO accounts SELECT i, %d FROM n;"
		 "CREATE TABLE ring (place INTEGER PRIMARY KEY, number INTEGER NOT NULL, source, "
		 "target, amount, filling);"
		 "CREATE INDEX ring_number ON ring (number)",
		 ACCOUNTS - 1, FUNDS);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
		exit(2);
	}
	sqlite3_close(db);
	for (int i = 0; i < ACCOUNTS; i++) {
		accounts[i] = FUNDS;
		digest += replay_digest(i, FUNDS);
	}
}

/* ---- The processes ---- */

static void notes_path(const torture *run, int process, char path[], size_t size)
{
	snprintf(path, size, "%s/notes.%d", run->folder, process);
}

static int start(const torture *run, const char *database, int process, double seconds,
		 uint64_t seed, replay_plant plant)
{
	char path[4200];
	replay_job job = {
		.database = database,
		.notes = path,
		.seconds = seconds,
		.seed = seed,
		.first_thread = process * REPLAY_THREADS,
		.plant = plant,
	};
	int pid;

	notes_path(run, process, path, sizeof path);
	fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(process < PROCESSES - 1 ? replay_pool(&job) : replay_plain(&job));
	return pid;
}

static void read_notes(const char *path, round_notes *notes)
{
	FILE *file = fopen(path, "r");

	while (file != NULL) {
		if (notes->count == notes->room) {
			notes->room = notes->room * 2 + 1024;
			notes->all = realloc(notes->all, notes->room * sizeof(replay_note));
			if (notes->all == NULL)
				abort();
		}
		if (fread(&notes->all[notes->count], sizeof(replay_note), 1, file) != 1)
			break;
		notes->count++;
	}
	if (file != NULL)
		fclose(file);
	unlink(path);
}

/* ---- One after the other ---- */

/* By number, and a change before the snapshots that have it. */
static int in_order(const void *a, const void *b)
{
	const replay_note *one = a, *other = b;

	if (one->number != other->number)
		return one->number < other->number ? -1 : 1;
	return (int)one->kind - (int)other->kind;
}

static void set_amount(int account, int64_t amount)
{
	digest -= replay_digest(account, accounts[account]);
	accounts[account] = amount;
	digest += replay_digest(account, amount);
}

/* False: nothing behind it can be right either. */
static bool redo(torture *run, const replay_note *c)
{
	bool moved = accounts[c->from] >= c->amount;

	if (c->number != number + 1) {
		torture_bad(run, scenario, "change %lld was acknowledged and comes behind %lld",
			    (long long)c->number, (long long)number);
		return false;
	}
	number++;
	if (moved) {
		set_amount(c->from, accounts[c->from] - c->amount);
		set_amount(c->to, accounts[c->to] + c->amount);
	}
	if (moved == c->moved && accounts[c->from] == c->left)
		return true;
	torture_bad(run, scenario, "change %lld of thread %d saw %lld, and it is %lld",
		    (long long)c->number, c->thread, (long long)c->left,
		    (long long)accounts[c->from]);
	return false;
}

static bool check_note(torture *run, const replay_note *note)
{
	if (note->kind == A_COMPLAINT) {
		torture_bad(run, scenario, "thread %d: %s", note->thread, note->words);
		return true;
	}
	checked++;
	if (note->kind == A_CHANGE)
		return redo(run, note);
	if (note->number == number && note->digest == digest)
		return true;
	torture_bad(run, scenario,
		    "a snapshot of thread %d is not what was there after change %lld", note->thread,
		    (long long)note->number);
	return false;
}

static void check_database(torture *run, const char *path)
{
	sqlite3 *db = open_database(path);
	int64_t there = replay_ask(db, "SELECT number FROM head", 0);
	int64_t ring = number < RING ? number : RING;

	if (replay_ask(db,
		       "SELECT count(*) FROM pragma_integrity_check "
		       "WHERE integrity_check <> 'ok'",
		       0) != 0)
		torture_bad(run, scenario, "the database is damaged");
	if (there != number)
		torture_bad(run, scenario, "the database has %lld changes, %lld were acknowledged",
			    (long long)there, (long long)number);
	for (int i = 0; i < ACCOUNTS; i++)
		if (replay_ask(db, "SELECT amount FROM accounts WHERE id = ?", i) != accounts[i])
			torture_bad(run, scenario, "account %d is not what comes out", i);
	if (replay_ask(db, "SELECT count(*) FROM ring WHERE number > ?", number - ring) != ring)
		torture_bad(run, scenario, "of the last %lld changes some are missing",
			    (long long)ring);
	sqlite3_close(db);
}

/* False: it need not go on. */
static bool run_round(torture *run, const char *database, double seconds, uint64_t seed,
		      replay_plant plant)
{
	round_notes notes = {NULL, 0, 0};
	int pids[PROCESSES];
	bool sound = true;
	char path[4200];

	for (int i = 0; i < PROCESSES; i++)
		pids[i] = start(run, database, i, seconds, seed, plant);
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
			torture_bad(run, scenario, "process %d ended with status %d", i, status);
			sound = false;
		}
		notes_path(run, i, path, sizeof path);
		read_notes(path, &notes);
	}
	qsort(notes.all, notes.count, sizeof(replay_note), in_order);
	for (size_t i = 0; i < notes.count && sound; i++)
		sound = check_note(run, &notes.all[i]);
	free(notes.all);
	if (sound)
		check_database(run, database);
	return sound;
}

static const torture_machine machine = {
	.name = "replay",
	.bugs = {[REPLAY_TORN_READ] = "torn-read", [REPLAY_EARLY_ANSWER] = "early-answer"},
};

int main(int argc, char **argv)
{
	torture run = torture_begin(&machine, argc, argv);
	char database[4200];
	bool sound = true;

	snprintf(database, sizeof database, "%s/bank.db", run.folder);
	if (torture_wants(&run, scenario)) {
		make_database(database);
		for (uint64_t i = 0; sound && (i == 0 || torture_time_left(&run)); i++) {
			double left = run.seconds - torture_elapsed(&run);

			if (left > ROUND)
				left = ROUND;
			sound = run_round(&run, database, left < 1 ? 1 : left,
					  torture_state(run.seed, i), (replay_plant)run.bug);
		}
	}
	torture_scenario_end(&run, scenario, "replays", checked);
	printf("replay: %lld changes\n", (long long)number);
	return torture_end(&run);
}
