#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/path.h"
#include "readers.h"

#define CHUNK (128 * 1024)
/* How many of the first bytes libmagic sees: enough for the marks of every common format. */
#define MAGIC_BYTES 4096

struct sr_scanner {
	const sr_types *types;
	sr_digest *digest;
	unsigned char chunk[CHUNK];
};

sr_status sr_scanner_new(sr_scanner **scanner, const sr_types *types)
{
	sr_status rc;

	if ((*scanner = malloc(sizeof(**scanner))) == NULL)
		return sr_fail_memory();
	(*scanner)->types = types;
	if ((rc = sr_digest_new(&(*scanner)->digest)) != SR_OK) {
		free(*scanner);
		*scanner = NULL;
	}
	return rc;
}

void sr_scanner_free(sr_scanner *scanner)
{
	if (scanner == NULL)
		return;
	sr_digest_free(scanner->digest);
	free(scanner);
}

static void fail(sr_job *job, const char *why)
{
	job->failed = true;
	snprintf(job->why, sizeof(job->why), "%s", why);
}

static void fail_errno(sr_job *job, int error)
{
	char space[128];

	fail(job, strerror_r(error, space, sizeof(space)));
}

/* libmagic costs more than all the rest, so it is asked last. */
static void find_type(sr_scanner *scanner, sr_job *job, size_t length)
{
	sr_text name = sr_path_name(sr_text_of(job->path));
	const unsigned char *bytes = scanner->chunk;
	const char *rival, *named = sr_type_of_name(scanner->types, name.data, &rival);
	const char *type = rival == NULL ? named : NULL;
	bool text;

	if (length > MAGIC_BYTES)
		length = MAGIC_BYTES;
	if (type == NULL) {
		text = sr_looks_like_text(bytes, length);
		if (rival != NULL)
			type = sr_type_between(scanner->types, named, rival, text || length == 0);
		else if (text && sr_is_plain(bytes, length))
			type = "text/plain";
		else if (length == 0)
			type = "inode/x-empty"; /* As libmagic has it. */
	}
	if (type != NULL)
		snprintf(job->mime_type, sizeof(job->mime_type), "%s", type);
	else
		sr_type_of_bytes(scanner->types, bytes, length, job->mime_type,
				 sizeof(job->mime_type));
}

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Fills the chunk as far as the file goes, so that a short read is no end. One that has brought
 * all that is left, by the file's size, needs no other to see that. */
static ssize_t read_chunk(int fd, unsigned char *chunk, int64_t left)
{
	size_t length = 0;

	while (length < CHUNK) {
		ssize_t n = read(fd, chunk + length, CHUNK - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		length += (size_t)n;
		if ((int64_t)length == left)
			break;
	}
	return (ssize_t)length;
}

/* Reads to the end; false when it failed or was stopped. */
static bool read_all(sr_scanner *scanner, sr_job *job, const _Atomic bool *stop,
		     _Atomic int64_t *read)
{
	ssize_t n;

	do {
		if (atomic_load_explicit(stop, memory_order_relaxed)) {
			job->stopped = true;
			return false;
		}
		n = read_chunk(job->fd, scanner->chunk, job->stat.st_size - job->read);
		if (n < 0) {
			fail_errno(job, errno);
			return false;
		}
		if (job->read == 0)
			find_type(scanner, job, (size_t)n);
		job->read += n;
		atomic_fetch_add_explicit(read, n, memory_order_relaxed);
		/* One that grows as fast as it is read must not hold a thread for ever. */
		if (job->read > job->stat.st_size) {
			fail(job, "grew while it was read");
			return false;
		}
		if (sr_digest_add(scanner->digest, scanner->chunk, (size_t)n) != SR_OK) {
			fail(job, sr_error_message());
			return false;
		}
	} while (n == CHUNK && job->read < job->stat.st_size);
	return true;
}

void sr_scan(sr_scanner *scanner, sr_job *job, const _Atomic bool *stop, _Atomic int64_t *read)
{
	struct stat met = job->stat, after;
	bool whole = false;

	job->read = 0;
	if (job->stat.st_size > CHUNK)
		(void)posix_fadvise(job->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (fstat(job->fd, &job->stat) != 0)
		fail_errno(job, errno);
	else if (!S_ISREG(job->stat.st_mode))
		fail(job, "is no regular file any more");
	else if (job->stat.st_dev != met.st_dev || job->stat.st_ino != met.st_ino)
		fail(job, "was replaced before it was read");
	else
		whole = read_all(scanner, job, stop, read);
	/* Also after a failure: the digest must be empty for the next file. */
	if (sr_digest_end(scanner->digest, &job->crc, job->hash) != SR_OK && !job->failed) {
		fail(job, sr_error_message());
		whole = false;
	}
	if (whole && fstat(job->fd, &after) != 0)
		fail_errno(job, errno);
	else if (whole && (!same_state(&job->stat, &after) || job->read != after.st_size))
		fail(job, "changed while it was read");
	close(job->fd);
	job->fd = -1;
}
