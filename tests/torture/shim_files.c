/* What is done to files, but to read and write them. */
/* The functions here have names of their own and the symbols of those that they stand for, so that
 * neither the headers' attributes nor their checked variants get in the way. */
#undef _FORTIFY_SOURCE
#include "shim_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Opening and closing ---- */

/* A file that is there needs no space to be opened. */
static unsigned open_ways(int folder, const char *path, int flags)
{
	return IO | SIGNAL |
	       ((flags & O_CREAT) && faccessat(folder, path, F_OK, 0) != 0 ? FULL : 0);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int shim_open(const char *path, int flags, ...) SHIM("open64");
int shim_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	NEXT("open64", int (*)(const char *, int, ...));
	return shim_trips(open_ways(AT_FDCWD, path, flags), "open") ? -1 : next(path, flags, mode);
}

int shim_open_2(const char *path, int flags) SHIM("__open64_2");
int shim_open_2(const char *path, int flags)
{
	return shim_open(path, flags);
}

int shim_openat(int folder, const char *path, int flags, ...) SHIM("openat64");
int shim_openat(int folder, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	NEXT("openat64", int (*)(int, const char *, int, ...));
	return shim_trips(open_ways(folder, path, flags), "openat")
		       ? -1
		       : next(folder, path, flags, mode);
}

int shim_openat_2(int folder, const char *path, int flags) SHIM("__openat64_2");
int shim_openat_2(int folder, const char *path, int flags)
{
	return shim_openat(folder, path, flags);
}

FILE *shim_fopen(const char *path, const char *mode) SHIM("fopen64");
FILE *shim_fopen(const char *path, const char *mode)
{
	NEXT("fopen64", FILE * (*)(const char *, const char *));
	return shim_trips(IO | SIGNAL, "fopen") ? NULL : next(path, mode);
}

FILE *shim_fdopen(int fd, const char *mode) SHIM("fdopen");
FILE *shim_fdopen(int fd, const char *mode)
{
	NEXT("fdopen", FILE * (*)(int, const char *));
	return shim_trips(MEMORY, "fdopen") ? NULL : next(fd, mode);
}

/* The descriptor is gone, whatever is said; so is the stream. */
int shim_fclose(FILE *stream) SHIM("fclose");
int shim_fclose(FILE *stream)
{
	bool fails = shim_trips(IO | FULL, "fclose");
	int error = errno, rc;

	NEXT("fclose", int (*)(FILE *));
	rc = next(stream);
	errno = fails ? error : errno;
	return fails ? EOF : rc;
}

int shim_close(int fd) SHIM("close");
int shim_close(int fd)
{
	int rc, error;

	NEXT("close", int (*)(int));
	if (!shim_inside && shim_plant_now(SHIM_HOLD))
		return 0;
	if (!shim_trips(IO | SIGNAL, "close"))
		return next(fd);
	error = errno;
	rc = next(fd);
	errno = rc == 0 ? error : errno;
	return -1;
}

int shim_descriptors(void)
{
	struct dirent *entry;
	DIR *folder;
	int count = -1; /* The folder's own. */

	folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return -1;
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

/* ---- The rest ---- */

/* A function whose failure is -1. */
#define PLAIN(name, symbol, ways, params, args)                                                    \
	int shim_##name params SHIM(symbol);                                                       \
	int shim_##name params                                                                     \
	{                                                                                          \
		NEXT(symbol, int(*) params);                                                       \
		return shim_trips(ways, #name) ? -1 : next args;                                   \
	}

/* What the disk itself does is not asked here: a sync that does not fail costs nothing. */
int shim_fsync(int fd) SHIM("fsync");
int shim_fsync(int fd)
{
	(void)fd;
	return shim_trips(IO | FULL, "fsync") ? -1 : 0;
}

int shim_fdatasync(int fd) SHIM("fdatasync");
int shim_fdatasync(int fd)
{
	(void)fd;
	return shim_trips(IO | FULL, "fdatasync") ? -1 : 0;
}

PLAIN(ftruncate, "ftruncate64", IO | FULL | SIGNAL, (int fd, off_t size), (fd, size))
PLAIN(fallocate, "fallocate64", IO | FULL | SIGNAL, (int fd, int mode, off_t at, off_t size),
      (fd, mode, at, size))
PLAIN(rename, "rename", IO | FULL, (const char *from, const char *to), (from, to))
PLAIN(renameat, "renameat", IO | FULL, (int a, const char *from, int b, const char *to),
      (a, from, b, to))
PLAIN(renameat2, "renameat2", IO | FULL,
      (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
PLAIN(link, "link", IO | FULL, (const char *from, const char *to), (from, to))
PLAIN(linkat, "linkat", IO | FULL, (int a, const char *from, int b, const char *to, int flags),
      (a, from, b, to, flags))
PLAIN(unlink, "unlink", IO, (const char *path), (path))
PLAIN(unlinkat, "unlinkat", IO, (int folder, const char *path, int flags), (folder, path, flags))
PLAIN(mkdir, "mkdir", IO | FULL, (const char *path, mode_t mode), (path, mode))
PLAIN(rmdir, "rmdir", IO, (const char *path), (path))
PLAIN(mknod, "mknod", IO | FULL, (const char *path, mode_t mode, dev_t device),
      (path, mode, device))
PLAIN(access, "access", IO, (const char *path, int how), (path, how))
PLAIN(chmod, "chmod", IO, (const char *path, mode_t mode), (path, mode))
PLAIN(fchmod, "fchmod", IO, (int fd, mode_t mode), (fd, mode))
PLAIN(fchmodat, "fchmodat", IO, (int folder, const char *path, mode_t mode, int flags),
      (folder, path, mode, flags))
PLAIN(chown, "chown", IO, (const char *path, uid_t user, gid_t group), (path, user, group))
PLAIN(fchown, "fchown", IO, (int fd, uid_t user, gid_t group), (fd, user, group))
PLAIN(futimens, "futimens", IO, (int fd, const struct timespec *times), (fd, times))
PLAIN(flock, "flock", IO | SIGNAL, (int fd, int how), (fd, how))
PLAIN(stat, "stat64", IO, (const char *path, struct stat *st), (path, st))
PLAIN(lstat, "lstat64", IO, (const char *path, struct stat *st), (path, st))
PLAIN(fstat, "fstat64", IO, (int fd, struct stat *st), (fd, st))
PLAIN(fstatat, "fstatat64", IO, (int folder, const char *path, struct stat *st, int flags),
      (folder, path, st, flags))
PLAIN(statvfs, "statvfs64", IO | SIGNAL, (const char *path, void *st), (path, st))
PLAIN(pipe2, "pipe2", IO, (int *ends, int flags), (ends, flags))

/* Locks may fail; letting go of one does not. */
int shim_fcntl(int fd, int command, ...) SHIM("fcntl64");
int shim_fcntl(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	NEXT("fcntl64", int (*)(int, int, ...));
	if (command == F_SETLK && ((const struct flock *)arg)->l_type != F_UNLCK &&
	    shim_trips(IO, "fcntl"))
		return -1;
	return next(fd, command, arg);
}

ssize_t shim_readlink(const char *path, char *to, size_t room) SHIM("readlink");
ssize_t shim_readlink(const char *path, char *to, size_t room)
{
	NEXT("readlink", ssize_t(*)(const char *, char *, size_t));
	return shim_trips(IO, "readlink") ? -1 : next(path, to, room);
}

char *shim_realpath(const char *path, char *to) SHIM("realpath");
char *shim_realpath(const char *path, char *to)
{
	NEXT("realpath", char *(*)(const char *, char *));
	return shim_trips(IO, "realpath") ? NULL : next(path, to);
}

char *shim_realpath_chk(const char *path, char *to, size_t room) SHIM("__realpath_chk");
char *shim_realpath_chk(const char *path, char *to, size_t room)
{
	(void)room;
	return shim_realpath(path, to);
}

char *shim_getcwd(char *to, size_t room) SHIM("getcwd");
char *shim_getcwd(char *to, size_t room)
{
	NEXT("getcwd", char *(*)(char *, size_t));
	return shim_trips(IO, "getcwd") ? NULL : next(to, room);
}

DIR *shim_opendir(const char *path) SHIM("opendir");
DIR *shim_opendir(const char *path)
{
	NEXT("opendir", DIR * (*)(const char *));
	return shim_trips(IO, "opendir") ? NULL : next(path);
}

DIR *shim_fdopendir(int fd) SHIM("fdopendir");
DIR *shim_fdopendir(int fd)
{
	NEXT("fdopendir", DIR * (*)(int));
	return shim_trips(IO, "fdopendir") ? NULL : next(fd);
}

typedef int (*choose)(const struct dirent *one);
typedef int (*compare)(const struct dirent **a, const struct dirent **b);
PLAIN(scandir, "scandir64", IO,
      (const char *path, struct dirent ***names, choose wanted, compare order),
      (path, names, wanted, order))

FTSENT *shim_fts_read(FTS *walk) SHIM("fts64_read");
FTSENT *shim_fts_read(FTS *walk)
{
	NEXT("fts64_read", FTSENT * (*)(FTS *));
	return shim_trips(IO, "fts_read") ? NULL : next(walk);
}

struct dirent *shim_readdir(DIR *folder) SHIM("readdir64");
struct dirent *shim_readdir(DIR *folder)
{
	NEXT("readdir64", struct dirent * (*)(DIR *));
	return shim_trips(IO, "readdir") ? NULL : next(folder);
}
