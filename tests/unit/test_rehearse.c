/* Rehearsing migrations: what is caught, and that the database is not touched. */
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "migrate_fixture.h"
#include "old_database.h"
#include "schema/copy.h"
#include "schema/rehearsal.h"

#define MANY 64

static const char *const none[] = {NULL};

static sr_rehearse_settings settings_all(void)
{
	return (sr_rehearse_settings){
		.to = -1,
		.backup = true,
		.validate = true,
		.block_dangerous = true,
		.busy_timeout = 60,
		.cache_pages = 2000,
	};
}

static sr_status rehearse(const char *path, const sr_rehearse_settings *settings,
			  sr_rehearsal **report)
{
	const sr_conn_options options = {
		.access = SR_ACCESS_INSPECT, .busy_timeout = 5, .cache_pages = 500};
	sr_rehearse *work;
	sr_conn *live;
	sr_status rc;

	*report = NULL;
	assert_done(sr_conn_open(&sr_sqlite, path, &options, &live));
	rc = sr_rehearse_begin(live, settings, &work);
	sr_conn_close(live);
	if (rc == SR_OK)
		rc = sr_rehearse_run(work, report);
	sr_rehearse_end(work);
	return rc;
}

/* How many files there are in the test's folder. */
static int files_there(void)
{
	DIR *dir = opendir(scratch_folder());
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* The embedded migrations and one more, of which `changes` declares what it changes. */
typedef struct extra {
	sr_migration_source sources[MANY];
	sr_migrations all;
	const char *up[2];
	const char *down[2];
} extra;

static void extra_make(extra *e, const char *up, const char *down, const char *const *allows,
		       const char *const *changes)
{
	int n = sr_migration_count;

	assert_true(n < MANY);
	memcpy(e->sources, sr_migration_sources, sizeof(e->sources[0]) * (size_t)n);
	e->up[0] = up;
	e->down[0] = down;
	e->up[1] = e->down[1] = NULL;
	e->sources[n] = e->sources[n - 1];
	e->sources[n].version = n;
	e->sources[n].name = "extra";
	e->sources[n].description = "An extra one";
	e->sources[n].up = (sr_migration_script){up, e->up, allows, changes, none};
	e->sources[n].down =
		(sr_migration_script){down, down ? e->down : none, allows, changes, none};
	e->all = (sr_migrations){e->sources, n + 1};
}

/* A database at the latest version, with rows. */
static const char *latest_database(void)
{
	const char *path = migrate_path();
	sr_schema_options options = migrate_options();

	old_database_make(path, &(old_options){.version = 5});
	assert_done(migrate_run(path, &options, NULL));
	return path;
}

static sr_rehearsal *rehearse_extra(const char *path, const extra *e, bool validate, bool block)
{
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;

	settings.migrations = &e->all;
	settings.validate = validate;
	settings.block_dangerous = block;
	assert_done(rehearse(path, &settings, &report));
	return report;
}

/* The one reason that holds the words; the test ends without one. */
static const sr_rehearsal_reason *reason_with(const sr_rehearsal *report, const char *words)
{
	for (size_t i = 0; i < report->reason_count; i++) {
		if (strstr(report->reasons[i].text, words))
			return &report->reasons[i];
		print_message("reason: %s\n", report->reasons[i].text);
	}
	fail_msg("no reason has '%s'", words);
	return NULL;
}

/* ---- What is caught ---- */

static void test_lost_row_is_caught(void **state)
{
	static const char *const delete_files[] = {"delete files", NULL};
	static const char *const files[] = {"files", NULL};
	static const char sql[] = "DELETE FROM files WHERE rowid = 7";
	const char *path = latest_database();
	char *before = old_database_rows(path, OLD_CORE, true);
	extra e;
	char *after;

	(void)state;
	/* Declared and allowed: the real run would do it. */
	extra_make(&e, sql, "SELECT 1", delete_files, files);
	for (int i = 0; i < 4; i++) {
		bool validate = i & 1, block = i & 2;
		sr_rehearsal *report = rehearse_extra(path, &e, validate, block);
		const sr_rehearsal_reason *reason;

		assert_int_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
		assert_int_equal(report->to, sr_migration_count);
		reason = reason_with(report, block ? "contains potentially dangerous operations"
						   : "files has 64 rows instead of 65");
		assert_true(reason->serious);
		assert_true(report->step_count >= 1);
		if (!block) {
			assert_true(report->steps[0].done);
			/* Going back does not bring it back. */
			reason = reason_with(report, "there and back again, files has 64 rows");
			assert_true(reason->serious);
		}
		sr_rehearsal_free(report);
	}
	/* Not declared, and nobody but the rehearsal looks. */
	extra_make(&e, "UPDATE files SET CRC = 99 WHERE rowid = 7", "SELECT 1", none, none);
	for (int i = 0; i < 2; i++) {
		sr_rehearsal *report = rehearse_extra(path, &e, i, true);

		assert_int_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
		assert_int_equal(report->steps[0].done, !i);
		assert_true(reason_with(report, "values of")->serious);
		sr_rehearsal_free(report);
	}
	after = old_database_rows(path, OLD_CORE, true);
	assert_string_equal(before, after);
	sqlite3_free(before);
	sqlite3_free(after);
	assert_int_equal(files_there(), 1);
}

/* What a migration declares is no news, but for old values of the core tables. */
static void test_declared_changes(void **state)
{
	static const char *const files[] = {"files", "metrics_history", NULL};
	static const char *const stats[] = {"transfer_stats", NULL};
	static const char *const drop_stats[] = {"drop table transfer_stats", NULL};
	const char *path = latest_database();
	sr_rehearsal *report;
	extra e;

	(void)state;
	extra_make(&e,
		   "INSERT INTO metrics_history (timestamp, metric_name, value)"
		   " VALUES ('2026-01-01', 'm', 1)",
		   "SELECT 1", none, files);
	report = rehearse_extra(path, &e, true, true);
	assert_int_equal(report->verdict, SR_REHEARSAL_SAFE);
	assert_int_equal(report->reason_count, 0);
	assert_int_equal(report->step_count, 2);
	sr_rehearsal_free(report);

	extra_make(&e, "UPDATE files SET CRC = 99 WHERE rowid = 7", "SELECT 1", none, files);
	report = rehearse_extra(path, &e, true, true);
	assert_int_equal(report->verdict, SR_REHEARSAL_REMARKS);
	assert_false(reason_with(report, "values of files change")->serious);
	assert_false(reason_with(report, "there and back again, values of files")->serious);
	sr_rehearsal_free(report);

	extra_make(&e, "UPDATE files SET ClientID = x'99' WHERE rowid = 7", "SELECT 1", none,
		   files);
	report = rehearse_extra(path, &e, false, true);
	assert_int_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
	assert_true(reason_with(report, "of files break a foreign key")->serious);
	sr_rehearsal_free(report);

	/* A table that goes as declared, with rows and then no way back. */
	assert_null(old_database_run(path, "INSERT INTO transfer_stats (Date) VALUES ('a')"));
	extra_make(&e, "DROP TABLE transfer_stats", NULL, drop_stats, stats);
	report = rehearse_extra(path, &e, true, true);
	assert_int_equal(report->verdict, SR_REHEARSAL_REMARKS);
	assert_false(reason_with(report, "drops the table transfer_stats with its 1")->serious);
	assert_false(reason_with(report, "has no way down")->serious);
	assert_int_equal(report->step_count, 1);
	sr_rehearsal_free(report);
}

static void test_failing_statement(void **state)
{
	const char *path = latest_database();
	sr_rehearsal *report;
	extra e;

	(void)state;
	extra_make(&e, "INSERT INTO nowhere VALUES (1)", "SELECT 1", none, none);
	report = rehearse_extra(path, &e, true, true);
	assert_int_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
	assert_int_equal(report->step_count, 1);
	assert_false(report->steps[0].done);
	assert_non_null(reason_with(report, "no such table: nowhere"));
	sr_rehearsal_free(report);

	/* And one that cannot be taken back. */
	extra_make(&e, "SELECT 1", "INSERT INTO nowhere VALUES (1)", none, none);
	report = rehearse_extra(path, &e, true, true);
	assert_int_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
	assert_int_equal(report->step_count, 2);
	assert_true(report->steps[0].done);
	assert_false(report->steps[1].done);
	sr_rehearsal_free(report);
	assert_int_equal(files_there(), 1);
}

/* ---- Plans ---- */

static void test_worse(void **state)
{
	static const struct {
		const char *before, *after;
		bool worse;
	} cases[] = {
		{"SCAN f", "SCAN f", false},
		{"SEARCH f USING INDEX a (x=?)", "SEARCH f USING INDEX b (x=?)", false},
		{"SEARCH f USING INDEX a (x=?)", "SCAN f", true},
		{"SCAN f", "SEARCH f USING INDEX a (x=?)", false},
		{"SEARCH f USING INDEX a (x=? AND y=?)", "SEARCH f USING INDEX b (x=?)", true},
		{"SEARCH f USING INDEX a (x=? AND y>? AND y<?)", "SEARCH f USING INDEX a (x=?)",
		 true},
		{"SEARCH f USING INDEX a (x=? AND y=?)",
		 "SEARCH f USING INTEGER PRIMARY KEY (rowid=?)", false},
		{"SEARCH f USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH f USING INDEX a (x=?)",
		 true},
		{"SCAN f USING COVERING INDEX a", "SCAN f", true},
		{"SCAN f", "SCAN f USING COVERING INDEX a", false},
		{"SCAN f USING INDEX a", "SCAN f USING INDEX a\nUSE TEMP B-TREE FOR ORDER BY",
		 true},
		{"SCAN f\nUSE TEMP B-TREE FOR ORDER BY", "SCAN f USING INDEX a", false},
		{"SCAN f\nSEARCH c USING INDEX a (x=?)",
		 "SCAN f\nSEARCH c USING AUTOMATIC COVERING INDEX (x=?)", true},
		{"SCAN f\n  SEARCH c USING INDEX a (x=?)", "SCAN f\n  SCAN c", true},
		{"SCAN CONSTANT ROW", "SCAN 2 CONSTANT ROWS", false},
		{"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sr_plan_worse(cases[i].before, cases[i].after) != cases[i].worse)
			fail_msg("%s -> %s", cases[i].before, cases[i].after);
}

static sr_status three_queries(const sr_shape *shape, sr_query_take_fn take, void *to)
{
	assert_non_null(shape->files);
	take(to, "by size", "SELECT * FROM files WHERE FileSize = 5");
	take(to, "all", "SELECT * FROM files");
	take(to, "of a table that goes", "SELECT * FROM transfer_stats");
	return SR_OK;
}

static void test_worse_plans_are_told(void **state)
{
	static const char *const drop_index[] = {"drop index", NULL};
	static const char *const drop_stats[] = {"drop table transfer_stats", NULL};
	static const char *const stats[] = {"transfer_stats", NULL};
	const char *path = latest_database();
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;
	extra e;

	(void)state;
	settings.migrations = &e.all;
	settings.queries = three_queries;
	extra_make(&e, "DROP INDEX idx_files_size",
		   "CREATE INDEX idx_files_size ON files(FileSize)", drop_index, none);
	assert_done(rehearse(path, &settings, &report));
	assert_int_equal(report->verdict, SR_REHEARSAL_REMARKS);
	assert_int_equal(report->query_count, 3);
	assert_string_equal(report->queries[0].name, "by size");
	assert_string_equal(report->queries[0].before,
			    "SEARCH files USING INDEX idx_files_size (FileSize=?)");
	assert_string_equal(report->queries[0].after, "SCAN files");
	assert_true(report->queries[0].worse);
	assert_false(report->queries[1].worse);
	assert_non_null(reason_with(report, "the query 'by size' gets a worse plan"));
	sr_rehearsal_free(report);

	extra_make(&e, "DROP TABLE transfer_stats", NULL, drop_stats, stats);
	assert_done(rehearse(path, &settings, &report));
	assert_true(reason_with(report, "'of a table that goes' does not run any")->serious);
	sr_rehearsal_free(report);
}

/* ---- The database is not touched ---- */

typedef struct seen {
	struct stat file;
	struct stat log;
	char *bytes;
	size_t length;
} seen;

/* In another process: closing the file here would drop the locks of this one. */
static void look(const char *path, seen *s)
{
	char command[512];
	FILE *pipe;

	memset(s, 0, sizeof(*s));
	assert_int_equal(stat(path, &s->file), 0);
	snprintf(command, sizeof(command), "%s-wal", path);
	if (stat(command, &s->log) != 0)
		memset(&s->log, 0, sizeof(s->log));
	snprintf(command, sizeof(command), "cat '%s' '%s-wal' 2>/dev/null | cksum", path, path);
	pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a test's own command. */
	assert_non_null(pipe);
	s->bytes = calloc(1, 100);
	s->length = fread(s->bytes, 1, 99, pipe);
	pclose(pipe);
	assert_true(s->length > 5);
}

static void assert_untouched(const char *path, seen *before)
{
	seen now;

	look(path, &now);
	assert_string_equal(before->bytes, now.bytes);
	assert_memory_equal(&before->file.st_mtim, &now.file.st_mtim, sizeof(struct timespec));
	assert_int_equal(before->file.st_size, now.file.st_size);
	assert_int_equal(before->file.st_ino, now.file.st_ino);
	assert_memory_equal(&before->log.st_mtim, &now.log.st_mtim, sizeof(struct timespec));
	assert_int_equal(before->log.st_size, now.log.st_size);
	free(before->bytes);
	free(now.bytes);
}

/* Another process that is in the middle of a write, with its log beside the database. */
static pid_t writer_start(const char *path, int *go)
{
	int ready[2], stop[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(stop), 0);
	if ((pid = fork()) == 0) {
		sqlite3 *db;
		bool done;

		close(stop[1]);
		done = sqlite3_open(path, &db) == SQLITE_OK &&
		       sqlite3_exec(db,
				    "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
				    "UPDATE clients SET Name = 'changed' WHERE rowid = 1;"
				    "BEGIN IMMEDIATE; DELETE FROM files;",
				    NULL, NULL, NULL) == SQLITE_OK;

		if (write(ready[1], done ? "y" : "n", 1) != 1 || read(stop[0], &byte, 1) < 0)
			_exit(1);
		_exit(0); /* As a crash does: the log stays. */
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(ready[0]);
	close(ready[1]);
	close(stop[0]);
	*go = stop[1];
	return pid;
}

static void test_untouched_beside_a_writer(void **state)
{
	const char *path = migrate_path();
	sr_options options;
	sr_rehearsal *report;
	sr_catalog *catalog;
	seen before;
	pid_t pid;
	int go;

	(void)state;
	old_database_make(path, &(old_options){.version = 3, .users = true});
	pid = writer_start(path, &go);
	look(path, &before);
	assert_true(before.log.st_size > 0);
	sr_options_init(&options);
	options.path = path;
	options.read_only = true;
	assert_ok(sr_open(&catalog, &options));
	assert_ok(sr_migrate_rehearse(catalog, NULL, &report));
	assert_int_equal(report->from, 3);
	assert_int_equal(report->to, sr_schema_latest());
	assert_int_not_equal(report->verdict, SR_REHEARSAL_DO_NOT_RUN);
	/* What was committed is in the copy, and what was not is not. */
	assert_int_equal(report->step_count, 2 * (sr_schema_latest() - 3));
	for (size_t i = 0; i < report->steps[0].table_count; i++)
		if (strcmp(report->steps[0].tables[i].name, "files") == 0)
			assert_int_equal(report->steps[0].tables[i].rows_before, 65);
	sr_rehearsal_free(report);
	assert_ok(sr_close(catalog));
	assert_untouched(path, &before);
	close(go);
	assert_int_equal(waitpid(pid, NULL, 0), pid);

	/* Nor where a crash has left that log. */
	look(path, &before);
	assert_ok(sr_open(&catalog, &options));
	assert_ok(sr_migrate_rehearse(catalog, NULL, &report));
	sr_rehearsal_free(report);
	assert_ok(sr_close(catalog));
	assert_untouched(path, &before);
}

/* ---- The forecast ---- */

static void test_forecast_is_what_happens(void **state)
{
	(void)state;
	for (int version = 0; version <= 5; version++) {
		const char *path = migrate_path();
		sr_rehearse_settings settings = settings_all();
		sr_schema_options options = migrate_options();
		const sr_rehearsal_step *last;
		sr_rehearsal *report;
		sr_migrated migrated;
		int64_t bytes;
		sr_conn *conn;

		old_database_make(path, &(old_options){.version = version, .files = 500});
		assert_done(rehearse(path, &settings, &report));
		assert_int_equal(files_there(), 1);
		options.backup = true;
		assert_done(migrate_run(path, &options, &migrated));
		assert_int_equal(report->from, migrated.from);
		assert_int_equal(report->to, migrated.to);
		last = &report->steps[report->to - report->from - 1];
		assert_int_equal(last->version, migrated.to);
		assert_true(last->up && last->done);
		conn = migrate_open(path);
		for (size_t i = 0; i < last->table_count; i++) {
			const sr_rehearsal_table *t = &last->tables[i];
			sr_buffer sql = SR_BUFFER_EMPTY;
			uint64_t sum[2];
			char digest[33];
			int64_t rows;

			assert_done(sr_table_select(conn, t->name, NULL, &sql));
			assert_done(sr_rows_digest(conn, sql.data, &rows, sum));
			assert_int_equal(rows, t->rows_after);
			snprintf(digest, sizeof(digest), "%016llx%016llx",
				 (unsigned long long)sum[0], (unsigned long long)sum[1]);
			/* Times of day are in some rows of what a migration fills. */
			if (!t->declared && t->rows_before != SR_NULL_INTEGER &&
			    strcmp(t->name, "client_quotas") != 0)
				assert_string_equal(digest, t->digest_after);
			sr_buffer_free(&sql);
		}
		assert_done(sr_query_integer(conn, "PRAGMA page_count", &bytes));
		assert_int_equal(bytes * 4096, report->final_bytes);
		sr_conn_close(conn);
		/* The backup is there, and what it needs was foretold. */
		assert_true(report->peak_bytes >= report->database_bytes);
		assert_true(report->needed_bytes > report->database_bytes);
		assert_true(report->seconds > 0 && report->lock_seconds > 0);
		assert_false(report->readers_wait);
		sr_rehearsal_free(report);
	}
}

static void test_every_old_stage(void **state)
{
	(void)state;
	for (int stage = OLD_CORE; stage <= OLD_WITHOUT_KEY; stage++) {
		const char *path = migrate_path();
		sr_rehearse_settings settings = settings_all();
		sr_rehearsal *report;

		old_database_make(path, &(old_options){.stage = (old_stage)stage});
		assert_done(rehearse(path, &settings, &report));
		if (report->verdict == SR_REHEARSAL_DO_NOT_RUN)
			(void)reason_with(report, "none such");
		assert_int_equal(report->from, 0);
		assert_int_equal(report->step_count, 2 * sr_schema_latest() + (stage != OLD_CORE));
		for (size_t i = 0; i < report->step_count; i++)
			assert_true(report->steps[i].done);
		sr_rehearsal_free(report);
		assert_int_equal(files_there(), 1);
	}
}

/* A lower version: down, and up again. */
static void test_down_first(void **state)
{
	const char *path = latest_database();
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;
	int latest = sr_schema_latest();

	(void)state;
	assert_null(old_database_run(path, "UPDATE files SET Inode = 5 WHERE rowid <= 7"));
	settings.to = 4;
	assert_done(rehearse(path, &settings, &report));
	assert_int_equal(report->from, latest);
	assert_int_equal(report->to, 4);
	assert_int_equal(report->verdict, SR_REHEARSAL_REMARKS);
	assert_false(reason_with(report, "column files.Inode (7 rows)")->serious);
	assert_int_equal(report->step_count, 2 * (latest - 4));
	for (size_t i = 0; i < report->step_count; i++) {
		int step = (int)i;
		int down = latest - 4;

		assert_int_equal(report->steps[i].up, step >= down);
		assert_int_equal(report->steps[i].version,
				 step < down ? latest - step : 5 + step - down);
	}
	sr_rehearsal_free(report);

	/* Nothing to do is nothing done. */
	settings.to = latest;
	assert_done(rehearse(path, &settings, &report));
	assert_int_equal(report->from, report->to);
	assert_int_equal(report->verdict, SR_REHEARSAL_SAFE);
	assert_int_equal(report->step_count, 0);
	assert_int_equal(report->reason_count, 0);
	sr_rehearsal_free(report);

	settings.to = 4711;
	assert_fails(rehearse(path, &settings, &report), SR_INVALID, "4711");
	assert_null(report);
}

/* ---- The snapshot ---- */

static bool cancel_at(void *arg, int64_t done, int64_t total)
{
	int *left = arg;

	assert_true(done >= 0 && done <= total);
	return (*left)-- == 0;
}

static void test_cancelled(void **state)
{
	bool cancelled = true;

	(void)state;
	for (int at = 0; cancelled; at++) {
		const char *path = migrate_path();
		sr_rehearse_settings settings = settings_all();
		sr_rehearsal *report;
		int left = at;
		sr_status rc;

		old_database_make(path, &(old_options){.version = 2});
		settings.progress = cancel_at;
		settings.progress_arg = &left;
		rc = rehearse(path, &settings, &report);
		cancelled = rc != SR_OK;
		if (cancelled) {
			assert_int_equal(rc, SR_INTERRUPTED);
			assert_says("cancelled");
			assert_null(report);
		} else {
			assert_true(at > 2 * (sr_schema_latest() - 2));
		}
		sr_rehearsal_free(report);
		assert_int_equal(files_there(), 1);
	}
}

static bool cancel_in_step(void *arg, int64_t done, int64_t total)
{
	int *asked = arg;

	(void)total;
	return done == 1 && (*asked)++ == 3;
}

/* A statement that would take hours. */
static void test_cancelled_within_a_step(void **state)
{
	const char *path = latest_database();
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;
	int asked = 0;
	extra e;

	(void)state;
	extra_make(&e,
		   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		   " WHERE i < 1000000000000) SELECT sum(i) FROM n",
		   "SELECT 1", none, none);
	settings.migrations = &e.all;
	settings.progress = cancel_in_step;
	settings.progress_arg = &asked;
	assert_fails(rehearse(path, &settings, &report), SR_INTERRUPTED, "was not touched");
	assert_null(report);
	assert_int_equal(files_there(), 1);
}

/* Every write fails once, and all after it. */
static void test_full_disk(void **state)
{
	int failed = 0;
	sr_status rc = SR_NO_SPACE;

	(void)state;
	fault_vfs_install();
	for (int n = 1; rc != SR_OK; n += 1 + n / 4) {
		const char *path = migrate_path();
		sr_rehearse_settings settings = settings_all();
		sr_rehearsal *report;
		seen before;

		old_database_make(path, &(old_options){.version = 4, .files = 300});
		look(path, &before);
		fault_arm(FAULT_WRITE, FAULT_ANY, n, SQLITE_FULL, true);
		rc = rehearse(path, &settings, &report);
		fault_disarm();
		if (rc != SR_OK) {
			failed++;
			if (rc != SR_NO_SPACE)
				fail_msg("write %d: %s", n, sr_error_message());
			assert_null(report);
		}
		sr_rehearsal_free(report);
		assert_untouched(path, &before);
		assert_int_equal(files_there(), 1);
	}
	fault_vfs_remove();
	assert_true(failed > 3);
}

static void test_nothing_to_rehearse_on(void **state)
{
	sr_rehearse_settings settings = settings_all();
	const char *path = migrate_path();
	sr_rehearsal *report;

	(void)state;
	sr_conn_close(migrate_open(path));
	assert_fails(rehearse(path, &settings, &report), SR_NOT_FOUND, "is empty");
	assert_null(report);
	migrate_to(path, -1, false);
	assert_null(old_database_run(
		path, "INSERT INTO database_migrations (version, checksum, description,"
		      " applied_at) VALUES (4711, 'beef', 'later', 'now')"));
	assert_fails(rehearse(path, &settings, &report), SR_TOO_NEW, "4711");
	assert_null(report);
	assert_int_equal(files_there(), 1);
}

static void test_without_log(void **state)
{
	const char *path = migrate_path();
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;

	(void)state;
	fault_vfs_install();
	fault_without_shm(true);
	old_database_make(path, &(old_options){.version = 4});
	assert_done(rehearse(path, &settings, &report));
	fault_without_shm(false);
	fault_vfs_remove();
	assert_true(report->readers_wait);
	assert_int_equal(report->verdict, SR_REHEARSAL_REMARKS);
	assert_false(reason_with(report, "readers wait")->serious);
	sr_rehearsal_free(report);
	assert_int_equal(files_there(), 1);
}

static void touch(const char *name)
{
	FILE *file = fopen(scratch_path(name), "we");

	assert_non_null(file);
	fclose(file);
}

static bool is_there(const char *name)
{
	return access(scratch_path(name), F_OK) == 0;
}

/* What a killed process left goes, also where its number is another's by now; what is worked on,
 * and what only looks like it, stays. */
static void test_leftovers(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	const char *path = migrate_path();
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;
	char name[160];
	pid_t dead = fork();
	int hold;

	(void)state;
	if (dead == 0)
		_exit(0);
	assert_int_equal(waitpid(dead, NULL, 0), dead);
	old_database_make(path, &(old_options){.version = 4});
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "old.db.rehearsal.%ld.%032d%s", (long)dead, 7,
			 ends[i]);
		touch(name);
		snprintf(name, sizeof(name), "old.db.rehearsal.%ld.%032d%s", (long)getppid(), 7,
			 ends[i]);
		touch(name);
		snprintf(name, sizeof(name), "old.db.rehearsal.%ld.%032d%s", (long)getpid(), 7,
			 ends[i]);
		touch(name);
	}
	touch("old.db_rehearsal_20260101_000000.db");
	snprintf(name, sizeof(name), "old.db.rehearsal.%ld.mine", (long)dead);
	touch(name);
	assert_done(sr_part_hold(path, &hold));
	assert_done(rehearse(path, &settings, &report));
	sr_part_let_go(&hold);
	sr_rehearsal_free(report);
	assert_true(is_there(name));
	assert_true(is_there("old.db_rehearsal_20260101_000000.db"));
	snprintf(name, sizeof(name), "old.db.rehearsal.%ld.%032d-wal", (long)getpid(), 7);
	assert_true(is_there(name));
	assert_int_equal(files_there(), 1 + 4 + 2);
}

static bool cancel_at_second(void *arg, int64_t done, int64_t total)
{
	(void)arg;
	(void)total;
	return done == 2;
}

static void test_kept_elsewhere(void **state)
{
	const char *path = migrate_path();
	sr_rehearse_settings settings = settings_all();
	sr_rehearsal *report;
	char folder[200];
	struct stat st;
	char *dump;

	(void)state;
	old_database_make(path, &(old_options){.version = 4});
	snprintf(folder, sizeof(folder), "%s", scratch_path("elsewhere"));
	settings.folder = folder;
	settings.keep = true;
	assert_fails(rehearse(path, &settings, &report), SR_NOT_FOUND, "elsewhere");
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_done(rehearse(path, &settings, &report));
	assert_non_null(report->snapshot);
	assert_memory_equal(report->snapshot, folder, strlen(folder));
	assert_int_equal(stat(report->snapshot, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* It is back at the version where it began. */
	dump = old_database_dump(report->snapshot, "SELECT max(version) FROM database_migrations");
	assert_non_null(strchr(dump, '4'));
	sqlite3_free(dump);
	sr_rehearsal_free(report);
	assert_int_equal(files_there(), 2);
	/* One that cannot be held leaves nothing, kept or not. */
	settings.to = 3;
	settings.progress = cancel_at_second;
	sleep(1); /* The name has the second in it. */
	assert_fails(rehearse(path, &settings, &report), SR_INTERRUPTED, "");
	settings.folder = scratch_folder();
	assert_fails(rehearse(path, &settings, &report), SR_INTERRUPTED, "");
	assert_int_equal(files_there(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lost_row_is_caught),
		TEST(test_declared_changes),
		TEST(test_failing_statement),
		TEST(test_worse),
		TEST(test_worse_plans_are_told),
		TEST(test_untouched_beside_a_writer),
		TEST(test_forecast_is_what_happens),
		TEST(test_every_old_stage),
		TEST(test_down_first),
		TEST(test_cancelled),
		TEST(test_cancelled_within_a_step),
		TEST(test_full_disk),
		TEST(test_nothing_to_rehearse_on),
		TEST(test_without_log),
		TEST(test_leftovers),
		TEST(test_kept_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
