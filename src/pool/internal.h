/*
 * What the files of the pool share. docs/POOL.md has the
 * reasons.
 */
#ifndef SR_POOL_INTERNAL_H
#define SR_POOL_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "../base/buffer.h"
#include "../base/cancel.h"
#include "../base/clock.h"
#include "../base/error.h"
#include "../base/log.h"
#include "pool.h"

#define SR_SITE_SIZE 128 /* Bytes kept of a call site. */

/* What holds wherever it stands. It is compiled and never run: the machine of tests/torture that
 * runs the pool under a scheduler of its own checks each of them, and those of the list below. */
#ifndef SR_INVARIANT
#define SR_INVARIANT(condition)                                                                    \
	do {                                                                                       \
		if (0)                                                                             \
			(void)(condition);                                                         \
	} while (0)
#endif

/* Buckets of the wait-time histogram: 8 an octave of nanoseconds, so 9 % wide. */
#define SR_WAIT_STEPS   8
#define SR_WAIT_BUCKETS (64 * SR_WAIT_STEPS)

/* The place of one connection. While it is lent, only its holder touches conn's insides. */
typedef struct sr_place {
	sr_conn *conn;     /* NULL: not open now; set and cleared under the lock. */
	bool writer;       /* The one that writes. */
	int holds;         /* Leases of it: 0 is idle, more than 1 when its thread joined. */
	int levels;        /* sr_pool_begin calls that wait for their sr_pool_end. */
	bool in_callers;   /* The outermost level is a savepoint in a transaction that the
			      holder of a write lease began by itself. */
	sr_status spoiled; /* Why the engine rolled the thread's transaction back. */
	char why[SR_MESSAGE_SIZE]; /* The words for that. */
	bool bare;                 /* conn was opened as sr_pool_distrust asks. */
	long thread;               /* The kernel's number of the thread that it was lent to. */
	char site[SR_SITE_SIZE];   /* Which call; copied, since an owner's words may go. */
	int64_t lent;              /* When it was lent (sr_clock_ns, as all times here). */
	int64_t opened;            /* When conn was opened. */
	int64_t idle;              /* When it came back last. */
	bool leaked;               /* This lease was reported as a leak. */
	struct sr_place *below;    /* The next on the stack of idle readers. */
} sr_place;

/* QUEUED -> LENT [sr_wait_grant]      its place was handed over
 * QUEUED -> TAKEN [sr_wait_take]      a leader runs its operation; no timeout any more
 * TAKEN -> DONE [sr_wait_done]        and has settled it
 * QUEUED -> SHUT [sr_wait_shut]       the pool closes
 * QUEUED -> gone [sr_wait]            the timeout, or its caller ends the call; it leaves the
 *                                     queue by itself */
typedef enum sr_waiter_state {
	SR_WAITER_QUEUED,
	SR_WAITER_LENT,
	SR_WAITER_TAKEN,
	SR_WAITER_DONE,
	SR_WAITER_SHUT,
} sr_waiter_state;

/* A caller that wants a connection or an operation done; lives on its stack. */
typedef struct sr_waiter {
	sr_operation operation;      /* What to run; NULL: it wants the connection itself. */
	void *arg;                   /* The operation's. */
	sr_together together;        /* NULL: it is not done at once with others. */
	bool large;                  /* It is the first of its batch. */
	const char *site;            /* Which call. */
	long thread;                 /* See sr_place. */
	sr_waiter_state state;       /* See above. */
	sr_place *place;             /* What it was lent. */
	sr_status status;            /* The operation's outcome, */
	char words[SR_MESSAGE_SIZE]; /* and the words for it. */
	int64_t since;               /* When it began to wait. */
	pthread_cond_t cond;         /* Its own, so that a hand-over wakes nobody else. Exists
					while it is in sr_wait. */
	struct sr_waiter *next;      /* Behind it in the queue, or in a leader's batch. */
	struct sr_waiter *previous;
} sr_waiter;

typedef struct sr_queue {
	sr_waiter *first; /* Served next. */
	sr_waiter *last;
} sr_queue;

struct sr_pool {
	/* Set by sr_pool_open and never changed. */
	sr_pool_options options; /* Defaults filled in. */
	char *path;              /* options.path's memory. */
	pid_t process;           /* The one that opened it. */
	int reader_pages;        /* Page cache of a reader, */
	int writer_pages;        /* and of the writer. */

	/* Guards everything below, and in the places all but the insides of a lent conn. */
	pthread_mutex_t lock;
	pthread_cond_t quiet;   /* Signalled when the pool comes to rest while closing. */
	bool closing;           /* sr_pool_close was called: no new leases. */
	bool distrusted;        /* sr_pool_distrust was called. */
	bool abandoned;         /* It gave up waiting: the last release frees the pool. */
	sr_place writer;        /* Never used in a pool that only reads. */
	sr_place *readers;      /* options.readers of them. */
	sr_place *idle_readers; /* A stack, so that the warmest is lent first. */
	sr_queue read_queue;    /* Waiters for a reader, */
	sr_queue write_queue;   /* and for the writer: leases and operations in one line. */
	int idle;               /* Readers on the stack. */
	int lent;               /* Places with holds > 0. */
	int waiting;            /* Threads in a line, or on the way out of it. */

	/* Figures; sr_pool_statistics explains them. */
	int peak;
	int64_t created;
	int64_t closed;
	int64_t recycled;
	int64_t acquired;
	int64_t waits;
	int64_t timeouts;
	int64_t leaks;
	int64_t commits;
	int64_t operations;
	int64_t checkpoints;
	int64_t log_bytes;
	int64_t wait_max;                     /* Nanoseconds, exact. */
	int64_t wait_counts[SR_WAIT_BUCKETS]; /* Leases that waited so long. */
	int64_t next_leak_look;               /* When readers of the list look again. */

	/* The log, as whoever held the writer last left it, and what was done about it: tend.c. */
	bool copying;          /* A thread brings it in beside the writer. */
	pthread_cond_t copied; /* Broadcast when it has ended. */
	int64_t begun_anew;    /* How often the log was. */
	int64_t tended_log;    /* Its size when it was looked after last; 0 since it began anew. */
	int64_t in_database;   /* How much of it is in the database. */
	bool held_back;        /* A reader kept that from being all there was. */
	bool alarmed;          /* The long log was reported and has not fallen since. */

	/* Belong to whoever holds the writer. */
	int careful; /* Batches to come in which every operation has a savepoint, */
	int apart;   /* or is run by itself: commit.c. */

	/* Belong to whoever holds the writer while nobody is copying, then to that thread. Opened
	 * by the first checkpoint that needs them; not counted, since they are never lent. */
	sr_conn *second; /* The other connection of a checkpoint, */
	sr_conn *stay;   /* and one that reads while that thread copies. */
};

/* While the lock is free:
 * 1. read_queue is empty unless no reader is idle; write_queue is empty unless the writer is
 *    lent. So whoever finds a place idle overtakes nobody.
 * 2. idle + (lent, without the writer's) == options.readers.
 * 3. A waiter is in a queue exactly while it is QUEUED.
 * 4. created - closed is the number of places whose conn is set.
 * 5. writer.levels > 0 only while writer.holds > 0; the levels own one hold. */

/* pool.c */

/* SR_FORKED in a child of the process that opened it: called before anything is touched. */
sr_status sr_pool_enter(const sr_pool *pool);

/* The place that this thread holds already and must join, with one more hold, or NULL.
 * Fails while the thread's transaction is spoiled. The lock is free. */
sr_status sr_pool_join(sr_pool *pool, sr_place **place);

/* Waits for a place or, with an operation, until a leader has done it: waiter->state says
 * which. The lock is free. */
sr_status sr_pool_acquire(sr_pool *pool, bool writer, sr_waiter *waiter);
void sr_waiter_init(sr_waiter *waiter, const char *site);

/* Makes a lent place's connection fit for use: opens, validates, replaces. */
sr_status sr_place_ready(sr_pool *pool, sr_place *place);
/* Closes its connection. */
void sr_place_drop(sr_pool *pool, sr_place *place);
/* After a change of lent, waiting or copying, with the lock held: wakes a waiting close. True: the
 * pool was abandoned and this was the last use; unlock and sr_pool_free it. */
bool sr_pool_quiet(sr_pool *pool);
void sr_pool_free(sr_pool *pool);
/* Ends one hold; after the last one the place goes to the next in line. Keeps the words. */
void sr_place_return(sr_pool *pool, sr_place *place);

/* Whether the engine rolled back the transaction that the thread still believes in; notes why. */
bool sr_place_spoiled(sr_place *place, sr_status status);

/* wait.c: all but sr_thread_number with the lock held. */

sr_status sr_wait(sr_pool *pool, sr_queue *queue, sr_waiter *waiter);
/* Gives an idle place to the waiter, or to the first in line, or back to the idle ones. */
void sr_place_lend(sr_pool *pool, sr_place *place, sr_waiter *waiter);
void sr_wait_grant(sr_pool *pool, sr_place *place);
/* The next operation in line if it may join a batch, else NULL. */
sr_waiter *sr_wait_take(sr_pool *pool);
void sr_wait_done(sr_waiter *waiter);
void sr_wait_shut(sr_pool *pool);
/* "SITE (thread N) for S s, …" of all that are lent: readers, the writer, or both. */
void sr_wait_holders(const sr_pool *pool, bool readers, bool writer, sr_buffer *out);
long sr_thread_number(void);

/* checkpoint.c: not two at once. */

/* What a checkpoint found. */
typedef struct sr_copied {
	int64_t log;         /* Bytes in the log, */
	int64_t in_database; /* and those of them that were copied since it began. */
} sr_copied;

/* By the holder of the writer, with all other writers kept out. Patiently, he waits for those of
 * other processes; else that is SR_BUSY. */
sr_status sr_log_copy(sr_pool *pool, sr_place *place, bool patient, sr_copied *copied);
/* While others write. */
sr_status sr_log_copy_beside(sr_pool *pool, sr_copied *copied);

/* tend.c: by the holder of the writer, outside a transaction, the lock free. */

/* Looks at the log's size after commits and does what it asks for. Never fails: what goes
 * wrong is logged, since the commits stand. */
void sr_log_tend(sr_pool *pool, sr_place *place);

/* figures.c: with the lock held, but for sr_leaks_look. */

void sr_figures_lent(sr_pool *pool);
void sr_figures_waited(sr_pool *pool, int64_t nanoseconds);
/* Reports leases that are held too long, each once, at most now and then. */
void sr_leaks_look(sr_pool *pool, bool now);

#endif
