/* What is done while the power goes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "engine/engine.h"
#include "recorder.h"

/* ---- Promises ---- */

static _Thread_local stage *promising;
static _Thread_local int promised = -1; /* Not yet told. */
static bool early;

void stage_good(stage *s, sr_status rc, const char *what)
{
	if (rc == SR_OK)
		return;
	fprintf(stderr, "%s failed: %s\n", what, sr_error_message());
	s->failed = true;
}

int stage_promise(stage *s, const char *sql, ...)
{
	int number = __atomic_fetch_add(&s->truth_count, 1, __ATOMIC_SEQ_CST);
	va_list args;

	if (number >= CRASH_TRUTHS)
		abort();
	va_start(args, sql);
	vsnprintf(s->truths[number].sql, sizeof(s->truths[number].sql), sql, args);
	va_end(args);
	promising = s;
	promised = number;
	return number;
}

void stage_tell(stage *s, int promise)
{
	(void)s;
	if (promised == promise)
		recorder_mark(promise);
	promised = -1;
}

void stage_forget(stage *s)
{
	stage_tell(s, stage_promise(s, "%s", ""));
}

void stage_plant_early(bool planted)
{
	early = planted;
}

sr_status __real_sr_conn_commit(sr_conn *conn);
sr_status __wrap_sr_conn_commit(sr_conn *conn);

/* Stands before the engine's in this program. */
sr_status __wrap_sr_conn_commit(sr_conn *conn)
{
	if (early && promised >= 0)
		stage_tell(promising, promised);
	return __real_sr_conn_commit(conn);
}

/* ---- Short ways ---- */

void stage_open(stage *s)
{
	stage_good(s, sr_open(&s->catalog, &s->options), "opening");
}

void stage_close(stage *s)
{
	stage_good(s, sr_close(s->catalog), "closing");
	s->catalog = NULL;
}

void stage_create(stage *s)
{
	sr_client client = {.name = sr_text_of("host")};

	stage_open(s);
	sr_id_new(&client.id);
	s->client = client.id;
	stage_good(s, sr_client_save(s->catalog, &client, 1, NULL), "saving a client");
}

/* A file by its number and content. */
static sr_file file_of(const stage *s, char path[64], int number, int64_t content)
{
	sr_file file;

	snprintf(path, 64, "/home/host/papers/%03d report.txt", number);
	sr_file_init(&file);
	file.client_id = s->client;
	file.original_path = sr_text_of(path);
	file.size = 1000 + content;
	file.crc = content;
	file.stored = false;
	return file;
}

static sr_status save(stage *s, int number, int64_t content)
{
	char path[64];
	sr_file file = file_of(s, path, number, content);

	return sr_file_save(s->catalog, &file, 1, NULL, NULL, NULL);
}

/* A catalog with some files, closed. */
static void prepare_filled(stage *s)
{
	stage_create(s);
	for (int i = 0; i < 20; i++)
		stage_good(s, save(s, i, i), "saving");
	stage_close(s);
}

#define IS_THERE                                                                                   \
	"SELECT count(*) FROM files WHERE OriginalPath = '/home/host/papers/%03d report.txt' "     \
	"AND CRC = %d"

/* ---- Scenarios ---- */

static void nothing(stage *s)
{
	(void)s;
}

static void first_creation(stage *s)
{
	int promise = stage_promise(s, "SELECT count(*) > 5 FROM sqlite_schema");

	stage_open(s);
	stage_tell(s, promise);
	promise = stage_promise(s, "SELECT count(*) FROM clients WHERE Name = 'host'");
	{
		sr_client client = {.name = sr_text_of("host")};

		sr_id_new(&client.id);
		stage_good(s, sr_client_save(s->catalog, &client, 1, NULL), "saving a client");
	}
	stage_tell(s, promise);
	stage_close(s);
}

static void save_one(stage *s)
{
	int promise;

	stage_open(s);
	promise = stage_promise(s, IS_THERE, 100, 5);
	stage_good(s, save(s, 100, 5), "saving");
	stage_tell(s, promise);
	/* New content of a file: a version more. */
	promise = stage_promise(s, "SELECT count(*) FROM files WHERE OriginalPath = "
				   "'/home/host/papers/003 report.txt' AND CRC = 33 AND "
				   "TotalVersions = 2");
	stage_good(s, save(s, 3, 33), "saving");
	stage_tell(s, promise);
	stage_close(s);
}

static void batch(stage *s)
{
	enum { MANY = 120 };
	static char paths[MANY][64];
	static sr_file files[MANY];

	stage_open(s);
	for (int round = 1; round <= 2; round++) {
		int promise = stage_promise(s, "SELECT count(*) = %d FROM files WHERE CRC = %d",
					    MANY, round * 1000);

		for (int i = 0; i < MANY; i++)
			files[i] = file_of(s, paths[i], round * 200 + i, round * 1000);
		stage_good(s, sr_file_save(s->catalog, files, MANY, NULL, NULL, NULL), "saving");
		stage_tell(s, promise);
	}
	stage_close(s);
}

const crash_scenario crash_scenarios[] = {
	{"first creation", nothing, first_creation, NULL},
	{"save one", prepare_filled, save_one, NULL},
	{"batch", prepare_filled, batch, NULL},
	{NULL, NULL, NULL, NULL},
};
