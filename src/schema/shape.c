/*
 * What the tables have, as a relation with all columns of the latest version. The subquery
 * has neither joins nor limits, so that SQLite flattens it and every index still works.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

static const sr_schema_object *latest_table(const char *name)
{
	return sr_schema_find(sr_migration_sources[sr_migration_count - 1].schema, "table", name);
}

/* The columns that a table has, and 0 of them where there is no such table. */
static sr_status columns_read(sr_conn *conn, const char *table, sr_names *columns)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, "SELECT name FROM pragma_table_xinfo($1)", &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if ((rc = sr_names_add(columns, sr_column_text(stmt, 0).data)) != SR_OK)
			break;
	return sr_stmt_end(stmt, rc);
}

/* Whose id the column ID of `files` holds. */
typedef enum id_owner {
	ID_FILES,   /* The file's own. */
	ID_CLIENTS, /* The client's: before ClientID existed. */
	ID_MIXED,   /* The client's in rows whose ClientID was not filled in yet. */
} id_owner;

static sr_status id_owner_read(sr_conn *conn, const sr_names *columns, id_owner *owner)
{
	int64_t found = 0;
	sr_status rc;

	*owner = ID_FILES;
	if (columns->count == 0 || !sr_names_have(columns, "ID"))
		return SR_OK;
	if (!sr_names_have(columns, "ClientID")) {
		*owner = ID_CLIENTS;
		return SR_OK;
	}
	/* Only where FileName is in the key is it worth the scan. */
	rc = sr_ask(conn, "SELECT 1 FROM pragma_table_info('files') WHERE name = 'FileName' AND pk",
		    NULL, NULL, &found);
	if (rc == SR_OK && found)
		rc = sr_ask(conn, "SELECT 1 FROM files WHERE ClientID IS NULL LIMIT 1", NULL, NULL,
			    &found);
	if (rc == SR_OK && found)
		*owner = ID_MIXED;
	return rc;
}

/* columns is NULL where all are there. */
static void column_add(sr_buffer *sql, const sr_names *columns, id_owner owner, const char *column)
{
	const char *from = columns == NULL || sr_names_have(columns, column) ? column : "NULL";

	/* Before it has a name, a file's key is the number of its row. */
	if (strcmp(column, "RowKey") == 0 && (columns == NULL || columns->count))
		from = "rowid";
	if (strcmp(column, "ID") == 0)
		from = owner == ID_CLIENTS ? "NULL"
		       : owner == ID_MIXED ? "nullif(ID, coalesce(ClientID, ID))"
					   : from;
	if (strcmp(column, "ClientID") == 0)
		from = owner == ID_CLIENTS ? "ID"
		       : owner == ID_MIXED ? "coalesce(ClientID, ID)"
					   : from;
	if (strcmp(from, column) == 0)
		sr_buffer_printf(sql, ", %s", column);
	else
		sr_buffer_printf(sql, ", %s AS %s", from, column);
}

static sr_status relation_write(const char *table, const sr_names *columns, id_owner owner,
				char **relation)
{
	bool some = columns == NULL || columns->count;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql, "(SELECT %s AS row_number", some ? "rowid" : "NULL");
	for (const sr_schema_column *c = latest_table(table)->columns; c->name; c++)
		column_add(&sql, columns, owner, c->name);
	if (some)
		sr_buffer_printf(&sql, " FROM %s)", table);
	else
		sr_buffer_add_string(&sql, " WHERE 0)");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		*relation = sr_buffer_take(&sql);
	sr_buffer_free(&sql);
	return rc;
}

/* Of a table that its version has and that is gone, all columns, so that reading it is an error and
 * not an empty catalog. */
static sr_status relation_build(sr_conn *conn, const sr_shape *shape, const char *table,
				char **relation)
{
	sr_names columns = {NULL, 0};
	bool gone;
	id_owner owner = ID_FILES;
	char type[16];
	sr_status rc;

	if ((rc = sr_table_type(conn, table, type)) != SR_OK)
		goto err0;
	if ((rc = columns_read(conn, table, &columns)) != SR_OK)
		goto err1;
	if (strcmp(table, "files") == 0 && (rc = id_owner_read(conn, &columns, &owner)) != SR_OK)
		goto err1;
	gone = columns.count == 0 && shape->version >= 0;
	rc = relation_write(table, gone ? NULL : &columns, owner, relation);
err1:
	sr_names_free(&columns);
err0:
	return rc;
}

static sr_status has_versions_read(sr_conn *conn, bool *has)
{
	char type[16];
	sr_status rc;

	rc = sr_object_type(conn, "file_versions", type);
	*has = strcmp(type, "table") == 0;
	return rc;
}

static sr_status searchable_read(sr_conn *conn, bool *searchable)
{
	int64_t found = 0;
	sr_status rc;

	rc = sr_query_integer(
		conn,
		"SELECT count(*) FROM sqlite_schema WHERE (type = 'trigger' AND name IN"
		" ('trg_files_search_insert', 'trg_files_search_update')) OR (type = 'table' AND"
		" name IN ('search_state', 'search_segments', 'search_postings', 'search_chunks',"
		" 'search_changes'))",
		&found);
	*searchable = found == 7;
	return rc;
}

sr_status sr_shape_version(sr_conn *conn, sr_shape *shape, bool *legacy)
{
	sr_status rc;

	*shape = (sr_shape){.version = -1};
	*legacy = false;
	if ((rc = sr_query_integer(conn, "PRAGMA schema_version", &shape->cookie)) != SR_OK ||
	    (rc = sr_shape_recognise(conn, shape)) != SR_OK)
		goto err0;
	if (shape->known)
		return SR_OK;
	if ((rc = sr_schema_version(conn, &shape->version, legacy)) != SR_OK)
		goto err0;
	shape->latest = shape->version == sr_schema_latest() && !*legacy;
	return SR_OK;

err0:
	shape->cookie = -1;
	return rc;
}

sr_status sr_shape_fill(sr_conn *conn, sr_shape *shape)
{
	sr_shape fresh = *shape;
	sr_status rc;

	fresh.files = NULL;
	fresh.clients = NULL;
	if (shape->known) {
		if ((rc = relation_write("files", NULL, ID_FILES, &fresh.files)) == SR_OK &&
		    (rc = relation_write("clients", NULL, ID_FILES, &fresh.clients)) == SR_OK) {
			*shape = fresh;
			return SR_OK;
		}
	} else if ((rc = relation_build(conn, shape, "files", &fresh.files)) == SR_OK &&
		   (rc = relation_build(conn, shape, "clients", &fresh.clients)) == SR_OK &&
		   (rc = has_versions_read(conn, &fresh.has_versions)) == SR_OK &&
		   (rc = searchable_read(conn, &fresh.searchable)) == SR_OK) {
		*shape = fresh;
		return SR_OK;
	}
	sr_shape_free(&fresh);
	return rc;
}

sr_status sr_shape_read(sr_conn *conn, sr_shape *shape)
{
	sr_shape fresh;
	bool legacy;
	sr_status rc;

	if ((rc = sr_shape_version(conn, &fresh, &legacy)) == SR_OK &&
	    (rc = sr_shape_fill(conn, &fresh)) == SR_OK)
		*shape = fresh;
	return rc;
}

sr_status sr_shape_stale(sr_conn *conn, const sr_shape *shape, bool *stale)
{
	int64_t cookie;
	sr_status rc;

	rc = sr_query_integer(conn, "PRAGMA schema_version", &cookie);
	if (rc == SR_OK)
		*stale = cookie != shape->cookie;
	return rc;
}

void sr_shape_free(sr_shape *shape)
{
	if (shape == NULL)
		return;
	free(shape->files);
	free(shape->clients);
	shape->files = NULL;
	shape->clients = NULL;
}
