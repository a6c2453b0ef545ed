/*
 * Eight threads that read and write at once, beside two other ways of sharing SQLite: a pool of
 * five connections that all write, and a connection that is opened and closed each time.
 *
 * Makes a catalog of so many recorded files and a copy of it. A write adds a
 * new file, durably; a read finds one by its client and path, with all its columns. All sides have
 * the same rows, indexes, triggers and durability, and take turns.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define THREADS 8
#define SECONDS 3.0
#define PLACES  5 /* As many as the seed's pool has. */

static int64_t rows_known;
static unsigned reads_in_ten;

/* Reads and writes are spread evenly over the numbers. */
static bool reads(uint64_t number)
{
	return bench_random(number ^ 0x4ead) % 10 < reads_in_ten;
}

static void new_file(bench_file *made, uint64_t number)
{
	sr_id client;

	bench_client_id(&client, (unsigned)(bench_random(number) % BENCH_CLIENTS));
	bench_file_make(made, number, &client, true);
}

/* One that is in the catalog from its beginning. */
static void known_file(bench_file *made, uint64_t number)
{
	int64_t i = (int64_t)(bench_random(number ^ 0x6e7) % (uint64_t)rows_known);
	sr_id client;

	bench_client_id(&client, bench_client_of(i, rows_known));
	bench_file_make(made, (uint64_t)i, &client, true);
}

/* ---- Ours ---- */

static void work_ours(void *side, void *own, uint64_t number)
{
	sr_file *found;
	bench_file made;

	(void)own;
	if (reads(number)) {
		known_file(&made, number);
		bench_check("finding a file", sr_file_find(side, &made.file.client_id,
							   made.file.original_path, &found));
		sr_file_free(found);
		return;
	}
	new_file(&made, number);
	bench_check("saving a file", sr_file_save(side, &made.file, 1, NULL, NULL, NULL));
}

static void run_ours(const char *path, bench_figures *figures)
{
	bench_side side = {.work = work_ours};
	sr_catalog *catalog;
	sr_options options;

	sr_options_init(&options);
	options.path = path;
	bench_check(path, sr_open(&catalog, &options));
	side.side = catalog;
	bench_threads(&side, THREADS, SECONDS, figures);
	bench_check(path, sr_close(catalog));
}

/* ---- Theirs ---- */

#define FIND                                                                                       \
	"SELECT f.*, c.Name FROM files f JOIN clients c ON c.ID = f.ClientID"                      \
	" WHERE f.ClientID = ?1 AND f.OriginalPath = ?2"

typedef struct connection {
	sqlite3 *db;
	sqlite3_stmt *find;
	sqlite3_stmt *insert;
	struct connection *next; /* In a pool. */
} connection;

static void open_connection(connection *c, const char *path)
{
	c->db = bench_open(path);
	c->find = bench_prepare(c->db, FIND);
	c->insert = bench_insert_prepare(c->db);
}

static void close_connection(connection *c)
{
	sqlite3_finalize(c->find);
	sqlite3_finalize(c->insert);
	sqlite3_close(c->db);
}

static void find(sqlite3_stmt *find, const sr_file *file)
{
	sqlite3_bind_blob(find, 1, file->client_id.bytes, sizeof(file->client_id.bytes),
			  SQLITE_STATIC);
	sqlite3_bind_text(find, 2, file->original_path.data, (int)file->original_path.length,
			  SQLITE_STATIC);
	if (sqlite3_step(find) != SQLITE_ROW)
		bench_stop("finding a file", sqlite3_errmsg(sqlite3_db_handle(find)));
	/* Its columns, as whoever asked for them would. */
	for (int i = 0; i < sqlite3_column_count(find); i++)
		(void)sqlite3_column_bytes(find, i);
	sqlite3_reset(find);
}

static void work_on(connection *c, uint64_t number)
{
	bench_file made;

	if (reads(number)) {
		known_file(&made, number);
		find(c->find, &made.file);
		return;
	}
	new_file(&made, number);
	bench_insert(c->insert, &made.file);
}

/* A pool whose connections are lent to whoever comes, the one that came back last first. */
typedef struct other_pool {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	connection places[PLACES];
	connection *first;
} other_pool;

static void work_pool(void *side, void *own, uint64_t number)
{
	other_pool *pool = side;
	connection *mine;

	(void)own;
	pthread_mutex_lock(&pool->lock);
	while ((mine = pool->first) == NULL)
		pthread_cond_wait(&pool->idle, &pool->lock);
	pool->first = mine->next;
	pthread_mutex_unlock(&pool->lock);
	work_on(mine, number);
	pthread_mutex_lock(&pool->lock);
	mine->next = pool->first;
	pool->first = mine;
	pthread_cond_signal(&pool->idle);
	pthread_mutex_unlock(&pool->lock);
}

static void run_pool(const char *path, bench_figures *figures)
{
	other_pool pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {{0}}, NULL};
	const bench_side side = {.side = &pool, .work = work_pool};

	for (int i = 0; i < PLACES; i++) {
		open_connection(&pool.places[i], path);
		pool.places[i].next = pool.first;
		pool.first = &pool.places[i];
	}
	bench_threads(&side, THREADS, SECONDS, figures);
	for (int i = 0; i < PLACES; i++)
		close_connection(&pool.places[i]);
}

static void work_open_close(void *side, void *own, uint64_t number)
{
	connection mine;

	(void)own;
	open_connection(&mine, side);
	work_on(&mine, number);
	close_connection(&mine);
}

static void run_open_close(char *path, bench_figures *figures)
{
	const bench_side side = {.side = path, .work = work_open_close};
	/* As a program does that keeps the last close from bringing the log in each time. */
	sqlite3 *keeper = bench_open(path);

	bench_sql(keeper, "SELECT count(*) FROM sqlite_schema");
	bench_threads(&side, THREADS, SECONDS, figures);
	sqlite3_close(keeper);
}

int main(int argc, char **argv)
{
	bench_options options = {.rows = 300000, .rounds = 5};
	bench_figures ours, theirs;
	char path[4096], copy[4096];

	bench_arguments(&options, argc, argv);
	rows_known = options.rows;
	bench_path(path, &options, "mixed.db");
	bench_path(copy, &options, "mixed.copy");
	bench_catalog_make(path, options.rows, true);
	bench_copy(path, copy);
	printf("# %lld recorded files known; 8 threads find one by its path or save a new one, "
	       "durably\n",
	       (long long)options.rows);
	for (int i = 0; i < options.rounds; i++) {
		reads_in_ten = 5;
		run_ours(path, &ours);
		run_pool(copy, &theirs);
		bench_print("mixed.ops", true, ours.rate, "ops/s");
		bench_print("mixed.ops", false, theirs.rate, "ops/s");
		bench_print("mixed.wait", true, ours.max, "ms");
		bench_print("mixed.wait", false, theirs.max, "ms");
		run_open_close(copy, &theirs);
		bench_print("claims.half", true, ours.rate, "ops/s");
		bench_print("claims.half", false, theirs.rate, "ops/s");
		reads_in_ten = 9;
		run_ours(path, &ours);
		run_open_close(copy, &theirs);
		bench_print("claims.reads", true, ours.rate, "ops/s");
		bench_print("claims.reads", false, theirs.rate, "ops/s");
	}
	bench_remove(path);
	bench_remove(copy);
	return 0;
}
