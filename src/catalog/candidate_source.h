/* Where candidates come from, and the columns that all sources read: for candidates.c, scan.c and
 * narrow.c alone. */
#ifndef SR_CANDIDATE_SOURCE_H
#define SR_CANDIDATE_SOURCE_H

#include "candidates.h"

typedef struct sr_candidate_source {
	sr_status (*next)(void *state, sr_candidate *candidate, bool *more);
	void (*measure)(const void *state, sr_candidates_figures *figures);
	void (*close)(void *state); /* Frees state. */
} sr_candidate_source;

struct sr_candidates {
	const sr_candidate_source *source;
	void *state; /* The source's own. */
};

/* Adds "SELECT … FROM … AS f WHERE …" with the filter's conditions, which are $1 to $3; more may
 * follow: " AND f.…". sr_candidate_bind binds them, sr_candidate_read reads a row. */
void sr_candidate_select(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter);
void sr_candidate_bind(sr_stmt *stmt, const sr_filter *filter);
void sr_candidate_read(sr_stmt *stmt, const sr_filter *filter, sr_candidate *candidate);

/* One that was read whole, to be handed out; and its row number. Its category stays null, which
 * only who counts looks at. The file is borrowed. */
void sr_candidate_of(const sr_file *file, int64_t row, sr_candidate *candidate);

/* The same conditions, and the columns that only some ask for, of another relation. */
void sr_candidate_conditions(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter,
			     const char *size);
void sr_candidate_extras(sr_buffer *sql, const sr_filter *filter, const char *hash,
			 const char *path);

/* All rows, or all of a client's. */
sr_status sr_scan_open(const sr_reading *reading, const sr_filter *filter,
		       sr_candidates *candidates);

/* By the index of trigrams. *chosen is false where a scan is expected to be better, and where there
 * is no index that can be believed. */
sr_status sr_narrow_open(const sr_reading *reading, const sr_filter *filter,
			 sr_candidates *candidates, bool *chosen);

#endif
