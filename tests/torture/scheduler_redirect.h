/*
 * In front of each file that is to run under the scheduler (cc -include): its locks, its waits, its
 * clock and what it keeps for each thread are the scheduler's, and its invariants are checked.
 */
#ifndef SCHEDULER_REDIRECT_H
#define SCHEDULER_REDIRECT_H

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "scheduler.h"

int schedule_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int schedule_mutex_destroy(pthread_mutex_t *mutex);
int schedule_mutex_lock(pthread_mutex_t *mutex);
int schedule_mutex_unlock(pthread_mutex_t *mutex);
int schedule_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int schedule_cond_destroy(pthread_cond_t *condition);
int schedule_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int schedule_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
			    const struct timespec *deadline);
int schedule_cond_signal(pthread_cond_t *condition);
int schedule_cond_broadcast(pthread_cond_t *condition);
int schedule_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *),
		    void *arg);
int schedule_sigmask(int how, const sigset_t *set, sigset_t *before);
int schedule_clock(clockid_t clock, struct timespec *now);
pid_t schedule_thread(void);

#define pthread_mutex_init     schedule_mutex_init
#define pthread_mutex_destroy  schedule_mutex_destroy
#define pthread_mutex_lock     schedule_mutex_lock
#define pthread_mutex_unlock   schedule_mutex_unlock
#define pthread_cond_init      schedule_cond_init
#define pthread_cond_destroy   schedule_cond_destroy
#define pthread_cond_wait      schedule_cond_wait
#define pthread_cond_timedwait schedule_cond_timedwait
#define pthread_cond_signal    schedule_cond_signal
#define pthread_cond_broadcast schedule_cond_broadcast
#define pthread_create         schedule_create
#define pthread_sigmask        schedule_sigmask
#define clock_gettime          schedule_clock
#define gettid                 schedule_thread

/* All of them lie together, and are exchanged with the threads. */
#define _Thread_local __attribute__((section("of_thread")))

#define SR_INVARIANT(condition)                                                                    \
	((condition) ? (void)0 : schedule_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition))

#endif
