#include <inttypes.h>
#include <stdlib.h>

#include "cmd_migrate.h"
#include "interrupt.h"
#include "json.h"
#include "memory.h"
#include "plural.h"
#include "utf8.h"

const char help_migrate[] =
	"usage: strongroom migrate status\n"
	"       strongroom migrate up [--to VERSION] [--full-check]\n"
	"       strongroom migrate down --to VERSION [--full-check]\n"
	"       strongroom migrate verify\n"
	"       strongroom migrate rehearse [--to VERSION] [--dir FOLDER] [--keep]\n"
	"                                   [--full-check]\n"
	"\n"
	"status lists the steps of the schema, applied and pending. up and down bring\n"
	"the database to a version, the latest unless --to says another, each step whole\n"
	"or not at all, after a verified backup beside it. A step down that would drop\n"
	"values says which, and asks (needs --yes where it cannot ask). verify compares\n"
	"what was applied, and the schema, with what this program would have made: exit\n"
	"status 3 where they differ. rehearse runs the steps on a copy and back again,\n"
	"and writes nothing to the database: it prints what they take, what they change,\n"
	"and a verdict (exit status 3 for \"do not run\").\n"
	"\n"
	"  --to VERSION   the version to reach\n"
	"  --full-check   the whole integrity check before and after, not the quick one\n"
	"  --dir FOLDER   where the copy is made, instead of beside the database\n"
	"  --keep         leave the copy there\n"
	"\n"
	"example:\n"
	"  strongroom migrate status\n";

static json_t *json_of_own(const sr_migration_status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->own_count; i++) {
		json_t *own = json_object();

		json_object_set_new(own, "version", json_integer(s->own[i].version));
		json_object_set_new(own, "description", json_of(sr_text_of(s->own[i].description)));
		json_object_set_new(own, "applied_at", json_of(sr_text_of(s->own[i].applied_at)));
		json_array_append_new(list, own);
	}
	return list;
}

static json_t *json_of_status(const sr_migration_status *s)
{
	json_t *document = json_object();
	json_t *steps = json_array();

	/* A database that is not there, or empty, has had no migration. */
	json_object_set_new(document, "current_version",
			    json_integer(s->current_version > 0 ? s->current_version : 0));
	json_object_set_new(document, "latest_version", json_integer(s->latest_version));
	json_object_set_new(document, "pending_migrations", json_integer(s->pending_migrations));
	json_object_set_new(document, "total_migrations", json_integer(s->total_migrations));
	json_object_set_new(document, "database_file", json_of(sr_text_of(s->database_file)));
	json_object_set_new(document, "database_exists", json_boolean(s->database_exists));
	for (int i = 0; i < s->total_migrations; i++) {
		const sr_migration *m = &s->migrations[i];
		json_t *step = json_object();

		json_object_set_new(step, "version", json_integer(m->version));
		json_object_set_new(step, "description", json_of(sr_text_of(m->description)));
		json_object_set_new(step, "applied", json_boolean(m->applied_at != NULL));
		json_object_set_new(step, "applied_at", json_of(sr_text_of(m->applied_at)));
		json_array_append_new(steps, step);
	}
	json_object_set_new(document, "migrations", steps);
	json_object_set_new(document, "own_migrations", json_of_own(s));
	return document;
}

static void list_status(struct cli *cli, const sr_migration_status *s)
{
	static const struct column columns[] = {
		{"version", "VERSION", COLUMN_RIGHT},
		{"description", "DESCRIPTION", COLUMN_CUT_END},
		{"applied_at", "APPLIED", 0},
	};
	struct listing *rows = listing_begin(&cli->out, columns, 3, NULL);

	for (int i = 0; i < s->total_migrations; i++) {
		const sr_migration *m = &s->migrations[i];
		const bool people = cli->out.format == OUTPUT_TABLE;
		const struct cell cells[] = {
			cell_number(m->version),
			cell_string(m->description),
			m->applied_at != NULL || !people ? cell_time(sr_text_of(m->applied_at))
							 : cell_state("pending"),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, NULL, NULL);
}

/* For people only: the other forms are one list, of this program's. */
static void list_own(struct cli *cli, const sr_migration_status *s)
{
	static const struct column columns[] = {
		{"version", "NUMBER", COLUMN_RIGHT},
		{"description", "YOUR OWN", COLUMN_CUT_END},
		{"applied_at", "APPLIED", 0},
	};
	struct listing *rows;

	if (s->own_count == 0 || cli->out.format != OUTPUT_TABLE)
		return;
	cli_say(cli, "%s", "");
	rows = listing_begin(&cli->out, columns, 3, NULL);
	for (size_t i = 0; i < s->own_count; i++) {
		const struct cell cells[] = {
			cell_integer(s->own[i].version),
			cell_string(s->own[i].description),
			cell_time(sr_text_of(s->own[i].applied_at)),
		};

		listing_row(rows, cells);
	}
	listing_end(rows, NULL, NULL);
}

static int migrate_status(struct cli *cli)
{
	sr_migration_status *status;
	sr_options options;
	sr_status rc;
	int code = cli_arguments(cli, NULL, NULL);

	if (code != DONE)
		return code;
	cli_options(cli, &options);
	if ((rc = sr_migration_status_get(&options, &status)) != SR_OK)
		return cli_failed(cli, rc);
	if (cli->json) {
		output_document(&cli->out, json_of_status(status));
	} else {
		if (!status->database_exists)
			cli_say(cli, "%s does not exist; create it with: strongroom init",
				status->database_file);
		else if (status->current_version < 0)
			cli_say(cli, "%s has no schema yet; bring it up with: strongroom init",
				status->database_file);
		else
			cli_say(cli, "%s is at version %d of %d, %d pending.",
				status->database_file, status->current_version,
				status->latest_version, status->pending_migrations);
		cli_say(cli, "%s", "");
		list_status(cli, status);
		list_own(cli, status);
	}
	sr_migration_status_free(status);
	return DONE;
}

static void report(struct cli *cli, const sr_migrated *migrated)
{
	if (cli->json) {
		output_document(&cli->out, json_pack("{s:i, s:i, s:o}", "from_version",
						     migrated->from, "version", migrated->to,
						     "backup", json_of_path(migrated->backup)));
		return;
	}
	if (migrated->from == migrated->to)
		cli_say(cli, "The database is at version %d already; nothing to do.", migrated->to);
	else
		cli_say(cli, "Migrated from version %d to %d.", migrated->from, migrated->to);
	if (migrated->backup[0] != '\0')
		cli_say(cli, "The database as it was: %s", migrated->backup);
}

/* Migrates; a loss that the library refuses is accepted with --yes or after asking. */
static int migrate(struct cli *cli, sr_catalog *catalog, sr_migrate_options *how)
{
	sr_migrated migrated = {0};
	sr_status rc;
	int code;

	how->progress = interrupt_progress;
	how->accept_loss = cli->yes;
	rc = sr_migrate(catalog, how, &migrated);
	if (rc == SR_REFUSED && !cli->yes) {
		char *words = must_print("%s", sr_error_message());

		code = cli_confirm(cli, "%s. Go on", words);
		free(words);
		if (code != DONE)
			return code == USAGE ? FAILED : code;
		how->accept_loss = true;
		rc = sr_migrate(catalog, how, &migrated);
	}
	if (rc != SR_OK)
		return cli_failed(cli, rc);
	report(cli, &migrated);
	return DONE;
}

/* up or down to `to`, NULL for the latest. */
static int move(struct cli *cli, const char *to, bool full_check, bool up)
{
	sr_migrate_options how;
	sr_catalog *catalog;
	int64_t wanted = -1;
	sr_status rc;
	int current;
	int code;

	if (to != NULL && sr_number_parse("--to", to, 0, 10000, &wanted) != SR_OK)
		return cli_failed(cli, SR_INVALID);
	if ((code = cli_open(cli, CLI_WRITE, &catalog)) != DONE)
		return code;
	sr_migrate_options_init(&how);
	how.to = (int)wanted;
	how.full_check = full_check;
	interrupt_watch();
	if ((rc = sr_catalog_version(catalog, &current)) != SR_OK)
		code = cli_failed(cli, rc);
	else if (up && wanted >= 0 && wanted < current)
		code = cli_usage(cli,
				 "--to %" PRId64 " is below version %d, which the database has",
				 wanted, current);
	else if (!up && wanted > current)
		code = cli_usage(cli,
				 "--to %" PRId64 " is above version %d, which the database has",
				 wanted, current);
	else
		code = migrate(cli, catalog, &how);
	return cli_close(cli, catalog, code);
}

static int up_or_down(struct cli *cli, bool up)
{
	const char *to = NULL;
	bool full_check = false;
	const arg_option options[] = {
		{"to", 0, ARG_VALUE, &to},
		{"full-check", 0, ARG_FLAG, &full_check},
		{NULL, 0, ARG_FLAG, NULL},
	};
	int code = cli_arguments(cli, options, NULL);

	if (code != DONE)
		return code;
	if (to == NULL && !up)
		return cli_usage(cli, "option --to is missing: the version to go down to");
	return move(cli, to, full_check, up);
}

static int migrate_up(struct cli *cli)
{
	return up_or_down(cli, true);
}

static int migrate_down(struct cli *cli)
{
	return up_or_down(cli, false);
}

struct drift_list {
	struct cli *cli;
	struct listing *rows;
};

/* A statement on one line, fit for a terminal. Owned: free. */
static char *one_line(const char *statement)
{
	char *flat = must_print("%s", statement != NULL ? statement : "nothing");
	char *clean;

	for (char *at = flat; *at != '\0'; at++) {
		if (*at == '\n' || *at == '\t' || *at == '\r')
			*at = ' ';
	}
	clean = utf8_clean(flat);
	free(flat);
	return clean;
}

static void drift_for_people(struct cli *cli, const char *kind, const char *object,
			     const char *expected, const char *found)
{
	char *name = one_line(object);
	char *wanted = one_line(expected);
	char *there = one_line(found);

	output_line(&cli->out, "%s %s\n  expected: %s\n  found:    %s", kind, name, wanted, there);
	free(there);
	free(wanted);
	free(name);
}

static void one_drift(void *arg, const char *kind, const char *object, const char *expected,
		      const char *found)
{
	struct drift_list *list = arg;
	json_t *o;

	if (!list->cli->json) {
		const struct cell cells[] = {
			cell_string(kind),
			cell_string(object),
			cell_string(expected),
			cell_string(found),
		};

		if (list->cli->out.format != OUTPUT_TABLE)
			listing_row(list->rows, cells);
		else
			drift_for_people(list->cli, kind, object, expected, found);
		return;
	}
	o = json_object();
	json_object_set_new(o, "kind", json_of(sr_text_of(kind)));
	json_object_set_new(o, "object", json_of(sr_text_of(object)));
	json_object_set_new(o, "expected", json_of(sr_text_of(expected)));
	json_object_set_new(o, "found", json_of(sr_text_of(found)));
	listing_object(list->rows, o);
}

static int migrate_verify(struct cli *cli)
{
	static const struct column columns[] = {
		{"kind", "KIND", 0},
		{"object", "OBJECT", 0},
		{"expected", "EXPECTED", 0},
		{"found", "FOUND", 0},
	};
	struct drift_list list = {cli, NULL};
	int64_t differences = 0;
	sr_catalog *catalog;
	sr_status rc;
	int code = cli_arguments(cli, NULL, NULL);

	if (code != DONE || (code = cli_open(cli, CLI_READ, &catalog)) != DONE)
		return code;
	list.rows = listing_begin(&cli->out, columns, 4, "differences");
	rc = sr_migrate_verify(catalog, one_drift, &list, &differences);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else if (differences > 0)
		code = UNHEALTHY;
	listing_end(list.rows, NULL, json_pack("{s:b}", "verified", code == DONE));
	if (code == DONE)
		cli_say(cli, "The schema is as this program makes it.");
	else if (code == UNHEALTHY)
		cli_say(cli, "%" PRId64 " %s.", differences,
			plural(differences, "difference", "differences"));
	return cli_close(cli, catalog, code);
}

int cmd_migrate(struct cli *cli)
{
	static const command parts[] = {
		{"status", NULL, NULL, migrate_status},     {"up", NULL, NULL, migrate_up},
		{"down", NULL, NULL, migrate_down},         {"verify", NULL, NULL, migrate_verify},
		{"rehearse", NULL, NULL, migrate_rehearse}, {NULL, NULL, NULL, NULL},
	};

	return cli_subcommand(cli, parts);
}
