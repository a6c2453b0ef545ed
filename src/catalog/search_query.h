/*
 * A query, taken: checked, compiled and kept, so that nothing of the caller's is needed after the
 * call; and the pass over its candidates, which searching and counting share.
 */
#ifndef SR_SEARCH_QUERY_H
#define SR_SEARCH_QUERY_H

#include "client_part.h"
#include "match.h"
#include "token.h"

typedef struct sr_search_query {
	sr_query query; /* Its texts and lists are null: what they say is in the matcher. */
	char digest[SR_TOKEN_DIGEST_SIZE];
	sr_matcher *matcher;
	sr_filter filter;      /* Its texts are the matcher's, and this: */
	sr_buffer client_name; /* the one that was asked for. */
	sr_client_part part;   /* The clients that were asked for by a part of their names. */
	bool resumed;          /* after holds a key. */
	sr_rank_key after;     /* Only rows behind it are wanted. */
} sr_search_query;

/* SR_INVALID names what makes no sense in it. ordered: for who hands out rows; else the order and
 * the place to go on do not matter. dated: for who looks at the instants of rows, also where the
 * query does not. Whatever it returns, sr_search_query_free. */
sr_status sr_search_query_take(sr_search_query *taken, const sr_query *query, bool ordered,
			       bool dated);

void sr_search_query_free(sr_search_query *taken);

/* What is done in a pass over the candidates. */
typedef struct sr_search_pass {
	void (*begin)(void *arg); /* Forgets what there was: the pass begins, perhaps anew. */
	sr_status (*hit)(void *arg, const sr_candidate *row, const sr_verdict *verdict);
	/* Whether no row from this candidate on is wanted. NULL: all are. */
	bool (*is_settled)(void *arg, const sr_candidate *row);
	void *arg;
} sr_search_pass;

/* Goes through the candidates of the snapshot, and adds to the figures what that took. */
sr_status sr_search_query_run(sr_search_query *taken, const sr_reading *reading,
			      const sr_search_pass *pass, sr_explanation *figures);

#endif
