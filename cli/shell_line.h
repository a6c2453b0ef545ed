/*
 * A command line of bash as it is being typed: its words without their quotes, and how a word that
 * replaces the last one must be written. Nothing in it is run or expanded.
 */
#ifndef CLI_SHELL_LINE_H
#define CLI_SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct shell_line {
	char **words; /* Unquoted. The last one ends at the cursor, and may be "". */
	size_t count; /* At least 1. */
	char quote;   /* Open around the end of the last one, or 0. */
	size_t kept;  /* Bytes of the last one that bash leaves in place: it replaces what follows
			 the last of its word breaks. */
};

/* breaks is bash's COMP_WORDBREAKS. shell_line_free afterwards. */
void shell_line_read(struct shell_line *line, const char *text, const char *breaks);
void shell_line_free(struct shell_line *line);

/* What bash must put in place for the last word to become this one, which begins with what is kept
 * of it. Owned: free. */
char *shell_line_quote(const struct shell_line *line, const char *word);

#endif
