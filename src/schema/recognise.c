/*
 * A catalog of the latest version whose tables have this program's own words is known by them: no
 * question about columns, keys or the ledger's gaps is left then, and opening asks the two below
 * in place of some thirty. Whatever differs by a letter is asked about as ever.
 *
 * The texts are what the tables are: SQLite makes them of nothing else, and refuses a schema whose
 * rows say one name and their texts another.
 */
#include "schema.h"

#include <string.h>

/* What must be there, and what may be. Bits of what was found. */
enum {
	FILES = 1,
	CLIENTS = 2,
	VERSIONS = 4,
	LEDGER = 8,
	INSERTED = 16,
	UPDATED = 32,
	STATE = 64,
	SEGMENTS = 128,
	POSTINGS = 256,
	CHUNKS = 512,
	CHANGES = 1024,
	TABLES = FILES | CLIENTS | VERSIONS | LEDGER,
	TRIGGERS = INSERTED | UPDATED,
	SEARCHABLE = TRIGGERS | STATE | SEGMENTS | POSTINGS | CHUNKS | CHANGES,
};

static const struct {
	const char *name;
	unsigned bit;
} objects[] = {
	{"files", FILES},
	{"clients", CLIENTS},
	{"file_versions", VERSIONS},
	{"database_migrations", LEDGER},
	{"trg_files_search_insert", INSERTED},
	{"trg_files_search_update", UPDATED},
	{"search_state", STATE},
	{"search_segments", SEGMENTS},
	{"search_postings", POSTINGS},
	{"search_chunks", CHUNKS},
	{"search_changes", CHANGES},
};

/* What is searched with by its name: that is all that being searchable asks for. */
static bool has_our_words(unsigned bit, const char *type, const char *name, const char *sql)
{
	const sr_schema_object *ours;

	if (bit & TRIGGERS)
		return strcmp(type, "trigger") == 0;
	if (strcmp(type, "table") != 0)
		return false;
	if (bit & SEARCHABLE)
		return true;
	if (bit == LEDGER)
		return strcmp(sql, SR_LEDGER_SQL) == 0;
	ours = sr_schema_find(sr_migration_sources[sr_migration_count - 1].schema, type, name);
	return ours != NULL && strcmp(ours->sql, sql) == 0;
}

static sr_status find_objects(sr_conn *conn, unsigned *found)
{
	static const char sql[] =
		"SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name IN ("
		"'files', 'clients', 'file_versions', 'database_migrations',"
		" 'trg_files_search_insert', 'trg_files_search_update', 'search_state',"
		" 'search_segments', 'search_postings', 'search_chunks', 'search_changes')";
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*found = 0;
	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		const char *type = sr_column_text(stmt, 0).data;
		const char *name = sr_column_text(stmt, 1).data;
		const char *text = sr_column_text(stmt, 2).data;

		for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
			if (type && name && text && strcmp(objects[i].name, name) == 0 &&
			    has_our_words(objects[i].bit, type, name, text))
				*found |= objects[i].bit;
	}
	return sr_stmt_end(stmt, rc);
}

/* Whether each version but 0, which has no row, is written down, and none above the latest. */
static sr_status ledger_whole(sr_conn *conn, bool *whole)
{
	const int latest = sr_schema_latest();
	int next = 1;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	rc = sr_prepare(conn, "SELECT version FROM database_migrations ORDER BY version", &stmt);
	if (rc != SR_OK)
		return rc;
	/* The numbers are the table's key: whole ones, each once. */
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		if (sr_column_integer(stmt, 0) == next)
			next++;
		else if (sr_column_integer(stmt, 0) > latest)
			next = latest + 2;
	sr_stmt_done(stmt);
	*whole = next == latest + 1;
	return rc;
}

sr_status sr_shape_recognise(sr_conn *conn, sr_shape *shape)
{
	unsigned found;
	bool whole;
	sr_status rc;

	shape->known = false;
	if ((rc = find_objects(conn, &found)) != SR_OK || (found & TABLES) != TABLES)
		return rc;
	if ((rc = ledger_whole(conn, &whole)) != SR_OK || !whole)
		return rc;
	shape->known = true;
	shape->version = sr_schema_latest();
	shape->latest = true;
	shape->has_versions = true;
	shape->searchable = (found & SEARCHABLE) == SEARCHABLE;
	return SR_OK;
}
