/*
 * Users' own migrations: SQL of theirs, with the checks that this program's have.
 *
 *   ASKED -> CHECKED [check: known, integrity, space, backup]   CHECKED -> DONE [run_inside]
 *
 * Nobody declares what such SQL changes, so the guard notes which tables it writes, and every other
 * table must be as it was. What this program's tables, indexes and triggers are at this version
 * they must be afterwards, rows of clients and files must not become fewer, and tables that could
 * be written before must be writable.
 *
 * Invariants: 1. The SQL and its row in the ledger are one transaction, and whether it is applied
 * is read in it. 2. A failure leaves the database as it was, without the backup, which would be its
 * copy. 3. Triggers fire, since counters and the search index live by them; foreign keys do not
 * act, and rows that break one are counted before and after.
 */
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/checksum.h"

typedef struct own {
	sr_conn *conn;
	const sr_own_settings *settings;
	int64_t version;
	const sr_own_migration *up; /* What is applied; NULL on the way down: */
	sr_own_applied applied;     /* what is taken back. */
	const char *sql;
	char checksum[65];
	char who[48];
	sr_guard guard;
	sr_names touched;
	char *backup; /* Room for its path. */
} own;

/* What must not become worse, before and after. */
typedef struct state {
	sr_core_rows rows;
	sr_names drift;   /* "index idx_files_size" */
	sr_names foreign; /* What would run with our writes and is not ours. */
	sr_names stuck;   /* Our tables that cannot be written. */
	sr_status status; /* Of the first name that found no memory. */
} state;

/* ---- Looking ---- */

static void note_drift(void *arg, const char *kind, const char *object, const char *expected,
		       const char *found)
{
	char name[400];
	state *s = arg;

	(void)expected;
	(void)found;
	if (strcmp(kind, "addition") == 0)
		return;
	snprintf(name, sizeof(name), "%s %s", kind, object);
	if (s->status == SR_OK)
		s->status = sr_names_add(&s->drift, name);
}

static void note_foreign(void *arg, const char *type, const char *name, const char *table)
{
	char words[600];
	state *s = arg;

	snprintf(words, sizeof(words), "%s %s on %s", type, name, table);
	if (s->status == SR_OK)
		s->status = sr_names_add(&s->foreign, words);
}

static sr_status look_at_tables(sr_conn *conn, state *s)
{
	const sr_schema_object *o = sr_migration_sources[sr_migration_count - 1].schema;
	sr_status rc = SR_OK, again;

	for (; o->type && rc == SR_OK; o++) {
		char type[16];
		bool works;

		if (o->columns == NULL || (rc = sr_object_type(conn, o->name, type)) != SR_OK ||
		    type[0] == '\0')
			continue;
		if ((rc = sr_table_works(conn, o->name, &works)) == SR_OK && !works)
			rc = sr_names_add(&s->stuck, o->name);
	}
	again = sr_conn_triggers(conn, true);
	return rc != SR_OK ? rc : again;
}

static sr_status look(own *o, state *s)
{
	int64_t count;
	sr_status rc;

	if ((rc = sr_core_rows_count(o->conn, &s->rows)) != SR_OK ||
	    (rc = sr_schema_verify(o->conn, note_drift, s, &count)) != SR_OK ||
	    (rc = sr_schema_foreign(o->conn, note_foreign, s, &count)) != SR_OK ||
	    (rc = look_at_tables(o->conn, s)) != SR_OK)
		return rc;
	return s->status;
}

static void forget(state *s)
{
	sr_names_free(&s->drift);
	sr_names_free(&s->foreign);
	sr_names_free(&s->stuck);
}

/* The first of the names that were not there before, or NULL. */
static const char *first_new(const sr_names *before, const sr_names *after)
{
	for (size_t i = 0; i < after->count; i++)
		if (!sr_names_have(before, after->names[i]))
			return after->names[i];
	return NULL;
}

static sr_status refuse(const own *o, const char *what, const char *name)
{
	return sr_fail(SR_REFUSED,
		       "%s contains potentially dangerous operations: %s%s; review its SQL", o->who,
		       what, name);
}

static sr_status compare_rows(const own *o, const state *before, const state *after)
{
	char words[120];

	snprintf(words, sizeof(words), "%" PRId64 " of %" PRId64,
		 after->rows.clients < before->rows.clients ? after->rows.clients
							    : after->rows.files,
		 after->rows.clients < before->rows.clients ? before->rows.clients
							    : before->rows.files);
	if (after->rows.clients < before->rows.clients)
		return refuse(o, "of the rows of clients it leaves ", words);
	if (after->rows.files < before->rows.files)
		return refuse(o, "of the rows of files it leaves ", words);
	return SR_OK;
}

/* What the operator has allowed is not asked. */
static sr_status compare(const own *o, const state *before, const state *after)
{
	const char *name;

	if ((name = first_new(&before->stuck, &after->stuck)) != NULL)
		return sr_fail(SR_INVALID, "%s: after it nothing could be written to %s", o->who,
			       name);
	if (!o->settings->block_dangerous)
		return SR_OK;
	if ((name = first_new(&before->drift, &after->drift)) != NULL)
		return refuse(o, "it changes what is this program's, the ", name);
	if ((name = first_new(&before->foreign, &after->foreign)) != NULL &&
	    !o->settings->trust_foreign)
		return refuse(o,
			      "the catalog would only read afterwards, for TRUST_FOREIGN_TRIGGERS "
			      "is off and this would take part in its writes: ",
			      name);
	return compare_rows(o, before, after);
}

/* ---- Inside the transaction ---- */

/* "statement 2: Migration 7 contains …" with the migration's number first. */
static sr_status fail_refused(const own *o)
{
	char words[SR_MESSAGE_SIZE];
	char *ours;

	strcpy(words, sr_error_message());
	ours = strstr(words, o->who);
	if (ours == NULL || ours - words < 2)
		return SR_REFUSED;
	ours[-2] = '\0';
	return sr_fail(SR_REFUSED, "%s (%s)", ours, words);
}

static sr_status run_sql(own *o)
{
	sr_status rc;

	sr_conn_guard(o->conn, sr_guard_own, &o->guard);
	rc = sr_exec(o->conn, o->sql);
	sr_conn_guard(o->conn, NULL, NULL);
	if (rc == SR_OK && o->guard.status != SR_OK)
		return sr_fail_memory();
	rc = sr_script_refused(rc, o->who);
	if (rc == SR_REFUSED)
		return fail_refused(o);
	return rc == SR_OK ? rc : sr_fail_within(rc, "%s", o->who);
}

static sr_status write_down(own *o)
{
	if (o->up == NULL)
		return sr_own_ledger_remove(o->conn, o->version);
	return sr_own_ledger_add(o->conn, o->up, o->checksum);
}

static sr_status run_checked(own *o, sr_measures *measures, state *before, state *after)
{
	static const char *const none[] = {NULL};
	const char **touched;
	sr_status rc;

	if ((rc = sr_own_ledger_prepare(o->conn)) != SR_OK || (rc = look(o, before)) != SR_OK)
		return rc;
	if (o->settings->validate && (rc = sr_measures_take(o->conn, measures, none)) != SR_OK)
		return rc;
	if ((rc = run_sql(o)) != SR_OK || (rc = look(o, after)) != SR_OK ||
	    (rc = compare(o, before, after)) != SR_OK)
		return rc;
	if (!o->settings->validate)
		return write_down(o);
	if ((touched = calloc(o->touched.count + 1, sizeof(*touched))) == NULL)
		return sr_fail_memory();
	for (size_t i = 0; i < o->touched.count; i++)
		touched[i] = o->touched.names[i];
	rc = sr_measures_compare(o->conn, measures, touched);
	free(touched);
	if (rc == SR_OK)
		rc = sr_integrity(o->conn, false);
	if (rc != SR_OK)
		return sr_fail_within(rc, "after %s", o->who);
	return write_down(o);
}

/* Whether it is applied, said by the ledger of this moment. */
static sr_status check_known(own *o)
{
	bool legacy, other;
	int version;
	sr_status rc;

	if ((rc = sr_schema_version(o->conn, &version, &legacy)) != SR_OK)
		return rc;
	if (legacy || version < sr_schema_latest())
		return sr_fail(SR_TOO_OLD,
			       "%s is at schema version %d, and own migrations need %d: run "
			       "`strongroom migrate up` first",
			       sr_conn_path(o->conn), version, sr_schema_latest());
	if (version > sr_schema_latest())
		return sr_fail(SR_TOO_NEW,
			       "%s has schema version %d, and this program knows versions up to "
			       "%d; use a newer one",
			       sr_conn_path(o->conn), version, sr_schema_latest());
	sr_own_applied_free(&o->applied);
	if ((rc = sr_own_ledger_find(o->conn, o->version, &o->applied)) != SR_OK)
		return rc;
	other = o->applied.checksum != NULL && strcmp(o->applied.checksum, o->checksum) != 0;
	if (o->up != NULL && o->applied.found)
		return sr_fail(SR_EXISTS, "own migration %" PRId64 " is applied already%s",
			       o->version, other ? ", with another SQL" : "");
	if (o->up != NULL)
		return SR_OK;
	if (!o->applied.found)
		return sr_fail(SR_NOT_FOUND, "own migration %" PRId64 " is not applied",
			       o->version);
	if (o->applied.down_sql == NULL || o->applied.down_sql[0] == '\0')
		return sr_fail(SR_INVALID,
			       "own migration %" PRId64 " came without SQL that takes it back",
			       o->version);
	o->sql = o->applied.down_sql;
	return SR_OK;
}

static sr_status run_inside(own *o)
{
	sr_measures measures = {NULL, 0, 0};
	state before = {.status = SR_OK}, after = {.status = SR_OK};
	sr_status rc;

	if ((rc = sr_conn_begin(o->conn, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	if ((rc = check_known(o)) == SR_OK)
		rc = run_checked(o, &measures, &before, &after);
	if (rc == SR_OK)
		rc = sr_conn_commit(o->conn);
	if (rc != SR_OK)
		sr_conn_rollback(o->conn);
	forget(&before);
	forget(&after);
	sr_measures_free(&measures);
	return rc;
}

/* ---- Around it ---- */

static sr_status check(own *o)
{
	bool some;
	sr_status rc;

	if ((rc = check_known(o)) != SR_OK)
		return rc;
	if (o->settings->validate && (rc = sr_integrity(o->conn, false)) != SR_OK)
		return sr_fail_within(rc, "nothing was migrated");
	if ((rc = sr_schema_has_rows(o->conn, &some)) != SR_OK)
		return rc;
	some = some && o->settings->backup;
	if ((rc = sr_schema_space_check(o->conn, some)) != SR_OK)
		return rc;
	return some ? sr_backup_make(o->conn, o->backup, NULL, NULL) : SR_OK;
}

static sr_status run(own *o)
{
	char words[SR_MESSAGE_SIZE];
	sr_status rc;

	if ((rc = check(o)) != SR_OK)
		return rc;
	if ((rc = sr_conn_foreign_keys(o->conn, false)) != SR_OK)
		return rc;
	rc = run_inside(o);
	strcpy(words, sr_error_message());
	/* Where that fails, nobody gets the connection any more. */
	(void)sr_conn_foreign_keys(o->conn, true);
	if (o->backup[0] != '\0' && rc != SR_OK && rc != SR_OUTCOME_UNKNOWN) {
		sr_backup_forget(o->conn, o->backup);
		o->backup[0] = '\0';
	} else if (o->backup[0] != '\0') {
		sr_backup_cut(o->conn);
	}
	if (rc != SR_OK)
		sr_error_set(words);
	return rc;
}

static sr_status start(own *o, sr_conn *conn, const sr_own_settings *settings, int64_t version,
		       char backup[4096])
{
	*o = (own){.conn = conn, .settings = settings, .version = version, .backup = backup};
	backup[0] = '\0';
	if (version < 1 || version > SR_OWN_VERSION_MAX)
		return sr_fail(SR_INVALID,
			       "the number of an own migration is from 1 to %" PRId64
			       ", not %" PRId64,
			       SR_OWN_VERSION_MAX, version);
	snprintf(o->who, sizeof(o->who), "Migration %" PRId64, version);
	o->guard = (sr_guard){
		.who = o->who, .block = settings->block_dangerous, .touched = &o->touched};
	return SR_OK;
}

static void end(own *o)
{
	sr_own_applied_free(&o->applied);
	sr_names_free(&o->touched);
}

sr_status sr_own_up(sr_conn *conn, const sr_own_settings *settings,
		    const sr_own_migration *migration, char backup[4096])
{
	sr_status rc;
	own o;

	if (migration->up_sql == NULL || migration->up_sql[0] == '\0')
		return sr_fail(SR_INVALID, "own migration %" PRId64 " has no SQL",
			       migration->version);
	if (migration->description == NULL)
		return sr_fail(SR_INVALID, "own migration %" PRId64 " has no description",
			       migration->version);
	if ((rc = start(&o, conn, settings, migration->version, backup)) != SR_OK)
		return rc;
	o.up = migration;
	o.sql = migration->up_sql;
	if ((rc = sr_sha256_hex(o.sql, strlen(o.sql), o.checksum)) == SR_OK &&
	    (rc = run(&o)) == SR_OK)
		sr_log("migrate", SR_LOG_INFO, "%s: own migration %" PRId64 " is applied: %s",
		       sr_conn_path(conn), migration->version, migration->description);
	end(&o);
	return rc;
}

sr_status sr_own_down(sr_conn *conn, const sr_own_settings *settings, int64_t version,
		      char backup[4096])
{
	sr_status rc;
	own o;

	if ((rc = start(&o, conn, settings, version, backup)) != SR_OK)
		return rc;
	if ((rc = run(&o)) == SR_OK)
		sr_log("migrate", SR_LOG_INFO, "%s: own migration %" PRId64 " is taken back",
		       sr_conn_path(conn), version);
	end(&o);
	return rc;
}
