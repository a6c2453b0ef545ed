#include <stdbool.h>
#include <stdlib.h>

#include "checksum.h"
#include "crypto.h"
#include "error.h"
#include "text.h"

struct sr_digest {
	const sr_crypto *crypto;
	EVP_MD_CTX *sha256; /* Running. */
	uint32_t crc;       /* Of what was added, without the length. */
	uint64_t length;    /* Bytes added. */
	bool ready;         /* Begun; false where libcrypto could not, and must be asked again. */
};

static sr_status start(sr_digest *digest)
{
	const sr_crypto *crypto = digest->crypto;

	digest->crc = 0;
	digest->length = 0;
	digest->ready = false;
	/* A null digest keeps the one that was fetched before. */
	if (crypto->EVP_DigestInit_ex(
		    digest->sha256,
		    crypto->EVP_MD_CTX_get0_md(digest->sha256) ? NULL : crypto->EVP_sha256(),
		    NULL) != 1)
		return sr_fail(SR_NO_MEMORY, "SHA-256 is not available from libcrypto");
	digest->ready = true;
	return SR_OK;
}

sr_status sr_digest_new(sr_digest **digest)
{
	const sr_crypto *crypto;
	sr_status rc;

	*digest = NULL;
	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return sr_return(rc);
	if ((*digest = calloc(1, sizeof(**digest))) == NULL)
		return sr_return(sr_fail_memory());
	(*digest)->crypto = crypto;
	if (((*digest)->sha256 = crypto->EVP_MD_CTX_new()) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	if ((rc = start(*digest)) != SR_OK)
		goto err0;
	return sr_return(SR_OK);

err0:
	sr_digest_free(*digest);
	*digest = NULL;
	return sr_return(rc);
}

sr_status sr_digest_add(sr_digest *digest, const void *bytes, size_t length)
{
	sr_status rc;

	if (!digest->ready && (rc = start(digest)) != SR_OK)
		return sr_return(rc);
	if (digest->crypto->EVP_DigestUpdate(digest->sha256, bytes, length) != 1)
		return sr_return(sr_fail(SR_NO_MEMORY, "SHA-256 failed in libcrypto"));
	digest->crc = sr_cksum_add(digest->crc, bytes, length);
	digest->length += length;
	return sr_return(SR_OK);
}

sr_status sr_digest_end(sr_digest *digest, uint32_t *crc, char hash[SR_HASH_TEXT_SIZE])
{
	unsigned char bytes[32];
	sr_status rc;

	if (!digest->ready && (rc = start(digest)) != SR_OK)
		return sr_return(rc);
	if (digest->crypto->EVP_DigestFinal_ex(digest->sha256, bytes, NULL) != 1)
		return sr_return(sr_fail(SR_NO_MEMORY, "SHA-256 failed in libcrypto"));
	*crc = sr_cksum_end(digest->crc, digest->length);
	sr_hex(bytes, sizeof(bytes), hash);
	return sr_return(start(digest));
}

void sr_digest_free(sr_digest *digest)
{
	if (digest == NULL)
		return;
	digest->crypto->EVP_MD_CTX_free(digest->sha256);
	free(digest);
}
