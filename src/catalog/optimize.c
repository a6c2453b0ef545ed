/*
 * The database made compact, and what the engine knows of its values renewed.
 *
 * In the order of the calls below: the search index is brought up to the last file and made one
 * piece; the log comes in, so that the file is what is measured; the
 * schema's room makes it compact; the log comes in again, and with it the file gets shorter; then
 * the one small commit that begins the log anew and so cuts it as well.
 */
#include "activity.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../base/clock.h"
#include "search_index.h"

/* How long readers that hold the log back are waited for. */
#define PATIENCE_SECONDS  5
#define PAUSE_NANOSECONDS 50000000

/* Rows that are looked at for each index: enough to choose by, and quick at any size. */
#define RENEW "PRAGMA analysis_limit = 1000; ANALYZE; PRAGMA analysis_limit = 0"

typedef struct optimizing {
	sr_catalog *catalog;
	sr_conn *conn; /* The writer. */
	const sr_optimize_options *options;
	sr_optimized *result;
	sr_status status; /* Of the first step that failed. */
} optimizing;

void sr_optimize_options_init(sr_optimize_options *options)
{
	*options = (sr_optimize_options){.version = SR_OPTIMIZE_OPTIONS_VERSION};
}

/* ---- What it takes ---- */

sr_status sr_optimize_needs_get(sr_catalog *catalog, sr_optimize_needs *needs)
{
	sr_reading reading = {0};
	sr_compact_needs found;
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, "sr_optimize_needs_get", &reading)) == SR_OK &&
	    (rc = sr_schema_compact_needs(reading.conn, &found)) == SR_OK)
		*needs = (sr_optimize_needs){found.size, found.compact, found.needed,
					     found.available};
	sr_reading_end(&reading);
	return sr_return(rc);
}

/* ---- The steps ---- */

/* Keeps the words of a step that failed. */
static void note(optimizing *o, sr_status rc, const char *step)
{
	sr_optimized *result = o->result;

	if (o->status == SR_OK)
		o->status = rc;
	if (result->error_count < SR_OPTIMIZE_STEPS)
		snprintf(result->errors[result->error_count++], sizeof(result->errors[0]), "%s: %s",
			 step, sr_error_message());
}

/* The caller's progress counts pages: here it only cancels. */
static bool is_cancelled(void *arg, int64_t done, int64_t total)
{
	const optimizing *o = arg;

	(void)done;
	(void)total;
	return o->options->progress != NULL && o->options->progress(o->options->progress_arg, 0, 0);
}

/* Databases of other versions have none. */
static sr_status build_index(optimizing *o)
{
	int64_t rows;
	sr_status rc;

	if (o->options->analyze_only || sr_catalog_writable(o->catalog) != SR_OK)
		return SR_OK;
	if ((rc = sr_index_build(o->catalog, false, is_cancelled, o, &rows)) != SR_OK)
		note(o, rc, "search index");
	else
		o->result->search_index_built = true;
	return rc;
}

static sr_status measure(const optimizing *o, int64_t *bytes)
{
	struct stat st;

	if (stat(o->catalog->settings.path, &st) != 0)
		return sr_fail_errno(errno, "%s cannot be looked at",
				     sr_quoted(sr_text_of(o->catalog->settings.path)));
	*bytes = st.st_size;
	return SR_OK;
}

/* Whether the file is still longer than its pages ask for. */
static sr_status is_long(const optimizing *o, bool *is)
{
	int64_t pages, page, bytes;
	sr_status rc;

	if ((rc = sr_query_integer(o->conn, "PRAGMA page_count", &pages)) != SR_OK ||
	    (rc = sr_query_integer(o->conn, "PRAGMA page_size", &page)) != SR_OK ||
	    (rc = measure(o, &bytes)) != SR_OK)
		return rc;
	*is = bytes > pages * page;
	return SR_OK;
}

/* Readers that began before still need the long file; they are given time to end. */
static sr_status shorten(optimizing *o)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NANOSECONDS};
	double timeout = o->catalog->settings.timeout;
	double patience = timeout < PATIENCE_SECONDS ? timeout : PATIENCE_SECONDS;
	int64_t until = sr_clock_ns() + (int64_t)(patience * 1e9);
	sr_status rc;
	bool is;

	for (;;) {
		if ((rc = sr_pool_checkpoint(o->catalog->pool)) != SR_OK ||
		    (rc = is_long(o, &is)) != SR_OK || !is)
			return rc;
		if (sr_clock_ns() > until)
			return sr_fail(
				SR_BUSY,
				"%s is compact, but a reader that began before holds its "
				"file long; it shrinks by itself after that reader has ended",
				sr_quoted(sr_text_of(o->catalog->settings.path)));
		nanosleep(&pause, NULL);
	}
}

static sr_status vacuum(optimizing *o)
{
	sr_status rc;

	rc = sr_schema_compact(o->conn, o->options->progress, o->options->progress_arg);
	if (rc != SR_OK) {
		note(o, rc, "vacuum");
		return rc;
	}
	o->result->vacuum_performed = true;
	if ((rc = shorten(o)) != SR_OK)
		note(o, rc, "log");
	return SR_OK;
}

/* What was done, where this version has a table for it. */
static sr_status append(const optimizing *o)
{
	char now[SR_TIME_TEXT_SIZE];
	bool legacy;
	int version;
	sr_status rc;

	if ((rc = sr_schema_version(o->conn, &version, &legacy)) != SR_OK ||
	    version < sr_schema_latest())
		return rc;
	sr_time_format(sr_time_now(), now);
	return sr_activity_append_catalog(o->conn, SR_ACTIVITY_OPTIMIZE,
					  o->result->vacuum_performed ? "vacuum, analyze"
								      : "analyze",
					  o->result->size_before - o->result->size_after, now);
}

static sr_status analyze(optimizing *o)
{
	sr_status rc;

	if ((rc = sr_conn_begin(o->conn, SR_TRANSACTION_WRITE)) == SR_OK &&
	    (rc = sr_exec(o->conn, RENEW)) == SR_OK && (rc = append(o)) == SR_OK)
		rc = sr_conn_commit(o->conn);
	sr_conn_rollback(o->conn);
	if (rc == SR_OK)
		o->result->analyze_performed = true;
	else
		note(o, rc, "analyze");
	return rc;
}

static void settle_sizes(optimizing *o)
{
	sr_optimized *result = o->result;

	result->size_before_mb = (double)result->size_before / 1048576.0;
	result->size_after_mb = (double)result->size_after / 1048576.0;
	result->space_saved_mb = result->size_before_mb - result->size_after_mb;
}

static sr_status run(optimizing *o)
{
	sr_status rc;

	if ((rc = build_index(o)) != SR_OK)
		return rc;
	if ((rc = sr_pool_checkpoint(o->catalog->pool)) != SR_OK ||
	    (rc = measure(o, &o->result->size_before)) != SR_OK) {
		note(o, rc, "log");
		return rc;
	}
	o->result->size_after = o->result->size_before;
	/* What failed may have to do with all that follows: a full disk, a damaged page. */
	if ((o->options->analyze_only || vacuum(o) == SR_OK) &&
	    measure(o, &o->result->size_after) == SR_OK && analyze(o) == SR_OK &&
	    (rc = sr_pool_checkpoint(o->catalog->pool)) != SR_OK)
		note(o, rc, "log");
	if ((rc = measure(o, &o->result->size_after)) != SR_OK)
		return rc;
	settle_sizes(o);
	return o->status;
}

/* The first failed step's words are the call's. */
static void words_of(const optimizing *o)
{
	if (o->status != SR_OK && o->result->error_count > 0)
		sr_error_set(o->result->errors[0]);
}

static sr_status with_writer(optimizing *o)
{
	sr_status rc;

	if ((rc = sr_catalog_changeable(o->catalog)) != SR_OK ||
	    (rc = sr_pool_write(o->catalog->pool, "sr_optimize", &o->conn)) != SR_OK)
		return rc;
	if (sr_conn_in_transaction(o->conn))
		rc = sr_fail(SR_INVALID, "the database cannot be optimized inside a transaction: "
					 "end the one that this thread has open");
	else
		rc = run(o);
	words_of(o);
	sr_pool_release(o->catalog->pool, o->conn);
	return rc;
}

sr_status sr_optimize(sr_catalog *catalog, const sr_optimize_options *options,
		      sr_optimized *optimized)
{
	sr_optimize_options defaults;
	optimizing o = {.catalog = catalog, .options = options, .result = optimized};
	sr_status rc;

	*optimized = (sr_optimized){0};
	if (options == NULL) {
		sr_optimize_options_init(&defaults);
		o.options = &defaults;
	} else if (options->version != SR_OPTIMIZE_OPTIONS_VERSION) {
		return sr_return(sr_fail(SR_INVALID,
					 "sr_optimize_options of version %u, not %d: "
					 "sr_optimize_options_init it",
					 options->version, SR_OPTIMIZE_OPTIONS_VERSION));
	}
	sr_catalog_keep(catalog);
	rc = with_writer(&o);
	sr_catalog_let_go(catalog);
	return sr_return(rc);
}
