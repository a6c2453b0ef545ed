/* Callers' own SQL: what runs, what is refused, and transactions of a thread. */
#include "catalog_fixture.h"

#include <pthread.h>
#include <sqlite3.h>

#define COUNT "SELECT count(*) FROM transfer_stats"

static sr_value text_value(const char *text)
{
	return (sr_value){.type = SR_TEXT, .text = sr_text_of(text)};
}

static void insert(const catalog_fixture *f, const char *date)
{
	sr_value value = text_value(date);

	assert_ok(sr_execute(f->catalog, "INSERT INTO transfer_stats (Date) VALUES ($1)", &value, 1,
			     NULL));
}

static void test_execute(void **state)
{
	catalog_fixture *f = *state;
	sr_value values[4] = {text_value("a"),
			      {.type = SR_INTEGER, .integer = 1},
			      text_value("b"),
			      {.type = SR_INTEGER, .integer = 2}};
	const char *sql = "INSERT INTO transfer_stats (Date, TotalFiles) VALUES (?, ?)";
	sr_executed executed = {0};

	catalog_open(f);
	assert_ok(sr_execute_many(f->catalog, sql, values, 2, 2, &executed));
	assert_int_equal(executed.changes, 2);
	assert_int_equal(integer(f, "SELECT sum(TotalFiles) FROM transfer_stats"), 3);
	/* The second row breaks the key: none of both stays. */
	values[0] = text_value("c");
	assert_fails(sr_execute_many(f->catalog, sql, values, 2, 2, &executed), SR_CONSTRAINT,
		     "row 2");
	assert_int_equal(executed.changes, 2);
	assert_int_equal(integer(f, COUNT), 2);
	assert_ok(sr_execute(f->catalog, "UPDATE transfer_stats SET TotalFiles = 9", NULL, 0,
			     &executed));
	assert_int_equal(executed.changes, 2);
	assert_fails(sr_execute(f->catalog, sql, values, 1, NULL), SR_INVALID, "");
	assert_fails(sr_execute(f->catalog, "UPDAT x", NULL, 0, NULL), SR_SQL, "");
	assert_fails(sr_execute(f->catalog, " ;", NULL, 0, NULL), SR_INVALID, "");
	assert_ok(sr_execute_script(f->catalog, "DELETE FROM transfer_stats; INSERT INTO "
						"transfer_stats (Date) VALUES ('x;y')"));
	assert_int_equal(integer(f, COUNT), 1);
	assert_fails(
		sr_execute_script(f->catalog,
				  "INSERT INTO transfer_stats (Date) VALUES ('z'); INSERT INTO "
				  "transfer_stats (Date) VALUES ('z')"),
		SR_CONSTRAINT, "");
	assert_int_equal(integer(f, COUNT), 1);
}

static int64_t checkpoints(const catalog_fixture *f)
{
	sr_pool_statistics now;

	assert_ok(sr_pool_statistics_get(f->catalog, &now));
	return now.checkpoints;
}

/* What callers write is copied out of the log as well, beside them or when they are done, so that
 * it does not grow with all that they write. */
static void test_log_is_tended(void **state)
{
	const char *wide = "INSERT INTO wide VALUES (zeroblob(9 << 20))";
	catalog_fixture *f = *state;
	sr_pool_statistics now;
	int64_t before;

	catalog_open(f);
	assert_ok(sr_execute(f->catalog, "CREATE TABLE wide (b)", NULL, 0, NULL));
	before = checkpoints(f);
	for (int written = 0; written < 360; written += 18) {
		assert_ok(sr_execute_many(f->catalog, wide, NULL, 2, 0, NULL));
		assert_ok(sr_pool_statistics_get(f->catalog, &now));
		assert_true(now.log_bytes < 200 << 20);
	}
	assert_true(now.checkpoints > before);
	/* And after a transaction of the thread's own. */
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_execute_many(f->catalog, wide, NULL, 3, 0, NULL));
	before = checkpoints(f);
	assert_ok(sr_commit(f->catalog));
	while (checkpoints(f) == before)
		usleep(1000);
}

static void test_dangerous(void **state)
{
	catalog_fixture *f = *state;
	static const char *const bad[] = {
		"DROP TABLE files",
		"DELETE FROM clients",
		"DELETE FROM clients WHERE 1",
		"ATTACH 'x' AS y",
		"BEGIN",
		"COMMIT",
		"ROLLBACK",
		"SAVEPOINT s",
		"PRAGMA writable_schema = 1",
	};

	catalog_open(f);
	(void)add_client(f, "a");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_fails(sr_execute(f->catalog, bad[i], NULL, 0, NULL), SR_REFUSED,
			     i < 4 ? "potentially dangerous operations" : "");
		if (i < 4)
			assert_says("DANGEROUS_OPERATIONS_BLOCKED");
		assert_fails(sr_execute_script(f->catalog, bad[i]), SR_REFUSED, "");
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
	assert_fails(sr_execute(f->catalog, "COMMIT", NULL, 0, NULL), SR_REFUSED, "sr_commit");
	assert_ok(sr_close(f->catalog));
	f->options.block_dangerous = 0;
	catalog_open(f);
	assert_ok(sr_execute(f->catalog, "DELETE FROM clients", NULL, 0, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 0);
	assert_fails(sr_execute(f->catalog, "COMMIT", NULL, 0, NULL), SR_REFUSED, "");
}

/* It would run with each save, so the catalog would be one that only reads from then on. */
static void test_foreign_triggers(void **state)
{
	static const char make[] = "CREATE TRIGGER mine AFTER INSERT ON files BEGIN "
				   "DELETE FROM metrics_history; END";
	catalog_fixture *f = *state;

	for (int block = 1; block >= 0; block--) {
		f->options.block_dangerous = block;
		catalog_open(f);
		assert_fails(sr_execute(f->catalog, make, NULL, 0, NULL), SR_REFUSED,
			     "TRUST_FOREIGN_TRIGGERS");
		assert_ok(sr_execute(f->catalog, "CREATE VIEW v AS SELECT * FROM files", NULL, 0,
				     NULL));
		assert_ok(sr_execute(f->catalog, "DROP VIEW v", NULL, 0, NULL));
		assert_ok(sr_close(f->catalog));
		f->catalog = NULL;
	}
	setenv("TRUST_FOREIGN_TRIGGERS", "true", 1);
	catalog_open(f);
	assert_ok(sr_execute(f->catalog, make, NULL, 0, NULL));
	unsetenv("TRUST_FOREIGN_TRIGGERS");
}

static void test_reading(void **state)
{
	catalog_fixture *f = *state;
	const sr_value *values;
	sr_value number = {.type = SR_INTEGER, .integer = 3};
	sr_table *table;
	sr_rows *rows;
	int count = 0;

	catalog_open(f);
	assert_ok(sr_query_open(
		f->catalog,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
		"i < $1) SELECT i, NULL AS nil, x'00ff' AS bytes FROM n",
		&number, 1, &rows));
	assert_int_equal(sr_rows_columns(rows), 3);
	assert_string_equal(sr_rows_name(rows, 1), "nil");
	assert_null(sr_rows_name(rows, 3));
	for (;;) {
		assert_ok(sr_rows_next(rows, &values));
		if (values == NULL)
			break;
		assert_int_equal(values[0].integer, ++count);
		assert_int_equal(values[1].type, SR_NULL);
		assert_int_equal(values[2].text.length, 2);
	}
	assert_ok(sr_rows_next(rows, &values));
	assert_null(values);
	assert_int_equal(count, 3);
	sr_rows_close(rows);
	assert_ok(sr_fetch(f->catalog, "VALUES ('a'), ('b'), ('c')", NULL, 0, 2, &table));
	assert_int_equal(table->rows, 2);
	assert_string_equal(table->values[1].text.data, "b");
	sr_table_free(table);
	assert_ok(sr_fetch(f->catalog, "SELECT 1 WHERE 0", NULL, 0, 0, &table));
	assert_int_equal(table->rows, 0);
	assert_int_equal(table->columns, 1);
	sr_table_free(table);
	assert_fails(sr_fetch(f->catalog, "SELECT nope", NULL, 0, 0, &table), SR_SQL, "");
	assert_null(table);
}

static void refuse_reading(const catalog_fixture *f)
{
	static const char *const bad[] = {
		"DELETE FROM clients",
		"INSERT INTO transfer_stats (Date) VALUES ('w') RETURNING Date",
		"ATTACH 'x' AS y",
		"PRAGMA journal_mode = DELETE",
		"PRAGMA query_only = 0",
		"BEGIN",
		"CREATE TABLE t (a)",
		"SELECT load_extension('x')",
	};
	sr_table *table;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sr_status rc = sr_fetch(f->catalog, bad[i], NULL, 0, 0, &table);

		if (rc != SR_REFUSED && rc != SR_READ_ONLY)
			fail_msg("%s: %s", bad[i], sr_status_name(rc));
		assert_string_not_equal(sr_error_message(), "");
		assert_null(table);
	}
}

static void test_reading_refuses(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	refuse_reading(f);
	assert_ok(sr_begin(f->catalog, "test"));
	refuse_reading(f);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 0);
}

/* Pragmas that programs ask on every connection. */
static void read_pragmas(const catalog_fixture *f)
{
	static const char *const telling[] = {
		"PRAGMA integrity_check",     "PRAGMA quick_check",
		"PRAGMA quick_check(1)",      "PRAGMA table_info(files)",
		"PRAGMA index_list(files)",   "PRAGMA compile_options",
		"PRAGMA database_list",       "PRAGMA journal_mode",
		"PRAGMA page_size",           "PRAGMA table_info('files')",
		"pragma TABLE_INFO(clients)", "PRAGMA encoding",
		"PRAGMA main.page_count",     "PRAGMA cache_size",
		"PRAGMA synchronous",
	};
	sr_table *table;

	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
		assert_ok(sr_fetch(f->catalog, telling[i], NULL, 0, 0, &table));
		if (table->rows == 0 || table->columns == 0)
			fail_msg("%s tells nothing", telling[i]);
		sr_table_free(table);
	}
	assert_ok(sr_fetch(f->catalog, "PRAGMA integrity_check", NULL, 0, 0, &table));
	assert_text(table->values[0].text, "ok");
	sr_table_free(table);
	assert_ok(sr_fetch(f->catalog, "PRAGMA foreign_key_check", NULL, 0, 0, &table));
	assert_int_equal(table->rows, 0);
	sr_table_free(table);
	assert_ok(sr_fetch(f->catalog, "PRAGMA journal_mode", NULL, 0, 0, &table));
	assert_text(table->values[0].text, "wal");
	sr_table_free(table);
	assert_int_equal(integer(f, "PRAGMA foreign_keys"), 1);
	assert_int_equal(integer(f, "PRAGMA user_version"), 0);
	assert_true(integer(f, "PRAGMA page_count") > 10);
	assert_true(integer(f, "PRAGMA freelist_count") >= 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM sqlite_master WHERE name = 'files'"), 1);
}

static void test_pragmas(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	read_pragmas(f);
	assert_ok(sr_begin(f->catalog, "test"));
	insert(f, "x");
	read_pragmas(f);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 1);
}

static void test_returned_rows(void **state)
{
	catalog_fixture *f = *state;
	const char *sql = "INSERT INTO transfer_stats (Date, TotalFiles) VALUES (?, 1), ('b', 2) "
			  "RETURNING Date AS day, TotalFiles, x'00ff', NULL";
	sr_value date = text_value("a");
	sr_executed executed = {0};
	sr_table *table;

	catalog_open(f);
	assert_ok(sr_execute_fetch(f->catalog, sql, &date, 1, &executed, &table));
	assert_int_equal(executed.changes, 2);
	assert_int_equal(table->columns, 4);
	assert_string_equal(table->names[0], "day");
	assert_int_equal(table->rows, 2);
	assert_text(table->values[0].text, "a");
	assert_int_equal(table->values[5].integer, 2);
	assert_int_equal(table->values[2].text.length, 2);
	assert_int_equal(table->values[3].type, SR_NULL);
	sr_table_free(table);
	assert_int_equal(integer(f, COUNT), 2);
	/* The second row breaks a key: nothing stays, and nothing comes back. */
	date = text_value("c");
	assert_fails(sr_execute_fetch(f->catalog, sql, &date, 1, &executed, &table), SR_CONSTRAINT,
		     "UNIQUE constraint failed: transfer_stats.Date");
	assert_null(table);
	assert_int_equal(integer(f, COUNT), 2);
	assert_ok(sr_execute_fetch(f->catalog, "DELETE FROM transfer_stats WHERE Date = 'a'", NULL,
				   0, NULL, &table));
	assert_int_equal(table->columns, 0);
	assert_int_equal(table->rows, 0);
	sr_table_free(table);
	/* In a transaction it is undone with it. */
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_execute_fetch(f->catalog, "DELETE FROM transfer_stats RETURNING Date", NULL, 0,
				   &executed, &table));
	assert_text(table->values[0].text, "b");
	sr_table_free(table);
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(integer(f, COUNT), 1);
	assert_fails(sr_execute_fetch(f->catalog, " ", NULL, 0, NULL, &table), SR_INVALID, "");
	assert_null(table);
}

/* Callers tell kinds of errors apart, and people search for SQLite's words. */
static void fail_in_every_way(const catalog_fixture *f)
{
	static const struct {
		const char *sql;
		sr_status status;
		const char *words;
	} bad[] = {
		{"INSERT INTO mine VALUES (1, 'b', 1, NULL)", SR_CONSTRAINT,
		 "UNIQUE constraint failed: mine.a"},
		{"INSERT INTO mine VALUES (2, 'a', 1, NULL)", SR_CONSTRAINT,
		 "UNIQUE constraint failed: mine.b"},
		{"INSERT INTO mine VALUES (2, NULL, 1, NULL)", SR_CONSTRAINT,
		 "NOT NULL constraint failed: mine.b"},
		{"UPDATE mine SET c = -1", SR_CONSTRAINT, "CHECK constraint failed: c > 0"},
		{"UPDATE mine SET d = x'00'", SR_CONSTRAINT, "FOREIGN KEY constraint failed"},
		{"INSERT INTO mine VALUES ('one', 'b', 1, NULL)", SR_CONSTRAINT,
		 "datatype mismatch"},
		{"UPDATE clients SET Name = 'a'", SR_CONSTRAINT,
		 "UNIQUE constraint failed: clients.Name"},
		{"UPDATE mine SET", SR_SQL, "incomplete input"},
		{"INSERT INTO mine VALUES (1,, 2)", SR_SQL, "near \",\": syntax error"},
		{"INSERT INTO x VALUES (1)", SR_SQL, "no such table: x"},
		{"UPDATE mine SET nope = 1", SR_SQL, "no such column: nope"},
		{"INSERT INTO mine (nope) VALUES (1)", SR_SQL, "has no column named nope"},
		{"INSERT INTO mine VALUES (1, 2)", SR_SQL, "has 4 columns but 2 values"},
		{"SELECT FileCategory FROM clients", SR_SQL, "no such column: FileCategory"},
		{"SELECT nope(1)", SR_SQL, "no such function: nope"},
		{"UPDATE mine SET c = ?", SR_INVALID, "takes 1 value, not 0"},
		{"UPDATE mine SET c = 1; UPDATE mine SET c = 2", SR_SQL, "only one statement"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool reads = strncmp(bad[i].sql, "SELECT", 6) == 0;
		sr_table *table = NULL;

		assert_fails(sr_execute(f->catalog, bad[i].sql, NULL, 0, NULL), bad[i].status,
			     bad[i].words);
		assert_fails(sr_execute_fetch(f->catalog, bad[i].sql, NULL, 0, NULL, &table),
			     bad[i].status, bad[i].words);
		if (reads)
			assert_fails(sr_fetch(f->catalog, bad[i].sql, NULL, 0, 0, &table),
				     bad[i].status, bad[i].words);
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM mine WHERE c = 1"), 1);
}

static void test_errors(void **state)
{
	catalog_fixture *f = *state;
	sqlite3 *db;

	f->options.timeout = 0.05;
	catalog_open(f);
	(void)add_client(f, "a");
	(void)add_client(f, "b");
	foreign_sql(f, "CREATE TABLE mine (a INTEGER PRIMARY KEY, b UNIQUE NOT NULL, c CHECK (c > "
		       "0), d REFERENCES clients (ID)); INSERT INTO mine VALUES (1, 'a', 1, NULL)");
	fail_in_every_way(f);
	/* And one after the other in a transaction, which bears them. */
	assert_ok(sr_begin(f->catalog, "test"));
	insert(f, "kept");
	fail_in_every_way(f);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, COUNT), 1);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_fails(sr_execute(f->catalog, "DELETE FROM mine", NULL, 0, NULL), SR_BUSY,
		     "is locked by");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The figures are the statement's own and no earlier one's. */
static void test_figures(void **state)
{
	catalog_fixture *f = *state;
	sr_executed executed = {0};

	catalog_open(f);
	assert_ok(sr_execute(f->catalog, "CREATE TABLE mine (a INTEGER PRIMARY KEY, b)", NULL, 0,
			     &executed));
	assert_int_equal(executed.changes, 0);
	assert_ok(sr_execute(f->catalog, "INSERT INTO mine VALUES (41, 1), (42, 2)", NULL, 0,
			     &executed));
	assert_int_equal(executed.changes, 2);
	assert_int_equal(executed.last_row_id, 42);
	assert_ok(sr_execute(f->catalog, "CREATE INDEX on_b ON mine (b)", NULL, 0, &executed));
	assert_int_equal(executed.changes, 0);
	assert_int_equal(executed.last_row_id, 0);
	assert_ok(sr_execute(f->catalog, "UPDATE mine SET b = 3", NULL, 0, &executed));
	assert_int_equal(executed.changes, 2);
	assert_int_equal(executed.last_row_id, 0);
	assert_ok(sr_execute(f->catalog, "INSERT OR IGNORE INTO mine VALUES (41, 1)", NULL, 0,
			     &executed));
	assert_int_equal(executed.changes, 0);
	assert_int_equal(executed.last_row_id, 0);
	assert_ok(sr_execute(f->catalog, "SELECT 1", NULL, 0, &executed));
	assert_int_equal(executed.changes, 0);
}

/* What another thread sees of the table. */
static void *other_thread(void *arg)
{
	static int64_t seen;

	seen = integer(arg, COUNT);
	return &seen;
}

static int64_t seen_elsewhere(const catalog_fixture *f)
{
	pthread_t thread;
	void *seen;

	assert_int_equal(pthread_create(&thread, NULL, other_thread, (void *)(uintptr_t)f), 0);
	assert_int_equal(pthread_join(thread, &seen), 0);
	return *(int64_t *)seen;
}

static void test_transactions(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	assert_fails(sr_commit(f->catalog), SR_INVALID, "");
	assert_fails(sr_rollback(f->catalog), SR_INVALID, "");
	assert_ok(sr_begin(f->catalog, "outer"));
	insert(f, "1");
	assert_int_equal(integer(f, COUNT), 1);
	assert_int_equal(seen_elsewhere(f), 0);
	assert_ok(sr_begin(f->catalog, "inner"));
	insert(f, "2");
	(void)add_client(f, "joined");
	assert_int_equal(integer(f, COUNT), 2);
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(integer(f, COUNT), 1);
	assert_ok(sr_begin(f->catalog, NULL));
	insert(f, "3");
	/* A failure spoils itself alone. */
	assert_fails(sr_execute(f->catalog, "INSERT INTO transfer_stats (Date) VALUES ('3')", NULL,
				0, NULL),
		     SR_CONSTRAINT, "");
	assert_ok(sr_commit(f->catalog));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(seen_elsewhere(f), 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 0);
}

static void test_leases(void **state)
{
	catalog_fixture *f = *state;
	sr_lease *lease;

	catalog_open(f);
	assert_ok(sr_lease_open(f->catalog, "me", true, &lease));
	assert_int_equal(sqlite3_exec(sr_lease_handle(lease),
				      "BEGIN; INSERT INTO transfer_stats (Date) VALUES ('lost')",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sr_lease_close(lease);
	assert_int_equal(integer(f, COUNT), 0);
	assert_ok(sr_lease_open(f->catalog, NULL, false, &lease));
	assert_int_not_equal(sqlite3_exec(sr_lease_handle(lease),
					  "INSERT INTO transfer_stats (Date) VALUES ('no')", NULL,
					  NULL, NULL),
			     SQLITE_OK);
	sr_lease_close(lease);
	sr_lease_close(NULL);
}

/* A door that prints must not print keys; in a transaction they are refused instead. */
static void test_hidden_keys(void **state)
{
	catalog_fixture *f = *state;
	const char *sql = "SELECT count(*) FROM clients WHERE hex(aeskey) = 'ABCD'";
	sr_client client = {.name = sr_text_of("keeper"), .aes_key = {"\xab\xcd", 2}};

	catalog_open(f);
	sr_id_new(&client.id);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
	assert_int_equal(integer(f, sql), 1);
	assert_ok(sr_close(f->catalog));
	f->options.hide_keys = true;
	catalog_open(f);
	assert_int_equal(integer(f, sql), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_fails(sr_fetch(f->catalog, sql, NULL, 0, 1, &(sr_table *){NULL}), SR_REFUSED,
		     "keys are hidden");
	assert_fails(sr_execute_fetch(f->catalog, "UPDATE clients SET LastSeen = '' RETURNING *",
				      NULL, 0, NULL, &(sr_table *){NULL}),
		     SR_REFUSED, "keys are hidden");
	/* Nor where a query that was allowed comes to mean something else. */
	assert_ok(sr_execute(f->catalog, "CREATE VIEW seen AS SELECT 1 AS a", NULL, 0, NULL));
	assert_int_equal(integer(f, "SELECT a FROM seen"), 1);
	assert_ok(sr_execute_script(f->catalog,
				    "DROP VIEW seen; CREATE VIEW seen AS SELECT AESKey AS a FROM "
				    "clients"));
	assert_fails(sr_fetch(f->catalog, "SELECT a FROM seen", NULL, 0, 1, &(sr_table *){NULL}),
		     SR_REFUSED, "keys are hidden");
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_execute(f->catalog, "UPDATE clients SET LastSeen = '' RETURNING *", NULL, 0,
			     NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_execute, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_log_is_tended, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_dangerous, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_foreign_triggers, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_reading, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_reading_refuses, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_pragmas, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_returned_rows, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_errors, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_figures, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_transactions, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_hidden_keys, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_leases, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
