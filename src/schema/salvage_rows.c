/*
 * Rows into the new catalog, one by one: what breaks a rule there is counted and told, what was
 * read and what the indexes know tells how much is lost.
 */
#include "salvage.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BATCH_ROWS    20000
#define PROGRESS_ROWS 500

/* ---- Inserting ---- */

/* INSERT OR ABORT: a clause of the table's own could take the whole batch with it. */
static sr_status insert_sql(const salvage_table *t, size_t count, sr_buffer *sql)
{
	size_t number = 0;

	sr_buffer_add_string(sql, "INSERT OR ABORT INTO ");
	sr_buffer_add_identifier(sql, t->name);
	sr_buffer_add_string(sql, " (");
	for (size_t i = 0; i < count; i++) {
		if (t->columns[i].computed || t->columns[i].key)
			continue;
		sr_buffer_add_string(sql, number++ ? ", " : "");
		sr_buffer_add_identifier(sql, t->columns[i].name);
	}
	/* Also of a row from before the table had a column for it. */
	if (t->number_name) {
		sr_buffer_add_string(sql, number++ ? ", " : "");
		sr_buffer_add_identifier(sql, t->number_name);
	}
	for (size_t i = 1; i <= number; i++)
		sr_buffer_printf(sql, "%s$%zu", i == 1 ? ") VALUES (" : ", ", i);
	sr_buffer_add_string(sql, ")");
	return sr_buffer_status(sql);
}

/* Rows from before a column was added are shorter: then the column's default holds, as ever. */
static sr_status insert_ready(salvage *s, salvage_table *t, size_t count)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if (t->insert && t->insert_count == count)
		return SR_OK;
	sr_stmt_done(t->insert);
	t->insert = NULL;
	t->insert_count = count;
	if ((rc = insert_sql(t, count, &sql)) == SR_OK)
		rc = sr_prepare(s->conn, sql.data, &t->insert);
	sr_buffer_free(&sql);
	return rc;
}

static void insert_bind(const salvage_table *t, int64_t row, const sr_value *values, size_t count)
{
	int number = 1;

	for (size_t i = 0; i < count; i++) {
		if (!t->columns[i].computed && !t->columns[i].key)
			sr_bind_value(t->insert, number++, &values[i]);
	}
	if (t->number_name)
		sr_bind_integer(t->insert, number, row);
}

static sr_status batch_turn(salvage *s)
{
	sr_status rc;

	s->in_batch = 0;
	if ((rc = sr_conn_commit(s->conn)) != SR_OK)
		return rc;
	sr_log_tend_between(s->conn);
	return sr_conn_begin(s->conn, SR_TRANSACTION_WRITE);
}

/* Not to be had in the new one, by the fault of the row. */
static bool is_refusal(sr_status rc)
{
	return rc == SR_CONSTRAINT || rc == SR_SQL || rc == SR_INVALID || rc == SR_EXISTS;
}

static void refuse(salvage *s, int64_t row, const char *why)
{
	s->now->refused++;
	if (s->options->refused)
		s->options->refused(s->options->refused_arg, s->now->name, row, why);
}

static sr_status progress_look(salvage *s)
{
	if (s->in_batch % PROGRESS_ROWS || !s->options->progress ||
	    !s->options->progress(s->options->progress_arg, sr_pages_visited(s->pages),
				  sr_pages_count(s->pages)))
		return SR_OK;
	return sr_fail(SR_INTERRUPTED, "cancelled; the new catalog was not made");
}

sr_status sr_salvage_row(void *arg, int64_t number, const sr_value *values, size_t count)
{
	salvage *s = arg;
	salvage_table *t = s->now;
	sr_status rc;

	if (count > t->column_count) {
		refuse(s, number, "it has more values than the table has columns");
		return SR_OK;
	}
	/* What an index that is whole does not know was deleted, or is an old copy. */
	if (s->from_adrift && t->live.known && !sr_salvage_is_live(&t->live, number))
		return SR_OK;
	if ((rc = insert_ready(s, t, count)) != SR_OK)
		return rc;
	insert_bind(t, number, values, count);
	rc = sr_run(t->insert);
	if (rc == SR_OK) {
		t->saved++;
		t->adrift += s->from_adrift;
	} else if (is_refusal(rc) && sr_conn_in_transaction(s->conn)) {
		/* A copy of a row that is there already is no loss. */
		if (!s->from_adrift || rc != SR_CONSTRAINT)
			refuse(s, number, sr_error_message());
		sr_error_set("");
	} else {
		return rc;
	}
	if (++s->in_batch >= BATCH_ROWS && (rc = batch_turn(s)) != SR_OK)
		return rc;
	return progress_look(s);
}

/* ---- What the indexes know ---- */

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

bool sr_salvage_is_live(const salvage_live *live, int64_t number)
{
	return live->count > 0 &&
	       bsearch(&number, live->numbers, live->count, sizeof(number), by_number) != NULL;
}

/* An entry of an index ends with its row's number. */
static sr_status live_take(void *arg, int64_t number, const sr_value *values, size_t count)
{
	salvage_live *live = arg;

	(void)number;
	if (values[count - 1].type != SR_INTEGER)
		return SR_OK;
	if (live->count == live->room) {
		size_t room = live->room ? live->room * 2 : 1024;
		int64_t *more = realloc(live->numbers, room * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		live->numbers = more;
		live->room = room;
	}
	live->numbers[live->count++] = values[count - 1].integer;
	return SR_OK;
}

/* Those from `from` on, in order and each once. */
static void live_sort(salvage_live *live, size_t from)
{
	size_t count = 0;

	if (live->count == from)
		return;
	memmove(live->numbers, live->numbers + from, (live->count - from) * sizeof(int64_t));
	live->count -= from;
	qsort(live->numbers, live->count, sizeof(*live->numbers), by_number);
	for (size_t i = 0; i < live->count; i++)
		if (i == 0 || live->numbers[i] != live->numbers[count - 1])
			live->numbers[count++] = live->numbers[i];
	live->count = count;
}

/* Reads indexes until one is whole; of those that are not, what they know together counts. */
static sr_status live_read(salvage *s, salvage_table *t)
{
	size_t before = 0;
	sr_status rc = SR_OK;

	for (size_t i = 0; i < s->object_count && rc == SR_OK && !t->live.known; i++) {
		const salvage_object *o = &s->objects[i];
		sr_pages_walk walk = {0};

		if (!o->whole || o->root == 0 || strcasecmp(o->table, t->name) != 0)
			continue;
		before = t->live.count;
		rc = sr_pages_tree(s->pages, o->root, true, live_take, &t->live, &walk);
		t->live.known = rc == SR_OK && walk.lost_rows == 0 && walk.lost_pages == 0 &&
				(size_t)walk.rows == t->live.count - before;
	}
	live_sort(&t->live, t->live.known ? before : 0);
	return rc;
}

/* ---- Tables ---- */

/* Numbers that were given before must not be given again. */
sr_status sr_salvage_sequence(void *arg, int64_t number, const sr_value *values, size_t count)
{
	static const char sql[] =
		"UPDATE sqlite_sequence SET seq = max(seq, $2) WHERE name = $1 COLLATE NOCASE";
	static const char add[] =
		"INSERT INTO sqlite_sequence (name, seq) SELECT m.name, $2 FROM sqlite_master m"
		" WHERE m.type = 'table' AND m.name = $1 COLLATE NOCASE AND NOT EXISTS"
		" (SELECT 1 FROM sqlite_sequence q WHERE q.name = m.name)";
	salvage *s = arg;
	sr_status rc = SR_OK;

	(void)number;
	if (count != 2 || values[0].type != SR_TEXT || values[1].type != SR_INTEGER)
		return SR_OK;
	for (int i = 0; i < 2 && rc == SR_OK; i++) {
		sr_stmt *stmt;

		if ((rc = sr_prepare(s->conn, i == 0 ? sql : add, &stmt)) != SR_OK)
			return rc;
		sr_bind_value(stmt, 1, &values[0]);
		sr_bind_value(stmt, 2, &values[1]);
		rc = sr_run(stmt);
		sr_stmt_done(stmt);
	}
	return rc;
}

/* Only where some table counts so is there such a table. */
static sr_status sequences_read(salvage *s)
{
	sr_pages_walk walk = {0};
	int64_t there;
	sr_status rc;

	rc = sr_ask(s->conn, "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'", NULL,
		    NULL, &there);
	for (size_t i = 0; i < s->object_count && rc == SR_OK && there; i++)
		if (strcmp(s->objects[i].name, "sqlite_sequence") == 0 && s->objects[i].root > 0)
			rc = sr_pages_tree(s->pages, s->objects[i].root, false, sr_salvage_sequence,
					   s, &walk);
	return rc;
}

bool sr_salvage_is_damaged(const salvage_table *t)
{
	return t->root == 0 || t->walk.lost_rows || t->walk.lost_pages;
}

static sr_status table_read(salvage *s, salvage_table *t)
{
	sr_pages_walk ignored = {0};
	sr_status rc;

	s->now = t;
	s->from_adrift = false;
	/* Only so that its pages are known. */
	if (t->made)
		return sr_pages_tree(s->pages, t->root, t->keyed, NULL, NULL, &ignored);
	rc = sr_pages_tree(s->pages, t->root, t->keyed, sr_salvage_row, s, &t->walk);
	sr_stmt_done(t->insert);
	t->insert = NULL;
	return rc;
}

sr_status sr_salvage_ledger(salvage *s)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < s->table_count && rc == SR_OK; i++) {
		salvage_table *t = &s->tables[i];

		if (strcasecmp(t->name, "database_migrations") != 0 || t->root == 0)
			continue;
		rc = table_read(s, t);
		t->walked = true;
	}
	return rc;
}

/* The pages of the engine's own tables are not adrift. */
static sr_status others_mark(salvage *s)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < s->object_count && rc == SR_OK; i++) {
		const salvage_object *o = &s->objects[i];
		sr_pages_walk ignored = {0};

		if (strcmp(o->type, "table") == 0 && o->root > 0 &&
		    strncasecmp(o->name, "sqlite_", 7) == 0)
			rc = sr_pages_tree(s->pages, o->root, false, NULL, NULL, &ignored);
	}
	return rc;
}

/* Whether the index has an entry for every row, and whether it keeps a rule. */
static sr_status index_look(salvage *s, const char *name, bool *whole, bool *rules)
{
	int64_t found;
	sr_status rc;

	rc = sr_ask(s->conn,
		    "SELECT 1 + (l.\"unique\" = 0 AND l.origin = 'c') + 2 * (l.partial = 0)"
		    " FROM sqlite_master m JOIN pragma_index_list(m.tbl_name) l ON l.name = m.name"
		    " WHERE m.type = 'index' AND m.name = $1 COLLATE NOCASE",
		    name, NULL, &found);
	*rules = found != 2 && found != 4;
	*whole = found >= 3;
	return rc;
}

static sr_status index_drop(salvage *s, const char *name)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, "DROP INDEX ");
	sr_buffer_add_identifier(&sql, name);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_exec(s->conn, sql.data);
	sr_buffer_free(&sql);
	return rc;
}

/* An index is built many times faster than it grows row by row. */
static sr_status indexes_set_aside(salvage *s)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(s->conn,
			"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL"
			" ORDER BY rowid",
			&stmt);
	if (rc != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if ((rc = sr_names_add(&s->indexes, sr_column_text(stmt, 0).data)) != SR_OK ||
		    (rc = sr_names_add(&s->index_texts, sr_column_text(stmt, 1).data)) != SR_OK)
			break;
	rc = sr_stmt_end(stmt, rc);
	for (size_t i = 0; i < s->object_count && rc == SR_OK; i++) {
		salvage_object *o = &s->objects[i];
		bool rules;

		if (strcmp(o->type, "index") == 0)
			rc = index_look(s, o->name, &o->whole, &rules);
	}
	for (size_t i = 0; i < s->indexes.count && rc == SR_OK; i++) {
		bool whole, rules;

		rc = index_look(s, s->indexes.names[i], &whole, &rules);
		if (rc == SR_OK && !rules)
			rc = index_drop(s, s->indexes.names[i]);
	}
	return rc;
}

sr_status sr_salvage_indexes(salvage *s)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < s->indexes.count && rc == SR_OK; i++) {
		char there[16];

		rc = sr_object_type(s->conn, s->indexes.names[i], there);
		if (rc == SR_OK && there[0] == '\0')
			rc = sr_salvage_object_make(s, "index", s->indexes.names[i],
						    s->index_texts.names[i]);
	}
	return rc;
}

sr_status sr_salvage_rows(salvage *s)
{
	sr_status rc = indexes_set_aside(s);

	for (size_t i = 0; i < s->table_count && rc == SR_OK; i++)
		if (s->tables[i].root > 0 && !s->tables[i].walked)
			rc = table_read(s, &s->tables[i]);
	for (size_t i = 0; i < s->table_count && rc == SR_OK; i++) {
		salvage_table *t = &s->tables[i];

		if (!t->walked && sr_salvage_is_damaged(t) && !t->keyed && !t->made)
			rc = live_read(s, t);
		t->walked = true;
	}
	if (rc == SR_OK && (rc = sequences_read(s)) == SR_OK)
		rc = others_mark(s);
	return rc;
}

/* Rows of the new table that a whole index of the old one knew. */
static sr_status live_found(salvage *s, const salvage_table *t, int64_t *found)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	*found = 0;
	sr_buffer_add_string(&sql, "SELECT ");
	sr_buffer_add_identifier(&sql, t->number_name ? t->number_name : "rowid");
	sr_buffer_add_string(&sql, " FROM ");
	sr_buffer_add_identifier(&sql, t->name);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(s->conn, sql.data, &stmt);
	while (rc == SR_OK && (rc = sr_step(stmt, &row)) == SR_OK && row)
		*found += sr_salvage_is_live(&t->live, sr_column_integer(stmt, 0));
	sr_stmt_done(stmt);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_salvage_count_lost(salvage *s, salvage_table *t)
{
	int64_t found = 0;
	sr_status rc;

	t->exact = !sr_salvage_is_damaged(t) || t->live.known;
	if (t->live.count > 0 && (rc = live_found(s, t, &found)) != SR_OK)
		return rc;
	t->lost = (int64_t)t->live.count - found - t->refused;
	if (!t->live.known && t->lost < t->walk.lost_rows)
		t->lost = t->walk.lost_rows;
	/* A page that another led to held a row at least; the first may have been empty. */
	if (!t->live.known && t->lost < t->walk.lost_pages && t->adrift == 0 && t->walk.rows > 0)
		t->lost = t->walk.lost_pages;
	t->lost = t->lost > 0 ? t->lost : 0;
	return SR_OK;
}

void sr_salvage_tables_free(salvage *s)
{
	for (size_t i = 0; i < s->table_count; i++) {
		salvage_table *t = &s->tables[i];

		sr_stmt_done(t->insert);
		for (size_t c = 0; c < t->column_count; c++)
			free(t->columns[c].name);
		free(t->columns);
		free(t->live.numbers);
		free(t->name);
	}
	free(s->tables);
}
