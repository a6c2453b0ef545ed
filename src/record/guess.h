/*
 * libmagic, shared by the threads that read: each of its handles holds megabytes and serves one
 * thread at a time, so there is at most one a core, made when it is first needed.
 */
#ifndef SR_GUESS_H
#define SR_GUESS_H

#include "strongroom.h"

typedef struct sr_guesser sr_guesser;

sr_status sr_guesser_new(sr_guesser **guesser);

/* Puts the MIME type that the first bytes of a file tell into type; "" where they tell none, or
 * libmagic cannot be had, which is logged once. Any thread; it may wait for another one. */
void sr_guess(sr_guesser *guesser, const void *bytes, size_t length, char *type, size_t size);

void sr_guesser_free(sr_guesser *guesser);

#endif
