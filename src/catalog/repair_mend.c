/* Mending: one row at a time, by key. */
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "file.h"
#include "repair.h"
#include "search_index.h"

/* A statement for a key, which is its $1; changes (may be NULL) says how many rows it changed. */
static sr_status run_for(sr_conn *conn, const char *sql, const sr_value *key, int64_t *changes)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_value(stmt, 1, key);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	if (rc == SR_OK && changes != NULL)
		*changes = sr_conn_changes(conn);
	return rc;
}

/* ---- Indexes ---- */

static sr_status reindex(sr_conn *conn, const char *name)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, "REINDEX \"");
	for (; *name; name++)
		sr_buffer_printf(&sql, "%s%c", *name == '"' ? "\"" : "", *name);
	sr_buffer_add_string(&sql, "\"");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_exec(conn, sql.data);
	sr_buffer_free(&sql);
	return rc;
}

/* ---- Orphans ---- */

/* quote(), and for text that holds a NUL, where it would end, the bytes of it. */
#define QUOTED(column)                                                                             \
	"CASE WHEN typeof(\"%s\") = 'text' AND instr(\"%s\", char(0)) > 0 THEN 'CAST(' ||"         \
	" quote(CAST(\"%s\" AS BLOB)) || ' AS TEXT)' ELSE quote(\"%s\") END"

/* "INSERT INTO t (a, b) VALUES (…)" of a row, as an SQL expression. */
static sr_status add_statement(sr_conn *conn, const char *table, sr_buffer *sql)
{
	sr_buffer values = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;
	int count = 0;

	rc = sr_prepare(conn, "SELECT name FROM pragma_table_xinfo($1) WHERE hidden = 0", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	sr_buffer_printf(sql, "'INSERT INTO \"%s\" (", table);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *name = sr_column_text(stmt, 0).data;

		/* A user's own column may have any name; those with quotes are left to him. */
		if (name == NULL || strpbrk(name, "\"'") != NULL)
			continue;
		sr_buffer_printf(sql, "%s\"%s\"", count ? ", " : "", name);
		sr_buffer_printf(&values, "%s || " QUOTED(name), count ? " || ', '" : "", name,
				 name, name, name);
		count++;
	}
	sr_stmt_done(stmt);
	sr_buffer_add_string(sql, ") VALUES ('");
	sr_buffer_add_text(sql, sr_buffer_text(&values));
	sr_buffer_add_string(sql, " || ')'");
	if (rc == SR_OK)
		rc = sr_buffer_status(&values);
	sr_buffer_free(&values);
	return rc == SR_OK ? sr_buffer_status(sql) : rc;
}

/* Copies the table's rows that the condition on $1 means to orphaned_rows. */
static sr_status keep_rows(sr_conn *conn, const char *table, const char *where, const char *reason,
			   const sr_value *key, const char *now)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;

	sr_buffer_printf(&sql,
			 "INSERT INTO orphaned_rows (TableName, MovedAt, Reason, Content)"
			 " SELECT '%s', $2, $3, ",
			 table);
	if ((rc = add_statement(conn, table, &sql)) != SR_OK)
		goto err0;
	sr_buffer_printf(&sql, " FROM %s WHERE %s ORDER BY rowid", table, where);
	if ((rc = sr_buffer_status(&sql)) != SR_OK ||
	    (rc = sr_prepare(conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_value(stmt, 1, key);
	sr_bind_text(stmt, 2, now);
	sr_bind_text(stmt, 3, reason);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);

err0:
	sr_buffer_free(&sql);
	return rc;
}

/* A file's versions would go with it by the cascade. */
static sr_status move_aside(sr_conn *conn, const char *table, const sr_value *key, const char *now,
			    int64_t *done)
{
	char sql[160];
	sr_status rc;

	rc = keep_rows(conn, table, "rowid = $1", "it refers to a row that is not there", key, now);
	if (rc == SR_OK && strcmp(table, "files") == 0)
		rc = keep_rows(conn, "file_versions",
			       "FileID = (SELECT f.ID FROM files f WHERE f.rowid = $1)",
			       "its file was moved aside", key, now);
	if (rc != SR_OK)
		return rc;
	if (strcmp(table, "files") == 0 &&
	    (rc = run_for(conn,
			  "DELETE FROM file_versions WHERE FileID ="
			  " (SELECT f.ID FROM files f WHERE f.rowid = $1)",
			  key, NULL)) != SR_OK)
		return rc;
	snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE rowid = $1", table);
	return run_for(conn, sql, key, done);
}

/* ---- Counters ---- */

/* The quota follows, as it does by a trigger; none fires here, since one may refuse. */
static sr_status count_anew(sr_conn *conn, const sr_value *client, int64_t *done)
{
	sr_status rc;

	rc = run_for(conn,
		     "INSERT INTO client_usage (ClientID, Files, Bytes)"
		     " SELECT $1, count(*), coalesce(sum(" SR_COUNTED_SIZE "), 0)"
		     " FROM files WHERE ClientID = $1 ON CONFLICT (ClientID) DO UPDATE SET"
		     " Files = excluded.Files, Bytes = excluded.Bytes",
		     client, done);
	if (rc == SR_OK)
		rc = run_for(conn,
			     "DELETE FROM client_usage WHERE ClientID = $1 AND Files = 0"
			     " AND NOT EXISTS (SELECT 1 FROM clients c WHERE c.ID = $1)",
			     client, NULL);
	if (rc == SR_OK)
		rc = run_for(conn,
			     "UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM"
			     " client_usage u WHERE u.ClientID = $1), 0) WHERE ClientID = $1",
			     client, NULL);
	return rc;
}

static sr_status set_quota_used(sr_conn *conn, const sr_value *client, int64_t *done)
{
	return run_for(conn,
		       "UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM"
		       " client_usage u WHERE u.ClientID = client_quotas.ClientID), 0)"
		       " WHERE ClientID IS $1",
		       client, done);
}

/* ---- Versions ---- */

/* The version that is the file's state: the one that it names, else one that repeats it, else the
 * active one, else the last. */
#define STATE_OF                                                                                   \
	"(SELECT v.ID FROM files f JOIN file_versions v ON v.FileID = f.ID WHERE f.rowid = $1"     \
	" ORDER BY v.ID IS f.CurrentVersionID DESC, (v.VersionHash IS f.FileHash AND"              \
	" v.CRC IS f.CRC AND v.FileSize IS f.FileSize) DESC, v.IsActive IS NOT 0 DESC,"            \
	" v.VersionNumber DESC, v.ID DESC LIMIT 1)"

static sr_status settle_links(sr_conn *conn, const sr_value *row, int64_t *done)
{
	sr_status rc;

	rc = run_for(conn,
		     "UPDATE files SET CurrentVersionID = " STATE_OF ", TotalVersions = max(1,"
		     " (SELECT count(*) FROM file_versions v WHERE v.FileID = files.ID))"
		     " WHERE rowid = $1",
		     row, done);
	if (rc == SR_OK)
		rc = run_for(conn,
			     "UPDATE file_versions SET IsActive = ID = (SELECT f.CurrentVersionID"
			     " FROM files f WHERE f.rowid = $1)"
			     " WHERE FileID = (SELECT f.ID FROM files f WHERE f.rowid = $1)",
			     row, NULL);
	return rc;
}

static sr_status differs(sr_conn *conn, int64_t row, bool *anew)
{
	sr_stmt *stmt;
	sr_status rc;
	bool found;

	rc = sr_prepare(conn, SR_VERSIONS_DIFFERING " AND f.rowid = $1", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, row);
	rc = sr_step(stmt, &found);
	*anew = rc == SR_OK && found && sr_column_integer(stmt, 1) == 1;
	return sr_stmt_end(stmt, rc);
}

/* Other content becomes a version of its own, so that the history keeps what was there before. */
static sr_status let_know(sr_conn *conn, const sr_value *row, const char *now, int64_t *done)
{
	sr_status rc;
	bool anew;

	if ((rc = differs(conn, row->integer, &anew)) != SR_OK)
		return rc;
	*done = 1;
	return anew ? sr_version_append(conn, row->integer, now)
		    : sr_version_follow(conn, row->integer);
}

/* ---- Each of them ---- */

static sr_status mend_key(sr_conn *conn, const sr_mend *mend, const sr_value *key, const char *now,
			  int64_t *done)
{
	switch (mend->how) {
	case SR_MEND_ORPHANS:
		return move_aside(conn, mend->table, key, now, done);
	case SR_MEND_LOST_PARENTS:
	case SR_MEND_PARENTS:
		return run_for(conn,
			       "UPDATE file_versions SET ParentVersionID = NULL WHERE ID = $1", key,
			       done);
	case SR_MEND_USAGE:
		return count_anew(conn, key, done);
	case SR_MEND_TOTALS:
		*done = 1;
		return sr_counters_rebuild_totals(conn);
	case SR_MEND_QUOTAS:
		return set_quota_used(conn, key, done);
	case SR_MEND_LINKS:
		return settle_links(conn, key, done);
	case SR_MEND_DIFFERING:
		return let_know(conn, key, now, done);
	default:
		return SR_OK;
	}
}

static sr_status mend_keys(sr_conn *conn, const sr_mend *mend, const char *now, int64_t *done)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < mend->count; i++) {
		int64_t changed = 0;

		if ((rc = mend_key(conn, mend, &mend->keys[i], now, &changed)) == SR_OK)
			*done += changed;
	}
	return rc;
}

sr_status sr_mend_do(sr_conn *conn, const sr_mend *mend, const char *now, int64_t *done)
{
	bool quiet = mend->how == SR_MEND_USAGE || mend->how == SR_MEND_TOTALS ||
		     mend->how == SR_MEND_QUOTAS;
	sr_status rc, again;

	*done = 0;
	if (mend->how <= SR_MEND_SEARCH) {
		rc = mend->how == SR_MEND_SEARCH ? sr_index_empty(conn)
		     : mend->sql                 ? sr_exec(conn, mend->sql)
						 : reindex(conn, mend->table);
		*done = rc == SR_OK;
		return rc;
	}
	if (quiet && (rc = sr_conn_triggers(conn, false)) != SR_OK)
		return rc;
	rc = mend_keys(conn, mend, now, done);
	if (quiet && (again = sr_conn_triggers(conn, true)) != SR_OK && rc == SR_OK)
		rc = again;
	return rc;
}
