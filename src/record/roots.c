#include "roots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/error.h"
#include "../base/path.h"

static int in_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether one step of the way down is taken: a folder, not excluded, on the same file system. */
static bool steps_into(const char *path, const sr_excludes *excludes, const dev_t *device)
{
	struct stat st;

	if (lstat(path, &st) != 0 || sr_excluded(excludes, path, S_ISDIR(st.st_mode)))
		return false;
	return device == NULL || st.st_dev == *device;
}

/* Whether the walk from `above` comes to `below` by itself: it lies under it, and neither a link,
 * a pattern nor another file system is in between. */
static bool reaches(const char *above, char *below, const sr_excludes *excludes,
		    bool one_file_system)
{
	size_t length = strlen(above);
	bool reached = true;
	struct stat root, st;

	if (length == 1)
		length = 0;
	if (strncmp(above, below, length) != 0 || (below[length] != '/' && below[length] != '\0'))
		return false;
	if (below[length] == '\0')
		return true;
	if (lstat(above, &root) != 0 || !S_ISDIR(root.st_mode))
		return false;
	for (char *at = below + length + 1; reached && at != NULL;) {
		if ((at = strchr(at, '/')) != NULL)
			*at = '\0';
		reached = steps_into(below, excludes, one_file_system ? &root.st_dev : NULL) &&
			  (at == NULL || (lstat(below, &st) == 0 && S_ISDIR(st.st_mode)));
		if (at != NULL)
			*at++ = '/';
	}
	/* A root that is a link is met as a failure, not as one of many special files. */
	return reached && (lstat(below, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static sr_status add_absolute(sr_roots *roots, const char *path)
{
	sr_buffer absolute = SR_BUFFER_EMPTY;
	sr_status rc = sr_path_absolute(NULL, sr_text_of(path), &absolute);

	if (rc == SR_OK && (roots->paths[roots->count] = sr_buffer_take(&absolute)) == NULL)
		rc = sr_fail_memory();
	if (rc == SR_OK)
		roots->count++;
	sr_buffer_free(&absolute);
	return rc;
}

sr_status sr_roots_new(sr_roots *roots, const char *const *paths, size_t count,
		       const sr_excludes *excludes, bool one_file_system)
{
	sr_status rc = SR_OK;
	size_t kept = 0, given;

	roots->count = 0;
	if ((roots->paths = calloc(count, sizeof(*roots->paths))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; rc == SR_OK && i < count; i++)
		rc = add_absolute(roots, paths[i]);
	if (rc != SR_OK) {
		sr_roots_free(roots);
		return rc;
	}
	given = roots->count;
	qsort(roots->paths, given, sizeof(*roots->paths), in_order);
	for (size_t i = 0; i < given; i++) {
		char *path = roots->paths[i];
		bool reached = false;

		for (size_t j = 0; !reached && j < kept; j++)
			reached = reaches(roots->paths[j], path, excludes, one_file_system);
		if (reached)
			free(path);
		else
			roots->paths[kept++] = path;
	}
	roots->count = kept;
	return SR_OK;
}

void sr_roots_free(sr_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		free(roots->paths[i]);
	free(roots->paths);
	roots->paths = NULL;
	roots->count = 0;
}
