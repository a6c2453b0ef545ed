/* Text as a terminal sees it: characters, columns, and what must not reach it. */
#ifndef CLI_UTF8_H
#define CLI_UTF8_H

#include <stddef.h>

#include "strongroom.h"

/* Bytes of the well-formed character at text, or 0 where there is none. */
size_t utf8_length(const char *text, size_t left);

/* Columns that a NUL-terminated text takes. */
size_t utf8_columns(const char *text);

/* Bytes of the character at text where that could drive a terminal, and which it is; else 0. */
size_t utf8_driving(const char *text, unsigned *character);

/* Prints text with what could drive a terminal written as \xNN; text that is clean passes as it
 * is, backslashes too. Owned: free. */
char *utf8_clean(const char *text);

/* text cut to columns with an ellipsis, at its end or at its start. Owned: free. */
char *utf8_cut(const char *text, size_t columns, bool at_start);

/* Bytes as UTF-8, each that does not belong as U+FFFD. *length is the result's. Owned: free. */
char *utf8_repair(sr_text text, size_t *length);

#endif
