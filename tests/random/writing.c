/* What both kinds of writers share, and the library's calls. */
#include "writing.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void write_log(writing *w, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vfprintf(w->log, format, values);
	va_end(values);
	fputc('\n', w->log);
	fflush(w->log); /* A writer may be killed. */
}

void write_begins(writing *w, int commits)
{
	if (w->progress)
		atomic_fetch_add(&w->progress->begun, commits);
}

void write_ends(writing *w, int commits)
{
	if (w->progress)
		atomic_fetch_add(&w->progress->done, commits);
}

sqlite3 *open_plain(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", path, sqlite3_errmsg(db));
		abort();
	}
	sqlite3_busy_timeout(db, 60000);
	/* Checkpoints of others beside commits lose some of them in this SQLite. */
	sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0", NULL, NULL,
		     NULL);
	return db;
}

/* ---- Picking what is there ---- */

typedef struct picked {
	bool found;
	sr_id client;
	char *key; /* Owned. */
	size_t length;
} picked;

/* Any file that the library can name. */
static picked pick_file(writing *w)
{
	sqlite3 *db = open_plain(w->path);
	sqlite3_stmt *stmt;
	picked p = {0};

	if (sqlite3_prepare_v2(db,
			       "SELECT ClientID, coalesce(OriginalPath, FileName) FROM files WHERE"
			       " length(ClientID) = 16 AND rowid >= (SELECT min(rowid) +"
			       " (max(rowid) - min(rowid)) * ?1 / 1000 FROM files) LIMIT 1",
			       -1, &stmt, NULL) == SQLITE_OK) {
		sqlite3_bind_int(stmt, 1, (int)chance(1000));
		if (sqlite3_step(stmt) == SQLITE_ROW) {
			const void *key = sqlite3_column_blob(stmt, 1);

			p.found = true;
			p.length = (size_t)sqlite3_column_bytes(stmt, 1);
			p.key = calloc(p.length + 1, 1);
			if (p.length > 0)
				memcpy(p.key, key, p.length);
			memcpy(&p.client, sqlite3_column_blob(stmt, 0), sizeof(p.client));
		}
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return p;
}

static const char *const client_names[] = {"alpha", "beta", "gamma", "\xd0\x96 & co", "delta"};
#define CLIENTS (sizeof(client_names) / sizeof(client_names[0]))

static sr_id client_id(unsigned number)
{
	sr_id id;

	memset(&id, 0xc0, sizeof(id));
	id.bytes[15] = (uint8_t)number;
	return id;
}

/* ---- The library's calls ---- */

/* What may come of a call on rows that others have changed meanwhile. */
static void expect(writing *w, sr_status rc, const char *what)
{
	switch (rc) {
	case SR_OK:
		return;
	case SR_NOT_FOUND:
	case SR_EXISTS:
	case SR_INVALID:
	case SR_QUOTA:
	case SR_CONSTRAINT:
	case SR_REFUSED:
		write_log(w, "  (%s: %s)", what, sr_error_message());
		return;
	default:
		write_log(w, "FAILED %s: %s: %s", what, sr_status_name(rc), sr_error_message());
		w->failed = true;
	}
}

void write_clients(writing *w)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		sr_client client = {.id = client_id(i), .name = sr_text_of(client_names[i])};

		write_begins(w, 1);
		expect(w, sr_client_save(w->catalog, &client, 1, NULL), "sr_client_save");
		write_ends(w, 1);
	}
}

static const char *const dates[] = {"2026-01-31T09:30:00Z",
				    "2026-01-31",
				    "2026-01-31T10:30:00+01:00",
				    "2025-08-05T18:20:36+00:00Z",
				    "2025-08-05 18:20:36.5",
				    "yesterday",
				    "2026-02-31",
				    "",
				    "2024-02-29T23:59:59.999999"};

typedef struct made {
	sr_buffer texts[3];
	char date[SR_TIME_TEXT_SIZE];
	char hash[SR_HASH_TEXT_SIZE];
} made;

static void make_date(char date[SR_TIME_TEXT_SIZE])
{
	if (one_in(2))
		strcpy(date, PICK(dates));
	else
		sr_time_format((INT64_C(1700000000) + chance(80000000)) * 1000000, date);
}

static int64_t make_size(void)
{
	if (one_in(12))
		return SR_NULL_INTEGER;
	return (int64_t)chance(one_in(3) ? 10 : 100000);
}

/* A file in the folder, named by path or, now and then, by its name alone. */
static void make_file(made *m, sr_file *file, sr_id client, sr_text folder)
{
	sr_file_init(file);
	file->client_id = client;
	add_name(&m->texts[0]);
	file->name = sr_buffer_text(&m->texts[0]);
	if (!one_in(6)) {
		sr_buffer_add_text(&m->texts[1], folder);
		sr_buffer_add_text(&m->texts[1], file->name);
		file->original_path = sr_buffer_text(&m->texts[1]);
		if (one_in(2))
			file->name = sr_text_of(NULL);
	}
	if (one_in(3)) {
		sr_buffer_add_string(&m->texts[2], "received_files/");
		add_name(&m->texts[2]);
		file->path = sr_buffer_text(&m->texts[2]);
	}
	make_date(m->date);
	file->date = sr_text_of(m->date[0] ? m->date : NULL);
	file->size = make_size();
	file->verified = one_in(3);
	file->stored = one_in(4);
	if (one_in(2)) {
		snprintf(m->hash, sizeof(m->hash), "%08x%056x", chance(1u << 30), chance(50));
		file->hash = sr_text_of(m->hash);
	}
	if (one_in(5))
		file->extension =
			sr_text_of(PICK(((const char *const[]){"txt", ".c", "GZ", "77"})));
}

static void free_made(made *m, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < 3; k++)
			sr_buffer_free(&m[i].texts[k]);
	free(m);
}

/* Neighbours of a folder, as a walk finds them. */
static void save_new(writing *w)
{
	size_t count = one_in(4) ? 1 : 1 + chance(one_in(5) ? 300 : 60);
	sr_file *files = calloc(count, sizeof(*files));
	made *m = calloc(count, sizeof(*m));
	sr_id client = client_id(chance(CLIENTS));
	sr_buffer folder = SR_BUFFER_EMPTY;
	sr_status rc;

	add_folder(&folder);
	for (size_t i = 0; i < count; i++) {
		if (one_in(8)) {
			sr_buffer_clear(&folder);
			add_folder(&folder);
		}
		make_file(&m[i], &files[i], client, sr_buffer_text(&folder));
	}
	write_log(w, "save %zu new files", count);
	write_begins(w, 1);
	rc = sr_file_save(w->catalog, files, count, NULL, NULL, NULL);
	write_ends(w, 1);
	expect(w, rc, "sr_file_save");
	if (rc == SR_NOT_FOUND) /* Somebody deletes clients. */
		write_clients(w);
	free_made(m, count);
	free(files);
	sr_buffer_free(&folder);
}

/* Files that are there, with other contents, dates and paths. */
static void save_known(writing *w)
{
	size_t count = 1 + chance(6);

	for (size_t i = 0; i < count; i++) {
		picked p = pick_file(w);
		made *m = calloc(1, sizeof(*m));
		sr_file file;
		sr_status rc;

		if (p.found) {
			make_file(m, &file, p.client, sr_text_of("/"));
			file.name = sr_text_of(NULL);
			file.original_path = (sr_text){p.key, p.length};
			if (one_in(4)) {
				file.name = file.original_path;
				file.original_path = sr_text_of(NULL);
			}
			write_log(w, "save a known file: %.60s", p.key);
			write_begins(w, 1);
			rc = sr_file_save(w->catalog, &file, 1, NULL, NULL, NULL);
			write_ends(w, 1);
			expect(w, rc, "sr_file_save");
		}
		free_made(m, 1);
		free(p.key);
	}
}

static void change_one(writing *w)
{
	picked p = pick_file(w);
	sr_text key = {p.key, p.length};
	unsigned what = chance(6);
	const char *call = "";
	sr_status rc = SR_OK;

	if (!p.found)
		return;
	write_log(w, "change %u of: %.60s", what, p.key);
	write_begins(w, 1);
	switch (what) {
	case 0:
	case 1:
		call = "sr_file_delete";
		rc = sr_file_delete(w->catalog, &p.client, key);
		break;
	case 2:
		call = "sr_file_set_verified";
		rc = sr_file_set_verified(w->catalog, &p.client, key, one_in(2), SR_NULL_INTEGER);
		break;
	case 3:
		call = "sr_file_mark_missing";
		rc = sr_file_mark_missing(w->catalog, &p.client, &key, 1, sr_time_now(), NULL);
		break;
	case 4:
		call = "sr_version_activate";
		rc = sr_version_activate(w->catalog, &p.client, key, 1 + chance(3), NULL);
		break;
	default:
		call = "sr_version_pin";
		rc = sr_version_pin(w->catalog, &p.client, key, SR_NULL_INTEGER, one_in(2), NULL);
	}
	write_ends(w, 1);
	expect(w, rc, call);
	free(p.key);
}

static void prune(writing *w)
{
	sr_prune_options how;
	sr_keep keep;
	sr_status rc;

	sr_keep_init(&keep);
	keep.last = 1 + (int64_t)chance(2);
	sr_prune_options_init(&how);
	how.keep = &keep;
	write_log(w, "prune, keep %lld", (long long)keep.last);
	write_begins(w, 1000);
	rc = sr_prune(w->catalog, &how, NULL);
	write_ends(w, 1000);
	expect(w, rc, "sr_prune");
}

static void change_client(writing *w)
{
	unsigned number = chance(CLIENTS);
	sr_client client = {.id = client_id(number), .name = sr_text_of(client_names[number])};
	sr_status rc;

	write_begins(w, 2);
	switch (chance(4)) {
	case 0:
		write_log(w, "delete client %u", number);
		rc = sr_client_delete(w->catalog, &client.id, NULL);
		expect(w, rc, "sr_client_delete");
		rc = sr_client_save(w->catalog, &client, 1, NULL);
		break;
	case 1: /* Two that change their names. */
		write_log(w, "rename client %u", number);
		client.name = sr_text_of(one_in(2) ? "Alpha" : client_names[chance(CLIENTS)]);
		rc = sr_client_update(w->catalog, &client, SR_CLIENT_NAME);
		break;
	default:
		write_log(w, "save client %u", number);
		rc = sr_client_save(w->catalog, &client, 1, NULL);
	}
	write_ends(w, 2);
	expect(w, rc, "a client's change");
}

static void optimize(writing *w)
{
	sr_optimize_options how;
	sr_optimized result;
	sr_status rc;

	sr_optimize_options_init(&how);
	how.analyze_only = !one_in(4);
	write_log(w, "optimize%s", how.analyze_only ? ", analyze only" : "");
	write_begins(w, 1000);
	rc = sr_optimize(w->catalog, &how, &result);
	write_ends(w, 1000);
	/* Beside a reader the file may stay long for a while. */
	if (rc != SR_BUSY)
		expect(w, rc, "sr_optimize");
}

/* One statement of any kind, by the library. */
static void execute(writing *w)
{
	sqlite3 *db = open_plain(w->path);
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	/* What rolls the whole transaction back spoils all that is in it, rightly. */
	do
		make_statement(w, db, &sql);
	while (strstr(sql.data, "OR ROLLBACK") != NULL);
	sqlite3_close(db);
	write_log(w, "sr_execute: %s;", sql.data);
	write_begins(w, 1);
	rc = sr_execute(w->catalog, sql.data, NULL, 0, NULL);
	write_ends(w, 1);
	expect(w, rc, "sr_execute");
	sr_buffer_free(&sql);
}

/* The whole of it, perhaps from nothing. */
static void build_index(writing *w)
{
	bool anew = one_in(3);
	sr_status rc;

	write_log(w, "build the search index%s", anew ? " anew" : "");
	write_begins(w, 1000);
	rc = sr_search_index_build(w->catalog, anew, NULL, NULL, NULL);
	write_ends(w, 1000);
	expect(w, rc, "sr_search_index_build");
}

void write_by_library(writing *w)
{
	switch (chance(40)) {
	case 0:
		prune(w);
		break;
	case 1:
		change_client(w);
		break;
	case 2:
		optimize(w);
		break;
	case 3:
		execute(w);
		break;
	case 4:
		build_index(w);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
		save_known(w);
		break;
	default:
		if (one_in(2))
			save_new(w);
		else
			change_one(w);
	}
}

void write_in_transaction(writing *w)
{
	switch (chance(5)) {
	case 0:
		save_new(w);
		break;
	case 1:
		save_known(w);
		break;
	case 2:
		execute(w);
		break;
	case 3:
		change_client(w);
		break;
	default:
		change_one(w);
	}
}

void write_something(writing *w)
{
	if (w->catalog != NULL && one_in(2))
		write_by_library(w);
	else
		write_by_sql(w);
}
