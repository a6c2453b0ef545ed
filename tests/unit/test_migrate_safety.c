/* What a migration may not do, and what stays when it fails. */
#include <sys/stat.h>

#include "fault_vfs.h"
#include "migrate_fixture.h"
#include "old_database.h"
#include "schema/schema.h"

#define MANY 32

static const char *const none[] = {NULL};

static sr_status run_to(const char *path, int to, bool accept_loss)
{
	sr_schema_options options = migrate_options();

	options.to = to;
	options.accept_loss = accept_loss;
	return migrate_run(path, &options, NULL);
}

static char *whole(const char *path)
{
	char *schema = old_database_dump(path, "SELECT type, name, tbl_name, sql FROM sqlite_master"
					       " ORDER BY type, name");
	char *rows = old_database_rows(path, OLD_CORE, true);
	char *all = sqlite3_mprintf("%s\n%s", schema, rows);

	sqlite3_free(rows);
	sqlite3_free(schema);
	return all;
}

static void assert_whole(const char *path, const char *expected)
{
	char *now = whole(path);

	assert_string_equal(now, expected);
	sqlite3_free(now);
}

/* The embedded migrations and one more, whose statements and header the test gives. */
static sr_status run_extra(const char *path, const char *sql, const char *const *allows,
			   const char *const *changes, bool block)
{
	sr_migration_source sources[MANY];
	const char *const statements[] = {sql, NULL};
	sr_migrations all = {sources, sr_migration_count + 1};
	sr_migration_source *extra = &sources[sr_migration_count];
	sr_schema_options options = migrate_options();
	sr_conn *conn = migrate_open(path);
	sr_status rc;

	assert_true(sr_migration_count < MANY);
	memcpy(sources, sr_migration_sources,
	       sizeof(sr_migration_sources[0]) * (size_t)sr_migration_count);
	*extra = sources[sr_migration_count - 1];
	extra->version = sr_migration_count;
	extra->name = "extra";
	extra->up = (sr_migration_script){sql, statements, allows, changes, none};
	options.block_dangerous = block;
	rc = sr_schema_run(conn, &all, &options, NULL);
	sr_conn_close(conn);
	return rc;
}

static void test_dangerous_refused(void **state)
{
	static const char *const sql[] = {
		"DROP TABLE files",
		"DROP TABLE client_activity",
		"DROP INDEX idx_files_size",
		"DROP TRIGGER trg_clients_archive_activity",
		"DELETE FROM files",
		"DELETE FROM clients WHERE 1",
		"DELETE FROM transfer_stats",
		"ATTACH '/tmp/other.db' AS other",
		"DETACH main",
		"PRAGMA writable_schema = ON",
		"PRAGMA user_version = 5",
		"UPDATE sqlite_master SET sql = ''",
		"DELETE FROM sqlite_master",
		"UPDATE database_migrations SET version = 99",
		"CREATE VIRTUAL TABLE v USING fts5(a)",
		"CREATE TEMP TABLE t (a)",
		"CREATE TEMP TRIGGER t AFTER INSERT ON files BEGIN SELECT 1; END",
		"SELECT load_extension('x')",
		"SELECT fts3_tokenizer('simple')",
		"COMMIT",
		"SAVEPOINT a",
	};
	const char *path = migrate_path();
	char *before;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_done(run_to(path, -1, false));
	before = whole(path);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		sr_status rc = run_extra(path, sql[i], none, none, true);

		if (rc != SR_REFUSED)
			fail_msg("%s: %s", sql[i], sr_error_message());
		assert_says("contains potentially dangerous operations");
		assert_says("review its SQL");
		assert_says("(extra), statement 1");
		assert_whole(path, before);
	}
	sqlite3_free(before);
}

/* A declaration lets through what is not core; for core tables the setting must allow it too. */
static void test_declared(void **state)
{
	static const char *const drop_stats[] = {"drop table transfer_stats", NULL};
	static const char *const drop_files[] = {"drop table files", NULL};
	static const char *const delete_files[] = {"delete files", NULL};
	static const char *const stats[] = {"transfer_stats", NULL};
	static const char *const files[] = {"files", NULL};
	const char *path = migrate_path();
	char *before;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_done(run_to(path, -1, false));
	before = whole(path);
	assert_fails(run_extra(path, "DROP TABLE files", drop_files, files, true), SR_REFUSED, "");
	assert_fails(run_extra(path, "DELETE FROM files", delete_files, files, true), SR_REFUSED,
		     "");
	/* REPLACE deletes without asking anybody. */
	assert_fails(run_extra(path,
			       "UPDATE OR REPLACE files SET ID = (SELECT ID FROM files WHERE"
			       " rowid = 1) WHERE rowid < 4",
			       none, files, true),
		     SR_REFUSED, "contains potentially dangerous operations");
	assert_whole(path, before);
	/* Values that the header does not say it changes. */
	assert_fails(run_extra(path, "UPDATE files SET CRC = 5 WHERE rowid = 7", none, none, true),
		     SR_CORRUPT, "values of the table files changed");
	assert_fails(run_extra(path, "INSERT INTO metrics_history VALUES (7, 'a', 'b', 1)", none,
			       none, true),
		     SR_CORRUPT, "");
	/* A foreign key that is broken anew. */
	assert_fails(run_extra(path, "UPDATE files SET ClientID = x'99' WHERE rowid = 7", none,
			       files, true),
		     SR_CONSTRAINT, "");
	assert_whole(path, before);
	assert_done(run_extra(path, "DROP TABLE transfer_stats", drop_stats, stats, true));
	sqlite3_free(before);

	path = migrate_path();
	old_database_make(path, &(old_options){.version = 5});
	assert_done(run_extra(path, "DELETE FROM files", delete_files, files, false));
}

/* A database at that version, kept to be put back; whole(), sqlite3_free. */
static char *keep_at(const char *path, const old_options *old, int version)
{
	old_database_make(path, old);
	assert_done(run_to(path, version, false));
	old_database_keep(path);
	return whole(path);
}

/* The nth write of a step fails, and all after it. */
static sr_status step_with_full_disk(const char *path, int to, int nth, const char *before)
{
	sr_schema_options options = migrate_options();
	sr_conn *conn;
	sr_status rc;

	options.to = to;
	options.accept_loss = true;
	conn = migrate_open(path);
	fault_arm(FAULT_WRITE, FAULT_ANY, nth, SQLITE_FULL, true);
	rc = sr_schema_migrate(conn, &options, NULL);
	fault_disarm();
	if (rc != SR_OK)
		assert_says("the database is whole at version");
	sr_conn_close(conn);
	if (rc != SR_OK)
		assert_whole(path, before);
	assert_int_equal(migrate_drift(path), 0);
	return rc;
}

/* At one write after another, until none of them is the step's. */
static void fill_disk_in_step(int from, int to)
{
	const char *path = migrate_path();
	char *before = keep_at(path, &(old_options){.files = 300}, from);
	int failed = 0;

	for (int n = 1; n < 200; n += 1 + n / 4) {
		if (step_with_full_disk(path, to, n, before) == SR_OK)
			break;
		failed++;
		old_database_put_back(path);
	}
	assert_true(failed > 0);
	sqlite3_free(before);
}

static void test_failure_leaves_it_as_it_was(void **state)
{
	(void)state;
	fault_vfs_install();
	for (int version = 0; version < sr_migration_count - 1; version++) {
		fill_disk_in_step(version, version + 1);
		fill_disk_in_step(version + 1, version);
	}
	fault_vfs_remove();
}

/* The migration v, but after its first statements one that fails. */
static void fail_statement(const char *path, int v, int after, const char *before)
{
	sr_migration_source sources[MANY];
	const char *statements[MANY] = {NULL};
	sr_migrations all = {sources, sr_migration_count};
	sr_schema_options options = migrate_options();
	sr_conn *conn;
	char said[64];

	memcpy(sources, sr_migration_sources, sizeof(sources[0]) * (size_t)sr_migration_count);
	for (int i = 0; i < after; i++)
		statements[i] = sources[v].up.statements[i];
	statements[after] = "INSERT INTO nowhere VALUES (1)";
	sources[v].up.statements = statements;
	conn = migrate_open(path);
	assert_fails(sr_schema_run(conn, &all, &options, NULL), SR_SQL, "");
	snprintf(said, sizeof(said), "migration %d (%s), statement %d", v, sources[v].name,
		 after + 1);
	assert_says(said);
	assert_says("INSERT INTO nowhere");
	assert_says("no such table");
	sr_conn_close(conn);
	assert_whole(path, before);
}

/* After each statement of each migration one fails that the test adds. */
static void test_each_statement_fails(void **state)
{
	(void)state;
	for (int v = 1; v < sr_migration_count; v++) {
		const char *path = migrate_path();
		char *before = keep_at(path, &(old_options){.users = true}, v - 1);

		for (int s = 0; sr_migration_sources[v].up.statements[s]; s++) {
			fail_statement(path, v, s + 1, before);
			old_database_put_back(path);
		}
		sqlite3_free(before);
	}
}

static void test_too_new(void **state)
{
	sr_schema_options options = migrate_options();
	const char *path = migrate_path();
	struct stat before, after;

	(void)state;
	assert_done(run_to(path, -1, false));
	assert_null(old_database_run(
		path, "INSERT INTO database_migrations (version, checksum, description,"
		      " applied_at) VALUES (4711, 'beef', 'later', 'now')"));
	assert_int_equal(stat(path, &before), 0);
	for (int to = -1; to < 3; to++) {
		sr_conn *conn = migrate_open(path);
		int64_t differences;

		options.to = to;
		assert_fails(sr_schema_migrate(conn, &options, NULL), SR_TOO_NEW, "4711");
		assert_says("knows versions up to");
		assert_fails(sr_schema_verify(conn, NULL, NULL, &differences), SR_TOO_NEW, "");
		sr_conn_close(conn);
	}
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void test_no_such_version(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	sr_conn *conn = migrate_open(path);

	(void)state;
	options.to = 77;
	assert_fails(sr_schema_migrate(conn, &options, NULL), SR_INVALID, "77");
	sr_conn_close(conn);
}

static void test_loss_refused(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	sr_conn *conn;
	char *before;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_done(run_to(path, -1, false));
	assert_null(old_database_run(
		path, "UPDATE files SET Inode = 5 WHERE rowid <= 7;"
		      "UPDATE files SET FileCategory = NULL WHERE rowid = 1;"
		      "INSERT INTO transfer_stats (Date) VALUES ('a'), ('b');"
		      "CREATE TRIGGER by_inode AFTER UPDATE ON files BEGIN SELECT NEW.Inode; END"));
	before = whole(path);
	conn = migrate_open(path);
	options.to = 0;
	assert_fails(sr_schema_migrate(conn, &options, NULL), SR_REFUSED,
		     "column files.Inode (7 rows)");
	assert_says("column files.FileCategory (1 row)");
	assert_says("table transfer_stats (2 rows)");
	sr_conn_close(conn);
	assert_whole(path, before);

	/* A trigger that would not work any more is a loss too. */
	assert_null(old_database_run(path, "UPDATE files SET Inode = NULL"));
	conn = migrate_open(path);
	options.to = 5;
	assert_fails(sr_schema_migrate(conn, &options, NULL), SR_REFUSED, "trigger by_inode");
	options.accept_loss = true;
	assert_done(sr_schema_migrate(conn, &options, NULL));
	sr_conn_close(conn);
	assert_null(old_database_run(path, "UPDATE files SET CRC = 1; DELETE FROM files"));
	sqlite3_free(before);
}

/* ---- Verify ---- */

typedef struct drift {
	char words[4096];
} drift;

static void drift_add(void *arg, const char *kind, const char *object, const char *expected,
		      const char *found)
{
	drift *d = arg;
	size_t n = strlen(d->words);

	snprintf(d->words + n, sizeof(d->words) - n, "[%s %s|%.40s|%.40s]", kind, object,
		 expected ? expected : "", found ? found : "");
}

static void test_drift(void **state)
{
	const char *path = migrate_path();
	drift d = {""};
	int64_t differences;
	sr_conn *conn;

	(void)state;
	assert_done(run_to(path, -1, false));
	assert_int_equal(migrate_drift(path), 0);
	assert_null(old_database_run(
		path, "UPDATE database_migrations SET checksum = 'beef' WHERE version = 3;"
		      "DELETE FROM database_migrations WHERE version = 4;"
		      "DROP INDEX idx_files_size; CREATE INDEX idx_files_size ON files(CRC);"
		      "DROP TRIGGER trg_clients_archive_activity; DROP TABLE transfer_stats;"
		      "ALTER TABLE files DROP COLUMN MimeType;"
		      "CREATE TABLE mine (a); CREATE VIEW my_view AS SELECT 1;"));
	conn = migrate_open(path);
	assert_done(sr_schema_verify(conn, drift_add, &d, &differences));
	assert_int_equal(differences, 6);
	assert_non_null(strstr(d.words, "[checksum 3 analytics|"));
	assert_non_null(strstr(d.words, "|beef]"));
	assert_non_null(strstr(d.words, "[ledger 4 client_quotas|"));
	assert_non_null(
		strstr(d.words, "[index idx_files_size|CREATE INDEX idx_files_size ON files(Fil"));
	assert_non_null(strstr(d.words, "[trigger trg_clients_archive_activity|CREATE TRIGGER"));
	assert_non_null(strstr(d.words, "[table transfer_stats|CREATE TABLE"));
	assert_non_null(strstr(d.words, "[column files.MimeType|MimeType VARCHAR(100)|]"));
	assert_non_null(strstr(d.words, "[addition table mine||CREATE TABLE mine (a)]"));
	assert_non_null(strstr(d.words, "[addition view my_view||"));
	sr_conn_close(conn);
}

static void foreign_add(void *arg, const char *type, const char *name, const char *table)
{
	drift_add(arg, type, name, table, NULL);
}

/* How many there are, and their words in d unless it is NULL. */
static int64_t foreign(const char *path, drift *d)
{
	sr_conn *conn = migrate_open(path);
	int64_t count;

	assert_done(sr_schema_foreign(conn, d ? foreign_add : NULL, d, &count));
	sr_conn_close(conn);
	return count;
}

static void test_foreign(void **state)
{
	const char *path = migrate_path();
	drift d = {""};

	(void)state;
	assert_done(run_to(path, -1, false));
	assert_int_equal(foreign(path, NULL), 0);
	assert_null(old_database_run(
		path,
		"CREATE TRIGGER t AFTER INSERT ON files BEGIN DELETE FROM clients; END;"
		"CREATE INDEX plain ON files(CRC); CREATE INDEX part ON files(CRC) WHERE CRC > 5;"
		"CREATE INDEX expr ON files(abs(CRC));"
		"CREATE TABLE mine (a); CREATE TRIGGER u AFTER INSERT ON mine BEGIN SELECT 1; END;"
		"ALTER TABLE metrics_history ADD COLUMN computed AS (abs(1));"
		"ALTER TABLE file_categories ADD COLUMN mine TEXT;"
		"DROP TABLE transfer_stats; CREATE VIEW transfer_stats AS SELECT 1;"));
	assert_int_equal(foreign(path, &d), 5);
	assert_non_null(strstr(d.words, "[generated column computed|metrics_history|]"));
	assert_non_null(strstr(d.words, "[trigger t|files|]"));
	assert_non_null(strstr(d.words, "[index part|files|]"));
	assert_non_null(strstr(d.words, "[index expr|files|]"));
	assert_non_null(strstr(d.words, "[view transfer_stats|"));
}

/* What the text of a table has computed, and what it only says. */
static void test_foreign_clauses(void **state)
{
	const char *path = migrate_path();
	drift d = {""};

	(void)state;
	assert_done(run_to(path, -1, false));
	assert_null(old_database_run(
		path, "ALTER TABLE clients ADD COLUMN a TEXT DEFAULT 'CHECK (1)';"
		      "ALTER TABLE clients ADD COLUMN b INTEGER DEFAULT ( - 5 /* five */ );"
		      "ALTER TABLE clients ADD COLUMN c BLOB DEFAULT (x'00') COLLATE NOCASE;"
		      "DELETE FROM metrics_history;"
		      "ALTER TABLE metrics_history ADD COLUMN \"check\" DEFAULT CURRENT_TIMESTAMP;"
		      "ALTER TABLE files ADD COLUMN d INTEGER /* , */ CHECK (d > 0) ;"
		      "ALTER TABLE metrics_history ADD COLUMN e DEFAULT 5 DEFAULT /* ( */ (abs(6));"
		      "ALTER TABLE file_versions ADD COLUMN f TEXT \xef\xbb\xbf"
		      "CHECK (f <> '');"
		      "CREATE TABLE mine (a CHECK (a > 0), b DEFAULT (abs(1)));"
		      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = substr(sql, 1,"
		      " length(sql) - 1) || ', CONSTRAINT k CHECK (FileCount))' WHERE name ="
		      " 'client_activity'"));
	assert_int_equal(foreign(path, &d), 4);
	assert_non_null(strstr(d.words, "[CHECK d INTEGER /* , */ CHECK (d > 0)|files|]"));
	assert_non_null(
		strstr(d.words, "[DEFAULT e DEFAULT 5 DEFAULT /* ( */ (abs(6))|metrics_history|]"));
	assert_non_null(strstr(d.words, "[CHECK f TEXT"));
	assert_non_null(strstr(d.words, "[CHECK CONSTRAINT k CHECK (FileCount)|client_activity|]"));
}

/* The key of files in databases from before version 0. */
static void test_foreign_key_of_old_files(void **state)
{
	const char *path = migrate_path();
	int64_t count;
	sr_conn *conn;

	(void)state;
	sr_conn_close(migrate_open(path)); /* An empty one. */
	assert_null(old_database_run(
		path, "CREATE TABLE clients (ID BLOB(16) PRIMARY KEY, Name VARCHAR(255) NOT NULL,"
		      " PublicKey BLOB(160), LastSeen TEXT NOT NULL, AESKey BLOB(32));"
		      "CREATE TABLE files (ID BLOB(16) NOT NULL, FileName VARCHAR(255) NOT NULL,"
		      " PathName VARCHAR(255) NOT NULL, Verified BOOLEAN DEFAULT 0,"
		      " PRIMARY KEY (ID, FileName),"
		      " FOREIGN KEY (ID) REFERENCES clients (ID) ON DELETE CASCADE)"));
	conn = migrate_open(path);
	assert_done(sr_schema_foreign(conn, NULL, NULL, &count));
	assert_int_equal(count, 0);
	sr_conn_close(conn);
}

/* What would have rows of ours dropped, taken for others, or gone with others. */
static void test_foreign_constraints(void **state)
{
	const char *path = migrate_path();
	drift d = {""};
	int64_t count;
	sr_conn *conn;

	(void)state;
	assert_done(run_to(path, -1, false));
	assert_null(old_database_run(
		path,
		"ALTER TABLE clients ADD COLUMN fav BLOB REFERENCES files(ID) ON DELETE CASCADE;"
		"ALTER TABLE files ADD COLUMN of TEXT REFERENCES clients(Name) ON UPDATE SET NULL;"
		"ALTER TABLE files ADD COLUMN at TEXT REFERENCES clients(ID) ON DELETE RESTRICT;"
		"ALTER TABLE files ADD COLUMN ClientID2 REFERENCES clients ON DELETE CASCADE;"
		"ALTER TABLE files ADD COLUMN mine TEXT COLLATE NOCASE;"
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql,"
		" 'FileName VARCHAR(255)', 'FileName VARCHAR(255) COLLATE NOCASE')"
		" WHERE name = 'files';"
		"UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE NOT NULL',"
		" 'UNIQUE ON CONFLICT REPLACE NOT NULL') WHERE name = 'clients'"));
	conn = migrate_open(path);
	assert_done(sr_schema_foreign(conn, foreign_add, &d, &count));
	assert_non_null(strstr(d.words, "[foreign key fav|clients|]"));
	assert_non_null(strstr(d.words, "[foreign key of|files|]"));
	assert_non_null(strstr(d.words, "[foreign key ClientID2|files|]"));
	assert_non_null(strstr(d.words, "[collation FileName VARCHAR(255) COLLATE NOCASE"));
	assert_non_null(strstr(d.words, "[conflict clause Name VARCHAR(255) UNIQUE ON CONFLICT"));
	assert_int_equal(count, 5);
	sr_conn_close(conn);
}

/* What our writes reach through a foreign key's action, however far, and no further. */
static void test_foreign_by_key(void **state)
{
	const char *path = migrate_path();
	drift d = {""};

	(void)state;
	assert_done(run_to(path, -1, false));
	assert_null(old_database_run(
		path,
		"CREATE TABLE child (a PRIMARY KEY REFERENCES clients(ID) ON DELETE SET NULL);"
		"CREATE TABLE grandchild (b REFERENCES child(a) ON UPDATE CASCADE);"
		"CREATE TABLE bystander (c REFERENCES clients(ID));"
		"CREATE TRIGGER near AFTER UPDATE ON child BEGIN DELETE FROM files; END;"
		"CREATE TRIGGER far AFTER UPDATE ON grandchild BEGIN DELETE FROM files; END;"
		"CREATE TRIGGER none AFTER UPDATE ON bystander BEGIN DELETE FROM files; END;"
		"DROP TABLE transfer_stats;"
		"CREATE /**/ VIRTUAL TABLE transfer_stats USING fts5(Date);"));
	assert_int_equal(foreign(path, &d), 3);
	assert_non_null(strstr(d.words, "[trigger near|child|]"));
	assert_non_null(strstr(d.words, "[trigger far|grandchild|]"));
	assert_non_null(strstr(d.words, "[table transfer_stats|"));
}

/* The guard of callers' own SQL. */
static void test_callers_sql(void **state)
{
	static const char *const refused[] = {"DROP TABLE files",
					      "ALTER TABLE files DROP COLUMN CRC",
					      "DROP INDEX idx_files_size",
					      "DELETE FROM database_migrations",
					      "ATTACH ':memory:' AS a",
					      "PRAGMA user_version = 3",
					      "BEGIN",
					      "SELECT load_extension('a')"};
	static const char *const allowed[] = {"CREATE TABLE mine (a)",
					      "INSERT INTO mine VALUES (1)",
					      "CREATE INDEX m ON mine(a)",
					      "ALTER TABLE mine ADD COLUMN b",
					      "DELETE FROM files WHERE CRC = 1",
					      "DROP TABLE mine",
					      "UPDATE clients SET Name = Name",
					      "PRAGMA table_info(files)",
					      "ANALYZE"};
	const char *path = migrate_path();
	unsigned filled;
	sr_conn *conn;

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_done(run_to(path, -1, false));
	conn = migrate_open(path);
	sr_conn_guard(conn, sr_schema_guard, NULL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (sr_exec(conn, refused[i]) != SR_REFUSED)
			fail_msg("%s: %s", refused[i], sr_error_message());
		assert_says("contains potentially dangerous operations");
	}
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (sr_exec(conn, allowed[i]) != SR_OK)
			fail_msg("%s: %s", allowed[i], sr_error_message());
	sr_conn_guard(conn, NULL, NULL);
	assert_done(sr_schema_core_filled(conn, &filled));
	assert_int_equal(filled, 3);
	assert_done(sr_exec(conn, "DELETE FROM files"));
	assert_done(sr_schema_core_filled(conn, &filled));
	assert_int_equal(filled, 1);
	sr_conn_close(conn);
}

/* A database of another program is not filled with our tables. */
static void test_strangers(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	sr_conn *conn = migrate_open(path);

	(void)state;
	assert_done(sr_exec(conn, "CREATE TABLE bookmarks (url)"));
	assert_fails(sr_schema_migrate(conn, &options, NULL), SR_INVALID, "bookmarks");
	sr_conn_close(conn);
}

static void test_damage_refused(void **state)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();
	sr_conn *conn;

	(void)state;
	old_database_make(path, &(old_options){.version = 1, .files = 2000});
	/* A row that says NULL where the schema says none is. */
	assert_null(old_database_run(
		path,
		"PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql ="
		" replace(sql, 'CRC INTEGER', 'CRC INTEGER NOT NULL') WHERE name = 'files';"));
	conn = migrate_open(path);
	assert_fails(sr_schema_migrate(conn, &options, NULL), SR_CORRUPT, "nothing was migrated");
	options.validate = false;
	assert_done(sr_schema_migrate(conn, &options, NULL));
	sr_conn_close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dangerous_refused),
		TEST(test_declared),
		TEST(test_each_statement_fails),
		TEST(test_failure_leaves_it_as_it_was),
		TEST(test_too_new),
		TEST(test_no_such_version),
		TEST(test_loss_refused),
		TEST(test_drift),
		TEST(test_foreign),
		TEST(test_foreign_clauses),
		TEST(test_foreign_constraints),
		TEST(test_foreign_key_of_old_files),
		TEST(test_foreign_by_key),
		TEST(test_callers_sql),
		TEST(test_strangers),
		TEST(test_damage_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
