/*
 * Packs: the posting lists of one segment, in rows of search_postings.
 *
 * A pack holds the lists of the trigrams from the one in its key to Until, which is where the next
 * pack begins, so that a missing row is noticed and an absent trigram is known to be absent. Small
 * lists share a pack of about a page; a long one has its own. Blocks is the number of postings.
 *
 *   Key    Segment << 24 | first trigram      Lists  { trigram - the one before, blocks << 1 | has
 *   Until  first trigram of the next pack,             rows, length (varints), list } …, check
 *          2^24 in a segment's last one
 */
#ifndef SR_INDEX_PACK_H
#define SR_INDEX_PACK_H

#include "../engine/engine.h"
#include "list.h"

#define SR_TRIGRAM_BITS 24
#define SR_TRIGRAMS     (INT64_C(1) << SR_TRIGRAM_BITS)

typedef struct sr_pack_writer {
	sr_stmt *stmt;
	int64_t segment;
	int64_t first;    /* The pack's; */
	int64_t previous; /* the trigram of its last list. */
	int64_t blocks;
	sr_buffer lists;
} sr_pack_writer;

/* One segment: begin, its lists by ascending trigrams, end. */
sr_status sr_pack_begin(sr_pack_writer *writer, sr_conn *conn, int64_t segment);
sr_status sr_pack_add(sr_pack_writer *writer, uint32_t trigram, const sr_list_writer *list);
sr_status sr_pack_end(sr_pack_writer *writer);
void sr_pack_abandon(sr_pack_writer *writer); /* Also after the end. */

typedef struct sr_pack_list {
	uint32_t trigram;
	int64_t blocks;
	sr_list_reader list; /* Borrowed until the pack reader's next step. */
} sr_pack_list;

/* Reads a segment's lists by ascending trigrams. */
typedef struct sr_pack_reader {
	sr_conn *conn;
	sr_stmt *stmt;
	int64_t segment;
	int64_t first; /* The trigrams that are wanted. */
	int64_t last;
	int64_t until;   /* Of the pack at hand. */
	int64_t trigram; /* Of the last list that was read, or the pack's first. */
	sr_bytes lists;  /* The rest of the pack. */
	bool started;
} sr_pack_reader;

/* The lists of the trigrams from first to last. SR_CORRUPT, here and below: a row is not as it was
 * written, or missing. */
sr_status sr_pack_open(sr_pack_reader *reader, sr_conn *conn, int64_t segment, uint32_t first,
		       uint32_t last);
sr_status sr_pack_next(sr_pack_reader *reader, sr_pack_list *list, bool *more);
void sr_pack_close(sr_pack_reader *reader); /* Harmless on a zeroed one. */

/* How many blocks the list of a trigram has, at most: exact where that costs nothing. */
sr_status sr_pack_estimate(sr_conn *conn, int64_t segment, uint32_t trigram, int64_t *blocks);

/* Deletes a segment's. */
sr_status sr_pack_delete(sr_conn *conn, int64_t segment);

/* SR_CORRUPT, saying that the search index is. */
sr_status sr_index_fail(sr_conn *conn, const char *what, int64_t which);

#endif
