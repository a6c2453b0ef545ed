#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "record/exclude.h"

/* What is excluded by the pattern, and what is not: files, or folders where they end in a slash. */
static void assert_pattern(const char *pattern, const char *const *paths, bool excluded)
{
	sr_excludes *excludes;
	char path[256];

	assert_int_equal(sr_excludes_new(&excludes, &pattern, 1), SR_OK);
	for (; *paths != NULL; paths++) {
		size_t length = strlen(*paths);
		bool folder = (*paths)[length - 1] == '/';

		memcpy(path, *paths, length - folder);
		path[length - folder] = '\0';
		if (sr_excluded(excludes, path, folder) != excluded)
			fail_msg("%s and %s", pattern, *paths);
	}
	sr_excludes_free(excludes);
}

#define EXCLUDED(pattern, ...) assert_pattern(pattern, (const char *[]){__VA_ARGS__, NULL}, true)
#define KEPT(pattern, ...)     assert_pattern(pattern, (const char *[]){__VA_ARGS__, NULL}, false)

static void without_a_slash_it_means_names_anywhere(void **state)
{
	(void)state;
	EXCLUDED("*.o", "/a.o", "/x/y/a.o", "/x/.o", "/x/a.o/");
	KEPT("*.o", "/a.c", "/x.o/a", "/x/a.O");
	EXCLUDED("core", "/core", "/a/core", "/a/core/");
	KEPT("core", "/a/core.c", "/a/score", "/core/a");
	EXCLUDED("[ab]?", "/x/a1", "/b\n");
	EXCLUDED("\\*", "/x/*");
	KEPT("\\*", "/x/a");
	EXCLUDED("a**z", "/x/abz");
	KEPT("a**z", "/x/a/z");
}

static void with_a_first_slash_it_means_whole_paths(void **state)
{
	(void)state;
	EXCLUDED("/var/cache", "/var/cache", "/var/cache/");
	KEPT("/var/cache", "/x/var/cache", "/var/cache/a", "/var", "/var/cachet");
	EXCLUDED("/home/*/tmp", "/home/ann/tmp", "/home/.a/tmp/");
	KEPT("/home/*/tmp", "/home/ann/b/tmp", "/home/tmp", "/x/home/ann/tmp");
	EXCLUDED("/*", "/a", "/b/");
	KEPT("/*", "/a/b");
	EXCLUDED("//var///cache", "/var/cache");
}

static void with_a_slash_within_it_means_the_end_of_paths(void **state)
{
	(void)state;
	EXCLUDED("foo/bar", "/foo/bar", "/x/y/foo/bar", "/x/foo/bar/");
	KEPT("foo/bar", "/x/foobar", "/x/foo/bar/baz", "/xfoo/bar", "/foo/x/bar", "/bar");
	EXCLUDED("build/*.o", "/p/build/a.o");
	KEPT("build/*.o", "/p/build/sub/a.o", "/p/a.o");
}

static void two_stars_mean_any_folders(void **state)
{
	(void)state;
	EXCLUDED("/a/**/z", "/a/z", "/a/b/z", "/a/b/c/z", "/a/z/z");
	KEPT("/a/**/z", "/z", "/b/a/z", "/a/b", "/a/z/b", "/a");
	EXCLUDED("a/**", "/a/b", "/x/a/b/c", "/a/a");
	KEPT("a/**", "/a", "/x/a", "/b/c");
	EXCLUDED("**/a", "/a", "/x/a");
	KEPT("**/a", "/a/b");
	EXCLUDED("a/**/b/**/c/d", "/x/a/b/c/d", "/a/1/b/2/b/c/e/c/d");
	KEPT("a/**/b/**/c/d", "/a/c/d", "/b/a/c/d", "/a/b/c", "/a/b/d");
	EXCLUDED("/**", "/a", "/a/b");
	EXCLUDED("a/**/**/b", "/a/b", "/a/x/b");
}

static void with_a_last_slash_it_means_folders(void **state)
{
	(void)state;
	EXCLUDED("cache/", "/x/cache/");
	KEPT("cache/", "/x/cache");
	EXCLUDED("/x/cache//", "/x/cache/");
	KEPT("/x/cache/", "/x/cache", "/cache/");
	EXCLUDED("a/**/", "/a/b/");
	KEPT("a/**/", "/a/b");
}

static void bytes_that_are_no_letters_match_as_well(void **state)
{
	(void)state;
	/* Also where the program goes by a locale of UTF-8. */
	for (int i = 0; i < 2; i++) {
		EXCLUDED("*.tmp", "/x/\xff.tmp", "/\xff/a.tmp", "/x/\xc3\xa9.tmp");
		EXCLUDED("\xff/*", "/x/\xff/a", "/\xff/\xfe");
		KEPT("*.tmp", "/x/\xff.tmq");
		assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	}
	assert_non_null(setlocale(LC_ALL, "C"));
}

static void an_empty_pattern_is_refused(void **state)
{
	static const char *const patterns[] = {"good", "", "/", NULL};
	sr_excludes *excludes;

	(void)state;
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(sr_excludes_new(&excludes, &patterns[i], 1), SR_INVALID);
		assert_null(excludes);
	}
	assert_int_equal(sr_excludes_new(&excludes, patterns, 2), SR_INVALID);
	assert_int_equal(sr_excludes_new(&excludes, NULL, 0), SR_OK);
	assert_false(sr_excluded(excludes, "/a", false));
	sr_excludes_free(excludes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_slash_it_means_names_anywhere),
		cmocka_unit_test(with_a_first_slash_it_means_whole_paths),
		cmocka_unit_test(with_a_slash_within_it_means_the_end_of_paths),
		cmocka_unit_test(two_stars_mean_any_folders),
		cmocka_unit_test(with_a_last_slash_it_means_folders),
		cmocka_unit_test(bytes_that_are_no_letters_match_as_well),
		cmocka_unit_test(an_empty_pattern_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
