#include "scout.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../base/path.h"
#include "walk.h"

struct sr_scout {
	const sr_roots *roots;
	const sr_excludes *excludes;
	const sr_own *own;
	bool one_file_system;
	pthread_t thread;
	int64_t files;        /* The thread's until `counted` is set, */
	int64_t bytes;        /* then everybody's to read. */
	_Atomic bool counted; /* The thread came to the end of all roots. */
	_Atomic bool stop;    /* It is to return. */
};

/* False when it was stopped or ran out of memory: half a count is none. */
static bool count_root(sr_scout *scout, const char *root)
{
	const sr_met *met;
	sr_walk *walk;
	sr_status rc = sr_walk_new(&walk, root, scout->excludes, scout->one_file_system);

	if (rc != SR_OK)
		return false;
	while ((rc = sr_walk_next(walk, &met)) == SR_OK && met != NULL) {
		if (atomic_load_explicit(&scout->stop, memory_order_relaxed))
			break;
		if (met->kind != SR_MET_FILE ||
		    sr_own_has(scout->own, sr_path_name(met->path).data, &met->stat))
			continue;
		scout->files++;
		scout->bytes += met->stat.st_size;
	}
	sr_walk_free(walk);
	return rc == SR_OK && met == NULL;
}

static void *work(void *arg)
{
	sr_scout *scout = arg;
	bool whole = true;

	for (size_t i = 0; whole && i < scout->roots->count; i++)
		whole = count_root(scout, scout->roots->paths[i]);
	atomic_store(&scout->counted, whole);
	return NULL;
}

void sr_scout_start(sr_scout **scout, const sr_roots *roots, const sr_excludes *excludes,
		    const sr_own *own, bool one_file_system)
{
	sr_scout *made = calloc(1, sizeof(*made));
	sigset_t all, before;
	int error;

	*scout = NULL;
	if (made == NULL)
		return;
	made->roots = roots;
	made->excludes = excludes;
	made->own = own;
	made->one_file_system = one_file_system;
	/* The caller's signals are for the caller's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&made->thread, NULL, work, made);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		*scout = made;
	else
		free(made);
}

bool sr_scout_counted(sr_scout *scout, int64_t *files, int64_t *bytes)
{
	if (scout == NULL || !atomic_load(&scout->counted))
		return false;
	*files = scout->files;
	*bytes = scout->bytes;
	return true;
}

void sr_scout_free(sr_scout *scout)
{
	if (scout == NULL)
		return;
	atomic_store(&scout->stop, true);
	pthread_join(scout->thread, NULL);
	free(scout);
}
