#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

/* How much of a name a message shows, and how many names one message may hold. */
#define QUOTED_BYTES 200
#define QUOTED_RING  8
/* Each byte escaped to four, the quotes, the mark of the cut and the NUL. */
#define QUOTED_SIZE (QUOTED_BYTES * 4 + 8)

sr_text sr_text_of(const char *string)
{
	sr_text text = {string, string != NULL ? strlen(string) : 0};

	return text;
}

void sr_free(void *memory)
{
	free(memory);
}

bool sr_text_equal(sr_text a, sr_text b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

int sr_text_compare(sr_text a, sr_text b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;
	int order;

	if (a.data == NULL || b.data == NULL)
		return (a.data != NULL) - (b.data != NULL);
	if ((order = memcmp(a.data, b.data, shorter)) != 0)
		return order;
	return (a.length > b.length) - (a.length < b.length);
}

static bool between(char byte, unsigned char low, unsigned char high)
{
	unsigned char c = (unsigned char)byte;

	return c >= low && c <= high;
}

size_t sr_utf8_sequence(const char *bytes, size_t length)
{
	unsigned char low = 0x80, high = 0xBF, first;
	size_t need;

	if (length == 0)
		return 0;
	first = (unsigned char)bytes[0];
	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	need = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	/* The second byte tells overlong forms, surrogates and what lies past U+10FFFF. */
	if (first == 0xE0)
		low = 0xA0;
	else if (first == 0xED)
		high = 0x9F;
	else if (first == 0xF0)
		low = 0x90;
	else if (first == 0xF4)
		high = 0x8F;
	if (length < need || !between(bytes[1], low, high))
		return 0;
	for (size_t i = 2; i < need; i++)
		if (!between(bytes[i], 0x80, 0xBF))
			return 0;
	return need;
}

bool sr_text_is_utf8(sr_text text)
{
	size_t n;

	for (size_t i = 0; i < text.length; i += n)
		if ((n = sr_utf8_sequence(text.data + i, text.length - i)) == 0)
			return false;
	return true;
}

/* Whether a well-formed sequence is a control character: C0, DEL or C1. */
static bool is_control(const char *bytes, size_t length)
{
	if (length == 1)
		return between(bytes[0], 0, 0x1F) || bytes[0] == 0x7F;
	return length == 2 && between(bytes[0], 0xC2, 0xC2) && between(bytes[1], 0x80, 0x9F);
}

/* Whether it turns the direction of what is shown beside it (all of Unicode's Bidi_Control): fit
 * for a text, but in a name it hides what the name ends in. Or ends a line (U+2028, U+2029). */
static bool turns_or_breaks(const char *bytes, size_t length)
{
	if (length == 2)
		return bytes[0] == '\xD8' && bytes[1] == '\x9C';
	if (length != 3 || bytes[0] != '\xE2')
		return false;
	return (bytes[1] == '\x80' &&
		(between(bytes[2], 0x8E, 0x8F) || between(bytes[2], 0xA8, 0xAE))) ||
	       (bytes[1] == '\x81' && between(bytes[2], 0xA6, 0xA9));
}

bool sr_utf8_drives(const char *bytes, size_t length)
{
	return is_control(bytes, length) || turns_or_breaks(bytes, length);
}

bool sr_text_has_control(sr_text text)
{
	size_t n;

	for (size_t i = 0; i < text.length; i += n) {
		n = sr_utf8_sequence(text.data + i, text.length - i);
		if (n > 0 && is_control(text.data + i, n))
			return true;
		if (n == 0)
			n = 1;
	}
	return false;
}

static void add_hex_bytes(sr_buffer *buffer, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sr_buffer_printf(buffer, "\\x%02x", (unsigned char)bytes[i]);
}

/* How many bytes from the first on stay as they are and are of ASCII: most texts, whole. */
static size_t plain_length(const char *at, size_t length)
{
	size_t n = 0;

	while (n < length && at[n] >= ' ' && at[n] < 0x7F && at[n] != '\\')
		n++;
	return n;
}

static void add_escaped(sr_buffer *buffer, sr_text text)
{
	size_t n;

	for (size_t i = 0; i < text.length; i += n) {
		const char *at = text.data + i;

		if ((n = plain_length(at, text.length - i)) > 0) {
			sr_buffer_add(buffer, at, n);
			continue;
		}
		n = sr_utf8_sequence(at, text.length - i);
		if (n == 0)
			add_hex_bytes(buffer, at, n = 1);
		else if (*at == '\n')
			sr_buffer_add_string(buffer, "\\n");
		else if (*at == '\t')
			sr_buffer_add_string(buffer, "\\t");
		else if (*at == '\\')
			sr_buffer_add_string(buffer, "\\\\");
		else if (sr_utf8_drives(at, n))
			add_hex_bytes(buffer, at, n);
		else
			sr_buffer_add(buffer, at, n);
	}
}

char *sr_text_escaped(sr_text text)
{
	sr_buffer buffer = SR_BUFFER_EMPTY;

	add_escaped(&buffer, text);
	return sr_buffer_take(&buffer);
}

sr_status sr_text_escape(sr_text text, char **out)
{
	*out = sr_text_escaped(text);
	return sr_return(*out != NULL ? SR_OK : sr_fail_memory());
}

/* Where to cut a text that is longer than limit: between two characters. */
static size_t cut(sr_text text, size_t limit)
{
	size_t n, at = 0;

	if (text.length <= limit)
		return text.length;
	for (;;) {
		n = sr_utf8_sequence(text.data + at, text.length - at);
		if (n == 0)
			n = 1;
		if (at + n > limit)
			return at;
		at += n;
	}
}

const char *sr_quoted(sr_text text)
{
	static _Thread_local char ring[QUOTED_RING][QUOTED_SIZE];
	static _Thread_local unsigned next;
	char *slot = ring[next++ % QUOTED_RING];
	sr_buffer buffer = SR_BUFFER_EMPTY;
	sr_text shown = {text.data, cut(text, QUOTED_BYTES)};

	if (text.data == NULL)
		return "null";
	sr_buffer_add_string(&buffer, "'");
	add_escaped(&buffer, shown);
	sr_buffer_add_string(&buffer, shown.length < text.length ? "…'" : "'");
	/* A message must come out even where there is no memory for the name. */
	if (buffer.failed)
		strcpy(slot, "''");
	else
		memcpy(slot, buffer.data, buffer.length + 1);
	sr_buffer_free(&buffer);
	return slot;
}

void *sr_text_copy_struct(const void *from, size_t size, const size_t *texts, size_t count)
{
	size_t whole = size;
	sr_text text;
	char *copy;
	char *next;

	for (size_t i = 0; i < count; i++) {
		memcpy(&text, (const char *)from + texts[i], sizeof(text));
		whole += text.length + 1;
	}
	if ((copy = malloc(whole)) == NULL)
		return NULL;
	memcpy(copy, from, size);
	next = copy + size;
	for (size_t i = 0; i < count; i++) {
		memcpy(&text, copy + texts[i], sizeof(text));
		if (text.data == NULL)
			continue;
		memcpy(next, text.data, text.length);
		next[text.length] = '\0';
		text.data = next;
		next += text.length + 1;
		memcpy(copy + texts[i], &text, sizeof(text));
	}
	return copy;
}

void sr_hex(const void *bytes, size_t length, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++) {
		*hex++ = digits[at[i] >> 4];
		*hex++ = digits[at[i] & 15];
	}
	*hex = '\0';
}
