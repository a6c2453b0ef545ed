/* The version that a damaged database was at, and what its schema lacks of that. */
#include "salvage.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Versions before it are those of old code, which stopped where it stopped. */
#define FIRST_OF_OURS 6

/* ---- Which version it was ---- */

/* Whether anything is there that this version brought. */
static sr_status version_shows(salvage *s, int v, bool *shows)
{
	const sr_schema_object *before = sr_migration_sources[v - 1].schema;
	sr_status rc = SR_OK;

	*shows = false;
	for (const sr_schema_object *o = sr_migration_sources[v].schema;
	     o->type && rc == SR_OK && !*shows; o++) {
		const sr_schema_object *old = sr_schema_find(before, o->type, o->name);
		char type[16];

		if (old == NULL) {
			rc = sr_object_type(s->conn, o->name, type);
			*shows = rc == SR_OK && type[0] != '\0';
			continue;
		}
		for (const sr_schema_column *c = o->columns; c && c->name && !*shows; c++)
			if (!sr_schema_has_column(old, c->name) &&
			    (rc = sr_column_exists(s->conn, o->name, c->name, shows)) != SR_OK)
				break;
	}
	return rc;
}

/* A row of a ledger says in words what its number means. */
sr_status sr_salvage_ledger_row(void *arg, int64_t number, const sr_value *values, size_t count)
{
	int64_t *highest = arg;
	const char *words;

	if (number < 1 || number > sr_schema_latest() || count < 4 || values[1].type != SR_TEXT)
		return SR_OK;
	words = sr_migration_sources[number].description;
	if (values[1].text.length == strlen(words) &&
	    memcmp(values[1].text.data, words, strlen(words)) == 0 && number > *highest)
		*highest = number;
	return SR_OK;
}

/* The ledger's page, if nothing leads to it any more; -1 without. */
static sr_status ledger_adrift(salvage *s, int *version)
{
	int64_t highest = -1;
	sr_status rc = SR_OK;

	for (int64_t page = sr_pages_adrift(s->pages, 0); page > 0 && rc == SR_OK;
	     page = sr_pages_adrift(s->pages, page)) {
		sr_pages_walk walk = {0};

		rc = sr_pages_leaf(s->pages, page, sr_salvage_ledger_row, &highest, &walk);
	}
	*version = (int)highest;
	return rc;
}

/* The latest version of which anything is left. */
static sr_status version_guess(salvage *s)
{
	bool shows = false;
	sr_status rc = SR_OK;

	for (s->version = sr_schema_latest(); s->version > 0; s->version--)
		if ((rc = version_shows(s, s->version, &shows)) != SR_OK || shows)
			return rc;
	return SR_OK;
}

/* NULL where there is none. */
static const salvage_table *ledger_of(const salvage *s)
{
	for (size_t i = 0; i < s->table_count; i++)
		if (strcasecmp(s->tables[i].name, "database_migrations") == 0)
			return &s->tables[i];
	return NULL;
}

/* Whether the tables that are there have all that this version gives them. */
static sr_status version_fits(salvage *s, int v, bool *fits)
{
	sr_status rc = SR_OK;

	*fits = true;
	for (const sr_schema_object *o = sr_migration_sources[v].schema; o->type && *fits; o++) {
		char there[16];

		if (o->columns == NULL || (rc = sr_object_type(s->conn, o->name, there)) != SR_OK ||
		    strcmp(there, "table") != 0)
			continue;
		for (const sr_schema_column *c = o->columns; c->name && *fits; c++)
			if ((rc = sr_column_exists(s->conn, o->name, c->name, fits)) != SR_OK)
				return rc;
	}
	return rc;
}

/* This program always brings its own to the latest: what is lacking of later versions was lost too,
 * unless a column that a table lacks says otherwise. */
static sr_status version_raise(salvage *s)
{
	bool fits = true;
	sr_status rc = SR_OK;

	while (rc == SR_OK && s->version < sr_schema_latest()) {
		rc = version_fits(s, s->version + 1, &fits);
		if (!fits)
			break;
		s->version++;
	}
	return rc;
}

/* A newer program's ledger goes on from ours without a gap. A number beyond ours that does not is
 * one of ours with a bit that fell over. */
sr_status sr_salvage_ledger_strays(salvage *s, bool *any)
{
	static const char strays[] =
		"SELECT max(v) > CAST($1 AS INTEGER) AND (count(*) <> max(v) OR min(v) <> 1)"
		" FROM (SELECT CAST(version AS INTEGER) AS v FROM database_migrations)";
	char latest[16], there[16], sql[120];
	int64_t found = 0;
	sr_status rc;

	*any = false;
	snprintf(latest, sizeof(latest), "%d", sr_schema_latest());
	if ((rc = sr_object_type(s->conn, "database_migrations", there)) != SR_OK ||
	    strcmp(there, "table") != 0 ||
	    (rc = sr_ask(s->conn, strays, latest, NULL, &found)) != SR_OK || found != 1)
		return rc;
	*any = true;
	sr_salvage_note(s, "the ledger has numbers that make no sense, which were left out");
	snprintf(sql, sizeof(sql),
		 "DELETE FROM database_migrations WHERE CAST(version AS INTEGER) > %s", latest);
	return sr_exec(s->conn, sql);
}

/* Where anything of it is damaged, the most that the ledger or the schema show; where nothing of
 * either is left, the rows are taken for those of the latest version. */
static sr_status version_tell(salvage *s)
{
	int ledger, adrift;
	const salvage_table *table = ledger_of(s);
	bool legacy, strays, whole;
	sr_status rc;

	if ((rc = sr_salvage_ledger_strays(s, &strays)) != SR_OK)
		return rc;
	whole = table && !sr_salvage_is_damaged(table) && !strays;
	/* An old one may have none. */
	if (!s->schema_damaged && (whole || !table))
		return sr_schema_version(s->conn, &s->version, &legacy);
	if ((rc = sr_ledger_version(s->conn, &ledger)) != SR_OK ||
	    (rc = ledger_adrift(s, &adrift)) != SR_OK || (rc = version_guess(s)) != SR_OK)
		return rc;
	ledger = ledger > adrift ? ledger : adrift;
	s->version = ledger > s->version || s->table_count == 0 ? ledger : s->version;
	if (s->version < 0)
		s->version = sr_schema_latest();
	if (s->schema_damaged && !whole && s->version >= FIRST_OF_OURS)
		rc = version_raise(s);
	return rc;
}

/* ---- What the schema lacks ---- */

static sr_status lacking_make(salvage *s)
{
	static const char *const types[] = {"table", "index", "trigger"};
	sr_status rc = SR_OK;

	for (int t = 0; t < 3; t++)
		for (const sr_schema_object *o = sr_migration_sources[s->version].schema;
		     o->type && rc == SR_OK; o++) {
			char there[16];

			if (strcmp(o->type, types[t]) != 0 ||
			    (rc = sr_object_type(s->conn, o->name, there)) != SR_OK ||
			    there[0] != '\0')
				continue;
			if ((rc = sr_salvage_object_make(s, o->type, o->name, o->sql)) == SR_OK)
				sr_salvage_note(s, "the %s %s was lost and is made anew", o->type,
						o->name);
		}
	return rc;
}

sr_status sr_salvage_complete(salvage *s)
{
	sr_status rc;

	if ((rc = version_tell(s)) != SR_OK)
		return rc;
	if (s->version > sr_schema_latest())
		return sr_fail(SR_TOO_NEW,
			       "the damaged database is at schema version %d, this program knows "
			       "%d; use the newer program",
			       s->version, sr_schema_latest());
	if (!s->schema_damaged)
		return SR_OK;
	if ((rc = lacking_make(s)) == SR_OK &&
	    (rc = sr_ledger_prepare(s->conn, sr_migration_sources, 0)) == SR_OK)
		rc = sr_salvage_tables_describe(s);
	return rc;
}
