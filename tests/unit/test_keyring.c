/* The key ring: missing, another one, changed under the catalog, and from a command. */
#include <pthread.h>

#include "keys_fixture.h"

/* ---- In a file ---- */

/* That of another catalog. */
static void make_another_ring(const catalog_fixture *f, const char *ring)
{
	sr_options options = f->options;
	sr_catalog *other;
	sr_keys_done done;

	options.path = scratch_path("other.db");
	options.master_key_file = ring;
	assert_ok(sr_open(&other, &options));
	assert_ok(sr_keys_init(other, NULL, &done));
	assert_ok(sr_close(other));
}

/* Without the ring everything goes that needs no key. */
static void test_without_the_ring(void **state)
{
	catalog_fixture *f = *state;
	const char *rings[] = {NULL, scratch_path("missing"), scratch_path("another")};
	sr_keys_status *status;
	char id[SR_MASTER_ID_SIZE];

	keys_set_up(f);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	snprintf(id, sizeof(id), "%s", status->masters[0].id);
	sr_keys_status_free(status);
	make_another_ring(f, rings[2]);
	for (int i = 0; i < 3; i++) {
		const sr_client *listed;
		sr_client *client;
		sr_clients *cursor;
		const sr_id first = key_owner(0);
		int64_t checked, faults, count;
		sr_keys_done done;
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
		assert_int_equal(keys_wrapped(f), KEYS);
		/* No key, no need of a master key. */
		fresh.aes_key = sr_text_of(NULL);
		assert_ok(sr_client_save(f->catalog, &fresh, 1, NULL));
		assert_ok(sr_client_delete(f->catalog, &fresh.id, NULL));
		fresh = (sr_client){.id = first, .name = sr_text_of("client 0")};
		assert_ok(sr_client_update(f->catalog, &fresh, SR_CLIENT_NAME));
		/* Nor does it lose what nobody can see now. */
		fresh.aes_key = sr_text_of(NULL);
		for (int empty = 0; empty < 2; empty++) {
			assert_fails(sr_client_save(f->catalog, &fresh, 1, NULL), SR_WRONG_KEY, id);
			assert_says("client 0");
			assert_fails(sr_client_update(f->catalog, &fresh, SR_CLIENT_AES_KEY),
				     SR_WRONG_KEY, id);
			fresh.aes_key = sr_text_of("");
		}
		assert_int_equal(keys_wrapped(f), KEYS);
		assert_int_equal(access(scratch_path("missing"), F_OK), -1);
	}
	open_with_ring(f, scratch_path("ring"));
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	/* With it a key is taken away as ever. */
	sr_client last = {.id = key_owner(0), .name = sr_text_of("client 0")};

	assert_ok(sr_client_save(f->catalog, &last, 1, NULL));
	last.id = key_owner(1);
	assert_ok(sr_client_update(f->catalog, &last, SR_CLIENT_AES_KEY));
	assert_int_equal(keys_wrapped(f), KEYS - 2);
}

/* A ring that is taken away, put back, or opened to others is noticed at once. */
static void test_the_ring_is_looked_at(void **state)
{
	catalog_fixture *f = *state;
	char ring[256], away[256];
	const sr_id id = key_owner(0);
	sr_client *client;

	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	snprintf(away, sizeof(away), "%s", scratch_path("away"));
	keys_set_up(f);
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

/* ---- From a command ---- */

static void test_command(void **state)
{
	catalog_fixture *f = *state;
	char command[512];
	sr_keys_done done;
	const sr_id id = key_owner(0);
	sr_client *client;

	keys_set_up(f);
	snprintf(command, sizeof(command), "cat '%s'", scratch_path("ring"));
	assert_int_equal(setenv("STRONGROOM_MASTER_KEY_COMMAND", command, 1), 0);
	open_with_ring(f, NULL);
	unsetenv("STRONGROOM_MASTER_KEY_COMMAND");
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(keys_wrapped(f), KEYS);
	done = keys_begin(f);
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
	const sr_id id = key_owner(0);
	sr_client changes = {.id = id, .aes_key = sr_text_of("another key....!")};
	sr_keys_done done;

	keys_set_up(f);
	f->client = id;
	/* What others have written is taken in by a write about anything. */
	foreign_sql(f, OLD_CODE);
	open_with_command(f, "");
	sr_file file = file_at(f, "/a");
	save(f, &file);
	assert_asked("free\n");
	assert_int_equal(keys_wrapped(f), KEYS + 1);
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
	assert_int_equal(keys_wrapped(f), 0);
}

/* In a transaction of the caller it is too late: before that. */
static void test_command_before_a_transaction(void **state)
{
	catalog_fixture *f = *state;

	keys_set_up(f);
	f->client = key_owner(0);
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
	assert_int_equal(keys_wrapped(f), KEYS + 1);
	assert_asked("free\n");
}

/* A failure is told by what needs a key, and not asked for again by what does not. */
static void test_command_in_vain(void **state)
{
	catalog_fixture *f = *state;
	const sr_id id = key_owner(0);
	sr_client *client;

	keys_set_up(f);
	f->client = id;
	foreign_sql(f, OLD_CODE);
	open_with_command(f, "exit 3");
	for (int i = 0; i < 4; i++) {
		sr_file file = file_at(f, i == 0 ? "/a" : i == 1 ? "/b" : i == 2 ? "/c" : "/d");

		/* Others' commits make it look again. */
		foreign_sql(f, "UPDATE clients SET PublicKey = 'x' WHERE Name = 'old code'");
		save(f, &file);
	}
	assert_int_equal(keys_wrapped(f), KEYS);
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

/* One look at many keys asks once, whether it fails or prints a ring that is of no use. */
static void test_command_asked_once(void **state)
{
	catalog_fixture *f = *state;
	const char *another = scratch_path("another");
	const char *last[] = {"exit 3", "exit 0"};
	char ring[256];
	const char *words[] = {"status 3", "does not have"};

	keys_set_up(f);
	make_another_ring(f, another);
	snprintf(ring, sizeof(ring), "%s", scratch_path("ring"));
	assert_int_equal(rename(another, ring), 0);
	for (int i = 0; i < 2; i++) {
		const sr_client *listed;
		int64_t checked, faults;
		sr_clients *cursor;

		open_with_command(f, last[i]);
		assert_ok(sr_keys_check(f->catalog, NULL, NULL, &checked, &faults));
		assert_int_equal(faults, KEYS);
		assert_asked("free\n");
		/* Another operation asks anew. */
		assert_ok(sr_client_list(f->catalog, false, &cursor));
		for (int at = 0; at < KEYS; at++)
			assert_fails(sr_clients_next(cursor, &listed),
				     i == 0 ? SR_IO : SR_WRONG_KEY, words[i]);
		sr_clients_close(cursor);
		assert_asked("free\nfree\n");
	}
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

	keys_set_up(f);
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
	assert_int_equal(keys_wrapped(f), KEYS + 1);
	assert_asked("free\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_without_the_ring),
		WITH(test_the_ring_is_looked_at),
		WITH(test_command),
		WITH(test_no_command_inside_a_write),
		WITH(test_command_before_a_transaction),
		WITH(test_command_in_vain),
		WITH(test_command_asked_once),
		WITH(test_one_command_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
