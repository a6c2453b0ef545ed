#include "steps.h"

#include <string.h>

#include "interrupt.h"

void steps_begin(struct steps *steps, const struct cli *cli)
{
	progress_begin(&steps->progress, cli);
	steps->step = NULL;
}

bool steps_show(void *arg, const char *step, int64_t done, int64_t total)
{
	struct steps *steps = arg;

	/* What is left is told by the step's own pace. */
	if (steps->step != NULL && strcmp(steps->step, step) != 0)
		progress_restart(&steps->progress);
	steps->step = step;
	progress_share(&steps->progress, step, done, total);
	return interrupt_seen();
}

void steps_end(struct steps *steps)
{
	progress_end(&steps->progress);
}
