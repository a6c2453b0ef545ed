/* Transactions of a thread, and raw connections. The pool does the work; here it is decided who
 * may write. */
#include <stdlib.h>

#include "catalog.h"

sr_status sr_begin(sr_catalog *catalog, const char *owner)
{
	sr_status rc;

	sr_catalog_keep(catalog);
	if ((rc = sr_catalog_writable(catalog)) == SR_OK)
		rc = sr_pool_begin(catalog->pool, owner ? owner : "sr_begin");
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}

static sr_status end(sr_catalog *catalog, bool commit)
{
	sr_status rc;

	sr_catalog_keep(catalog);
	rc = sr_pool_end(catalog->pool, commit);
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

void sr_lease_close(sr_lease *lease)
{
	if (lease == NULL)
		return;
	sr_pool_release(lease->catalog->pool, lease->conn);
	sr_catalog_let_go(lease->catalog);
	free(lease);
}
