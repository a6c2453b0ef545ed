#include "cmd_health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "memory.h"
#include "progress.h"

const char help_health[] =
	"usage: strongroom health [--full] [--verify-files [--sample 5%] [--seed N]]\n"
	"       strongroom health --watch [SECONDS]\n"
	"\n"
	"Looks for what is wrong with the catalog, and names the command that mends it.\n"
	"Nothing is changed. Exit status 3 when something is wrong; warnings and notes\n"
	"leave it 0. Quick by default: what it did not look at is listed.\n"
	"\n"
	"  --full           read everything, however long it takes\n"
	"  --verify-files   compare the bytes of stored files with their records\n"
	"  --sample 5%      only so many of them, chosen by chance\n"
	"  --seed N         choose the same ones again\n"
	"  --watch          again and again, every 5 seconds or as said, until Ctrl-C\n"
	"\n"
	"example:\n"
	"  strongroom health --json | jq '.findings[] | .code'\n";

struct words {
	bool full;
	bool verify_files;
	bool watch;
	const char *sample;
	const char *seed;
	const char *seconds;
};

#define WATCH_SECONDS     5
#define WATCH_SECONDS_MAX 86400

/* "5%", "5" or "0.1%". */
static int take_sample(struct cli *cli, const char *text, double *percent)
{
	char *end;

	*percent = strtod(text, &end);
	if (end == text || strcmp(end, *end == '%' ? "%" : "") != 0 ||
	    !(*percent > 0 && *percent <= 100))
		return cli_usage(cli, "--sample \"%s\" is no share such as 5%%", text);
	return DONE;
}

static int take_words(struct cli *cli, const struct words *words, sr_health_options *how,
		      int64_t *seconds)
{
	int64_t number;
	int code;

	sr_health_options_init(how);
	how->full = words->full;
	how->verify_files = words->verify_files;
	if ((words->sample != NULL || words->seed != NULL) && !words->verify_files)
		return cli_usage(cli, "--sample and --seed go with --verify-files");
	if (words->sample != NULL && (code = take_sample(cli, words->sample, &how->sample)) != DONE)
		return code;
	if (words->seed != NULL) {
		if (sr_number_parse("--seed", words->seed, 1, INT64_MAX, &number) != SR_OK)
			return cli_failed(cli, SR_INVALID);
		how->seed = (uint64_t)number;
	}
	*seconds = WATCH_SECONDS;
	if (words->seconds != NULL && !words->watch)
		return cli_usage(cli, "unexpected argument \"%s\"", words->seconds);
	if (words->watch && cli->out.format != OUTPUT_TABLE)
		return cli_usage(cli, "--watch is for people: without --json, --csv and --plain");
	if (words->seconds != NULL &&
	    sr_number_parse("--watch", words->seconds, 1, WATCH_SECONDS_MAX, seconds) != SR_OK)
		return cli_failed(cli, SR_INVALID);
	return DONE;
}

struct showing {
	struct progress progress;
	const char *verb;
};

static bool show(void *arg, int64_t done, int64_t total)
{
	struct showing *showing = arg;

	progress_show(&showing->progress, showing->verb, &(struct extent){done, total, -1, -1, -1});
	return interrupt_seen();
}

/* The database's path, as the settings have it. */
static void take_path(void *arg, const sr_setting *setting)
{
	char **path = arg;

	if (strcmp(setting->name, "DATABASE_NAME") != 0)
		return;
	free(*path);
	*path = must_print("%s", setting->value);
}

static int look(struct cli *cli, sr_health_options *how, sr_health **health, char **path)
{
	struct showing showing = {.verb = how->verify_files ? "verifying" : "checking"};
	sr_options where;
	sr_status rc;

	cli_options(cli, &where);
	progress_begin(&showing.progress, cli);
	how->progress = show;
	how->progress_arg = &showing;
	if ((rc = sr_settings_each(&where, take_path, path)) == SR_OK)
		rc = sr_health_look(&where, how, health);
	progress_end(&showing.progress);
	return rc == SR_OK ? DONE : cli_failed(cli, rc);
}

static int once(struct cli *cli, sr_health_options *how)
{
	sr_health *health = NULL;
	char *path = NULL;
	int code = look(cli, how, &health, &path);

	if (code == DONE) {
		health_print(cli, health, path);
		code = health->errors > 0 ? UNHEALTHY : DONE;
	}
	sr_health_free(health);
	free(path);
	return code;
}

/* Ends early at Ctrl-C. */
static void wait_for(int64_t seconds)
{
	struct timespec slice = {.tv_nsec = 50000000};

	for (int64_t i = 0; i < seconds * 20 && !interrupt_seen(); i++)
		nanosleep(&slice, NULL);
}

static int watch(struct cli *cli, sr_health_options *how, int64_t seconds)
{
	const bool terminal = isatty(STDOUT_FILENO) != 0;
	int code = DONE;

	while (!interrupt_seen() && !output_failed(&cli->out)) {
		sr_health *health = NULL;
		char *path = NULL;
		int found = look(cli, how, &health, &path);

		if (found == DONE) {
			char now[SR_TIME_TEXT_SIZE];

			sr_time_format(sr_time_now() / 1000000 * 1000000, now);
			/* Home, then what was there before is wiped. */
			if (terminal)
				output_write(&cli->out, "\033[H\033[J");
			output_line(&cli->out, "%s", now);
			health_print_people(cli, health, path);
			if (!terminal)
				output_line(&cli->out, "%s", "");
			fflush(stdout);
			code = health->errors > 0 ? UNHEALTHY : DONE;
		}
		sr_health_free(health);
		free(path);
		if (found != DONE)
			return interrupt_seen() ? code : found;
		wait_for(seconds);
	}
	return code;
}

int cmd_health(struct cli *cli)
{
	struct words words = {0};
	const arg_option options[] = {
		{"full", 0, ARG_FLAG, &words.full},
		{"verify-files", 0, ARG_FLAG, &words.verify_files},
		{"sample", 0, ARG_VALUE, &words.sample},
		{"seed", 0, ARG_VALUE, &words.seed},
		{"watch", 0, ARG_FLAG, &words.watch},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"SECONDS", ARG_OPTIONAL, &words.seconds},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_health_options how;
	int64_t seconds;
	int code = cli_arguments(cli, options, operands);

	if (code != DONE || (code = take_words(cli, &words, &how, &seconds)) != DONE)
		return code;
	interrupt_watch();
	return words.watch ? watch(cli, &how, seconds) : once(cli, &how);
}
