/* Patterns of names and paths, written for the oracle from what strongroom.h says of them: it tries
 * everything that there is to try. */
#ifndef PATTERN_H
#define PATTERN_H

#include "strongroom.h"

/* Whether the pattern is one of paths: it holds a slash. Both texts are folded. */
bool pattern_is_path(sr_text pattern);
bool pattern_matches(sr_text pattern, sr_text text);

#endif
