/* Scenarios: what writes rows, and stored files with them. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "crash.h"
#include "pool/internal.h"
#include "recorder.h"

static void nothing(stage *s)
{
	(void)s;
}

/* A catalog with some files, closed. */
static void filled(stage *s)
{
	stage_create(s);
	for (int i = 0; i < 20; i++)
		stage_good(s, stage_save(s, i, i), "saving");
	stage_close(s);
}

/* ---- Rows ---- */

static void first_creation(stage *s)
{
	int promise = stage_promise(s, "SELECT count(*) > 5 FROM sqlite_schema");

	stage_open(s);
	stage_tell(s, promise);
	stage_close(s);
	promise = stage_promise(s, "SELECT count(*) FROM clients WHERE Name = 'host'");
	stage_create(s);
	stage_tell(s, promise);
	stage_close(s);
}

static void save_one(stage *s)
{
	int promise;

	stage_open(s);
	promise = stage_promise(s, STAGE_IS_THERE, 100, 5);
	stage_good(s, stage_save(s, 100, 5), "saving");
	stage_tell(s, promise);
	/* New content of a file: a version more. */
	promise = stage_promise(s, "SELECT count(*) FROM files WHERE OriginalPath = "
				   "'/home/host/papers/003 report.txt' AND CRC = 33 AND "
				   "TotalVersions = 2");
	stage_good(s, stage_save(s, 3, 33), "saving");
	stage_tell(s, promise);
	promise = stage_promise(s, "SELECT count(*) = 20 FROM files");
	stage_forget(s);
	stage_good(s,
		   sr_file_delete(s->catalog, &s->client,
				  sr_text_of("/home/host/papers/100 report.txt")),
		   "deleting");
	stage_tell(s, promise);
	stage_close(s);
}

static void batch(stage *s)
{
	enum { MANY = 120 };

	stage_open(s);
	for (int round = 1; round <= 2; round++) {
		int promise = stage_promise(s, "SELECT count(*) = %d FROM files WHERE CRC = %d",
					    MANY, round * 1000);

		stage_save_many(s, round * 200, MANY, round * 1000);
		stage_tell(s, promise);
	}
	stage_close(s);
}

/* ---- Many at once ---- */

enum { WRITERS = 8, EACH = 4 };

typedef struct writer {
	stage *stage;
	int number;
} writer;

static void *write_some(void *arg)
{
	const writer *w = arg;

	for (int i = 0; i < EACH; i++) {
		int number = 100 + w->number * EACH + i;
		int promise = stage_promise(w->stage, STAGE_IS_THERE, number, number);

		stage_good(w->stage, stage_save(w->stage, number, number), "saving");
		stage_tell(w->stage, promise);
	}
	return NULL;
}

static void group_commit(stage *s)
{
	pthread_t threads[WRITERS];
	writer writers[WRITERS];

	stage_open(s);
	/* While one waits for the disk the others gather behind it. */
	recorder_slow(500);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (writer){s, i};
		if (pthread_create(&threads[i], NULL, write_some, &writers[i]) != 0)
			abort();
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	recorder_slow(0);
	stage_close(s);
}

/* ---- A real folder ---- */

static void source_of(const stage *s, char folder[4200])
{
	snprintf(folder, 4200, "%s/../source", s->folder);
}

static void folder_to_record(stage *s)
{
	char folder[4200], name[64];

	stage_create(s);
	stage_close(s);
	source_of(s, folder);
	if (mkdir(folder, 0700) != 0)
		abort();
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "letter %02d.txt", i);
		stage_write(folder, name, name);
	}
}

static void record_folder(stage *s, const char *folder)
{
	sr_record_summary summary;

	stage_good(s, sr_record(s->catalog, &s->client, &folder, 1, NULL, &summary), "recording");
	s->failed = s->failed || summary.failed > 0;
}

static void record(stage *s)
{
	char folder[4200], gone[4300];
	int promise;

	source_of(s, folder);
	stage_open(s);
	promise = stage_promise(s, "SELECT count(*) = 40 FROM files WHERE FileHash IS NOT NULL");
	record_folder(s, folder);
	stage_tell(s, promise);
	stage_write(folder, "letter 07.txt", "written anew, and longer than before");
	snprintf(gone, sizeof(gone), "%s/letter 09.txt", folder);
	unlink(gone);
	stage_forget(s);
	promise =
		stage_promise(s, "SELECT (SELECT count(*) = 1 FROM files WHERE TotalVersions = 2) "
				 "AND (SELECT count(*) = 1 FROM files WHERE MissingSince IS NOT "
				 "NULL)");
	record_folder(s, folder);
	stage_tell(s, promise);
	stage_close(s);
}

/* ---- Stored files ---- */

/* Version v of file f is at storage/f-v. */
static void save_stored(stage *s, int number, int version)
{
	char path[64], text[64], stored[64], folder[4200];
	sr_file file = stage_file(s, path, number, SR_NULL_INTEGER);

	snprintf(stored, sizeof(stored), "storage/%d-%d", number, version);
	snprintf(text, sizeof(text), "file %d as of version %d", number, version);
	snprintf(folder, sizeof(folder), "%s", s->folder);
	stage_write(folder, stored, text);
	file.path = sr_text_of(stored);
	file.stored = true;
	file.size = (int64_t)strlen(text);
	file.crc = 100 * number + version;
	file.crc = SR_NULL_INTEGER;
	file.date = sr_text_of(version == 1 ? "2026-01-01T00:00:00Z" : "2026-02-02T00:00:00Z");
	file.modified_ns = version;
	stage_good(s, sr_file_save(s->catalog, &file, 1, NULL, NULL, NULL), "saving");
}

static void with_stored(stage *s)
{
	char folder[4200];

	snprintf(folder, sizeof(folder), "%s/storage", s->folder);
	if (mkdir(folder, 0700) != 0)
		abort();
	s->options.storage_dir = "storage";
	stage_create(s);
	for (int i = 0; i < 6; i++)
		for (int v = 1; v <= 2; v++)
			save_stored(s, i, v);
	stage_close(s);
}

/* What is stored for each version, and for each file after it was verified, which takes back what
 * a deletion has hidden. */
static void look_stored(crash_look *look)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open(look->path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db,
			       "SELECT f.ClientID, f.OriginalPath, v.PathName FROM files f "
			       "LEFT JOIN file_versions v ON v.FileID = f.ID",
			       -1, &stmt, NULL) != SQLITE_OK)
		snprintf(look->words, sizeof(look->words), "%s", sqlite3_errmsg(db));
	while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *key = (const char *)sqlite3_column_text(stmt, 1);
		const char *version = (const char *)sqlite3_column_text(stmt, 2);
		char path[4600];
		sr_id client;

		memcpy(client.bytes, sqlite3_column_blob(stmt, 0), sizeof(client.bytes));
		if (sr_file_verify(look->catalog, &client, sr_text_of(key)) != SR_OK)
			snprintf(look->words, sizeof(look->words), "%s: %.400s", key,
				 sr_error_message());
		snprintf(path, sizeof(path), "%s/%s", look->folder, version ? version : "storage");
		if (access(path, F_OK) != 0)
			snprintf(look->words, sizeof(look->words),
				 "a version is there, and not what is stored for it: %s", version);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void prune(stage *s)
{
	sr_prune_options options;
	sr_prune_summary summary;
	sr_keep keep;
	int promise;

	stage_open(s);
	sr_keep_init(&keep);
	keep.last = 1;
	sr_prune_options_init(&options);
	options.keep = &keep;
	options.delete_stored = true;
	promise = stage_promise(s, "SELECT count(*) = 6 FROM files WHERE TotalVersions = 1");
	stage_good(s, sr_prune(s->catalog, &options, &summary), "pruning");
	stage_tell(s, promise);
	s->failed = s->failed || summary.stored_files != 6;
	stage_close(s);
}

static void delete_stored(stage *s)
{
	stage_open(s);
	for (int i = 0; i < 3; i++) {
		int gone = stage_promise(s, "gone:storage/%d-2", i);
		int promise;
		char key[64];

		snprintf(key, sizeof(key), "/home/host/papers/%03d report.txt", i);
		stage_good(s, sr_file_delete_stored(s->catalog, &s->client, sr_text_of(key)),
			   "deleting");
		stage_tell(s, gone);
		promise = stage_promise(
			s, "SELECT count(*) = 0 FROM files WHERE OriginalPath = '%s'", key);
		stage_tell(s, promise);
	}
	stage_close(s);
}

/* ---- The log ---- */

/* Copied again and again, and begun anew. */
static void log_reset(stage *s)
{
	stage_open(s);
	s->catalog->pool->options.checkpoint_bytes = 20 << 10;
	for (int i = 0; i < 60; i++) {
		int promise = stage_promise(s, STAGE_IS_THERE, 100 + i, i);

		stage_good(s, stage_save(s, 100 + i, i), "saving");
		stage_tell(s, promise);
	}
	if (s->catalog->pool->begun_anew == 0) {
		fprintf(stderr, "the log was not begun anew\n");
		s->failed = true;
	}
	stage_close(s);
}

const crash_scenario crash_writes[] = {
	{.name = "first creation", .prepare = nothing, .run = first_creation},
	{.name = "save one", .prepare = filled, .run = save_one},
	{.name = "batch", .prepare = filled, .run = batch},
	{.name = "group commit of many", .prepare = filled, .run = group_commit},
	{.name = "record", .prepare = folder_to_record, .run = record},
	{.name = "prune", .prepare = with_stored, .run = prune, .look = look_stored},
	{.name = "delete with stored file",
	 .prepare = with_stored,
	 .run = delete_stored,
	 .look = look_stored},
	{.name = "checkpoint and log reset", .prepare = filled, .run = log_reset},
	{.name = "fallback journal mode", .prepare = filled, .run = save_one, .without_log = true},
	{.name = NULL},
};
