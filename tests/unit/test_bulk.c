/* Many files in one call: rows are inserted without triggers, and everything that triggers count,
 * keep and refuse comes out as if they had fired. */
#include <math.h>

#include "counters.h"

#define MANY 200

/* ---- What must hold ---- */

/* One row by SQL and one by the library are counted by nobody but the triggers. */
static void check_triggers(const catalog_fixture *f)
{
	static unsigned number;
	char path[40];
	sr_file file;

	snprintf(path, sizeof(path), "/alone/%u", number++);
	file = file_at(f, path);
	file.size = 77;
	assert_int_equal(save(f, &file), SR_ADDED);
	check_counters(f);
	assert_ok(sr_execute(f->catalog,
			     "UPDATE files SET FileSize = FileSize + 1 WHERE "
			     "OriginalPath LIKE '/alone/%'",
			     NULL, 0, NULL));
	check_counters(f);
}

/* ---- Files of every kind ---- */

typedef struct many {
	char paths[MANY][24];
	sr_file files[MANY];
	sr_outcome outcomes[MANY];
	sr_saved saved;
} many;

static void fill(const catalog_fixture *f, many *m, const char *folder)
{
	static const char *const dates[] = {
		NULL,        "2026-01-31T10:00:00Z", "2026-01-31",
		"31.1.2026", "2026-02-0\xff",        "20260101",
	};
	static const char *const categories[] = {NULL, "image", "document", "caf\xe9", NULL};
	static const int64_t sizes[] = {
		SR_NULL_INTEGER, 0,      1,       1023,     1024,       16383,
		16384,           262143, 4194304, 67108864, 1073741823, INT64_C(1) << 40};

	for (unsigned i = 0; i < MANY; i++) {
		sr_file *file = &m->files[i];

		snprintf(m->paths[i], sizeof(m->paths[i]), "%s/%u", folder, i);
		*file = i % 7 ? file_at(f, m->paths[i]) : file_named(f, m->paths[i] + 1);
		file->date = sr_text_of(dates[i % 6]);
		file->category = sr_text_of(categories[i % 5]);
		file->size = sizes[i % 12];
		file->verified = i % 3 == 0;
	}
}

static sr_status save_many(const catalog_fixture *f, many *m)
{
	return sr_file_save(f->catalog, m->files, MANY, m->outcomes, NULL, &m->saved);
}

static void test_as_one_by_one(void **state)
{
	catalog_fixture *f = *state;
	int64_t totals, bytes;
	many m;

	fill(f, &m, "/a");
	assert_ok(save_many(f, &m));
	assert_int_equal(m.saved.added, MANY);
	check_counters(f);
	totals = integer(f, "SELECT count(*) FROM file_totals");
	bytes = integer(f, "SELECT sum(Bytes * (SizeClass + 1) * (Verified + 1)) FROM file_totals");
	check_triggers(f);
	foreign_sql(f, "DELETE FROM files");
	check_counters(f);
	foreign_sql(f, "DELETE FROM file_totals");
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(save(f, &m.files[i]), SR_ADDED);
	check_counters(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_totals"), totals);
	assert_int_equal(integer(f, "SELECT sum(Bytes * (SizeClass + 1) * (Verified + 1)) FROM "
				    "file_totals"),
			 bytes);
}

/* Known ones among them, changed, corrected, unchanged, and the same one again. */
static void test_known_among_them(void **state)
{
	catalog_fixture *f = *state;
	many m;

	fill(f, &m, "/a");
	assert_ok(save_many(f, &m));
	for (unsigned i = 0; i < MANY; i += 2)
		snprintf(m.paths[i], sizeof(m.paths[i]), "/b/%u", i);
	for (unsigned i = 1; i < MANY; i += 4)
		m.files[i].size = 5 + i;
	m.files[3].mime_type = sr_text_of("text/plain");
	m.files[0] = m.files[1];
	m.files[0].size = 1;
	m.files[MANY - 1] = m.files[2];
	for (unsigned i = 2; i < MANY; i += 2)
		m.files[i].original_path = sr_text_of(m.paths[i]);
	m.files[MANY - 1].original_path = sr_text_of(m.paths[2]);
	m.files[MANY - 1].size = 4000;
	assert_ok(save_many(f, &m));
	/* In the order in which they were given: file 1 is first 1 byte long, then 6. */
	assert_int_equal(m.outcomes[0], SR_CHANGED);
	assert_int_equal(m.outcomes[1], SR_CHANGED);
	assert_int_equal(m.outcomes[2], SR_ADDED);
	assert_int_equal(m.outcomes[3], SR_UNCHANGED);
	assert_int_equal(m.outcomes[MANY - 1], SR_CHANGED);
	assert_int_equal(integer(f, "SELECT FileSize FROM files WHERE OriginalPath = '/a/1'"), 6);
	assert_int_equal(integer(f, "SELECT FileSize FROM files WHERE OriginalPath = '/b/2'"),
			 4000);
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE MimeType = 'text/plain'"), 1);
	assert_int_equal(m.saved.added + m.saved.changed + m.saved.unchanged, MANY);
	check_counters(f);
	check_triggers(f);
}

/* ---- Failing ---- */

/* After it failed in its middle nothing is counted, and triggers fire again. */
static void test_fails_inside(void **state)
{
	catalog_fixture *f = *state;
	many m;

	foreign_sql(f, "CREATE UNIQUE INDEX mine ON files (Inode)");
	fill(f, &m, "/a");
	m.files[MANY / 2].inode = m.files[MANY / 2 + 1].inode = 7;
	assert_int_equal(save_many(f, &m), SR_CONSTRAINT);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 0);
	assert_int_equal(integer(f, "SELECT coalesce(sum(Files), 0) FROM file_totals"), 0);
	check_counters(f);
	check_triggers(f);
}

static void test_rolled_back(void **state)
{
	catalog_fixture *f = *state;
	many m;

	fill(f, &m, "/a");
	assert_ok(sr_begin(f->catalog, "outer"));
	assert_ok(save_many(f, &m));
	assert_ok(sr_begin(f->catalog, "inner"));
	fill(f, &m, "/b");
	assert_ok(save_many(f, &m));
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), MANY);
	check_counters(f);
	check_triggers(f);
	assert_ok(sr_begin(f->catalog, "outer"));
	assert_ok(save_many(f, &m));
	assert_ok(sr_rollback(f->catalog));
	check_counters(f);
	check_triggers(f);
}

/* ---- Quotas ---- */

static void test_quota(void **state)
{
	catalog_fixture *f = *state;
	many m;

	fill(f, &m, "/a");
	for (unsigned i = 0; i < MANY; i++)
		m.files[i].size = 10;
	/* Room for all, and warned when 80 % are used. */
	assert_ok(sr_quota_set(f->catalog, &f->client, (int64_t)10 * MANY, NAN, NULL));
	assert_ok(save_many(f, &m));
	assert_int_equal(integer(f, "SELECT UsedBytes FROM client_quotas"), 10 * MANY);
	assert_int_equal(integer(f, "SELECT WarnedAt IS NOT NULL FROM client_quotas"), 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'quota_warning'"),
			 1);
	check_counters(f);
	/* Room for ten more: those that come first get it. */
	assert_ok(sr_quota_set(f->catalog, &f->client, (int64_t)10 * (MANY + 10), NAN, NULL));
	fill(f, &m, "/b");
	for (unsigned i = 0; i < MANY; i++)
		m.files[i].size = 10;
	assert_int_equal(save_many(f, &m), SR_QUOTA);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(m.outcomes[i], i < 10 ? SR_ADDED : SR_OVER_QUOTA);
	check_counters(f);
	assert_ok(sr_quota_clear(f->catalog, &f->client, NULL));
	check_triggers(f);
}

/* Keys that the search index has passed are given again: it has to hear of the new rows. */
static void test_keys_turned_back(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *found;
	sr_files *files;
	sr_query query;
	many m;

	fill(f, &m, "/before");
	assert_ok(save_many(f, &m));
	assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, NULL));
	foreign_sql(f, "DELETE FROM files; DELETE FROM sqlite_sequence");
	fill(f, &m, "/after");
	assert_ok(save_many(f, &m));
	assert_int_equal(integer(f, "SELECT min(RowKey) FROM files"), 1);
	check_counters(f);
	sr_query_init(&query);
	query.term = sr_text_of("after/12");
	assert_ok(sr_search(f->catalog, &query, &files));
	assert_ok(sr_files_next(files, &found));
	assert_non_null(found);
	sr_files_close(files);
}

/* ---- Others' triggers ---- */

static void test_foreign_triggers(void **state)
{
	catalog_fixture *f = *state;
	many m;

	foreign_sql(f, "CREATE TABLE seen (ID); CREATE TRIGGER mine AFTER INSERT ON files BEGIN"
		       " INSERT INTO seen VALUES (NEW.ID); END");
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	setenv("TRUST_FOREIGN_TRIGGERS", "1", 1);
	catalog_open(f);
	unsetenv("TRUST_FOREIGN_TRIGGERS");
	fill(f, &m, "/a");
	assert_ok(save_many(f, &m));
	assert_int_equal(integer(f, "SELECT count(*) FROM seen"), MANY);
	check_counters(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_as_one_by_one),
		TEST(test_known_among_them),
		TEST(test_fails_inside),
		TEST(test_rolled_back),
		TEST(test_quota),
		TEST(test_keys_turned_back),
		TEST(test_foreign_triggers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
