/* Deleting a client, for what does more than that. */
#ifndef SR_CLIENTS_H
#define SR_CLIENTS_H

#include "catalog.h"

/* In a write transaction: the client, the records of its files, and that this was done.
 * SR_NOT_FOUND names the id. */
sr_status sr_client_remove(sr_conn *conn, const sr_id *id, const char *now, int64_t *files);

#endif
