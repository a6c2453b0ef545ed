/*
 * Users' own views, triggers and indexes, out of the way while a table is rebuilt or loses
 * columns: SQLite refuses both while one of them names what goes. They come back with
 * their own words. A trigger that names what is gone would make its table unwritable, so it
 * stays out and counts as lost; a view that does merely waits for its column.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void sr_extras_free(sr_extras *extras)
{
	for (size_t i = 0; i < extras->count; i++) {
		free(extras->list[i].type);
		free(extras->list[i].name);
		free(extras->list[i].table);
		free(extras->list[i].sql);
	}
	free(extras->list);
	*extras = (sr_extras){NULL, 0};
}

static bool names_one_of(const char *sql, const sr_names *columns)
{
	for (size_t i = 0; columns && i < columns->count; i++)
		if (strcasestr(sql, columns->names[i]))
			return true;
	return columns == NULL;
}

static sr_status extra_add(sr_extras *extras, sr_stmt *stmt)
{
	sr_extra *larger = realloc(extras->list, (extras->count + 1) * sizeof(*larger));
	sr_extra *extra;

	if (larger == NULL)
		return sr_fail_memory();
	extras->list = larger;
	extra = &larger[extras->count];
	extra->type = strdup(sr_column_text(stmt, 0).data);
	extra->name = strdup(sr_column_text(stmt, 1).data);
	extra->table = strdup(sr_column_text(stmt, 2).data);
	extra->sql = strdup(sr_column_text(stmt, 3).data);
	extra->broken = false;
	extras->count++;
	if (!extra->type || !extra->name || !extra->table || !extra->sql)
		return sr_fail_memory();
	return SR_OK;
}

static sr_status extras_collect(sr_conn *conn, const sr_schema_object *known,
				const sr_names *columns, sr_extras *extras)
{
	/* Views first, then triggers, some of which hang on views. */
	static const char sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_master"
				  " WHERE type IN ('view', 'trigger', 'index') AND sql IS NOT NULL"
				  " ORDER BY type = 'index', type = 'trigger', rowid";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *type = sr_column_text(stmt, 0).data;

		if (sr_schema_find(known, type, sr_column_text(stmt, 1).data))
			continue;
		if (strcmp(type, "index") == 0 &&
		    !names_one_of(sr_column_text(stmt, 3).data, columns))
			continue;
		if ((rc = extra_add(extras, stmt)) != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status prepares(sr_conn *conn, sr_buffer *sql, bool *works)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_buffer_status(sql)) == SR_OK) {
		rc = sr_prepare(conn, sql->data, &stmt);
		*works = rc == SR_OK;
		if (rc == SR_OK)
			sr_stmt_done(stmt);
		/* Whatever else fails says nothing about the statement. */
		if (rc == SR_SQL || rc == SR_REFUSED)
			rc = SR_OK;
	}
	sr_buffer_clear(sql);
	return rc;
}

/* "UPDATE t SET a = a, …": every column, so that every UPDATE OF trigger is compiled. */
static sr_status update_add(sr_conn *conn, const char *table, sr_buffer *sql)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;
	int count = 0;

	rc = sr_prepare(conn, "SELECT name FROM pragma_table_info($1)", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	sr_buffer_add_string(sql, "UPDATE ");
	sr_buffer_add_identifier(sql, table);
	sr_buffer_add_string(sql, " SET ");
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *name = sr_column_text(stmt, 0).data;

		if (count++)
			sr_buffer_add_string(sql, ", ");
		sr_buffer_add_identifier(sql, name);
		sr_buffer_add_string(sql, " = ");
		sr_buffer_add_identifier(sql, name);
	}
	return sr_stmt_end(stmt, rc);
}

/* Compiling a statement that writes the table compiles every trigger on it, and nothing needs to
 * run. */
static sr_status table_works(sr_conn *conn, const char *table, bool *works)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, "INSERT INTO ");
	sr_buffer_add_identifier(&sql, table);
	sr_buffer_add_string(&sql, " DEFAULT VALUES");
	rc = prepares(conn, &sql, works);
	if (rc == SR_OK && *works) {
		sr_buffer_add_string(&sql, "DELETE FROM ");
		sr_buffer_add_identifier(&sql, table);
		rc = prepares(conn, &sql, works);
	}
	if (rc == SR_OK && *works && (rc = update_add(conn, table, &sql)) == SR_OK)
		rc = prepares(conn, &sql, works);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_table_works(sr_conn *conn, const char *table, bool *works)
{
	sr_status rc, again;

	/* Triggers are compiled only while they are enabled. */
	if ((rc = sr_conn_triggers(conn, true)) != SR_OK)
		return rc;
	rc = table_works(conn, table, works);
	again = sr_conn_triggers(conn, false);
	return rc != SR_OK ? rc : again;
}

/* Whether the table of the trigger can be written, or the view read. */
static sr_status extra_works(sr_conn *conn, const sr_extra *extra, bool *works)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc = SR_OK;

	*works = true;
	if (strcmp(extra->type, "view") == 0) {
		sr_buffer_add_string(&sql, "SELECT * FROM ");
		sr_buffer_add_identifier(&sql, extra->name);
		rc = prepares(conn, &sql, works);
	} else if (strcmp(extra->type, "trigger") == 0) {
		rc = table_works(conn, extra->table, works);
	}
	sr_buffer_free(&sql);
	return rc;
}

static sr_status extra_drop(sr_conn *conn, const sr_extra *extra)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql, "DROP %s IF EXISTS ", extra->type);
	sr_buffer_add_identifier(&sql, extra->name);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_exec(conn, sql.data);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_extras_take(sr_conn *conn, const sr_schema_object *known, const sr_names *columns,
			 sr_extras *extras)
{
	sr_status rc;

	*extras = (sr_extras){NULL, 0};
	rc = extras_collect(conn, known, columns, extras);
	/* Triggers are compiled only while they are enabled; nothing fires, for nothing runs. */
	if (rc == SR_OK && extras->count)
		rc = sr_conn_triggers(conn, true);
	for (size_t i = 0; i < extras->count && rc == SR_OK; i++) {
		bool works;

		rc = extra_works(conn, &extras->list[i], &works);
		extras->list[i].broken = !works;
	}
	if (rc == SR_OK && extras->count)
		rc = sr_conn_triggers(conn, false);
	for (size_t i = extras->count; i > 0 && rc == SR_OK; i--)
		rc = extra_drop(conn, &extras->list[i - 1]);
	if (rc != SR_OK)
		sr_extras_free(extras);
	return rc;
}

static bool guard_create(void *arg, sr_action action, const char *first, const char *second,
			 const char *inner)
{
	(void)arg;
	(void)second;
	(void)inner;
	/* A text in the schema table that is no CREATE is somebody's trap. */
	if (action == SR_ACTION_DROP || action == SR_ACTION_PRAGMA || action == SR_ACTION_ATTACH ||
	    action == SR_ACTION_TRANSACTION || action == SR_ACTION_ALTER ||
	    (action == SR_ACTION_DELETE && first && strncasecmp(first, "sqlite_", 7) != 0)) {
		sr_fail(SR_REFUSED, "contains potentially dangerous operations");
		return false;
	}
	return true;
}

static sr_status extra_create(sr_conn *conn, const sr_extra *extra)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, extra->sql, &stmt)) != SR_OK)
		return rc;
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static void lost_add(sr_buffer *lost, const sr_extra *extra)
{
	sr_buffer_printf(lost, "%s%s %s", lost->length ? ", " : "", extra->type, extra->name);
}

sr_status sr_extras_restore(sr_conn *conn, sr_extras *extras, sr_buffer *lost)
{
	sr_status rc = SR_OK;

	if (extras->count == 0)
		return SR_OK;
	if ((rc = sr_conn_triggers(conn, true)) != SR_OK)
		return rc;
	for (size_t i = 0; i < extras->count && rc == SR_OK; i++) {
		const sr_extra *extra = &extras->list[i];
		bool works = true;

		sr_conn_guard(conn, guard_create, NULL);
		rc = extra_create(conn, extra);
		sr_conn_guard(conn, NULL, NULL);
		if (rc == SR_SQL) {
			/* An index on a column that is gone. */
			lost_add(lost, extra);
			rc = SR_OK;
			continue;
		}
		if (rc == SR_OK && !extra->broken)
			rc = extra_works(conn, extra, &works);
		if (rc != SR_OK || works)
			continue;
		if (strcmp(extra->type, "view") == 0) {
			sr_log("migrate", SR_LOG_WARNING,
			       "%s: the view %s names what this version does not have; it is kept",
			       sr_conn_path(conn), extra->name);
			continue;
		}
		lost_add(lost, extra);
		rc = extra_drop(conn, extra);
	}
	if (rc == SR_OK)
		rc = sr_conn_triggers(conn, false);
	return rc == SR_OK ? sr_buffer_status(lost) : rc;
}
