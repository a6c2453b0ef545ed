/* Repairs: whatever health finds and a repair can mend is made by hand, mended, and gone; nothing
 * is lost, nothing else is touched. */
#include "catalog_fixture.h"
#include "schema/migrate.h"

#include <sqlite3.h>

/* ---- Making trouble ---- */

static int with_files(void **state)
{
	catalog_fixture *f;

	catalog_setup_client(state);
	f = *state;
	assert_int_equal(mkdir(scratch_path("received_files"), 0700), 0);
	for (int i = 0; i < 6; i++) {
		sr_file file;
		char path[64];

		snprintf(path, sizeof(path), "/home/file %d", i);
		file = file_at(f, path);
		file.size = 100 + i;
		file.stored = false;
		assert_int_equal(save(f, &file), SR_ADDED);
		for (int n = 1; n < i; n++) {
			file.size = 1000 * n + i;
			assert_int_equal(save(f, &file), SR_CHANGED);
		}
	}
	return 0;
}

/* Fires no trigger, and enforces no key. */
static void bare_sql(const catalog_fixture *f, const char *sql)
{
	sqlite3 *db = NULL;
	char *words = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
	sqlite3_close(db);
}

/* ---- Looking ---- */

static void expect_healthy(const catalog_fixture *f)
{
	sr_health_options how;
	sr_health *health;

	sr_health_options_init(&how);
	how.full = true;
	assert_ok(sr_health_check(f->catalog, &how, &health));
	for (size_t i = 0; i < health->issue_count; i++)
		print_message("%s\n", health->issues[i]);
	assert_int_equal(health->issue_count, 0);
	sr_health_free(health);
}

static int64_t errors(const catalog_fixture *f)
{
	sr_health_options how;
	sr_health *health;
	int64_t count;

	sr_health_options_init(&how);
	how.full = true;
	assert_ok(sr_health_check(f->catalog, &how, &health));
	count = health->errors;
	sr_health_free(health);
	return count;
}

static sr_repair *plan(const catalog_fixture *f)
{
	sr_repair *repair = NULL;

	assert_ok(sr_repair_plan(f->catalog, NULL, &repair));
	assert_non_null(repair);
	return repair;
}

static void apply(const catalog_fixture *f, sr_repair *repair)
{
	sr_repair_options how;

	sr_repair_options_init(&how);
	how.backup = false;
	assert_ok(sr_repair_apply(f->catalog, repair, &how));
}

/* Health finds something, one step of that code mends `count`, and health finds nothing. */
static void expect_mended(const catalog_fixture *f, const char *code, int64_t count)
{
	sr_repair *repair;

	assert_true(errors(f) > 0);
	repair = plan(f);
	assert_int_equal(repair->step_count, 1);
	assert_string_equal(repair->steps[0].code, code);
	assert_int_equal(repair->steps[0].count, count);
	assert_int_equal(repair->steps[0].done, 0);
	apply(f, repair);
	if (repair->steps[0].failure)
		fail_msg("%s", repair->steps[0].failure);
	assert_int_equal(repair->steps[0].done, count);
	sr_repair_free(repair);
	expect_healthy(f);
}

/* ---- Each kind ---- */

static void test_nothing(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair = plan(f);

	assert_int_equal(repair->step_count, 0);
	assert_null(repair->damage);
	apply(f, repair);
	assert_null(repair->backup);
	sr_repair_free(repair);
	sr_repair_free(NULL);
	assert_int_equal(integer(f, "SELECT count(*) FROM catalog_activity"), 0);
}

static void test_missing_objects(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;

	foreign_sql(f, "DROP INDEX idx_files_size; DROP TRIGGER trg_files_count_delete;"
		       "DROP INDEX idx_files_verified;"
		       "CREATE INDEX idx_files_verified ON files (FileSize, Verified);"
		       "DELETE FROM files WHERE OriginalPath = '/home/file 0'");
	/* And one that counts anew what the trigger did not. */
	repair = plan(f);
	assert_int_equal(repair->step_count, 5);
	apply(f, repair);
	for (size_t i = 0; i < repair->step_count; i++) {
		assert_null(repair->steps[i].failure);
		assert_int_equal(repair->steps[i].done, 1);
	}
	sr_repair_free(repair);
	expect_healthy(f);
}

static void test_broken_index(void **state)
{
	catalog_fixture *f = *state;

	foreign_sql(f,
		    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = sql || ' WHERE 0'"
		    " WHERE name = 'idx_files_size'");
	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID, IsStored)"
		       " SELECT randomblob(16), 'hidden', 'p', 7, ID, 0 FROM clients");
	foreign_sql(f, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET"
		       " sql = replace(sql, ' WHERE 0', '') WHERE name = 'idx_files_size'");
	expect_mended(f, "index_broken", 1);
}

static void test_usage(void **state)
{
	catalog_fixture *f = *state;

	add_client(f, "empty");
	foreign_sql(f, "UPDATE client_usage SET Files = Files + 7, Bytes = 3;"
		       "INSERT INTO client_usage SELECT ID, 1, 1 FROM clients WHERE Name = 'empty';"
		       "INSERT INTO client_usage VALUES (x'0102', 5, 5), ('text', 1, 1)");
	expect_mended(f, "usage_wrong", 4);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage WHERE ClientID IN (x'0102', "
				    "'text')"),
			 0);
	foreign_sql(f, "DELETE FROM client_usage");
	expect_mended(f, "usage_wrong", 1);
}

/* One step for all of them. */
static void test_totals(void **state)
{
	catalog_fixture *f = *state;
	static const char *const damages[] = {
		"UPDATE file_totals SET Files = Files + 1, Bytes = Bytes - 1",
		"UPDATE file_totals SET Category = 'other'",
		"INSERT INTO file_days VALUES ('2020-02-02', 1, 5, 0, 0)",
		"UPDATE file_days SET RecordedBytes = 0",
		"DELETE FROM client_recorded",
		"UPDATE OR REPLACE client_recorded SET RecordedAt = '2020-02-02T00:00:00Z'",
		"DELETE FROM file_totals; DELETE FROM file_days",
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		foreign_sql(f, damages[i]);
		expect_mended(f, "totals_wrong", 1);
	}
	/* No files are the same as none counted. */
	foreign_sql(f, "INSERT INTO file_totals VALUES ('x', 1, 1, 0, 0)");
	expect_healthy(f);
}

/* A catalog that refuses writes over a quota can be mended all the same. */
static void test_usage_over_quota(void **state)
{
	catalog_fixture *f = *state;

	foreign_sql(f, "INSERT INTO client_quotas (ClientID, QuotaBytes, LastUpdated)"
		       " SELECT ID, 10, 'now' FROM clients;"
		       "UPDATE client_usage SET Bytes = 0;"
		       "INSERT INTO catalog_settings VALUES ('refuse_over_quota', 1)");
	expect_mended(f, "usage_wrong", 1);
	assert_int_equal(integer(f, "SELECT UsedBytes FROM client_quotas"),
			 integer(f, "SELECT sum(FileSize) FROM files"));
}

static void test_quotas(void **state)
{
	catalog_fixture *f = *state;

	foreign_sql(f, "INSERT INTO client_quotas (ClientID, QuotaBytes, LastUpdated)"
		       " SELECT ID, 1000, 'now' FROM clients");
	bare_sql(f, "UPDATE client_quotas SET UsedBytes = 7");
	expect_mended(f, "quota_wrong", 1);
	bare_sql(f, "UPDATE client_quotas SET UsedBytes = NULL");
	expect_mended(f, "quota_wrong", 1);
}

static void test_version_links(void **state)
{
	static const char *const spoil[] = {
		"UPDATE files SET CurrentVersionID = 999 WHERE TotalVersions > 1",
		"UPDATE files SET CurrentVersionID = 1 WHERE TotalVersions > 1"
		" AND CurrentVersionID > 2",
		"UPDATE files SET TotalVersions = 9 WHERE TotalVersions > 1",
		"UPDATE files SET CurrentVersionID = NULL",
		"UPDATE file_versions SET IsActive = 0",
		"UPDATE file_versions SET IsActive = 1",
		"UPDATE file_versions SET IsActive = NOT IsActive",
	};
	catalog_fixture *f = *state;
	int64_t files = integer(f, "SELECT count(DISTINCT FileID) FROM file_versions");

	for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		foreign_sql(f, "CREATE TABLE was AS SELECT ID, CurrentVersionID AS c FROM files");
		foreign_sql(f, spoil[i]);
		expect_mended(f, "version_links", i == 1 ? files - 1 : files);
		/* All of it is as it was. */
		assert_int_equal(integer(f, "SELECT count(*) FROM was JOIN files USING (ID)"
					    " WHERE was.c IS NOT files.CurrentVersionID"),
				 0);
		foreign_sql(f, "DROP TABLE was");
	}
	foreign_sql(f, "UPDATE files SET TotalVersions = 3, CurrentVersionID = 5000"
		       " WHERE OriginalPath = '/home/file 0'");
	expect_mended(f, "version_links", 1);
	assert_int_equal(integer(f, "SELECT TotalVersions FROM files WHERE OriginalPath ="
				    " '/home/file 0' AND CurrentVersionID IS NULL"),
			 1);
}

/* What another program wrote becomes a version, and the old state stays in the history. */
static void test_version_differs(void **state)
{
	catalog_fixture *f = *state;
	int64_t versions = integer(f, "SELECT count(*) FROM file_versions");
	int64_t files = integer(f, "SELECT count(DISTINCT FileID) FROM file_versions");

	foreign_sql(f, "UPDATE files SET FileSize = 77 WHERE TotalVersions > 1");
	expect_mended(f, "version_differs", files);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), versions + files);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions WHERE FileSize = 77"),
			 files);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions v JOIN file_versions p ON"
				    " p.ID = v.ParentVersionID WHERE v.FileSize = 77 AND"
				    " p.VersionNumber = v.VersionNumber - 1"),
			 files);
	/* Another date alone is no new version. */
	foreign_sql(f, "UPDATE files SET ModificationDate = '2001-01-01' WHERE TotalVersions > 1");
	expect_mended(f, "version_differs", files);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), versions + files);
}

static void test_parents(void **state)
{
	catalog_fixture *f = *state;

	foreign_sql(f, "UPDATE file_versions SET ParentVersionID = 1"
		       " WHERE ID = (SELECT max(ID) FROM file_versions)");
	expect_mended(f, "version_parent", 1);
	foreign_sql(f, "UPDATE file_versions SET ParentVersionID = 7777"
		       " WHERE ID = (SELECT max(ID) FROM file_versions)");
	expect_mended(f, "orphans", 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM orphaned_rows"), 0);
}

/* ---- Orphans ---- */

/* All rows of the core tables as one text, for comparing. */
static char *dump(const catalog_fixture *f, const char *table)
{
	char sql[256];
	sr_table *rows;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1, 2", table);
	assert_ok(sr_fetch(f->catalog, sql, NULL, 0, 0, &rows));
	for (size_t i = 0; i < rows->rows * rows->columns; i++) {
		const sr_value *value = &rows->values[i];

		fprintf(out, "%d:%lld:%g:", (int)value->type, (long long)value->integer,
			value->real);
		for (size_t k = 0; k < value->text.length; k++)
			fprintf(out, "%02x", (unsigned char)value->text.data[k]);
		fputc('\n', out);
	}
	sr_table_free(rows);
	fclose(out);
	return text;
}

static void put_back(const catalog_fixture *f)
{
	sr_table *rows;

	assert_ok(sr_fetch(f->catalog, "SELECT Content FROM orphaned_rows ORDER BY ID", NULL, 0, 0,
			   &rows));
	for (size_t i = 0; i < rows->rows; i++)
		assert_ok(sr_execute(f->catalog, rows->values[i].text.data, NULL, 0, NULL));
	sr_table_free(rows);
}

/* A client that went without its files, as with foreign keys off, and comes back. */
static void test_orphans_move_aside(void **state)
{
	static const char *const tables[] = {"files", "file_versions", "client_activity"};
	catalog_fixture *f = *state;
	char *before[3];
	sr_repair *repair;

	foreign_sql(f, "UPDATE files SET FileName = CAST(x'6100622763' AS TEXT), Inode = 5.25"
		       " WHERE OriginalPath = '/home/file 3';"
		       "UPDATE files SET FileName = x'ff00fe' WHERE OriginalPath = '/home/file 4';"
		       "INSERT INTO client_activity (ClientID, ActivityType, Timestamp)"
		       " SELECT ID, 'it''s', 'now' FROM clients");
	for (int i = 0; i < 3; i++)
		before[i] = dump(f, tables[i]);
	assert_true(strlen(before[2]) > 0);
	bare_sql(f, "DELETE FROM clients");
	repair = plan(f);
	assert_int_equal(repair->step_count, 2);
	assert_string_equal(repair->steps[0].code, "orphans");
	assert_string_equal(repair->steps[0].subject, "files");
	assert_int_equal(repair->steps[0].count, 6);
	assert_string_equal(repair->steps[1].subject, "client_activity");
	apply(f, repair);
	assert_int_equal(repair->steps[0].done, 6);
	sr_repair_free(repair);
	expect_healthy(f);
	for (int i = 0; i < 3; i++) {
		char *now = dump(f, tables[i]);

		assert_string_equal(now, "");
		free(now);
	}
	assert_int_equal(integer(f, "SELECT Files + Bytes FROM client_usage"), 0);
	foreign_sql(f, "INSERT INTO clients (ID, Name, LastSeen) SELECT DISTINCT ClientID, 'host',"
		       " 'now' FROM client_usage");
	put_back(f);
	for (int i = 0; i < 3; i++) {
		char *now = dump(f, tables[i]);

		assert_string_equal(now, before[i]);
		free(now);
		free(before[i]);
	}
	expect_healthy(f);
}

static void test_orphaned_versions(void **state)
{
	catalog_fixture *f = *state;
	int64_t versions = integer(f, "SELECT count(*) FROM file_versions");

	bare_sql(f, "DELETE FROM files; DELETE FROM client_usage; DELETE FROM file_totals;"
		    "DELETE FROM file_days; DELETE FROM client_recorded");
	expect_mended(f, "orphans", versions);
	assert_int_equal(integer(f, "SELECT count(*) FROM orphaned_rows WHERE TableName ="
				    " 'file_versions' AND Reason <> '' AND MovedAt LIKE '20%Z'"),
			 versions);
}

/* ---- How it is done ---- */

static void test_backup_first(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;
	sqlite3_stmt *stmt;
	sqlite3 *db;

	foreign_sql(f, "UPDATE client_usage SET Files = 99");
	repair = plan(f);
	assert_ok(sr_repair_apply(f->catalog, repair, NULL));
	assert_non_null(repair->backup);
	assert_int_equal(sqlite3_open_v2(repair->backup, &db, SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT Files FROM client_usage", -1, &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(stmt, 0), 99);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	assert_fails(sr_repair_apply(f->catalog, repair, NULL), SR_INVALID, "applied before");
	sr_repair_free(repair);
	expect_healthy(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM catalog_activity WHERE ActivityType ="
				    " 'repair' AND Detail = 'usage_wrong: 1'"),
			 1);
}

/* What came after the plan stays; what is no longer so is left out. */
static void test_only_what_was_shown(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;

	foreign_sql(f, "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) VALUES"
		       " (x'71', 'one', 'now'), (x'72', 'two', 'now')");
	repair = plan(f);
	assert_int_equal(repair->step_count, 1);
	assert_int_equal(repair->steps[0].count, 2);
	foreign_sql(f, "INSERT INTO clients (ID, Name, LastSeen) VALUES (x'72', 'late', 'now');"
		       "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) VALUES"
		       " (x'73', 'three', 'now'); UPDATE client_usage SET Files = 50");
	apply(f, repair);
	assert_int_equal(repair->steps[0].done, 1);
	sr_repair_free(repair);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType IN"
				    " ('two', 'three')"),
			 2);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'one'"),
			 0);
	assert_int_equal(integer(f, "SELECT Files FROM client_usage WHERE Files > 0"), 50);
	/* The rest is for the next one. */
	repair = plan(f);
	assert_int_equal(repair->step_count, 2);
	apply(f, repair);
	sr_repair_free(repair);
	expect_healthy(f);
}

/* ---- One is enough ---- */

/* Whatever was wrong, what is applied leaves nothing for a second one. */
static void expect_one_enough(const catalog_fixture *f)
{
	sr_repair *repair = plan(f);

	assert_true(repair->step_count > 0);
	apply(f, repair);
	for (size_t i = 0; i < repair->step_count; i++) {
		const sr_repair_step *step = &repair->steps[i];

		if (step->failure || step->done != step->count)
			fail_msg("%s: %lld of %lld, %s", step->what, (long long)step->done,
				 (long long)step->count, step->failure ? step->failure : "");
	}
	sr_repair_free(repair);
	repair = plan(f);
	for (size_t i = 0; i < repair->step_count; i++)
		print_message("left: %s\n", repair->steps[i].what);
	assert_int_equal(repair->step_count, 0);
	sr_repair_free(repair);
	expect_healthy(f);
}

/* The link that is put right leads to a version that the file is no longer like. */
static void test_one_after_another(void **state)
{
	catalog_fixture *f = *state;
	int64_t versions = integer(f, "SELECT count(*) FROM file_versions");
	sr_repair *repair;

	foreign_sql(f, "UPDATE files SET CurrentVersionID = 77777, FileSize = 5 WHERE RowKey = 4");
	repair = plan(f);
	assert_int_equal(repair->step_count, 1);
	assert_string_equal(repair->steps[0].code, "version_links");
	apply(f, repair);
	assert_int_equal(repair->step_count, 2);
	assert_string_equal(repair->steps[1].code, "version_differs");
	assert_int_equal(repair->steps[1].count, 1);
	assert_int_equal(repair->steps[1].done, 1);
	sr_repair_free(repair);
	expect_healthy(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_versions"), versions + 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM catalog_activity WHERE Detail ="
				    " 'version_links: 1, version_differs: 1'"),
			 1);
}

/* What was there before, and nobody was shown, is not mended in a later round either. */
static void test_rounds_keep_to_what_follows(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;

	foreign_sql(f, "UPDATE files SET CurrentVersionID = 77777, FileSize = 5 WHERE RowKey = 4");
	repair = plan(f);
	foreign_sql(f, "UPDATE files SET FileSize = 6 WHERE RowKey = 5;"
		       "UPDATE client_usage SET Files = 50");
	apply(f, repair);
	assert_int_equal(repair->step_count, 2);
	assert_int_equal(repair->steps[1].count, 1);
	sr_repair_free(repair);
	assert_int_equal(integer(f, "SELECT Files FROM client_usage WHERE Files > 0"), 50);
	expect_one_enough(f);
}

/* ---- Tables ---- */

/* Each of ours but the core, and all at once: made, filled with what it comes with, counted. */
static void test_missing_tables(void **state)
{
	const sr_schema_object *schema = sr_migration_sources[sr_migration_count - 1].schema;
	catalog_fixture *f = *state;
	int64_t categories = integer(f, "SELECT count(*) FROM file_categories");
	int64_t rules = integer(f, "SELECT count(*) FROM category_rules");
	char all[4096] = "PRAGMA foreign_keys = OFF";

	for (const sr_schema_object *o = schema; o->type; o++) {
		char sql[200];

		if (strcmp(o->type, "table") != 0 || strcmp(o->name, "clients") == 0 ||
		    strcmp(o->name, "files") == 0)
			continue;
		print_message("%s\n", o->name);
		snprintf(sql, sizeof(sql), "DROP TABLE %s", o->name);
		bare_sql(f, sql);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "; %s", sql);
		assert_true(errors(f) > 0);
		expect_one_enough(f);
	}
	bare_sql(f, all);
	expect_one_enough(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM file_categories"), categories);
	assert_int_equal(integer(f, "SELECT count(*) FROM category_rules"), rules);
	assert_int_equal(integer(f, "SELECT Files FROM client_usage WHERE Files > 0"), 6);
	/* And it works on. */
	foreign_sql(f, "DELETE FROM files WHERE RowKey = 4");
	expect_healthy(f);
}

/* Empty ones in their place would only hide what was lost. */
static void test_core_is_not_made(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;
	bool said = false;

	bare_sql(f, "ALTER TABLE clients RENAME TO elsewhere");
	assert_ok(sr_health_check(f->catalog, NULL, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		said = said || (strcmp(health->findings[i].code, "schema_lacks") == 0 &&
				strcmp(health->findings[i].subject, "clients") == 0 &&
				strstr(health->findings[i].cure, "restore a backup"));
	sr_health_free(health);
	assert_true(said);
}

/* ---- Steps that fail ---- */

/* One step that cannot be done leaves the others. */
static void test_a_step_fails_alone(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;
	size_t failed = 0;

	foreign_sql(f, "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) VALUES"
		       " (x'71', 'one', 'now')");
	foreign_sql(f, "UPDATE client_usage SET Files = 99");
	repair = plan(f);
	assert_int_equal(repair->step_count, 2);
	foreign_sql(f,
		    "CREATE TABLE spare AS SELECT * FROM orphaned_rows; DROP TABLE orphaned_rows");
	apply(f, repair);
	for (size_t i = 0; i < 2; i++) {
		const sr_repair_step *step = &repair->steps[i];

		if (step->failure == NULL)
			continue;
		failed++;
		assert_string_equal(step->code, "orphans");
		assert_non_null(strstr(step->failure, "orphaned_rows"));
		assert_int_equal(step->done, 0);
	}
	assert_int_equal(failed, 1);
	sr_repair_free(repair);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'one'"),
			 1);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage WHERE Files = 99"), 0);
}

/* More rows than one piece has: all of them move, each once, and the catalog is healthy then. */
static void test_many_rows(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;

	foreign_sql(f,
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)"
		    " INSERT INTO files (ID, FileName, PathName, FileSize, ClientID)"
		    " SELECT randomblob(16), 'n' || i, 'p', i, x'77' FROM n");
	repair = plan(f);
	apply(f, repair);
	for (size_t i = 0; i < repair->step_count; i++) {
		assert_null(repair->steps[i].failure);
		if (strcmp(repair->steps[i].code, "orphans") == 0)
			assert_int_equal(repair->steps[i].done, 700);
	}
	sr_repair_free(repair);
	assert_int_equal(integer(f, "SELECT count(*) FROM orphaned_rows"), 700);
	assert_int_equal(integer(f, "SELECT count(DISTINCT Content) FROM orphaned_rows"), 700);
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE ClientID = x'77'"), 0);
	repair = plan(f);
	assert_int_equal(repair->step_count, 0);
	sr_repair_free(repair);
}

static bool cancel(void *arg, int64_t done, int64_t total)
{
	assert_true(done <= total);
	++*(int *)arg;
	return true;
}

static void test_refusals(void **state)
{
	catalog_fixture *f = *state;
	sr_repair_options how;
	sr_repair *repair;
	int calls = 0;

	sr_repair_options_init(&how);
	how.version = 9;
	assert_fails(sr_repair_plan(f->catalog, &how, &repair), SR_INVALID, "version 9");
	foreign_sql(f, "UPDATE client_usage SET Files = 99");
	repair = plan(f);
	assert_fails(sr_repair_apply(f->catalog, repair, &how), SR_INVALID, "version 9");
	assert_ok(sr_begin(f->catalog, "test"));
	assert_fails(sr_repair_apply(f->catalog, repair, NULL), SR_INVALID, "transaction");
	assert_ok(sr_rollback(f->catalog));
	assert_int_equal(integer(f, "SELECT Files FROM client_usage"), 99);
	sr_repair_free(repair);
	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <"
		       " 20000) INSERT INTO metrics_history (timestamp, metric_name, value)"
		       " SELECT 'now', 'm', i FROM n");
	sr_repair_options_init(&how);
	how.progress = cancel;
	how.progress_arg = &calls;
	assert_fails(sr_repair_plan(f->catalog, &how, &repair), SR_INTERRUPTED, "interrupted");
	assert_null(repair);
	assert_true(calls > 0);
}

/* Cancelled in the middle of it, nothing was done. */
static void test_cancelled(void **state)
{
	catalog_fixture *f = *state;
	sr_repair_options how;
	sr_repair *repair;
	int calls = 0;

	foreign_sql(f,
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
		    " INSERT INTO client_activity (ClientID, ActivityType, Timestamp)"
		    " SELECT x'71', 'one', 'now' FROM n");
	repair = plan(f);
	assert_int_equal(repair->steps[0].count, 3000);
	sr_repair_options_init(&how);
	how.backup = false;
	how.progress = cancel;
	how.progress_arg = &calls;
	assert_fails(sr_repair_apply(f->catalog, repair, &how), SR_INTERRUPTED, "interrupted");
	assert_int_equal(calls, 1);
	assert_int_equal(repair->steps[0].done, 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_activity WHERE ActivityType ="
				    " 'one'"),
			 3000);
	/* The same plan can be tried again. */
	how.progress = NULL;
	assert_ok(sr_repair_apply(f->catalog, repair, &how));
	assert_int_equal(repair->steps[0].done, 3000);
	sr_repair_free(repair);
	expect_healthy(f);
}

/* A trigger of somebody else's: nothing is written until that is settled. */
static void test_foreign_trigger(void **state)
{
	catalog_fixture *f = *state;
	sr_repair *repair;

	foreign_sql(f, "UPDATE client_usage SET Files = 99;"
		       "CREATE TRIGGER spy AFTER INSERT ON files BEGIN SELECT 1; END");
	repair = plan(f);
	assert_int_equal(repair->step_count, 1);
	assert_fails(sr_repair_apply(f->catalog, repair, NULL), SR_READ_ONLY, "spy");
	assert_int_equal(repair->steps[0].done, 0);
	sr_repair_free(repair);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_files, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_missing_objects),
		TEST(test_broken_index),
		TEST(test_usage),
		TEST(test_totals),
		TEST(test_usage_over_quota),
		TEST(test_quotas),
		TEST(test_version_links),
		TEST(test_version_differs),
		TEST(test_parents),
		TEST(test_orphans_move_aside),
		TEST(test_orphaned_versions),
		TEST(test_backup_first),
		TEST(test_only_what_was_shown),
		TEST(test_one_after_another),
		TEST(test_rounds_keep_to_what_follows),
		TEST(test_missing_tables),
		TEST(test_core_is_not_made),
		TEST(test_a_step_fails_alone),
		TEST(test_many_rows),
		TEST(test_refusals),
		TEST(test_cancelled),
		TEST(test_foreign_trigger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
