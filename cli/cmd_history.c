#include "cli.h"
#include "json.h"

const char help_history[] =
	"usage: strongroom history CLIENT PATH\n"
	"\n"
	"Every version of a file, oldest first. A file that never changed has one.\n"
	"\n"
	"example:\n"
	"  strongroom history laptop /etc/hosts\n";

static void row(struct cli *cli, struct listing *list, const sr_file_version *v)
{
	if (cli->json) {
		listing_object(list, json_of_version(v));
		return;
	}
	const struct cell cells[] = {
		cell_number(v->number),
		cell_size(v->size),
		cell_time(v->date),
		cell_time(v->created),
		cell_number(v->crc),
		cell_text(v->hash),
		cell_state(v->active ? "current" : NULL),
		cell_flag(v->active),
		cell_text(v->path),
		cell_number(v->id),
		cell_number(v->parent),
	};

	listing_row(list, cells);
}

static int list(struct cli *cli, sr_catalog *catalog, const sr_id *client, const char *path)
{
	static const struct column columns[] = {
		{"version", "VERSION", COLUMN_RIGHT}, {"size", "SIZE", COLUMN_RIGHT},
		{"date", "MODIFIED", COLUMN_DATE},    {"created", "RECORDED", COLUMN_DATE},
		{"crc", "CKSUM", COLUMN_RIGHT},       {"hash", "", COLUMN_EXACT},
		{"mark", "", COLUMN_PEOPLE},          {"active", "", COLUMN_EXACT},
		{"path", "", COLUMN_EXACT},           {"id", "", COLUMN_EXACT},
		{"parent", "", COLUMN_EXACT},
	};
	const sr_file_version *version = NULL;
	struct listing *rows;
	sr_versions *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_version_list(catalog, client, sr_text_of(path), &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_versions_next(cursor, &version)) == SR_OK &&
	       version != NULL)
		row(cli, rows, version);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, NULL, NULL);
	sr_versions_close(cursor);
	return code;
}

int cmd_history(struct cli *cli)
{
	const char *name = NULL;
	const char *path = NULL;
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{"PATH", ARG_REQUIRED, &path},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_READ, name, &catalog, &client)) != DONE)
		return code;
	code = list(cli, catalog, &client->id, path);
	return cli_close_client(cli, catalog, client, code);
}
