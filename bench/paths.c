#include "paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define ROWS_A_CLIENT  10000
#define FEWEST_CLIENTS 10
#define GENERATION_NS  (INT64_C(14) * 86400 * 1000000000)
#define RECORDED_US    INT64_C(1780000000000000) /* When the first row was. */
#define ROWS_A_BATCH   1000

typedef struct entry {
	const char *path;
	const char *mime_type; /* "" where it is not known. */
	int64_t size;
	int64_t modified_ns;
} entry;

struct bench_paths {
	char *bytes;     /* Of the file, */
	entry *entries;  /* which point into it. */
	int64_t count;   /* Of entries. */
	int64_t rows;    /* Of the order. */
	int64_t clients; /* Each has so many rows: */
	int64_t slice;
	uint32_t *places; /* Which row is where; NULL: each at its own number. */
};

static char *read_whole(const char *name, size_t *length)
{
	FILE *file = fopen(name, "rb");
	char *bytes = NULL;
	long size;

	if (file == NULL)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 &&
	    fseek(file, 0, SEEK_SET) == 0 && (bytes = malloc((size_t)size)) != NULL) {
		*length = (size_t)size;
		if (fread(bytes, 1, *length, file) != *length || bytes[*length - 1] != '\0') {
			free(bytes);
			bytes = NULL;
		}
	}
	fclose(file);
	return bytes;
}

static const char *next(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

static bool split(bench_paths *paths, size_t length)
{
	const char *at = paths->bytes, *end = paths->bytes + length;
	int64_t texts = 0;

	for (size_t i = 0; i < length; i++)
		texts += paths->bytes[i] == '\0';
	paths->count = texts / 4;
	if (texts % 4 != 0 || paths->count == 0)
		return false;
	paths->entries = calloc((size_t)paths->count, sizeof(*paths->entries));
	if (paths->entries == NULL)
		return false;
	for (int64_t i = 0; i < paths->count && at < end; i++) {
		entry *own = &paths->entries[i];

		own->path = next(&at);
		own->size = strtoll(next(&at), NULL, 10);
		own->modified_ns = strtoll(next(&at), NULL, 10);
		own->mime_type = next(&at);
	}
	return true;
}

static bool shuffle(bench_paths *paths)
{
	paths->places = malloc((size_t)paths->rows * sizeof(*paths->places));
	if (paths->places == NULL)
		return false;
	for (int64_t i = 0; i < paths->rows; i++)
		paths->places[i] = (uint32_t)i;
	for (int64_t i = paths->rows - 1; i > 0; i--) {
		int64_t other = (int64_t)(bench_random((uint64_t)i) % (uint64_t)(i + 1));
		uint32_t own = paths->places[i];

		paths->places[i] = paths->places[other];
		paths->places[other] = own;
	}
	return true;
}

bench_paths *bench_paths_read(const char *name, int64_t rows, bool shuffled)
{
	bench_paths *paths = calloc(1, sizeof(*paths));
	size_t length = 0;

	if (paths == NULL)
		goto err0;
	paths->rows = rows;
	paths->clients = rows / ROWS_A_CLIENT;
	if (paths->clients < FEWEST_CLIENTS)
		paths->clients = FEWEST_CLIENTS;
	paths->slice = (rows + paths->clients - 1) / paths->clients;
	if ((paths->bytes = read_whole(name, &length)) == NULL || !split(paths, length) ||
	    (shuffled && !shuffle(paths)))
		goto err1;
	return paths;

err1:
	bench_paths_free(paths);
err0:
	fprintf(stderr, "bench: %s: is no list of paths, or there is not enough memory\n", name);
	return NULL;
}

void bench_paths_free(bench_paths *paths)
{
	if (paths == NULL)
		return;
	free(paths->places);
	free(paths->entries);
	free(paths->bytes);
	free(paths);
}

unsigned bench_paths_clients(const bench_paths *paths)
{
	return (unsigned)paths->clients;
}

void bench_paths_client(unsigned number, sr_id *id, char name[32])
{
	bench_client_id(id, number);
	snprintf(name, 32, "client-%04u", number);
}

/* A client has one part of the tree; all together have it once a generation. Where there are fewer
 * rows than paths the parts lie apart, so that they come from everywhere. */
static const entry *locate(const bench_paths *paths, int64_t row, int64_t *generation)
{
	if (row / paths->count > 0 || paths->rows >= paths->count) {
		*generation = row / paths->count;
		return &paths->entries[row % paths->count];
	}
	*generation = 0;
	return &paths->entries[row / paths->slice * paths->count / paths->clients +
			       row % paths->slice];
}

/* As sr_file_save derives it, of names that are ASCII there. */
static void set_extension(bench_row *made)
{
	const char *dot = strrchr(made->file.name.data, '.');
	size_t length = dot != NULL ? strlen(dot + 1) : 0;

	if (length == 0 || length > 10 || dot == made->file.name.data)
		return;
	for (size_t i = 0; i <= length; i++) {
		char c = dot[i + 1];

		if (i < length && (c <= ' ' || c > '~'))
			return;
		made->extension[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	made->file.extension = sr_text_of(made->extension);
}

void bench_paths_row(const bench_paths *paths, int64_t place, bench_row *made)
{
	int64_t row = paths->places ? paths->places[place] : place, generation;
	const entry *from = locate(paths, row, &generation);
	uint64_t random = bench_random((uint64_t)row ^ UINT64_C(0xda7a00000000));
	sr_file *file = &made->file;
	char name[32];

	sr_file_init(file);
	bench_paths_client((unsigned)(row / paths->slice), &file->client_id, name);
	snprintf(made->path, sizeof(made->path), "/srv/g%02u%s", (unsigned)generation, from->path);
	file->original_path = file->path = sr_text_of(made->path);
	file->name = sr_text_of(strrchr(made->path, '/') + 1);
	/* From one generation to the next a file has changed a little. */
	file->size = from->size + from->size * (int64_t)(random % 16) / 100;
	file->modified_ns = from->modified_ns - generation * GENERATION_NS -
			    (int64_t)((random >> 4) % (uint64_t)GENERATION_NS);
	sr_time_format(file->modified_ns / 1000000000 * 1000000, made->date);
	file->date = sr_text_of(made->date);
	file->crc = (int64_t)(random >> 32);
	for (unsigned i = 0; i < 4; i++)
		snprintf(made->hash + (size_t)16 * i, 17, "%016" PRIx64, bench_random(random + i));
	file->hash = sr_text_of(made->hash);
	file->mime_type = sr_text_of(*from->mime_type != '\0' ? from->mime_type : NULL);
	file->inode = row + 1000000;
	set_extension(made);
	sr_time_format(RECORDED_US + row / ROWS_A_BATCH * 1000000, made->recorded_at);
	file->stored = false;
}
