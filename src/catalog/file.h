/*
 * Rows of `files` for everybody in the catalog who reads or changes them.
 *
 * Reading goes through the shape of the database (every version has the same columns there);
 * writing happens on the latest version and names the table itself. A row is known by its row
 * number, the place in the order of recording; `ID` may be null in old databases.
 */
#ifndef SR_FILE_H
#define SR_FILE_H

#include "../base/buffer.h"
#include "catalog.h"

/* The version from which on files without a path have an index of their names, with no others in
 * it. */
#define SR_NAMES_INDEXED 18

/* ---- Reading rows ---- */

/* Adds "SELECT … FROM … f": the columns that sr_file_read expects, of relation f. `client` is
 * what f's client equals: "f.ClientID", or "$1" where one client is asked for and bound there,
 * so that its name is looked up once and not for each row. Conditions follow: " WHERE f.…". A
 * null shape, here and below, is that of the latest version: what operations write to. */
void sr_file_select(sr_buffer *sql, const sr_shape *shape, const char *client);

/* The same of the file that a client, $1, has by its key, $2: of the row that is the first to fit.
 */
void sr_file_select_by_key(sr_buffer *sql, const sr_shape *shape);

/* What that selects from, with row_number among its columns. */
const char *sr_file_relation(const sr_shape *shape);

/* Fills file from a row of such a SELECT; the texts are borrowed until the next step. */
void sr_file_read(sr_stmt *stmt, sr_file *file);

/* The same instant in another spelling is the same date; what cannot be read is compared as it
 * stands. Hashes are equal in either case of letters. */
bool sr_file_same_date(sr_text a, sr_text b);
bool sr_file_same_hash(sr_text a, sr_text b);

/* The row number of the same row. */
int64_t sr_file_row(sr_stmt *stmt);

/* Only one of its texts, or what those need who add up. */
sr_text sr_file_read_name(sr_stmt *stmt);
sr_text sr_file_read_original_path(sr_stmt *stmt);
int64_t sr_file_read_size(sr_stmt *stmt);
sr_text sr_file_read_date(sr_stmt *stmt);

/* An owned copy in one piece of memory: sr_file_free. NULL without memory. */
sr_file *sr_file_copy(const sr_file *file);

/* The instant of a date as a row has it; false for one that cannot be read. */
bool sr_file_instant(sr_text date, int64_t *instant);

/* Whether path is name, or ends in a slash and name: then whatever name holds, path holds. */
bool sr_file_ends_in_name(sr_text path, sr_text name);

/* ---- Finding one ---- */

/* Steps to the file that key means (see strongroom.h), which *stmt then stands on; give it back
 * with sr_stmt_done. SR_NOT_FOUND names client and key. */
sr_status sr_file_seek(sr_conn *conn, const sr_shape *shape, const sr_id *client, sr_text key,
		       sr_stmt **stmt);

/* SR_INVALID for a key that no file can have. */
sr_status sr_file_check_key(sr_text key);

/* SR_NOT_FOUND unless there is such a client, or at least a file that names it. */
sr_status sr_file_check_client(sr_reading *reading, const sr_id *client);

/* What a name ends in after its last dot, where that looks like an extension: not of a hidden
 * file's only dot, not too long, and nothing that is a sentence's end. Of the name's own bytes. */
sr_text sr_file_extension_of(sr_text name);

/* ---- Cursors of files ---- */

/* Where a cursor's rows come from. */
typedef struct sr_files_source {
	/* *file is NULL after the last row, and stays so. */
	sr_status (*next)(void *state, const sr_file **file);
	void (*close)(void *state); /* Frees state. */
} sr_files_source;

struct sr_files {
	const sr_files_source *source;
	void *state;       /* The source's own. */
	const char *token; /* Where a search goes on, once its last row was handed out; the
			      state's memory. NULL for everything else. */
	const sr_explanation *explanation; /* A search's, the state's memory; else NULL. */
};

/* A cursor over the source. On failure state is closed. */
sr_status sr_files_new(sr_files **cursor, const sr_files_source *source, void *state);

/* ---- Writing rows: latest version only, inside an operation ---- */

/* The columns that a row is written with; bit n is column n. */
typedef enum sr_file_column {
	SR_FILE_ID,
	SR_FILE_NAME,
	SR_FILE_PATH,
	SR_FILE_VERIFIED,
	SR_FILE_SIZE,
	SR_FILE_DATE,
	SR_FILE_CRC,
	SR_FILE_CATEGORY,
	SR_FILE_MIME_TYPE,
	SR_FILE_EXTENSION,
	SR_FILE_HASH,
	SR_FILE_TRANSFER_DURATION,
	SR_FILE_TRANSFER_SPEED,
	SR_FILE_COMPRESSION_RATIO,
	SR_FILE_MODIFIED_NS,
	SR_FILE_INODE,
	SR_FILE_STORED,
	SR_FILE_MISSING_SINCE,
	SR_FILE_CURRENT_VERSION,
	SR_FILE_VERSIONS,
	SR_FILE_RECORDED_AT,
	SR_FILE_COLUMNS
} sr_file_column;

#define SR_FILE_BIT(column) (1U << (column))

/* What a version row repeats of its file. */
#define SR_FILE_VERSION_BITS                                                                       \
	(SR_FILE_BIT(SR_FILE_PATH) | SR_FILE_BIT(SR_FILE_SIZE) | SR_FILE_BIT(SR_FILE_DATE) |       \
	 SR_FILE_BIT(SR_FILE_CRC) | SR_FILE_BIT(SR_FILE_HASH))

/* Sets the columns of `bits` to what file has; nothing is written without a bit. The active
 * version follows, so that it always agrees with its file. */
sr_status sr_file_update(sr_conn *conn, int64_t row, const sr_file *file, unsigned bits);

/* The same for the row alone: before a version is appended. recorded_at goes with its bit. */
sr_status sr_file_write(sr_conn *conn, int64_t row, const sr_file *file, const char *recorded_at,
			unsigned bits);

/* A statement that adds rows with the columns of `bits`, and one row of it. */
sr_status sr_file_prepare_insert(sr_conn *conn, unsigned bits, sr_stmt **stmt);
sr_status sr_file_insert(sr_stmt *stmt, const sr_file *file, const char *recorded_at,
			 unsigned bits);

/* Before a row takes new content: writes version 1 of a file that had none. */
sr_status sr_version_begin(sr_conn *conn, int64_t row, const char *now);

/* After it took new content: appends that as the active version, and sets CurrentVersionID and
 * TotalVersions. Its parent is the version that was current. */
sr_status sr_version_append(sr_conn *conn, int64_t row, const char *now);

/* The same with another parent; *number is the new version's. */
sr_status sr_version_append_child(sr_conn *conn, int64_t row, int64_t parent, const char *now,
				  int64_t *number);

/* Sees to it that the row's state is that of its active version, so that nothing is lost when it
 * takes another: writes version 1 of a file that had none, and appends what somebody wrote into
 * the row alone. */
sr_status sr_version_settle(sr_conn *conn, int64_t row, const char *now);

/* After a row was corrected in place: the active version repeats it. */
sr_status sr_version_follow(sr_conn *conn, int64_t row);

/* Adds "SELECT … FROM file_versions v": the columns that sr_version_read expects. */
void sr_version_select(sr_buffer *sql, const sr_shape *shape);

/* Fills version from a row of it; the texts are borrowed until the next step. */
void sr_version_read(sr_stmt *stmt, sr_file_version *version);

/* An owned copy in one piece of memory: sr_version_free. NULL without memory. */
sr_file_version *sr_version_copy(const sr_file_version *version);

/* SR_NOT_FOUND names the file and the number. */
sr_status sr_version_fail_unknown(sr_text key, int64_t number);

/* Steps to the row with this number, for those inside an operation. SR_NOT_FOUND without one. */
sr_status sr_file_seek_row(sr_conn *conn, int64_t row, sr_stmt **stmt);

/* Deletes the row with this number; its versions go with it. */
sr_status sr_file_delete_row(sr_conn *conn, int64_t row);

#endif
