/*
 * Where a search goes on, as text that a caller can keep: the last row's key, a digest of the query
 * that it belongs to, and a checksum of both.
 */
#ifndef SR_TOKEN_H
#define SR_TOKEN_H

#include "rank.h"

#define SR_TOKEN_DIGEST_SIZE 17 /* 64 bits in hex. */

/* What stands for the query in its tokens: everything that decides which rows there are and in
 * which order; not how many are wanted. */
sr_status sr_token_digest(const sr_query *query, char digest[SR_TOKEN_DIGEST_SIZE]);

/* from and to are the query's. Owned by the caller, who frees it with free(). */
sr_status sr_token_make(const char *digest, int64_t from, int64_t to, const sr_rank_key *key,
			char **token);

/* The key of a token that was made with that digest, sr_rank_key_free, and the dates that it was
 * made with. SR_INVALID for all others. */
sr_status sr_token_read(const char *digest, const char *token, sr_rank_key *key, int64_t *from,
			int64_t *to);

#endif
