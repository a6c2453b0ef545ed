/* Chance that can be had again, and names as odd as names may be. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

void chance_seed(uint64_t seed);
unsigned chance(unsigned limit); /* 0 to below limit, which is at least 1. */
bool one_in(unsigned n);

#define PICK(list) ((list)[chance((unsigned)(sizeof(list) / sizeof((list)[0])))])

/* Few parts, so that names share most of what they are made of. */
void add_part(sr_buffer *out);
void add_name(sr_buffer *out);
void add_folder(sr_buffer *out); /* "/a/b/", and not always so neat. */

/* The text as somebody else might type it: another case, another composition. */
void add_respelled(sr_buffer *out, sr_text text);

/* Bytes as a string of a shell, $'…', that a person can paste. */
void add_shell_quoted(sr_buffer *out, sr_text text);

#endif
