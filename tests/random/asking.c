#include "asking.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/file.h"

typedef struct hit {
	sr_file *file; /* Owned. */
} hit;

/* ---- Questions ---- */

static const char *const dates[] = {"2024-02-29", "2025-08-05",           "2025-08-05T18:20:36Z",
				    "2026-01-31", "2026-01-31T09:30:00Z", "1999-12-31"};
static const char *const types[] = {"txt",         ".TXT",         "gz", "tar.gz", "pdf",
				    "CAF\xc3\x89", "cafe\xcc\x81", "c",  ".",      "jpg",
				    "77",          "\xff",         "*"};
static const char *const client_names[] = {
	"alpha", "beta", "gamma", "\xd0\x96 & co", "delta", "Alpha", "nobody", "alice", "bob"};

/* One of the row's three texts. */
static sr_text text_of(const oracle_row *row)
{
	switch (chance(3)) {
	case 0:
		return row->name;
	case 1:
		return row->path;
	default:
		return row->original.data ? row->original : row->name;
	}
}

/* A run of its bytes, perhaps cut within a letter; often one or two, now and then nearly all. */
static sr_text cut(sr_text text)
{
	size_t length, start;

	if (text.length == 0)
		return text;
	switch (chance(6)) {
	case 0:
		length = 1;
		break;
	case 1:
		length = 2;
		break;
	case 2:
		length = 3;
		break;
	case 3:
		length = 1 + chance((unsigned)text.length);
		break;
	default:
		length = 3 + chance(9);
	}
	if (length > text.length)
		length = text.length;
	start = chance((unsigned)(text.length - length + 1));
	return (sr_text){text.data + start, length};
}

/* What spans a slash: some bytes on both sides of one. */
static sr_text around_slash(sr_text text)
{
	size_t slash = chance((unsigned)text.length + 1), from, to;

	while (slash < text.length && text.data[slash] != '/')
		slash++;
	if (slash == text.length)
		return cut(text);
	from = slash - chance((unsigned)(slash < 6 ? slash : 6) + 1);
	to = slash + 1 + chance(7);
	return (sr_text){text.data + from, (to < text.length ? to : text.length) - from};
}

static void add_term(sr_buffer *out, const oracle *all)
{
	sr_buffer piece = SR_BUFFER_EMPTY;
	sr_text from = sr_text_of("n");

	if (oracle_count(all) > 0)
		from = text_of(oracle_at(all, chance((unsigned)oracle_count(all))));
	switch (chance(12)) {
	case 0:
		add_part(out);
		if (one_in(20))
			sr_buffer_add(out, "", 1); /* A NUL. */
		break;
	case 1: /* Longer than the name. */
		sr_buffer_add_text(out, from);
		add_part(out);
		break;
	case 2:
		sr_buffer_add_text(out, around_slash(from));
		break;
	case 3:
		sr_buffer_add_text(out, from);
		break;
	case 4: /* What a pattern would mean something by. */
		sr_buffer_add_text(out, cut(from));
		sr_buffer_add_string(out, PICK(((const char *const[]){"%", "_", "*", "?", "\\"})));
		break;
	case 5:
	case 6:
		sr_buffer_add_text(&piece, cut(from));
		add_respelled(out, sr_buffer_text(&piece));
		break;
	default:
		sr_buffer_add_text(out, cut(from));
	}
	sr_buffer_free(&piece);
}

/* A part of a client's name, often of several. */
static void add_client_part(sr_buffer *out)
{
	const char *name = PICK(client_names);

	if (one_in(2))
		add_respelled(out, cut(sr_text_of(name)));
	else
		sr_buffer_add_string(out,
				     PICK(((const char *const[]){"A", "lp", "TA", "\xd0\xb6"})));
}

static int64_t instant_near(const oracle *all)
{
	int64_t instant = 0;

	if (oracle_count(all) > 0 && one_in(2)) {
		const oracle_row *row = oracle_at(all, chance((unsigned)oracle_count(all)));

		if (row->dated)
			return row->instant + (int64_t)chance(3) - 1;
	}
	if (sr_time_parse(PICK(dates), &instant, NULL) != SR_OK)
		abort();
	return one_in(3) ? sr_day_end(instant) : instant;
}

static int64_t size_near(const oracle *all)
{
	if (oracle_count(all) > 0 && one_in(2)) {
		const oracle_row *row = oracle_at(all, chance((unsigned)oracle_count(all)));

		if (row->size > 1 && row->size < INT64_MAX)
			return row->size + (int64_t)chance(3) - 1;
	}
	return (int64_t)chance(one_in(2) ? 3000 : 100000);
}

/* A name or path with some of it left to a star, a mark or a class. */
static void add_pattern(sr_buffer *out, const oracle *all)
{
	sr_text from = sr_text_of("n");
	unsigned stars = 0;

	if (oracle_count(all) > 0)
		from = text_of(oracle_at(all, chance((unsigned)oracle_count(all))));
	if (one_in(3) && from.length > 0) { /* Its end. */
		size_t at = chance((unsigned)from.length);

		from = (sr_text){from.data + at, from.length - at};
	}
	for (size_t i = 0; i < from.length; i++) {
		unsigned what = chance(9);

		if (what == 0 && stars++ < 3) {
			sr_buffer_add_string(out, PICK(((const char *const[]){"*", "**", "**/"})));
			i += chance(6);
		} else if (what == 1) {
			sr_buffer_add_string(
				out,
				PICK(((const char *const[]){"?", "[a-z]", "[!0-9]", "[^/]", "[]x",
							    "[", "\\", "[\xc3\xa0-\xc3\xbf]"})));
		} else {
			sr_buffer_add(out, from.data + i, 1);
		}
	}
	if (one_in(5))
		sr_buffer_add_string(out, "/");
	if (out->length == 0)
		sr_buffer_add_string(out, "*");
}

static void add_digits(sr_buffer *out, const oracle *all)
{
	unsigned length = 1 + chance(12);
	sr_text hash = sr_text_of(NULL);

	if (oracle_count(all) > 0)
		hash = oracle_at(all, chance((unsigned)oracle_count(all)))->hash;
	for (unsigned i = 0; i < length; i++)
		if (i < hash.length && strchr("0123456789abcdef", hash.data[i]) != NULL)
			sr_buffer_add(out, &hash.data[i], 1);
		else
			sr_buffer_printf(out, "%X", chance(16));
}

static void add_whole_name(sr_buffer *out, const oracle *all)
{
	if (oracle_count(all) > 0)
		add_respelled(out, oracle_at(all, chance((unsigned)oracle_count(all)))->name);
}

/* The first bytes of a path. */
static void add_beginning(sr_buffer *out, const oracle *all)
{
	const oracle_row *row;
	sr_text path;

	if (oracle_count(all) == 0)
		return;
	row = oracle_at(all, chance((unsigned)oracle_count(all)));
	path = one_in(2) && row->original.data ? row->original : row->path;
	sr_buffer_add(out, path.data, chance((unsigned)path.length + 1));
}

static void make_match(sr_condition *match, sr_buffer *text, const oracle *all)
{
	match->kind = (sr_match_kind)chance(5);
	match->negated = one_in(4);
	switch (match->kind) {
	case SR_MATCH_GLOB:
		add_pattern(text, all);
		break;
	case SR_MATCH_NAME:
		add_whole_name(text, all);
		break;
	case SR_MATCH_PATH:
		add_beginning(text, all);
		break;
	case SR_MATCH_HASH:
		add_digits(text, all);
		break;
	default:
		add_term(text, all);
	}
	if (text->length == 0)
		sr_buffer_add_string(text, "0");
	match->text = sr_buffer_text(text);
}

static void make_matches(question *q, const oracle *all)
{
	if (!one_in(3))
		return;
	q->query.match_count = 1 + chance(one_in(2) ? 1 : 3);
	for (size_t i = 0; i < q->query.match_count; i++)
		make_match(&q->matches[i], &q->words[i], all);
	q->query.matches = q->matches;
}

void question_make(question *q, const oracle *all)
{
	sr_query *query = &q->query;

	*q = (question){0};
	sr_query_init(query);
	if (!one_in(6)) {
		add_term(&q->texts[0], all);
		query->term = sr_buffer_text(&q->texts[0]);
	}
	make_matches(q, all);
	if (q->query.match_count > 0 && one_in(2))
		query->term = sr_text_of(NULL);
	if (one_in(5)) {
		if (one_in(3))
			add_part(&q->texts[1]);
		else
			sr_buffer_add_string(&q->texts[1], PICK(types));
		query->file_type = sr_buffer_text(&q->texts[1]);
	}
	if (one_in(4)) {
		sr_buffer_add_string(&q->texts[2], PICK(client_names));
		query->client_name = sr_buffer_text(&q->texts[2]);
	}
	if (one_in(5)) {
		add_client_part(&q->texts[3]);
		query->client_part = sr_buffer_text(&q->texts[3]);
	}
	if (one_in(6))
		query->from = instant_near(all);
	if (one_in(6))
		query->to = instant_near(all);
	if (one_in(6))
		query->min_size = size_near(all);
	if (one_in(6))
		query->max_size = size_near(all);
	query->verified_only = one_in(8);
	query->present_only = one_in(8);
	query->all_versions = one_in(4);
	query->sort = (sr_sort)chance(4);
	query->reverse = one_in(3);
	query->limit = one_in(4) ? 0 : 1 + (int64_t)chance(one_in(3) ? 5 : one_in(2) ? 60 : 1000);
}

void question_free(question *q)
{
	for (size_t i = 0; i < sizeof(q->texts) / sizeof(q->texts[0]); i++)
		sr_buffer_free(&q->texts[i]);
	for (size_t i = 0; i < sizeof(q->words) / sizeof(q->words[0]); i++)
		sr_buffer_free(&q->words[i]);
}

static void describe_instant(sr_buffer *out, const char *option, int64_t instant)
{
	char text[SR_TIME_TEXT_SIZE];

	if (instant == SR_NULL_INTEGER)
		return;
	sr_time_format(instant, text);
	sr_buffer_printf(out, " %s %s", option, text);
}

void question_describe(const question *q, sr_buffer *out)
{
	static const char *const sorts[] = {"date", "name", "path", "size"};
	const sr_query *query = &q->query;
	static const char *const kinds[] = {"term", "glob", "name", "path", "hash"};

	sr_buffer_add_string(out, "search");
	for (size_t i = 0; i < query->match_count; i++) {
		sr_buffer_printf(out, " (%s%s ", query->matches[i].negated ? "no " : "",
				 kinds[query->matches[i].kind]);
		add_shell_quoted(out, query->matches[i].text);
		sr_buffer_add_string(out, ")");
	}
	if (query->file_type.data) {
		sr_buffer_add_string(out, " --type ");
		add_shell_quoted(out, query->file_type);
	}
	if (query->client_name.data) {
		sr_buffer_add_string(out, " --client ");
		add_shell_quoted(out, query->client_name);
	}
	if (query->client_part.data) {
		sr_buffer_add_string(out, " --client-part ");
		add_shell_quoted(out, query->client_part);
	}
	describe_instant(out, "--from", query->from);
	describe_instant(out, "--to", query->to);
	if (query->min_size != SR_NULL_INTEGER)
		sr_buffer_printf(out, " --min-size %lld", (long long)query->min_size);
	if (query->max_size != SR_NULL_INTEGER)
		sr_buffer_printf(out, " --max-size %lld", (long long)query->max_size);
	sr_buffer_printf(out, "%s%s%s --sort %s%s", query->verified_only ? " --verified" : "",
			 query->present_only ? " --present" : "",
			 query->all_versions ? " --all-versions" : "", sorts[query->sort],
			 query->reverse ? " --reverse" : "");
	if (query->limit == 0)
		sr_buffer_add_string(out, " --all");
	else
		sr_buffer_printf(out, " --limit %lld", (long long)query->limit);
	if (query->term.data) {
		sr_buffer_add_string(out, " -- ");
		add_shell_quoted(out, query->term);
	}
}

/* ---- Answers ---- */

static void fail(sr_buffer *words, const char *call)
{
	sr_buffer_printf(words, "%s failed: %s\n", call, sr_error_message());
}

static bool read_page(answer *a, sr_files *cursor, size_t *room, sr_buffer *words)
{
	const sr_file *file;

	for (;;) {
		if (sr_files_next(cursor, &file) != SR_OK) {
			fail(words, "sr_files_next");
			return false;
		}
		if (file == NULL)
			return true;
		if (a->count == *room) {
			*room = *room ? *room * 2 : 64;
			if ((a->hits = realloc(a->hits, *room * sizeof(*a->hits))) == NULL)
				abort();
		}
		if ((a->hits[a->count++].file = sr_file_copy(file)) == NULL)
			abort();
	}
}

bool answer_get(answer *a, sr_catalog *catalog, const question *q, bool all_pages, sr_buffer *words)
{
	sr_query query = q->query;
	char *after = NULL;
	size_t room = 0;
	bool done;

	*a = (answer){0};
	do {
		sr_files *cursor;

		query.after = after;
		if (sr_search(catalog, &query, &cursor) != SR_OK) {
			fail(words, "sr_search");
			done = false;
			break;
		}
		done = read_page(a, cursor, &room, words);
		free(after);
		after = done && sr_search_token(cursor) ? strdup(sr_search_token(cursor)) : NULL;
		a->more = after != NULL;
		sr_files_close(cursor);
	} while (done && all_pages && after != NULL);
	free(after);
	if (!done)
		answer_free(a);
	return done;
}

void answer_free(answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		sr_file_free(a->hits[i].file);
	free(a->hits);
	*a = (answer){0};
}

static bool same_text(sr_text a, sr_text b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static bool same(const sr_file *file, const oracle_row *row)
{
	return file->has_id == row->has_id &&
	       (!row->has_id || memcmp(&file->id, &row->id, sizeof(row->id)) == 0) &&
	       file->version == (row->version ? row->number : SR_NULL_INTEGER) &&
	       file->size == row->size && file->verified == row->verified &&
	       (file->missing_since.data != NULL) == row->missing &&
	       same_text(file->name, row->name) && same_text(file->path, row->path) &&
	       same_text(file->original_path, row->original) && same_text(file->date, row->date) &&
	       same_text(file->client_name, row->client_name);
}

static void describe(sr_buffer *out, bool has_id, const sr_id *id, int64_t version, sr_text name,
		     sr_text path, sr_text original, int64_t size, sr_text date)
{
	char hex[SR_ID_TEXT_SIZE] = "no id";

	if (has_id)
		sr_id_format(id, hex);
	sr_buffer_printf(out, "%s version %lld size %lld date ", hex, (long long)version,
			 (long long)size);
	add_shell_quoted(out, date);
	sr_buffer_add_string(out, " name ");
	add_shell_quoted(out, name);
	sr_buffer_add_string(out, " path ");
	add_shell_quoted(out, path);
	sr_buffer_add_string(out, " original ");
	add_shell_quoted(out, original);
	sr_buffer_add_string(out, "\n");
}

static void describe_difference(const answer *a, size_t at, const oracle_row *row, sr_buffer *words)
{
	sr_buffer_printf(words, "they part at row %zu\n  found:    ", at + 1);
	if (at < a->count) {
		const sr_file *f = a->hits[at].file;

		describe(words, f->has_id, &f->id, f->version, f->name, f->path, f->original_path,
			 f->size, f->date);
	} else {
		sr_buffer_add_string(words, "nothing\n");
	}
	sr_buffer_add_string(words, "  expected: ");
	if (row == NULL) {
		sr_buffer_add_string(words, "nothing\n");
		return;
	}
	sr_buffer_printf(words, "row number %lld, ", (long long)row->row);
	describe(words, row->has_id, &row->id, row->version ? row->number : SR_NULL_INTEGER,
		 row->name, row->path, row->original, row->size, row->date);
}

bool answer_equals(const answer *a, oracle *all, const question *q, bool all_pages,
		   sr_buffer *words)
{
	const oracle_row **list;
	size_t all_of_them = oracle_search(all, &q->query, &list), count = all_of_them;

	if (!all_pages && q->query.limit > 0 && (size_t)q->query.limit < count)
		count = (size_t)q->query.limit;
	for (size_t i = 0; i < count || i < a->count; i++) {
		if (i < count && i < a->count && same(a->hits[i].file, list[i]))
			continue;
		sr_buffer_printf(words, "%zu rows found, %zu expected; ", a->count, count);
		describe_difference(a, i, i < count ? list[i] : NULL, words);
		return false;
	}
	if (a->more != (count < all_of_them)) {
		sr_buffer_printf(words, "a token %s, though %s\n", a->more ? "came" : "is missing",
				 a->more ? "there is no more" : "there is more");
		return false;
	}
	return true;
}

/* ---- Counts ---- */

#define FACETS 5

typedef struct facet_sums {
	int64_t files[FACETS];
	int64_t bytes[FACETS];
	int64_t of_client; /* Files of the client that is asked for. */
	sr_text client;
} facet_sums;

static bool add_value(void *arg, const sr_facet_value *value)
{
	facet_sums *sums = arg;

	for (int i = 0; i < FACETS; i++) {
		if (value->facet != (sr_facet)(1 << i))
			continue;
		sums->files[i] += value->files;
		sums->bytes[i] += value->bytes;
	}
	if (value->facet == SR_FACET_CLIENT && same_text(value->value, sums->client))
		sums->of_client += value->files;
	return false;
}

bool count_equals(sr_catalog *catalog, oracle *all, const question *q, sr_buffer *words)
{
	const oracle_row **list;
	size_t expected = oracle_search(all, &q->query, &list);
	facet_sums sums = {.client = q->query.client_name};
	sr_found found, again;

	if (sr_search_count(catalog, &q->query, &found) != SR_OK ||
	    sr_search_facets(catalog, &q->query, (1 << FACETS) - 1, add_value, &sums, &again) !=
		    SR_OK) {
		fail(words, "counting");
		return false;
	}
	if (found.files != (int64_t)expected || again.files != found.files ||
	    again.bytes != found.bytes)
		sr_buffer_printf(words, "%lld counted, %lld with facets, %zu expected\n",
				 (long long)found.files, (long long)again.files, expected);
	for (int i = 0; i < FACETS; i++)
		if (sums.files[i] != found.files || sums.bytes[i] != found.bytes)
			sr_buffer_printf(words, "facet %d counts %lld files, and there are %lld\n",
					 i, (long long)sums.files[i], (long long)found.files);
	if (q->query.client_name.data != NULL && sums.of_client != found.files)
		sr_buffer_printf(words, "%lld are the client's, of %lld\n",
				 (long long)sums.of_client, (long long)found.files);
	return words->length == 0;
}
