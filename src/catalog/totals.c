/* Files and bytes by category, size, day and month, from the counters that triggers keep; on
 * databases that have none, by counting the files. */
#include <stdlib.h>
#include <string.h>

#include "../schema/counters.h"
#include "catalog.h"

struct sr_totals {
	sr_reading reading; /* Zeroed once the last row was seen. */
	sr_stmt *stmt;      /* NULL then. */
	sr_total_by by;
	sr_total total; /* What the last step handed out. */
};

/* ---- Size classes ---- */

static const struct {
	const char *name;
	int64_t from;
	int64_t below;
} classes[] = {
	{NULL, SR_NULL_INTEGER, SR_NULL_INTEGER},
	{"empty", 0, 1},
	{"below 1 KiB", 1, 1 << 10},
	{"1 KiB to 16 KiB", 1 << 10, 1 << 14},
	{"16 KiB to 256 KiB", 1 << 14, 1 << 18},
	{"256 KiB to 4 MiB", 1 << 18, 1 << 22},
	{"4 MiB to 64 MiB", 1 << 22, 1 << 26},
	{"64 MiB to 1 GiB", 1 << 26, 1 << 30},
	{"1 GiB and more", 1 << 30, SR_NULL_INTEGER},
};

#define CLASSES ((int64_t)(sizeof(classes) / sizeof(classes[0])))

/* ---- The query ---- */

/* Name, files, bytes, verified files; of a relation t with the columns of the counters. */
static const struct {
	bool days; /* Of file_days, else of file_totals. */
	const char *columns;
	const char *some; /* Which rows count anything. */
} queries[] = {
	[SR_TOTAL_BY_CATEGORY] = {false,
				  "nullif(t.Category, '') AS k, sum(t.Files), total(t.Bytes),"
				  " sum(t.Files * t.Verified)",
				  "t.Files > 0"},
	[SR_TOTAL_BY_SIZE] = {false,
			      "t.SizeClass AS k, sum(t.Files), total(t.Bytes),"
			      " sum(t.Files * t.Verified)",
			      "t.Files > 0"},
	[SR_TOTAL_BY_DAY] = {true, "nullif(t.Date, '') AS k, sum(t.Files), total(t.Bytes), NULL",
			     "t.Files > 0"},
	[SR_TOTAL_BY_MONTH] = {true,
			       "nullif(substr(t.Date, 1, 7), '') AS k, sum(t.Files),"
			       " total(t.Bytes), NULL",
			       "t.Files > 0"},
	[SR_TOTAL_BY_RECORDED] = {true,
				  "nullif(t.Date, '') AS k, sum(t.RecordedFiles),"
				  " total(t.RecordedBytes), NULL",
				  "t.RecordedFiles > 0"},
};

static void add_counted(sr_buffer *sql, const sr_shape *shape, bool days)
{
	const char *files = shape->files;

	if (days)
		sr_buffer_printf(sql, "(" SR_COUNTED_DAYS("%s") ")", files, files);
	else
		sr_buffer_printf(sql, "(" SR_COUNTED_TOTALS("%s") ")", files);
}

static sr_status open_rows(sr_totals *cursor)
{
	const sr_shape *shape = &cursor->reading.shape;
	const bool days = queries[cursor->by].days;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql, "SELECT %s FROM ", queries[cursor->by].columns);
	if (shape->version >= SR_COUNTERS_VERSION)
		sr_buffer_add_string(&sql, days ? "file_days" : "file_totals");
	else
		add_counted(&sql, shape, days);
	sr_buffer_printf(&sql, " AS t WHERE %s GROUP BY k ORDER BY k", queries[cursor->by].some);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(cursor->reading.conn, sql.data, &cursor->stmt);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_total_list(sr_catalog *catalog, sr_total_by by, sr_totals **cursor)
{
	sr_totals *fresh;
	sr_status rc;

	*cursor = NULL;
	if ((unsigned)by >= sizeof(queries) / sizeof(queries[0]))
		return sr_return(sr_fail(SR_INVALID, "totals by %d: there are 0 to %d", (int)by,
					 SR_TOTAL_BY_RECORDED));
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	fresh->by = by;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) == SR_OK)
		rc = open_rows(fresh);
	if (rc != SR_OK) {
		sr_totals_close(fresh);
		return sr_return(rc);
	}
	*cursor = fresh;
	return sr_return(SR_OK);
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_totals *cursor)
{
	sr_stmt_done(cursor->stmt);
	cursor->stmt = NULL;
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

static int64_t whole(double bytes)
{
	return bytes < 9.2e18 ? (int64_t)bytes : INT64_MAX;
}

static void read_row(sr_totals *cursor)
{
	sr_total *total = &cursor->total;
	int64_t class = sr_column_integer(cursor->stmt, 0);

	*total = (sr_total){.size_from = SR_NULL_INTEGER, .size_below = SR_NULL_INTEGER};
	if (cursor->by != SR_TOTAL_BY_SIZE) {
		total->name = sr_column_text(cursor->stmt, 0);
	} else if (class >= 0 && class < CLASSES) {
		total->name = sr_text_of(classes[class].name);
		total->size_from = classes[class].from;
		total->size_below = classes[class].below;
	}
	total->files = sr_column_integer(cursor->stmt, 1);
	total->bytes = whole(sr_column_real(cursor->stmt, 2));
	total->verified_files = sr_column_integer(cursor->stmt, 3);
}

sr_status sr_totals_next(sr_totals *cursor, const sr_total **total)
{
	sr_status rc;
	bool row;

	*total = NULL;
	if (cursor->stmt == NULL)
		return sr_return(SR_OK);
	rc = sr_step(cursor->stmt, &row);
	if (rc != SR_OK || !row) {
		end(cursor);
		return sr_return(rc);
	}
	read_row(cursor);
	*total = &cursor->total;
	return sr_return(SR_OK);
}

void sr_totals_close(sr_totals *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	free(cursor);
}
