/* What a caller's statement is found to be, and that looking at it changes nothing. */
#include "catalog_fixture.h"

#include <sqlite3.h>

static const struct {
	const char *sql;
	sr_statement_kind kind;
	const char *subject;
	bool inserts;
} kinds[] = {
	{"", SR_STATEMENT_NONE, NULL, false},
	{" ; -- nothing\n /* at all */ ", SR_STATEMENT_NONE, NULL, false},
	{"SELECT 1;  -- and no more", SR_STATEMENT_READS, NULL, false},
	{"WITH a AS (VALUES (1)) SELECT * FROM a", SR_STATEMENT_READS, NULL, false},
	{"EXPLAIN QUERY PLAN DELETE FROM files", SR_STATEMENT_READS, NULL, false},
	{"PRAGMA table_info(files)", SR_STATEMENT_READS, NULL, false},
	{"PRAGMA foreign_keys", SR_STATEMENT_READS, NULL, false},
	{"INSERT INTO transfer_stats (Date) VALUES ('x')", SR_STATEMENT_WRITES, NULL, true},
	{"WITH a AS (VALUES ('x')) REPLACE INTO transfer_stats (Date) SELECT * FROM a",
	 SR_STATEMENT_WRITES, NULL, true},
	{"UPDATE transfer_stats SET Date = 'y'", SR_STATEMENT_WRITES, NULL, false},
	/* Its triggers insert, and it does not. */
	{"DELETE FROM files WHERE 0", SR_STATEMENT_WRITES, NULL, false},
	{"CREATE TABLE x (a)", SR_STATEMENT_DEFINES, NULL, false},
	{"CREATE TEMP TABLE x AS SELECT 1", SR_STATEMENT_DEFINES, NULL, false},
	{"DROP TABLE files", SR_STATEMENT_DEFINES, NULL, false},
	{"ALTER TABLE files ADD COLUMN mine", SR_STATEMENT_DEFINES, NULL, false},
	{"VACUUM", SR_STATEMENT_DEFINES, NULL, false},
	{"REINDEX", SR_STATEMENT_DEFINES, NULL, false},
	{"ATTACH 'x' AS y", SR_STATEMENT_DEFINES, NULL, false},
	{"PRAGMA foreign_keys = OFF", SR_STATEMENT_PRAGMA, "foreign_keys", false},
	{"PRAGMA journal_mode = DELETE", SR_STATEMENT_PRAGMA, "journal_mode", false},
	{"PRAGMA wal_checkpoint(TRUNCATE)", SR_STATEMENT_PRAGMA, "wal_checkpoint", false},
	{"EXPLAIN PRAGMA case_sensitive_like = 1", SR_STATEMENT_PRAGMA, "case_sensitive_like",
	 false},
	{"BEGIN IMMEDIATE", SR_STATEMENT_BEGINS, NULL, false},
	{"COMMIT", SR_STATEMENT_COMMITS, NULL, false},
	{"END TRANSACTION", SR_STATEMENT_COMMITS, NULL, false},
	{"ROLLBACK", SR_STATEMENT_ROLLS_BACK, NULL, false},
	{"SAVEPOINT \"a b\"", SR_STATEMENT_SAVEPOINT, "a b", false},
	{"RELEASE s", SR_STATEMENT_RELEASES, "s", false},
	{"ROLLBACK TO s", SR_STATEMENT_ROLLS_BACK_TO, "s", false},
};

static void check_kinds(const catalog_fixture *f)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		sr_description *found;

		assert_ok(sr_describe(f->catalog, kinds[i].sql, &found));
		if (found->kind != kinds[i].kind || found->inserts != kinds[i].inserts)
			fail_msg("%s: %d", kinds[i].sql, found->kind);
		if (kinds[i].subject != NULL)
			assert_string_equal(found->subject, kinds[i].subject);
		else
			assert_null(found->subject);
		sr_description_free(found);
	}
}

static void test_kinds(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	check_kinds(f);
	assert_ok(sr_begin(f->catalog, "test"));
	check_kinds(f);
	assert_true(sr_in_transaction(f->catalog));
	assert_ok(sr_rollback(f->catalog));
}

static void test_names(void **state)
{
	catalog_fixture *f = *state;
	sr_description *found;

	catalog_open(f);
	assert_ok(sr_describe(
		f->catalog,
		"SELECT Date, TotalFiles + :add AS more FROM transfer_stats WHERE Date > @from OR "
		"TotalFiles = :add",
		&found));
	assert_int_equal(found->parameters, 2);
	assert_string_equal(found->parameter[0], ":add");
	assert_string_equal(found->parameter[1], "@from");
	assert_int_equal(found->columns, 2);
	assert_string_equal(found->column[0], "Date");
	assert_string_equal(found->column[1], "more");
	sr_description_free(found);
	assert_ok(sr_describe(f->catalog, "SELECT ?, ?4", &found));
	assert_int_equal(found->parameters, 4);
	assert_null(found->parameter[0]);
	assert_null(found->parameter[2]);
	assert_string_equal(found->parameter[3], "?4");
	sr_description_free(found);
	/* By its number, wherever it stands. */
	assert_ok(sr_describe(f->catalog, "SELECT $3, $1", &found));
	assert_int_equal(found->parameters, 3);
	assert_string_equal(found->parameter[0], "$1");
	assert_null(found->parameter[1]);
	assert_string_equal(found->parameter[2], "$3");
	sr_description_free(found);
	assert_ok(sr_describe(f->catalog,
			      "INSERT INTO transfer_stats (Date) VALUES (:d) RETURNING Date AS day",
			      &found));
	assert_int_equal(found->columns, 1);
	assert_string_equal(found->column[0], "day");
	sr_description_free(found);
	sr_description_free(NULL);
}

static void test_errors(void **state)
{
	catalog_fixture *f = *state;
	sr_description *found = NULL;

	catalog_open(f);
	assert_fails(sr_describe(f->catalog, "SELEC 1", &found), SR_SQL, "syntax error");
	assert_null(found);
	assert_fails(sr_describe(f->catalog, "SELECT * FROM nope", &found), SR_SQL,
		     "no such table: nope");
	assert_fails(sr_describe(f->catalog, "SELECT nope FROM files", &found), SR_SQL,
		     "no such column: nope");
	assert_fails(sr_describe(f->catalog, "SELECT 1; SELECT 2", &found), SR_SQL,
		     "only one statement");
	assert_fails(sr_describe(f->catalog, "PRAGMA foreign_keys = 0; SELECT 2", &found), SR_SQL,
		     "only one statement");
	assert_fails(sr_describe(f->catalog, NULL, &found), SR_INVALID, "no SQL statement");
}

/* SQLite obeys many pragmas while it prepares them. */
static void test_nothing_happens(void **state)
{
	catalog_fixture *f = *state;
	sr_description *found;
	sqlite3_stmt *stmt;
	sr_lease *lease;

	f->options.pool_size = 1;
	catalog_open(f);
	assert_ok(sr_describe(f->catalog, "PRAGMA case_sensitive_like = 1", &found));
	sr_description_free(found);
	assert_ok(sr_describe(f->catalog, "PRAGMA cache_spill = 0", &found));
	sr_description_free(found);
	/* The only reader there is. */
	assert_ok(sr_lease_open(f->catalog, NULL, false, &lease));
	assert_int_equal(
		sqlite3_prepare_v2(sr_lease_handle(lease), "SELECT 'a' LIKE 'A'", -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(stmt, 0), 1);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	sr_lease_close(lease);
	assert_int_equal(integer(f, "SELECT 'a' LIKE 'A'"), 1);
	assert_ok(sr_begin(f->catalog, "test"));
	assert_ok(sr_describe(f->catalog, "PRAGMA defer_foreign_keys = 1", &found));
	sr_description_free(found);
	assert_int_equal(integer(f, "PRAGMA defer_foreign_keys"), 0);
	assert_ok(sr_describe(f->catalog, "PRAGMA case_sensitive_like = 1", &found));
	sr_description_free(found);
	assert_int_equal(integer(f, "SELECT 'a' LIKE 'A'"), 1);
	assert_ok(sr_rollback(f->catalog));
}

/* Another program changes a table, and what was known of it is not told any more. */
static void test_schema_changes(void **state)
{
	catalog_fixture *f = *state;
	sr_description *found;

	catalog_open(f);
	foreign_sql(f, "CREATE TABLE mine (a)");
	assert_ok(sr_describe(f->catalog, "SELECT * FROM mine", &found));
	assert_int_equal(found->columns, 1);
	sr_description_free(found);
	foreign_sql(f, "ALTER TABLE mine ADD COLUMN b");
	assert_ok(sr_describe(f->catalog, "SELECT * FROM mine", &found));
	assert_int_equal(found->columns, 2);
	sr_description_free(found);
	assert_ok(sr_begin(f->catalog, "test"));
	assert_ok(sr_execute(f->catalog, "CREATE TABLE inner_one (a, b, c)", NULL, 0, NULL));
	assert_ok(sr_describe(f->catalog, "SELECT * FROM inner_one", &found));
	assert_int_equal(found->columns, 3);
	sr_description_free(found);
	assert_ok(sr_rollback(f->catalog));
	assert_fails(sr_describe(f->catalog, "SELECT * FROM inner_one", &found), SR_SQL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_names, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_errors, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_nothing_happens, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_schema_changes, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
