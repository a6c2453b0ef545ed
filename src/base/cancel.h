/*
 * Asking the calling thread whether its call is to go on: see sr_cancel_set in strongroom.h.
 *
 * Whatever waits or reads for long asks. It holds no lock meanwhile, since what is asked may wait
 * for a lock of its caller's, and it asks for nobody else: who does others' work, or tidies up
 * after what has been done, holds the question back.
 */
#ifndef SR_CANCEL_H
#define SR_CANCEL_H

#include "strongroom.h"

/* Seconds between two questions. */
#define SR_CANCEL_PAUSE 0.05

/* Whether there is somebody to ask: then who waits wakes up for it every SR_CANCEL_PAUSE. */
bool sr_cancel_asks(void);

/* Whether the call is to end. Asks no oftener than every SR_CANCEL_PAUSE; in between it is false.
 */
bool sr_cancel_wanted(void);

/* Until as many calls of sr_cancel_resume nobody of this thread is asked. */
void sr_cancel_hold(void);
void sr_cancel_resume(void);

#endif
