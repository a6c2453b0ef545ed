/* What clients use, their shares and their growth, with counters and without. */
#include "catalog_fixture.h"
#include "old_database.h"

#include <math.h>

/* What is told of the client, copied out of its row. */
typedef struct told {
	sr_client_usage usage; /* Its texts are gone. */
	char since[16];
	char activity[SR_TIME_TEXT_SIZE];
} told;

static void copy(sr_text text, char *out, size_t size)
{
	snprintf(out, size, "%s", text.data ? text.data : "(null)");
}

static told usage_of(const catalog_fixture *f, const char *name, int days)
{
	const sr_client_usage *usage;
	sr_client_usages *cursor;
	told found = {0};

	assert_ok(sr_client_usage_list(f->catalog, days, &cursor));
	do {
		assert_ok(sr_client_usages_next(cursor, &usage));
		assert_non_null(usage);
	} while (strcmp(usage->name.data, name) != 0);
	found.usage = *usage;
	copy(usage->growth_since, found.since, sizeof(found.since));
	copy(usage->last_activity, found.activity, sizeof(found.activity));
	sr_client_usages_close(cursor);
	return found;
}

static void save_size(const catalog_fixture *f, const sr_id *client, const char *path, int64_t size)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = *client;
	file.original_path = sr_text_of(path);
	file.size = size;
	assert_ok(sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL));
}

static void test_shares(void **state)
{
	catalog_fixture *f = *state;
	const sr_client_usage *usage;
	sr_client_usages *cursor;
	told found;
	sr_id b;

	catalog_open(f);
	assert_ok(sr_client_usage_list(f->catalog, 30, &cursor));
	assert_ok(sr_client_usages_next(cursor, &usage));
	assert_null(usage);
	sr_client_usages_close(cursor);
	b = add_client(f, "b");
	(void)add_client(f, "a");
	found = usage_of(f, "a", 30);
	assert_true(isnan(found.usage.share_percent));
	save_size(f, &b, "/1", 30);
	save_size(f, &b, "/2", 45);
	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID) VALUES"
		       " (x'01', 'orphan', 'o', 25, x'77')");
	found = usage_of(f, "a", 30);
	assert_int_equal(found.usage.files, 0);
	assert_int_equal(found.usage.bytes, 0);
	assert_true(found.usage.share_percent == 0);
	found = usage_of(f, "b", 30);
	assert_int_equal(found.usage.files, 2);
	assert_int_equal(found.usage.bytes, 75);
	assert_true(found.usage.share_percent == 75);
	assert_memory_equal(&found.usage.id, &b, sizeof(b));
	/* By name. */
	assert_ok(sr_client_usage_list(f->catalog, 30, &cursor));
	assert_ok(sr_client_usages_next(cursor, &usage));
	assert_text(usage->name, "a");
	assert_non_null(usage->last_seen.data);
	sr_client_usages_close(cursor);
	assert_fails(sr_client_usage_list(f->catalog, 0, &cursor), SR_INVALID, "0");
	assert_null(cursor);
	assert_fails(sr_client_usage_list(f->catalog, SR_GROWTH_DAYS_MAX + 1, &cursor), SR_INVALID,
		     "36601");
}

static void set_day(const catalog_fixture *f, int days_ago, int64_t bytes)
{
	const sr_value values[] = {{.type = SR_INTEGER, .integer = days_ago},
				   {.type = SR_INTEGER, .integer = bytes}};

	assert_ok(sr_execute(f->catalog,
			     "INSERT OR REPLACE INTO client_usage_daily SELECT ID, date('now', '-'"
			     " || $1 || ' days'), 1, $2 FROM clients",
			     values, 2, NULL));
}

static void test_growth(void **state)
{
	catalog_fixture *f = *state;
	told found = usage_of(f, "host", 30);
	const sr_value ago = {.type = SR_INTEGER, .integer = 60};

	assert_int_equal(found.usage.growth_bytes, 0);
	/* The day before it came it had nothing. */
	assert_int_equal(strlen(found.since), 10);
	save_size(f, &f->client, "/1", 1000);
	assert_int_equal(usage_of(f, "host", 30).usage.growth_bytes, 1000);
	set_day(f, 10, 400);
	assert_int_equal(usage_of(f, "host", 30).usage.growth_bytes, 600);
	set_day(f, 30, 1500);
	assert_int_equal(usage_of(f, "host", 30).usage.growth_bytes, -500);
	set_day(f, 60, 100);
	assert_int_equal(usage_of(f, "host", 30).usage.growth_bytes, -500);
	assert_int_equal(usage_of(f, "host", 31).usage.growth_bytes, 900);
	assert_int_equal(usage_of(f, "host", 9).usage.growth_bytes, 600);
	assert_int_equal(usage_of(f, "host", 1000).usage.growth_bytes, 900);
	assert_ok(sr_execute(f->catalog,
			     "DELETE FROM client_usage_daily WHERE Date > date('now',"
			     " '-' || $1 || ' days')",
			     &ago, 1, NULL));
	assert_int_equal(usage_of(f, "host", 1).usage.growth_bytes, 900);
}

/* Each change notes what is used then, deletions too, and the last of a day stands. */
static void test_changes_are_noted(void **state)
{
	catalog_fixture *f = *state;

	save_size(f, &f->client, "/1", 1000);
	save_size(f, &f->client, "/2", 20);
	assert_int_equal(integer(f, "SELECT max(Bytes) FROM client_usage_daily"), 1020);
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("/1")));
	assert_int_equal(integer(f, "SELECT max(Bytes) FROM client_usage_daily"), 20);
	/* Today's, and the day before the client came. */
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage_daily"), 2);
	assert_ok(sr_client_delete(f->catalog, &f->client, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage_daily"), 0);
}

static void test_last_activity(void **state)
{
	catalog_fixture *f = *state;

	assert_string_equal(usage_of(f, "host", 30).activity, "(null)");
	foreign_sql(f, "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) SELECT ID,"
		       " 'verify', '2026-01-31T09:30:00Z' FROM clients UNION ALL SELECT ID, 'save',"
		       " '2026-01-30T09:30:00Z' FROM clients");
	assert_string_equal(usage_of(f, "host", 30).activity, "2026-01-31T09:30:00Z");
}

/* Without counters the files are counted: the same figures before the upgrade and after. */
static void test_old_databases(void **state)
{
	catalog_fixture *f = *state;
	told before, after;

	foreign_sql(f, OLD_TABLES OLD_ROWS);
	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID) VALUES"
		       " (x'01', 'orphan', 'o', 300, zeroblob(16))");
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	before = usage_of(f, "old", 30);
	assert_int_equal(before.usage.files, 2);
	assert_int_equal(before.usage.bytes, 100);
	assert_true(before.usage.share_percent == 25);
	assert_int_equal(before.usage.growth_bytes, SR_NULL_INTEGER);
	assert_string_equal(before.activity, "(null)");
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	after = usage_of(f, "old", 30);
	assert_int_equal(after.usage.files, 2);
	assert_int_equal(after.usage.bytes, 100);
	assert_true(after.usage.share_percent == 25);
	/* The upgrade noted what is used now. */
	assert_int_equal(after.usage.growth_bytes, 0);
}

/* Cleaning up thins out what lies long ago, and growth goes on being told. */
static void test_old_days_are_thinned(void **state)
{
	const int64_t day = 86400 * INT64_C(1000000);
	catalog_fixture *f = *state;

	save_size(f, &f->client, "/1", 1000);
	set_day(f, 30, 300);
	set_day(f, 390, 390);
	set_day(f, 410, 410);
	set_day(f, 500, 500);
	set_day(f, 600, 600);
	assert_ok(sr_activity_cleanup(f->catalog, sr_time_now() - 550 * day, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage_daily"), 7);
	assert_ok(sr_activity_cleanup(f->catalog, sr_time_now() - 450 * day, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage_daily"), 6);
	assert_ok(sr_activity_cleanup(f->catalog, sr_time_now(), NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage_daily"), 5);
	assert_int_equal(usage_of(f, "host", 30).usage.growth_bytes, 700);
	assert_int_equal(usage_of(f, "host", 400).usage.growth_bytes, 590);
	assert_int_equal(usage_of(f, "host", 1000).usage.growth_bytes, 590);
}

/* With counters it reads no file: what is not counted is not seen. */
static void test_reads_counters(void **state)
{
	catalog_fixture *f = *state;

	save_size(f, &f->client, "/1", 7);
	foreign_sql(f, "UPDATE client_usage SET Files = 5");
	assert_int_equal(usage_of(f, "host", 30).usage.files, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shares, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_growth, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_changes_are_noted, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_last_activity, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_days_are_thinned, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_reads_counters, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_databases, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
