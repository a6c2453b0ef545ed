/* Connections that are kept for the next of callers' queries: what they see, and what of the one
 * before is left in them. */
#include "catalog_fixture.h"

#include <sys/wait.h>

#include "../../src/catalog/querier.h"

static bool direct(const catalog_fixture *f)
{
	return f->catalog->settings.direct;
}

static void test_kept(void **state)
{
	catalog_fixture *f = *state;
	const sr_querier *kept;
	sr_rows *rows[2];

	f->options.pool_size = 2;
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT 1"), 1);
	assert_int_equal(f->catalog->querier_count, direct(f) ? 0 : 1);
	kept = f->catalog->queriers;
	assert_int_equal(integer(f, "SELECT 2"), 2);
	assert_ptr_equal(f->catalog->queriers, kept);
	for (int i = 0; i < 2; i++)
		assert_ok(sr_query_open(f->catalog, "SELECT 1", NULL, 0, &rows[i]));
	assert_int_equal(f->catalog->querier_count, 0);
	for (int i = 0; i < 2; i++)
		sr_rows_close(rows[i]);
	assert_int_equal(f->catalog->querier_count, direct(f) ? 0 : 2);
	/* What fails leaves its connection good. */
	assert_fails(sr_query_open(f->catalog, "SELEC", NULL, 0, &rows[0]), SR_SQL, "");
	assert_int_equal(f->catalog->querier_count, direct(f) ? 0 : 2);
	/* In a transaction another connection answers. */
	assert_ok(sr_begin(f->catalog, NULL));
	assert_int_equal(integer(f, "SELECT 1"), 1);
	assert_int_equal(f->catalog->querier_count, direct(f) ? 0 : 2);
	assert_ok(sr_rollback(f->catalog));
}

/* A query that was not read to its end holds no snapshot and no value. */
static void test_nothing_is_left(void **state)
{
	catalog_fixture *f = *state;
	sr_value one = {.type = SR_INTEGER, .integer = 1};
	const sr_value *values;
	sr_rows *rows;

	catalog_open(f);
	foreign_sql(f, "CREATE TABLE mine (a); INSERT INTO mine VALUES (1), (2)");
	for (int i = 0; i < 2; i++) {
		assert_ok(sr_query_open(f->catalog, "SELECT a FROM mine WHERE a >= ?", &one, 1,
					&rows));
		assert_ok(sr_rows_next(rows, &values));
		assert_int_equal(values[0].integer, 1 + i);
		sr_rows_close(rows);
		foreign_sql(f, "DELETE FROM mine WHERE a = 1");
		assert_int_equal(integer(f, "SELECT count(*) FROM mine"), 1);
	}
	assert_fails(sr_query_open(f->catalog, "SELECT a FROM mine WHERE a >= ?", NULL, 0, &rows),
		     SR_INVALID, "takes 1 value,");
}

/* A statement that is known already has the columns of now. */
static void test_schema_changes(void **state)
{
	catalog_fixture *f = *state;
	const sr_value *values;
	sr_rows *rows;

	catalog_open(f);
	foreign_sql(f, "CREATE TABLE mine (a); INSERT INTO mine VALUES (2)");
	for (size_t columns = 1; columns <= 2; columns++) {
		assert_ok(sr_query_open(f->catalog, "SELECT * FROM mine", NULL, 0, &rows));
		assert_int_equal(sr_rows_columns(rows), columns);
		assert_ok(sr_rows_next(rows, &values));
		assert_int_equal(values[columns - 1].integer, columns == 1 ? 2 : 7);
		sr_rows_close(rows);
		if (columns == 1)
			foreign_sql(f, "ALTER TABLE mine ADD COLUMN b DEFAULT 7");
	}
	assert_ok(sr_query_open(f->catalog, "SELECT * FROM mine", NULL, 0, &rows));
	foreign_sql(f, "ALTER TABLE mine ADD COLUMN c DEFAULT 8");
	assert_fails(sr_rows_next(rows, &values), SR_SQL, "open it again");
	assert_null(values);
	sr_rows_close(rows);
	foreign_sql(f, "DROP TABLE mine");
	assert_fails(sr_query_open(f->catalog, "SELECT * FROM mine", NULL, 0, &rows), SR_SQL,
		     "no such table");
}

static void move(const catalog_fixture *f, const char *suffix, bool may_lack)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s%s", f->path, suffix);
	snprintf(to, sizeof(to), "%s.old%s", f->path, suffix);
	assert_true(rename(from, to) == 0 || may_lack);
}

/* Another file in the place of the database is what a new connection would read. */
static void test_file_replaced(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM sqlite_master WHERE name = 'other'"), 0);
	move(f, "", false);
	move(f, "-wal", true);
	move(f, "-shm", true);
	foreign_sql(f, "CREATE TABLE other (a); INSERT INTO other VALUES (5)");
	assert_int_equal(integer(f, "SELECT a FROM other"), 5);
	(void)sr_close(f->catalog);
	f->catalog = NULL;
}

/* A catalog that only reads looks at the file without locks, and must not take what it has kept
 * for what is there now. */
static void test_read_only(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	assert_ok(sr_close(f->catalog));
	f->options.read_only = true;
	catalog_open(f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(integer(f, "SELECT count(*) FROM transfer_stats"), i);
		foreign_sql(f, "INSERT INTO transfer_stats (Date) SELECT count(*) FROM "
			       "transfer_stats");
	}
	f->options.read_only = false;
}

/* Once something foreign would run, views are not read any more. */
static void test_distrusted(void **state)
{
	catalog_fixture *f = *state;
	sr_table *table;
	int version;

	catalog_open(f);
	foreign_sql(f, "CREATE VIEW seven AS SELECT 7 AS a");
	assert_int_equal(integer(f, "SELECT a FROM seven"), 7);
	foreign_sql(f, "CREATE TRIGGER planted AFTER INSERT ON files BEGIN DELETE FROM clients; "
		       "END");
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_fails(sr_fetch(f->catalog, "SELECT a FROM seven", NULL, 0, 0, &table), SR_SQL,
		     "view");
	assert_int_equal(integer(f, "SELECT 1"), 1);
}

static bool log_is_there(const catalog_fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), "%s-wal", f->path);
	return access(path, F_OK) == 0;
}

/* They close before the pool's, so that the log comes in; also where a query is closed after the
 * catalog. */
static void test_closing(void **state)
{
	catalog_fixture *f = *state;
	sr_rows *rows;

	f->options.timeout = 0.1;
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT 1"), 1);
	assert_ok(sr_close(f->catalog));
	assert_false(log_is_there(f));
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT 1"), 1);
	assert_ok(sr_query_open(f->catalog, "SELECT 1", NULL, 0, &rows));
	assert_fails(sr_close(f->catalog), SR_BUSY, "sr_query_open");
	sr_rows_close(rows);
	f->catalog = NULL;
	assert_false(log_is_there(f));
}

static int use_in_child(catalog_fixture *f)
{
	sr_table *table;
	sr_status rc = sr_fetch(f->catalog, "SELECT 1", NULL, 0, 0, &table);

	return rc != SR_FORKED || sr_close(f->catalog) != SR_OK;
}

static void test_fork(void **state)
{
	catalog_fixture *f = *state;
	pid_t child;
	int status;

	catalog_open(f);
	assert_int_equal(integer(f, "SELECT 1"), 1);
	if ((child = fork()) == 0) {
		alarm(60);
		_exit(use_in_child(f));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	foreign_sql(f, "INSERT INTO transfer_stats (Date) VALUES ('x')");
	assert_int_equal(integer(f, "SELECT count(*) FROM transfer_stats"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_left, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_schema_changes, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_file_replaced, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_read_only, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_distrusted, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_closing, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_fork, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
