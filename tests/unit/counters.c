#include "counters.h"

#include "catalog/faults.h"

void check_counters(const catalog_fixture *f)
{
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_TOTALS_WRONG ")"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_DAYS_WRONG ")"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_RECORDED_WRONG ")"), 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM (" SR_QUOTAS_WRONG ")"), 0);
	assert_int_equal(
		integer(f,
			"SELECT count(*) FROM (SELECT ClientID, count(*) AS n, sum(" SR_COUNTED_SIZE
			") AS b FROM files GROUP BY 1) c LEFT JOIN client_usage u"
			" USING (ClientID) WHERE n IS NOT u.Files OR b IS NOT u.Bytes"),
		0);
	assert_int_equal(integer(f, SR_SUMS_DIFFER), 0);
}
