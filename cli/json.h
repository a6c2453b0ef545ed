/* Rows of the library as JSON: the one place that knows the keys. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>

#include "strongroom.h"

/* A string, bytes that are not UTF-8 as U+FFFD; null for a null. */
json_t *json_of(sr_text text);
/* null for SR_NULL_INTEGER, and for NAN and the infinities. */
json_t *json_of_integer(int64_t number);
json_t *json_of_real(double number);
/* Text, or null for "" and NULL. */
json_t *json_of_path(const char *path);
/* Hexadecimal. */
json_t *json_of_id(const sr_id *id);
/* Hexadecimal, or null. */
json_t *json_of_blob(sr_text bytes);

/* Sets KEY, and where text is not UTF-8 also KEY_bytes: the exact bytes in base64. */
void json_object_add_text(json_t *object, const char *key, sr_text text);

json_t *json_of_file(const sr_file *file);
json_t *json_of_client(const sr_client *client);
json_t *json_of_version(const sr_file_version *version);

/* One line, without the newline. U+FFFD, and what could drive a terminal, is written as \uXXXX.
 * Owned: free. */
char *json_line(json_t *value);
/* Several indented lines. Owned: free. */
char *json_pretty(json_t *value);

#endif
