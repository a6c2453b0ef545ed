/* What was done, by whom: the list, and how long it is kept. */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "plural.h"

const char help_activity[] =
	"usage: strongroom activity [list] [--client CLIENT] [--type TYPE] [--since WHEN]\n"
	"                           [--limit N]\n"
	"       strongroom activity cleanup --older-than SPAN\n"
	"\n"
	"What was saved, deleted, verified and so on, newest first: one line a call or\n"
	"batch. What deleted clients did is kept under the name that they had. cleanup\n"
	"forgets whole days (UTC); the daily figures of stats --transfers stay.\n"
	"\n"
	"  --client CLIENT    of this client, by name or id; also of a deleted one\n"
	"  --type TYPE        save, save_failed, delete, verify, verify_failed,\n"
	"                     quota_set, quota_clear, quota_warning, activate, prune,\n"
	"                     backup, restore, repair, optimize\n"
	"  --since WHEN       2026-01-31, 2026-01-31T09:30Z, or 7d ago\n"
	"  --limit N          lines at most, 0 for all; else 100\n"
	"  --older-than SPAN  90d, 26w, 2y\n"
	"\n"
	"example:\n"
	"  strongroom activity --client laptop --type save_failed --since 7d\n";

static json_t *json_of_activity(const sr_activity *activity)
{
	json_t *o = json_object();

	json_object_set_new(o, "timestamp", json_of(activity->timestamp));
	json_object_set_new(o, "activity_type", json_of(activity->type));
	json_object_set_new(o, "client", json_of(activity->client_name));
	json_object_set_new(o, "client_id",
			    activity->has_client ? json_of_id(&activity->client_id) : json_null());
	json_object_set_new(o, "client_deleted", json_boolean(activity->deleted));
	json_object_set_new(o, "file_count", json_of_integer(activity->files));
	json_object_set_new(o, "bytes_transferred", json_of_integer(activity->bytes));
	json_object_set_new(o, "detail", json_of(activity->detail));
	return o;
}

/* What went wrong stands out. */
static cell_tone tone_of(sr_text type)
{
	static const char failed[] = "_failed";
	const size_t length = sizeof(failed) - 1;

	if (type.length > length && memcmp(type.data + type.length - length, failed, length) == 0)
		return TONE_BAD;
	if (type.length == 13 && memcmp(type.data, "quota_warning", 13) == 0)
		return TONE_WARNING;
	return TONE_PLAIN;
}

static void row(struct cli *cli, struct listing *list, const sr_activity *activity)
{
	char id[SR_ID_TEXT_SIZE];

	if (cli->json) {
		listing_object(list, json_of_activity(activity));
		return;
	}
	sr_id_format(&activity->client_id, id);
	const struct cell cells[] = {
		cell_time(activity->timestamp),
		cell_toned(cell_text(activity->type), tone_of(activity->type)),
		cell_text(activity->client_name),
		cell_string(activity->has_client ? id : NULL),
		cell_string(activity->deleted ? "(deleted)" : NULL),
		cell_flag(activity->deleted),
		cell_integer(activity->files),
		cell_size(activity->bytes),
		cell_text(activity->detail),
	};

	listing_row(list, cells);
}

static int list(struct cli *cli, sr_catalog *catalog, const sr_activity_query *query)
{
	static const struct column columns[] = {
		{"timestamp", "WHEN", COLUMN_DATE},    {"activity_type", "TYPE", COLUMN_CUT_END},
		{"client", "CLIENT", COLUMN_CUT_END},  {"client_id", "", COLUMN_EXACT},
		{"mark", "", COLUMN_PEOPLE},           {"client_deleted", "", COLUMN_EXACT},
		{"file_count", "FILES", COLUMN_RIGHT}, {"bytes_transferred", "SIZE", COLUMN_RIGHT},
		{"detail", "ABOUT", COLUMN_CUT_END},
	};
	const sr_activity *activity = NULL;
	struct listing *rows;
	sr_activities *cursor;
	sr_status rc;
	int code = DONE;

	if ((rc = sr_activity_list(catalog, query, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	rows = listing_begin(&cli->out, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	while (!output_failed(&cli->out) && (rc = sr_activities_next(cursor, &activity)) == SR_OK &&
	       activity != NULL)
		row(cli, rows, activity);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	listing_end(rows, "No activity.", NULL);
	sr_activities_close(cursor);
	return code;
}

/* By name, else by id, also where no client is there any more. */
static void name_client(sr_catalog *catalog, const char *word, sr_id *id, sr_activity_query *query)
{
	sr_client *client;

	if (sr_client_by_name(catalog, sr_text_of(word), &client) == SR_OK)
		sr_client_free(client);
	else if (sr_id_parse(word, id) == SR_OK)
		query->client = id;
	if (query->client == NULL)
		query->client_name = sr_text_of(word);
}

static int activity_list(struct cli *cli)
{
	const char *client = NULL;
	const char *type = NULL;
	const char *since = NULL;
	const char *limit = NULL;
	const arg_option options[] = {
		{"client", 0, ARG_VALUE, &client}, {"type", 0, ARG_VALUE, &type},
		{"since", 0, ARG_VALUE, &since},   {"limit", 0, ARG_VALUE, &limit},
		{NULL, 0, ARG_FLAG, NULL},
	};
	sr_activity_query query;
	sr_catalog *catalog;
	sr_id id;
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE)
		return code;
	sr_activity_query_init(&query);
	query.type = sr_text_of(type);
	if (since != NULL && sr_when_parse(since, &query.since, NULL) != SR_OK)
		return cli_usage(cli, "--since: %s", sr_error_message());
	if (limit != NULL && sr_number_parse("--limit", limit, 0, INT64_MAX, &query.limit) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if ((code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	if (client != NULL)
		name_client(catalog, client, &id, &query);
	return cli_close(cli, catalog, list(cli, catalog, &query));
}

static int cleanup(struct cli *cli, sr_catalog *catalog, int64_t seconds)
{
	int64_t removed;
	sr_status rc;

	rc = sr_activity_cleanup(catalog, sr_time_now() - seconds * 1000000, &removed);
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	if (cli->json)
		output_document(&cli->out, json_pack("{s:I}", "removed", (json_int_t)removed));
	else if (cli->out.format != OUTPUT_TABLE)
		output_line(&cli->out, "%" PRId64, removed);
	cli_say(cli, "Removed %" PRId64 " %s.", removed, plural(removed, "activity", "activities"));
	return DONE;
}

static int activity_cleanup(struct cli *cli)
{
	const char *span = NULL;
	const arg_option options[] = {
		{"older-than", 0, ARG_VALUE, &span},
		{NULL, 0, ARG_FLAG, NULL},
	};
	sr_catalog *catalog;
	int64_t seconds;
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE)
		return code;
	if (span == NULL)
		return cli_usage(cli, "--older-than is missing");
	if (sr_span_parse(span, &seconds) != SR_OK)
		return cli_usage(cli, "--older-than: %s", sr_error_message());
	if (seconds > sr_time_now() / 1000000)
		return cli_usage(cli, "--older-than: %s is before 1970", span);
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	code = cli_confirm(cli, "Forget all activity older than %s", span);
	if (code == DONE)
		code = cleanup(cli, catalog, seconds);
	return cli_close(cli, catalog, code);
}

int cmd_activity(struct cli *cli)
{
	static const command parts[] = {
		{"list", NULL, NULL, activity_list},
		{"cleanup", NULL, NULL, activity_cleanup},
		{NULL, NULL, NULL, NULL},
	};

	return cli_subcommand_or(cli, parts, activity_list);
}
