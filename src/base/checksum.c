#include "checksum.h"

#include <pthread.h>
#include <stdbool.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "crypto.h"
#include "error.h"
#include "text.h"

#define POLYNOMIAL 0x04C11DB7u
#define SLICES     16

/* table[k][b]: what byte b leaves after k more bytes of zeros. So sixteen bytes are sixteen
 * look-ups that do not wait for each other. */
static uint32_t table[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- Sixty-four bytes at a time ---- */

#ifdef __x86_64__

#define FOLDED    64 /* Bytes: four numbers of 128 bits, which do not wait for each other. */
#define CARRYLESS __attribute__((target("pclmul,ssse3")))

static bool carryless; /* The processor multiplies without carries. */

/* What a number of 128 bits is multiplied by, each half of it, to stand so many bits higher. */
static uint32_t higher_by_512[2], higher_by_128[2];

/* x to the n, modulo the polynomial. */
static uint32_t power(unsigned n)
{
	uint32_t rest = 1;

	while (n-- > 0)
		rest = rest << 1 ^ (rest & 0x80000000u ? POLYNOMIAL : 0);
	return rest;
}

static void make_powers(void)
{
	unsigned a, b, c, d;

	for (unsigned half = 0; half < 2; half++) {
		higher_by_512[half] = power(512 + 64 * half);
		higher_by_128[half] = power(128 + 64 * half);
	}
	/* Not __builtin_cpu_supports, for which every process asks the processor some ten times at
	 * its start: in a virtual machine each takes microseconds. */
	carryless = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_PCLMUL) && (c & bit_SSSE3);
}

/* Turns the first byte in memory into the highest one, or back. */
static CARRYLESS __m128i turn(__m128i bytes)
{
	return _mm_shuffle_epi8(bytes,
				_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

static CARRYLESS __m128i number_at(const unsigned char *at)
{
	return turn(_mm_loadu_si128((const __m128i *)(const void *)at));
}

/* A number with the same rest as the given one so many bits higher. */
static CARRYLESS __m128i raise(__m128i number, __m128i powers)
{
	return _mm_xor_si128(_mm_clmulepi64_si128(number, powers, 0x11),
			     _mm_clmulepi64_si128(number, powers, 0x00));
}

static CARRYLESS __m128i powers_of(const uint32_t powers[2])
{
	return _mm_set_epi64x(powers[1], powers[0]);
}

/* Brings length bytes, a multiple of FOLDED and not 0, down to sixteen that leave the same. */
static CARRYLESS void fold(uint32_t crc, const unsigned char *at, size_t length,
			   unsigned char left[SLICES])
{
	const __m128i by_512 = powers_of(higher_by_512), by_128 = powers_of(higher_by_128);
	__m128i sums[4];

	for (int i = 0; i < 4; i++)
		sums[i] = number_at(at + 16 * i);
	sums[0] = _mm_xor_si128(sums[0], _mm_set_epi32((int)crc, 0, 0, 0));
	for (size_t done = FOLDED; done < length; done += FOLDED)
		for (int i = 0; i < 4; i++)
			sums[i] = _mm_xor_si128(raise(sums[i], by_512),
						number_at(at + done + 16 * (size_t)i));
	for (int i = 1; i < 4; i++)
		sums[i] = _mm_xor_si128(raise(sums[i - 1], by_128), sums[i]);
	_mm_storeu_si128((__m128i *)(void *)left, turn(sums[3]));
}

#endif

/* ---- Sixteen bytes at a time, anywhere ---- */

static void make_table(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b << 24;

		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc & 0x80000000u ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (int k = 1; k < SLICES; k++)
		for (int b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] << 8 ^ table[0][table[k - 1][b] >> 24];
#ifdef __x86_64__
	make_powers();
#endif
}

static uint32_t word_at(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* What four bytes leave, the last of them followed by `after` bytes. */
static uint32_t slice(uint32_t word, int after)
{
	return table[after + 3][word >> 24] ^ table[after + 2][word >> 16 & 0xFF] ^
	       table[after + 1][word >> 8 & 0xFF] ^ table[after][word & 0xFF];
}

static uint32_t add(uint32_t crc, const unsigned char *at, size_t length)
{
	for (; length >= SLICES; length -= SLICES, at += SLICES)
		crc = slice(crc ^ word_at(at), 12) ^ slice(word_at(at + 4), 8) ^
		      slice(word_at(at + 8), 4) ^ slice(word_at(at + 12), 0);
	for (; length > 0; length--)
		crc = crc << 8 ^ table[0][crc >> 24 ^ *at++];
	return crc;
}

uint32_t sr_cksum_add(uint32_t crc, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	pthread_once(&once, make_table);
#ifdef __x86_64__
	if (carryless && length >= FOLDED) {
		size_t folded = length - length % FOLDED;
		unsigned char left[SLICES];

		fold(crc, at, folded, left);
		crc = add(0, left, sizeof(left));
		at += folded;
		length -= folded;
	}
#endif
	return add(crc, at, length);
}

uint32_t sr_cksum_end(uint32_t crc, uint64_t total_length)
{
	pthread_once(&once, make_table);
	for (; total_length > 0; total_length >>= 8)
		crc = crc << 8 ^ table[0][crc >> 24 ^ (total_length & 0xFF)];
	return ~crc;
}

sr_status sr_sha256_hex(const void *bytes, size_t length, char hex[65])
{
	const sr_crypto *crypto;
	unsigned char hash[32];
	sr_status rc;

	hex[0] = '\0';
	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return rc;
	if (crypto->EVP_Digest(bytes, length, hash, NULL, crypto->EVP_sha256(), NULL) != 1)
		return sr_fail(SR_NO_MEMORY, "SHA-256 is not available from libcrypto");
	sr_hex(hash, sizeof(hash), hex);
	return SR_OK;
}
