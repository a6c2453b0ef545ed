/*
 * Plain SQLite sessions that write to a catalog as they like: replacing, ignoring, cascading or
 * not, rolling back. The counters stay exact whatever they do, health says exactly what is wrong
 * with the rest, and a repair makes it healthy without losing a row.
 */
#include "catalog_fixture.h"

#include <sqlite3.h>

#define STATEMENTS 12000
#define LOOK_EVERY 1500
#define IDS        40 /* Of files and of clients' each; few, so that they meet again. */

static uint64_t state_of_chance;

/* 0 to below limit. */
static unsigned chance(unsigned limit)
{
	state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state_of_chance >> 33) % limit;
}

static const char *pick(const char *const *list, unsigned count)
{
	return list[chance(count)];
}

/* ---- Statements ---- */

static const char *conflict(void)
{
	static const char *const all[] = {"",           "",         "OR REPLACE ", "OR REPLACE ",
					  "OR IGNORE ", "OR FAIL ", "OR ABORT ",   "OR ROLLBACK "};

	return pick(all, 8);
}

static const char *size(char text[32])
{
	static const char *const odd[] = {
		"NULL",  "-5",  "'many'", "1.5", "9223372036854775807", "-9223372036854775807",
		"x'00'", "'12'"};

	if (chance(4) == 0)
		return pick(odd, 8);
	snprintf(text, 32, "%u", chance(100000));
	return text;
}

static void write_client(char *sql, size_t room)
{
	unsigned id = chance(8);

	switch (chance(5)) {
	case 0:
		snprintf(sql, room, "DELETE FROM clients WHERE ID = x'%02x'", id);
		break;
	case 1:
		snprintf(sql, room, "UPDATE %sclients SET Name = 'name %u' WHERE ID = x'%02x'",
			 conflict(), chance(8), id);
		break;
	default:
		snprintf(sql, room,
			 "INSERT %sINTO clients (ID, Name, LastSeen) VALUES (x'%02x', 'name %u', "
			 "'now')",
			 conflict(), id, chance(8));
	}
}

static void write_file_row(char *sql, size_t room)
{
	char number[32];
	unsigned id = chance(IDS);

	switch (chance(9)) {
	case 0:
		snprintf(sql, room, "DELETE FROM files WHERE ID = x'f0%02x'", id);
		break;
	case 1:
		snprintf(sql, room, "DELETE FROM files WHERE ClientID = x'%02x' AND FileSize > %u",
			 chance(8), chance(100000));
		break;
	case 2:
		snprintf(sql, room, "UPDATE %sfiles SET FileSize = %s WHERE ID = x'f0%02x'",
			 conflict(), size(number), id);
		break;
	case 3:
		snprintf(sql, room, "UPDATE %sfiles SET ClientID = x'%02x' WHERE ID = x'f0%02x'",
			 conflict(), chance(8), id);
		break;
	case 4:
		snprintf(sql, room, "UPDATE %sfiles SET ID = x'f0%02x' WHERE ID = x'f0%02x'",
			 conflict(), chance(IDS), id);
		break;
	case 5:
		snprintf(sql, room, "UPDATE %sfiles SET rowid = %u WHERE ID = x'f0%02x'",
			 conflict(), 1 + chance(2 * IDS), id);
		break;
	default:
		snprintf(
			sql, room,
			"INSERT %sINTO files (ID, FileName, PathName, FileSize, ClientID, IsStored)"
			" VALUES (x'f0%02x', 'n', 'p', %s, x'%02x', 0)",
			conflict(), id, size(number), chance(8));
	}
}

static void write_version(char *sql, size_t room)
{
	unsigned id = chance(IDS);

	switch (chance(7)) {
	case 0:
		snprintf(sql, room, "DELETE FROM file_versions WHERE ID = %u", chance(60));
		break;
	case 1:
		snprintf(sql, room,
			 "UPDATE files SET CurrentVersionID = %u, TotalVersions = %u WHERE ID ="
			 " x'f0%02x'",
			 chance(60), 1 + chance(3), id);
		break;
	case 2: /* As it should be. */
		snprintf(sql, room,
			 "UPDATE files SET CurrentVersionID = (SELECT max(ID) FROM file_versions v"
			 " WHERE v.FileID = files.ID AND v.IsActive), TotalVersions = (SELECT"
			 " max(1, count(*)) FROM file_versions v WHERE v.FileID = files.ID)");
		break;
	case 3:
		snprintf(sql, room,
			 "UPDATE file_versions SET IsActive = (ID = (SELECT max(ID) FROM"
			 " file_versions v WHERE v.FileID = file_versions.FileID))");
		break;
	case 4:
		snprintf(sql, room, "UPDATE file_versions SET ParentVersionID = %u WHERE ID = %u",
			 chance(60), chance(60));
		break;
	default:
		snprintf(sql, room,
			 "INSERT %sINTO file_versions (ID, FileID, VersionNumber, PathName, "
			 "FileSize,"
			 " CreatedDate, IsActive) VALUES (%u, x'f0%02x', %u, 'p', %u, 'now', %u)",
			 conflict(), chance(60), id, 1 + chance(3), chance(10), chance(2));
	}
}

static void write_quota(char *sql, size_t room)
{
	unsigned client = chance(8);

	switch (chance(4)) {
	case 0:
		snprintf(sql, room, "DELETE FROM client_quotas WHERE ClientID = x'%02x'", client);
		break;
	case 1:
		snprintf(sql, room,
			 "UPDATE %sclient_quotas SET UsedBytes = %u, ClientID = x'%02x' WHERE"
			 " ClientID = x'%02x'",
			 conflict(), chance(1000), chance(8), client);
		break;
	default:
		snprintf(
			sql, room,
			"INSERT %sINTO client_quotas (ClientID, QuotaBytes, UsedBytes, LastUpdated)"
			" VALUES (x'%02x', %u, %u, 'now')",
			conflict(), client, chance(1000000), chance(1000));
	}
}

static void write_any(char *sql, size_t room)
{
	switch (chance(12)) {
	case 0:
		write_client(sql, room);
		break;
	case 1:
	case 2:
		write_quota(sql, room);
		break;
	case 3:
	case 4:
		write_version(sql, room);
		break;
	case 5:
		snprintf(sql, room,
			 "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) VALUES"
			 " (x'%02x', 'x', 'now')",
			 chance(8));
		break;
	default:
		write_file_row(sql, room);
	}
}

/* ---- Sessions ---- */

static void run(sqlite3 *db, const char *sql)
{
	int code = sqlite3_exec(db, sql, NULL, NULL, NULL) & 0xff;

	/* A rule that forbids it is part of the game; anything else is not. */
	if (code != SQLITE_OK && code != SQLITE_CONSTRAINT)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* Some statements of a session with pragmas of its own, perhaps in a transaction. */
static int write_session(const catalog_fixture *f)
{
	int count = 1 + (int)chance(40);
	bool transaction = chance(3) == 0;
	char sql[512];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	run(db, "PRAGMA synchronous = OFF");
	snprintf(sql, sizeof(sql), "PRAGMA foreign_keys = %u; PRAGMA recursive_triggers = %u",
		 chance(3) > 0, chance(3) == 0);
	run(db, sql);
	if (transaction)
		run(db, "BEGIN");
	for (int i = 0; i < count; i++) {
		write_any(sql, sizeof(sql));
		run(db, sql);
	}
	if (transaction && !sqlite3_get_autocommit(db))
		run(db, chance(4) == 0 ? "ROLLBACK" : "COMMIT");
	sqlite3_close(db);
	return count;
}

/* ---- What is so, asked in other words ---- */

#define SIZES                                                                                      \
	"sum(CASE typeof(FileSize) WHEN 'integer' THEN CASE WHEN FileSize < 0 THEN 0"              \
	" WHEN FileSize > 9007199254740992 THEN 9007199254740992 ELSE FileSize END ELSE 0 END)"

static void expect_counters(const catalog_fixture *f)
{
	assert_int_equal(integer(f,
				 "SELECT count(*) FROM (SELECT ClientID AS c, count(*) AS n, " SIZES
				 " AS b FROM files GROUP BY ClientID EXCEPT SELECT ClientID, Files,"
				 " Bytes FROM client_usage)"),
			 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM client_usage u WHERE u.Files <> (SELECT"
				    " count(*) FROM files f WHERE f.ClientID = u.ClientID)"),
			 0);
	assert_int_equal(integer(f,
				 "SELECT count(*) FROM client_quotas q WHERE q.UsedBytes IS NOT"
				 " (SELECT coalesce(" SIZES ", 0) FROM files f WHERE f.ClientID ="
				 " q.ClientID)"),
			 0);
}

/* Files whose links are not either of the two ways in which they can be right. */
#define MISLINKED                                                                                  \
	"SELECT count(*) FROM (SELECT CurrentVersionID AS c, coalesce(TotalVersions, 1) AS t,"     \
	" (SELECT count(*) FROM file_versions v WHERE v.FileID = f.ID) AS n,"                      \
	" (SELECT count(*) FROM file_versions v WHERE v.FileID = f.ID AND v.IsActive) AS a,"       \
	" (SELECT v.ID FROM file_versions v WHERE v.FileID = f.ID AND v.IsActive LIMIT 1) AS id"   \
	" FROM files f) WHERE NOT ((n = 0 AND c IS NULL AND t = 1)"                                \
	" OR (n > 0 AND t = n AND a = 1 AND c IS id))"

#define DIFFERING                                                                                  \
	"SELECT count(*) FROM files f, file_versions v WHERE v.ID = f.CurrentVersionID"            \
	" AND v.FileID = f.ID AND NOT (v.FileSize IS f.FileSize AND v.VersionHash IS f.FileHash"   \
	" AND v.CRC IS f.CRC AND v.PathName IS f.PathName"                                         \
	" AND v.ModificationDate IS f.ModificationDate)"

#define WRONG_PARENTS                                                                              \
	"SELECT count(*) FROM file_versions v WHERE EXISTS (SELECT 1 FROM file_versions p"         \
	" WHERE p.ID = v.ParentVersionID AND p.FileID <> v.FileID)"

static int64_t found(const sr_health *health, const char *code)
{
	int64_t count = 0;

	for (size_t i = 0; i < health->finding_count; i++)
		if (strcmp(health->findings[i].code, code) == 0)
			count += health->findings[i].count;
	return count;
}

/* By a plain session: the library's own readers do not get this table. */
static int64_t count_violations(const catalog_fixture *f)
{
	sqlite3_stmt *stmt;
	int64_t count;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM pragma_foreign_key_check", -1,
					    &stmt, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count;
}

static void expect_exact(const catalog_fixture *f, int64_t *wrong)
{
	sr_health_options how;
	sr_health *health;

	expect_counters(f);
	sr_health_options_init(&how);
	how.full = true;
	assert_ok(sr_health_check(f->catalog, &how, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		if (strcmp(health->findings[i].code, "usage_wrong") == 0 ||
		    strcmp(health->findings[i].code, "quota_wrong") == 0)
			fail_msg("%s", health->findings[i].meaning);
	assert_true(health->integrity_check);
	assert_int_equal(found(health, "orphans"), count_violations(f));
	assert_int_equal(health->foreign_key_check, found(health, "orphans") == 0);
	assert_int_equal(found(health, "version_links"), integer(f, MISLINKED));
	assert_int_equal(found(health, "version_differs"), integer(f, DIFFERING));
	assert_int_equal(found(health, "version_parent"), integer(f, WRONG_PARENTS));
	*wrong += health->errors;
	sr_health_free(health);
}

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

/* What one mending brings to light is for the next. */
static void repair(const catalog_fixture *f)
{
	int64_t files = integer(f, "SELECT count(*) FROM files") +
			integer(f, "SELECT count(*) FROM orphaned_rows WHERE TableName = 'files'");
	sr_repair_options how;
	size_t steps = 1;

	sr_repair_options_init(&how);
	how.backup = false;
	for (int i = 0; i < 4 && steps > 0; i++) {
		sr_repair *repair;

		assert_ok(sr_repair_plan(f->catalog, &how, &repair));
		steps = repair->step_count;
		assert_ok(sr_repair_apply(f->catalog, repair, &how));
		for (size_t k = 0; k < steps; k++)
			if (repair->steps[k].failure)
				fail_msg("%s: %s", repair->steps[k].code, repair->steps[k].failure);
		sr_repair_free(repair);
	}
	assert_int_equal(steps, 0);
	assert_int_equal(integer(f, "SELECT count(*) FROM files") +
				 integer(f, "SELECT count(*) FROM orphaned_rows WHERE TableName ="
					    " 'files'"),
			 files);
	expect_counters(f);
	expect_healthy(f);
}

static void test_random(void **state)
{
	catalog_fixture *f = *state;
	const char *given = getenv("STRONGROOM_TEST_SEED");
	int64_t wrong = 0;
	int since = 0;

	state_of_chance = given ? strtoull(given, NULL, 10) : 20260131;
	print_message("seed %llu\n", (unsigned long long)state_of_chance);
	for (int done = 0; done < STATEMENTS;) {
		int count = write_session(f);

		done += count;
		since += count;
		if (since < LOOK_EVERY)
			continue;
		since = 0;
		expect_exact(f, &wrong);
		/* Every other time it goes on from a catalog that was mended. */
		if (chance(2) == 0)
			repair(f);
	}
	expect_exact(f, &wrong);
	repair(f);
	/* Or nothing was ever wrong, and nothing was shown. */
	assert_true(wrong > 0);
	assert_true(integer(f, "SELECT count(*) FROM orphaned_rows") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, catalog_setup_client,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
