/* Destroying a client's AES key, in the catalog and in its backups. */
#ifndef SR_SHRED_H
#define SR_SHRED_H

#include "backup.h"
#include "keys_rotate.h"
#include "paths.h"

typedef struct sr_shredding {
	sr_catalog *catalog;
	const sr_id *client;
	sr_client *found; /* Its name; NULL: the catalog does not have it, */
	bool backed;      /* but a backup does. */
	const sr_shred_options *options;
	sr_watch watch;
	sr_keys_hold hold;
	sr_master master; /* What everything else is rewrapped under. */
	char now[SR_TIME_TEXT_SIZE];
	const char *backup; /* That is being rewritten. */
	sr_paths seen;      /* Backups that were looked at. */
	sr_paths passed;    /* What was told to be passed over. */
	sr_paths namesakes; /* Ids of other clients of that name that were met. */
	sr_shredded *done;
} sr_shredding;

/* Tells of it, once, that it is not looked into. */
sr_status sr_shred_pass_over(sr_shredding *s, const char *path);

/* Whether it can be read to its end, with the passphrase where it is encrypted, and is whole;
 * SR_BUSY where somebody has it open as a database. What is no database is passed over. Looks who
 * is in it: the client, and others of its name, which are told of; and whether the keys in it that
 * the ring has the master keys of are whole. */
sr_status sr_shred_backup_check(sr_shredding *s, const char *path);

typedef enum sr_shred_found {
	SR_SHRED_NO_CATALOG, /* Whatever may be in it. */
	SR_SHRED_SAME,       /* Nothing to change. */
	SR_SHRED_CHANGED,
} sr_shred_found;

/* Another backup in the place of that one (absolute): without the client's key, the others
 * rewrapped. It is left as it is unless something is found to change. */
sr_status sr_shred_backup(sr_shredding *s, const char *path, sr_shred_found *found);

/* ---- Folders (shred_folders.c) ---- */

typedef sr_status (*sr_shred_file_fn)(sr_shredding *s, const char *path);

/* Calls fn for each file in the folders that is no part and not the database. Before, and in the
 * database's folder, what processes that are gone have left of this database's parts, and of copies
 * that it was rehearsed on, is removed. SR_BUSY, naming it, while one is being written; a failure,
 * naming it, while there is one that cannot be removed, or must not, since it is not known whose it
 * is. */
sr_status sr_shred_each(sr_shredding *s, char *const *folders, sr_shred_file_fn fn);

#endif
