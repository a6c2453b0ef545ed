/*
 * SQLite's WAL-reset bug, and that it cannot happen here.
 *
 * A checkpoint in SQLite 3.7.0 to 3.51.2 reads the header of the log, which says how many frames
 * it has, and only then how many of them are in the database. In between, if all of them are,
 * another connection may commit and begin the log anew; then the checkpoint takes the number of
 * frames that the old log had for what it has copied of the new one, and writes that down. The
 * frames of the new log up to that number are never copied, and lost when it is begun anew again.
 *
 * Here the checkpoint is held still exactly there: once with SQLite as everybody uses it, which
 * loses what was committed, and then with each way in which the pool checkpoints.
 */
#include <sqlite3.h>

#include "engine/engine.h"
#include "hold_vfs.h"
#include "pool_fixture.h"

enum { BYTES = 3000, MANY = 1100 /* Rows of a page each: more than SQLite lets a log grow to. */ };

typedef struct plain {
	sqlite3 *db;
	int rows;   /* That it was told are there. */
	int frames; /* In the log after its last commit, where that is noted. */
} plain;

/* ---- A session as anybody's ---- */

static int note_frames(void *arg, sqlite3 *db, const char *name, int frames)
{
	(void)db;
	(void)name;
	((plain *)arg)->frames = frames;
	return SQLITE_OK;
}

static void run_plain(sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
}

static plain plain_open(const char *path)
{
	plain p = {0};

	assert_int_equal(sqlite3_open(path, &p.db), SQLITE_OK);
	sqlite3_busy_timeout(p.db, 0);
	run_plain(p.db, "PRAGMA journal_mode = WAL");
	return p;
}

static const char *filling(char *sql, size_t size, int rows)
{
	snprintf(sql, size,
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
		 "INSERT INTO filled (bytes) SELECT randomblob(%d) FROM n",
		 rows, BYTES);
	return sql;
}

/* One commit of so many rows. False: it failed. */
static bool plain_insert(plain *p, int rows)
{
	char sql[256];

	if (sqlite3_exec(p->db, filling(sql, sizeof(sql), rows), NULL, NULL, NULL) != SQLITE_OK)
		return false;
	p->rows += rows;
	return true;
}

/* A checkpoint; how many frames of the log are in the database after it. */
static int plain_copy(plain *p)
{
	int log = 0, copied = 0;

	assert_int_equal(
		sqlite3_wal_checkpoint_v2(p->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &copied),
		SQLITE_OK);
	return copied;
}

/* ---- What is there afterwards ---- */

static int first_integer(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* Whether a new session finds exactly so many rows in a sound database. */
static bool is_whole(const char *path, int rows)
{
	sqlite3 *db;
	bool whole;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	whole = first_integer(db, "SELECT count(*) FROM pragma_integrity_check "
				  "WHERE integrity_check <> 'ok'") == 0 &&
		first_integer(db, "SELECT count(length(bytes)) FROM filled") == rows;
	sqlite3_close(db);
	return whole;
}

static int setup(void **state)
{
	pool_fixture *f;
	sqlite3 *db;

	hold_vfs_install();
	if (pool_setup(state) != 0)
		return -1;
	f = *state;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	run_plain(db, "PRAGMA journal_mode = WAL;"
		      "CREATE TABLE filled (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
	sqlite3_close(db);
	f->options.readers = 1;
	return 0;
}

static int teardown(void **state)
{
	int rc = pool_teardown(state);

	hold_vfs_remove();
	return rc;
}

/* ---- As everybody uses it ---- */

static void *insert_many(void *arg)
{
	plain *p = arg;

	assert_true(plain_insert(p, MANY));
	return NULL;
}

/* Two sessions with SQLite's defaults, automatic checkpoints and all. */
static void test_a_plain_setup_loses_commits(void **state)
{
	pool_fixture *f = *state;
	plain one = plain_open(f->path), other = plain_open(f->path);
	pthread_t thread;
	bool sound = true;

	/* The log is long enough that the first checkpoints, and is kept from it for a moment. */
	hold_arm(HOLD_CHECKPOINT);
	assert_int_equal(pthread_create(&thread, NULL, insert_many, &one), 0);
	hold_wait();
	/* The other commits as well, and its own checkpoint copies all of the log. */
	assert_true(plain_insert(&other, 1));
	/* The first checkpoint reads the header, and the other begins the log anew. */
	hold_release(HOLD_HEADER);
	hold_wait();
	assert_true(plain_insert(&other, 1));
	hold_release(HOLD_NOTHING);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* Now the log has to grow beyond the old one and to begin anew once more. */
	for (int i = 0; i < 40 && sound; i++)
		sound = plain_insert(&other, 50);
	sqlite3_close(one.db);
	sqlite3_close(other.db);
	assert_int_equal(sound && is_whole(f->path, one.rows + other.rows),
			 sr_engine_flaw() == NULL);
}

/* ---- As the pool does it ---- */

static sr_status insert_filled(sr_conn *conn, void *arg)
{
	char sql[256];

	return sr_exec(conn, filling(sql, sizeof(sql), *(int *)arg));
}

/* In one commit, since the pool lets a writer wait who is far ahead of a checkpoint. */
static void pool_insert(sr_pool *pool, int rows)
{
	assert_done(sr_pool_commit(pool, SR_HERE, insert_filled, &rows));
}

/* It notes how long the log is, and makes no checkpoint of its own. */
static void open_watching(const pool_fixture *f, plain *p)
{
	*p = plain_open(f->path);
	sqlite3_wal_hook(p->db, note_frames, p);
}

/* Everybody writes and copies until the log has been longer than before and begun anew. */
static void go_on_and_check(pool_fixture *f, plain *other, int rows)
{
	for (int i = 0; i < 20; i++) {
		pool_insert(f->pool, 5);
		assert_true(plain_insert(other, 10));
	}
	until_copied(f->pool);
	assert_done(sr_pool_checkpoint(f->pool));
	assert_true(plain_insert(other, 1));
	assert_done(sr_pool_checkpoint(f->pool));
	assert_done(sr_pool_close(f->pool));
	f->pool = NULL;
	sqlite3_close(other->db);
	assert_true(is_whole(f->path, rows + 100 + other->rows));
}

/* The checkpoint beside the writers has its reader in the log. */
static void test_a_copy_beside_writers_keeps_the_log(void **state)
{
	pool_fixture *f = *state;
	int frames;
	plain other;
	sr_pool *pool;

	f->options.checkpoint_bytes = 20000;
	pool = fixture_pool(f);
	open_watching(f, &other);
	hold_arm(HOLD_CHECKPOINT);
	pool_insert(pool, 6);
	hold_wait();
	/* Another process commits and copies what it may, as its automatic checkpoint does: not
	 * all, since the pool's reader is there. */
	assert_true(plain_insert(&other, 1));
	frames = other.frames;
	assert_true(frames > 6);
	assert_true(plain_copy(&other) < frames);
	hold_release(HOLD_HEADER);
	hold_wait();
	/* This is the window: the log is not begun anew in it. */
	assert_true(plain_insert(&other, 1));
	assert_true(other.frames > frames);
	hold_release(HOLD_NOTHING);
	until_copied(pool);
	go_on_and_check(f, &other, 6);
}

/* All of the log was in the database when it began: its reader has the database's own place. Then
 * the log may begin anew under it, and it copies nothing. */
static void test_a_copy_from_a_log_that_is_done_copies_nothing(void **state)
{
	pool_fixture *f = *state;
	int frames;
	plain other;
	sr_pool *pool;

	assert_done(sr_log_levels("pool:debug"));
	f->options.checkpoint_bytes = 20000;
	pool = fixture_pool(f);
	open_watching(f, &other);
	pool_insert(pool, 6);
	until_copied(pool); /* The connections of checkpoints are open. */
	hold_arm(HOLD_READ);
	pool_insert(pool, 20);
	hold_wait();
	assert_true(plain_insert(&other, 1));
	frames = other.frames;
	assert_int_equal(plain_copy(&other), frames);
	hold_release(HOLD_CHECKPOINT);
	hold_wait();
	assert_true(plain_insert(&other, 1));
	assert_true(other.frames < frames);
	hold_release(HOLD_HEADER);
	hold_wait();
	/* This is the window. */
	assert_true(plain_insert(&other, 1));
	assert_int_equal(times_logged(": 0 of "), 0);
	hold_release(HOLD_NOTHING);
	until_copied(pool);
	assert_int_equal(times_logged(": 0 of "), 1);
	assert_done(sr_log_levels("warning"));
	go_on_and_check(f, &other, 26);
}

static void *checkpoint_pool(void *arg)
{
	assert_done(sr_pool_checkpoint(arg));
	return NULL;
}

static void assert_kept_out(plain *other)
{
	assert_false(plain_insert(other, 1));
	assert_int_equal(sqlite3_errcode(other->db), SQLITE_BUSY);
}

/* The checkpoint with writers kept out: they are, from before it begins until it has ended. */
static void test_a_copy_alone_lets_nobody_write(void **state)
{
	pool_fixture *f = *state;
	plain other;
	sr_pool *pool = fixture_pool(f);
	pthread_t thread;

	open_watching(f, &other);
	pool_insert(pool, 6);
	hold_arm(HOLD_CHECKPOINT);
	assert_int_equal(pthread_create(&thread, NULL, checkpoint_pool, pool), 0);
	hold_wait();
	assert_kept_out(&other);
	hold_release(HOLD_WRITE);
	hold_wait();
	assert_kept_out(&other);
	hold_release(HOLD_NOTHING);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(plain_insert(&other, 1));
	go_on_and_check(f, &other, 6);
}

int main(void)
{
#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_plain_setup_loses_commits),
		TEST(test_a_copy_beside_writers_keeps_the_log),
		TEST(test_a_copy_from_a_log_that_is_done_copies_nothing),
		TEST(test_a_copy_alone_lets_nobody_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
