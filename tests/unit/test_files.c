/* Finding, listing, changing and deleting files by client and name. */
#include "catalog_fixture.h"

#include <sqlite3.h>

static void test_by_key(void **state)
{
	catalog_fixture *fixture = *state;
	sr_file files[4] = {file_at(fixture, "/a/NAME"), file_named(fixture, "NAME"),
			    file_at(fixture, "/b/NAME"), file_at(fixture, "/c/other")};
	sr_id ids[4];
	sr_file *found;

	assert_ok(sr_file_save(fixture->catalog, files, 4, NULL, ids, NULL));
	/* Exactly that path; exactly that name; else the newest of that name. */
	found = find(fixture, "/a/NAME");
	assert_memory_equal(&found->id, &ids[0], sizeof(sr_id));
	sr_file_free(found);
	found = find(fixture, "NAME");
	assert_memory_equal(&found->id, &ids[1], sizeof(sr_id));
	sr_file_free(found);
	assert_ok(sr_file_delete(fixture->catalog, &fixture->client, sr_text_of("NAME")));
	found = find(fixture, "NAME");
	assert_memory_equal(&found->id, &ids[2], sizeof(sr_id));
	sr_file_free(found);
	/* One call changes one file. */
	assert_ok(sr_file_set_verified(fixture->catalog, &fixture->client, sr_text_of("NAME"), true,
				       5));
	assert_int_equal(integer(fixture, "SELECT count(*) FROM files WHERE Verified = 1"), 1);
	assert_int_equal(integer(fixture, "SELECT CRC FROM files WHERE OriginalPath = '/b/NAME'"),
			 5);
	assert_ok(sr_file_delete(fixture->catalog, &fixture->client, sr_text_of("NAME")));
	assert_int_equal(integer(fixture, "SELECT count(*) FROM files"), 2);
	found = find(fixture, "NAME");
	assert_memory_equal(&found->id, &ids[0], sizeof(sr_id));
	sr_file_free(found);
}

static void test_not_found(void **state)
{
	catalog_fixture *fixture = *state;
	sr_id nobody = {{1}};
	sr_files *cursor;
	sr_file *file;

	assert_fails(sr_file_find(fixture->catalog, &fixture->client, sr_text_of("x"), &file),
		     SR_NOT_FOUND, "client 'host' has no file 'x'");
	assert_null(file);
	assert_fails(sr_file_find(fixture->catalog, &nobody, sr_text_of("x"), &file), SR_NOT_FOUND,
		     "no client with id 01");
	assert_fails(sr_file_by_id(fixture->catalog, &nobody, &file), SR_NOT_FOUND, "01000000");
	assert_fails(sr_file_find(fixture->catalog, &fixture->client, sr_text_of(""), &file),
		     SR_INVALID, "empty");
	assert_fails(sr_file_list(fixture->catalog, &nobody, &cursor), SR_NOT_FOUND, "01000000");
	assert_null(cursor);
	assert_fails(sr_file_set_verified(fixture->catalog, &fixture->client, sr_text_of("x"), true,
					  4294967296),
		     SR_INVALID, "4294967296");
}

static void test_list(void **state)
{
	catalog_fixture *fixture = *state;
	sr_id other = add_client(fixture, "other");
	const sr_file *file;
	sr_files *cursor;
	char path[32];

	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "/%d", 9 - i);
		sr_file saved = file_at(fixture, path);

		if (i % 2 == 1)
			saved.client_id = other;
		assert_int_equal(save(fixture, &saved), SR_ADDED);
	}
	assert_ok(sr_file_list(fixture->catalog, NULL, &cursor));
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof(path), "/%d", 9 - i);
		assert_ok(sr_files_next(cursor, &file));
		assert_text(file->original_path, path);
		assert_text(file->client_name, i % 2 == 1 ? "other" : "host");
	}
	for (int i = 0; i < 2; i++) {
		assert_ok(sr_files_next(cursor, &file));
		assert_null(file);
	}
	sr_files_close(cursor);
	assert_ok(sr_file_list(fixture->catalog, &other, &cursor));
	for (int i = 1; i < 10; i += 2) {
		snprintf(path, sizeof(path), "/%d", 9 - i);
		assert_ok(sr_files_next(cursor, &file));
		assert_text(file->original_path, path);
	}
	sr_files_close(cursor); /* Before its end. */
}

/* Names are bytes: what goes in comes out. */
static void test_bytes(void **state)
{
	catalog_fixture *fixture = *state;
	char *longest = malloc(4096);
	sr_text names[] = {{"new\nline", 8},     {"\xff\xfe", 2}, {"caf\xc3\xa9", 5},
			   {"cafe\xcc\x81", 6},  {"a'b\"c", 5},   {"\x1b[31m", 5},
			   {"half \xe2\x82", 7}, {" ", 1},        {"%_", 2},
			   {"\xed\xa0\x80", 3},  {NULL, 4096}};
	size_t count = sizeof(names) / sizeof(names[0]);
	sr_file *file;

	memset(longest, 'x', 4096);
	names[count - 1].data = longest;
	for (size_t i = 0; i < count; i++) {
		sr_file saved = file_named(fixture, "x");

		saved.name = names[i];
		assert_int_equal(save(fixture, &saved), SR_ADDED);
		assert_int_equal(save(fixture, &saved), SR_UNCHANGED);
	}
	for (size_t i = 0; i < count; i++) {
		assert_ok(sr_file_find(fixture->catalog, &fixture->client, names[i], &file));
		assert_int_equal(file->name.length, names[i].length);
		assert_memory_equal(file->name.data, names[i].data, names[i].length);
		assert_int_equal(file->name.data[file->name.length], 0);
		sr_file_free(file);
	}
	/* A stock client reads text as UTF-8, and blobs as they are. */
	assert_int_equal(integer(fixture, "SELECT count(*) FROM files"
					  " WHERE typeof(FileName) = 'blob'"),
			 3);
	free(longest);
}

/* ---- As fast among 100,000 as alone ---- */

typedef struct counts {
	int64_t steps; /* Of the engine's machine, for all statements. */
	int64_t scans; /* Rows gone over without an index. */
	int64_t sorts;
} counts;

/* What the statements of the writer have cost since they were asked last. */
static counts take_counts(const catalog_fixture *fixture)
{
	counts sum = {0, 0, 0};
	sr_lease *lease;

	assert_ok(sr_lease_open(fixture->catalog, "test", true, &lease));
	for (sqlite3_stmt *stmt = NULL;
	     (stmt = sqlite3_next_stmt(sr_lease_handle(lease), stmt)) != NULL;) {
		sum.steps += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
		sum.scans += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
		sum.sorts += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_SORT, 1);
	}
	sr_lease_close(lease);
	return sum;
}

static counts cost_of_calls(const catalog_fixture *fixture, int64_t round)
{
	sr_file files[2] = {file_at(fixture, "/dir/00001/README"), file_named(fixture, "README")};

	(void)take_counts(fixture);
	files[0].size = 1000 + round;
	files[1].size = 1000 + round;
	assert_ok(sr_file_save(fixture->catalog, files, 2, NULL, NULL, NULL));
	assert_ok(sr_file_set_verified(fixture->catalog, &fixture->client, sr_text_of("README"),
				       round % 2 == 0, SR_NULL_INTEGER));
	return take_counts(fixture);
}

#define MANY 100000

static void save_many(const catalog_fixture *fixture)
{
	sr_file *files = calloc(1000, sizeof(*files));
	char(*paths)[32] = calloc(1000, sizeof(*paths));

	for (int at = 2; at < MANY; at += 1000) {
		for (int i = 0; i < 1000; i++) {
			snprintf(paths[i], sizeof(paths[i]), "/dir/%05d/README", at + i);
			files[i] = file_at(fixture, paths[i]);
			files[i].size = 1;
		}
		assert_ok(sr_file_save(fixture->catalog, files, 1000, NULL, NULL, NULL));
	}
	free(paths);
	free(files);
}

static void test_many_of_one_name(void **state)
{
	catalog_fixture *fixture = *state;
	counts few, many;

	/* The counters are those of statements that a connection keeps. */
	if (fixture->options.direct)
		skip();
	/* The first rounds add the files, and prepare what changes them. */
	for (int64_t round = 0; round < 3; round++)
		few = cost_of_calls(fixture, round);
	save_many(fixture);
	many = cost_of_calls(fixture, 3);
	/* The history has one row more; nothing else grew. */
	assert_in_range(many.steps, 1, few.steps + 100);
	assert_int_equal(many.scans, 0);
	assert_int_equal(integer(fixture, "SELECT count(*) > 99000 FROM files"
					  " WHERE FileName = 'README'"),
			 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_key), TEST(test_not_found),        TEST(test_list),
		TEST(test_bytes),  TEST(test_many_of_one_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
