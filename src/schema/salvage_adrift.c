/*
 * Pages with rows that nothing leads to, because what did is damaged. A page belongs to one table,
 * and which one its rows tell: how many values they have, of which types, which of them are times.
 * A page that could be of several is left out and told.
 */
#include "../base/instant.h"
#include "salvage.h"

#include <string.h>
#include <strings.h>

/* How well a page's rows fit one table. */
typedef struct fitting {
	const salvage *of;
	const salvage_table *table;
	int64_t rows;
	int64_t live; /* Of those, whose numbers an index knows. */
	int64_t score;
	bool fits;
} fitting;

/* How much the value speaks for the column; less than 0: it cannot be one of it. */
static int value_fits(const salvage_column *c, const sr_value *value)
{
	int64_t instant;

	if (c->key)
		return value->type == SR_NULL ? 2 : -1;
	if (value->type == SR_NULL)
		return c->required ? -1 : 0;
	switch (c->affinity) {
	case 'i':
		return value->type == SR_INTEGER ? 1 : -1;
	case 'r':
	case 'n':
		return value->type == SR_INTEGER || value->type == SR_REAL ? 1 : -1;
	case 'b':
		if (value->type != SR_BLOB ||
		    (c->length == 16 && value->text.length != (size_t)c->length))
			return -1;
		return c->length == 16 ? 2 : 1;
	case 't':
		/* Names need not be text. */
		if (value->type != SR_TEXT && value->type != SR_BLOB)
			return -1;
		break;
	default:
		return 0;
	}
	if (c->is_time && value->type == SR_TEXT) {
		char text[64];

		if (value->text.length >= sizeof(text))
			return 0;
		memcpy(text, value->text.data, value->text.length);
		text[value->text.length] = '\0';
		if (sr_instant_read(text, &instant, NULL))
			return 3;
		return c->is_ours ? -1 : 0;
	}
	return 1;
}

static sr_status row_fits(void *arg, int64_t number, const sr_value *values, size_t count)
{
	fitting *f = arg;
	const salvage_table *t = f->table;

	f->rows++;
	f->live += t->live.known && sr_salvage_is_live(&t->live, number);
	f->fits = f->fits && count <= t->column_count;
	for (size_t i = 0; i < t->column_count && f->fits; i++) {
		int fits = i < count ? value_fits(&t->columns[i], &values[i])
				     : (t->columns[i].required ? -1 : -2);

		/* A column that was added later is lacking in rows from before. */
		if (fits == -1)
			f->fits = false;
		else
			f->score += fits;
	}
	sr_error_set("");
	return SR_OK;
}

/* The ledger's rows look like others' but for their words. */
static sr_status ledger_fits(salvage *s, int64_t page, fitting *f)
{
	int64_t highest = -1;
	sr_pages_walk walk = {0};
	sr_status rc = sr_pages_leaf(s->pages, page, sr_salvage_ledger_row, &highest, &walk);

	f->score = highest > 0 ? INT64_MAX : -1;
	return rc;
}

/* Those with whole pages have nothing adrift. */
static bool is_candidate(const salvage_table *t)
{
	return !t->keyed && !t->made && sr_salvage_is_damaged(t);
}

/* The table that the page is of; NULL for none, and *several says whether for too many. */
static sr_status page_owner(salvage *s, int64_t page, salvage_table **owner, bool *several)
{
	const sr_schema_object *ours = sr_migration_sources[s->version].schema;
	fitting best = {0};
	sr_status rc = SR_OK;

	*owner = NULL;
	*several = false;
	for (size_t i = 0; i < s->table_count && rc == SR_OK; i++) {
		fitting f = {.table = &s->tables[i], .fits = true};
		sr_pages_walk walk = {0};

		if (!is_candidate(f.table))
			continue;
		rc = sr_pages_leaf(s->pages, page, row_fits, &f, &walk);
		/* An index that is whole would know at least one of them. */
		if (rc != SR_OK || !f.fits || f.rows == 0 || (f.table->live.known && f.live == 0))
			continue;
		/* A name that is not ours may be one of ours that is damaged. */
		f.score = 2 * f.score + (sr_schema_find(ours, "table", f.table->name) != NULL);
		if (strcasecmp(f.table->name, "database_migrations") == 0 &&
		    (rc = ledger_fits(s, page, &f)) != SR_OK)
			break;
		*several = *owner && f.score == best.score;
		if (*owner && f.score <= best.score)
			continue;
		best = f;
		*owner = &s->tables[i];
	}
	return rc;
}

static sr_status sequence_judge(void *arg, int64_t number, const sr_value *values, size_t count)
{
	const salvage *s = ((fitting *)arg)->of;
	fitting *f = arg;
	bool known = false;

	(void)number;
	for (size_t i = 0; count == 2 && values[0].type == SR_TEXT && i < s->table_count; i++)
		known = known || (strlen(s->tables[i].name) == values[0].text.length &&
				  memcmp(s->tables[i].name, values[0].text.data,
					 values[0].text.length) == 0);
	f->rows++;
	f->fits = f->fits && known && values[1].type == SR_INTEGER;
	return SR_OK;
}

/* Whether it is the engine's own page with the numbers that were given; takes it then. */
static sr_status sequence_taken(salvage *s, int64_t page, bool *taken)
{
	fitting f = {.of = s, .fits = true};
	sr_pages_walk walk = {0};
	sr_status rc;

	rc = sr_pages_leaf(s->pages, page, sequence_judge, &f, &walk);
	*taken = rc == SR_OK && f.fits && f.rows > 0;
	if (!*taken)
		return rc;
	sr_pages_take(s->pages, page);
	return sr_pages_leaf(s->pages, page, sr_salvage_sequence, s, &walk);
}

static sr_status page_take(salvage *s, int64_t page, salvage_table *owner)
{
	sr_status rc;

	sr_pages_take(s->pages, page);
	s->now = owner;
	s->from_adrift = true;
	rc = sr_pages_leaf(s->pages, page, sr_salvage_row, s, &owner->walk);
	sr_stmt_done(owner->insert);
	owner->insert = NULL;
	return rc;
}

static sr_status ignore_row(void *arg, int64_t number, const sr_value *values, size_t count)
{
	(void)arg;
	(void)number;
	(void)values;
	(void)count;
	return SR_OK;
}

static sr_status count_rows(salvage *s, int64_t page, int64_t *rows)
{
	sr_pages_walk walk = {0};
	sr_status rc = sr_pages_leaf(s->pages, page, ignore_row, NULL, &walk);

	*rows += walk.rows;
	return rc;
}

static bool is_needed(const salvage *s)
{
	bool needed = s->schema_damaged;

	for (size_t i = 0; i < s->table_count; i++)
		needed = needed || is_candidate(&s->tables[i]);
	return needed;
}

sr_status sr_salvage_adrift(salvage *s)
{
	int64_t unplaced = 0, unknown = 0;
	sr_status rc = SR_OK;

	if (!is_needed(s))
		return SR_OK;
	sr_pages_mark_free(s->pages);
	for (int64_t page = sr_pages_adrift(s->pages, 0); page > 0 && rc == SR_OK;
	     page = sr_pages_adrift(s->pages, page)) {
		salvage_table *owner;
		bool several, taken;

		if ((rc = sequence_taken(s, page, &taken)) != SR_OK || taken)
			continue;
		if ((rc = page_owner(s, page, &owner, &several)) != SR_OK)
			break;
		if (owner && !several)
			rc = page_take(s, page, owner);
		else if (several)
			unplaced++;
		else
			rc = count_rows(s, page, &unknown);
	}
	if (unplaced > 0)
		sr_salvage_note(s, "%lld %s could be of several tables, and %s left out",
				(long long)unplaced,
				sr_plural(unplaced, "page with rows", "pages with rows"),
				sr_plural(unplaced, "was", "were"));
	/* Else they are what was there before, which no table needs. */
	if (unknown > 0 && s->schema_damaged)
		sr_salvage_note(s, "%lld %s of tables that are not known, and %s left out",
				(long long)unknown, sr_plural(unknown, "row is", "rows are"),
				sr_plural(unknown, "was", "were"));
	return rc;
}
