/* Clients' AES keys at rest: wrapped, read, written by others, and no plain byte left. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "catalog_fixture.h"

#define KEYS 9

/* Of every length that there may be. None has a run of bytes that anything else here has. */
static const size_t lengths[KEYS] = {16, 24, 32, 8, 17, 31, 33, 300, 4096};

static void make_key(unsigned which, unsigned char *key)
{
	uint32_t state = 2463534242u + which * 77u;

	for (size_t i = 0; i < lengths[which]; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		key[i] = (unsigned char)(state >> 8);
	}
}

static sr_id id_of(unsigned which)
{
	sr_id id = {.bytes = {0x77, 0x01, (uint8_t)which}};

	return id;
}

static sr_status save_key(sr_catalog *catalog, unsigned which)
{
	unsigned char key[4096];
	char name[32];
	sr_client client = {.id = id_of(which), .aes_key = {(const char *)key, lengths[which]}};

	make_key(which, key);
	snprintf(name, sizeof(name), "client %u", which);
	client.name = sr_text_of(name);
	return sr_client_save(catalog, &client, 1, NULL);
}

static void assert_key(sr_catalog *catalog, unsigned which)
{
	const sr_id id = id_of(which);
	unsigned char key[4096];
	sr_client *client;

	make_key(which, key);
	assert_ok(sr_client_by_id(catalog, &id, &client));
	assert_int_equal(client->aes_key.length, lengths[which]);
	assert_memory_equal(client->aes_key.data, key, lengths[which]);
	sr_client_free(client);
}

static void open_with_ring(catalog_fixture *f, const char *ring)
{
	assert_ok(sr_close(f->catalog));
	f->options.master_key_file = ring;
	catalog_open(f);
}

static sr_keys_done init(const catalog_fixture *f)
{
	sr_keys_done done;

	assert_ok(sr_keys_init(f->catalog, NULL, &done));
	return done;
}

/* A catalog with all keys, wrapped. */
static void set_up(catalog_fixture *f)
{
	sr_keys_done done;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_ok(save_key(f->catalog, i));
	done = init(f);
	assert_true(done.ring_made && done.begun && done.cleaned);
	assert_int_equal(done.changed, KEYS);
}

static int64_t wrapped(const catalog_fixture *f)
{
	return integer(f, "SELECT count(*) FROM clients WHERE hex(substr(AESKey, 1, 8)) = "
			  "'9353524B45590A01'");
}

/* ---- No plain byte ---- */

/* Whether a file has any eight bytes of the key that follow each other. */
static bool holds(const unsigned char *bytes, size_t size, unsigned which)
{
	unsigned char key[4096];

	make_key(which, key);
	for (size_t at = 0; at + 8 <= lengths[which]; at += 8)
		if (memmem(bytes, size, key + at, 8) != NULL)
			return true;
	return memmem(bytes, size, key + lengths[which] - 8, 8) != NULL;
}

/* Files of the folder that hold a key. */
static int finds(void)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int found = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		unsigned char *bytes;
		struct stat st;
		FILE *file;
		size_t size;

		if (stat(scratch_path(entry->d_name), &st) != 0 || !S_ISREG(st.st_mode) ||
		    strcmp(entry->d_name, "ring") == 0)
			continue;
		file = fopen(scratch_path(entry->d_name), "rb");
		assert_non_null(file);
		bytes = malloc((size_t)st.st_size + 1);
		assert_non_null(bytes);
		size = fread(bytes, 1, (size_t)st.st_size, file);
		fclose(file);
		for (unsigned i = 0; i < KEYS; i++)
			found += holds(bytes, size, i);
		free(bytes);
	}
	closedir(dir);
	return found;
}

/* In a child, since opening the database's files here would drop the locks of who has it open. */
static int finds_apart(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(finds() > 100 ? 100 : finds());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Keys in rows, in rows that were deleted, in values that were replaced, moved from page to page,
 * in the log. */
static void leave_traces(catalog_fixture *f)
{
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < KEYS; i++)
			assert_ok(save_key(f->catalog, i));
		foreign_sql(f, "CREATE TABLE IF NOT EXISTS copies (a);"
			       "INSERT INTO copies SELECT AESKey FROM clients;"
			       "DELETE FROM copies; DROP TABLE copies");
		for (unsigned i = 0; i < KEYS; i += 2) {
			const sr_id id = id_of(i);

			assert_ok(sr_client_delete(f->catalog, &id, NULL));
		}
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_ok(save_key(f->catalog, i));
}

static void test_no_plain_byte_is_left(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_done done;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	leave_traces(f);
	assert_true(finds_apart() >= KEYS);
	done = init(f);
	assert_true(done.cleaned);
	assert_string_equal(done.why, "");
	assert_int_equal(done.changed, KEYS);
	assert_int_equal(finds_apart(), 0);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	/* New ones never are. */
	for (unsigned i = 0; i < KEYS; i++)
		assert_ok(save_key(f->catalog, i));
	assert_int_equal(finds_apart(), 0);
	assert_ok(sr_backup(f->catalog, NULL, NULL));
	assert_int_equal(finds_apart(), 0);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_int_equal(finds_apart(), 0);
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

/* What another program wrote plain is wrapped by the next write; its traces go with the next
 * keys init. */
static void test_none_of_what_others_wrote(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_done done;

	set_up(f);
	foreign_sql(f, "UPDATE clients SET AESKey = NULL");
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned char key[4096];
		char sql[9000] = "UPDATE clients SET AESKey = x'";

		make_key(i, key);
		for (size_t at = 0; at < lengths[i]; at++)
			snprintf(sql + strlen(sql), 3, "%02x", key[at]);
		snprintf(sql + strlen(sql), 50, "' WHERE Name = 'client %u'", i);
		foreign_sql(f, sql);
	}
	assert_true(finds_apart() >= KEYS);
	assert_int_equal(wrapped(f), 0);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	done = init(f);
	assert_false(done.begun);
	assert_false(done.ring_made);
	assert_int_equal(done.changed, KEYS);
	assert_true(done.cleaned);
	assert_int_equal(finds_apart(), 0);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

/* A reader from before keeps its pages in the log: the keys are wrapped, and it is said that copies
 * are left. */
static void test_a_reader_holds_copies(void **state)
{
	catalog_fixture *f = *state;
	sr_catalog *other;
	sr_clients *reader;
	const sr_client *client;
	sr_keys_done done;

	f->options.timeout = 0.4;
	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_ok(save_key(f->catalog, i));
	assert_ok(sr_open(&other, &f->options));
	assert_ok(sr_client_list(other, false, &reader));
	assert_ok(sr_clients_next(reader, &client));
	done = init(f);
	assert_false(done.cleaned);
	assert_string_not_equal(done.why, "");
	assert_int_equal(done.changed, KEYS);
	sr_clients_close(reader);
	assert_ok(sr_close(other));
	done = init(f);
	assert_true(done.cleaned);
	assert_int_equal(done.changed, 0);
	assert_int_equal(finds_apart(), 0);
}

/* ---- Reading and writing ---- */

static bool crypto_is_loaded(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1024];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		found = found || strstr(line, "libcrypto") != NULL;
	fclose(maps);
	return found;
}

/* The first of the tests: nothing before it has loaded it. */
static void test_plain_needs_no_crypto(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	assert_ok(save_key(f->catalog, 0));
	assert_key(f->catalog, 0);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_false(status->wrapping);
	assert_int_equal(status->plain, 1);
	assert_null(status->cleaned.data);
	assert_string_equal(status->ring.data, f->options.master_key_file);
	assert_false(status->ring_read);
	assert_non_null(strstr(status->ring_says.data, "ring"));
	sr_keys_status_free(status);
	assert_false(crypto_is_loaded());
}

static void test_keys_go_through(void **state)
{
	catalog_fixture *f = *state;
	const sr_client *client;
	sr_clients *cursor;
	sr_saved saved;
	size_t seen = 0;

	set_up(f);
	assert_int_equal(wrapped(f), KEYS);
	assert_ok(sr_client_list(f->catalog, true, &cursor));
	for (;;) {
		unsigned char key[4096];

		assert_ok(sr_clients_next(cursor, &client));
		if (client == NULL)
			break;
		make_key(client->id.bytes[2], key);
		assert_int_equal(client->aes_key.length, lengths[client->id.bytes[2]]);
		assert_memory_equal(client->aes_key.data, key, client->aes_key.length);
		seen++;
	}
	sr_clients_close(cursor);
	assert_int_equal(seen, KEYS);
	/* The same key again is no change; another, and none, are. */
	for (unsigned i = 0; i < 3; i++) {
		sr_client other = {.id = id_of(0), .name = sr_text_of("client 0")};
		unsigned char key[4096];

		make_key(0, key);
		key[0] ^= (unsigned char)(i == 1);
		if (i < 2)
			other.aes_key = (sr_text){(const char *)key, 16};
		assert_ok(sr_client_save(f->catalog, &other, 1, &saved));
		assert_int_equal(saved.unchanged, i == 0);
		assert_int_equal(saved.changed, i != 0);
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM clients WHERE AESKey IS NULL"), 1);
	/* Updates wrap as well, and change nothing else. */
	sr_client changes = {.id = id_of(0), .aes_key = {"0123456789abcdef", 16}};
	sr_client *found;

	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_AES_KEY));
	assert_int_equal(wrapped(f), KEYS);
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("client 0"), &found));
	assert_text(found->aes_key, "0123456789abcdef");
	sr_client_free(found);
	changes.name = sr_text_of("renamed");
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_NAME));
	assert_ok(sr_client_by_id(f->catalog, &changes.id, &found));
	assert_text(found->aes_key, "0123456789abcdef");
	sr_client_free(found);
	/* A key of no bytes hides nothing. */
	changes.aes_key = (sr_text){"", 0};
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_AES_KEY));
	assert_ok(sr_client_by_id(f->catalog, &changes.id, &found));
	assert_int_equal(found->aes_key.length, 0);
	assert_non_null(found->aes_key.data);
	sr_client_free(found);
}

/* What is not asked for is null, and needs no ring. */
static void test_fields(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(1);
	const sr_client *listed;
	sr_clients *cursor;
	sr_client *client;

	set_up(f);
	open_with_ring(f, NULL);
	assert_ok(sr_client_find(f->catalog, &id, sr_text_of(NULL),
				 SR_CLIENT_NAME | SR_CLIENT_LAST_SEEN, &client));
	assert_text(client->name, "client 1");
	assert_non_null(client->last_seen.data);
	assert_null(client->aes_key.data);
	sr_client_free(client);
	assert_ok(sr_client_find(f->catalog, NULL, sr_text_of("client 1"), 0, &client));
	assert_memory_equal(&client->id, &id, sizeof(id));
	assert_null(client->last_seen.data);
	sr_client_free(client);
	assert_fails(sr_client_find(f->catalog, &id, sr_text_of(NULL), 16, &client), SR_INVALID,
		     "0x10");
	assert_fails(sr_client_list_fields(f->catalog, false, 99, &cursor), SR_INVALID, "0x63");
	assert_ok(sr_client_list_fields(f->catalog, true, SR_CLIENT_NAME, &cursor));
	for (unsigned i = 0; i < KEYS; i++) {
		assert_ok(sr_clients_next(cursor, &listed));
		assert_non_null(listed);
		assert_null(listed->aes_key.data);
	}
	sr_clients_close(cursor);
}

/* Without the ring everything goes that needs no key. */
static void test_without_the_ring(void **state)
{
	catalog_fixture *f = *state;
	const char *rings[] = {NULL, scratch_path("missing"), scratch_path("another")};
	sr_keys_status *status;
	char id[SR_MASTER_ID_SIZE];
	sr_catalog *other;

	set_up(f);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	snprintf(id, sizeof(id), "%s", status->masters[0].id);
	sr_keys_status_free(status);
	/* Of another catalog. */
	sr_options options = f->options;
	sr_keys_done done;

	options.path = scratch_path("other.db");
	options.master_key_file = rings[2];
	assert_ok(sr_open(&other, &options));
	assert_ok(sr_keys_init(other, NULL, &done));
	assert_ok(sr_close(other));
	for (int i = 0; i < 3; i++) {
		const sr_client *listed;
		sr_client *client;
		sr_clients *cursor;
		const sr_id first = id_of(0);
		int64_t checked, faults, count;
		sr_client fresh = {.name = sr_text_of("fresh"), .aes_key = {"abcdefgh", 8}};

		open_with_ring(f, rings[i]);
		assert_fails(sr_client_by_id(f->catalog, &first, &client), SR_WRONG_KEY, id);
		assert_null(client);
		assert_says("client 0");
		assert_says(i == 0 ? "STRONGROOM_MASTER_KEY_FILE" : strrchr(rings[i], '/'));
		assert_ok(sr_client_list(f->catalog, false, &cursor));
		for (int at = 0; at < KEYS; at++) {
			assert_fails(sr_clients_next(cursor, &listed), SR_WRONG_KEY, id);
			assert_null(listed);
		}
		assert_ok(sr_clients_next(cursor, &listed));
		assert_null(listed);
		sr_clients_close(cursor);
		assert_ok(sr_keys_check(f->catalog, NULL, NULL, &checked, &faults));
		assert_int_equal(checked, KEYS);
		assert_int_equal(faults, KEYS);
		assert_fails(sr_keys_init(f->catalog, NULL, &done),
			     i == 0 ? SR_INVALID : SR_WRONG_KEY, i == 0 ? "key-file" : id);
		assert_fails(sr_keys_unwrap(f->catalog, &done), SR_WRONG_KEY, id);
		sr_id_new(&fresh.id);
		assert_fails(sr_client_save(f->catalog, &fresh, 1, NULL), SR_WRONG_KEY, id);
		assert_ok(sr_client_count(f->catalog, &count));
		assert_int_equal(count, KEYS);
		assert_int_equal(wrapped(f), KEYS);
		/* No key, no need of a master key. */
		fresh.aes_key = sr_text_of(NULL);
		assert_ok(sr_client_save(f->catalog, &fresh, 1, NULL));
		assert_ok(sr_client_delete(f->catalog, &fresh.id, NULL));
		fresh = (sr_client){.id = first, .name = sr_text_of("client 0")};
		assert_ok(sr_client_update(f->catalog, &fresh, SR_CLIENT_NAME));
		assert_int_equal(access(scratch_path("missing"), F_OK), -1);
	}
	open_with_ring(f, scratch_path("ring"));
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

/* A door that shows no keys sees none, needs none, and loses none. */
static void test_hidden(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(3);
	sr_client *client;
	sr_saved saved;

	set_up(f);
	f->options.hide_keys = true;
	open_with_ring(f, NULL);
	assert_ok(sr_client_by_id(f->catalog, &id, &client));
	assert_null(client->aes_key.data);
	assert_ok(sr_client_save(f->catalog, client, 1, &saved));
	assert_int_equal(saved.unchanged, 1);
	client->name = sr_text_of("client three");
	assert_ok(sr_client_save(f->catalog, client, 1, &saved));
	assert_int_equal(saved.changed, 1);
	client->name = sr_text_of("client 3");
	assert_ok(sr_client_save(f->catalog, client, 1, &saved));
	sr_client_free(client);
	f->options.hide_keys = false;
	open_with_ring(f, scratch_path("ring"));
	assert_key(f->catalog, 3);
}

/* ---- Others' writes ---- */

#define OLD_CODE                                                                                   \
	"INSERT OR REPLACE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) VALUES "           \
	"(x'aa0102030405060708090a0b0c0d0e0f', 'old code', NULL, '2026-01-01', "                   \
	"x'4f4c444f4c444f4c444f4c444f4c4421')"

static void assert_old_key(const catalog_fixture *f, bool is_wrapped)
{
	sr_client *client;

	assert_int_equal(integer(f, "SELECT length(AESKey) FROM clients WHERE Name = 'old code'"),
			 is_wrapped ? 60 : 16);
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("old code"), &client));
	assert_text(client->aes_key, "OLDOLDOLDOLDOLD!");
	sr_client_free(client);
}

static void test_old_code_writes_plain(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	set_up(f);
	f->client = id_of(0);
	for (int i = 0; i < 3; i++) {
		sr_file file = file_at(f, i == 0 ? "/a" : i == 1 ? "/b" : "/c");

		foreign_sql(f, OLD_CODE);
		assert_old_key(f, false);
		assert_ok(sr_keys_status_get(f->catalog, &status));
		assert_int_equal(status->plain, 1);
		assert_int_equal(status->wrapped, KEYS);
		sr_keys_status_free(status);
		/* Any write will do. */
		save(f, &file);
		assert_old_key(f, true);
	}
	/* What it reads and writes back stays what it is. */
	foreign_sql(f, "INSERT OR REPLACE INTO clients SELECT * FROM clients");
	save_key(f->catalog, 1);
	assert_old_key(f, true);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	/* Callers' own statements on our connection are another program's. */
	assert_ok(sr_execute(f->catalog, OLD_CODE, NULL, 0, NULL));
	assert_old_key(f, false);
	assert_ok(save_key(f->catalog, 2));
	assert_old_key(f, true);
	/* In a transaction that comes to nothing it is plain again, and wrapped by the next. */
	foreign_sql(f, OLD_CODE);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_key(f->catalog, 2));
	assert_ok(sr_rollback(f->catalog));
	assert_old_key(f, false);
	assert_ok(save_key(f->catalog, 2));
	assert_old_key(f, true);
}

/* A write that fails keeps nothing of it either, and the next one looks again. */
static void test_taken_in_by_the_next_that_succeeds(void **state)
{
	catalog_fixture *f = *state;
	sr_client taken = {.name = sr_text_of("client 1")};

	set_up(f);
	foreign_sql(f, OLD_CODE);
	sr_id_new(&taken.id);
	assert_fails(sr_client_save(f->catalog, &taken, 1, NULL), SR_EXISTS, "client 1");
	assert_old_key(f, false);
	assert_ok(save_key(f->catalog, 2));
	assert_old_key(f, true);
}

/* Without the ring writes go on, and what is plain waits for somebody who has it. */
static void test_not_taken_in_without_the_ring(void **state)
{
	catalog_fixture *f = *state;

	set_up(f);
	foreign_sql(f, OLD_CODE);
	f->client = id_of(0);
	open_with_ring(f, scratch_path("missing"));
	sr_file file = file_at(f, "/a");

	save(f, &file);
	assert_old_key(f, false);
	open_with_ring(f, NULL);
	save(f, &file);
	assert_old_key(f, false);
	open_with_ring(f, scratch_path("ring"));
	save(f, &file);
	assert_old_key(f, true);
}

/* Keys of whatever type old programs left, and of clients whose ids are odd. */
static void test_odd_rows(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_done done;
	int64_t checked, faults;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	foreign_sql(f, "INSERT INTO clients (ID, Name, LastSeen, AESKey) VALUES "
		       "(NULL, 'null', '', x'0102030405060708'), (x'', 'empty', '', 'as text'), "
		       "('text', 'text', '', 12345678), (x'05', 'short', '', 1.5), "
		       "(7, 'number', '', x''), (8, 'without', '', NULL), "
		       "(zeroblob(16), 'like one', '', x'9353524B45590A01')");
	done = init(f);
	assert_int_equal(done.changed, 5);
	assert_int_equal(wrapped(f), 5);
	assert_ok(sr_keys_check(f->catalog, NULL, NULL, &checked, &faults));
	assert_int_equal(checked, 5);
	assert_int_equal(faults, 0);
	assert_ok(sr_keys_unwrap(f->catalog, &done));
	assert_int_equal(done.changed, 5);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients WHERE CAST(AESKey AS TEXT) IN "
				    "('as text', '12345678', '1.5') OR AESKey IN "
				    "(x'0102030405060708', x'9353524B45590A01', x'')"),
			 6);
}

/* ---- Damage ---- */

typedef struct seen {
	int count;
	sr_status status;
	char names[256];
	char message[512];
} seen;

static void on_fault(void *arg, const sr_key_fault *fault)
{
	seen *s = arg;

	s->count++;
	s->status = fault->status;
	snprintf(s->names + strlen(s->names), sizeof(s->names) - strlen(s->names), "%s,",
		 fault->name.data);
	snprintf(s->message, sizeof(s->message), "%s", fault->message);
}

static void test_changed_and_moved(void **state)
{
	catalog_fixture *f = *state;
	const sr_id moved = id_of(2), damaged = id_of(5);
	int64_t checked, faults;
	sr_client *client;
	seen s = {0};

	set_up(f);
	assert_ok(sr_keys_check(f->catalog, on_fault, &s, &checked, &faults));
	assert_int_equal(checked, KEYS);
	assert_int_equal(faults + s.count, 0);
	foreign_sql(f, "UPDATE clients SET AESKey = (SELECT AESKey FROM clients WHERE Name = "
		       "'client 1') WHERE Name = 'client 2'");
	foreign_sql(f, "UPDATE clients SET AESKey = substr(AESKey, 1, 40) || x'00' || "
		       "substr(AESKey, 42) WHERE Name = 'client 5'");
	assert_fails(sr_client_by_id(f->catalog, &moved, &client), SR_CORRUPT, "client 2");
	assert_fails(sr_client_by_id(f->catalog, &damaged, &client), SR_CORRUPT, "client 5");
	assert_ok(sr_keys_check(f->catalog, on_fault, &s, NULL, &faults));
	assert_int_equal(faults, 2);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.status, SR_CORRUPT);
	assert_string_equal(s.names, "client 2,client 5,");
	assert_non_null(strstr(s.message, "client 5"));
	/* Saved anew they are whole. */
	assert_ok(save_key(f->catalog, 2));
	assert_ok(save_key(f->catalog, 5));
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

/* What SQL shows is not what is saved. */
static void test_wrapped_keys_are_not_given(void **state)
{
	catalog_fixture *f = *state;
	char blob[60] = "\x93SRKEY\n\x01";
	sr_client client = {.name = sr_text_of("w"), .aes_key = {blob, sizeof(blob)}};

	catalog_open(f);
	sr_id_new(&client.id);
	assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_INVALID, "wrapped");
	assert_fails(sr_client_update(f->catalog, &client, SR_CLIENT_AES_KEY), SR_INVALID,
		     "wrapped");
	client.aes_key.length = 32;
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
}

/* ---- Beginning, and the way back ---- */

static void test_init_refused(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_options options = {.version = 9};
	sr_keys_done done = {.changed = 5};

	catalog_open(f);
	assert_ok(save_key(f->catalog, 0));
	assert_fails(sr_keys_init(f->catalog, NULL, &done), SR_INVALID,
		     "STRONGROOM_MASTER_KEY_FILE");
	assert_int_equal(done.changed, 0);
	open_with_ring(f, scratch_path("ring"));
	assert_fails(sr_keys_init(f->catalog, &options, &done), SR_INVALID, "version 9");
	assert_ok(sr_begin(f->catalog, NULL));
	assert_fails(sr_keys_init(f->catalog, NULL, &done), SR_INVALID, "transaction");
	assert_fails(sr_keys_unwrap(f->catalog, &done), SR_INVALID, "transaction");
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(setenv("STRONGROOM_AES_KEYS", "plain", 1), 0);
	open_with_ring(f, scratch_path("ring"));
	assert_fails(sr_keys_init(f->catalog, NULL, &done), SR_INVALID, "STRONGROOM_AES_KEYS");
	assert_int_equal(setenv("STRONGROOM_AES_KEYS", "open", 1), 0);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_fails(sr_open(&f->catalog, &f->options), SR_INVALID, "open");
	unsetenv("STRONGROOM_AES_KEYS");
	open_with_ring(f, scratch_path("no/such/folder/ring"));
	assert_fails(sr_keys_init(f->catalog, NULL, &done), SR_NOT_FOUND, "no/such/folder/ring'");
	open_with_ring(f, f->path);
	assert_fails(sr_keys_init(f->catalog, NULL, &done), SR_INVALID, "the database itself");
	assert_int_equal(access(scratch_path("ring"), F_OK), -1);
	f->options.read_only = true;
	open_with_ring(f, scratch_path("ring"));
	assert_fails(sr_keys_init(f->catalog, NULL, &done), SR_READ_ONLY, "");
	assert_int_equal(wrapped(f), 0);
	assert_key(f->catalog, 0);
}

static bool cancel(void *arg, const char *step, int64_t done, int64_t total)
{
	(void)done;
	(void)total;
	return strcmp(step, arg) == 0;
}

static void test_cancelled(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_options options;
	sr_keys_done done;
	char first[] = "wrapping", second[] = "removing plain copies";

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	assert_ok(save_key(f->catalog, 0));
	sr_keys_options_init(&options);
	options.progress = cancel;
	options.progress_arg = first;
	assert_fails(sr_keys_init(f->catalog, &options, &done), SR_INTERRUPTED, "nothing");
	assert_int_equal(wrapped(f), 0);
	assert_int_equal(access(scratch_path("ring"), F_OK), -1);
	options.progress_arg = second;
	assert_ok(sr_keys_init(f->catalog, &options, &done));
	assert_false(done.cleaned);
	assert_string_not_equal(done.why, "");
	assert_int_equal(wrapped(f), 1);
	assert_true(init(f).cleaned);
	assert_int_equal(finds_apart(), 0);
}

/* A ring that is there is used, whoever made it. */
static void test_a_ring_for_two(void **state)
{
	catalog_fixture *f = *state;
	sr_options options;
	sr_catalog *other;
	sr_keys_done first, second;

	set_up(f);
	first = init(f);
	options = f->options;
	options.path = scratch_path("other.db");
	assert_ok(sr_open(&other, &options));
	assert_ok(sr_keys_init(other, NULL, &second));
	assert_true(second.begun);
	assert_false(second.ring_made);
	assert_string_equal(second.id, first.id);
	assert_ok(sr_close(other));
	/* One with nothing in it is no ring to begin with. */
	FILE *file = fopen(scratch_path("empty"), "w");

	assert_non_null(file);
	fclose(file);
	assert_int_equal(chmod(scratch_path("empty"), 0600), 0);
	options.path = scratch_path("third.db");
	options.master_key_file = scratch_path("empty");
	assert_ok(sr_open(&other, &options));
	assert_fails(sr_keys_init(other, NULL, &second), SR_NOT_FOUND, "no master key");
	assert_ok(sr_close(other));
}

static void *init_apart(void *arg)
{
	const catalog_fixture *f = arg;
	sr_catalog *catalog;
	sr_keys_done *done = calloc(1, sizeof(*done));
	sr_status rc;

	if (done == NULL || sr_open(&catalog, &f->options) != SR_OK)
		abort();
	if ((rc = sr_keys_init(catalog, NULL, done)) != SR_OK)
		snprintf(done->why, sizeof(done->why), "%s", sr_error_message());
	if (sr_close(catalog) != SR_OK || rc != SR_OK)
		done->id[0] = '\0';
	return done;
}

/* One of them makes the ring and begins, and all of them mean the same key. */
static void test_two_begin_at_once(void **state)
{
	catalog_fixture *f = *state;
	pthread_t threads[4];
	sr_keys_done *done[4];
	int made = 0, begun = 0;
	int64_t changed = 0;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_ok(save_key(f->catalog, i));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, init_apart, f), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], (void **)&done[i]), 0);
	for (int i = 0; i < 4; i++) {
		if (done[i]->id[0] == '\0')
			fail_msg("%s", done[i]->why);
		assert_string_equal(done[i]->id, done[0]->id);
		made += done[i]->ring_made;
		begun += done[i]->begun;
		changed += done[i]->changed;
	}
	assert_int_equal(made, 1);
	assert_int_equal(begun, 1);
	assert_int_equal(changed, KEYS);
	for (int i = 0; i < 4; i++)
		free(done[i]);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

static void test_unwrap(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;
	sr_keys_done done;

	set_up(f);
	assert_ok(sr_keys_unwrap(f->catalog, &done));
	assert_int_equal(done.changed, KEYS);
	assert_string_equal(done.id, "");
	assert_int_equal(wrapped(f), 0);
	open_with_ring(f, NULL);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(wrapped(f), 0);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_false(status->wrapping);
	assert_int_equal(status->master_count, 0);
	sr_keys_status_free(status);
	/* And again, with the ring that there is. */
	open_with_ring(f, scratch_path("ring"));
	done = init(f);
	assert_true(done.begun);
	assert_false(done.ring_made);
}

/* Kept plain for those who need that: what is written from now on. */
static void test_plain_by_setting(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	set_up(f);
	assert_int_equal(setenv("STRONGROOM_AES_KEYS", "plain", 1), 0);
	open_with_ring(f, scratch_path("ring"));
	unsetenv("STRONGROOM_AES_KEYS");
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(wrapped(f), KEYS - 1);
	foreign_sql(f, OLD_CODE);
	assert_ok(save_key(f->catalog, 1));
	assert_old_key(f, false);
	assert_int_equal(wrapped(f), KEYS - 2);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_true(status->wrapping && status->keep_plain);
	assert_int_equal(status->plain, 3);
	sr_keys_status_free(status);
	open_with_ring(f, scratch_path("ring"));
	assert_ok(save_key(f->catalog, 1));
	assert_int_equal(wrapped(f), KEYS + 1);
}

static void test_status(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	set_up(f);
	add_client(f, "without");
	foreign_sql(f, "INSERT INTO master_keys (ID, CreatedAt) VALUES ('nonsense', 'x'), "
		       "('0123456789abcdef', '2020-01-01T00:00:00Z');"
		       "UPDATE clients SET AESKey = x'9353524B45590A01fedcba9876543210' || "
		       "zeroblob(40) WHERE Name = 'client 4'");
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_true(status->wrapping);
	assert_int_equal(status->wrapped, KEYS);
	assert_int_equal(status->plain, 0);
	assert_int_equal(status->without, 1);
	assert_true(status->ring_read);
	assert_null(status->ring_says.data);
	assert_non_null(status->cleaned.data);
	assert_int_equal(status->master_count, 3);
	assert_string_equal(status->masters[0].id, "0123456789abcdef");
	assert_text(status->masters[0].since, "2020-01-01T00:00:00Z");
	assert_false(status->masters[0].current || status->masters[0].in_ring);
	assert_true(status->masters[1].current && status->masters[1].in_ring);
	assert_int_equal(status->masters[1].clients, KEYS - 1);
	assert_string_equal(status->masters[2].id, "fedcba9876543210");
	assert_null(status->masters[2].since.data);
	assert_int_equal(status->masters[2].clients, 1);
	sr_keys_status_free(status);
}

/* A ring that is taken away, put back, or opened to others is noticed at once. */
static void test_the_ring_is_looked_at(void **state)
{
	catalog_fixture *f = *state;
	char ring[256], away[256];
	const sr_id id = id_of(0);
	sr_client *client;

	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	snprintf(away, sizeof(away), "%s", scratch_path("away"));
	set_up(f);
	assert_key(f->catalog, 0);
	assert_int_equal(rename(ring, away), 0);
	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_WRONG_KEY, "no key ring");
	assert_int_equal(rename(away, ring), 0);
	assert_key(f->catalog, 0);
	assert_int_equal(chmod(ring, 0644), 0);
	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_PERMISSION, "0644");
	assert_int_equal(chmod(ring, 0600), 0);
	assert_key(f->catalog, 0);
}

static void test_command(void **state)
{
	catalog_fixture *f = *state;
	char command[512];
	sr_keys_done done;
	const sr_id id = id_of(0);
	sr_client *client;

	set_up(f);
	snprintf(command, sizeof(command), "cat '%s'", scratch_path("ring"));
	assert_int_equal(setenv("STRONGROOM_MASTER_KEY_COMMAND", command, 1), 0);
	open_with_ring(f, NULL);
	unsetenv("STRONGROOM_MASTER_KEY_COMMAND");
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(wrapped(f), KEYS);
	done = init(f);
	assert_false(done.begun);
	assert_int_equal(setenv("STRONGROOM_MASTER_KEY_COMMAND", "exit 3", 1), 0);
	open_with_ring(f, NULL);
	unsetenv("STRONGROOM_MASTER_KEY_COMMAND");
	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_IO, "status 3");
	assert_says("client 0");
}

/* A command that writes down, each time that it is asked, whether the database could be written. */
static void open_with_command(catalog_fixture *f, const char *last)
{
	char command[1024], path[256], asked[256], ring[256];

	snprintf(path, sizeof(path), "%s", f->path);
	snprintf(asked, sizeof(asked), "%s", scratch_path("asked"));
	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	snprintf(command, sizeof(command),
		 "if sqlite3 -bail -cmd '.timeout 4000' '%s' 'BEGIN IMMEDIATE; ROLLBACK'; then "
		 "echo free; else "
		 "echo held; fi >>'%s'; cat '%s'; %s",
		 path, asked, ring, last);
	unlink(asked);
	assert_int_equal(setenv("STRONGROOM_MASTER_KEY_COMMAND", command, 1), 0);
	open_with_ring(f, NULL);
	unsetenv("STRONGROOM_MASTER_KEY_COMMAND");
}

/* All that it has written down. */
static void assert_asked(const char *expected)
{
	char text[256] = "";
	FILE *file = fopen(scratch_path("asked"), "r");

	if (file != NULL) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	assert_string_equal(text, expected);
}

/* Everybody would wait for the command otherwise. */
static void test_no_command_inside_a_write(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	sr_client changes = {.id = id, .aes_key = sr_text_of("another key....!")};
	sr_keys_done done;

	set_up(f);
	f->client = id;
	/* What others have written is taken in by a write about anything. */
	foreign_sql(f, OLD_CODE);
	open_with_command(f, "");
	sr_file file = file_at(f, "/a");
	save(f, &file);
	assert_asked("free\n");
	assert_int_equal(wrapped(f), KEYS + 1);
	assert_old_key(f, true);
	/* Saving a key, by each way. */
	open_with_command(f, "");
	assert_ok(save_key(f->catalog, 0));
	assert_ok(save_key(f->catalog, 1));
	assert_asked("free\n");
	open_with_command(f, "");
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_AES_KEY));
	assert_asked("free\n");
	open_with_command(f, "");
	assert_ok(sr_keys_unwrap(f->catalog, &done));
	assert_int_equal(done.changed, KEYS + 1);
	assert_asked("free\n");
	assert_int_equal(wrapped(f), 0);
}

/* In a transaction of the caller it is too late: before that. */
static void test_command_before_a_transaction(void **state)
{
	catalog_fixture *f = *state;

	set_up(f);
	f->client = id_of(0);
	foreign_sql(f, OLD_CODE);
	open_with_command(f, "");
	assert_ok(sr_begin(f->catalog, NULL));
	assert_asked("free\n");
	assert_ok(save_key(f->catalog, 0));
	assert_key(f->catalog, 1);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_key(f->catalog, 2));
	assert_ok(sr_commit(f->catalog));
	assert_ok(sr_commit(f->catalog));
	assert_old_key(f, true);
	assert_int_equal(wrapped(f), KEYS + 1);
	assert_asked("free\n");
}

/* A failure is told by what needs a key, and not asked for again by what does not. */
static void test_command_in_vain(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = id_of(0);
	sr_client *client;

	set_up(f);
	f->client = id;
	foreign_sql(f, OLD_CODE);
	open_with_command(f, "exit 3");
	for (int i = 0; i < 4; i++) {
		sr_file file = file_at(f, i == 0 ? "/a" : i == 1 ? "/b" : i == 2 ? "/c" : "/d");

		/* Others' commits make it look again. */
		foreign_sql(f, "UPDATE clients SET PublicKey = 'x' WHERE Name = 'old code'");
		save(f, &file);
	}
	assert_int_equal(wrapped(f), KEYS);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_fails(save_key(f->catalog, 3), SR_IO, "status 3");
	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_IO, "status 3");
	assert_ok(sr_rollback(f->catalog));
	assert_asked("free\n");
	/* It is asked again by what cannot do without. */
	assert_fails(save_key(f->catalog, 3), SR_IO, "status 3");
	assert_asked("free\nfree\n");
	assert_fails(sr_client_by_id(f->catalog, &id, &client), SR_IO, "status 3");
	assert_asked("free\nfree\nfree\n");
}

typedef struct writer {
	const catalog_fixture *f;
	pthread_t thread;
	unsigned which;
	sr_status status;
} writer;

static void *write_apart(void *arg)
{
	writer *w = arg;

	w->status = save_key(w->f->catalog, w->which);
	return NULL;
}

/* Of many that write at once each keeps its key, however they share transactions, and it is asked
 * once. */
static void test_one_command_for_many(void **state)
{
	catalog_fixture *f = *state;
	writer writers[KEYS];

	set_up(f);
	foreign_sql(f, OLD_CODE);
	open_with_command(f, "");
	for (unsigned i = 0; i < KEYS; i++) {
		writers[i] = (writer){.f = f, .which = i};
		assert_int_equal(pthread_create(&writers[i].thread, NULL, write_apart, &writers[i]),
				 0);
	}
	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
		assert_int_equal(writers[i].status, SR_OK);
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_int_equal(wrapped(f), KEYS + 1);
	assert_asked("free\n");
}

/* ---- Health ---- */

/* How often a check-up finds that; -1 for a check-up that fails. */
static int64_t health_finds(const catalog_fixture *f, const char *code, bool full)
{
	sr_health_options options;
	sr_health *health;
	int64_t count = 0;

	sr_health_options_init(&options);
	options.full = full;
	assert_ok(sr_health_check(f->catalog, &options, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		if (strcmp(health->findings[i].code, code) == 0)
			count += health->findings[i].count > 0 ? health->findings[i].count : 1;
	sr_health_free(health);
	return count;
}

static void test_health(void **state)
{
	static const char *const codes[] = {"keys_ring",        "keys_master", "keys_unreadable",
					    "keys_not_wrapped", "keys_plain",  "keys_copies"};
	catalog_fixture *f = *state;
	sr_keys_status *status;

	f->options.master_key_file = scratch_path("ring");
	catalog_open(f);
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(health_finds(f, "keys_not_wrapped", false), 1);
	assert_true(init(f).cleaned);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(health_finds(f, codes[i], true), 0);
	/* Plain by another program, then wrapped, with copies that may be left, then none. */
	foreign_sql(f, OLD_CODE);
	assert_int_equal(health_finds(f, "keys_plain", false), 1);
	assert_ok(save_key(f->catalog, 1));
	assert_int_equal(health_finds(f, "keys_plain", false), 0);
	assert_int_equal(health_finds(f, "keys_copies", false), 1);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_null(status->cleaned.data);
	sr_keys_status_free(status);
	assert_true(init(f).cleaned);
	assert_int_equal(health_finds(f, "keys_copies", false), 0);
	/* What cannot be read is told of where a ring is named. */
	foreign_sql(f, "UPDATE clients SET AESKey = AESKey || x'00' WHERE Name = 'client 1'");
	assert_int_equal(health_finds(f, "keys_unreadable", false), 0);
	assert_int_equal(health_finds(f, "keys_unreadable", true), 1);
	assert_int_equal(chmod(scratch_path("ring"), 0604), 0);
	assert_int_equal(health_finds(f, "keys_ring", false), 3);
	assert_int_equal(chmod(scratch_path("ring"), 0600), 0);
	open_with_ring(f, NULL);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(health_finds(f, codes[i], true), 0);
	/* Another catalog's ring. */
	sr_options other = f->options;
	sr_catalog *catalog;
	sr_keys_done done;

	other.path = scratch_path("other.db");
	other.master_key_file = scratch_path("other ring");
	assert_ok(sr_open(&catalog, &other));
	assert_ok(sr_keys_init(catalog, NULL, &done));
	assert_ok(sr_close(catalog));
	open_with_ring(f, scratch_path("other ring"));
	assert_int_equal(health_finds(f, "keys_master", false), 3);
}

/* A database that is salvaged, backed up or restored has its keys as they were. */
static void test_copies_of_the_database(void **state)
{
	catalog_fixture *f = *state;
	const char *salvaged = scratch_path("salvaged.db");
	sr_salvaged *report;
	sr_backup_options backup;

	set_up(f);
	sr_backup_options_init(&backup);
	backup.path = scratch_path("backup.db");
	assert_ok(sr_backup(f->catalog, &backup, NULL));
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_ok(sr_salvage(f->path, salvaged, NULL, &report));
	sr_salvaged_free(report);
	snprintf(f->path, sizeof(f->path), "%s", salvaged);
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_int_equal(wrapped(f), KEYS);
	assert_false(init(f).begun);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_ok(sr_restore(&f->options, backup.path, NULL, NULL));
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_plain_needs_no_crypto),
		WITH(test_no_plain_byte_is_left),
		WITH(test_none_of_what_others_wrote),
		WITH(test_a_reader_holds_copies),
		WITH(test_keys_go_through),
		WITH(test_fields),
		WITH(test_without_the_ring),
		WITH(test_hidden),
		WITH(test_old_code_writes_plain),
		WITH(test_taken_in_by_the_next_that_succeeds),
		WITH(test_not_taken_in_without_the_ring),
		WITH(test_odd_rows),
		WITH(test_changed_and_moved),
		WITH(test_wrapped_keys_are_not_given),
		WITH(test_init_refused),
		WITH(test_cancelled),
		WITH(test_a_ring_for_two),
		WITH(test_two_begin_at_once),
		WITH(test_unwrap),
		WITH(test_plain_by_setting),
		WITH(test_status),
		WITH(test_the_ring_is_looked_at),
		WITH(test_command),
		WITH(test_no_command_inside_a_write),
		WITH(test_command_before_a_transaction),
		WITH(test_command_in_vain),
		WITH(test_one_command_for_many),
		WITH(test_health),
		WITH(test_copies_of_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
