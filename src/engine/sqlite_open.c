/*
 * Opening a database file: what it is, how it is locked, and what it may not do to us.
 *
 * The file is never opened here but by SQLite: closing any descriptor of it would drop the
 * locks that this process holds on it. So it is made with mknod, and looked at with stat.
 */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/cancel.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/path.h"
#include "../base/private.h"
#include "../base/process.h"
#include "sqlite_settle.h"

#define DEADLINE_SECONDS 30.0

/* ---- The file ---- */

static const char *kind_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a directory";
	if (S_ISFIFO(mode))
		return "a pipe";
	if (S_ISSOCK(mode))
		return "a socket";
	return "a device";
}

/* Says which part of the path it is that is not there. */
static sr_status fail_missing(const char *path)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct stat st;
	sr_status rc;

	sr_buffer_add_text(&folder, sr_path_folder((sr_text){path, strlen(path)}));
	if ((rc = sr_buffer_status(&folder)) == SR_OK) {
		if (stat(folder.data, &st) != 0)
			rc = sr_fail(SR_NOT_FOUND, "no database %s: there is no folder %s", path,
				     folder.data);
		else
			rc = sr_fail(SR_NOT_FOUND, "there is no database %s", path);
	}
	sr_buffer_free(&folder);
	return rc;
}

/* A side file of the database: its log, the log's index. It takes no memory, without which a log
 * would seem to be none. */
static bool side_file(const char *path, const char *suffix, struct stat *st)
{
	char real[PATH_MAX], name[PATH_MAX + 8];

	/* Where a link leads, they are. */
	snprintf(name, sizeof(name), "%s%s", realpath(path, real) ? real : path, suffix);
	return lstat(name, st) == 0;
}

/* The log's file inherits the mode. */
static sr_status file_make(const char *path, bool *made)
{
	struct stat st;
	sr_status rc;

	*made = false;
	if (lstat(path, &st) != 0 && (rc = sr_output_name_check(path)) != SR_OK)
		return rc;
	rc = sr_private_make(path, "the database", NULL);
	*made = rc == SR_OK;
	if (rc == SR_EXISTS)
		rc = SR_OK;
	return rc == SR_NOT_FOUND ? fail_missing(path) : rc;
}

/* An existing database may be a link, since people put it elsewhere; none is made through one. What
 * SQLite keeps beside it never is: it would refuse that too, and not say why. */
static sr_status links_check(const char *path, const sr_conn_options *options, bool empty)
{
	char *real;
	struct stat st;
	sr_status rc;

	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
		return sr_sqlite_beside_check(path);
	if (empty && (options->access == SR_ACCESS_WRITE || options->access == SR_ACCESS_CREATE))
		return sr_fail(SR_REFUSED,
			       "%s is a symbolic link to an empty file, and no database is made "
			       "through one",
			       path);
	if ((real = realpath(path, NULL)) == NULL)
		return sr_fail_errno(errno, "the database %s cannot be reached", path);
	rc = sr_sqlite_beside_check(real);
	free(real);
	return rc;
}

/* The file has its first page before a log is begun beside it. To SQLite an empty one is a new
 * database, whatever the log has, which it deletes. */
static sr_status emptied_check(const char *path)
{
	struct stat log;

	if (!side_file(path, "-wal", &log) || log.st_size == 0)
		return SR_OK;
	return sr_fail(SR_CORRUPT,
		       "%s is damaged: it is cut short, 0 bytes are there beside a log of %lld",
		       path, (long long)log.st_size);
}

static sr_status file_check(const char *path, const sr_conn_options *options, bool *made)
{
	struct stat st;
	sr_status rc;

	*made = false;
	if (path[0] != '/')
		return sr_fail(SR_INVALID, "the path of a database must be absolute: %s", path);
	if (options->access == SR_ACCESS_CREATE && (rc = file_make(path, made)) != SR_OK)
		return rc;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT && options->access == SR_ACCESS_CREATE)
			return sr_fail(SR_NOT_FOUND, "%s is a symbolic link to nothing", path);
		if (errno == ENOENT || errno == ENOTDIR)
			return fail_missing(path);
		return sr_fail_errno(errno, "the database %s cannot be reached", path);
	}
	if (!S_ISREG(st.st_mode))
		return sr_fail(SR_CORRUPT, "%s is %s, not a database", path, kind_of(st.st_mode));
	if ((rc = links_check(path, options, st.st_size == 0)) != SR_OK)
		return rc;
	if (st.st_size == 0 && !*made && (rc = emptied_check(path)) != SR_OK)
		return rc;
	if (access(path, R_OK) != 0)
		return sr_fail_errno(errno, "the database %s cannot be read", path);
	if (options->access != SR_ACCESS_WRITE && options->access != SR_ACCESS_CREATE)
		return SR_OK;
	if (access(path, W_OK) != 0)
		return sr_fail_errno(errno, "the database %s cannot be written", path);
	return sr_database_names_check(path);
}

static sr_status may_write(const char *path, bool *may)
{
	*may = access(path, W_OK) == 0;
	if (*may || errno == EACCES || errno == EPERM || errno == EROFS)
		return SR_OK;
	return sr_fail_errno(errno, "%s cannot be looked at", path);
}

/* Whether this process could take part in writing: the file can be changed, and a log be begun
 * beside it. With another name it is only looked at, so that no log is brought in. */
static sr_status look_writable(const char *path, bool *writable)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;

	*writable = false;
	if (sr_sqlite_has_names(path))
		return SR_OK;
	sr_buffer_add_text(&folder, sr_path_folder((sr_text){path, strlen(path)}));
	if ((rc = sr_buffer_status(&folder)) == SR_OK &&
	    (rc = may_write(path, writable)) == SR_OK && *writable)
		rc = may_write(folder.data, writable);
	sr_buffer_free(&folder);
	return rc;
}

/* ---- Files that are read without locks ---- */

static void stamp_of(const struct stat *st, int64_t stamp[3])
{
	stamp[0] = (int64_t)st->st_ino;
	stamp[1] = (int64_t)st->st_size;
	stamp[2] = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* 0, or why the file could not be looked at; a missing one is another. */
static int stamp_take(const char *path, int64_t stamp[3])
{
	struct stat st;
	int error = 0;

	if (stat(path, &st) != 0) {
		error = errno == ENOENT ? 0 : errno;
		memset(&st, 0, sizeof(st));
	}
	stamp_of(&st, stamp);
	return error;
}

bool sr_sqlite_changed_below(sqlite_conn *c)
{
	int64_t now[3];
	struct stat log;

	if (!c->immutable)
		return false;
	c->unseen = stamp_take(c->base.path, now);
	return memcmp(now, c->stamp, sizeof(now)) != 0 ||
	       (side_file(c->base.path, "-wal", &log) && log.st_size > 0);
}

bool sr_sqlite_torn(sqlite_conn *c)
{
	struct stat st;
	int64_t now[3];

	if (!c->immutable || c->watched < 0 || sqlite3_get_autocommit(c->db))
		return sr_sqlite_changed_below(c);
	if (fstat(c->watched, &st) != 0) {
		c->unseen = errno;
		return true;
	}
	stamp_of(&st, now);
	return memcmp(now, c->stamp, sizeof(now)) != 0;
}

/* Whether the header says that a log belongs to it. */
static bool header_says_log(sqlite3 *db)
{
	unsigned char header[20] = {0};
	sqlite3_file *file = NULL;

	return sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
	       file && file->pMethods &&
	       file->pMethods->xRead(file, header, sizeof(header), 0) == SQLITE_OK &&
	       (header[18] == 2 || header[19] == 2);
}

static const char *vfs_of(const sqlite_conn *c)
{
	return c->sweeping ? sr_sqlite_stream() : NULL;
}

static int open_immutable(sqlite_conn *c)
{
	sr_buffer uri = SR_BUFFER_EMPTY;
	int code;

	sr_buffer_add_string(&uri, "file:");
	for (const char *p = c->base.path; *p; p++) {
		if (strchr("%?#", *p))
			sr_buffer_printf(&uri, "%%%02X", (unsigned char)*p);
		else
			sr_buffer_add(&uri, p, 1);
	}
	sr_buffer_add_string(&uri, "?immutable=1");
	if (sr_buffer_status(&uri) != SR_OK) {
		sr_buffer_free(&uri);
		return SQLITE_NOMEM;
	}
	if ((c->unseen = stamp_take(c->base.path, c->stamp)) != 0) {
		sr_buffer_free(&uri);
		return SQLITE_IOERR_FSTAT;
	}
	/* Closing one of these drops no locks. */
	c->watched = open(c->base.path, O_PATH | O_CLOEXEC);
	code = sqlite3_open_v2(uri.data, &c->db,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI |
				       SQLITE_OPEN_EXRESCODE,
			       vfs_of(c));
	sr_buffer_free(&uri);
	c->immutable = code == SQLITE_OK;
	return code;
}

static int open_plain(sqlite_conn *c, int flags)
{
	return sqlite3_open_v2(c->base.path, &c->db,
			       flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs_of(c));
}

/* Where it takes no writes, only a copy helps. */
static sr_status fail_left_with_log(const char *path)
{
	sr_status rc = sr_database_names_check(path);

	if (rc != SR_OK)
		return rc;
	return sr_fail(SR_READ_ONLY,
		       "%s was left with a log that must be brought in first; open it once for "
		       "writing, or a copy of it and its log",
		       path);
}

/*
 * Opens without leaving anything on the disk. SQLite makes a log even for a reader where the
 * header asks for one; a database whose log is absent is whole in its file, and is read from
 * there as long as nobody begins one: sr_sqlite_changed_below looks.
 */
static sr_status open_inspect(sqlite_conn *c)
{
	struct stat log, index;
	bool has_log = side_file(c->base.path, "-wal", &log) && log.st_size > 0;
	int code;

	if (has_log && !side_file(c->base.path, "-shm", &index))
		return fail_left_with_log(c->base.path);
	code = open_plain(c, SQLITE_OPEN_READONLY);
	if (code == SQLITE_OK && !has_log && header_says_log(c->db)) {
		sqlite3_close(c->db);
		c->db = NULL;
		code = open_immutable(c);
	}
	return code == SQLITE_OK ? SR_OK : sr_sqlite_fail(c, code);
}

static sr_status open_handle(sqlite_conn *c, const sr_conn_options *options)
{
	bool writes = options->access == SR_ACCESS_WRITE || options->access == SR_ACCESS_CREATE;
	bool writable = options->access != SR_ACCESS_INSPECT;
	const char *path = c->base.path;
	sr_status rc;
	int code;

	if (options->first && !writes && sr_sqlite_has_names(path))
		sr_log("engine", SR_LOG_WARNING,
		       "%s has other names (hard links): what the log of one of them has is not "
		       "seen here",
		       path);
	if (writable && !writes && (rc = look_writable(path, &writable)) != SR_OK)
		return rc;
	if (!writable)
		return open_inspect(c);
	/* A reader beside a writer opens for writing as well, and is then forbidden to: only so
	 * can it recover the log, and remove it when it closes last. */
	code = open_plain(c, c->untrusted ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	if (code != SQLITE_OK)
		return sr_sqlite_fail(c, code);
	if (writes && sqlite3_db_readonly(c->db, "main") != 0)
		return sr_fail(SR_READ_ONLY, "the database %s cannot be written", path);
	return SR_OK;
}

/* ---- Waiting and deadlines ---- */

static int busy(void *arg, int count)
{
	sqlite_conn *c = arg;
	int64_t now = sr_clock_ns();
	int64_t left, pause = count < 10 ? (1 << (count / 2)) * 1000000 : 50000000;
	struct timespec sleep;

	if (count == 0)
		c->busy_since = now;
	left = (int64_t)(c->busy_timeout * 1e9) - (now - c->busy_since);
	if (left > 0 && sr_cancel_wanted())
		atomic_fetch_add(&c->interrupts, 1);
	if (left <= 0 || c->busy_interrupts != atomic_load(&c->interrupts))
		return 0;
	pause = pause < left ? pause : left;
	sleep.tv_sec = pause / 1000000000;
	sleep.tv_nsec = pause % 1000000000;
	nanosleep(&sleep, NULL);
	return 1;
}

#define WATCH_STEPS 10000 /* Of SQLite's machine: a few milliseconds at most. */

static bool heeds(const sqlite_conn *c)
{
	if (c->stepping == NULL || c->base.heed == SR_HEED_NONE)
		return false;
	return c->base.heed == SR_HEED_ALL || c->stepping->reads;
}

static int must_stop(void *arg)
{
	sqlite_conn *c = arg;
	double seconds;

	if (c->own)
		return 0;
	if (c->watch && c->watch(c->watch_arg))
		return 1;
	if (heeds(c) && sr_cancel_wanted())
		return 1;
	if (!(c->deadline > 0))
		return 0;
	seconds = (double)(c->spent + sr_clock_ns() - c->entered) / 1e9;
	c->timed_out = seconds > c->deadline;
	return c->timed_out;
}

void sr_sqlite_watch(sr_conn *conn, sr_watch_fn watch, void *arg)
{
	sqlite_conn *c = sqlite_of(conn);

	c->watch = watch;
	c->watch_arg = arg;
}

/* ---- Opening and closing ---- */

static void conn_free(sqlite_conn *c)
{
	for (int i = 0; i < SR_COMMAND_COUNT; i++)
		sqlite3_finalize(c->commands[i]);
	/* A lessee's own statement may outlive this, and the database with it: until then nothing
	 * of it may come back here. */
	if (c->db) {
		sqlite3_busy_handler(c->db, NULL, NULL);
		sqlite3_progress_handler(c->db, 0, NULL, NULL);
		sqlite3_wal_hook(c->db, NULL, NULL);
		sqlite3_set_authorizer(c->db, NULL, NULL);
	}
	sqlite3_close_v2(c->db);
	if (c->watched >= 0)
		close(c->watched);
	free(c->subject);
	free(c->base.path);
	free(c);
}

void sr_sqlite_close(sr_conn *conn)
{
	conn_free(sqlite_of(conn));
}

static sr_status conn_new(const char *path, const sr_conn_options *options, sqlite_conn **conn)
{
	sqlite_conn *c = calloc(1, sizeof(*c));

	*conn = NULL;
	if (c == NULL || (c->base.path = strdup(path)) == NULL) {
		free(c);
		return sr_fail_memory();
	}
	c->watched = -1;
	c->least = INT64_MAX;
	c->base.engine = &sr_sqlite;
	c->base.access = options->access;
	c->base.owner = getpid();
	c->base.generation = sr_process_generation();
	c->busy_timeout = options->busy_timeout;
	c->hidden_table = options->hidden_table;
	c->hidden_column = options->hidden_column;
	c->untrusted = options->untrusted;
	c->sweeping = options->sweeping;
	if (c->untrusted)
		c->deadline = options->deadline > 0 ? options->deadline : DEADLINE_SECONDS;
	atomic_init(&c->interrupts, 0);
	*conn = c;
	return SR_OK;
}

/* An empty file that a failed opening made is taken back, unless others may be using it. */
static void unmake(const char *path, sr_status why)
{
	struct stat st;

	if ((why == SR_NO_SPACE || why == SR_IO) && stat(path, &st) == 0 && st.st_size == 0)
		unlink(path);
}

sr_status sr_sqlite_open(const char *path, const sr_conn_options *options, sr_conn **conn)
{
	sqlite_conn *c;
	sr_status rc;
	bool made;

	if (options->untrusted && options->access != SR_ACCESS_READ &&
	    options->access != SR_ACCESS_INSPECT)
		return sr_fail(SR_INVALID, "%s: an untrusted connection only reads", path);
	if ((rc = file_check(path, options, &made)) != SR_OK)
		return rc;
	if ((rc = conn_new(path, options, &c)) != SR_OK)
		goto err0;
	if ((rc = open_handle(c, options)) != SR_OK)
		goto err1;
	if (options->first && options->access != SR_ACCESS_INSPECT &&
	    (rc = sr_sqlite_log_check(c)) != SR_OK)
		goto err1;
	sqlite3_busy_handler(c->db, busy, c);
	if ((rc = sr_sqlite_settle(c, options)) != SR_OK)
		goto err1;
	sqlite3_progress_handler(c->db, WATCH_STEPS, must_stop, c);
	/* In the place of the automatic checkpoints, which would not be safe. */
	sqlite3_wal_hook(c->db, sr_sqlite_log_grew, c);
	sqlite3_set_authorizer(c->db, sr_sqlite_authorize, c);
	*conn = &c->base;
	return SR_OK;
err1:
	conn_free(c);
err0:
	if (made)
		unmake(path, rc);
	return rc;
}
