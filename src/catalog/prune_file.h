/*
 * One file's versions: which of them go, and letting them go.
 *
 * A plan is made and carried out on one connection within one transaction, so that nothing comes
 * between; a dry run only makes it, in a snapshot.
 */
#ifndef SR_PRUNE_FILE_H
#define SR_PRUNE_FILE_H

#include "../base/retention.h"
#include "file.h"

typedef struct sr_prune_step {
	sr_file_version *version; /* Owned. */
	unsigned kept;            /* SR_KEPT_*; 0: it goes. */
} sr_prune_step;

typedef struct sr_prune_plan {
	sr_file *file;        /* Owned; NULL where the row is gone or another client's. */
	int64_t row;          /* Of files. */
	sr_prune_step *steps; /* Newest first. */
	size_t count;
	size_t pruned; /* Of these, those that go, */
	int64_t bytes; /* and their sizes. */
} sr_prune_plan;

/* Of sizes, which in a damaged database may be beyond all sense: never more than a number holds. */
static inline int64_t sr_prune_sum(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Decides about the client's file in that row. shape NULL: the latest version. */
sr_status sr_prune_plan_make(sr_conn *conn, const sr_shape *shape, const sr_id *client, int64_t row,
			     const sr_keep *keep, sr_prune_plan *plan);

/* Deletes what goes; latest version only. */
sr_status sr_prune_plan_apply(sr_conn *conn, const sr_prune_plan *plan);

void sr_prune_plan_free(sr_prune_plan *plan);

/* Deletes the stored bytes of what went and counts them. What could not be deleted is logged. */
void sr_prune_stored(sr_catalog *catalog, const sr_prune_plan *plan, sr_prune_summary *summary);

#endif
