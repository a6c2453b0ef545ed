/*
 * What in a database of unknown origin would run when our statements do: triggers on our
 * tables and on those that a foreign key's action reaches from there, indexes with expressions
 * or conditions, names of ours that are views. The migrations' own are known by name and by
 * words, at whatever version. A row of the schema table whose type or names differ from its text
 * is no way around: SQLite refuses such a database as malformed.
 */
#include "schema.h"

#include <string.h>
#include <strings.h>

static bool is_ours(const char *type, const char *name, const char *sql)
{
	if (strcmp(sql, SR_LEDGER_SQL) == 0 || strcmp(sql, SR_OWN_LEDGER_SQL) == 0)
		return true;
	/* The latest first: it is what most databases have. */
	for (int v = sr_migration_count - 1; v >= 0; v--) {
		const sr_schema_object *o =
			sr_schema_find(sr_migration_sources[v].schema, type, name);
		bool same;

		if (o && sr_sql_same(o->sql, sql, &same) == SR_OK && same)
			return true;
	}
	return false;
}

static bool is_our_table(const char *name)
{
	return sr_is_ledger(name) ||
	       sr_schema_find(sr_migration_sources[sr_migration_count - 1].schema, "table", name);
}

/* An index of plain columns runs nothing: whether it has a condition or an expression. */
static sr_status index_computes(sr_conn *conn, const char *name, const char *table, bool *computes)
{
	int64_t found;
	sr_status rc;

	*computes = true;
	rc = sr_ask(conn, "SELECT 1 FROM pragma_index_list($1) WHERE name = $2 AND partial = 0",
		    table, name, &found);
	if (rc != SR_OK || !found)
		return rc;
	rc = sr_ask(conn, "SELECT 1 FROM pragma_index_info($1) WHERE cid = -2", name, NULL, &found);
	*computes = found != 0;
	return rc;
}

/* A table's own text may compute too: generated columns. */
static sr_status table_computes(sr_conn *conn, const char *name, bool *computes)
{
	int64_t found;
	sr_status rc;

	rc = sr_ask(conn, "SELECT 1 FROM pragma_table_xinfo($1) WHERE hidden IN (2, 3)", name, NULL,
		    &found);
	*computes = found != 0;
	return rc;
}

/* Whether a foreign key's action can write to the table when ours are written: it, or what it
 * hangs on, is a child of one of ours. */
static sr_status table_reached(sr_conn *conn, const char *table, bool *reached)
{
	static const char sql[] =
		"WITH RECURSIVE up(name) AS (SELECT $1 UNION"
		" SELECT k.\"table\" FROM up JOIN pragma_foreign_key_list(up.name) k"
		" WHERE k.on_delete NOT IN ('NO ACTION', 'RESTRICT')"
		" OR k.on_update NOT IN ('NO ACTION', 'RESTRICT'))"
		" SELECT name FROM up";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*reached = false;
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while (!*reached && (rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *name = sr_column_text(stmt, 0).data;

		*reached = name && is_our_table(name);
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status table_foreign(sr_conn *conn, const char *name, bool *foreign)
{
	char type[16];
	sr_status rc;

	/* Not by its text, in which a comment can stand before VIRTUAL. */
	if ((rc = sr_object_type(conn, name, type)) != SR_OK)
		return rc;
	*foreign = strcmp(type, "table") != 0;
	return *foreign ? SR_OK : table_computes(conn, name, foreign);
}

static sr_status object_foreign(sr_conn *conn, const char *type, const char *name,
				const char *table, const char *sql, bool *foreign)
{
	*foreign = false;
	if (strcmp(type, "view") == 0) {
		*foreign = is_our_table(name);
		return SR_OK;
	}
	if (strcasecmp(type, "trigger") == 0 && !is_our_table(table))
		return table_reached(conn, table, foreign);
	if (!is_our_table(table))
		return SR_OK;
	/* Tables as well: what a text of ours makes is ordinary and computes nothing. */
	if (is_ours(type, name, sql))
		return SR_OK;
	if (strcmp(type, "table") == 0)
		return table_foreign(conn, name, foreign);
	if (strcmp(type, "trigger") == 0) {
		*foreign = true;
		return SR_OK;
	}
	return index_computes(conn, name, table, foreign);
}

sr_status sr_schema_foreign(sr_conn *conn, sr_foreign_fn fn, void *arg, int64_t *count)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*count = 0;
	rc = sr_prepare(conn,
			"SELECT type, name, tbl_name, sql FROM sqlite_master"
			" WHERE sql IS NOT NULL ORDER BY rowid",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *type = sr_column_text(stmt, 0).data;
		const char *name = sr_column_text(stmt, 1).data;
		const char *table = sr_column_text(stmt, 2).data;
		const char *sql = sr_column_text(stmt, 3).data;
		bool foreign;

		if (!type || !name || !table || !sql)
			continue;
		if ((rc = object_foreign(conn, type, name, table, sql, &foreign)) != SR_OK)
			break;
		if (!foreign)
			continue;
		(*count)++;
		if (fn)
			fn(arg, type, name, table);
	}
	return sr_stmt_end(stmt, rc);
}
