#include "args.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void args_init(struct args *args, int argc, char **argv, const arg_option *globals)
{
	memset(args, 0, sizeof(*args));
	args->words = argc > 0 ? argv + 1 : argv;
	args->count = argc > 0 ? argc - 1 : 0;
	args->globals = globals;
}

static const arg_option *find_in(const arg_option *table, const char *word, size_t length)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (word[1] != '-') {
			if (length == 2 && table->letter == word[1])
				return table;
		} else if (strlen(table->name) == length - 2 &&
			   memcmp(table->name, word + 2, length - 2) == 0) {
			return table;
		}
	}
	return NULL;
}

const arg_option *args_find(const arg_option *table, const char *word)
{
	if (word[0] != '-' || word[1] == '\0')
		return NULL;
	return find_in(table, word, word[1] == '-' ? strcspn(word, "=") : strlen(word));
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static void list_add(arg_list *list, const char *word)
{
	list->items = must_realloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = word;
}

/* The value of an option that needs one: behind its =, else the next word. */
static const char *take_value(struct args *args, const char *word, size_t length)
{
	const char *next;

	if (word[length] == '=')
		return word + length + 1;
	next = args->next < args->count ? args->words[args->next] : NULL;
	if (next == NULL) {
		snprintf(args->error, sizeof(args->error), "option %.*s needs a value", (int)length,
			 word);
		return NULL;
	}
	if (strncmp(next, "--", 2) == 0) {
		snprintf(args->error, sizeof(args->error),
			 "option %.*s needs a value (for the value \"%s\" write %.*s=%s)",
			 (int)length, word, next, (int)length, word, next);
		return NULL;
	}
	args->next++;
	return next;
}

static bool take_option(struct args *args, const arg_option *options, const char *word)
{
	const size_t length = word[1] == '-' ? strcspn(word, "=") : strlen(word);
	const arg_option *option = find_in(options, word, length);
	const char *value;

	if (option == NULL)
		option = find_in(args->globals, word, length);
	if (option == NULL && isdigit((unsigned char)word[1])) {
		snprintf(args->error, sizeof(args->error),
			 "\"%s\" is not an option; put -- before an argument that begins with a "
			 "dash",
			 word);
		return false;
	}
	if (option == NULL) {
		snprintf(args->error, sizeof(args->error), "unknown option \"%.*s\"", (int)length,
			 word);
		return false;
	}
	if (option->kind == ARG_FLAG) {
		if (word[length] == '=') {
			snprintf(args->error, sizeof(args->error), "option %.*s takes no value",
				 (int)length, word);
			return false;
		}
		*(bool *)option->into = true;
		return true;
	}
	if ((value = take_value(args, word, length)) == NULL)
		return false;
	if (option->kind == ARG_LIST) {
		list_add(option->into, value);
		return true;
	}
	if (*(const char **)option->into != NULL) {
		snprintf(args->error, sizeof(args->error),
			 "option --%s is given twice: \"%s\" and \"%s\"", option->name,
			 *(const char **)option->into, value);
		return false;
	}
	*(const char **)option->into = value;
	return true;
}

/* The next operand after the options before it. *word is NULL at the end. */
static bool next_operand(struct args *args, const arg_option *options, const char **word)
{
	*word = NULL;
	while (args->next < args->count) {
		const char *here = args->words[args->next++];

		if (!args->ended && strcmp(here, "--") == 0) {
			args->ended = true;
		} else if (!args->ended && is_option(here)) {
			if (!take_option(args, options, here))
				return false;
		} else {
			*word = here;
			return true;
		}
	}
	return true;
}

bool args_word(struct args *args, const char **word)
{
	return next_operand(args, NULL, word);
}

const char *args_peek(const struct args *args)
{
	for (int i = args->next; i < args->count; i++) {
		const char *word = args->words[i];
		const arg_option *option;

		if (args->ended || !is_option(word))
			return word;
		if ((option = args_find(args->globals, word)) == NULL)
			return NULL;
		i += option->kind != ARG_FLAG && (word[1] != '-' || strchr(word, '=') == NULL);
	}
	return NULL;
}

bool args_parse(struct args *args, const arg_option *options, const arg_operand *operands)
{
	static const arg_operand none = {NULL, ARG_OPTIONAL, NULL};
	const arg_operand *operand = operands != NULL ? operands : &none;
	const char *word;

	for (;;) {
		if (!next_operand(args, options, &word))
			return false;
		if (word == NULL)
			break;
		if (operand->name == NULL) {
			snprintf(args->error, sizeof(args->error), "unexpected argument \"%s\"",
				 word);
			return false;
		}
		if (operand->need >= ARG_MANY) {
			list_add(operand->into, word);
			continue;
		}
		*(const char **)operand->into = word;
		operand++;
	}
	if (operand->name != NULL && operand->need == ARG_MANY &&
	    ((const arg_list *)operand->into)->count > 0)
		return true;
	if (operand->name != NULL && (operand->need == ARG_REQUIRED || operand->need == ARG_MANY)) {
		snprintf(args->error, sizeof(args->error), "%s is missing", operand->name);
		return false;
	}
	return true;
}

bool args_mention(const struct args *args, const char *name, char letter)
{
	for (int i = args->next; i < args->count; i++) {
		const char *word = args->words[i];

		if (strcmp(word, "--") == 0)
			break;
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, name) == 0)
			return true;
		if (letter != 0 && word[0] == '-' && word[1] == letter && word[2] == '\0')
			return true;
	}
	return false;
}

void args_list_free(arg_list *list)
{
	free(list->items);
	list->items = NULL;
	list->count = 0;
}
