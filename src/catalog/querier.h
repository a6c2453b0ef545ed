/*
 * Connections for callers' own queries, which nobody has read before: each can do nothing but read
 * (engine.h: untrusted). Opening one takes a millisecond, so a few idle ones are kept for the next
 * query. What was left in one is nothing but its cache of pages and, as long as nobody changes the
 * schema, of statements.
 *
 *   taken [sr_querier_take] -> kept [sr_querier_give] -> taken …
 *   taken -> closed [sr_querier_give]   broken, or enough are kept, or the catalog is closed;
 * always in direct mode, and in a catalog that only reads, since that may look at the file without
 * locks kept -> closed [sr_querier_take]    too old, its file was replaced, or the catalog has come
 * to distrust its schema since
 */
#ifndef SR_QUERIER_H
#define SR_QUERIER_H

#include "catalog.h"

typedef struct sr_querier {
	sr_conn *conn;
	bool bare;               /* As it was opened: see sr_catalog_distrusted. */
	int64_t opened;          /* sr_clock_ns() */
	int64_t schema;          /* The schema's version that its statements know. */
	struct sr_querier *next; /* Of those that are kept. */
} sr_querier;

/* The caller holds a reader of the pool meanwhile, so that the pool outlives it. */
sr_status sr_querier_take(sr_catalog *catalog, sr_querier **querier);

/* Its statements are done. NULL is fine. */
void sr_querier_give(sr_catalog *catalog, sr_querier *querier);

/* Closes those that are kept; from now on none is. */
void sr_queriers_shut(sr_catalog *catalog);

#endif
