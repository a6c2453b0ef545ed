/*
 * The catalog's own files, which must never be opened here: closing any descriptor of a database
 * drops the locks that this process holds on it, and lost commits follow.
 */
#ifndef SR_OWN_H
#define SR_OWN_H

#include <sys/stat.h>

#include "strongroom.h"

typedef struct sr_own sr_own;

sr_status sr_own_new(sr_own **own, const char *database);

/* Whether st, met under this name, is the database, its log, or another of its files. */
bool sr_own_has(const sr_own *own, const char *name, const struct stat *st);

void sr_own_free(sr_own *own);

#endif
