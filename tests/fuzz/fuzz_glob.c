/* Patterns and folding: against a slow matcher that is easy to believe. */
#include "base/glob.h"
#include "base/text.h"
#include "fuzz.h"

/* Folding what is folded changes nothing, and what is shown of a name drives nothing. */
static void fold(sr_text text, sr_buffer *folded)
{
	sr_buffer twice = SR_BUFFER_EMPTY;
	char *shown = NULL;

	if (!fuzz_inner(sr_text_fold(text, folded)))
		sr_buffer_clear(folded);
	else if (fuzz_inner(sr_text_fold(sr_buffer_text(folded), &twice)))
		FUZZ_CHECK(sr_text_equal(sr_buffer_text(folded), sr_buffer_text(&twice)));
	FUZZ_CHECK(sr_text_is_utf8(text) == false || sr_text_is_utf8(sr_buffer_text(folded)));
	if (fuzz_done(sr_text_escape(text, &shown)))
		FUZZ_CHECK(!fuzz_drives(shown, strlen(shown)));
	sr_free(shown);
	sr_buffer_free(&twice);
}

static bool contains(sr_text text, sr_text part)
{
	return part.length == 0 ||
	       (text.data && memmem(text.data, text.length, part.data, part.length) != NULL);
}

/* Patterns without a special character are texts: from a slash or the beginning to the end. */
static bool ends_as(sr_text text, sr_text pattern)
{
	const char *at;

	if (pattern.length > text.length)
		return false;
	at = text.data + text.length - pattern.length;
	if (pattern.length > 0 && memcmp(at, pattern.data, pattern.length) != 0)
		return false;
	if (pattern.length > 0 && pattern.data[0] == '/')
		return at == text.data;
	return at == text.data || at[-1] == '/';
}

static bool is_special(sr_text pattern)
{
	for (size_t i = 0; i < pattern.length; i++)
		if (strchr("*?[\\", pattern.data[i]) != NULL)
			return true;
	return pattern.length == 0 || pattern.data[pattern.length - 1] == '/';
}

static void match(sr_text pattern, sr_text folded)
{
	sr_buffer plain = SR_BUFFER_EMPTY;
	const sr_text *literals;
	sr_glob *glob = NULL;
	size_t count;
	bool matches;

	if (!fuzz_inner(sr_glob_new(pattern, &glob)))
		return;
	matches = sr_glob_matches(glob, folded);
	FUZZ_CHECK(matches == sr_glob_matches(glob, folded));
	count = sr_glob_literals(glob, &literals);
	for (size_t i = 0; matches && i < count; i++)
		FUZZ_CHECK(contains(folded, literals[i]));
	if (!is_special(pattern) && fuzz_inner(sr_text_fold(pattern, &plain)) &&
	    !is_special(sr_buffer_text(&plain)))
		FUZZ_CHECK(matches == ends_as(folded, sr_buffer_text(&plain)));
	FUZZ_CHECK(!sr_glob_matches(glob, (sr_text){NULL, 0}));
	sr_glob_free(glob);
	sr_buffer_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};
	sr_text first = fuzz_text(&input), rest = fuzz_rest(&input);
	sr_text pattern = {fuzz_bytes(first.data, first.length), first.length};
	sr_text text = {fuzz_bytes(rest.data, rest.length), rest.length};
	sr_buffer folded = SR_BUFFER_EMPTY;

	fold(pattern, &folded);
	fold(text, &folded);
	match(pattern, sr_buffer_text(&folded));
	sr_buffer_free(&folded);
	free((void *)pattern.data);
	free((void *)text.data);
	return 0;
}
