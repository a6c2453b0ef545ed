/*
 * The device fails. A connection's file is given other methods than its own: writes, reads or
 * syncs that fail, on that connection alone and until it is closed.
 */
#include "pool_batch.h"

#include <errno.h>
#include <sqlite3.h>

/* What the faulty methods answer. One test runs at a time, and faults are set while the writer
 * or reader is held. */
static sqlite3_io_methods faulty_log, faulty_file;
static int (*sound_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static int write_answer; /* Of the next `write_faults` writes. */
static int write_faults;
static int writes_to_spare; /* Writes that come before them. */

static int fail_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
	if (writes_to_spare > 0)
		writes_to_spare--;
	else if (write_faults > 0) {
		write_faults--;
		return write_answer;
	}
	return sound_write(file, bytes, length, offset);
}

static int fail_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return SQLITE_IOERR_FSYNC;
}

static int fail_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset)
{
	(void)file;
	(void)bytes;
	(void)length;
	(void)offset;
	return SQLITE_IOERR_READ;
}

static sqlite3_file *file_of(sr_conn *conn, int which)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(sr_conn_handle(conn), "main", which, &file);
	return file;
}

/* Puts a copy of the log's methods in their place, for the caller to change. */
static sqlite3_io_methods *log_methods(sr_conn *conn)
{
	sqlite3_file *file = file_of(conn, SQLITE_FCNTL_JOURNAL_POINTER);

	if (file->pMethods != &faulty_log) {
		faulty_log = *file->pMethods;
		sound_write = faulty_log.xWrite;
		file->pMethods = &faulty_log;
	}
	return &faulty_log;
}

static void break_sync(sr_conn *conn)
{
	log_methods(conn)->xSync = fail_sync;
}

static void break_writes(sr_conn *conn, int answer, int spare, int count)
{
	write_answer = answer;
	writes_to_spare = spare;
	write_faults = count;
	log_methods(conn)->xWrite = fail_write;
}

/* ---- The commit fails ---- */

static void test_failed_sync_is_outcome_unknown(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[6] = {0};
	sr_pool_statistics s;
	int64_t value = 77;

	run_batch(pool, members, 6, break_sync);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(members[i].status, SR_OUTCOME_UNKNOWN);
		assert_int_equal(members[i].runs, 1); /* It may be there: never again. */
		assert_true(members[i].words[0] != '\0');
	}
	s = figures(pool);
	assert_int_equal(s.operations, 0);
	assert_int_equal(s.closed, 1); /* The connection is thrown away, */
	assert_int_equal(s.active, 0);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &value)); /* the next one works. */
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM t WHERE v = 77"), 1);
}

static sr_status insert_and_refuse(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	return rc != SR_OK ? rc : sr_fail(SR_QUOTA, "no");
}

static void test_failed_sync_and_a_failed_operation(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[3] = {[1] = {.operation = insert_and_refuse}};

	run_batch(pool, members, 3, break_sync);
	assert_int_equal(members[0].status, SR_OUTCOME_UNKNOWN);
	assert_int_equal(members[1].status, SR_QUOTA); /* It is not there in any outcome. */
	assert_int_equal(members[2].status, SR_OUTCOME_UNKNOWN);
}

static void test_failed_sync_of_an_own_transaction(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	int64_t value = 1;
	sr_conn *conn;

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &value));
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	break_sync(conn);
	sr_pool_release(pool, conn);
	assert_fails(sr_pool_end(pool, true), SR_OUTCOME_UNKNOWN, "");
	assert_false(sr_pool_in_transaction(pool));
	assert_int_equal(figures(pool).commits, 0);
	assert_int_equal(figures(pool).closed, 1);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_one, &value));
}

/* The log cannot take the batch's commit, and then it can: nobody need have noticed. */
static void fill_once(sr_conn *conn)
{
	break_writes(conn, SQLITE_FULL, 0, 1);
}

static void test_full_at_commit_runs_each_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[5] = {0};

	run_batch(pool, members, 5, fill_once);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(members[i].status, SR_OK);
		assert_int_equal(members[i].runs, 2);
	}
	check_rows(pool, members, 5);
	assert_int_equal(figures(pool).commits, 5);
}

static void fill_for_good(sr_conn *conn)
{
	break_writes(conn, SQLITE_FULL, 0, 1000000);
}

static void test_full_at_every_commit(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[5] = {0};

	run_batch(pool, members, 5, fill_for_good);
	for (int i = 0; i < 5; i++)
		assert_int_equal(members[i].status, SR_NO_SPACE);
	check_rows(pool, members, 5);
	assert_int_equal(figures(pool).commits, 0);
}

/* Also when the writer was thrown away, so that nothing is open that could bring the log in. */
static void test_close_after_that_leaves_no_log(void **state)
{
	pool_fixture *f = *state;
	member members[2] = {0};
	int64_t value = 9;

	fixture_pool(f);
	assert_done(sr_pool_commit(f->pool, SR_HERE, insert_one, &value));
	run_batch(f->pool, members, 2, break_sync);
	assert_int_equal(members[0].status, SR_OUTCOME_UNKNOWN);
	assert_true(fixture_has(f, "-wal"));
	assert_done(sr_pool_close(f->pool));
	f->pool = NULL;
	assert_false(fixture_has(f, "-wal"));
}

/* ---- An operation meets an I/O error ---- */

/* More than its cache holds, so that it must write in the middle of the statement. */
static sr_status insert_on_broken_device(sr_conn *conn, void *arg)
{
	sr_status rc = insert_member(conn, arg);

	if (rc != SR_OK)
		return rc;
	sqlite3_exec(sr_conn_handle(conn), "PRAGMA cache_size = 10", NULL, NULL, NULL);
	break_writes(conn, SQLITE_IOERR_WRITE, 2, 1000000);
	rc = sr_exec(conn, "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
			   "WHERE i < 200) INSERT INTO wide SELECT zeroblob(3000) FROM n");
	write_faults = 0;
	return rc;
}

static void test_io_error_fails_alone(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member members[7] = {[3] = {.operation = insert_on_broken_device}};

	run_batch(pool, members, 7, NULL);
	assert_int_equal(members[3].status, SR_IO);
	check_alone(pool, members, 7, 3);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM wide"), 0);
	assert_true(figures(pool).closed >= 1);
}

static void test_io_error_in_an_own_transaction(void **state)
{
	sr_pool *pool = fixture_pool(*state);
	member m = {.value = 3};

	assert_done(sr_pool_begin(pool, SR_HERE));
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_on_broken_device, &m), SR_IO, "");
	assert_fails(sr_pool_commit(pool, SR_HERE, insert_member, &m), SR_IO, "rolled back");
	assert_fails(sr_pool_end(pool, true), SR_IO, "");
	assert_int_equal(rows(pool), 0);
	assert_done(sr_pool_commit(pool, SR_HERE, insert_member, &m));
	assert_int_equal(rows(pool), 1);
}

/* ---- A broken connection ---- */

static void test_broken_reader_is_discarded(void **state)
{
	pool_fixture *f = *state;
	sr_conn *conn;
	sr_pool *pool;
	int64_t count;
	sqlite3_file *file;

	f->options.readers = 1;
	pool = fixture_pool(f);
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_done(sr_exec(conn, "INSERT INTO wide VALUES (zeroblob(100000))"));
	sr_pool_release(pool, conn);
	assert_done(sr_pool_checkpoint(pool));

	assert_done(sr_pool_read(pool, SR_HERE, &conn));
	file = file_of(conn, SQLITE_FCNTL_FILE_POINTER);
	faulty_file = *file->pMethods;
	faulty_file.xRead = fail_read;
	faulty_file.xFetch = NULL;
	faulty_file.iVersion = 2;
	file->pMethods = &faulty_file;
	assert_fails(sr_query_integer(conn, "SELECT sum(length(b || 'x')) FROM wide", &count),
		     SR_IO, "");
	assert_true(sr_conn_broken(conn));
	sr_pool_release(pool, conn);
	assert_int_equal(figures(pool).closed, 1);
	assert_int_equal(figures(pool).recycled, 0);
	assert_int_equal(figures(pool).available, 2);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM wide"), 1);
	assert_int_equal(figures(pool).created, 3);
}

static int not_a_disk_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset)
{
	(void)file;
	(void)bytes;
	(void)length;
	(void)offset;
	return SQLITE_IOERR_CORRUPTFS; /* What SQLite's own says of EIO. */
}

static int (*sound_control)(sqlite3_file *, int, void *);

static int tell_eio(sqlite3_file *file, int op, void *arg)
{
	if (op != SQLITE_FCNTL_LAST_ERRNO)
		return sound_control(file, op, arg);
	*(int *)arg = EIO;
	return SQLITE_OK;
}

static void test_a_disk_that_does_not_read_is_no_damage(void **state)
{
	pool_fixture *f = *state;
	sqlite3_file *file;
	sr_conn *conn;
	sr_pool *pool;
	int64_t count;

	f->options.readers = 1;
	pool = fixture_pool(f);
	assert_done(sr_pool_write(pool, SR_HERE, &conn));
	assert_done(sr_exec(conn, "INSERT INTO wide VALUES (zeroblob(100000))"));
	sr_pool_release(pool, conn);
	assert_done(sr_pool_checkpoint(pool));

	assert_done(sr_pool_read(pool, SR_HERE, &conn));
	file = file_of(conn, SQLITE_FCNTL_FILE_POINTER);
	faulty_file = *file->pMethods;
	sound_control = faulty_file.xFileControl;
	faulty_file.xRead = not_a_disk_read;
	faulty_file.xFileControl = tell_eio;
	faulty_file.xFetch = NULL;
	faulty_file.iVersion = 2;
	file->pMethods = &faulty_file;
	assert_fails(sr_query_integer(conn, "SELECT sum(length(b || 'x')) FROM wide", &count),
		     SR_IO, "cannot be read: Input/output error");
	sr_pool_release(pool, conn);
	assert_int_equal(integer_of(pool, "SELECT count(*) FROM wide"), 1);
}

static int refuse_lock(sqlite3_file *file, int offset, int count, int flags)
{
	(void)file;
	(void)offset;
	(void)count;
	(void)flags;
	return SQLITE_IOERR_SHMLOCK;
}

static void test_dead_after_idling_is_replaced(void **state)
{
	pool_fixture *f = *state;
	sqlite3_file *file;
	sr_conn *conn;
	sr_pool *pool;

	f->options.readers = 1;
	f->options.validate_after = 1e-9;
	pool = fixture_pool(f);
	assert_int_equal(rows(pool), 0);
	assert_done(sr_pool_read(pool, SR_HERE, &conn));
	file = file_of(conn, SQLITE_FCNTL_FILE_POINTER);
	faulty_file = *file->pMethods;
	faulty_file.xShmLock = refuse_lock;
	file->pMethods = &faulty_file;
	sr_pool_release(pool, conn); /* Nobody knows yet. */
	assert_int_equal(figures(pool).closed, 0);
	assert_int_equal(rows(pool), 0);
	assert_int_equal(figures(pool).recycled, 1);
	assert_int_equal(figures(pool).closed, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pool_setup, pool_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_failed_sync_is_outcome_unknown),
		TEST(test_failed_sync_and_a_failed_operation),
		TEST(test_failed_sync_of_an_own_transaction),
		TEST(test_close_after_that_leaves_no_log),
		TEST(test_full_at_commit_runs_each_alone),
		TEST(test_full_at_every_commit),
		TEST(test_io_error_fails_alone),
		TEST(test_io_error_in_an_own_transaction),
		TEST(test_broken_reader_is_discarded),
		TEST(test_a_disk_that_does_not_read_is_no_damage),
		TEST(test_dead_after_idling_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
