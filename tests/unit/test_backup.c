/* Backups: whole or not there, of one moment, never over anything, and what they hold comes back.
 */
#include "catalog_fixture.h"
#include "old_database.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#define KEY "correct horse"

static void fill(const catalog_fixture *f, int count)
{
	char path[64];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/data/%d", i);
		sr_file file = file_at(f, path);

		file.size = i;
		(void)save(f, &file);
	}
}

static int setup(void **state)
{
	catalog_fixture *f;

	catalog_setup_client(state);
	f = *state;
	fill(f, 200);
	return 0;
}

/* Files of the folder whose name holds the words. */
static int count_files(const char *words)
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

static char *rows_of(const char *path)
{
	return old_database_dump(path, "SELECT (SELECT group_concat(quote(c.ID) || c.Name)"
				       " FROM clients c), f.* FROM files f ORDER BY f.ID");
}

static void assert_same(const char *path, char *rows)
{
	char *now = rows_of(path);

	assert_string_equal(now, rows);
	assert_true(strlen(rows) > 1000);
	sqlite3_free(now);
	sqlite3_free(rows);
}

static sr_backup_options with_key(bool compress, bool encrypt)
{
	sr_backup_options options;

	sr_backup_options_init(&options);
	options.compress = compress;
	options.key = encrypt ? KEY : NULL;
	options.key_length = encrypt ? strlen(KEY) : 0;
	return options;
}

static sr_backup_read_options reading_with(const char *key)
{
	sr_backup_read_options how;

	sr_backup_read_options_init(&how);
	how.key = key;
	how.key_length = key ? strlen(key) : 0;
	return how;
}

/* ---- Writing ---- */

static void test_plain(void **state)
{
	catalog_fixture *f = *state;
	char start[128], end[128], *copied;
	sr_backed_up done;
	struct stat st;
	int version;

	assert_ok(sr_backup(f->catalog, NULL, &done));
	snprintf(start, sizeof(start), "%s_backup_20", f->path);
	assert_memory_equal(done.path, start, strlen(start));
	assert_int_equal(strlen(done.path), strlen(f->path) + strlen("_backup_20250101_000000.db"));
	assert_int_equal(stat(done.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(done.bytes, st.st_size);
	assert_int_equal(done.database_bytes, st.st_size);
	assert_true(done.rows >= 201);
	assert_true(done.tables > 5);
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_int_equal(done.schema_version, version);
	assert_false(done.compressed || done.encrypted);
	assert_int_equal(count_files(".part"), 0);
	copied = rows_of(done.path);
	assert_same(f->path, copied);
	/* Noted in the catalog, and after the copy was made. */
	snprintf(end, sizeof(end),
		 "SELECT count(*) FROM catalog_activity WHERE ActivityType = 'backup'");
	assert_int_equal(integer(f, end), 1);
	copied = old_database_dump(done.path, "SELECT count(*) FROM catalog_activity");
	assert_string_equal(copied, "|1:0\n");
	sqlite3_free(copied);
}

static void test_packed(void **state)
{
	static const char *const endings[] = {".db", ".db.zst", ".db.sealed", ".db.zst.sealed"};
	catalog_fixture *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		sr_backup_options options = with_key(i & 1, i & 2);
		sr_backup_read_options how = reading_with(i & 2 ? KEY : NULL);
		sr_backup_report report;
		sr_backed_up done;

		assert_ok(sr_backup(f->catalog, &options, &done));
		assert_string_equal(done.path + strlen(done.path) - strlen(endings[i]), endings[i]);
		assert_int_equal(done.compressed, i & 1);
		assert_int_equal(done.encrypted, i >> 1);
		assert_true(i & 1 ? done.bytes < done.database_bytes / 2
				  : done.bytes >= done.database_bytes);
		assert_ok(sr_backup_verify(&f->options, done.path, &how, &report));
		assert_int_equal(report.bytes, done.bytes);
		assert_int_equal(report.database_bytes, done.database_bytes);
		assert_int_equal(report.rows, done.rows);
		assert_int_equal(report.tables, done.tables);
		assert_int_equal(report.schema_version, done.schema_version);
		assert_int_equal(report.compressed, done.compressed);
		assert_int_equal(report.encrypted, done.encrypted);
		assert_int_equal(count_files(".part"), 0);
	}
}

static void test_wrong_key(void **state)
{
	catalog_fixture *f = *state;
	sr_backup_options options = with_key(true, true);
	sr_backup_read_options how = reading_with("correct Horse");
	sr_backup_report report;
	sr_backed_up done;

	assert_ok(sr_backup(f->catalog, &options, &done));
	assert_fails(sr_backup_verify(&f->options, done.path, &how, &report), SR_WRONG_KEY,
		     "not the one it was encrypted with");
	assert_fails(sr_backup_verify(&f->options, done.path, NULL, &report), SR_WRONG_KEY,
		     "give its key");
	assert_fails(sr_restore(&f->options, done.path, &how, NULL), SR_WRONG_KEY, done.path);
	how.key_length = 0;
	assert_fails(sr_backup_verify(&f->options, done.path, &how, &report), SR_INVALID, "empty");
	options.key_length = 0;
	assert_fails(sr_backup(f->catalog, &options, &done), SR_INVALID, "empty");
	assert_int_equal(count_files(".part"), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_text_file(const char *path, const char *text)
{
	char bytes[64] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(bytes, sizeof(bytes), file));
	assert_int_equal(fclose(file), 0);
	assert_string_equal(bytes, text);
}

static void test_where(void **state)
{
	catalog_fixture *f = *state;
	sr_backup_options options = with_key(false, false);
	sr_backed_up done;

	/* A file of that name stays, and so does a link to nothing. */
	options.path = scratch_path("taken");
	write_file(options.path, "mine");
	assert_fails(sr_backup(f->catalog, &options, &done), SR_EXISTS, "exists already");
	assert_text_file(options.path, "mine");
	options.path = scratch_path("link");
	assert_int_equal(symlink("nowhere", options.path), 0);
	assert_fails(sr_backup(f->catalog, &options, &done), SR_EXISTS, "link' exists already");
	options.path = f->path;
	assert_fails(sr_backup(f->catalog, &options, &done), SR_EXISTS, "exists already");
	/* In a folder it gets the name that it would have here. */
	options.path = scratch_path("folder");
	assert_int_equal(mkdir(options.path, 0700), 0);
	assert_ok(sr_backup(f->catalog, &options, &done));
	assert_non_null(strstr(done.path, "/folder/catalog.db_backup_20"));
	assert_int_equal(access(done.path, F_OK), 0);
	options.path = scratch_path("nowhere/file");
	assert_fails(sr_backup(f->catalog, &options, &done), SR_NOT_FOUND, "nowhere");
	assert_int_equal(count_files(".part"), 0);
	/* Two of one second. */
	options.path = NULL;
	assert_ok(sr_backup(f->catalog, &options, &done));
	assert_ok(sr_backup(f->catalog, &options, &done));
	assert_int_equal(count_files("_backup_20"), 2);
}

static void test_options(void **state)
{
	catalog_fixture *f = *state;
	sr_backup_options options = with_key(false, false);
	sr_backup_read_options how = reading_with(NULL);
	sr_backed_up done;

	options.version = 7;
	assert_fails(sr_backup(f->catalog, &options, &done), SR_INVALID, "version 7");
	how.version = 8;
	assert_fails(sr_backup_verify(&f->options, f->path, &how, NULL), SR_INVALID, "version 8");
	assert_fails(sr_restore(&f->options, f->path, &how, NULL), SR_INVALID, "version 8");
	assert_ok(sr_begin(f->catalog, "test"));
	assert_fails(sr_backup(f->catalog, NULL, &done), SR_INVALID, "transaction");
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_backup(f->catalog, NULL, NULL));
}

#define THREADS 4
#define EACH    3

typedef struct worker {
	catalog_fixture *f;
	bool compress;
	sr_backed_up done[EACH];
	char words[256]; /* What went wrong. */
} worker;

static void *work(void *arg)
{
	worker *w = arg;

	for (int i = 0; i < EACH && !w->words[0]; i++) {
		sr_backup_options options = with_key(w->compress, false);

		if (sr_backup(w->f->catalog, &options, &w->done[i]) != SR_OK)
			snprintf(w->words, sizeof(w->words), "%s", sr_error_message());
	}
	return NULL;
}

/* Several of one second, by several threads: each has a name of its own. */
static void test_threads(void **state)
{
	static worker workers[THREADS];
	catalog_fixture *f = *state;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (worker){.f = f, .compress = i % 2};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_string_equal(workers[i].words, "");
		for (int j = 0; j < EACH; j++)
			assert_ok(
				sr_backup_verify(&f->options, workers[i].done[j].path, NULL, NULL));
	}
	assert_int_equal(count_files(".part"), 0);
	assert_int_equal(count_files("_backup_20"), THREADS * EACH);
	assert_int_equal(integer(f, "SELECT count(*) FROM catalog_activity"), THREADS * EACH);
}

/* ---- Restoring ---- */

/* Takes a backup, then changes the catalog. *rows are those of the backup. */
static void back_up_and_change(catalog_fixture *f, sr_backed_up *done, char **rows)
{
	sr_backup_options options = with_key(true, false);

	assert_ok(sr_backup(f->catalog, &options, done));
	*rows = rows_of(f->path);
	(void)add_client(f, "later");
	fill(f, 300);
}

static void test_restore(void **state)
{
	catalog_fixture *f = *state;
	sr_restored restored;
	sr_backed_up done;
	char *rows, *changed;
	sr_files *files;
	const sr_file *file;
	int64_t clients;

	back_up_and_change(f, &done, &rows);
	changed = rows_of(f->path);
	/* Who reads keeps his snapshot. */
	assert_ok(sr_file_list(f->catalog, NULL, &files));
	assert_ok(sr_files_next(files, &file));
	assert_ok(sr_restore(&f->options, done.path, NULL, &restored));
	for (int i = 1; i < 300; i++) {
		assert_ok(sr_files_next(files, &file));
		assert_non_null(file);
	}
	assert_ok(sr_files_next(files, &file));
	assert_null(file);
	sr_files_close(files);
	/* Who has it open sees the restored one, and writes to it. */
	assert_ok(sr_client_count(f->catalog, &clients));
	assert_int_equal(clients, 1);
	assert_same(f->path, rows);
	assert_same(restored.kept, changed);
	assert_string_equal(restored.set_aside, "");
	assert_int_equal(restored.version, restored.from_version);
	assert_int_equal(restored.rows, done.rows);
	(void)add_client(f, "after");
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM catalog_activity"
				    " WHERE ActivityType = 'restore'"),
			 1);
	assert_int_equal(count_files(".part"), 0);
}

static void test_restore_old(void **state)
{
	catalog_fixture *f = *state;
	const char *old = scratch_path("old.db");
	sr_restored restored;
	int version;

	old_database_make(old, &(old_options){.version = 3});
	assert_ok(sr_restore(&f->options, old, NULL, &restored));
	assert_int_equal(restored.from_version, 3);
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_int_equal(restored.version, version);
	assert_true(version > 3);
	assert_ok(sr_migrate_verify(f->catalog, NULL, NULL, NULL));
	/* The backup itself stays as it was. */
	{
		char *ledger =
			old_database_dump(old, "SELECT max(version) FROM database_migrations");

		assert_string_equal(ledger, "|1:3\n");
		sqlite3_free(ledger);
	}
}

static void test_restore_refused(void **state)
{
	catalog_fixture *f = *state;
	char *rows = rows_of(f->path);
	sr_backed_up done;
	sqlite3 *db;

	assert_ok(sr_backup(f->catalog, NULL, &done));
	assert_int_equal(sqlite3_open(done.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "UPDATE database_migrations SET version = 999 WHERE version "
				      "= (SELECT max(version) FROM database_migrations)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_fails(sr_restore(&f->options, done.path, NULL, NULL), SR_TOO_NEW, "999");
	/* Verifying tells that it is whole all the same. */
	assert_ok(sr_backup_verify(&f->options, done.path, NULL, NULL));
	assert_fails(sr_restore(&f->options, f->path, NULL, NULL), SR_INVALID, "itself");
	assert_fails(sr_restore(&f->options, scratch_path("none"), NULL, NULL), SR_NOT_FOUND,
		     "none");
	write_file(scratch_path("text"), "not a database, though it is long enough to be one");
	assert_fails(sr_restore(&f->options, scratch_path("text"), NULL, NULL), SR_CORRUPT, "text");
	assert_int_equal(sqlite3_open(scratch_path("other.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE a (b)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_fails(sr_restore(&f->options, scratch_path("other.db"), NULL, NULL), SR_REFUSED,
		     "holds no catalog");
	f->options.read_only = true;
	assert_fails(sr_restore(&f->options, done.path, NULL, NULL), SR_READ_ONLY, "read-only");
	assert_same(f->path, rows);
	assert_int_equal(count_files(".part"), 0);
	assert_int_equal(count_files("_backup_20"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),   TEST(test_packed),      TEST(test_wrong_key),
		TEST(test_where),   TEST(test_options),     TEST(test_threads),
		TEST(test_restore), TEST(test_restore_old), TEST(test_restore_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
