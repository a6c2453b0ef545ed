/*
 * An engine without a database, for schedules that cost microseconds: a committed row is a number
 * in a list, a log is a count of frames. It is strict where SQLite would quietly do harm: two
 * writers at once, a connection used by two threads, a log that begins anew under a checkpoint.
 * Each call is a point of the scheduler.
 */
#ifndef STUB_ENGINE_H
#define STUB_ENGINE_H

#include "engine/engine.h"

enum { STUB_ROWS = 512, STUB_PAGE = 100, STUB_OTHER = -1 };

/* Once in so many calls each goes wrong; 0: never. */
typedef struct stub_faults {
	unsigned open;     /* SR_IO. */
	unsigned validate; /* SR_IO: it did not survive idling. */
	unsigned begin;    /* SR_BUSY: another process writes. */
	unsigned full;     /* A commit is rolled back, SR_NO_SPACE. */
	unsigned busy;     /* One cannot get its lock, SR_BUSY. */
	unsigned unknown;  /* One fails in its last step, and is there or not. */
	unsigned large;    /* One adds many pages to the log. */
} stub_faults;

/* What the database holds, and what was seen. */
typedef struct stub_state {
	stub_faults faults;
	bool early;          /* Planted: a commit says that all is well and does nothing. */
	bool markless;       /* Planted: who reads beside a copy does not hold the log. */
	int rows[STUB_ROWS]; /* Committed, in this order. */
	int count;
	int open;                             /* Connections. */
	int64_t frames;                       /* In the log, */
	int64_t backfilled;                   /* those of them that are in the database, */
	int64_t generation;                   /* and how often it was begun anew. */
	int64_t checkpoints, commits, wrongs; /* wrongs: faults that happened. */
} stub_state;

extern stub_state stub;
extern sr_engine stub_engine;

void stub_begin(const stub_faults *faults); /* An empty database. */

/* As a statement: inserts a row inside the transaction. */
sr_status stub_insert(sr_conn *conn, int row);
/* Rows that this connection sees: committed when it began, and its own. */
int stub_count(sr_conn *conn);
/* Rows that are not committed yet. */
int stub_pending(const sr_conn *conn);
/* The engine rolls the transaction back by itself. */
void stub_break(sr_conn *conn);
/* A deferred foreign key is violated until the savepoint or transaction is undone. */
void stub_violate(sr_conn *conn);

/* How often the row is committed. */
int stub_times(int row);

/* Another process copies all that it may, or commits a row STUB_OTHER. In one step each: what it
 * may do wrong by itself is not looked for. */
void stub_other_copies(void);
void stub_other_writes(void);

#endif
