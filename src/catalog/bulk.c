#include "bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../schema/counters.h"

/* ---- Counting ---- */

static size_t hash(const sr_bulk_count *one, const char *key)
{
	uint64_t h = 14695981039346656037U ^ (uint64_t)one->class << 2 ^
		     (uint64_t)one->verified << 1 ^ (uint64_t)one->day;

	for (size_t i = 0; i < one->length; i++)
		h = (h ^ (unsigned char)key[i]) * 1099511628211U;
	return (size_t)(h ^ (h >> 32));
}

static bool same(const sr_bulk *bulk, const sr_bulk_count *a, const sr_bulk_count *b,
		 const char *key)
{
	return a->day == b->day && a->class == b->class && a->verified == b->verified &&
	       a->length == b->length &&
	       (a->length == 0 || memcmp(bulk->keys.data + a->key, key, a->length) == 0);
}

/* Where the counter's index is, or would be. */
static size_t *place(const sr_bulk *bulk, const sr_bulk_count *one, const char *key)
{
	size_t mask = bulk->places_count - 1;
	size_t i = hash(one, key) & mask;

	while (bulk->places[i] != 0 && !same(bulk, &bulk->list[bulk->places[i] - 1], one, key))
		i = (i + 1) & mask;
	return &bulk->places[i];
}

/* Room for one more, in the list and in a hash that is at most half full. */
static sr_status make_room(sr_bulk *bulk)
{
	size_t wanted = bulk->places_count ? bulk->places_count * 2 : 64;
	sr_bulk_count *list;
	size_t *places;

	if (bulk->count * 2 < bulk->places_count)
		return SR_OK;
	if ((list = realloc(bulk->list, wanted / 2 * sizeof(*list))) == NULL)
		return sr_fail_memory();
	bulk->list = list;
	if ((places = calloc(wanted, sizeof(*places))) == NULL)
		return sr_fail_memory();
	free(bulk->places);
	bulk->places = places;
	bulk->places_count = wanted;
	for (size_t i = 0; i < bulk->count; i++)
		*place(bulk, &list[i], bulk->keys.data + list[i].key) = i + 1;
	return SR_OK;
}

static sr_status count_one(sr_bulk *bulk, sr_bulk_count one, sr_text key, int64_t bytes)
{
	sr_bulk_count *found;
	size_t *where;
	sr_status rc;

	if ((rc = make_room(bulk)) != SR_OK)
		return rc;
	one.length = key.length;
	where = place(bulk, &one, key.data);
	if (*where == 0) {
		one.key = bulk->keys.length;
		sr_buffer_add_text(&bulk->keys, key);
		if ((rc = sr_buffer_status(&bulk->keys)) != SR_OK)
			return rc;
		bulk->list[bulk->count] = one;
		*where = ++bulk->count;
	}
	found = &bulk->list[*where - 1];
	found->files++;
	found->bytes += bytes;
	return SR_OK;
}

sr_status sr_bulk_category(sr_conn *conn, int64_t row_id, sr_buffer *category)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(conn, "SELECT f.FileCategory FROM files f WHERE f.rowid = $1", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, row_id);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_buffer_add_text(category, sr_column_text(stmt, 0));
		rc = sr_buffer_status(category);
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_bulk_add(sr_bulk *bulk, sr_account *account, int64_t size, sr_text category,
		      bool verified, sr_text date)
{
	const sr_bulk_count total = {.class = sr_counted_class(size), .verified = verified};
	const int64_t bytes = sr_counted_size(size);
	sr_status rc;

	if ((rc = count_one(bulk, total, category, bytes)) != SR_OK ||
	    (rc = count_one(bulk, (sr_bulk_count){.day = true}, sr_counted_day(date), bytes)) !=
		    SR_OK)
		return rc;
	account->added_files++;
	account->added_bytes += bytes;
	bulk->files++;
	bulk->bytes += bytes;
	return SR_OK;
}

void sr_bulk_free(sr_bulk *bulk)
{
	sr_buffer_free(&bulk->keys);
	free(bulk->list);
	free(bulk->places);
	*bulk = (sr_bulk){.keys = SR_BUFFER_EMPTY};
}

/* ---- Writing it ---- */

/* A clock that is set to another millennium makes no time that is counted. */
static bool is_counted(const char *recorded_at)
{
	return recorded_at[0] == '2' && strlen(recorded_at) >= 20 && recorded_at[10] == 'T';
}

static sr_status settle_client(sr_conn *conn, const sr_account *account, const char *second)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"INSERT INTO client_usage (ClientID, Files, Bytes) VALUES ($1, $2, $3)"
			" ON CONFLICT (ClientID) DO UPDATE SET Files = Files + excluded.Files,"
			" Bytes = Bytes + excluded.Bytes",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, &account->client);
	sr_bind_integer(stmt, 2, account->added_files);
	sr_bind_integer(stmt, 3, account->added_bytes);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	if (rc != SR_OK || !is_counted(second))
		return rc;
	rc = sr_prepare(conn,
			"INSERT INTO client_recorded (ClientID, RecordedAt, Files)"
			" VALUES ($1, $2, $3) ON CONFLICT (ClientID, RecordedAt)"
			" DO UPDATE SET Files = Files + excluded.Files",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_id(stmt, 1, &account->client);
	sr_bind_text(stmt, 2, second);
	sr_bind_integer(stmt, 3, account->added_files);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status settle_day(sr_conn *conn, sr_text day, const int64_t counts[4])
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"INSERT INTO file_days (Date, Files, Bytes, RecordedFiles, RecordedBytes)"
			" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (Date) DO UPDATE SET"
			" Files = Files + excluded.Files, Bytes = Bytes + excluded.Bytes,"
			" RecordedFiles = RecordedFiles + excluded.RecordedFiles,"
			" RecordedBytes = RecordedBytes + excluded.RecordedBytes",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, day);
	for (int i = 0; i < 4; i++)
		sr_bind_integer(stmt, 2 + i, counts[i]);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status settle_total(sr_conn *conn, const sr_bulk_count *one, sr_text category)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"INSERT INTO file_totals (Category, SizeClass, Verified, Files, Bytes)"
			" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (Category, SizeClass, Verified)"
			" DO UPDATE SET Files = Files + excluded.Files,"
			" Bytes = Bytes + excluded.Bytes",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_name(stmt, 1, category);
	sr_bind_integer(stmt, 2, one->class);
	sr_bind_integer(stmt, 3, one->verified);
	sr_bind_integer(stmt, 4, one->files);
	sr_bind_integer(stmt, 5, one->bytes);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_bulk_settle(sr_conn *conn, const sr_bulk *bulk, const sr_accounts *accounts,
			 const char *recorded_at)
{
	const int64_t recorded[4] = {0, 0, bulk->files, bulk->bytes};
	sr_status rc = SR_OK;
	char second[32];

	if (bulk->files == 0)
		return SR_OK;
	/* "2026-01-31T09:30:00" of a time that may have a fraction. */
	snprintf(second, sizeof(second), "%.19sZ", recorded_at);
	for (size_t i = 0; rc == SR_OK && i < accounts->count; i++)
		if (accounts->list[i].added_files > 0)
			rc = settle_client(conn, &accounts->list[i], second);
	for (size_t i = 0; rc == SR_OK && i < bulk->count; i++) {
		const sr_bulk_count *one = &bulk->list[i];
		const int64_t counts[4] = {one->files, one->bytes, 0, 0};
		sr_text key = {bulk->keys.data ? bulk->keys.data + one->key : "", one->length};

		rc = one->day ? settle_day(conn, key, counts) : settle_total(conn, one, key);
	}
	if (rc == SR_OK && is_counted(recorded_at))
		rc = settle_day(conn, (sr_text){second, 10}, recorded);
	return rc;
}
