/* What a repair would do: the questions of health, asked for every row. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faults.h"
#include "repair.h"
#include "usage.h"

#define MESSAGES 100000 /* Of the integrity check: enough to name every broken index. */

/* ---- Mends ---- */

sr_status sr_mends_add(sr_mends *mends, sr_mending how, const char *table, const char *sql,
		       sr_mend **mend)
{
	sr_mend *more = realloc(mends->list, (mends->count + 1) * sizeof(*more));

	if (more == NULL)
		return sr_fail_memory();
	mends->list = more;
	*mend = &more[mends->count];
	**mend = (sr_mend){.how = how, .table = strdup(table), .sql = sql ? strdup(sql) : NULL};
	mends->count++;
	return (*mend)->table == NULL || (sql && (*mend)->sql == NULL) ? sr_fail_memory() : SR_OK;
}

static bool has_memory(const sr_value *key)
{
	return key->type == SR_TEXT || key->type == SR_BLOB;
}

sr_status sr_mend_add_key(sr_mend *mend, const sr_value *key)
{
	sr_value *one;

	if (mend->count == mend->capacity) {
		size_t capacity = mend->capacity ? mend->capacity * 2 : 8;
		sr_value *more = realloc(mend->keys, capacity * sizeof(*more));

		if (more == NULL)
			return sr_fail_memory();
		mend->keys = more;
		mend->capacity = capacity;
	}
	one = &mend->keys[mend->count];
	*one = *key;
	if (has_memory(key)) {
		char *bytes = malloc(key->text.length + 1);

		if (bytes == NULL)
			return sr_fail_memory();
		if (key->text.length > 0)
			memcpy(bytes, key->text.data, key->text.length);
		bytes[key->text.length] = '\0';
		one->text.data = bytes;
	}
	mend->count++;
	return SR_OK;
}

void sr_mends_free(sr_mends *mends)
{
	for (size_t i = 0; i < mends->count; i++) {
		sr_mend *mend = &mends->list[i];

		for (size_t k = 0; k < mend->count; k++)
			if (has_memory(&mend->keys[k]))
				free((char *)(uintptr_t)mend->keys[k].text.data);
		free(mend->keys);
		free(mend->table);
		free(mend->sql);
	}
	free(mends->list);
	free(mends->damage);
	*mends = (sr_mends){0};
}

/* ---- Objects ---- */

typedef struct drift {
	sr_mends *mends;
	bool search; /* Of what the search index is in, or is told of changes by. */
	sr_status status;
} drift;

bool sr_can_be_made(const char *kind, const char *object, const char *found)
{
	/* Without these two there is no catalog, and a backup has what they held. */
	if (strcmp(kind, "table") == 0)
		return found == NULL && strcasecmp(object, "clients") != 0 &&
		       strcasecmp(object, "files") != 0;
	return strcmp(kind, "index") == 0 || strcmp(kind, "trigger") == 0;
}

/* The rows that a table comes with, of all migrations. */
static void add_first_rows(sr_buffer *sql, const char *table)
{
	char begin[200];

	snprintf(begin, sizeof(begin), "INSERT OR IGNORE INTO %s (", table);
	for (int v = 0; v < sr_migration_count; v++)
		for (const char *const *s = sr_migration_sources[v].up.statements; *s; s++)
			if (strncasecmp(*s, begin, strlen(begin)) == 0 && strstr(*s, ") VALUES"))
				sr_buffer_printf(sql, ";\n%s", *s);
}

static bool is_of_search(const char *object)
{
	return strncasecmp(object, "search_", 7) == 0 ||
	       strncasecmp(object, "trg_files_search_", 17) == 0;
}

/* Columns, and tables that are otherwise, cannot be made anew; health tells of them. */
static void take_drift(void *arg, const char *kind, const char *object, const char *expected,
		       const char *found)
{
	drift *d = arg;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_mending how;
	sr_mend *mend;

	d->search = d->search || is_of_search(object);
	if (d->status != SR_OK || !sr_can_be_made(kind, object, found))
		return;
	if (found != NULL)
		sr_buffer_printf(&sql, "DROP %s \"%s\";\n", kind, object);
	sr_buffer_add_string(&sql, expected);
	how = strcmp(kind, "table") == 0 ? SR_MEND_TABLE : SR_MEND_OBJECT;
	if (how == SR_MEND_TABLE)
		add_first_rows(&sql, object);
	if ((d->status = sr_buffer_status(&sql)) == SR_OK)
		d->status = sr_mends_add(d->mends, how, object, sql.data, &mend);
	sr_buffer_free(&sql);
}

static bool has_mend(const sr_mends *mends, sr_mending how, const char *table)
{
	for (size_t i = 0; i < mends->count; i++)
		if (mends->list[i].how == how && strcasecmp(mends->list[i].table, table) == 0)
			return true;
	return false;
}

static sr_status take_message(sr_mends *mends, sr_text message)
{
	sr_text index = sr_index_of_message(message);
	sr_status rc = SR_OK;
	sr_mend *mend;
	char *name;

	if (index.data != NULL) {
		if ((name = strndup(index.data, index.length)) == NULL)
			return sr_fail_memory();
		/* One that is made anew is built anew. */
		if (!has_mend(mends, SR_MEND_INDEX, name) && !has_mend(mends, SR_MEND_OBJECT, name))
			rc = sr_mends_add(mends, SR_MEND_INDEX, name, NULL, &mend);
		free(name);
	} else if (mends->damage == NULL) {
		mends->damage = strdup(sr_quoted(message));
		if (mends->damage == NULL)
			rc = sr_fail_memory();
	}
	return rc;
}

static sr_status find_broken_indexes(sr_conn *conn, sr_mends *mends)
{
	char sql[64];
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	snprintf(sql, sizeof(sql), "PRAGMA integrity_check(%d)", MESSAGES);
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_text message = sr_column_text(stmt, 0);

		if (message.data == NULL || strcmp(message.data, "ok") == 0)
			continue;
		if ((rc = sr_complaint_check(conn, message)) != SR_OK ||
		    (rc = take_message(mends, message)) != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

/* Where the index is told of changes again it may have missed some. */
static sr_status find_search_index(sr_conn *conn, sr_watch_fn stop, void *arg, const drift *d)
{
	bool fault = d->search;
	sr_mend *mend;
	sr_status rc;

	if (!fault && (rc = sr_search_index_fault(conn, true, stop, arg, &fault)) != SR_OK)
		return rc;
	return fault ? sr_mends_add(d->mends, SR_MEND_SEARCH, "search_state", NULL, &mend) : SR_OK;
}

sr_status sr_mends_find_objects(sr_conn *conn, sr_watch_fn stop, void *arg, sr_mends *mends)
{
	drift d = {.mends = mends};
	int64_t differences;
	sr_status rc;

	if ((rc = sr_schema_verify(conn, take_drift, &d, &differences)) != SR_OK)
		return rc;
	if (d.status != SR_OK)
		return d.status;
	if ((rc = find_broken_indexes(conn, mends)) != SR_OK)
		return rc;
	return find_search_index(conn, stop, arg, &d);
}

/* ---- Rows ---- */

/* The first column of each row is the key of one to mend. */
static sr_status find_keys(sr_conn *conn, sr_mends *mends, sr_mending how, const char *table,
			   const char *sql)
{
	sr_mend *mend = NULL;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	for (size_t i = 0; i < mends->count; i++)
		if (mends->list[i].how == how && strcmp(mends->list[i].table, table) == 0)
			mend = &mends->list[i];
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_value key;

		sr_column_value(stmt, 0, &key);
		if (mend == NULL && (rc = sr_mends_add(mends, how, table, NULL, &mend)) != SR_OK)
			break;
		if ((rc = sr_mend_add_key(mend, &key)) != SR_OK)
			break;
	}
	return sr_stmt_end(stmt, rc);
}

/* Files first, since their versions go with them. */
static sr_status find_orphans(sr_conn *conn, sr_mends *mends)
{
	static const struct {
		sr_mending how;
		const char *table;
		const char *sql;
	} all[] = {
		{SR_MEND_ORPHANS, "files", "SELECT rowid FROM pragma_foreign_key_check('files')"},
		{SR_MEND_ORPHANS, "file_versions",
		 "SELECT rowid FROM pragma_foreign_key_check('file_versions')"
		 " WHERE parent <> 'file_versions' COLLATE NOCASE"},
		{SR_MEND_LOST_PARENTS, "file_versions",
		 "SELECT rowid FROM pragma_foreign_key_check('file_versions')"
		 " WHERE parent = 'file_versions' COLLATE NOCASE"},
		{SR_MEND_PARENTS, "file_versions", SR_PARENTS_WRONG},
	};
	sr_status rc = SR_OK;

	for (size_t i = 0; rc == SR_OK && i < sizeof(all) / sizeof(all[0]); i++)
		rc = find_keys(conn, mends, all[i].how, all[i].table, all[i].sql);
	return rc;
}

/* The other tables of this program that refer to any, as far as they are there. */
static sr_status find_other_orphans(sr_conn *conn, sr_mends *mends)
{
	const sr_schema_object *o = sr_migration_sources[sr_migration_count - 1].schema;
	sr_status rc = SR_OK;

	for (; o->type && rc == SR_OK; o++) {
		char sql[200];

		if (strcmp(o->type, "table") != 0 || o->keys[0].column == NULL ||
		    strcasecmp(o->name, "files") == 0 || strcasecmp(o->name, "file_versions") == 0)
			continue;
		snprintf(sql, sizeof(sql),
			 "SELECT k.rowid FROM sqlite_schema m, pragma_foreign_key_check(m.name) k"
			 " WHERE m.type = 'table' AND m.name = '%s' COLLATE NOCASE",
			 o->name);
		rc = find_keys(conn, mends, SR_MEND_ORPHANS, o->name, sql);
	}
	return rc;
}

static sr_status find_usage(sr_conn *conn, sr_mends *mends)
{
	sr_mend *mend = NULL;
	sr_usage *usage;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = find_keys(conn, mends, SR_MEND_USAGE, "client_usage", SR_USAGE_LACKING)) != SR_OK)
		return rc;
	if (mends->count > 0 && mends->list[mends->count - 1].how == SR_MEND_USAGE)
		mend = &mends->list[mends->count - 1];
	if ((rc = sr_usage_count(conn, &usage)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(conn, SR_USAGE_ROWS, &stmt)) != SR_OK)
		goto err0;
	sr_bind_integer(stmt, 1, INT64_MIN + 1);
	sr_bind_null(stmt, 2);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		int64_t files, bytes;
		sr_value id;

		sr_column_value(stmt, 0, &id);
		sr_usage_get(usage, &id, &files, &bytes);
		if (files == sr_column_integer(stmt, 1) && bytes == sr_column_integer(stmt, 2))
			continue;
		if (mend == NULL &&
		    (rc = sr_mends_add(mends, SR_MEND_USAGE, "client_usage", NULL, &mend)) != SR_OK)
			break;
		if ((rc = sr_mend_add_key(mend, &id)) != SR_OK)
			break;
	}
	rc = sr_stmt_end(stmt, rc);

err0:
	sr_usage_free(usage);
	return rc;
}

/* One step for all of them, since one pass counts them all. */
static sr_status find_totals(sr_conn *conn, sr_mends *mends)
{
	static const char *const wrong[] = {SR_TOTALS_WRONG, SR_DAYS_WRONG, SR_RECORDED_WRONG};
	sr_status rc = SR_OK;
	bool row = false;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]) && rc == SR_OK && !row; i++) {
		sr_stmt *stmt;

		if ((rc = sr_prepare(conn, wrong[i], &stmt)) != SR_OK)
			return rc;
		rc = sr_step(stmt, &row);
		sr_stmt_done(stmt);
	}
	if (rc == SR_OK && row) {
		const sr_value all = {.type = SR_NULL};
		sr_mend *mend;

		if ((rc = sr_mends_add(mends, SR_MEND_TOTALS, "file_totals", NULL, &mend)) == SR_OK)
			rc = sr_mend_add_key(mend, &all);
	}
	return rc;
}

static sr_status is_there(sr_conn *conn, const char *table, bool *there)
{
	char sql[120];
	int64_t count = 0;
	sr_status rc;

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'", table);
	rc = sr_query_integer(conn, sql, &count);
	*there = count > 0;
	return rc;
}

sr_status sr_mends_find_rows(sr_conn *conn, sr_mends *mends)
{
	bool usage, quotas, versions, totals, days, recorded;
	sr_status rc;

	if ((rc = is_there(conn, "client_usage", &usage)) != SR_OK ||
	    (rc = is_there(conn, "client_quotas", &quotas)) != SR_OK ||
	    (rc = is_there(conn, "file_versions", &versions)) != SR_OK ||
	    (rc = is_there(conn, "file_totals", &totals)) != SR_OK ||
	    (rc = is_there(conn, "file_days", &days)) != SR_OK ||
	    (rc = is_there(conn, "client_recorded", &recorded)) != SR_OK ||
	    (versions && (rc = find_orphans(conn, mends)) != SR_OK) ||
	    (rc = find_other_orphans(conn, mends)) != SR_OK ||
	    (usage && (rc = find_usage(conn, mends)) != SR_OK) ||
	    (totals && days && recorded && (rc = find_totals(conn, mends)) != SR_OK))
		return rc;
	if (usage && quotas &&
	    (rc = find_keys(conn, mends, SR_MEND_QUOTAS, "client_quotas", SR_QUOTAS_WRONG)) !=
		    SR_OK)
		return rc;
	if (!versions)
		return SR_OK;
	if ((rc = find_keys(conn, mends, SR_MEND_LINKS, "files", SR_FILES_MISLINKED)) != SR_OK ||
	    (rc = find_keys(conn, mends, SR_MEND_LINKS, "files", SR_VERSIONS_MISLINKED)) != SR_OK)
		return rc;
	return find_keys(conn, mends, SR_MEND_DIFFERING, "files", SR_VERSIONS_DIFFERING);
}
