#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *bytes_to_hex(sr_text bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *text = must_alloc(bytes.length * 2 + 1);

	for (size_t i = 0; i < bytes.length; i++) {
		text[2 * i] = digits[(unsigned char)bytes.data[i] >> 4];
		text[2 * i + 1] = digits[(unsigned char)bytes.data[i] & 15];
	}
	return text;
}

char *bytes_to_base64(sr_text bytes)
{
	char *text = must_alloc((bytes.length + 2) / 3 * 4 + 1);
	char *to = text;

	for (size_t i = 0; i < bytes.length; i += 3) {
		const size_t left = bytes.length - i;
		unsigned group = (unsigned)(unsigned char)bytes.data[i] << 16;

		if (left > 1)
			group |= (unsigned)(unsigned char)bytes.data[i + 1] << 8;
		if (left > 2)
			group |= (unsigned char)bytes.data[i + 2];
		*to++ = base64_digits[group >> 18];
		*to++ = base64_digits[group >> 12 & 63];
		*to++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? base64_digits[group & 63] : '=';
	}
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool bytes_from_hex(sr_text text, char **bytes, size_t *length)
{
	char *out;

	if (text.length % 2 != 0)
		return false;
	out = must_alloc(text.length / 2 + 1);
	for (size_t i = 0; i < text.length / 2; i++) {
		int high = hex_digit(text.data[2 * i]);
		int low = hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(out);
			return false;
		}
		out[i] = (char)(high << 4 | low);
	}
	*bytes = out;
	*length = text.length / 2;
	return true;
}

/* One group of four digits, of which the last `pad` are missing. */
static bool base64_group(const char *digits, size_t pad, char out[3])
{
	unsigned group = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *at = NULL;

		if (i < 4 - pad) {
			if (digits[i] == '\0' || (at = strchr(base64_digits, digits[i])) == NULL)
				return false;
			group = group << 6 | (unsigned)(at - base64_digits);
		} else {
			group <<= 6;
		}
	}
	out[0] = (char)(group >> 16);
	out[1] = (char)(group >> 8);
	out[2] = (char)group;
	return true;
}

bool bytes_from_base64(sr_text text, char **bytes, size_t *length)
{
	size_t pad = 0;
	size_t n = 0;
	char *out;

	if (text.length % 4 != 0)
		return false;
	while (pad < 2 && pad < text.length && text.data[text.length - 1 - pad] == '=')
		pad++;
	out = must_alloc(text.length / 4 * 3 + 1);
	for (size_t i = 0; i < text.length; i += 4) {
		const size_t missing = i + 4 == text.length ? pad : 0;

		if (!base64_group(text.data + i, missing, out + n)) {
			free(out);
			return false;
		}
		n += 3 - missing;
	}
	out[n] = '\0';
	*bytes = out;
	*length = n;
	return true;
}
