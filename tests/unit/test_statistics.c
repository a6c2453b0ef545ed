/* The figures, against ones counted by hand. */
#include "catalog_fixture.h"
#include "old_database.h"

#include <math.h>

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b) + 1);
}

static void test_empty(void **state)
{
	catalog_fixture *f = *state;
	sr_statistics *s;

	catalog_open(f);
	assert_ok(sr_statistics_get(f->catalog, &s));
	assert_string_equal(s->file_path.data, f->path);
	assert_true(s->file_size_mb > 0);
	assert_int_equal(s->connection_pool_enabled, !f->options.direct);
	assert_int_equal(s->pool_size, 3);
	assert_int_equal(s->stored_files, 0);
	assert_int_equal(s->total_clients + s->total_files + s->clients_with_keys, 0);
	assert_true(isnan(s->average_days_since_seen));
	assert_true(near(s->verification_rate, 0) && near(s->average_file_size_mb, 0));
	assert_true(near(s->min_file_size_kb, 0) && near(s->max_file_size_mb, 0));
	assert_true(s->indexes_count >= 8);
	for (int64_t i = 1; i < s->indexes_count; i++)
		assert_true(strcmp(s->indexes[i - 1].data, s->indexes[i].data) < 0);
	sr_statistics_free(s);
	sr_statistics_free(NULL);
}

static void write_file(const char *folder, const char *name, size_t bytes)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_non_null(file = fopen(path, "w"));
	for (size_t i = 0; i < bytes; i++)
		fputc('x', file);
	fclose(file);
}

static void test_storage(void **state)
{
	catalog_fixture *f = *state;
	char folder[128], below[160], link_path[160];
	sr_statistics *s;

	snprintf(folder, sizeof(folder), "%s/received_files", scratch_folder());
	snprintf(below, sizeof(below), "%s/below", folder);
	snprintf(link_path, sizeof(link_path), "%s/out", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(mkdir(below, 0700), 0);
	write_file(folder, "a", 1000);
	write_file(below, "b", 1048576);
	/* Neither this link nor what is behind it counts. */
	assert_int_equal(symlink(scratch_folder(), link_path), 0);
	catalog_open(f);
	assert_ok(sr_statistics_get(f->catalog, &s));
	assert_string_equal(s->directory.data, folder);
	assert_int_equal(s->stored_files, 2);
	assert_true(near(s->stored_size_mb, 1049576.0 / 1048576));
	sr_statistics_free(s);
}

static void check_figures(const sr_statistics *s)
{
	assert_int_equal(s->total_clients, 1);
	assert_int_equal(s->clients_with_keys, 1);
	assert_true(s->average_days_since_seen > 100);
	assert_int_equal(s->total_files, 2);
	assert_int_equal(s->verified_files, 1);
	assert_true(near(s->verification_rate, 50));
	assert_true(near(s->average_file_size_mb, 100.0 / 1048576));
	assert_true(near(s->total_size_gb, 100.0 / 1073741824));
	assert_true(near(s->min_file_size_kb, 100.0 / 1024));
	assert_true(near(s->max_file_size_mb, 100.0 / 1048576));
}

static void test_old_and_upgraded(void **state)
{
	catalog_fixture *f = *state;
	sr_statistics *s;

	foreign_sql(f, OLD_TABLES OLD_ROWS);
	f->options.create = f->options.migrate = false;
	f->options.direct = true;
	catalog_open(f);
	assert_ok(sr_statistics_get(f->catalog, &s));
	check_figures(s);
	assert_false(s->connection_pool_enabled);
	assert_int_equal(s->indexes_count, 0);
	sr_statistics_free(s);
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_ok(sr_statistics_get(f->catalog, &s));
	check_figures(s);
	sr_statistics_free(s);
}

/* Sizes that overflow, or are none, and times that cannot be read. */
static void test_damaged_rows(void **state)
{
	catalog_fixture *f = *state;
	sr_statistics *s;

	foreign_sql(f,
		    OLD_TABLES OLD_ROWS "UPDATE files SET FileSize = 9223372036854775807; UPDATE "
					"clients SET LastSeen = '?';"
					"INSERT INTO files SELECT randomblob(16), 'x', 'x', 1, "
					"'large', NULL, NULL, ID FROM "
					"clients;");
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_ok(sr_statistics_get(f->catalog, &s));
	assert_true(isnan(s->average_days_since_seen));
	assert_true(s->total_size_gb > 1.7e10);
	assert_int_equal(s->total_files, 3);
	sr_statistics_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_storage, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_and_upgraded, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_damaged_rows, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
