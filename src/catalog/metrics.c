/*
 * Values that programs measured, over time: metrics_history, which old programs write too.
 *
 * Rows come in the order of their texts, and are handed out in the order of the instants that
 * those mean. The two differ by zones and forms, never by more than a day, so a heap of those that
 * may still be overtaken is all that is kept in memory.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/instant.h"
#include "aged.h"

static sr_status check_name(sr_text name)
{
	if (name.data == NULL || name.length == 0)
		return sr_fail(SR_INVALID, "the name of a metric is empty");
	if (name.length > SR_METRIC_NAME_MAX)
		return sr_fail(SR_INVALID,
			       "the name of a metric has %zu bytes, more than the %d allowed: %s",
			       name.length, SR_METRIC_NAME_MAX, sr_quoted(name));
	if (!sr_text_is_utf8(name))
		return sr_fail(SR_INVALID, "the name of a metric is not UTF-8: %s",
			       sr_quoted(name));
	if (sr_text_has_control(name))
		return sr_fail(SR_INVALID, "the name of a metric has control characters: %s",
			       sr_quoted(name));
	return SR_OK;
}

/* ---- Recording ---- */

typedef struct recording {
	sr_text name;
	double value;
	char now[SR_TIME_TEXT_SIZE];
} recording;

static sr_status record(sr_conn *conn, void *arg)
{
	const recording *job = arg;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn,
			     "INSERT INTO metrics_history (timestamp, metric_name, value)"
			     " VALUES ($1, $2, $3)",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, job->now);
	sr_bind_name(stmt, 2, job->name);
	sr_bind_real(stmt, 3, job->value);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_metric_record(sr_catalog *catalog, sr_text name, double value)
{
	recording job = {.name = name, .value = value};
	sr_status rc;

	if ((rc = check_name(name)) != SR_OK)
		return sr_return(rc);
	if (!isfinite(value))
		return sr_return(sr_fail(SR_INVALID, "the value %g of metric %s is no number",
					 value, sr_quoted(name)));
	sr_time_format(sr_time_now(), job.now);
	return sr_return(sr_catalog_write(catalog, SR_HERE, record, &job));
}

/* ---- Reading ---- */

typedef struct sample {
	int64_t instant;
	int64_t number; /* In the order of reading, for those of one instant. */
	double value;
} sample;

struct sr_metrics {
	sr_reading reading; /* Zeroed once the last row was handed out. */
	sr_stmt *stmt;      /* NULL once all are read. */
	int64_t since;
	int64_t read; /* Rows so far. */
	int64_t safe; /* No row to come is older. */
	sample *heap; /* Those read and not handed out, the oldest at the top. */
	size_t count;
	size_t capacity;
	sr_metric metric; /* What the last step handed out. */
};

static bool before(const sample *a, const sample *b)
{
	return a->instant != b->instant ? a->instant < b->instant : a->number < b->number;
}

static void swap(sample *a, sample *b)
{
	sample other = *a;

	*a = *b;
	*b = other;
}

static sr_status push(sr_metrics *cursor, const sample *one)
{
	size_t at = cursor->count;

	if (cursor->count == cursor->capacity) {
		size_t capacity = cursor->capacity ? cursor->capacity * 2 : 64;
		sample *wider = realloc(cursor->heap, capacity * sizeof(*wider));

		if (wider == NULL)
			return sr_fail_memory();
		cursor->heap = wider;
		cursor->capacity = capacity;
	}
	cursor->heap[cursor->count++] = *one;
	for (; at > 0 && before(&cursor->heap[at], &cursor->heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&cursor->heap[at], &cursor->heap[(at - 1) / 2]);
	return SR_OK;
}

static sample pop(sr_metrics *cursor)
{
	sample top = cursor->heap[0];
	size_t at = 0;

	cursor->heap[0] = cursor->heap[--cursor->count];
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < cursor->count &&
		    before(&cursor->heap[child + 1], &cursor->heap[child]))
			child++;
		if (child >= cursor->count || !before(&cursor->heap[child], &cursor->heap[at]))
			return top;
		swap(&cursor->heap[child], &cursor->heap[at]);
		at = child;
	}
}

/* Gives the connection back as soon as there is nothing more to read. */
static void end(sr_metrics *cursor)
{
	sr_stmt_done(cursor->stmt);
	cursor->stmt = NULL;
	sr_reading_end(&cursor->reading);
	memset(&cursor->reading, 0, sizeof(cursor->reading));
}

/* The beginning of the text's day less a day, for zones; false where it begins with none. */
static bool day_before(sr_text time, int64_t *instant)
{
	char day[11];

	if (time.data == NULL || time.length < 10)
		return false;
	memcpy(day, time.data, 10);
	day[10] = '\0';
	if (!sr_instant_read(day, instant, NULL))
		return false;
	*instant -= SR_DAY_US;
	return true;
}

/* Reads until the oldest row in memory can be overtaken by none. */
static sr_status read_ahead(sr_metrics *cursor)
{
	sr_status rc;
	bool row;

	while (cursor->stmt != NULL &&
	       (cursor->count == 0 || cursor->heap[0].instant >= cursor->safe)) {
		sample one = {.number = cursor->read++};
		sr_text time;

		rc = sr_step(cursor->stmt, &row);
		if (rc != SR_OK || !row) {
			sr_stmt_done(cursor->stmt);
			cursor->stmt = NULL;
			return rc;
		}
		time = sr_column_text(cursor->stmt, 0);
		one.value = sr_column_real(cursor->stmt, 1);
		(void)day_before(time, &cursor->safe);
		if ((rc = sr_stmt_check(cursor->stmt)) != SR_OK)
			return rc;
		if (sr_aged_read(time, &one.instant) && one.instant >= cursor->since &&
		    isfinite(one.value) && (rc = push(cursor, &one)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

/* The oldest databases have no such table. */
static sr_status has_table(sr_conn *conn, bool *has)
{
	int64_t count = 0;
	sr_status rc = sr_query_integer(conn,
					"SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
					" AND name = 'metrics_history' COLLATE NOCASE",
					&count);

	*has = count > 0;
	return rc;
}

static sr_status open_rows(sr_metrics *cursor, sr_text name)
{
	char since[SR_TIME_TEXT_SIZE];
	sr_status rc;
	bool has;

	if ((rc = has_table(cursor->reading.conn, &has)) != SR_OK)
		return rc;
	if (!has)
		return SR_OK;
	if ((rc = sr_prepare(cursor->reading.conn,
			     "SELECT m.timestamp, m.value FROM metrics_history m"
			     " WHERE m.metric_name = $1 AND m.timestamp >= $2"
			     " ORDER BY m.timestamp, m.id",
			     &cursor->stmt)) != SR_OK)
		return rc;
	sr_aged_floor(cursor->since, since);
	sr_bind_name(cursor->stmt, 1, name);
	sr_bind_text(cursor->stmt, 2, since);
	return SR_OK;
}

sr_status sr_metric_list(sr_catalog *catalog, sr_text name, int64_t hours, sr_metrics **cursor)
{
	sr_metrics *fresh;
	sr_status rc;

	*cursor = NULL;
	if ((rc = check_name(name)) != SR_OK)
		return sr_return(rc);
	if (hours < 1 || hours > SR_METRIC_HOURS_MAX)
		return sr_return(sr_fail(SR_INVALID, "metrics of %" PRId64 " hours: 1 to %d", hours,
					 SR_METRIC_HOURS_MAX));
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	fresh->since = sr_time_now() - hours * 3600 * INT64_C(1000000);
	fresh->safe = INT64_MIN;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &fresh->reading)) == SR_OK)
		rc = open_rows(fresh, name);
	if (rc != SR_OK) {
		sr_metrics_close(fresh);
		return sr_return(rc);
	}
	*cursor = fresh;
	return sr_return(SR_OK);
}

sr_status sr_metrics_next(sr_metrics *cursor, const sr_metric **metric)
{
	sr_status rc;
	sample one;

	*metric = NULL;
	if (cursor->reading.catalog != NULL &&
	    (rc = sr_catalog_check_process(cursor->reading.catalog)) != SR_OK)
		return sr_return(rc);
	if ((rc = read_ahead(cursor)) != SR_OK)
		return sr_return(rc);
	if (cursor->count == 0) {
		end(cursor);
		return sr_return(SR_OK);
	}
	one = pop(cursor);
	sr_time_format(one.instant, cursor->metric.timestamp);
	cursor->metric.value = one.value;
	*metric = &cursor->metric;
	return sr_return(SR_OK);
}

void sr_metrics_close(sr_metrics *cursor)
{
	if (cursor == NULL)
		return;
	end(cursor);
	free(cursor->heap);
	free(cursor);
}

/* ---- Retention ---- */

sr_status sr_metric_cleanup(sr_catalog *catalog, int64_t days, int64_t *removed)
{
	int64_t count = 0;
	sr_status rc;

	if (removed != NULL)
		*removed = 0;
	if (days < 0 || days > SR_METRIC_HOURS_MAX / 24)
		return sr_return(sr_fail(SR_INVALID, "metrics older than %" PRId64 " days: 0 to %d",
					 days, SR_METRIC_HOURS_MAX / 24));
	rc = sr_aged_delete(catalog, "metrics_history", "id", "timestamp",
			    sr_time_now() - days * SR_DAY_US, &count);
	if (removed != NULL)
		*removed = count;
	return sr_return(rc);
}
