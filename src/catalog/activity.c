/* Writing activity: the rows of client_activity and catalog_activity, the days of transfer_stats,
 * and what each client used day by day. */
#include "activity.h"

#include "accounts.h"

#define DAY_LENGTH 10 /* 2026-01-31 */

/* $3, now, in whole seconds: texts of one width sort as the moments that they are, and those
 * of one second in the order of writing. */
#define SECONDS "substr($3, 1, 19) || 'Z'"

static void bind_day(sr_stmt *stmt, int number, const char *now)
{
	sr_bind_name(stmt, number, (sr_text){now, DAY_LENGTH});
}

static sr_status finish(sr_stmt *stmt)
{
	sr_status rc = sr_run(stmt);

	sr_stmt_done(stmt);
	return rc;
}

/* The last change of a day wins, so the day ends with what was used then. */
sr_status sr_activity_note_usage(sr_conn *conn, const sr_id *client, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"INSERT INTO client_usage_daily (ClientID, Date, Files, Bytes)"
			" SELECT u.ClientID, $2, u.Files, u.Bytes FROM client_usage u"
			" WHERE u.ClientID = $1 ON CONFLICT (ClientID, Date) DO UPDATE"
			" SET Files = excluded.Files, Bytes = excluded.Bytes",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, client);
	bind_day(stmt, 2, now);
	return finish(stmt);
}

static sr_status append(sr_conn *conn, const sr_id *client, const char *type, int64_t files,
			int64_t bytes, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"INSERT INTO client_activity"
			" (ClientID, ActivityType, Timestamp, FileCount, BytesTransferred)"
			" SELECT c.ID, $2, " SECONDS ", $4, $5 FROM clients c WHERE c.ID = $1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, client);
	sr_bind_text(stmt, 2, type);
	sr_bind_text(stmt, 3, now);
	sr_bind_integer(stmt, 4, files);
	sr_bind_integer(stmt, 5, bytes);
	return finish(stmt);
}

sr_status sr_activity_append(sr_conn *conn, const sr_id *client, const char *type, int64_t files,
			     int64_t bytes, const char *now)
{
	sr_status rc;

	if ((rc = append(conn, client, type, files, bytes, now)) != SR_OK)
		return rc;
	return sr_activity_note_usage(conn, client, now);
}

sr_status sr_activity_append_saved(sr_conn *conn, const sr_id *client, int64_t bytes,
				   const char *now)
{
	return append(conn, client, SR_ACTIVITY_SAVE, 1, bytes, now);
}

/* Adds to that row, if it is still there, and of this kind and day: what a day transferred is the
 * sum of its activities. */
static sr_status add(sr_conn *conn, int64_t id, const sr_id *client, const char *type,
		     int64_t files, int64_t bytes, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"UPDATE client_activity SET FileCount = FileCount + $4, BytesTransferred ="
			" CASE WHEN BytesTransferred > 9223372036854775807 - $5"
			" THEN 9223372036854775807 ELSE BytesTransferred + $5 END"
			" WHERE ID = $1 AND ClientID = $2 AND ActivityType = $3"
			" AND substr(Timestamp, 1, 10) = $6",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, id);
	sr_bind_id(stmt, 2, client);
	sr_bind_text(stmt, 3, type);
	sr_bind_integer(stmt, 4, files);
	sr_bind_integer(stmt, 5, bytes);
	bind_day(stmt, 6, now);
	return finish(stmt);
}

/* Adds to the row *id, or appends one that takes its place. */
static sr_status extend(sr_conn *conn, int64_t *id, const sr_id *client, const char *type,
			int64_t files, int64_t bytes, const char *now)
{
	sr_status rc;

	if (*id != 0) {
		if ((rc = add(conn, *id, client, type, files, bytes, now)) != SR_OK)
			return rc;
		if (sr_conn_changes(conn) > 0)
			return SR_OK;
	}
	if ((rc = append(conn, client, type, files, bytes, now)) != SR_OK)
		return rc;
	*id = sr_conn_changes(conn) > 0 ? sr_conn_last_row_id(conn) : 0;
	return SR_OK;
}

sr_status sr_activity_extend(sr_conn *conn, int64_t *id, const sr_id *client, const char *type,
			     int64_t files, int64_t bytes, const char *now)
{
	sr_status rc = extend(conn, id, client, type, files, bytes, now);

	return rc == SR_OK ? sr_activity_note_usage(conn, client, now) : rc;
}

sr_status sr_activity_append_catalog(sr_conn *conn, const char *type, const char *detail,
				     int64_t bytes, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"INSERT INTO catalog_activity"
			" (ActivityType, Timestamp, Detail, BytesTransferred)"
			" VALUES ($1, " SECONDS ", $2, $4)",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, type);
	sr_bind_name(stmt, 2, sr_text_of(detail));
	sr_bind_text(stmt, 3, now);
	sr_bind_integer(stmt, 4, bytes);
	return finish(stmt);
}

/* ---- Transfers ---- */

void sr_transfers_add(sr_transfers *sum, const sr_transfers *more)
{
	sum->succeeded += more->succeeded;
	sum->failed += more->failed;
	if (__builtin_add_overflow(sum->bytes, more->bytes, &sum->bytes))
		sum->bytes = INT64_MAX;
	if (more->peak > sum->peak)
		sum->peak = more->peak;
}

/* TotalFiles counts what was tried; bytes and their average are of what succeeded. */
sr_status sr_activity_add_to_day(sr_conn *conn, const sr_transfers *transfers, const char *now)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(
		conn,
		"INSERT INTO transfer_stats (Date, TotalFiles, TotalBytes,"
		" SuccessfulTransfers, FailedTransfers, AverageFileSize, PeakTransferSpeed)"
		" VALUES ($1, $2 + $3, $4, $2, $3, CASE WHEN $2 > 0 THEN $4 / $2 ELSE 0 END,"
		" $5) ON CONFLICT (Date) DO UPDATE SET"
		" TotalFiles = coalesce(TotalFiles, 0) + excluded.TotalFiles,"
		" TotalBytes = coalesce(TotalBytes, 0) + excluded.TotalBytes,"
		" SuccessfulTransfers ="
		" coalesce(SuccessfulTransfers, 0) + excluded.SuccessfulTransfers,"
		" FailedTransfers = coalesce(FailedTransfers, 0) + excluded.FailedTransfers,"
		" AverageFileSize = CASE WHEN coalesce(SuccessfulTransfers, 0)"
		" + excluded.SuccessfulTransfers > 0 THEN (coalesce(TotalBytes, 0)"
		" + excluded.TotalBytes) / (coalesce(SuccessfulTransfers, 0)"
		" + excluded.SuccessfulTransfers) ELSE 0 END,"
		" PeakTransferSpeed ="
		" max(coalesce(PeakTransferSpeed, 0), excluded.PeakTransferSpeed)",
		&stmt);
	if (rc != SR_OK)
		return rc;
	bind_day(stmt, 1, now);
	sr_bind_integer(stmt, 2, transfers->succeeded);
	sr_bind_integer(stmt, 3, transfers->failed);
	sr_bind_integer(stmt, 4, transfers->bytes);
	sr_bind_integer(stmt, 5, transfers->peak);
	return finish(stmt);
}

sr_status sr_activity_transferred(sr_conn *conn, const sr_id *client, const sr_transfers *transfers,
				  const char *now, sr_activity_run *run)
{
	sr_status rc = SR_OK;

	if (transfers->succeeded == 0 && transfers->failed == 0)
		return SR_OK;
	if (transfers->succeeded > 0)
		rc = extend(conn, &run->saved, client, SR_ACTIVITY_SAVE, transfers->succeeded,
			    transfers->bytes, now);
	if (rc == SR_OK && transfers->failed > 0)
		rc = extend(conn, &run->failed, client, SR_ACTIVITY_SAVE_FAILED, transfers->failed,
			    0, now);
	if (rc == SR_OK)
		rc = sr_activity_add_to_day(conn, transfers, now);
	if (rc == SR_OK)
		rc = sr_activity_note_usage(conn, client, now);
	return rc;
}

/* ---- For those who transfer ---- */

typedef struct failure {
	const sr_id *client;
	sr_transfers transfers;
	char now[SR_TIME_TEXT_SIZE];
	const sr_activity_run *run; /* As it was before. */
	sr_activity_run extended;   /* Of the run at hand. */
} failure;

static sr_status report_failed(sr_conn *conn, void *arg)
{
	failure *job = arg;
	sr_account account;
	sr_status rc;

	if ((rc = sr_account_load(conn, job->client, &account)) != SR_OK)
		return rc;
	job->extended = *job->run;
	return sr_activity_transferred(conn, job->client, &job->transfers, job->now,
				       &job->extended);
}

sr_status sr_activity_failed(sr_catalog *catalog, const sr_id *client, int64_t count,
			     sr_activity_run *run)
{
	sr_activity_run alone = {0, 0};
	failure job = {.client = client,
		       .transfers = {.failed = count},
		       .run = run != NULL ? run : &alone};
	sr_status rc;

	if (count < 0)
		return sr_return(sr_fail(SR_INVALID, "%lld failed transfers are less than none",
					 (long long)count));
	sr_time_format(sr_time_now(), job.now);
	rc = sr_catalog_write(catalog, SR_HERE, report_failed, &job);
	if (rc == SR_OK && run != NULL)
		*run = job.extended;
	return sr_return(rc);
}
