/* Short ways to open, migrate and verify one database in a folder. */
#ifndef MIGRATE_FIXTURE_H
#define MIGRATE_FIXTURE_H

#include "expect.h"
#include "schema/migrate.h"
#include "scratch.h"

/* A path in a new folder, in place of the last one; the database is not there yet. */
const char *migrate_path(void);

/* Opens for writing, making it if needed; any failure ends the test. */
sr_conn *migrate_open(const char *path);

/* To the latest version with every check, without a backup. */
sr_schema_options migrate_options(void);

/* Opens, migrates, closes. */
sr_status migrate_run(const char *path, const sr_schema_options *options, sr_migrated *migrated);

/* Up or down to a version, whatever is lost on the way down if that is accepted. */
void migrate_to(const char *path, int version, bool accept_loss);

/* How many differences verify finds; prints them. */
int64_t migrate_drift(const char *path);

/* From one version to another and back again, in a new database: what the query gives is another
 * then, nothing drifts, and it is as it was in the end, with nothing lost. */
void migrate_there_and_back(int before, int after, const char *texts);

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, scratch_teardown)

#endif
