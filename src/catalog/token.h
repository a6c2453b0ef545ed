/*
 * Where a search goes on, as text that a caller can keep: the last row's key, a digest of the query
 * that it belongs to, and a checksum of both.
 */
#ifndef SR_TOKEN_H
#define SR_TOKEN_H

#include "rank.h"

/* Owned by the caller, who frees it with free(). */
sr_status sr_token_make(const sr_query *query, const sr_rank_key *key, char **token);

/* The key of a token of the same query; sr_rank_key_free. SR_INVALID for all others. The query
 * takes over the dates that the token was made with. */
sr_status sr_token_read(sr_query *query, const char *token, sr_rank_key *key);

#endif
