/* How long a recording will still take. No clock is looked at here. */
#ifndef SR_ESTIMATE_H
#define SR_ESTIMATE_H

#include <stdint.h>

/* How far it is. */
typedef struct sr_extent {
	int64_t files;       /* To come in all, */
	int64_t bytes;       /* and their sizes. */
	int64_t seen;        /* Of these files looked at, */
	int64_t seen_bytes;  /* and their sizes. */
	int64_t given;       /* Of those seen: to be read, */
	int64_t given_bytes; /* and their sizes. */
	int64_t read;        /* Of those given: read, */
	int64_t read_bytes;  /* and bytes read, also of files that are being read. */
} sr_extent;

typedef struct sr_estimate {
	double done; /* Work at the last call, */
	double at;   /* which was then. */
	double rate; /* Work in a second, lately; 0 before the second call. */
} sr_estimate;

/* Seconds left at time `now` (in seconds of any clock), or less than 0 where it cannot be told
 * yet. A zeroed estimate is one that begins. */
double sr_estimate_left(sr_estimate *estimate, const sr_extent *extent, double now);

#endif
