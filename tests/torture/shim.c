/* The functions here have names of their own and the symbols of those that they stand for, so that
 * neither the headers' attributes nor their checked variants get in the way. */
#undef _FORTIFY_SOURCE
#include "shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

const char *const shim_kind_names[SHIM_KINDS] = {"memory", "EIO", "ENOSPC", "short", "EINTR"};

enum { FRAMES = 24, TRACE_FRAMES = 14, BLOCKS = 1 << 16, NAMES = 64 };

static struct {
	atomic_bool on;
	shim_kind kind;
	uint64_t nth;
	bool lasting;
	_Atomic uint64_t counts[SHIM_KINDS];
	_Atomic uint64_t *hits;              /* Also those in processes that are made meanwhile. */
	_Atomic(const char *) failed[NAMES]; /* What has failed; NULL: no more. */
	_Atomic(const char *) name;          /* Of the call that failed first, */
	void *frames[FRAMES];                /* and where it was made from. */
	int frame_count;
} armed;

enum { CALLERS = 4, SEEN = 1 << 18, PLACES = 1 << 14 };

/* Of the program that this is linked into; the linker's. */
extern const char begin_of_program __asm__("__executable_start"), end_of_program __asm__("etext");

static struct {
	atomic_bool on;
	atomic_flag lock;    /* Guards all below. */
	uint64_t seen[SEEN]; /* Places, by their hash; 0: free. */
	size_t seen_count;   /* At most half of them. */
	uint64_t numbers[SHIM_KINDS][PLACES];
	size_t counts[SHIM_KINDS];
} survey = {.lock = ATOMIC_FLAG_INIT};

static shim_plant plant;
static atomic_bool planted;       /* It waits for its moment. */
static _Thread_local bool inside; /* What this thread calls is the shim's own. */
static atomic_flag block_lock = ATOMIC_FLAG_INIT;
static atomic_bool watching, tracing;
static struct block {
	void *at; /* NULL: none is here. */
	int frame_count;
	void *frames[TRACE_FRAMES];
} blocks[BLOCKS];
static size_t block_count;

/* ---- Failing ---- */

void shim_plant_set(shim_plant which)
{
	plant = which;
}

void shim_arm(shim_kind kind, uint64_t nth, bool lasting)
{
	void *first[1];

	inside = true;
	(void)backtrace(first, 1); /* Loads what it needs. */
	inside = false;
	armed.kind = kind;
	armed.nth = nth;
	armed.lasting = lasting;
	for (int i = 0; i < SHIM_KINDS; i++)
		atomic_store(&armed.counts[i], 0);
	if (armed.hits == NULL)
		armed.hits = mmap(NULL, sizeof(*armed.hits), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (armed.hits == MAP_FAILED)
		abort();
	atomic_store(armed.hits, 0);
	atomic_store(&armed.name, NULL);
	for (int i = 0; i < NAMES; i++)
		atomic_store(&armed.failed[i], NULL);
	armed.frame_count = 0;
	atomic_store(&planted, false);
	atomic_store(&armed.on, true);
}

void shim_survey(void)
{
	memset(survey.counts, 0, sizeof(survey.counts));
	atomic_store(&survey.on, true);
}

size_t shim_places(shim_kind kind, const uint64_t **numbers)
{
	*numbers = survey.numbers[kind];
	return survey.counts[kind];
}

/* Where the caller's caller was called from, as one number that is not 0. */
static uint64_t place(void)
{
	uint64_t hash = 1;
	void *frames[FRAMES];
	int count, own = 0;

	inside = true;
	count = backtrace(frames, FRAMES);
	inside = false;
	for (int i = 3; i < count && own < CALLERS; i++) {
		const char *at = frames[i];

		if (at < &begin_of_program || at >= &end_of_program)
			continue;
		hash = (hash ^ (uint64_t)(at - &begin_of_program)) * UINT64_C(0x9E3779B97F4A7C15);
		own++;
	}
	return hash | 1;
}

/* Notes this call of a kind if none came from its place. */
static void look_around(int kind, uint64_t number, uint64_t from)
{
	uint64_t hash = from * (uint64_t)(2 * kind + 3);
	size_t slot = (size_t)(hash >> 40) % SEEN;

	while (atomic_flag_test_and_set_explicit(&survey.lock, memory_order_acquire))
		;
	while (survey.seen[slot] != 0 && survey.seen[slot] != hash)
		slot = (slot + 1) % SEEN;
	if (survey.seen[slot] == 0 && survey.seen_count < SEEN / 2 &&
	    survey.counts[kind] < PLACES) {
		survey.seen[slot] = hash;
		survey.seen_count++;
		survey.numbers[kind][survey.counts[kind]++] = number;
	}
	atomic_flag_clear_explicit(&survey.lock, memory_order_release);
}

uint64_t shim_disarm(void)
{
	atomic_store(&armed.on, false);
	atomic_store(&survey.on, false);
	return atomic_load(armed.hits);
}

uint64_t shim_count(shim_kind kind)
{
	return atomic_load(&armed.counts[kind]);
}

#define BIT(kind) (1u << (kind))
#define MEMORY    BIT(SHIM_MEMORY)
#define IO        BIT(SHIM_IO)
#define FULL      BIT(SHIM_FULL)
#define SHORT     BIT(SHIM_SHORT)
#define SIGNAL    BIT(SHIM_SIGNAL)

static void note_failed(const char *name)
{
	for (int i = 0; i < NAMES; i++) {
		const char *there = NULL;

		if (atomic_compare_exchange_strong(&armed.failed[i], &there, name) || there == name)
			return;
	}
}

bool shim_failed(const char *name)
{
	for (int i = 0; i < NAMES; i++) {
		const char *there = atomic_load(&armed.failed[i]);

		if (there == NULL || strcmp(there, name) == 0)
			return there != NULL;
	}
	return false;
}

/* Whether this call, which can fail in these ways, is to fail; errno says how. */
static bool trips(unsigned ways, const char *name)
{
	static const int errors[SHIM_KINDS] = {ENOMEM, EIO, ENOSPC, 0, EINTR};
	uint64_t now = 0, from;

	if (!atomic_load_explicit(&armed.on, memory_order_relaxed) || inside)
		return false;
	from = atomic_load_explicit(&survey.on, memory_order_relaxed) ? place() : 0;
	for (int i = 0; i < SHIM_KINDS; i++)
		if (ways & BIT(i)) {
			uint64_t count = atomic_fetch_add(&armed.counts[i], 1) + 1;

			if (from != 0)
				look_around(i, count, from);
			now = i == (int)armed.kind ? count : now;
		}
	if (now == 0 || armed.nth == 0 || now < armed.nth || (now > armed.nth && !armed.lasting))
		return false;
	note_failed(name);
	if (atomic_fetch_add(armed.hits, 1) == 0) {
		inside = true;
		armed.frame_count = backtrace(armed.frames, FRAMES);
		inside = false;
		atomic_store(&armed.name, name);
		atomic_store(&planted, plant != SHIM_HONEST);
	}
	if (errors[armed.kind] != 0)
		errno = errors[armed.kind];
	return true;
}

static bool shorten(const char *name, size_t *size)
{
	if (*size < 2 || !trips(SHORT, name))
		return false;
	*size /= 2;
	return true;
}

static bool swallows(void)
{
	return plant == SHIM_SWALLOW;
}

static bool plant_now(shim_plant which)
{
	bool waiting = true;

	return plant == which && atomic_compare_exchange_strong(&planted, &waiting, false);
}

static size_t print_frames(char *words, size_t size, void *const *frames, int count)
{
	size_t used = 0;

	for (int i = 0; i < count && used < size; i++) {
		Dl_info info = {0};
		const char *file = "?";

		if (dladdr(frames[i], &info) != 0 && info.dli_fname != NULL) {
			const char *slash = strrchr(info.dli_fname, '/');

			file = slash != NULL ? slash + 1 : info.dli_fname;
		}
		used += (size_t)snprintf(words + used, size - used, " %s+%#tx", file,
					 (char *)frames[i] - (char *)info.dli_fbase - 1);
	}
	return used < size ? used : size - 1;
}

const char *shim_where(void)
{
	static char words[1500];
	const char *name = atomic_load(&armed.name);
	int n = snprintf(words, sizeof(words), "%s, called from", name != NULL ? name : "none");

	print_frames(words + n, sizeof(words) - (size_t)n, armed.frames + 1,
		     armed.frame_count > 1 ? armed.frame_count - 1 : 0);
	return words;
}

/* ---- Beside the sanitizers ---- */

/* LeakSanitizer does not see who holds what the C library allocates for the shim itself, 56 bytes
 * on first use, and would report it. What the code under test leaks, the blocks that are watched
 * tell. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return 1;
}

/* ---- Watching blocks ---- */

static void lock_blocks(void)
{
	while (atomic_flag_test_and_set_explicit(&block_lock, memory_order_acquire))
		;
}

static void unlock_blocks(void)
{
	atomic_flag_clear_explicit(&block_lock, memory_order_release);
}

static size_t slot_of(const void *at)
{
	return (size_t)(((uintptr_t)at >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 48) % BLOCKS;
}

static void note(void *at)
{
	size_t slot = slot_of(at);

	if (at == NULL || inside || !atomic_load_explicit(&watching, memory_order_relaxed))
		return;
	lock_blocks();
	while (blocks[slot].at != NULL)
		slot = (slot + 1) % BLOCKS;
	if (block_count < BLOCKS - 1) {
		block_count++;
		blocks[slot].at = at;
		blocks[slot].frame_count = 0;
		if (atomic_load(&tracing)) {
			inside = true;
			blocks[slot].frame_count = backtrace(blocks[slot].frames, TRACE_FRAMES);
			inside = false;
		}
	}
	unlock_blocks();
}

/* What lies behind a slot that becomes free moves up, where it would not be found otherwise. */
static void close_gap(size_t gap)
{
	for (size_t slot = (gap + 1) % BLOCKS; blocks[slot].at != NULL;
	     slot = (slot + 1) % BLOCKS) {
		size_t home = slot_of(blocks[slot].at);

		if ((slot - home) % BLOCKS < (slot - gap) % BLOCKS)
			continue;
		blocks[gap] = blocks[slot];
		gap = slot;
	}
	blocks[gap].at = NULL;
}

static void forget(const void *at)
{
	if (at == NULL || !atomic_load_explicit(&watching, memory_order_relaxed))
		return;
	lock_blocks();
	for (size_t slot = slot_of(at); blocks[slot].at != NULL; slot = (slot + 1) % BLOCKS)
		if (blocks[slot].at == at) {
			close_gap(slot);
			block_count--;
			break;
		}
	unlock_blocks();
}

void shim_watch(bool traces)
{
	if (block_count > 0)
		memset(blocks, 0, sizeof(blocks));
	block_count = 0;
	atomic_store(&tracing, traces);
	atomic_store(&watching, true);
}

/* What libcrypto loses when it is short of memory is not the library's to free. */
static bool is_foreign(const struct block *one)
{
	Dl_info info = {0};

	return one->frame_count > 2 && dladdr(one->frames[2], &info) != 0 &&
	       info.dli_fname != NULL && strstr(info.dli_fname, "libcrypto") != NULL;
}

size_t shim_left(const char **words)
{
	static char text[2000];
	size_t left = 0, used = 0;

	atomic_store(&watching, false);
	text[0] = '\0';
	for (size_t i = 0; i < BLOCKS; i++) {
		if (blocks[i].at == NULL || is_foreign(&blocks[i]))
			continue;
		if (left++ < 3 && blocks[i].frame_count > 2 && used + 200 < sizeof(text)) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "; from");
			used += print_frames(text + used, sizeof(text) - used, blocks[i].frames + 2,
					     blocks[i].frame_count - 2);
		}
	}
	if (words != NULL)
		*words = text;
	return left;
}

int shim_descriptors(void)
{
	struct dirent *entry;
	DIR *folder;
	int count = -1; /* The folder's own. */

	folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return -1;
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

/* ---- Allocations ---- */

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

static void *real(const char *symbol)
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

#define SHIM(symbol) __asm__(symbol) __attribute__((visibility("default")))
#define NEXT(symbol, type)                                                                         \
	static __typeof__(type) next;                                                              \
	do {                                                                                       \
		if (next == NULL) {                                                                \
			void *found_ = real(symbol);                                               \
			memcpy(&next, &found_, sizeof(found_));                                    \
		}                                                                                  \
	} while (0)

void *shim_malloc(size_t size) SHIM("malloc");
void *shim_malloc(size_t size)
{
	void *at;

	NEXT("malloc", void *(*)(size_t));
	if (next == NULL)
		return allocate_early(size);
	if (trips(MEMORY, "malloc"))
		return NULL;
	at = next(size);
	note(at);
	return at;
}

void *shim_calloc(size_t count, size_t size) SHIM("calloc");
void *shim_calloc(size_t count, size_t size)
{
	void *at;

	NEXT("calloc", void *(*)(size_t, size_t));
	if (next == NULL)
		return allocate_early(count * size);
	if (trips(MEMORY, "calloc"))
		return NULL;
	at = next(count, size);
	note(at);
	return at;
}

void shim_free(void *at) SHIM("free");
void shim_free(void *at)
{
	NEXT("free", void (*)(void *));
	if (at == NULL || is_early(at) || next == NULL)
		return;
	if (!inside && plant_now(SHIM_LEAK))
		return;
	forget(at);
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
	if (trips(MEMORY, "realloc"))
		return NULL;
	/* Before another thread can be given the same place. */
	forget(at);
	fresh = next(at, size);
	note(fresh != NULL ? fresh : at);
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
	if (trips(MEMORY, "aligned_alloc"))
		return NULL;
	at = next(alignment, size);
	note(at);
	return at;
}

int shim_posix_memalign(void **at, size_t alignment, size_t size) SHIM("posix_memalign");
int shim_posix_memalign(void **at, size_t alignment, size_t size)
{
	int rc;

	NEXT("posix_memalign", int (*)(void **, size_t, size_t));
	if (trips(MEMORY, "posix_memalign"))
		return ENOMEM;
	rc = next(at, alignment, size);
	if (rc == 0)
		note(*at);
	return rc;
}

void *shim_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
	SHIM("mmap64");
void *shim_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	NEXT("mmap64", void *(*)(void *, size_t, int, int, int, off_t));
	return trips(MEMORY, "mmap") ? MAP_FAILED : next(at, size, protection, flags, fd, offset);
}

int shim_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			void *arg) SHIM("pthread_create");
int shim_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			void *arg)
{
	int rc;

	NEXT("pthread_create",
	     int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
	if (trips(MEMORY, "pthread_create"))
		return EAGAIN;
	inside = true; /* The C library keeps stacks for later threads. */
	rc = next(thread, attributes, run, arg);
	inside = false;
	return rc;
}

/* ---- Opening ---- */

/* A file that is there needs no space to be opened. */
static unsigned open_ways(int folder, const char *path, int flags)
{
	return IO | SIGNAL |
	       ((flags & O_CREAT) && faccessat(folder, path, F_OK, 0) != 0 ? FULL : 0);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int shim_open(const char *path, int flags, ...) SHIM("open64");
int shim_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	NEXT("open64", int (*)(const char *, int, ...));
	return trips(open_ways(AT_FDCWD, path, flags), "open") ? -1 : next(path, flags, mode);
}

int shim_open_2(const char *path, int flags) SHIM("__open64_2");
int shim_open_2(const char *path, int flags)
{
	return shim_open(path, flags);
}

int shim_openat(int folder, const char *path, int flags, ...) SHIM("openat64");
int shim_openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	NEXT("openat64", int (*)(int, const char *, int, ...));
	return trips(open_ways(folder, path, flags), "openat") ? -1
							       : next(folder, path, flags, mode);
}

int shim_openat_2(int folder, const char *path, int flags) SHIM("__openat64_2");
int shim_openat_2(int folder, const char *path, int flags)
{
	return shim_openat(folder, path, flags);
}

FILE *shim_fopen(const char *path, const char *mode) SHIM("fopen64");
FILE *shim_fopen(const char *path, const char *mode)
{
	NEXT("fopen64", FILE * (*)(const char *, const char *));
	return trips(IO | SIGNAL, "fopen") ? NULL : next(path, mode);
}

/* The descriptor is gone, whatever is said. */
int shim_close(int fd) SHIM("close");
int shim_close(int fd)
{
	int rc, error;

	NEXT("close", int (*)(int));
	if (!inside && plant_now(SHIM_HOLD))
		return 0;
	if (!trips(IO | SIGNAL, "close"))
		return next(fd);
	error = errno;
	rc = next(fd);
	errno = rc == 0 ? error : errno;
	return -1;
}

/* ---- Reading and writing ---- */

ssize_t shim_read(int fd, void *bytes, size_t size) SHIM("read");
ssize_t shim_read(int fd, void *bytes, size_t size)
{
	NEXT("read", ssize_t(*)(int, void *, size_t));
	if (trips(IO | SIGNAL, "read"))
		return -1;
	shorten("read", &size);
	return next(fd, bytes, size);
}

ssize_t shim_read_chk(int fd, void *bytes, size_t size, size_t room) SHIM("__read_chk");
ssize_t shim_read_chk(int fd, void *bytes, size_t size, size_t room)
{
	(void)room;
	return shim_read(fd, bytes, size);
}

ssize_t shim_pread(int fd, void *bytes, size_t size, off_t at) SHIM("pread64");
ssize_t shim_pread(int fd, void *bytes, size_t size, off_t at)
{
	NEXT("pread64", ssize_t(*)(int, void *, size_t, off_t));
	if (trips(IO | SIGNAL, "pread"))
		return -1;
	shorten("pread", &size);
	return next(fd, bytes, size, at);
}

ssize_t shim_pread_chk(int fd, void *bytes, size_t size, off_t at, size_t room)
	SHIM("__pread64_chk");
ssize_t shim_pread_chk(int fd, void *bytes, size_t size, off_t at, size_t room)
{
	(void)room;
	return shim_pread(fd, bytes, size, at);
}

ssize_t shim_write(int fd, const void *bytes, size_t size) SHIM("write");
ssize_t shim_write(int fd, const void *bytes, size_t size)
{
	NEXT("write", ssize_t(*)(int, const void *, size_t));
	if (trips(IO | FULL | SIGNAL, "write"))
		return swallows() ? (ssize_t)size : -1;
	shorten("write", &size);
	return next(fd, bytes, size);
}

ssize_t shim_pwrite(int fd, const void *bytes, size_t size, off_t at) SHIM("pwrite64");
ssize_t shim_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	NEXT("pwrite64", ssize_t(*)(int, const void *, size_t, off_t));
	if (trips(IO | FULL | SIGNAL, "pwrite"))
		return swallows() ? (ssize_t)size : -1;
	shorten("pwrite", &size);
	return next(fd, bytes, size, at);
}

/* Of a kernel that has it, it fails for signals only. */
ssize_t shim_getrandom(void *bytes, size_t size, unsigned flags) SHIM("getrandom");
ssize_t shim_getrandom(void *bytes, size_t size, unsigned flags)
{
	NEXT("getrandom", ssize_t(*)(void *, size_t, unsigned));
	if (trips(SIGNAL, "getrandom"))
		return -1;
	shorten("getrandom", &size);
	return next(bytes, size, flags);
}

/* A stream that failed says so; there is no other way to tell it. */
static void mark(FILE *stream)
{
	stream->_flags |= 0x20;
}

ssize_t shim_getdelim(char **line, size_t *room, int end, FILE *stream) SHIM("__getdelim");
ssize_t shim_getdelim(char **line, size_t *room, int end, FILE *stream)
{
	NEXT("__getdelim", ssize_t(*)(char **, size_t *, int, FILE *));
	if (trips(IO, "getdelim")) {
		mark(stream);
		return -1;
	}
	return next(line, room, end, stream);
}

size_t shim_fread(void *bytes, size_t size, size_t count, FILE *stream) SHIM("fread");
size_t shim_fread(void *bytes, size_t size, size_t count, FILE *stream)
{
	NEXT("fread", size_t(*)(void *, size_t, size_t, FILE *));
	if (trips(IO, "fread")) {
		mark(stream);
		return 0;
	}
	return next(bytes, size, count, stream);
}

char *shim_fgets(char *line, int room, FILE *stream) SHIM("fgets");
char *shim_fgets(char *line, int room, FILE *stream)
{
	NEXT("fgets", char *(*)(char *, int, FILE *));
	if (trips(IO, "fgets")) {
		mark(stream);
		return NULL;
	}
	return next(line, room, stream);
}

/* The C library keeps what it knows of the time zone. */
struct tm *shim_localtime_r(const time_t *at, struct tm *to) SHIM("localtime_r");
struct tm *shim_localtime_r(const time_t *at, struct tm *to)
{
	bool before = inside;

	NEXT("localtime_r", struct tm * (*)(const time_t *, struct tm *));
	inside = true;
	to = next(at, to);
	inside = before;
	return to;
}

void shim_tzset(void) SHIM("tzset");
void shim_tzset(void)
{
	bool before = inside;

	NEXT("tzset", void (*)(void));
	inside = true;
	next();
	inside = before;
}

/* ---- The rest of what is done to files ---- */

/* A function whose failure is -1. */
#define PLAIN(name, symbol, ways, params, args)                                                    \
	int shim_##name params SHIM(symbol);                                                       \
	int shim_##name params                                                                     \
	{                                                                                          \
		NEXT(symbol, int(*) params);                                                       \
		return trips(ways, #name) ? -1 : next args;                                        \
	}

/* What the disk itself does is not asked here: a sync that does not fail costs nothing. */
int shim_fsync(int fd) SHIM("fsync");
int shim_fsync(int fd)
{
	(void)fd;
	return trips(IO | FULL, "fsync") ? -1 : 0;
}

int shim_fdatasync(int fd) SHIM("fdatasync");
int shim_fdatasync(int fd)
{
	(void)fd;
	return trips(IO | FULL, "fdatasync") ? -1 : 0;
}

PLAIN(ftruncate, "ftruncate64", IO | FULL | SIGNAL, (int fd, off_t size), (fd, size))
PLAIN(fallocate, "fallocate64", IO | FULL | SIGNAL, (int fd, int mode, off_t at, off_t size),
      (fd, mode, at, size))
PLAIN(rename, "rename", IO | FULL, (const char *from, const char *to), (from, to))
PLAIN(renameat, "renameat", IO | FULL, (int a, const char *from, int b, const char *to),
      (a, from, b, to))
PLAIN(renameat2, "renameat2", IO | FULL,
      (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
PLAIN(link, "link", IO | FULL, (const char *from, const char *to), (from, to))
PLAIN(linkat, "linkat", IO | FULL, (int a, const char *from, int b, const char *to, int flags),
      (a, from, b, to, flags))
PLAIN(unlink, "unlink", IO, (const char *path), (path))
PLAIN(unlinkat, "unlinkat", IO, (int folder, const char *path, int flags), (folder, path, flags))
PLAIN(mkdir, "mkdir", IO | FULL, (const char *path, mode_t mode), (path, mode))
PLAIN(rmdir, "rmdir", IO, (const char *path), (path))
PLAIN(mknod, "mknod", IO | FULL, (const char *path, mode_t mode, dev_t device),
      (path, mode, device))
PLAIN(access, "access", IO, (const char *path, int how), (path, how))
PLAIN(chmod, "chmod", IO, (const char *path, mode_t mode), (path, mode))
PLAIN(fchmod, "fchmod", IO, (int fd, mode_t mode), (fd, mode))
PLAIN(flock, "flock", IO | SIGNAL, (int fd, int how), (fd, how))
PLAIN(stat, "stat64", IO, (const char *path, struct stat *st), (path, st))
PLAIN(lstat, "lstat64", IO, (const char *path, struct stat *st), (path, st))
PLAIN(fstat, "fstat64", IO, (int fd, struct stat *st), (fd, st))
PLAIN(fstatat, "fstatat64", IO, (int folder, const char *path, struct stat *st, int flags),
      (folder, path, st, flags))
PLAIN(statvfs, "statvfs64", IO | SIGNAL, (const char *path, void *st), (path, st))
PLAIN(pipe2, "pipe2", IO, (int *ends, int flags), (ends, flags))

/* Locks may fail; letting go of one does not. */
int shim_fcntl(int fd, int command, ...) SHIM("fcntl64");
int shim_fcntl(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	NEXT("fcntl64", int (*)(int, int, ...));
	if (command == F_SETLK && ((const struct flock *)arg)->l_type != F_UNLCK &&
	    trips(IO, "fcntl"))
		return -1;
	return next(fd, command, arg);
}

ssize_t shim_readlink(const char *path, char *to, size_t room) SHIM("readlink");
ssize_t shim_readlink(const char *path, char *to, size_t room)
{
	NEXT("readlink", ssize_t(*)(const char *, char *, size_t));
	return trips(IO, "readlink") ? -1 : next(path, to, room);
}

char *shim_realpath(const char *path, char *to) SHIM("realpath");
char *shim_realpath(const char *path, char *to)
{
	NEXT("realpath", char *(*)(const char *, char *));
	return trips(IO, "realpath") ? NULL : next(path, to);
}

char *shim_getcwd(char *to, size_t room) SHIM("getcwd");
char *shim_getcwd(char *to, size_t room)
{
	NEXT("getcwd", char *(*)(char *, size_t));
	return trips(IO, "getcwd") ? NULL : next(to, room);
}

DIR *shim_opendir(const char *path) SHIM("opendir");
DIR *shim_opendir(const char *path)
{
	NEXT("opendir", DIR * (*)(const char *));
	return trips(IO, "opendir") ? NULL : next(path);
}

DIR *shim_fdopendir(int fd) SHIM("fdopendir");
DIR *shim_fdopendir(int fd)
{
	NEXT("fdopendir", DIR * (*)(int));
	return trips(IO, "fdopendir") ? NULL : next(fd);
}

struct dirent *shim_readdir(DIR *folder) SHIM("readdir64");
struct dirent *shim_readdir(DIR *folder)
{
	NEXT("readdir64", struct dirent * (*)(DIR *));
	return trips(IO, "readdir") ? NULL : next(folder);
}
