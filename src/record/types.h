/*
 * What kind of file it is: by its name from the system's shared MIME table, else by its first
 * bytes.
 */
#ifndef SR_TYPES_H
#define SR_TYPES_H

#include "strongroom.h"

/* The table of names; read once, then used by all threads. */
typedef struct sr_types sr_types;

/* path is the table (shared-mime-info's globs2); one that is missing makes an empty table and a
 * warning, and every file is told by its bytes. */
sr_status sr_types_new(sr_types **types, const char *path);

/* The MIME type that a name tells: the heaviest pattern that matches, then the longest; the case
 * of letters counts only where the table says so. NULL where it tells none. Where two patterns
 * of the same rank disagree, *rival is the other type, else NULL. */
const char *sr_type_of_name(const sr_types *types, const char *name, const char **rival);

/* Of two types that a name may mean the one that the bytes can be, a text or not; NULL where both
 * or neither are texts. */
const char *sr_type_between(const char *type, const char *rival, bool text);

/* Whether a file's first bytes are those of a text: UTF-8, perhaps cut within a letter, without
 * control characters that no text has. No bytes are none. */
bool sr_looks_like_text(const unsigned char *bytes, size_t length);

/* Whether such a text is only that: it begins with no mark (of a script, a markup, a key, …) by
 * which a closer look could tell more. */
bool sr_is_plain(const unsigned char *bytes, size_t length);

void sr_types_free(sr_types *types);

/* The category of a MIME type (may be NULL) or, failing that, of an extension: one of those that
 * every database has: document, image, backup, other. Static. */
const char *sr_category_of(const char *mime_type, const char *extension);

#define SR_EXTENSION_SIZE 11

/* What follows the last dot in lower case; "" for none, or one longer than 10 bytes. */
void sr_extension_of(const char *name, char extension[SR_EXTENSION_SIZE]);

#define SR_TYPES_TABLE "/usr/share/mime/globs2"

#endif
