/*
 * Callers' own statements that write.
 *
 * They run alone, never in a group commit: a statement of somebody else's may roll the whole
 * transaction back, and that must not be other people's. A guard sees what it is about to do.
 */
#include <stdlib.h>
#include <string.h>

#include "insert_many.h"
#include "keys.h"
#include "rows.h"
#include "table.h"

/* What to run, and on which rows of values. */
typedef struct run {
	sr_catalog *catalog;
	const char *sql;
	const sr_value *values; /* rows × columns */
	size_t rows;
	size_t columns;
	bool script;         /* Several statements, without values. */
	bool more;           /* Inside the thread's transaction, without a savepoint but for what is
				inserted without triggers. */
	bool ran;            /* It has: what fails afterwards is not undone by the engine. */
	bool alone;          /* In a transaction of its own: it can be cancelled as a whole. */
	bool stale;          /* The catalog's shape was out of date. */
	bool unfit;          /* Its rows are not inserted without triggers: that was tried. */
	sr_table **returned; /* What it returns; NULL: nobody asked. */
	sr_executed executed; /* The sum of what they did. */
} run;

/* ---- The guard ---- */

/* arg is the catalog. */
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

/* For what returns rows, which are for the eyes of a door's user. A trigger's reading is its own.
 */
static bool guard_returning(void *arg, sr_action action, const char *first, const char *second,
			    const char *inner)
{
	const sr_catalog *catalog = arg;

	if (catalog->settings.hide_keys && inner == NULL && action == SR_ACTION_READ &&
	    first != NULL && second != NULL && strcasecmp(first, "clients") == 0 &&
	    strcasecmp(second, "AESKey") == 0) {
		(void)sr_fail(SR_REFUSED, "keys are hidden: return other columns than AESKey");
		return false;
	}
	return guard_write(arg, action, first, second, inner);
}

/* ---- Running ---- */

/* To its end, keeping the rows that somebody asked for. */
static sr_status run_once(run *job, sr_stmt *stmt)
{
	sr_status rc;
	bool row = true;

	if (job->returned == NULL)
		return sr_run(stmt);
	if ((rc = sr_table_new(stmt, job->returned)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if ((rc = sr_table_add(*job->returned, stmt)) != SR_OK)
			break;
	}
	return rc;
}

/* The engine keeps its figures until another statement has some. */
static void count(run *job, sr_conn *conn, const sr_stmt *stmt)
{
	int64_t changes;

	if (sr_stmt_kind(stmt) != SR_STATEMENT_WRITES)
		return;
	changes = sr_conn_changes(conn);
	job->executed.changes += changes;
	if (changes > 0 && sr_stmt_inserts(stmt))
		job->executed.last_row_id = sr_conn_last_row_id(conn);
}

/* With the guard on, which is asked while statements are prepared. */
static sr_status run_guarded(sr_conn *conn, run *job)
{
	sr_stmt *stmt;
	sr_status rc;

	if (job->script)
		return sr_exec(conn, job->sql);
	if (job->rows > 1 && !job->unfit) {
		const sr_insert_many many = {job->sql, job->values, job->rows, job->columns};
		sr_inserted inserted;

		rc = sr_insert_many_try(conn, &many, &job->executed, &inserted);
		job->unfit = rc == SR_OK && (inserted == SR_INSERTED_UNFIT ||
					     (job->more && inserted == SR_INSERTED_NOT_TRIED));
		if (rc != SR_OK || inserted == SR_INSERTED_ALL)
			return rc;
		if (job->unfit)
			return sr_fail(SR_CONSTRAINT, "the rows are not inserted without triggers");
	}
	if ((rc = sr_prepare(conn, job->sql, &stmt)) != SR_OK)
		return rc;
	for (size_t i = 0; i < job->rows; i++) {
		const sr_value *values = job->values ? job->values + i * job->columns : NULL;

		if ((rc = sr_sql_bind(stmt, values, job->columns)) != SR_OK)
			break;
		if ((rc = run_once(job, stmt)) != SR_OK) {
			if (job->rows > 1)
				rc = sr_fail_within(rc, "row %zu of %zu", i + 1, job->rows);
			break;
		}
		count(job, conn, stmt);
	}
	return sr_stmt_end(stmt, rc);
}

/* What would run with our writes from now on makes the catalog one that only reads the next time it
 * is opened, also where nothing else is blocked. */
static sr_status refuse_foreign(sr_conn *conn, int64_t schema_before)
{
	int64_t schema, foreign = 0;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA schema_version", &schema)) != SR_OK)
		return rc;
	if (schema == schema_before)
		return SR_OK;
	if ((rc = sr_schema_foreign(conn, NULL, NULL, &foreign)) != SR_OK || foreign == 0)
		return rc;
	return sr_fail(SR_REFUSED, "The statement contains potentially dangerous operations: "
				   "after it something that is not this program's would run "
				   "at each write; TRUST_FOREIGN_TRIGGERS stands in the way");
}

/* With the guard on, and a look at what it cannot see: a DELETE without a WHERE, and on which
 * table a trigger or an index is made that would then run with ours. */
static sr_status run_watched(sr_conn *conn, run *job)
{
	const sr_catalog *catalog = job->catalog;
	const bool block = catalog->settings.block_dangerous;
	const bool trust = catalog->settings.trust_foreign_triggers;
	sr_guarding guarding = {job->returned ? guard_returning : guard_write, job->catalog};
	unsigned before = 0;
	unsigned after = 0;
	int64_t schema = 0;
	sr_heed heed;
	sr_status rc;

	if (block && (rc = sr_schema_core_filled(conn, &before)) != SR_OK)
		return rc;
	if (!trust && (rc = sr_query_integer(conn, "PRAGMA schema_version", &schema)) != SR_OK)
		return rc;
	guarding = sr_conn_guard_swap(conn, guarding);
	heed = sr_conn_heed(conn, job->alone ? SR_HEED_ALL : SR_HEED_READS);
	rc = run_guarded(conn, job);
	(void)sr_conn_heed(conn, heed);
	(void)sr_conn_guard_swap(conn, guarding);
	job->ran = rc == SR_OK;
	if (rc != SR_OK || (!trust && (rc = refuse_foreign(conn, schema)) != SR_OK) || !block)
		return rc;
	if ((rc = sr_schema_core_filled(conn, &after)) != SR_OK)
		return rc;
	if ((before & ~after) == 0)
		return SR_OK;
	return sr_fail(SR_REFUSED,
		       "The statement contains potentially dangerous operations: it empties %s; "
		       "DANGEROUS_OPERATIONS_BLOCKED stands in the way",
		       (before & ~after) & 1 ? "clients" : "files");
}

/* What the statement has written of keys, and what others have. A transaction of the caller's does
 * that when it is committed. */
static sr_status take_keys_in(const run *job, sr_conn *conn)
{
	sr_keys_seen seen;

	if (!job->alone)
		return SR_OK;
	sr_keys_look_again(job->catalog);
	return sr_keys_take_in(job->catalog, conn, &seen);
}

static sr_status run_in_transaction(run *job, sr_conn *conn)
{
	sr_catalog *catalog = job->catalog;
	sr_status rc;

	if ((rc = sr_pool_begin(catalog->pool, "sr_execute")) != SR_OK)
		return rc;
	if ((rc = sr_catalog_admit(catalog, conn, &job->stale)) == SR_OK &&
	    (rc = run_watched(conn, job)) == SR_OK && (rc = take_keys_in(job, conn)) == SR_OK) {
		rc = sr_pool_end(catalog->pool, true);
	} else {
		char why[SR_MESSAGE_SIZE];

		strcpy(why, sr_error_message());
		(void)sr_pool_end(catalog->pool, false);
		sr_error_set(why);
	}
	return rc;
}

static sr_status run_on_writer(run *job)
{
	sr_pool *pool = job->catalog->pool;
	sr_conn *conn;
	sr_status rc;

	sr_keys_prepare(job->catalog);
	if ((rc = sr_pool_write(pool, "sr_execute", &conn)) != SR_OK)
		return rc;
	job->alone = !sr_conn_in_transaction(conn);
	rc = run_in_transaction(job, conn);
	if (job->unfit)
		rc = run_in_transaction(job, conn);
	sr_pool_release(pool, conn);
	return rc;
}

/* Without a savepoint there is no other way to undo what is only seen to be dangerous afterwards.
 */
static sr_status run_on(run *job, sr_conn *conn)
{
	sr_status rc;

	if ((rc = sr_catalog_admit(job->catalog, conn, &job->stale)) != SR_OK)
		return rc;
	if ((rc = run_watched(conn, job)) != SR_OK && job->ran)
		sr_conn_rollback(conn);
	return rc;
}

static sr_status run_more(run *job)
{
	sr_pool *pool = job->catalog->pool;
	sr_conn *conn;
	sr_status rc;

	if (!sr_pool_in_transaction(pool))
		return sr_fail(SR_INVALID, "this thread has no transaction open on %s",
			       sr_quoted(sr_text_of(job->catalog->settings.path)));
	if ((rc = sr_pool_write(pool, "sr_execute_more", &conn)) != SR_OK)
		return rc;
	job->unfit = job->rows == 1;
	if (!job->unfit)
		rc = run_in_transaction(job, conn);
	if (job->unfit)
		rc = run_on(job, conn);
	sr_pool_release(pool, conn);
	return rc;
}

static sr_status run_all(run *job, sr_executed *executed)
{
	sr_catalog *catalog = job->catalog;
	sr_status rc;

	if ((rc = sr_sql_given(job->sql)) != SR_OK)
		return rc;
	sr_catalog_keep(catalog);
	if ((rc = sr_catalog_writable(catalog)) == SR_OK &&
	    (rc = job->more ? run_more(job) : run_on_writer(job)) == SR_OK && job->stale)
		sr_catalog_renew(catalog);
	sr_keys_look_again(catalog);
	sr_catalog_let_go(catalog);
	if (rc == SR_OK && executed != NULL)
		*executed = job->executed;
	return rc;
}

sr_status sr_execute(sr_catalog *catalog, const char *sql, const sr_value *values, size_t count,
		     sr_executed *executed)
{
	run job = {.catalog = catalog, .sql = sql, .values = values, .rows = 1, .columns = count};

	return sr_return(run_all(&job, executed));
}

sr_status sr_execute_fetch(sr_catalog *catalog, const char *sql, const sr_value *values,
			   size_t count, sr_executed *executed, sr_table **table)
{
	sr_table *returned = NULL;
	run job = {.catalog = catalog,
		   .sql = sql,
		   .values = values,
		   .rows = 1,
		   .columns = count,
		   .returned = &returned};
	sr_status rc;

	*table = NULL;
	if ((rc = run_all(&job, executed)) == SR_OK)
		*table = returned;
	else
		sr_table_free(returned);
	return sr_return(rc);
}

sr_status sr_execute_many(sr_catalog *catalog, const char *sql, const sr_value *values, size_t rows,
			  size_t columns, sr_executed *executed)
{
	run job = {
		.catalog = catalog, .sql = sql, .values = values, .rows = rows, .columns = columns};

	return sr_return(run_all(&job, executed));
}

sr_status sr_execute_more(sr_catalog *catalog, const char *sql, const sr_value *values, size_t rows,
			  size_t columns, sr_executed *executed)
{
	run job = {.catalog = catalog,
		   .sql = sql,
		   .values = values,
		   .rows = rows,
		   .columns = columns,
		   .more = true};

	return sr_return(run_all(&job, executed));
}

sr_status sr_execute_script(sr_catalog *catalog, const char *sql)
{
	run job = {.catalog = catalog, .sql = sql, .script = true};

	return sr_return(run_all(&job, NULL));
}
