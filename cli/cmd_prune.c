#include "cmd_prune.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "json.h"
#include "keep.h"
#include "memory.h"
#include "plural.h"
#include "progress.h"
#include "takes.h"

const char help_prune[] =
	"usage: strongroom prune [--client NAME]… [--file PATH] --keep-… N [--dry-run]\n"
	"                        [--delete-stored]\n"
	"       strongroom prune --policy [--client NAME]… [--dry-run] [--delete-stored]\n"
	"       strongroom prune policy set CLIENT --keep-… N\n"
	"       strongroom prune policy clear CLIENT\n"
	"       strongroom prune policy show CLIENT\n"
	"       strongroom prune policy list\n"
	"\n"
	"Deletes the versions of files that no rule keeps. The current version and pinned\n"
	"ones always stay. What any rule keeps is kept:\n"
	"\n" KEEP_HELP "\n"
	"N is a number or \"unlimited\". Days are those of the local time zone.\n"
	"\n"
	"  --client NAME      of this client only; may be given again. Without: of all\n"
	"  --file PATH        of this file of the one client only\n"
	"  --dry-run          show what would go, what stays, and which rule keeps it\n"
	"  --delete-stored    delete stored bytes too that nothing refers to any more\n"
	"  --policy           by the rules that were set for each client\n"
	"\n"
	"example:\n"
	"  strongroom prune --keep-last 3 --keep-daily 7 --keep-monthly 12 --dry-run\n";

/* The command line's words. */
struct prune_words {
	struct keep_words keep;
	arg_list clients;
	const char *file;
	bool dry_run;
	bool delete_stored;
	bool policy;
};

struct pruning {
	struct cli *cli;
	struct listing *rows; /* Of a dry run, else NULL. */
	struct progress progress;
};

/* ---- What it tells ---- */

static json_t *json_of_step(const sr_prune_version *v, const char *rules)
{
	json_t *o = json_object();

	json_object_add_text(o, "client", v->client_name);
	json_object_add_text(o, "file", v->file);
	json_object_set_new(o, "version", json_of_integer(v->version->number));
	json_object_set_new(o, "size", json_of_integer(v->version->size));
	json_object_set_new(o, "created", json_of(v->version->created));
	json_object_set_new(o, "kept", json_boolean(v->kept != 0));
	json_object_set_new(o, "rules", json_string(rules));
	return o;
}

static bool show_step(void *arg, const sr_prune_version *v)
{
	struct pruning *run = arg;
	char rules[SR_KEPT_TEXT_SIZE];

	sr_kept_format(v->kept, v->keep, rules);
	if (run->cli->json) {
		listing_object(run->rows, json_of_step(v, rules));
		return interrupt_seen();
	}
	const struct cell cells[] = {
		cell_text(v->client_name),
		cell_text(v->file),
		cell_number(v->version->number),
		cell_size(v->version->size),
		cell_time(v->version->created),
		cell_state(v->kept ? "kept" : "pruned"),
		cell_string(rules),
	};

	listing_row(run->rows, cells);
	return interrupt_seen() || output_failed(&run->cli->out);
}

static bool show_progress(void *arg, int64_t done, int64_t total)
{
	struct pruning *run = arg;
	const struct extent extent = {
		.files = done, .total = total, .bytes = -1, .read = -1, .seconds_left = -1};

	progress_show(&run->progress, "pruning", &extent);
	return interrupt_seen();
}

static json_t *json_of_summary(const sr_prune_summary *s, bool dry_run)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "dry_run", dry_run,
			 "clients", (json_int_t)s->clients, "files", (json_int_t)s->files, "kept",
			 (json_int_t)s->kept, "pruned", (json_int_t)s->pruned, "bytes",
			 (json_int_t)s->bytes, "stored_files", (json_int_t)s->stored_files,
			 "stored_bytes", (json_int_t)s->stored_bytes, "stored_failed",
			 (json_int_t)s->stored_failed);
}

static void say_summary(struct cli *cli, const sr_prune_summary *s, bool dry_run, bool stored)
{
	char bytes[32];

	size_print(s->bytes, bytes);
	cli_say(cli,
		"Of %" PRId64 " %s with several versions, %" PRId64 " %s (%s), %" PRId64 " %s.",
		s->files, plural(s->files, "file", "files"), s->pruned,
		dry_run ? plural(s->pruned, "version would go", "versions would go")
			: plural(s->pruned, "version is pruned", "versions are pruned"),
		bytes, s->kept, dry_run ? "would stay" : plural(s->kept, "stays", "stay"));
	if (!stored || dry_run)
		return;
	size_print(s->stored_bytes, bytes);
	cli_say(cli, "%" PRId64 " stored %s deleted, %s freed; %" PRId64 " could not be.",
		s->stored_files, plural(s->stored_files, "file", "files"), bytes, s->stored_failed);
}

/* For programs: what was done, as one row. */
static void print_summary(struct cli *cli, const sr_prune_summary *s)
{
	const struct field fields[] = {
		{"clients", NULL, cell_integer(s->clients)},
		{"files", NULL, cell_integer(s->files)},
		{"kept", NULL, cell_integer(s->kept)},
		{"pruned", NULL, cell_integer(s->pruned)},
		{"bytes", NULL, cell_size(s->bytes)},
		{"stored_files", NULL, cell_integer(s->stored_files)},
		{"stored_bytes", NULL, cell_size(s->stored_bytes)},
		{"stored_failed", NULL, cell_integer(s->stored_failed)},
	};

	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

/* ---- Doing it ---- */

static int dry_run(struct cli *cli, sr_catalog *catalog, sr_prune_options *options)
{
	static const struct column columns[] = {
		{"client", "CLIENT", COLUMN_CUT_END},
		{"file", "FILE", COLUMN_CUT_START},
		{"version", "VERSION", COLUMN_RIGHT},
		{"size", "SIZE", COLUMN_RIGHT},
		{"created", "RECORDED", 0},
		{"state", "", 0},
		{"rules", "KEPT BY", 0},
	};
	struct pruning run = {.cli = cli};
	sr_prune_summary summary;
	int code = DONE;
	sr_status rc;

	run.rows =
		listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), "versions");
	options->dry_run = true;
	options->each = show_step;
	options->arg = &run;
	rc = sr_prune(catalog, options, &summary);
	if (rc != SR_OK && !output_failed(&cli->out))
		code = cli_failed(cli, rc);
	listing_end(run.rows, rc == SR_OK ? "No file has more than one version." : NULL,
		    cli->json ? json_of_summary(&summary, true) : NULL);
	if (rc == SR_OK)
		say_summary(cli, &summary, true, false);
	return code;
}

/* Counts first what it is about. */
static int ask(struct cli *cli, sr_catalog *catalog, sr_prune_options *options)
{
	sr_prune_summary summary;
	char bytes[32];
	sr_status rc;

	if (cli->yes)
		return DONE;
	options->dry_run = true;
	if ((rc = sr_prune(catalog, options, &summary)) != SR_OK)
		return cli_failed(cli, rc);
	options->dry_run = false;
	if (summary.pruned == 0)
		return DONE;
	size_print(summary.bytes, bytes);
	return cli_confirm(cli, "Delete %" PRId64 " %s of %" PRId64 " %s (%s)%s", summary.pruned,
			   plural(summary.pruned, "version", "versions"), summary.files,
			   plural(summary.files, "file", "files"), bytes,
			   options->delete_stored ? " and what is stored of them" : "");
}

static int prune(struct cli *cli, sr_catalog *catalog, sr_prune_options *options)
{
	struct pruning run = {.cli = cli};
	sr_prune_summary summary;
	sr_status rc;
	int code = ask(cli, catalog, options);

	if (code != DONE)
		return code;
	options->progress = show_progress;
	options->arg = &run;
	progress_begin(&run.progress, cli);
	rc = sr_prune(catalog, options, &summary);
	progress_end(&run.progress);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (summary.stored_failed > 0)
		code = FAILED;
	/* What was done before it stopped is done. */
	if (cli->json && rc == SR_OK)
		output_document(&cli->out, json_of_summary(&summary, false));
	else if (cli->out.format != OUTPUT_TABLE && rc == SR_OK)
		print_summary(cli, &summary);
	else if (rc == SR_OK || summary.files > 0)
		say_summary(cli, &summary, false, options->delete_stored);
	return code;
}

static int find_clients(struct cli *cli, sr_catalog *catalog, const arg_list *names, sr_id *ids)
{
	for (size_t i = 0; i < names->count; i++) {
		sr_client *client;
		int code = cli_client(cli, catalog, names->items[i], &client);

		if (code != DONE)
			return code;
		ids[i] = client->id;
		sr_client_free(client);
	}
	return DONE;
}

static int run_prune(struct cli *cli, const struct prune_words *words, const sr_keep *keep)
{
	sr_prune_options options;
	sr_catalog *catalog;
	sr_id *ids;
	int code;

	if ((code = cli_open(cli, words->dry_run ? CLI_READ : CLI_WRITE, &catalog)) != DONE)
		return code;
	ids = must_alloc((words->clients.count + 1) * sizeof(*ids));
	sr_prune_options_init(&options);
	options.keep = words->policy ? NULL : keep;
	options.policies = words->policy;
	options.clients = ids;
	options.client_count = words->clients.count;
	options.file = sr_text_of(words->file);
	options.delete_stored = words->delete_stored;
	interrupt_watch();
	if ((code = find_clients(cli, catalog, &words->clients, ids)) == DONE)
		code = words->dry_run ? dry_run(cli, catalog, &options)
				      : prune(cli, catalog, &options);
	free(ids);
	return cli_close(cli, catalog, code);
}

static int check(struct cli *cli, const struct prune_words *words, sr_keep *keep)
{
	int code = keep_parse(cli, &words->keep, keep);

	if (code != DONE)
		return code;
	if (words->policy && sr_keep_any(keep))
		return cli_usage(cli, "--policy and --keep-… exclude each other");
	if (!words->policy && !sr_keep_any(keep))
		return cli_usage(cli,
				 "what is to be kept is missing: --keep-last N, --keep-daily N "
				 "or another rule, or --policy");
	if (words->file != NULL && words->clients.count != 1)
		return cli_usage(cli, "--file needs exactly one --client");
	return DONE;
}

/* Whether "policy" is the next word; the command line is left as it was. */
static bool policy_is_next(struct cli *cli)
{
	const struct cli before = *cli;
	const char *word = NULL;

	if (cli->takes != NULL && cli->takes->used < cli->takes->count)
		word = cli->takes->words[cli->takes->used];
	else if (cli->takes == NULL && !args_word(&cli->args, &word))
		word = NULL;
	*cli = before;
	return word != NULL && strcmp(word, "policy") == 0;
}

int cmd_prune(struct cli *cli)
{
	struct prune_words words = {0};
	const arg_option options[] = {
		KEEP_OPTIONS(words.keep),
		{"client", 0, ARG_LIST, &words.clients},
		{"file", 0, ARG_VALUE, &words.file},
		{"dry-run", 0, ARG_FLAG, &words.dry_run},
		{"delete-stored", 0, ARG_FLAG, &words.delete_stored},
		{"policy", 0, ARG_FLAG, &words.policy},
		{NULL, 0, ARG_FLAG, NULL},
	};
	static const command parts[] = {
		{"policy", NULL, NULL, prune_policy},
		{NULL, NULL, NULL, NULL},
	};
	sr_keep keep;
	int code;

	if (policy_is_next(cli))
		return cli_subcommand(cli, parts);
	if ((code = cli_arguments(cli, options, NULL)) == DONE &&
	    (code = check(cli, &words, &keep)) == DONE)
		code = run_prune(cli, &words, &keep);
	args_list_free(&words.clients);
	return code;
}
