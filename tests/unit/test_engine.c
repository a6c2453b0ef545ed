/* Statements, values, the cache and the guard of the engine. */
#include "engine_fixture.h"

#include "engine/vtable.h"

#include <math.h>

/* ---- Parameters ---- */

static void numbers_are_names(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_stmt *stmt;
	bool row;

	(void)state;
	assert_done(sr_prepare(conn, "SELECT $2, $1, $2", &stmt));
	assert_int_equal(sr_stmt_parameters(stmt), 2);
	sr_bind_integer(stmt, 1, 11);
	sr_bind_integer(stmt, 2, 22);
	assert_done(sr_step(stmt, &row));
	assert_true(row);
	assert_int_equal(sr_column_integer(stmt, 0), 22);
	assert_int_equal(sr_column_integer(stmt, 1), 11);
	assert_int_equal(sr_column_integer(stmt, 2), 22);
	sr_stmt_done(stmt);

	assert_done(sr_prepare(conn, "SELECT ?, ?", &stmt));
	assert_int_equal(sr_stmt_parameters(stmt), 2);
	sr_bind_integer(stmt, 2, 2);
	sr_bind_integer(stmt, 1, 1);
	assert_done(sr_step(stmt, &row));
	assert_int_equal(sr_column_integer(stmt, 0), 1);
	assert_int_equal(sr_column_integer(stmt, 1), 2);
	sr_stmt_done(stmt);
	assert_fails(sr_prepare(conn, "SELECT $1, ?", &stmt), SR_SQL, "other parameters");
	sr_conn_close(conn);
}

static void failed_binding_sticks_until_the_step(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_stmt *stmt;
	bool row = true;

	(void)state;
	assert_done(sr_prepare(conn, "SELECT $1, $3", &stmt));
	sr_bind_integer(stmt, 2, 1);
	sr_bind_integer(stmt, 9, 1);
	sr_bind_integer(stmt, 1, 1);
	assert_fails(sr_step(stmt, &row), SR_INVALID, "$2");
	assert_false(row);
	assert_done(sr_step(stmt, &row)); /* Told once; it can be used again. */
	assert_true(row);
	sr_stmt_done(stmt);
	sr_conn_close(conn);
}

static void values_come_back(void **state)
{
	static const char bytes[] = {'a', '\0', (char)0xff, 'b'};
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_id id = {{1, 2, 3}}, back;
	sr_stmt *stmt;
	sr_text text;
	bool row;

	(void)state;
	assert_done(sr_prepare(conn, "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10", &stmt));
	sr_bind_integer(stmt, 1, INT64_MAX);
	sr_bind_real(stmt, 2, 2.5);
	sr_bind_text(stmt, 3, "text");
	sr_bind_blob(stmt, 4, bytes, sizeof(bytes));
	sr_bind_id(stmt, 5, &id);
	sr_bind_integer(stmt, 6, SR_NULL_INTEGER);
	sr_bind_real(stmt, 7, NAN);
	sr_bind_text(stmt, 8, NULL);
	sr_bind_text(stmt, 9, "");
	sr_bind_id(stmt, 10, NULL);
	assert_done(sr_step(stmt, &row));
	assert_int_equal(sr_columns(stmt), 10);
	assert_int_equal(sr_column_integer(stmt, 0), INT64_MAX);
	assert_true(sr_column_real(stmt, 1) == 2.5);
	assert_int_equal(sr_column_integer(stmt, 1), 2);
	text = sr_column_text(stmt, 0);
	assert_string_equal(text.data, "9223372036854775807");
	assert_int_equal(sr_column_type(stmt, 2), SR_TEXT);
	assert_int_equal(sr_column_integer(stmt, 2), SR_NULL_INTEGER);
	assert_true(isnan(sr_column_real(stmt, 2)));
	text = sr_column_text(stmt, 3);
	assert_int_equal(sr_column_type(stmt, 3), SR_BLOB);
	assert_int_equal(text.length, sizeof(bytes));
	assert_memory_equal(text.data, bytes, sizeof(bytes));
	assert_int_equal(text.data[sizeof(bytes)], 0);
	assert_true(sr_column_id(stmt, 4, &back));
	assert_memory_equal(&back, &id, sizeof(id));
	assert_false(sr_column_id(stmt, 3, &back));
	for (int i = 5; i < 8; i++)
		assert_int_equal(sr_column_type(stmt, i), SR_NULL);
	assert_null(sr_column_text(stmt, 5).data);
	text = sr_column_text(stmt, 8);
	assert_non_null(text.data);
	assert_int_equal(text.length, 0);
	assert_int_equal(sr_column_type(stmt, 9), SR_NULL);
	sr_stmt_done(stmt);
	sr_conn_close(conn);
}

static sr_type type_of_name(sr_conn *conn, sr_text name)
{
	sr_stmt *stmt;
	sr_type type;
	bool row;

	assert_done(sr_prepare(conn, "SELECT $1", &stmt));
	sr_bind_name(stmt, 1, name);
	assert_done(sr_step(stmt, &row));
	type = sr_column_type(stmt, 0);
	if (type != SR_NULL) {
		assert_int_equal(sr_column_text(stmt, 0).length, name.length);
		assert_memory_equal(sr_column_text(stmt, 0).data, name.data, name.length);
	}
	sr_stmt_done(stmt);
	return type;
}

static void names_are_text_where_they_can_be(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_int_equal(type_of_name(conn, sr_text_of("gr\xc3\xbc\xc3\x9f")), SR_TEXT);
	assert_int_equal(type_of_name(conn, sr_text_of("")), SR_TEXT);
	assert_int_equal(type_of_name(conn, sr_text_of("gr\xfc")), SR_BLOB);
	assert_int_equal(type_of_name(conn, (sr_text){"a\0b", 3}), SR_BLOB);
	assert_int_equal(type_of_name(conn, sr_text_of(NULL)), SR_NULL);
	sr_conn_close(conn);
}

/* ---- Statements ---- */

static void cache_gives_the_same_statement_again(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_stmt *first, *second;
	bool row;

	(void)state;
	assert_done(sr_prepare(conn, "SELECT $1 UNION ALL SELECT 2", &first));
	sr_bind_integer(first, 1, 7);
	assert_done(sr_step(first, &row));

	/* In use: the same text is another statement. */
	assert_done(sr_prepare(conn, "SELECT $1 UNION ALL SELECT 2", &second));
	assert_ptr_not_equal(first, second);
	sr_bind_integer(second, 1, 8);
	assert_done(sr_step(second, &row));
	assert_int_equal(sr_column_integer(second, 0), 8);
	assert_int_equal(sr_column_integer(first, 0), 7);
	sr_stmt_done(second);
	sr_stmt_done(first);

	/* The last given back comes first, at its start and with nothing bound. */
	assert_done(sr_prepare(conn, "SELECT $1 UNION ALL SELECT 2", &second));
	assert_ptr_equal(first, second);
	assert_done(sr_step(second, &row));
	assert_int_equal(sr_column_type(second, 0), SR_NULL);
	sr_stmt_done(second);
	sr_conn_close(conn);
}

static void cache_is_bounded(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sqlite3 *db = sr_conn_handle(conn);
	sr_stmt *stmts[200];
	int prepared = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		char sql[32];

		snprintf(sql, sizeof(sql), "SELECT %d", i);
		assert_done(sr_prepare(conn, sql, &stmts[i]));
	}
	for (int i = 0; i < 200; i++)
		sr_stmt_done(stmts[i]);
	for (sqlite3_stmt *s = sqlite3_next_stmt(db, NULL); s; s = sqlite3_next_stmt(db, s))
		prepared++;
	assert_in_range(prepared, 1, 80);
	sr_conn_close(conn);
}

static void one_statement_only(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_stmt *stmt;

	(void)state;
	assert_fails(sr_prepare(conn, "SELECT 1; SELECT 2", &stmt), SR_SQL, "only one");
	assert_null(stmt);
	assert_fails(sr_prepare(conn, "  -- nothing", &stmt), SR_SQL, "no statement");
	assert_fails(sr_prepare(conn, "SELEKT 1", &stmt), SR_SQL, "syntax error");
	assert_done(sr_prepare(conn, "SELECT 1; -- the end", &stmt));
	sr_stmt_done(stmt);
	sr_conn_close(conn);
}

static void script_names_the_statement(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1); -- one"));
	assert_int_equal(sr_conn_changes(conn), 1);
	assert_int_equal(sr_conn_last_row_id(conn), 1);
	assert_fails(sr_exec(conn, "INSERT INTO t VALUES(2); INSERT INTO t VALUES(1)"),
		     SR_CONSTRAINT, "statement 2: UNIQUE constraint failed: t.a");
	assert_fails(sr_exec(conn, "SELECT FileCategory FROM t"), SR_SQL, "migrate up");
	assert_fails(sr_query_integer(conn, "SELECT 1 WHERE 0", &(int64_t){0}), SR_NOT_FOUND,
		     "no row");
	sr_conn_close(conn);
}

static bool reads(sr_conn *conn, const char *sql)
{
	sr_stmt *stmt;
	bool answer;

	assert_done(sr_prepare(conn, sql, &stmt));
	answer = sr_stmt_reads(stmt);
	sr_stmt_done(stmt);
	return answer;
}

static void reading_means_changing_nothing(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t(a)"));
	assert_true(reads(conn, "SELECT * FROM t"));
	assert_true(reads(conn, "PRAGMA table_info(t)"));
	assert_true(reads(conn, "PRAGMA user_version"));
	assert_true(reads(conn, "EXPLAIN DELETE FROM t"));
	assert_false(reads(conn, "DELETE FROM t"));
	assert_false(reads(conn, "ATTACH ':memory:' AS x"));
	assert_false(reads(conn, "PRAGMA foreign_keys=0"));
	assert_false(reads(conn, "PRAGMA user_version=7"));
	assert_false(reads(conn, "PRAGMA optimize"));
	assert_false(reads(conn, "BEGIN"));
	assert_false(reads(conn, "SAVEPOINT x"));
	sr_conn_close(conn);
}

static void interrupt_stops_a_statement(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_stmt *stmt;
	bool row;

	(void)state;
	assert_done(sr_prepare(conn, "SELECT 1 UNION ALL SELECT 2", &stmt));
	assert_done(sr_step(stmt, &row));
	sr_conn_interrupt(conn);
	assert_fails(sr_step(stmt, &row), SR_INTERRUPTED, "interrupted");
	assert_done(sr_step(stmt, &row));
	assert_int_equal(sr_column_integer(stmt, 0), 1);
	sr_stmt_done(stmt);
	assert_done(sr_conn_validate(conn));
	sr_conn_close(conn);
}

/* ---- What a statement may do ---- */

static bool no_drops(void *arg, sr_action action, const char *first, const char *second,
		     const char *inner)
{
	(void)inner;
	if (action == SR_ACTION_DROP) {
		sr_fail(SR_REFUSED, "no dropping of the %s %s", first, second);
		return false;
	}
	if (action == SR_ACTION_FUNCTION && strcmp(first, "random") == 0)
		return false;
	*(unsigned *)arg |= 1u << action;
	return true;
}

static void guard_is_asked(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	unsigned seen = 0;
	sr_stmt *stmt;

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t(a); CREATE INDEX i ON t(a)"));
	assert_done(sr_prepare(conn, "DROP TABLE t", &stmt));
	sr_stmt_done(stmt);
	sr_conn_guard(conn, no_drops, &seen);

	/* Not from the cache: it was prepared before. */
	assert_fails(sr_prepare(conn, "DROP TABLE t", &stmt), SR_REFUSED,
		     "no dropping of the table t");
	assert_fails(sr_exec(conn, "DROP INDEX i"), SR_REFUSED, "no dropping of the index i");
	assert_fails(sr_exec(conn, "SELECT random()"), SR_REFUSED, "refused");
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(abs(1)); UPDATE t SET a = 2; DELETE FROM t;"
				  "ALTER TABLE t ADD COLUMN b; ANALYZE; PRAGMA user_version;"
				  "CREATE TABLE u(a); SELECT a FROM u"));
	for (sr_action action = SR_ACTION_READ; action <= SR_ACTION_OTHER; action++)
		if (action != SR_ACTION_DROP && action != SR_ACTION_ATTACH &&
		    action != SR_ACTION_TRANSACTION)
			assert_true(seen & 1u << action);

	/* The engine's own commands are not the guard's business; a caller's are. */
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_savepoint(conn));
	assert_done(sr_savepoint_release(conn));
	assert_done(sr_conn_commit(conn));
	assert_false(seen & 1u << SR_ACTION_TRANSACTION);
	assert_done(sr_exec(conn, "BEGIN; COMMIT"));
	assert_true(seen & 1u << SR_ACTION_TRANSACTION);
	sr_conn_guard(conn, NULL, NULL);
	assert_done(sr_exec(conn, "DROP TABLE t"));
	sr_conn_close(conn);
}

static void engine_keeps_its_own_settings(void **state)
{
	static const char *const statements[] = {
		"PRAGMA journal_mode=DELETE",     "PRAGMA wal_checkpoint(TRUNCATE)",
		"PRAGMA wal_autocheckpoint=1000", "PRAGMA locking_mode=EXCLUSIVE",
		"PRAGMA mmap_size=1000000",       "PRAGMA main.Query_Only=0",
	};
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		assert_fails(sr_exec(conn, statements[i]), SR_REFUSED, "the engine's own");
	assert_int_equal(ask(conn, "PRAGMA foreign_keys"), 1);
	assert_int_equal(ask(conn, "PRAGMA temp_store"), 2);
	assert_int_equal(ask(conn, "PRAGMA synchronous"), 2);
	assert_int_equal(ask(conn, "PRAGMA cache_size"), 500);
	assert_int_equal(ask(conn, "PRAGMA cell_size_check"), 1);
	assert_int_equal(ask(conn, "PRAGMA trusted_schema"), 0);
	assert_true(ask(conn, "PRAGMA journal_size_limit") > 0);
	assert_fails(sr_exec(conn, "SELECT load_extension('x')"), SR_SQL, "");
	sr_conn_close(conn);
}

static void schema_is_never_writable(void **state)
{
	static const char edit[] =
		"UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a, b)' WHERE name = 't'";
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t(a)"));
	assert_fails(sr_exec(conn, edit), SR_SQL, "may not be modified");
	assert_done(sr_exec(conn, "PRAGMA writable_schema=ON"));
	assert_fails(sr_exec(conn, edit), SR_SQL, "may not be modified");
	sr_conn_close(conn);
}

static void triggers_can_be_off(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(
		conn, "CREATE TABLE t(a); CREATE TABLE log(a);"
		      "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES(1); END;"
		      "INSERT INTO t VALUES(1)"));
	assert_int_equal(ask(conn, "SELECT count(*) FROM log"), 1);
	assert_done(sr_conn_triggers(conn, false));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(2)"));
	assert_int_equal(ask(conn, "SELECT count(*) FROM log"), 1);
	assert_done(sr_conn_triggers(conn, true));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES(3)"));
	assert_int_equal(ask(conn, "SELECT count(*) FROM log"), 2);
	sr_conn_close(conn);
}

/* ---- The untrusted ---- */

static void untrusted_reads_and_nothing_else(void **state)
{
	static const char *const refused[] = {
		"ATTACH ':memory:' AS x",
		"DETACH main",
		"SELECT load_extension('x')",
		"SELECT fts3_tokenizer('simple')",
		"PRAGMA query_only=0",
		"PRAGMA user_version=1",
		"PRAGMA optimize",
		"CREATE TEMP TABLE x(a)",
		"DELETE FROM t",
		"BEGIN",
		"VACUUM INTO '/tmp/x'",
		"CREATE VIRTUAL TABLE f USING fts5(a)",
	};
	sr_conn_options options = {.access = SR_ACCESS_READ, .untrusted = true};
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t(a); INSERT INTO t VALUES(41)"));
	sr_conn_close(conn);
	assert_done(sr_conn_open(&sr_sqlite, path, &options, &conn));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		sr_status rc = sr_exec(conn, refused[i]);

		if ((rc != SR_REFUSED && rc != SR_READ_ONLY) || !sr_error_message()[0])
			fail_msg("%s: %s", refused[i], sr_error_message());
	}
	assert_fails(sr_exec(conn, "DELETE FROM t"), SR_READ_ONLY, "this would delete from t");
	assert_fails(sr_exec(conn, "DROP TABLE t"), SR_READ_ONLY, "would change the schema");
	assert_int_equal(ask(conn, "SELECT max(a) + length(upper('x')) FROM t"), 42);
	assert_done(sr_exec(conn, "PRAGMA table_info(t); PRAGMA quick_check"));
	assert_true(sr_exec(conn, "SELECT zeroblob(100000000)") != SR_OK);
	assert_fails(sr_exec(conn, "SELECT * FROM pragma_table_info('t')"), SR_SQL,
		     "pragma_table_info");
	sr_conn_close(conn);
	options.access = SR_ACCESS_WRITE;
	assert_fails(sr_conn_open(&sr_sqlite, path, &options, &conn), SR_INVALID, "untrusted");
}

static void untrusted_statement_has_a_deadline(void **state)
{
	sr_conn_options options = {.access = SR_ACCESS_READ, .untrusted = true, .deadline = 0.02};
	sr_conn *conn;

	(void)state;
	sr_conn_close(open_as(SR_ACCESS_CREATE));
	assert_done(sr_conn_open(&sr_sqlite, path, &options, &conn));
	/* Without the deadline it would count for ever. */
	assert_fails(sr_exec(conn,
			     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
			     "SELECT count(*) FROM n"),
		     SR_INTERRUPTED, "0.02 seconds");
	assert_int_equal(ask(conn, "SELECT 1"), 1);
	sr_conn_close(conn);
}

static void complaints_of_an_integrity_check(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_complaint_check(conn, sr_text_of("row 3 missing from index i")));
	assert_done(sr_complaint_check(
		conn, sr_text_of("Page 1: unable to get the page. error code=11")));
	assert_fails(sr_complaint_check(conn,
					sr_text_of("Page 1: unable to get the page. error code=7")),
		     SR_NO_MEMORY, "memory");
	assert_false(sr_conn_broken(conn));
	assert_fails(sr_complaint_check(conn, sr_text_of("*** in database main *** Page 76: "
							 "unable to get the page. "
							 "error code=8458")),
		     SR_IO, "could not be checked");
	assert_true(sr_conn_broken(conn));
	sr_conn_close(conn);
}

/* Stands on a row whose text has to be converted, for which there is no memory. */
static sr_stmt *stand_on_the_missing(sr_conn *conn)
{
	sr_stmt *stmt;
	sr_value value;
	bool row;

	assert_done(sr_prepare(conn, "SELECT printf('%.*c', 9000000, 'x'), 7", &stmt));
	assert_done(sr_step(stmt, &row));
	assert_true(row);
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1000000);
	sr_column_value(stmt, 0, &value);
	sqlite3_hard_heap_limit64(0);
	assert_int_equal(value.type, SR_TEXT);
	assert_non_null(value.text.data);
	assert_int_equal(sr_column_integer(stmt, 1), 7);
	return stmt;
}

static void value_without_memory_is_told(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);
	sr_stmt *stmt;
	bool row;

	(void)state;
	assert_done(sr_exec(conn, "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a)"));
	stmt = stand_on_the_missing(conn);
	assert_fails(sr_stmt_check(stmt), SR_NO_MEMORY, "memory");
	assert_fails(sr_step(stmt, &row), SR_NO_MEMORY, "memory");
	assert_done(sr_stmt_end(stmt, SR_OK));
	stmt = stand_on_the_missing(conn);
	assert_fails(sr_stmt_end(stmt, SR_OK), SR_NO_MEMORY, "memory");
	/* What was made of the value is not why it failed. */
	stmt = stand_on_the_missing(conn);
	assert_fails(sr_stmt_end(stmt, sr_fail(SR_CORRUPT, "an odd value")), SR_NO_MEMORY,
		     "memory");
	assert_int_equal(ask(conn, "SELECT 1"), 1);
	assert_fails(sr_stmt_end(NULL, sr_fail(SR_CORRUPT, "an odd value")), SR_CORRUPT, "odd");
	sr_conn_close(conn);
}

static void taking_back_needs_no_memory(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE t (a)"));
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_done(sr_exec(conn, "INSERT INTO t VALUES (1)"));
	sqlite3_hard_heap_limit64(1);
	sr_conn_rollback(conn);
	sqlite3_hard_heap_limit64(0);
	assert_false(sr_conn_in_transaction(conn));
	assert_false(sr_conn_broken(conn));
	assert_int_equal(ask(conn, "SELECT count(*) FROM t"), 0);
	sr_conn_close(conn);
}

/* As after a rollback that failed: what is still open is no mistake of who begins. */
static void failed_connection_says_that_it_failed(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	conn->broken = true;
	assert_fails(sr_conn_begin(conn, SR_TRANSACTION_WRITE), SR_IO, "has failed before");
	assert_fails(sr_conn_compact(conn, scratch_path("copy"), NULL, NULL), SR_IO,
		     "has failed before");
	sr_conn_close(conn);
}

static void foreign_keys_come_back_without_memory(void **state)
{
	sr_conn *conn = open_as(SR_ACCESS_CREATE);

	(void)state;
	assert_done(
		sr_exec(conn, "CREATE TABLE p (a PRIMARY KEY); CREATE TABLE c (a REFERENCES p)"));
	assert_done(sr_conn_foreign_keys(conn, false));
	assert_done(sr_exec(conn, "INSERT INTO c VALUES (1)"));
	sqlite3_hard_heap_limit64(1);
	assert_int_equal(sr_conn_foreign_keys(conn, true), SR_OK);
	sqlite3_hard_heap_limit64(0);
	assert_fails(sr_exec(conn, "INSERT INTO c VALUES (2)"), SR_CONSTRAINT, "FOREIGN KEY");
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_fails(sr_conn_foreign_keys(conn, false), SR_INVALID, "transaction");
	sr_conn_rollback(conn);
	sr_conn_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_names),
		TEST(failed_binding_sticks_until_the_step),
		TEST(values_come_back),
		TEST(names_are_text_where_they_can_be),
		TEST(cache_gives_the_same_statement_again),
		TEST(cache_is_bounded),
		TEST(one_statement_only),
		TEST(script_names_the_statement),
		TEST(reading_means_changing_nothing),
		TEST(interrupt_stops_a_statement),
		TEST(guard_is_asked),
		TEST(engine_keeps_its_own_settings),
		TEST(complaints_of_an_integrity_check),
		TEST(schema_is_never_writable),
		TEST(triggers_can_be_off),
		TEST(untrusted_reads_and_nothing_else),
		TEST(untrusted_statement_has_a_deadline),
		TEST(value_without_memory_is_told),
		TEST(taking_back_needs_no_memory),
		TEST(failed_connection_says_that_it_failed),
		TEST(foreign_keys_come_back_without_memory),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
