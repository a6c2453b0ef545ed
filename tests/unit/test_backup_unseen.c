/* A disk that cannot tell whether something is there, which is taken neither for there nor for
 * missing; and one that does not remove what it should. */
#include "catalog_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

/* Patterns of paths; NULL: of none. */
static const char *unseen;    /* lstat fails. */
static const char *unreached; /* stat and access fail, as they do for a moment. */
static const char *stays;     /* The first time, what has this in its path is not removed. */

static bool fails(const char *pattern, const char *path)
{
	if (pattern == NULL || fnmatch(pattern, path, 0) != 0)
		return false;
	errno = EIO;
	return true;
}

/* These in the place of the C library's. */
int lstat(const char *path, struct stat *st)
{
	return fails(unseen, path) ? -1 : fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int stat(const char *path, struct stat *st)
{
	return fails(unreached, path) ? -1 : fstatat(AT_FDCWD, path, st, 0);
}

int access(const char *path, int how)
{
	return fails(unreached, path) ? -1 : faccessat(AT_FDCWD, path, how, 0);
}

/* SQLite's calls too. */
__attribute__((visibility("default"))) int unlink(const char *path)
{
	if (stays == NULL || strstr(path, stays) == NULL)
		return unlinkat(AT_FDCWD, path, 0);
	stays = NULL;
	errno = EIO;
	return -1;
}

static int setup(void **state)
{
	unseen = unreached = stays = NULL;
	return catalog_setup_client(state);
}

static int teardown(void **state)
{
	unseen = unreached = stays = NULL;
	return catalog_teardown(state);
}

static int count_parts(void)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strstr(entry->d_name, ".part") != NULL;
	closedir(dir);
	return count;
}

/* Makes whole.db of the catalog, and closes that. */
static void back_up(catalog_fixture *f)
{
	sr_backed_up done;

	assert_ok(sr_backup(f->catalog, NULL, &done));
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_int_equal(rename(done.path, scratch_path("whole.db")), 0);
}

static void test_name(void **state)
{
	catalog_fixture *f = *state;
	sr_backed_up done;

	unseen = "*_backup_2*";
	assert_fails(sr_backup(f->catalog, NULL, &done), SR_IO, "cannot be looked at");
	/* Of the file that is made first, which has no name yet. */
	unseen = "*.part";
	assert_fails(sr_backup(f->catalog, NULL, &done), SR_IO, "cannot be looked at");
	unseen = NULL;
	assert_ok(sr_backup(f->catalog, NULL, &done));
}

/* A database that is there is not set aside as if it were damaged. */
static void test_database(void **state)
{
	catalog_fixture *f = *state;
	struct stat before, after;

	back_up(f);
	assert_int_equal(stat(f->path, &before), 0);
	unreached = f->path;
	assert_fails(sr_restore(&f->options, scratch_path("whole.db"), NULL, NULL), SR_IO,
		     "cannot be looked at");
	unreached = NULL;
	assert_int_equal(stat(f->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_ok(sr_restore(&f->options, scratch_path("whole.db"), NULL, NULL));
}

/* SQLite does not say that it could not remove the index of a log. */
static void test_index(void **state)
{
	catalog_fixture *f = *state;
	sr_salvaged *salvaged;

	back_up(f);
	assert_int_equal(unlink(f->path), 0);
	stays = ".part-shm";
	assert_ok(sr_restore(&f->options, scratch_path("whole.db"), NULL, NULL));
	assert_null(stays);
	assert_int_equal(count_parts(), 0);
	stays = ".part-shm";
	assert_ok(sr_salvage(f->path, scratch_path("salvaged.db"), NULL, &salvaged));
	sr_salvaged_free(salvaged);
	assert_null(stays);
	assert_int_equal(count_parts(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_name), TEST(test_database), TEST(test_index)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
