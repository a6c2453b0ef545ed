/*
 * Whole databases. An input is a list of changes to a sound catalog: bytes of pages and of the
 * header, texts of the schema, values in rows, statements, its end, what lies beside it. Then all
 * is done with it that can be done.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "torture/hostile.h"

static hostile_place place;
static unsigned char *sound; /* The catalog that each input begins with. */
static size_t sound_length;

static void bad(void *arg, const char *words)
{
	(void)arg;
	fuzz_bad(__FILE__, __LINE__, "%s", words);
}

static void begin(void)
{
	char path[4300];
	struct stat st;
	FILE *file;

	/* What a hostile statement asks for is refused rather than had. */
	sqlite3_hard_heap_limit64(512 << 20);
	hostile_name(&place, fuzz_folder());
	place.bad = bad;
	snprintf(path, sizeof(path), "%s/catalog", place.folder);
	FUZZ_CHECK(mkdir(path, 0700) == 0 && mkdir(place.storage, 0700) == 0 &&
		   mkdir(place.outside, 0700) == 0);
	FUZZ_CHECK(setenv("XDG_CONFIG_HOME", place.folder, 1) == 0);
	FUZZ_CHECK(hostile_sound(&place));
	file = fopen(place.database, "rb");
	FUZZ_CHECK(file != NULL && fstat(fileno(file), &st) == 0);
	sound_length = (size_t)st.st_size;
	sound = malloc(sound_length);
	FUZZ_CHECK(sound != NULL && fread(sound, 1, sound_length, file) == sound_length);
	fclose(file);
}

/* ---- Changes ---- */

static void change_bytes(unsigned char *bytes, size_t length, fuzz_input *input)
{
	const size_t page = fuzz_number(input, 1) % (length / 4096);
	size_t at = fuzz_number(input, 1);
	const uint8_t value = (uint8_t)fuzz_number(input, 1);

	/* Headers, mostly: of the file, of the page; else anywhere in it. */
	if (at >= 128)
		at = (at - 128) * 32 + value % 32;
	bytes[(page * 4096 + at) % length] = value;
}

static void run(const char *sql)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(place.database, &db) == SQLITE_OK) {
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
		sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
		sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 10000);
		sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 4000000);
		sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	sqlite3_close(db);
}

/* A text in the place of another in some texts of the schema. */
static void change_schema(fuzz_input *input)
{
	static const char *const words[] = {
		"VARCHAR(255)", "INTEGER", "NOT NULL", "BEGIN", "UNIQUE",
		"files",        "clients", "ON",       "(",     "ID"};
	const char *from = words[fuzz_number(input, 1) % (sizeof(words) / sizeof(words[0]))];
	const unsigned row = (unsigned)fuzz_number(input, 1);
	sr_text with = fuzz_text(input);
	char *text = fuzz_string(with.data, with.length);
	char *sql = sqlite3_mprintf("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
				    " replace(sql, %Q, %Q) WHERE rowid %% 64 = %u",
				    from, text, row % 64);

	run(sql);
	sqlite3_free(sql);
	free(text);
}

static void change_rows(fuzz_input *input)
{
	static const char *const columns[] = {
		"files SET FileName",
		"files SET PathName",
		"files SET OriginalPath",
		"files SET FileSize",
		"files SET ClientID",
		"files SET ModificationDate",
		"files SET ID",
		"files SET RowKey",
		"files SET CurrentVersionID",
		"files SET TotalVersions",
		"clients SET Name",
		"clients SET ID",
		"clients SET LastSeen",
		"clients SET AESKey",
		"file_versions SET FileID",
		"file_versions SET ID",
		"search_state SET Format",
		"search_chunks SET Slots",
		"search_postings SET Lists",
		"database_migrations SET version",
	};
	const char *column = columns[fuzz_number(input, 1) % (sizeof(columns) / sizeof(*columns))];
	const unsigned kind = (unsigned)fuzz_number(input, 1);
	const long long number = (long long)fuzz_number(input, kind & 4 ? 8 : 1);
	sr_text text = fuzz_text(input);
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	char *sql = sqlite3_mprintf("UPDATE OR IGNORE %s = ?1 WHERE rowid %% 5 = %d", column,
				    (int)(kind >> 5) % 5);

	if (sqlite3_open(place.database, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
		if (kind % 4 == 0)
			sqlite3_bind_int64(stmt, 1, number);
		else if (kind % 4 == 1)
			sqlite3_bind_blob(stmt, 1, text.data, (int)text.length, SQLITE_STATIC);
		else if (kind % 4 == 2)
			sqlite3_bind_text(stmt, 1, text.data, (int)text.length, SQLITE_STATIC);
		(void)sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	sqlite3_free(sql);
}

static void write_bytes(const unsigned char *bytes, size_t length)
{
	(void)fuzz_file("catalog/catalog.db", bytes, length);
}

static void beside(fuzz_input *input)
{
	static const char *const names[] = {"catalog/catalog.db-wal", "catalog/catalog.db-journal"};
	const char *name = names[fuzz_number(input, 1) % 2];
	sr_text text = fuzz_text(input);

	(void)fuzz_file(name, text.data, text.length);
}

/* Statements see the pages as they were changed up to then. */
static void make(fuzz_input *input)
{
	unsigned char *bytes = fuzz_bytes(sound, sound_length);
	size_t length = sound_length;
	sr_text text;
	char *sql;

	write_bytes(bytes, length);
	for (int changes = 0; input->left > 0 && changes < 12; changes++) {
		switch (fuzz_number(input, 1) % 6) {
		case 0:
		case 1:
			change_schema(input);
			break;
		case 2:
			change_rows(input);
			break;
		case 3:
			text = fuzz_text(input);
			sql = fuzz_string(text.data, text.length);
			run(sql);
			free(sql);
			break;
		default: /* Pages come last: then no other program need read them. */
			changes = 12;
		}
	}
	free(bytes);
}

static void damage(fuzz_input *input)
{
	struct stat st;
	unsigned char *bytes;
	size_t length;
	FILE *file;

	if (stat(place.database, &st) != 0 || (file = fopen(place.database, "rb")) == NULL)
		return;
	bytes = malloc((size_t)st.st_size + 1);
	FUZZ_CHECK(bytes != NULL);
	length = fread(bytes, 1, (size_t)st.st_size, file);
	fclose(file);
	while (input->left >= 4 && length >= 4096)
		switch (fuzz_number(input, 1) % 16) {
		case 0:
			length -= fuzz_number(input, 2) % length;
			break;
		case 1:
			beside(input);
			break;
		default:
			change_bytes(bytes, length, input);
		}
	write_bytes(bytes, length);
	free(bytes);
}

/* ---- And what became of it ---- */

static void check(void)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	char path[4400];

	snprintf(path, sizeof(path), "file:%s?immutable=1", place.database);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, "SELECT song FROM canary", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		const char *song = (const char *)sqlite3_column_text(stmt, 0);

		FUZZ_CHECK(song == NULL || strcmp(song, "dead") != 0);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void clear(void)
{
	static const char *const names[] = {
		"catalog/catalog.db",         "catalog/catalog.db-wal", "catalog/catalog.db-shm",
		"catalog/catalog.db-journal", "catalog/copy.db",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(fuzz_path(names[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};
	unsigned how;

	if (sound == NULL)
		begin();
	how = (unsigned)fuzz_number(&input, 1);
	make(&input);
	damage(&input);
	hostile_use(&place, how % 8 == 0);
	check();
	clear();
	return 0;
}
