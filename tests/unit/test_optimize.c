/* The database made compact: what it gives back, and that nothing else changes, however it ends. */
#include "catalog_fixture.h"
#include "fault_vfs.h"
#include "old_database.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define FILES 3000

/* Files of which two thirds are gone again: free pages, and gaps in the row numbers. */
static void fill(catalog_fixture *f)
{
	foreign_sql(f, "INSERT INTO clients VALUES (x'00112233445566778899aabbccddeeff', 'old',"
		       " x'0102', '2025-08-05T18:20:36+00:00Z', NULL);"
		       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		       " WHERE i < 3000) INSERT INTO files (ID, FileName, PathName,"
		       " ModificationDate, FileSize, ClientID) SELECT CAST(printf('%016d', i)"
		       " AS BLOB), 'name ' || i || '.txt', 'p/' || i, '2026-01-31', i,"
		       " x'00112233445566778899aabbccddeeff' FROM n;"
		       "DELETE FROM files WHERE rowid % 3 <> 0");
}

static int setup(void **state)
{
	catalog_setup(state);
	((catalog_fixture *)*state)->options.timeout = 2;
	catalog_open(*state);
	fill(*state);
	return 0;
}

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Everything in the tables that a user can see, row numbers too. */
static char *rows_of(const catalog_fixture *f)
{
	return old_database_dump(f->path, "SELECT rowid, * FROM files ORDER BY rowid;");
}

static void assert_same_rows(const catalog_fixture *f, char *before)
{
	char *now = rows_of(f);

	assert_true(strlen(before) > 1000);
	assert_string_equal(before, now);
	sqlite3_free(now);
	sqlite3_free(before);
	now = old_database_dump(f->path, "PRAGMA integrity_check");
	assert_non_null(strstr(now, ":ok\n"));
	sqlite3_free(now);
}

/* Files in the folder whose name holds the words. */
static int files_named(const char *words)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strstr(entry->d_name, words) != NULL;
	closedir(dir);
	return count;
}

static void test_gives_space_back(void **state)
{
	catalog_fixture *f = *state;
	char *before = rows_of(f);
	sr_optimize_needs needs;
	sr_optimized done;
	int64_t differences;

	assert_ok(sr_optimize_needs_get(f->catalog, &needs));
	assert_ok(sr_optimize(f->catalog, NULL, &done));
	assert_true(done.vacuum_performed);
	assert_true(done.analyze_performed);
	assert_int_equal(done.error_count, 0);
	assert_true(done.size_after * 3 < done.size_before * 2);
	assert_int_equal(done.size_before, needs.size);
	/* In use before, and what ANALYZE adds. */
	assert_true(done.size_after <= needs.compact + 65536);
	assert_true(needs.needed >= 2 * done.size_after);
	assert_true(needs.available > needs.needed);
	assert_true(done.size_before_mb - done.size_after_mb == done.space_saved_mb);
	assert_true(done.size_after_mb * 1048576 == (double)done.size_after);
	/* What it says is so on the disk. */
	assert_int_equal(size_of(f->path), done.size_after);
	assert_int_equal(integer(f, "PRAGMA freelist_count"), 0);
	assert_true(integer(f, "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'files'") > 5);
	assert_same_rows(f, before);
	assert_int_equal(files_named(".part"), 0);
	assert_ok(sr_migrate_verify(f->catalog, NULL, NULL, &differences));
	assert_int_equal(differences, 0);
	assert_int_equal(integer(f, "SELECT BytesTransferred FROM catalog_activity"
				    " WHERE ActivityType = 'optimize'") > done.size_before / 3,
			 1);
	/* Again there is nothing to give back. */
	assert_ok(sr_optimize(f->catalog, NULL, &done));
	assert_true(done.vacuum_performed);
	assert_true(done.space_saved_mb == 0);
}

static void test_analyze_alone(void **state)
{
	catalog_fixture *f = *state;
	sr_optimize_options options;
	sr_optimized done;

	sr_optimize_options_init(&options);
	options.analyze_only = true;
	assert_ok(sr_optimize(f->catalog, &options, &done));
	assert_false(done.vacuum_performed);
	assert_true(done.analyze_performed);
	assert_true(done.size_after >= done.size_before);
	assert_true(integer(f, "PRAGMA freelist_count") > 0);
	assert_true(integer(f, "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'files'") > 5);
}

/* A search that began before goes on where it was: the tokens hold row numbers. */
static void test_a_search_goes_on(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file = NULL;
	char *token = NULL;
	sr_optimized done;
	sr_files *cursor;
	sr_query query;
	int64_t seen = 0;

	/* All of the same date, so that nothing but the number tells the order. */
	for (int round = 0; round < 2; round++) {
		sr_query_init(&query);
		query.limit = round == 0 ? 400 : 10000;
		query.after = token;
		assert_ok(sr_search(f->catalog, &query, &cursor));
		while (sr_files_next(cursor, &file) == SR_OK && file)
			seen++;
		if (round == 0) {
			assert_non_null(sr_search_token(cursor));
			token = strdup(sr_search_token(cursor));
		}
		sr_files_close(cursor);
		if (round == 0)
			assert_ok(sr_optimize(f->catalog, NULL, &done));
	}
	free(token);
	assert_int_equal(seen, FILES / 3);
}

/* ---- Beside others ---- */

static void test_readers_go_on(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file = NULL;
	sr_optimized done;
	sr_files *cursor;
	int64_t seen = 0;
	int64_t size;

	f->options.timeout = 0.2;
	assert_ok(sr_close(f->catalog));
	catalog_open(f);
	assert_ok(sr_file_list(f->catalog, NULL, &cursor));
	assert_ok(sr_files_next(cursor, &file));
	assert_fails(sr_optimize(f->catalog, NULL, &done), SR_BUSY, f->path);
	assert_true(done.vacuum_performed);
	assert_true(done.analyze_performed);
	assert_int_equal(done.error_count, 1);
	assert_non_null(strstr(done.errors[0], "reader"));
	/* What was not given back is not said to be. */
	assert_int_equal(done.size_after, size_of(f->path));
	size = done.size_after;
	for (seen = 1; sr_files_next(cursor, &file) == SR_OK && file; seen++)
		;
	assert_int_equal(seen, FILES / 3);
	sr_files_close(cursor);
	/* It is gone, and nothing but the log has still to come in. */
	assert_ok(sr_close(f->catalog));
	assert_true(size_of(f->path) < size);
	catalog_open(f);
}

static void *write_some(void *arg)
{
	catalog_fixture *f = arg;

	for (int i = 0; i < 50; i++) {
		sr_client client = {.name = sr_text_of("")};
		char name[40];

		snprintf(name, sizeof(name), "%lu %d", (unsigned long)pthread_self(), i);
		client.name = sr_text_of(name);
		sr_id_new(&client.id);
		if (sr_client_save(f->catalog, &client, 1, NULL) != SR_OK)
			return "a client was not saved";
	}
	return NULL;
}

static void test_writers_wait_and_lose_nothing(void **state)
{
	catalog_fixture *f = *state;
	pthread_t threads[3];
	sr_optimized done;

	f->options.timeout = 30;
	assert_ok(sr_close(f->catalog));
	catalog_open(f);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_some, f), 0);
	for (int i = 0; i < 3; i++)
		assert_ok(sr_optimize(f->catalog, NULL, &done));
	for (int i = 0; i < 3; i++) {
		void *why;

		assert_int_equal(pthread_join(threads[i], &why), 0);
		if (why)
			fail_msg("%s", (char *)why);
	}
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 151);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), FILES / 3);
}

/* ---- However it ends ---- */

typedef struct stop {
	int at; /* The call that ends it; 0: none. */
	int calls;
	bool kill;
	int64_t done;
} stop;

static bool look(void *arg, int64_t done, int64_t total)
{
	stop *s = arg;

	assert_true(done >= s->done);
	assert_true(done <= total);
	s->done = done;
	if (++s->calls != s->at)
		return false;
	if (s->kill)
		raise(SIGKILL);
	return true;
}

static sr_status optimize(catalog_fixture *f, stop *s, sr_optimized *done)
{
	sr_optimize_options options;

	sr_optimize_options_init(&options);
	options.progress = look;
	options.progress_arg = s;
	return sr_optimize(f->catalog, &options, done);
}

/* The calls of a run that nothing stops. */
static int calls_of(catalog_fixture *f)
{
	stop s = {0};
	sr_optimized done;

	assert_ok(optimize(f, &s, &done));
	foreign_sql(f, "DELETE FROM files; DELETE FROM clients");
	fill(f);
	/* So that what comes first has nothing to write. */
	assert_ok(sr_search_index_build(f->catalog, false, NULL, NULL, NULL));
	assert_true(s.calls >= 4);
	return s.calls;
}

static void test_cancelled_anywhere_leaves_it(void **state)
{
	catalog_fixture *f = *state;
	int calls = calls_of(f);

	for (int at = 1; at <= calls; at += at < calls - 3 ? 1 + calls / 8 : 1) {
		char *before = rows_of(f);
		int64_t unused = integer(f, "PRAGMA freelist_count");
		stop s = {.at = at};
		sr_optimized done;

		assert_fails(optimize(f, &s, &done), SR_INTERRUPTED, "vacuum");
		assert_false(done.vacuum_performed);
		assert_int_equal(done.error_count, 1);
		assert_int_equal(integer(f, "PRAGMA freelist_count"), unused);
		assert_int_equal(files_named(".part"), 0);
		assert_same_rows(f, before);
	}
}

static void test_killed_anywhere_leaves_it(void **state)
{
	catalog_fixture *f = *state;
	int calls = calls_of(f);
	int left = 0;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	for (int at = 1; at <= calls; at += 1 + calls / 5) {
		char *before = rows_of(f);
		sr_optimized done;
		pid_t child;
		int status;

		if ((child = fork()) == 0) {
			stop s = {.at = at, .kill = true};

			catalog_open(f);
			(void)optimize(f, &s, &done);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		left += files_named(".part");
		catalog_open(f);
		assert_true(integer(f, "PRAGMA freelist_count") > 0);
		assert_same_rows(f, before);
		assert_ok(sr_optimize(f->catalog, NULL, &done));
		/* With what the killed one has left. */
		assert_int_equal(files_named(".part"), 0);
		foreign_sql(f, "DELETE FROM files; DELETE FROM clients");
		fill(f);
		assert_ok(sr_close(f->catalog));
		f->catalog = NULL;
	}
	assert_true(left > 0);
}

/* ---- When the disk is full meanwhile ---- */

static int setup_faults(void **state)
{
	fault_vfs_install();
	return setup(state);
}

static int teardown_faults(void **state)
{
	int rc = catalog_teardown(state);

	fault_vfs_remove();
	return rc;
}

static void test_full_disk_meanwhile_leaves_it(void **state)
{
	static const unsigned where[] = {FAULT_OTHER | FAULT_MAIN, FAULT_WAL};
	catalog_fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		char *before = rows_of(f);
		sr_optimized done;

		/* The log is empty, so that nothing fails before the copy. */
		assert_ok(sr_close(f->catalog));
		catalog_open(f);
		fault_arm(FAULT_WRITE, where[i], 20, SQLITE_FULL, true);
		assert_int_equal(sr_optimize(f->catalog, NULL, &done), SR_NO_SPACE);
		assert_true(fault_hits() > 0);
		fault_disarm();
		assert_says("vacuum");
		assert_false(done.vacuum_performed);
		assert_false(done.analyze_performed);
		assert_int_equal(files_named(".part"), 0);
		assert_same_rows(f, before);
	}
}

static void test_without_a_log(void **state)
{
	catalog_fixture *f = *state;
	char *before;
	sr_optimized done;

	fault_vfs_install();
	fault_without_shm(true);
	catalog_open(f);
	fill(f);
	before = rows_of(f);
	assert_ok(sr_optimize(f->catalog, NULL, &done));
	assert_true(done.space_saved_mb > 0);
	assert_same_rows(f, before);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	fault_without_shm(false);
	fault_vfs_remove();
}

/* ---- What is not taken ---- */

static void test_refused(void **state)
{
	catalog_fixture *f = *state;
	sr_optimize_options options;
	sr_optimized done;

	sr_optimize_options_init(&options);
	options.version = 99;
	assert_fails(sr_optimize(f->catalog, &options, &done), SR_INVALID, "99");
	assert_ok(sr_begin(f->catalog, "test"));
	assert_fails(sr_optimize(f->catalog, NULL, &done), SR_INVALID, "inside a transaction");
	assert_ok(sr_rollback(f->catalog));
	/* Callers' own is refused as before. */
	assert_fails(sr_execute(f->catalog, "VACUUM", NULL, 0, NULL), SR_SQL, "VACUUM");
	foreign_sql(f, "CREATE TRIGGER strange AFTER INSERT ON files BEGIN SELECT 1; END");
	assert_ok(sr_close(f->catalog));
	catalog_open(f);
	assert_fails(sr_optimize(f->catalog, NULL, &done), SR_READ_ONLY, "strange");
	assert_int_equal(done.error_count, 0);
	assert_ok(sr_close(f->catalog));
	f->options.read_only = true;
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_fails(sr_optimize(f->catalog, NULL, &done), SR_READ_ONLY, f->path);
}

static void test_old_versions(void **state)
{
	catalog_fixture *f = *state;

	f->options.create = f->options.migrate = false;
	for (int version = 0; version <= 5; version++) {
		sr_optimized done;
		char *before;
		char *after;
		int now;

		if (f->catalog)
			assert_ok(sr_close(f->catalog));
		f->catalog = NULL;
		unlink(f->path);
		old_database_make(
			f->path,
			&(old_options){.version = version, .extra_indexes = true, .files = 500});
		foreign_sql(f, "DELETE FROM files WHERE rowid % 4 <> 0");
		before = old_database_rows(f->path, OLD_CORE, true);
		catalog_open(f);
		assert_ok(sr_optimize(f->catalog, NULL, &done));
		assert_true(done.space_saved_mb > 0);
		assert_ok(sr_catalog_version(f->catalog, &now));
		assert_int_equal(now, version);
		after = old_database_rows(f->path, OLD_CORE, true);
		assert_string_equal(before, after);
		sqlite3_free(before);
		sqlite3_free(after);
	}
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)
#define FAULT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_faults, teardown_faults)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gives_space_back),
		TEST(test_analyze_alone),
		TEST(test_a_search_goes_on),
		TEST(test_readers_go_on),
		TEST(test_writers_wait_and_lose_nothing),
		TEST(test_cancelled_anywhere_leaves_it),
		TEST(test_killed_anywhere_leaves_it),
		FAULT_TEST(test_full_disk_meanwhile_leaves_it),
		cmocka_unit_test_setup_teardown(test_without_a_log, catalog_setup,
						catalog_teardown),
		TEST(test_refused),
		cmocka_unit_test_setup_teardown(test_old_versions, catalog_setup, catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
