/*
 * Candidates by the index of trigrams.
 *
 * First the tail, the rows that are not indexed yet; then those that changed since they were; then
 * the rows of the blocks that may match. All is read in the search's one snapshot, and what search
 * does with a candidate is the same whether a scan or this handed it out.
 */
#include <stdlib.h>

#include "../index/forget.h"
#include "../index/match.h"
#include "../index/slots.h"
#include "candidate_source.h"
#include "file.h"
#include "search_index.h"

/* More changed rows than this, and a scan is as good. */
#define CHANGES_MOST 65536

/* What reading a row costs by its key and in the order of the pages. */
#define COST_BY_KEY  4
#define COST_IN_SCAN 1

/* Fewer rows than this are read in the order of their keys, which lie together, instead of that of
 * their dates; and whole, where the lists say which rows of a block they are. */
#define FEW_ROWS 4096

/* Rows that are read by their dates alone, without a page to show for it, before a scan is better.
 */
#define PATIENCE_ROWS 65536

/* A letter that one row in so many has is found sooner by reading on than by its lists. */
#define COMMON_LETTER 8

/* Wanted keys as near as this to each other are read in one go. */
#define NEAR 4

typedef enum stage { TAIL, CHANGES, INDEXED, OVER } stage;

typedef struct narrow {
	sr_conn *conn;
	const sr_reading *reading;
	const sr_filter *filter;
	sr_index_state state;
	sr_matches matches;
	bool matched; /* Whether the texts have narrowed them: one letter alone waits. */
	sr_slots *slots;
	int64_t *changes; /* Ascending. */
	size_t change_count;

	stage stage;
	size_t at;     /* In changes, or in the batch of slots. */
	sr_stmt *tail; /* Rows behind the index, */
	sr_stmt *row;  /* one row by its key, */
	bool in_row;   /* which stands on it; */
	sr_stmt *rows; /* and some that lie together, */
	int64_t last;  /* up to this one, */
	bool in_rows;  /* while they are read. */

	bool whole;        /* Rows that lie together are read with all columns: */
	sr_file file;      /* the one at hand. */
	sr_buffer scratch; /* To fold into. */
	bool gave_up;
	int64_t estimated;
	int64_t candidates; /* Of the index, */
	int64_t possible;   /* of which so many had the texts; */
	int64_t behind;     /* of the tail. */
	int64_t read;
} narrow;

/* ---- The index and what lies beside it ---- */

static sr_status read_changes(narrow *n, bool *few)
{
	size_t room = 0;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*few = true;
	if ((rc = sr_prepare(n->conn, "SELECT RowKey FROM search_changes ORDER BY RowKey",
			     &stmt)) != SR_OK)
		return rc;
	while ((rc = sr_step(stmt, &row)) == SR_OK && row) {
		if (n->change_count == CHANGES_MOST) {
			*few = false;
			break;
		}
		if (n->change_count == room) {
			size_t more = room ? room * 2 : 256;
			int64_t *list = realloc(n->changes, more * sizeof(*list));

			if (list == NULL) {
				rc = sr_fail_memory();
				break;
			}
			n->changes = list;
			room = more;
		}
		n->changes[n->change_count++] = sr_column_integer(stmt, 0);
	}
	return sr_stmt_end(stmt, rc);
}

static bool has_changed(const narrow *n, int64_t key)
{
	return sr_index_keys_have(n->changes, n->change_count, key);
}

/* Only single letters: most rows have them, so what they leave is looked up when it is clear that
 * reading the newest rows does not fill the page soon. */
static bool is_letter(const sr_filter *filter)
{
	for (size_t i = 0; i < filter->required_count; i++)
		if (filter->indexed[i].length > 1)
			return false;
	return filter->required_count > 0;
}

static bool by_date(const sr_filter *filter)
{
	return filter->newest_first || filter->oldest_first;
}

/* ---- The choice ---- */

/* Rows of the clients that are asked for, by their counters; of all without. */
static sr_status count_rows(narrow *n, int64_t *rows)
{
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	*rows = n->filter->client_rows;
	if (n->filter->by_clients)
		return SR_OK;
	if ((rc = sr_prepare(n->conn,
			     n->filter->client_name.data != NULL
				     ? "SELECT u.Files FROM client_usage u WHERE u.ClientID ="
				       " (SELECT c.ID FROM clients c WHERE c.Name = $1)"
				     : "SELECT total(t.Files) FROM file_totals t",
			     &stmt)) != SR_OK)
		return rc;
	if (n->filter->client_name.data != NULL)
		sr_bind_name(stmt, 1, n->filter->client_name);
	*rows = 0;
	if ((rc = sr_step(stmt, &row)) == SR_OK && row)
		*rows = (int64_t)sr_column_real(stmt, 0);
	return sr_stmt_end(stmt, rc);
}

/* Whether the index is expected to read less than a scan, or an index of the client's rows. */
static sr_status choose(narrow *n, bool *chosen)
{
	const sr_filter *filter = n->filter;
	const bool of_clients = filter->client_name.data != NULL || filter->by_clients;
	int64_t rows, blocks;
	sr_status rc;

	*chosen = false;
	if (n->reading->catalog->index_always) {
		*chosen = true;
		n->estimated = 0;
		return SR_OK;
	}
	if ((rc = count_rows(n, &rows)) != SR_OK)
		return rc;
	if (filter->required_count == 0) {
		/* The newest of all are near, the newest of one client may be anywhere. */
		*chosen = by_date(filter) && !of_clients;
		n->estimated = rows;
		return SR_OK;
	}
	rc = sr_match_estimate(n->conn, &n->state, filter->indexed, filter->required_count,
			       &blocks);
	if (rc != SR_OK)
		return rc;
	n->estimated = blocks * SR_BLOCK_ROWS;
	if (of_clients)
		*chosen = n->estimated < rows;
	else
		*chosen = by_date(filter) || n->estimated * COST_BY_KEY < rows * COST_IN_SCAN;
	return SR_OK;
}

static sr_status match(narrow *n)
{
	n->matched = true;
	return sr_match(n->conn, &n->state, n->filter->indexed, n->filter->required_count,
			&n->matches);
}

static sr_status find_blocks(narrow *n)
{
	sr_status rc;

	if ((rc = sr_matches_new(&n->matches, &n->state)) != SR_OK)
		return rc;
	if (n->filter->required_count == 0)
		n->matched = true;
	else if (!is_letter(n->filter) || !by_date(n->filter))
		return match(n);
	return SR_OK;
}

static sr_status open_slots(narrow *n)
{
	const sr_filter *filter = n->filter;
	const size_t rows = sr_matches_rows(&n->matches);
	sr_slot_order order = SR_SLOTS_BY_KEY;
	sr_status rc;

	if (rows > FEW_ROWS && filter->newest_first)
		order = SR_SLOTS_NEWEST;
	if (rows > FEW_ROWS && filter->oldest_first)
		order = SR_SLOTS_OLDEST;
	n->whole = filter->whole && rows <= FEW_ROWS && n->matches.excluded != NULL;
	if ((rc = sr_slots_open(&n->slots, n->conn, &n->state, &n->matches, order)) != SR_OK)
		return rc;
	n->slots->from = filter->from;
	n->slots->to = filter->to;
	if (order != SR_SLOTS_BY_KEY)
		n->slots->behind = filter->behind;
	return SR_OK;
}

/* A statement of candidates, or of whole rows, with one more condition. */
static sr_status prepare(narrow *n, bool whole, const char *condition, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	if (whole) {
		sr_file_select(&sql, &n->reading->shape, "f.ClientID");
		sr_buffer_add_string(&sql, " WHERE 1");
		sr_candidate_conditions(&sql, n->reading, n->filter, "f.FileSize");
	} else {
		sr_candidate_select(&sql, n->reading, n->filter);
	}
	sr_buffer_add_string(&sql, condition);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(n->conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

static sr_status prepare_all(narrow *n)
{
	sr_status rc;

	if ((rc = prepare(n, false, " AND f.row_number > $4 ORDER BY f.row_number", &n->tail)) !=
		    SR_OK ||
	    (rc = prepare(n, false, " AND f.row_number = coalesce($4, " SR_LEAST_KEY ")",
			  &n->row)) != SR_OK ||
	    (rc = prepare(n, n->whole, " AND f.row_number BETWEEN $4 AND $5 ORDER BY f.row_number",
			  &n->rows)) != SR_OK)
		return rc;
	sr_candidate_bind(n->tail, n->filter);
	sr_bind_integer(n->tail, 4, n->state.through);
	return SR_OK;
}

/* ---- Rows ---- */

static bool holds(narrow *n, sr_text text, sr_text term)
{
	return sr_text_contains(text, term, &n->scratch);
}

/* Whether the row has the texts that every match has: many of a block's rows have not. */
static bool is_possible(narrow *n, const sr_candidate *row)
{
	const bool same = sr_text_equal(row->path, row->original_path);
	const bool ends = sr_file_ends_in_name(row->path, row->name);

	for (size_t i = 0; i < n->filter->required_count; i++) {
		sr_text term = n->filter->required[i];

		if (!holds(n, row->path, term) && (same || !holds(n, row->original_path, term)) &&
		    (ends || !holds(n, row->name, term)))
			return false;
	}
	return true;
}

/* The row that the statement stands on, if it is possible. */
static bool read_row(narrow *n, sr_stmt *stmt, sr_candidate *candidate)
{
	n->read++;
	if (stmt == n->rows && n->whole) {
		sr_file_read(stmt, &n->file);
		sr_candidate_of(&n->file, sr_file_row(stmt), candidate);
	} else {
		sr_candidate_read(stmt, n->filter, candidate);
	}
	return is_possible(n, candidate);
}

static sr_status step_tail(narrow *n, sr_candidate *candidate, bool *found)
{
	sr_status rc;

	if ((rc = sr_step(n->tail, found)) != SR_OK)
		return rc;
	if (!*found) {
		n->stage = CHANGES;
		return SR_OK;
	}
	n->behind++;
	*found = read_row(n, n->tail, candidate);
	return sr_stmt_check(n->tail);
}

static sr_status step_row(narrow *n, int64_t key, sr_candidate *candidate, bool *found)
{
	sr_status rc;

	/* To its end, before it is bound anew. */
	if (n->in_row && (rc = sr_step(n->row, &n->in_row)) != SR_OK)
		return rc;
	sr_candidate_bind(n->row, n->filter);
	sr_bind_integer(n->row, 4, key);
	if ((rc = sr_step(n->row, found)) != SR_OK)
		return rc;
	n->in_row = *found;
	*found = *found && read_row(n, n->row, candidate);
	return sr_stmt_check(n->row);
}

static sr_status step_changes(narrow *n, sr_candidate *candidate, bool *found)
{
	sr_status rc;

	*found = false;
	while (!*found && n->at < n->change_count)
		if ((rc = step_row(n, n->changes[n->at++], candidate, found)) != SR_OK)
			return rc;
	if (!*found) {
		n->stage = INDEXED;
		n->at = 0;
	}
	return SR_OK;
}

/* Begins to read the keys that lie together from the one at hand on. */
static void begin_rows(narrow *n)
{
	const sr_slot *list = n->slots->list;
	size_t end = n->at;

	while (end + 1 < n->slots->count && list[end + 1].key - list[end].key <= NEAR)
		end++;
	sr_candidate_bind(n->rows, n->filter);
	sr_bind_integer(n->rows, 4, list[n->at].key);
	sr_bind_integer(n->rows, 5, list[end].key);
	n->last = list[end].key;
	n->in_rows = true;
}

/* The next of the keys that lie together, of which some may be wanted and some not be there. */
static sr_status step_rows(narrow *n, sr_candidate *candidate, bool *found)
{
	const sr_slot *list = n->slots->list;
	int64_t key;
	sr_status rc;

	for (;;) {
		if ((rc = sr_step(n->rows, found)) != SR_OK)
			return rc;
		if (!*found)
			break;
		key = sr_column_integer(n->rows, 0);
		while (n->at < n->slots->count && list[n->at].key < key)
			n->at++;
		if (n->at == n->slots->count || list[n->at].key != key)
			continue;
		n->at++;
		if (!has_changed(n, key) && read_row(n, n->rows, candidate)) {
			n->possible++;
			return sr_stmt_check(n->rows);
		}
	}
	n->in_rows = false;
	while (n->at < n->slots->count && list[n->at].key <= n->last)
		n->at++;
	return SR_OK;
}

static void note_bound(const narrow *n, int64_t rank, sr_candidate *candidate)
{
	candidate->bounded = n->slots->order != SR_SLOTS_BY_KEY;
	candidate->bound = rank;
	if (n->slots->order == SR_SLOTS_OLDEST)
		candidate->bound = rank == SR_NO_DATE ? INT64_MAX : -rank;
}

static sr_status next_batch(narrow *n)
{
	sr_status rc;

	if (n->filter->required_count == 0 && n->candidates > PATIENCE_ROWS) {
		n->gave_up = true;
		n->stage = OVER;
		return SR_OK;
	}
	/* The newest rows have not filled the page, and few of them have the letter. */
	if (!n->matched && n->possible * COMMON_LETTER < n->candidates && (rc = match(n)) != SR_OK)
		return rc;
	if ((rc = sr_slots_next(n->slots)) != SR_OK)
		return rc;
	n->at = 0;
	n->candidates += (int64_t)n->slots->count;
	if (n->slots->count == 0)
		n->stage = OVER;
	return SR_OK;
}

static sr_status step_indexed(narrow *n, sr_candidate *candidate, bool *found)
{
	sr_status rc;

	*found = false;
	if (n->in_rows)
		return step_rows(n, candidate, found);
	if (n->at == n->slots->count)
		return next_batch(n);
	if (n->slots->order == SR_SLOTS_BY_KEY) {
		begin_rows(n);
		return SR_OK;
	}
	if (!has_changed(n, n->slots->list[n->at].key) &&
	    (rc = step_row(n, n->slots->list[n->at].key, candidate, found)) != SR_OK)
		return rc;
	if (*found)
		note_bound(n, n->slots->list[n->at].rank, candidate);
	n->possible += *found;
	n->at++;
	return SR_OK;
}

static sr_status narrow_next(void *state, sr_candidate *candidate, bool *more)
{
	narrow *n = state;
	bool found = false;
	sr_status rc = SR_OK;

	while (rc == SR_OK && !found && n->stage != OVER) {
		if (n->stage == TAIL)
			rc = step_tail(n, candidate, &found);
		else if (n->stage == CHANGES)
			rc = step_changes(n, candidate, &found);
		else
			rc = step_indexed(n, candidate, &found);
	}
	/* The rows themselves say so too, if it is them. */
	if (rc == SR_CORRUPT) {
		sr_index_distrust(n->reading->catalog);
		n->gave_up = true;
		n->stage = OVER;
		rc = SR_OK;
	}
	*more = found;
	/* An allocation that failed while folding says no more than "does not occur". */
	return rc == SR_OK ? sr_buffer_status(&n->scratch) : rc;
}

static void narrow_measure(const void *state, sr_candidates_figures *figures)
{
	const narrow *n = state;

	*figures = (sr_candidates_figures){
		.choice = n->filter->required_count > 0 ? "trigram index" : "date index",
		.estimated = n->estimated,
		.candidates = n->candidates + n->behind + (int64_t)n->change_count,
		.read = n->read,
		.gave_up = n->gave_up,
	};
}

static void narrow_close(void *state)
{
	narrow *n = state;

	sr_stmt_done(n->tail);
	sr_stmt_done(n->row);
	sr_stmt_done(n->rows);
	sr_slots_close(n->slots);
	sr_matches_free(&n->matches);
	sr_index_state_free(&n->state);
	sr_buffer_free(&n->scratch);
	free(n->changes);
	free(n);
}

static const sr_candidate_source source = {
	.next = narrow_next,
	.measure = narrow_measure,
	.close = narrow_close,
};

/* ---- Opening ---- */

static sr_status open_index(narrow *n, bool *chosen)
{
	sr_status rc;

	if ((rc = sr_index_state_read(n->conn, &n->state)) != SR_OK || !n->state.usable)
		return rc;
	if ((rc = read_changes(n, chosen)) != SR_OK || !*chosen)
		return rc;
	if ((rc = choose(n, chosen)) != SR_OK || !*chosen)
		return rc;
	if ((rc = find_blocks(n)) != SR_OK || (rc = open_slots(n)) != SR_OK)
		return rc;
	return prepare_all(n);
}

sr_status sr_narrow_open(const sr_reading *reading, const sr_filter *filter,
			 sr_candidates *candidates, bool *chosen)
{
	narrow *n;
	sr_status rc;

	*chosen = false;
	/* Names of earlier states are not indexed. */
	if (filter->all_versions || !sr_index_believed(reading))
		return SR_OK;
	if ((n = calloc(1, sizeof(*n))) == NULL)
		return sr_fail_memory();
	n->conn = reading->conn;
	n->reading = reading;
	n->filter = filter;
	rc = open_index(n, chosen);
	if (rc == SR_OK && *chosen) {
		candidates->source = &source;
		candidates->state = n;
		return SR_OK;
	}
	if (rc == SR_CORRUPT) {
		sr_index_distrust(reading->catalog);
		rc = SR_OK;
	}
	*chosen = false;
	narrow_close(n);
	return rc;
}
