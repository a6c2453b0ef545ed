/*
 * Restoring a backup.
 *
 *	UNPACKED [sr_unpack]  a private file beside the database
 *	CHECKED  [sr_unpacked_check]
 *	WRAPPED  [sr_restore_keys_wrap]  what is plain in the present catalog
 *	FITTED   [fit]  brought to this version, and to the pages of the present database
 *	KEPT     [keep]  the present catalog is backed up; the backups that it knows of stay known
 *	WRITTEN  [sr_conn_replace]  one transaction, or [sr_restore_file] one rename
 *
 * Up to KEPT nothing else of the catalog was touched. Nobody changes the key ring meanwhile, so
 * that what is kept and what is restored do not lose the master keys that they need. A process that
 * is killed leaves the private file, which the next backup or restore takes away.
 */
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/private.h"
#include "activity.h"
#include "keys_rotate.h"
#include "known_backups.h"

typedef struct restoring {
	const sr_options *options;
	const sr_settings *settings;
	const char *backup; /* Absolute. */
	const sr_backup_read_options *how;
	sr_watch watch;
	sr_unpacked unpacked;
	sr_restore_keys keys;
	bool fitted;         /* The private file is ready. */
	char database[4096]; /* Without symbolic links where it is there. */
	sr_restored *result;
} restoring;

/* ---- The private file ---- */

static sr_conn_options write_options(const restoring *r)
{
	return (sr_conn_options){
		.access = SR_ACCESS_WRITE,
		.durability = SR_DURABILITY_FULL,
		.busy_timeout = r->settings->timeout,
		.cache_pages = 2000,
	};
}

/* False: errno says why. */
static bool write_whole(int fd, const unsigned char *bytes, size_t length, off_t at)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = pwrite(fd, bytes + done, length - done, at + (off_t)done);

		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

sr_status sr_header_without_log(const char *path)
{
	static const unsigned char versions[2] = {1, 1};
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good = fd >= 0 && write_whole(fd, versions, sizeof(versions), 18) && fsync(fd) == 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	return good ? SR_OK : sr_fail_errno(error, "%s cannot be written", path);
}

static sr_status private_open(const restoring *r, sr_conn **conn)
{
	const sr_conn_options options = write_options(r);
	sr_status rc = sr_header_without_log(r->unpacked.path);

	return rc == SR_OK ? sr_conn_open(&sr_sqlite, r->unpacked.path, &options, conn) : rc;
}

static sr_status private_close(const restoring *r, sr_conn *conn, sr_status rc)
{
	/* Its log comes in when it closes, and is removed. */
	sr_conn_close(conn);
	if (rc != SR_OK || (rc = sr_database_closed(r->unpacked.path)) != SR_OK)
		return rc;
	return sr_header_without_log(r->unpacked.path);
}

static sr_status upgrade(restoring *r, sr_conn *conn)
{
	const sr_schema_options options = {
		.to = -1,
		.validate = r->settings->validate,
		.block_dangerous = r->settings->block_dangerous,
	};
	sr_migrated migrated;
	sr_status rc;

	if ((rc = sr_watch_step(&r->watch, "upgrading")) != SR_OK)
		return rc;
	rc = sr_schema_migrate(conn, &options, &migrated);
	r->result->version = migrated.to;
	return rc == SR_OK ? rc
			   : sr_fail_within(rc,
					    "the backup is of version %d and could not be "
					    "upgraded; nothing was restored",
					    r->result->from_version);
}

/* The restored catalog says itself where it comes from. */
static sr_status note(restoring *r, sr_conn *conn)
{
	char now[SR_TIME_TEXT_SIZE];
	sr_status rc;

	sr_time_format(sr_time_now(), now);
	/* Whoever's triggers the backup holds, they are not fired. */
	if ((rc = sr_conn_triggers(conn, false)) != SR_OK ||
	    (rc = sr_conn_begin(conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_activity_append_catalog(conn, SR_ACTIVITY_RESTORE, r->backup,
					     r->unpacked.bytes, now)) != SR_OK) {
		sr_conn_rollback(conn);
		return rc;
	}
	return sr_conn_commit(conn);
}

/* Pages of another size cannot be written into a database with a log, so the private file makes
 * room for one with pages that fit. */
static sr_status fit_pages(restoring *r, sr_conn *conn, int64_t page_size)
{
	char part[4096], sql[64];
	int64_t now;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_size", &now)) != SR_OK || page_size == 0 ||
	    page_size == now)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA page_size = %lld", (long long)page_size);
	if ((rc = sr_watch_step(&r->watch, "fitting")) != SR_OK ||
	    (rc = sr_exec(conn, sql)) != SR_OK ||
	    (rc = sr_part_name(r->unpacked.path, part)) != SR_OK ||
	    (rc = sr_conn_compact(conn, part, sr_watch_progress, &r->watch)) != SR_OK)
		return rc;
	sr_unpacked_remove(&r->unpacked);
	if (rename(part, r->unpacked.path) != 0) {
		rc = sr_fail_errno(errno, "%s cannot be renamed", part);
		sr_private_remove(part);
	}
	return rc;
}

/* Brings the private file to this version and to pages of that size; 0: as they are. */
static sr_status fit(restoring *r, int64_t page_size)
{
	sr_conn *conn;
	sr_status rc;

	if (r->fitted)
		return SR_OK;
	if ((rc = private_open(r, &conn)) != SR_OK)
		return rc;
	if ((rc = upgrade(r, conn)) == SR_OK &&
	    (rc = sr_restore_keys_look(r->settings, conn, &r->keys)) == SR_OK &&
	    (rc = note(r, conn)) == SR_OK)
		rc = fit_pages(r, conn, page_size);
	rc = private_close(r, conn, rc);
	r->fitted = rc == SR_OK;
	return rc;
}

/* ---- What stays known ---- */

/* What cannot be read is damaged; what merely cannot be had now is not. */
static bool is_damage(sr_status rc)
{
	return rc == SR_CORRUPT || rc == SR_WRONG_KEY;
}

static sr_status as_far_as_it_can_be_read(sr_status rc)
{
	if (!is_damage(rc))
		return rc;
	sr_log("catalog", SR_LOG_WARNING,
	       "backups that the damaged database knew of may be unknown to the restored one: %s",
	       sr_error_message());
	return SR_OK;
}

/* Where it asks which backups need a master key, the restored catalog knows what the present one
 * does: those that were made after the one that is restored, for instance. */
static sr_status carry(const restoring *r, sr_conn *present, bool damaged)
{
	sr_conn *conn;
	sr_status rc;

	if ((rc = private_open(r, &conn)) != SR_OK)
		return rc;
	rc = sr_known_backups_carry(present, conn);
	return private_close(r, conn, damaged ? as_far_as_it_can_be_read(rc) : rc);
}

static sr_status carry_damaged(const restoring *r)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 100, .bare = true};
	sr_conn *present;
	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, r->database, &options, &present)) != SR_OK)
		return as_far_as_it_can_be_read(rc);
	rc = carry(r, present, true);
	sr_conn_close(present);
	return rc;
}

/* ---- The present catalog ---- */

/* Whether there is one to keep; a database of somebody else's is not replaced. */
static sr_status holds_catalog(sr_conn *conn, bool *holds)
{
	int64_t tables;
	int version;
	sr_status rc;
	bool legacy;

	*holds = true;
	if ((rc = sr_schema_version(conn, &version, &legacy)) != SR_OK || version != -1 || legacy)
		return rc;
	*holds = false;
	if ((rc = sr_query_integer(conn, "SELECT count(*) FROM sqlite_master", &tables)) != SR_OK ||
	    tables == 0)
		return rc;
	return sr_fail(SR_REFUSED,
		       "%s is a database of another kind, and is not replaced: move it away, or "
		       "restore to another path",
		       sr_conn_path(conn));
}

/* Backs it up while nobody can write to it. */
static sr_status keep(restoring *r, sr_conn *conn, sr_conn *keeper)
{
	char part[4096], *kept = r->result->kept;
	sr_copied copied;
	sr_status rc;

	if ((rc = sr_conn_begin(keeper, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		goto err1;
	if ((rc = sr_backup_name(r->database, NULL, "", kept)) != SR_OK ||
	    (rc = sr_part_name(kept, part)) != SR_OK ||
	    (rc = sr_copy_make(conn, part, true, &r->watch, &copied)) != SR_OK)
		goto err2;
	if ((rc = carry(r, conn, false)) != SR_OK || (rc = sr_part_finish(part, kept)) != SR_OK)
		sr_private_remove(part);
err2:
	sr_conn_rollback(conn);
err1:
	sr_conn_rollback(keeper);
	if (rc != SR_OK)
		kept[0] = '\0';
	return rc;
}

/* What was kept is of no use when nothing was replaced. */
static void forget(restoring *r)
{
	if (r->result->kept[0])
		sr_private_remove(r->result->kept);
	r->result->kept[0] = '\0';
}

/* Somebody may write in the moment between the copy and the replacing: then both once more, as
 * long as one waits for a lock. */
static sr_status keep_and_replace(restoring *r, sr_conn *conn, sr_conn *keeper, bool holds)
{
	int64_t began = sr_clock_ns();
	sr_status rc;

	for (;;) {
		if (holds && (rc = keep(r, conn, keeper)) != SR_OK)
			return rc;
		if ((rc = sr_watch_step(&r->watch, "writing")) == SR_OK)
			rc = sr_conn_replace(conn, r->unpacked.path, holds, sr_watch_progress,
					     &r->watch);
		if (rc == SR_OK || rc == SR_OUTCOME_UNKNOWN)
			return rc;
		forget(r);
		if (rc != SR_BUSY || (double)(sr_clock_ns() - began) / 1e9 > r->settings->timeout)
			return rc;
	}
}

static sr_status same_encoding(sr_conn *conn, const char *path)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 100, .bare = true};
	static const char *const sql = "SELECT encoding = 'UTF-8' FROM pragma_encoding";
	int64_t here, there;
	sr_conn *other;
	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, path, &options, &other)) != SR_OK)
		return rc;
	if ((rc = sr_query_integer(conn, sql, &here)) == SR_OK &&
	    (rc = sr_query_integer(other, sql, &there)) == SR_OK && here != there)
		rc = sr_fail(SR_INVALID,
			     "the backup has texts in another encoding than %s: stop what uses "
			     "that, move it away, and restore again",
			     sr_conn_path(conn));
	sr_conn_close(other);
	return rc;
}

/* That the database is whole now. Others may have written to it already. */
static sr_status look_again(restoring *r, sr_conn *conn)
{
	sr_copied copied;
	sr_status rc;

	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		return rc;
	/* Too late to cancel: it is done. */
	rc = sr_copy_check(conn, false, NULL, &copied);
	sr_conn_rollback(conn);
	return rc == SR_OK ? rc
			   : sr_fail_within(rc,
					    "the backup was restored, and then (the catalog as "
					    "it was: %s)",
					    r->result->kept);
}

/* Through the engine. *damaged: that cannot be done, and nothing was. */
static sr_status into_database(restoring *r, bool *damaged)
{
	const sr_conn_options options = write_options(r);
	sr_conn *conn, *keeper;
	int64_t page_size;
	sr_status rc;
	bool holds;

	if ((rc = sr_conn_open(&sr_sqlite, r->database, &options, &conn)) != SR_OK) {
		*damaged = is_damage(rc);
		return rc;
	}
	if ((rc = holds_catalog(conn, &holds)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA page_size", &page_size)) != SR_OK ||
	    (rc = sr_conn_open(&sr_sqlite, r->database, &options, &keeper)) != SR_OK) {
		*damaged = is_damage(rc);
		goto err1;
	}
	if ((rc = same_encoding(conn, r->unpacked.path)) != SR_OK ||
	    (rc = fit(r, page_size)) != SR_OK)
		goto err2;
	if ((rc = keep_and_replace(r, conn, keeper, holds)) != SR_OK)
		*damaged = is_damage(rc);
	else
		rc = look_again(r, conn);
err2:
	sr_conn_close(keeper);
err1:
	sr_conn_close(conn);
	return rc;
}

/* ---- The whole ---- */

/* Whether there is a database; one that cannot be looked at is not one that is missing. */
static sr_status look_for_one(const restoring *r, bool *there)
{
	struct stat st;

	*there = stat(r->database, &st) == 0;
	if (!*there && errno != ENOENT)
		return sr_fail_errno(errno, "%s cannot be looked at", r->database);
	if (*there && !S_ISREG(st.st_mode))
		return sr_fail(SR_REFUSED, "%s is no file, and is not replaced", r->database);
	return SR_OK;
}

static sr_status write_it(restoring *r)
{
	bool there, damaged = false;
	sr_status rc;

	if ((rc = look_for_one(r, &there)) != SR_OK)
		return rc;
	if (there) {
		rc = into_database(r, &damaged);
		if (!damaged)
			return rc;
		sr_log("catalog", SR_LOG_WARNING, "the present database is damaged: %s",
		       sr_error_message());
	}
	if ((rc = fit(r, 0)) != SR_OK || (there && (rc = carry_damaged(r)) != SR_OK) ||
	    (rc = sr_watch_step(&r->watch, "writing")) != SR_OK)
		return rc;
	return sr_restore_file(r->database, r->unpacked.path, r->result->set_aside);
}

/* Room for the private file; for the copy of what is there; for the log or journal of writing. */
static sr_status space_check(const restoring *r)
{
	struct stat backup, present = {0};
	sr_status rc;

	if (stat(r->backup, &backup) != 0)
		return sr_fail_errno(errno, "%s cannot be read", sr_quoted(sr_text_of(r->backup)));
	if (stat(r->database, &present) == 0 && present.st_dev == backup.st_dev &&
	    present.st_ino == backup.st_ino)
		return sr_fail(SR_INVALID, "%s is the catalog itself, not a backup of it",
			       sr_quoted(sr_text_of(r->backup)));
	rc = sr_space_check(r->database, 2 * (int64_t)backup.st_size + (int64_t)present.st_size,
			    "restoring");
	return rc;
}

static sr_status restore(restoring *r)
{
	sr_backup_report report;
	sr_status rc;

	if ((rc = sr_unpack(r->database, r->backup, true, r->how, &r->watch, &r->unpacked)) !=
	    SR_OK)
		return rc;
	rc = sr_unpacked_check(&r->unpacked, r->how && r->how->full_check, &r->watch, &report);
	if (rc != SR_OK) {
		sr_fail_within(rc, "the database in %s", sr_quoted(sr_text_of(r->backup)));
		goto err1;
	}
	r->result->from_version = report.schema_version;
	r->result->tables = report.tables;
	r->result->rows = report.rows;
	if (report.schema_version > sr_schema_latest()) {
		rc = sr_fail(SR_TOO_NEW,
			     "%s is of schema version %d, this program knows %d: restore it with "
			     "the newer program",
			     sr_quoted(sr_text_of(r->backup)), report.schema_version,
			     sr_schema_latest());
		goto err1;
	}
	if ((rc = sr_restore_keys_wrap(r->options, r->settings)) == SR_OK)
		rc = write_it(r);
err1:
	/* Where it has become the database, what SQLite may have left beside it. */
	sr_unpacked_remove(&r->unpacked);
	return rc;
}

/* SQLite goes through symbolic links, and its log lies where they lead. */
static sr_status resolve(restoring *r)
{
	char *real = realpath(r->settings->path, NULL);
	int error = real == NULL ? errno : 0;
	int n = snprintf(r->database, sizeof(r->database), "%s", real ? real : r->settings->path);
	struct stat st;

	free(real);
	if (n < 0 || (size_t)n >= sizeof(r->database) - 64)
		return sr_fail(SR_INVALID, "the path %s is too long", r->settings->path);
	if (real == NULL && lstat(r->database, &st) == 0) {
		if (error != ENOENT)
			return sr_fail_errno(error, "%s cannot be reached", r->database);
		return sr_fail(SR_NOT_FOUND, "%s is a symbolic link to nothing", r->database);
	}
	memcpy(r->result->path, r->database, sizeof(r->database));
	return sr_output_name_check(r->database);
}

sr_status sr_restore(const sr_options *options, const char *path, const sr_backup_read_options *how,
		     sr_restored *result)
{
	sr_restored done = {.seconds = 0};
	int64_t began = sr_clock_ns();
	char backup[4096];
	sr_settings settings;
	restoring r = {.options = options,
		       .settings = &settings,
		       .backup = backup,
		       .how = how,
		       .result = &done};
	sr_keys_hold keys = SR_KEYS_NOT_HELD;
	int hold = -1;
	sr_status rc;

	if ((rc = sr_settings_resolve(options, &settings)) != SR_OK ||
	    (rc = sr_backup_read_options_check(how)) != SR_OK ||
	    (rc = sr_backup_path(path, backup)) != SR_OK || (rc = resolve(&r)) != SR_OK)
		goto err0;
	if (settings.read_only) {
		rc = sr_fail(SR_READ_ONLY, "read-only, %s cannot be restored", r.database);
		goto err0;
	}
	r.watch.steps = how ? how->progress : NULL;
	r.watch.arg = how ? how->progress_arg : NULL;
	/* The second for the parts that are made beside the one that is unpacked. */
	if ((rc = space_check(&r)) == SR_OK &&
	    (rc = sr_keys_hold_still(&settings, &keys)) == SR_OK &&
	    (rc = sr_part_hold(r.database, &hold)) == SR_OK)
		rc = restore(&r);
	sr_part_let_go(&hold);
	sr_keys_hold_end(&keys);
	if (rc == SR_OK)
		sr_restore_keys_tell(&r.keys);
	done.keys_plain = r.keys.plain;
	done.keys_lost = r.keys.lost;
	if (rc == SR_OK && result != NULL) {
		done.seconds = (double)(sr_clock_ns() - began) / 1e9;
		*result = done;
	}
err0:
	sr_settings_free(&settings);
	return sr_return(rc);
}
