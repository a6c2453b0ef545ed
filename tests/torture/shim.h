/*
 * Allocations and calls of the operating system that fail on demand, whoever makes them: this
 * program defines malloc, open, write and so on itself, so that those of SQLite, libcrypto and the
 * C library come here as well, and passes them on.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum shim_kind {
	SHIM_MEMORY, /* An allocation, mapping or thread that is not had. */
	SHIM_IO,     /* EIO, of every call that touches a file. */
	SHIM_FULL,   /* ENOSPC, of those that may need space. */
	SHIM_SHORT,  /* Half of what was to be read or written is. */
	SHIM_SIGNAL, /* EINTR, of those that may wait. */
	SHIM_KINDS,
} shim_kind;

extern const char *const shim_kind_names[SHIM_KINDS];

typedef enum shim_plant {
	SHIM_HONEST,
	SHIM_SWALLOW, /* A write that is to fail does nothing and says that all is well. */
	SHIM_LEAK,    /* After a failure one block is not freed. */
	SHIM_HOLD,    /* After a failure one descriptor is not closed. */
} shim_plant;

void shim_plant_set(shim_plant plant);

/* From now on the nth call of that kind fails, with `lasting` all after it too. nth 0: none does,
 * but all are counted. Of all threads. */
void shim_arm(shim_kind kind, uint64_t nth, bool lasting);

/* With nth 0: until it is disarmed, of each kind the numbers of those calls are noted that come
 * from a place that none came from before, in all of this process. A place is the last few callers
 * in the program itself. */
void shim_survey(void);

/* Those numbers; good until the next survey. */
size_t shim_places(shim_kind kind, const uint64_t **numbers);

/* Nothing fails any more; how many have. */
uint64_t shim_disarm(void);

/* How many calls of a kind there were since it was armed. */
uint64_t shim_count(shim_kind kind);

/* The call that failed first: its name, and where it was made from as lines of "file(+offset)".
 * Good until the next arming. */
const char *shim_where(void);

/* Whether a call of this name was made to fail since it was armed. */
bool shim_failed(const char *name);

/* Watches what is allocated from now on; with traces also by whom. */
void shim_watch(bool traces);

/* Ends that; how many of those blocks are still there. *words (may be NULL) says of some where they
 * came from; static. */
size_t shim_left(const char **words);

/* How many descriptors this process has open. */
int shim_descriptors(void);

#endif
