/*
 * Packed backups: any bytes as one; any bytes as a compressed stream inside a seal that is right,
 * so that what lies behind the seal is reached; a good one with some bytes changed, which must be
 * noticed; and there and back.
 */
#include <stdio.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/sink.h"
#include "base/buffer.h"
#include "fuzz.h"

#define KEY    "secret"
#define HEADER SR_SEAL_HEADER

enum { COST = 1 }; /* Of scrypt: what is tried here is not the guessing. */

static sr_archive_options options(bool sealed, bool compress)
{
	return (sr_archive_options){
		.key = sealed ? KEY : NULL,
		.key_length = sealed ? strlen(KEY) : 0,
		.compress = compress,
		.cost = COST,
	};
}

static sr_status unpack(const char *path, bool sealed, sr_archive_content *content)
{
	const sr_archive_options how = options(sealed, false);
	const char *to = fuzz_path("unpacked");
	sr_archive_kind kind;
	sr_status rc;

	unlink(to);
	(void)fuzz_inner(sr_archive_identify(path, &kind));
	rc = sr_archive_unpack(path, to, &how, content);
	if (!fuzz_inner(rc))
		FUZZ_CHECK(access(to, F_OK) != 0); /* Nothing of it remains. */
	return rc;
}

static void raw(sr_text bytes)
{
	uint8_t *copy = fuzz_bytes(bytes.data, bytes.length);
	sr_archive_content content;

	if (bytes.length > SR_SEAL_AT_COST && memcmp(copy, SR_SEAL_MAGIC, 8) == 0)
		copy[SR_SEAL_AT_COST] &= 3;
	(void)unpack(fuzz_file("packed", copy, bytes.length), true, &content);
	free(copy);
}

/* ---- A seal around any bytes ---- */

typedef struct memory {
	sr_sink sink;
	sr_buffer bytes;
} memory;

static sr_status memory_add(sr_sink *sink, const void *bytes, size_t length)
{
	sr_buffer_add(&((memory *)sink)->bytes, bytes, length);
	return SR_OK;
}

static sr_status memory_end(sr_sink *sink)
{
	(void)sink;
	return SR_OK;
}

static void memory_free(sr_sink *sink)
{
	(void)sink;
}

static void sealed(sr_text bytes)
{
	memory out = {.sink = {memory_add, memory_end, memory_free, NULL, "memory"}};
	sr_archive_content content;
	sr_sink *seal;

	FUZZ_CHECK(sr_seal_new(&seal, "memory", true, (int64_t)bytes.length, COST, KEY, strlen(KEY),
			       &out.sink) == SR_OK);
	FUZZ_CHECK(sr_sink_add(seal, bytes.data, bytes.length) == SR_OK);
	FUZZ_CHECK(sr_sink_end(seal) == SR_OK);
	sr_sink_free(seal);
	(void)unpack(fuzz_file("packed", out.bytes.data, out.bytes.length), true, &content);
	sr_buffer_free(&out.bytes);
}

/* ---- There, changed, and back ---- */

static size_t read_whole(const char *path, uint8_t **bytes)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	FUZZ_CHECK(file != NULL);
	*bytes = malloc(1 << 20);
	FUZZ_CHECK(*bytes != NULL);
	length = fread(*bytes, 1, 1 << 20, file);
	fclose(file);
	return length;
}

/* Bytes changed, and the end cut off or something put behind it. */
static bool change(uint8_t *bytes, size_t *length, fuzz_input *input)
{
	const size_t cut = fuzz_number(input, 2);
	bool changed = false;

	while (input->left >= 3) {
		const size_t at = fuzz_number(input, 2) % *length;
		const uint8_t with = (uint8_t)fuzz_number(input, 1);

		changed = changed || with != 0;
		bytes[at] ^= with;
	}
	if (cut % 4 == 1)
		*length -= cut / 4 % *length;
	if (cut % 4 == 2)
		*length += 1 + cut / 4 % 64;
	return changed || cut % 4 == 1 ? true : cut % 4 == 2;
}

static void there_and_back(fuzz_input *input, bool is_sealed, bool compress, bool changes)
{
	const sr_archive_options how = options(is_sealed, compress);
	sr_archive_content packed, content = {0};
	const char *path = fuzz_path("packed");
	sr_text text = fuzz_text(input);
	uint8_t *bytes, *before;
	size_t length, was;

	unlink(path);
	FUZZ_CHECK(fuzz_inner(
		sr_archive_pack(fuzz_file("plain", text.data, text.length), path, &how, &packed)));
	FUZZ_CHECK(packed.bytes == (int64_t)text.length);
	length = was = read_whole(path, &bytes);
	memset(bytes + length, 'x', 64);
	before = fuzz_bytes(bytes, length);
	changes = changes && change(bytes, &length, input);
	if (is_sealed && length > SR_SEAL_AT_COST)
		bytes[SR_SEAL_AT_COST] &= 3;
	changes = changes && (length != was || memcmp(bytes, before, length) != 0);
	if (unpack(fuzz_file("packed", bytes, length), is_sealed, &content) == SR_OK) {
		/* A changed seal is noticed; a changed zstd frame has its checksum, which is of
		 * what is inside alone. */
		FUZZ_CHECK(!changes || !is_sealed);
		FUZZ_CHECK(content.bytes == packed.bytes);
		FUZZ_CHECK(strcmp(content.hash, packed.hash) == 0);
	} else {
		FUZZ_CHECK(changes);
	}
	free(bytes);
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};
	const unsigned mode = (unsigned)fuzz_number(&input, 1);

	switch (mode % 4) {
	case 0:
		raw(fuzz_rest(&input));
		break;
	case 1:
		sealed(fuzz_rest(&input));
		break;
	default:
		there_and_back(&input, mode & 4, mode & 8 || !(mode & 4), mode % 4 == 2);
	}
	return 0;
}
