/* Transactions, savepoints, the log and copies, with faults where they matter. */
#include "engine_fixture.h"

#include <sqlite3.h>

static sr_conn *open_table(void)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	assert_done(sr_exec(conn, "CREATE TABLE t(a, b)"));
	return conn;
}

/* ---- Transactions ---- */

static void write_takes_the_lock_at_once(void **state)
{
	sr_conn *a = open_table(), *b = open_as(SR_ACCESS_WRITE);

	(void)state;
	assert_done(sr_conn_begin(a, SR_TRANSACTION_WRITE));
	assert_fails(sr_conn_begin(a, SR_TRANSACTION_READ), SR_INVALID, "open already");
	assert_fails(sr_conn_begin(b, SR_TRANSACTION_WRITE), SR_BUSY, path);
	assert_false(sr_conn_in_transaction(b));
	assert_done(sr_exec(a, "INSERT INTO t VALUES(1, 1)"));
	assert_done(sr_conn_commit(a));
	assert_done(sr_conn_begin(b, SR_TRANSACTION_EXCLUSIVE));
	assert_done(sr_exec(b, "DELETE FROM t"));
	sr_conn_rollback(b);
	sr_conn_rollback(b);
	assert_int_equal(ask(a, "SELECT count(*) FROM t"), 1);
	assert_fails(sr_conn_commit(a), SR_INVALID, "no transaction");
	sr_conn_close(a);
	sr_conn_close(b);
}

static void read_takes_the_snapshot_at_once(void **state)
{
	sr_conn *a = open_table(), *b = open_as(SR_ACCESS_READ);

	(void)state;
	assert_done(sr_conn_begin(b, SR_TRANSACTION_READ));
	assert_done(sr_exec(a, "INSERT INTO t VALUES(1, 1)"));
	assert_int_equal(ask(b, "SELECT count(*) FROM t"), 0);
	assert_done(sr_conn_commit(b));
	assert_int_equal(ask(b, "SELECT count(*) FROM t"), 1);
	sr_conn_close(b);
	sr_conn_close(a);
}

static void closing_rolls_back(void **state)
{
	sr_conn *conn = open_table();
	sr_stmt *stmt;
	bool row;

	(void)state;
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1), (2, 2)"));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "DELETE FROM t WHERE a = 1"));
	assert_done(sr_prepare(conn, "SELECT * FROM t", &stmt));
	assert_done(sr_step(stmt, &row)); /* Left in use. */
	sr_conn_close(conn);
	conn = open_as(SR_ACCESS_WRITE);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 2);
	sr_conn_close(conn);
}

/* ---- Savepoints ---- */

static void savepoints_nest(void **state)
{
	sr_conn *conn = open_table();

	(void)state;
	assert_fails(sr_savepoint(conn), SR_INVALID, "no transaction");
	assert_fails(sr_savepoint_release(conn), SR_INVALID, "no transaction");
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_fails(sr_savepoint_release(conn), SR_INVALID, "no savepoint");
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1)"));
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(2, 2)"));
	sr_savepoint_rollback(conn);
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(4, 4)"));
	assert_done(sr_savepoint_release(conn));
	assert_done(sr_savepoint_release(conn));
	sr_savepoint_rollback(conn); /* None is left: harmless. */
	assert_done(sr_conn_commit(conn));
	assert_int_equal(ask(conn, "SELECT sum(a) FROM t"), 5);
	sr_conn_close(conn);
}

static void release_charges_the_culprit(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(
		conn, "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id)"
		      " DEFERRABLE INITIALLY DEFERRED)"));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO p VALUES(1); INSERT INTO c VALUES(1)"));
	assert_done(sr_savepoint_release(conn));
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO c VALUES(7)"));
	assert_fails(sr_savepoint_release(conn), SR_CONSTRAINT, "FOREIGN KEY");
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO c VALUES(1)"));
	assert_done(sr_savepoint_release(conn));
	assert_done(sr_conn_commit(conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM c"), 2);

	/* At the commit it is everybody's. */
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO c VALUES(7)"));
	assert_fails(sr_conn_commit(conn), SR_CONSTRAINT, "FOREIGN KEY");
	assert_false(sr_conn_in_transaction(conn));
	assert_false(sr_conn_broken(conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM c"), 2);
	sr_conn_close(conn);
}

/* After the engine has rolled everything back, nothing may run as if it had not. */
static void lost_transaction_stays_lost(void **state)
{
	sr_conn *conn = open_table();
	char sql[64];

	(void)state;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld",
		 (long long)ask(conn, "PRAGMA page_count"));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_savepoint(conn));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1)"));
	assert_done(sr_exec(conn, sql));
	assert_fails(sr_exec(conn, "INSERT INTO t VALUES(2, zeroblob(100000))"), SR_NO_SPACE, path);
	assert_false(sr_conn_in_transaction(conn));
	assert_fails(sr_savepoint(conn), SR_NO_SPACE, "rolled back");
	assert_fails(sr_savepoint_release(conn), SR_NO_SPACE, "rolled back");
	assert_fails(sr_exec(conn, "INSERT INTO t VALUES(3, 3)"), SR_NO_SPACE, "rolled back");
	sr_savepoint_rollback(conn);
	assert_fails(sr_conn_commit(conn), SR_NO_SPACE, "rolled back");
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);

	assert_done(sr_exec(conn, "PRAGMA max_page_count=1000000"));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(3, 3)"));
	assert_done(sr_conn_commit(conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(conn);
}

static void rollback_by_a_trigger_is_noticed(void **state)
{
	sr_conn *conn = open_table();

	(void)state;
	assert_done(sr_exec(conn, "CREATE TRIGGER r BEFORE INSERT ON t WHEN new.a = 9 BEGIN "
				  "SELECT RAISE(ROLLBACK, 'nine is not allowed'); END"));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1)"));
	assert_fails(sr_exec(conn, "INSERT INTO t VALUES(9, 9)"), SR_CONSTRAINT, "nine");
	assert_fails(sr_savepoint(conn), SR_CONSTRAINT, "rolled back");
	sr_conn_rollback(conn);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	sr_conn_close(conn);
}

/* ---- Commits that fail ---- */

static void commit_with_failed_sync_is_unknown(void **state)
{
	sr_conn *conn = open_table();

	(void)state;
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1)"));
	fault_arm(FAULT_SYNC, FAULT_WAL, 1, SQLITE_IOERR_FSYNC, false);
	assert_fails(sr_conn_commit(conn), SR_OUTCOME_UNKNOWN, "may or may not");
	assert_int_equal(fault_hits(), 1);
	fault_disarm();
	assert_true(sr_conn_broken(conn));
	assert_false(sr_conn_in_transaction(conn));
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_WRITE), SR_IO, "failed before");
	assert_fails(sr_conn_validate(conn), SR_IO, "failed before");
	sr_conn_close(conn);
}

static void commit_on_a_full_disk_changes_nothing(void **state)
{
	sr_conn *conn = open_table();

	(void)state;
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1)"));
	fault_arm(FAULT_WRITE, FAULT_WAL, 1, SQLITE_FULL, true);
	assert_fails(sr_conn_commit(conn), SR_NO_SPACE, path);
	fault_disarm();
	assert_false(sr_conn_in_transaction(conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, 1)"));
	assert_done(sr_conn_commit(conn));
	sr_conn_close(conn);
	conn = open_as(SR_ACCESS_WRITE);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(conn);
}

/* ---- The log ---- */

static void checkpoint_under_the_write_lock(void **state)
{
	sr_conn *writer = open_table(), *other = open_as(SR_ACCESS_READ);
	sr_checkpoint result;
	sr_stmt *stmt;
	bool row;

	(void)state;
	assert_done(sr_exec(writer, "INSERT INTO t VALUES(1, zeroblob(200000))"));
	assert_true(sr_conn_log_size(writer) > 200000);
	assert_done(sr_conn_begin(writer, SR_TRANSACTION_WRITE));
	assert_done(sr_conn_checkpoint(other, &result)); /* Its first word to the database. */
	assert_true(result.log_pages > 49);
	assert_int_equal(result.copied_pages, result.log_pages);
	assert_done(sr_conn_commit(writer));
	assert_done(sr_exec(writer, "INSERT INTO t VALUES(2, 2)"));
	assert_true(sr_conn_log_size(writer) < 50000);

	/* A reader holds back what came after it. */
	assert_done(sr_prepare(other, "SELECT a FROM t", &stmt));
	assert_done(sr_step(stmt, &row));
	assert_done(sr_exec(writer, "INSERT INTO t VALUES(3, zeroblob(100000))"));
	assert_done(sr_conn_checkpoint(writer, &result));
	assert_true(result.copied_pages < result.log_pages);
	sr_stmt_done(stmt);
	sr_conn_close(other);
	sr_conn_close(writer);
}

static void nobody_checkpoints_by_himself(void **state)
{
	sr_conn *conn = open_table();

	(void)state;
	for (int i = 0; i < 30; i++)
		assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, zeroblob(400000))"));
	assert_true(sr_conn_log_size(conn) > 30 * 400000);
	sr_conn_close(conn);
}

/* ---- Copies ---- */

struct steps {
	sr_conn *writer; /* Writes at every step, or NULL. */
	int count;       /* Steps so far. */
	int stop;        /* Cancel at this one; 0: never. */
};

static bool count_steps(void *arg, int64_t done, int64_t total)
{
	struct steps *steps = arg;

	assert_true(done <= total && total > 0);
	steps->count++;
	if (steps->writer)
		assert_done(sr_exec(steps->writer, "INSERT INTO t VALUES(2, zeroblob(100000))"));
	return steps->count == steps->stop;
}

static sr_conn *open_large(void)
{
	sr_conn *conn = open_table();

	assert_done(sr_exec(conn, "INSERT INTO t VALUES(1, zeroblob(20000000))"));
	return conn;
}

static void copy_is_whole_beside_a_writer(void **state)
{
	sr_conn *writer = open_large(), *conn = open_as(SR_ACCESS_READ);
	struct steps steps = {.writer = writer};
	struct stat st;

	(void)state;
	assert_done(sr_conn_backup(conn, scratch_path("copy.db"), count_steps, &steps));
	assert_in_range(steps.count, 4, 20); /* Not begun again at each write. */
	assert_false(sr_conn_in_transaction(conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1 + steps.count);
	sr_conn_close(conn);
	sr_conn_close(writer);
	assert_int_equal(stat(scratch_path("copy.db"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_done(try_open(scratch_path("copy.db"), SR_ACCESS_INSPECT, &conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	assert_int_equal(ask(conn, "SELECT length(b) FROM t"), 20000000);
	sr_conn_close(conn);
	assert_int_not_equal(access(scratch_path("copy.db-wal"), F_OK), 0);
}

static void copy_overwrites_nothing(void **state)
{
	sr_conn *conn = open_large();

	(void)state;
	assert_fails(sr_conn_backup(conn, path, NULL, NULL), SR_EXISTS, path);
	assert_fails(sr_conn_backup(conn, scratch_path("none/x"), NULL, NULL), SR_NOT_FOUND,
		     "none");
	assert_fails(sr_conn_backup(conn, "x.db", NULL, NULL), SR_INVALID, "absolute");
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "DELETE FROM t"));
	assert_fails(sr_conn_backup(conn, scratch_path("x.db"), NULL, NULL), SR_INVALID,
		     "transaction");
	sr_conn_rollback(conn);
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 1);
	sr_conn_close(conn);
}

static void failed_copy_is_removed(void **state)
{
	struct steps steps = {.stop = 2};
	sr_conn *conn = open_large();

	(void)state;
	assert_fails(sr_conn_backup(conn, scratch_path("x.db"), count_steps, &steps),
		     SR_INTERRUPTED, "cancelled");
	assert_int_not_equal(access(scratch_path("x.db"), F_OK), 0);
	fault_arm(FAULT_WRITE, FAULT_MAIN, 3, SQLITE_FULL, true);
	assert_fails(sr_conn_backup(conn, scratch_path("x.db"), NULL, NULL), SR_NO_SPACE, "x.db");
	assert_int_not_equal(access(scratch_path("x.db"), F_OK), 0);
	fault_disarm();
	fault_arm(FAULT_SYNC, FAULT_MAIN, 1, SQLITE_IOERR_FSYNC, true);
	assert_fails(sr_conn_backup(conn, scratch_path("x.db"), NULL, NULL), SR_IO, "x.db");
	assert_int_not_equal(access(scratch_path("x.db"), F_OK), 0);
	fault_disarm();
	assert_false(sr_conn_broken(conn)); /* The copy's fault, not the database's. */
	assert_false(sr_conn_in_transaction(conn));
	assert_done(sr_conn_backup(conn, scratch_path("x.db"), NULL, NULL));
	sr_conn_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(write_takes_the_lock_at_once),
		TEST(read_takes_the_snapshot_at_once),
		TEST(closing_rolls_back),
		TEST(savepoints_nest),
		TEST(release_charges_the_culprit),
		TEST(lost_transaction_stays_lost),
		TEST(rollback_by_a_trigger_is_noticed),
		TEST(commit_with_failed_sync_is_unknown),
		TEST(commit_on_a_full_disk_changes_nothing),
		TEST(checkpoint_under_the_write_lock),
		TEST(nobody_checkpoints_by_himself),
		TEST(copy_is_whole_beside_a_writer),
		TEST(copy_overwrites_nothing),
		TEST(failed_copy_is_removed),
	};

	return cmocka_run_group_tests_name("engine transactions", tests, NULL, NULL);
}
