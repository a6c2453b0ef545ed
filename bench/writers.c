/*
 * Many writers at once, one file each, every one of them durable when its call returns, beside a
 * connection of SQLite's own a thread.
 *
 * usage: bench_writers FOLDER [ROWS [SECONDS [ROUNDS [THREADS]]]]
 *
 * Makes a catalog of so many recorded files (300000) in FOLDER and a copy of it. Then the library
 * and SQLite alone add new files to one each, in turns: the same columns, tables, triggers,
 * indexes and durability. bench_print says what the line means.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common.h"

static void new_file(bench_file *made, uint64_t number)
{
	sr_id client;

	bench_client_id(&client, (unsigned)(bench_random(number) % BENCH_CLIENTS));
	bench_file_make(made, number, &client, true);
}

/* ---- Ours ---- */

static void save(void *side, void *own, uint64_t number)
{
	bench_file made;

	(void)own;
	new_file(&made, number);
	bench_check("saving a file", sr_file_save(side, &made.file, 1, NULL, NULL, NULL));
}

static void run_ours(const char *path, int threads, double seconds, bench_figures *figures)
{
	bench_side side = {.work = save};
	sr_catalog *catalog;
	sr_options options;

	sr_options_init(&options);
	options.path = path;
	bench_check(path, sr_open(&catalog, &options));
	side.side = catalog;
	bench_threads(&side, threads, seconds, figures);
	bench_check(path, sr_close(catalog));
}

/* ---- Theirs ---- */

static void *begin(void *side)
{
	return bench_insert_prepare(bench_open(side));
}

static void insert(void *side, void *own, uint64_t number)
{
	bench_file made;

	(void)side;
	new_file(&made, number);
	bench_insert(own, &made.file);
}

static void end(void *own)
{
	sqlite3 *db = sqlite3_db_handle(own);

	sqlite3_finalize(own);
	sqlite3_close(db);
}

int main(int argc, char **argv)
{
	int64_t rows = argc > 2 ? atoll(argv[2]) : 300000;
	double seconds = argc > 3 ? atof(argv[3]) : 4;
	int rounds = argc > 4 ? atoi(argv[4]) : 3, threads = argc > 5 ? atoi(argv[5]) : 64;
	bench_figures ours[BENCH_MOST_ROUNDS], theirs[BENCH_MOST_ROUNDS];
	char path[4096], copy[4096], name[32];
	bench_side side = {copy, begin, insert, end};

	if (argc < 2 || rows < 1 || !(seconds > 0) || rounds < 1 || rounds > BENCH_MOST_ROUNDS ||
	    threads < 1) {
		fprintf(stderr,
			"usage: bench_writers FOLDER [ROWS [SECONDS [ROUNDS [THREADS]]]]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/bench_writers.db", argv[1]);
	snprintf(copy, sizeof(copy), "%s/bench_writers.copy", argv[1]);
	bench_remove(path);
	bench_remove(copy);
	bench_catalog_make(path, rows, true);
	bench_copy(path, copy);
	for (int i = 0; i < rounds; i++) {
		bench_threads(&side, threads, seconds, &theirs[i]);
		run_ours(path, threads, seconds, &ours[i]);
	}
	snprintf(name, sizeof(name), "writers_%d", threads);
	bench_print(name, "rows/s", ours, theirs, rounds);
	bench_remove(path);
	bench_remove(copy);
	return 0;
}
