#include "migrate_fixture.h"

#include "old_database.h"

const char *migrate_path(void)
{
	static char path[128];

	scratch_new();
	snprintf(path, sizeof(path), "%s", scratch_path("old.db"));
	return path;
}

sr_conn *migrate_open(const char *database)
{
	sr_conn_options options = {
		.access = SR_ACCESS_CREATE, .busy_timeout = 60, .cache_pages = 2000};
	sr_conn *conn;

	assert_done(sr_conn_open(&sr_sqlite, database, &options, &conn));
	return conn;
}

sr_schema_options migrate_options(void)
{
	return (sr_schema_options){.to = -1, .validate = true, .block_dangerous = true};
}

sr_status migrate_run(const char *database, const sr_schema_options *options, sr_migrated *migrated)
{
	sr_conn *conn = migrate_open(database);
	sr_status rc = sr_schema_migrate(conn, options, migrated);

	if (rc != SR_OK)
		fprintf(stderr, "migrate: %s\n", sr_error_message());
	sr_conn_close(conn);
	return rc;
}

void migrate_to(const char *path, int version, bool accept_loss)
{
	sr_schema_options options = migrate_options();

	options.to = version;
	options.accept_loss = accept_loss;
	assert_done(migrate_run(path, &options, NULL));
}

static void drift_print(void *arg, const char *kind, const char *object, const char *expected,
			const char *found)
{
	(void)arg;
	if (expected)
		fprintf(stderr, "drift: %s %s: expected %s, found %s\n", kind, object, expected,
			found ? found : "nothing");
}

int64_t migrate_drift(const char *database)
{
	sr_conn *conn = migrate_open(database);
	int64_t differences = -1;

	if (sr_schema_verify(conn, drift_print, NULL, &differences) != SR_OK)
		fprintf(stderr, "verify: %s\n", sr_error_message());
	sr_conn_close(conn);
	return differences;
}

void migrate_there_and_back(int before, int after, const char *texts)
{
	const char *path = migrate_path();
	char *old, *new, *again;

	migrate_to(path, before, true);
	old = old_database_dump(path, texts);
	migrate_to(path, after, true);
	new = old_database_dump(path, texts);
	assert_string_not_equal(new, old);
	assert_int_equal(migrate_drift(path), 0);
	migrate_to(path, before, false);
	again = old_database_dump(path, texts);
	assert_string_equal(again, old);
	sqlite3_free(again);
	sqlite3_free(new);
	sqlite3_free(old);
}
