#include "stub_engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "engine/vtable.h"
#include "scheduler.h"

enum { PENDING = 256, DEPTH = 16, CONNECTIONS = 32 };

/* How a transaction reads, as SQLite's marks have it. */
typedef enum mark {
	NO_MARK,
	READS_DATABASE, /* All of the log was there: the log may begin anew, none may be copied. */
	READS_LOG,      /* Up to `until`: it may not begin anew, only that much is copied. */
} mark;

typedef struct stub_conn {
	sr_conn base;
	bool inside, writes;
	bool has_read; /* Once: it knows of the log. */
	bool violated;
	int user; /* The thread in a call of it, or -1. */
	int snapshot;
	mark mark;
	int64_t until;
	int64_t log_size;
	double busy_timeout;
	int pending[PENDING];
	int pendings;
	struct {
		int pendings;
		bool violated;
	} savepoints[DEPTH];
	int depth;
	int place; /* In connections. */
} stub_conn;

stub_state stub;
static stub_conn *connections[CONNECTIONS];
static stub_conn *writing; /* Who has the write lock. */
static stub_conn *copying; /* Who checkpoints. */

static stub_conn *of(sr_conn *conn)
{
	return (stub_conn *)(void *)conn;
}

static const stub_conn *of_const(const sr_conn *conn)
{
	return (const stub_conn *)(const void *)conn;
}

static bool goes_wrong(unsigned once_in)
{
	bool wrong = schedule_once_in(once_in);

	stub.wrongs += wrong;
	return wrong;
}

/* Others may run before a call and in it, but not use the connection. */
static void enter(stub_conn *c, const char *what)
{
	schedule_point(what);
	if (c->user >= 0)
		schedule_fail("a connection is used by thread %d as well", c->user);
	c->user = schedule_self();
	schedule_point(what);
}

static sr_status leave(stub_conn *c, sr_status rc)
{
	c->user = -1;
	return rc;
}

/* ---- Opening ---- */

static sr_status stub_open(const char *path, const sr_conn_options *options, sr_conn **conn)
{
	stub_conn *c;

	schedule_point("open");
	if (goes_wrong(stub.faults.open))
		return sr_fail(SR_IO, "%s: it does not open", path);
	if ((c = calloc(1, sizeof *c)) == NULL)
		return sr_fail_memory();
	c->base.engine = &stub_engine;
	c->base.path = strdup(path);
	c->base.access = options->access;
	c->base.owner = getpid();
	c->base.generation = sr_process_generation();
	c->busy_timeout = options->busy_timeout;
	c->user = -1;
	while (connections[c->place] != NULL)
		if (++c->place == CONNECTIONS)
			schedule_fail("more than %d connections are open", CONNECTIONS);
	connections[c->place] = c;
	stub.open++;
	*conn = &c->base;
	return SR_OK;
}

static void stub_close(sr_conn *conn)
{
	stub_conn *c = of(conn);

	enter(c, "close");
	if (c->inside || writing == c || copying == c)
		schedule_fail("a connection is closed in the middle of something");
	connections[c->place] = NULL;
	stub.open--;
	free(c->base.path);
	free(c);
}

static sr_status stub_validate(sr_conn *conn)
{
	enter(of(conn), "validate");
	if (goes_wrong(stub.faults.validate))
		return leave(of(conn), sr_fail(SR_IO, "it did not survive idling"));
	return leave(of(conn), SR_OK);
}

/* ---- Transactions ---- */

static void end(stub_conn *c)
{
	if (writing == c)
		writing = NULL;
	c->inside = c->writes = c->violated = false;
	c->mark = NO_MARK;
	c->pendings = c->depth = 0;
}

static sr_status begin(stub_conn *c, bool writes)
{
	if (c->inside)
		schedule_fail("a transaction is begun in another");
	if (writes && writing != NULL) {
		if (c->busy_timeout > 0)
			schedule_fail("a writer waits for another one of its own pool");
		return sr_fail(SR_BUSY, "locked");
	}
	if (writes && goes_wrong(stub.faults.begin))
		return sr_fail(SR_BUSY, "another process writes");
	c->inside = true;
	c->writes = writes;
	c->has_read = true;
	c->snapshot = stub.count;
	c->mark = stub.backfilled == stub.frames ? READS_DATABASE : READS_LOG;
	c->until = stub.frames;
	if (!writes && stub.markless && copying == NULL)
		c->mark = NO_MARK;
	if (writes)
		writing = c;
	return SR_OK;
}

/* The first frame of a commit may be the first of the log again. */
static void begin_log_anew(const stub_conn *c)
{
	if (c->mark != READS_DATABASE || stub.frames == 0 || stub.frames != stub.backfilled)
		return;
	for (int i = 0; i < CONNECTIONS; i++)
		if (connections[i] != NULL && connections[i] != c &&
		    connections[i]->mark == READS_LOG)
			return;
	stub.frames = stub.backfilled = 0;
	stub.generation++;
}

static void apply(stub_conn *c)
{
	if (c->pendings == 0)
		return;
	if (stub.count + c->pendings > STUB_ROWS)
		schedule_fail("more than %d rows", STUB_ROWS);
	begin_log_anew(c);
	memcpy(stub.rows + stub.count, c->pending, (size_t)c->pendings * sizeof(int));
	stub.count += c->pendings;
	stub.frames += c->pendings + (schedule_once_in(stub.faults.large) ? 40 : 1);
	stub.commits++;
}

static sr_status commit(stub_conn *c)
{
	sr_status rc = SR_OK;

	if (!c->inside)
		schedule_fail("a commit without a transaction");
	if (c->writes && c->pendings > 0) {
		if (c->violated)
			return sr_fail(SR_CONSTRAINT, "a foreign key");
		if (goes_wrong(stub.faults.full)) {
			end(c);
			return sr_fail(SR_NO_SPACE, "the disk is full");
		}
		if (goes_wrong(stub.faults.busy))
			return sr_fail(SR_BUSY, "locked");
		if (goes_wrong(stub.faults.unknown)) {
			rc = sr_fail(SR_IO, "the disk is gone");
			if (schedule_once_in(2))
				apply(c);
		} else if (!stub.early) {
			apply(c);
		}
		schedule_point("synced");
	}
	c->log_size = stub.frames * STUB_PAGE;
	end(c);
	return rc;
}

static sr_status command(stub_conn *c, sr_command what)
{
	switch (what) {
	case SR_COMMAND_READ:
	case SR_COMMAND_SNAPSHOT:
		return begin(c, false);
	case SR_COMMAND_WRITE:
	case SR_COMMAND_EXCLUSIVE:
		return begin(c, true);
	case SR_COMMAND_COMMIT:
		return commit(c);
	case SR_COMMAND_ROLLBACK:
		end(c);
		return SR_OK;
	case SR_COMMAND_SAVEPOINT:
		if (!c->inside || c->depth == DEPTH)
			schedule_fail("a savepoint outside, or too deep");
		c->savepoints[c->depth].pendings = c->pendings;
		c->savepoints[c->depth++].violated = c->violated;
		return SR_OK;
	case SR_COMMAND_RELEASE:
	case SR_COMMAND_ROLLBACK_TO:
		if (!c->inside || c->depth == 0)
			schedule_fail("no savepoint is there");
		c->depth--;
		if (what == SR_COMMAND_ROLLBACK_TO) {
			c->pendings = c->savepoints[c->depth].pendings;
			c->violated = c->savepoints[c->depth].violated;
		}
		return SR_OK;
	default:
		return sr_fail(SR_INVALID, "no such command");
	}
}

static sr_status stub_command(sr_conn *conn, sr_command what)
{
	static const char *const names[SR_COMMAND_COUNT] = {
		"read",     "snapshot",  "BEGIN",   "EXCLUSIVE",   "COMMIT",
		"rollback", "savepoint", "release", "rollback-to",
	};

	enter(of(conn), names[what]);
	return leave(of(conn), command(of(conn), what));
}

static bool stub_in_transaction(const sr_conn *conn)
{
	return of_const(conn)->inside;
}

static bool stub_violation(const sr_conn *conn)
{
	return of_const(conn)->violated;
}

/* ---- The log ---- */

static int64_t stub_log_size(sr_conn *conn)
{
	return of(conn)->log_size;
}

/* As much as may be copied of what was there at the beginning. */
static int64_t safe_frames(const stub_conn *c, int64_t frames)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		const stub_conn *other = connections[i];

		if (other == NULL || other == c)
			continue;
		if (other->mark == READS_DATABASE)
			return 0;
		if (other->mark == READS_LOG && other->until < frames)
			frames = other->until;
	}
	return frames;
}

/* In the order of SQLite's: the header is read, the marks are looked at, frames are copied, and
 * the header is told; the log may begin anew between these, which it does not see. */
static void copy(stub_conn *c, sr_checkpoint *result)
{
	int64_t frames = stub.frames, generation = stub.generation, safe;

	schedule_point("copy");
	safe = safe_frames(c, frames);
	schedule_point("copy");
	if (safe > stub.backfilled) {
		if (generation != stub.generation)
			schedule_fail("the log began anew under a checkpoint, and %lld frames of "
				      "it pass for copied",
				      (long long)safe);
		stub.backfilled = safe;
	}
	result->log_pages = stub.frames;
	result->copied_pages = stub.backfilled;
	c->log_size = stub.frames * STUB_PAGE;
}

static sr_status stub_checkpoint(sr_conn *conn, sr_checkpoint *result)
{
	stub_conn *c = of(conn);

	enter(c, "checkpoint");
	if (!c->has_read)
		schedule_fail("a checkpoint on a connection that has not read does nothing");
	if (c->inside)
		schedule_fail("a checkpoint in a transaction");
	if (copying != NULL)
		schedule_fail("two checkpoints at once");
	copying = c;
	copy(c, result);
	copying = NULL;
	stub.checkpoints++;
	return leave(c, SR_OK);
}

/* ---- The engine ---- */

sr_engine stub_engine;

/* What the pool never asks for is left as it is, and would not get far. */
static void make_engine(void)
{
	stub_engine = sr_sqlite;
	stub_engine.name = "stub";
	stub_engine.open = stub_open;
	stub_engine.close = stub_close;
	stub_engine.validate = stub_validate;
	stub_engine.command = stub_command;
	stub_engine.in_transaction = stub_in_transaction;
	stub_engine.deferred_violation = stub_violation;
	stub_engine.log_size = stub_log_size;
	stub_engine.checkpoint = stub_checkpoint;
}

void stub_begin(const stub_faults *faults)
{
	make_engine();
	memset(&stub, 0, sizeof stub);
	memset(connections, 0, sizeof connections);
	stub.faults = *faults;
	writing = copying = NULL;
}

/* ---- Instead of statements ---- */

sr_status stub_insert(sr_conn *conn, int row)
{
	stub_conn *c = of(conn);

	if (!c->inside || !c->writes)
		return sr_fail(SR_SQL, "no transaction is open");
	if (c->pendings == PENDING)
		schedule_fail("more than %d rows in a transaction", PENDING);
	enter(c, "insert");
	c->pending[c->pendings++] = row;
	return leave(c, SR_OK);
}

int stub_count(sr_conn *conn)
{
	stub_conn *c = of(conn);

	enter(c, "count");
	(void)leave(c, SR_OK);
	return (c->inside ? c->snapshot : stub.count) + c->pendings;
}

int stub_pending(const sr_conn *conn)
{
	return of_const(conn)->pendings;
}

void stub_break(sr_conn *conn)
{
	end(of(conn));
}

void stub_violate(sr_conn *conn)
{
	of(conn)->violated = true;
}

int stub_times(int row)
{
	int times = 0;

	for (int i = 0; i < stub.count; i++)
		times += stub.rows[i] == row;
	return times;
}

/* ---- Another process ---- */

void stub_other_copies(void)
{
	schedule_point("other");
	if (copying == NULL && safe_frames(NULL, stub.frames) > stub.backfilled)
		stub.backfilled = safe_frames(NULL, stub.frames);
}

void stub_other_writes(void)
{
	stub_conn other = {.user = -1};

	schedule_point("other");
	if (writing != NULL)
		return;
	other.mark = stub.backfilled == stub.frames ? READS_DATABASE : READS_LOG;
	other.pending[other.pendings++] = STUB_OTHER;
	apply(&other);
	stub.commits--;
}
