/* Check-ups of what holds the rows: the engine, the schema, and what is not ours in it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "health.h"

/* ---- The engine ---- */

/* What is looked at is then a file that no path leads to, and so are all that is found of it. */
static sr_status check_place(sr_checkup *c)
{
	const char *path = sr_conn_path(c->conn);
	sr_status rc = sr_conn_validate(c->conn);

	if (rc == SR_OK && sr_database_names_check(path) != SR_OK)
		sr_finding_add(c, SR_SEVERITY_ERROR, "database_linked", sr_text_of(path), 1,
			       "remove the other names of the file", "%s", sr_error_message());
	if (rc != SR_IO)
		return rc;
	sr_finding_add(c, SR_SEVERITY_ERROR, "database_away", sr_text_of(path), 1,
		       "close the catalog and open it again; restore a backup where it is gone",
		       "%s", sr_error_message());
	return SR_OK;
}

sr_status sr_check_engine(sr_checkup *c)
{
	const char *flaw = sr_engine_flaw();

	c->health->engine_at_risk = flaw != NULL;
	if (flaw != NULL)
		sr_finding_add(c, SR_SEVERITY_NOTE, "engine_flaw", sr_text_of(c->health->engine), 1,
			       "install a newer SQLite, or let only this program write",
			       "%s is linked: %s", c->health->engine, flaw);
	return check_place(c);
}

/* ---- Drift ---- */

static sr_status count_objects(sr_checkup *c)
{
	sr_status rc;

	rc = sr_query_integer(c->conn,
			      "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
			      " AND substr(name, 1, 7) <> 'sqlite_'",
			      &c->health->table_count);
	if (rc != SR_OK)
		return rc;
	return sr_query_integer(c->conn,
				"SELECT count(*) FROM sqlite_schema WHERE type = 'index'"
				" AND substr(name, 1, 7) <> 'sqlite_'",
				&c->health->index_count);
}

static void take_drift(void *arg, const char *kind, const char *object, const char *expected,
		       const char *found)
{
	sr_checkup *c = arg;
	bool latest = c->reading.shape.latest;
	const char *name = sr_quoted(sr_text_of(object));

	(void)expected;
	if (strcmp(kind, "addition") == 0)
		return;
	sr_finding_add(c, SR_SEVERITY_ERROR, found ? "schema_differs" : "schema_lacks",
		       sr_text_of(object), 1,
		       latest && sr_can_be_made(kind, object, found)
			       ? sr_cure_repair(c)
			       : "strongroom migrate verify shows how; restore "
				 "a backup, or make it as it should be",
		       found ? "the %s %s is not as version %d of the schema has it"
			     : "the %s %s of version %d of the schema is missing",
		       kind, name, c->reading.shape.version);
}

static sr_status check_version(sr_checkup *c)
{
	int version = c->reading.shape.version;

	c->health->schema_version = version;
	if (version == -1)
		sr_finding_add(c, SR_SEVERITY_ERROR, "schema_empty", sr_text_of(NULL), 1,
			       "strongroom init", "the database has no table of a catalog");
	else if (!c->reading.shape.latest)
		sr_finding_add(c, SR_SEVERITY_WARNING, "schema_old", sr_text_of(NULL), 1,
			       "strongroom migrate up",
			       "the schema is at version %d of %d: the catalog can be read, and "
			       "not written",
			       version, sr_schema_latest());
	return SR_OK;
}

sr_status sr_check_schema(sr_checkup *c)
{
	int64_t differences;
	sr_status rc;

	if ((rc = count_objects(c)) != SR_OK || (rc = check_version(c)) != SR_OK)
		return rc;
	/* Of a database older than version 0 everything differs: that it is old says it all. */
	if (c->reading.shape.version < 0)
		return SR_OK;
	return sr_schema_verify(c->conn, take_drift, c, &differences);
}

/* ---- What would run with ours ---- */

static void take_foreign(void *arg, const char *type, const char *name, const char *table)
{
	sr_checkup *c = arg;
	bool trusted = c->catalog->settings.trust_foreign_triggers;

	sr_finding_add(c, trusted ? SR_SEVERITY_NOTE : SR_SEVERITY_ERROR, "foreign_object",
		       sr_text_of(name), 1,
		       trusted ? NULL
			       : "drop it, or set TRUST_FOREIGN_TRIGGERS if you know what it does",
		       "the %s %s on %s is not this program's and would take part in its writes%s",
		       type, sr_quoted(sr_text_of(name)), sr_quoted(sr_text_of(table)),
		       trusted ? "" : ": the catalog only reads");
}

sr_status sr_check_foreign(sr_checkup *c)
{
	int64_t count;

	return sr_schema_foreign(c->conn, take_foreign, c, &count);
}
