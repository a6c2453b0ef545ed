#include <stdio.h>
#include <time.h>

#include "error.h"
#include "instant.h"
#include "text.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (86400 * US_PER_SECOND)

/* Days from 1970-01-01 to a date. Years begin in March here, so that the leap day is the last
 * of its year; an era is the 400 years after which the calendar repeats. */
static int64_t days_of_date(int64_t year, int month, int day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t era, of_era, years, of_year, march;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * years + years / 4 - years / 100);
	march = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * march + 2) / 5 + 1);
	*month = (int)(march < 10 ? march + 3 : march - 9);
	*year = years + era * 400 + (*month <= 2);
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Reads exactly `digits` digits and moves *at past them. */
static bool take_number(const char **at, int digits, int *number)
{
	int n = 0;

	for (; digits > 0; digits--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		n = n * 10 + (**at - '0');
	}
	*number = n;
	return true;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool take_date(const char **at, int64_t *days)
{
	int year, month, day;

	if (!take_number(at, 4, &year) || !take_char(at, '-') || !take_number(at, 2, &month) ||
	    !take_char(at, '-') || !take_number(at, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	*days = days_of_date(year, month, day);
	return true;
}

/* ".5" as microseconds; digits past the sixth are read and dropped. */
static bool take_fraction(const char **at, int64_t *us)
{
	int64_t unit = US_PER_SECOND / 10;

	if (!take_char(at, '.') && !take_char(at, ','))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
		*us += (**at - '0') * unit;
	return true;
}

/* The time of day in microseconds. */
static bool take_time(const char **at, int64_t *us)
{
	int hour, minute, second = 0;
	int64_t fraction = 0;

	if (!take_number(at, 2, &hour) || !take_char(at, ':') || !take_number(at, 2, &minute))
		return false;
	if (take_char(at, ':') && (!take_number(at, 2, &second) || !take_fraction(at, &fraction)))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*us = (hour * 3600 + minute * 60 + second) * US_PER_SECOND + fraction;
	return true;
}

/* How far ahead of UTC, in microseconds. Old code wrote an offset and then a Z as well. */
static bool take_zone(const char **at, int64_t *ahead)
{
	bool west = **at == '-';
	int hours, minutes = 0;

	*ahead = 0;
	if (take_char(at, '+') || take_char(at, '-')) {
		if (!take_number(at, 2, &hours))
			return false;
		if ((take_char(at, ':') || (**at >= '0' && **at <= '9')) &&
		    !take_number(at, 2, &minutes))
			return false;
		if (hours > 23 || minutes > 59)
			return false;
		*ahead = (hours * 60 + minutes) * 60 * US_PER_SECOND * (west ? -1 : 1);
	}
	if (!take_char(at, 'Z'))
		take_char(at, 'z');
	return true;
}

bool sr_instant_read(const char *text, int64_t *instant, bool *is_day)
{
	const char *at = text != NULL ? text : "";
	int64_t days, us = 0, ahead = 0;
	bool day;

	if (!take_date(&at, &days))
		return false;
	day = *at == '\0';
	if (!day && !take_char(&at, 'T') && !take_char(&at, ' ') && !take_char(&at, 't'))
		return false;
	if (!day && (!take_time(&at, &us) || !take_zone(&at, &ahead)))
		return false;
	if (*at != '\0')
		return false;
	*instant = days * US_PER_DAY + us - ahead;
	if (is_day != NULL)
		*is_day = day;
	return true;
}

sr_status sr_time_parse(const char *text, int64_t *instant, bool *is_day)
{
	if (sr_instant_read(text, instant, is_day))
		return sr_return(SR_OK);
	return sr_return(sr_fail(SR_INVALID,
				 "date %s is not a date such as 2026-01-31 or 2026-01-31T09:30Z",
				 sr_quoted(sr_text_of(text))));
}

void sr_time_format(int64_t instant, char text[SR_TIME_TEXT_SIZE])
{
	int64_t days = instant / US_PER_DAY, us = instant % US_PER_DAY, year;
	int month, day, second, n;
	char fraction[8] = "";

	if (us < 0) {
		us += US_PER_DAY;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	second = (int)(us / US_PER_SECOND);
	us %= US_PER_SECOND;
	if (us > 0) {
		n = snprintf(fraction, sizeof(fraction), ".%06d", (int)us);
		while (n > 0 && fraction[n - 1] == '0')
			fraction[--n] = '\0';
	}
	snprintf(text, SR_TIME_TEXT_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02d%sZ", (long long)year,
		 month, day, second / 3600, second / 60 % 60, second % 60, fraction);
}

int64_t sr_time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t sr_day_end(int64_t instant)
{
	return instant + US_PER_DAY - 1;
}
