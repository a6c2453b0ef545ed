#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define FIRST_CAPACITY 64

/* Makes room for `more` bytes and the NUL; false marks the buffer. */
static bool reserve(sr_buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	char *data;

	if (buffer->failed)
		return false;
	if (more >= SIZE_MAX / 2 - buffer->length)
		goto err0;
	while (capacity <= buffer->length + more)
		capacity *= 2;
	if (capacity == buffer->capacity)
		return true;
	if ((data = realloc(buffer->data, capacity)) == NULL)
		goto err0;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;

err0:
	buffer->failed = true;
	return false;
}

void sr_buffer_add(sr_buffer *buffer, const void *bytes, size_t length)
{
	if (!reserve(buffer, length))
		return;
	if (length > 0)
		memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void sr_buffer_add_string(sr_buffer *buffer, const char *string)
{
	sr_buffer_add(buffer, string, strlen(string));
}

void sr_buffer_add_text(sr_buffer *buffer, sr_text text)
{
	sr_buffer_add(buffer, text.data, text.length);
}

void sr_buffer_printf(sr_buffer *buffer, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		buffer->failed = true;
	else if (reserve(buffer, (size_t)n)) {
		vsnprintf(buffer->data + buffer->length, (size_t)n + 1, fmt, again);
		buffer->length += (size_t)n;
	}
	va_end(again);
}

void sr_buffer_clear(sr_buffer *buffer)
{
	buffer->length = 0;
	buffer->failed = false;
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
}

sr_status sr_buffer_status(const sr_buffer *buffer)
{
	return buffer->failed ? sr_fail_memory() : SR_OK;
}

sr_text sr_buffer_text(const sr_buffer *buffer)
{
	sr_text text = {buffer->data != NULL ? buffer->data : "", buffer->length};

	return text;
}

char *sr_buffer_take(sr_buffer *buffer)
{
	char *data = NULL;

	/* Even an empty buffer hands out a string. */
	if (reserve(buffer, 0)) {
		data = buffer->data;
		data[buffer->length] = '\0';
		buffer->data = NULL;
	}
	sr_buffer_free(buffer);
	return data;
}

void sr_buffer_free(sr_buffer *buffer)
{
	static const sr_buffer empty = SR_BUFFER_EMPTY;

	if (buffer == NULL)
		return;
	free(buffer->data);
	*buffer = empty;
}
