#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "log.h"

#define MODE 0600

static sr_status fail_make(int error, const char *path, const char *what)
{
	struct stat st;

	if ((error == EEXIST || error == ELOOP) && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return sr_fail(SR_EXISTS,
			       "%s %s cannot be made: a symbolic link is there, and nothing is "
			       "made through one",
			       what, path);
	return sr_fail_errno(error, "%s %s cannot be made", what, path);
}

/* The umask may have taken away what the owner needs. */
static int make(const char *path, struct stat *st)
{
	int error = 0;

	if (mknod(path, S_IFREG | MODE, 0) != 0)
		return errno;
	if (lstat(path, st) != 0) {
		error = errno;
		sr_private_remove(path);
		return error;
	}
	if (!S_ISREG(st->st_mode))
		return ESTALE;
	if ((st->st_mode & 07777) != MODE &&
	    fchmodat(AT_FDCWD, path, MODE, AT_SYMLINK_NOFOLLOW) != 0) {
		error = errno;
		sr_private_remove(path);
	}
	return error;
}

sr_status sr_private_make(const char *path, const char *what, sr_made *made)
{
	struct stat st;
	int error = make(path, &st);

	if (error != 0)
		return fail_make(error, path, what);
	if (made)
		*made = (sr_made){st.st_dev, st.st_ino};
	return SR_OK;
}

sr_status sr_private_open(const char *path, const char *what, int *fd)
{
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (*fd < 0)
		return fail_make(errno, path, what);
	if (fchmod(*fd, MODE) != 0) {
		int error = errno;

		close(*fd);
		sr_private_remove(path);
		return fail_make(error, path, what);
	}
	return SR_OK;
}

sr_status sr_private_same(const char *path, const sr_made *made, bool *same)
{
	struct stat st;

	*same = false;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? SR_OK
				       : sr_fail_errno(errno, "%s cannot be looked at", path);
	*same = S_ISREG(st.st_mode) && st.st_dev == made->device && st.st_ino == made->inode;
	return SR_OK;
}

void sr_private_remove(const char *path)
{
	int error = errno;
	bool gone = false;
	struct stat st;

	for (int i = 0; i < 2 && !gone; i++)
		gone = unlink(path) == 0 || errno == ENOENT;
	/* A disk that only reads says so before it looks whether there is one. */
	gone = gone || (errno == EROFS && lstat(path, &st) != 0 && errno == ENOENT);
	if (!gone)
		sr_log("catalog", SR_LOG_WARNING, "%s stays, and is of no use: %s", path,
		       strerror(errno));
	errno = error;
}
