/*
 * The backup before a migration: NAME_backup_YYYYmmdd_HHMMSS.db beside the database.
 *
 * Others make files of that name too: the old code, operators, the backup command. So what
 * this file made is written down in NAME_backup_list, one name a line, and nothing is ever
 * removed that is not on it and does not look like it.
 */
#include "schema.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "../base/private.h"
#include "copy.h"

#define KEPT  5
#define TRIES 100

/* ---- The list of our own ---- */

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

/* A name that goes off the list, or "": all but the last five go, and their files with them. */
typedef struct cut {
	const char *database;
	const char *name;
} cut;

static bool list_keeps(void *arg, const char *name, size_t index, size_t total)
{
	const cut *c = arg;

	if (c->name[0])
		return strcmp(name, c->name) != 0;
	if (index + KEPT >= total)
		return true;
	backup_remove(c->database, name);
	return false;
}

/* A list that cannot be written is no reason to stop. */
static void list_say(const char *database, const char *path, bool add)
{
	const char *name = sr_path_name(sr_text_of(path)).data;
	cut c = {database, name};
	sr_buffer list = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&list, "%s_backup_list", database);
	if ((rc = sr_buffer_status(&list)) == SR_OK)
		rc = sr_backup_list_update(list.data, sr_path_name(sr_text_of(database)).data,
					   list_keeps, &c, add ? name : NULL);
	if (rc != SR_OK)
		sr_log("migrate", SR_LOG_WARNING, "the list of backups was not updated: %s",
		       sr_error_message());
	sr_buffer_free(&list);
}

/* Copies, verifies, and only then gives it the name of a backup. */
static sr_status backup_copy(sr_conn *conn, char path[4096], sr_progress_fn progress, void *arg)
{
	const char *database = sr_conn_path(conn);
	sr_copied copied;
	sr_watch watch = {.progress = progress, .arg = arg};
	char part[4096];
	sr_status rc;

	/* One snapshot for the copy and for the rows that it is compared with. */
	if ((rc = sr_conn_begin(conn, SR_TRANSACTION_READ)) != SR_OK)
		return rc;
	/* A part's name that another thread of this process has taken in this very moment is free
	 * again under the next number. */
	rc = SR_EXISTS;
	for (int i = 0; i < TRIES && rc == SR_EXISTS; i++)
		if ((rc = sr_backup_name(database, NULL, "", path)) == SR_OK &&
		    (rc = sr_part_name(path, part)) == SR_OK)
			rc = sr_copy_make(conn, part, false, &watch, &copied);
	if (rc == SR_OK) {
		while ((rc = sr_part_finish(part, path)) == SR_EXISTS)
			if ((rc = sr_backup_name(database, NULL, "", path)) != SR_OK)
				break;
		if (rc != SR_OK)
			sr_private_remove(part);
	}
	sr_conn_rollback(conn);
	return rc;
}

sr_status sr_backup_make(sr_conn *conn, char path[4096], sr_progress_fn progress, void *arg)
{
	const char *database = sr_conn_path(conn);
	int hold = -1;
	sr_status rc;

	sr_parts_remove(NULL, database, NULL);
	if ((rc = sr_part_hold(database, &hold)) == SR_OK)
		rc = backup_copy(conn, path, progress, arg);
	sr_part_let_go(&hold);
	if (rc != SR_OK) {
		path[0] = '\0';
		return sr_fail_within(rc, "the backup before the migration failed");
	}
	list_say(database, path, true);
	sr_log("migrate", SR_LOG_INFO, "backup: %s", path);
	return SR_OK;
}

void sr_backup_forget(sr_conn *conn, const char *path)
{
	/* It stays on the list, so that a later migration removes it. */
	if (unlink(path) != 0 && errno != ENOENT)
		sr_log("migrate", SR_LOG_WARNING, "the backup %s stays: %s", path, strerror(errno));
	else
		list_say(sr_conn_path(conn), path, false);
}

void sr_backup_cut(sr_conn *conn)
{
	list_say(sr_conn_path(conn), "", false);
}
