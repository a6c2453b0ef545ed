#include "guess.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <magic.h>

#include "../base/error.h"
#include "../base/library.h"
#include "../base/log.h"

#define HANDLES_MOST 16
#define FLAGS                                                                                      \
	(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ENCODING |                     \
	 MAGIC_NO_CHECK_TOKENS)

#define CALLS(CALL)                                                                                \
	CALL(magic_buffer)                                                                         \
	CALL(magic_close)                                                                          \
	CALL(magic_error)                                                                          \
	CALL(magic_load)                                                                           \
	CALL(magic_open)

static const char *const names[] = {CALLS(SR_LIBRARY_NAME)};
/* Good once there is a handle. */
static struct {
	CALLS(SR_LIBRARY_POINTER)
} magic;
static sr_library library = {
	.file = "libmagic.so.1",
	.names = names,
	.pointers = &magic,
	.count = sizeof(names) / sizeof(names[0]),
};

struct sr_guesser {
	pthread_mutex_t lock; /* Guards everything below. */
	pthread_cond_t some;  /* A handle was given back, or there will be none. */
	magic_t idle[HANDLES_MOST];
	int idle_count;
	int made; /* Handles, idle and in use; at most `most`. */
	int most;
};

sr_status sr_guesser_new(sr_guesser **guesser)
{
	sr_guesser *made = calloc(1, sizeof(*made));
	cpu_set_t cores;

	if ((*guesser = made) == NULL)
		return sr_fail_memory();
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->some, NULL);
	made->most = 1;
	if (sched_getaffinity(0, sizeof(cores), &cores) == 0)
		made->most = CPU_COUNT(&cores);
	if (made->most > HANDLES_MOST)
		made->most = HANDLES_MOST;
	return SR_OK;
}

void sr_guesser_free(sr_guesser *guesser)
{
	if (guesser == NULL)
		return;
	while (guesser->idle_count > 0)
		magic.magic_close(guesser->idle[--guesser->idle_count]);
	pthread_cond_destroy(&guesser->some);
	pthread_mutex_destroy(&guesser->lock);
	free(guesser);
}

static magic_t load(void)
{
	magic_t handle;

	if (sr_library_load(&library) != SR_OK) {
		sr_log("record", SR_LOG_WARNING, "%s", sr_error_message());
		return NULL;
	}
	handle = magic.magic_open(FLAGS);
	if (handle != NULL && magic.magic_load(handle, NULL) == 0)
		return handle;
	sr_log("record", SR_LOG_WARNING, "libmagic cannot be used: %s",
	       handle != NULL ? magic.magic_error(handle) : "out of memory");
	if (handle != NULL)
		magic.magic_close(handle);
	return NULL;
}

/* Under the lock: a handle of one's own, or NULL where there can be none. */
static magic_t borrow(sr_guesser *guesser)
{
	magic_t handle;

	while (guesser->idle_count == 0 && guesser->made > 0 && guesser->made == guesser->most)
		pthread_cond_wait(&guesser->some, &guesser->lock);
	if (guesser->idle_count > 0)
		return guesser->idle[--guesser->idle_count];
	if (guesser->most == 0)
		return NULL;
	/* Under the lock as well: who comes meanwhile would wait for this one anyway. */
	if ((handle = load()) != NULL)
		guesser->made++;
	else
		guesser->most = guesser->made;
	return handle != NULL || guesser->made == 0 ? handle : borrow(guesser);
}

void sr_guess(sr_guesser *guesser, const void *bytes, size_t length, char *type, size_t size)
{
	const char *found = NULL;
	magic_t handle;

	pthread_mutex_lock(&guesser->lock);
	handle = borrow(guesser);
	pthread_mutex_unlock(&guesser->lock);
	if (handle != NULL)
		found = magic.magic_buffer(handle, bytes, length);
	snprintf(type, size, "%s", found != NULL ? found : "");
	if (handle == NULL)
		return;
	pthread_mutex_lock(&guesser->lock);
	guesser->idle[guesser->idle_count++] = handle;
	pthread_cond_signal(&guesser->some);
	pthread_mutex_unlock(&guesser->lock);
}
