/*
 * Callers' own SQL.
 *
 * What writes runs alone, never in a group commit: a statement of somebody else's may roll the
 * whole transaction back, and that must not be other people's. A guard sees what it is about to
 * do. What reads runs on a connection of its own that can do nothing else; a reader of the pool
 * is held beside it, so that waiting, closing and leaks work as for every other reader.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"

/* ---- The guards ---- */

/* For what writes. arg is the catalog. */
static bool guard_write(void *arg, sr_action action, const char *first, const char *second,
			const char *inner)
{
	const sr_catalog *catalog = arg;

	if (action == SR_ACTION_TRANSACTION) {
		(void)sr_fail(SR_REFUSED, "a statement cannot begin or end a transaction: use "
					  "sr_begin, sr_commit and sr_rollback");
		return false;
	}
	if (!catalog->settings.block_dangerous)
		return true;
	return sr_schema_guard(NULL, action, first, second, inner);
}

/* Pragmas that only tell. */
static bool is_harmless_pragma(const char *name, const char *argument)
{
	static const char *const by_argument[] = {
		"table_info",       "table_xinfo", "index_list", "index_info",
		"foreign_key_list", "index_xinfo", "table_list", "foreign_key_check",
	};
	static const char *const alone[] = {
		"page_count",     "page_size",     "encoding",     "user_version",
		"schema_version", "database_list", "journal_mode", "data_version",
	};

	for (size_t i = 0; i < sizeof(by_argument) / sizeof(by_argument[0]); i++) {
		if (strcmp(name, by_argument[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		if (strcmp(name, alone[i]) == 0)
			return argument == NULL;
	}
	return false;
}

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
		if (is_harmless_pragma(first ? first : "", second))
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

/* ---- Running ---- */

/* What to run, and on which rows of values. */
typedef struct run {
	const char *sql;
	const sr_value *values; /* rows × columns */
	size_t rows;
	size_t columns;
	bool script;          /* Several statements, without values. */
	sr_executed executed; /* The sum of what they did. */
} run;

static sr_status bind_all(sr_stmt *stmt, const sr_value *values, size_t count)
{
	int wanted = sr_stmt_parameters(stmt);

	if (wanted < 0 || (size_t)wanted != count)
		return sr_fail(SR_INVALID, "the statement takes %d values, not %zu", wanted, count);
	for (size_t i = 0; i < count; i++)
		sr_bind_value(stmt, (int)i + 1, &values[i]);
	return SR_OK;
}

/* With the guard on, which is asked while statements are prepared. */
static sr_status run_guarded(sr_conn *conn, run *job)
{
	sr_stmt *stmt;
	sr_status rc;

	if (job->script)
		return sr_exec(conn, job->sql);
	if ((rc = sr_prepare(conn, job->sql, &stmt)) != SR_OK)
		return rc;
	for (size_t i = 0; i < job->rows && rc == SR_OK; i++) {
		const sr_value *values = job->values ? job->values + i * job->columns : NULL;

		if ((rc = bind_all(stmt, values, job->columns)) != SR_OK)
			break;
		if ((rc = sr_run(stmt)) != SR_OK) {
			if (job->rows > 1)
				rc = sr_fail_within(rc, "row %zu of %zu", i + 1, job->rows);
			break;
		}
		/* The engine keeps the last writer's count; a reader changed nothing. */
		if (!sr_stmt_reads(stmt)) {
			job->executed.changes += sr_conn_changes(conn);
			job->executed.last_row_id = sr_conn_last_row_id(conn);
		}
	}
	sr_stmt_done(stmt);
	return rc;
}

/* With the guard on, and a look at what it cannot see: a DELETE without a WHERE, and on which
 * table a trigger or an index is made that would then run with ours. */
static sr_status run_watched(sr_catalog *catalog, sr_conn *conn, run *job)
{
	bool block = catalog->settings.block_dangerous;
	unsigned before = 0;
	unsigned after = 0;
	int64_t schema = 0, changed = 0, foreign = 0;
	sr_status rc;

	if (block && ((rc = sr_schema_core_filled(conn, &before)) != SR_OK ||
		      (rc = sr_query_integer(conn, "PRAGMA schema_version", &schema)) != SR_OK))
		return rc;
	sr_conn_guard(conn, guard_write, catalog);
	rc = run_guarded(conn, job);
	sr_conn_guard(conn, NULL, NULL);
	if (rc != SR_OK || !block)
		return rc;
	if ((rc = sr_schema_core_filled(conn, &after)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA schema_version", &changed)) != SR_OK)
		return rc;
	if (changed != schema && !catalog->settings.trust_foreign_triggers &&
	    (rc = sr_schema_foreign(conn, NULL, NULL, &foreign)) != SR_OK)
		return rc;
	if (foreign > 0)
		return sr_fail(SR_REFUSED,
			       "The statement contains potentially dangerous operations: "
			       "after it something that is not this program's would run "
			       "at each write; TRUST_FOREIGN_TRIGGERS stands in the way");
	if ((before & ~after) == 0)
		return SR_OK;
	return sr_fail(SR_REFUSED,
		       "The statement contains potentially dangerous operations: it empties %s; "
		       "DANGEROUS_OPERATIONS_BLOCKED stands in the way",
		       (before & ~after) & 1 ? "clients" : "files");
}

static sr_status run_in_transaction(sr_catalog *catalog, run *job)
{
	sr_conn *conn;
	sr_status rc;
	bool stale;

	if ((rc = sr_pool_write(catalog->pool, "sr_execute", &conn)) != SR_OK)
		return rc;
	if ((rc = sr_pool_begin(catalog->pool, "sr_execute")) != SR_OK)
		goto err0;
	if ((rc = sr_catalog_admit(catalog, conn, &stale)) == SR_OK &&
	    (rc = run_watched(catalog, conn, job)) == SR_OK) {
		rc = sr_pool_end(catalog->pool, true);
	} else {
		char why[SR_MESSAGE_SIZE];

		strcpy(why, sr_error_message());
		(void)sr_pool_end(catalog->pool, false);
		sr_error_set(why);
	}

err0:
	sr_pool_release(catalog->pool, conn);
	return rc;
}

static sr_status run_all(sr_catalog *catalog, run *job, sr_executed *executed)
{
	sr_status rc;

	if (job->sql == NULL || job->sql[strspn(job->sql, " \t\r\n;")] == '\0')
		return sr_fail(SR_INVALID, "there is no SQL statement to run");
	sr_catalog_keep(catalog);
	if ((rc = sr_catalog_writable(catalog)) == SR_OK)
		rc = run_in_transaction(catalog, job);
	sr_catalog_let_go(catalog);
	if (rc == SR_OK && executed != NULL)
		*executed = job->executed;
	return rc;
}

sr_status sr_execute(sr_catalog *catalog, const char *sql, const sr_value *values, size_t count,
		     sr_executed *executed)
{
	run job = {.sql = sql, .values = values, .rows = 1, .columns = count};

	return sr_return(run_all(catalog, &job, executed));
}

sr_status sr_execute_many(sr_catalog *catalog, const char *sql, const sr_value *values, size_t rows,
			  size_t columns, sr_executed *executed)
{
	run job = {.sql = sql, .values = values, .rows = rows, .columns = columns};

	return sr_return(run_all(catalog, &job, executed));
}

sr_status sr_execute_script(sr_catalog *catalog, const char *sql)
{
	run job = {.sql = sql, .script = true};

	return sr_return(run_all(catalog, &job, NULL));
}

/* ---- Reading ---- */

struct sr_rows {
	sr_catalog *catalog;
	sr_conn *held; /* The pool's. */
	sr_conn *conn; /* That of the statement: held, or one of its own. */
	sr_stmt *stmt; /* NULL after the last row. */
	size_t columns;
	char **names;
	sr_value *values; /* columns of them: what the last step handed out. */
};

/* A connection for what nobody has read before. */
static sr_status open_untrusted(sr_rows *rows)
{
	const sr_settings *settings = &rows->catalog->settings;
	const sr_conn_options options = {
		.access = settings->read_only ? SR_ACCESS_INSPECT : SR_ACCESS_READ,
		.durability = settings->durability,
		.busy_timeout = settings->timeout,
		.cache_pages = 500,
		.untrusted = true,
		.hidden_table = settings->hide_keys ? "clients" : NULL,
		.hidden_column = settings->hide_keys ? "AESKey" : NULL,
		.bare = sr_catalog_distrusted(rows->catalog),
	};

	return sr_conn_open(&sr_sqlite, settings->path, &options, &rows->conn);
}

static sr_status prepare_rows(sr_rows *rows, const char *sql)
{
	bool own = rows->conn == rows->held;
	sr_status rc;

	if (own)
		sr_conn_guard(rows->conn, guard_read, rows->catalog);
	rc = sr_prepare(rows->conn, sql, &rows->stmt);
	if (own)
		sr_conn_guard(rows->conn, NULL, NULL);
	if (rc == SR_OK && !sr_stmt_reads(rows->stmt))
		rc = sr_fail(SR_READ_ONLY, "a query only reads, and this statement writes: %s",
			     sr_quoted(sr_text_of(sql)));
	return rc;
}

/* Names outlive the statement, which ends with its last row. */
static sr_status name_columns(sr_rows *rows)
{
	rows->columns = (size_t)sr_columns(rows->stmt);
	rows->names = calloc(rows->columns + 1, sizeof(*rows->names));
	rows->values = calloc(rows->columns + 1, sizeof(*rows->values));
	if (rows->names == NULL || rows->values == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < rows->columns; i++) {
		if ((rows->names[i] = strdup(sr_column_name(rows->stmt, (int)i))) == NULL)
			return sr_fail_memory();
	}
	return SR_OK;
}

static sr_status open_rows(sr_rows *rows, const char *sql, const sr_value *values, size_t count)
{
	sr_catalog *catalog = rows->catalog;
	sr_status rc;

	if ((rc = sr_pool_read(catalog->pool, "sr_query_open", &rows->held)) != SR_OK)
		return rc;
	if (sr_conn_in_transaction(rows->held))
		rows->conn = rows->held;
	else if ((rc = open_untrusted(rows)) != SR_OK)
		return rc;
	if ((rc = prepare_rows(rows, sql)) != SR_OK)
		return rc;
	if ((rc = name_columns(rows)) != SR_OK)
		return rc;
	return bind_all(rows->stmt, values, count);
}

sr_status sr_query_open(sr_catalog *catalog, const char *sql, const sr_value *values, size_t count,
			sr_rows **rows)
{
	sr_rows *fresh;
	sr_status rc;

	*rows = NULL;
	if (sql == NULL || sql[strspn(sql, " \t\r\n;")] == '\0')
		return sr_return(sr_fail(SR_INVALID, "there is no SQL statement to run"));
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	fresh->catalog = catalog;
	sr_catalog_keep(catalog);
	if ((rc = open_rows(fresh, sql, values, count)) != SR_OK) {
		sr_rows_close(fresh);
		return sr_return(rc);
	}
	*rows = fresh;
	return sr_return(SR_OK);
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
	if ((rc = sr_step(rows->stmt, &row)) != SR_OK || !row) {
		sr_stmt_done(rows->stmt);
		rows->stmt = NULL;
		return sr_return(rc);
	}
	for (size_t i = 0; i < rows->columns; i++)
		sr_column_value(rows->stmt, (int)i, &rows->values[i]);
	*values = rows->values;
	return sr_return(SR_OK);
}

void sr_rows_close(sr_rows *rows)
{
	if (rows == NULL)
		return;
	sr_stmt_done(rows->stmt);
	if (rows->conn != rows->held)
		sr_conn_close(rows->conn);
	if (rows->held != NULL)
		sr_pool_release(rows->catalog->pool, rows->held);
	for (size_t i = 0; rows->names != NULL && i < rows->columns; i++)
		free(rows->names[i]);
	free(rows->names);
	free(rows->values);
	sr_catalog_let_go(rows->catalog);
	free(rows);
}
