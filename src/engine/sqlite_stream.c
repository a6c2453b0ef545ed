/*
 * A VFS over the default one that reads and writes a database in large pieces, for connections
 * that go through all of it: a page at a time costs more in calls of the system than in copying.
 *
 * A file has one buffer. Either it was read ahead, and stands for the file's own bytes, or it
 * holds bytes that were written one behind the other and are still to go out. Read ahead is only
 * where reading goes forward, and forgotten whenever a lock changes: inside a transaction the
 * pages that SQLite reads from the file do not change, whatever is checkpointed meanwhile.
 *
 * What is written goes out behind the writer's back: sqlite_behind.c has a thread for that. Nothing
 * else is done with the file below before that is through.
 */
#include "sqlite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite_behind.h"

typedef struct stream_file {
	sqlite3_file base;
	sqlite3_file *below;      /* The default VFS's. */
	sr_sqlite_behind *behind; /* NULL until a whole buffer was written. */
	char *bytes;              /* SR_BEHIND_BYTES, or NULL: everything goes straight below. */
	sqlite3_int64 at;         /* Where in the file the buffer begins. */
	int length;               /* Bytes of it in use. */
	bool written;             /* They are to go out; else they were read. */
	sqlite3_int64 next;       /* Where the last read ended. */
	int fd;                   /* The same file with O_DIRECT, or -1. */
} stream_file;

static stream_file *stream_of(sqlite3_file *file)
{
	return (stream_file *)(void *)file;
}

static sqlite3_file *below(sqlite3_file *file)
{
	return stream_of(file)->below;
}

/* ---- The buffer ---- */

/* Sends what was written on its way. */
static int pass_on(stream_file *f)
{
	int code = SQLITE_OK;

	if (f->written && f->length > 0) {
		if (f->behind == NULL && f->length == SR_BEHIND_BYTES)
			f->behind = sr_sqlite_behind_new(f->below, f->fd);
		code = f->behind ? sr_sqlite_behind_write(f->behind, &f->bytes, f->length, f->at)
				 : sr_sqlite_write_pieces(f->below, f->bytes, f->length, f->at);
	}
	f->written = false;
	f->length = 0;
	return code;
}

/* And waits until it has arrived. */
static int flush(stream_file *f)
{
	int code = pass_on(f);
	int arrived = sr_sqlite_behind_wait(f->behind);

	return code != SQLITE_OK ? code : arrived;
}

/* Before the file below is looked at; what was read ahead stays. */
static int settle(stream_file *f)
{
	return f->written ? flush(f) : sr_sqlite_behind_wait(f->behind);
}

/* What was read ahead may be of another moment. */
static void forget(stream_file *f)
{
	if (!f->written)
		f->length = 0;
}

static bool holds(const stream_file *f, sqlite3_int64 at, int count)
{
	return at >= f->at && at + count <= f->at + f->length;
}

/* Fills the buffer from there on; without success it is empty. */
static void read_ahead(stream_file *f, sqlite3_int64 at, int count)
{
	sqlite3_int64 size = 0;
	int length = SR_BEHIND_PIECE;

	f->length = 0;
	if (f->below->pMethods->xFileSize(f->below, &size) != SQLITE_OK || size - at < count)
		return;
	if (size - at < length)
		length = (int)(size - at);
	if (f->below->pMethods->xRead(f->below, f->bytes, length, at) != SQLITE_OK)
		return;
	f->at = at;
	f->length = length;
}

/* ---- Files ---- */

static int file_close(sqlite3_file *file)
{
	stream_file *f = stream_of(file);
	int code = flush(f);
	int closed;

	sr_sqlite_behind_free(f->behind);
	if (f->fd >= 0)
		close(f->fd);
	closed = f->below->pMethods->xClose(f->below);
	free(f->bytes);
	free(f->below);
	return code != SQLITE_OK ? code : closed;
}

static int file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
	stream_file *f = stream_of(file);
	bool forward = at == f->next;
	int code;

	f->next = at + count;
	if ((code = settle(f)) != SQLITE_OK)
		return code;
	if (f->bytes && forward && count < SR_BEHIND_PIECE && !holds(f, at, count))
		read_ahead(f, at, count);
	if (!holds(f, at, count))
		return f->below->pMethods->xRead(f->below, bytes, count, at);
	memcpy(bytes, f->bytes + (at - f->at), (size_t)count);
	return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
	stream_file *f = stream_of(file);
	int code;

	forget(f);
	if (f->written && !holds(f, at, count) &&
	    (at != f->at + f->length || count > SR_BEHIND_BYTES - f->length) &&
	    (code = pass_on(f)) != SQLITE_OK)
		return code;
	if (f->bytes == NULL || count > SR_BEHIND_BYTES)
		return (code = flush(f)) != SQLITE_OK
			       ? code
			       : f->below->pMethods->xWrite(f->below, bytes, count, at);
	if (f->length == 0)
		f->at = at;
	memcpy(f->bytes + (at - f->at), bytes, (size_t)count);
	if (at + count > f->at + f->length)
		f->length = (int)(at + count - f->at);
	f->written = true;
	return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = flush(stream_of(file));

	return code != SQLITE_OK ? code : below(file)->pMethods->xTruncate(below(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	int code = flush(stream_of(file));

	return code != SQLITE_OK ? code : below(file)->pMethods->xSync(below(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	stream_file *f = stream_of(file);
	int code = settle(f);

	return code != SQLITE_OK ? code : below(file)->pMethods->xFileSize(below(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
	forget(stream_of(file));
	return below(file)->pMethods->xLock(below(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	forget(stream_of(file));
	return below(file)->pMethods->xUnlock(below(file), level);
}

static int file_reserved(sqlite3_file *file, int *reserved)
{
	return below(file)->pMethods->xCheckReservedLock(below(file), reserved);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
	stream_file *f = stream_of(file);

	int code = f->below->pMethods->xFileControl(f->below, op, arg);

	/* What stands below answers this only where it must see every write. */
	if (op != SR_SQLITE_STREAM_FRESH || code != SQLITE_NOTFOUND)
		return code;
	if (f->fd < 0)
		f->fd = open(arg, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
	return SQLITE_OK;
}

static int file_sector(sqlite3_file *file)
{
	return below(file)->pMethods->xSectorSize(below(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
	return below(file)->pMethods->xShmMap(below(file), page, size, extend, memory);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	forget(stream_of(file));
	return below(file)->pMethods->xShmLock(below(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file)
{
	below(file)->pMethods->xShmBarrier(below(file));
}

static int shm_unmap(sqlite3_file *file, int remove)
{
	return below(file)->pMethods->xShmUnmap(below(file), remove);
}

#define PLAIN_METHODS                                                                              \
	.xClose = file_close, .xRead = file_read, .xWrite = file_write,                            \
	.xTruncate = file_truncate, .xSync = file_sync, .xFileSize = file_size,                    \
	.xLock = file_lock, .xUnlock = file_unlock, .xCheckReservedLock = file_reserved,           \
	.xFileControl = file_control, .xSectorSize = file_sector,                                  \
	.xDeviceCharacteristics = file_characteristics

/* Not the third version: it maps files into memory, where a bad block of the disk is a signal. */
static const sqlite3_io_methods with_shm = {
	.iVersion = 2,
	PLAIN_METHODS,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

static const sqlite3_io_methods without_shm = {.iVersion = 1, PLAIN_METHODS};

/* ---- The VFS ---- */

static sqlite3_vfs stream_vfs;

/* Files that are not the database itself have no buffer, nor has one without memory for it. */
static int vfs_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	stream_file *f = stream_of(file);
	int code;

	(void)self;
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	if (vfs == NULL || vfs == &stream_vfs)
		return SQLITE_CANTOPEN;
	if ((f->below = calloc(1, (size_t)vfs->szOsFile)) == NULL)
		return SQLITE_NOMEM;
	code = vfs->xOpen(vfs, name, f->below, flags, out);
	if (code != SQLITE_OK) {
		if (f->below->pMethods)
			f->below->pMethods->xClose(f->below);
		free(f->below);
		return code;
	}
	if (flags & SQLITE_OPEN_MAIN_DB)
		f->bytes = sr_sqlite_behind_buffer();
	f->base.pMethods = f->below->pMethods->iVersion >= 2 ? &with_shm : &without_shm;
	return SQLITE_OK;
}

static void vfs_register(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	if (vfs == NULL)
		return;
	/* All but opening goes straight to the one that is the default now. */
	stream_vfs = *vfs;
	stream_vfs.zName = SR_SQLITE_STREAM;
	stream_vfs.pNext = NULL;
	stream_vfs.szOsFile = (int)sizeof(stream_file);
	stream_vfs.xOpen = vfs_open;
	sqlite3_vfs_register(&stream_vfs, 0);
}

const char *sr_sqlite_stream(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, vfs_register);
	return SR_SQLITE_STREAM;
}
