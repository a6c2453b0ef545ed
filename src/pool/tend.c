/*
 * When the log is brought into the database, and by whom.
 *
 * After each commit whoever holds the writer looks at the log. When it has grown by
 * checkpoint_bytes, a thread is started that copies it beside the writers and ends with that: no
 * commit waits for it. Only what begins the log anew needs the writer to stand still, since all of
 * it must be in the database then. So that waits until the log is ANEW steps long and what is left
 * of it is a LEAST part of a step, which takes some 10 ms; each thread leaves less than the one
 * before, as long as the disk takes in more than writers bring.
 *
 *	grown by a step ------------------------------> [start] a thread copies it
 *	ANEW steps long, more than LEAST is left -----> [start] at once, one after the other
 *	ANEW steps long, no more than that is left ---> [finish] copied while the writer is held
 *	twice as long, or nobody may copy beside -----> [finish] whatever is left
 *	a thread is copying, BEHIND steps came since -> whoever holds the writer waits for it
 *
 * What a long reader holds back comes in at once when he is gone; the alarm is there to tell before
 * it is much.
 */
#include "internal.h"

#include <signal.h>

#define ANEW   8
#define BEHIND 2
#define LEAST  4

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

static void sound_alarm(sr_pool *pool, int64_t size)
{
	sr_buffer who = SR_BUFFER_EMPTY;

	describe_oldest(pool, &who);
	sr_log("pool", SR_LOG_WARNING,
	       "the log of '%s' has grown to %lld bytes because a long reader holds it back: %s; "
	       "close cursors sooner",
	       pool->path, (long long)size, who.length > 0 ? who.data : "unknown");
	sr_buffer_free(&who);
}

/* Takes down what came of a copy that began when the log had `size` bytes and had been begun anew
 * so often. Says once that somebody holds it back, and again only after it had come in. */
static void note(sr_pool *pool, int64_t size, int64_t begun_anew, const sr_copied *copied)
{
	bool alarm = false;

	pthread_mutex_lock(&pool->lock);
	/* Of a log that is no more. */
	if (pool->begun_anew != begun_anew)
		goto out;
	pool->in_database = copied->in_database;
	pool->held_back = copied->in_database < size;
	if (!pool->held_back)
		pool->alarmed = false;
	alarm = pool->held_back && !pool->alarmed && size >= pool->options.log_alarm_bytes;
	pool->alarmed = pool->alarmed || alarm;
out:
	pthread_mutex_unlock(&pool->lock);
	if (alarm)
		sound_alarm(pool, size);
}

/* Another process writes or copies: that is no news, and the next commit looks again. */
static void complain(sr_pool *pool, sr_status status)
{
	if (status != SR_BUSY)
		sr_log("pool", SR_LOG_WARNING, "the log of '%s' could not be brought in: %s",
		       pool->path, sr_error_message());
}

/* ---- Beside the writer ---- */

/* The thread. The pool is not closed under it. */
static void *run(void *arg)
{
	sr_pool *pool = arg;
	sr_copied copied;
	int64_t size, begun_anew;
	sr_status rc;
	bool last;

	pthread_mutex_lock(&pool->lock);
	size = pool->tended_log;
	begun_anew = pool->begun_anew;
	pthread_mutex_unlock(&pool->lock);
	if ((rc = sr_log_copy_beside(pool, &copied)) == SR_OK)
		note(pool, size, begun_anew, &copied);
	else
		complain(pool, rc);
	pthread_mutex_lock(&pool->lock);
	pool->copying = false;
	pthread_cond_broadcast(&pool->copied);
	last = sr_pool_quiet(pool);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		sr_pool_free(pool);
	return NULL;
}

/* Signals are for the threads of the program. */
static bool start_thread(sr_pool *pool)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	started = pthread_create(&thread, &attributes, run, pool) == 0;
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

/* False: there is no thread to be had. */
static bool start(sr_pool *pool)
{
	bool started;

	pthread_mutex_lock(&pool->lock);
	pool->copying = true;
	pthread_mutex_unlock(&pool->lock);
	if ((started = start_thread(pool)))
		return true;
	pthread_mutex_lock(&pool->lock);
	pool->copying = false;
	pthread_mutex_unlock(&pool->lock);
	return false;
}

/* ---- With the writer held ---- */

static void finish(sr_pool *pool, sr_place *place, int64_t size, int64_t begun_anew)
{
	sr_copied copied;
	sr_status rc = sr_log_copy(pool, place, false, &copied);

	if (rc == SR_OK)
		note(pool, size, begun_anew, &copied);
	else
		complain(pool, rc);
}

/* ---- When ---- */

typedef enum measure {
	NOTHING,
	START,
	FINISH,
} measure;

/* Lock held. */
static measure choose(const sr_pool *pool, int64_t size)
{
	int64_t step = pool->options.checkpoint_bytes;
	int64_t grown = size - pool->tended_log, left = size - pool->in_database;

	/* What was held back is tried again sooner than what was not tried. */
	if (pool->held_back)
		return grown < step / 4 ? NOTHING : pool->options.direct ? FINISH : START;
	if (pool->options.direct)
		return grown < step ? NOTHING : FINISH;
	if (size >= ANEW * step && (left <= step / LEAST || size >= 2 * ANEW * step))
		return FINISH;
	return grown >= step || size >= ANEW * step ? START : NOTHING;
}

/* Notes how long the log is now. Lock held. */
static void look(sr_pool *pool, int64_t size)
{
	if (size < pool->log_bytes) {
		pool->begun_anew++;
		pool->tended_log = 0;
		pool->in_database = 0;
		pool->held_back = false;
	}
	pool->log_bytes = size;
}

void sr_log_tend(sr_pool *pool, sr_place *place)
{
	int64_t size = sr_conn_log_size(place->conn), begun_anew;
	measure next = NOTHING;

	pthread_mutex_lock(&pool->lock);
	look(pool, size);
	while (pool->copying && size - pool->tended_log >= BEHIND * pool->options.checkpoint_bytes)
		pthread_cond_wait(&pool->copied, &pool->lock);
	if (!pool->copying)
		next = choose(pool, size);
	if (next != NOTHING)
		pool->tended_log = size;
	begun_anew = pool->begun_anew;
	pthread_mutex_unlock(&pool->lock);
	if (next == FINISH || (next == START && !start(pool)))
		finish(pool, place, size, begun_anew);
}

sr_status sr_pool_checkpoint(sr_pool *pool)
{
	sr_place *place = &pool->writer;
	sr_copied copied;
	int64_t begun_anew;
	sr_conn *conn;
	sr_status rc;

	if ((rc = sr_pool_write(pool, SR_HERE, &conn)) != SR_OK)
		return rc;
	pthread_mutex_lock(&pool->lock);
	while (pool->copying)
		pthread_cond_wait(&pool->copied, &pool->lock);
	begun_anew = pool->begun_anew;
	pthread_mutex_unlock(&pool->lock);
	if ((rc = sr_log_copy(pool, place, true, &copied)) == SR_OK)
		note(pool, sr_conn_log_size(conn), begun_anew, &copied);
	sr_place_return(pool, place);
	return rc;
}
