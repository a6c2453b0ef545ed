/* Looks for a secret in all memory of this process. */
#ifndef MEMORY_SCAN_H
#define MEMORY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* A secret that is looked for, kept such that it is not found itself. */
typedef struct needle {
	unsigned char masked[64];
	size_t length;
} needle;

/* Takes the secret, of 32 to 64 bytes, and zeroes it. */
void needle_take(needle *n, void *secret, size_t length);

/* How many halves of it stand in the memory that may be written: heap, stacks, mapped pages, in use
 * or given back; halves, since what is given back loses its first bytes. */
int needle_count(const needle *n);

#endif
