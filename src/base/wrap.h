/*
 * Keys encrypted under a master key, "wrapped", so that they can be kept where the master key is
 * not.
 *
 * A wrapped key says itself what it is:
 *
 *	8 bytes   "\x93SRKEY\n\x01"
 *	8         the id of the master key
 *	12        the nonce, random
 *	n         the key, encrypted with AES-256-GCM
 *	16        the tag
 *
 * The key that encrypts is derived from the master key with HKDF-SHA256 for this purpose alone, and
 * the master key's id for another: who has the id learns nothing of the key, and a master key that
 * was mistyped has another id. What owns the wrapped key is part of what the tag authenticates, so
 * that it opens for nobody else. No wrapped key is as long as an AES key.
 *
 * Damage may leave it such that it does not say so any more. It is not taken for a plain key, of
 * whatever bytes those may be, where
 *
 *	5 of its first 8 bytes are still those of the above, or
 *	it has 44 bytes or more, and in the place of an id that of a master key of the catalog.
 *
 * Of random plain keys one in 2^34 looks like the first, and one in 2^64 like the second.
 */
#ifndef SR_WRAP_H
#define SR_WRAP_H

#include "strongroom.h"

#define SR_MASTER_SIZE 32 /* Bytes of a master key. */
#define SR_WRAP_MORE   44 /* A wrapped key has that many bytes more than the key. */

typedef struct sr_master {
	char id[SR_MASTER_ID_SIZE];   /* 16 hex digits, derived. */
	char made[SR_TIME_TEXT_SIZE]; /* When, as its key ring has it. */
	unsigned char secret[SR_MASTER_SIZE];
	unsigned char wrapping[32]; /* What encrypts, derived. */
} sr_master;

/* A new secret, and what follows from it; or what follows from one that is there. */
sr_status sr_master_new(sr_master *master);
sr_status sr_master_derive(sr_master *master);

/* HKDF-SHA256 (RFC 5869) without a salt, of 32 bytes. */
sr_status sr_hkdf(const unsigned char *secret, size_t length, const char *purpose,
		  unsigned char out[32]);

/* Whether it is one, by its first bytes and its length. */
bool sr_is_wrapped(sr_text bytes);

/* Whether it is none, and its first bytes are such that it was one. */
bool sr_was_wrapped(sr_text bytes);

/* Of what has SR_WRAP_MORE bytes or more. */
void sr_wrapped_id(sr_text wrapped, char id[SR_MASTER_ID_SIZE]);

/* out has room for key.length + SR_WRAP_MORE. */
sr_status sr_wrap(const sr_master *master, sr_text owner, sr_text key, unsigned char *out);

/* out has room for wrapped.length - SR_WRAP_MORE; zeroed unless *good. Not good: it is damaged, or
 * another owner's. */
sr_status sr_unwrap(const sr_master *master, sr_text owner, sr_text wrapped, unsigned char *out,
		    bool *good);

#endif
