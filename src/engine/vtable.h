/*
 * An engine, as engine.c sees it: one table of functions, and the parts of a connection and a
 * statement that every engine has. An engine embeds struct sr_conn and struct sr_stmt as the
 * first member of its own.
 */
#ifndef SR_ENGINE_VTABLE_H
#define SR_ENGINE_VTABLE_H

#include <sys/types.h>

#include "../base/buffer.h"
#include "../base/error.h"
#include "engine.h"

/* The commands of a transaction; engine.c decides when each is right. */
typedef enum sr_command {
	SR_COMMAND_READ,      /* Begin, and take the snapshot, */
	SR_COMMAND_SNAPSHOT,  /* which is this alone. */
	SR_COMMAND_WRITE,     /* Begin with the write lock. */
	SR_COMMAND_EXCLUSIVE, /* Begin, and keep readers out where that is possible. */
	SR_COMMAND_COMMIT,
	SR_COMMAND_ROLLBACK,
	SR_COMMAND_SAVEPOINT,
	SR_COMMAND_RELEASE,
	SR_COMMAND_ROLLBACK_TO, /* Undoes the innermost savepoint and removes it. */
	SR_COMMAND_COUNT,
} sr_command;

/* Every function is set; sr_conn_open checks that once for each connection. */
struct sr_engine {
	const char *name;
	unsigned features; /* SR_ENGINE_* */

	sr_status (*open)(const char *path, const sr_conn_options *options, sr_conn **conn);
	void (*close)(sr_conn *conn); /* Without any statement left; frees conn. */
	void *(*handle)(const sr_conn *conn);
	sr_status (*validate)(sr_conn *conn);
	void (*interrupt)(sr_conn *conn);
	void (*watch)(sr_conn *conn, sr_watch_fn watch, void *arg);
	int (*readers)(sr_conn *conn, long *processes, int room);

	/* tail tells where the next statement of the text begins; *stmt is NULL where there is
	 * none. With once, it will not be kept. */
	sr_status (*prepare)(sr_conn *conn, const char *sql, bool once, const char **tail,
			     sr_stmt **stmt);
	void (*finalize)(sr_stmt *stmt); /* Frees stmt. */
	void (*reset)(sr_stmt *stmt, bool unbind);
	const char *(*parameter_name)(const sr_stmt *stmt, int number);
	sr_status (*bind)(sr_stmt *stmt, int number, const sr_value *value);
	sr_status (*step)(sr_stmt *stmt, bool *row); /* Resets after an error and the last row. */

	int (*columns)(const sr_stmt *stmt);
	const char *(*column_name)(const sr_stmt *stmt, int column);
	void (*column)(sr_stmt *stmt, int column, sr_value *value); /* As it is stored. */
	sr_text (*column_text)(sr_stmt *stmt, int column);          /* Whatever it is, as bytes. */

	int64_t (*changes)(const sr_conn *conn);
	int64_t (*last_row_id)(const sr_conn *conn);

	sr_status (*command)(sr_conn *conn, sr_command command);
	bool (*in_transaction)(const sr_conn *conn);
	bool (*deferred_violation)(const sr_conn *conn); /* A foreign key waits for its row. */

	int64_t (*log_size)(sr_conn *conn);
	sr_status (*checkpoint)(sr_conn *conn, sr_checkpoint *result);
	sr_status (*backup)(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg);
	sr_status (*compact)(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg);
	sr_status (*replace)(sr_conn *conn, const char *path, bool unchanged,
			     sr_progress_fn progress, void *arg);

	sr_status (*data_version)(sr_conn *conn, int64_t *version);
	sr_status (*restore)(sr_conn *conn, sr_conn *source, const int64_t *version,
			     sr_progress_fn progress, void *arg);

	void (*guard_changed)(sr_conn *conn); /* Statements in use are to be asked again. */
	sr_status (*triggers)(sr_conn *conn, bool enabled);
	sr_status (*foreign_keys)(sr_conn *conn, bool enabled);
	sr_status (*reword)(sr_conn *conn, const char *table, const char *sql);
};

struct sr_stmt {
	sr_conn *conn;
	sr_stmt *next; /* In one of the connection's two lists. */
	sr_stmt *previous;
	char *sql;      /* The text it was prepared from. */
	uint64_t hash;  /* Of sql. */
	int parameters; /* Values that it takes. */
	bool reads;     /* Changes nothing, not even the connection. */
	bool inserts;   /* It puts rows into a table. */
	sr_statement_kind kind;
	sr_guarding
		under; /* The guard that allowed it, and is asked again if the schema changes. */
	char *subject; /* The pragma or savepoint that it names, or NULL. */
	bool running;  /* Between a first step and the reset. */
	sr_status pending; /* The first failed bind, returned by the next step. */
	char *why;         /* Its words; NULL: none to be had. */
};

struct sr_conn {
	const sr_engine *engine;
	char *path;
	uint64_t number; /* In the order of their opening. */
	sr_access access;
	pid_t owner;         /* The process that opened it, */
	unsigned generation; /* and sr_process_generation() then. */
	bool broken;         /* To be thrown away. */

	sr_stmt *in_use; /* Statements out with a caller. */
	sr_stmt *idle;   /* The cache, the last used first. */
	sr_stmt *oldest; /* The end of idle. */
	int idle_count;  /* Never above SR_STATEMENT_CACHE. */

	/* The transaction that sr_conn_begin opened. lost is set when the engine rolled it back
	 * by itself: nothing more runs until the caller has heard of it and rolls back. */
	bool transaction;
	int depth;      /* Savepoints open in it. */
	sr_status lost; /* Why it was rolled back, or SR_OK. */

	sr_guard_fn guard; /* NULL: everything is allowed. */
	void *guard_arg;
	sr_heed heed;   /* Which of its statements can be cancelled. */
	bool examining; /* What is prepared is never stepped, and must not act yet. */
};

#define SR_STATEMENT_CACHE 64

/* For engine.c: a statement that never sees the cache; sr_stmt_discard ends it. */
void sr_stmt_adopt(sr_conn *conn, sr_stmt *stmt);

/* False in a child of the process that opened it, which must not touch the engine's side. */
bool sr_conn_is_ours(const sr_conn *conn);

/* Empties the cache. */
void sr_conn_forget_statements(sr_conn *conn);

/* For engines: keeps the thread's error for the statement's next step, as binding does. */
void sr_stmt_keep_error(sr_stmt *stmt, sr_status status);

#endif
