/*
 * Transactions and savepoints of a connection.
 *
 *   NONE -> OPEN [sr_conn_begin]        OPEN -> NONE [sr_conn_commit, sr_conn_rollback]
 *   OPEN -> LOST [the engine rolls everything back by itself]
 *   LOST -> NONE [sr_conn_rollback, and sr_conn_commit, which says so]
 *
 * In LOST nothing runs: the next statement would be a transaction of its own.
 */
#include "vtable.h"

sr_status sr_conn_begin(sr_conn *conn, sr_transaction kind)
{
	static const sr_command commands[] = {
		[SR_TRANSACTION_READ] = SR_COMMAND_READ,
		[SR_TRANSACTION_WRITE] = SR_COMMAND_WRITE,
		[SR_TRANSACTION_EXCLUSIVE] = SR_COMMAND_EXCLUSIVE,
	};
	sr_status rc;

	if (conn->broken) /* Perhaps in taking back what it then still has open. */
		return sr_fail(SR_IO, "%s: the connection has failed before", conn->path);
	if (conn->transaction || conn->engine->in_transaction(conn))
		return sr_fail(SR_INVALID, "%s: a transaction is open already", conn->path);
	if (kind != SR_TRANSACTION_READ && conn->access != SR_ACCESS_WRITE &&
	    conn->access != SR_ACCESS_CREATE)
		return sr_fail(SR_READ_ONLY, "%s is open for reading only", conn->path);
	if ((rc = conn->engine->command(conn, commands[kind])) != SR_OK)
		return rc;
	conn->transaction = true;
	conn->depth = 0;
	conn->lost = SR_OK;
	return SR_OK;
}

static void transaction_forget(sr_conn *conn)
{
	conn->transaction = false;
	conn->depth = 0;
	conn->lost = SR_OK;
}

/* Whether what sr_conn_begin opened is still there; else says that it is not. */
static sr_status transaction_open(sr_conn *conn)
{
	if (conn->engine->in_transaction(conn))
		return SR_OK;
	if (!conn->transaction)
		return sr_fail(SR_INVALID, "%s: no transaction is open", conn->path);
	if (conn->lost == SR_OK)
		conn->lost = SR_SQL;
	return sr_fail(conn->lost, "%s: the transaction was rolled back by an earlier error (%s)",
		       conn->path, sr_status_name(conn->lost));
}

/* After a failure: remembers why, where the engine took the whole transaction with it. */
static void transaction_look(sr_conn *conn, sr_status why)
{
	if (why != SR_OK && conn->transaction && !conn->engine->in_transaction(conn))
		conn->lost = why;
}

sr_status sr_conn_commit(sr_conn *conn)
{
	sr_status rc;

	if ((rc = transaction_open(conn)) != SR_OK) {
		transaction_forget(conn);
		return rc;
	}
	rc = conn->engine->command(conn, SR_COMMAND_COMMIT);
	if (rc == SR_OK) {
		transaction_forget(conn);
		return SR_OK;
	}
	if (rc == SR_IO) {
		/* The bytes may have reached the disk before the failure, or not. */
		rc = sr_fail_within(SR_OUTCOME_UNKNOWN,
				    "the commit failed in its last step and may or may not be "
				    "there");
		conn->broken = true;
	}
	sr_conn_rollback(conn);
	return rc;
}

void sr_conn_rollback(sr_conn *conn)
{
	if (!sr_conn_is_ours(conn))
		return;
	if (conn->engine->in_transaction(conn) &&
	    conn->engine->command(conn, SR_COMMAND_ROLLBACK) != SR_OK)
		conn->broken = true;
	transaction_forget(conn);
}

bool sr_conn_in_transaction(const sr_conn *conn)
{
	return conn->engine->in_transaction(conn);
}

sr_status sr_conn_check_deferred(sr_conn *conn)
{
	if (conn->engine->deferred_violation(conn))
		return sr_fail(SR_CONSTRAINT, "%s: FOREIGN KEY constraint failed", conn->path);
	return SR_OK;
}

sr_status sr_savepoint(sr_conn *conn)
{
	sr_status rc;

	if ((rc = transaction_open(conn)) != SR_OK)
		return rc;
	if ((rc = conn->engine->command(conn, SR_COMMAND_SAVEPOINT)) != SR_OK) {
		transaction_look(conn, rc);
		return rc;
	}
	conn->depth++;
	return SR_OK;
}

sr_status sr_savepoint_release(sr_conn *conn)
{
	sr_status rc;

	if ((rc = transaction_open(conn)) != SR_OK)
		return rc;
	if (conn->depth == 0)
		return sr_fail(SR_INVALID, "%s: no savepoint is open", conn->path);
	if ((rc = sr_conn_check_deferred(conn)) == SR_OK)
		rc = conn->engine->command(conn, SR_COMMAND_RELEASE);
	transaction_look(conn, rc);
	if (rc == SR_OK)
		conn->depth--;
	else
		sr_savepoint_rollback(conn);
	return rc;
}

void sr_savepoint_rollback(sr_conn *conn)
{
	if (conn->depth == 0)
		return;
	conn->depth--;
	if (!conn->engine->in_transaction(conn))
		return;
	/* What cannot be undone must not be committed. */
	if (conn->engine->command(conn, SR_COMMAND_ROLLBACK_TO) != SR_OK)
		conn->broken = true;
}
