#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_migrate.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "utf8.h"

static const char *verdict_name(sr_rehearsal_verdict verdict)
{
	switch (verdict) {
	case SR_REHEARSAL_SAFE:
		return "safe";
	case SR_REHEARSAL_REMARKS:
		return "safe with remarks";
	default:
		return "do not run";
	}
}

/* ---- JSON ---- */

static json_t *json_of_tables(const sr_rehearsal_step *step)
{
	json_t *tables = json_array();

	for (size_t i = 0; i < step->table_count; i++) {
		const sr_rehearsal_table *t = &step->tables[i];
		json_t *o = json_object();

		json_object_set_new(o, "table", json_of(sr_text_of(t->name)));
		json_object_set_new(o, "declared", json_boolean(t->declared));
		json_object_set_new(o, "rows_before", json_of_integer(t->rows_before));
		json_object_set_new(o, "rows_after", json_of_integer(t->rows_after));
		json_object_set_new(o, "digest_before", json_of(sr_text_of(t->digest_before)));
		json_object_set_new(o, "digest_after", json_of(sr_text_of(t->digest_after)));
		json_object_set_new(o, "broken_keys_before", json_of_integer(t->broken_before));
		json_object_set_new(o, "broken_keys_after", json_of_integer(t->broken_after));
		json_array_append_new(tables, o);
	}
	return tables;
}

static json_t *json_of_steps(const sr_rehearsal *r)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < r->step_count; i++) {
		const sr_rehearsal_step *step = &r->steps[i];
		json_t *o = json_object();

		json_object_set_new(o, "direction", json_string(step->up ? "up" : "down"));
		json_object_set_new(o, "version", json_integer(step->version));
		json_object_set_new(o, "description", json_of(sr_text_of(step->description)));
		json_object_set_new(o, "done", json_boolean(step->done));
		json_object_set_new(o, "seconds", json_of_real(step->seconds));
		json_object_set_new(o, "log_bytes", json_integer(step->log_bytes));
		json_object_set_new(o, "bytes_before", json_integer(step->bytes_before));
		json_object_set_new(o, "bytes_after", json_integer(step->bytes_after));
		json_object_set_new(o, "tables", json_of_tables(step));
		json_array_append_new(steps, o);
	}
	return steps;
}

static json_t *json_of_queries(const sr_rehearsal *r)
{
	json_t *queries = json_array();

	for (size_t i = 0; i < r->query_count; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "query", json_of(sr_text_of(r->queries[i].name)));
		json_object_set_new(o, "plan_before", json_of(sr_text_of(r->queries[i].before)));
		json_object_set_new(o, "plan_after", json_of(sr_text_of(r->queries[i].after)));
		json_object_set_new(o, "worse", json_boolean(r->queries[i].worse));
		json_array_append_new(queries, o);
	}
	return queries;
}

static json_t *json_of_reasons(const sr_rehearsal *r)
{
	json_t *reasons = json_array();

	for (size_t i = 0; i < r->reason_count; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "serious", json_boolean(r->reasons[i].serious));
		json_object_set_new(o, "reason", json_of(sr_text_of(r->reasons[i].text)));
		json_array_append_new(reasons, o);
	}
	return reasons;
}

static json_t *json_of_forecast(const sr_rehearsal *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "seconds", json_of_real(r->seconds));
	json_object_set_new(o, "lock_seconds", json_of_real(r->lock_seconds));
	json_object_set_new(o, "readers_wait", json_boolean(r->readers_wait));
	json_object_set_new(o, "database_bytes", json_integer(r->database_bytes));
	json_object_set_new(o, "final_bytes", json_integer(r->final_bytes));
	json_object_set_new(o, "peak_bytes", json_integer(r->peak_bytes));
	json_object_set_new(o, "needed_bytes", json_integer(r->needed_bytes));
	json_object_set_new(o, "free_bytes", json_integer(r->free_bytes));
	return o;
}

static json_t *json_of_rehearsal(const sr_rehearsal *r, bool rehearsed)
{
	json_t *o = json_object();

	json_object_set_new(o, "database_file", json_of(sr_text_of(r->database_file)));
	json_object_set_new(o, "rehearsed", json_boolean(rehearsed));
	json_object_set_new(o, "from_version", json_integer(r->from));
	json_object_set_new(o, "to_version", json_integer(r->to));
	json_object_set_new(o, "verdict", json_string(verdict_name(r->verdict)));
	json_object_set_new(o, "reasons", json_of_reasons(r));
	json_object_set_new(o, "copy_seconds", json_of_real(r->copy_seconds));
	json_object_set_new(o, "snapshot", json_of_path(r->snapshot));
	json_object_set_new(o, "forecast", rehearsed ? json_of_forecast(r) : json_null());
	json_object_set_new(o, "steps", json_of_steps(r));
	json_object_set_new(o, "queries", json_of_queries(r));
	return o;
}

/* ---- For people ---- */

static void blank(struct cli *cli)
{
	cli_say(cli, "%s", "");
}

static void list_steps(struct cli *cli, const sr_rehearsal *r)
{
	static const struct column columns[] = {
		{"step", "STEP", 0},
		{"description", "DESCRIPTION", COLUMN_CUT_END},
		{"seconds", "SECONDS", COLUMN_RIGHT},
		{"log", "LOG", COLUMN_RIGHT},
		{"size", "SIZE AFTER", COLUMN_RIGHT},
	};
	struct listing *rows = listing_begin(&cli->out, columns, 5, NULL);

	for (size_t i = 0; i < r->step_count; i++) {
		const sr_rehearsal_step *step = &r->steps[i];
		char *name = must_print("%s %d", step->up ? "up" : "down", step->version);
		char *seconds = must_print(step->done ? "%.2f" : "failed", step->seconds);
		const struct cell cells[] = {
			cell_string(name),
			cell_string(step->description),
			cell_string(seconds),
			cell_size(step->done ? step->log_bytes : SR_NULL_INTEGER),
			cell_size(step->done ? step->bytes_after : SR_NULL_INTEGER),
		};

		listing_row(rows, cells);
		free(seconds);
		free(name);
	}
	listing_end(rows, "No step was taken.", NULL);
}

/* A table's rows before the first step and after the last one of the way there. */
struct span {
	const char *name;
	int64_t first;
	int64_t last;
	bool same; /* No step changed a value that was there before. */
};

static void span_add(struct span *spans, size_t *count, const sr_rehearsal_table *t)
{
	const bool same = t->digest_before != NULL && t->digest_after != NULL &&
			  strcmp(t->digest_before, t->digest_after) == 0;
	size_t i = 0;

	while (i < *count && strcmp(spans[i].name, t->name) != 0)
		i++;
	if (i == *count) {
		spans[(*count)++] = (struct span){t->name, t->rows_before, t->rows_after,
						  same || t->rows_before == SR_NULL_INTEGER};
		return;
	}
	spans[i].last = t->rows_after;
	spans[i].same = spans[i].same && (same || t->rows_before == SR_NULL_INTEGER);
}

static void list_tables(struct cli *cli, const sr_rehearsal *r)
{
	static const struct column columns[] = {
		{"table", "TABLE", 0},
		{"rows_before", "ROWS BEFORE", COLUMN_RIGHT},
		{"rows_after", "ROWS AFTER", COLUMN_RIGHT},
		{"values", "VALUES", 0},
	};
	const bool up = r->to >= r->from;
	struct listing *rows;
	struct span *spans;
	size_t most = 1;
	size_t count = 0;

	for (size_t i = 0; i < r->step_count; i++)
		most += r->steps[i].table_count;
	spans = must_alloc(most * sizeof(*spans));
	for (size_t i = 0; i < r->step_count && r->steps[i].up == up; i++)
		for (size_t k = 0; k < r->steps[i].table_count; k++)
			span_add(spans, &count, &r->steps[i].tables[k]);
	rows = listing_begin(&cli->out, columns, 4, NULL);
	for (size_t i = 0; i < count; i++) {
		const struct cell cells[] = {
			cell_string(spans[i].name),
			cell_integer(spans[i].first),
			cell_integer(spans[i].last),
			cell_string(spans[i].first == SR_NULL_INTEGER  ? "new"
				    : spans[i].last == SR_NULL_INTEGER ? "dropped"
				    : spans[i].same                    ? "kept"
								       : "changed"),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, NULL, NULL);
	free(spans);
}

/* A plan, each line indented. */
static void say_plan(struct cli *cli, const char *word, const char *plan)
{
	cli_say(cli, "  %s:", word);
	if (plan == NULL) {
		cli_say(cli, "    it does not run");
		return;
	}
	while (*plan != '\0') {
		const size_t length = strcspn(plan, "\n");

		cli_say(cli, "    %.*s", (int)length, plan);
		plan += length + (plan[length] == '\n');
	}
}

static void say_queries(struct cli *cli, const sr_rehearsal *r)
{
	size_t worse = 0;

	for (size_t i = 0; i < r->query_count; i++) {
		if (!r->queries[i].worse)
			continue;
		if (worse++ == 0)
			cli_say(cli, "Queries that get a worse plan:");
		cli_say(cli, "%s", r->queries[i].name);
		say_plan(cli, "before", r->queries[i].before);
		say_plan(cli, "after", r->queries[i].after);
	}
	if (worse == 0)
		cli_say(cli, "No plan of the catalog's %zu own queries gets worse.",
			r->query_count);
}

static void say_forecast(struct cli *cli, const sr_rehearsal *r)
{
	char peak[32], needed[32], available[32], now[32], then[32];

	size_print(r->peak_bytes, peak);
	size_print(r->needed_bytes, needed);
	size_print(r->free_bytes, available);
	size_print(r->database_bytes, now);
	size_print(r->final_bytes, then);
	cli_say(cli, "Forecast for migrating the database itself:");
	cli_say(cli, "  time     %.1f s; writers wait for up to %.1f s, readers %s", r->seconds,
		r->lock_seconds, r->readers_wait ? "likewise" : "go on");
	cli_say(cli, "  disk     up to %s more meanwhile (asks for %s, %s are free)", peak, needed,
		available);
	cli_say(cli, "  size     %s, now %s", then, now);
}

static void say_verdict(struct cli *cli, const sr_rehearsal *r)
{
	cli_say(cli, "Verdict: %s", verdict_name(r->verdict));
	for (size_t i = 0; i < r->reason_count; i++) {
		char *clean = utf8_clean(r->reasons[i].text);

		cli_say(cli, "  %s %s", r->reasons[i].serious ? "!" : "-", clean);
		free(clean);
	}
	if (r->snapshot != NULL)
		cli_say(cli, "The copy: %s", r->snapshot);
}

static void say_all(struct cli *cli, const sr_rehearsal *r)
{
	char size[32];

	size_print(r->database_bytes, size);
	cli_say(cli, "Rehearsed from version %d to %d and back on a copy (%s, made in %.1f s).",
		r->from, r->to, size, r->copy_seconds);
	blank(cli);
	list_steps(cli, r);
	if (r->step_count > 0 && r->steps[0].table_count > 0) {
		blank(cli);
		list_tables(cli, r);
	}
	blank(cli);
	if (r->query_count > 0) {
		say_queries(cli, r);
		blank(cli);
	}
	say_forecast(cli, r);
	blank(cli);
	say_verdict(cli, r);
}

/* ---- For programs that read lines ---- */

static void list_all(struct cli *cli, const sr_rehearsal *r)
{
	static const struct column columns[] = {
		{"direction", "", 0},     {"version", "", 0},      {"done", "", 0},
		{"seconds", "", 0},       {"log_bytes", "", 0},    {"table", "", 0},
		{"declared", "", 0},      {"rows_before", "", 0},  {"rows_after", "", 0},
		{"digest_before", "", 0}, {"digest_after", "", 0},
	};
	struct listing *rows = listing_begin(&cli->out, columns, 11, NULL);

	for (size_t i = 0; i < r->step_count; i++) {
		const sr_rehearsal_step *step = &r->steps[i];

		/* A step that failed has one line, without a table. */
		for (size_t k = 0; k < step->table_count || (k == 0 && !step->done); k++) {
			static const sr_rehearsal_table none = {
				.rows_before = SR_NULL_INTEGER,
				.rows_after = SR_NULL_INTEGER,
			};
			const sr_rehearsal_table *t = step->done ? &step->tables[k] : &none;
			const struct cell cells[] = {
				cell_string(step->up ? "up" : "down"),
				cell_number(step->version),
				cell_flag(step->done),
				cell_real(step->seconds),
				cell_number(step->log_bytes),
				cell_string(t->name),
				cell_flag(t->declared),
				cell_number(t->rows_before),
				cell_number(t->rows_after),
				cell_string(t->digest_before),
				cell_string(t->digest_after),
			};

			listing_row(rows, cells);
		}
	}
	listing_end(rows, NULL, NULL);
}

/* ---- The command ---- */

/* Steps on the progress line, and Ctrl-C. */
static bool show(void *arg, int64_t done, int64_t total)
{
	progress_share(arg, "rehearse", done, total);
	return interrupt_seen();
}

static int report(struct cli *cli, const sr_rehearsal *r)
{
	const bool rehearsed = r->step_count > 0 || r->reason_count > 0 || r->from != r->to;

	if (cli->json)
		output_document(&cli->out, json_of_rehearsal(r, rehearsed));
	else if (!rehearsed)
		cli_say(cli, "The database is at version %d already; there is nothing to rehearse.",
			r->to);
	else if (cli->out.format == OUTPUT_TABLE)
		say_all(cli, r);
	else
		list_all(cli, r);
	if (cli->out.format != OUTPUT_TABLE && !cli->json && rehearsed) {
		cli_note(cli, "verdict: %s", verdict_name(r->verdict));
		for (size_t i = 0; i < r->reason_count; i++)
			cli_note(cli, "%s", r->reasons[i].text);
	}
	return r->verdict == SR_REHEARSAL_DO_NOT_RUN ? UNHEALTHY : DONE;
}

int migrate_rehearse(struct cli *cli)
{
	struct progress progress;
	sr_rehearse_options how;
	sr_rehearsal *rehearsal;
	sr_catalog *catalog;
	const char *to = NULL;
	int64_t wanted = -1;
	sr_status rc;
	int code;

	sr_rehearse_options_init(&how);
	{
		const arg_option options[] = {
			{"to", 0, ARG_VALUE, &to},
			{"dir", 0, ARG_VALUE, &how.folder},
			{"keep", 0, ARG_FLAG, &how.keep},
			{"full-check", 0, ARG_FLAG, &how.full_check},
			{NULL, 0, ARG_FLAG, NULL},
		};

		if ((code = cli_arguments(cli, options, NULL)) != DONE)
			return code;
	}
	if (to != NULL && sr_number_parse("--to", to, 0, 10000, &wanted) != SR_OK)
		return cli_failed(cli, SR_INVALID);
	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	how.to = (int)wanted;
	how.progress = show;
	how.progress_arg = &progress;
	progress_begin(&progress, cli);
	interrupt_watch();
	rc = sr_migrate_rehearse(catalog, &how, &rehearsal);
	progress_end(&progress);
	code = rc == SR_OK ? report(cli, rehearsal) : cli_failed(cli, rc);
	sr_rehearsal_free(rehearsal);
	return cli_close(cli, catalog, code);
}
