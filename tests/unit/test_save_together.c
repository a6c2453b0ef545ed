/* Calls of many threads that save one file each: their rows are inserted at once and without
 * triggers, and everything comes out as if each had been alone. They meet by standing in line
 * together. */
#include <pthread.h>

#include <sqlite3.h>

#include "catalog/faults.h"
#include "catalog_fixture.h"

#define CALLS 40

typedef struct call {
	catalog_fixture *f;
	char path[40];
	sr_file file;
	sr_status status;
	sr_outcome outcome;
	sr_saved saved;
	sr_id id;
	char words[300];
	pthread_t thread;
} call;

static call calls[CALLS];

/* How often a file was counted by the triggers, in the writer. */
static int fired;

static int count_trigger(unsigned type, void *arg, void *stmt, void *sql)
{
	(void)type;
	(void)arg;
	(void)stmt;
	fired += strcmp(sql, "-- TRIGGER trg_files_count_insert") == 0 ||
		 strcmp(sql, "-- trg_files_count_insert") == 0;
	return 0;
}

static void *make(void *arg)
{
	call *c = arg;

	c->status = sr_file_save(c->f->catalog, &c->file, 1, &c->outcome, &c->id, &c->saved);
	snprintf(c->words, sizeof(c->words), "%s", sr_error_message());
	return NULL;
}

static void until_waiting(const catalog_fixture *f, int count)
{
	sr_pool_statistics figures = {0};

	while (figures.waiting < count) {
		usleep(200);
		assert_ok(sr_pool_statistics_get(f->catalog, &figures));
	}
}

static sr_pool_statistics figures_of(const catalog_fixture *f)
{
	sr_pool_statistics figures;

	assert_ok(sr_pool_statistics_get(f->catalog, &figures));
	return figures;
}

/* Forty new files of the client. */
static void fill(catalog_fixture *f)
{
	for (int i = 0; i < CALLS; i++) {
		call *c = &calls[i];

		memset(c, 0, sizeof(*c));
		c->f = f;
		snprintf(c->path, sizeof(c->path), "/together/%d.txt", i);
		c->file = file_at(f, c->path);
		c->file.size = 100 + i;
		c->file.date = sr_text_of(i % 2 ? "2026-01-31T10:00:00Z" : "2026-02-01T10:00:00Z");
	}
}

/* Makes the calls while somebody holds the writer, so that they stand in line, in order. */
static void run(catalog_fixture *f)
{
	sr_lease *lease;

	fired = 0;
	assert_ok(sr_lease_open(f->catalog, "run", true, &lease));
	assert_int_equal(
		sqlite3_trace_v2(sr_lease_handle(lease), SQLITE_TRACE_STMT, count_trigger, NULL),
		SQLITE_OK);
	for (int i = 0; i < CALLS; i++) {
		assert_int_equal(pthread_create(&calls[i].thread, NULL, make, &calls[i]), 0);
		until_waiting(f, i + 1);
	}
	sr_lease_close(lease);
	for (int i = 0; i < CALLS; i++)
		pthread_join(calls[i].thread, NULL);
}

/* All of them but the one have added their file, with a row of activity each. */
static void check_added(const catalog_fixture *f, int but)
{
	for (int i = 0; i < CALLS; i++) {
		sr_file *found;

		if (i == but)
			continue;
		assert_int_equal(calls[i].status, SR_OK);
		assert_string_equal(calls[i].words, "");
		assert_int_equal(calls[i].outcome, SR_ADDED);
		assert_int_equal(calls[i].saved.added, 1);
		assert_int_equal(calls[i].saved.changed + calls[i].saved.unchanged, 0);
		assert_ok(sr_file_by_id(f->catalog, &calls[i].id, &found));
		assert_text(found->original_path, calls[i].path);
		assert_int_equal(found->size, calls[i].file.size);
		assert_non_null(found->recorded_at.data);
		sr_file_free(found);
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_TOTALS_WRONG ")"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_DAYS_WRONG ")"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_RECORDED_WRONG ")"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_QUOTAS_WRONG ")"), 0);
	assert_int_equal(integer(f, SR_SUMS_DIFFER), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'save' AND FileCount = 1"),
			 integer(f, "SELECT count(*) FROM files"));
	assert_int_equal(integer(f, "SELECT sum(BytesTransferred) FROM client_activity WHERE "
				    "ActivityType = 'save'"),
			 integer(f, "SELECT sum(TotalBytes) FROM transfer_stats"));
	assert_int_equal(integer(f, "SELECT sum(SuccessfulTransfers) FROM transfer_stats"),
			 integer(f, "SELECT count(*) FROM files"));
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage u WHERE NOT EXISTS"
				    " (SELECT 1 FROM client_usage_daily d WHERE d.ClientID ="
				    " u.ClientID AND d.Files = u.Files AND d.Bytes = u.Bytes)"),
			 0);
}

static int64_t hits(const catalog_fixture *f, const char *term)
{
	sr_query query;
	sr_found found;

	sr_query_init(&query);
	query.term = sr_text_of(term);
	assert_ok(sr_search_count(f->catalog, &query, &found));
	return found.files;
}

static void test_as_each_by_itself(void **state)
{
	catalog_fixture *f = *state;
	int64_t commits;
	sr_file alone;

	fill(f);
	calls[3].file.client_id = add_client(f, "another");
	calls[5].file.category = sr_text_of("image");
	calls[6].file.transfer_speed = 12345;
	calls[7].file.date = (sr_text){NULL, 0};
	commits = figures_of(f).commits;
	run(f);
	assert_int_equal(fired, 0);
	check_added(f, -1);
	assert_int_equal(figures_of(f).commits, commits + 1);
	assert_int_equal(hits(f, "together"), CALLS);
	assert_int_equal(integer(f, "SELECT PeakTransferSpeed FROM transfer_stats"), 12345);
	assert_int_equal(integer(f, "SELECT AverageFileSize * 40 <= TotalBytes"
				    " AND (AverageFileSize + 1) * 40 > TotalBytes"
				    " FROM transfer_stats"),
			 1);
	/* And triggers count again. */
	alone = file_at(f, "/alone");
	assert_int_equal(save(f, &alone), SR_ADDED);
	check_added(f, -1);
}

/* The same file twice, known to the second. */
static void test_same_file_twice(void **state)
{
	catalog_fixture *f = *state;

	fill(f);
	calls[9].file = calls[8].file;
	run(f);
	assert_int_equal(fired, 0);
	check_added(f, 9);
	assert_int_equal(calls[9].status, SR_OK);
	assert_int_equal(calls[9].outcome, SR_UNCHANGED);
	assert_int_equal(calls[9].saved.unchanged, 1);
	assert_int_equal(calls[9].saved.added, 0);
	assert_memory_equal(&calls[9].id, &calls[8].id, sizeof(sr_id));
}

/* ---- What is done one by one after all ---- */

static void test_one_fails_alone(void **state)
{
	catalog_fixture *f = *state;

	fill(f);
	memset(&calls[20].file.client_id, 0x77, sizeof(sr_id));
	run(f);
	check_added(f, 20);
	assert_int_equal(calls[20].status, SR_NOT_FOUND);
	assert_true(calls[20].words[0] != '\0');
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), CALLS - 1);
}

static void test_changed_among_them(void **state)
{
	catalog_fixture *f = *state;
	sr_file before;

	fill(f);
	before = calls[30].file;
	before.size = 1;
	assert_int_equal(save(f, &before), SR_ADDED);
	run(f);
	assert_int_equal(calls[30].status, SR_OK);
	assert_int_equal(calls[30].outcome, SR_CHANGED);
	assert_int_equal(calls[30].saved.changed, 1);
	assert_int_equal(fired, CALLS - 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), CALLS);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), 2);
	assert_int_equal(integer(f, SR_SUMS_DIFFER), 0);
}

/* Who is over his quota is refused, and nobody else is. */
static void test_quota(void **state)
{
	catalog_fixture *f = *state;
	sr_id small;

	fill(f);
	small = add_client(f, "small");
	assert_ok(sr_quota_set(f->catalog, &small, 150, 0.9, NULL));
	calls[10].file.client_id = calls[11].file.client_id = small;
	run(f);
	check_added(f, 11);
	assert_int_equal(calls[11].status, SR_QUOTA);
	assert_non_null(strstr(calls[11].words, "small"));
	assert_int_equal(fired, CALLS - 1);
}

static char warned[400];

static void keep_warning(void *arg, sr_log_level level, const char *module, const char *message)
{
	(void)arg;
	(void)level;
	(void)module;
	snprintf(warned, sizeof(warned), "%s", message);
}

/* Who comes past his threshold is told, as he is alone. */
static void test_warning(void **state)
{
	catalog_fixture *f = *state;
	sr_id full;

	fill(f);
	full = add_client(f, "full");
	assert_ok(sr_quota_set(f->catalog, &full, 120, 0.5, NULL));
	calls[10].file.client_id = full;
	warned[0] = '\0';
	sr_log_set(keep_warning, NULL);
	run(f);
	sr_log_set(NULL, NULL);
	assert_non_null(strstr(warned, "full"));
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(calls[i].status, SR_OK);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity"
				    " WHERE ActivityType = 'quota_warning'"),
			 1);
	assert_int_equal(integer(f, SR_SUMS_DIFFER), 0);
}

/* Somebody's own trigger fires for each. */
static void test_foreign_trigger(void **state)
{
	catalog_fixture *f = *state;

	foreign_sql(f, "CREATE TABLE seen (n); CREATE TRIGGER own AFTER INSERT ON files"
		       " BEGIN INSERT INTO seen VALUES (NEW.FileName); END");
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	setenv("TRUST_FOREIGN_TRIGGERS", "1", 1);
	catalog_open(f);
	unsetenv("TRUST_FOREIGN_TRIGGERS");
	fill(f);
	run(f);
	check_added(f, -1);
	assert_int_equal(fired, CALLS);
	assert_int_equal(integer(f, "SELECT count(*) FROM seen"), CALLS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_as_each_by_itself),
		TEST(test_same_file_twice),
		TEST(test_one_fails_alone),
		TEST(test_changed_among_them),
		TEST(test_quota),
		TEST(test_warning),
		TEST(test_foreign_trigger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
