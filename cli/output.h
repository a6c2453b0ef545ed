/*
 * Standard output in the four forms: tables for people, JSON, RFC 4180 CSV, and plain lines
 * with tabs. A listing is many rows and streams; fields are one thing's values; a document is
 * JSON alone. Once a write fails the rest is dropped, and output_close reports it.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "strongroom.h"

typedef enum output_format {
	OUTPUT_TABLE,
	OUTPUT_JSON,
	OUTPUT_CSV,
	OUTPUT_PLAIN,
} output_format;

struct output {
	output_format format;
	size_t width; /* Columns of the terminal; 0 where output is none: nothing is cut. */
	int error;    /* errno of the first failed write, else 0. */
};

void output_init(struct output *output);
/* After the format is known. */
void output_set_format(struct output *output, output_format format);
/* A write failed: whoever produces rows may stop. */
bool output_failed(const struct output *output);
/* A line for people. */
void output_line(struct output *output, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One JSON document; takes the value over. */
void output_document(struct output *output, json_t *value);
/* Brings everything out. False: the words are in message, unless the reader merely left. */
bool output_close(struct output *output, char *message, size_t size);

/* ------------------------------------------------------------------- Cells */

typedef enum cell_kind {
	CELL_NULL,
	CELL_TEXT,
	CELL_INTEGER, /* A count: 1,234 for people. */
	CELL_NUMBER,  /* A number without commas: a version, a checksum. */
	CELL_REAL,
	CELL_SIZE, /* Bytes: 1.2 MiB for people. */
	CELL_TIME, /* Text of a date: minutes are enough for people. */
	CELL_FLAG, /* yes or no for people, else 1 or 0. */
	CELL_BLOB, /* Hexadecimal. */
} cell_kind;

struct cell {
	cell_kind kind;
	sr_text text;    /* CELL_TEXT, CELL_TIME, CELL_BLOB; borrowed. */
	int64_t integer; /* CELL_INTEGER, CELL_SIZE, CELL_FLAG. */
	double real;     /* CELL_REAL. */
};

/* Null texts and integers give CELL_NULL, as does NAN. */
struct cell cell_text(sr_text text);
struct cell cell_string(const char *string);
struct cell cell_integer(int64_t number);
struct cell cell_number(int64_t number);
struct cell cell_real(double number);
struct cell cell_size(int64_t bytes);
struct cell cell_time(sr_text date);
struct cell cell_flag(bool flag);
struct cell cell_blob(sr_text bytes);

/* The cell as people, or else programs, read it. Control characters are escaped. Owned: free. */
char *cell_print(const struct cell *cell, bool people);

/* 312 B, 1.2 KiB, 34 MiB. */
void size_print(int64_t bytes, char text[32]);
/* 1,234,567 */
void count_print(int64_t number, char text[32]);

/* ---------------------------------------------------------------- Listings */

enum {
	COLUMN_RIGHT = 1,     /* Numbers. */
	COLUMN_CUT_END = 2,   /* May be cut to fit the terminal, */
	COLUMN_CUT_START = 4, /* keeping its end: paths. */
	COLUMN_EXACT = 8,     /* Only for programs: CSV and plain. */
	COLUMN_PEOPLE = 16,   /* Only in tables. */
};

struct column {
	const char *key;     /* CSV's heading. */
	const char *heading; /* The table's. */
	unsigned flags;      /* COLUMN_* */
};

struct listing;

/* Begins rows of these columns, which stay the caller's. With JSON a bare array, or one under
 * the key of an object. */
struct listing *listing_begin(struct output *output, const struct column *columns, size_t count,
			      const char *key);
/* A row: not with JSON. */
void listing_row(struct listing *listing, const struct cell *cells);
/* A row: only with JSON; takes the object over. */
void listing_object(struct listing *listing, json_t *object);
size_t listing_rows(const struct listing *listing);
/* Ends it. empty is what people read in place of no rows (may be NULL). tail (may be NULL, taken
 * over) has the object's further keys; it is for a listing with a key. */
void listing_end(struct listing *listing, const char *empty, json_t *tail);

/* ------------------------------------------------------------------ Fields */

struct field {
	const char *key;   /* CSV's heading. */
	const char *label; /* The table's, or NULL: not for people. */
	struct cell cell;
};

/* One thing: a line a field for people, a heading and a row in CSV, a row in plain. */
void output_fields(struct output *output, const struct field *fields, size_t count);

#endif
