/*
 * The place of a stored file below FILE_STORAGE_DIR, held open so that nobody can lead a
 * deletion elsewhere.
 *
 * Deleting goes over a tombstone, a fixed name in the same folder that is made from the file's:
 *
 *   PRESENT -> HIDDEN [sr_place_hide]    HIDDEN -> PRESENT [sr_place_show, sr_place_recover]
 *   HIDDEN -> GONE [sr_place_remove]
 *
 * The record is deleted while the file is HIDDEN. A crash before that commit leaves a record
 * and a tombstone: the next deletion or verification of the file takes it back. A crash after
 * it leaves a tombstone that no record refers to; its name begins with SR_TOMBSTONE, and it may
 * be removed by anybody.
 */
#ifndef SR_PLACE_H
#define SR_PLACE_H

#include "catalog.h"

#define SR_TOMBSTONE ".strongroom-deleted-"

typedef struct sr_place {
	int folder;         /* The open folder that the file is in, or -1. */
	char *path;         /* The file's absolute path, for messages. */
	char *name;         /* Its last part, within path. */
	char tombstone[64]; /* Its name while it is hidden. */
} sr_place;

/* What an absolute or relative PathName means: relative ones start at settings->base_dir.
 * Appended to out; ".." stays in no path. SR_INVALID for a NUL. */
sr_status sr_place_resolve(const sr_settings *settings, sr_text path, sr_buffer *out);

/* Walks to the folder of path without following a link. SR_REFUSED for what is outside the
 * storage folder, behind a link, or holds ".."; SR_NOT_FOUND where a folder is missing. */
sr_status sr_place_open(const sr_settings *settings, sr_text path, sr_place *place);
void sr_place_close(sr_place *place);

/* Whether a record's file is there, without following a link; `absolute` is what the path resolves
 * to, `storage` the open storage folder. Where it cannot be told it is SR_PRESENT. */
typedef enum sr_presence {
	SR_PRESENT,
	SR_ABSENT,
	SR_ELSEWHERE, /* Outside the storage folder, or behind a link: not looked at. */
} sr_presence;
sr_presence sr_place_presence(const sr_settings *settings, int storage, sr_text path,
			      const char *absolute);

/* Whether a deletion is at work on the file, or one was cut short. */
bool sr_place_hidden(const sr_place *place);

/* Keeps other deletions out of the folder until the place is closed. Without wait, SR_BUSY when
 * one is at work. Never wait inside a transaction: the other waits for the writer. */
sr_status sr_place_lock(sr_place *place, bool wait);

/* Takes a file back that a crash left hidden, unless a newer one has its name. Locked. */
sr_status sr_place_recover(sr_place *place);

/* Whether the file is there. SR_REFUSED for a link, a folder, a device, and the database. */
sr_status sr_place_look(sr_place *place, const sr_settings *settings, bool *present);

sr_status sr_place_hide(sr_place *place); /* Locked; durable when it returns. */
sr_status sr_place_show(sr_place *place);
sr_status sr_place_remove(sr_place *place);

/* Whether that is the database or one of its companions, by whatever name: opening one would
 * drop this process's locks on it. */
struct stat;
bool sr_is_database(const sr_settings *settings, const struct stat *status);

#endif
