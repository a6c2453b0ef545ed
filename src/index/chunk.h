/*
 * Chunks: which rows the blocks hold, and about when each was modified, in rows of search_chunks.
 *
 * Block b of chunk c is block number c * 128 + b, and its rows are the chunk's slots b * 16 to
 * b * 16 + 15. A slot has the row's key (RowKey) and bounds on its date, so that a search for the
 * newest rows looks at those alone. A row that left the index leaves its slot empty.
 *
 *   Chunk  FirstRow  LastRow (bounds on the keys)  Oldest  Newest (bounds on the dates; null: no
 *   row has one that can be read)
 *   Slots  count (2 bytes), bytes of a key (1), shift of the dates (1), the oldest date (8);
 *          dates (2 each): 0 for none, else (date - oldest >> shift) + 1; blocks; check
 *
 * Of a block only the keys of the slots that are not empty are there, less FirstRow:
 *
 *   coding (1): one of the below, + 4 where slots are empty, and then (2) one bit for each that
 *   is not
 *   0  the keys
 *   1  the first key; the others follow each other, as in the order of a walk
 *   2  bytes of the rest (1), the first key, and varints of the steps from key to key, those
 *      backwards odd
 */
#ifndef SR_INDEX_CHUNK_H
#define SR_INDEX_CHUNK_H

#include <endian.h>
#include <string.h>

#include "../engine/engine.h"
#include "bytes.h"

#define SR_BLOCK_ROWS   16
#define SR_CHUNK_BLOCKS 128
#define SR_CHUNK_ROWS   (SR_BLOCK_ROWS * SR_CHUNK_BLOCKS)

/* Dates that cannot be read come after all others, whatever the order. */
#define SR_NO_DATE SR_NULL_INTEGER

/* Bytes before the dates; of a date; of a block at the most; of all slots at the most, and some
 * that may be read behind. */
#define SR_CHUNK_HEAD  12
#define SR_DATE_BYTES  2
#define SR_BLOCK_BYTES (3 + SR_BLOCK_ROWS * 8)
#define SR_CHUNK_BYTES                                                                             \
	(SR_CHUNK_HEAD + SR_CHUNK_ROWS * SR_DATE_BYTES + SR_CHUNK_BLOCKS * SR_BLOCK_BYTES +        \
	 SR_CHECK_BYTES + 8)

/* One as it is stored. */
typedef struct sr_chunk {
	int64_t columns[5];             /* As above, in that order. */
	size_t count;                   /* Slots, empty ones too. */
	size_t width;                   /* Bytes of a key. */
	unsigned shift;                 /* Of the dates. */
	int64_t oldest;                 /* What they are counted from. */
	size_t length;                  /* Of the bytes, without the check. */
	size_t at[SR_CHUNK_BLOCKS + 1]; /* Where each block begins, and the last one ends. */
	unsigned char bytes[SR_CHUNK_BYTES];
} sr_chunk;

typedef struct sr_chunk_row {
	int64_t key;
	int64_t date; /* Microseconds, or SR_NO_DATE. */
} sr_chunk_row;

/* Adds the chunk with these rows, at most SR_CHUNK_ROWS, as its slots. The chunk is only room to
 * work in. */
sr_status sr_chunk_add(sr_conn *conn, int64_t number, const sr_chunk_row *rows, size_t count,
		       sr_chunk *chunk);

/* SR_CORRUPT where it is missing or not as it was written. */
sr_status sr_chunk_read(sr_conn *conn, int64_t number, sr_chunk *chunk);

/* The keys of a block's slots; returns one bit for each slot that is not empty. */
unsigned sr_chunk_keys(const sr_chunk *chunk, size_t block, int64_t keys[SR_BLOCK_ROWS]);

/* Empties slots of a block but for these, and stores a chunk that was read and changed. */
sr_status sr_chunk_keep(sr_chunk *chunk, size_t block, unsigned slots);
sr_status sr_chunk_store(sr_conn *conn, sr_chunk *chunk);

/* Blocks, the last of which may be shorter. */
static inline size_t sr_chunk_blocks(const sr_chunk *chunk)
{
	return (chunk->count + SR_BLOCK_ROWS - 1) / SR_BLOCK_ROWS;
}

static inline uint64_t sr_chunk_load(const unsigned char *at, size_t width)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	value = le64toh(value);
	return width == 8 ? value : value & ((UINT64_C(1) << (8 * width)) - 1);
}

/* Bounds on its date; both SR_NO_DATE without one. */
static inline void sr_chunk_dates(const sr_chunk *chunk, size_t slot, int64_t *oldest,
				  int64_t *newest)
{
	uint64_t step =
		sr_chunk_load(chunk->bytes + SR_CHUNK_HEAD + slot * SR_DATE_BYTES, SR_DATE_BYTES);
	uint64_t from = (uint64_t)chunk->oldest + ((step - 1) << chunk->shift);

	*oldest = step ? (int64_t)from : SR_NO_DATE;
	*newest = step ? (int64_t)(from + (UINT64_C(1) << chunk->shift) - 1) : SR_NO_DATE;
}

#endif
