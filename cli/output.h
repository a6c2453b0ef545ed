/*
 * Standard output in the four forms: tables for people, JSON, RFC 4180 CSV, and plain lines
 * with tabs. Fields are one thing's values, a document is JSON alone; a listing, of many things,
 * has its own header. Once a write fails the rest is dropped, and output_close reports it.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "cell.h"

typedef enum output_format {
	OUTPUT_TABLE,
	OUTPUT_JSON,
	OUTPUT_CSV,
	OUTPUT_PLAIN,
} output_format;

struct output {
	output_format format;
	size_t width;  /* Columns of the terminal; 0 where output is none: nothing is cut. */
	bool coloured; /* Tones are shown: on a terminal that can, unless NO_COLOR is set. */
	int error;     /* errno of the first failed write, else 0. */
};

void output_init(struct output *output);
/* After the format is known. */
void output_set_format(struct output *output, output_format format);
/* A write failed: whoever produces rows may stop. */
bool output_failed(const struct output *output);
/* Writes text, unless a write failed before. */
void output_write(struct output *output, const char *text);
/* The same, in its tone where the table is coloured. */
void output_toned(struct output *output, cell_tone tone, const char *text);
/* A text in a line of CSV, or a heading: quoted where it must be, and behind an apostrophe where a
 * spreadsheet would run it as a formula. */
void output_csv(struct output *output, const char *text);
/* A cell of a line of CSV or of a plain one, behind its separator unless it is the first. */
void output_cell(struct output *output, const struct cell *cell, bool first);
/* A line for people. */
void output_line(struct output *output, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A line behind blanks. What it begins with, up to a colon or the end, may tell a state, as in
 * "error: …", and has its tone then. */
void output_stated(struct output *output, size_t indent, const char *text);
/* A line that stands above others: "Clients". */
void output_heading(struct output *output, const char *text);
/* One JSON document; takes the value over. */
void output_document(struct output *output, json_t *value);
/* Brings everything out. False: the words are in message, unless the reader merely left. */
bool output_close(struct output *output, char *message, size_t size);

struct field {
	const char *key;   /* CSV's heading. */
	const char *label; /* The table's, or NULL: not for people. */
	struct cell cell;
};

/* One thing: a line a field for people, a heading and a row in CSV, a row in plain. */
void output_fields(struct output *output, const struct field *fields, size_t count);

#endif
