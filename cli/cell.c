#include "cell.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "memory.h"

struct cell cell_text(sr_text text)
{
	return (struct cell){.kind = text.data != NULL ? CELL_TEXT : CELL_NULL, .text = text};
}

struct cell cell_string(const char *string)
{
	return cell_text(sr_text_of(string));
}

static struct cell numeric(cell_kind kind, int64_t value)
{
	return (struct cell){.kind = value != SR_NULL_INTEGER ? kind : CELL_NULL, .integer = value};
}

struct cell cell_integer(int64_t value)
{
	return numeric(CELL_INTEGER, value);
}

struct cell cell_number(int64_t value)
{
	return numeric(CELL_NUMBER, value);
}

struct cell cell_size(int64_t bytes)
{
	return numeric(CELL_SIZE, bytes);
}

struct cell cell_flag(bool flag)
{
	return (struct cell){.kind = CELL_FLAG, .integer = flag};
}

struct cell cell_real(double value)
{
	return (struct cell){.kind = isfinite(value) ? CELL_REAL : CELL_NULL, .real = value};
}

struct cell cell_time(sr_text date)
{
	return (struct cell){.kind = date.data != NULL ? CELL_TIME : CELL_NULL, .text = date};
}

struct cell cell_blob(sr_text bytes)
{
	return (struct cell){.kind = bytes.data != NULL ? CELL_BLOB : CELL_NULL, .text = bytes};
}

struct cell cell_toned(struct cell cell, cell_tone tone)
{
	cell.tone = tone;
	return cell;
}

cell_tone tone_of_state(const char *word, size_t length)
{
	static const struct {
		const char *word;
		cell_tone tone;
	} tones[] = {
		{"ok", TONE_GOOD},         {"current", TONE_GOOD},    {"kept", TONE_GOOD},
		{"good", TONE_GOOD},       {"healthy", TONE_GOOD},    {"verified", TONE_GOOD},
		{"done", TONE_GOOD},       {"warning", TONE_WARNING}, {"missing", TONE_WARNING},
		{"pending", TONE_WARNING}, {"stale", TONE_WARNING},   {"worse", TONE_WARNING},
		{"pruned", TONE_WARNING},  {"exceeded", TONE_BAD},    {"error", TONE_BAD},
		{"failed", TONE_BAD},      {"damaged", TONE_BAD},     {"broken", TONE_BAD},
		{"lost", TONE_BAD},        {"unhealthy", TONE_BAD},
	};

	for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++) {
		if (strlen(tones[i].word) == length && memcmp(tones[i].word, word, length) == 0)
			return tones[i].tone;
	}
	return TONE_PLAIN;
}

struct cell cell_state(const char *word)
{
	return cell_toned(cell_string(word),
			  word != NULL ? tone_of_state(word, strlen(word)) : TONE_PLAIN);
}

struct cell cell_faults(int64_t count)
{
	return cell_toned(cell_integer(count), count > 0 ? TONE_BAD : TONE_PLAIN);
}

void size_print(int64_t bytes, char text[32])
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	int unit = -1;

	while (fabs(value) >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	/* 1023.96 would round to 1024.0. */
	if (unit >= 0 && unit < 5 && fabs(value) >= 1023.95) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, 32, "%" PRId64 " B", bytes);
	else
		snprintf(text, 32, "%.1f %ciB", value, units[unit]);
}

void count_print(int64_t number, char text[32])
{
	char digits[24];
	size_t length;
	char *to = text;

	snprintf(digits, sizeof(digits), "%" PRId64, number);
	length = strlen(digits);
	for (size_t i = 0; i < length; i++) {
		*to++ = digits[i];
		if (digits[i] != '-' && i + 1 < length && (length - i - 1) % 3 == 0)
			*to++ = ',';
	}
	*to = '\0';
}

/* The shortest text that reads back as the same number. */
static void real_print(double number, char text[32])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, 32, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			return;
	}
}

static char *escaped(sr_text text)
{
	char *out = NULL;
	char *copy;

	must_have(sr_text_escape(text, &out) == SR_OK ? out : NULL);
	copy = must_copy(out, strlen(out));
	sr_free(out);
	return copy;
}

/* "2026-01-31 09:30"; a date that cannot be read is shown as it is. */
static char *minutes(sr_text date)
{
	char text[SR_TIME_TEXT_SIZE];
	int64_t instant;

	if (strlen(date.data) != date.length || sr_time_parse(date.data, &instant, NULL) != SR_OK)
		return escaped(date);
	sr_time_format(instant, text);
	if (strlen(text) < 16)
		return must_copy(text, strlen(text));
	text[10] = ' ';
	return must_copy(text, 16);
}

char *cell_print(const struct cell *cell, bool people)
{
	char text[400];

	switch (cell->kind) {
	case CELL_NULL:
		return must_copy("", 0);
	case CELL_TEXT:
		return escaped(cell->text);
	case CELL_TIME:
		return people ? minutes(cell->text) : escaped(cell->text);
	case CELL_BLOB:
		return bytes_to_hex(cell->text);
	case CELL_FLAG:
		if (people)
			return must_print("%s", cell->integer ? "yes" : "no");
		return must_print("%d", cell->integer ? 1 : 0);
	case CELL_REAL:
		if (people)
			return must_print("%.6g", cell->real);
		real_print(cell->real, text);
		return must_copy(text, strlen(text));
	case CELL_SIZE:
		if (people)
			size_print(cell->integer, text);
		else
			snprintf(text, sizeof(text), "%" PRId64, cell->integer);
		return must_copy(text, strlen(text));
	case CELL_INTEGER:
	case CELL_NUMBER:
		break;
	}
	if (people && cell->kind == CELL_INTEGER)
		count_print(cell->integer, text);
	else
		snprintf(text, sizeof(text), "%" PRId64, cell->integer);
	return must_copy(text, strlen(text));
}
