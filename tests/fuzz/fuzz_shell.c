/* A command line that is completed, and what record is told to leave out. */
#include "cli/shell_line.h"
#include "fuzz.h"
#include "record/exclude.h"

/* What is proposed for the last word reads as that word. */
static void complete(const char *text, const char *breaks)
{
	struct shell_line line, again;
	char *quoted, *typed, *word;

	shell_line_read(&line, text, breaks);
	FUZZ_CHECK(line.count >= 1);
	word = line.words[line.count - 1];
	FUZZ_CHECK(line.kept <= strlen(word));
	quoted = shell_line_quote(&line, word);
	if (line.quote == 0 && strchr(text, '\\') == NULL) {
		typed = malloc(strlen(quoted) + 1);
		FUZZ_CHECK(typed != NULL);
		strcpy(typed, quoted);
		shell_line_read(&again, typed, "");
		FUZZ_CHECK(again.count == 1);
		FUZZ_CHECK(strcmp(again.words[0], word + line.kept) == 0);
		shell_line_free(&again);
		free(typed);
	}
	free(quoted);
	shell_line_free(&line);
}

static void exclude(const char *pattern, const char *path)
{
	const char *const patterns[] = {"*.tmp", pattern};
	sr_excludes *excludes;

	if (!fuzz_inner(sr_excludes_new(&excludes, patterns, 2)))
		return;
	(void)sr_excluded(excludes, path, true);
	(void)sr_excluded(excludes, path, false);
	sr_excludes_free(excludes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};
	sr_text first = fuzz_text(&input), rest = fuzz_rest(&input);
	char *one = fuzz_string(first.data, first.length);
	char *other = fuzz_string(rest.data, rest.length);
	char *path = malloc(rest.length + 2);

	FUZZ_CHECK(path != NULL);
	path[0] = '/';
	strcpy(path + 1, other);
	complete(other, one);
	complete(other, "\"'><=;|&(:");
	exclude(one, path);
	free(one);
	free(other);
	free(path);
	return 0;
}
