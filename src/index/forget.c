#include "forget.h"

#include <stdlib.h>

#include "../base/error.h"
#include "chunk.h"

/* Chunks that may hold the keys are read whole; this tells most other keys of theirs at once. */
#define FILTER_BITS 16

typedef struct forgetting {
	sr_conn *conn;
	const int64_t *keys;
	size_t count;
	unsigned char filter[(1 << FILTER_BITS) / 8];
	sr_chunk chunk;
} forgetting;

static size_t filter_bit(int64_t key)
{
	return (size_t)((uint64_t)key * UINT64_C(0x9E3779B97F4A7C15) >> (64 - FILTER_BITS));
}

static int compare_keys(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return (a > b) - (a < b);
}

bool sr_index_keys_have(const int64_t *keys, size_t count, int64_t key)
{
	return count > 0 && bsearch(&key, keys, count, sizeof(key), compare_keys) != NULL;
}

static bool is_one(const forgetting *work, int64_t key)
{
	size_t bit = filter_bit(key);

	return (work->filter[bit / 8] >> (bit % 8) & 1) != 0 &&
	       sr_index_keys_have(work->keys, work->count, key);
}

/* Those of a block's slots that stay. */
static unsigned staying(const forgetting *work, size_t block, unsigned *filled)
{
	int64_t keys[SR_BLOCK_ROWS];
	unsigned stay;

	stay = *filled = sr_chunk_keys(&work->chunk, block, keys);
	for (unsigned i = 0; i < SR_BLOCK_ROWS; i++)
		if ((stay >> i & 1) && is_one(work, keys[i]))
			stay &= ~(1U << i);
	return stay;
}

static sr_status forget_in(forgetting *work, int64_t number)
{
	sr_chunk *chunk = &work->chunk;
	bool changed = false;
	sr_status rc;

	if ((rc = sr_chunk_read(work->conn, number, chunk)) != SR_OK)
		return rc;
	for (size_t block = 0; block < sr_chunk_blocks(chunk); block++) {
		unsigned filled, stay = staying(work, block, &filled);

		if (stay == filled)
			continue;
		if ((rc = sr_chunk_keep(chunk, block, stay)) != SR_OK)
			return rc;
		changed = true;
	}
	return changed ? sr_chunk_store(work->conn, chunk) : SR_OK;
}

/* The next chunk behind one, whose keys are in the range; *number is -1 after the last. */
static sr_status next_chunk(forgetting *work, sr_stmt *stmt, int64_t *number)
{
	sr_status rc;
	bool row;

	sr_bind_integer(stmt, 1, *number);
	sr_bind_integer(stmt, 2, work->keys[0]);
	sr_bind_integer(stmt, 3, work->keys[work->count - 1]);
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		return rc;
	*number = row ? sr_column_integer(stmt, 0) : -1;
	while (rc == SR_OK && row) /* To its end: the chunk may be written now. */
		rc = sr_step(stmt, &row);
	return rc;
}

static sr_status forget_all(forgetting *work)
{
	int64_t number = -1;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(work->conn,
			     "SELECT Chunk FROM search_chunks WHERE Chunk > $1"
			     " AND LastRow >= $2 AND FirstRow <= $3 ORDER BY Chunk LIMIT 1",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = next_chunk(work, stmt, &number)) == SR_OK && number >= 0)
		if ((rc = forget_in(work, number)) != SR_OK)
			break;
	return sr_stmt_end(stmt, rc);
}

sr_status sr_index_forget(sr_conn *conn, const int64_t *keys, size_t count)
{
	forgetting *work;
	sr_status rc;

	if (count == 0)
		return SR_OK;
	if ((work = calloc(1, sizeof(*work))) == NULL)
		return sr_fail_memory();
	work->conn = conn;
	work->keys = keys;
	work->count = count;
	for (size_t i = 0; i < count; i++)
		work->filter[filter_bit(keys[i]) / 8] |=
			(unsigned char)(1 << filter_bit(keys[i]) % 8);
	rc = forget_all(work);
	free(work);
	return rc;
}
