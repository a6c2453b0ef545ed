/*
 * Keeps the log short between the steps of a migration, so that a large database does not need
 * many times its size on the disk. In the one order that loses nothing: this connection holds
 * the write lock, a second one copies.
 */
#include "schema.h"

#define LOG_BYTES (64 << 20)

bool sr_log_tend_between(sr_conn *conn)
{
	sr_conn_options options = {.access = SR_ACCESS_WRITE, .busy_timeout = 5, .cache_pages = 16};
	sr_checkpoint result;
	bool all = false;
	sr_conn *second;

	if (!sr_conn_has(conn, SR_ENGINE_LOG) || sr_conn_log_size(conn) < LOG_BYTES)
		return false;
	/* Not done is not wrong: the log goes on growing, and comes in later. */
	if (sr_conn_open(&sr_sqlite, sr_conn_path(conn), &options, &second) != SR_OK)
		goto err0;
	if (sr_conn_begin(conn, SR_TRANSACTION_WRITE) != SR_OK)
		goto err1;
	if (sr_conn_checkpoint(second, &result) == SR_OK) {
		all = result.copied_pages == result.log_pages;
		sr_log("migrate", SR_LOG_DEBUG, "%s: %lld of %lld pages of the log brought in",
		       sr_conn_path(conn), (long long)result.copied_pages,
		       (long long)result.log_pages);
	}
	sr_conn_rollback(conn);
err1:
	sr_conn_close(second);
err0:
	sr_error_set("");
	return all;
}
