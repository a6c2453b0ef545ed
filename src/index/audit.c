/*
 * Slot by slot the rows are read and their trigrams noted; when the notes are full, or the segment
 * ends, its lists are streamed past the notes, both in the order of trigrams and blocks.
 */
#include "audit.h"

#include <stdlib.h>

#include "../base/error.h"
#include "../base/text.h"
#include "chunk.h"
#include "notes.h"
#include "pack.h"

typedef struct audit {
	sr_conn *conn;
	const sr_index_state *state;
	sr_audit_row_fn row;
	void *arg;
	sr_audit_sum *sum;

	const sr_segment *segment; /* The one at hand. */
	sr_notes notes;
	sr_buffer texts;  /* Of the row at hand. */
	sr_buffer folded; /* One of them. */
	sr_chunk chunk;
} audit;

void sr_audit_sum_add(sr_audit_sum *sum, int64_t key)
{
	uint64_t bits = (uint64_t)key;

	/* The end of MurmurHash3's mixing: a sum of keys themselves would be that of many others.
	 */
	bits = (bits ^ bits >> 33) * UINT64_C(0xFF51AFD7ED558CCD);
	bits = (bits ^ bits >> 33) * UINT64_C(0xC4CEB9FE1A85EC53);
	sum->keys += bits ^ bits >> 33;
	sum->rows++;
}

/* ---- Lists against notes ---- */

static sr_status lacks(const audit *a)
{
	return sr_index_fail(a->conn, "segment", a->segment->number);
}

/* Whether each of these notes, which are of the list's trigram, is in it; and it is a list. */
static sr_status compare_list(const audit *a, sr_list_reader list, const uint64_t *notes,
			      size_t count)
{
	const uint64_t blocks = (uint64_t)a->segment->chunks * SR_CHUNK_BLOCKS;
	sr_list_run run;
	size_t i = 0;

	while (sr_list_next(&list, &run)) {
		if (run.first >= blocks || run.length > blocks - run.first)
			return lacks(a);
		if (i < count && sr_note_block(notes[i]) < run.first)
			return lacks(a);
		for (; i < count && sr_note_block(notes[i]) < list.next; i++)
			if (run.row != SR_ANY_ROW && run.row != sr_note_row(notes[i]))
				return lacks(a);
	}
	return list.bytes.bad || i < count ? lacks(a) : SR_OK;
}

/* The notes from `from` on that are of a trigram: how many. */
static size_t count_of(const sr_notes *notes, size_t from, uint64_t trigram)
{
	size_t i = from;

	while (i < notes->count && sr_note_trigram(notes->list[i]) == trigram)
		i++;
	return i - from;
}

/* Reads the whole segment, also when there are no notes, and forgets them. */
static sr_status compare_lists(audit *a)
{
	sr_notes *notes = &a->notes;
	sr_pack_reader reader;
	sr_pack_list list;
	size_t at = 0;
	sr_status rc;
	bool more;

	sr_notes_sort(notes);
	rc = sr_pack_open(&reader, a->conn, a->segment->number, 0, SR_TRIGRAMS - 1);
	while (rc == SR_OK && (rc = sr_pack_next(&reader, &list, &more)) == SR_OK && more) {
		size_t count = count_of(notes, at, list.trigram);

		if ((rc = compare_list(a, list.list, notes->list + at, count)) != SR_OK)
			break;
		at += count;
		/* One of a trigram that came before has no list. */
		if (at < notes->count && sr_note_trigram(notes->list[at]) < list.trigram)
			rc = lacks(a);
	}
	sr_pack_close(&reader);
	if (rc == SR_OK && at < notes->count)
		rc = lacks(a);
	sr_notes_clear(notes);
	return rc;
}

/* ---- Rows against slots ---- */

/* Notes the row's trigrams; where there is no room left, what was noted is compared first. */
static sr_status note_row(audit *a, const sr_index_row *row, uint64_t block, unsigned slot)
{
	size_t most;
	sr_status rc;

	sr_buffer_clear(&a->texts);
	sr_buffer_add(&a->texts, SR_TEXT_START, sizeof(SR_TEXT_START) - 1);
	for (size_t i = 0; i < 3; i++) {
		if (row->texts[i].data == NULL)
			continue;
		if ((rc = sr_text_fold(row->texts[i], &a->folded)) != SR_OK)
			return rc;
		sr_buffer_add(&a->texts, a->folded.data, a->folded.length);
		sr_buffer_add(&a->texts, SR_TEXT_END, sizeof(SR_TEXT_END) - 1);
	}
	if ((rc = sr_buffer_status(&a->texts)) != SR_OK)
		return rc;
	most = a->texts.length;
	if (a->notes.count + most > SR_NOTES && a->notes.count > 0 &&
	    (rc = compare_lists(a)) != SR_OK)
		return rc;
	if ((rc = sr_notes_room(&a->notes, most)) != SR_OK)
		return rc;
	sr_notes_add(&a->notes, a->texts.data, most, 0, block, slot);
	return SR_OK;
}

/* Whether the row would be found by what the slot and the chunk say of its key and date. */
static bool is_bounded(const sr_chunk *chunk, size_t slot, const sr_index_row *row)
{
	const int64_t *columns = chunk->columns;
	int64_t oldest, newest;

	sr_chunk_dates(chunk, slot, &oldest, &newest);
	if (row->key < columns[1] || row->key > columns[2])
		return false;
	if (row->date == SR_NO_DATE)
		return oldest == SR_NO_DATE;
	return oldest != SR_NO_DATE && oldest <= row->date && row->date <= newest &&
	       columns[3] != SR_NO_DATE && columns[3] <= row->date && row->date <= columns[4];
}

static sr_status audit_slot(audit *a, size_t slot, int64_t key)
{
	const sr_chunk *chunk = &a->chunk;
	uint64_t block = (uint64_t)(chunk->columns[0] - a->segment->first_chunk) * SR_CHUNK_BLOCKS +
			 slot / SR_BLOCK_ROWS;
	sr_index_row row;
	sr_status rc;
	bool known;

	if ((rc = a->row(a->arg, key, &row, &known)) != SR_OK || !known)
		return rc;
	/* Rows behind are read besides. */
	if (key > a->state->through || !is_bounded(chunk, slot, &row))
		return sr_index_fail(a->conn, "chunk", chunk->columns[0]);
	sr_audit_sum_add(a->sum, key);
	return note_row(a, &row, block, slot % SR_BLOCK_ROWS);
}

static sr_status audit_chunk(audit *a, int64_t number)
{
	sr_status rc;

	if ((rc = sr_chunk_read(a->conn, number, &a->chunk)) != SR_OK)
		return rc;
	for (size_t block = 0; block < sr_chunk_blocks(&a->chunk); block++) {
		int64_t keys[SR_BLOCK_ROWS];
		const unsigned filled = sr_chunk_keys(&a->chunk, block, keys);

		sr_notes_next_block(&a->notes);
		for (size_t i = 0; i < SR_BLOCK_ROWS; i++)
			if ((filled >> i & 1) &&
			    (rc = audit_slot(a, block * SR_BLOCK_ROWS + i, keys[i])) != SR_OK)
				return rc;
	}
	return SR_OK;
}

static sr_status audit_segment(audit *a, const sr_segment *segment)
{
	sr_status rc = SR_OK;

	a->segment = segment;
	for (int64_t i = 0; i < segment->chunks && rc == SR_OK; i++)
		rc = audit_chunk(a, segment->first_chunk + i);
	return rc == SR_OK ? compare_lists(a) : rc;
}

sr_status sr_index_audit(sr_conn *conn, const sr_index_state *state, sr_audit_row_fn row, void *arg,
			 sr_audit_sum *sum)
{
	audit *a;
	sr_status rc;

	*sum = (sr_audit_sum){0};
	if ((rc = sr_index_chunks_check(conn, state)) != SR_OK)
		return rc;
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return sr_fail_memory();
	a->conn = conn;
	a->state = state;
	a->row = row;
	a->arg = arg;
	a->sum = sum;
	if ((rc = sr_notes_new(&a->notes)) == SR_OK)
		rc = sr_notes_room(&a->notes, SR_NOTES);
	for (size_t i = 0; i < state->segment_count && rc == SR_OK; i++)
		rc = audit_segment(a, &state->segments[i]);
	sr_notes_free(&a->notes);
	sr_buffer_free(&a->texts);
	sr_buffer_free(&a->folded);
	free(a);
	return rc;
}
