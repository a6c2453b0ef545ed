/* Paths of files and folders, each once, byte for byte. */
#ifndef SR_PATHS_H
#define SR_PATHS_H

#include "strongroom.h"

typedef struct sr_paths {
	char **list;
	size_t count;
	size_t room;
} sr_paths; /* Zeroed: none. */

sr_status sr_paths_add(sr_paths *paths, const char *path);
bool sr_paths_have(const sr_paths *paths, const char *path);
void sr_paths_free(sr_paths *paths);

#endif
