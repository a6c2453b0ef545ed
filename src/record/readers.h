/*
 * Threads that read files once each: checksum, hash and type from the same bytes.
 *
 * The calling thread gives jobs and takes them back in the order in which it gave them, whichever
 * was read first. At most SR_READERS_OPEN are to be read or being read at a time, which bounds
 * descriptors; at most SR_READERS_MOST are out, which bounds memory: so many small files may be
 * read while a large one before them is.
 */
#ifndef SR_READERS_H
#define SR_READERS_H

#include <sys/stat.h>

#include "types.h"

#define SR_READERS_OPEN 128
#define SR_READERS_MOST 4096
#define SR_MIME_SIZE    128

typedef struct sr_job {
	struct sr_job *next;  /* To be read after this one, */
	struct sr_job *after; /* and given after it. */
	bool done;            /* It was read. */
	char *path;           /* Absolute, owned, ended by a NUL. */
	int fd;               /* Open, to be read and closed; -1: nothing to read. */
	struct stat stat;     /* As it was met; once read, as it was read. */

	/* What reading found. */
	bool stopped; /* sr_readers_stop came first. */
	bool failed;  /* `why` tells. */
	char why[256];
	int64_t read; /* Bytes of it. */
	uint32_t crc;
	char hash[SR_HASH_TEXT_SIZE];
	char mime_type[SR_MIME_SIZE]; /* "" where nothing tells. */
} sr_job;

/* NULL without memory. */
sr_job *sr_job_new(sr_text path);
void sr_job_free(sr_job *job); /* Closes the descriptor as well. */

typedef struct sr_readers sr_readers;

sr_status sr_readers_start(sr_readers **readers, int threads, const sr_types *types);

/* Whether another job may be given: at once, or when many have been read, or after `wait` seconds
 * without that. */
bool sr_readers_room(sr_readers *readers, double wait);

/* Hands a job over; there must be room. */
void sr_readers_give(sr_readers *readers, sr_job *job);

/* The job that was given first, if it is done, or NULL: at once, or after `wait` seconds without
 * that. */
sr_job *sr_readers_take(sr_readers *readers, double wait);

size_t sr_readers_out(const sr_readers *readers); /* Given and not yet taken. */

int64_t sr_readers_read(const sr_readers *readers); /* Bytes so far, also of jobs under way. */

/* From now on jobs come back stopped, soon even the one that is being read. */
void sr_readers_stop(sr_readers *readers);

/* Stops, ends the threads and frees what was not taken. */
void sr_readers_free(sr_readers *readers);

/* What one thread needs to read a file. */
typedef struct sr_scanner sr_scanner;

sr_status sr_scanner_new(sr_scanner **scanner, const sr_types *types);
/* Reads job->fd to its end and fills the job; *stop ends it early. What is read is added to *read
 * at once. */
void sr_scan(sr_scanner *scanner, sr_job *job, const _Atomic bool *stop, _Atomic int64_t *read);
void sr_scanner_free(sr_scanner *scanner);

#endif
