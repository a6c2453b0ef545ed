#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_file.h"
#include "file_listing.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "message.h"
#include "plural.h"
#include "progress.h"

struct verified {
	int64_t verified;
	int64_t failed;
	int64_t not_stored; /* Only catalogued: there is nothing to read. */
};

/* The keys of a client's stored files wait in a file without a name: reading the files takes
 * long, and an open cursor would hold the database's log back all the while. */
static int put_key(FILE *keys, sr_text key)
{
	return fwrite(&key.length, sizeof(key.length), 1, keys) == 1 &&
			       fwrite(key.data, 1, key.length, keys) == key.length
		       ? DONE
		       : FAILED;
}

static char *get_key(FILE *keys, size_t *length)
{
	char *key;

	if (fread(length, sizeof(*length), 1, keys) != 1)
		return NULL;
	key = must_alloc(*length + 1);
	if (fread(key, 1, *length, keys) != *length) {
		free(key);
		return NULL;
	}
	return key;
}

static int gather(struct cli *cli, sr_catalog *catalog, const sr_id *client, FILE *keys,
		  int64_t *stored, struct verified *result)
{
	const sr_file *file = NULL;
	sr_files *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_file_list(catalog, client, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	while (code == DONE && (rc = sr_files_next(cursor, &file)) == SR_OK && file != NULL) {
		if (!file->stored) {
			result->not_stored++;
			continue;
		}
		++*stored;
		if (put_key(keys, file_key(file)) != DONE)
			code = cli_fail(cli, SR_IO, "cannot keep the list of files: %s",
					strerror(errno));
	}
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	sr_files_close(cursor);
	return code;
}

/* One file; only what ends all the rest is an error. */
static int verify(struct cli *cli, sr_catalog *catalog, const sr_id *client, sr_text key,
		  struct verified *result)
{
	sr_status rc = sr_file_verify(catalog, client, key);

	switch (rc) {
	case SR_OK:
		result->verified++;
		return DONE;
	case SR_CORRUPT:
	case SR_NOT_FOUND:
	case SR_IO:
	case SR_PERMISSION:
	case SR_REFUSED:
	case SR_INVALID:
		result->failed++;
		message_failed(key, sr_error_message());
		return DONE;
	default:
		return cli_failed(cli, rc);
	}
}

static int verify_all(struct cli *cli, sr_catalog *catalog, const sr_id *client,
		      struct verified *result)
{
	FILE *keys = tmpfile();
	struct progress progress;
	int64_t stored = 0;
	int64_t seen = 0;
	size_t length;
	char *key;
	int code;

	if (keys == NULL)
		return cli_fail(cli, SR_IO, "cannot keep the list of files: %s", strerror(errno));
	code = gather(cli, catalog, client, keys, &stored, result);
	rewind(keys);
	progress_begin(&progress, cli);
	interrupt_watch();
	while (code == DONE && (key = get_key(keys, &length)) != NULL) {
		code = verify(cli, catalog, client, (sr_text){key, length}, result);
		seen++;
		progress_show(&progress, "verifying", &(struct extent){seen, stored, -1, -1, -1});
		free(key);
		if (code == DONE && interrupt_seen())
			code = cli_fail(cli, SR_INTERRUPTED,
					"interrupted; %" PRId64 " of %" PRId64 " %s read", seen,
					stored, plural(stored, "file was", "files were"));
	}
	progress_end(&progress);
	/* What the list lost, on a full disk above all, shows only here. */
	if (code == DONE && seen < stored)
		code = cli_fail(cli, SR_IO,
				"cannot read the list of files back; %" PRId64 " of %" PRId64
				" %s read",
				seen, stored, plural(stored, "file was", "files were"));
	fclose(keys);
	return code;
}

static int verify_one(struct cli *cli, sr_catalog *catalog, const sr_id *client, const char *path,
		      struct verified *result)
{
	const sr_text key = sr_text_of(path);
	sr_file *file;
	bool stored;
	sr_status rc;

	if ((rc = sr_file_find(catalog, client, key, &file)) != SR_OK)
		return cli_failed(cli, rc);
	stored = file->stored;
	sr_file_free(file);
	if (stored)
		return verify(cli, catalog, client, key, result);
	result->not_stored++;
	return DONE;
}

static void report(struct cli *cli, const struct verified *result)
{
	const struct field fields[] = {
		{"verified", "verified", cell_integer(result->verified)},
		{"failed", "failed", cell_faults(result->failed)},
		{"not_stored", "not stored", cell_integer(result->not_stored)},
	};

	if (cli->json)
		output_document(&cli->out, json_pack("{s:I, s:I, s:I}", "verified",
						     (json_int_t)result->verified, "failed",
						     (json_int_t)result->failed, "not_stored",
						     (json_int_t)result->not_stored));
	else
		output_fields(&cli->out, fields, 3);
}

int file_verify(struct cli *cli)
{
	const char *name = NULL;
	const char *path = NULL;
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{"PATH", ARG_OPTIONAL, &path},
		{NULL, ARG_OPTIONAL, NULL},
	};
	struct verified result = {0};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	code = path != NULL ? verify_one(cli, catalog, &client->id, path, &result)
			    : verify_all(cli, catalog, &client->id, &result);
	if (path == NULL || code == DONE)
		report(cli, &result);
	if (code == DONE && result.failed > 0)
		code = FAILED;
	return cli_close_client(cli, catalog, client, code);
}
