/*
 * What is left of a damaged database comes into the new catalog, nothing else does, and what is
 * lost is counted as it is.
 */
#include "catalog_fixture.h"
#include "fault_vfs.h"
#include "old_database.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>

#define PAGE 1024

static char fresh[96]; /* Of the new catalog. */

/* ---- Making and breaking ---- */

/* Files of three clients, some with paths of several pages, some versions, a quota. */
#define FILL                                                                                       \
	"INSERT INTO clients (ID, Name, LastSeen) VALUES"                                          \
	" (x'00112233445566778899aabbccddee00', 'one', '2026-01-01'),"                             \
	" (x'00112233445566778899aabbccddee01', 'two', '2026-01-01T00:00:00Z'),"                   \
	" (x'00112233445566778899aabbccddee02', 'three', '2026-01-01');"                           \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"           \
	" INSERT INTO files (ID, FileName, PathName, OriginalPath, FileSize, ModificationDate,"    \
	" ClientID) SELECT CAST(printf('%016d', i) AS BLOB), 'name ' || i, 'p/' || i,"             \
	" '/a/' || i || CASE WHEN i % 50 = 0 THEN printf('%01500d', i) ELSE '' END, i,"            \
	" '2026-01-31', CAST(x'00112233445566778899aabbccddee' || char(i % 3) AS BLOB) FROM n;"    \
	"INSERT INTO file_versions (FileID, VersionNumber, PathName, FileSize, CreatedDate)"       \
	" SELECT ID, 1, 'p', 1, '2026-01-01T00:00:00Z' FROM files WHERE rowid % 4 = 0;"            \
	"INSERT INTO client_quotas (ClientID, QuotaBytes, LastUpdated)"                            \
	" SELECT ID, 1000000, '2026-01-01T00:00:00Z' FROM clients;"

static int setup(void **state)
{
	catalog_fixture *f;

	catalog_setup(state);
	f = *state;
	snprintf(fresh, sizeof(fresh), "%s", scratch_path("fresh.db"));
	foreign_sql(f, "PRAGMA page_size = 1024; VACUUM");
	catalog_open(f);
	foreign_sql(f, FILL);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	return 0;
}

/* The integers of a query's first column; returns how many. */
static int query(const char *path, const char *sql, int64_t *numbers, int room)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int count = 0;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(stmt) == SQLITE_ROW && count < room)
		numbers[count++] = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count;
}

static int64_t ask(const char *path, const char *sql)
{
	int64_t number = -1;

	assert_int_equal(query(path, sql, &number, 1), 1);
	return number;
}

static void overwrite(const char *path, int64_t at, size_t length, unsigned char with)
{
	unsigned char *bytes = malloc(length);
	int fd = open(path, O_WRONLY);

	memset(bytes, with, length);
	assert_int_equal(pwrite(fd, bytes, length, at), length);
	close(fd);
	free(bytes);
}

/* Overwrites up to `most` pages of a table or index; returns the rows or entries on them. */
static int64_t destroy(const char *path, const char *name, const char *kind, int from, int most)
{
	int64_t pages[64];
	int64_t cells = 0;
	char sql[300];
	int count;

	snprintf(sql, sizeof(sql),
		 "SELECT pageno FROM dbstat WHERE name = '%s' AND pagetype = '%s'"
		 " ORDER BY pageno LIMIT %d OFFSET %d",
		 name, kind, most, from);
	count = query(path, sql, pages, 64);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		snprintf(sql, sizeof(sql), "SELECT ncell FROM dbstat WHERE pageno = %lld",
			 (long long)pages[i]);
		cells += ask(path, sql);
	}
	for (int i = 0; i < count; i++)
		overwrite(path, (pages[i] - 1) * PAGE, PAGE, i % 2 ? 0 : 0xff);
	return cells;
}

static unsigned char *bytes_of(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	unsigned char *bytes;
	struct stat st;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	*length = (size_t)st.st_size;
	bytes = malloc(*length + 1);
	assert_int_equal(fread(bytes, 1, *length, file), *length);
	fclose(file);
	return bytes;
}

static void put(const char *path, const unsigned char *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void copy(const char *from, const char *to)
{
	size_t length;
	unsigned char *bytes = bytes_of(from, &length);

	put(to, bytes, length);
	free(bytes);
}

/* ---- Salvaging ---- */

typedef struct refusals {
	int count;
	int64_t row;
	char table[40];
	char why[200];
} refusals;

static void on_refused(void *arg, const char *table, int64_t row, const char *why)
{
	refusals *r = arg;

	r->count++;
	r->row = row;
	snprintf(r->table, sizeof(r->table), "%s", table);
	snprintf(r->why, sizeof(r->why), "%s", why);
}

/* Into `fresh`, anew; the damaged file must stay as it is. */
static sr_salvaged *salvage(const char *path, refusals *r)
{
	size_t before, after;
	unsigned char *then = bytes_of(path, &before);
	unsigned char *now;
	sr_salvage_options options;
	sr_salvaged *salvaged;

	sr_salvage_options_init(&options);
	options.refused = r ? on_refused : NULL;
	options.refused_arg = r;
	unlink(fresh);
	assert_ok(sr_salvage(path, fresh, &options, &salvaged));
	now = bytes_of(path, &after);
	assert_int_equal(before, after);
	assert_memory_equal(then, now, before);
	free(now);
	free(then);
	assert_string_equal(salvaged->path, fresh);
	return salvaged;
}

static const sr_salvaged_table *table_of(const sr_salvaged *s, const char *name)
{
	static const sr_salvaged_table none = {.exact = true};

	for (size_t i = 0; i < s->table_count; i++)
		if (strcmp(s->tables[i].name, name) == 0)
			return &s->tables[i];
	return &none;
}

/* Rows of the table that are in `whole` and not in the new catalog, or the other way round. */
static int64_t difference(const char *whole, const char *table, bool new_ones)
{
	char sql[700];

	snprintf(sql, sizeof(sql),
		 "ATTACH '%s' AS old; CREATE TEMP TABLE missing AS SELECT rowid AS r, * FROM"
		 " %s.%s EXCEPT SELECT rowid, * FROM %s.%s;",
		 whole, new_ones ? "main" : "old", table, new_ones ? "old" : "main", table);
	{
		sqlite3_stmt *stmt;
		char *words = NULL;
		int64_t count;
		sqlite3 *db;

		assert_int_equal(sqlite3_open(fresh, &db), SQLITE_OK);
		if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
			fail_msg("%s: %s", sql, words);
		sqlite3_prepare_v2(db, "SELECT count(*) FROM missing", -1, &stmt, NULL);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		count = sqlite3_column_int64(stmt, 0);
		sqlite3_finalize(stmt);
		sqlite3_close(db);
		return count;
	}
}

static const char *const tables[] = {"clients",       "files",          "file_versions",
				     "client_quotas", "category_rules", "file_categories"};

/* Nothing that was not there, the loss as it is said, counters right, everything whole. */
static void assert_salvaged(const char *whole, const sr_salvaged *s)
{
	char *words = old_database_dump(fresh, "PRAGMA integrity_check");
	catalog_fixture f = {0};
	int64_t differences;

	assert_non_null(strstr(words, ":ok\n"));
	sqlite3_free(words);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const sr_salvaged_table *t = table_of(s, tables[i]);
		int64_t lost = difference(whole, tables[i], false);

		/* What quotas say of use is counted anew. */
		if (strcmp(tables[i], "client_quotas") == 0 && s->lost > 0)
			continue;
		if (difference(whole, tables[i], true) != 0)
			fail_msg("%s: rows that were not there", tables[i]);
		if (t->exact ? t->lost != lost : t->lost > lost)
			fail_msg("%s: %lld lost, not %s%lld", tables[i], (long long)lost,
				 t->exact ? "" : "at least ", (long long)t->lost);
	}
	assert_int_equal(ask(fresh, "SELECT count(*) FROM (SELECT ClientID, count(*),"
				    " sum(FileSize) FROM files GROUP BY 1 EXCEPT"
				    " SELECT ClientID, Files, Bytes FROM client_usage)"),
			 0);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM client_quotas q LEFT JOIN client_usage u"
				    " USING (ClientID) WHERE q.UsedBytes IS NOT"
				    " coalesce(u.Bytes, 0)"),
			 0);
	sr_options_init(&f.options);
	f.options.path = fresh;
	assert_ok(sr_open(&f.catalog, &f.options));
	assert_ok(sr_migrate_verify(f.catalog, NULL, NULL, &differences));
	assert_int_equal(differences, 0);
	assert_ok(sr_close(f.catalog));
}

/* The fixture's database as it is before it is damaged. */
static const char *keep_whole(const catalog_fixture *f)
{
	static char whole[96];

	snprintf(whole, sizeof(whole), "%s", scratch_path("whole.db"));
	copy(f->path, whole);
	return whole;
}

/* ---- Pages ---- */

static void test_whole(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvaged *s = salvage(f->path, NULL);
	struct stat st;

	assert_int_equal(s->lost, 0);
	assert_int_equal(s->refused, 0);
	assert_true(s->exact);
	assert_int_equal(s->note_count, 0);
	assert_int_equal(s->from_version, s->version);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(table_of(s, "files")->adrift, 0);
	assert_salvaged(f->path, s);
	assert_int_equal(stat(fresh, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM catalog_activity"
				    " WHERE ActivityType = 'repair'"),
			 1);
	sr_salvaged_free(s);
}

static void test_leaf_lost(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	int64_t rows = destroy(f->path, "files", "leaf", 100, 3);
	sr_salvaged *s = salvage(f->path, NULL);

	assert_true(rows >= 3);
	assert_int_equal(table_of(s, "files")->lost, rows);
	assert_true(table_of(s, "files")->exact);
	assert_int_equal(table_of(s, "files")->saved, 2000 - rows);
	/* Their versions are left without a file. */
	assert_true(table_of(s, "file_versions")->orphans <= rows);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

static void test_inner_page_lost(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	sr_salvaged *s;

	destroy(f->path, "files", "internal", 0, 64);
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(table_of(s, "files")->adrift, 2000);
	assert_int_equal(s->lost, 0);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

static void test_overflow_lost(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	sr_salvaged *s;

	destroy(f->path, "files", "overflow", 3, 1);
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "files")->lost, 1);
	assert_true(s->exact);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

static void test_indexes_lost(void **state)
{
	static const char *const indexes[] = {"sqlite_autoindex_files_1", "idx_files_client_id",
					      "idx_files_filename", "sqlite_autoindex_clients_1"};
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	sr_salvaged *s;

	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
		destroy(f->path, indexes[i], "leaf", 0, 5);
	s = salvage(f->path, NULL);
	assert_int_equal(s->lost, 0);
	assert_true(s->exact);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* Without one whole index the loss is a lower bound, and says so. */
static void test_leaf_and_every_index_lost(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	char *names = old_database_dump(f->path, "SELECT name FROM sqlite_master"
						 " WHERE type = 'index' AND tbl_name = 'files'");
	const sr_salvaged_table *t;
	sr_salvaged *s;
	int64_t rows;

	for (char *line = strtok(names, "\n"); line; line = strtok(NULL, "\n"))
		if (!strstr(line, "verified") && !strstr(line, "stored_path") &&
		    !strstr(line, "client_name"))
			destroy(f->path, strchr(line, ':') + 1, "leaf", 2, 2);
	sqlite3_free(names);
	rows = destroy(f->path, "files", "leaf", 100, 4);
	s = salvage(f->path, NULL);
	t = table_of(s, "files");
	assert_false(t->exact);
	assert_false(s->exact);
	assert_int_equal(t->saved, 2000 - rows);
	/* The indexes are damaged at other rows each, so together they know nearly all. */
	assert_true(t->lost > 0 && t->lost <= rows);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

static void test_client_lost(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvaged *s;

	assert_int_equal(destroy(f->path, "clients", "leaf", 0, 1), 3);
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "clients")->lost, 3);
	assert_true(table_of(s, "clients")->exact);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(table_of(s, "files")->orphans, 2000);
	sr_salvaged_free(s);
}

/* ---- The schema and the header ---- */

static void test_first_page_lost(void **state)
{
	static const struct {
		int64_t at;
		size_t length;
	} parts[] = {{0, 16}, {0, 100}, {100, 8}, {100, PAGE - 100}, {0, PAGE}};
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		sr_salvaged *s;

		copy(whole, f->path);
		overwrite(f->path, parts[i].at, parts[i].length, i % 2 ? 0 : 0xaa);
		s = salvage(f->path, NULL);
		if (table_of(s, "files")->saved != 2000)
			fail_msg("part %zu: %lld files", i, (long long)table_of(s, "files")->saved);
		assert_int_equal(table_of(s, "clients")->saved, 3);
		assert_int_equal(s->from_version, s->version);
		assert_salvaged(whole, s);
		sr_salvaged_free(s);
	}
}

static void test_schema_lost(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	sr_salvaged *s;

	/* All of it, but for what the ledger says. */
	overwrite(f->path, 100, PAGE - 100, 0);
	destroy(whole, "sqlite_schema", "leaf", 0, 64);
	copy(whole, f->path);
	s = salvage(f->path, NULL);
	assert_true(s->note_count > 10);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(table_of(s, "file_versions")->saved, 500);
	assert_int_equal(table_of(s, "clients")->saved, 3);
	assert_false(s->exact);
	sr_salvaged_free(s);
}

/* Bits that fell over in what the schema says: ours is known by heart, and put right. */
static void test_schema_texts_put_right(void **state)
{
	static const char *const texts[] = {"CREATE TABLE files", "CREATE TABLE clients",
					    "CREATE TABLE file_versions",
					    "CREATE INDEX idx_files_filename"};
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	size_t length;
	unsigned char *bytes = bytes_of(whole, &length);
	int changed = 0;
	sr_salvaged *s;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (unsigned char *at = bytes; at;) {
			at = memmem(at, length - (size_t)(at - bytes), texts[i], strlen(texts[i]));
			if (at) {
				at[9] ^= 0x40;
				at[16] ^= 0x01;
				changed++;
				at++;
			}
		}
	put(f->path, bytes, length);
	free(bytes);
	assert_true(changed >= 4);
	s = salvage(f->path, NULL);
	assert_true(s->note_count >= 4);
	assert_non_null(strstr(s->notes[0], "put right"));
	assert_int_equal(s->lost, 0);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* The last page of a row's, wiped: zeros are also how the end looks. */
static void test_hollow_row(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	int64_t pages[100];
	sr_salvaged *s;
	int count = query(whole,
			  "SELECT pageno FROM dbstat WHERE name = 'files' AND"
			  " pagetype = 'overflow' ORDER BY path DESC",
			  pages, 100);

	assert_true(count >= 40);
	overwrite(f->path, (pages[0] - 1) * PAGE, PAGE, 0);
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "files")->lost, 1);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* What users made: tables with and without row numbers, columns of their own, deleted columns. */
static void test_users_own(void **state)
{
	const catalog_fixture *f = *state;
	const sr_salvaged_table *t;
	sr_salvaged *s;
	int64_t rows;

	foreign_sql(f,
		    "CREATE TABLE mine(a INTEGER PRIMARY KEY, b TEXT, c UNIQUE,"
		    " d AS (b || 'x'), e AS (a + 1) STORED);"
		    "CREATE TABLE keyed(v, k TEXT PRIMARY KEY) WITHOUT ROWID;"
		    "CREATE VIEW shown AS SELECT b FROM mine;"
		    "ALTER TABLE files ADD COLUMN Note TEXT DEFAULT 'none';"
		    "UPDATE files SET Note = 'seen' WHERE rowid < 10;"
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
		    " INSERT INTO mine(a, b, c) SELECT i * 3, 'b' || i, i FROM n;"
		    "INSERT INTO keyed SELECT a, 'k' || a FROM mine");
	s = salvage(f->path, NULL);
	assert_true(s->exact);
	assert_int_equal(s->lost, 0);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM mine WHERE e = a + 1 AND d = b || 'x'"),
			 500);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM keyed WHERE k = 'k' || v"), 500);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM shown"), 500);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM files WHERE Note = 'seen'"), 9);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM files WHERE Note = 'none'"), 1991);
	sr_salvaged_free(s);

	rows = destroy(f->path, "mine", "leaf", 1, 2);
	destroy(f->path, "mine", "internal", 0, 1);
	s = salvage(f->path, NULL);
	t = table_of(s, "mine");
	assert_true(t->exact);
	assert_int_equal(t->lost, rows);
	assert_int_equal(t->saved, 500 - rows);
	sr_salvaged_free(s);
}

/* A schema that is somebody's attempt to have something run is made no further than its tables. */
static void test_hostile_schema(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvaged *s;

	foreign_sql(f,
		    "CREATE TABLE taken(a); INSERT INTO taken VALUES(1);"
		    "CREATE VIRTUAL TABLE found USING fts5(a);"
		    "PRAGMA writable_schema = ON;"
		    "UPDATE sqlite_master SET sql = 'CREATE TABLE taken AS SELECT * FROM clients'"
		    " WHERE name = 'taken'");
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM sqlite_master"
				    " WHERE name IN ('taken', 'found')"),
			 0);
	assert_true(s->note_count >= 2);
	sr_salvaged_free(s);
}

static void test_cut_short_and_holes(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	int64_t pages = ask(whole, "PRAGMA page_count");
	sr_salvaged *s;

	assert_int_equal(truncate(f->path, pages / 2 * PAGE + 300), 0);
	s = salvage(f->path, NULL);
	assert_true(table_of(s, "files")->saved > 300);
	assert_true(table_of(s, "files")->lost > 0);
	assert_true(s->note_count > 0);
	assert_non_null(strstr(s->notes[0], "cut short"));
	assert_salvaged(whole, s);
	sr_salvaged_free(s);

	copy(whole, f->path);
	overwrite(f->path, pages / 3 * PAGE, (size_t)(pages / 4 * PAGE), 0);
	s = salvage(f->path, NULL);
	assert_true(table_of(s, "files")->saved > 300);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* ---- What lies beside ---- */

/* Runs SQL in a stock SQLite that goes on; copies what is on the disk then to f->path. */
static void copy_in_the_middle(const catalog_fixture *f, const char *before, const char *sql)
{
	char name[96];
	char from[128], to[128];
	sqlite3 *db;
	char *words = NULL;

	snprintf(name, sizeof(name), "%s", scratch_path("busy.db"));
	copy(f->path, name);
	assert_int_equal(sqlite3_open(name, &db), SQLITE_OK);
	if (sqlite3_exec(db, before, NULL, NULL, &words) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s", words);
	copy(name, f->path);
	for (int i = 0; i < 2; i++) {
		const char *side = i ? "-journal" : "-wal";

		snprintf(from, sizeof(from), "%s%s", name, side);
		snprintf(to, sizeof(to), "%s%s", f->path, side);
		unlink(to);
		if (access(from, R_OK) == 0)
			copy(from, to);
	}
	sqlite3_close(db);
}

#define WITH_LOG                                                                                   \
	"PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 5;"         \
	"UPDATE files SET FileSize = 7777 WHERE rowid <= 100;"                                     \
	"INSERT INTO clients (ID, Name, LastSeen) VALUES"                                          \
	" (x'00112233445566778899aabbccddee77', 'late', '2026-01-01');"

static void test_log_counts(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvaged *s;
	char log[128];
	size_t length;
	unsigned char *bytes;

	/* What is in the log without a commit never happened. */
	copy_in_the_middle(f, WITH_LOG, "BEGIN; DELETE FROM files WHERE rowid > 500");
	snprintf(log, sizeof(log), "%s-wal", f->path);
	bytes = bytes_of(log, &length);
	assert_true(length > 50 * PAGE);
	s = salvage(f->path, NULL);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM files WHERE FileSize = 7777"), 100);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(table_of(s, "clients")->saved, 4);
	assert_int_equal(s->lost, 0);
	sr_salvaged_free(s);

	/* The first page is in it too, so nothing is lost with the file's. */
	overwrite(f->path, 0, PAGE, 0);
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "files")->saved, 2000);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM files WHERE FileSize = 7777"), 100);
	sr_salvaged_free(s);

	/* A damaged frame ends it; a damaged beginning is told. */
	bytes[32 + 24 + 100] ^= 1;
	put(log, bytes, length);
	s = salvage(f->path, NULL);
	assert_int_equal(ask(fresh, "SELECT count(*) FROM files WHERE FileSize = 7777"), 0);
	sr_salvaged_free(s);
	bytes[20] ^= 1;
	put(log, bytes, length);
	s = salvage(f->path, NULL);
	assert_true(s->note_count > 0);
	assert_non_null(strstr(s->notes[0], "log"));
	sr_salvaged_free(s);
	free(bytes);
}

static void test_journal_is_rolled_back(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = keep_whole(f);
	char journal[128];
	struct stat st;
	sr_salvaged *s;

	copy_in_the_middle(f, "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 5;",
			   "BEGIN; UPDATE files SET FileSize = 9, FileName = 'wrong'");
	snprintf(journal, sizeof(journal), "%s-journal", f->path);
	assert_int_equal(stat(journal, &st), 0);
	assert_true(st.st_size > 50 * PAGE);
	s = salvage(f->path, NULL);
	assert_int_equal(s->lost, 0);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* ---- What was deleted stays so ---- */

static void test_deleted_rows_stay_away(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole;
	sr_salvaged *s;

	/* Their bytes stay on free pages, and those that are full of them nothing leads to. */
	foreign_sql(f, "PRAGMA secure_delete = OFF; DELETE FROM files WHERE rowid > 700");
	whole = keep_whole(f);
	assert_true(ask(whole, "PRAGMA freelist_count") > 100);
	destroy(f->path, "files", "internal", 0, 64);
	/* The list of free pages as well. */
	overwrite(f->path, 32, 4, 0);
	s = salvage(f->path, NULL);
	assert_int_equal(table_of(s, "files")->saved, 700);
	assert_int_equal(table_of(s, "files")->adrift, 700);
	assert_int_equal(s->lost, 0);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* Rows deleted, and then all lost but the list of free pages that tells them from others. */
static const char *delete_rows(const catalog_fixture *f)
{
	const char *whole;
	char *names;

	foreign_sql(f, "PRAGMA secure_delete = OFF; DELETE FROM files WHERE rowid > 700");
	whole = keep_whole(f);
	assert_true(ask(whole, "PRAGMA freelist_count") > 100);
	names = old_database_dump(f->path, "SELECT name FROM sqlite_master"
					   " WHERE type = 'index' AND tbl_name = 'files'");
	for (char *line = strtok(names, "\n"); line; line = strtok(NULL, "\n"))
		if (!strstr(line, "verified") && !strstr(line, "stored_path") &&
		    !strstr(line, "client_name"))
			destroy(f->path, strchr(line, ':') + 1, "leaf", 0, 64);
	sqlite3_free(names);
	destroy(f->path, "files", "internal", 0, 64);
	return whole;
}

static void test_free_pages_are_known(void **state)
{
	const catalog_fixture *f = *state;
	const char *whole = delete_rows(f);
	sr_salvaged *s = salvage(f->path, NULL);

	assert_int_equal(table_of(s, "files")->saved, 700);
	assert_salvaged(whole, s);
	sr_salvaged_free(s);
}

/* A list that bites its tail comes to an end. */
static void test_free_pages_in_a_ring(void **state)
{
	const catalog_fixture *f = *state;
	unsigned char first[4];
	sr_salvaged *s;
	int64_t trunk;
	int fd;

	delete_rows(f);
	fd = open(f->path, O_RDWR);
	assert_int_equal(pread(fd, first, 4, 32), 4);
	trunk = (int64_t)first[0] << 24 | first[1] << 16 | first[2] << 8 | first[3];
	assert_int_equal(pwrite(fd, first, 4, (trunk - 1) * PAGE), 4);
	close(fd);
	s = salvage(f->path, NULL);
	assert_true(table_of(s, "files")->saved >= 700);
	sr_salvaged_free(s);
}

static void test_numbers_are_not_given_again(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvaged *s;

	foreign_sql(f, "DELETE FROM file_versions WHERE ID > 300");
	s = salvage(f->path, NULL);
	assert_int_equal(ask(fresh, "SELECT seq FROM sqlite_sequence WHERE name = 'file_versions'"),
			 500);
	assert_int_equal(ask(fresh, "SELECT max(ID) FROM file_versions"), 300);
	sr_salvaged_free(s);
}

/* ---- Rows that break a rule ---- */

static void test_refused_rows_are_named(void **state)
{
	const catalog_fixture *f = *state;
	refusals r = {0};
	sr_salvaged *s;

	foreign_sql(f, "PRAGMA writable_schema = ON;"
		       "UPDATE sqlite_master SET sql = replace(sql, 'FileName VARCHAR(255) NOT"
		       " NULL', 'FileName VARCHAR(255)         ') WHERE name = 'files'");
	foreign_sql(f, "UPDATE files SET FileName = NULL WHERE rowid = 17");
	foreign_sql(f, "PRAGMA writable_schema = ON;"
		       "UPDATE sqlite_master SET sql = replace(sql, 'FileName VARCHAR(255)        "
		       " ', 'FileName VARCHAR(255) NOT NULL') WHERE name = 'files'");
	s = salvage(f->path, &r);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.row, 17);
	assert_string_equal(r.table, "files");
	assert_non_null(strstr(r.why, "FileName"));
	assert_int_equal(s->refused, 1);
	assert_int_equal(s->lost, 0);
	assert_int_equal(table_of(s, "files")->saved, 1999);
	sr_salvaged_free(s);
}

/* ---- Others' databases ---- */

static void test_old_versions(void **state)
{
	const catalog_fixture *f = *state;

	for (int version = 0; version <= 5; version++) {
		old_options how = {.version = version, .users = true, .files = 200};
		char *before, *after;
		sr_salvaged *s;

		unlink(f->path);
		old_database_make(f->path, &how);
		before = old_database_rows(f->path, OLD_CORE, true);
		s = salvage(f->path, NULL);
		assert_int_equal(s->from_version, version);
		assert_int_equal(s->lost, 0);
		assert_true(s->exact);
		after = old_database_rows(fresh, OLD_CORE, true);
		assert_string_equal(before, after);
		sqlite3_free(after);
		sqlite3_free(before);
		/* What users made themselves comes along. */
		assert_true(ask(fresh, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
				       " AND name = 'note_new_files'") == 1);
		sr_salvaged_free(s);
	}
}

static void test_older_than_any_version(void **state)
{
	const catalog_fixture *f = *state;

	for (old_stage stage = OLD_ID_IS_CLIENT; stage <= OLD_WITHOUT_KEY; stage++) {
		char *before, *after;
		sr_salvaged *s;

		unlink(f->path);
		old_database_make(f->path, &(old_options){.stage = stage, .files = 50});
		before = old_database_rows(f->path, stage, false);
		s = salvage(f->path, NULL);
		assert_int_equal(s->lost, 0);
		after = old_database_rows(fresh, stage, false);
		assert_string_equal(before, after);
		sqlite3_free(after);
		sqlite3_free(before);
		sr_salvaged_free(s);
	}
}

static void test_old_version_without_its_first_page(void **state)
{
	const catalog_fixture *f = *state;
	char *before, *after;
	sr_salvaged *s;

	unlink(f->path);
	foreign_sql(f, "PRAGMA page_size = 1024; VACUUM");
	old_database_make(f->path, &(old_options){.version = 5, .files = 300});
	before = old_database_rows(f->path, OLD_CORE, true);
	overwrite(f->path, 0, PAGE, 0);
	s = salvage(f->path, NULL);
	assert_int_equal(s->from_version, 5);
	after = old_database_rows(fresh, OLD_CORE, true);
	assert_string_equal(before, after);
	sqlite3_free(after);
	sqlite3_free(before);
	sr_salvaged_free(s);
}

/* ---- What is not taken ---- */

static int files_in_folder(const char *words)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += strstr(entry->d_name, words) != NULL;
	closedir(dir);
	return count;
}

#define REFUSED(status, words)                                                                     \
	do {                                                                                       \
		sr_salvaged *none_ = (sr_salvaged *)1;                                             \
		assert_fails(sr_salvage(f->path, fresh, NULL, &none_), status, words);             \
		assert_null(none_);                                                                \
		assert_null(strchr(sr_error_message(), '\n'));                                     \
		assert_int_equal(files_in_folder("fresh"), 0);                                     \
	} while (0)

static void test_what_is_no_catalog(void **state)
{
	catalog_fixture *f = *state;
	unsigned char noise[20000] = {0};
	uint32_t seed = 1;

	put(f->path, noise, 0);
	REFUSED(SR_CORRUPT, "nothing in it");
	memset(noise, 'x', sizeof(noise));
	put(f->path, noise, sizeof(noise));
	REFUSED(SR_CORRUPT, f->path);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)((seed = seed * 1664525u + 1013904223u) >> 24);
	put(f->path, noise, sizeof(noise));
	REFUSED(SR_CORRUPT, "encrypted");
	unlink(f->path);
	REFUSED(SR_NOT_FOUND, f->path);
	assert_int_equal(mkdir(f->path, 0700), 0);
	REFUSED(SR_CORRUPT, f->path);
	assert_int_equal(rmdir(f->path), 0);
	foreign_sql(f, "CREATE TABLE something(a, b); INSERT INTO something VALUES(1, 2)");
	REFUSED(SR_CORRUPT, "neither clients nor files");
	unlink(f->path);
	old_database_make(f->path, &(old_options){.version = 5});
	catalog_open(f);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	foreign_sql(f, "INSERT INTO database_migrations"
		       " (version, description, applied_at, checksum) SELECT max(version) + 1,"
		       " 'x', '2030-01-01', 'c0ffee' FROM database_migrations");
	REFUSED(SR_TOO_NEW, "newer");
	foreign_sql(f, "PRAGMA encoding = 'UTF-8'");
	unlink(f->path);
	foreign_sql(f, "PRAGMA encoding = 'UTF-16'; CREATE TABLE clients(ID)");
	REFUSED(SR_INVALID, "UTF-16");
}

static void test_in_use(void **state)
{
	catalog_fixture *f = *state;
	sr_salvaged *s;
	sqlite3 *db;

	catalog_open(f);
	assert_int_equal(sr_salvage(f->path, fresh, NULL, &s), SR_BUSY);
	assert_says("in use");
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM files", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sr_salvage(f->path, fresh, NULL, &s), SR_BUSY);
	sqlite3_close(db);
	s = salvage(f->path, NULL);
	sr_salvaged_free(s);
}

static void test_never_over_another(void **state)
{
	const catalog_fixture *f = *state;
	static const char *const sides[] = {"", "-wal", "-journal"};
	sr_salvage_options options;
	sr_salvaged *s;

	for (size_t i = 0; i < 3; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", fresh, sides[i]);
		put(name, (const unsigned char *)"x", 1);
		assert_fails(sr_salvage(f->path, fresh, NULL, &s), SR_EXISTS, name);
		unlink(name);
	}
	sr_salvage_options_init(&options);
	options.version = 77;
	assert_fails(sr_salvage(f->path, fresh, &options, &s), SR_INVALID, "77");
	assert_fails(sr_salvage(f->path, f->path, NULL, &s), SR_EXISTS, f->path);
	assert_fails(sr_salvage(f->path, "/nowhere/fresh.db", NULL, &s), SR_NOT_FOUND, "nowhere");
}

static bool cancel_later(void *arg, int64_t done, int64_t total)
{
	int *calls = arg;

	assert_true(done <= total);
	return ++*calls == 3;
}

static void test_cancelled(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvage_options options;
	sr_salvaged *s;
	int calls = 0;

	sr_salvage_options_init(&options);
	options.progress = cancel_later;
	options.progress_arg = &calls;
	assert_fails(sr_salvage(f->path, fresh, &options, &s), SR_INTERRUPTED, "cancelled");
	assert_int_equal(calls, 3);
	assert_int_equal(files_in_folder("fresh"), 0);
}

static void test_full_disk(void **state)
{
	const catalog_fixture *f = *state;
	sr_salvaged *s;

	fault_vfs_install();
	fault_arm(FAULT_WRITE, FAULT_ANY, 200, SQLITE_FULL, true);
	assert_fails(sr_salvage(f->path, fresh, NULL, &s), SR_NO_SPACE, "not salvaged");
	fault_disarm();
	assert_int_equal(files_in_folder("fresh"), 0);
	/* And where reading the damaged one fails, as a bad disk does, the rest is read. */
	fault_arm(FAULT_READ, FAULT_MAIN, 300, SQLITE_IOERR_READ, false);
	s = salvage(f->path, NULL);
	fault_disarm();
	assert_true(s->saved > 2000);
	sr_salvaged_free(s);
	fault_vfs_remove();
}

/* ---- Anything ---- */

static void scatter(unsigned char *bytes, size_t length, uint32_t *seed)
{
	size_t pages = length / PAGE;
	int hits = 1 << (*seed >> 8) % 8;

	for (int i = 0; i < hits; i++) {
		size_t page = (*seed = *seed * 1664525u + 1013904223u) / 7 % pages;
		unsigned char *at = bytes + page * PAGE;

		switch (*seed >> 16 & 3) {
		case 0:
			memset(at, (int)(*seed >> 24), PAGE);
			break;
		case 1: /* Its kind, its cells, its pointers. */
			memset(at, (int)(*seed >> 24), 8 + (*seed >> 20) % 60);
			break;
		default:
			for (int j = 0; j < 20; j++)
				at[(*seed = *seed * 1664525u + 1013904223u) / 7 % PAGE] ^=
					(unsigned char)(1 << j % 8);
			break;
		}
	}
}

static void test_anything(void **state)
{
	const catalog_fixture *f = *state;
	size_t length;
	unsigned char *whole = bytes_of(f->path, &length);
	unsigned char *copy_of = malloc(length);
	uint32_t seed = 20261127;
	int64_t saved = 0;
	int failed = 0;

	for (int i = 0; i < 60; i++) {
		sr_salvaged *s = NULL;
		sr_status rc;
		char *words;

		memcpy(copy_of, whole, length);
		scatter(copy_of, length, &seed);
		put(f->path, copy_of, length);
		unlink(fresh);
		rc = sr_salvage(f->path, fresh, NULL, &s);
		if (rc != SR_OK) {
			/* Bits can make anything of a schema; then it says so and leaves nothing.
			 */
			assert_string_not_equal(sr_error_message(), "");
			assert_null(strchr(sr_error_message(), '\n'));
			assert_int_equal(files_in_folder("fresh"), 0);
			if (++failed > 2)
				fail_msg("round %d: %s", i, sr_error_message());
			continue;
		}
		saved += table_of(s, "files")->saved;
		words = old_database_dump(fresh, "PRAGMA integrity_check");
		assert_non_null(strstr(words, ":ok\n"));
		sqlite3_free(words);
		sr_salvaged_free(s);
	}
	/* Most of it, most of the time. */
	assert_true(saved > 60 * 2000 / 2);
	free(copy_of);
	free(whole);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_leaf_lost),
		TEST(test_inner_page_lost),
		TEST(test_overflow_lost),
		TEST(test_indexes_lost),
		TEST(test_leaf_and_every_index_lost),
		TEST(test_client_lost),
		TEST(test_first_page_lost),
		TEST(test_schema_lost),
		TEST(test_schema_texts_put_right),
		TEST(test_hollow_row),
		TEST(test_users_own),
		TEST(test_hostile_schema),
		TEST(test_cut_short_and_holes),
		TEST(test_log_counts),
		TEST(test_journal_is_rolled_back),
		TEST(test_deleted_rows_stay_away),
		TEST(test_free_pages_are_known),
		TEST(test_free_pages_in_a_ring),
		TEST(test_numbers_are_not_given_again),
		TEST(test_refused_rows_are_named),
		TEST(test_old_versions),
		TEST(test_older_than_any_version),
		TEST(test_old_version_without_its_first_page),
		TEST(test_what_is_no_catalog),
		TEST(test_in_use),
		TEST(test_never_over_another),
		TEST(test_cancelled),
		TEST(test_full_disk),
		TEST(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
