/* What the files of the engine for SQLite share. */
#ifndef SR_ENGINE_SQLITE_H
#define SR_ENGINE_SQLITE_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "vtable.h"

typedef struct sqlite_conn {
	sr_conn base;
	sqlite3 *db;
	sqlite3_stmt *commands[SR_COMMAND_COUNT]; /* Prepared at their first use. */

	double busy_timeout;      /* Seconds. */
	int64_t busy_since;       /* sr_clock_ns() at the first refusal. */
	unsigned busy_interrupts; /* interrupts at that time. */
	atomic_uint interrupts;   /* Calls of sr_conn_interrupt, from any thread. */

	int log_frames; /* Pages in the log at the last commit or checkpoint. */
	int page_size;  /* Bytes. */
	int64_t least;  /* Bytes of the file at the last look; with as many, nothing was cut off. */

	const char *hidden_table; /* As in sr_conn_options. */
	const char *hidden_column;
	bool sweeping;           /* As in sr_conn_options. */
	bool untrusted;          /* Only what sqlite_guard.c lists. */
	double deadline;         /* Seconds that a statement may run; 0: any. */
	int64_t spent;           /* Nanoseconds that the running statement took in earlier steps. */
	int64_t entered;         /* sr_clock_ns() when its current step began. */
	bool timed_out;          /* The deadline stopped it. */
	const sr_stmt *stepping; /* The statement that runs; NULL: none of ours. */
	sr_watch_fn watch;       /* Asked whether the running statement goes on; NULL: nobody. */
	void *watch_arg;
	bool own;               /* The engine's own commands: the guard is not asked. */
	sr_status refused;      /* As what the guard has said no, with words; else SR_OK. */
	bool acts;              /* What was prepared changes the connection or the database. */
	bool tells;             /* It is a pragma that only tells. */
	bool inserts;           /* It puts rows into a table. */
	sr_statement_kind kind; /* What it is as far as was asked for; NONE: only reading. */
	char *subject;          /* What it names, until the statement takes it over. */
	bool immutable;         /* Opened without locks; stamp tells when that was wrong. */
	bool excludes;          /* Without WAL: readers and writers exclude each other. */
	int64_t stamp[3];       /* The file's inode, size and modification time then. */
	int unseen;             /* Why it could not be looked at again: an errno, or 0. */
	int watched; /* That file as O_PATH, where immutable; else, or without one, -1. */
} sqlite_conn;

typedef struct sqlite_stmt {
	sr_stmt base;
	sqlite3_stmt *stmt;
	int *indexes;     /* indexes[n - 1] is SQLite's index of $n, 0 for none. NULL: n. */
	sr_buffer *blobs; /* One a column: blobs with a NUL after them. NULL until needed. */
	int64_t spent;    /* As in sqlite_conn, between steps. */
} sqlite_stmt;

static inline sqlite_conn *sqlite_of(sr_conn *conn)
{
	return (sqlite_conn *)conn;
}

/* sqlite_log_owner.c: SR_REFUSED where the log beside the database was left by another; the
 * connection then leaves both as they are, also when it is closed. */
sr_status sr_sqlite_log_check(sqlite_conn *c);
/* Whether a log with the pages of those numbers has all that a file with `there` pages lacks of a
 * database of `length` pages. */
sr_status sr_sqlite_log_covers(const uint32_t *numbers, size_t count, int64_t there,
			       uint32_t length, uint32_t page_size, bool *covers);

/* sqlite_cut.c: SR_CORRUPT, and the connection broken, where the database was cut short beneath it.
 * With the write lock the log is looked at as well. */
sr_status sr_sqlite_cut_check(sqlite_conn *c, bool keeps_log);

/* sqlite_error.c: the status and words for what the last call on the connection returned;
 * marks the connection broken where that follows. */
sr_status sr_sqlite_fail(sqlite_conn *c, int code);
sr_status sr_sqlite_status(int code); /* Without words. */
/* Of a database that is none of the connections'. */
sr_status sr_sqlite_fail_other(sqlite3 *db, const char *path, int code);
/* What sr_sqlite_changed_below or sr_sqlite_torn has found. */
sr_status sr_sqlite_fail_below(sqlite_conn *c);

/* sqlite_open.c */
sr_status sr_sqlite_open(const char *path, const sr_conn_options *options, sr_conn **conn);
void sr_sqlite_close(sr_conn *conn);
void sr_sqlite_watch(sr_conn *conn, sr_watch_fn watch, void *arg);
/* Whether what an immutable connection may read is not, or is no more the newest: its file was
 * changed or replaced, or a log begun beside it. */
bool sr_sqlite_changed_below(sqlite_conn *c);
/* Likewise at the end of a statement. Inside a snapshot only what tears that counts, which a log
 * does not before it is brought in; so thousands of small statements walk no path. */
bool sr_sqlite_torn(sqlite_conn *c);

/* sqlite_place.c */
bool sr_sqlite_astray(sqlite3 *db);         /* Its path no longer leads to its file. */
bool sr_sqlite_has_names(const char *path); /* More than one. */
/* Before a write, and before a commit: that its path leads to its file, and no other name does. */
sr_status sr_sqlite_place_check(sqlite_conn *c);

/* sqlite_readers.c */
int sr_sqlite_readers(sr_conn *conn, long *processes, int room);

/* In words who holds the lock that this connection waited for, as far as that can be told. Where
 * readers and writers exclude each other it may be a reader. */
void sr_sqlite_blocker(sr_conn *conn, bool readers, char words[128]);

/* version.c: whether SQLite of that number (3040001) can lose commits when one connection
 * checkpoints while another resets the log. */
bool sr_sqlite_loses_commits(int number);

/* sqlite_guard.c */
int sr_sqlite_authorize(void *arg, int code, const char *first, const char *second,
			const char *database, const char *inner);
void sr_sqlite_guard_changed(sr_conn *conn);
/* Before a statement is prepared: forgets what the last one was asked for. */
void sr_sqlite_guard_begin(sqlite_conn *c);
/* After it: gives the statement what it was found to be. */
void sr_sqlite_guard_end(sqlite_conn *c, sqlite_stmt *s);

/* sqlite_transaction.c */
sr_status sr_sqlite_command(sr_conn *conn, sr_command command);
bool sr_sqlite_in_transaction(const sr_conn *conn);
bool sr_sqlite_deferred_violation(const sr_conn *conn);
int64_t sr_sqlite_log_size(sr_conn *conn);
sr_status sr_sqlite_checkpoint(sr_conn *conn, sr_checkpoint *result);
int sr_sqlite_log_grew(void *arg, sqlite3 *db, const char *database, int frames);

/* sqlite_backup.c */
sr_status sr_sqlite_backup(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg);

/* sqlite_compact.c */
sr_status sr_sqlite_compact(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg);
sr_status sr_sqlite_replace(sr_conn *conn, const char *path, bool unchanged,
			    sr_progress_fn progress, void *arg);

/* sqlite_reword.c */
sr_status sr_sqlite_reword(sr_conn *conn, const char *table, const char *sql);

/* sqlite_stream.c: the name of a VFS for connections that go through all of a database. */
#define SR_SQLITE_STREAM "strongroom-stream"
const char *sr_sqlite_stream(void);

/* A file control of its files: the path of one that nobody but this connection has open or will,
 * so that another descriptor of it may be opened and closed. */
#define SR_SQLITE_STREAM_FRESH 1001

/* sqlite_identify.c: says what the file is that SQLite found to be no database, or to be
 * damaged. */
sr_status sr_sqlite_identify(sqlite_conn *c, int code);

/* That what lies beside the database, the path of which holds no link at its end, can be left to
 * SQLite: SR_REFUSED for links, pipes and the like, and for a journal that names somebody else's
 * file (sqlite_beside.c). */
sr_status sr_sqlite_beside_check(const char *database);

#endif
