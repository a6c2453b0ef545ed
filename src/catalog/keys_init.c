/*
 * Beginning to wrap clients' AES keys, and the way back.
 *
 * The ring comes first, on the disk before any key depends on it; then all keys and the id of their
 * master key in one transaction; then the removal of what was plain. Whatever ends it in between,
 * every key can be read, and the same call goes on.
 *
 * What was plain is left in free bytes of pages, in free pages and in the log. The database is made
 * compact, which writes every page anew; the log is brought in, begun anew, and cut behind that.
 */
#include "keys.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../base/clock.h"
#include "keys_rotate.h"

/* How long readers that hold the log back are waited for. */
#define PATIENCE_SECONDS  5
#define PAUSE_NANOSECONDS 50000000

void sr_keys_options_init(sr_keys_options *options)
{
	*options = (sr_keys_options){.version = SR_KEYS_OPTIONS_VERSION};
}

/* ---- The master key ---- */

static sr_status make_ring(sr_catalog *catalog, sr_master *master, bool *made)
{
	const char *path = catalog->settings.master_key_file;
	sr_status rc;

	if ((rc = sr_output_name_check(path)) != SR_OK || (rc = sr_master_new(master)) != SR_OK)
		return rc;
	rc = sr_ring_create(path, master);
	*made = rc == SR_OK;
	/* Somebody else was faster. */
	return rc == SR_EXISTS ? sr_keyring_master(catalog, NULL, master) : rc;
}

/* Before there is a current one: the ring's newest, or a new one in a new ring. */
static sr_status first_master(sr_catalog *catalog, sr_master *master, bool *made)
{
	const char *path = catalog->settings.master_key_file;
	struct stat st;
	sr_status rc;

	if (path != NULL && lstat(path, &st) != 0) {
		if (errno != ENOENT)
			return sr_fail_errno(errno, "the key ring %s cannot be looked for",
					     sr_quoted(sr_text_of(path)));
		return make_ring(catalog, master, made);
	}
	if ((rc = sr_keyring_master(catalog, NULL, master)) == SR_NOT_FOUND)
		sr_fail_also(rc, "; remove it, and a new one is made");
	return rc;
}

/* ---- Wrapping ---- */

typedef struct beginning {
	sr_catalog *catalog;
	sr_keys_done *done;
	sr_master master;
	char now[SR_TIME_TEXT_SIZE];
	bool stale; /* The catalog's shape was out of date. */
} beginning;

/* An sr_operation. Another program may have begun, or rotated, a moment ago. */
static sr_status wrap_all(sr_conn *conn, void *arg)
{
	beginning *b = arg;
	char id[SR_MASTER_ID_SIZE];
	sr_status rc;

	if ((rc = sr_catalog_admit(b->catalog, conn, &b->stale)) != SR_OK ||
	    (rc = sr_keys_current(conn, id)) != SR_OK)
		return rc;
	b->done->begun = id[0] == '\0';
	if (b->done->begun && (rc = sr_keys_still_there(b->catalog, &b->master)) == SR_OK)
		rc = sr_keys_put_current(conn, &b->master, b->now);
	else if (!b->done->begun && strcmp(id, b->master.id) != 0)
		rc = sr_keyring_master(b->catalog, id, &b->master);
	if (rc == SR_OK)
		rc = sr_keys_wrap_plain(conn, &b->master, &b->done->changed);
	strcpy(b->done->id, b->master.id);
	return rc;
}

/* Not as other writes do, which take plain keys in before they begin: here they are counted. */
static sr_status run(beginning *b, const char *site, sr_operation operation)
{
	sr_status rc = sr_pool_commit_large(b->catalog->pool, site, operation, b);

	sr_keys_look_again(b->catalog);
	if (rc == SR_OK && b->stale)
		sr_catalog_renew(b->catalog);
	return rc;
}

/* Nobody changes the ring, and what killed processes have left of it is gone. */
static sr_status wrap_held(beginning *b)
{
	sr_keys_hold hold;
	sr_status rc;

	if ((rc = sr_keys_hold_take(b->catalog, false, &hold)) != SR_OK)
		return rc;
	sr_time_format(sr_time_now() / 1000000 * 1000000, b->now);
	rc = run(b, "sr_keys_init", wrap_all);
	sr_keys_hold_end(&hold);
	return rc;
}

static sr_status begin(beginning *b)
{
	sr_catalog *catalog = b->catalog;
	char id[SR_MASTER_ID_SIZE];
	sr_status rc;

	if ((rc = sr_keys_check_writable(catalog, "wrapped")) != SR_OK)
		return rc;
	if (catalog->settings.plain_keys)
		return sr_fail(SR_INVALID, "STRONGROOM_AES_KEYS is plain: keys are not wrapped");
	if (!sr_keyring_named(catalog))
		return sr_fail(SR_INVALID, "say where the master key is to be kept: "
					   "STRONGROOM_MASTER_KEY_FILE, or --key-file");
	if ((rc = sr_keys_current_now(catalog, id)) != SR_OK)
		return rc;
	rc = id[0] != '\0' ? sr_keyring_master(catalog, id, &b->master)
			   : first_master(catalog, &b->master, &b->done->ring_made);
	return rc == SR_OK ? wrap_held(b) : rc;
}

/* ---- Removing what was plain ---- */

static sr_status log_bytes(const sr_catalog *catalog, int64_t *bytes)
{
	sr_buffer path = SR_BUFFER_EMPTY;
	struct stat st;
	sr_status rc;

	*bytes = 0;
	sr_buffer_printf(&path, "%s-wal", catalog->settings.path);
	if ((rc = sr_buffer_status(&path)) == SR_OK && stat(path.data, &st) == 0)
		*bytes = st.st_size;
	sr_buffer_free(&path);
	return rc;
}

static sr_status write_small(sr_conn *conn, const char *sql)
{
	sr_status rc;

	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_WRITE)) == SR_OK &&
	    (rc = sr_exec(conn, sql)) == SR_OK)
		rc = sr_conn_commit(conn);
	sr_conn_rollback(conn);
	return rc;
}

/* A small commit after the log was copied begins it anew, and with this limit nothing stays behind
 * it. That fails for as long as a reader needs the old one. */
static sr_status cut_log(sr_catalog *catalog, sr_conn *conn)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NANOSECONDS};
	double timeout = catalog->settings.timeout;
	double patience = timeout < PATIENCE_SECONDS ? timeout : PATIENCE_SECONDS;
	int64_t until = sr_clock_ns() + (int64_t)(patience * 1e9);
	int64_t page, bytes;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_size", &page)) != SR_OK)
		return rc;
	for (;;) {
		if ((rc = sr_pool_checkpoint(catalog->pool)) != SR_OK ||
		    (rc = write_small(conn, "UPDATE master_keys SET CleanedAt = CASE WHEN "
					    "IsCurrent = 1 AND CleanedAt IS NULL THEN '' END")) !=
			    SR_OK ||
		    (rc = log_bytes(catalog, &bytes)) != SR_OK)
			return rc;
		if (bytes <= 32 + 16 * (page + 24))
			return write_small(conn, "UPDATE master_keys SET CleanedAt = "
						 "strftime('%Y-%m-%dT%H:%M:%SZ') WHERE "
						 "IsCurrent = 1");
		if (sr_clock_ns() > until)
			return sr_fail(SR_BUSY, "a reader that began before holds the log");
		nanosleep(&pause, NULL);
	}
}

typedef struct step {
	sr_stage_fn progress;
	void *arg;
} step;

static bool step_progress(void *arg, int64_t done, int64_t total)
{
	const step *s = arg;

	return s->progress != NULL && s->progress(s->arg, "removing plain copies", done, total);
}

sr_status sr_keys_clean(sr_catalog *catalog, sr_stage_fn progress, void *arg)
{
	step s = {progress, arg};
	sr_optimize_options options;
	sr_optimized optimized;
	int64_t limit;
	sr_conn *conn;
	sr_status rc;
	char sql[64];

	sr_optimize_options_init(&options);
	options.progress = step_progress;
	options.progress_arg = &s;
	if ((rc = sr_optimize(catalog, &options, &optimized)) != SR_OK)
		return rc;
	if ((rc = sr_pool_write(catalog->pool, "sr_keys_init", &conn)) != SR_OK)
		return rc;
	if ((rc = sr_query_integer(conn, "PRAGMA journal_size_limit", &limit)) == SR_OK &&
	    (rc = sr_exec(conn, "PRAGMA journal_size_limit = 0")) == SR_OK) {
		rc = cut_log(catalog, conn);
		snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit = %lld", (long long)limit);
		sr_status back = sr_exec(conn, sql);
		rc = rc == SR_OK ? back : rc;
	}
	sr_pool_release(catalog->pool, conn);
	return rc;
}

/* ---- The calls ---- */

sr_status sr_keys_init(sr_catalog *catalog, const sr_keys_options *options, sr_keys_done *done)
{
	beginning b = {.catalog = catalog, .done = done};
	sr_keys_options defaults;
	sr_status rc;

	*done = (sr_keys_done){0};
	sr_keys_options_init(&defaults);
	if (options == NULL)
		options = &defaults;
	if (options->version != SR_KEYS_OPTIONS_VERSION)
		return sr_return(sr_fail(SR_INVALID,
					 "sr_keys_options of version %u, not %d: "
					 "sr_keys_options_init it",
					 options->version, SR_KEYS_OPTIONS_VERSION));
	sr_catalog_keep(catalog);
	if (options->progress != NULL && options->progress(options->progress_arg, "wrapping", 0, 0))
		rc = sr_fail(SR_INTERRUPTED, "cancelled; nothing was changed");
	else
		rc = begin(&b);
	explicit_bzero(&b.master, sizeof(b.master));
	if (rc == SR_OK) {
		done->cleaned =
			sr_keys_clean(catalog, options->progress, options->progress_arg) == SR_OK;
		if (!done->cleaned)
			snprintf(done->why, sizeof(done->why), "%s", sr_error_message());
	} else {
		*done = (sr_keys_done){0};
	}
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

static sr_status unwrap_row(void *arg, sr_conn *conn, sr_text owner, sr_text name, sr_text stored,
			    sr_buffer *instead)
{
	sr_key key;
	sr_status rc;

	if ((rc = sr_key_open(arg, conn, 0, owner, name, stored, &key)) != SR_OK)
		return rc;
	sr_buffer_add(instead, key.bytes, key.length);
	sr_key_done(&key);
	return SR_OK;
}

static sr_status unwrap_all(sr_conn *conn, void *arg)
{
	beginning *b = arg;
	sr_status rc;

	if ((rc = sr_catalog_admit(b->catalog, conn, &b->stale)) == SR_OK &&
	    (rc = sr_keys_rewrite(conn, SR_KEY_WAS_WRAPPED, unwrap_row, b->catalog,
				  &b->done->changed)) == SR_OK)
		rc = sr_exec(conn, "DELETE FROM master_keys");
	return rc;
}

sr_status sr_keys_unwrap(sr_catalog *catalog, sr_keys_done *done)
{
	beginning b = {.catalog = catalog, .done = done};
	char id[SR_MASTER_ID_SIZE];
	sr_status rc;

	*done = (sr_keys_done){0};
	sr_catalog_keep(catalog);
	if ((rc = sr_keys_check_writable(catalog, "unwrapped")) == SR_OK &&
	    (rc = sr_keys_current_now(catalog, id)) == SR_OK) {
		/* Where a command prints it: not inside the transaction. */
		if (id[0] != '\0')
			sr_keyring_prepare(catalog, id);
		rc = run(&b, "sr_keys_unwrap", unwrap_all);
	}
	if (rc != SR_OK)
		*done = (sr_keys_done){0};
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}
