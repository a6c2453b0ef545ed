/*
 * Order: sort the rows, cut them into chunks and blocks, note each block's trigrams once, sort
 * those notes by trigram, write the lists. Notes are made block after block, so a stable sort by
 * trigram alone leaves the blocks of each list ascending.
 */
#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/text.h"
#include "chunk.h"
#include "notes.h"
#include "pack.h"
#include "segment.h"

/* Rows: 60 chunks. Fewer where the texts or the notes fill their memory. */
#define RUN_ROWS   (60 * SR_CHUNK_ROWS)
#define TEXT_BYTES ((size_t)24 << 20)

typedef struct entry {
	uint64_t head;   /* The first bytes of the name, to compare by. */
	uint32_t folder; /* Number of its folder; in order after sorting. */
	uint32_t name;   /* Length of what stands before the name in the first text. */
	size_t start;    /* Of its folded texts. */
	size_t length;
	int64_t key;
	int64_t date;
} entry;

struct sr_index_run {
	entry *entries;
	size_t count;
	sr_buffer texts;  /* Folded, of each row SR_TEXT_START, and each with SR_TEXT_END. */
	sr_buffer folded; /* Of the text at hand. */
	sr_notes notes;   /* Of one segment; a chunk that might bring too many begins the next. */
	sr_chunk_row rows[SR_CHUNK_ROWS];
	sr_chunk chunk;
	sr_list_writer list;
};

sr_status sr_index_run_new(sr_index_run **run)
{
	sr_index_run *fresh = calloc(1, sizeof(*fresh));

	*run = NULL;
	if (fresh == NULL)
		return sr_fail_memory();
	fresh->entries = calloc(RUN_ROWS, sizeof(*fresh->entries));
	if (fresh->entries == NULL || sr_notes_new(&fresh->notes) != SR_OK) {
		sr_index_run_free(fresh);
		return sr_fail_memory();
	}
	*run = fresh;
	return SR_OK;
}

void sr_index_run_free(sr_index_run *run)
{
	if (run == NULL)
		return;
	free(run->entries);
	sr_notes_free(&run->notes);
	sr_buffer_free(&run->texts);
	sr_buffer_free(&run->folded);
	sr_buffer_free(&run->list.bytes);
	free(run);
}

bool sr_index_run_full(const sr_index_run *run)
{
	return run->count == RUN_ROWS || run->texts.length >= TEXT_BYTES;
}

size_t sr_index_run_count(const sr_index_run *run)
{
	return run->count;
}

/* ---- Taking rows ---- */

/* Where the last part of a path begins. */
static size_t name_start(const char *text, size_t length)
{
	const char *slash = memrchr(text, '/', length);

	return slash ? (size_t)(slash - text) + 1 : 0;
}

static uint64_t head_of(const char *name, size_t length)
{
	uint64_t head = 0;

	for (size_t i = 0; i < 8; i++)
		head = head << 8 | (i < length ? (unsigned char)name[i] : 0);
	return head;
}

sr_status sr_index_run_add(sr_index_run *run, const sr_index_row *row)
{
	entry *e = &run->entries[run->count];
	size_t first = 0;
	sr_status rc;

	*e = (entry){.start = run->texts.length, .key = row->key, .date = row->date};
	sr_buffer_add(&run->texts, SR_TEXT_START, sizeof(SR_TEXT_START) - 1);
	for (size_t i = 0; i < 3; i++) {
		if (row->texts[i].data == NULL)
			continue;
		if ((rc = sr_text_fold(row->texts[i], &run->folded)) != SR_OK)
			return rc;
		sr_buffer_add(&run->texts, run->folded.data, run->folded.length);
		sr_buffer_add(&run->texts, SR_TEXT_END, sizeof(SR_TEXT_END) - 1);
		if (first == 0)
			first = sizeof(SR_TEXT_START) - 1 + run->folded.length;
	}
	if ((rc = sr_buffer_status(&run->texts)) != SR_OK)
		return rc;
	e->length = run->texts.length - e->start;
	run->count++;
	if (first == 0)
		return SR_OK;
	e->name = (uint32_t)name_start(run->texts.data + e->start, first);
	e->head = head_of(run->texts.data + e->start + e->name, first - e->name);
	return SR_OK;
}

/* ---- Sorting them ---- */

static int compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int difference = memcmp(a, b, a_length < b_length ? a_length : b_length);

	if (difference != 0)
		return difference;
	return (a_length > b_length) - (a_length < b_length);
}

static int compare_folders(const void *left, const void *right, void *arg)
{
	const char *texts = arg;
	const entry *a = *(const entry *const *)left, *b = *(const entry *const *)right;

	return compare_bytes(texts + a->start, a->name, texts + b->start, b->name);
}

static int compare_entries(const void *left, const void *right, void *arg)
{
	const char *texts = arg;
	const entry *a = left, *b = right;
	int difference;

	if (a->folder != b->folder)
		return a->folder > b->folder ? 1 : -1;
	if (a->head != b->head)
		return a->head > b->head ? 1 : -1;
	difference = compare_bytes(texts + a->start + a->name, a->length - a->name,
				   texts + b->start + b->name, b->length - b->name);
	if (difference != 0)
		return difference;
	return (a->key > b->key) - (a->key < b->key);
}

/* The folders among the entries: one entry for each stands for it, and folder is its number. */
typedef struct folders {
	entry **entries;
	size_t count;
	uint32_t *slots; /* Number + 1, by hash. */
	size_t mask;
} folders;

static uint64_t hash_of(const char *bytes, size_t length)
{
	uint64_t hash = UINT64_C(14695981039346656037), eight;

	/* FNV-1a's constants, eight bytes at a time; it only has to spread. */
	for (; length >= sizeof(eight); length -= sizeof(eight), bytes += sizeof(eight)) {
		memcpy(&eight, bytes, sizeof(eight));
		hash = (hash ^ eight) * UINT64_C(1099511628211);
		hash ^= hash >> 29;
	}
	for (; length > 0; length--)
		hash = (hash ^ (unsigned char)*bytes++) * UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

static uint32_t folder_of(folders *all, entry *e, const char *texts)
{
	size_t at = hash_of(texts + e->start, e->name) & all->mask;

	for (; all->slots[at] != 0; at = (at + 1) & all->mask) {
		const entry *known = all->entries[all->slots[at] - 1];

		if (known->name == e->name &&
		    memcmp(texts + known->start, texts + e->start, e->name) == 0)
			return all->slots[at] - 1;
	}
	all->entries[all->count++] = e;
	all->slots[at] = (uint32_t)all->count;
	return (uint32_t)all->count - 1;
}

/* Numbers the folders in their order, so that entries are compared by numbers. */
static sr_status number_folders(sr_index_run *run)
{
	folders all = {.mask = 1};
	uint32_t *places = NULL;
	sr_status rc = SR_OK;

	while (all.mask < run->count * 2)
		all.mask = all.mask * 2 + 1;
	all.entries = calloc(run->count, sizeof(entry *));
	all.slots = calloc(all.mask + 1, sizeof(*all.slots));
	places = malloc(run->count * sizeof(*places));
	if (all.entries == NULL || all.slots == NULL || places == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	for (size_t i = 0; i < run->count; i++)
		run->entries[i].folder = folder_of(&all, &run->entries[i], run->texts.data);
	qsort_r(all.entries, all.count, sizeof(entry *), compare_folders, run->texts.data);
	for (size_t i = 0; i < all.count; i++)
		places[all.entries[i]->folder] = (uint32_t)i;
	for (size_t i = 0; i < run->count; i++)
		run->entries[i].folder = places[run->entries[i].folder];
err0:
	free(places);
	free(all.slots);
	free(all.entries);
	return rc;
}

static sr_status sort_entries(sr_index_run *run)
{
	sr_status rc;

	if ((rc = number_folders(run)) == SR_OK)
		qsort_r(run->entries, run->count, sizeof(*run->entries), compare_entries,
			run->texts.data);
	return rc;
}

/* ---- Noting trigrams ---- */

/* How many trigrams in a row, from the first on, the texts of both begin with. */
static size_t shared(const sr_index_run *run, const entry *a, const entry *b)
{
	const char *one = run->texts.data + a->start, *other = run->texts.data + b->start;
	size_t most = a->length < b->length ? a->length : b->length, i = 0;

	while (i < most && one[i] == other[i])
		i++;
	return i > 2 ? i - 2 : 0;
}

/* What a row shares with the one before was noted with that, or is known to be of several rows. */
static void note_block(sr_index_run *run, const entry *entries, size_t count, uint64_t block)
{
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		const entry *e = &entries[i];
		const char *text = run->texts.data + e->start;
		const size_t same = i > 0 ? shared(run, e, &entries[i - 1]) : 0;

		sr_notes_repeat(&run->notes, text, known, same);
		sr_notes_add(&run->notes, text, e->length, same, block, (unsigned)i);
		known = same;
	}
	sr_notes_next_block(&run->notes);
}

/* ---- Writing ---- */

/* Notes from one on that are of the same trigram. */
static size_t same_trigram(const sr_notes *notes, size_t from)
{
	size_t end = from + 1;

	while (end < notes->count &&
	       sr_note_trigram(notes->list[end]) == sr_note_trigram(notes->list[from]))
		end++;
	return end - from;
}

static sr_status write_lists(sr_index_run *run, sr_conn *conn, int64_t segment, int64_t blocks)
{
	sr_notes *notes = &run->notes;
	sr_pack_writer writer;
	sr_status rc;

	sr_notes_sort(notes);
	if ((rc = sr_pack_begin(&writer, conn, segment)) != SR_OK)
		return rc;
	for (size_t i = 0, count; i < notes->count && rc == SR_OK; i += count) {
		count = same_trigram(notes, i);
		sr_list_start(&run->list, sr_list_has_rows((int64_t)count, blocks));
		for (const uint64_t *note = &notes->list[i]; note < &notes->list[i + count]; note++)
			sr_list_add(&run->list, sr_note_block(*note), 1, sr_note_row(*note));
		sr_list_end(&run->list);
		rc = sr_pack_add(&writer, (uint32_t)sr_note_trigram(notes->list[i]), &run->list);
	}
	if (rc == SR_OK)
		rc = sr_pack_end(&writer);
	sr_pack_abandon(&writer);
	return rc;
}

/* How many rows, and bytes of their texts, the next chunk takes. */
static size_t chunk_of(const sr_index_run *run, size_t from, size_t *bytes)
{
	size_t i = from;

	for (*bytes = 0; i < run->count && i - from < SR_CHUNK_ROWS; i++) {
		if (i > from && *bytes + run->entries[i].length > SR_NOTES)
			break;
		*bytes += run->entries[i].length;
	}
	return i - from;
}

static sr_status write_chunk(sr_index_run *run, sr_conn *conn, size_t from, size_t count,
			     int64_t number, int64_t first)
{
	for (size_t i = 0; i < count; i++)
		run->rows[i] =
			(sr_chunk_row){run->entries[from + i].key, run->entries[from + i].date};
	for (size_t i = 0; i < count; i += SR_BLOCK_ROWS)
		note_block(run, &run->entries[from + i],
			   count - i < SR_BLOCK_ROWS ? count - i : SR_BLOCK_ROWS,
			   (uint64_t)(number - first) * SR_CHUNK_BLOCKS + i / SR_BLOCK_ROWS);
	return sr_chunk_add(conn, number, run->rows, count, &run->chunk);
}

/* The next segment: as many chunks as there is room to note. */
static sr_status write_segment(sr_index_run *run, sr_conn *conn, size_t *from, int64_t *next_chunk)
{
	const int64_t first = *next_chunk;
	size_t count, bytes;
	int64_t segment;
	sr_status rc;

	sr_notes_clear(&run->notes);
	for (; (count = chunk_of(run, *from, &bytes)) > 0; *from += count) {
		if (run->notes.count > 0 && run->notes.count + bytes > SR_NOTES)
			break;
		if ((rc = sr_notes_room(&run->notes, bytes > SR_NOTES ? bytes : SR_NOTES)) !=
			    SR_OK ||
		    (rc = write_chunk(run, conn, *from, count, *next_chunk, first)) != SR_OK)
			return rc;
		++*next_chunk;
	}
	if ((rc = sr_segment_add(conn, first, *next_chunk - first, &segment)) != SR_OK)
		return rc;
	return write_lists(run, conn, segment, (*next_chunk - first) * SR_CHUNK_BLOCKS);
}

sr_status sr_index_run_write(sr_index_run *run, sr_conn *conn, int64_t *next_chunk)
{
	size_t from = 0;
	sr_status rc;

	rc = sort_entries(run);
	while (rc == SR_OK && from < run->count)
		rc = write_segment(run, conn, &from, next_chunk);
	run->count = 0;
	sr_buffer_clear(&run->texts);
	return rc;
}
