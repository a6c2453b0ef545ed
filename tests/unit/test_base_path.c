#include <unistd.h>

#include "base/path.h"
#include "expect.h"

static void assert_absolute(const char *base, const char *path, const char *expected)
{
	sr_buffer out = SR_BUFFER_EMPTY;

	assert_int_equal(sr_path_absolute(base, sr_text_of(path), &out), SR_OK);
	assert_string_equal(out.data, expected);
	assert_int_equal(out.length, strlen(expected));
	sr_buffer_free(&out);
}

static void normalises(void **state)
{
	(void)state;
	assert_absolute("/x", "/", "/");
	assert_absolute("/x", "//a//b/", "/a/b");
	assert_absolute("/x", "/a/./b/../c/.", "/a/c");
	assert_absolute("/x", "/../..", "/");
	assert_absolute("/x/y", ".", "/x/y");
	assert_absolute("/x/y", "../z\n\xff", "/x/z\n\xff");
	assert_absolute("/", "a", "/a");
	assert_absolute("/x", "...", "/x/...");
	assert_absolute("/x", "..a/.b", "/x/..a/.b");
}

static void the_working_folder_is_the_base(void **state)
{
	sr_buffer here = SR_BUFFER_EMPTY;
	char *folder = getcwd(NULL, 0);

	(void)state;
	assert_non_null(folder);
	sr_buffer_add_string(&here, "before ");
	assert_int_equal(sr_path_absolute(NULL, sr_text_of("a"), &here), SR_OK);
	assert_memory_equal(here.data, "before ", 7);
	assert_memory_equal(here.data + 7, folder, strlen(folder));
	assert_string_equal(here.data + here.length - 2, "/a");
	sr_buffer_clear(&here);
	assert_int_equal(sr_path_absolute("sub", sr_text_of("a"), &here), SR_OK);
	assert_string_equal(here.data + here.length - 6, "/sub/a");
	sr_buffer_free(&here);
	free(folder);
}

static void refuses_what_is_no_path(void **state)
{
	sr_buffer out = SR_BUFFER_EMPTY;

	(void)state;
	assert_int_equal(sr_path_absolute("/x", sr_text_of(""), &out), SR_INVALID);
	assert_int_equal(sr_path_absolute("/x", sr_text_of(NULL), &out), SR_INVALID);
	assert_int_equal(sr_path_absolute("/x", (sr_text){"a\0b", 3}, &out), SR_INVALID);
	assert_non_null(strstr(sr_error_message(), "'a\\x00b'"));
	assert_int_equal(out.length, 0);
	sr_buffer_free(&out);
}

static void assert_parts(const char *path, const char *folder, const char *name)
{
	sr_text f = sr_path_folder(sr_text_of(path)), n = sr_path_name(sr_text_of(path));

	assert_int_equal(f.length, strlen(folder));
	assert_memory_equal(f.data, folder, f.length + (f.length == 0));
	assert_int_equal(n.length, strlen(name));
	assert_memory_equal(n.data, name, n.length + (n.length == 0));
}

static void parts(void **state)
{
	(void)state;
	assert_parts("/a/b", "/a", "b");
	assert_parts("/a", "/", "a");
	assert_parts("a", "", "a");
	assert_parts("a/", "a", "");
	assert_parts("", "", "");
}

static void below(void **state)
{
	(void)state;
	assert_string_equal(sr_path_below("/a/b/c", "/a"), "b/c");
	assert_string_equal(sr_path_below("/a/b", "/"), "a/b");
	assert_null(sr_path_below("/ab/c", "/a"));
	assert_null(sr_path_below("/a", "/a"));
	assert_null(sr_path_below("/b/a", "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalises),
		cmocka_unit_test(the_working_folder_is_the_base),
		cmocka_unit_test(refuses_what_is_no_path),
		cmocka_unit_test(parts),
		cmocka_unit_test(below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
