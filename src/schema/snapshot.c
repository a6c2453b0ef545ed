/*
 * The copy that a rehearsal runs on: NAME.rehearsal.PID.ID beside the database or in a folder of
 * the caller's, or NAME_rehearsal_YYYYmmdd_HHMMSS.db when it is to be kept.
 *
 * A process that is killed leaves the first kind behind, and the next one sees by the number in its
 * name that nobody holds it, as with parts. The second kind is never removed.
 */
#include "rehearsal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/path.h"
#include "copy.h"

static const char *const sides[] = {"", "-wal", "-shm", "-journal"};

static void add_folder(const char *database, const char *folder, sr_buffer *path)
{
	if (folder)
		sr_buffer_add_string(path, folder);
	else
		sr_buffer_add_text(path, sr_path_folder(sr_text_of(database)));
}

static sr_status snapshot_name(const char *database, const char *folder, bool keep, char path[4096])
{
	const char *base = sr_path_name(sr_text_of(database)).data;
	sr_buffer name = SR_BUFFER_EMPTY;
	char text[SR_ID_TEXT_SIZE];
	time_t now = time(NULL);
	struct tm parts;
	sr_status rc;
	sr_id id;

	add_folder(database, folder, &name);
	if (keep) {
		gmtime_r(&now, &parts);
		strftime(text, sizeof(text), "%Y%m%d_%H%M%S", &parts);
		sr_buffer_printf(&name, "/%s_rehearsal_%s.db", base, text);
	} else {
		sr_id_new(&id);
		sr_id_format(&id, text);
		sr_buffer_printf(&name, "/%s.rehearsal.%ld.%s", base, (long)getpid(), text);
	}
	if ((rc = sr_buffer_status(&name)) == SR_OK && name.length >= 4096 - 16)
		rc = sr_fail(SR_INVALID, "the path %s is too long for a copy", name.data);
	if (rc == SR_OK)
		memcpy(path, name.data, name.length + 1);
	sr_buffer_free(&name);
	return rc;
}

bool sr_rehearsal_named(const char *base, const char *name, long *process)
{
	static const char mark[] = ".rehearsal.";
	size_t length = strlen(base);
	char *end;

	if (strncmp(name, base, length) != 0 || strncmp(name + length, mark, sizeof(mark) - 1) != 0)
		return false;
	*process = strtol(name + length + sizeof(mark) - 1, &end, 10);
	if (*process <= 0 || *end != '.' || strspn(end + 1, "0123456789abcdef") != 32)
		return false;
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		if (strcmp(end + 33, sides[i]) == 0)
			return true;
	return false;
}

/* Whether nobody works on it any more. */
static bool is_stale(int folder, const char *base, const char *name)
{
	long process;

	return sr_rehearsal_named(base, name, &process) && !sr_part_lives(folder, process);
}

static void stale_remove(const char *database, const char *folder)
{
	const char *base = sr_path_name(sr_text_of(database)).data;
	sr_buffer path = SR_BUFFER_EMPTY;
	struct dirent *entry;
	DIR *dir = NULL;

	add_folder(database, folder, &path);
	if (sr_buffer_status(&path) == SR_OK)
		dir = opendir(path.data);
	/* A folder that cannot be listed keeps them, and everything else works. */
	while (dir && (entry = readdir(dir)))
		if (is_stale(dirfd(dir), base, entry->d_name) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			sr_log("migrate", SR_LOG_INFO, "removed %s, which a killed rehearsal left",
			       entry->d_name);
	if (dir)
		closedir(dir);
	sr_buffer_free(&path);
}

sr_status sr_snapshot_make(sr_conn *live, const char *folder, bool keep, char path[4096], int *hold,
			   sr_progress_fn progress, void *arg)
{
	const char *database = sr_conn_path(live);
	int64_t pages, size;
	sr_status rc;

	stale_remove(database, folder);
	if ((rc = snapshot_name(database, folder, keep, path)) != SR_OK ||
	    (rc = sr_part_hold(path, hold)) != SR_OK ||
	    (rc = sr_query_integer(live, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(live, "PRAGMA page_size", &size)) != SR_OK)
		goto err0;
	/* The copy, its log, and what it grows by. */
	if ((rc = sr_space_check(path, 3 * pages * size + (1 << 20), "the rehearsal")) != SR_OK ||
	    (rc = sr_conn_backup(live, path, progress, arg)) != SR_OK)
		goto err0;
	return SR_OK;

err0:
	path[0] = '\0';
	if (rc == SR_NO_SPACE || rc == SR_PERMISSION || rc == SR_READ_ONLY)
		sr_fail_also(rc, "; another folder can be given for the copy (--dir)");
	return rc;
}

void sr_snapshot_remove(const char *path)
{
	sr_database_remove(path);
}

int64_t sr_snapshot_bytes(const char *path)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		char side[4096 + 16];
		struct stat st;

		snprintf(side, sizeof(side), "%s%s", path, sides[i]);
		if (stat(side, &st) == 0)
			bytes += st.st_size;
	}
	return bytes;
}
