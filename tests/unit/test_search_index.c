/* The search index of a catalog: right at once whoever writes, and never believed when damaged. */
#include "catalog_fixture.h"

#define FILES 6000

/* ---- Files, by another program ---- */

static int setup(void **state)
{
	catalog_fixture *f;
	int64_t rows;

	catalog_setup_client(state);
	f = *state;
	assert_int_equal(mkdir(scratch_path("received_files"), 0700), 0);
	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		       " WHERE i < 6000) INSERT INTO files (ID, FileName, OriginalPath, PathName,"
		       " ModificationDate, FileSize, ClientID)"
		       " SELECT CAST(printf('%016d', i) AS BLOB), 'name ' || i || '.txt',"
		       " '/home/' || i % 50 || '/name ' || i || '.txt',"
		       " '/home/' || i % 50 || '/name ' || i || '.txt',"
		       " strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i * 7919 % 6000, 'unixepoch'),"
		       " i, (SELECT c.ID FROM clients c) FROM n");
	assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, &rows));
	assert_int_equal(rows, FILES);
	assert_int_equal(integer(f, "SELECT Through FROM search_state"), FILES);
	return 0;
}

/* ---- Looking ---- */

static int64_t found(const catalog_fixture *f, const char *term)
{
	sr_query query;
	sr_files *files;
	const sr_file *file;
	int64_t count = 0;

	sr_query_init(&query);
	query.term = sr_text_of(term);
	query.limit = 0;
	assert_ok(sr_search(f->catalog, &query, &files));
	for (;;) {
		assert_ok(sr_files_next(files, &file));
		if (file == NULL)
			break;
		count++;
	}
	sr_files_close(files);
	return count;
}

static const char *const terms[] = {"name 59", "zebra", "5.txt", "/41/", "n", "e 6"};

/* Against SQL, which knows no index of ours. */
static void expect_right(const catalog_fixture *f)
{
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		char sql[300];

		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM files WHERE FileName LIKE '%%%s%%' OR PathName LIKE"
			 " '%%%s%%' OR OriginalPath LIKE '%%%s%%'",
			 terms[i], terms[i], terms[i]);
		assert_int_equal(found(f, terms[i]), integer(f, sql));
	}
}

/* Of that code; NULL: any, besides that no file here was ever stored. */
static bool has_finding(const catalog_fixture *f, bool full, const char *code)
{
	sr_health_options how;
	sr_health *health;
	bool has = false;

	sr_health_options_init(&how);
	how.full = full;
	assert_ok(sr_health_check(f->catalog, &how, &health));
	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *one = &health->findings[i];

		if (code != NULL ? strcmp(one->code, code) != 0
				 : one->severity == SR_SEVERITY_NOTE ||
					   strcmp(one->code, "file_missing") == 0)
			continue;
		has = true;
		if (code == NULL)
			print_message("%s\n", one->meaning);
	}
	sr_health_free(health);
	return has;
}

static void expect_healthy(const catalog_fixture *f)
{
	assert_false(has_finding(f, true, NULL));
}

/* How many steps the repair has; *is_index: whether one is of the index. */
static size_t repair(const catalog_fixture *f, bool *is_index)
{
	sr_repair_options how;
	sr_repair *plan;
	size_t count;

	sr_repair_options_init(&how);
	how.backup = false;
	assert_ok(sr_repair_plan(f->catalog, &how, &plan));
	assert_ok(sr_repair_apply(f->catalog, plan, &how));
	*is_index = false;
	for (size_t i = 0; i < plan->step_count; i++) {
		if (strcmp(plan->steps[i].code, "search_index") == 0)
			*is_index = true;
		assert_null(plan->steps[i].failure);
		assert_int_equal(plan->steps[i].done, 1);
	}
	count = plan->step_count;
	sr_repair_free(plan);
	return count;
}

static void build(const catalog_fixture *f)
{
	assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, NULL));
}

/* ---- Rows by plain SQL ---- */

#define ZEBRA(columns, values)                                                                     \
	"INTO files (" columns "ID, FileName, PathName, OriginalPath, ClientID) SELECT " values    \
	"randomblob(16), 'zebra', '/z/zebra', '/z/zebra', c.ID FROM clients c"

static void test_plain_sql(void **state)
{
	static const char *const changes[] = {
		"INSERT " ZEBRA("", ""),
		"UPDATE files SET FileName = 'zebra.txt' WHERE RowKey % 700 = 5",
		"UPDATE files SET PathName = '/zebra/41/x' WHERE RowKey = 6000",
		"UPDATE files SET OriginalPath = NULL WHERE RowKey = 59",
		"DELETE FROM files WHERE RowKey % 59 = 1",
		/* Keys by hand: behind the index, among what it has, in a gap, far off, negative.
		 */
		"INSERT " ZEBRA("RowKey, ", "7000, "),
		"INSERT OR REPLACE " ZEBRA("RowKey, ", "5900, "),
		"INSERT " ZEBRA("RowKey, ", "1, "),
		"INSERT " ZEBRA("RowKey, ", "-9223372036854775806, "),
		"INSERT " ZEBRA("RowKey, ", "9223372036854775806, "),
		"UPDATE files SET RowKey = -5 WHERE RowKey = 595",
		"UPDATE files SET RowKey = 8000 WHERE RowKey = 596",
		"UPDATE files SET rowid = 595 WHERE FileName = 'name 597.txt'",
		"REPLACE INTO files SELECT * FROM files WHERE RowKey = 598",
		"UPDATE files SET ModificationDate = '9999-12-31T23:59:59Z' WHERE RowKey < 20",
		"UPDATE files SET ModificationDate = 'never' WHERE RowKey BETWEEN 20 AND 30",
		"VACUUM",
		"DELETE FROM files WHERE RowKey > 8000",
	};
	catalog_fixture *f = *state;

	expect_right(f);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		foreign_sql(f, changes[i]);
		expect_right(f);
		expect_healthy(f);
		if (i % 5 == 4) {
			build(f);
			assert_int_equal(integer(f, "SELECT count(*) FROM search_changes"), 0);
			expect_right(f);
			expect_healthy(f);
		}
	}
	assert_int_equal(found(f, "zebra") > 10, 1);
}

/* ---- Damage ---- */

/* What a quick check-up sees, and what only one that looks at each file does. */
static const struct {
	const char *sql;
	bool quick;
} damages[] = {
	{"DELETE FROM search_segments", true},
	{"UPDATE search_segments SET Chunks = Chunks + 1", true},
	{"DELETE FROM search_chunks WHERE Chunk = 1", true},
	{"UPDATE search_state SET NextChunk = 1", true},
	{"UPDATE search_postings SET Lists = substr(Lists, 2) WHERE Key ="
	 " (SELECT Key FROM search_postings ORDER BY Key LIMIT 1 OFFSET 20)",
	 false},
	{"DELETE FROM search_postings WHERE Key ="
	 " (SELECT Key FROM search_postings ORDER BY Key LIMIT 1 OFFSET 20)",
	 false},
	{"UPDATE search_chunks SET Newest = NULL WHERE Chunk = 1", false},
	{"UPDATE search_state SET Through = Through + 1;"
	 "INSERT " ZEBRA("", "") ";"
				 "DELETE FROM search_changes",
	 false},
	{"UPDATE files SET FileName = 'zebra' WHERE RowKey = 17; DELETE FROM search_changes",
	 false},
	{"UPDATE files SET ModificationDate = '1999-01-01' WHERE RowKey = 17;"
	 "DELETE FROM search_changes",
	 false},
	{"INSERT OR REPLACE INTO search_changes SELECT 17;"
	 "UPDATE search_state SET Through = Through - 1",
	 false},
};

static void test_health_and_repair(void **state)
{
	catalog_fixture *f = *state;
	bool is_index;

	expect_healthy(f);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		build(f);
		foreign_sql(f, damages[i].sql);
		assert_int_equal(has_finding(f, false, "search_index"), damages[i].quick);
		assert_true(has_finding(f, true, "search_index"));
		assert_int_equal(repair(f, &is_index), 1);
		assert_true(is_index);
		expect_healthy(f);
		expect_right(f);
		/* And it was built, not only emptied. */
		assert_true(integer(f, "SELECT NextChunk FROM search_state") > 1);
		assert_int_equal(repair(f, &is_index), 0);
	}
}

/* Without the trigger changes are missed; made again it does not know of them. */
static void test_trigger_that_was_missing(void **state)
{
	static const char *const missed[] = {
		"DROP TRIGGER trg_files_search_update;"
		"UPDATE files SET FileName = 'zebra' WHERE RowKey = 17",
		"DROP TRIGGER trg_files_search_insert;"
		"DELETE FROM files WHERE RowKey = 18; INSERT " ZEBRA("RowKey, ", "18, "),
		"DROP TRIGGER trg_files_search_insert; DROP TRIGGER trg_files_search_update;"
		"UPDATE files SET FileName = 'zebra' WHERE RowKey = 19",
		"DROP TABLE search_changes",
		"DROP TABLE search_chunks; DROP TABLE search_state",
	};
	catalog_fixture *f = *state;

	for (size_t i = 0; i < sizeof(missed) / sizeof(missed[0]); i++) {
		bool is_index;

		foreign_sql(f, missed[i]);
		if (strstr(missed[i], "TABLE") == NULL)
			expect_right(f);
		assert_true(repair(f, &is_index) > 1);
		assert_true(is_index);
		expect_healthy(f);
		expect_right(f);
	}
	assert_int_equal(found(f, "zebra"), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_plain_sql),
		TEST(test_health_and_repair),
		TEST(test_trigger_that_was_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
