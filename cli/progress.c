#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "utf8.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, const struct cli *cli)
{
	struct winsize size;
	const char *term = getenv("TERM");

	memset(progress, 0, sizeof(*progress));
	progress->on = !cli->no_progress && !cli->quiet && isatty(STDERR_FILENO) &&
		       (term == NULL || strcmp(term, "dumb") != 0);
	progress->width = 80;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		progress->width = size.ws_col;
	progress->began = now();
}

static void time_left(double seconds, char text[48])
{
	const long s = seconds < 1e8 ? (long)seconds : 100000000;

	if (s >= 3600)
		snprintf(text, 48, ", %ld h %02ld min left", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(text, 48, ", %ld min %02ld s left", s / 60, s % 60);
	else
		snprintf(text, 48, ", %ld s left", s);
}

/* A moving average, so that the time left follows a change without jumping. */
static void update_rate(struct progress *progress, int64_t files, double at)
{
	const double since = at - (progress->drawn > 0 ? progress->drawn : progress->began);
	double current;

	if (since <= 0)
		return;
	current = (double)(files - progress->files) / since;
	progress->rate = progress->drawn > 0 ? progress->rate * 0.95 + current * 0.05 : current;
	progress->files = files;
	progress->drawn = at;
}

void progress_show(struct progress *progress, const char *verb, int64_t files, int64_t total,
		   int64_t bytes)
{
	const double at = now();
	char count[32];
	char amount[48] = "";
	char left[48] = "";
	char line[256];
	char *cut;

	if (!progress->on || at - (progress->drawn > 0 ? progress->drawn : progress->began) < 0.1)
		return;
	update_rate(progress, files, at);
	count_print(files, count);
	if (bytes >= 0) {
		char size[32];

		size_print(bytes, size);
		snprintf(amount, sizeof(amount), ", %s", size);
	}
	if (total > files && progress->rate > 0)
		time_left((double)(total - files) / progress->rate, left);
	snprintf(line, sizeof(line), "%s: %s files%s, %.0f files/s%s", verb, count, amount,
		 progress->rate, left);
	/* The last column stays free: a full line would wrap and could not be wiped. */
	cut = utf8_cut(line, progress->width - 1, false);
	message_progress(cut);
	free(cut);
}

void progress_end(struct progress *progress)
{
	if (progress->on)
		message_progress("");
}
