/*
 * Whatever may be done to a catalog's rows: by the library's calls, and by plain SQLite sessions
 * that know nothing of it.
 */
#ifndef WRITING_H
#define WRITING_H

#include <stdatomic.h>
#include <stdio.h>

#include <sqlite3.h>

#include "strongroom.h"
#include "words.h"

/* What a writer tells a reader in another process; in memory that they share. */
typedef struct progress {
	atomic_int begun; /* Commits that may have been made, */
	atomic_int done;  /* and that certainly have. */
	atomic_int stop;
	atomic_int pause; /* Microseconds between writes, on average. */
} progress;

typedef struct writing {
	const char *path;
	sr_catalog *catalog; /* NULL: only plain SQL. */
	FILE *log;           /* Each step, in words. */
	unsigned rows;       /* About as many as there may be. */
	progress *progress;  /* NULL: nobody asks. */
	bool failed;         /* Something failed that must not; the log says what. */
} writing;

/* Clients with fixed ids and names, so that both sides mean the same. */
void write_clients(writing *w);

/* One call, one session, or one transaction of calls. */
void write_something(writing *w);
void write_by_library(writing *w);
void write_by_sql(writing *w);

/* A call that may be part of a transaction of this thread. */
void write_in_transaction(writing *w);

/* Runs SQL on an open connection; what a rule forbids is part of the game. */
void run_sql(writing *w, sqlite3 *db, const char *sql);

/* A statement of any kind on rows as db shows them, in place of what sql held. */
void make_statement(writing *w, sqlite3 *db, sr_buffer *sql);

/* A connection as others open it; never NULL. */
sqlite3 *open_plain(const char *path);

void write_log(writing *w, const char *format, ...) SR_PRINTF(2, 3);

/* Around what commits: how many commits it may make at most. */
void write_begins(writing *w, int commits);
void write_ends(writing *w, int commits);

#endif
