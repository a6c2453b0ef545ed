/* The functions here have names of their own and the symbols of those that they stand for, so that
 * neither the headers' attributes nor their checked variants get in the way. */
#undef _FORTIFY_SOURCE
#include "shim_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>
#include <time.h>

/* LeakSanitizer does not see who holds what the C library allocates for the shim itself, 56 bytes
 * on first use, and would report it. What the code under test leaks, the blocks that are watched
 * tell. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return 1;
}

/* What the dynamic linker allocates before the real functions are known. */
static char early[1 << 16] __attribute__((aligned(16)));
static size_t early_used;

static bool is_early(const void *at)
{
	return (const char *)at >= early && (const char *)at < early + sizeof(early);
}

static void *allocate_early(size_t size)
{
	void *at = early + early_used;

	size = (size + 31) & ~(size_t)15;
	if (early_used + size > sizeof(early))
		return NULL;
	early_used += size;
	return at;
}

void *shim_malloc(size_t size) SHIM("malloc");
void *shim_malloc(size_t size)
{
	void *at;

	NEXT("malloc", void *(*)(size_t));
	if (next == NULL)
		return allocate_early(size);
	if (shim_trips(MEMORY, "malloc"))
		return NULL;
	at = next(size);
	shim_note(at);
	return at;
}

void *shim_calloc(size_t count, size_t size) SHIM("calloc");
void *shim_calloc(size_t count, size_t size)
{
	void *at;

	NEXT("calloc", void *(*)(size_t, size_t));
	if (next == NULL)
		return allocate_early(count * size);
	if (shim_trips(MEMORY, "calloc"))
		return NULL;
	at = next(count, size);
	shim_note(at);
	return at;
}

void shim_free(void *at) SHIM("free");
void shim_free(void *at)
{
	NEXT("free", void (*)(void *));
	if (at == NULL || is_early(at) || next == NULL)
		return;
	if (!shim_inside && shim_plant_now(SHIM_LEAK))
		return;
	shim_forget(at);
	next(at);
}

void *shim_realloc(void *at, size_t size) SHIM("realloc");
void *shim_realloc(void *at, size_t size)
{
	void *fresh;

	NEXT("realloc", void *(*)(void *, size_t));
	if (next == NULL || is_early(at)) {
		fresh = shim_malloc(size);
		if (fresh != NULL && at != NULL)
			memcpy(fresh, at, size); /* What lies behind it is early memory too. */
		return fresh;
	}
	if (shim_trips(MEMORY, "realloc"))
		return NULL;
	/* Before another thread can be given the same place. */
	shim_forget(at);
	fresh = next(at, size);
	shim_note(fresh != NULL ? fresh : at);
	return fresh;
}

void *shim_reallocarray(void *at, size_t count, size_t size) SHIM("reallocarray");
void *shim_reallocarray(void *at, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return shim_realloc(at, bytes);
}

void *shim_aligned_alloc(size_t alignment, size_t size) SHIM("aligned_alloc");
void *shim_aligned_alloc(size_t alignment, size_t size)
{
	void *at;

	NEXT("aligned_alloc", void *(*)(size_t, size_t));
	if (shim_trips(MEMORY, "aligned_alloc"))
		return NULL;
	at = next(alignment, size);
	shim_note(at);
	return at;
}

int shim_posix_memalign(void **at, size_t alignment, size_t size) SHIM("posix_memalign");
int shim_posix_memalign(void **at, size_t alignment, size_t size)
{
	int rc;

	NEXT("posix_memalign", int (*)(void **, size_t, size_t));
	if (shim_trips(MEMORY, "posix_memalign"))
		return ENOMEM;
	rc = next(at, alignment, size);
	if (rc == 0)
		shim_note(*at);
	return rc;
}

void *shim_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
	SHIM("mmap64");
void *shim_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	NEXT("mmap64", void *(*)(void *, size_t, int, int, int, off_t));
	return shim_trips(MEMORY, "mmap") ? MAP_FAILED
					  : next(at, size, protection, flags, fd, offset);
}

void *shim_real(const char *symbol)
{
	/* dlsym calls back, which its declaration denies. */
	static _Thread_local volatile bool looking;
	void *found;

	if (looking)
		return NULL;
	looking = true;
	found = dlsym(RTLD_NEXT, symbol);
	looking = false;
	return found;
}

/* The C library keeps what it knows of the time zone. */
struct tm *shim_localtime_r(const time_t *at, struct tm *to) SHIM("localtime_r");
struct tm *shim_localtime_r(const time_t *at, struct tm *to)
{
	bool before = shim_inside;

	NEXT("localtime_r", struct tm * (*)(const time_t *, struct tm *));
	shim_inside = true;
	to = next(at, to);
	shim_inside = before;
	return to;
}

void shim_tzset(void) SHIM("tzset");
void shim_tzset(void)
{
	bool before = shim_inside;

	NEXT("tzset", void (*)(void));
	shim_inside = true;
	next();
	shim_inside = before;
}
