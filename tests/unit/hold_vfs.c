#include "hold_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* SQLite's numbers of the locks in a log's shared memory. */
enum { LOCK_OF_CHECKPOINT = 1, FIRST_LOCK_OF_READERS = 3 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Guards the four below. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static hold_call armed;
static pthread_t armed_by;
static bool held;

static sqlite3_vfs *below;
static sqlite3_vfs vfs;
static const sqlite3_io_methods *methods; /* The system's, */
static sqlite3_io_methods ours;           /* and the same but for three. */

static void hold(hold_call call)
{
	pthread_mutex_lock(&lock);
	if (armed == call && !pthread_equal(armed_by, pthread_self())) {
		armed = HOLD_NOTHING;
		held = true;
		pthread_cond_broadcast(&changed);
		while (held)
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
}

void hold_arm(hold_call call)
{
	pthread_mutex_lock(&lock);
	armed = call;
	armed_by = pthread_self();
	pthread_mutex_unlock(&lock);
}

void hold_wait(void)
{
	pthread_mutex_lock(&lock);
	while (!held)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void hold_release(hold_call next)
{
	pthread_mutex_lock(&lock);
	armed = next;
	armed_by = pthread_self();
	held = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* ---- The VFS ---- */

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	if (offset == LOCK_OF_CHECKPOINT && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE))
		hold(HOLD_CHECKPOINT);
	if (offset >= FIRST_LOCK_OF_READERS && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_SHARED))
		hold(HOLD_READ);
	return methods->xShmLock(file, offset, count, flags);
}

/* Without a mapped file it is called in that one place, and with nothing. */
static int unfetch(sqlite3_file *file, sqlite3_int64 at, void *page)
{
	if (page == NULL)
		hold(HOLD_HEADER);
	return methods->xUnfetch(file, at, page);
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
	hold(HOLD_WRITE);
	return methods->xWrite(file, bytes, count, at);
}

static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
	int code = below->xOpen(below, name, file, flags, out);

	(void)self;
	if (code != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB))
		return code;
	if (methods == NULL) {
		methods = file->pMethods;
		ours = *methods;
		ours.xShmLock = shm_lock;
		ours.xUnfetch = unfetch;
		ours.xWrite = file_write;
	}
	if (file->pMethods == methods)
		file->pMethods = &ours;
	return code;
}

void hold_vfs_install(void)
{
	below = sqlite3_vfs_find(NULL);
	vfs = *below;
	vfs.zName = "hold";
	vfs.pNext = NULL;
	vfs.xOpen = vfs_open;
	sqlite3_vfs_register(&vfs, 1);
}

void hold_vfs_remove(void)
{
	sqlite3_vfs_unregister(&vfs);
	sqlite3_vfs_register(below, 1);
	methods = NULL;
}
