/*
 * What a rehearsal's figures mean.
 *
 * The rule: rows of core tables that vanish, anything that changes without being declared, and
 * foreign keys that break anew are serious. What a migration declares is its purpose; it is
 * remarked on where values that were there before change, or rows go.
 */
#include "rehearsal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_core(const char *table)
{
	return strcasecmp(table, "clients") == 0 || strcasecmp(table, "files") == 0;
}

/* "migration 9 (Add …) up" */
static void step_name(const sr_rehearsal_step *step, char name[160])
{
	snprintf(name, 160, "migration %d (%.120s) %s", step->version, step->description,
		 step->up ? "up" : "down");
}

static void table_gone(sr_report *report, const char *who, bool up, bool expected,
		       const sr_rehearsal_table *t)
{
	long long rows = (long long)t->rows_before;

	if (is_core(t->name) || !expected)
		sr_report_reason(report, true, "%s: the table %s with its %lld %s is gone", who,
				 t->name, rows, sr_plural(rows, "row", "rows"));
	else if (up && rows > 0)
		sr_report_reason(report, false, "%s: drops the table %s with its %lld %s", who,
				 t->name, rows, sr_plural(rows, "row", "rows"));
}

static void rows_differ(sr_report *report, const char *who, bool back, const sr_rehearsal_table *t)
{
	bool fewer = t->rows_after < t->rows_before;

	/* Rows added by declaration are what such a migration is for, and taking them away again
	 * is the way back's. What was there in the beginning is compared in the end. */
	if ((!fewer || back) && t->declared && !is_core(t->name))
		return;
	sr_report_reason(report, !t->declared || (fewer && is_core(t->name)),
			 "%s: %s has %lld %s instead of %lld%s", who, t->name,
			 (long long)t->rows_after, sr_plural(t->rows_after, "row", "rows"),
			 (long long)t->rows_before, t->declared ? "" : ", which is not declared");
}

/* Tables older than version 0 had no key to break: their orphans come to light, and are kept. */
static void keys_judge(sr_report *report, const char *who, bool oldest, const sr_rehearsal_table *t)
{
	if (t->broken_before != SR_NULL_INTEGER && t->broken_after > t->broken_before)
		sr_report_reason(report, !oldest, "%s: %lld %s of %s %s a foreign key, not %lld",
				 who, (long long)t->broken_after,
				 sr_plural(t->broken_after, "row", "rows"), t->name,
				 sr_plural(t->broken_after, "breaks", "break"),
				 (long long)t->broken_before);
}

static void table_judge(sr_report *report, const char *who, bool up, bool expected,
			const sr_rehearsal_table *t)
{
	bool there = report->rehearsal.to >= report->rehearsal.from;

	if (t->rows_before == SR_NULL_INTEGER)
		return;
	if (t->rows_after == SR_NULL_INTEGER) {
		table_gone(report, who, up, expected, t);
		return;
	}
	if (t->rows_before != t->rows_after)
		rows_differ(report, who, up != there, t);
	else if (t->digest_before && t->digest_after &&
		 strcmp(t->digest_before, t->digest_after) != 0 &&
		 (!t->declared || is_core(t->name)))
		sr_report_reason(report, !t->declared,
				 "%s: values of %s change in columns that were there before%s", who,
				 t->name, t->declared ? "" : ", which is not declared");
}

void sr_verdict_step(sr_report *report, const sr_rehearsal_step *step,
		     const sr_migration_source *source, const sr_schema_object *now)
{
	const sr_migration_script *script = step->up ? &source->up : &source->down;
	char who[160];

	step_name(step, who);
	for (size_t i = 0; i < step->table_count; i++) {
		const sr_rehearsal_table *t = &step->tables[i];
		char drop[160];
		bool expected;

		snprintf(drop, sizeof(drop), "drop table %.100s", t->name);
		expected = sr_list_has(script->allows, drop) ||
			   (sr_schema_find(source->schema, "table", t->name) &&
			    !sr_schema_find(now, "table", t->name));
		table_judge(report, who, step->up, expected, t);
		keys_judge(report, who, step->version == 0, t);
	}
}

static void queries_judge(sr_report *report)
{
	const sr_rehearsal_query *query = report->queries.list;

	for (size_t i = 0; i < report->queries.count; i++, query++) {
		/* On an older version the program only reads, and by other queries. */
		if (query->before && query->after == NULL)
			sr_report_reason(report, report->rehearsal.to >= report->rehearsal.from,
					 "the query '%s' does not run any more", query->name);
		else if (query->worse)
			sr_report_reason(report, false, "the query '%s' gets a worse plan",
					 query->name);
	}
}

static void forecast_judge(sr_report *report)
{
	const sr_rehearsal *r = &report->rehearsal;
	int64_t needed = r->needed_bytes > r->peak_bytes ? r->needed_bytes : r->peak_bytes;

	if (r->free_bytes < needed)
		sr_report_reason(report, true,
				 "the folder of %s has %lld bytes free, and the migration needs "
				 "%lld",
				 r->database_file, (long long)r->free_bytes, (long long)needed);
	if (r->readers_wait)
		sr_report_reason(
			report, false,
			"the database has no write-ahead log here: readers wait as writers "
			"do, up to %.1f s",
			r->lock_seconds);
}

void sr_verdict_end(sr_report *report)
{
	sr_rehearsal *r = &report->rehearsal;
	const sr_rehearsal_reason *reason;

	queries_judge(report);
	forecast_judge(report);
	r->verdict = report->reasons.count ? SR_REHEARSAL_REMARKS : SR_REHEARSAL_SAFE;
	reason = report->reasons.list;
	for (size_t i = 0; i < report->reasons.count; i++, reason++)
		if (reason->serious)
			r->verdict = SR_REHEARSAL_DO_NOT_RUN;
}
