/*
 * A copy of a live database. The source is read inside one read transaction, so that writers
 * on other connections do not make it start again; the copy is unsynced until its end.
 */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "../base/private.h"

#define STEP_PAGES 1024

/* Brings the copy to the disk through SQLite's own handle, then its folder. */
static sr_status copy_sync(sqlite3 *db, const char *path)
{
	sr_text name = {path, strlen(path)};
	sr_buffer folder = SR_BUFFER_EMPTY;
	sqlite3_file *file = NULL;
	int code = SQLITE_IOERR;
	sr_status rc = SR_OK;
	int fd;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
	    file && file->pMethods)
		code = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
	/* The last pages are written only now. */
	if (code == SQLITE_FULL)
		return sr_fail(SR_NO_SPACE, "the copy %s failed: no space is left for it", path);
	if (code != SQLITE_OK)
		return sr_fail(SR_IO, "the copy %s could not be brought to the disk", path);
	sr_buffer_add_text(&folder, sr_path_folder(name));
	if ((rc = sr_buffer_status(&folder)) != SR_OK)
		goto err0;
	fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = sr_fail_errno(errno, "the folder of %s could not be brought to the disk",
				   path);
	if (fd >= 0)
		close(fd);
err0:
	sr_buffer_free(&folder);
	return rc;
}

/* What went wrong may be the source's fault or the copy's: the copy's handle has the words. */
static sr_status copy_failed(sqlite3 *to, const char *path, int code)
{
	sr_status rc = sr_sqlite_status(code);

	if (rc == SR_OK)
		rc = SR_IO;
	return sr_fail(rc, "the copy %s failed: %s", path,
		       code == SQLITE_FULL ? "no space is left for it" : sqlite3_errmsg(to));
}

static sr_status copy_pages(sqlite_conn *c, sqlite3 *to, const char *path, sr_progress_fn progress,
			    void *arg)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", c->db, "main");
	sr_status rc = SR_OK;
	int code;

	if (backup == NULL)
		return copy_failed(to, path, sqlite3_extended_errcode(to));
	do {
		code = sqlite3_backup_step(backup, STEP_PAGES);
		if (code != SQLITE_OK && code != SQLITE_DONE)
			break;
		if (progress) {
			int total = sqlite3_backup_pagecount(backup);

			if (progress(arg, total - sqlite3_backup_remaining(backup), total))
				rc = sr_fail(SR_INTERRUPTED, "the copy %s was cancelled", path);
		}
	} while (code == SQLITE_OK && rc == SR_OK);
	sqlite3_backup_finish(backup);
	if (rc == SR_OK && code != SQLITE_DONE)
		rc = copy_failed(to, path, code);
	return rc;
}

/* Whether SQLite has opened what was made, and not what a folder holds that somebody has put in the
 * place of the one before. */
static sr_status check_made(sqlite3 *db, const char *path, const sr_made *made)
{
	bool astray = sr_sqlite_astray(db), same;
	sr_status rc;

	/* Last, since a disk that cannot be looked at does not exchange anything. */
	if ((rc = sr_private_same(path, made, &same)) != SR_OK)
		return rc;
	if (astray || !same)
		return sr_fail(SR_REFUSED, "the copy %s failed: its folder was exchanged", path);
	return SR_OK;
}

static sr_status copy_make(sqlite_conn *c, const char *path, const sr_made *made,
			   sr_progress_fn progress, void *arg)
{
	sqlite3 *to = NULL;
	sr_status rc;
	int code;

	code = sqlite3_open_v2(path, &to,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			       sr_sqlite_stream());
	/* A copy that fails is removed whole, so it needs no journal. */
	if (code == SQLITE_OK)
		code = sqlite3_exec(to,
				    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF; "
				    "PRAGMA synchronous=OFF; PRAGMA cache_size=100",
				    NULL, NULL, NULL);
	/* It was made here a moment ago. */
	if (code == SQLITE_OK)
		sqlite3_file_control(to, "main", SR_SQLITE_STREAM_FRESH, (void *)(uintptr_t)path);
	if (code != SQLITE_OK)
		rc = copy_failed(to, path, code);
	else if ((rc = check_made(to, path, made)) == SR_OK &&
		 (rc = copy_pages(c, to, path, progress, arg)) == SR_OK)
		rc = copy_sync(to, path);
	if (sqlite3_close(to) != SQLITE_OK && rc == SR_OK)
		rc = sr_fail(SR_IO, "the copy %s could not be closed", path);
	return rc;
}

sr_status sr_sqlite_backup(sr_conn *conn, const char *path, sr_progress_fn progress, void *arg)
{
	sqlite_conn *c = sqlite_of(conn);
	bool begun = false;
	sr_made made;
	sr_status rc;

	if (path[0] != '/')
		return sr_fail(SR_INVALID, "the path of a copy must be absolute: %s", path);
	if (sqlite3_txn_state(c->db, "main") == SQLITE_TXN_WRITE)
		return sr_fail(SR_INVALID, "%s cannot be copied by the transaction that writes it",
			       conn->path);
	if (!sr_conn_in_transaction(conn)) {
		if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
			return rc;
		begun = true;
	}
	/* Made without opening it, private from its first moment, and never over another. */
	if ((rc = sr_private_make(path, "the copy", &made)) != SR_OK)
		goto err1;
	if ((rc = copy_make(c, path, &made, progress, arg)) != SR_OK)
		sr_private_remove(path);
err1:
	if (begun)
		sr_conn_rollback(conn);
	return rc;
}
