/* The queries that the catalog lives by, for a rehearsal to look at their plans. */
#ifndef SR_QUERIES_H
#define SR_QUERIES_H

#include "../schema/migrate.h"

/* An sr_queries_fn. A query that must stay fast belongs on its list. */
sr_status sr_queries_each(const sr_shape *shape, sr_query_take_fn take, void *to);

#endif
