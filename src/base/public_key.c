/* Public keys as people keep them, in PEM or DER and of any kind that OpenSSL knows. */
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "error.h"

/* Bytes of the key in libcrypto's memory, 0 where there is none. */
static int decode(const sr_crypto *crypto, sr_text bytes, unsigned char **der)
{
	const unsigned char *at = (const unsigned char *)bytes.data;
	size_t left = bytes.length;
	OSSL_DECODER_CTX *decoder;
	EVP_PKEY *key = NULL;
	int length = 0;

	*der = NULL;
	decoder = crypto->OSSL_DECODER_CTX_new_for_pkey(&key, NULL, NULL, NULL, EVP_PKEY_PUBLIC_KEY,
							NULL, NULL);
	if (decoder != NULL && crypto->OSSL_DECODER_from_data(decoder, &at, &left) == 1)
		length = crypto->i2d_PUBKEY(key, der);
	crypto->EVP_PKEY_free(key);
	crypto->OSSL_DECODER_CTX_free(decoder);
	crypto->ERR_clear_error();
	return length > 0 ? length : 0;
}

sr_status sr_public_key_read(sr_text bytes, char **key, size_t *length)
{
	const sr_crypto *crypto;
	unsigned char *der;
	sr_status rc;

	*key = NULL;
	*length = 0;
	if (bytes.data == NULL || bytes.length == 0)
		return sr_return(sr_fail(SR_INVALID, "there is no public key: it has 0 bytes"));
	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return sr_return(rc);
	if ((*length = (size_t)decode(crypto, bytes, &der)) == 0)
		rc = sr_fail(SR_INVALID,
			     "these %zu bytes hold no public key in PEM or DER that "
			     "OpenSSL accepts",
			     bytes.length);
	else if (*length > SR_KEY_MAX)
		rc = sr_fail(SR_INVALID, "the public key takes %zu bytes, %d are the most", *length,
			     SR_KEY_MAX);
	else if ((*key = malloc(*length)) == NULL)
		rc = sr_fail_memory();
	else
		memcpy(*key, der, *length);
	crypto->CRYPTO_free(der, OPENSSL_FILE, OPENSSL_LINE);
	if (rc != SR_OK)
		*length = 0;
	return sr_return(rc);
}
