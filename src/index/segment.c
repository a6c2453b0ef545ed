#include "segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/text.h"
#include "chunk.h"
#include "pack.h"

/* Changes with every change of what the rows hold. */
#define FORMAT "4"

#define BEFORE_ALL_ROWS (-INT64_MAX)

/* Of the format's text, which names the Unicode that texts are folded by as well, and then has a
 * check of the state. */
#define FORMAT_SIZE 48

/* Returns how much of it is the format itself. */
static size_t format_of(const sr_index_state *state, char format[FORMAT_SIZE])
{
	const int64_t columns[] = {state->through, state->next_chunk};
	int length = snprintf(format, FORMAT_SIZE, FORMAT " %s ", sr_text_fold_version());

	snprintf(format + length, FORMAT_SIZE - (size_t)length, "%08" PRIx32,
		 sr_check_of(columns, 2, "", 0));
	return (size_t)length;
}

/* ---- The state ---- */

/* A chunk takes more bytes of the database than that, however short it is. What is found needs
 * memory by the number of chunks: no more of them are believed than there is room for. */
#define LEAST_OF_CHUNK 32

static sr_status check_room(sr_conn *conn, const sr_index_state *state)
{
	int64_t pages, page_size;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA page_size", &page_size)) != SR_OK)
		return rc;
	if (state->next_chunk < 0 || state->next_chunk > pages * page_size / LEAST_OF_CHUNK)
		return sr_index_fail(conn, "chunk", state->next_chunk);
	return SR_OK;
}

static sr_status read_segments(sr_conn *conn, sr_index_state *state)
{
	int64_t next = 0;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn,
			     "SELECT Segment, FirstChunk, Chunks FROM search_segments"
			     " ORDER BY FirstChunk",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_segment *more, one = {
					  .number = sr_column_integer(stmt, 0),
					  .first_chunk = sr_column_integer(stmt, 1),
					  .chunks = sr_column_integer(stmt, 2),
				  };

		/* Numbers that a damaged row may have, and of which no key can be made. */
		if (one.number < 1 || one.number >= INT64_MAX >> SR_TRIGRAM_BITS ||
		    one.first_chunk != next || one.chunks <= 0 || one.chunks > INT32_MAX) {
			rc = sr_index_fail(conn, "segment", one.number);
			break;
		}
		next = one.first_chunk + one.chunks;
		more = realloc(state->segments, (state->segment_count + 1) * sizeof(*more));
		if (more == NULL) {
			rc = sr_fail_memory();
			break;
		}
		state->segments = more;
		more[state->segment_count++] = one;
	}
	sr_stmt_done(stmt);
	if (rc != SR_OK)
		return rc;
	return next == state->next_chunk ? SR_OK : sr_index_fail(conn, "chunk", next);
}

sr_status sr_index_state_read(sr_conn *conn, sr_index_state *state)
{
	char format[FORMAT_SIZE];
	bool row, right = false;
	sr_stmt *stmt;
	sr_status rc;

	*state = (sr_index_state){0};
	if ((rc = sr_prepare(conn, "SELECT Through, NextChunk, Format FROM search_state", &stmt)) !=
	    SR_OK)
		return rc;
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const sr_text found = sr_column_text(stmt, 2);
		size_t length;

		state->through = sr_column_integer(stmt, 0);
		state->next_chunk = sr_column_integer(stmt, 1);
		length = format_of(state, format);
		state->usable = found.length >= length && memcmp(found.data, format, length) == 0;
		right = sr_text_equal(found, sr_text_of(format));
	}
	rc = sr_stmt_end(stmt, rc);
	if (rc != SR_OK || !state->usable)
		return rc;
	if (!right)
		return sr_index_fail(conn, "state", state->through);
	if ((rc = check_room(conn, state)) != SR_OK || (rc = read_segments(conn, state)) != SR_OK)
		sr_index_state_free(state);
	return rc;
}

sr_status sr_index_chunks_check(sr_conn *conn, const sr_index_state *state)
{
	int64_t count, last;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "SELECT count(*) FROM search_chunks", &count)) != SR_OK ||
	    (rc = sr_query_integer(conn, "SELECT coalesce(max(Chunk), -1) FROM search_chunks",
				   &last)) != SR_OK)
		return rc;
	/* Numbers are not negative, so that many up to that one are all of them. */
	if (count != state->next_chunk || last != state->next_chunk - 1)
		return sr_index_fail(conn, "chunk", last);
	return SR_OK;
}

void sr_index_state_free(sr_index_state *state)
{
	free(state->segments);
	*state = (sr_index_state){0};
}

sr_status sr_index_state_write(sr_conn *conn, const sr_index_state *state)
{
	char format[FORMAT_SIZE];
	sr_stmt *stmt;
	sr_status rc;

	format_of(state, format);
	if ((rc = sr_prepare(conn,
			     "INSERT OR REPLACE INTO search_state (ID, Through, NextChunk, Format)"
			     " VALUES (1, $1, $2, $3)",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, state->through);
	sr_bind_integer(stmt, 2, state->next_chunk);
	sr_bind_text(stmt, 3, format);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* Goes through the packs of a segment. */
static sr_status read_packs(sr_conn *conn, const sr_segment *segment)
{
	sr_pack_reader reader;
	sr_pack_list list;
	bool more = true;
	sr_status rc;

	rc = sr_pack_open(&reader, conn, segment->number, 0, SR_TRIGRAMS - 1);
	while (rc == SR_OK && more)
		rc = sr_pack_next(&reader, &list, &more);
	sr_pack_close(&reader);
	return rc;
}

sr_status sr_index_slots(sr_conn *conn, const sr_index_state *state, int64_t *slots)
{
	sr_chunk *chunk = malloc(sizeof(*chunk));
	int64_t keys[SR_BLOCK_ROWS];
	sr_status rc = SR_OK;

	*slots = 0;
	if (chunk == NULL)
		return sr_fail_memory();
	for (int64_t number = 0; rc == SR_OK && number < state->next_chunk; number++)
		if ((rc = sr_chunk_read(conn, number, chunk)) == SR_OK)
			for (size_t i = 0; i < sr_chunk_blocks(chunk); i++)
				*slots += __builtin_popcount(sr_chunk_keys(chunk, i, keys));
	free(chunk);
	for (size_t i = 0; rc == SR_OK && i < state->segment_count; i++)
		rc = read_packs(conn, &state->segments[i]);
	return rc;
}

sr_status sr_index_clear(sr_conn *conn)
{
	const sr_index_state empty = {.through = BEFORE_ALL_ROWS};
	sr_status rc;

	if ((rc = sr_exec(conn, "DELETE FROM search_postings; DELETE FROM search_chunks;"
				" DELETE FROM search_segments; DELETE FROM search_changes;"
				" DELETE FROM search_state")) != SR_OK)
		return rc;
	return sr_index_state_write(conn, &empty);
}

/* ---- Segments ---- */

sr_status sr_segment_add(sr_conn *conn, int64_t first_chunk, int64_t chunks, int64_t *number)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn,
			     "INSERT INTO search_segments (FirstChunk, Chunks) VALUES ($1, $2)",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, first_chunk);
	sr_bind_integer(stmt, 2, chunks);
	rc = sr_run(stmt);
	*number = sr_conn_last_row_id(conn);
	return sr_stmt_end(stmt, rc);
}

static sr_status segment_delete(sr_conn *conn, int64_t number)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "DELETE FROM search_segments WHERE Segment = $1", &stmt)) !=
	    SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, number);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc == SR_OK ? sr_pack_delete(conn, number) : rc;
}

/* One of the segments that are merged. */
typedef struct source {
	sr_pack_reader reader;
	sr_pack_list list; /* The next, */
	bool more;         /* if there is one. */
	uint64_t offset;   /* Its first block in the merged segment. */
} source;

/* Appends a list, whose blocks begin at the offset, to the one that is written. */
static sr_status append(sr_conn *conn, const source *from, const sr_segment *segment,
			sr_list_writer *to)
{
	uint64_t blocks = (uint64_t)segment->chunks * SR_CHUNK_BLOCKS;
	sr_list_reader list = from->list.list;
	sr_list_run run;

	while (sr_list_next(&list, &run)) {
		if (run.first >= blocks || run.length > blocks - run.first)
			return sr_index_fail(conn, "segment", segment->number);
		sr_list_add(to, from->offset + run.first, run.length, run.row);
	}
	return list.bytes.bad ? sr_index_fail(conn, "segment", segment->number) : SR_OK;
}

/* The next trigram of all; SR_TRIGRAMS after the last one. *postings: of its lists. */
static uint32_t next_trigram(const source *sources, size_t count, int64_t *postings)
{
	uint32_t least = SR_TRIGRAMS;

	*postings = 0;
	for (size_t i = 0; i < count; i++)
		if (sources[i].more && sources[i].list.trigram < least)
			least = sources[i].list.trigram;
	for (size_t i = 0; i < count; i++)
		if (sources[i].more && sources[i].list.trigram == least)
			*postings += sources[i].list.blocks;
	return least;
}

static sr_status merge_lists(sr_conn *conn, const sr_segment *segments, source *sources,
			     size_t count, sr_pack_writer *writer, sr_list_writer *list)
{
	int64_t all = 0, postings;
	uint32_t trigram;
	sr_status rc;

	for (size_t i = 0; i < count; i++)
		all += segments[i].chunks * SR_CHUNK_BLOCKS;
	while ((trigram = next_trigram(sources, count, &postings)) < SR_TRIGRAMS) {
		sr_list_start(list, sr_list_has_rows(postings, all));
		for (size_t i = 0; i < count; i++) {
			source *s = &sources[i];

			if (!s->more || s->list.trigram != trigram)
				continue;
			if ((rc = append(conn, s, &segments[i], list)) != SR_OK ||
			    (rc = sr_pack_next(&s->reader, &s->list, &s->more)) != SR_OK)
				return rc;
		}
		sr_list_end(list);
		if ((rc = sr_pack_add(writer, trigram, list)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

static sr_status open_sources(sr_conn *conn, const sr_segment *segments, source *sources,
			      size_t count)
{
	uint64_t offset = 0;
	sr_status rc = SR_OK;

	for (size_t i = 0; i < count && rc == SR_OK; i++) {
		source *s = &sources[i];

		s->offset = offset;
		offset += (uint64_t)segments[i].chunks * SR_CHUNK_BLOCKS;
		if ((rc = sr_pack_open(&s->reader, conn, segments[i].number, 0, SR_TRIGRAMS - 1)) ==
		    SR_OK)
			rc = sr_pack_next(&s->reader, &s->list, &s->more);
	}
	return rc;
}

sr_status sr_segment_merge(sr_conn *conn, const sr_segment *segments, size_t count)
{
	source *sources = calloc(count, sizeof(*sources));
	sr_list_writer list = {.bytes = SR_BUFFER_EMPTY};
	sr_pack_writer writer = {0};
	int64_t chunks = 0, number;
	sr_status rc;

	if (sources == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < count; i++)
		chunks += segments[i].chunks;
	if ((rc = sr_segment_add(conn, segments[0].first_chunk, chunks, &number)) == SR_OK &&
	    (rc = open_sources(conn, segments, sources, count)) == SR_OK &&
	    (rc = sr_pack_begin(&writer, conn, number)) == SR_OK &&
	    (rc = merge_lists(conn, segments, sources, count, &writer, &list)) == SR_OK)
		rc = sr_pack_end(&writer);
	sr_pack_abandon(&writer);
	for (size_t i = 0; i < count; i++)
		sr_pack_close(&sources[i].reader);
	for (size_t i = 0; i < count && rc == SR_OK; i++)
		rc = segment_delete(conn, segments[i].number);
	sr_buffer_free(&list.bytes);
	free(sources);
	return rc;
}
