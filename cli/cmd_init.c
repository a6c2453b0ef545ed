#include "cli.h"
#include "interrupt.h"
#include "json.h"

const char help_init[] =
	"usage: strongroom init\n"
	"\n"
	"Creates the catalog's database, or upgrades an older one after a verified\n"
	"backup beside it. Nothing else creates one; a catalog that is up to date is\n"
	"left as it is.\n"
	"\n"
	"example:\n"
	"  strongroom --db /var/lib/strongroom/catalog.db init\n";

/* Whether nothing is there yet, or no more than an attempt that was cut off has left; another
 * failure is left for the open to report better. */
static bool to_create(const sr_options *options)
{
	sr_migration_status *status;
	bool none;

	if (sr_migration_status_get(options, &status) != SR_OK)
		return false;
	none = !status->database_exists || status->current_version < 0;
	sr_migration_status_free(status);
	return none;
}

/* Opens it, upgraded or new. */
static sr_status open_latest(sr_options *options, sr_catalog **catalog, sr_migrated *migrated)
{
	sr_migrate_options how;
	sr_status rc;

	if ((rc = sr_open(catalog, options)) != SR_OK)
		return rc;
	sr_migrate_options_init(&how);
	how.progress = interrupt_progress;
	if (options->create)
		return sr_catalog_version(*catalog, &migrated->to);
	return sr_migrate(*catalog, &how, migrated);
}

static void report(struct cli *cli, const sr_catalog *catalog, bool created,
		   const sr_migrated *migrated)
{
	const char *path = sr_catalog_path(catalog);

	if (cli->json)
		output_document(&cli->out,
				json_pack("{s:o, s:b, s:o, s:i, s:o}", "database_file",
					  json_of_path(path), "created", created, "from_version",
					  created ? json_null() : json_integer(migrated->from),
					  "version", migrated->to, "backup",
					  json_of_path(migrated->backup)));
	else if (created)
		cli_say(cli, "Created %s at version %d.", path, migrated->to);
	else if (migrated->from == migrated->to)
		cli_say(cli, "%s is at version %d already; nothing to do.", path, migrated->to);
	else
		cli_say(cli, "Upgraded %s from version %d to %d.", path, migrated->from,
			migrated->to);
	if (migrated->backup[0] != '\0')
		cli_say(cli, "The database as it was: %s", migrated->backup);
}

int cmd_init(struct cli *cli)
{
	sr_migrated migrated = {0};
	sr_catalog *catalog = NULL;
	sr_options options;
	sr_status rc;
	int code = cli_arguments(cli, NULL, NULL);

	if (code != DONE)
		return code;
	cli_options(cli, &options);
	options.create = options.migrate = to_create(&options);
	interrupt_watch();
	if ((rc = open_latest(&options, &catalog, &migrated)) != SR_OK)
		code = cli_failed(cli, rc);
	else
		report(cli, catalog, options.create, &migrated);
	return cli_close(cli, catalog, code);
}
