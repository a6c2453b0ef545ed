/*
 * The whole catalog where WAL is refused, as on the file systems of some networks: readers and
 * the writer then exclude each other, so everybody waits for the timeout at most.
 */
#include "catalog_fixture.h"
#include "fault_vfs.h"

#include <pthread.h>

static int warnings;
static char warning[1024];

static void count_warnings(void *arg, sr_log_level level, const char *module, const char *message)
{
	(void)arg;
	if (level != SR_LOG_WARNING || strcmp(module, "engine") != 0)
		return;
	warnings++;
	snprintf(warning, sizeof(warning), "%s", message);
}

static int setup(void **state)
{
	catalog_fixture *f;

	fault_vfs_install();
	fault_without_shm(true);
	warnings = 0;
	sr_log_set(count_warnings, NULL);
	catalog_setup(state);
	f = *state;
	f->options.timeout = 0.2;
	catalog_open(f);
	f->client = add_client(f, "host");
	return 0;
}

static int teardown(void **state)
{
	int rc = catalog_teardown(state);

	sr_log_set(NULL, NULL);
	fault_without_shm(false);
	fault_vfs_remove();
	return rc;
}

/* How many files the search finds. */
static int found(catalog_fixture *f)
{
	const sr_file *file;
	sr_files *files;
	sr_query query;
	int count = 0;

	sr_query_init(&query);
	assert_ok(sr_search(f->catalog, &query, &files));
	for (;;) {
		assert_ok(sr_files_next(files, &file));
		if (file == NULL)
			break;
		count++;
	}
	sr_files_close(files);
	return count;
}

static bool has_side_file(const catalog_fixture *f, const char *suffix)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", f->path, suffix);
	return stat(path, &st) == 0 && st.st_size > 0;
}

static void test_everything_works(void **state)
{
	catalog_fixture *f = *state;
	sr_file file = file_at(f, "/etc/hosts");
	sr_statistics *statistics;
	int64_t differences;

	file.size = 5;
	assert_int_equal(save(f, &file), SR_ADDED);
	file.size = 7;
	assert_int_equal(save(f, &file), SR_CHANGED);
	assert_int_equal(save(f, &file), SR_UNCHANGED);
	assert_int_equal(found(f), 1);
	assert_ok(sr_statistics_get(f->catalog, &statistics));
	sr_statistics_free(statistics);
	assert_ok(sr_begin(f->catalog, NULL));
	(void)add_client(f, "inside");
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 2);
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_migrate_verify(f->catalog, NULL, NULL, &differences));
	assert_int_equal(differences, 0);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_false(has_side_file(f, "-wal"));
	assert_false(has_side_file(f, "-journal"));
	f->options.create = false;
	catalog_open(f);
	assert_int_equal(found(f), 1);
}

/* Once a path, however many connections are opened, in the seed's words and with a cure. */
static void test_warns_once(void **state)
{
	catalog_fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		assert_ok(sr_close(f->catalog));
		catalog_open(f);
		(void)found(f);
	}
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(warning, "WAL mode not available, using default journaling"));
	assert_non_null(strstr(warning, f->path));
	assert_non_null(strstr(warning, "move it to a local disk"));
}

static void *write_one(void *arg)
{
	catalog_fixture *f = arg;
	sr_client client = {.name = sr_text_of("other")};
	static sr_status rc;

	sr_id_new(&client.id);
	rc = sr_client_save(f->catalog, &client, 1, NULL);
	if (rc != SR_OK && strstr(sr_error_message(), f->path) == NULL)
		rc = SR_OK;
	return &rc;
}

static sr_status write_in_a_thread(catalog_fixture *f)
{
	pthread_t thread;
	void *rc;

	assert_int_equal(pthread_create(&thread, NULL, write_one, f), 0);
	pthread_join(thread, &rc);
	return *(sr_status *)rc;
}

/* A cursor holds the database for reading: writers give up when their time is up, in its own
 * thread and in others, and it is not hurt. */
static void test_cursor_beside_a_writer(void **state)
{
	catalog_fixture *f = *state;
	sr_client client = {.name = sr_text_of("same")};
	const sr_file *file;
	sr_files *files;
	char names[300][16];
	sr_file many[300];
	int count = 1;

	for (int i = 0; i < 300; i++) {
		snprintf(names[i], sizeof(names[i]), "file %d", i);
		many[i] = file_named(f, names[i]);
	}
	assert_ok(sr_file_save(f->catalog, many, 300, NULL, NULL, NULL));
	assert_ok(sr_file_list(f->catalog, &f->client, &files));
	assert_ok(sr_files_next(files, &file));
	sr_id_new(&client.id);
	assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_BUSY, f->path);
	assert_says("cursor");
	assert_int_equal(write_in_a_thread(f), SR_BUSY);
	for (;; count++) {
		assert_ok(sr_files_next(files, &file));
		if (file == NULL)
			break;
	}
	assert_int_equal(count, 300);
	sr_files_close(files);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
	assert_int_equal(write_in_a_thread(f), SR_OK);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_everything_works),
		TEST(test_warns_once),
		TEST(test_cursor_beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
