/*
 * A text of three bytes and more occurs only where all its trigrams do. A shorter one occurs where
 * a trigram begins with it: each text was indexed with an end of two zero bytes.
 *
 * Segment by segment: while many blocks are left they are bits, which lists are intersected with;
 * once they are few they are a short list of their own.
 */
#include "match.h"

#include <stdlib.h>

#include "../base/error.h"
#include "chunk.h"
#include "pack.h"

/* Blocks of a segment that are few. */
#define FEW_BLOCKS 65536

/* Postings that are read in the time of the rows of a block: a list that is longer than the blocks
 * that are left by this is not worth reading, the rows decide anyway. */
#define POSTINGS_A_BLOCK 256

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

/* A block that may match, and which of its rows: one bit a row. */
typedef struct match {
	uint32_t block;
	uint16_t rows;
} match;

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

/* ---- Many blocks ---- */

/* What is at hand of a segment. */
typedef struct matching {
	sr_conn *conn;
	const sr_segment *segment;
	size_t offset; /* Its first block, */
	size_t length; /* and how many it has. */
	sr_matches *matches;
	sr_bits any;    /* Blocks that one need finds, whichever row it is; */
	sr_bits found;  /* others of which it knows the rows; */
	uint16_t *rows; /* these. */
	match *few;     /* What is left, ascending, once it is few: */
	size_t count;
} matching;

static uint16_t rows_of(const sr_list_run *run)
{
	return run->row == SR_ANY_ROW ? UINT16_MAX : (uint16_t)(1U << run->row);
}

/* The next run of a list, which must lie in the segment. */
static sr_status next_run(const matching *m, sr_list_reader *list, sr_list_run *run, bool *more)
{
	*more = sr_list_next(list, run);
	if (*more ? run->first >= m->length || run->length > m->length - run->first
		  : list->bytes.bad)
		return sr_index_fail(m->conn, "segment", m->segment->number);
	return SR_OK;
}

static sr_status set_list(matching *m, sr_list_reader list)
{
	sr_list_run run;
	sr_status rc;
	bool more;

	while ((rc = next_run(m, &list, &run, &more)) == SR_OK && more) {
		const size_t block = m->offset + run.first;

		if (run.row == SR_ANY_ROW) {
			sr_bits_set(&m->any, block, run.length);
			continue;
		}
		if (!sr_bits_has(&m->found, block)) {
			sr_bits_set(&m->found, block, 1);
			m->rows[block] = 0;
		}
		m->rows[block] |= rows_of(&run);
	}
	return rc;
}

/* Hands each list of a need's trigrams over. */
static sr_status each_list(matching *m, const need *one,
			   sr_status (*take)(matching *m, sr_list_reader list))
{
	sr_pack_reader reader;
	sr_pack_list list;
	sr_status rc;
	bool more;

	rc = sr_pack_open(&reader, m->conn, m->segment->number, one->first, one->last);
	while (rc == SR_OK && (rc = sr_pack_next(&reader, &list, &more)) == SR_OK && more)
		rc = take(m, list.list);
	sr_pack_close(&reader);
	return rc;
}

/* Of the blocks whose rows the need knows, leaves those rows. */
static void exclude_rows(matching *m)
{
	const size_t end = m->offset + m->length;
	uint16_t *excluded = m->matches->excluded;

	for (size_t block = sr_bits_next(&m->found, m->offset, end); block < end;
	     block = sr_bits_next(&m->found, block + 1, end)) {
		if (sr_bits_has(&m->any, block))
			continue;
		excluded[block] |= (uint16_t)~m->rows[block];
		if (excluded[block] == UINT16_MAX)
			sr_bits_clear(&m->found, block, 1);
	}
}

/* Leaves what has one of a need's trigrams: *left blocks. */
static sr_status keep_blocks(matching *m, const need *one, size_t *left)
{
	sr_status rc;

	sr_bits_clear(&m->any, m->offset, m->length);
	sr_bits_clear(&m->found, m->offset, m->length);
	if ((rc = each_list(m, one, set_list)) != SR_OK)
		return rc;
	exclude_rows(m);
	sr_bits_join(&m->found, &m->any, m->offset, m->length);
	*left = sr_bits_keep(&m->matches->blocks, &m->found, m->offset, m->length);
	return SR_OK;
}

/* ---- Few blocks ---- */

/* The first list makes the list of blocks, as far as they may match at all. */
static sr_status begin_few(matching *m, sr_list_reader list)
{
	sr_list_run run;
	sr_status rc;
	bool more;

	while ((rc = next_run(m, &list, &run, &more)) == SR_OK && more) {
		if (run.length > FEW_BLOCKS - m->count) /* More than it says that it has. */
			return sr_index_fail(m->conn, "segment", m->segment->number);
		for (size_t i = run.first; i < run.first + run.length; i++)
			if (sr_bits_has(&m->matches->blocks, m->offset + i))
				m->few[m->count++] = (match){(uint32_t)i, rows_of(&run)};
	}
	return rc;
}

static void begin_few_with_bits(matching *m)
{
	const sr_matches *matches = m->matches;
	const size_t end = m->offset + m->length;

	for (size_t i = sr_bits_next(&matches->blocks, m->offset, end); i < end;
	     i = sr_bits_next(&matches->blocks, i + 1, end))
		m->few[m->count++] =
			(match){(uint32_t)(i - m->offset), (uint16_t)~matches->excluded[i]};
}

/* Leaves of them what is in a list, too. */
static sr_status keep_few(matching *m, sr_list_reader list)
{
	size_t kept = 0, i = 0;
	sr_list_run run;
	sr_status rc;
	bool more;

	while ((rc = next_run(m, &list, &run, &more)) == SR_OK && more && i < m->count) {
		while (i < m->count && m->few[i].block < run.first)
			i++;
		for (; i < m->count && m->few[i].block < list.next; i++) {
			const uint16_t rows = m->few[i].rows & rows_of(&run);

			if (rows != 0)
				m->few[kept++] = (match){m->few[i].block, rows};
		}
	}
	m->count = kept;
	return rc;
}

/* Puts the few in the place of the segment's bits. */
static void end_few(matching *m)
{
	sr_matches *matches = m->matches;

	sr_bits_clear(&matches->blocks, m->offset, m->length);
	for (size_t i = 0; i < m->count; i++) {
		const size_t block = m->offset + m->few[i].block;

		sr_bits_set(&matches->blocks, block, 1);
		matches->excluded[block] = (uint16_t)~m->few[i].rows;
	}
}

/* Of the needs the first `done` are met by what is left. */
static sr_status match_few(matching *m, const needs *all, size_t done)
{
	sr_status rc;

	m->count = 0;
	if (done > 0)
		begin_few_with_bits(m);
	else if ((rc = each_list(m, &all->list[done++], begin_few)) != SR_OK)
		return rc;
	for (size_t i = done; i < all->count; i++) {
		const need *one = &all->list[i];

		/* What a range finds is spread over many lists. */
		if (one->first != one->last || one->blocks / POSTINGS_A_BLOCK > (int64_t)m->count)
			break;
		if ((rc = each_list(m, one, keep_few)) != SR_OK)
			return rc;
	}
	end_few(m);
	return SR_OK;
}

/* ---- A segment ---- */

static sr_status match_segment(matching *m, needs *all)
{
	int64_t least;
	size_t left;
	sr_status rc;

	if ((rc = weigh(m->conn, m->segment, all, &least)) != SR_OK)
		return rc;
	if (least == 0) {
		sr_bits_clear(&m->matches->blocks, m->offset, m->length);
		return SR_OK;
	}
	qsort(all->list, all->count, sizeof(*all->list), compare_blocks);
	if (all->list[0].blocks <= FEW_BLOCKS)
		return match_few(m, all, 0);
	for (size_t i = 0; i < all->count; i++) {
		if ((rc = keep_blocks(m, &all->list[i], &left)) != SR_OK)
			return rc;
		if (left <= FEW_BLOCKS)
			return match_few(m, all, i + 1);
	}
	return SR_OK;
}

static sr_status begin(matching *m)
{
	const size_t blocks = m->matches->blocks.size;
	sr_status rc;

	if ((rc = sr_bits_new(&m->any, blocks)) != SR_OK ||
	    (rc = sr_bits_new(&m->found, blocks)) != SR_OK)
		return rc;
	m->rows = malloc((blocks + 1) * sizeof(*m->rows));
	m->few = malloc(FEW_BLOCKS * sizeof(*m->few));
	if (m->matches->excluded == NULL)
		m->matches->excluded = calloc(blocks + 1, sizeof(*m->matches->excluded));
	return m->rows && m->few && m->matches->excluded ? SR_OK : sr_fail_memory();
}

static void end(matching *m)
{
	free(m->few);
	free(m->rows);
	sr_bits_free(&m->found);
	sr_bits_free(&m->any);
}

sr_status sr_match(sr_conn *conn, const sr_index_state *state, const sr_text *texts, size_t count,
		   sr_matches *matches)
{
	matching m = {.conn = conn, .matches = matches};
	needs all;
	sr_status rc;

	if ((rc = needs_of(texts, count, &all)) != SR_OK)
		return rc;
	if (all.count > 0)
		rc = begin(&m);
	for (size_t i = 0; i < state->segment_count && all.count > 0 && rc == SR_OK; i++) {
		m.segment = &state->segments[i];
		m.offset = (size_t)m.segment->first_chunk * SR_CHUNK_BLOCKS;
		m.length = (size_t)m.segment->chunks * SR_CHUNK_BLOCKS;
		rc = match_segment(&m, &all);
	}
	end(&m);
	free(all.list);
	return rc;
}

/* ---- What is found ---- */

sr_status sr_matches_new(sr_matches *matches, const sr_index_state *state)
{
	const size_t blocks = (size_t)state->next_chunk * SR_CHUNK_BLOCKS;
	sr_status rc;

	*matches = (sr_matches){0};
	if ((rc = sr_bits_new(&matches->blocks, blocks)) == SR_OK)
		sr_bits_set(&matches->blocks, 0, blocks);
	return rc;
}

size_t sr_matches_rows(const sr_matches *matches)
{
	const sr_bits *blocks = &matches->blocks;
	size_t rows = sr_bits_count(blocks, 0, blocks->size) * SR_BLOCK_ROWS;

	if (matches->excluded == NULL)
		return rows;
	for (size_t i = sr_bits_next(blocks, 0, blocks->size); i < blocks->size;
	     i = sr_bits_next(blocks, i + 1, blocks->size))
		rows -= (size_t)__builtin_popcount(matches->excluded[i]);
	return rows;
}

void sr_matches_free(sr_matches *matches)
{
	sr_bits_free(&matches->blocks);
	free(matches->excluded);
	*matches = (sr_matches){0};
}
