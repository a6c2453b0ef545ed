/* Destroying a client's AES key, in the catalog and in its backups. */
#ifndef SR_SHRED_H
#define SR_SHRED_H

#include "backup.h"
#include "keys_rotate.h"
#include "paths.h"

typedef struct sr_shredding {
	sr_catalog *catalog;
	const sr_id *client;
	const sr_shred_options *options;
	sr_watch watch;
	sr_keys_hold hold;
	sr_master master; /* What everything else is rewrapped under. */
	char now[SR_TIME_TEXT_SIZE];
	sr_paths seen; /* Backups that were looked at. */
	bool listed;   /* What is passed over was told. */
	sr_shredded *done;
} sr_shredding;

/* Tells of it that it is not looked into. */
void sr_shred_pass_over(const sr_shredding *s, const char *path);

/* Whether the passphrase opens it, where it is encrypted; SR_BUSY where somebody has it open as a
 * database. What is known for no backup by its first bytes is passed over. */
sr_status sr_shred_backup_check(const sr_shredding *s, const char *path);

/* Another backup in the place of that one (absolute): without the client's key, the others
 * rewrapped. *changed is false for what is no catalog's backup, or has nothing to change; that is
 * left as it is. */
sr_status sr_shred_backup(sr_shredding *s, const char *path, bool *changed);

/* ---- Folders (shred_folders.c) ---- */

typedef sr_status (*sr_shred_file_fn)(sr_shredding *s, const char *path);

/* Calls fn for each file in the folders that is no part and not the database. Before, and in the
 * database's folder, what processes that are gone have left of this database's parts, and of copies
 * that it was rehearsed on, is removed. SR_BUSY, naming it, while one is being written; a failure,
 * naming it, while there is one that cannot be removed, or must not, since it is not known whose it
 * is. */
sr_status sr_shred_each(sr_shredding *s, char *const *folders, sr_shred_file_fn fn);

#endif
