/*
 * A thread that saves a batch while the next one is filled.
 *
 * Few batches are there, and they go round: the calling thread fills one, gives it, and takes
 * them back once they were saved. They are saved one after another, in the order given. After one
 * that failed no more are.
 */
#ifndef SR_SAVER_H
#define SR_SAVER_H

#include "batch.h"

typedef struct sr_saver sr_saver;

/* Everything given must live as long. Inside the thread's own transaction, which no other thread
 * could join, and where no thread can be had, batches are saved by the calling thread. */
sr_status sr_saver_start(sr_saver **saver, const sr_batch_of *of, sr_batch_refused_fn refused,
			 void *arg);

/* The batch to be filled; NULL while all are on their way. */
sr_batch *sr_saver_filling(sr_saver *saver);

/* Gives it to be saved, unless nothing is in it. */
void sr_saver_give(sr_saver *saver);

/* Takes back what was saved, and tells what was refused: at once, or after `wait` seconds without
 * any. Fails once a batch has failed. */
sr_status sr_saver_take(sr_saver *saver, double wait);

bool sr_saver_busy(const sr_saver *saver); /* Something is given and not yet taken back. */

/* What was saved, of all that was taken back. */
const sr_saved *sr_saver_saved(const sr_saver *saver);

/* Ends the thread as soon as what it is saving is saved, and frees all. */
void sr_saver_free(sr_saver *saver);

#endif
