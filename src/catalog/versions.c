/* The history of a file: its rows in file_versions, and reading them. */
#include "file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ---- */

/* A statement about the row of files that is its $1. */
static sr_status prepare(sr_conn *conn, const char *sql, int64_t row, sr_stmt **stmt)
{
	sr_status rc = sr_prepare(conn, sql, stmt);

	if (rc == SR_OK)
		sr_bind_integer(*stmt, 1, row);
	return rc;
}

static sr_status finish(sr_stmt *stmt)
{
	sr_status rc = sr_run(stmt);

	sr_stmt_done(stmt);
	return rc;
}

/* The version that the row came from (its current one, else the last there is), and the number
 * that the next one gets. */
static sr_status last_version(sr_conn *conn, int64_t row, int64_t *id, int64_t *next)
{
	sr_stmt *stmt;
	sr_status rc;
	bool found;

	rc = prepare(conn,
		     "SELECT v.ID, (SELECT max(m.VersionNumber) FROM file_versions m"
		     " WHERE m.FileID = f.ID) FROM files f JOIN file_versions v ON v.FileID = f.ID"
		     " WHERE f.rowid = $1 ORDER BY v.ID = f.CurrentVersionID DESC,"
		     " v.VersionNumber DESC, v.ID DESC LIMIT 1",
		     row, &stmt);
	if (rc != SR_OK)
		return rc;
	rc = sr_step(stmt, &found);
	*id = rc == SR_OK && found ? sr_column_integer(stmt, 0) : SR_NULL_INTEGER;
	*next = rc == SR_OK && found ? sr_column_integer(stmt, 1) + 1 : 1;
	return sr_stmt_end(stmt, rc);
}

sr_status sr_version_begin(sr_conn *conn, int64_t row, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = prepare(conn,
		     "INSERT INTO file_versions (FileID, VersionNumber, PathName, FileSize,"
		     " CreatedDate, IsActive, VersionHash, ModificationDate, CRC)"
		     " SELECT f.ID, 1, f.PathName, f.FileSize,"
		     " coalesce(f.RecordedAt, f.ModificationDate, $2), 0, f.FileHash,"
		     " f.ModificationDate, f.CRC FROM files f WHERE f.rowid = $1"
		     " AND NOT EXISTS (SELECT 1 FROM file_versions v WHERE v.FileID = f.ID)",
		     row, &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 2, now);
	return finish(stmt);
}

static sr_status deactivate(sr_conn *conn, int64_t row)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = prepare(conn,
		     "UPDATE file_versions SET IsActive = 0 WHERE IsActive IS NOT 0"
		     " AND FileID = (SELECT f.ID FROM files f WHERE f.rowid = $1)",
		     row, &stmt);
	return rc == SR_OK ? finish(stmt) : rc;
}

static sr_status insert(sr_conn *conn, int64_t row, int64_t parent, int64_t number, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = prepare(conn,
		     "INSERT INTO file_versions (FileID, VersionNumber, PathName, FileSize,"
		     " CreatedDate, IsActive, VersionHash, ParentVersionID, ModificationDate, CRC)"
		     " SELECT f.ID, $2, f.PathName, f.FileSize, $3, 1, f.FileHash, $4,"
		     " f.ModificationDate, f.CRC FROM files f WHERE f.rowid = $1",
		     row, &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 2, number);
	sr_bind_text(stmt, 3, now);
	sr_bind_integer(stmt, 4, parent);
	return finish(stmt);
}

/* TotalVersions is counted anew, so that it is right whatever was there before. */
static sr_status make_current(sr_conn *conn, int64_t row, int64_t version)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = prepare(conn,
		     "UPDATE files SET CurrentVersionID = $2, TotalVersions ="
		     " (SELECT count(*) FROM file_versions v WHERE v.FileID = files.ID)"
		     " WHERE rowid = $1",
		     row, &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 2, version);
	return finish(stmt);
}

static sr_status append(sr_conn *conn, int64_t row, int64_t parent, int64_t number, const char *now)
{
	sr_status rc;

	if ((rc = deactivate(conn, row)) != SR_OK)
		return rc;
	if ((rc = insert(conn, row, parent, number, now)) != SR_OK)
		return rc;
	return make_current(conn, row, sr_conn_last_row_id(conn));
}

sr_status sr_version_append(sr_conn *conn, int64_t row, const char *now)
{
	int64_t parent, number;
	sr_status rc;

	if ((rc = last_version(conn, row, &parent, &number)) != SR_OK)
		return rc;
	return append(conn, row, parent, number, now);
}

sr_status sr_version_append_child(sr_conn *conn, int64_t row, int64_t parent, const char *now,
				  int64_t *number)
{
	int64_t last;
	sr_status rc;

	if ((rc = last_version(conn, row, &last, number)) != SR_OK)
		return rc;
	return append(conn, row, parent, *number, now);
}

sr_status sr_version_follow(sr_conn *conn, int64_t row)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = prepare(conn,
		     "UPDATE file_versions SET"
		     " (PathName, FileSize, VersionHash, ModificationDate, CRC) ="
		     " (SELECT f.PathName, f.FileSize, f.FileHash, f.ModificationDate, f.CRC"
		     " FROM files f WHERE f.rowid = $1)"
		     " WHERE ID = (SELECT f.CurrentVersionID FROM files f WHERE f.rowid = $1)",
		     row, &stmt);
	return rc == SR_OK ? finish(stmt) : rc;
}

static sr_status activate(sr_conn *conn, int64_t version)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = prepare(conn, "UPDATE file_versions SET IsActive = 1 WHERE ID = $1", version, &stmt);
	return rc == SR_OK ? finish(stmt) : rc;
}

/* How the row and its current version agree. What a version of an old database lacks tells
 * nothing against it. */
typedef enum agreement {
	AGREE_NOT,    /* Or there is no current version. */
	AGREE_PARTLY, /* Only the row has all of it. */
	AGREE_WHOLLY,
} agreement;

static sr_status compare(sr_conn *conn, int64_t row, agreement *agree)
{
	sr_stmt *stmt;
	sr_status rc;
	bool found;

	rc = prepare(conn,
		     "SELECT v.PathName IS f.PathName AND coalesce(v.FileSize, f.FileSize) IS"
		     " f.FileSize AND coalesce(v.VersionHash, f.FileHash) IS f.FileHash AND"
		     " coalesce(v.ModificationDate, f.ModificationDate) IS f.ModificationDate AND"
		     " coalesce(v.CRC, f.CRC) IS f.CRC,"
		     " (v.FileSize, v.VersionHash, v.ModificationDate, v.CRC) IS"
		     " (f.FileSize, f.FileHash, f.ModificationDate, f.CRC)"
		     " FROM files f JOIN file_versions v ON v.ID = f.CurrentVersionID"
		     " AND v.FileID = f.ID WHERE f.rowid = $1",
		     row, &stmt);
	if (rc != SR_OK)
		return rc;
	rc = sr_step(stmt, &found);
	*agree = AGREE_NOT;
	if (rc == SR_OK && found && sr_column_integer(stmt, 0) == 1)
		*agree = sr_column_integer(stmt, 1) == 1 ? AGREE_WHOLLY : AGREE_PARTLY;
	return sr_stmt_end(stmt, rc);
}

sr_status sr_version_settle(sr_conn *conn, int64_t row, const char *now)
{
	int64_t last, next;
	agreement agree;
	sr_status rc;

	if ((rc = compare(conn, row, &agree)) != SR_OK || agree == AGREE_WHOLLY)
		return rc;
	if (agree == AGREE_PARTLY)
		return sr_version_follow(conn, row);
	if ((rc = last_version(conn, row, &last, &next)) != SR_OK)
		return rc;
	if (last != SR_NULL_INTEGER)
		return append(conn, row, last, next, now);
	if ((rc = sr_version_begin(conn, row, now)) != SR_OK)
		return rc;
	if ((rc = last_version(conn, row, &last, &next)) != SR_OK)
		return rc;
	if ((rc = activate(conn, last)) != SR_OK)
		return rc;
	return make_current(conn, row, last);
}

/* ---- Reading ---- */

struct sr_versions {
	sr_reading reading; /* Zeroed once the last row was seen. */
	sr_stmt *stmt;      /* Rows of file_versions; NULL for the one below, and at the end. */
	sr_file *own;       /* The file; its own state is the version of one that never changed, */
	bool shown;         /* until that was handed out, or rows were. */
	sr_file_version version; /* What the last step handed out. */
};

void sr_version_select(sr_buffer *sql, const sr_shape *shape)
{
	const int version = shape != NULL ? shape->version : INT_MAX;

	/* Those that migrations 6 and 11 added are null before them. */
	sr_buffer_printf(sql,
			 "SELECT v.ID, v.VersionNumber, v.PathName, v.FileSize, %s, v.VersionHash,"
			 " v.CreatedDate, v.IsActive, v.ParentVersionID, %s FROM file_versions v",
			 version >= 6 ? "v.ModificationDate, v.CRC" : "NULL, NULL",
			 version >= 11 ? "v.Pinned" : "NULL");
}

void sr_version_read(sr_stmt *stmt, sr_file_version *version)
{
	const int64_t pinned = sr_column_integer(stmt, 10);

	version->id = sr_column_integer(stmt, 0);
	version->number = sr_column_integer(stmt, 1);
	version->path = sr_column_text(stmt, 2);
	version->size = sr_column_integer(stmt, 3);
	version->date = sr_column_text(stmt, 4);
	version->crc = sr_column_integer(stmt, 5);
	version->hash = sr_column_text(stmt, 6);
	version->created = sr_column_text(stmt, 7);
	version->active = sr_column_integer(stmt, 8) == 1;
	version->parent = sr_column_integer(stmt, 9);
	version->pinned = pinned != SR_NULL_INTEGER && pinned != 0;
}

/* Stands on the first version, or has no statement where the file has none. */
static sr_status open_rows(sr_versions *cursor, const sr_id *id)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	sr_version_select(&sql, &cursor->reading.shape);
	sr_buffer_add_string(&sql, " WHERE v.FileID = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(cursor->reading.conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_id(stmt, 1, id);
	rc = sr_step(stmt, &row);
	sr_stmt_done(stmt);
	if (rc != SR_OK || !row)
		goto err0;
	sr_buffer_add_string(&sql, " ORDER BY v.VersionNumber, v.ID");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(cursor->reading.conn, sql.data, &cursor->stmt)) == SR_OK)
		sr_bind_id(cursor->stmt, 1, id);

err0:
	sr_buffer_free(&sql);
	return rc;
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_versions *cursor)
{
	sr_stmt_done(cursor->stmt);
	cursor->stmt = NULL;
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

static sr_status open_versions(sr_versions *cursor, const sr_id *client, sr_text key)
{
	const sr_shape *shape = &cursor->reading.shape;
	sr_stmt *stmt;
	sr_file file;
	sr_status rc;

	if ((rc = sr_file_seek(cursor->reading.conn, shape, client, key, &stmt)) != SR_OK)
		return rc;
	sr_file_read(stmt, &file);
	if ((cursor->own = sr_file_copy(&file)) == NULL)
		rc = sr_fail_memory();
	rc = sr_stmt_end(stmt, rc);
	if (rc == SR_OK && shape->has_versions && cursor->own->has_id)
		rc = open_rows(cursor, &cursor->own->id);
	if (cursor->stmt == NULL)
		end(cursor);
	return rc;
}

sr_status sr_version_list(sr_catalog *catalog, const sr_id *client, sr_text key,
			  sr_versions **cursor)
{
	sr_versions *versions = NULL;
	sr_status rc;

	*cursor = NULL;
	if ((rc = sr_file_check_key(key)) != SR_OK)
		return sr_return(rc);
	if ((versions = calloc(1, sizeof(*versions))) == NULL)
		return sr_return(sr_fail_memory());
	rc = sr_reading_begin(catalog, SR_HERE, &versions->reading);
	if (rc == SR_OK)
		rc = open_versions(versions, client, key);
	if (rc != SR_OK) {
		sr_versions_close(versions);
		return sr_return(rc);
	}
	*cursor = versions;
	return sr_return(SR_OK);
}

/* The one version of a file that never changed: its own state. */
static void own_version(const sr_file *file, sr_file_version *version)
{
	memset(version, 0, sizeof(*version));
	version->id = SR_NULL_INTEGER;
	version->number = 1;
	version->path = file->path;
	version->size = file->size;
	version->date = file->date;
	version->crc = file->crc;
	version->hash = file->hash;
	version->created = file->recorded_at;
	version->active = true;
	version->parent = SR_NULL_INTEGER;
}

sr_status sr_versions_next(sr_versions *cursor, const sr_file_version **version)
{
	sr_status rc = SR_OK;
	bool row = false;

	*version = NULL;
	if (cursor->stmt == NULL) {
		if (!cursor->shown) {
			own_version(cursor->own, &cursor->version);
			*version = &cursor->version;
			cursor->shown = true;
		}
		return sr_return(SR_OK);
	}
	rc = sr_step(cursor->stmt, &row);
	if (rc != SR_OK || !row) {
		cursor->shown = true;
		end(cursor);
		return sr_return(rc);
	}
	sr_version_read(cursor->stmt, &cursor->version);
	if ((rc = sr_stmt_check(cursor->stmt)) != SR_OK)
		return sr_return(rc);
	*version = &cursor->version;
	return sr_return(SR_OK);
}

void sr_versions_close(sr_versions *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	sr_file_free(cursor->own);
	free(cursor);
}

/* ---- One, and two of them ---- */

/* Where the texts of a version are in it. */
static const size_t texts[] = {
	offsetof(sr_file_version, path),
	offsetof(sr_file_version, date),
	offsetof(sr_file_version, hash),
	offsetof(sr_file_version, created),
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

sr_file_version *sr_version_copy(const sr_file_version *version)
{
	return sr_text_copy_struct(version, sizeof(*version), texts, TEXTS);
}

void sr_version_free(sr_file_version *version)
{
	free(version);
}

sr_status sr_version_fail_unknown(sr_text key, int64_t number)
{
	return sr_fail(SR_NOT_FOUND, "file %s has no version %lld", sr_quoted(key),
		       (long long)number);
}

sr_status sr_version_find(sr_catalog *catalog, const sr_id *client, sr_text key, int64_t number,
			  sr_file_version **version)
{
	const sr_file_version *next;
	sr_versions *cursor;
	sr_status rc;

	*version = NULL;
	if ((rc = sr_version_list(catalog, client, key, &cursor)) != SR_OK)
		return rc;
	while ((rc = sr_versions_next(cursor, &next)) == SR_OK && next != NULL) {
		if (next->number != number)
			continue;
		/* Old databases may hold a number twice: the later one. */
		sr_version_free(*version);
		if ((*version = sr_version_copy(next)) == NULL) {
			rc = sr_fail_memory();
			break;
		}
	}
	sr_versions_close(cursor);
	if (rc == SR_OK && *version == NULL)
		rc = sr_version_fail_unknown(key, number);
	if (rc != SR_OK) {
		sr_version_free(*version);
		*version = NULL;
	}
	return sr_return(rc);
}

unsigned sr_version_diff(const sr_file_version *a, const sr_file_version *b)
{
	return (sr_text_equal(a->path, b->path) ? 0U : SR_VERSION_PATH) |
	       (a->size == b->size ? 0U : SR_VERSION_SIZE) |
	       (sr_file_same_date(a->date, b->date) ? 0U : SR_VERSION_DATE) |
	       (a->crc == b->crc ? 0U : SR_VERSION_CRC) |
	       (sr_file_same_hash(a->hash, b->hash) ? 0U : SR_VERSION_HASH) |
	       (sr_file_same_date(a->created, b->created) ? 0U : SR_VERSION_CREATED) |
	       (a->pinned == b->pinned ? 0U : SR_VERSION_PINNED);
}
