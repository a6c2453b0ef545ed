/* A step down past wrapped keys: refused, since older programs would take them for the keys. */
#include "schema.h"

sr_status sr_keys_all_plain(sr_conn *conn)
{
	int64_t wrapped;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "SELECT count(*) FROM clients WHERE " SR_KEY_WAS_WRAPPED,
				   &wrapped)) != SR_OK)
		return rc;
	if (wrapped == 0)
		return SR_OK;
	return sr_fail(SR_REFUSED,
		       "the AES %s of %lld %s wrapped, which older programs cannot read; make "
		       "them plain with: strongroom keys unwrap",
		       sr_plural(wrapped, "key", "keys"), (long long)wrapped,
		       sr_plural(wrapped, "client is", "clients are"));
}
