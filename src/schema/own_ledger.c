/*
 * The ledger of users' own migrations, own_migrations: beside this program's, so that their numbers
 * are never taken for versions of the schema. The first one makes it. What old code has written of
 * them into this program's ledger counts as well, until the next migration moves it here.
 */
#include "schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const columns[] = {"version", "description", "applied_at", "rollback_sql",
				      "checksum"};

bool sr_is_ledger(const char *table)
{
	return strcasecmp(table, "database_migrations") == 0 ||
	       strcasecmp(table, "own_migrations") == 0;
}

static sr_status ledger_there(sr_conn *conn, bool *there)
{
	char type[16];
	sr_status rc;

	*there = false;
	if ((rc = sr_object_type(conn, "own_migrations", type)) != SR_OK || type[0] == '\0')
		return rc;
	*there = strcmp(type, "table") == 0;
	for (size_t i = 0; *there && i < sizeof(columns) / sizeof(columns[0]); i++)
		if ((rc = sr_column_exists(conn, "own_migrations", columns[i], there)) != SR_OK)
			return rc;
	return *there ? SR_OK
		      : sr_fail(SR_EXISTS,
				"%s: the %s own_migrations is not the ledger of users' own "
				"migrations that this program keeps under that name: rename it",
				sr_conn_path(conn), type);
}

sr_status sr_own_ledger_prepare(sr_conn *conn)
{
	bool there;
	sr_status rc;

	if ((rc = ledger_there(conn, &there)) != SR_OK || there)
		return rc;
	return sr_exec(conn, SR_OWN_LEDGER_SQL);
}

/* A statement with the version as its only parameter. */
static sr_status run_of(sr_conn *conn, const char *sql, int64_t version)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, sql, &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, version);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_own_ledger_move(sr_conn *conn, const sr_ledger *ledger)
{
	sr_status rc = sr_own_ledger_prepare(conn);

	for (size_t i = 0; i < ledger->foreign_count && rc == SR_OK; i++) {
		const int64_t version = ledger->foreign[i];

		rc = run_of(conn,
			    "INSERT INTO own_migrations"
			    " (version, description, applied_at, rollback_sql)"
			    " SELECT CAST(version AS INTEGER), coalesce(description, ''),"
			    " coalesce(applied_at, ''), rollback_sql FROM database_migrations"
			    " WHERE CAST(version AS INTEGER) = $1 ON CONFLICT DO NOTHING",
			    version);
		if (rc == SR_OK)
			rc = run_of(conn,
				    "DELETE FROM database_migrations"
				    " WHERE CAST(version AS INTEGER) = $1",
				    version);
		if (rc == SR_OK)
			sr_log("migrate", SR_LOG_INFO,
			       "%s: migration %" PRId64 " is not this program's; it is in "
			       "own_migrations now",
			       sr_conn_path(conn), version);
	}
	return rc;
}

sr_status sr_own_ledger_lend(sr_conn *conn)
{
	bool there;
	sr_status rc;

	if ((rc = ledger_there(conn, &there)) != SR_OK || !there)
		return rc;
	return run_of(conn,
		      "INSERT INTO database_migrations"
		      " (version, description, applied_at, rollback_sql)"
		      " SELECT version, description, applied_at, rollback_sql FROM own_migrations"
		      " WHERE version > $1 ON CONFLICT DO NOTHING",
		      SR_LAST_OF_OLD_CODE);
}

sr_status sr_own_ledger_add(sr_conn *conn, const sr_own_migration *migration, const char *checksum)
{
	char now[48];
	sr_stmt *stmt;
	sr_status rc;

	sr_ledger_now(now);
	rc = sr_prepare(conn,
			"INSERT INTO own_migrations"
			" (version, description, applied_at, rollback_sql, checksum)"
			" VALUES ($1, $2, $3, $4, $5)",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, migration->version);
	sr_bind_text(stmt, 2, migration->description);
	sr_bind_text(stmt, 3, now);
	sr_bind_text(stmt, 4, migration->down_sql);
	sr_bind_text(stmt, 5, checksum);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static bool is_foreign(const sr_ledger *ledger, int64_t version)
{
	for (size_t i = 0; i < ledger->foreign_count; i++)
		if (ledger->foreign[i] == version)
			return true;
	return false;
}

/* Where it is written down: 0 nowhere, 1 among users' own, 2 among this program's. */
static sr_status look_up(sr_conn *conn, int64_t version, int *place)
{
	sr_ledger ledger;
	bool there, row = false;
	sr_stmt *stmt;
	sr_status rc;

	*place = 0;
	if ((rc = ledger_there(conn, &there)) != SR_OK)
		return rc;
	if (there) {
		rc = sr_prepare(conn, "SELECT 1 FROM own_migrations WHERE version = $1", &stmt);
		if (rc != SR_OK)
			return rc;
		sr_bind_integer(stmt, 1, version);
		rc = sr_step(stmt, &row);
		sr_stmt_done(stmt);
	}
	if (rc != SR_OK || row) {
		*place = row;
		return rc;
	}
	if ((rc = sr_ledger_read(conn, &ledger)) == SR_OK && is_foreign(&ledger, version))
		*place = 2;
	sr_ledger_free(&ledger);
	return rc;
}

sr_status sr_own_ledger_remove(sr_conn *conn, int64_t version)
{
	int place;
	sr_status rc;

	if ((rc = look_up(conn, version, &place)) != SR_OK || place == 0)
		return rc;
	return run_of(conn,
		      place == 1 ? "DELETE FROM own_migrations WHERE version = $1"
				 : "DELETE FROM database_migrations"
				   " WHERE CAST(version AS INTEGER) = $1",
		      version);
}

/* Rows of the ledger of the old code may have neither. */
static const char *select_of(int place, bool has_rollback)
{
	if (place == 1)
		return "SELECT checksum, rollback_sql, description, applied_at FROM own_migrations"
		       " WHERE version = $1";
	return has_rollback ? "SELECT NULL, rollback_sql, description, applied_at"
			      " FROM database_migrations WHERE CAST(version AS INTEGER) = $1"
			    : "SELECT NULL, NULL, description, applied_at"
			      " FROM database_migrations WHERE CAST(version AS INTEGER) = $1";
}

/* Stands on its row: checksum, rollback_sql, description, applied_at. *stmt is NULL where it is not
 * applied. */
static sr_status open_row(sr_conn *conn, int64_t version, sr_stmt **stmt)
{
	bool has_rollback = true, row = false;
	int place;
	sr_status rc;

	*stmt = NULL;
	if ((rc = look_up(conn, version, &place)) != SR_OK || place == 0)
		return rc;
	if (place == 2 && (rc = sr_column_exists(conn, "database_migrations", "rollback_sql",
						 &has_rollback)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(conn, select_of(place, has_rollback), stmt)) != SR_OK)
		return rc;
	sr_bind_integer(*stmt, 1, version);
	if ((rc = sr_step(*stmt, &row)) != SR_OK || !row) {
		sr_stmt_done(*stmt);
		*stmt = NULL;
	}
	return rc;
}

static sr_status copy_text(sr_text text, char **copy)
{
	*copy = text.data ? strdup(text.data) : NULL;
	return text.data == NULL || *copy != NULL ? SR_OK : sr_fail_memory();
}

sr_status sr_own_ledger_find(sr_conn *conn, int64_t version, sr_own_applied *applied)
{
	sr_stmt *stmt;
	sr_status rc;

	*applied = (sr_own_applied){.found = false};
	if ((rc = open_row(conn, version, &stmt)) != SR_OK || stmt == NULL)
		return rc;
	applied->found = true;
	if ((rc = copy_text(sr_column_text(stmt, 0), &applied->checksum)) == SR_OK)
		rc = copy_text(sr_column_text(stmt, 1), &applied->down_sql);
	return sr_stmt_end(stmt, rc);
}

void sr_own_applied_free(sr_own_applied *applied)
{
	free(applied->checksum);
	free(applied->down_sql);
	*applied = (sr_own_applied){.found = false};
}

/* ---- Listing ---- */

/* Numbers of those applied. */
typedef struct numbers {
	int64_t *list;
	size_t count;
} numbers;

static sr_status add_number(numbers *all, int64_t number)
{
	int64_t *more = realloc(all->list, (all->count + 1) * sizeof(*more));

	if (more == NULL)
		return sr_fail_memory();
	all->list = more;
	more[all->count++] = number;
	return SR_OK;
}

static sr_status find_numbers(sr_conn *conn, numbers *all)
{
	sr_ledger ledger;
	bool there, row;
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = ledger_there(conn, &there)) != SR_OK)
		return rc;
	if (there) {
		if ((rc = sr_prepare(conn, "SELECT version FROM own_migrations", &stmt)) != SR_OK)
			return rc;
		while ((rc = sr_step(stmt, &row)) == SR_OK && row)
			if ((rc = add_number(all, sr_column_integer(stmt, 0))) != SR_OK)
				break;
		sr_stmt_done(stmt);
	}
	if (rc == SR_OK)
		rc = sr_ledger_read(conn, &ledger);
	if (rc != SR_OK)
		return rc;
	for (size_t i = 0; i < ledger.foreign_count && rc == SR_OK; i++)
		rc = add_number(all, ledger.foreign[i]);
	sr_ledger_free(&ledger);
	return rc;
}

static int compare(const void *a, const void *b)
{
	const int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return (one > other) - (one < other);
}

static sr_status tell(sr_conn *conn, int64_t version, sr_own_fn fn, void *arg)
{
	sr_own_migration migration = {.version = version};
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = open_row(conn, version, &stmt)) != SR_OK || stmt == NULL)
		return rc;
	migration.down_sql = sr_column_text(stmt, 1).data;
	migration.description = sr_column_text(stmt, 2).data;
	migration.applied_at = sr_column_text(stmt, 3).data;
	if (migration.description == NULL)
		migration.description = "";
	if (migration.applied_at == NULL)
		migration.applied_at = "";
	if ((rc = sr_stmt_check(stmt)) == SR_OK)
		fn(arg, &migration);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_own_ledger_each(sr_conn *conn, sr_own_fn fn, void *arg)
{
	numbers all = {NULL, 0};
	sr_status rc;

	if ((rc = find_numbers(conn, &all)) == SR_OK && all.count > 1)
		qsort(all.list, all.count, sizeof(*all.list), compare);
	/* One that is in both ledgers is told once. */
	for (size_t i = 0; rc == SR_OK && i < all.count; i++)
		if (i == 0 || all.list[i] != all.list[i - 1])
			rc = tell(conn, all.list[i], fn, arg);
	free(all.list);
	return rc;
}
