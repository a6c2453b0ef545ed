/*
 * A client's files in the byte order of their paths, merged from ranges of the two identity
 * indexes.
 *
 * Names that are UTF-8 are stored as text and all others as blobs, and every text sorts before
 * every blob; files with an original path and files known by name alone have an index each. So
 * one range of bytes is up to four ranges of rows, each in order by itself. Databases without
 * those indexes are sorted by the engine instead.
 */
#ifndef SR_ORDERED_H
#define SR_ORDERED_H

#include "file.h"

/* Files whose path begins with prefix. */
typedef struct sr_ordered_range {
	sr_text from;  /* Lowest bytes of it; "" for none. */
	bool after;    /* Those bytes themselves are left out. */
	sr_text until; /* First bytes that are no longer in it; null for none. */
	size_t skip;   /* Bytes at the start that do not count in the order. */
} sr_ordered_range;

typedef struct sr_ordered sr_ordered;

/* An empty one; reading must stay open until sr_ordered_free, and the client stay in place. */
sr_status sr_ordered_new(sr_ordered **ordered, sr_reading *reading, const sr_id *client);

/* Adds a range of original paths and, with names, of files that are known by name alone. The
 * bounds are copied. */
sr_status sr_ordered_add(sr_ordered *ordered, const sr_ordered_range *range, bool names);

/* Goes to the next file. *stmt is the row it stands on, for sr_file_read; NULL after the last. */
sr_status sr_ordered_next(sr_ordered *ordered, sr_stmt **stmt);

/* The path of that row without the bytes skipped; borrowed until the next step. */
sr_text sr_ordered_key(const sr_ordered *ordered);

void sr_ordered_free(sr_ordered *ordered);

/* The smallest bytes greater than all that begin with prefix, which ends in a slash. */
sr_status sr_prefix_end(sr_text prefix, sr_buffer *end);

#endif
