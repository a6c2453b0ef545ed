/* Packed files: what was put in comes out, and whatever else was done to them is found. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/sink.h"
#include "expect.h"
#include "scratch.h"

#define KEY "correct horse"

/* A file's bytes. */
typedef struct bytes {
	unsigned char *data;
	size_t length;
} bytes;

static void put(const char *path, const void *data, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static bytes get(const char *path)
{
	bytes b = {NULL, 0};
	struct stat st;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	b.length = (size_t)st.st_size;
	b.data = malloc(b.length + 1);
	assert_non_null(b.data);
	assert_int_equal(fread(b.data, 1, b.length, file), b.length);
	assert_int_equal(fclose(file), 0);
	return b;
}

/* Bytes that do not repeat within a chunk, and can be compressed a little. */
static bytes make(size_t length)
{
	bytes b = {malloc(length + 1), length};
	uint32_t state = 12345;

	assert_non_null(b.data);
	for (size_t i = 0; i < length; i++) {
		state = state * 1103515245 + 12345;
		b.data[i] = (unsigned char)(0x61 + (state >> 28));
	}
	return b;
}

static sr_archive_options options_of(bool compress, bool seal)
{
	return (sr_archive_options){
		.key = seal ? KEY : NULL,
		.key_length = seal ? strlen(KEY) : 0,
		.compress = compress,
		.cost = 1,
	};
}

/* Packs them into the file "packed" and gives that. */
static bytes pack(const bytes *content, const sr_archive_options *options)
{
	sr_archive_content packed;

	unlink(scratch_path("packed"));
	put(scratch_path("content"), content->data, content->length);
	assert_done(
		sr_archive_pack(scratch_path("content"), scratch_path("packed"), options, &packed));
	assert_int_equal(packed.bytes, content->length);
	return get(scratch_path("packed"));
}

/* What becomes of such a file; *same tells whether the content came out. */
static sr_status unpack(const unsigned char *data, size_t length, const sr_archive_options *options,
			const bytes *content, bool *same)
{
	const char *out = scratch_path("out");
	sr_archive_content unpacked;
	sr_status rc;

	*same = false;
	put(scratch_path("tampered"), data, length);
	rc = sr_archive_unpack(scratch_path("tampered"), out, options, &unpacked);
	if (rc == SR_OK) {
		bytes got = get(out);

		*same = got.length == content->length &&
			memcmp(got.data, content->data, got.length) == 0;
		assert_int_equal(unpacked.bytes, got.length);
		free(got.data);
		assert_int_equal(unlink(out), 0);
	}
	/* Nothing half is left. */
	assert_int_equal(access(out, F_OK), -1);
	return rc;
}

static void assert_found(const unsigned char *data, size_t length,
			 const sr_archive_options *options, const bytes *content, size_t where)
{
	bool same;
	sr_status rc = unpack(data, length, options, content, &same);

	if (rc != SR_CORRUPT && rc != SR_WRONG_KEY && rc != SR_TOO_NEW)
		fail_msg("not found at %zu: %s: %s", where, sr_status_name(rc), sr_error_message());
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 300000};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		const sr_archive_options options = options_of(i & 1, i & 2);
		bytes content = make(sizes[i / 4]);
		sr_archive_kind kind;
		bytes packed;
		struct stat st;
		bool same;

		if (!options.compress && !options.key) {
			free(content.data);
			continue;
		}
		packed = pack(&content, &options);
		assert_int_equal(stat(scratch_path("packed"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_done(sr_archive_identify(scratch_path("packed"), &kind));
		assert_int_equal(kind, options.compress && options.key ? SR_ARCHIVE_SEALED_ZSTD
				       : options.compress              ? SR_ARCHIVE_ZSTD
								       : SR_ARCHIVE_SEALED);
		assert_done(unpack(packed.data, packed.length, &options, &content, &same));
		assert_true(same);
		free(packed.data);
		free(content.data);
	}
}

/* Each bit of a sealed file, and of the first and last bytes of one with several chunks. */
static void test_flipped_bits(void **state)
{
	const sr_archive_options options = options_of(false, true);

	(void)state;
	for (int large = 0; large < 2; large++) {
		bytes content = make(large ? 150000 : 200);
		bytes packed = pack(&content, &options);

		assert_int_equal(packed.length,
				 SR_SEAL_HEADER + content.length + (large ? 3U : 1U) * SR_SEAL_TAG);
		for (size_t i = 0; i < packed.length; i += large ? 1499 : 1) {
			for (int bit = 0; bit < 8; bit++) {
				packed.data[i] ^= (unsigned char)(1 << bit);
				assert_found(packed.data, packed.length, &options, &content, i);
				packed.data[i] ^= (unsigned char)(1 << bit);
			}
		}
		free(packed.data);
		free(content.data);
	}
}

/* A bit that nobody reads may go unnoticed where nothing is encrypted, if what comes out is right.
 */
static void test_flipped_zstd(void **state)
{
	const sr_archive_options options = options_of(true, false);
	bytes content = make(400);
	bytes packed = pack(&content, &options);
	size_t harmless = 0;
	bool same;

	(void)state;
	for (size_t i = 4; i < packed.length; i++) {
		for (int bit = 0; bit < 8; bit++) {
			packed.data[i] ^= (unsigned char)(1 << bit);
			if (unpack(packed.data, packed.length, &options, &content, &same) ==
			    SR_OK) {
				assert_true(same);
				harmless++;
			}
			packed.data[i] ^= (unsigned char)(1 << bit);
		}
	}
	assert_true(harmless < 16);
	free(packed.data);
	free(content.data);
}

/* Cut off at every length, and with something behind it. */
static void test_length(void **state)
{
	(void)state;
	for (int i = 1; i < 4; i++) {
		const sr_archive_options options = options_of(i & 1, i & 2);
		bytes content = make(200);
		bytes packed = pack(&content, &options);

		/* With less than its first bytes it is not known for what it was. */
		for (size_t length = 8; length < packed.length; length++)
			assert_found(packed.data, length, &options, &content, length);
		packed.data[packed.length] = 0; /* There is room for one more. */
		assert_found(packed.data, packed.length + 1, &options, &content, packed.length);
		packed.data = realloc(packed.data, 2 * packed.length);
		assert_non_null(packed.data);
		memcpy(packed.data + packed.length, packed.data, packed.length);
		assert_found(packed.data, 2 * packed.length, &options, &content, packed.length);
		free(packed.data);
		free(content.data);
	}
}

#define CHUNK (SR_SEAL_CHUNK + SR_SEAL_TAG)

/* Whole chunks moved about: each is valid, but not there. */
static void test_chunks(void **state)
{
	const sr_archive_options options = options_of(false, true);
	bytes content = make(3 * SR_SEAL_CHUNK);
	bytes packed = pack(&content, &options);
	bytes other = pack(&content, &options);
	unsigned char *first = packed.data + SR_SEAL_HEADER,
		      *twisted = malloc(packed.length + CHUNK);
	bool same;

	(void)state;
	assert_non_null(twisted);
	assert_int_equal(packed.length, SR_SEAL_HEADER + 3 * CHUNK);
	assert_done(unpack(packed.data, packed.length, &options, &content, &same));
	/* Cut off between two. */
	for (size_t n = 0; n < 3; n++)
		assert_found(packed.data, SR_SEAL_HEADER + n * CHUNK, &options, &content, n);
	/* The first two in the other order. */
	memcpy(twisted, packed.data, packed.length);
	memcpy(twisted + SR_SEAL_HEADER, first + CHUNK, CHUNK);
	memcpy(twisted + SR_SEAL_HEADER + CHUNK, first, CHUNK);
	assert_found(twisted, packed.length, &options, &content, 0);
	/* The first one twice, in place of the second and before it. */
	memcpy(twisted, packed.data, packed.length);
	memcpy(twisted + SR_SEAL_HEADER + CHUNK, first, CHUNK);
	assert_found(twisted, packed.length, &options, &content, 1);
	memcpy(twisted + SR_SEAL_HEADER + CHUNK, first, 3 * CHUNK);
	assert_found(twisted, packed.length + CHUNK, &options, &content, 2);
	/* The second left out, and the last. */
	memcpy(twisted, packed.data, packed.length);
	memcpy(twisted + SR_SEAL_HEADER + CHUNK, first + 2 * CHUNK, CHUNK);
	assert_found(twisted, packed.length - CHUNK, &options, &content, 3);
	/* One of another file with the same key and content. */
	memcpy(twisted, packed.data, packed.length);
	memcpy(twisted + SR_SEAL_HEADER + CHUNK, other.data + SR_SEAL_HEADER + CHUNK, CHUNK);
	assert_found(twisted, packed.length, &options, &content, 4);
	/* The header of another file. */
	memcpy(twisted, packed.data, packed.length);
	memcpy(twisted, other.data, SR_SEAL_HEADER);
	assert_found(twisted, packed.length, &options, &content, 5);
	free(twisted);
	free(other.data);
	free(packed.data);
	free(content.data);
}

static void test_keys(void **state)
{
	sr_archive_options options = options_of(false, true);
	bytes content = make(100);
	bytes packed = pack(&content, &options);
	bool same;

	(void)state;
	options.key_length--;
	assert_fails(unpack(packed.data, packed.length, &options, &content, &same), SR_WRONG_KEY,
		     "not the one it was encrypted with");
	options.key = NULL;
	assert_fails(unpack(packed.data, packed.length, &options, &content, &same), SR_WRONG_KEY,
		     "give its key");
	/* Two of the same are not alike. */
	options = options_of(false, true);
	{
		bytes again = pack(&content, &options);

		assert_int_equal(again.length, packed.length);
		assert_memory_not_equal(again.data + SR_SEAL_AT_SALT, packed.data + SR_SEAL_AT_SALT,
					16);
		assert_memory_not_equal(again.data + SR_SEAL_HEADER, packed.data + SR_SEAL_HEADER,
					100);
		free(again.data);
	}
	free(packed.data);
	free(content.data);
}

/* What a header asks for before it can be checked. */
static void test_headers(void **state)
{
	const sr_archive_options options = options_of(false, true);
	bytes content = make(100);
	bytes packed = pack(&content, &options);
	bool same;

	(void)state;
	packed.data[SR_SEAL_AT_COST] = 63;
	assert_fails(unpack(packed.data, packed.length, &options, &content, &same), SR_CORRUPT,
		     "a key that nobody makes");
	packed.data[SR_SEAL_AT_COST] = 1;
	packed.data[SR_SEAL_AT_LANES] = 255;
	assert_fails(unpack(packed.data, packed.length, &options, &content, &same), SR_CORRUPT,
		     "a key that nobody makes");
	packed.data[SR_SEAL_AT_LANES] = 1;
	packed.data[SR_SEAL_AT_CHUNK + 3] = 1;
	assert_fails(unpack(packed.data, packed.length, &options, &content, &same), SR_CORRUPT,
		     "chunks of another size");
	packed.data[SR_SEAL_AT_CHUNK + 3] = 0;
	packed.data[SR_SEAL_AT_VERSION] = 2;
	assert_fails(unpack(packed.data, packed.length, &options, &content, &same), SR_TOO_NEW,
		     "format 2");
	free(packed.data);
	free(content.data);
}

static bool cancel_late(void *arg, int64_t done, int64_t total)
{
	int *calls = arg;

	assert_true(done <= total);
	return --*calls == 0;
}

static void test_files(void **state)
{
	sr_archive_options options = options_of(true, true);
	const char *in = scratch_path("in"), *out = scratch_path("out");
	sr_archive_content content;
	bytes bytes_in = make(500000);
	sr_archive_kind kind;
	int calls = 2;

	(void)state;
	put(in, bytes_in.data, bytes_in.length);
	/* Never over another. */
	put(out, "mine", 4);
	assert_fails(sr_archive_pack(in, out, &options, &content), SR_EXISTS, "out");
	assert_fails(sr_archive_unpack(in, out, &options, &content), SR_EXISTS, "out");
	assert_int_equal(unlink(out), 0);
	options.progress = cancel_late;
	options.progress_arg = &calls;
	assert_fails(sr_archive_pack(in, out, &options, &content), SR_INTERRUPTED, "cancelled");
	assert_int_equal(access(out, F_OK), -1);
	assert_fails(sr_archive_pack(scratch_path("none"), out, &options, &content), SR_NOT_FOUND,
		     "none");
	assert_fails(sr_archive_pack(scratch_folder(), out, &options, &content), SR_INVALID,
		     "no file");
	assert_done(sr_archive_identify(in, &kind));
	assert_int_equal(kind, SR_ARCHIVE_PLAIN);
	assert_fails(sr_archive_unpack(in, out, &options, &content), SR_CORRUPT, "neither");
	free(bytes_in.data);
}

/* Whether a file that begins so is looked at while this process has it open. */
static bool is_looked_at(const char *begin, size_t length, int how)
{
	const char *path = scratch_path("held");
	char content[512] = {0};
	sr_archive_kind kind;
	sr_status rc;
	int fd;

	memcpy(content, begin, length);
	put(path, content, length < 16 ? length : sizeof(content));
	fd = open(path, how);
	assert_true(fd >= 0);
	rc = sr_archive_identify(path, &kind);
	close(fd);
	if (rc != SR_OK)
		assert_fails(rc, SR_INVALID, "this process has open");
	return rc == SR_OK;
}

/* Looking at a database drops the locks that this process has there; at a text it does not. */
static void test_open_here(void **state)
{
	static const char *const heads[] = {
		"SQLite format 3\0\x10\0\2\2\0\x40\x20\x20",
		"\x37\x7f\x06\x82\x00\x2d\xe2\x18\x00\x00\x10\x00\x00\x00\x00\x00",
		"\x37\x7f\x06\x83\x00\x2d\xe2\x18\x00\x00\x10\x00\x00\x00\x00\x00",
		"\x18\xe2\x2d\x00\x00\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x10",
		"\x00\x2d\xe2\x18\x00\x00\x00\x00\x00\x00\x00\x09\x01\x00\x10\x00",
		"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7\xff\xff\xff\xff\xff\xff\xff\xff",
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	};
	static const char text[] = "2026-01-31 backup of one\n";

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		assert_false(is_looked_at(heads[i], 16, O_RDWR));
		assert_false(is_looked_at(heads[i], 16, O_RDONLY));
		/* SQLite never opens a file so. */
		assert_true(is_looked_at(heads[i], 16, O_WRONLY));
	}
	/* What has not become one yet. */
	assert_false(is_looked_at("", 0, O_RDWR));
	assert_false(is_looked_at(text, 15, O_RDWR));
	assert_true(is_looked_at(text, 16, O_RDWR));
	assert_true(is_looked_at(text, 16, O_RDONLY));
	assert_true(is_looked_at("", 0, O_WRONLY | O_APPEND));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip), TEST(test_flipped_bits), TEST(test_flipped_zstd),
		TEST(test_length),     TEST(test_chunks),       TEST(test_keys),
		TEST(test_headers),    TEST(test_files),        TEST(test_open_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
