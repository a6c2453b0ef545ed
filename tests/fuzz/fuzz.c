#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "unit/scratch.h"

static int errors = STDERR_FILENO; /* Where findings go; standard error may be closed. */
static char folder[4096];

__attribute__((constructor)) static void keep_errors(void)
{
	errors = dup(STDERR_FILENO);
}

void fuzz_bad(const char *file, int line, const char *words, ...)
{
	va_list args;

	va_start(args, words);
	dprintf(errors, "FOUND: %s:%d: ", file, line);
	vdprintf(errors, words, args);
	dprintf(errors, "\n");
	va_end(args);
	abort();
}

/* ---- Words ---- */

/* U+202A to U+202E, U+2066 to U+2069, U+200E, U+200F, U+061C; C1 is U+0080 to U+009F. */
static bool turns(const unsigned char *at, size_t left)
{
	if (left >= 2 && at[0] == 0xC2 && at[1] < 0xA0)
		return true;
	if (left >= 2 && at[0] == 0xD8 && at[1] == 0x9C)
		return true;
	if (left < 3 || at[0] != 0xE2)
		return false;
	return (at[1] == 0x80 &&
		(at[2] == 0x8E || at[2] == 0x8F || (at[2] >= 0xAA && at[2] <= 0xAE))) ||
	       (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);
}

bool fuzz_drives(const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;

	if (!sr_text_is_utf8((sr_text){bytes, length}))
		return true;
	for (size_t i = 0; i < length; i++)
		if (at[i] < ' ' || at[i] == 0x7F || turns(at + i, length - i))
			return true;
	return false;
}

bool fuzz_inner(sr_status rc)
{
	const char *words = sr_error_message();

	if (rc == SR_OK)
		return true;
	if (words[0] == '\0' || fuzz_drives(words, strlen(words)))
		fuzz_bad(__FILE__, __LINE__, "%s: '%s'", sr_status_name(rc), words);
	return false;
}

bool fuzz_done(sr_status rc)
{
	if (rc == SR_OK && sr_error_message()[0] != '\0')
		fuzz_bad(__FILE__, __LINE__, "done, but: %s", sr_error_message());
	return fuzz_inner(rc);
}

/* ---- Bytes ---- */

void *fuzz_bytes(const void *bytes, size_t length)
{
	char *copy = malloc(length > 0 ? length : 1);

	FUZZ_CHECK(copy != NULL);
	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

char *fuzz_string(const void *bytes, size_t length)
{
	char *copy = malloc(length + 1);

	FUZZ_CHECK(copy != NULL);
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

uint64_t fuzz_number(fuzz_input *input, size_t width)
{
	uint64_t number = 0;

	for (size_t i = 0; i < width && input->left > 0; i++, input->at++, input->left--)
		number |= (uint64_t)*input->at << (8 * i);
	return number;
}

static sr_text take(fuzz_input *input, size_t length)
{
	sr_text text = {(const char *)input->at, length < input->left ? length : input->left};

	input->at += text.length;
	input->left -= text.length;
	return text;
}

sr_text fuzz_text(fuzz_input *input)
{
	return take(input, (size_t)fuzz_number(input, 1));
}

sr_text fuzz_rest(fuzz_input *input)
{
	return take(input, input->left);
}

/* ---- Files ---- */

static void remove_folder(void)
{
	scratch_remove(folder);
}

const char *fuzz_folder(void)
{
	const char *parent = getenv("TMPDIR");

	if (folder[0] == '\0') {
		snprintf(folder, sizeof(folder), "%s/strongroom-fuzz-XXXXXX",
			 parent != NULL ? parent : "/tmp");
		FUZZ_CHECK(mkdtemp(folder) != NULL);
		atexit(remove_folder);
	}
	return folder;
}

const char *fuzz_path(const char *name)
{
	static char paths[8][4200];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", fuzz_folder(), name);
	return path;
}

const char *fuzz_file(const char *name, const void *bytes, size_t length)
{
	const char *path = fuzz_path(name);
	FILE *file = fopen(path, "wb");

	FUZZ_CHECK(file != NULL);
	FUZZ_CHECK(fwrite(bytes, 1, length, file) == length);
	FUZZ_CHECK(fclose(file) == 0);
	return path;
}
