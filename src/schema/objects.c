/* Small questions about a schema. */
#include "schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

sr_status sr_ask(sr_conn *conn, const char *sql, const char *first, const char *second,
		 int64_t *value)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*value = 0;
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	if (first)
		sr_bind_text(stmt, 1, first);
	if (second)
		sr_bind_text(stmt, 2, second);
	rc = sr_step(stmt, &row);
	if (rc == SR_OK && row)
		*value = sr_column_integer(stmt, 0);
	return sr_stmt_end(stmt, rc);
}

sr_status sr_object_type(sr_conn *conn, const char *name, char type[16])
{
	/* pragma_table_list alone tells virtual and shadow tables from ordinary ones. */
	static const char sql[] =
		"SELECT type FROM pragma_table_list WHERE schema = 'main' AND"
		" name = $1 COLLATE NOCASE"
		" UNION ALL SELECT type FROM sqlite_master WHERE type IN ('index', 'trigger')"
		" AND name = $1 COLLATE NOCASE";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	type[0] = '\0';
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, name);
	rc = sr_step(stmt, &row);
	if (rc == SR_OK && row) {
		sr_text text = sr_column_text(stmt, 0);

		if (text.length < 16) {
			memcpy(type, text.data, text.length);
			type[text.length] = '\0';
		}
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_table_type(sr_conn *conn, const char *name, char type[16])
{
	sr_status rc = sr_object_type(conn, name, type);

	if (rc == SR_OK && type[0] != '\0' && strcmp(type, "table") != 0)
		return sr_fail(SR_CORRUPT, "%s: %s is a %s, not a table", sr_conn_path(conn), name,
			       type);
	return rc;
}

sr_status sr_column_exists(sr_conn *conn, const char *table, const char *column, bool *exists)
{
	int64_t found;
	sr_status rc;

	rc = sr_ask(conn, "SELECT 1 FROM pragma_table_xinfo($1) WHERE name = $2 COLLATE NOCASE",
		    table, column, &found);
	*exists = found != 0;
	return rc;
}

sr_status sr_column_unique(sr_conn *conn, const char *table, const char *column, bool *unique)
{
	/* The number of a row has no index. */
	static const char sql[] =
		"SELECT 1 FROM pragma_index_list($1) l WHERE l.\"unique\" AND NOT l.partial AND"
		" (SELECT group_concat(i.name) FROM pragma_index_info(l.name) i) = $2"
		" COLLATE NOCASE UNION ALL SELECT 1 FROM pragma_table_info($1) WHERE pk = 1"
		" AND name = $2 COLLATE NOCASE AND type = 'INTEGER' COLLATE NOCASE"
		" AND (SELECT count(*) FROM pragma_table_info($1) WHERE pk > 0) = 1";
	int64_t found;
	sr_status rc = sr_ask(conn, sql, table, column, &found);

	*unique = found != 0;
	return rc;
}

void sr_buffer_add_identifier(sr_buffer *buffer, const char *name)
{
	sr_buffer_add(buffer, "\"", 1);
	for (; *name; name++)
		sr_buffer_add(buffer, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
	sr_buffer_add(buffer, "\"", 1);
}

sr_status sr_names_add(sr_names *names, const char *name)
{
	char **larger = realloc(names->names, (names->count + 1) * sizeof(*larger));

	if (larger == NULL)
		return sr_fail_memory();
	names->names = larger;
	larger[names->count] = strdup(name);
	if (larger[names->count] == NULL)
		return sr_fail_memory();
	names->count++;
	return SR_OK;
}

bool sr_names_have(const sr_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcasecmp(names->names[i], name) == 0)
			return true;
	return false;
}

void sr_names_free(sr_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (sr_names){NULL, 0};
}

bool sr_list_has(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcasecmp(*list, word) == 0)
			return true;
	return false;
}

sr_status sr_tables(sr_conn *conn, sr_names *tables)
{
	static const char sql[] =
		"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
		" AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
		" AND name COLLATE NOCASE NOT IN ('database_migrations', 'own_migrations')"
		" ORDER BY name";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if ((rc = sr_names_add(tables, sr_column_text(stmt, 0).data)) != SR_OK)
			break;
	return sr_stmt_end(stmt, rc);
}

/* Where a quoted run that begins at sql ends: after the closing quote. */
static const char *quoted_end(const char *sql)
{
	char close = *sql == '[' ? ']' : *sql;

	for (sql++; *sql; sql++) {
		if (*sql != close)
			continue;
		if (close == ']' || sql[1] != close)
			return sql + 1;
		sql++;
	}
	return sql;
}

static const char *comment_end(const char *sql)
{
	const char *end;

	if (sql[0] == '-' && sql[1] == '-') {
		end = strchr(sql, '\n');
		return end ? end : sql + strlen(sql);
	}
	end = strstr(sql + 2, "*/");
	return end ? end + 2 : sql + strlen(sql);
}

bool sr_sql_is_mark(const char *sql)
{
	return strncmp(sql, "\xef\xbb\xbf", 3) == 0;
}

const char *sr_sql_next(const char *sql)
{
	if (*sql == '\'' || *sql == '"' || *sql == '`' || *sql == '[')
		return quoted_end(sql);
	if ((sql[0] == '-' && sql[1] == '-') || (sql[0] == '/' && sql[1] == '*'))
		return comment_end(sql);
	return sql + (sr_sql_is_mark(sql) ? 3 : 1);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '\'' || c == '$' || (c & 0x80);
}

/* An SQL text with blanks, comments and case evened out. */
static void normalise(const char *sql, sr_buffer *out)
{
	bool blank = false;

	while (*sql) {
		char last = out->length ? out->data[out->length - 1] : '\0';
		char c = *sql;

		if (isspace((unsigned char)c)) {
			blank = true;
			sql++;
		} else if ((c == '-' && sql[1] == '-') || (c == '/' && sql[1] == '*')) {
			blank = true;
			sql = comment_end(sql);
		} else if (c == '\'') {
			const char *end = quoted_end(sql);

			sr_buffer_add(out, sql, (size_t)(end - sql));
			blank = false;
			sql = end;
		} else if (c == '"' || c == '`' || c == '[') {
			/* A name's quotes do not matter, its end does. */
			const char *end = quoted_end(sql);

			if (is_word(last))
				sr_buffer_add(out, " ", 1);
			for (const char *p = sql + 1; p < end - 1; p++)
				sr_buffer_add(out, &(char){(char)tolower((unsigned char)*p)}, 1);
			blank = true;
			sql = end;
		} else {
			if (blank && is_word(last) && is_word(c))
				sr_buffer_add(out, " ", 1);
			sr_buffer_add(out, &(char){(char)tolower((unsigned char)c)}, 1);
			blank = false;
			sql++;
		}
	}
	while (out->length && out->data[out->length - 1] == ';')
		out->data[--out->length] = '\0';
}

sr_status sr_sql_same(const char *a, const char *b, bool *same)
{
	sr_buffer one = SR_BUFFER_EMPTY;
	sr_buffer two = SR_BUFFER_EMPTY;
	sr_status rc;

	/* As it nearly always is: every opening compares every trigger. */
	if ((*same = strcmp(a, b) == 0))
		return SR_OK;
	normalise(a, &one);
	normalise(b, &two);
	if ((rc = sr_buffer_status(&one)) == SR_OK && (rc = sr_buffer_status(&two)) == SR_OK)
		*same = one.length == two.length &&
			(one.length == 0 || memcmp(one.data, two.data, one.length) == 0);
	sr_buffer_free(&two);
	sr_buffer_free(&one);
	return rc;
}

const sr_schema_object *sr_schema_find(const sr_schema_object *schema, const char *type,
				       const char *name)
{
	for (; schema && schema->type; schema++)
		if (strcmp(schema->type, type) == 0 && strcasecmp(schema->name, name) == 0)
			return schema;
	return NULL;
}

bool sr_schema_has_column(const sr_schema_object *table, const char *name)
{
	for (const sr_schema_column *c = table->columns; c->name; c++)
		if (strcasecmp(c->name, name) == 0)
			return true;
	return false;
}
