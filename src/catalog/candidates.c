/* Which source a search's candidates come from, and what all of them read. */
#include <stdlib.h>

#include "candidate_source.h"

/* ---- What is read of a row ---- */

/* A + before a column keeps the planner from its index: going through one that does not narrow
 * much looks every row up at random, ten times slower than all of them in order. A client's rows
 * are worth their index. A size that is no whole number counts as the one that is shown of it. */
void sr_candidate_conditions(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter,
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
void sr_candidate_extras(sr_buffer *sql, const sr_filter *filter, const char *hash,
			 const char *path)
{
	const unsigned columns = filter->columns;

	sr_buffer_printf(sql, ", %s, %s, %s", columns & SR_CANDIDATE_CLIENT ? "f.ClientID" : "NULL",
			 columns & SR_CANDIDATE_CATEGORY ? "f.FileCategory" : "NULL",
			 columns & SR_CANDIDATE_HASH ? hash : "NULL");
	if (columns & SR_CANDIDATE_TEXTS)
		sr_buffer_printf(sql, ", f.FileName, %s, f.OriginalPath, f.FileExtension", path);
}

void sr_candidate_select(sr_buffer *sql, const sr_reading *reading, const sr_filter *filter)
{
	sr_buffer_add_string(sql, "SELECT f.row_number, f.ID, f.FileSize, f.ModificationDate, 0");
	sr_candidate_extras(sql, filter, "f.FileHash", "f.PathName");
	sr_buffer_printf(sql, " FROM %s AS f WHERE 1", reading->shape.files);
	sr_candidate_conditions(sql, reading, filter, "f.FileSize");
}

void sr_candidate_bind(sr_stmt *stmt, const sr_filter *filter)
{
	if (filter->client_name.data != NULL)
		sr_bind_name(stmt, 1, filter->client_name);
	if (filter->min_size != SR_NULL_INTEGER)
		sr_bind_integer(stmt, 2, filter->min_size);
	if (filter->max_size != SR_NULL_INTEGER)
		sr_bind_integer(stmt, 3, filter->max_size);
}

void sr_candidate_read(sr_stmt *stmt, const sr_filter *filter, sr_candidate *candidate)
{
	*candidate = (sr_candidate){0};
	candidate->row = sr_column_integer(stmt, 0);
	candidate->has_id = sr_column_id(stmt, 1, &candidate->id);
	candidate->size = sr_column_integer(stmt, 2);
	candidate->date = sr_column_text(stmt, 3);
	candidate->version = sr_column_integer(stmt, 4);
	if (filter->columns & SR_CANDIDATE_CLIENT)
		candidate->has_client = sr_column_id(stmt, 5, &candidate->client_id);
	if (filter->columns & SR_CANDIDATE_CATEGORY)
		candidate->category = sr_column_text(stmt, 6);
	if (filter->columns & SR_CANDIDATE_HASH)
		candidate->hash = sr_column_text(stmt, 7);
	if (!(filter->columns & SR_CANDIDATE_TEXTS))
		return;
	candidate->name = sr_column_text(stmt, 8);
	candidate->path = sr_column_text(stmt, 9);
	candidate->original_path = sr_column_text(stmt, 10);
	candidate->extension = sr_column_text(stmt, 11);
}

void sr_candidate_of(const sr_file *file, int64_t row, sr_candidate *candidate)
{
	*candidate = (sr_candidate){
		.row = row,
		.has_id = file->has_id,
		.id = file->id,
		.name = file->name,
		.path = file->path,
		.original_path = file->original_path,
		.date = file->date,
		.extension = file->extension,
		.size = file->size,
		.hash = file->hash,
		.has_client = true,
		.client_id = file->client_id,
		.file = file,
	};
}

/* ---- The choice ---- */

sr_status sr_candidates_open(const sr_reading *reading, const sr_filter *filter,
			     sr_candidates **candidates)
{
	sr_candidates *fresh;
	bool chosen = false;
	sr_status rc = SR_OK;

	*candidates = NULL;
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return sr_fail_memory();
	if (!filter->scan)
		rc = sr_narrow_open(reading, filter, fresh, &chosen);
	if (rc == SR_OK && !chosen)
		rc = sr_scan_open(reading, filter, fresh);
	if (rc == SR_OK)
		*candidates = fresh;
	else
		sr_candidates_close(fresh);
	return rc;
}

sr_status sr_candidates_next(sr_candidates *candidates, sr_candidate *candidate, bool *more)
{
	return candidates->source->next(candidates->state, candidate, more);
}

void sr_candidates_measure(const sr_candidates *candidates, sr_candidates_figures *figures)
{
	candidates->source->measure(candidates->state, figures);
}

void sr_candidates_close(sr_candidates *candidates)
{
	if (candidates == NULL)
		return;
	if (candidates->source != NULL)
		candidates->source->close(candidates->state);
	free(candidates);
}
