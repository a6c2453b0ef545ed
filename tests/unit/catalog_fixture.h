/* A catalog in a folder of its own, and short ways to use it. */
#ifndef CATALOG_FIXTURE_H
#define CATALOG_FIXTURE_H

#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"
#include "scratch.h"

typedef struct catalog_fixture {
	char path[96];       /* Of the database. */
	sr_options options;  /* Of the next catalog_open. */
	sr_catalog *catalog; /* Closed after the test. */
	sr_id client;        /* Of the client "host", with catalog_setup_client. */
} catalog_fixture;

/* The folder and the options; nothing is there yet. With STRONGROOM_TEST_DIRECT in the
 * environment it is in direct mode, where every call must come out the same. */
int catalog_setup(void **state);

/* The catalog is open and has the client "host". */
int catalog_setup_client(void **state);

int catalog_teardown(void **state);
void catalog_open(catalog_fixture *f);

sr_id add_client(const catalog_fixture *f, const char *name);

/* A file of the fixture's client, known by its original path, or by its name. */
sr_file file_at(const catalog_fixture *f, const char *path);
sr_file file_named(const catalog_fixture *f, const char *name);

sr_outcome save(const catalog_fixture *f, const sr_file *file);

/* The file of the fixture's client that the key finds; sr_file_free. */
sr_file *find(const catalog_fixture *f, const char *key);

/* Runs SQL on a connection of its own, as another program would. */
void foreign_sql(const catalog_fixture *f, const char *sql);

/* The one integer of a query, SR_NULL_INTEGER for null. */
int64_t integer(const catalog_fixture *f, const char *sql);

#endif
