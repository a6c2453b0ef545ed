/* Transactions of a thread, and raw connections. The pool does the work; here it is decided who
 * may write. */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "keys.h"
#include "rows.h"
#include "search_index.h"

sr_status sr_begin(sr_catalog *catalog, const char *owner)
{
	sr_status rc;

	sr_catalog_keep(catalog);
	if ((rc = sr_catalog_writable(catalog)) == SR_OK) {
		sr_keys_prepare(catalog);
		rc = sr_pool_begin(catalog->pool, owner ? owner : "sr_begin");
	}
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

void sr_catalog_warn(sr_catalog *catalog, const char *line)
{
	if (!sr_pool_in_transaction(catalog->pool)) {
		sr_log("catalog", SR_LOG_WARNING, "%s", line);
		return;
	}
	pthread_mutex_lock(&catalog->lock);
	sr_buffer_add_string(&catalog->warnings, line);
	sr_buffer_add_string(&catalog->warnings, "\n");
	pthread_mutex_unlock(&catalog->lock);
}

/* What waited for the end of the transaction; it is said only of what is there now. */
static void end_warnings(sr_catalog *catalog, bool committed)
{
	sr_buffer lines;
	char *line, *rest;

	pthread_mutex_lock(&catalog->lock);
	lines = catalog->warnings;
	catalog->warnings = (sr_buffer)SR_BUFFER_EMPTY;
	pthread_mutex_unlock(&catalog->lock);
	rest = committed && sr_buffer_status(&lines) == SR_OK ? lines.data : NULL;
	while (rest != NULL && (line = strsep(&rest, "\n"))[0] != '\0')
		sr_log("catalog", SR_LOG_WARNING, "%s", line);
	sr_buffer_free(&lines);
}

/* Keys that the transaction's own SQL has written, and others. A transaction that cannot be used
 * any more says so when it ends. */
static sr_status take_keys_in(sr_catalog *catalog, sr_keys_seen *seen)
{
	sr_conn *conn;
	sr_status rc;

	*seen = (sr_keys_seen){0};
	if (!sr_keyring_named(catalog) || sr_pool_write(catalog->pool, SR_HERE, &conn) != SR_OK)
		return SR_OK;
	rc = sr_keys_take_in(catalog, conn, seen);
	sr_pool_release(catalog->pool, conn);
	return rc;
}

static sr_status commit(sr_catalog *catalog)
{
	char why[SR_MESSAGE_SIZE];
	sr_keys_seen seen;
	sr_status rc;

	if ((rc = take_keys_in(catalog, &seen)) == SR_OK) {
		rc = sr_pool_end(catalog->pool, true);
		if (rc == SR_OK && !sr_pool_in_transaction(catalog->pool))
			sr_keys_taken(catalog, &seen);
		return rc;
	}
	strcpy(why, sr_error_message());
	(void)sr_pool_end(catalog->pool, false);
	sr_error_set(why);
	return rc;
}

/* A call of this thread while no transaction is open finds nothing that waits: others' wait only
 * while they hold the writer. */
static sr_status end(sr_catalog *catalog, bool commits)
{
	bool open = sr_pool_in_transaction(catalog->pool);
	sr_status rc;

	sr_catalog_keep(catalog);
	rc = open && commits ? commit(catalog) : sr_pool_end(catalog->pool, commits);
	if (open && !sr_pool_in_transaction(catalog->pool)) {
		end_warnings(catalog, commits && rc == SR_OK);
		sr_index_end(catalog, commits && rc == SR_OK);
	}
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

sr_status sr_commit(sr_catalog *catalog)
{
	return end(catalog, true);
}

sr_status sr_rollback(sr_catalog *catalog)
{
	return end(catalog, false);
}

bool sr_in_transaction(sr_catalog *catalog)
{
	bool inside;

	sr_catalog_keep(catalog);
	inside = sr_pool_in_transaction(catalog->pool);
	sr_catalog_let_go(catalog);
	return inside;
}

sr_status sr_transaction_take(sr_catalog *catalog, int64_t thread, size_t cursors)
{
	sr_status rc;

	sr_catalog_keep(catalog);
	rc = sr_pool_take_over(catalog->pool, (long)thread, cursors);
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

/* ---- Raw connections ---- */

struct sr_lease {
	sr_catalog *catalog;
	sr_conn *conn;
};

sr_status sr_lease_open(sr_catalog *catalog, const char *owner, bool writer, sr_lease **lease)
{
	sr_lease *fresh = calloc(1, sizeof(*fresh));
	const char *site = owner ? owner : "sr_lease_open";
	sr_status rc = SR_OK;

	*lease = NULL;
	if (fresh == NULL)
		return sr_return(sr_fail_memory());
	fresh->catalog = catalog;
	sr_catalog_keep(catalog);
	if (writer && (rc = sr_catalog_writable(catalog)) != SR_OK)
		goto err0;
	rc = writer ? sr_pool_write(catalog->pool, site, &fresh->conn)
		    : sr_pool_read(catalog->pool, site, &fresh->conn);
	if (rc != SR_OK)
		goto err0;
	*lease = fresh;
	return sr_return(SR_OK);

err0:
	sr_catalog_let_go(catalog);
	free(fresh);
	return sr_return(rc);
}

void *sr_lease_handle(const sr_lease *lease)
{
	return sr_conn_handle(lease->conn);
}

sr_catalog *sr_lease_catalog(const sr_lease *lease)
{
	return lease->catalog;
}

void sr_lease_close(sr_lease *lease)
{
	if (lease == NULL)
		return;
	sr_pool_release(lease->catalog->pool, lease->conn);
	sr_keys_look_again(lease->catalog);
	sr_catalog_let_go(lease->catalog);
	free(lease);
}
