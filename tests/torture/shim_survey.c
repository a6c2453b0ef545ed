/* The places that calls come from. */
#include "shim_private.h"

#include <execinfo.h>
#include <stdatomic.h>

/* The frames of shim_place, shim_trips and the function that calls it come before the callers. */
enum { OWN = 3, CALLERS = 4, SEEN = 1 << 18, PLACES = 1 << 14 };

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

void shim_survey(void)
{
	memset(survey.counts, 0, sizeof(survey.counts));
	atomic_store(&survey.on, true);
}

void shim_survey_end(void)
{
	atomic_store(&survey.on, false);
}

size_t shim_places(shim_kind kind, const uint64_t **numbers)
{
	*numbers = survey.numbers[kind];
	return survey.counts[kind];
}

uint64_t shim_place(void)
{
	uint64_t hash = 1;
	void *frames[SHIM_FRAMES];
	int count, own = 0;

	if (!atomic_load_explicit(&survey.on, memory_order_relaxed))
		return 0;
	shim_inside = true;
	count = backtrace(frames, SHIM_FRAMES);
	shim_inside = false;
	for (int i = OWN; i < count && own < CALLERS; i++) {
		const char *at = frames[i];

		if (at < &begin_of_program || at >= &end_of_program)
			continue;
		hash = (hash ^ (uint64_t)(at - &begin_of_program)) * UINT64_C(0x9E3779B97F4A7C15);
		own++;
	}
	return hash | 1;
}

void shim_look_around(int kind, uint64_t number, uint64_t from)
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
