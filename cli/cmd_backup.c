#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_backup.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "passphrase.h"
#include "steps.h"

const char help_backup[] =
	"usage: strongroom backup [FILE | FOLDER] [--compress] [--encrypt | --key-file F]\n"
	"       strongroom backup [FOLDER] --keep-… N [--dry-run]\n"
	"       strongroom backup verify FILE [--key-file F] [--full-check]\n"
	"\n"
	"Copies the catalog's database while others read and write it. The copy is read\n"
	"back from the disk and compared row by row before it gets its name; nothing is\n"
	"overwritten. Without FILE it is NAME_backup_YYYYmmdd_HHMMSS.db beside the\n"
	"database, or in FOLDER. verify checks such a file. The files that clients have\n"
	"stored are not in it.\n"
	"\n"
	"  --compress       with zstd; `zstd -d` gives the database back\n"
	"  --encrypt        with a passphrase, asked for on the terminal\n"
	"  --key-file F     with F's bytes, less a last newline, as the passphrase\n"
	"  --full-check     also every entry of every index: many times as long\n"
	"\n"
	"With a keep rule, those backups in the folder that no rule keeps are removed\n"
	"afterwards, if this command has made and named them; --dry-run makes no backup\n"
	"and shows what would become of those that are there.\n"
	"\n" KEEP_HELP "  --dry-run          make no backup, and show what the rules would remove\n"
	"\n"
	"example:\n"
	"  strongroom backup --compress --key-file /root/backup.key /mnt/backups \\\n"
	"      --keep-daily 7 --keep-weekly 4 --keep-monthly 12\n";

/* What was typed. */
struct typed {
	const char *first;
	const char *second;
	const char *key_file;
	bool compress;
	bool encrypt;
	bool full_check;
	bool dry_run;
	struct keep_words keep;
};

/* ---- Writing one ---- */

static void print_backup(struct cli *cli, const sr_backed_up *b)
{
	char tables[32], rows[32];
	char *verified;
	const struct field fields[] = {
		{"path", "backup", cell_string(b->path)},
		{"bytes", "size", cell_size(b->bytes)},
		{"database_bytes", "database", cell_size(b->database_bytes)},
		{"version", "version", cell_number(b->schema_version)},
		{"compressed", "compressed", cell_flag(b->compressed)},
		{"encrypted", "encrypted", cell_flag(b->encrypted)},
		{"seconds", "seconds", cell_real(round(b->seconds * 1000) / 1000)},
	};

	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
	count_print(b->tables, tables);
	count_print(b->rows, rows);
	verified = must_print(
		"Verified: structure; %s rows of %s tables, each compared%s.", rows, tables,
		b->encrypted || b->compressed ? "; unpacked again, byte for byte" : "");
	cli_say(cli, "%s", verified);
	free(verified);
}

static json_t *json_of_backup(const sr_backed_up *b)
{
	return json_pack("{s:o, s:I, s:f, s:b, s:b, s:b, s:i, s:I, s:I, s:I, s:f}", "path",
			 json_of_path(b->path), "bytes", (json_int_t)b->bytes, "seconds",
			 b->seconds, "verified", 1, "compressed", (int)b->compressed, "encrypted",
			 (int)b->encrypted, "version", b->schema_version, "database_bytes",
			 (json_int_t)b->database_bytes, "tables", (json_int_t)b->tables, "rows",
			 (json_int_t)b->rows, "seconds_copying", b->seconds_copying);
}

/* One that cannot be written can be backed up all the same: on a medium that only reads, or on a
 * full disk. */
static int open_any(struct cli *cli, sr_catalog **catalog)
{
	sr_options options;
	sr_status rc;

	cli_options(cli, &options);
	rc = sr_open(catalog, &options);
	if (rc == SR_OK)
		return DONE;
	if (rc == SR_READ_ONLY || rc == SR_PERMISSION || rc == SR_NOT_FOUND || rc == SR_NO_SPACE)
		return cli_open(cli, CLI_READ, catalog);
	return cli_failed(cli, rc);
}

/* The backup with what became of the older ones; keep NULL: nothing. */
static int report(struct cli *cli, const sr_backed_up *done, const sr_keep *keep)
{
	json_t *document = cli->json ? json_of_backup(done) : NULL;
	int code = DONE;

	if (!cli->json)
		print_backup(cli, done);
	if (keep != NULL)
		code = backup_rotate(cli, done->path, keep, document);
	if (cli->json)
		output_document(&cli->out, document);
	return code;
}

static int back_up(struct cli *cli, const struct typed *typed, const struct passphrase *passphrase,
		   const sr_keep *keep)
{
	struct steps steps;
	sr_backup_options how;
	sr_backed_up done;
	sr_catalog *catalog;
	sr_status rc;
	int code;

	if ((code = open_any(cli, &catalog)) != DONE)
		return code;
	sr_backup_options_init(&how);
	how.path = typed->first;
	how.compress = typed->compress;
	how.key = passphrase->bytes;
	how.key_length = passphrase->length;
	how.progress = steps_show;
	how.progress_arg = &steps;
	interrupt_watch();
	steps_begin(&steps, cli);
	rc = sr_backup(catalog, &how, &done);
	steps_end(&steps);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else
		code = report(cli, &done, keep);
	return cli_close(cli, catalog, code);
}

/* ---- Verifying one ---- */

static void print_report(struct cli *cli, const char *path, const sr_backup_report *r)
{
	const struct field fields[] = {
		{"path", "backup", cell_string(path)},
		{"bytes", "size", cell_size(r->bytes)},
		{"database_bytes", "database", cell_size(r->database_bytes)},
		{"version", "version", cell_number(r->schema_version)},
		{"compressed", "compressed", cell_flag(r->compressed)},
		{"encrypted", "encrypted", cell_flag(r->encrypted)},
		{"tables", "tables", cell_integer(r->tables)},
		{"rows", "rows", cell_integer(r->rows)},
	};

	if (cli->json) {
		output_document(&cli->out,
				json_pack("{s:o, s:b, s:I, s:I, s:i, s:b, s:b, s:I, s:I}", "path",
					  json_of_path(path), "verified", 1, "bytes",
					  (json_int_t)r->bytes, "database_bytes",
					  (json_int_t)r->database_bytes, "version",
					  r->schema_version, "compressed", (int)r->compressed,
					  "encrypted", (int)r->encrypted, "tables",
					  (json_int_t)r->tables, "rows", (json_int_t)r->rows));
		return;
	}
	output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
	cli_say(cli, "Whole: every table was read to its last row.");
}

static sr_status verify_once(struct cli *cli, const struct typed *typed,
			     const struct passphrase *passphrase, sr_backup_report *report)
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
	rc = sr_backup_verify(&options, typed->second, &how, report);
	steps_end(&steps);
	return rc;
}

static int verify(struct cli *cli, const struct typed *typed, struct passphrase *passphrase)
{
	sr_backup_report report;
	sr_status rc = verify_once(cli, typed, passphrase, &report);
	int code;

	if (rc == SR_WRONG_KEY && passphrase->bytes == NULL && passphrase_can_ask()) {
		if ((code = passphrase_ask(cli, "Passphrase of the backup", false, passphrase)) !=
		    DONE)
			return code;
		rc = verify_once(cli, typed, passphrase, &report);
	}
	if (rc == SR_CORRUPT) {
		cli_failed(cli, rc);
		return UNHEALTHY;
	}
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	print_report(cli, typed->second, &report);
	return DONE;
}

/* ---- Which ---- */

static int check(struct cli *cli, const struct typed *typed, bool verifies, bool rules)
{
	if (verifies && typed->second == NULL)
		return cli_usage(cli, "FILE is missing: which backup is to be verified");
	if (!verifies && typed->second != NULL)
		return cli_usage(cli, "unexpected argument \"%s\"", typed->second);
	if (verifies && (rules || typed->dry_run))
		return cli_usage(cli, "keep rules and --dry-run are not for: backup verify");
	if (typed->dry_run && !rules)
		return cli_usage(cli, "--dry-run shows what keep rules would do: give one");
	if (verifies && (typed->compress || typed->encrypt))
		return cli_usage(cli, "--compress and --encrypt are for writing a backup");
	if (!verifies && typed->full_check)
		return cli_usage(cli, "--full-check is for: backup verify");
	if (typed->encrypt && typed->key_file != NULL)
		return cli_usage(cli, "--encrypt asks for a passphrase, --key-file brings it: give "
				      "one of them");
	return DONE;
}

/* What is asked for, once it is known to make sense. */
static int carry_out(struct cli *cli, const struct typed *typed, bool verifies, const sr_keep *keep)
{
	struct passphrase passphrase = {NULL, 0};
	int code = DONE;

	if (typed->dry_run)
		return backup_rotate_dry(cli, typed->first, keep);
	if (typed->key_file != NULL)
		code = passphrase_from_file(cli, typed->key_file, &passphrase);
	else if (typed->encrypt)
		code = passphrase_ask(cli, "Passphrase for the backup", true, &passphrase);
	if (code == DONE)
		code = verifies ? verify(cli, typed, &passphrase)
				: back_up(cli, typed, &passphrase, keep);
	passphrase_free(&passphrase);
	return code;
}

int cmd_backup(struct cli *cli)
{
	struct typed typed = {.first = NULL};
	const arg_option options[] = {
		{"compress", 0, ARG_FLAG, &typed.compress},
		{"encrypt", 0, ARG_FLAG, &typed.encrypt},
		{"key-file", 0, ARG_VALUE, &typed.key_file},
		{"full-check", 0, ARG_FLAG, &typed.full_check},
		{"dry-run", 0, ARG_FLAG, &typed.dry_run},
		KEEP_OPTIONS(typed.keep),
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"FILE", ARG_OPTIONAL, &typed.first},
		{"FILE", ARG_OPTIONAL, &typed.second},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_keep keep;
	bool verifies, rules;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE || (code = keep_parse(cli, &typed.keep, &keep)) != DONE)
		return code;
	verifies = typed.first != NULL && strcmp(typed.first, "verify") == 0;
	rules = sr_keep_any(&keep);
	if ((code = check(cli, &typed, verifies, rules)) != DONE)
		return code;
	return carry_out(cli, &typed, verifies, rules ? &keep : NULL);
}
