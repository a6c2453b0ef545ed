/*
 * Answers the questions of bench/run about one database, so that both sides of a pair can take
 * turns.
 *
 * usage: bench_search catalog|original DATABASE
 *
 * catalog asks the library, original asks SQLite as the original's Python did. Reads a line a
 * question from standard input, its words separated by tabs, and answers with a line: the seconds
 * that it took, and how many rows it gave.
 *
 *     search TERM                    the newest 1,000 with all columns
 *     count TERM                     how many there are
 *     match TERM                     the same search, and the seconds are those until it knew
 *                                    which rows; the others went into fetching them
 *     index                          makes the search index anew
 *     filters CLIENT FROM TO BYTES   the newest 1,000 of a client, between two dates, that large
 *     statistics                     totals
 *     open                           of the catalog anew, and its first look at the clients
 *     save COUNT TERM NUMBER         so many new files whose paths hold the term: the time is that
 *                                    of the search right after, and the rows those that it found
 *     memory                         bytes of the most that the process had, and of SQLite's part
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "paths.h"

#define NEWEST     1000
#define MOST_WORDS 8
#define MOST_SAVED 10000

typedef struct bench {
	sr_options options;
	sr_catalog *catalog;
	sqlite3 *db;  /* Of the original. */
	uint64_t sum; /* Of what was read, so that all of it is. */
} bench;

static double seconds_since(int64_t began)
{
	return (double)(sr_clock_ns() - began) / 1e9;
}

static void answer(double seconds, int64_t rows)
{
	printf("%.9f\t%" PRId64 "\n", seconds, rows);
	fflush(stdout);
}

/* ---- The library ---- */

static int64_t read_all(bench *own, const sr_query *query)
{
	const sr_file *file;
	sr_files *cursor;
	int64_t rows = 0;

	bench_check("searching", sr_search(own->catalog, query, &cursor));
	for (;;) {
		bench_check("searching", sr_files_next(cursor, &file));
		if (file == NULL)
			break;
		own->sum += file->path.length + file->hash.length + (uint64_t)file->size;
		rows++;
	}
	sr_files_close(cursor);
	return rows;
}

static void ask(bench *own, const sr_query *query)
{
	int64_t began = sr_clock_ns(), rows = read_all(own, query);

	answer(seconds_since(began), rows);
}

static void search(bench *own, char **words)
{
	sr_query query;

	sr_query_init(&query);
	query.term = sr_text_of(words[1]);
	query.limit = NEWEST;
	ask(own, &query);
}

static void count(bench *own, char **words)
{
	int64_t began = sr_clock_ns();
	sr_found found;
	sr_query query;

	sr_query_init(&query);
	query.term = sr_text_of(words[1]);
	bench_check("counting", sr_search_count(own->catalog, &query, &found));
	answer(seconds_since(began), found.files);
}

static void match(bench *own, char **words)
{
	sr_explanation told;
	const sr_file *file;
	sr_files *cursor;
	sr_query query;

	sr_query_init(&query);
	query.term = sr_text_of(words[1]);
	query.limit = NEWEST;
	bench_check("searching", sr_search(own->catalog, &query, &cursor));
	do
		bench_check("searching", sr_files_next(cursor, &file));
	while (file != NULL);
	bench_check("explaining", sr_search_explain(cursor, &told));
	sr_files_close(cursor);
	answer(told.planning + told.matching, told.hits);
}

static void make_index(bench *own, char **words)
{
	int64_t began = sr_clock_ns(), rows;

	(void)words;
	bench_check("building the index",
		    sr_search_index_build(own->catalog, true, NULL, NULL, &rows));
	answer(seconds_since(began), rows);
}

static void filters(bench *own, char **words)
{
	sr_query query;

	sr_query_init(&query);
	query.client_name = sr_text_of(words[1]);
	bench_check(words[2], sr_time_parse(words[2], &query.from, NULL));
	bench_check(words[3], sr_time_parse(words[3], &query.to, NULL));
	query.min_size = atoll(words[4]);
	query.limit = NEWEST;
	ask(own, &query);
}

static void statistics(bench *own, char **words)
{
	int64_t began = sr_clock_ns(), files;
	sr_statistics *all;

	(void)words;
	bench_check("statistics", sr_statistics_get(own->catalog, &all));
	files = all->total_files;
	sr_statistics_free(all);
	answer(seconds_since(began), files);
}

static void open_anew(bench *own, char **words)
{
	int64_t began, clients;
	double seconds;

	(void)words;
	bench_check("closing", sr_close(own->catalog));
	began = sr_clock_ns();
	bench_check(own->options.path, sr_open(&own->catalog, &own->options));
	seconds = seconds_since(began);
	bench_check("clients", sr_client_count(own->catalog, &clients));
	answer(seconds, clients);
}

/* Their names are like no other's, and the same number is never used again. */
static void save(bench *own, char **words)
{
	static sr_file files[MOST_SAVED];
	static char paths[MOST_SAVED][128];
	int64_t wanted = atoll(words[1]), began;
	sr_query query;
	char name[32];
	sr_id client;

	if (wanted < 1 || wanted > MOST_SAVED)
		bench_stop(words[1], "is no number of files to save");
	bench_paths_client(0, &client, name);
	for (int64_t i = 0; i < wanted; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/srv/new/%s/%s/%" PRId64, words[3], words[2],
			 i);
		sr_file_init(&files[i]);
		files[i].client_id = client;
		files[i].original_path = files[i].path = sr_text_of(paths[i]);
		files[i].size = i;
		files[i].date = sr_text_of("2026-01-01T00:00:00Z");
		files[i].stored = false;
	}
	bench_check("saving", sr_file_save(own->catalog, files, (size_t)wanted, NULL, NULL, NULL));
	began = sr_clock_ns();
	sr_query_init(&query);
	query.term = sr_text_of(words[2]);
	query.limit = NEWEST;
	wanted = read_all(own, &query);
	answer(seconds_since(began), wanted);
}

/* ---- The original ---- */

/* Every column of every row, as Python makes values of them. */
static int64_t step_all(bench *own, sqlite3_stmt *stmt)
{
	int64_t rows = 0;
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++)
			own->sum += (uint64_t)(sqlite3_column_bytes(stmt, i) +
					       sqlite3_column_int(stmt, i));
		rows++;
	}
	if (code != SQLITE_DONE)
		bench_stop(sqlite3_sql(stmt), sqlite3_errmsg(own->db));
	sqlite3_finalize(stmt);
	return rows;
}

#define ORIGINAL                                                                                   \
	"SELECT f.*, c.Name AS ClientName FROM files f JOIN clients c ON f.ClientID = c.ID WHERE "
#define NEWEST_FIRST " ORDER BY f.ModificationDate DESC LIMIT 1000"

static void original_search(bench *own, char **words)
{
	int64_t began = sr_clock_ns(), rows;
	char pattern[300];
	sqlite3_stmt *stmt;

	snprintf(pattern, sizeof(pattern), "%%%s%%", words[1]);
	stmt = bench_prepare(own->db,
			     ORIGINAL "(f.FileName LIKE ?1 OR f.PathName LIKE ?1)" NEWEST_FIRST);
	sqlite3_bind_text(stmt, 1, pattern, -1, SQLITE_STATIC);
	rows = step_all(own, stmt);
	answer(seconds_since(began), rows);
}

static void original_filters(bench *own, char **words)
{
	int64_t began = sr_clock_ns(), rows;
	sqlite3_stmt *stmt;

	stmt = bench_prepare(own->db,
			     ORIGINAL "c.Name = ?1 AND f.ModificationDate >= ?2 AND "
				      "f.ModificationDate <= ?3 AND f.FileSize >= ?4" NEWEST_FIRST);
	for (int i = 1; i <= 3; i++)
		sqlite3_bind_text(stmt, i, words[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, atoll(words[4]));
	rows = step_all(own, stmt);
	answer(seconds_since(began), rows);
}

static void original_statistics(bench *own, char **words)
{
	int64_t began = sr_clock_ns(), rows;
	sqlite3_stmt *stmt;

	(void)words;
	stmt = bench_prepare(own->db, "SELECT count(*), sum(FileSize) FROM files");
	if (sqlite3_step(stmt) != SQLITE_ROW)
		bench_stop("statistics", sqlite3_errmsg(own->db));
	rows = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	answer(seconds_since(began), rows);
}

/* ---- Questions ---- */

/* The most that was resident, in kB, and the most that SQLite had of it. */
static void memory(bench *own, char **words)
{
	FILE *status = fopen("/proc/self/status", "r");
	int64_t kilobytes = 0;
	char line[256];

	(void)own;
	(void)words;
	if (status == NULL)
		bench_stop("/proc/self/status", "cannot be read");
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kilobytes = strtoll(line + 6, NULL, 10);
	fclose(status);
	printf("%" PRId64 "\t%" PRId64 "\n", kilobytes * 1024,
	       (int64_t)sqlite3_memory_highwater(0));
	fflush(stdout);
}

typedef struct question {
	const char *name;
	int words;
	void (*catalog)(bench *own, char **words);
	void (*original)(bench *own, char **words);
} question;

static const question questions[] = {
	{"search", 2, search, original_search},
	{"count", 2, count, NULL},
	{"match", 2, match, NULL},
	{"index", 1, make_index, NULL},
	{"filters", 5, filters, original_filters},
	{"statistics", 1, statistics, original_statistics},
	{"open", 1, open_anew, NULL},
	{"save", 4, save, NULL},
	{"memory", 1, memory, memory},
};

static void take(bench *own, char *line)
{
	char *words[MOST_WORDS] = {NULL}, *rest = line;
	int given = 0;

	line[strcspn(line, "\n")] = '\0';
	while (given < MOST_WORDS && (words[given] = strsep(&rest, "\t")) != NULL)
		given++;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		void (*answers)(bench * own, char **words) =
			own->db ? questions[i].original : questions[i].catalog;

		if (strcmp(words[0], questions[i].name) != 0 || given != questions[i].words ||
		    answers == NULL)
			continue;
		answers(own, words);
		return;
	}
	bench_stop(line, "is no question");
}

/* As the original opened it. */
static void open_original(bench *own, const char *path)
{
	if (sqlite3_open(path, &own->db) != SQLITE_OK)
		bench_stop(path, sqlite3_errmsg(own->db));
	bench_sql(own->db, "PRAGMA journal_mode=WAL; PRAGMA cache_size=10000; "
			   "PRAGMA temp_store=MEMORY; PRAGMA synchronous=NORMAL");
}

int main(int argc, char **argv)
{
	bench own = {0};
	char line[4096];

	if (argc != 3) {
		fprintf(stderr, "usage: bench_search catalog|original DATABASE\n");
		return 2;
	}
	sr_options_init(&own.options);
	own.options.path = argv[2];
	if (strcmp(argv[1], "original") == 0)
		open_original(&own, argv[2]);
	else
		bench_check(argv[2], sr_open(&own.catalog, &own.options));
	while (fgets(line, sizeof(line), stdin) != NULL)
		take(&own, line);
	if (own.catalog != NULL)
		bench_check("closing", sr_close(own.catalog));
	if (own.db != NULL)
		sqlite3_close(own.db);
	return own.sum == 1; /* Never: what was read is of use, so the compiler reads it. */
}
