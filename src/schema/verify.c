/*
 * Drift: the ledger's checksums, and the schema against what the migrations make at the
 * database's version. Tables are compared column by column, so that a text from other hands
 * or columns of a user's do not count as drift; indexes and triggers by their words.
 */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct verifying {
	sr_conn *conn;
	sr_drift_fn fn; /* May be NULL. */
	void *arg;
	const sr_schema_object *schema; /* What is expected. */
	int64_t differences;
} verifying;

static void differs(verifying *v, const char *kind, const char *object, const char *expected,
		    const char *found)
{
	v->differences++;
	if (v->fn)
		v->fn(v->arg, kind, object, expected, found);
}

/* What users made is told, and is no difference. */
static void addition(verifying *v, const char *object, const char *found)
{
	if (v->fn)
		v->fn(v->arg, "addition", object, NULL, found);
}

/* ---- The ledger ---- */

static sr_status ledger_row(verifying *v, const sr_migration_source *source, sr_stmt *stmt)
{
	char object[80];
	sr_status rc;
	bool row;

	snprintf(object, sizeof(object), "%d %s", source->version, source->name);
	sr_bind_integer(stmt, 1, source->version);
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		return rc;
	if (!row) {
		differs(v, "ledger", object, source->description, NULL);
		return SR_OK;
	}
	/* Rows of the old code have no checksum. */
	if (sr_column_type(stmt, 0) != SR_NULL) {
		sr_text sum = sr_column_text(stmt, 0);

		if (strcmp(sum.data, source->checksum) != 0)
			differs(v, "checksum", object, source->checksum, sum.data);
	}
	return SR_OK;
}

static sr_status ledger_verify(verifying *v, int version)
{
	bool has_checksum;
	sr_stmt *stmt;
	sr_status rc;
	int written;

	if ((rc = sr_ledger_version(v->conn, &written)) != SR_OK || written < 0 ||
	    (rc = sr_column_exists(v->conn, "database_migrations", "checksum", &has_checksum)) !=
		    SR_OK)
		return rc;
	for (int i = 1; i <= version && rc == SR_OK; i++) {
		rc = sr_prepare(v->conn,
				has_checksum ? "SELECT checksum FROM database_migrations"
					       " WHERE CAST(version AS INTEGER) = $1"
					     : "SELECT NULL FROM database_migrations"
					       " WHERE CAST(version AS INTEGER) = $1",
				&stmt);
		if (rc != SR_OK)
			break;
		rc = sr_stmt_end(stmt, ledger_row(v, &sr_migration_sources[i], stmt));
	}
	return rc;
}

/* ---- Objects ---- */

/* The text of an object: *sql NULL where there is none; freed by the caller. */
static sr_status object_sql(sr_conn *conn, const char *type, const char *name, char **sql)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*sql = NULL;
	rc = sr_prepare(
		conn, "SELECT sql FROM sqlite_master WHERE type = $1 AND name = $2 COLLATE NOCASE",
		&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, type);
	sr_bind_text(stmt, 2, name);
	rc = sr_step(stmt, &row);
	if (rc == SR_OK && row) {
		sr_text text = sr_column_text(stmt, 0);

		*sql = strdup(text.data ? text.data : "");
		if (*sql == NULL)
			rc = sr_fail_memory();
	}
	return sr_stmt_end(stmt, rc);
}

static void column_words(sr_buffer *out, const char *name, const char *type,
			 const char *default_sql, bool not_null, int64_t key)
{
	sr_buffer_printf(out, "%s %s%s%s%s%s", name, type, not_null ? " NOT NULL" : "",
			 default_sql ? " DEFAULT " : "", default_sql ? default_sql : "",
			 key ? " PRIMARY KEY" : "");
}

/* The column as it is: *same, and its words in found ("" where it is missing). */
static sr_status column_compare(verifying *v, const char *table, const sr_schema_column *want,
				sr_buffer *found, bool *same)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*same = false;
	rc = sr_prepare(v->conn,
			"SELECT name, type, dflt_value, \"notnull\", pk FROM pragma_table_xinfo($1)"
			" WHERE name = $2 COLLATE NOCASE",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	sr_bind_text(stmt, 2, want->name);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *type = sr_column_text(stmt, 1).data;
		const char *value = sr_column_text(stmt, 2).data;
		bool not_null = sr_column_integer(stmt, 3) != 0;
		int64_t key = sr_column_integer(stmt, 4);

		*same = strcasecmp(type, want->type) == 0 && not_null == want->not_null &&
			key == want->key && (value == NULL) == (want->default_sql == NULL) &&
			(value == NULL || strcmp(value, want->default_sql) == 0);
		column_words(found, sr_column_text(stmt, 0).data, type, value, not_null, key);
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status columns_verify(verifying *v, const sr_schema_object *table)
{
	sr_status rc = SR_OK;

	for (const sr_schema_column *c = table->columns; c->name && rc == SR_OK; c++) {
		sr_buffer found = SR_BUFFER_EMPTY;
		sr_buffer want = SR_BUFFER_EMPTY;
		char object[160];
		bool same;

		rc = column_compare(v, table->name, c, &found, &same);
		if (rc == SR_OK && !same) {
			column_words(&want, c->name, c->type, c->default_sql, c->not_null, c->key);
			snprintf(object, sizeof(object), "%s.%s", table->name, c->name);
			if ((rc = sr_buffer_status(&want)) == SR_OK)
				differs(v, "column", object, want.data,
					found.length ? found.data : NULL);
		}
		sr_buffer_free(&want);
		sr_buffer_free(&found);
	}
	return rc;
}

static sr_status keys_verify(verifying *v, const sr_schema_object *table)
{
	sr_status rc = SR_OK;

	for (const sr_schema_key *k = table->keys; k->column && rc == SR_OK; k++) {
		char object[160];
		char want[320];
		int64_t found;

		snprintf(want, sizeof(want), "FOREIGN KEY (%s) REFERENCES %s(%s) ON DELETE %s",
			 k->column, k->parent, k->parent_column, k->on_delete);
		/* The four words are ours, from the snapshot, not a user's. */
		snprintf(object, sizeof(object),
			 "SELECT count(*) FROM pragma_foreign_key_list($1) WHERE \"from\" = $2"
			 " COLLATE NOCASE AND \"table\" = '%s' COLLATE NOCASE",
			 k->parent);
		rc = sr_ask(v->conn, object, table->name, k->column, &found);
		if (rc == SR_OK && found == 0) {
			snprintf(object, sizeof(object), "%s.%s", table->name, k->column);
			differs(v, "foreign key", object, want, NULL);
		}
	}
	return rc;
}

/* What other tables refer to must be there once. */
static sr_status unique_verify(verifying *v, const sr_schema_object *table,
			       const sr_schema_object *child)
{
	sr_status rc = SR_OK;

	for (const sr_schema_key *k = child->keys; k && k->column && rc == SR_OK; k++) {
		char object[160];
		char want[160];
		bool unique;

		if (strcmp(k->parent, table->name) != 0)
			continue;
		rc = sr_column_unique(v->conn, table->name, k->parent_column, &unique);
		if (rc != SR_OK || unique)
			continue;
		snprintf(object, sizeof(object), "%s.%s", table->name, k->parent_column);
		snprintf(want, sizeof(want), "UNIQUE (%s), to which %s refers", k->parent_column,
			 child->name);
		differs(v, "unique key", object, want, NULL);
	}
	return rc;
}

static sr_status children_verify(verifying *v, const sr_schema_object *table)
{
	sr_status rc = SR_OK;

	for (const sr_schema_object *o = v->schema; o->type && rc == SR_OK; o++)
		rc = unique_verify(v, table, o);
	return rc;
}

static sr_status columns_added(verifying *v, const sr_schema_object *table)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(v->conn, "SELECT name, type FROM pragma_table_xinfo($1)", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table->name);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *name = sr_column_text(stmt, 0).data;
		const sr_schema_column *c = table->columns;
		char object[320];

		while (c->name && strcasecmp(c->name, name) != 0)
			c++;
		if (c->name)
			continue;
		snprintf(object, sizeof(object), "%s.%s", table->name, name);
		addition(v, object, sr_column_text(stmt, 1).data);
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status object_verify(verifying *v, const sr_schema_object *want)
{
	char *found;
	bool same = false;
	sr_status rc;

	if ((rc = object_sql(v->conn, want->type, want->name, &found)) != SR_OK)
		return rc;
	if (found == NULL)
		differs(v, want->type, want->name, want->sql, NULL);
	else if ((rc = sr_sql_same(want->sql, found, &same)) == SR_OK && !same) {
		if (want->columns == NULL)
			differs(v, want->type, want->name, want->sql, found);
		else if ((rc = columns_verify(v, want)) == SR_OK &&
			 (rc = keys_verify(v, want)) == SR_OK &&
			 (rc = children_verify(v, want)) == SR_OK)
			rc = columns_added(v, want);
	}
	free(found);
	return rc;
}

/* ---- What else there is ---- */

static bool is_known(const sr_schema_object *schema, const char *type, const char *name)
{
	/* The old code makes these by itself. */
	static const char *const old[] = {"idx_files_clientid",    "idx_files_client_filename",
					  "idx_files_moddate",     "idx_files_filesize",
					  "idx_metrics_name_time", "idx_clients_name",
					  "idx_clients_lastseen",  "idx_files_filename",
					  "idx_files_verified",    NULL};

	return sr_schema_find(schema, type, name) || sr_is_ledger(name) ||
	       (strcmp(type, "index") == 0 && sr_list_has(old, name));
}

static sr_status additions_tell(verifying *v, const sr_schema_object *schema)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(v->conn,
			"SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
			" AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *type = sr_column_text(stmt, 0).data;
		const char *name = sr_column_text(stmt, 1).data;
		char object[320];

		if (is_known(schema, type, name))
			continue;
		snprintf(object, sizeof(object), "%s %s", type, name);
		addition(v, object, sr_column_text(stmt, 2).data);
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_schema_verify(sr_conn *conn, sr_drift_fn fn, void *arg, int64_t *differences)
{
	verifying v = {.conn = conn, .fn = fn, .arg = arg};
	int version;
	bool legacy;
	sr_status rc;

	if ((rc = sr_schema_version(conn, &version, &legacy)) != SR_OK)
		return rc;
	if (version > sr_schema_latest())
		return sr_fail(SR_TOO_NEW,
			       "%s has schema version %d, and this program knows versions up to "
			       "%d; use a newer one",
			       sr_conn_path(conn), version, sr_schema_latest());
	/* An empty database lacks everything of version 0. */
	v.schema = sr_migration_sources[version < 0 ? 0 : version].schema;
	rc = ledger_verify(&v, version);
	for (const sr_schema_object *o = v.schema; o->type && rc == SR_OK; o++)
		rc = object_verify(&v, o);
	if (rc == SR_OK)
		rc = additions_tell(&v, v.schema);
	if (rc == SR_OK)
		*differences = v.differences;
	return rc;
}
