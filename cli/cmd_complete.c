/* What the shells' completion asks: which words could stand where the cursor is. It only reads,
 * answers at once, and where there is nothing to read its answer is shorter. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "complete_path.h"
#include "memory.h"
#include "shell_line.h"
#include "takes.h"

const char help_complete[] =
	"usage: strongroom complete -- WORD…\n"
	"       strongroom complete --line LINE [--breaks CHARACTERS]\n"
	"\n"
	"For the completion of shells, which ask it what the last WORD could be. The\n"
	"first line of the answer is \"words\", or \"paths\" where a word with a slash at its\n"
	"end goes on, or \"files\" where the shell completes names of files itself; then a\n"
	"word a line, perhaps with a tab and what it means. With LINE, a line of bash up\n"
	"to the cursor, words that do not fit are left out and the others quoted as they\n"
	"must be there.\n"
	"\n"
	"  --line LINE          the program's name and what follows\n"
	"  --breaks CHARACTERS  bash's COMP_WORDBREAKS\n"
	"\n"
	"example:\n"
	"  strongroom complete -- client ''\n";

enum { SECONDS = 1 }; /* That a busy catalog may keep somebody waiting who has pressed a key. */

struct completion {
	struct cli *cli;
	const struct shell_line *line; /* Of bash, else NULL. */
	char **words;                  /* All but the last, without the options; owned. */
	size_t count;
	const char *last;
	size_t prefix;  /* Of the last word what stands before the value: "--client=". */
	const char *db; /* As the words before say. */
	const char *config;
	const char *asked; /* The option whose value the last word is, else NULL. */
	struct takes takes;
	bool only_operands; /* Behind "--". */
};

/* ---- The answer ---- */

/* A word that would drive the terminal is no help; it can be typed as an id. */
static bool is_clean(const char *word)
{
	for (; *word != '\0'; word++) {
		if ((unsigned char)*word < 0x20 || *word == 0x7f)
			return false;
	}
	return true;
}

static void answer(struct completion *c, const char *word, const char *meaning)
{
	char *whole = must_print("%.*s%s", (int)c->prefix, c->last, word);
	char *quoted = NULL;

	if (!is_clean(word))
		goto err0;
	if (c->line == NULL) {
		output_write(&c->cli->out, whole);
		if (meaning != NULL && meaning[0] != '\0') {
			output_write(&c->cli->out, "\t");
			output_write(&c->cli->out, meaning);
		}
		output_write(&c->cli->out, "\n");
	} else if (strncmp(whole, c->last, strlen(c->last)) == 0) {
		quoted = shell_line_quote(c->line, whole);
		output_line(&c->cli->out, "%s", quoted);
	}
	free(quoted);
err0:
	free(whole);
}

static void begin_answer(struct completion *c, const char *kind)
{
	output_line(&c->cli->out, "%s", kind);
}

/* ---- What the help's texts tell of options ---- */

/* Behind "  --NAME" where a text explains it, or NULL. */
static const char *explained(const char *text, const char *name)
{
	const size_t length = strlen(name);

	for (const char *at = strstr(text, "\n  --"); at != NULL; at = strstr(at + 1, "\n  --")) {
		if (strncmp(at + 5, name, length) == 0 && strchr(" ,=[\n", at[5 + length]) != NULL)
			return at + 5 + length;
	}
	return NULL;
}

/* What stands for an option's value: FILE. Owned: free. */
static char *value_word(const char *text, const char *name)
{
	const char *at = explained(text, name);

	if (at == NULL)
		return must_copy("", 0);
	at += strspn(at, " =[");
	return must_copy(at, strcspn(at, " ]\n"));
}

/* The first line of its explanation, which two blanks set off. Owned: free. */
static char *meaning_of(const char *text, const char *name)
{
	const char *at = explained(text, name);
	const char *gap;

	if (at == NULL)
		return must_copy("", 0);
	gap = strstr(at, "  ");
	if (gap == NULL || gap > strchr(at, '\n'))
		gap = at;
	gap += strspn(gap, " ");
	return must_copy(gap, strcspn(gap, "\n"));
}

static const char *help_of(const struct completion *c, const char *name)
{
	for (const arg_option *o = c->takes.options; o != NULL && o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0)
			return c->takes.about->help;
	}
	return help_globals;
}

/* ---- Candidates ---- */

static void answer_options(struct completion *c, const arg_option *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		char *word = must_print("--%s", table->name);
		char *meaning = meaning_of(help_of(c, table->name), table->name);

		answer(c, word, meaning);
		free(meaning);
		free(word);
	}
}

static void answer_commands(struct completion *c, const command *table)
{
	const bool top = table == commands;

	for (; table->name != NULL; table++) {
		if (!top || table->summary != NULL)
			answer(c, table->name, table->summary);
	}
}

/* As the shell would have expanded it. Owned: free. */
static char *at_home(const char *path)
{
	const char *home = getenv("HOME");

	if (path != NULL && strncmp(path, "~/", 2) == 0 && home != NULL)
		return must_print("%s%s", home, path + 1);
	return path != NULL ? must_copy(path, strlen(path)) : NULL;
}

static sr_catalog *open_quietly(const struct completion *c)
{
	char *db = at_home(c->db);
	char *config = at_home(c->config);
	sr_catalog *catalog = NULL;
	sr_options options;

	sr_log_set(NULL, NULL);
	cli_options(c->cli, &options);
	options.read_only = true;
	options.pool_size = 1;
	options.timeout = SECONDS;
	if (db != NULL)
		options.path = db;
	if (config != NULL)
		options.config_file = config;
	if (sr_open(&catalog, &options) != SR_OK)
		catalog = NULL;
	free(config);
	free(db);
	return catalog;
}

/* A name that would be taken as an option can be typed behind "--". */
static void answer_name(struct completion *c, sr_text name)
{
	if (name.data == NULL || strlen(name.data) != name.length ||
	    (name.data[0] == '-' && c->prefix == 0 && !c->only_operands))
		return;
	answer(c, name.data, NULL);
}

static void answer_clients(struct completion *c, sr_catalog *catalog)
{
	const sr_client *client = NULL;
	sr_clients *cursor;

	if (sr_client_list(catalog, false, &cursor) != SR_OK)
		return;
	while (sr_clients_next(cursor, &client) == SR_OK && client != NULL)
		answer_name(c, client->name);
	sr_clients_close(cursor);
}

static void answer_categories(struct completion *c, sr_catalog *catalog)
{
	const sr_category *category = NULL;
	sr_categories *cursor;

	if (sr_category_list(catalog, false, &cursor) != SR_OK)
		return;
	while (sr_categories_next(cursor, &category) == SR_OK && category != NULL)
		answer_name(c, category->name);
	sr_categories_close(cursor);
}

static void answer_from_catalog(struct completion *c,
				void (*names)(struct completion *, sr_catalog *))
{
	sr_catalog *catalog = open_quietly(c);

	if (catalog == NULL)
		return;
	names(c, catalog);
	(void)sr_close(catalog);
}

static void answer_path(void *arg, const char *path)
{
	struct completion *c = arg;

	answer(c, path, NULL);
}

/* Paths that the catalog has of the client that an operand before has named. */
static void answer_paths(struct completion *c, const char *name)
{
	sr_catalog *catalog = open_quietly(c);
	sr_client *client = NULL;
	sr_id id;

	begin_answer(c, "paths");
	if (catalog == NULL)
		return;
	if (sr_client_by_name(catalog, sr_text_of(name), &client) == SR_OK ||
	    (sr_id_parse(name, &id) == SR_OK && sr_client_by_id(catalog, &id, &client) == SR_OK))
		complete_path(catalog, &client->id, c->last, answer_path, c);
	sr_client_free(client);
	(void)sr_close(catalog);
}

/* By what stands for a value in the help: "name|path|size" lists them itself. */
static void answer_value(struct completion *c, const char *stands)
{
	static const char *const files[] = {"FILE", "F", "PATH", "FOLDER", "DIR", "DAMAGED", "NEW"};
	char *choices;
	char *rest;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(stands, files[i]) == 0) {
			begin_answer(c, "files");
			return;
		}
	}
	begin_answer(c, "words");
	if (strcmp(stands, "CLIENT") == 0) {
		answer_from_catalog(c, answer_clients);
	} else if (strcmp(stands, "CATEGORY") == 0) {
		answer_from_catalog(c, answer_categories);
	} else if (strcmp(stands, "COMMAND") == 0) {
		answer_commands(c, commands);
	} else if (strchr(stands, '|') != NULL) {
		choices = must_copy(stands, strlen(stands));
		for (char *at = strtok_r(choices, "|", &rest); at != NULL;
		     at = strtok_r(NULL, "|", &rest))
			answer(c, at, NULL);
		free(choices);
	}
}

static void answer_option_value(struct completion *c)
{
	char *stands;

	if (strcmp(c->asked, "client") == 0) {
		answer_value(c, "CLIENT");
		return;
	}
	stands = value_word(help_of(c, c->asked), c->asked);
	answer_value(c, stands);
	free(stands);
}

/* help takes a command's words as operands. */
static void answer_help(struct completion *c, size_t seen)
{
	struct takes takes;

	begin_answer(c, "words");
	takes_note(&takes, c->words + c->takes.used, seen);
	if (seen == 0)
		answer_commands(c, commands);
	else if (takes.parts != NULL && takes.used == seen)
		answer_commands(c, takes.parts);
	takes_free(&takes);
}

/* Parts that the command itself tells apart, where the word may become one. */
static bool answer_usage_words(struct completion *c)
{
	const size_t typed = strlen(c->last);
	bool begun = false;
	char *word;

	for (size_t i = 0; typed > 0 && (word = takes_usage_word(&c->takes, i)) != NULL; i++) {
		if (strncmp(word, c->last, typed) == 0) {
			if (!begun)
				begin_answer(c, "words");
			begun = true;
			answer(c, word, NULL);
		}
		free(word);
	}
	return begun;
}

static void answer_operand(struct completion *c)
{
	const arg_operand *operand = c->takes.operands;
	const char *client = NULL;
	size_t seen = c->count - c->takes.used;

	if (c->takes.about->run == cmd_help) {
		answer_help(c, seen);
		return;
	}
	if (seen == 0 && !c->only_operands && answer_usage_words(c))
		return;
	for (; seen > 0 && operand->name != NULL && operand->need < ARG_MANY; seen--) {
		if (strcmp(operand->name, "CLIENT") == 0)
			client = c->words[c->count - seen];
		operand++;
	}
	if (client != NULL && operand->name != NULL &&
	    (strcmp(operand->name, "PATH") == 0 || strcmp(operand->name, "FOLDER") == 0)) {
		answer_paths(c, client);
		return;
	}
	if (operand->name != NULL) {
		answer_value(c, operand->name);
		return;
	}
	begin_answer(c, "words");
	if (c->last[0] == '\0' && !c->only_operands)
		answer_options(c, c->takes.options);
}

/* ---- Reading the words ---- */

/* Remembers which catalog is meant. */
static void notice(struct completion *c, const char *option, const char *value)
{
	if (value == NULL)
		c->asked = option;
	else if (strcmp(option, "db") == 0)
		c->db = value;
	else if (strcmp(option, "config") == 0)
		c->config = value;
}

/* Takes the options of the tables out of the words from `from` on. Those of a command that is not
 * known yet stay, and so does what follows "--". */
static void drop_options(struct completion *c, size_t from)
{
	const bool known = c->takes.options != NULL;
	size_t kept = from;

	for (size_t i = from; i < c->count; i++) {
		char *word = c->words[i];
		const arg_option *option = args_find(c->takes.options, word);
		const char *value = strchr(word, '=');

		if (option == NULL)
			option = args_find(c->cli->args.globals, word);
		if (strcmp(word, "--") == 0) {
			c->only_operands = true;
			for (i += known; i < c->count; i++)
				c->words[kept++] = c->words[i];
			break;
		}
		if (word[0] != '-' || word[1] == '\0' || (option == NULL && !known)) {
			c->words[kept++] = word;
			continue;
		}
		if (option == NULL || option->kind == ARG_FLAG)
			continue;
		if (value != NULL && word[1] == '-')
			value++;
		else
			value = i + 1 < c->count ? c->words[++i] : NULL;
		notice(c, option->name, value);
	}
	c->count = kept;
}

/* Whether the last word is "--NAME=" and the beginning of a value. */
static bool is_value(struct completion *c)
{
	const char *value = strchr(c->last, '=');
	const arg_option *option = args_find(c->takes.options, c->last);

	if (value == NULL || c->last[0] != '-' || c->last[1] != '-')
		return false;
	if (option == NULL)
		option = args_find(c->cli->args.globals, c->last);
	if (option == NULL || option->kind == ARG_FLAG)
		return false;
	c->prefix = (size_t)(value + 1 - c->last);
	c->asked = option->name;
	return true;
}

static void complete(struct completion *c)
{
	drop_options(c, 0);
	takes_note(&c->takes, c->words, c->count);
	if (c->takes.options != NULL)
		drop_options(c, c->takes.used);
	if (c->asked != NULL || (!c->only_operands && is_value(c))) {
		answer_option_value(c);
	} else if (!c->only_operands && c->last[0] == '-') {
		begin_answer(c, "words");
		answer_options(c, c->takes.options);
		answer_options(c, c->cli->args.globals);
	} else if (c->takes.operands != NULL) {
		answer_operand(c);
	} else {
		begin_answer(c, "words");
		if (c->count == 0)
			answer_commands(c, commands);
		else if (c->takes.parts != NULL && c->takes.used == c->count)
			answer_commands(c, c->takes.parts);
	}
	takes_free(&c->takes);
}

/* The words but the last; of a line without the program's name. */
static void complete_words(struct cli *cli, char *const *words, size_t count,
			   const struct shell_line *line)
{
	struct completion c = {.cli = cli, .line = line};

	if (count == 0)
		return;
	c.words = (void *)must_copy(words, count * sizeof(*words));
	c.count = count - 1;
	c.last = words[count - 1];
	complete(&c);
	free(c.words);
}

int cmd_complete(struct cli *cli)
{
	const char *text = NULL;
	const char *breaks = NULL;
	arg_list words = {NULL, 0};
	const arg_option options[] = {
		{"line", 0, ARG_VALUE, &text},
		{"breaks", 0, ARG_VALUE, &breaks},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"WORD", ARG_ANY, &words},
		{NULL, ARG_OPTIONAL, NULL},
	};
	struct shell_line line;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE)
		goto err0;
	if (text != NULL) {
		shell_line_read(&line, text, breaks != NULL ? breaks : "");
		complete_words(cli, line.words + 1, line.count - 1, &line);
		shell_line_free(&line);
	} else {
		complete_words(cli, (char *const *)words.items, words.count, NULL);
	}
err0:
	args_list_free(&words);
	return code;
}
