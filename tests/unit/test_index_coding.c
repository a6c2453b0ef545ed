/* What the index of trigrams is coded in: lists of blocks, and sets of them. */
#include "expect.h"
#include "index/bits.h"
#include "index/list.h"

static uint64_t seed;

static uint64_t chance(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* ---- Lists ---- */

static void test_lists(void **state)
{
	sr_list_writer writer = {.bytes = SR_BUFFER_EMPTY};

	(void)state;
	seed = 77;
	for (int round = 0; round < 300; round++) {
		bool in[4000] = {false}, out[4000] = {false};
		uint64_t next = 0, first, length, at = 0;
		int64_t blocks = 0;
		sr_bytes list;

		sr_list_start(&writer);
		while ((at += chance(chance(4) ? 4 : 200)) < 3900) {
			uint64_t longer = chance(3) ? 1 : 1 + chance(99);

			sr_list_add(&writer, at, longer);
			memset(in + at, true, longer);
			/* The last one may come again. */
			at += chance(2) ? longer - 1 : longer;
		}
		sr_list_end(&writer);
		assert_done(sr_buffer_status(&writer.bytes));
		list = sr_bytes_of(writer.bytes.data, writer.bytes.length);
		while (sr_list_next(&list, &next, &first, &length)) {
			memset(out + first, true, length);
			blocks += (int64_t)length;
		}
		assert_false(list.bad);
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
		sr_bytes list = sr_bytes_of(bad[i], strlen(bad[i]));
		uint64_t next = 0, first, length;

		assert_false(sr_list_next(&list, &next, &first, &length));
		assert_true(list.bad);
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
