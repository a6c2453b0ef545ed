#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "memory.h"

const char help_help[] =
	"usage: strongroom help [COMMAND]\n"
	"\n"
	"Lists the commands, or shows one command's usage, options and an example.\n"
	"\n"
	"example:\n"
	"  strongroom help search\n";

static const char global_options[] =
	"Options of every command, before or after it:\n"
	"  --db FILE        the database; else $STRONGROOM_DB, DATABASE_NAME from the\n"
	"                   environment or the configuration, else defensive.db here\n"
	"  --config FILE    a strongroom.conf to read instead of searching one\n"
	"  --json           one JSON document; errors as objects on standard error\n"
	"  --csv            RFC 4180, with a heading; exact sizes and dates\n"
	"  --plain          lines with tabs, without headings\n"
	"  --yes, -y        do not ask before something is destroyed\n"
	"  --quiet, -q      only what was asked for, and errors\n"
	"  --verbose, -v    also what the library has to tell\n"
	"  --log-level SPEC like $STRONGROOM_LOG: warning, or pool:debug,info\n"
	"  --no-progress    no progress line on a terminal\n"
	"  --help, -h       a command's usage, options and an example\n"
	"\n"
	"In tables, CSV and plain lines, control characters of names are written as\n"
	"\\n, \\t or \\xNN and a backslash as two; JSON has them exactly.\n"
	"Exit status: 0 done, 1 failed or not found, 2 wrong usage, 3 unhealthy.\n";

static char *text_of_all(void)
{
	char *text = must_print("usage: strongroom [OPTION…] COMMAND [ARGUMENT…]\n\n");
	char *more;

	for (const command *c = commands; c->name != NULL; c++) {
		more = must_print("%s  %-9s%s\n", text, c->name, c->summary);
		free(text);
		text = more;
	}
	more = must_print("%s\n%s\n"
			  "example:\n  strongroom init && strongroom client add laptop\n"
			  "  strongroom record --client laptop /etc && strongroom search hosts",
			  text, global_options);
	free(text);
	return more;
}

void help_print(struct cli *cli, const command *about)
{
	char *text = about == NULL
			     ? text_of_all()
			     : must_print("%s\nFor the options of every command: strongroom help",
					  about->help);

	/* Asked for with --help, the rest of the command line is not read. */
	if (cli->json || args_mention(&cli->args, "json", 0))
		output_document(&cli->out,
				json_pack("{s:s?, s:s}", "command",
					  about == NULL ? NULL : about->name, "help", text));
	else
		output_line(&cli->out, "%s", text);
	free(text);
}

int cmd_help(struct cli *cli)
{
	const char *name = NULL;
	const char *part = NULL;
	const arg_operand operands[] = {
		{"COMMAND", ARG_OPTIONAL, &name},
		{"SUBCOMMAND", ARG_OPTIONAL, &part},
		{NULL, ARG_OPTIONAL, NULL},
	};
	int code = cli_arguments(cli, NULL, operands);

	if (code != DONE)
		return code;
	if (name == NULL) {
		help_print(cli, NULL);
		return DONE;
	}
	for (const command *c = commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0) {
			help_print(cli, c);
			return DONE;
		}
	}
	cli->command = NULL; /* The list of all is what helps. */
	return cli_usage(cli, "unknown command \"%s\"", name);
}
