/* Candidates by reading every row. */
#include <stdlib.h>

#include "candidates.h"

struct sr_candidates {
	sr_stmt *stmt;
	bool by_client; /* Through the index of clients. */
	int64_t read;
};

/* A + before a column keeps the planner from its index: going through one that does not narrow
 * much looks every row up at random, ten times slower than all of them in order. A client's rows
 * are worth their index. A size that is no whole number counts as the one that is shown of it. */
static void add_conditions(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter,
			   const char *size)
{
	if (filter->client_name.data != NULL)
		sr_buffer_printf(sql,
				 " AND f.ClientID IN (SELECT c.ID FROM %s AS c WHERE c.Name = $1)",
				 reading->shape.clients);
	if (filter->min_size != SR_NULL_INTEGER)
		sr_buffer_printf(sql, " AND CAST(%s AS INTEGER) >= $2", size);
	if (filter->max_size != SR_NULL_INTEGER)
		sr_buffer_printf(sql, " AND CAST(%s AS INTEGER) <= $3", size);
	if (filter->verified_only)
		sr_buffer_add_string(sql, " AND +f.Verified <> 0");
	if (filter->present_only)
		sr_buffer_add_string(sql, " AND f.MissingSince IS NULL");
}

/* What only some searches look at: reading it costs those that do not, too. */
static void add_extras(sr_buffer *sql, const sr_filter *filter, const char *hash)
{
	const unsigned columns = filter->columns;

	sr_buffer_printf(sql, ", %s, %s, %s", columns & SR_CANDIDATE_CLIENT ? "f.ClientID" : "NULL",
			 columns & SR_CANDIDATE_CATEGORY ? "f.FileCategory" : "NULL",
			 columns & SR_CANDIDATE_HASH ? hash : "NULL");
}

/* The version that stands for what the file f is: where an old database names none, the last
 * active one, if any. */
#define CURRENT_VERSION                                                                            \
	"coalesce((SELECT c.ID FROM file_versions c WHERE c.ID = f.CurrentVersionID"               \
	" AND c.FileID = f.ID), (SELECT m.ID FROM file_versions m WHERE m.FileID = f.ID"           \
	" AND m.IsActive = 1 ORDER BY m.VersionNumber DESC, m.ID DESC LIMIT 1))"

/* Earlier states of the files. Nobody has verified one: what was, was replaced. */
static void add_earlier(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter)
{
	if (!filter->all_versions || filter->verified_only || !reading->shape.has_versions)
		return;
	sr_buffer_printf(sql,
			 " UNION ALL SELECT f.row_number, f.ID, f.FileName, v.PathName, "
			 "f.OriginalPath, v.FileSize, %s, f.FileExtension, v.ID",
			 reading->shape.version >= 6 ? "v.ModificationDate" : "NULL");
	add_extras(sql, filter, "v.VersionHash");
	sr_buffer_printf(sql,
			 " FROM file_versions v JOIN %s AS f ON f.ID = v.FileID "
			 "WHERE v.ID IS NOT " CURRENT_VERSION,
			 reading->shape.files);
	add_conditions(sql, reading, filter, "v.FileSize");
}

static void bind_conditions(sr_stmt *stmt, const sr_filter *filter)
{
	if (filter->client_name.data != NULL)
		sr_bind_name(stmt, 1, filter->client_name);
	if (filter->min_size != SR_NULL_INTEGER)
		sr_bind_integer(stmt, 2, filter->min_size);
	if (filter->max_size != SR_NULL_INTEGER)
		sr_bind_integer(stmt, 3, filter->max_size);
}

sr_status sr_candidates_open(const sr_reading *reading, const sr_filter *filter,
			     sr_candidates **candidates)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_candidates *fresh;
	sr_status rc;

	*candidates = NULL;
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_fail_memory();
	fresh->by_client = filter->client_name.data != NULL;
	sr_buffer_add_string(&sql,
			     "SELECT f.row_number, f.ID, f.FileName, f.PathName, f.OriginalPath, "
			     "f.FileSize, f.ModificationDate, f.FileExtension, 0");
	add_extras(&sql, filter, "f.FileHash");
	sr_buffer_printf(&sql, " FROM %s AS f WHERE 1", reading->shape.files);
	add_conditions(&sql, reading, filter, "f.FileSize");
	add_earlier(&sql, reading, filter);
	if ((rc = sr_buffer_status(&sql)) != SR_OK)
		goto err0;
	if ((rc = sr_prepare(reading->conn, sql.data, &fresh->stmt)) != SR_OK)
		goto err0;
	bind_conditions(fresh->stmt, filter);
	sr_buffer_free(&sql);
	*candidates = fresh;
	return SR_OK;

err0:
	sr_buffer_free(&sql);
	sr_candidates_close(fresh);
	return rc;
}

sr_status sr_candidates_next(sr_candidates *candidates, sr_candidate *candidate, bool *more)
{
	sr_stmt *stmt = candidates->stmt;
	sr_status rc;

	if ((rc = sr_step(stmt, more)) != SR_OK || !*more)
		return rc;
	*candidate = (sr_candidate){0};
	candidate->row = sr_column_integer(stmt, 0);
	candidate->has_id = sr_column_id(stmt, 1, &candidate->id);
	candidate->name = sr_column_text(stmt, 2);
	candidate->path = sr_column_text(stmt, 3);
	candidate->original_path = sr_column_text(stmt, 4);
	candidate->size = sr_column_integer(stmt, 5);
	candidate->date = sr_column_text(stmt, 6);
	candidate->extension = sr_column_text(stmt, 7);
	candidate->version = sr_column_integer(stmt, 8);
	candidate->has_client = sr_column_id(stmt, 9, &candidate->client_id);
	candidate->category = sr_column_text(stmt, 10);
	candidate->hash = sr_column_text(stmt, 11);
	candidates->read++;
	return SR_OK;
}

/* Conditions on sizes and flags are the statement's, so that what it reads is all that it leaves.
 */
void sr_candidates_measure(const sr_candidates *candidates, sr_candidates_figures *figures)
{
	*figures = (sr_candidates_figures){
		.choice = candidates->by_client ? "client index" : "scan",
		.estimated = SR_NULL_INTEGER,
		.candidates = candidates->read,
		.read = candidates->read,
	};
}

void sr_candidates_close(sr_candidates *candidates)
{
	if (candidates == NULL)
		return;
	sr_stmt_done(candidates->stmt);
	free(candidates);
}
