/*
 * One parser for every command: tables say which options and operands there are, the parser
 * fills the variables that they point at. Global options are known everywhere, so that they
 * may stand before and after the command.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum arg_kind {
	ARG_FLAG,  /* into is a bool *. */
	ARG_VALUE, /* into is a const char **, NULL until it is given; twice is an error. */
	ARG_LIST,  /* into is an arg_list *; may be given again and again. */
} arg_kind;

/* Words of the command line, in order; items is freed by args_list_free. */
typedef struct arg_list {
	const char **items;
	size_t count;
} arg_list;

/* A table of options ends with a NULL name. */
typedef struct arg_option {
	const char *name; /* Without the dashes. */
	char letter;      /* Its one-letter form, or 0. */
	arg_kind kind;
	void *into; /* As kind says. */
} arg_option;

typedef enum arg_need {
	ARG_REQUIRED,
	ARG_OPTIONAL,
	ARG_MANY, /* One or more. */
	ARG_ANY,  /* None or more. */
} arg_need;

/* A table of operands, in order, ends with a NULL name; ARG_MANY and ARG_ANY come last. */
typedef struct arg_operand {
	const char *name; /* As the help calls it, such as CLIENT. */
	arg_need need;
	void *into; /* const char **, or for ARG_MANY and ARG_ANY an arg_list *. */
} arg_operand;

struct args {
	char **words; /* The command line without the program's name. */
	int count;
	int next;                  /* The first word not looked at yet. */
	bool ended;                /* "--" was seen: only operands follow. */
	const arg_option *globals; /* Known everywhere. */
	char error[512];           /* After a failure: what is wrong, in one line. */
};

void args_init(struct args *args, int argc, char **argv, const arg_option *globals);

/* The table's option that a word means: "--NAME", "--NAME=…" or "-L"; else NULL. */
const arg_option *args_find(const arg_option *table, const char *word);

/* Takes global options up to the next operand, and that: a command's name. *word is NULL at
 * the end. False: see error. */
bool args_word(struct args *args, const char **word);

/* What args_word would take next, where only global options stand before it; else NULL. */
const char *args_peek(const struct args *args);

/* Takes all that is left: globals, the command's options, its operands. False: see error. */
bool args_parse(struct args *args, const arg_option *options, const arg_operand *operands);

/* Whether --NAME (or its letter) stands before any "--", wherever that is. */
bool args_mention(const struct args *args, const char *name, char letter);

void args_list_free(arg_list *list);

#endif
