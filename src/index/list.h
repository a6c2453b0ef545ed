/*
 * A posting list: the blocks in which a trigram occurs, ascending, as runs of neighbours.
 *
 * A run is varint(gap << 1 | longer) and, where it is longer than one block, varint(length - 2).
 * The gap is counted from the block after the run before; from block 0 for the first. The trigrams
 * of a folder's name occur in block after block, so a run is often long.
 */
#ifndef SR_INDEX_LIST_H
#define SR_INDEX_LIST_H

#include "bytes.h"

typedef struct sr_list_writer {
	sr_buffer bytes;
	uint64_t next;   /* The block after the last run that was written. */
	uint64_t first;  /* The run that is not written yet: */
	uint64_t length; /* 0: none. */
	int64_t blocks;  /* Of all runs. */
} sr_list_writer;

/* Empties it and keeps the memory. */
void sr_list_start(sr_list_writer *writer);

/* Not before blocks that were added; the last one may be added again. */
void sr_list_add(sr_list_writer *writer, uint64_t first, uint64_t length);

/* Writes what waits: now bytes is the list. */
void sr_list_end(sr_list_writer *writer);

/* The next run of a list, which begins with *next at 0. False at its end, and when it is bad. */
bool sr_list_next(sr_bytes *list, uint64_t *next, uint64_t *first, uint64_t *length);

#endif
