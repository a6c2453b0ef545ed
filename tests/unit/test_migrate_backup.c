/* The backup before a migration, and migrations that compete or are killed. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/vtable.h"
#include "migrate_fixture.h"
#include "old_database.h"
#include "schema/copy.h"
#include "schema/schema.h"

static sr_schema_options up_options(void)
{
	sr_schema_options options = migrate_options();

	options.backup = true;
	return options;
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

static void test_backup(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = up_options();
	sr_migrated migrated;
	char *before, *copied;
	struct stat st;
	char start[256];

	(void)state;
	old_database_make(path, &(old_options){.version = 3});
	before = old_database_rows(path, OLD_CORE, true);
	assert_done(migrate_run(path, &options, &migrated));
	assert_int_equal(migrated.from, 3);
	assert_int_equal(migrated.to, sr_schema_latest());
	snprintf(start, sizeof(start), "%s_backup_20", path);
	assert_int_equal(strncmp(migrated.backup, start, strlen(start)), 0);
	assert_int_equal(strlen(migrated.backup),
			 strlen(path) + strlen("_backup_20250101_000000.db"));
	assert_int_equal(stat(migrated.backup, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count_files("-wal") + count_files("-shm") + count_files("-journal"), 0);
	copied = old_database_rows(migrated.backup, OLD_CORE, true);
	assert_string_equal(copied, before);
	sqlite3_free(copied);
	copied = old_database_dump(migrated.backup, "SELECT max(version) FROM database_migrations");
	assert_string_equal(copied, "|1:3\n");
	sqlite3_free(copied);
	sqlite3_free(before);
}

/* Nothing to do: nothing is copied. New database: there is nothing to copy. */
static void test_no_backup(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = up_options();
	sr_migrated migrated;

	(void)state;
	assert_done(migrate_run(path, &options, &migrated));
	assert_string_equal(migrated.backup, "");
	assert_done(migrate_run(path, &options, &migrated));
	assert_string_equal(migrated.backup, "");

	path = migrate_path();
	old_database_make(path, &(old_options){.version = 0});
	options.backup = false;
	assert_done(migrate_run(path, &options, &migrated));
	assert_string_equal(migrated.backup, "");
	assert_int_equal(count_files("_backup_"), 0);
}

/* The last five of its own; what others put beside the database stays, whatever its name. */
static void test_keeps_five(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = up_options();
	sr_migrated migrated;
	char other[256];
	struct stat st;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	snprintf(other, sizeof(other), "%s_backup_20200101_000000.db", path);
	old_database_make(other, &(old_options){.version = 5});
	for (int i = 0; i < 8; i++) {
		options.to = i % 2 ? 7 : 8;
		assert_done(migrate_run(path, &options, &migrated));
		assert_true(migrated.backup[0]);
		assert_int_equal(stat(migrated.backup, &st), 0);
	}
	assert_int_equal(count_files(".db_backup_2"), 6);
	assert_int_equal(stat(other, &st), 0);
}

static void test_space(void **state)
{
	const char *path = migrate_path();

	(void)state;
	assert_done(sr_space_check(path, 1, "the test"));
	assert_fails(sr_space_check(path, INT64_MAX, "the test"), SR_NO_SPACE,
		     "the test needs 9223372036854775807 bytes");
}

/* A failure names the backup. */
static void test_failure_names_backup(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = up_options();
	sr_migrated migrated;
	sr_conn *conn;

	(void)state;
	old_database_make(path, &(old_options){.version = 2});
	/* The name of an index that migration 5 makes is a table's. */
	assert_null(old_database_run(path, "CREATE TABLE idx_file_versions_active (a)"));
	conn = migrate_open(path);
	assert_int_not_equal(sr_schema_migrate(conn, &options, &migrated), SR_OK);
	assert_true(migrated.backup[0]);
	assert_says(migrated.backup);
	assert_says("migration ");
	assert_says("whole at version ");
	sr_conn_close(conn);
}

/* A lock that stays: nothing began, so the try leaves no backup and takes none away. */
static void test_busy(void **state)
{
	const char *path = migrate_path();
	sr_conn_options how = {.access = SR_ACCESS_WRITE, .busy_timeout = 0.05, .cache_pages = 100};
	sr_schema_options options = up_options();
	sr_migrated migrated;
	sr_conn *conn, *other;

	(void)state;
	old_database_make(path, &(old_options){.version = 3});
	assert_done(migrate_run(path, &options, NULL));
	options.to = 5;
	assert_done(migrate_run(path, &options, NULL));
	options.to = -1;
	assert_int_equal(count_files("_backup_2"), 2);
	other = migrate_open(path);
	assert_done(sr_conn_begin(other, SR_TRANSACTION_WRITE));
	assert_done(sr_conn_open(&sr_sqlite, path, &how, &conn));
	for (int i = 0; i < 5; i++) {
		assert_fails(sr_schema_migrate(conn, &options, &migrated), SR_BUSY,
			     "end the transaction there");
		assert_says("whole at version 5");
		assert_string_equal(migrated.backup, "");
		assert_int_equal(count_files("_backup_2"), 2);
	}
	sr_conn_rollback(other);
	assert_done(sr_schema_migrate(conn, &options, &migrated));
	assert_int_equal(count_files("_backup_2"), 3);
	sr_conn_close(conn);
	sr_conn_close(other);
}

/* A process that dies while it copies leaves nothing with the name of a backup, and the next one
 * clears up after it, but not after those that are at it. */
static void test_killed_while_copying(void **state)
{
	const struct rlimit limit = {100000, 100000};
	const char *path = migrate_path();
	char alive[300];
	pid_t pid;
	int ended, hold;

	(void)state;
	old_database_make(path, &(old_options){.version = 5, .files = 5000});
	pid = fork();
	if (pid == 0) {
		sr_schema_options options = up_options();

		/* The signal that writing more raises ends it in the middle of the copy. */
		setrlimit(RLIMIT_FSIZE, &limit);
		migrate_run(path, &options, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &ended, 0), pid);
	assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGXFSZ);
	assert_int_equal(count_files(".part"), 1);
	assert_int_equal(count_files("_backup_"), 1);
	snprintf(alive, sizeof(alive), "%s_backup_20250101_000000.db.%ld.part", path,
		 (long)getpid());
	fclose(fopen(alive, "w"));
	assert_done(sr_part_hold(path, &hold));
	assert_done(migrate_run(path, &(sr_schema_options){.to = -1, .backup = true}, NULL));
	sr_part_let_go(&hold);
	assert_int_equal(count_files(".part"), 1);
	assert_int_equal(access(alive, F_OK), 0);
	assert_int_equal(count_files("_backup_list"), 1);
	assert_int_equal(count_files("_backup_"), 3);
}

/* ---- Two at once ---- */

static pid_t start_migration(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		sr_schema_options options = up_options();

		options.backup = false;
		_exit(migrate_run(path, &options, NULL) == SR_OK ? 0 : 1);
	}
	assert_true(pid > 0);
	return pid;
}

static void test_two_at_once(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		const char *path = migrate_path();
		char *before, *after, *ledger;
		char expected[32];
		pid_t pids[3];

		old_database_make(path, &(old_options){.stage = OLD_WITH_OWN_ID, .files = 2000});
		before = old_database_rows(path, OLD_WITH_OWN_ID, false);
		for (int i = 0; i < 3; i++)
			pids[i] = start_migration(path);
		for (int i = 0; i < 3; i++) {
			int status;

			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(migrate_drift(path), 0);
		after = old_database_rows(path, OLD_WITH_OWN_ID, false);
		assert_string_equal(after, before);
		ledger = old_database_dump(
			path, "SELECT count(*), max(version) FROM database_migrations");
		snprintf(expected, sizeof(expected), "|1:%d|1:%d\n", sr_schema_latest(),
			 sr_schema_latest());
		assert_string_equal(ledger, expected);
		sqlite3_free(ledger);
		sqlite3_free(after);
		sqlite3_free(before);
	}
}

/* ---- Killed ---- */

/* Whatever version it is at, it is whole there and has every row. */
static int assert_whole_somewhere(const char *path, const char *rows)
{
	sr_conn *conn = migrate_open(path);
	char *now, *check;
	bool legacy;
	int version;

	assert_done(sr_schema_version(conn, &version, &legacy));
	sr_conn_close(conn);
	check = old_database_dump(path, "PRAGMA integrity_check");
	assert_string_equal(check, "|3:ok\n");
	sqlite3_free(check);
	assert_int_equal(migrate_drift(path), 0);
	now = old_database_rows(path, OLD_CORE, true);
	assert_string_equal(now, rows);
	sqlite3_free(now);
	return version;
}

/* Each goes on where the one before was killed, until one comes to the end. */
static void test_killed(void **state)
{
	unsigned seed = (unsigned)getpid();
	int version = sr_schema_latest(), interrupted = 0;
	const char *path = NULL;
	char *rows = NULL;

	(void)state;
	for (int round = 0; round < 25; round++) {
		struct timespec wait = {0, 0};
		pid_t pid;

		if (version == sr_schema_latest()) {
			path = migrate_path();
			old_database_make(path, &(old_options){.files = 3000});
			sqlite3_free(rows);
			rows = old_database_rows(path, OLD_CORE, true);
		}
		pid = start_migration(path);
		wait.tv_nsec = (long)(rand_r(&seed) % 50) * 1000000;
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		version = assert_whole_somewhere(path, rows);
		interrupted += version > 0 && version < sr_schema_latest();
	}
	assert_true(waitpid(start_migration(path), NULL, 0) > 0);
	assert_int_equal(assert_whole_somewhere(path, rows), sr_schema_latest());
	print_message("%d of 25 were killed between two versions\n", interrupted);
	sqlite3_free(rows);
}

enum { THREADS = 6 };

static pthread_barrier_t together;
static char threads_path[128];

/* Its status, and its words where that is a failure. */
static void *migrate_in_thread(void *out)
{
	sr_conn_options access = {
		.access = SR_ACCESS_WRITE, .busy_timeout = 60, .cache_pages = 500};
	sr_schema_options options = up_options();
	char *words = out;
	sr_conn *conn;
	sr_status rc;

	options.validate = false;
	if ((rc = sr_conn_open(&sr_sqlite, threads_path, &access, &conn)) == SR_OK) {
		pthread_barrier_wait(&together);
		rc = sr_schema_migrate(conn, &options, NULL);
	} else {
		pthread_barrier_wait(&together);
	}
	snprintf(words, SR_MESSAGE_SIZE, "%s", rc == SR_OK ? "" : sr_error_message());
	if (conn != NULL)
		sr_conn_close(conn);
	return NULL;
}

/* Threads of one process give their copies names of their own, however close they come. */
static void test_threads_at_once(void **state)
{
	static char words[THREADS][SR_MESSAGE_SIZE];

	(void)state;
	for (int round = 0; round < 5; round++) {
		pthread_t threads[THREADS];

		snprintf(threads_path, sizeof(threads_path), "%s", migrate_path());
		old_database_make(threads_path, &(old_options){.version = 5, .files = 50});
		assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(
				pthread_create(&threads[i], NULL, migrate_in_thread, words[i]), 0);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		pthread_barrier_destroy(&together);
		for (int i = 0; i < THREADS; i++)
			assert_string_equal(words[i], "");
		assert_int_equal(count_files(".part"), 0);
		assert_int_equal(migrate_drift(threads_path), 0);
	}
}

/* An engine under which another connection migrates before a statement is prepared. */
static sr_engine slow;
static const char *slow_at; /* What that statement begins with, or NULL. */

static sr_status slow_prepare(sr_conn *conn, const char *sql, bool once, const char **tail,
			      sr_stmt **stmt)
{
	if (slow_at && strncmp(sql, slow_at, strlen(slow_at)) == 0) {
		sr_schema_options options = up_options();

		slow_at = NULL;
		assert_done(migrate_run(sr_conn_path(conn), &options, NULL));
	}
	return sr_sqlite.prepare(conn, sql, once, tail, stmt);
}

/* Once the version is read, what another brings is nobody's clash. */
static void test_other_between_looks(void **state)
{
	sr_conn_options access = {.access = SR_ACCESS_WRITE};
	sr_schema_options options = up_options();
	const char *path = migrate_path();
	sr_migrated migrated;
	sr_conn *conn;

	(void)state;
	old_database_make(path, &(old_options){.version = 5, .files = 50});
	old_database_run(path, "PRAGMA journal_mode = wal");
	slow = sr_sqlite;
	slow.prepare = slow_prepare;
	assert_done(sr_conn_open(&sr_sqlite, path, &access, &conn));
	conn->engine = &slow;
	slow_at = "PRAGMA quick_check";
	assert_done(sr_schema_migrate(conn, &options, &migrated));
	assert_null(slow_at); /* It came to that. */
	assert_string_equal(migrated.backup, "");
	assert_int_equal(migrated.to, sr_schema_latest());
	sr_conn_close(conn);
	assert_int_equal(migrate_drift(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_backup),
		TEST(test_no_backup),
		TEST(test_keeps_five),
		TEST(test_space),
		TEST(test_failure_names_backup),
		TEST(test_busy),
		TEST(test_killed_while_copying),
		TEST(test_two_at_once),
		TEST(test_threads_at_once),
		TEST(test_other_between_looks),
		TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
