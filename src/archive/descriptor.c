#include "descriptor.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/text.h"

/* Whether SQLite may have opened that descriptor: never for writing alone, as standard output is
 * redirected; and what begins as text is none of its files. A database's first bytes have a zero
 * among them, and those of its log, the index of that and a journal a byte below a tab's. */
static bool may_be_sqlites(int fd)
{
	unsigned char head[16];

	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY)
		return false;
	if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return true;
	for (size_t i = 0; i < sizeof(head); i++)
		if (head[i] < '\t')
			return true;
	return false;
}

/* Whether this process has the file open as a database. Without /proc nobody knows; then no. */
static bool open_here(const struct stat *file)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			st.st_dev == file->st_dev && st.st_ino == file->st_ino &&
			may_be_sqlites(atoi(entry->d_name));
	if (dir)
		closedir(dir);
	return found;
}

sr_status sr_descriptor_read(const char *path, int *fd, int64_t *size)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return sr_fail_errno(errno, "%s cannot be read", sr_quoted(sr_text_of(path)));
	if (!S_ISREG(st.st_mode))
		return sr_fail(SR_INVALID, "%s is no file, and cannot be a backup",
			       sr_quoted(sr_text_of(path)));
	if (open_here(&st))
		return sr_fail(SR_INVALID, "%s is a database that this process has open",
			       sr_quoted(sr_text_of(path)));
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return sr_fail_errno(errno, "%s cannot be read", sr_quoted(sr_text_of(path)));
	posix_fadvise(*fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*size = (int64_t)st.st_size;
	return SR_OK;
}

sr_status sr_descriptor_fill(int fd, const char *path, void *bytes, size_t room, size_t *length)
{
	*length = 0;
	while (*length < room) {
		ssize_t n = read(fd, (char *)bytes + *length, room - *length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sr_fail_errno(errno, "%s cannot be read",
					     sr_quoted(sr_text_of(path)));
		if (n == 0)
			break;
		*length += (size_t)n;
	}
	return SR_OK;
}
