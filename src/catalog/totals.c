/* Files and bytes by category, size, day and month, from the counters that triggers keep; on
 * databases that have none, by counting the files. */
#include <stdlib.h>
#include <string.h>

#include "../schema/counters.h"
#include "catalog.h"
#include "size_class.h"

struct sr_totals {
	sr_reading reading; /* Zeroed once the last row was seen. */
	sr_stmt *stmt;      /* NULL then. */
	sr_total_by by;
	sr_total total; /* What the last step handed out. */
};

/* ---- The query ---- */

/* Files, and bytes in halves: a sum of integers that is more than one holds would be an error, and
 * total() rounds. */
#define SUMS(files, bytes) "sum(" files "), sum(" bytes " >> 32), sum(" bytes " & 4294967295)"
#define COUNTED            SUMS("t.Files", "t.Bytes")
#define RECORDED           SUMS("t.RecordedFiles", "t.RecordedBytes")
#define VERIFIED           "sum(t.Files * t.Verified)"

/* Name, these, verified files; of a relation t with the columns of the counters. */
static const struct {
	bool days; /* Of file_days, else of file_totals. */
	const char *columns;
	const char *some; /* Which rows count anything. */
} queries[] = {
	[SR_TOTAL_BY_CATEGORY] = {false, "nullif(t.Category, '') AS k, " COUNTED ", " VERIFIED,
				  "t.Files > 0"},
	[SR_TOTAL_BY_SIZE] = {false, "t.SizeClass AS k, " COUNTED ", " VERIFIED, "t.Files > 0"},
	[SR_TOTAL_BY_DAY] = {true, "nullif(t.Date, '') AS k, " COUNTED ", NULL", "t.Files > 0"},
	[SR_TOTAL_BY_MONTH] = {true, "nullif(substr(t.Date, 1, 7), '') AS k, " COUNTED ", NULL",
			       "t.Files > 0"},
	[SR_TOTAL_BY_RECORDED] = {true, "nullif(t.Date, '') AS k, " RECORDED ", NULL",
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

/* At most what an integer holds. */
static int64_t whole(int64_t high, int64_t low)
{
	int64_t bytes;

	if (__builtin_mul_overflow(high, INT64_C(1) << 32, &bytes) ||
	    __builtin_add_overflow(bytes, low, &bytes))
		return INT64_MAX;
	return bytes;
}

static int64_t whole_sum(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void read_row(sr_totals *cursor)
{
	sr_stmt *stmt = cursor->stmt;
	sr_total *total = &cursor->total;

	*total = (sr_total){.size_from = SR_NULL_INTEGER, .size_below = SR_NULL_INTEGER};
	if (cursor->by == SR_TOTAL_BY_SIZE) {
		const sr_size_class *class = sr_size_class_of(sr_column_integer(stmt, 0));

		total->name = sr_text_of(class->name);
		total->size_from = class->from;
		total->size_below = class->below;
	} else {
		total->name = sr_column_text(stmt, 0);
	}
	total->files = sr_column_integer(stmt, 1);
	total->bytes = whole(sr_column_integer(stmt, 2), sr_column_integer(stmt, 3));
	total->verified_files = sr_column_integer(stmt, 4);
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
	if ((rc = sr_stmt_check(cursor->stmt)) != SR_OK)
		return sr_return(rc);
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

/* ---- Sums of all ---- */

static sr_status prepare_sums(const sr_reading *reading, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, "SELECT t.Verified, t.SizeClass > 0, " COUNTED " FROM ");
	if (reading->shape.version >= SR_COUNTERS_VERSION)
		sr_buffer_add_string(&sql, "file_totals");
	else
		add_counted(&sql, &reading->shape, false);
	sr_buffer_add_string(&sql, " AS t WHERE t.Files > 0 GROUP BY 1, 2");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(reading->conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

/* The files that are verified or not, and have a size or not. */
static void add_sums(sr_file_sums *sums, sr_stmt *stmt)
{
	const bool verified = sr_column_integer(stmt, 0) != 0;
	const bool sized = sr_column_integer(stmt, 1) != 0;
	const int64_t files = sr_column_integer(stmt, 2);
	const int64_t bytes = whole(sr_column_integer(stmt, 3), sr_column_integer(stmt, 4));

	sums->files += files;
	sums->sized_files += sized ? files : 0;
	sums->bytes = whole_sum(sums->bytes, bytes);
	if (!verified)
		return;
	sums->verified_files += files;
	sums->verified_sized_files += sized ? files : 0;
	sums->verified_bytes = whole_sum(sums->verified_bytes, bytes);
}

sr_status sr_file_sums_get(sr_catalog *catalog, sr_file_sums *sums)
{
	sr_file_sums found = {0};
	sr_reading reading = {0};
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return sr_return(rc);
	if ((rc = prepare_sums(&reading, &stmt)) == SR_OK) {
		while ((rc = sr_step(stmt, &row)) == SR_OK && row)
			add_sums(&found, stmt);
		sr_stmt_done(stmt);
	}
	sr_reading_end(&reading);
	if (rc == SR_OK)
		*sums = found;
	return sr_return(rc);
}
