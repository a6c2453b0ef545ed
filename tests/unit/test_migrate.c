/* The upgrade matrix: databases of every age go up, down to 0 and up again with every row. */

#include "migrate_fixture.h"
#include "old_database.h"
#include "schema/migrate.h"

static const old_options no_options;

static void assert_rows(const char *path, old_stage stage, bool ids, const char *expected)
{
	char *rows = old_database_rows(path, stage, ids);

	assert_string_equal(rows, expected);
	sqlite3_free(rows);
}

static void assert_query(const char *path, const char *sql, const char *expected)
{
	char *found = old_database_dump(path, sql);

	assert_string_equal(found ? found : "", expected);
	sqlite3_free(found);
}

/* What the old code goes on doing to a file that was upgraded, in its words. */
static void assert_old_code_works(const char *path)
{
	static const char *const statements[] = {
		"INSERT OR REPLACE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) VALUES"
		" (x'00000000000000000000000000000009', 'new', zeroblob(160), '2025-01-01', NULL)",
		"INSERT OR REPLACE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) VALUES"
		" (x'00000000000000000000000000000009', 'new', NULL, '2025-01-02', NULL)",
		"INSERT OR REPLACE INTO files (ID, FileName, PathName, Verified, FileSize,"
		" ModificationDate, CRC, ClientID) VALUES (randomblob(16), 'a', "
		"'received_files/a', 0,"
		" 5, '2025-01-01T00:00:00', 7, x'00000000000000000000000000000009')",
		"INSERT OR REPLACE INTO files (ID, FileName, PathName, Verified, FileSize,"
		" ModificationDate, ClientID) VALUES (randomblob(16), 'a', 'received_files/a', 0, "
		"5,"
		" '2025-01-01T00:00:00', x'00000000000000000000000000000009')",
		"INSERT OR IGNORE INTO clients (ID, Name, PublicKey, LastSeen, AESKey) VALUES"
		" (x'00000000000000000000000000000008', 'new', NULL, '2025-01-02', NULL)",
		"UPDATE clients SET Name = 'newer', PublicKey = NULL, LastSeen = '2025-01-03'"
		" WHERE ID = x'00000000000000000000000000000009'",
		"UPDATE files SET Verified = 1, CRC = 9 WHERE"
		" ClientID = x'00000000000000000000000000000009' AND FileName = 'a'",
		"DELETE FROM files WHERE ClientID = x'00000000000000000000000000000009'"
		" AND FileName = 'a'",
		"PRAGMA foreign_keys = ON; DELETE FROM clients WHERE"
		" ID = x'00000000000000000000000000000009'",
	};

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		const char *wrong = old_database_run(path, statements[i]);

		if (wrong)
			fail_msg("%s: %s", statements[i], wrong);
	}
}

/* Up, down to 0, up again; with `data`, values in all new columns and tables. */
static void walk(const old_options *options, bool data)
{
	const char *path = migrate_path();
	bool early = options->stage != OLD_CORE && options->stage != OLD_WITHOUT_KEY;
	char *before, *with_ids, *orphans;

	old_database_make(path, options);
	before = old_database_rows(path, options->stage, !early);
	migrate_to(path, -1, false);
	assert_int_equal(migrate_drift(path), 0);
	assert_rows(path, options->stage, !early, before);
	with_ids = old_database_rows(path, OLD_CORE, true);
	orphans = old_database_dump(path, "SELECT \"table\", parent, count(*) FROM"
					  " pragma_foreign_key_check GROUP BY 1, 2");
	if (data)
		assert_null(old_database_run(
			path,
			"UPDATE files SET OriginalPath = '/home/' || FileName, FileHash = 'h',"
			" FileCategory = 'image', TotalVersions = 2, CurrentVersionID = rowid,"
			" ModifiedNs = 5, IsStored = 0, MissingSince = 'x';"
			"INSERT INTO file_versions (FileID, VersionNumber, PathName, CreatedDate,"
			" CRC) SELECT ID, 1, PathName, 'now', 3 FROM files;"
			"INSERT INTO client_activity (ClientID, ActivityType, Timestamp)"
			" SELECT ID, 'backup', 'now' FROM clients;"
			"INSERT INTO transfer_stats (Date) VALUES ('2025-01-01')"));
	migrate_to(path, 0, true);
	assert_int_equal(migrate_drift(path), 0);
	assert_rows(path, OLD_CORE, true, with_ids);
	migrate_to(path, -1, false);
	assert_int_equal(migrate_drift(path), 0);
	assert_rows(path, OLD_CORE, true, with_ids);
	assert_query(path,
		     "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check"
		     " GROUP BY 1, 2",
		     orphans ? orphans : "");
	assert_query(path, "PRAGMA integrity_check", "|3:ok\n");
	assert_old_code_works(path);
	if (options->users) {
		assert_query(path, "SELECT words FROM notes WHERE id <= 2", "|3:keep\n|3:me\n");
		assert_query(path, "SELECT count(*) FROM files WHERE Remark IS NOT 'none'",
			     "|1:0\n");
		assert_query(path,
			     "SELECT count(*) FROM sqlite_master WHERE name IN ('idx_notes',"
			     " 'verified_files', 'note_new_files', 'no_update')",
			     "|1:4\n");
		assert_query(path, "SELECT count(*) > 0 FROM verified_files", "|1:1\n");
		assert_query(path, "SELECT count(*) FROM notes", "|1:4\n");
	}
	sqlite3_free(orphans);
	sqlite3_free(with_ids);
	sqlite3_free(before);
}

static void test_every_version(void **state)
{
	(void)state;
	for (int v = 0; v <= 5; v++)
		for (int ledger = OLD_LEDGER_FULL; ledger <= OLD_LEDGER_NONE; ledger++) {
			old_options options = {.version = v, .ledger = (old_ledger)ledger};

			walk(&options, ledger != OLD_LEDGER_SHORT);
		}
}

static void test_every_stage(void **state)
{
	(void)state;
	for (int stage = OLD_ID_IS_CLIENT; stage <= OLD_WITHOUT_KEY; stage++) {
		old_options options = {.stage = (old_stage)stage, .ledger = OLD_LEDGER_NONE};

		walk(&options, true);
		options.users = true;
		options.extra_indexes = true;
		walk(&options, false);
	}
	/* The old code applied its migrations to such a table too. */
	walk(&(old_options){.stage = OLD_WITH_OWN_ID, .version = 5}, true);
	walk(&(old_options){.stage = OLD_WITHOUT_KEY, .version = 2, .users = true}, true);
}

static void test_users_own(void **state)
{
	(void)state;
	for (int v = 0; v <= 5; v++)
		walk(&(old_options){.version = v, .users = true, .extra_indexes = true}, v % 2);
}

/* Before ClientID existed, the file's ID held the client's. */
static void test_ids_before_clients(void **state)
{
	const char *path = migrate_path();
	char *owners;

	(void)state;
	old_database_make(path, &(old_options){.stage = OLD_WITH_CRC, .ledger = OLD_LEDGER_NONE});
	owners = old_database_dump(path, "SELECT rowid, ID FROM files ORDER BY rowid");
	migrate_to(path, -1, false);
	assert_query(path, "SELECT rowid, ClientID FROM files ORDER BY rowid", owners);
	assert_query(path,
		     "SELECT count(DISTINCT ID) = count(*), min(length(ID)), sum(ID = ClientID)"
		     " FROM files",
		     "|1:1|1:16|1:0\n");
	sqlite3_free(owners);
}

static void test_quotas_never_block(void **state)
{
	const char *path = migrate_path();

	(void)state;
	old_database_make(path, &(old_options){.version = 4});
	assert_query(path, "SELECT sum(UsedBytes), max(QuotaBytes) FROM client_quotas",
		     "|1:0|1:1073741824\n");
	migrate_to(path, -1, false);
	assert_query(path,
		     "SELECT count(*) FROM client_quotas q WHERE UsedBytes IS NOT"
		     " (SELECT total(FileSize) FROM files f WHERE f.ClientID = q.ClientID)",
		     "|1:0\n");
	assert_query(path,
		     "SELECT count(*), sum(QuotaBytes = 2 * UsedBytes) FROM client_quotas"
		     " WHERE QuotaBytes <> 1073741824",
		     "|1:1|1:1\n");
	assert_query(path, "SELECT count(*) FROM client_quotas WHERE UsedBytes > QuotaBytes",
		     "|1:0\n");
	/* What the way up makes again is no loss. */
	migrate_to(path, 3, false);
}

/* The same schema as the old code's at version 5, as far as it can see. */
static void test_version_5_is_the_old_codes(void **state)
{
	static const char columns[] =
		"SELECT m.name, c.cid, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk"
		" FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
		" AND m.name <> 'database_migrations' ORDER BY 1, 2";
	static const char indexes[] =
		"SELECT m.name, m.tbl_name, i.seqno, i.name FROM sqlite_master m,"
		" pragma_index_info(m.name) i WHERE m.type = 'index' ORDER BY 1, 3";
	static const char keys[] =
		"SELECT m.name, k.* FROM sqlite_master m, pragma_foreign_key_list(m.name) k"
		" WHERE m.type = 'table' ORDER BY 1, 2, 3";
	static const char *const questions[] = {columns, indexes, keys};
	const char *path = migrate_path();
	char *old[3];

	(void)state;
	old_database_make(path, &(old_options){.version = 5});
	for (int i = 0; i < 3; i++)
		old[i] = old_database_dump(path, questions[i]);
	path = migrate_path();
	migrate_to(path, 5, false);
	for (int i = 0; i < 3; i++) {
		assert_query(path, questions[i], old[i]);
		sqlite3_free(old[i]);
	}
	assert_query(path, "SELECT Name, DefaultPath, Color FROM file_categories ORDER BY ID",
		     "|3:document|3:received_files/documents/|3:#007acc\n"
		     "|3:image|3:received_files/images/|3:#007acc\n"
		     "|3:backup|3:received_files/backups/|3:#007acc\n"
		     "|3:other|3:received_files/other/|3:#007acc\n");
	assert_query(
		path,
		"SELECT count(*), min(version), max(version), min(rollback_sql <> ''),"
		" min(length(checksum)), min(applied_at LIKE '____-__-__T__:__:__.______+00:00')"
		" FROM database_migrations",
		"|1:5|1:1|1:5|1:1|1:64|1:1\n");
}

/* Reading works at every version, and uses the indexes that there are. */
static void test_shape(void **state)
{
	(void)state;
	for (int stage = OLD_CORE; stage <= OLD_WITHOUT_KEY; stage++) {
		const char *path = migrate_path();
		sr_conn *conn;
		sr_shape shape;
		int64_t rows;
		char sql[4096];
		char *plan;
		bool stale;

		old_database_make(path, &(old_options){.stage = (old_stage)stage,
						       .ledger = OLD_LEDGER_NONE,
						       .extra_indexes = true});
		conn = migrate_open(path);
		assert_done(sr_shape_read(conn, &shape));
		assert_int_equal(shape.version, 0);
		assert_false(shape.latest || shape.has_versions);
		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM %s f JOIN %s c ON f.ClientID = c.ID"
			 " WHERE f.MissingSince IS NULL AND f.row_number > 0",
			 shape.files, shape.clients);
		assert_done(sr_query_integer(conn, sql, &rows));
		assert_int_equal(rows,
				 54 + (stage == OLD_CORE || stage == OLD_WITHOUT_KEY ? 5 : 0));
		assert_done(sr_shape_stale(conn, &shape, &stale));
		assert_false(stale);
		sr_conn_close(conn);
		if (stage == OLD_CORE || stage == OLD_ID_IS_CLIENT) {
			snprintf(sql, sizeof(sql),
				 "EXPLAIN QUERY PLAN SELECT row_number FROM %s f WHERE"
				 " ClientID = x'01' AND FileName = 'a'",
				 shape.files);
			plan = old_database_dump(path, sql);
			assert_non_null(strstr(plan, "SEARCH files USING"));
			assert_null(strstr(plan, "SCAN"));
			sqlite3_free(plan);
		}
		sr_shape_free(&shape);
	}
}

/* A step that changes rows alone is noticed as well. */
static void test_shape_goes_stale(void **state)
{
	const char *path = migrate_path();
	sr_conn *conn;
	sr_shape shape;
	bool stale;

	(void)state;
	migrate_to(path, 6, false);
	conn = migrate_open(path);
	assert_done(sr_shape_read(conn, &shape));
	assert_int_equal(shape.version, 6);
	migrate_to(path, 7, false);
	assert_done(sr_shape_stale(conn, &shape, &stale));
	assert_true(stale);
	sr_shape_free(&shape);
	sr_conn_close(conn);
}

static void hear_orphans(void *arg, sr_log_level level, const char *module, const char *message)
{
	(void)module;
	if (level == SR_LOG_WARNING && strstr(message, "rows of files break a foreign key"))
		*(bool *)arg = true;
}

/* Rows that break a foreign key are kept, and said. */
static void test_orphans_kept(void **state)
{
	const char *path = migrate_path();
	bool heard = false;
	char *orphans;

	(void)state;
	old_database_make(path, &no_options);
	orphans = old_database_dump(path, "SELECT rowid FROM files WHERE ClientID NOT IN"
					  " (SELECT ID FROM clients) ORDER BY rowid");
	assert_non_null(orphans);
	sr_log_set(hear_orphans, &heard);
	migrate_to(path, -1, false);
	sr_log_set(NULL, NULL);
	assert_true(heard);
	assert_query(path,
		     "SELECT rowid FROM files WHERE ClientID NOT IN"
		     " (SELECT ID FROM clients) ORDER BY rowid",
		     orphans);
	sqlite3_free(orphans);
}

/* The activity of a client outlives it, with foreign keys on or off. */
static void test_activity_archive(void **state)
{
	(void)state;
	for (int keys = 0; keys <= 1; keys++) {
		const char *path = migrate_path();
		char sql[512];

		migrate_to(path, -1, false);
		snprintf(
			sql, sizeof(sql),
			"PRAGMA foreign_keys = %d;"
			"INSERT INTO clients (ID, Name, LastSeen) VALUES (x'01', 'gone', 'now');"
			"INSERT INTO client_activity (ClientID, ActivityType, Timestamp, FileCount)"
			" VALUES (x'01', 'backup', 't', 3), (x'01', 'restore', 't', 4);"
			"DELETE FROM clients WHERE ID = x'01'",
			keys);
		assert_null(old_database_run(path, sql));
		assert_query(path,
			     "SELECT ClientID, ClientName, ActivityType, Timestamp, FileCount"
			     " FROM client_activity_archive ORDER BY ID",
			     "|x01|3:gone|3:backup|3:t|1:3\n|x01|3:gone|3:restore|3:t|1:4\n");
		assert_query(path, "SELECT count(*) FROM client_activity", "|1:0\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_version),
		TEST(test_every_stage),
		TEST(test_users_own),
		TEST(test_ids_before_clients),
		TEST(test_quotas_never_block),
		TEST(test_version_5_is_the_old_codes),
		TEST(test_shape),
		TEST(test_shape_goes_stale),
		TEST(test_orphans_kept),
		TEST(test_activity_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
