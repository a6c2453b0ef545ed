/* All rows of a query at once. */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"

/* What sr_fetch returns, and the memory behind it. */
typedef struct table {
	sr_table table; /* First, so that its address is this one's. */
	char **names;
	sr_value *values;
	size_t filled;   /* Values in use. */
	size_t capacity; /* Values allocated. */
} table;

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

static sr_status add_row(table *all, const sr_value *values)
{
	size_t columns = all->table.columns;
	sr_status rc = SR_OK;

	if (all->filled + columns > all->capacity) {
		size_t capacity = (all->capacity + columns) * 2;
		sr_value *more = realloc(all->values, capacity * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		all->values = more;
		all->capacity = capacity;
	}
	for (size_t i = 0; i < columns && rc == SR_OK; i++)
		rc = copy_value(&values[i], &all->values[all->filled++]);
	all->table.rows++;
	return rc;
}

static sr_status copy_names(table *all, const sr_rows *rows)
{
	all->table.columns = sr_rows_columns(rows);
	if ((all->names = calloc(all->table.columns + 1, sizeof(*all->names))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < all->table.columns; i++) {
		if ((all->names[i] = strdup(sr_rows_name(rows, i))) == NULL)
			return sr_fail_memory();
	}
	return SR_OK;
}

static sr_status add_rows(table *all, sr_rows *rows, size_t limit)
{
	const sr_value *values;
	sr_status rc;

	while (limit == 0 || all->table.rows < limit) {
		if ((rc = sr_rows_next(rows, &values)) != SR_OK || values == NULL)
			return rc;
		if ((rc = add_row(all, values)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

sr_status sr_fetch(sr_catalog *catalog, const char *sql, const sr_value *values, size_t count,
		   size_t limit, sr_table **out)
{
	table *all = calloc(1, sizeof(*all));
	sr_rows *rows;
	sr_status rc;

	*out = NULL;
	if (all == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = sr_query_open(catalog, sql, values, count, &rows)) != SR_OK)
		goto err0;
	if ((rc = copy_names(all, rows)) == SR_OK)
		rc = add_rows(all, rows, limit);
	sr_rows_close(rows);
	if (rc != SR_OK)
		goto err0;
	all->table.names = (const char *const *)all->names;
	all->table.values = all->values;
	*out = &all->table;
	return sr_return(SR_OK);

err0:
	sr_table_free(&all->table);
	return sr_return(rc);
}

void sr_table_free(sr_table *out)
{
	table *all = (table *)out;

	if (all == NULL)
		return;
	for (size_t i = 0; i < all->filled; i++)
		free((char *)(uintptr_t)all->values[i].text.data);
	for (size_t i = 0; all->names != NULL && i < all->table.columns; i++)
		free(all->names[i]);
	free(all->names);
	free(all->values);
	free(all);
}
