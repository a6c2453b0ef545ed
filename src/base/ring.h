/*
 * Key rings: the master keys that somebody has, oldest first. The newest is what new keys are
 * wrapped under; the others open what was wrapped before.
 *
 * As text a key is a line, "ID TIME BASE64", and lines that are empty or begin with # say nothing:
 *
 *	# Strongroom master keys. …
 *	3f1c9a0be2d47785 2026-01-31T09:30:00Z q83v…=
 *
 * A file of it must be a regular one, this user's, and shut to everybody else. No message has any
 * of the key bytes.
 */
#ifndef SR_RING_H
#define SR_RING_H

#include "buffer.h"
#include "wrap.h"

#define SR_RING_BYTES_MAX 65536 /* Of the text. */
#define SR_RING_KEYS_MAX  512

typedef struct sr_ring {
	sr_master *masters; /* In memory for secrets; count of them. */
	size_t count;
	size_t room; /* Bytes of that memory. */
} sr_ring;

/* source is what messages call it. SR_INVALID, naming the line, for what is no ring. */
sr_status sr_ring_parse(const char *text, size_t length, const char *source, sr_ring **ring);
void sr_ring_free(sr_ring *ring); /* Zeroes it. NULL is fine. */

/* The key of that id, or NULL; the newest, or NULL in an empty one. */
const sr_master *sr_ring_find(const sr_ring *ring, const char *id);
const sr_master *sr_ring_newest(const sr_ring *ring);

/* ---- In a file (ring_file.c) ---- */

/* SR_NOT_FOUND without one; SR_PERMISSION for one that others can read or own; SR_REFUSED for what
 * is no regular file. */
sr_status sr_ring_read(const char *path, sr_ring **ring);

/* Makes one with that key, whole and on the disk before it has its name. SR_EXISTS where something
 * has that name already. */
sr_status sr_ring_create(const char *path, const sr_master *master);

/* Nobody else changes it while it is held, and what killed processes have left of it is gone.
 * SR_BUSY where somebody else still has it after so many seconds. path must outlive it. Taken
 * before a write transaction, and never inside of one. */
typedef struct sr_ring_hold {
	const char *path;
	int fd; /* -1: not held. */
} sr_ring_hold;

sr_status sr_ring_hold_take(const char *path, double patience, sr_ring_hold *hold);
void sr_ring_hold_end(sr_ring_hold *hold); /* Harmless on one that is not held. */

/* Another ring in the place of the one that is there, likewise whole. edit is given what there is,
 * and changes it: sr_ring_add, sr_ring_remove. Its failure leaves all as it was. */
typedef sr_status (*sr_ring_edit_fn)(void *arg, sr_ring *ring);
sr_status sr_ring_hold_change(sr_ring_hold *hold, sr_ring_edit_fn edit, void *arg);

/* How many files beside it are what killed processes have left of it, or are being written just
 * now; the name of the first is added. */
size_t sr_ring_parts(const char *path, sr_buffer *first);

sr_status sr_ring_add(sr_ring *ring, const sr_master *master); /* As the newest. */
void sr_ring_remove(sr_ring *ring, size_t index);

/* ---- From a command (ring_command.c) ---- */

/* What the shell's command prints. SR_BUSY when it takes longer than so many seconds, SR_IO with
 * its status when it fails; never with what it printed. */
sr_status sr_ring_run(const char *command, double timeout, sr_ring **ring);

#endif
