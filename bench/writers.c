/*
 * Many writers at once, one file each, every one of them durable when its call returns, beside a
 * connection of SQLite's own a thread.
 *
 * Makes a catalog of so many recorded files and a copy of it. Then the library and SQLite alone
 * add new files to one each, in turns: the same columns, tables, triggers, indexes and durability.
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

#define SECONDS 3.0

/* One round of either side with so many threads; the names are those of 64, or points of curves. */
static void round_of(const char *path, char *copy, int threads, bool curve)
{
	static const char *const names[] = {"writers.rows", "writers.p99", "writers.max"};
	bench_side side = {copy, begin, insert, end};
	bench_figures figures;
	char name[64];

	for (int ours = 1; ours >= 0; ours--) {
		if (ours)
			run_ours(path, threads, SECONDS, &figures);
		else
			bench_threads(&side, threads, SECONDS, &figures);
		for (int i = 0; i < (curve ? 2 : 3); i++) {
			snprintf(name, sizeof(name), curve ? "%s@%d" : "%s", names[i], threads);
			bench_print(name, ours,
				    i == 0   ? figures.rate
				    : i == 1 ? figures.p99
					     : figures.max,
				    i == 0 ? "rows/s" : "ms");
		}
	}
}

int main(int argc, char **argv)
{
	bench_options options = {.rows = 300000, .rounds = 5};
	char path[4096], copy[4096];

	bench_arguments(&options, argc, argv);
	bench_path(path, &options, "writers.db");
	bench_path(copy, &options, "writers.copy");
	bench_catalog_make(path, options.rows, true);
	bench_copy(path, copy);
	printf("# %lld recorded files known; each writer saves one new file at a time, durably\n",
	       (long long)options.rows);
	for (int i = 0; i < options.rounds; i++)
		round_of(path, copy, 64, false);
	for (int threads = 1; threads <= 64 && bench_wants(&options, "writers.rows@"); threads *= 2)
		round_of(path, copy, threads, true);
	bench_remove(path);
	bench_remove(copy);
	return 0;
}
