/*
 * Which blocks may hold rows with all of some texts in them, and which of their rows.
 *
 * What is found is never too few.
 */
#ifndef SR_INDEX_MATCH_H
#define SR_INDEX_MATCH_H

#include "bits.h"
#include "segment.h"

/* Blocks that may hold a match, and rows of them that do not. */
typedef struct sr_matches {
	sr_bits blocks;
	uint16_t *excluded; /* Of each block one bit a row; NULL: none. */
} sr_matches;

/* Everything matches. */
sr_status sr_matches_new(sr_matches *matches, const sr_index_state *state);
void sr_matches_free(sr_matches *matches); /* Harmless on a zeroed one. */

/* How many rows that may be. */
size_t sr_matches_rows(const sr_matches *matches);

/* Texts are folded and not empty. One that begins with SR_TEXT_START is what a row's text begins
 * with. */

/* How many blocks that are, at the most: the shortest list of each segment, added up. */
sr_status sr_match_estimate(sr_conn *conn, const sr_index_state *state, const sr_text *texts,
			    size_t count, int64_t *blocks);

/* Leaves of everything what may hold the texts. */
sr_status sr_match(sr_conn *conn, const sr_index_state *state, const sr_text *texts, size_t count,
		   sr_matches *matches);

#endif
