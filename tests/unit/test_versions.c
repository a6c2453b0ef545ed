/* The history of a file, and that all who tell of it agree. */
#include "catalog_fixture.h"

static void save_size(const catalog_fixture *fixture, int64_t size, const char *date,
		      sr_outcome expected)
{
	sr_file file = file_at(fixture, "/a/b");

	file.size = size;
	file.date = sr_text_of(date);
	assert_int_equal(save(fixture, &file), expected);
}

static sr_versions *list(const catalog_fixture *fixture, const char *key)
{
	sr_versions *cursor = NULL;

	assert_ok(sr_version_list(fixture->catalog, &fixture->client, sr_text_of(key), &cursor));
	return cursor;
}

static void expect_end(sr_versions *cursor)
{
	const sr_file_version *version;

	for (int i = 0; i < 2; i++) {
		assert_ok(sr_versions_next(cursor, &version));
		assert_null(version);
	}
	sr_versions_close(cursor);
}

/* 1. One active version, the current one, which repeats its file. 2. TotalVersions rows,
 * numbered from 1, each the child of the one before. */
static void expect_agreement(const catalog_fixture *fixture)
{
	assert_int_equal(
		integer(fixture,
			"SELECT count(*) FROM files f WHERE CurrentVersionID IS NOT NULL AND"
			" (SELECT group_concat(ID) FROM file_versions v WHERE v.FileID = f.ID"
			" AND IsActive = 1) IS NOT CurrentVersionID"),
		0);
	assert_int_equal(
		integer(fixture,
			"SELECT count(*) FROM files f LEFT JOIN file_versions v ON v.ID ="
			" f.CurrentVersionID WHERE CurrentVersionID IS NOT NULL AND (v.FileID,"
			" v.PathName, v.FileSize, v.VersionHash, v.ModificationDate, v.CRC,"
			" v.VersionNumber, v.CreatedDate) IS NOT (f.ID, f.PathName, f.FileSize,"
			" f.FileHash, f.ModificationDate, f.CRC, f.TotalVersions, f.RecordedAt)"),
		0);
	assert_int_equal(integer(fixture,
				 "SELECT count(*) FROM file_versions v WHERE ParentVersionID IS NOT"
				 " (SELECT p.ID FROM file_versions p WHERE p.FileID = v.FileID AND"
				 " p.VersionNumber = v.VersionNumber - 1)"),
			 0);
	assert_int_equal(
		integer(fixture,
			"SELECT count(*) FROM files f WHERE TotalVersions <>"
			" max(1, (SELECT count(*) FROM file_versions v WHERE v.FileID = f.ID))"),
		0);
}

static void test_never_changed(void **state)
{
	catalog_fixture *fixture = *state;
	const sr_file_version *version;
	sr_versions *cursor;

	save_size(fixture, 1, "2026-01-01", SR_ADDED);
	cursor = list(fixture, "/a/b");
	assert_ok(sr_versions_next(cursor, &version));
	assert_true(version->id == SR_NULL_INTEGER);
	assert_int_equal(version->number, 1);
	assert_int_equal(version->size, 1);
	assert_text(version->date, "2026-01-01");
	assert_text(version->path, "b");
	assert_non_null(version->created.data);
	assert_true(version->active);
	assert_true(version->parent == SR_NULL_INTEGER);
	expect_end(cursor);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"), 0);
}

static void test_changes(void **state)
{
	catalog_fixture *fixture = *state;
	const sr_file_version *version;
	sr_versions *cursor;
	int64_t parent = SR_NULL_INTEGER;

	save_size(fixture, 1, "2026-01-01", SR_ADDED);
	for (int64_t size = 2; size <= 4; size++) {
		save_size(fixture, size, "2026-01-02", SR_CHANGED);
		expect_agreement(fixture);
		assert_int_equal(integer(fixture, "SELECT TotalVersions FROM files"), size);
	}
	cursor = list(fixture, "/a/b");
	for (int64_t number = 1; number <= 4; number++) {
		assert_ok(sr_versions_next(cursor, &version));
		assert_non_null(version);
		assert_int_equal(version->number, number);
		assert_int_equal(version->size, number);
		assert_text(version->date, number == 1 ? "2026-01-01" : "2026-01-02");
		assert_int_equal(version->active, number == 4);
		assert_true(version->parent == parent);
		parent = version->id;
	}
	expect_end(cursor);
}

/* What is corrected in place is corrected in the active version, and there alone. */
static void test_follows_corrections(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file file = file_at(fixture, "/a/b");

	save_size(fixture, 1, "2026-01-01", SR_ADDED);
	save_size(fixture, 2, "2026-01-01", SR_CHANGED);
	file.path = sr_text_of("elsewhere");
	file.size = 2;
	file.crc = 77;
	assert_int_equal(save(fixture, &file), SR_UNCHANGED);
	expect_agreement(fixture);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"
					  " WHERE PathName = 'elsewhere' AND CRC = 77"),
			 1);
	assert_ok(sr_file_set_verified(fixture->catalog, &fixture->client, sr_text_of("/a/b"), true,
				       78));
	expect_agreement(fixture);
	assert_int_equal(integer(fixture, "SELECT CRC FROM files WHERE Verified = 1"), 78);
}

/* Version 1 is as old as the row it was made from. */
static void test_first_version_keeps_its_time(void **state)
{
	catalog_fixture *fixture = *state;

	save_size(fixture, 1, "2026-01-01", SR_ADDED);
	foreign_sql(fixture, "UPDATE files SET RecordedAt = '2025-05-05T05:05:05Z'");
	save_size(fixture, 2, "2026-01-01", SR_CHANGED);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions WHERE VersionNumber"
					  " = 1 AND CreatedDate = '2025-05-05T05:05:05Z'"),
			 1);
}

static void test_unknown(void **state)
{
	catalog_fixture *fixture = *state;
	sr_versions *cursor;

	assert_fails(
		sr_version_list(fixture->catalog, &fixture->client, sr_text_of("none"), &cursor),
		SR_NOT_FOUND, "client 'host' has no file 'none'");
	assert_null(cursor);
}

static void test_deleting_takes_versions(void **state)
{
	catalog_fixture *fixture = *state;

	save_size(fixture, 1, "2026-01-01", SR_ADDED);
	save_size(fixture, 2, "2026-01-01", SR_CHANGED);
	assert_ok(sr_file_delete(fixture->catalog, &fixture->client, sr_text_of("/a/b")));
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"), 0);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM files"), 0);
	assert_fails(sr_file_delete(fixture->catalog, &fixture->client, sr_text_of("/a/b")),
		     SR_NOT_FOUND, "/a/b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_never_changed),
		TEST(test_changes),
		TEST(test_follows_corrections),
		TEST(test_first_version_keeps_its_time),
		TEST(test_unknown),
		TEST(test_deleting_takes_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
