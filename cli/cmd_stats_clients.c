#include <stdio.h>

#include "cmd_stats.h"
#include "json.h"

static json_t *json_of_usage(const sr_client_usage *usage)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_of_id(&usage->id));
	json_object_set_new(o, "name", json_of(usage->name));
	json_object_set_new(o, "files", json_of_integer(usage->files));
	json_object_set_new(o, "bytes", json_of_integer(usage->bytes));
	json_object_set_new(o, "share_percent", json_of_real(usage->share_percent));
	json_object_set_new(o, "growth_bytes", json_of_integer(usage->growth_bytes));
	json_object_set_new(o, "growth_since", json_of(usage->growth_since));
	json_object_set_new(o, "last_seen", json_of(usage->last_seen));
	json_object_set_new(o, "last_activity", json_of(usage->last_activity));
	return o;
}

static void row(struct cli *cli, struct listing *list, const sr_client_usage *usage)
{
	char id[SR_ID_TEXT_SIZE];
	char share[32] = "";

	if (cli->json) {
		listing_object(list, json_of_usage(usage));
		return;
	}
	sr_id_format(&usage->id, id);
	if (usage->share_percent >= 0)
		snprintf(share, sizeof(share), "%.1f %%", usage->share_percent);
	const struct cell cells[] = {
		cell_string(id),
		cell_text(usage->name),
		cell_integer(usage->files),
		cell_size(usage->bytes),
		cell_string(share),
		cell_real(usage->share_percent),
		cell_size(usage->growth_bytes),
		cell_text(usage->growth_since),
		cell_time(usage->last_seen),
		cell_time(usage->last_activity),
	};

	listing_row(list, cells);
}

int stats_clients(struct cli *cli, sr_catalog *catalog, int days)
{
	static const struct column columns[] = {
		{"id", "", COLUMN_EXACT},
		{"name", "NAME", COLUMN_CUT_END},
		{"files", "FILES", COLUMN_RIGHT},
		{"bytes", "SIZE", COLUMN_RIGHT},
		{"share", "SHARE", COLUMN_RIGHT | COLUMN_PEOPLE},
		{"share_percent", "", COLUMN_EXACT},
		{"growth_bytes", "GROWTH", COLUMN_RIGHT},
		{"growth_since", "", COLUMN_EXACT},
		{"last_seen", "LAST SEEN", COLUMN_DATE},
		{"last_activity", "LAST ACTIVITY", COLUMN_DATE},
	};
	const sr_client_usage *usage = NULL;
	struct listing *rows;
	sr_client_usages *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_client_usage_list(catalog, days, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_client_usages_next(cursor, &usage)) == SR_OK &&
	       usage != NULL)
		row(cli, rows, usage);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No clients.", NULL);
	sr_client_usages_close(cursor);
	return code;
}
