#include "prune_file.h"

#include <stdlib.h>
#include <string.h>

#include "../base/instant.h"
#include "activity.h"

/* ---- Reading ---- */

static sr_status read_file(sr_conn *conn, const sr_shape *shape, const sr_id *client,
			   sr_prune_plan *plan)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_file file;
	sr_status rc;
	bool row;

	sr_file_select(&sql, shape, "f.ClientID");
	sr_buffer_add_string(&sql, " WHERE f.row_number = $1 AND f.ClientID = $2");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_integer(stmt, 1, plan->row);
	sr_bind_id(stmt, 2, client);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_file_read(stmt, &file);
		if (file.has_id && (plan->file = sr_file_copy(&file)) == NULL)
			rc = sr_fail_memory();
	}
	rc = sr_stmt_end(stmt, rc);

err0:
	sr_buffer_free(&sql);
	return rc;
}

static sr_status add_step(sr_prune_plan *plan, size_t *capacity, const sr_file_version *version)
{
	if (plan->count == *capacity) {
		size_t more = *capacity ? *capacity * 2 : 16;
		sr_prune_step *steps = realloc(plan->steps, more * sizeof(*steps));

		if (steps == NULL)
			return sr_fail_memory();
		plan->steps = steps;
		*capacity = more;
	}
	plan->steps[plan->count] = (sr_prune_step){.version = sr_version_copy(version)};
	if (plan->steps[plan->count].version == NULL)
		return sr_fail_memory();
	plan->count++;
	return SR_OK;
}

static sr_status read_versions(sr_conn *conn, const sr_shape *shape, sr_prune_plan *plan)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_file_version version;
	size_t capacity = 0;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	sr_version_select(&sql, shape);
	sr_buffer_add_string(&sql, " WHERE v.FileID = $1");
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_id(stmt, 1, &plan->file->id);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		sr_version_read(stmt, &version);
		if ((rc = add_step(plan, &capacity, &version)) != SR_OK)
			break;
	}
	rc = sr_stmt_end(stmt, rc);

err0:
	sr_buffer_free(&sql);
	return rc;
}

/* ---- Deciding ---- */

/* A step and its time, for sorting. */
typedef struct dated_step {
	int64_t instant;
	sr_prune_step step;
} dated_step;

static int64_t instant_of(sr_text created)
{
	int64_t instant;

	if (created.data == NULL || strlen(created.data) != created.length ||
	    !sr_instant_read(created.data, &instant, NULL))
		return SR_NULL_INTEGER;
	return instant;
}

static int newest_first(const void *a, const void *b)
{
	const dated_step *left = a, *right = b;
	const sr_file_version *l = left->step.version, *r = right->step.version;

	if (left->instant != right->instant)
		return left->instant < right->instant ? 1 : -1;
	if (l->number != r->number)
		return l->number < r->number ? 1 : -1;
	return (l->id < r->id) - (l->id > r->id);
}

/* The version that stands for what the file is now: what saving would go on from. */
static int64_t current_of(const sr_prune_plan *plan)
{
	const sr_file_version *last = NULL;

	for (size_t i = 0; i < plan->count; i++) {
		const sr_file_version *v = plan->steps[i].version;

		if (v->id == plan->file->current_version)
			return v->id;
		if (last == NULL || v->number > last->number ||
		    (v->number == last->number && v->id > last->id))
			last = v;
	}
	return last != NULL ? last->id : SR_NULL_INTEGER;
}

static void decide(sr_prune_plan *plan, const sr_keep *keep, dated_step *order, sr_dated *list)
{
	const int64_t current = current_of(plan);

	for (size_t i = 0; i < plan->count; i++) {
		order[i].step = plan->steps[i];
		order[i].instant = instant_of(plan->steps[i].version->created);
	}
	qsort(order, plan->count, sizeof(*order), newest_first);
	for (size_t i = 0; i < plan->count; i++)
		list[i] = (sr_dated){.instant = order[i].instant};
	sr_retention_apply(keep, list, plan->count);
	for (size_t i = 0; i < plan->count; i++) {
		const sr_file_version *v = order[i].step.version;

		plan->steps[i] = order[i].step;
		plan->steps[i].kept = list[i].kept | (v->pinned ? SR_KEPT_PINNED : 0U) |
				      (v->active || v->id == current ? SR_KEPT_ACTIVE : 0U);
		if (plan->steps[i].kept != 0)
			continue;
		plan->pruned++;
		plan->bytes = sr_prune_sum(plan->bytes, sr_activity_bytes(v->size));
	}
}

sr_status sr_prune_plan_make(sr_conn *conn, const sr_shape *shape, const sr_id *client, int64_t row,
			     const sr_keep *keep, sr_prune_plan *plan)
{
	dated_step *order = NULL;
	sr_dated *list = NULL;
	sr_status rc;

	*plan = (sr_prune_plan){.row = row};
	if ((rc = read_file(conn, shape, client, plan)) != SR_OK || plan->file == NULL)
		return rc;
	if ((rc = read_versions(conn, shape, plan)) != SR_OK || plan->count == 0)
		return rc;
	order = malloc(plan->count * sizeof(*order));
	list = malloc(plan->count * sizeof(*list));
	if (order != NULL && list != NULL)
		decide(plan, keep, order, list);
	else
		rc = sr_fail_memory();
	free(list);
	free(order);
	return rc;
}

void sr_prune_plan_free(sr_prune_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		sr_version_free(plan->steps[i].version);
	free(plan->steps);
	sr_file_free(plan->file);
	*plan = (sr_prune_plan){0};
}

/* ---- New parents ---- */

/* One version on the way to its nearest ancestor that stays. */
typedef struct link {
	int64_t id;
	int64_t parent;
	bool stays;
	bool seen;        /* The way led over it, */
	bool settled;     /* and its end is known: */
	int64_t ancestor; /* what stays, or SR_NULL_INTEGER. */
} link;

static int by_id(const void *a, const void *b)
{
	const link *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static link *find_link(link *links, size_t count, int64_t id)
{
	const link wanted = {.id = id};

	return id == SR_NULL_INTEGER ? NULL : bsearch(&wanted, links, count, sizeof(wanted), by_id);
}

/* Each link is walked over once. A circle, which only damage makes, has no ancestor. */
static void settle_link(link *links, size_t count, link *from)
{
	int64_t ancestor = SR_NULL_INTEGER;
	link *at = from;

	while (at != NULL && !at->stays && !at->seen) {
		at->seen = true;
		at = find_link(links, count, at->parent);
	}
	if (at != NULL && at->stays)
		ancestor = at->id;
	else if (at != NULL && at->settled)
		ancestor = at->ancestor;
	for (at = from; at != NULL && !at->stays && at->seen && !at->settled;
	     at = find_link(links, count, at->parent)) {
		at->settled = true;
		at->ancestor = ancestor;
	}
}

static link *make_links(const sr_prune_plan *plan)
{
	link *links = malloc(plan->count * sizeof(*links));

	if (links == NULL)
		return NULL;
	for (size_t i = 0; i < plan->count; i++)
		links[i] = (link){.id = plan->steps[i].version->id,
				  .parent = plan->steps[i].version->parent,
				  .stays = plan->steps[i].kept != 0};
	qsort(links, plan->count, sizeof(*links), by_id);
	for (size_t i = 0; i < plan->count; i++)
		settle_link(links, plan->count, &links[i]);
	return links;
}

/* ---- Letting go ---- */

static sr_status bequeath(sr_stmt *stmt, const link *gone)
{
	sr_bind_integer(stmt, 1, gone->id);
	sr_bind_integer(stmt, 2, gone->ancestor);
	return sr_run(stmt);
}

static sr_status delete_version(sr_stmt *stmt, const link *gone)
{
	sr_bind_integer(stmt, 1, gone->id);
	return sr_run(stmt);
}

static sr_status recount(sr_conn *conn, int64_t row)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_prepare(conn,
			"UPDATE files SET TotalVersions = (SELECT count(*) FROM file_versions v"
			" WHERE v.FileID = files.ID) WHERE rowid = $1",
			&stmt);
	if (rc != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, row);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

sr_status sr_prune_plan_apply(sr_conn *conn, const sr_prune_plan *plan)
{
	sr_stmt *children = NULL, *deletion = NULL;
	link *links;
	sr_status rc;

	if (plan->pruned == 0)
		return SR_OK;
	if ((links = make_links(plan)) == NULL)
		return sr_fail_memory();
	rc = sr_prepare(conn,
			"UPDATE file_versions SET ParentVersionID = $2 WHERE ParentVersionID = $1",
			&children);
	if (rc != SR_OK)
		goto err0;
	if ((rc = sr_prepare(conn, "DELETE FROM file_versions WHERE ID = $1", &deletion)) != SR_OK)
		goto err1;
	for (size_t i = 0; rc == SR_OK && i < plan->count; i++) {
		if (links[i].stays)
			continue;
		if ((rc = bequeath(children, &links[i])) == SR_OK)
			rc = delete_version(deletion, &links[i]);
	}
	if (rc == SR_OK)
		rc = recount(conn, plan->row);

	sr_stmt_done(deletion);
err1:
	sr_stmt_done(children);
err0:
	free(links);
	return rc;
}
