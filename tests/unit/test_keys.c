/* Clients' AES keys, wrapped: read, saved, written by others, damaged. */
#include "keys_fixture.h"

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

	keys_set_up(f);
	assert_int_equal(keys_wrapped(f), KEYS);
	assert_ok(sr_client_list(f->catalog, true, &cursor));
	for (;;) {
		unsigned char key[4096];

		assert_ok(sr_clients_next(cursor, &client));
		if (client == NULL)
			break;
		make_key(client->id.bytes[2], key);
		assert_int_equal(client->aes_key.length, key_lengths[client->id.bytes[2]]);
		assert_memory_equal(client->aes_key.data, key, client->aes_key.length);
		seen++;
	}
	sr_clients_close(cursor);
	assert_int_equal(seen, KEYS);
	/* The same key again is no change; another, and none, are. */
	for (unsigned i = 0; i < 3; i++) {
		sr_client other = {.id = key_owner(0), .name = sr_text_of("client 0")};
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
	sr_client changes = {.id = key_owner(0), .aes_key = {"0123456789abcdef", 16}};
	sr_client *found;

	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_AES_KEY));
	assert_int_equal(keys_wrapped(f), KEYS);
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
	const sr_id id = key_owner(1);
	const sr_client *listed;
	sr_clients *cursor;
	sr_client *client;

	keys_set_up(f);
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

/* A door that shows no keys sees none, needs none, and loses none. */
static void test_hidden(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = key_owner(3);
	sr_client *client;
	sr_saved saved;

	keys_set_up(f);
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

static void test_old_code_writes_plain(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	keys_set_up(f);
	f->client = key_owner(0);
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
	/* In a transaction that comes to nothing it is plain again, and wrapped by the next. */
	foreign_sql(f, OLD_CODE);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(save_key(f->catalog, 2));
	assert_ok(sr_rollback(f->catalog));
	assert_old_key(f, false);
	assert_ok(save_key(f->catalog, 2));
	assert_old_key(f, true);
}

/* Not even the first backup after it has the key. */
static void test_taken_in_before_a_backup(void **state)
{
	catalog_fixture *f = *state, copy;
	sr_backup_options options;

	keys_set_up(f);
	foreign_sql(f, OLD_CODE);
	sr_backup_options_init(&options);
	options.path = scratch_path("copy");
	assert_ok(sr_backup(f->catalog, &options, NULL));
	copy = *f;
	snprintf(copy.path, sizeof(copy.path), "%s", options.path);
	assert_int_equal(
		integer(&copy, "SELECT length(AESKey) FROM clients WHERE Name = 'old code'"), 60);
	assert_old_key(f, true);
}

/* A write that fails keeps nothing of it either, and the next one looks again. */
static void test_taken_in_by_the_next_that_succeeds(void **state)
{
	catalog_fixture *f = *state;
	sr_client taken = {.name = sr_text_of("client 1")};

	keys_set_up(f);
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

	keys_set_up(f);
	foreign_sql(f, OLD_CODE);
	f->client = key_owner(0);
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

/* Callers' own SQL, whatever it is about; in a transaction of theirs when that is committed. */
static void test_callers_sql(void **state)
{
	catalog_fixture *f = *state;
	static const char about_metrics[] = "INSERT INTO metrics_history (timestamp, metric_name, "
					    "value) VALUES ('2026-01-01', 'm', 1)";

	keys_set_up(f);
	foreign_sql(f, OLD_CODE);
	assert_ok(sr_execute(f->catalog, about_metrics, NULL, 0, NULL));
	assert_old_key(f, true);
	assert_ok(sr_execute(f->catalog, OLD_CODE, NULL, 0, NULL));
	assert_old_key(f, true);
	assert_ok(sr_execute_script(f->catalog, OLD_CODE ";" OLD_CODE));
	assert_old_key(f, true);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_execute(f->catalog, OLD_CODE, NULL, 0, NULL));
	assert_ok(sr_execute_more(f->catalog, OLD_CODE, NULL, 1, 0, NULL));
	assert_ok(sr_commit(f->catalog));
	assert_old_key(f, true);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_execute(f->catalog, "UPDATE clients SET AESKey = x'01'", NULL, 0, NULL));
	assert_ok(sr_rollback(f->catalog));
	assert_old_key(f, true);
	assert_int_equal(keys_wrapped(f), KEYS + 1);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	/* For who keeps them plain they stay so. */
	assert_int_equal(setenv("STRONGROOM_AES_KEYS", "plain", 1), 0);
	open_with_ring(f, scratch_path("ring"));
	unsetenv("STRONGROOM_AES_KEYS");
	assert_ok(sr_execute(f->catalog, OLD_CODE, NULL, 0, NULL));
	assert_old_key(f, false);
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
		       "(zeroblob(16), 'a little like one', '', x'9353524B00000000')");
	done = keys_begin(f);
	assert_int_equal(done.changed, 5);
	assert_int_equal(keys_wrapped(f), 5);
	assert_ok(sr_keys_check(f->catalog, NULL, NULL, &checked, &faults));
	assert_int_equal(checked, 5);
	assert_int_equal(faults, 0);
	assert_ok(sr_keys_unwrap(f->catalog, &done));
	assert_int_equal(done.changed, 5);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients WHERE CAST(AESKey AS TEXT) IN "
				    "('as text', '12345678', '1.5') OR AESKey IN "
				    "(x'0102030405060708', x'9353524B00000000', x'')"),
			 6);
}

/* ---- Damage ---- */

typedef struct seen {
	int count;
	sr_status status;
	char names[256];
	char message[512];
	char reason[512];
} seen;

static void on_fault(void *arg, const sr_key_fault *fault)
{
	seen *s = arg;

	s->count++;
	s->status = fault->status;
	snprintf(s->names + strlen(s->names), sizeof(s->names) - strlen(s->names), "%s,",
		 fault->name.data);
	snprintf(s->message, sizeof(s->message), "%s", fault->message);
	snprintf(s->reason, sizeof(s->reason), "%s", fault->reason);
}

static void test_changed_and_moved(void **state)
{
	catalog_fixture *f = *state;
	const sr_id moved = key_owner(2), damaged = key_owner(5);
	int64_t checked, faults;
	sr_client *client;
	seen s = {0};

	keys_set_up(f);
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
	assert_string_equal(s.message + strlen(s.message) - strlen(s.reason), s.reason);
	assert_non_null(strstr(s.message, "client 5"));
	assert_null(strstr(s.reason, "client 5"));
	assert_non_null(strstr(s.reason, "was changed"));
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
	/* Nor what is taken for a damaged one when it is read. */
	client.aes_key.length = 32;
	assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_INVALID, "wrapped");
	memset(blob, 'k', 4);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
}

/* ---- What is set, and what is so ---- */

/* Kept plain for those who need that: what is written from now on. */
static void test_plain_by_setting(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	keys_set_up(f);
	assert_int_equal(setenv("STRONGROOM_AES_KEYS", "plain", 1), 0);
	open_with_ring(f, scratch_path("ring"));
	unsetenv("STRONGROOM_AES_KEYS");
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(keys_wrapped(f), KEYS - 1);
	foreign_sql(f, OLD_CODE);
	assert_ok(save_key(f->catalog, 1));
	assert_old_key(f, false);
	assert_int_equal(keys_wrapped(f), KEYS - 2);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_true(status->wrapping && status->keep_plain);
	assert_int_equal(status->plain, 3);
	sr_keys_status_free(status);
	open_with_ring(f, scratch_path("ring"));
	assert_ok(save_key(f->catalog, 1));
	assert_int_equal(keys_wrapped(f), KEYS + 1);
}

static void test_status(void **state)
{
	catalog_fixture *f = *state;
	sr_keys_status *status;

	keys_set_up(f);
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
	assert_true(keys_begin(f).cleaned);
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
	assert_true(keys_begin(f).cleaned);
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

	keys_set_up(f);
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
	assert_int_equal(keys_wrapped(f), KEYS);
	assert_false(keys_begin(f).begun);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_ok(sr_restore(&f->options, backup.path, NULL, NULL));
	catalog_open(f);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_plain_needs_no_crypto),
		WITH(test_keys_go_through),
		WITH(test_fields),
		WITH(test_hidden),
		WITH(test_old_code_writes_plain),
		WITH(test_taken_in_before_a_backup),
		WITH(test_taken_in_by_the_next_that_succeeds),
		WITH(test_not_taken_in_without_the_ring),
		WITH(test_callers_sql),
		WITH(test_odd_rows),
		WITH(test_changed_and_moved),
		WITH(test_wrapped_keys_are_not_given),
		WITH(test_plain_by_setting),
		WITH(test_status),
		WITH(test_health),
		WITH(test_copies_of_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
