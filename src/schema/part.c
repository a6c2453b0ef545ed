/*
 * Parts: what a file is called until it is whole, so that a process that ends before leaves nothing
 * that looks like one. Whoever comes next takes such leftovers away.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "../base/text.h"
#include "copy.h"
#include "schema.h"

/* ---- Names ---- */

sr_status sr_part_name(const char *path, char part[4096])
{
	int n = snprintf(part, 4096, "%s.%ld.part", path, (long)getpid());

	if (n < 0 || n >= 4096)
		return sr_fail(SR_INVALID, "the path %s is too long for a backup", path);
	return SR_OK;
}

/* Takes the end off, if it is there. */
static bool cut(char *name, const char *end)
{
	size_t length = strlen(name), less = strlen(end);

	if (length <= less || strcmp(name + length - less, end) != 0)
		return false;
	name[length - less] = '\0';
	return true;
}

/* Takes .PID.part off; false, with the name as it was, where that is not its end. */
static bool cut_part(char *name, long *process)
{
	char *dot, *end;

	if (!cut(name, ".part"))
		return false;
	if ((dot = strrchr(name, '.')) != NULL && dot != name && dot[1] >= '1' && dot[1] <= '9' &&
	    (*process = strtol(dot + 1, &end, 10)) > 0 && *process < INT_MAX && *end == '\0') {
		*dot = '\0';
		return true;
	}
	strcat(name, ".part");
	return false;
}

/* Parts have parts: what is unpacked is made compact in one. */
bool sr_part_named(const char *name, char whole[NAME_MAX + 1], long *process)
{
	static const char *const sides[] = {"-wal", "-shm", "-journal"};
	bool is_side = false;
	long inner;

	if (strlen(name) > NAME_MAX)
		return false;
	strcpy(whole, name);
	/* What SQLite puts beside a database that is worked on. */
	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]) && !is_side; i++)
		is_side = cut(whole, sides[i]);
	if (!cut_part(whole, process))
		return false;
	while (cut_part(whole, &inner))
		;
	return true;
}

/* ---- Held ---- */

/*
 * Numbers of processes are given again, in containers the same ones all the time, so that a number
 * alone does not tell whether a part is still being made. Its maker therefore shares a lock of the
 * folder, of the byte that has the number. It belongs to the open descriptor: the process itself
 * sees it too, and nothing is left of it when that ends.
 */
static struct flock lock_of(long process, short type)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)process, .l_len = 1};
}

sr_status sr_part_hold(const char *path, int *hold)
{
	struct flock lock = lock_of((long)getpid(), F_RDLCK);
	sr_text folder = sr_path_folder(sr_text_of(path));
	char where[4096];

	snprintf(where, sizeof(where), "%.*s", SR_TEXT_ARGS(folder));
	if ((*hold = open(where[0] ? where : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return sr_fail_errno(errno, "the folder of %s cannot be opened",
				     sr_quoted(sr_text_of(path)));
	/* Where there are no such locks, nobody asks for them: see sr_part_lives. */
	(void)fcntl(*hold, F_OFD_SETLK, &lock);
	return SR_OK;
}

void sr_part_let_go(int *hold)
{
	struct flock lock = lock_of((long)getpid(), F_UNLCK);

	if (*hold < 0)
		return;
	/* So that a process that was forked meanwhile does not go on having it. */
	(void)fcntl(*hold, F_OFD_SETLK, &lock);
	close(*hold);
	*hold = -1;
}

/* By the number alone where the system or the folder has no such locks. */
bool sr_part_lives(int folder, long process)
{
	struct flock lock = lock_of(process, F_WRLCK);

	if (fcntl(folder, F_OFD_GETLK, &lock) == 0)
		return lock.l_type != F_UNLCK;
	return kill((pid_t)process, 0) == 0 || errno != ESRCH;
}

/* ---- Left behind ---- */

/* Whether nobody makes it any more, and it is of a file that is this database's business. */
static bool is_stale(int folder, const char *base, const char *file, const char *name)
{
	char whole[NAME_MAX + 1];
	struct stat st;
	long process;

	return sr_part_named(name, whole, &process) &&
	       (sr_backup_named(base, whole, NULL) || (file && strcmp(file, whole) == 0)) &&
	       fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       !sr_part_lives(folder, process);
}

void sr_parts_remove(const char *where, const char *database, const char *name)
{
	const char *base = sr_path_name(sr_text_of(database)).data;
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct dirent *entry;
	DIR *dir = NULL;

	if (where)
		sr_buffer_add_string(&folder, where);
	else
		sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(database)));
	if (folder.length == 0)
		sr_buffer_add_string(&folder, ".");
	if (sr_buffer_status(&folder) == SR_OK)
		dir = opendir(folder.data);
	/* A folder that cannot be listed keeps them, and everything else works. */
	while (dir && (entry = readdir(dir)))
		if (is_stale(dirfd(dir), base, name, entry->d_name) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			sr_log("catalog", SR_LOG_INFO, "removed the unfinished backup %s",
			       entry->d_name);
	if (dir)
		closedir(dir);
	sr_buffer_free(&folder);
}

/* ---- Whole ---- */

/* Renames without replacing; where the file system cannot do that, by a second link, and where
 * it has none of those either, after a look. */
static int rename_new(const char *part, const char *path)
{
	struct stat st;

	if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (link(part, path) == 0)
		return unlink(part) == 0 ? 0 : errno;
	if (errno == EEXIST)
		return EEXIST;
	if (lstat(path, &st) == 0)
		return EEXIST;
	return rename(part, path) == 0 ? 0 : errno;
}

sr_status sr_part_finish(const char *part, const char *path)
{
	int error = rename_new(part, path);
	sr_status rc;

	if (error == EEXIST)
		return sr_fail(SR_EXISTS, "%s exists already; nothing is overwritten", path);
	if (error != 0)
		return sr_fail_errno(error, "%s cannot be renamed", part);
	/* It may be all that there is, so it is given its name back rather than removed. */
	if ((rc = sr_folder_sync(path)) != SR_OK && (error = rename_new(path, part)) != 0)
		sr_fail_also(rc, "; it stays as %s: %s", path, strerror(error));
	return rc;
}
