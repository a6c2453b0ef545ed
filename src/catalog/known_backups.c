#include "known_backups.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../archive/descriptor.h"
#include "../base/path.h"
#include "../schema/schema.h"
#include "activity.h"
#include "paths.h"
#include "place.h"

/* ---- Where they are ---- */

/* The folder without links, so that no file is met under two names; one that is gone is none. */
static sr_status add_folder_of(sr_paths *folders, const char *path)
{
	sr_text folder = sr_path_folder(sr_text_of(path));
	char *name = strndup(folder.data, folder.length), *real;
	sr_status rc = SR_OK;

	if (name == NULL)
		return sr_fail_memory();
	if ((real = realpath(name, NULL)) != NULL)
		rc = sr_paths_add(folders, real);
	free(real);
	free(name);
	return rc;
}

static sr_status add_file(sr_paths *files, const char *path)
{
	char *real = realpath(path, NULL);
	sr_status rc = real != NULL ? sr_paths_add(files, real) : SR_OK;

	free(real);
	return rc;
}

/* Those of a catalog's activities whose Detail is a backup's path. */
#define NAME_BACKUPS                                                                               \
	" FROM catalog_activity WHERE ActivityType IN ('" SR_ACTIVITY_BACKUP                       \
	"', '" SR_ACTIVITY_RESTORE "') AND substr(CAST(Detail AS BLOB), 1, 1) = x'2F'"

/* What the catalog says itself. */
static sr_status take_activities(sr_catalog *catalog, sr_paths *files, sr_paths *folders)
{
	sr_reading reading = {0};
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(reading.conn, "SELECT DISTINCT Detail" NAME_BACKUPS, &stmt)) ==
	    SR_OK) {
		while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
			const char *path = sr_column_text(stmt, 0).data;

			if ((rc = add_file(files, path)) != SR_OK ||
			    (rc = add_folder_of(folders, path)) != SR_OK)
				break;
		}
		rc = sr_stmt_end(stmt, rc);
	}
	sr_reading_end(&reading);
	return rc;
}

/* A folder that cannot be listed has none that could be known. */
static sr_status take_folder(const char *folder, const char *base, sr_paths *files)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	sr_status rc = SR_OK;
	char path[4096];

	while (dir && rc == SR_OK && (entry = readdir(dir))) {
		int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);

		if (n > 0 && (size_t)n < sizeof(path) && sr_copy_named(base, entry->d_name))
			rc = add_file(files, path);
	}
	if (dir)
		closedir(dir);
	return rc;
}

static sr_status gather(sr_catalog *catalog, sr_paths *files)
{
	char *database = realpath(catalog->settings.path, NULL);
	sr_paths folders = {0};
	sr_status rc;

	if (database == NULL)
		return sr_fail_errno(errno, "the database %s cannot be reached",
				     sr_quoted(sr_text_of(catalog->settings.path)));
	if ((rc = add_folder_of(&folders, database)) == SR_OK)
		rc = take_activities(catalog, files, &folders);
	for (size_t i = 0; i < folders.count && rc == SR_OK; i++)
		rc = take_folder(folders.list[i], sr_path_name(sr_text_of(database)).data, files);
	sr_paths_free(&folders);
	free(database);
	return rc;
}

sr_status sr_folders_resolve(const char *const *folders, size_t count, char ***out)
{
	struct stat st;
	char **real;

	*out = NULL;
	if (count == 0)
		return SR_OK;
	if ((real = calloc(count, sizeof(*real))) == NULL)
		return sr_fail_memory();
	*out = real;
	for (size_t i = 0; i < count; i++) {
		if ((real[i] = realpath(folders[i], NULL)) == NULL)
			return sr_fail_errno(errno, "the folder %s of backups cannot be reached",
					     sr_quoted(sr_text_of(folders[i])));
		if (stat(real[i], &st) != 0)
			return sr_fail_errno(errno, "the folder %s of backups cannot be reached",
					     sr_quoted(sr_text_of(folders[i])));
		if (!S_ISDIR(st.st_mode))
			return sr_fail(SR_INVALID, "%s is no folder of backups",
				       sr_quoted(sr_text_of(folders[i])));
	}
	return SR_OK;
}

void sr_folders_free(char **folders, size_t count)
{
	for (size_t i = 0; folders != NULL && i < count; i++)
		free(folders[i]);
	free(folders);
}

/* ---- Carried over ---- */

static const char *const columns[] = {"ActivityType", "Timestamp", "Detail", "BytesTransferred"};

/* One of an older version, or that somebody has changed, may have no such activities. */
static sr_status has_activities(sr_conn *conn, bool *has)
{
	char type[16];
	sr_status rc = sr_object_type(conn, "catalog_activity", type);

	*has = rc == SR_OK && strcmp(type, "table") == 0;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]) && *has; i++)
		if ((rc = sr_column_exists(conn, "catalog_activity", columns[i], has)) != SR_OK)
			*has = false;
	return rc;
}

/* The activity that `from` is on, unless it is there. */
static sr_status carry_one(sr_stmt *from, sr_stmt *into)
{
	sr_bind_name(into, 1, sr_column_text(from, 0));
	sr_bind_name(into, 2, sr_column_text(from, 1));
	sr_bind_name(into, 3, sr_column_text(from, 2));
	sr_bind_integer(into, 4, sr_column_integer(from, 3));
	return sr_run(into);
}

static sr_status carry_all(sr_conn *from, sr_conn *into)
{
	sr_stmt *read, *write;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(from,
			     "SELECT ActivityType, Timestamp, Detail, "
			     "BytesTransferred" NAME_BACKUPS " ORDER BY ID",
			     &read)) != SR_OK)
		return rc;
	if ((rc = sr_prepare(into,
			     "INSERT OR IGNORE INTO catalog_activity (ActivityType, Timestamp, "
			     "Detail, BytesTransferred) SELECT $1, coalesce($2, ''), $3, $4 WHERE "
			     "NOT EXISTS (SELECT 1 FROM catalog_activity WHERE ActivityType = $1 "
			     "AND Timestamp = coalesce($2, '') AND Detail = $3)",
			     &write)) == SR_OK) {
		while ((rc = sr_step(read, &row)) == SR_OK && row)
			if ((rc = carry_one(read, write)) != SR_OK)
				break;
		rc = sr_stmt_end(write, rc);
	}
	return sr_stmt_end(read, rc);
}

sr_status sr_known_backups_carry(sr_conn *from, sr_conn *into)
{
	sr_status rc;
	bool has;

	if ((rc = has_activities(from, &has)) != SR_OK || !has)
		return rc;
	/* Whoever's triggers there are, they are not fired. */
	if ((rc = sr_conn_triggers(into, false)) != SR_OK ||
	    (rc = sr_conn_begin(into, SR_TRANSACTION_WRITE)) != SR_OK)
		return rc;
	rc = carry_all(from, into);
	if (rc == SR_OK || rc == SR_CORRUPT) {
		sr_status end = sr_conn_commit(into);
		return end != SR_OK ? end : rc;
	}
	sr_conn_rollback(into);
	return rc;
}

/* ---- What is in them ---- */

/* What is no database at all is no backup, whatever it is called. */
sr_status sr_begins_as_database(const char *path, bool *is)
{
	unsigned char head[16];
	size_t length = 0;
	int64_t size;
	sr_status rc;
	int fd;

	if ((rc = sr_descriptor_read(path, &fd, &size)) != SR_OK)
		return rc;
	rc = sr_descriptor_fill(fd, path, head, sizeof(head), &length);
	*is = length == sizeof(head) && memcmp(head, "SQLite format 3", sizeof(head)) == 0;
	close(fd);
	return rc;
}

sr_status sr_may_be_backup(const char *path, bool *may_be)
{
	sr_archive_kind kind;
	sr_status rc = sr_archive_identify(path, &kind);

	*may_be = rc == SR_OK && kind != SR_ARCHIVE_PLAIN;
	return rc == SR_OK && !*may_be ? sr_begins_as_database(path, may_be) : rc;
}

/* The keys of a plain one are looked at; of a packed one nobody can tell, nor of one that cannot be
 * read just now or is damaged, so that it is said to have some. False for what is no backup. A
 * database that this process has open is left alone. */
static bool look(const char *path, bool *wrapped)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 100, .bare = true};
	int64_t some = 1;
	sr_conn *conn;
	bool may_be;

	*wrapped = true;
	if (sr_may_be_backup(path, &may_be) == SR_OK && !may_be)
		return false;
	if (sr_conn_open(&sr_sqlite, path, &options, &conn) != SR_OK)
		return true;
	if (sr_query_integer(conn,
			     "SELECT EXISTS (SELECT 1 FROM clients WHERE " SR_KEY_IS_WRAPPED ")",
			     &some) == SR_OK)
		*wrapped = some != 0;
	sr_conn_close(conn);
	return true;
}

static bool is_left_out(const char *path, char *const *but, size_t count)
{
	sr_text folder = sr_path_folder(sr_text_of(path));

	for (size_t i = 0; i < count; i++)
		if (strlen(but[i]) == folder.length &&
		    memcmp(but[i], folder.data, folder.length) == 0)
			return true;
	return false;
}

sr_status sr_known_backups_each(sr_catalog *catalog, char *const *but, size_t count,
				sr_known_backup_fn fn, void *arg)
{
	sr_paths files = {0};
	sr_status rc = gather(catalog, &files);

	for (size_t i = 0; i < files.count && rc == SR_OK; i++) {
		const char *path = files.list[i];
		struct stat st;
		bool wrapped;

		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
		    sr_is_database(&catalog->settings, &st) || is_left_out(path, but, count) ||
		    !look(path, &wrapped))
			continue;
		const sr_known_backup known = {
			.path = path,
			.bytes = (int64_t)st.st_size,
			.written = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000,
			.wrapped = wrapped,
		};
		fn(arg, &known);
	}
	sr_paths_free(&files);
	return rc;
}

static void count_needing(void *arg, const sr_known_backup *known)
{
	sr_needing *needing = arg;

	if (!known->wrapped)
		return;
	if (needing->count++ == 0)
		snprintf(needing->first, sizeof(needing->first), "%s", known->path);
}

sr_status sr_known_backups_needing(sr_catalog *catalog, char *const *but, size_t count,
				   sr_needing *needing)
{
	*needing = (sr_needing){0};
	return sr_known_backups_each(catalog, but, count, count_needing, needing);
}

sr_status sr_keys_backups(sr_catalog *catalog, const char *const *but, size_t count,
			  sr_known_backup_fn fn, void *arg)
{
	char **folders;
	sr_status rc;

	sr_catalog_keep(catalog);
	if ((rc = sr_folders_resolve(but, count, &folders)) == SR_OK)
		rc = sr_known_backups_each(catalog, folders, count, fn, arg);
	sr_folders_free(folders, count);
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}
