/*
 * Bringing a database to a version: one transaction a step, everything checked around it.
 *
 *   READ -> CHECKED [run_look: version, loss, integrity, names]
 *   CHECKED -> SAVED [run_prepare: space, backup]
 *   SAVED -> STEP [run_step, until the version is reached]   STEP -> DONE
 *
 * Invariants: 1. A step and its row in the ledger are one transaction. 2. Each step reads the
 * version again under the write lock, so that two processes never do the same step. 3. A step
 * that fails leaves the database as it was before it.
 */
#include "schema.h"

#include <stdio.h>
#include <string.h>

#include "copy.h"

typedef struct run {
	sr_conn *conn;
	const sr_migrations *migrations;
	const sr_schema_options *options;
	sr_migrated *migrated;
	sr_measures measures;
	int from; /* When it began, */
	int at;   /* now, */
	int to;   /* and at the end. */
	bool legacy;
	int done;    /* Steps done by us. */
	int64_t log; /* Bytes in the log that the next step's come after. */
} run;

static bool run_done(const run *r)
{
	return !r->legacy && (r->to >= r->from ? r->at >= r->to : r->at <= r->to);
}

/* ---- Before the first step ---- */

static sr_status run_plan(run *r)
{
	int latest = r->migrations->sources[r->migrations->count - 1].version;
	char type[16];
	sr_status rc;

	if ((rc = sr_schema_version(r->conn, &r->from, &r->legacy)) != SR_OK)
		return rc;
	/* What is compared around each step would be whatever such a view computes, and as long. */
	for (const sr_schema_object *o = r->migrations->sources[r->migrations->count - 1].schema;
	     o->type; o++)
		if (strcmp(o->type, "table") == 0 &&
		    (rc = sr_table_type(r->conn, o->name, type)) != SR_OK)
			return rc;
	if (r->from > latest)
		return sr_fail(SR_TOO_NEW,
			       "%s has schema version %d, and this program knows versions up to "
			       "%d; use a newer one",
			       sr_conn_path(r->conn), r->from, latest);
	r->to = r->options->to == -1 ? latest : r->options->to;
	if (r->to < 0 || r->to > latest)
		return sr_fail(SR_INVALID, "there is no schema version %d; the latest is %d", r->to,
			       latest);
	if (r->options->up_only && r->from > r->to)
		r->to = r->from;
	r->at = r->from;
	r->migrated->from = r->migrated->to = r->from;
	r->migrated->backup[0] = '\0';
	return SR_OK;
}

/* A database that belongs to another program is not filled with our tables. */
static sr_status refuse_strangers(run *r)
{
	sr_names tables = {NULL, 0};
	sr_status rc;

	rc = sr_tables(r->conn, &tables);
	for (size_t i = 0; i < tables.count && rc == SR_OK; i++)
		if (!sr_schema_find(r->migrations->sources[0].schema, "table", tables.names[i]))
			rc = sr_fail(SR_INVALID,
				     "%s is a database of something else: it has a table %s and "
				     "neither clients nor files",
				     sr_conn_path(r->conn), tables.names[i]);
	sr_names_free(&tables);
	return rc;
}

/* Every step down is asked before the first is taken. */
static sr_status refuse_loss(run *r, int from, int to)
{
	sr_buffer words = SR_BUFFER_EMPTY;
	sr_status rc = SR_OK;

	for (int v = from; v > to && rc == SR_OK; v--)
		rc = sr_loss_describe(r->conn, &r->migrations->sources[v],
				      r->migrations->sources[v - 1].schema, &words);
	if (rc == SR_OK && words.length)
		rc = sr_fail(SR_REFUSED, "going down from version %d to %d would drop %s", from, to,
			     words.data);
	sr_buffer_free(&words);
	return rc;
}

sr_status sr_schema_has_rows(sr_conn *conn, bool *some)
{
	sr_names tables = {NULL, 0};
	sr_status rc;

	*some = false;
	rc = sr_tables(conn, &tables);
	for (size_t i = 0; i < tables.count && rc == SR_OK && !*some; i++) {
		sr_buffer sql = SR_BUFFER_EMPTY;
		int64_t found = 0;

		sr_buffer_add_string(&sql, "SELECT EXISTS (SELECT 1 FROM ");
		sr_buffer_add_identifier(&sql, tables.names[i]);
		sr_buffer_add_string(&sql, ")");
		if ((rc = sr_buffer_status(&sql)) == SR_OK)
			rc = sr_query_integer(conn, sql.data, &found);
		*some = found != 0;
		sr_buffer_free(&sql);
	}
	sr_names_free(&tables);
	return rc;
}

/* The copy, the log and what the database grows by are each about as large as it is now. */
sr_status sr_schema_space_check(sr_conn *conn, bool backup)
{
	int64_t pages, size;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA page_size", &size)) != SR_OK)
		return rc;
	size = pages * size;
	return sr_space_check(sr_conn_path(conn), (backup ? 3 : 2) * size + (1 << 20),
			      backup ? "the migration with its backup" : "the migration");
}

/* Names that a migration on the way needs are asked for before the first of them. */
static sr_status refuse_clashes(run *r)
{
	const sr_migration_source *sources = r->migrations->sources;
	sr_status rc = SR_OK;

	for (int v = r->from + 1; v <= r->to && rc == SR_OK; v++)
		rc = sr_schema_clash(r->conn, sources[v - 1].schema, sources[v].schema);
	return rc == SR_OK ? rc : sr_fail_within(rc, "nothing was migrated");
}

static sr_status run_refuse(run *r)
{
	sr_status rc;

	if (r->from < 0)
		return refuse_strangers(r);
	if (!r->options->accept_loss && r->to < r->from &&
	    (rc = refuse_loss(r, r->from, r->to)) != SR_OK)
		return rc;
	if (r->options->validate && (rc = sr_integrity(r->conn, r->options->full_check)) != SR_OK)
		return sr_fail_within(rc, "nothing was migrated");
	/* A legacy database's come to light when its ids are put right. */
	if (r->options->validate && r->to > r->from && !r->legacy &&
	    (rc = sr_orphans_report(r->conn)) != SR_OK)
		return rc;
	return refuse_clashes(r);
}

/* In one snapshot: what another process migrates meanwhile is a stranger's to the version that
 * was read before. */
static sr_status run_look(run *r)
{
	sr_status rc = sr_conn_begin(r->conn, SR_TRANSACTION_READ);

	if (rc != SR_OK)
		return rc;
	if ((rc = run_plan(r)) == SR_OK && !run_done(r))
		rc = run_refuse(r);
	sr_conn_rollback(r->conn);
	return rc;
}

static sr_status run_prepare(run *r)
{
	bool some;
	sr_status rc;

	if (r->from < 0)
		return SR_OK;
	if ((rc = sr_schema_has_rows(r->conn, &some)) != SR_OK)
		return rc;
	some = some && r->options->backup;
	if ((rc = sr_schema_space_check(r->conn, some)) != SR_OK)
		return rc;
	if (some)
		return sr_backup_make(r->conn, r->migrated->backup, NULL, NULL);
	return SR_OK;
}

/* ---- One step ---- */

/* Other connections look at the schema's number to know that the version changed; a step that
 * changes rows alone moves it by making and dropping a table. */
static sr_status cookie_move(sr_conn *conn)
{
	char hex[SR_ID_TEXT_SIZE];
	char sql[200];
	sr_id id;

	/* A name that nobody has. */
	sr_id_new(&id);
	sr_id_format(&id, hex);
	snprintf(sql, sizeof(sql),
		 "CREATE TABLE strongroom_version_%s (a); DROP TABLE strongroom_version_%s", hex,
		 hex);
	return sr_exec(conn, sql);
}

/* The columns that go with the step from version v down. */
static sr_status columns_going(run *r, int v, sr_names *columns)
{
	const sr_schema_object *before = r->migrations->sources[v - 1].schema;
	sr_status rc = SR_OK;

	for (const sr_schema_object *now = r->migrations->sources[v].schema; now->type; now++) {
		const sr_schema_object *old = sr_schema_find(before, "table", now->name);

		if (now->columns == NULL || old == NULL)
			continue;
		for (const sr_schema_column *c = now->columns; c->name && rc == SR_OK; c++) {
			if (!sr_schema_has_column(old, c->name))
				rc = sr_names_add(columns, c->name);
		}
	}
	return rc;
}

static sr_status step_up(run *r, const sr_migration_source *source)
{
	const sr_migration_source *core = &r->migrations->sources[0];
	sr_status rc;

	if (source->version > 0 &&
	    (rc = sr_script_run(r->conn, core, &core->up, r->options->block_dangerous)) != SR_OK)
		return rc;
	if ((rc = sr_ledger_prepare(r->conn, r->migrations->sources, r->at)) != SR_OK ||
	    (rc = sr_script_run(r->conn, source, &source->up, r->options->block_dangerous)) !=
		    SR_OK)
		return rc;
	return sr_ledger_add(r->conn, source, source->checksum);
}

static sr_status step_down(run *r, const sr_migration_source *source)
{
	sr_names columns = {NULL, 0};
	sr_buffer lost = SR_BUFFER_EMPTY;
	sr_extras extras = {NULL, 0};
	int v = source->version;
	sr_status rc;

	if (source->down.text == NULL)
		return sr_fail(SR_INVALID, "migration %d has no way down", v);
	if (!r->options->accept_loss && (rc = refuse_loss(r, v, v - 1)) != SR_OK)
		return rc;
	if ((rc = columns_going(r, v, &columns)) != SR_OK ||
	    (rc = sr_ledger_prepare(r->conn, r->migrations->sources, r->at)) != SR_OK ||
	    (rc = sr_extras_take(r->conn, source->schema, &columns, &extras)) != SR_OK ||
	    (rc = sr_script_run(r->conn, source, &source->down, r->options->block_dangerous)) !=
		    SR_OK ||
	    (rc = sr_extras_restore(r->conn, &extras, &lost)) != SR_OK)
		goto err0;
	if (lost.length && !r->options->accept_loss) {
		rc = sr_fail(SR_REFUSED, "going down from version %d to %d would drop %s", v, v - 1,
			     lost.data);
		goto err0;
	}
	if (lost.length)
		sr_log("migrate", SR_LOG_WARNING, "%s: dropped with version %d: %s",
		       sr_conn_path(r->conn), v, lost.data);
	rc = sr_ledger_remove(r->conn, v);
	/* Old code may go on with it. */
	if (rc == SR_OK && v - 1 <= SR_LAST_OF_OLD_CODE)
		rc = sr_own_ledger_lend(r->conn);
err0:
	sr_extras_free(&extras);
	sr_buffer_free(&lost);
	sr_names_free(&columns);
	return rc;
}

static sr_status core_rows_same(const sr_core_rows *before, const sr_core_rows *after)
{
	if (after->clients != before->clients)
		return sr_fail(SR_REFUSED,
			       "contains potentially dangerous operations: clients has %lld %s "
			       "instead of %lld",
			       (long long)after->clients, sr_plural(after->clients, "row", "rows"),
			       (long long)before->clients);
	if (after->files != before->files)
		return sr_fail(SR_REFUSED,
			       "contains potentially dangerous operations: files has %lld %s "
			       "instead of %lld",
			       (long long)after->files, sr_plural(after->files, "row", "rows"),
			       (long long)before->files);
	return SR_OK;
}

/* The step with its checks, inside the transaction. */
static sr_status step_checked(run *r, const sr_migration_source *source, bool up)
{
	const sr_migration_script *script = up ? &source->up : &source->down;
	bool compares = r->options->validate && r->at >= 0;
	sr_core_rows before, after;
	int next = up ? source->version : source->version - 1;
	sr_status rc;

	if ((rc = sr_core_rows_count(r->conn, &before)) != SR_OK)
		return rc;
	if (compares && (rc = sr_measures_take(r->conn, &r->measures, script->changes)) != SR_OK)
		return rc;
	if ((rc = up ? step_up(r, source) : step_down(r, source)) != SR_OK ||
	    (rc = cookie_move(r->conn)) != SR_OK ||
	    (rc = sr_core_rows_count(r->conn, &after)) != SR_OK)
		return rc;
	if ((r->options->block_dangerous || !sr_list_has(script->changes, "files")) &&
	    (rc = core_rows_same(&before, &after)) != SR_OK)
		return sr_fail_within(rc, "Migration %d", source->version);
	if (compares && (rc = sr_measures_compare(r->conn, &r->measures, script->changes)) != SR_OK)
		return sr_fail_within(rc, "after migration %d (%s)", source->version, source->name);
	if (next == r->to && r->options->validate &&
	    (rc = sr_integrity(r->conn, r->options->full_check)) != SR_OK)
		return sr_fail_within(rc, "after migration %d (%s)", source->version, source->name);
	return SR_OK;
}

/* Old shapes first; then the version's own step. */
static sr_status step_any(run *r)
{
	const sr_migration_source *sources = r->migrations->sources;
	sr_status rc;

	if (r->legacy) {
		if ((rc = sr_legacy_rebuild(r->conn, &sources[0])) != SR_OK)
			return rc;
		return r->options->validate ? sr_orphans_report(r->conn) : SR_OK;
	}
	if (r->to > r->at)
		return step_checked(r, &sources[r->at + 1], true);
	return step_checked(r, &sources[r->at], false);
}

/* A step that the next reading of the version would not see would be taken for ever. */
static sr_status step_shows(run *r)
{
	int version;
	bool legacy;
	sr_status rc;

	if ((rc = sr_schema_version(r->conn, &version, &legacy)) != SR_OK)
		return rc;
	if (r->legacy ? legacy : r->to > r->at ? version <= r->at : version >= r->at)
		return sr_fail(SR_CORRUPT,
			       "the step from version %d is done, and %s still shows version %d",
			       r->at, sr_conn_path(r->conn), version);
	return SR_OK;
}

/* Takes one step, or finds that another process has. */
static sr_status run_step(run *r)
{
	bool up = r->to >= r->from;
	bool was_legacy;
	sr_status rc;
	int latest = r->migrations->sources[r->migrations->count - 1].version;

	if ((rc = sr_conn_begin(r->conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_schema_version(r->conn, &r->at, &r->legacy)) != SR_OK)
		goto err1;
	if (r->at > latest) {
		rc = sr_fail(SR_TOO_NEW, "%s was brought to version %d meanwhile",
			     sr_conn_path(r->conn), r->at);
		goto err1;
	}
	if ((up ? r->at >= r->to : r->at <= r->to) && !r->legacy) {
		sr_conn_rollback(r->conn);
		return SR_OK;
	}
	was_legacy = r->legacy;
	if ((rc = step_any(r)) != SR_OK || (rc = step_shows(r)) != SR_OK ||
	    (rc = sr_conn_commit(r->conn)) != SR_OK)
		goto err1;
	r->done++;
	if (was_legacy)
		r->legacy = false;
	else
		r->at += r->to > r->at ? 1 : -1;
	sr_log("migrate", SR_LOG_INFO, "%s is at version %d%s", sr_conn_path(r->conn), r->at,
	       was_legacy ? ", its core tables brought to the shape of version 0" : "");
	return SR_OK;
err1:
	sr_conn_rollback(r->conn);
	return rc;
}

/* The step, and who watches told of it. */
static sr_status run_step_told(run *r)
{
	bool up = r->to > r->at;
	sr_step_event event = {
		.source = &r->migrations->sources[r->legacy ? 0
						  : up      ? r->at + 1
							    : r->at],
		.up = up || r->legacy,
		.legacy = r->legacy,
	};
	int before = r->done;
	sr_status rc;

	if (r->options->step == NULL)
		return run_step(r);
	if ((rc = r->options->step(r->options->step_arg, &event)) != SR_OK ||
	    (rc = run_step(r)) != SR_OK || r->done == before)
		return rc;
	event.done = true;
	event.log_bytes = sr_conn_log_size(r->conn) - r->log;
	return r->options->step(r->options->step_arg, &event);
}

static sr_status run_steps(run *r)
{
	int total = r->to > r->from ? r->to - r->from : r->from - r->to;
	sr_status rc = SR_OK;

	r->log = sr_conn_log_size(r->conn);
	while (rc == SR_OK && !run_done(r)) {
		int left = r->to > r->at ? r->to - r->at : r->at - r->to;

		if (r->options->progress &&
		    r->options->progress(r->options->progress_arg, total - left, total))
			return sr_fail(SR_INTERRUPTED, "cancelled");
		if ((rc = run_step_told(r)) == SR_OK)
			r->log = sr_log_tend_between(r->conn) ? 0 : sr_conn_log_size(r->conn);
	}
	if (rc == SR_OK && r->options->progress)
		r->options->progress(r->options->progress_arg, total, total);
	return rc;
}

/* ---- The connection's settings meanwhile ---- */

/* Foreign keys off, so that a rebuild's DROP TABLE cascades to nothing; triggers, too, so that
 * nobody's own fire. */
static sr_status settings_begin(sr_conn *conn)
{
	sr_status rc = sr_conn_foreign_keys(conn, false);

	return rc == SR_OK ? sr_conn_triggers(conn, false) : rc;
}

static sr_status settings_end(sr_conn *conn)
{
	sr_status rc = sr_conn_triggers(conn, true);
	sr_status keys = sr_conn_foreign_keys(conn, true);

	return rc != SR_OK ? rc : keys;
}

static void backup_forget(run *r)
{
	if (r->migrated->backup[0] == '\0')
		return;
	sr_backup_forget(r->conn, r->migrated->backup);
	r->migrated->backup[0] = '\0';
}

static void say_where(run *r, sr_status why)
{
	if (why == SR_OUTCOME_UNKNOWN)
		sr_fail_also(SR_OK, "; the database is whole, at version %d or the next", r->at);
	else if (r->at < 0)
		sr_fail_also(SR_OK, "; the database is as it was, empty");
	else
		sr_fail_also(SR_OK, "; the database is whole at version %d", r->at);
	if (r->migrated->backup[0])
		sr_fail_also(SR_OK, "; backup: %s", r->migrated->backup);
}

static sr_status run_all(run *r)
{
	char words[SR_MESSAGE_SIZE];
	sr_status rc, end;

	if ((rc = run_prepare(r)) != SR_OK)
		return rc;
	if ((rc = settings_begin(r->conn)) == SR_OK)
		rc = run_steps(r);
	/* Nothing began: the database is its own backup, and trying again makes another. */
	strcpy(words, sr_error_message());
	if (rc == SR_BUSY && r->done == 0)
		backup_forget(r);
	sr_error_set(words);
	if (rc != SR_OK)
		say_where(r, rc);
	strcpy(words, sr_error_message());
	end = settings_end(r->conn);
	if (rc != SR_OK)
		sr_error_set(words);
	else
		rc = end;
	/* Another process was faster: its backup is the one from before. */
	if (r->done == 0 && rc == SR_OK)
		backup_forget(r);
	if (r->migrated->backup[0]) {
		snprintf(words, sizeof(words), "%s", sr_error_message());
		sr_backup_cut(r->conn);
		sr_error_set(words);
	}
	return rc;
}

sr_status sr_schema_run(sr_conn *conn, const sr_migrations *migrations,
			const sr_schema_options *options, sr_migrated *migrated)
{
	sr_migrated ignored;
	run r = {.conn = conn, .migrations = migrations, .options = options};
	sr_status rc;

	r.migrated = migrated ? migrated : &ignored;
	if ((rc = run_look(&r)) != SR_OK)
		return rc;
	if (!run_done(&r))
		rc = run_all(&r);
	sr_measures_free(&r.measures);
	r.migrated->to = r.at;
	return rc;
}

sr_status sr_schema_migrate(sr_conn *conn, const sr_schema_options *options, sr_migrated *migrated)
{
	const sr_migrations embedded = {sr_migration_sources, sr_migration_count};

	return sr_schema_run(conn, &embedded, options, migrated);
}
