/* One line on the terminal about long work: how much, how fast, how long still. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli.h"

struct progress {
	bool on;       /* Standard error is a terminal, and nobody said --quiet. */
	double began;  /* Seconds of the steady clock. */
	double drawn;  /* When it was last drawn. */
	size_t width;  /* Of the terminal. */
	double rate;   /* Files a second lately, for the time left. */
	int64_t files; /* At the last drawing. */
};

void progress_begin(struct progress *progress, const struct cli *cli);
/* Draws, ten times a second at most. total 0: not known. bytes < 0: not counted. */
void progress_show(struct progress *progress, const char *verb, int64_t files, int64_t total,
		   int64_t bytes);
/* Wipes the line. */
void progress_end(struct progress *progress);

#endif
