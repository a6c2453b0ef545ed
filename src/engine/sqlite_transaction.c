#include "sqlite.h"

#include "../base/clock.h"

/* Savepoints nest by themselves: a name means the innermost one that bears it. */
static const char *const command_sql[SR_COMMAND_COUNT] = {
	[SR_COMMAND_READ] = "BEGIN",
	[SR_COMMAND_SNAPSHOT] = "SELECT 1 FROM sqlite_schema LIMIT 1",
	[SR_COMMAND_WRITE] = "BEGIN IMMEDIATE",
	[SR_COMMAND_EXCLUSIVE] = "BEGIN EXCLUSIVE",
	[SR_COMMAND_COMMIT] = "COMMIT",
	[SR_COMMAND_ROLLBACK] = "ROLLBACK",
	[SR_COMMAND_SAVEPOINT] = "SAVEPOINT sr_nested",
	[SR_COMMAND_RELEASE] = "RELEASE sr_nested",
	[SR_COMMAND_ROLLBACK_TO] = "ROLLBACK TO sr_nested",
};

static int command_prepare(sqlite_conn *c, sr_command command)
{
	sqlite3_stmt **stmt = &c->commands[command];

	if (*stmt != NULL)
		return SQLITE_OK;
	return sqlite3_prepare_v3(c->db, command_sql[command], -1, SQLITE_PREPARE_PERSISTENT, stmt,
				  NULL);
}

/* What takes a command back is prepared before it: there may be no memory for that any more. */
static int prepare_both(sqlite_conn *c, sr_command command)
{
	int code = SQLITE_OK;

	if (command == SR_COMMAND_SAVEPOINT)
		code = command_prepare(c, SR_COMMAND_ROLLBACK_TO);
	if (command == SR_COMMAND_SAVEPOINT && code == SQLITE_OK)
		code = command_prepare(c, SR_COMMAND_RELEASE);
	if (command == SR_COMMAND_READ || command == SR_COMMAND_WRITE ||
	    command == SR_COMMAND_EXCLUSIVE)
		code = command_prepare(c, SR_COMMAND_ROLLBACK);
	return code == SQLITE_OK ? command_prepare(c, command) : code;
}

static int command_run(sqlite_conn *c, sr_command command)
{
	int code;

	c->own = true;
	if ((code = prepare_both(c, command)) == SQLITE_OK) {
		sqlite3_step(c->commands[command]);
		code = sqlite3_reset(c->commands[command]);
	}
	c->own = false;
	return code;
}

/* The snapshot begins at the first read, not at BEGIN. */
static int snapshot_take(sqlite_conn *c)
{
	return command_run(c, SR_COMMAND_SNAPSHOT);
}

static bool begins_write(sr_command command)
{
	return command == SR_COMMAND_WRITE || command == SR_COMMAND_EXCLUSIVE;
}

static bool ends_write(const sqlite_conn *c, sr_command command)
{
	return command == SR_COMMAND_COMMIT && sqlite3_txn_state(c->db, "main") == SQLITE_TXN_WRITE;
}

sr_status sr_sqlite_command(sr_conn *conn, sr_command command)
{
	sqlite_conn *c = sqlite_of(conn);
	sr_status rc;
	int code;

	c->busy_interrupts = atomic_load(&c->interrupts);
	if ((begins_write(command) || ends_write(c, command)) &&
	    (rc = sr_sqlite_place_check(c)) != SR_OK)
		return rc;
	if (ends_write(c, command) && (rc = sr_sqlite_cut_check(c, true)) != SR_OK)
		return rc;
	code = command_run(c, command);
	switch (command) {
	case SR_COMMAND_WRITE:
	case SR_COMMAND_EXCLUSIVE:
		/* What this would be built upon. */
		if (code == SQLITE_OK && (rc = sr_sqlite_cut_check(c, true)) != SR_OK) {
			command_run(c, SR_COMMAND_ROLLBACK);
			return rc;
		}
		break;
	case SR_COMMAND_READ:
		if (code == SQLITE_OK && (code = snapshot_take(c)) != SQLITE_OK) {
			rc = sr_sqlite_fail(c, code);
			command_run(c, SR_COMMAND_ROLLBACK);
			return rc;
		}
		if (code == SQLITE_OK && sr_sqlite_changed_below(c)) {
			command_run(c, SR_COMMAND_ROLLBACK);
			return sr_sqlite_fail_below(c);
		}
		break;
	case SR_COMMAND_ROLLBACK_TO:
		if (code == SQLITE_OK)
			code = command_run(c, SR_COMMAND_RELEASE);
		return sr_sqlite_status(code); /* The words tell why it came to this. */
	case SR_COMMAND_ROLLBACK:
		return sr_sqlite_status(code);
	default:
		break;
	}
	return code == SQLITE_OK ? SR_OK : sr_sqlite_fail(c, code);
}

bool sr_sqlite_in_transaction(const sr_conn *conn)
{
	return !sqlite3_get_autocommit(((const sqlite_conn *)conn)->db);
}

bool sr_sqlite_deferred_violation(const sr_conn *conn)
{
	int waiting = 0, highest = 0;

	sqlite3_db_status(((const sqlite_conn *)conn)->db, SQLITE_DBSTATUS_DEFERRED_FKS, &waiting,
			  &highest, 0);
	return waiting != 0;
}

/* ---- The log ---- */

/* Called by SQLite after each commit to the log, in the place of its automatic checkpoints. */
int sr_sqlite_log_grew(void *arg, sqlite3 *db, const char *database, int frames)
{
	sqlite_conn *c = arg;

	(void)db;
	if (database[0] == 'm')
		c->log_frames = frames;
	return SQLITE_OK;
}

int64_t sr_sqlite_log_size(sr_conn *conn)
{
	sqlite_conn *c = sqlite_of(conn);

	return (int64_t)c->log_frames * c->page_size;
}

sr_status sr_sqlite_checkpoint(sr_conn *conn, sr_checkpoint *result)
{
	sqlite_conn *c = sqlite_of(conn);
	int log = 0, copied = 0, code;
	sr_status rc;

	*result = (sr_checkpoint){0, 0};
	/* One that has never read has no log open: it would do nothing and say OK. */
	if ((code = snapshot_take(c)) != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	/* It would fill the file up again, with holes. */
	if ((rc = sr_sqlite_cut_check(c, false)) != SR_OK)
		return rc;
	code = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	result->log_pages = log < 0 ? 0 : log; /* -1: not in WAL mode. */
	result->copied_pages = copied < 0 ? 0 : copied;
	c->log_frames = (int)result->log_pages;
	return SR_OK;
}
