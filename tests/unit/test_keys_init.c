/* Wrapping begun, given up, and no plain byte left. */
#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>

#include "keys_fixture.h"

/* ---- No plain byte ---- */

/* Whether a file has any eight bytes of the key that follow each other. */
static bool holds(const unsigned char *bytes, size_t size, unsigned which)
{
	unsigned char key[4096];

	make_key(which, key);
	for (size_t at = 0; at + 8 <= key_lengths[which]; at += 8)
		if (memmem(bytes, size, key + at, 8) != NULL)
			return true;
	return memmem(bytes, size, key + key_lengths[which] - 8, 8) != NULL;
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
			const sr_id id = key_owner(i);

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
	done = keys_begin(f);
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

	keys_set_up(f);
	foreign_sql(f, "UPDATE clients SET AESKey = NULL");
	for (unsigned i = 0; i < KEYS; i++) {
		unsigned char key[4096];
		char sql[9000] = "UPDATE clients SET AESKey = x'";

		make_key(i, key);
		for (size_t at = 0; at < key_lengths[i]; at++)
			snprintf(sql + strlen(sql), 3, "%02x", key[at]);
		snprintf(sql + strlen(sql), 50, "' WHERE Name = 'client %u'", i);
		foreign_sql(f, sql);
	}
	assert_true(finds_apart() >= KEYS);
	assert_int_equal(keys_wrapped(f), 0);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	done = keys_begin(f);
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
	done = keys_begin(f);
	assert_false(done.cleaned);
	assert_string_not_equal(done.why, "");
	assert_int_equal(done.changed, KEYS);
	sr_clients_close(reader);
	assert_ok(sr_close(other));
	done = keys_begin(f);
	assert_true(done.cleaned);
	assert_int_equal(done.changed, 0);
	assert_int_equal(finds_apart(), 0);
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
	assert_int_equal(keys_wrapped(f), 0);
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
	assert_int_equal(keys_wrapped(f), 0);
	assert_int_equal(access(scratch_path("ring"), F_OK), -1);
	options.progress_arg = second;
	assert_ok(sr_keys_init(f->catalog, &options, &done));
	assert_false(done.cleaned);
	assert_string_not_equal(done.why, "");
	assert_int_equal(keys_wrapped(f), 1);
	assert_true(keys_begin(f).cleaned);
	assert_int_equal(finds_apart(), 0);
}

/* A ring that is there is used, whoever made it. */
static void test_a_ring_for_two(void **state)
{
	catalog_fixture *f = *state;
	sr_options options;
	sr_catalog *other;
	sr_keys_done first, second;

	keys_set_up(f);
	first = keys_begin(f);
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

	keys_set_up(f);
	assert_ok(sr_keys_unwrap(f->catalog, &done));
	assert_int_equal(done.changed, KEYS);
	assert_string_equal(done.id, "");
	assert_int_equal(keys_wrapped(f), 0);
	open_with_ring(f, NULL);
	for (unsigned i = 0; i < KEYS; i++)
		assert_key(f->catalog, i);
	assert_ok(save_key(f->catalog, 0));
	assert_int_equal(keys_wrapped(f), 0);
	assert_ok(sr_keys_status_get(f->catalog, &status));
	assert_false(status->wrapping);
	assert_int_equal(status->master_count, 0);
	sr_keys_status_free(status);
	/* And again, with the ring that there is. */
	open_with_ring(f, scratch_path("ring"));
	done = keys_begin(f);
	assert_true(done.begun);
	assert_false(done.ring_made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_no_plain_byte_is_left),
		WITH(test_none_of_what_others_wrote),
		WITH(test_a_reader_holds_copies),
		WITH(test_init_refused),
		WITH(test_cancelled),
		WITH(test_a_ring_for_two),
		WITH(test_two_begin_at_once),
		WITH(test_unwrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
