/* The keep rules on calendars that were worked out by hand, and against a naive model that only
 * compares dates as strftime writes them. */
#include "base/retention.h"

#include <time.h>

#include "expect.h"

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

/* "daily 3, within 30d" */
static sr_keep rules_of(const char *text)
{
	char copy[256], *rest = copy, *rule;
	sr_keep keep;

	sr_keep_init(&keep);
	snprintf(copy, sizeof(copy), "%s", text);
	while ((rule = strsep(&rest, ",")) != NULL) {
		char *name = rule + strspn(rule, " ");
		char *value = strchr(name, ' ');

		*value = '\0';
		assert_ok(sr_keep_set(&keep, name, value + 1));
	}
	return keep;
}

typedef struct line {
	const char *when; /* NULL: no date. */
	const char *kept; /* Why, in words; "" for what goes. */
} line;

#define check(zone, rules, lines)                                                                  \
	check_lines(zone, rules, lines, sizeof(lines) / sizeof((lines)[0]))

static void check_lines(const char *zone, const char *rules, const line *lines, size_t count)
{
	sr_keep keep = rules_of(rules);
	char words[SR_KEPT_TEXT_SIZE];
	sr_dated list[64];

	assert_true(count <= sizeof(list) / sizeof(list[0]));
	set_zone(zone);
	for (size_t i = 0; i < count; i++) {
		list[i] = (sr_dated){SR_NULL_INTEGER, 12345};
		if (lines[i].when != NULL)
			assert_ok(sr_time_parse(lines[i].when, &list[i].instant, NULL));
	}
	assert_ok(sr_keep_check(&keep));
	sr_retention_apply(&keep, list, count);
	for (size_t i = 0; i < count; i++) {
		sr_kept_format(list[i].kept, &keep, words);
		if (strcmp(words, lines[i].kept) != 0)
			fail_msg("%s, keep %s: %s is kept by '%s', not by '%s'", zone, rules,
				 lines[i].when, words, lines[i].kept);
		assert_int_equal(list[i].kept == 0, lines[i].kept[0] == '\0');
	}
}

static void test_each_rule(void **state)
{
	static const line last[] = {
		{"2026-05-03T12:00Z", "last"},
		{"2026-05-03T12:00Z", "last"}, /* The same moment counts again. */
		{"2026-05-02T12:00Z", "last"},
		{"2026-05-01T12:00Z", ""},
	};
	static const line daily[] = {
		{"2026-05-03T23:59:59.999999Z", "daily"},
		{"2026-05-03T12:00Z", ""},
		{"2026-05-03T00:00Z", ""},
		{"2026-05-02T23:59:59Z", "daily"},
		{"2026-04-30T08:00Z", "daily"}, /* Days without any use nothing up. */
		{"2026-04-30T07:00Z", ""},
		{"2026-04-29T08:00Z", ""},
	};
	static const line all[] = {
		{"2026-05-03T10:00Z", "last, daily, weekly, monthly, yearly, within 2d"},
		{"2026-05-03T09:00Z", "within 2d"},
		{"2026-05-02T10:00Z", "daily, within 2d"},
		{"2026-05-01T10:00Z", "within 2d"}, /* Exactly two days older. */
		{"2026-05-01T09:59:59.999999Z", ""},
		{"2026-04-30T10:00Z", "monthly"},
		{"2026-04-26T10:00Z", "weekly"}, /* The Sunday of the week before. */
		{"2026-03-31T10:00Z", ""},
		{"2025-12-31T10:00Z", "yearly"},
		{"2024-12-31T10:00Z", ""},
	};

	(void)state;
	check("UTC", "last 3", last);
	check("UTC", "daily 3", daily);
	check("UTC", "last 1, daily 2, weekly 2, monthly 2, yearly 2, within 2d", all);
}

static void test_without_end(void **state)
{
	static const line lines[] = {
		{"2026-05-03T10:00Z", "daily, monthly, within unlimited"},
		{"2026-05-03T09:00Z", "within unlimited"},
		{"2026-05-02T10:00Z", "daily, within unlimited"},
		{"2020-02-29T10:00Z", "daily, monthly, within unlimited"},
	};
	static const line none[] = {{"2026-05-03T10:00Z", ""}};

	(void)state;
	check("UTC", "daily unlimited, monthly unlimited, within unlimited", lines);
	check("UTC", "daily 0, within 0d", none);
}

/* 2015, 2020 and 2026 have 53 weeks. */
static void test_year_ends(void **state)
{
	static const line lines[] = {
		{"2027-01-04T00:00Z", "weekly, monthly, yearly"}, /* Monday of 2027-W01 */
		{"2027-01-03T23:59Z", "weekly"},                  /* Sunday of 2026-W53 */
		{"2026-12-31T12:00Z", "monthly, yearly"},         /* W53 again */
		{"2026-12-28T00:00Z", ""},                        /* its Monday */
		{"2026-12-27T23:59Z", "weekly"},                  /* Sunday of W52 */
		{"2026-01-01T12:00Z", "weekly, monthly"},         /* Thursday of 2026-W01 */
		{"2025-12-29T00:00Z", "monthly, yearly"},         /* its Monday */
		{"2025-12-28T23:59Z", "weekly"},                  /* 2025-W52 */
		{"2024-12-30T00:00Z", "weekly, monthly, yearly"}, /* Monday of 2025-W01 */
		{"2024-12-29T23:59Z", "weekly"},                  /* 2024-W52 */
		{"2021-01-03T12:00Z", "weekly, monthly, yearly"}, /* 2020-W53 */
		{"2020-12-31T12:00Z", "monthly, yearly"},         /* W53 again */
		{"2017-01-01T12:00Z", "weekly, monthly, yearly"}, /* 2016-W52 */
		{"2016-12-31T12:00Z", "monthly, yearly"},         /* W52 again */
		{"2016-01-03T12:00Z", "weekly, monthly"},         /* 2015-W53 */
		{"2015-12-31T12:00Z", "monthly, yearly"},         /* W53 again */
	};
	static const line counted[] = {
		{"2027-01-01T10:00Z", "weekly, yearly"},
		{"2026-12-31T10:00Z", "yearly"},
		{"2026-12-28T10:00Z", ""},
		{"2026-12-27T10:00Z", "weekly"},
		{"2025-12-31T10:00Z", ""},
	};

	(void)state;
	check("UTC", "weekly unlimited, monthly unlimited, yearly unlimited", lines);
	check("UTC", "weekly 2, yearly 2", counted);
}

static void test_leap_day(void **state)
{
	static const line lines[] = {
		{"2024-03-01T00:00Z", "daily, monthly, within 365d"},
		{"2024-02-29T23:59Z", "daily, monthly, within 365d"},
		{"2024-02-29T00:00Z", "within 365d"},
		{"2024-02-28T23:59Z", "daily, within 365d"},
		{"2023-03-02T00:00Z", "daily, monthly, within 365d"}, /* 365 days: a leap day. */
		{"2023-03-01T23:59Z", "daily"},
		{"2023-02-28T12:00Z", "monthly"},
	};
	static const line centuries[] = {
		{"2100-03-01T00:00Z", "daily"}, /* 2100 has none, */
		{"2100-02-28T23:59Z", "daily"}, {"2100-02-28T00:00Z", ""},
		{"2000-03-01T00:00Z", "daily"}, /* 2000 had one. */
		{"2000-02-29T12:00Z", "daily"}, {"2000-02-29T00:00Z", ""},
		{"2000-02-28T12:00Z", "daily"},
	};

	(void)state;
	check("UTC", "daily 5, monthly 4, within 365d", lines);
	check("UTC", "daily unlimited", centuries);
}

/* Berlin is an hour ahead of UTC, two in summer: 29 March 2026 has 23 hours there, from 23:00Z to
 * 22:00Z, and 25 October has 25, from 22:00Z to 23:00Z. */
static void test_daylight_saving(void **state)
{
	static const line spring[] = {
		{"2026-03-29T22:00Z", "daily"}, /* 30 March, 00:00 */
		{"2026-03-29T21:59Z", "daily"}, /* 29 March, 23:59 */
		{"2026-03-29T01:00Z", ""},      /* 03:00, the minute after 01:59 */
		{"2026-03-29T00:59Z", ""},      /* 01:59 */
		{"2026-03-28T23:00Z", ""},      /* 00:00 */
		{"2026-03-28T22:59Z", "daily"}, /* 28 March, 23:59 */
	};
	static const line autumn[] = {
		{"2026-10-25T23:00Z", "daily"}, /* 26 October, 00:00 */
		{"2026-10-25T22:59Z", "daily"}, /* 25 October, 23:59 */
		{"2026-10-25T01:30Z", ""},      /* 02:30, the second one */
		{"2026-10-25T00:30Z", ""},      /* 02:30, the first one */
		{"2026-10-24T22:00Z", ""},      /* 00:00 */
		{"2026-10-24T21:59Z", "daily"}, /* 24 October, 23:59 */
	};
	/* 25 October is a Sunday, 31 December a Thursday of 2026-W53. */
	static const line ends[] = {
		{"2027-01-03T23:00Z", "weekly, monthly, yearly"}, /* Monday of 2027-W01 */
		{"2027-01-03T22:59Z", "weekly"},                  /* Sunday of 2026-W53 */
		{"2026-12-31T23:00Z", ""},                        /* 1 January, 00:00 */
		{"2026-12-31T22:59Z", "monthly, yearly"},
		{"2026-10-25T23:00Z", "weekly, monthly"}, /* Monday */
		{"2026-10-25T22:59Z", "weekly"},          /* Sunday */
	};
	/* A day of within is 24 hours, whatever the clocks do. */
	static const line within[] = {
		{"2026-10-25T23:00Z", "within 1d"},
		{"2026-10-24T23:00Z", "within 1d"},
		{"2026-10-24T22:59:59Z", ""}, /* 25 October there as well */
	};

	(void)state;
	check("Europe/Berlin", "daily unlimited", spring);
	check("Europe/Berlin", "daily unlimited", autumn);
	check("Europe/Berlin", "within 24h", within);
	check("Europe/Berlin", "weekly unlimited, monthly unlimited, yearly unlimited", ends);
}

static void test_odd_zones(void **state)
{
	/* Samoa had no 30 December 2011: ten hours behind UTC, then fourteen ahead. */
	static const line apia[] = {
		{"2011-12-31T10:00Z", "daily, weekly, monthly, yearly"}, /* Sunday, 1 January */
		{"2011-12-31T09:59Z", "daily, monthly, yearly"},         /* Saturday, the 31st */
		{"2011-12-30T10:00Z", ""},                               /* the 31st, 00:00 */
		{"2011-12-30T09:59Z", "daily"},                          /* the 29th, 23:59 */
		{"2011-12-29T10:00Z", ""},                               /* the 29th, 00:00 */
		{"2011-12-29T09:59Z", "daily"},                          /* the 28th */
	};
	/* Newfoundland went back from 00:01 to 23:01 of the day before, at 02:31Z. */
	static const line st_johns[] = {
		{"2010-11-07T04:00Z", "daily"},    /* 7 November, 00:30 */
		{"2010-11-07T03:00Z", "daily"},    /* 6 November, 23:30, the second one */
		{"2010-11-07T02:30:30Z", ""},      /* 7 November, 00:00:30, before going back */
		{"2010-11-07T02:00Z", ""},         /* 6 November, 23:30, the first one */
		{"2010-11-06T02:29:59Z", "daily"}, /* 5 November */
	};
	/* A quarter of an hour off, and the far side of the date line. */
	static const line kathmandu[] = {
		{"2026-01-01T18:15Z", "daily"},
		{"2026-01-01T18:14Z", "daily"},
		{"2025-12-31T18:15Z", ""},
	};

	(void)state;
	check("Pacific/Apia", "daily unlimited, weekly 1, monthly 2, yearly 2", apia);
	check("America/St_Johns", "daily unlimited", st_johns);
	check("Asia/Kathmandu", "daily unlimited", kathmandu);
}

static void test_unreadable(void **state)
{
	static const line lines[] = {
		{NULL, "date unreadable"}, {"2026-05-03T10:00Z", "last, within 1h"},
		{NULL, "date unreadable"}, {"2026-05-03T09:00Z", "last, within 1h"},
		{"2026-05-03T08:00Z", ""}, {NULL, "date unreadable"},
	};
	static const line nothing[] = {{NULL, "date unreadable"}};

	(void)state;
	check("UTC", "last 2, within 1h", lines);
	check("UTC", "last 2, within 1h", nothing);
}

static void test_far_instants(void **state)
{
	sr_dated list[] = {{INT64_MAX, 0}, {0, 0}, {-1, 0}, {-500000, 0}, {INT64_MIN + 1, 0}};
	sr_keep keep = rules_of("daily unlimited");

	(void)state;
	set_zone("UTC");
	keep.within = INT64_C(9223372036855);
	sr_retention_apply(&keep, list, sizeof(list) / sizeof(list[0]));
	assert_int_equal(list[0].kept, SR_KEPT_DAILY | SR_KEPT_WITHIN);
	assert_int_equal(list[1].kept, SR_KEPT_DAILY | SR_KEPT_WITHIN);
	/* A microsecond before 1970 is 1969. */
	assert_int_equal(list[2].kept, SR_KEPT_DAILY | SR_KEPT_WITHIN);
	/* 224193 microseconds are left of within. */
	assert_int_equal(list[3].kept, 0);
	assert_int_equal(list[4].kept, SR_KEPT_DAILY);
	sr_keep_init(&keep);
	keep.within = INT64_MAX;
	sr_retention_apply(&keep, list, sizeof(list) / sizeof(list[0]));
	assert_int_equal(list[4].kept, SR_KEPT_WITHIN);
	sr_retention_apply(&keep, NULL, 0);
}

/* ---- Against a model ---- */

/* The day, week, month or year, as text that only equals itself. */
static void name_bucket(unsigned rule, int64_t instant, char text[32])
{
	time_t seconds = instant / 1000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	switch (rule) {
	case SR_KEPT_DAILY:
		strftime(text, 32, "%Y-%m-%d", &tm);
		break;
	case SR_KEPT_WEEKLY:
		strftime(text, 32, "%G-%V", &tm);
		break;
	case SR_KEPT_MONTHLY:
		strftime(text, 32, "%Y-%m", &tm);
		break;
	default:
		strftime(text, 32, "%Y", &tm);
	}
}

/* The newest of each bucket, until the count is used up. */
static void model_rule(sr_dated *list, size_t count, unsigned rule, int64_t most)
{
	static char seen[512][32];
	size_t kept = 0;

	for (size_t i = 0; i < count && (most < 0 || (int64_t)kept < most); i++) {
		char text[32];
		size_t j = 0;

		name_bucket(rule, list[i].instant, text);
		while (j < kept && strcmp(seen[j], text) != 0)
			j++;
		if (j < kept)
			continue;
		memcpy(seen[kept++], text, sizeof(text));
		list[i].kept |= rule;
	}
}

static void model(const sr_keep *keep, sr_dated *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		list[i].kept = (int64_t)i < keep->last ? SR_KEPT_LAST : 0;
		if (keep->within > 0 && list[0].instant - list[i].instant <= keep->within * 1000000)
			list[i].kept |= SR_KEPT_WITHIN;
	}
	model_rule(list, count, SR_KEPT_DAILY, keep->daily);
	model_rule(list, count, SR_KEPT_WEEKLY, keep->weekly);
	model_rule(list, count, SR_KEPT_MONTHLY, keep->monthly);
	model_rule(list, count, SR_KEPT_YEARLY, keep->yearly);
}

static int newest_first(const void *a, const void *b)
{
	int64_t left = ((const sr_dated *)a)->instant, right = ((const sr_dated *)b)->instant;

	return (left < right) - (left > right);
}

static int64_t pick(unsigned *seed, int64_t below)
{
	return (((int64_t)rand_r(seed) << 31) ^ rand_r(seed)) % below;
}

static void test_against_a_model(void **state)
{
	static const char *const zones[] = {
		"UTC",          "Europe/Berlin",    "America/St_Johns",
		"Pacific/Apia", "America/New_York", "Asia/Kathmandu",
		"Africa/Cairo", "America/Havana",   "Australia/Lord_Howe"};
	/* Seconds that the instants of one list lie apart at most. */
	static const int64_t steps[] = {3600, 20000, 86400 * 3, 86400 * 40};
	unsigned seed = 4711;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		const char *zone = zones[round % 9];
		int64_t instant = pick(&seed, INT64_C(2000000000)) * 1000000;
		int64_t step = steps[pick(&seed, 4)] * 1000000;
		size_t count = (size_t)pick(&seed, 120);
		sr_dated list[120], expected[120];
		sr_keep keep;

		set_zone(zone);
		sr_keep_init(&keep);
		keep.last = pick(&seed, 4);
		keep.daily = pick(&seed, 30) - 1;
		keep.weekly = pick(&seed, 10) - 1;
		keep.monthly = pick(&seed, 10) - 1;
		keep.yearly = pick(&seed, 5) - 1;
		keep.within = pick(&seed, 86400 * 30);
		for (size_t i = 0; i < count; i++) {
			instant += pick(&seed, step);
			list[i] = (sr_dated){instant, 0};
		}
		qsort(list, count, sizeof(list[0]), newest_first);
		memcpy(expected, list, sizeof(list));
		model(&keep, expected, count);
		sr_retention_apply(&keep, list, count);
		for (size_t i = 0; i < count; i++)
			if (list[i].kept != expected[i].kept)
				fail_msg("round %d, %s: %zu of %zu, %lld: %u, not %u", round, zone,
					 i, count, (long long)list[i].instant, list[i].kept,
					 expected[i].kept);
	}
}

/* ---- Setting them ---- */

static void test_setting(void **state)
{
	sr_keep keep;

	(void)state;
	sr_keep_init(&keep);
	assert_false(sr_keep_any(&keep));
	assert_ok(sr_keep_set(&keep, "weekly", "0"));
	assert_false(sr_keep_any(&keep));
	assert_ok(sr_keep_set(&keep, "weekly", "4"));
	assert_ok(sr_keep_set(&keep, "within", "30d"));
	assert_ok(sr_keep_set(&keep, "yearly", "unlimited"));
	assert_true(sr_keep_any(&keep));
	assert_int_equal(keep.weekly, 4);
	assert_int_equal(keep.within, 30 * 86400);
	assert_int_equal(keep.yearly, SR_KEEP_UNLIMITED);
	assert_int_equal(sr_keep_set(&keep, "hourly", "4"), SR_INVALID);
	assert_says("'hourly'");
	assert_int_equal(sr_keep_set(&keep, NULL, "4"), SR_INVALID);
	assert_int_equal(sr_keep_set(&keep, "weekly", "-1"), SR_INVALID);
	assert_says("keep-weekly '-1' is not within 0");
	assert_says("unlimited");
	assert_int_equal(sr_keep_set(&keep, "weekly", "four"), SR_INVALID);
	assert_int_equal(sr_keep_set(&keep, "within", "30"), SR_INVALID);
	assert_says("keep-within: span '30'");
	assert_int_equal(sr_keep_set(&keep, "within", NULL), SR_INVALID);
	assert_int_equal(keep.weekly, 4);
	assert_int_equal(keep.within, 30 * 86400);
	assert_int_equal(sr_keep_set(&keep, "last", "1000001"), SR_INVALID);
	assert_says("keep-last '1000001' is not within 0 and 1000000");
	assert_ok(sr_keep_set(&keep, "last", "1000000"));
}

/* Hours of a span that is read. */
static void test_spans(void **state)
{
	static const struct {
		const char *text;
		int64_t hours;
	} good[] = {
		{"6m", 6 * 31 * 24}, /* Months, not minutes. */
		{"1y", 366 * 24},
		{"2w", 14 * 24},
		{"30d", 30 * 24},
		{"36h", 36},
		{"0d", 0},
		{"2y5m7d3h", (2 * 366 + 5 * 31 + 7) * 24 + 3},
		{"3h7d5m2y", (2 * 366 + 5 * 31 + 7) * 24 + 3}, /* In any order. */
		{"1d1d", 48},
		{"00000000000000000000000000007d", 7 * 24},
		{"1000y", 1000 * 366 * 24},
		{"999y366d", 1000 * 366 * 24},
		{"8784000h", 1000 * 366 * 24},
	};
	static const char *const bad[] = {
		"",
		"12",
		"90s",
		"90M",
		"d",
		"3",
		"1d2",
		"1d 2h",
		" 1d",
		"1d ",
		"-1d",
		"+1d",
		"1.5d",
		"1dh",
		"unlimited",
		"1001y",
		"1000y1h",
		"8784001h",
		"1000y1d",
		"31622400001h",
		"9223372036854775807h",
		"2562047788015216h",
		"9223372036854775808d",
		"99999999999999999999999y",
		"1d\xff",
	};
	int64_t seconds = 4711;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(sr_keep_within_parse(good[i].text, &seconds));
		if (seconds != good[i].hours * 3600)
			fail_msg("%s: %lld", good[i].text, (long long)seconds);
	}
	seconds = 4711;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (sr_keep_within_parse(bad[i], &seconds) != SR_INVALID || seconds != 4711)
			fail_msg("'%s' is read: %lld", bad[i], (long long)seconds);
		assert_says("is not one of hours, days, weeks, months and years");
	}
	assert_int_equal(sr_keep_within_parse(NULL, &seconds), SR_INVALID);
	assert_int_equal(sr_keep_within_parse("90s", &seconds), SR_INVALID);
	assert_says("'90s'");
}

/* What a policy's within prints reads back as the same. */
static void test_spans_read_back(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char text[SR_KEPT_TEXT_SIZE], span[128];
		sr_keep keep;
		int64_t again;

		snprintf(span, sizeof(span), "%lldy%lldm%lldw%lldd%lldh", (long long)pick(&seed, 9),
			 (long long)pick(&seed, 30), (long long)pick(&seed, 9),
			 (long long)pick(&seed, 99), (long long)pick(&seed, 3) * 12);
		keep = rules_of("last 1");
		assert_ok(sr_keep_set(&keep, "within", span));
		sr_kept_format(SR_KEPT_WITHIN, &keep, text);
		assert_ok(sr_keep_within_parse(text + strlen("within "), &again));
		assert_int_equal(again, keep.within);
	}
}

static void test_checking(void **state)
{
	sr_keep keep;

	(void)state;
	sr_keep_init(&keep);
	assert_int_equal(sr_keep_check(&keep), SR_OK);
	keep.monthly = -2;
	assert_int_equal(sr_keep_check(&keep), SR_INVALID);
	assert_says("keep-monthly -2");
	memset(&keep, 0, sizeof(keep));
	assert_int_equal(sr_keep_check(&keep), SR_INVALID);
	assert_says("sr_keep_init");
}

static void test_words(void **state)
{
	static const struct {
		const char *span, *words;
	} spans[] = {{"7d", "within 7d"},   {"2w", "within 14d"},  {"36h", "within 36h"},
		     {"6m", "within 186d"}, {"1y", "within 366d"}, {"1d1h", "within 25h"}};
	char text[SR_KEPT_TEXT_SIZE];
	sr_keep keep;

	(void)state;
	sr_keep_init(&keep);
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		assert_ok(sr_keep_set(&keep, "within", spans[i].span));
		sr_kept_format(SR_KEPT_WITHIN, &keep, text);
		assert_string_equal(text, spans[i].words);
	}
	/* Minutes are no months. */
	keep.within = 5400;
	sr_kept_format(SR_KEPT_WITHIN, &keep, text);
	assert_string_equal(text, "within 5400s");
	keep.within = INT64_MAX;
	sr_kept_format(511, &keep, text);
	assert_string_equal(text, "last, daily, weekly, monthly, yearly, within "
				  "9223372036854775807s, date unreadable, pinned, active");
	sr_kept_format(SR_KEPT_WITHIN | SR_KEPT_PINNED, NULL, text);
	assert_string_equal(text, "within, pinned");
	sr_kept_format(0, &keep, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule),       cmocka_unit_test(test_without_end),
		cmocka_unit_test(test_year_ends),       cmocka_unit_test(test_leap_day),
		cmocka_unit_test(test_daylight_saving), cmocka_unit_test(test_odd_zones),
		cmocka_unit_test(test_unreadable),      cmocka_unit_test(test_far_instants),
		cmocka_unit_test(test_against_a_model), cmocka_unit_test(test_setting),
		cmocka_unit_test(test_spans),           cmocka_unit_test(test_spans_read_back),
		cmocka_unit_test(test_checking),        cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
