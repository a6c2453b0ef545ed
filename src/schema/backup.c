/*
 * The backup before a migration: NAME_backup_YYYYmmdd_HHMMSS.db beside the database.
 *
 * Others make files of that name too: the old code, operators, the backup command. So what
 * this file made is written down in NAME_backup_list, one name a line, and nothing is ever
 * removed that is not on it and does not look like it.
 */
#include "schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "../base/path.h"

#define KEPT 5

sr_status sr_space_free(const char *path, int64_t *bytes)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct statvfs fs;
	sr_status rc;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(path)));
	if ((rc = sr_buffer_status(&folder)) != SR_OK)
		goto err0;
	if (statvfs(folder.data, &fs) != 0) {
		rc = sr_fail_errno(errno, "the free space of %s cannot be told", folder.data);
		goto err0;
	}
	if (__builtin_mul_overflow((int64_t)fs.f_bavail, (int64_t)fs.f_frsize, bytes))
		*bytes = INT64_MAX;
err0:
	sr_buffer_free(&folder);
	return rc;
}

sr_status sr_space_check(const char *path, int64_t needed, const char *what)
{
	sr_text folder = sr_path_folder(sr_text_of(path));
	int64_t available;
	sr_status rc;

	if ((rc = sr_space_free(path, &available)) == SR_OK && available < needed)
		rc = sr_fail(SR_NO_SPACE, "%.*s: %s needs %lld bytes, and %lld are free",
			     (int)folder.length, folder.data, what, (long long)needed,
			     (long long)available);
	return rc;
}

/* A name that is free: "_2" and on where the second is taken. */
static sr_status backup_name(const char *database, char path[4096])
{
	time_t now = time(NULL);
	struct tm parts;
	char stamp[32];
	struct stat st;

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y%m%d_%H%M%S", &parts);
	for (int i = 1; i < 1000; i++) {
		char more[8] = "";
		int n;

		if (i > 1)
			snprintf(more, sizeof(more), "_%d", i);
		n = snprintf(path, 4096, "%s_backup_%s%s.db", database, stamp, more);
		if (n < 0 || n >= 4096)
			return sr_fail(SR_INVALID, "the path %s is too long for a backup",
				       database);
		if (lstat(path, &st) != 0 && errno == ENOENT)
			return SR_OK;
	}
	return sr_fail(SR_EXISTS, "%s: too many backups of this second", path);
}

/* ---- Unfinished ones ---- */

/* Until it is verified a copy is NAME_backup_YYYYmmdd_HHMMSS.db.PID.part, so that what a killed
 * process leaves is never taken for a backup. */
static sr_status part_name(const char *path, char part[4096])
{
	int n = snprintf(part, 4096, "%s.%ld.part", path, (long)getpid());

	if (n < 0 || n >= 4096)
		return sr_fail(SR_INVALID, "the path %s is too long for a backup", path);
	return SR_OK;
}

/* Whether it is a part of ours whose process is gone. */
static bool part_is_stale(const char *base, const char *name)
{
	size_t length = strlen(base);
	const char *at = name + length + 8;
	char *end;
	long pid;

	if (strncmp(name, base, length) != 0 || strncmp(name + length, "_backup_", 8) != 0)
		return false;
	at += strspn(at, "0123456789_");
	if (strncmp(at, ".db.", 4) != 0)
		return false;
	pid = strtol(at + 4, &end, 10);
	return end > at + 4 && pid > 0 && strcmp(end, ".part") == 0 && kill((pid_t)pid, 0) != 0 &&
	       errno == ESRCH;
}

static void parts_remove(const char *database)
{
	const char *base = sr_path_name(sr_text_of(database)).data;
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct dirent *entry;
	DIR *dir = NULL;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(database)));
	if (sr_buffer_status(&folder) == SR_OK)
		dir = opendir(folder.data);
	/* A folder that cannot be listed keeps them, and everything else works. */
	while (dir && (entry = readdir(dir)))
		if (part_is_stale(base, entry->d_name) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			sr_log("migrate", SR_LOG_INFO, "removed the unfinished backup %s",
			       entry->d_name);
	if (dir)
		closedir(dir);
	sr_buffer_free(&folder);
}

/* Gives the verified part its name: path, or the next that is free. */
static sr_status part_finish(const char *database, const char *part, char path[4096])
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;
	int fd;

	while (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
		if ((errno == EINVAL || errno == ENOSYS) && rename(part, path) == 0)
			break;
		if (errno != EEXIST)
			return sr_fail_errno(errno, "%s cannot be renamed", part);
		if ((rc = backup_name(database, path)) != SR_OK)
			return rc;
	}
	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(path)));
	if ((rc = sr_buffer_status(&folder)) == SR_OK) {
		fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0)
			rc = sr_fail_errno(
				errno, "the folder of %s could not be brought to the disk", path);
		if (fd >= 0)
			close(fd);
	}
	sr_buffer_free(&folder);
	return rc;
}

/* ---- Verifying ---- */

static sr_status rows_of(sr_conn *conn, const char *table, int64_t *rows)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_add_string(&sql, "SELECT count(*) FROM ");
	sr_buffer_add_identifier(&sql, table);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_query_integer(conn, sql.data, rows);
	sr_buffer_free(&sql);
	return rc;
}

sr_status sr_copy_verify(sr_conn *conn, const char *path)
{
	sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 500};
	sr_names tables = {NULL, 0};
	sr_conn *copy;
	sr_status rc;

	if ((rc = sr_conn_open(&sr_sqlite, path, &options, &copy)) != SR_OK)
		goto err0;
	if ((rc = sr_integrity(copy, false)) != SR_OK || (rc = sr_tables(conn, &tables)) != SR_OK)
		goto err1;
	for (size_t i = 0; i < tables.count && rc == SR_OK; i++) {
		int64_t here, there;

		if ((rc = rows_of(conn, tables.names[i], &here)) == SR_OK &&
		    (rc = rows_of(copy, tables.names[i], &there)) == SR_OK && here != there)
			rc = sr_fail(SR_CORRUPT, "%s has %lld rows of %s instead of %lld", path,
				     (long long)there, tables.names[i], (long long)here);
	}
err1:
	sr_names_free(&tables);
	sr_conn_close(copy);
err0:
	return rc;
}

/* ---- The list of our own ---- */

/* "NAME_backup_" and digits: what backup_name makes. */
static bool looks_like_ours(const char *base, const char *name)
{
	size_t length = strlen(base);
	const char *stamp = name + length + 8;
	int digits = 0;

	if (strncmp(name, base, length) != 0 || strncmp(name + length, "_backup_", 8) != 0 ||
	    strchr(name, '/'))
		return false;
	while (*stamp == '_' || (*stamp >= '0' && *stamp <= '9'))
		digits += *stamp++ != '_';
	return digits >= 14 && strcmp(stamp, ".db") == 0;
}

static sr_status list_read(const char *path, sr_names *names)
{
	char line[4096];
	sr_status rc = SR_OK;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return errno == ENOENT ? SR_OK : sr_fail_errno(errno, "%s cannot be read", path);
	while (rc == SR_OK && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			rc = sr_names_add(names, line);
	}
	/* Half a list would be written back, and the other half never be removed. */
	if (rc == SR_OK && ferror(file))
		rc = sr_fail_errno(errno, "%s cannot be read", path);
	fclose(file);
	return rc;
}

static sr_status list_write(const char *path, const sr_names *names, size_t from)
{
	sr_buffer fresh = SR_BUFFER_EMPTY;
	sr_status rc = SR_OK;
	bool failed = false;
	FILE *file;
	int fd;

	sr_buffer_printf(&fresh, "%s.new", path);
	if ((rc = sr_buffer_status(&fresh)) != SR_OK)
		goto err0;
	fd = open(fresh.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file == NULL) {
		rc = sr_fail_errno(errno, "%s cannot be written", fresh.data);
		if (fd >= 0)
			close(fd);
		goto err0;
	}
	for (size_t i = from; i < names->count && !failed; i++)
		failed = fprintf(file, "%s\n", names->names[i]) < 0;
	if (failed || fflush(file) != 0 || fsync(fd) != 0)
		rc = sr_fail_errno(errno, "%s cannot be written", fresh.data);
	if (fclose(file) != 0 && rc == SR_OK)
		rc = sr_fail_errno(errno, "%s cannot be written", fresh.data);
	if (rc == SR_OK && rename(fresh.data, path) != 0)
		rc = sr_fail_errno(errno, "%s cannot be written", path);
	if (rc != SR_OK)
		unlink(fresh.data);
err0:
	sr_buffer_free(&fresh);
	return rc;
}

static void backup_remove(const char *database, const char *name)
{
	sr_text folder = sr_path_folder(sr_text_of(database));
	sr_buffer path = SR_BUFFER_EMPTY;
	struct stat st;

	sr_buffer_add_text(&path, folder);
	sr_buffer_printf(&path, "/%s", name);
	if (sr_buffer_status(&path) != SR_OK)
		sr_log("migrate", SR_LOG_WARNING, "the old backup %s stays: %s", name,
		       sr_error_message());
	else if (lstat(path.data, &st) != 0 || !S_ISREG(st.st_mode))
		; /* Somebody else removed or replaced it. */
	else if (unlink(path.data) == 0)
		sr_log("migrate", SR_LOG_INFO, "removed the old backup %s", path.data);
	else
		sr_log("migrate", SR_LOG_WARNING, "the old backup %s stays: %s", path.data,
		       strerror(errno));
	sr_buffer_free(&path);
}

/* What becomes of the list. */
typedef enum list_change { LIST_ADD, LIST_TAKE_OFF, LIST_CUT } list_change;

/* Adds name or takes it off the list; cutting removes all backups but the last five. */
static sr_status list_change_alone(const char *database, const char *name, list_change change)
{
	const char *base = sr_path_name(sr_text_of(database)).data;
	sr_names names = {NULL, 0};
	sr_names ours = {NULL, 0};
	sr_buffer list = SR_BUFFER_EMPTY;
	sr_status rc;
	size_t from;

	sr_buffer_printf(&list, "%s_backup_list", database);
	if ((rc = sr_buffer_status(&list)) != SR_OK || (rc = list_read(list.data, &names)) != SR_OK)
		goto err0;
	for (size_t i = 0; i < names.count && rc == SR_OK; i++)
		if (looks_like_ours(base, names.names[i]) &&
		    (change == LIST_CUT || strcmp(names.names[i], name) != 0))
			rc = sr_names_add(&ours, names.names[i]);
	if (rc == SR_OK && change == LIST_ADD)
		rc = sr_names_add(&ours, name);
	if (rc != SR_OK)
		goto err0;
	from = change == LIST_CUT && ours.count > KEPT ? ours.count - KEPT : 0;
	if ((rc = list_write(list.data, &ours, from)) == SR_OK)
		for (size_t i = 0; i < from; i++)
			backup_remove(database, ours.names[i]);
err0:
	sr_buffer_free(&list);
	sr_names_free(&ours);
	sr_names_free(&names);
	return rc;
}

/* Two processes that migrate at once must not lose each other's lines; a folder that cannot be
 * locked is used as it is. */
static sr_status list_changed(const char *database, const char *name, list_change change)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;
	int fd = -1;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(database)));
	if ((rc = sr_buffer_status(&folder)) == SR_OK) {
		fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			flock(fd, LOCK_EX);
		rc = list_change_alone(database, name, change);
	}
	if (fd >= 0)
		close(fd);
	sr_buffer_free(&folder);
	return rc;
}

/* A list that cannot be written is no reason to stop. */
static void list_say(const char *database, const char *path, list_change change)
{
	if (list_changed(database, sr_path_name(sr_text_of(path)).data, change) != SR_OK)
		sr_log("migrate", SR_LOG_WARNING, "the list of backups was not updated: %s",
		       sr_error_message());
}

/* Copies, verifies, and only then gives it the name of a backup. */
static sr_status backup_copy(sr_conn *conn, char path[4096], sr_progress_fn progress, void *arg)
{
	const char *database = sr_conn_path(conn);
	char part[4096];
	sr_status rc;

	if ((rc = backup_name(database, path)) != SR_OK || (rc = part_name(path, part)) != SR_OK)
		return rc;
	/* One snapshot for the copy and for the counts that it is compared with. */
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		return rc;
	if ((rc = sr_conn_backup(conn, part, progress, arg)) == SR_OK &&
	    ((rc = sr_copy_verify(conn, part)) != SR_OK ||
	     (rc = part_finish(database, part, path)) != SR_OK))
		unlink(part);
	sr_conn_rollback(conn);
	return rc;
}

sr_status sr_backup_make(sr_conn *conn, char path[4096], sr_progress_fn progress, void *arg)
{
	const char *database = sr_conn_path(conn);
	sr_status rc;

	parts_remove(database);
	if ((rc = backup_copy(conn, path, progress, arg)) != SR_OK) {
		path[0] = '\0';
		return sr_fail_within(rc, "the backup before the migration failed");
	}
	list_say(database, path, LIST_ADD);
	sr_log("migrate", SR_LOG_INFO, "backup: %s", path);
	return SR_OK;
}

void sr_backup_forget(sr_conn *conn, const char *path)
{
	/* It stays on the list, so that a later migration removes it. */
	if (unlink(path) != 0 && errno != ENOENT)
		sr_log("migrate", SR_LOG_WARNING, "the backup %s stays: %s", path, strerror(errno));
	else
		list_say(sr_conn_path(conn), path, LIST_TAKE_OFF);
}

void sr_backup_cut(sr_conn *conn)
{
	list_say(sr_conn_path(conn), "", LIST_CUT);
}
