/*
 * Which rows a search has to look at.
 *
 * Filter in, candidates out: a row's key and the few columns that decide about it. They may be too
 * many and never too few; search checks each. They come from a scan of all rows or of a client's,
 * or from the index of trigrams, whichever is expected to read less; nobody else knows of either.
 */
#ifndef SR_CANDIDATES_H
#define SR_CANDIDATES_H

#include "catalog.h"

/* Columns of a candidate that only some searches look at: null unless asked for. */
enum {
	SR_CANDIDATE_CLIENT = 1,
	SR_CANDIDATE_CATEGORY = 2,
	SR_CANDIDATE_HASH = 4,
	SR_CANDIDATE_TEXTS = 8, /* Name, paths, extension. */
};

/* What the candidates may be narrowed by. Texts and lists are the caller's. */
typedef struct sr_filter {
	const sr_text *required; /* Folded (sr_text_fold), none of them empty. Each occurs in at
				    least one of the folded texts of every row that matches, not
				    always in the same one: FileName, OriginalPath, PathName; of
				    an earlier state its own path in the place of PathName. */
	size_t required_count;   /* 0: any. */
	const sr_text *indexed;  /* As many: the same, or where one of those three texts begins with
				    it, SR_TEXT_START and it. */
	sr_text client_name;     /* Null: any. */
	bool by_clients;         /* Only rows of these are of use, and they are a small part of
				    all. Those of others may come too, with SR_CANDIDATE_CLIENT. */
	const sr_id *clients;
	size_t client_count;
	int64_t client_rows; /* So many, expected. */
	int64_t from;        /* Instants, inclusive; SR_NULL_INTEGER: open. Where one is set,
				dates that cannot be read match nothing. */
	int64_t to;
	int64_t min_size; /* SR_NULL_INTEGER: open. */
	int64_t max_size;
	bool verified_only;
	bool present_only;
	bool all_versions; /* Earlier states too. */
	bool newest_first; /* The search needs rows only until its page is full, by their dates: */
	bool oldest_first; /* from this end on, what has no date last. Neither: it needs all. */
	int64_t behind;    /* With one of these, rows whose date comes before this one in that
			      order are of no use; rows without a date are. SR_NULL_INTEGER: all. */
	unsigned columns;  /* SR_CANDIDATE_* */
	bool scan;         /* Whatever the choice would be. */
	bool whole;        /* Whole rows are of use, where they cost little more. */
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
	bool has_client;
	sr_id client_id;
	sr_text category;
	sr_text hash; /* Of an earlier state its own. */

	const struct sr_file *file; /* All of the row, if it was read; else NULL. */

	/* What the dates of this candidate and all behind it are bounded by, where rows come by
	 * their dates: not newer with newest_first, not older with oldest_first. Only rows without
	 * a date are left where it is INT64_MIN, or INT64_MAX. */
	bool bounded;
	int64_t bound;
} sr_candidate;

typedef struct sr_candidates sr_candidates;

/* The filter and the reading stay the caller's and must last as long. */
sr_status sr_candidates_open(const sr_reading *reading, const sr_filter *filter,
			     sr_candidates **candidates);

/* *more is false after the last one; sr_candidates_measure tells whether there are more. */
sr_status sr_candidates_next(sr_candidates *candidates, sr_candidate *candidate, bool *more);

/* How they are found, and what that took so far. */
typedef struct sr_candidates_figures {
	const char *choice; /* "scan", "client index", "trigram index", "date index": static. */
	int64_t estimated;  /* Candidates expected when it was chosen; SR_NULL_INTEGER: nobody
			       asked, there was no choice. */
	int64_t candidates; /* Rows that the choice left, */
	int64_t read;       /* and those of them that were read from their table. */
	bool gave_up;       /* There are more: begin anew, with a scan. */
} sr_candidates_figures;

void sr_candidates_measure(const sr_candidates *candidates, sr_candidates_figures *figures);

void sr_candidates_close(sr_candidates *candidates);

#endif
