/* What clients use and how that grew, from the counters that triggers keep; on databases that
 * have none, by one pass over the files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "client_totals.h"

#define COUNTERS_VERSION 9  /* client_usage */
#define DAYS_VERSION     10 /* client_usage_daily */

struct sr_client_usages {
	sr_reading reading;       /* Zeroed once the last row was seen. */
	sr_stmt *stmt;            /* NULL then. */
	sr_client_totals *totals; /* Where there are no counters, else NULL. */
	double all_bytes;         /* Of all files. */
	sr_client_usage usage;    /* What the last step handed out. */
};

/* Columns 0 to 4: of the client; its files and bytes as the counters have them. 5: its last
 * activity. 6 and 7: the day that growth is measured from, and what was used then. */
static void write_sql(const sr_shape *shape, sr_buffer *sql)
{
	const bool counters = shape->version >= COUNTERS_VERSION;
	const bool days = shape->version >= DAYS_VERSION;

	sr_buffer_printf(sql,
			 "SELECT c.ID, c.Name, c.LastSeen, %s, %s, %s FROM %s c%s%s"
			 " ORDER BY c.Name, c.ID",
			 counters ? "coalesce(u.Files, 0), coalesce(u.Bytes, 0)" : "NULL, NULL",
			 shape->version >= 3 ? "(SELECT max(a.Timestamp) FROM client_activity a"
					       " WHERE a.ClientID = c.ID)"
					     : "NULL",
			 days ? "d.Date, d.Bytes" : "NULL, NULL", shape->clients,
			 counters ? " LEFT JOIN client_usage u ON u.ClientID = c.ID" : "",
			 days ? " LEFT JOIN client_usage_daily d ON d.ClientID = c.ID AND d.Date ="
				" coalesce((SELECT max(e.Date) FROM client_usage_daily e"
				" WHERE e.ClientID = c.ID AND e.Date <= $1),"
				" (SELECT min(e.Date) FROM client_usage_daily e"
				" WHERE e.ClientID = c.ID))"
			      : "");
}

static sr_status read_all_bytes(sr_client_usages *cursor)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if (cursor->totals != NULL) {
		cursor->all_bytes = sr_client_totals_bytes(cursor->totals);
		return SR_OK;
	}
	if ((rc = sr_prepare(cursor->reading.conn, "SELECT total(u.Bytes) FROM client_usage u",
			     &stmt)) != SR_OK)
		return rc;
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		cursor->all_bytes = sr_column_real(stmt, 0);
	return sr_stmt_end(stmt, rc);
}

static sr_status open_rows(sr_client_usages *cursor, int days)
{
	const sr_shape *shape = &cursor->reading.shape;
	char since[SR_TIME_TEXT_SIZE];
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if (shape->version < COUNTERS_VERSION &&
	    (rc = sr_client_totals_read(&cursor->reading, &cursor->totals)) != SR_OK)
		return rc;
	if ((rc = read_all_bytes(cursor)) != SR_OK)
		return rc;
	write_sql(shape, &sql);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(cursor->reading.conn, sql.data, &cursor->stmt);
	sr_buffer_free(&sql);
	if (rc != SR_OK || shape->version < DAYS_VERSION)
		return rc;
	sr_time_format(sr_time_now() - days * SR_DAY_US, since);
	since[10] = '\0';
	sr_bind_text(cursor->stmt, 1, since);
	return SR_OK;
}

sr_status sr_client_usage_list(sr_catalog *catalog, int days, sr_client_usages **cursor)
{
	sr_client_usages *fresh;
	sr_status rc;

	*cursor = NULL;
	if (days < 1 || days > SR_GROWTH_DAYS_MAX)
		return sr_return(sr_fail(SR_INVALID, "growth over %d days: 1 to %d", days,
					 SR_GROWTH_DAYS_MAX));
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) == SR_OK)
		rc = open_rows(fresh, days);
	if (rc != SR_OK) {
		sr_client_usages_close(fresh);
		return sr_return(rc);
	}
	*cursor = fresh;
	return sr_return(SR_OK);
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_client_usages *cursor)
{
	sr_stmt_done(cursor->stmt);
	cursor->stmt = NULL;
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

static void count(const sr_client_usages *cursor, sr_client_usage *usage)
{
	sr_client client = {.id = usage->id};

	if (cursor->totals == NULL) {
		usage->files = sr_column_integer(cursor->stmt, 3);
		usage->bytes = sr_column_integer(cursor->stmt, 4);
		return;
	}
	sr_client_totals_get(cursor->totals, &client);
	usage->files = client.files;
	usage->bytes = client.bytes;
}

static void read_row(sr_client_usages *cursor)
{
	sr_client_usage *usage = &cursor->usage;
	sr_stmt *stmt = cursor->stmt;
	int64_t then = sr_column_integer(stmt, 7);

	memset(usage, 0, sizeof(*usage));
	(void)sr_column_id(stmt, 0, &usage->id);
	usage->name = sr_column_text(stmt, 1);
	usage->last_seen = sr_column_text(stmt, 2);
	count(cursor, usage);
	usage->last_activity = sr_column_text(stmt, 5);
	usage->growth_since = sr_column_text(stmt, 6);
	usage->growth_bytes = SR_NULL_INTEGER;
	if (then != SR_NULL_INTEGER &&
	    __builtin_sub_overflow(usage->bytes, then, &usage->growth_bytes))
		usage->growth_bytes = SR_NULL_INTEGER;
	usage->share_percent = cursor->all_bytes > 0
				       ? 100.0 * (double)usage->bytes / cursor->all_bytes
				       : (double)NAN;
}

sr_status sr_client_usages_next(sr_client_usages *cursor, const sr_client_usage **usage)
{
	sr_status rc;
	bool row;

	*usage = NULL;
	if (cursor->stmt == NULL)
		return sr_return(SR_OK);
	rc = sr_step(cursor->stmt, &row);
	if (rc != SR_OK || !row) {
		end(cursor);
		return sr_return(rc);
	}
	read_row(cursor);
	if ((rc = sr_stmt_check(cursor->stmt)) != SR_OK)
		return sr_return(rc);
	*usage = &cursor->usage;
	return sr_return(SR_OK);
}

void sr_client_usages_close(sr_client_usages *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	sr_client_totals_free(cursor->totals);
	free(cursor);
}
