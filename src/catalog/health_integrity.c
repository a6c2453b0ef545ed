/* Check-ups of the pages, and of rows that refer to others. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "health.h"

#define MESSAGES 100 /* Of the engine's own check; the rest would say the same. */

/* ---- Pages ---- */

/* Broken indexes, each counted once. */
typedef struct broken {
	char name[256];
	int64_t count;
} broken;

typedef struct messages {
	broken indexes[16];
	size_t used;
	int64_t rows; /* That break a rule of their table. */
	char row[256];
	int64_t pages; /* Other messages. */
} messages;

static void take_index(messages *all, sr_text name)
{
	size_t i = 0;

	while (i < all->used && (strlen(all->indexes[i].name) != name.length ||
				 memcmp(all->indexes[i].name, name.data, name.length) != 0))
		i++;
	if (i == sizeof(all->indexes) / sizeof(all->indexes[0]) ||
	    name.length >= sizeof(all->indexes[0].name))
		return;
	if (i == all->used) {
		memcpy(all->indexes[i].name, name.data, name.length);
		all->indexes[i].name[name.length] = '\0';
		all->used++;
	}
	all->indexes[i].count++;
}

static void take_message(sr_checkup *c, messages *all, sr_text message)
{
	sr_text index = sr_index_of_message(message);

	if (index.data != NULL) {
		take_index(all, index);
	} else if (strncmp(message.data, "NULL value in ", 14) == 0 ||
		   strncmp(message.data, "CHECK constraint ", 17) == 0) {
		if (all->rows++ == 0)
			snprintf(all->row, sizeof(all->row), "%s", sr_quoted(message));
	} else if (++all->pages <= SR_HEALTH_EXAMPLES) {
		c->health->integrity_check = false;
		sr_finding_add(c, SR_SEVERITY_ERROR, "damaged", sr_text_of(NULL), 1, SR_CURE_DAMAGE,
			       "the database is damaged: %s", sr_quoted(message));
	}
}

static void report(sr_checkup *c, const messages *all)
{
	for (size_t i = 0; i < all->used; i++) {
		c->health->integrity_check = false;
		sr_finding_add(c, SR_SEVERITY_ERROR, "index_broken",
			       sr_text_of(all->indexes[i].name), all->indexes[i].count,
			       sr_cure_repair(c), "the index %s does not agree with its table",
			       sr_quoted(sr_text_of(all->indexes[i].name)));
	}
	if (all->rows > 0) {
		c->health->integrity_check = false;
		sr_finding_add(c, SR_SEVERITY_ERROR, "row_invalid", sr_text_of(NULL), all->rows,
			       "fill the value in, or delete the row, with strongroom sql --write",
			       "rows break a rule of their table: %s", all->row);
	}
	if (all->pages > SR_HEALTH_EXAMPLES)
		sr_finding_add(c, SR_SEVERITY_ERROR, "damaged", sr_text_of(NULL),
			       all->pages - SR_HEALTH_EXAMPLES, SR_CURE_DAMAGE,
			       "and %" PRId64 "%s more signs of damage",
			       all->pages - SR_HEALTH_EXAMPLES,
			       all->pages + all->rows >= MESSAGES ? " or" : "");
}

/* The engine's check, whole or of one table. */
static sr_status ask_engine(sr_checkup *c, const char *sql, messages *all)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(c->conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row) {
		sr_text message = sr_column_text(stmt, 0);

		if (message.data == NULL || strcmp(message.data, "ok") == 0)
			continue;
		if ((rc = sr_complaint_check(c->conn, message)) != SR_OK)
			break;
		take_message(c, all, message);
	}
	return sr_stmt_end(stmt, rc);
}

/* ---- Tables too large to be read quickly ---- */

typedef struct names {
	char **list;
	size_t count;
} names;

static void free_names(names *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->list[i]);
	free(all->list);
}

/* Ordinary tables, by name. */
static sr_status list_tables(sr_conn *conn, names *all)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(conn,
			"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = "
			"'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_text name = sr_column_text(stmt, 0);
		char **more = realloc(all->list, (all->count + 1) * sizeof(*more));

		if (more != NULL)
			all->list = more;
		if (more == NULL ||
		    (more[all->count] = strdup(name.data ? name.data : "")) == NULL) {
			rc = sr_fail_memory();
			break;
		}
		all->count++;
	}
	return sr_stmt_end(stmt, rc);
}

/* sql with %s replaced by the quoted name of a table. */
static sr_status with_name(sr_buffer *sql, const char *before, const char *name, const char *behind)
{
	sr_buffer_clear(sql);
	sr_buffer_add_string(sql, before);
	sr_buffer_add_string(sql, "\"");
	for (; *name; name++)
		sr_buffer_printf(sql, "%s%c", *name == '"' ? "\"" : "", *name);
	sr_buffer_add_string(sql, "\"");
	sr_buffer_add_string(sql, behind);
	return sr_buffer_status(sql);
}

/* Whether the table has few rows: looks no further than at as many. */
static sr_status is_small(sr_checkup *c, const char *table, bool *small)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	char limit[32];
	int64_t rows = 0;
	sr_status rc;

	snprintf(limit, sizeof(limit), " LIMIT %" PRId64 ")", c->limits->whole_rows + 1);
	rc = with_name(&sql, "SELECT count(*) FROM (SELECT 1 FROM ", table, limit);
	if (rc == SR_OK)
		rc = sr_query_integer(c->conn, sql.data, &rows);
	sr_buffer_free(&sql);
	*small = rows <= c->limits->whole_rows;
	return rc;
}

static sr_status check_small_tables(sr_checkup *c, messages *all)
{
	sr_tally large = SR_TALLY_EMPTY;
	sr_buffer sql = SR_BUFFER_EMPTY;
	names tables = {0};
	sr_status rc;
	bool small;

	rc = list_tables(c->conn, &tables);
	for (size_t i = 0; rc == SR_OK && i < tables.count && !sr_checkup_stop(c); i++) {
		if ((rc = is_small(c, tables.list[i], &small)) != SR_OK)
			break;
		if (!small) {
			sr_tally_add(&large, "%s", sr_quoted(sr_text_of(tables.list[i])));
			continue;
		}
		if ((rc = with_name(&sql, "PRAGMA quick_check(", tables.list[i], ")")) == SR_OK)
			rc = ask_engine(c, sql.data, all);
	}
	if (large.count > 0)
		sr_unseen_add(c, "the pages of large tables: %s", sr_tally_names(c, &large));
	sr_tally_free(&large);
	sr_buffer_free(&sql);
	free_names(&tables);
	return rc;
}

sr_status sr_check_integrity(sr_checkup *c)
{
	messages all = {0};
	char sql[64];
	sr_status rc;

	snprintf(sql, sizeof(sql), "PRAGMA %s(%d)",
		 c->options.full ? "integrity_check" : "quick_check", MESSAGES);
	if (c->options.full || c->health->size.size_bytes <= c->limits->whole_bytes)
		rc = ask_engine(c, sql, &all);
	else
		rc = check_small_tables(c, &all);
	if (rc == SR_OK && !c->options.full && !c->late)
		sr_unseen_add(c, "indexes against their tables");
	report(c, &all);
	return rc;
}

/* ---- References ---- */

/* Rows of a table that break a foreign key of its own. Each name once however many keys. */
static sr_status check_table(sr_checkup *c, const char *table)
{
	sr_tally tally = SR_TALLY_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(c->conn, "SELECT rowid, parent FROM pragma_foreign_key_check($1)", &stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_text(stmt, 1, table);
	while ((rc = sr_checkup_step(c, stmt, &row)) == SR_OK && row)
		sr_tally_add(&tally, "row %" PRId64 " to %s", sr_column_integer(stmt, 0),
			     sr_quoted(sr_column_text(stmt, 1)));
	rc = sr_stmt_end(stmt, rc);
	if (tally.count > 0) {
		bool own = sr_is_own_table(table);

		c->health->foreign_key_check = false;
		sr_finding_add(c, own ? SR_SEVERITY_ERROR : SR_SEVERITY_WARNING, "orphans",
			       sr_text_of(table), tally.count,
			       own ? sr_cure_repair(c)
				   : "the table is not this program's: delete them, or add what "
				     "they refer to",
			       "rows of %s refer to nothing: %s", sr_quoted(sr_text_of(table)),
			       sr_tally_names(c, &tally));
	}
	sr_tally_free(&tally);
	/* A foreign key of a user's that names nothing unique cannot be checked. */
	return rc == SR_SQL ? SR_OK : rc;
}

/* What a repair has moved aside waits there until somebody decides. */
static sr_status check_kept(sr_checkup *c)
{
	int64_t rows = 0;
	sr_status rc;
	bool has;

	if ((rc = sr_checkup_has(c, "orphaned_rows", "Content", &has)) != SR_OK || !has)
		return rc;
	rc = sr_query_integer(c->conn, "SELECT count(*) FROM orphaned_rows", &rows);
	if (rc == SR_OK && rows > 0)
		sr_finding_add(c, SR_SEVERITY_NOTE, "orphans_kept", sr_text_of("orphaned_rows"),
			       rows, "put them back as strongroom-repair(1) says, or delete them",
			       "orphaned_rows holds rows that a repair has moved aside: %" PRId64,
			       rows);
	return rc;
}

sr_status sr_check_references(sr_checkup *c)
{
	names tables = {0};
	sr_status rc = list_tables(c->conn, &tables);

	for (size_t i = 0; rc == SR_OK && i < tables.count && !sr_checkup_stop(c); i++)
		rc = check_table(c, tables.list[i]);
	free_names(&tables);
	if (rc == SR_OK && !c->late)
		rc = check_kept(c);
	return rc;
}
