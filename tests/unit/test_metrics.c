/* Metrics: what is kept, what is refused, and old programs' times in the order that they mean. */
#include "catalog_fixture.h"
#include "old_database.h"

#include <math.h>

#define HOUR (3600 * INT64_C(1000000))

static const char *listed(const catalog_fixture *f, const char *name, int64_t hours)
{
	static char words[512];
	const sr_metric *metric;
	sr_metrics *cursor;
	int64_t last = INT64_MIN;
	int64_t instant;

	words[0] = '\0';
	assert_ok(sr_metric_list(f->catalog, sr_text_of(name), hours, &cursor));
	for (;;) {
		size_t used = strlen(words);

		assert_ok(sr_metrics_next(cursor, &metric));
		if (metric == NULL)
			break;
		snprintf(words + used, sizeof(words) - used, "%s%g", used > 0 ? " " : "",
			 metric->value);
		assert_ok(sr_time_parse(metric->timestamp, &instant, NULL));
		assert_true(instant >= last);
		last = instant;
	}
	assert_ok(sr_metrics_next(cursor, &metric));
	assert_null(metric);
	sr_metrics_close(cursor);
	return words;
}

static void add(const catalog_fixture *f, const char *timestamp, double value)
{
	const sr_value values[] = {{.type = SR_TEXT, .text = sr_text_of(timestamp)},
				   {.type = SR_REAL, .real = value}};

	assert_ok(sr_execute(f->catalog,
			     "INSERT INTO metrics_history (timestamp, metric_name, value)"
			     " VALUES ($1, 'm', $2)",
			     values, 2, NULL));
}

static void test_record(void **state)
{
	catalog_fixture *f = *state;
	int64_t before = sr_time_now();
	const sr_metric *metric;
	sr_metrics *cursor;
	int64_t instant;

	catalog_open(f);
	assert_ok(sr_metric_record(f->catalog, sr_text_of("load"), 0.1));
	assert_ok(sr_metric_record(f->catalog, sr_text_of("load"), -1e300));
	assert_ok(sr_metric_record(f->catalog, sr_text_of("other"), 3));
	assert_string_equal(listed(f, "load", 1), "0.1 -1e+300");
	assert_string_equal(listed(f, "none", 24), "");
	assert_ok(sr_metric_list(f->catalog, sr_text_of("load"), 1, &cursor));
	assert_ok(sr_metrics_next(cursor, &metric));
	assert_ok(sr_time_parse(metric->timestamp, &instant, NULL));
	assert_true(instant >= before && instant <= sr_time_now());
	sr_metrics_close(cursor);
	/* It joins the thread's transaction. */
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_metric_record(f->catalog, sr_text_of("other"), 4));
	assert_string_equal(listed(f, "other", 1), "3 4");
	assert_ok(sr_rollback(f->catalog));
	assert_string_equal(listed(f, "other", 1), "3");
}

static void test_refusals(void **state)
{
	catalog_fixture *f = *state;
	sr_metrics *cursor = (sr_metrics *)state;
	char long_name[101];
	sr_text name = {long_name, 101};
	int64_t removed = 7;

	memset(long_name, 'n', sizeof(long_name));
	catalog_open(f);
	assert_fails(sr_metric_record(f->catalog, sr_text_of(NULL), 1), SR_INVALID, "empty");
	assert_fails(sr_metric_record(f->catalog, sr_text_of(""), 1), SR_INVALID, "empty");
	assert_fails(sr_metric_record(f->catalog, name, 1), SR_INVALID, "101");
	assert_fails(sr_metric_record(f->catalog, sr_text_of("a\nb"), 1), SR_INVALID, "a\\nb");
	assert_fails(sr_metric_record(f->catalog, (sr_text){"a\0b", 3}, 1), SR_INVALID, "\\x00");
	assert_fails(sr_metric_record(f->catalog, sr_text_of("\xff"), 1), SR_INVALID, "\\xff");
	assert_fails(sr_metric_record(f->catalog, sr_text_of("x"), (double)NAN), SR_INVALID, "nan");
	assert_fails(sr_metric_record(f->catalog, sr_text_of("x"), (double)INFINITY), SR_INVALID,
		     "inf");
	assert_fails(sr_metric_record(f->catalog, sr_text_of("x"), (double)-INFINITY), SR_INVALID,
		     "-inf");
	assert_fails(sr_metric_list(f->catalog, sr_text_of(""), 1, &cursor), SR_INVALID, "empty");
	assert_null(cursor);
	assert_fails(sr_metric_list(f->catalog, sr_text_of("x"), 0, &cursor), SR_INVALID, "0");
	assert_fails(sr_metric_list(f->catalog, sr_text_of("x"), SR_METRIC_HOURS_MAX + 1, &cursor),
		     SR_INVALID, "876001");
	assert_fails(sr_metric_cleanup(f->catalog, -1, &removed), SR_INVALID, "-1");
	assert_int_equal(removed, 0);
	name.length = 100;
	assert_ok(sr_metric_record(f->catalog, name, 1));
	assert_int_equal(integer(f, "SELECT count(*) FROM metrics_history"), 1);
}

/* The day and the time of an instant, as another program writes it in its own zone. */
static void write_form(int64_t instant, int form, char text[SR_TIME_TEXT_SIZE])
{
	static const struct {
		int ahead; /* Hours. */
		char between;
		const char *end;
	} forms[] = {
		{0, 'T', ""},        {0, ' ', ""},         {0, 'T', "Z"},
		{14, 'T', "+14:00"}, {-12, 'T', "-12:00"}, {0, 'T', "+00:00Z"},
		{0, 'T', ".250000"}, {2, ' ', ".5+02:00"},
	};

	sr_time_format((instant + forms[form].ahead * HOUR) / 1000000 * 1000000, text);
	text[10] = forms[form].between;
	strcpy(text + 19, forms[form].end);
}

enum { FORMS = 8 };

/* Across midnights, ends of months and of years: each form at every hour. */
static void test_forms_and_midnights(void **state)
{
	static const char *const moments[] = {"2026-01-01T01:30:00Z", "2025-03-01T00:30:00Z",
					      "2024-03-01T00:30:00Z", "2025-10-26T01:30:00Z",
					      "2026-11-01T23:30:00Z"};
	catalog_fixture *f = *state;

	catalog_open(f);
	for (size_t m = 0; m < sizeof(moments) / sizeof(moments[0]); m++) {
		char want[512] = "";
		char text[SR_TIME_TEXT_SIZE];
		int64_t base, hours;
		const char *words;

		assert_ok(sr_execute(f->catalog, "DELETE FROM metrics_history WHERE id > 0", NULL,
				     0, NULL));
		assert_ok(sr_time_parse(moments[m], &base, NULL));
		/* Written from the youngest to the oldest, so that only their times order them. */
		for (int i = 47; i >= 0; i--) {
			write_form(base + (i - 24) * HOUR, i * 5 % FORMS, text);
			add(f, text, i);
		}
		add(f, "yesterday", 100);
		add(f, "", 101);
		for (int i = 0; i < 48; i++)
			snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%d",
				 i > 0 ? " " : "", i);
		hours = (sr_time_now() - base) / HOUR + 48;
		assert_string_equal(listed(f, "m", hours), want);
		/* The last hours begin between two of them, unless another begins just now. */
		do {
			hours = (sr_time_now() - base) / HOUR;
			words = listed(f, "m", hours);
		} while (hours != (sr_time_now() - base) / HOUR);
		assert_string_equal(words, strstr(want, "25 "));
	}
}

/* In the order of reading where the instants are the same, and values that are none left out. */
static void test_odd_rows(void **state)
{
	catalog_fixture *f = *state;

	catalog_open(f);
	add(f, "2026-01-31T09:30:00Z", 1);
	add(f, "2026-01-31T09:30:00Z", 2);
	add(f, "2026-01-31", 0);
	foreign_sql(f, "INSERT INTO metrics_history (timestamp, metric_name, value) VALUES"
		       " ('2026-01-31T09:31:00Z', 'm', 'many'), (x'32303236', 'm', 4),"
		       " ('2026-13-01', 'm', 5), ('2026-01-31T10:00:00Z', 'M', 6),"
		       " ('2026-01-31T10:00:00Z', 'm', 9e999)");
	assert_string_equal(listed(f, "m", SR_METRIC_HOURS_MAX), "0 1 2");
}

/* Many rows, of which a few days' are held at once; each is handed out once and in order. */
static void test_many(void **state)
{
	catalog_fixture *f = *state;
	const sr_metric *metric;
	sr_metrics *cursor;
	int64_t count = 0;
	double last = -1;

	catalog_open(f);
	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i <"
		       " 19999) INSERT INTO metrics_history (timestamp, metric_name, value) SELECT"
		       " strftime(CASE i % 3 WHEN 0 THEN '%Y-%m-%dT%H:%M:%S' WHEN 1 THEN"
		       " '%Y-%m-%d %H:%M:%SZ' ELSE '%Y-%m-%dT%H:%M:%S+00:00Z' END, '2025-12-01',"
		       " (i * 7) || ' minutes'), 'm', i FROM n ORDER BY i * 7919 % 20000");
	assert_ok(sr_metric_list(f->catalog, sr_text_of("m"), SR_METRIC_HOURS_MAX, &cursor));
	for (;;) {
		assert_ok(sr_metrics_next(cursor, &metric));
		if (metric == NULL)
			break;
		assert_true(metric->value == last + 1);
		last = metric->value;
		count++;
	}
	assert_int_equal(count, 20000);
	sr_metrics_close(cursor);
}

static void test_cleanup(void **state)
{
	catalog_fixture *f = *state;
	char text[SR_TIME_TEXT_SIZE];
	int64_t removed;

	catalog_open(f);
	for (int i = 0; i < FORMS; i++) {
		write_form(sr_time_now() - 47 * HOUR, i, text);
		add(f, text, 47);
		write_form(sr_time_now() - 49 * HOUR, i, text);
		add(f, text, 49);
	}
	add(f, "yesterday", 0);
	assert_ok(sr_metric_cleanup(f->catalog, 2, &removed));
	assert_int_equal(removed, FORMS);
	assert_int_equal(integer(f, "SELECT count(*) FROM metrics_history WHERE value = 47"),
			 FORMS);
	assert_int_equal(integer(f, "SELECT count(*) FROM metrics_history WHERE value = 49"), 0);
	assert_ok(sr_metric_cleanup(f->catalog, 0, &removed));
	assert_int_equal(removed, FORMS);
	assert_int_equal(integer(f, "SELECT count(*) FROM metrics_history"), 1);
}

/* Read as they are; where there is no such table at all there are no metrics. */
static void test_old_databases(void **state)
{
	catalog_fixture *f = *state;

	old_database_make(f->path, &(old_options){.version = 0});
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_string_equal(listed(f, "load", SR_METRIC_HOURS_MAX), "0.5");
	assert_fails(sr_metric_record(f->catalog, sr_text_of("load"), 1), SR_TOO_OLD, "migrate up");
	assert_fails(sr_metric_cleanup(f->catalog, 1, NULL), SR_TOO_OLD, "migrate up");
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_ok(sr_metric_record(f->catalog, sr_text_of("load"), 1));
	assert_string_equal(listed(f, "load", SR_METRIC_HOURS_MAX), "0.5 1");
	assert_ok(sr_close(f->catalog));
	assert_int_equal(unlink(f->path), 0);
	foreign_sql(f, OLD_TABLES OLD_ROWS);
	catalog_open(f);
	assert_string_equal(listed(f, "load", 24), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_record, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_refusals, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_forms_and_midnights, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_odd_rows, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_many, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_cleanup, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_databases, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
