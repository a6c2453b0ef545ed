/* The progress line of work in several steps, and Ctrl-C during it. */
#ifndef CLI_STEPS_H
#define CLI_STEPS_H

#include "progress.h"

struct steps {
	struct progress progress;
	const char *step; /* The one that is shown. */
};

void steps_begin(struct steps *steps, const struct cli *cli);
/* An sr_stage_fn with the struct steps; cancels after Ctrl-C. */
bool steps_show(void *steps, const char *step, int64_t done, int64_t total);
void steps_end(struct steps *steps);

#endif
