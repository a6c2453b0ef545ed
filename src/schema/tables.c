/* All tables of a database, as a rehearsal compares them around its steps. */
#include "rehearsal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void sr_table_sums_free(sr_table_sums *sums)
{
	for (size_t i = 0; i < sums->count; i++) {
		free(sums->list[i].name);
		free(sums->list[i].select);
	}
	free(sums->list);
	*sums = (sr_table_sums){NULL, 0};
}

const sr_table_sum *sr_table_sums_find(const sr_table_sums *sums, const char *name)
{
	for (size_t i = 0; sums && i < sums->count; i++)
		if (strcasecmp(sums->list[i].name, name) == 0)
			return &sums->list[i];
	return NULL;
}

/* The columns of the table that `after` has no more. */
static sr_status columns_going(const char *table, const sr_schema_object *before,
			       const sr_schema_object *after, sr_names *going)
{
	const sr_schema_object *old = before ? sr_schema_find(before, "table", table) : NULL;
	const sr_schema_object *now = after ? sr_schema_find(after, "table", table) : NULL;
	sr_status rc = SR_OK;

	if (old == NULL || now == NULL)
		return SR_OK;
	for (const sr_schema_column *c = old->columns; c->name && rc == SR_OK; c++)
		if (!sr_schema_has_column(now, c->name))
			rc = sr_names_add(going, c->name);
	return rc;
}

/* Adds the table's sum by the query that is in select, which goes over to it. */
static sr_status sum_add(sr_conn *conn, char *name, sr_buffer *select, const sr_table_sum *known,
			 sr_table_sums *sums)
{
	sr_table_sum *sum = &sums->list[sums->count++];
	sr_status rc;

	sum->name = name;
	if ((rc = sr_buffer_status(select)) != SR_OK)
		return rc;
	sum->select = sr_buffer_take(select);
	if (known && strcmp(known->select, sum->select) == 0) {
		sum->rows = known->rows;
		memcpy(sum->sum, known->sum, sizeof(sum->sum));
	} else if ((rc = sr_rows_digest(conn, sum->select, &sum->rows, sum->sum)) != SR_OK) {
		return rc;
	}
	if (known)
		sum->broken = known->broken;
	else
		rc = sr_table_violations(conn, name, &sum->broken);
	return rc;
}

static sr_status sums_begin(sr_conn *conn, sr_names *tables, sr_table_sums *sums)
{
	sr_status rc;

	*sums = (sr_table_sums){NULL, 0};
	if ((rc = sr_tables(conn, tables)) != SR_OK)
		return rc;
	sums->list = calloc(tables->count + 1, sizeof(*sums->list));
	return sums->list ? SR_OK : sr_fail_memory();
}

sr_status sr_table_sums_take(sr_conn *conn, const sr_schema_object *before,
			     const sr_schema_object *after, const sr_table_sums *known,
			     sr_table_sums *sums)
{
	sr_names tables = {NULL, 0};
	sr_status rc = sums_begin(conn, &tables, sums);

	for (size_t i = 0; i < tables.count && rc == SR_OK; i++) {
		sr_buffer select = SR_BUFFER_EMPTY;
		sr_names going = {NULL, 0};
		char *name = tables.names[i];

		rc = columns_going(name, before, after, &going);
		if (rc == SR_OK)
			rc = sr_table_select(conn, name, &going, &select);
		if (rc == SR_OK) {
			tables.names[i] = NULL;
			rc = sum_add(conn, name, &select, sr_table_sums_find(known, name), sums);
		}
		sr_names_free(&going);
		sr_buffer_free(&select);
	}
	sr_names_free(&tables);
	if (rc != SR_OK)
		sr_table_sums_free(sums);
	return rc;
}

sr_status sr_table_sums_again(sr_conn *conn, const sr_table_sums *before, sr_table_sums *sums)
{
	sr_names tables = {NULL, 0};
	sr_status rc = sums_begin(conn, &tables, sums);

	for (size_t i = 0; i < tables.count && rc == SR_OK; i++) {
		const sr_table_sum *old = sr_table_sums_find(before, tables.names[i]);
		sr_buffer select = SR_BUFFER_EMPTY;
		char *name = tables.names[i];

		if (old)
			sr_buffer_add_string(&select, old->select);
		else
			rc = sr_table_select(conn, name, NULL, &select);
		if (rc == SR_OK) {
			tables.names[i] = NULL;
			rc = sum_add(conn, name, &select, NULL, sums);
		}
		sr_buffer_free(&select);
	}
	sr_names_free(&tables);
	if (rc != SR_OK)
		sr_table_sums_free(sums);
	return rc;
}
