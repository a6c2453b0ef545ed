/*
 * Bringing the log into the database.
 *
 * SQLite up to 3.51.2 can lose commits when one connection checkpoints while another commits and
 * begins the log anew. So nobody checkpoints by himself, and here the order is always:
 *
 *	1. one connection takes the write lock (BEGIN IMMEDIATE): nobody can commit, in any
 *	   process;
 *	2. another, which has read before, copies what readers allow (PASSIVE);
 *	3. its result is looked at;
 *	4. the first ends its empty transaction. The next write may begin the log anew.
 *
 * The two are the writer and a second one of the pool's own that is lent to nobody. It is done by
 * whoever holds the writer, after his commit was reported to those who waited for it, when the log
 * has grown by checkpoint_bytes since the last time. That bounds the work: 4 MiB take some
 * 9 ms. What a long reader held back comes in at once when he is gone; the alarm is there to
 * tell before it is much.
 */
#include "internal.h"

#define LARGE_STEP 4 /* Times as much log behind a large operation. */

/* The second connection. Reading once makes it open the log: without, a checkpoint on it does
 * nothing and says that all is well. */
static sr_status open_second(sr_pool *pool)
{
	sr_conn_options options = {
		.access = SR_ACCESS_WRITE,
		.durability = pool->options.durability,
		.busy_timeout = 0, /* Commits do not wait for a checkpoint that can come later. */
		.cache_pages = 16, /* Copying does not go through the cache. */
	};
	sr_status rc;

	if (pool->second != NULL)
		return SR_OK;
	rc = sr_conn_open(pool->options.engine, pool->path, &options, &pool->second);
	if (rc != SR_OK)
		return rc;
	if ((rc = sr_conn_begin(pool->second, SR_TRANSACTION_READ)) != SR_OK) {
		sr_conn_close(pool->second);
		pool->second = NULL;
		return rc;
	}
	sr_conn_rollback(pool->second);
	return SR_OK;
}

/* One connection keeps writers out while the other copies: the order at the top. */
static sr_status copy_log(sr_conn *keeper, sr_conn *copier, sr_checkpoint *result)
{
	bool inside = sr_conn_in_transaction(keeper);
	sr_status rc;

	if (!inside && (rc = sr_conn_begin(keeper, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	rc = sr_conn_checkpoint(copier, result);
	/* Nothing was written: ending it either way is the same, and a rollback cannot fail. */
	if (!inside)
		sr_conn_rollback(keeper);
	return rc;
}

/* By the holder of the writer. Patiently, the writer takes the lock, or has it already;
 * else the second connection does, which does not wait for other processes. */
static sr_status checkpoint(sr_pool *pool, sr_place *place, bool patient, sr_checkpoint *result)
{
	sr_status rc;

	if ((rc = open_second(pool)) != SR_OK)
		return rc;
	rc = patient ? copy_log(place->conn, pool->second, result)
		     : copy_log(pool->second, place->conn, result);
	if (pool->options.direct || sr_conn_broken(pool->second)) {
		sr_conn_close(pool->second);
		pool->second = NULL;
	}
	if (rc != SR_OK)
		return rc;
	pthread_mutex_lock(&pool->lock);
	pool->checkpoints++;
	pthread_mutex_unlock(&pool->lock);
	sr_log("pool", SR_LOG_DEBUG, "checkpoint of '%s': %lld of %lld pages", pool->path,
	       (long long)result->copied_pages, (long long)result->log_pages);
	return SR_OK;
}

/* ---- The alarm ---- */

/* The reader that was lent longest ago, in words. */
static void describe_oldest(sr_pool *pool, sr_buffer *out)
{
	const sr_place *oldest = NULL;

	pthread_mutex_lock(&pool->lock);
	for (int i = 0; i < pool->options.readers; i++) {
		const sr_place *place = &pool->readers[i];
		if (place->holds > 0 && (oldest == NULL || place->lent < oldest->lent))
			oldest = place;
	}
	if (oldest != NULL)
		sr_buffer_printf(out, "the reader lent to %s (thread %ld) for %.1f s", oldest->site,
				 oldest->thread, (double)(sr_clock_ns() - oldest->lent) / 1e9);
	else
		sr_buffer_add_string(out, "a reader in another process");
	pthread_mutex_unlock(&pool->lock);
}

/* Says once that somebody holds the log back, and again only after it had come in. */
static void look_at(sr_pool *pool, int64_t size, const sr_checkpoint *result)
{
	sr_buffer who = SR_BUFFER_EMPTY;

	if (result->copied_pages >= result->log_pages) {
		pool->alarmed = false;
		return;
	}
	if (pool->alarmed || size < pool->options.log_alarm_bytes)
		return;
	pool->alarmed = true;
	describe_oldest(pool, &who);
	sr_log("pool", SR_LOG_WARNING,
	       "the log of '%s' has grown to %lld bytes because a long reader holds it back: %s; "
	       "close cursors sooner",
	       pool->path, (long long)size, who.length > 0 ? who.data : "unknown");
	sr_buffer_free(&who);
}

/* ---- When ---- */

/* By how much the log is to grow before it is brought in. Behind a large operation nobody counts
 * milliseconds, and less is copied twice. What was held back is tried again sooner. */
static int64_t step_of(const sr_pool *pool, const sr_place *place)
{
	if (pool->held_back)
		return pool->options.checkpoint_bytes / 4;
	return pool->options.checkpoint_bytes * (place->large ? LARGE_STEP : 1);
}

void sr_log_tend(sr_pool *pool, sr_place *place)
{
	int64_t size = sr_conn_log_size(place->conn);
	sr_checkpoint result = {0, 0};
	sr_status rc;

	pthread_mutex_lock(&pool->lock);
	pool->log_bytes = size;
	pthread_mutex_unlock(&pool->lock);
	if (size < pool->last_log) {
		pool->tended_log = 0;
		pool->held_back = false;
	}
	pool->last_log = size;
	if (size - pool->tended_log < step_of(pool, place))
		return;
	if ((rc = checkpoint(pool, place, false, &result)) == SR_BUSY)
		return; /* Another process writes. The next commit tries again. */
	if (rc != SR_OK) {
		sr_log("pool", SR_LOG_WARNING, "the log of '%s' could not be brought in: %s",
		       pool->path, sr_error_message());
	} else {
		look_at(pool, size, &result);
		pool->held_back = result.copied_pages < result.log_pages;
	}
	pool->tended_log = size;
}

sr_status sr_pool_checkpoint(sr_pool *pool)
{
	sr_checkpoint result = {0, 0};
	sr_place *place = &pool->writer;
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_pool_write(pool, SR_HERE, &conn)) != SR_OK)
		return rc;
	if ((rc = checkpoint(pool, place, true, &result)) == SR_OK)
		look_at(pool, sr_conn_log_size(conn), &result);
	sr_place_return(pool, place);
	return rc;
}
