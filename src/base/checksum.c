#include "checksum.h"

#include <pthread.h>
#include <stdbool.h>

#include <openssl/evp.h>

#include "error.h"
#include "text.h"

#define POLYNOMIAL 0x04C11DB7u
#define SLICES     16

/* table[k][b]: what byte b leaves after k more bytes of zeros. So sixteen bytes are sixteen
 * look-ups that do not wait for each other. */
static uint32_t table[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

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

uint32_t sr_cksum_add(uint32_t crc, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	pthread_once(&once, make_table);
	for (; length >= SLICES; length -= SLICES, at += SLICES)
		crc = slice(crc ^ word_at(at), 12) ^ slice(word_at(at + 4), 8) ^
		      slice(word_at(at + 8), 4) ^ slice(word_at(at + 12), 0);
	for (; length > 0; length--)
		crc = crc << 8 ^ table[0][crc >> 24 ^ *at++];
	return crc;
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
	unsigned char hash[32];

	hex[0] = '\0';
	if (EVP_Digest(bytes, length, hash, NULL, EVP_sha256(), NULL) != 1)
		return sr_fail(SR_NO_MEMORY, "SHA-256 is not available from libcrypto");
	sr_hex(hash, sizeof(hash), hex);
	return SR_OK;
}
