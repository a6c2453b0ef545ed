/*
 * The pages of a database file that may be damaged.
 *
 * The engine's own reading gives a whole table up where one page of it is wrong. This one goes
 * from page to page by itself, believes nothing that it has not checked, skips what makes no
 * sense, and says how much that was. It only reads.
 *
 * Threads: one at a time.
 */
#ifndef SR_PAGES_H
#define SR_PAGES_H

#include "strongroom.h"

typedef struct sr_pages sr_pages;

/* Opens the file for reading alone, together with the log or journal beside it: what was committed
 * to it is read from there, what was not is not seen. Keeps everybody else out until it is closed;
 * SR_BUSY while any connection of any program has it open. SR_CORRUPT where nothing in it looks
 * like a page of a database. */
sr_status sr_pages_open(const char *path, sr_pages **pages);
void sr_pages_close(sr_pages *pages); /* NULL is fine. */

int64_t sr_pages_count(const sr_pages *pages);   /* Pages that there are, */
int64_t sr_pages_visited(const sr_pages *pages); /* and those that something has led to so far. */

/* What was wrong with the file as a whole, one sentence each; NULL after the last. */
const char *sr_pages_complaint(const sr_pages *pages, size_t index);

/* What a walk met. */
typedef struct sr_pages_walk {
	int64_t rows;       /* Rows or entries that could be read. */
	int64_t lost_rows;  /* Those that could not, on pages that could. */
	int64_t lost_pages; /* Pages that could not, and whatever they lead to. */
} sr_pages_walk;

/* A row: its number (0 where rows have none), and its values as they are stored, borrowed during
 * the call. A number that is the row's key is stored as null. Anything but SR_OK ends the walk. */
typedef sr_status (*sr_pages_row_fn)(void *arg, int64_t number, const sr_value *values,
				     size_t count);

/* Walks the table whose first page is root, in order. keyed: its rows have no numbers, or it is an
 * index. fn may be NULL: then entries are only counted. Adds to *walk. */
sr_status sr_pages_tree(sr_pages *pages, int64_t root, bool keyed, sr_pages_row_fn fn, void *arg,
			sr_pages_walk *walk);

/* Marks the pages that hold nothing any more, as far as they are known. */
void sr_pages_mark_free(sr_pages *pages);

/* Pages with rows that no walk has led to: the next after `after` (0: the first), or 0. */
int64_t sr_pages_adrift(sr_pages *pages, int64_t after);

/* The rows of one of them. */
sr_status sr_pages_leaf(sr_pages *pages, int64_t page, sr_pages_row_fn fn, void *arg,
			sr_pages_walk *walk);

/* It is taken: no longer adrift. */
void sr_pages_take(sr_pages *pages, int64_t page);

#endif
