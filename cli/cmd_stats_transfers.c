/* A line a day. For people each has a bar of its bytes, as long as the largest day allows; so
 * the days wait until all of them are known. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd_stats.h"
#include "json.h"
#include "memory.h"

enum { BAR = 14 }; /* Columns of the longest: all others fit 80 with it. */

struct days {
	sr_transfer_day *list; /* The dates are copies. */
	size_t count;
	int64_t most; /* Bytes of the largest. */
};

static json_t *json_of_day(const sr_transfer_day *day)
{
	json_t *o = json_object();

	json_object_set_new(o, "date", json_of(day->date));
	json_object_set_new(o, "total_files", json_integer(day->total_files));
	json_object_set_new(o, "total_bytes", json_integer(day->total_bytes));
	json_object_set_new(o, "successful_transfers", json_integer(day->successful_transfers));
	json_object_set_new(o, "failed_transfers", json_integer(day->failed_transfers));
	json_object_set_new(o, "average_file_size", json_integer(day->average_file_size));
	json_object_set_new(o, "peak_transfer_speed", json_integer(day->peak_transfer_speed));
	return o;
}

/* Whether the terminal shows more than ASCII, as far as its user's settings tell. */
static bool shows_blocks(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);
		const char *charset;

		if (value == NULL || value[0] == '\0')
			continue;
		charset = strchr(value, '.');
		return charset != NULL && (strncasecmp(charset, ".UTF-8", 6) == 0 ||
					   strncasecmp(charset, ".utf8", 5) == 0);
	}
	return false;
}

/* To an eighth of a column with blocks, else to a column; what is not nothing shows. */
static void draw_bar(char *bar, int64_t bytes, int64_t most, bool blocks)
{
	const int steps = blocks ? 8 : 1;
	int length = 0;

	if (bytes > 0 && most > 0)
		length = (int)((double)bytes / (double)most * BAR * steps);
	if (bytes > 0 && length == 0)
		length = 1;
	bar[0] = '\0';
	for (int i = 0; i < length / steps; i++)
		strcat(bar, blocks ? "\xe2\x96\x88" : "#");
	/* U+258F has one eighth, U+2589 seven. */
	if (length % steps > 0) {
		const char part[4] = {'\xe2', '\x96', (char)(0x90 - length % steps), '\0'};

		strcat(bar, part);
	}
}

static void row(struct listing *list, const sr_transfer_day *day, const char *bar)
{
	const struct cell cells[] = {
		cell_text(day->date),
		cell_integer(day->total_files),
		cell_size(day->total_bytes),
		cell_integer(day->successful_transfers),
		cell_faults(day->failed_transfers),
		cell_size(day->average_file_size),
		cell_size(day->peak_transfer_speed),
		cell_string(bar),
	};

	listing_row(list, cells);
}

static struct listing *begin(struct cli *cli)
{
	static const struct column columns[] = {
		{"date", "DATE", 0},
		{"total_files", "FILES", COLUMN_RIGHT},
		{"total_bytes", "SIZE", COLUMN_RIGHT},
		{"successful_transfers", "", COLUMN_EXACT},
		{"failed_transfers", "FAILED", COLUMN_RIGHT},
		{"average_file_size", "AVERAGE", COLUMN_RIGHT},
		{"peak_transfer_speed", "PEAK/S", COLUMN_RIGHT},
		{"bar", "", COLUMN_PEOPLE | COLUMN_CUT_END},
	};

	return listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
}

static void keep(struct days *days, const sr_transfer_day *day)
{
	sr_transfer_day *copy;

	days->list = must_realloc(days->list, (days->count + 1) * sizeof(*days->list));
	copy = &days->list[days->count++];
	*copy = *day;
	copy->date.data = must_copy(day->date.data ? day->date.data : "", day->date.length);
	if (day->total_bytes > days->most)
		days->most = day->total_bytes;
}

static void draw(struct listing *list, struct days *days)
{
	const bool blocks = shows_blocks();

	for (size_t i = 0; i < days->count; i++) {
		char bar[BAR * 3 + 4];

		draw_bar(bar, days->list[i].total_bytes, days->most, blocks);
		row(list, &days->list[i], bar);
		free((char *)(uintptr_t)days->list[i].date.data);
	}
	free(days->list);
}

int stats_transfers(struct cli *cli, sr_catalog *catalog, int count)
{
	const sr_transfer_day *day = NULL;
	struct days days = {NULL, 0, 0};
	struct listing *list;
	sr_transfer_days *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_transfer_day_list(catalog, count, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	list = begin(cli);
	while (!output_failed(&cli->out) && (rc = sr_transfer_days_next(cursor, &day)) == SR_OK &&
	       day != NULL) {
		if (cli->json)
			listing_object(list, json_of_day(day));
		else if (cli->out.format == OUTPUT_TABLE)
			keep(&days, day);
		else
			row(list, day, NULL);
	}
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	draw(list, &days);
	listing_end(list, "No transfers.", NULL);
	sr_transfer_days_close(cursor);
	return code;
}
