/* Files made for their owner alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../torture/shim.h"
#include "base/error.h"
#include "base/private.h"
#include "expect.h"
#include "scratch.h"

static int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	return (int)(st.st_mode & 07777);
}

/* Either way of making one. */
static sr_status make(bool opened, const char *path)
{
	sr_status rc;
	int fd = -1;

	if (!opened)
		return sr_private_make(path, "the copy", NULL);
	if ((rc = sr_private_open(path, "the copy", &fd)) == SR_OK) {
		assert_int_equal(write(fd, "x", 1), 1);
		close(fd);
	}
	return rc;
}

static void the_umask_is_of_no_matter(void **state)
{
	static const mode_t masks[] = {0, 022, 0277, 0777};

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		for (int opened = 0; opened <= 1; opened++) {
			const char *path = scratch_path("file");
			mode_t before = umask(masks[i]);
			sr_status rc = make(opened, path);

			umask(before);
			assert_done(rc);
			assert_int_equal(mode_of(path), 0600);
			assert_int_equal(unlink(path), 0);
		}
	}
}

static void nothing_is_replaced_and_no_link_followed(void **state)
{
	const char *path = scratch_path("file"), *victim = scratch_path("victim");
	struct stat st;

	(void)state;
	for (int opened = 0; opened <= 1; opened++) {
		assert_done(make(opened, path));
		assert_fails(make(opened, path), SR_EXISTS, path);
		assert_int_equal(unlink(path), 0);
		/* To nothing, and to something. */
		assert_int_equal(symlink(victim, path), 0);
		assert_fails(make(opened, path), SR_EXISTS, "symbolic link");
		assert_fails(make(opened, path), SR_EXISTS, path);
		assert_int_not_equal(lstat(victim, &st), 0);
		assert_done(make(false, victim));
		assert_fails(make(opened, path), SR_EXISTS, "symbolic link");
		assert_int_equal(stat(victim, &st), 0);
		assert_int_equal(st.st_size, 0);
		assert_int_equal(unlink(victim), 0);
		assert_int_equal(unlink(path), 0);
	}
}

static bool is_same(const char *path, const sr_made *made)
{
	bool same = true;

	assert_done(sr_private_same(path, made, &same));
	return same;
}

static void a_name_that_stands_for_another_is_told(void **state)
{
	const char *path = scratch_path("file"), *other = scratch_path("other");
	sr_made made;

	(void)state;
	assert_done(sr_private_make(path, "the copy", &made));
	assert_true(is_same(path, &made));
	assert_int_equal(rename(path, other), 0);
	assert_false(is_same(path, &made));
	assert_int_equal(symlink(other, path), 0);
	assert_false(is_same(path, &made));
	assert_int_equal(unlink(path), 0);
	assert_done(sr_private_make(path, "the copy", NULL));
	assert_false(is_same(path, &made));
	assert_true(is_same(other, &made));
}

static void listen(void *arg, sr_log_level level, const char *module, const char *message)
{
	(void)module;
	assert_int_equal(level, SR_LOG_WARNING);
	snprintf(arg, 256, "%s", message);
}

/* How many of the calls that remove it have failed. */
static uint64_t remove_with(const char *path, bool lasting)
{
	shim_arm(SHIM_IO, 1, lasting);
	sr_private_remove(path);
	return shim_disarm();
}

static void what_is_of_no_use_goes_though_a_disk_fails_once(void **state)
{
	const char *path = scratch_path("file");
	char heard[256] = "";

	(void)state;
	sr_log_set(listen, heard);
	assert_done(sr_private_make(path, "the copy", NULL));
	(void)sr_fail(SR_CORRUPT, "why it goes");
	assert_int_equal(remove_with(path, true), 2);
	assert_int_equal(mode_of(path), 0600);
	assert_non_null(strstr(heard, path));
	assert_non_null(strstr(heard, strerror(EIO)));
	heard[0] = '\0';
	assert_int_equal(remove_with(path, false), 1);
	assert_int_equal(access(path, F_OK), -1);
	/* What is not there needs no word. */
	errno = EDOM;
	sr_private_remove(path);
	assert_int_equal(errno, EDOM);
	assert_string_equal(heard, "");
	assert_string_equal(sr_error_message(), "why it goes");
	sr_log_set(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_umask_is_of_no_matter, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(nothing_is_replaced_and_no_link_followed,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(a_name_that_stands_for_another_is_told,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(what_is_of_no_use_goes_though_a_disk_fails_once,
						scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
