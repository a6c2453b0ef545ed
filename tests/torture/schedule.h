/* What the machine torture-schedule lets threads do to a pool, and what must hold meanwhile. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler.h"
#include "stub_engine.h"

/* What a thread does in one step. */
typedef enum schedule_work {
	WORK_READ,
	WORK_COMMIT,
	WORK_TOGETHER, /* A commit that may be done at once with others. */
	WORK_TRANSACTION,
	WORK_LEASE, /* Of the writer. */
	WORK_CHECKPOINT,
	WORK_LOOK,  /* At figures. */
	WORK_OTHER, /* What another process does. */
	WORK_REST,
	WORKS,
} schedule_work;

typedef struct schedule_scenario {
	const char *name;
	int threads[2]; /* At least, at most. */
	int steps;      /* Of a thread, at most. */
	int readers;    /* In the pool, at most. */
	unsigned often[WORKS];
	unsigned bad_deeds;  /* Once in so many operations fail by themselves; 0: never. */
	unsigned impatience; /* See schedule_plan; with patience running out in the pool. */
	unsigned unstarted;
	bool cancels; /* Threads are asked whether their call goes on. */
	bool ages;    /* Connections grow old at once. */
	bool direct;
	bool closes; /* The pool is closed meanwhile. */
	bool real;   /* On SQLite: schedule_sqlite.c. */
	stub_faults faults;
} schedule_scenario;

extern const schedule_scenario schedule_scenarios[];
extern const int schedule_scenario_count;

typedef enum schedule_plant {
	PLANT_NOTHING,
	PLANT_LOST_WAKEUP,  /* A signal wakes nobody. */
	PLANT_DOUBLE_LEND,  /* A reader that was handed over is idle as well. */
	PLANT_EARLY_ANSWER, /* A commit says that it is done, and is not. */
	PLANT_LOG_FREE,     /* Who reads beside a copy does not hold the log. */
	PLANTS,
} schedule_plant;

/* One schedule of the scenario. False: schedule_wrong has the words. */
bool schedule_one(const schedule_scenario *scenario, uint64_t seed, schedule_plant plant);

/* The real engine, with a database in the folder; and what stub_engine.h has for the other. */
void real_begin(const char *folder);
const sr_engine *real_engine(const char **path); /* For another schedule. */
sr_status real_insert(sr_conn *conn, int row);
int real_count(sr_conn *conn);
int real_times(int row);

/* Checks: schedule_check.c. */

struct sr_pool;
/* The pool that is watched; NULL: none. */
void check_pool(struct sr_pool *pool);
void check_unlock(const pthread_mutex_t *lock);
void check_wait(const pthread_cond_t *condition);
void check_forget(const pthread_cond_t *condition);

#endif
