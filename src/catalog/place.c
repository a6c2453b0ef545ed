#include "place.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/checksum.h"
#include "../base/path.h"

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- Where a path leads ---- */

sr_status sr_place_resolve(const sr_settings *settings, sr_text path, sr_buffer *out)
{
	if (path.length == 0)
		return sr_fail(SR_INVALID, "the stored path is empty");
	if (memchr(path.data, '\0', path.length) != NULL)
		return sr_fail(SR_INVALID, "the stored path %s contains a NUL", sr_quoted(path));
	return sr_path_absolute(settings->base_dir, path, out);
}

static bool climbs(sr_text path)
{
	const char *part = path.data;
	const char *end = path.data + path.length;

	while (part < end) {
		const char *slash = memchr(part, '/', (size_t)(end - part));
		size_t length = (size_t)((slash ? slash : end) - part);

		if (length == 2 && memcmp(part, "..", 2) == 0)
			return true;
		part += length + 1;
	}
	return false;
}

/* The storage folder may be named through a link, and the path without it. */
static const char *below_storage(const sr_settings *settings, const char *path)
{
	const char *rest = sr_path_below(path, settings->storage_dir);
	char *real;

	if (rest != NULL)
		return rest;
	if ((real = realpath(settings->storage_dir, NULL)) == NULL)
		return NULL;
	rest = sr_path_below(path, real);
	free(real);
	return rest;
}

/* Opens the folder `name` in `in`, which is closed. */
static sr_status descend(int in, const char *name, const char *path, int *out)
{
	struct stat status;
	int error;

	*out = openat(in, name, FOLDER);
	error = errno;
	if (*out < 0 && (error == ENOTDIR || error == ELOOP) &&
	    fstatat(in, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
		error = ELOOP;
	close(in);
	if (*out >= 0)
		return SR_OK;
	if (error == ELOOP)
		return sr_fail(SR_REFUSED,
			       "stored file %s is not touched: %s on its way is a symbolic link",
			       sr_quoted(sr_text_of(path)), sr_quoted(sr_text_of(name)));
	return sr_fail_errno(error, "stored file %s: folder %s", sr_quoted(sr_text_of(path)),
			     sr_quoted(sr_text_of(name)));
}

/* Walks the folders of rest; the last part is the file's. */
static sr_status walk(const sr_settings *settings, const char *rest, sr_place *place)
{
	char *parts, *part, *slash;
	sr_status rc = SR_OK;
	int folder;

	/* The storage folder itself may be a link: that is the operator's choice. */
	folder = open(settings->storage_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return sr_fail_errno(errno, "storage folder %s",
				     sr_quoted(sr_text_of(settings->storage_dir)));
	if ((parts = strdup(rest)) == NULL) {
		close(folder);
		return sr_fail_memory();
	}
	part = parts;
	while (rc == SR_OK && (slash = strchr(part, '/')) != NULL) {
		*slash = '\0';
		rc = descend(folder, part, place->path, &folder);
		part = slash + 1;
	}
	free(parts);
	if (rc == SR_OK)
		place->folder = folder;
	return rc;
}

sr_status sr_place_open(const sr_settings *settings, sr_text path, sr_place *place)
{
	sr_buffer absolute = SR_BUFFER_EMPTY;
	char hash[65];
	const char *rest;
	sr_status rc;

	*place = (sr_place){.folder = -1};
	if ((rc = sr_place_resolve(settings, path, &absolute)) != SR_OK)
		goto err0;
	if ((place->path = sr_buffer_take(&absolute)) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	rest = climbs(path) ? NULL : below_storage(settings, place->path);
	if (rest == NULL || rest[0] == '\0') {
		rc = sr_fail(SR_REFUSED,
			     "stored file %s is not touched: it is not below the storage folder %s",
			     sr_quoted(path), sr_quoted(sr_text_of(settings->storage_dir)));
		goto err1;
	}
	place->name = strrchr(place->path, '/') + 1;
	if ((rc = sr_sha256_hex(place->name, strlen(place->name), hash)) != SR_OK)
		goto err1;
	snprintf(place->tombstone, sizeof(place->tombstone), SR_TOMBSTONE "%.32s", hash);
	if ((rc = walk(settings, rest, place)) != SR_OK)
		goto err1;
	return SR_OK;

err1:
	sr_place_close(place);
err0:
	sr_buffer_free(&absolute);
	return rc;
}

void sr_place_close(sr_place *place)
{
	if (place->folder >= 0)
		close(place->folder);
	free(place->path);
	*place = (sr_place){.folder = -1};
}

/* ---- What is there ---- */

/* In one call where the system has it, which goes through ten million records in time. */
static int look_below(int storage, const char *rest)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, storage, rest, &how, sizeof(how));

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static bool look_slowly(const sr_settings *settings, sr_text path)
{
	struct stat status;
	sr_place place;
	bool absent;
	sr_status rc = sr_place_open(settings, path, &place);

	if (rc != SR_OK)
		return rc == SR_NOT_FOUND;
	absent = fstatat(place.folder, place.name, &status, AT_SYMLINK_NOFOLLOW) != 0 &&
		 errno == ENOENT;
	sr_place_close(&place);
	return absent;
}

sr_presence sr_place_presence(const sr_settings *settings, int storage, sr_text path,
			      const char *absolute)
{
	const char *rest = below_storage(settings, absolute);
	int error;

	if (rest == NULL || rest[0] == '\0')
		return SR_ELSEWHERE;
	error = look_below(storage, rest);
	if (error == ELOOP || error == EXDEV)
		return SR_ELSEWHERE;
	if (error == ENOSYS || error == EPERM || error == EAGAIN)
		return look_slowly(settings, path) ? SR_ABSENT : SR_PRESENT;
	return error == ENOENT || error == ENOTDIR ? SR_ABSENT : SR_PRESENT;
}

bool sr_is_database(const sr_settings *settings, const struct stat *status)
{
	static const char *const companions[] = {"", "-wal", "-shm", "-journal"};
	char path[4096];
	struct stat own;

	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", settings->path, companions[i]);
		if (stat(path, &own) == 0 && own.st_dev == status->st_dev &&
		    own.st_ino == status->st_ino)
			return true;
	}
	return false;
}

static const char *kind(mode_t mode)
{
	if (S_ISLNK(mode))
		return "a symbolic link";
	if (S_ISDIR(mode))
		return "a folder";
	return "no regular file";
}

sr_status sr_place_look(sr_place *place, const sr_settings *settings, bool *present)
{
	const char *path = sr_quoted(sr_text_of(place->path));
	struct stat status;

	*present = false;
	if (fstatat(place->folder, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return SR_OK;
		return sr_fail_errno(errno, "stored file %s", path);
	}
	if (!S_ISREG(status.st_mode))
		return sr_fail(SR_REFUSED, "stored file %s is not deleted: it is %s", path,
			       kind(status.st_mode));
	if (sr_is_database(settings, &status))
		return sr_fail(SR_REFUSED, "stored file %s is not deleted: it is the database",
			       path);
	*present = true;
	return SR_OK;
}

sr_status sr_place_lock(sr_place *place, bool wait)
{
	while (flock(place->folder, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return sr_fail(SR_BUSY, "a file in the folder of %s is being deleted",
				       sr_quoted(sr_text_of(place->path)));
		return sr_fail_errno(errno, "locking the folder of %s",
				     sr_quoted(sr_text_of(place->path)));
	}
	return SR_OK;
}

/* ---- Hiding and showing ---- */

static bool exists(const sr_place *place, const char *name)
{
	struct stat status;

	return fstatat(place->folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

bool sr_place_hidden(const sr_place *place)
{
	return exists(place, place->tombstone);
}

/* Without ever replacing a file; file systems that cannot promise that are asked first. */
static int move(const sr_place *place, const char *from, const char *to)
{
	if (renameat2(place->folder, from, place->folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (exists(place, to)) {
		errno = EEXIST;
		return -1;
	}
	return renameat(place->folder, from, place->folder, to);
}

sr_status sr_place_show(sr_place *place)
{
	if (move(place, place->tombstone, place->name) == 0)
		return SR_OK;
	return sr_fail_errno(errno, "stored file %s could not be taken back from %s",
			     sr_quoted(sr_text_of(place->path)), place->tombstone);
}

sr_status sr_place_recover(sr_place *place)
{
	if (!sr_place_hidden(place))
		return SR_OK;
	if (exists(place, place->name)) {
		/* Stored anew since; what the tombstone holds was replaced. */
		return sr_place_remove(place);
	}
	sr_log("catalog", SR_LOG_WARNING,
	       "stored file %s is taken back: its deletion was cut short",
	       sr_quoted(sr_text_of(place->path)));
	return sr_place_show(place);
}

sr_status sr_place_hide(sr_place *place)
{
	const char *path = sr_quoted(sr_text_of(place->path));
	struct stat status;
	sr_status rc;

	if (move(place, place->name, place->tombstone) != 0)
		return sr_fail_errno(errno, "stored file %s could not be moved aside", path);
	if (fstatat(place->folder, place->tombstone, &status, AT_SYMLINK_NOFOLLOW) != 0)
		rc = sr_fail_errno(errno, "stored file %s", path);
	else if (!S_ISREG(status.st_mode)) /* Exchanged since it was looked at. */
		rc = sr_fail(SR_REFUSED, "stored file %s is not deleted: it is %s", path,
			     kind(status.st_mode));
	else if (fsync(place->folder) != 0)
		rc = sr_fail_errno(errno, "the folder of stored file %s", path);
	else
		return SR_OK;
	if (move(place, place->tombstone, place->name) != 0)
		return sr_fail_also(rc, "; it remains as %s", place->tombstone);
	return rc;
}

sr_status sr_place_remove(sr_place *place)
{
	if (unlinkat(place->folder, place->tombstone, 0) == 0)
		return SR_OK;
	return sr_fail_errno(errno, "what was stored as %s remains as %s beside it",
			     sr_quoted(sr_text_of(place->path)), place->tombstone);
}
