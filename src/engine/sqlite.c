/* Statements, rows and the table of the engine for SQLite. */
#include "sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"

/* ---- Parameters ---- */

/* N of "$N", or 0. SQLite numbers $2 and $1 by first appearance, so the name must count. */
static int parameter_number(const char *name)
{
	char *end;
	long number;

	if (name == NULL || name[0] != '$' || name[1] < '1' || name[1] > '9')
		return 0;
	number = strtol(name + 1, &end, 10);
	return *end == '\0' && number <= 32766 ? (int)number : 0;
}

static sr_status parameters_map(sqlite_stmt *s)
{
	int count = sqlite3_bind_parameter_count(s->stmt);
	int highest = 0, numbered = 0;
	bool in_order = true;

	for (int i = 1; i <= count; i++) {
		int number = parameter_number(sqlite3_bind_parameter_name(s->stmt, i));

		numbered += number > 0;
		highest = number > highest ? number : highest;
		in_order = in_order && number == i;
	}
	if (numbered > 0 && numbered < count)
		return sr_fail(SR_SQL, "$1, $2, … and other parameters in one statement: %.200s",
			       sqlite3_sql(s->stmt));
	s->base.parameters = numbered > 0 ? highest : count;
	if (numbered == 0 || in_order)
		return SR_OK;
	s->indexes = calloc((size_t)highest, sizeof(*s->indexes));
	if (s->indexes == NULL)
		return sr_fail_memory();
	for (int i = 1; i <= count; i++)
		s->indexes[parameter_number(sqlite3_bind_parameter_name(s->stmt, i)) - 1] = i;
	return SR_OK;
}

static const char *sqlite_parameter_name(const sr_stmt *stmt, int number)
{
	const sqlite_stmt *s = (const sqlite_stmt *)stmt;

	if (number < 1 || number > stmt->parameters)
		return NULL;
	/* SQLite has no name at 0 either. */
	return sqlite3_bind_parameter_name(s->stmt, s->indexes ? s->indexes[number - 1] : number);
}

static sr_status sqlite_bind(sr_stmt *stmt, int number, const sr_value *value)
{
	sqlite_stmt *s = (sqlite_stmt *)stmt;
	int index = number, code;

	if (number >= 1 && number <= stmt->parameters && s->indexes)
		index = s->indexes[number - 1];
	if (number < 1 || number > stmt->parameters || index == 0)
		return sr_fail(SR_INVALID, "no parameter $%d in: %.200s", number,
			       sqlite3_sql(s->stmt));
	/* Copied: a statement that goes on stepping may look at its values again. */
	switch (value->type) {
	case SR_INTEGER:
		code = sqlite3_bind_int64(s->stmt, index, value->integer);
		break;
	case SR_REAL:
		code = sqlite3_bind_double(s->stmt, index, value->real);
		break;
	case SR_TEXT:
		code = sqlite3_bind_text64(s->stmt, index, value->text.data ? value->text.data : "",
					   value->text.length, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case SR_BLOB:
		code = sqlite3_bind_blob64(s->stmt, index, value->text.data ? value->text.data : "",
					   value->text.length, SQLITE_TRANSIENT);
		break;
	default:
		code = sqlite3_bind_null(s->stmt, index);
		break;
	}
	if (code == SQLITE_OK)
		return SR_OK;
	if (code == SQLITE_TOOBIG)
		return sr_fail(SR_INVALID, "the value for $%d is too long: %zu bytes", number,
			       value->text.length);
	return sr_sqlite_fail(sqlite_of(stmt->conn), code);
}

/* ---- Statements ---- */

static void sqlite_finalize(sr_stmt *stmt)
{
	sqlite_stmt *s = (sqlite_stmt *)stmt;

	for (int i = 0; s->blobs && i < sqlite3_column_count(s->stmt); i++)
		sr_buffer_free(&s->blobs[i]);
	free(s->blobs);
	free(s->indexes);
	sqlite3_finalize(s->stmt);
	free(s);
}

static sr_status sqlite_prepare(sr_conn *conn, const char *sql, bool once, const char **tail,
				sr_stmt **stmt)
{
	sqlite_conn *c = sqlite_of(conn);
	unsigned flags = once ? 0 : SQLITE_PREPARE_PERSISTENT;
	sqlite_stmt *s;
	sr_status rc;
	int code;

	*stmt = NULL;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return sr_fail_memory();
	if (c->untrusted)
		flags |= SQLITE_PREPARE_NO_VTAB;
	sr_sqlite_guard_begin(c);
	code = sqlite3_prepare_v3(c->db, sql, -1, flags, &s->stmt, tail);
	if (code != SQLITE_OK) {
		rc = code == SQLITE_TOOBIG
			     ? sr_fail(SR_INVALID, "the statement is too long: %.100s…", sql)
			     : sr_sqlite_fail(c, code);
		free(s);
		return rc;
	}
	s->base.conn = conn;
	if (s->stmt == NULL) {
		free(s);
		return SR_OK;
	}
	sr_sqlite_guard_end(c, s);
	if ((rc = parameters_map(s)) != SR_OK) {
		free(s->base.subject);
		sqlite_finalize(&s->base);
		return rc;
	}
	*stmt = &s->base;
	return SR_OK;
}

static void sqlite_reset(sr_stmt *stmt, bool unbind)
{
	sqlite_stmt *s = (sqlite_stmt *)stmt;

	sqlite3_reset(s->stmt);
	s->spent = 0;
	stmt->running = false;
	if (unbind && stmt->parameters > 0)
		sqlite3_clear_bindings(s->stmt);
}

static sr_status sqlite_step(sr_stmt *stmt, bool *row)
{
	sqlite_conn *c = sqlite_of(stmt->conn);
	sqlite_stmt *s = (sqlite_stmt *)stmt;
	sr_status rc = SR_OK;
	int code;

	c->busy_interrupts = atomic_load_explicit(&c->interrupts, memory_order_relaxed);
	if (c->deadline > 0) {
		c->spent = s->spent;
		c->entered = sr_clock_ns();
		c->timed_out = false;
	}
	c->stepping = stmt;
	code = sqlite3_step(s->stmt);
	c->stepping = NULL;
	if (c->deadline > 0)
		s->spent += sr_clock_ns() - c->entered;
	*row = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return SR_OK;
	if (code != SQLITE_DONE)
		rc = sr_sqlite_fail(c, code);
	else if (sr_sqlite_torn(c))
		rc = sr_sqlite_fail_below(c);
	sqlite_reset(stmt, false);
	return rc;
}

/* ---- Columns ---- */

static int sqlite_columns(const sr_stmt *stmt)
{
	return sqlite3_column_count(((const sqlite_stmt *)stmt)->stmt);
}

static const char *sqlite_column_name(const sr_stmt *stmt, int column)
{
	const char *name = sqlite3_column_name(((const sqlite_stmt *)stmt)->stmt, column);

	return name ? name : "";
}

/* A value that could not be had for want of memory must not pass for an empty one, nor for a null.
 */
static sr_text text_missing(sr_stmt *stmt)
{
	sr_stmt_keep_error(stmt, sr_fail_memory());
	return (sr_text){"", 0};
}

static sr_text column_string(sqlite_stmt *s, int column)
{
	const char *data = (const char *)sqlite3_column_text(s->stmt, column);

	if (data == NULL)
		return text_missing(&s->base);
	return (sr_text){data, (size_t)sqlite3_column_bytes(s->stmt, column)};
}

/* SQLite puts no NUL after a blob, and what the library hands out has one. */
static sr_text column_blob(sqlite_stmt *s, int column)
{
	const void *data = sqlite3_column_blob(s->stmt, column);
	size_t length = (size_t)sqlite3_column_bytes(s->stmt, column);
	sr_buffer *copy;

	if (length == 0)
		return (sr_text){"", 0};
	if (s->blobs == NULL)
		s->blobs = calloc((size_t)sqlite3_column_count(s->stmt), sizeof(*s->blobs));
	if (s->blobs == NULL || data == NULL)
		return text_missing(&s->base);
	copy = &s->blobs[column];
	sr_buffer_clear(copy);
	sr_buffer_add(copy, data, length);
	if (sr_buffer_status(copy) != SR_OK)
		return text_missing(&s->base);
	return sr_buffer_text(copy);
}

static void sqlite_column(sr_stmt *stmt, int column, sr_value *value)
{
	sqlite_stmt *s = (sqlite_stmt *)stmt;

	*value = (sr_value){.type = SR_NULL};
	switch (sqlite3_column_type(s->stmt, column)) {
	case SQLITE_INTEGER:
		value->type = SR_INTEGER;
		value->integer = sqlite3_column_int64(s->stmt, column);
		break;
	case SQLITE_FLOAT:
		value->type = SR_REAL;
		value->real = sqlite3_column_double(s->stmt, column);
		break;
	case SQLITE_TEXT:
		value->type = SR_TEXT;
		value->text = column_string(s, column);
		break;
	case SQLITE_BLOB:
		value->type = SR_BLOB;
		value->text = column_blob(s, column);
		break;
	default:
		break;
	}
}

static sr_text sqlite_column_text(sr_stmt *stmt, int column)
{
	sqlite_stmt *s = (sqlite_stmt *)stmt;

	switch (sqlite3_column_type(s->stmt, column)) {
	case SQLITE_NULL:
		return (sr_text){NULL, 0};
	case SQLITE_BLOB:
		return column_blob(s, column);
	default:
		return column_string(s, column);
	}
}

/* ---- The connection ---- */

static void *sqlite_handle(const sr_conn *conn)
{
	return ((const sqlite_conn *)conn)->db;
}

static void sqlite_interrupt(sr_conn *conn)
{
	sqlite_conn *c = sqlite_of(conn);

	atomic_fetch_add(&c->interrupts, 1);
	sqlite3_interrupt(c->db);
}

static sr_status sqlite_validate(sr_conn *conn)
{
	sqlite_conn *c = sqlite_of(conn);
	int64_t count;

	/* Somebody has put another file in the place of this one: what is written here is lost. */
	if (sr_sqlite_astray(c->db)) {
		conn->broken = true;
		return sr_sqlite_fail(c, SQLITE_READONLY_DBMOVED);
	}
	return sr_query_integer(conn, "SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)",
				&count);
}

static int64_t sqlite_changes(const sr_conn *conn)
{
	return sqlite3_changes64(((const sqlite_conn *)conn)->db);
}

static int64_t sqlite_last_row_id(const sr_conn *conn)
{
	return sqlite3_last_insert_rowid(((const sqlite_conn *)conn)->db);
}

/* Switches one of the connection's settings and reads it back. It takes no memory. */
static sr_status set(sr_conn *conn, int setting, bool enabled, const char *what)
{
	sqlite_conn *c = sqlite_of(conn);
	int now = -1;
	int code = sqlite3_db_config(c->db, setting, (int)enabled, &now);

	/* Whatever writes next would be counted, or checked, by nobody. */
	conn->broken = conn->broken || (enabled && now != 1);
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (now != (int)enabled)
		return sr_fail(SR_SQL, "%s: SQLite does not turn %s %s", conn->path, what,
			       enabled ? "on" : "off");
	return SR_OK;
}

static sr_status sqlite_triggers(sr_conn *conn, bool enabled)
{
	return set(conn, SQLITE_DBCONFIG_ENABLE_TRIGGER, enabled, "triggers");
}

static sr_status sqlite_foreign_keys(sr_conn *conn, bool enabled)
{
	return set(conn, SQLITE_DBCONFIG_ENABLE_FKEY, enabled, "foreign keys");
}

const sr_engine sr_sqlite = {
	.name = "sqlite",
	.features = SR_ENGINE_ONE_WRITER | SR_ENGINE_ONLINE_BACKUP | SR_ENGINE_LOG,
	.open = sr_sqlite_open,
	.close = sr_sqlite_close,
	.handle = sqlite_handle,
	.validate = sqlite_validate,
	.interrupt = sqlite_interrupt,
	.watch = sr_sqlite_watch,
	.readers = sr_sqlite_readers,
	.prepare = sqlite_prepare,
	.finalize = sqlite_finalize,
	.reset = sqlite_reset,
	.parameter_name = sqlite_parameter_name,
	.bind = sqlite_bind,
	.step = sqlite_step,
	.columns = sqlite_columns,
	.column_name = sqlite_column_name,
	.column = sqlite_column,
	.column_text = sqlite_column_text,
	.changes = sqlite_changes,
	.last_row_id = sqlite_last_row_id,
	.command = sr_sqlite_command,
	.in_transaction = sr_sqlite_in_transaction,
	.deferred_violation = sr_sqlite_deferred_violation,
	.log_size = sr_sqlite_log_size,
	.checkpoint = sr_sqlite_checkpoint,
	.backup = sr_sqlite_backup,
	.compact = sr_sqlite_compact,
	.replace = sr_sqlite_replace,
	.guard_changed = sr_sqlite_guard_changed,
	.triggers = sqlite_triggers,
	.foreign_keys = sqlite_foreign_keys,
	.reword = sr_sqlite_reword,
};
