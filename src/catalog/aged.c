#include "aged.h"

#include <string.h>

#include "../base/instant.h"

bool sr_aged_read(sr_text time, int64_t *instant)
{
	return time.data != NULL && strlen(time.data) == time.length &&
	       sr_instant_read(time.data, instant, NULL);
}

/* The day that is `days` before or after the instant's. */
static void day_of(int64_t instant, int days, char text[SR_TIME_TEXT_SIZE])
{
	if (instant < SR_TIME_FIRST + 2 * SR_DAY_US)
		instant = SR_TIME_FIRST + 2 * SR_DAY_US;
	if (instant > SR_TIME_LAST - 2 * SR_DAY_US)
		instant = SR_TIME_LAST - 2 * SR_DAY_US;
	sr_time_format(instant + days * SR_DAY_US, text);
	text[10] = '\0';
}

void sr_aged_floor(int64_t instant, char text[SR_TIME_TEXT_SIZE])
{
	day_of(instant, -1, text);
}

/* ---- Deleting ---- */

#define PORTION 2000

typedef struct portion {
	const char *table;
	const char *key;
	int64_t keys[PORTION];
	size_t count;
	int64_t last;    /* The key that the search for the next portion goes on behind. */
	int64_t removed; /* Of this portion. */
} portion;

/* Gathers the next keys. In the order of keys, so that all portions together read the table once;
 * the unary plus keeps the index on the time out of that. */
static sr_status gather(sr_reading *reading, const char *time, int64_t before, portion *part)
{
	char behind[SR_TIME_TEXT_SIZE];
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	int64_t instant;
	sr_status rc;
	bool row;

	day_of(before, 2, behind);
	part->count = 0;
	sr_buffer_printf(&sql,
			 "SELECT t.%s, t.%s FROM %s t WHERE +t.%s < $1 AND t.%s > $2 ORDER BY t.%s",
			 part->key, time, part->table, time, part->key, part->key);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(reading->conn, sql.data, &stmt);
	sr_buffer_free(&sql);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, behind);
	sr_bind_integer(stmt, 2, part->last);
	while (part->count < PORTION && (rc = sr_step(stmt, &row)) == SR_OK && row) {
		part->last = sr_column_integer(stmt, 0);
		if (sr_aged_read(sr_column_text(stmt, 1), &instant) && instant < before)
			part->keys[part->count++] = part->last;
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status delete_portion(sr_conn *conn, void *arg)
{
	portion *part = arg;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	sr_status rc;

	part->removed = 0;
	sr_buffer_printf(&sql, "DELETE FROM %s WHERE %s = $1", part->table, part->key);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(conn, sql.data, &stmt);
	sr_buffer_free(&sql);
	for (size_t i = 0; i < part->count && rc == SR_OK; i++) {
		sr_bind_integer(stmt, 1, part->keys[i]);
		if ((rc = sr_run(stmt)) == SR_OK)
			part->removed += sr_conn_changes(conn);
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_aged_delete(sr_catalog *catalog, const char *table, const char *key, const char *time,
			 int64_t before, int64_t *removed)
{
	portion part = {.table = table, .key = key, .last = INT64_MIN + 1};
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_catalog_writable(catalog)) != SR_OK)
		return rc;
	do {
		if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
			return rc;
		rc = gather(&reading, time, before, &part);
		sr_reading_end(&reading);
		if (rc != SR_OK || part.count == 0)
			return rc;
		if ((rc = sr_catalog_write(catalog, SR_HERE, delete_portion, &part)) != SR_OK)
			return rc;
		*removed += part.removed;
	} while (part.count == PORTION);
	return SR_OK;
}
