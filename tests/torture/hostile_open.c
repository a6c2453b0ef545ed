/*
 * The C library's open, as this program and SQLite call it: says which files are opened that are
 * not a catalog's. What it was opened by does not matter, links followed or not: the system tells
 * where the descriptor leads.
 */
#include <errno.h>
#include <linux/fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "hostile_open.h"

static const char *allowed; /* The folder in which anything may be opened; NULL: nobody asks. */
static void (*tell)(const char *path);

void hostile_watch(const char *folder, void (*fn)(const char *path))
{
	allowed = folder;
	tell = fn;
}

/* What any program reads: its own process, libraries and their settings, time zones, devices of the
 * system. */
static bool is_of_the_system(const char *path)
{
	static const char *const begins[] = {
		"/proc/self/",      "/sys/",      "/usr/",      "/lib",         "/etc/ssl/",
		"/etc/localtime",   "/etc/ld.so", "/dev/null",  "/dev/urandom", "/dev/random",
		"/etc/strongroom/", "/proc/sys/", "/etc/magic",
	};

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(path, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/* SQLite's own, which are gone before they are written: in the first of these folders that there is
 * (https://www.sqlite.org/tempfiles.html). */
static bool is_temporary(const char *path)
{
	const char *const folders[] = {getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp",
				       "/usr/tmp", "/tmp"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const size_t length = folders[i] ? strlen(folders[i]) : 0;

		if (length > 0 && strncmp(path, folders[i], length) == 0 &&
		    strncmp(path + length, "/etilqs_", 8) == 0 && !strchr(path + length + 1, '/'))
			return true;
	}
	return false;
}

static bool is_allowed(const char *path)
{
	const size_t length = strlen(allowed);

	return strncmp(path, allowed, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int note(int fd)
{
	const int error = errno;
	char link[64], path[4400], own[64];
	ssize_t length;

	if (fd >= 0 && allowed != NULL) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		snprintf(own, sizeof(own), "/proc/%d/", (int)getpid());
		length = readlink(link, path, sizeof(path) - 1);
		path[length > 0 ? length : 0] = '\0';
		if (length > 0 && path[0] == '/' && !is_of_the_system(path) &&
		    !is_temporary(path) && strncmp(path, own, strlen(own)) != 0 &&
		    !is_allowed(path))
			tell(path);
	}
	errno = error;
	return fd;
}

static int opened(int at, const char *path, int flags, va_list args)
{
	const unsigned mode = (flags & O_CREAT) != 0 ? va_arg(args, unsigned) : 0;

	return note((int)syscall(SYS_openat, at, path, flags, mode));
}

/* By their names alone: the headers give them others. SQLite's library must see them. */
#define SEEN __attribute__((visibility("default")))
SEEN int open(const char *path, int flags, ...);
SEEN int open64(const char *path, int flags, ...);
SEEN int openat(int at, const char *path, int flags, ...);
SEEN int openat64(int at, const char *path, int flags, ...);

#define OPEN(call, at, ...)                                                                        \
	int call(__VA_ARGS__, ...)                                                                 \
	{                                                                                          \
		va_list args;                                                                      \
		int fd;                                                                            \
                                                                                                   \
		va_start(args, flags);                                                             \
		fd = opened(at, path, flags, args);                                                \
		va_end(args);                                                                      \
		return fd;                                                                         \
	}

OPEN(open, AT_FDCWD, const char *path, int flags)
OPEN(open64, AT_FDCWD, const char *path, int flags)
OPEN(openat, at, int at, const char *path, int flags)
OPEN(openat64, at, int at, const char *path, int flags)
