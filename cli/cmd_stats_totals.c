#include <string.h>

#include "cmd_stats.h"
#include "json.h"

/* In the order of sr_total_by. */
static const char *const names[] = {"category", "size", "day", "month", "recorded"};

bool stats_by(const char *name, sr_total_by *by)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*by = (sr_total_by)i;
			return true;
		}
	}
	return false;
}

static json_t *json_of_total(const sr_total *total, sr_total_by by)
{
	json_t *o = json_object();

	json_object_set_new(o, names[by], json_of(total->name));
	if (by == SR_TOTAL_BY_SIZE) {
		json_object_set_new(o, "size_from", json_of_integer(total->size_from));
		json_object_set_new(o, "size_below", json_of_integer(total->size_below));
	}
	json_object_set_new(o, "files", json_of_integer(total->files));
	json_object_set_new(o, "bytes", json_of_integer(total->bytes));
	json_object_set_new(o, "verified_files", json_of_integer(total->verified_files));
	return o;
}

static struct cell name_of(const struct cli *cli, const sr_total *total)
{
	if (total->name.data == NULL && cli->out.format == OUTPUT_TABLE)
		return cell_string("(none)");
	return cell_text(total->name);
}

static void row(struct cli *cli, struct listing *list, const sr_total *total, sr_total_by by)
{
	if (cli->json) {
		listing_object(list, json_of_total(total, by));
		return;
	}
	const struct cell cells[] = {
		name_of(cli, total),
		cell_integer(total->size_from),
		cell_integer(total->size_below),
		cell_integer(total->files),
		cell_size(total->bytes),
		cell_integer(total->verified_files),
	};

	listing_row(list, cells);
}

int stats_totals(struct cli *cli, sr_catalog *catalog, sr_total_by by)
{
	static const char *const headings[] = {"CATEGORY", "SIZE OF EACH", "DAY", "MONTH",
					       "RECORDED"};
	const struct column columns[] = {
		{names[by], headings[by], COLUMN_CUT_END},
		{"size_from", "", COLUMN_EXACT},
		{"size_below", "", COLUMN_EXACT},
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"verified_files",
		 by == SR_TOTAL_BY_CATEGORY || by == SR_TOTAL_BY_SIZE ? "VERIFIED" : "",
		 by == SR_TOTAL_BY_CATEGORY || by == SR_TOTAL_BY_SIZE ? COLUMN_RIGHT
								      : COLUMN_EXACT},
	};
	const sr_total *total = NULL;
	struct listing *rows;
	sr_totals *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_total_list(catalog, by, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_totals_next(cursor, &total)) == SR_OK &&
	       total != NULL)
		row(cli, rows, total, by);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No files.", NULL);
	sr_totals_close(cursor);
	return code;
}
