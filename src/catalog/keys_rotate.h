/* A new master key in the place of the one that is used, and the old ones forgotten. */
#ifndef SR_KEYS_ROTATE_H
#define SR_KEYS_ROTATE_H

#include "../base/ring.h"
#include "keys.h"

/* ---- One at a time (keys_hold.c) ---- */

typedef struct sr_keys_hold {
	sr_ring_hold ring;
	int backups; /* sr_backup_guard */
} sr_keys_hold;

#define SR_KEYS_NOT_HELD ((sr_keys_hold){.ring.fd = -1, .backups = -1})

/* From before a master key is added until the last is forgotten: nobody else changes the ring that
 * the settings name, and who wants to waits. Where one is to be forgotten, SR_BUSY while a backup
 * is being made; and none begins until sr_keys_hold_backups_may, which is when all keys are
 * rewrapped. With a command, which nobody can write to, nothing is held. Never inside a
 * transaction. */
sr_status sr_keys_hold_take(sr_catalog *catalog, bool forgets, sr_keys_hold *hold);

/* While a backup is restored, which may need any of the master keys: nobody changes the ring, where
 * there is one, nor forgets old ones. Likewise SR_BUSY where somebody does for longer than the
 * timeout. What else is wrong with the ring is said where it is read. */
sr_status sr_keys_hold_still(const sr_settings *settings, sr_keys_hold *hold);

void sr_keys_hold_backups_may(sr_keys_hold *hold);
void sr_keys_hold_end(sr_keys_hold *hold); /* Harmless on SR_KEYS_NOT_HELD. */

/* Leaves that one alone in the ring: in a write transaction, in which it has to be the current one
 * still, and in which no AES key is under another. Else none is forgotten: SR_BUSY, SR_CORRUPT. */
sr_status sr_keys_forget(sr_catalog *catalog, sr_keys_hold *hold, const char *but,
			 int64_t *forgotten);

/* ---- Another master key (keys_rotate.c) ---- */

/* What rewrapping did, in a database or a backup of it. */
typedef struct sr_rewrapped {
	int64_t changed;    /* Keys that are under the new master key now. */
	int64_t unreadable; /* Wrapped ones that could not be opened, and are as they were. */
	int64_t lost;       /* Those of them whose master key the ring does not have. */
	int64_t taken;      /* The key that was taken away: 1 where there was one. */
} sr_rewrapped;

/* In the write transaction that is open: every AES key under that master key, which becomes the
 * current one; but for the client `without` (NULL: none), whose key is taken away. `now` is what
 * says when. */
sr_status sr_keys_rewrap(sr_catalog *catalog, sr_conn *conn, const sr_master *master,
			 const sr_id *without, const char *now, sr_rewrapped *done);

/* Takes the client's key away, in the write transaction that is open. */
sr_status sr_keys_take_away(sr_conn *conn, const sr_id *client, int64_t *taken);

/* Makes a master key and appends it to the ring, on the disk. With a command, which nobody can
 * write to, the newest that it prints, if that is not used yet. */
sr_status sr_keys_next_master(sr_catalog *catalog, sr_keys_hold *hold, sr_master *master);

/* SR_INVALID, naming what (such as "rotated"), unless keys are wrapped here, and the settings and
 * the thread allow it. */
sr_status sr_keys_check_may(sr_catalog *catalog, const char *what);

/* The first of that, which every change of how keys are kept asks. */
sr_status sr_keys_check_writable(sr_catalog *catalog, const char *what);

/* The id of the current one as of now, "" for none. */
sr_status sr_keys_current_now(sr_catalog *catalog, char id[SR_MASTER_ID_SIZE]);

/* Makes it the current one, in the write transaction that is open. */
sr_status sr_keys_put_current(sr_conn *conn, const sr_master *master, const char *now);

/* SR_WRONG_KEY unless the ring has it as of now: asked in a write transaction that puts keys under
 * it, since who forgets does that in one, too. */
sr_status sr_keys_still_there(sr_catalog *catalog, const sr_master *master);

/* sr_keys_rewrap as a transaction of the catalog. */
sr_status sr_keys_rewrap_all(sr_catalog *catalog, const char *site, const sr_master *master,
			     const sr_id *without, sr_rewrapped *done);

#endif
