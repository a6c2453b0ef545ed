#include <unistd.h>

#include "expect.h"
#include "record/types.h"
#include "scratch.h"

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
			    "50:application/x-perl:*.pm\n"
			    "50:application/x-pagemaker:*.pm\n"
			    "50:text/x-c++src:*.C\n"
			    "50:text/x-csrc:*.c\n"
			    "50:application/json:*.schema.json\n"
			    "50:application/schema+json:*.schema.json\n"
			    "50:text/x-unit:*.service\n"
			    "50:text/x-bus:*.service\n"
			    "no line\n";

static const char kinds[] = "application/x-perl application/x-executable\n"
			    "application/x-perl text/plain\n"
			    "application/x-pagemaker application/x-ole-storage\n"
			    "application/schema+json application/json\n"
			    "application/x-circle application/x-circle2\n"
			    "application/x-circle2 application/x-circle\n"
			    "no line\n";

static sr_types *types;

static bool write_table(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	return file != NULL && fputs(text, file) >= 0 && fclose(file) == 0;
}

static int read_tables(void **state)
{
	char folder[512];
	sr_status rc;

	(void)state;
	scratch_make(folder, sizeof(folder), "types");
	if (chdir(folder) != 0)
		return -1;
	if (!write_table("globs2", table) || !write_table("subclasses", kinds))
		return -1;
	rc = sr_types_new(&types, folder);
	if (unlink("globs2") != 0 || unlink("subclasses") != 0 || chdir("/") != 0)
		return -1;
	return rc != SR_OK || rmdir(folder) != 0;
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

/* What a name that two types claim means, for a text and for other bytes; NULL: not told. */
static void assert_settled(const char *name, const char *text, const char *binary)
{
	const char *wanted[] = {binary, text};
	const char *rival, *type = sr_type_of_name(types, name, &rival);

	assert_non_null(type);
	assert_non_null(rival);
	for (int i = 0; i < 2; i++) {
		const char *settled[] = {sr_type_between(types, type, rival, i == 1),
					 sr_type_between(types, rival, type, i == 1)};

		for (int j = 0; j < 2; j++) {
			if (wanted[i] == NULL)
				assert_null(settled[j]);
			else
				assert_string_equal(settled[j], wanted[i]);
		}
	}
}

static void disputes_are_settled_by_the_bytes(void **state)
{
	(void)state;
	assert_settled("de.mo", "text/x-modelica", "application/x-gettext-translation");
	/* One that is a text only by the table of kinds. */
	assert_settled("Foo.pm", "application/x-perl", "application/x-pagemaker");
	/* The general one is always right. */
	assert_settled("a.schema.json", "application/json", "application/json");
	assert_settled("a.service", "text/plain", NULL);
	assert_null(sr_type_between(types, "application/a", "application/b", true));
	assert_null(sr_type_between(types, "application/x-circle", "application/b", true));
}

static void a_missing_table_tells_nothing(void **state)
{
	const char *rival;
	sr_types *none;

	(void)state;
	assert_int_equal(sr_types_new(&none, "/nonexistent"), SR_OK);
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
	assert_false(sr_is_plain((const unsigned char *)"{\n\t\"a\": 1}", 11));
	assert_false(sr_is_plain((const unsigned char *)"{\\rtf1", 6));
	assert_true(sr_is_plain((const unsigned char *)"{ a comment }", 13));
	assert_false(sr_is_plain((const unsigned char *)"%PDF-1.4", 8));
	assert_true(sr_is_plain((const unsigned char *)"% a comment", 11));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_tell),
		cmocka_unit_test(disputes_are_settled_by_the_bytes),
		cmocka_unit_test(a_missing_table_tells_nothing),
		cmocka_unit_test(texts_are_told_from_other_bytes),
		cmocka_unit_test(extensions),
	};

	return cmocka_run_group_tests(tests, read_tables, free_table);
}
