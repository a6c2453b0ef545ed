/*
 * The backup before a migration: NAME_backup_YYYYmmdd_HHMMSS.db beside the database.
 *
 * Others make files of that name too: the old code, operators, the backup command. So what
 * this file made is written down in NAME_backup_list, one name a line, and nothing is ever
 * removed that is not on it and does not look like it.
 */
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "copy.h"

#define KEPT 5

/* ---- The list of our own ---- */

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
		if (sr_backup_named(base, names.names[i], NULL) &&
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
	sr_copied copied;
	sr_watch watch = {.progress = progress, .arg = arg};
	char part[4096];
	sr_status rc;

	if ((rc = sr_backup_name(database, NULL, "", path)) != SR_OK ||
	    (rc = sr_part_name(path, part)) != SR_OK)
		return rc;
	/* One snapshot for the copy and for the rows that it is compared with. */
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		return rc;
	if ((rc = sr_copy_make(conn, part, false, &watch, &copied)) == SR_OK) {
		while ((rc = sr_part_finish(part, path)) == SR_EXISTS)
			if ((rc = sr_backup_name(database, NULL, "", path)) != SR_OK)
				break;
		if (rc != SR_OK)
			unlink(part);
	}
	sr_conn_rollback(conn);
	return rc;
}

sr_status sr_backup_make(sr_conn *conn, char path[4096], sr_progress_fn progress, void *arg)
{
	const char *database = sr_conn_path(conn);
	sr_status rc;

	sr_parts_remove(NULL, database, NULL);
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
