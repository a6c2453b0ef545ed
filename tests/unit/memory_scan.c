#include "memory_scan.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "expect.h"

#define MASK  0xa7
#define PIECE (1 << 20)

void needle_take(needle *n, void *secret, size_t length)
{
	assert_in_range(length, 32, sizeof(n->masked));
	n->length = length;
	for (size_t i = 0; i < length; i++)
		n->masked[i] = ((unsigned char *)secret)[i] ^ MASK;
	explicit_bzero(secret, length);
}

/* Whether a half of it stands there, the one that begins at `half`. */
static bool stands_at(const needle *n, size_t half, const unsigned char *at)
{
	for (size_t i = 0; i < n->length / 2; i++)
		if ((unsigned char)(at[i] ^ MASK) != n->masked[half + i])
			return false;
	return true;
}

/* Pages are read into one buffer, which is not looked at itself. */
static int count_in(const needle *n, int memory, uintptr_t from, uintptr_t to,
		    unsigned char *buffer)
{
	int count = 0;

	while (from < to) {
		size_t want = to - from < PIECE ? to - from : PIECE;
		ssize_t got = pread(memory, buffer, want, (off_t)from);

		if (got <= 0)
			return count;
		for (size_t i = 0; i + n->length / 2 <= (size_t)got; i++)
			count += stands_at(n, 0, buffer + i) +
				 stands_at(n, n->length - n->length / 2, buffer + i);
		if (from + (size_t)got >= to)
			return count;
		/* A place may lie across two pieces; none is counted twice. */
		if ((size_t)got < n->length / 2)
			return count;
		from += (size_t)got - n->length / 2 + 1;
	}
	return count;
}

int needle_count(const needle *n)
{
	unsigned char *buffer =
		mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long from, to;
	char line[512], rights[8];
	int count = 0;

	assert_true(buffer != MAP_FAILED && maps != NULL && memory >= 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w')
			continue;
		if (from <= (uintptr_t)buffer && (uintptr_t)buffer < to) {
			/* Neighbours of the buffer may be one mapping with it. */
			count += count_in(n, memory, from, (uintptr_t)buffer, buffer);
			count += count_in(n, memory, (uintptr_t)buffer + PIECE, to, buffer);
		} else if (to - from < (1UL << 32)) { /* No sanitizer's shadow. */
			count += count_in(n, memory, from, to, buffer);
		}
	}
	fclose(maps);
	close(memory);
	munmap(buffer, PIECE);
	return count;
}
