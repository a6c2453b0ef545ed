/* UTF-8, one sequence at a time. */
#ifndef SR_UTF8_H
#define SR_UTF8_H

#include <stddef.h>

/* The length of the well-formed sequence that the bytes begin with: 1 to 4, or 0 where there is
 * none (a stray or overlong byte, a surrogate, past U+10FFFF, cut short, or no bytes). */
size_t sr_utf8_sequence(const char *bytes, size_t length);

#endif
