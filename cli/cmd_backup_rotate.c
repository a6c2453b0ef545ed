#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cmd_backup.h"
#include "json.h"
#include "memory.h"

struct rotating {
	struct cli *cli;
	const sr_keep *keep;
	struct listing *rows; /* NULL: not shown. */
	json_t *list;         /* Likewise. */
};

static void add_json(const struct rotating *r, const sr_rotation *backup, const char *when,
		     const char *kept)
{
	json_t *o = json_object();

	json_object_set_new(o, "path", json_of_path(backup->path));
	json_object_set_new(o, "date", json_string(when));
	json_object_set_new(o, "bytes", json_integer(backup->bytes));
	json_object_set_new(o, "kept_by", json_of_path(kept));
	json_object_set_new(o, "removed", json_boolean(backup->kept == 0));
	json_array_append_new(r->list, o);
}

static void on_backup(void *arg, const sr_rotation *backup)
{
	const struct rotating *r = arg;
	char when[SR_TIME_TEXT_SIZE], kept[SR_KEPT_TEXT_SIZE];
	const bool people = r->cli->out.format == OUTPUT_TABLE;

	sr_time_format(backup->instant, when);
	sr_kept_format(backup->kept, r->keep, kept);
	if (r->list != NULL)
		add_json(r, backup, when, kept);
	if (r->rows != NULL) {
		const struct cell cells[] = {
			cell_string(backup->path),
			cell_time(sr_text_of(when)),
			cell_size(backup->bytes),
			cell_string(kept[0] != '\0' ? kept
				    : people        ? "goes"
						    : NULL),
		};

		listing_row(r->rows, cells);
	}
}

static sr_status rotate(struct rotating *r, const char *folder, bool dry_run, sr_rotated *done)
{
	sr_options options;

	cli_options(r->cli, &options);
	return sr_backup_rotate(&options, folder, r->keep, dry_run, on_backup, r, done);
}

/* The folder of what was or would be written. Owned: free. */
static char *folder_of(const char *path)
{
	struct stat st;
	char *copy, *folder;

	if (path == NULL)
		return NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return must_print("%s", path);
	copy = must_print("%s", path);
	folder = must_print("%s", dirname(copy));
	free(copy);
	return folder;
}

static void add_totals(json_t *document, json_t *list, const sr_rotated *done)
{
	json_object_set_new(document, "rotation", list);
	json_object_set_new(document, "kept", json_integer(done->kept));
	json_object_set_new(document, "removed", json_integer(done->removed));
	json_object_set_new(document, "bytes_removed", json_integer(done->bytes_removed));
}

int backup_rotate(struct cli *cli, const char *path, const sr_keep *keep, json_t *document)
{
	struct rotating r = {cli, keep, NULL, document != NULL ? json_array() : NULL};
	char *folder = folder_of(path);
	char size[32];
	sr_rotated done;
	sr_status rc = rotate(&r, folder, false, &done);

	free(folder);
	if (document != NULL)
		add_totals(document, r.list, &done);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	size_print(done.bytes_removed, size);
	cli_say(cli, "Rotated: %" PRId64 " kept, %" PRId64 " removed (%s).", done.kept,
		done.removed, size);
	return DONE;
}

int backup_rotate_dry(struct cli *cli, const char *path, const sr_keep *keep)
{
	static const struct column columns[] = {
		{"path", "BACKUP", COLUMN_CUT_START},
		{"date", "DATE", 0},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"kept_by", "KEPT BY", 0},
	};
	struct rotating r = {.cli = cli, .keep = keep};
	char *folder = folder_of(path);
	json_t *document = cli->json ? json_object() : NULL;
	sr_rotated done;
	char size[32];
	sr_status rc;

	if (cli->json)
		r.list = json_array();
	else
		r.rows = listing_begin(&cli->out, columns, 4, NULL);
	rc = rotate(&r, folder, true, &done);
	free(folder);
	if (cli->json) {
		add_totals(document, r.list, &done);
		output_document(&cli->out, document);
	} else {
		listing_end(r.rows, "No backup there was made by this command.", NULL);
	}
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	size_print(done.bytes_removed, size);
	cli_say(cli, "Nothing was removed: %" PRId64 " would be kept, %" PRId64 " would go (%s).",
		done.kept, done.removed, size);
	return DONE;
}
