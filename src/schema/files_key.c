/*
 * A stable integer key for files, and back.
 *
 *   known text:  ADD COLUMN RowKey, then another text for the table [sr_conn_reword]; back, the
 *                other text and DROP COLUMN
 *   any other:   SQLite's steps for a rebuild: new table, rows copied with their numbers, old one
 *                dropped, new one renamed, indexes, triggers and views as they were
 *
 * The key is the number that the row has anyway, so no row needs to be written for it; what it adds
 * is that no number changes any more, in a VACUUM or a reload of a dump, and that none is used
 * twice. SQLite notes the highest in sqlite_sequence, where its row outlives the way down.
 *
 * Everything happens inside the caller's transaction, with foreign keys and triggers off.
 */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEW_TABLE "files_being_rebuilt"

/* From here on numbers are too near to the end of all: then rows are numbered anew, in order. */
#define HIGHEST_ROW (INT64_C(1) << 62)

/* Rows at either end whose values are compared where none should be touched. */
#define EDGE "1000"

typedef struct rekey {
	sr_conn *conn;
	char *name;        /* Of the table, in its own spelling; */
	char *sql;         /* its text, */
	sr_buffer columns; /* and its stored columns but the key, ", " before each. */
} rekey;

typedef struct sums {
	int64_t rows;
	uint64_t sum[2];
} sums;

static void rekey_free(rekey *k)
{
	sr_buffer_free(&k->columns);
	free(k->sql);
	free(k->name);
}

/* The table's name and text as they are now. */
static sr_status text_read(rekey *k)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(k->conn,
			"SELECT name, sql FROM sqlite_master WHERE type = 'table'"
			" AND name = 'files' COLLATE NOCASE",
			&stmt);
	if (rc != SR_OK)
		return rc;
	if ((rc = sr_step(stmt, &row)) == SR_OK) {
		free(k->name);
		free(k->sql);
		k->name = row ? strdup(sr_column_text(stmt, 0).data) : NULL;
		k->sql = row ? strdup(sr_column_text(stmt, 1).data) : NULL;
		if (!row)
			rc = sr_fail(SR_CORRUPT, "%s has no table files", sr_conn_path(k->conn));
		else if (k->name == NULL || k->sql == NULL)
			rc = sr_fail_memory();
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status columns_read(rekey *k)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(k->conn,
			"SELECT name FROM pragma_table_xinfo('files') WHERE hidden = 0"
			" AND name <> 'RowKey' COLLATE NOCASE ORDER BY cid",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_buffer_add_string(&k->columns, ", ");
		sr_buffer_add_identifier(&k->columns, sr_column_text(stmt, 0).data);
	}
	rc = sr_stmt_end(stmt, rc);
	return rc == SR_OK ? sr_buffer_status(&k->columns) : rc;
}

/* Whether there is a column RowKey, and whether it is the key. */
static sr_status key_find(sr_conn *conn, bool *exists, bool *is_key)
{
	int64_t key;
	sr_status rc;

	if ((rc = sr_column_exists(conn, "files", "RowKey", exists)) != SR_OK)
		return rc;
	rc = sr_ask(conn,
		    "SELECT 1 FROM pragma_table_info('files') WHERE name = 'RowKey' COLLATE NOCASE"
		    " AND pk = 1 AND type = 'INTEGER' COLLATE NOCASE",
		    NULL, NULL, &key);
	*is_key = key != 0;
	return rc;
}

/* ---- In place ---- */

/* Rows at both ends, and what the table's columns and indexes are like. */
static sr_status sums_take(rekey *k, sums *rows, sums *shape)
{
	static const char ask[] =
		"SELECT cid, name, type, \"notnull\", dflt_value, hidden, NULL, NULL"
		" FROM pragma_table_xinfo('files') WHERE name <> 'RowKey' COLLATE NOCASE"
		" UNION ALL SELECT l.name, l.\"unique\", l.partial, x.seqno, x.cid, x.name, x.desc,"
		" x.coll FROM pragma_index_list('files') l, pragma_index_xinfo(l.name) x";
	const char *columns = k->columns.data;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql,
			 "SELECT * FROM (SELECT rowid%s FROM files ORDER BY rowid LIMIT " EDGE ")"
			 " UNION ALL SELECT * FROM"
			 " (SELECT rowid%s FROM files ORDER BY rowid DESC LIMIT " EDGE ")",
			 columns, columns);
	if ((rc = sr_buffer_status(&sql)) == SR_OK &&
	    (rc = sr_rows_digest(k->conn, sql.data, &rows->rows, rows->sum)) == SR_OK)
		rc = sr_rows_digest(k->conn, ask, &shape->rows, shape->sum);
	sr_buffer_free(&sql);
	return rc;
}

static bool sums_same(const sums *a, const sums *b)
{
	return a->rows == b->rows && memcmp(a->sum, b->sum, sizeof(a->sum)) == 0;
}

/* A trigger of a user's that takes all columns of files to where the last one has no place. */
static sr_status triggers_verify(sr_conn *conn, bool worked)
{
	char words[SR_MESSAGE_SIZE];
	sr_status rc;
	bool works;

	if (!worked || (rc = sr_table_works(conn, "files", &works)) != SR_OK || works)
		return worked ? rc : SR_OK;
	snprintf(words, sizeof(words), "%s", sr_error_message());
	return sr_fail(SR_REFUSED, "it would break a trigger of yours on files: %s; drop it first",
		       words);
}

static sr_status reword(rekey *k, const char *text)
{
	sums rows, shape, rows_now, shape_now;
	sr_status rc;

	if ((rc = sums_take(k, &rows, &shape)) != SR_OK ||
	    (rc = sr_conn_reword(k->conn, k->name, text)) != SR_OK ||
	    (rc = sums_take(k, &rows_now, &shape_now)) != SR_OK)
		return rc;
	if (!sums_same(&rows, &rows_now) || !sums_same(&shape, &shape_now))
		return sr_fail(SR_CORRUPT, "%s of files changed with its text",
			       sums_same(&shape, &shape_now) ? "the rows" : "the indexes");
	return SR_OK;
}

/* ---- A rebuild ---- */

static sr_status exec_printf(rekey *k, const char *before, const char *name)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, before);
	sr_buffer_add_identifier(&sql, name);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_exec(k->conn, sql.data);
	sr_buffer_free(&sql);
	return rc;
}

static sr_status table_make(rekey *k, const char *text, bool with_key)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	const char *list = text;
	sr_status rc;

	while (*list && *list != '(')
		list = sr_sql_next(list);
	sr_buffer_printf(&sql, "CREATE TABLE " NEW_TABLE " %s", list);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_exec(k->conn, sql.data);
	sr_buffer_free(&sql);
	if (rc == SR_OK && !with_key)
		rc = sr_exec(k->conn, "ALTER TABLE " NEW_TABLE " DROP COLUMN RowKey");
	return rc;
}

/* The number that each row of files is to have. */
static sr_status number_choose(sr_conn *conn, const char **number)
{
	int64_t highest;
	sr_status rc;

	rc = sr_query_integer(conn, "SELECT coalesce(max(rowid), 0) FROM files", &highest);
	*number = highest > HIGHEST_ROW ? "row_number() OVER (ORDER BY rowid)" : "rowid";
	return rc;
}

/* A clause of the table's own that leaves rows out or replaces others must not act. */
static sr_status rows_copy(rekey *k, const char *number)
{
	const char *columns = k->columns.data;
	sr_buffer copy = SR_BUFFER_EMPTY;
	sr_buffer before = SR_BUFFER_EMPTY;
	sr_buffer after = SR_BUFFER_EMPTY;
	sums old_rows, new_rows;
	sr_status rc;

	sr_buffer_printf(&copy,
			 "INSERT OR ABORT INTO " NEW_TABLE " (rowid%s) SELECT %s%s FROM files"
			 " ORDER BY rowid",
			 columns, number, columns);
	sr_buffer_printf(&before, "SELECT %s%s FROM files", number, columns);
	sr_buffer_printf(&after, "SELECT rowid%s FROM " NEW_TABLE, columns);
	if ((rc = sr_buffer_status(&copy)) != SR_OK || (rc = sr_buffer_status(&before)) != SR_OK ||
	    (rc = sr_buffer_status(&after)) != SR_OK ||
	    (rc = sr_exec(k->conn, copy.data)) != SR_OK ||
	    (rc = sr_rows_digest(k->conn, before.data, &old_rows.rows, old_rows.sum)) != SR_OK ||
	    (rc = sr_rows_digest(k->conn, after.data, &new_rows.rows, new_rows.sum)) != SR_OK)
		goto err0;
	if (!sums_same(&old_rows, &new_rows))
		rc = sr_fail(SR_CORRUPT, "the rows of files changed while they were copied");
err0:
	sr_buffer_free(&after);
	sr_buffer_free(&before);
	sr_buffer_free(&copy);
	return rc;
}

static sr_status rebuild(rekey *k, const char *text, bool with_key)
{
	sr_buffer lost = SR_BUFFER_EMPTY;
	const char *number;
	sr_extras extras;
	sr_status rc;

	/* All that hangs on the table goes with it, our own indexes included. */
	if ((rc = sr_extras_take(k->conn, NULL, NULL, &extras)) != SR_OK)
		return rc;
	if ((rc = number_choose(k->conn, &number)) == SR_OK &&
	    (rc = table_make(k, text, with_key)) == SR_OK && (rc = rows_copy(k, number)) == SR_OK &&
	    (rc = exec_printf(k, "DROP TABLE ", k->name)) == SR_OK &&
	    (rc = exec_printf(k, "ALTER TABLE " NEW_TABLE " RENAME TO ", k->name)) == SR_OK)
		rc = sr_extras_restore(k->conn, &extras, &lost);
	if (rc == SR_OK && lost.length)
		rc = sr_fail(SR_REFUSED, "it would break what is yours: %s; drop it first",
			     lost.data);
	sr_extras_free(&extras);
	sr_buffer_free(&lost);
	return rc;
}

/* ---- What else there is to it ---- */

/* The texts of tables that refer to the primary key of files, whatever that is. */
static sr_status children_read(sr_conn *conn, sr_names *names, sr_names *texts)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(conn,
			"SELECT DISTINCT m.name, m.sql FROM sqlite_master m,"
			" pragma_foreign_key_list(m.name) k WHERE m.type = 'table'"
			" AND k.\"table\" = 'files' COLLATE NOCASE AND k.\"to\" IS NULL",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if ((rc = sr_names_add(names, sr_column_text(stmt, 0).data)) != SR_OK ||
		    (rc = sr_names_add(texts, sr_column_text(stmt, 1).data)) != SR_OK)
			break;
	return sr_stmt_end(stmt, rc);
}

/* They mean the ID, and say so from now on. */
static sr_status children_refer(sr_conn *conn)
{
	sr_names names = {NULL, 0};
	sr_names texts = {NULL, 0};
	sr_status rc;

	rc = children_read(conn, &names, &texts);
	for (size_t i = 0; i < texts.count && rc == SR_OK; i++) {
		sr_buffer text = SR_BUFFER_EMPTY;

		if ((rc = sr_files_child_text(texts.names[i], &text)) == SR_OK)
			rc = sr_conn_reword(conn, names.names[i], text.data);
		sr_buffer_free(&text);
	}
	sr_names_free(&texts);
	sr_names_free(&names);
	return rc;
}

/* SQLite makes sqlite_sequence with the first table that needs it, and a text alone is none. */
static sr_status sequence_make(sr_conn *conn)
{
	return sr_exec(conn, "CREATE TABLE " NEW_TABLE " (a INTEGER PRIMARY KEY AUTOINCREMENT);"
			     "DROP TABLE " NEW_TABLE);
}

static sr_status sequence_write(rekey *k, const char *sql, int64_t highest)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(k->conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, k->name);
	if (sr_stmt_parameters(stmt) > 1)
		sr_bind_integer(stmt, 2, highest);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* The highest number that any row has, or is known to have had. */
static sr_status sequence_set(rekey *k)
{
	int64_t highest;
	sr_status rc;

	rc = sr_ask(k->conn,
		    "SELECT max(coalesce((SELECT max(rowid) FROM files), 0), coalesce((SELECT"
		    " max(seq) FROM sqlite_sequence WHERE name = $1 COLLATE NOCASE AND"
		    " typeof(seq) = 'integer' AND seq <= 4611686018427387904), 0))",
		    k->name, NULL, &highest);
	if (rc != SR_OK ||
	    (rc = sequence_write(k, "DELETE FROM sqlite_sequence WHERE name = $1 COLLATE NOCASE",
				 0)) != SR_OK ||
	    highest == 0)
		return rc;
	return sequence_write(k, "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)",
			      highest);
}

/* What a mistake in the texts would show. */
static sr_status key_verify(sr_conn *conn)
{
	bool exists, is_key, unique;
	sr_status rc;

	if ((rc = key_find(conn, &exists, &is_key)) != SR_OK ||
	    (rc = sr_column_unique(conn, "files", "ID", &unique)) != SR_OK)
		return rc;
	if (!is_key || !unique)
		return sr_fail(SR_CORRUPT, "%s: files has no %s now", sr_conn_path(conn),
			       is_key ? "unique ID" : "key");
	return SR_OK;
}

/* ---- Both ways ---- */

static sr_status key_make(rekey *k)
{
	sr_buffer text = SR_BUFFER_EMPTY;
	const char *number;
	bool same, worked;
	sr_status rc;

	if ((rc = sr_table_works(k->conn, "files", &worked)) != SR_OK ||
	    (rc = children_refer(k->conn)) != SR_OK ||
	    (rc = sr_exec(k->conn, "ALTER TABLE files ADD COLUMN RowKey INTEGER")) != SR_OK ||
	    (rc = text_read(k)) != SR_OK || (rc = columns_read(k)) != SR_OK ||
	    (rc = sr_files_key_text(k->sql, &text, &same)) != SR_OK ||
	    (rc = number_choose(k->conn, &number)) != SR_OK ||
	    (rc = sequence_make(k->conn)) != SR_OK)
		goto err0;
	same = same && strcmp(number, "rowid") == 0;
	rc = same ? reword(k, text.data) : rebuild(k, text.data, true);
	if (rc == SR_OK)
		rc = triggers_verify(k->conn, worked);
err0:
	sr_buffer_free(&text);
	return rc;
}

sr_status sr_files_key_add(sr_conn *conn)
{
	rekey k = {.conn = conn, .columns = SR_BUFFER_EMPTY};
	bool exists, is_key;
	sr_status rc;

	if ((rc = key_find(conn, &exists, &is_key)) != SR_OK)
		return rc;
	if (exists && !is_key)
		return sr_fail(SR_EXISTS,
			       "files has a column RowKey of somebody else's, and this version "
			       "needs the name; rename it: ALTER TABLE files RENAME COLUMN RowKey "
			       "TO …");
	if (!exists)
		rc = key_make(&k);
	if (rc == SR_OK && (rc = text_read(&k)) == SR_OK && (rc = key_verify(conn)) == SR_OK)
		rc = sequence_set(&k);
	rekey_free(&k);
	return rc;
}

sr_status sr_files_key_remove(sr_conn *conn)
{
	rekey k = {.conn = conn, .columns = SR_BUFFER_EMPTY};
	sr_buffer text = SR_BUFFER_EMPTY;
	bool exists, is_key, same;
	sr_status rc;

	if ((rc = key_find(conn, &exists, &is_key)) != SR_OK || !exists)
		return rc;
	if ((rc = text_read(&k)) != SR_OK || (rc = columns_read(&k)) != SR_OK ||
	    (rc = sr_files_keyless_text(k.sql, &text, &same)) != SR_OK)
		goto err0;
	if (!same)
		rc = rebuild(&k, text.data, false);
	else if ((rc = reword(&k, text.data)) == SR_OK)
		rc = sr_exec(conn, "ALTER TABLE files DROP COLUMN RowKey");
err0:
	sr_buffer_free(&text);
	rekey_free(&k);
	return rc;
}
