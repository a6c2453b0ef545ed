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
	uint64_t keys = (uint64_t)columns[LAST_ROW] - (uint64_t)columns[FIRST_ROW];
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

/* ---- Keys of a block ---- */

/* How they are coded: see chunk.h. */
enum { EACH, FOLLOWING, STEPS, CODINGS, SOME_EMPTY = 4 };

/* Backwards is odd. All of 64 bits: keys may be as far from each other as they can. */
static uint64_t step_of(uint64_t from, uint64_t to)
{
	const uint64_t forwards = to - from;

	return forwards >> 63 ? ~(forwards << 1) : forwards << 1;
}

static uint64_t step_from(uint64_t from, uint64_t step)
{
	return from + (step & 1 ? ~(step >> 1) : step >> 1);
}

/* The steps between keys, as they are stored; no more bytes than of the keys themselves are of use.
 */
static void encode_steps(sr_buffer *out, const uint64_t *keys, size_t count)
{
	for (size_t i = 1; i < count; i++)
		sr_put_varint(out, step_of(keys[i - 1], keys[i]));
}

static bool are_following(const uint64_t *keys, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (keys[i] != keys[0] + i)
			return false;
	return count > 0;
}

/* Keys of so many slots, those of the empty ones left out. */
static void encode_block(sr_buffer *out, const uint64_t *keys, size_t slots, unsigned filled,
			 size_t width)
{
	const unsigned empty = filled == (1U << slots) - 1 ? 0 : SOME_EMPTY;
	const size_t count = (size_t)__builtin_popcount(filled);
	sr_buffer steps = SR_BUFFER_EMPTY;
	unsigned coding = are_following(keys, count) ? FOLLOWING : EACH;

	if (coding == EACH && count > 1) {
		encode_steps(&steps, keys, count);
		if (1 + width + steps.length < count * width)
			coding = STEPS;
	}
	sr_put_fixed(out, coding | empty, 1);
	if (empty)
		sr_put_fixed(out, filled, 2);
	if (coding == STEPS)
		sr_put_fixed(out, steps.length, 1);
	for (size_t i = 0; i < (coding == EACH ? count : 1); i++)
		sr_put_fixed(out, keys[i], width);
	if (coding == STEPS)
		sr_buffer_add(out, steps.data, steps.length);
	if (sr_buffer_status(&steps) != SR_OK)
		out->failed = true;
	sr_buffer_free(&steps);
}

/* What a block is coded in; its keys are behind at. */
typedef struct block_head {
	unsigned coding;
	unsigned filled;
	size_t count; /* Of its keys, */
	size_t steps; /* and bytes of the steps. */
	const unsigned char *at;
} block_head;

/* Reads the head of a block of so many slots, and goes behind the block. */
static block_head take_block(sr_bytes *bytes, size_t slots, size_t width)
{
	const uint64_t coding = sr_bytes_fixed(bytes, 1);
	block_head head = {.coding = coding & 3, .filled = (1U << slots) - 1};
	size_t length;

	if (coding & SOME_EMPTY)
		head.filled &= (unsigned)sr_bytes_fixed(bytes, 2);
	head.count = (size_t)__builtin_popcount(head.filled);
	if (head.coding == STEPS)
		head.steps = (size_t)sr_bytes_fixed(bytes, 1);
	if (head.coding >= CODINGS || coding > (SOME_EMPTY | STEPS) ||
	    (head.coding != EACH && head.count == 0))
		bytes->bad = true;
	head.at = bytes->at;
	length = head.coding == EACH ? head.count * width : width + head.steps;
	sr_bytes_take(bytes, length);
	return head;
}

static size_t slots_of(const sr_chunk *chunk, size_t block)
{
	const size_t left = chunk->count - block * SR_BLOCK_ROWS;

	return left < SR_BLOCK_ROWS ? left : SR_BLOCK_ROWS;
}

/* The keys of the slots that are not empty, less the chunk's first. */
static block_head decode_block(const sr_chunk *chunk, size_t block, uint64_t keys[SR_BLOCK_ROWS])
{
	sr_bytes bytes = sr_bytes_of(chunk->bytes + chunk->at[block],
				     chunk->at[block + 1] - chunk->at[block]);
	const block_head head = take_block(&bytes, slots_of(chunk, block), chunk->width);
	sr_bytes steps = sr_bytes_of(head.at + chunk->width, head.steps);

	for (size_t i = 0; i < head.count; i++) {
		if (i == 0 || head.coding == EACH)
			keys[i] = sr_chunk_load(head.at + i * chunk->width, chunk->width);
		else if (head.coding == FOLLOWING)
			keys[i] = keys[i - 1] + 1;
		else
			keys[i] = step_from(keys[i - 1], sr_bytes_varint(&steps));
	}
	return head;
}

unsigned sr_chunk_keys(const sr_chunk *chunk, size_t block, int64_t keys[SR_BLOCK_ROWS])
{
	uint64_t stored[SR_BLOCK_ROWS];
	const unsigned filled = decode_block(chunk, block, stored).filled;
	size_t at = 0;

	for (size_t i = 0; i < SR_BLOCK_ROWS; i++)
		if (filled >> i & 1)
			keys[i] = (int64_t)((uint64_t)chunk->columns[FIRST_ROW] + stored[at++]);
	return filled;
}

/* ---- All slots ---- */

static void encode(sr_chunk *chunk, const sr_chunk_row *rows, sr_buffer *out)
{
	const int64_t *columns = chunk->columns;

	sr_put_fixed(out, chunk->count, 2);
	sr_put_fixed(out, chunk->width, 1);
	sr_put_fixed(out, chunk->shift, 1);
	sr_put_fixed(out, (uint64_t)columns[OLDEST], 8);
	for (size_t i = 0; i < chunk->count; i++) {
		uint64_t after = (uint64_t)rows[i].date - (uint64_t)columns[OLDEST];

		sr_put_fixed(out, rows[i].date == SR_NO_DATE ? 0 : (after >> chunk->shift) + 1,
			     SR_DATE_BYTES);
	}
	for (size_t block = 0; block < sr_chunk_blocks(chunk); block++) {
		const size_t slots = slots_of(chunk, block);
		uint64_t keys[SR_BLOCK_ROWS];

		for (size_t i = 0; i < slots; i++)
			keys[i] = (uint64_t)rows[block * SR_BLOCK_ROWS + i].key -
				  (uint64_t)columns[FIRST_ROW];
		encode_block(out, keys, slots, (1U << slots) - 1, chunk->width);
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
sr_status sr_chunk_keep(sr_chunk *chunk, size_t block, unsigned slots)
{
	const size_t from = chunk->at[block], end = chunk->at[block + 1];
	uint64_t keys[SR_BLOCK_ROWS];
	const unsigned filled = decode_block(chunk, block, keys).filled;
	sr_buffer fresh = SR_BUFFER_EMPTY;
	size_t kept = 0, at = 0;
	sr_status rc;

	for (size_t i = 0; i < SR_BLOCK_ROWS; i++) {
		if (!(filled >> i & 1))
			continue;
		if (slots >> i & 1)
			keys[kept++] = keys[at];
		at++;
	}
	encode_block(&fresh, keys, slots_of(chunk, block), filled & slots, chunk->width);
	if ((rc = sr_buffer_status(&fresh)) == SR_OK) {
		memmove(chunk->bytes + from + fresh.length, chunk->bytes + end,
			chunk->length - end);
		memcpy(chunk->bytes + from, fresh.data, fresh.length);
		for (size_t i = block + 1; i <= sr_chunk_blocks(chunk); i++)
			chunk->at[i] += from + fresh.length - end;
		chunk->length += from + fresh.length - end;
	}
	sr_buffer_free(&fresh);
	return rc;
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

/* Where the blocks begin; false if they are not as they should be. */
static bool find_blocks(sr_chunk *chunk, sr_bytes *bytes, const void *start)
{
	size_t block = 0;

	for (; block < sr_chunk_blocks(chunk); block++) {
		chunk->at[block] = (size_t)(bytes->at - (const unsigned char *)start);
		take_block(bytes, slots_of(chunk, block), chunk->width);
	}
	chunk->at[block] = chunk->length;
	return !bytes->bad && bytes->at == bytes->end;
}

/* Takes the bytes over if they are as they were written. */
static bool take(sr_chunk *chunk, sr_text slots)
{
	sr_bytes bytes;

	if (!sr_take_check(&slots, chunk->columns, COLUMNS) ||
	    slots.length > SR_CHUNK_BYTES - SR_CHECK_BYTES - 8)
		return false;
	bytes = sr_bytes_of(slots.data, slots.length);
	chunk->length = slots.length;
	chunk->count = (size_t)sr_bytes_fixed(&bytes, 2);
	chunk->width = (size_t)sr_bytes_fixed(&bytes, 1);
	chunk->shift = (unsigned)sr_bytes_fixed(&bytes, 1);
	chunk->oldest = (int64_t)sr_bytes_fixed(&bytes, 8);
	if (bytes.bad || chunk->count > SR_CHUNK_ROWS || chunk->width < 1 || chunk->width > 8 ||
	    chunk->shift > 63 || sr_bytes_take(&bytes, chunk->count * SR_DATE_BYTES) == NULL ||
	    !find_blocks(chunk, &bytes, slots.data))
		return false;
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
	rc = sr_stmt_end(stmt, rc);
	if (rc == SR_OK && !good)
		rc = sr_index_fail(conn, "chunk", number);
	return rc;
}
