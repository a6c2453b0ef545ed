/* A folder for one database, and short ways to open and migrate it. */
#ifndef MIGRATE_FIXTURE_H
#define MIGRATE_FIXTURE_H

#include "schema/migrate.h"

/* A path in a new folder; the database is not there yet. One at a time. */
const char *fixture_path(void);
const char *fixture_folder(void);

/* Removes the folder with everything in it. */
void fixture_clear(void);

/* Opens for writing, making it if needed; any failure ends the test. */
sr_conn *fixture_open(const char *path);

/* Opens, migrates, closes. */
sr_status migrate_run(const char *path, const sr_schema_options *options, sr_migrated *migrated);

/* How many differences verify finds; prints them. */
int64_t fixture_drift(const char *path);

#endif
