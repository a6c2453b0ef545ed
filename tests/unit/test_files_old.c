/* Reading the files of databases of every age, without migrating them. */
#include "catalog_fixture.h"

#include <sqlite3.h>

#include "old_database.h"

/* What is listed is found, has a history, and stands in a folder; and nothing is written. */
static void read_one(sr_catalog *catalog, const sr_file *file)
{
	const sr_file_version *version;
	const sr_entry *entry;
	sr_versions *versions;
	sr_folder *folder;
	sr_file *found;

	assert_ok(sr_file_find(catalog, &file->client_id, file->name, &found));
	assert_int_equal(found->name.length, file->name.length);
	assert_memory_equal(found->name.data, file->name.data, file->name.length);
	assert_true(found->stored);
	sr_file_free(found);
	assert_ok(sr_version_list(catalog, &file->client_id, file->name, &versions));
	assert_ok(sr_versions_next(versions, &version));
	assert_non_null(version);
	assert_int_equal(version->number, 1);
	sr_versions_close(versions);
	assert_ok(sr_folder_open(catalog, &file->client_id, sr_text_of(""), false, &folder));
	assert_ok(sr_folder_next(folder, &entry));
	assert_non_null(entry);
	sr_folder_close(folder);
	assert_fails(sr_file_delete(catalog, &file->client_id, file->name), SR_TOO_OLD,
		     "migrate up");
	assert_fails(sr_file_save(catalog, file, 1, NULL, NULL, NULL), SR_TOO_OLD, "migrate up");
}

/* What SQLite itself counts in the file. */
static int64_t count_in(const catalog_fixture *f, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t count;

	assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count;
}

/* Searches; what the tables lack is null in every row. */
static void expect_found(const catalog_fixture *f, const sr_query *query, const char *sql)
{
	const sr_file *file;
	sr_files *cursor;
	int64_t rows = 0;

	assert_ok(sr_search(f->catalog, query, &cursor));
	for (;; rows++) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
		assert_null(file->hash.data);
		assert_null(file->original_path.data);
		assert_null(file->missing_since.data);
		assert_null(file->recorded_at.data);
		assert_int_equal(file->versions, 1);
		assert_int_equal(file->current_version, SR_NULL_INTEGER);
	}
	sr_files_close(cursor);
	assert_int_equal(rows, count_in(f, sql));
}

static void search_all(const catalog_fixture *f)
{
	sr_query query;

	sr_query_init(&query);
	query.limit = 0;
	expect_found(f, &query, "SELECT count(*) FROM files");
	query.sort = SR_SORT_PATH;
	query.term = sr_text_of("FILE1");
	expect_found(f, &query, "SELECT count(*) FROM files WHERE PathName LIKE '%file1%'");
	query.verified_only = true;
	expect_found(f, &query,
		     "SELECT count(*) FROM files WHERE PathName LIKE '%file1%' AND Verified");
	query.term = sr_text_of(NULL);
	query.file_type = sr_text_of("TXT");
	expect_found(f, &query,
		     "SELECT count(*) FROM files WHERE FileName LIKE '%.txt' AND Verified");
}

static void count_all(const catalog_fixture *f)
{
	sr_statistics *s;

	assert_ok(sr_statistics_get(f->catalog, &s));
	assert_int_equal(s->total_files, count_in(f, "SELECT count(*) FROM files"));
	assert_int_equal(s->verified_files, count_in(f, "SELECT sum(Verified) FROM files"));
	assert_int_equal(s->total_clients, count_in(f, "SELECT count(*) FROM clients"));
	assert_int_equal(s->clients_with_keys, count_in(f, "SELECT count(PublicKey) FROM clients"));
	assert_true(s->average_days_since_seen > 100);
	assert_int_equal(s->indexes_count,
			 count_in(f, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND "
				     "name NOT LIKE 'sqlite_%'"));
	sr_statistics_free(s);
}

static void read_all(catalog_fixture *f, const old_options *old)
{
	const sr_file *file;
	sr_files *cursor;
	int rows = 0;

	unlink(f->path);
	old_database_make(f->path, old);
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_ok(sr_file_list(f->catalog, NULL, &cursor));
	for (;; rows++) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
		read_one(f->catalog, file);
	}
	assert_true(rows > 0);
	sr_files_close(cursor);
	search_all(f);
	count_all(f);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
}

static void test_versions(void **state)
{
	for (int version = 0; version <= 5; version++) {
		old_options old = {.version = version, .extra_indexes = true};

		read_all(*state, &old);
	}
}

static void test_stages(void **state)
{
	for (int stage = OLD_ID_IS_CLIENT; stage <= OLD_WITHOUT_KEY; stage++) {
		old_options old = {.stage = (old_stage)stage, .ledger = OLD_LEDGER_NONE};

		read_all(*state, &old);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_versions),
		TEST(test_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
