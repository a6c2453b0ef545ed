#include "client_totals.h"

#include "../schema/counters.h"

#include <stdlib.h>
#include <string.h>

typedef struct total {
	sr_id id;
	int64_t files; /* 0: the place is free. */
	int64_t bytes;
	char recorded[SR_TIME_TEXT_SIZE]; /* Newest RecordedAt, or "". */
} total;

/* An open hash: places is a power of two and never full. */
struct sr_client_totals {
	total *table;
	size_t places;
	size_t used;
};

static size_t hash(const sr_id *id)
{
	uint64_t h = 14695981039346656037U;

	for (size_t i = 0; i < sizeof(id->bytes); i++)
		h = (h ^ id->bytes[i]) * 1099511628211U;
	return (size_t)(h ^ (h >> 32));
}

/* The place of the id, taken or free. */
static total *place(const sr_client_totals *totals, const sr_id *id)
{
	size_t mask = totals->places - 1;
	size_t i = hash(id) & mask;

	while (totals->table[i].files != 0 && memcmp(&totals->table[i].id, id, sizeof(*id)) != 0)
		i = (i + 1) & mask;
	return &totals->table[i];
}

static sr_status grow(sr_client_totals *totals)
{
	sr_client_totals wider = {.places = totals->places ? totals->places * 2 : 64};

	if ((wider.table = calloc(wider.places, sizeof(*wider.table))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < totals->places; i++) {
		if (totals->table[i].files != 0)
			*place(&wider, &totals->table[i].id) = totals->table[i];
	}
	free(totals->table);
	totals->table = wider.table;
	totals->places = wider.places;
	return SR_OK;
}

/* A row of the query: a client's counters, or one file as counters of one. */
static sr_status add_row(sr_client_totals *totals, sr_stmt *stmt)
{
	int64_t files = sr_column_integer(stmt, 1);
	int64_t size = sr_column_integer(stmt, 2);
	sr_text recorded = sr_column_text(stmt, 3);
	sr_status rc;
	total *one;
	sr_id id;

	if (!sr_column_id(stmt, 0, &id) || files < 1)
		return SR_OK;
	if (totals->used * 2 >= totals->places && (rc = grow(totals)) != SR_OK)
		return rc;
	one = place(totals, &id);
	if (one->files == 0) {
		one->id = id;
		totals->used++;
	}
	one->files += files;
	/* Sizes of damaged rows must not wrap the sum around. */
	if (size > 0 && one->bytes <= INT64_MAX - size)
		one->bytes += size;
	if (recorded.data != NULL && recorded.length < sizeof(one->recorded) &&
	    sr_text_compare(recorded, sr_text_of(one->recorded)) > 0) {
		memcpy(one->recorded, recorded.data, recorded.length);
		one->recorded[recorded.length] = '\0';
	}
	return SR_OK;
}

void sr_client_totals_select(const sr_shape *shape, sr_buffer *sql)
{
	if (shape->version < SR_COUNTERS_VERSION)
		sr_buffer_printf(sql, "SELECT f.ClientID, 1, f.FileSize, f.RecordedAt FROM %s AS f",
				 shape->files);
	else
		sr_buffer_add_string(
			sql, "SELECT u.ClientID, u.Files, u.Bytes,"
			     " (SELECT r.RecordedAt FROM client_recorded r"
			     " WHERE r.ClientID = u.ClientID ORDER BY r.RecordedAt DESC LIMIT 1)"
			     " FROM client_usage u WHERE u.Files > 0");
}

sr_status sr_client_totals_read(sr_reading *reading, sr_client_totals **totals)
{
	sr_client_totals *fresh = calloc(1, sizeof(*fresh));
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	*totals = NULL;
	if (fresh == NULL)
		return sr_fail_memory();
	if ((rc = grow(fresh)) != SR_OK)
		goto err0;
	sr_client_totals_select(&reading->shape, &sql);
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(reading->conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if ((rc = add_row(fresh, stmt)) != SR_OK)
			break;
	}

err0:
	rc = sr_stmt_end(stmt, rc);
	sr_buffer_free(&sql);
	if (rc == SR_OK)
		*totals = fresh;
	else
		sr_client_totals_free(fresh);
	return rc;
}

void sr_client_totals_get(const sr_client_totals *totals, sr_client *client)
{
	const total *one = place(totals, &client->id);

	client->files = one->files;
	client->bytes = one->bytes;
	client->last_recorded = sr_text_of(one->recorded[0] ? one->recorded : NULL);
}

double sr_client_totals_bytes(const sr_client_totals *totals)
{
	double bytes = 0;

	for (size_t i = 0; i < totals->places; i++)
		bytes += (double)totals->table[i].bytes;
	return bytes;
}

void sr_client_totals_free(sr_client_totals *totals)
{
	if (totals == NULL)
		return;
	free(totals->table);
	free(totals);
}
