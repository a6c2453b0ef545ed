/* What people do with the versions of a file: make one current again, pin one. */
#include <string.h>

#include "accounts.h"
#include "file.h"

typedef struct choice {
	const sr_id *client;
	sr_text key;
	int64_t number; /* SR_NULL_INTEGER: the current one. */
	bool pin;
	char now[SR_TIME_TEXT_SIZE];

	/* Of the run at hand: */
	int64_t row;    /* Of files. */
	int64_t id;     /* Of file_versions; SR_NULL_INTEGER where the file never changed. */
	int64_t size;   /* Of the version, */
	int64_t before; /* and of the file as it is. */
	sr_account account;
	int64_t outcome;
} choice;

/* Versions refer to their file by its id, which rows of old databases may lack. */
static sr_status find_file(sr_conn *conn, choice *chosen)
{
	sr_stmt *stmt;
	sr_file file;
	bool has_id;
	sr_status rc;

	if ((rc = sr_file_seek(conn, NULL, chosen->client, chosen->key, &stmt)) != SR_OK)
		return rc;
	sr_file_read(stmt, &file);
	chosen->row = sr_file_row(stmt);
	chosen->before = file.size;
	has_id = file.has_id;
	if ((rc = sr_stmt_end(stmt, rc)) != SR_OK || has_id)
		return rc;
	sr_file_init(&file);
	sr_id_new(&file.id);
	file.has_id = true;
	return sr_file_write(conn, chosen->row, &file, NULL, SR_FILE_BIT(SR_FILE_ID));
}

/* The version with that number. *same: it is what the file is now. */
static sr_status find_version(sr_conn *conn, choice *chosen, bool *same)
{
	sr_stmt *stmt;
	sr_status rc;
	bool found;

	rc = sr_prepare(conn,
			"SELECT v.ID, v.VersionNumber, v.FileSize, v.ID IS f.CurrentVersionID"
			" FROM files f JOIN file_versions v ON v.FileID = f.ID WHERE f.rowid = $1"
			" AND CASE WHEN $2 IS NULL THEN v.ID = f.CurrentVersionID"
			" ELSE v.VersionNumber = $2 END ORDER BY v.ID DESC LIMIT 1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, chosen->row);
	sr_bind_integer(stmt, 2, chosen->number);
	rc = sr_step(stmt, &found);
	if (rc == SR_OK && found) {
		chosen->id = sr_column_integer(stmt, 0);
		chosen->outcome = sr_column_integer(stmt, 1);
		chosen->size = sr_column_integer(stmt, 2);
		*same = sr_column_integer(stmt, 3) == 1;
	} else if (rc == SR_OK) {
		rc = sr_version_fail_unknown(chosen->key, chosen->number);
	}
	return sr_stmt_end(stmt, rc);
}

/* ---- Activating ---- */

/* The path is never null in either table. */
static sr_status take_state(sr_conn *conn, const choice *chosen)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"UPDATE files SET (PathName, FileSize, ModificationDate, CRC, FileHash) ="
			" (SELECT v.PathName, v.FileSize, v.ModificationDate, v.CRC, v.VersionHash"
			" FROM file_versions v WHERE v.ID = $2), Verified = 0, ModifiedNs = NULL,"
			" Inode = NULL, TransferDuration = NULL, TransferSpeed = NULL,"
			" CompressionRatio = NULL, RecordedAt = $3 WHERE rowid = $1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, chosen->row);
	sr_bind_integer(stmt, 2, chosen->id);
	sr_bind_text(stmt, 3, chosen->now);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status activate(sr_conn *conn, void *arg)
{
	choice *chosen = arg;
	sr_activity_run alone = {0, 0};
	sr_status rc;
	bool same;

	if ((rc = find_file(conn, chosen)) != SR_OK)
		return rc;
	if ((rc = sr_version_settle(conn, chosen->row, chosen->now)) != SR_OK)
		return rc;
	if ((rc = find_version(conn, chosen, &same)) != SR_OK)
		return rc;
	if (same)
		return sr_fail(SR_INVALID, "version %lld of file %s is the current one already",
			       (long long)chosen->number, sr_quoted(chosen->key));
	if ((rc = sr_account_admit(conn, chosen->client, chosen->key, chosen->before, chosen->size,
				   &chosen->account)) != SR_OK)
		return rc;
	if ((rc = take_state(conn, chosen)) != SR_OK)
		return rc;
	rc = sr_version_append_child(conn, chosen->row, chosen->id, chosen->now, &chosen->outcome);
	if (rc != SR_OK)
		return rc;
	rc = sr_activity_append(conn, chosen->client, SR_ACTIVITY_ACTIVATE, 1,
				sr_activity_bytes(chosen->size), chosen->now);
	if (rc != SR_OK)
		return rc;
	return sr_account_settle(conn, &chosen->account, chosen->now, &alone);
}

sr_status sr_version_activate(sr_catalog *catalog, const sr_id *client, sr_text key, int64_t number,
			      int64_t *activated)
{
	choice chosen = {.client = client, .key = key, .number = number};
	sr_status rc;

	if ((rc = sr_file_check_key(key)) != SR_OK)
		return sr_return(rc);
	sr_time_format(sr_time_now(), chosen.now);
	if ((rc = sr_catalog_write(catalog, SR_HERE, activate, &chosen)) != SR_OK)
		return sr_return(rc);
	sr_account_log(catalog, &chosen.account);
	if (activated != NULL)
		*activated = chosen.outcome;
	return sr_return(SR_OK);
}

/* ---- Pinning ---- */

static sr_status pin(sr_conn *conn, void *arg)
{
	choice *chosen = arg;
	sr_stmt *stmt;
	sr_status rc;
	bool same;

	if ((rc = find_file(conn, chosen)) != SR_OK)
		return rc;
	if ((rc = sr_version_settle(conn, chosen->row, chosen->now)) != SR_OK)
		return rc;
	if ((rc = find_version(conn, chosen, &same)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(conn, "UPDATE file_versions SET Pinned = $2 WHERE ID = $1", &stmt)) !=
	    SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, chosen->id);
	sr_bind_integer(stmt, 2, chosen->pin);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_version_pin(sr_catalog *catalog, const sr_id *client, sr_text key, int64_t number,
			 bool pinned, int64_t *version)
{
	choice chosen = {.client = client, .key = key, .number = number, .pin = pinned};
	sr_status rc;

	if ((rc = sr_file_check_key(key)) != SR_OK)
		return sr_return(rc);
	sr_time_format(sr_time_now(), chosen.now);
	if ((rc = sr_catalog_write(catalog, SR_HERE, pin, &chosen)) == SR_OK && version != NULL)
		*version = chosen.outcome;
	return sr_return(rc);
}
