/* The database's files are deleted, replaced, or cut short while a program has them open, or their
 * file system becomes read-only. */
#include "catalog_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static sr_status try_save(const catalog_fixture *f, const char *path)
{
	sr_file file = file_at(f, path);

	return sr_file_save(f->catalog, &file, 1, NULL, NULL, NULL);
}

/* Another catalog, which is to take the first one's place. */
static void make_other(const catalog_fixture *f, const char *path)
{
	sr_options options = f->options;
	sr_catalog *other;

	options.path = path;
	assert_ok(sr_open(&other, &options));
	assert_ok(sr_close(other));
}

static char *bytes_of(const char *path, size_t *size)
{
	FILE *in = fopen(path, "r");
	char *bytes = malloc(1 << 22);

	assert_non_null(in);
	assert_non_null(bytes);
	*size = fread(bytes, 1, 1 << 22, in);
	fclose(in);
	return bytes;
}

static bool health_finds(const catalog_fixture *f, const char *code)
{
	sr_health *health;
	bool found = false;

	assert_ok(sr_health_check(f->catalog, NULL, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		found = found || strcmp(health->findings[i].code, code) == 0;
	sr_health_free(health);
	return found;
}

static void a_check_up_tells_of_a_database_that_is_gone(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(try_save(f, "/before"));
	assert_false(health_finds(f, "database_away"));
	assert_int_equal(unlink(f->path), 0);
	assert_true(health_finds(f, "database_away"));
}

static void a_database_that_gets_another_name_takes_no_writes(void **state)
{
	catalog_fixture *f = *state;
	sr_options options = f->options;
	sr_catalog *other;

	assert_ok(try_save(f, "/before"));
	assert_false(health_finds(f, "database_linked"));
	options.path = scratch_path("other.db");
	assert_int_equal(link(f->path, options.path), 0);
	assert_fails(try_save(f, "/after"), SR_REFUSED, "2 names");
	assert_fails(sr_open(&other, &options), SR_REFUSED, options.path);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 1);
	assert_true(health_finds(f, "database_linked"));
	assert_int_equal(unlink(options.path), 0);
	assert_ok(try_save(f, "/after"));
	assert_false(health_finds(f, "database_linked"));
}

static void a_deleted_database_takes_no_writes(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(try_save(f, "/before"));
	assert_int_equal(unlink(f->path), 0);
	assert_fails(try_save(f, "/after"), SR_IO, "moved, replaced or deleted");
	assert_int_not_equal(access(f->path, F_OK), 0);
}

static void a_database_that_takes_its_place_is_not_touched(void **state)
{
	catalog_fixture *f = *state;
	const char *other = scratch_path("other.db");
	size_t size, size_after;
	char *bytes, *after;

	assert_ok(try_save(f, "/before"));
	make_other(f, other);
	bytes = bytes_of(other, &size);
	assert_int_equal(rename(other, f->path), 0);
	assert_fails(try_save(f, "/after"), SR_IO, "moved, replaced or deleted");
	assert_int_equal(sr_close(f->catalog), SR_OK);
	f->catalog = NULL;
	after = bytes_of(f->path, &size_after);
	assert_int_equal(size, size_after);
	assert_memory_equal(bytes, after, size);
	free(bytes);
	free(after);
}

/* A catalog with some files, all of it in its file, and a log with only what came last. */
static void make_busy(catalog_fixture *f)
{
	for (int i = 0; i < 3; i++) {
		char path[20];

		snprintf(path, sizeof(path), "/before/%d", i);
		assert_ok(try_save(f, path));
	}
	assert_ok(sr_close(f->catalog)); /* The log is in it then. */
	catalog_open(f);
	assert_ok(try_save(f, "/in/log"));
}

static void a_database_cut_short_takes_no_writes(void **state)
{
	static const off_t sizes[] = {8192, 4096, 0};
	catalog_fixture *f = *state;

	make_busy(f);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char there[64];

		snprintf(there, sizeof(there), "it is cut short, %d bytes", (int)sizes[i]);
		assert_int_equal(truncate(f->path, sizes[i]), 0);
		/* Also by the connection that takes the place of the one that found it. */
		assert_fails(try_save(f, "/after"), SR_CORRUPT, there);
		assert_says(f->path);
		assert_fails(try_save(f, "/again"), SR_CORRUPT, there);
	}
}

static void a_transaction_over_a_database_cut_short_is_not_committed(void **state)
{
	catalog_fixture *f = *state;

	make_busy(f);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(try_save(f, "/inside"));
	assert_int_equal(truncate(f->path, 4096), 0);
	assert_fails(sr_commit(f->catalog), SR_CORRUPT, "it is cut short, 4096 bytes");
}

static int64_t size_of(const catalog_fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	return (int64_t)st.st_size;
}

/* Another program makes it smaller, and larger again in the log: that is nothing cut off. */
static void a_database_that_became_smaller_is_whole(void **state)
{
	catalog_fixture *f = *state;
	int64_t large, small;

	make_busy(f);
	foreign_sql(f, "CREATE TABLE filler AS SELECT zeroblob(400000) AS bytes;"
		       "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_ok(try_save(f, "/large"));
	large = size_of(f);
	foreign_sql(f, "DROP TABLE filler; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
	small = size_of(f);
	assert_true(small < large);
	foreign_sql(f, "CREATE TABLE filler AS SELECT zeroblob(300000) AS bytes");
	assert_ok(try_save(f, "/small"));
	assert_int_equal(size_of(f), small);
	assert_int_equal(truncate(f->path, 8192), 0);
	assert_fails(try_save(f, "/after"), SR_CORRUPT, "it is cut short");
}

static void a_log_cut_short_takes_no_writes(void **state)
{
	catalog_fixture *f = *state;
	char log[110];
	struct stat st;

	make_busy(f);
	snprintf(log, sizeof(log), "%s-wal", f->path);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(truncate(log, 4096), 0);
	assert_fails(try_save(f, "/after"), SR_CORRUPT, "it is cut short, 4096 bytes of");
	assert_says(log);
	/* As one that was written on beyond its end. */
	assert_int_equal(truncate(log, st.st_size), 0);
	assert_fails(try_save(f, "/after"), SR_CORRUPT, "it was cut short and written on");
}

/* The pages of the log's index go away under the program: only SIGBUS can tell. A program that does
 * not ask for it ends; nothing that was acknowledged is lost. */
static void a_log_index_cut_short_loses_nothing(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;
	char shm[110];
	int status;
	pid_t child;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGBUS, SIG_DFL); /* cmocka would go on with the next test. */
		catalog_open(f);
		if (try_save(f, "/acknowledged") != SR_OK)
			_exit(3);
		snprintf(shm, sizeof(shm), "%s-shm", f->path);
		if (truncate(shm, 0) != 0)
			_exit(4);
		_exit(try_save(f, "/after") == SR_OK ? 1 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGBUS : WEXITSTATUS(status) <= 2);
	catalog_open(f);
	sr_file_free(find(f, "/acknowledged"));
	assert_ok(sr_health_check(f->catalog, NULL, &health));
	assert_true(health->integrity_check);
	sr_health_free(health);
	assert_ok(try_save(f, "/goes/on"));
}

/* Whether the command did well in the scratch folder. */
static bool shell(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line),
		 "cd '%s' && PATH=$PATH:/sbin:/usr/sbin && { %s; } >/dev/null 2>&1",
		 scratch_folder(), command);
	return system(line) == 0;
}

static bool mount_medium(void)
{
	return shell("mount -o loop,errors=remount-ro image medium");
}

/* A file system of the test's own, mounted at the folder "medium" of the scratch folder. */
static int setup_medium(void **state)
{
	catalog_fixture *f;

	catalog_setup(state);
	f = *state;
	snprintf(f->path, sizeof(f->path), "%s", scratch_path("medium/catalog.db"));
	if (!shell("truncate -s 64M image && mkdir medium && mkfs.ext4 -q -F image") ||
	    !mount_medium())
		return 0; /* The test sees that there is no catalog. */
	catalog_open(f);
	f->client = add_client(f, "host");
	return 0;
}

static int teardown_medium(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	umount2(scratch_path("medium"), MNT_DETACH);
	return catalog_teardown(state);
}

/* Has the kernel find an error in the file system: it lets nobody write to it any more. */
static void turn_read_only(const char *path)
{
	struct stat st;
	char name[128], target[128];
	ssize_t length;
	FILE *trigger;

	assert_int_equal(stat(path, &st), 0);
	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	length = readlink(name, target, sizeof(target) - 1);
	assert_true(length > 0);
	target[length] = '\0';
	snprintf(name, sizeof(name), "/sys/fs/ext4/%s/trigger_fs_error", strrchr(target, '/') + 1);
	trigger = fopen(name, "w");
	assert_non_null(trigger);
	fputs("1", trigger);
	assert_int_equal(fclose(trigger), 0);
}

static void a_file_system_that_becomes_read_only_is_still_read(void **state)
{
	catalog_fixture *f = *state;
	sr_file *found;

	if (f->catalog == NULL)
		skip(); /* Not root, or a machine without loop devices. */
	assert_ok(try_save(f, "/before"));
	turn_read_only(f->path);
	assert_fails(try_save(f, "/after"), SR_READ_ONLY, f->path);
	assert_fails(try_save(f, "/again"), SR_READ_ONLY, f->path);
	found = find(f, "/before");
	assert_non_null(found);
	sr_file_free(found);

	/* Mended, as after a look at the disk. */
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_true(shell("umount medium; e2fsck -fp image; test $? -lt 4") && mount_medium());
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 1);
	assert_ok(try_save(f, "/after"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_check_up_tells_of_a_database_that_is_gone),
		TEST(a_database_that_gets_another_name_takes_no_writes),
		TEST(a_deleted_database_takes_no_writes),
		TEST(a_database_that_takes_its_place_is_not_touched),
		TEST(a_database_cut_short_takes_no_writes),
		TEST(a_transaction_over_a_database_cut_short_is_not_committed),
		TEST(a_database_that_became_smaller_is_whole),
		TEST(a_log_cut_short_takes_no_writes),
		TEST(a_log_index_cut_short_loses_nothing),
		cmocka_unit_test_setup_teardown(a_file_system_that_becomes_read_only_is_still_read,
						setup_medium, teardown_medium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
