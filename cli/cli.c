#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "message.h"
#include "takes.h"
#include "utf8.h"

static int exit_status(sr_status status)
{
	return status == SR_OK ? DONE : status == SR_INVALID ? USAGE : FAILED;
}

static char *must_vprint(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *must_vprint(const char *fmt, va_list ap)
{
	char *text = NULL;

	return must_have(vasprintf(&text, fmt, ap) < 0 ? NULL : text);
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	char *what;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	what = must_vprint(fmt, ap);
	va_end(ap);
	text = must_print("%s; see: strongroom %s%s", what,
			  cli->command != NULL ? cli->command : "",
			  cli->command != NULL ? " --help" : "help");
	message_error("usage", text);
	free(text);
	free(what);
	return USAGE;
}

int cli_fail(struct cli *cli, sr_status status, const char *fmt, ...)
{
	char *text;
	va_list ap;

	(void)cli;
	va_start(ap, fmt);
	text = must_vprint(fmt, ap);
	va_end(ap);
	message_error(sr_status_name(status), text);
	free(text);
	return exit_status(status);
}

/* The command that helps, unless the library named it. */
static const char *cure(sr_status status, const char *words)
{
	if (status == SR_TOO_OLD && strstr(words, "migrate up") == NULL)
		return "; upgrade it with: strongroom migrate up";
	if (status == SR_NO_MEMORY)
		return "; a smaller CONNECTION_POOL_SIZE needs less, and so do fewer rows at once "
		       "(--limit)";
	return "";
}

int cli_failed(struct cli *cli, sr_status status)
{
	char *words = must_print("%s", sr_error_message());
	int code = cli_fail(cli, status, "%s%s", words, cure(status, words));

	free(words);
	return code;
}

void cli_say(struct cli *cli, const char *fmt, ...)
{
	char *clean;
	char *text;
	va_list ap;

	if (cli->quiet || cli->out.format != OUTPUT_TABLE)
		return;
	va_start(ap, fmt);
	text = must_vprint(fmt, ap);
	va_end(ap);
	clean = utf8_clean(text);
	output_line(&cli->out, "%s", clean);
	free(clean);
	free(text);
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (cli->quiet)
		return;
	va_start(ap, fmt);
	text = must_vprint(fmt, ap);
	va_end(ap);
	message_note(text);
	free(text);
}

int cli_settle(struct cli *cli)
{
	const char *level = cli->log_level;

	if (cli->json + cli->csv + cli->plain > 1)
		return cli_usage(cli, "only one of --json, --csv and --plain can be given");
	if (cli->quiet && cli->verbose)
		return cli_usage(cli, "--quiet and --verbose exclude each other");
	message_json(cli->json);
	output_set_format(&cli->out, cli->json    ? OUTPUT_JSON
				     : cli->csv   ? OUTPUT_CSV
				     : cli->plain ? OUTPUT_PLAIN
						  : OUTPUT_TABLE);
	if (level == NULL)
		level = cli->quiet ? "error" : cli->verbose ? "info" : getenv("STRONGROOM_LOG");
	if (level != NULL && level[0] == '\0' && cli->log_level == NULL)
		level = NULL;
	if (level != NULL && sr_log_levels(level) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	sr_log_set(message_log, NULL);
	return DONE;
}

int cli_arguments(struct cli *cli, const arg_option *options, const arg_operand *operands)
{
	if (cli->takes != NULL) {
		takes_arguments(cli->takes, options, operands);
		return NOTED;
	}
	if (!args_parse(&cli->args, options, operands))
		return cli_usage(cli, "%s", cli->args.error);
	return cli_settle(cli);
}

int cli_subcommand(struct cli *cli, const command *table)
{
	const char *word;
	char names[256] = "";

	if (cli->takes != NULL && (table = takes_part(cli->takes, table)) == NULL)
		return NOTED;
	if (cli->takes != NULL)
		return table->run(cli);
	for (const command *c = table; c->name != NULL; c++) {
		strncat(names, c == table ? "" : ", ", sizeof(names) - strlen(names) - 1);
		strncat(names, c->name, sizeof(names) - strlen(names) - 1);
	}
	if (!args_word(&cli->args, &word))
		return cli_usage(cli, "%s", cli->args.error);
	if (word == NULL)
		return cli_usage(cli, "behind \"%s\" is missing one of: %s", cli->command, names);
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, word) == 0) {
			snprintf(cli->named + strlen(cli->named),
				 sizeof(cli->named) - strlen(cli->named), " %s", word);
			return table->run(cli);
		}
	}
	return cli_usage(cli, "unknown command \"%s %s\" (known: %s)", cli->command, word, names);
}

int cli_subcommand_or(struct cli *cli, const command *table, int (*otherwise)(struct cli *cli))
{
	const char *word = cli->takes ? takes_next(cli->takes) : args_peek(&cli->args);

	for (const command *c = table; word != NULL && c->name != NULL; c++) {
		if (strcmp(c->name, word) == 0)
			return cli_subcommand(cli, table);
	}
	return otherwise(cli);
}

void cli_options(const struct cli *cli, sr_options *options)
{
	sr_options_init(options);
	options->hide_keys = true;
	options->path = cli->db;
	options->config_file = cli->config;
}

/* Another program that begins or ends to write in this very moment is in the way for no longer than
 * that, so reading is tried again for up to a second. A lock that was waited for is another matter.
 */
static sr_status open_patiently(sr_catalog **catalog, const sr_options *options)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct timespec began, now;
	sr_status rc;

	clock_gettime(CLOCK_MONOTONIC, &began);
	for (;;) {
		rc = sr_open(catalog, options);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (rc != SR_BUSY || !options->read_only || now.tv_sec - began.tv_sec > 1)
			return rc;
		nanosleep(&pause, NULL);
	}
}

int cli_open(struct cli *cli, cli_access access, sr_catalog **catalog)
{
	sr_options options;

	cli_options(cli, &options);
	return cli_open_with(cli, access, &options, catalog);
}

int cli_open_with(struct cli *cli, cli_access access, sr_options *options, sr_catalog **catalog)
{
	sr_status rc;

	options->read_only = access == CLI_READ;
	rc = open_patiently(catalog, options);
	if (rc == SR_READ_ONLY && options->read_only) {
		/* A log that a crash has left and that reading alone cannot use: who may write
		 * brings it in. */
		options->read_only = false;
		rc = sr_open(catalog, options);
	}
	if (rc == SR_OK)
		return DONE;
	if (rc == SR_NOT_FOUND && strstr(sr_error_message(), "strongroom init") == NULL &&
	    strstr(sr_error_message(), "configuration file") == NULL) {
		char *words = must_print("%s", sr_error_message());
		int code = cli_fail(cli, rc, "%s; create it with: strongroom init", words);

		free(words);
		return code;
	}
	return cli_failed(cli, rc);
}

int cli_close(struct cli *cli, sr_catalog *catalog, int code)
{
	sr_status rc = sr_close(catalog);

	if (rc == SR_OK)
		return code;
	cli_failed(cli, rc);
	return code == DONE ? FAILED : code;
}

int cli_client(struct cli *cli, sr_catalog *catalog, const char *name, sr_client **client)
{
	sr_status rc = sr_client_by_name(catalog, sr_text_of(name), client);
	char *words;
	sr_id id;
	int code;

	if (rc == SR_OK)
		return DONE;
	words = must_print("%s", sr_error_message());
	if (rc == SR_NOT_FOUND && sr_id_parse(name, &id) == SR_OK &&
	    sr_client_by_id(catalog, &id, client) == SR_OK) {
		free(words);
		return DONE;
	}
	code = cli_fail(cli, rc, "%s%s", words,
			rc == SR_NOT_FOUND ? "; all are shown by: strongroom client list" : "");
	free(words);
	return code;
}

int cli_open_client(struct cli *cli, cli_access access, const char *name, sr_catalog **catalog,
		    sr_client **client)
{
	int code = cli_open(cli, access, catalog);

	if (code == DONE && (code = cli_client(cli, *catalog, name, client)) != DONE)
		code = cli_close(cli, *catalog, code);
	return code;
}

int cli_close_client(struct cli *cli, sr_catalog *catalog, sr_client *client, int code)
{
	sr_client_free(client);
	return cli_close(cli, catalog, code);
}

void cli_rollback(sr_catalog *catalog)
{
	sr_status rc = sr_rollback(catalog);

	/* SR_INVALID: the commit that failed left no transaction. */
	if (rc != SR_OK && rc != SR_INVALID)
		message_error(sr_status_name(rc), sr_error_message());
}

int cli_confirm(struct cli *cli, const char *fmt, ...)
{
	char answer[16] = "";
	char *question;
	va_list ap;
	int code = DONE;

	if (cli->yes)
		return DONE;
	va_start(ap, fmt);
	question = must_vprint(fmt, ap);
	va_end(ap);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		code = cli_usage(cli, "%s: not on a terminal, so --yes must be given", question);
	} else {
		char *clean = utf8_clean(question);

		fprintf(stderr, "%s? [y/N] ", clean);
		free(clean);
		fflush(stderr);
		if (fgets(answer, sizeof(answer), stdin) == NULL ||
		    (answer[0] != 'y' && answer[0] != 'Y'))
			code = cli_fail(cli, SR_INTERRUPTED, "not confirmed; nothing was changed");
	}
	free(question);
	return code;
}
