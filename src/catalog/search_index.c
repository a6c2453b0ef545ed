#include "search_index.h"

#include <stdlib.h>

#include "../index/forget.h"
#include "../index/segment.h"
#include "file.h"

/* Rows of the tail at which a step is made: reading so many takes a few milliseconds. */
#define STEP_ROWS 4096

/* A step in the midst of other writes takes so many, and more where it is far behind. */
#define STEP_MOST 8192
#define FAR_ROWS  65536
#define FAR_MOST  16384

/* Changed rows cost a search more: a step is made at this share of them. It takes so many. */
#define CHANGES_SHARE 4
#define CHANGES_MOST  4096

/* More slots than files by this share, and it is made anew when the whole is built. */
#define LOOSE_SHARE 4

/* Neighbouring segments of about a size become one when there are so many. */
#define MERGE_SEGMENTS 8

/* Those sizes, in chunks. Merging larger ones takes longer than a write should wait: they are left
 * to the building of the whole. */
static const int64_t merge_sizes[] = {2, 16, 64};

void sr_index_set_step(sr_catalog *catalog, int64_t rows)
{
	catalog->index_step = rows > 0 ? rows : STEP_ROWS;
}

/* ---- Whether it can be used ---- */

bool sr_index_believed(const sr_reading *reading)
{
	return reading->shape.latest && reading->shape.searchable &&
	       !reading->catalog->index_damaged && !sr_catalog_distrusted(reading->catalog);
}

void sr_index_distrust(sr_catalog *catalog)
{
	if (!atomic_exchange(&catalog->index_damaged, true))
		sr_log("catalog", SR_LOG_WARNING,
		       "%s: files are read one by one until it is made anew, by the next write of "
		       "this program, by `strongroom optimize` or by `strongroom repair`",
		       sr_error_message());
}

sr_status sr_index_appends(sr_conn *conn, bool *appends)
{
	int64_t yes = 0;
	sr_status rc;

	rc = sr_query_integer(conn,
			      "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name ="
			      " 'files'), 0), coalesce((SELECT max(RowKey) FROM files), 0))"
			      " >= coalesce((SELECT Through FROM search_state), 0)",
			      &yes);
	*appends = yes != 0;
	return rc;
}

/* ---- Its rows ---- */

sr_status sr_index_empty(sr_conn *conn)
{
	sr_status rc;

	if ((rc = sr_index_clear(conn)) != SR_OK)
		return rc;
	/* Keys that are no larger than the one it begins behind. */
	return sr_exec(conn, "INSERT INTO search_changes (RowKey) SELECT f.RowKey FROM files f"
			     " WHERE f.RowKey <= (SELECT s.Through FROM search_state s)");
}

sr_status sr_index_behind(sr_conn *conn, int64_t through, int64_t most, int64_t *behind)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*behind = 0;
	if ((rc = sr_prepare(conn,
			     "SELECT count(*) FROM (SELECT 1 FROM files WHERE RowKey > $1"
			     " ORDER BY RowKey LIMIT $2)",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, through);
	sr_bind_integer(stmt, 2, most);
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*behind = sr_column_integer(stmt, 0);
	return sr_stmt_end(stmt, rc);
}

void sr_index_row_take(sr_stmt *stmt, sr_index_row *row)
{
	sr_text path = sr_column_text(stmt, 1), original = sr_column_text(stmt, 2);
	sr_text name = sr_column_text(stmt, 3);
	int64_t instant;

	*row = (sr_index_row){.key = sr_column_integer(stmt, 0), .date = SR_NULL_INTEGER};
	row->texts[0] = original.data != NULL ? original : path;
	if (original.data != NULL && !sr_text_equal(path, original))
		row->texts[1] = path;
	/* What the end of a path holds, the path holds. */
	if (!sr_file_ends_in_name(path, name) && !sr_file_ends_in_name(original, name))
		row->texts[2] = name;
	if (sr_file_instant(sr_column_text(stmt, 4), &instant))
		row->date = instant;
}

/* ---- A step ---- */

typedef struct step {
	sr_catalog *catalog;
	int64_t most; /* Rows of the tail to take; 0: as it sees fit. */
	bool anew;    /* Forget what there is. */

	/* Of the run at hand: */
	sr_conn *conn;
	sr_index_state state;
	sr_index_run *run;
	int64_t changes[CHANGES_MOST];
	size_t change_count;

	int64_t taken;  /* Rows that were indexed. */
	int64_t behind; /* Rows that are left, or FAR_ROWS where those are more. */
} step;

/* Puts the row that the statement stands on into the run. */
static sr_status add_row(step *s, sr_stmt *stmt)
{
	sr_index_row row;

	sr_index_row_take(stmt, &row);
	s->taken++;
	return sr_index_run_add(s->run, &row);
}

static sr_status add_tail(step *s, int64_t most)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	if ((rc = sr_prepare(s->conn, SR_INDEX_ROWS " WHERE RowKey > $1 ORDER BY RowKey LIMIT $2",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, s->state.through);
	sr_bind_integer(stmt, 2, most);
	while (!sr_index_run_full(s->run) && (rc = sr_step(stmt, &row)) == SR_OK && row) {
		if ((rc = add_row(s, stmt)) != SR_OK)
			break;
		s->state.through = sr_column_integer(stmt, 0);
	}
	return sr_stmt_end(stmt, rc);
}

/* The changed rows leave their old places, and those that are still there get new ones. */
static sr_status read_changes(step *s)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	s->change_count = 0;
	if ((rc = sr_prepare(s->conn,
			     "SELECT RowKey FROM search_changes WHERE RowKey > " SR_LEAST_KEY
			     " ORDER BY RowKey LIMIT $1",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, CHANGES_MOST);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		s->changes[s->change_count++] = sr_column_integer(stmt, 0);
	return sr_stmt_end(stmt, rc);
}

static sr_status add_changed(step *s)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row = false;

	if ((rc = sr_prepare(s->conn, SR_INDEX_ROWS " WHERE RowKey = $1", &stmt)) != SR_OK)
		return rc;
	for (size_t i = 0; i < s->change_count && rc == SR_OK; i++) {
		sr_bind_integer(stmt, 1, s->changes[i]);
		if ((rc = sr_step(stmt, &row)) == SR_OK && row && (rc = add_row(s, stmt)) == SR_OK)
			rc = sr_step(stmt, &row); /* To its end. */
	}
	return sr_stmt_end(stmt, rc);
}

static sr_status forget_changes(step *s)
{
	sr_stmt *stmt;
	sr_status rc;

	if ((rc = sr_prepare(
		     s->conn,
		     "DELETE FROM search_changes WHERE RowKey <= $1 AND RowKey > " SR_LEAST_KEY,
		     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, s->changes[s->change_count - 1]);
	rc = sr_run(stmt);
	sr_stmt_done(stmt);
	return rc;
}

static sr_status take_changes(step *s)
{
	sr_status rc;

	if ((rc = read_changes(s)) != SR_OK)
		return rc;
	/* A few are not worth looking for their places. */
	if (s->change_count == 0 ||
	    (s->most == 0 && (int64_t)s->change_count < s->catalog->index_step / CHANGES_SHARE))
		return SR_OK;
	if ((rc = sr_index_forget(s->conn, s->changes, s->change_count)) != SR_OK ||
	    (rc = add_changed(s)) != SR_OK)
		return rc;
	return forget_changes(s);
}

/* Merges the last segments, as long as there are enough of about a size. */
static sr_status merge(step *s)
{
	sr_status rc = SR_OK;

	for (size_t i = 0; i < sizeof(merge_sizes) / sizeof(merge_sizes[0]) && rc == SR_OK; i++) {
		size_t first;

		sr_index_state_free(&s->state);
		if ((rc = sr_index_state_read(s->conn, &s->state)) != SR_OK)
			return rc;
		first = s->state.segment_count;
		while (first > 0 && s->state.segments[first - 1].chunks <= merge_sizes[i])
			first--;
		if (s->state.segment_count - first >= MERGE_SEGMENTS)
			rc = sr_segment_merge(s->conn, &s->state.segments[first],
					      s->state.segment_count - first);
	}
	return rc;
}

/* The index as it is, or an empty one where that is of no use. */
static sr_status take_state(step *s)
{
	bool damaged = s->anew || s->catalog->index_damaged;
	sr_status rc = SR_OK;

	sr_index_state_free(&s->state);
	if (!damaged) {
		rc = sr_index_state_read(s->conn, &s->state);
		damaged = rc == SR_CORRUPT || (rc == SR_OK && !s->state.usable);
	}
	if (!damaged)
		return rc;
	sr_index_state_free(&s->state);
	if ((rc = sr_index_empty(s->conn)) != SR_OK)
		return rc;
	return sr_index_state_read(s->conn, &s->state);
}

static int64_t tail_share(const step *s, int64_t behind)
{
	if (s->most > 0)
		return s->most;
	if (behind >= FAR_ROWS)
		return FAR_MOST;
	if (behind < s->catalog->index_step)
		return 0;
	/* Whole chunks. */
	return behind < STEP_ROWS ? behind
				  : (behind > STEP_MOST ? STEP_MOST : behind & ~INT64_C(2047));
}

static sr_status take_rows(step *s)
{
	int64_t behind;
	sr_status rc;

	s->behind = 0;
	if ((rc = take_state(s)) != SR_OK ||
	    (rc = sr_index_behind(s->conn, s->state.through, FAR_ROWS, &behind)) != SR_OK ||
	    (rc = take_changes(s)) != SR_OK)
		return rc;
	if (behind == 0 && s->change_count == 0)
		return SR_OK;
	if (tail_share(s, behind) > 0 && (rc = add_tail(s, tail_share(s, behind))) != SR_OK)
		return rc;
	if ((rc = sr_index_run_write(s->run, s->conn, &s->state.next_chunk)) != SR_OK ||
	    (rc = sr_index_state_write(s->conn, &s->state)) != SR_OK)
		return rc;
	return sr_index_behind(s->conn, s->state.through, FAR_ROWS, &s->behind);
}

/* An sr_operation: what it did before is undone when it is run again. */
static sr_status make_step(sr_conn *conn, void *arg)
{
	step *s = arg;
	sr_status rc;

	s->conn = conn;
	s->taken = 0;
	if ((rc = sr_index_run_new(&s->run)) != SR_OK)
		return rc;
	if ((rc = take_rows(s)) == SR_OK)
		rc = merge(s);
	sr_index_run_free(s->run);
	sr_index_state_free(&s->state);
	return rc;
}

/* In a transaction. What turns out to be damaged on the way is made anew. */
static sr_status write_step(step *s)
{
	bool damaged = s->catalog->index_damaged;
	sr_status rc = sr_catalog_write(s->catalog, "search index", make_step, s);

	if (rc == SR_CORRUPT && !damaged) {
		sr_index_distrust(s->catalog);
		damaged = true;
		rc = sr_catalog_write(s->catalog, "search index", make_step, s);
	}
	if (rc == SR_OK && damaged)
		s->catalog->index_damaged = false;
	return rc;
}

/* ---- When one is made ---- */

/* Whether there is enough for one: a read, so that writers need not wait for the answer. */
static sr_status is_due(sr_catalog *catalog, bool *due, int64_t *behind)
{
	sr_index_state state = {0};
	sr_reading reading = {0};
	const int64_t most = catalog->index_step;
	int64_t changes = 0;
	sr_status rc;

	*due = false;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if (!reading.shape.latest || !reading.shape.searchable)
		goto out;
	if ((rc = sr_index_state_read(reading.conn, &state)) == SR_CORRUPT ||
	    (rc == SR_OK && !state.usable)) {
		*due = true;
		rc = SR_OK;
		goto out;
	}
	if (rc == SR_OK &&
	    (rc = sr_index_behind(reading.conn, state.through, most, behind)) == SR_OK)
		rc = sr_query_integer(
			reading.conn,
			"SELECT count(*) FROM (SELECT 1 FROM search_changes LIMIT 1024)", &changes);
	*due = *behind >= most || changes >= most / CHANGES_SHARE;
out:
	sr_index_state_free(&state);
	sr_reading_end(&reading);
	return rc;
}

static sr_status tend(sr_catalog *catalog)
{
	step *s;
	int64_t behind = 0;
	sr_status rc;
	bool due = catalog->index_damaged;

	if (!due && (rc = is_due(catalog, &due, &behind)) != SR_OK)
		return rc;
	if (!due) {
		catalog->unindexed = behind;
		return SR_OK;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return sr_fail_memory();
	s->catalog = catalog;
	if ((rc = write_step(s)) == SR_OK)
		catalog->unindexed = s->behind;
	free(s);
	return rc;
}

static void log_behind(void)
{
	sr_log("catalog", SR_LOG_WARNING,
	       "the search index stays behind, and searches are slower: %s", sr_error_message());
}

void sr_index_tend(sr_catalog *catalog, int64_t rows)
{
	int64_t behind;
	sr_status rc;

	if (sr_pool_in_transaction(catalog->pool)) {
		catalog->brought += rows;
		return;
	}
	behind = atomic_fetch_add(&catalog->unindexed, rows) + rows;
	if ((behind < catalog->index_step && !catalog->index_damaged) ||
	    atomic_exchange(&catalog->indexing, true))
		return;
	sr_catalog_keep(catalog);
	sr_cancel_hold();
	/* Who brings many rows makes many steps. */
	do {
		if ((rc = tend(catalog)) != SR_OK)
			log_behind();
		rows -= STEP_MOST;
	} while (rc == SR_OK && rows > 0 && catalog->unindexed >= catalog->index_step);
	sr_cancel_resume();
	catalog->indexing = false;
	sr_catalog_let_go(catalog);
}

void sr_index_end(sr_catalog *catalog, bool committed)
{
	const int64_t rows = atomic_exchange(&catalog->brought, 0);

	if (committed && rows > 0)
		sr_index_tend(catalog, rows);
}

/* ---- The whole of it ---- */

/* One segment of all. */
static sr_status merge_all(sr_conn *conn, void *arg)
{
	sr_index_state state;
	sr_status rc;

	(void)arg;
	if ((rc = sr_index_state_read(conn, &state)) != SR_OK)
		return rc;
	if (state.segment_count > 1)
		rc = sr_segment_merge(conn, state.segments, state.segment_count);
	sr_index_state_free(&state);
	return rc;
}

/* Whether it is damaged, or much of what it will hold is of rows that are not there any more. */
static sr_status is_worn(sr_catalog *catalog, bool *worn)
{
	int64_t slots = 0, behind = 0, files = 0;
	sr_reading reading = {0};
	sr_index_state state;
	sr_status rc;

	*worn = false;
	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	/* Of an older version there is none; the step that follows says so. */
	if (reading.shape.latest && (rc = sr_index_state_read(reading.conn, &state)) == SR_OK) {
		if ((rc = sr_index_slots(reading.conn, &state, &slots)) == SR_OK &&
		    (rc = sr_index_behind(reading.conn, state.through, INT64_MAX, &behind)) ==
			    SR_OK &&
		    (rc = sr_query_integer(reading.conn,
					   "SELECT coalesce(sum(Files), 0) FROM client_usage",
					   &files)) == SR_OK)
			*worn = slots + behind > files + files / LOOSE_SHARE;
		sr_index_state_free(&state);
	}
	sr_reading_end(&reading);
	if (rc != SR_CORRUPT)
		return rc;
	*worn = true;
	return SR_OK;
}

static sr_status build(step *s, sr_progress_fn progress, void *arg, int64_t *rows)
{
	sr_status rc;

	s->most = INT32_MAX;
	*rows = 0;
	for (;;) {
		if ((rc = write_step(s)) != SR_OK)
			return rc;
		s->anew = false;
		*rows += s->taken;
		if (s->behind == 0 && s->change_count < CHANGES_MOST)
			break;
		if (progress != NULL && progress(arg, *rows, 0))
			return sr_fail(SR_INTERRUPTED,
				       "the search index was not brought up to its end; %lld more "
				       "%s in it",
				       (long long)*rows, sr_plural(*rows, "file is", "files are"));
	}
	s->catalog->unindexed = 0;
	return sr_catalog_write(s->catalog, "search index", merge_all, NULL);
}

sr_status sr_index_build(sr_catalog *catalog, bool anew, sr_progress_fn progress, void *arg,
			 int64_t *rows)
{
	step *s;
	sr_status rc;

	*rows = 0;
	if (!anew && (rc = is_worn(catalog, &anew)) != SR_OK)
		return rc;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return sr_fail_memory();
	s->catalog = catalog;
	s->anew = anew;
	if ((rc = build(s, progress, arg, rows)) == SR_CORRUPT && !s->catalog->index_damaged) {
		sr_index_distrust(s->catalog);
		rc = build(s, progress, arg, rows);
	}
	free(s);
	return rc;
}

static sr_status check_searchable(sr_catalog *catalog)
{
	sr_reading reading = {0};
	sr_status rc;

	if ((rc = sr_reading_begin(catalog, SR_HERE, &reading)) != SR_OK)
		return rc;
	if (reading.shape.latest && !reading.shape.searchable)
		rc = sr_fail(SR_CORRUPT,
			     "%s lacks a table or a trigger of its search index: `strongroom "
			     "repair` makes what is missing",
			     sr_quoted(sr_text_of(sr_conn_path(reading.conn))));
	sr_reading_end(&reading);
	return rc;
}

sr_status sr_search_index_build(sr_catalog *catalog, bool anew, sr_progress_fn progress, void *arg,
				int64_t *rows)
{
	int64_t count = 0;
	sr_status rc;

	sr_catalog_keep(catalog);
	if (sr_pool_in_transaction(catalog->pool))
		rc = sr_fail(SR_INVALID, "the search index is not built inside a transaction: end "
					 "the one that this thread has open");
	else if ((rc = check_searchable(catalog)) == SR_OK)
		rc = sr_index_build(catalog, anew, progress, arg, &count);
	sr_catalog_let_go(catalog);
	if (rows != NULL)
		*rows = count;
	return sr_return(rc);
}

void sr_index_catch_up(sr_catalog *catalog, sr_progress_fn progress, void *arg)
{
	int64_t behind = 0, rows;
	sr_status rc;
	bool due;

	if ((rc = is_due(catalog, &due, &behind)) == SR_OK && due)
		rc = sr_index_build(catalog, false, progress, arg, &rows);
	if (rc != SR_OK)
		log_behind();
}
