/* What the tests of files share: a catalog with one client in a folder of its own. */
#ifndef CATALOG_FIXTURE_H
#define CATALOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "strongroom.h"

typedef struct catalog_fixture {
	char folder[64];
	char path[96];
	sr_catalog *catalog;
	sr_id client; /* Of the client "host". */
} catalog_fixture;

#define assert_ok(call) assert_ok_at(call, __FILE__, __LINE__)

static inline void assert_ok_at(sr_status rc, const char *file, int line)
{
	if (rc != SR_OK)
		fail_msg("%s:%d: %s: %s", file, line, sr_status_name(rc), sr_error_message());
	assert_string_equal(sr_error_message(), "");
}

/* Fails with that status, and says why in one line that holds the words. */
#define assert_fails(call, status, words) assert_fails_at(call, status, words, __FILE__, __LINE__)

static inline void assert_fails_at(sr_status rc, sr_status status, const char *words,
				   const char *file, int line)
{
	if (rc != status || strstr(sr_error_message(), words) == NULL)
		fail_msg("%s:%d: %s, not %s with '%s': %s", file, line, sr_status_name(rc),
			 sr_status_name(status), words, sr_error_message());
}

static inline sr_catalog *fixture_open(const catalog_fixture *fixture)
{
	sr_catalog *catalog = NULL;
	sr_options options;

	sr_options_init(&options);
	options.path = fixture->path;
	options.config_file = "/dev/null";
	options.create = true;
	options.migrate = true;
	assert_ok(sr_open(&catalog, &options));
	return catalog;
}

static inline sr_id add_client(catalog_fixture *fixture, const char *name)
{
	sr_client client = {.name = sr_text_of(name)};

	sr_id_new(&client.id);
	assert_ok(sr_client_save(fixture->catalog, &client, 1, NULL));
	return client.id;
}

static inline int fixture_new(void **state)
{
	catalog_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	unsetenv("STRONGROOM_DB");
	unsetenv("DATABASE_NAME");
	unsetenv("FILE_STORAGE_DIR");
	strcpy(fixture->folder, "/tmp/strongroom-files-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/catalog.db", fixture->folder);
	fixture->catalog = fixture_open(fixture);
	fixture->client = add_client(fixture, "host");
	*state = fixture;
	return 0;
}

static inline int fixture_free(void **state)
{
	catalog_fixture *fixture = *state;
	char command[128];

	assert_ok(sr_close(fixture->catalog));
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	assert_int_equal(system(command), 0);
	free(fixture);
	return 0;
}

/* A file of the fixture's client, known by its original path. */
static inline sr_file file_at(const catalog_fixture *fixture, const char *path)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = fixture->client;
	file.original_path = sr_text_of(path);
	return file;
}

static inline sr_file file_named(const catalog_fixture *fixture, const char *name)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = fixture->client;
	file.name = sr_text_of(name);
	return file;
}

static inline sr_outcome save(const catalog_fixture *fixture, const sr_file *file)
{
	sr_outcome outcome = SR_UNCHANGED;

	assert_ok(sr_file_save(fixture->catalog, file, 1, &outcome, NULL, NULL));
	return outcome;
}

static inline sr_file *find(const catalog_fixture *fixture, const char *key)
{
	sr_file *file = NULL;

	assert_ok(sr_file_find(fixture->catalog, &fixture->client, sr_text_of(key), &file));
	return file;
}

/* Runs SQL on a connection of its own, as another program would. */
static inline void foreign_sql(const catalog_fixture *fixture, const char *sql)
{
	sqlite3 *db = NULL;
	char *words = NULL;

	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK)
		fail_msg("%s: %s", sql, words);
	sqlite3_close(db);
}

/* The one integer of a query, SR_NULL_INTEGER for null. */
static inline int64_t integer(const catalog_fixture *fixture, const char *sql)
{
	int64_t value = SR_NULL_INTEGER;
	sr_table *table = NULL;

	assert_ok(sr_fetch(fixture->catalog, sql, NULL, 0, 1, &table));
	assert_int_equal(table->rows, 1);
	if (table->values[0].type == SR_INTEGER)
		value = table->values[0].integer;
	sr_table_free(table);
	return value;
}

#define assert_text(text, string)                                                                  \
	do {                                                                                       \
		sr_text text_ = (text);                                                            \
		assert_non_null(text_.data);                                                       \
		assert_string_equal(text_.data, string);                                           \
		assert_int_equal(text_.length, strlen(string));                                    \
	} while (0)

#endif
