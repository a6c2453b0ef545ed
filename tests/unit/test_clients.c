/* Clients: what is kept, what is refused, and that their files stay theirs. */
#include "catalog_fixture.h"
#include "old_database.h"

static void save_file(const catalog_fixture *f, const sr_id *client, const char *path, int64_t size)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = *client;
	file.original_path = sr_text_of(path);
	file.size = size;
	assert_ok(sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL));
}

static void test_save_is_an_upsert(void **state)
{
	catalog_fixture *f = *state;
	sr_client client = {.name = sr_text_of("alice"),
			    .public_key = {"k\0ey", 4},
			    .aes_key = {"secret", 6},
			    .last_seen = sr_text_of("2025-08-05T18:20:36+00:00Z")};
	sr_client *found;
	sr_saved saved;

	catalog_open(f);
	sr_id_new(&client.id);
	assert_ok(sr_client_save(f->catalog, &client, 1, &saved));
	assert_int_equal(saved.added, 1);
	save_file(f, &client.id, "/a", 5);
	assert_ok(sr_client_by_id(f->catalog, &client.id, &found));
	assert_int_equal(found->public_key.length, 4);
	assert_memory_equal(found->public_key.data, "k\0ey", 4);
	assert_string_equal(found->last_seen.data, "2025-08-05T18:20:36+00:00Z");
	sr_client_free(found);
	assert_ok(sr_client_save(f->catalog, &client, 1, &saved));
	assert_int_equal(saved.unchanged, 1);
	client.name = sr_text_of("alicia");
	client.aes_key = sr_text_of(NULL);
	client.last_seen = sr_text_of(NULL);
	assert_ok(sr_client_save(f->catalog, &client, 1, &saved));
	assert_int_equal(saved.changed, 1);
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("alicia"), &found));
	assert_null(found->aes_key.data);
	assert_string_not_equal(found->last_seen.data, "2025-08-05T18:20:36+00:00Z");
	sr_client_free(found);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 1);
	assert_fails(sr_client_by_name(f->catalog, sr_text_of("alice"), &found), SR_NOT_FOUND, "");
	assert_null(found);
	assert_says("alice");
}

static void refuse_name(const catalog_fixture *f, sr_text name, const char *words)
{
	sr_client client = {.name = name};
	sr_saved saved = {7, 7, 7, 7};

	sr_id_new(&client.id);
	assert_fails(sr_client_save(f->catalog, &client, 1, &saved), SR_INVALID, "");
	assert_int_equal(saved.added, 7);
	if (words != NULL)
		assert_says(words);
}

static void test_names(void **state)
{
	catalog_fixture *f = *state;
	char long_name[257];
	sr_client client = {.name = {long_name, 255}};
	int64_t count;

	memset(long_name, 'n', sizeof(long_name));
	catalog_open(f);
	refuse_name(f, sr_text_of(NULL), "empty");
	refuse_name(f, sr_text_of(""), "empty");
	refuse_name(f, (sr_text){long_name, 256}, "256");
	refuse_name(f, sr_text_of("a\nb"), "a\\nb");
	refuse_name(f, (sr_text){"a\0b", 3}, "\\x00");
	refuse_name(f, sr_text_of("a\x7f"), "\\x7f");
	refuse_name(f, sr_text_of("a\xc2\x85"), NULL);
	refuse_name(f, sr_text_of("\xff"), "\\xff");
	assert_ok(sr_client_count(f->catalog, &count));
	assert_int_equal(count, 0);
	sr_id_new(&client.id);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
}

static void test_keys(void **state)
{
	catalog_fixture *f = *state;
	char key[4097];
	sr_client client = {.name = sr_text_of("k"), .aes_key = {key, sizeof(key)}};

	memset(key, 'S', sizeof(key));
	catalog_open(f);
	sr_id_new(&client.id);
	assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_INVALID, "4097");
	assert_null(strstr(sr_error_message(), "SS"));
	client.aes_key.length = 4096;
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
}

static void test_taken_names_and_batches(void **state)
{
	catalog_fixture *f = *state;
	sr_client batch[3] = {{.name = sr_text_of("one")}, {.name = sr_text_of("two")}};
	char hex[SR_ID_TEXT_SIZE];
	int64_t count;
	sr_id owner;

	catalog_open(f);
	owner = add_client(f, "taken");
	for (int i = 0; i < 3; i++)
		sr_id_new(&batch[i].id);
	batch[2].name = sr_text_of("taken");
	assert_fails(sr_client_save(f->catalog, batch, 3, NULL), SR_EXISTS, "taken");
	sr_id_format(&owner, hex);
	assert_says(hex);
	sr_id_format(&batch[2].id, hex);
	assert_says(hex);
	assert_ok(sr_client_count(f->catalog, &count));
	assert_int_equal(count, 1);
	batch[2].name = sr_text_of("three");
	assert_ok(sr_client_save(f->catalog, batch, 3, NULL));
	batch[0].name = sr_text_of("taken");
	assert_fails(sr_client_update(f->catalog, &batch[0], SR_CLIENT_NAME), SR_EXISTS, "");
	assert_ok(sr_client_save(f->catalog, NULL, 0, NULL));
}

static void test_update(void **state)
{
	catalog_fixture *f = *state;
	sr_client changes = {.name = sr_text_of("new"), .public_key = sr_text_of("pub")};
	sr_client *found;

	catalog_open(f);
	changes.id = add_client(f, "old");
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_PUBLIC_KEY));
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("old"), &found));
	assert_string_equal(found->public_key.data, "pub");
	sr_client_free(found);
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_NAME));
	changes.public_key = sr_text_of(NULL);
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_PUBLIC_KEY));
	assert_ok(sr_client_by_name(f->catalog, sr_text_of("new"), &found));
	assert_null(found->public_key.data);
	sr_client_free(found);
	assert_fails(sr_client_update(f->catalog, &changes, 0), SR_INVALID, "");
	assert_fails(sr_client_update(f->catalog, &changes, 64), SR_INVALID, "");
	sr_id_new(&changes.id);
	changes.name = sr_text_of("else");
	assert_fails(sr_client_update(f->catalog, &changes, SR_CLIENT_NAME), SR_NOT_FOUND, "");
}

static void test_delete(void **state)
{
	catalog_fixture *f = *state;
	int64_t files = -1;
	sr_id a, b;

	catalog_open(f);
	a = add_client(f, "a");
	b = add_client(f, "b");
	save_file(f, &a, "/1", 1);
	save_file(f, &a, "/1", 2); /* A version. */
	save_file(f, &a, "/2", 2);
	save_file(f, &b, "/1", 1);
	assert_ok(
		sr_execute(f->catalog,
			   "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) SELECT "
			   "ID, 'backup', 'now' FROM clients",
			   NULL, 0, NULL));
	assert_ok(sr_client_delete(f->catalog, &a, &files));
	assert_int_equal(files, 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), 0);
	assert_int_equal(
		integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType = 'backup'"),
		1);
	files = -1;
	assert_fails(sr_client_delete(f->catalog, &a, &files), SR_NOT_FOUND, "");
	assert_int_equal(files, -1);
}

static void test_list_with_counts(void **state)
{
	catalog_fixture *f = *state;
	const sr_client *client;
	sr_clients *cursor;
	sr_id b;

	catalog_open(f);
	b = add_client(f, "b");
	(void)add_client(f, "a");
	save_file(f, &b, "/1", 10);
	save_file(f, &b, "/2", 32);
	assert_ok(sr_client_list(f->catalog, true, &cursor));
	assert_ok(sr_clients_next(cursor, &client));
	assert_string_equal(client->name.data, "a");
	assert_int_equal(client->files, 0);
	assert_null(client->last_recorded.data);
	assert_ok(sr_clients_next(cursor, &client));
	assert_string_equal(client->name.data, "b");
	assert_int_equal(client->files, 2);
	assert_int_equal(client->bytes, 42);
	assert_non_null(client->last_recorded.data);
	assert_ok(sr_clients_next(cursor, &client));
	assert_null(client);
	sr_clients_close(cursor);
	assert_ok(sr_client_list(f->catalog, false, &cursor));
	assert_ok(sr_clients_next(cursor, &client));
	assert_true(client->files == SR_NULL_INTEGER);
	sr_clients_close(cursor);
}

/* Old databases are read as they are; writing names the cure. */
static void test_old_database(void **state)
{
	catalog_fixture *f = *state;
	sr_client changes = {.name = sr_text_of("new")};
	const sr_client *client;
	sr_clients *cursor;
	int version = -2;
	int64_t files;

	foreign_sql(f, OLD_TABLES OLD_ROWS);
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_int_equal(version, 0);
	assert_ok(sr_client_list(f->catalog, true, &cursor));
	assert_ok(sr_clients_next(cursor, &client));
	assert_int_equal(client->files, 2);
	assert_int_equal(client->bytes, 100);
	changes.id = client->id;
	sr_clients_close(cursor);
	assert_fails(sr_client_update(f->catalog, &changes, SR_CLIENT_NAME), SR_TOO_OLD,
		     "migrate up");
	assert_fails(sr_begin(f->catalog, NULL), SR_TOO_OLD, "");
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_ok(sr_client_update(f->catalog, &changes, SR_CLIENT_NAME));
	assert_ok(sr_client_delete(f->catalog, &changes.id, &files));
	assert_int_equal(files, 2);
}

/* From before there were counters, with more clients than are counted without making room. */
static void test_many_in_an_old_database(void **state)
{
	enum { MANY = 100 };
	catalog_fixture *f = *state;
	const sr_client *client;
	sr_clients *cursor;
	int clients = 0;

	foreign_sql(f, OLD_TABLES
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
		    " INSERT INTO clients (ID, Name, LastSeen) SELECT printf('%016d', i), i,"
		    " '2025-08-05' FROM n; UPDATE clients SET ID = CAST(ID AS BLOB);"
		    "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)"
		    " SELECT randomblob(16), f.i, 'p', c.Name, c.ID FROM clients AS c,"
		    " (SELECT 1 AS i UNION ALL SELECT 2) AS f");
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_ok(sr_client_list(f->catalog, true, &cursor));
	for (;;) {
		assert_ok(sr_clients_next(cursor, &client));
		if (client == NULL)
			break;
		clients++;
		assert_int_equal(client->files, 2);
		assert_int_equal(client->bytes, 2 * strtol(client->name.data, NULL, 10));
	}
	assert_int_equal(clients, MANY);
	sr_clients_close(cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_save_is_an_upsert, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_names, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_keys, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_taken_names_and_batches, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_update, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_delete, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_list_with_counts, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_database, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_many_in_an_old_database, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
