/*
 * A scheduler that decides: code that is compiled with scheduler_redirect.h in front of it runs in
 * threads of this scheduler instead of the system's. One runs at a time, and at each point (a lock
 * taken or given up, a wait, a signal, a call of the engine) the seed alone decides who goes on,
 * who gets a lock, whom a signal wakes, whether a wait ends for nothing and what time it is. So
 * the same seed is the same schedule.
 *
 * Two kinds of schedule take turns: random walks, and threads with priorities that change at a
 * few points by chance, which finds each bug that needs d such changes with a chance of at least
 * 1/(n k^(d-1)) in n threads and k steps: Burckhardt, Kothari, Musuvathi, Nagarakatte, A
 * Randomized Scheduler with Probabilistic Guarantees of Finding Bugs (ASPLOS 2010).
 */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { SCHEDULE_THREADS = 40 };

/* What is asked while a schedule runs; each may be NULL. */
typedef struct schedule_watch {
	/* The lock is about to be given up, by unlocking it or waiting. */
	void (*unlock)(const pthread_mutex_t *lock);
	/* The running thread begins to wait until a deadline; is destroying a condition. */
	void (*wait)(const pthread_cond_t *condition);
	void (*forget)(const pthread_cond_t *condition);
} schedule_watch;

typedef struct schedule_plan {
	uint64_t seed;
	unsigned impatience; /* Once in so many points time jumps to the next deadline; 0: only
				when there is nothing else to do. */
	unsigned drop;       /* The so manieth signal wakes nobody: a planted bug; 0: all do. */
	unsigned unstarted;  /* Once in so many a thread cannot be created; 0: never. */
	schedule_watch watch;
} schedule_plan;

/* Runs body as the first thread, and returns when all threads have ended. False: something was
 * wrong, and schedule_wrong has the words. */
bool schedule_run(const schedule_plan *plan, void (*body)(void *arg), void *arg);
const char *schedule_wrong(void);
uint64_t schedule_points(void); /* Of all schedules so far. */

/* For what runs in it. */

/* Another thread; its number, from 1 on. */
int schedule_spawn(void (*body)(void *arg), void *arg);
void schedule_join_all(void); /* Waits for all others. */
int schedule_self(void);

/* Somebody else may run now. What: for the trace, a literal. */
void schedule_point(const char *what);
void schedule_sleep(double seconds);
int64_t schedule_now(void); /* Nanoseconds. */

/* By chance, out of the seed. */
unsigned schedule_chance(unsigned below);
/* True once in so many; 0: never. */
bool schedule_once_in(unsigned times);

/* Whether a thread sleeps on the condition. */
bool schedule_asleep(const pthread_cond_t *condition);

/* Ends the schedule, from any of its threads. */
__attribute__((noreturn, format(printf, 1, 2))) void schedule_fail(const char *words, ...);

#endif
