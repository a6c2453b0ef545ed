#include "cmd_file.h"

#include <stdlib.h>
#include <string.h>

#include "file_listing.h"
#include "json.h"
#include "memory.h"

const char help_file[] =
	"usage: strongroom file list CLIENT [FOLDER] [--recursive]\n"
	"       strongroom file show CLIENT PATH\n"
	"       strongroom file delete CLIENT PATH [--keep-stored]\n"
	"       strongroom file verify CLIENT [PATH]\n"
	"       strongroom file import --client NAME [FILE]\n"
	"       strongroom file activate CLIENT PATH --version N\n"
	"       strongroom file pin CLIENT PATH [--version N]\n"
	"       strongroom file unpin CLIENT PATH [--version N]\n"
	"\n"
	"PATH is a file's original path, or its name where it has none; else the newest\n"
	"file of that name is meant.\n"
	"\n"
	"list shows one level of a folder, folders with all that they hold.\n"
	"delete deletes the stored file and its record, of a file that is only\n"
	"catalogued the record. verify reads what is stored, compares it with what is\n"
	"recorded and sets or clears the verified mark; without PATH all files of the\n"
	"client. import takes CSV with a heading, JSON lines or a JSON array, all rows or\n"
	"none: filename, path, original_path, size, date, crc, hash, verified, category,\n"
	"mime_type, extension, stored, transfer_duration, transfer_speed and\n"
	"compression_ratio, of which filename or original_path must be there; or what\n"
	"search --json prints.\n"
	"activate makes what a version was the present state again, as a new version. A\n"
	"version that is pinned is never pruned.\n"
	"\n"
	"  --recursive     every file below the folder\n"
	"  --keep-stored   delete the record only\n"
	"  --version N     one that history shows; to pin, without it the current one\n"
	"  --client NAME   whose files are imported; FILE is standard input without one\n"
	"\n"
	"example:\n"
	"  strongroom file list laptop /etc\n";

/* As a listing's line names an entry: folders end in a slash. Owned: free. */
static char *entry_name(const sr_entry *entry)
{
	char *name = must_alloc(entry->name.length + 2);

	memcpy(name, entry->name.data, entry->name.length);
	if (entry->is_folder)
		name[entry->name.length] = '/';
	return name;
}

static json_t *json_of_entry(const sr_entry *entry)
{
	json_t *o = json_object();

	json_object_add_text(o, "name", entry->name);
	json_object_set_new(o, "folder", json_boolean(entry->is_folder));
	if (entry->file != NULL) {
		json_t *file = json_of_file(entry->file);

		json_object_update(o, file);
		json_decref(file);
		return o;
	}
	json_object_set_new(o, "files", json_of_integer(entry->files));
	json_object_set_new(o, "bytes", json_of_integer(entry->bytes));
	json_object_set_new(o, "newest", json_of(entry->newest));
	return o;
}

static void entry_row(struct cli *cli, struct listing *list, const sr_entry *entry)
{
	char *name;
	sr_text text;

	if (cli->json) {
		listing_object(list, json_of_entry(entry));
		return;
	}
	name = entry_name(entry);
	text = (sr_text){name, entry->name.length + entry->is_folder};
	const bool missing = entry->file != NULL && entry->file->missing_since.data != NULL;
	const struct cell cells[] = {
		cell_integer(entry->is_folder ? entry->files : SR_NULL_INTEGER),
		cell_size(entry->bytes),
		cell_time(entry->newest),
		cell_text(text),
		cell_state(missing ? "missing" : NULL),
	};

	listing_row(list, cells);
	free(name);
}

static sr_status print_entries(struct cli *cli, struct listing *rows, sr_folder *cursor)
{
	const sr_entry *entry = NULL;
	sr_status rc = SR_OK;

	while (!output_failed(&cli->out) && (rc = sr_folder_next(cursor, &entry)) == SR_OK &&
	       entry != NULL)
		entry_row(cli, rows, entry);
	return rc;
}

static int list(struct cli *cli, sr_catalog *catalog, const sr_id *client, const char *folder,
		bool recursive)
{
	static const struct column columns[] = {
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"date", "DATE", COLUMN_DATE},
		{"name", "NAME", COLUMN_CUT_START},
		{"mark", "", 0},
	};
	const bool root = folder[strspn(folder, "/")] == '\0';
	struct listing *rows;
	sr_folder *cursor = NULL;
	sr_status rc;
	int code = DONE;

	rc = sr_folder_open(catalog, client, sr_text_of(folder), recursive, &cursor);
	/* A client without files has an empty root, but no folder else. */
	if (rc != SR_OK && !(rc == SR_NOT_FOUND && root))
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, 5, NULL);
	if (rc == SR_OK && (rc = print_entries(cli, rows, cursor)) != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No files.", NULL);
	sr_folder_close(cursor);
	return code;
}

static int file_list(struct cli *cli)
{
	const char *name = NULL;
	const char *folder = NULL;
	bool recursive = false;
	const arg_option options[] = {
		{"recursive", 0, ARG_FLAG, &recursive},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{"FOLDER", ARG_OPTIONAL, &folder},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		return code;
	if ((code = cli_open_client(cli, CLI_READ, name, &catalog, &client)) != DONE)
		return code;
	code = list(cli, catalog, &client->id, folder != NULL ? folder : "", recursive);
	return cli_close_client(cli, catalog, client, code);
}

static void show(struct cli *cli, const sr_file *file)
{
	char id[SR_ID_TEXT_SIZE];

	sr_id_format(&file->id, id);
	const struct field fields[] = {
		{"id", "id", cell_string(file->has_id ? id : NULL)},
		{"client", "client", cell_text(file->client_name)},
		{"filename", "name", cell_text(file->name)},
		{"path", "path", cell_text(file->path)},
		{"original_path", "original path", cell_text(file->original_path)},
		{"size", "size", cell_size(file->size)},
		{"date", "modified", cell_text(file->date)},
		{"verified", "verified", cell_flag(file->verified)},
		{"stored", "stored", cell_flag(file->stored)},
		{"crc", "cksum", cell_number(file->crc)},
		{"hash", "SHA-256", cell_text(file->hash)},
		{"category", "category", cell_text(file->category)},
		{"mime_type", "type", cell_text(file->mime_type)},
		{"extension", "extension", cell_text(file->extension)},
		{"transfer_duration", "transfer ms", cell_integer(file->transfer_duration)},
		{"transfer_speed", "bytes a second", cell_integer(file->transfer_speed)},
		{"compression_ratio", "compression", cell_real(file->compression_ratio)},
		{"versions", "versions", cell_integer(file->versions)},
		{"missing_since", "missing since", cell_text(file->missing_since)},
	};

	if (!cli->json) {
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
		return;
	}
	json_t *o = json_of_file(file);

	json_object_set_new(o, "stored", json_boolean(file->stored));
	json_object_set_new(o, "transfer_duration", json_of_integer(file->transfer_duration));
	json_object_set_new(o, "transfer_speed", json_of_integer(file->transfer_speed));
	json_object_set_new(o, "compression_ratio", json_of_real(file->compression_ratio));
	output_document(&cli->out, o);
}

static int file_show(struct cli *cli)
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
	sr_file *file;
	sr_status rc;
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_READ, name, &catalog, &client)) != DONE)
		return code;
	if ((rc = sr_file_find(catalog, &client->id, sr_text_of(path), &file)) != SR_OK) {
		code = cli_failed(cli, rc);
	} else {
		show(cli, file);
		sr_file_free(file);
	}
	return cli_close_client(cli, catalog, client, code);
}

/* The record can go where the stored file may not. */
static int delete_failed(struct cli *cli, sr_status status)
{
	char *words;
	int code;

	if (status != SR_REFUSED)
		return cli_failed(cli, status);
	words = must_print("%s", sr_error_message());
	code = cli_fail(cli, status, "%s; --keep-stored deletes the record only", words);
	free(words);
	return code;
}

/* Says first what it would delete; then does. */
static int delete_file(struct cli *cli, sr_catalog *catalog, const sr_client *client,
		       const char *path, bool keep_stored)
{
	const sr_text key = sr_text_of(path);
	sr_file *file;
	bool stored;
	sr_status rc;
	int code;

	if ((rc = sr_file_find(catalog, &client->id, key, &file)) != SR_OK)
		return cli_failed(cli, rc);
	stored = file->stored && !keep_stored;
	sr_file_free(file);
	code = cli_confirm(cli, "Delete %s%s of client %s",
			   stored ? "the stored file and the record of " : "the record of ", path,
			   client->name.data);
	if (code != DONE)
		return code;
	rc = keep_stored ? sr_file_delete(catalog, &client->id, key)
			 : sr_file_delete_stored(catalog, &client->id, key);
	if (rc != SR_OK)
		return delete_failed(cli, rc);
	if (cli->json) {
		json_t *o = json_object();

		json_object_add_text(o, "deleted", key);
		json_object_set_new(o, "stored", json_boolean(stored));
		output_document(&cli->out, o);
	}
	cli_say(cli, "Deleted %s.", stored ? "the stored file and its record" : "the record");
	return DONE;
}

static int file_delete(struct cli *cli)
{
	const char *name = NULL;
	const char *path = NULL;
	bool keep_stored = false;
	const arg_option options[] = {
		{"keep-stored", 0, ARG_FLAG, &keep_stored},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"CLIENT", ARG_REQUIRED, &name},
		{"PATH", ARG_REQUIRED, &path},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_client *client;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE ||
	    (code = cli_open_client(cli, CLI_WRITE, name, &catalog, &client)) != DONE)
		return code;
	code = delete_file(cli, catalog, client, path, keep_stored);
	return cli_close_client(cli, catalog, client, code);
}

int cmd_file(struct cli *cli)
{
	static const command parts[] = {
		{"list", NULL, NULL, file_list},
		{"show", NULL, NULL, file_show},
		{"delete", NULL, NULL, file_delete},
		{"verify", NULL, NULL, file_verify},
		{"import", NULL, NULL, file_import},
		{"activate", NULL, NULL, file_activate},
		{"pin", NULL, NULL, file_pin},
		{"unpin", NULL, NULL, file_unpin},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
