#include "key_file.h"

#include <errno.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "memory.h"

enum { LONGEST = 64 * 1024 }; /* Far above any key in PEM. */

/* format is "PEM" or "DER", NULL for either. */
static bool decode(const char *text, size_t size, const char *format, char **bytes, size_t *length)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned char *der = NULL;
	EVP_PKEY *key = NULL;
	OSSL_DECODER_CTX *decoder;
	int n = 0;

	decoder = OSSL_DECODER_CTX_new_for_pkey(&key, format, NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL,
						NULL);
	if (decoder != NULL && OSSL_DECODER_from_data(decoder, &at, &size) == 1)
		n = i2d_PUBKEY(key, &der);
	if (n > 0) {
		*bytes = must_copy(der, (size_t)n);
		*length = (size_t)n;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	OSSL_DECODER_CTX_free(decoder);
	ERR_clear_error();
	return n > 0;
}

bool key_from_pem(sr_text pem, char **bytes, size_t *length)
{
	return decode(pem.data, pem.length, "PEM", bytes, length);
}

int key_file_read(struct cli *cli, const char *path, char **bytes, size_t *length)
{
	char *text = must_alloc(LONGEST + 1);
	FILE *file = fopen(path, "rb");
	struct stat st;
	size_t size = 0;
	int code = DONE;

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		code = cli_fail(cli, SR_IO, "cannot read the public key %s: %s", path,
				strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		code = cli_fail(cli, SR_INVALID, "the public key %s is a directory", path);
	} else {
		size = fread(text, 1, LONGEST + 1, file);
		if (ferror(file))
			code = cli_fail(cli, SR_IO, "cannot read the public key %s: %s", path,
					strerror(errno));
		else if (size > LONGEST || !decode(text, size, NULL, bytes, length))
			code = cli_fail(cli, SR_INVALID,
					"%s holds no public key in PEM or DER that OpenSSL "
					"accepts",
					path);
		else if (*length > SR_KEY_MAX) {
			free(*bytes);
			code = cli_fail(cli, SR_INVALID,
					"the public key %s takes %zu bytes, %d are the most", path,
					*length, SR_KEY_MAX);
		}
	}
	if (file != NULL)
		fclose(file);
	free(text);
	return code;
}
