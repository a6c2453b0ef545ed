/* RFC 4180 as a stream: one record at a time, in memory bounded by the longest allowed. */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdio.h>

#include "strongroom.h"

enum { CSV_LONGEST = 1 << 20 }; /* Bytes of a record, quotes not counted. */

struct csv {
	FILE *file;
	size_t line;     /* Where the record that was read last begins, from 1. */
	size_t lines;    /* Ends of lines seen. */
	char *bytes;     /* The record's fields, each with a NUL behind. */
	size_t used;     /* Of them. */
	size_t *starts;  /* Where each field begins in bytes. */
	size_t count;    /* Of fields. */
	size_t room;     /* For starts. */
	char error[128]; /* Why the last read failed. */
};

void csv_open(struct csv *csv, FILE *file);
/* 1: a record; 0: the end; -1: error says what is wrong with the record at line. Lines that are
 * empty are passed over. */
int csv_read(struct csv *csv);
/* Borrowed until the next read. */
sr_text csv_field(const struct csv *csv, size_t i);
void csv_close(struct csv *csv);

/* Whether a spreadsheet takes it for a formula, perhaps behind apostrophes: a text that begins with
 * = + - @ or their wide forms, and is no number. It is written behind one more apostrophe, which
 * makes it text there, and which an import takes off. */
bool csv_is_formula(const char *text);

#endif
