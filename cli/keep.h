/* The options of the keep rules, for every command that has them. */
#ifndef CLI_KEEP_H
#define CLI_KEEP_H

#include "cli.h"

/* What was typed. */
struct keep_words {
	const char *last;
	const char *daily;
	const char *weekly;
	const char *monthly;
	const char *yearly;
	const char *within;
};

/* Their part of a command's table of options; words is a struct keep_words. */
#define KEEP_OPTIONS(words)                                                                        \
	{"keep-last", 0, ARG_VALUE, &(words).last}, {"keep-daily", 0, ARG_VALUE, &(words).daily},  \
		{"keep-weekly", 0, ARG_VALUE, &(words).weekly},                                    \
		{"keep-monthly", 0, ARG_VALUE, &(words).monthly},                                  \
		{"keep-yearly", 0, ARG_VALUE, &(words).yearly},                                    \
	{                                                                                          \
		"keep-within", 0, ARG_VALUE, &(words).within                                       \
	}

/* Their part of a command's help. */
#define KEEP_HELP                                                                                  \
	"  --keep-last N      the newest N\n"                                                      \
	"  --keep-daily N     the newest of each day, for the newest N days that have any\n"       \
	"  --keep-weekly N    likewise of each week, Monday to Sunday\n"                           \
	"  --keep-monthly N   of each month\n"                                                     \
	"  --keep-yearly N    of each year\n"                                                      \
	"  --keep-within SPAN what is at most that much older than the newest, such as\n"          \
	"                     2y5m7d3h: 2 years, 5 months, 7 days, 3 hours; w is weeks.\n"         \
	"                     A month counts 31 days, a year 366\n"

/* Sets *keep; USAGE after saying what is wrong. */
int keep_parse(struct cli *cli, const struct keep_words *words, sr_keep *keep);

#endif
