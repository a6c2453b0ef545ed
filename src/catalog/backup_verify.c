/* Looking at a backup: whatever it is packed in, it becomes a database that SQLite can read. */
#include "backup.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void sr_backup_read_options_init(sr_backup_read_options *options)
{
	*options = (sr_backup_read_options){.version = SR_BACKUP_READ_OPTIONS_VERSION};
}

sr_status sr_backup_read_options_check(const sr_backup_read_options *how)
{
	if (how == NULL)
		return SR_OK;
	if (how->version != SR_BACKUP_READ_OPTIONS_VERSION)
		return sr_fail(SR_INVALID,
			       "sr_backup_read_options of version %u, not %d: "
			       "sr_backup_read_options_init it",
			       how->version, SR_BACKUP_READ_OPTIONS_VERSION);
	if (how->key != NULL && how->key_length == 0)
		return sr_fail(SR_INVALID, "the passphrase is empty");
	return SR_OK;
}

/* ---- Unpacking ---- */

static sr_status part_name(const char *database, char part[4096])
{
	char name[4096];
	sr_status rc;

	sr_parts_remove(NULL, database, NULL);
	if ((rc = sr_backup_name(database, NULL, "", name)) != SR_OK)
		return rc;
	return sr_part_name(name, part);
}

static sr_status unpack_archive(const char *path, const sr_backup_read_options *how,
				sr_watch *watch, const char *part)
{
	const sr_archive_options options = {
		.key = how ? how->key : NULL,
		.key_length = how ? how->key_length : 0,
		.progress = watch ? sr_watch_progress : NULL,
		.progress_arg = watch,
	};
	sr_archive_content content;
	sr_status rc;

	if ((rc = sr_watch_step(watch, "unpacking")) != SR_OK)
		return rc;
	return sr_archive_unpack(path, part, &options, &content);
}

static sr_status open_plain(const char *path, sr_conn **conn)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT,
		.busy_timeout = 5,
		.cache_pages = 500,
		.bare = true,
		.sweeping = true,
	};

	return sr_conn_open(&sr_sqlite, path, &options, conn);
}

static sr_status unpack_plain(const char *path, sr_watch *watch, const char *part)
{
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_watch_step(watch, "unpacking")) != SR_OK ||
	    (rc = open_plain(path, &conn)) != SR_OK)
		return rc;
	rc = sr_conn_backup(conn, part, watch ? sr_watch_progress : NULL, watch);
	sr_conn_close(conn);
	return rc;
}

sr_status sr_unpack(const char *database, const char *path, bool copy,
		    const sr_backup_read_options *how, sr_watch *watch, sr_unpacked *unpacked)
{
	sr_archive_kind kind;
	struct stat st;
	sr_status rc;

	*unpacked = (sr_unpacked){.hold = -1};
	if ((rc = sr_archive_identify(path, &kind)) != SR_OK)
		return rc;
	if (stat(path, &st) == 0)
		unpacked->bytes = (int64_t)st.st_size;
	unpacked->compressed = kind == SR_ARCHIVE_ZSTD || kind == SR_ARCHIVE_SEALED_ZSTD;
	unpacked->encrypted = kind == SR_ARCHIVE_SEALED || kind == SR_ARCHIVE_SEALED_ZSTD;
	if (kind == SR_ARCHIVE_PLAIN && !copy) {
		snprintf(unpacked->path, sizeof(unpacked->path), "%s", path);
		return SR_OK;
	}
	if ((rc = part_name(database, unpacked->path)) != SR_OK ||
	    (rc = sr_part_hold(unpacked->path, &unpacked->hold)) != SR_OK)
		return rc;
	rc = kind == SR_ARCHIVE_PLAIN ? unpack_plain(path, watch, unpacked->path)
				      : unpack_archive(path, how, watch, unpacked->path);
	unpacked->temporary = rc == SR_OK;
	if (rc != SR_OK)
		sr_part_let_go(&unpacked->hold);
	return rc;
}

void sr_unpacked_remove(sr_unpacked *unpacked)
{
	if (unpacked->temporary)
		sr_database_remove(unpacked->path);
	sr_part_let_go(&unpacked->hold);
}

/* ---- Checking ---- */

/* Every version has these; without them it would be restored as an empty catalog. */
static sr_status check_core(sr_conn *conn, int version)
{
	int64_t tables;
	sr_status rc;

	rc = sr_query_integer(conn,
			      "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
			      " AND name IN ('clients', 'files')",
			      &tables);
	if (rc != SR_OK || version < 0 || tables == 2)
		return rc;
	return sr_fail(SR_CORRUPT,
		       "%s is damaged: its schema is of version %d, and it has no table clients, "
		       "or none files",
		       sr_quoted(sr_text_of(sr_conn_path(conn))), version);
}

static sr_status check_catalog(sr_conn *conn, sr_backup_report *report)
{
	sr_status rc;
	bool legacy;

	if ((rc = sr_schema_version(conn, &report->schema_version, &legacy)) != SR_OK)
		return rc;
	if (report->schema_version == -1 && !legacy)
		return sr_fail(SR_REFUSED, "%s is a database of another kind: it holds no catalog",
			       sr_quoted(sr_text_of(sr_conn_path(conn))));
	return check_core(conn, report->schema_version);
}

sr_status sr_unpacked_check(const sr_unpacked *unpacked, bool full, sr_watch *watch,
			    sr_backup_report *report)
{
	sr_copied copied;
	struct stat st;
	sr_conn *conn;
	sr_status rc;

	if ((rc = open_plain(unpacked->path, &conn)) != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) == SR_OK &&
	    (rc = sr_copy_check(conn, full, watch, &copied)) == SR_OK &&
	    (rc = check_catalog(conn, report)) == SR_OK) {
		report->bytes = unpacked->bytes;
		report->tables = copied.tables;
		report->rows = copied.rows;
		report->compressed = unpacked->compressed;
		report->encrypted = unpacked->encrypted;
		report->database_bytes =
			stat(unpacked->path, &st) == 0 ? (int64_t)st.st_size : unpacked->bytes;
	}
	sr_conn_close(conn);
	return rc;
}

/* The words of a check name the private file; people know the backup. */
static sr_status name_backup(const sr_unpacked *unpacked, const char *path, sr_status rc)
{
	if (rc != SR_OK && unpacked->temporary)
		sr_fail_within(rc, "the database in %s", sr_quoted(sr_text_of(path)));
	return rc;
}

sr_status sr_backup_verify(const sr_options *options, const char *path,
			   const sr_backup_read_options *how, sr_backup_report *report)
{
	sr_watch watch = {.steps = how ? how->progress : NULL,
			  .arg = how ? how->progress_arg : NULL};
	sr_backup_report found = {0};
	char absolute[4096];
	sr_unpacked unpacked;
	sr_settings settings;
	sr_status rc;

	if ((rc = sr_settings_resolve(options, &settings)) != SR_OK ||
	    (rc = sr_backup_read_options_check(how)) != SR_OK ||
	    (rc = sr_backup_path(path, absolute)) != SR_OK ||
	    (rc = sr_unpack(settings.path, absolute, false, how, &watch, &unpacked)) != SR_OK)
		goto err0;
	rc = sr_unpacked_check(&unpacked, how && how->full_check, &watch, &found);
	rc = name_backup(&unpacked, path, rc);
	sr_unpacked_remove(&unpacked);
	if (rc == SR_OK && report != NULL)
		*report = found;
err0:
	sr_settings_free(&settings);
	return sr_return(rc);
}
