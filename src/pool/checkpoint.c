/*
 * Copying the log into the database.
 *
 * SQLite up to 3.51.2 can lose commits when one connection checkpoints while another commits and
 * begins the log anew: the first believes in the old log and marks as many frames of the new one as
 * copied. So nobody checkpoints by himself, and there are two ways in which that cannot happen.
 *
 * With writers kept out:
 *	1. one connection takes the write lock (BEGIN IMMEDIATE): nobody can commit, in any
 *	   process;
 *	2. another, which has read before, copies what readers allow (PASSIVE);
 *	3. its result is looked at;
 *	4. the first ends its empty transaction. The next write may begin the log anew.
 *
 * Beside them:
 *	1. one connection begins to read, and goes on until the end. It has the lock of a reader in
 *	   the log, then nobody can begin the log anew, in any process; or, where all of the log was
 *	   in the database already, that of a reader of the database, then nothing can be copied;
 *	2. another copies (PASSIVE) what was committed when it began;
 *	3. its result is looked at, and the first ends its transaction.
 * Here the log grows meanwhile, so that it is never all in the database while writers are busy.
 */
#include "internal.h"

/* A connection that is lent to nobody. Reading once makes it open the log: without, a checkpoint on
 * it does nothing and says that all is well. */
static sr_status open_own(sr_pool *pool, sr_conn **conn)
{
	sr_conn_options options = {
		.access = SR_ACCESS_WRITE,
		.durability = pool->options.durability,
		.busy_timeout = 0, /* Commits do not wait for a checkpoint that can come later. */
		.cache_pages = 16, /* Copying does not go through the cache. */
	};
	sr_status rc;

	if (*conn != NULL)
		return SR_OK;
	if ((rc = sr_conn_open(pool->options.engine, pool->path, &options, conn)) != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(*conn, SR_TRANSACTION_READ)) != SR_OK) {
		sr_conn_close(*conn);
		*conn = NULL;
		return rc;
	}
	sr_conn_rollback(*conn);
	return SR_OK;
}

/* Keeps the connection for the next time where it may. */
static void keep_own(sr_pool *pool, sr_conn **conn)
{
	if (*conn != NULL && (pool->options.direct || sr_conn_broken(*conn))) {
		sr_conn_close(*conn);
		*conn = NULL;
	}
}

static sr_status copy(sr_pool *pool, sr_conn *copier, sr_copied *copied)
{
	sr_checkpoint result = {0, 0};
	sr_status rc;

	*copied = (sr_copied){0, 0};
	if ((rc = sr_conn_checkpoint(copier, &result)) != SR_OK)
		return rc;
	copied->log = sr_conn_log_size(copier);
	if (result.log_pages > 0)
		copied->in_database = copied->log / result.log_pages * result.copied_pages;
	pthread_mutex_lock(&pool->lock);
	pool->checkpoints++;
	pthread_mutex_unlock(&pool->lock);
	sr_log("pool", SR_LOG_DEBUG, "checkpoint of '%s': %lld of %lld pages", pool->path,
	       (long long)result.copied_pages, (long long)result.log_pages);
	return SR_OK;
}

/* One connection keeps writers out while the other copies. */
static sr_status copy_alone(sr_pool *pool, sr_conn *keeper, sr_conn *copier, sr_copied *copied)
{
	bool inside = sr_conn_in_transaction(keeper);
	sr_status rc;

	if (!inside && (rc = sr_conn_begin(keeper, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	rc = copy(pool, copier, copied);
	/* Who was reading as it was before the last commit is done by now, if he was not slow. */
	if (rc == SR_OK && copied->in_database < copied->log)
		rc = copy(pool, copier, copied);
	/* Nothing was written: ending it either way is the same, and a rollback cannot fail. */
	if (!inside)
		sr_conn_rollback(keeper);
	return rc;
}

sr_status sr_log_copy(sr_pool *pool, sr_place *place, bool patient, sr_copied *copied)
{
	sr_status rc;

	if ((rc = open_own(pool, &pool->second)) != SR_OK)
		return rc;
	/* The writer takes the lock, or has it already; else the second connection does, which does
	 * not wait for other processes. */
	rc = patient ? copy_alone(pool, place->conn, pool->second, copied)
		     : copy_alone(pool, pool->second, place->conn, copied);
	keep_own(pool, &pool->second);
	return rc;
}

sr_status sr_log_copy_beside(sr_pool *pool, sr_copied *copied)
{
	sr_status rc;

	if ((rc = open_own(pool, &pool->second)) != SR_OK ||
	    (rc = open_own(pool, &pool->stay)) != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(pool->stay, SR_TRANSACTION_READ)) == SR_OK) {
		rc = copy(pool, pool->second, copied);
		sr_conn_rollback(pool->stay);
	}
	keep_own(pool, &pool->second);
	keep_own(pool, &pool->stay);
	return rc;
}
