/* Rows in memory: all of a query's, or those that a statement returns. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "rows.h"

/* What callers get, and the memory behind it. */
typedef struct table {
	sr_table table; /* First, so that its address is this one's. */
	char **names;
	sr_value *values;
	size_t filled;   /* Values in use. */
	size_t capacity; /* Values allocated. */
} table;

/* ---- Filling ---- */

static sr_status copy_value(const sr_value *value, sr_value *copy)
{
	char *bytes;

	*copy = *value;
	copy->text = sr_text_of(NULL);
	if (value->type != SR_TEXT && value->type != SR_BLOB)
		return SR_OK;
	if ((bytes = malloc(value->text.length + 1)) == NULL) {
		copy->type = SR_NULL;
		return sr_fail_memory();
	}
	if (value->text.length > 0)
		memcpy(bytes, value->text.data, value->text.length);
	bytes[value->text.length] = '\0';
	copy->text = (sr_text){bytes, value->text.length};
	return SR_OK;
}

static sr_status make_room(table *all)
{
	size_t capacity = (all->capacity + all->table.columns) * 2;
	sr_value *more = realloc(all->values, capacity * sizeof(*more));

	if (more == NULL)
		return sr_fail_memory();
	all->values = more;
	all->capacity = capacity;
	all->table.values = more;
	return SR_OK;
}

sr_status sr_table_add(sr_table *out, sr_stmt *stmt)
{
	table *all = (table *)out;
	size_t columns = all->table.columns;
	sr_status rc;

	if ((rc = sr_same_columns(stmt, columns)) != SR_OK)
		return rc;
	if (all->filled + columns > all->capacity && (rc = make_room(all)) != SR_OK)
		return rc;
	for (size_t i = 0; i < columns; i++) {
		sr_value value;

		sr_column_value(stmt, (int)i, &value);
		if ((rc = copy_value(&value, &all->values[all->filled])) != SR_OK)
			return rc;
		all->filled++;
	}
	all->table.rows++;
	return SR_OK;
}

sr_status sr_table_new(const sr_stmt *stmt, sr_table **out)
{
	table *all = calloc(1, sizeof(*all));
	sr_status rc;

	*out = NULL;
	if (all == NULL)
		return sr_fail_memory();
	all->table.columns = stmt != NULL ? (size_t)sr_columns(stmt) : 0;
	if ((rc = sr_name_columns(stmt, all->table.columns, &all->names)) != SR_OK) {
		sr_table_free(&all->table);
		return rc;
	}
	all->table.names = (const char *const *)all->names;
	*out = &all->table;
	return SR_OK;
}

void sr_table_free(sr_table *out)
{
	table *all = (table *)out;

	if (all == NULL)
		return;
	for (size_t i = 0; i < all->filled; i++)
		free((char *)(uintptr_t)all->values[i].text.data);
	sr_free_names(all->names, all->table.columns);
	free(all->values);
	free(all);
}

/* ---- A query's ---- */

static sr_status add_rows(sr_table *all, sr_stmt *stmt, size_t limit)
{
	sr_status rc = SR_OK;
	bool row = true;

	while (rc == SR_OK && (limit == 0 || all->rows < limit)) {
		if ((rc = sr_step(stmt, &row)) != SR_OK || !row)
			break;
		rc = sr_table_add(all, stmt);
	}
	return rc;
}

sr_status sr_fetch(sr_catalog *catalog, const char *sql, const sr_value *values, size_t count,
		   size_t limit, sr_table **out)
{
	sr_table *all = NULL;
	sr_rows *rows;
	sr_status rc;

	*out = NULL;
	if ((rc = sr_query_open(catalog, sql, values, count, &rows)) != SR_OK)
		return sr_return(rc);
	if ((rc = sr_table_new(sr_rows_statement(rows), &all)) == SR_OK &&
	    (rc = add_rows(all, sr_rows_statement(rows), limit)) == SR_OK) {
		*out = all;
		all = NULL;
	}
	sr_table_free(all);
	sr_rows_close(rows);
	return sr_return(rc);
}
