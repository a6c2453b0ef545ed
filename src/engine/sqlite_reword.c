/*
 * Another text for a table, without a row of it being written again. SQLite has no statement for
 * that; its documentation allows writing the schema table where rows are stored the same under
 * both texts. The defences against that are down for the one statement, on this connection.
 */
#include <string.h>

#include "sqlite.h"

/* What may be written lies open, or is closed again. */
static sr_status schema_open(sqlite_conn *c, bool open)
{
	static const int settings[] = {SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_WRITABLE_SCHEMA};
	const int values[] = {!open, open};

	for (int i = 0; i < 2; i++) {
		int now = -1;

		if (sqlite3_db_config(c->db, settings[i], values[i], &now) != SQLITE_OK ||
		    now != values[i])
			return sr_fail(SR_SQL, "%s: this SQLite does not take the setting %d",
				       c->base.path, settings[i]);
	}
	return SR_OK;
}

static int text_put(sqlite_conn *c, const char *table, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int code;

	code = sqlite3_prepare_v2(c->db,
				  "UPDATE sqlite_schema SET sql = ?1"
				  " WHERE type = 'table' AND name = ?2 COLLATE NOCASE",
				  -1, &stmt, NULL);
	if (code != SQLITE_OK ||
	    (code = sqlite3_bind_text(stmt, 1, sql, -1, SQLITE_STATIC)) != SQLITE_OK ||
	    (code = sqlite3_bind_text(stmt, 2, table, -1, SQLITE_STATIC)) != SQLITE_OK) {
		sqlite3_finalize(stmt);
		return code;
	}
	sqlite3_step(stmt);
	return sqlite3_finalize(stmt);
}

/* The schema's number moves, so that every connection reads the schema again, this one too. */
static int cookie_move(sqlite_conn *c)
{
	sqlite3_stmt *stmt = NULL;
	unsigned cookie = 0;
	char sql[64];
	int code;

	code = sqlite3_prepare_v2(c->db, "PRAGMA schema_version", -1, &stmt, NULL);
	if (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		cookie = (unsigned)sqlite3_column_int(stmt, 0);
	if ((code = sqlite3_finalize(stmt)) != SQLITE_OK)
		return code;
	sqlite3_snprintf(sizeof(sql), sql, "PRAGMA schema_version = %d",
			 (int)((cookie + 1) & 0x7fffffff));
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL);
}

sr_status sr_sqlite_reword(sr_conn *conn, const char *table, const char *sql)
{
	sqlite_conn *c = sqlite_of(conn);
	sr_status rc, closed;
	int changed = 0;
	int code;

	if ((rc = schema_open(c, true)) != SR_OK)
		goto err0;
	c->own = true;
	if ((code = text_put(c, table, sql)) == SQLITE_OK) {
		changed = sqlite3_changes(c->db);
		code = cookie_move(c);
	}
	c->own = false;
	if (code != SQLITE_OK)
		rc = sr_sqlite_fail(c, code);
	else if (changed != 1)
		rc = sr_fail(SR_NOT_FOUND, "%s has no table %s", conn->path, table);
err0:
	closed = schema_open(c, false);
	if (rc != SR_OK || closed != SR_OK)
		return rc != SR_OK ? rc : closed;
	/* Reads the new schema: a text that is none is found here. */
	c->own = true;
	code = sqlite3_exec(c->db, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
	c->own = false;
	return code == SQLITE_OK ? SR_OK : sr_sqlite_fail(c, code);
}
