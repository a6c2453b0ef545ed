#include "shell_line.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* The word that is being read. */
struct reading {
	struct shell_line *line;
	char *word;    /* Room for all that is left. */
	size_t length; /* Of it so far. */
	bool begun;    /* "" is a word too. */
};

static void end_word(struct reading *reading)
{
	struct shell_line *line = reading->line;

	line->words = must_realloc(line->words, (line->count + 1) * sizeof(*line->words));
	line->words[line->count++] = must_copy(reading->word, reading->length);
	reading->length = 0;
	reading->begun = false;
	line->kept = 0;
}

static void add(struct reading *reading, char c)
{
	reading->word[reading->length++] = c;
	reading->begun = true;
}

/* A character inside quotes; returns how many were read. */
static size_t read_quoted(struct reading *reading, const char *at)
{
	struct shell_line *line = reading->line;

	if (*at == line->quote) {
		line->quote = 0;
		line->kept = reading->length;
		return 1;
	}
	if (line->quote == '"' && at[0] == '\\' && at[1] != '\0' && strchr("$`\"\\", at[1])) {
		add(reading, at[1]);
		return 2;
	}
	add(reading, at[0]);
	return 1;
}

static size_t read_plain(struct reading *reading, const char *at, const char *breaks)
{
	struct shell_line *line = reading->line;

	if (*at == '\'' || *at == '"') {
		line->quote = *at;
		line->kept = reading->length;
		reading->begun = true;
		return 1;
	}
	if (*at == '\\') {
		if (at[1] != '\0')
			add(reading, at[1]);
		reading->begun = true;
		return at[1] != '\0' ? 2 : 1;
	}
	if (*at == ' ' || *at == '\t' || *at == '\n') {
		if (reading->begun)
			end_word(reading);
		return 1;
	}
	add(reading, *at);
	if (strchr(breaks, *at) != NULL)
		line->kept = reading->length;
	return 1;
}

void shell_line_read(struct shell_line *line, const char *text, const char *breaks)
{
	struct reading reading = {.line = line, .word = must_alloc(strlen(text) + 1)};

	*line = (struct shell_line){0};
	while (*text != '\0') {
		if (line->quote != 0)
			text += read_quoted(&reading, text);
		else
			text += read_plain(&reading, text, breaks);
	}
	const size_t kept = line->kept;

	end_word(&reading);
	line->kept = kept;
	free(reading.word);
}

void shell_line_free(struct shell_line *line)
{
	for (size_t i = 0; i < line->count; i++)
		free(line->words[i]);
	free(line->words);
	*line = (struct shell_line){0};
}

/* Whether bash takes the character as it is, outside quotes. */
static bool is_ordinary(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || (c != '\0' && strchr("%+,-./:=@_", c) != NULL);
}

/* How a character is written where the quote is open. In double quotes a "!" would look into the
 * history, and a backslash before it would stay: it is written between them. */
static const char *written(char quote, char c, char buffer[3])
{
	buffer[0] = '\\';
	buffer[1] = c;
	buffer[2] = '\0';
	if (quote == '\'')
		return c == '\'' ? "'\\''" : buffer + 1;
	if (quote == '"')
		return c == '!' ? "\"\\!\"" : strchr("$`\"\\", c) != NULL ? buffer : buffer + 1;
	return is_ordinary((unsigned char)c) ? buffer + 1 : buffer;
}

char *shell_line_quote(const struct shell_line *line, const char *word)
{
	char *text = must_alloc(strlen(word) * 4 + 2);
	char *to = text;
	char buffer[3];

	for (const char *at = word + line->kept; *at != '\0'; at++)
		to = stpcpy(to, written(line->quote, *at, buffer));
	/* bash closes the quote by itself, unless it takes this one for its end. */
	if (line->quote != 0 && to > text && to[-1] == line->quote)
		*to = line->quote;
	return text;
}
