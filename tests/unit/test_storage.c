/* Stored files: verified against their record, and deleted together with it, whatever fails. */
#include "catalog/stored.h"
#include "catalog_fixture.h"
#include "fault_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- Faults: these take the place of the C library's ---- */

enum step { NONE, RENAME, SYNC, RENAME_BACK, UNLINK };

static enum step fault;     /* Which call goes wrong, */
static bool fault_is_crash; /* by ending the process before it is made. */
static int renames;         /* Calls so far. */

static bool goes_wrong(enum step step)
{
	if (step != fault)
		return false;
	if (fault_is_crash)
		_exit(42);
	errno = EIO;
	return true;
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags);
int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	if (goes_wrong(++renames == 1 ? RENAME : RENAME_BACK))
		return -1;
	return (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

int fsync(int fd)
{
	struct stat status;

	/* Folders only: the database's own are SQLite's. */
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) && goes_wrong(SYNC))
		return -1;
	return (int)syscall(SYS_fsync, fd);
}

int unlinkat(int fd, const char *name, int flags)
{
	if (goes_wrong(UNLINK))
		return -1;
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

static void set_fault(enum step step)
{
	fault = step;
	renames = 0;
}

/* ---- A stored file ---- */

#define BYTES "what was stored\n"

static void write_file(const char *path, const char *bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(bytes, file);
	assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *name)
{
	struct stat status;

	return lstat(scratch_path(name), &status) == 0;
}

/* How many names the storage folder holds, hidden ones too. */
static int names(void)
{
	char command[256];
	FILE *pipe;
	int count = -1;

	snprintf(command, sizeof(command), "ls -A '%s/received_files' | wc -l", scratch_folder());
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%d", &count), 1);
	pclose(pipe);
	return count;
}

static void add(const catalog_fixture *fixture, const char *name, const char *path)
{
	sr_file file = file_named(fixture, name);

	file.path = sr_text_of(path);
	assert_int_equal(save(fixture, &file), SR_ADDED);
}

/* The record "a" of received_files/a, and its bytes. */
static int stored_new(void **state)
{
	catalog_fixture *fixture;

	fault = NONE;
	fault_is_crash = false;
	catalog_setup_client(state);
	fixture = *state;
	assert_int_equal(mkdir(scratch_path("received_files"), 0700), 0);
	write_file(scratch_path("received_files/a"), BYTES);
	add(fixture, "a", "received_files/a");
	return 0;
}

static sr_status drop(const catalog_fixture *fixture, const char *key)
{
	return sr_file_delete_stored(fixture->catalog, &fixture->client, sr_text_of(key));
}

static sr_status verify(const catalog_fixture *fixture, const char *key)
{
	return sr_file_verify(fixture->catalog, &fixture->client, sr_text_of(key));
}

static bool is_recorded(const catalog_fixture *fixture, const char *key)
{
	sr_file *file;
	sr_status rc;

	rc = sr_file_find(fixture->catalog, &fixture->client, sr_text_of(key), &file);
	sr_file_free(file);
	return rc == SR_OK;
}

/* ---- Verifying ---- */

static void test_verify(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file *file;

	assert_int_equal(chdir("/"), 0); /* Relative to the database, not to the process. */
	assert_ok(verify(fixture, "a"));
	file = find(fixture, "a");
	assert_true(file->verified);
	assert_int_equal(file->size, strlen(BYTES));
	assert_int_equal(file->hash.length, 64);
	assert_int_not_equal(file->crc, SR_NULL_INTEGER);
	sr_file_free(file);
	write_file(scratch_path("received_files/a"), "What was stored\n");
	assert_fails(verify(fixture, "a"), SR_CORRUPT, "hash");
	file = find(fixture, "a");
	assert_false(file->verified);
	sr_file_free(file);
	write_file(scratch_path("received_files/a"), BYTES);
	assert_ok(verify(fixture, "a"));
	assert_int_equal(unlink(scratch_path("received_files/a")), 0);
	assert_fails(verify(fixture, "a"), SR_NOT_FOUND, "received_files/a");
	file = find(fixture, "a");
	assert_false(file->verified);
	sr_file_free(file);
}

static void test_verify_reads_only_files(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_named(fixture, "catalogued");

	assert_int_equal(unlink(scratch_path("received_files/a")), 0);
	assert_int_equal(mkfifo(scratch_path("received_files/a"), 0600), 0);
	assert_fails(verify(fixture, "a"), SR_CORRUPT, "no regular file");
	assert_int_equal(unlink(scratch_path("received_files/a")), 0);
	assert_int_equal(symlink("/etc/passwd", scratch_path("received_files/a")), 0);
	assert_fails(verify(fixture, "a"), SR_CORRUPT, "no regular file");
	add(fixture, "db", "received_files/db");
	assert_int_equal(link(fixture->path, scratch_path("received_files/db")), 0);
	assert_fails(verify(fixture, "db"), SR_REFUSED, "database");
	assert_int_equal(unlink(scratch_path("received_files/db")), 0);
	file.stored = false;
	assert_int_equal(save(fixture, &file), SR_ADDED);
	assert_fails(verify(fixture, "catalogued"), SR_INVALID, "only catalogued");
}

/* Nothing outside the storage folder is read, whatever a record says: not even whether it is there.
 */
static void test_verify_never_outside(void **state)
{
	catalog_fixture *fixture = *state;
	char absolute[256];
	const char *const paths[] = {
		"outside",
		"received_files/../outside",
		"received_files/up/outside",
		"/nowhere",
		"../../nowhere",
		absolute,
	};

	write_file(scratch_path("outside"), BYTES);
	strcpy(absolute, scratch_path("outside"));
	assert_int_equal(symlink("..", scratch_path("received_files/up")), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		sr_file *file;

		add(fixture, paths[i], paths[i]);
		assert_ok(sr_file_set_verified(fixture->catalog, &fixture->client,
					       sr_text_of(paths[i]), true, SR_NULL_INTEGER));
		assert_fails(verify(fixture, paths[i]), SR_REFUSED, "not touched");
		file = find(fixture, paths[i]);
		assert_true(file->verified);
		assert_null(file->hash.data);
		sr_file_free(file);
	}
}

static bool at_once(void *arg)
{
	(void)arg;
	return true;
}

static void test_reading_is_cancelled(void **state)
{
	catalog_fixture *f = *state;
	const sr_settings *settings = &f->catalog->settings;
	sr_stored found;
	sr_place place;

	assert_done(sr_place_open(settings, sr_text_of("received_files/a"), &place));
	assert_fails(sr_stored_measure(settings, &place, at_once, NULL, &found), SR_INTERRUPTED,
		     "received_files/a");
	assert_done(sr_stored_measure(settings, &place, NULL, NULL, &found));
	assert_int_equal(found.size, strlen(BYTES));
	sr_place_close(&place);
}

/* ---- Deleting ---- */

static void test_delete(void **state)
{
	catalog_fixture *fixture = *state;

	assert_ok(drop(fixture, "a"));
	assert_false(is_recorded(fixture, "a"));
	assert_int_equal(names(), 0);
	assert_fails(drop(fixture, "a"), SR_NOT_FOUND, "'a'");
}

static void test_delete_what_is_gone(void **state)
{
	catalog_fixture *fixture = *state;

	assert_int_equal(unlink(scratch_path("received_files/a")), 0);
	assert_ok(drop(fixture, "a"));
	assert_false(is_recorded(fixture, "a"));
	add(fixture, "b", "received_files/no/such/folder/b");
	assert_ok(drop(fixture, "b"));
	assert_false(is_recorded(fixture, "b"));
}

static void test_delete_catalogued(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_named(fixture, "a");

	file.path = sr_text_of("received_files/a");
	file.stored = false;
	assert_int_equal(save(fixture, &file), SR_UNCHANGED);
	assert_ok(drop(fixture, "a"));
	assert_false(is_recorded(fixture, "a"));
	assert_true(is_there("received_files/a"));
}

static void expect_refused(const catalog_fixture *fixture, const char *path)
{
	add(fixture, path, path);
	assert_fails(drop(fixture, path), SR_REFUSED, "stored file");
	assert_true(is_recorded(fixture, path));
}

static void test_never_outside(void **state)
{
	catalog_fixture *fixture = *state;
	char absolute[256];

	write_file(scratch_path("outside"), BYTES);
	write_file(scratch_path("received_files_too"), BYTES);
	strcpy(absolute, scratch_path("outside"));
	assert_int_equal(symlink("..", scratch_path("received_files/up")), 0);
	assert_int_equal(symlink("../outside", scratch_path("received_files/link")), 0);
	assert_int_equal(mkdir(scratch_path("received_files/folder"), 0700), 0);
	expect_refused(fixture, "outside");
	expect_refused(fixture, "received_files_too");
	expect_refused(fixture, "received_files/../outside");
	expect_refused(fixture, "received_files/folder/../a");
	expect_refused(fixture, "received_files/up/outside");
	expect_refused(fixture, "received_files/link");
	expect_refused(fixture, "received_files/folder");
	expect_refused(fixture, "received_files");
	expect_refused(fixture, "catalog.db");
	expect_refused(fixture, absolute);
	add(fixture, "db", "received_files/db");
	assert_int_equal(link(fixture->path, scratch_path("received_files/db")), 0);
	assert_fails(drop(fixture, "db"), SR_REFUSED, "it is the database");
	assert_true(is_there("received_files/db"));
	assert_true(is_there("outside"));
	assert_true(is_there("received_files_too"));
	assert_true(is_there("received_files/a"));
	assert_true(is_there("received_files/link"));
	assert_int_equal(names(), 5);
}

static void test_delete_absolute_inside(void **state)
{
	catalog_fixture *fixture = *state;
	char absolute[256];

	assert_int_equal(mkdir(scratch_path("received_files/deep"), 0700), 0);
	strcpy(absolute, scratch_path("received_files/deep/b"));
	write_file(absolute, BYTES);
	add(fixture, "b", absolute);
	assert_ok(drop(fixture, "b"));
	assert_false(is_there("received_files/deep/b"));
	assert_false(is_recorded(fixture, "b"));
}

/* Old code saved a second row for the same stored file. */
static void test_delete_shared(void **state)
{
	catalog_fixture *fixture = *state;
	char absolute[256];

	strcpy(absolute, scratch_path("received_files/a"));
	add(fixture, "b", absolute);
	assert_ok(drop(fixture, "a"));
	assert_false(is_recorded(fixture, "a"));
	assert_true(is_there("received_files/a"));
	assert_ok(drop(fixture, "b"));
	assert_int_equal(names(), 0);
}

/* Whatever another record of these bytes is called, and of whatever kind its values are. */
static void test_delete_shared_by_any_record(void **state)
{
	static const struct {
		const char *values; /* FileName, PathName, OriginalPath, IsStored. */
		bool shares;
	} others[] = {
		{"'a', 'received_files/a', NULL, 1", true},
		{"'b', 'received_files/a', NULL, 1", true},
		{"'received_files/a', 'received_files/a', NULL, 1", true},
		{"CAST('a' AS BLOB), 'received_files/a', NULL, 1", true},
		{"'A', 'received_files/a', NULL, 1", true},
		{"'', 'received_files/a', NULL, 1", true},
		{"'a' || char(0), 'received_files/a', NULL, 1", true},
		{"'a', 'received_files/a', '/home/a', 1", true},
		{"'b', 'received_files/a', '/home/b', 2", true},
		{"'a', 'received_files/a', NULL, 0", false},
		{"'a', 'received_files/a', '/home/a', 0", false},
		{"'a', 'received_files/b/a', NULL, 1", false},
		{"'a', 'received_files/aa', NULL, 1", false},
		{"'a', CAST('received_files/a' AS BLOB), NULL, 1", false},
	};
	catalog_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char sql[300];

		snprintf(sql, sizeof(sql),
			 "INSERT INTO files (ID, FileName, PathName, OriginalPath, IsStored,"
			 " ClientID) VALUES (x'0%zx', %s, x'77')",
			 i, others[i].values);
		foreign_sql(fixture, sql);
		assert_ok(drop(fixture, "a"));
		if (is_there("received_files/a") != others[i].shares)
			fail_msg("beside %s", others[i].values);
		foreign_sql(fixture, "DELETE FROM files WHERE ClientID = x'77'");
		write_file(scratch_path("received_files/a"), BYTES);
		add(fixture, "a", "received_files/a");
	}
}

/* Relative paths start where the opener says, and stay there whatever the working folder is. */
static void test_another_base(void **state)
{
	catalog_fixture *fixture = *state;
	sr_statistics *statistics;
	sr_health_options how;
	sr_health *health;
	char absolute[256];

	assert_ok(sr_close(fixture->catalog));
	fixture->catalog = NULL;
	assert_int_equal(mkdir(scratch_path("server"), 0700), 0);
	assert_int_equal(mkdir(scratch_path("server/received_files"), 0700), 0);
	write_file(scratch_path("server/received_files/a"), "of the server\n");
	assert_int_equal(chdir(scratch_path("server")), 0);
	fixture->options.base_dir = ".";
	catalog_open(fixture);
	assert_int_equal(chdir("/"), 0);
	assert_ok(sr_statistics_get(fixture->catalog, &statistics));
	assert_int_equal(statistics->stored_files, 1);
	assert_string_equal(statistics->directory.data, scratch_path("server/received_files"));
	sr_statistics_free(statistics);
	assert_ok(verify(fixture, "a"));
	sr_health_options_init(&how);
	how.verify_files = true;
	assert_ok(sr_health_check(fixture->catalog, &how, &health));
	assert_int_equal(health->stored_files, 1);
	assert_int_equal(health->errors + health->warnings, 0);
	sr_health_free(health);
	/* The same bytes, by their whole path. */
	strcpy(absolute, scratch_path("server/received_files/a"));
	add(fixture, "b", absolute);
	assert_ok(drop(fixture, "b"));
	assert_true(is_there("server/received_files/a"));
	assert_ok(drop(fixture, "a"));
	assert_false(is_there("server/received_files/a"));
	assert_true(is_there("received_files/a"));
}

/* A program built before there was a base has no room for it. */
static void test_options_of_version_1(void **state)
{
	catalog_fixture *fixture = *state;
	const size_t size = offsetof(sr_options, base_dir);
	sr_options *old = malloc(size);
	sr_health *health;

	assert_ok(sr_close(fixture->catalog));
	fixture->catalog = NULL;
	fixture->options.version = 1;
	assert_non_null(old);
	memcpy(old, &fixture->options, size);
	assert_ok(sr_open(&fixture->catalog, old));
	assert_ok(verify(fixture, "a"));
	assert_ok(sr_health_look(old, NULL, &health));
	assert_int_equal(health->errors, 0);
	sr_health_free(health);
	free(old);
}

static void test_not_in_a_transaction(void **state)
{
	catalog_fixture *fixture = *state;

	assert_ok(sr_begin(fixture->catalog, "test"));
	assert_fails(drop(fixture, "a"), SR_INVALID, "transaction");
	assert_ok(sr_rollback(fixture->catalog));
	assert_true(is_there("received_files/a"));
}

/* A failure before the commit leaves both, by their names. */
static void test_failures(void **state)
{
	catalog_fixture *fixture = *state;

	for (enum step step = RENAME; step <= SYNC; step++) {
		set_fault(step);
		assert_fails(drop(fixture, "a"), SR_IO, "received_files/a");
		set_fault(NONE);
		assert_true(is_recorded(fixture, "a"));
		assert_true(is_there("received_files/a"));
		assert_int_equal(names(), 1);
	}
	assert_ok(drop(fixture, "a"));
}

/* Somebody's own table refers to the record. */
static void refuse_deletion(const catalog_fixture *fixture)
{
	foreign_sql(fixture, "CREATE TABLE holder (file BLOB REFERENCES files (ID));"
			     "INSERT INTO holder SELECT ID FROM files");
}

static void allow_deletion(const catalog_fixture *fixture)
{
	foreign_sql(fixture, "DROP TABLE holder");
}

static void test_record_stays(void **state)
{
	catalog_fixture *fixture = *state;

	refuse_deletion(fixture);
	set_fault(NONE);
	assert_int_not_equal(drop(fixture, "a"), SR_OK);
	assert_true(is_recorded(fixture, "a"));
	assert_true(is_there("received_files/a"));
	assert_int_equal(names(), 1);
	/* And when even taking it back fails, the next call does. */
	set_fault(RENAME_BACK);
	assert_int_not_equal(drop(fixture, "a"), SR_OK);
	assert_non_null(strstr(sr_error_message(), ".strongroom-deleted-"));
	assert_false(is_there("received_files/a"));
	set_fault(NONE);
	assert_ok(verify(fixture, "a"));
	assert_true(is_there("received_files/a"));
	assert_int_equal(names(), 1);
	allow_deletion(fixture);
	assert_ok(drop(fixture, "a"));
	assert_int_equal(names(), 0);
}

/* Somebody deletes another file of the folder: that holds nobody up who only reads. Only where the
 * file itself is hidden does its deletion go first. */
static void test_verify_while_another_is_deleted(void **state)
{
	catalog_fixture *fixture = *state;
	int folder = open(scratch_path("received_files"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_not_equal(folder, -1);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), 0);
	assert_ok(verify(fixture, "a"));

	refuse_deletion(fixture);
	assert_int_equal(flock(folder, LOCK_UN), 0);
	set_fault(RENAME_BACK);
	assert_int_not_equal(drop(fixture, "a"), SR_OK);
	set_fault(NONE);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), 0);
	assert_fails(verify(fixture, "a"), SR_BUSY, "is being deleted");
	assert_int_equal(close(folder), 0);
	assert_ok(verify(fixture, "a"));
	allow_deletion(fixture);
}

static void test_bytes_remain(void **state)
{
	catalog_fixture *fixture = *state;

	set_fault(UNLINK);
	assert_fails(drop(fixture, "a"), SR_IO, ".strongroom-deleted-");
	set_fault(NONE);
	assert_false(is_recorded(fixture, "a"));
	assert_false(is_there("received_files/a"));
	assert_int_equal(names(), 1);
	/* Stored and deleted again, the name leaves nothing behind. */
	write_file(scratch_path("received_files/a"), BYTES);
	add(fixture, "a", "received_files/a");
	assert_ok(drop(fixture, "a"));
	assert_int_equal(names(), 0);
}

/* A process that ends at that step of a deletion. */
static void crash_at(const catalog_fixture *fixture, enum step step)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		catalog_fixture own = *fixture;

		fault = NONE;
		catalog_open(&own);
		fault_is_crash = true;
		set_fault(step);
		(void)drop(&own, "a");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_crashes(void **state)
{
	catalog_fixture *fixture = *state;

	crash_at(fixture, RENAME);
	assert_true(is_recorded(fixture, "a"));
	assert_true(is_there("received_files/a"));
	crash_at(fixture, SYNC);
	assert_true(is_recorded(fixture, "a"));
	assert_false(is_there("received_files/a"));
	assert_ok(verify(fixture, "a"));
	assert_true(is_there("received_files/a"));
	assert_int_equal(names(), 1);
	crash_at(fixture, SYNC);
	assert_ok(drop(fixture, "a"));
	assert_int_equal(names(), 0);
	write_file(scratch_path("received_files/a"), BYTES);
	add(fixture, "a", "received_files/a");
	crash_at(fixture, UNLINK);
	assert_false(is_recorded(fixture, "a"));
	assert_false(is_there("received_files/a"));
	/* The bytes wait under their tombstone for the next deletion of that name. */
	assert_int_equal(names(), 1);
	write_file(scratch_path("received_files/a"), BYTES);
	add(fixture, "a", "received_files/a");
	assert_ok(drop(fixture, "a"));
	assert_int_equal(names(), 0);
}

/* ---- The commit fails ---- */

/* Whatever became of the record, the stored file has gone the same way, and nothing is hidden. */
static void expect_agreement(const catalog_fixture *f)
{
	bool recorded = is_recorded(f, "a");

	assert_int_equal(is_there("received_files/a"), recorded);
	assert_int_equal(names(), recorded ? 1 : 0);
	if (recorded)
		return;
	write_file(scratch_path("received_files/a"), BYTES);
	add(f, "a", "received_files/a");
}

/* Fails each write, sync, … of one deletion in turn; how often nobody could tell what came of
 * its commit. */
static int fail_each_call(const catalog_fixture *f)
{
	static const struct {
		fault_call call;
		int code;
	} kinds[] = {
		{FAULT_WRITE, SQLITE_IOERR_WRITE},
		{FAULT_SYNC, SQLITE_IOERR_FSYNC},
		{FAULT_TRUNCATE, SQLITE_IOERR_TRUNCATE},
		{FAULT_LOCK, SQLITE_IOERR_LOCK},
	};
	int unknown = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (int nth = 1, hits = 1; hits > 0; nth++) {
			sr_status rc;

			fault_arm(kinds[i].call, FAULT_ANY, nth, kinds[i].code, false);
			rc = drop(f, "a");
			hits = fault_hits();
			fault_disarm();
			unknown += rc == SR_OUTCOME_UNKNOWN;
			if (rc == SR_OK)
				assert_false(is_recorded(f, "a"));
			expect_agreement(f);
		}
	}
	return unknown;
}

static void test_failed_commits(void **state)
{
	catalog_fixture *f = *state;

	assert_true(fail_each_call(f) > 0);
	assert_ok(sr_close(f->catalog));
	foreign_sql(f, "PRAGMA journal_mode = DELETE");
	fault_without_shm(true);
	catalog_open(f);
	assert_true(fail_each_call(f) > 0);
	assert_ok(sr_close(f->catalog));
	fault_without_shm(false);
	catalog_open(f);
	expect_agreement(f);
}

static int stored_new_faulty(void **state)
{
	fault_vfs_install();
	return stored_new(state);
}

static int stored_teardown_faulty(void **state)
{
	int rc = catalog_teardown(state);

	fault_vfs_remove();
	return rc;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stored_new, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verify),
		TEST(test_verify_reads_only_files),
		TEST(test_verify_never_outside),
		TEST(test_reading_is_cancelled),
		TEST(test_delete),
		TEST(test_delete_what_is_gone),
		TEST(test_delete_catalogued),
		TEST(test_never_outside),
		TEST(test_delete_absolute_inside),
		TEST(test_delete_shared),
		TEST(test_delete_shared_by_any_record),
		TEST(test_another_base),
		TEST(test_options_of_version_1),
		TEST(test_not_in_a_transaction),
		TEST(test_failures),
		TEST(test_record_stays),
		TEST(test_verify_while_another_is_deleted),
		TEST(test_bytes_remain),
		TEST(test_crashes),
		cmocka_unit_test_setup_teardown(test_failed_commits, stored_new_faulty,
						stored_teardown_faulty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
