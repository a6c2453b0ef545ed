/*
 * What the benchmarks share: catalogs made of the same files each time, threads that do one thing
 * for a while, and lines that a program can read. They stop the program when anything fails.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdint.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "strongroom.h"

#define BENCH_CLIENTS 1000

_Noreturn void bench_stop(const char *what, const char *why);

/* Stops with the library's words unless the status is SR_OK. */
void bench_check(const char *what, sr_status status);

/* ---- Catalogs ---- */

/* One file: the same for the same number, always. The texts are in it, so it is not to be moved. */
typedef struct bench_file {
	sr_file file;
	char path[256];
	char date[SR_TIME_TEXT_SIZE];
	char hash[SR_HASH_TEXT_SIZE];
} bench_file;

/* File `number` of the client. Recorded ones have all that `record` knows; else only the columns
 * that version 0 has. */
void bench_file_make(bench_file *made, uint64_t number, const sr_id *client, bool recorded);

/* The client with this number, from 0. */
void bench_client_id(sr_id *id, unsigned number);

/* Whose file `number` of so many rows is. */
unsigned bench_client_of(int64_t number, int64_t rows);

/* A number that looks like any other, and is the same for the same seed. */
uint64_t bench_random(uint64_t seed);

/* A new catalog with BENCH_CLIENTS clients and so many files of theirs, client after client. */
void bench_catalog_make(const char *path, int64_t rows, bool recorded);

/* The file, whole, to a new place; on the disk when it returns. Nobody has it open. */
void bench_copy(const char *from, const char *to);

/* Removes a database and what lies beside it. */
void bench_remove(const char *path);

/* ---- The other side: SQLite alone ---- */

/* A connection as a careful user of SQLite opens it: WAL, FULL, waits 30 s, the seed's cache of
 * 10,000 pages and its temporary storage in memory. */
sqlite3 *bench_open(const char *path);
void bench_sql(sqlite3 *db, const char *sql);
sqlite3_stmt *bench_prepare(sqlite3 *db, const char *sql);

/* Adds the file with what both sides write, as a transaction of its own; the columns of
 * bench_insert_prepare. Foreign keys and triggers act as they do for the library. */
sqlite3_stmt *bench_insert_prepare(sqlite3 *db);
void bench_insert(sqlite3_stmt *insert, const sr_file *file);

/* ---- Threads ---- */

/* What one thread does once; number is another one each time, in all threads of all rounds. */
typedef void (*bench_work)(void *side, void *own, uint64_t number);
typedef void *(*bench_begin)(void *side); /* A thread's own, made before time begins. */
typedef void (*bench_end)(void *own);

typedef struct bench_side {
	void *side;
	bench_begin begin; /* May be NULL. */
	bench_work work;
	bench_end end; /* May be NULL. */
} bench_side;

/* How it went. */
typedef struct bench_figures {
	double rate; /* Times a second, of all threads. */
	double p50;  /* How long one took, in milliseconds. */
	double p99;
	double max;
} bench_figures;

/* Runs so many threads for so many seconds; a rehearsal (README.md) takes a hundredth of that. */
void bench_threads(const bench_side *side, int threads, double seconds, bench_figures *figures);

/* ---- What is asked for, and what is printed: see README.md ---- */

typedef struct bench_options {
	const char *folder;
	int64_t rows;
	int rounds;
	const char *const *only; /* only_count names; none: all. */
	int only_count;
} bench_options;

/* Reads --folder, --rows, --rounds and --only; the fields hold their defaults before. */
void bench_arguments(bench_options *options, int argc, char **argv);

/* Whether the name, or one that begins so, is asked for. */
bool bench_wants(const bench_options *options, const char *name);

/* One line: ours, or theirs. */
void bench_print(const char *name, bool ours, double value, const char *unit);

/* "FOLDER/NAME". */
void bench_path(char path[4096], const bench_options *options, const char *name);

#endif
