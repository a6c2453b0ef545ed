/*
 * Searching files.
 *
 * One pass over the candidates decides about each on a few columns and keeps the first rows of the
 * order in a bounded heap; then those that were not read whole are fetched, in the same snapshot.
 * Without a limit the pass is made again for each further page, and pages grow, so that memory
 * stays bounded and the passes few.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "file.h"
#include "rank.h"
#include "search_index.h"
#include "search_query.h"

/* Rows of a page without a limit: the first ones come soon, the last pages are large. A key takes
 * some 80 bytes, and one with a text about twice that. */
#define PAGE_FIRST  4096
#define PAGE_GROWTH 4
#define PAGE_MOST   262144

typedef struct search {
	sr_reading reading;
	sr_search_query asked; /* Goes on behind its `after` with each page. */
	sr_files *cursor;      /* Whose token and explanation are ours. */
	sr_rank_order order;
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
	sr_explanation explanation;
} search;

/* ---- Fetching ---- */

/* The row of the last step was not read to its end. */
static void forget_row(search *s)
{
	sr_stmt_done(s->stmt);
	sr_stmt_done(s->version);
	s->stmt = s->version = NULL;
}

/* Steps to the one row of a table with that number. The statement stays prepared from row to row.
 */
static sr_status fetch_row(search *s, const sr_buffer *sql, const char *table, int64_t number,
			   sr_stmt **stmt)
{
	sr_status rc;
	bool row;

	/* It stands on the row before: to its end. */
	rc = *stmt != NULL ? sr_step(*stmt, &row) : sr_prepare(s->reading.conn, sql->data, stmt);
	if (rc == SR_OK) {
		sr_bind_integer(*stmt, 1, number);
		rc = sr_step(*stmt, &row);
	}
	if (rc == SR_OK && !row)
		rc = sr_fail(SR_CORRUPT,
			     "%s is damaged: row %lld of %s was there and is gone within one read",
			     sr_conn_path(s->reading.conn), (long long)number, table);
	if (rc != SR_OK) {
		sr_stmt_done(*stmt);
		*stmt = NULL;
	}
	return rc;
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

static sr_status fetch_states(search *s, const sr_rank_key *key)
{
	sr_file_version version;
	sr_status rc;

	if (key->file != NULL) {
		s->file = *key->file;
		return SR_OK;
	}
	if ((rc = fetch_row(s, &s->sql, "files", key->row, &s->stmt)) != SR_OK)
		return rc;
	sr_file_read(s->stmt, &s->file);
	if ((rc = sr_stmt_check(s->stmt)) != SR_OK || key->version == 0)
		return rc;
	rc = fetch_row(s, &s->earlier, "file_versions", key->version, &s->version);
	if (rc != SR_OK)
		return rc;
	sr_version_read(s->version, &version);
	show_earlier(&s->file, &version);
	return sr_stmt_check(s->version);
}

static sr_status fetch(search *s, const sr_rank_key *key)
{
	const int64_t start = sr_clock_ns();
	const sr_status rc = fetch_states(s, key);

	s->explanation.fetching += (double)(sr_clock_ns() - start) / 1e9;
	return rc;
}

/* ---- Pages ---- */

static void make_key(sr_sort sort, const sr_candidate *row, const sr_verdict *verdict,
		     sr_rank_key *key)
{
	*key = (sr_rank_key){
		.has_id = row->has_id,
		.row = row->row,
		.version = row->version,
		.file = row->file,
	};
	if (row->has_id)
		key->id = row->id;
	switch (sort) {
	case SR_SORT_DATE:
		key->last = !verdict->dated;
		key->number = verdict->instant;
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

/* Where candidates come by their dates, the first hits are the page: it is cheaper to fetch them
 * while their place in the file was just read. Not of a page that many rows would fill. */
static bool is_fetched_at_once(const search *s, const sr_candidate *row)
{
	return row->bounded && row->file == NULL && s->page.count < s->page.most &&
	       s->page.most <= PAGE_FIRST;
}

/* Puts the row on the page if it comes behind where the search goes on. */
static sr_status consider(void *arg, const sr_candidate *row, const sr_verdict *verdict)
{
	search *s = arg;
	sr_rank_key key;
	sr_status rc;

	make_key(s->asked.query.sort, row, verdict, &key);
	if (s->asked.resumed && sr_rank_compare(s->order, &key, &s->asked.after) <= 0)
		return SR_OK;
	if (is_fetched_at_once(s, row)) {
		if ((rc = fetch(s, &key)) != SR_OK)
			return rc;
		key.file = &s->file;
	}
	return sr_ranking_offer(&s->page, &key);
}

/* Whether no candidate from this one on can still come onto the full page. One more than fit was
 * seen, so that it is known that the search goes on. */
static bool is_settled(void *arg, const sr_candidate *row)
{
	const search *s = arg;
	const sr_rank_key *worst;

	if (!row->bounded || !s->page.dropped)
		return false;
	worst = &s->page.keys[0];
	if (worst->last)
		return false;
	return s->order.descending ? row->bound < worst->number : row->bound > worst->number;
}

static void begin_page(void *arg)
{
	search *s = arg;
	size_t most = s->page_size;

	if (s->left >= 0 && s->left < (int64_t)most)
		most = (size_t)s->left;
	sr_ranking_start(&s->page, s->order, most);
}

static sr_status fill_page(search *s)
{
	const sr_search_pass pass = {
		.begin = begin_page, .hit = consider, .is_settled = is_settled, .arg = s};
	const sr_search_query *asked = &s->asked;
	sr_status rc;

	if (asked->resumed && asked->query.sort == SR_SORT_DATE && !asked->after.last)
		s->asked.filter.behind = asked->after.number;
	rc = sr_search_query_run(&s->asked, &s->reading, &pass, &s->explanation);
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

	sr_rank_key_free(&s->asked.after);
	s->asked.after = *last;
	last->text = sr_text_of(NULL); /* after has them now. */
	last->file = NULL;
	s->asked.resumed = true;
	return fill_page(s);
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
		rc = sr_token_make(s->asked.digest, s->asked.query.from, s->asked.query.to,
				   &s->page.keys[s->position - 1], &s->token);
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
	sr_search_query_free(&s->asked);
	sr_buffer_free(&s->sql);
	sr_buffer_free(&s->earlier);
	free(s->token);
	free(s);
}

static const sr_files_source source = {.next = search_next, .close = search_close};

/* ---- Starting ---- */

static sr_status take_query(search *s, const sr_query *query)
{
	const sr_query *own = &s->asked.query;
	sr_status rc;

	if ((rc = sr_search_query_take(&s->asked, query, true, false)) != SR_OK)
		return rc;
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
	sr_buffer_add_string(&s->sql, " WHERE f.row_number = coalesce($1, " SR_LEAST_KEY ")");
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
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return sr_return(sr_fail_memory());
	if ((rc = take_query(s, query)) != SR_OK || (rc = start(s, catalog)) != SR_OK) {
		search_close(s);
		return sr_return(rc);
	}
	if ((rc = sr_files_new(cursor, &source, s)) == SR_OK) {
		s->cursor = *cursor;
		s->cursor->explanation = &s->explanation;
	}
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

sr_status sr_search_explain(const sr_files *cursor, sr_explanation *explanation)
{
	if (cursor->explanation == NULL)
		return sr_return(sr_fail(SR_INVALID, "these files were not found by a search: "
						     "there is nothing to explain"));
	*explanation = *cursor->explanation;
	return sr_return(SR_OK);
}
