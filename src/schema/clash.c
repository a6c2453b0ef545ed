/*
 * Users' own objects under names that a migration is about to use. CREATE … IF NOT EXISTS would
 * pass over them in silence and leave a schema that only looks like ours, so they are asked
 * for first. An index of such a name costs speed and nothing else: verify tells it.
 */
#include "schema.h"

#include <string.h>

static sr_status clash_fail(const char *type, const char *name, const char *lacks)
{
	return sr_fail(SR_EXISTS,
		       "there is a %s %s, whose name this program needs, and it is not its "
		       "own%s%s: rename it, then migrate again",
		       type, name, lacks ? ", without the column " : "", lacks ? lacks : "");
}

static sr_status table_clash(sr_conn *conn, const sr_schema_object *table, const char *type)
{
	sr_status rc = SR_OK;

	if (strcmp(type, "table") != 0)
		return clash_fail(type, table->name, NULL);
	for (const sr_schema_column *c = table->columns; c->name && rc == SR_OK; c++) {
		bool exists;

		rc = sr_column_exists(conn, table->name, c->name, &exists);
		if (rc == SR_OK && !exists)
			rc = clash_fail(type, table->name, c->name);
	}
	return rc;
}

static sr_status trigger_clash(sr_conn *conn, const sr_schema_object *trigger, const char *type)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;
	bool same = true;

	if (strcmp(type, "trigger") != 0)
		return SR_OK;
	rc = sr_prepare(conn,
			"SELECT sql FROM sqlite_master WHERE type = 'trigger'"
			" AND name = $1 COLLATE NOCASE",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, trigger->name);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		rc = sr_sql_same(trigger->sql, sr_column_text(stmt, 0).data, &same);
	rc = sr_stmt_end(stmt, rc);
	return rc == SR_OK && !same ? clash_fail(type, trigger->name, NULL) : rc;
}

sr_status sr_schema_clash(sr_conn *conn, const sr_schema_object *before,
			  const sr_schema_object *now)
{
	sr_status rc = SR_OK;

	for (; now->type && rc == SR_OK; now++) {
		char type[16];

		if (strcmp(now->type, "index") == 0 || sr_schema_find(before, now->type, now->name))
			continue;
		if ((rc = sr_object_type(conn, now->name, type)) != SR_OK || type[0] == '\0')
			continue;
		rc = now->columns ? table_clash(conn, now, type) : trigger_clash(conn, now, type);
	}
	return rc;
}
