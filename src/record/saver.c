#include "saver.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/error.h"

/* One is filled, one is saved, and one lies between them. */
#define BATCHES 3

/* IDLE -> GIVEN [sr_saver_give]   GIVEN -> SAVED [save_next]   SAVED -> IDLE [sr_saver_take] */

struct sr_saver {
	pthread_mutex_t lock; /* Guards saved, stop and the batches' passing on. */
	pthread_cond_t more;  /* given grew, or stop was set. */
	pthread_cond_t some;  /* saved grew. */
	size_t saved;         /* Batches saved, also those that failed. */
	size_t given;         /* Batches given. Batch number n is batches[n % BATCHES]. */
	bool stop;            /* The thread is to return. */

	/* The calling thread's alone: */
	size_t taken; /* Batches taken back; given - taken <= BATCHES. */
	bool threaded;
	pthread_t thread;
	sr_saved total;
	sr_batch_refused_fn refused;
	void *arg;

	/* Whose it is goes round. */
	sr_batch *batches[BATCHES];
	bool failed; /* The saving thread's: one of them did. */
};

/* Saves the batch whose turn it is; nothing more after one that failed. */
static void save_next(sr_saver *saver, size_t number)
{
	sr_batch *batch = saver->batches[number % BATCHES];

	if (saver->failed)
		return;
	saver->failed = sr_batch_save(batch) != SR_OK;
}

static void *work(void *arg)
{
	sr_saver *saver = arg;

	pthread_mutex_lock(&saver->lock);
	while (!saver->stop) {
		size_t number = saver->saved;

		if (number == saver->given) {
			pthread_cond_wait(&saver->more, &saver->lock);
			continue;
		}
		pthread_mutex_unlock(&saver->lock);
		save_next(saver, number);
		pthread_mutex_lock(&saver->lock);
		saver->saved++;
		pthread_cond_signal(&saver->some);
	}
	pthread_mutex_unlock(&saver->lock);
	return NULL;
}

/* The caller's signals are for the caller's threads. */
static void start_thread(sr_saver *saver)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	saver->threaded = pthread_create(&saver->thread, NULL, work, saver) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

sr_status sr_saver_start(sr_saver **saver, const sr_batch_of *of, sr_batch_refused_fn refused,
			 void *arg)
{
	sr_saver *made = calloc(1, sizeof(*made));
	sr_status rc = SR_OK;
	int error;

	*saver = NULL;
	if (made == NULL)
		return sr_fail_memory();
	made->refused = refused;
	made->arg = arg;
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->more, NULL);
	if ((error = sr_condition_init(&made->some)) != 0) {
		pthread_cond_destroy(&made->more);
		pthread_mutex_destroy(&made->lock);
		free(made);
		return sr_fail_errno(error, "cannot start saving");
	}
	for (size_t i = 0; rc == SR_OK && i < BATCHES; i++)
		rc = sr_batch_new(&made->batches[i], of);
	if (rc != SR_OK) {
		sr_saver_free(made);
		return rc;
	}
	if (!sr_in_transaction(of->catalog))
		start_thread(made);
	*saver = made;
	return SR_OK;
}

sr_batch *sr_saver_filling(sr_saver *saver)
{
	if (saver->given - saver->taken == BATCHES)
		return NULL;
	return saver->batches[saver->given % BATCHES];
}

void sr_saver_give(sr_saver *saver)
{
	sr_batch *batch = sr_saver_filling(saver);

	if (batch == NULL || sr_batch_empty(batch))
		return;
	if (!saver->threaded) {
		save_next(saver, saver->given++);
		saver->saved++;
		return;
	}
	pthread_mutex_lock(&saver->lock);
	saver->given++;
	pthread_cond_signal(&saver->more);
	pthread_mutex_unlock(&saver->lock);
}

/* How many were saved: at once one more than were taken, or after so many seconds. */
static size_t wait_for_saved(sr_saver *saver, double wait)
{
	struct timespec until;
	size_t saved;

	if (wait > 0)
		until = sr_deadline(wait);
	pthread_mutex_lock(&saver->lock);
	while (wait > 0 && saver->saved == saver->taken && saver->given > saver->taken)
		if (pthread_cond_timedwait(&saver->some, &saver->lock, &until) != 0)
			break;
	saved = saver->saved;
	pthread_mutex_unlock(&saver->lock);
	return saved;
}

sr_status sr_saver_take(sr_saver *saver, double wait)
{
	size_t saved = wait_for_saved(saver, wait);
	sr_status rc = SR_OK;

	while (rc == SR_OK && saver->taken < saved) {
		rc = sr_batch_settle(saver->batches[saver->taken % BATCHES], &saver->total,
				     saver->refused, saver->arg);
		saver->taken++;
	}
	return rc;
}

bool sr_saver_busy(const sr_saver *saver)
{
	return saver->given > saver->taken;
}

const sr_saved *sr_saver_saved(const sr_saver *saver)
{
	return &saver->total;
}

void sr_saver_free(sr_saver *saver)
{
	if (saver == NULL)
		return;
	if (saver->threaded) {
		pthread_mutex_lock(&saver->lock);
		saver->stop = true;
		pthread_cond_signal(&saver->more);
		pthread_mutex_unlock(&saver->lock);
		pthread_join(saver->thread, NULL);
	}
	for (size_t i = 0; i < BATCHES; i++)
		sr_batch_free(saver->batches[i]);
	pthread_cond_destroy(&saver->some);
	pthread_cond_destroy(&saver->more);
	pthread_mutex_destroy(&saver->lock);
	free(saver);
}
