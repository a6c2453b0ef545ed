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

/* ---- By category, size, day ---- */

/* "name:files:bytes:verified; …" of all rows. */
static const char *totals(catalog_fixture *f, sr_total_by by)
{
	static char words[1000];
	const sr_total *row;
	sr_totals *cursor;
	size_t length = 0;

	words[0] = '\0';
	assert_ok(sr_total_list(f->catalog, by, &cursor));
	for (;;) {
		assert_ok(sr_totals_next(cursor, &row));
		if (row == NULL)
			break;
		length += (size_t)snprintf(
			words + length, sizeof(words) - length, "%s%.*s:%lld:%lld:%lld",
			length ? "; " : "", row->name.data ? (int)row->name.length : 1,
			row->name.data ? row->name.data : "-", (long long)row->files,
			(long long)row->bytes,
			row->verified_files == SR_NULL_INTEGER ? -1
							       : (long long)row->verified_files);
	}
	assert_ok(sr_totals_next(cursor, &row));
	assert_null(row);
	sr_totals_close(cursor);
	return words;
}

#define INSERTED                                                                                   \
	"INSERT INTO clients (ID, Name, LastSeen) VALUES (x'01', 'c', 'x');"                       \
	"INSERT INTO files (ID, FileName, PathName, ClientID, FileSize, FileCategory, Verified,"   \
	" ModificationDate) VALUES (x'01', 'a', 'a', x'01', 0, 'code', 1, '2026-01-31 10:00'),"    \
	" (x'02', 'b', 'b', x'01', 1023, 'code', 0, '2026-01-31T10:00:00Z'),"                      \
	" (x'03', 'c', 'c', x'01', 1024, 'image', 1, '2026-01-01'),"                               \
	" (x'04', 'd', 'd', x'01', NULL, NULL, NULL, 'some time'),"                                \
	" (x'05', 'e', 'e', x'01', 1073741824, 'image', 1, '2025-12-31')"

static void check_totals(catalog_fixture *f)
{
	assert_string_equal(totals(f, SR_TOTAL_BY_CATEGORY),
			    "-:1:0:0; code:2:1023:1; image:2:1073742848:2");
	assert_string_equal(totals(f, SR_TOTAL_BY_SIZE),
			    "-:1:0:0; empty:1:0:1; below 1 KiB:1:1023:0; 1 KiB to 16 KiB:1:1024:1;"
			    " 1 GiB and more:1:1073741824:1");
	assert_string_equal(totals(f, SR_TOTAL_BY_DAY),
			    "-:1:0:-1; 2025-12-31:1:1073741824:-1; 2026-01-01:1:1024:-1;"
			    " 2026-01-31:2:1023:-1");
	assert_string_equal(totals(f, SR_TOTAL_BY_MONTH),
			    "-:1:0:-1; 2025-12:1:1073741824:-1; 2026-01:3:2047:-1");
	assert_string_equal(totals(f, SR_TOTAL_BY_RECORDED), "");
}

static void check_sums(catalog_fixture *f)
{
	sr_file_sums sums;

	assert_ok(sr_file_sums_get(f->catalog, &sums));
	assert_int_equal(sums.files, 5);
	assert_int_equal(sums.sized_files, 4);
	assert_int_equal(sums.bytes, 1073743871);
	assert_int_equal(sums.verified_files, 3);
	assert_int_equal(sums.verified_sized_files, 3);
	assert_int_equal(sums.verified_bytes, 1073742848);
}

/* The same from counters, and counted in a database that has none. */
static void test_totals(void **state)
{
	catalog_fixture *f = *state;
	char today[SR_TIME_TEXT_SIZE], expected[64];
	sr_migrate_options down;
	sr_totals *cursor;
	sr_file file;

	catalog_open(f);
	assert_string_equal(totals(f, SR_TOTAL_BY_DAY), "");
	foreign_sql(f, INSERTED);
	check_totals(f);
	check_sums(f);
	sr_migrate_options_init(&down);
	down.accept_loss = true;
	for (down.to = 16; down.to >= 13; down.to--) {
		assert_ok(sr_migrate(f->catalog, &down, NULL));
		check_totals(f);
		check_sums(f);
	}
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	check_totals(f);
	check_sums(f);
	f->client = (sr_id){{0}};
	f->client = add_client(f, "host");
	file = file_at(f, "/now");
	file.size = 7;
	sr_time_format(sr_time_now(), today);
	(void)save(f, &file);
	snprintf(expected, sizeof(expected), "%.10s:1:7:-1", today);
	assert_string_equal(totals(f, SR_TOTAL_BY_RECORDED), expected);
	assert_fails(sr_total_list(f->catalog, (sr_total_by)5, &cursor), SR_INVALID, "5");
	sr_totals_close(NULL);
}

/* To the byte where a double is not, and no more than an integer holds. */
static void test_large_totals(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	foreign_sql(f, "INSERT INTO clients (ID, Name, LastSeen) VALUES (x'01', 'c', 'x');"
		       "INSERT INTO files (ID, FileName, PathName, ClientID, FileSize, Verified,"
		       " ModificationDate) VALUES"
		       " (x'01', 'a', 'a', x'01', 9007199254740992, 0, '2026-01-31'),"
		       " (x'02', 'b', 'b', x'01', 1073741825, 0, '2026-01-31'),"
		       " (x'03', 'c', 'c', x'01', 1073741824, 1, '2026-01-30')");
	assert_string_equal(totals(f, SR_TOTAL_BY_CATEGORY), "document:3:9007201402224641:1");
	assert_string_equal(totals(f, SR_TOTAL_BY_SIZE), "1 GiB and more:3:9007201402224641:1");
	assert_string_equal(totals(f, SR_TOTAL_BY_DAY),
			    "2026-01-30:1:1073741824:-1; 2026-01-31:2:9007200328482817:-1");
	assert_string_equal(totals(f, SR_TOTAL_BY_MONTH), "2026-01:3:9007201402224641:-1");
	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM n WHERE"
		       " i < 1200) INSERT INTO files (ID, FileName, PathName, ClientID, FileSize,"
		       " Verified) SELECT CAST(i AS BLOB), i, i, x'01', 9007199254740992, i % 2"
		       " FROM n");
	assert_string_equal(totals(f, SR_TOTAL_BY_CATEGORY),
			    "document:1200:9223372036854775807:599");
	assert_string_equal(totals(f, SR_TOTAL_BY_DAY),
			    "-:1197:9223372036854775807:-1; 2026-01-30:1:1073741824:-1;"
			    " 2026-01-31:2:9007200328482817:-1");
}

/* They stay right when the smallest and the largest go. */
static void test_extremes(void **state)
{
	catalog_fixture *f = *state;
	sr_statistics *s;

	catalog_open(f);
	foreign_sql(f, INSERTED);
	assert_ok(sr_statistics_get(f->catalog, &s));
	assert_int_equal(s->total_files, 5);
	assert_int_equal(s->verified_files, 3);
	assert_true(near(s->min_file_size_kb, 0) && near(s->max_file_size_mb, 1024));
	assert_true(near(s->average_file_size_mb, (1023 + 1024 + 1073741824.0) / 4 / 1048576));
	sr_statistics_free(s);
	foreign_sql(f, "DELETE FROM files WHERE ID IN (x'01', x'05');"
		       "INSERT INTO files (ID, FileName, PathName, ClientID, FileSize) VALUES"
		       " (x'06', 'f', 'f', x'01', 'text'), (x'07', 'g', 'g', x'01', 5000.5),"
		       " (x'08', 'h', 'h', x'01', 0.5), (x'09', 'i', 'i', x'01', x'ff')");
	assert_ok(sr_statistics_get(f->catalog, &s));
	assert_true(near(s->min_file_size_kb, 1023.0 / 1024));
	assert_true(near(s->max_file_size_mb, 1024.0 / 1048576));
	sr_statistics_free(s);
}

/* When the newest file goes, the last time of recording is that of the one before. */
static void test_last_recorded(void **state)
{
	catalog_fixture *f = *state;
	static const char *const times[] = {"2026-03-01T10:00:02Z", "2026-03-01T10:00:01Z", NULL};
	const sr_client *client;
	sr_clients *clients;

	foreign_sql(f,
		    "INSERT INTO files (ID, FileName, PathName, ClientID, RecordedAt) SELECT"
		    " x'01', 'a', 'a', ID, '2026-03-01T10:00:01.75Z' FROM clients UNION ALL SELECT"
		    " x'02', 'b', 'b', ID, '2026-03-01T10:00:02.000001Z' FROM clients UNION ALL"
		    " SELECT x'03', 'c', 'c', ID, 'zzz' FROM clients");
	for (size_t i = 0; i < 3; i++) {
		assert_ok(sr_client_list(f->catalog, true, &clients));
		assert_ok(sr_clients_next(clients, &client));
		assert_int_equal(client->files, 3 - i);
		if (times[i])
			assert_string_equal(client->last_recorded.data, times[i]);
		else
			assert_null(client->last_recorded.data);
		sr_clients_close(clients);
		foreign_sql(f, i == 0 ? "DELETE FROM files WHERE ID = x'02'"
				      : "DELETE FROM files WHERE ID = x'01'");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_storage, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_and_upgraded, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_damaged_rows, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_totals, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_large_totals, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_extremes, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_last_recorded, catalog_setup_client,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
