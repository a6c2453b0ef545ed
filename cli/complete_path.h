/* Which files and folders of a client a path that is being typed could become. */
#ifndef CLI_COMPLETE_PATH_H
#define CLI_COMPLETE_PATH_H

#include "strongroom.h"

typedef void (*complete_path_fn)(void *arg, const char *path);

/* Calls fn for each entry of the folder that typed names so far, as the catalog has it; folders
 * end in a slash. Each costs one look into an index, however much is below it. What cannot be
 * read ends it. */
void complete_path(sr_catalog *catalog, const sr_id *client, const char *typed, complete_path_fn fn,
		   void *arg);

#endif
