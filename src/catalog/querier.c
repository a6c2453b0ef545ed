#include "querier.h"

#include <stdlib.h>
#include <unistd.h>

#include "../base/clock.h"

#define CACHE_PAGES 500
#define AGE_MOST    INT64_C(3600000000000) /* Nanoseconds, as the pool's connections. */

static void close_querier(sr_querier *querier)
{
	sr_conn_close(querier->conn);
	free(querier);
}

static sr_status open_querier(sr_catalog *catalog, sr_querier **out)
{
	const sr_settings *settings = &catalog->settings;
	const sr_conn_options options = {
		.access = settings->read_only ? SR_ACCESS_INSPECT : SR_ACCESS_READ,
		.durability = settings->durability,
		.busy_timeout = settings->timeout,
		.cache_pages = CACHE_PAGES,
		.untrusted = true,
		.hidden_table = settings->hide_keys ? "clients" : NULL,
		.hidden_column = settings->hide_keys ? "AESKey" : NULL,
		.bare = sr_catalog_distrusted(catalog),
	};
	sr_querier *fresh = calloc(1, sizeof(*fresh));
	sr_status rc;

	if (fresh == NULL)
		return sr_fail_memory();
	if ((rc = sr_conn_open(&sr_sqlite, settings->path, &options, &fresh->conn)) != SR_OK) {
		free(fresh);
		return rc;
	}
	(void)sr_conn_heed(fresh->conn, SR_HEED_READS);
	fresh->bare = options.bare;
	fresh->opened = sr_clock_ns();
	fresh->schema = -1;
	*out = fresh;
	return SR_OK;
}

/* ---- Those that are kept ---- */

static sr_querier *pop(sr_catalog *catalog)
{
	sr_querier *querier;

	pthread_mutex_lock(&catalog->lock);
	if ((querier = catalog->queriers) != NULL) {
		catalog->queriers = querier->next;
		catalog->querier_count--;
	}
	pthread_mutex_unlock(&catalog->lock);
	return querier;
}

/* False: it is not wanted any more. */
static bool push(sr_catalog *catalog, sr_querier *querier)
{
	bool kept;

	pthread_mutex_lock(&catalog->lock);
	kept = !catalog->queriers_shut && catalog->querier_count < catalog->settings.pool_size;
	if (kept) {
		querier->next = catalog->queriers;
		catalog->queriers = querier;
		catalog->querier_count++;
	}
	pthread_mutex_unlock(&catalog->lock);
	return kept;
}

/* A statement of an older schema would be given out with the columns of then. */
static sr_status renew(sr_querier *querier)
{
	int64_t schema;
	sr_status rc;

	if ((rc = sr_query_integer(querier->conn, "PRAGMA schema_version", &schema)) != SR_OK)
		return rc;
	if (schema != querier->schema)
		sr_conn_guard(querier->conn, NULL, NULL);
	querier->schema = schema;
	return SR_OK;
}

/* Proved each time, since the database may have been replaced by another file, and this one is to
 * see what a new connection would. */
static bool fit(sr_catalog *catalog, sr_querier *querier)
{
	return sr_clock_ns() - querier->opened < AGE_MOST &&
	       querier->bare == sr_catalog_distrusted(catalog) &&
	       sr_conn_validate(querier->conn) == SR_OK && renew(querier) == SR_OK;
}

sr_status sr_querier_take(sr_catalog *catalog, sr_querier **querier)
{
	while ((*querier = pop(catalog)) != NULL) {
		if (fit(catalog, *querier))
			return SR_OK;
		close_querier(*querier);
	}
	return open_querier(catalog, querier);
}

void sr_querier_give(sr_catalog *catalog, sr_querier *querier)
{
	if (querier == NULL)
		return;
	/* In a child the lock may be held by nobody who is there. */
	if (getpid() != catalog->process || catalog->settings.direct ||
	    catalog->settings.read_only || sr_conn_broken(querier->conn) ||
	    sr_conn_in_transaction(querier->conn) || !push(catalog, querier))
		close_querier(querier);
}

void sr_queriers_shut(sr_catalog *catalog)
{
	sr_querier *querier;

	pthread_mutex_lock(&catalog->lock);
	catalog->queriers_shut = true;
	pthread_mutex_unlock(&catalog->lock);
	while ((querier = pop(catalog)) != NULL)
		close_querier(querier);
}
