/*
 * A chain of stages that bytes are pushed through: each makes something of what it is given and
 * hands that on to the next. A chain is ended and freed from its head.
 */
#ifndef SR_SINK_H
#define SR_SINK_H

#include "strongroom.h"

typedef struct sr_sink sr_sink;

struct sr_sink {
	sr_status (*add)(sr_sink *sink, const void *bytes, size_t length);
	sr_status (*end)(sr_sink *sink); /* Nothing more comes: what is left goes on. */
	void (*free)(sr_sink *sink);
	sr_sink *next;    /* NULL at the end of the chain. */
	const char *path; /* The archive, for messages. */
};

static inline sr_status sr_sink_add(sr_sink *sink, const void *bytes, size_t length)
{
	return sink->add(sink, bytes, length);
}

/* Ends the stage and those behind it. */
static inline sr_status sr_sink_end(sr_sink *sink)
{
	sr_status rc = SR_OK;

	for (; sink && rc == SR_OK; sink = sink->next)
		rc = sink->end(sink);
	return rc;
}

/* Frees the stage and those behind it; NULL is fine. */
static inline void sr_sink_free(sr_sink *sink)
{
	while (sink) {
		sr_sink *next = sink->next;

		sink->free(sink);
		sink = next;
	}
}

/* ---- zstd (squeeze.c): one frame, with its size and a checksum ---- */

sr_status sr_squeeze_new(sr_sink **sink, const char *path, int64_t size, sr_sink *next);
sr_status sr_unsqueeze_new(sr_sink **sink, const char *path, sr_sink *next);

/* ---- Sealing (seal.c, unseal.c) ---- */

#define SR_SEAL_MAGIC     "SRSEALED"
#define SR_SEAL_HEADER    64 /* Bytes, its tag included, */
#define SR_SEAL_PREFACE   48 /* and without. */
#define SR_SEAL_TAG       16
#define SR_SEAL_CHUNK     (64 << 10)
#define SR_SEAL_KEY       32
#define SR_SEAL_COST_MOST 20

typedef struct sr_seal_key sr_seal_key;

/* Where the parts of a header stand. */
enum {
	SR_SEAL_AT_VERSION = 8,
	SR_SEAL_AT_CONTENT = 9, /* 0: as it is; 1: zstd. */
	SR_SEAL_AT_COST = 10,   /* scrypt's N is 2 to this; */
	SR_SEAL_AT_BLOCK = 11,  /* its r, */
	SR_SEAL_AT_LANES = 12,  /* its p. */
	SR_SEAL_AT_CHUNK = 16,  /* Little endian, 4 bytes. */
	SR_SEAL_AT_SIZE = 24,   /* Likewise 8: bytes of what was packed. */
	SR_SEAL_AT_SALT = 32,   /* 16 bytes. */
};

/* What the last byte of a nonce says; the eleven before it count, big endian. */
typedef enum sr_seal_part {
	SR_SEAL_MORE = 0, /* A chunk, another follows. */
	SR_SEAL_LAST = 1, /* The last chunk. */
	SR_SEAL_HEAD = 2, /* The header's own tag. */
} sr_seal_part;

/* Derives the key that belongs to the header. SR_CORRUPT for parameters that nobody writes. */
sr_status sr_seal_key_new(sr_seal_key **key, const unsigned char *header, const char *path,
			  const void *secret, size_t length);
void sr_seal_key_free(sr_seal_key *key);

/* Encrypts or decrypts one part; out has room for length bytes, tag for SR_SEAL_TAG. Opening
 * fails with *good false where the tag does not fit. */
sr_status sr_seal_close(sr_seal_key *key, uint64_t count, sr_seal_part part, const void *bytes,
			size_t length, unsigned char *out, unsigned char *tag);
sr_status sr_seal_open(sr_seal_key *key, uint64_t count, sr_seal_part part, const void *bytes,
		       size_t length, unsigned char *out, const unsigned char *tag, bool *good);

sr_status sr_seal_new(sr_sink **sink, const char *path, bool compressed, int64_t size, int cost,
		      const void *secret, size_t length, sr_sink *next);
sr_status sr_unseal_new(sr_sink **sink, const char *path, const void *secret, size_t length,
			sr_sink *next);

#endif
