#include "client_part.h"

#include <stdlib.h>
#include <string.h>

#include "../schema/counters.h"

sr_status sr_client_part_take(sr_client_part *part, sr_text text)
{
	return text.length > 0 ? sr_text_fold(text, &part->folded) : SR_OK;
}

static int compare(const void *a, const void *b)
{
	return memcmp(((const sr_id *)a)->bytes, ((const sr_id *)b)->bytes, sizeof(sr_id));
}

static sr_status add(sr_client_part *part, size_t *room, const sr_id *client)
{
	if (part->count == *room) {
		const size_t more = *room ? *room * 2 : 64;
		sr_id *list = realloc(part->clients, more * sizeof(*list));

		if (list == NULL)
			return sr_fail_memory();
		part->clients = list;
		*room = more;
	}
	part->clients[part->count++] = *client;
	return SR_OK;
}

/* Every client, what it is called and how many files it has. */
static sr_status prepare(const sr_reading *reading, sr_stmt **stmt)
{
	const bool counted = reading->shape.version >= SR_COUNTERS_VERSION;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql, "SELECT c.ID, c.Name, %s FROM %s AS c%s",
			 counted ? "coalesce(u.Files, 0)" : "1", reading->shape.clients,
			 counted ? " LEFT JOIN client_usage u ON u.ClientID = c.ID" : "");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(reading->conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_client_part_find(sr_client_part *part, const sr_reading *reading)
{
	sr_buffer scratch = SR_BUFFER_EMPTY;
	const sr_text text = sr_buffer_text(&part->folded);
	size_t room = 0;
	sr_stmt *stmt;
	sr_status rc;
	sr_id client;
	bool row;

	if (part->found || text.length == 0)
		return SR_OK;
	if ((rc = prepare(reading, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		part->total += sr_column_integer(stmt, 2);
		if (!sr_column_id(stmt, 0, &client) ||
		    !sr_text_contains(sr_column_text(stmt, 1), text, &scratch))
			continue;
		part->rows += sr_column_integer(stmt, 2);
		if ((rc = add(part, &room, &client)) != SR_OK)
			break;
	}
	rc = sr_stmt_end(stmt, rc);
	/* A name that could not be folded for want of memory is not one without the text. */
	if (rc == SR_OK)
		rc = sr_buffer_status(&scratch);
	sr_buffer_free(&scratch);
	if (rc == SR_OK && part->count > 1)
		qsort(part->clients, part->count, sizeof(*part->clients), compare);
	part->found = rc == SR_OK;
	return rc;
}

bool sr_client_part_has(const sr_client_part *part, const sr_id *client)
{
	return part->count > 0 &&
	       bsearch(client, part->clients, part->count, sizeof(*part->clients), compare) != NULL;
}

void sr_client_part_free(sr_client_part *part)
{
	sr_buffer_free(&part->folded);
	free(part->clients);
	*part = (sr_client_part){.clients = NULL};
}
