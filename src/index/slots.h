/*
 * The rows that may match, batch by batch: by their keys, or by the bounds of their dates.
 *
 * By dates a batch is the best of all that are left, found in one pass over the chunks that may
 * hold some; batches grow, so that a search whose page is soon full reads few rows and one that
 * goes on makes few passes.
 */
#ifndef SR_INDEX_SLOTS_H
#define SR_INDEX_SLOTS_H

#include "chunk.h"
#include "match.h"

typedef enum sr_slot_order {
	SR_SLOTS_BY_KEY, /* Ascending inside of each batch. */
	SR_SLOTS_NEWEST,
	SR_SLOTS_OLDEST,
} sr_slot_order;

typedef struct sr_slot {
	int64_t rank; /* Upper bound of the date, negated lower bound for the oldest first;
			 INT64_MIN without a date. 0 by key. */
	int64_t key;
} sr_slot;

typedef struct sr_slots {
	sr_conn *conn;
	const sr_index_state *state;
	const sr_matches *matches;
	sr_slot_order order;
	int64_t from; /* Only rows that may be dated so; SR_NULL_INTEGER: open. */
	int64_t to;
	int64_t behind; /* By dates: what is certain to come before this date is of no use any more,
			   rows without a date are; SR_NULL_INTEGER: all. */

	sr_slot *list; /* The batch, */
	size_t count;
	size_t room; /* and what it may hold. */
	bool begun;
	bool over;
	sr_slot last; /* Of the batch before; */
	size_t next;  /* or by key, the chunk that comes next. */
	sr_chunk chunk;
} sr_slots;

/* State and matches are the caller's and must last. The rest of the fields may be set afterwards
 * and before the first batch. */
sr_status sr_slots_open(sr_slots **slots, sr_conn *conn, const sr_index_state *state,
			const sr_matches *matches, sr_slot_order order);

/* The next batch; count is 0 after the last one. SR_CORRUPT as for chunks. */
sr_status sr_slots_next(sr_slots *slots);

void sr_slots_close(sr_slots *slots); /* NULL is fine. */

#endif
