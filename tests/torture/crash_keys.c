/* Scenarios: clients' AES keys wrapped, and wrapped anew, also beside a backup. The ring of master
 * keys lies beside the database; whatever the power does, the one opens what is in the other, and
 * in its backup. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crash.h"

enum { CLIENTS = 12 };

static void key_of(int number, char key[33])
{
	snprintf(key, 33, "the key of client %02d, 32 bytes..", number);
}

static void with_keys(stage *s)
{
	stage_create(s);
	for (int i = 0; i < CLIENTS; i++) {
		char name[16], key[33];
		sr_client client = {.aes_key = {key, 32}};

		snprintf(name, sizeof(name), "client %02d", i);
		key_of(i, key);
		client.name = sr_text_of(name);
		sr_id_new(&client.id);
		stage_good(s, sr_client_save(s->catalog, &client, 1, NULL), "saving a client");
	}
	stage_close(s);
}

/* Every key is what it was, from that client's on. */
static void look_from(crash_look *look, sr_catalog *catalog, int first)
{
	int seen = first;

	for (int i = first; i < CLIENTS && catalog != NULL; i++) {
		sr_client *client;
		char name[16], key[33];

		snprintf(name, sizeof(name), "client %02d", i);
		key_of(i, key);
		if (sr_client_by_name(catalog, sr_text_of(name), &client) != SR_OK) {
			snprintf(look->words, sizeof(look->words), "%s: %.400s", name,
				 sr_error_message());
			continue;
		}
		seen += client->aes_key.length == 32 && memcmp(client->aes_key.data, key, 32) == 0;
		sr_client_free(client);
	}
	if (look->words[0] == '\0' && catalog != NULL && seen != CLIENTS)
		snprintf(look->words, sizeof(look->words), "%d keys of %d are what they were", seen,
			 CLIENTS);
}

static void look_keys(crash_look *look)
{
	look_from(look, look->catalog, 0);
}

#define ARE_WRAPPED "SELECT count(*) = 12 FROM clients WHERE length(AESKey) > 32"

static void wrap(stage *s)
{
	int promise = stage_promise(s, ARE_WRAPPED);
	sr_keys_done done;

	stage_open(s);
	stage_good(s, sr_keys_init(s->catalog, NULL, &done), "wrapping");
	stage_tell(s, promise);
	s->failed = s->failed || !done.cleaned;
	stage_close(s);
}

static void with_wrapped(stage *s)
{
	sr_keys_done done;

	with_keys(s);
	stage_open(s);
	stage_good(s, sr_keys_init(s->catalog, NULL, &done), "wrapping");
	stage_close(s);
}

/* Once with the old master keys kept, and once with them forgotten. */
static void rotate(stage *s)
{
	sr_keys_rotate_options options;
	sr_keys_rotated done;

	stage_open(s);
	sr_keys_rotate_options_init(&options);
	for (int i = 0; i < 2; i++) {
		int promise = stage_promise(
			s, "SELECT (" ARE_WRAPPED ") AND (SELECT count(*) > %d FROM master_keys)",
			i);

		options.forget_old = i == 1;
		stage_good(s, sr_keys_rotate(s->catalog, &options, &done), "rotating");
		stage_tell(s, promise);
		s->failed = s->failed || done.changed != CLIENTS || (i == 1 && done.forgotten == 0);
	}
	stage_close(s);
}

/* ---- A key destroyed ---- */

static void with_backup(stage *s)
{
	sr_backup_options options;
	char path[4400];

	with_wrapped(s);
	stage_open(s);
	snprintf(path, sizeof(path), "%s/one.db", s->folder);
	sr_backup_options_init(&options);
	options.path = path;
	stage_good(s, sr_backup(s->catalog, &options, NULL), "backing up");
	stage_close(s);
}

/* Every key in that backup, from that client's on. */
static void look_in_backup(crash_look *look, const char *path, int first)
{
	sr_options options = look->stage->options;
	sr_catalog *backup = NULL;

	options.path = path;
	options.master_key_file = look->ring;
	options.create = options.migrate = false;
	options.read_only = true;
	if (sr_open(&backup, &options) != SR_OK)
		snprintf(look->words, sizeof(look->words), "the backup does not open: %.400s",
			 sr_error_message());
	look_from(look, backup, first);
	if (sr_close(backup) != SR_OK && look->words[0] == '\0')
		snprintf(look->words, sizeof(look->words), "the backup does not close: %.400s",
			 sr_error_message());
}

/* The others' keys, in the catalog and in its backup, which is always there. */
static void look_others(crash_look *look)
{
	char path[4600];

	look_from(look, look->catalog, 1);
	crash_look_backups(look);
	snprintf(path, sizeof(path), "%s/one.db", look->folder);
	if (look->words[0] == '\0')
		look_in_backup(look, path, 1);
}

static void shred(stage *s)
{
	const char *const folders[] = {s->folder};
	int promise = stage_promise(s, "SELECT count(*) = 0 FROM clients WHERE Name = 'client 00'");
	sr_shred_options options;
	sr_client *client = NULL;
	sr_shredded done = {0};

	stage_open(s);
	sr_shred_options_init(&options);
	options.folders = folders;
	options.folder_count = 1;
	stage_good(s, sr_client_by_name(s->catalog, sr_text_of("client 00"), &client), "finding");
	if (client != NULL)
		stage_good(s, sr_client_shred(s->catalog, &client->id, &options, &done),
			   "shredding");
	stage_tell(s, promise);
	s->failed = s->failed || done.backups != 1 || done.forgotten == 0;
	sr_client_free(client);
	stage_close(s);
}

/* ---- A backup, while another process rotates ---- */

/* When the copy is made and not yet named. */
static bool rotate_beside(void *arg, const char *step, int64_t done, int64_t total)
{
	stage *s = arg;
	sr_keys_rotate_options options;
	sr_keys_rotated rotated;
	sr_catalog *other = NULL;

	(void)done;
	(void)total;
	if (s->beside || strcmp(step, "checking") != 0)
		return false;
	s->beside = true;
	sr_keys_rotate_options_init(&options);
	stage_good(s, sr_open(&other, &s->options), "opening beside a backup");
	if (other != NULL)
		stage_good(s, sr_keys_rotate(other, &options, &rotated), "rotating beside it");
	stage_good(s, sr_close(other), "closing beside a backup");
	return false;
}

static void back_up_beside(stage *s)
{
	int promise = stage_promise(s, "file:one.db");
	sr_backup_options options;
	char path[4400];

	snprintf(path, sizeof(path), "%s/one.db", s->folder);
	stage_open(s);
	sr_backup_options_init(&options);
	options.path = path;
	options.progress = rotate_beside;
	options.progress_arg = s;
	s->beside = false;
	stage_good(s, sr_backup(s->catalog, &options, NULL), "backing up beside a rotation");
	stage_tell(s, promise);
	s->failed = s->failed || !s->beside;
	stage_close(s);
}

/* The keys in the catalog, and in its backup as soon as there is one. */
static void look_both(crash_look *look)
{
	char path[4600];

	look_from(look, look->catalog, 0);
	crash_look_backups(look);
	snprintf(path, sizeof(path), "%s/one.db", look->folder);
	if (look->words[0] == '\0' && access(path, F_OK) == 0)
		look_in_backup(look, path, 0);
}

const crash_scenario crash_keys[] = {
	{.name = "keys wrapped",
	 .prepare = with_keys,
	 .run = wrap,
	 .look = look_keys,
	 .ring = true},
	{.name = "key rotation",
	 .prepare = with_wrapped,
	 .run = rotate,
	 .look = look_keys,
	 .ring = true},
	{.name = "key shredding",
	 .prepare = with_backup,
	 .run = shred,
	 .look = look_others,
	 .ring = true},
	{.name = "backup beside a key rotation",
	 .prepare = with_wrapped,
	 .run = back_up_beside,
	 .look = look_both,
	 .ring = true},
	{.name = NULL},
};
