/* Clients' AES keys in what is restored, and in what is kept of the catalog that was there. */
#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

static bool ring_named(const sr_settings *settings)
{
	return settings->master_key_file != NULL || settings->master_key_command != NULL;
}

/* ---- What is kept ---- */

sr_status sr_restore_keys_wrap(const sr_options *options, const sr_settings *settings)
{
	sr_catalog *catalog;
	sr_options own;
	char why[SR_MESSAGE_SIZE];
	sr_status rc, closed;

	if (!ring_named(settings) || settings->plain_keys)
		return SR_OK;
	if ((rc = sr_options_take(&own, options)) != SR_OK)
		return rc;
	own.create = own.migrate = false;
	/* Whatever stands in the way, restoring meets it next, and says so. */
	if ((rc = sr_open(&catalog, &own)) != SR_OK)
		return rc == SR_NO_MEMORY ? rc : SR_OK;
	rc = sr_keys_wrap_for_backup(catalog);
	snprintf(why, sizeof(why), "%s", sr_error_message());
	closed = sr_close(catalog);
	if (rc == SR_OK)
		return closed;
	sr_error_set(why); /* Which closing has cleared. */
	return rc;
}

/* ---- What is restored ---- */

/* With the words of the first of them. */
static sr_status count_lost(sr_conn *conn, const sr_ring *ring, sr_restore_keys *keys)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn,
			     "SELECT lower(hex(substr(" SR_KEY_BYTES ", 9, 8))), count(*) FROM "
			     "clients WHERE " SR_KEY_IS_WRAPPED " GROUP BY 1",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *id = sr_column_text(stmt, 0).data;

		if (ring != NULL && id != NULL && sr_ring_find(ring, id) != NULL)
			continue;
		if (keys->lost == 0 && ring != NULL)
			snprintf(keys->why, sizeof(keys->why),
				 "the key ring does not have the master key %s", id);
		keys->lost += sr_column_integer(stmt, 1);
	}
	return sr_stmt_end(stmt, rc);
}

/* A command is asked only where there is something that needs it. */
static sr_status look_for_lost(const sr_settings *settings, sr_conn *conn, sr_restore_keys *keys)
{
	sr_ring *ring = NULL;
	int64_t wrapped;
	sr_status rc;

	if ((rc = sr_query_integer(
		     conn, "SELECT EXISTS (SELECT 1 FROM clients WHERE " SR_KEY_IS_WRAPPED ")",
		     &wrapped)) != SR_OK ||
	    !wrapped)
		return rc;
	if ((rc = sr_keyring_read(settings, &ring)) == SR_NO_MEMORY)
		return rc;
	if (rc != SR_OK)
		snprintf(keys->why, sizeof(keys->why), "%s", sr_error_message());
	rc = count_lost(conn, ring, keys);
	sr_ring_free(ring);
	return rc;
}

sr_status sr_restore_keys_look(const sr_settings *settings, sr_conn *conn, sr_restore_keys *keys)
{
	char id[SR_MASTER_ID_SIZE];
	sr_status rc;

	*keys = (sr_restore_keys){0};
	if (!ring_named(settings))
		return SR_OK;
	if ((rc = sr_keys_current(conn, id)) != SR_OK)
		return rc;
	keys->plain = id[0] == '\0' && !settings->plain_keys;
	return look_for_lost(settings, conn, keys);
}

void sr_restore_keys_tell(const sr_restore_keys *keys)
{
	if (keys->plain)
		sr_log("catalog", SR_LOG_WARNING,
		       "the backup is from before AES keys were wrapped: in the restored catalog "
		       "they are plain, and new ones will be; wrap them with: strongroom keys "
		       "init");
	if (keys->lost > 0)
		sr_log("catalog", SR_LOG_WARNING,
		       "in the restored catalog %lld AES %s be read: %s; bring a key ring back "
		       "that opens %s",
		       (long long)keys->lost, sr_plural(keys->lost, "key cannot", "keys cannot"),
		       keys->why, sr_plural(keys->lost, "it", "them"));
}
