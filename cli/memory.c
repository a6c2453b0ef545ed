#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *must_have(void *memory)
{
	if (memory == NULL) {
		fputs("strongroom: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

void *must_alloc(size_t size)
{
	return must_have(calloc(1, size > 0 ? size : 1));
}

void *must_realloc(void *memory, size_t size)
{
	return must_have(realloc(memory, size > 0 ? size : 1));
}

char *must_copy(const void *bytes, size_t length)
{
	char *copy = must_alloc(length + 1);

	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

char *must_print(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vasprintf(&text, fmt, ap);
	va_end(ap);
	return must_have(length < 0 ? NULL : text);
}
