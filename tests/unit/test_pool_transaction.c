/* Transactions of a thread, and what joins them; checkpoints. */
#include "pool_fixture.h"

#include <linux/magic.h>
#include <sqlite3.h>
#include <sys/vfs.h>

static sr_status insert_and_fail(sr_conn *conn, void *arg)
{
	sr_status rc = insert_one(conn, arg);

	return rc != SR_OK ? rc : sr_fail(SR_QUOTA, "no more room for %d", 7);
}

/* ON CONFLICT ROLLBACK ends the whole transaction, as a full disk would. */
static sr_status roll_back_everything(sr_conn *conn, void *arg)
{
	sr_status rc = insert_one(conn, arg);

	if (rc != SR_OK)
		return rc;
	return sr_exec(conn, "INSERT OR ROLLBACK INTO parent VALUES (1), (1)");
}

static int64_t one = 1;

static void test_calls_join(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *writer, *reader;

	assert_false(sr_pool_in_transaction(pool));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_true(sr_pool_in_transaction(pool));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_write(pool, SR_HERE, &writer));
	assert_done(sr_pool_read(pool, SR_HERE, &reader));
	assert_ptr_equal(writer, reader);
	assert_true(sr_conn_in_transaction(writer));
	sr_pool_release(pool, reader);
	sr_pool_release(pool, writer);
	sr_pool_release(pool, writer); /* Once too often: the transaction keeps its own. */
	assert_int_equal(rows(pool), 1);
	assert_int_equal(figures(pool).active, 1);
	assert_done(sr_pool_end(pool, true));
	assert_false(sr_pool_in_transaction(pool));
	assert_int_equal(rows(pool), 1);
	assert_int_equal(figures(pool).active, 0);
	assert_int_equal(figures(pool).commits, 1);
	assert_int_equal(figures(pool).operations, 1);
	assert_fails(sr_pool_end(pool, true), SR_INVALID, "");
}

static void test_failed_call_undoes_itself_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_and_fail, &one), SR_QUOTA,
		     "no more room for 7");
	assert_int_equal(rows(pool), 1);
	assert_done(sr_pool_end(pool, true));
	assert_int_equal(rows(pool), 1);
}

static void test_nested(void **state)
{
	sr_pool *pool = fixture_pool(*state);

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_end(pool, true));
	assert_int_equal(rows(pool), 3);
	assert_done(sr_pool_end(pool, false)); /* The innermost that is open, and what is in it. */
	assert_int_equal(rows(pool), 1);
	assert_done(sr_pool_end(pool, true));
	assert_int_equal(rows(pool), 1);
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_end(pool, false));
	assert_int_equal(rows(pool), 1);
	assert_int_equal(figures(pool).commits, 1);
}

/* What the engine rolled back by itself is told at every call, and never half kept. */
static void test_lost_transaction(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *conn;

	assert_done(sr_pool_begin(pool, "the nightly import"));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_fails(sr_pool_commit(pool, SR_HERE, roll_back_everything, &one), SR_CONSTRAINT, "");
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_one, &one), SR_CONSTRAINT,
		     "the nightly import");
	assert_says("rolled back");
	assert_fails(sr_pool_read(pool, SR_HERE, &conn), SR_CONSTRAINT, "");
	assert_fails(sr_pool_write(pool, SR_HERE, &conn), SR_CONSTRAINT, "");
	assert_fails(sr_pool_begin(pool, SR_HERE), SR_CONSTRAINT, "");
	assert_fails(sr_pool_end(pool, true), SR_CONSTRAINT, "");
	assert_true(sr_pool_in_transaction(pool));
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_one, &one), SR_CONSTRAINT, "");
	assert_fails(sr_pool_end(pool, true), SR_CONSTRAINT, "");
	assert_false(sr_pool_in_transaction(pool));
	assert_int_equal(rows(pool), 0);
	assert_int_equal(figures(pool).active, 0);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_int_equal(rows(pool), 1);
}

/* The same, through a lease, where the pool does not see the failure. */
static void test_lost_through_a_lease(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *conn;

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_int_not_equal(roll_back_everything(conn, &one), SR_OK);
	sr_pool_release(pool, conn);
	assert_int_not_equal(sr_pool_commit(pool, SR_HERE, insert_one, &one), SR_OK);
	assert_int_not_equal(sr_pool_end(pool, true), SR_OK);
	assert_says("rolled back");
	assert_int_equal(rows(pool), 0);

	/* To roll back is what was asked for, then. */
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_int_not_equal(sr_pool_commit(pool, SR_HERE, roll_back_everything, &one), SR_OK);
	assert_done(sr_pool_end(pool, false));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_end(pool, true));
	assert_int_equal(rows(pool), 1);
}

/* A thread that holds the writer by a lease does not wait for itself either. */
static void test_joins_its_own_lease(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	sr_conn *lease, *conn;

	assert_done(sr_pool_write(pool, SR_HERE, &lease));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_false(sr_conn_in_transaction(lease));
	assert_int_equal(figures(pool).commits, 1);
	assert_done(sr_pool_read(pool, SR_HERE, &conn));
	assert_ptr_equal(conn, lease);
	sr_pool_release(pool, conn);
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_end(pool, false));
	assert_int_equal(rows(pool), 1);
	assert_done(sr_pool_checkpoint(pool));

	/* Inside what the holder began by itself, all of it is savepoints. */
	assert_done(sr_conn_begin(lease, SR_TRANSACTION_WRITE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_end(pool, true));
	assert_int_equal(rows(pool), 3);
	sr_conn_rollback(lease);
	assert_int_equal(rows(pool), 1);
	assert_int_equal(figures(pool).active, 1);
	sr_pool_release(pool, lease);
	assert_int_equal(figures(pool).active, 0);
}

/* An operation may call what its thread would call: it joins, whoever runs it. */
static sr_status insert_through_pool(sr_conn *conn, void *arg)
{
	sr_pool *pool = *(sr_pool **)arg;
	sr_conn *same;
	sr_status rc;

	if ((rc = sr_pool_read(pool, SR_HERE, &same)) != SR_OK)
		return rc;
	sr_pool_release(pool, same);
	if (same != conn)
		return sr_fail(SR_INVALID, "another connection");
	return sr_pool_commit(pool, SR_HERE, insert_one, &one);
}

static void test_operation_may_call_back(void **state)
{
	sr_pool *pool = fixture_pool(*state);

	assert_done(sr_pool_commit(pool, SR_HERE, insert_through_pool, &pool));
	assert_int_equal(rows(pool), 1);
	assert_int_equal(figures(pool).active, 0);
}

static void *look_from_outside(void *arg)
{
	sr_pool *pool = arg;

	assert_false(sr_pool_in_transaction(pool));
	assert_int_equal(sr_pool_end(pool, true), SR_INVALID);
	return (void *)(intptr_t)rows(pool);
}

static void test_belongs_to_its_thread(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	pthread_t thread;
	void *seen;

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	pthread_create(&thread, NULL, look_from_outside, pool);
	pthread_join(thread, &seen);
	assert_int_equal((intptr_t)seen, 0);
	assert_done(sr_pool_end(pool, true));
}

/* ---- Checkpoints ---- */

static sr_status insert_much(sr_conn *conn, void *arg)
{
	(void)arg;
	return sr_exec(conn, "INSERT INTO t VALUES (zeroblob(100000))");
}

/* In a file system in memory a copier is through before the next commit comes. */
static bool waits_for_disk(void)
{
	struct statfs fs;

	assert_int_equal(statfs(scratch_folder(), &fs), 0);
	return fs.f_type != TMPFS_MAGIC;
}

/* However fast the writer is, the log is begun anew when it is twice eight steps long, or two more
 * where it is just being copied; not before it is eight, since he is not held for less. */
static void test_checkpoints_by_itself(void **state)
{
	enum { STEP = 200000, COMMIT = 110000 };
	pool_fixture *f = *state;
	int64_t longest = 0;
	sr_pool *pool;

	f->options.checkpoint_bytes = STEP;
	pool = fixture_pool(f);
	for (int i = 0; i < 100; i++) {
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
		if (figures(pool).log_bytes > longest)
			longest = figures(pool).log_bytes;
	}
	until_copied(pool);
	assert_true(figures(pool).checkpoints >= 6);
	if (waits_for_disk())
		assert_true(longest >= 8 * STEP);
	assert_true(longest <= 18 * STEP + COMMIT);
	assert_int_equal(times_logged("long reader"), 0);
	assert_int_equal(rows(pool), 100);
}

/* The log is begun anew by who writes after it was all copied beside him, as after a pause. */
static void test_begins_anew_after_a_pause(void **state)
{
	pool_fixture *f = *state;
	sr_pool *pool;

	f->options.checkpoint_bytes = 200000;
	pool = fixture_pool(f);
	for (int i = 0; i < 20; i++) {
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
		until_copied(pool);
		assert_true(figures(pool).log_bytes <= 400000);
	}
	assert_int_equal(figures(pool).checkpoints, 10);
}

/* A copier's place in the program: no thread is to be had, and the log is brought in nevertheless.
 */
static void test_checkpoints_without_a_thread(void **state)
{
	enum { STEP = 200000 };
	pool_fixture *f = *state;
	pthread_attr_t usual, wild;
	sr_pool *pool;

	f->options.checkpoint_bytes = STEP;
	pool = fixture_pool(f);
	pthread_attr_init(&wild);
	assert_int_equal(pthread_getattr_default_np(&usual), 0);
	assert_int_equal(pthread_attr_setstacksize(&wild, (size_t)1 << 50), 0);
	assert_int_equal(pthread_setattr_default_np(&wild), 0);
	for (int i = 0; i < 20; i++) {
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
		assert_false(pool->copying);
		assert_true(figures(pool).log_bytes <= 2 * STEP);
	}
	assert_int_equal(pthread_setattr_default_np(&usual), 0);
	pthread_attr_destroy(&usual);
	pthread_attr_destroy(&wild);
	assert_int_equal(figures(pool).checkpoints, 10);
	assert_int_equal(rows(pool), 20);
}

/* A pool is not closed under the thread that copies. */
static void test_closes_behind_a_copy(void **state)
{
	pool_fixture *f = *state;
	sr_pool *pool;

	f->options.checkpoint_bytes = 50000;
	for (int i = 0; i < 20; i++) {
		pool = fixture_pool(f);
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
	}
	assert_done(sr_pool_close(f->pool));
	f->pool = NULL;
	assert_false(fixture_has(f, "-wal"));
}

static void test_alarm_names_the_long_reader(void **state)
{
	pool_fixture *f = *state;
	sr_conn *reader;
	sr_pool *pool;
	int64_t seen;

	f->options.checkpoint_bytes = 100000;
	f->options.log_alarm_bytes = 1000000;
	pool = fixture_pool(f);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	for (int round = 1; round <= 2; round++) {
		assert_done(sr_pool_read(pool, "slow_report.c:42", &reader));
		assert_done(sr_conn_begin(reader, SR_TRANSACTION_READ));
		for (int i = 0; i < 30; i++)
			assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
		until_copied(pool);
		assert_int_equal(times_logged("long reader holds it back"), round);
		assert_int_equal(times_logged("slow_report.c:42"), round);
		/* It kept its snapshot all the while. */
		assert_done(sr_query_integer(reader, "SELECT count(*) FROM t", &seen));
		assert_int_equal(seen, 1 + 31 * (round - 1));
		sr_pool_release(pool, reader);
		assert_done(sr_pool_checkpoint(pool)); /* Now all comes in, and the alarm is off. */
		assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
		assert_true(figures(pool).log_bytes < 1000000);
	}
}

static int count_busy(void *arg, int count)
{
	(void)count;
	++*(int *)arg;
	return 0;
}

static sr_status count_waiting(sr_conn *conn, void *arg)
{
	return sqlite3_busy_handler(sr_conn_handle(conn), count_busy, arg) == SQLITE_OK ? SR_OK
											: SR_SQL;
}

/* What the checkpoints of the log so far have said: their number, and the most pages that any of
 * them had in the database by then. */
static int64_t most_copied(int *tries, bool *all)
{
	long long copied = 0, pages = 0, most = 0;

	*tries = 0;
	for (const char *at = logged; (at = strstr(at, "checkpoint of ")) != NULL; at++) {
		assert_int_equal(sscanf(strstr(at, "': "), "': %lld of %lld", &copied, &pages), 2);
		most = copied > most ? copied : most;
		++*tries;
	}
	*all = *tries > 0 && copied == pages;
	return most;
}

/*
 * How long a writer is held, in steps. While a reader holds a snapshot nobody waits for it, a look
 * at the log comes once in each quarter of checkpoint_bytes, and all of these together copy what
 * was there before the snapshot and nothing else. The log grows meanwhile.
 */
static void test_long_reader_holds_no_writer(void **state)
{
	enum { COMMITS = 60, PAGES = 25, STEP = 400 * 1024 };
	pool_fixture *f = *state;
	int64_t before, grown;
	sr_conn *reader;
	sr_pool *pool;
	int waited = 0, tries;
	bool all;

	f->options.checkpoint_bytes = STEP;
	pool = fixture_pool(f);
	assert_done(sr_log_levels("pool:debug,warning"));
	for (int i = 0; i < 3; i++)
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
	assert_done(sr_pool_commit(pool, SR_HERE, count_waiting, &waited));
	before = figures(pool).log_bytes;
	assert_true(before > 3 * PAGES * 4096 && before < STEP);
	assert_done(sr_pool_read(pool, "slow_report.c:42", &reader));
	assert_done(sr_conn_begin(reader, SR_TRANSACTION_READ));

	for (int i = 0; i < COMMITS; i++)
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
	until_copied(pool);
	assert_int_equal(waited, 0);
	grown = figures(pool).log_bytes;
	assert_true(grown >= before + (int64_t)COMMITS * 100000);
	assert_true(most_copied(&tries, &all) * 4096 <= before);
	assert_false(all);
	assert_true(tries >= 2 && tries <= 1 + 4 * grown / STEP);
	assert_int_equal(figures(pool).checkpoints, tries);

	/* It is gone: at the next look all comes in, and the log begins anew. */
	sr_pool_release(pool, reader);
	for (int i = 0; i < 2; i++) {
		assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
		until_copied(pool);
	}
	(void)most_copied(&tries, &all);
	assert_true(all);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_true(figures(pool).log_bytes < STEP);
	assert_int_equal(waited, 0);
	assert_done(sr_log_levels("warning"));
}

/* Another program's connection that writes. */
static sr_conn *write_elsewhere(const pool_fixture *f)
{
	sr_conn_options options = {.access = SR_ACCESS_WRITE};
	sr_conn *conn;

	assert_done(sr_conn_open(&sr_sqlite, f->path, &options, &conn));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	return conn;
}

/* Nobody writes while all of the log is copied: without the lock there is no such checkpoint. */
static void test_checkpoint_needs_the_write_lock(void **state)
{
	pool_fixture *f = *state;
	sr_conn *other;
	sr_pool *pool;

	f->options.timeout = 0.05;
	pool = fixture_pool(f);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_much, NULL));
	other = write_elsewhere(f);
	assert_fails(sr_pool_checkpoint(pool), SR_BUSY, "");
	assert_int_equal(figures(pool).checkpoints, 0);
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_one, &one), SR_BUSY, "");
	sr_conn_close(other);
	assert_done(sr_pool_checkpoint(pool));
	assert_int_equal(figures(pool).checkpoints, 1);
	/* Inside a transaction its own lock serves, and what it has not committed stays out. */
	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &one));
	assert_done(sr_pool_checkpoint(pool));
	assert_done(sr_pool_end(pool, false));
	assert_int_equal(rows(pool), 1);
}

/* What a lease writes by itself counts as well. */
static void test_checkpoint_after_a_lease(void **state)
{
	pool_fixture *f = *state;
	sr_conn *conn;
	sr_pool *pool;

	f->options.checkpoint_bytes = 50000;
	pool = fixture_pool(f);
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_done(insert_much(conn, NULL));
	sr_pool_release(pool, conn);
	until_copied(pool);
	assert_int_equal(figures(pool).checkpoints, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pool_setup, pool_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_calls_join),
		TEST(test_failed_call_undoes_itself_alone),
		TEST(test_nested),
		TEST(test_lost_transaction),
		TEST(test_lost_through_a_lease),
		TEST(test_joins_its_own_lease),
		TEST(test_operation_may_call_back),
		TEST(test_belongs_to_its_thread),
		TEST(test_checkpoints_by_itself),
		TEST(test_begins_anew_after_a_pause),
		TEST(test_checkpoints_without_a_thread),
		TEST(test_closes_behind_a_copy),
		TEST(test_alarm_names_the_long_reader),
		TEST(test_long_reader_holds_no_writer),
		TEST(test_checkpoint_needs_the_write_lock),
		TEST(test_checkpoint_after_a_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
