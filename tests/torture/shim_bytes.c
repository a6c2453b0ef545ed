/* Reading and writing. */
/* The functions here have names of their own and the symbols of those that they stand for, so that
 * neither the headers' attributes nor their checked variants get in the way. */
#undef _FORTIFY_SOURCE
#include "shim_private.h"

#include <stdio.h>
#include <sys/types.h>

ssize_t shim_read(int fd, void *bytes, size_t size) SHIM("read");
ssize_t shim_read(int fd, void *bytes, size_t size)
{
	NEXT("read", ssize_t(*)(int, void *, size_t));
	if (shim_trips(IO | SIGNAL, "read"))
		return -1;
	shim_shorten("read", &size);
	return next(fd, bytes, size);
}

ssize_t shim_read_chk(int fd, void *bytes, size_t size, size_t room) SHIM("__read_chk");
ssize_t shim_read_chk(int fd, void *bytes, size_t size, size_t room)
{
	(void)room;
	return shim_read(fd, bytes, size);
}

ssize_t shim_pread(int fd, void *bytes, size_t size, off_t at) SHIM("pread64");
ssize_t shim_pread(int fd, void *bytes, size_t size, off_t at)
{
	NEXT("pread64", ssize_t(*)(int, void *, size_t, off_t));
	if (shim_trips(IO | SIGNAL, "pread"))
		return -1;
	shim_shorten("pread", &size);
	return next(fd, bytes, size, at);
}

ssize_t shim_pread_chk(int fd, void *bytes, size_t size, off_t at, size_t room)
	SHIM("__pread64_chk");
ssize_t shim_pread_chk(int fd, void *bytes, size_t size, off_t at, size_t room)
{
	(void)room;
	return shim_pread(fd, bytes, size, at);
}

ssize_t shim_write(int fd, const void *bytes, size_t size) SHIM("write");
ssize_t shim_write(int fd, const void *bytes, size_t size)
{
	NEXT("write", ssize_t(*)(int, const void *, size_t));
	if (shim_trips(IO | FULL | SIGNAL, "write"))
		return shim_swallows() ? (ssize_t)size : -1;
	shim_shorten("write", &size);
	return next(fd, bytes, size);
}

ssize_t shim_pwrite(int fd, const void *bytes, size_t size, off_t at) SHIM("pwrite64");
ssize_t shim_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	NEXT("pwrite64", ssize_t(*)(int, const void *, size_t, off_t));
	if (shim_trips(IO | FULL | SIGNAL, "pwrite"))
		return shim_swallows() ? (ssize_t)size : -1;
	shim_shorten("pwrite", &size);
	return next(fd, bytes, size, at);
}

/* Of a kernel that has it, it fails for signals only. */
ssize_t shim_getrandom(void *bytes, size_t size, unsigned flags) SHIM("getrandom");
ssize_t shim_getrandom(void *bytes, size_t size, unsigned flags)
{
	NEXT("getrandom", ssize_t(*)(void *, size_t, unsigned));
	if (shim_trips(SIGNAL, "getrandom"))
		return -1;
	shim_shorten("getrandom", &size);
	return next(bytes, size, flags);
}

off_t shim_lseek(int fd, off_t at, int from) SHIM("lseek64");
off_t shim_lseek(int fd, off_t at, int from)
{
	NEXT("lseek64", off_t(*)(int, off_t, int));
	return shim_trips(IO, "lseek") ? -1 : next(fd, at, from);
}

ssize_t shim_send(int fd, const void *bytes, size_t size, int flags) SHIM("send");
ssize_t shim_send(int fd, const void *bytes, size_t size, int flags)
{
	NEXT("send", ssize_t(*)(int, const void *, size_t, int));
	return shim_trips(IO | SIGNAL, "send") ? -1 : next(fd, bytes, size, flags);
}

/* A stream that failed says so; there is no other way to tell it. */
static void mark(FILE *stream)
{
	stream->_flags |= 0x20;
}

ssize_t shim_getdelim(char **line, size_t *room, int end, FILE *stream) SHIM("__getdelim");
ssize_t shim_getdelim(char **line, size_t *room, int end, FILE *stream)
{
	NEXT("__getdelim", ssize_t(*)(char **, size_t *, int, FILE *));
	if (shim_trips(IO, "getdelim")) {
		mark(stream);
		return -1;
	}
	return next(line, room, end, stream);
}

size_t shim_fread(void *bytes, size_t size, size_t count, FILE *stream) SHIM("fread");
size_t shim_fread(void *bytes, size_t size, size_t count, FILE *stream)
{
	NEXT("fread", size_t(*)(void *, size_t, size_t, FILE *));
	if (shim_trips(IO, "fread")) {
		mark(stream);
		return 0;
	}
	return next(bytes, size, count, stream);
}

char *shim_fgets(char *line, int room, FILE *stream) SHIM("fgets");
char *shim_fgets(char *line, int room, FILE *stream)
{
	NEXT("fgets", char *(*)(char *, int, FILE *));
	if (shim_trips(IO, "fgets")) {
		mark(stream);
		return NULL;
	}
	return next(line, room, stream);
}

int shim_fflush(FILE *stream) SHIM("fflush");
int shim_fflush(FILE *stream)
{
	NEXT("fflush", int (*)(FILE *));
	return shim_trips(IO | FULL, "fflush") ? EOF : next(stream);
}
