#include <stdio.h>

#include "cmd_prune.h"
#include "json.h"
#include "keep.h"

/* "unlimited", or the number; null where the rule is not set. */
static json_t *json_of_rule(int64_t number)
{
	if (number == SR_KEEP_UNLIMITED)
		return json_string("unlimited");
	return number == 0 ? json_null() : json_integer(number);
}

static json_t *json_of_policy(const sr_policy *policy)
{
	const sr_keep *keep = &policy->keep;
	json_t *o = json_object();

	json_object_add_text(o, "client", policy->client_name);
	json_object_set_new(o, "keep_last", json_of_rule(keep->last));
	json_object_set_new(o, "keep_daily", json_of_rule(keep->daily));
	json_object_set_new(o, "keep_weekly", json_of_rule(keep->weekly));
	json_object_set_new(o, "keep_monthly", json_of_rule(keep->monthly));
	json_object_set_new(o, "keep_yearly", json_of_rule(keep->yearly));
	json_object_set_new(o, "keep_within_seconds", json_of_rule(keep->within));
	json_object_set_new(o, "updated", json_of(policy->updated));
	return o;
}

enum { RULES = 6, WIDTH = 64 };

/* As they are typed: the number, or a span; "" where the rule is not set. */
static void print_rules(const sr_keep *keep, char texts[RULES][WIDTH])
{
	const int64_t numbers[RULES - 1] = {keep->last, keep->daily, keep->weekly, keep->monthly,
					    keep->yearly};
	char within[SR_KEPT_TEXT_SIZE];

	for (int i = 0; i < RULES - 1; i++) {
		if (numbers[i] == SR_KEEP_UNLIMITED)
			snprintf(texts[i], WIDTH, "unlimited");
		else if (numbers[i] == 0)
			texts[i][0] = '\0';
		else
			snprintf(texts[i], WIDTH, "%lld", (long long)numbers[i]);
	}
	sr_kept_format(SR_KEPT_WITHIN, keep, within);
	snprintf(texts[RULES - 1], WIDTH, "%s", keep->within == 0 ? "" : within + sizeof("within"));
}

static struct cell rule(const char *text)
{
	return cell_string(text[0] != '\0' ? text : NULL);
}

static void show(struct cli *cli, const sr_policy *policy)
{
	char texts[RULES][WIDTH];

	print_rules(&policy->keep, texts);
	const struct field fields[] = {
		{"client", "client", cell_text(policy->client_name)},
		{"keep_last", "keep last", rule(texts[0])},
		{"keep_daily", "keep daily", rule(texts[1])},
		{"keep_weekly", "keep weekly", rule(texts[2])},
		{"keep_monthly", "keep monthly", rule(texts[3])},
		{"keep_yearly", "keep yearly", rule(texts[4])},
		{"keep_within", "keep within", rule(texts[5])},
		{"updated", "set", cell_time(policy->updated)},
	};

	if (cli->json)
		output_document(&cli->out, json_of_policy(policy));
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

static int show_one(struct cli *cli, sr_catalog *catalog, const sr_id *client)
{
	sr_policy *policy;
	sr_status rc;

	if ((rc = sr_policy_get(catalog, client, &policy)) != SR_OK)
		return cli_failed(cli, rc);
	show(cli, policy);
	sr_policy_free(policy);
	return DONE;
}

static int policy_set(struct cli *cli)
{
	struct keep_words words = {0};
	const char *name = NULL;
	const arg_option options[] = {KEEP_OPTIONS(words), {NULL, 0, ARG_FLAG, NULL}};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	sr_keep keep;
	sr_status rc;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE || (code = keep_parse(cli, &words, &keep)) != DONE)
		return code;
	if (!sr_keep_any(&keep))
		return cli_usage(cli,
				 "what is to be kept is missing: --keep-last N, --keep-daily N "
				 "or another rule");
	if ((code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	if ((rc = sr_policy_set(catalog, &client->id, &keep)) != SR_OK)
		code = cli_failed(cli, rc);
	else if (!cli->quiet)
		code = show_one(cli, catalog, &client->id);
	return cli_close_client(cli, catalog, client, code);
}

static int policy_clear(struct cli *cli)
{
	const char *name = NULL;
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	bool cleared = false;
	sr_status rc;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	if ((rc = sr_policy_clear(catalog, &client->id, &cleared)) != SR_OK) {
		code = cli_failed(cli, rc);
	} else if (cli->json) {
		json_t *o = json_object();

		json_object_add_text(o, "client", client->name);
		json_object_set_new(o, "cleared", json_boolean(cleared));
		output_document(&cli->out, o);
	} else {
		cli_say(cli, "%s", cleared ? "The policy is cleared." : "There was no policy.");
	}
	return cli_close_client(cli, catalog, client, code);
}

static int policy_show(struct cli *cli)
{
	const char *name = NULL;
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_READ, name, &catalog, &client)) != DONE)
		return code;
	code = show_one(cli, catalog, &client->id);
	return cli_close_client(cli, catalog, client, code);
}

static void list_row(struct cli *cli, struct listing *rows, const sr_policy *policy)
{
	char texts[RULES][WIDTH];

	if (cli->json) {
		listing_object(rows, json_of_policy(policy));
		return;
	}
	print_rules(&policy->keep, texts);
	const struct cell cells[] = {
		cell_text(policy->client_name),
		rule(texts[0]),
		rule(texts[1]),
		rule(texts[2]),
		rule(texts[3]),
		rule(texts[4]),
		rule(texts[5]),
		cell_time(policy->updated),
	};

	listing_row(rows, cells);
}

static int policy_list(struct cli *cli)
{
	static const struct column columns[] = {
		{"client", "CLIENT", COLUMN_CUT_END},      {"keep_last", "LAST", COLUMN_RIGHT},
		{"keep_daily", "DAILY", COLUMN_RIGHT},     {"keep_weekly", "WEEKLY", COLUMN_RIGHT},
		{"keep_monthly", "MONTHLY", COLUMN_RIGHT}, {"keep_yearly", "YEARLY", COLUMN_RIGHT},
		{"keep_within", "WITHIN", COLUMN_RIGHT},   {"updated", "", COLUMN_EXACT},
	};
	const sr_policy *policy = NULL;
	struct listing *rows;
	sr_policies *cursor;
	sr_catalog *catalog;
	sr_status rc;
	int code = cli_arguments(cli, NULL, NULL);

	if (code != DONE || (code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	if ((rc = sr_policy_list(catalog, &cursor)) != SR_OK)
		return cli_close(cli, catalog, cli_failed(cli, rc));
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_policies_next(cursor, &policy)) == SR_OK &&
	       policy != NULL)
		list_row(cli, rows, policy);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No client has a policy.", NULL);
	sr_policies_close(cursor);
	return cli_close(cli, catalog, code);
}

int prune_policy(struct cli *cli)
{
	static const command parts[] = {
		{"set", NULL, NULL, policy_set},   {"clear", NULL, NULL, policy_clear},
		{"show", NULL, NULL, policy_show}, {"list", NULL, NULL, policy_list},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
