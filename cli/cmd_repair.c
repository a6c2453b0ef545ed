#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_health.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "progress.h"

const char help_repair[] =
	"usage: strongroom repair [--apply] [--no-backup]\n"
	"\n"
	"Shows what can be mended of what `strongroom health` finds: missing tables,\n"
	"indexes, triggers, rows that refer to nothing, counters, quotas, versions. With\n"
	"--apply it does that, and what follows from it, in one transaction, after a\n"
	"backup beside the database.\n"
	"Rows that refer to nothing move to the table orphaned_rows and are not deleted.\n"
	"It reads everything, and asks before it begins (--yes where it cannot ask).\n"
	"\n"
	"  --apply       do it\n"
	"  --no-backup   without the backup: where the disk is full or pages are damaged\n"
	"\n"
	"example:\n"
	"  strongroom repair\n";

struct showing {
	struct progress progress;
	const char *verb;
};

static bool show(void *arg, int64_t done, int64_t total)
{
	struct showing *showing = arg;

	progress_show(&showing->progress, showing->verb, &(struct extent){done, total, -1, -1, -1});
	return interrupt_seen();
}

/* ---- In every form ---- */

static json_t *json_of_steps(const sr_repair *repair)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < repair->step_count; i++) {
		const sr_repair_step *step = &repair->steps[i];

		json_array_append_new(steps, json_pack("{s:s, s:o, s:I, s:o, s:I, s:o}", "code",
						       step->code, "subject",
						       json_of(sr_text_of(step->subject)), "count",
						       (json_int_t)step->count, "what",
						       json_of(sr_text_of(step->what)), "done",
						       (json_int_t)step->done, "failure",
						       json_of(sr_text_of(step->failure))));
	}
	return steps;
}

static void print_rows(struct cli *cli, const sr_repair *repair)
{
	static const struct column columns[] = {
		{"code", "", 0}, {"subject", "", 0}, {"count", "", 0},
		{"what", "", 0}, {"done", "", 0},    {"failure", "", 0},
	};
	struct listing *rows = listing_begin(&cli->out, columns, 6, NULL);

	for (size_t i = 0; i < repair->step_count; i++) {
		const sr_repair_step *step = &repair->steps[i];
		const struct cell cells[] = {
			cell_string(step->code),   cell_string(step->subject),
			cell_integer(step->count), cell_string(step->what),
			cell_integer(step->done),  cell_string(step->failure),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, NULL, NULL);
}

static void print_plan(struct cli *cli, const sr_repair *repair)
{
	for (size_t i = 0; i < repair->step_count; i++) {
		const sr_repair_step *step = &repair->steps[i];
		char *line = must_print("%s: %" PRId64, step->what, step->count);

		print_wrapped(cli, 2, line);
		free(line);
	}
}

static void print_outcome(struct cli *cli, const sr_repair *repair)
{
	for (size_t i = 0; i < repair->step_count; i++) {
		const sr_repair_step *step = &repair->steps[i];
		char *line;

		if (step->failure != NULL)
			line = must_print("failed: %s: %s", step->what, step->failure);
		else
			line = must_print("done: %s: %" PRId64 " of %" PRId64, step->what,
					  step->done, step->count);
		print_wrapped(cli, 2, line);
		free(line);
	}
	if (repair->backup != NULL)
		cli_say(cli, "The database as it was: %s", repair->backup);
}

static int64_t failures(const sr_repair *repair)
{
	int64_t count = 0;

	for (size_t i = 0; i < repair->step_count; i++)
		count += repair->steps[i].failure != NULL;
	return count;
}

/* ---- Both halves ---- */

static void warn_of_damage(struct cli *cli, const sr_repair *repair)
{
	if (repair->damage != NULL)
		cli_note(cli,
			 "pages are damaged, which no repair mends: %s; restore a backup, or "
			 "read what can be read: strongroom salvage DAMAGED NEW",
			 repair->damage);
}

static void report(struct cli *cli, const sr_repair *repair, bool applied)
{
	if (cli->json) {
		output_document(&cli->out, json_pack("{s:b, s:o, s:o, s:o}", "applied", applied,
						     "steps", json_of_steps(repair), "damage",
						     json_of(sr_text_of(repair->damage)), "backup",
						     json_of_path(repair->backup)));
	} else if (cli->out.format != OUTPUT_TABLE) {
		print_rows(cli, repair);
	} else if (applied) {
		print_outcome(cli, repair);
	} else if (repair->step_count > 0) {
		output_line(&cli->out, "To be mended:");
		print_plan(cli, repair);
		cli_say(cli, "Do it with: strongroom repair --apply");
	}
	if (repair->step_count == 0)
		cli_say(cli, "%s",
			repair->damage ? "Nothing else is to be mended."
				       : "Nothing is to be mended.");
}

static int apply(struct cli *cli, sr_catalog *catalog, sr_repair *repair, sr_repair_options *how,
		 struct showing *showing)
{
	sr_status rc;
	int code;

	if (!cli->yes && repair->step_count > 0 && cli->out.format == OUTPUT_TABLE) {
		output_line(&cli->out, "To be mended:");
		print_plan(cli, repair);
		fflush(stdout);
	}
	if (repair->step_count > 0 && (code = cli_confirm(cli, "Mend this")) != DONE)
		return code;
	showing->verb = "mending";
	progress_begin(&showing->progress, cli);
	rc = sr_repair_apply(catalog, repair, how);
	progress_end(&showing->progress);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	report(cli, repair, true);
	return failures(repair) > 0 ? FAILED : DONE;
}

static int repair_catalog(struct cli *cli, sr_catalog *catalog, bool doing, bool no_backup)
{
	struct showing showing = {.verb = "checking"};
	sr_repair_options how;
	sr_repair *repair;
	sr_status rc;
	int code = DONE;

	sr_repair_options_init(&how);
	how.backup = !no_backup;
	how.progress = show;
	how.progress_arg = &showing;
	progress_begin(&showing.progress, cli);
	rc = sr_repair_plan(catalog, &how, &repair);
	progress_end(&showing.progress);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	warn_of_damage(cli, repair);
	if (doing)
		code = apply(cli, catalog, repair, &how, &showing);
	else
		report(cli, repair, false);
	sr_repair_free(repair);
	return code;
}

int cmd_repair(struct cli *cli)
{
	bool doing = false;
	bool no_backup = false;
	const arg_option options[] = {
		{"apply", 0, ARG_FLAG, &doing},
		{"no-backup", 0, ARG_FLAG, &no_backup},
		{NULL, 0, ARG_FLAG, NULL},
	};
	sr_catalog *catalog;
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE || (code = cli_open(cli, doing ? CLI_WRITE : CLI_READ, &catalog)) != DONE)
		return code;
	interrupt_watch();
	return cli_close(cli, catalog, repair_catalog(cli, catalog, doing, no_backup));
}
