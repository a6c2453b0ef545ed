/*
 * Segments: each has the lists of a range of chunks. Together they cover all chunks, from 0 on and
 * without gaps.
 *
 * Rows of search_segments: Segment (never used again), FirstChunk, Chunks. What the whole index
 * is at is the one row of search_state: Through, the largest key that was indexed (rows behind it
 * are the tail, and rows that changed since are in search_changes); NextChunk; Format, which ends
 * in a check of the two.
 */
#ifndef SR_INDEX_SEGMENT_H
#define SR_INDEX_SEGMENT_H

#include "../engine/engine.h"

typedef struct sr_segment {
	int64_t number;
	int64_t first_chunk;
	int64_t chunks;
} sr_segment;

typedef struct sr_index_state {
	int64_t through;
	int64_t next_chunk;
	bool usable; /* Of this program's format; else it must be made anew. */
	sr_segment *segments;
	size_t segment_count;
} sr_index_state;

/* SR_CORRUPT where the segments do not fit each other. */
sr_status sr_index_state_read(sr_conn *conn, sr_index_state *state);

/* SR_CORRUPT where chunks are missing. Those that are read by their numbers are noticed without. */
sr_status sr_index_chunks_check(sr_conn *conn, const sr_index_state *state);
void sr_index_state_free(sr_index_state *state); /* Harmless on a zeroed one. */

/* Writes through, next_chunk, and this program's format. */
sr_status sr_index_state_write(sr_conn *conn, const sr_index_state *state);

sr_status sr_segment_add(sr_conn *conn, int64_t first_chunk, int64_t chunks, int64_t *number);

/* Makes one of these neighbours, of which there are at least two. */
sr_status sr_segment_merge(sr_conn *conn, const sr_segment *segments, size_t count);

/* How many slots the chunks have that are not empty. SR_CORRUPT where a chunk or a pack is not as
 * it was written. */
sr_status sr_index_slots(sr_conn *conn, const sr_index_state *state, int64_t *slots);

/* Makes the index empty, as of before the first row. */
sr_status sr_index_clear(sr_conn *conn);

#endif
