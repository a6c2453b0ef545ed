#include "exclude.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/text.h"

struct sr_excludes {
	size_t count;
	struct {
		char *pattern;
		bool whole; /* Against the whole path, not the name. */
	} list[];
};

sr_status sr_excludes_new(sr_excludes **excludes, const char *const *patterns, size_t count)
{
	sr_excludes *made = calloc(1, sizeof(*made) + count * sizeof(made->list[0]));

	*excludes = NULL;
	if (made == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < count; i++) {
		size_t length = patterns[i] != NULL ? strlen(patterns[i]) : 0;

		while (length > 0 && patterns[i][length - 1] == '/')
			length--;
		if (length == 0) {
			sr_excludes_free(made);
			return sr_fail(SR_INVALID, "exclude pattern %s is empty",
				       sr_quoted(sr_text_of(patterns[i])));
		}
		if ((made->list[i].pattern = strndup(patterns[i], length)) == NULL) {
			sr_excludes_free(made);
			return sr_fail_memory();
		}
		made->list[i].whole = strchr(made->list[i].pattern, '/') != NULL;
		made->count++;
	}
	*excludes = made;
	return SR_OK;
}

bool sr_excluded(const sr_excludes *excludes, const char *path, const char *name)
{
	for (size_t i = 0; i < excludes->count; i++)
		if (fnmatch(excludes->list[i].pattern, excludes->list[i].whole ? path : name, 0) ==
		    0)
			return true;
	return false;
}

void sr_excludes_free(sr_excludes *excludes)
{
	if (excludes == NULL)
		return;
	for (size_t i = 0; i < excludes->count; i++)
		free(excludes->list[i].pattern);
	free(excludes);
}
