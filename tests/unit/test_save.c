/* Saving files: what is added, changed, unchanged; what is refused; what is written. */
#include "catalog_fixture.h"

#include <sqlite3.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int64_t data_version(const catalog_fixture *fixture)
{
	return integer(fixture, "SELECT count(*) FROM files");
}

static void test_adds_and_derives(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_at(fixture, "/home/me/Report.TXT");
	sr_saved saved = {7, 7, 7, 7};
	sr_outcome outcome = SR_CHANGED;
	sr_file *found;
	sr_id id;

	file.hash = sr_text_of("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	file.size = 5;
	file.crc = 4294967295;
	file.date = sr_text_of("2026-01-31T09:30:00Z");
	assert_ok(sr_file_save(fixture->catalog, &file, 1, &outcome, &id, &saved));
	assert_int_equal(outcome, SR_ADDED);
	assert_int_equal(saved.added, 1);
	assert_int_equal(saved.changed + saved.unchanged, 0);
	assert_ok(sr_file_by_id(fixture->catalog, &id, &found));
	assert_text(found->name, "Report.TXT");
	assert_text(found->path, "Report.TXT");
	assert_text(found->extension, "txt");
	assert_text(found->category, "document");
	assert_text(found->hash, HASH_A);
	assert_text(found->client_name, "host");
	assert_null(found->mime_type.data);
	assert_int_equal(found->crc, 4294967295);
	assert_int_equal(found->versions, 1);
	assert_true(found->current_version == SR_NULL_INTEGER);
	assert_true(found->stored);
	assert_non_null(found->recorded_at.data);
	sr_file_free(found);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"), 0);
}

static void expect_extension(const catalog_fixture *fixture, const char *name,
			     const char *extension)
{
	sr_file file = file_named(fixture, name);
	sr_file *found;

	assert_int_equal(save(fixture, &file), SR_ADDED);
	found = find(fixture, name);
	if (extension == NULL)
		assert_null(found->extension.data);
	else
		assert_text(found->extension, extension);
	sr_file_free(found);
}

static void test_extensions(void **state)
{
	expect_extension(*state, "a.tar.GZ", "gz");
	expect_extension(*state, ".bashrc", NULL);
	expect_extension(*state, "README", NULL);
	expect_extension(*state, "ends.", NULL);
	expect_extension(*state, "a.abcdefghij", "abcdefghij");
	expect_extension(*state, "a.abcdefghijk", NULL);
	expect_extension(*state, "a.b c", NULL);
}

/* What another content is, in the order of what decides. */
static void test_content(void **state)
{
	static const struct {
		const char *hash, *other_hash;
		int64_t crc, other_crc, size, other_size;
		const char *date, *other_date;
		sr_outcome outcome;
	} cases[] = {
		{HASH_A, HASH_B, 1, 1, 5, 5, "2026-01-01", "2026-01-01", SR_CHANGED},
		{HASH_A, HASH_A, 1, 2, 5, 5, "2026-01-01", "2026-01-02", SR_UNCHANGED},
		{HASH_A, NULL, 1, 2, 5, 5, "2026-01-01", "2026-01-01", SR_CHANGED},
		{NULL, HASH_A, 1, 1, 5, 5, "2026-01-01", "2026-01-02", SR_UNCHANGED},
		{HASH_A, NULL, SR_NULL_INTEGER, 1, 5, 6, NULL, NULL, SR_CHANGED},
		{HASH_A, NULL, SR_NULL_INTEGER, 1, 5, 5, "2026-01-01", "2026-01-02", SR_CHANGED},
		{NULL, NULL, SR_NULL_INTEGER, SR_NULL_INTEGER, 5, 5, "2026-01-01T09:30:00+01:00",
		 "2026-01-01T08:30Z", SR_UNCHANGED},
		{NULL, NULL, SR_NULL_INTEGER, SR_NULL_INTEGER, 5, 5, "yesterday", "yesterday",
		 SR_UNCHANGED},
		{NULL, NULL, SR_NULL_INTEGER, SR_NULL_INTEGER, 5, 5, "yesterday", "today",
		 SR_CHANGED},
		{NULL, HASH_A, SR_NULL_INTEGER, 9, SR_NULL_INTEGER, 5, NULL, "2026-01-01",
		 SR_UNCHANGED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[32];
		sr_file file;

		snprintf(path, sizeof(path), "/content/%zu", i);
		file = file_at(*state, path);
		file.hash = sr_text_of(cases[i].hash);
		file.crc = cases[i].crc;
		file.size = cases[i].size;
		file.date = sr_text_of(cases[i].date);
		assert_int_equal(save(*state, &file), SR_ADDED);
		file.hash = sr_text_of(cases[i].other_hash);
		file.crc = cases[i].other_crc;
		file.size = cases[i].other_size;
		file.date = sr_text_of(cases[i].other_date);
		if (save(*state, &file) != cases[i].outcome)
			fail_msg("case %zu", i);
		/* And once more it is known. */
		assert_int_equal(save(*state, &file), SR_UNCHANGED);
	}
}

static void test_corrected_in_place(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_at(fixture, "/a/b.txt");
	sr_text path = file.original_path;
	sr_file *found;

	file.hash = sr_text_of(HASH_A);
	file.size = 5;
	file.date = sr_text_of("2026-01-01");
	assert_int_equal(save(fixture, &file), SR_ADDED);
	file.path = sr_text_of("received_files/b.txt");
	file.date = sr_text_of("2026-02-01");
	file.verified = true;
	file.mime_type = sr_text_of("text/plain");
	file.category = sr_text_of("other");
	file.crc = 17;
	file.inode = 4;
	file.modified_ns = 1234567890123456789;
	file.stored = false;
	assert_int_equal(save(fixture, &file), SR_UNCHANGED);
	found = find(fixture, "/a/b.txt");
	assert_text(found->path, "received_files/b.txt");
	assert_text(found->date, "2026-02-01");
	assert_true(found->verified);
	assert_text(found->mime_type, "text/plain");
	assert_text(found->category, "other");
	assert_int_equal(found->crc, 17);
	assert_int_equal(found->inode, 4);
	assert_int_equal(found->modified_ns, 1234567890123456789);
	assert_false(found->stored);
	assert_int_equal(found->versions, 1);
	sr_file_free(found);
	/* What is not given again stays. */
	file = file_at(fixture, "/a/b.txt");
	file.original_path = path;
	assert_int_equal(save(fixture, &file), SR_UNCHANGED);
	found = find(fixture, "/a/b.txt");
	assert_text(found->hash, HASH_A);
	assert_text(found->mime_type, "text/plain");
	assert_int_equal(found->size, 5);
	sr_file_free(found);
	assert_int_equal(data_version(fixture), 1);
}

/* The engine's own count of rows written by the writer. */
static int64_t rows_written(const catalog_fixture *fixture)
{
	sr_lease *lease = NULL;
	int64_t count;

	assert_ok(sr_lease_open(fixture->catalog, "test", true, &lease));
	count = sqlite3_total_changes64(sr_lease_handle(lease));
	sr_lease_close(lease);
	return count;
}

static void test_unchanged_writes_nothing(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file files[3] = {file_at(fixture, "/x"), file_at(fixture, "/y"),
			    file_named(fixture, "z")};
	sr_saved saved;
	int64_t before;

	for (size_t i = 0; i < 3; i++) {
		files[i].size = 5;
		files[i].date = sr_text_of("2026-01-01");
	}
	assert_ok(sr_file_save(fixture->catalog, files, 3, NULL, NULL, &saved));
	assert_int_equal(saved.added, 3);
	/* On one connection, whatever the pool makes of it. */
	assert_ok(sr_begin(fixture->catalog, "test"));
	before = rows_written(fixture);
	assert_ok(sr_file_save(fixture->catalog, files, 3, NULL, NULL, &saved));
	assert_int_equal(saved.unchanged, 3);
	assert_int_equal(rows_written(fixture), before);
	files[1].mime_type = sr_text_of("text/x-other"); /* Which nothing is counted by. */
	assert_ok(sr_file_save(fixture->catalog, files, 3, NULL, NULL, &saved));
	assert_int_equal(rows_written(fixture), before + 1);
	assert_ok(sr_commit(fixture->catalog));
}

static void test_twice_in_a_batch(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file files[3] = {file_at(fixture, "/x"), file_at(fixture, "/x"), file_at(fixture, "/x")};
	sr_outcome outcomes[3];
	sr_id ids[3];

	files[0].size = 1;
	files[1].size = 2;
	files[2].size = 2;
	assert_ok(sr_file_save(fixture->catalog, files, 3, outcomes, ids, NULL));
	assert_int_equal(outcomes[0], SR_ADDED);
	assert_int_equal(outcomes[1], SR_CHANGED);
	assert_int_equal(outcomes[2], SR_UNCHANGED);
	assert_memory_equal(&ids[0], &ids[2], sizeof(sr_id));
	assert_int_equal(integer(fixture, "SELECT TotalVersions FROM files"), 2);
}

static void test_all_or_none(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file files[2] = {file_at(fixture, "/x"), file_at(fixture, "/y")};
	sr_outcome outcomes[2] = {SR_CHANGED, SR_CHANGED};
	sr_saved saved = {9, 9, 9, 9};

	memset(&files[1].client_id, 0xee, sizeof(sr_id));
	assert_fails(sr_file_save(fixture->catalog, files, 2, outcomes, NULL, &saved), SR_NOT_FOUND,
		     "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
	assert_int_equal(data_version(fixture), 0);
	assert_int_equal(outcomes[0], SR_CHANGED);
	assert_int_equal(saved.added, 9);
	assert_ok(sr_file_save(fixture->catalog, NULL, 0, NULL, NULL, &saved));
	assert_int_equal(saved.added, 0);
}

static void test_refused(void **state)
{
	catalog_fixture *fixture = *state;
	char *long_name = malloc(5000);
	sr_file file;

#define REFUSED(field, value, words)                                                               \
	do {                                                                                       \
		file = file_named(fixture, "thing");                                               \
		file.field = value;                                                                \
		assert_fails(sr_file_save(fixture->catalog, &file, 1, NULL, NULL, NULL),           \
			     SR_INVALID, words);                                                   \
	} while (0)

	memset(long_name, 'n', 5000);
	REFUSED(size, -2, "size -2");
	REFUSED(crc, -1, "CRC -1");
	REFUSED(crc, 4294967296, "CRC 4294967296");
	REFUSED(hash, sr_text_of("abc"), "hash 'abc'");
	REFUSED(hash,
		sr_text_of("g"
			   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
		"hash");
	REFUSED(name, sr_text_of(""), "name");
	REFUSED(name, ((sr_text){NULL, 0}), "neither a name nor");
	REFUSED(name, ((sr_text){"a\0b", 3}), "NUL");
	REFUSED(name, ((sr_text){long_name, 4097}), "4097");
	REFUSED(path, sr_text_of(""), "path");
	REFUSED(original_path, sr_text_of(""), "original path");
	REFUSED(extension, sr_text_of("abcdefghijk"), "extension");
	REFUSED(transfer_speed, -1, "transfer speed -1");
	REFUSED(transfer_duration, -1, "transfer duration -1");
	REFUSED(compression_ratio, -0.5, "compression ratio -0.5");
	file = file_at(fixture, "/ends/in/");
	assert_fails(sr_file_save(fixture->catalog, &file, 1, NULL, NULL, NULL), SR_INVALID,
		     "/ends/in/");
	assert_int_equal(data_version(fixture), 0);
	free(long_name);
}

/* The old code's rows: no id of its own kind, and several of one name. */
static void test_old_rows(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_named(fixture, "NAME");
	sr_file *found;
	sr_id id;

	foreign_sql(fixture,
		    "INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ClientID)"
		    " SELECT NULL, 'NAME', 'received_files/NAME', 0, 10, ID FROM clients");
	foreign_sql(fixture,
		    "INSERT INTO files (ID, FileName, PathName, Verified, FileSize, ClientID)"
		    " SELECT NULL, 'NAME', 'received_files/NAME', 0, 20, ID FROM clients");
	file.size = 30;
	file.path = sr_text_of("received_files/NAME");
	assert_ok(sr_file_save(fixture->catalog, &file, 1, NULL, &id, NULL));
	assert_int_equal(data_version(fixture), 2);
	assert_int_equal(integer(fixture, "SELECT FileSize FROM files ORDER BY rowid"), 10);
	found = find(fixture, "NAME");
	assert_int_equal(found->size, 30);
	assert_int_equal(found->versions, 2);
	assert_true(found->has_id);
	assert_memory_equal(&found->id, &id, sizeof(id));
	sr_file_free(found);
}

static void test_joins_a_transaction(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_at(fixture, "/x");
	sr_file *found;

	assert_ok(sr_begin(fixture->catalog, "test"));
	assert_int_equal(save(fixture, &file), SR_ADDED);
	found = find(fixture, "/x");
	sr_file_free(found);
	assert_ok(sr_rollback(fixture->catalog));
	assert_int_equal(data_version(fixture), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_adds_and_derives),
		TEST(test_extensions),
		TEST(test_content),
		TEST(test_corrected_in_place),
		TEST(test_unchanged_writes_nothing),
		TEST(test_twice_in_a_batch),
		TEST(test_all_or_none),
		TEST(test_refused),
		TEST(test_old_rows),
		TEST(test_joins_a_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
