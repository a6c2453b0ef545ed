/*
 * Writing a backup.
 *
 *	COPY [sr_copy_make]  ->  PACKED [pack]  ->  NAMED [finish]  ->  NOTED [note]
 *
 * A plain copy is written where it is to stay. One that is packed is first written beside the
 * database, so that the plain bytes lie nowhere that the catalog's do not, and goes when it is
 * packed. Until NAMED there are only parts, which any failure takes away, and which the next
 * backup takes away where a process was killed.
 */
#include "backup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/path.h"
#include "../base/private.h"
#include "activity.h"
#include "keys.h"

typedef struct backing {
	sr_catalog *catalog;
	const sr_backup_options *options;
	sr_backed_up *result;
	sr_watch watch;
	char path[4096];   /* What it is to be called. */
	char folder[4096]; /* The one that it is named in, or "": path was given. */
	const char *more;  /* What follows .db in a name. */
} backing;

void sr_backup_options_init(sr_backup_options *options)
{
	*options = (sr_backup_options){.version = SR_BACKUP_OPTIONS_VERSION};
}

static const char *database(const backing *b)
{
	return b->catalog->settings.path;
}

static bool packs(const backing *b)
{
	return b->options->compress || b->options->key != NULL;
}

/* ---- Where ---- */

sr_status sr_backup_path(const char *path, char absolute[4096])
{
	sr_buffer whole = SR_BUFFER_EMPTY;
	sr_status rc;

	if ((rc = sr_path_absolute(NULL, sr_text_of(path), &whole)) == SR_OK) {
		if (whole.length >= 4096)
			rc = sr_fail(SR_INVALID, "the path %s is too long for a backup",
				     sr_quoted(sr_text_of(path)));
		else
			memcpy(absolute, whole.data, whole.length + 1);
	}
	sr_buffer_free(&whole);
	return rc;
}

static sr_status name_again(backing *b)
{
	return sr_backup_name(database(b), b->folder, b->more, b->path);
}

static sr_status folder_of_database(backing *b)
{
	sr_text folder = sr_path_folder(sr_text_of(database(b)));
	int n = snprintf(b->folder, sizeof(b->folder), "%.*s", SR_TEXT_ARGS(folder));

	return n >= 0 && (size_t)n < sizeof(b->folder)
		       ? SR_OK
		       : sr_fail(SR_INVALID, "the path %s is too long for a backup", database(b));
}

/* The name, given or made, that nothing bears yet. */
static sr_status choose(backing *b)
{
	static const char *const more[2][2] = {{"", ".sealed"}, {".zst", ".zst.sealed"}};
	struct stat st;
	sr_status rc;

	b->more = more[b->options->compress][b->options->key != NULL];
	if (b->options->path == NULL)
		return (rc = folder_of_database(b)) == SR_OK ? name_again(b) : rc;
	if ((rc = sr_backup_path(b->options->path, b->path)) != SR_OK)
		return rc;
	if (stat(b->path, &st) == 0 && S_ISDIR(st.st_mode)) {
		memcpy(b->folder, b->path, sizeof(b->folder));
		return name_again(b);
	}
	if ((rc = sr_output_name_check(b->path)) != SR_OK)
		return rc;
	if (lstat(b->path, &st) == 0)
		return sr_fail(SR_EXISTS, "%s exists already; nothing is overwritten",
			       sr_quoted(sr_text_of(b->path)));
	return SR_OK;
}

/* What killed ones have left in either folder. */
static void sweep(const backing *b)
{
	sr_text folder = sr_path_folder(sr_text_of(b->path));
	char where[4096];

	snprintf(where, sizeof(where), "%.*s", SR_TEXT_ARGS(folder));
	sr_parts_remove(NULL, database(b), NULL);
	sr_parts_remove(where, database(b), sr_path_name(sr_text_of(b->path)).data);
}

/* ---- The copy ---- */

static sr_status space_check(sr_conn *conn, const char *part)
{
	int64_t pages, size;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA page_size", &size)) != SR_OK)
		return rc;
	return sr_space_check(part, pages * size + (1 << 16), "the backup");
}

/* A connection of its own: it reads in large pieces, and the pool's readers stay free. */
static sr_status open_source(const backing *b, sr_conn **conn)
{
	const sr_settings *settings = &b->catalog->settings;
	sr_conn_options options = {
		.access = settings->read_only ? SR_ACCESS_INSPECT : SR_ACCESS_READ,
		.busy_timeout = settings->timeout,
		.cache_pages = 500,
		.bare = true,
		.sweeping = true,
	};
	sr_status rc = sr_conn_open(&sr_sqlite, settings->path, &options, conn);

	if (rc != SR_READ_ONLY && rc != SR_BUSY)
		return rc;
	options.access = SR_ACCESS_READ;
	return sr_conn_open(&sr_sqlite, settings->path, &options, conn);
}

/* The verified copy, of one snapshot. */
static sr_status copy(backing *b, const char *part)
{
	sr_copied copied;
	sr_conn *conn;
	sr_status rc;
	bool legacy;

	if ((rc = open_source(b, &conn)) != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) == SR_OK &&
	    (rc = sr_schema_version(conn, &b->result->schema_version, &legacy)) == SR_OK &&
	    (rc = space_check(conn, part)) == SR_OK &&
	    (rc = sr_copy_make(conn, part, true, &b->watch, &copied)) == SR_OK) {
		b->result->bytes = b->result->database_bytes = copied.bytes;
		b->result->tables = copied.tables;
		b->result->rows = copied.rows;
		b->result->seconds_copying = copied.seconds;
	}
	sr_conn_close(conn);
	return rc;
}

/* ---- Packed ---- */

static sr_status file_size(const char *path, int64_t *bytes)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return sr_fail_errno(errno, "%s cannot be looked at", sr_quoted(sr_text_of(path)));
	*bytes = (int64_t)st.st_size;
	return SR_OK;
}

/* Packs the copy, and unpacks it again to see that it is what went in. */
static sr_status pack(backing *b, const char *plain, const char *part)
{
	const sr_archive_options options = {
		.key = b->options->key,
		.key_length = b->options->key_length,
		.compress = b->options->compress,
		.progress = sr_watch_progress,
		.progress_arg = &b->watch,
	};
	sr_archive_content in, out;
	sr_status rc;

	if ((rc = sr_watch_step(&b->watch, "packing")) != SR_OK ||
	    (rc = sr_archive_pack(plain, part, &options, &in)) != SR_OK)
		return rc;
	if ((rc = sr_watch_step(&b->watch, "reading back")) == SR_OK)
		rc = sr_archive_unpack(part, NULL, &options, &out);
	if (rc == SR_OK && (in.bytes != out.bytes || strcmp(in.hash, out.hash) != 0))
		rc = sr_fail(SR_CORRUPT, "%s does not give back what was packed into it",
			     sr_quoted(sr_text_of(part)));
	if (rc == SR_OK)
		rc = file_size(part, &b->result->bytes);
	if (rc != SR_OK)
		sr_private_remove(part);
	return rc;
}

/* A part's name that another thread of this process has taken in this very moment is free again
 * under the next number. */
#define TRIES 100

static sr_status copy_packed(backing *b, const char *part)
{
	char name[4096], plain[4096];
	int hold = -1;
	sr_status rc;

	if ((rc = sr_part_hold(database(b), &hold)) != SR_OK)
		return rc;
	rc = SR_EXISTS;
	for (int i = 0; i < TRIES && rc == SR_EXISTS; i++)
		if ((rc = sr_backup_name(database(b), NULL, "", name)) == SR_OK &&
		    (rc = sr_part_name(name, plain)) == SR_OK)
			rc = copy(b, plain);
	if (rc == SR_OK) {
		rc = pack(b, plain, part);
		sr_private_remove(plain);
	}
	sr_part_let_go(&hold);
	return rc;
}

/* ---- The whole ---- */

/* Gives it its name; of names that are made here, the next that is free. */
static sr_status finish(backing *b, const char *part)
{
	sr_status rc;

	while ((rc = sr_part_finish(part, b->path)) == SR_EXISTS && b->folder[0])
		if ((rc = name_again(b)) != SR_OK)
			break;
	if (rc != SR_OK)
		sr_private_remove(part);
	else
		snprintf(b->result->path, sizeof(b->result->path), "%s", b->path);
	return rc;
}

static sr_status append(sr_conn *conn, void *arg)
{
	const backing *b = arg;
	char now[SR_TIME_TEXT_SIZE];

	sr_time_format(sr_time_now(), now);
	return sr_activity_append_catalog(conn, SR_ACTIVITY_BACKUP, b->path, b->result->bytes, now);
}

/* The backup is whole, whatever becomes of the note. */
static void note(backing *b)
{
	sr_status rc = sr_catalog_write(b->catalog, SR_HERE, append, b);

	if (rc != SR_OK && rc != SR_READ_ONLY && rc != SR_TOO_OLD)
		sr_log("catalog", SR_LOG_WARNING, "the backup %s is not among the activities: %s",
		       sr_quoted(sr_text_of(b->path)), sr_error_message());
}

/* The whole copy, still under its part's name. */
static sr_status write_part(backing *b, char part[4096])
{
	sr_status rc;

	for (int i = 0;; i++) {
		if ((rc = sr_part_name(b->path, part)) == SR_OK)
			rc = packs(b) ? copy_packed(b, part) : copy(b, part);
		if (rc != SR_EXISTS || b->folder[0] == '\0' || i == TRIES ||
		    (rc = name_again(b)) != SR_OK)
			return rc;
	}
}

static sr_status write_and_name(backing *b)
{
	char part[4096];
	int guarding = -1, hold = -1;
	sr_status rc;

	if ((rc = sr_backup_guard_if(database(b), b->catalog->settings.timeout, &guarding)) !=
	    SR_OK)
		return rc;
	if ((rc = sr_part_hold(b->path, &hold)) == SR_OK && (rc = write_part(b, part)) == SR_OK)
		rc = finish(b, part);
	sr_part_let_go(&hold);
	/* From now on it is known. */
	if (rc == SR_OK)
		note(b);
	sr_backup_unguard(&guarding);
	return rc;
}

static sr_status back_up(backing *b)
{
	int64_t began = sr_clock_ns();
	sr_status rc;

	if ((rc = choose(b)) != SR_OK)
		return rc;
	sweep(b);
	if ((rc = sr_keys_wrap_for_backup(b->catalog)) != SR_OK)
		return rc;
	if ((rc = write_and_name(b)) != SR_OK)
		return rc;
	/* One that is not on the list is merely never rotated away. */
	if (b->folder[0] && sr_rotation_note(database(b), b->path) != SR_OK)
		sr_log("catalog", SR_LOG_WARNING, "%s will not be rotated: %s",
		       sr_quoted(sr_text_of(b->path)), sr_error_message());
	b->result->compressed = b->options->compress;
	b->result->encrypted = b->options->key != NULL;
	b->result->seconds = (double)(sr_clock_ns() - began) / 1e9;
	return SR_OK;
}

static sr_status check(sr_catalog *catalog, const sr_backup_options *options)
{
	int version;
	sr_status rc;

	if (options->version != SR_BACKUP_OPTIONS_VERSION)
		return sr_fail(SR_INVALID,
			       "sr_backup_options of version %u, not %d: sr_backup_options_init it",
			       options->version, SR_BACKUP_OPTIONS_VERSION);
	if (options->key != NULL && options->key_length == 0)
		return sr_fail(SR_INVALID, "the passphrase is empty: it would protect nothing");
	if ((rc = sr_catalog_version(catalog, &version)) != SR_OK)
		return rc;
	if (sr_pool_in_transaction(catalog->pool))
		return sr_fail(SR_INVALID, "a backup cannot be made inside a transaction: end the "
					   "one that this thread has open");
	return SR_OK;
}

sr_status sr_backup(sr_catalog *catalog, const sr_backup_options *options, sr_backed_up *result)
{
	sr_backup_options defaults;
	sr_backed_up done = {0};
	backing b = {.catalog = catalog, .options = options, .result = &done};
	sr_status rc;

	sr_backup_options_init(&defaults);
	if (options == NULL)
		b.options = &defaults;
	if ((rc = check(catalog, b.options)) != SR_OK)
		return sr_return(rc);
	b.watch.steps = b.options->progress;
	b.watch.arg = b.options->progress_arg;
	sr_catalog_keep(catalog);
	rc = back_up(&b);
	sr_catalog_let_go(catalog);
	if (rc == SR_OK && result != NULL)
		*result = done;
	return sr_return(rc);
}
