/* The days of transfers: read with those between them, and always the sum of their activities. */
#include "catalog_fixture.h"
#include "old_database.h"

#include <pthread.h>

#define DAY (86400 * INT64_C(1000000))

/* ---- Reading ---- */

static const char *day_ago(int days)
{
	static char dates[16][SR_TIME_TEXT_SIZE];
	static int next;
	char *date = dates[next++ % 16];

	sr_time_format(sr_time_now() - days * DAY, date);
	date[10] = '\0';
	return date;
}

static void add_day(const catalog_fixture *f, const char *date, int64_t files, int64_t bytes)
{
	const sr_value values[] = {{.type = SR_TEXT, .text = sr_text_of(date)},
				   {.type = SR_INTEGER, .integer = files},
				   {.type = SR_INTEGER, .integer = bytes}};

	assert_ok(sr_execute(f->catalog,
			     "INSERT INTO transfer_stats (Date, TotalFiles, TotalBytes,"
			     " SuccessfulTransfers, FailedTransfers, AverageFileSize,"
			     " PeakTransferSpeed) VALUES ($1, $2, $3, $2 - 1, 1, 7, NULL)",
			     values, 3, NULL));
}

/* "DATE:FILES" of what is listed, one after the other. */
static const char *listed(const catalog_fixture *f, int days)
{
	static char words[1024];
	const sr_transfer_day *day;
	sr_transfer_days *cursor;

	words[0] = '\0';
	assert_ok(sr_transfer_day_list(f->catalog, days, &cursor));
	for (;;) {
		size_t used = strlen(words);

		assert_ok(sr_transfer_days_next(cursor, &day));
		if (day == NULL)
			break;
		snprintf(words + used, sizeof(words) - used, "%s%s:%d", used > 0 ? " " : "",
			 day->date.data, (int)day->total_files);
	}
	assert_ok(sr_transfer_days_next(cursor, &day));
	assert_null(day);
	sr_transfer_days_close(cursor);
	return words;
}

static const char *words_of(const char *fmt, ...)
{
	static char words[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return words;
}

static void test_days_between(void **state)
{
	catalog_fixture *f = *state;
	const char *today = day_ago(0);
	const char *two = day_ago(2);

	catalog_open(f);
	assert_string_equal(listed(f, 0), "");
	assert_string_equal(listed(f, 1), words_of("%s:0", today));
	add_day(f, two, 5, 50);
	add_day(f, "2020-02-29", 6, 60);
	assert_string_equal(listed(f, 0), words_of("2020-02-29:6 %s:5", two));
	assert_string_equal(listed(f, 3), words_of("%s:5 %s:0 %s:0", two, day_ago(1), today));
	assert_string_equal(listed(f, 2), words_of("%s:0 %s:0", day_ago(1), today));
	add_day(f, today, 7, 70);
	assert_string_equal(listed(f, 2), words_of("%s:0 %s:7", day_ago(1), today));
	/* Another program's day that is none: it is told in its place, and hides no other. */
	add_day(f, words_of("%s noon", two), 8, 80);
	assert_int_equal(strlen(listed(f, 3)), strlen("2026-01-31:5 2026-01-31 noon:8 2026-01-31:0"
						      " 2026-01-31:7"));
}

static void test_fields(void **state)
{
	catalog_fixture *f = *state;
	const sr_transfer_day *day;
	sr_transfer_days *cursor = (sr_transfer_days *)state;

	catalog_open(f);
	add_day(f, "2020-02-29", 6, 60);
	assert_ok(sr_transfer_day_list(f->catalog, 0, &cursor));
	assert_ok(sr_transfer_days_next(cursor, &day));
	assert_int_equal(day->total_files, 6);
	assert_int_equal(day->total_bytes, 60);
	assert_int_equal(day->successful_transfers, 5);
	assert_int_equal(day->failed_transfers, 1);
	assert_int_equal(day->average_file_size, 7);
	assert_int_equal(day->peak_transfer_speed, 0);
	sr_transfer_days_close(cursor);
	assert_fails(sr_transfer_day_list(f->catalog, -1, &cursor), SR_INVALID, "-1");
	assert_null(cursor);
	assert_fails(sr_transfer_day_list(f->catalog, SR_TRANSFER_DAYS_MAX + 1, &cursor),
		     SR_INVALID, "36601");
	assert_ok(sr_transfer_day_list(f->catalog, SR_TRANSFER_DAYS_MAX, &cursor));
	assert_ok(sr_transfer_days_next(cursor, &day));
	assert_int_equal(day->total_files, 0);
	sr_transfer_days_close(cursor);
}

static void test_old_databases(void **state)
{
	catalog_fixture *f = *state;

	old_database_make(f->path, &(old_options){.version = 2});
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_string_equal(listed(f, 0), "");
	assert_string_equal(listed(f, 1), words_of("%s:0", day_ago(0)));
	assert_ok(sr_close(f->catalog));
	assert_int_equal(unlink(f->path), 0);
	old_database_make(f->path, &(old_options){.version = 3});
	foreign_sql(f, "DELETE FROM transfer_stats; INSERT INTO transfer_stats (Date, TotalFiles)"
		       " VALUES ('2025-08-05', 9)");
	catalog_open(f);
	assert_string_equal(listed(f, 0), "2025-08-05:9");
}

/* ---- Totals and their sums ---- */

/* A day's row against its activities, those of deleted clients among them: counted, not compared
 * with what the test did. */
static void assert_sums(const catalog_fixture *f)
{
	assert_int_equal(
		integer(f,
			"WITH a AS (SELECT * FROM (SELECT ActivityType, Timestamp, FileCount,"
			" BytesTransferred FROM client_activity UNION ALL SELECT ActivityType,"
			" Timestamp, FileCount, BytesTransferred FROM client_activity_archive)"
			" WHERE ActivityType IN ('save', 'save_failed')), s AS (SELECT"
			" substr(Timestamp, 1, 10) AS day, sum(FileCount) AS files,"
			" sum(BytesTransferred) AS bytes,"
			" sum(FileCount * (ActivityType = 'save')) AS good,"
			" sum(FileCount * (ActivityType = 'save_failed')) AS bad FROM a GROUP BY 1)"
			" SELECT count(*) FROM (SELECT Date, TotalFiles, TotalBytes,"
			" SuccessfulTransfers, FailedTransfers FROM transfer_stats EXCEPT SELECT"
			" day, files, bytes, good, bad FROM s)"),
		0);
	assert_int_equal(
		integer(f, "SELECT count(*) FROM (SELECT substr(Timestamp, 1, 10) AS day FROM"
			   " client_activity WHERE ActivityType IN ('save', 'save_failed') UNION"
			   " SELECT substr(Timestamp, 1, 10) FROM client_activity_archive WHERE"
			   " ActivityType IN ('save', 'save_failed') EXCEPT SELECT Date FROM"
			   " transfer_stats)"),
		0);
}

static uint32_t seed = 20260131;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

enum { CLIENTS = 4, BATCH = 5 };

/* Up to a batch of files of any of the clients; some do not fit, and some clients are gone. */
static void save_some(const catalog_fixture *f, const sr_id *clients)
{
	char paths[BATCH][16];
	sr_file files[BATCH];
	size_t count = draw(BATCH + 1);

	for (size_t i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/f%u", draw(40));
		sr_file_init(&files[i]);
		files[i].client_id = clients[draw(CLIENTS)];
		files[i].original_path = sr_text_of(paths[i]);
		files[i].size = draw(10) == 0 ? SR_NULL_INTEGER : (int64_t)draw(400);
		files[i].transfer_speed = draw(3) == 0 ? SR_NULL_INTEGER : (int64_t)draw(9000);
	}
	switch (sr_file_save(f->catalog, files, count, NULL, NULL, NULL)) {
	case SR_OK:
	case SR_QUOTA:
	case SR_NOT_FOUND:
		break;
	default:
		fail_msg("%s", sr_error_message());
	}
}

static void delete_one(const catalog_fixture *f, const sr_id *clients)
{
	char path[16];
	sr_status rc;

	snprintf(path, sizeof(path), "/f%u", draw(40));
	rc = sr_file_delete(f->catalog, &clients[draw(CLIENTS)], sr_text_of(path));
	assert_true(rc == SR_OK || rc == SR_NOT_FOUND);
}

/* Away with a client, and another in its place, mostly with a quota that is soon too small. */
static void replace_client(const catalog_fixture *f, sr_id *client, int number)
{
	char name[16];
	char sql[96];
	char hex[SR_ID_TEXT_SIZE];
	sr_quota *quota;

	sr_id_format(client, hex);
	if (draw(2) == 0) {
		assert_ok(sr_client_delete(f->catalog, client, NULL));
	} else {
		snprintf(sql, sizeof(sql),
			 "PRAGMA foreign_keys = %u; DELETE FROM clients WHERE ID"
			 " = x'%s'",
			 draw(2), hex);
		foreign_sql(f, sql);
	}
	snprintf(name, sizeof(name), "client %d", number);
	*client = add_client(f, name);
	if (draw(4) > 0) {
		assert_ok(sr_quota_set(f->catalog, client, 2000, 0.8, &quota));
		sr_quota_free(quota);
	}
}

static void do_something(const catalog_fixture *f, sr_id *clients, int number)
{
	uint32_t what = draw(100);

	if (what < 75)
		save_some(f, clients);
	else if (what < 88)
		delete_one(f, clients);
	else if (what < 95)
		assert_ok(sr_activity_failed(f->catalog, &clients[draw(CLIENTS)], draw(4), NULL));
	else
		replace_client(f, &clients[draw(CLIENTS)], number);
}

/* As if all that was done so far had been done the day before. */
static void pass_a_day(const catalog_fixture *f)
{
	foreign_sql(f, "UPDATE transfer_stats SET Date = date(Date, '-1 day');"
		       "UPDATE client_activity SET Timestamp = date(Timestamp, '-1 day') ||"
		       " substr(Timestamp, 11);"
		       "UPDATE client_activity_archive SET Timestamp = date(Timestamp, '-1 day') ||"
		       " substr(Timestamp, 11)");
}

static void test_totals_are_sums(void **state)
{
	catalog_fixture *f = *state;
	sr_id clients[CLIENTS];
	int64_t removed;

	catalog_open(f);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = add_client(f, words_of("first %d", i));
	for (int i = 0; i < 600; i++) {
		bool transaction = draw(10) == 0;

		if (transaction)
			assert_ok(sr_begin(f->catalog, NULL));
		if (transaction) {
			save_some(f, clients);
			delete_one(f, clients);
			assert_ok(draw(2) ? sr_commit(f->catalog) : sr_rollback(f->catalog));
		} else {
			do_something(f, clients, i);
		}
		if (i % 200 == 199)
			pass_a_day(f);
		if (i % 20 == 0)
			assert_sums(f);
	}
	assert_sums(f);
	/* Of each there was some. */
	assert_int_equal(integer(f, "SELECT count(*) >= 3 FROM transfer_stats WHERE"
				    " SuccessfulTransfers > 0 AND FailedTransfers > 0 AND"
				    " PeakTransferSpeed > 0"),
			 1);
	assert_true(integer(f, "SELECT count(*) FROM client_activity_archive") > 0);
	/* Retention takes whole days: for those that are left it still holds. */
	assert_ok(sr_activity_cleanup(f->catalog, sr_time_now() - DAY, &removed));
	assert_true(removed > 0);
	assert_int_equal(integer(f, "SELECT count(*) >= 3 FROM transfer_stats"), 1);
	foreign_sql(f, "DELETE FROM transfer_stats WHERE Date < (SELECT min(substr(Timestamp, 1,"
		       " 10)) FROM client_activity)");
	assert_true(integer(f, "SELECT count(*) FROM transfer_stats") > 0);
	assert_sums(f);
}

/* ---- From many threads ---- */

enum { THREADS = 8, ROUNDS = 25 };

typedef struct worker {
	pthread_t thread;
	const catalog_fixture *f;
	sr_id own;
	sr_id shared; /* With a quota that soon is too small. */
	int number;
	sr_status wrong; /* The first failure that should not be. */
} worker;

static sr_status save_pair(const worker *w, int round)
{
	sr_file files[2];
	char path[32];

	snprintf(path, sizeof(path), "/%d/%d", w->number, round);
	for (int i = 0; i < 2; i++) {
		sr_file_init(&files[i]);
		files[i].client_id = i == 0 ? w->own : w->shared;
		files[i].original_path = sr_text_of(path);
		files[i].size = 100;
	}
	return sr_file_save(w->f->catalog, files, 2, NULL, NULL, NULL);
}

static void *work(void *arg)
{
	worker *w = arg;

	for (int round = 0; round < ROUNDS && w->wrong == SR_OK; round++) {
		sr_status rc = save_pair(w, round);

		if (rc == SR_OK || rc == SR_QUOTA)
			rc = sr_activity_failed(w->f->catalog, &w->shared, round % 2, NULL);
		if (rc == SR_OK && round % 3 == 0)
			rc = sr_client_delete(w->f->catalog, &w->own, NULL);
		if (rc == SR_OK && round % 3 == 0) {
			char name[32];
			sr_client client = {.name = {name, 0}};

			client.name.length =
				(size_t)snprintf(name, sizeof(name), "thread %d", w->number);
			sr_id_new(&w->own);
			client.id = w->own;
			rc = sr_client_save(w->f->catalog, &client, 1, NULL);
		}
		w->wrong = rc;
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	catalog_fixture *f = *state;
	worker workers[THREADS];
	sr_id shared;
	sr_quota *quota;

	catalog_open(f);
	shared = add_client(f, "shared");
	assert_ok(sr_quota_set(f->catalog, &shared, 5000, 0.8, &quota));
	sr_quota_free(quota);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (worker){.f = f, .shared = shared, .number = i};
		workers[i].own = add_client(f, words_of("thread %d", i));
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].wrong, SR_OK);
	}
	assert_sums(f);
	/* 50 files of the shared client fit, and all of the threads' own. */
	assert_int_equal(integer(f, "SELECT sum(SuccessfulTransfers) FROM transfer_stats"),
			 THREADS * ROUNDS + 50);
	assert_int_equal(integer(f, "SELECT sum(FailedTransfers) FROM transfer_stats"),
			 THREADS * ROUNDS - 50 + THREADS * (ROUNDS / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_days_between, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_fields, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_databases, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_totals_are_sums, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_many_threads, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
