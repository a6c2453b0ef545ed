/* The way back of seal.c: nothing is handed on that its tag does not vouch for. */
#include "sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/text.h"

typedef struct unseal {
	sr_sink sink;
	const void *secret; /* The caller's; until the header has come. */
	size_t secret_length;
	sr_seal_key *key; /* Then this. */
	uint64_t count;   /* Chunks opened. */
	size_t length;    /* Bytes waiting: of the header, then of the next chunk. */
	unsigned char waiting[SR_SEAL_CHUNK + SR_SEAL_TAG];
	unsigned char opened[SR_SEAL_CHUNK];
} unseal;

static uint64_t get(const unsigned char *at, int bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

static sr_status damaged(const unseal *u, const char *how)
{
	return sr_fail(SR_CORRUPT, "%s is damaged: %s", sr_quoted(sr_text_of(u->sink.path)), how);
}

/* A key that does not fit the header's tag is another's, or the header was changed. */
static sr_status header_open(unseal *u)
{
	const unsigned char *h = u->waiting;
	bool good = false;
	sr_status rc;

	if (memcmp(h, SR_SEAL_MAGIC, 8) != 0)
		return damaged(u, "it does not begin as an encrypted backup does");
	if (h[SR_SEAL_AT_VERSION] != 1)
		return sr_fail(
			SR_TOO_NEW,
			"%s is encrypted in format %d, and this program knows 1: use a newer "
			"one",
			sr_quoted(sr_text_of(u->sink.path)), h[SR_SEAL_AT_VERSION]);
	if (get(h + SR_SEAL_AT_CHUNK, 4) != SR_SEAL_CHUNK)
		return damaged(u, "its header asks for chunks of another size");
	if ((rc = sr_seal_key_new(&u->key, h, u->sink.path, u->secret, u->secret_length)) != SR_OK)
		return rc;
	if ((rc = sr_seal_open(u->key, 0, SR_SEAL_HEAD, NULL, 0, NULL, h + SR_SEAL_PREFACE,
			       &good)) != SR_OK)
		return rc;
	if (!good)
		return sr_fail(
			SR_WRONG_KEY,
			"%s: the passphrase or key file is not the one it was encrypted with, "
			"or its header is damaged",
			sr_quoted(sr_text_of(u->sink.path)));
	u->length = 0;
	return SR_OK;
}

static sr_status chunk_open(unseal *u, sr_seal_part part)
{
	size_t length = u->length - SR_SEAL_TAG;
	bool good = false;
	char how[64];
	sr_status rc;

	if ((rc = sr_seal_open(u->key, u->count, part, u->waiting, length, u->opened,
			       u->waiting + length, &good)) != SR_OK)
		return rc;
	if (!good) {
		snprintf(how, sizeof(how), "chunk %llu is not as it was written",
			 (unsigned long long)u->count + 1);
		return damaged(u, how);
	}
	u->count++;
	u->length = 0;
	return sr_sink_add(u->sink.next, u->opened, length);
}

/* A whole chunk waits until it is known whether it is the last. */
static sr_status unseal_add(sr_sink *sink, const void *bytes, size_t length)
{
	unseal *u = (unseal *)sink;
	const char *at = bytes;
	sr_status rc;

	while (length > 0) {
		size_t full = u->key ? sizeof(u->waiting) : SR_SEAL_HEADER;
		size_t take = full - u->length;

		if (take == 0) {
			rc = chunk_open(u, SR_SEAL_MORE);
			if (rc != SR_OK)
				return rc;
			continue;
		}
		take = take < length ? take : length;
		memcpy(u->waiting + u->length, at, take);
		u->length += take;
		at += take;
		length -= take;
		if (u->key == NULL && u->length == SR_SEAL_HEADER && (rc = header_open(u)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

static sr_status unseal_end(sr_sink *sink)
{
	unseal *u = (unseal *)sink;

	if (u->key == NULL || u->length < SR_SEAL_TAG)
		return damaged(u, "its end is missing");
	return chunk_open(u, SR_SEAL_LAST);
}

static void unseal_free(sr_sink *sink)
{
	unseal *u = (unseal *)sink;

	sr_seal_key_free(u->key);
	explicit_bzero(u->opened, sizeof(u->opened));
	free(u);
}

sr_status sr_unseal_new(sr_sink **sink, const char *path, const void *secret, size_t length,
			sr_sink *next)
{
	unseal *u = calloc(1, sizeof(*u));

	*sink = NULL;
	if (u == NULL)
		return sr_fail_memory();
	u->sink = (sr_sink){unseal_add, unseal_end, unseal_free, next, path};
	u->secret = secret;
	u->secret_length = length;
	*sink = &u->sink;
	return SR_OK;
}
