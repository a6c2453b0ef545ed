/* Libraries that are loaded when they are needed, and what comes of one that cannot be. */
#include <math.h>
#include <pthread.h>

#include "base/crypto.h"
#include "base/library.h"
#include "expect.h"

#define CALLS(CALL) CALL(cos) CALL(sqrt)

static const char *const names[] = {CALLS(SR_LIBRARY_NAME)};

typedef struct pointers {
	CALLS(SR_LIBRARY_POINTER)
} pointers;

static void *load(void *library)
{
	return sr_library_load(library) == SR_OK ? library : NULL;
}

static void is_loaded_once(void **state)
{
	pointers calls = {0};
	sr_library library = {.file = "libm.so.6", .names = names, .pointers = &calls, .count = 2};
	pthread_t threads[8];
	void *loaded;

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load, &library), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &loaded);
		assert_ptr_equal(loaded, &library);
	}
	assert_true(calls.sqrt(9) == 3);
	assert_true(calls.cos(0) == 1);
	/* It is not looked for again. */
	library.file = "nowhere.so.1";
	assert_done(sr_library_load(&library));
}

static void is_named_where_it_lacks(void **state)
{
	static const char *const wrong[] = {"cos", "no_such_call"};
	pointers calls = {0};
	sr_library library = {
		.file = "nowhere.so.1", .names = names, .pointers = &calls, .count = 2};

	(void)state;
	assert_int_equal(sr_library_load(&library), SR_IO);
	assert_says("needs the library nowhere.so.1, which cannot be loaded");
	library.file = "libm.so.6";
	library.names = wrong;
	assert_int_equal(sr_library_load(&library), SR_IO);
	assert_says("no_such_call");
	library.names = names;
	assert_done(sr_library_load(&library));
	assert_true(calls.sqrt(16) == 4);
}

/* The pointers stand in the order of their names: a hash that is known. */
static void crypto_is_there(void **state)
{
	static const unsigned char begin[] = {0xba, 0x78, 0x16, 0xbf};
	const sr_crypto *crypto;
	unsigned char hash[32];

	(void)state;
	assert_done(sr_crypto_get(&crypto));
	assert_int_equal(crypto->EVP_Digest("abc", 3, hash, NULL, crypto->EVP_sha256(), NULL), 1);
	assert_memory_equal(hash, begin, sizeof(begin));
}

static void keys_are_read_in_both_forms(void **state)
{
	static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
				  "-----END PUBLIC KEY-----\n";
	static const char kind[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
	size_t length, again_length;
	char *key, *again;

	(void)state;
	assert_ok(sr_public_key_read(sr_text_of(pem), &key, &length));
	assert_int_equal(length, 44);
	assert_memory_equal(key, kind, sizeof(kind));
	assert_ok(sr_public_key_read((sr_text){key, length}, &again, &again_length));
	assert_int_equal(again_length, length);
	assert_memory_equal(again, key, length);
	sr_free(again);
	assert_int_equal(sr_public_key_read((sr_text){key, length - 1}, &again, &again_length),
			 SR_INVALID);
	assert_says("these 43 bytes hold no public key");
	assert_null(again);
	assert_int_equal(again_length, 0);
	sr_free(key);
	assert_int_equal(sr_public_key_read((sr_text){"", 0}, &key, &length), SR_INVALID);
	assert_says("no public key");
	assert_int_equal(sr_public_key_read((sr_text){NULL, 0}, &key, &length), SR_INVALID);
	assert_null(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_loaded_once),
		cmocka_unit_test(is_named_where_it_lacks),
		cmocka_unit_test(crypto_is_there),
		cmocka_unit_test(keys_are_read_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
