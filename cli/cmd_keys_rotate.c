#include <inttypes.h>
#include <string.h>

#include "cmd_keys.h"
#include "json.h"
#include "plural.h"
#include "steps.h"

/* ---- Backups that are known ---- */

static void take(void *arg, const sr_known_backup *backup)
{
	struct known_backups *known = arg;

	known->count++;
	known->wrapped += backup->wrapped;
	json_array_append_new(known->list,
			      json_pack("{s:o, s:I, s:b}", "path", json_of_path(backup->path),
					"bytes", (json_int_t)backup->bytes, "wrapped",
					(int)backup->wrapped));
}

sr_status known_backups_take(struct known_backups *known, sr_catalog *catalog,
			     const char *const *but, size_t count)
{
	*known = (struct known_backups){.list = json_array()};
	return sr_keys_backups(catalog, but, count, take, known);
}

void known_backups_note(struct cli *cli, const struct known_backups *known, bool wrapped,
			int64_t most)
{
	int64_t found = 0;
	size_t i;
	json_t *one;

	json_array_foreach(known->list, i, one)
	{
		if (json_boolean_value(json_object_get(one, "wrapped")) != wrapped)
			continue;
		if (found++ < most)
			cli_note(cli, "%s", json_string_value(json_object_get(one, "path")));
	}
	if (found > most)
		cli_note(cli, "and %" PRId64 " more", found - most);
}

/* ---- rotate ---- */

static void report(struct cli *cli, const sr_keys_rotated *done)
{
	const struct field fields[] = {
		{"id", "master key", cell_string(done->id)},
		{"changed", "keys rewrapped", cell_integer(done->changed)},
		{"unreadable", "keys not readable", cell_integer(done->unreadable)},
		{"forgotten", "master keys forgotten", cell_integer(done->forgotten)},
	};

	if (cli->json)
		output_document(&cli->out, json_pack("{s:s, s:I, s:I, s:I}", "id", done->id,
						     "changed", (json_int_t)done->changed,
						     "unreadable", (json_int_t)done->unreadable,
						     "forgotten", (json_int_t)done->forgotten));
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

/* Which backups would be of no use, before anything is done. */
static int ask(struct cli *cli, sr_catalog *catalog, bool *needed)
{
	struct known_backups known;
	sr_status rc = known_backups_take(&known, catalog, NULL, 0);
	int code = rc == SR_OK ? DONE : cli_failed(cli, rc);

	if (code == DONE && known.wrapped > 0) {
		cli_note(cli,
			 "these backups need the old master keys, and no AES key in them could be "
			 "read any more:");
		known_backups_note(cli, &known, true, INT64_MAX);
		code = cli_confirm(cli,
				   "Forget the master keys that %" PRId64
				   " %s, and any other catalog on this key ring",
				   known.wrapped,
				   plural(known.wrapped, "backup needs", "backups need"));
	} else if (code == DONE) {
		code = cli_confirm(cli, "Forget all master keys but the new one, those of any "
					"other catalog on this key ring too");
	}
	*needed = known.wrapped > 0;
	json_decref(known.list);
	return code;
}

static int rotate(struct cli *cli, sr_catalog *catalog, bool forget_old)
{
	sr_keys_rotate_options options;
	sr_keys_rotated done;
	struct steps steps;
	bool needed = false;
	sr_status rc;
	int code;

	if (forget_old && (code = ask(cli, catalog, &needed)) != DONE)
		return code;
	sr_keys_rotate_options_init(&options);
	options.forget_old = forget_old;
	options.even_needed = needed; /* That was asked; one that came since was not. */
	options.progress = steps_show;
	options.progress_arg = &steps;
	steps_begin(&steps, cli);
	rc = sr_keys_rotate(catalog, &options, &done);
	steps_end(&steps);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	report(cli, &done);
	if (done.unreadable > 0)
		cli_note(cli, "%" PRId64 " %s: strongroom keys check names %s", done.unreadable,
			 plural(done.unreadable, "key could not be opened, and stays as it was",
				"keys could not be opened, and stay as they were"),
			 plural(done.unreadable, "it", "them"));
	cli_note(cli, "keep a copy of the key ring as it is now");
	return DONE;
}

int keys_rotate(struct cli *cli)
{
	const char *file = NULL;
	bool forget_old = false;
	const arg_option options[] = {
		{"forget-old", 0, ARG_FLAG, &forget_old},
		{"key-file", 0, ARG_VALUE, &file},
		{NULL, 0, ARG_FLAG, NULL},
	};
	sr_catalog *catalog;
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE || (code = keys_open(cli, CLI_WRITE, file, false, &catalog)) != DONE)
		return code;
	return cli_close(cli, catalog, rotate(cli, catalog, forget_old));
}
