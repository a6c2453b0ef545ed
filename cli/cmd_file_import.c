#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_file.h"
#include "import.h"
#include "interrupt.h"
#include "memory.h"
#include "progress.h"

enum { BATCH = 500 };

/* Files that wait to be saved together, their texts copied from the rows. */
struct batch {
	struct cli *cli;
	sr_catalog *catalog;
	sr_file files[BATCH];
	char *places[BATCH]; /* Where each came from. */
	size_t count;
	sr_saved total;
	sr_activity_run run;
	int64_t refused; /* Files that did not fit in the client's quota, where it ended at that. */
	bool begun;      /* A transaction is open. */
};

static const char *const known[] = {
	"filename",  "path",   "original_path",     "size",           "date",
	"crc",       "hash",   "verified",          "category",       "mime_type",
	"extension", "stored", "transfer_duration", "transfer_speed", "compression_ratio",
	"version",   NULL,
};

/* What listings print of a file, and the catalog finds by itself. */
static const char *const ignored[] = {"id", "client", "versions", "missing_since", NULL};

static void own(sr_text *text)
{
	if (text->data != NULL)
		text->data = must_copy(text->data, text->length);
}

static void disown(sr_text *text)
{
	free((char *)text->data);
}

static void each_text(sr_file *file, void (*fn)(sr_text *))
{
	fn(&file->name);
	fn(&file->path);
	fn(&file->original_path);
	fn(&file->date);
	fn(&file->hash);
	fn(&file->category);
	fn(&file->mime_type);
	fn(&file->extension);
}

static void empty(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		each_text(&batch->files[i], disown);
		free(batch->places[i]);
	}
	batch->count = 0;
}

/* A hash that is none would only be found when somebody compares it. */
static bool is_hash(sr_text hash)
{
	return hash.length == 64 && strspn(hash.data, "0123456789abcdefABCDEF") == 64;
}

static bool lower_hash(struct import *import, sr_text hash, char lower[SR_HASH_TEXT_SIZE])
{
	if (!is_hash(hash)) {
		import_fail(import, "hash \"%s\" is not 64 hex digits", hash.data);
		return false;
	}
	for (size_t i = 0; i < 64; i++)
		lower[i] = (char)(hash.data[i] | (hash.data[i] >= 'A' ? 0x20 : 0));
	lower[64] = '\0';
	return true;
}

static bool numbers(struct import *import, sr_file *file)
{
	if (!import_integer(import, "size", &file->size) ||
	    !import_integer(import, "crc", &file->crc) ||
	    !import_integer(import, "transfer_duration", &file->transfer_duration) ||
	    !import_integer(import, "transfer_speed", &file->transfer_speed) ||
	    !import_real(import, "compression_ratio", &file->compression_ratio) ||
	    !import_flag(import, "verified", &file->verified) ||
	    !import_flag(import, "stored", &file->stored))
		return false;
	if (file->crc != SR_NULL_INTEGER && file->crc > UINT32_MAX) {
		import_fail(import, "crc \"%" PRId64 "\" is above 4294967295", file->crc);
		return false;
	}
	return true;
}

/* The row as a file whose texts are its own. */
static int take_row(struct import *import, const sr_id *client, struct batch *batch)
{
	char lower[SR_HASH_TEXT_SIZE];
	sr_file *file = &batch->files[batch->count];
	int64_t instant;

	sr_file_init(file);
	file->client_id = *client;
	file->name = import_value(import, "filename");
	file->path = import_value(import, "path");
	file->original_path = import_value(import, "original_path");
	file->date = import_value(import, "date");
	file->hash = import_value(import, "hash");
	file->category = import_value(import, "category");
	file->mime_type = import_value(import, "mime_type");
	file->extension = import_value(import, "extension");
	if (file->name.data == NULL && file->original_path.data == NULL)
		return import_fail(import, "neither filename nor original_path is given");
	/* How it was is not how it is. */
	if (import_value(import, "version").data != NULL)
		return import_fail(import,
				   "version \"%s\" is an earlier state of its file, which is "
				   "not imported as the present one",
				   import_value(import, "version").data);
	if (file->date.data != NULL && sr_time_parse(file->date.data, &instant, NULL) != SR_OK)
		return import_fail(import, "%s", sr_error_message());
	if (!numbers(import, file) ||
	    (file->hash.data != NULL && !lower_hash(import, file->hash, lower)))
		return FAILED;
	if (file->hash.data != NULL)
		file->hash.data = lower;
	each_text(file, own);
	batch->places[batch->count] = must_print("%s", import_place(import));
	batch->count++;
	return DONE;
}

/* Says between which rows the refused one stands; the words name its value. */
static int blame(struct batch *batch, sr_status rc)
{
	const char *first = batch->places[0];
	const char *last = batch->places[batch->count - 1];
	const bool one = batch->count == 1;
	char *words = must_print("%s%s", sr_error_message(),
				 rc == SR_QUOTA ? "; nothing was imported" : "");
	int code = cli_fail(batch->cli, rc, "%s%s%s: %s", first, one ? "" : " to ", one ? "" : last,
			    words);

	free(words);
	return code == USAGE ? FAILED : code;
}

/* The first opens a transaction around itself and all that follow, so that a bad row further down,
 * or a file that does not fit in the client's quota, leaves nothing behind. */
static int save(struct batch *batch)
{
	sr_saved saved;
	sr_status rc;

	if (batch->count == 0)
		return DONE;
	if (!batch->begun) {
		if ((rc = sr_begin(batch->catalog, "file import")) != SR_OK)
			return cli_failed(batch->cli, rc);
		batch->begun = true;
	}
	rc = sr_file_save_run(batch->catalog, batch->files, batch->count, NULL, NULL, &saved,
			      &batch->run);
	batch->refused = rc == SR_QUOTA ? saved.refused : 0;
	if (rc != SR_OK)
		return blame(batch, rc);
	batch->total.added += saved.added;
	batch->total.changed += saved.changed;
	batch->total.unchanged += saved.unchanged;
	empty(batch);
	return DONE;
}

static int make_room(struct batch *batch)
{
	return batch->count < BATCH ? DONE : save(batch);
}

static int read_all(struct import *import, const sr_id *client, struct batch *batch)
{
	struct progress progress;
	int64_t rows = 0;
	bool more = true;
	int code;

	progress_begin(&progress, batch->cli);
	interrupt_watch();
	while ((code = import_next(import, &more)) == DONE && more) {
		rows++;
		progress_show(&progress, "importing", &(struct extent){rows, 0, -1, -1, -1});
		if (interrupt_seen())
			code = cli_fail(batch->cli, SR_INTERRUPTED,
					"interrupted; nothing was imported");
		if (code != DONE || (code = make_room(batch)) != DONE ||
		    (code = take_row(import, client, batch)) != DONE)
			break;
	}
	progress_end(&progress);
	return code == DONE ? save(batch) : code;
}

static int import_files(struct cli *cli, sr_catalog *catalog, const sr_id *client, const char *path)
{
	struct batch *batch;
	struct import *import;
	sr_status rc;
	int code;

	if ((code = import_open(cli, path, known, ignored, &import)) != DONE)
		return code;
	batch = must_alloc(sizeof(*batch));
	batch->cli = cli;
	batch->catalog = catalog;
	code = read_all(import, client, batch);
	if (code == DONE && batch->begun && (rc = sr_commit(catalog)) != SR_OK)
		code = cli_failed(cli, rc);
	if (code != DONE && batch->begun)
		cli_rollback(catalog);
	/* That they were refused is not undone with the rest. */
	if (batch->refused > 0 &&
	    (rc = sr_activity_failed(catalog, client, batch->refused, NULL)) != SR_OK)
		code = cli_failed(cli, rc);
	if (code == DONE)
		saved_print(cli, "files", &batch->total);
	empty(batch);
	free(batch);
	import_close(import);
	return code;
}

int file_import(struct cli *cli)
{
	const char *name = NULL;
	const char *path = NULL;
	const arg_option options[] = {
		{"client", 0, ARG_VALUE, &name},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"FILE", ARG_OPTIONAL, &path},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if (name == NULL)
		return cli_usage(cli, "option --client is missing: whose files they are");
	if ((code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	code = import_files(cli, catalog, &client->id, path);
	return cli_close_client(cli, catalog, client, code);
}
