#include <stdio.h>

#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"

const char help_optimize[] =
	"usage: strongroom optimize [--analyze-only | --search-index [--anew]]\n"
	"\n"
	"Makes one piece of the search index, gives the database's free pages back to the\n"
	"disk, fills the others (VACUUM), and renews what SQLite knows of the values\n"
	"(ANALYZE). No row is changed. Readers go on, writers wait: about 15 seconds a\n"
	"gigabyte. Ctrl-C leaves the database as it was. It says how much free space it\n"
	"needs, and refuses to begin without.\n"
	"\n"
	"  --analyze-only   no VACUUM: takes moments and no space\n"
	"  --search-index   only the search index: seconds a million files\n"
	"  --anew           make that from nothing\n"
	"\n"
	"example:\n"
	"  strongroom optimize --json | jq .space_saved_mb\n";

struct optimizing {
	struct cli *cli;
	struct progress progress;
};

static bool on_progress(void *arg, int64_t done, int64_t total)
{
	struct optimizing *o = arg;

	progress_share(&o->progress, "optimizing", done, total);
	return interrupt_seen();
}

/* Before it begins, since it may be what somebody wants to think about. */
static int forecast(struct cli *cli, sr_catalog *catalog, sr_optimize_needs *needs)
{
	char size[32], compact[32], needed[32], available[32];
	sr_status rc = sr_optimize_needs_get(catalog, needs);

	if (rc != SR_OK)
		return cli_failed(cli, rc);
	size_print(needs->size, size);
	size_print(needs->compact, compact);
	size_print(needs->needed, needed);
	size_print(needs->available, available);
	cli_say(cli, "%s: %s, %s of it in use.", sr_catalog_path(catalog), size, compact);
	cli_say(cli, "Needs %s of free space in its folder, where %s are.", needed, available);
	fflush(stdout);
	return DONE;
}

static void report_json(struct cli *cli, const sr_optimized *done, const sr_optimize_needs *needs)
{
	json_t *errors = json_array();

	for (size_t i = 0; i < done->error_count; i++)
		json_array_append_new(errors, json_of(sr_text_of(done->errors[i])));
	output_document(&cli->out,
			json_pack("{s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}",
				  "vacuum_performed", (int)done->vacuum_performed,
				  "search_index_built", (int)done->search_index_built,
				  "analyze_performed", (int)done->analyze_performed,
				  "size_before_mb", json_of_real(done->size_before_mb),
				  "size_after_mb", json_of_real(done->size_after_mb),
				  "space_saved_mb", json_of_real(done->space_saved_mb), "errors",
				  errors, "size_before", (json_int_t)done->size_before,
				  "size_after", (json_int_t)done->size_after, "needed",
				  needs ? json_integer(needs->needed) : json_null(), "available",
				  needs ? json_integer(needs->available) : json_null()));
}

static void report(struct cli *cli, const sr_optimized *done, const sr_optimize_needs *needs)
{
	const bool people = cli->out.format == OUTPUT_TABLE;
	const int64_t saved = done->size_before - done->size_after;
	const struct field fields[] = {
		{"search_index_built", "search index", cell_flag(done->search_index_built)},
		{"vacuum_performed", "vacuum", cell_flag(done->vacuum_performed)},
		{"analyze_performed", "analyze", cell_flag(done->analyze_performed)},
		{"size_before_mb", "size before",
		 people ? cell_size(done->size_before) : cell_real(done->size_before_mb)},
		{"size_after_mb", "size after",
		 people ? cell_size(done->size_after) : cell_real(done->size_after_mb)},
		{"space_saved_mb", "saved",
		 people ? cell_size(saved > 0 ? saved : 0) : cell_real(done->space_saved_mb)},
		{"errors", NULL, cell_string(done->error_count > 0 ? done->errors[0] : NULL)},
	};

	if (cli->json)
		report_json(cli, done, needs);
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

static int optimize(struct cli *cli, sr_catalog *catalog, sr_optimize_options *how)
{
	struct optimizing o = {.cli = cli};
	sr_optimize_needs needs;
	sr_optimized done;
	sr_status rc;
	int code = DONE;

	if (!how->analyze_only && (code = forecast(cli, catalog, &needs)) != DONE)
		return code;
	how->progress = on_progress;
	how->progress_arg = &o;
	interrupt_watch();
	progress_begin(&o.progress, cli);
	rc = sr_optimize(catalog, how, &done);
	progress_end(&o.progress);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	/* Of a step that failed the first error was the call's own. */
	for (size_t i = 1; i < done.error_count; i++)
		code = cli_fail(cli, SR_IO, "%s", done.errors[i]);
	if (rc == SR_OK || done.error_count > 0)
		report(cli, &done, how->analyze_only ? NULL : &needs);
	return code;
}

static bool on_files(void *arg, int64_t done, int64_t total)
{
	struct optimizing *o = arg;

	progress_share(&o->progress, "indexing", done, total);
	return interrupt_seen();
}

static int build_index(struct cli *cli, sr_catalog *catalog, bool anew)
{
	struct optimizing o = {.cli = cli};
	int64_t rows;
	sr_status rc;

	interrupt_watch();
	progress_begin(&o.progress, cli);
	rc = sr_search_index_build(catalog, anew, on_files, &o, &rows);
	progress_end(&o.progress);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	const struct field fields[] = {
		{"files_indexed", "files indexed", cell_integer(rows)},
	};

	if (cli->json)
		output_document(&cli->out, json_pack("{s:I}", "files_indexed", (json_int_t)rows));
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
	return DONE;
}

int cmd_optimize(struct cli *cli)
{
	bool search_index = false, anew = false;
	sr_optimize_options how;
	sr_catalog *catalog;
	int code;

	sr_optimize_options_init(&how);
	const arg_option options[] = {
		{"analyze-only", 0, ARG_FLAG, &how.analyze_only},
		{"search-index", 0, ARG_FLAG, &search_index},
		{"anew", 0, ARG_FLAG, &anew},
		{NULL, 0, ARG_FLAG, NULL},
	};

	if ((code = cli_arguments(cli, options, NULL)) != DONE)
		return code;
	if (anew && !search_index)
		return cli_usage(cli, "--anew makes the search index anew: say --search-index too");
	if (search_index && how.analyze_only)
		return cli_usage(cli, "--analyze-only and --search-index exclude each other");
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog,
			 search_index ? build_index(cli, catalog, anew)
				      : optimize(cli, catalog, &how));
}
