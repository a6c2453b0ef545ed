/*
 * Plans of the catalog's queries, and whether one got worse.
 *
 * A plan is what EXPLAIN QUERY PLAN says, a line a step, indented by its depth. What is compared is
 * how rows are reached, never what a plan costs by the engine's estimate: SCAN reads all rows,
 * SEARCH those that an index finds, each condition in its brackets narrowing it; a temporary
 * B-tree sorts.
 */
#include "rehearsal.h"

#include <string.h>

/* ---- Comparing ---- */

/* What the lines of a plan say, summed up. */
typedef struct plan_figures {
	int scans;  /* All rows of a table, without an index. */
	int walks;  /* All rows of an index. */
	int narrow; /* Conditions that searches use; a search by the row's own number counts as */
	int sorts;  /* more than any index has. */
} plan_figures;

static bool line_has(sr_text line, const char *words)
{
	return memmem(line.data, line.length, words, strlen(words)) != NULL;
}

static int count_of(sr_text line, char c)
{
	int n = 0;

	for (size_t i = 0; i < line.length; i++)
		n += line.data[i] == c;
	return n;
}

static void line_figure(sr_text line, plan_figures *figures)
{
	while (line.length && *line.data == ' ')
		line = (sr_text){line.data + 1, line.length - 1};
	/* An index that is made for the query alone reads all rows first. */
	if (line_has(line, "AUTOMATIC")) {
		figures->scans++;
	} else if (line.length > 5 && memcmp(line.data, "SCAN ", 5) == 0) {
		if (line_has(line, " USING "))
			figures->walks++;
		else if (!line_has(line, "CONSTANT ROW") && !line_has(line, "SCAN ("))
			figures->scans++;
	} else if (line.length > 7 && memcmp(line.data, "SEARCH ", 7) == 0) {
		/* "(ClientID=? AND Name>?)": an equality narrows more than a bound. */
		figures->narrow += line_has(line, "INTEGER PRIMARY KEY")
					   ? 100
					   : 2 * count_of(line, '=') + count_of(line, '>') +
						     count_of(line, '<');
	} else if (line_has(line, "TEMP B-TREE")) {
		figures->sorts++;
	}
}

static plan_figures figures_of(const char *plan)
{
	plan_figures figures = {0};

	while (*plan) {
		size_t length = strcspn(plan, "\n");

		line_figure((sr_text){plan, length}, &figures);
		plan += length + (plan[length] == '\n');
	}
	return figures;
}

bool sr_plan_worse(const char *before, const char *after)
{
	plan_figures old = figures_of(before);
	plan_figures now = figures_of(after);

	return now.scans > old.scans || now.scans + now.walks > old.scans + old.walks ||
	       now.sorts > old.sorts || now.narrow < old.narrow;
}

/* ---- Asking ---- */

typedef struct asking {
	sr_conn *conn;
	sr_report *report;
	bool after;
	sr_status rc;
} asking;

/* How deep a step is below the whole: its parent's depth and one more. Plans are short. */
typedef struct depths {
	int64_t ids[64];
	int depth[64];
	int count;
} depths;

static int depth_of(depths *all, int64_t id, int64_t parent)
{
	int depth = 0;

	for (int i = 0; i < all->count; i++)
		if (all->ids[i] == parent)
			depth = all->depth[i] + 1;
	if (all->count < 64) {
		all->ids[all->count] = id;
		all->depth[all->count++] = depth;
	}
	return depth;
}

static sr_status plan_read(sr_conn *conn, const char *sql, sr_buffer *plan)
{
	sr_buffer explain = SR_BUFFER_EMPTY;
	depths all = {.count = 0};
	sr_stmt *stmt = NULL;
	sr_status rc;
	bool row;

	sr_buffer_printf(&explain, "EXPLAIN QUERY PLAN %s", sql);
	if ((rc = sr_buffer_status(&explain)) == SR_OK)
		rc = sr_prepare(conn, explain.data, &stmt);
	while (rc == SR_OK && (rc = sr_step(stmt, &row)) == SR_OK && row) {
		int depth = depth_of(&all, sr_column_integer(stmt, 0), sr_column_integer(stmt, 1));

		sr_buffer_printf(plan, "%s%*s", plan->length ? "\n" : "", 2 * depth, "");
		sr_buffer_add_text(plan, sr_column_text(stmt, 3));
	}
	rc = sr_stmt_end(stmt, rc);
	sr_buffer_free(&explain);
	return rc == SR_OK ? sr_buffer_status(plan) : rc;
}

/* The query of that name, added where the report has none yet. */
static sr_rehearsal_query *query_find(sr_report *report, const char *name)
{
	sr_grown *queries = &report->queries;
	sr_rehearsal_query *query = queries->list;

	for (size_t i = 0; i < queries->count; i++, query++)
		if (strcmp(query->name, name) == 0)
			return query;
	if ((name = sr_report_keep(report, name)) == NULL)
		return NULL;
	if ((query = sr_grown_add(report, queries, sizeof(*query))) != NULL)
		query->name = name;
	return query;
}

/* A query that does not run on this version has no plan. */
static void query_take(void *to, const char *name, const char *sql)
{
	asking *ask = to;
	sr_buffer plan = SR_BUFFER_EMPTY;
	sr_rehearsal_query *query;
	const char *words = NULL;
	sr_status rc;

	if (ask->rc != SR_OK || (query = query_find(ask->report, name)) == NULL)
		return;
	if ((rc = plan_read(ask->conn, sql, &plan)) == SR_OK)
		words = sr_report_keep(ask->report, plan.length ? plan.data : "");
	else if (rc != SR_SQL)
		ask->rc = rc;
	if (ask->after)
		query->after = words;
	else
		query->before = words;
	sr_buffer_free(&plan);
}

sr_status sr_plans_take(sr_conn *conn, sr_queries_fn queries, sr_report *report, bool after)
{
	asking ask = {.conn = conn, .report = report, .after = after};
	sr_shape shape;
	sr_status rc;

	if (queries == NULL)
		return SR_OK;
	if ((rc = sr_shape_read(conn, &shape)) != SR_OK)
		return rc;
	rc = queries(&shape, query_take, &ask);
	sr_shape_free(&shape);
	if (rc == SR_OK)
		rc = ask.rc;
	for (size_t i = 0; after && i < report->queries.count; i++) {
		sr_rehearsal_query *query = (sr_rehearsal_query *)report->queries.list + i;

		query->worse = query->before &&
			       (query->after == NULL || sr_plan_worse(query->before, query->after));
	}
	return rc;
}
