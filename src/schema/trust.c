/*
 * What in a database of unknown origin would run when our statements do: triggers on our
 * tables, indexes with expressions or conditions, names of ours that are views. The migrations'
 * own are known by name and by words, at whatever version.
 */
#include "schema.h"

#include <string.h>
#include <strings.h>

static bool is_ours(const char *type, const char *name, const char *sql)
{
	for (int v = 0; v < sr_migration_count; v++) {
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
	return strcasecmp(name, "database_migrations") == 0 ||
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

static sr_status object_foreign(sr_conn *conn, const char *type, const char *name,
				const char *table, const char *sql, bool *foreign)
{
	*foreign = false;
	if (strcmp(type, "view") == 0) {
		*foreign = is_our_table(name);
		return SR_OK;
	}
	if (!is_our_table(table))
		return SR_OK;
	if (strcmp(type, "table") == 0) {
		if (strncasecmp(sql, "CREATE VIRTUAL", 14) == 0) {
			*foreign = true;
			return SR_OK;
		}
		return table_computes(conn, name, foreign);
	}
	if (is_ours(type, name, sql))
		return SR_OK;
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
	sr_stmt_done(stmt);
	return rc;
}
