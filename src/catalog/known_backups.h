/*
 * The backups of the catalog that it can know of: those that its activities name as made or
 * restored, and what is called like a copy of the database [sr_copy_named] beside it and in the
 * folders of those. What somebody has copied or moved elsewhere is not among them.
 */
#ifndef SR_KNOWN_BACKUPS_H
#define SR_KNOWN_BACKUPS_H

#include "backup.h"

/* Whether the file could be a backup, whatever it is called: a database, or packed. */
sr_status sr_may_be_backup(const char *path, bool *may_be);

/* Whether the file is a database by its first bytes, not packed. */
sr_status sr_begins_as_database(const char *path, bool *is);

/* Calls fn for each that is there; not for those in the folders `but` (absolute, without links). */
sr_status sr_known_backups_each(sr_catalog *catalog, char *const *but, size_t count,
				sr_known_backup_fn fn, void *arg);

/* Folders as the caller gave them, absolute and without links. Also after a failure: free them. */
sr_status sr_folders_resolve(const char *const *folders, size_t count, char ***out);
void sr_folders_free(char **folders, size_t count);

/* Writes into another catalog, about to take the place of `from`, what activities of that name
 * backups. SR_CORRUPT for what could not be read; what could is written. */
sr_status sr_known_backups_carry(sr_conn *from, sr_conn *into);

typedef struct sr_needing {
	int64_t count;    /* Backups with wrapped keys; */
	char first[4096]; /* one of them. */
} sr_needing;

sr_status sr_known_backups_needing(sr_catalog *catalog, char *const *but, size_t count,
				   sr_needing *needing);

#endif
