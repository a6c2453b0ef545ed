#include "pattern.h"

#include <stddef.h>

#include <utf8proc.h>

/* How many bytes the character at hand has; a byte of no character counts as one. */
static size_t width(const char *at, const char *end)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)at, end - at, &c);

	return n > 0 ? (size_t)n : 1;
}

/* Characters in their order; bytes of none behind them. */
static int32_t value(const char *at, const char *end)
{
	utf8proc_int32_t c;

	if (utf8proc_iterate((const utf8proc_uint8_t *)at, end - at, &c) > 0)
		return c;
	return 0x200000 + (unsigned char)*at;
}

/* The bracket that ends the class at p, or NULL where it is none. */
static const char *class_end(const char *p, const char *end)
{
	const char *first;

	p++;
	if (p < end && (*p == '!' || *p == '^'))
		p++;
	for (first = p; p < end && *p != '/'; p++) {
		if (*p == ']' && p > first)
			return p;
		if (*p == '\\' && p + 1 < end && p[1] != '/')
			p++;
	}
	return NULL;
}

static const char *one_of_class(const char *p, const char *end, int32_t *code)
{
	if (*p == '\\' && p + 1 < end)
		p++;
	*code = value(p, end);
	return p + width(p, end);
}

static bool in_class(const char *p, const char *end, int32_t code)
{
	bool negated = p[1] == '!' || p[1] == '^', in = false;

	for (p += 1 + negated; p < end;) {
		int32_t from, to;

		p = one_of_class(p, end, &from);
		to = from;
		if (end - p >= 2 && *p == '-')
			p = one_of_class(p + 1, end, &to);
		in = in || (code >= from && code <= to);
	}
	return in != negated;
}

/* Whether the rest of the pattern matches the rest of the text. begins: a part of a path begins in
 * the pattern here; path: the pattern is one. */
static bool rest_matches(const char *p, const char *pend, const char *t, const char *tend,
			 bool begins, bool path);

/* After as few and as many characters as there are. */
static bool after_any(const char *p, const char *pend, const char *t, const char *tend,
		      bool slashes, bool path)
{
	for (;;) {
		if (rest_matches(p, pend, t, tend, false, path))
			return true;
		if (t == tend || (*t == '/' && !slashes))
			return false;
		t += width(t, tend);
	}
}

/* After no part or whole parts, each with its slash. */
static bool after_parts(const char *p, const char *pend, const char *t, const char *tend, bool path)
{
	for (;;) {
		if (rest_matches(p, pend, t, tend, true, path))
			return true;
		while (t < tend && *t != '/')
			t++;
		if (t++ == tend)
			return false;
	}
}

static bool stars_match(const char *p, const char *pend, const char *t, const char *tend,
			bool begins, bool path)
{
	size_t stars = 0;

	for (; p < pend && *p == '*'; p++)
		stars++;
	if (stars > 1 && begins && p < pend && *p == '/')
		return after_parts(p + 1, pend, t, tend, path);
	return after_any(p, pend, t, tend, stars > 1, path);
}

static bool rest_matches(const char *p, const char *pend, const char *t, const char *tend,
			 bool begins, bool path)
{
	const char *close;

	if (p == pend)
		return t == tend || (path && begins); /* A folder: all that is below. */
	if (*p == '*')
		return stars_match(p, pend, t, tend, begins, path);
	if (t == tend)
		return false;
	if (*p == '?')
		return *t != '/' &&
		       rest_matches(p + 1, pend, t + width(t, tend), tend, false, path);
	if (*p == '[' && (close = class_end(p, pend)) != NULL)
		return *t != '/' && in_class(p, close, value(t, tend)) &&
		       rest_matches(close + 1, pend, t + width(t, tend), tend, false, path);
	if (*p == '\\' && p + 1 < pend)
		p++;
	if (value(p, pend) != value(t, tend))
		return false;
	begins = *p == '/';
	return rest_matches(p + width(p, pend), pend, t + width(t, tend), tend, begins, path);
}

/* A slash is one wherever it stands: no class holds it, and a backslash does not change it. */
bool pattern_is_path(sr_text pattern)
{
	for (size_t i = 0; i < pattern.length; i++)
		if (pattern.data[i] == '/')
			return true;
	return false;
}

bool pattern_matches(sr_text pattern, sr_text text)
{
	const char *p = pattern.data, *pend = p + pattern.length;
	const char *t = text.data, *tend = t + text.length;
	bool path = pattern_is_path(pattern);

	if (t == NULL)
		return false;
	if (pattern.length > 0 && *p == '/')
		return rest_matches(p, pend, t, tend, true, path);
	if (pattern.length == 0)
		return text.length == 0;
	return after_parts(p, pend, t, tend, path);
}
