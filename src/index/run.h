/*
 * A run: rows gathered in memory, and written as one new segment.
 *
 * Inside a run the rows are sorted by folder and name, whatever order they came in: rows with the
 * same trigrams then share blocks, which makes lists short and blocks that hold a hit few. Memory
 * is bounded (sr_index_run_full) at about 45 MB.
 */
#ifndef SR_INDEX_RUN_H
#define SR_INDEX_RUN_H

#include "../engine/engine.h"

typedef struct sr_index_run sr_index_run;

/* What of a row is indexed. Texts are as the row has them; a null one is none. */
typedef struct sr_index_row {
	int64_t key;
	int64_t date; /* Microseconds, or SR_NO_DATE. */
	sr_text texts[3];
} sr_index_row;

sr_status sr_index_run_new(sr_index_run **run);
void sr_index_run_free(sr_index_run *run);

/* SR_INVALID for a text that cannot be folded: such a row cannot be matched either. */
sr_status sr_index_run_add(sr_index_run *run, const sr_index_row *row);

/* Whether it takes no more. */
bool sr_index_run_full(const sr_index_run *run);
size_t sr_index_run_count(const sr_index_run *run);

/* Writes them as chunks from number *next_chunk on, which it moves, and as one or a few segments.
 * The run is empty again, also after a failure. */
sr_status sr_index_run_write(sr_index_run *run, sr_conn *conn, int64_t *next_chunk);

#endif
