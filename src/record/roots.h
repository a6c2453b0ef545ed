/* The paths to record: absolute, sorted, and none below another whose walk reaches it. */
#ifndef SR_ROOTS_H
#define SR_ROOTS_H

#include "exclude.h"

typedef struct sr_roots {
	char **paths;
	size_t count;
} sr_roots;

sr_status sr_roots_new(sr_roots *roots, const char *const *paths, size_t count,
		       const sr_excludes *excludes, bool one_file_system);
void sr_roots_free(sr_roots *roots); /* Harmless on a zeroed one. */

#endif
