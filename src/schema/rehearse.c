/*
 * Rehearsing migrations on a snapshot: there, and back again.
 *
 *   BEGUN [sr_rehearse_begin: planned, copied]
 *     -> THERE [the way there, each step measured] -> BACK [the same, the other way]
 *     -> JUDGED [verdict.c]
 *
 * The steps are run by the same code and with the same checks as in earnest, so that their times
 * are those of the real run. What is measured here is measured outside them, by this room's own
 * digests, also where MIGRATION_VALIDATION_ENABLED is off.
 *
 * Invariant: the live database is touched by sr_rehearse_begin alone, and only read there.
 */
#include "rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/clock.h"
#include "copy.h"

struct sr_rehearse {
	const sr_rehearse_settings *settings;
	sr_migrations migrations;
	sr_report *report;
	char database[4096];
	char snapshot[4096]; /* "" while there is none. */
	int hold;            /* Of it; -1: none. */
	bool kept;           /* It stays. */
	bool legacy;         /* `files` was older than version 0. */

	sr_conn *conn; /* On the snapshot. */
	bool opened;   /* The first step's figures are taken: times before it are not of steps. */
	sr_table_sums before; /* Of the step at hand; */
	sr_table_sums known;  /* and after the last one. */
	sr_table_sums start;  /* Of the whole, with every column. */
	int64_t began;        /* When the step at hand did, */
	int64_t leg_began;    /* and the way there or back. */
	double prepared;      /* Seconds before the first step. */
	double steps_seconds; /* Of the steps of this way. */
	int64_t peak;         /* Most bytes that the snapshot and its log had. */
	int parts;            /* Of the whole: the copy and every step; */
	int done;             /* those that are done. */
};

static double seconds_since(int64_t began)
{
	return (double)(sr_clock_ns() - began) / 1e9;
}

/* Asked between the parts and within them; pages and statements are no parts. */
static bool cancels(void *arg)
{
	const sr_rehearse *r = arg;
	const sr_rehearse_settings *s = r->settings;

	return s->progress && s->progress(s->progress_arg, r->done, r->parts);
}

static bool copying(void *arg, int64_t done, int64_t total)
{
	(void)done;
	(void)total;
	return cancels(arg);
}

static sr_status not_held(sr_status why)
{
	if (why == SR_INTERRUPTED)
		return sr_fail(why, "the rehearsal was cancelled; the database was not touched");
	return sr_fail_within(why, "the rehearsal was not held");
}

/* ---- Planning and copying ---- */

static sr_status plan(sr_rehearse *r, sr_conn *live)
{
	sr_rehearsal *out = &r->report->rehearsal;
	int latest = r->migrations.sources[r->migrations.count - 1].version;
	int steps;
	sr_status rc;

	if ((rc = sr_schema_version(live, &out->from, &r->legacy)) != SR_OK)
		return rc;
	if (out->from > latest)
		return sr_fail(SR_TOO_NEW,
			       "%s has schema version %d, and this program knows versions up to "
			       "%d; use a newer one",
			       r->database, out->from, latest);
	out->to = r->settings->to == -1 ? latest : r->settings->to;
	if (out->to < 0 || out->to > latest)
		return sr_fail(SR_INVALID, "there is no schema version %d; the latest is %d",
			       out->to, latest);
	if (out->from < 0)
		return sr_fail(SR_NOT_FOUND, "%s is empty: there is nothing to rehearse on",
			       r->database);
	steps = out->to > out->from ? out->to - out->from : out->from - out->to;
	r->parts = 1 + 2 * steps + r->legacy;
	return SR_OK;
}

static bool pending(const sr_rehearse *r)
{
	return r->report->rehearsal.from != r->report->rehearsal.to || r->legacy;
}

sr_status sr_rehearse_begin(sr_conn *live, const sr_rehearse_settings *settings,
			    sr_rehearse **rehearse)
{
	sr_rehearse *r = calloc(1, sizeof(*r));
	sr_rehearsal *out;
	int64_t began;
	sr_status rc;

	*rehearse = NULL;
	if (r == NULL || (r->report = sr_report_new()) == NULL) {
		free(r);
		return sr_fail_memory();
	}
	r->settings = settings;
	r->hold = -1;
	r->migrations = settings->migrations
				? *settings->migrations
				: (sr_migrations){sr_migration_sources, sr_migration_count};
	snprintf(r->database, sizeof(r->database), "%s", sr_conn_path(live));
	out = &r->report->rehearsal;
	out->database_file = sr_report_keep(r->report, r->database);
	if ((rc = plan(r, live)) != SR_OK)
		goto err0;
	if (pending(r)) {
		began = sr_clock_ns();
		rc = sr_snapshot_make(live, settings->folder, settings->keep, r->snapshot, &r->hold,
				      copying, r);
		if (rc != SR_OK) {
			not_held(rc);
			goto err0;
		}
		out->copy_seconds = seconds_since(began);
	}
	*rehearse = r;
	return SR_OK;

err0:
	sr_rehearse_end(r);
	return rc;
}

void sr_rehearse_end(sr_rehearse *r)
{
	if (r == NULL)
		return;
	sr_conn_close(r->conn);
	if (r->snapshot[0] && !r->kept)
		sr_snapshot_remove(r->snapshot);
	sr_part_let_go(&r->hold);
	sr_table_sums_free(&r->before);
	sr_table_sums_free(&r->known);
	sr_table_sums_free(&r->start);
	if (r->report)
		sr_rehearsal_free(&r->report->rehearsal);
	free(r);
}

/* ---- One step ---- */

static sr_status database_bytes(sr_conn *conn, int64_t *bytes)
{
	int64_t pages, size;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_count", &pages)) == SR_OK &&
	    (rc = sr_query_integer(conn, "PRAGMA page_size", &size)) == SR_OK)
		*bytes = pages * size;
	return rc;
}

static void peak_look(sr_rehearse *r)
{
	int64_t bytes = sr_snapshot_bytes(r->snapshot);

	if (bytes > r->peak)
		r->peak = bytes;
}

/* The objects at the version that the step leads to. */
static const sr_schema_object *schema_after(const sr_rehearse *r, const sr_step_event *event)
{
	int v = event->source->version;

	return r->migrations.sources[event->up ? v : v - 1].schema;
}

static const sr_schema_object *schema_before(const sr_rehearse *r, const sr_step_event *event)
{
	int v = event->source->version;

	return r->migrations.sources[event->up && v > 0 ? v - 1 : v].schema;
}

static sr_status step_begins(sr_rehearse *r, const sr_step_event *event)
{
	sr_rehearsal_step *step;
	int64_t bytes = 0;
	sr_status rc;

	if (!r->opened)
		r->prepared = seconds_since(r->leg_began);
	r->opened = true;
	peak_look(r);
	if (cancels(r))
		return sr_fail(SR_INTERRUPTED, "cancelled");
	sr_table_sums_free(&r->before);
	rc = sr_table_sums_take(r->conn, schema_before(r, event), schema_after(r, event),
				r->known.count ? &r->known : &r->start, &r->before);
	if (rc != SR_OK || (rc = database_bytes(r->conn, &bytes)) != SR_OK)
		return rc;
	step = sr_grown_add(r->report, &r->report->steps, sizeof(*step));
	if (step == NULL)
		return sr_fail_memory();
	step->version = event->source->version;
	step->description =
		sr_report_keep(r->report, event->legacy ? "Bring old core tables to their shape"
							: event->source->description);
	step->up = event->up;
	step->bytes_before = step->bytes_after = bytes;
	r->began = sr_clock_ns();
	return SR_OK;
}

static const char *digest_text(sr_rehearse *r, const sr_table_sum *sum)
{
	char text[33];

	snprintf(text, sizeof(text), "%016llx%016llx", (unsigned long long)sum->sum[0],
		 (unsigned long long)sum->sum[1]);
	return sr_report_keep(r->report, text);
}

/* False: there is no memory. */
static bool table_fill(sr_rehearse *r, const sr_table_sum *before, const sr_table_sum *after,
		       bool declared, sr_rehearsal_table *table)
{
	*table = (sr_rehearsal_table){
		.name = sr_report_keep(r->report, before ? before->name : after->name),
		.declared = declared,
		.rows_before = before ? before->rows : SR_NULL_INTEGER,
		.rows_after = after ? after->rows : SR_NULL_INTEGER,
		.digest_before = before ? digest_text(r, before) : NULL,
		.digest_after = after ? digest_text(r, after) : NULL,
		.broken_before = before && before->broken >= 0 ? before->broken : SR_NULL_INTEGER,
		.broken_after = after && after->broken >= 0 ? after->broken : SR_NULL_INTEGER,
	};
	return table->name != NULL && (before == NULL || table->digest_before != NULL) &&
	       (after == NULL || table->digest_after != NULL);
}

/* Those that were there, then those that are new. */
static sr_status tables_fill(sr_rehearse *r, const sr_step_event *event, sr_rehearsal_step *step)
{
	const sr_migration_script *script = event->up ? &event->source->up : &event->source->down;
	sr_rehearsal_table *tables = calloc(r->before.count + r->known.count + 1, sizeof(*tables));

	if (tables == NULL)
		return sr_fail_memory();
	step->tables = tables;
	for (size_t i = 0; i < r->before.count; i++) {
		const sr_table_sum *sum = &r->before.list[i];

		sr_rehearsal_table *table = &tables[step->table_count++];

		if (!table_fill(r, sum, sr_table_sums_find(&r->known, sum->name),
				event->legacy || sr_list_has(script->changes, sum->name), table))
			return sr_fail_memory();
		/* Columns came and went; its own checks look at the values. */
		if (event->legacy && strcasecmp(table->name, "files") == 0)
			table->digest_before = table->digest_after = NULL;
	}
	for (size_t i = 0; i < r->known.count; i++) {
		const sr_table_sum *sum = &r->known.list[i];

		if (sr_table_sums_find(&r->before, sum->name) == NULL &&
		    !table_fill(r, NULL, sum, sr_list_has(script->changes, sum->name),
				&tables[step->table_count++]))
			return sr_fail_memory();
	}
	return SR_OK;
}

static sr_status step_done(sr_rehearse *r, const sr_step_event *event)
{
	sr_rehearsal_step *step = sr_report_step(r->report, r->report->steps.count - 1);
	sr_status rc;

	step->seconds = seconds_since(r->began);
	r->steps_seconds += step->seconds;
	step->log_bytes = event->log_bytes;
	r->done++;
	peak_look(r);
	sr_table_sums_free(&r->known);
	if ((rc = database_bytes(r->conn, &step->bytes_after)) != SR_OK ||
	    (rc = sr_table_sums_again(r->conn, &r->before, &r->known)) != SR_OK ||
	    (rc = tables_fill(r, event, step)) != SR_OK)
		return rc;
	step->done = true;
	sr_verdict_step(r->report, step, event->source, schema_after(r, event));
	return SR_OK;
}

static sr_status step_told(void *arg, const sr_step_event *event)
{
	return event->done ? step_done(arg, event) : step_begins(arg, event);
}

/* ---- One way ---- */

/* Whether a failure says something about the migration, and not about this rehearsal. */
static bool is_finding(sr_status rc)
{
	return rc == SR_REFUSED || rc == SR_CORRUPT || rc == SR_CONSTRAINT || rc == SR_SQL ||
	       rc == SR_EXISTS || rc == SR_INVALID || rc == SR_TOO_NEW;
}

static sr_status way_run(sr_rehearse *r, int to, bool accept_loss)
{
	const sr_rehearse_settings *s = r->settings;
	const sr_schema_options options = {
		.to = to,
		.validate = s->validate,
		.block_dangerous = s->block_dangerous,
		.accept_loss = accept_loss,
		.full_check = s->full_check,
		.step = step_told,
		.step_arg = r,
	};

	r->opened = false;
	r->leg_began = sr_clock_ns();
	return sr_schema_run(r->conn, &r->migrations, &options, NULL);
}

/* Takes off the step that did not come to its end. */
static void step_forget(sr_rehearse *r)
{
	sr_grown *steps = &r->report->steps;

	if (steps->count && !sr_report_step(r->report, steps->count - 1)->done)
		steps->count--;
}

/* There or back. *arrived is false where it failed: the reason is in the report then. A step down
 * that drops values is refused first, which is worth a remark, and then taken. */
static sr_status way(sr_rehearse *r, int to, bool down, bool *arrived)
{
	sr_status rc = way_run(r, to, false);
	char why[SR_MESSAGE_SIZE];

	if (rc == SR_REFUSED && down) {
		strcpy(why, sr_error_message());
		step_forget(r);
		if ((rc = way_run(r, to, true)) == SR_OK)
			sr_report_reason(r->report, false, "%s (--yes accepts that)", why);
	}
	*arrived = rc == SR_OK;
	if (!is_finding(rc))
		return rc;
	sr_report_reason(r->report, true, "%s", sr_error_message());
	sr_error_set("");
	return SR_OK;
}

/* ---- There and back ---- */

static sr_status snapshot_open(sr_rehearse *r)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_WRITE,
		.durability = r->settings->durability,
		.busy_timeout = r->settings->busy_timeout,
		.cache_pages = r->settings->cache_pages,
	};

	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, r->snapshot, &options, &r->conn)) == SR_OK)
		sr_conn_watch(r->conn, cancels, r);
	return rc;
}

static sr_status has_log(sr_conn *conn, bool *log)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*log = false;
	if ((rc = sr_prepare(conn, "PRAGMA journal_mode", &stmt)) != SR_OK)
		return rc;
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*log = strcmp(sr_column_text(stmt, 0).data, "wal") == 0;
	return sr_stmt_end(stmt, rc);
}

/* What a real run asks for before it begins, and what it would take. */
static sr_status forecast(sr_rehearse *r)
{
	sr_rehearsal *out = &r->report->rehearsal;
	bool backup = r->settings->backup && r->start.count > 0;
	const sr_rehearsal_step *step = r->report->steps.list;
	sr_status rc;

	peak_look(r);
	out->seconds = r->prepared + r->steps_seconds;
	/* The copy, and the look at it that makes it a backup. */
	if (backup)
		out->seconds += out->copy_seconds + r->prepared;
	for (size_t i = 0; i < r->report->steps.count; i++, step++)
		if (step->seconds > out->lock_seconds)
			out->lock_seconds = step->seconds;
	out->peak_bytes = r->peak - out->database_bytes + (backup ? out->database_bytes : 0);
	out->needed_bytes = (backup ? 3 : 2) * out->database_bytes + (1 << 20);
	if ((rc = database_bytes(r->conn, &out->final_bytes)) == SR_OK)
		rc = sr_space_free(r->database, &out->free_bytes);
	return rc;
}

/* A migration that cannot be taken back ends the way back above it. */
static int way_back(sr_rehearse *r)
{
	const sr_rehearsal *out = &r->report->rehearsal;

	for (int v = out->to; v > out->from; v--)
		if (r->migrations.sources[v].down.text == NULL) {
			sr_report_reason(r->report, false,
					 "migration %d has no way down: only the backup leads back",
					 v);
			return v;
		}
	return out->from;
}

/* A table after there and back; now is NULL where it is gone. */
static void compare_table(sr_rehearse *r, const sr_table_sum *then, const sr_table_sum *now)
{
	static const char *const core[] = {"clients", "files", NULL};
	bool is_core = sr_list_has(core, then->name);
	int64_t rows = now ? now->rows : 0;

	if (rows < then->rows || (is_core && rows > then->rows))
		sr_report_reason(r->report, is_core,
				 "there and back again, %s has %lld %s instead of %lld", then->name,
				 (long long)rows, sr_plural(rows, "row", "rows"),
				 (long long)then->rows);
	else if (is_core && !r->legacy && memcmp(now->sum, then->sum, sizeof(now->sum)) != 0)
		sr_report_reason(r->report, false,
				 "there and back again, values of %s are not what they were",
				 then->name);
}

static sr_status compare_with_start(sr_rehearse *r)
{
	sr_table_sums end;
	sr_status rc;

	if ((rc = sr_table_sums_take(r->conn, NULL, NULL, NULL, &end)) != SR_OK)
		return rc;
	for (size_t i = 0; i < r->start.count; i++) {
		const sr_table_sum *then = &r->start.list[i];

		compare_table(r, then, sr_table_sums_find(&end, then->name));
	}
	sr_table_sums_free(&end);
	return SR_OK;
}

static sr_status back(sr_rehearse *r)
{
	const sr_rehearsal *out = &r->report->rehearsal;
	int to = way_back(r);
	bool arrived;
	sr_status rc;

	if (to == out->to)
		return SR_OK;
	if ((rc = way(r, to, to < out->to, &arrived)) != SR_OK || !arrived || to != out->from)
		return rc;
	return compare_with_start(r);
}

static sr_status there_and_back(sr_rehearse *r)
{
	sr_rehearsal *out = &r->report->rehearsal;
	sr_queries_fn queries = r->settings->queries;
	bool arrived, log;
	sr_status rc;

	r->done = 1;
	if ((rc = snapshot_open(r)) != SR_OK || (rc = has_log(r->conn, &log)) != SR_OK ||
	    (rc = database_bytes(r->conn, &out->database_bytes)) != SR_OK ||
	    (rc = sr_table_sums_take(r->conn, NULL, NULL, NULL, &r->start)) != SR_OK ||
	    (rc = sr_plans_take(r->conn, queries, r->report, false)) != SR_OK)
		return rc;
	out->readers_wait = !log;
	if ((rc = way(r, out->to, out->to < out->from, &arrived)) != SR_OK ||
	    (rc = forecast(r)) != SR_OK)
		return rc;
	if (!arrived) {
		r->report->queries.count = 0;
		return SR_OK;
	}
	if ((rc = sr_plans_take(r->conn, queries, r->report, true)) != SR_OK)
		return rc;
	return back(r);
}

sr_status sr_rehearse_run(sr_rehearse *r, sr_rehearsal **report)
{
	sr_status rc = SR_OK;

	if (pending(r)) {
		if ((rc = there_and_back(r)) != SR_OK)
			return not_held(rc);
		sr_conn_close(r->conn);
		r->conn = NULL;
		sr_verdict_end(r->report);
		if (r->settings->keep)
			r->report->rehearsal.snapshot = sr_report_keep(r->report, r->snapshot);
	}
	if ((rc = sr_report_finish(r->report)) != SR_OK)
		return rc;
	r->kept = r->settings->keep;
	*report = &r->report->rehearsal;
	r->report = NULL;
	return SR_OK;
}
