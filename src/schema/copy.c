#include "copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/instant.h"
#include "../base/path.h"
#include "../base/private.h"
#include "schema.h"

/* ---- Watching ---- */

bool sr_watch_progress(void *arg, int64_t done, int64_t total)
{
	sr_watch *watch = arg;

	watch->done = done;
	watch->total = total;
	if (watch->steps)
		return watch->steps(watch->arg, watch->step, done, total);
	return watch->progress && watch->progress(watch->arg, done, total);
}

bool sr_watch_cancels(void *arg)
{
	sr_watch *watch = arg;

	return sr_watch_progress(watch, watch->done, watch->total);
}

sr_status sr_watch_step(sr_watch *watch, const char *step)
{
	if (watch == NULL)
		return SR_OK;
	watch->step = step;
	return sr_watch_progress(watch, 0, 0) ? sr_fail(SR_INTERRUPTED, "cancelled") : SR_OK;
}

/* ---- Space and folders ---- */

/* The folder of path; "." for none. */
static sr_status folder_of(const char *path, sr_buffer *folder)
{
	sr_buffer_add_text(folder, sr_path_folder(sr_text_of(path)));
	if (folder->length == 0)
		sr_buffer_add_string(folder, ".");
	return sr_buffer_status(folder);
}

sr_status sr_space_free(const char *path, int64_t *bytes)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct statvfs fs;
	sr_status rc;

	if ((rc = folder_of(path, &folder)) != SR_OK)
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

sr_status sr_folder_sync(const char *path)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;
	int fd;

	if ((rc = folder_of(path, &folder)) == SR_OK) {
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

/* ---- Names ---- */

static void stamp_now(char stamp[32])
{
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(stamp, 32, "%Y%m%d_%H%M%S", &parts);
}

static sr_status look_for_none(const char *path, bool *none)
{
	struct stat st;

	*none = lstat(path, &st) != 0;
	if (*none && errno != ENOENT)
		return sr_fail_errno(errno, "%s cannot be looked at", path);
	return SR_OK;
}

/* Whether nothing has the name, and no other thread of this process is about to give it. */
static sr_status name_look(const char *path, bool *is_free)
{
	char part[4096];
	sr_status rc;

	if ((rc = look_for_none(path, is_free)) != SR_OK || !*is_free ||
	    (rc = sr_part_name(path, part)) != SR_OK)
		return rc;
	return look_for_none(part, is_free);
}

/* NAME_kind_YYYYmmdd_HHMMSS.db and more; "_2" and on where the second is taken. */
static sr_status stamped_name(const char *database, const char *folder, const char *kind,
			      const char *more, char path[4096])
{
	const char *start = folder ? sr_path_name(sr_text_of(database)).data : database;
	char stamp[32];

	stamp_now(stamp);
	for (int i = 1; i < 1000; i++) {
		char again[8] = "";
		bool is_free;
		sr_status rc;
		int n;

		if (i > 1)
			snprintf(again, sizeof(again), "_%d", i);
		n = snprintf(path, 4096, "%s%s%s_%s_%s%s.db%s", folder ? folder : "",
			     folder ? "/" : "", start, kind, stamp, again, more);
		if (n < 0 || n >= 4096 - 32)
			return sr_fail(SR_INVALID, "the path %s is too long for a copy beside it",
				       database);
		if ((rc = name_look(path, &is_free)) != SR_OK || is_free)
			return rc;
	}
	return sr_fail(SR_EXISTS, "%s: too many copies of this second", path);
}

sr_status sr_backup_name(const char *database, const char *folder, const char *more,
			 char path[4096])
{
	return stamped_name(database, folder, "backup", more, path);
}

sr_status sr_damaged_name(const char *database, char path[4096])
{
	return stamped_name(database, NULL, "damaged", "", path);
}

static bool is_extension(const char *text)
{
	static const char *const known[] = {"", ".zst", ".sealed", ".zst.sealed"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(text, known[i]) == 0)
			return true;
	return false;
}

/* The digits of a stamp as an instant. */
static bool stamp_read(const char *digits, int64_t *instant)
{
	char text[32];
	int64_t when;

	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", digits, digits + 4,
		 digits + 6, digits + 8, digits + 10, digits + 12);
	if (!sr_instant_read(text, &when, NULL))
		return false;
	if (instant)
		*instant = when;
	return true;
}

static bool is_stamped(const char *base, const char *kind, const char *name, int64_t *instant)
{
	size_t length = strlen(base), more = strlen(kind);
	char digits[16] = "";
	int count = 0;

	if (strncmp(name, base, length) != 0 || strncmp(name + length, kind, more) != 0)
		return false;
	name += length + more;
	for (; *name == '_' || (*name >= '0' && *name <= '9'); name++)
		if (*name != '_' && count < 14)
			digits[count++] = *name;
	return count == 14 && strncmp(name, ".db", 3) == 0 && is_extension(name + 3) &&
	       stamp_read(digits, instant);
}

bool sr_backup_named(const char *base, const char *name, int64_t *instant)
{
	return is_stamped(base, "_backup_", name, instant);
}

bool sr_copy_named(const char *base, const char *name)
{
	return sr_backup_named(base, name, NULL) || is_stamped(base, "_damaged_", name, NULL) ||
	       is_stamped(base, "_rehearsal_", name, NULL);
}

/* ---- Verifying ---- */

/* The tables, and the ledgers among them. */
static sr_status tables_of(sr_conn *conn, sr_names *tables)
{
	static const char *const ledgers[] = {"database_migrations", "own_migrations"};
	sr_status rc = sr_tables(conn, tables);

	for (size_t i = 0; i < 2 && rc == SR_OK; i++) {
		char type[16];

		if ((rc = sr_object_type(conn, ledgers[i], type)) == SR_OK &&
		    strcmp(type, "table") == 0)
			rc = sr_names_add(tables, ledgers[i]);
	}
	return rc;
}

static sr_status table_rows(sr_conn *conn, const char *table, int64_t *rows)
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

/* With a digest, or by the number of rows alone. */
static sr_status table_measure(sr_conn *conn, const char *table, bool digests, int64_t *rows,
			       uint64_t sum[2])
{
	sum[0] = sum[1] = 0;
	return digests ? sr_table_digest(conn, table, rows, sum) : table_rows(conn, table, rows);
}

static sr_status table_compare(sr_conn *conn, sr_conn *copy, const char *table, bool digests,
			       sr_copied *copied)
{
	uint64_t here_sum[2], there_sum[2];
	int64_t here, there;
	sr_status rc;

	if ((rc = table_measure(conn, table, digests, &here, here_sum)) != SR_OK ||
	    (rc = table_measure(copy, table, digests, &there, there_sum)) != SR_OK)
		return rc;
	copied->tables++;
	copied->rows += there;
	if (here != there)
		return sr_fail(SR_CORRUPT, "%s has %lld %s of %s instead of %lld",
			       sr_conn_path(copy), (long long)there,
			       sr_plural(there, "row", "rows"), table, (long long)here);
	if (memcmp(here_sum, there_sum, sizeof(here_sum)) != 0)
		return sr_fail(SR_CORRUPT, "%s has rows of %s that are not as in %s",
			       sr_conn_path(copy), table, sr_conn_path(conn));
	return SR_OK;
}

static sr_status compare(sr_conn *conn, sr_conn *copy, bool digests, sr_watch *watch,
			 sr_copied *copied)
{
	sr_names tables = {NULL, 0};
	sr_status rc;

	if ((rc = sr_watch_step(watch, "comparing")) == SR_OK)
		rc = tables_of(conn, &tables);
	for (size_t i = 0; i < tables.count && rc == SR_OK; i++)
		rc = table_compare(conn, copy, tables.names[i], digests, copied);
	sr_names_free(&tables);
	return rc;
}

#define PIECE (1 << 20)

/* Reads it from the disk, all in order. The checks go to and fro in it, and find it in the cache
 * then; from the disk they would take ten times as long. Nobody else has it open. */
static sr_status read_back(const char *path, sr_watch *watch)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *piece = malloc(PIECE);
	sr_status rc = SR_OK;
	ssize_t n = 1;

	if (fd < 0 || piece == NULL) {
		rc = fd < 0 ? sr_fail_errno(errno, "%s cannot be read", path) : sr_fail_memory();
		goto err0;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (rc == SR_OK && n > 0) {
		if ((n = read(fd, piece, PIECE)) < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			rc = sr_fail_errno(errno, "%s cannot be read back", path);
		if (rc == SR_OK && watch && sr_watch_cancels(watch))
			rc = sr_fail(SR_INTERRUPTED, "cancelled");
	}
err0:
	free(piece);
	if (fd >= 0)
		close(fd);
	return rc;
}

sr_status sr_copy_verify(sr_conn *conn, const char *path, bool digests, sr_watch *watch,
			 sr_copied *copied)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT,
		.busy_timeout = 5,
		.cache_pages = 500,
		.sweeping = true,
	};
	sr_copied ignored = {0};
	sr_conn *copy;
	sr_status rc;

	if ((rc = read_back(path, watch)) != SR_OK ||
	    (rc = sr_conn_open(&sr_sqlite, path, &options, &copy)) != SR_OK)
		return rc;
	if (watch) {
		sr_conn_watch(copy, sr_watch_cancels, watch);
		sr_conn_watch(conn, sr_watch_cancels, watch);
	}
	if ((rc = sr_watch_step(watch, "checking")) == SR_OK &&
	    (rc = sr_integrity(copy, false)) == SR_OK)
		rc = compare(conn, copy, digests, watch, copied ? copied : &ignored);
	if (watch)
		sr_conn_watch(conn, NULL, NULL);
	sr_conn_close(copy);
	return rc;
}

sr_status sr_copy_make(sr_conn *conn, const char *part, bool digests, sr_watch *watch,
		       sr_copied *copied)
{
	int64_t began = sr_clock_ns();
	struct stat st;
	sr_status rc;

	*copied = (sr_copied){0};
	if ((rc = sr_watch_step(watch, "copying")) != SR_OK ||
	    (rc = sr_conn_backup(conn, part, watch ? sr_watch_progress : NULL, watch)) != SR_OK)
		return rc;
	copied->seconds = (double)(sr_clock_ns() - began) / 1e9;
	if (stat(part, &st) != 0)
		rc = sr_fail_errno(errno, "%s cannot be looked at", part);
	else if ((rc = sr_copy_verify(conn, part, digests, watch, copied)) == SR_OK)
		copied->bytes = (int64_t)st.st_size;
	if (rc != SR_OK)
		sr_private_remove(part);
	return rc;
}

sr_status sr_copy_check(sr_conn *copy, bool full, sr_watch *watch, sr_copied *copied)
{
	sr_names tables = {NULL, 0};
	uint64_t sum[2];
	int64_t rows;
	sr_status rc;

	*copied = (sr_copied){0};
	if (watch)
		sr_conn_watch(copy, sr_watch_cancels, watch);
	if ((rc = sr_watch_step(watch, "checking")) == SR_OK &&
	    (rc = sr_integrity(copy, full)) == SR_OK &&
	    (rc = sr_watch_step(watch, "reading every row")) == SR_OK)
		rc = tables_of(copy, &tables);
	for (size_t i = 0; i < tables.count && rc == SR_OK; i++) {
		if ((rc = sr_table_digest(copy, tables.names[i], &rows, sum)) == SR_OK) {
			copied->tables++;
			copied->rows += rows;
		}
	}
	sr_names_free(&tables);
	sr_conn_watch(copy, NULL, NULL);
	return rc;
}
