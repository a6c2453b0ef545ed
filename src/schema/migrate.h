/*
 * Schema versions: migrations/sqlite/NNNN_name.up.sql and .down.sql, embedded at build, applied
 * one transaction each. Version 0 is the core tables; 1 to 5 are those of old databases; 6 and
 * on are this program's. The public calls are in strongroom.h; these work on a connection.
 */
#ifndef SR_MIGRATE_H
#define SR_MIGRATE_H

#include "../engine/engine.h"

/* One embedded migration; generated from the .sql files by tools/embed-migrations. */
typedef struct sr_migration_source {
	int version;
	const char *name;        /* "performance_indexes" */
	const char *description; /* The header's "-- Description: …" line. */
	const char *up;          /* The files' whole texts. */
	const char *down;        /* NULL for version 0, which nothing takes down. */
	const char *checksum;    /* SHA-256 of `up` in hex. */
} sr_migration_source;

extern const sr_migration_source sr_migration_sources[];
extern const int sr_migration_count; /* The latest version is the last one's. */

int sr_schema_latest(void);

/* The version that a database is at: the ledger's highest, or what its tables show without a
 * ledger; -1 for an empty database, and *legacy tells that `files` is older than version 0
 * (no ClientID, columns missing, another key). Writes nothing. */
sr_status sr_schema_version(sr_conn *conn, int *version, bool *legacy);

typedef struct sr_schema_options {
	int to;        /* Version to reach; -1: the latest. */
	bool backup;   /* A verified backup before the first step on a database with rows. */
	bool validate; /* The checks around each step. */
	bool block_dangerous;
	bool accept_loss;
	bool full_check;
	sr_progress_fn progress;
	void *progress_arg;
} sr_schema_options;

/* Brings the database there; conn is the only writer and inside no transaction. Another process
 * that does the same at the same time waits, then finds nothing to do. */
sr_status sr_schema_migrate(sr_conn *conn, const sr_schema_options *options, sr_migrated *migrated);

sr_status sr_schema_verify(sr_conn *conn, sr_drift_fn fn, void *arg, int64_t *differences);

/* The guard for SQL that is not ours (sr_execute, `sql --write`): refuses potentially dangerous
 * operations. arg is unused. */
bool sr_schema_guard(void *arg, sr_action action, const char *first, const char *second,
		     const char *inner);

/*
 * What the tables of an open database have, so that reading works on every version: a relation
 * to select from that has all columns of the latest version, those that are lacking as null.
 */
typedef struct sr_shape {
	int version;       /* As sr_schema_version. */
	int64_t cookie;    /* The engine's schema number that this was read at. */
	char *files;       /* "files", or a subquery "(SELECT …)", to be used after FROM. It also
			      has `row_number`, the row's place in the order of recording. */
	char *clients;     /* Likewise. */
	bool has_versions; /* There is a file_versions table. */
	bool has_activity;
	bool latest; /* version is the program's. */
} sr_shape;

sr_status sr_shape_read(sr_conn *conn, sr_shape *shape);
/* Whether the schema was changed since; cheap. */
sr_status sr_shape_stale(sr_conn *conn, const sr_shape *shape, bool *stale);
void sr_shape_free(sr_shape *shape);

#endif
