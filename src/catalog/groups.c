#include "groups.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"

/* Of all groups: some 100,000 of them with short texts. */
#define MEMORY_MOST ((size_t)16 << 20)

/* What a group takes besides its text: itself, its place in the list and in the tree. */
#define GROUP_MEMORY (sizeof(sr_group) + sizeof(void *) * 8)

static int compare_keys(const void *left, const void *right)
{
	const sr_group *a = left, *b = right;

	return sr_text_compare(a->key, b->key);
}

int64_t sr_groups_sum(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void count(sr_group *group, int64_t files, int64_t bytes)
{
	group->files = sr_groups_sum(group->files, files);
	group->bytes = sr_groups_sum(group->bytes, bytes);
}

static sr_status grow(sr_groups *groups)
{
	const size_t capacity = groups->capacity ? groups->capacity * 2 : 64;
	sr_group **list = realloc(groups->list, capacity * sizeof(void *));

	if (list == NULL)
		return sr_fail_memory();
	groups->list = list;
	groups->capacity = capacity;
	return SR_OK;
}

static sr_group *new_group(sr_text key)
{
	sr_group *made = calloc(1, sizeof(*made) + key.length + 1);

	if (made == NULL || key.data == NULL)
		return made;
	memcpy(made + 1, key.data, key.length);
	made->key = (sr_text){(const char *)(made + 1), key.length};
	return made;
}

/* Adds a group for the key, which has none. */
static sr_status insert(sr_groups *groups, sr_text key, sr_group **group)
{
	sr_group *made;
	sr_status rc;

	if (groups->count == groups->capacity && (rc = grow(groups)) != SR_OK)
		return rc;
	if ((made = new_group(key)) == NULL)
		return sr_fail_memory();
	if (tsearch(made, &groups->tree, compare_keys) == NULL) {
		free(made);
		return sr_fail_memory();
	}
	groups->list[groups->count++] = made;
	groups->memory += GROUP_MEMORY + key.length;
	*group = made;
	return SR_OK;
}

sr_status sr_groups_add(sr_groups *groups, sr_text key, int64_t files, int64_t bytes)
{
	const sr_group wanted = {.key = key};
	sr_group *group = groups->last;
	sr_status rc;

	if (group == NULL || !sr_text_equal(group->key, key)) {
		sr_group **node = tfind(&wanted, &groups->tree, compare_keys);

		if (node != NULL) {
			group = *node;
		} else if (groups->memory + GROUP_MEMORY + key.length > MEMORY_MOST) {
			count(&groups->rest, files, bytes);
			return SR_OK;
		} else if ((rc = insert(groups, key, &group)) != SR_OK) {
			return rc;
		}
		groups->last = group;
	}
	count(group, files, bytes);
	return SR_OK;
}

/* ---- Sorting ---- */

static int ascending(const void *left, const void *right)
{
	const sr_group *a = *(sr_group *const *)left;
	const sr_group *b = *(sr_group *const *)right;

	if ((a->key.data == NULL) != (b->key.data == NULL))
		return a->key.data == NULL ? 1 : -1;
	return sr_text_compare(a->key, b->key);
}

static int descending(const void *left, const void *right)
{
	const sr_group *a = *(sr_group *const *)left;
	const sr_group *b = *(sr_group *const *)right;

	if (a->key.data == NULL || b->key.data == NULL)
		return ascending(left, right);
	return sr_text_compare(b->key, a->key);
}

static int largest(const void *left, const void *right)
{
	const sr_group *a = *(sr_group *const *)left;
	const sr_group *b = *(sr_group *const *)right;

	if (a->key.data == NULL || b->key.data == NULL || a->files == b->files)
		return ascending(left, right);
	return a->files < b->files ? 1 : -1;
}

void sr_groups_sort(sr_groups *groups, sr_groups_order order)
{
	static int (*const by[])(const void *, const void *) = {largest, ascending, descending};

	if (groups->count > 0)
		qsort(groups->list, groups->count, sizeof(void *), by[order]);
}

static void keep_group(void *group)
{
	(void)group; /* The list frees it. */
}

void sr_groups_free(sr_groups *groups)
{
	tdestroy(groups->tree, keep_group);
	for (size_t i = 0; i < groups->count; i++)
		free(groups->list[i]);
	free(groups->list);
	*groups = (sr_groups){0};
}
