#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "expect.h"
#include "record/roots.h"
#include "record/walk.h"
#include "scratch.h"

static sr_excludes *none;

static int make_top(void **state)
{
	(void)state;
	scratch_new();
	assert_done(sr_excludes_new(&none, NULL, 0));
	return chdir(scratch_folder());
}

static int remove_top(void **state)
{
	sr_excludes_free(none);
	return chdir("/") != 0 || scratch_teardown(state) != 0;
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void make_folder(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

/* Everything met below a root, as "kind path\n", paths without the root. */
static char *walk(const char *root, const sr_excludes *excludes)
{
	sr_buffer seen = SR_BUFFER_EMPTY;
	const sr_met *met;
	sr_walk *it;

	assert_int_equal(sr_walk_new(&it, root, excludes, false), SR_OK);
	for (;;) {
		assert_int_equal(sr_walk_next(it, &met), SR_OK);
		if (met == NULL)
			break;
		sr_buffer_printf(&seen, "%c ", "fsx!"[met->kind]);
		if (met->path.length > strlen(root))
			sr_buffer_add_string(&seen, met->path.data + strlen(root));
		else
			sr_buffer_add_string(&seen, met->why);
		sr_buffer_add(&seen, "\n", 1);
	}
	sr_walk_free(it);
	return sr_buffer_take(&seen);
}

static void assert_walk(const char *folder, const sr_excludes *excludes, const char *expected)
{
	char root[256], *seen;

	snprintf(root, sizeof(root), "%s/%s", scratch_folder(), folder);
	seen = walk(root, excludes);
	assert_string_equal(seen, expected);
	free(seen);
}

static void comes_in_the_order_of_whole_paths(void **state)
{
	(void)state;
	make_folder("order");
	make_folder("order/a");
	make_file("order/a/x");
	make_file("order/a-b");
	make_file("order/a.b");
	make_file("order/a0");
	make_file("order/a\n");
	make_file("order/\xff");
	make_file("order/\xc3\xa9");
	make_folder("order/empty");
	assert_walk("order", none, "f /a\n\nf /a-b\nf /a.b\nf /a/x\nf /a0\nf /\xc3\xa9\nf /\xff\n");
}

static void follows_no_link(void **state)
{
	(void)state;
	make_folder("links");
	assert_int_equal(symlink("..", "links/up"), 0);
	assert_int_equal(symlink("gone", "links/dangling"), 0);
	assert_int_equal(mkfifo("links/pipe", 0600), 0);
	make_file("links/z");
	assert_walk("links", none, "s /dangling\ns /pipe\ns /up\nf /z\n");
	assert_walk("links/up", none, "! is a symbolic link\n");
	assert_walk("links/pipe", none, "! is neither a file nor a folder\n");
	assert_walk("links/none", none, "! is not there\n");
	assert_walk("links/z", none, "f \n");
}

static void leaves_out_what_is_excluded(void **state)
{
	static const char *const patterns[] = {"*.o", "cache/", "*/deep/keep*"};
	static const char *const empty[] = {""};
	sr_excludes *excludes;

	(void)state;
	make_folder("ex");
	make_folder("ex/cache");
	make_file("ex/cache/never");
	make_folder("ex/deep");
	make_file("ex/deep/a.o");
	make_file("ex/deep/a.c");
	make_file("ex/deep/keep-out");
	make_file("ex/keep-in");
	assert_int_equal(sr_excludes_new(&excludes, patterns, 3), SR_OK);
	assert_walk("ex", excludes,
		    "x /cache\nf /deep/a.c\nx /deep/a.o\nx /deep/keep-out\nf /keep-in\n");
	sr_excludes_free(excludes);
	assert_int_equal(sr_excludes_new(&excludes, empty, 1), SR_INVALID);
}

/* Far deeper than descriptors or a path's longest length reach. */
static void goes_down_and_up_again(void **state)
{
	enum { DEPTH = 600 };
	char *seen, root[256];
	size_t lines = 0;
	int fd;

	(void)state;
	make_folder("deep");
	assert_int_equal(chdir("deep"), 0);
	for (int i = 0; i < DEPTH; i++) {
		make_folder("folder-with-a-name");
		make_file("z");
		assert_int_equal(chdir("folder-with-a-name"), 0);
	}
	assert_int_equal(chdir(scratch_folder()), 0);
	snprintf(root, sizeof(root), "%s/deep", scratch_folder());
	fd = dup(0);
	close(fd);
	seen = walk(root, none);
	for (const char *at = seen; *at != '\0'; at = strchr(at, '\n') + 1) {
		assert_int_equal(*at, 'f');
		lines++;
	}
	assert_int_equal(lines, DEPTH);
	free(seen);
	/* No descriptor is left open. */
	assert_int_equal(dup(0), fd);
	close(fd);
}

static void assert_next(sr_walk *walk, sr_met_kind kind, const char *end)
{
	const sr_met *met;

	assert_int_equal(sr_walk_next(walk, &met), SR_OK);
	assert_non_null(met);
	assert_int_equal(met->kind, kind);
	assert_true(met->path.length > strlen(end));
	assert_string_equal(met->path.data + met->path.length - strlen(end), end);
	if (kind == SR_MET_FAILED)
		assert_string_equal(met->why, "is not there");
}

/* Before it is come to, and while the walk is in it; the rest goes on. */
static void what_disappears_is_told(void **state)
{
	const sr_met *met;
	char root[256];
	sr_walk *walk;

	(void)state;
	make_folder("gone");
	make_folder("gone/a");
	make_file("gone/a/1");
	make_file("gone/a/2");
	make_folder("gone/b");
	make_file("gone/c");
	snprintf(root, sizeof(root), "%s/gone", scratch_folder());
	assert_int_equal(sr_walk_new(&walk, root, none, false), SR_OK);
	assert_next(walk, SR_MET_FILE, "/a/1");
	assert_int_equal(unlink("gone/a/1"), 0);
	assert_int_equal(unlink("gone/a/2"), 0);
	assert_int_equal(rmdir("gone/a"), 0);
	assert_int_equal(rmdir("gone/b"), 0);
	assert_next(walk, SR_MET_FAILED, "/a/2");
	assert_next(walk, SR_MET_FAILED, "/b");
	assert_next(walk, SR_MET_FILE, "/c");
	assert_int_equal(sr_walk_next(walk, &met), SR_OK);
	assert_null(met);
	sr_walk_free(walk);
}

static void an_unreadable_folder_is_told(void **state)
{
	(void)state;
	if (geteuid() == 0)
		skip();
	make_folder("closed");
	make_folder("closed/in");
	make_file("closed/z");
	assert_int_equal(chmod("closed/in", 0), 0);
	assert_walk("closed", none, "! /in\nf /z\n");
	assert_int_equal(chmod("closed/in", 0700), 0);
}

static void another_file_system_is_left(void **state)
{
	const sr_met *met;
	struct stat root, proc;
	bool left = false;
	sr_walk *it;

	(void)state;
	assert_int_equal(stat("/", &root), 0);
	if (stat("/proc", &proc) != 0 || proc.st_dev == root.st_dev)
		skip();
	assert_int_equal(sr_walk_new(&it, "/", none, true), SR_OK);
	do {
		assert_int_equal(sr_walk_next(it, &met), SR_OK);
		assert_non_null(met);
		left = strcmp(met->path.data, "/proc") == 0;
		if (left)
			assert_int_equal(met->kind, SR_MET_EXCLUDED);
	} while (strcmp(met->path.data, "/proc") < 0);
	assert_true(left);
	sr_walk_free(it);
}

static void nested_roots_are_walked_once(void **state)
{
	static const char *const hidden[] = {"b"};
	const char *paths[] = {"roots/a/b/../b/", "roots",      "roots/ab", "roots/a",
			       "roots/link/x",    "roots/link", "roots",    "other"};
	sr_excludes *excludes;
	sr_roots roots;

	(void)state;
	make_folder("roots");
	make_folder("roots/a");
	make_folder("roots/a/b");
	make_file("roots/ab");
	make_folder("aim");
	make_file("aim/x");
	assert_int_equal(symlink("../aim", "roots/link"), 0);
	assert_int_equal(sr_roots_new(&roots, paths, 8, none, false), SR_OK);
	/* other, roots, and what the walk of roots does not reach: the link and behind it. */
	assert_int_equal(roots.count, 4);
	assert_string_equal(roots.paths[1] + strlen(scratch_folder()), "/roots");
	assert_string_equal(roots.paths[2] + strlen(scratch_folder()), "/roots/link");
	assert_string_equal(roots.paths[3] + strlen(scratch_folder()), "/roots/link/x");
	sr_roots_free(&roots);
	assert_int_equal(sr_excludes_new(&excludes, hidden, 1), SR_OK);
	assert_int_equal(sr_roots_new(&roots, paths, 2, excludes, false), SR_OK);
	assert_int_equal(roots.count, 2);
	sr_roots_free(&roots);
	sr_excludes_free(excludes);
	/* All is below the root. */
	paths[0] = "/";
	assert_int_equal(sr_roots_new(&roots, paths, 2, none, false), SR_OK);
	assert_int_equal(roots.count, 1);
	assert_string_equal(roots.paths[0], "/");
	sr_roots_free(&roots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_in_the_order_of_whole_paths),
		cmocka_unit_test(follows_no_link),
		cmocka_unit_test(leaves_out_what_is_excluded),
		cmocka_unit_test(goes_down_and_up_again),
		cmocka_unit_test(what_disappears_is_told),
		cmocka_unit_test(an_unreadable_folder_is_told),
		cmocka_unit_test(another_file_system_is_left),
		cmocka_unit_test(nested_roots_are_walked_once),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
