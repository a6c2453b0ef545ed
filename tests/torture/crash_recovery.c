/* Scenarios: the power goes once more, while what the first time has left is taken up. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "crash.h"

enum { BEFORE = 30, SINCE = 40 };

/* In another process: closing a file of the database here would drop locks. */
static void shell(stage *s, const char *words)
{
	char command[9000];

	snprintf(command, sizeof(command), "cd '%s' && %s", s->folder, words);
	if (system(command) != 0)
		s->failed = true;
}

#define KEEP(side) "cp catalog.db left && cp catalog.db" side " left" side
#define TAKE(side)                                                                                 \
	"test -s left" side " && ! cmp -s catalog.db left && "                                     \
	"rm -f catalog.db catalog.db-* && mv left catalog.db && mv left" side " catalog.db" side

/* A log with what was acknowledged last. */
static void with_log(stage *s)
{
	stage_create(s);
	stage_save_many(s, 0, BEFORE, 1);
	stage_close(s);
	stage_open(s);
	for (int i = 0; i < SINCE; i++)
		stage_good(s, stage_save(s, 100 + i, 2), "saving");
	shell(s, KEEP("-wal"));
	stage_close(s);
	shell(s, TAKE("-wal"));
}

static void run_sql(stage *s, sqlite3 *db, const char *sql)
{
	char *words = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, words);
		s->failed = true;
	}
	sqlite3_free(words);
}

/* Another program's transaction that was cut off: half of it is in the database, and what was there
 * before in the journal. */
static void with_journal(stage *s)
{
	sqlite3 *db;

	stage_create(s);
	stage_save_many(s, 0, BEFORE, 1);
	stage_save_many(s, 100, SINCE, 2);
	stage_close(s);
	if (sqlite3_open(s->path, &db) != SQLITE_OK)
		abort();
	run_sql(s, db,
		"PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5; BEGIN IMMEDIATE;"
		"UPDATE files SET CRC = 77; DELETE FROM file_versions;"
		"UPDATE clients SET LastSeen = 'never'");
	shell(s, KEEP("-journal"));
	run_sql(s, db, "ROLLBACK");
	sqlite3_close(db);
	shell(s, TAKE("-journal"));
}

static void recover(stage *s)
{
	int promise = stage_promise(s,
				    "SELECT (SELECT count(*) = %d FROM files WHERE CRC = 1) AND "
				    "(SELECT count(*) = %d FROM files WHERE CRC = 2)",
				    BEFORE, SINCE);

	stage_tell(s, promise);
	stage_open(s);
	promise = stage_promise(s, STAGE_IS_THERE, 900, 3);
	stage_good(s, stage_save(s, 900, 3), "saving");
	stage_tell(s, promise);
	stage_close(s);
}

const crash_scenario crash_recoveries[] = {
	{.name = "recovery of a log", .prepare = with_log, .run = recover},
	{.name = "recovery of a journal", .prepare = with_journal, .run = recover},
	{.name = "recovery without a log",
	 .prepare = with_journal,
	 .run = recover,
	 .without_log = true},
	{.name = NULL},
};
