/*
 * What each client uses, counted from its files in one pass, to compare client_usage with. Memory
 * grows with clients and not with files. Ids are compared as they are stored, whatever they are.
 */
#ifndef SR_USAGE_H
#define SR_USAGE_H

#include "../engine/engine.h"

typedef struct sr_usage sr_usage;

/* SR_INTERRUPTED where the connection's watch stops it. */
sr_status sr_usage_count(sr_conn *conn, sr_usage **usage);

/* Zeros for a client without a file. */
void sr_usage_get(const sr_usage *usage, const sr_value *client, int64_t *files, int64_t *bytes);
void sr_usage_free(sr_usage *usage);

#endif
