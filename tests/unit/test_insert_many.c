/* Many rows by a caller's statement: inserted without triggers where that comes to the same, and
 * with them where it does not. */
#include <math.h>

#include "catalog/insert_many.h"
#include "counters.h"

#define ROWS    40
#define COLUMNS 6

#define INSERT                                                                                     \
	"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ModificationDate, "        \
	"ClientID)"                                                                                \
	" VALUES (?, ?, ?, ?, ?, ?, ?)"

enum { ID, NAME, PATH, VERIFIED, SIZE, DATE, CLIENT, WIDTH };

typedef struct rows {
	sr_id ids[ROWS];
	char names[ROWS][16];
	sr_value values[ROWS][WIDTH];
} rows;

static sr_value text(const char *string)
{
	return (sr_value){.type = SR_TEXT, .text = sr_text_of(string)};
}

static sr_value blob(const sr_id *id)
{
	return (sr_value){.type = SR_BLOB, .text = {(const char *)id->bytes, sizeof(id->bytes)}};
}

static sr_value integer_value(int64_t integer)
{
	return (sr_value){.type = SR_INTEGER, .integer = integer};
}

static void fill(const catalog_fixture *f, rows *r)
{
	static const char *const dates[] = {"2026-01-31T10:00:00", "2026-02-01", "yesterday"};

	for (int i = 0; i < ROWS; i++) {
		sr_value *row = r->values[i];

		sr_id_new(&r->ids[i]);
		snprintf(r->names[i], sizeof(r->names[i]), "file-%d", i);
		row[ID] = blob(&r->ids[i]);
		row[NAME] = row[PATH] = text(r->names[i]);
		row[VERIFIED] = i % 5 ? integer_value(i % 2) : (sr_value){.type = SR_NULL};
		row[SIZE] = i % 7 ? integer_value(i * INT64_C(1000)) : (sr_value){.type = SR_NULL};
		row[DATE] = i % 6 ? text(dates[i % 3]) : (sr_value){.type = SR_NULL};
		row[CLIENT] = blob(&f->client);
	}
}

/* How the statement is taken, and what it did is undone. */
static sr_inserted how(const catalog_fixture *f, const char *sql, rows *r)
{
	const sr_insert_many job = {sql, r->values[0], ROWS, WIDTH};
	sr_pool *pool = f->catalog->pool;
	sr_executed executed = {0, 0};
	sr_inserted inserted;
	sr_conn *conn;

	assert_done(sr_pool_write(pool, "test", &conn));
	assert_done(sr_pool_begin(pool, "test"));
	assert_done(sr_insert_many_try(conn, &job, &executed, &inserted));
	assert_int_equal(executed.changes, inserted == SR_INSERTED_ALL ? ROWS : 0);
	assert_done(sr_pool_end(pool, false));
	sr_pool_release(pool, conn);
	return inserted;
}

static sr_status run(const catalog_fixture *f, const char *sql, rows *r, sr_executed *executed)
{
	return sr_execute_many(f->catalog, sql, r->values[0], ROWS, WIDTH, executed);
}

static void test_counted_as_triggers_would(void **state)
{
	catalog_fixture *f = *state;
	sr_executed executed;
	rows r;

	fill(f, &r);
	assert_int_equal(how(f, INSERT, &r), SR_INSERTED_ALL);
	check_counters(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 0);
	assert_ok(run(f, INSERT, &r, &executed));
	assert_int_equal(executed.changes, ROWS);
	assert_int_equal(executed.last_row_id, integer(f, "SELECT max(RowKey) FROM files"));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_totals"),
			 integer(f, "SELECT count(*) FROM (SELECT DISTINCT coalesce(Verified, 0),"
				    " FileSize IS NULL OR 1, CASE WHEN FileSize IS NULL THEN 0"
				    " WHEN FileSize < 1024 THEN 2 WHEN FileSize < 16384 THEN 3"
				    " ELSE 4 END FROM files)"));
	check_counters(f);
	/* Triggers fire again afterwards. */
	foreign_sql(f, "DELETE FROM files WHERE FileName = 'file-9'");
	assert_ok(sr_execute(f->catalog, "UPDATE files SET FileSize = 5", NULL, 0, NULL));
	check_counters(f);
}

static void test_what_forms_are_understood(void **state)
{
	static const char *const understood[] = {
		"insert or REPLACE into Files(id,filename,pathname,verified,filesize,"
		"modificationdate,clientid) values(?,?,?,?,?,?,?) ; ",
		"REPLACE INTO \"files\" (\"ID\", `FileName`, PathName, Verified, FileSize,\n"
		"\tModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"INSERT OR IGNORE INTO files (ID, FileName, PathName, Verified, FileSize, "
		"ModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
	};
	static const char *const others[] = {
		"INSERT INTO files (RowKey, FileName, PathName, Verified, FileSize, "
		"ModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ModificationDate, "
		"ClientID) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ModificationDate, "
		"ClientID) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ModificationDate, "
		"ClientID) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING ID",
		"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, CRC, "
		"ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, RecordedAt, "
		"ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"INSERT INTO files /* all */ (ID, FileName, PathName, Verified, FileSize, "
		"ModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"INSERT INTO file_versions (ID, FileName, PathName, Verified, FileSize, "
		"ModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"UPDATE files SET ID = ?, FileName = ?, PathName = ?, Verified = ?, FileSize = ?, "
		"ModificationDate = ? WHERE ClientID = ?",
		"INSERT INTO files (\"ID, FileName",
		"INSERT",
		"",
	};
	catalog_fixture *f = *state;
	rows r;

	fill(f, &r);
	for (size_t i = 0; i < sizeof(understood) / sizeof(understood[0]); i++)
		assert_int_equal(how(f, understood[i], &r), SR_INSERTED_ALL);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(how(f, others[i], &r), SR_INSERTED_NOT_TRIED);
	foreign_sql(f, "CREATE TRIGGER mine AFTER INSERT ON files BEGIN SELECT 1; END");
	assert_int_equal(how(f, INSERT, &r), SR_INSERTED_NOT_TRIED);
}

static void test_replacing(void **state)
{
	const char *sql =
		"INSERT OR REPLACE INTO files (ID, FileName, PathName, Verified, FileSize,"
		" ModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)";
	catalog_fixture *f = *state;
	sr_executed executed;
	rows r;

	fill(f, &r);
	r.ids[30] = r.ids[3]; /* The last one stays. */
	assert_int_equal(how(f, sql, &r), SR_INSERTED_UNFIT);
	assert_ok(run(f, sql, &r, &executed));
	assert_int_equal(executed.changes, ROWS);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS - 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE FileName = 'file-3'"), 0);
	check_counters(f);
	assert_ok(run(f, sql, &r, &executed));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS - 1);
	check_counters(f);
}

static void test_ignoring(void **state)
{
	const char *sql = "INSERT OR IGNORE INTO files (ID, FileName, PathName, Verified, FileSize,"
			  " ModificationDate, ClientID) VALUES (?, ?, ?, ?, ?, ?, ?)";
	catalog_fixture *f = *state;
	sr_executed executed;
	rows r;

	fill(f, &r);
	r.ids[30] = r.ids[3];
	r.values[5][NAME].type = SR_NULL;
	assert_ok(run(f, sql, &r, &executed));
	assert_int_equal(executed.changes, ROWS - 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS - 2);
	check_counters(f);
}

/* Values that a trigger may see in another way are left to it. */
static void test_odd_values(void **state)
{
	catalog_fixture *f = *state;
	const struct {
		int column;
		sr_value value;
	} odd[] = {
		{SIZE, text("12")},
		{SIZE, text("large")},
		{SIZE, {.type = SR_REAL, .real = 1.5}},
		{SIZE, integer_value(INT64_MAX)},
		{VERIFIED, text("yes")},
		{VERIFIED, {.type = SR_REAL, .real = 0.5}},
		{DATE, integer_value(20260131)},
		{DATE, blob(&f->client)},
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		rows r;

		fill(f, &r);
		r.values[20][odd[i].column] = odd[i].value;
		if (odd[i].value.type != SR_INTEGER || odd[i].column == DATE)
			assert_int_equal(how(f, INSERT, &r), SR_INSERTED_UNFIT);
		assert_ok(run(f, INSERT, &r, NULL));
		check_counters(f);
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS * 8);
}

/* The category is counted by, too, where the statement names it. */
static void test_with_a_category(void **state)
{
	static const char sql[] =
		"INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ModificationDate,"
		" ClientID, FileCategory) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
	catalog_fixture *f = *state;
	sr_value values[ROWS][WIDTH + 1];
	rows r;

	fill(f, &r);
	for (int i = 0; i < ROWS; i++) {
		memcpy(values[i], r.values[i], sizeof(r.values[i]));
		values[i][WIDTH] = text(i % 3 ? "Documents" : "Unknown");
	}
	assert_ok(sr_execute_many(f->catalog, sql, values[0], ROWS, WIDTH + 1, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE FileCategory = 'Documents'"),
			 ROWS - (ROWS + 2) / 3);
	check_counters(f);
	/* One without is for triggers. */
	fill(f, &r);
	for (int i = 0; i < ROWS; i++)
		memcpy(values[i], r.values[i], sizeof(r.values[i]));
	values[5][WIDTH].type = SR_NULL;
	assert_ok(sr_execute_many(f->catalog, sql, values[0], ROWS, WIDTH + 1, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 2 * ROWS);
	check_counters(f);
}

/* More than 2^63 bytes in all is for triggers, too. */
static void test_sums_without_end(void **state)
{
	catalog_fixture *f = *state;
	sr_id ids[1100];
	sr_value *values = calloc(1100 * WIDTH, sizeof(*values));

	assert_non_null(values);
	for (int i = 0; i < 1100; i++) {
		sr_value *row = values + i * WIDTH;

		sr_id_new(&ids[i]);
		row[ID] = blob(&ids[i]);
		row[NAME] = row[PATH] = text("large");
		row[VERIFIED] = integer_value(1);
		row[SIZE] = integer_value(INT64_MAX);
		row[DATE] = text("2026-01-31");
		row[CLIENT] = blob(&f->client);
	}
	assert_ok(sr_execute_many(f->catalog, INSERT, values, 1100, WIDTH, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 1100);
	assert_int_equal(integer(f, "SELECT Files FROM client_usage"), 1100);
	free(values);
}

static void test_a_failure_names_its_row(void **state)
{
	catalog_fixture *f = *state;
	sr_id unknown;
	rows r;

	fill(f, &r);
	sr_id_new(&unknown);
	r.values[17][CLIENT] = blob(&unknown);
	assert_fails(run(f, INSERT, &r, NULL), SR_CONSTRAINT, "row 18 of 40");
	fill(f, &r);
	r.ids[30] = r.ids[3];
	assert_fails(run(f, INSERT, &r, NULL), SR_CONSTRAINT, "row 31 of 40");
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 0);
	check_counters(f);
	assert_fails(sr_execute_many(f->catalog, INSERT, r.values[0], ROWS, COLUMNS, NULL),
		     SR_INVALID, "7 values");
}

static void test_inside_the_callers_transaction(void **state)
{
	catalog_fixture *f = *state;
	rows r, again;

	fill(f, &r);
	fill(f, &again);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(run(f, INSERT, &r, NULL));
	again.ids[ROWS - 1] = again.ids[0];
	assert_fails(run(f, INSERT, &again, NULL), SR_CONSTRAINT, "row 40 of 40");
	sr_id_new(&again.ids[ROWS - 1]);
	assert_ok(run(f, INSERT, &again, NULL));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS * 2);
	check_counters(f);
	assert_ok(sr_begin(f->catalog, NULL));
	fill(f, &r);
	assert_ok(run(f, INSERT, &r, NULL));
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS * 2);
	check_counters(f);
}

static void test_quotas_hold(void **state)
{
	catalog_fixture *f = *state;
	rows r;

	assert_ok(sr_quota_set(f->catalog, &f->client, 700000, NAN, NULL));
	assert_ok(sr_quota_enforce_set(f->catalog, true));
	fill(f, &r); /* Some 650,000 bytes. */
	assert_ok(run(f, INSERT, &r, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"
				    " WHERE ActivityType = 'quota_warning'"),
			 1);
	fill(f, &r);
	assert_int_not_equal(run(f, INSERT, &r, NULL), SR_OK);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS);
	assert_ok(sr_quota_enforce_set(f->catalog, false));
	assert_ok(run(f, INSERT, &r, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), ROWS * 2);
	check_counters(f);
}

static void test_found_by_search(void **state)
{
	catalog_fixture *f = *state;
	sr_query query;
	sr_found found;
	rows r;

	fill(f, &r);
	assert_ok(run(f, INSERT, &r, NULL));
	assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, NULL));
	fill(f, &r);
	assert_ok(run(f, INSERT, &r, NULL));
	sr_query_init(&query);
	query.term = sr_text_of("FILE-3");
	assert_ok(sr_search_count(f->catalog, &query, &found));
	assert_int_equal(found.files, 22);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counted_as_triggers_would),
		TEST(test_what_forms_are_understood),
		TEST(test_replacing),
		TEST(test_ignoring),
		TEST(test_odd_values),
		TEST(test_with_a_category),
		TEST(test_sums_without_end),
		TEST(test_a_failure_names_its_row),
		TEST(test_inside_the_callers_transaction),
		TEST(test_quotas_hold),
		TEST(test_found_by_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
