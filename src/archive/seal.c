/*
 * Encrypting with a passphrase: scrypt makes the key, ChaCha20-Poly1305 seals chunk by chunk.
 *
 * Chunk n is sealed under the nonce (n, last or not) and with the header as associated data: so
 * none can be changed, moved, left out, repeated or added, and the end cannot be cut off.
 */
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#include "../base/crypto.h"
#include "../base/error.h"
#include "../base/secret.h"
#include "../base/text.h"

#define BLOCK 8 /* scrypt's r, */
#define LANES 1 /* and p. */

struct sr_seal_key {
	const sr_crypto *crypto;
	unsigned char bytes[SR_SEAL_KEY];
	unsigned char header[SR_SEAL_PREFACE]; /* Associated with every part. */
	EVP_CIPHER_CTX *cipher;
};

/* ---- The key ---- */

void sr_seal_key_free(sr_seal_key *key)
{
	if (key == NULL)
		return;
	key->crypto->EVP_CIPHER_CTX_free(key->cipher);
	explicit_bzero(key->bytes, sizeof(key->bytes));
	free(key);
}

static sr_status derive(sr_seal_key *key, const void *secret, size_t length)
{
	uint64_t n = UINT64_C(1) << key->header[SR_SEAL_AT_COST];
	uint64_t memory = 128 * BLOCK * n + (1 << 20);
	int made =
		key->crypto->EVP_PBE_scrypt(secret, length, key->header + SR_SEAL_AT_SALT, 16, n,
					    BLOCK, LANES, memory, key->bytes, sizeof(key->bytes));

	sr_stack_scrub();
	if (made != 1)
		return sr_fail(SR_NO_MEMORY,
			       "the key could not be made of the passphrase: scrypt takes %llu MiB",
			       (unsigned long long)(memory >> 20));
	return SR_OK;
}

sr_status sr_seal_key_new(sr_seal_key **out, const unsigned char *header, const char *path,
			  const void *secret, size_t length)
{
	const sr_crypto *crypto;
	sr_seal_key *key;
	sr_status rc;

	*out = NULL;
	/* No more than a few times what is written here: it is read before it can be checked. */
	if (header[SR_SEAL_AT_COST] < 1 || header[SR_SEAL_AT_COST] > SR_SEAL_COST_MOST ||
	    header[SR_SEAL_AT_BLOCK] != BLOCK || header[SR_SEAL_AT_LANES] != LANES)
		return sr_fail(SR_CORRUPT,
			       "%s is damaged: its header asks for a key that nobody makes",
			       sr_quoted(sr_text_of(path)));
	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return rc;
	if ((key = calloc(1, sizeof(*key))) == NULL)
		return sr_fail_memory();
	key->crypto = crypto;
	if ((key->cipher = crypto->EVP_CIPHER_CTX_new()) == NULL) {
		sr_seal_key_free(key);
		return sr_fail_memory();
	}
	memcpy(key->header, header, sizeof(key->header));
	if ((rc = derive(key, secret, length)) != SR_OK) {
		sr_seal_key_free(key);
		return rc;
	}
	*out = key;
	return SR_OK;
}

/* ---- One part ---- */

static void nonce_of(uint64_t count, sr_seal_part part, unsigned char nonce[12])
{
	memset(nonce, 0, 12);
	for (int i = 10; i >= 3; i--, count >>= 8)
		nonce[i] = (unsigned char)count;
	nonce[11] = (unsigned char)part;
}

static bool cipher_begin(sr_seal_key *key, uint64_t count, sr_seal_part part, int encrypt)
{
	unsigned char nonce[12];
	int n;

	nonce_of(count, part, nonce);
	return key->crypto->EVP_CipherInit_ex(key->cipher, key->crypto->EVP_chacha20_poly1305(),
					      NULL, key->bytes, nonce, encrypt) == 1 &&
	       key->crypto->EVP_CipherUpdate(key->cipher, NULL, &n, key->header, SR_SEAL_PREFACE) ==
		       1;
}

static bool cipher_run(sr_seal_key *key, const void *bytes, size_t length, unsigned char *out)
{
	int n;

	return length == 0 ||
	       key->crypto->EVP_CipherUpdate(key->cipher, out, &n, bytes, (int)length) == 1;
}

sr_status sr_seal_close(sr_seal_key *key, uint64_t count, sr_seal_part part, const void *bytes,
			size_t length, unsigned char *out, unsigned char *tag)
{
	unsigned char rest[16];
	bool done;
	int n;

	done = cipher_begin(key, count, part, 1) && cipher_run(key, bytes, length, out) &&
	       key->crypto->EVP_CipherFinal_ex(key->cipher, rest, &n) == 1 &&
	       key->crypto->EVP_CIPHER_CTX_ctrl(key->cipher, EVP_CTRL_AEAD_GET_TAG, SR_SEAL_TAG,
						tag) == 1;
	sr_stack_scrub();
	if (done)
		return SR_OK;
	return sr_fail(SR_IO, "libcrypto does not encrypt with ChaCha20-Poly1305");
}

sr_status sr_seal_open(sr_seal_key *key, uint64_t count, sr_seal_part part, const void *bytes,
		       size_t length, unsigned char *out, const unsigned char *tag, bool *good)
{
	unsigned char rest[16], expected[SR_SEAL_TAG];
	bool done;
	int n;

	memcpy(expected, tag, sizeof(expected));
	done = cipher_begin(key, count, part, 0) && cipher_run(key, bytes, length, out) &&
	       key->crypto->EVP_CIPHER_CTX_ctrl(key->cipher, EVP_CTRL_AEAD_SET_TAG, SR_SEAL_TAG,
						expected) == 1;
	*good = done && key->crypto->EVP_CipherFinal_ex(key->cipher, rest, &n) == 1;
	sr_stack_scrub();
	if (!done)
		return sr_fail(SR_IO, "libcrypto does not decrypt with ChaCha20-Poly1305");
	return SR_OK;
}

/* ---- The stage ---- */

typedef struct seal {
	sr_sink sink;
	sr_seal_key *key;
	uint64_t count; /* Chunks closed. */
	size_t length;  /* Bytes of the next one. */
	bool begun;     /* The header is out. */
	unsigned char header[SR_SEAL_HEADER];
	unsigned char chunk[SR_SEAL_CHUNK];
	unsigned char closed[SR_SEAL_CHUNK + SR_SEAL_TAG];
} seal;

static sr_status seal_out(seal *s, sr_seal_part part)
{
	sr_status rc;

	if (!s->begun && (rc = sr_sink_add(s->sink.next, s->header, sizeof(s->header))) != SR_OK)
		return rc;
	s->begun = true;
	if ((rc = sr_seal_close(s->key, s->count, part, s->chunk, s->length, s->closed,
				s->closed + s->length)) != SR_OK)
		return rc;
	rc = sr_sink_add(s->sink.next, s->closed, s->length + SR_SEAL_TAG);
	s->count++;
	s->length = 0;
	return rc;
}

/* A full chunk waits until it is known whether it is the last. */
static sr_status seal_add(sr_sink *sink, const void *bytes, size_t length)
{
	seal *s = (seal *)sink;
	const char *at = bytes;
	sr_status rc;

	while (length > 0) {
		size_t take = SR_SEAL_CHUNK - s->length;

		if (take == 0) {
			if ((rc = seal_out(s, SR_SEAL_MORE)) != SR_OK)
				return rc;
			continue;
		}
		take = take < length ? take : length;
		memcpy(s->chunk + s->length, at, take);
		s->length += take;
		at += take;
		length -= take;
	}
	return SR_OK;
}

static sr_status seal_end(sr_sink *sink)
{
	return seal_out((seal *)sink, SR_SEAL_LAST);
}

static void seal_free(sr_sink *sink)
{
	seal *s = (seal *)sink;

	sr_seal_key_free(s->key);
	explicit_bzero(s->chunk, sizeof(s->chunk));
	free(s);
}

static void put(unsigned char *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++, value >>= 8)
		at[i] = (unsigned char)value;
}

static sr_status header_make(seal *s, const char *path, bool compressed, int64_t size, int cost,
			     const void *secret, size_t length)
{
	unsigned char *h = s->header;
	const sr_crypto *crypto;
	sr_status rc;

	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return rc;
	memcpy(h, SR_SEAL_MAGIC, 8);
	h[SR_SEAL_AT_VERSION] = 1;
	h[SR_SEAL_AT_CONTENT] = compressed;
	h[SR_SEAL_AT_COST] = (unsigned char)cost;
	h[SR_SEAL_AT_BLOCK] = BLOCK;
	h[SR_SEAL_AT_LANES] = LANES;
	put(h + SR_SEAL_AT_CHUNK, SR_SEAL_CHUNK, 4);
	put(h + SR_SEAL_AT_SIZE, (uint64_t)size, 8);
	if (crypto->RAND_bytes(h + SR_SEAL_AT_SALT, 16) != 1)
		return sr_fail(SR_IO, "the system gives no random bytes");
	if ((rc = sr_seal_key_new(&s->key, h, path, secret, length)) != SR_OK)
		return rc;
	return sr_seal_close(s->key, 0, SR_SEAL_HEAD, NULL, 0, NULL, h + SR_SEAL_PREFACE);
}

sr_status sr_seal_new(sr_sink **sink, const char *path, bool compressed, int64_t size, int cost,
		      const void *secret, size_t length, sr_sink *next)
{
	seal *s = calloc(1, sizeof(*s));
	sr_status rc;

	*sink = NULL;
	if (s == NULL)
		return sr_fail_memory();
	s->sink = (sr_sink){seal_add, seal_end, seal_free, next, path};
	if ((rc = header_make(s, path, compressed, size, cost, secret, length)) != SR_OK) {
		seal_free(&s->sink);
		return rc;
	}
	*sink = &s->sink;
	return SR_OK;
}
