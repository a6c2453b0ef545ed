/* Search of earlier versions against a naive filter over every state that was ever saved. */
#include "catalog_fixture.h"
#include "old_database.h"

#include "base/text.h"

#define FILES  120
#define STATES 6

/* One state of a file, as it was saved. */
typedef struct state {
	sr_id id;
	char path[64];
	int64_t version; /* SR_NULL_INTEGER: the file as it is now. */
	int64_t size;
	int64_t instant;
	bool verified;
} state;

static state states[FILES * STATES];
static size_t state_count;
static unsigned seed = 7;

static unsigned dice(unsigned sides)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % sides;
}

/* Saves a file some times, each time with another size, and keeps what it was. */
static void save_file(catalog_fixture *f, unsigned number)
{
	unsigned count = 1 + dice(STATES);
	state *first = &states[state_count];

	for (unsigned i = 0; i < count; i++) {
		state *s = &states[state_count++];
		char date[SR_TIME_TEXT_SIZE];
		sr_file file;

		snprintf(s->path, sizeof(s->path), "/%s/f%u.%s", dice(2) ? "red" : "blue", number,
			 number % 3 ? "txt" : "pdf");
		if (i > 0)
			strcpy(s->path, first->path);
		s->size = (int64_t)(i * 1000 + dice(900)) % 3500;
		s->instant = (INT64_C(1700000000) + dice(1000) * 86400) * 1000000;
		s->version = i + 1 < count ? (int64_t)i + 1 : SR_NULL_INTEGER;
		s->verified = dice(2);
		sr_time_format(s->instant, date);
		file = file_at(f, s->path);
		file.path = file.original_path;
		file.size = s->size;
		file.date = sr_text_of(date);
		file.crc = i;
		file.verified = s->verified;
		assert_ok(sr_file_save(f->catalog, &file, 1, NULL, &s->id, NULL));
	}
}

static bool naive(const sr_query *q, const state *s)
{
	if (!q->all_versions && s->version != SR_NULL_INTEGER)
		return false;
	if (q->term.data && strstr(s->path, q->term.data) == NULL)
		return false;
	if (q->file_type.data && strcmp(strrchr(s->path, '.') + 1, q->file_type.data) != 0)
		return false;
	if (q->min_size != SR_NULL_INTEGER && s->size < q->min_size)
		return false;
	if (q->max_size != SR_NULL_INTEGER && s->size > q->max_size)
		return false;
	if (q->from != SR_NULL_INTEGER && s->instant < q->from)
		return false;
	return !q->verified_only || (s->verified && s->version == SR_NULL_INTEGER);
}

static const sr_query *ordering;

static int order(const void *left, const void *right)
{
	const state *a = left, *b = right;
	int d = 0;

	if (ordering->sort == SR_SORT_DATE)
		d = (a->instant < b->instant) - (a->instant > b->instant);
	else if (ordering->sort == SR_SORT_SIZE)
		d = (a->size < b->size) - (a->size > b->size);
	else if (ordering->sort == SR_SORT_NAME)
		d = strcmp(strrchr(a->path, '/'), strrchr(b->path, '/'));
	else
		d = strcmp(a->path, b->path);
	if (d != 0)
		return ordering->reverse ? -d : d;
	if ((d = memcmp(&a->id, &b->id, sizeof(a->id))) != 0)
		return d;
	/* SR_NULL_INTEGER is the least: the file as it is now comes first. */
	return (a->version > b->version) - (a->version < b->version);
}

static size_t expect(const sr_query *q, state *list)
{
	size_t count = 0;

	for (size_t i = 0; i < state_count; i++)
		if (naive(q, &states[i]))
			list[count++] = states[i];
	ordering = q;
	qsort(list, count, sizeof(*list), order);
	return count;
}

static void random_query(sr_query *q)
{
	static const char *const terms[] = {"red", "f1", "txt", "/blue/f2", "nowhere"};

	sr_query_init(q);
	q->all_versions = dice(8) != 0;
	if (dice(2))
		q->term = sr_text_of(terms[dice(5)]);
	if (dice(3) == 0)
		q->file_type = sr_text_of(dice(2) ? "txt" : "pdf");
	if (dice(3) == 0)
		q->min_size = (int64_t)dice(2000);
	if (dice(3) == 0)
		q->max_size = (int64_t)dice(4000);
	if (dice(4) == 0)
		q->from = (INT64_C(1700000000) + dice(1000) * 86400) * 1000000;
	q->verified_only = dice(6) == 0;
	q->sort = (sr_sort)dice(4);
	q->reverse = dice(2);
	q->limit = 1 + (int64_t)dice(60);
}

/* All pages of the query, one behind the other, are the list. */
static void compare(const catalog_fixture *f, sr_query *q, const state *list, size_t count)
{
	char *after = NULL;
	size_t at = 0;

	do {
		const sr_file *file;
		sr_files *cursor;

		q->after = after;
		assert_ok(sr_search(f->catalog, q, &cursor));
		free(after);
		for (;;) {
			assert_ok(sr_files_next(cursor, &file));
			if (file == NULL)
				break;
			assert_true(at < count);
			assert_text(file->original_path, list[at].path);
			assert_int_equal(file->version, list[at].version);
			assert_int_equal(file->size, list[at].size);
			assert_int_equal(file->verified,
					 list[at].verified && list[at].version == SR_NULL_INTEGER);
			at++;
		}
		after = sr_search_token(cursor) ? strdup(sr_search_token(cursor)) : NULL;
		sr_files_close(cursor);
	} while (after != NULL);
	assert_int_equal(at, count);
}

static void test_equals_naive(void **fixture)
{
	catalog_fixture *f = *fixture;
	state *list = calloc(FILES * STATES, sizeof(*list));
	size_t found = 0;

	state_count = 0;
	for (unsigned i = 0; i < FILES; i++)
		save_file(f, i);
	for (int round = 0; round < 300; round++) {
		size_t count;
		sr_query q;

		random_query(&q);
		count = expect(&q, list);
		compare(f, &q, list, count);
		found += count;
	}
	assert_true(found > 1000);
	free(list);
}

/* What is shown of an earlier state is that state's, and nothing of the present one's. */
static void test_shows_what_was(void **fixture)
{
	catalog_fixture *f = *fixture;
	sr_file file = file_at(f, "/a/b.txt");
	const sr_file *hit;
	sr_files *cursor;
	sr_query q;

	file.size = 5;
	file.crc = 55;
	file.path = sr_text_of("stored/one");
	file.date = sr_text_of("2026-01-01T00:00:00Z");
	save(f, &file);
	file.size = 7;
	file.crc = 77;
	file.path = sr_text_of("stored/two");
	file.date = sr_text_of("2026-02-01T00:00:00Z");
	file.verified = true;
	file.transfer_speed = 1000;
	assert_int_equal(save(f, &file), SR_CHANGED);

	sr_query_init(&q);
	q.term = sr_text_of("stored/one"); /* Only the earlier state was there. */
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &hit));
	assert_null(hit);
	sr_files_close(cursor);
	q.all_versions = true;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &hit));
	assert_non_null(hit);
	assert_int_equal(hit->version, 1);
	assert_int_equal(hit->size, 5);
	assert_int_equal(hit->crc, 55);
	assert_text(hit->path, "stored/one");
	assert_text(hit->date, "2026-01-01T00:00:00Z");
	assert_text(hit->name, "b.txt");
	assert_false(hit->verified);
	assert_int_equal(hit->transfer_speed, SR_NULL_INTEGER);
	assert_ok(sr_files_next(cursor, &hit));
	assert_null(hit);
	sr_files_close(cursor);
}

/* A token of one kind of search does not go on with the other. */
static void test_tokens_apart(void **fixture)
{
	catalog_fixture *f = *fixture;
	const sr_file *hit;
	sr_files *cursor, *other;
	sr_query q;

	for (int i = 0; i < 3; i++) {
		char path[32];
		sr_file file;

		snprintf(path, sizeof(path), "/t/%d", i);
		file = file_at(f, path);
		save(f, &file);
	}
	sr_query_init(&q);
	q.limit = 1;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &hit));
	assert_non_null(sr_search_token(cursor));
	q.after = sr_search_token(cursor);
	q.all_versions = true;
	assert_fails(sr_search(f->catalog, &q, &other), SR_INVALID, "another search");
	sr_files_close(cursor);
}

/* A file that names no version as its current one shows what it is only once. */
static void test_no_current_version(void **fixture)
{
	catalog_fixture *f = *fixture;
	const sr_file *hit;
	sr_files *cursor;
	int64_t sizes = 0;
	sr_query q;

	for (int64_t size = 1; size <= 3; size++) {
		sr_file file = file_at(f, "/a");

		file.size = size;
		(void)save(f, &file);
	}
	foreign_sql(f, "UPDATE files SET CurrentVersionID = 4711;"
		       "UPDATE file_versions SET IsActive = 1");
	sr_query_init(&q);
	q.all_versions = true;
	q.sort = SR_SORT_SIZE;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	while (sr_files_next(cursor, &hit) == SR_OK && hit != NULL)
		sizes = sizes * 10 + hit->size;
	sr_files_close(cursor);
	assert_int_equal(sizes, 321);
}

/* Databases that have no versions, or versions without all their columns, are searched as well. */
static void test_old_databases(void **fixture)
{
	catalog_fixture *f = *fixture;

	for (int version = 0; version <= 5; version++) {
		const sr_file *hit;
		sr_files *cursor;
		sr_query q;
		int count[2] = {0, 0};

		unlink(f->path);
		old_database_make(f->path, &(old_options){.version = version});
		if (version == 5)
			foreign_sql(f, "INSERT INTO file_versions (FileID, VersionNumber, PathName,"
				       " FileSize, CreatedDate, IsActive) SELECT ID, 1, 'was', 9,"
				       " '2025-01-01', 0 FROM files LIMIT 3");
		f->options.migrate = false;
		f->options.create = false;
		catalog_open(f);
		sr_query_init(&q);
		q.limit = 0;
		for (int all = 0; all < 2; all++) {
			q.all_versions = all;
			assert_ok(sr_search(f->catalog, &q, &cursor));
			for (;;) {
				assert_ok(sr_files_next(cursor, &hit));
				if (hit == NULL)
					break;
				count[all]++;
			}
			sr_files_close(cursor);
		}
		assert_true(count[0] > 3);
		assert_int_equal(count[1] - count[0], version == 5 ? 3 : 0);
		assert_ok(sr_close(f->catalog));
		f->catalog = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_equals_naive, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_shows_what_was, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_no_current_version, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_tokens_apart, catalog_setup_client,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_databases, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
