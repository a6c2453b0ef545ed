#include "paths.h"

#include <stdlib.h>
#include <string.h>

#include "../base/error.h"

bool sr_paths_have(const sr_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++)
		if (strcmp(paths->list[i], path) == 0)
			return true;
	return false;
}

sr_status sr_paths_add(sr_paths *paths, const char *path)
{
	if (sr_paths_have(paths, path))
		return SR_OK;
	if (paths->count == paths->room) {
		size_t room = 2 * paths->room + 16;
		char **more = realloc(paths->list, room * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		paths->list = more;
		paths->room = room;
	}
	if ((paths->list[paths->count] = strdup(path)) == NULL)
		return sr_fail_memory();
	paths->count++;
	return SR_OK;
}

void sr_paths_free(sr_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i]);
	free(paths->list);
	*paths = (sr_paths){0};
}
