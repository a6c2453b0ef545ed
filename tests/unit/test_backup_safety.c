/* Backups and restores that are killed, fail, or happen while others work: something whole is
 * always there, and nothing that was acknowledged is lost. */
#include "catalog_fixture.h"
#include "fault_vfs.h"
#include "old_database.h"
#include "schema/schema.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FILES 150
#define MOST  100000 /* Clients that the writer adds. */

static bool reads_late; /* What is read from a pipe is handed on when its writer is gone. */

/* In the place of the C library's. */
ssize_t read(int fd, void *bytes, size_t count)
{
	ssize_t n = (ssize_t)syscall(SYS_read, fd, bytes, count);
	siginfo_t gone;

	if (reads_late && n == (ssize_t)sizeof(int))
		waitid(P_ALL, 0, &gone, WEXITED | WNOWAIT);
	return n;
}

static int folder_syncs; /* Until one of a folder fails; 0: none does. */

int fsync(int fd)
{
	struct stat st;

	if (folder_syncs > 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && --folder_syncs == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

static void add_files(const catalog_fixture *f, int from, int count)
{
	sr_file *files = calloc((size_t)count, sizeof(*files));
	char(*paths)[64] = calloc((size_t)count, sizeof(*paths));

	assert_true(files && paths);
	for (int i = 0; i < count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/data/%d/file with a longer name", from + i);
		files[i] = file_at(f, paths[i]);
		files[i].size = i;
	}
	assert_ok(sr_file_save(f->catalog, files, (size_t)count, NULL, NULL, NULL));
	free(paths);
	free(files);
}

static int setup(void **state)
{
	fault_vfs_install();
	catalog_setup_client(state);
	((catalog_fixture *)*state)->options.timeout = 5;
	add_files(*state, 0, FILES);
	return 0;
}

static int teardown(void **state)
{
	fault_disarm();
	catalog_teardown(state);
	fault_vfs_remove();
	return 0;
}

static char *rows_of(const char *path)
{
	return old_database_dump(path, "SELECT (SELECT group_concat(quote(c.ID) || c.Name)"
				       " FROM clients c), f.* FROM files f ORDER BY f.ID");
}

/* Whether the database at path is whole and has these rows. */
static bool has_rows(const char *path, const char *rows)
{
	char *now = rows_of(path);
	char *check = old_database_dump(path, "PRAGMA integrity_check");
	bool same = strcmp(now, rows) == 0;

	assert_string_equal(check, "|3:ok\n");
	sqlite3_free(check);
	sqlite3_free(now);
	return same;
}

typedef bool (*name_fn)(const char *name);

static bool is_part(const char *name)
{
	return strstr(name, ".part") != NULL;
}

static bool is_backup(const char *name)
{
	return strstr(name, "_backup_2") != NULL && !is_part(name);
}

static int count(name_fn is)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int found = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		found += is(entry->d_name);
	closedir(dir);
	return found;
}

static void remove_backups(void)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (is_backup(entry->d_name))
			assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
	closedir(dir);
}

/* Everything that bears the name of a backup is one. */
static void assert_backups_whole(const catalog_fixture *f, const sr_backup_read_options *how)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (is_backup(entry->d_name))
			assert_ok(sr_backup_verify(&f->options, scratch_path(entry->d_name), how,
						   NULL));
	closedir(dir);
}

/* ---- Killed at every step ---- */

typedef struct countdown {
	int left;  /* Calls until it strikes. */
	bool kill; /* Else it cancels. */
} countdown;

static bool on_step(void *arg, const char *step, int64_t done, int64_t total)
{
	countdown *c = arg;

	(void)step;
	(void)done;
	(void)total;
	if (--c->left > 0)
		return false;
	if (c->kill)
		raise(SIGKILL);
	return true;
}

static sr_status back_up(catalog_fixture *f, countdown *c)
{
	sr_backup_options options;

	sr_backup_options_init(&options);
	options.compress = true;
	options.progress = on_step;
	options.progress_arg = c;
	return sr_backup(f->catalog, &options, NULL);
}

static sr_status restore(const catalog_fixture *f, const char *from, countdown *c)
{
	sr_backup_read_options how;

	sr_backup_read_options_init(&how);
	how.progress = on_step;
	how.progress_arg = c;
	return sr_restore(&f->options, from, &how, NULL);
}

/* Runs it in a child that kills itself in the n-th step; whether it lived to the end. */
static bool survives(catalog_fixture *f, const char *from, int n)
{
	countdown c = {n, true};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (from)
			_exit(restore(f, from, &c) != SR_OK);
		/* A catalog is its process's own. */
		if (sr_open(&f->catalog, &f->options) != SR_OK)
			_exit(2);
		_exit(back_up(f, &c) != SR_OK);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return false;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void close_catalog(catalog_fixture *f)
{
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
}

static void test_backup_killed(void **state)
{
	catalog_fixture *f = *state;
	char *rows = rows_of(f->path);
	int n = 1, parts = 0;

	close_catalog(f);
	while (!survives(f, NULL, n)) {
		assert_int_equal(count(is_backup), 0);
		parts += count(is_part);
		assert_true(has_rows(f->path, rows));
		n++;
	}
	print_message("killed at %d steps, %d parts left on the way\n", n - 1, parts);
	assert_true(n > 5 && parts > 3);
	/* What they left is gone, and the one that was not killed is whole. */
	assert_int_equal(count(is_part), 0);
	assert_int_equal(count(is_backup), 1);
	assert_backups_whole(f, NULL);
	sqlite3_free(rows);
}

/* The backup, and a present catalog that differs from it. */
typedef struct states {
	char from[4096];
	char *restored; /* The rows of each. */
	char *present;
} states;

static states two_states(catalog_fixture *f)
{
	states s;
	sr_backed_up done;

	assert_ok(sr_backup(f->catalog, NULL, &done));
	snprintf(s.from, sizeof(s.from), "%s/saved", scratch_folder());
	assert_int_equal(rename(done.path, s.from), 0);
	s.restored = rows_of(f->path);
	(void)add_client(f, "later");
	add_files(f, FILES, FILES);
	s.present = rows_of(f->path);
	assert_string_not_equal(s.restored, s.present);
	return s;
}

static void states_free(states *s)
{
	sqlite3_free(s->restored);
	sqlite3_free(s->present);
}

static void test_restore_killed(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	int n = 1, before = 0;

	close_catalog(f);
	while (!survives(f, s.from, n)) {
		bool old = has_rows(f->path, s.present);

		/* The one or the other; and if it is the other, this one is kept. */
		if (!old) {
			assert_true(has_rows(f->path, s.restored));
			assert_true(count(is_backup) > 0);
			break;
		}
		before += old;
		assert_backups_whole(f, NULL);
		n++;
	}
	print_message("killed at %d steps\n", n - 1);
	assert_true(before > 8);
	assert_true(has_rows(f->path, s.restored));
	assert_true(survives(f, s.from, 1000000));
	assert_int_equal(count(is_part), 0);
	assert_backups_whole(f, NULL);
	states_free(&s);
}

/* The same where the file itself is replaced. */
static void test_restore_file_killed(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	int n = 1;

	close_catalog(f);
	assert_int_equal(unlink(f->path), 0);
	while (!survives(f, s.from, n)) {
		assert_int_equal(access(f->path, F_OK), -1);
		n++;
	}
	assert_true(n > 5);
	assert_true(has_rows(f->path, s.restored));
	assert_int_equal(count(is_part), 0);
	states_free(&s);
}

/* At any moment, between the steps too. */
static void test_killed_any_time(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	unsigned seed = (unsigned)getpid();

	close_catalog(f);
	for (int round = 0; round < 15; round++) {
		struct timespec wait = {0, (long)(rand_r(&seed) % 60) * 1000000};
		pid_t pid = fork();

		if (pid == 0)
			_exit(sr_restore(&f->options, s.from, NULL, NULL) != SR_OK);
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(has_rows(f->path, s.present) || has_rows(f->path, s.restored));
		assert_backups_whole(f, NULL);
	}
	assert_ok(sr_restore(&f->options, s.from, NULL, NULL));
	assert_true(has_rows(f->path, s.restored));
	assert_int_equal(count(is_part), 0);
	states_free(&s);
}

/* ---- Cancelled ---- */

static void test_cancelled(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	countdown c = {1, false};
	sr_status rc;
	int n;

	for (n = 1; (c.left = n), (rc = back_up(f, &c)) != SR_OK; n++) {
		assert_int_equal(rc, SR_INTERRUPTED);
		assert_int_equal(count(is_part) + count(is_backup), 0);
	}
	assert_true(n > 5);
	assert_int_equal(count(is_backup), 1);
	for (n = 1; (c.left = n), (rc = restore(f, s.from, &c)) != SR_OK; n++) {
		assert_int_equal(rc, SR_INTERRUPTED);
		assert_int_equal(count(is_part), 0);
		assert_int_equal(count(is_backup), 1);
		assert_true(has_rows(f->path, s.present));
	}
	assert_true(n > 8);
	assert_int_equal(count(is_backup), 2);
	assert_true(has_rows(f->path, s.restored));
	states_free(&s);
}

/* ---- The disk fails ---- */

static void assert_restore_fails_well(catalog_fixture *f, fault_call call, int code)
{
	states s = two_states(f);
	int failed = 0;

	close_catalog(f);
	/* Every one of the first, then fewer and fewer of many alike. */
	for (int n = 1;; n += 1 + n / 6) {
		bool restored;
		sr_status rc;
		int hits;

		fault_arm(call, FAULT_ANY, n, code, false);
		rc = sr_restore(&f->options, s.from, NULL, NULL);
		hits = fault_hits();
		fault_disarm();
		if (rc == SR_OK && hits == 0)
			break;
		failed += rc != SR_OK;
		/* The one or the other, and the words say which. */
		restored = has_rows(f->path, s.restored);
		assert_true(restored || has_rows(f->path, s.present));
		if (rc == SR_OK)
			assert_true(restored);
		else if (restored && rc != SR_OUTCOME_UNKNOWN)
			assert_says("was restored");
		assert_int_equal(count(is_part), 0);
		assert_backups_whole(f, NULL);
		if (restored) {
			/* Another one again, for the next fault. */
			catalog_open(f);
			(void)add_client(f, "later");
			close_catalog(f);
			sqlite3_free(s.present);
			s.present = rows_of(f->path);
		}
		remove_backups();
	}
	print_message("%d failures\n", failed);
	assert_true(failed > 3);
	assert_true(has_rows(f->path, s.restored));
	states_free(&s);
}

static void test_writing_fails(void **state)
{
	assert_restore_fails_well(*state, FAULT_WRITE, SQLITE_IOERR_WRITE);
}

static void test_no_space(void **state)
{
	assert_restore_fails_well(*state, FAULT_WRITE, SQLITE_FULL);
}

static void test_syncing_fails(void **state)
{
	assert_restore_fails_well(*state, FAULT_SYNC, SQLITE_IOERR_FSYNC);
}

/* A backup that could not be written is not there. */
static void test_backup_fails(void **state)
{
	static const struct {
		fault_call call;
		int code;
	} faults[] = {
		{FAULT_WRITE, SQLITE_FULL},
		{FAULT_SYNC, SQLITE_IOERR_FSYNC},
		{FAULT_OPEN, SQLITE_CANTOPEN},
		{FAULT_READ, SQLITE_IOERR_READ},
	};
	catalog_fixture *f = *state;
	char *rows = rows_of(f->path);

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int failed = 0, hits = 1;

		for (int n = 1; hits > 0; n += 1 + n / 6) {
			sr_status rc;

			fault_arm(faults[i].call, FAULT_MAIN, n, faults[i].code, false);
			rc = sr_backup(f->catalog, NULL, NULL);
			hits = fault_hits();
			fault_disarm();
			failed += rc != SR_OK;
			assert_int_equal(count(is_backup), rc == SR_OK);
			assert_int_equal(count(is_part), 0);
			assert_backups_whole(f, NULL);
			remove_backups();
		}
		assert_true(failed > 0);
		assert_true(has_rows(f->path, rows));
	}
	sqlite3_free(rows);
}

/* Whichever page cannot be read, of a table, an overflowing row or the list of free ones: the disk
 * is told of, and nothing is called damaged. */
static void test_check_that_cannot_read(void **state)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_READ, .busy_timeout = 1, .cache_pages = 10};
	catalog_fixture *f = *state;
	int hits = 1, failed = 0;

	assert_ok(sr_execute_script(
		f->catalog, "CREATE TABLE wide (a); CREATE TABLE gone (a);"
			    "INSERT INTO wide VALUES (randomblob(30000));"
			    "INSERT INTO gone VALUES (randomblob(30000)); DROP TABLE gone"));
	assert_ok(sr_close(f->catalog));
	for (int n = 1; hits > 0; n++) {
		sr_conn *conn;
		sr_status rc;

		assert_done(sr_conn_open(&sr_sqlite, f->path, &options, &conn));
		fault_arm(FAULT_READ, FAULT_ANY, n, SQLITE_IOERR_READ, false);
		rc = sr_integrity(conn, n % 2 == 0);
		hits = fault_hits();
		fault_disarm();
		if (hits > 0)
			assert_fails(rc, SR_IO, f->path);
		else
			assert_done(rc);
		failed += hits;
		sr_conn_close(conn);
	}
	assert_true(failed > 40);
	assert_ok(sr_open(&f->catalog, &f->options));
}

/* ---- While others work ---- */

/* A process that adds clients until it is told to stop, and says of each that was acknowledged. */
static pid_t start_writer(const catalog_fixture *f, int said[2], int stop[2])
{
	pid_t pid;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(stop), 0);
	if ((pid = fork()) == 0) {
		sr_options options = f->options;
		sr_catalog *catalog;
		char byte;

		options.timeout = 100; /* A busy machine has them wait long for each other. */
		fcntl(stop[0], F_SETFL, O_NONBLOCK);
		close(stop[1]);
		close(said[0]);
		if (sr_open(&catalog, &options) != SR_OK)
			_exit(2);
		for (int32_t i = 0; read(stop[0], &byte, 1) != 0; i++) {
			sr_client client = {.aes_key = {NULL, 0}};
			char name[32];

			snprintf(name, sizeof(name), "writer %d", i);
			client.name = sr_text_of(name);
			sr_id_new(&client.id);
			if (sr_client_save(catalog, &client, 1, NULL) != SR_OK) {
				fprintf(stderr, "writer: %s\n", sr_error_message());
				_exit(3);
			}
			if (write(said[1], &i, sizeof(i)) != sizeof(i))
				_exit(4);
		}
		_exit(sr_close(catalog) != SR_OK);
	}
	assert_true(pid > 0);
	close(said[1]);
	close(stop[0]);
	return pid;
}

static int64_t ask(const char *path, const char *sql)
{
	char *answer = old_database_dump(path, sql);
	int64_t number = atoll(answer + 3);

	sqlite3_free(answer);
	return number;
}

static void wait_for(int said, int32_t at_least, bool *seen)
{
	int32_t i = -1;

	while (i < at_least) {
		assert_int_equal(read(said, &i, sizeof(i)), sizeof(i));
		assert_true(i >= 0 && i < MOST);
		seen[i] = true;
	}
}

/* Whatever is said until the end, or until nothing is said now. */
static void hear(int said, bool *seen)
{
	int32_t i;

	while (read(said, &i, sizeof(i)) == sizeof(i)) {
		assert_true(i >= 0 && i < MOST);
		seen[i] = true;
	}
}

/* How many times each of the writer's clients is in a catalog; free(). */
static int *times_there(const char *path)
{
	char *numbers = old_database_dump(path, "SELECT CAST(substr(Name, 8) AS INTEGER) FROM"
						" clients WHERE Name LIKE 'writer %'");
	int *times = calloc(MOST, sizeof(*times));

	assert_non_null(numbers);
	assert_non_null(times);
	for (char *line = numbers; *line; line = strchr(line, '\n') + 1) {
		long number = strtol(line + 3, NULL, 10); /* Behind "|1:". */

		assert_in_range(number, 0, MOST - 1);
		times[number]++;
	}
	sqlite3_free(numbers);
	return times;
}

/* What another process has been told is committed is in the restored catalog, or in what was kept
 * of the one before; and it goes on with the restored one. */
static void test_restore_under_writer(void **state)
{
	catalog_fixture *f = *state;
	bool *seen = calloc(MOST, sizeof(bool));
	states s = two_states(f);
	sr_restored restored;
	int said[2], stop[2], status;
	int after = 0, kept = 0;
	int *in_live, *in_kept;
	pid_t pid;

	assert_non_null(seen);
	close_catalog(f);
	pid = start_writer(f, said, stop);
	wait_for(said[0], 20, seen);
	f->options.timeout = 100;
	assert_ok(sr_restore(&f->options, s.from, NULL, &restored));
	/* Until some have come after it. */
	assert_int_equal(fcntl(said[0], F_SETFL, O_NONBLOCK), 0);
	while (ask(f->path, "SELECT count(*) FROM clients WHERE Name LIKE 'writer %'") < 10)
		hear(said[0], seen);
	assert_int_equal(fcntl(said[0], F_SETFL, 0), 0);
	close(stop[1]);
	hear(said[0], seen);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(said[0]);
	in_live = times_there(f->path);
	in_kept = times_there(restored.kept);
	for (int32_t i = 0; i < MOST; i++) {
		if (!seen[i])
			continue;
		if (in_live[i] + in_kept[i] != 1)
			fail_msg("client %d: %d times in the restored catalog, %d in the old", i,
				 in_live[i], in_kept[i]);
		after += in_live[i] != 0;
		kept += in_kept[i] != 0;
	}
	print_message("%d before, %d after\n", kept, after);
	assert_true(after > 0 && kept > 20);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM files"), FILES);
	assert_backups_whole(f, NULL);
	free(in_kept);
	free(in_live);
	free(seen);
	states_free(&s);
}

/* A backup is of one moment between its beginning and its end. */
static void test_backup_under_writer(void **state)
{
	catalog_fixture *f = *state;
	bool *seen = calloc(MOST, sizeof(bool));
	int said[2], stop[2], status;
	pid_t pid;

	assert_non_null(seen);
	pid = start_writer(f, said, stop);
	for (int32_t round = 1; round < 6; round++) {
		sr_backed_up done;
		int64_t clients, highest;

		wait_for(said[0], round * 20, seen);
		assert_ok(sr_backup(f->catalog, NULL, &done));
		clients = ask(done.path, "SELECT count(*) FROM clients WHERE Name LIKE 'writer %'");
		highest = ask(done.path, "SELECT max(CAST(substr(Name, 8) AS INTEGER)) FROM clients"
					 " WHERE Name LIKE 'writer %'");
		/* All up to some one, and all that were acknowledged when it began. */
		assert_int_equal(clients, highest + 1);
		assert_true(highest >= round * 20);
	}
	close(stop[1]);
	hear(said[0], seen);
	close(said[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_backups_whole(f, NULL);
	free(seen);
}

/* Somebody who writes for longer than one waits. */
static void test_restore_busy(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	sqlite3 *db;

	f->options.timeout = 0.1;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_fails(sr_restore(&f->options, s.from, NULL, NULL), SR_BUSY, f->path);
	sqlite3_close(db);
	assert_true(has_rows(f->path, s.present));
	assert_int_equal(count(is_part) + count(is_backup), 0);
	assert_ok(sr_restore(&f->options, s.from, NULL, NULL));
	states_free(&s);
}

/* ---- Databases of another build ---- */

static void plain(const char *from, const char *pragmas, const char *to)
{
	char *sql = sqlite3_mprintf("%s; VACUUM INTO %Q", pragmas, to);

	assert_null(old_database_run(from, sql));
	sqlite3_free(sql);
}

static void test_page_size(void **state)
{
	catalog_fixture *f = *state;
	static const int sizes[] = {512, 8192, 65536};
	states s = two_states(f);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char pragma[64];

		snprintf(pragma, sizeof(pragma), "PRAGMA page_size = %d", sizes[i]);
		unlink(scratch_path("other"));
		plain(s.from, pragma, scratch_path("other"));
		assert_int_equal(ask(scratch_path("other"), "PRAGMA page_size"), sizes[i]);
		assert_ok(sr_restore(&f->options, scratch_path("other"), NULL, NULL));
		assert_int_equal(ask(f->path, "PRAGMA page_size"), 4096);
		assert_true(has_rows(f->path, s.restored));
		(void)add_client(f, "so that it differs");
	}
	/* A missing database has no pages yet. */
	close_catalog(f);
	assert_int_equal(unlink(f->path), 0);
	assert_ok(sr_restore(&f->options, scratch_path("other"), NULL, NULL));
	assert_true(has_rows(f->path, s.restored));
	states_free(&s);
}

static void test_encoding(void **state)
{
	catalog_fixture *f = *state;
	const char *other = scratch_path("utf16");
	sqlite3 *db;

	assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA encoding = 'UTF-16'; " OLD_TABLES OLD_ROWS, NULL,
				      NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_fails(sr_restore(&f->options, other, NULL, NULL), SR_INVALID, "another encoding");
	close_catalog(f);
	assert_int_equal(unlink(f->path), 0);
	assert_ok(sr_restore(&f->options, other, NULL, NULL));
	assert_int_equal(ask(f->path, "SELECT count(*) FROM clients"), 1);
}

/* Where there is no log: the whole is one transaction with a journal. */
static void test_without_log(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	int n;

	close_catalog(f);
	assert_null(old_database_run(f->path, "PRAGMA journal_mode = DELETE"));
	fault_without_shm(true);
	assert_ok(sr_restore(&f->options, s.from, NULL, NULL));
	assert_true(has_rows(f->path, s.restored));
	catalog_open(f);
	(void)add_client(f, "later");
	assert_ok(sr_backup(f->catalog, NULL, NULL));
	close_catalog(f);
	sqlite3_free(s.present);
	s.present = rows_of(f->path);
	for (n = 1; !survives(f, s.from, n); n++)
		if (!has_rows(f->path, s.present))
			break;
	assert_true(n > 5);
	assert_true(has_rows(f->path, s.restored));
	fault_without_shm(false);
	states_free(&s);
}

/* ---- Damaged, and somebody has it open ---- */

static void test_damaged(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	sr_restored restored;
	sr_catalog *other;
	char zeros[8192] = "";
	int fd;

	/* Open here: this process would go on with the old file. */
	assert_ok(sr_open(&other, &f->options));
	close_catalog(f);
	assert_ok(sr_close(other));
	catalog_open(f);
	assert_ok(sr_client_count(f->catalog, &(int64_t){0}));
	fd = open(scratch_path("damage"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	close(fd);
	assert_int_equal(rename(f->path, scratch_path("real")), 0);
	assert_int_equal(rename(scratch_path("damage"), f->path), 0);
	/* The log of the one that is open is held, whatever became of its database. The child that
	 * found it out may be gone before this process speaks to it again. */
	reads_late = true;
	assert_fails(sr_restore(&f->options, s.from, NULL, NULL), SR_BUSY, "open");
	reads_late = false;
	assert_int_equal(rename(f->path, scratch_path("damage")), 0);
	assert_int_equal(rename(scratch_path("real"), f->path), 0);
	close_catalog(f);
	/* Nobody has: a page in the middle is of no use. */
	fd = open(f->path, O_WRONLY);
	for (int i = 3; i < 40; i++)
		assert_int_equal(pwrite(fd, zeros, 4096, i * 4096), 4096);
	close(fd);
	assert_int_equal(chmod(f->path, 0640), 0);
	assert_ok(sr_restore(&f->options, s.from, NULL, &restored));
	assert_string_equal(restored.kept, "");
	assert_string_not_equal(restored.set_aside, "");
	assert_int_equal(access(restored.set_aside, F_OK), 0);
	assert_true(has_rows(f->path, s.restored));
	{
		struct stat st;

		assert_int_equal(stat(f->path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	assert_int_equal(count(is_part), 0);
	states_free(&s);
}

static bool is_aside(const char *name)
{
	return strstr(name, "_damaged_2") != NULL;
}

/* A damaged database is all that there is: it is under its name until another has taken that. */
static void test_damaged_and_no_sync(void **state)
{
	catalog_fixture *f = *state;
	states s = two_states(f);
	int n = 1, failed = 0;
	struct stat before, now;

	close_catalog(f);
	assert_int_equal(truncate(f->path, 8192), 0);
	assert_int_equal(stat(f->path, &before), 0);
	for (;; n++) {
		sr_status rc;

		folder_syncs = n;
		rc = sr_restore(&f->options, s.from, NULL, NULL);
		folder_syncs = 0;
		if (rc == SR_OK)
			break;
		failed++;
		assert_int_equal(rc, SR_IO);
		assert_says("brought to the disk");
		assert_int_equal(stat(f->path, &now), 0);
		assert_int_equal(now.st_ino, before.st_ino);
		assert_int_equal(count(is_aside), 0);
		assert_int_equal(count(is_part), 0);
	}
	assert_true(failed >= 2);
	assert_int_equal(count(is_aside), 1);
	assert_true(has_rows(f->path, s.restored));
	states_free(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_backup_killed),
		TEST(test_restore_killed),
		TEST(test_restore_file_killed),
		TEST(test_killed_any_time),
		TEST(test_cancelled),
		TEST(test_writing_fails),
		TEST(test_no_space),
		TEST(test_syncing_fails),
		TEST(test_backup_fails),
		TEST(test_check_that_cannot_read),
		TEST(test_restore_under_writer),
		TEST(test_backup_under_writer),
		TEST(test_restore_busy),
		TEST(test_page_size),
		TEST(test_encoding),
		TEST(test_without_log),
		TEST(test_damaged),
		TEST(test_damaged_and_no_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
