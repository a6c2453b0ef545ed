#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shim_private.h"

const char *const shim_kind_names[SHIM_KINDS] = {"memory", "EIO", "ENOSPC", "short", "EINTR"};

enum { NAMES = 64 };

static struct {
	atomic_bool on;
	shim_kind kind;
	uint64_t nth;
	bool lasting;
	_Atomic uint64_t counts[SHIM_KINDS];
	_Atomic uint64_t *hits;              /* Also those in processes that are made meanwhile. */
	_Atomic(const char *) failed[NAMES]; /* What has failed; NULL: no more. */
	_Atomic(const char *) name;          /* Of the call that failed first, */
	void *frames[SHIM_FRAMES];           /* and where it was made from. */
	int frame_count;
} armed;

_Thread_local bool shim_inside;
static shim_plant plant;
static atomic_bool planted; /* It waits for its moment. */

void shim_plant_set(shim_plant which)
{
	plant = which;
}

void shim_arm(shim_kind kind, uint64_t nth, bool lasting)
{
	void *first[1];

	shim_inside = true;
	(void)backtrace(first, 1); /* Loads what it needs. */
	shim_inside = false;
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

uint64_t shim_disarm(void)
{
	atomic_store(&armed.on, false);
	shim_survey_end();
	return atomic_load(armed.hits);
}

uint64_t shim_count(shim_kind kind)
{
	return atomic_load(&armed.counts[kind]);
}

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

bool shim_trips(unsigned ways, const char *name)
{
	static const int errors[SHIM_KINDS] = {ENOMEM, EIO, ENOSPC, 0, EINTR};
	uint64_t now = 0, from;

	if (!atomic_load_explicit(&armed.on, memory_order_relaxed) || shim_inside)
		return false;
	from = shim_place();
	for (int i = 0; i < SHIM_KINDS; i++)
		if (ways & BIT(i)) {
			uint64_t count = atomic_fetch_add(&armed.counts[i], 1) + 1;

			if (from != 0)
				shim_look_around(i, count, from);
			now = i == (int)armed.kind ? count : now;
		}
	if (now == 0 || armed.nth == 0 || now < armed.nth || (now > armed.nth && !armed.lasting))
		return false;
	note_failed(name);
	if (atomic_fetch_add(armed.hits, 1) == 0) {
		shim_inside = true;
		armed.frame_count = backtrace(armed.frames, SHIM_FRAMES);
		shim_inside = false;
		atomic_store(&armed.name, name);
		atomic_store(&planted, plant != SHIM_HONEST);
	}
	if (errors[armed.kind] != 0)
		errno = errors[armed.kind];
	return true;
}

bool shim_shorten(const char *name, size_t *size)
{
	if (*size < 2 || !shim_trips(SHORT, name))
		return false;
	*size /= 2;
	return true;
}

bool shim_swallows(void)
{
	return plant == SHIM_SWALLOW;
}

bool shim_plant_now(shim_plant which)
{
	bool waiting = true;

	return plant == which && atomic_compare_exchange_strong(&planted, &waiting, false);
}

size_t shim_print_frames(char *words, size_t size, void *const *frames, int count)
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

	shim_print_frames(words + n, sizeof(words) - (size_t)n, armed.frames + 1,
			  armed.frame_count > 1 ? armed.frame_count - 1 : 0);
	return words;
}
