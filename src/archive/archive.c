/* Chains put together, and the files at their ends. */
#include "archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/error.h"
#include "../base/private.h"
#include "../base/text.h"
#include "descriptor.h"
#include "sink.h"

#define PIECE (128 << 10)

/* ---- The last stage: a file, or nothing; either way the hash of what arrives ---- */

typedef struct out {
	sr_sink sink;
	int fd; /* -1: nowhere. */
	int64_t bytes;
	sr_digest *digest; /* NULL: nobody asks. */
} out;

static sr_status out_write(const out *o, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(o->fd, bytes, length);

		if (n < 0 && errno != EINTR)
			return sr_fail_errno(errno, "%s cannot be written",
					     sr_quoted(sr_text_of(o->sink.path)));
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return SR_OK;
}

static sr_status out_add(sr_sink *sink, const void *bytes, size_t length)
{
	out *o = (out *)sink;
	sr_status rc;

	o->bytes += (int64_t)length;
	if (o->digest && (rc = sr_digest_add(o->digest, bytes, length)) != SR_OK)
		return rc;
	return o->fd < 0 ? SR_OK : out_write(o, bytes, length);
}

static sr_status out_end(sr_sink *sink)
{
	out *o = (out *)sink;

	if (o->fd >= 0 && fsync(o->fd) != 0)
		return sr_fail_errno(errno, "%s could not be brought to the disk",
				     sr_quoted(sr_text_of(o->sink.path)));
	return SR_OK;
}

static void out_free(sr_sink *sink)
{
	(void)sink; /* Lives in its caller's frame. */
}

/* path NULL: nowhere. */
static sr_status out_open(out *o, const char *path)
{
	*o = (out){.sink = {out_add, out_end, out_free, NULL, path}, .fd = -1};
	if (path == NULL)
		return SR_OK;
	return sr_private_open(path, "the file", &o->fd);
}

/* Closes it; what is not whole is removed. */
static sr_status out_close(const out *o, sr_status rc)
{
	if (o->fd < 0)
		return rc;
	if (close(o->fd) != 0 && rc == SR_OK)
		rc = sr_fail_errno(errno, "%s cannot be written",
				   sr_quoted(sr_text_of(o->sink.path)));
	if (rc != SR_OK)
		sr_private_remove(o->sink.path);
	return rc;
}

/* ---- The first: all of a file, pushed into a chain ---- */

static sr_status push(int fd, const char *path, int64_t size, sr_sink *chain, sr_digest *digest,
		      const sr_archive_options *options)
{
	char *piece = malloc(PIECE);
	sr_status rc = SR_OK;
	int64_t done = 0;
	size_t length;

	if (piece == NULL)
		return sr_fail_memory();
	for (;;) {
		if ((rc = sr_descriptor_fill(fd, path, piece, PIECE, &length)) != SR_OK ||
		    length == 0)
			break;
		if (digest && (rc = sr_digest_add(digest, piece, length)) != SR_OK)
			break;
		if ((rc = sr_sink_add(chain, piece, length)) != SR_OK)
			break;
		done += (int64_t)length;
		if (options->progress && options->progress(options->progress_arg, done, size)) {
			rc = sr_fail(SR_INTERRUPTED, "cancelled while %s was read",
				     sr_quoted(sr_text_of(path)));
			break;
		}
	}
	free(piece);
	if (rc == SR_OK && done != size)
		rc = sr_fail(SR_IO, "%s changed while it was read", sr_quoted(sr_text_of(path)));
	return rc == SR_OK ? sr_sink_end(chain) : rc;
}

/* ---- Identifying ---- */

static sr_archive_kind kind_of(const unsigned char *head, size_t length)
{
	static const unsigned char zstd[4] = {0x28, 0xb5, 0x2f, 0xfd};

	if (length >= sizeof(zstd) && memcmp(head, zstd, sizeof(zstd)) == 0)
		return SR_ARCHIVE_ZSTD;
	if (length < 8 || memcmp(head, SR_SEAL_MAGIC, 8) != 0)
		return SR_ARCHIVE_PLAIN;
	return length > SR_SEAL_AT_CONTENT && head[SR_SEAL_AT_CONTENT] ? SR_ARCHIVE_SEALED_ZSTD
								       : SR_ARCHIVE_SEALED;
}

static sr_status identify(int fd, const char *path, sr_archive_kind *kind)
{
	unsigned char head[SR_SEAL_HEADER];
	size_t length;
	sr_status rc;

	if ((rc = sr_descriptor_fill(fd, path, head, sizeof(head), &length)) != SR_OK)
		return rc;
	*kind = kind_of(head, length);
	if (lseek(fd, 0, SEEK_SET) != 0)
		return sr_fail_errno(errno, "%s cannot be read", sr_quoted(sr_text_of(path)));
	return SR_OK;
}

sr_status sr_archive_identify(const char *path, sr_archive_kind *kind)
{
	int64_t size;
	sr_status rc;
	int fd;

	if ((rc = sr_descriptor_read(path, &fd, &size)) != SR_OK)
		return rc;
	rc = identify(fd, path, kind);
	close(fd);
	return rc;
}

/* ---- Packing and unpacking ---- */

/* The stages of packing before `last`. On failure there is nothing to free. */
static sr_status chain_pack(sr_sink **chain, const char *to, int64_t size,
			    const sr_archive_options *options, sr_sink *last)
{
	int cost = options->cost > 0 ? options->cost : SR_ARCHIVE_COST;
	sr_sink *head = last;
	sr_status rc;

	if (options->key && (rc = sr_seal_new(&head, to, options->compress, size, cost,
					      options->key, options->key_length, last)) != SR_OK)
		return rc;
	*chain = head;
	if (options->compress && (rc = sr_squeeze_new(chain, to, size, head)) != SR_OK) {
		sr_sink_free(head);
		return rc;
	}
	return SR_OK;
}

sr_status sr_archive_pack(const char *from, const char *to, const sr_archive_options *options,
			  sr_archive_content *content)
{
	sr_digest *digest = NULL;
	sr_sink *chain;
	uint32_t crc;
	sr_status rc;
	out last;
	int fd;

	if ((rc = sr_descriptor_read(from, &fd, &content->bytes)) != SR_OK)
		return rc;
	if ((rc = sr_digest_new(&digest)) != SR_OK)
		goto err1;
	if ((rc = out_open(&last, to)) != SR_OK)
		goto err2;
	if ((rc = chain_pack(&chain, to, content->bytes, options, &last.sink)) != SR_OK)
		goto err3;
	rc = push(fd, from, content->bytes, chain, digest, options);
	if (rc == SR_OK)
		rc = sr_digest_end(digest, &crc, content->hash);
	sr_sink_free(chain);
err3:
	rc = out_close(&last, rc);
err2:
	sr_digest_free(digest);
err1:
	close(fd);
	return rc;
}

static sr_status chain_unpack(sr_sink **chain, const char *from, sr_archive_kind kind,
			      const sr_archive_options *options, sr_sink *last)
{
	bool sealed = kind == SR_ARCHIVE_SEALED || kind == SR_ARCHIVE_SEALED_ZSTD;
	sr_sink *head = last;
	sr_status rc;

	if (kind == SR_ARCHIVE_PLAIN)
		return sr_fail(SR_CORRUPT, "%s is neither compressed nor encrypted",
			       sr_quoted(sr_text_of(from)));
	if (sealed && options->key == NULL)
		return sr_fail(SR_WRONG_KEY, "%s is encrypted: give its key file or passphrase",
			       sr_quoted(sr_text_of(from)));
	if ((kind == SR_ARCHIVE_ZSTD || kind == SR_ARCHIVE_SEALED_ZSTD) &&
	    (rc = sr_unsqueeze_new(&head, from, last)) != SR_OK)
		return rc;
	*chain = head;
	if (sealed &&
	    (rc = sr_unseal_new(chain, from, options->key, options->key_length, head)) != SR_OK) {
		sr_sink_free(head);
		return rc;
	}
	return SR_OK;
}

sr_status sr_archive_unpack(const char *from, const char *to, const sr_archive_options *options,
			    sr_archive_content *content)
{
	sr_archive_kind kind;
	sr_sink *chain;
	uint32_t crc;
	int64_t size;
	sr_status rc;
	out last;
	int fd;

	if ((rc = sr_descriptor_read(from, &fd, &size)) != SR_OK)
		return rc;
	if ((rc = identify(fd, from, &kind)) != SR_OK)
		goto err1;
	if ((rc = out_open(&last, to)) != SR_OK)
		goto err1;
	if ((rc = sr_digest_new(&last.digest)) != SR_OK)
		goto err2;
	if ((rc = chain_unpack(&chain, from, kind, options, &last.sink)) != SR_OK)
		goto err3;
	rc = push(fd, from, size, chain, NULL, options);
	sr_sink_free(chain);
	content->bytes = last.bytes;
	if (rc == SR_OK)
		rc = sr_digest_end(last.digest, &crc, content->hash);
err3:
	sr_digest_free(last.digest);
err2:
	rc = out_close(&last, rc);
err1:
	close(fd);
	return rc;
}
