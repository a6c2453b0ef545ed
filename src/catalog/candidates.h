/*
 * Which rows a search has to look at.
 *
 * Filter in, candidates out: a row's key and the few columns that decide about it. They may be too
 * many and never too few; search checks each. The one implementation reads all rows in the order
 * of their pages; an index over names will hand out its own.
 */
#ifndef SR_CANDIDATES_H
#define SR_CANDIDATES_H

#include "catalog.h"

/* What the candidates may be narrowed by. */
typedef struct sr_filter {
	sr_text term;        /* Folded; empty: any. */
	sr_text client_name; /* Null: any. */
	int64_t min_size;    /* SR_NULL_INTEGER: open. */
	int64_t max_size;
	bool verified_only;
	bool present_only;
	bool all_versions; /* Earlier states too. */
} sr_filter;

/* Texts are borrowed until the next one. */
typedef struct sr_candidate {
	int64_t row;     /* row_number of the shape's relation. */
	int64_t version; /* ID in file_versions of an earlier state; 0: as the file is now. */
	bool has_id;
	sr_id id;
	sr_text name;
	sr_text path;
	sr_text original_path;
	sr_text date;
	sr_text extension;
	int64_t size;
} sr_candidate;

typedef struct sr_candidates sr_candidates;

/* The filter and the reading stay the caller's and must last as long. */
sr_status sr_candidates_open(const sr_reading *reading, const sr_filter *filter,
			     sr_candidates **candidates);

/* *more is false after the last one. */
sr_status sr_candidates_next(sr_candidates *candidates, sr_candidate *candidate, bool *more);

void sr_candidates_close(sr_candidates *candidates);

#endif
