#include "exclude.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/text.h"

/*
 * A pattern is cut at each "**" into segments, each of some whole parts of a path. A segment holds
 * the same number of parts as what it stands for, as its stars do not cross a slash.
 */
typedef struct exclude {
	char *words;     /* The segments, each ended by a NUL: "a/b", "c". */
	size_t segments; /* How many; 0 is "**" alone. */
	bool floating;   /* Begins below any folder, not at the root. */
	bool below;      /* Ends in "**": means all that is in what it names. */
	bool folder;     /* Means folders alone. */
} exclude;

struct sr_excludes {
	size_t count;
	exclude list[];
};

/* The end of a path's part, or of a segment of a pattern. */
static const char *part_end(const char *at)
{
	return at + strcspn(at, "/");
}

static bool is_any(const char *part)
{
	return part[0] == '*' && part[1] == '*' && (part[2] == '/' || part[2] == '\0');
}

/* Cuts the pattern, which is the exclude's own, into segments in place. */
static void cut(exclude *made, const char *pattern)
{
	char *to = made->words;
	const char *at = pattern;
	bool open = false; /* A segment is being written. */

	made->floating = *at != '/';
	while (*at != '\0') {
		const char *end;

		at += strspn(at, "/");
		if (*at == '\0')
			break;
		end = part_end(at);
		made->below = is_any(at);
		if (made->below) {
			if (made->segments == 0)
				made->floating = true;
			else if (open)
				*to++ = '\0';
			open = false;
		} else {
			if (open)
				*to++ = '/';
			else
				made->segments++;
			memmove(to, at, (size_t)(end - at));
			to += end - at;
			open = true;
		}
		at = end;
	}
	*to = '\0';
}

static sr_status add(sr_excludes *excludes, const char *pattern)
{
	exclude *made = &excludes->list[excludes->count];
	size_t length = pattern != NULL ? strlen(pattern) : 0;

	if (length == 0 || strspn(pattern, "/") == length)
		return sr_fail(SR_INVALID, "exclude pattern %s is empty",
			       sr_quoted(sr_text_of(pattern)));
	if ((made->words = malloc(length + 1)) == NULL)
		return sr_fail_memory();
	excludes->count++;
	made->folder = pattern[length - 1] == '/';
	cut(made, pattern);
	return SR_OK;
}

sr_status sr_excludes_new(sr_excludes **excludes, const char *const *patterns, size_t count)
{
	sr_excludes *made = calloc(1, sizeof(*made) + count * sizeof(made->list[0]));
	sr_status rc = SR_OK;

	*excludes = NULL;
	if (made == NULL)
		return sr_fail_memory();
	for (size_t i = 0; rc == SR_OK && i < count; i++)
		rc = add(made, patterns[i]);
	if (rc == SR_OK)
		*excludes = made;
	else
		sr_excludes_free(made);
	return rc;
}

static size_t parts_of(const char *text)
{
	size_t parts = 1;

	for (; *text != '\0'; text++)
		parts += *text == '/';
	return parts;
}

/* The text behind so many parts, or NULL where it has fewer. */
static const char *skip(const char *text, size_t parts)
{
	for (; parts > 0; parts--) {
		if (*text == '\0')
			return NULL;
		text = part_end(text);
		text += *text == '/';
	}
	return text;
}

static bool matches(const char *segment, const char *path, int flags)
{
	return fnmatch(segment, path, FNM_PATHNAME | flags) == 0;
}

/* Where the path goes on behind the first place, from `path` on, at which the segment fits. With
 * fixed it must fit right there. */
static const char *after(const char *segment, const char *path, bool fixed)
{
	while (path != NULL && *path != '\0') {
		if (matches(segment, path, FNM_LEADING_DIR))
			return skip(path, parts_of(segment));
		path = fixed ? NULL : skip(path, 1);
	}
	return NULL;
}

/* path without its first slash. Taking the first place for each segment leaves the most for the
 * next; only the last is bound to the path's end. */
static bool means(const exclude *it, const char *path)
{
	const char *segment = it->words;
	size_t bound = it->segments - (it->below ? 0 : 1);
	size_t parts, wanted;

	for (size_t i = 0; i < bound; i++) {
		path = after(segment, path, i == 0 && !it->floating);
		if (path == NULL)
			return false;
		segment += strlen(segment) + 1;
	}
	if (it->below)
		return *path != '\0';
	parts = *path != '\0' ? parts_of(path) : 0;
	wanted = parts_of(segment);
	if (parts < wanted || (parts > wanted && bound == 0 && !it->floating))
		return false;
	return matches(segment, skip(path, parts - wanted), 0);
}

bool sr_excluded(const sr_excludes *excludes, const char *path, bool folder)
{
	for (size_t i = 0; i < excludes->count; i++)
		if ((folder || !excludes->list[i].folder) && means(&excludes->list[i], path + 1))
			return true;
	return false;
}

void sr_excludes_free(sr_excludes *excludes)
{
	if (excludes == NULL)
		return;
	for (size_t i = 0; i < excludes->count; i++)
		free(excludes->list[i].words);
	free(excludes);
}
