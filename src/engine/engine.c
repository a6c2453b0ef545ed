#include "vtable.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic uint64_t opened; /* Connections of this process, ever. */

/* A hole would be a crash at the first use; this finds it when anything is opened. */
static sr_status engine_complete(const sr_engine *e)
{
	bool complete = e->name && e->open && e->close && e->handle && e->validate &&
			e->interrupt && e->watch && e->readers && e->prepare && e->finalize &&
			e->reset && e->parameter_name && e->bind && e->step && e->columns &&
			e->column_name && e->column && e->column_text && e->changes &&
			e->last_row_id && e->command && e->in_transaction &&
			e->deferred_violation && e->log_size && e->checkpoint && e->backup &&
			e->compact && e->replace && e->guard_changed && e->triggers &&
			e->foreign_keys && e->reword;

	if (!complete)
		return sr_fail(SR_INVALID, "the engine %s lacks a function",
			       e->name ? e->name : "without a name");
	return SR_OK;
}

sr_status sr_conn_open(const sr_engine *engine, const char *path, const sr_conn_options *options,
		       sr_conn **conn)
{
	sr_status rc;

	*conn = NULL;
	if ((rc = engine_complete(engine)) != SR_OK)
		return rc;
	if ((rc = engine->open(path, options, conn)) == SR_OK)
		(*conn)->number = atomic_fetch_add(&opened, 1) + 1;
	return rc;
}

void sr_conn_close(sr_conn *conn)
{
	if (conn == NULL)
		return;
	/* A child that closed its parent's connection would drop what the parent relies on; its
	 * copy of the memory goes with the process. */
	if (conn->owner != getpid())
		return;
	while (conn->in_use)
		sr_stmt_done(conn->in_use);
	sr_conn_rollback(conn);
	sr_conn_forget_statements(conn);
	conn->engine->close(conn);
}

bool sr_conn_has(const sr_conn *conn, unsigned feature)
{
	return (conn->engine->features & feature) == feature;
}

uint64_t sr_conn_number(const sr_conn *conn)
{
	return conn->number;
}

const char *sr_conn_path(const sr_conn *conn)
{
	return conn->path;
}

void *sr_conn_handle(const sr_conn *conn)
{
	return conn->engine->handle(conn);
}

bool sr_conn_broken(const sr_conn *conn)
{
	return conn->broken;
}

sr_status sr_conn_validate(sr_conn *conn)
{
	if (conn->broken)
		return sr_fail(SR_IO, "%s: the connection has failed before", conn->path);
	return conn->engine->validate(conn);
}

void sr_conn_interrupt(sr_conn *conn)
{
	conn->engine->interrupt(conn);
}

void sr_conn_watch(sr_conn *conn, sr_watch_fn watch, void *arg)
{
	conn->engine->watch(conn, watch, arg);
}

sr_heed sr_conn_heed(sr_conn *conn, sr_heed heed)
{
	sr_heed before = conn->heed;

	conn->heed = heed;
	return before;
}

int sr_conn_readers(sr_conn *conn, long *processes, int room)
{
	return conn->engine->readers(conn, processes, room);
}

sr_status sr_exec(sr_conn *conn, const char *sql)
{
	const char *next = sql;
	sr_stmt *stmt;
	sr_status rc;
	int number = 0;

	for (;;) {
		number++;
		rc = conn->engine->prepare(conn, next, true, &next, &stmt);
		if (rc == SR_OK && stmt == NULL)
			return SR_OK;
		if (rc == SR_OK) {
			sr_stmt_adopt(conn, stmt);
			rc = sr_run(stmt);
			sr_stmt_discard(stmt);
		}
		if (rc != SR_OK) {
			/* The words of one statement alone need no number. */
			if (number > 1 || next[strspn(next, " \t\r\n;")] != '\0')
				sr_fail_within(rc, "statement %d", number);
			return rc;
		}
	}
}

sr_status sr_query_integer(sr_conn *conn, const char *sql, int64_t *value)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		goto err0;
	if ((rc = sr_step(stmt, &row)) != SR_OK)
		goto err1;
	if (!row) {
		rc = sr_fail(SR_NOT_FOUND, "no row from: %s", sql);
		goto err1;
	}
	*value = sr_column_integer(stmt, 0);
err1:
	rc = sr_stmt_end(stmt, rc);
err0:
	return rc;
}

int64_t sr_conn_changes(const sr_conn *conn)
{
	return conn->engine->changes(conn);
}

int64_t sr_conn_last_row_id(const sr_conn *conn)
{
	return conn->engine->last_row_id(conn);
}

int64_t sr_conn_log_size(sr_conn *conn)
{
	return conn->engine->log_size(conn);
}

sr_status sr_conn_checkpoint(sr_conn *conn, sr_checkpoint *result)
{
	return conn->engine->checkpoint(conn, result);
}

sr_status sr_conn_backup(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg)
{
	if (!sr_conn_has(conn, SR_ENGINE_ONLINE_BACKUP))
		return sr_fail(SR_INVALID, "%s: the engine %s cannot copy a live database",
			       conn->path, conn->engine->name);
	return conn->engine->backup(conn, path, progress, arg);
}

/* What copies of whole databases need: a path that SQLite understands as it is, a connection that
 * writes, and no transaction. */
static sr_status ready_alone(sr_conn *conn, const char *path)
{
	if (path[0] != '/')
		return sr_fail(SR_INVALID, "the path of a copy must be absolute: %s", path);
	if (conn->access != SR_ACCESS_WRITE && conn->access != SR_ACCESS_CREATE)
		return sr_fail(SR_READ_ONLY, "%s is open for reading only", conn->path);
	if (conn->broken)
		return sr_fail(SR_IO, "%s: the connection has failed before", conn->path);
	if (sr_conn_in_transaction(conn))
		return sr_fail(SR_INVALID, "%s: a transaction is open", conn->path);
	return SR_OK;
}

sr_status sr_conn_compact(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg)
{
	sr_status rc;

	if ((rc = ready_alone(conn, path)) != SR_OK)
		return rc;
	return conn->engine->compact(conn, path, progress, arg);
}

sr_status sr_conn_replace(sr_conn *conn, const char *path, bool unchanged, sr_progress_fn progress,
			  void *arg)
{
	sr_status rc;

	if ((rc = ready_alone(conn, path)) != SR_OK)
		return rc;
	return conn->engine->replace(conn, path, unchanged, progress, arg);
}

void sr_conn_guard(sr_conn *conn, sr_guard_fn guard, void *arg)
{
	(void)sr_conn_guard_swap(conn, (sr_guarding){guard, arg});
	for (sr_stmt *stmt = conn->in_use; stmt; stmt = stmt->next)
		stmt->under = (sr_guarding){guard, arg};
	sr_conn_forget_statements(conn);
	conn->engine->guard_changed(conn);
}

sr_guarding sr_conn_guard_swap(sr_conn *conn, sr_guarding guarding)
{
	sr_guarding before = {conn->guard, conn->guard_arg};

	conn->guard = guarding.guard;
	conn->guard_arg = guarding.arg;
	return before;
}

sr_status sr_conn_triggers(sr_conn *conn, bool enabled)
{
	return conn->engine->triggers(conn, enabled);
}

sr_status sr_conn_foreign_keys(sr_conn *conn, bool enabled)
{
	if (conn->transaction)
		return sr_fail(SR_INVALID, "%s: foreign keys stay as they are in a transaction",
			       conn->path);
	return conn->engine->foreign_keys(conn, enabled);
}

sr_status sr_conn_reword(sr_conn *conn, const char *table, const char *sql)
{
	if (!sr_conn_in_transaction(conn))
		return sr_fail(SR_INVALID, "%s: no transaction is open", conn->path);
	return conn->engine->reword(conn, table, sql);
}
