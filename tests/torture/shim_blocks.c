/* The blocks that were allocated and not freed. */
#include "shim_private.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdio.h>

enum { TRACE_FRAMES = 14, BLOCKS = 1 << 16 };

static atomic_flag block_lock = ATOMIC_FLAG_INIT;
static atomic_bool watching, tracing;
static struct block {
	void *at; /* NULL: none is here. */
	int frame_count;
	void *frames[TRACE_FRAMES];
} blocks[BLOCKS];
static size_t block_count;

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

void shim_note(void *at)
{
	size_t slot = slot_of(at);

	if (at == NULL || shim_inside || !atomic_load_explicit(&watching, memory_order_relaxed))
		return;
	lock_blocks();
	while (blocks[slot].at != NULL)
		slot = (slot + 1) % BLOCKS;
	if (block_count < BLOCKS - 1) {
		block_count++;
		blocks[slot].at = at;
		blocks[slot].frame_count = 0;
		if (atomic_load(&tracing)) {
			shim_inside = true;
			blocks[slot].frame_count = backtrace(blocks[slot].frames, TRACE_FRAMES);
			shim_inside = false;
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

void shim_forget(const void *at)
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
			used += shim_print_frames(text + used, sizeof(text) - used,
						  blocks[i].frames + 2, blocks[i].frame_count - 2);
		}
	}
	if (words != NULL)
		*words = text;
	return left;
}
