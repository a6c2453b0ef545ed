/*
 * The same works on the real engine: fewer schedules, and no rules of a stub. A database serves
 * all of them, each with rows of its own.
 */
#include "engine/vtable.h"
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>

static sr_engine engine;
static char path[4200];
static int64_t base; /* The rows of this schedule are numbered from here on. */

static sr_status command(sr_conn *conn, sr_command what)
{
	sr_status rc;

	schedule_point("command");
	rc = sr_sqlite.command(conn, what);
	schedule_point("command");
	return rc;
}

static sr_status checkpoint(sr_conn *conn, sr_checkpoint *result)
{
	schedule_point("checkpoint");
	return sr_sqlite.checkpoint(conn, result);
}

static sr_status open_real(const char *name, const sr_conn_options *options, sr_conn **conn)
{
	sr_status rc;

	schedule_point("open");
	if ((rc = sr_sqlite.open(name, options, conn)) == SR_OK)
		(*conn)->engine = &engine;
	return rc;
}

static void run(const char *sql)
{
	sr_conn_options options = {.access = SR_ACCESS_CREATE, .busy_timeout = 1};
	sr_conn *conn;

	if (sr_conn_open(&sr_sqlite, path, &options, &conn) != SR_OK ||
	    sr_exec(conn, sql) != SR_OK) {
		fprintf(stderr, "%s\n", sr_error_message());
		exit(2);
	}
	sr_conn_close(conn);
}

void real_begin(const char *folder)
{
	engine = sr_sqlite;
	engine.command = command;
	engine.checkpoint = checkpoint;
	engine.open = open_real;
	snprintf(path, sizeof path, "%s/real.db", folder);
	run("CREATE TABLE done (row INTEGER PRIMARY KEY)");
}

const sr_engine *real_engine(const char **name)
{
	base += 1000;
	*name = path;
	return &engine;
}

sr_status real_insert(sr_conn *conn, int row)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(conn, "INSERT INTO done VALUES ($1)", &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, base + row);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static int ask(sr_conn *conn, const char *sql, int64_t from)
{
	sr_stmt *stmt;
	bool row = false;
	int value = -1;

	if (sr_prepare(conn, sql, &stmt) != SR_OK)
		return -1;
	sr_bind_integer(stmt, 1, from);
	if (sr_step(stmt, &row) == SR_OK && row)
		value = (int)sr_column_integer(stmt, 0);
	sr_stmt_done(stmt);
	return value;
}

int real_count(sr_conn *conn)
{
	schedule_point("count");
	return ask(conn, "SELECT count(*) FROM done WHERE row >= $1", base);
}

/* By a connection of its own, which sees what is committed. */
int real_times(int row)
{
	sr_conn *conn;
	sr_conn_options options = {.access = SR_ACCESS_READ, .busy_timeout = 1};
	int times;

	if (sr_conn_open(&sr_sqlite, path, &options, &conn) != SR_OK)
		schedule_fail("the database does not open: %s", sr_error_message());
	times = ask(conn, "SELECT count(*) FROM done WHERE row = $1", base + row);
	sr_conn_close(conn);
	return times;
}
