/* The key of files: databases of every kind get it, nothing takes a key away or gives it twice. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "migrate_fixture.h"
#include "old_database.h"
#include "schema/schema.h"

#define BEFORE 13
#define LATEST (-1)

static sr_status run_to(const char *path, int to)
{
	sr_schema_options options = migrate_options();

	options.to = to;
	options.accept_loss = true;
	return migrate_run(path, &options, NULL);
}

static void go_to(const char *path, int to)
{
	assert_done(run_to(path, to));
}

static void assert_runs(const char *path, const char *sql)
{
	const char *wrong = old_database_run(path, sql);

	if (wrong)
		fail_msg("%s: %s", sql, wrong);
}

static void assert_query(const char *path, const char *sql, const char *expected)
{
	char *found = old_database_dump(path, sql);

	assert_string_equal(found ? found : "", expected);
	sqlite3_free(found);
}

static int64_t integer(const char *path, const char *sql)
{
	char *found = old_database_dump(path, sql);
	int64_t value = strtoll(found + 3, NULL, 10);

	assert_memory_equal(found, "|1:", 3);
	sqlite3_free(found);
	return value;
}

/* The last column, the only key, and beside it an ID that is unique and may be null. */
static void assert_keyed(const char *path)
{
	assert_query(path,
		     "SELECT name, type, \"notnull\", pk FROM pragma_table_info('files')"
		     " WHERE pk OR cid = (SELECT max(cid) FROM pragma_table_info('files'))",
		     "|3:RowKey|3:INTEGER|1:0|1:1\n");
	assert_query(path,
		     "SELECT upper(i.name) FROM pragma_index_list('files') l,"
		     " pragma_index_info(l.name) i WHERE l.\"unique\" AND (SELECT count(*) FROM"
		     " pragma_index_info(l.name)) = 1 AND i.name = 'ID' COLLATE NOCASE LIMIT 1",
		     "|3:ID\n");
	assert_query(path, "SELECT count(*) FROM files WHERE RowKey IS NOT rowid", "|1:0\n");
	assert_query(
		path,
		"SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'files' COLLATE NOCASE) >="
		" (SELECT max(RowKey) FROM files)",
		"|1:1\n");
	assert_query(path, "PRAGMA integrity_check", "|3:ok\n");
}

/* ---- Old databases ---- */

/* What tells a row from others at any age, with its number. */
#define NUMBERED "SELECT rowid, FileName, PathName, Verified FROM files ORDER BY rowid"
#define KEYED    "SELECT RowKey, FileName, PathName, Verified FROM files ORDER BY RowKey"

static void walk(const old_options *options)
{
	const char *path = migrate_path();
	char *rows, *columns;

	old_database_make(path, options);
	/* With gaps, and a number in the middle of nowhere. */
	assert_runs(path, "DELETE FROM files WHERE rowid % 7 = 3;"
			  "UPDATE files SET rowid = 5000 WHERE rowid = 8");
	rows = old_database_dump(path, NUMBERED);
	go_to(path, BEFORE);
	columns = old_database_dump(path, "SELECT cid, name FROM pragma_table_info('files')");
	assert_query(path, NUMBERED, rows);
	for (int times = 0; times < 2; times++) {
		go_to(path, LATEST);
		assert_query(path, KEYED, rows);
		assert_keyed(path);
		assert_query(path,
			     "SELECT cid, name FROM pragma_table_info('files') WHERE name <> "
			     "'RowKey'",
			     columns);
		assert_int_equal(migrate_drift(path), 0);
		go_to(path, times ? 0 : BEFORE);
		assert_query(path, NUMBERED, rows);
		assert_int_equal(migrate_drift(path), 0);
	}
	go_to(path, LATEST);
	assert_query(path, KEYED, rows);
	sqlite3_free(columns);
	sqlite3_free(rows);
}

static void test_old_databases(void **state)
{
	(void)state;
	for (int v = 0; v <= 5; v++)
		for (int users = 0; users <= 1; users++)
			walk(&(old_options){.version = v, .users = users, .extra_indexes = users});
	for (int stage = OLD_ID_IS_CLIENT; stage <= OLD_WITHOUT_KEY; stage++)
		walk(&(old_options){.stage = (old_stage)stage, .ledger = OLD_LEDGER_NONE});
}

/* ---- In place ---- */

static int64_t size_of(const char *path)
{
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	return file.st_size;
}

static void test_no_row_written(void **state)
{
	static const char fill[] =
		"DROP TRIGGER trg_files_note_insert; DROP TRIGGER trg_files_count_insert;"
		"PRAGMA synchronous = OFF; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		" FROM n WHERE i < 1000000) INSERT INTO files (ID, FileName, PathName, ClientID)"
		" SELECT CAST(printf('%016d', i) AS BLOB), 'file', 'p', x'01' FROM n;"
		"CREATE TABLE keep AS SELECT ID, rowid AS r FROM files WHERE rowid % 997 = 0;"
		"PRAGMA wal_checkpoint(TRUNCATE)";
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	int64_t before, took;
	char *text;

	(void)state;
	go_to(path, BEFORE);
	assert_runs(path, "DROP INDEX idx_files_filename; DROP INDEX idx_files_client_id;"
			  "DROP INDEX idx_files_verified; DROP INDEX idx_files_size;"
			  "DROP INDEX idx_files_client_verified; DROP INDEX idx_files_client_name;"
			  "DROP INDEX idx_files_identity_name; DROP INDEX idx_files_stored_path");
	assert_runs(path, fill);
	text = old_database_dump(path, "SELECT sql FROM sqlite_master WHERE name = 'files'");
	before = size_of(path);
	options.validate = false;
	options.to = BEFORE + 1;
	took = sr_clock_ns();
	assert_done(migrate_run(path, &options, NULL));
	print_message("a million files got their keys in %.2f s, %lld bytes of %lld\n",
		      (double)(sr_clock_ns() - took) / 1e9, (long long)(size_of(path) - before),
		      (long long)before);
	assert_true(size_of(path) - before < 256 * 1024);
	assert_keyed(path);
	assert_query(path,
		     "SELECT count(*), sum(f.RowKey IS NOT k.r) FROM keep k JOIN files f USING "
		     "(ID)",
		     "|1:1003|1:0\n");
	go_to(path, BEFORE);
	assert_query(path, "SELECT sql FROM sqlite_master WHERE name = 'files'", text);
	assert_query(path,
		     "SELECT count(*), sum(f.rowid IS NOT k.r) FROM keep k JOIN files f USING (ID)",
		     "|1:1003|1:0\n");
	sqlite3_free(text);
}

/* ---- Other texts ---- */

#define REST                                                                                       \
	" FileName VARCHAR(255) NOT NULL, PathName VARCHAR(255) NOT NULL, Verified BOOLEAN"        \
	" DEFAULT 0, FileSize INTEGER, ModificationDate TEXT, CRC INTEGER, ClientID BLOB(16)"      \
	" NOT NULL"
#define OWNER ", FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE"

static const struct {
	const char *what;
	const char *text; /* After CREATE TABLE. */
} texts[] = {
	{"known", "files (ID BLOB(16) PRIMARY KEY," REST OWNER ")"},
	{"quoted", "\"files\" (\"ID\" BLOB(16) PRIMARY KEY," REST OWNER ")"},
	{"in other case", "Files ([id] blob(16) primary key," REST OWNER ")"},
	{"as a constraint", "files (ID BLOB(16)," REST ", PRIMARY KEY (ID)" OWNER ")"},
	{"named", "files (ID BLOB(16) CONSTRAINT \"PRIMARY\" PRIMARY KEY," REST OWNER ")"},
	{"backwards", "files (ID BLOB(16) PRIMARY KEY DESC NOT NULL," REST OWNER ")"},
	{"replacing", "files (ID BLOB(16) PRIMARY KEY ON CONFLICT REPLACE," REST OWNER ")"},
	{"with words",
	 "files (ID /* PRIMARY */ BLOB(16) DEFAULT ('PRIMARY KEY') PRIMARY KEY -- ID,\n,"
	 " " REST " -- whose\n" OWNER ")"},
	{"with more", "files (ID BLOB(16) PRIMARY KEY," REST
		      ", Note TEXT UNIQUE DEFAULT NULL CHECK (Note <> ', ('),"
		      " Up AS (upper(FileName)), CHECK (Note <> 'PRIMARY KEY')" OWNER ","
		      " UNIQUE (ID, Note) ON CONFLICT IGNORE)"},
	{"unique twice", "files (ID BLOB(16) UNIQUE PRIMARY KEY," REST OWNER ", UNIQUE (ID))"},
	{"descending constraint",
	 "files (ID BLOB(16)," REST OWNER ", CONSTRAINT k PRIMARY KEY (ID COLLATE BINARY DESC))"},
	{"its own parent",
	 "files (ID BLOB(16) PRIMARY KEY," REST ", Up BLOB REFERENCES files" OWNER ")"},
};

/* files, with that text and its rows, and what users hang on it. */
static void make_with_text(const char *path, const char *text)
{
	char *sql = sqlite3_mprintf(
		"PRAGMA legacy_alter_table = ON; ALTER TABLE files RENAME TO was;"
		"CREATE TABLE %s; INSERT INTO files (rowid, ID, FileName, PathName, Verified,"
		" FileSize, ModificationDate, CRC, ClientID) SELECT rowid * 3, ID, FileName,"
		" PathName, Verified, FileSize, ModificationDate, CRC, ClientID FROM was;"
		"DROP TABLE was; CREATE TABLE seen (n INTEGER, f BLOB REFERENCES /* (x) */ files);"
		"CREATE INDEX mine ON files(CRC) WHERE CRC > 5;"
		"CREATE TRIGGER look AFTER INSERT ON files BEGIN INSERT INTO seen (n, f) VALUES"
		" (NEW.rowid, NEW.ID); END; CREATE VIEW some AS SELECT * FROM files WHERE CRC",
		text);

	assert_runs(path, sql);
	sqlite3_free(sql);
}

static void text_walk(const char *what, const char *text)
{
	const char *path = migrate_path();
	char *rows, *objects;

	print_message("%s\n", what);
	old_database_make(path, &(old_options){.version = 0, .ledger = OLD_LEDGER_NONE});
	make_with_text(path, text);
	rows = old_database_dump(path, NUMBERED);
	go_to(path, BEFORE);
	objects = old_database_dump(path, "SELECT type, name, sql FROM sqlite_master WHERE name"
					  " IN ('mine', 'look', 'some', 'idx_files_size')"
					  " ORDER BY name");
	for (int times = 0; times < 2; times++) {
		go_to(path, LATEST);
		assert_query(path, KEYED, rows);
		assert_keyed(path);
		assert_query(path,
			     "SELECT type, name, sql FROM sqlite_master WHERE name IN ('mine',"
			     " 'look', 'some', 'idx_files_size') ORDER BY name",
			     objects);
		go_to(path, BEFORE);
		assert_query(path, NUMBERED, rows);
		assert_query(path, "PRAGMA integrity_check", "|3:ok\n");
		assert_query(path,
			     "SELECT name FROM pragma_table_info('files') WHERE pk"
			     " OR name = 'RowKey'",
			     strstr(text, "[id]") ? "|3:id\n" : "|3:ID\n");
	}
	go_to(path, LATEST);
	assert_int_equal(integer(path, "SELECT count(*) FROM seen"), 0);
	assert_runs(path, "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES"
			  " (x'99', 'n', 'p', x'00000000000000000000000000000001')");
	/* The user's table refers to the ID as it always did. */
	assert_query(path, "SELECT f FROM seen", "|x99\n");
	assert_query(path, "PRAGMA foreign_key_check(seen)", "");
	assert_query(path, "SELECT \"to\" FROM pragma_foreign_key_list('seen')", "|3:ID\n");
	sqlite3_free(objects);
	sqlite3_free(rows);
}

static void test_other_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		text_walk(texts[i].what, texts[i].text);
}

/* An ID that counts itself stays the number it is, and another column counts. */
static void test_counting_text(void **state)
{
	sr_buffer text = SR_BUFFER_EMPTY;
	bool same;

	(void)state;
	assert_done(sr_files_key_text("CREATE TABLE files (ID INTEGER PRIMARY KEY AUTOINCREMENT"
				      " NOT NULL, FileName TEXT, RowKey INTEGER)",
				      &text, &same));
	assert_false(same);
	assert_string_equal(text.data,
			    "CREATE TABLE files (ID INTEGER UNIQUE  NOT NULL, FileName TEXT,"
			    " RowKey INTEGER PRIMARY KEY AUTOINCREMENT)");
	sr_buffer_free(&text);
}

/* What a clause of the table's own demanded, it demands still. */
static void test_clauses_act(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 0, .ledger = OLD_LEDGER_NONE});
	make_with_text(path, "files (ID BLOB(16) NOT NULL PRIMARY KEY ON CONFLICT REPLACE," REST
			     ", N INT DEFAULT 1 CHECK (N > 0)" OWNER ")");
	go_to(path, LATEST);
	assert_runs(path, "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES"
			  " (x'99', 'a', 'p', x'01'), (x'99', 'b', 'p', x'01')");
	assert_query(path, "SELECT FileName FROM files WHERE ID = x'99'", "|3:b\n");
	assert_non_null(old_database_run(path, "UPDATE files SET N = 0"));
	assert_non_null(old_database_run(path, "UPDATE files SET ID = NULL"));
}

/* ---- Numbers ---- */

/* With the highest number of all there is no next one: rows are numbered anew, in order. */
static void test_numbers_too_high(void **state)
{
	const char *path = migrate_path();
	char *rows;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_runs(path, "UPDATE files SET rowid = 9223372036854775807 WHERE rowid = 4;"
			  "UPDATE files SET rowid = -7 WHERE rowid = 9");
	rows = old_database_dump(path, "SELECT ID, PathName FROM files ORDER BY rowid");
	go_to(path, LATEST);
	assert_query(path, "SELECT ID, PathName FROM files ORDER BY RowKey", rows);
	assert_query(path, "SELECT min(RowKey), max(RowKey) = count(*) FROM files", "|1:1|1:1\n");
	assert_keyed(path);
	assert_runs(path, "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES"
			  " (x'99', 'n', 'p', x'01')");
	sqlite3_free(rows);
}

static void test_never_twice(void **state)
{
	static const char add[] = "INSERT INTO files (ID, FileName, PathName, ClientID) VALUES"
				  " (randomblob(16), 'n', 'p', x'01')";
	static const char highest[] = "SELECT max(RowKey) FROM files";
	const char *path = migrate_path();
	int64_t key, next;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	go_to(path, LATEST);
	key = integer(path, highest);
	for (int i = 0; i < 4; i++) {
		assert_runs(path, i == 3 ? "DELETE FROM files"
					 : "DELETE FROM files WHERE RowKey = (SELECT max(RowKey)"
					   " FROM files)");
		if (i == 1)
			assert_runs(path, "VACUUM");
		/* Where nothing was recorded meanwhile, down and up again know it too. */
		if (i == 2) {
			go_to(path, BEFORE);
			go_to(path, LATEST);
		}
		assert_runs(path, add);
		next = integer(path, highest);
		assert_int_equal(next, key + 1);
		key = next;
	}
	/* A replaced row is another row. */
	assert_runs(path, "INSERT OR REPLACE INTO files (ID, FileName, PathName, ClientID)"
			  " SELECT ID, FileName, PathName, ClientID FROM files");
	assert_int_equal(integer(path, highest), key + 1);
}

static void test_foreign_keys(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	go_to(path, LATEST);
	assert_runs(path,
		    "PRAGMA foreign_keys = ON; INSERT INTO file_versions (FileID, VersionNumber,"
		    " PathName, CreatedDate) SELECT ID, 1, 'p', 'now' FROM files");
	assert_query(path, "PRAGMA foreign_key_check(file_versions)", "");
	assert_non_null(old_database_run(
		path, "PRAGMA foreign_keys = ON; INSERT INTO file_versions (FileID, VersionNumber,"
		      " PathName, CreatedDate) VALUES (x'99', 1, 'p', 'now')"));
	assert_runs(path, "PRAGMA foreign_keys = ON; DELETE FROM files WHERE RowKey < 9");
	assert_query(path,
		     "SELECT count(*) FROM file_versions WHERE FileID NOT IN"
		     " (SELECT ID FROM files)",
		     "|1:0\n");
	assert_true(integer(path, "SELECT count(*) FROM file_versions") > 0);
}

/* ---- What stands in the way ---- */

static void test_column_taken(void **state)
{
	const char *path = migrate_path();

	(void)state;
	go_to(path, BEFORE);
	assert_runs(path, "ALTER TABLE files ADD COLUMN rowkey TEXT");
	assert_fails(run_to(path, LATEST), SR_EXISTS, "ALTER TABLE files RENAME COLUMN RowKey");
	assert_says("whole at version 13");
	assert_runs(path, "ALTER TABLE files RENAME COLUMN rowkey TO mine");
	go_to(path, LATEST);
}

/* One that would make files unwritable, known text or not; one that was broken before is nobody's
 * business. */
static void test_trigger_would_break(void **state)
{
	static const char trap[] = "CREATE TABLE copy AS SELECT * FROM files;"
				   "CREATE TRIGGER copies AFTER UPDATE OF CRC ON files BEGIN"
				   " INSERT INTO copy SELECT * FROM files WHERE ID = NEW.ID; END";

	(void)state;
	for (int known = 0; known <= 1; known++) {
		const char *path = migrate_path();

		old_database_make(path, &(old_options){.version = 0, .ledger = OLD_LEDGER_NONE});
		if (!known)
			make_with_text(path, texts[3].text);
		go_to(path, BEFORE);
		assert_runs(path, trap);
		assert_fails(run_to(path, LATEST), SR_REFUSED, "it would break");
		assert_says("yours");
		assert_runs(path, "UPDATE files SET CRC = 7; DROP TABLE copy");
		go_to(path, LATEST);
		assert_runs(path, "DROP TRIGGER copies; UPDATE files SET CRC = 8");
	}
}

static void test_unknown_hook(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const statements[] = {"-- Hook: nothing_of_ours", NULL};
	sr_migration_source source = {.version = 7, .name = "odd"};
	const char *path = migrate_path();
	sr_conn *conn;

	(void)state;
	source.up = (sr_migration_script){"", statements, none, none, none};
	conn = migrate_open(path);
	assert_fails(sr_script_run(conn, &source, &source.up, true), SR_INVALID, "no such hook");
	assert_says("migration 7 (odd), statement 1");
	sr_conn_close(conn);
}

/* A text that is none, a table that is none: nothing stays of it. */
static void test_reword_fails(void **state)
{
	const char *path = migrate_path();
	sr_conn *conn;

	(void)state;
	go_to(path, LATEST);
	conn = migrate_open(path);
	assert_fails(sr_conn_reword(conn, "files", "CREATE TABLE files (a)"), SR_INVALID,
		     "no transaction");
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_fails(sr_conn_reword(conn, "nothing", "CREATE TABLE nothing (a)"), SR_NOT_FOUND,
		     "no table nothing");
	sr_conn_rollback(conn);
	assert_done(sr_conn_begin(conn, SR_TRANSACTION_WRITE));
	assert_int_not_equal(sr_conn_reword(conn, "files", "CREATE TABLE files (a, a"), SR_OK);
	sr_conn_rollback(conn);
	/* And the schema table is closed again. */
	assert_int_not_equal(sr_exec(conn, "UPDATE sqlite_schema SET sql = 'x'"), SR_OK);
	sr_conn_close(conn);
	assert_int_equal(migrate_drift(path), 0);
}

static void hear_unique(void *arg, const char *kind, const char *object, const char *expected,
			const char *found)
{
	(void)found;
	if (strcmp(kind, "unique key") == 0 && strcmp(object, "files.ID") == 0 && expected)
		++*(int *)arg;
}

static int unique_missed(const char *path)
{
	sr_conn *conn = migrate_open(path);
	int64_t differences;
	int heard = 0;

	assert_done(sr_schema_verify(conn, hear_unique, &heard, &differences));
	sr_conn_close(conn);
	return heard;
}

/* Without it nothing could refer to a file. */
static void test_id_not_unique(void **state)
{
	const char *path = migrate_path();
	char *sql;

	(void)state;
	go_to(path, LATEST);
	sql = old_database_dump(path, "SELECT replace(sql, 'BLOB(16) UNIQUE', 'BLOB(16)') FROM"
				      " sqlite_master WHERE name = 'files'");
	assert_non_null(strstr(sql, "ID BLOB(16),"));
	assert_runs(path, "PRAGMA legacy_alter_table = ON; ALTER TABLE files RENAME TO was");
	assert_runs(path, strstr(sql, "CREATE"));
	assert_runs(path, "DROP TABLE was");
	assert_int_equal(unique_missed(path), 1);
	assert_runs(path, "CREATE UNIQUE INDEX part ON files(ID) WHERE ID > 5;"
			  "CREATE UNIQUE INDEX two ON files(ID, FileName);"
			  "CREATE INDEX plain ON files(ID)");
	assert_int_equal(unique_missed(path), 1);
	assert_runs(path, "CREATE UNIQUE INDEX one ON files(ID)");
	assert_int_equal(unique_missed(path), 0);
	sqlite3_free(sql);
}

/* ---- Killed ---- */

static int kill_at(unsigned type, void *left, void *stmt, void *sql)
{
	(void)type;
	(void)stmt;
	(void)sql;
	if (--*(int *)left == 0)
		kill(getpid(), SIGKILL);
	return 0;
}

/* In a child that is killed before its nth statement; whether it lived to the end. */
static bool lives(const char *path, int to, int nth)
{
	pid_t pid = fork();
	int state;

	if (pid == 0) {
		sr_conn_options open = {
			.access = SR_ACCESS_WRITE, .busy_timeout = 60, .cache_pages = 20};
		sr_schema_options options = migrate_options();
		sr_conn *conn;

		options.to = to;
		options.accept_loss = true;
		if (sr_conn_open(&sr_sqlite, path, &open, &conn) != SR_OK)
			_exit(1);
		sqlite3_trace_v2(sr_conn_handle(conn), SQLITE_TRACE_STMT, kill_at, &nth);
		_exit(sr_schema_migrate(conn, &options, NULL) == SR_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &state, 0), pid);
	assert_true(WIFSIGNALED(state) || WEXITSTATUS(state) == 0);
	return !WIFSIGNALED(state);
}

static void killed(const char *path, int from, int to, const char *rows)
{
	int kills = 0;
	char *text = old_database_dump(path, "SELECT type, name, sql FROM sqlite_master"
					     " ORDER BY type, name");

	for (int nth = 1; !lives(path, to, nth); nth += 29) {
		char *now;

		kills++;
		now = old_database_dump(path, "SELECT max(version) FROM database_migrations");
		/* The last ones come after the commit. */
		if (strtol(now + 3, NULL, 10) == from)
			assert_query(path,
				     "SELECT type, name, sql FROM sqlite_master"
				     " ORDER BY type, name",
				     text);
		sqlite3_free(now);
		assert_query(path, NUMBERED, rows);
		assert_query(path, "PRAGMA integrity_check", "|3:ok\n");
		assert_int_equal(migrate_drift(path), 0);
	}
	assert_query(path, NUMBERED, rows);
	assert_int_equal(migrate_drift(path), 0);
	print_message("killed %d times from %d to %d\n", kills, from, to);
	assert_true(kills > 10);
	sqlite3_free(text);
}

static void test_killed(void **state)
{
	(void)state;
	for (int known = 0; known <= 1; known++) {
		const char *path = migrate_path();
		char *rows;

		old_database_make(
			path,
			&(old_options){.version = 0, .ledger = OLD_LEDGER_NONE, .files = 3000});
		if (!known)
			make_with_text(path,
				       "files (ID BLOB(16)," REST ", PRIMARY KEY (ID)" OWNER ")");
		rows = old_database_dump(path, NUMBERED);
		go_to(path, BEFORE);
		killed(path, BEFORE, BEFORE + 1, rows);
		killed(path, BEFORE + 1, BEFORE, rows);
		sqlite3_free(rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_old_databases),       TEST(test_no_row_written),
		TEST(test_counting_text),       TEST(test_other_texts),
		TEST(test_clauses_act),         TEST(test_numbers_too_high),
		TEST(test_never_twice),         TEST(test_foreign_keys),
		TEST(test_column_taken),        TEST(test_unknown_hook),
		TEST(test_trigger_would_break), TEST(test_reword_fails),
		TEST(test_id_not_unique),       TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
