/*
 * Counting what a search would find, in one pass and without reading whole rows.
 */
#include <string.h>

#include "../schema/counters.h"
#include "file.h"
#include "groups.h"
#include "search_query.h"
#include "size_class.h"

enum { FACETS = 5 };

#define FACETS_ALL ((1U << FACETS) - 1)

typedef struct counting {
	sr_reading reading;
	sr_search_query asked;
	unsigned facets;
	sr_groups groups[FACETS]; /* Of the bits of facets. */
	sr_buffer type;
	sr_found found;
} counting;

/* ---- What a row counts under ---- */

/* A digit, by which classes are sorted; null where the size is not known. */
static sr_text size_key(int64_t size, char *digit)
{
	const int class = sr_counted_class(size);

	*digit = (char)('0' + class);
	return class > 0 ? (sr_text){digit, 1} : sr_text_of(NULL);
}

/* "2026-01" */
static sr_text month_key(const sr_verdict *verdict, char text[SR_TIME_TEXT_SIZE])
{
	const char *day;

	if (!verdict->dated)
		return sr_text_of(NULL);
	sr_time_format(verdict->instant, text);
	day = strrchr(text, '-');
	return (sr_text){text, day != NULL ? (size_t)(day - text) : strlen(text)};
}

/* As the name ends, else as it was recorded; folded. */
static sr_status type_key(counting *c, const sr_candidate *row, sr_text *key)
{
	sr_text type = sr_file_extension_of(row->name);
	sr_status rc;

	*key = sr_text_of(NULL);
	if (type.data == NULL)
		type = row->extension;
	if (type.length > 0 && type.data[0] == '.')
		type = (sr_text){type.data + 1, type.length - 1};
	if (type.length == 0)
		return SR_OK;
	if ((rc = sr_text_fold(type, &c->type)) == SR_OK)
		*key = sr_buffer_text(&c->type);
	return rc;
}

static sr_status key_of(counting *c, sr_facet facet, const sr_candidate *row,
			const sr_verdict *verdict, char text[SR_TIME_TEXT_SIZE], sr_text *key)
{
	switch (facet) {
	case SR_FACET_CLIENT:
		*key = row->has_client ? (sr_text){(const char *)row->client_id.bytes,
						   sizeof(row->client_id.bytes)}
				       : sr_text_of(NULL);
		return SR_OK;
	case SR_FACET_TYPE:
		return type_key(c, row, key);
	case SR_FACET_CATEGORY:
		*key = row->category.length > 0 ? row->category : sr_text_of(NULL);
		return SR_OK;
	case SR_FACET_MONTH:
		*key = month_key(verdict, text);
		return SR_OK;
	case SR_FACET_SIZE:
		*key = size_key(row->size, text);
		return SR_OK;
	}
	return SR_OK;
}

/* ---- The pass ---- */

static sr_status count_row(void *arg, const sr_candidate *row, const sr_verdict *verdict)
{
	counting *c = arg;
	const int64_t bytes = sr_counted_size(row->size);
	char text[SR_TIME_TEXT_SIZE];
	sr_text key;
	sr_status rc;

	c->found.files++;
	c->found.bytes = sr_groups_sum(c->found.bytes, bytes);
	for (int i = 0; i < FACETS; i++) {
		if ((c->facets & 1U << i) == 0)
			continue;
		if ((rc = key_of(c, (sr_facet)(1U << i), row, verdict, text, &key)) != SR_OK ||
		    (rc = sr_groups_add(&c->groups[i], key, 1, bytes)) != SR_OK)
			return rc;
	}
	return SR_OK;
}

/* The name, borrowed from the statement that stands on it; null for a client there is not. */
static sr_status find_name(counting *c, const char *sql, sr_text id, sr_stmt **stmt, sr_text *name)
{
	sr_status rc;
	bool row;

	*name = sr_text_of(NULL);
	if ((rc = sr_prepare(c->reading.conn, sql, stmt)) != SR_OK)
		return rc;
	sr_bind_blob(*stmt, 1, id.data, id.length);
	if ((rc = sr_step(*stmt, &row)) == SR_OK && row)
		*name = sr_column_text(*stmt, 0);
	return rc;
}

/* Clients were counted by their ids; those of nobody come together under the null. */
static sr_status name_clients(counting *c)
{
	sr_groups named = {.rest = c->groups[0].rest};
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_buffer_printf(&sql, "SELECT c.Name FROM %s AS c WHERE c.ID = $1",
			 c->reading.shape.clients);
	rc = sr_buffer_status(&sql);
	for (size_t i = 0; rc == SR_OK && i < c->groups[0].count; i++) {
		const sr_group *group = c->groups[0].list[i];
		sr_stmt *stmt = NULL;
		sr_text name;

		rc = find_name(c, sql.data, group->key, &stmt, &name);
		if (rc == SR_OK)
			rc = sr_groups_add(&named, name, group->files, group->bytes);
		rc = sr_stmt_end(stmt, rc);
	}
	sr_buffer_free(&sql);
	sr_groups_free(&c->groups[0]);
	c->groups[0] = named;
	return rc;
}

static void begin(void *arg)
{
	counting *c = arg;

	for (int i = 0; i < FACETS; i++)
		sr_groups_free(&c->groups[i]);
	c->found = (sr_found){0};
}

static sr_status run(counting *c, sr_catalog *catalog)
{
	const sr_search_pass pass = {.begin = begin, .hit = count_row, .arg = c};
	sr_explanation figures = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, "sr_search_count", &c->reading)) != SR_OK)
		return rc;
	rc = sr_search_query_run(&c->asked, &c->reading, &pass, &figures);
	if (rc == SR_OK && c->facets & SR_FACET_CLIENT)
		rc = name_clients(c);
	sr_reading_end(&c->reading);
	return rc;
}

/* ---- The calls ---- */

static bool tell(int facet, const sr_group *group, bool rest, sr_facet_fn fn, void *arg)
{
	sr_facet_value value = {
		.facet = (sr_facet)(1U << facet),
		.value = group->key,
		.rest = rest,
		.files = group->files,
		.bytes = group->bytes,
	};

	if (value.facet == SR_FACET_SIZE && value.value.length == 1)
		value.value = sr_text_of(sr_size_class_of(group->key.data[0] - '0')->name);
	return fn(arg, &value);
}

static sr_status tell_all(counting *c, sr_facet_fn fn, void *arg)
{
	static const sr_groups_order orders[FACETS] = {SR_GROUPS_LARGEST, SR_GROUPS_LARGEST,
						       SR_GROUPS_LARGEST, SR_GROUPS_DESCENDING,
						       SR_GROUPS_ASCENDING};

	for (int i = 0; i < FACETS; i++) {
		sr_groups *groups = &c->groups[i];
		bool stop = false;

		sr_groups_sort(groups, orders[i]);
		for (size_t at = 0; !stop && at < groups->count; at++)
			stop = tell(i, groups->list[at], false, fn, arg);
		if (!stop && groups->rest.files > 0)
			stop = tell(i, &groups->rest, true, fn, arg);
		if (stop)
			return sr_fail(SR_INTERRUPTED, "reading the counts was cancelled");
	}
	return SR_OK;
}

static sr_status count_found(sr_catalog *catalog, const sr_query *query, unsigned facets,
			     counting *c)
{
	sr_status rc;

	c->facets = facets;
	rc = sr_search_query_take(&c->asked, query, false, facets & SR_FACET_MONTH);
	if (rc != SR_OK)
		return rc;
	if (facets & SR_FACET_CLIENT)
		c->asked.filter.columns |= SR_CANDIDATE_CLIENT;
	if (facets & SR_FACET_TYPE)
		c->asked.filter.columns |= SR_CANDIDATE_TEXTS;
	if (facets & SR_FACET_CATEGORY)
		c->asked.filter.columns |= SR_CANDIDATE_CATEGORY;
	return run(c, catalog);
}

static void end(counting *c)
{
	for (int i = 0; i < FACETS; i++)
		sr_groups_free(&c->groups[i]);
	sr_buffer_free(&c->type);
	sr_search_query_free(&c->asked);
}

sr_status sr_search_count(sr_catalog *catalog, const sr_query *query, sr_found *found)
{
	counting c = {.facets = 0};
	sr_status rc;

	if ((rc = count_found(catalog, query, 0, &c)) == SR_OK)
		*found = c.found;
	end(&c);
	return sr_return(rc);
}

sr_status sr_search_facets(sr_catalog *catalog, const sr_query *query, unsigned facets,
			   sr_facet_fn fn, void *arg, sr_found *found)
{
	counting c = {.facets = 0};
	sr_status rc;

	if (facets == 0 || (facets & ~FACETS_ALL) != 0)
		return sr_return(sr_fail(SR_INVALID, "there are no facets %#x: give some of %#x",
					 facets, FACETS_ALL));
	if ((rc = count_found(catalog, query, facets, &c)) == SR_OK)
		rc = tell_all(&c, fn, arg);
	if (rc == SR_OK && found != NULL)
		*found = c.found;
	end(&c);
	return sr_return(rc);
}
