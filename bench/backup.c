/*
 * How fast a live database is copied, beside SQLite's online backup API as its documentation
 * shows it: small steps, and a target with the settings that a database has by default.
 *
 * usage: bench_backup FOLDER [MEGABYTES [ROUNDS]]
 *
 * Makes a database of that size (1024) in FOLDER, copies it both ways in turns, and prints the
 * median speed of each, and the median of the rounds' ratios: each round compares what was measured
 * one right after the other. Both copies are on the disk when their time ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "engine/engine.h"

#define DOCUMENTED_STEP 5 /* Pages: as in SQLite's own example of an online backup. */
#define MOST_ROUNDS     32

static void stop(const char *what, const char *why)
{
	fprintf(stderr, "bench_backup: %s: %s\n", what, why);
	exit(1);
}

static void run_sql(sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		stop(sql, words ? words : sqlite3_errmsg(db));
}

static int64_t file_bytes(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		stop(path, "cannot be looked at");
	return (int64_t)st.st_size;
}

/* Rows like a catalog's, in a database with a log, until it has the size. */
static void make_database(const char *path, int64_t bytes)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		stop(path, sqlite3_errmsg(db));
	run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE files "
		    "(ID BLOB, FileName TEXT, PathName TEXT, FileSize INTEGER, FileHash TEXT)");
	while (file_bytes(path) < bytes) {
		run_sql(db, "INSERT INTO files WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT "
			    "i + 1 FROM n WHERE i < 100000) SELECT randomblob(16), 'file' || i, "
			    "'/home/user/folder' || abs(random() % 5000) || '/file' || i, i, "
			    "hex(randomblob(32)) FROM n");
		run_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	}
	sqlite3_close(db);
}

static double seconds_since(int64_t began)
{
	return (double)(sr_clock_ns() - began) / 1e9;
}

/* SQLite's defaults: it syncs the target by itself. */
static double copy_documented(const char *from, const char *to)
{
	int64_t began = sr_clock_ns();
	sqlite3 *source = NULL, *target = NULL;
	sqlite3_backup *backup;
	int code;

	if (sqlite3_open(from, &source) != SQLITE_OK || sqlite3_open(to, &target) != SQLITE_OK)
		stop(to, "cannot be opened");
	if ((backup = sqlite3_backup_init(target, "main", source, "main")) == NULL)
		stop(to, sqlite3_errmsg(target));
	while ((code = sqlite3_backup_step(backup, DOCUMENTED_STEP)) == SQLITE_OK)
		;
	if (code != SQLITE_DONE || sqlite3_backup_finish(backup) != SQLITE_OK)
		stop(to, sqlite3_errmsg(target));
	sqlite3_close(target);
	sqlite3_close(source);
	return seconds_since(began);
}

static double copy_ours(const char *from, const char *to)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_READ, .busy_timeout = 5, .cache_pages = 100, .sweeping = true};
	int64_t began = sr_clock_ns();
	sr_conn *conn;

	if (sr_conn_open(&sr_sqlite, from, &options, &conn) != SR_OK ||
	    sr_conn_backup(conn, to, NULL, NULL) != SR_OK)
		stop(to, sr_error_message());
	sr_conn_close(conn);
	return seconds_since(began);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), by_size);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* What earlier rounds wrote is on the disk before the next one's time begins. */
static double timed(double (*copy)(const char *from, const char *to), const char *from,
		    const char *to)
{
	double seconds;

	sync();
	seconds = copy(from, to);
	if (file_bytes(to) != file_bytes(from))
		stop(to, "is not as large as the database");
	unlink(to);
	return seconds;
}

int main(int argc, char **argv)
{
	int64_t megabytes = argc > 2 ? atoll(argv[2]) : 1024;
	int rounds = argc > 3 ? atoi(argv[3]) : 5;
	double documented[MOST_ROUNDS], ours[MOST_ROUNDS], ratios[MOST_ROUNDS], size;
	char folder[3000], from[4096], to[4096];

	if (argc < 2 || megabytes < 1 || rounds < 1 || rounds > MOST_ROUNDS ||
	    realpath(argv[1], folder) == NULL) {
		fprintf(stderr, "usage: bench_backup FOLDER [MEGABYTES [ROUNDS]]\n");
		return 2;
	}
	snprintf(from, sizeof(from), "%s/bench_backup.db", folder);
	snprintf(to, sizeof(to), "%s/bench_backup.copy", folder);
	unlink(from);
	unlink(to);
	make_database(from, megabytes << 20);
	size = (double)file_bytes(from) / 1e6;
	for (int i = 0; i < rounds; i++) {
		documented[i] = timed(copy_documented, from, to);
		ours[i] = timed(copy_ours, from, to);
		ratios[i] = documented[i] / ours[i];
		printf("round %d: SQLite's defaults %.0f MB/s, strongroom %.0f MB/s, ratio %.2f\n",
		       i + 1, size / documented[i], size / ours[i], ratios[i]);
		fflush(stdout);
	}
	unlink(from);
	printf("copying %.0f MB: SQLite's defaults %.0f MB/s, strongroom %.0f MB/s, ratio %.2f\n",
	       size, size / median(documented, rounds), size / median(ours, rounds),
	       median(ratios, rounds));
	return 0;
}
