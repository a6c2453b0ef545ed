/*
 * A listing: rows of cells as they come, in any of the forms, in bounded memory. A table takes its
 * column widths from the first rows, which wait until there are enough of them. One that does not
 * fit the terminal however it is cut goes upright: a line a value.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include <jansson.h>

#include "cell.h"
#include "output.h"

enum {
	COLUMN_RIGHT = 1,     /* Numbers. */
	COLUMN_CUT_END = 2,   /* May be cut to fit the terminal, */
	COLUMN_CUT_START = 4, /* keeping its end: paths. */
	COLUMN_EXACT = 8,     /* Only for programs: CSV and plain. */
	COLUMN_PEOPLE = 16,   /* Only in tables. */
	COLUMN_DATE = 32,     /* Dates, which are never cut; what is none and longer may be. */
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

#endif
