/*
 * Lending connections.
 *
 * A place of the pool goes round like this; the writer's is one, each reader's another.
 *
 *                     sr_pool_read, sr_pool_write, sr_pool_begin, sr_pool_commit
 *          +------+  ---------------------------------------------------------->  +------+
 *          | IDLE |                                                               | LENT |--+
 *          +------+  <----------------------------------------------------------  +------+  |
 *                     sr_pool_release, sr_pool_end; nobody waits                   ^     |  |
 *                                                                                  |     |  |
 *          LENT -> LENT to the first in line [sr_wait_grant]                       +-----+  |
 *          LENT, joined once more or less by its own thread [sr_pool_join]         +--------+
 *
 * Its connection lives apart from that. Only who holds the place opens and closes it:
 *
 *          CLOSED -> OPEN    [sr_place_ready]   at the first lease
 *          OPEN   -> CLOSED  [sr_place_ready]   too old, or dead after idling; opened anew
 *          OPEN   -> CLOSED  [sr_place_return]  broken; in direct mode always
 *          OPEN   -> CLOSED  [sr_pool_free]     readers first, the writer last
 *
 * The page cache: options.cache_pages (10,000 by default) are shared out, half to the writer
 * and the rest evenly to the readers. docs/POOL.md has the measurement.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_PAGES       10000
#define CACHE_PAGES_LEAST 200 /* A connection with less reads inner index pages again. */

sr_status sr_pool_enter(const sr_pool *pool)
{
	if (getpid() == pool->process)
		return SR_OK;
	return sr_fail(
		SR_FORKED,
		"'%s' was opened by process %ld, and this is its child %ld: open it anew here",
		pool->path, (long)pool->process, (long)getpid());
}

void sr_waiter_init(sr_waiter *waiter, const char *site)
{
	waiter->operation = NULL;
	waiter->arg = NULL;
	waiter->together = NULL;
	waiter->large = false;
	waiter->site = site != NULL ? site : "(unnamed)";
	waiter->thread = sr_thread_number();
	waiter->state = SR_WAITER_QUEUED;
	waiter->place = NULL;
	waiter->status = SR_OK;
	waiter->words[0] = '\0';
	waiter->next = NULL;
	waiter->previous = NULL;
}

/* ---- Opening ---- */

static void set_defaults(sr_pool *pool, const sr_pool_options *options)
{
	sr_pool_options *o = &pool->options;
	int pages;

	*o = *options;
	o->path = pool->path;
	if (o->readers < 1)
		o->readers = 1;
	if (o->timeout <= 0)
		o->timeout = 30;
	if (o->validate_after <= 0)
		o->validate_after = 30;
	if (o->recycle_after <= 0)
		o->recycle_after = 3600;
	if (o->leak_after <= 0)
		o->leak_after = 60;
	if (o->checkpoint_bytes <= 0)
		o->checkpoint_bytes = INT64_C(8) << 20;
	if (o->log_alarm_bytes <= 0)
		o->log_alarm_bytes = INT64_C(256) << 20;
	pages = o->cache_pages > 0 ? o->cache_pages : CACHE_PAGES;
	pool->writer_pages = o->read_only ? 0 : pages / 2;
	pool->reader_pages = (pages - pool->writer_pages) / o->readers;
	if (pool->writer_pages < CACHE_PAGES_LEAST)
		pool->writer_pages = CACHE_PAGES_LEAST;
	if (pool->reader_pages < CACHE_PAGES_LEAST)
		pool->reader_pages = CACHE_PAGES_LEAST;
}

static void init_conditions(sr_pool *pool)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->quiet, &attributes);
	pthread_cond_init(&pool->copied, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Proves that the database opens, so that sr_pool_open fails and not some call long after. */
static sr_status open_first(sr_pool *pool)
{
	sr_conn *conn;
	sr_status rc;

	if (pool->options.read_only || pool->options.late_writer)
		rc = sr_pool_read(pool, SR_HERE, &conn);
	else
		rc = sr_pool_write(pool, SR_HERE, &conn);
	if (rc == SR_OK)
		sr_pool_release(pool, conn);
	/* Nobody asked for this lease. */
	pool->acquired = 0;
	pool->peak = 0;
	pool->leaks = 0;
	return rc;
}

sr_status sr_pool_open(sr_pool **out, const sr_pool_options *options)
{
	sr_pool *pool;
	sr_status rc;

	*out = NULL;
	if ((pool = calloc(1, sizeof(*pool))) == NULL)
		return sr_fail_memory();
	if ((pool->path = strdup(options->path)) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	set_defaults(pool, options);
	pool->readers = calloc((size_t)pool->options.readers, sizeof(*pool->readers));
	if (pool->readers == NULL) {
		rc = sr_fail_memory();
		goto err1;
	}
	pool->process = getpid();
	pool->writer.writer = true;
	init_conditions(pool);
	for (int i = pool->options.readers - 1; i >= 0; i--) {
		pool->readers[i].below = pool->idle_readers;
		pool->idle_readers = &pool->readers[i];
		pool->idle++;
	}
	if ((rc = open_first(pool)) != SR_OK) {
		sr_pool_free(pool);
		return rc;
	}
	*out = pool;
	return SR_OK;

err1:
	free(pool->path);
err0:
	free(pool);
	return rc;
}

/* ---- Closing ---- */

/* Whether nobody uses the pool. Lock held. */
static bool at_rest(const sr_pool *pool)
{
	return pool->lent == 0 && pool->waiting == 0 && !pool->copying;
}

bool sr_pool_quiet(sr_pool *pool)
{
	bool quiet = pool->closing && at_rest(pool);

	if (quiet)
		pthread_cond_broadcast(&pool->quiet);
	return quiet && pool->abandoned;
}

/* The last connection that closes brings the log in and removes it, which only one that writes
 * and has read can do: make sure that there is such a one. */
static void open_last(sr_pool *pool)
{
	if (pool->options.read_only || pool->created == 0)
		return;
	if (pool->options.late_writer && pool->writer.opened == 0)
		return;
	if (sr_place_ready(pool, &pool->writer) != SR_OK) {
		sr_log("pool", SR_LOG_WARNING, "the log of '%s' stays beside it: %s", pool->path,
		       sr_error_message());
		return;
	}
	if (sr_conn_begin(pool->writer.conn, SR_TRANSACTION_READ) == SR_OK)
		sr_conn_rollback(pool->writer.conn);
}

void sr_pool_free(sr_pool *pool)
{
	sr_cancel_hold();
	open_last(pool);
	sr_conn_close(pool->second);
	sr_conn_close(pool->stay);
	for (int i = 0; i < pool->options.readers; i++)
		sr_conn_close(pool->readers[i].conn);
	sr_conn_close(pool->writer.conn);
	sr_cancel_resume();
	pthread_cond_destroy(&pool->copied);
	pthread_cond_destroy(&pool->quiet);
	pthread_mutex_destroy(&pool->lock);
	free(pool->readers);
	free(pool->path);
	free(pool);
}

/* Waits until nothing is lent, nobody in line and nobody copying. False: the time was up first. */
static bool came_to_rest(sr_pool *pool)
{
	struct timespec deadline = sr_deadline(pool->options.timeout);

	while (!at_rest(pool))
		if (pthread_cond_timedwait(&pool->quiet, &pool->lock, &deadline) != 0)
			break;
	return at_rest(pool);
}

sr_status sr_pool_close(sr_pool *pool)
{
	sr_buffer holders = SR_BUFFER_EMPTY;
	sr_status rc;

	/* In a child, closing the parent's connections would drop the parent's locks. */
	if (pool == NULL || sr_pool_enter(pool) != SR_OK)
		return SR_OK;
	pthread_mutex_lock(&pool->lock);
	if (pool->closing) {
		pthread_mutex_unlock(&pool->lock);
		return sr_fail(SR_CLOSED, "'%s' is being closed already", pool->path);
	}
	pool->closing = true;
	sr_wait_shut(pool);
	if (came_to_rest(pool)) {
		pthread_mutex_unlock(&pool->lock);
		sr_pool_free(pool);
		return SR_OK;
	}
	pool->abandoned = true;
	sr_wait_holders(pool, true, true, &holders);
	rc = sr_fail(SR_BUSY,
		     "'%s' is closed to new calls, but connections are still held by %s; they "
		     "close when these are given back",
		     pool->path, holders.length > 0 ? holders.data : "calls in their last step");
	pthread_mutex_unlock(&pool->lock);
	sr_log("pool", SR_LOG_WARNING, "%s", sr_error_message());
	sr_buffer_free(&holders);
	return rc;
}

/* ---- Lending ---- */

/* An idle place, or NULL. */
static sr_place *idle_place(sr_pool *pool, bool writer)
{
	sr_place *place;

	if (writer)
		return pool->writer.holds == 0 ? &pool->writer : NULL;
	if ((place = pool->idle_readers) != NULL) {
		pool->idle_readers = place->below;
		pool->idle--;
	}
	return place;
}

/* Waits in line, lock held; lets go of it to complain about a timeout. */
static sr_status wait_in_line(sr_pool *pool, bool writer, sr_waiter *waiter)
{
	sr_status rc;

	pool->waiting++;
	rc = sr_wait(pool, writer ? &pool->write_queue : &pool->read_queue, waiter);
	if (rc == SR_BUSY) {
		pthread_mutex_unlock(&pool->lock);
		sr_log("pool", SR_LOG_WARNING, "%s", sr_error_message());
		sr_leaks_look(pool, true);
		pthread_mutex_lock(&pool->lock);
	}
	pool->waiting--;
	return rc;
}

sr_status sr_pool_acquire(sr_pool *pool, bool writer, sr_waiter *waiter)
{
	sr_status rc = SR_OK;
	sr_place *place;
	bool last;

	pthread_mutex_lock(&pool->lock);
	if (pool->closing)
		rc = sr_fail(SR_CLOSED, "'%s' is closed", pool->path);
	else if ((place = idle_place(pool, writer)) != NULL)
		sr_place_lend(pool, place, waiter);
	else
		rc = wait_in_line(pool, writer, waiter);
	last = sr_pool_quiet(pool);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		sr_pool_free(pool);
	else if (rc == SR_OK && waiter->state == SR_WAITER_LENT)
		sr_leaks_look(pool, false);
	return rc;
}

/* What sr_pool_read and sr_pool_write share. */
static sr_status lease(sr_pool *pool, bool writer, const char *site, sr_conn **conn)
{
	sr_waiter waiter;
	sr_place *place;
	sr_status rc;

	*conn = NULL;
	if ((rc = sr_pool_enter(pool)) != SR_OK)
		return rc;
	if (writer && pool->options.read_only)
		return sr_fail(SR_READ_ONLY, "'%s' was opened to read only", pool->path);
	if ((rc = sr_pool_join(pool, &place)) != SR_OK)
		return rc;
	if (place == NULL) {
		sr_waiter_init(&waiter, site);
		if ((rc = sr_pool_acquire(pool, writer, &waiter)) != SR_OK)
			return rc;
		place = waiter.place;
		if ((rc = sr_place_ready(pool, place)) != SR_OK) {
			sr_place_return(pool, place);
			return rc;
		}
	}
	*conn = place->conn;
	return SR_OK;
}

sr_status sr_pool_read(sr_pool *pool, const char *site, sr_conn **conn)
{
	return lease(pool, false, site, conn);
}

sr_status sr_pool_write(sr_pool *pool, const char *site, sr_conn **conn)
{
	return lease(pool, true, site, conn);
}

/* The place whose connection it is. Lock held. */
static sr_place *place_of(sr_pool *pool, const sr_conn *conn)
{
	if (pool->writer.conn == conn)
		return &pool->writer;
	for (int i = 0; i < pool->options.readers; i++)
		if (pool->readers[i].conn == conn)
			return &pool->readers[i];
	return NULL;
}

void sr_pool_release(sr_pool *pool, sr_conn *conn)
{
	sr_place *place;

	if (conn == NULL || getpid() != pool->process)
		return;
	pthread_mutex_lock(&pool->lock);
	place = place_of(pool, conn);
	/* The last hold of an open transaction is sr_pool_end's. */
	if (place != NULL && (place->holds == 0 || (place->holds == 1 && place->levels > 0)))
		place = NULL;
	pthread_mutex_unlock(&pool->lock);
	if (place != NULL)
		sr_place_return(pool, place);
	else
		sr_log("pool", SR_LOG_ERROR, "a connection of '%s' was released twice", pool->path);
}

void sr_pool_distrust(sr_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->distrusted = true;
	pthread_mutex_unlock(&pool->lock);
}
