/*
 * Whether a row is what a query asks for: the one place that decides it, for rows that are handed
 * out and for those that are only counted.
 */
#ifndef SR_CATALOG_MATCH_H
#define SR_CATALOG_MATCH_H

#include "candidates.h"

typedef struct sr_matcher sr_matcher;

/* Compiles what the query asks of a row; nothing of the query is kept. SR_INVALID names a
 * condition that makes no sense. dated: the instant of rows that match is wanted as well. */
sr_status sr_matcher_new(const sr_query *query, bool dated, sr_matcher **matcher);

/* What the candidates can be narrowed by: as sr_filter's required and indexed, the matcher's own.
 */
size_t sr_matcher_required(const sr_matcher *matcher, const sr_text **required,
			   const sr_text **indexed);

/* The columns (SR_CANDIDATE_*) that it looks at. */
unsigned sr_matcher_columns(const sr_matcher *matcher);

typedef struct sr_verdict {
	bool matches;
	bool dated;      /* Its date can be read, and was asked for: */
	int64_t instant; /* this. */
} sr_verdict;

/* Decides about a row, on everything but the client and the flags, which are the source's. */
sr_status sr_matcher_decide(sr_matcher *matcher, const sr_candidate *row, sr_verdict *verdict);

void sr_matcher_free(sr_matcher *matcher);

#endif
