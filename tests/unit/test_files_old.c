/* Reading the files of databases of every age, without migrating them. */
#include "catalog_fixture.h"

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
