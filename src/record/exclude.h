/* Shell patterns of what is not to be recorded; strongroom.h says what they mean. */
#ifndef SR_EXCLUDE_H
#define SR_EXCLUDE_H

#include "strongroom.h"

typedef struct sr_excludes sr_excludes;

/* An empty pattern is SR_INVALID. */
sr_status sr_excludes_new(sr_excludes **excludes, const char *const *patterns, size_t count);

/* Whether a pattern means this entry, a folder or not; path is absolute and ends in a NUL. */
bool sr_excluded(const sr_excludes *excludes, const char *path, bool folder);

void sr_excludes_free(sr_excludes *excludes);

#endif
