/*
 * Databases that somebody has made to harm, and everything that is done with one: what the machine
 * torture-hostile and the fuzzer of whole databases share.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strongroom.h"

/* Where a case lies: FOLDER/catalog/catalog.db with FOLDER/catalog/received_files, and beside that
 * FOLDER/outside, of which nothing may be touched. */
typedef struct hostile_place {
	char folder[4096];
	char database[4160];
	char storage[4160];
	char outside[4160];
	/* What is not as it should be, in words. */
	void (*bad)(void *arg, const char *words);
	void *arg;
} hostile_place;

/* Names the parts of a folder, which must be there. */
void hostile_name(hostile_place *place, const char *folder);

/* A sound catalog at the place: two clients, files with versions, stored ones among them, with the
 * rows of somebody's table `canary` that nothing of ours knows. False after a failure. */
bool hostile_sound(const hostile_place *place);

/* Everything that can be done with a catalog and a little more, thorough or in a moment. Each call
 * gives a result, or says in one line what is wrong. */
void hostile_use(const hostile_place *place, bool thorough);

/* ---- How one is made (hostile_make.c) ---- */

/* A kind of hostile file. Changes the sound catalog at the place; words for what was done, static
 * or good until the next call. */
typedef struct hostile_kind {
	const char *name;
	const char *(*make)(const hostile_place *place, uint64_t *state);
} hostile_kind;

extern const hostile_kind hostile_kinds[]; /* Ends with a NULL name. */

#endif
