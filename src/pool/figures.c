/*
 * The figures. They are counted where things happen, under the pool's lock, so that they are
 * exact and of one moment. Times waited go into a histogram with buckets that grow by 9 %:
 * percentiles come out at most that much too high, and the longest wait is kept exactly.
 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

void sr_figures_lent(sr_pool *pool)
{
	pool->acquired++;
	if (pool->lent > pool->peak)
		pool->peak = pool->lent;
}

/* ---- Times waited ---- */

/* The octave is the number's highest bit, the step the three bits below it. */
static int bucket_of(int64_t nanoseconds)
{
	uint64_t value = nanoseconds > SR_WAIT_STEPS ? (uint64_t)nanoseconds : SR_WAIT_STEPS;
	int octave = 63 - __builtin_clzll(value);

	return octave * SR_WAIT_STEPS + (int)((value >> (octave - 3)) & (SR_WAIT_STEPS - 1));
}

/* The least number of nanoseconds that is too long for the bucket. */
static double bucket_end(int bucket)
{
	int octave = bucket / SR_WAIT_STEPS;
	int step = bucket % SR_WAIT_STEPS;

	return (double)(UINT64_C(1) << (octave - 3)) * (SR_WAIT_STEPS + step + 1);
}

void sr_figures_waited(sr_pool *pool, int64_t nanoseconds)
{
	pool->waits++;
	pool->wait_counts[bucket_of(nanoseconds)]++;
	if (nanoseconds > pool->wait_max)
		pool->wait_max = nanoseconds;
}

/* Seconds within which `share` of the waits ended. */
static double percentile(const sr_pool *pool, double share)
{
	double rank = share * (double)pool->waits;
	int64_t seen = 0;

	for (int i = 0; i < SR_WAIT_BUCKETS; i++) {
		seen += pool->wait_counts[i];
		if (seen > 0 && (double)seen >= rank) {
			double end = bucket_end(i);
			double max = (double)pool->wait_max;
			return (end < max ? end : max) / 1e9;
		}
	}
	return 0;
}

/* ---- Leaks ---- */

/* A lease that is held too long and was not reported yet, or NULL. */
static sr_place *find_leak(sr_pool *pool, int64_t now)
{
	int64_t limit = now - (int64_t)(pool->options.leak_after * 1e9);

	if (pool->writer.holds > 0 && !pool->writer.leaked && pool->writer.lent <= limit)
		return &pool->writer;
	for (int i = 0; i < pool->options.readers; i++) {
		sr_place *place = &pool->readers[i];
		if (place->holds > 0 && !place->leaked && place->lent <= limit)
			return place;
	}
	return NULL;
}

void sr_leaks_look(sr_pool *pool, bool now)
{
	int64_t time = sr_clock_ns();
	sr_place *place;

	pthread_mutex_lock(&pool->lock);
	if (now || time >= pool->next_leak_look) {
		pool->next_leak_look = time + (int64_t)(pool->options.leak_after * 1e9 / 2);
		while ((place = find_leak(pool, time)) != NULL) {
			char words[2 * SR_SITE_SIZE];

			place->leaked = true;
			pool->leaks++;
			snprintf(words, sizeof(words), "%s is held by %s (thread %ld) for %.1f s",
				 place->writer ? "the writer" : "a reader", place->site,
				 place->thread, (double)(time - place->lent) / 1e9);
			/* The callback of the log may be slow: never under the lock. */
			pthread_mutex_unlock(&pool->lock);
			sr_log("pool", SR_LOG_WARNING, "%s: a leak? Give it back there, or sooner",
			       words);
			pthread_mutex_lock(&pool->lock);
		}
	}
	pthread_mutex_unlock(&pool->lock);
}

/* ---- Reading them ---- */

static int64_t oldest_opening(const sr_pool *pool, int64_t now)
{
	int64_t oldest = now;

	if (pool->writer.conn != NULL)
		oldest = pool->writer.opened;
	for (int i = 0; i < pool->options.readers; i++)
		if (pool->readers[i].conn != NULL && pool->readers[i].opened < oldest)
			oldest = pool->readers[i].opened;
	return oldest;
}

static void fill(const sr_pool *pool, sr_pool_statistics *out)
{
	int64_t now = sr_clock_ns();
	bool writer = !pool->options.read_only;

	out->enabled = !pool->options.direct;
	out->size = pool->options.readers + (writer ? 1 : 0);
	out->active = pool->lent;
	out->available = pool->idle + (writer && pool->writer.holds == 0 ? 1 : 0);
	out->waiting = pool->waiting;
	out->peak = pool->peak;
	out->created = pool->created;
	out->closed = pool->closed;
	out->recycled = pool->recycled;
	out->acquired = pool->acquired;
	out->waits = pool->waits;
	out->timeouts = pool->timeouts;
	out->leaks = pool->leaks;
	out->oldest = (double)(now - oldest_opening(pool, now)) / 1e9;
	out->wait_p50 = percentile(pool, 0.50);
	out->wait_p95 = percentile(pool, 0.95);
	out->wait_p99 = percentile(pool, 0.99);
	out->wait_max = (double)pool->wait_max / 1e9;
	out->commits = pool->commits;
	out->operations = pool->operations;
	out->checkpoints = pool->checkpoints;
	out->log_bytes = pool->log_bytes;
}

double sr_pool_oldest_reader(sr_pool *pool, char *site, size_t size)
{
	long thread = sr_thread_number();
	int64_t now = sr_clock_ns();
	int64_t oldest = now;

	snprintf(site, size, "%s", "");
	/* The lock may have been held by a thread that the child does not have. */
	if (sr_pool_enter(pool) != SR_OK)
		return 0;
	pthread_mutex_lock(&pool->lock);
	for (int i = 0; i < pool->options.readers; i++) {
		const sr_place *place = &pool->readers[i];

		if (place->holds == 0 || place->thread == thread || place->lent >= oldest)
			continue;
		oldest = place->lent;
		snprintf(site, size, "%s", place->site);
	}
	pthread_mutex_unlock(&pool->lock);
	return (double)(now - oldest) / 1e9;
}

void sr_pool_statistics_read(sr_pool *pool, sr_pool_statistics *statistics)
{
	memset(statistics, 0, sizeof(*statistics));
	/* The lock may have been held by a thread that the child does not have. */
	if (sr_pool_enter(pool) != SR_OK)
		return;
	sr_leaks_look(pool, true);
	pthread_mutex_lock(&pool->lock);
	fill(pool, statistics);
	pthread_mutex_unlock(&pool->lock);
}
