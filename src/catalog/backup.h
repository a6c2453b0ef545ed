/* What writing, verifying and restoring backups share. */
#ifndef SR_BACKUP_H
#define SR_BACKUP_H

#include "../archive/archive.h"
#include "../schema/copy.h"
#include "catalog.h"

/* A backup's database, as a file that SQLite reads. */
typedef struct sr_unpacked {
	char path[4096]; /* The backup itself, or a private file; absolute. */
	bool temporary;  /* The latter: sr_unpacked_remove it. */
	int64_t bytes;   /* Of the backup. */
	bool compressed;
	bool encrypted;
	int hold; /* Of the private file, or -1 [sr_part_hold]. */
} sr_unpacked;

/* Unpacks the backup at path (absolute), where it is packed, into a part beside the database. With
 * `copy` a plain one becomes such a part too, through the engine. watch may be NULL. */
sr_status sr_unpack(const char *database, const char *path, bool copy,
		    const sr_backup_read_options *how, sr_watch *watch, sr_unpacked *unpacked);
void sr_unpacked_remove(sr_unpacked *unpacked);

/* Says in the header of a private file that no log belongs to it. Nobody may have it open. */
sr_status sr_header_without_log(const char *path);

/* Opens it for reading alone and checks it and that it is a catalog; fills in the report. */
sr_status sr_unpacked_check(const sr_unpacked *unpacked, bool full, sr_watch *watch,
			    sr_backup_report *report);

/* Writes down that sr_backup has made the file in that folder, under a name of its own. */
sr_status sr_rotation_note(const char *database, const char *path);
/* Whether that is the list in which those are noted. */
bool sr_rotation_is_list(const char *database, const char *path);

/* While a backup of the database is being made or restored; or, alone, while its keys are rewrapped
 * such that old master keys may be forgotten. SR_BUSY where the other still goes on after so many
 * seconds. */
sr_status sr_backup_guard(const char *database, bool alone, double patience, int *guard);
/* With others, where that can be: a folder that this user may not list, or that knows no locks, is
 * logged and does not stop it. */
sr_status sr_backup_guard_if(const char *database, double patience, int *guard);
void sr_backup_unguard(int *guard); /* Harmless on -1. */

/* The path made absolute, cut by nothing: SR_INVALID for too long a one. */
sr_status sr_backup_path(const char *path, char absolute[4096]);

/* SR_INVALID for options of another version, or a key of no bytes. NULL is fine. */
sr_status sr_backup_read_options_check(const sr_backup_read_options *how);

#endif
