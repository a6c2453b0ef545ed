/* Numbers by chance for tests, the same from the same seed on every machine: xorshift64, Marsaglia,
 * Xorshift RNGs (2003). */
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

static uint64_t seed = UINT64_C(0x9E3779B97F4A7C15); /* Not 0. */

static inline uint64_t chance(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

#endif
