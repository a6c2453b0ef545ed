#include "file_row.h"

#include <math.h>

/* The order of the columns in the SELECT below. */
enum {
	ID,
	CLIENT_ID,
	CLIENT_NAME,
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
	CURRENT_VERSION,
	MISSING_SINCE,
	ROW_NUMBER,
	COLUMNS,
};
_Static_assert(COLUMNS == SR_FILE_COLUMNS, "file_row.h tells callers another number");

void sr_file_select(sr_buffer *sql, const sr_shape *shape)
{
	sr_buffer_printf(
		sql,
		"SELECT f.ID, f.ClientID, c.Name, f.FileName, f.PathName, f.OriginalPath, "
		"f.FileSize, f.ModificationDate, f.CRC, f.FileHash, f.Verified, f.FileCategory, "
		"f.MimeType, f.FileExtension, f.TransferDuration, f.TransferSpeed, "
		"f.CompressionRatio, f.ModifiedNs, f.Inode, f.IsStored, f.TotalVersions, "
		"f.CurrentVersionID, f.MissingSince, f.row_number "
		"FROM %s AS f LEFT JOIN %s AS c ON c.ID = f.ClientID",
		shape->files, shape->clients);
}

void sr_file_read(sr_stmt *stmt, sr_file *file)
{
	int64_t flag;

	sr_file_init(file);
	file->has_id = sr_column_id(stmt, ID, &file->id);
	(void)sr_column_id(stmt, CLIENT_ID, &file->client_id);
	file->client_name = sr_column_text(stmt, CLIENT_NAME);
	file->name = sr_column_text(stmt, FILE_NAME);
	file->path = sr_column_text(stmt, PATH_NAME);
	file->original_path = sr_column_text(stmt, ORIGINAL_PATH);
	file->size = sr_column_integer(stmt, FILE_SIZE);
	file->date = sr_column_text(stmt, MODIFICATION_DATE);
	file->crc = sr_column_integer(stmt, CRC);
	file->hash = sr_column_text(stmt, FILE_HASH);
	flag = sr_column_integer(stmt, VERIFIED);
	file->verified = flag != 0 && flag != SR_NULL_INTEGER;
	file->category = sr_column_text(stmt, FILE_CATEGORY);
	file->mime_type = sr_column_text(stmt, MIME_TYPE);
	file->extension = sr_column_text(stmt, FILE_EXTENSION);
	file->transfer_duration = sr_column_integer(stmt, TRANSFER_DURATION);
	file->transfer_speed = sr_column_integer(stmt, TRANSFER_SPEED);
	file->compression_ratio = sr_column_real(stmt, COMPRESSION_RATIO);
	file->modified_ns = sr_column_integer(stmt, MODIFIED_NS);
	file->inode = sr_column_integer(stmt, INODE);
	/* Databases from before the column kept the bytes of every file. */
	file->stored = sr_column_integer(stmt, IS_STORED) != 0;
	file->versions = sr_column_integer(stmt, TOTAL_VERSIONS);
	if (file->versions < 1)
		file->versions = 1;
	file->current_version = sr_column_integer(stmt, CURRENT_VERSION);
	file->missing_since = sr_column_text(stmt, MISSING_SINCE);
}

void sr_file_init(sr_file *file)
{
	*file = (sr_file){
		.size = SR_NULL_INTEGER,
		.crc = SR_NULL_INTEGER,
		.transfer_duration = SR_NULL_INTEGER,
		.transfer_speed = SR_NULL_INTEGER,
		.compression_ratio = (double)NAN,
		.modified_ns = SR_NULL_INTEGER,
		.inode = SR_NULL_INTEGER,
		.stored = true,
		.versions = 1,
		.current_version = SR_NULL_INTEGER,
	};
}

sr_status sr_files_next(sr_files *cursor, const sr_file **file)
{
	*file = NULL;
	return sr_return(cursor->source->next(cursor, file));
}

const char *sr_search_token(const sr_files *cursor)
{
	return cursor->source->token ? cursor->source->token(cursor) : NULL;
}

void sr_files_close(sr_files *cursor)
{
	if (cursor)
		cursor->source->close(cursor);
}
