/*
 * A text of three bytes and more occurs only where all its trigrams do. A shorter one occurs where
 * a trigram begins with it: each text was indexed with an end of two zero bytes.
 */
#include "match.h"

#include <stdlib.h>

#include "../base/error.h"
#include "chunk.h"
#include "pack.h"

/* Lists longer than the found blocks by this are not worth reading: the rows decide anyway. */
#define ENOUGH_BLOCKS 4

/* A range of trigrams, of which one must occur, and how many postings they have. */
typedef struct need {
	uint32_t first;
	uint32_t last;
	int64_t blocks;
} need;

typedef struct needs {
	need *list;
	size_t count;
} needs;

size_t sr_index_blocks(const sr_index_state *state)
{
	return (size_t)state->next_chunk * SR_CHUNK_BLOCKS;
}

/* ---- What is needed ---- */

static int compare_ranges(const void *left, const void *right)
{
	const need *a = left, *b = right;

	if (a->first != b->first)
		return a->first > b->first ? 1 : -1;
	return (a->last > b->last) - (a->last < b->last);
}

static int compare_blocks(const void *left, const void *right)
{
	const need *a = left, *b = right;

	return (a->blocks > b->blocks) - (a->blocks < b->blocks);
}

static uint32_t trigram_at(const unsigned char *at)
{
	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static void add_text(needs *all, sr_text text)
{
	const unsigned char *at = (const unsigned char *)text.data;

	if (text.length == 1)
		all->list[all->count++] =
			(need){(uint32_t)at[0] << 16, (uint32_t)at[0] << 16 | 0xFFFF, 0};
	if (text.length == 2) {
		uint32_t two = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8;

		all->list[all->count++] = (need){two, two | 0xFF, 0};
	}
	for (size_t i = 0; i + 2 < text.length; i++)
		all->list[all->count++] = (need){trigram_at(at + i), trigram_at(at + i), 0};
}

/* Each of them once. */
static sr_status needs_of(const sr_text *texts, size_t count, needs *all)
{
	size_t most = 1, kept = 0;

	for (size_t i = 0; i < count; i++)
		most += texts[i].length;
	*all = (needs){.list = malloc(most * sizeof(*all->list))};
	if (all->list == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < count; i++)
		add_text(all, texts[i]);
	qsort(all->list, all->count, sizeof(*all->list), compare_ranges);
	for (size_t i = 0; i < all->count; i++)
		if (kept == 0 || compare_ranges(&all->list[kept - 1], &all->list[i]) != 0)
			all->list[kept++] = all->list[i];
	all->count = kept;
	return SR_OK;
}

/* ---- Looking them up ---- */

/* How many postings each has in a segment; the rarest come first. Ranges come last: what they
 * have is not known before they are read. */
static sr_status weigh(sr_conn *conn, const sr_segment *segment, needs *all, int64_t *least)
{
	sr_status rc;

	*least = segment->chunks * SR_CHUNK_BLOCKS;
	for (size_t i = 0; i < all->count; i++) {
		need *one = &all->list[i];

		one->blocks = INT64_MAX;
		if (one->first != one->last)
			continue;
		if ((rc = sr_pack_estimate(conn, segment->number, one->first, &one->blocks)) !=
		    SR_OK)
			return rc;
		if (one->blocks < *least)
			*least = one->blocks;
		if (one->blocks == 0)
			break; /* No block has all of them. */
	}
	return SR_OK;
}

sr_status sr_match_estimate(sr_conn *conn, const sr_index_state *state, const sr_text *texts,
			    size_t count, int64_t *blocks)
{
	int64_t least;
	needs all;
	sr_status rc;

	*blocks = 0;
	if ((rc = needs_of(texts, count, &all)) != SR_OK)
		return rc;
	for (size_t i = 0; i < state->segment_count && rc == SR_OK; i++)
		if ((rc = weigh(conn, &state->segments[i], &all, &least)) == SR_OK)
			*blocks += least;
	free(all.list);
	return rc;
}

/* Sets the blocks of one list. */
static sr_status set_list(sr_conn *conn, const sr_segment *segment, sr_bytes list, size_t offset,
			  sr_bits *found)
{
	uint64_t blocks = (uint64_t)segment->chunks * SR_CHUNK_BLOCKS;
	uint64_t next = 0, first, length;

	while (sr_list_next(&list, &next, &first, &length)) {
		if (first >= blocks || length > blocks - first)
			return sr_index_fail(conn, "segment", segment->number);
		sr_bits_set(found, offset + (size_t)first, (size_t)length);
	}
	return list.bad ? sr_index_fail(conn, "segment", segment->number) : SR_OK;
}

/* The blocks of a segment that have one of a need's trigrams. */
static sr_status find(sr_conn *conn, const sr_segment *segment, const need *one, size_t offset,
		      sr_bits *found)
{
	sr_pack_reader reader;
	sr_pack_list list;
	sr_status rc;
	bool more;

	rc = sr_pack_open(&reader, conn, segment->number, one->first, one->last);
	while (rc == SR_OK && (rc = sr_pack_next(&reader, &list, &more)) == SR_OK && more)
		rc = set_list(conn, segment, list.list, offset, found);
	sr_pack_close(&reader);
	return rc;
}

static sr_status match_segment(sr_conn *conn, const sr_segment *segment, needs *all, size_t offset,
			       sr_bits *blocks, sr_bits *found)
{
	size_t length = (size_t)segment->chunks * SR_CHUNK_BLOCKS;
	int64_t least;
	sr_status rc;

	if ((rc = weigh(conn, segment, all, &least)) != SR_OK)
		return rc;
	if (least == 0) {
		sr_bits_clear(blocks, offset, length);
		return SR_OK;
	}
	qsort(all->list, all->count, sizeof(*all->list), compare_blocks);
	for (size_t i = 0; i < all->count; i++) {
		if (sr_bits_count(blocks, offset, length) <= ENOUGH_BLOCKS)
			break;
		sr_bits_clear(found, offset, length);
		if ((rc = find(conn, segment, &all->list[i], offset, found)) != SR_OK)
			return rc;
		sr_bits_keep(blocks, found, offset, length);
	}
	return SR_OK;
}

sr_status sr_match(sr_conn *conn, const sr_index_state *state, const sr_text *texts, size_t count,
		   sr_bits *blocks)
{
	sr_bits found = {0};
	needs all;
	sr_status rc;

	if ((rc = needs_of(texts, count, &all)) != SR_OK)
		return rc;
	if (all.count > 0 && (rc = sr_bits_new(&found, blocks->size)) != SR_OK)
		goto err0;
	for (size_t i = 0; i < state->segment_count && all.count > 0 && rc == SR_OK; i++) {
		const sr_segment *segment = &state->segments[i];

		rc = match_segment(conn, segment, &all,
				   (size_t)segment->first_chunk * SR_CHUNK_BLOCKS, blocks, &found);
	}
	sr_bits_free(&found);
err0:
	free(all.list);
	return rc;
}
