/* Which master keys the catalog uses, and what is plain though it should not be. */
#ifndef SR_KEYS_H
#define SR_KEYS_H

#include "../base/wrap.h"
#include "catalog.h"

/* The version whose schema has what is asked for here. */
#define SR_KEYS_VERSION 19

/* The id of the current master key, "" where keys are not wrapped. */
sr_status sr_keys_current(sr_conn *conn, char id[SR_MASTER_ID_SIZE]);

/* The connection of a reading to open keys with: NULL on versions that know of no master keys. */
sr_conn *sr_keys_conn(const sr_reading *reading);

/* In a write transaction: wraps what other programs have written plain, if any, where there is a
 * ring and the settings want it. It costs a microsecond while nobody else has written, and nothing
 * where no ring is named. What it cannot do it logs, once, and leaves as it is. */
sr_status sr_keys_take_in(sr_catalog *catalog, sr_conn *conn, sr_keys_seen *seen);

/* The same in a transaction of its own, before a backup is made, where there is something to wrap.
 * A writer that does not end, or a medium that only reads, does not stop the backup. Inside of a
 * transaction, where none is made, it does nothing. */
sr_status sr_keys_wrap_for_backup(sr_catalog *catalog);

/* Before a transaction of the caller begins: has a command asked for the ring that it may need,
 * which cannot be done in it. */
void sr_keys_prepare(sr_catalog *catalog);

/* The transaction of that is committed; or callers' own SQL may have written keys. */
void sr_keys_taken(sr_catalog *catalog, const sr_keys_seen *seen);
void sr_keys_look_again(sr_catalog *catalog);

/* Wraps every plain key, in the transaction that is open, and leaves no free bytes of them. */
sr_status sr_keys_wrap_plain(sr_conn *conn, const sr_master *master, int64_t *wrapped);

/* Those rows of clients, by their numbers, and what to do with each. condition is
 * SR_KEY_IS_PLAIN or SR_KEY_WAS_WRAPPED. */
typedef sr_status (*sr_key_row_fn)(void *arg, sr_conn *conn, sr_text owner, sr_text name,
				   sr_text stored, sr_buffer *instead);
sr_status sr_keys_rewrite(sr_conn *conn, const char *condition, sr_key_row_fn row, void *arg,
			  int64_t *count);

/* The public calls in a snapshot that is the caller's. */
sr_status sr_keys_status_read(sr_catalog *catalog, const sr_reading *reading,
			      sr_keys_status **status);
sr_status sr_keys_check_read(const sr_reading *reading, sr_key_fault_fn fn, void *arg,
			     int64_t *checked, int64_t *faults);

/* No plain copy is left in the database, its free pages and its log; the writer is free. */
sr_status sr_keys_clean(sr_catalog *catalog, sr_stage_fn progress, void *arg);

#endif
