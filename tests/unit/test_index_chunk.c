/* Chunks: whatever their keys are, and whichever slots are emptied, they are read as written. */
#include "chance.h"
#include "index/chunk.h"
#include "migrate_fixture.h"

static int setup(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();

	assert_done(migrate_run(path, &options, NULL));
	*state = migrate_open(path);
	assert_done(sr_conn_begin(*state, SR_TRANSACTION_WRITE));
	return 0;
}

static int teardown(void **state)
{
	sr_conn_close(*state);
	return scratch_teardown(state);
}

/* ---- Keys of every kind ---- */

enum { FOLLOWING, BACKWARDS, NEAR, FAR, ANYWHERE, KINDS };

static int64_t key_after(int64_t before, unsigned kind)
{
	const uint64_t from = (uint64_t)before;

	switch (kind) {
	case FOLLOWING:
		return (int64_t)(from + 1);
	case BACKWARDS:
		return (int64_t)(from - 1 - chance(100));
	case NEAR:
		return (int64_t)(from + chance(200) - 100);
	case FAR:
		return (int64_t)(from + chance(2000000) - 1000000);
	default:
		return chance(9)   ? (int64_t)(chance(UINT64_MAX))
		       : chance(2) ? INT64_MAX
				   : INT64_MIN;
	}
}

/* As a rule of one kind, with some that break it. */
static size_t make_rows(sr_chunk_row *rows)
{
	const size_t count = 1 + chance(SR_CHUNK_ROWS);
	const unsigned kind = (unsigned)chance(KINDS);
	int64_t key = (int64_t)chance(1000000);

	for (size_t i = 0; i < count; i++) {
		key = key_after(key, chance(50) ? kind : (unsigned)chance(kind + 1));
		if (key == INT64_MIN) /* Never indexed: it stands for null. */
			key = 0;
		rows[i] = (sr_chunk_row){.key = key,
					 .date = chance(5) ? (int64_t)chance(1000000) : SR_NO_DATE};
	}
	return count;
}

static void expect_rows(const sr_chunk *chunk, const sr_chunk_row *rows, const bool *gone)
{
	for (size_t i = 0; i < chunk->count; i++) {
		int64_t keys[SR_BLOCK_ROWS], oldest, newest;
		const unsigned filled = sr_chunk_keys(chunk, i / SR_BLOCK_ROWS, keys);

		assert_int_equal(filled >> (i % SR_BLOCK_ROWS) & 1, !gone[i]);
		if (!gone[i])
			assert_true(keys[i % SR_BLOCK_ROWS] == rows[i].key);
		sr_chunk_dates(chunk, i, &oldest, &newest);
		if (rows[i].date == SR_NO_DATE)
			assert_true(oldest == SR_NO_DATE && newest == SR_NO_DATE);
		else
			assert_true(oldest <= rows[i].date && rows[i].date <= newest);
	}
}

/* Empties some slots, here and in the chunk. */
static void empty_some(sr_chunk *chunk, bool *gone)
{
	for (size_t block = 0; block < sr_chunk_blocks(chunk); block++) {
		unsigned keep = (unsigned)(chance(3) ? chance(1 << SR_BLOCK_ROWS) : UINT16_MAX);

		if (chance(8) == 0)
			keep = 0;
		assert_done(sr_chunk_keep(chunk, block, keep));
		for (size_t i = 0; i < SR_BLOCK_ROWS; i++)
			gone[block * SR_BLOCK_ROWS + i] |= !(keep >> i & 1);
	}
}

static void test_keys(void **state)
{
	static sr_chunk_row rows[SR_CHUNK_ROWS];
	static sr_chunk chunk;

	for (int64_t round = 0; round < 200; round++) {
		bool gone[SR_CHUNK_ROWS] = {false};
		const size_t count = make_rows(rows);

		assert_done(sr_chunk_add(*state, round, rows, count, &chunk));
		for (int times = 0; times < 3; times++) {
			assert_done(sr_chunk_read(*state, round, &chunk));
			assert_int_equal(chunk.count, count);
			expect_rows(&chunk, rows, gone);
			empty_some(&chunk, gone);
			expect_rows(&chunk, rows, gone);
			assert_done(sr_chunk_store(*state, &chunk));
		}
	}
}

/* ---- Bytes ---- */

static size_t bytes_of(sr_conn *conn, int64_t number)
{
	static sr_chunk chunk;

	assert_done(sr_chunk_read(conn, number, &chunk));
	return chunk.length;
}

/* Keys in the order of a walk take next to nothing. */
static void test_following(void **state)
{
	static sr_chunk_row rows[SR_CHUNK_ROWS];
	static sr_chunk chunk;

	for (int spread = 0; spread < 2; spread++) {
		for (size_t i = 0; i < SR_CHUNK_ROWS; i++)
			rows[i].key = (int64_t)(i * (spread ? 9973 : 1) % 20011);
		assert_done(sr_chunk_add(*state, spread, rows, SR_CHUNK_ROWS, &chunk));
	}
	assert_true(bytes_of(*state, 0) < SR_CHUNK_ROWS * SR_DATE_BYTES + SR_CHUNK_ROWS / 4);
	assert_true(bytes_of(*state, 1) > SR_CHUNK_ROWS * (SR_DATE_BYTES + 1));
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),
		TEST(test_following),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
