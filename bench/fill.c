/*
 * Makes the databases that bench/run measures on.
 *
 * usage: bench_fill catalog|saved|original|names PATHS ROWS walk|shuffled FILE
 *
 * saved: a new catalog, filled by the library's bulk saves. catalog: the same rows, written by
 * prepared statements while triggers and indexes are away, many times faster; who calls it then
 * settles the counters, as a migration does. original: adds clients and files to a database that
 * has the original's tables. names: the paths in the same order, a line each. Prints rows a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "paths.h"

#define BATCH        10000
#define MOST_OBJECTS 64

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		bench_stop("memory", "there is not enough");
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
	bench_check("saving clients", sr_client_save(catalog, clients, count, NULL));
	free(names);
	free(clients);
}

static sr_catalog *new_catalog(const bench_paths *paths, const char *database)
{
	sr_catalog *catalog;
	sr_options options;

	sr_options_init(&options);
	options.path = database;
	options.create = options.migrate = true;
	options.durability = SR_DURABILITY_NORMAL;
	bench_check(database, sr_open(&catalog, &options));
	save_clients(catalog, paths);
	return catalog;
}

static sr_text category(const sr_category_rules *rules, const sr_file *file)
{
	return sr_category_classify(rules, file->mime_type, file->extension);
}

static void fill_by_saving(const bench_paths *paths, int64_t rows, const char *database)
{
	sr_catalog *catalog = new_catalog(paths, database);
	bench_row *made = allocate(BATCH, sizeof(*made));
	sr_file *files = allocate(BATCH, sizeof(*files));
	sr_category_rules *rules;
	size_t count = 0;

	bench_check("category rules", sr_category_rules_load(catalog, &rules));
	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, &made[count]);
		files[count] = made[count].file;
		files[count].category = category(rules, &files[count]);
		if (++count < BATCH && i + 1 < rows)
			continue;
		bench_check("saving files", sr_file_save(catalog, files, count, NULL, NULL, NULL));
		count = 0;
	}
	sr_category_rules_free(rules);
	bench_check(database, sr_close(catalog));
	free(files);
	free(made);
}

/* ---- Without the library ---- */

static void step(sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE)
		bench_stop("adding a row", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	sqlite3_reset(stmt);
}

static void bind_text(sqlite3_stmt *stmt, int number, sr_text text)
{
	if (text.data == NULL)
		sqlite3_bind_null(stmt, number);
	else if (sr_text_is_utf8(text))
		sqlite3_bind_text(stmt, number, text.data, (int)text.length, SQLITE_STATIC);
	else
		sqlite3_bind_blob(stmt, number, text.data, (int)text.length, SQLITE_STATIC);
}

static void bind_id(sqlite3_stmt *stmt, int number, const sr_id *id)
{
	sqlite3_bind_blob(stmt, number, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
}

/* A database that nobody else sees, and that is thrown away if this fails. */
static sqlite3 *open_alone(const char *database)
{
	sqlite3 *db;

	if (sqlite3_open(database, &db) != SQLITE_OK)
		bench_stop(database, sqlite3_errmsg(db));
	bench_sql(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; "
		      "PRAGMA cache_size=-1500000");
	return db;
}

/* The triggers and indexes of files, which are dropped and later made again. */
typedef struct objects {
	char *sql[MOST_OBJECTS];
	int count;
} objects;

static void put_away(sqlite3 *db, objects *away)
{
	sqlite3_stmt *stmt = bench_prepare(
		db, "SELECT sql, printf('DROP %s %w', type, name) FROM sqlite_master WHERE "
		    "tbl_name = 'files' AND type IN ('index', 'trigger') AND sql NOT NULL "
		    "ORDER BY rowid");
	char *drops[MOST_OBJECTS];

	while (sqlite3_step(stmt) == SQLITE_ROW && away->count < MOST_OBJECTS) {
		away->sql[away->count] = strdup((const char *)sqlite3_column_text(stmt, 0));
		drops[away->count++] = strdup((const char *)sqlite3_column_text(stmt, 1));
	}
	sqlite3_finalize(stmt);
	for (int i = 0; i < away->count; i++) {
		bench_sql(db, drops[i]);
		free(drops[i]);
	}
}

static void put_back(sqlite3 *db, objects *away)
{
	for (int i = 0; i < away->count; i++) {
		bench_sql(db, away->sql[i]);
		free(away->sql[i]);
	}
}

static void add_recorded(sqlite3_stmt *stmt, const bench_row *row)
{
	const sr_file *file = &row->file;
	sr_id id;

	sr_id_new(&id);
	bind_id(stmt, 1, &id);
	bind_id(stmt, 2, &file->client_id);
	bind_text(stmt, 3, file->name);
	bind_text(stmt, 4, file->path);
	sqlite3_bind_int64(stmt, 5, file->size);
	bind_text(stmt, 6, file->date);
	sqlite3_bind_int64(stmt, 7, file->crc);
	bind_text(stmt, 8, file->hash);
	bind_text(stmt, 9, file->category);
	bind_text(stmt, 10, file->mime_type);
	bind_text(stmt, 11, file->extension);
	sqlite3_bind_int64(stmt, 12, file->modified_ns);
	sqlite3_bind_int64(stmt, 13, file->inode);
	bind_text(stmt, 14, sr_text_of(row->recorded_at));
	step(stmt);
}

static void add_all_recorded(sqlite3 *db, const bench_paths *paths, int64_t rows,
			     const sr_category_rules *rules)
{
	bench_row *made = allocate(1, sizeof(*made));
	sqlite3_stmt *stmt = bench_prepare(
		db, "INSERT INTO files (ID, ClientID, FileName, PathName, OriginalPath, FileSize, "
		    "ModificationDate, CRC, FileHash, FileCategory, MimeType, FileExtension, "
		    "ModifiedNs, Inode, RecordedAt, IsStored, TotalVersions, Verified) VALUES "
		    "(?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, coalesce(?9, 'document'), ?10, ?11, ?12, "
		    "?13, ?14, 0, 1, 0)");

	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, made);
		made->file.category = category(rules, &made->file);
		add_recorded(stmt, made);
	}
	sqlite3_finalize(stmt);
	free(made);
}

static void fill_catalog(const bench_paths *paths, int64_t rows, const char *database)
{
	sr_catalog *catalog = new_catalog(paths, database);
	sr_category_rules *rules;
	objects away = {.count = 0};
	sqlite3 *db;

	bench_check("category rules", sr_category_rules_load(catalog, &rules));
	bench_check(database, sr_close(catalog));
	db = open_alone(database);
	put_away(db, &away);
	bench_sql(db, "BEGIN");
	add_all_recorded(db, paths, rows, rules);
	bench_sql(db, "COMMIT");
	put_back(db, &away);
	sqlite3_close(db);
	sr_category_rules_free(rules);
}

/* ---- The original's tables ---- */

static void add_clients(sqlite3 *db, const bench_paths *paths)
{
	sqlite3_stmt *stmt = bench_prepare(db, "INSERT INTO clients (ID, Name, LastSeen) "
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
	uint64_t halves[2] = {bench_random((uint64_t)number ^ 0x1d0000000000),
			      bench_random((uint64_t)number ^ 0x1d8000000000)};

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
	bind_text(stmt, 11, file->extension);
	step(stmt);
}

static void fill_original(const bench_paths *paths, int64_t rows, const char *database)
{
	bench_row *made = allocate(1, sizeof(*made));
	sqlite3_stmt *stmt;
	sqlite3 *db = open_alone(database);

	bench_sql(db, "BEGIN");
	add_clients(db, paths);
	stmt = bench_prepare(db,
			     "INSERT INTO files (ID, ClientID, FileName, PathName, OriginalPath, "
			     "FileSize, ModificationDate, CRC, FileHash, MimeType, FileExtension) "
			     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, made);
		add_file(stmt, &made->file, i);
	}
	sqlite3_finalize(stmt);
	bench_sql(db, "COMMIT");
	sqlite3_close(db);
	free(made);
}

/* ---- Names alone ---- */

static void write_names(const bench_paths *paths, int64_t rows, const char *name)
{
	bench_row *made = allocate(1, sizeof(*made));
	FILE *file = fopen(name, "w");

	if (file == NULL)
		bench_stop(name, "cannot be made");
	for (int64_t i = 0; i < rows; i++) {
		bench_paths_row(paths, i, made);
		fprintf(file, "%s\n", made->path);
	}
	if (fclose(file) != 0)
		bench_stop(name, "cannot be written");
	free(made);
}

typedef struct kind {
	const char *name;
	void (*fill)(const bench_paths *paths, int64_t rows, const char *file);
} kind;

static const kind kinds[] = {
	{"catalog", fill_catalog},
	{"saved", fill_by_saving},
	{"original", fill_original},
	{"names", write_names},
};

int main(int argc, char **argv)
{
	int64_t rows = argc > 3 ? atoll(argv[3]) : 0, began;
	const kind *chosen = NULL;
	bench_paths *paths;

	for (size_t i = 0; argc == 6 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			chosen = &kinds[i];
	if (chosen == NULL || rows < 1 || rows > UINT32_MAX) {
		fprintf(stderr, "usage: bench_fill catalog|saved|original|names PATHS ROWS "
				"walk|shuffled FILE\n");
		return 2;
	}
	if ((paths = bench_paths_read(argv[2], rows, strcmp(argv[4], "shuffled") == 0)) == NULL)
		return 1;
	began = sr_clock_ns();
	chosen->fill(paths, rows, argv[5]);
	printf("%.0f\n", (double)rows * 1e9 / (double)(sr_clock_ns() - began));
	bench_paths_free(paths);
	return 0;
}
