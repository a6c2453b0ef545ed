/* What a catalog holds, as lines that do not depend on ids and times, so that two states of it can
 * be compared. */
#ifndef HOLDS_H
#define HOLDS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct holds {
	char **lines; /* Sorted. */
	size_t count;
} holds;

/* Read by a plain SQLite; without activities where `activity` is false. What cannot be read is a
 * line that begins with "ERROR". Nothing of the client "judge" is in it, and not the client "gone",
 * who loses a key before the rest. */
void holds_read(holds *all, const char *database, bool activity);

/* The names in a folder and below it, digits of numbers and ids as #. */
void holds_names(holds *names, const char *folder);

/* A stored file that is being deleted; its ids are left out of names. */
#define HOLDS_ASIDE ".strongroom-deleted-"

/* Leaves out the lines that contain the words; whether there were any. */
bool holds_drop(holds *names, const char *words);

void holds_free(holds *all);

/* Whether both are the same; `words` says in what they differ. */
bool holds_equal(const holds *a, const holds *b, char *words, size_t size);

/* Whether each line is of one of the two, and what both have is there. */
bool holds_between(const holds *all, const holds *a, const holds *b, char *words, size_t size);

/* Whether each line is of one of the two. */
bool holds_within(const holds *all, const holds *a, const holds *b, char *words, size_t size);

#endif
