/*
 * Bulk saves beside a bare loop of prepared inserts into the same schema, without this program's
 * triggers on files and with them; and the bytes of a row beside those in the original's schema.
 *
 * All begin with the same empty catalog of a thousand clients and add the same recorded files, in
 * transactions of the same size, as durable as each other. The library also looks whether it knows
 * each file, which the loops do not. Time of making up the files is not counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common.h"

#define BATCH 10000

typedef struct batch {
	bench_file *made;
	sr_file *files;
	size_t count;
} batch;

typedef struct measured {
	int64_t wall; /* Nanoseconds, */
	int64_t cpu;  /* and those of this process's processor time. */
} measured;

/* One side at work: adds a batch. */
typedef void (*add_fn)(void *side, const batch *batch);

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static batch batch_new(void)
{
	batch b = {calloc(BATCH, sizeof(*b.made)), calloc(BATCH, sizeof(*b.files)), 0};

	if (b.made == NULL || b.files == NULL)
		bench_stop("memory", "there is not enough");
	return b;
}

static void batch_free(batch *b)
{
	free(b->made);
	free(b->files);
}

static void add_all(add_fn add, void *side, int64_t rows, bool recorded, measured *time)
{
	batch b = batch_new();

	*time = (measured){0};
	for (int64_t done = 0; done < rows; done += (int64_t)b.count) {
		int64_t wall, cpu;

		for (b.count = 0; b.count < BATCH && done + (int64_t)b.count < rows; b.count++) {
			int64_t number = done + (int64_t)b.count;
			sr_id client;

			bench_client_id(&client, bench_client_of(number, rows));
			bench_file_make(&b.made[b.count], (uint64_t)number, &client, recorded);
			b.files[b.count] = b.made[b.count].file;
		}
		wall = sr_clock_ns();
		cpu = cpu_ns();
		add(side, &b);
		time->wall += sr_clock_ns() - wall;
		time->cpu += cpu_ns() - cpu;
	}
	batch_free(&b);
}

/* ---- Ours ---- */

static void save(void *side, const batch *b)
{
	bench_check("saving files", sr_file_save(side, b->files, b->count, NULL, NULL, NULL));
}

static void run_ours(const char *path, int64_t rows, bool recorded, measured *time)
{
	sr_catalog *catalog;
	sr_options options;

	sr_options_init(&options);
	options.path = path;
	bench_check(path, sr_open(&catalog, &options));
	add_all(save, catalog, rows, recorded, time);
	bench_check(path, sr_close(catalog));
}

/* ---- Theirs ---- */

/* The columns that the library writes: those that it derives come from the caller here. */
static sqlite3_stmt *prepare_insert(sqlite3 *db)
{
	return bench_prepare(
		db, "INSERT INTO files (ID, ClientID, FileName, PathName, OriginalPath, FileSize, "
		    "ModificationDate, CRC, FileHash, Verified, MimeType, ModifiedNs, Inode, "
		    "IsStored, FileExtension, RecordedAt, TotalVersions) VALUES "
		    "(?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11, 0, ?12, ?13, 1)");
}

static void bind_text(sqlite3_stmt *stmt, int number, sr_text text)
{
	sqlite3_bind_text(stmt, number, text.data, (int)text.length, SQLITE_STATIC);
}

static void insert_one(sqlite3_stmt *stmt, const sr_file *file, sr_text now)
{
	const char *dot = strrchr(file->name.data, '.');
	sr_id id;

	sr_id_new(&id);
	sqlite3_bind_blob(stmt, 1, id.bytes, sizeof(id.bytes), SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 2, file->client_id.bytes, sizeof(file->client_id.bytes),
			  SQLITE_STATIC);
	bind_text(stmt, 3, file->name);
	bind_text(stmt, 4, file->path);
	sqlite3_bind_int64(stmt, 5, file->size);
	bind_text(stmt, 6, file->date);
	sqlite3_bind_int64(stmt, 7, file->crc);
	bind_text(stmt, 8, file->hash);
	bind_text(stmt, 9, file->mime_type);
	sqlite3_bind_int64(stmt, 10, file->modified_ns);
	sqlite3_bind_int64(stmt, 11, file->inode);
	bind_text(stmt, 12, sr_text_of(dot ? dot + 1 : NULL));
	bind_text(stmt, 13, now);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		bench_stop("adding a file", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	sqlite3_reset(stmt);
}

static void insert(void *side, const batch *b)
{
	sqlite3 *db = sqlite3_db_handle(side);
	char now[SR_TIME_TEXT_SIZE];

	sr_time_format(sr_time_now(), now);
	bench_sql(db, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < b->count; i++)
		insert_one(side, &b->files[i], sr_text_of(now));
	bench_sql(db, "COMMIT");
}

static void drop_triggers(sqlite3 *db)
{
	sqlite3_stmt *stmt = bench_prepare(
		db, "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE "
		    "type = 'trigger' AND tbl_name = 'files'");
	char *drops = NULL;

	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL)
		drops = strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	if (drops == NULL)
		bench_stop("triggers", "there are none");
	bench_sql(db, drops);
	free(drops);
}

static void run_theirs(const char *path, int64_t rows, bool triggers, measured *time)
{
	sqlite3 *db = bench_open(path);
	sqlite3_stmt *stmt;

	if (!triggers)
		drop_triggers(db);
	stmt = prepare_insert(db);
	add_all(insert, stmt, rows, true, time);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* ---- The original's schema ---- */

static void insert_seed(void *side, const batch *b)
{
	sqlite3_stmt *stmt = side;
	sqlite3 *db = sqlite3_db_handle(stmt);

	bench_sql(db, "BEGIN IMMEDIATE");
	for (size_t i = 0; i < b->count; i++) {
		const sr_file *file = &b->files[i];

		sqlite3_bind_text(stmt, 1, file->name.data, (int)file->name.length, SQLITE_STATIC);
		sqlite3_bind_int64(stmt, 2, file->size);
		sqlite3_bind_text(stmt, 3, file->date.data, (int)file->date.length, SQLITE_STATIC);
		sqlite3_bind_int64(stmt, 4, file->crc);
		sqlite3_bind_blob(stmt, 5, file->client_id.bytes, 16, SQLITE_STATIC);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			bench_stop("adding a row", sqlite3_errmsg(db));
		sqlite3_reset(stmt);
	}
	bench_sql(db, "COMMIT");
}

/* The catalog taken down to version 5, with the indexes that the original makes by itself. */
static void make_original(const char *path)
{
	sr_migrate_options down;
	sr_catalog *catalog;
	sr_options options;
	sqlite3 *db;

	sr_options_init(&options);
	options.path = path;
	bench_check(path, sr_open(&catalog, &options));
	sr_migrate_options_init(&down);
	down.to = 5;
	down.accept_loss = true;
	bench_check("migrating", sr_migrate(catalog, &down, NULL));
	bench_check(path, sr_close(catalog));
	db = bench_open(path);
	bench_sql(db, "CREATE INDEX IF NOT EXISTS idx_files_clientid ON files(ClientID);"
		      "CREATE INDEX IF NOT EXISTS idx_files_client_filename ON files(ClientID, "
		      "FileName);"
		      "CREATE INDEX IF NOT EXISTS idx_files_moddate ON files(ModificationDate);"
		      "CREATE INDEX IF NOT EXISTS idx_files_filesize ON files(FileSize)");
	sqlite3_close(db);
}

static int64_t bytes_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		bench_stop(path, "cannot be looked at");
	return (int64_t)st.st_size;
}

/* Ids are random, and a path is the name behind received_files/. */
static void run_original(const char *path, int64_t rows)
{
	sqlite3 *db = bench_open(path);
	sqlite3_stmt *stmt = bench_prepare(
		db, "INSERT INTO files (ID, FileName, PathName, Verified, FileSize, "
		    "ModificationDate, CRC, ClientID) VALUES "
		    "(randomblob(16), ?1, 'received_files/' || ?1, 0, ?2, ?3, ?4, ?5)");
	measured time;

	add_all(insert_seed, stmt, rows, false, &time);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* Files that are saved with what the original knows of them, their path among it. */
static void save_seed(void *side, const batch *b)
{
	char(*paths)[300] = calloc(b->count, sizeof(*paths));

	if (paths == NULL)
		bench_stop("memory", "there is not enough");
	for (size_t i = 0; i < b->count; i++) {
		snprintf(paths[i], sizeof(paths[i]), "received_files/%s", b->files[i].name.data);
		b->files[i].path = sr_text_of(paths[i]);
	}
	save(side, b);
	free(paths);
}

static void measure_bytes(const char *empty, const char *path, int64_t rows)
{
	for (int ours = 1; ours >= 0; ours--) {
		sr_catalog *catalog;
		sr_options options;
		measured time;
		int64_t before;

		bench_copy(empty, path);
		if (!ours)
			make_original(path);
		before = bytes_of(path);
		if (ours) {
			sr_options_init(&options);
			options.path = path;
			bench_check(path, sr_open(&catalog, &options));
			add_all(save_seed, catalog, rows, false, &time);
			bench_check(path, sr_close(catalog));
		} else {
			run_original(path, rows);
		}
		bench_print("bytes.seed", ours, (double)(bytes_of(path) - before) / (double)rows,
			    "B/row");
		bench_remove(path);
	}
}

/* ---- A round ---- */

static double rate(int64_t rows, const measured *time)
{
	return (double)rows * 1e9 / (double)time->wall;
}

static void round_of(const char *empty, const char *path, int64_t rows)
{
	measured ours, theirs[2];

	/* The library stands between the two that it is compared with. */
	for (int i = 0; i < 3; i++) {
		bench_copy(empty, path);
		if (i == 1)
			run_ours(path, rows, true, &ours);
		else
			run_theirs(path, rows, i == 2, &theirs[i / 2]);
		bench_remove(path);
	}
	bench_print("save.bare", true, rate(rows, &ours), "rows/s");
	bench_print("save.bare", false, rate(rows, &theirs[0]), "rows/s");
	bench_print("save.triggers", true, rate(rows, &ours), "rows/s");
	bench_print("save.triggers", false, rate(rows, &theirs[1]), "rows/s");
	printf("# processor time: %.1f us a row, %.1f bare, %.1f with triggers\n",
	       (double)ours.cpu / 1e3 / (double)rows, (double)theirs[0].cpu / 1e3 / (double)rows,
	       (double)theirs[1].cpu / 1e3 / (double)rows);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bench_options options = {.rows = 300000, .rounds = 5};
	char empty[4096], path[4096];

	bench_arguments(&options, argc, argv);
	bench_path(empty, &options, "save.empty");
	bench_path(path, &options, "save.db");
	bench_catalog_make(empty, 0, true);
	printf("# %lld new recorded files in transactions of %d, synchronous=FULL on each side\n",
	       (long long)options.rows, BATCH);
	for (int i = 0; i < options.rounds && (bench_wants(&options, "save.bare") ||
					       bench_wants(&options, "save.triggers"));
	     i++)
		round_of(empty, path, options.rows);
	if (bench_wants(&options, "bytes.seed"))
		measure_bytes(empty, path, options.rows);
	bench_remove(empty);
	return 0;
}
