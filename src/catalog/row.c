/* One row of `files`: its columns in both directions, and its owned copy. */
#include "../base/instant.h"
#include "file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ---- */

/* Row number and client's name stand before these. */
#define COLUMNS                                                                                    \
	"f.ID, f.ClientID, f.FileName, f.PathName, f.OriginalPath, f.FileSize, "                   \
	"f.ModificationDate, f.CRC, f.FileHash, f.Verified, f.FileCategory, f.MimeType, "          \
	"f.FileExtension, f.TransferDuration, f.TransferSpeed, f.CompressionRatio, "               \
	"f.ModifiedNs, f.Inode, f.IsStored, f.TotalVersions, f.CurrentVersionID, f.MissingSince, " \
	"f.RecordedAt"

enum column {
	ROW_NUMBER,
	CLIENT_NAME,
	ID,
	CLIENT_ID,
	FILE_NAME,
	PATH_NAME,
	ORIGINAL_PATH,
	FILE_SIZE,
	MODIFICATION_DATE,
	CRC,
	FILE_HASH,
	VERIFIED,
	FILE_CATEGORY,
	MIME_TYPE,
	FILE_EXTENSION,
	TRANSFER_DURATION,
	TRANSFER_SPEED,
	COMPRESSION_RATIO,
	MODIFIED_NS,
	INODE,
	IS_STORED,
	TOTAL_VERSIONS,
	CURRENT_VERSION_ID,
	MISSING_SINCE,
	RECORDED_AT,
};

/* What sr_shape_read would make of the latest version. */
#define LATEST_FILES   "(SELECT *, rowid AS row_number FROM files)"
#define LATEST_CLIENTS "clients"

const char *sr_file_relation(const sr_shape *shape)
{
	return shape ? shape->files : LATEST_FILES;
}

void sr_file_select(sr_buffer *sql, const sr_shape *shape, const char *client)
{
	sr_buffer_add_string(sql, "SELECT f.row_number, (SELECT c.Name FROM ");
	sr_buffer_add_string(sql, shape ? shape->clients : LATEST_CLIENTS);
	sr_buffer_add_string(sql, " c WHERE c.ID = ");
	sr_buffer_add_string(sql, client);
	sr_buffer_add_string(sql, "), " COLUMNS " FROM ");
	sr_buffer_add_string(sql, sr_file_relation(shape));
	sr_buffer_add_string(sql, " f");
}

void sr_file_read(sr_stmt *stmt, sr_file *file)
{
	int64_t verified = sr_column_integer(stmt, VERIFIED);
	int64_t versions = sr_column_integer(stmt, TOTAL_VERSIONS);

	memset(file, 0, sizeof(*file));
	file->has_id = sr_column_id(stmt, ID, &file->id);
	sr_column_id(stmt, CLIENT_ID, &file->client_id);
	file->client_name = sr_column_text(stmt, CLIENT_NAME);
	file->name = sr_column_text(stmt, FILE_NAME);
	file->path = sr_column_text(stmt, PATH_NAME);
	file->original_path = sr_column_text(stmt, ORIGINAL_PATH);
	file->size = sr_column_integer(stmt, FILE_SIZE);
	file->date = sr_column_text(stmt, MODIFICATION_DATE);
	file->crc = sr_column_integer(stmt, CRC);
	file->hash = sr_column_text(stmt, FILE_HASH);
	file->verified = verified != SR_NULL_INTEGER && verified != 0;
	file->category = sr_column_text(stmt, FILE_CATEGORY);
	file->mime_type = sr_column_text(stmt, MIME_TYPE);
	file->extension = sr_column_text(stmt, FILE_EXTENSION);
	file->transfer_duration = sr_column_integer(stmt, TRANSFER_DURATION);
	file->transfer_speed = sr_column_integer(stmt, TRANSFER_SPEED);
	file->compression_ratio = sr_column_real(stmt, COMPRESSION_RATIO);
	file->modified_ns = sr_column_integer(stmt, MODIFIED_NS);
	file->inode = sr_column_integer(stmt, INODE);
	file->stored = sr_column_integer(stmt, IS_STORED) != 0;
	file->versions = versions < 1 ? 1 : versions;
	file->current_version = sr_column_integer(stmt, CURRENT_VERSION_ID);
	file->missing_since = sr_column_text(stmt, MISSING_SINCE);
	file->recorded_at = sr_column_text(stmt, RECORDED_AT);
	file->version = SR_NULL_INTEGER;
}

int64_t sr_file_row(sr_stmt *stmt)
{
	return sr_column_integer(stmt, ROW_NUMBER);
}

sr_text sr_file_read_name(sr_stmt *stmt)
{
	return sr_column_text(stmt, FILE_NAME);
}

sr_text sr_file_read_original_path(sr_stmt *stmt)
{
	return sr_column_text(stmt, ORIGINAL_PATH);
}

int64_t sr_file_read_size(sr_stmt *stmt)
{
	return sr_column_integer(stmt, FILE_SIZE);
}

sr_text sr_file_read_date(sr_stmt *stmt)
{
	return sr_column_text(stmt, MODIFICATION_DATE);
}

/* Longer than every date that can be read. */
#define DATE_SIZE 64

bool sr_file_instant(sr_text date, int64_t *instant)
{
	char text[DATE_SIZE];

	if (date.data == NULL || date.length >= sizeof(text) ||
	    memchr(date.data, '\0', date.length) != NULL)
		return false;
	memcpy(text, date.data, date.length);
	text[date.length] = '\0';
	return sr_instant_read(text, instant, NULL);
}

bool sr_file_ends_in_name(sr_text path, sr_text name)
{
	size_t before = path.length - name.length;

	if (path.data == NULL || name.data == NULL || path.length < name.length)
		return false;
	return memcmp(path.data + before, name.data, name.length) == 0 &&
	       (before == 0 || path.data[before - 1] == '/');
}

void sr_file_init(sr_file *file)
{
	memset(file, 0, sizeof(*file));
	file->size = SR_NULL_INTEGER;
	file->crc = SR_NULL_INTEGER;
	file->transfer_duration = SR_NULL_INTEGER;
	file->transfer_speed = SR_NULL_INTEGER;
	file->compression_ratio = (double)NAN;
	file->modified_ns = SR_NULL_INTEGER;
	file->inode = SR_NULL_INTEGER;
	file->stored = true;
	file->versions = 1;
	file->version = SR_NULL_INTEGER;
	file->current_version = SR_NULL_INTEGER;
}

/* ---- Owned copies ---- */

/* Where the texts of a file are in it. */
static const size_t texts[] = {
	offsetof(sr_file, name),          offsetof(sr_file, path),
	offsetof(sr_file, original_path), offsetof(sr_file, date),
	offsetof(sr_file, hash),          offsetof(sr_file, category),
	offsetof(sr_file, mime_type),     offsetof(sr_file, extension),
	offsetof(sr_file, client_name),   offsetof(sr_file, missing_since),
	offsetof(sr_file, recorded_at),
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

sr_file *sr_file_copy(const sr_file *file)
{
	return sr_text_copy_struct(file, sizeof(*file), texts, TEXTS);
}

void sr_file_free(sr_file *file)
{
	free(file);
}

/* ---- Writing ---- */

static const char *const names[SR_FILE_COLUMNS] = {
	[SR_FILE_ID] = "ID",
	[SR_FILE_NAME] = "FileName",
	[SR_FILE_PATH] = "PathName",
	[SR_FILE_VERIFIED] = "Verified",
	[SR_FILE_SIZE] = "FileSize",
	[SR_FILE_DATE] = "ModificationDate",
	[SR_FILE_CRC] = "CRC",
	[SR_FILE_CATEGORY] = "FileCategory",
	[SR_FILE_MIME_TYPE] = "MimeType",
	[SR_FILE_EXTENSION] = "FileExtension",
	[SR_FILE_HASH] = "FileHash",
	[SR_FILE_TRANSFER_DURATION] = "TransferDuration",
	[SR_FILE_TRANSFER_SPEED] = "TransferSpeed",
	[SR_FILE_COMPRESSION_RATIO] = "CompressionRatio",
	[SR_FILE_MODIFIED_NS] = "ModifiedNs",
	[SR_FILE_INODE] = "Inode",
	[SR_FILE_STORED] = "IsStored",
	[SR_FILE_MISSING_SINCE] = "MissingSince",
	[SR_FILE_CURRENT_VERSION] = "CurrentVersionID",
	[SR_FILE_VERSIONS] = "TotalVersions",
	[SR_FILE_RECORDED_AT] = "RecordedAt",
};

/* Parameters 1 and 2 say which row, or whose; a column's is the same in every statement. */
static int parameter(unsigned column)
{
	return (int)column + 3;
}

static void bind(sr_stmt *stmt, sr_file_column column, const sr_file *file, const char *recorded_at)
{
	int number = parameter(column);

	switch (column) {
	case SR_FILE_ID:
		sr_bind_id(stmt, number, file->has_id ? &file->id : NULL);
		break;
	case SR_FILE_NAME:
		sr_bind_name(stmt, number, file->name);
		break;
	case SR_FILE_PATH:
		sr_bind_name(stmt, number, file->path);
		break;
	case SR_FILE_VERIFIED:
		sr_bind_integer(stmt, number, file->verified);
		break;
	case SR_FILE_SIZE:
		sr_bind_integer(stmt, number, file->size);
		break;
	case SR_FILE_DATE:
		sr_bind_name(stmt, number, file->date);
		break;
	case SR_FILE_CRC:
		sr_bind_integer(stmt, number, file->crc);
		break;
	case SR_FILE_CATEGORY:
		sr_bind_name(stmt, number, file->category);
		break;
	case SR_FILE_MIME_TYPE:
		sr_bind_name(stmt, number, file->mime_type);
		break;
	case SR_FILE_EXTENSION:
		sr_bind_name(stmt, number, file->extension);
		break;
	case SR_FILE_HASH:
		sr_bind_name(stmt, number, file->hash);
		break;
	case SR_FILE_TRANSFER_DURATION:
		sr_bind_integer(stmt, number, file->transfer_duration);
		break;
	case SR_FILE_TRANSFER_SPEED:
		sr_bind_integer(stmt, number, file->transfer_speed);
		break;
	case SR_FILE_COMPRESSION_RATIO:
		sr_bind_real(stmt, number, file->compression_ratio);
		break;
	case SR_FILE_MODIFIED_NS:
		sr_bind_integer(stmt, number, file->modified_ns);
		break;
	case SR_FILE_INODE:
		sr_bind_integer(stmt, number, file->inode);
		break;
	case SR_FILE_STORED:
		sr_bind_integer(stmt, number, file->stored);
		break;
	case SR_FILE_MISSING_SINCE:
		sr_bind_name(stmt, number, file->missing_since);
		break;
	case SR_FILE_CURRENT_VERSION:
		sr_bind_integer(stmt, number, file->current_version);
		break;
	case SR_FILE_VERSIONS:
		sr_bind_integer(stmt, number, file->versions);
		break;
	case SR_FILE_RECORDED_AT:
		sr_bind_text(stmt, number, recorded_at);
		break;
	case SR_FILE_COLUMNS:
		break;
	}
}

static void bind_all(sr_stmt *stmt, const sr_file *file, const char *recorded_at, unsigned bits)
{
	for (unsigned i = 0; i < SR_FILE_COLUMNS; i++)
		if (bits & SR_FILE_BIT(i))
			bind(stmt, (sr_file_column)i, file, recorded_at);
}

sr_status sr_file_prepare_insert(sr_conn *conn, unsigned bits, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	*stmt = NULL;
	sr_buffer_add_string(&sql, "INSERT INTO files (ClientID, OriginalPath");
	for (unsigned i = 0; i < SR_FILE_COLUMNS; i++)
		if (bits & SR_FILE_BIT(i))
			sr_buffer_printf(&sql, ", %s", names[i]);
	sr_buffer_add_string(&sql, ") VALUES ($1, $2");
	for (unsigned i = 0; i < SR_FILE_COLUMNS; i++)
		if (bits & SR_FILE_BIT(i))
			sr_buffer_printf(&sql, ", $%d", parameter(i));
	sr_buffer_add_string(&sql, ")");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_file_insert(sr_stmt *stmt, const sr_file *file, const char *recorded_at, unsigned bits)
{
	sr_bind_id(stmt, 1, &file->client_id);
	sr_bind_name(stmt, 2, file->original_path);
	bind_all(stmt, file, recorded_at, bits);
	return sr_run(stmt);
}

sr_status sr_file_write(sr_conn *conn, int64_t row, const sr_file *file, const char *recorded_at,
			unsigned bits)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	const char *comma = "";
	sr_stmt *stmt;
	sr_status rc;

	if (bits == 0)
		return SR_OK;
	sr_buffer_add_string(&sql, "UPDATE files SET ");
	for (unsigned i = 0; i < SR_FILE_COLUMNS; i++) {
		if ((bits & SR_FILE_BIT(i)) == 0)
			continue;
		sr_buffer_printf(&sql, "%s%s = $%d", comma, names[i], parameter(i));
		comma = ", ";
	}
	sr_buffer_add_string(&sql, " WHERE rowid = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_integer(stmt, 1, row);
	bind_all(stmt, file, recorded_at, bits);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);

err0:
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_file_update(sr_conn *conn, int64_t row, const sr_file *file, unsigned bits)
{
	sr_status rc = sr_file_write(conn, row, file, NULL, bits);

	if (rc == SR_OK && (bits & SR_FILE_VERSION_BITS))
		rc = sr_version_follow(conn, row);
	return rc;
}
