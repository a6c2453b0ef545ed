/*
 * One place of the pool: its connection is made fit when it was lent, and put in order when it
 * comes back. All of this is done by the holder with the lock free, since it may take long.
 */
#include "internal.h"

#include <string.h>

/* ---- Going out ---- */

/* The writer is kept from a distrusted schema by whoever may ask for it. */
static bool wants_bare(sr_pool *pool, const sr_place *place)
{
	bool distrusted;

	pthread_mutex_lock(&pool->lock);
	distrusted = pool->distrusted;
	pthread_mutex_unlock(&pool->lock);
	return distrusted && !place->writer;
}

static bool is_first(sr_pool *pool)
{
	bool first;

	pthread_mutex_lock(&pool->lock);
	first = pool->created == 0;
	pthread_mutex_unlock(&pool->lock);
	return first;
}

static sr_status open_conn(sr_pool *pool, sr_place *place)
{
	bool bare = wants_bare(pool, place);
	sr_access reading = pool->options.read_only ? SR_ACCESS_INSPECT : SR_ACCESS_READ;
	sr_conn_options options = {
		.access = place->writer ? SR_ACCESS_WRITE : reading,
		.durability = pool->options.durability,
		.busy_timeout = pool->options.timeout,
		.cache_pages = place->writer ? pool->writer_pages : pool->reader_pages,
		.bare = bare,
		.first = is_first(pool),
	};
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_conn_open(pool->options.engine, pool->path, &options, &conn)) != SR_OK)
		return rc;
	if (!place->writer)
		(void)sr_conn_heed(conn, SR_HEED_READS);
	pthread_mutex_lock(&pool->lock);
	place->conn = conn;
	place->bare = bare;
	place->opened = sr_clock_ns();
	place->idle = place->opened;
	pool->created++;
	pthread_mutex_unlock(&pool->lock);
	return SR_OK;
}

void sr_place_drop(sr_pool *pool, sr_place *place)
{
	sr_conn *conn = place->conn;

	pthread_mutex_lock(&pool->lock);
	place->conn = NULL;
	pool->closed++;
	pthread_mutex_unlock(&pool->lock);
	sr_conn_close(conn);
}

/* Whether an open connection may be lent again. */
static bool fit(sr_pool *pool, sr_place *place)
{
	int64_t now = sr_clock_ns();

	if ((double)(now - place->opened) / 1e9 >= pool->options.recycle_after)
		return false;
	if (wants_bare(pool, place) != place->bare)
		return false;
	if ((double)(now - place->idle) / 1e9 < pool->options.validate_after)
		return true;
	if (sr_conn_validate(place->conn) == SR_OK)
		return true;
	sr_log("pool", SR_LOG_INFO,
	       "a connection to '%s' did not survive idling and is replaced: %s", pool->path,
	       sr_error_message());
	return false;
}

sr_status sr_place_ready(sr_pool *pool, sr_place *place)
{
	if (place->conn != NULL && !fit(pool, place)) {
		sr_place_drop(pool, place);
		pthread_mutex_lock(&pool->lock);
		pool->recycled++;
		pthread_mutex_unlock(&pool->lock);
	}
	return place->conn != NULL ? SR_OK : open_conn(pool, place);
}

/* ---- Coming back ---- */

static void put_in_order(sr_pool *pool, sr_place *place)
{
	if (place->conn == NULL)
		return;
	/* What was done stands, whatever becomes of this. */
	sr_cancel_hold();
	/* Also without a transaction: the engine may have lost one and still wait to hear it. */
	sr_conn_rollback(place->conn);
	(void)sr_conn_heed(place->conn, place->writer ? SR_HEED_NONE : SR_HEED_READS);
	if (place->writer && !sr_conn_broken(place->conn))
		sr_log_tend(pool, place);
	if (pool->options.direct || sr_conn_broken(place->conn))
		sr_place_drop(pool, place);
	sr_cancel_resume();
}

void sr_place_return(sr_pool *pool, sr_place *place)
{
	char words[SR_MESSAGE_SIZE];
	bool last = false;

	pthread_mutex_lock(&pool->lock);
	if (place->holds > 1) {
		place->holds--;
		pthread_mutex_unlock(&pool->lock);
		return;
	}
	pthread_mutex_unlock(&pool->lock);

	/* Releasing stands in unwind ladders: the words of what failed before must survive. */
	strcpy(words, sr_error_message());
	sr_leaks_look(pool,
		      (double)(sr_clock_ns() - place->lent) / 1e9 >= pool->options.leak_after);
	put_in_order(pool, place);
	pthread_mutex_lock(&pool->lock);
	SR_INVARIANT(place->holds == 1);
	place->holds = 0;
	place->levels = 0;
	place->spoiled = SR_OK;
	place->idle = sr_clock_ns();
	pool->lent--;
	sr_wait_grant(pool, place);
	last = sr_pool_quiet(pool);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		sr_pool_free(pool);
	sr_error_set(words);
}
