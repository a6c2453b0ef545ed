/*
 * What kind of file it is: by its name from the system's shared MIME table, else by its first
 * bytes.
 */
#ifndef SR_TYPES_H
#define SR_TYPES_H

#include "strongroom.h"

/* The system's tables; read once, then used by all threads. */
typedef struct sr_types sr_types;

/* folder holds shared-mime-info's tables: globs2, and subclasses where there is one. A missing
 * globs2 makes an empty table and a warning, and every file is told by its bytes. */
sr_status sr_types_new(sr_types **types, const char *folder);

/* The MIME type that a name tells: the heaviest pattern that matches, then the longest, then one
 * that goes by upper and lower case. NULL where it tells none. Where two patterns of the same rank
 * disagree, *rival is the other type, else NULL. */
const char *sr_type_of_name(const sr_types *types, const char *name, const char **rival);

/* Of two types that a name may mean the one that the bytes can be: the general one where the other
 * is a kind of it, the text or the other one, or text/plain where both are texts. NULL where none
 * of this helps. */
const char *sr_type_between(const sr_types *types, const char *type, const char *rival, bool text);

/* Whether a file's first bytes are those of a text: UTF-8, perhaps cut within a letter, without
 * control characters that no text has. No bytes are none. */
bool sr_looks_like_text(const unsigned char *bytes, size_t length);

/* Whether such a text is only that: it begins with no mark (of a script, a markup, a key, …) by
 * which a closer look could tell more. */
bool sr_is_plain(const unsigned char *bytes, size_t length);

/* The MIME type that libmagic finds in the first bytes, "" for none. Costs more than all else. */
void sr_type_of_bytes(const sr_types *types, const void *bytes, size_t length, char *type,
		      size_t size);

void sr_types_free(sr_types *types);

#define SR_EXTENSION_SIZE 11

/* What follows the last dot in lower case; "" for none, or one longer than 10 bytes. */
void sr_extension_of(const char *name, char extension[SR_EXTENSION_SIZE]);

#define SR_TYPES_FOLDER "/usr/share/mime"

#endif
