/*
 * The ledger, database_migrations, and what version a database is at.
 *
 * The columns are those of old databases, and a checksum that may be null. Version 0 has no
 * row, as it never had one.
 */
#include "schema.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int sr_schema_latest(void)
{
	return sr_migration_sources[sr_migration_count - 1].version;
}

sr_status sr_ledger_version(sr_conn *conn, int *version)
{
	sr_ledger ledger;
	sr_status rc;

	*version = -1;
	if ((rc = sr_ledger_read(conn, &ledger)) == SR_OK && ledger.any)
		*version = (int)ledger.highest;
	sr_ledger_free(&ledger);
	return rc;
}

/* Whether everything that `now` has and `before` had not is there; *marks says whether that is
 * anything at all. */
static sr_status version_present(sr_conn *conn, const sr_schema_object *before,
				 const sr_schema_object *now, bool *present, bool *marks)
{
	sr_status rc = SR_OK;

	*present = true;
	*marks = false;
	for (; now->type && *present && rc == SR_OK; now++) {
		const sr_schema_object *old = sr_schema_find(before, now->type, now->name);
		char type[16];

		if (old == NULL) {
			*marks = true;
			rc = sr_object_type(conn, now->name, type);
			*present = rc == SR_OK && strcmp(type, now->type) == 0;
			continue;
		}
		if (old->columns == NULL)
			continue;
		for (const sr_schema_column *c = now->columns; c->name && *present; c++) {
			if (sr_schema_has_column(old, c->name))
				continue;
			*marks = true;
			if ((rc = sr_column_exists(conn, now->name, c->name, present)) != SR_OK)
				return rc;
		}
	}
	return rc;
}

/* What the tables show: the last version whose whole prefix is there. */
static sr_status version_derive(sr_conn *conn, int *version)
{
	bool present = true;
	sr_status rc;

	*version = 0;
	for (int v = 1; v < sr_migration_count && present; v++) {
		bool marks;

		rc = version_present(conn, sr_migration_sources[v - 1].schema,
				     sr_migration_sources[v].schema, &present, &marks);
		if (rc != SR_OK)
			return rc;
		if (present && marks)
			*version = v;
	}
	return SR_OK;
}

/* No program that made catalogs made these tables WITHOUT ROWID, and the order of recording is
 * lost in them. */
static sr_status rows_have_numbers(sr_conn *conn)
{
	int64_t lacking;
	sr_status rc;

	rc = sr_query_integer(conn,
			      "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND wr"
			      " AND name COLLATE NOCASE IN ('clients', 'files')",
			      &lacking);
	if (rc == SR_OK && lacking)
		return sr_fail(SR_CORRUPT,
			       "%s: clients or files is a table WITHOUT ROWID, which is none of a "
			       "catalog's",
			       sr_conn_path(conn));
	return rc;
}

/* The old code applies single migrations too: a ledger that says 1, 2, 5 is at version 2, unless
 * the tables show that 3 and 4 are there and only their rows are not. */
static sr_status version_without_gaps(sr_conn *conn, const sr_ledger *ledger, int *version)
{
	sr_status rc = SR_OK;

	for (*version = 0; *version < (int)ledger->highest && rc == SR_OK; (*version)++) {
		const sr_migration_source *next = &sr_migration_sources[*version + 1];
		bool there, marks;

		if (sr_ledger_has(ledger, next->version))
			continue;
		rc = version_present(conn, next[-1].schema, next->schema, &there, &marks);
		if (rc == SR_OK && !(there && marks))
			break;
	}
	return rc;
}

static sr_status version_tell(sr_conn *conn, const sr_ledger *ledger, int *version, bool *legacy)
{
	char clients[16];
	char files[16];
	sr_status rc;

	*version = ledger->any ? (int)ledger->highest : -1;
	if ((rc = sr_table_type(conn, "clients", clients)) != SR_OK ||
	    (rc = sr_table_type(conn, "files", files)) != SR_OK)
		return rc;
	if ((rc = rows_have_numbers(conn)) != SR_OK)
		return rc;
	if (strcmp(files, "table") == 0 && (rc = sr_legacy_find(conn, legacy)) != SR_OK)
		return rc;
	if (*version > sr_schema_latest())
		return SR_OK;
	if (*version >= 0)
		return version_without_gaps(conn, ledger, version);
	if (clients[0] == '\0' && files[0] == '\0')
		return SR_OK;
	return version_derive(conn, version);
}

sr_status sr_schema_version(sr_conn *conn, int *version, bool *legacy)
{
	sr_ledger ledger;
	sr_status rc;

	*version = -1;
	*legacy = false;
	if ((rc = sr_ledger_read(conn, &ledger)) == SR_OK)
		rc = version_tell(conn, &ledger, version, legacy);
	sr_ledger_free(&ledger);
	return rc;
}

/* As the old code writes it: 2025-08-29T17:42:34.123456+00:00 */
void sr_ledger_now(char text[48])
{
	struct timespec now;
	struct tm parts;
	char day[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, 48, "%s.%06ld+00:00", day, now.tv_nsec / 1000);
}

sr_status sr_ledger_add(sr_conn *conn, const sr_migration_source *source, const char *checksum)
{
	char now[48];
	sr_stmt *stmt;
	sr_status rc;

	if (source->version == 0)
		return SR_OK;
	sr_ledger_now(now);
	rc = sr_prepare(conn,
			"INSERT INTO database_migrations"
			" (version, description, applied_at, rollback_sql, checksum)"
			" VALUES ($1, $2, $3, $4, $5)",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, source->version);
	sr_bind_text(stmt, 2, source->description);
	sr_bind_text(stmt, 3, now);
	sr_bind_text(stmt, 4, source->down.text);
	sr_bind_text(stmt, 5, checksum);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_ledger_remove(sr_conn *conn, int version)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"DELETE FROM database_migrations WHERE CAST(version AS INTEGER) >= $1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, version);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

/* The columns that a ledger of the old code lacks. */
static sr_status columns_complete(sr_conn *conn)
{
	static const char *const columns[] = {"rollback_sql", "checksum"};
	sr_status rc;

	rc = sr_exec(conn, "CREATE TABLE IF NOT EXISTS " SR_LEDGER_TEXT);
	for (size_t i = 0; i < 2 && rc == SR_OK; i++) {
		char sql[96];
		bool exists;

		rc = sr_column_exists(conn, "database_migrations", columns[i], &exists);
		if (rc != SR_OK || exists)
			continue;
		snprintf(sql, sizeof(sql), "ALTER TABLE database_migrations ADD COLUMN %s TEXT",
			 columns[i]);
		rc = sr_exec(conn, sql);
	}
	return rc;
}

sr_status sr_ledger_prepare(sr_conn *conn, const sr_migration_source *sources, int version)
{
	sr_ledger ledger;
	sr_status rc;

	if ((rc = columns_complete(conn)) != SR_OK || (rc = sr_ledger_read(conn, &ledger)) != SR_OK)
		return rc;
	if (ledger.foreign_count > 0)
		rc = sr_own_ledger_move(conn, &ledger);
	/* What the tables told is written down, with the checksum left open. */
	for (int v = 1; rc == SR_OK && v <= version; v++)
		if (!sr_ledger_has(&ledger, v))
			rc = sr_ledger_add(conn, &sources[v], NULL);
	sr_ledger_free(&ledger);
	return rc;
}

/* When a version was applied; borrowed from the statement. */
static sr_status applied_read(sr_conn *conn, int version, sr_stmt **stmt, sr_text *applied)
{
	sr_status rc;
	bool row;

	rc = sr_prepare(conn,
			"SELECT applied_at FROM database_migrations"
			" WHERE CAST(version AS INTEGER) = $1",
			stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(*stmt, 1, version);
	if ((rc = sr_step(*stmt, &row)) == SR_OK && row)
		*applied = sr_column_text(*stmt, 0);
	return rc;
}

sr_status sr_schema_ledger_each(sr_conn *conn, sr_ledger_fn fn, void *arg)
{
	sr_ledger ledger;
	bool legacy;
	int version;
	sr_status rc;

	if ((rc = sr_schema_version(conn, &version, &legacy)) != SR_OK ||
	    (rc = sr_ledger_read(conn, &ledger)) != SR_OK)
		return rc;
	for (int v = 1; v < sr_migration_count && rc == SR_OK; v++) {
		const bool has = sr_ledger_has(&ledger, v);
		sr_text applied = {NULL, 0};
		sr_stmt *stmt = NULL;

		if (has)
			rc = applied_read(conn, v, &stmt, &applied);
		/* Without a row, what the tables show counts as applied at no known time. */
		if (rc == SR_OK)
			fn(arg, v, sr_migration_sources[v].description,
			   has || v <= version ? (applied.data ? applied.data : "") : NULL);
		rc = sr_stmt_end(stmt, rc);
	}
	sr_ledger_free(&ledger);
	return rc;
}
