/* Check-ups of the search index: is it whole, does it know of every file, is it up to date. */
#include <inttypes.h>
#include <stdlib.h>

#include "../index/audit.h"
#include "faults.h"
#include "health.h"
#include "search_index.h"

/* ---- The rows as they are ---- */

/* Where the audit gets them from. */
typedef struct source {
	sr_stmt *row;
	sr_stmt *change;
	bool standing; /* On a row. */
	sr_watch_fn stop;
	void *arg;
	sr_status failed; /* While files were read, which is no fault of the index. */
} source;

static sr_status has_changed(source *from, int64_t key, bool *changed)
{
	sr_status rc;
	bool row;

	sr_bind_integer(from->change, 1, key);
	if ((rc = sr_step(from->change, changed)) == SR_OK && *changed)
		rc = sr_step(from->change, &row);
	return rc;
}

static sr_status fetch(source *from, int64_t key, sr_index_row *row, bool *known)
{
	sr_status rc;
	bool changed;

	if (from->stop(from->arg))
		return sr_fail(SR_INTERRUPTED, "the search index was not looked at to its end");
	if (from->standing && (rc = sr_step(from->row, &from->standing)) != SR_OK)
		return rc;
	sr_bind_integer(from->row, 1, key);
	if ((rc = sr_step(from->row, known)) != SR_OK || !*known)
		return rc;
	from->standing = true;
	sr_index_row_take(from->row, row);
	if ((rc = sr_stmt_check(from->row)) == SR_OK &&
	    (rc = has_changed(from, key, &changed)) == SR_OK)
		*known = !changed;
	return rc;
}

/* An sr_audit_row_fn. */
static sr_status row_of(void *arg, int64_t key, sr_index_row *row, bool *known)
{
	source *from = arg;

	*known = false;
	return from->failed = fetch(from, key, row, known);
}

static sr_status open_source(sr_conn *conn, source *from)
{
	sr_status rc;

	if ((rc = sr_prepare(conn, SR_INDEX_ROWS " WHERE RowKey = $1", &from->row)) != SR_OK)
		return rc;
	return sr_prepare(conn, "SELECT 1 FROM search_changes WHERE RowKey = $1", &from->change);
}

static void close_source(source *from)
{
	sr_stmt_done(from->row);
	sr_stmt_done(from->change);
}

/* ---- Whether it is sound ---- */

/* The files that must have a slot. */
static sr_status sum_files(sr_conn *conn, int64_t through, sr_audit_sum *sum)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*sum = (sr_audit_sum){0};
	if ((rc = sr_prepare(conn,
			     "SELECT f.RowKey FROM files f WHERE f.RowKey <= $1 AND NOT EXISTS"
			     " (SELECT 1 FROM search_changes c WHERE c.RowKey = f.RowKey)",
			     &stmt)) != SR_OK)
		return rc;
	sr_bind_integer(stmt, 1, through);
	while ((rc = sr_step(stmt, &row)) == SR_OK && row)
		sr_audit_sum_add(sum, sr_column_integer(stmt, 0));
	return sr_stmt_end(stmt, rc);
}

static sr_status compare_sums(sr_conn *conn, const sr_index_state *state, const sr_audit_sum *slots,
			      source *from)
{
	sr_audit_sum files;

	if ((from->failed = sum_files(conn, state->through, &files)) != SR_OK)
		return from->failed;
	if (files.rows == slots->rows && files.keys == slots->keys)
		return SR_OK;
	return sr_fail(SR_CORRUPT,
		       "the search index of %s has %" PRId64 " %s, and should have %" PRId64,
		       sr_quoted(sr_text_of(sr_conn_path(conn))), slots->rows,
		       sr_plural(slots->rows, "file", "files"), files.rows);
}

static sr_status audit(sr_conn *conn, const sr_index_state *state, source *from)
{
	sr_audit_sum slots;
	sr_status rc;

	if ((rc = open_source(conn, from)) == SR_OK &&
	    (rc = sr_index_audit(conn, state, row_of, from, &slots)) == SR_OK)
		rc = compare_sums(conn, state, &slots, from);
	close_source(from);
	return rc;
}

static sr_status look(sr_conn *conn, bool full, source *from)
{
	sr_index_state state;
	sr_status rc;

	if ((rc = sr_index_state_read(conn, &state)) != SR_OK)
		return rc;
	/* One of another format is believed by nobody, and made anew. */
	if (state.usable)
		rc = full ? audit(conn, &state, from) : sr_index_chunks_check(conn, &state);
	sr_index_state_free(&state);
	return rc;
}

sr_status sr_search_index_fault(sr_conn *conn, bool full, sr_watch_fn stop, void *arg, bool *fault)
{
	source from = {.stop = stop, .arg = arg};
	sr_status rc = look(conn, full, &from);

	*fault = rc == SR_CORRUPT && from.failed != SR_CORRUPT;
	return *fault ? SR_OK : rc;
}

sr_status sr_search_index_whole(sr_conn *conn, bool *whole)
{
	int64_t count = 0;
	sr_status rc;

	rc = sr_query_integer(conn,
			      "SELECT count(*) FROM sqlite_schema WHERE type || ' ' || name IN"
			      " ('table search_state', 'table search_segments',"
			      " 'table search_postings', 'table search_chunks',"
			      " 'table search_changes', 'trigger trg_files_search_insert',"
			      " 'trigger trg_files_search_update')",
			      &count);
	*whole = count == 7;
	return rc;
}

/* ---- The check-up ---- */

static sr_status check_behind(sr_checkup *c)
{
	const int64_t most = c->limits->behind_rows;
	sr_index_state state;
	int64_t behind;
	sr_status rc;

	if ((rc = sr_index_state_read(c->conn, &state)) != SR_OK)
		return rc;
	rc = sr_index_behind(c->conn, state.usable ? state.through : INT64_MIN + 1, most + 1,
			     &behind);
	sr_index_state_free(&state);
	if (rc == SR_OK && behind > most)
		sr_finding_add(c, SR_SEVERITY_WARNING, "search_behind", sr_text_of("files"), behind,
			       "strongroom optimize --search-index",
			       "more than %" PRId64
			       " files are not in the search index yet, and searches "
			       "read them one by one",
			       most);
	return rc;
}

static bool stop(void *arg)
{
	return sr_checkup_stop(arg);
}

sr_status sr_check_search_index(sr_checkup *c)
{
	bool whole, fault;
	sr_status rc;

	if (!c->reading.shape.latest)
		return SR_OK;
	/* What is missing is told as such, and then it is not used either. */
	if ((rc = sr_search_index_whole(c->conn, &whole)) != SR_OK || !whole)
		return rc;
	if ((rc = sr_search_index_fault(c->conn, c->options.full, stop, c, &fault)) != SR_OK)
		return rc;
	if (!fault)
		return check_behind(c);
	sr_finding_add(c, SR_SEVERITY_ERROR, "search_index", sr_text_of("search_state"), 1,
		       sr_cure_repair(c), "%s: searches may be slow, or miss files",
		       sr_error_message());
	return SR_OK;
}
