/*
 * Databases that are damaged anywhere: bytes, pages, the end. Whatever is done with one gives a
 * result or says in one line what is wrong with which file; nothing crashes or reports success
 * with a message.
 */
#include "catalog_fixture.h"
#include "old_database.h"

#include <ctype.h>
#include <fcntl.h>

/* Small, so that a few rows make many pages. */
#define PAGE 1024

typedef struct image {
	unsigned char *bytes;
	size_t length;
} image;

static catalog_fixture *fixture;
static int failures; /* Calls that have said what is wrong. */

static bool one_line(const char *words)
{
	for (; *words; words++)
		if (iscntrl((unsigned char)*words))
			return false;
	return true;
}

/* Whether the file is to blame and must be named. */
static bool is_of_the_file(sr_status rc)
{
	return rc == SR_CORRUPT || rc == SR_IO || rc == SR_SQL || rc == SR_READ_ONLY ||
	       rc == SR_TOO_NEW || rc == SR_TOO_OLD || rc == SR_NO_SPACE;
}

static bool fine(sr_status rc, const char *what)
{
	const char *words = sr_error_message();

	if (rc == SR_OK && words[0] != '\0')
		fail_msg("%s: done, but: %s", what, words);
	if (rc == SR_OK)
		return true;
	failures++;
	if (words[0] == '\0' || !one_line(words))
		fail_msg("%s: %s: '%s'", what, sr_status_name(rc), words);
	if (is_of_the_file(rc) && strstr(words, fixture->path) == NULL)
		fail_msg("%s: does not name the file: %s", what, words);
	return false;
}

/* ---- What is done with one ---- */

static void read_clients(sr_catalog *catalog, sr_id *first)
{
	const sr_client *client = NULL;
	sr_clients *cursor;
	sr_status rc;

	if (!fine(sr_client_list(catalog, true, &cursor), "clients"))
		return;
	while ((rc = sr_clients_next(cursor, &client)) == SR_OK && client)
		*first = client->id;
	(void)fine(rc, "a client");
	sr_clients_close(cursor);
}

static void read_files(sr_catalog *catalog, const sr_id *client)
{
	const sr_entry *entry = NULL;
	const sr_file *file = NULL;
	sr_folder *folder;
	sr_files *files;
	sr_query query;
	sr_status rc;

	sr_query_init(&query);
	if (fine(sr_search(catalog, &query, &files), "search")) {
		while ((rc = sr_files_next(files, &file)) == SR_OK && file)
			;
		(void)fine(rc, "a file found");
		sr_files_close(files);
	}
	if (fine(sr_folder_open(catalog, client, sr_text_of("/"), true, &folder), "folder")) {
		while ((rc = sr_folder_next(folder, &entry)) == SR_OK && entry)
			;
		(void)fine(rc, "an entry");
		sr_folder_close(folder);
	}
}

static void write_some(sr_catalog *catalog, const sr_id *client)
{
	sr_client fresh = {.name = sr_text_of("fresh")};
	sr_file file;

	sr_id_new(&fresh.id);
	(void)fine(sr_client_save(catalog, &fresh, 1, NULL), "save a client");
	sr_file_init(&file);
	file.client_id = *client;
	file.name = sr_text_of("fresh");
	(void)fine(sr_file_save(catalog, &file, 1, NULL, NULL, NULL), "save a file");
	(void)fine(sr_migrate(catalog, NULL, NULL), "migrate");
	(void)fine(sr_client_delete(catalog, client, NULL), "delete");
}

/* Whatever is wrong is a finding, in words that fit a line. */
static void check_health(void)
{
	sr_options options = fixture->options;
	sr_health_options how;
	sr_health *health;
	sr_status rc;

	options.create = options.migrate = false;
	sr_health_options_init(&how);
	how.full = true;
	rc = sr_health_look(&options, &how, &health);
	(void)fine(rc, "health");
	if (rc == SR_NOT_FOUND) /* Nothing of a catalog is left. */
		return;
	assert_int_equal(rc, SR_OK);
	for (size_t i = 0; i < health->finding_count; i++)
		assert_true(one_line(health->findings[i].meaning));
	failures += health->errors > 0;
	sr_health_free(health);
}

static void repair(sr_catalog *catalog)
{
	sr_repair_options how;
	sr_repair *repair;

	sr_repair_options_init(&how);
	how.backup = false;
	if (!fine(sr_repair_plan(catalog, &how, &repair), "plan"))
		return;
	(void)fine(sr_repair_apply(catalog, repair, &how), "repair");
	sr_repair_free(repair);
}

static void use(bool read_only)
{
	sr_statistics *statistics;
	sr_catalog *catalog;
	sr_options options = fixture->options;
	sr_id client = {0};

	options.create = options.migrate = false;
	options.read_only = read_only;
	options.backup = 0;
	if (!fine(sr_open(&catalog, &options), "open"))
		return;
	read_clients(catalog, &client);
	read_files(catalog, &client);
	if (fine(sr_statistics_get(catalog, &statistics), "statistics"))
		sr_statistics_free(statistics);
	(void)fine(sr_migrate_verify(catalog, NULL, NULL, NULL), "verify");
	if (!read_only) {
		repair(catalog);
		write_some(catalog, &client);
	}
	(void)fine(sr_close(catalog), "close");
}

static void put(const unsigned char *bytes, size_t length)
{
	static const char *const sides[] = {"", "-wal", "-shm", "-journal"};
	int fd;

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s%s", fixture->path, sides[i]);
		unlink(path);
	}
	fd = open(fixture->path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void try(const unsigned char *bytes, size_t length)
{
	sr_migration_status *status;

	put(bytes, length);
	if (fine(sr_migration_status_get(&fixture->options, &status), "status"))
		sr_migration_status_free(status);
	check_health();
	use(true);
	use(false);
}

/* ---- How it is damaged ---- */

static void damage_bytes(const image *whole, size_t from, size_t until, size_t step)
{
	unsigned char *copy = malloc(whole->length);

	memcpy(copy, whole->bytes, whole->length);
	for (size_t i = from; i < until && i < whole->length; i += step) {
		const unsigned char values[] = {0, 0xff, (unsigned char)(copy[i] ^ 1)};

		copy[i] = values[i % 3] == whole->bytes[i] ? 0x55 : values[i % 3];
		try(copy, whole->length);
		copy[i] = whole->bytes[i];
	}
	free(copy);
}

static void damage_pages(const image *whole, size_t step)
{
	unsigned char *copy = malloc(whole->length);

	for (size_t page = 0; page < whole->length; page += step * PAGE) {
		memcpy(copy, whole->bytes, whole->length);
		memset(copy + page, page / PAGE % 2 ? 0xff : 0, PAGE);
		try(copy, whole->length);
		/* Its kind, its count of cells, and where the first of them is. */
		for (size_t i = page + PAGE; i < page + PAGE + 9 && i < whole->length; i += 4) {
			memcpy(copy, whole->bytes, whole->length);
			copy[i] ^= 0x0f;
			try(copy, whole->length);
		}
		try(whole->bytes, page);
		try(whole->bytes, page + PAGE / 2);
	}
	free(copy);
}

static void check(size_t step)
{
	image whole;
	FILE *file = fopen(fixture->path, "rb");
	struct stat st;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	whole.length = (size_t)st.st_size;
	whole.bytes = malloc(whole.length);
	assert_int_equal(fread(whole.bytes, 1, whole.length, file), whole.length);
	fclose(file);
	failures = 0;
	try(whole.bytes, whole.length);
	damage_bytes(&whole, 0, 108, 1);
	damage_bytes(&whole, 108, PAGE, 23);
	damage_pages(&whole, step);
	damage_bytes(&whole, PAGE, whole.length, whole.length / 80);
	free(whole.bytes);
	/* Some of it must have been noticed, or nothing was damaged. */
	assert_true(failures > 100);
}

static void test_latest(void **state)
{
	fixture = *state;
	foreign_sql(fixture, "PRAGMA page_size = 1024; VACUUM");
	catalog_open(fixture);
	foreign_sql(fixture,
		    "INSERT INTO clients VALUES (x'00112233445566778899aabbccddeeff', 'old',"
		    " x'0102', '2025-08-05T18:20:36+00:00Z', NULL);"
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
		    " INSERT INTO files (ID, FileName, PathName, OriginalPath, ClientID)"
		    " SELECT CAST(printf('%016d', i) AS BLOB), 'name ' || i, 'p', '/a/' || i,"
		    " x'00112233445566778899aabbccddeeff' FROM n");
	assert_ok(sr_close(fixture->catalog));
	fixture->catalog = NULL;
	check(5);
}

static void test_old(void **state)
{
	fixture = *state;
	foreign_sql(fixture, "PRAGMA page_size = 1024; VACUUM");
	old_database_make(fixture->path, &(old_options){.version = 3, .files = 12});
	check(5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_latest),
		TEST(test_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
