/*
 * What every command starts from: the global options, how errors end the program, how the
 * catalog is opened. A command is a function that returns the exit status.
 */
#ifndef CLI_H
#define CLI_H

#include "args.h"
#include "listing.h"
#include "strongroom.h"

/* Exit statuses. */
enum {
	DONE = 0,
	FAILED = 1,    /* Or not found. */
	USAGE = 2,     /* The command line or a setting makes no sense. */
	UNHEALTHY = 3, /* What was checked is not as it should be. */
	NOTED = -1,    /* Nothing was run: what the command takes was noted. Never leaves. */
};

struct cli {
	struct args args;
	struct output out;
	const char *command; /* As typed so far: "client add". */
	char named[64];      /* Holds it. */
	struct takes *takes; /* Where to note what the command takes, else NULL: see takes.h. */

	/* Global options, as given. */
	const char *db;
	const char *config;
	const char *log_level;
	bool json;
	bool csv;
	bool plain;
	bool quiet;
	bool verbose;
	bool yes;
	bool no_progress;
	bool help;
};

typedef struct command {
	const char *name;
	const char *summary; /* For the list of commands; NULL in a table of subcommands, and
				for a command that is not for people. */
	const char *help;    /* Usage, options, an example; likewise. */
	int (*run)(struct cli *cli);
} command;

/* All commands, ending with a NULL name. */
extern const command commands[];

/* Says what is wrong and returns the exit status that goes with it. cli_failed says the
 * library's words. */
int cli_usage(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_fail(struct cli *cli, sr_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int cli_failed(struct cli *cli, sr_status status);

/* A sentence for people about what was done, on standard output; nothing with --quiet and in
 * the other formats. */
void cli_say(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A hint on standard error, not with --quiet. */
void cli_note(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Applies the global options seen so far. DONE or USAGE. */
int cli_settle(struct cli *cli);
/* The rest of the command line, then cli_settle. DONE, or a status to return at once. A command
 * does nothing before this call: help and completion learn its options by it. */
int cli_arguments(struct cli *cli, const arg_option *options, const arg_operand *operands);
/* Takes the next word as one of the table's commands and runs it. */
int cli_subcommand(struct cli *cli, const command *table);
/* The same where the next word names one of them, else runs `otherwise` on all that is left. */
int cli_subcommand_or(struct cli *cli, const command *table, int (*otherwise)(struct cli *cli));

typedef enum cli_access {
	CLI_READ,  /* Any version, and nothing is written. */
	CLI_WRITE, /* The latest version only. */
} cli_access;

/* The library's options as the global ones say. */
void cli_options(const struct cli *cli, sr_options *options);
/* Opens the catalog; DONE, or an exit status after saying what is wrong and which command
 * helps. */
int cli_open(struct cli *cli, cli_access access, sr_catalog **catalog);
/* The same with options of the command's own, as cli_options began them. */
int cli_open_with(struct cli *cli, cli_access access, sr_options *options, sr_catalog **catalog);
/* Closes it and returns code, or FAILED where closing failed. */
int cli_close(struct cli *cli, sr_catalog *catalog, int code);

/* Ends the thread's transaction after something else failed and was reported. */
void cli_rollback(sr_catalog *catalog);

/* A client by name, else by id. Owned: sr_client_free. */
int cli_client(struct cli *cli, sr_catalog *catalog, const char *name, sr_client **client);
/* Both at once, for the many commands that work on one client. */
int cli_open_client(struct cli *cli, cli_access access, const char *name, sr_catalog **catalog,
		    sr_client **client);
/* Frees and closes both; returns code as cli_close does. */
int cli_close_client(struct cli *cli, sr_catalog *catalog, sr_client *client, int code);

/* Asks on a terminal, unless --yes; elsewhere --yes must be given. DONE to go on. */
int cli_confirm(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Every command of the table in main.c. */
int cmd_init(struct cli *cli);
int cmd_client(struct cli *cli);
int cmd_record(struct cli *cli);
int cmd_search(struct cli *cli);
int cmd_file(struct cli *cli);
int cmd_history(struct cli *cli);
int cmd_category(struct cli *cli);
int cmd_prune(struct cli *cli);
int cmd_stats(struct cli *cli);
int cmd_activity(struct cli *cli);
int cmd_metric(struct cli *cli);
int cmd_health(struct cli *cli);
int cmd_repair(struct cli *cli);
int cmd_backup(struct cli *cli);
int cmd_restore(struct cli *cli);
int cmd_optimize(struct cli *cli);
int cmd_quota(struct cli *cli);
int cmd_keys(struct cli *cli);
int cmd_salvage(struct cli *cli);
int cmd_config(struct cli *cli);
int cmd_migrate(struct cli *cli);
int cmd_sql(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_complete(struct cli *cli);

extern const char help_init[];
extern const char help_client[];
extern const char help_record[];
extern const char help_search[];
extern const char help_file[];
extern const char help_history[];
extern const char help_category[];
extern const char help_prune[];
extern const char help_stats[];
extern const char help_activity[];
extern const char help_metric[];
extern const char help_health[];
extern const char help_repair[];
extern const char help_backup[];
extern const char help_restore[];
extern const char help_optimize[];
extern const char help_quota[];
extern const char help_keys[];
extern const char help_salvage[];
extern const char help_config[];
extern const char help_migrate[];
extern const char help_sql[];
extern const char help_version[];
extern const char help_help[];
extern const char help_complete[];

/* What every command takes. */
extern const char help_globals[];

/* Prints the list of commands; or, for words of which the first names a command, what helps with
 * that, or with the subcommand that those behind it name. DONE or USAGE. */
int help_print(struct cli *cli, char *const *words, size_t count);

#endif
