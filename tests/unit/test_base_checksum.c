#include "base/checksum.h"
#include "expect.h"

static uint32_t cksum(const void *bytes, size_t length)
{
	return sr_cksum_end(sr_cksum_add(0, bytes, length), length);
}

/* The values that the cksum program prints. */
static void agrees_with_cksum(void **state)
{
	static char million[1000000];

	(void)state;
	assert_int_equal(cksum("", 0), 4294967295u);
	assert_int_equal(cksum("123456789", 9), 930766865u);
	assert_int_equal(cksum("hello\n", 6), 3015617425u);
	memset(million, 'a', sizeof(million));
	assert_int_equal(cksum(million, sizeof(million)), 3401932319u);
}

/* A plain division, bit by bit, as POSIX describes it. */
static uint32_t slow(const unsigned char *bytes, size_t length)
{
	uint32_t crc = 0;
	size_t rest = length;

	for (size_t i = 0; i < length || rest > 0; i++) {
		uint32_t byte = i < length ? bytes[i] : rest & 0xFF;

		if (i >= length)
			rest >>= 8;
		crc ^= byte << 24;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x80000000u ? crc << 1 ^ 0x04C11DB7u : crc << 1;
	}
	return ~crc;
}

static void agrees_with_a_slow_division(void **state)
{
	unsigned char bytes[700];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
	for (size_t length = 0; length < 300; length++)
		for (size_t from = 0; from < 17; from++) {
			uint32_t crc = sr_cksum_add(0, bytes + from, length / 3);

			crc = sr_cksum_add(crc, bytes + from + length / 3, length - length / 3);
			assert_int_equal(sr_cksum_end(crc, length), slow(bytes + from, length));
		}
}

/* FIPS 180-2's examples, in pieces, and the digest used again. */
static void digests_in_one_pass(void **state)
{
	char hash[SR_HASH_TEXT_SIZE], again[65];
	sr_digest *digest;
	uint32_t crc;

	(void)state;
	assert_int_equal(sr_digest_new(&digest), SR_OK);
	assert_int_equal(sr_digest_add(digest, "ab", 2), SR_OK);
	assert_int_equal(sr_digest_add(digest, "", 0), SR_OK);
	assert_int_equal(sr_digest_add(digest, "c", 1), SR_OK);
	assert_int_equal(sr_digest_end(digest, &crc, hash), SR_OK);
	assert_string_equal(hash,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(crc, 1219131554u);
	assert_int_equal(sr_digest_end(digest, &crc, hash), SR_OK);
	assert_string_equal(hash,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(crc, 4294967295u);
	sr_digest_free(digest);
	sr_digest_free(NULL);
	assert_int_equal(sr_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
				       56, again),
			 SR_OK);
	assert_string_equal(again,
			    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_cksum),
		cmocka_unit_test(agrees_with_a_slow_division),
		cmocka_unit_test(digests_in_one_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
