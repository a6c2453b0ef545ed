#include <unistd.h>

#include "expect.h"
#include "record/types.h"

static const char table[] = "# a comment\n"
			    "80:text/html:*.html\n"
			    "60:application/x-sharedlib:*.so.[0-9]*\n"
			    "50:application/gzip:*.gz\n"
			    "50:application/x-compressed-tar:*.tar.gz\n"
			    "50:text/x-c++src:*.C:cs\n"
			    "50:text/x-csrc:*.c:cs\n"
			    "50:text/x-makefile:makefile\n"
			    "50:text/x-modelica:*.mo\n"
			    "50:application/x-gettext-translation:*.mo\n"
			    "10:text/x-readme:readme*\n"
			    "no line\n";

static sr_types *types;

static int read_table(void **state)
{
	char path[] = "/tmp/strongroom-types-XXXXXX";
	int fd = mkstemp(path);
	sr_status rc;

	(void)state;
	if (fd < 0 || write(fd, table, sizeof(table) - 1) != sizeof(table) - 1)
		return -1;
	close(fd);
	rc = sr_types_new(&types, path);
	unlink(path);
	return rc;
}

static int free_table(void **state)
{
	(void)state;
	sr_types_free(types);
	return 0;
}

static void assert_type(const char *name, const char *expected)
{
	const char *rival, *type = sr_type_of_name(types, name, &rival);

	assert_null(rival);
	if (expected == NULL)
		assert_null(type);
	else
		assert_string_equal(type, expected);
}

static void names_tell(void **state)
{
	(void)state;
	assert_type("index.HTML", "text/html");
	assert_type("a.gz", "application/gzip");
	assert_type("a.b.tar.gz", "application/x-compressed-tar");
	assert_type("libz.so.1.2", "application/x-sharedlib");
	assert_type("Makefile", "text/x-makefile");
	assert_type("README.gz", "application/gzip");
	assert_type("README", "text/x-readme");
	assert_type("a.C", "text/x-c++src");
	assert_type("a.c", "text/x-csrc");
	assert_type("gz", NULL);
	assert_type("copyright", NULL);
	assert_type("a.gz.", NULL);
	assert_type("", NULL);
}

static void disputes_are_settled_by_the_bytes(void **state)
{
	const char *rival, *type = sr_type_of_name(types, "de.mo", &rival);
	const char *text, *binary;

	(void)state;
	assert_non_null(type);
	assert_non_null(rival);
	text = sr_type_between(type, rival, true);
	binary = sr_type_between(type, rival, false);
	assert_string_equal(text, "text/x-modelica");
	assert_string_equal(binary, "application/x-gettext-translation");
	assert_null(sr_type_between("text/a", "text/b", true));
}

static void a_missing_table_tells_nothing(void **state)
{
	const char *rival;
	sr_types *none;

	(void)state;
	assert_int_equal(sr_types_new(&none, "/nonexistent/globs2"), SR_OK);
	assert_null(sr_type_of_name(none, "a.html", &rival));
	sr_types_free(none);
}

static bool is_text(const char *bytes)
{
	return sr_looks_like_text((const unsigned char *)bytes, strlen(bytes));
}

static void texts_are_told_from_other_bytes(void **state)
{
	(void)state;
	assert_true(is_text("words\n\tmore é\x1b[0m"));
	assert_true(is_text("cut within a letter \xE2\x82"));
	assert_false(is_text(""));
	assert_false(is_text("\x7f"
			     "ELF"));
	assert_false(is_text("\xFF\xFE"));
	assert_false(is_text("latin-1 \xE9 in the middle"));
	assert_false(sr_looks_like_text((const unsigned char *)"a\0b", 3));
	assert_true(sr_is_plain((const unsigned char *)"words", 5));
	assert_false(sr_is_plain((const unsigned char *)"#!/bin/sh", 9));
	assert_false(sr_is_plain((const unsigned char *)"<?xml", 5));
}

static void assert_extension(const char *name, const char *expected)
{
	char extension[SR_EXTENSION_SIZE];

	sr_extension_of(name, extension);
	assert_string_equal(extension, expected);
}

static void extensions(void **state)
{
	(void)state;
	assert_extension("A.JPG", "jpg");
	assert_extension("a.tar.gz", "gz");
	assert_extension(".bashrc", "");
	assert_extension("README", "");
	assert_extension("a.", "");
	assert_extension("a.1234567890", "1234567890");
	assert_extension("a.12345678901", "");
	assert_extension("a.\xFF", "");
}

static void categories(void **state)
{
	(void)state;
	assert_string_equal(sr_category_of("image/png", "png"), "image");
	assert_string_equal(sr_category_of("text/plain", ""), "document");
	assert_string_equal(sr_category_of("application/pdf", "pdf"), "document");
	assert_string_equal(sr_category_of("application/gzip", "gz"), "backup");
	assert_string_equal(sr_category_of("video/mp4", "mp4"), "other");
	assert_string_equal(sr_category_of(NULL, "bak"), "backup");
	assert_string_equal(sr_category_of(NULL, ""), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tell),
		cmocka_unit_test(disputes_are_settled_by_the_bytes),
		cmocka_unit_test(a_missing_table_tells_nothing),
		cmocka_unit_test(texts_are_told_from_other_bytes),
		cmocka_unit_test(extensions),
		cmocka_unit_test(categories),
	};

	return cmocka_run_group_tests(tests, read_table, free_table);
}
