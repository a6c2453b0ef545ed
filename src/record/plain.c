#include <string.h>

#include "../base/text.h"
#include "../base/utf8.h"
#include "types.h"

/* Control characters that texts do have: tab to carriage return, backspace, escape. */
static bool is_text_control(unsigned char c)
{
	return (c >= 8 && c <= 13) || c == 27;
}

bool sr_looks_like_text(const unsigned char *bytes, size_t length)
{
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		n = sr_utf8_sequence((const char *)bytes + i, length - i);
		/* The last letter may be cut. */
		if (n == 0)
			return i > 0 && length - i < 4 && bytes[i] >= 0xC2;
		if (bytes[i] == 0x7F || (bytes[i] < 0x20 && !is_text_control(bytes[i])))
			return false;
	}
	return length > 0;
}

/* "{" begins a comment as often as a format. */
static bool is_format_after_brace(const unsigned char *bytes, size_t length)
{
	size_t i = 1;

	while (i < length && (bytes[i] == ' ' || (bytes[i] >= 9 && bytes[i] <= 13)))
		i++;
	return i == length || bytes[i] == '"' || bytes[i] == '}' || bytes[i] == '\\';
}

bool sr_is_plain(const unsigned char *bytes, size_t length)
{
	static const char *const marks[] = {"#!", "<", "%PDF", "%!", "-----", "\\", "\xEF\xBB\xBF"};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (length >= strlen(marks[i]) && memcmp(bytes, marks[i], strlen(marks[i])) == 0)
			return false;
	return length == 0 || bytes[0] != '{' || !is_format_after_brace(bytes, length);
}
