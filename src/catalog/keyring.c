#include "keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/ring.h"
#include "catalog.h"
#include "keys.h"
#include "place.h"

/* Seconds that a command may take: it may ask somebody on a screen, though not through a terminal.
 */
#define COMMAND_TIMEOUT 60

void sr_keyring_init(sr_keyring *keyring)
{
	*keyring = (sr_keyring){0};
	pthread_mutex_init(&keyring->asking, NULL);
	pthread_mutex_init(&keyring->lock, NULL);
}

void sr_keyring_free(sr_keyring *keyring)
{
	sr_ring_free(keyring->ring);
	pthread_mutex_destroy(&keyring->lock);
	pthread_mutex_destroy(&keyring->asking);
}

bool sr_keyring_named(const sr_catalog *catalog)
{
	return catalog->settings.master_key_file != NULL ||
	       catalog->settings.master_key_command != NULL;
}

const char *sr_keyring_words(const sr_catalog *catalog)
{
	if (catalog->settings.master_key_file != NULL)
		return sr_quoted(sr_text_of(catalog->settings.master_key_file));
	return sr_quoted(sr_text_of(catalog->settings.master_key_command));
}

/* ---- Reading it ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void drop(sr_keyring *keyring)
{
	sr_ring_free(keyring->ring);
	keyring->ring = NULL;
}

sr_status sr_keyring_look(const sr_settings *settings, struct stat *file)
{
	if (lstat(settings->master_key_file, file) != 0) {
		*file = (struct stat){0};
		return SR_OK;
	}
	/* Closing one of its files would drop this process's locks. */
	return sr_is_database(settings, file)
		       ? sr_fail(SR_INVALID, "%s is the database itself and no key ring",
				 sr_quoted(sr_text_of(settings->master_key_file)))
		       : SR_OK;
}

sr_status sr_keyring_read(const sr_settings *settings, sr_ring **ring)
{
	struct stat now;
	sr_status rc;

	if (settings->master_key_file == NULL)
		return sr_ring_run(settings->master_key_command, COMMAND_TIMEOUT, ring);
	if ((rc = sr_keyring_look(settings, &now)) == SR_OK)
		rc = sr_ring_read(settings->master_key_file, ring);
	return rc;
}

/* With its lock. A file is looked at each time. */
static sr_status load_file(sr_catalog *catalog)
{
	sr_keyring *keyring = &catalog->keyring;
	struct stat now;
	sr_status rc;

	if ((rc = sr_keyring_look(&catalog->settings, &now)) != SR_OK)
		return rc;
	/* One that is not there is none that was read. */
	if (keyring->ring != NULL && same_file(&now, &keyring->file))
		return SR_OK;
	drop(keyring);
	if ((rc = sr_ring_read(catalog->settings.master_key_file, &keyring->ring)) == SR_OK)
		keyring->file = now;
	return rc;
}

/* With its lock: NULL where there is no ring, or it does not have that. */
static const sr_master *find(const sr_keyring *keyring, const char *id)
{
	if (keyring->ring == NULL)
		return NULL;
	return id != NULL ? sr_ring_find(keyring->ring, id) : sr_ring_newest(keyring->ring);
}

/* ---- Asking a command ---- */

#define AT_WILL UINT64_MAX /* However often it was asked. */

static _Thread_local struct {
	bool some;
	char id[SR_MASTER_ID_SIZE]; /* "" for the newest. */
} wanted;

bool sr_keyring_wanted(char id[SR_MASTER_ID_SIZE])
{
	memcpy(id, wanted.id, SR_MASTER_ID_SIZE);
	return wanted.some;
}

void sr_keyring_forget_wanted(void)
{
	wanted.some = false;
}

static void want(const char *id)
{
	wanted.some = true;
	snprintf(wanted.id, sizeof(wanted.id), "%s", id != NULL ? id : "");
}

static bool is_command(const sr_catalog *catalog)
{
	return catalog->settings.master_key_file == NULL &&
	       catalog->settings.master_key_command != NULL;
}

/* With both locks: what has come of asking. A ring that it printed before is kept where it prints
 * none now. */
static void take(sr_keyring *keyring, const char *id, sr_status rc, sr_ring *fresh)
{
	keyring->asked++;
	keyring->failed = rc;
	snprintf(keyring->why, sizeof(keyring->why), "%s", rc == SR_OK ? "" : sr_error_message());
	if (rc == SR_OK) {
		drop(keyring);
		keyring->ring = fresh;
	}
	keyring->in_vain = rc != SR_OK || find(keyring, id) == NULL;
	snprintf(keyring->vain, sizeof(keyring->vain), "%s", id != NULL ? id : "");
}

/* Without locks, nor the writer: nobody waits for the command but who needs it. Somebody else may
 * have asked meanwhile; `anew` is not content with that. */
static sr_status ask_command(sr_catalog *catalog, const char *id, bool anew)
{
	sr_keyring *keyring = &catalog->keyring;
	sr_ring *fresh = NULL;
	sr_status rc = SR_OK;
	bool there;

	pthread_mutex_lock(&keyring->asking);
	pthread_mutex_lock(&keyring->lock);
	there = !anew && find(keyring, id) != NULL;
	pthread_mutex_unlock(&keyring->lock);
	if (!there) {
		rc = sr_ring_run(catalog->settings.master_key_command, COMMAND_TIMEOUT, &fresh);
		pthread_mutex_lock(&keyring->lock);
		take(keyring, id, rc, fresh);
		pthread_mutex_unlock(&keyring->lock);
	}
	pthread_mutex_unlock(&keyring->asking);
	return rc;
}

/* With its lock, while the command is not run: why there is no ring. */
static sr_status fail_unasked(const sr_catalog *catalog)
{
	const sr_keyring *keyring = &catalog->keyring;

	if (keyring->failed != SR_OK)
		return sr_fail(keyring->failed, "%s", keyring->why);
	return sr_fail(SR_WRONG_KEY, "the key command %s is not run inside a transaction",
		       sr_keyring_words(catalog));
}

uint64_t sr_keyring_asked(sr_catalog *catalog)
{
	sr_keyring *keyring = &catalog->keyring;
	uint64_t asked;

	pthread_mutex_lock(&keyring->lock);
	asked = keyring->asked;
	pthread_mutex_unlock(&keyring->lock);
	return asked;
}

/* What a command printed is kept; it is asked again for what that lacks, unless it was since. */
static sr_status load_command(sr_catalog *catalog, const char *id, uint64_t asked)
{
	sr_keyring *keyring = &catalog->keyring;
	bool writing = sr_pool_writing(catalog->pool);
	bool there, enough;
	sr_status rc = SR_OK;

	pthread_mutex_lock(&keyring->lock);
	enough = writing || keyring->asked > asked;
	there = find(keyring, id) != NULL || (id == NULL && keyring->ring != NULL);
	if (!there && writing) {
		want(id);
		if (keyring->ring == NULL)
			rc = fail_unasked(catalog);
	} else if (!there && enough && keyring->failed != SR_OK) {
		rc = fail_unasked(catalog);
	}
	pthread_mutex_unlock(&keyring->lock);
	return there || enough ? rc : ask_command(catalog, id, false);
}

void sr_keyring_prepare(sr_catalog *catalog, const char *id)
{
	if (is_command(catalog) && !sr_pool_writing(catalog->pool))
		(void)ask_command(catalog, id[0] != '\0' ? id : NULL, false);
}

bool sr_keyring_vain(sr_catalog *catalog, const char *id)
{
	sr_keyring *keyring = &catalog->keyring;
	bool vain;

	if (!is_command(catalog))
		return true;
	pthread_mutex_lock(&keyring->lock);
	vain = keyring->in_vain && strcmp(keyring->vain, id) == 0;
	pthread_mutex_unlock(&keyring->lock);
	return vain;
}

/* ---- What it has ---- */

/* On SR_OK the lock is held, and there is a ring; it may lack the key. */
static sr_status lock_loaded(sr_catalog *catalog, const char *id, uint64_t asked)
{
	sr_keyring *keyring = &catalog->keyring;
	sr_status rc = SR_OK;

	if (!sr_keyring_named(catalog))
		return sr_fail(SR_WRONG_KEY, "no key ring is set: STRONGROOM_MASTER_KEY_FILE "
					     "names it");
	if (is_command(catalog) && (rc = load_command(catalog, id, asked)) != SR_OK)
		return rc;
	pthread_mutex_lock(&keyring->lock);
	if (!is_command(catalog) && (rc = load_file(catalog)) != SR_OK)
		pthread_mutex_unlock(&keyring->lock);
	return rc;
}

sr_status sr_keyring_load(sr_catalog *catalog)
{
	sr_status rc = lock_loaded(catalog, NULL, AT_WILL);

	if (rc == SR_OK)
		pthread_mutex_unlock(&catalog->keyring.lock);
	return rc;
}

sr_status sr_keyring_reload(sr_catalog *catalog)
{
	if (is_command(catalog) && !sr_pool_writing(catalog->pool))
		return ask_command(catalog, NULL, true);
	return sr_keyring_load(catalog);
}

static sr_status find_master(sr_catalog *catalog, const char *id, uint64_t asked, sr_master *master)
{
	const sr_master *found = NULL;
	bool empty = false;
	sr_status rc;

	if ((rc = lock_loaded(catalog, id, asked)) == SR_OK) {
		empty = catalog->keyring.ring != NULL && catalog->keyring.ring->count == 0;
		if ((found = find(&catalog->keyring, id)) != NULL)
			*master = *found;
		pthread_mutex_unlock(&catalog->keyring.lock);
	}
	if (found != NULL)
		return SR_OK;
	if (rc == SR_OK && id == NULL)
		return sr_fail(SR_NOT_FOUND, "the key ring %s has no master key",
			       sr_keyring_words(catalog));
	if (rc == SR_OK)
		return sr_fail(SR_WRONG_KEY, "the key ring %s %s the master key %s that is wanted",
			       sr_keyring_words(catalog),
			       empty ? "is empty, without" : "does not have", id);
	if (id != NULL && (rc == SR_NOT_FOUND || rc == SR_WRONG_KEY))
		return sr_fail_also(SR_WRONG_KEY, "; the master key %s is wanted", id);
	return rc;
}

sr_status sr_keyring_master(sr_catalog *catalog, const char *id, sr_master *master)
{
	return find_master(catalog, id, AT_WILL, master);
}

bool sr_keyring_has(sr_catalog *catalog, const char *id)
{
	bool has;

	/* Of the ring as it was read: nobody needs the key now. */
	if (lock_loaded(catalog, NULL, AT_WILL) != SR_OK)
		return false;
	has = sr_ring_find(catalog->keyring.ring, id) != NULL;
	pthread_mutex_unlock(&catalog->keyring.lock);
	return has;
}

/* ---- Keys of clients ---- */

void sr_key_done(sr_key *key)
{
	if (key->bytes != NULL)
		explicit_bzero(key->bytes, key->length);
	free(key->bytes);
	*key = (sr_key){0};
}

/* What it is wrapped under. */
static sr_status find_wrapping(sr_catalog *catalog, uint64_t asked, sr_text stored,
			       sr_master *master)
{
	char id[SR_MASTER_ID_SIZE];

	sr_wrapped_id(stored, id);
	return find_master(catalog, id, asked, master);
}

sr_status sr_key_fail_of(sr_status rc, sr_text name)
{
	return sr_fail_within(rc, "the AES key of client %s is wrapped", sr_quoted(name));
}

sr_status sr_key_may_go(sr_catalog *catalog, sr_text name, sr_text stored)
{
	sr_master master;
	sr_status rc;

	if (!sr_is_wrapped(stored))
		return SR_OK;
	rc = find_wrapping(catalog, 0, stored, &master);
	explicit_bzero(&master, sizeof(master));
	return rc == SR_OK ? rc : sr_key_fail_of(rc, name);
}

/* Whether there is the id of one of the catalog's master keys where a wrapped key has it. */
static sr_status has_known_id(sr_conn *conn, sr_text stored, bool *has)
{
	char id[SR_MASTER_ID_SIZE];
	sr_stmt *stmt;
	sr_status rc;

	*has = false;
	if (conn == NULL || stored.length < SR_WRAP_MORE)
		return SR_OK;
	sr_wrapped_id(stored, id);
	if ((rc = sr_prepare(conn, "SELECT 1 FROM master_keys WHERE ID = $1", &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, id);
	return sr_stmt_end(stmt, sr_step(stmt, has));
}

/* What is not wrapped is plain, unless it is what damage has left of a wrapped key. */
static sr_status check_plain(sr_conn *conn, sr_text stored)
{
	bool was_wrapped = sr_was_wrapped(stored);
	sr_status rc = SR_OK;

	if (!was_wrapped && (rc = has_known_id(conn, stored, &was_wrapped)) != SR_OK)
		return rc;
	return was_wrapped ? sr_fail(SR_CORRUPT, "it was changed, or cut short, so that nothing "
						 "opens it")
			   : SR_OK;
}

sr_status sr_key_open_unnamed(sr_catalog *catalog, sr_conn *conn, uint64_t asked, sr_text owner,
			      sr_text stored, sr_key *key)
{
	sr_master master;
	bool good = false;
	sr_status rc;

	*key = (sr_key){0};
	if (!sr_is_wrapped(stored))
		return check_plain(conn, stored);
	if ((rc = find_wrapping(catalog, asked, stored, &master)) != SR_OK)
		return rc;
	key->length = stored.length - SR_WRAP_MORE;
	if ((key->bytes = calloc(1, key->length + 1)) == NULL)
		rc = sr_fail_memory();
	else
		rc = sr_unwrap(&master, owner, stored, (unsigned char *)key->bytes, &good);
	if (rc == SR_OK && !good)
		rc = sr_fail(SR_CORRUPT,
			     "it was changed, or is another client's: master key %s does not open "
			     "it",
			     master.id);
	explicit_bzero(&master, sizeof(master));
	if (rc != SR_OK)
		sr_key_done(key);
	return rc;
}

sr_status sr_key_open(sr_catalog *catalog, sr_conn *conn, uint64_t asked, sr_text owner,
		      sr_text name, sr_text stored, sr_key *key)
{
	sr_status rc = sr_key_open_unnamed(catalog, conn, asked, owner, stored, key);

	return rc == SR_OK ? rc : sr_key_fail_of(rc, name);
}

void sr_sealer_end(sr_sealer *sealer)
{
	explicit_bzero(&sealer->master, sizeof(sealer->master));
	sealer->asked = false;
}

static sr_status ask(sr_catalog *catalog, sr_conn *conn, sr_sealer *sealer)
{
	char id[SR_MASTER_ID_SIZE] = "";
	sr_status rc;

	sealer->wraps = false;
	if (!catalog->settings.plain_keys) {
		if ((rc = sr_keys_current(conn, id)) != SR_OK)
			return rc;
		if (id[0] != '\0' &&
		    (rc = sr_keyring_master(catalog, id, &sealer->master)) != SR_OK)
			return sr_fail_within(rc, "AES keys are kept wrapped here");
		sealer->wraps = id[0] != '\0';
	}
	sealer->asked = true;
	return SR_OK;
}

sr_status sr_key_close(sr_catalog *catalog, sr_conn *conn, sr_sealer *sealer, sr_text owner,
		       sr_text key, sr_text *stored)
{
	sr_status rc;

	*stored = key;
	if (key.data == NULL || key.length == 0)
		return SR_OK;
	if (!sealer->asked && (rc = ask(catalog, conn, sealer)) != SR_OK)
		return rc;
	if (!sealer->wraps)
		return SR_OK;
	*stored = (sr_text){(const char *)sealer->wrapped, key.length + SR_WRAP_MORE};
	return sr_wrap(&sealer->master, owner, key, sealer->wrapped);
}
