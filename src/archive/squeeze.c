/* Compressing as zstd: what `zstd -d` reads, one frame that knows its size and has a checksum. */
#include "sink.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "../base/error.h"
#include "../base/library.h"
#include "../base/text.h"

#define LEVEL     3
#define OUT_BYTES (128 << 10)

#define CALLS(CALL)                                                                                \
	CALL(ZSTD_CCtx_setParameter)                                                               \
	CALL(ZSTD_CCtx_setPledgedSrcSize)                                                          \
	CALL(ZSTD_compressStream2)                                                                 \
	CALL(ZSTD_createCCtx)                                                                      \
	CALL(ZSTD_createDCtx)                                                                      \
	CALL(ZSTD_decompressStream)                                                                \
	CALL(ZSTD_freeCCtx)                                                                        \
	CALL(ZSTD_freeDCtx)                                                                        \
	CALL(ZSTD_getErrorCode)                                                                    \
	CALL(ZSTD_getErrorName)                                                                    \
	CALL(ZSTD_isError)

static const char *const names[] = {CALLS(SR_LIBRARY_NAME)};
/* Good once there is a stage. */
static struct {
	CALLS(SR_LIBRARY_POINTER)
} zstd;
static sr_library library = {
	.file = "libzstd.so.1",
	.names = names,
	.pointers = &zstd,
	.count = sizeof(names) / sizeof(names[0]),
};

typedef struct squeeze {
	sr_sink sink;
	ZSTD_CCtx *packer; /* One of the two. */
	ZSTD_DCtx *unpacker;
	bool whole; /* The frame that is unpacked has ended. */
	char out[OUT_BYTES];
} squeeze;

static void squeeze_free(sr_sink *sink)
{
	squeeze *s = (squeeze *)sink;

	zstd.ZSTD_freeCCtx(s->packer);
	zstd.ZSTD_freeDCtx(s->unpacker);
	free(s);
}

static sr_status squeeze_new(squeeze **out, const char *path, sr_sink *next)
{
	squeeze *s;
	sr_status rc;

	*out = NULL;
	if ((rc = sr_library_load(&library)) != SR_OK)
		return rc;
	if ((*out = s = calloc(1, sizeof(*s))) == NULL)
		return sr_fail_memory();
	s->sink.free = squeeze_free;
	s->sink.next = next;
	s->sink.path = path;
	return SR_OK;
}

/* Both allocate what they need when they are first called. */
static bool is_memory(size_t result)
{
	return zstd.ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
}

/* ---- Compressing ---- */

static sr_status pack(squeeze *s, const void *bytes, size_t length, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {bytes, length, 0};
	size_t left;
	sr_status rc;

	do {
		ZSTD_outBuffer out = {s->out, sizeof(s->out), 0};

		left = zstd.ZSTD_compressStream2(s->packer, &out, &in, how);
		if (is_memory(left))
			return sr_fail_memory();
		if (zstd.ZSTD_isError(left))
			return sr_fail(SR_IO, "%s could not be compressed: %s",
				       sr_quoted(sr_text_of(s->sink.path)),
				       zstd.ZSTD_getErrorName(left));
		if (out.pos > 0 && (rc = sr_sink_add(s->sink.next, s->out, out.pos)) != SR_OK)
			return rc;
	} while (in.pos < in.size || (how == ZSTD_e_end && left > 0));
	return SR_OK;
}

static sr_status pack_add(sr_sink *sink, const void *bytes, size_t length)
{
	return pack((squeeze *)sink, bytes, length, ZSTD_e_continue);
}

static sr_status pack_end(sr_sink *sink)
{
	return pack((squeeze *)sink, NULL, 0, ZSTD_e_end);
}

sr_status sr_squeeze_new(sr_sink **sink, const char *path, int64_t size, sr_sink *next)
{
	squeeze *s;
	sr_status rc;

	*sink = NULL;
	if ((rc = squeeze_new(&s, path, next)) != SR_OK)
		return rc;
	s->sink.add = pack_add;
	s->sink.end = pack_end;
	s->packer = zstd.ZSTD_createCCtx();
	if (s->packer == NULL ||
	    zstd.ZSTD_isError(
		    zstd.ZSTD_CCtx_setParameter(s->packer, ZSTD_c_compressionLevel, LEVEL)) ||
	    zstd.ZSTD_isError(zstd.ZSTD_CCtx_setParameter(s->packer, ZSTD_c_checksumFlag, 1)) ||
	    zstd.ZSTD_isError(
		    zstd.ZSTD_CCtx_setPledgedSrcSize(s->packer, (unsigned long long)size))) {
		squeeze_free(&s->sink);
		return sr_fail_memory();
	}
	*sink = &s->sink;
	return SR_OK;
}

/* ---- And back ---- */

static sr_status damaged(const squeeze *s, const char *how)
{
	return sr_fail(SR_CORRUPT, "%s is damaged: %s", sr_quoted(sr_text_of(s->sink.path)), how);
}

static sr_status unpack_add(sr_sink *sink, const void *bytes, size_t length)
{
	squeeze *s = (squeeze *)sink;
	ZSTD_inBuffer in = {bytes, length, 0};
	bool more = false;
	sr_status rc;

	while (in.pos < in.size || more) {
		ZSTD_outBuffer out = {s->out, sizeof(s->out), 0};
		size_t left;

		if (s->whole)
			return damaged(s, "something follows behind its end");
		left = zstd.ZSTD_decompressStream(s->unpacker, &out, &in);
		if (is_memory(left))
			return sr_fail_memory();
		if (zstd.ZSTD_isError(left))
			return damaged(s, zstd.ZSTD_getErrorName(left));
		s->whole = left == 0;
		if (out.pos > 0 && (rc = sr_sink_add(s->sink.next, s->out, out.pos)) != SR_OK)
			return rc;
		more = !s->whole && out.pos == out.size;
	}
	return SR_OK;
}

static sr_status unpack_end(sr_sink *sink)
{
	squeeze *s = (squeeze *)sink;

	return s->whole ? SR_OK : damaged(s, "its end is missing");
}

sr_status sr_unsqueeze_new(sr_sink **sink, const char *path, sr_sink *next)
{
	squeeze *s;
	sr_status rc;

	*sink = NULL;
	if ((rc = squeeze_new(&s, path, next)) != SR_OK)
		return rc;
	s->sink.add = unpack_add;
	s->sink.end = unpack_end;
	if ((s->unpacker = zstd.ZSTD_createDCtx()) == NULL) {
		squeeze_free(&s->sink);
		return sr_fail_memory();
	}
	*sink = &s->sink;
	return SR_OK;
}
