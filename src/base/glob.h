/*
 * Patterns of names and paths, as shells have them, over folded texts (sr_text_fold).
 *
 * The words of a pattern are in strongroom.h at SR_MATCH_GLOB. Matching goes through the text once
 * and keeps the set of places in the pattern that it may be at, so that no pattern and no text
 * takes more than their lengths multiplied.
 */
#ifndef SR_GLOB_H
#define SR_GLOB_H

#include "buffer.h"

typedef struct sr_glob sr_glob;

/* Compiles a pattern, which it folds. An empty one is the empty text's. */
sr_status sr_glob_new(sr_text pattern, sr_glob **glob);

/* Whether it holds a slash: it is a path's then, else a name's. */
bool sr_glob_is_path(const sr_glob *glob);

/* Whether a folded text matches, from a slash or its beginning on to its end; a null never does.
 * For one thread at a time: the glob holds the memory that it takes. */
bool sr_glob_matches(sr_glob *glob, sr_text folded);

/* Folded texts that occur in everything that matches, borrowed; not all that there are where
 * there are very many. */
size_t sr_glob_literals(const sr_glob *glob, const sr_text **literals);

void sr_glob_free(sr_glob *glob);

#endif
