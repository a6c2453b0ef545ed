/*
 * The fair queue. Each waiter sleeps on a condition of its own, and whoever gives a place back
 * hands it to the first in line before letting go of the lock: no newcomer can come between,
 * nobody is woken for nothing, and nobody is overtaken.
 *
 * A hand-over and a timeout can meet. Both happen under the lock, so the waiter's state decides:
 * one that was LENT a place keeps it however late it wakes up, one that still is QUEUED takes
 * itself out of the line. No place is lost between the two.
 *
 * Where the thread has somebody to ask whether its call goes on, it wakes up now and then, asks
 * with the lock free while it stays in line, and leaves the line as after a timeout if not.
 */
#include "internal.h"

#include <stdio.h>
#include <unistd.h>

#include "../base/process.h"

/* A thread keeps its number, but for the one that goes on in a child. */
long sr_thread_number(void)
{
	static _Thread_local long number;
	static _Thread_local unsigned generation;
	unsigned now = sr_process_generation();

	if (number == 0 || generation != now) {
		number = (long)gettid();
		generation = now;
	}
	return number;
}

/* ---- The line ---- */

static void append(sr_queue *queue, sr_waiter *waiter)
{
	waiter->next = NULL;
	waiter->previous = queue->last;
	if (queue->last != NULL)
		queue->last->next = waiter;
	else
		queue->first = waiter;
	queue->last = waiter;
}

static void take_out(sr_queue *queue, sr_waiter *waiter)
{
	if (waiter->previous != NULL)
		waiter->previous->next = waiter->next;
	else
		queue->first = waiter->next;
	if (waiter->next != NULL)
		waiter->next->previous = waiter->previous;
	else
		queue->last = waiter->previous;
	waiter->next = NULL;
	waiter->previous = NULL;
}

/* ---- Serving it ---- */

void sr_place_lend(sr_pool *pool, sr_place *place, sr_waiter *waiter)
{
	SR_INVARIANT(place->holds == 0 && place->levels == 0);
	SR_INVARIANT(waiter->state == SR_WAITER_QUEUED);
	place->holds = 1;
	place->thread = waiter->thread;
	snprintf(place->site, sizeof(place->site), "%s", waiter->site);
	place->lent = sr_clock_ns();
	place->leaked = false;
	waiter->place = place;
	waiter->state = SR_WAITER_LENT;
	pool->lent++;
	sr_figures_lent(pool);
}

void sr_wait_grant(sr_pool *pool, sr_place *place)
{
	sr_queue *queue = place->writer ? &pool->write_queue : &pool->read_queue;
	sr_waiter *waiter = queue->first;

	if (waiter != NULL) {
		take_out(queue, waiter);
		sr_place_lend(pool, place, waiter);
		sr_figures_waited(pool, place->lent - waiter->since);
		pthread_cond_signal(&waiter->cond);
	} else if (!place->writer) {
		place->below = pool->idle_readers;
		pool->idle_readers = place;
		pool->idle++;
	}
}

sr_waiter *sr_wait_take(sr_pool *pool)
{
	sr_waiter *waiter = pool->write_queue.first;

	/* A lease in front of an operation is served in its turn, after this batch; what is large
	 * leads one of its own. */
	if (waiter == NULL || waiter->operation == NULL || waiter->large)
		return NULL;
	take_out(&pool->write_queue, waiter);
	waiter->state = SR_WAITER_TAKEN;
	return waiter;
}

void sr_wait_done(sr_waiter *waiter)
{
	SR_INVARIANT(waiter->state == SR_WAITER_TAKEN);
	waiter->state = SR_WAITER_DONE;
	pthread_cond_signal(&waiter->cond);
}

static void shut(sr_queue *queue)
{
	sr_waiter *waiter;

	while ((waiter = queue->first) != NULL) {
		take_out(queue, waiter);
		waiter->state = SR_WAITER_SHUT;
		pthread_cond_signal(&waiter->cond);
	}
}

void sr_wait_shut(sr_pool *pool)
{
	shut(&pool->read_queue);
	shut(&pool->write_queue);
}

/* ---- Waiting ---- */

static void add_holder(const sr_place *place, int64_t now, sr_buffer *out)
{
	if (place->holds == 0)
		return;
	sr_buffer_printf(out, "%s%s (thread %ld) for %.1f s", out->length > 0 ? ", " : "",
			 place->site, place->thread, (double)(now - place->lent) / 1e9);
}

void sr_wait_holders(const sr_pool *pool, bool readers, bool writer, sr_buffer *out)
{
	int64_t now = sr_clock_ns();

	if (writer)
		add_holder(&pool->writer, now, out);
	for (int i = 0; readers && i < pool->options.readers; i++)
		add_holder(&pool->readers[i], now, out);
}

/* The words of a timeout: who holds what the waiter wanted, and what to do about it. */
static sr_status exhausted(sr_pool *pool, bool writer, const sr_waiter *waiter)
{
	sr_buffer holders = SR_BUFFER_EMPTY;
	const char *words;
	double waited = (double)(sr_clock_ns() - waiter->since) / 1e9;
	sr_status rc;

	pool->timeouts++;
	sr_wait_holders(pool, !writer, writer, &holders);
	words = holders.length > 0 ? holders.data : "nobody any more";
	if (writer)
		rc = sr_fail(SR_BUSY,
			     "Connection pool exhausted: %s waited %.1f s for the writer, held by "
			     "%s; look for a leak or a long transaction there "
			     "(CONNECTION_POOL_SIZE adds readers only)",
			     waiter->site, waited, words);
	else
		rc = sr_fail(SR_BUSY,
			     "Connection pool exhausted: %s waited %.1f s for one of %d readers, "
			     "held by %s; raise CONNECTION_POOL_SIZE or look for a leak",
			     waiter->site, waited, pool->options.readers, words);
	sr_buffer_free(&holders);
	return rc;
}

/* With the lock free, since the answer may take as long as it wants. The waiter stays in line. */
static bool cancelled(sr_pool *pool)
{
	bool wanted;

	pthread_mutex_unlock(&pool->lock);
	wanted = sr_cancel_wanted();
	pthread_mutex_lock(&pool->lock);
	return wanted;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Sleeps while the waiter is in line. SR_BUSY: the time was up; SR_INTERRUPTED: its thread wants no
 * more. Without words. */
static sr_status sleep_in_line(sr_pool *pool, sr_waiter *waiter)
{
	struct timespec deadline = sr_deadline(pool->options.timeout);
	sr_status rc = SR_OK;

	while (waiter->state == SR_WAITER_QUEUED && rc == SR_OK) {
		struct timespec question = sr_deadline(SR_CANCEL_PAUSE);
		bool asks = sr_cancel_asks() && is_before(&question, &deadline);

		if (pthread_cond_timedwait(&waiter->cond, &pool->lock,
					   asks ? &question : &deadline) == 0)
			continue;
		if (!asks)
			rc = SR_BUSY;
		else if (cancelled(pool))
			rc = SR_INTERRUPTED;
	}
	return rc;
}

/* Sleeps until somebody has settled the waiter, else says why that is not worth waiting for. */
static sr_status settle(sr_pool *pool, sr_waiter *waiter)
{
	sr_status rc = sleep_in_line(pool, waiter);

	/* What a leader runs cannot be called back, and ends when its batch does. */
	while (waiter->state == SR_WAITER_TAKEN)
		pthread_cond_wait(&waiter->cond, &pool->lock);
	return waiter->state != SR_WAITER_QUEUED ? SR_OK : rc;
}

sr_status sr_wait(sr_pool *pool, sr_queue *queue, sr_waiter *waiter)
{
	pthread_condattr_t attributes;
	sr_status rc;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&waiter->cond, &attributes);
	pthread_condattr_destroy(&attributes);

	waiter->state = SR_WAITER_QUEUED;
	waiter->since = sr_clock_ns();
	append(queue, waiter);
	if ((rc = settle(pool, waiter)) != SR_OK) {
		bool writer = queue == &pool->write_queue;

		take_out(queue, waiter);
		rc = rc == SR_BUSY ? exhausted(pool, writer, waiter)
				   : sr_fail(rc, "%s was interrupted while it waited for %s",
					     waiter->site, writer ? "the writer" : "a reader");
	} else if (waiter->state == SR_WAITER_SHUT) {
		rc = sr_fail(SR_CLOSED, "'%s' was closed while %s waited for a connection",
			     pool->path, waiter->site);
	}
	pthread_cond_destroy(&waiter->cond);
	return rc;
}
