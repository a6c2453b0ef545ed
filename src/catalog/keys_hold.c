/*
 * Changing master keys, by one at a time: from the one that is added to those that are forgotten,
 * nobody else rotates, shreds or begins with the same key ring. What guards keys against all
 * others, who have no such lock, is in the transactions: a key is put under no master key that the
 * ring lacks [sr_keys_rewrap_all], and none is forgotten that the database needs [sr_keys_forget].
 *
 * The order of locks is always: the ring, backups, the database's writer. Inside of a write the
 * ring is only read, for which nobody needs a lock.
 */
#include <string.h>

#include "backup.h"
#include "keys_rotate.h"

sr_status sr_keys_hold_take(sr_catalog *catalog, bool forgets, sr_keys_hold *hold)
{
	const sr_settings *settings = &catalog->settings;
	sr_status rc;

	*hold = SR_KEYS_NOT_HELD;
	if (settings->master_key_file == NULL)
		return SR_OK;
	if ((rc = sr_ring_hold_take(settings->master_key_file, settings->timeout, &hold->ring)) !=
	    SR_OK)
		return rc;
	/* One that runs now has a snapshot that needs the old master keys, and is not known yet: no
	 * waiting, since nobody was asked whether it may be lost. */
	if (forgets && (rc = sr_backup_guard(settings->path, true, 0, &hold->backups)) != SR_OK)
		sr_keys_hold_end(hold);
	return rc;
}

sr_status sr_keys_hold_still(const sr_settings *settings, sr_keys_hold *hold)
{
	const char *path = settings->master_key_file;
	struct stat file;
	sr_status rc;

	*hold = SR_KEYS_NOT_HELD;
	if (path != NULL && sr_keyring_look(settings, &file) == SR_OK &&
	    ((rc = sr_ring_hold_take(path, settings->timeout, &hold->ring)) == SR_BUSY ||
	     rc == SR_NO_MEMORY))
		return rc;
	if ((rc = sr_backup_guard_if(settings->path, settings->timeout, &hold->backups)) != SR_OK)
		sr_keys_hold_end(hold);
	return rc;
}

void sr_keys_hold_backups_may(sr_keys_hold *hold)
{
	sr_backup_unguard(&hold->backups);
}

void sr_keys_hold_end(sr_keys_hold *hold)
{
	sr_backup_unguard(&hold->backups);
	sr_ring_hold_end(&hold->ring);
}

/* ---- Forgotten ---- */

typedef struct forgetting {
	sr_catalog *catalog;
	sr_keys_hold *hold;
	const char *but;
	int64_t count;
	bool stale; /* The catalog's shape was out of date. */
} forgetting;

static sr_status leave_one(void *arg, sr_ring *ring)
{
	forgetting *f = arg;

	if (sr_ring_find(ring, f->but) == NULL)
		return sr_fail(SR_WRONG_KEY,
			       "the key ring lacks the master key %s, so none is forgotten",
			       f->but);
	for (size_t i = ring->count; i-- > 0;) {
		if (strcmp(ring->masters[i].id, f->but) == 0)
			continue;
		sr_ring_remove(ring, i);
		f->count++;
	}
	return SR_OK;
}

/* Whatever was seen before: that is how it is now, while nobody writes. */
static sr_status check_needless(sr_conn *conn, const forgetting *f)
{
	char current[SR_MASTER_ID_SIZE];
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_keys_current(conn, current)) != SR_OK)
		return rc;
	if (strcmp(current, f->but) != 0)
		return sr_fail(SR_BUSY,
			       "master key %s is not the current one any more, so none is "
			       "forgotten: somebody else has rotated the keys, or put another "
			       "database in the place of this",
			       f->but);
	if ((rc = sr_prepare(conn,
			     "SELECT Name FROM clients WHERE (" SR_KEY_IS_WRAPPED
			     " AND lower(hex(substr(" SR_KEY_BYTES
			     ", 9, 8))) <> $1) OR (" SR_KEY_IS_DAMAGED ") LIMIT 1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, f->but);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		rc = sr_fail(SR_CORRUPT,
			     "the AES key of client %s is not under master key %s, so that no "
			     "other is forgotten: strongroom keys check says what is wrong with "
			     "it; save it anew, or take it away",
			     sr_quoted(sr_column_text(stmt, 0)), f->but);
	return sr_stmt_end(stmt, rc);
}

/* An sr_operation. */
static sr_status forget(sr_conn *conn, void *arg)
{
	forgetting *f = arg;
	sr_status rc;

	if ((rc = sr_catalog_admit(f->catalog, conn, &f->stale)) != SR_OK ||
	    (rc = check_needless(conn, f)) != SR_OK)
		return rc;
	return sr_ring_hold_change(&f->hold->ring, leave_one, f);
}

sr_status sr_keys_forget(sr_catalog *catalog, sr_keys_hold *hold, const char *but,
			 int64_t *forgotten)
{
	forgetting f = {.catalog = catalog, .hold = hold, .but = but};
	sr_status rc = sr_pool_commit_large(catalog->pool, "sr_keys_forget", forget, &f);

	if (rc == SR_OK && f.stale)
		sr_catalog_renew(catalog);
	*forgotten = f.count;
	return rc;
}
