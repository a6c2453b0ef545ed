/* The pool of this process: its figures, judged. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"

/* A score starts at 100 and loses so much. Below HEALTHY the pool is not. */
#define HEALTHY       50.0
#define BUSY_PERCENT  75.0
#define FULL_PERCENT  90.0
#define LOSS_BUSY     15.0
#define LOSS_FULL     30.0
#define LOSS_WAITING  10.0
#define LOSS_TIMEOUTS 25.0
#define LOSS_LEAKS    20.0

static void remark(sr_checkup *c, const char *recommendation, const char *warning)
{
	sr_pool_health *pool = &c->health->pool;

	sr_words_add(c, &pool->warnings, &pool->warning_count, warning);
	sr_words_add(c, &pool->recommendations, &pool->recommendation_count, recommendation);
}

static double judge(sr_checkup *c, const sr_pool_statistics *figures, double utilization)
{
	double score = 100;
	char words[160];

	if (utilization >= BUSY_PERCENT) {
		score -= utilization >= FULL_PERCENT ? LOSS_FULL : LOSS_BUSY;
		snprintf(words, sizeof(words), "%d of %d %s in use", figures->active, figures->size,
			 sr_plural(figures->size, "connection is", "connections are"));
		remark(c, "raise CONNECTION_POOL_SIZE, or close cursors sooner", words);
	}
	if (figures->waiting > 0) {
		score -= LOSS_WAITING;
		snprintf(words, sizeof(words), "%d %s for a connection", figures->waiting,
			 sr_plural(figures->waiting, "caller waits", "callers wait"));
		remark(c, "raise CONNECTION_POOL_SIZE, or keep transactions short", words);
	}
	if (figures->timeouts > 0) {
		score -= LOSS_TIMEOUTS;
		snprintf(words, sizeof(words), "%" PRId64 " %s waited in vain", figures->timeouts,
			 sr_plural(figures->timeouts, "caller", "callers"));
		remark(c, "the log says who held the connections, and where", words);
	}
	if (figures->leaks > 0) {
		score -= LOSS_LEAKS;
		snprintf(words, sizeof(words), "%" PRId64 " %s held too long", figures->leaks,
			 sr_plural(figures->leaks, "lease was", "leases were"));
		remark(c, "give connections back sooner: the log says where they were lent", words);
	}
	return score;
}

void sr_check_pool(sr_checkup *c, const sr_pool_statistics *figures)
{
	sr_health *health = c->health;
	sr_pool_health *pool = &health->pool;

	*pool = (sr_pool_health){
		.enabled = figures->enabled,
		.pool_size = figures->size,
		.active_connections = figures->active,
		.available_connections = figures->available,
		.exhaustion_events = figures->timeouts,
		.peak_active = figures->peak,
	};
	if (figures->size > 0)
		pool->utilization_percent = 100.0 * figures->active / figures->size;
	pool->health_score = judge(c, figures, pool->utilization_percent);
	health->connection_pool_healthy = pool->health_score >= HEALTHY;
	if (c->trouble != SR_OK)
		return;
	for (size_t i = 0; i < pool->warning_count; i++)
		sr_finding_add(
			c, health->connection_pool_healthy ? SR_SEVERITY_NOTE : SR_SEVERITY_WARNING,
			"pool", sr_text_of(NULL), 1, pool->recommendations[i], "%s",
			pool->warnings[i]);
}
