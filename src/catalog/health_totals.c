/* Check-up of the counters by category, size, day and time of recording. In full, and of a catalog
 * that is small, each is counted anew; else it must add up to what the others do. */
#include <inttypes.h>

#include "faults.h"
#include "health.h"

static const struct {
	const char *table;
	const char *sql;
} counted[] = {
	{"file_totals", SR_TOTALS_WRONG},
	{"file_days", SR_DAYS_WRONG},
	{"client_recorded", SR_RECORDED_WRONG},
};

static sr_status compare_table(sr_checkup *c, const char *table, const char *sql)
{
	sr_tally wrong = SR_TALLY_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row)
		sr_tally_add(&wrong, "%s", sr_quoted(sr_column_text(stmt, 0)));
	rc = sr_stmt_end(stmt, rc);
	if (wrong.count > 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "totals_wrong", sr_text_of(table), wrong.count,
			       sr_cure_repair(c),
			       "%" PRId64 " %s in %s %s not agree with the files: %s", wrong.count,
			       sr_plural(wrong.count, "counter", "counters"), table,
			       sr_plural(wrong.count, "does", "do"), sr_tally_names(c, &wrong));
	sr_tally_free(&wrong);
	return rc;
}

static sr_status compare_sums(sr_checkup *c)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, SR_SUMS_DIFFER, &stmt)) != SR_OK)
		return rc;
	if ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row &&
	    sr_column_integer(stmt, 0) != 0)
		sr_finding_add(c, SR_SEVERITY_ERROR, "totals_wrong", sr_text_of("file_totals"), 1,
			       sr_cure_repair(c),
			       "the counters by client, category, day and time of recording do not "
			       "come to the same sum");
	return sr_stmt_end(stmt, rc);
}

sr_status sr_check_totals(sr_checkup *c)
{
	int64_t rows;
	sr_status rc;
	bool has;

	if ((rc = sr_checkup_has(c, "file_totals", "Bytes", &has)) != SR_OK || !has)
		return rc;
	rc = sr_query_integer(c->conn, "SELECT coalesce(max(rowid), 0) FROM files", &rows);
	if (rc != SR_OK)
		return rc;
	if (!c->options.full && rows > c->limits->recount_rows)
		return compare_sums(c);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]) && rc == SR_OK && !c->late; i++)
		rc = compare_table(c, counted[i].table, counted[i].sql);
	return rc;
}
