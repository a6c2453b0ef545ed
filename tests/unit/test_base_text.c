#include <utf8proc.h>

#include "base/error.h"
#include "base/instant.h"
#include "base/text.h"
#include "expect.h"

static sr_text text_of(const char *string)
{
	return sr_text_of(string);
}

static void utf8_is_told_from_bytes(void **state)
{
	static const char *const good[] = {
		"", "a", "é", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"};
	static const char *const bad[] = {
		"\x80",  "\xC3",     "\xC0\xAF",         "\xED\xA0\x80", "\xF4\x90\x80\x80",
		"a\xFF", "\xE2\x82", "\xF0\x80\x80\x80", "\xE0\x80\xAF"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(sr_text_is_utf8(text_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sr_text_is_utf8(text_of(bad[i])));
}

/* Called where a failure is told of, they do not end its words. */
static void leaves_the_last_words(void **state)
{
	int64_t instant;
	char *out;

	(void)state;
	assert_int_equal(sr_fail(SR_IO, "the disk fails"), SR_IO);
	out = sr_text_escaped(text_of("a\nb"));
	assert_string_equal(out, "a\\nb");
	sr_free(out);
	assert_true(sr_instant_read("2026-01-31T09:30Z", &instant, NULL));
	assert_false(sr_instant_read("soon", &instant, NULL));
	assert_string_equal(sr_error_message(), "the disk fails");
}

static void escapes_what_drives_a_terminal(void **state)
{
	char *out;

	(void)state;
	assert_int_equal(sr_text_escape(text_of("a\nb\tc\\d\x1b[2J\x7f\xff\xc2\x9b é"), &out),
			 SR_OK);
	assert_string_equal(out, "a\\nb\\tc\\\\d\\x1b[2J\\x7f\\xff\\xc2\\x9b é");
	sr_free(out);
	assert_int_equal(sr_text_escape((sr_text){"a\0b", 3}, &out), SR_OK);
	assert_string_equal(out, "a\\x00b");
	sr_free(out);
	/* U+202E would show the name of a program as that of a picture. */
	assert_int_equal(sr_text_escape(text_of("gpj.\xe2\x80\xae"
						"exe \xe2\x80\x99"),
					&out),
			 SR_OK);
	assert_string_equal(out, "gpj.\\xe2\\x80\\xaeexe \xe2\x80\x99");
	sr_free(out);
	/* So do marks of a direction; and some take U+2028 for the end of a line. */
	assert_int_equal(sr_text_escape(text_of("\u200e\u200f\u061c\u2028\u2029\u2069"), &out),
			 SR_OK);
	assert_string_equal(out, "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c\\xe2\\x80\\xa8"
				 "\\xe2\\x80\\xa9\\xe2\\x81\\xa9");
	sr_free(out);
	assert_true(sr_text_has_control(text_of("a\nb")));
	assert_true(sr_text_has_control(text_of("\xc2\x85")));
	assert_true(sr_text_has_control(text_of("\xff\x7f")));
	assert_false(sr_text_has_control(text_of("é\xff ok")));
}

static void quotes_names_for_messages(void **state)
{
	char longer[1001];
	const char *quoted;

	(void)state;
	assert_string_equal(sr_quoted(text_of("a\nb")), "'a\\nb'");
	assert_string_equal(sr_quoted(text_of(NULL)), "null");
	assert_string_equal(sr_quoted(text_of("")), "''");
	memset(longer, '\x01', 1000);
	longer[1000] = '\0';
	quoted = sr_quoted(text_of(longer));
	assert_int_equal(strlen(quoted), 200 * 4 + 2 + strlen("…"));
	/* The first of eight is still good beside the eighth. */
	quoted = sr_quoted(text_of("first"));
	for (int i = 0; i < 7; i++)
		sr_quoted(text_of("others"));
	assert_string_equal(quoted, "'first'");
}

static void orders_and_compares_bytes(void **state)
{
	(void)state;
	assert_true(sr_text_equal(text_of(NULL), text_of(NULL)));
	assert_false(sr_text_equal(text_of(NULL), text_of("")));
	assert_true(sr_text_compare(text_of(NULL), text_of("")) < 0);
	assert_true(sr_text_compare(text_of("a"), text_of("ab")) < 0);
	assert_true(sr_text_compare(text_of("b"), text_of("ab")) > 0);
	assert_true(sr_text_compare(text_of("\xff"), text_of("a")) > 0);
	assert_int_equal(sr_text_compare(text_of("a"), text_of("a")), 0);
}

static void assert_folds(const char *from, const char *to)
{
	sr_buffer out = SR_BUFFER_EMPTY;

	assert_int_equal(sr_text_fold(text_of(from), &out), SR_OK);
	assert_string_equal(sr_buffer_text(&out).data, to);
	sr_buffer_free(&out);
}

static void folds_case_and_composition(void **state)
{
	(void)state;
	assert_folds("", "");
	assert_folds("README @[`{ Z", "readme @[`{ z");
	assert_folds("ÄÖÜ straße", "äöü strasse");
	assert_folds("E\xCC\x81t\xC3\xA9", "\xC3\xA9t\xC3\xA9");
	assert_folds("ΣΊΣΥΦΟΣ", "σίσυφοσ");
	assert_folds("Σίσυφος", "σίσυφοσ");
	/* Bytes that are no UTF-8 stay, and cannot join what is around them. */
	assert_folds("A\xFF\xC3\xC9 É\xC3", "a\xFF\xC3\xC9 é\xC3");
	/* Marks in either order, one of which folds to a letter. */
	assert_folds("\xCE\xB1\xCD\x85\xCC\x81", "\xCE\xAC\xCE\xB9");
	assert_folds("\xCE\xB1\xCC\x81\xCD\x85", "\xCE\xAC\xCE\xB9");
}

/* For every character there is: folding twice is folding once, and its decomposed form folds
 * to the same. */
static void folds_all_of_unicode_the_same_twice(void **state)
{
	sr_buffer once = SR_BUFFER_EMPTY, twice = SR_BUFFER_EMPTY, apart = SR_BUFFER_EMPTY;

	(void)state;
	for (utf8proc_int32_t c = 1; c <= 0x10FFFF; c++) {
		utf8proc_uint8_t bytes[8] = {'x'}, *decomposed;
		sr_text text;

		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		text.data = (char *)bytes;
		text.length = 1 + (size_t)utf8proc_encode_char(c, bytes + 1);
		bytes[text.length] = '\0';
		assert_int_equal(sr_text_fold(text, &once), SR_OK);
		assert_int_equal(sr_text_fold(sr_buffer_text(&once), &twice), SR_OK);
		assert_true(sr_text_equal(sr_buffer_text(&once), sr_buffer_text(&twice)));
		decomposed = utf8proc_NFD(bytes);
		assert_non_null(decomposed);
		assert_int_equal(sr_text_fold(text_of((char *)decomposed), &apart), SR_OK);
		assert_true(sr_text_equal(sr_buffer_text(&once), sr_buffer_text(&apart)));
		free(decomposed);
	}
	sr_buffer_free(&apart);
	sr_buffer_free(&twice);
	sr_buffer_free(&once);
}

static void finds_folded_terms(void **state)
{
	sr_buffer scratch = SR_BUFFER_EMPTY;
	sr_text term = text_of("\xC3\xA9t");

	(void)state;
	assert_true(sr_text_contains(text_of("/home/E\xCC\x81T\xC3\x89"), term, &scratch));
	assert_true(sr_text_contains(text_of("\xFF\xC3\x89t\xFF"), term, &scratch));
	assert_false(sr_text_contains(text_of("et"), term, &scratch));
	assert_false(sr_text_contains(text_of(NULL), term, &scratch));
	assert_false(sr_text_contains(text_of(NULL), text_of(""), &scratch));
	assert_true(sr_text_contains(text_of(""), text_of(""), &scratch));
	assert_true(sr_text_contains(text_of("a%b_c"), text_of("%b_"), &scratch));
	sr_buffer_free(&scratch);
}

static void buffers_grow_and_hand_over(void **state)
{
	sr_buffer buffer = SR_BUFFER_EMPTY;
	char *taken;

	(void)state;
	assert_string_equal(sr_buffer_text(&buffer).data, "");
	for (int i = 0; i < 1000; i++)
		sr_buffer_printf(&buffer, "%d,", i % 10);
	assert_int_equal(buffer.length, 2000);
	assert_int_equal(sr_buffer_status(&buffer), SR_OK);
	taken = sr_buffer_take(&buffer);
	assert_int_equal(strlen(taken), 2000);
	free(taken);
	assert_int_equal(buffer.length, 0);
	taken = sr_buffer_take(&buffer);
	assert_string_equal(taken, "");
	free(taken);
	sr_buffer_add(&buffer, "x", SIZE_MAX - 1);
	assert_int_equal(sr_buffer_status(&buffer), SR_NO_MEMORY);
	assert_string_not_equal(sr_error_message(), "");
	sr_buffer_add_string(&buffer, "more");
	assert_null(sr_buffer_take(&buffer));
	sr_buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_told_from_bytes),
		cmocka_unit_test(leaves_the_last_words),
		cmocka_unit_test(escapes_what_drives_a_terminal),
		cmocka_unit_test(quotes_names_for_messages),
		cmocka_unit_test(orders_and_compares_bytes),
		cmocka_unit_test(folds_case_and_composition),
		cmocka_unit_test(folds_all_of_unicode_the_same_twice),
		cmocka_unit_test(finds_folded_terms),
		cmocka_unit_test(buffers_grow_and_hand_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
