#include "slots.h"

#include <stdlib.h>

#include "../base/error.h"
#include "pack.h"

/* Slots of the first batch, of the largest, and how they grow; a slot takes 16 bytes. */
#define BATCH_FIRST  1280
#define BATCH_KEYS   8192
#define BATCH_GROWTH 8
#define BATCH_MOST   262144

/* ---- Order ---- */

/* Whether a comes before b. */
static bool before(const sr_slot *a, const sr_slot *b)
{
	return a->rank != b->rank ? a->rank > b->rank : a->key < b->key;
}

static int compare(const void *left, const void *right)
{
	const sr_slot *a = left, *b = right;

	return before(b, a) - before(a, b);
}

/* The list is a heap with the last one on top while a batch is gathered. */
static void sift_up(sr_slot *list, size_t at)
{
	for (size_t parent; at > 0; at = parent) {
		sr_slot swapped = list[at];

		parent = (at - 1) / 2;
		if (!before(&list[parent], &list[at]))
			return;
		list[at] = list[parent];
		list[parent] = swapped;
	}
}

static void sift_down(sr_slot *list, size_t count)
{
	for (size_t at = 0, child; (child = at * 2 + 1) < count; at = child) {
		sr_slot swapped = list[at];

		if (child + 1 < count && before(&list[child], &list[child + 1]))
			child++;
		if (!before(&list[at], &list[child]))
			return;
		list[at] = list[child];
		list[child] = swapped;
	}
}

static void offer(sr_slots *slots, const sr_slot *slot)
{
	if (slots->begun && !before(&slots->last, slot))
		return; /* Of an earlier batch. */
	if (slots->count < slots->room) {
		slots->list[slots->count] = *slot;
		sift_up(slots->list, slots->count++);
	} else if (before(slot, &slots->list[0])) {
		slots->list[0] = *slot;
		sift_down(slots->list, slots->count);
	}
}

/* ---- Rows of a chunk ---- */

static bool in_range(const sr_slots *slots, int64_t oldest, int64_t newest)
{
	bool dated = oldest != SR_NO_DATE;

	if (slots->behind != SR_NULL_INTEGER && dated &&
	    (slots->order == SR_SLOTS_OLDEST ? newest < slots->behind : oldest > slots->behind))
		return false;
	if (slots->from == SR_NULL_INTEGER && slots->to == SR_NULL_INTEGER)
		return true;
	return dated && (slots->from == SR_NULL_INTEGER || newest >= slots->from) &&
	       (slots->to == SR_NULL_INTEGER || oldest <= slots->to);
}

static int64_t rank_of(const sr_slots *slots, int64_t oldest, int64_t newest)
{
	switch (slots->order) {
	case SR_SLOTS_NEWEST:
		return newest;
	case SR_SLOTS_OLDEST:
		return oldest == SR_NO_DATE ? SR_NO_DATE : -oldest;
	case SR_SLOTS_BY_KEY:
		break;
	}
	return 0;
}

/* Hands the rows of a block that may match to `take`. */
static void each_row(sr_slots *slots, size_t block, void (*take)(sr_slots *, const sr_slot *))
{
	const uint16_t *excluded = slots->matches->excluded;
	const unsigned rows = excluded ? ~excluded[block] & UINT16_MAX : UINT16_MAX;
	const sr_chunk *chunk = &slots->chunk;
	const size_t first = block % SR_CHUNK_BLOCKS * SR_BLOCK_ROWS;
	int64_t keys[SR_BLOCK_ROWS];
	unsigned filled = 0;
	bool read = false;

	for (size_t i = 0; i < SR_BLOCK_ROWS && first + i < chunk->count; i++) {
		int64_t oldest, newest;
		sr_slot slot;

		if (!(rows >> i & 1))
			continue;
		sr_chunk_dates(chunk, first + i, &oldest, &newest);
		slot.rank = rank_of(slots, oldest, newest);
		/* Most are behind a full batch: told by the date, before the keys are read. */
		if ((slots->count == slots->room && slot.rank < slots->list[0].rank) ||
		    !in_range(slots, oldest, newest))
			continue;
		if (!read)
			filled = sr_chunk_keys(chunk, first / SR_BLOCK_ROWS, keys);
		read = true;
		slot.key = keys[i];
		if (filled >> i & 1)
			take(slots, &slot);
	}
}

/* Hands each row of the chunk that may match to `take`. */
static sr_status each(sr_slots *slots, size_t number, void (*take)(sr_slots *, const sr_slot *))
{
	const size_t first = number * SR_CHUNK_BLOCKS, end = first + SR_CHUNK_BLOCKS;
	const sr_bits *blocks = &slots->matches->blocks;
	size_t block = sr_bits_next(blocks, first, end);
	sr_status rc;

	if (block == end)
		return SR_OK;
	if ((rc = sr_chunk_read(slots->conn, (int64_t)number, &slots->chunk)) != SR_OK)
		return rc;
	for (; block < end; block = sr_bits_next(blocks, block + 1, end))
		each_row(slots, block, take);
	return SR_OK;
}

static void append(sr_slots *slots, const sr_slot *slot)
{
	slots->list[slots->count++] = *slot;
}

/* ---- Batches ---- */

static sr_status next_by_key(sr_slots *slots)
{
	const sr_bits *blocks = &slots->matches->blocks;
	sr_status rc = SR_OK;

	while (rc == SR_OK && slots->count + SR_CHUNK_ROWS <= slots->room) {
		/* Chunks without one of the blocks are not even looked at. */
		size_t block = sr_bits_next(blocks, slots->next * SR_CHUNK_BLOCKS, blocks->size);

		if (block == blocks->size)
			break;
		slots->next = block / SR_CHUNK_BLOCKS + 1;
		rc = each(slots, block / SR_CHUNK_BLOCKS, append);
	}
	return rc;
}

/* Whether chunks of this rank and all behind it have nothing for this batch. */
static bool is_over(const sr_slots *slots, int64_t rank)
{
	return slots->count == slots->room && rank < slots->list[0].rank;
}

static sr_status next_by_date(sr_slots *slots)
{
	const bool newest = slots->order == SR_SLOTS_NEWEST;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if (!slots->begun && (rc = sr_index_chunks_check(slots->conn, slots->state)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(slots->conn,
			     newest ? "SELECT Chunk, Newest FROM search_chunks"
				      " ORDER BY Newest DESC"
				    : "SELECT Chunk, -Oldest FROM search_chunks"
				      " ORDER BY Oldest IS NULL, Oldest",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		int64_t number = sr_column_integer(stmt, 0);
		int64_t rank = sr_column_integer(stmt, 1);

		if (is_over(slots, rank))
			break;
		if (number < 0 || number >= slots->state->next_chunk) {
			rc = sr_index_fail(slots->conn, "chunk", number);
			break;
		}
		if ((rc = each(slots, (size_t)number, offer)) != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_slots_next(sr_slots *slots)
{
	size_t room = slots->room                       ? slots->room * BATCH_GROWTH
		      : slots->order == SR_SLOTS_BY_KEY ? BATCH_KEYS
							: BATCH_FIRST;
	sr_slot *list;
	sr_status rc;

	if (slots->over) {
		slots->count = 0;
		return SR_OK;
	}
	if (slots->count > 0) {
		slots->last = slots->list[slots->count - 1];
		slots->begun = true;
	}
	if (room > BATCH_MOST)
		room = BATCH_MOST;
	if (room > slots->room) {
		if ((list = realloc(slots->list, room * sizeof(*list))) == NULL)
			return sr_fail_memory();
		slots->list = list;
		slots->room = room;
	}
	slots->count = 0;
	rc = slots->order == SR_SLOTS_BY_KEY ? next_by_key(slots) : next_by_date(slots);
	if (rc != SR_OK)
		return rc;
	slots->over =
		slots->order == SR_SLOTS_BY_KEY ? slots->count == 0 : slots->count < slots->room;
	if (slots->count > 0)
		qsort(slots->list, slots->count, sizeof(*slots->list), compare);
	return SR_OK;
}

sr_status sr_slots_open(sr_slots **slots, sr_conn *conn, const sr_index_state *state,
			const sr_matches *matches, sr_slot_order order)
{
	sr_slots *fresh = calloc(1, sizeof(*fresh));

	*slots = fresh;
	if (fresh == NULL)
		return sr_fail_memory();
	fresh->conn = conn;
	fresh->state = state;
	fresh->matches = matches;
	fresh->order = order;
	fresh->from = fresh->to = fresh->behind = SR_NULL_INTEGER;
	return SR_OK;
}

void sr_slots_close(sr_slots *slots)
{
	if (slots == NULL)
		return;
	free(slots->list);
	free(slots);
}
