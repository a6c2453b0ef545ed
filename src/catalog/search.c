/*
 * Searching files.
 *
 * One pass over the candidates decides about each on a few columns and keeps the first rows of the
 * order in a bounded heap; then those are fetched whole, in the same snapshot. Without a limit
 * the pass is made again for each further page, and pages grow, so that memory stays bounded
 * and the passes few.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "candidates.h"
#include "file.h"
#include "rank.h"
#include "token.h"

/* Rows of a page without a limit: the first ones come soon, the last pages are large. A key takes
 * some 80 bytes, and one with a text about twice that. */
#define PAGE_FIRST  4096
#define PAGE_GROWTH 4
#define PAGE_MOST   262144

typedef struct search {
	sr_reading reading;
	sr_query query;     /* Its texts are the buffers below. */
	sr_files *cursor;   /* Whose token is ours. */
	sr_buffer texts[3]; /* Term, file type and client name, as they were given. */
	sr_buffer term;     /* Folded, */
	sr_text required;   /* and as the filter has it. */
	sr_buffer suffix;   /* "." and the file type, folded; empty: any. */
	sr_buffer scratch;
	sr_filter filter;
	sr_rank_order order;
	bool resumed;      /* after holds a key. */
	sr_rank_key after; /* Only rows behind it are wanted. */
	sr_ranking page;   /* Sorted. */
	size_t position;   /* The next of the page. */
	size_t page_size;  /* Of the next page, before the limit. */
	int64_t left;      /* Rows still wanted; -1: all. */
	sr_buffer sql;     /* Fetches one row by its number, */
	sr_buffer earlier; /* and one of file_versions by its id. */
	sr_stmt *stmt;     /* The one of the last step, */
	sr_stmt *version;  /* and its earlier state; NULL where it is how the file is now. */
	sr_file file;      /* What the last step handed out. */
	char *token;       /* Once the last row was handed out, if there are more. */
} search;

/* ---- Deciding about a candidate ---- */

static bool matches_term(search *s, const sr_candidate *row)
{
	sr_text term = s->required;

	if (term.length == 0)
		return true;
	if (sr_text_contains(row->path, term, &s->scratch))
		return true;
	if (!sr_text_equal(row->path, row->original_path) &&
	    sr_text_contains(row->original_path, term, &s->scratch))
		return true;
	return !sr_file_ends_in_name(row->path, row->name) &&
	       sr_text_contains(row->name, term, &s->scratch);
}

/* By the name's own ending, or by the extension that was recorded. */
static sr_status matches_type(search *s, const sr_candidate *row, bool *matches)
{
	sr_text suffix = sr_buffer_text(&s->suffix);
	sr_text extension = row->extension;
	sr_status rc;

	*matches = true;
	if (suffix.length == 0)
		return SR_OK;
	if ((rc = sr_text_fold(row->name, &s->scratch)) != SR_OK)
		return rc;
	/* A name that begins with its only dot has no extension. */
	if (s->scratch.length > suffix.length &&
	    memcmp(s->scratch.data + s->scratch.length - suffix.length, suffix.data,
		   suffix.length) == 0)
		return SR_OK;
	if (extension.length > 0 && extension.data[0] == '.')
		extension = (sr_text){extension.data + 1, extension.length - 1};
	if ((rc = sr_text_fold(extension, &s->scratch)) != SR_OK)
		return rc;
	*matches = extension.data != NULL && s->scratch.length == suffix.length - 1 &&
		   memcmp(s->scratch.data, suffix.data + 1, suffix.length - 1) == 0;
	return SR_OK;
}

/* What the query asks of sizes the candidates' source may have left to us. */
static bool matches_size(const sr_query *query, int64_t size)
{
	if (query->min_size != SR_NULL_INTEGER &&
	    (size == SR_NULL_INTEGER || size < query->min_size))
		return false;
	return query->max_size == SR_NULL_INTEGER ||
	       (size != SR_NULL_INTEGER && size <= query->max_size);
}

static bool matches_date(const sr_query *query, bool readable, int64_t instant)
{
	if (query->from == SR_NULL_INTEGER && query->to == SR_NULL_INTEGER)
		return true;
	return readable && (query->from == SR_NULL_INTEGER || instant >= query->from) &&
	       (query->to == SR_NULL_INTEGER || instant <= query->to);
}

static void make_key(const sr_query *query, const sr_candidate *row, bool readable, int64_t instant,
		     sr_rank_key *key)
{
	*key = (sr_rank_key){
		.has_id = row->has_id,
		.row = row->row,
		.version = row->version,
	};
	if (row->has_id)
		key->id = row->id;
	switch (query->sort) {
	case SR_SORT_DATE:
		key->last = !readable;
		key->number = readable ? instant : 0;
		break;
	case SR_SORT_SIZE:
		key->last = row->size == SR_NULL_INTEGER;
		key->number = key->last ? 0 : row->size;
		break;
	case SR_SORT_NAME:
		key->text = row->name;
		break;
	case SR_SORT_PATH:
		key->text = row->path;
		break;
	}
}

/* Puts the row on the page if it matches and comes behind where the search goes on. */
static sr_status consider(search *s, const sr_candidate *row)
{
	const sr_query *query = &s->query;
	bool dated = query->sort == SR_SORT_DATE || query->from != SR_NULL_INTEGER ||
		     query->to != SR_NULL_INTEGER;
	int64_t instant = 0;
	bool readable;
	sr_rank_key key;
	sr_status rc;
	bool matches;

	if (!matches_size(query, row->size) || !matches_term(s, row))
		return SR_OK;
	if ((rc = matches_type(s, row, &matches)) != SR_OK || !matches)
		return rc;
	readable = dated && sr_file_instant(row->date, &instant);
	if (!matches_date(query, readable, instant))
		return SR_OK;
	make_key(query, row, readable, instant, &key);
	if (s->resumed && sr_rank_compare(s->order, &key, &s->after) <= 0)
		return SR_OK;
	return sr_ranking_offer(&s->page, &key);
}

/* ---- Pages ---- */

/* Whether no candidate from this one on can still come onto the full page. One more than fit was
 * seen, so that it is known that the search goes on. */
static bool is_settled(const search *s, const sr_candidate *row)
{
	const sr_rank_key *worst = &s->page.keys[0];

	if (!row->bounded || !s->page.dropped || worst->last)
		return false;
	return s->order.descending ? row->bound < worst->number : row->bound > worst->number;
}

/* One pass over the candidates. *over is false if a scan has to begin anew. */
static sr_status pass(search *s, bool *over)
{
	sr_candidates_figures figures;
	sr_candidates *candidates;
	sr_candidate row;
	sr_status rc;
	bool more;

	if ((rc = sr_candidates_open(&s->reading, &s->filter, &candidates)) != SR_OK)
		return rc;
	while ((rc = sr_candidates_next(candidates, &row, &more)) == SR_OK && more &&
	       !is_settled(s, &row)) {
		if ((rc = consider(s, &row)) != SR_OK)
			break;
	}
	sr_candidates_measure(candidates, &figures);
	sr_candidates_close(candidates);
	*over = !figures.gave_up;
	/* An allocation that failed while folding says no more than "does not occur". */
	return rc == SR_OK ? sr_buffer_status(&s->scratch) : rc;
}

static sr_status fill_page(search *s)
{
	size_t most = s->page_size;
	bool over = true;
	sr_status rc;

	if (s->left >= 0 && s->left < (int64_t)most)
		most = (size_t)s->left;
	do {
		s->filter.scan = !over;
		if (s->resumed && s->query.sort == SR_SORT_DATE && !s->after.last)
			s->filter.behind = s->after.number;
		sr_ranking_start(&s->page, s->order, most);
		rc = pass(s, &over);
	} while (rc == SR_OK && !over);
	if (rc != SR_OK)
		return rc;
	s->position = 0;
	sr_ranking_sort(&s->page);
	if (s->left >= 0)
		s->left -= (int64_t)s->page.count;
	if (s->page_size < PAGE_MOST)
		s->page_size *= PAGE_GROWTH;
	return SR_OK;
}

/* Whether rows are wanted behind this page, and there are some. */
static bool goes_on(const search *s)
{
	return s->page.count > 0 && s->page.dropped && s->left != 0;
}

static sr_status turn_page(search *s)
{
	sr_rank_key *last = &s->page.keys[s->page.count - 1];

	sr_rank_key_free(&s->after);
	s->after = *last;
	last->text = sr_text_of(NULL); /* after has it now. */
	s->resumed = true;
	return fill_page(s);
}

/* The row of the last step was not read to its end. */
static void forget_row(search *s)
{
	sr_stmt_done(s->stmt);
	sr_stmt_done(s->version);
	s->stmt = s->version = NULL;
}

/* Steps to the one row of a table with that number. */
static sr_status fetch_row(search *s, const sr_buffer *sql, const char *table, int64_t number,
			   sr_stmt **stmt)
{
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(s->reading.conn, sql->data, stmt)) != SR_OK)
		return rc;
	sr_bind_integer(*stmt, 1, number);
	if ((rc = sr_step(*stmt, &row)) != SR_OK || row)
		return rc;
	return sr_fail(SR_CORRUPT,
		       "%s is damaged: row %lld of %s was there and is gone within one read",
		       sr_conn_path(s->reading.conn), (long long)number, table);
}

/* What of the file was another then, and nothing of what is only known of it as it is now. */
static void show_earlier(sr_file *file, const sr_file_version *version)
{
	file->version = version->number;
	file->path = version->path;
	file->size = version->size;
	file->date = version->date;
	file->crc = version->crc;
	file->hash = version->hash;
	file->recorded_at = version->created;
	file->verified = false;
	file->modified_ns = file->inode = SR_NULL_INTEGER;
	file->transfer_duration = file->transfer_speed = SR_NULL_INTEGER;
	file->compression_ratio = (double)NAN;
}

static sr_status fetch(search *s, const sr_rank_key *key)
{
	sr_file_version version;
	sr_status rc;

	forget_row(s);
	if ((rc = fetch_row(s, &s->sql, "files", key->row, &s->stmt)) != SR_OK)
		return rc;
	sr_file_read(s->stmt, &s->file);
	if (key->version == 0)
		return SR_OK;
	rc = fetch_row(s, &s->earlier, "file_versions", key->version, &s->version);
	if (rc != SR_OK)
		return rc;
	sr_version_read(s->version, &version);
	show_earlier(&s->file, &version);
	return SR_OK;
}

/* ---- The cursor ---- */

/* Gives the connection back. */
static void search_end(search *s)
{
	forget_row(s);
	sr_reading_end(&s->reading);
	sr_ranking_free(&s->page);
	s->position = 0;
	s->left = 0;
}

static sr_status search_next(void *state, const sr_file **file)
{
	search *s = state;
	sr_status rc;

	if (s->position == s->page.count && goes_on(s) && (rc = turn_page(s)) != SR_OK)
		return rc;
	if (s->position == s->page.count) {
		search_end(s);
		return SR_OK;
	}
	if ((rc = fetch(s, &s->page.keys[s->position])) != SR_OK)
		return rc;
	s->position++;
	if (s->position == s->page.count && s->page.dropped && s->left == 0) {
		rc = sr_token_make(&s->query, &s->page.keys[s->position - 1], &s->token);
		if (rc != SR_OK)
			return rc;
		s->cursor->token = s->token;
	}
	*file = &s->file;
	return SR_OK;
}

static void search_close(void *state)
{
	search *s = state;

	search_end(s);
	for (size_t i = 0; i < sizeof(s->texts) / sizeof(s->texts[0]); i++)
		sr_buffer_free(&s->texts[i]);
	sr_buffer_free(&s->term);
	sr_buffer_free(&s->suffix);
	sr_buffer_free(&s->scratch);
	sr_buffer_free(&s->sql);
	sr_buffer_free(&s->earlier);
	sr_rank_key_free(&s->after);
	free(s->token);
	free(s);
}

static const sr_files_source source = {.next = search_next, .close = search_close};

/* ---- Starting ---- */

static sr_status check_query(const sr_query *query)
{
	if (query == NULL)
		return sr_fail(SR_INVALID, "there is no query to search for");
	if (query->version != SR_QUERY_VERSION)
		return sr_fail(SR_INVALID, "sr_query of version %u, not %d: sr_query_init it",
			       query->version, SR_QUERY_VERSION);
	if ((unsigned)query->sort > SR_SORT_SIZE)
		return sr_fail(SR_INVALID, "there is no sort key %d", (int)query->sort);
	if (query->limit < 0)
		return sr_fail(SR_INVALID, "the limit of a search is negative: %lld",
			       (long long)query->limit);
	if (query->min_size < 0 && query->min_size != SR_NULL_INTEGER)
		return sr_fail(SR_INVALID, "the minimum size is negative: %lld",
			       (long long)query->min_size);
	if (query->max_size < 0 && query->max_size != SR_NULL_INTEGER)
		return sr_fail(SR_INVALID, "the maximum size is negative: %lld",
			       (long long)query->max_size);
	return SR_OK;
}

/* An own copy of a text of the query, which the cursor outlives. */
static sr_status keep_text(sr_buffer *buffer, sr_text *text)
{
	sr_status rc;

	if (text->data == NULL)
		return SR_OK;
	sr_buffer_add_text(buffer, *text);
	if ((rc = sr_buffer_status(buffer)) == SR_OK)
		*text = sr_buffer_text(buffer);
	return rc;
}

static sr_status fold_type(search *s)
{
	sr_text type = s->query.file_type;
	sr_buffer dotted = SR_BUFFER_EMPTY;
	sr_status rc;

	if (type.length > 0 && type.data[0] == '.')
		type = (sr_text){type.data + 1, type.length - 1};
	if (type.length == 0)
		return SR_OK;
	sr_buffer_add_string(&dotted, ".");
	sr_buffer_add_text(&dotted, type);
	if ((rc = sr_buffer_status(&dotted)) == SR_OK)
		rc = sr_text_fold(sr_buffer_text(&dotted), &s->suffix);
	sr_buffer_free(&dotted);
	return rc;
}

static sr_status take_query(search *s, const sr_query *query)
{
	sr_query *own = &s->query;
	sr_status rc;

	*own = *query;
	if ((rc = keep_text(&s->texts[0], &own->term)) != SR_OK ||
	    (rc = keep_text(&s->texts[1], &own->file_type)) != SR_OK ||
	    (rc = keep_text(&s->texts[2], &own->client_name)) != SR_OK)
		return rc;
	if (own->term.length > 0 && (rc = sr_text_fold(own->term, &s->term)) != SR_OK)
		return rc;
	if ((rc = fold_type(s)) != SR_OK)
		return rc;
	s->resumed = own->after != NULL;
	if (own->after != NULL && (rc = sr_token_read(own, own->after, &s->after)) != SR_OK)
		return rc;
	own->after = NULL; /* Its memory is the caller's. */
	s->required = sr_buffer_text(&s->term);
	s->filter = (sr_filter){
		.required = &s->required,
		.required_count = s->required.length > 0,
		.client_name = own->client_name,
		.from = own->from,
		.to = own->to,
		.min_size = own->min_size,
		.max_size = own->max_size,
		.verified_only = own->verified_only,
		.present_only = own->present_only,
		.all_versions = own->all_versions,
		.behind = SR_NULL_INTEGER,
		.newest_first = own->sort == SR_SORT_DATE && !own->reverse,
		.oldest_first = own->sort == SR_SORT_DATE && own->reverse,
	};
	s->order = sr_rank_order_of(own->sort, own->reverse);
	s->left = own->limit > 0 ? own->limit : -1;
	s->page_size = own->limit > 0 && own->limit <= PAGE_MOST ? (size_t)own->limit : PAGE_FIRST;
	return SR_OK;
}

static sr_status start(search *s, sr_catalog *catalog)
{
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, "sr_search", &s->reading)) != SR_OK)
		return rc;
	sr_file_select(&s->sql, &s->reading.shape, "f.ClientID");
	sr_buffer_add_string(&s->sql, " WHERE f.row_number = $1");
	sr_version_select(&s->earlier, &s->reading.shape);
	sr_buffer_add_string(&s->earlier, " WHERE v.ID = $1");
	if ((rc = sr_buffer_status(&s->sql)) != SR_OK ||
	    (rc = sr_buffer_status(&s->earlier)) != SR_OK)
		return rc;
	return fill_page(s);
}

sr_status sr_search(sr_catalog *catalog, const sr_query *query, sr_files **cursor)
{
	search *s;
	sr_status rc;

	*cursor = NULL;
	if ((rc = check_query(query)) != SR_OK)
		return sr_return(rc);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = take_query(s, query)) != SR_OK || (rc = start(s, catalog)) != SR_OK) {
		search_close(s);
		return sr_return(rc);
	}
	if ((rc = sr_files_new(cursor, &source, s)) == SR_OK)
		s->cursor = *cursor;
	return sr_return(rc);
}

void sr_query_init(sr_query *query)
{
	*query = (sr_query){
		.version = SR_QUERY_VERSION,
		.from = SR_NULL_INTEGER,
		.to = SR_NULL_INTEGER,
		.min_size = SR_NULL_INTEGER,
		.max_size = SR_NULL_INTEGER,
		.limit = 1000,
	};
}

const char *sr_search_token(const sr_files *cursor)
{
	return cursor->token;
}
