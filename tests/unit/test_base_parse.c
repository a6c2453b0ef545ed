#include "base/parse.h"
#include "expect.h"

/* The call failed, said so with the value, and left the number alone. */
static void assert_refused(sr_status rc, const char *value, int64_t number)
{
	assert_int_equal(rc, SR_INVALID);
	assert_non_null(strstr(sr_error_message(), value));
	assert_int_equal(number, -77);
}

static void numbers(void **state)
{
	static const char *const bad[] = {"",
					  "+5",
					  " 5",
					  "5 ",
					  "0x5",
					  "5x",
					  "five",
					  "--5",
					  "-",
					  "1.5",
					  "9223372036854775808",
					  "99999999999999999999x"};
	int64_t n;

	(void)state;
	assert_int_equal(sr_number_parse("limit", "0", 0, 10, &n), SR_OK);
	assert_string_equal(sr_error_message(), "");
	assert_int_equal(n, 0);
	assert_int_equal(sr_number_parse("limit", "-5", -10, 10, &n), SR_OK);
	assert_int_equal(n, -5);
	assert_int_equal(sr_number_parse("n", "9223372036854775807", 0, INT64_MAX, &n), SR_OK);
	assert_true(n == INT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = -77;
		assert_refused(sr_number_parse("limit", bad[i], INT64_MIN, INT64_MAX, &n), bad[i],
			       n);
		assert_non_null(strstr(sr_error_message(), "limit"));
	}
	n = -77;
	assert_refused(sr_number_parse("limit", "11", 0, 10, &n), "'11' is not within 0 and 10", n);
	assert_refused(sr_number_parse("limit", NULL, 0, 10, &n), "null", n);
	assert_refused(sr_number_parse("limit", "-9223372036854775809", 0, 10, &n), "within", n);
}

static void reals_and_booleans(void **state)
{
	double n = 7;
	bool yes;

	(void)state;
	assert_int_equal(sr_real_parse("timeout", "0.1", 0, 10, &n), SR_OK);
	assert_true(n == 0.1);
	assert_int_equal(sr_real_parse("timeout", "-2", -3, 10, &n), SR_OK);
	assert_true(n == -2.0);
	assert_int_equal(sr_real_parse("timeout", "2.", 0, 10, &n), SR_INVALID);
	assert_int_equal(sr_real_parse("timeout", "1e5", 0, 1e9, &n), SR_INVALID);
	assert_int_equal(sr_real_parse("timeout", "nan", 0, 10, &n), SR_INVALID);
	assert_int_equal(sr_real_parse("timeout", "", 0, 10, &n), SR_INVALID);
	assert_int_equal(sr_real_parse("timeout", "11", 0, 10, &n), SR_INVALID);
	assert_non_null(strstr(sr_error_message(), "timeout '11'"));
	assert_int_equal(sr_bool_parse("flag", "Yes", &yes), SR_OK);
	assert_true(yes);
	assert_int_equal(sr_bool_parse("flag", "OFF", &yes), SR_OK);
	assert_false(yes);
	assert_int_equal(sr_bool_parse("flag", "2", &yes), SR_INVALID);
	assert_non_null(strstr(sr_error_message(), "flag '2'"));
	assert_int_equal(sr_bool_parse("flag", NULL, &yes), SR_INVALID);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {{"0", 0},
		    {"4096", 4096},
		    {"10M", 10485760},
		    {"10mb", 10485760},
		    {"1.5GiB", 1610612736},
		    {"512B", 512},
		    {"1K", 1024},
		    {"2T", INT64_C(2199023255552)},
		    {"8191P", INT64_C(8191) << 50},
		    {"1.1K", 1126}};
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  "10X",
					  "M",
					  "1.M",
					  "1 M",
					  "10MiX",
					  "0x10",
					  "1.5",
					  "ten",
					  "1iB",
					  "9223372036854775808X"};
	static const char *const large[] = {"8192P", "99999999999999T", "9223372036854775808",
					    "99999999999999999999.5K"};
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(sr_size_parse(good[i].text, &n), SR_OK);
		assert_int_equal(n, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = -77;
		assert_refused(sr_size_parse(bad[i], &n), bad[i], n);
		assert_non_null(strstr(sr_error_message(), "not a number of bytes"));
	}
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		n = -77;
		assert_refused(sr_size_parse(large[i], &n), large[i], n);
		assert_non_null(strstr(sr_error_message(), "too large"));
	}
}

static void spans(void **state)
{
	static const char *const bad[] = {
		"", "7", "d", "-7d", "7dd", "7 d", "9223372036854775807y"};
	int64_t n, before;
	bool is_day = true;

	(void)state;
	assert_int_equal(sr_span_parse("90s", &n), SR_OK);
	assert_int_equal(n, 90);
	assert_int_equal(sr_span_parse("1y", &n), SR_OK);
	assert_int_equal(n, 31536000);
	assert_int_equal(sr_span_parse("4w", &n), SR_OK);
	assert_int_equal(n, 4 * 604800);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = -77;
		assert_refused(sr_span_parse(bad[i], &n), bad[i], n);
		assert_refused(sr_when_parse(bad[i], &n, NULL), bad[i], n);
	}
	before = sr_time_now();
	assert_int_equal(sr_when_parse("7d", &n, &is_day), SR_OK);
	assert_false(is_day);
	assert_true(n + INT64_C(604800000000) >= before);
	assert_true(n + INT64_C(604800000000) <= sr_time_now());
	assert_int_equal(sr_when_parse("2026-01-31", &n, &is_day), SR_OK);
	assert_true(is_day);
	n = -77;
	assert_refused(sr_when_parse("999999999999999999s", &n, NULL), "999999999999999999s", n);
	assert_refused(sr_when_parse(NULL, &n, NULL), "null", n);
}

static void times(void **state)
{
	static const struct {
		const char *text;
		const char *again;
	} good[] = {{"1970-01-01", "1970-01-01T00:00:00Z"},
		    {"2026-01-31T09:30Z", "2026-01-31T09:30:00Z"},
		    {"2026-01-31 09:30", "2026-01-31T09:30:00Z"},
		    {"2024-02-29T23:59:59.500Z", "2024-02-29T23:59:59.5Z"},
		    {"2000-02-29", "2000-02-29T00:00:00Z"},
		    {"2025-08-05T18:20:36+00:00Z", "2025-08-05T18:20:36Z"},
		    {"2025-08-29T17:42:34.123456+00:00", "2025-08-29T17:42:34.123456Z"},
		    {"2025-08-29T17:42:34.123456789012345", "2025-08-29T17:42:34.123456Z"},
		    {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"},
		    {"2026-01-01T00:30:00-0530", "2026-01-01T06:00:00Z"},
		    {"2026-01-01T00:30:00+01", "2025-12-31T23:30:00Z"},
		    {"1969-12-31T23:59:59.999999", "1969-12-31T23:59:59.999999Z"},
		    {"0000-01-01", "0000-01-01T00:00:00Z"},
		    {"9999-12-31", "9999-12-31T00:00:00Z"}};
	static const char *const bad[] = {"",
					  "2026-02-31",
					  "2023-02-29",
					  "1900-02-29",
					  "2026-13-01",
					  "2026-00-01",
					  "2026-01-00",
					  "2026-1-1",
					  "26-01-01",
					  "2026-01-31T",
					  "2026-01-31T9:30",
					  "2026-01-31T24:00",
					  "2026-01-31T09:60",
					  "2026-01-31T09:30:60",
					  "2026-01-31T09:30:00.",
					  "2026-01-31T09:30ZZ",
					  "2026-01-31T09",
					  "2026-01-31T09:30+24:00",
					  "2026-01-31x",
					  " 2026-01-31",
					  "2026-01-31 ",
					  "yesterday",
					  "2026-01-31T09:30+1:00",
					  "2026-01-31Z"};
	char text[SR_TIME_TEXT_SIZE];
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		bool is_day;

		assert_int_equal(sr_time_parse(good[i].text, &n, &is_day), SR_OK);
		assert_int_equal(is_day, strlen(good[i].text) == 10);
		sr_time_format(n, text);
		assert_string_equal(text, good[i].again);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = -77;
		assert_refused(sr_time_parse(bad[i], &n, NULL), bad[i], n);
	}
	assert_int_equal(sr_time_parse("2026-01-31", &n, NULL), SR_OK);
	assert_int_equal(n, INT64_C(1769817600000000));
	sr_time_format(sr_day_end(n), text);
	assert_string_equal(text, "2026-01-31T23:59:59.999999Z");
	sr_time_format(INT64_MIN + 1, text);
	sr_time_format(INT64_MAX, text);
	assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
}

/* Every day of eight centuries comes back as itself, one day after the one before. */
static void calendar_has_no_gap(void **state)
{
	int64_t day = INT64_C(86400000000), n, last = 0;
	char text[SR_TIME_TEXT_SIZE];

	(void)state;
	assert_int_equal(sr_time_parse("1600-01-01", &last, NULL), SR_OK);
	for (int i = 1; i < 292194; i++) {
		sr_time_format(last + day, text);
		assert_int_equal(sr_time_parse(text, &n, NULL), SR_OK);
		assert_int_equal(n, last + day);
		last = n;
	}
	assert_string_equal(text, "2399-12-31T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(reals_and_booleans),
		cmocka_unit_test(sizes),   cmocka_unit_test(spans),
		cmocka_unit_test(times),   cmocka_unit_test(calendar_has_no_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
