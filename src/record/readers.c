#include "readers.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/error.h"

/* GIVEN -> READ [work]   READ -> DONE [work]   DONE -> taken [sr_readers_take], first come first */

/* Who waited for room goes on with so many to be read still: fewer wake-ups, and no reader idle. */
#define LOW (SR_READERS_OPEN / 2)

typedef struct queue {
	sr_job *first;
	sr_job *last; /* Undefined while first is NULL. */
} queue;

struct sr_readers {
	pthread_mutex_t lock;  /* Guards what follows down to ending, and each job's done. */
	pthread_cond_t more;   /* given got a job, or ending was set. */
	pthread_cond_t some;   /* What the caller waits for came. */
	queue given;           /* Waiting to be read, by `next`. */
	queue order;           /* Not yet taken, by `after`. */
	size_t unread;         /* Waiting to be read, or being read. */
	bool wants_room;       /* The caller waits until only LOW are unread, */
	bool wants_first;      /* or until the first in order is done. */
	bool ending;           /* The threads are to return. */
	_Atomic bool stop;     /* Jobs come back stopped. */
	_Atomic int64_t read;  /* Bytes. */
	size_t out;            /* The calling thread's alone: given and not yet taken. */
	int threads;           /* Started. */
	pthread_t *ids;        /* One each, */
	sr_scanner **scanners; /* and what it reads with. */
	int next;              /* Which scanner the next thread takes; under the lock. */
};

sr_job *sr_job_new(sr_text path)
{
	sr_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->fd = -1;
	if ((job->path = strndup(path.data, path.length)) == NULL) {
		free(job);
		return NULL;
	}
	return job;
}

void sr_job_free(sr_job *job)
{
	if (job == NULL)
		return;
	if (job->fd >= 0)
		close(job->fd);
	free(job->path);
	free(job);
}

static void push(queue *q, sr_job *job)
{
	job->next = NULL;
	if (q->first == NULL)
		q->first = job;
	else
		q->last->next = job;
	q->last = job;
}

static sr_job *pop(queue *q)
{
	sr_job *job = q->first;

	if (job != NULL)
		q->first = job->next;
	return job;
}

/* Under the lock: the job was read. */
static void done(sr_readers *readers, sr_job *job)
{
	job->done = true;
	readers->unread--;
	if ((readers->wants_room && readers->unread <= LOW) ||
	    (readers->wants_first && readers->order.first == job))
		pthread_cond_signal(&readers->some);
}

static void *work(void *arg)
{
	sr_readers *readers = arg;
	sr_scanner *scanner;
	sr_job *job;

	pthread_mutex_lock(&readers->lock);
	scanner = readers->scanners[readers->next++];
	while (!readers->ending) {
		if ((job = pop(&readers->given)) == NULL) {
			pthread_cond_wait(&readers->more, &readers->lock);
			continue;
		}
		pthread_mutex_unlock(&readers->lock);
		sr_scan(scanner, job, &readers->stop, &readers->read);
		pthread_mutex_lock(&readers->lock);
		done(readers, job);
	}
	pthread_mutex_unlock(&readers->lock);
	return NULL;
}

/* The caller's signals are for the caller's threads. */
static int start_thread(sr_readers *readers)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&readers->ids[readers->threads], NULL, work, readers);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		readers->threads++;
	return error;
}

sr_status sr_readers_start(sr_readers **readers, int threads, const sr_types *types)
{
	sr_readers *made = calloc(1, sizeof(*made));
	size_t count = (size_t)threads;
	sr_status rc = SR_OK;
	int error;

	*readers = NULL;
	if (made == NULL)
		return sr_fail_memory();
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->more, NULL);
	if ((error = sr_condition_init(&made->some)) != 0) {
		pthread_cond_destroy(&made->more);
		pthread_mutex_destroy(&made->lock);
		free(made);
		return sr_fail_errno(error, "cannot start reading");
	}
	made->ids = calloc(count, sizeof(*made->ids));
	/* One more, so that the list ends in a NULL. */
	made->scanners = calloc(count + 1, sizeof(sr_scanner *));
	if (made->ids == NULL || made->scanners == NULL)
		rc = sr_fail_memory();
	for (size_t i = 0; rc == SR_OK && i < count; i++)
		rc = sr_scanner_new(&made->scanners[i], types);
	while (rc == SR_OK && made->threads < threads)
		/* Fewer threads than asked for are slower, none at all is an error. */
		if ((error = start_thread(made)) != 0) {
			if (made->threads == 0)
				rc = sr_fail_errno(error, "cannot start a thread to read files");
			break;
		}
	if (rc != SR_OK)
		sr_readers_free(made);
	else
		*readers = made;
	return rc;
}

bool sr_readers_room(sr_readers *readers, double wait)
{
	struct timespec until;
	bool room;

	if (readers->out == SR_READERS_MOST)
		return false;
	if (wait > 0)
		until = sr_deadline(wait);
	pthread_mutex_lock(&readers->lock);
	readers->wants_room = wait > 0 && readers->unread == SR_READERS_OPEN;
	while (readers->wants_room && readers->unread > LOW)
		if (pthread_cond_timedwait(&readers->some, &readers->lock, &until) != 0)
			break;
	readers->wants_room = false;
	room = readers->unread < SR_READERS_OPEN;
	pthread_mutex_unlock(&readers->lock);
	return room;
}

void sr_readers_give(sr_readers *readers, sr_job *job)
{
	readers->out++;
	job->done = false;
	job->after = NULL;
	pthread_mutex_lock(&readers->lock);
	push(&readers->given, job);
	if (readers->order.first == NULL)
		readers->order.first = job;
	else
		readers->order.last->after = job;
	readers->order.last = job;
	readers->unread++;
	pthread_cond_signal(&readers->more);
	pthread_mutex_unlock(&readers->lock);
}

sr_job *sr_readers_take(sr_readers *readers, double wait)
{
	struct timespec until;
	sr_job *job;

	if (readers->out == 0)
		return NULL;
	if (wait > 0)
		until = sr_deadline(wait);
	pthread_mutex_lock(&readers->lock);
	job = readers->order.first;
	readers->wants_first = wait > 0;
	while (wait > 0 && !job->done)
		if (pthread_cond_timedwait(&readers->some, &readers->lock, &until) != 0)
			break;
	readers->wants_first = false;
	if (!job->done) {
		job = NULL;
	} else {
		readers->order.first = job->after;
		readers->out--;
	}
	pthread_mutex_unlock(&readers->lock);
	return job;
}

size_t sr_readers_out(const sr_readers *readers)
{
	return readers->out;
}

int64_t sr_readers_read(const sr_readers *readers)
{
	return atomic_load_explicit(&readers->read, memory_order_relaxed);
}

void sr_readers_stop(sr_readers *readers)
{
	atomic_store(&readers->stop, true);
}

void sr_readers_free(sr_readers *readers)
{
	if (readers == NULL)
		return;
	sr_readers_stop(readers);
	pthread_mutex_lock(&readers->lock);
	readers->ending = true;
	pthread_cond_broadcast(&readers->more);
	pthread_mutex_unlock(&readers->lock);
	for (int i = 0; i < readers->threads; i++)
		pthread_join(readers->ids[i], NULL);
	for (sr_job *job = readers->order.first, *after; job != NULL; job = after) {
		after = job->after;
		sr_job_free(job);
	}
	for (size_t i = 0; readers->scanners != NULL && readers->scanners[i] != NULL; i++)
		sr_scanner_free(readers->scanners[i]);
	free(readers->scanners);
	free(readers->ids);
	pthread_cond_destroy(&readers->some);
	pthread_cond_destroy(&readers->more);
	pthread_mutex_destroy(&readers->lock);
	free(readers);
}
