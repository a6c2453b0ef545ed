/*
 * The files that benchmarks catalog: real paths of this machine with their sizes, times and types,
 * multiplied over clients and generations. The same row is the same file, always.
 */
#ifndef BENCH_PATHS_H
#define BENCH_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strongroom.h"

typedef struct bench_paths bench_paths;

/* One file. The texts are in it, so it is not to be moved. */
typedef struct bench_row {
	sr_file file;
	char path[4200];
	char date[SR_TIME_TEXT_SIZE];
	char hash[SR_HASH_TEXT_SIZE];
	char extension[12];
	char recorded_at[SR_TIME_TEXT_SIZE]; /* What the library would have noted. */
} bench_row;

/* Reads what bench/run has found: path, size, nanoseconds since 1970 and MIME type of each file, in
 * the order of a walk, every one ended by a NUL. NULL with a message on standard error. */
bench_paths *bench_paths_read(const char *name, int64_t rows, bool shuffled);
void bench_paths_free(bench_paths *paths);

unsigned bench_paths_clients(const bench_paths *paths);
void bench_paths_client(unsigned number, sr_id *id, char name[32]);

/* The file at that place of the order, without category. A thousand of a client are recorded in the
 * same second. */
void bench_paths_row(const bench_paths *paths, int64_t place, bench_row *row);

#endif
