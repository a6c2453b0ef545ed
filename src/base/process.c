#include "process.h"

#include <pthread.h>
#include <stdatomic.h>

/* getpid() asks the kernel each time, which costs as much as reading a row. */
static atomic_uint generation;

static void in_child(void)
{
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void watch(void)
{
	/* Without memory for it, the calls that ask getpid() still tell. */
	(void)pthread_atfork(NULL, NULL, in_child);
}

unsigned sr_process_generation(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch);
	return atomic_load_explicit(&generation, memory_order_relaxed);
}
