#include "chunk.h"

#include "pack.h"

/* Dates of a slot have two bytes, and 0 is none. */
#define DATE_STEPS 65534

enum { CHUNK, FIRST_ROW, LAST_ROW, OLDEST, NEWEST, COLUMNS };

/* ---- Writing ---- */

static void find_bounds(sr_chunk *chunk, const sr_chunk_row *rows, size_t count)
{
	int64_t *columns = chunk->columns;

	columns[FIRST_ROW] = count > 0 ? rows[0].key : 0;
	columns[LAST_ROW] = columns[FIRST_ROW];
	columns[OLDEST] = columns[NEWEST] = SR_NO_DATE;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].key < columns[FIRST_ROW])
			columns[FIRST_ROW] = rows[i].key;
		if (rows[i].key > columns[LAST_ROW])
			columns[LAST_ROW] = rows[i].key;
		if (rows[i].date == SR_NO_DATE)
			continue;
		if (columns[OLDEST] == SR_NO_DATE || rows[i].date < columns[OLDEST])
			columns[OLDEST] = rows[i].date;
		if (columns[NEWEST] == SR_NO_DATE || rows[i].date > columns[NEWEST])
			columns[NEWEST] = rows[i].date;
	}
}

/* As narrow as the spans allow. */
static void find_widths(sr_chunk *chunk)
{
	const int64_t *columns = chunk->columns;
	uint64_t keys = (uint64_t)columns[LAST_ROW] - (uint64_t)columns[FIRST_ROW] + 1;
	uint64_t dates = columns[NEWEST] == SR_NO_DATE
				 ? 0
				 : (uint64_t)columns[NEWEST] - (uint64_t)columns[OLDEST];

	chunk->width = 1;
	while (chunk->width < 8 && keys >> (8 * chunk->width) != 0)
		chunk->width++;
	chunk->shift = 0;
	while (dates >> chunk->shift >= DATE_STEPS)
		chunk->shift++;
}

static void encode(sr_chunk *chunk, const sr_chunk_row *rows, sr_buffer *out)
{
	const int64_t *columns = chunk->columns;

	sr_put_fixed(out, chunk->count, 2);
	sr_put_fixed(out, chunk->width, 1);
	sr_put_fixed(out, chunk->shift, 1);
	sr_put_fixed(out, (uint64_t)columns[OLDEST], 8);
	for (size_t i = 0; i < chunk->count; i++)
		sr_put_fixed(out, (uint64_t)rows[i].key - (uint64_t)columns[FIRST_ROW] + 1,
			     chunk->width);
	for (size_t i = 0; i < chunk->count; i++) {
		uint64_t after = (uint64_t)rows[i].date - (uint64_t)columns[OLDEST];

		sr_put_fixed(out, rows[i].date == SR_NO_DATE ? 0 : (after >> chunk->shift) + 1,
			     SR_DATE_BYTES);
	}
}

static sr_status write_row(sr_conn *conn, const char *sql, const int64_t *columns,
			   const void *bytes, size_t length)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	for (int i = 0; i < COLUMNS; i++)
		sr_bind_integer(stmt, i + 1, columns[i]);
	sr_bind_blob(stmt, COLUMNS + 1, bytes, length);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_chunk_add(sr_conn *conn, int64_t number, const sr_chunk_row *rows, size_t count,
		       sr_chunk *chunk)
{
	sr_buffer slots = SR_BUFFER_EMPTY;
	sr_status rc;

	chunk->columns[CHUNK] = number;
	chunk->count = count;
	find_bounds(chunk, rows, count);
	find_widths(chunk);
	encode(chunk, rows, &slots);
	sr_put_check(&slots, chunk->columns, COLUMNS);
	if ((rc = sr_buffer_status(&slots)) == SR_OK)
		rc = write_row(conn,
			       "INSERT INTO search_chunks"
			       " (Chunk, FirstRow, LastRow, Oldest, Newest, Slots)"
			       " VALUES ($1, $2, $3, $4, $5, $6)",
			       chunk->columns, slots.data, slots.length);
	sr_buffer_free(&slots);
	return rc;
}

/* The bounds stay as they are: they are right for fewer rows, too. */
void sr_chunk_empty(sr_chunk *chunk, size_t slot)
{
	memset(chunk->bytes + SR_CHUNK_HEAD + slot * chunk->width, 0, chunk->width);
}

sr_status sr_chunk_store(sr_conn *conn, sr_chunk *chunk)
{
	uint32_t check = sr_check_of(chunk->columns, COLUMNS, chunk->bytes, chunk->length);

	for (size_t i = 0; i < SR_CHECK_BYTES; i++)
		chunk->bytes[chunk->length + i] = (unsigned char)(check >> (8 * i));
	return write_row(conn,
			 "UPDATE search_chunks SET FirstRow = $2, LastRow = $3, Oldest = $4,"
			 " Newest = $5, Slots = $6 WHERE Chunk = $1",
			 chunk->columns, chunk->bytes, chunk->length + SR_CHECK_BYTES);
}

/* ---- Reading ---- */

/* Takes the bytes over if they are as they were written. */
static bool take(sr_chunk *chunk, sr_text slots)
{
	sr_bytes bytes;

	if (!sr_take_check(&slots, chunk->columns, COLUMNS) ||
	    slots.length > SR_CHUNK_BYTES - SR_CHECK_BYTES - 8)
		return false;
	bytes = sr_bytes_of(slots.data, slots.length);
	chunk->count = (size_t)sr_bytes_fixed(&bytes, 2);
	chunk->width = (size_t)sr_bytes_fixed(&bytes, 1);
	chunk->shift = (unsigned)sr_bytes_fixed(&bytes, 1);
	chunk->oldest = (int64_t)sr_bytes_fixed(&bytes, 8);
	if (bytes.bad || chunk->count > SR_CHUNK_ROWS || chunk->width < 1 || chunk->width > 8 ||
	    chunk->shift > 63 ||
	    (size_t)(bytes.end - bytes.at) != chunk->count * (chunk->width + SR_DATE_BYTES))
		return false;
	chunk->length = slots.length;
	memcpy(chunk->bytes, slots.data, slots.length);
	memset(chunk->bytes + slots.length, 0, 8);
	return true;
}

sr_status sr_chunk_read(sr_conn *conn, int64_t number, sr_chunk *chunk)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row, good = false;

	if ((rc = sr_prepare(conn,
			     "SELECT Chunk, FirstRow, LastRow, Oldest, Newest, Slots"
			     " FROM search_chunks WHERE Chunk = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, number);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		for (int i = 0; i < COLUMNS; i++)
			chunk->columns[i] = sr_column_integer(stmt, i);
		good = take(chunk, sr_column_text(stmt, COLUMNS));
	}
	sr_stmt_done(stmt);
	if (rc == SR_OK && !good)
		rc = sr_index_fail(conn, "chunk", number);
	return rc;
}
