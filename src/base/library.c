#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Of who loads one. */

static sr_status fail(const sr_library *library)
{
	const char *why = dlerror();

	return sr_fail(SR_IO, "this needs the library %s, which cannot be loaded: %s",
		       library->file, why != NULL ? why : "no reason is given");
}

static sr_status load(sr_library *library)
{
	void *handle = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
	char *pointer = library->pointers;

	if (handle == NULL)
		return fail(library);
	for (size_t i = 0; i < library->count; i++, pointer += sizeof(void *)) {
		void *found = dlsym(handle, library->names[i]);

		if (found == NULL) {
			sr_status rc = fail(library);

			dlclose(handle);
			return rc;
		}
		memcpy(pointer, &found, sizeof(found));
	}
	/* Never closed: threads may be in it until the process ends. */
	atomic_store_explicit(&library->loaded, true, memory_order_release);
	return SR_OK;
}

sr_status sr_library_load(sr_library *library)
{
	sr_status rc = SR_OK;

	if (atomic_load_explicit(&library->loaded, memory_order_acquire))
		return SR_OK;
	pthread_mutex_lock(&lock);
	if (!atomic_load_explicit(&library->loaded, memory_order_relaxed))
		rc = load(library);
	pthread_mutex_unlock(&lock);
	return rc;
}
