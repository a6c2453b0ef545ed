/* client delete --shred: the client's AES key with it, in backups as well. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_client.h"
#include "cmd_keys.h"
#include "json.h"
#include "memory.h"
#include "passphrase.h"
#include "plural.h"
#include "steps.h"

struct shredding {
	struct cli *cli;
	const struct shred_words *words;
	sr_id id;    /* The client's, */
	char *name;  /* and its name, or the id as it was typed where that is all that is known, */
	bool absent; /* since only backups may have it. */
	struct known_backups known; /* Elsewhere. */
	json_t *rewritten;
	json_t *passed_over; /* In the folders. */
	json_t *namesakes;   /* Ids of other clients in the backups. */
	struct steps steps;
};

static void note_rewritten(void *arg, const char *path)
{
	struct shredding *s = arg;

	json_array_append_new(s->rewritten, json_of_path(path));
}

static void note_passed_over(void *arg, const char *path)
{
	struct shredding *s = arg;

	json_array_append_new(s->passed_over, json_of_path(path));
	cli_note(s->cli, "not looked into, since it is not known for a backup: %s", path);
}

static void note_namesake(void *arg, const sr_id *id)
{
	struct shredding *s = arg;

	json_array_append_new(s->namesakes, json_of_id(id));
}

enum { MOST_PLAIN = 10 }; /* That are named. */

static void note_plain(struct cli *cli, const struct known_backups *known)
{
	int64_t count = known->count - known->wrapped;

	cli_note(cli,
		 "%" PRId64 " known %s elsewhere with plain AES keys, the client's perhaps "
		 "among them: delete what is named here, or give its folder with --backups:",
		 count, plural(count, "backup", "backups"));
	known_backups_note(cli, known, false, MOST_PLAIN);
}

/* What it means for backups that are elsewhere, and whether to go on. */
static int ask(struct shredding *s)
{
	const char *what = s->absent ? "Look in backups for" : "Delete";
	struct cli *cli = s->cli;

	if (s->known.wrapped > 0) {
		cli_note(cli, "these backups are in none of the folders given; no AES key in them, "
			      "of any "
			      "client, can be read afterwards:");
		known_backups_note(cli, &s->known, true, INT64_MAX);
	}
	if (s->known.count > s->known.wrapped)
		note_plain(cli, &s->known);
	if (s->known.count > 0)
		return cli_confirm(cli,
				   "%s client %s, destroy its AES key, and with the old master "
				   "keys what %" PRId64 " other %s",
				   what, s->name, s->known.wrapped,
				   plural(s->known.wrapped, "backup needs", "backups need"));
	return cli_confirm(cli, "%s client %s and destroy its AES key", what, s->name);
}

/* Who was so called before, and has a key in the backups still. */
static void note_namesakes(struct shredding *s)
{
	size_t i;
	json_t *id;

	json_array_foreach(s->namesakes, i, id)
		cli_note(s->cli,
			 "the backups have another client %s, which was deleted, and its AES key: "
			 "shred it by its id, %s",
			 s->name, json_string_value(id));
}

static void report(struct shredding *s, const sr_shredded *done)
{
	struct cli *cli = s->cli;
	const struct field fields[] = {
		{"deleted", "deleted", cell_string(s->name)},
		{"files", "records of files", cell_integer(done->files)},
		{"master_key", "new master key", cell_string(done->id)},
		{"rewrapped", "other keys rewrapped", cell_integer(done->rewrapped)},
		{"backups", "backups rewritten", cell_integer(done->backups)},
		{"forgotten", "master keys destroyed", cell_integer(done->forgotten)},
		{"left", "backups elsewhere", cell_integer(done->left)},
	};

	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:o, s:I, s:s, s:I, s:O, s:I, s:O, s:O, s:O}",
					  "deleted", json_of(sr_text_of(s->name)), "files",
					  (json_int_t)done->files, "master_key", done->id,
					  "rewrapped", (json_int_t)done->rewrapped, "backups",
					  s->rewritten, "forgotten", (json_int_t)done->forgotten,
					  "left", s->known.list, "passed_over", s->passed_over,
					  "namesakes", s->namesakes));
	else
		output_fields(&cli->out, fields, sizeof(fields) / sizeof(fields[0]));
}

static int shred(struct shredding *s, sr_catalog *catalog, const struct passphrase *passphrase)
{
	sr_shred_options options;
	sr_shredded done;
	sr_status rc;
	int code;

	sr_shred_options_init(&options);
	options.folders = s->words->folders.items;
	options.folder_count = s->words->folders.count;
	options.key = passphrase->bytes;
	options.key_length = passphrase->length;
	options.even_known = true; /* That is asked. */
	options.rewritten = note_rewritten;
	options.rewritten_arg = s;
	options.passed_over = note_passed_over;
	options.passed_over_arg = s;
	options.namesake = note_namesake;
	options.namesake_arg = s;
	options.progress = steps_show;
	options.progress_arg = &s->steps;
	if ((rc = known_backups_take(&s->known, catalog, options.folders, options.folder_count)) !=
	    SR_OK)
		return cli_failed(s->cli, rc);
	if ((code = ask(s)) != DONE)
		return code;
	steps_begin(&s->steps, s->cli);
	rc = sr_client_shred(catalog, &s->id, &options, &done);
	steps_end(&s->steps);
	if (rc != SR_OK)
		return cli_failed(s->cli, rc);
	report(s, &done);
	note_namesakes(s);
	cli_note(s->cli,
		 "keep a copy of the key ring as it is now, and destroy older copies of it");
	return DONE;
}

/* By the name, or by the id: then what the catalog does not have may be in backups. */
static int find(struct shredding *s, sr_catalog *catalog, const char *typed)
{
	sr_client *client;
	sr_status rc = sr_client_find(catalog, NULL, sr_text_of(typed), SR_CLIENT_NAME, &client);
	bool is_id = sr_id_parse(typed, &s->id) == SR_OK;

	if (rc == SR_NOT_FOUND && is_id)
		rc = sr_client_find(catalog, &s->id, (sr_text){NULL, 0}, SR_CLIENT_NAME, &client);
	if (rc == SR_OK) {
		s->id = client->id;
		s->name = must_print("%s", client->name.data);
		sr_client_free(client);
		return DONE;
	}
	if (rc != SR_NOT_FOUND)
		return cli_failed(s->cli, rc);
	if (!is_id)
		return cli_fail(
			s->cli, rc,
			"no client named \"%s\"; one that only backups have goes by its id, "
			"which strongroom activity --json --client NAME tells",
			typed);
	s->absent = true;
	s->name = must_print("%s", typed);
	return DONE;
}

int client_shred(struct cli *cli, sr_catalog *catalog, const char *name,
		 const struct shred_words *words)
{
	struct shredding s = {.cli = cli,
			      .words = words,
			      .rewritten = json_array(),
			      .passed_over = json_array(),
			      .namesakes = json_array()};
	struct passphrase passphrase = {NULL, 0};
	int code = find(&s, catalog, name);

	if (code == DONE && words->passphrase_file != NULL)
		code = passphrase_from_file(cli, words->passphrase_file, &passphrase);
	if (code == DONE)
		code = shred(&s, catalog, &passphrase);
	passphrase_free(&passphrase);
	json_decref(s.known.list);
	json_decref(s.rewritten);
	json_decref(s.passed_over);
	json_decref(s.namesakes);
	free(s.name);
	return code;
}
