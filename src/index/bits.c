#include "bits.h"

#include <stdlib.h>

#include "../base/error.h"

#define WORD 64

sr_status sr_bits_new(sr_bits *bits, size_t size)
{
	bits->size = size;
	bits->words = calloc(size / WORD + 1, sizeof(*bits->words));
	return bits->words ? SR_OK : sr_fail_memory();
}

void sr_bits_free(sr_bits *bits)
{
	free(bits->words);
	*bits = (sr_bits){0};
}

/* The bits of word number w that lie in [first, end). */
static uint64_t mask_of(size_t w, size_t first, size_t end)
{
	size_t low = first > w * WORD ? first - w * WORD : 0;
	size_t high = end < (w + 1) * WORD ? end - w * WORD : WORD;
	uint64_t mask = high == WORD ? ~UINT64_C(0) : (UINT64_C(1) << high) - 1;

	return mask & (~UINT64_C(0) << low);
}

void sr_bits_set(sr_bits *bits, size_t first, size_t length)
{
	size_t end = first + length;

	for (size_t w = first / WORD; w * WORD < end; w++)
		bits->words[w] |= mask_of(w, first, end);
}

void sr_bits_clear(sr_bits *bits, size_t first, size_t length)
{
	size_t end = first + length;

	for (size_t w = first / WORD; w * WORD < end; w++)
		bits->words[w] &= ~mask_of(w, first, end);
}

bool sr_bits_has(const sr_bits *bits, size_t bit)
{
	return bits->words[bit / WORD] >> (bit % WORD) & 1;
}

/* As in Warren, Hacker's Delight (2002), 5-1: a call of the compiler's library takes longer where
 * the processor is not known to have an instruction for it. */
static size_t count_ones(uint64_t word)
{
	word -= word >> 1 & UINT64_C(0x5555555555555555);
	word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
	word = (word + (word >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
	return (size_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

size_t sr_bits_keep(sr_bits *a, const sr_bits *b, size_t first, size_t length)
{
	size_t end = first + length, count = 0;

	for (size_t w = first / WORD; w * WORD < end; w++) {
		const uint64_t mask = mask_of(w, first, end);

		a->words[w] &= b->words[w] | ~mask;
		count += count_ones(a->words[w] & mask);
	}
	return count;
}

void sr_bits_join(sr_bits *a, const sr_bits *b, size_t first, size_t length)
{
	size_t end = first + length;

	for (size_t w = first / WORD; w * WORD < end; w++)
		a->words[w] |= b->words[w] & mask_of(w, first, end);
}

size_t sr_bits_count(const sr_bits *bits, size_t first, size_t length)
{
	size_t end = first + length, count = 0;

	for (size_t w = first / WORD; w * WORD < end; w++)
		count += count_ones(bits->words[w] & mask_of(w, first, end));
	return count;
}

size_t sr_bits_next(const sr_bits *bits, size_t from, size_t end)
{
	for (size_t w = from / WORD; w * WORD < end; w++) {
		uint64_t word = bits->words[w] & mask_of(w, from, end);

		if (word != 0)
			return w * WORD + (size_t)__builtin_ctzll(word);
	}
	return end;
}
