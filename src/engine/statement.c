/*
 * Statements of a connection: in use with a caller, or idle in its cache.
 *
 *   IDLE -> IN USE [sr_prepare]   IN USE -> IDLE [sr_stmt_done]
 *   IDLE -> freed [the cache is full, or emptied]   IN USE -> freed [sr_stmt_done: not worth
 * keeping]
 *
 * A text that is in use is prepared a second time, so that a caller never meets the rows of
 * another; so is one that another guard has allowed.
 */
#include "vtable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/process.h"

/* FNV-1a, but of eight bytes at a time: texts of statements are long, and each call has some. */
static uint64_t text_hash(const char *text)
{
	uint64_t hash = 14695981039346656037u;
	size_t length = strlen(text);

	for (uint64_t word; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = (hash ^ word) * 1099511628211u;
		hash ^= hash >> 32; /* Or high bytes would only reach high bits. */
	}
	for (; length > 0; text++, length--)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash;
}

bool sr_conn_is_ours(const sr_conn *conn)
{
	return conn->generation == sr_process_generation();
}

static void idle_unlink(sr_conn *conn, sr_stmt *stmt)
{
	if (stmt->previous)
		stmt->previous->next = stmt->next;
	else
		conn->idle = stmt->next;
	if (stmt->next)
		stmt->next->previous = stmt->previous;
	else
		conn->oldest = stmt->previous;
	conn->idle_count--;
}

static void idle_push(sr_conn *conn, sr_stmt *stmt)
{
	stmt->previous = NULL;
	stmt->next = conn->idle;
	if (conn->idle)
		conn->idle->previous = stmt;
	else
		conn->oldest = stmt;
	conn->idle = stmt;
	conn->idle_count++;
}

static void used_unlink(sr_conn *conn, sr_stmt *stmt)
{
	if (stmt->previous)
		stmt->previous->next = stmt->next;
	else
		conn->in_use = stmt->next;
	if (stmt->next)
		stmt->next->previous = stmt->previous;
}

static void used_push(sr_conn *conn, sr_stmt *stmt)
{
	stmt->previous = NULL;
	stmt->next = conn->in_use;
	if (conn->in_use)
		conn->in_use->previous = stmt;
	conn->in_use = stmt;
}

static void stmt_free(sr_stmt *stmt)
{
	free(stmt->why);
	free(stmt->sql);
	free(stmt->subject);
	stmt->conn->engine->finalize(stmt);
}

static sr_stmt *idle_find(sr_conn *conn, const char *sql, uint64_t hash)
{
	for (sr_stmt *stmt = conn->idle; stmt; stmt = stmt->next)
		if (stmt->hash == hash && stmt->under.guard == conn->guard &&
		    stmt->under.arg == conn->guard_arg && strcmp(stmt->sql, sql) == 0)
			return stmt;
	return NULL;
}

void sr_stmt_adopt(sr_conn *conn, sr_stmt *stmt)
{
	stmt->under = (sr_guarding){conn->guard, conn->guard_arg};
	used_push(conn, stmt);
}

void sr_stmt_discard(sr_stmt *stmt)
{
	if (stmt == NULL)
		return;
	used_unlink(stmt->conn, stmt);
	stmt_free(stmt);
}

void sr_conn_forget_statements(sr_conn *conn)
{
	while (conn->idle) {
		sr_stmt *stmt = conn->idle;

		idle_unlink(conn, stmt);
		stmt_free(stmt);
	}
}

static sr_status fail_several(const char *sql)
{
	return sr_fail(SR_SQL, "only one statement is expected in: %.200s", sql);
}

/* Nothing but blanks and comments may be left of the text. */
static sr_status text_ends(sr_conn *conn, const char *tail, const char *sql)
{
	sr_stmt *stmt = NULL;
	sr_status rc;

	tail += strspn(tail, " \t\r\n;");
	if (*tail == '\0')
		return SR_OK;
	rc = conn->engine->prepare(conn, tail, true, &tail, &stmt);
	if (rc == SR_NO_MEMORY || (rc == SR_OK && stmt == NULL))
		return rc;
	if (stmt)
		stmt_free(stmt);
	return fail_several(sql);
}

sr_status sr_prepare(sr_conn *conn, const char *sql, sr_stmt **stmt)
{
	uint64_t hash = text_hash(sql);
	const char *tail;
	sr_status rc;

	*stmt = idle_find(conn, sql, hash);
	if (*stmt) {
		idle_unlink(conn, *stmt);
		used_push(conn, *stmt);
		return SR_OK;
	}
	if ((rc = conn->engine->prepare(conn, sql, false, &tail, stmt)) != SR_OK)
		return rc;
	if (*stmt == NULL)
		return sr_fail(SR_SQL, "no statement in '%.200s'", sql);
	if ((rc = text_ends(conn, tail, sql)) != SR_OK)
		goto err1;
	(*stmt)->hash = hash;
	(*stmt)->under = (sr_guarding){conn->guard, conn->guard_arg};
	(*stmt)->sql = strdup(sql);
	if ((*stmt)->sql == NULL) {
		rc = sr_fail_memory();
		goto err1;
	}
	used_push(conn, *stmt);
	return SR_OK;
err1:
	stmt_free(*stmt);
	*stmt = NULL;
	return rc;
}

sr_status sr_examine(sr_conn *conn, const char *sql, sr_stmt **stmt)
{
	const char *tail;
	sr_status rc;

	conn->examining = true;
	rc = conn->engine->prepare(conn, sql, true, &tail, stmt);
	if (rc == SR_OK && *stmt != NULL) {
		used_push(conn, *stmt);
		if ((rc = text_ends(conn, tail, sql)) != SR_OK) {
			sr_stmt_discard(*stmt);
			*stmt = NULL;
		}
	}
	conn->examining = false;
	return rc;
}

void sr_stmt_done(sr_stmt *stmt)
{
	sr_conn *conn;

	if (stmt == NULL)
		return;
	conn = stmt->conn;
	if (sr_conn_is_ours(conn))
		conn->engine->reset(stmt, true);
	stmt->pending = SR_OK;
	/* A pragma acts while it is prepared, and what defines something is not run again. */
	if (stmt->kind != SR_STATEMENT_READS && stmt->kind != SR_STATEMENT_WRITES) {
		sr_stmt_discard(stmt);
		return;
	}
	used_unlink(conn, stmt);
	idle_push(conn, stmt);
	if (conn->idle_count > SR_STATEMENT_CACHE) {
		sr_stmt *last = conn->oldest;

		idle_unlink(conn, last);
		stmt_free(last);
	}
}

sr_status sr_stmt_end(sr_stmt *stmt, sr_status rc)
{
	if (stmt != NULL && stmt->pending != SR_OK)
		rc = sr_stmt_check(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* ---- Binding ---- */

void sr_stmt_keep_error(sr_stmt *stmt, sr_status status)
{
	if (stmt->pending != SR_OK)
		return;
	stmt->pending = status;
	free(stmt->why);
	stmt->why = strdup(sr_error_message());
}

sr_status sr_stmt_check(const sr_stmt *stmt)
{
	if (stmt->pending == SR_OK)
		return SR_OK;
	return sr_fail(stmt->pending, "%s", stmt->why ? stmt->why : "out of memory");
}

void sr_bind_value(sr_stmt *stmt, int number, const sr_value *value)
{
	sr_status rc = stmt->conn->engine->bind(stmt, number, value);

	if (rc != SR_OK)
		sr_stmt_keep_error(stmt, rc);
}

void sr_bind_null(sr_stmt *stmt, int number)
{
	sr_bind_value(stmt, number, &(sr_value){.type = SR_NULL});
}

void sr_bind_integer(sr_stmt *stmt, int number, int64_t value)
{
	if (value == SR_NULL_INTEGER)
		sr_bind_null(stmt, number);
	else
		sr_bind_value(stmt, number, &(sr_value){.type = SR_INTEGER, .integer = value});
}

void sr_bind_real(sr_stmt *stmt, int number, double value)
{
	if (isnan(value))
		sr_bind_null(stmt, number);
	else
		sr_bind_value(stmt, number, &(sr_value){.type = SR_REAL, .real = value});
}

void sr_bind_text(sr_stmt *stmt, int number, const char *text)
{
	if (text == NULL)
		sr_bind_null(stmt, number);
	else
		sr_bind_value(stmt, number,
			      &(sr_value){.type = SR_TEXT, .text = {text, strlen(text)}});
}

void sr_bind_blob(sr_stmt *stmt, int number, const void *bytes, size_t length)
{
	if (bytes == NULL)
		sr_bind_null(stmt, number);
	else
		sr_bind_value(stmt, number, &(sr_value){.type = SR_BLOB, .text = {bytes, length}});
}

void sr_bind_id(sr_stmt *stmt, int number, const sr_id *id)
{
	if (id == NULL)
		sr_bind_null(stmt, number);
	else
		sr_bind_blob(stmt, number, id->bytes, sizeof(id->bytes));
}

void sr_bind_name(sr_stmt *stmt, int number, sr_text text)
{
	sr_value value = {.type = SR_TEXT, .text = text};

	if (text.data == NULL)
		value.type = SR_NULL;
	else if (memchr(text.data, '\0', text.length) || !sr_text_is_utf8(text))
		value.type = SR_BLOB;
	sr_bind_value(stmt, number, &value);
}

int sr_stmt_parameters(const sr_stmt *stmt)
{
	return stmt->parameters;
}

/* ---- Stepping ---- */

/* A step would open a transaction of its own where the caller believes to be in his. */
static sr_status transaction_alive(sr_conn *conn)
{
	if (!conn->transaction || conn->engine->in_transaction(conn))
		return SR_OK;
	if (conn->lost == SR_OK)
		conn->lost = SR_SQL;
	return sr_fail(conn->lost, "%s: the transaction was rolled back by an earlier error (%s)",
		       conn->path, sr_status_name(conn->lost));
}

sr_status sr_step(sr_stmt *stmt, bool *row)
{
	sr_conn *conn = stmt->conn;
	sr_guarding before;
	sr_status rc;

	*row = false;
	if (!sr_conn_is_ours(conn))
		return sr_fail(SR_FORKED,
			       "'%s' was opened by process %ld, and this is its child: open it "
			       "anew here",
			       conn->path, (long)conn->owner);
	if ((rc = sr_stmt_check(stmt)) != SR_OK) {
		stmt->pending = SR_OK;
		conn->engine->reset(stmt, false);
		stmt->running = false;
		return rc;
	}
	if (!stmt->running && (rc = transaction_alive(conn)) != SR_OK)
		return rc;
	before = sr_conn_guard_swap(conn, stmt->under);
	rc = conn->engine->step(stmt, row);
	(void)sr_conn_guard_swap(conn, before);
	stmt->running = rc == SR_OK && *row;
	if (rc != SR_OK && conn->transaction && !conn->engine->in_transaction(conn))
		conn->lost = rc;
	return rc;
}

sr_status sr_run(sr_stmt *stmt)
{
	sr_status rc;
	bool row;

	do
		rc = sr_step(stmt, &row);
	while (rc == SR_OK && row);
	return rc;
}

/* ---- Columns ---- */

int sr_columns(const sr_stmt *stmt)
{
	return stmt->conn->engine->columns(stmt);
}

const char *sr_column_name(const sr_stmt *stmt, int column)
{
	return stmt->conn->engine->column_name(stmt, column);
}

void sr_column_value(sr_stmt *stmt, int column, sr_value *value)
{
	stmt->conn->engine->column(stmt, column, value);
}

sr_type sr_column_type(sr_stmt *stmt, int column)
{
	sr_value value;

	sr_column_value(stmt, column, &value);
	return value.type;
}

int64_t sr_column_integer(sr_stmt *stmt, int column)
{
	sr_value value;

	sr_column_value(stmt, column, &value);
	if (value.type == SR_INTEGER)
		return value.integer;
	/* The bounds are the doubles next to what an int64_t holds. */
	if (value.type == SR_REAL && value.real > -9223372036854775808.0 &&
	    value.real < 9223372036854775808.0)
		return (int64_t)value.real;
	return SR_NULL_INTEGER;
}

double sr_column_real(sr_stmt *stmt, int column)
{
	sr_value value;

	sr_column_value(stmt, column, &value);
	if (value.type == SR_REAL)
		return value.real;
	return value.type == SR_INTEGER ? (double)value.integer : (double)NAN;
}

sr_text sr_column_text(sr_stmt *stmt, int column)
{
	return stmt->conn->engine->column_text(stmt, column);
}

bool sr_column_id(sr_stmt *stmt, int column, sr_id *id)
{
	sr_value value;

	sr_column_value(stmt, column, &value);
	if ((value.type != SR_BLOB && value.type != SR_TEXT) ||
	    value.text.length != sizeof(id->bytes))
		return false;
	memcpy(id->bytes, value.text.data, sizeof(id->bytes));
	return true;
}

bool sr_stmt_reads(const sr_stmt *stmt)
{
	return stmt->reads;
}

sr_statement_kind sr_stmt_kind(const sr_stmt *stmt)
{
	return stmt->kind;
}

bool sr_stmt_inserts(const sr_stmt *stmt)
{
	return stmt->inserts;
}

const char *sr_stmt_subject(const sr_stmt *stmt)
{
	return stmt->subject;
}

const char *sr_stmt_parameter(const sr_stmt *stmt, int number)
{
	return stmt->conn->engine->parameter_name(stmt, number);
}
