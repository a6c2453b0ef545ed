#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_stats.h"
#include "json.h"

const char help_stats[] =
	"usage: strongroom stats [--storage]\n"
	"       strongroom stats --clients [--days N]\n"
	"       strongroom stats --transfers [--days N]\n"
	"       strongroom stats --by WHAT\n"
	"\n"
	"What the catalog holds: the database, the storage folder, clients, files and\n"
	"indexes. 1 MB is 1048576 bytes. With --json the sections are nested objects;\n"
	"with --csv and --plain each line is a section, a name and a value.\n"
	"\n"
	"  --storage    this, also without the option\n"
	"  --clients    what each client uses, its share of all bytes, its growth\n"
	"  --transfers  what was saved on each day (UTC), with a bar of its size\n"
	"  --by WHAT    files and bytes by category, size, day or month (of their date),\n"
	"               or recorded (the day, UTC, on which the catalog took them)\n"
	"  --days N     of the last N days, else 30; 0 for all days with transfers\n"
	"\n"
	"example:\n"
	"  strongroom stats --json | jq .file_stats.total_files\n";

struct figure {
	const char *section; /* The seed's keys. */
	const char *key;
	const char *label; /* For people. */
	struct cell cell;
	const char *unit; /* Behind the value, for people. */
};

enum { FIGURES = 19 };

static void collect(const sr_statistics *s, struct figure figures[FIGURES])
{
	const struct figure all[FIGURES] = {
		{"database_info", "file_path", "file", cell_text(s->file_path), ""},
		{"database_info", "file_size_mb", "size", cell_real(s->file_size_mb), " MB"},
		{"database_info", "connection_pool_enabled", "connection pool",
		 cell_flag(s->connection_pool_enabled), ""},
		{"database_info", "pool_size", "pool size", cell_integer(s->pool_size), ""},
		{"storage_info", "directory", "folder", cell_text(s->directory), ""},
		{"storage_info", "total_files", "files", cell_integer(s->stored_files), ""},
		{"storage_info", "total_size_mb", "size", cell_real(s->stored_size_mb), " MB"},
		{"client_stats", "total_clients", "clients", cell_integer(s->total_clients), ""},
		{"client_stats", "clients_with_keys", "with a key",
		 cell_integer(s->clients_with_keys), ""},
		{"client_stats", "average_days_since_seen", "last seen on average",
		 cell_real(s->average_days_since_seen), " days ago"},
		{"file_stats", "total_files", "files", cell_integer(s->total_files), ""},
		{"file_stats", "verified_files", "verified", cell_integer(s->verified_files), ""},
		{"file_stats", "verification_rate", "verification rate",
		 cell_real(s->verification_rate), " %"},
		{"file_stats", "average_file_size_mb", "average size",
		 cell_real(s->average_file_size_mb), " MB"},
		{"file_stats", "total_size_gb", "total size", cell_real(s->total_size_gb), " GB"},
		{"file_stats", "min_file_size_kb", "smallest", cell_real(s->min_file_size_kb),
		 " KB"},
		{"file_stats", "max_file_size_mb", "largest", cell_real(s->max_file_size_mb),
		 " MB"},
		{"performance_info", "indexes_count", "indexes", cell_integer(s->indexes_count),
		 ""},
		{NULL, NULL, NULL, cell_real(NAN), NULL},
	};

	for (int i = 0; i < FIGURES; i++)
		figures[i] = all[i];
}

static json_t *json_of_cell(const struct cell *cell)
{
	switch (cell->kind) {
	case CELL_TEXT:
		return json_of(cell->text);
	case CELL_INTEGER:
		return json_integer(cell->integer);
	case CELL_FLAG:
		return json_boolean(cell->integer);
	default:
		return cell->kind == CELL_REAL ? json_of_real(cell->real) : json_null();
	}
}

static void print_json(struct cli *cli, const struct figure *figures, const sr_statistics *s)
{
	json_t *document = json_object();
	json_t *indexes = json_array();

	for (; figures->key != NULL; figures++) {
		json_t *section = json_object_get(document, figures->section);

		if (section == NULL) {
			section = json_object();
			json_object_set_new(document, figures->section, section);
		}
		json_object_set_new(section, figures->key, json_of_cell(&figures->cell));
	}
	for (int64_t i = 0; i < s->indexes_count; i++)
		json_array_append_new(indexes, json_of(s->indexes[i]));
	json_object_set_new(json_object_get(document, "performance_info"), "indexes", indexes);
	output_document(&cli->out, document);
}

static void print_rows(struct cli *cli, const struct figure *figures, const sr_statistics *s)
{
	static const struct column columns[] = {
		{"section", "", 0},
		{"name", "", 0},
		{"value", "", 0},
	};
	struct listing *rows = listing_begin(&cli->out, columns, 3, NULL);

	for (; figures->key != NULL; figures++) {
		const struct cell cells[] = {
			cell_string(figures->section),
			cell_string(figures->key),
			figures->cell,
		};

		listing_row(rows, cells);
	}
	for (int64_t i = 0; i < s->indexes_count; i++) {
		const struct cell cells[] = {
			cell_string("performance_info"),
			cell_string("index"),
			cell_text(s->indexes[i]),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, NULL, NULL);
}

/* A sum of sizes may be more than an integer holds. */
static int64_t whole_bytes(double bytes)
{
	return bytes < 9.2e18 ? (int64_t)llround(bytes) : INT64_MAX;
}

/* Amounts in the unit that reads best, whatever the figure's key counts in. */
static void print_value(const struct cell *cell, const char *unit, char text[400])
{
	static const struct {
		const char *unit;
		double bytes;
	} units[] = {{" KB", 1024.0}, {" MB", 1048576.0}, {" GB", 1073741824.0}};

	if (cell->kind == CELL_REAL && unit[0] != '\0') {
		for (int i = 0; i < 3; i++) {
			if (unit[1] == units[i].unit[1] && unit[2] == 'B') {
				size_print(whole_bytes(cell->real * units[i].bytes), text);
				return;
			}
		}
		snprintf(text, 400, "%.1f%s", cell->real, unit);
		return;
	}
	text[0] = '\0';
}

static void print_people(struct cli *cli, const struct figure *figures)
{
	static const struct {
		const char *section;
		const char *title;
	} titles[] = {
		{"database_info", "Database"},       {"storage_info", "Storage"},
		{"client_stats", "Clients"},         {"file_stats", "Files"},
		{"performance_info", "Performance"},
	};
	const char *section = "";
	int next = 0;

	for (; figures->key != NULL; figures++) {
		char text[400];

		if (strcmp(figures->section, section) != 0) {
			output_write(&cli->out, next > 0 ? "\n" : "");
			output_heading(&cli->out, titles[next].title);
			section = titles[next++].section;
		}
		print_value(&figures->cell, figures->unit, text);
		if (text[0] != '\0') {
			output_line(&cli->out, "  %-22s%s", figures->label, text);
		} else {
			char *value = cell_print(&figures->cell, true);

			output_line(&cli->out, "  %-22s%s", figures->label,
				    value[0] != '\0' ? value : "-");
			free(value);
		}
	}
}

static int stats_storage(struct cli *cli, sr_catalog *catalog)
{
	struct figure figures[FIGURES];
	sr_statistics *statistics;
	sr_status rc;

	if ((rc = sr_statistics_get(catalog, &statistics)) != SR_OK)
		return cli_failed(cli, rc);
	collect(statistics, figures);
	if (cli->json)
		print_json(cli, figures, statistics);
	else if (cli->out.format == OUTPUT_TABLE)
		print_people(cli, figures);
	else
		print_rows(cli, figures, statistics);
	sr_statistics_free(statistics);
	return DONE;
}

int cmd_stats(struct cli *cli)
{
	bool storage = false;
	bool clients = false;
	bool transfers = false;
	const char *text = NULL;
	const char *what = NULL;
	sr_total_by by = SR_TOTAL_BY_CATEGORY;
	const arg_option options[] = {
		{"storage", 0, ARG_FLAG, &storage},     {"clients", 0, ARG_FLAG, &clients},
		{"transfers", 0, ARG_FLAG, &transfers}, {"by", 0, ARG_VALUE, &what},
		{"days", 0, ARG_VALUE, &text},          {NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand none[] = {{NULL, ARG_OPTIONAL, NULL}};
	sr_catalog *catalog;
	int64_t days = 30;
	int code = cli_arguments(cli, options, none);

	if (code != DONE)
		return code;
	if (storage + clients + transfers + (what != NULL) > 1)
		return cli_usage(cli, "only one of --storage, --clients, --transfers and --by can "
				      "be given");
	if (what != NULL && !stats_by(what, &by))
		return cli_usage(cli, "--by %s: category, size, day, month or recorded", what);
	if (text != NULL && !clients && !transfers)
		return cli_usage(cli, "--days goes with --clients or --transfers");
	if (text != NULL &&
	    sr_number_parse("--days", text, clients ? 1 : 0, SR_TRANSFER_DAYS_MAX, &days) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	code = what        ? stats_totals(cli, catalog, by)
	       : clients   ? stats_clients(cli, catalog, (int)days)
	       : transfers ? stats_transfers(cli, catalog, (int)days)
			   : stats_storage(cli, catalog);
	return cli_close(cli, catalog, code);
}
