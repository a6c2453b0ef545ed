/* Check-ups of the files: the database's size, its log and who holds that, unfinished copies. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "../base/path.h"
#include "../schema/copy.h"
#include "health.h"

#define MB         1048576.0
#define FREE_SHARE 0.25                /* Of the database, and */
#define FREE_BYTES ((int64_t)16 << 20) /* as much: worth an `optimize`. */
#define PROCESSES  3                   /* Named in a finding. */
#define ROOM_BYTES ((int64_t)16 << 20) /* The log of a few batches, or a backup's beginning; */
#define ROOM_SHARE 0.01                /* less on a file system that is small itself. */
#define ROOM_FILES 8                   /* The log, its index, parts of what is made. */

/* ---- Size ---- */

/* The name of the setting that it is above, or NULL: below both. The message is owned. */
static sr_status judge_size(const sr_settings *settings, sr_size_limits *size, const char **above)
{
	const char *name = NULL;
	char words[160];

	size->size_mb = (double)size->size_bytes / MB;
	size->threshold_warning_mb = settings->size_warning_mb;
	size->threshold_critical_mb = settings->size_critical_mb;
	size->status = "ok";
	if (size->size_mb >= settings->size_critical_mb)
		size->status = "critical", name = "SIZE_CRITICAL_MB";
	else if (size->size_mb >= settings->size_warning_mb)
		size->status = "warning", name = "SIZE_WARNING_MB";
	snprintf(words, sizeof(words), "the database has %.1f MB, %s %g MB%s%s", size->size_mb,
		 name ? "the limit is" : "below the limit of",
		 size->status[0] == 'c' ? settings->size_critical_mb : settings->size_warning_mb,
		 name ? " by " : "", name ? name : "");
	*above = name;
	return (size->message = strdup(words)) != NULL ? SR_OK : sr_fail_memory();
}

/* As the connection's snapshot has it. */
static sr_status measure_size(sr_conn *conn, int64_t *page_size, int64_t *bytes)
{
	int64_t pages;
	sr_status rc;

	if ((rc = sr_query_integer(conn, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(conn, "PRAGMA page_size", page_size)) != SR_OK)
		return rc;
	*bytes = pages * *page_size;
	return SR_OK;
}

sr_status sr_check_size(sr_checkup *c)
{
	sr_health *health = c->health;
	int64_t page_size, free_pages;
	const char *above;
	sr_status rc;

	if ((rc = measure_size(c->conn, &page_size, &health->size.size_bytes)) != SR_OK ||
	    (rc = sr_query_integer(c->conn, "PRAGMA freelist_count", &free_pages)) != SR_OK ||
	    (rc = judge_size(&c->catalog->settings, &health->size, &above)) != SR_OK)
		return rc;
	health->free_bytes = free_pages * page_size;
	if (above != NULL)
		sr_finding_add(c, SR_SEVERITY_WARNING,
			       health->size.status[0] == 'c' ? "size_critical" : "size_warning",
			       sr_text_of(NULL), 1,
			       "strongroom prune and optimize make it smaller; or raise the limit",
			       "%s", health->size.message);
	if (health->free_bytes >= FREE_BYTES &&
	    (double)health->free_bytes >= FREE_SHARE * (double)health->size.size_bytes)
		sr_finding_add(c, SR_SEVERITY_NOTE, "free_pages", sr_text_of(NULL), free_pages,
			       "strongroom optimize",
			       "%.1f MB of the database's %.1f hold nothing: they are used again "
			       "by what is saved next, or given back",
			       (double)health->free_bytes / MB, health->size.size_mb);
	return SR_OK;
}

sr_status sr_size_limits_get(sr_catalog *catalog, sr_size_limits **limits)
{
	sr_reading reading = {0};
	sr_size_limits *fresh;
	int64_t page_size;
	const char *above;
	sr_status rc;

	*limits = NULL;
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = sr_reading_begin(catalog, "sr_size_limits_get", &reading)) == SR_OK)
		rc = measure_size(reading.conn, &page_size, &fresh->size_bytes);
	sr_reading_end(&reading);
	if (rc == SR_OK)
		rc = judge_size(&catalog->settings, fresh, &above);
	if (rc == SR_OK)
		*limits = fresh;
	else
		sr_size_limits_free(fresh);
	return sr_return(rc);
}

void sr_size_limits_free(sr_size_limits *limits)
{
	if (limits == NULL)
		return;
	free((char *)(uintptr_t)limits->message);
	free(limits);
}

/* ---- Room for more ---- */

static void judge_room(sr_checkup *c, const struct statvfs *fs)
{
	const char *path = c->catalog->settings.path;
	double left = (double)fs->f_bavail * (double)fs->f_frsize;

	if (left < (double)ROOM_BYTES &&
	    left <= ROOM_SHARE * (double)fs->f_blocks * (double)fs->f_frsize)
		sr_finding_add(c, SR_SEVERITY_WARNING, "disk_full", sr_text_of(path), 1,
			       "free some space on it",
			       "the file system of the database has %.1f MB left: what is saved "
			       "next may not fit",
			       left / MB);
	/* Where they are made as they are needed, none are counted. */
	if (fs->f_files > 0 && fs->f_favail < ROOM_FILES)
		sr_finding_add(c, SR_SEVERITY_WARNING, "inodes_used_up", sr_text_of(path), 1,
			       "remove some files from it",
			       "the file system of the database has inodes for %lld more files: a "
			       "log beside it may not be made",
			       (long long)fs->f_favail);
}

/* A medium that only reads is full by its nature. */
sr_status sr_check_room(sr_checkup *c)
{
	struct statvfs fs;

	if (statvfs(c->catalog->settings.path, &fs) != 0)
		sr_unseen_add(c, "the room left for the database: %s", strerror(errno));
	else if ((fs.f_flag & ST_RDONLY) == 0)
		judge_room(c, &fs);
	return SR_OK;
}

/* ---- The log ---- */

static sr_status measure_log(sr_checkup *c)
{
	sr_buffer path = SR_BUFFER_EMPTY;
	struct stat st;
	sr_status rc;

	sr_buffer_printf(&path, "%s-wal", c->catalog->settings.path);
	if ((rc = sr_buffer_status(&path)) == SR_OK && stat(path.data, &st) == 0)
		c->health->log_bytes = st.st_size;
	sr_buffer_free(&path);
	return rc;
}

/* "process 12, 13 and 2 more" */
static void name_processes(const long *processes, int count, sr_buffer *words)
{
	for (int i = 0; i < count && i < PROCESSES; i++)
		sr_buffer_printf(words, "%s%ld", i > 0 ? ", " : "process ", processes[i]);
	if (count > PROCESSES)
		sr_buffer_printf(words, " and %d more", count - PROCESSES);
}

sr_status sr_check_log(sr_checkup *c)
{
	sr_health *health = c->health;
	sr_buffer holders = SR_BUFFER_EMPTY;
	long processes[PROCESSES];
	char site[128];
	sr_status rc;
	int others;

	if ((rc = measure_log(c)) != SR_OK)
		return rc;
	others = sr_conn_readers(c->conn, processes, PROCESSES);
	health->other_readers = others;
	health->oldest_reader = sr_pool_oldest_reader(c->catalog->pool, site, sizeof(site));
	if (others > 0)
		name_processes(processes, others, &holders);
	if (health->oldest_reader > 0)
		sr_buffer_printf(&holders, "%s%s of this process for %.0f s",
				 holders.length > 0 ? " and " : "", site, health->oldest_reader);
	if ((rc = sr_buffer_status(&holders)) == SR_OK && health->log_bytes >= c->limits->log_bytes)
		sr_finding_add(
			c, SR_SEVERITY_WARNING, "log_large", sr_text_of(NULL), 1,
			holders.length > 0
				? "let what reads end; the next write then begins the log anew"
				: "the next write brings it in and begins it anew",
			"the log has %.1f MB; reading now: %s", (double)health->log_bytes / MB,
			holders.length > 0 ? holders.data : "nobody");
	else if (rc == SR_OK && health->oldest_reader > c->limits->reader_seconds)
		sr_finding_add(c, SR_SEVERITY_NOTE, "reader_old", sr_text_of(site), 1,
			       "close the cursor or the lease",
			       "%s: what it reads holds the log back", holders.data);
	sr_buffer_free(&holders);
	return rc;
}

/* ---- Unfinished copies ---- */

/* The process that digits up to `end` name behind a dot, or 0. */
static long process_before(const char *name, const char *end)
{
	const char *digits = end;
	long process;

	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	process = strtol(digits, NULL, 10);
	return digits > name && digits[-1] == '.' && process <= INT32_MAX ? process : 0;
}

/* Whether it is a copy that was begun: NAME….PID.part of a backup, NAME.rehearsal.PID.ID of a
 * migration's rehearsal; *process is 0 where none is named. */
static bool is_begun(const char *name, const char *rest, long *process)
{
	static const char rehearsal[] = ".rehearsal.";
	const char *part = name + strlen(name) - strlen(".part");

	if (strncmp(rest, rehearsal, sizeof(rehearsal) - 1) == 0) {
		rest += sizeof(rehearsal) - 1;
		*process = process_before(name, rest + strspn(rest, "0123456789"));
		return true;
	}
	if (part < rest || strcmp(part, ".part") != 0)
		return false;
	*process = process_before(name, part);
	return true;
}

/* Whether nobody is at work on it any more. */
static bool is_left(const sr_checkup *c, int folder, long process, const struct stat *st)
{
	if (process > 0)
		return !sr_part_lives(folder, process);
	return (double)(time(NULL) - st->st_mtime) > c->limits->part_seconds;
}

static void look_at_name(sr_checkup *c, DIR *dir, const char *base, const char *name,
			 sr_tally *left)
{
	size_t length = strlen(base);
	struct stat st;
	long process;

	if (strncmp(name, base, length) != 0 || !is_begun(name, name + length, &process))
		return;
	if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			sr_unseen_add(c, "unfinished copies: %s cannot be looked at",
				      sr_quoted(sr_text_of(name)));
	} else if (S_ISREG(st.st_mode) && is_left(c, dirfd(dir), process, &st)) {
		sr_tally_add(left, "%s", sr_quoted(sr_text_of(name)));
	}
}

/* Whether they could be listed to the end. */
static bool look_at_names(sr_checkup *c, DIR *dir, const char *base, sr_tally *left)
{
	struct dirent *entry;

	while (!sr_checkup_stop(c)) {
		errno = 0;
		if ((entry = readdir(dir)) == NULL)
			return errno == 0;
		look_at_name(c, dir, base, entry->d_name, left);
	}
	return true;
}

/* The database's own: files in its folder whose names begin with its name. */
sr_status sr_check_parts(sr_checkup *c)
{
	const sr_text path = sr_text_of(c->catalog->settings.path);
	const char *base = sr_path_name(path).data;
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_tally left = SR_TALLY_EMPTY;
	sr_status rc;
	DIR *dir;

	sr_buffer_add_text(&folder, sr_path_folder(path));
	if ((rc = sr_buffer_status(&folder)) != SR_OK)
		return rc;
	/* A folder that cannot be listed has its reasons. */
	dir = opendir(folder.data);
	if (dir == NULL || !look_at_names(c, dir, base, &left))
		sr_unseen_add(c, "unfinished copies: %s cannot be listed",
			      sr_quoted(sr_buffer_text(&folder)));
	if (dir)
		closedir(dir);
	if (left.count > 0)
		sr_finding_add(c, SR_SEVERITY_WARNING, "part_left", sr_buffer_text(&folder),
			       left.count, "remove them: they are no backups",
			       "unfinished copies of the database were left in %s: %s",
			       sr_quoted(sr_buffer_text(&folder)), sr_tally_names(c, &left));
	sr_tally_free(&left);
	sr_buffer_free(&folder);
	return SR_OK;
}
