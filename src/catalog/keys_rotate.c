/*
 * Rotating the master key, with the ring held from the first to the last.
 *
 *	ADDED      [sr_keys_next_master]  to the ring, on the disk
 *	REWRAPPED  [sr_keys_rewrap_all]   every key, and which one is current: one transaction
 *	FORGOTTEN  [sr_keys_forget]       the old ones, where that is wanted
 *
 * Whatever ends it in between, the ring opens every key there is. A key that was added and is not
 * used does no harm.
 */
#include "keys_rotate.h"

#include <stdlib.h>
#include <string.h>

#include "known_backups.h"

void sr_keys_rotate_options_init(sr_keys_rotate_options *options)
{
	*options = (sr_keys_rotate_options){.version = SR_KEYS_ROTATE_OPTIONS_VERSION};
}

/* ---- Added ---- */

static sr_status append(void *arg, sr_ring *ring)
{
	return sr_ring_add(ring, arg);
}

sr_status sr_keys_current_now(sr_catalog *catalog, char id[SR_MASTER_ID_SIZE])
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) == SR_OK)
		rc = sr_keys_current(reading.conn, id);
	sr_reading_end(&reading);
	return rc;
}

sr_status sr_keys_next_master(sr_catalog *catalog, sr_keys_hold *hold, sr_master *master)
{
	char id[SR_MASTER_ID_SIZE];
	sr_status rc;

	if (catalog->settings.master_key_file != NULL) {
		if ((rc = sr_master_new(master)) != SR_OK)
			return rc;
		return sr_ring_hold_change(&hold->ring, append, master);
	}
	if ((rc = sr_keyring_reload(catalog)) != SR_OK ||
	    (rc = sr_keys_current_now(catalog, id)) != SR_OK ||
	    (rc = sr_keyring_master(catalog, NULL, master)) != SR_OK)
		return rc;
	if (strcmp(id, master->id) == 0)
		return sr_fail(SR_INVALID,
			       "the newest master key that %s prints is the current one: add a "
			       "line with a new one behind it first",
			       sr_keyring_words(catalog));
	return SR_OK;
}

/* ---- Rewrapped ---- */

typedef struct rewrapping {
	sr_catalog *catalog;
	const sr_master *master;
	const sr_id *without;
	char now[SR_TIME_TEXT_SIZE];
	sr_rewrapped *done;
	bool stale; /* The catalog's shape was out of date. */
} rewrapping;

/* What cannot be opened stays as it is: it is not lost by that, should its master key be found. */
static sr_status rewrap_row(void *arg, sr_conn *conn, sr_text owner, sr_text name, sr_text stored,
			    sr_buffer *instead)
{
	rewrapping *r = arg;
	unsigned char *out;
	sr_key key;
	sr_status rc = sr_key_open(r->catalog, conn, 0, owner, name, stored, &key);

	if (rc == SR_WRONG_KEY || rc == SR_CORRUPT) {
		r->done->unreadable++;
		r->done->lost += rc == SR_WRONG_KEY;
		sr_buffer_add(instead, stored.data, stored.length);
		return SR_OK;
	}
	if (rc != SR_OK)
		return rc;
	if ((out = malloc(key.length + SR_WRAP_MORE)) == NULL)
		rc = sr_fail_memory();
	else if ((rc = sr_wrap(r->master, owner, (sr_text){key.bytes, key.length}, out)) == SR_OK)
		sr_buffer_add(instead, out, key.length + SR_WRAP_MORE);
	free(out);
	sr_key_done(&key);
	return rc;
}

/* When no plain copy was left any more is as true as it was. */
sr_status sr_keys_put_current(sr_conn *conn, const sr_master *master, const char *now)
{
	char old[SR_MASTER_ID_SIZE];
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_keys_current(conn, old)) != SR_OK ||
	    (rc = sr_exec(conn, "UPDATE master_keys SET IsCurrent = 0 WHERE IsCurrent = 1")) !=
		    SR_OK ||
	    (rc = sr_prepare(conn,
			     "INSERT INTO master_keys (ID, CreatedAt, IsCurrent, CleanedAt) VALUES "
			     "($1, $2, 1, (SELECT CleanedAt FROM master_keys WHERE ID = $3)) ON "
			     "CONFLICT (ID) DO UPDATE SET IsCurrent = 1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, master->id);
	sr_bind_text(stmt, 2, now);
	sr_bind_text(stmt, 3, old);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_keys_take_away(sr_conn *conn, const sr_id *client, int64_t *taken)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(
		     conn, "UPDATE clients SET AESKey = NULL WHERE ID = $1 AND AESKey IS NOT NULL",
		     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, client);
	if ((rc = sr_run(stmt)) == SR_OK)
		*taken = sr_conn_changes(conn);
	return sr_stmt_end(stmt, rc);
}

sr_status sr_keys_rewrap(sr_catalog *catalog, sr_conn *conn, const sr_master *master,
			 const sr_id *without, const char *now, sr_rewrapped *done)
{
	rewrapping r = {.catalog = catalog, .master = master, .done = done};
	int64_t wrapped, plain;
	sr_status rc;

	*done = (sr_rewrapped){0};
	if ((without != NULL && (rc = sr_keys_take_away(conn, without, &done->taken)) != SR_OK) ||
	    (rc = sr_keys_rewrite(conn, SR_KEY_WAS_WRAPPED, rewrap_row, &r, &wrapped)) != SR_OK ||
	    (rc = sr_keys_wrap_plain(conn, master, &plain)) != SR_OK)
		return rc;
	done->changed = wrapped - done->unreadable + plain;
	return sr_keys_put_current(conn, master, now);
}

sr_status sr_keys_still_there(sr_catalog *catalog, const sr_master *master)
{
	sr_master copy;
	sr_status rc = sr_keyring_master(catalog, master->id, &copy);

	explicit_bzero(&copy, sizeof(copy));
	return rc;
}

/* An sr_operation. */
static sr_status rewrap_all(sr_conn *conn, void *arg)
{
	rewrapping *r = arg;
	char current[SR_MASTER_ID_SIZE];
	sr_status rc;

	if ((rc = sr_catalog_admit(r->catalog, conn, &r->stale)) != SR_OK ||
	    (rc = sr_keys_current(conn, current)) != SR_OK ||
	    (rc = sr_keys_still_there(r->catalog, r->master)) != SR_OK)
		return rc;
	/* Which needs no ring, and so holds none. */
	if (current[0] == '\0')
		return sr_fail(SR_BUSY, "somebody else has made all keys plain meanwhile, so none "
					"is wrapped under another master key");
	return sr_keys_rewrap(r->catalog, conn, r->master, r->without, r->now, r->done);
}

/* Not as other writes do, which take plain keys in before they begin: here they are rewrapped. */
sr_status sr_keys_rewrap_all(sr_catalog *catalog, const char *site, const sr_master *master,
			     const sr_id *without, sr_rewrapped *done)
{
	rewrapping r = {.catalog = catalog, .master = master, .without = without, .done = done};
	sr_status rc;

	sr_time_format(sr_time_now() / 1000000 * 1000000, r.now);
	rc = sr_pool_commit_large(catalog->pool, site, rewrap_all, &r);
	sr_keys_look_again(catalog);
	if (rc == SR_OK && r.stale)
		sr_catalog_renew(catalog);
	return rc;
}

/* ---- The call ---- */

sr_status sr_keys_check_writable(sr_catalog *catalog, const char *what)
{
	sr_status rc;

	if ((rc = sr_catalog_writable(catalog)) != SR_OK)
		return rc;
	if (sr_pool_in_transaction(catalog->pool))
		return sr_fail(SR_INVALID,
			       "keys are not %s inside a transaction: end the one that this "
			       "thread has open",
			       what);
	return SR_OK;
}

sr_status sr_keys_check_may(sr_catalog *catalog, const char *what)
{
	char id[SR_MASTER_ID_SIZE];
	sr_status rc;

	if ((rc = sr_keys_check_writable(catalog, what)) != SR_OK)
		return rc;
	if (catalog->settings.plain_keys)
		return sr_fail(SR_INVALID, "STRONGROOM_AES_KEYS is plain: keys are not %s", what);
	if ((rc = sr_keys_current_now(catalog, id)) != SR_OK)
		return rc;
	if (id[0] == '\0')
		return sr_fail(SR_INVALID,
			       "keys are not wrapped here, so none can be %s: begin with "
			       "strongroom keys init",
			       what);
	/* Before anything is changed, that the ring opens what there is now. */
	sr_master master;
	rc = sr_keyring_master(catalog, id, &master);
	explicit_bzero(&master, sizeof(master));
	return rc;
}

static sr_status check_forget(sr_catalog *catalog, const sr_keys_rotate_options *options)
{
	sr_needing needing = {0};
	sr_status rc;

	if (!options->forget_old)
		return SR_OK;
	if (catalog->settings.master_key_file == NULL)
		return sr_fail(
			SR_INVALID,
			"what %s prints cannot be changed here: remove old master keys there",
			sr_keyring_words(catalog));
	if (options->even_needed)
		return SR_OK;
	if ((rc = sr_known_backups_needing(catalog, NULL, 0, &needing)) == SR_OK &&
	    needing.count > 0)
		rc = sr_fail(SR_REFUSED,
			     "%lld known %s the old master keys, %s%s: "
			     "no AES key in %s could be read any more",
			     (long long)needing.count,
			     sr_plural(needing.count, "backup needs", "backups need"),
			     sr_quoted(sr_text_of(needing.first)),
			     sr_plural(needing.count, "", " among them"),
			     sr_plural(needing.count, "it", "them"));
	return rc;
}

static bool cancelled(const sr_keys_rotate_options *options, const char *step)
{
	return options->progress != NULL && options->progress(options->progress_arg, step, 0, 0);
}

/* A full ring has no room for another, unless those go now that were to go anyway. */
static sr_status make_room(sr_catalog *catalog, sr_keys_hold *hold, int64_t *forgotten)
{
	char id[SR_MASTER_ID_SIZE];
	sr_ring *ring;
	sr_status rc;
	bool full;

	if ((rc = sr_ring_read(catalog->settings.master_key_file, &ring)) != SR_OK)
		return rc;
	full = ring->count == SR_RING_KEYS_MAX;
	sr_ring_free(ring);
	if (!full)
		return SR_OK;
	if ((rc = sr_keys_current_now(catalog, id)) == SR_OK)
		rc = sr_keys_forget(catalog, hold, id, forgotten);
	return rc;
}

static sr_status rotate_held(sr_catalog *catalog, const sr_keys_rotate_options *options,
			     sr_keys_hold *hold, sr_master *master, sr_keys_rotated *done)
{
	sr_rewrapped rewrapped = {0};
	int64_t before = 0;
	sr_status rc;

	if ((rc = check_forget(catalog, options)) != SR_OK)
		return rc;
	if (cancelled(options, "making a master key"))
		return sr_fail(SR_INTERRUPTED, "cancelled; nothing was changed");
	if ((options->forget_old && (rc = make_room(catalog, hold, &before)) != SR_OK) ||
	    (rc = sr_keys_next_master(catalog, hold, master)) != SR_OK)
		return rc;
	if (cancelled(options, "rewrapping"))
		return sr_fail(SR_INTERRUPTED,
			       "cancelled; the key ring has a new master key, which is not used");
	if ((rc = sr_keys_rewrap_all(catalog, "sr_keys_rotate", master, NULL, &rewrapped)) != SR_OK)
		return rc;
	sr_keys_hold_backups_may(hold);
	strcpy(done->id, master->id);
	done->changed = rewrapped.changed;
	done->unreadable = rewrapped.unreadable;
	if (!options->forget_old)
		return SR_OK;
	if (cancelled(options, "forgetting old master keys"))
		return sr_fail(SR_INTERRUPTED, "the keys are rotated, and none is forgotten");
	if (rewrapped.unreadable > 0)
		return sr_fail(SR_CORRUPT,
			       "the keys are rotated, but %lld could not be opened, so that no old "
			       "master key is forgotten: strongroom keys check names %s",
			       (long long)rewrapped.unreadable,
			       sr_plural(rewrapped.unreadable, "it", "them"));
	if ((rc = sr_keys_forget(catalog, hold, master->id, &done->forgotten)) != SR_OK)
		sr_fail_within(rc, "the keys are rotated, but old master keys may be left");
	done->forgotten += before;
	return rc;
}

static sr_status rotate(sr_catalog *catalog, const sr_keys_rotate_options *options,
			sr_master *master, sr_keys_rotated *done)
{
	sr_keys_hold hold = SR_KEYS_NOT_HELD;
	sr_status rc;

	/* Twice: others may have changed everything while this waited. */
	if ((rc = sr_keys_check_may(catalog, "rotated")) == SR_OK &&
	    (rc = sr_keys_hold_take(catalog, options->forget_old, &hold)) == SR_OK &&
	    (rc = sr_keys_check_may(catalog, "rotated")) == SR_OK)
		rc = rotate_held(catalog, options, &hold, master, done);
	sr_keys_hold_end(&hold);
	return rc;
}

sr_status sr_keys_rotate(sr_catalog *catalog, const sr_keys_rotate_options *options,
			 sr_keys_rotated *done)
{
	sr_keys_rotate_options defaults;
	sr_master master = {0};
	sr_status rc;

	*done = (sr_keys_rotated){0};
	sr_keys_rotate_options_init(&defaults);
	if (options == NULL)
		options = &defaults;
	if (options->version != SR_KEYS_ROTATE_OPTIONS_VERSION)
		return sr_return(sr_fail(SR_INVALID,
					 "sr_keys_rotate_options of version %u, not %d: "
					 "sr_keys_rotate_options_init it",
					 options->version, SR_KEYS_ROTATE_OPTIONS_VERSION));
	sr_catalog_keep(catalog);
	rc = rotate(catalog, options, &master, done);
	explicit_bzero(&master, sizeof(master));
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}
