/* A set of blocks: one bit each. */
#ifndef SR_INDEX_BITS_H
#define SR_INDEX_BITS_H

#include "../base/buffer.h"

typedef struct sr_bits {
	uint64_t *words;
	size_t size; /* Bits; those of the last word behind it are 0. */
} sr_bits;

/* Empty. */
sr_status sr_bits_new(sr_bits *bits, size_t size);
void sr_bits_free(sr_bits *bits); /* Harmless on a zeroed one. */

/* Those of [first, first + length), which lie inside. */
void sr_bits_set(sr_bits *bits, size_t first, size_t length);
void sr_bits_clear(sr_bits *bits, size_t first, size_t length);
bool sr_bits_has(const sr_bits *bits, size_t bit);

/* Leaves of a's bits in [first, first + length) only those that b has, too, and counts them. Both
 * have the same size. */
size_t sr_bits_keep(sr_bits *a, const sr_bits *b, size_t first, size_t length);

/* Adds b's bits in [first, first + length) to a's. */
void sr_bits_join(sr_bits *a, const sr_bits *b, size_t first, size_t length);

/* How many of [first, first + length) are set. */
size_t sr_bits_count(const sr_bits *bits, size_t first, size_t length);

/* The first set bit of [from, end); end where there is none. */
size_t sr_bits_next(const sr_bits *bits, size_t from, size_t end);

#endif
