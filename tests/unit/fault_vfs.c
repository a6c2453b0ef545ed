#include "fault_vfs.h"

#include "engine/sqlite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* What is armed for one kind of call. */
static struct {
	atomic_uint files;   /* FAULT_MAIN | …; 0: nothing. */
	atomic_int left;     /* Calls until it fails. */
	atomic_int code;     /* What it fails with. */
	atomic_bool lasting; /* And so do all after it. */
	atomic_int count;    /* Calls so far. */
} faults[FAULT_CALLS];

static atomic_int hits;
static atomic_bool without_shm;
static sqlite3_vfs *below;
static sqlite3_vfs vfs;

/* A file of ours; the one below follows it in memory. */
typedef struct fault_file {
	sqlite3_file base;
	unsigned kind; /* FAULT_MAIN, … */
	int error;     /* What the system is to have said, or 0. */
} fault_file;

static sqlite3_file *under(sqlite3_file *file)
{
	return (sqlite3_file *)(void *)((fault_file *)(void *)file + 1);
}

/* SQLITE_OK, or what the call is to fail with. */
static int fault(fault_call call, unsigned kind)
{
	int left;

	atomic_fetch_add(&faults[call].count, 1);
	if ((atomic_load(&faults[call].files) & kind) == 0)
		return SQLITE_OK;
	left = atomic_fetch_sub(&faults[call].left, 1);
	if (left > 1 || (left < 1 && !atomic_load(&faults[call].lasting)))
		return SQLITE_OK;
	atomic_fetch_add(&hits, 1);
	return atomic_load(&faults[call].code);
}

static int fault_of(fault_call call, sqlite3_file *file)
{
	return fault(call, ((fault_file *)(void *)file)->kind);
}

#define FAIL_OR(call, file, go_on)                                                                 \
	do {                                                                                       \
		int code_ = fault_of(call, file);                                                  \
		return code_ != SQLITE_OK ? code_ : (go_on);                                       \
	} while (0)

/* ---- Files ---- */

static int file_close(sqlite3_file *file)
{
	return under(file)->pMethods->xClose(under(file));
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
	int code = fault_of(FAULT_READ, file);

	if (code == SQLITE_OK)
		return under(file)->pMethods->xRead(under(file), bytes, count, at);
	((fault_file *)(void *)file)->error = EIO;
	return code;
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
	FAIL_OR(FAULT_WRITE, file, under(file)->pMethods->xWrite(under(file), bytes, count, at));
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	FAIL_OR(FAULT_TRUNCATE, file, under(file)->pMethods->xTruncate(under(file), size));
}

static int file_sync(sqlite3_file *file, int flags)
{
	FAIL_OR(FAULT_SYNC, file, under(file)->pMethods->xSync(under(file), flags));
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return under(file)->pMethods->xFileSize(under(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
	FAIL_OR(FAULT_LOCK, file, under(file)->pMethods->xLock(under(file), level));
}

static int file_unlock(sqlite3_file *file, int level)
{
	return under(file)->pMethods->xUnlock(under(file), level);
}

static int file_reserved(sqlite3_file *file, int *reserved)
{
	return under(file)->pMethods->xCheckReservedLock(under(file), reserved);
}

/* Writes past this one, through a descriptor of somebody's own, could not be made to fail. */
static int file_control(sqlite3_file *file, int op, void *arg)
{
	int error = ((fault_file *)(void *)file)->error;

	if (op == SR_SQLITE_STREAM_FRESH && atomic_load(&faults[FAULT_WRITE].files) != 0)
		return SQLITE_OK;
	if (op == SQLITE_FCNTL_LAST_ERRNO && error != 0) {
		*(int *)arg = error;
		return SQLITE_OK;
	}
	return under(file)->pMethods->xFileControl(under(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
	return under(file)->pMethods->xSectorSize(under(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return under(file)->pMethods->xDeviceCharacteristics(under(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
	return under(file)->pMethods->xShmMap(under(file), page, size, extend, memory);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return under(file)->pMethods->xShmLock(under(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file)
{
	under(file)->pMethods->xShmBarrier(under(file));
}

static int shm_unmap(sqlite3_file *file, int remove)
{
	return under(file)->pMethods->xShmUnmap(under(file), remove);
}

#define PLAIN_METHODS                                                                              \
	.xClose = file_close, .xRead = file_read, .xWrite = file_write,                            \
	.xTruncate = file_truncate, .xSync = file_sync, .xFileSize = file_size,                    \
	.xLock = file_lock, .xUnlock = file_unlock, .xCheckReservedLock = file_reserved,           \
	.xFileControl = file_control, .xSectorSize = file_sector,                                  \
	.xDeviceCharacteristics = file_characteristics

static const sqlite3_io_methods with_shm_methods = {
	.iVersion = 2,
	PLAIN_METHODS,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

static const sqlite3_io_methods without_shm_methods = {.iVersion = 1, PLAIN_METHODS};

/* ---- The VFS ---- */

static unsigned kind_of(int flags)
{
	if (flags & SQLITE_OPEN_MAIN_DB)
		return FAULT_MAIN;
	if (flags & SQLITE_OPEN_WAL)
		return FAULT_WAL;
	return flags & SQLITE_OPEN_MAIN_JOURNAL ? FAULT_JOURNAL : FAULT_OTHER;
}

static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
	fault_file *f = (fault_file *)(void *)file;
	int code;

	(void)self;
	f->kind = kind_of(flags);
	f->base.pMethods = NULL;
	f->error = 0;
	if ((code = fault(FAULT_OPEN, f->kind)) == SQLITE_READONLY)
		flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) |
			SQLITE_OPEN_READONLY;
	else if (code != SQLITE_OK)
		return code;
	code = below->xOpen(below, name, under(file), flags, out);
	if (code == SQLITE_OK)
		f->base.pMethods =
			atomic_load(&without_shm) ? &without_shm_methods : &with_shm_methods;
	return code;
}

static int vfs_delete(sqlite3_vfs *self, const char *name, int sync)
{
	size_t length = strlen(name);
	unsigned kind = FAULT_OTHER;
	int code;

	(void)self;
	if (length > 4 && strcmp(name + length - 4, "-wal") == 0)
		kind = FAULT_WAL;
	else if (length > 8 && strcmp(name + length - 8, "-journal") == 0)
		kind = FAULT_JOURNAL;
	if ((code = fault(FAULT_DELETE, kind)) != SQLITE_OK)
		return code;
	return below->xDelete(below, name, sync);
}

void fault_vfs_install(void)
{
	if (below)
		return;
	below = sqlite3_vfs_find(NULL);
	/* Everything that is not a file's goes straight to the one below, which asks for no
	 * state of its own but the application data. */
	vfs = *below;
	vfs.zName = "fault";
	vfs.pNext = NULL;
	vfs.szOsFile = (int)sizeof(fault_file) + below->szOsFile;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_remove(void)
{
	if (below == NULL)
		return;
	fault_disarm();
	fault_without_shm(false);
	sqlite3_vfs_unregister(&vfs);
	sqlite3_vfs_register(below, 1);
	below = NULL;
}

void fault_arm(fault_call call, unsigned files, int nth, int code, bool lasting)
{
	atomic_store(&hits, 0);
	atomic_store(&faults[call].files, 0);
	atomic_store(&faults[call].left, nth);
	atomic_store(&faults[call].code, code);
	atomic_store(&faults[call].lasting, lasting);
	atomic_store(&faults[call].files, files);
}

void fault_disarm(void)
{
	for (int i = 0; i < FAULT_CALLS; i++)
		atomic_store(&faults[i].files, 0);
}

int fault_hits(void)
{
	return atomic_load(&hits);
}

int fault_count(fault_call call)
{
	return atomic_load(&faults[call].count);
}

void fault_without_shm(bool without)
{
	atomic_store(&without_shm, without);
}
