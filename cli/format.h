/* What output.c and listing.c share. */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "output.h"

/* Writes text, unless a write failed before. */
void output_write(struct output *output, const char *text);

/* One value of RFC 4180, quoted where it must be. */
void csv_write(struct output *output, const char *text);

#endif
