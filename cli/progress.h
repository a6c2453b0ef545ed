/* One line on the terminal about long work: how much, how fast, how long still. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli.h"

struct progress {
	bool on;        /* Standard error is a terminal, and nobody said --quiet. */
	double began;   /* Seconds of the steady clock. */
	double drawn;   /* When it was last drawn. */
	double files_s; /* Files a second, lately. */
	double bytes_s; /* Bytes read a second, lately. */
	int64_t files;  /* At the last drawing, */
	int64_t read;   /* and these. */
};

/* How far it is. */
struct extent {
	int64_t files;
	int64_t total;       /* Of files; 0: not known. */
	int64_t bytes;       /* Their sizes; less than 0: not counted. */
	int64_t read;        /* Bytes read; less than 0: not counted. */
	double seconds_left; /* Less than 0: told by the rate of files, where the total is known. */
};

void progress_begin(struct progress *progress, const struct cli *cli);
/* Draws, ten times a second at most. */
void progress_show(struct progress *progress, const char *verb, const struct extent *extent);
/* The same for work that is not of files: a share of the whole. */
void progress_share(struct progress *progress, const char *verb, int64_t done, int64_t total);
/* Other work of the same command begins: times count anew. */
void progress_restart(struct progress *progress);
/* Wipes the line. */
void progress_end(struct progress *progress);

#endif
