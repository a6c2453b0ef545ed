/*
 * Makes the databases that bench/run measures on.
 *
 * usage: bench_fill catalog|original PATHS ROWS walk|shuffled DATABASE [NAMES]
 *
 * catalog: a new catalog, filled through the library as anybody would: batches of bulk saves.
 * original: adds clients and files to a database that has the original's tables. NAMES receives
 * the paths in the same order, a line each. Prints rows a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "paths.h"

#define BATCH 10000

_Noreturn static void stop(const char *what, const char *why)
{
	fprintf(stderr, "bench_fill: %s: %s\n", what, why);
	exit(1);
}

static void check(const char *what, sr_status status)
{
	if (status != SR_OK)
		stop(what, sr_error_message());
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		stop("memory", "there is not enough");
	return memory;
}

/* ---- A catalog ---- */

static void save_clients(sr_catalog *catalog, const bench_paths *paths)
{
	unsigned count = bench_paths_clients(paths);
	sr_client *clients = allocate(count, sizeof(*clients));
	char(*names)[32] = allocate(count, sizeof(*names));

	for (unsigned i = 0; i < count; i++) {
		bench_paths_client(i, &clients[i].id, names[i]);
		clients[i].name = sr_text_of(names[i]);
	}
	check("saving clients", sr_client_save(catalog, clients, count, NULL));
	free(names);
	free(clients);
}

static void fill_catalog(const bench_paths *paths, int64_t rows, const char *database)
{
	bench_row *made = allocate(BATCH, sizeof(*made));
	sr_file *files = allocate(BATCH, sizeof(*files));
	sr_category_rules *rules;
	sr_catalog *catalog;
	sr_options options;
	size_t count = 0;

	sr_options_init(&options);
	options.path = database;
	options.create = options.migrate = true;
	options.durability = SR_DURABILITY_NORMAL;
	check(database, sr_open(&catalog, &options));
	save_clients(catalog, paths);
	check("category rules", sr_category_rules_load(catalog, &rules));
	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, &made[count]);
		files[count] = made[count].file;
		files[count].category =
			sr_category_classify(rules, files[count].mime_type, sr_text_of(NULL));
		if (++count < BATCH && i + 1 < rows)
			continue;
		check("saving files", sr_file_save(catalog, files, count, NULL, NULL, NULL));
		count = 0;
	}
	sr_category_rules_free(rules);
	check(database, sr_close(catalog));
	free(files);
	free(made);
}

/* ---- The original's tables ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		stop(sql, words ? words : sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		stop(sql, sqlite3_errmsg(db));
	return stmt;
}

static void step(sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		stop("adding a row", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	sqlite3_reset(stmt);
}

static void bind_text(sqlite3_stmt *stmt, int number, sr_text text)
{
	if (text.data != NULL)
		sqlite3_bind_text(stmt, number, text.data, (int)text.length, SQLITE_STATIC);
	else
		sqlite3_bind_null(stmt, number);
}

static void bind_id(sqlite3_stmt *stmt, int number, const sr_id *id)
{
	sqlite3_bind_blob(stmt, number, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
}

static void add_clients(sqlite3 *db, const bench_paths *paths)
{
	sqlite3_stmt *stmt = prepare(db, "INSERT INTO clients (ID, Name, LastSeen) "
					 "VALUES (?1, ?2, '2026-01-01T00:00:00Z')");

	for (unsigned i = 0; i < bench_paths_clients(paths); i++) {
		char name[32];
		sr_id id;

		bench_paths_client(i, &id, name);
		bind_id(stmt, 1, &id);
		bind_text(stmt, 2, sr_text_of(name));
		step(stmt);
	}
	sqlite3_finalize(stmt);
}

static void add_file(sqlite3_stmt *stmt, const sr_file *file, int64_t number)
{
	const char *dot = strrchr(file->name.data, '.');
	uint64_t halves[2] = {bench_paths_random((uint64_t)number ^ 0x1d0000000000),
			      bench_paths_random((uint64_t)number ^ 0x1d8000000000)};

	/* Its ids are random ones. */
	sqlite3_bind_blob(stmt, 1, halves, sizeof(halves), SQLITE_STATIC);
	bind_id(stmt, 2, &file->client_id);
	bind_text(stmt, 3, file->name);
	bind_text(stmt, 4, file->path);
	bind_text(stmt, 5, file->original_path);
	sqlite3_bind_int64(stmt, 6, file->size);
	bind_text(stmt, 7, file->date);
	sqlite3_bind_int64(stmt, 8, file->crc);
	bind_text(stmt, 9, file->hash);
	bind_text(stmt, 10, file->mime_type);
	bind_text(stmt, 11, sr_text_of(dot != NULL && strlen(dot) <= 11 ? dot + 1 : NULL));
	step(stmt);
}

static void fill_original(const bench_paths *paths, int64_t rows, const char *database)
{
	bench_row *made = allocate(1, sizeof(*made));
	sqlite3_stmt *stmt;
	sqlite3 *db;

	if (sqlite3_open(database, &db) != SQLITE_OK)
		stop(database, sqlite3_errmsg(db));
	run_sql(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-2000000; "
		    "BEGIN");
	add_clients(db, paths);
	stmt = prepare(db, "INSERT INTO files (ID, ClientID, FileName, PathName, OriginalPath, "
			   "FileSize, ModificationDate, CRC, FileHash, MimeType, FileExtension) "
			   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, made);
		add_file(stmt, &made->file, i);
	}
	sqlite3_finalize(stmt);
	run_sql(db, "COMMIT");
	sqlite3_close(db);
	free(made);
}

/* ---- Names alone ---- */

static void write_names(const bench_paths *paths, int64_t rows, const char *name)
{
	bench_row *made = allocate(1, sizeof(*made));
	FILE *file = fopen(name, "w");

	if (file == NULL)
		stop(name, "cannot be made");
	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, made);
		fprintf(file, "%s\n", made->path);
	}
	if (fclose(file) != 0)
		stop(name, "cannot be written");
	free(made);
}

int main(int argc, char **argv)
{
	int64_t rows = argc > 3 ? atoll(argv[3]) : 0, began;
	bench_paths *paths;
	bool original;

	if (argc < 6 || rows < 1 || rows > UINT32_MAX) {
		fprintf(stderr, "usage: bench_fill catalog|original PATHS ROWS walk|shuffled "
				"DATABASE [NAMES]\n");
		return 2;
	}
	original = strcmp(argv[1], "original") == 0;
	if ((paths = bench_paths_read(argv[2], rows, strcmp(argv[4], "shuffled") == 0)) == NULL)
		return 1;
	if (argc > 6)
		write_names(paths, rows, argv[6]);
	began = sr_clock_ns();
	if (original)
		fill_original(paths, rows, argv[5]);
	else
		fill_catalog(paths, rows, argv[5]);
	printf("%.0f\n", (double)rows * 1e9 / (double)(sr_clock_ns() - began));
	bench_paths_free(paths);
	return 0;
}
