/*
 * What a search is asked for, and where it is to go on: pages put together are what is counted, and
 * no token, not even one whose checksum is right, does more than fail.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/text.h"
#include "catalog/token.h"
#include "fuzz.h"

enum { FILES = 90, PAGE = 7 };

static sr_catalog *catalog;

static void end(void)
{
	FUZZ_CHECK(sr_close(catalog) == SR_OK);
}

static void begin(void)
{
	static const char *const names[] = {
		"Report %d.TXT",      "caf\u00e9 %d",  "cafe\u0301 %d.tar.gz",
		"\xff\xfe%d",         "stra\u00dfe%d", "%d [x] *?.txt",
		"\u65e5\u672c%d.pdf", "a/b/c/%d",      "\u0130%d"};
	sr_client client = {.name = sr_text_of("host")};
	char *path = strdup(fuzz_path("catalog.db"));
	sr_options options;

	FUZZ_CHECK(path != NULL);
	sr_options_init(&options);
	options.path = path;
	options.create = options.migrate = true;
	FUZZ_CHECK(sr_open(&catalog, &options) == SR_OK);
	free(path);
	sr_id_new(&client.id);
	FUZZ_CHECK(sr_client_save(catalog, &client, 1, NULL) == SR_OK);
	for (int i = 0; i < FILES; i++) {
		char name[128], original[160], date[40];
		sr_file file;

		snprintf(name, sizeof(name), names[i % 9], i % 40);
		snprintf(original, sizeof(original), "/home/%s", name);
		snprintf(date, sizeof(date), "2026-01-%02dT09:30:00Z", i % 33);
		sr_file_init(&file);
		file.client_id = client.id;
		file.original_path = sr_text_of(original);
		file.size = i % 7 ? i * 1000 : SR_NULL_INTEGER;
		file.crc = i;
		if (i % 33 > 0 && i % 33 < 31)
			file.date = sr_text_of(date);
		FUZZ_CHECK(sr_file_save(catalog, &file, 1, NULL, NULL, NULL) == SR_OK);
	}
	FUZZ_CHECK(sr_search_index_build(catalog, true, NULL, NULL, NULL) == SR_OK);
	atexit(end);
}

/* All pages; -1 after a failure. */
static int64_t pages(sr_query *query)
{
	const sr_file *file = NULL;
	int64_t total = 0;
	char *token = NULL;
	sr_files *files;
	sr_status rc;

	query->limit = PAGE;
	do {
		query->after = token;
		if (!fuzz_done(sr_search(catalog, query, &files))) {
			FUZZ_CHECK(total == 0);
			return -1;
		}
		while ((rc = sr_files_next(files, &file)) == SR_OK && file)
			total++;
		FUZZ_CHECK(fuzz_done(rc));
		free(token);
		token = sr_search_token(files) ? strdup(sr_search_token(files)) : NULL;
		sr_files_close(files);
		FUZZ_CHECK(total <= FILES);
	} while (token != NULL);
	query->after = NULL;
	return total;
}

static void go_on(sr_query *query, const char *token)
{
	const sr_file *file = NULL;
	sr_files *files;
	int count = 0;

	query->after = token;
	if (!fuzz_done(sr_search(catalog, query, &files)))
		return;
	while (sr_files_next(files, &file) == SR_OK && file)
		FUZZ_CHECK(++count <= PAGE);
	(void)sr_search_token(files);
	sr_files_close(files);
}

/* A token of our own making: its key is anybody's. */
static void made_token(sr_query *query, fuzz_input *input)
{
	char digest[SR_TOKEN_DIGEST_SIZE], *token;
	const unsigned flags = (unsigned)fuzz_number(input, 1);
	sr_rank_key key = {
		.last = flags & 1,
		.has_id = flags & 2,
		.number = (int64_t)fuzz_number(input, 8),
		.row = (int64_t)fuzz_number(input, 8),
		.version = (int64_t)fuzz_number(input, 2),
	};
	const int64_t from = flags & 4 ? (int64_t)fuzz_number(input, 8) : SR_NULL_INTEGER;

	if (flags & 8)
		key.text = fuzz_text(input);
	FUZZ_CHECK(sr_token_digest(query, digest) == SR_OK);
	FUZZ_CHECK(sr_token_make(digest, from, SR_NULL_INTEGER, &key, &token) == SR_OK);
	go_on(query, token);
	if (strlen(token) > flags)
		token[flags] ^= 1;
	go_on(query, token);
	free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input input = {data, size};
	sr_condition conditions[2];
	sr_query query;
	unsigned flags;
	sr_found found;
	int64_t total;
	char *token;
	sr_text text;

	if (catalog == NULL)
		begin();
	sr_query_init(&query);
	flags = (unsigned)fuzz_number(&input, 2);
	query.sort = (sr_sort)(flags % 4);
	query.reverse = flags & 4;
	query.all_versions = flags & 8;
	query.present_only = flags & 16;
	if (flags & 32)
		query.term = fuzz_text(&input);
	if (flags & 64)
		query.file_type = fuzz_text(&input);
	if (flags & 128)
		query.client_part = fuzz_text(&input);
	if (flags & 256)
		query.from = (int64_t)fuzz_number(&input, 8);
	for (size_t i = 0; i < 2; i++) {
		const unsigned kind = (unsigned)fuzz_number(&input, 1);

		conditions[i] =
			(sr_condition){(sr_match_kind)(kind % 5), kind & 8, fuzz_text(&input)};
		query.match_count += kind & 16 ? 1 : 0;
		if (!(kind & 16))
			break;
	}
	query.matches = conditions;
	total = pages(&query);
	if (total >= 0) {
		FUZZ_CHECK(fuzz_done(sr_search_count(catalog, &query, &found)));
		if (found.files != total)
			fuzz_bad(__FILE__, __LINE__, "%lld in pages, %lld counted",
				 (long long)total, (long long)found.files);
	}
	made_token(&query, &input);
	text = fuzz_rest(&input);
	token = fuzz_string(text.data, text.length);
	go_on(&query, token);
	free(token);
	return 0;
}
