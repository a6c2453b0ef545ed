/* Rows taken out of the index: because they are to be indexed anew. */
#ifndef SR_INDEX_FORGET_H
#define SR_INDEX_FORGET_H

#include "../engine/engine.h"

/* Empties the slots of rows with these keys, which ascend. Keys that are not there are no error. */
sr_status sr_index_forget(sr_conn *conn, const int64_t *keys, size_t count);

/* Whether a key is one of those. */
bool sr_index_keys_have(const int64_t *keys, size_t count, int64_t key);

#endif
