/* The search index of a catalog: right at once whoever writes, and never believed when damaged. */
#include "catalog/health.h"
#include "catalog/search_index.h"
#include "catalog_fixture.h"
#include "fault_vfs.h"
#include "index/bytes.h"
#include "old_database.h"

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

/* Of that code; NULL: any, besides that no file here was ever stored, nor could have been. */
static bool has_finding_within(const catalog_fixture *f, const sr_health_limits *limits, bool full,
			       const char *code)
{
	sr_health_options how;
	sr_health *health;
	bool has = false;

	sr_health_options_init(&how);
	how.full = full;
	assert_done(sr_health_run(f->catalog, &how, limits, &health));
	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *one = &health->findings[i];

		if (code != NULL ? strcmp(one->code, code) != 0
				 : one->severity == SR_SEVERITY_NOTE ||
					   strcmp(one->code, "file_missing") == 0 ||
					   strcmp(one->code, "file_elsewhere") == 0)
			continue;
		has = true;
		if (code == NULL)
			print_message("%s\n", one->meaning);
	}
	sr_health_free(health);
	return has;
}

static bool has_finding(const catalog_fixture *f, bool full, const char *code)
{
	return has_finding_within(f, NULL, full, code);
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
		"INSERT " ZEBRA("RowKey, ", "-9223372036854775807, "),
		"INSERT " ZEBRA("RowKey, ", "-9223372036854775808, "),
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

	f->catalog->index_always = true;
	expect_right(f);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		foreign_sql(f, changes[i]);
		expect_right(f);
		expect_healthy(f);
		if (i % 5 == 4) {
			build(f);
			assert_int_equal(integer(f, "SELECT count(*) FROM search_changes"
						    " WHERE RowKey > -9223372036854775808"),
					 0);
			expect_right(f);
			expect_healthy(f);
		}
	}
	assert_true(found(f, "zebra") > 10);
	/* From nothing, too. */
	assert_ok(sr_search_index_build(f->catalog, true, NULL, NULL, NULL));
	expect_right(f);
	expect_healthy(f);
	f->catalog->index_always = false;
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
	 " (SELECT Key FROM search_postings ORDER BY Key LIMIT 1 OFFSET 1)",
	 false},
	{"DELETE FROM search_postings WHERE Key ="
	 " (SELECT Key FROM search_postings ORDER BY Key LIMIT 1 OFFSET 1)",
	 false},
	{"UPDATE search_chunks SET Newest = NULL WHERE Chunk = 1", false},
	{"UPDATE search_state SET Through = Through + 1;"
	 "INSERT " ZEBRA("", "") ";"
				 "DELETE FROM search_changes",
	 true},
	{"UPDATE files SET FileName = 'zebra' WHERE RowKey = 17; DELETE FROM search_changes",
	 false},
	{"UPDATE files SET ModificationDate = '1999-01-01' WHERE RowKey = 17;"
	 "DELETE FROM search_changes",
	 false},
	{"INSERT OR REPLACE INTO search_changes SELECT 17;"
	 "UPDATE search_state SET Through = Through - 1",
	 true},
	{"UPDATE search_state SET Through = 10", true},
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

/* Through how many files it goes, as others see it. */
static int64_t committed_through(const catalog_fixture *f)
{
	char *through = old_database_dump(f->path, "SELECT Through FROM search_state");
	int64_t number = strtoll(strchr(through, ':') + 1, NULL, 10);

	sqlite3_free(through);
	return number;
}

/* Yes as soon as the index that was emptied has grown, which it does piece by piece. */
static bool stop_in_the_middle(void *arg, int64_t done, int64_t total)
{
	const catalog_fixture *f = arg;
	int64_t through = committed_through(f);

	assert_true(done <= total);
	return through > 0 && through < FILES + 600;
}

/* Who has enough of it while the index is made has the repair nevertheless; later writes go on. */
static void test_repair_cancelled_while_it_builds(void **state)
{
	catalog_fixture *f = *state;
	sr_repair_options how;
	sr_repair *plan;
	int64_t through;

	/* Names so long that they are no single piece. */
	foreign_sql(f,
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)"
		    " INSERT INTO files (ID, FileName, PathName, ClientID, IsStored) SELECT"
		    " randomblob(16), 'long' || i, hex(zeroblob(30000)) || i, ID, 0 FROM n,"
		    " clients");
	build(f);
	assert_int_equal(committed_through(f), FILES + 600);
	foreign_sql(f, damages[0].sql);
	sr_repair_options_init(&how);
	how.backup = false;
	how.progress = stop_in_the_middle;
	how.progress_arg = f;
	assert_ok(sr_repair_plan(f->catalog, &how, &plan));
	sr_index_set_step(f->catalog, 100);
	assert_ok(sr_repair_apply(f->catalog, plan, &how));
	sr_index_set_step(f->catalog, 0);
	assert_int_equal(plan->step_count, 1);
	assert_int_equal(plan->steps[0].done, 1);
	sr_repair_free(plan);
	through = committed_through(f);
	assert_true(through > 0 && through < FILES + 600);
	expect_right(f);
	expect_healthy(f);
	build(f);
	assert_int_equal(committed_through(f), FILES + 600);
	expect_right(f);
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

/* ---- Damage that a search runs into ---- */

/* Warnings that hold the words. */
typedef struct listener {
	const char *words;
	int count;
} listener;

static void listen(void *arg, sr_log_level level, const char *module, const char *message)
{
	listener *l = arg;

	if (level == SR_LOG_WARNING && strcmp(module, "catalog") == 0 &&
	    strstr(message, l->words) != NULL)
		l->count++;
}

static void save_one(const catalog_fixture *f, const char *path)
{
	sr_file file = file_at(f, path);

	assert_int_equal(save(f, &file), SR_ADDED);
}

/* It is told once, the results are right, and the next write makes it anew. */
static void test_noticed_by_search(void **state)
{
	static const char *const noticed[] = {
		"UPDATE search_postings SET Lists = substr(Lists, 2)",
		"DELETE FROM search_postings WHERE Key % 2 = 0",
		"UPDATE search_chunks SET Slots = zeroblob(length(Slots))",
		"DELETE FROM search_segments",
	};
	catalog_fixture *f = *state;
	listener l = {.words = "is damaged"};

	f->catalog->index_always = true;
	sr_log_set(listen, &l);
	for (int i = 0; i < (int)(sizeof(noticed) / sizeof(noticed[0])); i++) {
		char path[32];

		foreign_sql(f, noticed[i]);
		expect_right(f);
		assert_int_equal(l.count, i + 1);
		expect_right(f);
		assert_int_equal(l.count, i + 1);
		snprintf(path, sizeof(path), "/zebra/%d", i);
		save_one(f, path);
		assert_false(has_finding(f, true, "search_index"));
		assert_true(integer(f, "SELECT Through FROM search_state") > 4000);
		expect_right(f);
		assert_int_equal(l.count, i + 1);
	}
	sr_log_set(NULL, NULL);
	f->catalog->index_always = false;
	assert_int_equal(found(f, "zebra"), 4);
}

/* Somebody who also made the state's check right asks for 34 GB of memory, in vain. */
static void test_more_chunks_than_there_is_room_for(void **state)
{
	catalog_fixture *f = *state;
	int64_t columns[] = {integer(f, "SELECT Through FROM search_state"), INT32_MAX};
	char sql[512];

	snprintf(sql, sizeof(sql),
		 "UPDATE search_segments SET Chunks = %d - FirstChunk WHERE Segment ="
		 " (SELECT Segment FROM search_segments ORDER BY FirstChunk DESC LIMIT 1);"
		 "UPDATE search_state SET NextChunk = %d,"
		 " Format = substr(Format, 1, length(Format) - 8) || '%08x'",
		 INT32_MAX, INT32_MAX, sr_check_of(columns, 2, "", 0));
	foreign_sql(f, sql);
	f->catalog->index_always = true;
	expect_right(f);
	f->catalog->index_always = false;
	assert_true(f->catalog->index_damaged);
	assert_true(has_finding(f, false, "search_index"));
	assert_true(strstr(sr_error_message(), "memory") == NULL);
}

/* What it says to have read is what the scan did, without what was read before the damage. */
static void test_explained_after_damage(void **state)
{
	catalog_fixture *f = *state;
	sr_explanation e;
	sr_query query;
	sr_files *files;

	foreign_sql(f, "INSERT " ZEBRA("", "") ";"
					       "UPDATE search_chunks SET Slots ="
					       " zeroblob(length(Slots))");
	sr_query_init(&query);
	query.term = sr_text_of("name 59");
	f->catalog->index_always = true;
	assert_ok(sr_search(f->catalog, &query, &files));
	assert_ok(sr_search_explain(files, &e));
	sr_files_close(files);
	f->catalog->index_always = false;
	assert_true(f->catalog->index_damaged);
	assert_string_equal(e.choice, "scan");
	assert_int_equal(e.candidates, FILES + 1);
	assert_int_equal(e.rechecked, FILES + 1);
	assert_int_equal(e.hits, 111);
}

/* ---- A step that fails ---- */

/* The file is saved, a warning says that searches are slower, and later the index is brought up. */
static void test_full_disk_in_a_step(void **state)
{
	catalog_fixture *f = *state;
	listener l = {.words = "the search index stays behind"};
	int64_t through = integer(f, "SELECT Through FROM search_state");
	sr_status rc;
	sr_file file;
	int hits;

	save_one(f, "/zebra before");
	assert_int_equal(integer(f, "SELECT Through FROM search_state"), through);
	sr_log_set(listen, &l);
	sr_index_set_step(f->catalog, 1);
	file = file_at(f, "/zebra");
	/* The first writes are the file's: without them it is not saved. The next ones are the
	 * step's. */
	for (int at = 1;; at++) {
		sr_outcome outcome;

		fault_arm(FAULT_WRITE, FAULT_WAL, at, SQLITE_FULL, true);
		rc = sr_file_save(f->catalog, &file, 1, &outcome, NULL, NULL);
		hits = fault_hits();
		fault_disarm();
		assert_true(hits > 0);
		if (rc == SR_OK)
			break;
		assert_int_equal(found(f, "zebra"), 1);
	}
	assert_int_equal(l.count, 1);
	assert_int_equal(integer(f, "SELECT Through FROM search_state"), through);
	assert_int_equal(found(f, "zebra"), 2);
	save_one(f, "/zebra too");
	assert_int_equal(integer(f, "SELECT Through FROM search_state"), through + 3);
	assert_int_equal(found(f, "zebra"), 3);
	assert_false(has_finding(f, true, "search_index"));
	sr_index_set_step(f->catalog, 0);
	sr_log_set(NULL, NULL);
}

/* ---- Without one, and far behind ---- */

static void test_down_and_up(void **state)
{
	catalog_fixture *f = *state;
	sr_migrate_options down;

	sr_migrate_options_init(&down);
	down.to = 15;
	down.accept_loss = true;
	assert_ok(sr_migrate(f->catalog, &down, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM sqlite_schema WHERE name LIKE"
				    " '%search%'"),
			 0);
	assert_fails(sr_search_index_build(f->catalog, false, NULL, NULL, NULL), SR_TOO_OLD,
		     "migrate up");
	expect_right(f);
	assert_false(has_finding(f, true, "search_index"));
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_int_equal(integer(f, "SELECT Through FROM search_state"), FILES);
	expect_healthy(f);
	expect_right(f);
}

/* Of 1,000 files at most; for a check-up of an own, it takes a hundred times as many. */
static void test_far_behind(void **state)
{
	const sr_health_limits limits = {
		.whole_bytes = INT64_MAX, .whole_rows = INT64_MAX, .behind_rows = 1000};
	catalog_fixture *f = *state;

	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		       " WHERE i < 1001) INSERT INTO files (ID, FileName, PathName, ClientID)"
		       " SELECT CAST(printf('b%015d', i) AS BLOB), 'more ' || i, '',"
		       " (SELECT c.ID FROM clients c) FROM n");
	assert_true(has_finding_within(f, &limits, false, "search_behind"));
	assert_false(has_finding_within(f, &limits, false, "search_index"));
	foreign_sql(f, "DELETE FROM files WHERE FileName = 'more 7'");
	assert_false(has_finding_within(f, &limits, false, "search_behind"));
	build(f);
	/* One of another format is as good as none. */
	foreign_sql(f, "UPDATE search_state SET Format = 'of tomorrow'");
	assert_true(has_finding_within(f, &limits, false, "search_behind"));
	expect_right(f);
	build(f);
	expect_healthy(f);
}

/* Who asks for the index gets a sound one, whoever noticed the damage. */
static void test_damage_before_building(void **state)
{
	static const char *const unnoticed[] = {
		"UPDATE search_postings SET Lists = zeroblob(length(Lists)) WHERE Key ="
		" (SELECT max(Key) FROM search_postings)",
		"UPDATE search_chunks SET Slots = zeroblob(length(Slots)) WHERE Chunk = 1",
	};
	catalog_fixture *f = *state;

	for (size_t i = 0; i < sizeof(unnoticed) / sizeof(unnoticed[0]); i++) {
		int64_t rows;

		foreign_sql(f, unnoticed[i]);
		assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, &rows));
		assert_int_equal(rows, FILES);
		expect_healthy(f);
		assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, &rows));
		assert_int_equal(rows, 0);
	}
}

/* Searches go on without, and what makes the index says what is missing. */
static void test_missing_tables(void **state)
{
	static const char *const tables[] = {"search_postings", "search_segments", "search_chunks"};
	catalog_fixture *f = *state;
	bool is_index;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "DROP TABLE %s", tables[i]);
		foreign_sql(f, sql);
		expect_right(f);
		assert_fails(sr_search_index_build(f->catalog, true, NULL, NULL, NULL), SR_CORRUPT,
			     "strongroom repair");
		save_one(f, tables[i]);
		assert_true(repair(f, &is_index) > 0);
		build(f);
		expect_healthy(f);
		expect_right(f);
	}
}

/* The tail is short also after a transaction that brought many, and one that did not. */
static void test_after_transactions(void **state)
{
	enum { MANY = 13000 }; /* More than one step of the index takes, and its tail. */
	catalog_fixture *f = *state;
	static sr_file files[MANY];
	static char paths[MANY][32];

	for (int i = 0; i < MANY; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/brought/%d", i);
		files[i] = file_at(f, paths[i]);
	}
	for (int kept = 0; kept < 2; kept++) {
		const int64_t before = integer(f, "SELECT Through FROM search_state");

		assert_ok(sr_begin(f->catalog, "test"));
		for (int i = 0; i < MANY; i += 500)
			assert_ok(sr_file_save(f->catalog, &files[i], 500, NULL, NULL, NULL));
		assert_int_equal(integer(f, "SELECT Through FROM search_state"), before);
		assert_ok(kept ? sr_commit(f->catalog) : sr_rollback(f->catalog));
		if (!kept)
			assert_int_equal(integer(f, "SELECT Through FROM search_state"), before);
	}
	assert_true(integer(f, "SELECT max(RowKey) - (SELECT Through FROM search_state)"
			       " FROM files") < 4096);
	expect_right(f);
	expect_healthy(f);
}

static void test_refusals(void **state)
{
	catalog_fixture *f = *state;
	int64_t rows = 7;

	assert_ok(sr_begin(f->catalog, "test"));
	assert_fails(sr_search_index_build(f->catalog, true, NULL, NULL, &rows), SR_INVALID,
		     "inside a transaction");
	assert_int_equal(rows, 0);
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_close(f->catalog));
	f->options.read_only = true;
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_fails(sr_search_index_build(f->catalog, true, NULL, NULL, &rows), SR_READ_ONLY,
		     f->path);
	expect_right(f);
}

static int setup_faults(void **state)
{
	fault_vfs_install();
	return setup(state);
}

static int teardown_faults(void **state)
{
	int failed = catalog_teardown(state);

	fault_vfs_remove();
	return failed;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_plain_sql),
		TEST(test_health_and_repair),
		TEST(test_repair_cancelled_while_it_builds),
		TEST(test_trigger_that_was_missing),
		TEST(test_noticed_by_search),
		TEST(test_more_chunks_than_there_is_room_for),
		TEST(test_explained_after_damage),
		cmocka_unit_test_setup_teardown(test_full_disk_in_a_step, setup_faults,
						teardown_faults),
		TEST(test_down_and_up),
		TEST(test_far_behind),
		TEST(test_after_transactions),
		TEST(test_missing_tables),
		TEST(test_damage_before_building),
		TEST(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
