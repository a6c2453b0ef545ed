/* A new master key in the place of the one that is used, and the old ones forgotten. */
#ifndef SR_KEYS_ROTATE_H
#define SR_KEYS_ROTATE_H

#include "keys.h"

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
sr_status sr_keys_next_master(sr_catalog *catalog, sr_master *master);

/* SR_INVALID, naming what (such as "rotated"), unless keys are wrapped here, and the settings and
 * the thread allow it. */
sr_status sr_keys_check_may(sr_catalog *catalog, const char *what);

/* The same as a transaction of the catalog. */
sr_status sr_keys_rewrap_all(sr_catalog *catalog, const char *site, const sr_master *master,
			     const sr_id *without, sr_rewrapped *done);

/* Leaves that one alone in the ring. */
sr_status sr_keys_forget(sr_catalog *catalog, const char *but, int64_t *forgotten);

#endif
