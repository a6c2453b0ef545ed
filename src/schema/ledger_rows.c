/*
 * Whose rows the ledger has. The old code writes its users' own migrations into the same table, as
 * versions 6, 100 or what its users liked, and may do so in a database that this program has
 * brought to its latest version. Those rows are none of this program's versions.
 *
 * This program gives every row a checksum but those of versions that it has found by their tables,
 * all up to one version, and these have its own descriptions. So a row of a version after the old
 * code's last is foreign where it has neither; and so is one beyond the latest that has no
 * checksum, unless all of the rows before it were found by their tables.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

/* A row, and what is known of it. */
typedef struct row {
	int64_t version;
	bool checked;
	bool ours; /* By its version, its words or its checksum. */
} row;

typedef struct rows {
	row *list;
	size_t count;
	size_t room;
} rows;

static row read_row(sr_stmt *stmt)
{
	const int latest = sr_schema_latest();
	const sr_text words = sr_column_text(stmt, 1);
	row read = {.version = sr_column_integer(stmt, 0)};

	if (read.version == SR_NULL_INTEGER)
		read.version = 0;
	read.checked = sr_column_type(stmt, 2) != SR_NULL;
	read.ours = read.checked || read.version <= SR_LAST_OF_OLD_CODE ||
		    (read.version <= latest && words.data != NULL &&
		     strcmp(words.data, sr_migration_sources[read.version].description) == 0);
	return read;
}

static sr_status add_row(rows *all, row added)
{
	if (all->count == all->room) {
		const size_t room = all->room ? all->room * 2 : 64;
		row *list = realloc(all->list, room * sizeof(*list));

		if (list == NULL)
			return sr_fail_memory();
		all->list = list;
		all->room = room;
	}
	all->list[all->count++] = added;
	return SR_OK;
}

static sr_status prepare(sr_conn *conn, sr_stmt **stmt)
{
	bool words, checksum;
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if ((rc = sr_column_exists(conn, "database_migrations", "description", &words)) != SR_OK ||
	    (rc = sr_column_exists(conn, "database_migrations", "checksum", &checksum)) != SR_OK)
		return rc;
	/* Versions may be text in ledgers of other hands, and text sorts after every number. */
	sr_buffer_printf(&sql, "SELECT CAST(version AS INTEGER), %s, %s FROM database_migrations",
			 words ? "description" : "NULL", checksum ? "checksum" : "NULL");
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

static sr_status read_rows(sr_conn *conn, rows *all)
{
	sr_stmt *stmt = NULL;
	bool more;
	sr_status rc;

	if ((rc = prepare(conn, &stmt)) == SR_OK)
		while ((rc = sr_step(stmt, &more)) == SR_OK && more)
			if ((rc = add_row(all, read_row(stmt))) != SR_OK)
				break;
	rc = sr_stmt_end(stmt, rc);
	if (rc == SR_SQL)
		return sr_fail_within(SR_CORRUPT, "%s: the ledger cannot be read",
				      sr_conn_path(conn));
	return rc;
}

static bool has(const rows *all, int64_t version, bool checked)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].ours && all->list[i].version == version &&
		    (!checked || all->list[i].checked))
			return true;
	return false;
}

/* A newer program that found them all by their tables has no checksum either. */
static void settle_beyond(rows *all)
{
	const int latest = sr_schema_latest();
	bool found = true;

	for (int v = SR_LAST_OF_OLD_CODE + 1; v <= latest && found; v++)
		found = has(all, v, false) && !has(all, v, true);
	for (size_t i = 0; found && i < all->count; i++)
		if (all->list[i].version > latest)
			all->list[i].ours = true;
}

static sr_status add_foreign(sr_ledger *ledger, int64_t version)
{
	int64_t *more = realloc(ledger->foreign, (ledger->foreign_count + 1) * sizeof(*more));

	if (more == NULL)
		return sr_fail_memory();
	ledger->foreign = more;
	more[ledger->foreign_count++] = version;
	return SR_OK;
}

static sr_status take_rows(const rows *all, sr_ledger *ledger)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < all->count && rc == SR_OK; i++) {
		const row *at = &all->list[i];

		if (!at->ours && at->version <= SR_OWN_VERSION_MAX) {
			rc = add_foreign(ledger, at->version);
			continue;
		}
		if (!ledger->any || at->version > ledger->highest)
			ledger->highest = at->version;
		ledger->any = true;
		if (at->version > 0 && at->version < SR_LEDGER_MOST)
			ledger->has[at->version] = true;
	}
	return rc;
}

sr_status sr_ledger_read(sr_conn *conn, sr_ledger *ledger)
{
	rows all = {NULL, 0, 0};
	char type[16];
	sr_status rc;

	*ledger = (sr_ledger){.any = false};
	if ((rc = sr_table_type(conn, "database_migrations", type)) != SR_OK || type[0] == '\0')
		return rc;
	ledger->there = true;
	if ((rc = read_rows(conn, &all)) == SR_OK) {
		settle_beyond(&all);
		rc = take_rows(&all, ledger);
	}
	free(all.list);
	if (rc == SR_OK && ledger->any && (ledger->highest < 0 || ledger->highest > 1000000))
		rc = sr_fail(SR_CORRUPT, "%s: the ledger says version %lld", sr_conn_path(conn),
			     (long long)ledger->highest);
	if (rc != SR_OK)
		sr_ledger_free(ledger);
	return rc;
}

void sr_ledger_free(sr_ledger *ledger)
{
	free(ledger->foreign);
	*ledger = (sr_ledger){.any = false};
}

bool sr_ledger_has(const sr_ledger *ledger, int version)
{
	return version > 0 && version < SR_LEDGER_MOST && ledger->has[version];
}
