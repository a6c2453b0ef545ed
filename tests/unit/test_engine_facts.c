/*
 * The facts about SQLite that the rooms above are built on. They are asked of SQLite itself,
 * with no code of ours between: when one fails, the library below has changed, and what relies
 * on it must be looked at.
 */
#include <sqlite3.h>

#include "engine_fixture.h"

static sqlite3 *open_db(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static int try_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static sqlite3_int64 ask_sqlite(sqlite3 *db, const char *sql)
{
	sqlite3_int64 value = -1;
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static sqlite3 *open_wal(void)
{
	sqlite3 *db = open_db();

	run(db, "PRAGMA journal_mode=WAL");
	sqlite3_wal_autocheckpoint(db, 0);
	return db;
}

/* ---- Transactions ---- */

static void no_space_without_statement_journal_rolls_all_back(void **state)
{
	sqlite3 *db = open_wal();
	char sql[64];

	(void)state;
	run(db, "CREATE TABLE t(a, b)");
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%lld",
		 ask_sqlite(db, "PRAGMA page_count"));
	run(db, "BEGIN IMMEDIATE");
	run(db, "SAVEPOINT s");
	run(db, "INSERT INTO t VALUES(1, 'small')");
	run(db, sql);
	assert_int_equal(try_run(db, "INSERT INTO t VALUES(2, zeroblob(100000))"), SQLITE_FULL);
	assert_int_equal(sqlite3_get_autocommit(db), 1);

	/* And the next savepoint is a transaction that its release commits. */
	run(db, "SAVEPOINT s");
	assert_int_equal(sqlite3_get_autocommit(db), 0);
	run(db, "INSERT INTO t VALUES(3, 'late')");
	run(db, "RELEASE s");
	assert_int_equal(sqlite3_get_autocommit(db), 1);
	assert_int_equal(ask_sqlite(db, "SELECT group_concat(a) FROM t"), 3);
	sqlite3_close(db);
}

static void release_does_not_check_deferred_keys(void **state)
{
	sqlite3 *db = open_wal();
	int waiting = 0, highest = 0;

	(void)state;
	run(db, "PRAGMA foreign_keys=ON; CREATE TABLE p(id INTEGER PRIMARY KEY);"
		"CREATE TABLE c(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)");
	run(db, "BEGIN IMMEDIATE; SAVEPOINT s; INSERT INTO c VALUES(7)");
	sqlite3_db_status(db, SQLITE_DBSTATUS_DEFERRED_FKS, &waiting, &highest, 0);
	assert_int_not_equal(waiting, 0);
	assert_int_equal(try_run(db, "RELEASE s"), SQLITE_OK);
	assert_int_equal(try_run(db, "COMMIT"), SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_get_autocommit(db), 0);
	run(db, "INSERT INTO p VALUES(7)");
	sqlite3_db_status(db, SQLITE_DBSTATUS_DEFERRED_FKS, &waiting, &highest, 0);
	assert_int_equal(waiting, 0);
	run(db, "COMMIT");
	sqlite3_close(db);
}

static void deferred_begin_ignores_the_busy_timeout(void **state)
{
	sqlite3 *a = open_wal(), *b = open_wal();

	(void)state;
	run(a, "CREATE TABLE t(a)");
	sqlite3_busy_timeout(b, 60000);
	run(b, "BEGIN");
	ask_sqlite(b, "SELECT count(*) FROM t");
	run(a, "INSERT INTO t VALUES(1)");
	/* Within a minute, or this test would hang: at once. */
	assert_int_equal(try_run(b, "INSERT INTO t VALUES(2)"), SQLITE_BUSY);
	assert_int_equal(sqlite3_extended_errcode(b), SQLITE_BUSY_SNAPSHOT);
	sqlite3_close(a);
	sqlite3_close(b);
}

static void snapshot_begins_at_the_first_read(void **state)
{
	sqlite3 *a = open_wal(), *b = open_wal();

	(void)state;
	run(a, "CREATE TABLE t(a)");
	run(b, "BEGIN");
	run(a, "INSERT INTO t VALUES(1)");
	assert_int_equal(ask_sqlite(b, "SELECT count(*) FROM t"), 1);
	run(a, "INSERT INTO t VALUES(2)");
	assert_int_equal(ask_sqlite(b, "SELECT count(*) FROM t"), 1);
	run(b, "COMMIT");
	assert_int_equal(ask_sqlite(b, "SELECT count(*) FROM t"), 2);
	sqlite3_close(a);
	sqlite3_close(b);
}

static void unreset_statement_keeps_the_snapshot(void **state)
{
	sqlite3 *a = open_wal(), *b = open_wal();
	sqlite3_stmt *stmt;

	(void)state;
	run(a, "CREATE TABLE t(a); INSERT INTO t VALUES(1),(2)");
	assert_int_equal(sqlite3_prepare_v2(b, "SELECT a FROM t", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	run(a, "INSERT INTO t VALUES(3)");
	assert_int_equal(ask_sqlite(b, "SELECT count(*) FROM t"), 2);
	sqlite3_reset(stmt);
	assert_int_equal(ask_sqlite(b, "SELECT count(*) FROM t"), 3);
	sqlite3_finalize(stmt);
	sqlite3_close(a);
	sqlite3_close(b);
}

static void commit_that_fails_to_sync_may_be_there(void **state)
{
	sqlite3 *db = open_wal();
	char copy[160], command[400];

	(void)state;
	run(db,
	    "PRAGMA synchronous=FULL; CREATE TABLE t(a); BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
	fault_arm(FAULT_SYNC, FAULT_WAL, 1, SQLITE_IOERR_FSYNC, false);
	assert_int_equal(try_run(db, "COMMIT"), SQLITE_IOERR);
	assert_int_equal(fault_hits(), 1);
	fault_disarm();

	/* What a crash at this moment leaves: another process reads the commit that failed. */
	snprintf(copy, sizeof(copy), "%s/crash.db", scratch_folder());
	snprintf(command, sizeof(command), "cp '%s' '%s' && cp '%s-wal' '%s-wal'", path, copy, path,
		 copy);
	assert_int_equal(system(command), 0);
	sqlite3_close(db);
	assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM t"), 1);
	sqlite3_close(db);
}

static void foreign_keys_cannot_be_switched_inside(void **state)
{
	sqlite3 *db = open_wal();

	(void)state;
	run(db, "PRAGMA foreign_keys=ON; BEGIN; PRAGMA foreign_keys=OFF");
	assert_int_equal(ask_sqlite(db, "PRAGMA foreign_keys"), 1);
	run(db, "COMMIT");
	sqlite3_close(db);
}

/* ---- The log ---- */

static void refused_wal_reports_ok(void **state)
{
	sqlite3 *db;

	(void)state;
	fault_without_shm(true);
	db = open_db();
	run(db, "PRAGMA journal_mode=WAL; CREATE TABLE t(a)");
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM pragma_journal_mode "
					"WHERE journal_mode = 'wal'"),
			 0);
	sqlite3_close(db);
}

static void passive_checkpoint_under_the_write_lock_moves_all(void **state)
{
	sqlite3 *writer = open_wal(), *other = open_wal();
	int log = -2, copied = -2;

	(void)state;
	run(writer, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000))");

	/* A connection that has never read does nothing, and says OK. */
	assert_int_equal(
		sqlite3_wal_checkpoint_v2(other, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &copied),
		SQLITE_OK);
	ask_sqlite(other, "SELECT count(*) FROM t");
	run(writer, "BEGIN IMMEDIATE");
	assert_int_equal(
		sqlite3_wal_checkpoint_v2(other, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &copied),
		SQLITE_OK);
	assert_true(log > 20);
	assert_int_equal(copied, log);
	run(writer, "COMMIT; INSERT INTO t VALUES(1)");

	/* The write after it began the log anew. */
	sqlite3_wal_checkpoint_v2(other, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
	assert_true(log < 5);
	sqlite3_close(writer);
	sqlite3_close(other);
}

static int passive(sqlite3 *db, int *log, int *copied)
{
	return sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, log, copied);
}

/* Beside writers it is one of these two: who reads has a place in the log, and it is not begun anew
 * until he has ended; or all of it is in the database, and then nothing more comes in. */
static void reader_keeps_the_log_or_the_database_as_it_is(void **state)
{
	sqlite3 *writer = open_wal(), *reader = open_wal(), *copier = open_wal();
	int log = -2, copied = -2, before;

	(void)state;
	run(writer, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000))");
	ask_sqlite(copier, "SELECT count(*) FROM t");
	run(reader, "BEGIN; SELECT count(*) FROM t");
	assert_int_equal(passive(copier, &log, &copied), SQLITE_OK);
	assert_int_equal(copied, log);
	before = log;
	run(writer, "INSERT INTO t VALUES(1)");
	assert_int_equal(passive(copier, &log, &copied), SQLITE_OK);
	assert_true(log > before);
	assert_int_equal(copied, before);
	run(reader, "COMMIT");
	assert_int_equal(passive(copier, &log, &copied), SQLITE_OK);
	assert_int_equal(copied, log);

	run(reader, "BEGIN; SELECT count(*) FROM t");
	run(writer, "INSERT INTO t VALUES(2)");
	assert_int_equal(passive(copier, &log, &copied), SQLITE_OK);
	assert_true(log < before);
	assert_int_equal(copied, 0);
	run(reader, "COMMIT");
	assert_int_equal(passive(copier, &log, &copied), SQLITE_OK);
	assert_int_equal(copied, log);
	sqlite3_close(writer);
	sqlite3_close(reader);
	sqlite3_close(copier);
}

static void last_close_removes_the_log(void **state)
{
	sqlite3 *db = open_wal();
	char log[128];

	(void)state;
	run(db, "CREATE TABLE t(a)");
	snprintf(log, sizeof(log), "%s-wal", path);
	assert_int_equal(access(log, F_OK), 0);
	sqlite3_close(db);
	assert_int_equal(access(log, F_OK), -1);
}

/* ---- Schema and statements ---- */

static void parameters_are_numbered_by_first_appearance(void **state)
{
	sqlite3 *db = open_db();
	sqlite3_stmt *stmt;

	(void)state;
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT $2, $1", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_bind_parameter_index(stmt, "$2"), 1);
	assert_int_equal(sqlite3_bind_parameter_index(stmt, "$1"), 2);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void replace_fires_no_delete_trigger_but_cascades(void **state)
{
	sqlite3 *db = open_db();

	(void)state;
	run(db, "PRAGMA foreign_keys=ON; CREATE TABLE p(id INTEGER PRIMARY KEY, n UNIQUE);"
		"CREATE TABLE c(p REFERENCES p(id) ON DELETE CASCADE); CREATE TABLE log(x);"
		"CREATE TRIGGER d AFTER DELETE ON p BEGIN INSERT INTO log VALUES(1); END;"
		"INSERT INTO p VALUES(1, 'a'); INSERT INTO c VALUES(1);"
		"INSERT OR REPLACE INTO p VALUES(1, 'b')");
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM log"), 0);
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM c"), 0);
	sqlite3_close(db);
}

static void cascades_happen_with_triggers_off(void **state)
{
	sqlite3 *db = open_db();

	(void)state;
	run(db, "PRAGMA foreign_keys=ON; CREATE TABLE p(id INTEGER PRIMARY KEY);"
		"CREATE TABLE c(p REFERENCES p(id) ON DELETE CASCADE); CREATE TABLE log(x);"
		"CREATE TRIGGER d AFTER DELETE ON p BEGIN INSERT INTO log VALUES(1); END;"
		"INSERT INTO p VALUES(1); INSERT INTO c VALUES(1)");
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	run(db, "DELETE FROM p");
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM log"), 0);
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM c"), 0);
	sqlite3_close(db);
}

static int readonly(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int answer;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	answer = sqlite3_stmt_readonly(stmt);
	sqlite3_finalize(stmt);
	return answer;
}

static void attach_and_pragmas_pass_for_reading(void **state)
{
	sqlite3 *db = open_db();

	(void)state;
	assert_true(readonly(db, "ATTACH '/tmp/x' AS x"));
	assert_true(readonly(db, "PRAGMA query_only=0"));
	assert_false(readonly(db, "CREATE TABLE t(a)"));
	sqlite3_close(db);
}

static void like_never_matches_a_blob(void **state)
{
	sqlite3 *db = open_db();

	(void)state;
	assert_int_equal(ask_sqlite(db, "SELECT CAST('abc' AS BLOB) LIKE '%b%'"), 0);
	assert_int_equal(ask_sqlite(db, "SELECT 'abc' LIKE '%b%'"), 1);
	assert_int_equal(ask_sqlite(db, "SELECT 'a' < x'00'"), 1); /* All text before all blobs. */
	sqlite3_close(db);
}

static int count_deletes(void *arg, int code, const char *first, const char *second,
			 const char *database, const char *inner)
{
	(void)first;
	(void)second;
	(void)database;
	(void)inner;
	*(int *)arg += code == SQLITE_DELETE;
	return SQLITE_OK;
}

static void authorizer_does_not_see_what_replace_deletes(void **state)
{
	sqlite3 *db = open_db();
	int deletes = 0;

	(void)state;
	run(db, "CREATE TABLE t(a UNIQUE, b UNIQUE); INSERT INTO t VALUES(1, 1), (2, 2)");
	sqlite3_set_authorizer(db, count_deletes, &deletes);
	run(db, "INSERT OR REPLACE INTO t VALUES(1, 2)");
	assert_int_equal(deletes, 0);
	assert_int_equal(ask_sqlite(db, "SELECT count(*) FROM t"), 1);
	run(db, "DELETE FROM t WHERE a = 1");
	assert_int_equal(deletes, 1);
	sqlite3_close(db);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(no_space_without_statement_journal_rolls_all_back),
		FACT(release_does_not_check_deferred_keys),
		FACT(deferred_begin_ignores_the_busy_timeout),
		FACT(snapshot_begins_at_the_first_read),
		FACT(unreset_statement_keeps_the_snapshot),
		FACT(commit_that_fails_to_sync_may_be_there),
		FACT(foreign_keys_cannot_be_switched_inside),
		FACT(refused_wal_reports_ok),
		FACT(passive_checkpoint_under_the_write_lock_moves_all),
		FACT(reader_keeps_the_log_or_the_database_as_it_is),
		FACT(last_close_removes_the_log),
		FACT(parameters_are_numbered_by_first_appearance),
		FACT(replace_fires_no_delete_trigger_but_cascades),
		FACT(cascades_happen_with_triggers_off),
		FACT(attach_and_pragmas_pass_for_reading),
		FACT(like_never_matches_a_blob),
		FACT(authorizer_does_not_see_what_replace_deletes),
	};

	return cmocka_run_group_tests_name("engine facts", tests, NULL, NULL);
}
