/* The public calls about users' own migrations; src/schema does the work on a connection. */
#include <string.h>

#include "catalog.h"
#include "keys.h"
#include "search_index.h"

static sr_status run(sr_catalog *catalog, const sr_own_migration *migration, int64_t version,
		     char backup[4096])
{
	const sr_own_settings settings = {
		.backup = catalog->settings.backup,
		.validate = catalog->settings.validate,
		.block_dangerous = catalog->settings.block_dangerous,
		.trust_foreign = catalog->settings.trust_foreign_triggers,
	};
	sr_conn *conn;
	sr_heed heed;
	sr_status rc;

	if ((rc = sr_catalog_writable(catalog)) != SR_OK ||
	    (settings.backup && (rc = sr_keys_wrap_for_backup(catalog)) != SR_OK) ||
	    (rc = sr_pool_write(catalog->pool, "sr_migrate_own", &conn)) != SR_OK)
		return rc;
	/* It is alone in its transaction. */
	heed = sr_conn_heed(conn, SR_HEED_ALL);
	if (sr_conn_in_transaction(conn))
		rc = sr_fail(SR_INVALID, "own migrations cannot be run inside a transaction: end "
					 "the one that this thread has open");
	else if (migration != NULL)
		rc = sr_own_up(conn, &settings, migration, backup);
	else
		rc = sr_own_down(conn, &settings, version, backup);
	(void)sr_conn_heed(conn, heed);
	sr_pool_release(catalog->pool, conn);
	/* It may have brought more files than writes see. */
	if (rc == SR_OK)
		sr_index_catch_up(catalog, NULL, NULL);
	return rc;
}

static sr_status run_kept(sr_catalog *catalog, const sr_own_migration *migration, int64_t version,
			  sr_own_migrated *migrated)
{
	sr_own_migrated done = {.backup = ""};
	sr_status rc;

	sr_catalog_keep(catalog);
	rc = run(catalog, migration, version, done.backup);
	sr_catalog_let_go(catalog);
	if (rc == SR_OK && migrated != NULL)
		*migrated = done;
	return sr_return(rc);
}

sr_status sr_migrate_own(sr_catalog *catalog, const sr_own_migration *migration,
			 sr_own_migrated *migrated)
{
	if (migration == NULL)
		return sr_return(sr_fail(SR_INVALID, "there is no migration to apply"));
	return run_kept(catalog, migration, migration->version, migrated);
}

sr_status sr_migrate_own_down(sr_catalog *catalog, int64_t version, sr_own_migrated *migrated)
{
	return run_kept(catalog, NULL, version, migrated);
}
