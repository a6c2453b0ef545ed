#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "memory.h"
#include "takes.h"

const char help_help[] =
	"usage: strongroom help [COMMAND [SUBCOMMAND]]\n"
	"\n"
	"Lists the commands, or shows one command's usage, options and an example; with a\n"
	"subcommand, of that alone.\n"
	"\n"
	"example:\n"
	"  strongroom help client add\n";

const char help_globals[] =
	"Options of every command, before or after it:\n"
	"  --db FILE         the database; else $STRONGROOM_DB, DATABASE_NAME from the\n"
	"                    environment or the configuration, else defensive.db here\n"
	"  --config FILE     a strongroom.conf to read instead of searching one\n"
	"  --json            one JSON document; errors as objects on standard error\n"
	"  --csv             RFC 4180, with a heading; exact sizes and dates\n"
	"  --plain           lines with tabs, without headings\n"
	"  --yes, -y         do not ask before something is destroyed\n"
	"  --quiet, -q       only what was asked for, and errors\n"
	"  --verbose, -v     also what the library has to tell\n"
	"  --log-level SPEC  like $STRONGROOM_LOG: warning, or pool:debug,info\n"
	"  --no-progress     no progress line on a terminal\n"
	"  --help, -h        a command's usage, options and an example\n"
	"  --version         alone: the same as the command version\n"
	"\n"
	"In tables, CSV and plain lines, control characters of names are written as\n"
	"\\n, \\t or \\xNN and a backslash as two; JSON has them exactly.\n"
	"Exit status: 0 done, 1 failed or not found, 2 wrong usage, 3 unhealthy.\n";

static char *text_of_all(void)
{
	char *text = must_print("usage: strongroom [OPTION…] COMMAND [ARGUMENT…]\n\n");
	char *more;

	for (const command *c = commands; c->name != NULL; c++) {
		if (c->summary == NULL)
			continue;
		more = must_print("%s  %-10s%s\n", text, c->name, c->summary);
		free(text);
		text = more;
	}
	more = must_print("%s\n%s\n"
			  "example:\n  strongroom init && strongroom client add laptop\n"
			  "  strongroom record --client laptop /etc && strongroom search hosts",
			  text, help_globals);
	free(text);
	return more;
}

/* ---- Of a command's text what concerns one part of it ---- */

/* Whether a line of the usage begins the part's. */
static bool is_usage_of(const char *line, const char *path)
{
	const char *prefix = "strongroom ";
	const size_t length = strlen(path);

	line += strncmp(line, "usage: ", 7) == 0 ? 7 : strspn(line, " ");
	if (strncmp(line, prefix, strlen(prefix)) != 0)
		return false;
	line += strlen(prefix);
	return strncmp(line, path, length) == 0 && strchr(" \n", line[length]) != NULL;
}

/* Whether one of these lines does. */
static bool names_part(const char *text, const char *path)
{
	for (; text != NULL; text = strchr(text + 1, '\n')) {
		if (is_usage_of(text + (text[0] == '\n'), path))
			return true;
	}
	return false;
}

static bool begins_usage(const char *line)
{
	return strncmp(line, "usage: strongroom ", 18) == 0 ||
	       strncmp(line, "       strongroom ", 18) == 0;
}

/* Whether a line begins the words about an option, and whether the part takes that. */
static bool begins_option(const char *line, const arg_option *options, bool *taken)
{
	const size_t length = strcspn(line + strspn(line, " "), " ,=[\n");
	char word[64];

	if (strncmp(line, "  -", 3) != 0 || length >= sizeof(word))
		return false;
	memcpy(word, line + 2, length);
	word[length] = '\0';
	*taken = args_find(options, word) != NULL;
	return true;
}

/* Whether a paragraph is about another part: that is its first word then. */
static bool is_about_other(const char *line, const struct takes *takes)
{
	const size_t named = strcspn(takes->path, " ");
	const size_t word = strcspn(line, " \n");
	char path[64];

	if (named + word + 2 > sizeof(path) || word == 0)
		return false;
	snprintf(path, sizeof(path), "%.*s %.*s", (int)named, takes->path, (int)word, line);
	return strcmp(path, takes->path) != 0 && names_part(takes->about->help, path);
}

/* Whether some paragraph begins with the part's own name. */
static bool has_paragraph(const struct takes *takes)
{
	const char *name = strrchr(takes->path, ' ') + 1;
	const size_t length = strlen(name);

	for (const char *at = takes->about->help; (at = strstr(at, "\n\n")) != NULL; at++)
		if (strncmp(at + 2, name, length) == 0 && at[2 + length] == ' ')
			return true;
	return false;
}

/* Its lines of the usage, its options, all prose; where a paragraph is about it, not those that are
 * about others. Owned: free. */
static char *text_of_part(const struct takes *takes)
{
	bool usage = true;   /* Still in the usage. */
	bool other = false;  /* In a paragraph about another part. */
	bool begins = false; /* The last line was blank. */
	const bool own = has_paragraph(takes);
	bool wanted = true;
	bool first = true;
	size_t size;
	char *text = NULL;
	FILE *out = must_have(open_memstream(&text, &size));

	for (const char *line = takes->about->help; *line != '\0';) {
		const size_t length = strcspn(line, "\n") + 1;
		const bool blank = length == 1;

		if (blank)
			usage = false;
		if (blank || begins)
			other = own && !blank && is_about_other(line, takes);
		begins = blank;
		if (strncmp(line, "example", 7) == 0 && !names_part(line, takes->path))
			break;
		if (usage && begins_usage(line))
			wanted = is_usage_of(line, takes->path);
		else if (!usage && (blank || line[0] != ' '))
			wanted = !other;
		else if (!usage)
			(void)begins_option(line, takes->options, &wanted);
		if (wanted && usage && begins_usage(line)) {
			fputs(first ? "usage: " : "       ", out);
			fwrite(line + 7, 1, length - 7, out);
			first = false;
		} else if (wanted) {
			fwrite(line, 1, length, out);
		}
		line += length;
	}
	fclose(out);
	return must_have(text);
}

/* A paragraph whose options all went leaves two blank lines. */
static void join_paragraphs(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from == '\n' && to - text >= 2 && to[-1] == '\n' && to[-2] == '\n')
			continue;
		*to++ = *from;
	}
	/* One that was last in the text leaves one more behind. */
	if (to - text >= 2 && to[-2] == '\n')
		to--;
	*to = '\0';
}

/* A word that the command tells apart by itself belongs to the path. */
static void take_usage_word(struct takes *takes)
{
	const size_t length = strlen(takes->path);
	char *word;

	if (takes->used == takes->count)
		return;
	for (size_t i = 0; (word = takes_usage_word(takes, i)) != NULL; i++) {
		if (strcmp(word, takes->words[takes->used]) == 0) {
			snprintf(takes->path + length, sizeof(takes->path) - length, " %s", word);
			free(word);
			return;
		}
		free(word);
	}
}

static char *text_about(struct takes *takes)
{
	char *about;
	char *text;

	take_usage_word(takes);
	about = takes->options != NULL && strchr(takes->path, ' ') != NULL
			? text_of_part(takes)
			: must_copy(takes->about->help, strlen(takes->about->help));
	join_paragraphs(about);
	text = must_print("%s\nFor the options of every command: strongroom help", about);
	free(about);
	return text;
}

static void print_text(struct cli *cli, const char *path, const char *text)
{
	/* Asked for with --help, the rest of the command line is not read. */
	if (cli->json || args_mention(&cli->args, "json", 0))
		output_document(&cli->out, json_pack("{s:s?, s:s}", "command", path, "help", text));
	else
		output_line(&cli->out, "%s", text);
}

/* The words are where the names of its parts end. */
static int unknown_part(struct cli *cli, const struct takes *takes)
{
	char names[256] = "";

	for (const command *c = takes->parts; c->name != NULL; c++) {
		strncat(names, c == takes->parts ? "" : ", ", sizeof(names) - strlen(names) - 1);
		strncat(names, c->name, sizeof(names) - strlen(names) - 1);
	}
	cli->command = takes->path;
	return cli_usage(cli, "unknown command \"%s %s\" (known: %s)", takes->path,
			 takes->words[takes->used], names);
}

int help_print(struct cli *cli, char *const *words, size_t count)
{
	struct takes takes;
	char *text;
	int code = DONE;

	if (count == 0) {
		text = text_of_all();
		print_text(cli, NULL, text);
		free(text);
		return DONE;
	}
	takes_note(&takes, words, count);
	if (takes.about == NULL) {
		cli->command = NULL; /* The list of all is what helps. */
		code = cli_usage(cli, "unknown command \"%s\"", words[0]);
	} else if (takes.parts != NULL && takes.used < count) {
		code = unknown_part(cli, &takes);
	} else {
		text = text_about(&takes);
		print_text(cli, takes.path, text);
		free(text);
	}
	takes_free(&takes);
	return code;
}

int cmd_help(struct cli *cli)
{
	char *words[2] = {NULL, NULL};
	const arg_operand operands[] = {
		{"COMMAND", ARG_OPTIONAL, &words[0]},
		{"SUBCOMMAND", ARG_OPTIONAL, &words[1]},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE)
		return code;
	return help_print(cli, words, (size_t)(words[0] != NULL) + (words[1] != NULL));
}
