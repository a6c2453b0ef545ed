#include "secret.h"

#include <string.h>
#include <sys/mman.h>

void *sr_secret_new(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* Each makes it safer where the system has it and the process may; none is needed. */
	(void)madvise(memory, size, MADV_DONTDUMP);
#ifdef MADV_WIPEONFORK
	(void)madvise(memory, size, MADV_WIPEONFORK);
#endif
	(void)mlock(memory, size);
	return memory;
}

void sr_secret_free(void *memory, size_t size)
{
	if (memory == NULL)
		return;
	explicit_bzero(memory, size);
	(void)munmap(memory, size);
}

__attribute__((noinline)) void sr_stack_scrub(void)
{
	unsigned char frames[16384];

	explicit_bzero(frames, sizeof(frames));
}
