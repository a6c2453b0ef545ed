/* A client's files like a folder tree, and in the order of their paths. */
#include "catalog_fixture.h"

static void add(const catalog_fixture *fixture, sr_text path, sr_text name, int64_t size,
		const char *date)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = fixture->client;
	file.original_path = path;
	file.name = name;
	file.size = size;
	file.date = sr_text_of(date);
	assert_int_equal(save(fixture, &file), SR_ADDED);
}

static void add_path(const catalog_fixture *fixture, const char *path, int64_t size,
		     const char *date)
{
	add(fixture, sr_text_of(path), (sr_text){NULL, 0}, size, date);
}

/* The listing as one text: "name|f or d|files|bytes|newest" a line, names escaped. */
static char *show(const catalog_fixture *fixture, const char *folder, bool recursive)
{
	static char out[8192];
	sr_folder *cursor = NULL;
	const sr_entry *entry;
	size_t used = 0;
	char *name;

	out[0] = '\0';
	assert_ok(sr_folder_open(fixture->catalog, &fixture->client, sr_text_of(folder), recursive,
				 &cursor));
	for (;;) {
		assert_ok(sr_folder_next(cursor, &entry));
		if (entry == NULL)
			break;
		assert_int_equal(entry->is_folder, entry->file == NULL);
		assert_ok(sr_text_escape(entry->name, &name));
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s|%c|%d|%d|%s\n", name,
					 entry->is_folder ? 'd' : 'f', (int)entry->files,
					 (int)entry->bytes,
					 entry->newest.data ? entry->newest.data : "-");
		sr_free(name);
	}
	assert_ok(sr_folder_next(cursor, &entry));
	assert_null(entry);
	sr_folder_close(cursor);
	return out;
}

static void fill(const catalog_fixture *fixture)
{
	add_path(fixture, "/etc/ssl/certs/a.pem", 10, "2026-01-03");
	add_path(fixture, "/etc/ssl/b.conf", 20, "2026-01-02T10:00:00+02:00");
	add_path(fixture, "/etc/ssl/c.conf", 30, "not a date");
	add_path(fixture, "/etc/passwd", 5, "2026-01-01");
	add_path(fixture, "/etc/ssl-old/x", 1, NULL);
	add_path(fixture, "/etcetera", 7, NULL);
	add_path(fixture, "usr/relative", 9, NULL);
	add_path(fixture, "C:\\Windows\\system.ini", 3, NULL);
	add(fixture, (sr_text){NULL, 0}, sr_text_of("by name"), 2, NULL);
	add(fixture, (sr_text){"/etc/\xff\xfe/raw", 11}, (sr_text){NULL, 0}, 4, NULL);
	add(fixture, (sr_text){"/etc/b\xff", 7}, (sr_text){NULL, 0}, 8, NULL);
}

static void test_one_level(void **state)
{
	fill(*state);
	assert_string_equal(show(*state, "/etc", false), "b\\xff|f|1|8|-\n"
							 "passwd|f|1|5|2026-01-01\n"
							 "ssl-old|d|1|1|-\n"
							 "ssl|d|3|60|2026-01-03\n"
							 "\\xff\\xfe|d|1|4|-\n");
	assert_string_equal(show(*state, "etc/ssl/", false),
			    "b.conf|f|1|20|2026-01-02T10:00:00+02:00\n"
			    "c.conf|f|1|30|not a date\n"
			    "certs|d|1|10|2026-01-03\n");
}

static void test_root(void **state)
{
	static const char expected[] = "C:\\\\Windows\\\\system.ini|f|1|3|-\n"
				       "by name|f|1|2|-\n"
				       "etc|d|7|78|2026-01-03\n"
				       "etcetera|f|1|7|-\n"
				       "usr|d|1|9|-\n";

	fill(*state);
	assert_string_equal(show(*state, "", false), expected);
	assert_string_equal(show(*state, "/", false), expected);
}

/* Doubled slashes count as one. */
static void test_doubled_slashes(void **state)
{
	add_path(*state, "/etc//a", 1, NULL);
	add_path(*state, "/etc//ssl/b", 2, NULL);
	assert_string_equal(show(*state, "/etc", false), "a|f|1|1|-\nssl|d|1|2|-\n");
	assert_string_equal(show(*state, "//etc//", true), "a|f|1|1|-\nssl/b|f|1|2|-\n");
}

static void test_recursive(void **state)
{
	fill(*state);
	assert_string_equal(show(*state, "/etc/ssl", true),
			    "b.conf|f|1|20|2026-01-02T10:00:00+02:00\n"
			    "c.conf|f|1|30|not a date\n"
			    "certs/a.pem|f|1|10|2026-01-03\n");
	assert_string_equal(show(*state, "/usr", true), "relative|f|1|9|-\n");
}

static void test_nothing(void **state)
{
	catalog_fixture *fixture = *state;
	sr_folder *cursor;
	sr_id nobody = {{1}};

	assert_string_equal(show(fixture, "/", false), "");
	fill(fixture);
	assert_fails(sr_folder_open(fixture->catalog, &fixture->client, sr_text_of("/et"), false,
				    &cursor),
		     SR_NOT_FOUND, "/et");
	assert_fails(sr_folder_open(fixture->catalog, &nobody, sr_text_of(""), false, &cursor),
		     SR_NOT_FOUND, "01000000");
	assert_fails(sr_folder_open(fixture->catalog, &fixture->client, (sr_text){"a\0b", 3}, false,
				    &cursor),
		     SR_INVALID, "NUL");
}

/* Every original path below a folder, by chunks of `limit`, as one text. */
static char *below(const catalog_fixture *fixture, const char *folder, size_t limit, int *chunks)
{
	static char out[4096], last[256];
	sr_text after = {NULL, 0};
	const sr_file *file;
	sr_files *cursor;
	size_t rows;
	char *name;

	out[0] = '\0';
	*chunks = 0;
	do {
		assert_ok(sr_file_list_below(fixture->catalog, &fixture->client, sr_text_of(folder),
					     after, limit, &cursor));
		for (rows = 0;; rows++) {
			assert_ok(sr_files_next(cursor, &file));
			if (file == NULL)
				break;
			assert_ok(sr_text_escape(file->original_path, &name));
			strcat(strcat(out, name), "\n");
			sr_free(name);
			memcpy(last, file->original_path.data, file->original_path.length);
			after = (sr_text){last, file->original_path.length};
		}
		sr_files_close(cursor);
		++*chunks;
	} while (limit != 0 && rows == limit);
	return out;
}

static void test_below(void **state)
{
	static const char expected[] = "/etc/b\\xff\n/etc/passwd\n/etc/ssl-old/x\n"
				       "/etc/ssl/b.conf\n/etc/ssl/c.conf\n/etc/ssl/certs/a.pem\n"
				       "/etc/\\xff\\xfe/raw\n";
	int chunks;

	fill(*state);
	assert_string_equal(below(*state, "/etc", 0, &chunks), expected);
	for (size_t limit = 1; limit < 9; limit++) {
		assert_string_equal(below(*state, "/etc/", limit, &chunks), expected);
		assert_int_equal(chunks, 7 / limit + 1);
	}
	assert_string_equal(below(*state, "/nothing", 3, &chunks), "");
	assert_non_null(strstr(below(*state, "/", 2, &chunks), "/etcetera\n"));
}

static void test_mark_missing(void **state)
{
	catalog_fixture *fixture = *state;
	const sr_text paths[] = {sr_text_of("/etc/passwd"), {"/etc/b\xff", 7}, sr_text_of("/no")};
	sr_file file = file_at(fixture, "/etc/passwd");
	sr_file *found;
	int64_t marked = 0;

	fill(fixture);
	assert_ok(sr_file_mark_missing(fixture->catalog, &fixture->client, paths, 3, 0, &marked));
	assert_int_equal(marked, 2);
	assert_ok(sr_file_mark_missing(fixture->catalog, &fixture->client, paths, 3, 1000000,
				       &marked));
	assert_int_equal(marked, 0);
	found = find(fixture, "/etc/passwd");
	assert_text(found->missing_since, "1970-01-01T00:00:00Z");
	sr_file_free(found);
	assert_int_equal(save(fixture, &file), SR_UNCHANGED);
	found = find(fixture, "/etc/passwd");
	assert_null(found->missing_since.data);
	sr_file_free(found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_level),       TEST(test_root),    TEST(test_recursive),
		TEST(test_doubled_slashes), TEST(test_nothing), TEST(test_below),
		TEST(test_mark_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
