/*
 * What a command takes, learnt by running it with a note pad in place of a command line: what it
 * would give cli_subcommand and cli_arguments is noted, and it returns at once. So help and
 * completion know each command by the tables that parse it.
 */
#ifndef CLI_TAKES_H
#define CLI_TAKES_H

#include "cli.h"

struct takes {
	char *const *words; /* Those of the command line without options, the command first. */
	size_t count;
	size_t used;           /* Of them, those that name a command or a part of one. */
	char path[64];         /* Those: "client add". */
	const command *about;  /* The command; NULL where the first word is none. */
	const command *parts;  /* Where the next word must name a part: which there are. */
	arg_option *options;   /* Else copies of the tables, without where values go to, */
	arg_operand *operands; /* which end with a NULL name. */
};

/* Notes what the words' command takes; takes_free afterwards. */
void takes_note(struct takes *takes, char *const *words, size_t count);
void takes_free(struct takes *takes);

/* Parts that a command tells apart by itself, as "backup verify": the word behind the path, in
 * lower case, of the index-th line of the usage that has one. NULL behind the last. Owned: free. */
char *takes_usage_word(const struct takes *takes, size_t index);

/* For cli_subcommand and cli_arguments. takes_part: the part to go on with, NULL where no word
 * names one. */
const command *takes_part(struct takes *takes, const command *table);
/* The word that takes_part would look at; NULL at the end. */
const char *takes_next(const struct takes *takes);
void takes_arguments(struct takes *takes, const arg_option *options, const arg_operand *operands);

#endif
