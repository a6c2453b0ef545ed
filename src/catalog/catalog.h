/*
 * What the nouns of the catalog share: the open catalog, and how they read and write.
 *
 * Reading: sr_reading_begin lends a connection inside a snapshot, together with the shape of the
 * schema in that snapshot. Writing: sr_catalog_write runs an operation in a group commit.
 */
#ifndef SR_CATALOG_H
#define SR_CATALOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "../base/buffer.h"
#include "../base/cancel.h"
#include "../base/error.h"
#include "../base/log.h"
#include "../base/text.h"
#include "../pool/pool.h"
#include "../schema/migrate.h"
#include "keyring.h"
#include "settings.h"

struct sr_catalog {
	sr_pool *pool;
	sr_settings settings;  /* As resolved at opening; never changes. */
	pid_t process;         /* The one that opened it; a child has only a copy. */
	atomic_int references; /* The opener's, and one for each call and cursor at work, so that
				  the last of them frees a catalog that was closed meanwhile. */
	_Atomic int64_t unindexed; /* Rows that the search index may be behind by, at most about. */
	_Atomic int64_t brought;   /* Rows of the transaction that is open, for the index. */
	atomic_bool indexing;      /* A thread brings it on. */
	int64_t index_step;        /* After how many rows. */
	bool index_always;         /* It is used wherever it can be: for tests. */
	atomic_bool index_damaged; /* It was found so; it is made anew. */
	sr_keyring keyring;        /* With a lock of its own. */
	pthread_mutex_t lock;      /* Guards what follows. */
	sr_shape shape;            /* Of the last read; readers take it anew when it is stale. */
	char *only_reads; /* Why it cannot write though nobody asked for that, or NULL. Once
			     set it stays. */
	struct sr_querier *queriers; /* Idle connections for callers' queries: querier.h. */
	int querier_count;           /* How many; at most the pool's size. */
	bool queriers_shut;          /* None is kept any more. */
	sr_keys_seen keys_seen;      /* The last state without plain keys, or with those that the
					settings want. */
	uint64_t keys_statements;    /* Callers' statements that may have written some. */
	bool keys_warned;            /* That some stay plain. */
	sr_buffer warnings; /* Lines for the log, each with its newline, once the transaction of
			       the thread that holds the writer commits. */
};

/* A snapshot and what its tables look like. */
typedef struct sr_reading {
	sr_catalog *catalog; /* NULL while there is none. */
	sr_conn *conn;
	sr_shape shape; /* A copy of the catalog's, good for this snapshot. */
	bool nested;    /* Inside a transaction that is the thread's own: nothing to end. */
	sr_heed heed;   /* What the connection heeded before. */
	uint64_t asked; /* sr_keyring_asked when it began. */
} sr_reading;

sr_status sr_reading_begin(sr_catalog *catalog, const char *site, sr_reading *reading);
void sr_reading_end(sr_reading *reading); /* Harmless on a zeroed one. */

/* sr_pool_commit, after the checks that every write needs: not read-only, schema at the latest
 * version (else SR_TOO_OLD naming `migrate up`). */
sr_status sr_catalog_write(sr_catalog *catalog, const char *site, sr_operation operation,
			   void *arg);

/* The same for very many statements: see sr_pool_commit_large. */
sr_status sr_catalog_write_large(sr_catalog *catalog, const char *site, sr_operation operation,
				 void *arg);

/* The same for what may be done at once with others of its kind: see sr_pool_commit_together. */
sr_status sr_catalog_write_together(sr_catalog *catalog, const char *site, sr_operation operation,
				    sr_together together, void *arg);

/* Those checks alone, for what takes the writer by another way. */
sr_status sr_catalog_writable(sr_catalog *catalog);

/* As far as they are not about the version: for what changes no row. */
sr_status sr_catalog_changeable(sr_catalog *catalog);

/* The same inside the writer's transaction, where nobody can change the schema any more; *stale
 * tells that somebody had. */
sr_status sr_catalog_admit(sr_catalog *catalog, sr_conn *conn, bool *stale);

/* After a write that found the shape stale: readers renew it, and a program that only writes has
 * none. */
void sr_catalog_renew(sr_catalog *catalog);

/* SR_FORKED in a child of the process that opened it: for calls that may come to an end without
 * any statement. */
sr_status sr_catalog_check_process(const sr_catalog *catalog);

/* Whether what it read of the schema is not all this program's: it only reads then, and runs
 * no trigger and no view. */
bool sr_catalog_distrusted(sr_catalog *catalog);

/* SR_NOT_FOUND: no client has that id. */
sr_status sr_client_fail_unknown(const sr_id *id);

/* Warns of what the thread has written: now, or when its transaction commits. */
void sr_catalog_warn(sr_catalog *catalog, const char *line);

/* Keeps the catalog's memory during a call, and lets go. */
void sr_catalog_keep(sr_catalog *catalog);
void sr_catalog_let_go(sr_catalog *catalog);

#endif
