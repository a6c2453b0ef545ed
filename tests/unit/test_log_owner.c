/* A database that was replaced while the log of the other lay beside it. */
#include "catalog_fixture.h"

#include <stdlib.h>
#include <string.h>

/* Another process copies: closing a file here would drop locks on it. */
static void shell(const char *words)
{
	char command[1024];

	snprintf(command, sizeof(command), "cd '%s' && %s", scratch_folder(), words);
	assert_int_equal(system(command), 0);
}

static void save_some(const catalog_fixture *f, int from, int count)
{
	for (int i = from; i < from + count; i++) {
		char path[64];
		sr_file file;

		snprintf(path, sizeof(path), "/home/somebody/with/a/long/path/%d", i);
		file = file_at(f, path);
		save(f, &file);
	}
}

static void back_up(const catalog_fixture *f, const char *name)
{
	sr_backup_options options;

	sr_backup_options_init(&options);
	options.path = scratch_path(name);
	assert_ok(sr_backup(f->catalog, &options, NULL));
}

/* A catalog that has gone on since backup.db was made, and what a crash leaves of it:
 * crashed.db, and crashed.db-wal with all that came last. */
static void crash(catalog_fixture *f)
{
	save_some(f, 0, 100);
	back_up(f, "backup.db");
	save_some(f, 100, 100);
	assert_ok(sr_close(f->catalog));
	catalog_open(f);
	save_some(f, 200, 100);
	shell("cp catalog.db crashed.db && cp catalog.db-wal crashed.db-wal");
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
}

static sr_status open_other(const catalog_fixture *f, const char *name, sr_catalog **catalog)
{
	sr_options options = f->options;

	options.path = scratch_path(name);
	return sr_open(catalog, &options);
}

static int64_t files_of(sr_catalog *catalog)
{
	sr_table *table = NULL;
	int64_t count;

	assert_ok(sr_fetch(catalog, "SELECT count(*) FROM files", NULL, 0, 1, &table));
	count = table->values[0].integer;
	sr_table_free(table);
	return count;
}

static void test_own_log_comes_in(void **state)
{
	catalog_fixture *f = *state;
	sr_catalog *catalog;

	crash(f);
	assert_ok(open_other(f, "crashed.db", &catalog));
	assert_int_equal(files_of(catalog), 300);
	assert_ok(sr_close(catalog));
}

static void test_copied_over_is_refused(void **state)
{
	catalog_fixture *f = *state;
	sr_catalog *catalog;

	crash(f);
	shell("cp backup.db crashed.db && cp crashed.db-wal left");
	assert_int_equal(open_other(f, "crashed.db", &catalog), SR_REFUSED);
	assert_non_null(strstr(sr_error_message(), "crashed.db-wal"));
	assert_non_null(strstr(sr_error_message(), "Move the log away"));
	/* Not even the closing of what looked at it has changed anything. */
	shell("cmp backup.db crashed.db && cmp left crashed.db-wal");
	assert_int_equal(open_other(f, "crashed.db", &catalog), SR_REFUSED);
	shell("rm crashed.db-wal");
	assert_ok(open_other(f, "crashed.db", &catalog));
	assert_int_equal(files_of(catalog), 100);
	assert_ok(sr_close(catalog));
}

static void test_another_catalog_is_refused(void **state)
{
	catalog_fixture *f = *state;
	sr_catalog *catalog;

	crash(f);
	assert_ok(open_other(f, "other.db", &catalog));
	assert_ok(sr_close(catalog));
	shell("cp crashed.db-wal other.db-wal");
	assert_int_equal(open_other(f, "other.db", &catalog), SR_REFUSED);
}

/* The other way round: a restore through the library is not in danger, and is the cure. */
static void test_restore_goes_round_it(void **state)
{
	catalog_fixture *f = *state;
	sr_options options = f->options;
	sr_catalog *catalog;

	crash(f);
	shell("cp backup.db crashed.db");
	options.path = scratch_path("crashed.db");
	assert_ok(sr_restore(&options, scratch_path("backup.db"), NULL, NULL));
	assert_ok(open_other(f, "crashed.db", &catalog));
	assert_int_equal(files_of(catalog), 100);
	assert_ok(sr_close(catalog));
}

/* Pages that come and go, VACUUM, other programs: the log stays the database's own. */
static void test_whatever_was_written(void **state)
{
	static const char *const writes[] = {
		"CREATE TABLE own (x); INSERT INTO own VALUES (zeroblob(100000))",
		"DELETE FROM own",
		"VACUUM",
		"INSERT INTO own VALUES (zeroblob(900000))",
		"PRAGMA wal_checkpoint",
		"DROP TABLE own",
		"PRAGMA user_version = 7",
		"VACUUM"};
	catalog_fixture *f = *state;
	sr_catalog *catalog;

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		foreign_sql(f, writes[i]);
		save_some(f, (int)i * 10, 10);
		shell("cp catalog.db crashed.db && cp catalog.db-wal crashed.db-wal");
		assert_ok(open_other(f, "crashed.db", &catalog));
		assert_int_equal(files_of(catalog), ((int)i + 1) * 10);
		assert_ok(sr_close(catalog));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(test) cmocka_unit_test_setup_teardown(test, catalog_setup_client, catalog_teardown)
		TEST(test_own_log_comes_in),           TEST(test_copied_over_is_refused),
		TEST(test_another_catalog_is_refused), TEST(test_restore_goes_round_it),
		TEST(test_whatever_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
