/*
 * What in a database of unknown origin would run when our statements do: triggers on our tables and
 * on those that a foreign key's action reaches from there, foreign keys by which rows of ours go
 * with others, indexes with expressions or conditions, what a table's own text computes or has
 * dropped, names of ours that are views. The migrations' own are known by name and by words, at
 * whatever version. A row of the schema table whose type or names differ from its text is no way
 * around: SQLite refuses such a database as malformed.
 */
#include "schema.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct looking {
	sr_conn *conn;
	sr_foreign_fn fn; /* May be NULL. */
	void *arg;
	int64_t count;
} looking;

static void tell(looking *l, const char *type, const char *name, const char *table)
{
	l->count++;
	if (l->fn)
		l->fn(l->arg, type, name, table);
}

static bool is_ours(const char *type, const char *name, const char *sql)
{
	if (strcmp(sql, SR_LEDGER_SQL) == 0 || strcmp(sql, SR_OWN_LEDGER_SQL) == 0)
		return true;
	/* The latest first: it is what most databases have. */
	for (int v = sr_migration_count - 1; v >= 0; v--) {
		const sr_schema_object *o =
			sr_schema_find(sr_migration_sources[v].schema, type, name);
		bool same;

		if (o && sr_sql_same(o->sql, sql, &same) == SR_OK && same)
			return true;
	}
	return false;
}

/* As the latest version has it; NULL of the ledgers, which no migration makes. */
static const sr_schema_object *our_table(const char *name)
{
	return sr_schema_find(sr_migration_sources[sr_migration_count - 1].schema, "table", name);
}

static bool is_our_table(const char *name)
{
	return sr_is_ledger(name) || our_table(name);
}

/* ---- What a table computes ---- */

static sr_status tell_generated(looking *l, const char *table)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(l->conn, "SELECT name FROM pragma_table_xinfo($1) WHERE hidden IN (2, 3)",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		tell(l, "generated column", sr_column_text(stmt, 0).data, table);
	return sr_stmt_end(stmt, rc);
}

static bool is_literal_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Whether there is one literal, perhaps with a sign, up to the parenthesis. */
static bool is_literal(const char *sql)
{
	sql = sr_sql_blanks_end(sql);
	if (*sql == '-' || *sql == '+')
		sql = sr_sql_blanks_end(sql + 1);
	while (is_literal_char(*sql))
		sql++;
	if (*sql == '\'' || *sql == '"')
		sql = sr_sql_next(sql);
	return *sr_sql_blanks_end(sql) == ')';
}

static bool default_computes(const sr_clause *clause)
{
	const char *from = clause->begin;
	sr_text word;

	while (sr_clause_word(clause, from, "DEFAULT", &word)) {
		from = sr_sql_blanks_end(word.data + word.length);
		if (*from == '(' && !is_literal(from + 1))
			return true;
	}
	return false;
}

static sr_status tell_clause(looking *l, const char *type, const sr_clause *clause,
			     const char *table)
{
	sr_buffer words = SR_BUFFER_EMPTY;
	const char *end = clause->end;
	sr_status rc;

	while (end > clause->begin && isspace((unsigned char)end[-1]))
		end--;
	sr_buffer_add(&words, clause->begin, (size_t)(end - clause->begin));
	if ((rc = sr_buffer_status(&words)) == SR_OK)
		tell(l, type, words.data, table);
	sr_buffer_free(&words);
	return rc;
}

static bool defines_our_column(const sr_clause *clause, const char *table)
{
	const sr_schema_object *ours = our_table(table);

	for (const sr_schema_column *c = ours ? ours->columns : NULL; c && c->name; c++)
		if (sr_clause_defines(clause, c->name))
			return true;
	return false;
}

/* No pragma knows of these; the words are names of nothing unless they are quoted. A conflict
 * clause has rows dropped where our writes expect an error, and a collation takes two names for
 * one; on a column of somebody's own it does not matter. */
static sr_status tell_clauses(looking *l, const char *table, const char *sql)
{
	sr_clause clause = {NULL, NULL, false};
	sr_status rc = SR_OK;
	sr_text word;

	while (rc == SR_OK && sr_clause_next(sql, &clause)) {
		if (sr_clause_word(&clause, clause.begin, "CHECK", &word))
			rc = tell_clause(l, "CHECK", &clause, table);
		if (rc == SR_OK && default_computes(&clause))
			rc = tell_clause(l, "DEFAULT", &clause, table);
		if (rc == SR_OK && sr_clause_word(&clause, clause.begin, "CONFLICT", &word))
			rc = tell_clause(l, "conflict clause", &clause, table);
		if (rc == SR_OK && sr_clause_word(&clause, clause.begin, "COLLATE", &word) &&
		    defines_our_column(&clause, table))
			rc = tell_clause(l, "collation", &clause, table);
	}
	return rc;
}

/* ---- What else is written with ours ---- */

/* Our own texts write each of theirs so. */
static bool is_our_key(const char *table, const char *column, const char *parent)
{
	const sr_schema_object *ours = our_table(table);
	char text[200];
	int n = snprintf(text, sizeof(text), "FOREIGN KEY (%s) REFERENCES %s(ID) ON DELETE CASCADE",
			 column, parent);

	/* Before files had ids of their own, theirs was the client's. */
	if (strcmp(table, "files") == 0 && strcmp(column, "ID") == 0)
		return strcmp(parent, "clients") == 0;
	return ours && n > 0 && (size_t)n < sizeof(text) && strstr(ours->sql, text) != NULL;
}

/* Foreign keys by whose action a row of ours goes, or changes, with another. */
static sr_status tell_keys(looking *l, const char *table)
{
	static const char sql[] =
		"SELECT \"from\", \"table\", on_update IN ('NO ACTION', 'RESTRICT')"
		" AND on_delete = 'CASCADE' AND coalesce(\"to\", 'ID') = 'ID'"
		" FROM pragma_foreign_key_list($1)"
		" WHERE on_delete NOT IN ('NO ACTION', 'RESTRICT')"
		" OR on_update NOT IN ('NO ACTION', 'RESTRICT')";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(l->conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *column = sr_column_text(stmt, 0).data;
		const char *parent = sr_column_text(stmt, 1).data;

		if (!column || !parent || !sr_column_integer(stmt, 2) ||
		    !is_our_key(table, column, parent))
			tell(l, "foreign key", column ? column : "", table);
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status look_at_table(looking *l, const char *name, const char *sql)
{
	char type[16];
	sr_status rc;

	/* Not by its text, in which a comment can stand before VIRTUAL. */
	if ((rc = sr_object_type(l->conn, name, type)) != SR_OK)
		return rc;
	if (strcmp(type, "table") != 0) {
		tell(l, "table", name, name);
		return SR_OK;
	}
	if ((rc = tell_generated(l, name)) == SR_OK && (rc = tell_clauses(l, name, sql)) == SR_OK)
		rc = tell_keys(l, name);
	return rc;
}

/* ---- Triggers and indexes ---- */

/* An index of plain columns runs nothing: whether it has a condition or an expression. */
static sr_status index_computes(sr_conn *conn, const char *name, const char *table, bool *computes)
{
	int64_t found;
	sr_status rc;

	*computes = true;
	rc = sr_ask(conn, "SELECT 1 FROM pragma_index_list($1) WHERE name = $2 AND partial = 0",
		    table, name, &found);
	if (rc != SR_OK || !found)
		return rc;
	rc = sr_ask(conn, "SELECT 1 FROM pragma_index_info($1) WHERE cid = -2", name, NULL, &found);
	*computes = found != 0;
	return rc;
}

/* Whether a foreign key's action can write to the table when ours are written: it, or what it
 * hangs on, is a child of one of ours. */
static sr_status table_reached(sr_conn *conn, const char *table, bool *reached)
{
	static const char sql[] =
		"WITH RECURSIVE up(name) AS (SELECT $1 UNION"
		" SELECT k.\"table\" FROM up JOIN pragma_foreign_key_list(up.name) k"
		" WHERE k.on_delete NOT IN ('NO ACTION', 'RESTRICT')"
		" OR k.on_update NOT IN ('NO ACTION', 'RESTRICT'))"
		" SELECT name FROM up";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*reached = false;
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while (!*reached && (rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *name = sr_column_text(stmt, 0).data;

		*reached = name && is_our_table(name);
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status look_at_object(looking *l, const char *type, const char *name, const char *table,
				const char *sql)
{
	bool foreign = false;
	sr_status rc = SR_OK;

	if (strcmp(type, "view") == 0)
		foreign = is_our_table(name);
	else if (strcasecmp(type, "trigger") == 0 && !is_our_table(table))
		rc = table_reached(l->conn, table, &foreign);
	/* Tables as well: what a text of ours makes is ordinary and computes nothing of others. */
	else if (!is_our_table(table) || is_ours(type, name, sql))
		return SR_OK;
	else if (strcmp(type, "table") == 0)
		return look_at_table(l, name, sql);
	else if (strcmp(type, "trigger") == 0)
		foreign = true;
	else
		rc = index_computes(l->conn, name, table, &foreign);
	if (rc == SR_OK && foreign)
		tell(l, type, name, table);
	return rc;
}

/* ---- The whole ---- */

sr_status sr_schema_foreign(sr_conn *conn, sr_foreign_fn fn, void *arg, int64_t *count)
{
	looking l = {.conn = conn, .fn = fn, .arg = arg};
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*count = 0;
	rc = sr_prepare(conn,
			"SELECT type, name, tbl_name, sql FROM sqlite_master"
			" WHERE sql IS NOT NULL ORDER BY rowid",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *type = sr_column_text(stmt, 0).data;
		const char *name = sr_column_text(stmt, 1).data;
		const char *table = sr_column_text(stmt, 2).data;
		const char *sql = sr_column_text(stmt, 3).data;

		if (!type || !name || !table || !sql)
			continue;
		if ((rc = look_at_object(&l, type, name, table, sql)) != SR_OK)
			break;
	}
	*count = l.count;
	return sr_stmt_end(stmt, rc);
}
