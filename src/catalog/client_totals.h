/*
 * How many files and bytes each client has, and when the newest was recorded: from the counters. In
 * databases that have none by one pass over `files` in the order of its pages, added up in memory;
 * grouping by the index on ClientID would look each row up at random.
 */
#ifndef SR_CLIENT_TOTALS_H
#define SR_CLIENT_TOTALS_H

#include "catalog.h"

typedef struct sr_client_totals sr_client_totals;

/* Adds the query that it asks of tables of that shape. */
void sr_client_totals_select(const sr_shape *shape, sr_buffer *sql);

sr_status sr_client_totals_read(sr_reading *reading, sr_client_totals **totals);

/* Fills files, bytes and last_recorded of the client with this id; the text is the totals' own. */
void sr_client_totals_get(const sr_client_totals *totals, sr_client *client);

/* The bytes of all clients' files, those of clients that are not there too. */
double sr_client_totals_bytes(const sr_client_totals *totals);

void sr_client_totals_free(sr_client_totals *totals);

#endif
