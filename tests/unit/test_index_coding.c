/* What the index of trigrams is coded in: lists of blocks, and sets of them. */
#include "chance.h"
#include "expect.h"
#include "index/bits.h"
#include "index/list.h"

/* ---- Lists ---- */

#define MOST_BLOCKS 4000

/* Adds runs by chance, noting the row of each block, + 1. */
static void add_runs(sr_list_writer *writer, unsigned char rows[MOST_BLOCKS])
{
	for (uint64_t at = 0; (at += chance(chance(4) ? 4 : 200)) < MOST_BLOCKS - 100;) {
		sr_list_run run = {at, chance(3) ? 1 : 1 + chance(99), SR_ANY_ROW};

		if (run.length == 1 && chance(2))
			run.row = (unsigned)chance(16);
		sr_list_add(writer, run.first, run.length, run.row);
		memset(rows + at, (int)(writer->rows ? run.row : SR_ANY_ROW) + 1, run.length);
		at += run.length;
	}
	sr_list_end(writer);
}

static void test_lists(void **state)
{
	sr_list_writer writer = {.bytes = SR_BUFFER_EMPTY};

	(void)state;
	seed = 77;
	for (int round = 0; round < 300; round++) {
		unsigned char in[MOST_BLOCKS] = {0}, out[MOST_BLOCKS] = {0};
		sr_list_reader list = {.rows = round % 2};
		int64_t blocks = 0;
		sr_list_run run;

		sr_list_start(&writer, list.rows);
		add_runs(&writer, in);
		assert_done(sr_buffer_status(&writer.bytes));
		list.bytes = sr_bytes_of(writer.bytes.data, writer.bytes.length);
		while (sr_list_next(&list, &run)) {
			memset(out + run.first, (int)run.row + 1, run.length);
			blocks += (int64_t)run.length;
		}
		assert_false(list.bytes.bad);
		assert_memory_equal(in, out, sizeof(in));
		assert_int_equal(writer.blocks, blocks);
	}
	sr_buffer_free(&writer.bytes);
}

static void test_bad_lists(void **state)
{
	static const char *const bad[] = {
		"\x80",                                     /* Ends in the midst of a number, */
		"\x03",                                     /* before the length of a run; */
		"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", /* a number that never ends. */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sr_list_reader list = {.bytes = sr_bytes_of(bad[i], strlen(bad[i]))};
		sr_list_run run;

		assert_false(sr_list_next(&list, &run));
		assert_true(list.bytes.bad);
	}
}

/* ---- Sets ---- */

static void test_bits(void **state)
{
	enum { SIZE = 1000 };
	bool plain[SIZE] = {false}, other_plain[SIZE];
	sr_bits bits, other;

	(void)state;
	seed = 99;
	assert_done(sr_bits_new(&bits, SIZE));
	assert_done(sr_bits_new(&other, SIZE));
	for (int round = 0; round < 4000; round++) {
		size_t first = chance(SIZE), length = chance(SIZE - first + 1);
		size_t count = 0, next = first, from = first / 64 * 64;

		switch (chance(4)) {
		case 0:
			length = chance(length + 1) / 4;
			sr_bits_set(&bits, first, length);
			memset(plain + first, true, length);
			break;
		case 1:
			sr_bits_clear(&bits, first, length);
			memset(plain + first, false, length);
			break;
		case 2:
			for (size_t i = 0; i < SIZE; i++) {
				other_plain[i] = chance(3) > 0;
				(other_plain[i] ? sr_bits_set : sr_bits_clear)(&other, i, 1);
			}
			if (length > SIZE - from)
				length = SIZE - from;
			sr_bits_keep(&bits, &other, from, length);
			for (size_t i = from; i < from + length; i++)
				plain[i] = plain[i] && other_plain[i];
			break;
		default:
			for (size_t i = first; i < first + length; i++)
				count += plain[i];
			assert_int_equal(sr_bits_count(&bits, first, length), count);
			while (next < first + length && !plain[next])
				next++;
			assert_int_equal(sr_bits_next(&bits, first, first + length), next);
		}
		for (size_t i = 0; i < SIZE; i++)
			assert_int_equal(sr_bits_has(&bits, i), plain[i]);
	}
	sr_bits_free(&bits);
	sr_bits_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
