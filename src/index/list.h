/*
 * A posting list: the blocks in which a trigram occurs, ascending, as runs of neighbours; and in
 * lists that are worth it, in which row of a block, where it is one.
 *
 * A run is varint(gap << 1 | longer) and, where it is longer than one block, varint(length - 2).
 * The gap is counted from the block after the run before; from block 0 for the first. The trigrams
 * of a folder's name occur in block after block, so a run is often long.
 *
 * With rows it is varint(gap << 2 | longer << 1), or varint((gap << 4 | row) << 2 | 1) for one row
 * of one block.
 */
#ifndef SR_INDEX_LIST_H
#define SR_INDEX_LIST_H

#include "bytes.h"

/* Instead of a row: it may be any of the block's. */
#define SR_ANY_ROW 16

/* Blocks that have the trigram. */
typedef struct sr_list_run {
	uint64_t first;
	uint64_t length;
	unsigned row; /* The one row that has it, of a single block; or SR_ANY_ROW. */
} sr_list_run;

/* Whether a list is worth its rows: one of `blocks` postings, of a segment of `all` blocks. Only a
 * rare trigram says which rows to read. */
bool sr_list_has_rows(int64_t blocks, int64_t all);

typedef struct sr_list_writer {
	sr_buffer bytes;
	bool rows;       /* Keeps them. */
	uint64_t next;   /* The block after the last run that was written. */
	sr_list_run run; /* Not written yet; length 0: none. */
	int64_t blocks;  /* Of all runs. */
} sr_list_writer;

/* Empties it and keeps the memory. */
void sr_list_start(sr_list_writer *writer, bool rows);

/* A run behind those that were added: its fields one by one, which is much faster than a copy of it
 * right after they were set. */
void sr_list_add(sr_list_writer *writer, uint64_t first, uint64_t length, unsigned row);

/* Writes what waits: now bytes is the list. */
void sr_list_end(sr_list_writer *writer);

typedef struct sr_list_reader {
	sr_bytes bytes; /* Those that are left. */
	bool rows;
	uint64_t next; /* The block after the last run that was read. */
} sr_list_reader;

/* The next run. False at the end, and when the list is bad. */
bool sr_list_next(sr_list_reader *reader, sr_list_run *run);

#endif
