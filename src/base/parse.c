#include "parse.h"

#include <string.h>
#include <strings.h>

#include "error.h"
#include "text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits into *number and moves *text past them. False for no digit or overflow. */
static bool take_digits(const char **text, int64_t *number)
{
	const char *at = *text;
	int64_t n = 0;

	if (!is_digit(*at))
		return false;
	for (; is_digit(*at); at++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *at - '0', &n))
			return false;
	*text = at;
	*number = n;
	return true;
}

/* Reads ".25" as 0.25 and moves *text past it; nothing there is 0. False for a bare point. */
static bool take_fraction(const char **text, double *fraction)
{
	const char *at = *text;
	double digits = 0, scale = 1;

	*fraction = 0;
	if (*at != '.')
		return true;
	if (!is_digit(*++at))
		return false;
	for (; is_digit(*at); at++) {
		/* More digits than a double holds change nothing. */
		if (scale >= 1e17)
			continue;
		digits = digits * 10 + (*at - '0');
		scale *= 10;
	}
	*text = at;
	*fraction = digits / scale;
	return true;
}

sr_status sr_number_parse(const char *what, const char *text, int64_t min, int64_t max,
			  int64_t *number)
{
	const char *at = text != NULL ? text : "";
	bool negative = *at == '-';
	bool fits;
	int64_t n;

	at += negative;
	fits = take_digits(&at, &n);
	if (*at != '\0' && (fits || strspn(at, "0123456789") != strlen(at)))
		goto err0;
	if (*at == '\0' && !fits)
		goto err0;
	if (negative && fits)
		n = -n;
	if (!fits || n < min || n > max)
		return sr_return(sr_fail(SR_INVALID, "%s %s is not within %lld and %lld", what,
					 sr_quoted(sr_text_of(text)), (long long)min,
					 (long long)max));
	*number = n;
	return sr_return(SR_OK);

err0:
	return sr_return(sr_fail(SR_INVALID, "%s %s is not a whole number", what,
				 sr_quoted(sr_text_of(text))));
}

sr_status sr_real_parse(const char *what, const char *text, double min, double max, double *number)
{
	const char *at = text != NULL ? text : "";
	bool negative = *at == '-';
	double fraction, n;
	int64_t whole;

	at += negative;
	if (!take_digits(&at, &whole) || !take_fraction(&at, &fraction) || *at != '\0')
		return sr_fail(SR_INVALID, "%s %s is not a number", what,
			       sr_quoted(sr_text_of(text)));
	n = (double)whole + fraction;
	if (negative)
		n = -n;
	if (n < min || n > max)
		return sr_fail(SR_INVALID, "%s %s is not within %g and %g", what,
			       sr_quoted(sr_text_of(text)), min, max);
	*number = n;
	return SR_OK;
}

sr_status sr_part_parse(const char *what, const char *text, double *part)
{
	const char *at = text != NULL ? text : "";
	double fraction, n;
	int64_t whole;
	bool percent;

	if (!take_digits(&at, &whole) || !take_fraction(&at, &fraction))
		goto err0;
	percent = *at == '%';
	if (at[percent] != '\0')
		goto err0;
	n = (double)whole + fraction;
	if (percent)
		n /= 100;
	if (n > 1)
		goto err0;
	*part = n;
	return sr_return(SR_OK);

err0:
	return sr_return(sr_fail(SR_INVALID, "%s %s is no part of a whole such as 80%% or 0.8",
				 what, sr_quoted(sr_text_of(text))));
}

sr_status sr_bool_parse(const char *what, const char *text, bool *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) != 0)
			continue;
		*value = i % 2 == 1;
		return SR_OK;
	}
	return sr_fail(SR_INVALID, "%s %s is neither true nor false", what,
		       sr_quoted(sr_text_of(text)));
}

/* The bytes of one unit of a suffix at *text, moved past it; 0 where it is none. */
static int64_t take_unit(const char **text)
{
	static const char letters[] = "KMGTP";
	const char *at = *text, *found;
	int64_t unit = 1;

	if (*at != '\0' && (found = strchr(letters, *at & ~0x20)) != NULL) {
		unit <<= 10 * (found - letters + 1);
		at++;
		if (*at == 'i' && (at[1] == 'B' || at[1] == 'b'))
			at++;
	}
	if (*at == 'B' || *at == 'b')
		at++;
	*text = at;
	return unit;
}

sr_status sr_size_parse(const char *text, int64_t *bytes)
{
	const char *at = text != NULL ? text : "";
	double fraction;
	int64_t whole = 0, unit, n;
	bool fits;

	if (!is_digit(*at))
		goto err0;
	fits = take_digits(&at, &whole);
	while (!fits && is_digit(*at))
		at++;
	if (!take_fraction(&at, &fraction))
		goto err0;
	unit = take_unit(&at);
	if (*at != '\0' || (unit == 1 && fraction > 0))
		goto err0;
	if (!fits || __builtin_mul_overflow(whole, unit, &n) ||
	    __builtin_add_overflow(n, (int64_t)(fraction * (double)unit), &n))
		return sr_return(sr_fail(SR_INVALID,
					 "size %s is too large: at most 9223372036854775807 bytes",
					 sr_quoted(sr_text_of(text))));
	*bytes = n;
	return sr_return(SR_OK);

err0:
	return sr_return(sr_fail(SR_INVALID, "size %s is not a number of bytes such as 4096 or 10M",
				 sr_quoted(sr_text_of(text))));
}

/* "7d" as seconds; false for anything else. */
static bool parse_span(const char *text, int64_t *seconds)
{
	static const char letters[] = "smhdwy";
	static const int64_t units[] = {1, 60, 3600, 86400, 604800, 31536000};
	const char *found;
	int64_t n;

	if (text == NULL || !take_digits(&text, &n) || text[0] == '\0' || text[1] != '\0' ||
	    (found = strchr(letters, text[0])) == NULL)
		return false;
	return !__builtin_mul_overflow(n, units[found - letters], seconds);
}

sr_status sr_span_parse(const char *text, int64_t *seconds)
{
	int64_t n;

	if (!parse_span(text, &n))
		return sr_return(sr_fail(SR_INVALID, "span %s is not a time such as 90s, 12h or 7d",
					 sr_quoted(sr_text_of(text))));
	*seconds = n;
	return sr_return(SR_OK);
}

sr_status sr_when_parse(const char *text, int64_t *instant, bool *is_day)
{
	int64_t seconds, span;
	sr_status rc;

	if (parse_span(text, &seconds)) {
		if (__builtin_mul_overflow(seconds, 1000000, &span))
			return sr_return(sr_fail(SR_INVALID, "span %s is too long",
						 sr_quoted(sr_text_of(text))));
		*instant = sr_time_now() - span;
		if (is_day != NULL)
			*is_day = false;
		return sr_return(SR_OK);
	}
	if ((rc = sr_time_parse(text, instant, is_day)) != SR_OK)
		sr_fail_also(rc, ", nor a span such as 7d");
	return sr_return(rc);
}
