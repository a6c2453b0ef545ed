/* Keys wrapped under a master key, and key rings: what went in comes out for its owner alone, and
 * whatever else is done to either is found. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ring.h"
#include "expect.h"
#include "scratch.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

static sr_text text(const void *bytes, size_t length)
{
	return (sr_text){bytes, length};
}

/* ---- HKDF ---- */

static void unhex(const char *hex, unsigned char *out)
{
	for (size_t i = 0; hex[2 * i] != '\0'; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (unsigned char)byte;
	}
}

/* Computed with another implementation (Python's hmac), and RFC 5869's third case up to its 32nd
 * byte. */
static void test_hkdf(void **state)
{
	unsigned char secret[32], out[32], expected[32];

	(void)state;
	memset(secret, 0x0b, 22);
	unhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d", expected);
	assert_done(sr_hkdf(secret, 22, "", out));
	assert_memory_equal(out, expected, 32);
	for (int i = 0; i < 32; i++)
		secret[i] = (unsigned char)i;
	unhex("f3de7467d06cf720b5c629b3fc226a23a46b1cdf6f574f3cda20c203d16f6306", expected);
	assert_done(sr_hkdf(secret, 32, "strongroom: id of a master key", out));
	assert_memory_equal(out, expected, 32);
}

/* ---- Wrapping ---- */

static sr_master master_new(void)
{
	sr_master master;

	assert_done(sr_master_new(&master));
	assert_int_equal(strlen(master.id), 16);
	return master;
}

static void test_round_trip(void **state)
{
	static const size_t lengths[] = {1, 15, 16, 17, 24, 31, 32, 33, 100, 4096};
	const sr_master master = master_new();
	unsigned char key[4096], wrapped[4096 + SR_WRAP_MORE], again[sizeof(wrapped)], out[4096];
	char id[SR_MASTER_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 7 + 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const size_t n = lengths[i];
		bool good;

		assert_done(sr_wrap(&master, text("owner", 5), text(key, n), wrapped));
		assert_true(sr_is_wrapped(text(wrapped, n + SR_WRAP_MORE)));
		sr_wrapped_id(text(wrapped, n + SR_WRAP_MORE), id);
		assert_string_equal(id, master.id);
		/* Never the same twice, and nothing of the key. */
		assert_done(sr_wrap(&master, text("owner", 5), text(key, n), again));
		assert_memory_not_equal(wrapped, again, n + SR_WRAP_MORE);
		assert_true(n < 4 || memmem(wrapped, n + SR_WRAP_MORE, key, 4) == NULL);
		assert_done(sr_unwrap(&master, text("owner", 5), text(wrapped, n + SR_WRAP_MORE),
				      out, &good));
		assert_true(good);
		assert_memory_equal(out, key, n);
	}
}

/* None of ours has the length of an AES key, and no AES key is taken for one of ours. */
static void test_what_is_wrapped(void **state)
{
	unsigned char bytes[64] = "\x93SRKEY\n\x01";

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(sr_is_wrapped(text(bytes, n)), n >= 44);
	bytes[7] = 2;
	assert_false(sr_is_wrapped(text(bytes, 64)));
	assert_false(sr_is_wrapped(text(NULL, 0)));
}

/* Five of the first eight bytes tell what was one. */
static void test_what_was_wrapped(void **state)
{
	unsigned char bytes[64] = "\x93SRKEY\n\x01";

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(sr_was_wrapped(text(bytes, n)), n >= 5 && n < 44);
	for (size_t i = 0; i < 8; i++) {
		bytes[i] ^= 0x40;
		assert_int_equal(sr_was_wrapped(text(bytes, 64)), i < 3);
	}
	assert_false(sr_was_wrapped(text(NULL, 0)));
}

/* Any bit of it, another owner, another master key, a part of it. */
static void test_changed(void **state)
{
	const sr_master master = master_new();
	sr_master other = master_new();
	unsigned char wrapped[32 + SR_WRAP_MORE], out[64];
	const sr_text owner = text("0123456789abcdef", 16);
	bool good;

	(void)state;
	assert_done(sr_wrap(&master, owner, text("abcdefghijklmnopqrstuvwxyz012345", 32), wrapped));
	for (size_t bit = 0; bit < sizeof(wrapped) * 8; bit++) {
		wrapped[bit / 8] ^= (unsigned char)(1 << bit % 8);
		memset(out, 1, sizeof(out));
		assert_done(sr_unwrap(&master, owner, text(wrapped, sizeof(wrapped)), out, &good));
		assert_false(good);
		for (size_t i = 0; i < 32; i++)
			assert_int_equal(out[i], 0);
		wrapped[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t n = SR_WRAP_MORE; n < sizeof(wrapped); n++) {
		assert_done(sr_unwrap(&master, owner, text(wrapped, n), out, &good));
		assert_false(good);
	}
	assert_done(
		sr_unwrap(&master, text("0123456789abcdeF", 16), text(wrapped, 76), out, &good));
	assert_false(good);
	assert_done(sr_unwrap(&master, text("", 0), text(wrapped, 76), out, &good));
	assert_false(good);
	assert_done(sr_unwrap(&other, owner, text(wrapped, 76), out, &good));
	assert_false(good);
	assert_done(sr_unwrap(&master, owner, text(wrapped, 76), out, &good));
	assert_true(good);
}

/* ---- Rings ---- */

static char *ring_text(const char *path)
{
	static char buffer[SR_RING_BYTES_MAX];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	buffer[fread(buffer, 1, sizeof(buffer) - 1, file)] = '\0';
	fclose(file);
	return buffer;
}

static sr_status change(const char *path, sr_ring_edit_fn edit, void *arg)
{
	sr_ring_hold hold;
	sr_status rc = sr_ring_hold_take(path, 30, &hold);

	if (rc == SR_OK)
		rc = sr_ring_hold_change(&hold, edit, arg);
	sr_ring_hold_end(&hold);
	return rc;
}

static sr_status add_master(void *arg, sr_ring *ring)
{
	return sr_ring_add(ring, arg);
}

static sr_status refuse(void *arg, sr_ring *ring)
{
	(void)arg;
	sr_ring_remove(ring, 0);
	return SR_INTERRUPTED;
}

static int files_in_folder(void)
{
	char command[256];
	FILE *pipe;
	int count = 0;

	snprintf(command, sizeof(command), "ls -A '%s'", scratch_folder());
	pipe = popen(command, "r");
	assert_non_null(pipe);
	for (int c; (c = getc(pipe)) != EOF;)
		count += c == '\n';
	pclose(pipe);
	return count;
}

static void test_ring_file(void **state)
{
	const char *path = scratch_path("ring");
	const sr_master first = master_new();
	sr_master second = master_new();
	struct stat st;
	sr_ring *ring;
	mode_t mask = umask(0777);

	(void)state;
	assert_fails(sr_ring_read(path, &ring), SR_NOT_FOUND, "ring");
	assert_done(sr_ring_create(path, &first));
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_fails(sr_ring_create(path, &second), SR_EXISTS, path);
	assert_done(change(path, add_master, &second));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_fails(change(path, refuse, NULL) == SR_INTERRUPTED ? sr_ring_create(path, &first)
								  : SR_OK,
		     SR_EXISTS, path);
	assert_done(sr_ring_read(path, &ring));
	assert_int_equal(ring->count, 2);
	assert_string_equal(sr_ring_newest(ring)->id, second.id);
	assert_memory_equal(sr_ring_find(ring, first.id)->secret, first.secret, SR_MASTER_SIZE);
	assert_memory_equal(sr_ring_find(ring, first.id)->wrapping, first.wrapping, 32);
	assert_null(sr_ring_find(ring, "0000000000000000"));
	assert_string_equal(sr_ring_newest(ring)->made, second.made);
	sr_ring_free(ring);
	/* Nothing but the ring is left. */
	assert_int_equal(files_in_folder(), 1);
}

static void test_ring_file_refused(void **state)
{
	char path[256];
	const sr_master master = master_new();
	sr_ring *ring = NULL;

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch_path("ring"));
	assert_done(sr_ring_create(path, &master));
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		assert_int_equal(chmod(path, 0600 | bit), 0);
		assert_fails(sr_ring_read(path, &ring), SR_PERMISSION, "chmod 600");
		assert_fails(change(path, add_master, (void *)&master), SR_PERMISSION, path);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_done(sr_ring_read(path, &ring));
	sr_ring_free(ring);
	assert_int_equal(symlink(path, scratch_path("link")), 0);
	assert_fails(sr_ring_read(scratch_path("link"), &ring), SR_REFUSED, "link");
	assert_fails(change(scratch_path("link"), add_master, (void *)&master), SR_REFUSED, "link");
	assert_fails(sr_ring_create(scratch_path("link"), &master), SR_EXISTS, "link");
	assert_int_equal(symlink(scratch_path("nowhere"), scratch_path("dangling")), 0);
	assert_fails(sr_ring_create(scratch_path("dangling"), &master), SR_EXISTS, "dangling");
	assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
	assert_fails(sr_ring_read(scratch_path("pipe"), &ring), SR_REFUSED, "pipe");
	assert_fails(sr_ring_read(scratch_folder(), &ring), SR_REFUSED, "regular");
	assert_fails(sr_ring_create(scratch_path("no/ring"), &master), SR_NOT_FOUND, "no/ring'");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, SR_RING_BYTES_MAX + 1), 0);
	assert_fails(sr_ring_read(path, &ring), SR_INVALID, "65537");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 0), 0);
		assert_fails(sr_ring_read(path, &ring), SR_PERMISSION, "12345");
	}
	assert_null(ring);
}

/* Whatever is no ring is refused with its line, and no message has any of the key. */
static void test_ring_text(void **state)
{
	static const char *const wrong[] = {
		"x",
		"%.15s 2026-01-31T09:30:00Z %s",
		"%s %.0s",
		"%s yesterday %s",
		"%s 2026-01-31T09:30:00Z %.43s",
		"%s 2026-01-31T09:30:00Z %sA",
		"%s 2026-01-31T09:30:00Z %s more",
		"%s 2026-01-31T09:30:00Z !%s",
		"0123456789abcdef%.0s 2026-01-31T09:30:00Z %s",
	};
	const char *path = scratch_path("ring");
	const sr_master master = master_new();
	char whole[1024], line[1024], id[64], base64[64], made[64];
	sr_ring *ring;

	(void)state;
	assert_done(sr_ring_create(path, &master));
	assert_int_equal(
		sscanf(strstr(ring_text(path), master.id), "%63s %63s %63s", id, made, base64), 3);
	assert_string_equal(made, master.made);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), wrong[i], id, base64);
#pragma GCC diagnostic pop
		snprintf(whole, sizeof(whole), "# one\n\n%s\n", line);
		assert_fails(sr_ring_parse(whole, strlen(whole), "it", &ring), SR_INVALID,
			     "line 3 of it");
		assert_null(ring);
		assert_null(strstr(sr_error_message(), "=="));
		for (size_t at = 0; at + 8 < strlen(base64); at++) {
			char part[9] = "";

			memcpy(part, base64 + at, 8);
			assert_null(strstr(sr_error_message(), part));
		}
	}
	/* Blanks, line ends of others, the same twice, no newline at the end, nothing at all. */
	snprintf(whole, sizeof(whole), "# \xff\r\n  %s\t%s  %s \r\n%s %s %s", id, made, base64, id,
		 made, base64);
	assert_done(sr_ring_parse(whole, strlen(whole), "it", &ring));
	assert_int_equal(ring->count, 1);
	assert_memory_equal(ring->masters[0].secret, master.secret, SR_MASTER_SIZE);
	sr_ring_free(ring);
	assert_done(sr_ring_parse("", 0, "it", &ring));
	assert_int_equal(ring->count, 0);
	assert_null(sr_ring_newest(ring));
	sr_ring_free(ring);
	/* As many as fit into what is written, and no more. */
	assert_done(sr_ring_parse("", 0, "it", &ring));
	for (int i = 0; i < SR_RING_KEYS_MAX; i++)
		assert_done(sr_ring_add(ring, &master));
	assert_fails(sr_ring_add(ring, &master), SR_INVALID, "512");
	sr_ring_free(ring);
}

static void *adds(void *path)
{
	for (int i = 0; i < 10; i++) {
		sr_master master;

		if (sr_master_new(&master) != SR_OK || change(path, add_master, &master) != SR_OK)
			return path;
	}
	return NULL;
}

/* Who changes it waits for others, and nobody's key is lost. */
static void test_ring_changed_at_once(void **state)
{
	char path[256];
	const sr_master master = master_new();
	pthread_t threads[4];
	sr_ring *ring;

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch_path("ring"));
	assert_done(sr_ring_create(path, &master));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, adds, path), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_done(sr_ring_read(path, &ring));
	assert_int_equal(ring->count, 41);
	sr_ring_free(ring);
	assert_int_equal(files_in_folder(), 1);
}

static void test_ring_command(void **state)
{
	const char *path = scratch_path("ring");
	const sr_master master = master_new();
	char command[512];
	sr_ring *ring;

	(void)state;
	assert_done(sr_ring_create(path, &master));
	snprintf(command, sizeof(command), "cat '%s'", path);
	assert_done(sr_ring_run(command, 20, &ring));
	assert_string_equal(sr_ring_newest(ring)->id, master.id);
	sr_ring_free(ring);
	assert_fails(sr_ring_run("exit 7", 20, &ring), SR_IO, "status 7");
	assert_null(ring);
	assert_fails(sr_ring_run("kill -9 $$", 20, &ring), SR_IO, "signal 9");
	assert_fails(sr_ring_run("echo hello", 20, &ring), SR_INVALID, "line 1");
	assert_null(strstr(strchr(sr_error_message(), ':'), "hello"));
	assert_fails(sr_ring_run("yes", 20, &ring), SR_INVALID, "65536");
	assert_fails(sr_ring_run("exec sleep 60", 0.2, &ring), SR_BUSY, "sleep 60");
	/* Also where it has nothing more to print. */
	snprintf(command, sizeof(command), "cat '%s'; exec >&-; sleep 600", path);
	assert_fails(sr_ring_run(command, 0.2, &ring), SR_BUSY, "took longer");
	assert_null(ring);
	/* What the command has started is ended with it: nobody has the pipe any more. */
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_fails(sr_ring_run("sleep 600 & sleep 600", 0.2, &ring), SR_BUSY, "took longer");
	close(ends[1]);
	struct pollfd gone = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&gone, 1, 20000), 1);
	close(ends[0]);
	/* It reads nothing that the program may be reading. */
	snprintf(command, sizeof(command), "cat; cat '%s'", path);
	assert_done(sr_ring_run(command, 20, &ring));
	sr_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hkdf),
		TEST(test_round_trip),
		TEST(test_what_is_wrapped),
		TEST(test_what_was_wrapped),
		TEST(test_changed),
		TEST(test_ring_file),
		TEST(test_ring_file_refused),
		TEST(test_ring_text),
		TEST(test_ring_changed_at_once),
		TEST(test_ring_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
