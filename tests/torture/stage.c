/* What scenarios share: promises that are told, and short ways to use a catalog. */
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
sr_file stage_file(const stage *s, char path[64], int number, int64_t content)
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

sr_status stage_save(stage *s, int number, int64_t content)
{
	char path[64];
	sr_file file = stage_file(s, path, number, content);

	return sr_file_save(s->catalog, &file, 1, NULL, NULL, NULL);
}

void stage_save_many(stage *s, int first, int count, int64_t content)
{
	char(*paths)[64] = calloc((size_t)count, sizeof(*paths));
	sr_file *files = calloc((size_t)count, sizeof(*files));

	if (paths == NULL || files == NULL)
		abort();
	for (int i = 0; i < count; i++)
		files[i] = stage_file(s, paths[i], first + i, content);
	stage_good(s, sr_file_save(s->catalog, files, (size_t)count, NULL, NULL, NULL), "saving");
	free(files);
	free(paths);
}

void stage_write(const char *folder, const char *name, const char *text)
{
	char path[8300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((file = fopen(path, "w")) == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(path);
		abort();
	}
}
