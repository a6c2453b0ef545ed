#include <stdlib.h>
#include <string.h>

#include "cmd_search.h"
#include "file_listing.h"
#include "json.h"
#include "memory.h"

const char help_search[] =
	"usage: strongroom search [TERM…] [FILTER…]\n"
	"\n"
	"Finds files whose name or path holds each TERM, newest first. Case does not\n"
	"matter; % and _ and * are ordinary characters. All filters given must match;\n"
	"those with TEXT may be given again and again.\n"
	"\n"
	"  --glob TEXT       the name matches a pattern such as '*.tar.gz'; with a slash\n"
	"                    the end of the path does: 'photos/**/img_*.jpg'\n"
	"  --name TEXT       the name is TEXT\n"
	"  --path TEXT       the path begins with TEXT, such as /home/anna/\n"
	"  --hash TEXT       the hash begins with these digits\n"
	"  --not TEXT        neither name nor path holds TEXT\n"
	"  --not-glob TEXT   and so on: what the others find is left out\n"
	"  --not-name TEXT\n"
	"  --not-path TEXT\n"
	"  --not-hash TEXT\n"
	"  --type EXT        extension, such as pdf\n"
	"  --client NAME     of this client only\n"
	"  --client-part TEXT  of the clients whose name holds TEXT\n"
	"  --from DATE       modified at or after: 2026-01-31, 2026-01-31T09:30Z, or 7d\n"
	"                    ago; units s m h d w\n"
	"  --to DATE         modified at or before; a day includes that day\n"
	"  --min-size N      bytes, or with K M G T: 10M\n"
	"  --max-size N\n"
	"  --verified        only verified files\n"
	"  --present         leave out what the last record found missing\n"
	"  --all-versions    earlier versions too, by their own size and date\n"
	"  --sort KEY        date, name, path or size\n"
	"  --reverse         the other way round\n"
	"  --count           only how many, and their bytes\n"
	"  --facet client|type|category|month|size\n"
	"                    how many of each; may be given again\n"
	"  --explain         how it was searched, and how long that took, in their place;\n"
	"                    not with --count or --facet\n"
	"  --limit N         at most N files; 1000 without\n"
	"  --all             no limit\n"
	"  --after TOKEN     go on behind an earlier search, which gave the token\n"
	"\n"
	"example:\n"
	"  strongroom search report 2026 --not draft --from 30d --min-size 1M\n";

/* The options with texts, in the order of sr_match_kind; each kind has two lists. */
enum { KINDS = SR_MATCH_HASH + 1 };

/* The command line's words for the query. */
struct search_words {
	arg_list texts[KINDS]; /* Of them the first is TERM…, */
	arg_list nots[KINDS];  /* and the first here --not. */
	const char *type;
	const char *client;
	const char *client_part;
	const char *from;
	const char *to;
	const char *min_size;
	const char *max_size;
	const char *sort;
	const char *limit;
	const char *after;
	arg_list facets;
	bool count;
	bool explain;
	bool verified;
	bool present;
	bool all_versions;
	bool reverse;
	bool all;
};

static bool sort_of(const char *word, sr_sort *sort)
{
	static const char *const names[] = {"date", "name", "path", "size"};

	for (int i = 0; i < 4; i++) {
		if (strcmp(word, names[i]) == 0) {
			*sort = (sr_sort)i;
			return true;
		}
	}
	return false;
}

static int when(struct cli *cli, const char *option, const char *word, bool end, int64_t *instant)
{
	bool is_day = false;

	if (word == NULL)
		return DONE;
	if (sr_when_parse(word, instant, &is_day) != SR_OK)
		return cli_usage(cli, "%s: %s", option, sr_error_message());
	if (end && is_day)
		*instant = sr_day_end(*instant);
	return DONE;
}

static int size(struct cli *cli, const char *option, const char *word, int64_t *bytes)
{
	if (word == NULL || sr_size_parse(word, bytes) == SR_OK)
		return DONE;
	return cli_usage(cli, "%s: %s", option, sr_error_message());
}

/* What no file can match is a mistake rather than a search. */
static int check_ranges(struct cli *cli, const struct search_words *words, const sr_query *query)
{
	if (query->from != SR_NULL_INTEGER && query->to != SR_NULL_INTEGER &&
	    query->from > query->to)
		return cli_usage(cli, "--from %s is after --to %s", words->from, words->to);
	if (query->min_size != SR_NULL_INTEGER && query->max_size != SR_NULL_INTEGER &&
	    query->min_size > query->max_size)
		return cli_usage(cli, "--min-size %s is above --max-size %s", words->min_size,
				 words->max_size);
	return DONE;
}

/* Adds a list's texts, from the first-th on, to the conditions, which have room. */
static int add_texts(struct cli *cli, const arg_list *list, size_t first, sr_condition kind,
		     sr_condition *matches, size_t *count)
{
	static const char *const names[KINDS] = {"TERM", "--glob", "--name", "--path", "--hash"};
	static const char *const nots[KINDS] = {"--not", "--not-glob", "--not-name", "--not-path",
						"--not-hash"};

	for (size_t i = first; i < list->count; i++) {
		kind.text = sr_text_of(list->items[i]);
		if (kind.text.length == 0)
			return cli_usage(cli, "%s is empty",
					 kind.negated ? nots[kind.kind] : names[kind.kind]);
		matches[*count] = kind;
		*count += 1;
	}
	return DONE;
}

/* The first term, which may be empty, and the conditions of all lists. Owned: free
 * query->matches. */
static int build_matches(struct cli *cli, const struct search_words *words, sr_query *query)
{
	const arg_list *terms = &words->texts[SR_MATCH_TERM];
	sr_condition *matches;
	size_t most = 0;
	int code = DONE;

	if (terms->count > 0)
		query->term = sr_text_of(terms->items[0]);
	for (int i = 0; i < KINDS; i++)
		most += words->texts[i].count + words->nots[i].count;
	query->matches = matches = must_alloc((most + 1) * sizeof(*matches));
	for (int i = 0; code == DONE && i < KINDS; i++) {
		sr_condition kind = {.kind = (sr_match_kind)i};

		code = add_texts(cli, &words->texts[i], i == SR_MATCH_TERM, kind, matches,
				 &query->match_count);
		kind.negated = true;
		if (code == DONE)
			code = add_texts(cli, &words->nots[i], 0, kind, matches,
					 &query->match_count);
	}
	return code;
}

static int build(struct cli *cli, const struct search_words *words, sr_query *query)
{
	int code;

	sr_query_init(query);
	query->file_type = sr_text_of(words->type);
	query->client_name = sr_text_of(words->client);
	query->client_part = sr_text_of(words->client_part);
	query->verified_only = words->verified;
	query->present_only = words->present;
	query->all_versions = words->all_versions;
	query->reverse = words->reverse;
	query->after = words->after;
	if (words->type != NULL && words->type[0] == '\0')
		return cli_usage(cli, "--type is empty");
	if (words->client_part != NULL && words->client_part[0] == '\0')
		return cli_usage(cli, "--client-part is empty");
	if (words->sort != NULL && !sort_of(words->sort, &query->sort))
		return cli_usage(cli, "--sort \"%s\" is none of date, name, path and size",
				 words->sort);
	if (words->all && words->limit != NULL)
		return cli_usage(cli, "--all and --limit exclude each other");
	if (words->limit != NULL &&
	    sr_number_parse("--limit", words->limit, 1, INT64_MAX, &query->limit) != SR_OK)
		return cli_usage(cli, "%s", sr_error_message());
	if (words->all)
		query->limit = 0;
	if ((code = when(cli, "--from", words->from, false, &query->from)) != DONE ||
	    (code = when(cli, "--to", words->to, true, &query->to)) != DONE ||
	    (code = size(cli, "--min-size", words->min_size, &query->min_size)) != DONE ||
	    (code = size(cli, "--max-size", words->max_size, &query->max_size)) != DONE)
		return code;
	if ((code = check_ranges(cli, words, query)) != DONE)
		return code;
	return build_matches(cli, words, query);
}

/* Prints what the cursor gives, whatever happens in between as a whole document. */
static int print_found(struct cli *cli, sr_files *cursor)
{
	struct listing *list = file_listing_begin(cli, "files");
	const sr_file *file = NULL;
	const char *token = NULL;
	sr_status rc = SR_OK;
	int code = DONE;

	while (!output_failed(&cli->out) && (rc = sr_files_next(cursor, &file)) == SR_OK &&
	       file != NULL)
		file_listing_row(cli, list, file);
	if (rc != SR_OK)
		code = cli_failed(cli, rc);
	else
		token = sr_search_token(cursor);
	listing_end(list, "Nothing found.",
		    cli->json ? json_pack("{s:o}", "next", json_of_path(token)) : NULL);
	if (token != NULL && !cli->json)
		cli_note(cli, "there is more; add: --after %s", token);
	return code;
}

/* What the options ask for instead of files; none: neither. */
static int check_kind(struct cli *cli, const struct search_words *words, unsigned *facets)
{
	*facets = 0;
	for (size_t i = 0; i < words->facets.count; i++) {
		const unsigned facet = search_facet(words->facets.items[i]);

		if (facet == 0)
			return cli_usage(cli,
					 "--facet \"%s\" is none of client, type, category, month "
					 "and size",
					 words->facets.items[i]);
		*facets |= facet;
	}
	if (words->explain && (words->count || *facets != 0))
		return cli_usage(cli, "--explain and --%s exclude each other",
				 words->count ? "count" : "facet");
	if ((words->count || *facets != 0) &&
	    (words->limit != NULL || words->after != NULL || words->sort != NULL || words->reverse))
		return cli_usage(cli,
				 "--%s counts all that is found: --limit, --after, --sort and "
				 "--reverse make no sense with it",
				 words->count ? "count" : "facet");
	return DONE;
}

static int search(struct cli *cli, sr_catalog *catalog, const struct search_words *words,
		  const sr_query *query, unsigned facets)
{
	sr_files *cursor;
	sr_status rc;
	int code;

	/* A name that nobody has is a slip of the hand, not a search without hits. */
	if (query->client_name.data != NULL) {
		sr_client *client;

		if ((rc = sr_client_by_name(catalog, query->client_name, &client)) != SR_OK)
			return cli_failed(cli, rc);
		sr_client_free(client);
	}
	if (facets != 0)
		return search_facets(cli, catalog, query, facets);
	if (words->count)
		return search_count(cli, catalog, query);
	if ((rc = sr_search(catalog, query, &cursor)) != SR_OK)
		return cli_failed(cli, rc);
	code = words->explain ? search_explain(cli, cursor) : print_found(cli, cursor);
	sr_files_close(cursor);
	return code;
}

static void free_words(struct search_words *words)
{
	for (int kind = 0; kind < KINDS; kind++) {
		args_list_free(&words->texts[kind]);
		args_list_free(&words->nots[kind]);
	}
	args_list_free(&words->facets);
}

int cmd_search(struct cli *cli)
{
	struct search_words words = {0};
	const arg_option options[] = {
		{"glob", 0, ARG_LIST, &words.texts[SR_MATCH_GLOB]},
		{"name", 0, ARG_LIST, &words.texts[SR_MATCH_NAME]},
		{"path", 0, ARG_LIST, &words.texts[SR_MATCH_PATH]},
		{"hash", 0, ARG_LIST, &words.texts[SR_MATCH_HASH]},
		{"not", 0, ARG_LIST, &words.nots[SR_MATCH_TERM]},
		{"not-glob", 0, ARG_LIST, &words.nots[SR_MATCH_GLOB]},
		{"not-name", 0, ARG_LIST, &words.nots[SR_MATCH_NAME]},
		{"not-path", 0, ARG_LIST, &words.nots[SR_MATCH_PATH]},
		{"not-hash", 0, ARG_LIST, &words.nots[SR_MATCH_HASH]},
		{"type", 0, ARG_VALUE, &words.type},
		{"client", 0, ARG_VALUE, &words.client},
		{"client-part", 0, ARG_VALUE, &words.client_part},
		{"from", 0, ARG_VALUE, &words.from},
		{"to", 0, ARG_VALUE, &words.to},
		{"min-size", 0, ARG_VALUE, &words.min_size},
		{"max-size", 0, ARG_VALUE, &words.max_size},
		{"verified", 0, ARG_FLAG, &words.verified},
		{"present", 0, ARG_FLAG, &words.present},
		{"all-versions", 0, ARG_FLAG, &words.all_versions},
		{"sort", 0, ARG_VALUE, &words.sort},
		{"reverse", 0, ARG_FLAG, &words.reverse},
		{"count", 0, ARG_FLAG, &words.count},
		{"facet", 0, ARG_LIST, &words.facets},
		{"explain", 0, ARG_FLAG, &words.explain},
		{"limit", 0, ARG_VALUE, &words.limit},
		{"all", 0, ARG_FLAG, &words.all},
		{"after", 0, ARG_VALUE, &words.after},
		{NULL, 0, ARG_FLAG, NULL},
	};
	const arg_operand operands[] = {
		{"TERM", ARG_ANY, &words.texts[SR_MATCH_TERM]},
		{NULL, ARG_OPTIONAL, NULL},
	};
	sr_catalog *catalog;
	sr_query query = {.matches = NULL};
	unsigned facets;
	int code = cli_arguments(cli, options, operands);

	if (code == DONE && (code = build(cli, &words, &query)) == DONE &&
	    (code = check_kind(cli, &words, &facets)) == DONE &&
	    (code = cli_open(cli, CLI_READ, &catalog)) == DONE)
		code = cli_close(cli, catalog, search(cli, catalog, &words, &query, facets));
	free((void *)(uintptr_t)query.matches);
	free_words(&words);
	return code;
}
