#include "retention.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "text.h"

#define US_PER_SECOND 1000000

#define HOUR       INT64_C(3600)
#define DAY        (24 * HOUR)
#define WITHIN_MAX (1000 * 366 * DAY)
#define COUNT_MAX  1000000

/* ---- The rules ---- */

void sr_keep_init(sr_keep *keep)
{
	*keep = (sr_keep){.version = SR_KEEP_VERSION};
}

typedef struct rule {
	const char *name;
	size_t offset; /* Of its number in sr_keep. */
} rule;

static const rule rules[] = {
	{"last", offsetof(sr_keep, last)},     {"daily", offsetof(sr_keep, daily)},
	{"weekly", offsetof(sr_keep, weekly)}, {"monthly", offsetof(sr_keep, monthly)},
	{"yearly", offsetof(sr_keep, yearly)}, {"within", offsetof(sr_keep, within)},
};

#define RULES  (sizeof(rules) / sizeof(rules[0]))
#define WITHIN (RULES - 1) /* The one that is no count. */

static int64_t number_of(const sr_keep *keep, size_t i)
{
	int64_t number;

	memcpy(&number, (const char *)keep + rules[i].offset, sizeof(number));
	return number;
}

/* A number and its unit at *text, moved past them. False for anything else. */
static bool take_part(const char **text, int64_t *seconds)
{
	static const char letters[] = "ymwdh";
	static const int64_t units[] = {366 * DAY, 31 * DAY, 7 * DAY, DAY, HOUR};
	const size_t digits = strspn(*text, "0123456789");
	const char *unit;
	int64_t n = 0;

	if (digits == 0 || (*text)[digits] == '\0' ||
	    (unit = strchr(letters, (*text)[digits])) == NULL)
		return false;
	for (size_t i = 0; i < digits; i++)
		if ((n = n * 10 + ((*text)[i] - '0')) > WITHIN_MAX)
			return false;
	*text += digits + 1;
	return !__builtin_mul_overflow(n, units[unit - letters], seconds);
}

sr_status sr_keep_within_parse(const char *text, int64_t *seconds)
{
	const char *at = text != NULL ? text : "";
	int64_t part, sum = 0;

	do {
		if (!take_part(&at, &part) || part > WITHIN_MAX - sum)
			return sr_return(
				sr_fail(SR_INVALID,
					"span %s is not one of hours, days, weeks, months and "
					"years such as 36h, 30d, 6m or 1y6m, up to 1000y",
					sr_quoted(sr_text_of(text))));
		sum += part;
	} while (*at != '\0');
	*seconds = sum;
	return sr_return(SR_OK);
}

sr_status sr_keep_set(sr_keep *keep, const char *name, const char *value)
{
	char what[32];
	int64_t number;
	sr_status rc;
	size_t i = 0;

	while (i < RULES && (name == NULL || strcmp(rules[i].name, name) != 0))
		i++;
	if (i == RULES)
		return sr_return(sr_fail(SR_INVALID,
					 "there is no keep rule %s: last, daily, weekly, monthly, "
					 "yearly or within",
					 sr_quoted(sr_text_of(name))));
	snprintf(what, sizeof(what), "keep-%s", rules[i].name);
	if (value != NULL && strcmp(value, "unlimited") == 0)
		number = SR_KEEP_UNLIMITED;
	else if (i == WITHIN && (rc = sr_keep_within_parse(value, &number)) != SR_OK)
		return sr_return(sr_fail_within(rc, "%s", what));
	else if (i != WITHIN && (rc = sr_number_parse(what, value, 0, COUNT_MAX, &number)) != SR_OK)
		return sr_return(sr_fail_also(rc, "; all are kept by: unlimited"));
	memcpy((char *)keep + rules[i].offset, &number, sizeof(number));
	return sr_return(SR_OK);
}

bool sr_keep_any(const sr_keep *keep)
{
	for (size_t i = 0; i < RULES; i++)
		if (number_of(keep, i) != 0)
			return true;
	return false;
}

sr_status sr_keep_check(const sr_keep *keep)
{
	if (keep->version != SR_KEEP_VERSION)
		return sr_fail(SR_INVALID, "sr_keep of version %u, not %d: sr_keep_init it",
			       keep->version, SR_KEEP_VERSION);
	for (size_t i = 0; i < RULES; i++)
		if (number_of(keep, i) < SR_KEEP_UNLIMITED)
			return sr_fail(SR_INVALID, "keep-%s %lld is negative", rules[i].name,
				       (long long)number_of(keep, i));
	return SR_OK;
}

/* ---- Applying them ---- */

/* The calendar's buckets that an instant lies in. Each grows with time, so that a later bucket is a
 * larger number. */
typedef struct moment {
	int64_t day;
	int64_t week;
	int64_t month;
	int64_t year;
} moment;

/* The number of a week's Thursday decides which year an ISO week belongs to; weeks are told apart
 * by that year and the number of whole weeks before that Thursday in it. */
static int64_t iso_week(const struct tm *tm, int64_t year)
{
	int64_t thursday = tm->tm_yday - (tm->tm_wday + 6) % 7 + 3;
	bool leap;

	if (thursday < 0) {
		year--;
		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		thursday += leap ? 366 : 365;
	} else {
		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		if (thursday >= (leap ? 366 : 365)) {
			thursday -= leap ? 366 : 365;
			year++;
		}
	}
	return year * 100 + thursday / 7 + 1;
}

static bool moment_of(int64_t instant, moment *m)
{
	time_t seconds = instant / US_PER_SECOND - (instant % US_PER_SECOND < 0);
	struct tm tm;
	int64_t year;

	if (localtime_r(&seconds, &tm) == NULL)
		return false;
	year = (int64_t)tm.tm_year + 1900;
	*m = (moment){
		.day = year * 1000 + tm.tm_yday,
		.week = iso_week(&tm, year),
		.month = year * 100 + tm.tm_mon,
		.year = year,
	};
	return true;
}

/* One rule on its way back through time. */
typedef struct counter {
	unsigned bit;
	int64_t left;   /* SR_KEEP_UNLIMITED: without end. */
	int64_t bucket; /* The one that it kept last; */
	bool begun;     /* none before it began. */
} counter;

/*
 * Whether the next one, in this bucket, is kept. Only an older bucket is a new one: clocks that
 * are set back across midnight come to a day for the second time, and going back in time that day
 * then shows up again after the one before it.
 */
static unsigned count(counter *c, int64_t bucket)
{
	if (c->left == 0 || (c->begun && bucket >= c->bucket))
		return 0;
	c->begun = true;
	c->bucket = bucket;
	if (c->left > 0)
		c->left--;
	return c->bit;
}

static unsigned within(const sr_keep *keep, int64_t newest, int64_t instant)
{
	/* Unsigned, it holds the age of whatever is no newer. */
	uint64_t age = (uint64_t)newest - (uint64_t)instant;
	uint64_t limit = (uint64_t)keep->within;

	if (keep->within == 0)
		return 0;
	if (keep->within != SR_KEEP_UNLIMITED && limit <= UINT64_MAX / US_PER_SECOND &&
	    age > limit * US_PER_SECOND)
		return 0;
	return SR_KEPT_WITHIN;
}

void sr_retention_apply(const sr_keep *keep, sr_dated *list, size_t length)
{
	counter last = {SR_KEPT_LAST, keep->last, 0, false};
	counter daily = {SR_KEPT_DAILY, keep->daily, 0, false};
	counter weekly = {SR_KEPT_WEEKLY, keep->weekly, 0, false};
	counter monthly = {SR_KEPT_MONTHLY, keep->monthly, 0, false};
	counter yearly = {SR_KEPT_YEARLY, keep->yearly, 0, false};
	int64_t newest = SR_NULL_INTEGER, position = 0;
	moment m;

	tzset(); /* localtime_r need not look at $TZ. */
	for (size_t i = 0; i < length; i++) {
		int64_t instant = list[i].instant;

		if (instant == SR_NULL_INTEGER || !moment_of(instant, &m)) {
			list[i].kept = SR_KEPT_UNREADABLE;
			continue;
		}
		if (newest == SR_NULL_INTEGER)
			newest = instant;
		list[i].kept = count(&last, --position) | count(&daily, m.day) |
			       count(&weekly, m.week) | count(&monthly, m.month) |
			       count(&yearly, m.year) | within(keep, newest, instant);
	}
}

/* ---- In words ---- */

/* The largest unit that holds it whole, as it is typed; what is longer than a day is days, as
 * people write 30d. Minutes, which m is not, come only from callers: in seconds they are not
 * mistaken for months. */
static void format_span(int64_t seconds, char *text, size_t size)
{
	if (seconds == SR_KEEP_UNLIMITED)
		snprintf(text, size, "unlimited");
	else if (seconds % DAY == 0)
		snprintf(text, size, "%lldd", (long long)(seconds / DAY));
	else if (seconds % HOUR == 0)
		snprintf(text, size, "%lldh", (long long)(seconds / HOUR));
	else
		snprintf(text, size, "%llds", (long long)seconds);
}

void sr_kept_format(unsigned kept, const sr_keep *keep, char text[SR_KEPT_TEXT_SIZE])
{
	static const char *const words[] = {"last",   "daily",  "weekly",          "monthly",
					    "yearly", "within", "date unreadable", "pinned",
					    "active"};
	char span[32] = "";
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((kept & 1U << i) == 0)
			continue;
		if (1U << i == SR_KEPT_WITHIN && keep != NULL)
			format_span(keep->within, span, sizeof(span));
		at += (size_t)snprintf(text + at, SR_KEPT_TEXT_SIZE - at, "%s%s%s%s",
				       at > 0 ? ", " : "", words[i], span[0] ? " " : "", span);
		span[0] = '\0';
	}
}
