/* UTF-8, one sequence at a time. */
#ifndef SR_UTF8_H
#define SR_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the well-formed sequence that the bytes begin with: 1 to 4, or 0 where there is
 * none (a stray or overlong byte, a surrogate, past U+10FFFF, cut short, or no bytes). */
size_t sr_utf8_sequence(const char *bytes, size_t length);

/* Whether a well-formed sequence of that length could drive what shows it: a control character, one
 * that turns the direction of writing, an end of a line. */
bool sr_utf8_drives(const char *bytes, size_t length);

#endif
