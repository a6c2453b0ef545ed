/* Each of these is called by its plain name and by the one for large files. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#define _LARGEFILE64_SOURCE

#include "recorder.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

/* What the file system calls the nodes of the record. */
typedef struct identity {
	dev_t device;
	ino_t number;
} identity;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Guards all below. */
static disk *record;                                     /* NULL: nothing is recorded. */
static identity *identities;                             /* Of its nodes. */
static char top[4096];
static pid_t owner; /* Not its children. */
static recorder_plant planted;
static long sync_time;

/* The real one of a name. */
#define REAL(type, name, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (real == NULL)                                                                          \
	*(void **)(void *)&real = dlsym(RTLD_NEXT, name)

/* ---- Nodes ---- */

static void identify(int node, const struct stat *st)
{
	identities = realloc(identities, record->node_count * sizeof(*identities));
	if (identities == NULL)
		abort();
	identities[node] = (identity){st->st_dev, st->st_ino};
}

/* The latest: numbers are used again. */
static int node_of(const struct stat *st)
{
	for (size_t i = record->node_count; i-- > 0;)
		if (identities[i].number == st->st_ino && identities[i].device == st->st_dev)
			return (int)i;
	return -1;
}

static int node_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? node_of(&st) : -1;
}

/* The log's index is memory that is shared, and no disk keeps it. */
static bool is_index(const char *name)
{
	size_t length = strlen(name);

	return length >= 4 && strcmp(name + length - 4, "-shm") == 0;
}

/* The folder of a path, and its last name; -1: not one of ours. */
static int folder_of(int at, const char *path, const char **name)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	struct stat st;

	*name = slash ? slash + 1 : path;
	if (slash == NULL)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path),
			 path);
	return !is_index(*name) && fstatat(at, folder, &st, 0) == 0 ? node_of(&st) : -1;
}

/* Takes the lock where there is something to record. */
static bool recording(void)
{
	int error = errno;

	pthread_mutex_lock(&lock);
	if (record != NULL && getpid() == owner) {
		errno = error;
		return true;
	}
	pthread_mutex_unlock(&lock);
	errno = error;
	return false;
}

static void done(void)
{
	int error = errno;

	pthread_mutex_unlock(&lock);
	errno = error;
}

/* ---- What went round us ---- */

static ssize_t read_some(int fd, char *bytes, size_t length, off_t at)
{
	ssize_t n = pread(fd, bytes, length, at);
	char path[64];
	int other;

	if (n >= 0 || errno != EBADF)
		return n;
	/* It is open for writing alone. No database is, so no lock is lost by closing it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((other = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return -1;
	n = pread(other, bytes, length, at);
	close(other);
	return n;
}

/* Adds what the file holds and the record does not. */
static void catch_up(int node, int fd)
{
	static char bytes[1 << 16];
	struct stat st;
	off_t at = 0;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	while ((n = read_some(fd, bytes, sizeof(bytes), at)) > 0) {
		const disk_node *now = &record->nodes[node];

		if ((size_t)(at + n) > now->length || memcmp(now->now + at, bytes, (size_t)n) != 0)
			disk_write(record, node, at, bytes, (size_t)n);
		at += n;
	}
	if ((size_t)st.st_size < record->nodes[node].length)
		disk_truncate(record, node, st.st_size);
}

/* ---- Beginning and ending ---- */

static void take_in(int folder, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char whole[8192];
		unsigned char *bytes = NULL;
		struct stat st;
		size_t length = 0;
		int node, fd;

		snprintf(whole, sizeof(whole), "%s/%s", path, entry->d_name);
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_index(entry->d_name) || lstat(whole, &st) != 0)
			continue;
		if (S_ISREG(st.st_mode)) {
			length = (size_t)st.st_size;
			bytes = malloc(length + 1);
			fd = open(whole, O_RDONLY | O_CLOEXEC);
			if (bytes == NULL || fd < 0 || read(fd, bytes, length) != (ssize_t)length)
				abort();
			close(fd);
		}
		node = disk_node_add(record, S_ISDIR(st.st_mode), bytes, length);
		identify(node, &st);
		disk_name_base(record, folder, entry->d_name, node);
		free(bytes);
		if (S_ISDIR(st.st_mode))
			take_in(node, whole);
	}
	if (dir)
		closedir(dir);
}

void recorder_begin(disk *d, const char *folder, recorder_plant plant)
{
	struct stat st;

	*d = (disk){0};
	record = d;
	snprintf(top, sizeof(top), "%s", folder);
	planted = plant;
	if (stat(folder, &st) != 0)
		abort();
	identify(disk_node_add(d, true, NULL, 0), &st);
	take_in(0, folder);
	owner = getpid();
}

static void compare_file(int node, const char *path, char words[512])
{
	const disk_node *now = &record->nodes[node];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *bytes = malloc(now->length + 1);

	if (fd < 0 || bytes == NULL)
		abort();
	if (read(fd, bytes, now->length + 1) != (ssize_t)now->length ||
	    memcmp(bytes, now->now, now->length) != 0)
		snprintf(words, 512, "%.400s holds what nobody was seen to write", path);
	free(bytes);
	close(fd);
}

static void compare(int folder, const char *path, char words[512])
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t names = 0, known = 0;

	while (dir && (entry = readdir(dir))) {
		char whole[8192];
		int node;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_index(entry->d_name))
			continue;
		names++;
		snprintf(whole, sizeof(whole), "%s/%s", path, entry->d_name);
		node = disk_find(record, folder, entry->d_name);
		if (node < 0)
			snprintf(words, 512, "%.400s was made by nobody", whole);
		else if (record->nodes[node].folder)
			compare(node, whole, words);
		else
			compare_file(node, whole, words);
	}
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < record->now.count; i++)
		known += record->now.names[i].folder == folder;
	if (known != names && words[0] == '\0')
		snprintf(words, 512, "%.400s has %zu names instead of %zu", path, names, known);
}

void recorder_end(char words[512])
{
	words[0] = '\0';
	pthread_mutex_lock(&lock);
	compare(0, top, words);
	record = NULL;
	free(identities);
	identities = NULL;
	pthread_mutex_unlock(&lock);
}

void recorder_mark(int64_t number)
{
	if (!recording())
		return;
	disk_mark(record, number);
	done();
}

void recorder_slow(long microseconds)
{
	sync_time = microseconds;
}

/* ---- Files ---- */

static bool is_there(int at, const char *path)
{
	struct stat st;

	return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void note_new(int at, const char *path)
{
	const char *name;
	struct stat st;
	int folder = folder_of(at, path, &name);
	int node;

	if (folder < 0 || fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	node = disk_node_add(record, S_ISDIR(st.st_mode), NULL, 0);
	identify(node, &st);
	disk_link(record, folder, name, node);
}

static int real_openat(int at, const char *path, int flags, mode_t mode)
{
	REAL(int, "openat64", int, const char *, int, ...);
	return real(at, path, flags, mode);
}

static int do_open(int at, const char *path, int flags, mode_t mode)
{
	bool was_there;
	int fd, node;

	if ((flags & (O_CREAT | O_TRUNC)) == 0 || !recording())
		return real_openat(at, path, flags, mode);
	was_there = is_there(at, path);
	fd = real_openat(at, path, flags, mode);
	if (fd >= 0 && !was_there)
		note_new(at, path);
	else if (fd >= 0 && (flags & O_TRUNC) && (node = node_of_fd(fd)) >= 0)
		disk_truncate(record, node, 0);
	done();
	return fd;
}

#define OPEN(name, at, ...)                                                                        \
	SEEN int name(__VA_ARGS__, ...)                                                            \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, flags);                                                             \
		if (flags & (O_CREAT | __O_TMPFILE))                                               \
			mode = va_arg(args, mode_t);                                               \
		va_end(args);                                                                      \
		return do_open(at, path, flags, mode);                                             \
	}

OPEN(open, AT_FDCWD, const char *path, int flags)
OPEN(open64, AT_FDCWD, const char *path, int flags)
OPEN(openat, at, int at, const char *path, int flags)
OPEN(openat64, at, int at, const char *path, int flags)

SEEN int mknod(const char *path, mode_t mode, dev_t device)
{
	int rc;

	REAL(int, "mknod", const char *, mode_t, dev_t);
	if (!recording())
		return real(path, mode, device);
	if ((rc = real(path, mode, device)) == 0)
		note_new(AT_FDCWD, path);
	done();
	return rc;
}

SEEN int mkdir(const char *path, mode_t mode)
{
	int rc;

	REAL(int, "mkdir", const char *, mode_t);
	if (!recording())
		return real(path, mode);
	if ((rc = real(path, mode)) == 0)
		note_new(AT_FDCWD, path);
	done();
	return rc;
}

/* ---- Bytes ---- */

static ssize_t do_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	ssize_t n;
	int node;

	REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
	if (!recording())
		return real(fd, bytes, length, at);
	n = real(fd, bytes, length, at);
	if (n > 0 && (node = node_of_fd(fd)) >= 0)
		disk_write(record, node, at, bytes, (size_t)n);
	done();
	return n;
}

SEEN ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	return do_pwrite(fd, bytes, length, at);
}

SEEN ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
	return do_pwrite(fd, bytes, length, at);
}

SEEN ssize_t write(int fd, const void *bytes, size_t length)
{
	ssize_t n;
	int node;

	REAL(ssize_t, "write", int, const void *, size_t);
	if (!recording())
		return real(fd, bytes, length);
	n = real(fd, bytes, length);
	/* Where it went, the file's position tells. */
	if (n > 0 && (node = node_of_fd(fd)) >= 0)
		disk_write(record, node, lseek(fd, 0, SEEK_CUR) - n, bytes, (size_t)n);
	done();
	return n;
}

static int do_ftruncate(int fd, off_t length)
{
	int rc, node;

	REAL(int, "ftruncate64", int, off_t);
	if (!recording())
		return real(fd, length);
	rc = real(fd, length);
	if (rc == 0 && (node = node_of_fd(fd)) >= 0)
		disk_truncate(record, node, length);
	done();
	return rc;
}

SEEN int ftruncate(int fd, off_t length)
{
	return do_ftruncate(fd, length);
}

SEEN int ftruncate64(int fd, off_t length)
{
	return do_ftruncate(fd, length);
}

/* ---- Syncs ---- */

static bool from_sqlite(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "sqlite") != NULL &&
	       strstr(info.dli_fname, ".so") != NULL;
}

/* Whether the planted bug is that nobody called this. */
static bool is_missing(const void *caller, int node)
{
	if (planted == RECORDER_NO_SYNC)
		return from_sqlite(caller) && !record->nodes[node].folder;
	return planted == RECORDER_NO_OWN_SYNC && !from_sqlite(caller);
}

static int do_sync(int fd, const void *caller, int (*real)(int))
{
	const struct timespec pause = {.tv_nsec = sync_time * 1000};
	int rc, node;

	if (!recording())
		return real(fd);
	node = node_of_fd(fd);
	done();
	if (node >= 0 && sync_time > 0)
		nanosleep(&pause, NULL);
	if (!recording())
		return real(fd);
	if (node >= 0)
		catch_up(node, fd);
	if ((rc = real(fd)) == 0 && node >= 0 && !is_missing(caller, node))
		disk_sync(record, node);
	done();
	return rc;
}

SEEN int fsync(int fd)
{
	REAL(int, "fsync", int);
	return do_sync(fd, __builtin_return_address(0), real);
}

SEEN int fdatasync(int fd)
{
	REAL(int, "fdatasync", int);
	return do_sync(fd, __builtin_return_address(0), real);
}

/* ---- Names ---- */

static int do_rename(int at, const char *from, int to_at, const char *to, unsigned flags)
{
	const char *name, *to_name;
	int rc, folder, to_folder;

	REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
	if (!recording())
		return real(at, from, to_at, to, flags);
	rc = real(at, from, to_at, to, flags);
	folder = folder_of(at, from, &name);
	to_folder = folder_of(to_at, to, &to_name);
	/* The paths of the program are all inside, or all outside. */
	if (rc == 0 && folder >= 0 && to_folder >= 0)
		disk_rename(record, folder, name, to_folder, to_name);
	done();
	return rc;
}

SEEN int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags)
{
	return do_rename(at, from, to_at, to, flags);
}

SEEN int renameat(int at, const char *from, int to_at, const char *to)
{
	return do_rename(at, from, to_at, to, 0);
}

SEEN int rename(const char *from, const char *to)
{
	return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int do_unlink(int at, const char *path, int flags)
{
	const char *name;
	int rc, folder;

	REAL(int, "unlinkat", int, const char *, int);
	if (!recording())
		return real(at, path, flags);
	rc = real(at, path, flags);
	if (rc == 0 && (folder = folder_of(at, path, &name)) >= 0)
		disk_unlink(record, folder, name);
	done();
	return rc;
}

SEEN int unlinkat(int at, const char *path, int flags)
{
	return do_unlink(at, path, flags);
}

SEEN int unlink(const char *path)
{
	return do_unlink(AT_FDCWD, path, 0);
}

SEEN int rmdir(const char *path)
{
	return do_unlink(AT_FDCWD, path, AT_REMOVEDIR);
}

SEEN int link(const char *from, const char *to)
{
	const char *name;
	struct stat st;
	int rc, folder, node;

	REAL(int, "link", const char *, const char *);
	if (!recording())
		return real(from, to);
	rc = real(from, to);
	folder = folder_of(AT_FDCWD, to, &name);
	if (rc == 0 && folder >= 0 && lstat(to, &st) == 0 && (node = node_of(&st)) >= 0)
		disk_link(record, folder, name, node);
	done();
	return rc;
}
