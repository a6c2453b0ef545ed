#include "migrate_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];
static char path[128];

const char *fixture_path(void)
{
	snprintf(folder, sizeof(folder), "/tmp/sr_migrate_XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/old.db", folder);
	return path;
}

const char *fixture_folder(void)
{
	return folder;
}

void fixture_clear(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[512];

		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(name);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

sr_conn *fixture_open(const char *database)
{
	sr_conn_options options = {
		.access = SR_ACCESS_CREATE, .busy_timeout = 60, .cache_pages = 2000};
	sr_conn *conn;

	if (sr_conn_open(&sr_sqlite, database, &options, &conn) != SR_OK) {
		fprintf(stderr, "%s\n", sr_error_message());
		abort();
	}
	return conn;
}

sr_status migrate_run(const char *database, const sr_schema_options *options, sr_migrated *migrated)
{
	sr_conn *conn = fixture_open(database);
	sr_status rc = sr_schema_migrate(conn, options, migrated);

	if (rc != SR_OK)
		fprintf(stderr, "migrate: %s\n", sr_error_message());
	sr_conn_close(conn);
	return rc;
}

static void drift_print(void *arg, const char *kind, const char *object, const char *expected,
			const char *found)
{
	(void)arg;
	if (expected)
		fprintf(stderr, "drift: %s %s: expected %s, found %s\n", kind, object, expected,
			found ? found : "nothing");
}

int64_t fixture_drift(const char *database)
{
	sr_conn *conn = fixture_open(database);
	int64_t differences = -1;

	if (sr_schema_verify(conn, drift_print, NULL, &differences) != SR_OK)
		fprintf(stderr, "verify: %s\n", sr_error_message());
	sr_conn_close(conn);
	return differences;
}
