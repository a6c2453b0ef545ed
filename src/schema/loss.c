/* What a step down would lose: tables with rows, columns with values other than their default. */
#include "schema.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The condition of "-- Remakes: TABLE WHERE condition" for that table, or NULL. */
static const char *remakes_where(const sr_migration_script *script, const char *table)
{
	size_t length = strlen(table);

	for (const char *const *line = script->remakes; *line; line++)
		if (strncasecmp(*line, table, length) == 0 &&
		    strncasecmp(*line + length, " WHERE ", 7) == 0)
			return *line + length + 7;
	return NULL;
}

static sr_status count_where(sr_conn *conn, const char *table, const char *where, int64_t *rows)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, "SELECT count(*) FROM ");
	sr_buffer_add_identifier(&sql, table);
	if (where)
		sr_buffer_printf(&sql, " WHERE %s", where);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_query_integer(conn, sql.data, rows);
	sr_buffer_free(&sql);
	return rc;
}

static void words_add(sr_buffer *words, const char *table, const char *column, int64_t rows)
{
	sr_buffer_printf(words, "%s%s %s%s%s (%lld %s)", words->length ? ", " : "",
			 column ? "column" : "table", table, column ? "." : "",
			 column ? column : "", (long long)rows, sr_plural(rows, "row", "rows"));
}

static sr_status table_loss(sr_conn *conn, const sr_migration_source *source,
			    const sr_schema_object *table, sr_buffer *words)
{
	const char *where = remakes_where(&source->down, table->name);
	char type[16];
	int64_t rows, kept = 0;
	sr_status rc;

	if ((rc = sr_object_type(conn, table->name, type)) != SR_OK || strcmp(type, "table") != 0)
		return rc;
	if ((rc = count_where(conn, table->name, NULL, &rows)) != SR_OK)
		return rc;
	if (where && (rc = count_where(conn, table->name, where, &kept)) != SR_OK)
		return rc;
	if (rows > kept)
		words_add(words, table->name, NULL, rows - kept);
	return SR_OK;
}

static sr_status column_loss(sr_conn *conn, const char *table, const sr_schema_column *column,
			     sr_buffer *words)
{
	char where[256];
	int64_t rows;
	bool exists;
	sr_status rc;

	rc = sr_column_exists(conn, table, column->name, &exists);
	if (rc != SR_OK || !exists)
		return rc;
	/* A null where the default is something is lost as well: the column comes back full
	 * of the default. */
	snprintf(where, sizeof(where), "%s IS NOT %s", column->name,
		 column->default_sql ? column->default_sql : "NULL");
	if ((rc = count_where(conn, table, where, &rows)) == SR_OK && rows > 0)
		words_add(words, table, column->name, rows);
	return rc;
}

sr_status sr_loss_describe(sr_conn *conn, const sr_migration_source *source,
			   const sr_schema_object *before, sr_buffer *words)
{
	sr_status rc = SR_OK;

	for (const sr_schema_object *now = source->schema; now->type && rc == SR_OK; now++) {
		const sr_schema_object *old;

		if (now->columns == NULL)
			continue;
		old = sr_schema_find(before, "table", now->name);
		if (old == NULL) {
			rc = table_loss(conn, source, now, words);
			continue;
		}
		for (const sr_schema_column *c = now->columns; c->name && rc == SR_OK; c++) {
			/* A key is the number of the row under another name, and that stays. */
			if (!sr_schema_has_column(old, c->name) && c->key == 0)
				rc = column_loss(conn, now->name, c, words);
		}
	}
	return rc == SR_OK ? sr_buffer_status(words) : rc;
}
