/* Keys leave nothing behind in memory: all of it is searched for them after the calls. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/sink.h"
#include "base/crypto.h"
#include "expect.h"
#include "memory_scan.h"
#include "scratch.h"

#define COST 4 /* Quick; what is searched for is the same. */

static void a_secret_that_stays_is_found(void **state)
{
	unsigned char secret[32], *kept;
	const sr_crypto *crypto;
	needle n;

	(void)state;
	assert_done(sr_crypto_get(&crypto));
	assert_int_equal(crypto->RAND_bytes(secret, sizeof(secret)), 1);
	kept = malloc(sizeof(secret));
	assert_non_null(kept);
	memcpy(kept, secret, sizeof(secret));
	needle_take(&n, secret, sizeof(secret));
	assert_int_equal(needle_count(&n), 2);
	/* Also where it was given back, which is what forgetting to zero it leaves. */
	free(kept);
	assert_int_not_equal(needle_count(&n), 0);
}

/* The key of the packed file, as its header says that it is made; by a child, since libcrypto
 * leaves traces of its own. */
static void derive(const char *path, const void *passphrase, size_t length, needle *n)
{
	unsigned char header[SR_SEAL_HEADER];
	int fd = open(path, O_RDONLY), ends[2], status;
	pid_t child;

	assert_int_equal(read(fd, header, sizeof(header)), sizeof(header));
	close(fd);
	assert_int_equal(header[SR_SEAL_AT_COST], COST);
	assert_int_equal(pipe(ends), 0);
	if ((child = fork()) == 0) {
		const sr_crypto *crypto;
		unsigned char key[32];

		if (sr_crypto_get(&crypto) != SR_OK ||
		    crypto->EVP_PBE_scrypt(passphrase, length, header + SR_SEAL_AT_SALT, 16,
					   UINT64_C(1) << COST, 8, 1, 64 << 20, key, 32) != 1)
			_exit(1);
		needle_take(n, key, sizeof(key));
		_exit(write(ends[1], n, sizeof(*n)) != (ssize_t)sizeof(*n));
	}
	assert_int_equal(read(ends[0], n, sizeof(*n)), sizeof(*n));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

static void write_file(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (int i = 0; i < 100000; i++)
		assert_true(fprintf(file, "%d\n", i) > 0);
	assert_int_equal(fclose(file), 0);
}

static void cut_off(const char *path)
{
	assert_int_equal(truncate(path, 5000), 0);
}

/* Everything that is done with a passphrase, what fails among it. */
static void use(const char *plain, const char *sealed, sr_archive_options *options)
{
	sr_archive_content content;

	assert_done(sr_archive_pack(plain, sealed, options, &content));
	assert_done(sr_archive_unpack(sealed, NULL, options, &content));
	/* Onto what is there. */
	assert_fails(sr_archive_pack(plain, sealed, options, &content), SR_EXISTS, sealed);
	options->key_length--;
	assert_fails(sr_archive_unpack(sealed, NULL, options, &content), SR_WRONG_KEY, sealed);
	options->key_length++;
	cut_off(sealed);
	assert_fails(sr_archive_unpack(sealed, NULL, options, &content), SR_CORRUPT, sealed);
}

static void a_backup_leaves_no_passphrase_and_no_key(void **state)
{
	const char *plain = scratch_path("plain"), *sealed = scratch_path("sealed");
	unsigned char passphrase[32];
	sr_archive_options options = {.key = passphrase, .key_length = 32, .cost = COST};
	const sr_crypto *crypto;
	needle typed, derived, other;

	(void)state;
	assert_done(sr_crypto_get(&crypto));
	assert_int_equal(crypto->RAND_bytes(passphrase, sizeof(passphrase)), 1);
	write_file(plain);
	for (int compress = 0; compress <= 1; compress++) {
		options.compress = compress;
		use(plain, sealed, &options);
		derive(sealed, passphrase, sizeof(passphrase), &derived);
		derive(sealed, passphrase, sizeof(passphrase) - 1, &other);
		assert_int_equal(needle_count(&derived), 0);
		assert_int_equal(needle_count(&other), 0);
		assert_int_equal(unlink(sealed), 0);
	}
	needle_take(&typed, passphrase, sizeof(passphrase));
	assert_int_equal(needle_count(&typed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_that_stays_is_found),
		cmocka_unit_test_setup_teardown(a_backup_leaves_no_passphrase_and_no_key,
						scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
