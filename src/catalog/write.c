/* How the nouns write: an operation in a group commit, after the look at the schema that goes
 * before it, inside its transaction. */
#include <stdlib.h>

#include "catalog.h"
#include "keys.h"

typedef struct checked {
	sr_catalog *catalog;
	sr_operation operation;
	sr_together together; /* NULL: it is not done with others. */
	void *arg;
	bool stale;        /* The catalog's shape was out of date. */
	sr_keys_seen seen; /* What was looked at for plain keys. */
	bool asked;        /* What is not in the key ring now is done without. */
	bool wants;        /* A master key, which is to be asked for first. */
	char wanted[SR_MASTER_ID_SIZE];
} checked;

/* Undoes what was done without a master key that a command may have. */
static sr_status heed_wanted(checked *check, sr_status rc)
{
	check->wants = !check->asked && rc != SR_INTERRUPTED && sr_keyring_wanted(check->wanted);
	return check->wants ? sr_fail(SR_WRONG_KEY, "a master key has to be asked for first") : rc;
}

static sr_status run_checked(sr_conn *conn, void *arg)
{
	checked *check = arg;
	sr_status rc;

	sr_keyring_forget_wanted();
	if ((rc = sr_catalog_admit(check->catalog, conn, &check->stale)) == SR_OK)
		rc = sr_keys_take_in(check->catalog, conn, &check->seen);
	if ((rc = heed_wanted(check, rc)) != SR_OK)
		return rc;
	return heed_wanted(check, check->operation(conn, check->arg));
}

/* An sr_together: args are checked, of this catalog. */
static sr_status run_checked_together(sr_conn *conn, void *const *args, size_t count)
{
	checked *first = args[0];
	char id[SR_MASTER_ID_SIZE];
	void **inner;
	sr_status rc;

	sr_keyring_forget_wanted();
	if ((rc = sr_catalog_admit(first->catalog, conn, &first->stale)) != SR_OK ||
	    (rc = sr_keys_take_in(first->catalog, conn, &first->seen)) != SR_OK)
		return rc;
	/* Each says so then. */
	if (sr_keyring_wanted(id))
		return sr_fail(SR_WRONG_KEY, "a master key has to be asked for first");
	if ((inner = calloc(count, sizeof(*inner))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; rc == SR_OK && i < count; i++) {
		const checked *check = args[i];

		inner[i] = check->arg;
		if (check->together != first->together)
			rc = sr_fail(SR_INVALID, "these operations are of two kinds");
	}
	if (rc == SR_OK)
		rc = first->together(conn, inner, count);
	free(inner);
	return rc;
}

void sr_catalog_renew(sr_catalog *catalog)
{
	sr_reading reading = {0};

	/* What the thread's own transaction has done may yet be undone. */
	if (sr_pool_in_transaction(catalog->pool))
		return;
	sr_cancel_hold();
	if (sr_reading_begin(catalog, SR_HERE, &reading) == SR_OK)
		sr_reading_end(&reading);
	sr_cancel_resume();
}

typedef enum manner {
	ALONG,    /* In its turn, with others in one transaction. */
	LARGE,    /* Of very many statements. */
	TOGETHER, /* At once with others of its kind. */
} manner;

static sr_status commit(const char *site, manner how, checked *check)
{
	sr_pool *pool = check->catalog->pool;

	if (how == LARGE)
		return sr_pool_commit_large(pool, site, run_checked, check);
	if (how == TOGETHER)
		return sr_pool_commit_together(pool, site, run_checked, run_checked_together,
					       check);
	return sr_pool_commit(pool, site, run_checked, check);
}

static sr_status write_operation(const char *site, manner how, checked *check)
{
	sr_catalog *catalog = check->catalog;
	sr_status rc;

	sr_catalog_keep(catalog);
	if ((rc = sr_catalog_writable(catalog)) != SR_OK)
		goto err0;
	check->asked = sr_pool_writing(catalog->pool);
	rc = commit(site, how, check);
	/* Nobody waits for the command meanwhile but this call. */
	if (check->wants) {
		check->asked = true;
		check->wants = false;
		sr_keyring_prepare(catalog, check->wanted);
		rc = commit(site, how, check);
	}
	if (rc != SR_OK)
		goto err0;
	/* What the thread's own transaction has done may yet be undone. */
	if (!sr_pool_in_transaction(catalog->pool))
		sr_keys_taken(catalog, &check->seen);
	if (check->stale)
		sr_catalog_renew(catalog);

err0:
	sr_catalog_let_go(catalog);
	return rc;
}

sr_status sr_catalog_write(sr_catalog *catalog, const char *site, sr_operation operation, void *arg)
{
	checked check = {.catalog = catalog, .operation = operation, .arg = arg};

	return write_operation(site, ALONG, &check);
}

sr_status sr_catalog_write_large(sr_catalog *catalog, const char *site, sr_operation operation,
				 void *arg)
{
	checked check = {.catalog = catalog, .operation = operation, .arg = arg};

	return write_operation(site, LARGE, &check);
}

sr_status sr_catalog_write_together(sr_catalog *catalog, const char *site, sr_operation operation,
				    sr_together together, void *arg)
{
	checked check = {
		.catalog = catalog, .operation = operation, .together = together, .arg = arg};

	return write_operation(site, TOGETHER, &check);
}
