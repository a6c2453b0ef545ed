/*
 * The folders that a key is destroyed in: those of backups, and for leftovers alone the database's.
 * A part that is left there, or the copy of a rehearsal, may have the key in it. It goes where its
 * name tells that it is this database's; where a part's does not, and it could be a backup that has
 * not become whole, nobody but its owner may say so.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/path.h"
#include "known_backups.h"
#include "place.h"
#include "shred.h"

typedef struct looking {
	sr_shredding *s;
	const char *folder;
	const char *base; /* What the database is called, */
	bool home;        /* and whether this is its folder. */
	int fd;
	sr_shred_file_fn fn; /* NULL: leftovers alone are looked at. */
} looking;

/* ---- Passed over ---- */

sr_status sr_shred_pass_over(sr_shredding *s, const char *path)
{
	sr_status rc;

	if (s->options->passed_over == NULL || sr_paths_have(&s->passed, path))
		return SR_OK;
	if ((rc = sr_paths_add(&s->passed, path)) == SR_OK)
		s->options->passed_over(s->options->passed_over_arg, path);
	return rc;
}

/* Beside the database lies whatever is somebody's. */
static sr_status pass_over(const looking *l, const char *path)
{
	return l->fn != NULL ? sr_shred_pass_over(l->s, path) : SR_OK;
}

/* ---- Leftovers ---- */

static bool is_ours(const looking *l, const char *whole)
{
	size_t length = strlen(l->base);

	if (sr_backup_named(l->base, whole, NULL))
		return true;
	return l->home && strncmp(whole, l->base, length) == 0 &&
	       (whole[length] == '\0' || strcmp(whole + length, ".optimize") == 0);
}

/* Whether it is called like a backup of another database. */
static bool is_of_another(const char *whole)
{
	const char *end = strstr(whole, "_backup_");
	char base[NAME_MAX + 1];

	for (; end != NULL; end = strstr(end + 1, "_backup_")) {
		snprintf(base, sizeof(base), "%.*s", (int)(end - whole), whole);
		if (sr_backup_named(base, whole, NULL))
			return true;
	}
	return false;
}

static sr_status remove_left(const looking *l, const char *what, const char *name, const char *path)
{
	if (unlinkat(l->fd, name, 0) == 0) {
		sr_log("catalog", SR_LOG_INFO, "removed %s %s", what, name);
		return SR_OK;
	}
	if (errno == ENOENT)
		return SR_OK;
	return sr_fail_errno(errno, "%s %s, which may have the key in it, cannot be removed", what,
			     sr_quoted(sr_text_of(path)));
}

static sr_status check_left(const looking *l, const char *path, long process)
{
	if (!sr_part_lives(l->fd, process))
		return SR_OK;
	return sr_fail(SR_BUSY, "%s is being written by process %ld: wait for its end",
		       sr_quoted(sr_text_of(path)), process);
}

static sr_status look_at_part(const looking *l, const char *name, const char *path,
			      const char *whole, long process)
{
	bool ours = is_ours(l, whole), may_be;
	sr_status rc;

	if (!ours && is_of_another(whole))
		return pass_over(l, path);
	if (!ours && (rc = sr_may_be_backup(path, &may_be)) != SR_OK)
		return rc;
	if (!ours && !may_be)
		return pass_over(l, path);
	if ((rc = check_left(l, path, process)) != SR_OK)
		return rc;
	if (ours)
		return remove_left(l, "the unfinished backup", name, path);
	return sr_fail(
		SR_REFUSED,
		"%s looks like an unfinished backup, which may have the key in it, but it is "
		"not known whose: remove it, or move it elsewhere",
		sr_quoted(sr_text_of(path)));
}

static sr_status look_at_rehearsal(const looking *l, const char *name, const char *path,
				   long process)
{
	sr_status rc = check_left(l, path, process);

	return rc == SR_OK ? remove_left(l, "the copy of a rehearsal", name, path) : rc;
}

/* ---- All files ---- */

/* The database is none, nor is the list of its backups, nor the ring, which is held. */
static bool is_no_backup(const looking *l, const char *path, const struct stat *st)
{
	const sr_settings *settings = &l->s->catalog->settings;
	struct stat ring;

	return sr_is_database(settings, st) || sr_rotation_is_list(settings->path, path) ||
	       (stat(settings->master_key_file, &ring) == 0 && ring.st_dev == st->st_dev &&
		ring.st_ino == st->st_ino);
}

/* Nothing does, nor does the index of a database's log: numbers of pages alone are in it. */
static sr_status holds_no_key(const char *path, const struct stat *st, bool *is)
{
	const size_t length = strlen(path), end = strlen("-shm");
	char whole[4096];
	struct stat other;

	*is = st->st_size == 0;
	if (*is || length <= end || strcmp(path + length - end, "-shm") != 0)
		return SR_OK;
	snprintf(whole, sizeof(whole), "%.*s", (int)(length - end), path);
	if (lstat(whole, &other) != 0 || !S_ISREG(other.st_mode))
		return SR_OK;
	return sr_begins_as_database(whole, is);
}

static sr_status look(const looking *l, const char *name)
{
	char path[4096], whole[NAME_MAX + 1];
	struct stat st;
	long process;
	bool no_key;
	sr_status rc = SR_OK;
	int n = snprintf(path, sizeof(path), "%s/%s", l->folder, name);

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return SR_OK;
	if (n < 0 || (size_t)n >= sizeof(path))
		return sr_fail(SR_INVALID, "the path of %s in %s is too long",
			       sr_quoted(sr_text_of(name)), l->folder);
	if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? SR_OK
				       : sr_fail_errno(errno, "%s cannot be looked at",
						       sr_quoted(sr_text_of(path)));
	if (!S_ISREG(st.st_mode))
		return pass_over(l, path);
	if (is_no_backup(l, path, &st))
		return SR_OK;
	if (sr_part_named(name, whole, &process))
		return look_at_part(l, name, path, whole, process);
	if (sr_rehearsal_named(l->base, name, &process))
		return look_at_rehearsal(l, name, path, process);
	if (l->fn == NULL || (rc = holds_no_key(path, &st, &no_key)) != SR_OK || no_key)
		return rc;
	return l->fn(l->s, path);
}

/* Names first: files come and go while they are worked on. */
static sr_status each_file(looking *l)
{
	struct dirent **names;
	int count = scandir(l->folder, &names, NULL, alphasort);
	sr_status rc = SR_OK;

	if (count < 0)
		return sr_fail_errno(errno, "the folder %s of backups cannot be listed",
				     sr_quoted(sr_text_of(l->folder)));
	if ((l->fd = open(l->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		rc = sr_fail_errno(errno, "the folder %s of backups cannot be opened",
				   sr_quoted(sr_text_of(l->folder)));
	for (int i = 0; i < count; i++) {
		if (rc == SR_OK)
			rc = look(l, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (l->fd >= 0)
		close(l->fd);
	return rc;
}

sr_status sr_shred_each(sr_shredding *s, char *const *folders, sr_shred_file_fn fn)
{
	char *database = realpath(s->catalog->settings.path, NULL);
	looking l = {.s = s};
	char home[PATH_MAX];
	sr_text folder;
	sr_status rc;

	if (database == NULL)
		return sr_fail_errno(errno, "the database %s cannot be reached",
				     sr_quoted(sr_text_of(s->catalog->settings.path)));
	folder = sr_path_folder(sr_text_of(database));
	snprintf(home, sizeof(home), "%.*s", SR_TEXT_ARGS(folder));
	l.base = sr_path_name(sr_text_of(database)).data;
	l.folder = home;
	l.home = true;
	rc = each_file(&l);
	l.fn = fn;
	for (size_t i = 0; i < s->options->folder_count && rc == SR_OK; i++) {
		l.folder = folders[i];
		l.home = strcmp(home, folders[i]) == 0;
		rc = each_file(&l);
	}
	free(database);
	return rc;
}
