/* The conditions of a search: what each compares, and what may go wrong. */
#include "catalog_fixture.h"

#include "base/text.h"

static size_t found(const catalog_fixture *f, const sr_query *q)
{
	const sr_file *file;
	sr_files *cursor;
	size_t count = 0;

	assert_ok(sr_search(f->catalog, q, &cursor));
	for (;; count++) {
		assert_ok(sr_files_next(cursor, &file));
		if (file == NULL)
			break;
	}
	sr_files_close(cursor);
	return count;
}

/* How many match the condition; and all others match its negation. */
static size_t with(const catalog_fixture *f, sr_match_kind kind, const char *text)
{
	sr_condition match = {.kind = kind, .text = sr_text_of(text)};
	size_t count, all;
	sr_query q;

	sr_query_init(&q);
	all = found(f, &q);
	q.matches = &match;
	q.match_count = 1;
	count = found(f, &q);
	match.negated = true;
	assert_int_equal(found(f, &q), all - count);
	return count;
}

/* Zeros behind the digits; NULL for NULL. For the next call only. */
static sr_text hash_of(const char *digits)
{
	static char hash[SR_HASH_TEXT_SIZE];

	if (digits == NULL)
		return sr_text_of(NULL);
	memset(hash, '0', sizeof(hash) - 1);
	memcpy(hash, digits, strlen(digits));
	return sr_text_of(hash);
}

static void add(const catalog_fixture *f, const char *name, const char *path, const char *original,
		const char *hash)
{
	sr_file file;

	sr_file_init(&file);
	file.client_id = f->client;
	file.name = sr_text_of(name);
	file.path = sr_text_of(path);
	file.original_path = sr_text_of(original);
	file.hash = hash_of(hash);
	assert_int_equal(save(f, &file), SR_ADDED);
}

static void each_kind(void **state)
{
	const catalog_fixture *f = *state;

	add(f, "Plan.txt", "received/0001.bin", "/home/Anna/Plan.txt", "ABCdef");
	add(f, "plan.txt.old", "/home/anna/plan.txt.old", NULL, "abcd");
	add(f, "lone", NULL, NULL, NULL);
	assert_int_equal(with(f, SR_MATCH_TERM, "0001"), 1);
	assert_int_equal(with(f, SR_MATCH_TERM, "anna/plan"), 2);
	assert_int_equal(with(f, SR_MATCH_TERM, "plan*"), 0);
	/* The name's pattern looks at no path, one with a slash at all three. */
	assert_int_equal(with(f, SR_MATCH_GLOB, "*.bin"), 0);
	assert_int_equal(with(f, SR_MATCH_GLOB, "*/*.bin"), 1);
	assert_int_equal(with(f, SR_MATCH_GLOB, "anna/*"), 2);
	assert_int_equal(with(f, SR_MATCH_GLOB, "**/lone"), 1);
	assert_int_equal(with(f, SR_MATCH_GLOB, "*"), 3);
	assert_int_equal(with(f, SR_MATCH_NAME, "PLAN.TXT"), 1);
	assert_int_equal(with(f, SR_MATCH_NAME, "plan"), 0);
	assert_int_equal(with(f, SR_MATCH_PATH, "/HOME/anna/"), 2);
	assert_int_equal(with(f, SR_MATCH_PATH, "received/"), 1);
	assert_int_equal(with(f, SR_MATCH_PATH, "home"), 0);
	assert_int_equal(with(f, SR_MATCH_HASH, "aBC"), 2);
	assert_int_equal(with(f, SR_MATCH_HASH, "abcde"), 1);
	assert_int_equal(with(f, SR_MATCH_HASH, "abcdef1"), 0);
}

/* An earlier state has its own path and its own hash, and its file's name. */
static void earlier_states(void **state)
{
	const catalog_fixture *f = *state;
	sr_condition match[2] = {{.kind = SR_MATCH_HASH, .text = sr_text_of("aa")},
				 {.kind = SR_MATCH_PATH, .text = sr_text_of("old/")}};
	sr_file file = file_at(f, "/d/one");
	sr_query q;

	file.path = sr_text_of("old/1");
	file.hash = hash_of("aa01");
	assert_int_equal(save(f, &file), SR_ADDED);
	file.path = sr_text_of("new/1");
	file.hash = hash_of("bb02");
	assert_int_equal(save(f, &file), SR_CHANGED);
	sr_query_init(&q);
	q.matches = match;
	q.match_count = 2;
	assert_int_equal(found(f, &q), 0);
	q.all_versions = true;
	assert_int_equal(found(f, &q), 1);
	match[1].text = sr_text_of("new/");
	assert_int_equal(found(f, &q), 0);
	match[0].negated = true;
	assert_int_equal(found(f, &q), 1);
	match[0] = (sr_condition){.kind = SR_MATCH_NAME, .text = sr_text_of("ONE")};
	q.match_count = 1;
	assert_int_equal(found(f, &q), 2);
}

static void odd_rows(void **state)
{
	const catalog_fixture *f = *state;

	/* Empty names, paths of bytes, numbers, blobs. */
	foreign_sql(f, "INSERT INTO files (ID, FileName, PathName, ClientID, FileHash) SELECT "
		       "randomblob(16), '', '', ID, '' FROM clients UNION ALL SELECT "
		       "randomblob(16), x'ff2f00fe', x'2f00ff', ID, x'6162' FROM clients UNION ALL "
		       "SELECT randomblob(16), 17, 4.5, ID, 12 FROM clients");
	assert_int_equal(with(f, SR_MATCH_TERM, "\xfe"), 1);
	assert_int_equal(with(f, SR_MATCH_GLOB, "*"), 3);
	assert_int_equal(with(f, SR_MATCH_GLOB, "?\xfe"), 1);
	assert_int_equal(with(f, SR_MATCH_GLOB, "/?\xff"), 1);
	assert_int_equal(with(f, SR_MATCH_NAME, "17"), 1);
	assert_int_equal(with(f, SR_MATCH_PATH, "4."), 1);
	assert_int_equal(with(f, SR_MATCH_HASH, "ab"), 1);
	assert_int_equal(with(f, SR_MATCH_HASH, "1"), 1);
}

static void refuses(const catalog_fixture *f, sr_condition match, const char *words)
{
	sr_files *cursor;
	sr_query q;

	sr_query_init(&q);
	q.matches = &match;
	q.match_count = 1;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, words);
	assert_null(cursor);
}

static void what_makes_no_sense(void **state)
{
	const catalog_fixture *f = *state;
	sr_files *cursor;
	sr_query q;

	for (int kind = SR_MATCH_TERM; kind <= SR_MATCH_HASH; kind++) {
		refuses(f, (sr_condition){.kind = (sr_match_kind)kind}, "is empty");
		refuses(f, (sr_condition){.kind = (sr_match_kind)kind, .text = sr_text_of("")},
			"is empty");
	}
	refuses(f, (sr_condition){.kind = (sr_match_kind)5, .text = sr_text_of("a")}, "5");
	refuses(f, (sr_condition){.kind = (sr_match_kind)-1, .text = sr_text_of("a")}, "-1");
	refuses(f, (sr_condition){.kind = SR_MATCH_HASH, .text = sr_text_of("ab g")}, "ab g");
	refuses(f, (sr_condition){.kind = SR_MATCH_HASH, .text = {"a\0b", 3}}, "hexadecimal");
	sr_query_init(&q);
	q.match_count = 3;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "3 conditions");
}

/* A program built before there were conditions has no room for them. */
static void query_of_version_1(void **state)
{
	const catalog_fixture *f = *state;
	const size_t size = offsetof(sr_query, matches);
	sr_query *old = malloc(size);
	sr_files *cursor;
	sr_query q;

	add(f, "one", NULL, NULL, NULL);
	add(f, "two", NULL, NULL, NULL);
	sr_query_init(&q);
	q.version = 1;
	q.term = sr_text_of("ONE");
	q.matches = (const sr_condition *)(uintptr_t)1;
	q.match_count = 1;
	assert_non_null(old);
	memcpy(old, &q, size);
	assert_int_equal(found(f, old), 1);
	q.version = 0;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "version 0");
	q.version = SR_QUERY_VERSION + 1;
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "version 4");
	free(old);
}

/* One built before clients were found by a part of their names has no room for that. */
static void query_of_version_2(void **state)
{
	const catalog_fixture *f = *state;
	const sr_condition match = {.kind = SR_MATCH_NAME, .text = sr_text_of("ONE")};
	const size_t size = offsetof(sr_query, client_part);
	sr_query *old = malloc(size);
	sr_query q;

	add(f, "one", NULL, NULL, NULL);
	add(f, "two", NULL, NULL, NULL);
	sr_query_init(&q);
	q.version = 2;
	q.matches = &match;
	q.match_count = 1;
	q.client_part = sr_text_of("nobody");
	assert_non_null(old);
	memcpy(old, &q, size);
	assert_int_equal(found(f, old), 1);
	free(old);
}

static size_t of_part(const catalog_fixture *f, const char *part, const char *choice)
{
	sr_explanation e;
	sr_files *cursor;
	sr_found counted;
	size_t count;
	sr_query q;

	sr_query_init(&q);
	q.client_part = sr_text_of(part);
	count = found(f, &q);
	assert_ok(sr_search_count(f->catalog, &q, &counted));
	assert_int_equal(counted.files, count);
	q.sort = SR_SORT_NAME;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_search_explain(cursor, &e));
	assert_string_equal(e.choice, choice);
	sr_files_close(cursor);
	return count;
}

static void clients_by_a_part_of_their_names(void **state)
{
	catalog_fixture *f = *state;
	static const char *const names[] = {"Anna's laptop", "annas Telefon", "M\xc3\x9cLLER"};

	add(f, "of host", NULL, NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		f->client = add_client(f, names[i]);
		for (size_t n = 0; n <= i; n++)
			add(f, n == 0 ? "first" : n == 1 ? "second" : "third", NULL, NULL, NULL);
	}
	assert_int_equal(of_part(f, "ANNA", "client index"), 3);
	assert_int_equal(of_part(f, "telefon", "client index"), 2);
	assert_int_equal(of_part(f, "m\xc3\xbcl", "client index"), 3);
	assert_int_equal(of_part(f, "mu\xcc\x88ller", "client index"), 3);
	/* Nobody's, and nearly everybody's. */
	assert_int_equal(of_part(f, "%", "client index"), 0);
	assert_int_equal(of_part(f, "l", "scan"), 6);
	assert_int_equal(of_part(f, "", "scan"), 7);
}

/* More clients than a statement names. */
static void very_many_clients(void **state)
{
	const catalog_fixture *f = *state;

	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		       "600) INSERT INTO clients (ID, Name, LastSeen) SELECT randomblob(16), "
		       "'n' || i, '' FROM n;"
		       "INSERT INTO files (ID, FileName, PathName, ClientID) SELECT "
		       "randomblob(16), 'f', 'f', ID FROM clients;"
		       "INSERT INTO files (ID, FileName, PathName, ClientID) SELECT "
		       "randomblob(16), 'f', 'f', ID FROM clients WHERE Name LIKE 'n1__'");
	assert_int_equal(of_part(f, "N", "scan"), 700);
	assert_int_equal(of_part(f, "n1", "client index"), 211);
	assert_int_equal(of_part(f, "n60", "client index"), 2);
	assert_int_equal(of_part(f, "host", "client index"), 1);
}

static void parts_with_everything_else(void **state)
{
	catalog_fixture *f = *state;
	sr_file file;
	sr_query q;

	for (int i = 0; i < 3; i++) {
		f->client = add_client(f, i == 0 ? "ab" : i == 1 ? "bc" : "cd");
		file = file_at(f, "/d/same");
		file.size = 10;
		assert_int_equal(save(f, &file), SR_ADDED);
		file.size = 20;
		assert_int_equal(save(f, &file), SR_CHANGED);
	}
	sr_query_init(&q);
	q.client_part = sr_text_of("B");
	q.term = sr_text_of("SAME");
	assert_int_equal(found(f, &q), 2);
	q.all_versions = true;
	assert_int_equal(found(f, &q), 4);
	q.max_size = 10;
	assert_int_equal(found(f, &q), 2);
	q.client_name = sr_text_of("bc");
	assert_int_equal(found(f, &q), 1);
	q.client_name = sr_text_of("cd");
	assert_int_equal(found(f, &q), 0);
}

static void tokens_are_of_one_part(void **state)
{
	catalog_fixture *f = *state;
	char *token;
	const sr_file *file;
	sr_files *cursor;
	sr_query q;

	f->client = add_client(f, "other");
	for (int i = 0; i < 3; i++)
		add(f, i == 0 ? "a" : i == 1 ? "b" : "c", NULL, NULL, NULL);
	sr_query_init(&q);
	q.client_part = sr_text_of("oth");
	q.limit = 2;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	for (int i = 0; i < 2; i++)
		assert_ok(sr_files_next(cursor, &file));
	assert_non_null(sr_search_token(cursor));
	token = strdup(sr_search_token(cursor));
	sr_files_close(cursor);
	q.after = token;
	assert_int_equal(found(f, &q), 1);
	q.client_part = sr_text_of("oth\xc3\xa9");
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "another search");
	q.client_part = sr_text_of(NULL);
	assert_fails(sr_search(f->catalog, &q, &cursor), SR_INVALID, "another search");
	free(token);
}

/* What the caller gave may be gone once the call returns. */
static void nothing_of_the_callers_is_kept(void **state)
{
	const catalog_fixture *f = *state;
	char *text = strdup("[on]*"), *client = strdup("host"), *part = strdup("OS");
	sr_condition *match = malloc(sizeof(*match));
	const sr_file *file;
	sr_files *cursor;
	sr_query q;

	foreign_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		       "5000) INSERT INTO files (ID, FileName, PathName, ClientID) SELECT "
		       "randomblob(16), 'n' || i, 'n' || i, c.ID FROM n, clients c");
	sr_query_init(&q);
	*match = (sr_condition){.kind = SR_MATCH_GLOB, .text = sr_text_of(text)};
	q.matches = match;
	q.match_count = 1;
	q.client_name = sr_text_of(client);
	q.client_part = sr_text_of(part);
	q.limit = 0;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	memset(text, 'x', strlen(text));
	memset(client, 'x', strlen(client));
	memset(part, 'x', strlen(part));
	free(text);
	free(client);
	free(part);
	free(match);
	/* More than a page. */
	for (int i = 0; i < 5000; i++) {
		assert_ok(sr_files_next(cursor, &file));
		assert_non_null(file);
	}
	assert_ok(sr_files_next(cursor, &file));
	assert_null(file);
	sr_files_close(cursor);
}

enum { TERMS = 10000, MEGABYTE = 1 << 20 };

static void many_and_large(void **state)
{
	const catalog_fixture *f = *state;
	sr_condition *matches = calloc(TERMS, sizeof(*matches));
	char *large = malloc(MEGABYTE + 1);
	sr_query q;

	add(f, "abc", NULL, "/d/abc", NULL);
	add(f, "xyz", NULL, "/d/xyz", NULL);
	sr_query_init(&q);
	q.matches = matches;
	q.match_count = TERMS;
	for (size_t i = 0; i < TERMS; i++)
		matches[i] = (sr_condition){(sr_match_kind)(i % 2), false, sr_text_of("abc")};
	assert_int_equal(found(f, &q), 1);
	matches[TERMS - 1].negated = true;
	assert_int_equal(found(f, &q), 0);
	memset(large, '*', MEGABYTE);
	large[MEGABYTE] = '\0';
	for (int kind = SR_MATCH_TERM; kind <= SR_MATCH_PATH; kind++)
		assert_int_equal(with(f, (sr_match_kind)kind, large),
				 kind == SR_MATCH_GLOB ? 2 : 0);
	memset(large, '[', MEGABYTE);
	assert_int_equal(with(f, SR_MATCH_GLOB, large), 0);
	memset(large, 'a', MEGABYTE);
	assert_int_equal(with(f, SR_MATCH_HASH, large), 0);
	assert_int_equal(with(f, SR_MATCH_GLOB, large), 0);
	free(large);
	free(matches);
}

static void explained(void **state)
{
	const catalog_fixture *f = *state;
	sr_condition match = {.kind = SR_MATCH_TERM, .text = sr_text_of("one")};
	sr_explanation e;
	const sr_file *file;
	sr_files *cursor;
	sr_query q;

	add(f, "one", NULL, NULL, NULL);
	add(f, "two", NULL, NULL, NULL);
	add(f, "onerous", NULL, NULL, NULL);
	sr_query_init(&q);
	q.matches = &match;
	q.match_count = 1;
	assert_ok(sr_search(f->catalog, &q, &cursor));
	assert_ok(sr_search_explain(cursor, &e));
	assert_non_null(e.choice);
	assert_int_equal(e.hits, 2);
	assert_true(e.rechecked >= e.hits && e.candidates >= e.rechecked);
	assert_true(e.planning >= 0 && e.matching >= 0 && e.fetching == 0);
	do
		assert_ok(sr_files_next(cursor, &file));
	while (file != NULL);
	assert_ok(sr_search_explain(cursor, &e));
	assert_true(e.fetching > 0);
	sr_files_close(cursor);
	assert_ok(sr_file_list(f->catalog, NULL, &cursor));
	assert_fails(sr_search_explain(cursor, &e), SR_INVALID, "search");
	sr_files_close(cursor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalog_setup_client, catalog_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind),
		TEST(earlier_states),
		TEST(odd_rows),
		TEST(what_makes_no_sense),
		TEST(query_of_version_1),
		TEST(nothing_of_the_callers_is_kept),
		TEST(many_and_large),
		TEST(explained),
		TEST(query_of_version_2),
		TEST(clients_by_a_part_of_their_names),
		TEST(very_many_clients),
		TEST(parts_with_everything_else),
		TEST(tokens_are_of_one_part),
	};

	return cmocka_run_group_tests_name("search_match", tests, NULL, NULL);
}
