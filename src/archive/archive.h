/*
 * Files that hold another file compressed, encrypted, or both: docs/BACKUP.md describes the
 * format. What is packed here is opaque; nothing in this room knows databases.
 */
#ifndef SR_ARCHIVE_H
#define SR_ARCHIVE_H

#include "strongroom.h"

typedef enum sr_archive_kind {
	SR_ARCHIVE_PLAIN, /* Neither of the others: as it is. */
	SR_ARCHIVE_ZSTD,
	SR_ARCHIVE_SEALED,
	SR_ARCHIVE_SEALED_ZSTD,
} sr_archive_kind;

/* Called with bytes read of those there are; returning true cancels. May be NULL. */
typedef struct sr_archive_options {
	const void *key; /* The passphrase's bytes, for what is sealed; NULL without. */
	size_t key_length;
	bool compress; /* Packing only. */
	int cost;      /* Packing only: scrypt's N is 2 to this; 0: SR_ARCHIVE_COST. */
	sr_progress_fn progress;
	void *progress_arg;
} sr_archive_options;

#define SR_ARCHIVE_COST 17 /* 128 MiB and some 0.3 s for each guess. */

/* What was packed or unpacked. */
typedef struct sr_archive_content {
	int64_t bytes;                /* Of what is inside. */
	char hash[SR_HASH_TEXT_SIZE]; /* SHA-256 of it. */
} sr_archive_content;

/* What a file is, by its first bytes. SR_INVALID for one that this process may have open as a
 * database: looking at it would drop the locks that it holds there. */
sr_status sr_archive_identify(const char *path, sr_archive_kind *kind);

/* Packs the file `from` into `to`, which must not exist; mode 0600, fsynced, but not its folder.
 * Removed again after a failure. */
sr_status sr_archive_pack(const char *from, const char *to, const sr_archive_options *options,
			  sr_archive_content *content);

/* Reads all of `from` and checks it: SR_WRONG_KEY for another key, SR_CORRUPT for whatever is
 * damaged, cut off or too much, and for SR_ARCHIVE_PLAIN. What is inside goes into `to`, likewise;
 * NULL: nowhere. */
sr_status sr_archive_unpack(const char *from, const char *to, const sr_archive_options *options,
			    sr_archive_content *content);

#endif
