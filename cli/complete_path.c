#include "complete_path.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { ENTRIES_MOST = 1000 }; /* Nobody reads more of them. */

/* Sorts behind all that begins with what stands before it. */
#define LAST_CHARACTER "\xf4\x8f\xbf\xbf"

/* The path of the first file below the folder behind `after`, or NULL. Owned: free. */
static char *first_behind(sr_catalog *catalog, const sr_id *client, sr_text folder,
			  const char *after)
{
	const sr_file *file = NULL;
	sr_files *cursor;
	char *path = NULL;

	if (sr_file_list_below(catalog, client, folder, sr_text_of(after), 1, &cursor) != SR_OK)
		return NULL;
	if (sr_files_next(cursor, &file) == SR_OK && file != NULL &&
	    file->original_path.data != NULL)
		path = must_copy(file->original_path.data, file->original_path.length);
	sr_files_close(cursor);
	return path;
}

/* A file of exactly what was typed is not behind it. */
static void exact(sr_catalog *catalog, const sr_id *client, const char *typed, complete_path_fn fn,
		  void *arg)
{
	sr_file *file;

	if (typed[0] == '\0' || sr_file_find(catalog, client, sr_text_of(typed), &file) != SR_OK)
		return;
	if (file->original_path.data != NULL && strcmp(file->original_path.data, typed) == 0)
		fn(arg, typed);
	sr_file_free(file);
}

void complete_path(sr_catalog *catalog, const sr_id *client, const char *typed, complete_path_fn fn,
		   void *arg)
{
	const char *slash = strrchr(typed, '/');
	const size_t kept = slash != NULL ? (size_t)(slash + 1 - typed) : 0;
	const sr_text folder = {typed, kept};
	char *after = typed[kept] != '\0' ? must_print("%s", typed) : NULL;
	char *path;

	exact(catalog, client, typed, fn, arg);
	for (int i = 0; i < ENTRIES_MOST; i++) {
		const char *end;

		if ((path = first_behind(catalog, client, folder, after)) == NULL)
			break;
		free(after);
		after = NULL;
		if (strncmp(path, typed, strlen(typed)) != 0) {
			free(path);
			break;
		}
		end = strchr(path + (kept > 0 ? kept : 1), '/');
		if (end != NULL) {
			path[end + 1 - path] = '\0';
			after = must_print("%s" LAST_CHARACTER, path);
		} else {
			after = must_print("%s", path);
		}
		fn(arg, path);
		free(path);
	}
	free(after);
}
