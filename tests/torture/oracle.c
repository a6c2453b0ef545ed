/* What is looked at in a crashed catalog. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash.h"

enum { ABSENT = 1, EMPTY = 2 }; /* Digests. */

static uint64_t mix(uint64_t h, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < length; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h ^ (h >> 31);
}

/* ---- The digest ---- */

static uint64_t digest_row(sqlite3_stmt *stmt, uint64_t h)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		int type = sqlite3_column_type(stmt, i);
		sqlite3_int64 integer = sqlite3_column_int64(stmt, i);

		h = mix(h, &type, sizeof(type));
		if (type == SQLITE_INTEGER)
			h = mix(h, &integer, sizeof(integer));
		else if (type != SQLITE_NULL)
			h = mix(h, sqlite3_column_blob(stmt, i),
				(size_t)sqlite3_column_bytes(stmt, i));
		h = mix(h, ";", 1);
	}
	return h;
}

/* The rows in any order. */
static int digest_query(sqlite3 *db, const char *sql, uint64_t seed, uint64_t *digest)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		*digest += digest_row(stmt, seed);
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int digest_tables(sqlite3 *db, uint64_t *digest, int *tables)
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1,
				      &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", name);

		++*tables;
		code = digest_query(db, sql, mix(7, name, strlen(name)), digest);
		sqlite3_free(sql);
	}
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* The first row of a check that is not what it should be. */
static int check(sqlite3 *db, const char *sql, const char *expected, char words[512])
{
	sqlite3_stmt *stmt;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);

		if (expected == NULL || text == NULL || strcmp(text, expected) != 0)
			snprintf(words, 512, "%s: %.400s", sql, text ? text : "null");
		code = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int open_plain(const char *path, sqlite3 **db)
{
	int code = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, "PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
	return code;
}

uint64_t oracle_digest(const char *path, char words[512])
{
	uint64_t digest = 1000;
	struct stat st;
	sqlite3 *db;
	int code, tables = 0;

	words[0] = '\0';
	if (stat(path, &st) != 0)
		return ABSENT;
	if ((code = open_plain(path, &db)) == SQLITE_OK &&
	    (code = check(db, "PRAGMA integrity_check", "ok", words)) == SQLITE_OK &&
	    (code = check(db, "PRAGMA foreign_key_check", NULL, words)) == SQLITE_OK &&
	    (code = digest_query(db, "SELECT type, name, tbl_name, sql FROM sqlite_schema", 3,
				 &digest)) == SQLITE_OK &&
	    (code = digest_query(db, "PRAGMA user_version", 5, &digest)) == SQLITE_OK)
		code = digest_tables(db, &digest, &tables);
	if (code != SQLITE_OK && words[0] == '\0')
		snprintf(words, 512, "the database cannot be read: %s", sqlite3_errmsg(db));
	sqlite3_close(db);
	if (words[0] != '\0')
		return 0;
	return tables == 0 ? EMPTY : digest | UINT64_C(1) << 63;
}

int64_t oracle_integer(const char *path, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db;
	int64_t value = -1;

	if (access(path, F_OK) != 0)
		return -1;
	if (open_plain(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* ---- With the library ---- */

static sr_options options_of(const crash_look *look)
{
	sr_options options = look->stage->options;

	options.path = look->path;
	options.base_dir = NULL;
	options.pool_size = 1;
	return options;
}

void oracle_open(crash_look *look)
{
	sr_options options = options_of(look);
	sr_catalog *catalog = NULL;
	sr_status rc;

	options.create = options.migrate = false;
	rc = sr_open(&catalog, &options);
	/* Nothing, or nothing in it yet, is a state as well: the digest knows whether it may be. */
	if (rc != SR_OK && (access(look->path, F_OK) == 0 || rc != SR_NOT_FOUND) &&
	    oracle_integer(look->path, "SELECT count(*) FROM sqlite_schema") != 0)
		snprintf(look->words, 512, "it does not open: %.400s", sr_error_message());
	if ((rc = sr_close(catalog)) != SR_OK)
		snprintf(look->words, 512, "it does not close: %.400s", sr_error_message());
}

void oracle_truths(crash_look *look)
{
	const stage *s = look->stage;
	sqlite3 *db = NULL;
	int from = 0;

	for (int i = 0; i < look->told; i++)
		if (s->truths[i].sql[0] == '\0')
			from = i + 1;
	if (from >= look->told)
		return;
	if (access(look->path, F_OK) != 0 || open_plain(look->path, &db) != SQLITE_OK) {
		snprintf(look->words, 512, "there is no database any more");
		sqlite3_close(db);
		return;
	}
	for (int i = from; i < look->told; i++) {
		sqlite3_stmt *stmt = NULL;

		if (sqlite3_prepare_v2(db, s->truths[i].sql, -1, &stmt, NULL) != SQLITE_OK ||
		    sqlite3_step(stmt) != SQLITE_ROW || sqlite3_column_int(stmt, 0) != 1)
			snprintf(look->words, 512, "what was acknowledged is not there: %s",
				 s->truths[i].sql);
		sqlite3_finalize(stmt);
	}
	sqlite3_close(db);
}

static sr_status save_one(sr_catalog *catalog)
{
	sr_client client = {.name = sr_text_of("who came after")};
	sr_file file;
	sr_status rc;

	sr_id_new(&client.id);
	if ((rc = sr_client_save(catalog, &client, 1, NULL)) != SR_OK)
		return rc;
	sr_file_init(&file);
	file.client_id = client.id;
	file.original_path = sr_text_of("/after/the-power-came-back.txt");
	file.size = 77;
	return sr_file_save(catalog, &file, 1, NULL, NULL, NULL);
}

static sr_status find_one(sr_catalog *catalog, int *found)
{
	const sr_file *file;
	sr_files *cursor;
	sr_query query;
	sr_status rc;

	sr_query_init(&query);
	query.term = sr_text_of("POWER-CAME-BACK");
	*found = 0;
	if ((rc = sr_search(catalog, &query, &cursor)) != SR_OK)
		return rc;
	while ((rc = sr_files_next(cursor, &file)) == SR_OK && file != NULL)
		++*found;
	sr_files_close(cursor);
	return rc;
}

void oracle_go_on(crash_look *look)
{
	static const char *const count = "SELECT count(*) FROM files";
	sr_options options = options_of(look);
	sr_catalog *catalog = NULL;
	int64_t before = oracle_integer(look->path, count), after;
	char words[512];
	sr_status rc;
	int found = 0;

	options.create = options.migrate = true;
	options.backup = 0;
	if ((rc = sr_open(&catalog, &options)) == SR_OK && (rc = save_one(catalog)) == SR_OK)
		rc = find_one(catalog, &found);
	if (rc != SR_OK)
		snprintf(look->words, 512, "it cannot be worked on: %.400s", sr_error_message());
	else if (found != 1)
		snprintf(look->words, 512, "one file was saved and %d are found", found);
	if ((rc = sr_close(catalog)) != SR_OK && look->words[0] == '\0')
		snprintf(look->words, 512, "it does not close: %.400s", sr_error_message());
	if (look->words[0] != '\0')
		return;
	after = oracle_integer(look->path, count);
	if (after != (before < 0 ? 0 : before) + 1)
		snprintf(look->words, 512, "there were %lld files, and then %lld",
			 (long long)before, (long long)after);
	else if (oracle_digest(look->path, words) == 0)
		snprintf(look->words, 512, "afterwards %.400s", words);
}
