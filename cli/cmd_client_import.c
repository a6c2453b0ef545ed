#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cli.h"
#include "cmd_client.h"
#include "import.h"
#include "interrupt.h"
#include "memory.h"

/* The bytes of a key as a row gives it: PEM, hexadecimal or base64. */
static bool key_of(sr_text text, char **bytes, size_t *length)
{
	if (text.length > 5 && memcmp(text.data, "-----", 5) == 0)
		return sr_public_key_read(text, bytes, length) == SR_OK;
	return bytes_from_hex(text, bytes, length) || bytes_from_base64(text, bytes, length);
}

/* The client that a row means, where it is known: by its id, without one by its name. */
static sr_status find(sr_catalog *catalog, sr_text name, const sr_id *id, sr_client **known)
{
	sr_status rc;

	*known = NULL;
	rc = id != NULL ? sr_client_by_id(catalog, id, known)
			: sr_client_by_name(catalog, name, known);
	return rc == SR_NOT_FOUND ? SR_OK : rc;
}

static int save_row(struct cli *cli, sr_catalog *catalog, struct import *import, sr_saved *total)
{
	const sr_text id_text = import_value(import, "id");
	const sr_text key_text = import_value(import, "public_key");
	sr_client client = {0};
	sr_client *known = NULL;
	sr_saved saved = {0};
	char *key = NULL;
	int64_t instant;
	sr_status rc;
	int code = DONE;

	if (id_text.data != NULL && sr_id_parse(id_text.data, &client.id) != SR_OK)
		return import_fail(import, "%s", sr_error_message());
	rc = find(catalog, import_value(import, "name"), id_text.data != NULL ? &client.id : NULL,
		  &known);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	if (known != NULL)
		client = *known;
	else if (id_text.data == NULL)
		sr_id_new(&client.id);
	if (import_value(import, "name").data != NULL)
		client.name = import_value(import, "name");
	if (import_value(import, "last_seen").data != NULL) {
		client.last_seen = import_value(import, "last_seen");
		if (sr_time_parse(client.last_seen.data, &instant, NULL) != SR_OK)
			code = import_fail(import, "last_seen: %s", sr_error_message());
	}
	if (code == DONE && key_text.data != NULL) {
		if (!key_of(key_text, &key, &client.public_key.length))
			code = import_fail(import,
					   "public_key is no hex, base64 or PEM of a public key");
		client.public_key.data = key;
	}
	if (code == DONE && client.name.data == NULL)
		code = import_fail(import, "name is missing");
	if (code == DONE && (rc = sr_client_save(catalog, &client, 1, &saved)) != SR_OK)
		code = import_fail(import, "%s", sr_error_message());
	total->added += saved.added;
	total->changed += saved.changed;
	total->unchanged += saved.unchanged;
	free(key);
	sr_client_free(known);
	return code;
}

static int save_all(struct cli *cli, sr_catalog *catalog, struct import *import, sr_saved *total)
{
	bool more = true;
	sr_status rc;
	int code;

	if ((rc = sr_begin(catalog, "client import")) != SR_OK)
		return cli_failed(cli, rc);
	interrupt_watch();
	while ((code = import_next(import, &more)) == DONE && more) {
		if (interrupt_seen())
			code = cli_fail(cli, SR_INTERRUPTED, "interrupted; nothing was imported");
		else
			code = save_row(cli, catalog, import, total);
		if (code != DONE)
			break;
	}
	if (code == DONE && (rc = sr_commit(catalog)) != SR_OK)
		code = cli_failed(cli, rc);
	if (code != DONE)
		cli_rollback(catalog);
	return code;
}

int client_import(struct cli *cli)
{
	static const char *const known[] = {"name", "id", "public_key", "last_seen", NULL};
	static const char *const ignored[] = {"files", "bytes", "last_recorded", "days_silent",
					      NULL};
	const char *path = NULL;
	const arg_operand operands[] = {
		{"FILE", ARG_REQUIRED, &path},
		{NULL, ARG_OPTIONAL, NULL},
	};
	struct import *import;
	sr_catalog *catalog;
	sr_saved total = {0};
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE || (code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	if ((code = import_open(cli, path, known, ignored, &import)) == DONE) {
		code = save_all(cli, catalog, import, &total);
		import_close(import);
	}
	if (code == DONE)
		saved_print(cli, "clients", &total);
	return cli_close(cli, catalog, code);
}
