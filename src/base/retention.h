/* The keep rules of strongroom.h (sr_keep) on a list of instants. No database. */
#ifndef SR_RETENTION_H
#define SR_RETENTION_H

#include "strongroom.h"

/* A version, a backup: when it was made, and why it is kept. */
typedef struct sr_dated {
	int64_t instant; /* SR_NULL_INTEGER where no date can be read. */
	unsigned kept;   /* SR_KEPT_*; 0: no rule keeps it. */
} sr_dated;

/* SR_INVALID names the rule that makes no sense. Rules that keep nothing are good here; who
 * deletes must refuse them. */
sr_status sr_keep_check(const sr_keep *keep);

/* Sets kept of each. The list has the newest first; what has no date may stand anywhere. */
void sr_retention_apply(const sr_keep *keep, sr_dated *list, size_t count);

#endif
