/*
 * What the first migration promises: questions that have an index, beside the same questions in
 * the same tables without one.
 *
 * A catalog of so many recorded files, and a copy whose tables have no index but those of their
 * keys. Each round asks both the same questions, those that the document of old gives as examples:
 * a client's files, its verified ones, one by client and name, those of a name, those of a size, a
 * client by name. The figure is the mean time of all six, so that the longest ones count most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define ASKED 40 /* Times a round that each question is asked with an index; without, once. */

static int64_t rows_known;

typedef struct question {
	const char *sql; /* ?1 client, ?2 file name, ?3 size, ?4 client's name. */
	sqlite3_stmt *with;
	sqlite3_stmt *without;
} question;

static question questions[] = {
	{"SELECT * FROM files WHERE ClientID = ?1", NULL, NULL},
	{"SELECT * FROM files WHERE ClientID = ?1 AND Verified = 1", NULL, NULL},
	{"SELECT * FROM files WHERE ClientID = ?1 AND FileName = ?2", NULL, NULL},
	{"SELECT * FROM files WHERE FileName = ?2", NULL, NULL},
	{"SELECT * FROM files WHERE FileSize = ?3", NULL, NULL},
	{"SELECT * FROM clients WHERE Name = ?4", NULL, NULL},
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

/* Reads all rows; how many there were. */
static int64_t ask(sqlite3_stmt *stmt, uint64_t number)
{
	int64_t i = (int64_t)(bench_random(number) % (uint64_t)rows_known), rows = 0;
	char name[32];
	bench_file made;
	sr_id client;
	int code;

	bench_client_id(&client, bench_client_of(i, rows_known));
	bench_file_make(&made, (uint64_t)i, &client, true);
	snprintf(name, sizeof(name), "client-%03u", bench_client_of(i, rows_known));
	/* Numbers that a question has not are refused, and that is as it should be. */
	sqlite3_bind_blob(stmt, 1, client.bytes, sizeof(client.bytes), SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, made.file.name.data, (int)made.file.name.length, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, made.file.size);
	sqlite3_bind_text(stmt, 4, name, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
		rows++;
	if (code != SQLITE_DONE)
		bench_stop(sqlite3_sql(stmt), sqlite3_errmsg(sqlite3_db_handle(stmt)));
	sqlite3_reset(stmt);
	return rows;
}

/* Both sides answer alike, or the figure would mean nothing. */
static void compare(uint64_t number)
{
	for (size_t q = 0; q < QUESTIONS; q++)
		if (ask(questions[q].with, number) != ask(questions[q].without, number))
			bench_stop(questions[q].sql, "the two sides answer differently");
}

/* Drops every index that no table has of itself. */
static void drop_indexes(sqlite3 *db)
{
	char *all = sqlite3_mprintf("");
	sqlite3_stmt *names = bench_prepare(
		db, "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL");

	while (sqlite3_step(names) == SQLITE_ROW) {
		char *more = sqlite3_mprintf("%sDROP INDEX \"%w\";", all,
					     sqlite3_column_text(names, 0));

		sqlite3_free(all);
		all = more;
	}
	sqlite3_finalize(names);
	bench_sql(db, all);
	sqlite3_free(all);
}

/* The mean time of a question on either side, in microseconds. */
static void round_of(int round)
{
	double ours = 0, theirs = 0;

	for (size_t q = 0; q < QUESTIONS; q++) {
		uint64_t first = (uint64_t)round * 1000;
		int64_t began = sr_clock_ns();

		for (unsigned i = 0; i < ASKED; i++)
			(void)ask(questions[q].with, first + i);
		ours += (double)(sr_clock_ns() - began) / 1e3 / ASKED;
		began = sr_clock_ns();
		(void)ask(questions[q].without, first);
		theirs += (double)(sr_clock_ns() - began) / 1e3;
	}
	bench_print("claims.indexed", true, ours / (double)QUESTIONS, "us");
	bench_print("claims.indexed", false, theirs / (double)QUESTIONS, "us");
}

int main(int argc, char **argv)
{
	bench_options options = {.rows = 300000, .rounds = 5};
	char path[4096], copy[4096];
	sqlite3 *with, *without;

	bench_arguments(&options, argc, argv);
	rows_known = options.rows;
	bench_path(path, &options, "indexed.db");
	bench_path(copy, &options, "indexed.copy");
	bench_catalog_make(path, options.rows, true);
	bench_copy(path, copy);
	with = bench_open(path);
	without = bench_open(copy);
	drop_indexes(without);
	for (size_t q = 0; q < QUESTIONS; q++) {
		questions[q].with = bench_prepare(with, questions[q].sql);
		questions[q].without = bench_prepare(without, questions[q].sql);
	}
	printf("# %lld recorded files; six questions of the old document, all rows read\n",
	       (long long)options.rows);
	compare(7);
	for (int i = 0; i < options.rounds; i++)
		round_of(i);
	for (size_t q = 0; q < QUESTIONS; q++) {
		sqlite3_finalize(questions[q].with);
		sqlite3_finalize(questions[q].without);
	}
	sqlite3_close(with);
	sqlite3_close(without);
	bench_remove(path);
	bench_remove(copy);
	return 0;
}
