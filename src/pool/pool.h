/*
 * The pool: one writer, N readers, fair waiting, group commit.
 *
 * It knows no SQL. Readers are lent to whoever comes first; writes go through sr_pool_commit,
 * which lets writers that arrive together share one transaction and one fsync, or through
 * sr_pool_write for what must run alone. A thread that holds the writer's open transaction
 * (sr_pool_begin) joins it with every call instead of waiting for itself.
 *
 * `site` names the call and the place in messages: SR_HERE, or an owner's own words.
 */
#ifndef SR_POOL_H
#define SR_POOL_H

#include "../engine/engine.h"

#define SR_SITE_TEXT(line) #line
#define SR_SITE_LINE(line) SR_SITE_TEXT(line)
#define SR_HERE            __FILE__ ":" SR_SITE_LINE(__LINE__)

typedef struct sr_pool sr_pool;

typedef struct sr_pool_options {
	const sr_engine *engine;
	const char *path; /* Absolute. */
	int readers;      /* At least 1. */
	double timeout;   /* Seconds that an acquire waits. */
	sr_durability durability;
	bool read_only;           /* No writer at all: writes are SR_READ_ONLY. */
	bool late_writer;         /* The writer is opened by the first write and not before: what
				     is only read stays as it is, its journal mode too. */
	bool direct;              /* A connection per call instead of a pool of them. */
	int cache_pages;          /* In all connections together; 0: 10,000. */
	double validate_after;    /* Seconds of idling after which a connection is proved; 0: 30. */
	double recycle_after;     /* Age in seconds at which one is replaced; 0: 3600. */
	double leak_after;        /* Seconds held that are reported as a leak; 0: 60. */
	int64_t checkpoint_bytes; /* Growth of the log that starts a checkpoint; 0: 8 MiB. */
	int64_t log_alarm_bytes;  /* Log size that raises an alarm; 0: 256 MiB. */
} sr_pool_options;

sr_status sr_pool_open(sr_pool **pool, const sr_pool_options *options);

/* Waiters get SR_CLOSED; waits up to the timeout for what is lent, see sr_close. */
sr_status sr_pool_close(sr_pool *pool);

/* A reader, inside no transaction. Inside this thread's own transaction it is that
 * transaction's connection. */
sr_status sr_pool_read(sr_pool *pool, const char *site, sr_conn **conn);

/* The writer, alone, inside no transaction: for streaming and mass work, migrations, leases.
 * Inside this thread's own transaction it is that transaction's connection. */
sr_status sr_pool_write(sr_pool *pool, const char *site, sr_conn **conn);

/* Gives back what either lent; rolls back what was left open, and discards what is broken. */
void sr_pool_release(sr_pool *pool, sr_conn *conn);

/* One write, as a closure that can be run again: it may be called more than once, must only
 * touch the database through conn and set its results in arg anew each time. It must not
 * begin, commit or use savepoints below the one it runs in unless balanced. */
typedef sr_status (*sr_operation)(sr_conn *conn, void *arg);

/* Runs the operation in a transaction, perhaps together with other threads' operations, and returns
 * when its commit is durable (durability full). Its own failure undoes it alone.
 * SR_OUTCOME_UNKNOWN: the commit failed in its last step. */
sr_status sr_pool_commit(sr_pool *pool, const char *site, sr_operation operation, void *arg);

/* The same for an operation of very many statements: it is the first of its batch, which alone
 * needs no savepoint, and so takes time in line with them. */
sr_status sr_pool_commit_large(sr_pool *pool, const char *site, sr_operation operation, void *arg);

/* What each of count operations of one kind would do with its arg, done at once. It may be called
 * with all of them and then each of them after all: any failure undoes it as a whole, and is
 * nobody's. */
typedef sr_status (*sr_together)(sr_conn *conn, void *const *args, size_t count);

/* The same for an operation that may be done at once with others that stand beside it and have the
 * same `together`. */
sr_status sr_pool_commit_together(sr_pool *pool, const char *site, sr_operation operation,
				  sr_together together, void *arg);

/* A transaction of the calling thread over several calls; nested ones are savepoints. */
sr_status sr_pool_begin(sr_pool *pool, const char *site);
sr_status sr_pool_end(sr_pool *pool, bool commit); /* SR_INVALID without one. */
bool sr_pool_in_transaction(sr_pool *pool);        /* This thread's. */

/* Whether this thread holds the writer: for a transaction of its own, as a lease, or while it runs
 * operations, its own and others'. */
bool sr_pool_writing(sr_pool *pool);

/* Makes the transaction of another thread this one's: see sr_transaction_take. */
sr_status sr_pool_take_over(sr_pool *pool, long thread, size_t cursors);

/* From now on readers fire no trigger and read no view: the schema is somebody else's. */
void sr_pool_distrust(sr_pool *pool);

/* Brings the log into the database as far as readers allow. */
sr_status sr_pool_checkpoint(sr_pool *pool);

/* Seconds that the oldest lease of a reader but this thread's own has been out, and its site in
 * words; 0 and "" where there is none. */
double sr_pool_oldest_reader(sr_pool *pool, char *site, size_t size);

void sr_pool_statistics_read(sr_pool *pool, sr_pool_statistics *statistics);

#endif
