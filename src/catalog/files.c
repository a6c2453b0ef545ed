/* Finding, listing, marking and deleting files. */
#include "activity.h"
#include "file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Finding one ---- */

sr_status sr_file_check_key(sr_text key)
{
	if (key.data == NULL || key.length == 0)
		return sr_fail(SR_INVALID, "the name of a file is empty");
	return SR_OK;
}

/* The words for a key that nothing is saved under. */
static sr_status fail_not_found(sr_conn *conn, const sr_shape *shape, const sr_id *client,
				sr_text key)
{
	char hex[SR_ID_TEXT_SIZE];
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	sr_buffer_printf(&sql, "SELECT c.Name FROM %s c WHERE c.ID = $1",
			 shape ? shape->clients : "clients");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_id(stmt, 1, client);
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		goto err1;
	sr_id_format(client, hex);
	if (row)
		rc = sr_fail(SR_NOT_FOUND, "client %s has no file %s",
			     sr_quoted(sr_column_text(stmt, 0)), sr_quoted(key));
	else
		rc = sr_fail(SR_NOT_FOUND, "no client with id %s, so no file %s of it", hex,
			     sr_quoted(key));

err1:
	rc = sr_stmt_end(stmt, rc);
err0:
	sr_buffer_free(&sql);
	return rc;
}

/* In the order in which a key is tried. Each is one search of one index: that of names ends in
 * whether there is a path, so that the row that is wanted is the last of its name. */
static const char *const by_key[] = {
	"k.OriginalPath = $2 ORDER BY k.row_number DESC LIMIT 1",
	"k.FileName = $2 ORDER BY (k.OriginalPath IS NULL) DESC, k.row_number DESC LIMIT 1",
};

void sr_file_select_by_key(sr_buffer *sql, const sr_shape *shape)
{
	sr_file_select(sql, shape, "$1");
	for (size_t i = 0; i < sizeof(by_key) / sizeof(by_key[0]); i++) {
		sr_buffer_add_string(sql, i == 0 ? " WHERE f.row_number = coalesce(" : ", ");
		sr_buffer_add_string(sql, "(SELECT k.row_number FROM ");
		sr_buffer_add_string(sql, sr_file_relation(shape));
		sr_buffer_add_string(sql, " k WHERE k.ClientID = $1 AND ");
		sr_buffer_add_string(sql, by_key[i]);
		sr_buffer_add_string(sql, ")");
	}
	sr_buffer_add_string(sql, ")");
}

sr_status sr_file_seek(sr_conn *conn, const sr_shape *shape, const sr_id *client, sr_text key,
		       sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;
	bool row = false;

	*stmt = NULL;
	sr_file_select_by_key(&sql, shape);
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, stmt)) != SR_OK)
		goto err0;
	sr_bind_id(*stmt, 1, client);
	sr_bind_name(*stmt, 2, key);
	rc = sr_step(*stmt, &row);
	if (rc == SR_OK && !row)
		rc = fail_not_found(conn, shape, client, key);
	if (rc != SR_OK) {
		sr_stmt_done(*stmt);
		*stmt = NULL;
	}

err0:
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_file_seek_row(sr_conn *conn, int64_t row, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;
	bool found = false;

	*stmt = NULL;
	sr_file_select(&sql, NULL, "f.ClientID");
	sr_buffer_add_string(&sql, " WHERE f.row_number = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, stmt)) != SR_OK)
		goto err0;
	sr_bind_integer(*stmt, 1, row);
	rc = sr_step(*stmt, &found);
	if (rc == SR_OK && !found)
		rc = sr_fail(SR_NOT_FOUND, "no file in row %" PRId64, row);
	if (rc != SR_OK) {
		sr_stmt_done(*stmt);
		*stmt = NULL;
	}

err0:
	sr_buffer_free(&sql);
	return rc;
}

/* An owned copy of the row that stmt stands on. */
static sr_status take(sr_stmt *stmt, sr_file **file)
{
	sr_file row;

	sr_file_read(stmt, &row);
	if ((*file = sr_file_copy(&row)) == NULL)
		return sr_fail_memory();
	return SR_OK;
}

sr_status sr_file_find(sr_catalog *catalog, const sr_id *client, sr_text key, sr_file **file)
{
	sr_reading reading = {0};
	sr_stmt *stmt;
	sr_status rc;

	*file = NULL;
	if ((rc = sr_file_check_key(key)) != SR_OK)
		goto err0;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		goto err0;
	if ((rc = sr_file_seek(reading.conn, &reading.shape, client, key, &stmt)) != SR_OK)
		goto err1;
	rc = sr_stmt_end(stmt, take(stmt, file));

err1:
	sr_reading_end(&reading);
err0:
	return sr_return(rc);
}

sr_status sr_file_by_id(sr_catalog *catalog, const sr_id *id, sr_file **file)
{
	sr_reading reading = {0};
	sr_buffer sql = SR_BUFFER_EMPTY;
	char hex[SR_ID_TEXT_SIZE];
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	*file = NULL;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		goto err0;
	sr_file_select(&sql, &reading.shape, "f.ClientID");
	sr_buffer_add_string(&sql, " WHERE f.ID = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err1;
	if ((rc = sr_prepare(reading.conn, sql.data, &stmt)) != SR_OK)
		goto err1;
	sr_bind_id(stmt, 1, id);
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		goto err2;
	if (row) {
		rc = take(stmt, file);
	} else {
		sr_id_format(id, hex);
		rc = sr_fail(SR_NOT_FOUND, "no file with id %s", hex);
	}

err2:
	rc = sr_stmt_end(stmt, rc);
err1:
	sr_buffer_free(&sql);
	sr_reading_end(&reading);
err0:
	return sr_return(rc);
}

/* ---- Cursors ---- */

sr_status sr_files_new(sr_files **cursor, const sr_files_source *source, void *state)
{
	sr_files *files = calloc(1, sizeof(*files));

	*cursor = NULL;
	if (files == NULL) {
		source->close(state);
		return sr_fail_memory();
	}
	files->source = source;
	files->state = state;
	*cursor = files;
	return SR_OK;
}

sr_status sr_files_next(sr_files *cursor, const sr_file **file)
{
	*file = NULL;
	return sr_return(cursor->source->next(cursor->state, file));
}

void sr_files_close(sr_files *cursor)
{
	if (cursor == NULL)
		return;
	cursor->source->close(cursor->state);
	free(cursor);
}

/* ---- Listing ---- */

typedef struct listing {
	sr_reading reading; /* Zeroed once the last row was seen. */
	sr_stmt *stmt;      /* NULL then. */
	sr_file file;       /* What the last step handed out. */
} listing;

/* Gives the connection back as soon as there is nothing more to read. */
static void listing_end(listing *list)
{
	sr_stmt_done(list->stmt);
	list->stmt = NULL;
	sr_reading_end(&list->reading);
	memset(&list->reading, 0, sizeof(list->reading));
}

static sr_status listing_next(void *state, const sr_file **file)
{
	listing *list = state;
	sr_status rc;
	bool row;

	if (list->stmt == NULL)
		return SR_OK;
	rc = sr_step(list->stmt, &row);
	if (rc != SR_OK || !row) {
		listing_end(list);
		return rc;
	}
	sr_file_read(list->stmt, &list->file);
	if ((rc = sr_stmt_check(list->stmt)) != SR_OK)
		return rc;
	*file = &list->file;
	return SR_OK;
}

static void listing_close(void *state)
{
	listing_end(state);
	free(state);
}

static const sr_files_source listing_source = {listing_next, listing_close};

sr_status sr_file_check_client(sr_reading *reading, const sr_id *client)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	char hex[SR_ID_TEXT_SIZE];
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	sr_buffer_printf(&sql,
			 "SELECT 1 WHERE EXISTS (SELECT 1 FROM %s c WHERE c.ID = $1)"
			 " OR EXISTS (SELECT 1 FROM %s f WHERE f.ClientID = $1)",
			 reading->shape.clients, reading->shape.files);
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(reading->conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_id(stmt, 1, client);
	rc = sr_step(stmt, &row);
	sr_stmt_done(stmt);
	if (rc == SR_OK && !row) {
		sr_id_format(client, hex);
		rc = sr_fail(SR_NOT_FOUND, "no client with id %s", hex);
	}

err0:
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_file_list(sr_catalog *catalog, const sr_id *client, sr_files **cursor)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	listing *list;
	sr_status rc;

	*cursor = NULL;
	if ((list = calloc(1, sizeof(*list))) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	if ((rc = sr_reading_begin(catalog, SR_HERE, &list->reading)) != SR_OK)
		goto err1;
	if (client != NULL && (rc = sr_file_check_client(&list->reading, client)) != SR_OK)
		goto err2;
	sr_file_select(&sql, &list->reading.shape, client ? "$1" : "f.ClientID");
	sr_buffer_printf(&sql, "%s ORDER BY f.row_number", client ? " WHERE f.ClientID = $1" : "");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err2;
	if ((rc = sr_prepare(list->reading.conn, sql.data, &list->stmt)) != SR_OK)
		goto err2;
	if (client != NULL)
		sr_bind_id(list->stmt, 1, client);
	sr_buffer_free(&sql);
	return sr_return(sr_files_new(cursor, &listing_source, list));

err2:
	sr_buffer_free(&sql);
	sr_reading_end(&list->reading);
err1:
	free(list);
err0:
	return sr_return(rc);
}

/* ---- Changing one ---- */

/* An operation on the one file that client and key mean. */
typedef struct change {
	const sr_id *client;
	sr_text key;
	bool verified; /* For sr_file_set_verified. */
	int64_t crc;
	char now[SR_TIME_TEXT_SIZE];
} change;

static sr_status set_verified(sr_conn *conn, void *arg)
{
	const change *wanted = arg;
	unsigned bits = 0;
	int64_t row, size;
	sr_stmt *stmt;
	sr_file file;
	sr_status rc;

	if ((rc = sr_file_seek(conn, NULL, wanted->client, wanted->key, &stmt)) != SR_OK)
		return rc;
	sr_file_read(stmt, &file);
	row = sr_file_row(stmt);
	size = file.size;
	if (file.verified != wanted->verified)
		bits |= SR_FILE_BIT(SR_FILE_VERIFIED);
	if (wanted->crc != SR_NULL_INTEGER && wanted->crc != file.crc)
		bits |= SR_FILE_BIT(SR_FILE_CRC);
	if ((rc = sr_stmt_end(stmt, rc)) != SR_OK)
		return rc;
	sr_file_init(&file);
	file.verified = wanted->verified;
	file.crc = wanted->crc;
	if ((rc = sr_file_update(conn, row, &file, bits)) != SR_OK)
		return rc;
	return sr_activity_append(conn, wanted->client,
				  wanted->verified ? SR_ACTIVITY_VERIFY : SR_ACTIVITY_VERIFY_FAILED,
				  1, sr_activity_bytes(size), wanted->now);
}

sr_status sr_file_set_verified(sr_catalog *catalog, const sr_id *client, sr_text key, bool verified,
			       int64_t crc)
{
	change wanted = {.client = client, .key = key, .verified = verified, .crc = crc};
	sr_status rc;

	if ((rc = sr_file_check_key(key)) != SR_OK)
		return sr_return(rc);
	if (crc != SR_NULL_INTEGER && (crc < 0 || crc > UINT32_MAX))
		return sr_return(sr_fail(SR_INVALID, "CRC %" PRId64 " of file %s is not 32 bits",
					 crc, sr_quoted(key)));
	sr_time_format(sr_time_now(), wanted.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, set_verified, &wanted));
}

sr_status sr_file_delete_row(sr_conn *conn, int64_t row)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "DELETE FROM files WHERE rowid = $1", &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, row);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status delete_file(sr_conn *conn, void *arg)
{
	const change *wanted = arg;
	int64_t row, size;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_file_seek(conn, NULL, wanted->client, wanted->key, &stmt)) != SR_OK)
		return rc;
	row = sr_file_row(stmt);
	size = sr_file_read_size(stmt);
	if ((rc = sr_stmt_end(stmt, rc)) != SR_OK || (rc = sr_file_delete_row(conn, row)) != SR_OK)
		return rc;
	return sr_activity_append(conn, wanted->client, SR_ACTIVITY_DELETE, 1,
				  sr_activity_bytes(size), wanted->now);
}

sr_status sr_file_delete(sr_catalog *catalog, const sr_id *client, sr_text key)
{
	change wanted = {.client = client, .key = key};
	sr_status rc;

	if ((rc = sr_file_check_key(key)) != SR_OK)
		return sr_return(rc);
	sr_time_format(sr_time_now(), wanted.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, delete_file, &wanted));
}
