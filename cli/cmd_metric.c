/* Metrics: a value recorded, those of the last hours, and how long they are kept. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "plural.h"

const char help_metric[] =
	"usage: strongroom metric record NAME VALUE\n"
	"       strongroom metric list NAME [--hours N]\n"
	"       strongroom metric cleanup [--days N]\n"
	"\n"
	"Values that programs measure, kept with the time. A name is 1 to 100 bytes\n"
	"without control characters; a value is a number, behind -- where it is negative.\n"
	"list prints them oldest first.\n"
	"\n"
	"  --hours N  of the last N hours; else 24\n"
	"  --days N   forget what is older than N days; else 7\n"
	"\n"
	"example:\n"
	"  strongroom metric record load 0.42\n";

static int metric_record(struct cli *cli)
{
	const char *name = NULL;
	const char *text = NULL;
	const arg_operand operands[] = {
		{"NAME", ARG_REQUIRED, &name},
		{"VALUE", ARG_REQUIRED, &text},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	double value;
	sr_status rc;
	char *end;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE)
		return code;
	value = strtod(text, &end);
	/* Neither blanks nor hexadecimal nor names of what is no number. */
	if (end == text || *end != '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
		return cli_usage(cli, "VALUE \"%s\" is not a number", text);
	if (!isfinite(value))
		return cli_usage(cli, "VALUE \"%s\" is beyond the largest number, 1.8e308", text);
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	if ((rc = sr_metric_record(catalog, sr_text_of(name), value)) != SR_OK)
		code = cli_failed(cli, rc);
	else if (cli->json)
		output_document(&cli->out,
				json_pack("{s:o, s:o}", "metric_name", json_of(sr_text_of(name)),
					  "value", json_of_real(value)));
	if (code == DONE)
		cli_say(cli, "Recorded %s.", name);
	return cli_close(cli, catalog, code);
}

static void row(struct cli *cli, struct listing *list, const sr_metric *metric)
{
	if (cli->json) {
		listing_object(list, json_pack("{s:s, s:o}", "timestamp", metric->timestamp,
					       "value", json_of_real(metric->value)));
		return;
	}
	const struct cell cells[] = {
		cell_string(metric->timestamp),
		cell_real(metric->value),
	};

	listing_row(list, cells);
}

static int list(struct cli *cli, sr_catalog *catalog, const char *name, int64_t hours)
{
	static const struct column columns[] = {
		{"timestamp", "WHEN", COLUMN_DATE},
		{"value", "VALUE", COLUMN_RIGHT},
	};
	const sr_metric *metric = NULL;
	struct listing *rows;
	sr_metrics *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_metric_list(catalog, sr_text_of(name), hours, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, 2, NULL);
	while (!output_failed(&cli->out) && (rc = sr_metrics_next(cursor, &metric)) == SR_OK &&
	       metric != NULL)
		row(cli, rows, metric);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "Nothing was recorded under that name in that time.", NULL);
	sr_metrics_close(cursor);
	return code;
}

static int metric_list(struct cli *cli)
{
	const char *name = NULL;
	const char *text = NULL;
	const arg_option options[] = {
		{"hours", 0, ARG_VALUE, &text},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"NAME", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	int64_t hours = 24;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if (text != NULL &&
	    sr_number_parse("--hours", text, 1, SR_METRIC_HOURS_MAX, &hours) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog, list(cli, catalog, name, hours));
}

static int cleanup(struct cli *cli, sr_catalog *catalog, int64_t days)
{
	int64_t removed;
	sr_status rc;

	if ((rc = sr_metric_cleanup(catalog, days, &removed)) != SR_OK)
		return cli_failed(cli, rc);
	if (cli->json)
		output_document(&cli->out, json_pack("{s:I}", "removed", (json_int_t)removed));
	else if (cli->out.format != OUTPUT_TABLE)
		output_line(&cli->out, "%" PRId64, removed);
	cli_say(cli, "Removed %" PRId64 " %s.", removed, plural(removed, "value", "values"));
	return DONE;
}

static int metric_cleanup(struct cli *cli)
{
	const char *text = NULL;
	const arg_option options[] = {
		{"days", 0, ARG_VALUE, &text},
		{NULL, 0, ARG_FLAG, NULL},
	};
	sr_catalog *catalog;
	int64_t days = 7;
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE)
		return code;
	if (text != NULL &&
	    sr_number_parse("--days", text, 0, SR_METRIC_HOURS_MAX / 24, &days) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	code = cli_confirm(cli, "Forget all metrics older than %" PRId64 " %s", days,
			   plural(days, "day", "days"));
	if (code == DONE)
		code = cleanup(cli, catalog, days);
	return cli_close(cli, catalog, code);
}

int cmd_metric(struct cli *cli)
{
	static const command parts[] = {
		{"record", NULL, NULL, metric_record},
		{"list", NULL, NULL, metric_list},
		{"cleanup", NULL, NULL, metric_cleanup},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
