/* What is counted of files, by client, category, size, day and time of recording, stays exact
 * whatever a plain SQLite connection writes: thousands of random statements with every conflict
 * clause, cascades and pragmas, each followed by a count. The library writes in between.
 * STRONGROOM_TEST_SEED=N runs others. */
#include <math.h>
#include <sqlite3.h>

#include "catalog/faults.h"
#include "catalog_fixture.h"

/* What is wrong in memory shows sooner than what is wrong in a count; the check runs both. */
#ifdef __SANITIZE_ADDRESS__
#define STATEMENTS 3000
#else
#define STATEMENTS 12000
#endif

enum {
	CLIENTS = 6,
	FILES = 50,
	OFTEN = 1000, /* Between looks of the library's own at its health. */
};

typedef struct session {
	catalog_fixture *f;
	sqlite3 *db;
	uint64_t random;
	int64_t done;    /* Statements that were run, */
	int64_t refused; /* and those that a constraint refused, */
	int64_t batches; /* Of the library's that were saved. */
	int64_t over;    /* among them those that were over a quota. */
	bool enforce;    /* As set now. */
	bool inside;     /* A transaction is open, */
	bool saved;      /* with a savepoint. */
	int64_t before[CLIENTS];
} session;

/* ---- Chance ---- */

static unsigned chance(session *s, unsigned below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (unsigned)(s->random >> 33) % below;
}

#define PICK(s, list) (list)[chance((s), sizeof(list) / sizeof((list)[0]))]

static const char *client(session *s, char text[48])
{
	snprintf(text, 48, "x'%02x%030x'", chance(s, CLIENTS), 0);
	return text;
}

static const char *file_id(session *s, char text[48])
{
	if (chance(s, 40) == 0)
		return "NULL";
	snprintf(text, 48, "x'%032x'", 0x100 + chance(s, FILES));
	return text;
}

static const char *size(session *s, char text[48])
{
	static const char *const odd[] = {
		"NULL",
		"0",
		"-5",
		"'x'",
		"'12'",
		"3.5",
		"7.0",
		"4611686018427387904",
		"9007199254740993",
		"-9223372036854775807",
		"1e300",
		"x'00'",
	};

	if (chance(s, 3) == 0)
		return PICK(s, odd);
	snprintf(text, 48, "%u", chance(s, chance(s, 2) ? 1000 : 1000000000));
	return text;
}

static const char *moment(session *s)
{
	static const char *const moments[] = {
		"NULL",
		"''",
		"'yesterday'",
		"'2026-01-31'",
		"'2026-01-31T23:59:59Z'",
		"'2026-01-31T23:59:59.000001Z'",
		"'2026-02-01T00:00:00+05:30'",
		"'2026-02-01T00:00:00.25Z'",
		"'2026-02-01T00:00:01Z'",
		"x'323032362d30312d33315432333a35393a35395a'",
		"20260131",
	};

	return PICK(s, moments);
}

/* Values for KINDS: what else files are counted by. */
#define KINDS "FileCategory, Verified, ModificationDate, RecordedAt"

static const char *kinds(session *s, char text[160])
{
	static const char *const categories[] = {"NULL", "''", "'image'", "'code'", "x'636f6465'"};
	static const char *const verified[] = {"NULL", "0", "1", "2", "'yes'", "0.5", "''"};

	snprintf(text, 160, "%s, %s, %s, %s", PICK(s, categories), PICK(s, verified), moment(s),
		 moment(s));
	return text;
}

static const char *conflict(session *s)
{
	static const char *const clauses[] = {
		"", "OR REPLACE", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK",
	};

	return PICK(s, clauses);
}

/* The names that a file's key goes by. */
static const char *row_name(session *s)
{
	static const char *const names[] = {"RowKey", "RowKey", "rowid", "_rowid_", "oid"};

	return PICK(s, names);
}

/* ---- Statements ---- */

static char *insert_file(session *s)
{
	char c[48], id[48], bytes[48], kind[160];

	switch (chance(s, 4)) {
	case 0:
		return sqlite3_mprintf("INSERT %s INTO files (%s, ID, FileName, PathName, "
				       "FileSize, ClientID, " KINDS
				       ") VALUES (%u, %s, 'n', 'p', %s, %s, %s)",
				       conflict(s), row_name(s), 1 + chance(s, 70), file_id(s, id),
				       size(s, bytes), client(s, c), kinds(s, kind));
	case 1:
		return sqlite3_mprintf(
			"INSERT INTO files (ID, FileName, PathName, FileSize, ClientID, " KINDS
			") VALUES (%s, 'n', 'p', %s, %s, %s) ON CONFLICT (ID) DO UPDATE SET "
			"FileSize = excluded.FileSize, ClientID = excluded.ClientID, ID = "
			"excluded.ID, Verified = excluded.Verified, RecordedAt = "
			"excluded.RecordedAt",
			file_id(s, id), size(s, bytes), client(s, c), kinds(s, kind));
	default:
		return sqlite3_mprintf("INSERT %s INTO files (ID, FileName, PathName, FileSize, "
				       "ClientID, " KINDS ") VALUES (%s, 'n', %s, %s, %s, %s)",
				       conflict(s), file_id(s, id), chance(s, 30) ? "'p'" : "NULL",
				       size(s, bytes), chance(s, 40) ? client(s, c) : "NULL",
				       kinds(s, kind));
	}
}

static char *update_file(session *s)
{
	char c[48], id[48], other[48], bytes[48], kind[160];

	switch (chance(s, 8)) {
	case 6:
		return sqlite3_mprintf("UPDATE %s files SET (" KINDS ") = (%s) WHERE ID = %s",
				       conflict(s), kinds(s, kind), file_id(s, id));
	case 7:
		return sqlite3_mprintf("UPDATE %s files SET ID = %s, (" KINDS
				       ", FileSize) = (%s, %s) WHERE rowid %% 4 = %u",
				       conflict(s), chance(s, 2) ? "randomblob(16)" : "ID",
				       kinds(s, kind), size(s, bytes), chance(s, 4));
	case 0:
		return sqlite3_mprintf("UPDATE %s files SET FileSize = %s WHERE ID = %s",
				       conflict(s), size(s, bytes), file_id(s, id));
	case 1:
		return sqlite3_mprintf(
			"UPDATE %s files SET ClientID = %s, FileSize = %s WHERE ID = %s",
			conflict(s), client(s, c), size(s, bytes), file_id(s, id));
	case 2:
		return sqlite3_mprintf("UPDATE %s files SET ID = %s, FileSize = %s WHERE ID = %s",
				       conflict(s), file_id(s, other), size(s, bytes),
				       file_id(s, id));
	case 3:
		return sqlite3_mprintf("UPDATE %s files SET %s = %u, ClientID = %s WHERE ID = %s",
				       conflict(s), row_name(s), 1 + chance(s, 70), client(s, c),
				       file_id(s, id));
	case 4:
		return sqlite3_mprintf("UPDATE %s files SET ID = %s, rowid = rowid + %u, "
				       "FileSize = %s WHERE rowid < %u",
				       conflict(s), file_id(s, id), chance(s, 3), size(s, bytes),
				       chance(s, 70));
	default:
		return sqlite3_mprintf(
			"UPDATE %s files SET FileSize = %s WHERE ClientID = %s AND rowid %% 3 = %u",
			conflict(s), chance(s, 2) ? "FileSize + 1" : size(s, bytes), client(s, c),
			chance(s, 3));
	}
}

/* Statements over many rows, and files that go. */
static char *many_files(session *s)
{
	char c[48], id[48], from[48];

	switch (chance(s, 8)) {
	case 0:
		return sqlite3_mprintf(
			"INSERT %s INTO files (ID, FileName, PathName, FileSize, "
			"ClientID, " KINDS ") SELECT ID, FileName, PathName, "
			"FileSize + 1, %s, FileCategory, NOT Verified, "
			"RecordedAt, ModificationDate FROM files WHERE ClientID = %s",
			conflict(s), client(s, c), client(s, from));
	case 1:
		return sqlite3_mprintf("INSERT %s INTO files (ID, FileName, PathName, FileSize, "
				       "ClientID, " KINDS ") SELECT randomblob(16), 'n', 'p', "
				       "FileSize, ClientID, " KINDS
				       " FROM files WHERE rowid %% 7 = %u",
				       conflict(s), chance(s, 7));
	case 2:
		return sqlite3_mprintf("UPDATE %s files SET ID = %s WHERE FileSize < 100",
				       conflict(s), file_id(s, id));
	case 3:
		return sqlite3_mprintf("DELETE FROM files%s",
				       chance(s, 6) ? " WHERE rowid % 5 = 1" : "");
	default:
		return sqlite3_mprintf("DELETE FROM files WHERE ID = %s OR rowid = %u",
				       file_id(s, id), 1 + chance(s, 70));
	}
}

static char *write_client(session *s)
{
	char id[48], other[48];
	unsigned number = chance(s, CLIENTS);

	switch (chance(s, 10)) {
	case 0:
		return sqlite3_mprintf("DELETE FROM clients WHERE ID = %s", client(s, id));
	case 1:
		return sqlite3_mprintf("UPDATE %s clients SET ID = %s WHERE ID = %s", conflict(s),
				       client(s, id), client(s, other));
	case 2:
		return sqlite3_mprintf("INSERT INTO clients (ID, Name, LastSeen) VALUES (%s, 'c%u',"
				       " 'x') ON CONFLICT (ID) DO UPDATE SET Name = excluded.Name",
				       client(s, id), chance(s, CLIENTS));
	default:
		return sqlite3_mprintf("INSERT %s INTO clients (ID, Name, LastSeen) VALUES "
				       "(x'%02x%030x', 'c%u', 'x')",
				       conflict(s), number, 0,
				       chance(s, 3) ? number : chance(s, CLIENTS));
	}
}

static char *write_quota(session *s)
{
	static const char *const odd[] = {"0", "-1", "9223372036854775807", "'x'", "1.5", "NULL"};
	char c[48], other[48], bytes[48];

	snprintf(bytes, sizeof(bytes), "%u", chance(s, 1000000000));
	switch (chance(s, 8)) {
	case 0:
		return sqlite3_mprintf("UPDATE client_quotas SET UsedBytes = %u", chance(s, 1000));
	case 1:
		return sqlite3_mprintf("UPDATE %s client_quotas SET QuotaBytes = %s, UsedBytes = %u"
				       ", WarningThreshold = %s WHERE ClientID = %s",
				       conflict(s), chance(s, 4) ? bytes : PICK(s, odd),
				       chance(s, 1000), chance(s, 5) ? "0.5" : "NULL",
				       client(s, c));
	case 2:
		return sqlite3_mprintf("UPDATE %s client_quotas SET ClientID = %s WHERE "
				       "ClientID = %s",
				       conflict(s), client(s, c), client(s, other));
	case 3:
		return sqlite3_mprintf("DELETE FROM client_quotas WHERE ClientID = %s",
				       client(s, c));
	case 4:
		return sqlite3_mprintf("INSERT INTO client_quotas (ClientID, QuotaBytes, UsedBytes,"
				       " LastUpdated) VALUES (%s, %s, 5, 'x') ON CONFLICT "
				       "(ClientID) DO UPDATE SET UsedBytes = 9, QuotaBytes = "
				       "excluded.QuotaBytes",
				       client(s, c), bytes);
	default:
		return sqlite3_mprintf("INSERT %s INTO client_quotas (ClientID, QuotaBytes, "
				       "UsedBytes, LastUpdated) VALUES (%s, %s, %u, 'x')",
				       conflict(s), client(s, c),
				       chance(s, 4) ? bytes : PICK(s, odd), chance(s, 100));
	}
}

static char *set_something(session *s)
{
	switch (chance(s, 4)) {
	case 0:
		return sqlite3_mprintf("PRAGMA foreign_keys = %u", chance(s, 2));
	case 1:
		return sqlite3_mprintf("PRAGMA recursive_triggers = %u", chance(s, 2));
	case 2:
		if (chance(s, 2))
			return sqlite3_mprintf("DELETE FROM catalog_settings WHERE Name = "
					       "'default_quota_bytes'");
		return sqlite3_mprintf("REPLACE INTO catalog_settings VALUES "
				       "('default_quota_bytes', %u)",
				       chance(s, 100000));
	default:
		s->enforce = s->inside ? s->enforce : chance(s, 3) == 0;
		return sqlite3_mprintf("REPLACE INTO catalog_settings VALUES "
				       "('refuse_over_quota', %d)",
				       s->enforce);
	}
}

static char *statement(session *s)
{
	unsigned which = chance(s, 100);

	if (which < 34)
		return insert_file(s);
	if (which < 56)
		return update_file(s);
	if (which < 70)
		return many_files(s);
	if (which < 84)
		return write_client(s);
	return which < 95 ? write_quota(s) : set_something(s);
}

/* ---- What must hold ---- */

static int64_t ask(session *s, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(s->db));
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

#define COUNTED                                                                                    \
	"(SELECT ClientID, count(*) AS n, sum(CASE WHEN typeof(FileSize) = 'integer' THEN "        \
	"min(max(FileSize, 0), 9007199254740992) ELSE 0 END) AS b FROM files GROUP BY ClientID)"

static const struct {
	const char *what;
	const char *sql;
} wrong[] = {
	{"clients are counted wrong",
	 "SELECT count(*) FROM client_usage u LEFT JOIN " COUNTED " c USING (ClientID) "
	 "WHERE u.Files IS NOT coalesce(c.n, 0) OR u.Bytes IS NOT coalesce(c.b, 0)"},
	{"clients are not counted",
	 "SELECT count(*) FROM " COUNTED " WHERE ClientID NOT IN (SELECT ClientID FROM "
	 "client_usage)"},
	{"quotas do not have what is used",
	 "SELECT count(*) FROM client_quotas q LEFT JOIN " COUNTED " c USING (ClientID) "
	 "WHERE q.UsedBytes IS NOT coalesce(c.b, 0)"},
	{"files are counted wrong by category, size or verification",
	 "SELECT count(*) FROM (" SR_TOTALS_WRONG ")"},
	{"files are counted wrong by day", "SELECT count(*) FROM (" SR_DAYS_WRONG ")"},
	{"files are counted wrong by time of recording",
	 "SELECT count(*) FROM (" SR_RECORDED_WRONG ")"},
	{"the sums of the counters differ", "SELECT (" SR_SUMS_DIFFER ")"},
	{"quotas are warned that should not be, or the other way round",
	 "SELECT count(*) FROM client_quotas WHERE (WarnedAt IS NOT NULL) <> "
	 "(UsedBytes >= QuotaBytes * WarningThreshold)"},
};

#define WRONG (sizeof(wrong) / sizeof(wrong[0]))

static void check(session *s, const char *sql)
{
	for (size_t i = 0; i < WRONG; i++) {
		int64_t count = ask(s, wrong[i].sql);

		if (count != 0)
			fail_msg("after %lld statements %lld %s: %s", (long long)s->done,
				 (long long)count, wrong[i].what, sql);
	}
}

static void remember(session *s)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		char sql[160];

		snprintf(sql, sizeof(sql),
			 "SELECT coalesce((SELECT Bytes FROM client_usage WHERE ClientID = "
			 "x'%02x%030x'), 0)",
			 i, 0);
		s->before[i] = ask(s, sql);
	}
}

/* Where it is refused, nobody has grown beyond his quota. What OR ROLLBACK brings back is no
 * growth. */
static void check_enforced(session *s, const char *statement)
{
	if (s->inside && sqlite3_get_autocommit(s->db))
		return;
	for (unsigned i = 0; s->enforce && i < CLIENTS; i++) {
		char sql[240];

		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM client_quotas q JOIN client_usage u USING (ClientID)"
			 " WHERE ClientID = x'%02x%030x' AND u.Bytes > q.QuotaBytes AND "
			 "u.Bytes > %lld",
			 i, 0, (long long)s->before[i]);
		if (ask(s, sql) != 0)
			fail_msg("grown beyond its quota: %s", statement);
	}
}

/* ---- A session ---- */

static void run(session *s, const char *sql)
{
	char *words = NULL;
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, &words);

	s->done++;
	if (rc == SQLITE_CONSTRAINT) {
		s->refused++;
		s->over += words != NULL && strstr(words, "over the quota") != NULL;
	} else if (rc != SQLITE_OK) {
		fail_msg("%s: %s", sql, words);
	}
	sqlite3_free(words);
}

/* Begins, ends or undoes now and then; OR ROLLBACK may have ended it. */
static void transact(session *s)
{
	s->inside = !sqlite3_get_autocommit(s->db);
	s->saved = s->saved && s->inside;
	if (!s->inside) {
		if (chance(s, 8) == 0)
			run(s, "BEGIN IMMEDIATE");
	} else if (chance(s, 6) == 0) {
		run(s, chance(s, 2) ? "COMMIT" : "ROLLBACK");
		/* Deferred keys may forbid it. */
		if (!sqlite3_get_autocommit(s->db))
			run(s, "ROLLBACK");
	} else if (chance(s, 6) == 0) {
		run(s, !s->saved      ? "SAVEPOINT one"
		       : chance(s, 2) ? "RELEASE one"
				      : "ROLLBACK TO one");
		s->saved = !s->saved;
	}
	s->inside = !sqlite3_get_autocommit(s->db);
}

/* Enough of them for the library to insert those that are new without triggers. */
static void save_batch(session *s)
{
	enum { BATCH = 40 };
	sr_outcome outcomes[BATCH];
	char paths[BATCH][32];
	sr_file files[BATCH];
	unsigned two[2] = {chance(s, CLIENTS), chance(s, CLIENTS)};
	sr_status rc;

	for (unsigned i = 0; i < BATCH; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/%u", chance(s, 60));
		files[i] = file_at(s->f, paths[i]);
		files[i].client_id = (sr_id){{(uint8_t)two[chance(s, 2)]}};
		files[i].size = chance(s, 5) ? chance(s, 100000) : SR_NULL_INTEGER;
		files[i].category = sr_text_of(chance(s, 2) ? "image" : NULL);
		files[i].date = sr_text_of(chance(s, 2) ? "2026-02-03T04:05:06Z" : NULL);
		files[i].verified = chance(s, 2);
	}
	rc = sr_file_save(s->f->catalog, files, BATCH, outcomes, NULL, NULL);
	if (rc != SR_OK && rc != SR_NOT_FOUND && rc != SR_QUOTA && rc != SR_CONSTRAINT)
		fail_msg("%s: %s", sr_status_name(rc), sr_error_message());
	s->batches += rc == SR_OK;
}

/* The library among them: what it refuses is what it should. */
static void library_call(session *s)
{
	char path[32];
	sr_file file;
	sr_status rc;

	if (chance(s, 6) == 0) {
		save_batch(s);
		return;
	}
	snprintf(path, sizeof(path), "/%u", chance(s, 30));
	file = file_at(s->f, path);
	file.client_id = (sr_id){{(uint8_t)chance(s, CLIENTS)}};
	file.size = chance(s, 1000000);
	switch (chance(s, 5)) {
	case 0:
		rc = sr_file_delete(s->f->catalog, &file.client_id, file.original_path);
		break;
	case 1:
		rc = sr_quota_set(s->f->catalog, &file.client_id, chance(s, 10000000), NAN, NULL);
		break;
	case 2:
		rc = chance(s, 4) ? sr_quota_clear(s->f->catalog, &file.client_id, NULL)
				  : sr_client_delete(s->f->catalog, &file.client_id, NULL);
		break;
	default:
		rc = sr_file_save(s->f->catalog, &file, 1, NULL, NULL, NULL);
		break;
	}
	if (rc != SR_OK && rc != SR_NOT_FOUND && rc != SR_QUOTA && rc != SR_CONSTRAINT)
		fail_msg("%s: %s", sr_status_name(rc), sr_error_message());
}

/* How many faults the library sees in what it looks at. */
static int faults_seen(session *s)
{
	sr_health *health = NULL;
	int seen = 0;

	assert_ok(sr_health_check(s->f->catalog, NULL, &health));
	for (size_t i = 0; i < health->finding_count; i++)
		seen += strcmp(health->findings[i].code, "usage_wrong") == 0 ||
			strcmp(health->findings[i].code, "totals_wrong") == 0 ||
			strcmp(health->findings[i].code, "quota_wrong") == 0;
	sr_health_free(health);
	return seen;
}

static void open_session(session *s, catalog_fixture *f)
{
	const char *seed = getenv("STRONGROOM_TEST_SEED");

	memset(s, 0, sizeof(*s));
	s->f = f;
	s->random = UINT64_C(0x9e3779b97f4a7c15) ^ (seed ? strtoull(seed, NULL, 10) : 0) << 20;
	assert_int_equal(sqlite3_open(f->path, &s->db), SQLITE_OK);
	sqlite3_busy_timeout(s->db, 10000);
	assert_int_equal(sqlite3_exec(s->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL),
			 SQLITE_OK);
}

static void test_random_statements(void **state)
{
	catalog_fixture *f = *state;
	session s;
	char *sql;

	open_session(&s, f);
	while (s.done < STATEMENTS) {
		transact(&s);
		if (!s.inside && chance(&s, 10) == 0)
			library_call(&s);
		if (!s.inside && s.done % OFTEN < 2)
			assert_int_equal(faults_seen(&s), 0);
		remember(&s);
		sql = statement(&s);
		run(&s, sql);
		check(&s, sql);
		check_enforced(&s, sql);
		sqlite3_free(sql);
		if (!s.inside && chance(&s, 2000) == 0)
			run(&s, "VACUUM");
	}
	if (!sqlite3_get_autocommit(s.db))
		run(&s, "COMMIT");
	check(&s, "the last COMMIT");
	assert_int_equal(faults_seen(&s), 0);
	/* It was no idle run. */
	print_message("%lld statements, %lld refused, %lld of them over a quota, %lld warnings\n",
		      (long long)s.done, (long long)s.refused, (long long)s.over,
		      (long long)ask(&s, "SELECT count(*) FROM client_activity_archive WHERE "
					 "ActivityType = 'quota_warning'"));
	assert_true(s.refused > STATEMENTS / 100 && s.refused < STATEMENTS / 2);
	assert_true(s.over > STATEMENTS / 1500);
	assert_true(s.batches > 0);
	sqlite3_close(s.db);
}

/* What the test above looks at does go wrong where one trigger is missing. */
static void test_would_notice(void **state)
{
	static const char *const triggers[] = {
		"trg_files_note_insert",  "trg_files_count_insert",      "trg_files_note_update",
		"trg_files_count_update", "trg_files_replaced_settle",   "trg_files_count_delete",
		"trg_client_usage_added", "trg_client_quotas_corrected", "trg_client_quotas_warn",
	};
	catalog_fixture *f = *state;
	session s;

	open_session(&s, f);
	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		int64_t count = 0;
		char sql[80];

		run(&s, "BEGIN");
		snprintf(sql, sizeof(sql), "DROP TRIGGER %s", triggers[i]);
		run(&s, sql);
		for (int n = 0; n < 3000 && count == 0; n++) {
			char *one = statement(&s);

			/* Without what would end the transaction. */
			if (strstr(one, "ROLLBACK") == NULL)
				run(&s, one);
			sqlite3_free(one);
			for (size_t w = 0; w < WRONG; w++)
				count += ask(&s, wrong[w].sql);
		}
		if (count == 0)
			fail_msg("nobody missed %s", triggers[i]);
		run(&s, "ROLLBACK");
	}
	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID) VALUES "
		       "(zeroblob(16), 'n', 'p', 5, (SELECT ID FROM clients))");
	assert_int_equal(faults_seen(&s), 0);
	foreign_sql(f, "DROP TRIGGER trg_files_count_update; UPDATE files SET FileSize = 6");
	/* By client, by category and by day. */
	assert_int_equal(faults_seen(&s), 3);
	sqlite3_close(s.db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_statements, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_would_notice, catalog_setup_client,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
