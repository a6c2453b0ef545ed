/* Clocks for waiting and measuring; calendar time is in strongroom.h (sr_time_*). */
#ifndef SR_CLOCK_H
#define SR_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Nanoseconds of a clock that only goes forward. */
int64_t sr_clock_ns(void);

/* The CLOCK_MONOTONIC time that lies `seconds` ahead, for pthread_cond_timedwait with a
 * condition made by sr_condition_init. */
struct timespec sr_deadline(double seconds);

/* A condition whose timed waits go by CLOCK_MONOTONIC. An errno, 0 when done. */
int sr_condition_init(pthread_cond_t *condition);

#endif
