#include "counters.h"

#include <string.h>
#include <strings.h>

#include "../base/text.h"
#include "schema.h"

int sr_counted_class(int64_t size)
{
	int class = 2;

	if (size == SR_NULL_INTEGER)
		return 0;
	if (size < 1)
		return 1;
	for (int64_t end = 1 << 10; class < 8 && size >= end; end <<= 4)
		class ++;
	return class;
}

int64_t sr_counted_size(int64_t size)
{
	const int64_t most = INT64_C(1) << 53;

	/* SR_NULL_INTEGER is negative. */
	return size < 0 ? 0 : size < most ? size : most;
}

/* A date that is no UTF-8 is stored as a BLOB, which the triggers' pattern does not match. */
sr_text sr_counted_day(sr_text date)
{
	static const char form[] = "0000-00-00";

	if (date.data == NULL || date.length < 10 || !sr_text_is_utf8(date))
		return (sr_text){"", 0};
	for (size_t i = 0; i < 10; i++) {
		char c = date.data[i];

		if (form[i] == '0' ? c < '0' || c > '9' : c != form[i])
			return (sr_text){"", 0};
	}
	return (sr_text){date.data, 10};
}

sr_status sr_counters_replaceable(sr_conn *conn, bool *replaceable)
{
	const sr_schema_object *latest = sr_migration_sources[sr_migration_count - 1].schema;
	sr_stmt *stmt;
	int lacking = 0;
	sr_status rc;
	bool row;

	for (const sr_schema_object *o = latest; o->type; o++)
		lacking += strcmp(o->type, "trigger") == 0 && strcasecmp(o->table, "files") == 0;
	*replaceable = true;
	rc = sr_prepare(
		conn,
		"SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
		" AND tbl_name = 'files' COLLATE NOCASE"
		" UNION ALL SELECT name, sql FROM sqlite_temp_schema WHERE type = 'trigger'",
		&stmt);
	if (rc != SR_OK)
		return rc;
	while (*replaceable && (rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *name = sr_column_text(stmt, 0).data;
		const char *sql = sr_column_text(stmt, 1).data;
		const sr_schema_object *o = name ? sr_schema_find(latest, "trigger", name) : NULL;

		*replaceable = o && sql && strcmp(o->sql, sql) == 0;
		lacking--;
	}
	rc = sr_stmt_end(stmt, rc);
	*replaceable = *replaceable && lacking == 0;
	return rc;
}

sr_status sr_counters_rebuild_totals(sr_conn *conn)
{
	return sr_exec(conn,
		       "DELETE FROM file_totals;"
		       "INSERT INTO file_totals (Category, SizeClass, Verified, Files,"
		       " Bytes) " SR_COUNTED_TOTALS(
			       "files") ";"
					"DELETE FROM file_days;"
					"INSERT INTO file_days (Date, Files, Bytes, RecordedFiles,"
					" RecordedBytes) " SR_COUNTED_DAYS(
						"files") ";"
							 "DELETE FROM client_recorded;"
							 "INSERT INTO client_recorded (ClientID, "
							 "RecordedAt, Files) " SR_COUNTED_RECORDED(
								 "files"));
}

sr_status sr_counters_rebuild(sr_conn *conn)
{
	sr_status rc;

	rc = sr_exec(
		conn,
		"DELETE FROM client_usage;"
		"INSERT INTO client_usage (ClientID, Files, Bytes)"
		" SELECT ClientID, count(*), sum(" SR_COUNTED_SIZE ")"
		" FROM files WHERE ClientID IS NOT NULL GROUP BY ClientID;"
		"UPDATE client_quotas SET UsedBytes = coalesce((SELECT u.Bytes FROM client_usage u"
		" WHERE u.ClientID = client_quotas.ClientID), 0)");
	return rc == SR_OK ? sr_counters_rebuild_totals(conn) : rc;
}
