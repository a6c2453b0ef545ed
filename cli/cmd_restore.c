#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "interrupt.h"
#include "json.h"
#include "passphrase.h"
#include "steps.h"

const char help_restore[] =
	"usage: strongroom restore FILE [--key-file F] [--full-check]\n"
	"\n"
	"Puts the catalog that a backup holds in the place of the present one. The backup\n"
	"is checked whole first and brought to this program's version; then the present\n"
	"catalog is backed up beside itself, and replaced in one transaction: whoever has\n"
	"it open goes on, and sees the restored one. A database that is damaged is set\n"
	"aside with its log instead, once nobody has it open. Stored files are not\n"
	"touched.\n"
	"\n"
	"  --key-file F     of an encrypted backup; without, it is asked for\n"
	"  --full-check     also every entry of every index: many times as long\n"
	"\n"
	"example:\n"
	"  strongroom restore catalog.db_backup_20260131_093000.db\n";

struct typed {
	const char *file;
	const char *key_file;
	bool full_check;
};

static sr_status restore_once(struct cli *cli, const struct typed *typed,
			      const struct passphrase *passphrase, sr_restored *done)
{
	struct steps steps;
	sr_backup_read_options how;
	sr_options options;
	sr_status rc;

	cli_options(cli, &options);
	sr_backup_read_options_init(&how);
	how.key = passphrase->bytes;
	how.key_length = passphrase->length;
	how.full_check = typed->full_check;
	how.progress = steps_show;
	how.progress_arg = &steps;
	interrupt_watch();
	steps_begin(&steps, cli);
	rc = sr_restore(&options, typed->file, &how, done);
	steps_end(&steps);
	return rc;
}

static void print_json(struct cli *cli, const struct typed *typed, const sr_restored *done)
{
	output_document(&cli->out,
			json_pack("{s:o, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:f, s:b, s:I}", "path",
				  json_of_path(done->path), "backup", json_of_path(typed->file),
				  "kept", json_of_path(done->kept), "set_aside",
				  json_of_path(done->set_aside), "from_version", done->from_version,
				  "version", done->version, "tables", (json_int_t)done->tables,
				  "rows", (json_int_t)done->rows, "seconds", done->seconds,
				  "keys_plain", (int)done->keys_plain, "keys_lost",
				  (json_int_t)done->keys_lost));
}

static void print(struct cli *cli, const struct typed *typed, const sr_restored *done)
{
	const struct field fields[] = {
		{"path", "restored", cell_string(done->path)},
		{"backup", "from", cell_string(typed->file)},
		{"from_version", NULL, cell_number(done->from_version)},
		{"version", "version", cell_number(done->version)},
		{"tables", "tables", cell_integer(done->tables)},
		{"rows", "rows", cell_integer(done->rows)},
		{"kept", NULL, cell_string(done->kept[0] ? done->kept : NULL)},
		{"set_aside", NULL, cell_string(done->set_aside[0] ? done->set_aside : NULL)},
	};

	if (cli->json) {
		print_json(cli, typed, done);
		return;
	}
	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
	if (done->version != done->from_version)
		cli_say(cli, "The backup was of version %d, and is upgraded to %d.",
			done->from_version, done->version);
	if (done->kept[0])
		cli_say(cli, "The catalog as it was: %s", done->kept);
	if (done->set_aside[0])
		cli_say(cli, "The damaged database: %s", done->set_aside);
}

/* Whether there is something that people may want to keep. */
static int confirm(struct cli *cli, const struct typed *typed)
{
	sr_migration_status *status;
	sr_options options;
	bool there = true;

	cli_options(cli, &options);
	if (sr_migration_status_get(&options, &status) == SR_OK) {
		there = status->database_exists;
		sr_migration_status_free(status);
	}
	return there ? cli_confirm(cli, "Replace the present catalog by %s", typed->file) : DONE;
}

static int restore(struct cli *cli, const struct typed *typed, struct passphrase *passphrase)
{
	sr_restored done;
	sr_status rc = restore_once(cli, typed, passphrase, &done);
	int code;

	if (rc == SR_WRONG_KEY && passphrase->bytes == NULL && passphrase_can_ask()) {
		if ((code = passphrase_ask(cli, "Passphrase of the backup", false, passphrase)) !=
		    DONE)
			return code;
		rc = restore_once(cli, typed, passphrase, &done);
	}
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	print(cli, typed, &done);
	return DONE;
}

int cmd_restore(struct cli *cli)
{
	struct passphrase passphrase = {NULL, 0};
	struct typed typed = {.file = NULL};
	const arg_option options[] = {
		{"key-file", 0, ARG_VALUE, &typed.key_file},
		{"full-check", 0, ARG_FLAG, &typed.full_check},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"FILE", ARG_REQUIRED, &typed.file},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if (typed.key_file != NULL &&
	    (code = passphrase_from_file(cli, typed.key_file, &passphrase)) != DONE)
		return code;
	if ((code = confirm(cli, &typed)) == DONE)
		code = restore(cli, &typed, &passphrase);
	passphrase_free(&passphrase);
	return code;
}
