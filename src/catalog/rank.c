#include "rank.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"

sr_rank_order sr_rank_order_of(sr_sort sort, bool reverse)
{
	bool by_text = sort == SR_SORT_NAME || sort == SR_SORT_PATH;

	/* Newest and largest first, names from A to Z. */
	return (sr_rank_order){.by_text = by_text, .descending = !by_text != reverse};
}

int sr_rank_compare(sr_rank_order order, const sr_rank_key *a, const sr_rank_key *b)
{
	int difference;

	if (a->last != b->last)
		return a->last ? 1 : -1;
	if (order.by_text)
		difference = sr_text_compare(a->text, b->text);
	else
		difference = (a->number > b->number) - (a->number < b->number);
	if (difference != 0)
		return order.descending ? -difference : difference;
	if (a->has_id != b->has_id)
		return a->has_id ? 1 : -1;
	if ((difference = memcmp(&a->id, &b->id, sizeof(a->id))) != 0)
		return difference;
	if (a->row != b->row)
		return a->row > b->row ? 1 : -1;
	return (a->version > b->version) - (a->version < b->version);
}

sr_status sr_rank_key_copy(const sr_rank_key *key, sr_rank_key *copy)
{
	char *text;

	*copy = *key;
	copy->text = sr_text_of(NULL);
	copy->file = NULL;
	if (key->file != NULL && (copy->file = sr_file_copy(key->file)) == NULL)
		return sr_fail_memory();
	if (key->text.data == NULL)
		return SR_OK;
	if ((text = malloc(key->text.length + 1)) == NULL) {
		sr_rank_key_free(copy);
		return sr_fail_memory();
	}
	memcpy(text, key->text.data, key->text.length);
	text[key->text.length] = '\0';
	copy->text = (sr_text){text, key->text.length};
	return SR_OK;
}

void sr_rank_key_free(sr_rank_key *key)
{
	free((char *)(uintptr_t)key->text.data);
	key->text = sr_text_of(NULL);
	sr_file_free((sr_file *)(uintptr_t)key->file);
	key->file = NULL;
}

void sr_ranking_start(sr_ranking *ranking, sr_rank_order order, size_t most)
{
	for (size_t i = 0; i < ranking->count; i++)
		sr_rank_key_free(&ranking->keys[i]);
	ranking->order = order;
	ranking->count = 0;
	ranking->most = most;
	ranking->dropped = false;
}

static void swap(sr_rank_key *a, sr_rank_key *b)
{
	sr_rank_key c = *a;

	*a = *b;
	*b = c;
}

/* Moves the key at `at` up to its place in the heap. */
static void sift_up(sr_ranking *ranking, size_t at)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (sr_rank_compare(ranking->order, &ranking->keys[parent], &ranking->keys[at]) >=
		    0)
			return;
		swap(&ranking->keys[parent], &ranking->keys[at]);
		at = parent;
	}
}

/* Moves the top key down to its place among the first `count`. */
static void sift_down(sr_ranking *ranking, size_t count)
{
	size_t at = 0;

	for (;;) {
		size_t worst = at;

		for (size_t child = at * 2 + 1; child <= at * 2 + 2 && child < count; child++) {
			if (sr_rank_compare(ranking->order, &ranking->keys[worst],
					    &ranking->keys[child]) < 0)
				worst = child;
		}
		if (worst == at)
			return;
		swap(&ranking->keys[worst], &ranking->keys[at]);
		at = worst;
	}
}

static sr_status grow(sr_ranking *ranking)
{
	size_t capacity = ranking->capacity ? ranking->capacity * 2 : 256;
	sr_rank_key *keys = realloc(ranking->keys, capacity * sizeof(*keys));

	if (keys == NULL)
		return sr_fail_memory();
	ranking->keys = keys;
	ranking->capacity = capacity;
	return SR_OK;
}

sr_status sr_ranking_offer(sr_ranking *ranking, const sr_rank_key *key)
{
	sr_rank_key copy;
	sr_status rc;

	if (ranking->count < ranking->most) {
		if (ranking->count == ranking->capacity && (rc = grow(ranking)) != SR_OK)
			return rc;
		if ((rc = sr_rank_key_copy(key, &ranking->keys[ranking->count])) != SR_OK)
			return rc;
		sift_up(ranking, ranking->count++);
		return SR_OK;
	}
	ranking->dropped = true;
	if (sr_rank_compare(ranking->order, key, &ranking->keys[0]) > 0)
		return SR_OK;
	if ((rc = sr_rank_key_copy(key, &copy)) != SR_OK)
		return rc;
	sr_rank_key_free(&ranking->keys[0]);
	ranking->keys[0] = copy;
	sift_down(ranking, ranking->count);
	return SR_OK;
}

void sr_ranking_sort(sr_ranking *ranking)
{
	for (size_t end = ranking->count; end > 1; end--) {
		swap(&ranking->keys[0], &ranking->keys[end - 1]);
		sift_down(ranking, end - 1);
	}
}

void sr_ranking_free(sr_ranking *ranking)
{
	sr_ranking_start(ranking, ranking->order, 0);
	free(ranking->keys);
	*ranking = (sr_ranking){0};
}
