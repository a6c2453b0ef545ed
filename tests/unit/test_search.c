/* Search against a naive filter, over rows that are as odd as rows may be. */
#include "catalog_fixture.h"
#include "old_database.h"

#include "base/glob.h"
#include "base/text.h"

#define ROWS 2000

/* A row as the naive filter knows it. */
typedef struct plain {
	sr_id id;
	char name[64];
	size_t name_length;
	char path[128];
	size_t path_length;
	int64_t size;
	char date[40];
	bool verified;
	int client;
	char hash[65];
	bool gone; /* Deleted meanwhile. */
} plain;

static plain rows[ROWS + 500];
static size_t row_count;
static unsigned seed = 1;

static unsigned dice(unsigned sides)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % sides;
}

static const char *const pieces[] = {
	"report",
	"Re%port",
	"re_port",
	"Stra\xc3\x9f"
	"e",
	"STRASSE",
	"caf\xc3\xa9",
	"cafe\xcc\x81",
	"CAF\xc3\x89",
	"\xff\xfe",
	"b\x80"
	"d",
	"100%",
	"a_b",
	"\xce\xa3\xce\xaf\xcf\x83",
	"x",
	"README",
};
static const char *const endings[] = {".txt", ".TXT", ".tar.gz", "", ".Pdf", ".caf\xc3\xa9"};
static const char *const dates[] = {
	"2026-01-31T09:30:00Z",
	"2026-01-31",
	"2026-01-31T10:30:00+01:00",
	"2025-08-05T18:20:36+00:00Z",
	"2025-08-05 18:20:36.5",
	"yesterday",
	"2026-02-31",
	"",
	"2024-02-29T23:59:59.999999",
};
#define PICK(list) (list)[dice(sizeof(list) / sizeof((list)[0]))]

static void make_row(plain *row)
{
	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s%s%u%s", PICK(pieces), PICK(pieces), dice(50),
		 PICK(endings));
	row->name_length = strlen(row->name);
	snprintf(row->path, sizeof(row->path), "/%s/%u/%s", PICK(pieces), dice(100000), row->name);
	row->path_length = strlen(row->path);
	row->size = dice(10) == 0 ? SR_NULL_INTEGER : (int64_t)dice(20) * 100;
	strcpy(row->date, PICK(dates));
	row->verified = dice(3) == 0;
	row->client = (int)dice(3);
	if (dice(3))
		snprintf(row->hash, sizeof(row->hash), "%02x%062x", dice(256), 7);
}

static void save_rows(catalog_fixture *f, const sr_id *clients, size_t from, size_t to)
{
	sr_file *files = calloc(to - from, sizeof(*files));
	sr_id *ids = calloc(to - from, sizeof(*ids));

	for (size_t i = from; i < to; i++) {
		plain *row = &rows[i];
		sr_file *file = &files[i - from];

		make_row(row);
		sr_file_init(file);
		file->client_id = clients[row->client];
		file->name = (sr_text){row->name, row->name_length};
		file->original_path = (sr_text){row->path, row->path_length};
		file->path = file->original_path;
		file->size = row->size;
		file->date = sr_text_of(row->date[0] ? row->date : NULL);
		file->verified = row->verified;
		file->hash = sr_text_of(row->hash[0] ? row->hash : NULL);
	}
	assert_ok(sr_file_save(f->catalog, files, to - from, NULL, ids, NULL));
	for (size_t i = from; i < to; i++)
		rows[i].id = ids[i - from];
	row_count = to;
	free(files);
	free(ids);
}

static bool fold_ends(const plain *row, const char *type)
{
	sr_buffer name = SR_BUFFER_EMPTY, want = SR_BUFFER_EMPTY;
	char dotted[32];
	bool same;

	snprintf(dotted, sizeof(dotted), ".%s", type);
	assert_int_equal(sr_text_fold((sr_text){row->name, row->name_length}, &name), SR_OK);
	assert_int_equal(sr_text_fold(sr_text_of(dotted), &want), SR_OK);
	same = name.length > want.length &&
	       memcmp(name.data + name.length - want.length, want.data, want.length) == 0;
	sr_buffer_free(&name);
	sr_buffer_free(&want);
	return same;
}

static bool fold_has(const char *text, size_t length, sr_text term)
{
	sr_buffer a = SR_BUFFER_EMPTY, b = SR_BUFFER_EMPTY;
	bool has;

	assert_int_equal(sr_text_fold((sr_text){text, length}, &a), SR_OK);
	assert_int_equal(sr_text_fold(term, &b), SR_OK);
	has = memmem(a.data, a.length, b.data, b.length) != NULL;
	sr_buffer_free(&a);
	sr_buffer_free(&b);
	return has;
}

static bool instant_of(const plain *row, int64_t *instant)
{
	return row->date[0] != '\0' && sr_time_parse(row->date, instant, NULL) == SR_OK;
}

/* The text from `from` on, folded, is the pattern's, or the term's, or what else there is. */
static bool fold_is(const char *text, size_t length, const sr_condition *match)
{
	sr_buffer a = SR_BUFFER_EMPTY, b = SR_BUFFER_EMPTY;
	bool is;

	assert_int_equal(sr_text_fold((sr_text){text, length}, &a), SR_OK);
	assert_int_equal(sr_text_fold(match->text, &b), SR_OK);
	is = a.length >= b.length && memcmp(a.data, b.data, b.length) == 0 &&
	     (match->kind == SR_MATCH_PATH || a.length == b.length);
	sr_buffer_free(&a);
	sr_buffer_free(&b);
	return is;
}

/* test_glob.c looks at globs by themselves. */
static bool glob_has(const plain *row, sr_text pattern)
{
	sr_buffer folded = SR_BUFFER_EMPTY;
	sr_glob *glob;
	bool has;

	assert_done(sr_glob_new(pattern, &glob));
	assert_done(sr_text_fold((sr_text){row->name, row->name_length}, &folded));
	has = sr_glob_matches(glob, sr_buffer_text(&folded));
	if (sr_glob_is_path(glob)) {
		assert_done(sr_text_fold((sr_text){row->path, row->path_length}, &folded));
		has |= sr_glob_matches(glob, sr_buffer_text(&folded));
	}
	sr_buffer_free(&folded);
	sr_glob_free(glob);
	return has;
}

static bool holds(const sr_condition *match, const plain *row)
{
	switch (match->kind) {
	case SR_MATCH_TERM:
		return fold_has(row->name, row->name_length, match->text) ||
		       fold_has(row->path, row->path_length, match->text);
	case SR_MATCH_GLOB:
		return glob_has(row, match->text);
	case SR_MATCH_NAME:
		return fold_is(row->name, row->name_length, match);
	case SR_MATCH_PATH:
		return fold_is(row->path, row->path_length, match);
	case SR_MATCH_HASH:
		return strncasecmp(row->hash, match->text.data, match->text.length) == 0;
	}
	return false;
}

static const char *const client_names[] = {"alpha", "beta", "gamma"};

static bool naive(const sr_query *q, const plain *row)
{
	int64_t instant;

	if (row->gone)
		return false;
	if (q->term.data && !fold_has(row->name, row->name_length, q->term) &&
	    !fold_has(row->path, row->path_length, q->term))
		return false;
	for (size_t i = 0; i < q->match_count; i++)
		if (holds(&q->matches[i], row) == q->matches[i].negated)
			return false;
	if (q->file_type.data && !fold_ends(row, q->file_type.data))
		return false;
	if (q->client_name.data && strcmp(q->client_name.data, client_names[row->client]) != 0)
		return false;
	if (q->min_size != SR_NULL_INTEGER &&
	    (row->size == SR_NULL_INTEGER || row->size < q->min_size))
		return false;
	if (q->max_size != SR_NULL_INTEGER &&
	    (row->size == SR_NULL_INTEGER || row->size > q->max_size))
		return false;
	if (q->verified_only && !row->verified)
		return false;
	if (q->from != SR_NULL_INTEGER || q->to != SR_NULL_INTEGER) {
		if (!instant_of(row, &instant))
			return false;
		if (q->from != SR_NULL_INTEGER && instant < q->from)
			return false;
		if (q->to != SR_NULL_INTEGER && instant > q->to)
			return false;
	}
	return true;
}

static const sr_query *ordering;

static int order(const void *left, const void *right)
{
	const plain *a = &rows[*(const size_t *)left], *b = &rows[*(const size_t *)right];
	int64_t x = 0, y = 0;
	bool has_x = true, has_y = true;
	int d = 0;

	switch (ordering->sort) {
	case SR_SORT_NAME:
		d = sr_text_compare((sr_text){a->name, a->name_length},
				    (sr_text){b->name, b->name_length});
		break;
	case SR_SORT_PATH:
		d = sr_text_compare((sr_text){a->path, a->path_length},
				    (sr_text){b->path, b->path_length});
		break;
	case SR_SORT_SIZE:
		has_x = (x = a->size) != SR_NULL_INTEGER;
		has_y = (y = b->size) != SR_NULL_INTEGER;
		break;
	case SR_SORT_DATE:
		has_x = instant_of(a, &x);
		has_y = instant_of(b, &y);
		break;
	}
	if (has_x != has_y)
		return has_x ? -1 : 1;
	if (ordering->sort == SR_SORT_DATE || ordering->sort == SR_SORT_SIZE)
		d = has_x ? (x < y) - (x > y) : 0;
	if (d != 0)
		return ordering->reverse ? -d : d;
	return memcmp(&a->id, &b->id, sizeof(a->id));
}

static size_t expect(const sr_query *q, size_t *list)
{
	size_t count = 0;

	for (size_t i = 0; i < row_count; i++)
		if (naive(q, &rows[i]))
			list[count++] = i;
	ordering = q;
	qsort(list, count, sizeof(*list), order);
	return count;
}

/* Something of a row's, so that some are found. */
static void random_match(sr_condition *match)
{
	static const char *const globs[] = {"*.txt",   "*re?port*", "caf\xc3\xa9**", "[a-m]*",
					    "*/*1*/*", "/stra*/**", "**/x*.pdf",     "b?d*"};
	const plain *row = &rows[dice((unsigned)row_count)];
	size_t from;

	match->kind = (sr_match_kind)dice(5);
	match->negated = dice(4) == 0;
	switch (match->kind) {
	case SR_MATCH_TERM:
		from = dice((unsigned)row->path_length - 2);
		match->text = (sr_text){row->path + from, 1 + dice(3)};
		break;
	case SR_MATCH_GLOB:
		match->text = sr_text_of(PICK(globs));
		break;
	case SR_MATCH_NAME:
		match->text = (sr_text){row->name, row->name_length};
		match->negated = dice(2);
		break;
	case SR_MATCH_PATH:
		match->text = (sr_text){row->path, 1 + dice(6)};
		break;
	case SR_MATCH_HASH:
		match->text = (sr_text){row->hash[0] ? row->hash : "0aB", 1 + dice(2)};
		break;
	}
}

static void random_query(sr_query *q)
{
	static sr_condition matches[4];
	static const char *const types[] = {"txt", "TXT", "gz", "tar.gz", "pdf", "CAF\xc3\x89"};
	int64_t instant;

	sr_query_init(q);
	if (dice(2))
		q->term = sr_text_of(PICK(pieces));
	if (dice(3) == 0)
		q->file_type = sr_text_of(PICK(types));
	if (dice(3) == 0)
		q->client_name = sr_text_of(client_names[dice(3)]);
	if (dice(3) == 0)
		q->min_size = (int64_t)dice(10) * 100;
	if (dice(3) == 0)
		q->max_size = (int64_t)dice(25) * 100;
	assert_ok(sr_time_parse("2025-08-05", &instant, NULL));
	if (dice(4) == 0)
		q->from = instant;
	assert_ok(sr_time_parse("2026-01-31", &instant, NULL));
	if (dice(4) == 0)
		q->to = sr_day_end(instant);
	q->verified_only = dice(5) == 0;
	q->matches = matches;
	q->match_count = dice(2) ? dice(5) : 0;
	for (size_t i = 0; i < q->match_count; i++)
		random_match(&matches[i]);
	q->sort = (sr_sort)dice(4);
	q->reverse = dice(2);
}

/* Reads one page and compares it with the list from `at`; the token is the caller's to free. */
static size_t read_page(catalog_fixture *f, const sr_query *q, const size_t *list, size_t count,
			size_t at, char **token)
{
	const sr_file *file;
	sr_files *cursor;
	size_t read = 0;

	assert_ok(sr_search(f->catalog, q, &cursor));
	for (;;) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
		assert_true(at + read < count);
		assert_memory_equal(&file->id, &rows[list[at + read]].id, sizeof(sr_id));
		assert_int_equal(file->name.length, rows[list[at + read]].name_length);
		assert_memory_equal(file->name.data, rows[list[at + read]].name, file->name.length);
		assert_int_equal(file->size, rows[list[at + read]].size);
		read++;
	}
	*token = sr_search_token(cursor) ? strdup(sr_search_token(cursor)) : NULL;
	sr_files_close(cursor);
	return read;
}

static void fill(catalog_fixture *f, sr_id clients[3])
{
	catalog_open(f);
	for (int i = 0; i < 3; i++)
		clients[i] = add_client(f, client_names[i]);
	row_count = 0;
	save_rows(f, clients, 0, ROWS);
}

static void test_equals_naive(void **state)
{
	catalog_fixture *f = *state;
	size_t *list = calloc(ROWS, sizeof(*list));
	sr_id clients[3];
	char *token;

	fill(f, clients);
	for (int round = 0; round < 300; round++) {
		size_t count, at = 0, limit = dice(3) ? 1 + dice(300) : 0;
		char *after = NULL;
		sr_query q;

		random_query(&q);
		count = expect(&q, list);
		q.limit = (int64_t)limit;
		do {
			q.after = after;
			at += read_page(f, &q, list, count, at, &token);
			/* A token exactly when there is more. */
			assert_int_equal(token != NULL, at < count);
			free(after);
			after = token;
		} while (token != NULL);
		assert_int_equal(at, count);
	}
	free(list);
}

/* Rows that were there throughout come once each, whatever happens between the pages. */
static void test_pages_while_rows_change(void **state)
{
	catalog_fixture *f = *state;
	unsigned char *seen = calloc(ROWS + 500, 1);
	sr_id clients[3];

	fill(f, clients);
	for (int round = 0; round < 8; round++) {
		size_t before = row_count;
		char *after = NULL;
		sr_query q;

		sr_query_init(&q);
		q.sort = (sr_sort)(round % 4);
		q.reverse = round >= 4;
		q.limit = 100;
		memset(seen, 0, ROWS + 500);
		do {
			const sr_file *file;
			sr_files *cursor;
			size_t victim;

			q.after = after;
			assert_ok(sr_search(f->catalog, &q, &cursor));
			for (;;) {
				assert_ok(sr_files_next(cursor, &file));
				if (file == NULL)
					break;
				for (size_t i = 0; i < row_count; i++)
					if (memcmp(&rows[i].id, &file->id, sizeof(sr_id)) == 0)
						assert_int_equal(seen[i]++, 0);
			}
			free(after);
			after = sr_search_token(cursor) ? strdup(sr_search_token(cursor)) : NULL;
			sr_files_close(cursor);
			if (row_count < ROWS + 490)
				save_rows(f, clients, row_count, row_count + 2);
			victim = dice((unsigned)row_count);
			if (!rows[victim].gone) {
				assert_ok(sr_file_delete(
					f->catalog, &clients[rows[victim].client],
					(sr_text){rows[victim].path, rows[victim].path_length}));
				rows[victim].gone = true;
			}
		} while (after != NULL);
		for (size_t i = 0; i < before; i++)
			if (!rows[i].gone)
				assert_int_equal(seen[i], 1);
	}
	free(seen);
}

/* More rows than a first page holds come in one stream, in order. */
static void test_no_limit(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file;
	int64_t last = INT64_MAX, count = 0;
	sr_files *cursor;
	sr_query q;

	catalog_open(f);
	(void)add_client(f, "many");
	assert_ok(sr_execute(
		f->catalog,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
		"i < 30000) INSERT INTO files (ID, FileName, PathName, FileSize, ClientID) "
		"SELECT randomblob(16), 'f' || i, 'p' || i, i, c.ID FROM n, clients c",
		NULL, 0, NULL));
	sr_query_init(&q);
	q.limit = 0;
	q.sort = SR_SORT_SIZE;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	for (;;) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
		assert_true(file->size < last);
		last = file->size;
		count++;
		/* Rows that come meanwhile belong to another snapshot. */
		if (count == 5000)
			assert_ok(sr_execute(f->catalog, "UPDATE files SET FileSize = 99999", NULL,
					     0, NULL));
	}
	assert_int_equal(count, 30000);
	assert_null(sr_search_token(cursor));
	sr_files_close(cursor);
}

static void test_bad_queries(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file;
	sr_id clients[3];
	sr_files *cursor;
	sr_query q;
	char *token;
	size_t length;

	fill(f, clients);
	sr_query_init(&q);
	q.limit = 3;
	q.sort = SR_SORT_PATH;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	for (int i = 0; i < 4; i++)
		assert_ok(sr_files_next(cursor, &file));
	token = strdup(sr_search_token(cursor));
	sr_files_close(cursor);
	length = strlen(token);
	/* Every flipped bit, and every cut. */
	for (size_t i = 0; i < length * 8; i++) {
		char *bad = strdup(token);

		bad[i / 8] = (char)(bad[i / 8] ^ (1 << i % 8));
		q.after = bad;
		assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "");
		assert_null(cursor);
		bad[i / 8] = '\0';
		assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "");
		free(bad);
	}
	q.after = token;
	q.verified_only = true;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "another search");
	q.verified_only = false;
	q.reverse = true;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "");
	q.reverse = false;
	q.limit = 10;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	sr_files_close(cursor);
	q.limit = -1;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "");
	q.limit = 1;
	q.min_size = -5;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "-5");
	q.min_size = SR_NULL_INTEGER;
	q.max_size = -6;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "-6");
	q.max_size = SR_NULL_INTEGER;
	q.sort = (sr_sort)(SR_SORT_SIZE + 1);
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "sort key");
	q.version = 9;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "");
	free(token);
}

/* "The last days" moves on from page to page; the pages stay in the window of the first. */
static void test_token_keeps_the_dates(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file;
	sr_id clients[3];
	sr_files *cursor;
	int64_t rows_seen = 0, rows_expected = 0;
	char *after = NULL;
	sr_query q;

	fill(f, clients);
	sr_query_init(&q);
	q.from = 0;
	q.limit = 0;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	for (;; rows_expected++) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
	}
	sr_files_close(cursor);
	assert_true(rows_expected > 100);
	q.limit = 100;
	do {
		q.after = after;
		assert_ok(sr_search(f->catalog, &q, &cursor));
		for (;; rows_seen++) {
			assert_ok(sr_files_next(cursor, &file));
			if (file == NULL)
				break;
		}
		free(after);
		after = sr_search_token(cursor) ? strdup(sr_search_token(cursor)) : NULL;
		sr_files_close(cursor);
		/* As if no file were new enough any more. */
		q.from = INT64_MAX;
	} while (after != NULL);
	assert_int_equal(rows_seen, rows_expected);
}

/* What old code wrote is found as it stands; what its tables lack is null. */
static void test_old_database(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file;
	sr_files *cursor;
	sr_query q;

	foreign_sql(f, OLD_TABLES OLD_ROWS);
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	sr_query_init(&q);
	q.term = sr_text_of("RECEIVED_");
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &file));
	assert_string_equal(file->name.data, "One.TXT");
	assert_string_equal(file->client_name.data, "old");
	assert_null(file->hash.data);
	assert_null(file->original_path.data);
	assert_int_equal(file->versions, 1);
	assert_ok(sr_files_next(cursor, &file));
	assert_string_equal(file->name.data, "two.pdf");
	assert_ok(sr_files_next(cursor, &file));
	assert_null(file);
	sr_files_close(cursor);
	q.present_only = true;
	q.verified_only = true;
	q.file_type = sr_text_of(".txt");
	q.client_name = sr_text_of("old");
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &file));
	assert_int_equal(file->crc, 7);
	sr_files_close(cursor);
	q.client_name = sr_text_of("nobody");
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &file));
	assert_null(file);
	sr_files_close(cursor);
}

/* Older still: the file's ID was the client's. */
static void test_legacy_database(void **state)
{
	catalog_fixture *f = *state;
	const sr_file *file;
	sr_files *cursor;
	sr_query q;

	foreign_sql(
		f, "CREATE TABLE clients (ID BLOB(16) PRIMARY KEY, Name VARCHAR(255), PublicKey "
		   "BLOB(160), LastSeen TEXT, AESKey BLOB(32));"
		   "CREATE TABLE files (ID BLOB(16), FileName VARCHAR(255), PathName VARCHAR(255), "
		   "Verified BOOLEAN, PRIMARY KEY (ID, FileName));"
		   "INSERT INTO clients VALUES (x'00112233445566778899aabbccddeeff', 'old', NULL, "
		   "'', NULL);"
		   "INSERT INTO files VALUES (x'00112233445566778899aabbccddeeff', 'a', 'p/a', 1), "
		   "(x'00112233445566778899aabbccddeeff', 'b', 'p/b', 0);");
	f->options.create = f->options.migrate = false;
	catalog_open(f);
	sr_query_init(&q);
	q.client_name = sr_text_of("old");
	q.sort = SR_SORT_SIZE;
	q.limit = 1;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &file));
	assert_string_equal(file->name.data, "a");
	assert_false(file->has_id);
	q.after = strdup(sr_search_token(cursor));
	sr_files_close(cursor);
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_files_next(cursor, &file));
	assert_string_equal(file->name.data, "b");
	assert_null(sr_search_token(cursor));
	sr_files_close(cursor);
	free((char *)(uintptr_t)q.after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_equals_naive, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_pages_while_rows_change, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_no_limit, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_bad_queries, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_token_keeps_the_dates, catalog_setup,
						catalog_teardown),
		cmocka_unit_test_setup_teardown(test_old_database, catalog_setup, catalog_teardown),
		cmocka_unit_test_setup_teardown(test_legacy_database, catalog_setup,
						catalog_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
