#include "types.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/error.h"
#include "../base/log.h"
#include "../base/text.h"
#include "guess.h"

#define BUCKETS    4096
#define KIND_STEPS 6

/* One line of the table. */
typedef struct glob {
	struct glob *next; /* In its bucket, or in the list of the others. */
	char *mime_type;   /* The line itself, cut in pieces. */
	const char *key;   /* ".tar.gz", "makefile", or a whole pattern. */
	size_t length;     /* Of the pattern. */
	long weight;
	bool exact; /* Upper and lower case differ. */
} glob;

/* A line that says that one type is a kind of another. */
typedef struct kind {
	struct kind *next; /* In its bucket, by the type. */
	char *type;        /* The line itself, cut in two. */
	const char *of;
} kind;

struct sr_types {
	glob *suffixes[BUCKETS]; /* "*.gz", by what follows the star. */
	glob *names[BUCKETS];    /* "makefile" */
	glob *others;            /* All else. */
	kind *kinds[BUCKETS];
	sr_guesser *guesser; /* For what no name tells. */
};

/* The best match so far. */
typedef struct choice {
	const glob *glob;
	const glob *rival; /* Another of the same rank that says something else. */
} choice;

static unsigned bucket_of(const char *key)
{
	unsigned hash = 2166136261u;

	/* Without case, as most patterns are. */
	for (; *key != '\0'; key++)
		hash = (hash ^ ((unsigned char)*key | 0x20u)) * 16777619u;
	return hash % BUCKETS;
}

/* "50:text/html:*.html:cs,other"; false for what is no such line. */
static bool parse_line(char *line, glob *made)
{
	char *end, *pattern, *flags;

	made->weight = strtol(line, &end, 10);
	if (end == line || *end != ':')
		return false;
	made->mime_type = end + 1;
	if ((pattern = strchr(made->mime_type, ':')) == NULL)
		return false;
	*pattern++ = '\0';
	if ((flags = strchr(pattern, ':')) != NULL) {
		*flags++ = '\0';
		made->exact = strstr(flags, "cs") != NULL;
	}
	made->key = pattern;
	made->length = strlen(pattern);
	return made->length > 0 && *made->mime_type != '\0';
}

static sr_status add_line(sr_types *types, const char *line)
{
	glob *made = calloc(1, sizeof(*made) + strlen(line) + 1);
	char *copy;
	glob **list;

	if (made == NULL)
		return sr_fail_memory();
	copy = strcpy((char *)(made + 1), line);
	if (*copy == '#' || !parse_line(copy, made)) {
		free(made);
		return SR_OK;
	}
	if (made->key[0] == '*' && made->key[1] == '.' && strpbrk(made->key + 1, "*?[") == NULL) {
		made->key++;
		list = &types->suffixes[bucket_of(made->key)];
	} else if (strpbrk(made->key, "*?[") == NULL) {
		list = &types->names[bucket_of(made->key)];
	} else {
		list = &types->others;
	}
	made->next = *list;
	*list = made;
	return SR_OK;
}

/* "text/x-c++src text/x-csrc" */
static sr_status add_kind(sr_types *types, const char *line)
{
	kind *made = calloc(1, sizeof(*made) + strlen(line) + 1);
	kind **list;
	char *space;

	if (made == NULL)
		return sr_fail_memory();
	made->type = strcpy((char *)(made + 1), line);
	if ((space = strchr(made->type, ' ')) == NULL) {
		free(made);
		return SR_OK;
	}
	*space = '\0';
	made->of = space + 1;
	list = &types->kinds[bucket_of(made->type)];
	made->next = *list;
	*list = made;
	return SR_OK;
}

/* Hands every line of a table to `add`. *found tells whether there is one. */
static sr_status read_table(sr_types *types, const char *folder, const char *name,
			    sr_status (*add)(sr_types *types, const char *line), bool *found)
{
	char *line = NULL, *path;
	size_t size = 0;
	sr_status rc = SR_OK;
	FILE *file;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return sr_fail_memory();
	file = fopen(path, "re");
	*found = file != NULL;
	if (file == NULL)
		goto err0;
	while (rc == SR_OK && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		rc = add(types, line);
	}
	free(line);
	if (rc == SR_OK && ferror(file))
		rc = sr_fail_errno(errno, "cannot read %s", path);
	fclose(file);
err0:
	free(path);
	return rc;
}

sr_status sr_types_new(sr_types **types, const char *folder)
{
	bool found;
	sr_status rc;

	if ((*types = calloc(1, sizeof(**types))) == NULL)
		return sr_fail_memory();
	rc = sr_guesser_new(&(*types)->guesser);
	if (rc == SR_OK)
		rc = read_table(*types, folder, "globs2", add_line, &found);
	if (rc == SR_OK && !found)
		sr_log("record", SR_LOG_WARNING,
		       "%s/globs2 is not readable, types come from the files' bytes: install "
		       "shared-mime-info",
		       folder);
	if (rc == SR_OK)
		rc = read_table(*types, folder, "subclasses", add_kind, &found);
	if (rc != SR_OK) {
		sr_types_free(*types);
		*types = NULL;
	}
	return rc;
}

static int compare_rank(const glob *a, const glob *b)
{
	if (a->weight != b->weight)
		return a->weight > b->weight ? 1 : -1;
	if (a->length != b->length)
		return a->length > b->length ? 1 : -1;
	return (int)a->exact - (int)b->exact;
}

static void consider(choice *best, const glob *found)
{
	int order = best->glob != NULL ? compare_rank(found, best->glob) : 1;

	if (order > 0) {
		best->glob = found;
		best->rival = NULL;
	} else if (order == 0 && strcmp(found->mime_type, best->glob->mime_type) != 0) {
		best->rival = found;
	}
}

static void look_up(choice *best, glob *const *buckets, const char *key)
{
	for (const glob *g = buckets[bucket_of(key)]; g != NULL; g = g->next)
		if ((g->exact ? strcmp : strcasecmp)(g->key, key) == 0)
			consider(best, g);
}

const char *sr_type_of_name(const sr_types *types, const char *name, const char **rival)
{
	choice best = {NULL, NULL};

	look_up(&best, types->names, name);
	for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		look_up(&best, types->suffixes, dot);
	for (const glob *g = types->others; g != NULL; g = g->next)
		if (fnmatch(g->key, name, g->exact ? 0 : FNM_CASEFOLD) == 0)
			consider(&best, g);
	*rival = best.rival != NULL ? best.rival->mime_type : NULL;
	return best.glob != NULL ? best.glob->mime_type : NULL;
}

/* Whether a type is a kind of another, at most so many steps away: the table may go in circles. */
static bool is_kind_of(const sr_types *types, const char *type, const char *of, int steps)
{
	if (strcmp(type, of) == 0)
		return true;
	for (const kind *k = types->kinds[bucket_of(type)]; steps > 0 && k != NULL; k = k->next)
		if (strcmp(k->type, type) == 0 && is_kind_of(types, k->of, of, steps - 1))
			return true;
	return false;
}

static bool is_text(const sr_types *types, const char *type)
{
	return strncmp(type, "text/", 5) == 0 || is_kind_of(types, type, "text/plain", KIND_STEPS);
}

const char *sr_type_between(const sr_types *types, const char *type, const char *rival, bool text)
{
	bool both = is_text(types, type) && is_text(types, rival);

	if (is_kind_of(types, type, rival, KIND_STEPS))
		return rival;
	if (is_kind_of(types, rival, type, KIND_STEPS))
		return type;
	if (both)
		return text ? "text/plain" : NULL;
	if (is_text(types, type) == is_text(types, rival))
		return NULL;
	return is_text(types, type) == text ? type : rival;
}

void sr_type_of_bytes(const sr_types *types, const void *bytes, size_t length, char *type,
		      size_t size)
{
	sr_guess(types->guesser, bytes, length, type, size);
}

static void free_list(glob *list)
{
	while (list != NULL) {
		glob *next = list->next;

		free(list);
		list = next;
	}
}

void sr_types_free(sr_types *types)
{
	if (types == NULL)
		return;
	sr_guesser_free(types->guesser);
	for (size_t i = 0; i < BUCKETS; i++) {
		free_list(types->suffixes[i]);
		free_list(types->names[i]);
		for (kind *k = types->kinds[i], *next; k != NULL; k = next) {
			next = k->next;
			free(k);
		}
	}
	free_list(types->others);
	free(types);
}

void sr_extension_of(const char *name, char extension[SR_EXTENSION_SIZE])
{
	const char *dot = strrchr(name, '.');
	size_t length = dot != NULL && dot != name ? strlen(dot + 1) : 0;

	/* A cut extension would be another one. */
	if (length >= SR_EXTENSION_SIZE || !sr_text_is_utf8(sr_text_of(dot)))
		length = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)dot[1 + i];

		extension[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	extension[length] = '\0';
}
