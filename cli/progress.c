#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "plural.h"
#include "utf8.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, const struct cli *cli)
{
	const char *term = getenv("TERM");

	memset(progress, 0, sizeof(*progress));
	progress->on = !cli->no_progress && !cli->quiet && isatty(STDERR_FILENO) &&
		       (term == NULL || strcmp(term, "dumb") != 0);
	progress->began = now();
}

/* Asked each time: windows are resized. */
static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

static void print_time_left(double seconds, char text[48])
{
	const long s = seconds < 1e8 ? (long)seconds : 100000000;

	if (s >= 3600)
		snprintf(text, 48, ", %ld h %02ld min left", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(text, 48, ", %ld min %02ld s left", s / 60, s % 60);
	else
		snprintf(text, 48, ", %ld s left", s);
}

/* A moving average, so that the figure follows a change without jumping. */
static double averaged(bool first, double average, int64_t more, double seconds)
{
	const double current = (double)more / seconds;

	return first ? current : average * 0.95 + current * 0.05;
}

static void update_rates(struct progress *progress, const struct extent *extent, double at)
{
	const bool first = progress->drawn <= 0;
	const double since = at - (first ? progress->began : progress->drawn);

	if (since <= 0)
		return;
	progress->files_s =
		averaged(first, progress->files_s, extent->files - progress->files, since);
	progress->bytes_s =
		averaged(first, progress->bytes_s, extent->read - progress->read, since);
	progress->files = extent->files;
	progress->read = extent->read;
	progress->drawn = at;
}

/* The figures in the order of their worth: what does not fit is left out, not cut. */
static void compose(const struct progress *progress, const char *verb, const struct extent *extent,
		    size_t width, char line[256])
{
	const double files_left = (double)(extent->total - extent->files);
	char count[32], rate[32], size[32], amount[48] = "", speed[48] = "", left[48] = "";

	count_print(extent->files, count);
	count_print((int64_t)progress->files_s, rate);
	if (extent->bytes >= 0) {
		size_print(extent->bytes, size);
		snprintf(amount, sizeof(amount), ", %s", size);
	}
	/* Nothing is read of files that did not change. */
	if (extent->read >= 0 && progress->bytes_s >= 1024) {
		size_print((int64_t)progress->bytes_s, size);
		snprintf(speed, sizeof(speed), ", %s/s", size);
	}
	if (extent->seconds_left >= 0)
		print_time_left(extent->seconds_left, left);
	else if (files_left > 0 && extent->read < 0 && progress->files_s > 0)
		print_time_left(files_left / progress->files_s, left);
	for (int parts = 3; parts > 0; parts--) {
		snprintf(line, 256, "%s: %s %s%s, %s files/s%s%s", verb, count,
			 plural(extent->files, "file", "files"), parts > 1 ? amount : "", rate,
			 parts > 2 ? speed : "", left);
		if (strlen(line) <= width)
			break;
	}
}

void progress_show(struct progress *progress, const char *verb, const struct extent *extent)
{
	const double at = now();
	size_t width;
	char line[256];
	char *cut;

	if (!progress->on || at - (progress->drawn > 0 ? progress->drawn : progress->began) < 0.1)
		return;
	update_rates(progress, extent, at);
	/* The last column stays free: a full line would wrap and could not be wiped. */
	width = terminal_width() - 1;
	compose(progress, verb, extent, width, line);
	cut = utf8_cut(line, width, false);
	message_progress(cut);
	free(cut);
}

void progress_share(struct progress *progress, const char *verb, int64_t done, int64_t total)
{
	const double at = now();
	const double share = total > 0 ? (double)done / (double)total : 0;
	char left[48] = "";
	char line[256];
	char *cut;

	if (!progress->on || at - (progress->drawn > 0 ? progress->drawn : progress->began) < 0.1)
		return;
	progress->drawn = at;
	if (share > 0.02 && share < 1)
		print_time_left((at - progress->began) * (1 - share) / share, left);
	snprintf(line, sizeof(line), "%s: %d %%%s", verb, (int)(share * 100), left);
	cut = utf8_cut(line, terminal_width() - 1, false);
	message_progress(cut);
	free(cut);
}

void progress_restart(struct progress *progress)
{
	progress->began = now();
}

void progress_end(struct progress *progress)
{
	if (progress->on)
		message_progress("");
}
