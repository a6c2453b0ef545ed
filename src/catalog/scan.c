/* Candidates by reading every row, or every row of some clients. */
#include <stdlib.h>

#include "candidate_source.h"

typedef struct scan {
	const sr_filter *filter;
	sr_stmt *stmt;
	bool by_client; /* Through the index of clients. */
	int64_t read;
} scan;

/* The version that stands for what the file f is: where an old database names none, the last
 * active one, if any. */
#define CURRENT_VERSION                                                                            \
	"coalesce((SELECT c.ID FROM file_versions c WHERE c.ID = f.CurrentVersionID"               \
	" AND c.FileID = f.ID), (SELECT m.ID FROM file_versions m WHERE m.FileID = f.ID"           \
	" AND m.IsActive = 1 ORDER BY m.VersionNumber DESC, m.ID DESC LIMIT 1))"

/* The parameter of the first of several clients; what a candidate's conditions have is below. */
#define FIRST_CLIENT 10

static void add_clients(sr_buffer *sql, const sr_filter *filter)
{
	if (!filter->by_clients)
		return;
	sr_buffer_add_string(sql, filter->client_count > 0 ? " AND f.ClientID IN (" : " AND 1 = 0");
	for (size_t i = 0; i < filter->client_count; i++)
		sr_buffer_printf(sql, "%s$%zu", i > 0 ? ", " : "", FIRST_CLIENT + i);
	if (filter->client_count > 0)
		sr_buffer_add_string(sql, ")");
}

static void bind_clients(sr_stmt *stmt, const sr_filter *filter)
{
	for (size_t i = 0; filter->by_clients && i < filter->client_count; i++)
		sr_bind_id(stmt, FIRST_CLIENT + (int)i, &filter->clients[i]);
}

/* Earlier states of the files. Nobody has verified one: what was, was replaced. */
static void add_earlier(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter)
{
	if (!filter->all_versions || filter->verified_only || !reading->shape.has_versions)
		return;
	sr_buffer_printf(sql, " UNION ALL SELECT f.row_number, f.ID, v.FileSize, %s, v.ID",
			 reading->shape.version >= 6 ? "v.ModificationDate" : "NULL");
	sr_candidate_extras(sql, filter, "v.VersionHash", "v.PathName");
	sr_buffer_printf(sql,
			 " FROM file_versions v JOIN %s AS f ON f.ID = v.FileID "
			 "WHERE v.ID IS NOT " CURRENT_VERSION,
			 reading->shape.files);
	sr_candidate_conditions(sql, reading, filter, "v.FileSize");
	add_clients(sql, filter);
}

static sr_status scan_next(void *state, sr_candidate *candidate, bool *more)
{
	scan *s = state;
	sr_status rc;

	if ((rc = sr_step(s->stmt, more)) != SR_OK || !*more)
		return rc;
	sr_candidate_read(s->stmt, s->filter, candidate);
	s->read++;
	return sr_stmt_check(s->stmt);
}

/* Conditions on sizes and flags are the statement's, so that what it reads is all that it leaves.
 */
static void scan_measure(const void *state, sr_candidates_figures *figures)
{
	const scan *s = state;

	*figures = (sr_candidates_figures){
		.choice = s->by_client ? "client index" : "scan",
		.estimated = SR_NULL_INTEGER,
		.candidates = s->read,
		.read = s->read,
	};
}

static void scan_close(void *state)
{
	scan *s = state;

	sr_stmt_done(s->stmt);
	free(s);
}

static const sr_candidate_source source = {
	.next = scan_next,
	.measure = scan_measure,
	.close = scan_close,
};

sr_status sr_scan_open(const sr_reading *reading, const sr_filter *filter,
		       sr_candidates *candidates)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	scan *fresh;
	sr_status rc;

	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_fail_memory();
	fresh->filter = filter;
	fresh->by_client = filter->client_name.data != NULL || filter->by_clients;
	candidates->source = &source;
	candidates->state = fresh;
	sr_candidate_select(&sql, reading, filter);
	add_clients(&sql, filter);
	add_earlier(&sql, reading, filter);
	if ((rc = sr_buffer_status(&sql)) == SR_OK &&
	    (rc = sr_prepare(reading->conn, sql.data, &fresh->stmt)) == SR_OK) {
		sr_candidate_bind(fresh->stmt, filter);
		bind_clients(fresh->stmt, filter);
	}
	sr_buffer_free(&sql);
	return rc;
}
