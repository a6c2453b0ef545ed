/* Check-ups: each kind of trouble is made by hand, as another program or a bad disk would, and must
 * be found under its code; nothing else may be found. */
#include "catalog_fixture.h"
#include "old_database.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

#include "catalog/health.h"
#include "engine/sqlite.h"
#include "schema/copy.h"

/* ---- Making ---- */

static int with_client(void **state)
{
	catalog_setup_client(state);
	return mkdir(scratch_path("received_files"), 0700);
}

static int without(void **state)
{
	catalog_setup(state);
	return mkdir(scratch_path("received_files"), 0700);
}

/* Runs SQL as foreign_sql does, but fires no trigger and cascades nothing. */
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

/* ---- Asking ---- */

static sr_health *check_with(const catalog_fixture *f, const sr_health_options *how)
{
	sr_health *health = NULL;

	assert_ok(sr_health_check(f->catalog, how, &health));
	assert_non_null(health);
	return health;
}

static sr_health *check(const catalog_fixture *f, bool full)
{
	sr_health_options how;

	sr_health_options_init(&how);
	how.full = full;
	return check_with(f, &how);
}

static const sr_finding *finding(const sr_health *health, const char *code)
{
	for (size_t i = 0; i < health->finding_count; i++)
		if (strcmp(health->findings[i].code, code) == 0)
			return &health->findings[i];
	return NULL;
}

static void tell(const sr_health *health)
{
	for (size_t i = 0; i < health->finding_count; i++)
		print_message("%s %s: %s\n", sr_severity_name(health->findings[i].severity),
			      health->findings[i].code, health->findings[i].meaning);
}

/* What is found, the engine's own flaw aside, must be this alone; its count. */
static int64_t expect_only(const sr_health *health, const char *code, sr_severity severity)
{
	int64_t count = 0;

	for (size_t i = 0; i < health->finding_count; i++) {
		const sr_finding *f = &health->findings[i];

		if (strcmp(f->code, "engine_flaw") == 0)
			continue;
		if (strcmp(f->code, code) != 0 || f->severity != severity) {
			tell(health);
			fail_msg("not only %s %s", sr_severity_name(severity), code);
		}
		count += f->count;
	}
	if (count == 0)
		fail_msg("no %s", code);
	return count;
}

static void expect_clean(const sr_health *health)
{
	if (health->errors != 0 || health->warnings != 0) {
		tell(health);
		fail_msg("not healthy");
	}
	assert_int_equal(health->issue_count, 0);
	assert_true(health->integrity_check);
	assert_true(health->foreign_key_check);
}

/* Where everything is large, long and old. */
static const sr_health_limits small_limits = {
	.whole_bytes = 1,
	.whole_rows = 100,
	.pass_rows = 100,
	.log_bytes = 1,
	.reader_seconds = 0,
	.part_seconds = -1,
};

static sr_health *check_small(const catalog_fixture *f)
{
	sr_health *health = NULL;

	assert_done(sr_health_run(f->catalog, NULL, &small_limits, &health));
	return health;
}

static bool is_unseen(const sr_health *health, const char *words)
{
	for (size_t i = 0; i < health->unseen_count; i++)
		if (strstr(health->unseen[i], words) != NULL)
			return true;
	return false;
}

/* ---- A healthy one ---- */

static void fill(const catalog_fixture *f, int files)
{
	assert_ok(sr_begin(f->catalog, "fill"));
	for (int i = 0; i < files; i++) {
		sr_file file;
		char path[64];

		snprintf(path, sizeof(path), "/home/file %d", i);
		file = file_at(f, path);
		file.size = 100 + i;
		file.stored = false;
		assert_int_equal(save(f, &file), SR_ADDED);
	}
	assert_ok(sr_commit(f->catalog));
}

static void test_clean(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 20);
	health = check(f, false);
	expect_clean(health);
	assert_true(health->connection_pool_healthy);
	assert_true(health->opened);
	assert_true(health->unseen_count > 0);
	assert_int_equal(health->table_count,
			 integer(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
				    "name NOT LIKE 'sqlite%'"));
	assert_int_equal(health->index_count,
			 integer(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND "
				    "name NOT LIKE 'sqlite%'"));
	assert_int_equal(health->schema_version, health->latest_version);
	assert_string_equal(health->size.status, "ok");
	assert_int_equal(health->size.size_bytes % 512, 0);
	assert_true(health->size.size_bytes > 0);
	sr_health_free(health);
	health = check(f, true);
	expect_clean(health);
	assert_int_equal(health->unseen_count, 0);
	sr_health_free(health);
	sr_health_free(NULL);
}

static void test_versions_with_the_flaw(void **state)
{
	static const int with[] = {3007000, 3040001, 3044005, 3045000, 3050006, 3051000, 3051002};
	static const int without[] = {3006023, 3044006, 3044999, 3050007,
				      3050999, 3051003, 3052000};

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		assert_true(sr_sqlite_loses_commits(with[i]));
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		assert_false(sr_sqlite_loses_commits(without[i]));
}

static void test_engine_is_named(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health = check(f, false);
	const sr_finding *flaw = finding(health, "engine_flaw");

	assert_string_equal(health->engine, sr_engine_version());
	assert_int_equal(health->engine_at_risk,
			 sr_sqlite_loses_commits(sqlite3_libversion_number()));
	assert_int_equal(flaw != NULL, health->engine_at_risk);
	assert_int_equal(health->errors, 0);
	sr_health_free(health);
}

/* ---- Damage ---- */

static int64_t ask(const char *path, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value = 0;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* Writes nonsense over a page in the middle of a table or an index. */
static void damage(const catalog_fixture *f, const char *name)
{
	char nonsense[256];
	char sql[200];
	int64_t page;
	int fd;

	snprintf(sql, sizeof(sql),
		 "SELECT pageno FROM dbstat WHERE name = '%s' AND pagetype = 'leaf' LIMIT 1 OFFSET "
		 "1",
		 name);
	page = ask(f->path, sql);
	assert_true(page > 1);
	memset(nonsense, 0x5a, sizeof(nonsense));
	fd = open(f->path, O_WRONLY);
	assert_int_equal(pwrite(fd, nonsense, sizeof(nonsense),
				(page - 1) * ask(f->path, "PRAGMA page_size")),
			 sizeof(nonsense));
	close(fd);
}

static void close_catalog(catalog_fixture *f)
{
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
}

/* The same files again, so that something is written. */
static void fill_more(const catalog_fixture *f)
{
	foreign_sql(f, "UPDATE files SET Verified = 1");
}

typedef struct held {
	const catalog_fixture *f;
	sr_lease *lease;
	sem_t holds; /* Posted once it is lent. */
	sem_t may_end;
} held;

/* ---- Size and log ---- */

static void test_size(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	setenv("SIZE_WARNING_MB", "0.01", 1);
	catalog_open(f);
	health = check(f, false);
	expect_only(health, "size_warning", SR_SEVERITY_WARNING);
	assert_string_equal(health->size.status, "warning");
	assert_int_equal(health->issue_count, 1);
	assert_non_null(strstr(health->issues[0], "SIZE_WARNING_MB"));
	sr_health_free(health);
	assert_ok(sr_close(f->catalog));
	setenv("SIZE_CRITICAL_MB", "0.02", 1);
	catalog_open(f);
	health = check(f, false);
	expect_only(health, "size_critical", SR_SEVERITY_WARNING);
	assert_string_equal(health->size.status, "critical");
	sr_health_free(health);
}

static void test_size_alone(void **state)
{
	catalog_fixture *f = *state;
	sr_size_limits *limits;
	sr_health *health;

	setenv("SIZE_WARNING_MB", "0.01", 1);
	setenv("SIZE_CRITICAL_MB", "7.5", 1);
	catalog_open(f);
	assert_ok(sr_size_limits_get(f->catalog, &limits));
	health = check(f, false);
	assert_int_equal(limits->size_bytes, health->size.size_bytes);
	assert_string_equal(limits->message, health->size.message);
	sr_health_free(health);
	assert_string_equal(limits->status, "warning");
	assert_true(limits->size_mb > 0.01 && limits->size_mb < 7.5);
	assert_true(limits->threshold_warning_mb > 0.009 && limits->threshold_warning_mb < 0.011);
	assert_true(limits->threshold_critical_mb > 7.4 && limits->threshold_critical_mb < 7.6);
	sr_size_limits_free(limits);
	sr_size_limits_free(NULL);
}

static void test_free_pages(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f, "CREATE TABLE mine (bytes); INSERT INTO mine VALUES (zeroblob(20000000));"
		       "DELETE FROM mine");
	health = check(f, false);
	expect_only(health, "free_pages", SR_SEVERITY_NOTE);
	assert_true(health->free_bytes > 19000000);
	sr_health_free(health);
}

static void test_parts(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;
	char name[64];
	int fd, hold;

	/* One that is being made, one that nobody makes any more. */
	assert_done(sr_part_hold(f->path, &hold));
	snprintf(name, sizeof(name), "catalog.db_backup_20260131_093000.db.%ld.part",
		 (long)getpid());
	assert_true((fd = open(scratch_path(name), O_CREAT | O_WRONLY, 0600)) >= 0);
	close(fd);
	health = check(f, false);
	expect_clean(health);
	sr_health_free(health);
	fd = open(scratch_path("catalog.db_backup_20260131_093000.db.4194399.part"),
		  O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	health = check(f, false);
	assert_int_equal(expect_only(health, "part_left", SR_SEVERITY_WARNING), 1);
	assert_non_null(strstr(finding(health, "part_left")->meaning, "4194399.part"));
	sr_health_free(health);
	sr_part_let_go(&hold);
	health = check(f, false);
	assert_int_equal(expect_only(health, "part_left", SR_SEVERITY_WARNING), 2);
	sr_health_free(health);
}

/* A copy that names no process is unfinished once it is old; a rehearsal's copy is one too. */
static void test_other_parts(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;
	char name[64];
	int fd, hold;

	assert_true((fd = open(scratch_path("catalog.db.part"), O_CREAT | O_WRONLY, 0600)) >= 0);
	close(fd);
	health = check(f, false);
	expect_clean(health);
	sr_health_free(health);
	health = check_small(f);
	assert_int_equal(finding(health, "part_left")->count, 1);
	sr_health_free(health);
	assert_int_equal(unlink(scratch_path("catalog.db.part")), 0);
	assert_done(sr_part_hold(f->path, &hold));
	snprintf(name, sizeof(name), "catalog.db.rehearsal.%ld.0123", (long)getpid());
	assert_true((fd = open(scratch_path(name), O_CREAT | O_WRONLY, 0600)) >= 0);
	close(fd);
	assert_true((fd = open(scratch_path("catalog.db.rehearsal.4194399.0123"),
			       O_CREAT | O_WRONLY, 0600)) >= 0);
	close(fd);
	health = check(f, false);
	assert_int_equal(expect_only(health, "part_left", SR_SEVERITY_WARNING), 1);
	sr_health_free(health);
	sr_part_let_go(&hold);
}

/* A plain connection that has written, and keeps the log from being removed. */
static sqlite3 *keep_log(const catalog_fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA wal_autocheckpoint = 0; UPDATE files SET Verified = 1",
			     NULL, NULL, NULL),
		SQLITE_OK);
	return db;
}

static void test_log_and_reader(void **state)
{
	catalog_fixture *f = *state;
	sqlite3 *db;
	const sr_finding *large;
	sr_health *health;
	sr_lease *lease;

	fill(f, 5);
	db = keep_log(f);
	health = check(f, false);
	expect_clean(health);
	assert_true(health->log_bytes > 0);
	sr_health_free(health);
	health = check_small(f);
	large = finding(health, "log_large");
	assert_non_null(large);
	assert_int_equal(large->severity, SR_SEVERITY_WARNING);
	assert_non_null(strstr(large->meaning, "reading now: nobody"));
	assert_null(finding(health, "reader_old"));
	sr_health_free(health);
	foreign_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
	health = check_small(f);
	assert_null(finding(health, "log_large"));
	sr_health_free(health);
	assert_ok(sr_lease_open(f->catalog, "the night job", false, &lease));
	fill_more(f);
	health = check_small(f);
	/* This thread's own does not count: it would wait for itself. */
	assert_non_null(strstr(finding(health, "log_large")->meaning, "nobody"));
	sr_health_free(health);
	sr_lease_close(lease);
	sqlite3_close(db);
}

static void *hold_a_reader(void *arg)
{
	held *h = arg;

	assert_ok(sr_lease_open(h->f->catalog, "the night job", false, &h->lease));
	sem_post(&h->holds);
	sem_wait(&h->may_end);
	sr_lease_close(h->lease);
	return NULL;
}

static void test_oldest_reader(void **state)
{
	catalog_fixture *f = *state;
	held h = {.f = f};
	sr_health *health;
	pthread_t thread;
	sqlite3 *db;

	fill(f, 5);
	db = keep_log(f);
	sem_init(&h.holds, 0, 0);
	sem_init(&h.may_end, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, hold_a_reader, &h), 0);
	sem_wait(&h.holds);
	health = check_small(f);
	assert_true(health->oldest_reader > 0);
	assert_non_null(strstr(finding(health, "log_large")->meaning, "the night job"));
	sr_health_free(health);
	foreign_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
	health = check_small(f);
	assert_int_equal(finding(health, "reader_old")->severity, SR_SEVERITY_NOTE);
	sr_health_free(health);
	sem_post(&h.may_end);
	pthread_join(thread, NULL);
	health = check_small(f);
	assert_null(finding(health, "reader_old"));
	sr_health_free(health);
	sem_destroy(&h.holds);
	sem_destroy(&h.may_end);
	sqlite3_close(db);
}

/* ---- A large one ---- */

static void test_large(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 300);
	add_client(f, "empty");
	health = check_small(f);
	assert_int_equal(health->errors, 0);
	assert_true(is_unseen(health, "the pages of large tables: "));
	assert_true(is_unseen(health, "'files'"));
	assert_false(is_unseen(health, "'clients'"));
	sr_health_free(health);
	/* Counted for each client by itself. */
	foreign_sql(f, "UPDATE client_usage SET Files = Files + 1 WHERE Files > 0");
	health = check_small(f);
	assert_int_equal(finding(health, "usage_wrong")->count, 1);
	assert_non_null(strstr(finding(health, "usage_wrong")->meaning, "'host' has 300 files"));
	sr_health_free(health);
}

static void test_damage_in_a_small_table(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f,
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)"
		    " INSERT INTO metrics_history (timestamp, metric_name, value)"
		    " SELECT hex(zeroblob(200)), 'm', i FROM n");
	close_catalog(f);
	damage(f, "metrics_history");
	catalog_open(f);
	health = check_small(f);
	assert_false(health->integrity_check);
	assert_non_null(finding(health, "damaged"));
	sr_health_free(health);
}

/* ---- Damage found ---- */

static void test_damaged_page(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 400);
	close_catalog(f);
	damage(f, "files");
	catalog_open(f);
	health = check(f, true);
	assert_false(health->integrity_check);
	assert_true(health->errors > 0);
	assert_non_null(finding(health, "damaged"));
	assert_non_null(strstr(finding(health, "damaged")->cure, "salvage"));
	/* The others went on. */
	assert_true(health->table_count > 5);
	sr_health_free(health);
	health = check(f, false);
	assert_false(health->integrity_check);
	sr_health_free(health);
}

static void test_damaged_index_page(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 400);
	close_catalog(f);
	damage(f, "idx_files_filename");
	catalog_open(f);
	health = check(f, true);
	assert_false(health->integrity_check);
	assert_true(health->errors > 0);
	sr_health_free(health);
}

/* Rows come in while an index looks as if it did not want them. */
static void break_index(const catalog_fixture *f)
{
	foreign_sql(f,
		    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = sql || ' WHERE 0'"
		    " WHERE name = 'idx_files_size'");
	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID, IsStored)"
		       " SELECT randomblob(16), 'hidden', 'p', 7, ID, 0 FROM clients");
	foreign_sql(f, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET"
		       " sql = replace(sql, ' WHERE 0', '') WHERE name = 'idx_files_size'");
}

static void test_broken_index(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 20);
	break_index(f);
	health = check(f, true);
	expect_only(health, "index_broken", SR_SEVERITY_ERROR);
	assert_string_equal(finding(health, "index_broken")->subject, "idx_files_size");
	assert_string_equal(finding(health, "index_broken")->cure, "strongroom repair --apply");
	assert_false(health->integrity_check);
	sr_health_free(health);
}

/* ---- The schema ---- */

static void test_drift(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f, "DROP INDEX idx_files_size; DROP TRIGGER trg_clients_archive_activity");
	health = check(f, false);
	assert_int_equal(expect_only(health, "schema_lacks", SR_SEVERITY_ERROR), 2);
	assert_string_equal(finding(health, "schema_lacks")->cure, "strongroom repair --apply");
	sr_health_free(health);
	foreign_sql(f, "CREATE INDEX idx_files_size ON files (FileName, FileSize)");
	health = check(f, false);
	assert_non_null(finding(health, "schema_differs"));
	assert_non_null(finding(health, "schema_lacks"));
	sr_health_free(health);
}

static void test_additions_are_fine(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f, "CREATE TABLE mine (a, b); CREATE INDEX my_index ON files (PathName);"
		       "CREATE VIEW my_view AS SELECT * FROM files");
	health = check(f, false);
	expect_clean(health);
	sr_health_free(health);
}

static void test_foreign_trigger(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f, "CREATE TRIGGER spy AFTER INSERT ON files BEGIN SELECT 1; END");
	health = check(f, false);
	expect_only(health, "foreign_object", SR_SEVERITY_ERROR);
	assert_string_equal(finding(health, "foreign_object")->subject, "spy");
	sr_health_free(health);
	assert_ok(sr_close(f->catalog));
	setenv("TRUST_FOREIGN_TRIGGERS", "true", 1);
	catalog_open(f);
	health = check(f, false);
	expect_only(health, "foreign_object", SR_SEVERITY_NOTE);
	sr_health_free(health);
	unsetenv("TRUST_FOREIGN_TRIGGERS");
}

static void test_orphans(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 3);
	foreign_sql(f, "INSERT INTO client_activity (ClientID, ActivityType, Timestamp)"
		       " VALUES (x'77', 'save', '2026-01-01T00:00:00Z'),"
		       " (x'78', 'save', '2026-01-01T00:00:00Z')");
	health = check(f, false);
	assert_int_equal(expect_only(health, "orphans", SR_SEVERITY_ERROR), 2);
	assert_string_equal(finding(health, "orphans")->subject, "client_activity");
	assert_false(health->foreign_key_check);
	assert_true(health->integrity_check);
	sr_health_free(health);
}

/* A user's own rows are his. */
static void test_orphans_of_others(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f,
		    "CREATE TABLE mine (ClientID REFERENCES clients(ID)); INSERT INTO mine VALUES"
		    " (x'55')");
	health = check(f, false);
	assert_int_equal(expect_only(health, "orphans", SR_SEVERITY_WARNING), 1);
	assert_false(health->foreign_key_check);
	sr_health_free(health);
}

static void test_orphans_kept(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f, "INSERT INTO orphaned_rows (TableName, MovedAt, Reason, Content) VALUES"
		       " ('files', 'now', 'why', 'INSERT')");
	health = check(f, false);
	assert_int_equal(expect_only(health, "orphans_kept", SR_SEVERITY_NOTE), 1);
	sr_health_free(health);
}

/* ---- The pool ---- */

/* Eight of nine readers are lent, and somebody has asked in vain. */
static void test_busy_pool(void **state)
{
	enum { READERS = 9 }; /* And a writer, that is lent to nobody. */
	catalog_fixture *f = *state;
	sr_lease *leases[READERS], *another;
	sr_health *health;

	assert_ok(sr_close(f->catalog));
	f->options.pool_size = READERS;
	f->options.timeout = 0.01;
	catalog_open(f);
	for (int i = 0; i < READERS; i++)
		assert_ok(sr_lease_open(f->catalog, "test", false, &leases[i]));
	assert_fails(sr_lease_open(f->catalog, "test", false, &another), SR_BUSY, "test");
	sr_lease_close(leases[0]);
	health = check(f, false);
	assert_int_equal(expect_only(health, "pool", SR_SEVERITY_NOTE), 2);
	assert_int_equal(health->pool.active_connections, READERS - 1);
	assert_int_equal(health->pool.exhaustion_events, 1);
	assert_true(health->pool.health_score < 100);
	assert_true(health->connection_pool_healthy);
	assert_int_equal(health->pool.warning_count, 2);
	assert_int_equal(health->pool.recommendation_count, 2);
	assert_string_equal(health->pool.warnings[0], "8 of 10 connections are in use");
	assert_string_equal(health->pool.warnings[1], "1 caller waited in vain");
	sr_health_free(health);
	for (int i = 1; i < READERS; i++)
		sr_lease_close(leases[i]);
}

/* Figures that a test cannot have stand still while it asks: callers that wait among them. */
static void test_judged_pool(void **state)
{
	const sr_pool_statistics figures = {
		.enabled = true, .size = 10, .active = 10, .peak = 10, .waiting = 2, .leaks = 3};
	sr_health *health = calloc(1, sizeof(*health));
	sr_checkup c = {.health = health};

	(void)state;
	assert_non_null(health);
	sr_check_pool(&c, &figures);
	assert_int_equal(c.trouble, SR_OK);
	assert_false(health->connection_pool_healthy);
	assert_int_equal(expect_only(health, "pool", SR_SEVERITY_WARNING), 3);
	assert_int_equal(health->pool.warning_count, 3);
	assert_string_equal(health->pool.warnings[0], "10 of 10 connections are in use");
	assert_string_equal(health->pool.warnings[1], "2 callers wait for a connection");
	assert_string_equal(health->pool.warnings[2], "3 leases were held too long");
	sr_health_free(health);
}

/* ---- Rows ---- */

static void test_usage(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 5);
	add_client(f, "empty");
	foreign_sql(f, "UPDATE client_usage SET Files = Files + 1 WHERE Files > 0");
	health = check(f, false);
	assert_int_equal(expect_only(health, "usage_wrong", SR_SEVERITY_ERROR), 1);
	assert_non_null(strstr(finding(health, "usage_wrong")->meaning,
			       "'host' has 5 files of 510 bytes, counted are 6 of 510"));
	sr_health_free(health);
	foreign_sql(f, "DELETE FROM client_usage; INSERT INTO client_usage VALUES (x'01', 2, 3)");
	health = check(f, true);
	assert_int_equal(expect_only(health, "usage_wrong", SR_SEVERITY_ERROR), 2);
	assert_non_null(strstr(finding(health, "usage_wrong")->meaning, "'host' is not counted"));
	sr_health_free(health);
}

/* More clients than the table of counts has room for at first. */
static void test_usage_of_many(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	foreign_sql(f,
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		    " WHERE i < 300) INSERT INTO clients (ID, Name, LastSeen)"
		    " SELECT CAST(printf('%016d', i) AS BLOB), 'host ' || i, '2026-01-01' FROM n;"
		    "INSERT INTO files (ID, FileName, PathName, FileSize, ClientID, IsStored)"
		    " SELECT randomblob(16), 'name', 'p', c.rowid, c.ID, 0"
		    " FROM clients AS c, (SELECT 1 UNION ALL SELECT 2)");
	health = check(f, true);
	expect_clean(health);
	sr_health_free(health);
	foreign_sql(f, "UPDATE client_usage SET Bytes = Bytes + 1 WHERE Bytes % 20 = 0");
	health = check(f, true);
	assert_int_equal(expect_only(health, "usage_wrong", SR_SEVERITY_ERROR),
			 integer(f, "SELECT count(*) FROM client_usage WHERE Bytes % 2 = 1"));
	sr_health_free(health);
}

static void test_quotas(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 5);
	foreign_sql(f, "INSERT INTO client_quotas (ClientID, QuotaBytes, LastUpdated)"
		       " SELECT ID, 1000, 'now' FROM clients");
	health = check(f, false);
	expect_clean(health);
	sr_health_free(health);
	bare_sql(f, "UPDATE client_quotas SET UsedBytes = 7");
	health = check(f, false);
	assert_int_equal(expect_only(health, "quota_wrong", SR_SEVERITY_ERROR), 1);
	assert_non_null(strstr(finding(health, "quota_wrong")->meaning,
			       "'host' uses 510 bytes, its quota says 7"));
	sr_health_free(health);
}

/* The file "/home/file 0" with three versions, and others that never changed. */
static void with_versions(const catalog_fixture *f)
{
	fill(f, 5);
	for (int i = 1; i < 3; i++) {
		sr_file file = file_at(f, "/home/file 0");

		file.size = 1000 + i;
		file.stored = false;
		assert_int_equal(save(f, &file), SR_CHANGED);
	}
}

static void expect_links(const catalog_fixture *f, const char *sql, const char *words)
{
	sr_health *health;

	foreign_sql(f, "CREATE TABLE keep_f AS SELECT ID, CurrentVersionID AS c, TotalVersions AS t"
		       " FROM files; CREATE TABLE keep_v AS SELECT ID, IsActive AS a FROM "
		       "file_versions");
	foreign_sql(f, sql);
	health = check(f, false);
	assert_int_equal(expect_only(health, "version_links", SR_SEVERITY_ERROR), 1);
	if (strstr(finding(health, "version_links")->meaning, words) == NULL)
		fail_msg("no '%s' in: %s", words, finding(health, "version_links")->meaning);
	sr_health_free(health);
	foreign_sql(f, "UPDATE files SET CurrentVersionID = c, TotalVersions = t FROM keep_f"
		       " WHERE keep_f.ID = files.ID; UPDATE file_versions SET IsActive = a"
		       " FROM keep_v WHERE keep_v.ID = file_versions.ID;"
		       "DROP TABLE keep_f; DROP TABLE keep_v");
}

static void test_version_links(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	with_versions(f);
	health = check(f, true);
	expect_clean(health);
	sr_health_free(health);
	expect_links(f, "UPDATE files SET CurrentVersionID = 999 WHERE TotalVersions = 3",
		     "'/home/file 0' (its current version is none of its own)");
	expect_links(f, "UPDATE files SET CurrentVersionID = 1 WHERE OriginalPath LIKE '%1'",
		     "'/home/file 1' (its current version is none of its own)");
	expect_links(f, "UPDATE files SET TotalVersions = 4 WHERE TotalVersions = 3",
		     "TotalVersions is not how many it has");
	expect_links(f, "UPDATE files SET TotalVersions = 2 WHERE OriginalPath LIKE '%1'",
		     "'/home/file 1' (TotalVersions is not how many it has)");
	expect_links(f, "UPDATE file_versions SET IsActive = 0",
		     "not exactly one version is active");
	expect_links(f, "UPDATE file_versions SET IsActive = 1",
		     "not exactly one version is active");
	expect_links(f, "UPDATE file_versions SET IsActive = (VersionNumber = 2)",
		     "the active version is not the current one");
	expect_links(f, "UPDATE files SET CurrentVersionID = NULL",
		     "the active version is not the current one");
	health = check(f, true);
	expect_clean(health);
	sr_health_free(health);
}

static void test_version_differs(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	with_versions(f);
	foreign_sql(f, "UPDATE files SET FileSize = 77");
	health = check(f, false);
	assert_int_equal(expect_only(health, "version_differs", SR_SEVERITY_ERROR), 1);
	assert_non_null(strstr(finding(health, "version_differs")->meaning, "/home/file 0"));
	sr_health_free(health);
}

static void test_version_parent(void **state)
{
	catalog_fixture *f = *state;
	sr_file file = file_at(f, "/home/file 1");
	sr_health *health;

	with_versions(f);
	file.size = 5;
	file.stored = false;
	assert_int_equal(save(f, &file), SR_CHANGED);
	foreign_sql(f, "UPDATE file_versions SET ParentVersionID = 1 WHERE ID = 5");
	health = check(f, false);
	assert_int_equal(expect_only(health, "version_parent", SR_SEVERITY_ERROR), 1);
	sr_health_free(health);
}

/* ---- Stored files ---- */

static void write_file(const char *path, const char *bytes)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	close(fd);
}

static void store(const catalog_fixture *f, const char *name, const char *path, const char *bytes)
{
	sr_file file = file_named(f, name);

	write_file(path[0] == '/' ? path : scratch_path(path), bytes);
	file.path = sr_text_of(path);
	file.size = (int64_t)strlen(bytes);
	assert_int_equal(save(f, &file), SR_ADDED);
}

static void test_storage(void **state)
{
	catalog_fixture *f = *state;
	char absolute[128];
	sr_health *health;

	/* However a path is spelt it means the same file. */
	strcpy(absolute, scratch_path("received_files/b"));
	store(f, "a", "received_files/a", "aaa");
	store(f, "b", absolute, "bbb");
	store(f, "c", "./received_files/../received_files//c", "ccc");
	assert_int_equal(mkdir(scratch_path("received_files/deep"), 0700), 0);
	store(f, "d", "received_files/deep/d", "ddd");
	/* And whatever its record is called. */
	foreign_sql(f, "UPDATE files SET OriginalPath = '/b' WHERE FileName = 'b';"
		       "UPDATE files SET FileName = 'other' WHERE FileName = 'a';"
		       "UPDATE files SET FileName = 'deep/d' WHERE FileName = 'd'");
	health = check(f, false);
	expect_clean(health);
	assert_null(finding(health, "storage_missing"));
	sr_health_free(health);
	write_file(scratch_path("received_files/deep/stray\n"), "nobody's");
	health = check(f, false);
	assert_int_equal(expect_only(health, "file_stray", SR_SEVERITY_WARNING), 1);
	assert_non_null(strstr(finding(health, "file_stray")->meaning, "deep/stray"));
	sr_health_free(health);
	assert_int_equal(unlink(scratch_path("received_files/deep/stray\n")), 0);
	write_file(scratch_path("received_files/.strongroom-deleted-0123"), "hidden");
	health = check(f, false);
	assert_int_equal(expect_only(health, "deletion_left", SR_SEVERITY_WARNING), 1);
	sr_health_free(health);
	assert_int_equal(unlink(scratch_path("received_files/.strongroom-deleted-0123")), 0);
	assert_int_equal(unlink(scratch_path("received_files/a")), 0);
	assert_int_equal(unlink(scratch_path("received_files/deep/d")), 0);
	health = check(f, false);
	assert_int_equal(expect_only(health, "file_missing", SR_SEVERITY_ERROR), 2);
	sr_health_free(health);
}

/* A record that leads out of the folder is told of, and what is there is left alone: whether it is
 * there is nobody's to know. */
static void test_storage_elsewhere(void **state)
{
	catalog_fixture *f = *state;
	sr_health_options how;
	sr_health *health;

	store(f, "a", "received_files/a", "aaa");
	assert_int_equal(symlink(scratch_folder(), scratch_path("received_files/up")), 0);
	write_file(scratch_path("secret"), "aaa");
	foreign_sql(f, "UPDATE files SET PathName = '../../etc/passwd' WHERE FileName = 'a'");
	store(f, "b", "received_files/b", "bbb");
	foreign_sql(f,
		    "UPDATE files SET PathName = 'received_files/up/secret' WHERE FileName = 'b'");
	store(f, "c", "received_files/c", "ccc");
	foreign_sql(f, "UPDATE files SET PathName = '/no/such/place' WHERE FileName = 'c'");
	assert_int_equal(unlink(scratch_path("received_files/a")), 0);
	assert_int_equal(unlink(scratch_path("received_files/b")), 0);
	assert_int_equal(unlink(scratch_path("received_files/c")), 0);
	sr_health_options_init(&how);
	how.verify_files = true;
	assert_ok(sr_health_check(f->catalog, &how, &health));
	assert_int_equal(finding(health, "file_elsewhere")->count, 3);
	assert_null(finding(health, "file_missing"));
	assert_int_equal(health->stored_failed, 3);
	for (size_t i = 0; i < health->finding_count; i++)
		if (strcmp(health->findings[i].code, "stored_differs") == 0)
			assert_non_null(strstr(health->findings[i].meaning, "not touched"));
	sr_health_free(health);
}

static void test_storage_missing(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	store(f, "a", "received_files/a", "aaa");
	scratch_remove(scratch_path("received_files"));
	health = check(f, false);
	expect_only(health, "storage_missing", SR_SEVERITY_WARNING);
	sr_health_free(health);
	assert_ok(sr_file_delete(f->catalog, &f->client, sr_text_of("a")));
	health = check(f, false);
	expect_only(health, "storage_missing", SR_SEVERITY_NOTE);
	sr_health_free(health);
	write_file(scratch_path("received_files"), "a file");
	health = check(f, false);
	expect_only(health, "storage_missing", SR_SEVERITY_NOTE);
	assert_non_null(strstr(finding(health, "storage_missing")->meaning, "is no folder"));
	sr_health_free(health);
}

/* A folder that cannot be looked at is neither missing nor damage of the database. */
static void test_storage_unseen(void **state)
{
	catalog_fixture *f = *state;
	const sr_finding *told;
	sr_health *health;

	store(f, "a", "received_files/a", "aaa");
	scratch_remove(scratch_path("received_files"));
	assert_int_equal(symlink("received_files", scratch_path("received_files")), 0);
	health = check(f, false);
	expect_only(health, "check_failed", SR_SEVERITY_ERROR);
	told = finding(health, "check_failed");
	assert_non_null(strstr(told->meaning, "received_files' cannot be checked"));
	assert_non_null(strstr(told->meaning, strerror(ELOOP)));
	assert_null(told->cure);
	assert_true(health->integrity_check);
	sr_health_free(health);
}

/* The catalog may lie in the storage folder: its own files are no strays. */
static void test_storage_with_the_catalog(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	assert_ok(sr_close(f->catalog));
	f->options.storage_dir = scratch_folder();
	catalog_open(f);
	write_file(scratch_path("catalog.db_backup_20260131_093000.db"), "a copy");
	health = check(f, false);
	expect_clean(health);
	sr_health_free(health);
}

static void test_verify_files(void **state)
{
	catalog_fixture *f = *state;
	sr_health_options how;
	sr_health *health;

	for (int i = 0; i < 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "received_files/%d", i);
		store(f, name, name, "what was stored");
		assert_ok(sr_file_verify(f->catalog, &f->client, sr_text_of(name)));
	}
	sr_health_options_init(&how);
	how.verify_files = true;
	health = check_with(f, &how);
	expect_clean(health);
	assert_int_equal(health->stored_files, 5);
	assert_int_equal(health->stored_failed, 0);
	sr_health_free(health);
	write_file(scratch_path("received_files/2"), "What was stored");
	write_file(scratch_path("received_files/3"), "shorter");
	health = check_with(f, &how);
	assert_int_equal(expect_only(health, "stored_differs", SR_SEVERITY_ERROR), 2);
	assert_int_equal(health->stored_files, 5);
	assert_int_equal(health->stored_failed, 2);
	assert_non_null(strstr(finding(health, "stored_differs")->meaning, "hash"));
	sr_health_free(health);
	/* Nothing was marked. */
	assert_int_equal(integer(f, "SELECT count(*) FROM files WHERE Verified = 1"), 5);
}

static void test_sample(void **state)
{
	catalog_fixture *f = *state;
	sr_health_options how;
	sr_health *health;
	int64_t files;
	uint64_t seed;
	int others = 0;

	assert_ok(sr_begin(f->catalog, "test"));
	for (int i = 0; i < 1000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "received_files/%d", i);
		store(f, name, name, "x");
	}
	assert_ok(sr_commit(f->catalog));
	sr_health_options_init(&how);
	how.verify_files = true;
	how.sample = 20;
	health = check_with(f, &how);
	files = health->stored_files;
	seed = health->seed;
	assert_true(files > 100 && files < 300);
	sr_health_free(health);
	/* The same again, and with other seeds others. */
	how.seed = seed;
	health = check_with(f, &how);
	assert_int_equal(health->stored_files, files);
	assert_int_equal(health->seed, seed);
	sr_health_free(health);
	foreign_sql(f, "UPDATE files SET CRC = 1"); /* Of nothing that is there. */
	how.seed = seed;
	health = check_with(f, &how);
	assert_int_equal(health->stored_files, files);
	assert_int_equal(health->stored_failed, files);
	sr_health_free(health);
	for (uint64_t i = 1; i <= 8; i++) {
		how.seed = seed + i;
		health = check_with(f, &how);
		others += health->stored_files != files;
		sr_health_free(health);
	}
	assert_true(others > 0);
}

/* ---- Other versions, and what cannot be opened ---- */

static void test_old_versions(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	for (int version = 0; version <= 5; version++) {
		unlink(f->path);
		old_database_make(f->path, &(old_options){.version = version, .files = 30});
		assert_ok(sr_health_look(&f->options, NULL, &health));
		/* What the old code has left in it, as it is told after an upgrade. */
		assert_int_equal(health->errors, 1);
		assert_int_equal(finding(health, "orphans")->count, 3);
		assert_non_null(strstr(finding(health, "orphans")->cure, "migrate up"));
		assert_non_null(finding(health, "schema_old"));
		assert_int_equal(health->schema_version, version);
		sr_health_free(health);
	}
	for (old_stage stage = OLD_ID_IS_CLIENT; stage <= OLD_WITHOUT_KEY; stage++) {
		unlink(f->path);
		old_database_make(f->path, &(old_options){.stage = stage});
		assert_ok(sr_health_look(&f->options, NULL, &health));
		assert_non_null(finding(health, "schema_old"));
		sr_health_free(health);
	}
}

static void test_cannot_be_opened(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	assert_fails(sr_health_look(&f->options, NULL, &health), SR_NOT_FOUND, f->path);
	assert_null(health);
	write_file(f->path, "This is a letter and not a database, whatever its name may say.");
	assert_ok(sr_health_look(&f->options, NULL, &health));
	assert_false(health->opened);
	assert_false(health->integrity_check);
	assert_int_equal(expect_only(health, "cannot_open", SR_SEVERITY_ERROR), 1);
	assert_non_null(strstr(finding(health, "cannot_open")->meaning, f->path));
	sr_health_free(health);
	unlink(f->path);
	foreign_sql(f, "CREATE TABLE strangers (a)");
	assert_ok(sr_health_look(&f->options, NULL, &health));
	assert_false(health->opened);
	sr_health_free(health);
}

static void test_looking_changes_nothing(void **state)
{
	catalog_fixture *f = *state;
	struct stat before, after;
	sr_health *health;

	fill(f, 10);
	close_catalog(f);
	assert_int_equal(stat(f->path, &before), 0);
	assert_ok(sr_health_look(&f->options, NULL, &health));
	expect_clean(health);
	sr_health_free(health);
	assert_int_equal(stat(f->path, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_int_not_equal(access(scratch_path("catalog.db-wal"), F_OK), 0);
}

/* ---- How it is asked ---- */

static bool cancel(void *arg, int64_t done, int64_t total)
{
	int *calls = arg;

	assert_true(done <= total);
	return ++*calls > 0;
}

static void test_options(void **state)
{
	catalog_fixture *f = *state;
	sr_health_options how;
	sr_health *health;
	int calls = 0;

	fill(f, 2000);
	sr_health_options_init(&how);
	how.version = 7;
	assert_fails(sr_health_check(f->catalog, &how, &health), SR_INVALID, "version 7");
	sr_health_options_init(&how);
	how.sample = 0;
	assert_fails(sr_health_check(f->catalog, &how, &health), SR_INVALID, "sample of 0");
	how.sample = 101;
	assert_fails(sr_health_check(f->catalog, &how, &health), SR_INVALID, "sample of 101");
	sr_health_options_init(&how);
	how.seconds = -1;
	assert_fails(sr_health_check(f->catalog, &how, &health), SR_INVALID, "-1 seconds");
	sr_health_options_init(&how);
	how.progress = cancel;
	how.progress_arg = &calls;
	assert_fails(sr_health_check(f->catalog, &how, &health), SR_INTERRUPTED, "interrupted");
	assert_null(health);
	assert_int_equal(calls, 1);
}

/* In no time nothing that takes any is seen, and that is told. */
static void test_out_of_time(void **state)
{
	catalog_fixture *f = *state;
	sr_health_options how;
	sr_health *health;
	bool told = false;

	fill(f, 2000);
	sr_health_options_init(&how);
	how.seconds = 1e-9;
	health = check_with(f, &how);
	assert_int_equal(health->errors, 0);
	for (size_t i = 0; i < health->unseen_count; i++)
		told |= strstr(health->unseen[i], "integrity") != NULL;
	assert_true(told);
	sr_health_free(health);
}

static void test_in_a_transaction(void **state)
{
	catalog_fixture *f = *state;
	sr_health *health;

	fill(f, 5);
	assert_ok(sr_begin(f->catalog, "test"));
	assert_ok(
		sr_execute(f->catalog,
			   "INSERT INTO client_activity (ClientID, ActivityType, Timestamp) VALUES"
			   " ((SELECT ID FROM clients), 'save', '2026-01-01T00:00:00Z')",
			   NULL, 0, NULL));
	health = check(f, true);
	expect_clean(health);
	sr_health_free(health);
	assert_ok(sr_commit(f->catalog));
	assert_int_equal(integer(f,
				 "SELECT count(*) FROM client_activity WHERE ActivityType = 'save'"
				 " AND Timestamp = '2026-01-01T00:00:00Z'"),
			 1);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, with_client, catalog_teardown)
#define EMPTY(name) cmocka_unit_test_setup_teardown(name, without, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clean),
		EMPTY(test_versions_with_the_flaw),
		TEST(test_engine_is_named),
		EMPTY(test_size),
		EMPTY(test_size_alone),
		TEST(test_free_pages),
		TEST(test_parts),
		TEST(test_other_parts),
		TEST(test_log_and_reader),
		TEST(test_oldest_reader),
		TEST(test_large),
		TEST(test_damage_in_a_small_table),
		TEST(test_damaged_page),
		TEST(test_damaged_index_page),
		TEST(test_broken_index),
		TEST(test_drift),
		TEST(test_additions_are_fine),
		TEST(test_foreign_trigger),
		TEST(test_orphans),
		TEST(test_orphans_of_others),
		TEST(test_orphans_kept),
		TEST(test_busy_pool),
		cmocka_unit_test(test_judged_pool),
		TEST(test_usage),
		TEST(test_usage_of_many),
		TEST(test_quotas),
		TEST(test_version_links),
		TEST(test_version_differs),
		TEST(test_version_parent),
		TEST(test_storage),
		TEST(test_storage_elsewhere),
		TEST(test_storage_missing),
		TEST(test_storage_unseen),
		TEST(test_storage_with_the_catalog),
		TEST(test_verify_files),
		TEST(test_sample),
		cmocka_unit_test_setup_teardown(test_old_versions, catalog_setup, catalog_teardown),
		EMPTY(test_cannot_be_opened),
		TEST(test_looking_changes_nothing),
		TEST(test_options),
		TEST(test_out_of_time),
		TEST(test_in_a_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
