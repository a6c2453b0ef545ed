#include "pack.h"

#include "../base/error.h"
#include "../base/text.h"

/* Several fit on a page, so that little of it is left over; fewer would cost more rows. */
#define PACK_BYTES 16000

static int64_t key_of(int64_t segment, int64_t trigram)
{
	return segment << SR_TRIGRAM_BITS | trigram;
}

sr_status sr_index_fail(sr_conn *conn, const char *what, int64_t which)
{
	return sr_fail(SR_CORRUPT, "the search index of %s is damaged at %s %lld",
		       sr_quoted(sr_text_of(sr_conn_path(conn))), what, (long long)which);
}

/* ---- Writing ---- */

sr_status sr_pack_begin(sr_pack_writer *writer, sr_conn *conn, int64_t segment)
{
	*writer = (sr_pack_writer){.segment = segment};
	return sr_prepare(conn,
			  "INSERT INTO search_postings (Key, Until, Blocks, Lists)"
			  " VALUES ($1, $2, $3, $4)",
			  &writer->stmt);
}

static sr_status flush(sr_pack_writer *writer, int64_t until)
{
	const int64_t columns[] = {key_of(writer->segment, writer->first), until, writer->blocks};
	sr_status rc;

	sr_put_check(&writer->lists, columns, 3);
	if ((rc = sr_buffer_status(&writer->lists)) != SR_OK)
		return rc;
	for (int i = 0; i < 3; i++)
		sr_bind_integer(writer->stmt, i + 1, columns[i]);
	sr_bind_blob(writer->stmt, 4, writer->lists.data, writer->lists.length);
	rc = sr_run(writer->stmt);
	writer->first = writer->previous = until;
	writer->blocks = 0;
	sr_buffer_clear(&writer->lists);
	return rc;
}

sr_status sr_pack_add(sr_pack_writer *writer, uint32_t trigram, const sr_list_writer *list)
{
	const sr_buffer *bytes = &list->bytes;
	sr_status rc;

	if ((rc = sr_buffer_status(bytes)) != SR_OK)
		return rc;
	if (writer->lists.length > 0 && writer->lists.length + bytes->length > PACK_BYTES &&
	    (rc = flush(writer, trigram)) != SR_OK)
		return rc;
	sr_put_varint(&writer->lists, (uint64_t)(trigram - writer->previous));
	sr_put_varint(&writer->lists, (uint64_t)list->blocks << 1 | list->rows);
	sr_put_varint(&writer->lists, bytes->length);
	sr_buffer_add(&writer->lists, bytes->data, bytes->length);
	writer->previous = trigram;
	writer->blocks += list->blocks;
	return sr_buffer_status(&writer->lists);
}

sr_status sr_pack_end(sr_pack_writer *writer)
{
	return flush(writer, SR_TRIGRAMS);
}

void sr_pack_abandon(sr_pack_writer *writer)
{
	sr_stmt_done(writer->stmt);
	sr_buffer_free(&writer->lists);
	*writer = (sr_pack_writer){0};
}

sr_status sr_pack_delete(sr_conn *conn, int64_t segment)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "DELETE FROM search_postings WHERE Key >= $1 AND Key < $2",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, key_of(segment, 0));
	sr_bind_integer(stmt, 2, key_of(segment + 1, 0));
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* ---- Reading ---- */

/* From the pack that holds a trigram on. */
#define FROM_PACK                                                                                  \
	" FROM search_postings WHERE Key >= (SELECT Key FROM search_postings"                      \
	" WHERE Key <= $1 ORDER BY Key DESC LIMIT 1) ORDER BY Key"

sr_status sr_pack_open(sr_pack_reader *reader, sr_conn *conn, int64_t segment, uint32_t first,
		       uint32_t last)
{
	sr_status rc;

	*reader = (sr_pack_reader){
		.conn = conn,
		.segment = segment,
		.first = first,
		.last = last,
		.until = first,
	};
	if ((rc = sr_prepare(conn, "SELECT Key, Until, Blocks, Lists" FROM_PACK, &reader->stmt)) ==
	    SR_OK)
		sr_bind_integer(reader->stmt, 1, key_of(segment, first));
	return rc;
}

/* Goes to the pack that covers reader->until. */
static sr_status next_pack(sr_pack_reader *reader)
{
	sr_stmt *stmt = reader->stmt;
	int64_t columns[3], first;
	sr_text lists;
	sr_status rc;
	bool row;

	if ((rc = sr_step(stmt, &row)) != SR_OK)
		return rc;
	if (!row)
		return sr_index_fail(reader->conn, "segment", reader->segment);
	for (int i = 0; i < 3; i++)
		columns[i] = sr_column_integer(stmt, i);
	lists = sr_column_text(stmt, 3);
	if ((rc = sr_stmt_check(stmt)) != SR_OK)
		return rc;
	first = columns[0] - key_of(reader->segment, 0);
	/* The first one may begin before what is wanted; then they follow each other. */
	if (!sr_take_check(&lists, columns, 3) || first < 0 || first > reader->until ||
	    (reader->started && first != reader->until) || columns[1] <= reader->until)
		return sr_index_fail(reader->conn, "segment", reader->segment);
	reader->started = true;
	reader->until = columns[1];
	reader->trigram = first;
	reader->lists = sr_bytes_of(lists.data, lists.length);
	return SR_OK;
}

static sr_status take_list(sr_pack_reader *reader, sr_pack_list *list)
{
	sr_bytes *lists = &reader->lists;
	const unsigned char *bytes;
	uint64_t length, blocks;

	reader->trigram += (int64_t)(sr_bytes_varint(lists) & (SR_TRIGRAMS - 1));
	list->trigram = (uint32_t)reader->trigram;
	blocks = sr_bytes_varint(lists);
	list->blocks = (int64_t)(blocks >> 1);
	length = sr_bytes_varint(lists);
	bytes = sr_bytes_take(lists, length);
	if (bytes == NULL || lists->bad || reader->trigram >= reader->until)
		return sr_index_fail(reader->conn, "segment", reader->segment);
	list->list = (sr_list_reader){.bytes = sr_bytes_of(bytes, length), .rows = blocks & 1};
	return SR_OK;
}

sr_status sr_pack_next(sr_pack_reader *reader, sr_pack_list *list, bool *more)
{
	sr_status rc;

	for (;;) {
		while (reader->lists.at < reader->lists.end) {
			if ((rc = take_list(reader, list)) != SR_OK)
				return rc;
			if (list->trigram > reader->last) {
				*more = false;
				return SR_OK;
			}
			if (list->trigram < reader->first)
				continue;
			*more = true;
			return SR_OK;
		}
		if (reader->started && reader->until > reader->last) {
			*more = false;
			return SR_OK;
		}
		if ((rc = next_pack(reader)) != SR_OK)
			return rc;
	}
}

void sr_pack_close(sr_pack_reader *reader)
{
	sr_stmt_done(reader->stmt);
	*reader = (sr_pack_reader){0};
}

sr_status sr_pack_estimate(sr_conn *conn, int64_t segment, uint32_t trigram, int64_t *blocks)
{
	sr_pack_reader reader = {0};
	sr_pack_list list;
	sr_stmt *stmt;
	sr_status rc;
	bool row, long_one = false;

	/* length() does not read the bytes, which may be many pages. */
	if ((rc = sr_prepare(conn, "SELECT Blocks, length(Lists) > $2" FROM_PACK " LIMIT 1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, key_of(segment, trigram));
	sr_bind_integer(stmt, 2, PACK_BYTES);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		*blocks = sr_column_integer(stmt, 0);
		long_one = sr_column_integer(stmt, 1) == 1;
	}
	sr_stmt_done(stmt);
	if (rc != SR_OK || long_one)
		return rc;
	if ((rc = sr_pack_open(&reader, conn, segment, trigram, trigram)) == SR_OK &&
	    (rc = sr_pack_next(&reader, &list, &row)) == SR_OK)
		*blocks = row ? list.blocks : 0;
	sr_pack_close(&reader);
	return rc;
}
