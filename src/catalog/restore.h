/* What restoring does by other means than the engine: files, where the database's is missing or
 * damaged, and keys. */
#ifndef SR_RESTORE_H
#define SR_RESTORE_H

#include "backup.h"

/* Sets the database and its log aside, where there are any, and gives `fresh` (a whole database on
 * the same file system) its name. SR_BUSY while a process has one of them open. aside receives the
 * name that the database has now, or "". */
sr_status sr_restore_file(const char *database, const char *fresh, char aside[4096]);

/* ---- Keys (restore_keys.c) ---- */

/* Before the present catalog is kept: wraps what is plain in it, as a backup does first. What
 * cannot be done is logged, or is met by the restoring itself. */
sr_status sr_restore_keys_wrap(const sr_options *options, const sr_settings *settings);

/* What the ring that the settings name makes of a catalog's AES keys; nothing without one. */
typedef struct sr_restore_keys {
	bool plain;                /* They are, though they could be wrapped. */
	int64_t lost;              /* How many are under master keys that it does not have, */
	char why[SR_MESSAGE_SIZE]; /* and that in words. */
} sr_restore_keys;

sr_status sr_restore_keys_look(const sr_settings *settings, sr_conn *conn, sr_restore_keys *keys);
void sr_restore_keys_tell(const sr_restore_keys *keys); /* In the log. */

#endif
