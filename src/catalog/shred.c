/*
 * Deleting a client such that its AES key cannot be had back. In this order:
 *
 * ADDED [sr_keys_next_master]: another master key, to the ring.
 *
 * TAKEN [sr_keys_rewrap_all]: the client's key is null, and the others are under the new master
 * key, in one transaction.
 *
 * REWRITTEN [sr_shred_each]: so are the backups, each by one rename.
 *
 * CLEANED [sr_keys_clean]: nothing of what was is left in free pages and the log.
 *
 * FORGOTTEN [sr_keys_forget]: the master keys before are gone, and with them every copy of the
 * client's wrapped key, wherever it may be.
 *
 * DELETED [remove_client]: its row, and the records of its files.
 *
 * The client is there to the last, so that whatever ends this in between, the same call finishes
 * it. Up to FORGOTTEN the ring opens every key that is left. One that only backups have stays in
 * those, without its key.
 */
#include "shred.h"

#include <string.h>

#include "clients.h"
#include "known_backups.h"

void sr_shred_options_init(sr_shred_options *options)
{
	*options = (sr_shred_options){.version = SR_SHRED_OPTIONS_VERSION};
}

/* ---- Backups ---- */

static sr_status check_one(sr_shredding *s, const char *path)
{
	return sr_shred_backup_check(s, path);
}

static sr_status rewrite_one(sr_shredding *s, const char *path)
{
	sr_shred_found found;
	sr_status rc;

	if (sr_paths_have(&s->seen, path))
		return SR_OK;
	if ((rc = sr_shred_backup(s, path, &found)) != SR_OK ||
	    (rc = sr_paths_add(&s->seen, path)) != SR_OK)
		return rc;
	if (found == SR_SHRED_NO_CATALOG)
		return sr_shred_pass_over(s, path);
	if (found == SR_SHRED_SAME)
		return SR_OK;
	s->done->backups++;
	if (s->options->rewritten != NULL)
		s->options->rewritten(s->options->rewritten_arg, path);
	return SR_OK;
}

/* ---- The client ---- */

typedef struct removal {
	const sr_shredding *s;
	int64_t files;
} removal;

/* An sr_operation. A program that knows nothing of this may have saved the client again. */
static sr_status remove_client(sr_conn *conn, void *arg)
{
	removal *r = arg;
	int64_t keys = SR_NULL_INTEGER;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT AESKey IS NOT NULL FROM clients WHERE ID = $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, r->s->client);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		keys = sr_column_integer(stmt, 0);
	sr_stmt_done(stmt);
	if (rc == SR_OK && keys > 0)
		rc = sr_fail(SR_BUSY, "the client was given an AES key again meanwhile: keep it "
				      "from that, and shred it again");
	if (rc != SR_OK || (keys == SR_NULL_INTEGER && r->s->found == NULL))
		return rc;
	return sr_client_remove(conn, r->s->client, r->s->now, &r->files);
}

static sr_status find_client(sr_shredding *s)
{
	sr_status rc =
		sr_client_find(s->catalog, s->client, (sr_text){0}, SR_CLIENT_NAME, &s->found);

	return rc == SR_NOT_FOUND ? SR_OK : rc;
}

/* Once all backups are looked at. */
static sr_status check_found(const sr_shredding *s)
{
	if (s->found != NULL || s->backed)
		return SR_OK;
	return sr_fail_also(sr_client_fail_unknown(s->client),
			    ", neither in the catalog nor in a backup in the folders given");
}

/* ---- The whole ---- */

static void count_left(void *arg, const sr_known_backup *known)
{
	sr_shredded *done = arg;

	(void)known;
	done->left++;
}

static sr_status refuse_unreadable(int64_t count)
{
	return sr_fail(SR_CORRUPT,
		       "%lld AES %s cannot be opened, and could never be once "
		       "the old master keys are destroyed: strongroom keys check names %s",
		       (long long)count,
		       sr_plural(count, "key of another client", "keys of other clients"),
		       sr_plural(count, "it", "them"));
}

typedef struct faults {
	const sr_id *but;
	int64_t count;
} faults;

/* An sr_key_fault_fn. */
static void count_fault(void *arg, const sr_key_fault *fault)
{
	faults *f = arg;

	f->count += memcmp(&fault->client, f->but, sizeof(*f->but)) != 0;
}

/* Whose key cannot be opened is not helped by a new master key, but perhaps by the old one. */
static sr_status check_others(const sr_shredding *s)
{
	faults f = {.but = s->client};
	int64_t checked, count;
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(s->catalog, SR_HERE, &reading)) == SR_OK)
		rc = sr_keys_check_read(&reading, count_fault, &f, &checked, &count);
	sr_reading_end(&reading);
	return rc == SR_OK && f.count > 0 ? refuse_unreadable(f.count) : rc;
}

/* Everything that can be said before anything is changed. */
static sr_status check(sr_shredding *s, char *const *folders)
{
	sr_status rc;

	if ((rc = sr_keys_check_may(s->catalog, "shredded")) != SR_OK ||
	    (rc = find_client(s)) != SR_OK || (rc = check_others(s)) != SR_OK)
		return rc;
	if (s->catalog->settings.master_key_file == NULL)
		return sr_fail(SR_INVALID,
			       "what %s prints cannot be changed here, so no master key can be "
			       "destroyed",
			       sr_keyring_words(s->catalog));
	if ((rc = sr_shred_each(s, folders, check_one)) != SR_OK ||
	    (rc = check_found(s)) != SR_OK ||
	    (rc = sr_known_backups_each(s->catalog, folders, s->options->folder_count, count_left,
					s->done)) != SR_OK)
		return rc;
	if (s->done->left > 0 && !s->options->even_known)
		return sr_fail(SR_REFUSED,
			       "%lld known %s in none of the folders given: after "
			       "this no AES key in %s can be read, of any client",
			       (long long)s->done->left,
			       sr_plural(s->done->left, "backup is", "backups are"),
			       sr_plural(s->done->left, "it", "them"));
	return SR_OK;
}

static sr_status destroy(sr_shredding *s, char *const *folders)
{
	const sr_shred_options *options = s->options;
	sr_rewrapped rewrapped;
	sr_status rc;

	if ((rc = sr_watch_step(&s->watch, "making a master key")) != SR_OK ||
	    (rc = sr_keys_next_master(s->catalog, &s->hold, &s->master)) != SR_OK ||
	    (rc = sr_watch_step(&s->watch, "rewrapping")) != SR_OK ||
	    (rc = sr_keys_rewrap_all(s->catalog, "sr_client_shred", &s->master, s->client,
				     &rewrapped)) != SR_OK)
		return rc;
	sr_keys_hold_backups_may(&s->hold);
	s->done->rewrapped = rewrapped.changed;
	if (rewrapped.unreadable > 0)
		return refuse_unreadable(rewrapped.unreadable);
	strcpy(s->done->id, s->master.id);
	/* Twice: for backups that were begun before keys were rewrapped, and came meanwhile. */
	for (int i = 0; i < 2; i++)
		if ((rc = sr_watch_step(&s->watch, "rewriting backups")) != SR_OK ||
		    (rc = sr_shred_each(s, folders, rewrite_one)) != SR_OK)
			return rc;
	if ((rc = sr_keys_clean(s->catalog, options->progress, options->progress_arg)) != SR_OK)
		return sr_fail_within(rc, "the client's key is taken away, but a copy of it may be "
					  "left");
	if ((rc = sr_watch_step(&s->watch, "destroying master keys")) != SR_OK ||
	    (rc = sr_keys_forget(s->catalog, &s->hold, s->master.id, &s->done->forgotten)) != SR_OK)
		return rc;
	return sr_watch_step(&s->watch, "deleting");
}

static sr_status shred(sr_shredding *s, char *const *folders)
{
	removal r = {.s = s};
	sr_status rc;

	/* From here on nobody else rotates or shreds. */
	if ((rc = sr_keys_check_may(s->catalog, "shredded")) != SR_OK ||
	    (rc = sr_keys_hold_take(s->catalog, true, &s->hold)) != SR_OK)
		return rc;
	sr_time_format(sr_time_now() / 1000000 * 1000000, s->now);
	if ((rc = check(s, folders)) != SR_OK)
		return rc;
	if ((rc = destroy(s, folders)) == SR_OK &&
	    (rc = sr_catalog_write(s->catalog, "sr_client_shred", remove_client, &r)) == SR_OK)
		s->done->files = r.files;
	if (rc == SR_OK)
		return rc;
	return sr_fail_also(rc, "; no other client's key is lost, and the same again finishes it");
}

sr_status sr_client_shred(sr_catalog *catalog, const sr_id *id, const sr_shred_options *options,
			  sr_shredded *done)
{
	sr_shredding s = {.catalog = catalog,
			  .client = id,
			  .options = options,
			  .done = done,
			  .hold = SR_KEYS_NOT_HELD};
	sr_shred_options defaults;
	char **folders;
	sr_status rc;

	*done = (sr_shredded){0};
	sr_shred_options_init(&defaults);
	if (options == NULL)
		s.options = &defaults;
	if (s.options->version != SR_SHRED_OPTIONS_VERSION)
		return sr_return(sr_fail(SR_INVALID,
					 "sr_shred_options of version %u, not %d: "
					 "sr_shred_options_init it",
					 s.options->version, SR_SHRED_OPTIONS_VERSION));
	if (s.options->key != NULL && s.options->key_length == 0)
		return sr_return(sr_fail(SR_INVALID, "the passphrase is empty"));
	s.watch.steps = s.options->progress;
	s.watch.arg = s.options->progress_arg;
	sr_catalog_keep(catalog);
	if ((rc = sr_folders_resolve(s.options->folders, s.options->folder_count, &folders)) ==
	    SR_OK)
		rc = shred(&s, folders);
	sr_keys_hold_end(&s.hold);
	sr_folders_free(folders, s.options->folder_count);
	sr_paths_free(&s.seen);
	sr_paths_free(&s.passed);
	sr_paths_free(&s.namesakes);
	sr_client_free(s.found);
	explicit_bzero(&s.master, sizeof(s.master));
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}
