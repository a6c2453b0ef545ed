/*
 * The schema of a damaged database, made again in the new one: its own words first, and what they
 * lack from the version that it was at.
 */
#include "salvage.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/text.h"

/* Tables whose rows say what others hold already, or nothing at all between statements. */
static const char *const made_anew[] = {
	"client_usage",   "client_recorded",        "file_days", "file_totals",
	"files_replaced", "client_quotas_replaced", NULL};

void sr_salvage_note(salvage *s, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* One that there is no memory for is not worth failing for. */
	if (sr_names_add(&s->notes, text) != SR_OK)
		sr_error_set("");
}

/* ---- Reading it ---- */

static char *text_copy(const sr_value *value)
{
	return value->type == SR_TEXT ? strndup(value->text.data, value->text.length) : NULL;
}

static bool is_object(const sr_value *values, size_t count)
{
	static const char *const types[] = {"table", "index", "view", "trigger", NULL};
	bool known = false;

	if (count != 5 || values[0].type != SR_TEXT || values[1].type != SR_TEXT ||
	    values[2].type != SR_TEXT || (values[3].type != SR_INTEGER && values[3].type) ||
	    (values[4].type != SR_TEXT && values[4].type != SR_NULL))
		return false;
	for (int i = 0; types[i]; i++)
		known = known || (values[0].text.length == strlen(types[i]) &&
				  memcmp(values[0].text.data, types[i], strlen(types[i])) == 0);
	return known;
}

static sr_status object_take(void *arg, int64_t number, const sr_value *values, size_t count)
{
	salvage *s = arg;
	salvage_object *more, *o;

	(void)number;
	if (!is_object(values, count)) {
		s->schema_damaged = true;
		return SR_OK;
	}
	more = realloc(s->objects, (s->object_count + 1) * sizeof(*more));
	if (more == NULL)
		return sr_fail_memory();
	s->objects = more;
	o = &more[s->object_count];
	*o = (salvage_object){text_copy(&values[0]),
			      text_copy(&values[1]),
			      text_copy(&values[2]),
			      text_copy(&values[4]),
			      0,
			      false};
	o->root = values[3].type == SR_INTEGER ? values[3].integer : 0;
	s->object_count++;
	return o->type && o->name && o->table && (o->sql || values[4].type == SR_NULL)
		       ? SR_OK
		       : sr_fail_memory();
}

typedef struct judging {
	int64_t good;
	int64_t bad;
} judging;

static sr_status object_judge(void *arg, int64_t number, const sr_value *values, size_t count)
{
	judging *j = arg;

	(void)number;
	if (is_object(values, count))
		j->good++;
	else
		j->bad++;
	return SR_OK;
}

/* Parts of the schema that its first page no longer leads to. */
static sr_status objects_adrift(salvage *s)
{
	sr_status rc = SR_OK;

	for (int64_t page = sr_pages_adrift(s->pages, 0); page > 0 && rc == SR_OK;
	     page = sr_pages_adrift(s->pages, page)) {
		sr_pages_walk walk = {0};
		judging j = {0};

		rc = sr_pages_leaf(s->pages, page, object_judge, &j, &walk);
		if (rc != SR_OK || j.good == 0 || j.bad > 0)
			continue;
		sr_pages_take(s->pages, page);
		rc = sr_pages_leaf(s->pages, page, object_take, s, &walk);
	}
	return rc;
}

static sr_status objects_read(salvage *s)
{
	sr_pages_walk walk = {0};
	sr_status rc;

	if ((rc = sr_pages_tree(s->pages, 1, false, object_take, s, &walk)) != SR_OK)
		return rc;
	s->schema_damaged = s->schema_damaged || walk.lost_rows || walk.lost_pages;
	return s->schema_damaged ? objects_adrift(s) : SR_OK;
}

/* How many bytes of two texts of that length differ. */
static size_t distance(const char *a, const char *b, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += a[i] != b[i];
	return count;
}

/* The object of ours whose text it is but for a few bytes that fell over; NULL where it is
 * exactly one of ours, or none. */
static const sr_schema_object *object_meant(const salvage_object *o)
{
	size_t length = strlen(o->sql), best = 2 + length / 60;
	const sr_schema_object *meant = NULL;

	for (int v = sr_schema_latest(); v >= 0; v--)
		for (const sr_schema_object *ours = sr_migration_sources[v].schema; ours->type;
		     ours++) {
			size_t bytes;

			if (strcmp(ours->type, o->type) != 0 || strlen(ours->sql) != length)
				continue;
			bytes = distance(ours->sql, o->sql, length);
			if (bytes == 0 && strcasecmp(ours->name, o->name) == 0)
				return NULL;
			if (bytes > best)
				continue;
			best = bytes;
			meant = ours;
		}
	return meant;
}

static sr_status objects_correct(salvage *s)
{
	for (size_t i = 0; i < s->object_count; i++) {
		salvage_object *o = &s->objects[i];
		const sr_schema_object *meant = o->sql ? object_meant(o) : NULL;

		if (meant == NULL)
			continue;
		sr_salvage_note(s, "the text of the %s %s was damaged, and is put right",
				meant->type, meant->name);
		free(o->sql);
		free(o->name);
		o->sql = strdup(meant->sql);
		o->name = strdup(meant->name);
		if (o->sql == NULL || o->name == NULL)
			return sr_fail_memory();
	}
	return SR_OK;
}

/* ---- Making it ---- */

/* What a text from a file that others may have written can do: make the one thing that it says. */
static bool guard_create(void *arg, sr_action action, const char *first, const char *second,
			 const char *inner)
{
	const char *type = arg;

	(void)second;
	(void)inner;
	switch (action) {
	case SR_ACTION_CREATE:
		/* A table brings the indexes of its keys. */
		return strcmp(first, type) == 0 ||
		       (strcmp(type, "table") == 0 && strcmp(first, "index") == 0);
	case SR_ACTION_INSERT:
	case SR_ACTION_UPDATE:
	case SR_ACTION_DELETE:
		return strncasecmp(first, "sqlite_", 7) == 0;
	case SR_ACTION_READ:
	case SR_ACTION_FUNCTION:
		return true;
	case SR_ACTION_SELECT:
		/* A table made from a query would be another's rows. */
		return strcmp(type, "table") != 0;
	case SR_ACTION_OTHER:
		return strcmp(first, "reindex") == 0;
	default:
		return false;
	}
}

sr_status sr_salvage_object_make(salvage *s, const char *type, const char *name, const char *sql)
{
	sr_stmt *stmt;
	sr_status rc;

	sr_conn_guard(s->conn, guard_create, (void *)(uintptr_t)type);
	if ((rc = sr_prepare(s->conn, sql, &stmt)) == SR_OK) {
		rc = sr_run(stmt);
		sr_stmt_done(stmt);
	}
	sr_conn_guard(s->conn, NULL, NULL);
	if (rc == SR_OK || rc == SR_NO_MEMORY || rc == SR_NO_SPACE || rc == SR_IO)
		return rc;
	/* A text that makes no sense was not written so. */
	s->schema_damaged = s->schema_damaged || rc == SR_SQL;
	sr_salvage_note(s, "the %s %s was left out: %s", type, sr_quoted(sr_text_of(name)),
			sr_error_message());
	sr_error_set("");
	return SR_OK;
}

/* Whether another of that name was made: a page that is adrift may hold an old copy of it. */
static bool comes_again(const salvage *s, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcasecmp(s->objects[i].name, s->objects[index].name) == 0)
			return true;
	return false;
}

static sr_status objects_make(salvage *s)
{
	static const char *const types[] = {"table", "index", "view", "trigger"};
	sr_status rc = SR_OK;

	for (int t = 0; t < 4; t++)
		for (size_t i = 0; i < s->object_count && rc == SR_OK; i++) {
			const salvage_object *o = &s->objects[i];

			/* SQLite makes its own when they are needed. */
			if (strcmp(o->type, types[t]) == 0 && o->sql &&
			    strncasecmp(o->name, "sqlite_", 7) != 0 && !comes_again(s, i))
				rc = sr_salvage_object_make(s, o->type, o->name, o->sql);
		}
	return rc;
}

/* ---- The tables as rows hold them ---- */

static char affinity_of(const char *type)
{
	char upper[64];
	size_t n = 0;

	for (; type[n] && n + 1 < sizeof(upper); n++)
		upper[n] = (char)toupper((unsigned char)type[n]);
	upper[n] = '\0';
	/* In the order of SQLite's own rules. */
	if (strstr(upper, "INT"))
		return 'i';
	if (strstr(upper, "CHAR") || strstr(upper, "CLOB") || strstr(upper, "TEXT"))
		return 't';
	if (strstr(upper, "BLOB"))
		return 'b';
	if (strstr(upper, "REAL") || strstr(upper, "FLOA") || strstr(upper, "DOUB"))
		return 'r';
	return upper[0] ? 'n' : '\0';
}

static bool names_a_time(const char *name)
{
	static const char *const ends[] = {"At",       "_at",         "Date", "stamp",
					   "LastSeen", "LastUpdated", NULL};

	for (int i = 0; ends[i]; i++) {
		size_t length = strlen(name), end = strlen(ends[i]);

		if (length >= end && strcmp(name + length - end, ends[i]) == 0)
			return true;
	}
	return false;
}

/* The row of pragma_table_xinfo that stmt is on. */
static sr_status column_take(salvage_table *t, sr_stmt *stmt, int64_t keys)
{
	const char *name = sr_column_text(stmt, 0).data;
	const char *type = sr_column_text(stmt, 1).data;
	int64_t hidden = sr_column_integer(stmt, 5);
	const char *size = type ? strchr(type, '(') : NULL;
	salvage_column *more, *c;

	if (hidden == 2) /* Computed when it is read. */
		return SR_OK;
	more = realloc(t->columns, (t->column_count + 1) * sizeof(*more));
	if (more == NULL)
		return sr_fail_memory();
	t->columns = more;
	c = &more[t->column_count++];
	*c = (salvage_column){.name = strdup(name ? name : ""), .computed = hidden == 3};
	if (c->name == NULL)
		return sr_fail_memory();
	c->affinity = affinity_of(type ? type : "");
	c->length = c->affinity == 'b' && size ? atoi(size + 1) : 0;
	c->is_time = names_a_time(name ? name : "");
	c->key = !t->keyed && keys == 1 && sr_column_integer(stmt, 4) == 1 && type &&
		 strcasecmp(type, "INTEGER") == 0;
	/* What clients send is a time as they understand it; other times are a program's own. */
	c->is_ours = c->is_time && strcmp(c->name, "ModificationDate") != 0 &&
		     strcmp(c->name, "LastSeen") != 0;
	c->required = sr_column_integer(stmt, 2) == 1 && sr_column_type(stmt, 3) == SR_NULL;
	return SR_OK;
}

/* Without row numbers, the columns of the key come first. */
static sr_status columns_read(salvage *s, salvage_table *t)
{
	static const char rows[] = "SELECT name, type, \"notnull\", dflt_value, pk, hidden"
				   " FROM pragma_table_xinfo($1) ORDER BY cid";
	static const char keyed[] = "SELECT name, type, \"notnull\", dflt_value, pk, hidden"
				    " FROM pragma_table_xinfo($1) ORDER BY pk = 0, pk, cid";
	int64_t keys;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_ask(s->conn, "SELECT count(*) FROM pragma_table_xinfo($1) WHERE pk > 0",
			 t->name, NULL, &keys)) != SR_OK ||
	    (rc = sr_prepare(s->conn, t->keyed ? keyed : rows, &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, t->name);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if ((rc = column_take(t, stmt, keys)) != SR_OK)
			break;
	return sr_stmt_end(stmt, rc);
}

static bool has_column(const salvage_table *t, const char *name)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (strcasecmp(t->columns[i].name, name) == 0)
			return true;
	return false;
}

static const char *number_name(const salvage_table *t)
{
	static const char *const names[] = {"rowid", "_rowid_", "oid"};

	if (t->keyed)
		return NULL;
	for (size_t i = 0; i < t->column_count; i++)
		if (t->columns[i].key)
			return t->columns[i].name;
	for (int i = 0; i < 3; i++)
		if (!has_column(t, names[i]))
			return names[i];
	return NULL;
}

static int64_t root_of(const salvage *s, const char *name)
{
	for (size_t i = 0; i < s->object_count; i++)
		if (strcmp(s->objects[i].type, "table") == 0 &&
		    strcasecmp(s->objects[i].name, name) == 0)
			return s->objects[i].root;
	return 0;
}

static sr_status table_describe(salvage *s, const char *name, bool keyed)
{
	salvage_table *more, *t;
	sr_status rc;

	for (size_t i = 0; i < s->table_count; i++)
		if (strcasecmp(s->tables[i].name, name) == 0)
			return SR_OK;
	if ((more = realloc(s->tables, (s->table_count + 1) * sizeof(*more))) == NULL)
		return sr_fail_memory();
	s->tables = more;
	t = &more[s->table_count++];
	*t = (salvage_table){.name = strdup(name), .keyed = keyed, .root = root_of(s, name)};
	t->made = sr_list_has(made_anew, name);
	if (t->name == NULL)
		return sr_fail_memory();
	if ((rc = columns_read(s, t)) == SR_OK)
		t->number_name = number_name(t);
	return rc;
}

/* Those that are new since the last time, too. */
sr_status sr_salvage_tables_describe(salvage *s)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(s->conn,
			"SELECT name, wr FROM pragma_table_list WHERE schema = 'main'"
			" AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
			" ORDER BY name",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		rc = table_describe(s, sr_column_text(stmt, 0).data,
				    sr_column_integer(stmt, 1) == 1);
		if (rc != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_salvage_schema(salvage *s)
{
	sr_status rc;

	if ((rc = objects_read(s)) != SR_OK || (rc = objects_correct(s)) != SR_OK ||
	    (rc = objects_make(s)) != SR_OK)
		return rc;
	return sr_salvage_tables_describe(s);
}

void sr_salvage_schema_free(salvage *s)
{
	for (size_t i = 0; i < s->object_count; i++) {
		free(s->objects[i].type);
		free(s->objects[i].name);
		free(s->objects[i].table);
		free(s->objects[i].sql);
	}
	free(s->objects);
}
