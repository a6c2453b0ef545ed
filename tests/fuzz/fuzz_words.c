/* Sizes, numbers, dates, spans, parts of a whole, ids, keep rules, log levels. */
#include "base/parse.h"
#include "base/retention.h"
#include "fuzz.h"

static void numbers(const char *text)
{
	int64_t number;
	double real;
	bool flag;

	if (fuzz_done(sr_size_parse(text, &number)))
		FUZZ_CHECK(number >= 0);
	if (fuzz_done(sr_number_parse("it", text, -5, 1000, &number)))
		FUZZ_CHECK(number >= -5 && number <= 1000);
	if (fuzz_done(sr_number_parse("it", text, INT64_MIN, INT64_MAX, &number)))
		FUZZ_CHECK(number == strtoll(text, NULL, 10));
	if (fuzz_done(sr_part_parse("it", text, &real)))
		FUZZ_CHECK(real >= 0 && real <= 1);
	if (fuzz_inner(sr_real_parse("it", text, 0.5, 100, &real)))
		FUZZ_CHECK(real >= 0.5 && real <= 100);
	(void)fuzz_inner(sr_bool_parse("it", text, &flag));
}

/* What is printed reads back as the same instant. */
static void dates(const char *text)
{
	char printed[SR_TIME_TEXT_SIZE];
	int64_t instant, again;
	bool day;

	if (fuzz_done(sr_time_parse(text, &instant, &day))) {
		sr_time_format(instant, printed);
		if (!fuzz_done(sr_time_parse(printed, &again, NULL)) || again != instant)
			fuzz_bad(__FILE__, __LINE__, "'%s' is printed as '%s'", text, printed);
		if (day)
			FUZZ_CHECK(sr_day_end(instant) > instant);
	}
	if (fuzz_done(sr_when_parse(text, &instant, NULL)))
		sr_time_format(instant, printed);
	if (fuzz_done(sr_span_parse(text, &instant)))
		FUZZ_CHECK(instant >= 0);
}

static void ids(const char *text)
{
	char printed[SR_ID_TEXT_SIZE];
	sr_id id, again;

	if (!fuzz_done(sr_id_parse(text, &id)))
		return;
	sr_id_format(&id, printed);
	FUZZ_CHECK(fuzz_done(sr_id_parse(printed, &again)));
	FUZZ_CHECK(memcmp(&id, &again, sizeof(id)) == 0);
}

/* The newest instants are first; what is kept by the last N is N of them. */
static void rules(const char *text, const void *bytes, size_t size)
{
	static const char *const names[] = {"last",   "daily",  "weekly", "monthly",
					    "yearly", "within", "nosuch"};
	char words[SR_KEPT_TEXT_SIZE];
	sr_dated list[16];
	size_t count = size / 8 < 16 ? size / 8 : 16;
	int64_t instant = INT64_C(1767225600000000), kept = 0, within;
	sr_keep keep;

	(void)fuzz_done(sr_keep_within_parse(text, &within));
	sr_keep_init(&keep);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!fuzz_done(sr_keep_set(&keep, names[i], text)))
			continue;
		FUZZ_CHECK(sr_keep_any(&keep) || strspn(text, "0+-") > 0);
	}
	if (!fuzz_inner(sr_keep_check(&keep)))
		return;
	for (size_t i = 0; i < count; i++) {
		uint32_t step;

		memcpy(&step, (const char *)bytes + i * 8, sizeof(step));
		instant -= (int64_t)step * 1000000;
		list[i] = (sr_dated){.instant = step == 0 ? SR_NULL_INTEGER : instant};
	}
	sr_retention_apply(&keep, list, count);
	for (size_t i = 0; i < count; i++) {
		kept += (list[i].kept & SR_KEPT_LAST) != 0;
		sr_kept_format(list[i].kept, &keep, words);
		FUZZ_CHECK((words[0] == '\0') == (list[i].kept == 0));
		if (list[i].instant == SR_NULL_INTEGER)
			FUZZ_CHECK(list[i].kept & SR_KEPT_UNREADABLE);
	}
	FUZZ_CHECK(keep.last < 0 || kept <= keep.last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	numbers(text);
	dates(text);
	ids(text);
	rules(text, data, size);
	(void)fuzz_done(sr_log_levels(text));
	(void)sr_log_levels("warning");
	free(text);
	return 0;
}
