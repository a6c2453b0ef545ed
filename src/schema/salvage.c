/*
 * What can be read of a damaged database, into a new one.
 *
 *	1. The schema is made again as the damaged one says it (salvage_schema.c).
 *	2. The ledger tells the version, and what the schema lacks is made as that has it
 *	   (salvage_version.c).
 *	3. Each table is walked from its first page, row by row (salvage_rows.c).
 *	4. Pages that nothing leads to any more give what they hold (salvage_adrift.c).
 *	5. The result is upgraded, its counters made anew, and checked whole.
 *
 * No trigger fires and no foreign key acts meanwhile: rows come as they were.
 */
#include "salvage.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "counters.h"

/* ---- What comes out ---- */

/* The outcome, and the memory behind it. */
typedef struct outcome {
	sr_salvaged salvaged; /* First, so that its address is this one's. */
	sr_salvaged_table *tables;
	char **names; /* Of the tables. */
	sr_names notes;
	char *path;
} outcome;

void sr_schema_salvaged_free(sr_salvaged *salvaged)
{
	outcome *o = (outcome *)salvaged;

	if (o == NULL)
		return;
	for (size_t i = 0; i < o->salvaged.table_count; i++)
		free(o->names[i]);
	free(o->names);
	free(o->tables);
	sr_names_free(&o->notes);
	free(o->path);
	free(o);
}

sr_status sr_schema_salvaged_path(sr_salvaged *salvaged, const char *path)
{
	outcome *o = (outcome *)salvaged;

	o->path = strdup(path);
	o->salvaged.path = o->path;
	return o->path ? SR_OK : sr_fail_memory();
}

static void outcome_add(outcome *o, salvage_table *t)
{
	sr_salvaged *all = &o->salvaged;

	/* What nobody asked for is not reported: empty, and whole. */
	if (t->made || (t->saved == 0 && t->refused == 0 && t->lost == 0 && t->exact))
		return;
	all->saved += t->saved;
	all->refused += t->refused;
	all->lost += t->lost;
	all->exact = all->exact && t->exact;
	o->names[all->table_count] = t->name;
	t->name = NULL;
	o->tables[all->table_count] = (sr_salvaged_table){
		.name = o->names[all->table_count],
		.saved = t->saved,
		.adrift = t->adrift,
		.refused = t->refused,
		.lost = t->lost,
		.exact = t->exact,
		.orphans = t->orphans,
	};
	all->table_count++;
}

static sr_status outcome_make(salvage *s, sr_salvaged **salvaged)
{
	outcome *o = calloc(1, sizeof(*o));
	size_t room = s->table_count + 1;

	if (o == NULL)
		return sr_fail_memory();
	o->tables = calloc(room, sizeof(*o->tables));
	o->names = calloc(room, sizeof(*o->names));
	if (o->tables == NULL || o->names == NULL) {
		sr_schema_salvaged_free(&o->salvaged);
		return sr_fail_memory();
	}
	o->salvaged.from_version = s->version;
	o->salvaged.version = sr_schema_latest();
	/* A table that nothing is known of any more cannot be counted. */
	o->salvaged.exact = !s->schema_damaged;
	for (size_t i = 0; i < s->table_count; i++)
		outcome_add(o, &s->tables[i]);
	o->notes = s->notes;
	s->notes = (sr_names){NULL, 0};
	o->salvaged.tables = o->tables;
	o->salvaged.notes = (const char *const *)o->notes.names;
	o->salvaged.note_count = o->notes.count;
	*salvaged = &o->salvaged;
	return SR_OK;
}

/* ---- In order ---- */

/* A database of something else is none of our business, and one page that looks like one is no
 * catalog. */
static sr_status refuse_strangers(salvage *s)
{
	int64_t rows = 0;
	bool core = false;

	for (size_t i = 0; i < s->table_count; i++) {
		const salvage_table *t = &s->tables[i];

		rows += t->saved;
		core = core || ((strcasecmp(t->name, "clients") == 0 ||
				 strcasecmp(t->name, "files") == 0) &&
				t->root > 0);
	}
	if (core || (s->schema_damaged && rows > 0))
		return SR_OK;
	return sr_fail(SR_CORRUPT, "nothing in it is of a catalog: neither clients nor files");
}

static void notes_take(salvage *s)
{
	const char *words;

	for (size_t i = 0; (words = sr_pages_complaint(s->pages, i)) != NULL; i++)
		sr_salvage_note(s, "%s", words);
}

static sr_status rows_all(salvage *s)
{
	sr_status rc;
	bool strays;

	if ((rc = sr_conn_begin(s->conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = sr_salvage_schema(s)) != SR_OK || (rc = sr_salvage_ledger(s)) != SR_OK ||
	    (rc = sr_salvage_complete(s)) != SR_OK || (rc = sr_salvage_rows(s)) != SR_OK ||
	    (rc = sr_salvage_adrift(s)) != SR_OK || (rc = sr_salvage_indexes(s)) != SR_OK ||
	    (rc = sr_salvage_ledger_strays(s, &strays)) != SR_OK ||
	    (rc = refuse_strangers(s)) != SR_OK)
		return rc;
	for (size_t i = 0; i < s->table_count; i++)
		if ((rc = sr_salvage_count_lost(s, &s->tables[i])) != SR_OK)
			return rc;
	/* What the ledger has lost, the version says. */
	if (s->version >= 0 &&
	    (rc = sr_ledger_prepare(s->conn, sr_migration_sources, s->version)) != SR_OK)
		return rc;
	return sr_conn_commit(s->conn);
}

/* What migrations fill in is counted by them as well; here it is after a loss. */
static sr_status count_anew(salvage *s)
{
	sr_status rc;

	if ((rc = sr_conn_begin(s->conn, SR_TRANSACTION_WRITE)) == SR_OK &&
	    (rc = sr_counters_rebuild(s->conn)) == SR_OK)
		rc = sr_conn_commit(s->conn);
	return rc;
}

static sr_status finish(salvage *s)
{
	const sr_schema_options up = {.to = -1};
	sr_status rc;

	if ((rc = sr_schema_migrate(s->conn, &up, NULL)) != SR_OK ||
	    (rc = sr_conn_triggers(s->conn, false)) != SR_OK || (rc = count_anew(s)) != SR_OK)
		return rc;
	for (size_t i = 0; i < s->table_count && rc == SR_OK; i++)
		rc = sr_ask(s->conn, "SELECT count(*) FROM pragma_foreign_key_check($1)",
			    s->tables[i].name, NULL, &s->tables[i].orphans);
	return rc == SR_OK ? sr_integrity(s->conn, true) : rc;
}

static sr_status run(salvage *s)
{
	sr_status rc;

	/* Building indexes sorts: in files, not in memory. */
	if ((rc = sr_exec(s->conn, "PRAGMA foreign_keys = OFF; PRAGMA temp_store = FILE")) !=
		    SR_OK ||
	    (rc = sr_conn_triggers(s->conn, false)) != SR_OK || (rc = rows_all(s)) != SR_OK)
		return rc;
	notes_take(s);
	return finish(s);
}

sr_status sr_schema_salvage(sr_pages *pages, sr_conn *conn, const sr_salvage_options *options,
			    sr_salvaged **salvaged)
{
	salvage s = {.pages = pages, .conn = conn, .options = options};
	sr_status rc;

	*salvaged = NULL;
	if ((rc = run(&s)) == SR_OK)
		rc = outcome_make(&s, salvaged);
	sr_salvage_tables_free(&s);
	sr_salvage_schema_free(&s);
	sr_names_free(&s.index_texts);
	sr_names_free(&s.indexes);
	sr_names_free(&s.notes);
	return rc;
}
