/*
 * Which blocks may hold rows with all of some texts in them.
 *
 * What is found is never too few.
 */
#ifndef SR_INDEX_MATCH_H
#define SR_INDEX_MATCH_H

#include "bits.h"
#include "segment.h"

/* How many blocks that are, at the most: the shortest list of each segment, added up. */
sr_status sr_match_estimate(sr_conn *conn, const sr_index_state *state, const sr_text *texts,
			    size_t count, int64_t *blocks);

/* Leaves of the blocks those that may hold them; texts are folded and not empty. */
sr_status sr_match(sr_conn *conn, const sr_index_state *state, const sr_text *texts, size_t count,
		   sr_bits *blocks);

/* All blocks. */
size_t sr_index_blocks(const sr_index_state *state);

#endif
