/*
 * The list of queries whose plans a rehearsal compares. They are those of the files beside this
 * one, from the same pieces; a test holds every plan here against what the calls really run.
 */
#include "queries.h"

#include <string.h>

#include "client_totals.h"
#include "file.h"

/* A query of the table of files: what sr_file_select is given for the client, and its end. */
static const struct {
	const char *name;
	const char *client;
	const char *end;
} of_files[] = {
	{"file by id", "f.ClientID", " WHERE f.ID = $1"},
	{"file by row", "f.ClientID", " WHERE f.row_number = $1"},
	{"files of a client", "$1", " WHERE f.ClientID = $1 ORDER BY f.row_number"},
	{"files of a client, by path", "$1",
	 " WHERE f.ClientID = $1 AND f.OriginalPath >= $2"
	 " AND f.OriginalPath < $3"
	 " ORDER BY f.OriginalPath, f.row_number"},
};

/* Another below version SR_NAMES_INDEXED. */
static const char by_name[] = " WHERE f.ClientID = $1 AND f.OriginalPath IS NULL"
			      " AND f.FileName >= $2 AND f.FileName < $3"
			      " ORDER BY f.FileName, f.row_number";
static const char by_name_early[] = " WHERE f.ClientID = $1 AND (f.OriginalPath IS NULL) = 1"
				    " AND f.FileName >= $2 AND f.FileName < $3"
				    " ORDER BY f.FileName, (f.OriginalPath IS NULL), f.row_number";

/* The others: {files} and {clients} stand for the shape's. */
static const struct {
	const char *name;
	const char *sql;
} others[] = {
	{"search", "SELECT f.row_number, f.ID, f.FileSize, f.ModificationDate, 0, NULL, NULL, NULL,"
		   " f.FileName, f.PathName, f.OriginalPath, f.FileExtension"
		   " FROM {files} AS f WHERE 1"},
	{"search in a client",
	 "SELECT f.row_number, f.ID, f.FileSize, f.ModificationDate, 0, NULL, NULL, NULL"
	 " FROM {files} AS f WHERE 1"
	 " AND f.ClientID IN (SELECT c.ID FROM {clients} AS c WHERE c.Name = $1)"},
	{"client by id", "SELECT c.ID, c.Name, c.PublicKey, c.LastSeen, c.AESKey"
			 " FROM {clients} AS c WHERE c.ID = $1"},
	{"client by name", "SELECT c.ID, c.Name, c.PublicKey, c.LastSeen, c.AESKey"
			   " FROM {clients} AS c WHERE c.Name = $1"},
	{"clients", "SELECT c.ID, c.Name, c.PublicKey, c.LastSeen, c.AESKey"
		    " FROM {clients} AS c ORDER BY c.Name, c.ID"},
	{"files gone missing",
	 "UPDATE files SET MissingSince = $3 WHERE ClientID = $1 AND OriginalPath = $2"
	 " AND MissingSince IS NULL"},
	{"deletion of a client's files", "DELETE FROM files WHERE ClientID = $1"},
	{"versions of a file", "SELECT v.ID, v.VersionNumber, v.VersionHash, v.CreatedDate"
			       " FROM file_versions v WHERE v.FileID = $1"
			       " ORDER BY v.VersionNumber, v.ID"},
};

static void add_filled(sr_buffer *sql, const char *text, const sr_shape *shape)
{
	while (*text) {
		if (strncmp(text, "{files}", 7) == 0) {
			sr_buffer_add_string(sql, shape->files);
			text += 7;
		} else if (strncmp(text, "{clients}", 9) == 0) {
			sr_buffer_add_string(sql, shape->clients);
			text += 9;
		} else {
			sr_buffer_add(sql, text++, 1);
		}
	}
}

sr_status sr_queries_each(const sr_shape *shape, sr_query_take_fn take, void *to)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc = SR_OK;

	for (size_t i = 0; i < sizeof(of_files) / sizeof(of_files[0]) && rc == SR_OK; i++) {
		sr_buffer_clear(&sql);
		sr_file_select(&sql, shape, of_files[i].client);
		sr_buffer_add_string(&sql, of_files[i].end);
		if ((rc = sr_buffer_status(&sql)) == SR_OK)
			take(to, of_files[i].name, sql.data);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && rc == SR_OK; i++) {
		sr_buffer_clear(&sql);
		add_filled(&sql, others[i].sql, shape);
		if ((rc = sr_buffer_status(&sql)) == SR_OK)
			take(to, others[i].name, sql.data);
	}
	sr_buffer_clear(&sql);
	sr_file_select_by_key(&sql, shape);
	if (rc == SR_OK && (rc = sr_buffer_status(&sql)) == SR_OK)
		take(to, "file by key", sql.data);
	sr_buffer_clear(&sql);
	sr_file_select(&sql, shape, "$1");
	sr_buffer_add_string(&sql, shape->version < SR_NAMES_INDEXED ? by_name_early : by_name);
	if (rc == SR_OK && (rc = sr_buffer_status(&sql)) == SR_OK)
		take(to, "files of a client, by name", sql.data);
	sr_buffer_clear(&sql);
	sr_client_totals_select(shape, &sql);
	if (rc == SR_OK && (rc = sr_buffer_status(&sql)) == SR_OK)
		take(to, "totals of the clients", sql.data);
	sr_buffer_free(&sql);
	return rc;
}
