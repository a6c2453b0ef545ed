/* Databases that other hands had a part in: odd ledgers, names of ours, clauses of users' own. */
#include "migrate_fixture.h"
#include "old_database.h"

static sr_status run_to(const char *path, int to)
{
	return migrate_run(
		path,
		&(sr_schema_options){
			.to = to, .validate = true, .block_dangerous = true, .accept_loss = true},
		NULL);
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

static int version_of(const char *path)
{
	sr_conn *conn = migrate_open(path);
	int version = -2;
	bool legacy;

	assert_int_equal(sr_schema_version(conn, &version, &legacy), SR_OK);
	sr_conn_close(conn);
	return version;
}

/* Up, down and up, with every row and no difference. */
static void walk(const char *path)
{
	char *before = old_database_rows(path, OLD_CORE, true);

	for (int i = 0; i < 3; i++) {
		char *after;

		assert_int_equal(run_to(path, i == 1 ? 0 : -1), SR_OK);
		assert_int_equal(migrate_drift(path), 0);
		after = old_database_rows(path, OLD_CORE, true);
		assert_string_equal(after, before);
		sqlite3_free(after);
	}
	sqlite3_free(before);
}

/* A ledger of 1, 2, 5 whose tables of 3 and 4 never were. */
static void test_gaps(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_runs(path, "DROP TABLE transfer_stats; DROP TABLE client_activity;"
			  "DROP TABLE file_categories; DROP TABLE client_quotas;"
			  "DELETE FROM database_migrations WHERE version IN (3, 4)");
	assert_int_equal(version_of(path), 2);
	walk(path);
}

/* Rows that somebody took out, while all that they stand for is there. */
static void test_short_ledger(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_runs(path, "DELETE FROM database_migrations WHERE version < 5");
	assert_int_equal(version_of(path), 5);
	walk(path);
}

static void test_versions_as_text(void **state)
{
	static const char *const types[] = {"", "TEXT", "VARCHAR(10) PRIMARY KEY"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *path = migrate_path();
		char sql[400];

		old_database_make(path, &(old_options){.version = 3});
		snprintf(sql, sizeof(sql),
			 "DROP TABLE database_migrations;"
			 "CREATE TABLE database_migrations (version %s, description, applied_at);"
			 "INSERT INTO database_migrations VALUES ('1', NULL, NULL),"
			 " ('2', NULL, NULL), ('3', NULL, NULL)",
			 types[i]);
		assert_runs(path, sql);
		assert_int_equal(version_of(path), 3);
		walk(path);
	}
}

/* Each version but 0 has its row, and nothing else has. */
static void assert_only_ours(const char *path)
{
	char *rows = old_database_dump(path, "SELECT count(*), max(version),"
					     " count(DISTINCT version), sum(checksum IS NULL AND"
					     " version > 5) FROM database_migrations");
	char sql[100], *expected;

	snprintf(sql, sizeof(sql), "SELECT %d, %d, %d, 0", sr_schema_latest(), sr_schema_latest(),
		 sr_schema_latest());
	expected = old_database_dump(path, sql);
	assert_string_equal(rows, expected);
	sqlite3_free(expected);
	sqlite3_free(rows);
}

/* Users' own migrations that the old code wrote down are not taken for this program's versions, and
 * not lost. */
static void test_strangers_version(void **state)
{
	static const int64_t versions[] = {6, 7, 8, 19, 20, 100, 20260131093000};

	(void)state;
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		const char *path = migrate_path();
		char sql[300], *rows;

		old_database_make(path, &(old_options){.version = i % 2 == 0 ? 5 : 3});
		snprintf(sql, sizeof(sql),
			 "CREATE TABLE tapes (a); INSERT INTO tapes VALUES (1);"
			 "INSERT INTO database_migrations (version, description, applied_at,"
			 " rollback_sql) VALUES (%lld, 'Tape library', 'then', 'DROP TABLE tapes')",
			 (long long)versions[i]);
		assert_runs(path, sql);
		assert_int_equal(version_of(path), i % 2 == 0 ? 5 : 3);
		walk(path);
		rows = old_database_dump(path, "SELECT * FROM own_migrations");
		snprintf(sql, sizeof(sql), "%lld", (long long)versions[i]);
		assert_non_null(strstr(rows, sql));
		assert_non_null(strstr(rows, "Tape library"));
		assert_non_null(strstr(rows, "DROP TABLE tapes"));
		sqlite3_free(rows);
		assert_only_ours(path);
	}
}

/* The old code may go on with its users' migrations where this program has been. */
static void test_strangers_later(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	assert_int_equal(run_to(path, -1), SR_OK);
	assert_runs(path, "INSERT INTO database_migrations (version, description, applied_at,"
			  " rollback_sql) VALUES (20, 'Tape library', 'then', NULL)");
	assert_int_equal(version_of(path), sr_schema_latest());
	walk(path);
	/* A newer program's row has a checksum, */
	assert_runs(path, "INSERT INTO database_migrations VALUES (21, 'x', 'then', NULL, 'beef')");
	assert_int_equal(run_to(path, -1), SR_TOO_NEW);
	/* or it has found all versions by their tables. */
	assert_runs(path, "DELETE FROM database_migrations WHERE version = 21;"
			  "UPDATE database_migrations SET checksum = NULL;"
			  "INSERT INTO database_migrations VALUES (20, 'x', 'then', NULL, NULL)");
	assert_int_equal(run_to(path, -1), SR_TOO_NEW);
}

/* What only has the name of ours is not taken for it. */
static void test_names_taken(void **state)
{
	static const struct {
		const char *sql;
		const char *said;
		sr_status status;
	} cases[] = {
		{"CREATE TABLE transfer_stats (day TEXT)", "table transfer_stats", SR_EXISTS},
		{"CREATE TABLE client_quotas (ClientID BLOB)", "without the column QuotaBytes",
		 SR_EXISTS},
		{"CREATE VIEW transfer_stats AS SELECT 1", "transfer_stats is a view", SR_CORRUPT},
		{"CREATE VIEW file_versions AS SELECT 1", "file_versions is a view", SR_CORRUPT},
		{"CREATE TABLE client_activity_archive (a)", "table client_activity_archive",
		 SR_EXISTS},
		{"CREATE TRIGGER trg_clients_archive_activity AFTER INSERT ON files BEGIN"
		 " SELECT 1; END",
		 "trigger trg_clients_archive_activity", SR_EXISTS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = migrate_path();

		old_database_make(path, &(old_options){.version = 2});
		assert_runs(path, cases[i].sql);
		assert_int_equal(run_to(path, -1), cases[i].status);
		assert_says(cases[i].said);
		assert_int_equal(version_of(path), 2);
	}
}

/* A rebuild keeps what a user demands of his own columns, word by word. */
static void test_users_clauses(void **state)
{
	static const char make[] =
		"CREATE TABLE old AS SELECT * FROM files; DROP TABLE files;"
		"CREATE TABLE files (ID BLOB(16), ClientID BLOB(16), FileName VARCHAR(255),"
		" PathName VARCHAR(255), Verified BOOLEAN, FileSize INTEGER, ModificationDate TEXT,"
		" CRC INTEGER, /* a tag, (ours) */ \"My, Tag\" TEXT UNIQUE COLLATE NOCASE"
		"  CHECK (\"My, Tag\" <> 'a,b)' ), -- the end\n"
		" N DECIMAL(10, 2) NOT NULL DEFAULT (1 + 2), Up TEXT AS (upper(FileName)) STORED,"
		" Parent BLOB REFERENCES clients(ID), CONSTRAINT positive CHECK (N > 0),"
		" UNIQUE (N, [My, Tag]) -- and so on\n"
		");"
		"INSERT INTO files (rowid, ID, ClientID, FileName, PathName, Verified, FileSize,"
		" ModificationDate, CRC, \"My, Tag\") SELECT rowid, ID, ClientID, FileName,"
		" PathName, Verified, FileSize, ModificationDate, CRC, 'tag' || rowid FROM old;"
		"DROP TABLE old";
	static const char *const refused[][2] = {
		{"UPDATE files SET \"My, Tag\" = 'A,B)' WHERE rowid = 1", "CHECK constraint"},
		{"UPDATE files SET \"My, Tag\" = 'TAG2' WHERE rowid = 1", "UNIQUE constraint"},
		{"UPDATE files SET N = 0", "positive"},
		{"UPDATE files SET N = NULL", "NOT NULL"},
		{"PRAGMA foreign_keys = ON; UPDATE files SET Parent = x'77'", "FOREIGN KEY"},
	};
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 0, .ledger = OLD_LEDGER_NONE});
	assert_runs(path, make);
	assert_int_equal(run_to(path, -1), SR_OK);
	assert_int_equal(migrate_drift(path), 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *wrong = old_database_run(path, refused[i][0]);

		if (wrong == NULL || strstr(wrong, refused[i][1]) == NULL)
			fail_msg("%s: %s", refused[i][0], wrong ? wrong : "done");
	}
	assert_query(path,
		     "SELECT count(*) > 3, sum(Up IS NOT upper(FileName)), max(N),"
		     " sum(\"My, Tag\" IS NOT 'tag' || rowid) FROM files",
		     "|1:1|1:0|1:3|1:0\n");
	walk(path);
}

static void remake_files(const char *path, const char *end)
{
	char sql[700];

	snprintf(sql, sizeof(sql),
		 "CREATE TABLE other (ID BLOB PRIMARY KEY, FileName TEXT NOT NULL,"
		 " PathName TEXT NOT NULL, Verified INT DEFAULT 0, FileSize INTEGER,"
		 " ModificationDate TEXT, CRC INTEGER, ClientID BLOB NOT NULL,"
		 " FOREIGN KEY (ClientID) REFERENCES clients(ID) ON DELETE CASCADE) %s;"
		 "INSERT INTO other SELECT * FROM files WHERE typeof(FileName) = 'text'"
		 " ORDER BY rowid; DROP TABLE files;"
		 "ALTER TABLE other RENAME TO files",
		 end);
	assert_runs(path, sql);
}

static void test_strict(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 0, .ledger = OLD_LEDGER_NONE});
	remake_files(path, "STRICT");
	walk(path);
}

static void test_without_rowid(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 0, .ledger = OLD_LEDGER_NONE});
	remake_files(path, "WITHOUT ROWID");
	assert_fails(run_to(path, -1), SR_CORRUPT, "WITHOUT ROWID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gaps),
		TEST(test_short_ledger),
		TEST(test_versions_as_text),
		TEST(test_strangers_version),
		TEST(test_strangers_later),
		TEST(test_names_taken),
		TEST(test_users_clauses),
		TEST(test_strict),
		TEST(test_without_rowid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
