/*
 * The order of search results, and the best of them in bounded memory.
 *
 * A key is what a row is sorted by: the sort key itself, then the id, then the row number, then the
 * version, so that no two rows are equal and a key tells exactly where to go on.
 */
#ifndef SR_RANK_H
#define SR_RANK_H

#include "catalog.h"

typedef struct sr_rank_order {
	bool by_text;    /* Name and path; else date and size. */
	bool descending; /* Of the sort key alone: the rest always ascends. */
} sr_rank_order;

typedef struct sr_rank_key {
	bool last; /* No readable date, or no size: after all others, whatever the direction. */
	int64_t number; /* Instant or size; 0 when last, or by text. */
	sr_text text;   /* Name or path; null when by number. */
	bool has_id;
	sr_id id; /* Zeros without one. */
	int64_t row;
	int64_t version;     /* As in sr_candidate, */
	const sr_file *file; /* and this; it does not count for the order. */
} sr_rank_key;

sr_rank_order sr_rank_order_of(sr_sort sort, bool reverse);

/* Less than 0 when a comes first. */
int sr_rank_compare(sr_rank_order order, const sr_rank_key *a, const sr_rank_key *b);

/* A copy with its own text and file; sr_rank_key_free. */
sr_status sr_rank_key_copy(const sr_rank_key *key, sr_rank_key *copy);
void sr_rank_key_free(sr_rank_key *key);

/* The first `most` of all keys that were offered: a heap with the worst on top, then a sorted list.
 */
typedef struct sr_ranking {
	sr_rank_order order;
	sr_rank_key *keys;
	size_t count;
	size_t capacity; /* Keys allocated. */
	size_t most;     /* Keys to keep. */
	bool dropped;    /* There were more. */
} sr_ranking;

/* Empties it; most is at least 1. */
void sr_ranking_start(sr_ranking *ranking, sr_rank_order order, size_t most);

/* Keeps a copy if it is among the first so far. */
sr_status sr_ranking_offer(sr_ranking *ranking, const sr_rank_key *key);

/* Sorts what was kept; then nothing more is offered. */
void sr_ranking_sort(sr_ranking *ranking);

void sr_ranking_free(sr_ranking *ranking);

#endif
