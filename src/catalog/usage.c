#include "usage.h"

#include <stdlib.h>
#include <string.h>

#include "../base/error.h"
#include "../base/text.h"

#define COUNTED_MAX ((int64_t)1 << 53) /* As the triggers count a size. */

typedef struct counted {
	sr_value client;
	char *bytes_of_client; /* client's memory, where it has any. */
	int64_t files;         /* 0: the place is free. */
	int64_t bytes;
} counted;

/* An open hash: places is a power of two and never full. */
struct sr_usage {
	counted *table;
	size_t places;
	size_t used;
};

static size_t hash(const sr_value *id)
{
	uint64_t h = 14695981039346656037U ^ (uint64_t)id->type;

	if (id->type == SR_INTEGER)
		h = (h ^ (uint64_t)id->integer) * 1099511628211U;
	for (size_t i = 0; (id->type == SR_TEXT || id->type == SR_BLOB) && i < id->text.length; i++)
		h = (h ^ (unsigned char)id->text.data[i]) * 1099511628211U;
	return (size_t)(h ^ (h >> 32));
}

static bool same(const sr_value *a, const sr_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case SR_INTEGER:
		return a->integer == b->integer;
	case SR_REAL:
		return a->real <= b->real && a->real >= b->real;
	case SR_TEXT:
	case SR_BLOB:
		return sr_text_equal(a->text, b->text);
	default:
		return true;
	}
}

/* The place of the id, taken or free. */
static counted *place(const sr_usage *usage, const sr_value *id)
{
	size_t mask = usage->places - 1;
	size_t i = hash(id) & mask;

	while (usage->table[i].files != 0 && !same(&usage->table[i].client, id))
		i = (i + 1) & mask;
	return &usage->table[i];
}

static sr_status grow(sr_usage *usage)
{
	sr_usage wider = {.places = usage->places ? usage->places * 2 : 64};

	if ((wider.table = calloc(wider.places, sizeof(*wider.table))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < usage->places; i++) {
		if (usage->table[i].files != 0)
			*place(&wider, &usage->table[i].client) = usage->table[i];
	}
	free(usage->table);
	usage->table = wider.table;
	usage->places = wider.places;
	return SR_OK;
}

static sr_status keep(counted *one, const sr_value *id)
{
	one->client = *id;
	if (id->type != SR_TEXT && id->type != SR_BLOB)
		return SR_OK;
	/* An empty one has memory too: it is no null. */
	if ((one->bytes_of_client = malloc(id->text.length + 1)) == NULL)
		return sr_fail_memory();
	if (id->text.length > 0)
		memcpy(one->bytes_of_client, id->text.data, id->text.length);
	one->client.text.data = one->bytes_of_client;
	return SR_OK;
}

static sr_status add_row(sr_usage *usage, sr_stmt *stmt)
{
	int64_t size = 0;
	counted *one;
	sr_status rc;
	sr_value id;

	sr_column_value(stmt, 0, &id);
	if (sr_column_type(stmt, 1) == SR_INTEGER)
		size = sr_column_integer(stmt, 1);
	if (usage->used * 2 >= usage->places && (rc = grow(usage)) != SR_OK)
		return rc;
	one = place(usage, &id);
	if (one->files == 0) {
		if ((rc = keep(one, &id)) != SR_OK)
			return rc;
		usage->used++;
	}
	one->files++;
	one->bytes += size < 0 ? 0 : size > COUNTED_MAX ? COUNTED_MAX : size;
	return SR_OK;
}

sr_status sr_usage_count(sr_conn *conn, sr_usage **usage)
{
	sr_usage *fresh = calloc(1, sizeof(*fresh));
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	*usage = NULL;
	if (fresh == NULL)
		return sr_fail_memory();
	if ((rc = grow(fresh)) != SR_OK ||
	    (rc = sr_prepare(conn, "SELECT ClientID, FileSize FROM files", &stmt)) != SR_OK)
		goto err0;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if ((rc = add_row(fresh, stmt)) != SR_OK)
			break;

err0:
	rc = sr_stmt_end(stmt, rc);
	if (rc == SR_OK)
		*usage = fresh;
	else
		sr_usage_free(fresh);
	return rc;
}

void sr_usage_get(const sr_usage *usage, const sr_value *client, int64_t *files, int64_t *bytes)
{
	const counted *one = place(usage, client);

	*files = one->files;
	*bytes = one->bytes;
}

void sr_usage_free(sr_usage *usage)
{
	if (usage == NULL)
		return;
	for (size_t i = 0; i < usage->places; i++)
		free(usage->table[i].bytes_of_client);
	free(usage->table);
	free(usage);
}
