/*
 * The engine seam: connection, statement, row.
 *
 * Everything above speaks to a database through this header and knows no engine. An engine is
 * one vtable (struct sr_engine); the calls below are what other rooms use. No table is named
 * here. Dialects differ in engines and in their migrations, never in an `if` above: ask
 * sr_conn_has for what an engine can do.
 *
 * Threads: a connection and its statements belong to one thread at a time; sr_conn_interrupt
 * alone may come from another.
 *
 * SQL: parameters are written $1, $2, … and bound by that number, wherever they first appear.
 * A caller's own "?" are numbered from the left.
 */
#ifndef SR_ENGINE_H
#define SR_ENGINE_H

#include "strongroom.h"

typedef struct sr_conn sr_conn;
typedef struct sr_stmt sr_stmt;
typedef struct sr_engine sr_engine;

/* What an engine can do. */
enum {
	SR_ENGINE_ONE_WRITER = 1,    /* Writers exclude each other: queue them. */
	SR_ENGINE_ONLINE_BACKUP = 2, /* sr_conn_backup works. */
	SR_ENGINE_LOG = 4,           /* Has a log that somebody must checkpoint. */
};

/* The engine for SQLite, the only one yet. */
extern const sr_engine sr_sqlite;

typedef enum sr_access {
	SR_ACCESS_READ,    /* Cannot write. For readers beside a writer: it takes its part in the
			      log's files as any user of the database does. */
	SR_ACCESS_WRITE,   /* The database must exist. */
	SR_ACCESS_CREATE,  /* It is made, mode 0600, if missing. */
	SR_ACCESS_INSPECT, /* Cannot write and makes no file at all, for catalogs opened read-only
			      and for read-only media. SR_BUSY when another program begins to
			      write to what was read without its log; then open it again. */
} sr_access;

typedef struct sr_conn_options {
	sr_access access;
	sr_durability durability;
	double busy_timeout;       /* Seconds to wait for locks of other processes. */
	int cache_pages;           /* Page cache of this connection. */
	bool untrusted;            /* For callers' own SQL and files of unknown origin: nothing but
				      reading a list of harmless things, deadline and length limits. */
	bool bare;                 /* No trigger fires and no view can be read: for a database whose
				      schema is somebody else's. */
	const char *hidden_table;  /* A column that reads as null here, because it is a secret; */
	const char *hidden_column; /* NULL for none. Literals. */
	bool sweeping;   /* It will go through all of the database: read in large pieces. */
	bool first;      /* Of those that a program opens: SR_REFUSED where the log beside the
			    database was left by another, which was replaced. */
	double deadline; /* Seconds that one statement of an untrusted connection may run,
			    waiting for the caller not counted; 0: 30. */
} sr_conn_options;

/* path is absolute. Directories, texts, half files, encrypted files and the like are refused
 * here with a message that names the path and what it is. A WAL that is refused falls back to
 * a rollback journal with one warning per path. */
sr_status sr_conn_open(const sr_engine *engine, const char *path, const sr_conn_options *options,
		       sr_conn **conn);
void sr_conn_close(sr_conn *conn); /* NULL is fine. Finalizes what is still prepared. */

bool sr_conn_has(const sr_conn *conn, unsigned feature);
const char *sr_conn_path(const sr_conn *conn);
uint64_t sr_conn_number(
	const sr_conn *conn);              /* No other of the process ever has the same; not 0. */
void *sr_conn_handle(const sr_conn *conn); /* The engine's own: a sqlite3 *. */

/* Whether it must be thrown away: a commit with unknown outcome, an I/O error, corruption. */
bool sr_conn_broken(const sr_conn *conn);

/* Whether a line of the engine's integrity check, right after it was had, tells of damage: SR_OK.
 * Else a page could not be had at all, and that is the error. */
sr_status sr_complaint_check(sr_conn *conn, sr_text line);

/* SR_REFUSED, with the cure, where the database's file has other names as well, hard links: it
 * takes no writes then, since its log has but one of them. */
sr_status sr_database_names_check(const char *path);

/* Before a file is made whose name somebody has chosen: SR_INVALID for one that the engine gives to
 * what it keeps beside a database, NAME-wal, NAME-shm and NAME-journal. */
sr_status sr_output_name_check(const char *path);

/* Whether all of a database that was closed by the last who had it open is in its file. Closing has
 * no way to say that the log could not be brought in; then the log is still there. */
sr_status sr_database_closed(const char *path);

/* Removes a database that is of no use any more, and what lies beside it, as sr_private_remove. */
void sr_database_remove(const char *path);

/* A quick proof of life: one trivial statement. */
sr_status sr_conn_validate(sr_conn *conn);

/* Makes the running statement fail with SR_INTERRUPTED; from any thread. Never the writer during
 * a group commit: the whole transaction would go. */
void sr_conn_interrupt(sr_conn *conn);

/* Asked every few milliseconds while a statement of the connection runs, by the thread that runs
 * it; returning true makes the statement fail with SR_INTERRUPTED. It must not use the
 * connection. NULL takes it away again: do so before the connection is given back. */
typedef bool (*sr_watch_fn)(void *arg);
void sr_conn_watch(sr_conn *conn, sr_watch_fn watch, void *arg);

/* Which of a connection's long statements ask the thread whether they are to go on (cancel.h), and
 * fail with SR_INTERRUPTED where not. One that writes takes the whole transaction with it. */
typedef enum sr_heed {
	SR_HEED_NONE,
	SR_HEED_READS,
	SR_HEED_ALL,
} sr_heed;

/* SR_HEED_NONE at first. Returns what it was. Waiting for another process's lock always asks. */
sr_heed sr_conn_heed(sr_conn *conn, sr_heed heed);

/* Processes besides this one that are reading the database now: their numbers, as many as there
 * is room for. Returns how many there are, -1 where that cannot be told. */
int sr_conn_readers(sr_conn *conn, long *processes, int room);

/* What the engine that runs here is known to do wrong to databases that others write to as well,
 * in one sentence; NULL: nothing. */
const char *sr_engine_flaw(void);

/* ---- Statements ---- */

/* A statement of one SQL text. It comes from the connection's cache when it was used before and
 * goes back there with sr_stmt_done. The same text may be in use twice at once. */
sr_status sr_prepare(sr_conn *conn, const char *sql, sr_stmt **stmt);

/* What the next step would say of columns read since the last: whether there was memory for all.
 * For who does something with a row that cannot be undone, or takes no other. */
sr_status sr_stmt_check(const sr_stmt *stmt);

/* Resets, forgets the bound values and gives it back. NULL is fine. */
void sr_stmt_done(sr_stmt *stmt);

/* The same, for who goes no further than a row that he has read: what sr_stmt_check says of it, and
 * where that is SR_OK, rc. */
sr_status sr_stmt_end(sr_stmt *stmt, sr_status rc);

/* Binding never returns an error: the first one is kept and returned by the next step. Bytes
 * must live until then. */
void sr_bind_null(sr_stmt *stmt, int number);
void sr_bind_integer(sr_stmt *stmt, int number, int64_t value); /* SR_NULL_INTEGER: null. */
void sr_bind_real(sr_stmt *stmt, int number, double value);     /* NAN: null. */
void sr_bind_text(sr_stmt *stmt, int number, const char *text); /* NULL: null. */
void sr_bind_blob(sr_stmt *stmt, int number, const void *bytes, size_t length);
void sr_bind_id(sr_stmt *stmt, int number, const sr_id *id); /* NULL: null. */

/* Bytes of a name: TEXT when they are UTF-8 without NUL, else BLOB; a null as null. */
void sr_bind_name(sr_stmt *stmt, int number, sr_text text);
void sr_bind_value(sr_stmt *stmt, int number, const sr_value *value);

int sr_stmt_parameters(const sr_stmt *stmt); /* How many values it takes. */

/* Goes to the next row; *row says whether there is one. After an error, or the last row, the
 * statement is reset and can be bound and stepped again. */
sr_status sr_step(sr_stmt *stmt, bool *row);

/* Steps to the end and resets: for statements without rows. */
sr_status sr_run(sr_stmt *stmt);

/* Columns count from 0. Bytes are borrowed until the next step. */
int sr_columns(const sr_stmt *stmt);
const char *sr_column_name(const sr_stmt *stmt, int column);
sr_type sr_column_type(sr_stmt *stmt, int column);
int64_t sr_column_integer(sr_stmt *stmt, int column);    /* Null, or no number: SR_NULL_INTEGER. */
double sr_column_real(sr_stmt *stmt, int column);        /* Null, or no number: NAN. */
sr_text sr_column_text(sr_stmt *stmt, int column);       /* TEXT or BLOB bytes; numbers as text. */
bool sr_column_id(sr_stmt *stmt, int column, sr_id *id); /* False unless 16 bytes. */
void sr_column_value(sr_stmt *stmt, int column, sr_value *value);

/* Whether it only reads, by the engine's own word. */
bool sr_stmt_reads(const sr_stmt *stmt);

/* What it is, and whether it puts new rows into a table. */
sr_statement_kind sr_stmt_kind(const sr_stmt *stmt);
bool sr_stmt_inserts(const sr_stmt *stmt);

/* The pragma or the savepoint that it names; NULL without. As long as the statement. */
const char *sr_stmt_subject(const sr_stmt *stmt);

/* What the text calls the parameter of that number, from 1 on: ":name", "$1", "?5"; NULL for a
 * plain "?", and for a number that it does not use. */
const char *sr_stmt_parameter(const sr_stmt *stmt, int number);

/* Prepares a statement to be looked at and never stepped: no guard is asked, and what acts while it
 * is prepared, as pragmas do, does not. *stmt is NULL where the text holds none. Give it back with
 * sr_stmt_discard; it never sees the cache. */
sr_status sr_examine(sr_conn *conn, const char *sql, sr_stmt **stmt);
void sr_stmt_discard(sr_stmt *stmt); /* NULL is fine. */

/* Whether a pragma with that argument, NULL for none, tells something and changes nothing. */
bool sr_pragma_tells(const char *name, const char *argument);

/* Runs a script of several statements without parameters; an error names the statement. */
sr_status sr_exec(sr_conn *conn, const char *sql);

/* The one integer of a one-row statement without parameters, for pragmas and counts. */
sr_status sr_query_integer(sr_conn *conn, const char *sql, int64_t *value);

int64_t sr_conn_changes(const sr_conn *conn); /* Rows changed by the last statement. */
int64_t sr_conn_last_row_id(const sr_conn *conn);

/* ---- Transactions ---- */

typedef enum sr_transaction {
	SR_TRANSACTION_READ,      /* A snapshot, taken at once. */
	SR_TRANSACTION_WRITE,     /* The write lock, at once: BEGIN IMMEDIATE. */
	SR_TRANSACTION_EXCLUSIVE, /* And nobody reads meanwhile, where the engine can. */
} sr_transaction;

sr_status sr_conn_begin(sr_conn *conn, sr_transaction kind);

/* SR_OUTCOME_UNKNOWN marks the connection broken: discard it. Any other failure has rolled the
 * transaction back. */
sr_status sr_conn_commit(sr_conn *conn);
void sr_conn_rollback(sr_conn *conn); /* Harmless without a transaction. */

/* False also when the engine has rolled the transaction back by itself, after a full disk, an
 * I/O error, memory, an interrupt: ask after every failed step. */
bool sr_conn_in_transaction(const sr_conn *conn);

/* SR_CONSTRAINT while a deferred foreign key is violated, with which no commit would succeed. */
sr_status sr_conn_check_deferred(sr_conn *conn);

/* Savepoints nest and have no names. Releasing one fails with SR_CONSTRAINT while a deferred
 * foreign key is violated, so that the culprit pays and not the commit; the savepoint is then
 * rolled back. */
sr_status sr_savepoint(sr_conn *conn);
sr_status sr_savepoint_release(sr_conn *conn);
void sr_savepoint_rollback(sr_conn *conn);

/* ---- The log ---- */

/* Bytes of pages in the write-ahead log as of this connection's last commit or checkpoint, those
 * among them that a checkpoint has copied since; 0 without a log. */
int64_t sr_conn_log_size(sr_conn *conn);

typedef struct sr_checkpoint {
	int64_t log_pages;    /* Pages in the log, */
	int64_t copied_pages; /* and how many of them are in the database now. Fewer: a reader
				 holds the rest back. */
} sr_checkpoint;

/* Copies the log into the database without waiting for anybody. Safe only while the caller
 * holds the write lock on another connection: see the pool's checkpoint.c. */
sr_status sr_conn_checkpoint(sr_conn *conn, sr_checkpoint *result);

/* ---- Copies ---- */

/* Writes a consistent copy of the database to path, which must not exist; mode 0600, fsynced
 * with its folder; removed again after a failure. Other connections go on. */
sr_status sr_conn_backup(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg);

/* Writes what the database holds to path, every page as full as can be and none of them free;
 * rows keep their order, and their numbers too. path must not exist; mode 0600; not brought to
 * the disk, since it is a step on the way; removed again after a failure. conn is one that writes
 * and is in no transaction. Progress counts pages, about. Other connections go on. */
sr_status sr_conn_compact(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg);

/* Puts what the database at path holds in the place of everything that conn's holds, in one
 * transaction: other connections go on, and see the one or the other. Both have the same page
 * size where there is a log. With `unchanged`, SR_BUSY if anybody has committed since conn's last
 * transaction. Progress counts pages; it is called first when the write lock is held and nothing
 * was written yet, and true leaves everything as it was. SR_OUTCOME_UNKNOWN as for a commit. */
sr_status sr_conn_replace(sr_conn *conn, const char *path, bool unchanged, sr_progress_fn progress,
			  void *arg);

/* ---- What a statement may do ---- */

/* What the engine is asked to do, as the guard sees it. Names may be NULL. */
typedef enum sr_action {
	SR_ACTION_READ, /* table, column */
	SR_ACTION_SELECT,
	SR_ACTION_INSERT,      /* table */
	SR_ACTION_UPDATE,      /* table, column */
	SR_ACTION_DELETE,      /* table */
	SR_ACTION_CREATE,      /* kind ("table", "index", "view", "trigger"), name */
	SR_ACTION_DROP,        /* kind, name */
	SR_ACTION_ALTER,       /* table */
	SR_ACTION_PRAGMA,      /* name, argument */
	SR_ACTION_FUNCTION,    /* name */
	SR_ACTION_TRANSACTION, /* begin, commit, rollback, savepoint */
	SR_ACTION_ATTACH,      /* attach and detach */
	SR_ACTION_OTHER,       /* virtual tables, temporary objects, reindex, analyze: first
				  names it */
} sr_action;

/* Asked for everything that a statement will do, while it is prepared. Returning false
 * refuses; the prepare fails with SR_REFUSED and the guard's own words (sr_fail). inner names
 * the trigger or view it comes from, or is NULL. */
typedef bool (*sr_guard_fn)(void *arg, sr_action action, const char *first, const char *second,
			    const char *inner);

/* NULL takes it away again. Statements prepared before are not asked again, so the cache is
 * emptied. */
void sr_conn_guard(sr_conn *conn, sr_guard_fn guard, void *arg);

/* The same for a guard that answers the same as long as the connection lives, and is put on for a
 * statement at a time: the cache is kept, and what is in it is used again under the guard that it
 * was prepared under and no other. Returns what was there before, to be put back. */
typedef struct sr_guarding {
	sr_guard_fn guard;
	void *arg;
} sr_guarding;
sr_guarding sr_conn_guard_swap(sr_conn *conn, sr_guarding guarding);

/* Whether triggers fire; they do from the opening on. Foreign keys act either way. */
sr_status sr_conn_triggers(sr_conn *conn, bool enabled);

/* Whether foreign keys act; they do from the opening on. Outside of transactions. */
sr_status sr_conn_foreign_keys(sr_conn *conn, bool enabled);

/* ---- The schema's words ---- */

/* Puts another CREATE TABLE text in place of a table's, inside a write transaction, and writes no
 * row again: the caller answers for it that rows and indexes are stored the same under both. A
 * text that cannot be read fails; then, as after any failure, the transaction is to be rolled
 * back. The guard is not asked. */
sr_status sr_conn_reword(sr_conn *conn, const char *table, const char *sql);

#endif
