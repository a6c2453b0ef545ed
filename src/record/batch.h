/* Files on their way into the catalog, saved many at a time. */
#ifndef SR_BATCH_H
#define SR_BATCH_H

#include "readers.h"

typedef struct sr_batch sr_batch;

/* What all batches of a recording have in common. Everything stays the caller's. */
typedef struct sr_batch_of {
	sr_catalog *catalog;
	const sr_id *client;
	const sr_category_rules *rules;
	sr_activity_run *run; /* Which saving is a part of. */
} sr_batch_of;

/* A file that did not fit in the client's quota, and why. */
typedef void (*sr_batch_refused_fn)(void *arg, sr_text path, const char *why);

sr_status sr_batch_new(sr_batch **batch, const sr_batch_of *of);

/* Takes over a job that was read well. The batch must not be full, here and below. */
void sr_batch_add_read(sr_batch *batch, sr_job *job);

/* Takes over a job for a file that is there again as it was known: its mark goes. */
void sr_batch_add_returned(sr_batch *batch, sr_job *job, bool verified, bool stored);

/* A known file that is gone. */
sr_status sr_batch_add_missing(sr_batch *batch, sr_text path);

bool sr_batch_empty(const sr_batch *batch);
bool sr_batch_full(const sr_batch *batch);

/* Whether what is in it has waited long enough. */
bool sr_batch_due(const sr_batch *batch);

/* Saves what is in it, but for what does not fit. In any thread: what came of it is kept for
 * sr_batch_settle. */
sr_status sr_batch_save(sr_batch *batch);

/* After it was saved: adds to *saved what was, tells what did not fit, and empties it. The status
 * and the words are those of the saving. */
sr_status sr_batch_settle(sr_batch *batch, sr_saved *saved, sr_batch_refused_fn refused, void *arg);

void sr_batch_free(sr_batch *batch);

#endif
