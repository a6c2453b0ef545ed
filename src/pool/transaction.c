/*
 * A thread's own transaction, and joining it.
 *
 * Whoever holds the writer would wait for himself if his next call queued for it. So every call
 * first looks whether its thread holds the writer, and then shares the place: one more hold.
 * The levels of sr_pool_begin own one hold together; the outermost is a transaction, the others
 * savepoints.
 *
 * The engine may roll back the whole transaction by itself (a full disk, an I/O error, an
 * interrupt). A savepoint after that would quietly begin another transaction and keep half of
 * what was meant as one. So the transaction is then marked spoiled: each later call of the
 * thread fails with the reason until its outermost sr_pool_end.
 */
#include "internal.h"

#include <stdio.h>
#include <unistd.h>

bool sr_place_spoiled(sr_place *place, sr_status status)
{
	if (place->levels == 0)
		return false;
	if (place->spoiled == SR_OK && !sr_conn_in_transaction(place->conn)) {
		const char *words = sr_error_message();

		place->spoiled = status != SR_OK ? status : SR_SQL;
		snprintf(place->why, sizeof(place->why), "%s",
			 status != SR_OK && words[0] != '\0' ? words : "a statement of it failed");
	}
	return place->spoiled != SR_OK;
}

static sr_status fail_spoiled(const sr_place *place)
{
	return sr_fail(place->spoiled,
		       "the transaction begun at %s was rolled back by the database itself and "
		       "nothing of it is kept: %s",
		       place->site, place->why);
}

/* Whether this thread holds the writer. Lock held. */
static bool is_mine(const sr_pool *pool)
{
	return pool->writer.holds > 0 && pool->writer.thread == sr_thread_number();
}

sr_status sr_pool_join(sr_pool *pool, sr_place **place)
{
	bool mine;

	*place = NULL;
	pthread_mutex_lock(&pool->lock);
	if ((mine = is_mine(pool)))
		pool->writer.holds++;
	pthread_mutex_unlock(&pool->lock);
	if (!mine)
		return SR_OK;
	if (sr_place_spoiled(&pool->writer, SR_OK)) {
		sr_place_return(pool, &pool->writer);
		return fail_spoiled(&pool->writer);
	}
	*place = &pool->writer;
	return SR_OK;
}

bool sr_pool_in_transaction(sr_pool *pool)
{
	bool mine;

	if (getpid() != pool->process)
		return false;
	pthread_mutex_lock(&pool->lock);
	mine = is_mine(pool) && pool->writer.levels > 0;
	pthread_mutex_unlock(&pool->lock);
	return mine;
}

bool sr_pool_writing(sr_pool *pool)
{
	bool mine;

	if (getpid() != pool->process)
		return false;
	pthread_mutex_lock(&pool->lock);
	mine = is_mine(pool);
	pthread_mutex_unlock(&pool->lock);
	return mine;
}

sr_status sr_pool_take_over(sr_pool *pool, long thread, size_t cursors)
{
	sr_place *writer = &pool->writer;
	sr_status rc;

	if ((rc = sr_pool_enter(pool)) != SR_OK)
		return rc;
	pthread_mutex_lock(&pool->lock);
	/* The levels own one hold, each cursor another; every call that runs has one more. */
	if (writer->holds == 0 || writer->levels == 0 || writer->thread != thread)
		rc = sr_fail(SR_INVALID, "thread %ld has no transaction open on '%s'", thread,
			     pool->path);
	else if ((size_t)writer->holds != 1 + cursors)
		rc = sr_fail(SR_BUSY, "thread %ld is using its transaction on '%s' (%s)", thread,
			     pool->path, writer->site);
	else
		writer->thread = sr_thread_number();
	pthread_mutex_unlock(&pool->lock);
	return rc;
}

/* ---- Beginning ---- */

/* One level more on a place that the thread holds. */
static sr_status begin_level(sr_place *place)
{
	bool inside = sr_conn_in_transaction(place->conn);
	sr_status rc;

	rc = inside ? sr_savepoint(place->conn) : sr_conn_begin(place->conn, SR_TRANSACTION_WRITE);
	if (rc != SR_OK)
		return rc;
	if (place->levels == 0)
		place->in_callers = inside;
	place->levels++;
	return SR_OK;
}

sr_status sr_pool_begin(sr_pool *pool, const char *site)
{
	sr_conn *conn;
	sr_place *place = &pool->writer;
	sr_status rc;

	if ((rc = sr_pool_write(pool, site, &conn)) != SR_OK)
		return rc;
	rc = begin_level(place);
	/* The first level keeps the hold that was just taken, the others need none. */
	if (rc != SR_OK || place->levels > 1)
		sr_place_return(pool, place);
	return rc;
}

/* ---- Ending ---- */

static sr_status end_inner(sr_place *place, bool commit)
{
	sr_status rc = SR_OK;

	place->levels--;
	if (commit)
		rc = sr_savepoint_release(place->conn);
	else
		sr_savepoint_rollback(place->conn);
	if (place->levels > 0 && sr_place_spoiled(place, rc))
		rc = fail_spoiled(place);
	return rc;
}

static sr_status end_outer(sr_pool *pool, sr_place *place, bool commit)
{
	sr_status rc = SR_OK;

	place->levels = 0;
	if (!commit) {
		sr_conn_rollback(place->conn);
		return SR_OK;
	}
	if ((rc = sr_conn_commit(place->conn)) != SR_OK)
		return rc;
	pthread_mutex_lock(&pool->lock);
	pool->commits++;
	pool->operations++;
	pthread_mutex_unlock(&pool->lock);
	return SR_OK;
}

sr_status sr_pool_end(sr_pool *pool, bool commit)
{
	sr_place *place = &pool->writer;
	bool outermost;
	sr_status rc;

	if ((rc = sr_pool_enter(pool)) != SR_OK)
		return rc;
	if (!sr_pool_in_transaction(pool))
		return sr_fail(SR_INVALID, "this thread has no transaction open on '%s'",
			       pool->path);
	outermost = place->levels == 1;
	if (sr_place_spoiled(place, SR_OK)) {
		place->levels--;
		/* Undoing all of it is what happened; only a commit was promised more. */
		rc = outermost && !commit ? SR_OK : fail_spoiled(place);
		if (outermost) {
			place->spoiled = SR_OK;
			if (!place->in_callers)
				sr_conn_rollback(place->conn);
		}
	} else if (outermost && !place->in_callers) {
		rc = end_outer(pool, place, commit);
	} else {
		rc = end_inner(place, commit);
	}
	if (outermost)
		sr_place_return(pool, place);
	return rc;
}
