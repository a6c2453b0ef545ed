/*
 * A growing run of bytes, always ended by a NUL that length does not count.
 *
 * Appending never returns an error: the first failed allocation marks the buffer, later appends
 * do nothing, and sr_buffer_status tells at the end. So SQL and text are put together without
 * a check on each line.
 */
#ifndef SR_BUFFER_H
#define SR_BUFFER_H

#include "strongroom.h"

typedef struct sr_buffer {
	char *data;      /* Never NULL after the first successful append. */
	size_t length;   /* Bytes in use, without the NUL. */
	size_t capacity; /* Bytes allocated. */
	bool failed;     /* An allocation failed; the contents are not to be used. */
} sr_buffer;

#define SR_BUFFER_EMPTY                                                                            \
	{                                                                                          \
		NULL, 0, 0, false                                                                  \
	}

void sr_buffer_add(sr_buffer *buffer, const void *bytes, size_t length);
void sr_buffer_add_string(sr_buffer *buffer, const char *string);
void sr_buffer_add_text(sr_buffer *buffer, sr_text text);
void sr_buffer_printf(sr_buffer *buffer, const char *fmt, ...) SR_PRINTF(2, 3);

/* Empties it and keeps the memory. */
void sr_buffer_clear(sr_buffer *buffer);

/* SR_OK, or SR_NO_MEMORY with words. */
sr_status sr_buffer_status(const sr_buffer *buffer);

/* The contents as text ("" when empty), borrowed. */
sr_text sr_buffer_text(const sr_buffer *buffer);

/* Hands the memory to the caller, who frees it; the buffer is empty again. NULL if it failed. */
char *sr_buffer_take(sr_buffer *buffer);

void sr_buffer_free(sr_buffer *buffer);

#endif
