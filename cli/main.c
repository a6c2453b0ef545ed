/* strongroom: the command line of the catalog. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli.h"
#include "interrupt.h"
#include "message.h"

const command commands[] = {
	{"init", "create or upgrade the catalog", help_init, cmd_init},
	{"client", "add, list, show, update, delete, import clients", help_client, cmd_client},
	{"record", "catalog the files below folders", help_record, cmd_record},
	{"search", "find files", help_search, cmd_search},
	{"file", "list, show, delete, verify, import, activate, pin", help_file, cmd_file},
	{"history", "the versions of a file", help_history, cmd_history},
	{"category", "what files are sorted into, and by which rules", help_category, cmd_category},
	{"prune", "delete versions that no rule keeps", help_prune, cmd_prune},
	{"stats", "what the catalog holds, by client, by day", help_stats, cmd_stats},
	{"activity", "who did what, newest first", help_activity, cmd_activity},
	{"metric", "record, list, clean up measured values", help_metric, cmd_metric},
	{"health", "look for what is wrong, and what mends it", help_health, cmd_health},
	{"repair", "mend what health finds, where that can be done", help_repair, cmd_repair},
	{"backup", "copy the catalog, and verify a copy", help_backup, cmd_backup},
	{"restore", "a backup in the catalog's place", help_restore, cmd_restore},
	{"optimize", "give free space back, renew statistics", help_optimize, cmd_optimize},
	{"quota", "what clients may use: set, clear, show, list", help_quota, cmd_quota},
	{"keys", "clients' AES keys: wrap, look, check, export", help_keys, cmd_keys},
	{"salvage", "read what can be read of a damaged file", help_salvage, cmd_salvage},
	{"config", "every setting and where it comes from", help_config, cmd_config},
	{"migrate", "the schema: status, up, down, verify", help_migrate, cmd_migrate},
	{"sql", "run a statement of your own", help_sql, cmd_sql},
	{"version", "of the program, its library and SQLite", help_version, cmd_version},
	{"help", "this list, or a command's options", help_help, cmd_help},
	{"complete", NULL, help_complete, cmd_complete},
	{NULL, NULL, NULL, NULL},
};

/* Passphrases and keys pass through this process, so the system writes no core of it and lets no
 * other process of the user's look into it. The leak detector would be such a one. */
static void shut_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* A descriptor 0 to 2 that came closed would be taken by the next file opened, the database
 * among them, and messages would be written into it. Each is filled such that its use fails.
 * False: standard output came closed. */
static bool fill_descriptors(void)
{
	bool output = true;

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		output = output && fd != STDOUT_FILENO;
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(FAILED);
	}
	return output;
}

static const command *find_command(const char *name)
{
	for (const command *c = commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

/* Behind the command at args.next - 1: it, and what may be parts of it. */
static int run_help(struct cli *cli)
{
	char *const *words = cli->args.words + cli->args.next - 1;
	size_t count = 1;

	while (cli->args.next + (int)count - 1 < cli->args.count && words[count][0] != '-')
		count++;
	return help_print(cli, words, count);
}

static int run(struct cli *cli, bool output)
{
	/* Known at once, so that errors in what stands before it are objects too. */
	const bool help = args_mention(&cli->args, "help", 'h');
	const command *found;
	const char *word;
	int code;

	message_json(args_mention(&cli->args, "json", 0));
	/* Before anything is changed that could not be told. */
	if (!output)
		return cli_fail(cli, SR_IO, "cannot write to standard output: it is closed");
	if (args_mention(&cli->args, "version", 0) && cli->args.count == 1)
		word = "version", cli->args.next = 1;
	else if (!args_word(&cli->args, &word))
		return cli_usage(cli, "%s", cli->args.error);
	if (word == NULL && help)
		return help_print(cli, NULL, 0);
	if (word == NULL)
		return cli_usage(cli, "a command is missing");
	if ((found = find_command(word)) == NULL)
		return cli_usage(cli, "unknown command \"%s\"", word);
	if (help)
		return run_help(cli);
	snprintf(cli->named, sizeof(cli->named), "%s", found->name);
	cli->command = cli->named;
	code = found->run(cli);
	return code;
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	const arg_option globals[] = {
		{"db", 0, ARG_VALUE, &cli.db},
		{"config", 0, ARG_VALUE, &cli.config},
		{"log-level", 0, ARG_VALUE, &cli.log_level},
		{"json", 0, ARG_FLAG, &cli.json},
		{"csv", 0, ARG_FLAG, &cli.csv},
		{"plain", 0, ARG_FLAG, &cli.plain},
		{"quiet", 'q', ARG_FLAG, &cli.quiet},
		{"verbose", 'v', ARG_FLAG, &cli.verbose},
		{"yes", 'y', ARG_FLAG, &cli.yes},
		{"no-progress", 0, ARG_FLAG, &cli.no_progress},
		{"help", 'h', ARG_FLAG, &cli.help},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const bool output = fill_descriptors();
	char message[256];
	int code;

	shut_memory();
	interrupt_survive();
	args_init(&cli.args, argc, argv, globals);
	output_init(&cli.out);
	code = run(&cli, output);
	if (!output_close(&cli.out, message, sizeof(message))) {
		if (message[0] != '\0')
			message_error(sr_status_name(SR_IO), message);
		if (code == DONE)
			code = FAILED;
	}
	return code;
}
