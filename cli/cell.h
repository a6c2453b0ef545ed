/* A cell: one value to print, and what kind of value it is, which says how it is written. */
#ifndef CLI_CELL_H
#define CLI_CELL_H

#include <stdbool.h>

#include "strongroom.h"

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

/* What a value means to who reads it; a terminal shows it in a colour. */
typedef enum cell_tone {
	TONE_PLAIN,
	TONE_GOOD,    /* Green: as it should be. */
	TONE_WARNING, /* Yellow: look at it. */
	TONE_BAD,     /* Red: mend it. */
	TONE_HEADING, /* Bold: of the output's own making. */
} cell_tone;

struct cell {
	cell_kind kind;
	cell_tone tone;
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
/* A word of the program's own that tells a state: ok, warning, exceeded, missing, pending and the
 * like. Each has its tone here and nowhere else; a word without one is plain. NULL is CELL_NULL. */
struct cell cell_state(const char *word);
/* The tone of such a word, of length bytes. */
cell_tone tone_of_state(const char *word, size_t length);
/* A count that should be none: of failures, say. */
struct cell cell_faults(int64_t count);
/* The same value in another tone. */
struct cell cell_toned(struct cell cell, cell_tone tone);

/* The cell as people, or else programs, read it. Control characters are escaped. Owned: free. */
char *cell_print(const struct cell *cell, bool people);

/* 312 B, 1.2 KiB, 34 MiB. */
void size_print(int64_t bytes, char text[32]);
/* 1,234,567 */
void count_print(int64_t number, char text[32]);

#endif
