#include <inttypes.h>

#include "cmd_file.h"
#include "json.h"

/* The words of all three. */
struct version_words {
	const char *client;
	const char *path;
	const char *number;
};

static int parse(struct cli *cli, struct version_words *words, int64_t *number)
{
	const arg_option options[] = {
		{"version", 0, ARG_VALUE, &words->number},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &words->client},
		{"PATH", ARG_REQUIRED, &words->path},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	*number = SR_NULL_INTEGER;
	if (code != DONE || words->number == NULL)
		return code;
	if (sr_number_parse("--version", words->number, 1, INT64_MAX, number) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	return DONE;
}

static void print_outcome(struct cli *cli, const struct version_words *words, const char *key,
			  int64_t number)
{
	json_t *o = json_object();

	json_object_add_text(o, "client", sr_text_of(words->client));
	json_object_add_text(o, "path", sr_text_of(words->path));
	json_object_set_new(o, key, json_integer(number));
	output_document(&cli->out, o);
}

int file_activate(struct cli *cli)
{
	struct version_words words = {0};
	sr_catalog *catalog;
	sr_client *client;
	int64_t number, fresh;
	sr_status rc;
	int code = parse(cli, &words, &number);

	if (code != DONE)
		return code;
	if (words.number == NULL)
		return cli_usage(cli, "--version is missing; strongroom history shows which "
				      "there are");
	if ((code = cli_open_client(cli, CLI_WRITE, words.client, &catalog, &client)) != DONE)
		return code;
	rc = sr_version_activate(catalog, &client->id, sr_text_of(words.path), number, &fresh);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (cli->json)
		print_outcome(cli, &words, "version", fresh);
	else
		cli_say(cli, "Version %" PRId64 " is current again, as version %" PRId64 ".",
			number, fresh);
	return cli_close_client(cli, catalog, client, code);
}

static int change_pin(struct cli *cli, bool pin)
{
	struct version_words words = {0};
	sr_catalog *catalog;
	sr_client *client;
	int64_t number;
	sr_status rc;
	int code = parse(cli, &words, &number);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_WRITE, words.client, &catalog, &client)) != DONE)
		return code;
	rc = sr_version_pin(catalog, &client->id, sr_text_of(words.path), number, pin, &number);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (cli->json)
		print_outcome(cli, &words, pin ? "pinned" : "unpinned", number);
	else if (pin)
		cli_say(cli, "Version %" PRId64 " is pinned: it is never pruned.", number);
	else
		cli_say(cli, "Version %" PRId64 " is not pinned any more.", number);
	return cli_close_client(cli, catalog, client, code);
}

int file_pin(struct cli *cli)
{
	return change_pin(cli, true);
}

int file_unpin(struct cli *cli)
{
	return change_pin(cli, false);
}
