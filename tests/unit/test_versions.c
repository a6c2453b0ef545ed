/* The history of a file, and that all who tell of it agree. */
#include <math.h>

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

/* ---- Activating ---- */

static sr_status activate(const catalog_fixture *fixture, int64_t number, int64_t *fresh)
{
	return sr_version_activate(fixture->catalog, &fixture->client, sr_text_of("/a/b"), number,
				   fresh);
}

static sr_file_version *version_of(const catalog_fixture *fixture, int64_t number)
{
	sr_file_version *version;

	assert_ok(sr_version_find(fixture->catalog, &fixture->client, sr_text_of("/a/b"), number,
				  &version));
	return version;
}

#define HASH_OF(digit) digit digit digit digit digit digit digit digit
#define HASH_A         HASH_OF("aaaaaaaa")
#define HASH_B         HASH_OF("bbbbbbbb")

static void save_known(const catalog_fixture *fixture, int64_t size, const char *hash,
		       sr_outcome expected)
{
	sr_file file = file_at(fixture, "/a/b");

	file.size = size;
	file.hash = sr_text_of(hash);
	file.crc = size * 10;
	file.date = sr_text_of("2026-01-01T10:00:00Z");
	file.path = sr_text_of(hash[0] == 'a' ? "stored/a" : "stored/b");
	file.verified = true;
	file.modified_ns = 123;
	file.inode = 456;
	file.transfer_speed = 7;
	file.transfer_duration = 8;
	file.compression_ratio = 0.5;
	assert_int_equal(save(fixture, &file), expected);
}

static void test_activate(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file_version *first, *second, *third;
	int64_t fresh = 0;
	sr_file *file;

	save_known(fixture, 1, HASH_A, SR_ADDED);
	save_known(fixture, 2, HASH_B, SR_CHANGED);
	assert_ok(activate(fixture, 1, &fresh));
	assert_int_equal(fresh, 3);
	file = find(fixture, "/a/b");
	assert_int_equal(file->size, 1);
	assert_text(file->hash, HASH_A);
	assert_int_equal(file->crc, 10);
	assert_text(file->path, "stored/a");
	assert_int_equal(file->versions, 3);
	/* What is not known of that state. */
	assert_false(file->verified);
	assert_true(file->modified_ns == SR_NULL_INTEGER && file->inode == SR_NULL_INTEGER);
	assert_true(file->transfer_speed == SR_NULL_INTEGER);
	assert_true(file->transfer_duration == SR_NULL_INTEGER);
	assert_true(isnan(file->compression_ratio));
	assert_true(file->stored);
	/* A version of its own, and nothing that was there has changed. */
	first = version_of(fixture, 1);
	second = version_of(fixture, 2);
	third = version_of(fixture, 3);
	assert_true(third->active && !second->active && !first->active);
	assert_int_equal(file->current_version, third->id);
	assert_int_equal(third->parent, first->id);
	assert_int_equal(second->parent, first->id);
	assert_int_equal(second->size, 2);
	assert_text(second->path, "stored/b");
	assert_text(third->created, file->recorded_at.data);
	assert_int_equal(sr_version_diff(first, third) & ~(unsigned)SR_VERSION_CREATED, 0);
	assert_int_equal(sr_version_diff(first, second) & ~(unsigned)SR_VERSION_CREATED,
			 SR_VERSION_SIZE | SR_VERSION_CRC | SR_VERSION_HASH | SR_VERSION_PATH);
	assert_int_equal(integer(fixture, "SELECT sum(BytesTransferred) FROM client_activity WHERE"
					  " ActivityType = 'activate' AND FileCount = 1"),
			 1);
	assert_int_equal(integer(fixture, "SELECT Bytes FROM client_usage"), 1);
	sr_version_free(third);
	sr_version_free(second);
	sr_version_free(first);
	sr_file_free(file);
	/* The next save goes on from there. */
	save_known(fixture, 1, HASH_A, SR_UNCHANGED);
	save_known(fixture, 2, HASH_B, SR_CHANGED);
	third = version_of(fixture, 4);
	assert_int_equal(third->parent, 3);
	sr_version_free(third);
}

static void test_activate_fails(void **state)
{
	catalog_fixture *fixture = *state;
	int64_t fresh = -5;

	save_known(fixture, 1, HASH_A, SR_ADDED);
	/* Its own state is version 1, without a row. */
	assert_fails(activate(fixture, 1, &fresh), SR_INVALID,
		     "version 1 of file '/a/b' is the current one already");
	assert_fails(activate(fixture, 2, &fresh), SR_NOT_FOUND, "file '/a/b' has no version 2");
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"), 0);
	save_known(fixture, 2, HASH_B, SR_CHANGED);
	assert_fails(activate(fixture, 2, &fresh), SR_INVALID, "version 2");
	assert_fails(activate(fixture, 3, &fresh), SR_NOT_FOUND, "version 3");
	assert_fails(activate(fixture, 0, &fresh), SR_NOT_FOUND, "version 0");
	assert_fails(sr_version_activate(fixture->catalog, &fixture->client, sr_text_of("none"), 1,
					 NULL),
		     SR_NOT_FOUND, "none");
	assert_fails(
		sr_version_activate(fixture->catalog, &fixture->client, sr_text_of(""), 1, NULL),
		SR_INVALID, "empty");
	assert_int_equal(fresh, -5);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"), 2);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM client_activity WHERE"
					  " ActivityType = 'activate'"),
			 0);
	expect_agreement(fixture);
}

/* What another program wrote into the file alone is in no version until then. */
static void test_activate_loses_nothing(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file_version *version;
	int64_t fresh;

	save_known(fixture, 1, HASH_A, SR_ADDED);
	save_known(fixture, 2, HASH_B, SR_CHANGED);
	foreign_sql(fixture, "UPDATE files SET FileSize = 77, FileHash = NULL");
	assert_ok(activate(fixture, 2, &fresh));
	assert_int_equal(fresh, 4);
	version = version_of(fixture, 3);
	assert_int_equal(version->size, 77);
	sr_version_free(version);
	version = version_of(fixture, 4);
	assert_int_equal(version->size, 2);
	assert_int_equal(version->parent, 2);
	sr_version_free(version);
	/* What only the version lacks, as in old databases, is no difference; it gets it. */
	foreign_sql(fixture,
		    "UPDATE file_versions SET ModificationDate = NULL, CRC = NULL WHERE ID = 4");
	assert_ok(activate(fixture, 1, &fresh));
	assert_int_equal(fresh, 5);
	version = version_of(fixture, 4);
	assert_int_equal(version->crc, 20);
	sr_version_free(version);
	/* No version is current any more. */
	foreign_sql(fixture, "UPDATE files SET CurrentVersionID = NULL, FileSize = 5");
	assert_ok(activate(fixture, 5, &fresh));
	assert_int_equal(fresh, 7);
	version = version_of(fixture, 6);
	assert_int_equal(version->size, 5);
	sr_version_free(version);
}

/* ---- Pinning ---- */

static sr_status pin(const catalog_fixture *fixture, int64_t number, bool pinned, int64_t *which)
{
	return sr_version_pin(fixture->catalog, &fixture->client, sr_text_of("/a/b"), number,
			      pinned, which);
}

static bool is_pinned(const catalog_fixture *fixture, int64_t number)
{
	sr_file_version *version = version_of(fixture, number);
	bool pinned = version->pinned;

	sr_version_free(version);
	return pinned;
}

static void test_pin(void **state)
{
	catalog_fixture *fixture = *state;
	int64_t which = -5;

	save_known(fixture, 1, HASH_A, SR_ADDED);
	assert_false(is_pinned(fixture, 1));
	assert_fails(pin(fixture, 2, true, &which), SR_NOT_FOUND, "no version 2");
	assert_int_equal(which, -5);
	assert_int_equal(integer(fixture, "SELECT count(*) FROM file_versions"), 0);
	/* A file that never changed gets the row that its pin is in. */
	assert_ok(pin(fixture, SR_NULL_INTEGER, true, &which));
	assert_int_equal(which, 1);
	assert_true(is_pinned(fixture, 1));
	expect_agreement(fixture);
	assert_int_equal(integer(fixture, "SELECT TotalVersions FROM files"), 1);
	assert_int_equal(integer(fixture, "SELECT CurrentVersionID FROM files"), 1);
	/* It stays at that version. */
	save_known(fixture, 2, HASH_B, SR_CHANGED);
	expect_agreement(fixture);
	assert_true(is_pinned(fixture, 1) && !is_pinned(fixture, 2));
	assert_ok(pin(fixture, SR_NULL_INTEGER, true, &which));
	assert_int_equal(which, 2);
	assert_ok(pin(fixture, 2, true, &which)); /* Again is no mistake. */
	assert_ok(pin(fixture, 1, false, NULL));
	assert_true(!is_pinned(fixture, 1) && is_pinned(fixture, 2));
	/* What is made of a pinned version is not pinned itself. */
	assert_ok(activate(fixture, 1, &which));
	assert_ok(activate(fixture, 2, &which));
	assert_int_equal(which, 4);
	assert_true(is_pinned(fixture, 2) && !is_pinned(fixture, 4));
	assert_fails(sr_version_pin(fixture->catalog, &fixture->client, sr_text_of("none"), 1, true,
				    NULL),
		     SR_NOT_FOUND, "none");
}

/* Versions need an id to refer to. */
static void test_file_without_id(void **state)
{
	catalog_fixture *fixture = *state;
	int64_t which = 0;

	save_known(fixture, 1, HASH_A, SR_ADDED);
	foreign_sql(fixture, "UPDATE files SET ID = NULL");
	assert_ok(pin(fixture, SR_NULL_INTEGER, true, &which));
	assert_int_equal(which, 1);
	assert_true(is_pinned(fixture, 1));
	assert_int_equal(integer(fixture, "SELECT count(*) FROM files f JOIN file_versions v"
					  " ON v.FileID = f.ID AND length(f.ID) = 16"),
			 1);
}

static void test_diff(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file_version a = {.size = 1, .crc = 2, .path = {"x", 1}}, b = a;
	sr_file_version *version;

	assert_int_equal(sr_version_diff(&a, &b), 0);
	a.date = sr_text_of("2026-01-31T10:00:00Z");
	b.date = sr_text_of("2026-01-31 11:00:00+01:00");
	a.hash = sr_text_of(HASH_A);
	b.hash = sr_text_of(HASH_OF("AAAAAAAA"));
	assert_int_equal(sr_version_diff(&a, &b), 0);
	b.date = sr_text_of(NULL);
	b.hash = sr_text_of(NULL);
	b.size = SR_NULL_INTEGER;
	b.crc = 3;
	b.path = sr_text_of("y");
	b.created = sr_text_of("2026-01-31");
	b.pinned = true;
	assert_int_equal(sr_version_diff(&a, &b), 127);
	assert_fails(sr_version_find(fixture->catalog, &fixture->client, sr_text_of("/a/b"), 1,
				     &version),
		     SR_NOT_FOUND, "/a/b");
	save_known(fixture, 1, HASH_A, SR_ADDED);
	assert_fails(sr_version_find(fixture->catalog, &fixture->client, sr_text_of("/a/b"), 2,
				     &version),
		     SR_NOT_FOUND, "no version 2");
	assert_null(version);
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
		TEST(test_activate),
		TEST(test_activate_fails),
		TEST(test_activate_loses_nothing),
		TEST(test_pin),
		TEST(test_file_without_id),
		TEST(test_diff),
		TEST(test_unknown),
		TEST(test_deleting_takes_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
