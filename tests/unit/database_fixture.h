/* A folder of its own for each test, with a catalog in it. */
#ifndef DATABASE_FIXTURE_H
#define DATABASE_FIXTURE_H

#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "strongroom.h"

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		sr_status status_of_call = (call);                                                 \
		if (status_of_call != SR_OK)                                                       \
			fail_msg("%s: %s", #call, sr_error_message());                             \
		assert_string_equal(sr_error_message(), "");                                       \
	} while (0)

/* Every failure says why. */
#define assert_fails(expected, call)                                                               \
	do {                                                                                       \
		sr_status status_of_call = (call);                                                 \
		if (status_of_call != (expected))                                                  \
			fail_msg("%s: %s, not %s: %s", #call, sr_status_name(status_of_call),      \
				 sr_status_name(expected), sr_error_message());                    \
		assert_string_not_equal(sr_error_message(), "");                                   \
	} while (0)

#define assert_says(words) assert_non_null(strstr(sr_error_message(), words))

typedef struct fixture {
	char folder[64];
	char path[128]; /* Of the database. */
	sr_options options;
	sr_catalog *catalog; /* Opened by fixture_open. */
} fixture;

static inline int fixture_setup(void **state)
{
	static const char *const names[] = {
		"STRONGROOM_DB",
		"DATABASE_NAME",
		"FILE_STORAGE_DIR",
		"CONNECTION_POOL_SIZE",
		"CONNECTION_TIMEOUT",
		"DURABILITY",
		"MIGRATION_BACKUP_ENABLED",
		"MIGRATION_VALIDATION_ENABLED",
		"TRUST_FOREIGN_TRIGGERS",
		"DANGEROUS_OPERATIONS_BLOCKED",
	};
	fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/strongroom-test-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("XDG_CONFIG_HOME", f->folder, 1);
	snprintf(f->path, sizeof(f->path), "%s/catalog.db", f->folder);
	sr_options_init(&f->options);
	f->options.path = f->path;
	f->options.create = true;
	f->options.migrate = true;
	f->options.pool_size = 3;
	*state = f;
	return 0;
}

static inline void fixture_open(fixture *f)
{
	assert_ok(sr_open(&f->catalog, &f->options));
}

static inline int fixture_teardown(void **state)
{
	fixture *f = *state;
	char *roots[] = {f->folder, NULL};
	FTS *walk;
	FTSENT *entry;

	if (f->catalog != NULL && sr_close(f->catalog) != SR_OK)
		return -1;
	walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (walk != NULL && (entry = fts_read(walk)) != NULL) {
		if (entry->fts_info == FTS_D)
			chmod(entry->fts_path, 0700);
		else
			remove(entry->fts_path);
	}
	if (walk != NULL)
		fts_close(walk);
	free(f);
	return 0;
}

/* Runs SQL on the file as a stranger would. */
static inline void stranger(const fixture *f, const char *sql)
{
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

/* The one integer that SQL gives. */
static inline int64_t ask(const fixture *f, const char *sql)
{
	sr_table *table;
	int64_t value;

	assert_ok(sr_fetch(f->catalog, sql, NULL, 0, 1, &table));
	assert_int_equal(table->rows, 1);
	value = table->values[0].integer;
	sr_table_free(table);
	return value;
}

static inline sr_id add_client(const fixture *f, const char *name)
{
	sr_client client = {.name = sr_text_of(name)};

	sr_id_new(&client.id);
	assert_ok(sr_client_save(f->catalog, &client, 1, NULL));
	return client.id;
}

/* The seed's core tables, as the old code makes them. */
#define SEED_CORE                                                                                  \
	"CREATE TABLE clients (ID BLOB(16) PRIMARY KEY, Name VARCHAR(255) UNIQUE NOT NULL, "       \
	"PublicKey BLOB(160), LastSeen TEXT NOT NULL, AESKey BLOB(32));"                           \
	"CREATE TABLE files (ID BLOB(16) PRIMARY KEY, FileName VARCHAR(255) NOT NULL, "            \
	"PathName VARCHAR(255) NOT NULL, Verified BOOLEAN DEFAULT 0, FileSize INTEGER, "           \
	"ModificationDate TEXT, CRC INTEGER, ClientID BLOB(16) NOT NULL, FOREIGN KEY (ClientID) "  \
	"REFERENCES clients(ID) ON DELETE CASCADE);"

/* A client and two files in them. */
#define SEED_ROWS                                                                                  \
	"INSERT INTO clients VALUES (x'00112233445566778899aabbccddeeff', 'old', x'0102', "        \
	"'2025-08-05T18:20:36+00:00Z', NULL);"                                                     \
	"INSERT INTO files VALUES (x'0000000000000000000000000000000a', 'One.TXT', "               \
	"'received_files/One.TXT', 1, 100, '2025-08-05T10:00:00', 7, "                             \
	"x'00112233445566778899aabbccddeeff'), (x'0000000000000000000000000000000b', 'two.pdf', "  \
	"'received_files/two.pdf', 0, NULL, 'yesterday', NULL, "                                   \
	"x'00112233445566778899aabbccddeeff');"

#endif
