#include "replay.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "pool/pool.h"
#include "torture.h"

/* What a process writes down. A thread's lines are in its order. */
static FILE *notes;
static double until;

typedef struct worker {
	const replay_job *job;
	sr_pool *pool;
	int thread;
	uint64_t chance;
	int64_t seen; /* The last change of its own, or that it has read. */
	pthread_t handle;
} worker;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

uint64_t replay_digest(int account, int64_t amount)
{
	uint64_t state = torture_state((uint64_t)amount, (uint64_t)account + 1);

	return torture_chance(&state, UINT64_MAX);
}

/* One line at a time, whole: stdio has a lock. */
static void write_down(const replay_note *note)
{
	if (fwrite(note, sizeof(*note), 1, notes) != 1)
		abort();
}

static void complain(const worker *w, const char *what, const char *words)
{
	replay_note note = {.kind = A_COMPLAINT, .thread = w->thread};

	snprintf(note.words, sizeof note.words, "%s: %s", what, words);
	write_down(&note);
}

static replay_note choose(worker *w)
{
	replay_note change = {.kind = A_CHANGE, .thread = w->thread};

	change.from = (int)torture_chance(&w->chance, ACCOUNTS);
	change.to = (int)((unsigned)change.from + 1 + torture_chance(&w->chance, ACCOUNTS - 1)) %
		    ACCOUNTS;
	change.amount = (int64_t)torture_chance(&w->chance, FUNDS / 4);
	return change;
}

/* ---- Through the pool ---- */

static sr_status ask(sr_conn *conn, const char *sql, int64_t one, int64_t *value)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row = false;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	if (sr_stmt_parameters(stmt) > 0)
		sr_bind_integer(stmt, 1, one);
	if ((rc = sr_step(stmt, &row)) == SR_OK)
		*value = row ? sr_column_integer(stmt, 0) : -1;
	sr_stmt_done(stmt);
	return rc;
}

static sr_status put(sr_conn *conn, const char *sql, const int64_t *values, int count)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	for (int i = 0; i < count; i++)
		sr_bind_integer(stmt, i + 1, values[i]);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static const char take_number[] = "UPDATE head SET number = number + 1 RETURNING number";
static const char get_amount[] = "SELECT amount FROM accounts WHERE id = $1";
static const char add_amount[] = "UPDATE accounts SET amount = amount + $2 WHERE id = $1";
static const char put_ring[] =
	"INSERT OR REPLACE INTO ring (place, number, source, target, amount, filling) "
	"VALUES ($1, $2, $3, $4, $5, zeroblob(700))";

/* The operation: it sets all that it tells anew each time. */
static sr_status change(sr_conn *conn, void *arg)
{
	replay_note *c = arg;
	sr_status rc;

	if ((rc = ask(conn, take_number, 0, &c->number)) != SR_OK ||
	    (rc = ask(conn, get_amount, c->from, &c->left)) != SR_OK)
		return rc;
	c->moved = c->left >= c->amount;
	if (c->moved) {
		c->left -= c->amount;
		if ((rc = put(conn, add_amount, (int64_t[]){c->from, -c->amount}, 2)) != SR_OK ||
		    (rc = put(conn, add_amount, (int64_t[]){c->to, c->amount}, 2)) != SR_OK)
			return rc;
	}
	return put(conn, put_ring,
		   (int64_t[]){c->number % RING, c->number, c->from, c->to, c->amount}, 5);
}

/* Undone after it was done: nobody must see anything of it. */
static sr_status change_and_refuse(sr_conn *conn, void *arg)
{
	sr_status rc = change(conn, arg);

	return rc != SR_OK ? rc : sr_fail(SR_INVALID, "refused on purpose");
}

static void done(worker *w, const replay_note *c)
{
	if (c->number <= w->seen)
		complain(w, "a change", "its number is not above what the thread has seen");
	w->seen = c->number;
	write_down(c);
}

/* Another process may keep the writer's lock for long: then it did not happen. */
static bool came_well(const worker *w, const char *what, sr_status rc)
{
	if (rc != SR_OK && rc != SR_BUSY)
		complain(w, what, sr_error_message());
	return rc == SR_OK;
}

static void write_one(worker *w)
{
	replay_note c = choose(w);

	if (torture_chance(&w->chance, 16) == 0) {
		if (sr_pool_commit(w->pool, "refused", change_and_refuse, &c) == SR_OK)
			complain(w, "a change", "it was refused and is SR_OK");
		return;
	}
	if (came_well(w, "a change", sr_pool_commit(w->pool, "change", change, &c)))
		done(w, &c);
}

static void write_several(worker *w)
{
	replay_note all[4];
	unsigned count = 1 + (unsigned)torture_chance(&w->chance, 4), good = 0;
	bool keep = torture_chance(&w->chance, 4) != 0;
	sr_status rc;

	if (!came_well(w, "a transaction", sr_pool_begin(w->pool, "transaction")))
		return;
	for (unsigned i = 0; i < count; i++) {
		all[good] = choose(w);
		rc = sr_pool_commit(w->pool, "in a transaction", change, &all[good]);
		if (came_well(w, "a change in a transaction", rc))
			good++;
	}
	rc = sr_pool_end(w->pool, keep);
	if (!came_well(w, "the end of a transaction", rc) ||
	    (!keep && w->job->plant != REPLAY_EARLY_ANSWER))
		return;
	for (unsigned i = 0; i < good; i++)
		done(w, &all[i]);
}

static void write_by_lease(worker *w)
{
	replay_note c = choose(w);
	sr_conn *conn;
	sr_status rc;

	if (!came_well(w, "a lease", sr_pool_write(w->pool, "lease", &conn)))
		return;
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_WRITE)) == SR_OK) {
		if ((rc = change(conn, &c)) == SR_OK)
			rc = sr_conn_commit(conn);
	}
	if (came_well(w, "a change by lease", rc))
		done(w, &c);
	sr_pool_release(w->pool, conn);
}

/* Half of the accounts. */
static sr_status add_digests(sr_conn *conn, int64_t half, uint64_t *digest)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT id, amount FROM accounts WHERE id % 2 = $1", &stmt)) !=
	    SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, half);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*digest +=
			replay_digest((int)sr_column_integer(stmt, 0), sr_column_integer(stmt, 1));
	sr_stmt_done(stmt);
	return rc;
}

static sr_status read_all(sr_conn *conn, bool whole, replay_note *s)
{
	sr_status rc;

	if (whole && (rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		return rc;
	if ((rc = ask(conn, "SELECT number FROM head", 0, &s->number)) != SR_OK)
		return rc;
	sched_yield();
	if ((rc = add_digests(conn, 0, &s->digest)) != SR_OK)
		return rc;
	if (s->number % 64 == 0)
		usleep(20000); /* A slow reader holds the log back. */
	return add_digests(conn, 1, &s->digest);
}

static void read_snapshot(worker *w)
{
	replay_note s = {.kind = A_SNAPSHOT, .thread = w->thread};
	sr_conn *conn;

	if (!came_well(w, "a read", sr_pool_read(w->pool, "snapshot", &conn)))
		return;
	if (came_well(w, "a snapshot", read_all(conn, w->job->plant != REPLAY_TORN_READ, &s))) {
		if (s.number < w->seen)
			complain(w, "a snapshot", "it is older than what the thread has seen");
		w->seen = s.number;
		write_down(&s);
	}
	sr_pool_release(w->pool, conn);
	usleep(1000);
}

static void checkpoint(worker *w)
{
	(void)came_well(w, "a checkpoint", sr_pool_checkpoint(w->pool));
	usleep(20000);
}

/* Of 16 threads six read, one checkpoints, the others write. */
static void *work(void *arg)
{
	worker *w = arg;
	int role = w->thread % REPLAY_THREADS;

	while (now() < until) {
		sr_error_set(NULL);
		if (role < 6)
			read_snapshot(w);
		else if (role == 6)
			checkpoint(w);
		else if (role == 7)
			write_several(w);
		else if (role == 8)
			write_by_lease(w);
		else
			write_one(w);
	}
	return NULL;
}

static bool begin_notes(const replay_job *job)
{
	until = now() + job->seconds;
	return (notes = fopen(job->notes, "w")) != NULL;
}

int replay_pool(const replay_job *job)
{
	sr_pool_options options = {
		.engine = &sr_sqlite,
		.path = job->database,
		.readers = 4,
		.timeout = 60,
		.checkpoint_bytes = 256 * 1024, /* Many checkpoints, and the log begun anew. */
	};
	static worker workers[REPLAY_THREADS];
	sr_status rc;

	if (!begin_notes(job))
		return 1;
	for (int i = 0; i < REPLAY_THREADS; i++)
		workers[i] = (worker){.job = job, .thread = job->first_thread + i};
	if ((rc = sr_pool_open(&workers[0].pool, &options)) != SR_OK) {
		complain(&workers[0], "opening", sr_error_message());
		return fclose(notes) != 0;
	}
	for (int i = 0; i < REPLAY_THREADS; i++) {
		worker *w = &workers[i];

		w->pool = workers[0].pool;
		w->chance = torture_state(job->seed, (uint64_t)w->thread);
		if (pthread_create(&w->handle, NULL, work, w) != 0)
			abort();
	}
	for (int i = 0; i < REPLAY_THREADS; i++)
		pthread_join(workers[i].handle, NULL);
	if (sr_pool_close(workers[0].pool) != SR_OK)
		complain(&workers[0], "closing", sr_error_message());
	return fclose(notes) != 0;
}

/* ---- Without it ---- */

int64_t replay_ask(sqlite3 *db, const char *sql, int64_t one)
{
	sqlite3_stmt *stmt;
	int64_t value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	sqlite3_bind_int64(stmt, 1, one);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	/* A step more ends a statement that changes something. */
	while (sqlite3_step(stmt) == SQLITE_ROW)
		continue;
	return sqlite3_finalize(stmt) == SQLITE_OK ? value : -1;
}

static bool change_plain(sqlite3 *db, replay_note *c)
{
	char sql[512];

	if ((c->number = replay_ask(db, take_number, 0)) < 0 ||
	    (c->left = replay_ask(db, get_amount, c->from)) < 0)
		return false;
	c->moved = c->left >= c->amount;
	c->left -= c->moved ? c->amount : 0;
	snprintf(sql, sizeof sql,
		 "UPDATE accounts SET amount = amount - %lld WHERE id = %d;"
		 "UPDATE accounts SET amount = amount + %lld WHERE id = %d;"
		 "INSERT OR REPLACE INTO ring VALUES (%lld, %lld, %d, %d, %lld, zeroblob(700))",
		 (long long)(c->moved ? c->amount : 0), c->from,
		 (long long)(c->moved ? c->amount : 0), c->to, (long long)(c->number % RING),
		 (long long)c->number, c->from, c->to, (long long)c->amount);
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Its own checkpoints are off: those of SQLite up to 3.51.2 may lose what others commit, whoever
 * they are. tests/unit/test_wal_reset.c shows that. */
int replay_plain(const replay_job *job)
{
	worker w = {.job = job, .thread = job->first_thread};
	sqlite3 *db;

	w.chance = torture_state(job->seed, (uint64_t)w.thread);
	if (!begin_notes(job))
		return 1;
	if (sqlite3_open(job->database, &db) != SQLITE_OK)
		complain(&w, "opening plainly", sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 60000);
	sqlite3_wal_autocheckpoint(db, 0);
	while (now() < until) {
		replay_note c = choose(&w);

		if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
		    change_plain(db, &c) &&
		    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK) {
			done(&w, &c);
		} else {
			if (sqlite3_errcode(db) != SQLITE_BUSY)
				complain(&w, "a plain change", sqlite3_errmsg(db));
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		}
		usleep(2000);
	}
	sqlite3_close(db);
	return fclose(notes) != 0;
}
