/*
 * Databases older than version 0, brought to the seed's core shape.
 *
 * `files` once had no ClientID: its ID held the client's, and (ID, FileName) was the key. Then
 * columns were added one by one and ID was replaced by a random one. So it may lack columns,
 * have another order, another key and no foreign key. It is rebuilt by SQLite's steps: new
 * table, rows copied with their row numbers, old one dropped, new one renamed, indexes and
 * triggers as they were. Whatever columns a user added come along at the end. Foreign keys
 * are off, so that dropping cascades to nobody.
 */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEW_TABLE "files_being_rebuilt"

static const sr_schema_object *core_files(void)
{
	return sr_schema_find(sr_migration_sources[0].schema, "table", "files");
}

/* The first columns with their places in the key: "ID:1,FileName:0,…", or 0 for all where RowKey,
 * somewhere behind them, is the key. */
static sr_status core_columns_match(sr_conn *conn, bool *match)
{
	const sr_schema_column *want = core_files()->columns;
	int64_t by_row = 0;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*match = true;
	rc = sr_ask(conn,
		    "SELECT 1 FROM pragma_table_xinfo('files') WHERE pk = 1"
		    " AND name = 'RowKey' COLLATE NOCASE",
		    NULL, NULL, &by_row);
	if (rc != SR_OK)
		return rc;
	rc = sr_prepare(conn, "SELECT name, pk FROM pragma_table_xinfo('files') ORDER BY cid",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row && *match) {
		const char *name = sr_column_text(stmt, 0).data;
		int64_t key = sr_column_integer(stmt, 1);

		if (want->name == NULL) {
			*match = key == 0 || (by_row && strcasecmp(name, "RowKey") == 0);
			continue;
		}
		*match = strcasecmp(name, want->name) == 0 && key == (by_row ? 0 : want->key);
		want++;
	}
	if (want->name)
		*match = false;
	return sr_stmt_end(stmt, rc);
}

sr_status sr_legacy_find(sr_conn *conn, bool *legacy)
{
	int64_t keys = 0;
	int64_t strict = 0;
	bool match;
	sr_status rc;

	if ((rc = core_columns_match(conn, &match)) == SR_OK && match)
		rc = sr_ask(conn,
			    "SELECT 1 FROM pragma_foreign_key_list('files') WHERE"
			    " \"table\" = 'clients' COLLATE NOCASE"
			    " AND \"from\" = 'ClientID' COLLATE NOCASE",
			    NULL, NULL, &keys);
	/* A STRICT table takes none of the columns that migrations add. */
	if (rc == SR_OK)
		rc = sr_ask(conn,
			    "SELECT strict FROM pragma_table_list WHERE schema = 'main'"
			    " AND name = 'files' COLLATE NOCASE",
			    NULL, NULL, &strict);
	*legacy = rc == SR_OK && (!match || keys == 0 || strict != 0);
	return rc;
}

/* ---- The statements of a rebuild ---- */

typedef struct rebuild {
	sr_buffer create; /* CREATE TABLE of the new one, */
	sr_buffer names;  /* its columns but ID and ClientID, */
	sr_buffer values; /* and where their values come from. */
	bool has_client;  /* There is a ClientID already. */
	bool has_id;
} rebuild;

static void rebuild_free(rebuild *r)
{
	sr_buffer_free(&r->create);
	sr_buffer_free(&r->names);
	sr_buffer_free(&r->values);
}

/* A column of the core: its value, or what stands for a null where none may be. */
static sr_status core_column_add(sr_conn *conn, const sr_schema_column *column, rebuild *r)
{
	bool exists;
	sr_status rc;

	if (strcmp(column->name, "ID") == 0)
		return sr_column_exists(conn, "files", column->name, &r->has_id);
	if (strcmp(column->name, "ClientID") == 0)
		return sr_column_exists(conn, "files", column->name, &r->has_client);
	if ((rc = sr_column_exists(conn, "files", column->name, &exists)) != SR_OK)
		return rc;
	if (!exists)
		return SR_OK;
	sr_buffer_printf(&r->names, ", %s", column->name);
	if (column->not_null)
		sr_buffer_printf(&r->values, ", coalesce(%s, '')", column->name);
	else
		sr_buffer_printf(&r->values, ", %s", column->name);
	return SR_OK;
}

static bool is_core(const char *name)
{
	return sr_schema_has_column(core_files(), name);
}

/* A column as the pragma tells it: where the text has no definition to take over. */
static void plain_column_add(sr_stmt *stmt, rebuild *r)
{
	sr_text value = sr_column_text(stmt, 3);

	sr_buffer_add_string(&r->create, ", ");
	sr_buffer_add_identifier(&r->create, sr_column_text(stmt, 0).data);
	sr_buffer_printf(&r->create, " %s", sr_column_text(stmt, 1).data);
	if (sr_column_integer(stmt, 2))
		sr_buffer_add_string(&r->create, " NOT NULL");
	if (value.data)
		sr_buffer_printf(&r->create, " DEFAULT (%s)", value.data);
}

/* A column that is not the core's. There is one primary key, and it is not this one's. */
static void other_column_add(sr_stmt *stmt, const char *sql, rebuild *r)
{
	const char *name = sr_column_text(stmt, 0).data;

	if (sr_column_integer(stmt, 5) != 0 || !sr_clause_column(sql, name, &r->create))
		plain_column_add(stmt, r);
	if (sr_column_integer(stmt, 4) != 0)
		return;
	sr_buffer_add_string(&r->names, ", ");
	sr_buffer_add_identifier(&r->names, name);
	sr_buffer_add_string(&r->values, ", ");
	sr_buffer_add_identifier(&r->values, name);
}

/* The columns that are not the core's, and what the table demands of them. Generated ones are
 * declared and not copied. */
static sr_status other_columns_add(sr_conn *conn, rebuild *r)
{
	static const char ask[] =
		"SELECT c.name, c.type, c.\"notnull\", c.dflt_value, c.hidden, c.pk, t.sql"
		" FROM pragma_table_xinfo('files') AS c, sqlite_master AS t"
		" WHERE t.type = 'table' AND t.name = 'files' COLLATE NOCASE ORDER BY c.cid";
	sr_names others = {NULL, 0};
	char *sql = NULL;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, ask, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if (sql == NULL && (sql = strdup(sr_column_text(stmt, 6).data)) == NULL) {
			rc = sr_fail_memory();
			break;
		}
		if (is_core(sr_column_text(stmt, 0).data))
			continue;
		other_column_add(stmt, sql, r);
		if ((rc = sr_names_add(&others, sr_column_text(stmt, 0).data)) != SR_OK)
			break;
	}
	if (rc == SR_OK && sql)
		sr_clause_constraints(sql, &others, &r->create);
	rc = sr_stmt_end(stmt, rc);
	sr_names_free(&others);
	free(sql);
	return rc;
}

/* The seed's own text with other columns put before its foreign key. */
static sr_status rebuild_plan(sr_conn *conn, rebuild *r)
{
	static const char mark[] = "FOREIGN KEY";
	const char *sql = core_files()->sql;
	const char *open = strchr(sql, '(');
	const char *key = strstr(sql, mark);
	const char *comma = key;
	sr_status rc;

	while (*comma != ',')
		comma--;
	sr_buffer_add_string(&r->create, "CREATE TABLE " NEW_TABLE " ");
	sr_buffer_add(&r->create, open, (size_t)(comma - open));
	for (const sr_schema_column *c = core_files()->columns; c->name; c++)
		if ((rc = core_column_add(conn, c, r)) != SR_OK)
			return rc;
	if ((rc = other_columns_add(conn, r)) != SR_OK)
		return rc;
	sr_buffer_add_string(&r->create, comma);
	if ((rc = sr_buffer_status(&r->create)) != SR_OK ||
	    (rc = sr_buffer_status(&r->names)) != SR_OK)
		return rc;
	return sr_buffer_status(&r->values);
}

/* ---- Rows ---- */

/* Rows whose ID can stay: it is there, is not the client's, and no other row has it. */
static const char *kept_ids(const rebuild *r)
{
	if (!r->has_id || !r->has_client)
		return "0";
	return "ID IS NOT NULL AND ID IS NOT ClientID AND typeof(ID) = 'blob' AND ID NOT IN"
	       " (SELECT ID FROM files WHERE ID IS NOT NULL GROUP BY ID HAVING count(*) > 1)";
}

static const char *client_of(const rebuild *r)
{
	if (r->has_client && r->has_id)
		return "coalesce(ClientID, ID, x'')";
	return r->has_client ? "coalesce(ClientID, x'')" : r->has_id ? "coalesce(ID, x'')" : "x''";
}

static sr_status copy_kept(sr_conn *conn, const rebuild *r)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql,
			 "INSERT INTO " NEW_TABLE " (rowid, ID, ClientID%s)"
			 " SELECT rowid, ID, %s%s FROM files WHERE %s ORDER BY rowid",
			 r->names.length ? r->names.data : "", client_of(r),
			 r->values.length ? r->values.data : "", kept_ids(r));
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_exec(conn, sql.data);
	sr_buffer_free(&sql);
	return rc;
}

/* The other rows get a new id each. */
static sr_status copy_renamed(sr_conn *conn, const rebuild *r)
{
	sr_buffer find = SR_BUFFER_EMPTY;
	sr_buffer copy = SR_BUFFER_EMPTY;
	sr_stmt *rows = NULL;
	sr_stmt *insert = NULL;
	sr_status rc;
	bool row;

	sr_buffer_printf(&find, "SELECT rowid FROM files WHERE NOT (%s) ORDER BY rowid",
			 kept_ids(r));
	sr_buffer_printf(&copy,
			 "INSERT INTO " NEW_TABLE " (rowid, ID, ClientID%s)"
			 " SELECT rowid, $2, %s%s FROM files WHERE rowid = $1",
			 r->names.length ? r->names.data : "", client_of(r),
			 r->values.length ? r->values.data : "");
	if ((rc = sr_buffer_status(&find)) != SR_OK || (rc = sr_buffer_status(&copy)) != SR_OK ||
	    (rc = sr_prepare(conn, find.data, &rows)) != SR_OK ||
	    (rc = sr_prepare(conn, copy.data, &insert)) != SR_OK)
		goto err0;
	while ((rc = sr_step(rows, &row)) == SR_OK && row) {
		sr_id id;

		sr_id_new(&id);
		sr_bind_integer(insert, 1, sr_column_integer(rows, 0));
		sr_bind_id(insert, 2, &id);
		if ((rc = sr_run(insert)) != SR_OK)
			break;
	}
err0:
	sr_stmt_done(insert);
	sr_stmt_done(rows);
	sr_buffer_free(&copy);
	sr_buffer_free(&find);
	return rc;
}

/* Every value but the ids is where it was, row by row. */
static sr_status rows_same(sr_conn *conn, const rebuild *r)
{
	sr_buffer old_sql = SR_BUFFER_EMPTY;
	sr_buffer new_sql = SR_BUFFER_EMPTY;
	uint64_t old_sum[2], new_sum[2];
	int64_t old_rows, new_rows;
	sr_status rc;

	sr_buffer_printf(&old_sql, "SELECT rowid, %s%s FROM files", client_of(r),
			 r->values.length ? r->values.data : "");
	sr_buffer_printf(&new_sql, "SELECT rowid, ClientID%s FROM " NEW_TABLE,
			 r->names.length ? r->names.data : "");
	if ((rc = sr_buffer_status(&old_sql)) != SR_OK ||
	    (rc = sr_buffer_status(&new_sql)) != SR_OK ||
	    (rc = sr_rows_digest(conn, old_sql.data, &old_rows, old_sum)) != SR_OK ||
	    (rc = sr_rows_digest(conn, new_sql.data, &new_rows, new_sum)) != SR_OK)
		goto err0;
	if (old_rows != new_rows)
		rc = sr_fail(SR_CORRUPT, "files has %lld %s, and %lld %s copied",
			     (long long)old_rows, sr_plural(old_rows, "row", "rows"),
			     (long long)new_rows, sr_plural(new_rows, "was", "were"));
	else if (memcmp(old_sum, new_sum, sizeof(old_sum)) != 0)
		rc = sr_fail(SR_CORRUPT, "the rows of files changed while they were copied");
err0:
	sr_buffer_free(&new_sql);
	sr_buffer_free(&old_sql);
	return rc;
}

static sr_status files_rebuild(sr_conn *conn)
{
	rebuild r = {SR_BUFFER_EMPTY, SR_BUFFER_EMPTY, SR_BUFFER_EMPTY, false, false};
	sr_buffer lost = SR_BUFFER_EMPTY;
	sr_extras extras;
	sr_status rc;

	/* All that hangs on the table goes with it, our own indexes included. */
	if ((rc = sr_extras_take(conn, NULL, NULL, &extras)) != SR_OK)
		return rc;
	if ((rc = rebuild_plan(conn, &r)) == SR_OK &&
	    (rc = sr_exec(conn, r.create.data)) == SR_OK && (rc = copy_kept(conn, &r)) == SR_OK &&
	    (rc = copy_renamed(conn, &r)) == SR_OK && (rc = rows_same(conn, &r)) == SR_OK &&
	    (rc = sr_exec(conn, "DROP TABLE files")) == SR_OK &&
	    (rc = sr_exec(conn, "ALTER TABLE " NEW_TABLE " RENAME TO files")) == SR_OK)
		rc = sr_extras_restore(conn, &extras, &lost);
	if (rc == SR_OK && lost.length)
		rc = sr_fail(SR_REFUSED, "it would break what is yours: %s; drop it first",
			     lost.data);
	sr_buffer_free(&lost);
	sr_extras_free(&extras);
	rebuild_free(&r);
	return rc;
}

/* Clients of the very first days lacked keys. */
static sr_status clients_complete(sr_conn *conn)
{
	static const char *const columns[][2] = {{"PublicKey", "BLOB(160)"},
						 {"LastSeen", "TEXT NOT NULL DEFAULT ''"},
						 {"AESKey", "BLOB(32)"}};
	sr_status rc = SR_OK;

	for (size_t i = 0; i < 3 && rc == SR_OK; i++) {
		char sql[96];
		bool exists;

		rc = sr_column_exists(conn, "clients", columns[i][0], &exists);
		if (rc != SR_OK || exists)
			continue;
		snprintf(sql, sizeof(sql), "ALTER TABLE clients ADD COLUMN %s %s", columns[i][0],
			 columns[i][1]);
		rc = sr_exec(conn, sql);
	}
	return rc;
}

sr_status sr_legacy_rebuild(sr_conn *conn, const sr_migration_source *core)
{
	bool legacy;
	sr_status rc;

	if ((rc = sr_script_run(conn, core, &core->up, true)) != SR_OK ||
	    (rc = clients_complete(conn)) != SR_OK || (rc = sr_legacy_find(conn, &legacy)) != SR_OK)
		return rc;
	if (!legacy)
		return SR_OK;
	if ((rc = files_rebuild(conn)) != SR_OK)
		return sr_fail_within(rc, "files could not be brought to the shape of version 0");
	return SR_OK;
}
