#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "json.h"

const char help_quota[] =
	"usage: strongroom quota set CLIENT SIZE [--warn PART]\n"
	"       strongroom quota clear CLIENT\n"
	"       strongroom quota show [CLIENT]\n"
	"       strongroom quota list\n"
	"       strongroom quota default [SIZE | none] [--warn PART]\n"
	"       strongroom quota enforce [on | off]\n"
	"\n"
	"How many bytes a client may use. What it uses is the sizes of its files in the\n"
	"catalog; versions that are kept of them do not count. A file that does not fit\n"
	"is not recorded, and the others are. show without CLIENT is the same as list.\n"
	"\n"
	"  SIZE         bytes, or with a suffix: 500M, 1.5T\n"
	"  --warn PART  warn when so much is used: 80% or 0.8, which it is without\n"
	"\n"
	"default is what clients get that are added from now on: no quota, unless it is\n"
	"set; without SIZE it is shown. enforce on also refuses what other programs\n"
	"write into the database beyond a quota; off, as it is unless set, only counts.\n"
	"\n"
	"example:\n"
	"  strongroom quota set laptop 200G --warn 90%\n";

enum { BAR = 10 };

/* A part for programs as it is, for people in percent: "62.5 %", which is not "100 %" while
 * something still fits. text holds it. */
static struct cell percent(const struct cli *cli, double number, double all, char text[40])
{
	double shown = floor(number / all * 1000 + 1e-9) / 10;

	if (cli->out.format != OUTPUT_TABLE || isnan(number))
		return cell_real(number);
	if (shown < 1000)
		snprintf(text, 40, "%.4g %%", shown);
	else
		snprintf(text, 40, ">999 %%");
	return cell_string(text);
}

/* "#######--- 71%" */
static const char *bar(const sr_quota *quota, char text[40])
{
	double percent = quota->used_percent;
	int full;

	if (isnan(percent))
		return "";
	full = percent >= 100 ? BAR : (int)(percent * BAR / 100);
	for (int i = 0; i < BAR; i++)
		text[i] = i < full ? '#' : '-';
	/* Not "100%" while something still fits. */
	if (percent < 1000)
		snprintf(text + BAR, 40 - BAR, " %.0f%%", floor(percent));
	else
		snprintf(text + BAR, 40 - BAR, " >999%%");
	return text;
}

static json_t *json_of_quota(const sr_quota *quota)
{
	json_t *o = json_object();

	json_object_add_text(o, "client", quota->client_name);
	json_object_set_new(o, "quota_bytes", json_of_integer(quota->quota_bytes));
	json_object_set_new(o, "used_bytes", json_of_integer(quota->used_bytes));
	json_object_set_new(o, "available_bytes", json_of_integer(quota->available_bytes));
	json_object_set_new(o, "used_percent", json_of_real(quota->used_percent));
	json_object_set_new(o, "warning_threshold", json_of_real(quota->warning_threshold));
	json_object_set_new(o, "state", json_string(sr_quota_state_name(quota->state)));
	return o;
}

/* ---- One ---- */

static void show(struct cli *cli, const sr_quota *quota)
{
	char used[40], warning[40];
	const struct field fields[] = {
		{"client", "client", cell_text(quota->client_name)},
		{"quota_bytes", "quota", cell_size(quota->quota_bytes)},
		{"used_bytes", "used", cell_size(quota->used_bytes)},
		{"available_bytes", "available", cell_size(quota->available_bytes)},
		{"used_percent", "used of quota", percent(cli, quota->used_percent, 100, used)},
		{"warning_threshold", "warns at",
		 percent(cli, quota->warning_threshold, 1, warning)},
		{"state", "state", cell_state(sr_quota_state_name(quota->state))},
	};

	if (cli->json)
		output_document(&cli->out, json_of_quota(quota));
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

static int show_one(struct cli *cli, const char *name)
{
	sr_catalog *catalog;
	sr_client *client;
	sr_quota *quota;
	sr_status rc;
	int code;

	if ((code = cli_open_client(cli, CLI_READ, name, &catalog, &client)) != DONE)
		return code;
	if ((rc = sr_quota_get(catalog, &client->id, &quota)) == SR_OK)
		show(cli, quota);
	else
		code = cli_failed(cli, rc);
	sr_quota_free(quota);
	return cli_close_client(cli, catalog, client, code);
}

/* ---- All ---- */

static void list_row(struct cli *cli, struct listing *rows, const sr_quota *quota)
{
	char text[40];

	if (cli->json) {
		listing_object(rows, json_of_quota(quota));
		return;
	}
	const struct cell cells[] = {
		cell_text(quota->client_name),       cell_size(quota->quota_bytes),
		cell_size(quota->used_bytes),        cell_size(quota->available_bytes),
		cell_string(bar(quota, text)),       cell_real(quota->used_percent),
		cell_real(quota->warning_threshold), cell_state(sr_quota_state_name(quota->state)),
	};

	listing_row(rows, cells);
}

static int list(struct cli *cli, sr_catalog *catalog)
{
	static const struct column columns[] = {
		{"client", "CLIENT", COLUMN_CUT_END},
		{"quota_bytes", "QUOTA", COLUMN_RIGHT},
		{"used_bytes", "USED", COLUMN_RIGHT},
		{"available_bytes", "AVAILABLE", COLUMN_RIGHT},
		{"used_of_quota", "", COLUMN_PEOPLE},
		{"used_percent", "", COLUMN_EXACT},
		{"warning_threshold", "", COLUMN_EXACT},
		{"state", "STATE", 0},
	};
	const sr_quota *quota = NULL;
	struct listing *rows;
	sr_quotas *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_quota_list(catalog, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_quotas_next(cursor, &quota)) == SR_OK &&
	       quota != NULL)
		list_row(cli, rows, quota);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No clients.", NULL);
	sr_quotas_close(cursor);
	return code;
}

static int list_all(struct cli *cli)
{
	sr_catalog *catalog;
	int code;

	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog, list(cli, catalog));
}

static int quota_list(struct cli *cli)
{
	int code = cli_arguments(cli, NULL, NULL);

	return code == DONE ? list_all(cli) : code;
}

static int quota_show(struct cli *cli)
{
	const char *name = NULL;
	const arg_operand operands[] = {
		{"CLIENT", ARG_OPTIONAL, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE)
		return code;
	return name != NULL ? show_one(cli, name) : list_all(cli);
}

/* ---- Set and clear ---- */

/* What --warn says; NAN without it. */
static int take_warning(struct cli *cli, const char *text, double *warning)
{
	*warning = (double)NAN;
	if (text == NULL)
		return DONE;
	if (sr_part_parse("--warn", text, warning) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if (*warning > 0)
		return DONE;
	return cli_usage(cli, "--warn \"%s\" would always warn: give more than 0%%", text);
}

static void say_set(struct cli *cli, const sr_quota *quota)
{
	char size[32], used[32];

	size_print(quota->quota_bytes, size);
	size_print(quota->used_bytes, used);
	cli_say(cli, "The quota of client %s is %s, of which %s are used.", quota->client_name.data,
		size, used);
	if (quota->state == SR_QUOTA_EXCEEDED)
		cli_note(cli,
			 "client %s uses %" PRId64 " bytes, %" PRId64
			 " more than its quota; nothing is lost, and nothing more fits",
			 quota->client_name.data, quota->used_bytes,
			 quota->used_bytes - quota->quota_bytes);
}

static int quota_set(struct cli *cli)
{
	const char *name = NULL, *size = NULL, *warn = NULL;
	const arg_option options[] = {
		{"warn", 0, ARG_VALUE, &warn},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{"SIZE", ARG_REQUIRED, &size},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	sr_quota *quota;
	int64_t bytes;
	double warning;
	sr_status rc;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE || (code = take_warning(cli, warn, &warning)) != DONE)
		return code;
	if (sr_size_parse(size, &bytes) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if ((code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	if ((rc = sr_quota_set(catalog, &client->id, bytes, warning, &quota)) != SR_OK) {
		code = cli_failed(cli, rc);
	} else {
		say_set(cli, quota);
		if (cli->out.format != OUTPUT_TABLE)
			show(cli, quota);
	}
	sr_quota_free(quota);
	return cli_close_client(cli, catalog, client, code);
}

static int quota_clear(struct cli *cli)
{
	const char *name = NULL;
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	bool cleared = false;
	sr_catalog *catalog;
	sr_client *client;
	sr_status rc;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	if ((rc = sr_quota_clear(catalog, &client->id, &cleared)) != SR_OK)
		code = cli_failed(cli, rc);
	else if (cli->json)
		output_document(&cli->out, json_pack("{s:o, s:b}", "client", json_of(client->name),
						     "cleared", (int)cleared));
	if (code == DONE)
		cli_say(cli,
			cleared ? "Client %s has no quota any more." : "Client %s had no quota.",
			client->name.data);
	return cli_close_client(cli, catalog, client, code);
}

/* ---- For the whole catalog ---- */

static int show_default(struct cli *cli, sr_catalog *catalog)
{
	char text[40];
	double warning;
	int64_t bytes;
	sr_status rc = sr_quota_default_get(catalog, &bytes, &warning);

	if (rc != SR_OK)
		return cli_failed(cli, rc);
	const struct field fields[] = {
		{"quota_bytes", "quota",
		 bytes == SR_NULL_INTEGER && cli->out.format == OUTPUT_TABLE ? cell_string("none")
									     : cell_size(bytes)},
		{"warning_threshold", "warns at", percent(cli, warning, 1, text)},
	};

	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:o, s:o}", "quota_bytes", json_of_integer(bytes),
					  "warning_threshold", json_of_real(warning)));
	else
		output_fields(&cli->out, fields, 2);
	return DONE;
}

static int quota_default(struct cli *cli)
{
	const char *size = NULL, *warn = NULL;
	const arg_option options[] = {
		{"warn", 0, ARG_VALUE, &warn},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"SIZE", ARG_OPTIONAL, &size},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int64_t bytes = SR_NULL_INTEGER;
	sr_catalog *catalog;
	double warning;
	sr_status rc;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE || (code = take_warning(cli, warn, &warning)) != DONE)
		return code;
	if (warn != NULL && (size == NULL || strcmp(size, "none") == 0))
		return cli_usage(cli, "--warn goes with a SIZE");
	if (size != NULL && strcmp(size, "none") != 0 && sr_size_parse(size, &bytes) != SR_OK)
		return cli_usage(cli, "%s, nor \"none\"", sr_error_message());
	if ((code = cli_open(cli, size ? CLI_WRITE : CLI_READ, &catalog)) != DONE)
		return code;
	if (size != NULL && (rc = sr_quota_default_set(catalog, bytes, warning)) != SR_OK)
		code = cli_failed(cli, rc);
	else
		code = show_default(cli, catalog);
	return cli_close(cli, catalog, code);
}

static int show_enforce(struct cli *cli, sr_catalog *catalog)
{
	bool enforce;
	sr_status rc = sr_quota_enforce_get(catalog, &enforce);

	if (rc != SR_OK)
		return cli_failed(cli, rc);
	const struct field fields[] = {
		{"enforce", "other programs are refused", cell_flag(enforce)},
	};

	if (cli->json)
		output_document(&cli->out, json_pack("{s:b}", "enforce", (int)enforce));
	else
		output_fields(&cli->out, fields, 1);
	return DONE;
}

static int quota_enforce(struct cli *cli)
{
	const char *word = NULL;
	const arg_operand operands[] = {
		{"on|off", ARG_OPTIONAL, &word},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_status rc;
	bool on;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE)
		return code;
	on = word != NULL && strcmp(word, "on") == 0;
	if (word != NULL && !on && strcmp(word, "off") != 0)
		return cli_usage(cli, "\"%s\" is neither on nor off", word);
	if ((code = cli_open(cli, word ? CLI_WRITE : CLI_READ, &catalog)) != DONE)
		return code;
	if (word != NULL && (rc = sr_quota_enforce_set(catalog, on)) != SR_OK)
		code = cli_failed(cli, rc);
	else
		code = show_enforce(cli, catalog);
	return cli_close(cli, catalog, code);
}

int cmd_quota(struct cli *cli)
{
	static const command table[] = {
		{"set", NULL, NULL, quota_set},
		{"clear", NULL, NULL, quota_clear},
		{"show", NULL, NULL, quota_show},
		{"list", NULL, NULL, quota_list},
		{"default", NULL, NULL, quota_default},
		{"enforce", NULL, NULL, quota_enforce},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, table);
}
