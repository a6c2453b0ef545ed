/* What is looked at in a crashed catalog. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash.h"
#include "schema/schema.h"

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

static uint64_t digest_of(sqlite3 *db, char words[512])
{
	uint64_t digest = 1000;
	int code, tables = 0;

	if ((code = check(db, "PRAGMA integrity_check", "ok", words)) == SQLITE_OK &&
	    /* Old databases have orphans, and are not to get others. */
	    (code = digest_query(db, "PRAGMA foreign_key_check", 2, &digest)) == SQLITE_OK &&
	    (code = digest_query(db, "SELECT type, name, tbl_name, sql FROM sqlite_schema", 3,
				 &digest)) == SQLITE_OK &&
	    (code = digest_query(db, "PRAGMA user_version", 5, &digest)) == SQLITE_OK)
		code = digest_tables(db, &digest, &tables);
	if (code != SQLITE_OK && words[0] == '\0')
		snprintf(words, 512, "the database cannot be read: %s", sqlite3_errmsg(db));
	if (words[0] != '\0')
		return 0;
	return tables == 0 ? ORACLE_EMPTY : digest | UINT64_C(1) << 63;
}

uint64_t oracle_digest(const char *path, char words[512])
{
	uint64_t digest = 0;
	sqlite3 *db;

	words[0] = '\0';
	if (access(path, F_OK) != 0)
		return ORACLE_ABSENT;
	if (open_plain(path, &db) == SQLITE_OK)
		digest = digest_of(db, words);
	else
		snprintf(words, 512, "the database does not open: %s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return digest;
}

static int64_t integer(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* ---- What was told ---- */

static bool is_true(const crash_look *look, const char *truth, sqlite3 *db)
{
	bool is_file = strncmp(truth, "file:", 5) == 0;
	char path[4600];

	if (!is_file && strncmp(truth, "gone:", 5) != 0)
		return db != NULL && integer(db, truth) == 1;
	snprintf(path, sizeof(path), "%s/%s", look->folder, truth + 5);
	return (access(path, F_OK) == 0) == is_file;
}

static void check_truths(crash_look *look, sqlite3 *db)
{
	for (int i = 0; i < look->stage->truth_count; i++) {
		const char *truth = look->stage->truths[i].sql;

		if (look->told[i] && truth[0] != '\0' && !is_true(look, truth, db))
			snprintf(look->words, sizeof(look->words),
				 "what was acknowledged is not there: %s", truth);
	}
}

/* ---- With the library ---- */

static sr_options options_of(const crash_look *look)
{
	sr_options options = look->stage->options;

	options.path = look->path;
	if (look->scenario->ring)
		options.master_key_file = look->ring;
	options.pool_size = 1;
	options.backup = 0;
	return options;
}

/* What SQLite itself says of it, beside the library. */
static void look_within(crash_look *look)
{
	sqlite3 *db = NULL;

	look->digest = ORACLE_ABSENT;
	look->files = 0;
	if (access(look->path, F_OK) != 0) {
		check_truths(look, NULL);
		return;
	}
	if (open_plain(look->path, &db) != SQLITE_OK) {
		snprintf(look->words, sizeof(look->words), "%s", sqlite3_errmsg(db));
		look->digest = 0;
	} else {
		look->digest = digest_of(db, look->words);
	}
	if (look->digest == 0 && look->scenario->damaged) {
		look->words[0] = '\0';
		look->digest = ORACLE_DAMAGED;
	} else if (look->digest != 0) {
		check_truths(look, db);
		look->files = integer(db, "SELECT count(*) FROM files");
	}
	sqlite3_close(db);
}

void oracle_open(crash_look *look)
{
	sr_options options = options_of(look);
	sr_status rc;
	char why[400];

	options.create = options.migrate = false;
	rc = sr_open(&look->catalog, &options);
	snprintf(why, sizeof(why), "%s", sr_error_message());
	look_within(look);
	/* Nothing, or nothing in it yet, is a state as well: the digest knows whether it may be. */
	if (rc != SR_OK && look->digest > ORACLE_DAMAGED)
		snprintf(look->words, sizeof(look->words), "it does not open: %s", why);
}

void oracle_close(crash_look *look)
{
	if (sr_close(look->catalog) != SR_OK && look->words[0] == '\0')
		snprintf(look->words, sizeof(look->words), "it does not close: %.400s",
			 sr_error_message());
	look->catalog = NULL;
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

bool oracle_is_latest(const crash_look *look)
{
	int version;

	return look->catalog != NULL && sr_catalog_version(look->catalog, &version) == SR_OK &&
	       version == sr_schema_latest();
}

/* As a program does that starts after the crash: one of an earlier version is brought to this. */
static sr_status open_again(crash_look *look)
{
	sr_options options = options_of(look);

	if (oracle_is_latest(look))
		return SR_OK;
	oracle_close(look);
	options.create = options.migrate = true;
	return sr_open(&look->catalog, &options);
}

static void check_after(crash_look *look)
{
	char words[512] = "";
	int64_t files = -1;
	sqlite3 *db;

	if (open_plain(look->path, &db) == SQLITE_OK && digest_of(db, words) != 0)
		files = integer(db, "SELECT count(*) FROM files");
	sqlite3_close(db);
	if (words[0] != '\0')
		snprintf(look->words, sizeof(look->words), "afterwards %.400s", words);
	else if (files != (look->files < 0 ? 0 : look->files) + 1)
		snprintf(look->words, sizeof(look->words), "there were %lld files, and then %lld",
			 (long long)look->files, (long long)files);
}

void oracle_go_on(crash_look *look)
{
	sr_status rc;
	int found = 0;

	if ((rc = open_again(look)) == SR_OK && (rc = save_one(look->catalog)) == SR_OK)
		rc = find_one(look->catalog, &found);
	if (rc != SR_OK)
		snprintf(look->words, sizeof(look->words), "it cannot be worked on: %.400s",
			 sr_error_message());
	else if (found != 1)
		snprintf(look->words, sizeof(look->words), "one file was saved and %d are found",
			 found);
	oracle_close(look);
	if (look->words[0] == '\0')
		check_after(look);
}
