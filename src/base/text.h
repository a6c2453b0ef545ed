/* Text for matching and for showing. */
#ifndef SR_TEXT_H
#define SR_TEXT_H

#include "buffer.h"

bool sr_text_equal(sr_text a, sr_text b); /* Two nulls are equal; a null and "" are not. */

/* memcmp order, a prefix first, a null before everything. */
int sr_text_compare(sr_text a, sr_text b);

/* printf's arguments for "%.*s". */
#define SR_TEXT_ARGS(t) (int)(t).length, ((t).data ? (t).data : "")

/* Puts the text into `out` (cleared first) as it is matched: case folded and composed (NFC) for
 * all of Unicode, so that two spellings of a name become the same bytes. Runs that are not
 * UTF-8 stay as they are, byte for byte. ASCII takes a short way. */
sr_status sr_text_fold(sr_text text, sr_buffer *out);

/* Whose tables it folds by: another Unicode's may fold a text to other bytes. */
const char *sr_text_fold_version(void);

/* Whether `folded_term`, folded before, occurs in `text`; scratch is a buffer to fold into.
 * An empty term occurs everywhere, nothing occurs in a null. */
bool sr_text_contains(sr_text text, sr_text folded_term, sr_buffer *scratch);

/* What sr_text_escape gives, owned; NULL without memory. The thread's last words stay. */
char *sr_text_escaped(sr_text text);

/* Whether the text holds a control character (C0, DEL, or C1 as UTF-8). */
bool sr_text_has_control(sr_text text);

/* A name in a message: escaped, quoted with '', cut after some 200 bytes; in a static ring of
 * the thread's, good for the next eight calls. */
const char *sr_quoted(sr_text text);

/* A copy of a struct of `size` bytes whose texts are at these `count` offsets, in one piece of
 * memory with the texts behind it, each ended by a NUL. Owned: free. NULL without memory. */
void *sr_text_copy_struct(const void *from, size_t size, const size_t *texts, size_t count);

/* "(unknown)"-safe hex of bytes; hex has room for 2 × length + 1. */
void sr_hex(const void *bytes, size_t length, char *hex);

#endif
