/*
 * Key rings in files. A ring is written beside the one that there is, brought to the disk, and only
 * then has its name, so that a crash leaves the old or the new one and never a part.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"
#include "clock.h"
#include "crypto.h"
#include "error.h"
#include "path.h"
#include "private.h"
#include "ring.h"
#include "secret.h"
#include "text.h"

static const char heading[] = "# Strongroom master keys, one a line: id, time, key. Keep this file "
			      "apart from the database\n"
			      "# and its backups, and a copy of it in a safe place: without it no "
			      "key of a client can be\n"
			      "# read again.\n";

static const char *show(const char *path)
{
	return sr_quoted(sr_text_of(path));
}

/* ---- Reading ---- */

static sr_status check_private(const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return sr_fail(SR_REFUSED,
			       "the key ring %s is %sno regular file: name the file itself",
			       show(path), S_ISLNK(st->st_mode) ? "a link, " : "");
	if (st->st_uid != geteuid())
		return sr_fail(SR_PERMISSION,
			       "the key ring %s belongs to user %u, not to %u who runs this",
			       show(path), (unsigned)st->st_uid, (unsigned)geteuid());
	if ((st->st_mode & 077) != 0)
		return sr_fail(SR_PERMISSION,
			       "the key ring %s is open to others (mode %04o): chmod 600 it, and "
			       "rotate the keys if somebody may have read them",
			       show(path), (unsigned)(st->st_mode & 07777));
	if (st->st_size > SR_RING_BYTES_MAX)
		return sr_fail(SR_INVALID,
			       "the key ring %s has %lld bytes, more than the %d allowed",
			       show(path), (long long)st->st_size, SR_RING_BYTES_MAX);
	return SR_OK;
}

static sr_status fail_open(const char *path)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return sr_fail(SR_NOT_FOUND, "there is no key ring %s", show(path));
	return sr_fail_errno(errno, "the key ring %s cannot be read", show(path));
}

/* Looked at before it is opened, which a device or a pipe may take as something to do, and again
 * after. */
static sr_status open_private(const char *path, int *fd, struct stat *st)
{
	sr_status rc;

	*fd = -1;
	if (lstat(path, st) != 0)
		return fail_open(path);
	if ((rc = check_private(path, st)) != SR_OK)
		return rc;
	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0)
		return fail_open(path);
	if (fstat(*fd, st) != 0)
		rc = sr_fail_errno(errno, "the key ring %s cannot be looked at", show(path));
	else
		rc = check_private(path, st);
	if (rc != SR_OK) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

static sr_status read_open(int fd, const char *path, sr_ring **ring)
{
	const size_t room = SR_RING_BYTES_MAX + 1;
	char *text = sr_secret_new(room);
	size_t length = 0;
	sr_status rc = SR_OK;

	if (text == NULL)
		return sr_fail_memory();
	while (rc == SR_OK && length < room) {
		ssize_t n = read(fd, text + length, room - length);

		if (n == 0)
			break;
		if (n > 0)
			length += (size_t)n;
		else if (errno != EINTR)
			rc = sr_fail_errno(errno, "the key ring %s cannot be read", show(path));
	}
	if (rc == SR_OK && length == room)
		rc = sr_fail(SR_INVALID, "the key ring %s has more than the %d bytes allowed",
			     show(path), SR_RING_BYTES_MAX);
	if (rc == SR_OK) {
		char source[512];

		snprintf(source, sizeof(source), "the key ring %s", show(path));
		rc = sr_ring_parse(text, length, source, ring);
	}
	sr_secret_free(text, room);
	return rc;
}

sr_status sr_ring_read(const char *path, sr_ring **ring)
{
	struct stat st;
	sr_status rc;
	int fd;

	*ring = NULL;
	if ((rc = open_private(path, &fd, &st)) != SR_OK)
		return rc;
	rc = read_open(fd, path, ring);
	close(fd);
	return rc;
}

/* ---- Writing ---- */

/* Into memory for secrets; no stream, whose buffers nobody zeroes. */
static sr_status format(const sr_ring *ring, char *text, size_t room, size_t *length)
{
	const sr_crypto *crypto;
	sr_status rc;

	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return rc;
	memcpy(text, heading, sizeof(heading));
	*length = sizeof(heading) - 1;
	for (size_t i = 0; i < ring->count; i++) {
		const sr_master *master = &ring->masters[i];

		*length += (size_t)snprintf(text + *length, room - *length, "%s %s ", master->id,
					    master->made);
		*length += (size_t)crypto->EVP_EncodeBlock((unsigned char *)text + *length,
							   master->secret, SR_MASTER_SIZE);
		text[(*length)++] = '\n';
	}
	return SR_OK;
}

static sr_status write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sr_fail_errno(errno, "writing failed");
		text += n;
		length -= (size_t)n;
	}
	/* Whatever the umask took away. */
	if (fchmod(fd, 0600) != 0 || fsync(fd) != 0)
		return sr_fail_errno(errno, "it could not be brought to the disk");
	return SR_OK;
}

/* A file beside the ring that nobody else has made, with all of it. */
static sr_status write_part(const char *part, const char *path, const sr_ring *ring)
{
	char *text = sr_secret_new(SR_RING_BYTES_MAX);
	size_t length;
	sr_status rc;
	int fd;

	if (text == NULL)
		return sr_fail_memory();
	if ((rc = format(ring, text, SR_RING_BYTES_MAX, &length)) != SR_OK)
		goto err0;
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = sr_fail_errno(errno, "the key ring %s cannot be made", show(path));
		goto err0;
	}
	rc = write_all(fd, text, length);
	if (close(fd) != 0 && rc == SR_OK)
		rc = sr_fail_errno(errno, "closing failed");
	if (rc != SR_OK) {
		sr_private_remove(part);
		sr_fail_within(rc, "the key ring %s", show(path));
	}
err0:
	sr_secret_free(text, SR_RING_BYTES_MAX);
	return rc;
}

static sr_status sync_folder(const char *path)
{
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;
	int fd;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(path)));
	if ((rc = sr_buffer_status(&folder)) == SR_OK) {
		fd = open(folder.length > 0 ? folder.data : ".",
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0)
			rc = sr_fail_errno(errno,
					   "the folder of the key ring %s could not be brought to "
					   "the disk",
					   show(path));
		if (fd >= 0)
			close(fd);
	}
	sr_buffer_free(&folder);
	return rc;
}

static sr_status part_name(const char *path, sr_buffer *part)
{
	char hex[SR_ID_TEXT_SIZE];
	sr_id id;

	sr_id_new(&id);
	sr_id_format(&id, hex);
	sr_buffer_printf(part, "%s.%s.part", path, hex);
	return sr_buffer_status(part);
}

sr_status sr_ring_create(const char *path, const sr_master *master)
{
	sr_ring ring = {.masters = (sr_master *)master, .count = 1};
	sr_buffer part = SR_BUFFER_EMPTY;
	struct stat st;
	sr_status rc;

	if ((rc = part_name(path, &part)) != SR_OK ||
	    (rc = write_part(part.data, path, &ring)) != SR_OK)
		goto err0;
	/* A link never takes another's place, as renaming would. Whoever was faster may have
	 * removed the part already. */
	if (link(part.data, path) != 0) {
		int error = errno;

		rc = error == EEXIST || lstat(path, &st) == 0
			     ? sr_fail(SR_EXISTS, "there is a key ring %s already", show(path))
			     : sr_fail_errno(error, "the key ring %s cannot be made", show(path));
	}
	sr_private_remove(part.data);
	if (rc == SR_OK)
		rc = sync_folder(path);
err0:
	sr_buffer_free(&part);
	return rc;
}

/* ---- What killed ones have left ---- */

/* Whether it is NAME.HEX.part, which part_name makes. */
static bool is_part(const char *name, sr_text ring)
{
	size_t hex = SR_ID_TEXT_SIZE - 1;

	if (strncmp(name, ring.data, ring.length) != 0 || name[ring.length] != '.')
		return false;
	name += ring.length + 1;
	return strspn(name, "0123456789abcdef") == hex && strcmp(name + hex, ".part") == 0;
}

/* Calls fn with the names of those in the ring's folder. One that cannot be listed has none that
 * could be known. */
static size_t each_part(const char *path, void (*fn)(int folder, const char *name, void *arg),
			void *arg)
{
	const sr_text name = sr_path_name(sr_text_of(path));
	sr_buffer folder = SR_BUFFER_EMPTY;
	struct dirent *entry;
	size_t count = 0;
	DIR *dir = NULL;

	sr_buffer_add_text(&folder, sr_path_folder(sr_text_of(path)));
	if (sr_buffer_status(&folder) == SR_OK)
		dir = opendir(folder.length > 0 ? folder.data : ".");
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (is_part(entry->d_name, name) && ++count > 0)
			fn(dirfd(dir), entry->d_name, arg);
	if (dir != NULL)
		closedir(dir);
	sr_buffer_free(&folder);
	return count;
}

/* A disk that writes in place has it no more then; nothing depends on that. */
static void zero(int fd, off_t size)
{
	static const char zeros[4096];

	for (off_t at = 0; at < size; at += (off_t)sizeof(zeros)) {
		off_t left = size - at;

		if (pwrite(fd, zeros, left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros),
			   at) < 0)
			break;
	}
	(void)fsync(fd);
}

/* Of a ring that was being made when its process was killed, the part may be another name. */
static void remove_part(int folder, const char *name, void *arg)
{
	int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	(void)arg;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		zero(fd, st.st_size);
	if (fd >= 0)
		close(fd);
	(void)unlinkat(folder, name, 0);
}

static void keep_first(int folder, const char *name, void *arg)
{
	sr_buffer *first = arg;

	(void)folder;
	if (first->length == 0)
		sr_buffer_add_string(first, name);
}

size_t sr_ring_parts(const char *path, sr_buffer *first)
{
	return each_part(path, keep_first, first);
}

/* Zeroes what was replaced, unless somebody has another name for it. */
static void wipe(int replaced)
{
	char name[48];
	struct stat st;
	int fd;

	if (fstat(replaced, &st) != 0 || st.st_nlink != 0)
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", replaced);
	if ((fd = open(name, O_WRONLY | O_CLOEXEC)) < 0)
		return;
	zero(fd, st.st_size);
	close(fd);
}

/* ---- Changing ---- */

/* Whoever has the ring may keep it for as long as backups are rewritten. */
static sr_status wait_for_lock(int fd, const char *path, double patience)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	const int64_t until = sr_clock_ns() + (int64_t)(patience * 1e9);

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return sr_fail_errno(errno, "the key ring %s cannot be locked", show(path));
		if (sr_clock_ns() >= until)
			return sr_fail(SR_BUSY,
				       "the master keys in %s are being changed by somebody else, "
				       "or a backup that may need them is being restored: wait for "
				       "the end of that",
				       show(path));
		nanosleep(&pause, NULL);
	}
	return SR_OK;
}

/* So that a process that was forked meanwhile does not go on having it. */
static void unlock(int fd)
{
	(void)flock(fd, LOCK_UN);
	close(fd);
}

/* Another may have put a new one in its place while this waited. */
sr_status sr_ring_hold_take(const char *path, double patience, sr_ring_hold *hold)
{
	struct stat mine, now;
	sr_status rc;
	int fd;

	*hold = (sr_ring_hold){path, -1};
	for (;;) {
		if ((rc = open_private(path, &fd, &mine)) != SR_OK)
			return rc;
		if ((rc = wait_for_lock(fd, path, patience)) != SR_OK) {
			close(fd);
			return rc;
		}
		if (lstat(path, &now) == 0 && now.st_dev == mine.st_dev &&
		    now.st_ino == mine.st_ino)
			break;
		unlock(fd);
	}
	hold->fd = fd;
	/* It holds master keys that may be forgotten meanwhile. */
	(void)each_part(path, remove_part, NULL);
	return SR_OK;
}

void sr_ring_hold_end(sr_ring_hold *hold)
{
	if (hold->fd >= 0)
		unlock(hold->fd);
	hold->fd = -1;
}

/* The new one is locked before it has the name, so that the ring is never without. */
static sr_status replace(sr_ring_hold *hold, const char *part)
{
	int fd = open(part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	sr_status rc;

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || rename(part, hold->path) != 0) {
		rc = sr_fail_errno(errno, "the key ring %s cannot be replaced", show(hold->path));
		sr_private_remove(part);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if ((rc = sync_folder(hold->path)) == SR_OK)
		wipe(hold->fd);
	unlock(hold->fd);
	hold->fd = fd;
	return rc;
}

sr_status sr_ring_hold_change(sr_ring_hold *hold, sr_ring_edit_fn edit, void *arg)
{
	sr_buffer part = SR_BUFFER_EMPTY;
	sr_ring *ring;
	sr_status rc;

	if ((rc = sr_ring_read(hold->path, &ring)) != SR_OK)
		return rc;
	if ((rc = edit(arg, ring)) == SR_OK && (rc = part_name(hold->path, &part)) == SR_OK &&
	    (rc = write_part(part.data, hold->path, ring)) == SR_OK)
		rc = replace(hold, part.data);
	sr_buffer_free(&part);
	sr_ring_free(ring);
	return rc;
}
