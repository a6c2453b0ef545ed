/* Reading transfer_stats: a row a day, and the days between them. */
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "aged.h"

struct sr_transfer_days {
	sr_reading reading;           /* Zeroed once the last day was seen. */
	sr_stmt *stmt;                /* NULL once it has no more rows. */
	bool due;                     /* It must go to its next row before it is looked at. */
	int64_t next;                 /* The day that comes next; behind `last`: no more are due. */
	int64_t last;                 /* The last day that is due even without a row. */
	char date[SR_TIME_TEXT_SIZE]; /* Of a day without a row. */
	sr_transfer_day day;          /* What the last step handed out. */
};

static void date_of(int64_t day, char date[SR_TIME_TEXT_SIZE])
{
	sr_time_format(day * SR_DAY_US, date);
	date[10] = '\0';
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_transfer_days *cursor)
{
	sr_stmt_done(cursor->stmt);
	cursor->stmt = NULL;
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

static sr_status advance(sr_transfer_days *cursor)
{
	sr_status rc;
	bool row;

	cursor->due = false;
	rc = sr_step(cursor->stmt, &row);
	if (rc != SR_OK || !row) {
		sr_stmt_done(cursor->stmt);
		cursor->stmt = NULL;
	}
	return rc;
}

static sr_status open_rows(sr_transfer_days *cursor, int days)
{
	char from[SR_TIME_TEXT_SIZE];
	char to[SR_TIME_TEXT_SIZE];
	sr_status rc;

	if (cursor->reading.shape.version < 3)
		return SR_OK;
	rc = sr_prepare(cursor->reading.conn,
			"SELECT t.Date, t.TotalFiles, t.TotalBytes, t.SuccessfulTransfers,"
			" t.FailedTransfers, t.AverageFileSize, t.PeakTransferSpeed"
			" FROM transfer_stats t WHERE t.Date BETWEEN $1 AND $2 ORDER BY t.Date",
			&cursor->stmt);
	if (rc != SR_OK)
		return rc;
	date_of(cursor->next, from);
	date_of(cursor->last, to);
	/* Without a window all texts there are: every one sorts between these. */
	sr_bind_text(cursor->stmt, 1, days > 0 ? from : "");
	sr_bind_text(cursor->stmt, 2, days > 0 ? to : "\xf4\x8f\xbf\xbf");
	cursor->due = true;
	return SR_OK;
}

sr_status sr_transfer_day_list(sr_catalog *catalog, int days, sr_transfer_days **cursor)
{
	int64_t today = sr_time_now() / SR_DAY_US;
	sr_transfer_days *fresh;
	sr_status rc;

	*cursor = NULL;
	if (days < 0 || days > SR_TRANSFER_DAYS_MAX)
		return sr_return(sr_fail(SR_INVALID, "transfers of %d days: 1 to %d, or 0 for all",
					 days, SR_TRANSFER_DAYS_MAX));
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	fresh->last = today;
	fresh->next = days > 0 ? today - days + 1 : today + 1;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) == SR_OK)
		rc = open_rows(fresh, days);
	if (rc != SR_OK) {
		sr_transfer_days_close(fresh);
		return sr_return(rc);
	}
	*cursor = fresh;
	return sr_return(SR_OK);
}

static int64_t count_of(sr_stmt *stmt, int column)
{
	int64_t count = sr_column_integer(stmt, column);

	return count != SR_NULL_INTEGER ? count : 0;
}

static sr_status read_row(sr_transfer_days *cursor)
{
	sr_transfer_day *day = &cursor->day;

	day->date = sr_column_text(cursor->stmt, 0);
	day->total_files = count_of(cursor->stmt, 1);
	day->total_bytes = count_of(cursor->stmt, 2);
	day->successful_transfers = count_of(cursor->stmt, 3);
	day->failed_transfers = count_of(cursor->stmt, 4);
	day->average_file_size = count_of(cursor->stmt, 5);
	day->peak_transfer_speed = count_of(cursor->stmt, 6);
	return sr_stmt_check(cursor->stmt);
}

/* A row that is not later than the day that is expected, else that day with zeros. */
sr_status sr_transfer_days_next(sr_transfer_days *cursor, const sr_transfer_day **day)
{
	bool expected = cursor->next <= cursor->last;
	int order = 1;
	sr_status rc;

	*day = NULL;
	if (cursor->reading.catalog != NULL &&
	    (rc = sr_catalog_check_process(cursor->reading.catalog)) != SR_OK)
		return sr_return(rc);
	if (cursor->stmt != NULL && cursor->due && (rc = advance(cursor)) != SR_OK)
		return sr_return(rc);
	if (cursor->stmt == NULL && !expected) {
		end(cursor);
		return sr_return(SR_OK);
	}
	date_of(cursor->next, cursor->date);
	if (cursor->stmt != NULL)
		order = sr_text_compare(sr_column_text(cursor->stmt, 0), sr_text_of(cursor->date));
	if (cursor->stmt != NULL && (!expected || order <= 0)) {
		if ((rc = read_row(cursor)) != SR_OK)
			return sr_return(rc);
		cursor->due = true;
	} else {
		cursor->day = (sr_transfer_day){.date = sr_text_of(cursor->date)};
	}
	cursor->next += expected && order >= 0;
	*day = &cursor->day;
	return sr_return(SR_OK);
}

void sr_transfer_days_close(sr_transfer_days *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	free(cursor);
}
