#include "sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Free bytes with which a full file system cannot be meant: more than our largest batch. */
#define FREE_ENOUGH (256 << 20)

sr_status sr_sqlite_status(int code)
{
	if (code == SQLITE_IOERR_NOMEM)
		return SR_NO_MEMORY;
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SR_OK;
	case SQLITE_NOMEM:
		return SR_NO_MEMORY;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return SR_BUSY;
	case SQLITE_READONLY:
		return SR_READ_ONLY;
	case SQLITE_INTERRUPT:
		return SR_INTERRUPTED;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return SR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return SR_CORRUPT;
	case SQLITE_FULL:
		return SR_NO_SPACE;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH: /* Words for a number of a row. */
		return SR_CONSTRAINT;
	case SQLITE_AUTH:
		return SR_REFUSED;
	case SQLITE_PERM:
		return SR_PERMISSION;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return SR_INVALID;
	default:
		return SR_SQL;
	}
}

/* The journal or the log first: what fails at a commit fails there. */
static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
#define FILES (sizeof(files) / sizeof(files[0]))

/* Of a file of SQLite's, which may be absent, or closed. */
static int last_errno(sqlite3 *db, int which)
{
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || file == NULL ||
	    file->pMethods == NULL)
		return 0;
	if (file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) != SQLITE_OK)
		return 0;
	return error;
}

/* SQLite says that the database is malformed when the disk does not read what is in it: what the
 * system said then, else 0. */
static int unreadable(sqlite3 *db)
{
	if (db == NULL)
		return 0;
	for (size_t i = 0; i < FILES; i++) {
		int error = last_errno(db, files[i]);

		if (error == EIO || error == ENXIO)
			return error;
	}
	return 0;
}

/* What the operating system was asked for when it failed. */
static const char *io_operation(int code)
{
	switch (code) {
	case SQLITE_IOERR_READ:
	case SQLITE_IOERR_SHORT_READ:
		return "reading";
	case SQLITE_IOERR_WRITE:
		return "writing";
	case SQLITE_IOERR_FSYNC:
	case SQLITE_IOERR_DIR_FSYNC:
		return "bringing to disk";
	case SQLITE_IOERR_TRUNCATE:
		return "cutting";
	case SQLITE_IOERR_DELETE:
	case SQLITE_IOERR_DELETE_NOENT:
		return "deleting the journal of";
	case SQLITE_IOERR_LOCK:
	case SQLITE_IOERR_UNLOCK:
	case SQLITE_IOERR_RDLOCK:
	case SQLITE_IOERR_CHECKRESERVEDLOCK:
	case SQLITE_IOERR_SHMLOCK:
		return "locking";
	default:
		return "using";
	}
}

/* SQLite asks for a log that it could not make once more, as one that is there: the system's last
 * word is then that there is none, whatever the reason was. A file system that makes inodes as they
 * are needed has no count of them. */
static bool inodes_used_up(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && fs.f_files > 0 && fs.f_favail == 0;
}

static sr_status fail_io(sqlite_conn *c, int code)
{
	int error = c->db ? sqlite3_system_errno(c->db) : 0;
	const char *path = c->base.path;
	sr_status rc;

	/* A commit that fails does not keep what the system said; its files do. */
	for (size_t i = 0; error == 0 && c->db != NULL && i < FILES; i++)
		error = last_errno(c->db, files[i]);
	/* Not every kind of failure comes from a system call. */
	if (error == 0)
		return sr_fail(SR_IO, "%s: input/output error while %s it", path,
			       io_operation(code));
	if ((code & 0xff) == SQLITE_CANTOPEN && error == ENOENT && inodes_used_up(path))
		return sr_fail(SR_NO_SPACE,
			       "%s: no log can be made beside it, since its file system has no "
			       "inode left for one more file; remove some files there",
			       path);
	rc = (code & 0xff) == SQLITE_CANTOPEN
		     ? sr_fail_errno(error, "%s cannot be opened", path)
		     : sr_fail_errno(error, "%s: %s it failed", path, io_operation(code));
	/* A file that vanished while it was in use is not one that was never there. */
	return rc == SR_NOT_FOUND || rc == SR_EXISTS ? SR_IO : rc;
}

static sr_status fail_read_only(sqlite_conn *c, int code)
{
	const char *path = c->base.path;
	struct stat st;

	switch (code) {
	case SQLITE_READONLY_DBMOVED:
		/* Or it could not be looked at. */
		if (stat(path, &st) != 0 && errno != ENOENT && errno != ENOTDIR)
			return sr_fail_errno(errno, "%s cannot be looked at", path);
		return sr_fail(SR_IO, "%s was moved, replaced or deleted while it was open", path);
	case SQLITE_READONLY_ROLLBACK:
	case SQLITE_READONLY_RECOVERY:
		return sr_fail(SR_READ_ONLY,
			       "%s was left in the middle of a write; open it once for writing "
			       "so that it recovers",
			       path);
	case SQLITE_READONLY_CANTINIT:
	case SQLITE_READONLY_DIRECTORY:
		return sr_fail(SR_PERMISSION,
			       "%s cannot be written: its log may not be made beside it", path);
	default:
		if (c->base.access == SR_ACCESS_WRITE || c->base.access == SR_ACCESS_CREATE) {
			/* It stays so; another one may open the log for writing. */
			c->base.broken = true;
			return sr_fail(SR_READ_ONLY, "%s cannot be written: %s", path,
				       sqlite3_errmsg(c->db));
		}
		return sr_fail(SR_READ_ONLY, "%s is open for reading only", path);
	}
}

/* SQLite says so, too, when a counter of rows is at its end or a limit of pages is reached. */
static sr_status fail_full(sqlite_conn *c)
{
	const char *path = c->base.path;
	struct statvfs fs;

	if (statvfs(path, &fs) == 0 && fs.f_bavail > 0 && fs.f_bavail * fs.f_frsize >= FREE_ENOUGH)
		return sr_fail(SR_NO_SPACE,
			       "%s: no space is left for it, though its file system has %llu MiB: "
			       "a quota, a limit of the file's size, or row numbers used up",
			       path, (unsigned long long)(fs.f_bavail * fs.f_frsize >> 20));
	return sr_fail(SR_NO_SPACE, "%s: no space is left for it; free some on its file system",
		       path);
}

static bool starts(const char *words, const char *with)
{
	return strncmp(words, with, strlen(with)) == 0;
}

static sr_status fail_sql(sqlite_conn *c)
{
	const char *words = sqlite3_errmsg(c->db);

	if (words == NULL)
		return sr_fail_memory();
	if (starts(words, "unsafe use of virtual table"))
		return sr_fail(SR_REFUSED, "%s", words);
	if (starts(words, "unsupported file format")) {
		c->base.broken = true;
		return sr_fail(SR_CORRUPT, "%s is damaged, or of a newer SQLite: %s", c->base.path,
			       words);
	}
	/* What the file asks for, not the statement. */
	if (starts(words, "no such collation sequence") || starts(words, "unknown function") ||
	    starts(words, "string or blob too big"))
		return sr_fail(SR_SQL, "%s: %s", c->base.path, words);
	sr_fail(SR_SQL, "%s", words);
	if (strstr(words, "no such column") || strstr(words, "has no column named") ||
	    strstr(words, "no such table"))
		sr_fail_also(SR_SQL,
			     " (if %s is of an older version, `strongroom migrate up` adds what "
			     "it lacks)",
			     c->base.path);
	return SR_SQL;
}

/* The guard has said why. */
static sr_status take_refusal(sqlite_conn *c)
{
	sr_status rc = c->refused;

	c->refused = SR_OK;
	return rc;
}

sr_status sr_sqlite_fail_below(sqlite_conn *c)
{
	int error = c->unseen;

	c->base.broken = true;
	c->unseen = 0;
	if (error != 0)
		return sr_fail_errno(error, "%s cannot be looked at", c->base.path);
	return sr_fail(SR_BUSY,
		       "%s was changed by another program while it was read; open it again",
		       c->base.path);
}

/* Some lines say what SQLite was told, others only that there was no page. */
sr_status sr_complaint_check(sr_conn *conn, sr_text line)
{
	static const char words[] = "error code=";
	const char *at = line.data != NULL ? strstr(line.data, words) : NULL;
	sr_status rc = SR_OK;
	int error;

	if (at != NULL)
		rc = sr_sqlite_status(atoi(at + sizeof(words) - 1));
	if (rc == SR_NO_MEMORY)
		return sr_fail_memory();
	if ((error = unreadable(sqlite_of(conn)->db)) == 0 && rc != SR_IO)
		return SR_OK;
	conn->broken = true;
	return error != 0 ? sr_fail_errno(error, "%s could not be checked", conn->path)
			  : sr_fail(SR_IO, "%s could not be checked: %s", conn->path, line.data);
}

sr_status sr_sqlite_fail_other(sqlite3 *db, const char *path, int code)
{
	sr_status rc = sr_sqlite_status(code);
	int error;

	if (rc == SR_CORRUPT && (error = unreadable(db)) != 0)
		return sr_fail_errno(error, "%s cannot be read", path);
	return sr_fail(rc, "%s cannot be read: %s", path, sqlite3_errmsg(db));
}

sr_status sr_sqlite_fail(sqlite_conn *c, int code)
{
	sr_status rc = sr_sqlite_status(code);
	const char *path = c->base.path;
	char blocker[128];
	int error;

	/* What it holds in memory may differ from what is on the disk. */
	if (rc == SR_IO || rc == SR_CORRUPT)
		c->base.broken = true;
	if (sr_sqlite_changed_below(c))
		return sr_sqlite_fail_below(c);
	switch (rc) {
	case SR_NO_MEMORY:
		return sr_fail_memory();
	case SR_BUSY:
		if (c->busy_interrupts != atomic_load(&c->interrupts))
			return sr_fail(SR_INTERRUPTED, "%s: interrupted while waiting for a lock",
				       path);
		if ((code & 0xff) == SQLITE_LOCKED)
			return sr_fail(SR_BUSY, "%s: %s", path, sqlite3_errmsg(c->db));
		sr_sqlite_blocker(&c->base, c->excludes, blocker);
		return sr_fail(SR_BUSY,
			       "%s is locked by %s%s (waited %g s); end the transaction there, or "
			       "wait longer with CONNECTION_TIMEOUT",
			       path, blocker,
			       c->excludes ? ", or by an open cursor of this one" : "",
			       c->busy_timeout);
	case SR_READ_ONLY:
		return fail_read_only(c, code);
	case SR_INTERRUPTED:
		if (c->timed_out)
			return sr_fail(SR_INTERRUPTED,
				       "the statement was stopped after its %g seconds",
				       c->deadline);
		return sr_fail(SR_INTERRUPTED, "interrupted");
	case SR_IO:
		return fail_io(c, code);
	case SR_CORRUPT:
		if ((error = unreadable(c->db)) != 0)
			return sr_fail_errno(error, "%s cannot be read", path);
		return sr_sqlite_identify(c, code);
	case SR_NO_SPACE:
		return fail_full(c);
	case SR_REFUSED:
		if (c->refused == SR_OK)
			return sr_fail(SR_REFUSED, "%s", sqlite3_errmsg(c->db));
		return take_refusal(c);
	case SR_SQL:
		/* A function that the guard refuses is an error of the statement to SQLite. */
		return c->refused != SR_OK ? take_refusal(c) : fail_sql(c);
	default:
		return sr_fail(rc, "%s", sqlite3_errmsg(c->db));
	}
}
