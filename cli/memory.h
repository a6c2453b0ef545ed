/* Allocation for a program that can do nothing better without memory than say so and end. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <stddef.h>

/* Passes memory on, unless it is NULL. */
void *must_have(void *memory);

/* Never NULL; what they return is freed with free. */
void *must_alloc(size_t size); /* Zeroed. */
void *must_realloc(void *memory, size_t size);
char *must_copy(const void *bytes, size_t length); /* With a NUL behind. */
char *must_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
