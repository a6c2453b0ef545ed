/*
 * The whole index held against the rows that it is of: whether a search by it misses none.
 *
 * Memory is bounded at about 40 MB, whatever the number of rows; a segment's lists are read once
 * for every million and a half of the trigrams that its blocks should have.
 */
#ifndef SR_INDEX_AUDIT_H
#define SR_INDEX_AUDIT_H

#include "run.h"
#include "segment.h"

/* The row with a key as it is now. *known is false for one that is not there any more, or that has
 * changed since it was indexed. Its texts are the callee's, and good until the next call. */
typedef sr_status (*sr_audit_row_fn)(void *arg, int64_t key, sr_index_row *row, bool *known);

/* Rows, counted, and a sum of their keys that hardly any others have. */
typedef struct sr_audit_sum {
	int64_t rows;
	uint64_t keys;
} sr_audit_sum;

void sr_audit_sum_add(sr_audit_sum *sum, int64_t key);

/* Reads all of it, and each row that has a slot: those that are known are added up in *sum, and the
 * caller compares that with the rows that should have one. SR_CORRUPT at the first thing that is
 * not as it was written, or that would make a search miss a row; a failure of the function's is
 * returned as it is. */
sr_status sr_index_audit(sr_conn *conn, const sr_index_state *state, sr_audit_row_fn row, void *arg,
			 sr_audit_sum *sum);

#endif
