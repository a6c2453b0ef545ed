#include "stored.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static sr_status open_stored(const sr_settings *settings, const sr_place *place, int *fd)
{
	const char *quoted = sr_quoted(sr_text_of(place->path));
	struct stat status;

	if (fstatat(place->folder, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return sr_fail_errno(errno, "stored file %s", quoted);
	if (!S_ISREG(status.st_mode))
		return sr_fail(SR_CORRUPT, "stored file %s is no regular file", quoted);
	if (sr_is_database(settings, &status))
		return sr_fail(SR_REFUSED, "stored file %s is the database", quoted);
	*fd = openat(place->folder, place->name,
		     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0)
		return sr_fail_errno(errno, "stored file %s", quoted);
	if (fstat(*fd, &status) != 0) {
		int error = errno;

		close(*fd);
		return sr_fail_errno(error, "stored file %s", quoted);
	}
	if (S_ISREG(status.st_mode))
		return SR_OK;
	close(*fd);
	return sr_fail(SR_CORRUPT, "stored file %s is no regular file", quoted);
}

#define READ_BYTES ((size_t)256 * 1024)

static sr_status digest_file(int fd, const char *path, sr_watch_fn stop, void *arg,
			     sr_stored *found)
{
	sr_digest *digest = NULL;
	sr_status rc = SR_OK;
	char *bytes;
	ssize_t got;

	if ((bytes = malloc(READ_BYTES)) == NULL) {
		rc = sr_fail_memory();
		goto err0;
	}
	if ((rc = sr_digest_new(&digest)) != SR_OK)
		goto err1;
	found->size = 0;
	while (rc == SR_OK && (got = read(fd, bytes, READ_BYTES)) != 0) {
		if (got > 0) {
			found->size += got;
			rc = sr_digest_add(digest, bytes, (size_t)got);
		} else if (errno != EINTR) {
			rc = sr_fail_errno(errno, "reading stored file %s",
					   sr_quoted(sr_text_of(path)));
		}
		if (rc == SR_OK && stop != NULL && stop(arg))
			rc = sr_fail(SR_INTERRUPTED, "interrupted while reading stored file %s",
				     sr_quoted(sr_text_of(path)));
	}
	if (rc == SR_OK)
		rc = sr_digest_end(digest, &found->crc, found->hash);
	sr_digest_free(digest);

err1:
	free(bytes);
err0:
	return rc;
}

sr_status sr_stored_measure(const sr_settings *settings, const sr_place *place, sr_watch_fn stop,
			    void *arg, sr_stored *found)
{
	sr_status rc;
	int fd = -1;

	if ((rc = open_stored(settings, place, &fd)) != SR_OK)
		return rc;
	rc = digest_file(fd, place->path, stop, arg, found);
	close(fd);
	return rc;
}

sr_status sr_stored_compare(const sr_file *file, const sr_stored *found, const char *path)
{
	const char *quoted = sr_quoted(sr_text_of(path));

	if (file->size != SR_NULL_INTEGER && file->size != found->size)
		return sr_fail(SR_CORRUPT,
			       "stored file %s has %" PRId64 " bytes, recorded are %" PRId64,
			       quoted, found->size, file->size);
	if (file->hash.data != NULL && (file->hash.length != strlen(found->hash) ||
					strcasecmp(file->hash.data, found->hash) != 0))
		return sr_fail(SR_CORRUPT, "stored file %s has the hash %s, recorded is %s", quoted,
			       found->hash, sr_quoted(file->hash));
	if (file->crc != SR_NULL_INTEGER && file->crc != (int64_t)found->crc)
		return sr_fail(SR_CORRUPT,
			       "stored file %s has the CRC %" PRIu32 ", recorded is %" PRId64,
			       quoted, found->crc, file->crc);
	return SR_OK;
}
