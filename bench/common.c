#include "common.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 5000

void bench_stop(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

void bench_check(const char *what, sr_status status)
{
	if (status != SR_OK)
		bench_stop(what, sr_error_message());
}

#define REHEARSAL_ROWS 100000 /* Fewer, in one round. */

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL)
		bench_stop("memory", "there is not enough");
	return memory;
}

/* ---- Catalogs ---- */

uint64_t bench_random(uint64_t seed)
{
	uint64_t z = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void bench_client_id(sr_id *id, unsigned number)
{
	memset(id, 0, sizeof(*id));
	id->bytes[0] = 0xc1;
	id->bytes[14] = (uint8_t)(number >> 8);
	id->bytes[15] = (uint8_t)number;
}

unsigned bench_client_of(int64_t number, int64_t rows)
{
	return (unsigned)(number / (rows / BENCH_CLIENTS + 1));
}

/* A folder of some twenty files, five deep: 75 bytes in the mean. */
static void make_path(char *path, size_t size, uint64_t number)
{
	static const char *const words[] = {"archive", "budget", "camera",  "draft",
					    "export",  "family", "garden",  "holiday",
					    "invoice", "journal", "kitchen", "letters",
					    "meeting", "network", "output",  "project"};
	static const char *const ends[] = {"jpg", "txt", "c", "pdf", "docx", "tar.gz", "h", "png"};
	uint64_t folder = bench_random(number / 20), name = bench_random(number ^ 0xf11e);

	snprintf(path, size, "/home/%s%02u/%s/%s-%s-%u/%s_%s_%" PRIu64 "_%04u.%s",
		 words[(folder >> 40) & 15], (unsigned)(folder >> 44) % 50,
		 words[folder & 15], words[(folder >> 4) & 15], words[(folder >> 8) & 15],
		 (unsigned)(folder >> 12) % 100000, words[name & 15], words[(name >> 4) & 15], number,
		 (unsigned)(name >> 8) % 10000, ends[(name >> 24) & 7]);
}

void bench_file_make(bench_file *made, uint64_t number, const sr_id *client, bool recorded)
{
	uint64_t random = bench_random(number ^ 0xda7a);
	sr_file *file = &made->file;

	sr_file_init(file);
	file->client_id = *client;
	make_path(made->path, sizeof(made->path), number);
	/* Sizes from a byte to half a gigabyte, as many of each power of two. */
	file->size = (int64_t)((random >> 8) & ((UINT64_C(1) << (1 + random % 29)) - 1));
	sr_time_format((INT64_C(1500000000) + (int64_t)(random >> 24) % 270000000) * 1000000,
		       made->date);
	file->date = sr_text_of(made->date);
	file->crc = (int64_t)(random & UINT32_MAX);
	file->name = sr_text_of(strrchr(made->path, '/') + 1);
	if (!recorded)
		return;
	file->original_path = sr_text_of(made->path);
	file->path = file->original_path;
	for (unsigned i = 0; i < 4; i++)
		snprintf(made->hash + (size_t)16 * i, 17, "%016" PRIx64, bench_random(random + i));
	file->hash = sr_text_of(made->hash);
	file->mime_type = sr_text_of("application/octet-stream");
	file->modified_ns = INT64_C(1500000000000000000) + (int64_t)(random >> 4);
	file->inode = (int64_t)number + 1000000;
	file->stored = false;
}

static void make_clients(sr_catalog *catalog)
{
	sr_client *clients = allocate(BENCH_CLIENTS, sizeof(*clients));
	char(*names)[32] = allocate(BENCH_CLIENTS, sizeof(*names));

	for (unsigned i = 0; i < BENCH_CLIENTS; i++) {
		bench_client_id(&clients[i].id, i);
		snprintf(names[i], sizeof(names[i]), "client-%03u", i);
		clients[i].name = sr_text_of(names[i]);
	}
	bench_check("saving clients", sr_client_save(catalog, clients, BENCH_CLIENTS, NULL));
	free(names);
	free(clients);
}

void bench_catalog_make(const char *path, int64_t rows, bool recorded)
{
	bench_file *made = allocate(BATCH, sizeof(*made));
	sr_file *files = allocate(BATCH, sizeof(*files));
	sr_catalog *catalog;
	sr_options options;
	size_t count = 0;

	sr_options_init(&options);
	options.path = path;
	options.create = options.migrate = true;
	options.durability = SR_DURABILITY_NORMAL;
	bench_check(path, sr_open(&catalog, &options));
	make_clients(catalog);
	for (int64_t i = 0; i < rows; i++) {
		sr_id client;

		bench_client_id(&client, bench_client_of(i, rows));
		bench_file_make(&made[count], (uint64_t)i, &client, recorded);
		files[count] = made[count].file;
		if (++count < BATCH && i + 1 < rows)
			continue;
		bench_check("saving files", sr_file_save(catalog, files, count, NULL, NULL, NULL));
		count = 0;
	}
	bench_check(path, sr_close(catalog));
	free(files);
	free(made);
}

void bench_copy(const char *from, const char *to)
{
	char *block = allocate(1, 1 << 20);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t got;

	if (in < 0 || out < 0)
		bench_stop(to, "cannot be copied to");
	while ((got = read(in, block, 1 << 20)) > 0)
		if (write(out, block, (size_t)got) != got)
			bench_stop(to, "cannot be written");
	if (got < 0 || fsync(out) != 0)
		bench_stop(to, "cannot be copied to");
	close(out);
	close(in);
	free(block);
}

void bench_remove(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[4200];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* ---- The other side ---- */

void bench_sql(sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		bench_stop(sql, words ? words : sqlite3_errmsg(db));
}

sqlite3 *bench_open(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		bench_stop(path, sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 30000);
	bench_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
		      "PRAGMA cache_size=10000; PRAGMA temp_store=MEMORY");
	return db;
}

sqlite3_stmt *bench_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		bench_stop(sql, sqlite3_errmsg(db));
	return stmt;
}

sqlite3_stmt *bench_insert_prepare(sqlite3 *db)
{
	return bench_prepare(db, "INSERT INTO files (ID, ClientID, FileName, PathName, "
				 "OriginalPath, FileSize, ModificationDate, CRC, FileHash, Verified, "
				 "MimeType, ModifiedNs, Inode, IsStored) VALUES "
				 "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)");
}

static void bind_text(sqlite3_stmt *stmt, int number, sr_text text)
{
	if (text.data != NULL)
		sqlite3_bind_text(stmt, number, text.data, (int)text.length, SQLITE_STATIC);
	else
		sqlite3_bind_null(stmt, number);
}

static void bind_integer(sqlite3_stmt *stmt, int number, int64_t value)
{
	if (value != SR_NULL_INTEGER)
		sqlite3_bind_int64(stmt, number, value);
	else
		sqlite3_bind_null(stmt, number);
}

void bench_insert(sqlite3_stmt *insert, const sr_file *file)
{
	sr_id id;

	sr_id_new(&id);
	sqlite3_bind_blob(insert, 1, id.bytes, sizeof(id.bytes), SQLITE_STATIC);
	sqlite3_bind_blob(insert, 2, file->client_id.bytes, sizeof(file->client_id.bytes),
			  SQLITE_STATIC);
	bind_text(insert, 3, file->name);
	bind_text(insert, 4, file->path.data ? file->path : file->name);
	bind_text(insert, 5, file->original_path);
	bind_integer(insert, 6, file->size);
	bind_text(insert, 7, file->date);
	bind_integer(insert, 8, file->crc);
	bind_text(insert, 9, file->hash);
	bind_text(insert, 10, file->mime_type);
	bind_integer(insert, 11, file->modified_ns);
	bind_integer(insert, 12, file->inode);
	sqlite3_bind_int(insert, 13, file->stored);
	if (sqlite3_step(insert) != SQLITE_DONE)
		bench_stop("adding a file", sqlite3_errmsg(sqlite3_db_handle(insert)));
	sqlite3_reset(insert);
}

/* ---- Threads ---- */

/* What all threads of a round share. */
typedef struct crew {
	const bench_side *side;
	pthread_barrier_t ready; /* Everybody is, and time begins. */
	double seconds;
	atomic_int_fast64_t until;
} crew;

typedef struct worker {
	crew *crew;
	pthread_t thread;
	int64_t *took; /* Nanoseconds, of each that it did. */
	size_t count;
	size_t room;
} worker;

/* Counts through all rounds, so that no file is ever saved twice. */
static atomic_uint_fast64_t next_number = UINT64_C(1) << 40;

static void note(worker *self, int64_t took)
{
	if (self->count == self->room) {
		self->room = self->room ? self->room * 2 : 1024;
		self->took = realloc(self->took, self->room * sizeof(*self->took));
		if (self->took == NULL)
			bench_stop("memory", "there is not enough");
	}
	self->took[self->count++] = took;
}

static void *run(void *arg)
{
	worker *self = arg;
	crew *all = self->crew;
	const bench_side *side = all->side;
	void *own = side->begin ? side->begin(side->side) : NULL;
	int64_t until, began, now;

	pthread_barrier_wait(&all->ready);
	began = sr_clock_ns();
	until = began + (int64_t)(all->seconds * 1e9);
	for (; began < until; began = now) {
		side->work(side->side, own, atomic_fetch_add(&next_number, 1));
		now = sr_clock_ns();
		note(self, now - began);
	}
	pthread_barrier_wait(&all->ready);
	if (side->end)
		side->end(own);
	return NULL;
}

static int by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void sum_up(worker *workers, int threads, double seconds, bench_figures *figures)
{
	size_t count = 0, at = 0;
	int64_t *all;

	for (int i = 0; i < threads; i++)
		count += workers[i].count;
	all = allocate(count, sizeof(*all));
	for (int i = 0; i < threads; i++) {
		memcpy(all + at, workers[i].took, workers[i].count * sizeof(*all));
		at += workers[i].count;
		free(workers[i].took);
	}
	qsort(all, count, sizeof(*all), by_length);
	figures->rate = (double)count / seconds;
	figures->p50 = (double)all[count / 2] / 1e6;
	figures->p99 = (double)all[count - 1 - count / 100] / 1e6;
	figures->max = (double)all[count - 1] / 1e6;
	free(all);
}

/* A rehearsal takes a part of the time. */
static bool rehearsal;

void bench_threads(const bench_side *side, int threads, double seconds, bench_figures *figures)
{
	worker *workers = allocate((size_t)threads, sizeof(*workers));
	crew all = {.side = side, .seconds = rehearsal ? seconds / 100 : seconds};
	int64_t began;

	pthread_barrier_init(&all.ready, NULL, (unsigned)threads + 1);
	for (int i = 0; i < threads; i++) {
		workers[i].crew = &all;
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
			bench_stop("threads", "cannot be made");
	}
	pthread_barrier_wait(&all.ready);
	began = sr_clock_ns();
	pthread_barrier_wait(&all.ready);
	seconds = (double)(sr_clock_ns() - began) / 1e9;
	for (int i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&all.ready);
	sum_up(workers, threads, seconds, figures);
	free(workers);
}

/* ---- What is asked for, and what is printed ---- */

void bench_arguments(bench_options *options, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		char *value = argv[i + 1];

		if (value == NULL)
			bench_stop(argv[i], "lacks its value");
		if (strcmp(argv[i], "--folder") == 0)
			options->folder = value;
		else if (strcmp(argv[i], "--rows") == 0)
			options->rows = atoll(value);
		else if (strcmp(argv[i], "--rounds") == 0)
			options->rounds = atoi(value);
		else if (strcmp(argv[i], "--only") == 0)
			argv[options->only_count++] = value; /* Behind it all was read. */
		else
			bench_stop(argv[i], "is not known; see bench/README.md");
	}
	options->only = (const char *const *)argv;
	rehearsal = options->rounds == 1 && options->rows < REHEARSAL_ROWS;
	if (options->folder == NULL || options->rows < 1 || options->rounds < 1)
		bench_stop("usage", "--folder DIR [--rows N] [--rounds N] [--only NAME]…");
}

bool bench_wants(const bench_options *options, const char *name)
{
	for (int i = 0; i < options->only_count; i++)
		if (strncmp(name, options->only[i], strlen(options->only[i])) == 0)
			return true;
	return options->only_count == 0;
}

void bench_print(const char *name, bool ours, double value, const char *unit)
{
	printf("%s\t%s\t%.6g\t%s\n", name, ours ? "ours" : "theirs", value, unit);
	fflush(stdout);
}

void bench_path(char path[4096], const bench_options *options, const char *name)
{
	if (snprintf(path, 4096, "%s/%s", options->folder, name) >= 4096)
		bench_stop(options->folder, "is too long");
}
