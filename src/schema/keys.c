/* A step down past wrapped keys: refused, since older programs would take them for the keys. That
 * keys are to be wrapped is lost with the table that says so, though none is. */
#include "schema.h"

static sr_status warn_of_end(sr_conn *conn)
{
	int64_t begun;
	sr_status rc = sr_query_integer(
		conn, "SELECT EXISTS (SELECT 1 FROM master_keys WHERE IsCurrent = 1)", &begun);

	if (rc == SR_OK && begun)
		sr_log("migrate", SR_LOG_WARNING,
		       "below version 19 AES keys are not wrapped, and going up again does not "
		       "begin that anew: strongroom keys init does");
	return rc;
}

sr_status sr_keys_all_plain(sr_conn *conn)
{
	int64_t wrapped;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "SELECT count(*) FROM clients WHERE " SR_KEY_WAS_WRAPPED,
				   &wrapped)) != SR_OK)
		return rc;
	if (wrapped == 0)
		return warn_of_end(conn);
	return sr_fail(SR_REFUSED,
		       "the AES %s of %lld %s wrapped, which older programs cannot read; make "
		       "them plain with: strongroom keys unwrap",
		       sr_plural(wrapped, "key", "keys"), (long long)wrapped,
		       sr_plural(wrapped, "client is", "clients are"));
}
