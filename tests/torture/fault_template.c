/* The catalog that the scenarios begin with: three clients, files with versions, stored ones among
 * them, and something of everything else. */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "torture.h"

#define MUST(call)                                                                                 \
	do {                                                                                       \
		if ((call) != SR_OK) {                                                             \
			fprintf(stderr, "%s: %s\n", #call, sr_error_message());                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

sr_id fault_client(int number)
{
	sr_id id = {.bytes = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x90, 10, 11, 12, 13, 14, 15}};

	id.bytes[15] = (uint8_t)number;
	return id;
}

static void add_clients(sr_catalog *catalog)
{
	static const char *const names[] = {"host", "spare", "judge"};

	for (int i = 0; i < 3; i++) {
		sr_client client = {.id = fault_client(i), .name = sr_text_of(names[i])};

		client.aes_key = (sr_text){"0123456789abcdef0123456789abcdef", 32};
		client.public_key = sr_text_of("a key");
		MUST(sr_client_save(catalog, &client, 1, NULL));
	}
}

/* Content number `state` of file `i` of a client; every eighth of the host's is stored. */
static void save_state(sr_catalog *catalog, int client, int i, int state)
{
	char path[100], place[100], hash[SR_HASH_TEXT_SIZE];
	sr_file file;

	snprintf(path, sizeof(path), "/home/anna/%s/file-%02d.%s", i % 3 ? "photos" : "letters", i,
		 i % 2 ? "jpg" : "txt");
	snprintf(place, sizeof(place), "received_files/%02d-%d", i, state);
	snprintf(hash, sizeof(hash), "%064x", i * 10 + state);
	sr_file_init(&file);
	file.client_id = fault_client(client);
	file.original_path = sr_text_of(path);
	file.size = 7;
	file.crc = i + state;
	file.hash = sr_text_of(hash);
	file.date = sr_text_of("2026-01-31T09:30:00Z");
	file.stored = client == 0 && i % 8 == 0;
	if (file.stored) {
		file.path = sr_text_of(place);
		file.hash = sr_text_of(NULL);
		file.crc = SR_NULL_INTEGER;
		file.size = 7 + state;
	}
	file.mime_type = sr_text_of(i % 2 ? "image/jpeg" : "text/plain");
	MUST(sr_file_save(catalog, &file, 1, NULL, NULL, NULL));
}

static void add_files(sr_catalog *catalog, const char *folder)
{
	char name[100];

	for (int i = 0; i < 40; i++)
		for (int state = 0; state < (i % 8 == 0 ? 3 : 1 + i % 2); state++) {
			snprintf(name, sizeof(name), "received_files/%02d-%d", i, state);
			if (i % 8 == 0)
				torture_write(folder, name, &"..content"[2 - state]);
			save_state(catalog, 0, i, state);
		}
	for (int i = 0; i < 10; i++)
		save_state(catalog, 1, i, 0);
}

static void add_others(sr_catalog *catalog)
{
	sr_id host = fault_client(0);
	sr_keep keep;

	sr_keep_init(&keep);
	keep.last = 1;
	MUST(sr_policy_set(catalog, &host, &keep));
	MUST(sr_quota_set(catalog, &host, 100000, 0.9, NULL));
	MUST(sr_metric_record(catalog, sr_text_of("load"), 0.5));
	MUST(sr_execute_script(catalog, "CREATE TABLE users_notes (name TEXT, what TEXT);"
					"INSERT INTO users_notes VALUES ('a', 'note')"));
}

/* What record reads. */
static void fill_seed(const char *seed)
{
	char name[4400];

	for (int i = 0; i < 24; i++) {
		snprintf(name, sizeof(name), "%s/folder-%d", seed, i % 3);
		if (mkdir(name, 0700) != 0 && errno != EEXIST)
			abort();
		snprintf(name, sizeof(name), "folder-%d/file-%d.txt", i % 3, i);
		torture_write(seed, name, i % 2 ? "some text\n" : "%PDF-1.4\n");
	}
	torture_write(seed, "strongroom.conf",
		      "CONNECTION_POOL_SIZE = 2\nCONNECTION_TIMEOUT = 3\n");
}

void fault_template(const char *folder, const char *seed)
{
	char path[4400];
	sr_options options;
	sr_catalog *catalog;

	snprintf(path, sizeof(path), "%s/received_files", folder);
	if (mkdir(path, 0700) != 0)
		abort();
	snprintf(path, sizeof(path), "%s/catalog.db", folder);
	sr_options_init(&options);
	options.path = path;
	options.create = true;
	MUST(sr_open(&catalog, &options));
	add_clients(catalog);
	add_files(catalog, folder);
	add_others(catalog);
	MUST(sr_search_index_build(catalog, false, NULL, NULL, NULL));
	MUST(sr_close(catalog));
	fill_seed(seed);
}
