/*
 * What must hold each time the pool's lock is given up: the list in src/pool/internal.h, and what
 * is promised to those who wait, by a register of our own of who came when.
 */
#include "pool/internal.h"
#include "schedule.h"

typedef struct arrival {
	const sr_waiter *waiter;
	bool writer; /* What it wants. */
	bool seen;
} arrival;

static struct sr_pool *watched;
static arrival arrivals[SCHEDULE_THREADS];
static int arrived;

void check_pool(struct sr_pool *pool)
{
	watched = pool;
	arrived = 0;
}

/* ---- Who waits ---- */

static const sr_waiter *waiter_of(const pthread_cond_t *condition)
{
	return (const sr_waiter *)(const void *)((const char *)condition -
						 offsetof(sr_waiter, cond));
}

static bool is_in(const sr_queue *queue, const sr_waiter *waiter)
{
	for (const sr_waiter *w = queue->first; w != NULL; w = w->next)
		if (w == waiter)
			return true;
	return false;
}

void check_wait(const pthread_cond_t *condition)
{
	const sr_waiter *waiter = waiter_of(condition);

	if (watched == NULL || condition == &watched->quiet || condition == &watched->copied)
		return;
	for (int i = 0; i < arrived; i++)
		if (arrivals[i].waiter == waiter)
			return;
	if (arrived == SCHEDULE_THREADS)
		schedule_fail("more wait than there are threads");
	arrivals[arrived++] =
		(arrival){.waiter = waiter, .writer = is_in(&watched->write_queue, waiter)};
}

void check_forget(const pthread_cond_t *condition)
{
	const sr_waiter *waiter = waiter_of(condition);

	for (int i = 0; i < arrived; i++) {
		if (arrivals[i].waiter != waiter)
			continue;
		arrived--;
		for (; i < arrived; i++)
			arrivals[i] = arrivals[i + 1];
	}
}

/* Served in the order in which they came, woken when they were served. */
static void check_waiters(const sr_pool *pool)
{
	bool waits[2] = {false, false};

	for (int i = 0; i < arrived; i++) {
		const sr_waiter *w = arrivals[i].waiter;
		bool writer = arrivals[i].writer;
		bool queued = w->state == SR_WAITER_QUEUED;

		/* One whose time is up takes itself out, and is forgotten next. */
		if (queued && !is_in(writer ? &pool->write_queue : &pool->read_queue, w)) {
			if (schedule_asleep(&w->cond))
				schedule_fail("%s sleeps and stands in no line", w->site);
			continue;
		}
		if (waits[writer] && (w->state == SR_WAITER_LENT || w->state == SR_WAITER_TAKEN))
			schedule_fail("%s was served before one that came earlier", w->site);
		waits[writer] = waits[writer] || queued;
		if (!queued && w->state != SR_WAITER_TAKEN && schedule_asleep(&w->cond))
			schedule_fail("%s was served and nobody woke it up", w->site);
	}
}

/* ---- The list ---- */

static int check_queue(const sr_queue *queue)
{
	const sr_waiter *before = NULL;
	int length = 0;

	for (const sr_waiter *w = queue->first; w != NULL; before = w, w = w->next) {
		if (w->state != SR_WAITER_QUEUED)
			schedule_fail("%s stands in line and is served", w->site);
		if (w->previous != before)
			schedule_fail("a line is not linked both ways");
		if (before != NULL && before->since > w->since)
			schedule_fail("a line is not in the order of arrival");
		if (++length > SCHEDULE_THREADS)
			schedule_fail("a line goes round");
	}
	if (queue->last != before)
		schedule_fail("a line's end is not its end");
	return length;
}

static void check_places(const sr_pool *pool)
{
	int idle = 0, lent = 0, open = pool->writer.conn != NULL;

	for (int i = 0; i < pool->options.readers; i++) {
		lent += pool->readers[i].holds > 0;
		open += pool->readers[i].conn != NULL;
		if (pool->readers[i].holds > 1)
			schedule_fail("a reader is lent twice");
	}
	for (const sr_place *p = pool->idle_readers; p != NULL; p = p->below) {
		if (p->holds != 0)
			schedule_fail("a reader is idle and lent");
		if (++idle > pool->options.readers)
			schedule_fail("a reader is idle twice");
	}
	if (idle != pool->idle || idle + lent != pool->options.readers)
		schedule_fail("of %d readers %d are idle (%d counted) and %d lent",
			      pool->options.readers, idle, pool->idle, lent);
	if (pool->lent != lent + (pool->writer.holds > 0))
		schedule_fail("%d places are lent and %d counted", lent, pool->lent);
	if (pool->created - pool->closed != open)
		schedule_fail("%d connections are open and %lld counted", open,
			      (long long)(pool->created - pool->closed));
	if (pool->writer.levels > 0 && pool->writer.holds == 0)
		schedule_fail("a transaction is open and nobody holds the writer");
}

void check_unlock(const pthread_mutex_t *lock)
{
	const sr_pool *pool = watched;
	int queued;

	if (pool == NULL || lock != &pool->lock)
		return;
	check_places(pool);
	if (pool->read_queue.first != NULL && pool->idle > 0)
		schedule_fail("a reader is idle while somebody waits for one");
	if (pool->write_queue.first != NULL && pool->writer.holds == 0)
		schedule_fail("the writer is idle while somebody waits for it");
	queued = check_queue(&pool->read_queue) + check_queue(&pool->write_queue);
	if (pool->waiting < queued)
		schedule_fail("%d stand in line and %d are counted", queued, pool->waiting);
	if (pool->closing && queued > 0)
		schedule_fail("the pool is closed and somebody waits");
	if (pool->closing && pool->lent == 0 && pool->waiting == 0 && !pool->copying &&
	    schedule_asleep(&pool->quiet))
		schedule_fail("the pool is at rest and nobody tells who closes it");
	if (!pool->copying && schedule_asleep(&pool->copied))
		schedule_fail("nobody copies any more and somebody waits for it");
	check_waiters(pool);
}
