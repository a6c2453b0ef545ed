/*
 * Replacing a database's files. Whoever has them open would go on with the old ones, so they are
 * held meanwhile: a lease for writing is granted only while nobody has a file open, this process
 * included, and whoever opens it then has to wait. To ask for one the file must be opened, which
 * this process may not do (closing it would drop locks that it holds there), so a child does.
 */
#include "restore.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/path.h"

#define FILES 4

static const char *const suffixes[FILES] = {"", "-wal", "-shm", "-journal"};

/* The database and what SQLite keeps beside it. */
typedef struct files {
	char path[FILES][4112];
	bool there[FILES];
} files;

static sr_status files_look(files *f, const char *database)
{
	struct stat st;

	for (int i = 0; i < FILES; i++) {
		snprintf(f->path[i], sizeof(f->path[i]), "%s%s", database, suffixes[i]);
		f->there[i] = lstat(f->path[i], &st) == 0;
		if (!f->there[i] && errno != ENOENT)
			return sr_fail_errno(errno, "%s cannot be looked at", f->path[i]);
		if (f->there[i] && !S_ISREG(st.st_mode))
			return sr_fail(SR_REFUSED, "%s is no file: it is not replaced", f->path[i]);
	}
	return SR_OK;
}

/* ---- Held ---- */

typedef struct hold {
	pid_t child; /* Holds them until wake is closed. */
	int wake;
} hold;

/* In the child: nothing but calls of the system. Answers with an errno, and waits to be let go. */
static void hold_files(const files *f, int answer, int wake)
{
	char byte;
	int error = 0;

	signal(SIGIO, SIG_IGN);
	for (int i = 0; i < FILES && error == 0; i++) {
		int fd = f->there[i] ? open(f->path[i], O_RDONLY | O_NONBLOCK | O_NOFOLLOW) : -1;

		if (f->there[i] && (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) != 0))
			error = errno;
	}
	if (write(answer, &error, sizeof(error)) == (ssize_t)sizeof(error) && error == 0)
		while (read(wake, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

static void hold_end(const hold *h)
{
	/* A byte, since a child that another thread has just made may hold a copy of this end. The
	 * child may be gone already, which must not be a signal for this process. */
	if (send(h->wake, "", 1, MSG_NOSIGNAL) != 1)
		kill(h->child, SIGKILL);
	close(h->wake);
	while (waitpid(h->child, NULL, 0) < 0 && errno == EINTR)
		;
}

static sr_status hold_refused(const char *database, int error)
{
	if (error == EAGAIN || error == EBUSY)
		return sr_fail(
			SR_BUSY,
			"%s is damaged or missing and still open in a process, which would go "
			"on with the old file: stop what uses it, then restore again",
			database);
	return sr_fail_errno(error,
			     "it cannot be told whether a process has %s open; stop what may, and "
			     "move it and its -wal away yourself",
			     database);
}

static sr_status hold_begin(hold *h, const files *f)
{
	int answer[2], wake[2], error = EIO;
	sr_status rc = SR_OK;

	if (pipe2(answer, O_CLOEXEC) != 0)
		return sr_fail_errno(errno, "no pipe can be made");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wake) != 0) {
		rc = sr_fail_errno(errno, "no pair of sockets can be made");
		goto err1;
	}
	if ((h->child = fork()) < 0) {
		rc = sr_fail_errno(errno, "no process can be made");
		close(wake[0]);
		close(wake[1]);
		goto err1;
	}
	if (h->child == 0) {
		close(wake[1]);
		hold_files(f, answer[1], wake[0]);
	}
	close(wake[0]);
	h->wake = wake[1];
	close(answer[1]);
	answer[1] = -1;
	while (read(answer[0], &error, sizeof(error)) < 0 && errno == EINTR)
		;
	if (error != 0) {
		hold_end(h);
		rc = hold_refused(f->path[0], error);
	}
err1:
	close(answer[0]);
	if (answer[1] >= 0)
		close(answer[1]);
	return rc;
}

/* ---- Replaced ---- */

/* Who could use the old file can use the new one; that it cannot be done is no reason to stop. */
static void take_owner(const char *old, const char *fresh)
{
	struct stat st;

	if (stat(old, &st) != 0)
		return;
	if (chown(fresh, st.st_uid, st.st_gid) != 0 || chmod(fresh, st.st_mode & 07777) != 0)
		sr_log("catalog", SR_LOG_WARNING,
		       "the restored database is this user's alone: the owner of %s could not be "
		       "given to it",
		       old);
}

/* The first of the files get their names back, the database last of all. */
static void put_back(const files *f, const char *aside, int count)
{
	char from[4112];

	while (count-- > 0) {
		snprintf(from, sizeof(from), "%s%s", aside, suffixes[count]);
		if (f->there[count] &&
		    renameat2(AT_FDCWD, from, AT_FDCWD, f->path[count], RENAME_NOREPLACE) != 0)
			sr_fail_also(SR_OK, "; what was there is %s", from);
	}
}

/* The database goes first: its log alone is nothing, and it without its log would be another. */
static sr_status set_aside(const files *f, const char *aside)
{
	char to[4112];
	sr_status rc;

	for (int i = 0; i < FILES; i++) {
		snprintf(to, sizeof(to), "%s%s", aside, suffixes[i]);
		if (f->there[i] && (rc = sr_part_finish(f->path[i], to)) != SR_OK) {
			put_back(f, aside, i);
			return rc;
		}
	}
	return SR_OK;
}

static sr_status replace(const files *f, const char *fresh, char aside[4096])
{
	char name[4096];
	sr_status rc;

	if (f->there[0])
		take_owner(f->path[0], fresh);
	if ((rc = sr_damaged_name(f->path[0], name)) != SR_OK || (rc = set_aside(f, name)) != SR_OK)
		return rc;
	if ((rc = sr_part_finish(fresh, f->path[0])) != SR_OK)
		put_back(f, name, FILES);
	else if (f->there[0])
		memcpy(aside, name, sizeof(name));
	return rc;
}

sr_status sr_restore_file(const char *database, const char *fresh, char aside[4096])
{
	sr_status rc;
	files f;
	hold h = {.wake = -1};

	aside[0] = '\0';
	if ((rc = files_look(&f, database)) != SR_OK || (rc = hold_begin(&h, &f)) != SR_OK)
		return rc;
	rc = replace(&f, fresh, aside);
	hold_end(&h);
	return rc;
}
