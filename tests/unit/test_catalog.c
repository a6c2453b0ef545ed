/* Opening and closing: what is made, what is left alone, what is refused. */
#include "catalog_fixture.h"

#include "old_database.h"
#include "schema/migrate.h"

#include <sys/wait.h>

static void test_create_and_reopen(void **state)
{
	catalog_fixture *f = *state;
	struct stat st;
	char side[160];
	int version;

	f->options.create = f->options.migrate = false;
	assert_fails(sr_open(&f->catalog, &f->options), SR_NOT_FOUND, "");
	assert_null(f->catalog);
	assert_says("init");
	assert_int_not_equal(stat(f->path, &st), 0);
	f->options.create = true;
	catalog_open(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(sr_catalog_path(f->catalog), f->path);
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_true(version >= 8);
	(void)add_client(f, "a");
	assert_ok(sr_close(f->catalog));
	snprintf(side, sizeof(side), "%s-wal", f->path);
	assert_int_not_equal(stat(side, &st), 0);
	f->options.create = false;
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
	assert_ok(sr_close(NULL));
}

static void test_read_only(void **state)
{
	catalog_fixture *f = *state;
	sr_client client = {.name = sr_text_of("b")};

	f->options.read_only = true;
	assert_fails(sr_open(&f->catalog, &f->options), SR_READ_ONLY, "");
	f->options.read_only = false;
	catalog_open(f);
	(void)add_client(f, "a");
	assert_ok(sr_close(f->catalog));
	f->options.read_only = true;
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
	sr_id_new(&client.id);
	assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_READ_ONLY, "");
	assert_fails(sr_begin(f->catalog, NULL), SR_READ_ONLY, "");
	assert_fails(sr_execute(f->catalog, "DELETE FROM transfer_stats", NULL, 0, NULL),
		     SR_READ_ONLY, "");
	assert_fails(sr_migrate(f->catalog, NULL, NULL), SR_READ_ONLY, "");
}

/* The whole file, to see that nothing touched it. */
static char *contents(const catalog_fixture *f, size_t *length)
{
	FILE *file = fopen(f->path, "rb");
	char *bytes = malloc(1 << 20);

	assert_non_null(file);
	*length = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static void test_old_stays_as_it_is(void **state)
{
	catalog_fixture *f = *state;
	size_t before_length, after_length;
	char *before, *after;
	sr_statistics *statistics;
	sr_clients *clients;
	const sr_client *client;

	foreign_sql(f, OLD_TABLES OLD_ROWS);
	before = contents(f, &before_length);
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_ok(sr_statistics_get(f->catalog, &statistics));
	sr_statistics_free(statistics);
	assert_ok(sr_client_list(f->catalog, true, &clients));
	assert_ok(sr_clients_next(clients, &client));
	sr_clients_close(clients);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 2);
	assert_fails(sr_execute(f->catalog, "DELETE FROM files", NULL, 0, NULL), SR_TOO_OLD, "");
	assert_ok(sr_close(f->catalog));
	after = contents(f, &after_length);
	assert_int_equal(before_length, after_length);
	assert_memory_equal(before, after, before_length);
	free(before);
	free(after);
	f->options.migrate = true;
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), 2);
}

static void test_too_new_and_empty(void **state)
{
	catalog_fixture *f = *state;

	foreign_sql(f, "PRAGMA user_version = 0; CREATE TABLE t (a); DROP TABLE t;");
	f->options.create = f->options.migrate = false;
	assert_fails(sr_open(&f->catalog, &f->options), SR_NOT_FOUND, "empty");
	f->options.create = f->options.migrate = true;
	catalog_open(f);
	assert_ok(sr_close(f->catalog));
	foreign_sql(f,
		    "INSERT INTO database_migrations (version, description, applied_at, checksum)"
		    " VALUES (4711, 'of tomorrow', 'then', 'c0ffee')");
	assert_fails(sr_open(&f->catalog, &f->options), SR_TOO_NEW, "");
	assert_null(f->catalog);
	assert_says("4711");
}

static void remember(void *arg, sr_log_level level, const char *module, const char *message)
{
	if (level == SR_LOG_WARNING && strcmp(module, "catalog") == 0)
		snprintf(arg, 1024, "%s", message);
}

static void test_foreign_trigger(void **state)
{
	catalog_fixture *f = *state;
	sr_client client = {.name = sr_text_of("b")};
	char warning[1024] = "";

	catalog_open(f);
	(void)add_client(f, "a");
	assert_ok(sr_close(f->catalog));
	foreign_sql(f, "CREATE TRIGGER spy AFTER INSERT ON clients BEGIN DELETE FROM files; END");
	sr_log_set(remember, warning);
	catalog_open(f);
	sr_log_set(NULL, NULL);
	assert_non_null(strstr(warning, "spy"));
	assert_non_null(strstr(warning, "TRUST_FOREIGN_TRIGGERS"));
	sr_id_new(&client.id);
	assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_READ_ONLY, "spy");
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
	assert_ok(sr_close(f->catalog));
	setenv("TRUST_FOREIGN_TRIGGERS", "true", 1);
	catalog_open(f);
	unsetenv("TRUST_FOREIGN_TRIGGERS");
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
}

/* Planted while the catalog is open, it fires neither. */
static void test_foreign_trigger_meanwhile(void **state)
{
	static const char spy[] = "CREATE TRIGGER spy AFTER INSERT ON clients BEGIN"
				  " DELETE FROM clients; END";
	catalog_fixture *f = *state;
	sr_client client = {.name = sr_text_of("b")};

	for (int way = 0; way < 3; way++) {
		catalog_open(f);
		if (way == 0)
			(void)add_client(f, "a");
		foreign_sql(f, spy);
		if (way == 1)
			assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
		sr_id_new(&client.id);
		if (way == 2)
			assert_fails(sr_execute(f->catalog,
						"INSERT INTO clients VALUES (x'01', 'c', NULL,"
						" 'today', NULL)",
						NULL, 0, NULL),
				     SR_READ_ONLY, "");
		else
			assert_fails(sr_client_save(f->catalog, &client, 1, NULL), SR_READ_ONLY,
				     "spy");
		assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
		assert_ok(sr_close(f->catalog));
		foreign_sql(f, "DROP TRIGGER spy");
	}
	catalog_open(f);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
}

/* Somebody's view may compute for ever: beside a foreign trigger none of them is read. */
static void test_foreign_schema_runs_nothing(void **state)
{
	catalog_fixture *f = *state;
	sr_lease *lease;
	sr_table *table;
	sqlite3 *db;
	int on = -1;

	catalog_open(f);
	(void)add_client(f, "a");
	assert_ok(sr_close(f->catalog));
	foreign_sql(f, "CREATE VIEW theirs AS SELECT 7 AS seven");
	catalog_open(f);
	assert_int_equal(integer(f, "SELECT seven FROM theirs"), 7);
	assert_ok(sr_close(f->catalog));
	foreign_sql(f, "CREATE TRIGGER spy AFTER INSERT ON clients BEGIN SELECT 1; END");
	catalog_open(f);
	assert_fails(sr_fetch(f->catalog, "SELECT seven FROM theirs", NULL, 0, 1, &table), SR_SQL,
		     "theirs");
	assert_ok(sr_lease_open(f->catalog, NULL, false, &lease));
	db = sr_lease_handle(lease);
	assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, -1, &on), SQLITE_OK);
	assert_int_equal(on, 0);
	assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, -1, &on), SQLITE_OK);
	assert_int_equal(on, 0);
	sr_lease_close(lease);
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
}

/* A name of this program's that is a view is not read: it may compute for ever. */
static void test_core_name_is_a_view(void **state)
{
	static const char *const names[] = {"files", "clients", "database_migrations"};
	catalog_fixture *f = *state;
	old_options old = {.version = 0};
	char words[64];
	char sql[512];

	for (size_t i = 0; i < 3; i++) {
		(void)unlink(f->path);
		old_database_make(f->path, &old);
		snprintf(sql, sizeof(sql),
			 "PRAGMA foreign_keys = OFF; DROP TABLE IF EXISTS %s; CREATE VIEW %s AS "
			 "WITH RECURSIVE n(version) AS "
			 "(SELECT 1 UNION ALL SELECT 1 FROM n) SELECT version FROM n",
			 names[i], names[i]);
		foreign_sql(f, sql);
		snprintf(words, sizeof(words), "%s is a view", names[i]);
		assert_fails(sr_open(&f->catalog, &f->options), SR_CORRUPT, words);
	}
	(void)unlink(f->path);
	old_database_make(f->path, &old);
	foreign_sql(f, "CREATE VIEW file_versions AS WITH RECURSIVE n(ID) AS "
		       "(SELECT 1 UNION ALL SELECT 1 FROM n) SELECT ID FROM n");
	assert_fails(sr_open(&f->catalog, &f->options), SR_CORRUPT, "file_versions is a view");
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	assert_true(integer(f, "SELECT count(*) FROM files") > 0);
}

static void test_after_fork(void **state)
{
	catalog_fixture *f = *state;
	int64_t count;
	int status;
	pid_t child;

	catalog_open(f);
	(void)add_client(f, "a");
	if ((child = fork()) == 0) {
		sr_client client = {.name = sr_text_of("child")};
		sr_pool_statistics figures;
		sr_table *table;
		bool good;

		sr_id_new(&client.id);
		good = sr_client_count(f->catalog, &count) == SR_FORKED &&
		       sr_client_save(f->catalog, &client, 1, NULL) == SR_FORKED &&
		       sr_begin(f->catalog, NULL) == SR_FORKED &&
		       sr_pool_statistics_get(f->catalog, &figures) == SR_FORKED &&
		       sr_fetch(f->catalog, "SELECT 1", NULL, 0, 0, &table) == SR_FORKED &&
		       sr_error_message()[0] != '\0' && sr_close(f->catalog) == SR_OK;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	(void)add_client(f, "b");
	assert_ok(sr_client_count(f->catalog, &count));
	assert_int_equal(count, 2);
}

/* A cursor that outlives the catalog keeps what it needs. */
static void test_close_under_a_cursor(void **state)
{
	catalog_fixture *f = *state;
	const sr_client *client;
	sr_clients *cursor;

	f->options.timeout = 0.1;
	catalog_open(f);
	(void)add_client(f, "a");
	assert_ok(sr_client_list(f->catalog, false, &cursor));
	assert_fails(sr_close(f->catalog), SR_BUSY, "");
	f->catalog = NULL;
	assert_ok(sr_clients_next(cursor, &client));
	assert_string_equal(client->name.data, "a");
	sr_clients_close(cursor);
}

/* DDL of one call is seen by the next, and a transaction's by nobody else once undone. */
static void test_shape_follows(void **state)
{
	catalog_fixture *f = *state;
	int version;

	catalog_open(f);
	assert_ok(sr_begin(f->catalog, NULL));
	assert_ok(sr_execute(f->catalog, "CREATE TABLE mine (a)", NULL, 0, NULL));
	assert_ok(sr_catalog_version(f->catalog, &version));
	(void)add_client(f, "inside");
	assert_ok(sr_rollback(f->catalog));
	assert_ok(sr_execute(f->catalog, "CREATE TABLE other (b)", NULL, 0, NULL));
	(void)add_client(f, "after");
	assert_int_equal(integer(f, "SELECT count(*) FROM clients"), 1);
	foreign_sql(f,
		    "INSERT INTO database_migrations (version, description, applied_at, checksum)"
		    " VALUES (99, 'x', 'y', 'z'); CREATE TABLE newer (c)");
	assert_fails(sr_client_save(f->catalog, &(sr_client){.name = sr_text_of("late")}, 1, NULL),
		     SR_TOO_OLD, "");
}

static void test_migration_status(void **state)
{
	catalog_fixture *f = *state;
	sr_migration_status *status;
	sr_migrate_options how;
	sr_migrated migrated;
	int64_t differences = -1;

	assert_ok(sr_migration_status_get(&f->options, &status));
	assert_false(status->database_exists);
	assert_int_equal(status->pending_migrations, status->latest_version);
	sr_migration_status_free(status);
	foreign_sql(f, OLD_TABLES OLD_ROWS);
	assert_ok(sr_migration_status_get(&f->options, &status));
	assert_true(status->database_exists);
	assert_int_equal(status->current_version, 0);
	assert_int_equal(status->total_migrations, status->latest_version);
	assert_int_equal(status->migrations[0].version, 1);
	assert_null(status->migrations[0].applied_at);
	for (int i = 0; i < status->total_migrations; i++) {
		assert_int_equal(status->migrations[i].version, i + 1);
		assert_non_null(status->migrations[i].up_sql);
		assert_non_null(status->migrations[i].down_sql);
	}
	assert_non_null(strstr(status->migrations[3].up_sql, "TABLE IF NOT EXISTS client_quotas"));
	assert_non_null(
		strstr(status->migrations[3].down_sql, "DROP TABLE IF EXISTS client_quotas"));
	sr_migration_status_free(status);
	catalog_open(f);
	assert_ok(sr_migration_status_get(&f->options, &status));
	assert_int_equal(status->pending_migrations, 0);
	assert_non_null(status->migrations[0].applied_at);
	sr_migration_status_free(status);
	assert_ok(sr_migrate_verify(f->catalog, NULL, NULL, &differences));
	assert_int_equal(differences, 0);
	/* A database that is above stays there, unless it is to go down. */
	sr_migrate_options_init(&how);
	how.to = 3;
	how.up_only = true;
	assert_ok(sr_migrate(f->catalog, &how, &migrated));
	assert_int_equal(migrated.to, sr_schema_latest());
	how.version = 1;
	how.accept_loss = true;
	assert_ok(sr_migrate(f->catalog, &how, &migrated));
	assert_int_equal(migrated.to, 3);
	how.version = 2;
	how.to = 5;
	assert_ok(sr_migrate(f->catalog, &how, &migrated));
	assert_int_equal(migrated.to, 5);
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_ok(sr_begin(f->catalog, NULL));
	assert_fails(sr_migrate(f->catalog, NULL, NULL), SR_INVALID, "");
	assert_ok(sr_rollback(f->catalog));
}

static bool always(void *arg)
{
	*(int *)arg += 1;
	return true;
}

/* Large ones can be given up: what was done stays done. */
static void test_migrate_cancelled(void **state)
{
	catalog_fixture *f = *state;
	int asked = 0, version;
	int64_t files;

	old_database_make(f->path, &(old_options){.version = 0, .files = 200000});
	f->options.migrate = false;
	catalog_open(f);
	files = integer(f, "SELECT count(*) FROM files");
	sr_cancel_set(always, &asked);
	assert_fails(sr_migrate(f->catalog, NULL, NULL), SR_INTERRUPTED, "");
	sr_cancel_set(NULL, NULL);
	assert_true(asked > 0);
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_true(version < sr_schema_latest());
	assert_ok(sr_migrate(f->catalog, NULL, NULL));
	assert_int_equal(integer(f, "SELECT count(*) FROM files"), files);
}

/* Not even a log that is gone again afterwards. */
static void test_migration_status_leaves_no_trace(void **state)
{
	catalog_fixture *f = *state;
	sr_migration_status *status;
	struct stat before, after;

	catalog_open(f);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_int_equal(stat(scratch_folder(), &before), 0);
	assert_ok(sr_migration_status_get(&f->options, &status));
	sr_migration_status_free(status);
	assert_int_equal(stat(scratch_folder(), &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
}

/* What an attempt that was cut off has left is finished; another program's is not touched. */
static void test_empty_and_strange(void **state)
{
	catalog_fixture *f = *state;
	int version;

	foreign_sql(f, "VACUUM");
	catalog_open(f);
	assert_ok(sr_catalog_version(f->catalog, &version));
	assert_true(version > 0);
	assert_ok(sr_close(f->catalog));
	f->catalog = NULL;
	assert_int_equal(unlink(f->path), 0);
	foreign_sql(f, "CREATE TABLE bookmarks (url)");
	assert_fails(sr_open(&f->catalog, &f->options), SR_REFUSED, f->path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_and_reopen),    TEST(test_read_only),
		TEST(test_old_stays_as_it_is),   TEST(test_too_new_and_empty),
		TEST(test_foreign_trigger),      TEST(test_foreign_schema_runs_nothing),
		TEST(test_core_name_is_a_view),  TEST(test_after_fork),
		TEST(test_close_under_a_cursor), TEST(test_shape_follows),
		TEST(test_migration_status),     TEST(test_foreign_trigger_meanwhile),
		TEST(test_empty_and_strange),    TEST(test_migration_status_leaves_no_trace),
		TEST(test_migrate_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
