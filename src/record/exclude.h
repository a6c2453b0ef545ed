/* Shell patterns of what is not to be recorded. */
#ifndef SR_EXCLUDE_H
#define SR_EXCLUDE_H

#include "strongroom.h"

typedef struct sr_excludes sr_excludes;

/* A pattern with a slash is held against whole paths ("*" also goes across slashes there), any
 * other against each name. Slashes at its end do not matter. An empty one is SR_INVALID. */
sr_status sr_excludes_new(sr_excludes **excludes, const char *const *patterns, size_t count);

/* path ends in a NUL; name is its last part. */
bool sr_excluded(const sr_excludes *excludes, const char *path, const char *name);

void sr_excludes_free(sr_excludes *excludes);

#endif
