/* Pruning: whose versions, file by file, in transactions of bounded size. */
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "prune_file.h"

/* Of one transaction. A file is never split, however many versions it has. */
#define CHUNK_FILES    128
#define CHUNK_VERSIONS 2048

/* Whose versions are looked at. */
typedef struct target {
	sr_id client;
	sr_text name; /* Owned. */
	sr_keep keep;
} target;

typedef struct pruning {
	sr_catalog *catalog;
	const sr_prune_options *options;
	sr_prune_summary summary;
	target *targets;
	size_t target_count;
	char now[SR_TIME_TEXT_SIZE];

	/* The chunk at hand: */
	const target *target;
	int64_t activity;          /* The target's row as it is committed; 0: none yet. */
	int64_t extended;          /* And as this chunk leaves it. */
	int64_t rows[CHUNK_FILES]; /* Of files. */
	size_t count;              /* Of rows that wait. */
	sr_prune_plan plans[CHUNK_FILES];
	size_t planned; /* Plans made in this chunk: of the first rows. */
} pruning;

/* ---- Whose ---- */

static sr_status add_target(pruning *work, const sr_id *client, sr_text name, const sr_keep *keep)
{
	target *more = realloc(work->targets, (work->target_count + 1) * sizeof(*more));
	char *copy;

	if (more == NULL)
		return sr_fail_memory();
	work->targets = more;
	if ((copy = malloc(name.length + 1)) == NULL)
		return sr_fail_memory();
	if (name.length > 0)
		memcpy(copy, name.data, name.length);
	copy[name.length] = '\0';
	work->targets[work->target_count++] =
		(target){.client = *client, .name = {copy, name.length}, .keep = *keep};
	return SR_OK;
}

static sr_status add_named(pruning *work, const sr_id *client)
{
	sr_policy *policy = NULL;
	sr_client *known;
	sr_status rc;

	if ((rc = sr_client_find(work->catalog, client, sr_text_of(NULL), SR_CLIENT_NAME,
				 &known)) != SR_OK)
		return rc;
	if (work->options->policies)
		rc = sr_policy_get(work->catalog, client, &policy);
	if (rc == SR_OK)
		rc = add_target(work, client, known->name,
				policy != NULL ? &policy->keep : work->options->keep);
	sr_policy_free(policy);
	sr_client_free(known);
	return rc;
}

static sr_status add_policies(pruning *work)
{
	const sr_policy *policy;
	sr_policies *cursor;
	sr_status rc;

	if ((rc = sr_policy_list(work->catalog, &cursor)) != SR_OK)
		return rc;
	while ((rc = sr_policies_next(cursor, &policy)) == SR_OK && policy != NULL) {
		if ((rc = add_target(work, &policy->client_id, policy->client_name,
				     &policy->keep)) != SR_OK)
			break;
	}
	sr_policies_close(cursor);
	return rc;
}

static sr_status add_everybody(pruning *work)
{
	const sr_client *client;
	sr_clients *cursor;
	sr_status rc;

	if ((rc = sr_client_list_fields(work->catalog, false, SR_CLIENT_NAME, &cursor)) != SR_OK)
		return rc;
	while ((rc = sr_clients_next(cursor, &client)) == SR_OK && client != NULL) {
		if ((rc = add_target(work, &client->id, client->name, work->options->keep)) !=
		    SR_OK)
			break;
	}
	sr_clients_close(cursor);
	return rc;
}

static sr_status find_targets(pruning *work)
{
	const sr_prune_options *options = work->options;
	sr_status rc = SR_OK;

	if (options->client_count == 0)
		rc = options->policies ? add_policies(work) : add_everybody(work);
	if (rc == SR_OK && options->policies && work->target_count == 0 &&
	    options->client_count == 0)
		rc = sr_fail(SR_NOT_FOUND, "no client has a retention policy; set one with: "
					   "strongroom prune policy set CLIENT --keep-…");
	for (size_t i = 0; rc == SR_OK && i < options->client_count; i++)
		rc = add_named(work, &options->clients[i]);
	/* What somebody else wrote into the table is checked like what a caller gives. */
	for (size_t i = 0; rc == SR_OK && i < work->target_count; i++)
		rc = sr_keep_check(&work->targets[i].keep);
	return rc;
}

static void free_targets(pruning *work)
{
	for (size_t i = 0; i < work->target_count; i++)
		free((char *)(uintptr_t)work->targets[i].name.data);
	free(work->targets);
}

/* ---- A chunk ---- */

static void forget_plans(pruning *work)
{
	for (size_t i = 0; i < work->planned; i++)
		sr_prune_plan_free(&work->plans[i]);
	work->planned = 0;
}

/* Plans as many of the rows as belong into one transaction. */
static sr_status plan_chunk(pruning *work, sr_conn *conn, const sr_shape *shape)
{
	size_t versions = 0;

	forget_plans(work);
	while (work->planned < work->count && versions < CHUNK_VERSIONS) {
		sr_prune_plan *plan = &work->plans[work->planned];
		sr_status rc;

		rc = sr_prune_plan_make(conn, shape, &work->target->client,
					work->rows[work->planned++], &work->target->keep, plan);
		if (rc != SR_OK)
			return rc;
		versions += plan->count;
	}
	return SR_OK;
}

static sr_status prune_chunk(sr_conn *conn, void *arg)
{
	pruning *work = arg;
	int64_t files = 0, bytes = 0;
	sr_status rc;

	if ((rc = plan_chunk(work, conn, NULL)) != SR_OK)
		return rc;
	for (size_t i = 0; i < work->planned; i++) {
		const sr_prune_plan *plan = &work->plans[i];

		if (plan->pruned == 0)
			continue;
		if ((rc = sr_prune_plan_apply(conn, plan)) != SR_OK)
			return rc;
		files++;
		bytes = sr_prune_sum(bytes, plan->bytes);
	}
	work->extended = work->activity;
	if (files == 0)
		return SR_OK;
	return sr_activity_extend(conn, &work->extended, &work->target->client, SR_ACTIVITY_PRUNE,
				  files, bytes, work->now);
}

/* Run again or not, only what is committed has a row to go on with. */
static sr_status write_chunk(pruning *work)
{
	sr_status rc = sr_catalog_write(work->catalog, SR_HERE, prune_chunk, work);

	if (rc == SR_OK)
		work->activity = work->extended;
	return rc;
}

static sr_status plan_only(pruning *work)
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(work->catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	rc = plan_chunk(work, reading.conn, &reading.shape);
	sr_reading_end(&reading);
	return rc;
}

/* ---- What was done ---- */

static bool tell(pruning *work, const sr_prune_plan *plan)
{
	const sr_file *file = plan->file;
	sr_prune_version told = {
		.client_name = work->target->name,
		.file = file->original_path.data ? file->original_path : file->name,
		.keep = &work->target->keep,
	};
	bool stop = false;

	for (size_t i = 0; work->options->each != NULL && i < plan->count; i++) {
		told.version = plan->steps[i].version;
		told.kept = plan->steps[i].kept;
		stop = work->options->each(work->options->arg, &told) || stop;
	}
	return stop;
}

static sr_status finish_chunk(pruning *work)
{
	sr_prune_summary *summary = &work->summary;
	bool stop = false;

	for (size_t i = 0; i < work->planned; i++) {
		const sr_prune_plan *plan = &work->plans[i];

		/* Saved anew as another file's meanwhile, or pruned by somebody else. */
		if (plan->file == NULL || plan->count < 2)
			continue;
		summary->files++;
		summary->pruned += (int64_t)plan->pruned;
		summary->kept += (int64_t)(plan->count - plan->pruned);
		summary->bytes = sr_prune_sum(summary->bytes, plan->bytes);
		if (work->options->delete_stored && !work->options->dry_run)
			sr_prune_stored(work->catalog, plan, summary);
		stop = tell(work, plan) || stop;
	}
	if (work->options->progress != NULL &&
	    work->options->progress(work->options->arg, summary->files, 0))
		stop = true;
	work->count -= work->planned;
	memmove(work->rows, work->rows + work->planned, work->count * sizeof(work->rows[0]));
	forget_plans(work);
	return stop ? sr_fail(SR_INTERRUPTED, "pruning was stopped after %lld %s",
			      (long long)summary->files, sr_plural(summary->files, "file", "files"))
		    : SR_OK;
}

static sr_status do_rows(pruning *work)
{
	sr_status rc = SR_OK;

	while (rc == SR_OK && work->count > 0) {
		rc = work->options->dry_run ? plan_only(work) : write_chunk(work);
		if (rc == SR_OK)
			rc = finish_chunk(work);
	}
	forget_plans(work);
	work->count = 0;
	return rc;
}

/* ---- Which files ---- */

static sr_status read_rows(pruning *work, const sr_reading *reading, int64_t after)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	sr_buffer_printf(&sql,
			 "SELECT f.row_number FROM %s f WHERE f.ClientID = $1"
			 " AND f.row_number > $2 AND (SELECT count(*) FROM file_versions v"
			 " WHERE v.FileID = f.ID) > 1 ORDER BY f.row_number LIMIT %d",
			 reading->shape.files, CHUNK_FILES);
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(reading->conn, sql.data, &stmt)) != SR_OK)
		goto err0;
	sr_bind_id(stmt, 1, &work->target->client);
	sr_bind_integer(stmt, 2, after);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		work->rows[work->count++] = sr_column_integer(stmt, 0);
	sr_stmt_done(stmt);

err0:
	sr_buffer_free(&sql);
	return rc;
}

static sr_status find_one(pruning *work, const sr_reading *reading)
{
	sr_stmt *stmt;
	sr_status rc;

	rc = sr_file_seek(reading->conn, &reading->shape, &work->target->client,
			  work->options->file, &stmt);
	if (rc != SR_OK)
		return rc;
	if (reading->shape.has_versions)
		work->rows[work->count++] = sr_file_row(stmt);
	return sr_stmt_end(stmt, rc);
}

/* The next files that have something to decide about; none at the end. */
static sr_status next_rows(pruning *work, int64_t after)
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(work->catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if (work->options->file.data != NULL)
		rc = find_one(work, &reading);
	else if (reading.shape.has_versions)
		rc = read_rows(work, &reading, after);
	sr_reading_end(&reading);
	return rc;
}

static sr_status prune_client(pruning *work)
{
	int64_t after = INT64_MIN + 1;
	bool more = true;
	sr_status rc;

	while (more) {
		if ((rc = next_rows(work, after)) != SR_OK)
			return rc;
		more = work->count == CHUNK_FILES;
		if (more)
			after = work->rows[CHUNK_FILES - 1];
		if ((rc = do_rows(work)) != SR_OK)
			return rc;
	}
	work->summary.clients++;
	return SR_OK;
}

/* ---- The call ---- */

static sr_status check(sr_catalog *catalog, const sr_prune_options *options)
{
	sr_status rc;

	if (options->version != SR_PRUNE_OPTIONS_VERSION)
		return sr_fail(SR_INVALID,
			       "sr_prune_options of version %u, not %d: sr_prune_options_init it",
			       options->version, SR_PRUNE_OPTIONS_VERSION);
	if (options->policies == (options->keep != NULL))
		return sr_fail(SR_INVALID, "prune takes either keep rules or policies, %s",
			       options->policies ? "not both" : "and there is neither");
	if (options->keep != NULL && (rc = sr_keep_check(options->keep)) != SR_OK)
		return rc;
	if (options->keep != NULL && !sr_keep_any(options->keep))
		return sr_fail(SR_INVALID, "prune without any keep rule would delete all versions "
					   "but the current ones: say what to keep, such as last");
	if (options->file.data != NULL && options->client_count != 1)
		return sr_fail(SR_INVALID, "file %s alone is pruned of one client, not of %zu",
			       sr_quoted(options->file), options->client_count);
	if (options->file.data != NULL && (rc = sr_file_check_key(options->file)) != SR_OK)
		return rc;
	if (options->dry_run)
		return SR_OK;
	if (options->delete_stored && sr_pool_in_transaction(catalog->pool))
		return sr_fail(SR_INVALID, "stored files are not deleted inside a transaction: a "
					   "rollback could not bring them back");
	return sr_catalog_writable(catalog);
}

sr_status sr_prune(sr_catalog *catalog, const sr_prune_options *options, sr_prune_summary *summary)
{
	pruning *work;
	sr_status rc;

	if (summary != NULL)
		*summary = (sr_prune_summary){0};
	if ((rc = check(catalog, options)) != SR_OK)
		return sr_return(rc);
	if ((work = calloc(1, sizeof(*work))) == NULL)
		return sr_return(sr_fail_memory());
	work->catalog = catalog;
	work->options = options;
	sr_time_format(sr_time_now(), work->now);
	rc = find_targets(work);
	for (size_t i = 0; rc == SR_OK && i < work->target_count; i++) {
		work->target = &work->targets[i];
		work->activity = 0;
		rc = prune_client(work);
	}
	if (summary != NULL)
		*summary = work->summary;
	free_targets(work);
	free(work);
	return sr_return(rc);
}

void sr_prune_options_init(sr_prune_options *options)
{
	*options = (sr_prune_options){.version = SR_PRUNE_OPTIONS_VERSION};
}
