/* Files on their way into the catalog, saved many at a time. */
#ifndef SR_BATCH_H
#define SR_BATCH_H

#include "readers.h"

typedef struct sr_batch sr_batch;

/* A file that did not fit in the client's quota, and why. */
typedef void (*sr_batch_refused_fn)(void *arg, sr_text path, const char *why);

/* The rules stay the caller's, and so does the run that saving is a part of. */
sr_status sr_batch_new(sr_batch **batch, sr_catalog *catalog, const sr_id *client,
		       const sr_category_rules *rules, sr_activity_run *run,
		       sr_batch_refused_fn refused, void *arg);

/* Takes over a job that was read well. Saves the batch when it is full. */
sr_status sr_batch_add_read(sr_batch *batch, sr_job *job);

/* Takes over a job for a file that is there again as it was known: its mark goes. */
sr_status sr_batch_add_returned(sr_batch *batch, sr_job *job, bool verified, bool stored);

/* A known file that is gone. */
sr_status sr_batch_add_missing(sr_batch *batch, sr_text path);

/* Whether what waits has waited long enough. */
bool sr_batch_due(const sr_batch *batch);

/* Saves what waits, but for what does not fit: that is told and dropped. What fails otherwise stays
 * in the batch. */
sr_status sr_batch_save(sr_batch *batch);

/* What was saved so far. */
const sr_saved *sr_batch_saved(const sr_batch *batch);

void sr_batch_free(sr_batch *batch);

#endif
