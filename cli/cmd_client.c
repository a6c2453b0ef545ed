#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_client.h"
#include "json.h"
#include "key_file.h"
#include "memory.h"
#include "plural.h"

const char help_client[] =
	"usage: strongroom client add NAME [--id HEX] [--public-key FILE]\n"
	"       strongroom client list [--stale SPAN]\n"
	"       strongroom client show CLIENT\n"
	"       strongroom client update CLIENT [--name NEW] [--public-key FILE |\n"
	"                                       --no-public-key] [--last-seen DATE]\n"
	"       strongroom client delete CLIENT [--shred [--backups FOLDER]...\n"
	"                                       [--passphrase-file F]]\n"
	"       strongroom client import FILE\n"
	"\n"
	"CLIENT is a name or an id. A name is 1 to 255 bytes without control characters.\n"
	"\n"
	"  --id HEX           the client's id, 32 hex digits; else a new one\n"
	"  --public-key FILE  PEM or DER; kept as X.509 DER\n"
	"  --no-public-key    forget the key\n"
	"  --name NEW         rename it\n"
	"  --last-seen DATE   2026-01-31, 2026-01-31T09:30Z, or 7d ago\n"
	"  --shred            destroy its AES key, in free pages and the log as well\n"
	"  --backups FOLDER   and in each backup there, not below; may be given again\n"
	"  --passphrase-file F  of encrypted backups there\n"
	"  --stale SPAN       only clients silent for longer: 90s, 12h, 7d, 4w\n"
	"\n"
	"A client is silent since it was last seen or had a file recorded, whichever is\n"
	"later. delete also deletes the records of the client's files; stored files stay.\n"
	"With --shred all other keys are wrapped under a new master key, and the old ones\n"
	"are destroyed: backups elsewhere have no readable AES keys afterwards. It lists\n"
	"those that it knows of, and asks. A deleted client that backups still have goes\n"
	"by its id.\n"
	"import reads CSV with a heading, JSON lines or a JSON array, with the columns\n"
	"name, id, public_key (hex, base64 or PEM) and last_seen. A known id, or without\n"
	"id a known name, is updated; what a row does not give stays. All rows are taken,\n"
	"or none.\n"
	"\n"
	"example:\n"
	"  strongroom client add laptop --public-key laptop.pem\n";

/* A client of that id must not be renamed by adding it again. */
static sr_status check_new(struct cli *cli, sr_catalog *catalog, const char *name, const sr_id *id,
			   int *code)
{
	char text[SR_ID_TEXT_SIZE];
	sr_client *there;
	sr_status rc = sr_client_by_id(catalog, id, &there);

	if (rc == SR_NOT_FOUND)
		return SR_OK;
	if (rc != SR_OK) {
		*code = cli_failed(cli, rc);
		return rc;
	}
	sr_id_format(id, text);
	*code = cli_fail(cli, SR_EXISTS, "cannot add client \"%s\": the id %s is taken by \"%s\"",
			 name, text, there->name.data);
	sr_client_free(there);
	return SR_EXISTS;
}

/* Likewise where the name is taken. */
static sr_status check_name(struct cli *cli, sr_catalog *catalog, sr_text name, int *code)
{
	char text[SR_ID_TEXT_SIZE];
	sr_client *there;

	/* What is no name at all is told by the save. */
	if (sr_client_by_name(catalog, name, &there) != SR_OK)
		return SR_OK;
	sr_id_format(&there->id, text);
	*code = cli_fail(cli, SR_EXISTS,
			 "there is a client \"%s\" already, its id is %s; change it with: "
			 "strongroom client update",
			 name.data, text);
	sr_client_free(there);
	return SR_EXISTS;
}

/* The look and the save in one transaction, so that nobody comes in between. */
static int add(struct cli *cli, sr_catalog *catalog, const sr_client *client)
{
	char id[SR_ID_TEXT_SIZE];
	sr_status rc;
	int code = DONE;

	if ((rc = sr_begin(catalog, "client add")) != SR_OK)
		return cli_failed(cli, rc);
	if (check_new(cli, catalog, client->name.data, &client->id, &code) == SR_OK &&
	    check_name(cli, catalog, client->name, &code) == SR_OK &&
	    ((rc = sr_client_save(catalog, client, 1, NULL)) != SR_OK ||
	     (rc = sr_commit(catalog)) != SR_OK))
		code = cli_failed(cli, rc);
	if (code != DONE) {
		cli_rollback(catalog);
		return code;
	}
	sr_id_format(&client->id, id);
	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:s, s:o}", "id", id, "name", json_of(client->name)));
	else if (cli->out.format != OUTPUT_TABLE)
		output_line(&cli->out, "%s", id);
	cli_say(cli, "Added client %s, id %s.", client->name.data, id);
	return DONE;
}

static int client_add(struct cli *cli)
{
	const char *name = NULL;
	const char *id = NULL;
	const char *key = NULL;
	const arg_option options[] = {
		{"id", 0, ARG_VALUE, &id},
		{"public-key", 0, ARG_VALUE, &key},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"NAME", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_client client = {0};
	sr_catalog *catalog;
	char *bytes = NULL;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	client.name = sr_text_of(name);
	if (id == NULL)
		sr_id_new(&client.id);
	else if (sr_id_parse(id, &client.id) != SR_OK)
		return cli_usage(cli, "--id: %s", sr_error_message());
	if (key != NULL) {
		if ((code = key_file_read(cli, key, &bytes, &client.public_key.length)) != DONE)
			return code;
		client.public_key.data = bytes;
	}
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) == DONE)
		code = cli_close(cli, catalog, add(cli, catalog, &client));
	free(bytes);
	return code;
}

/* The later of last seen and last recorded; false where neither can be read. */
static bool last_heard(const sr_client *client, int64_t *instant)
{
	const sr_text texts[] = {client->last_seen, client->last_recorded};
	bool known = false;

	for (int i = 0; i < 2; i++) {
		int64_t at;

		if (texts[i].data == NULL || strlen(texts[i].data) != texts[i].length ||
		    sr_time_parse(texts[i].data, &at, NULL) != SR_OK)
			continue;
		if (!known || at > *instant)
			*instant = at;
		known = true;
	}
	return known;
}

static int64_t days_silent(const sr_client *client)
{
	int64_t heard;

	if (!last_heard(client, &heard))
		return SR_NULL_INTEGER;
	return heard >= sr_time_now() ? 0 : (sr_time_now() - heard) / (86400 * INT64_C(1000000));
}

static json_t *json_of_counted(const sr_client *client)
{
	json_t *o = json_of_client(client);

	json_object_set_new(o, "files", json_of_integer(client->files));
	json_object_set_new(o, "bytes", json_of_integer(client->bytes));
	json_object_set_new(o, "last_recorded", json_of(client->last_recorded));
	json_object_set_new(o, "days_silent", json_of_integer(days_silent(client)));
	return o;
}

static void list_row(struct cli *cli, struct listing *list, const sr_client *client)
{
	char id[SR_ID_TEXT_SIZE];

	sr_id_format(&client->id, id);
	if (cli->json) {
		listing_object(list, json_of_counted(client));
		return;
	}
	const struct cell cells[] = {
		cell_string(id),
		cell_text(client->name),
		cell_integer(client->files),
		cell_size(client->bytes),
		cell_time(client->last_recorded),
		cell_time(client->last_seen),
		cell_integer(days_silent(client)),
	};

	listing_row(list, cells);
}

static int list(struct cli *cli, sr_catalog *catalog, int64_t stale_before)
{
	static const struct column columns[] = {
		{"id", "", COLUMN_EXACT},
		{"name", "NAME", COLUMN_CUT_END},
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"last_recorded", "LAST RECORDED", COLUMN_DATE},
		{"last_seen", "LAST SEEN", COLUMN_DATE},
		{"days_silent", "DAYS SILENT", COLUMN_RIGHT},
	};
	const sr_client *client = NULL;
	struct listing *rows;
	sr_clients *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_client_list(catalog, true, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, 7, NULL);
	while (!output_failed(&cli->out) && (rc = sr_clients_next(cursor, &client)) == SR_OK &&
	       client != NULL) {
		int64_t heard;

		if (stale_before == SR_NULL_INTEGER ||
		    (last_heard(client, &heard) && heard < stale_before))
			list_row(cli, rows, client);
	}
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, stale_before == SR_NULL_INTEGER ? "No clients." : "No silent clients.",
		    NULL);
	sr_clients_close(cursor);
	return code;
}

static int client_list(struct cli *cli)
{
	const char *stale = NULL;
	const arg_option options[] = {
		{"stale", 0, ARG_VALUE, &stale},
		{NULL, 0, ARG_FLAG, NULL},
	};
	int64_t before = SR_NULL_INTEGER;
	sr_catalog *catalog;
	int64_t seconds;
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE)
		return code;
	if (stale != NULL) {
		if (sr_span_parse(stale, &seconds) != SR_OK)
			return cli_usage(cli, "--stale: %s", sr_error_message());
		before = seconds < sr_time_now() / 1000000 ? sr_time_now() - seconds * 1000000 : 0;
	}
	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog, list(cli, catalog, before));
}

static void show(struct cli *cli, const sr_client *client)
{
	char id[SR_ID_TEXT_SIZE];

	sr_id_format(&client->id, id);
	const struct field fields[] = {
		{"id", "id", cell_string(id)},
		{"name", "name", cell_text(client->name)},
		{"last_seen", "last seen", cell_text(client->last_seen)},
		{"days_silent", "days silent", cell_integer(days_silent(client))},
		{"files", "files", cell_integer(client->files)},
		{"bytes", "size", cell_size(client->bytes)},
		{"last_recorded", "last recorded", cell_text(client->last_recorded)},
		{"public_key", "public key", cell_blob(client->public_key)},
	};

	if (cli->json) {
		output_document(&cli->out, json_of_counted(client));
		return;
	}
	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

/* One client with its counts, which only the list has. */
static int show_counted(struct cli *cli, sr_catalog *catalog, const sr_id *id)
{
	const sr_client *client = NULL;
	sr_clients *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_client_list(catalog, true, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	while ((rc = sr_clients_next(cursor, &client)) == SR_OK && client != NULL &&
	       memcmp(&client->id, id, sizeof(*id)) != 0)
		;
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (client == NULL)
		code = cli_fail(cli, SR_NOT_FOUND, "the client was deleted meanwhile");
	else
		show(cli, client);
	sr_clients_close(cursor);
	return code;
}

static int client_show(struct cli *cli)
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
	code = show_counted(cli, catalog, &client->id);
	return cli_close_client(cli, catalog, client, code);
}

struct update_words {
	const char *client;
	const char *name;
	const char *key;
	const char *last_seen;
	bool no_key;
};

/* What is to change; *bytes, the key's, is owned. */
static int gather(struct cli *cli, const struct update_words *words, sr_client *changes,
		  unsigned *fields, char **bytes, char when[SR_TIME_TEXT_SIZE])
{
	int64_t instant;

	if (words->no_key && words->key != NULL)
		return cli_usage(cli, "--public-key and --no-public-key exclude each other");
	if (words->name != NULL) {
		changes->name = sr_text_of(words->name);
		*fields |= SR_CLIENT_NAME;
	}
	if (words->last_seen != NULL) {
		if (sr_when_parse(words->last_seen, &instant, NULL) != SR_OK)
			return cli_usage(cli, "--last-seen: %s", sr_error_message());
		sr_time_format(instant, when);
		changes->last_seen = sr_text_of(when);
		*fields |= SR_CLIENT_LAST_SEEN;
	}
	if (words->key != NULL || words->no_key)
		*fields |= SR_CLIENT_PUBLIC_KEY;
	if (*fields == 0)
		return cli_usage(cli, "nothing to update: give --name, --public-key, "
				      "--no-public-key or --last-seen");
	if (words->key != NULL) {
		int code = key_file_read(cli, words->key, bytes, &changes->public_key.length);

		changes->public_key.data = *bytes;
		return code;
	}
	return DONE;
}

static int client_update(struct cli *cli)
{
	struct update_words words = {0};
	const arg_option options[] = {
		{"name", 0, ARG_VALUE, &words.name},
		{"public-key", 0, ARG_VALUE, &words.key},
		{"no-public-key", 0, ARG_FLAG, &words.no_key},
		{"last-seen", 0, ARG_VALUE, &words.last_seen},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &words.client},
		{NULL, ARG_OPTIONAL, NULL},
	};
	char when[SR_TIME_TEXT_SIZE];
	sr_client changes = {0};
	unsigned fields = 0;
	sr_catalog *catalog;
	sr_client *client;
	char *bytes = NULL;
	sr_status rc;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if ((code = gather(cli, &words, &changes, &fields, &bytes, when)) != DONE)
		goto err0;
	if ((code = cli_open_client(cli, CLI_WRITE, words.client, &catalog, &client)) != DONE)
		goto err0;
	changes.id = client->id;
	if ((rc = sr_client_update(catalog, &changes, fields)) != SR_OK)
		code = cli_failed(cli, rc);
	else
		code = show_counted(cli, catalog, &client->id);
	code = cli_close_client(cli, catalog, client, code);
err0:
	free(bytes);
	return code;
}

static int delete (struct cli *cli, sr_catalog *catalog, const char *name)
{
	int64_t files = 0;
	sr_client *client;
	sr_status rc;
	int code;

	if ((code = cli_client(cli, catalog, name, &client)) != DONE)
		return code;
	code = cli_confirm(cli, "Delete client %s and the records of all its files",
			   client->name.data);
	if (code == DONE && (rc = sr_client_delete(catalog, &client->id, &files)) != SR_OK)
		code = cli_failed(cli, rc);
	if (code == DONE && cli->json)
		output_document(&cli->out, json_pack("{s:o, s:I}", "deleted", json_of(client->name),
						     "files", (json_int_t)files));
	else if (code == DONE)
		cli_say(cli, "Deleted client %s and the records of %" PRId64 " %s.",
			client->name.data, files, plural(files, "file", "files"));
	sr_client_free(client);
	return code;
}

static int delete_or_shred(struct cli *cli, const char *name, const struct shred_words *words)
{
	sr_catalog *catalog;
	int code;

	if (!words->shred && (words->folders.count > 0 || words->passphrase_file != NULL))
		return cli_usage(cli, "--backups and --passphrase-file go with --shred");
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	code = words->shred ? client_shred(cli, catalog, name, words) : delete (cli, catalog, name);
	return cli_close(cli, catalog, code);
}

static int client_delete(struct cli *cli)
{
	const char *name = NULL;
	struct shred_words words = {0};
	const arg_option options[] = {
		{"shred", 0, ARG_FLAG, &words.shred},
		{"backups", 0, ARG_LIST, &words.folders},
		{"passphrase-file", 0, ARG_VALUE, &words.passphrase_file},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	if (code == DONE)
		code = delete_or_shred(cli, name, &words);
	args_list_free(&words.folders);
	return code;
}

int cmd_client(struct cli *cli)
{
	static const command parts[] = {
		{"add", NULL, NULL, client_add},
		{"list", NULL, NULL, client_list},
		{"show", NULL, NULL, client_show},
		{"update", NULL, NULL, client_update},
		{"delete", NULL, NULL, client_delete},
		{"import", NULL, NULL, client_import},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
