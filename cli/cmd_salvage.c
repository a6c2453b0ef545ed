#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "message.h"
#include "plural.h"
#include "progress.h"

const char help_salvage[] =
	"usage: strongroom salvage DAMAGED NEW\n"
	"\n"
	"Reads what can be read of the damaged database DAMAGED, page by page, into a new\n"
	"catalog NEW, which must not exist, and counts by table what was saved and what\n"
	"is lost. DAMAGED is never written; no program may have it open. An older version\n"
	"is upgraded on the way. NEW gets its name when it is whole.\n"
	"\n"
	"Exit status 3 where rows are lost or were refused.\n"
	"\n"
	"example:\n"
	"  strongroom salvage catalog.db catalog-salvaged.db\n";

struct salvaging {
	struct cli *cli;
	struct progress progress;
};

static bool on_progress(void *arg, int64_t done, int64_t total)
{
	struct salvaging *s = arg;

	progress_share(&s->progress, "salvaging", done, total);
	return interrupt_seen();
}

static void on_refused(void *arg, const char *table, int64_t row, const char *why)
{
	char *name = must_print("%s, row %" PRId64, table, row);

	(void)arg;
	message_failed(sr_text_of(name), why);
	free(name);
}

static json_t *json_of_table(const sr_salvaged_table *t)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:b, s:I}", "table",
			 json_of(sr_text_of(t->name)), "saved", (json_int_t)t->saved, "adrift",
			 (json_int_t)t->adrift, "refused", (json_int_t)t->refused, "lost",
			 (json_int_t)t->lost, "lost_exact", (int)t->exact, "orphans",
			 (json_int_t)t->orphans);
}

static void report_json(struct cli *cli, const sr_salvaged *s)
{
	json_t *tables = json_array();
	json_t *notes = json_array();

	for (size_t i = 0; i < s->table_count; i++)
		json_array_append_new(tables, json_of_table(&s->tables[i]));
	for (size_t i = 0; i < s->note_count; i++)
		json_array_append_new(notes, json_of(sr_text_of(s->notes[i])));
	output_document(&cli->out,
			json_pack("{s:o, s:i, s:i, s:I, s:I, s:I, s:b, s:o, s:o}", "database_file",
				  json_of_path(s->path), "from_version", s->from_version, "version",
				  s->version, "saved", (json_int_t)s->saved, "refused",
				  (json_int_t)s->refused, "lost", (json_int_t)s->lost, "lost_exact",
				  (int)s->exact, "tables", tables, "notes", notes));
}

static void report_rows(struct cli *cli, const sr_salvaged *s)
{
	static const struct column columns[] = {
		{"table", "TABLE", 0},
		{"saved", "SAVED", COLUMN_RIGHT},
		{"adrift", "ADRIFT", COLUMN_RIGHT},
		{"refused", "REFUSED", COLUMN_RIGHT},
		{"lost", "LOST", COLUMN_RIGHT},
		{"lost_exact", "", 0},
		{"orphans", "ORPHANS", COLUMN_RIGHT},
	};
	const bool people = cli->out.format == OUTPUT_TABLE;
	struct listing *rows = listing_begin(&cli->out, columns, 7, NULL);

	for (size_t i = 0; i < s->table_count; i++) {
		const sr_salvaged_table *t = &s->tables[i];
		const struct cell cells[] = {
			cell_string(t->name),
			cell_integer(t->saved),
			cell_integer(t->adrift),
			cell_integer(t->refused),
			cell_integer(t->lost),
			people ? cell_string(t->exact ? "" : "at least") : cell_flag(t->exact),
			cell_integer(t->orphans),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, "No rows.", NULL);
}

static void report(struct cli *cli, const sr_salvaged *s)
{
	int64_t orphans = 0;

	if (cli->json) {
		report_json(cli, s);
		return;
	}
	report_rows(cli, s);
	for (size_t i = 0; i < s->note_count; i++)
		cli_note(cli, "%s", s->notes[i]);
	for (size_t i = 0; i < s->table_count; i++)
		orphans += s->tables[i].orphans;
	if (orphans > 0)
		cli_note(cli, "%" PRId64 " %s to what is not there; see: strongroom health",
			 orphans, plural(orphans, "row refers", "rows refer"));
	cli_say(cli, "%s", "");
	cli_say(cli, "%s holds what could be read, at version %d (was %d).", s->path, s->version,
		s->from_version);
}

static int salvage(struct cli *cli, const char *damaged, const char *fresh)
{
	struct salvaging state = {.cli = cli};
	sr_salvage_options how;
	sr_salvaged *salvaged;
	sr_status rc;
	int code = DONE;

	sr_salvage_options_init(&how);
	how.progress = on_progress;
	how.progress_arg = &state;
	how.refused = on_refused;
	interrupt_watch();
	progress_begin(&state.progress, cli);
	rc = sr_salvage(damaged, fresh, &how, &salvaged);
	progress_end(&state.progress);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	report(cli, salvaged);
	if (salvaged->lost > 0 || salvaged->refused > 0 || !salvaged->exact)
		code = UNHEALTHY;
	sr_salvaged_free(salvaged);
	return code;
}

int cmd_salvage(struct cli *cli)
{
	const char *damaged = NULL;
	const char *fresh = NULL;
	const arg_operand operands[] = {
		{"DAMAGED", ARG_REQUIRED, &damaged},
		{"NEW", ARG_REQUIRED, &fresh},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, NULL, operands);

	return code == DONE ? salvage(cli, damaged, fresh) : code;
}
