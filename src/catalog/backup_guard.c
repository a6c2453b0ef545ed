/*
 * Backups, restoring and the forgetting of master keys keep out of each other's way, also in other
 * processes: a backup's snapshot from before keys were rewrapped would be of no use without the old
 * master keys.
 *
 * Backups share a lock of the database's folder, since the database itself must not be opened here:
 * closing it would drop the locks of SQLite. Nothing is left of it when a process ends.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/path.h"
#include "backup.h"

static sr_status open_folder(const char *database, int *fd)
{
	sr_text folder = sr_path_folder(sr_text_of(database));
	char *path = folder.length > 0 ? strndup(folder.data, folder.length) : strdup(".");
	sr_status rc = SR_OK;

	if (path == NULL)
		return sr_fail_memory();
	if ((*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		rc = sr_fail_errno(errno, "the folder of the database %s cannot be locked",
				   sr_quoted(sr_text_of(database)));
	free(path);
	return rc;
}

sr_status sr_backup_guard(const char *database, bool alone, double patience, int *guard)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	const int64_t until = sr_clock_ns() + (int64_t)(patience * 1e9);
	sr_status rc;

	if ((rc = open_folder(database, guard)) != SR_OK)
		return rc;
	while (flock(*guard, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			rc = sr_fail_errno(errno, "the folder of the database %s cannot be locked",
					   sr_quoted(sr_text_of(database)));
		else if (sr_clock_ns() >= until)
			rc = sr_fail(
				SR_BUSY,
				alone ? "a backup of %s, or of a database beside it, is being "
					"made or restored, and would need the old master keys: "
					"wait for its "
					"end"
				      : "the keys in %s, or in a database beside it, are being "
					"rewrapped: back it up, or restore it, after that",
				sr_quoted(sr_text_of(database)));
		if (rc != SR_OK) {
			close(*guard);
			*guard = -1;
			return rc;
		}
		nanosleep(&pause, NULL);
	}
	return SR_OK;
}

sr_status sr_backup_guard_if(const char *database, double patience, int *guard)
{
	sr_status rc = sr_backup_guard(database, false, patience, guard);

	if (rc == SR_OK || rc == SR_BUSY || rc == SR_NO_MEMORY)
		return rc;
	sr_log("catalog", SR_LOG_WARNING,
	       "meanwhile master keys that the backup needs may be forgotten: %s",
	       sr_error_message());
	return SR_OK;
}

void sr_backup_unguard(int *guard)
{
	if (*guard < 0)
		return;
	/* So that a process that was forked meanwhile does not go on having it. */
	(void)flock(*guard, LOCK_UN);
	close(*guard);
	*guard = -1;
}
