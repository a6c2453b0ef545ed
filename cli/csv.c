/*
 * START -> PLAIN, QUOTED   by the field's first byte
 * QUOTED -> CLOSED         at a quote; a second quote right behind takes it back
 * any but QUOTED -> START  at a comma, and at the end of the line, which ends the record
 */
#include "csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void csv_open(struct csv *csv, FILE *file)
{
	memset(csv, 0, sizeof(*csv));
	csv->file = file;
	csv->bytes = must_alloc(CSV_LONGEST + 1);
}

void csv_close(struct csv *csv)
{
	free(csv->bytes);
	free(csv->starts);
	csv->bytes = NULL;
	csv->starts = NULL;
}

sr_text csv_field(const struct csv *csv, size_t i)
{
	const size_t end = i + 1 < csv->count ? csv->starts[i + 1] : csv->used;

	return (sr_text){csv->bytes + csv->starts[i], end - csv->starts[i] - 1};
}

static int fail(struct csv *csv, const char *why)
{
	snprintf(csv->error, sizeof(csv->error), "%s", why);
	return -1;
}

static bool put(struct csv *csv, int c)
{
	if (csv->used > CSV_LONGEST)
		return false;
	csv->bytes[csv->used++] = (char)c;
	return true;
}

static void begin_field(struct csv *csv)
{
	if (csv->count == csv->room) {
		csv->room = csv->room * 2 + 16;
		csv->starts = must_realloc(csv->starts, csv->room * sizeof(*csv->starts));
	}
	csv->starts[csv->count++] = csv->used;
}

/* The next byte with CR LF and a lone CR as LF. */
static int next_byte(struct csv *csv)
{
	int c = getc(csv->file);

	if (c == '\r') {
		c = getc(csv->file);
		if (c != '\n')
			ungetc(c, csv->file);
		c = '\n';
	}
	if (c == '\n')
		csv->lines++;
	return c;
}

/* What stands between two quotes, to the byte behind the closing one. */
static int read_quoted(struct csv *csv, int *after)
{
	for (;;) {
		int c = getc(csv->file);

		if (c == '"') {
			c = getc(csv->file);
			if (c != '"') {
				ungetc(c, csv->file);
				*after = next_byte(csv);
				break;
			}
		} else if (c == EOF) {
			return fail(csv, "a quote is never closed");
		} else if (c == '\n') {
			csv->lines++;
		}
		if (c == '\0')
			return fail(csv, "it holds a NUL byte");
		if (!put(csv, c))
			return fail(csv, "it is longer than 1 MiB");
	}
	if (*after != ',' && *after != '\n' && *after != EOF)
		return fail(csv, "text stands behind a closing quote");
	return 0;
}

/* One field; *after is the comma, newline or EOF that ended it. */
static int read_field(struct csv *csv, int *after)
{
	int c = next_byte(csv);

	begin_field(csv);
	if (c == '"') {
		if (read_quoted(csv, &c) != 0)
			return -1;
	} else {
		for (; c != ',' && c != '\n' && c != EOF; c = next_byte(csv)) {
			if (c == '"')
				return fail(csv, "a quote stands inside a value without quotes");
			if (c == '\0')
				return fail(csv, "it holds a NUL byte");
			if (!put(csv, c))
				return fail(csv, "it is longer than 1 MiB");
		}
	}
	*after = c;
	return put(csv, '\0') ? 0 : fail(csv, "it is longer than 1 MiB");
}

/* Spreadsheets put a byte order mark before the first heading. */
static void skip_mark(struct csv *csv)
{
	static const unsigned char mark[] = {0xef, 0xbb, 0xbf};
	int c = getc(csv->file);

	if (c != mark[0]) {
		ungetc(c, csv->file);
		return;
	}
	/* No heading begins with this byte, so that a broken mark is no loss. */
	if ((c = getc(csv->file)) != mark[1] || (c = getc(csv->file)) != mark[2])
		ungetc(c, csv->file);
}

int csv_read(struct csv *csv)
{
	int after = 0;

	if (csv->lines == 0 && csv->line == 0)
		skip_mark(csv);
	do {
		csv->line = csv->lines + 1;
		csv->used = 0;
		csv->count = 0;
		do {
			if (read_field(csv, &after) != 0)
				return -1;
		} while (after == ',');
		if (ferror(csv->file))
			return fail(csv, strerror(errno));
	} while (csv->count == 1 && csv->used == 1 && after != EOF);
	return csv->count == 1 && csv->used == 1 ? 0 : 1;
}

bool csv_is_formula(const char *text)
{
	static const char *const wide[] = {"\uff1d", "\uff0b", "\uff0d", "\uff20"};

	text += strspn(text, "'");
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strncmp(text, wide[i], strlen(wide[i])) == 0)
			return true;
	if (*text == '=' || *text == '@')
		return true;
	return (*text == '+' || *text == '-') &&
	       (text[1] == '\0' || text[1 + strspn(text + 1, "0123456789.")] != '\0');
}
