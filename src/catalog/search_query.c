#include "search_query.h"

#include <string.h>

#include "../base/clock.h"

/* ---- Taking ---- */

static sr_status check_version(const sr_query *query)
{
	if (query == NULL)
		return sr_fail(SR_INVALID, "there is no query to search for");
	if (query->version < 1 || query->version > SR_QUERY_VERSION)
		return sr_fail(SR_INVALID, "sr_query of version %u, not %d: sr_query_init it",
			       query->version, SR_QUERY_VERSION);
	return SR_OK;
}

/* What its version has of it, as the latest. */
static void read_query(sr_query *own, const sr_query *query)
{
	static const size_t sizes[] = {
		[1] = offsetof(sr_query, matches),
		[2] = offsetof(sr_query, client_part),
		[3] = sizeof(sr_query),
	};

	*own = (sr_query){.matches = NULL};
	memcpy(own, query, sizes[query->version]);
	own->version = SR_QUERY_VERSION;
}

static sr_status check_query(const sr_query *query)
{
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
	if (query->match_count > 0 && query->matches == NULL)
		return sr_fail(SR_INVALID, "there are %zu conditions to search for, but no list",
			       query->match_count);
	return SR_OK;
}

static sr_status keep_client_name(sr_search_query *taken)
{
	const sr_text name = taken->query.client_name;
	sr_status rc;

	if (name.data == NULL)
		return SR_OK;
	sr_buffer_add_text(&taken->client_name, name);
	if ((rc = sr_buffer_status(&taken->client_name)) == SR_OK)
		taken->filter.client_name = sr_buffer_text(&taken->client_name);
	return rc;
}

static void set_filter(sr_search_query *taken, bool ordered)
{
	const sr_query *query = &taken->query;
	sr_filter *filter = &taken->filter;

	filter->required_count =
		sr_matcher_required(taken->matcher, &filter->required, &filter->indexed);
	filter->columns = sr_matcher_columns(taken->matcher);
	if (ordered && (query->sort == SR_SORT_NAME || query->sort == SR_SORT_PATH))
		filter->columns |= SR_CANDIDATE_TEXTS;
	if (taken->part.folded.length > 0)
		filter->columns |= SR_CANDIDATE_CLIENT;
	filter->from = query->from;
	filter->to = query->to;
	filter->min_size = query->min_size;
	filter->max_size = query->max_size;
	filter->verified_only = query->verified_only;
	filter->present_only = query->present_only;
	filter->all_versions = query->all_versions;
	filter->behind = SR_NULL_INTEGER;
	filter->whole = ordered;
	filter->newest_first = ordered && query->sort == SR_SORT_DATE && !query->reverse;
	filter->oldest_first = ordered && query->sort == SR_SORT_DATE && query->reverse;
}

/* What was the caller's is not to be touched any more. */
static void forget_texts(sr_query *query)
{
	query->term = query->file_type = query->client_name = query->client_part = sr_text_of(NULL);
	query->after = NULL;
	query->matches = NULL;
	query->match_count = 0;
}

sr_status sr_search_query_take(sr_search_query *taken, const sr_query *query, bool ordered,
			       bool dated)
{
	sr_query *own = &taken->query;
	sr_status rc;

	*taken = (sr_search_query){0};
	if ((rc = check_version(query)) != SR_OK)
		return rc;
	read_query(own, query);
	if ((rc = check_query(own)) != SR_OK || (rc = keep_client_name(taken)) != SR_OK ||
	    (rc = sr_client_part_take(&taken->part, own->client_part)) != SR_OK)
		return rc;
	taken->resumed = ordered && own->after != NULL;
	if (ordered && (rc = sr_token_digest(own, taken->digest)) != SR_OK)
		return rc;
	if (taken->resumed && (rc = sr_token_read(taken->digest, own->after, &taken->after,
						  &own->from, &own->to)) != SR_OK)
		return rc;
	dated |= ordered && own->sort == SR_SORT_DATE;
	rc = sr_matcher_new(own, dated, &taken->matcher);
	if (rc != SR_OK)
		return rc;
	set_filter(taken, ordered);
	forget_texts(own);
	return SR_OK;
}

void sr_search_query_free(sr_search_query *taken)
{
	sr_matcher_free(taken->matcher);
	sr_buffer_free(&taken->client_name);
	sr_client_part_free(&taken->part);
	sr_rank_key_free(&taken->after);
}

/* ---- A pass ---- */

static double since(int64_t start)
{
	return (double)(sr_clock_ns() - start) / 1e9;
}

/* More clients than this are not worth their index. */
#define CLIENTS_MOST 256

/* The rows of a few clients are read through their index, unless they are most of all rows. */
static sr_status find_clients(sr_search_query *taken, const sr_reading *reading)
{
	sr_client_part *part = &taken->part;
	sr_filter *filter = &taken->filter;
	sr_status rc;

	if ((rc = sr_client_part_find(part, reading)) != SR_OK || !part->found)
		return rc;
	filter->by_clients = filter->client_name.data == NULL && part->count <= CLIENTS_MOST &&
			     (part->count == 0 || part->rows < part->total - part->rows);
	filter->clients = part->clients;
	filter->client_count = part->count;
	filter->client_rows = part->rows;
	return SR_OK;
}

static bool is_of_client(const sr_search_query *taken, const sr_candidate *row)
{
	return !taken->part.found ||
	       (row->has_client && sr_client_part_has(&taken->part, &row->client_id));
}

/* One pass, whose rows are counted on from before. *over is false if a scan has to begin anew. */
static sr_status run_once(sr_search_query *taken, const sr_reading *reading,
			  const sr_search_pass *pass, const sr_explanation *before,
			  sr_explanation *figures, bool *over)
{
	int64_t start = sr_clock_ns();
	sr_candidates_figures found;
	sr_candidates *candidates;
	sr_candidate row;
	sr_verdict verdict;
	sr_status rc;
	bool more;

	if ((rc = sr_candidates_open(reading, &taken->filter, &candidates)) != SR_OK)
		return rc;
	figures->planning += since(start);
	start = sr_clock_ns();
	while ((rc = sr_candidates_next(candidates, &row, &more)) == SR_OK && more &&
	       (pass->is_settled == NULL || !pass->is_settled(pass->arg, &row))) {
		if (!is_of_client(taken, &row))
			continue;
		if ((rc = sr_matcher_decide(taken->matcher, &row, &verdict)) != SR_OK)
			break;
		if (!verdict.matches)
			continue;
		figures->hits++;
		if ((rc = pass->hit(pass->arg, &row, &verdict)) != SR_OK)
			break;
	}
	sr_candidates_measure(candidates, &found);
	sr_candidates_close(candidates);
	*over = !found.gave_up;
	figures->choice = found.choice;
	figures->estimated = found.estimated;
	figures->candidates = before->candidates + found.candidates;
	figures->rechecked = before->rechecked + found.read;
	figures->matching += since(start);
	return rc;
}

sr_status sr_search_query_run(sr_search_query *taken, const sr_reading *reading,
			      const sr_search_pass *pass, sr_explanation *figures)
{
	const sr_explanation before = *figures;
	bool over = true;
	sr_status rc;

	if ((rc = find_clients(taken, reading)) != SR_OK)
		return rc;
	do {
		taken->filter.scan = !over;
		figures->hits = before.hits;
		pass->begin(pass->arg);
		rc = run_once(taken, reading, pass, &before, figures, &over);
	} while (rc == SR_OK && !over);
	return rc;
}
