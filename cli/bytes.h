/* Bytes written as text: hexadecimal and base64 (RFC 4648). */
#ifndef CLI_BYTES_H
#define CLI_BYTES_H

#include "strongroom.h"

/* Owned: free. */
char *bytes_to_hex(sr_text bytes);
char *bytes_to_base64(sr_text bytes);

/* False where the text is not of that form. *bytes is owned (free) and has a NUL behind. */
bool bytes_from_hex(sr_text text, char **bytes, size_t *length);
bool bytes_from_base64(sr_text text, char **bytes, size_t *length);

#endif
