/*
 * A thread that walks ahead and counts what is to be recorded, so that the time left can be told
 * before anything is known of the files. It only looks at names and sizes.
 */
#ifndef SR_SCOUT_H
#define SR_SCOUT_H

#include "own.h"
#include "roots.h"

typedef struct sr_scout sr_scout;

/* Everything given must live as long. Where no thread can be had, *scout is NULL: progress then
 * goes without totals. */
void sr_scout_start(sr_scout **scout, const sr_roots *roots, const sr_excludes *excludes,
		    const sr_own *own, bool one_file_system);

/* Whether all is counted (not with NULL); only then are files and bytes set. */
bool sr_scout_counted(sr_scout *scout, int64_t *files, int64_t *bytes);

/* Stops the thread wherever it is. */
void sr_scout_free(sr_scout *scout);

#endif
