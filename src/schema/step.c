/*
 * One migration's statements, under the guard, and its hooks: a line "-- Hook: NAME" among them
 * runs C code of this room there, for what SQL alone cannot say. A hook is inside the migration's
 * transaction and all its checks; tools/embed-migrations knows the same names.
 */
#include "schema.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The next word of an SQL text, without quotes; where it ends. */
static const char *word_next(const char *sql, char word[256])
{
	size_t n = 0;

	while (isspace((unsigned char)*sql))
		sql++;
	while (*sql && !isspace((unsigned char)*sql) && *sql != '(' && *sql != ';') {
		if (n < 255 && *sql != '"')
			word[n++] = *sql;
		sql++;
	}
	word[n] = '\0';
	return sql;
}

/* "ALTER TABLE table ADD COLUMN column": old code adds columns one by one, each only if it is
 * missing, and so do we. SQL has no IF NOT EXISTS for it. */
static bool adds_column(const char *sql, char table[256], char column[256])
{
	static const char *const words[] = {"ALTER", "TABLE", "", "ADD", "COLUMN", ""};
	char word[256];

	for (size_t i = 0; i < 6; i++) {
		char *into = i == 2 ? table : i == 5 ? column : word;

		sql = word_next(sql, into);
		if (words[i][0] && strcasecmp(word, words[i]) != 0)
			return false;
	}
	return column[0] != '\0';
}

/* The statement on one line, cut. */
static void statement_show(const char *sql, char shown[160])
{
	size_t n = 0;
	bool blank = false;

	for (; *sql && n < 120; sql++) {
		if (isspace((unsigned char)*sql)) {
			blank = true;
			continue;
		}
		if (blank && n)
			shown[n++] = ' ';
		blank = false;
		shown[n++] = *sql;
	}
	snprintf(shown + n, 160 - n, "%s", *sql ? "…" : "");
}

static const struct {
	const char *line;
	sr_status (*run)(sr_conn *conn);
} hooks[] = {
	{"-- Hook: files_key_add", sr_files_key_add},
	{"-- Hook: files_key_remove", sr_files_key_remove},
	{"-- Hook: keys_all_plain", sr_keys_all_plain},
};

static bool is_hook(const char *sql)
{
	return strncmp(sql, "-- Hook: ", 9) == 0;
}

static sr_status hook_run(sr_conn *conn, const char *line)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (strcmp(hooks[i].line, line) == 0)
			return hooks[i].run(conn);
	return sr_fail(SR_INVALID, "this program has no such hook");
}

static sr_status statement_run(sr_conn *conn, const char *sql, sr_guard *guard)
{
	char table[256];
	char column[256];
	sr_stmt *stmt;
	sr_status rc;
	bool exists;

	if (is_hook(sql))
		return hook_run(conn, sql);
	if (adds_column(sql, table, column)) {
		if ((rc = sr_column_exists(conn, table, column, &exists)) != SR_OK || exists)
			return rc;
	}
	/* For this statement alone: our own questions in between are not the migration's. */
	sr_conn_guard(conn, sr_guard_migration, guard);
	if ((rc = sr_prepare(conn, sql, &stmt)) == SR_OK) {
		rc = sr_run(stmt);
		sr_stmt_done(stmt);
	}
	sr_conn_guard(conn, NULL, NULL);
	return rc;
}

/* The engine refuses to write the schema table before it asks the guard. */
sr_status sr_script_refused(sr_status rc, const char *who)
{
	if (rc == SR_SQL && strstr(sr_error_message(), "may not be modified"))
		return sr_fail(SR_REFUSED,
			       "%s contains potentially dangerous operations: write the schema "
			       "table; review its SQL",
			       who);
	return rc;
}

sr_status sr_script_run(sr_conn *conn, const sr_migration_source *source,
			const sr_migration_script *script, bool block_dangerous)
{
	sr_guard guard = {.allows = script->allows, .block = block_dangerous};
	char who[64];
	char shown[160];
	sr_status rc = SR_OK;
	int number = 0;

	snprintf(who, sizeof(who), "Migration %d", source->version);
	guard.who = who;
	for (const char *const *sql = script->statements; *sql && rc == SR_OK; sql++) {
		number++;
		rc = sr_script_refused(statement_run(conn, *sql, &guard), who);
		if (rc == SR_OK)
			continue;
		statement_show(*sql, shown);
		sr_fail_within(rc, "migration %d (%s), statement %d '%s'", source->version,
			       source->name, number, shown);
	}
	return rc;
}
