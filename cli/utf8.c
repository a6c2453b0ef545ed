#include "utf8.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "memory.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* The character at text and its length in bytes, or 0: RFC 3629's table. */
static size_t decode(const char *text, size_t left, unsigned *character)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t length;
	unsigned value;

	if (left == 0)
		return 0;
	if (s[0] < 0x80) {
		*character = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		length = 2, value = s[0] & 0x1fU;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		length = 3, value = s[0] & 0x0fU;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		length = 4, value = s[0] & 0x07U;
	else
		return 0;
	if (left < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fU);
	}
	if ((length == 3 && value < 0x800) || (length == 4 && value < 0x10000) ||
	    (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff)
		return 0;
	*character = value;
	return length;
}

size_t utf8_length(const char *text, size_t left)
{
	unsigned character;

	return decode(text, left, &character);
}

/* Column widths come from the C library's table for UTF-8, whatever the user's locale is; set
 * for this thread only, so that nothing else in the process changes its behaviour. */
static int width_of(unsigned character)
{
	static locale_t utf8;
	locale_t before;
	int width;

	if (character < 0x7f)
		return character < 0x20 ? 0 : 1;
	if (utf8 == (locale_t)0)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (utf8 == (locale_t)0)
		return 1;
	before = uselocale(utf8);
	width = wcwidth((wchar_t)character);
	uselocale(before);
	return width < 0 ? 1 : width;
}

size_t utf8_columns(const char *text)
{
	size_t left = strlen(text);
	size_t columns = 0;

	while (left > 0) {
		unsigned character = '?';
		size_t length = decode(text, left, &character);

		if (length == 0)
			length = 1;
		columns += (size_t)width_of(character);
		text += length;
		left -= length;
	}
	return columns;
}

/* Control characters of both sets, those that turn the direction of writing, and ends of lines. */
static bool drives_a_terminal(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

size_t utf8_driving(const char *text, unsigned *character)
{
	size_t length = decode(text, strnlen(text, 4), character);

	return length > 0 && drives_a_terminal(*character) ? length : 0;
}

char *utf8_clean(const char *text)
{
	size_t left = strlen(text);
	char *clean = must_alloc(left * 4 + 1);
	char *to = clean;

	while (left > 0) {
		unsigned character = 0;
		size_t length = decode(text, left, &character);
		size_t raw = length > 0 ? length : 1;

		if (length > 0 && !drives_a_terminal(character)) {
			memcpy(to, text, length);
			to += length;
		} else {
			for (size_t i = 0; i < raw; i++)
				to += sprintf(to, "\\x%02x", (unsigned char)text[i]);
		}
		text += raw;
		left -= raw;
	}
	*to = '\0';
	return clean;
}

char *utf8_cut(const char *text, size_t columns, bool at_start)
{
	const size_t total = utf8_columns(text);
	const size_t room = columns > 0 ? columns - 1 : 0;
	const char *at = text;
	size_t left = strlen(text);
	size_t passed = 0;

	if (total <= columns)
		return must_copy(text, left);
	/* Walk to the cut: what stays is before it, or behind it. */
	while (left > 0 && (at_start ? total - passed > room : true)) {
		unsigned character = '?';
		size_t length = decode(at, left, &character);
		size_t width = (size_t)width_of(character);

		if (length == 0)
			length = 1;
		if (!at_start && passed + width > room)
			break;
		passed += width;
		at += length;
		left -= length;
	}
	if (at_start)
		return must_print(ELLIPSIS "%s", at);
	return must_print("%.*s" ELLIPSIS, (int)(at - text), text);
}

char *utf8_repair(sr_text text, size_t *length)
{
	char *fixed = must_alloc(text.length * 3 + 1);
	char *to = fixed;

	for (size_t i = 0; i < text.length;) {
		size_t n = utf8_length(text.data + i, text.length - i);

		if (n > 0) {
			memcpy(to, text.data + i, n);
			to += n;
			i += n;
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			i++;
		}
	}
	*length = (size_t)(to - fixed);
	return fixed;
}
