/* Patterns: what they mean, one by one; and against a matcher that tries everything. */
#include "base/glob.h"
#include "base/text.h"
#include "expect.h"

static bool matches_bytes(sr_text pattern, sr_text text)
{
	sr_buffer folded = SR_BUFFER_EMPTY;
	const sr_text *literals;
	sr_glob *glob;
	bool is;

	assert_done(sr_glob_new(pattern, &glob));
	assert_done(sr_text_fold(text, &folded));
	is = sr_glob_matches(glob, sr_buffer_text(&folded));
	/* The same again, in the same memory. */
	assert_int_equal(sr_glob_matches(glob, sr_buffer_text(&folded)), is);
	/* What is said to occur does. */
	for (size_t i = 0; is && i < sr_glob_literals(glob, &literals); i++)
		assert_non_null(
			memmem(folded.data, folded.length, literals[i].data, literals[i].length));
	sr_glob_free(glob);
	sr_buffer_free(&folded);
	return is;
}

static bool matches(const char *pattern, const char *text)
{
	return matches_bytes(sr_text_of(pattern), sr_text_of(text));
}

static void names(void **state)
{
	(void)state;
	assert_true(matches("*.tar.gz", "backup.tar.gz"));
	assert_true(matches("*.tar.gz", ".tar.gz"));
	assert_true(matches("*.TAR.gz", "Backup.tar.GZ"));
	assert_false(matches("*.tar.gz", "backup.tar.gz.sig"));
	assert_false(matches("*.tar.gz", "backup-tar.gz"));
	assert_true(matches("a?c", "abc"));
	assert_false(matches("a?c", "ac"));
	assert_false(matches("a?c", "a/c"));
	assert_true(matches("a*", "a"));
	assert_true(matches("*a*a*", "banana"));
	assert_false(matches("*a*a*a*a*", "banana"));
	assert_true(matches("", ""));
	assert_false(matches("", "a"));
	assert_true(matches("*", ""));
	/* A name of old code may be a path; its last part is the name. */
	assert_true(matches("*.txt", "docs/One.TXT"));
	assert_false(matches("docs*", "docs/One.TXT"));
	/* Letters in two spellings, and one that is two. */
	assert_true(matches("caf\xc3\xa9*", "CAFE\xcc\x81 au lait"));
	assert_true(matches("caf?", "Cafe\xcc\x81"));
	assert_true(matches("stra\xc3\x9f"
			    "e",
			    "STRASSE"));
	/* A byte that is no UTF-8 is a character. */
	assert_true(matches("a?b", "a\xff"
				   "b"));
	assert_false(matches("a?b", "a\xff\xfe"
				    "b"));
	assert_true(matches("a\xff*", "a\xff\xfe"));
	assert_true(matches_bytes((sr_text){"a\0*", 3}, (sr_text){"a\0b", 3}));
}

static void nothing_matches_a_null(void **state)
{
	sr_glob *glob;

	(void)state;
	assert_done(sr_glob_new(sr_text_of("*"), &glob));
	assert_false(sr_glob_matches(glob, sr_text_of(NULL)));
	assert_true(sr_glob_matches(glob, sr_text_of("")));
	sr_glob_free(glob);
}

static void classes(void **state)
{
	(void)state;
	assert_true(matches("[a-c]x", "Bx"));
	assert_true(matches("[A-C]x", "bx"));
	assert_false(matches("[a-c]x", "dx"));
	assert_true(matches("[!a-c]x", "dx"));
	assert_true(matches("[^a-c]x", "dx"));
	assert_false(matches("[!a-c]x", "ax"));
	assert_true(matches("[]a]", "]"));
	assert_true(matches("[!]a]", "b"));
	assert_false(matches("[!]a]", "]"));
	assert_true(matches("[a\\]]", "]"));
	assert_true(matches("[a-]", "-"));
	assert_true(matches("[\xce\xb1-\xcf\x89]", "\xce\xa3"));
	assert_true(matches("[\xfe\xff]", "\xff"));
	assert_true(matches("[z-a]", "x") == false);
	/* Never a slash, asked for or not. */
	assert_false(matches("a[!x]b", "a/b"));
	assert_true(matches("a[/]b", "a[/]b"));
	/* Without its end it is itself. */
	assert_true(matches("a[b", "a[b"));
	assert_true(matches("a[", "a["));
	assert_true(matches("a[]", "a[]"));
	assert_true(matches("a[!]", "a[!]"));
	assert_true(matches("[[[x*", "[[[xyz"));
	assert_true(matches("[a/b]", "x/[a/b]"));
	assert_false(matches("[ab", "a"));
}

static void paths(void **state)
{
	(void)state;
	assert_true(matches("photos/**/IMG_*.jpg", "/home/anna/Photos/2024/05/img_1.JPG"));
	assert_true(matches("photos/**/IMG_*.jpg", "photos/img_1.jpg"));
	assert_false(matches("photos/**/IMG_*.jpg", "/home/myphotos/img_1.jpg"));
	assert_false(matches("photos/**/IMG_*.jpg", "/photos/a/img_1.jpg/x"));
	assert_false(matches("photos/**/IMG_*.jpg", "/photos/a/ximg_1.jpg"));
	assert_true(matches("a/*/c", "x/a/b/c"));
	assert_false(matches("a/*/c", "a/b/b/c"));
	assert_false(matches("a/*/c", "a/c"));
	assert_true(matches("a**c", "a/b/b/c"));
	assert_true(matches("**.c", "a/b.c"));
	assert_true(matches("**/x", "x"));
	assert_true(matches("**/x", "/a/x"));
	assert_false(matches("**/x", "/a/yx"));
	assert_true(matches("**/**/x", "a/x"));
	assert_true(matches("a/**/**/b", "a/b"));
	/* From the beginning. */
	assert_true(matches("/home/*/x", "/home/anna/x"));
	assert_false(matches("/home/*/x", "/old/home/anna/x"));
	assert_false(matches("/home/*/x", "home/anna/x"));
	/* All that is below. */
	assert_true(matches("photos/", "/p/photos/a/b"));
	assert_true(matches("photos/**", "/p/photos/a"));
	assert_false(matches("photos/", "/p/photos"));
	assert_true(matches("photos/**/", "/p/photos/a/b"));
	assert_true(matches("/", "/x"));
	assert_false(matches("/", "x"));
	/* Ordinary behind a backslash; so is one at the end. */
	assert_true(matches("a\\*b", "a*b"));
	assert_false(matches("a\\*b", "axb"));
	assert_true(matches("a\\[b]", "a[b]"));
	assert_true(matches("a\\\\b", "a\\b"));
	assert_true(matches("a\\", "a\\"));
}

static void is_path(const char *pattern, bool expected)
{
	sr_glob *glob;

	assert_done(sr_glob_new(sr_text_of(pattern), &glob));
	assert_int_equal(sr_glob_is_path(glob), expected);
	sr_glob_free(glob);
}

static void literals(const char *pattern, const char *expected)
{
	char all[256] = "";
	const sr_text *list;
	sr_glob *glob;
	size_t count;

	assert_done(sr_glob_new(sr_text_of(pattern), &glob));
	count = sr_glob_literals(glob, &list);
	for (size_t i = 0; i < count; i++) {
		strncat(all, list[i].data, list[i].length);
		strcat(all, "|");
	}
	assert_string_equal(all, expected);
	sr_glob_free(glob);
}

static void what_is_told_of_a_pattern(void **state)
{
	(void)state;
	is_path("*.gz", false);
	is_path("**.gz", false);
	is_path("a/b", true);
	is_path("**/b", true);
	is_path("a\\/b", true);
	is_path("a[/]b", true);
	literals("*.TAR.gz", ".tar.gz|");
	literals("photos/**/IMG_*.jpg", "photos/|/img_|.jpg|");
	literals("**/x*", "x|");
	literals("a?b[cd]e\\*f", "a|b|e*f|");
	literals("/*/x/", "/x/|");
	literals("***", "");
	literals("[abc", "[abc|");
	literals("a/**/*", "a/|");
	literals("1*2*3*4*5*6*7*8*9*a*b*c*d*e*f*g*h*i", "1|2|3|4|5|6|7|8|9|a|b|c|d|e|f|g|");
}

/* ---- Against everything ---- */

/* pattern and text are of ASCII in lower case, without classes and backslashes. */
static bool tries(const char *pattern, const char *text, bool begins)
{
	const size_t stars = strspn(pattern, "*");

	if (*pattern == '\0')
		return *text == '\0';
	if (begins && stars > 1 && pattern[stars] == '/') {
		if (tries(pattern + stars + 1, text, true))
			return true;
		for (; *text != '\0'; text++)
			if (*text == '/' && tries(pattern + stars + 1, text + 1, true))
				return true;
		return false;
	}
	if (*pattern == '*') {
		for (;; text++) {
			if (tries(pattern + stars, text, false))
				return true;
			if (*text == '\0' || (*text == '/' && stars == 1))
				return false;
		}
	}
	if (*text == '\0' || (*pattern == '?' ? *text == '/' : *pattern != *text))
		return false;
	return tries(pattern + 1, text + 1, *pattern == '/');
}

/* From any part on. */
static bool naive(const char *pattern, const char *text)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "%s%s", pattern,
		 strchr(pattern, '/') && pattern[strlen(pattern) - 1] == '/' ? "**" : "");
	if (pattern[0] == '/' || pattern[0] == '\0')
		return tries(whole, text, true);
	for (const char *at = text;; at++) {
		if (tries(whole, at, true))
			return true;
		at = strchr(at, '/');
		if (at == NULL)
			return false;
	}
}

static unsigned seed = 7;

static unsigned dice(unsigned sides)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % sides;
}

static void random_text(char *text, size_t longest, const char *letters)
{
	const size_t length = dice((unsigned)longest + 1);

	for (size_t i = 0; i < length; i++)
		text[i] = letters[dice((unsigned)strlen(letters))];
	text[length] = '\0';
}

static void random_ones(void **state)
{
	int hits = 0;

	(void)state;
	for (int round = 0; round < 300000; round++) {
		char pattern[16], text[16];
		bool expected;

		random_text(pattern, 9, "ab***//?");
		random_text(text, 12, "aab//");
		expected = naive(pattern, text);
		if (matches(pattern, text) != expected)
			fail_msg("'%s' and '%s': %d expected", pattern, text, expected);
		hits += expected;
	}
	assert_true(hits > 10000);
}

/* Bytes of all kinds: nothing falls over, and a pattern without wildcards is its own text. */
static void random_bytes(void **state)
{
	static const char odd[] = "a/*[]!-\\?^\xc3\x9f\xff\xcc\x81\xe1\xbd";

	(void)state;
	for (int round = 0; round < 100000; round++) {
		char pattern[32], text[32];

		random_text(pattern, 20, odd);
		random_text(text, 20, odd);
		(void)matches(pattern, text);
		if (strpbrk(pattern, "*?[\\") == NULL && pattern[0] != '\0' &&
		    pattern[strlen(pattern) - 1] != '/')
			assert_true(matches(pattern, pattern));
	}
}

/* ---- Patterns that mean harm ---- */

enum { MEGABYTE = 1 << 20 };

/* count times the piece. */
static char *repeat(const char *piece, size_t count)
{
	const size_t length = strlen(piece);
	char *made = malloc(length * count + 1);

	assert_non_null(made);
	for (size_t i = 0; i < count; i++)
		memcpy(made + i * length, piece, length);
	made[length * count] = '\0';
	return made;
}

/* Each would take an age where time grows as the square of the length, or faster. */
static void large_ones(void **state)
{
	static const char *const pieces[] = {"*", "**/",     "[",   "*a", "[]",
					     "?", "a*b?[x]", "\\[", "[!"};
	char *text = repeat("a", 4000);
	char *large = repeat("ab/", MEGABYTE / 3);
	char *same;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char *pattern = repeat(pieces[i], MEGABYTE / strlen(pieces[i]));

		/* Stars alone are anything, and so are parts that go on. */
		assert_int_equal(matches(pattern, text), i < 2);
		assert_int_equal(matches(pattern, "x"), i < 2);
		free(pattern);
	}
	same = repeat("*a", 4000);
	assert_true(matches(same, text));
	same[7999] = 'b';
	assert_false(matches(same, text));
	free(same);
	assert_true(matches("**b/*/**/**/", large));
	assert_false(matches("*a*b*c", large));
	large[9999] = '\0';
	assert_true(matches(large, large));
	free(text);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(nothing_matches_a_null),
		cmocka_unit_test(classes),
		cmocka_unit_test(paths),
		cmocka_unit_test(what_is_told_of_a_pattern),
		cmocka_unit_test(random_ones),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(large_ones),
	};

	return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
