/* Users' own migrations: applied once, safely, and never taken for this program's versions. */
#include <dirent.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "catalog_fixture.h"
#include "old_database.h"
#include "schema/migrate.h"

static const sr_own_migration tapes = {
	.version = 6,
	.description = "Tape library",
	.up_sql = "CREATE TABLE tapes (ID INTEGER PRIMARY KEY, Label TEXT NOT NULL);\n"
		  "-- And what is on them.\n"
		  "CREATE TABLE tape_files (FileID BLOB(16) REFERENCES files(ID) ON DELETE CASCADE,"
		  " Tape INTEGER REFERENCES tapes(ID));\n"
		  "CREATE INDEX idx_tape_files ON tape_files(FileID);"
		  "INSERT INTO tapes (Label) VALUES ('first; with a semicolon'), ('second')",
	.down_sql = "DROP TABLE tape_files; DROP TABLE tapes;",
};

static int64_t ask(const catalog_fixture *f, const char *sql)
{
	sr_table *table;
	int64_t answer;

	assert_ok(sr_fetch(f->catalog, sql, NULL, 0, 1, &table));
	assert_int_equal(table->rows, 1);
	answer = table->values[0].integer;
	sr_table_free(table);
	return answer;
}

static int setup(void **state)
{
	catalog_fixture *f;

	catalog_setup_client(state);
	f = *state;
	for (int i = 0; i < 20; i++) {
		char name[32];
		sr_file file;

		snprintf(name, sizeof(name), "/d/file-%d", i);
		file = file_at(f, name);
		file.size = i;
		assert_int_equal(save(f, &file), SR_ADDED);
	}
	return 0;
}

/* Backups beside the database. */
static int backups(void)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strstr(entry->d_name, "_backup_2") != NULL;
	closedir(dir);
	return count;
}

static sr_status apply(const catalog_fixture *f, int64_t version, const char *sql)
{
	const sr_own_migration migration = {
		.version = version, .description = "a test's", .up_sql = sql};

	return sr_migrate_own(f->catalog, &migration, NULL);
}

static size_t listed(const catalog_fixture *f)
{
	sr_migration_status *status;
	size_t count;

	assert_ok(sr_migration_status_get(&f->options, &status));
	assert_int_equal(status->current_version, status->latest_version);
	assert_int_equal(status->pending_migrations, 0);
	count = status->own_count;
	sr_migration_status_free(status);
	return count;
}

static void assert_no_drift(const catalog_fixture *f)
{
	int64_t differences = -1;

	assert_ok(sr_migrate_verify(f->catalog, NULL, NULL, &differences));
	assert_int_equal(differences, 0);
}

/* Nothing in it is wrong, not even by the longest look. */
static void assert_healthy(const catalog_fixture *f)
{
	sr_health_options options;
	sr_health *health;

	sr_health_options_init(&options);
	options.full = true;
	assert_ok(sr_health_check(f->catalog, &options, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		if (health->findings[i].severity != SR_SEVERITY_NOTE &&
		    strcmp(health->findings[i].code, "storage_missing") != 0)
			fail_msg("%s: %s", health->findings[i].code, health->findings[i].meaning);
	sr_health_free(health);
	assert_no_drift(f);
}

static void test_up_and_down(void **state)
{
	const catalog_fixture *f = *state;
	sr_migration_status *status;
	sr_own_migrated done;

	assert_ok(sr_migrate_own(f->catalog, &tapes, &done));
	assert_int_equal(access(done.backup, F_OK), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM tapes"), 2);
	assert_int_equal(ask(f, "SELECT count(*) FROM files"), 20);
	assert_ok(sr_migration_status_get(&f->options, &status));
	assert_int_equal(status->own_count, 1);
	assert_int_equal(status->own[0].version, 6);
	assert_string_equal(status->own[0].description, "Tape library");
	assert_string_equal(status->own[0].down_sql, tapes.down_sql);
	assert_int_equal(strncmp(status->own[0].applied_at, "20", 2), 0);
	sr_migration_status_free(status);
	assert_healthy(f);
	assert_fails(sr_migrate_own(f->catalog, &tapes, NULL), SR_EXISTS, "6");
	assert_fails(apply(f, 6, "SELECT 1"), SR_EXISTS, "another SQL");
	assert_int_equal(backups(), 1);
	assert_ok(sr_migrate_own_down(f->catalog, 6, &done));
	assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_master WHERE name LIKE '%tape%'"), 0);
	assert_int_equal(listed(f), 0);
	assert_fails(sr_migrate_own_down(f->catalog, 6, NULL), SR_NOT_FOUND, "6");
	assert_ok(sr_migrate_own(f->catalog, &tapes, NULL));
	assert_healthy(f);
}

/* The same number as one of this program's, before it or after it: another ledger. */
static void test_numbers(void **state)
{
	const catalog_fixture *f = *state;

	assert_ok(apply(f, 1, "CREATE TABLE a (x)"));
	assert_ok(apply(f, 19, "CREATE TABLE b (x)"));
	assert_ok(apply(f, 20260131093000, "CREATE TABLE c (x)"));
	assert_int_equal(listed(f), 3);
	assert_fails(apply(f, 0, "CREATE TABLE d (x)"), SR_INVALID, "0");
	assert_fails(apply(f, -3, "CREATE TABLE d (x)"), SR_INVALID, "-3");
	assert_fails(apply(f, INT64_MAX, "CREATE TABLE d (x)"), SR_INVALID, "10000");
	assert_fails(apply(f, 2, ""), SR_INVALID, "no SQL");
	assert_fails(apply(f, 2, NULL), SR_INVALID, "no SQL");
	assert_fails(sr_migrate_own(f->catalog,
				    &(sr_own_migration){.version = 2, .up_sql = "SELECT 1"}, NULL),
		     SR_INVALID, "description");
	assert_fails(sr_migrate_own(f->catalog, NULL, NULL), SR_INVALID, "no migration");
	assert_fails(sr_migrate_own_down(f->catalog, 1, NULL), SR_INVALID, "without SQL");
	assert_int_equal(listed(f), 3);
}

/* Columns and rows of this program's tables may be a user's business; counters follow. */
static void test_rows_and_columns(void **state)
{
	const catalog_fixture *f = *state;
	sr_file file = file_at(f, "/d/later");

	assert_ok(apply(f, 7,
			"ALTER TABLE files ADD COLUMN Tape INTEGER DEFAULT 4;"
			"UPDATE files SET FileSize = FileSize + 1000, FileCategory = 'other';"
			"INSERT INTO files (ID, FileName, PathName, ClientID, FileSize)"
			" SELECT randomblob(16), 'more ' || FileName, 'x', ClientID, 5 FROM files;"
			"INSERT OR IGNORE INTO file_categories (Name) VALUES ('tape')"));
	assert_int_equal(ask(f, "SELECT sum(Tape) FROM files"), 160);
	assert_int_equal(ask(f, "SELECT Bytes FROM client_usage"), 20000 + 190 + 100);
	assert_int_equal(save(f, &file), SR_ADDED);
	assert_healthy(f);
	assert_ok(sr_migrate_own(f->catalog, &tapes, NULL));
}

static void refuses(const catalog_fixture *f, const char *sql, const char *words)
{
	sr_status rc = apply(f, 9, sql);

	if (rc != SR_REFUSED)
		fail_msg("%s: %s %s", sql, sr_status_name(rc), sr_error_message());
	assert_int_equal(strncmp(sr_error_message(),
				 "Migration 9 contains potentially dangerous operations", 53),
			 0);
	assert_says(words);
}

static void test_dangerous(void **state)
{
	const catalog_fixture *f = *state;

	refuses(f, "CREATE TABLE x (a); DROP TABLE files", "drop table files");
	refuses(f, "DROP TABLE clients", "clients");
	refuses(f, "DELETE FROM files WHERE FileSize > 3", "files");
	refuses(f, "DELETE FROM clients", "clients");
	refuses(f, "DELETE FROM file_versions", "file_versions");
	refuses(f, "DROP INDEX idx_files_size", "idx_files_size");
	refuses(f, "DROP TRIGGER trg_files_search_insert", "trg_files_search_insert");
	refuses(f, "ALTER TABLE files DROP COLUMN CRC", "files");
	refuses(f, "ALTER TABLE files RENAME COLUMN CRC TO Sum", "files");
	refuses(f, "ALTER TABLE file_categories RENAME TO kinds", "file_categories");
	refuses(f, "ALTER TABLE client_activity RENAME COLUMN Timestamp TO At", "client_activity");
	refuses(f,
		"INSERT OR REPLACE INTO clients (ID, Name, LastSeen) SELECT randomblob(16),"
		" 'host', 'x'; UPDATE OR REPLACE files SET ID = x'01'",
		"rows of files");
	refuses(f, "CREATE TRIGGER mine AFTER INSERT ON files BEGIN SELECT 1; END", "mine");
	refuses(f,
		"CREATE TABLE m (a); CREATE TRIGGER mine AFTER INSERT ON m BEGIN DELETE FROM"
		" files; END; INSERT INTO m VALUES (1)",
		"delete from files");
	refuses(f, "PRAGMA foreign_keys = ON", "pragma");
	refuses(f, "PRAGMA writable_schema = 1", "pragma");
	refuses(f, "ATTACH ':memory:' AS other", "attach");
	refuses(f, "CREATE TABLE x (a); COMMIT", "transaction control");
	refuses(f, "CREATE VIRTUAL TABLE v USING fts5(a)", "virtual table");
	refuses(f, "INSERT INTO database_migrations VALUES (99, 'a', 'b', NULL, 'c')", "ledger");
	refuses(f, "DELETE FROM own_migrations", "own_migrations");
	refuses(f, "DROP TABLE database_migrations", "database_migrations");
	refuses(f, "UPDATE sqlite_master SET sql = ''", "schema table");
	assert_fails(apply(f, 9, "SELECT load_extension('x')"), SR_REFUSED, "load_extension");
	/* Nothing of it is there, and no backup of what is as it was. */
	assert_int_equal(ask(f, "SELECT count(*) FROM files"), 20);
	assert_int_equal(ask(f,
			     "SELECT count(*) FROM sqlite_master WHERE name IN ('x', 'm', 'mine',"
			     " 'own_migrations')"),
			 0);
	assert_int_equal(backups(), 0);
	assert_int_equal(listed(f), 0);
	assert_healthy(f);
}

/* What the operator allows is done, but for what never makes sense in a migration. */
static void test_not_blocked(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	f->options.block_dangerous = 0;
	catalog_open(f);
	assert_ok(apply(f, 9, "DELETE FROM files WHERE FileSize > 3"));
	assert_int_equal(ask(f, "SELECT count(*) FROM files"), 4);
	assert_int_equal(ask(f, "SELECT Files FROM client_usage"), 4);
	assert_fails(apply(f, 10, "COMMIT"), SR_REFUSED, "Migration 10");
	assert_fails(apply(f, 10, "DELETE FROM own_migrations"), SR_REFUSED, "own_migrations");
	assert_healthy(f);
}

static void test_what_fails_leaves_nothing(void **state)
{
	const catalog_fixture *f = *state;

	assert_fails(apply(f, 9, "CREATE TABLE x (a); INSERT INTO y VALUES (1)"), SR_SQL,
		     "no such table");
	assert_says("Migration 9");
	assert_fails(apply(f, 9, "CREATE TABLE x (a); INSERT INTO"), SR_SQL, "incomplete");
	/* A row that refers to nothing, */
	assert_fails(
		apply(f, 9, "CREATE TABLE x (a REFERENCES files(ID)); INSERT INTO x VALUES (5)"),
		SR_CONSTRAINT, "1 row of x breaks a foreign key");
	/* and a trigger that can no longer be compiled. */
	assert_fails(apply(f, 9, "CREATE TABLE x (a); DROP TABLE nothing_at_all"), SR_SQL, "");
	assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_master WHERE name IN ('x',"
				" 'own_migrations')"),
			 0);
	assert_int_equal(backups(), 0);
	assert_healthy(f);
	assert_ok(apply(f, 9, "CREATE TABLE x (a)"));
	assert_ok(sr_begin(f->catalog, NULL));
	assert_fails(apply(f, 10, "SELECT 1"), SR_INVALID, "inside a transaction");
	assert_fails(sr_migrate_own_down(f->catalog, 9, NULL), SR_INVALID, "inside a transaction");
	assert_ok(sr_rollback(f->catalog));
}

/* The way back is as safe. */
static void test_dangerous_down(void **state)
{
	const catalog_fixture *f = *state;
	sr_own_migration migration = tapes;

	migration.down_sql = "DROP TABLE tape_files; DELETE FROM files;";
	assert_ok(sr_migrate_own(f->catalog, &migration, NULL));
	assert_fails(sr_migrate_own_down(f->catalog, 6, NULL), SR_REFUSED,
		     "Migration 6 contains potentially dangerous operations");
	assert_int_equal(ask(f, "SELECT count(*) FROM tape_files"), 0);
	assert_int_equal(listed(f), 1);
	assert_int_equal(backups(), 1);
}

static void test_old_and_read_only(void **state)
{
	catalog_fixture *f = *state;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	f->options.read_only = true;
	catalog_open(f);
	assert_fails(sr_migrate_own(f->catalog, &tapes, NULL), SR_READ_ONLY, "");
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	unlink(f->path);
	old_database_make(f->path, &(old_options){.version = 3});
	f->options.read_only = f->options.migrate = false;
	catalog_open(f);
	assert_fails(sr_migrate_own(f->catalog, &tapes, NULL), SR_TOO_OLD, "migrate up");
	assert_fails(sr_migrate_own_down(f->catalog, 6, NULL), SR_TOO_OLD, "");
}

/* A table that happens to have the name. */
static void test_name_taken(void **state)
{
	const catalog_fixture *f = *state;

	foreign_sql(f, "CREATE TABLE own_migrations (mine)");
	assert_fails(sr_migrate_own(f->catalog, &tapes, NULL), SR_EXISTS, "own_migrations");
	foreign_sql(f, "DROP TABLE own_migrations; CREATE VIEW own_migrations AS SELECT 1");
	assert_fails(sr_migrate_own(f->catalog, &tapes, NULL), SR_EXISTS, "view own_migrations");
}

/* Down and up again, a backup, its restore and a rehearsal keep both tables and ledger. */
static void test_with_everything_else(void **state)
{
	catalog_fixture *f = *state;
	sr_migrate_options down;
	sr_backed_up backup;
	sr_restored restored;
	sr_rehearsal *report;
	sr_salvaged *salvaged;
	sr_repair *plan;
	char fresh[256];

	assert_ok(sr_migrate_own(f->catalog, &tapes, NULL));
	assert_ok(sr_repair_plan(f->catalog, NULL, &plan));
	assert_int_equal(plan->step_count, 0);
	sr_repair_free(plan);
	assert_ok(sr_migrate_rehearse(f->catalog, NULL, &report));
	assert_int_not_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
	sr_rehearsal_free(report);
	sr_migrate_options_init(&down);
	down.to = 5;
	down.accept_loss = true;
	assert_ok(sr_migrate(f->catalog, &down, NULL));
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_int_equal(listed(f), 1);
	assert_healthy(f);
	assert_ok(sr_backup(f->catalog, NULL, &backup));
	assert_ok(sr_migrate_own_down(f->catalog, 6, NULL));
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_ok(sr_restore(&f->options, backup.path, NULL, &restored));
	catalog_open(f);
	assert_int_equal(listed(f), 1);
	assert_int_equal(ask(f, "SELECT count(*) FROM tapes"), 2);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	snprintf(fresh, sizeof(fresh), "%s", scratch_path("fresh.db"));
	assert_ok(sr_salvage(f->path, fresh, NULL, &salvaged));
	sr_salvaged_free(salvaged);
	f->options.path = fresh;
	catalog_open(f);
	assert_int_equal(listed(f), 1);
	assert_healthy(f);
}

/* What old code has applied of them counts as applied, before the upgrade and after it. */
static void test_of_old_code(void **state)
{
	catalog_fixture *f = *state;
	sr_migration_status *status;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	unlink(f->path);
	old_database_make(f->path, &(old_options){.version = 5});
	assert_null(old_database_run(
		f->path, "CREATE TABLE tapes (a); INSERT INTO database_migrations (version,"
			 " description, applied_at, rollback_sql) VALUES (6, 'Tape library',"
			 " '2025-08-29T17:42:34.123456+00:00', 'DROP TABLE tapes')"));
	assert_ok(sr_migration_status_get(&f->options, &status));
	assert_int_equal(status->current_version, 5);
	assert_null(status->migrations[5].applied_at);
	assert_int_equal(status->own_count, 1);
	assert_string_equal(status->own[0].description, "Tape library");
	sr_migration_status_free(status);
	catalog_open(f);
	assert_int_equal(listed(f), 1);
	assert_fails(sr_migrate_own(f->catalog, &tapes, NULL), SR_EXISTS, "6");
	assert_no_drift(f);
	/* And what it applies afterwards. */
	foreign_sql(f, "INSERT INTO database_migrations (version, description, applied_at,"
		       " rollback_sql) VALUES (20, 'Later', 'then', 'SELECT 1')");
	assert_int_equal(listed(f), 2);
	(void)add_client(f, "goes on");
	assert_fails(apply(f, 20, "SELECT 1"), SR_EXISTS, "20");
	assert_no_drift(f);
	assert_ok(sr_migrate_own_down(f->catalog, 20, NULL));
	assert_ok(sr_migrate_own_down(f->catalog, 6, NULL));
	assert_int_equal(listed(f), 0);
}

static void expect_ledger(const catalog_fixture *f, const char *rows)
{
	char *dump = old_database_dump(f->path, "SELECT version, description, rollback_sql FROM"
						" database_migrations WHERE version > 5");
	char *expected = old_database_dump(f->path, rows);

	assert_string_equal(dump, expected);
	sqlite3_free(expected);
	sqlite3_free(dump);
}

/* Old code to which the database goes back finds them applied where it looks. */
static void test_back_to_old_code(void **state)
{
	const catalog_fixture *f = *state;
	sr_migrate_options down;
	sr_migration_status *status;

	assert_ok(sr_migrate_own(f->catalog, &tapes, NULL));
	assert_ok(apply(f, 3, "CREATE TABLE three (a)"));
	sr_migrate_options_init(&down);
	down.accept_loss = true;
	for (down.to = 5; down.to >= 3; down.to--) {
		assert_ok(sr_migrate(f->catalog, &down, NULL));
		expect_ledger(
			f, "SELECT 6, 'Tape library', 'DROP TABLE tape_files; DROP TABLE tapes;'");
		assert_ok(sr_migration_status_get(&f->options, &status));
		assert_int_equal(status->current_version, down.to);
		assert_null(status->migrations[5].applied_at);
		assert_int_equal(status->own_count, 2);
		sr_migration_status_free(status);
	}
	foreign_sql(f, "INSERT INTO database_migrations (version, description, applied_at,"
		       " rollback_sql) VALUES (7, 'By old code', 'then', 'SELECT 1')");
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_int_equal(listed(f), 3);
	assert_int_equal(ask(f, "SELECT count(*) FROM database_migrations"), sr_schema_latest());
	assert_int_equal(ask(f, "SELECT count(*) FROM database_migrations WHERE description IN"
				" ('Tape library', 'By old code')"),
			 0);
	assert_healthy(f);
}

enum { PROCESSES = 4 };

/* Of processes that apply the same one at once, one does. */
static void test_at_once(void **state)
{
	catalog_fixture *f = *state;
	int done = 0;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() != 0)
			continue;
		if (sr_open(&f->catalog, &f->options) != SR_OK)
			_exit(2);
		switch (sr_migrate_own(f->catalog, &tapes, NULL)) {
		case SR_OK:
			_exit(0);
		case SR_EXISTS:
			_exit(1);
		default:
			fprintf(stderr, "%s\n", sr_error_message());
			_exit(3);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
		done += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(done, 1);
	catalog_open(f);
	assert_int_equal(ask(f, "SELECT count(*) FROM tapes"), 2);
	assert_int_equal(backups(), 1);
	assert_healthy(f);
}

static bool always(void *arg)
{
	*(int *)arg += 1;
	return true;
}

/* Who waits for one that takes long may give up. */
static void test_cancelled(void **state)
{
	const catalog_fixture *f = *state;
	int asked = 0;

	sr_cancel_set(always, &asked);
	assert_fails(apply(f, 9,
			   "CREATE TABLE long AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
			   " i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n"),
		     SR_INTERRUPTED, "");
	sr_cancel_set(NULL, NULL);
	assert_true(asked > 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_master WHERE name = 'long'"), 0);
	assert_int_equal(listed(f), 0);
	assert_int_equal(backups(), 0);
	assert_ok(apply(f, 9, "CREATE TABLE long (a)"));
	assert_healthy(f);
}

/* Without backup and validation, as the settings say. */
static void test_settings(void **state)
{
	catalog_fixture *f = *state;
	sr_own_migrated done;

	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	f->options.backup = f->options.validate = 0;
	catalog_open(f);
	assert_ok(sr_migrate_own(f->catalog, &tapes, &done));
	assert_string_equal(done.backup, "");
	assert_int_equal(backups(), 0);
	refuses(f, "DELETE FROM files", "files");
	assert_healthy(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_up_and_down),      TEST(test_numbers),
		TEST(test_rows_and_columns), TEST(test_dangerous),
		TEST(test_not_blocked),      TEST(test_what_fails_leaves_nothing),
		TEST(test_dangerous_down),   TEST(test_old_and_read_only),
		TEST(test_name_taken),       TEST(test_with_everything_else),
		TEST(test_of_old_code),      TEST(test_back_to_old_code),
		TEST(test_at_once),          TEST(test_settings),
		TEST(test_cancelled),
	};

	return cmocka_run_group_tests_name("own_migrations", tests, NULL, NULL);
}
