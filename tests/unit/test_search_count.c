/* What a search would find, counted: against the rows that it finds. */
#include "catalog_fixture.h"

enum { ROWS = 3000, VALUES = 64 };

typedef struct counted {
	sr_facet facet;
	bool null;
	bool rest;
	char value[64];
	int64_t files;
	int64_t bytes;
} counted;

typedef struct counts {
	counted list[VALUES];
	size_t count;
	size_t stop_after; /* 0: never. */
} counts;

static bool keep(void *arg, const sr_facet_value *value)
{
	counts *c = arg;
	counted *kept = &c->list[c->count++];

	assert_true(c->count <= VALUES);
	*kept = (counted){.facet = value->facet,
			  .null = value->value.data == NULL,
			  .rest = value->rest,
			  .files = value->files,
			  .bytes = value->bytes};
	if (!kept->null)
		snprintf(kept->value, sizeof(kept->value), "%.*s", (int)value->value.length,
			 value->value.data);
	return c->count == c->stop_after;
}

static const counted *look_up(const counts *c, sr_facet facet, const char *value)
{
	for (size_t i = 0; i < c->count; i++) {
		const counted *at = &c->list[i];

		if (at->facet == facet && at->null == (value == NULL) &&
		    (value == NULL || strcmp(at->value, value) == 0))
			return at;
	}
	fail_msg("no '%s' of facet %d", value != NULL ? value : "null", (int)facet);
	return NULL;
}

static void fill(const catalog_fixture *f)
{
	(void)add_client(f, "other");
	/* Orphans, sizes that are none, dates that are none, types in two spellings. */
	foreign_sql(
		f,
		"PRAGMA foreign_keys = OFF; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + "
		"1 "
		"FROM n WHERE i < 3000) INSERT INTO files (ID, FileName, PathName, FileSize, "
		"ClientID, ModificationDate, FileCategory, FileExtension) SELECT randomblob(16), "
		"'f' "
		"|| i || CASE i % 4 WHEN 0 THEN '.txt' WHEN 1 THEN '.TXT' WHEN 2 THEN '.gz' ELSE "
		"'' "
		"END, '/p/' || i, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 0 WHEN 2 THEN 1023 WHEN "
		"3 "
		"THEN 1024 ELSE 1 << (i % 50) END, CASE i % 7 WHEN 0 THEN randomblob(16) ELSE "
		"(SELECT ID FROM clients WHERE Name = CASE i % 2 WHEN 0 THEN 'host' ELSE 'other' "
		"END) END, CASE i % 6 WHEN 0 THEN 'never' WHEN 1 THEN '2025-12-31T23:30:00-01:00' "
		"ELSE '2024-0' || (i % 6) || '-15' END, CASE i % 3 WHEN 0 THEN 'documents' WHEN 1 "
		"THEN '' END, CASE i % 8 WHEN 3 THEN 'PDF' END FROM n");
}

static void count_by_hand(const catalog_fixture *f, const sr_query *query, sr_found *found)
{
	const sr_file *file;
	sr_files *cursor;

	*found = (sr_found){0};
	assert_ok(sr_search(f->catalog, query, &cursor));
	for (;;) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
		found->files++;
		found->bytes += file->size > 0 ? file->size : 0;
	}
	sr_files_close(cursor);
}

static void assert_counts(const catalog_fixture *f, sr_query *query)
{
	sr_found expected, found = {-1, -1}, again = {-1, -1};
	int64_t files[17] = {0}, bytes[17] = {0};
	counts c = {.count = 0};

	query->limit = 0;
	count_by_hand(f, query, &expected);
	query->limit = 3; /* Does not matter. */
	assert_ok(sr_search_count(f->catalog, query, &found));
	assert_int_equal(found.files, expected.files);
	assert_int_equal(found.bytes, expected.bytes);
	assert_ok(sr_search_facets(f->catalog, query, 31, keep, &c, &again));
	assert_memory_equal(&again, &found, sizeof(found));
	/* The values of each facet are all that there is. */
	for (size_t i = 0; i < c.count; i++) {
		files[c.list[i].facet] += c.list[i].files;
		bytes[c.list[i].facet] += c.list[i].bytes;
		assert_false(c.list[i].rest);
	}
	for (int facet = 1; facet <= SR_FACET_SIZE; facet *= 2) {
		assert_int_equal(files[facet], found.files);
		assert_int_equal(bytes[facet], found.bytes);
	}
}

static void equal_what_is_found(void **state)
{
	const catalog_fixture *f = *state;
	sr_condition match = {.kind = SR_MATCH_GLOB, .text = sr_text_of("f*1*.*")};
	sr_query q;

	fill(f);
	sr_query_init(&q);
	assert_counts(f, &q);
	q.term = sr_text_of("F1");
	assert_counts(f, &q);
	q.matches = &match;
	q.match_count = 1;
	assert_counts(f, &q);
	q.client_name = sr_text_of("other");
	assert_counts(f, &q);
	q.from = 0;
	assert_counts(f, &q);
	q.min_size = 1;
	assert_counts(f, &q);
	q.term = sr_text_of("nothing of the kind");
	assert_counts(f, &q);
	q.client_name = sr_text_of("nobody");
	assert_counts(f, &q);
}

static void each_facet(void **state)
{
	const catalog_fixture *f = *state;
	static const char *const classes[] = {
		"empty",
		"below 1 KiB",
		"1 KiB to 16 KiB",
		"16 KiB to 256 KiB",
		"256 KiB to 4 MiB",
		"4 MiB to 64 MiB",
		"64 MiB to 1 GiB",
		"1 GiB and more",
	};
	counts c = {.count = 0};
	sr_query q;

	fill(f);
	sr_query_init(&q);
	assert_ok(sr_search_facets(f->catalog, &q, 31, keep, &c, NULL));
	assert_int_equal(look_up(&c, SR_FACET_CLIENT, NULL)->files, ROWS / 7);
	assert_int_equal(look_up(&c, SR_FACET_CLIENT, "host")->files,
			 integer(f, "SELECT count(*) FROM files JOIN clients c ON c.ID = ClientID "
				    "WHERE Name = 'host'"));
	assert_int_equal(look_up(&c, SR_FACET_TYPE, "txt")->files, ROWS / 2);
	assert_int_equal(look_up(&c, SR_FACET_TYPE, "gz")->files, ROWS / 4);
	assert_int_equal(look_up(&c, SR_FACET_TYPE, "pdf")->files, ROWS / 8);
	assert_int_equal(look_up(&c, SR_FACET_TYPE, NULL)->files, ROWS / 8);
	assert_int_equal(look_up(&c, SR_FACET_CATEGORY, "documents")->files, ROWS / 3);
	assert_int_equal(look_up(&c, SR_FACET_CATEGORY, NULL)->files, ROWS * 2 / 3);
	assert_int_equal(look_up(&c, SR_FACET_MONTH, NULL)->files, ROWS / 6);
	/* In UTC it was the new year. */
	assert_int_equal(look_up(&c, SR_FACET_MONTH, "2026-01")->files, ROWS / 6);
	assert_int_equal(look_up(&c, SR_FACET_MONTH, "2024-05")->files, ROWS / 6);
	assert_int_equal(look_up(&c, SR_FACET_SIZE, NULL)->files, ROWS / 5);
	for (size_t i = 0; i < 8; i++) {
		char sql[256];
		static const int64_t ends[] = {1,       1024,     16384,   262144,
					       4194304, 67108864, 1 << 30, INT64_MAX};

		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM files WHERE FileSize >= %lld AND FileSize < %lld",
			 (long long)(i > 0 ? ends[i - 1] : 0), (long long)ends[i]);
		assert_int_equal(look_up(&c, SR_FACET_SIZE, classes[i])->files, integer(f, sql));
	}
}

/* Facet by facet; most files first, newest first, smallest first; the null last. */
static void in_order(void **state)
{
	const catalog_fixture *f = *state;
	counts c = {.count = 0};
	sr_query q;

	fill(f);
	sr_query_init(&q);
	assert_ok(sr_search_facets(f->catalog, &q, 31, keep, &c, NULL));
	for (size_t i = 1; i < c.count; i++) {
		const counted *a = &c.list[i - 1], *b = &c.list[i];

		assert_true(a->facet <= b->facet);
		if (a->facet != b->facet)
			continue;
		assert_false(a->null);
		if (b->null)
			continue;
		if (a->facet == SR_FACET_MONTH)
			assert_true(strcmp(a->value, b->value) > 0);
		else if (a->facet != SR_FACET_SIZE)
			assert_true(a->files > b->files ||
				    (a->files == b->files && strcmp(a->value, b->value) < 0));
	}
	c.count = 0;
	assert_ok(sr_search_facets(f->catalog, &q, SR_FACET_SIZE, keep, &c, NULL));
	assert_string_equal(c.list[0].value, "empty");
	assert_string_equal(c.list[7].value, "1 GiB and more");
	assert_true(c.list[8].null);
}

static void sums_that_are_too_large(void **state)
{
	const catalog_fixture *f = *state;
	sr_found found;
	sr_query q;

	foreign_sql(
		f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		   "1100) INSERT INTO files (ID, FileName, PathName, FileSize, ClientID) SELECT "
		   "randomblob(16), i, i, CASE i WHEN 1 THEN -5 ELSE 9223372036854775807 END, c.ID "
		   "FROM n, clients c");
	sr_query_init(&q);
	assert_ok(sr_search_count(f->catalog, &q, &found));
	assert_int_equal(found.files, 1100);
	/* Each is 2^53 at most, and what is below nothing is nothing. */
	assert_true(found.bytes == INT64_MAX);
	q.max_size = 5;
	assert_ok(sr_search_count(f->catalog, &q, &found));
	assert_int_equal(found.files, 1);
	assert_int_equal(found.bytes, 0);
}

static int64_t values_seen, rest_files, files_seen;

static bool only_count(void *arg, const sr_facet_value *value)
{
	(void)arg;
	values_seen++;
	files_seen += value->files;
	if (value->rest)
		rest_files += value->files;
	return false;
}

/* Categories that are all different, and long: memory stays bounded and nothing is lost. */
static void more_values_than_there_is_room_for(void **state)
{
	const catalog_fixture *f = *state;
	sr_query q;

	values_seen = rest_files = files_seen = 0;
	foreign_sql(f,
		    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		    "3000) INSERT INTO files (ID, FileName, PathName, ClientID, FileCategory) "
		    "SELECT randomblob(16), i, i, c.ID, printf('%010000d', i) FROM n, clients c");
	sr_query_init(&q);
	assert_ok(sr_search_facets(f->catalog, &q, SR_FACET_CATEGORY, only_count, NULL, NULL));
	assert_int_equal(files_seen, 3000);
	assert_true(rest_files > 1000 && rest_files < 2000);
	assert_int_equal(values_seen, 3000 - rest_files + 1);
}

static void what_makes_no_sense(void **state)
{
	const catalog_fixture *f = *state;
	counts c = {.stop_after = 2};
	sr_found found = {-7, -7};
	sr_condition match = {.kind = SR_MATCH_HASH, .text = sr_text_of("g")};
	sr_query q;

	fill(f);
	sr_query_init(&q);
	assert_fails(sr_search_facets(f->catalog, &q, 0, keep, &c, &found), SR_INVALID, "0");
	assert_fails(sr_search_facets(f->catalog, &q, 32 | 1, keep, &c, &found), SR_INVALID,
		     "0x21");
	assert_fails(sr_search_facets(f->catalog, &q, 31, keep, &c, &found), SR_INTERRUPTED, "");
	assert_int_equal(c.count, 2);
	q.matches = &match;
	q.match_count = 1;
	assert_fails(sr_search_count(f->catalog, &q, &found), SR_INVALID, "'g'");
	assert_fails(sr_search_count(f->catalog, NULL, &found), SR_INVALID, "no query");
	assert_int_equal(found.files, -7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_what_is_found),
		TEST(each_facet),
		TEST(in_order),
		TEST(sums_that_are_too_large),
		TEST(more_values_than_there_is_room_for),
		TEST(what_makes_no_sense),
	};

	return cmocka_run_group_tests_name("search_count", tests, NULL, NULL);
}
