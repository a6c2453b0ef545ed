/*
 * Callers' own queries.
 *
 * What reads runs on a connection that can do nothing else; a reader of the pool is held beside it,
 * so that waiting, closing and leaks work as for every other reader. Inside the thread's
 * transaction it runs there, and a guard sees what it is about to do.
 */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "querier.h"

struct sr_rows {
	sr_catalog *catalog;
	sr_conn *held;       /* The pool's; NULL: a lease of the caller's has one. */
	bool leased;         /* See held. */
	sr_querier *querier; /* The statement's; NULL: it runs on what is held. */
	sr_heed heed;        /* What that one heeded before. */
	sr_stmt *stmt;       /* NULL after the last row. */
	size_t columns;
	char **names;
	sr_value *values; /* columns of them: what the last step handed out. */
};

/* ---- Statements of callers ---- */

sr_status sr_sql_given(const char *sql)
{
	if (sql == NULL || sql[strspn(sql, " \t\r\n;")] == '\0')
		return sr_fail(SR_INVALID, "there is no SQL statement to run");
	return SR_OK;
}

sr_status sr_sql_bind(sr_stmt *stmt, const sr_value *values, size_t count)
{
	int wanted = sr_stmt_parameters(stmt);

	if (wanted < 0 || (size_t)wanted != count)
		return sr_fail(SR_INVALID, "the statement takes %d %s, not %zu", wanted,
			       sr_plural(wanted, "value", "values"), count);
	for (size_t i = 0; i < count; i++)
		sr_bind_value(stmt, (int)i + 1, &values[i]);
	return SR_OK;
}

sr_status sr_name_columns(const sr_stmt *stmt, size_t count, char ***out)
{
	char **names = calloc(count + 1, sizeof(*names));

	*out = NULL;
	if (names == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < count; i++) {
		if ((names[i] = strdup(sr_column_name(stmt, (int)i))) == NULL) {
			sr_free_names(names, count);
			return sr_fail_memory();
		}
	}
	*out = names;
	return SR_OK;
}

void sr_free_names(char **names, size_t count)
{
	for (size_t i = 0; names != NULL && i < count; i++)
		free(names[i]);
	free(names);
}

sr_status sr_same_columns(const sr_stmt *stmt, size_t count)
{
	if ((size_t)sr_columns(stmt) == count)
		return SR_OK;
	return sr_fail(SR_SQL, "the columns of the query changed between its opening and its first "
			       "row; open it again");
}

/* ---- The guard ---- */

/* For what reads inside the thread's own transaction, where the connection itself could write.
 * Writes pass here: sr_stmt_reads finds them, and its status is the better one. */
static bool guard_read(void *arg, sr_action action, const char *first, const char *second,
		       const char *inner)
{
	const sr_catalog *catalog = arg;

	(void)inner;
	if (catalog->settings.hide_keys && action == SR_ACTION_READ && first && second &&
	    strcasecmp(first, "clients") == 0 && strcasecmp(second, "AESKey") == 0) {
		(void)sr_fail(SR_REFUSED, "keys are hidden: name other columns than AESKey");
		return false;
	}
	switch (action) {
	case SR_ACTION_TRANSACTION:
	case SR_ACTION_ATTACH:
	case SR_ACTION_OTHER:
		break;
	case SR_ACTION_PRAGMA:
		if (first != NULL && sr_pragma_tells(first, second))
			return true;
		break;
	case SR_ACTION_FUNCTION:
		if (first != NULL && strcmp(first, "load_extension") != 0 &&
		    strcmp(first, "fts3_tokenizer") != 0)
			return true;
		break;
	case SR_ACTION_READ:
	case SR_ACTION_SELECT:
	case SR_ACTION_INSERT:
	case SR_ACTION_UPDATE:
	case SR_ACTION_DELETE:
	case SR_ACTION_CREATE:
	case SR_ACTION_DROP:
	case SR_ACTION_ALTER:
		return true;
	}
	(void)sr_fail(SR_REFUSED, "a query only reads; refused: %s",
		      sr_quoted(sr_text_of(first ? first : "an operation of another kind")));
	return false;
}

/* ---- Opening ---- */

static sr_status prepare(sr_rows *rows, const char *sql)
{
	sr_guarding guarding = {guard_read, rows->catalog};
	sr_status rc;

	if (rows->querier != NULL) {
		rc = sr_prepare(rows->querier->conn, sql, &rows->stmt);
	} else {
		guarding = sr_conn_guard_swap(rows->held, guarding);
		rc = sr_prepare(rows->held, sql, &rows->stmt);
		(void)sr_conn_guard_swap(rows->held, guarding);
	}
	if (rc == SR_OK && !sr_stmt_reads(rows->stmt))
		rc = sr_fail(SR_READ_ONLY, "a query only reads, and this statement writes: %s",
			     sr_quoted(sr_text_of(sql)));
	return rc;
}

/* Names outlive the statement, which ends with its last row. */
static sr_status take_columns(sr_rows *rows)
{
	rows->columns = (size_t)sr_columns(rows->stmt);
	rows->values = calloc(rows->columns + 1, sizeof(*rows->values));
	if (rows->values == NULL)
		return sr_fail_memory();
	return sr_name_columns(rows->stmt, rows->columns, &rows->names);
}

static sr_status open_rows(sr_rows *rows, const char *sql, const sr_value *values, size_t count)
{
	sr_catalog *catalog = rows->catalog;
	sr_status rc;

	if (!rows->leased) {
		if ((rc = sr_pool_read(catalog->pool, "sr_query_open", &rows->held)) != SR_OK)
			return rc;
		rows->heed = sr_conn_heed(rows->held, SR_HEED_READS);
	}
	if ((rows->leased || !sr_conn_in_transaction(rows->held)) &&
	    (rc = sr_querier_take(catalog, &rows->querier)) != SR_OK)
		return rc;
	if ((rc = prepare(rows, sql)) != SR_OK)
		return rc;
	if ((rc = take_columns(rows)) != SR_OK)
		return rc;
	return sr_sql_bind(rows->stmt, values, count);
}

static sr_status query_open(sr_catalog *catalog, bool leased, const char *sql,
			    const sr_value *values, size_t count, sr_rows **rows)
{
	sr_rows *fresh;
	sr_status rc;

	*rows = NULL;
	if ((rc = sr_sql_given(sql)) != SR_OK)
		return rc;
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_fail_memory();
	fresh->catalog = catalog;
	fresh->leased = leased;
	sr_catalog_keep(catalog);
	if ((rc = open_rows(fresh, sql, values, count)) != SR_OK) {
		sr_rows_close(fresh);
		return rc;
	}
	*rows = fresh;
	return SR_OK;
}

sr_status sr_query_open(sr_catalog *catalog, const char *sql, const sr_value *values, size_t count,
			sr_rows **rows)
{
	return sr_return(query_open(catalog, false, sql, values, count, rows));
}

sr_status sr_lease_query_open(sr_lease *lease, const char *sql, const sr_value *values,
			      size_t count, sr_rows **rows)
{
	sr_catalog *catalog = sr_lease_catalog(lease);
	sr_status rc;

	*rows = NULL;
	if ((rc = sr_catalog_check_process(catalog)) == SR_OK)
		rc = query_open(catalog, true, sql, values, count, rows);
	return sr_return(rc);
}

/* ---- Rows ---- */

sr_stmt *sr_rows_statement(sr_rows *rows)
{
	return rows->stmt;
}

size_t sr_rows_columns(const sr_rows *rows)
{
	return rows->columns;
}

const char *sr_rows_name(const sr_rows *rows, size_t column)
{
	return column < rows->columns ? rows->names[column] : NULL;
}

sr_status sr_rows_next(sr_rows *rows, const sr_value **values)
{
	sr_status rc;
	bool row;

	*values = NULL;
	if (rows->stmt == NULL)
		return sr_return(SR_OK);
	if ((rc = sr_step(rows->stmt, &row)) == SR_OK && row)
		rc = sr_same_columns(rows->stmt, rows->columns);
	if (rc != SR_OK || !row) {
		sr_stmt_done(rows->stmt);
		rows->stmt = NULL;
		return sr_return(rc);
	}
	for (size_t i = 0; i < rows->columns; i++)
		sr_column_value(rows->stmt, (int)i, &rows->values[i]);
	if ((rc = sr_stmt_check(rows->stmt)) != SR_OK)
		return sr_return(rc);
	*values = rows->values;
	return sr_return(SR_OK);
}

void sr_rows_close(sr_rows *rows)
{
	if (rows == NULL)
		return;
	sr_stmt_done(rows->stmt);
	sr_querier_give(rows->catalog, rows->querier);
	if (rows->held != NULL) {
		(void)sr_conn_heed(rows->held, rows->heed);
		sr_pool_release(rows->catalog->pool, rows->held);
	}
	sr_free_names(rows->names, rows->columns);
	free(rows->values);
	sr_catalog_let_go(rows->catalog);
	free(rows);
}
