/* Saving files: added, changed with a version, or unchanged and corrected in place. */
#include "save.h"

#include <stdlib.h>
#include <string.h>

#include "search_index.h"

#define BULK_LEAST 32  /* Files for which triggers are worth being turned off. */
#define LARGE      100 /* Files of one call that do not join another's transaction. */

/* ---- What it knows on its way ---- */

sr_status sr_saving_new(sr_saving *save)
{
	size_t count = save->count ? save->count : 1;

	save->outcomes = calloc(count, sizeof(*save->outcomes));
	save->ids = calloc(count, sizeof(*save->ids));
	save->later = calloc(count, sizeof(*save->later));
	if (save->outcomes == NULL || save->ids == NULL || save->later == NULL)
		return sr_fail_memory();
	return SR_OK;
}

void sr_saving_free(sr_saving *save)
{
	sr_bulk_free(&save->bulk);
	sr_buffer_free(&save->category);
	sr_accounts_free(&save->accounts);
	free(save->later);
	free(save->ids);
	free(save->outcomes);
}

void sr_saving_begin(sr_saving *save, sr_conn *conn)
{
	save->conn = conn;
	save->by_path = save->by_name = save->insert = NULL;
	sr_accounts_free(&save->accounts);
	memset(&save->saved, 0, sizeof(save->saved));
	memset(save->ids, 0, save->count * sizeof(*save->ids));
	memset(save->later, 0, save->count * sizeof(*save->later));
	save->any_later = save->category_asked = false;
	sr_buffer_clear(&save->category);
	sr_bulk_free(&save->bulk);
}

void sr_saving_end(sr_saving *save)
{
	sr_stmt_done(save->insert);
	sr_stmt_done(save->by_name);
	sr_stmt_done(save->by_path);
}

/* ---- One file ---- */

/* Counts what the file adds to what its client uses. False where that does not fit: then nothing
 * of the file is written, and only the transfer that failed is counted. */
static bool admit(sr_saving *save, size_t i, int64_t before, int64_t after)
{
	int64_t growth = sr_account_growth(before, after);

	if (sr_account_grow(save->account, growth))
		return true;
	save->outcomes[i] = SR_OVER_QUOTA;
	save->account->transfers.failed++;
	if (save->saved.refused++ == 0) {
		save->first_refused = i;
		save->growth_refused = growth;
		save->account_refused = *save->account;
	}
	return false;
}

static sr_status prepare_find(sr_conn *conn, const char *condition, sr_stmt **stmt)
{
	sr_buffer sql = SR_BUFFER_EMPTY;
	sr_status rc;

	sr_file_select(&sql, NULL, "$1");
	sr_buffer_printf(&sql, " WHERE f.ClientID = $1 AND %s ORDER BY f.row_number DESC LIMIT 1",
			 condition);
	if ((rc = sr_buffer_status(&sql)) == SR_OK)
		rc = sr_prepare(conn, sql.data, stmt);
	sr_buffer_free(&sql);
	return rc;
}

/* The row of exactly this identity. Where old code left several, the newest. */
static sr_status find(sr_saving *save, const sr_file *file, sr_stmt **stmt, bool *row)
{
	bool path = file->original_path.data != NULL;
	sr_stmt **found = path ? &save->by_path : &save->by_name;
	sr_status rc = SR_OK;

	if (*found == NULL)
		rc = prepare_find(save->conn,
				  path ? "f.OriginalPath = $2"
				       : "f.FileName = $2 AND (f.OriginalPath IS NULL) = 1",
				  found);
	if (rc != SR_OK)
		return rc;
	*stmt = *found;
	sr_bind_id(*stmt, 1, &file->client_id);
	sr_bind_name(*stmt, 2, path ? file->original_path : file->name);
	return sr_step(*stmt, row);
}

static sr_status count_added(sr_saving *save, const sr_file *file)
{
	sr_text category = file->category;
	sr_status rc;

	if (category.data == NULL) {
		if (!save->category_asked) {
			rc = sr_bulk_category(save->conn, sr_conn_last_row_id(save->conn),
					      &save->category);
			if (rc != SR_OK)
				return rc;
			save->category_asked = true;
		}
		category = sr_buffer_text(&save->category);
	}
	return sr_bulk_add(&save->bulk, save->account, file->size, category, file->verified,
			   file->date);
}

static sr_status add(sr_saving *save, sr_wanted *want, sr_id *id)
{
	unsigned bits = SR_FILE_BIT(SR_FILE_COLUMNS) - 1;
	sr_status rc;

	/* Left out, so that the schema's own defaults hold. */
	bits &= ~(SR_FILE_BIT(SR_FILE_CURRENT_VERSION) | SR_FILE_BIT(SR_FILE_MISSING_SINCE));
	if (want->file.category.data == NULL)
		bits &= ~SR_FILE_BIT(SR_FILE_CATEGORY);
	if (save->insert != NULL && save->insert_bits != bits) {
		sr_stmt_done(save->insert);
		save->insert = NULL;
	}
	if (save->insert == NULL &&
	    (rc = sr_file_prepare_insert(save->conn, bits, &save->insert)) != SR_OK)
		return rc;
	save->insert_bits = bits;
	sr_id_new(&want->file.id);
	want->file.has_id = true;
	*id = want->file.id;
	rc = sr_file_insert(save->insert, &want->file, save->now, bits);
	return rc == SR_OK && save->inserting ? count_added(save, &want->file) : rc;
}

static sr_status change(sr_saving *save, int64_t row, const sr_wanted *want, unsigned bits)
{
	sr_status rc;

	if ((rc = sr_version_begin(save->conn, row, save->now)) != SR_OK)
		return rc;
	if ((rc = sr_file_write(save->conn, row, &want->file, save->now, bits)) != SR_OK)
		return rc;
	return sr_version_append(save->conn, row, save->now);
}

static sr_status save_known(sr_saving *save, sr_stmt *stmt, sr_wanted *want, size_t i)
{
	sr_id *id = &save->ids[i];
	sr_file known;
	int64_t row = sr_file_row(stmt);
	unsigned bits;
	bool changed, more;
	sr_status rc;

	sr_file_read(stmt, &known);
	changed = sr_save_content_differs(&known, &want->file);
	bits = sr_save_differing(&known, want, changed);
	save->outcomes[i] = changed ? SR_CHANGED : SR_UNCHANGED;
	*id = known.id;
	/* To its end, before the row is written and the next file bound; known ends here. */
	if ((rc = sr_step(stmt, &more)) != SR_OK)
		return rc;
	if (save->inserting && (bits != 0 || changed || !known.has_id || save->any_later)) {
		save->later[i] = save->any_later = true;
		return SR_OK;
	}
	if ((bits & SR_FILE_BIT(SR_FILE_SIZE)) && !admit(save, i, known.size, want->file.size))
		return SR_OK;
	if (!known.has_id) {
		/* Before its versions, which refer to it. */
		sr_id_new(id);
		want->file.id = *id;
		want->file.has_id = true;
		rc = sr_file_write(save->conn, row, &want->file, NULL, SR_FILE_BIT(SR_FILE_ID));
		if (rc != SR_OK)
			return rc;
	}
	if (changed)
		return change(save, row, want, bits);
	return sr_file_update(save->conn, row, &want->file, bits);
}

static void count(sr_saving *save, const sr_file *file, sr_outcome outcome)
{
	save->saved.added += outcome == SR_ADDED;
	save->saved.changed += outcome == SR_CHANGED;
	save->saved.unchanged += outcome == SR_UNCHANGED;
	if (outcome == SR_ADDED || outcome == SR_CHANGED)
		sr_account_transferred(save->account, file->size, file->transfer_speed);
}

sr_status sr_saving_one(sr_saving *save, size_t i)
{
	sr_wanted want;
	sr_stmt *stmt;
	sr_status rc;
	bool row;

	sr_save_complete(&save->files[i], &want);
	rc = sr_accounts_get(&save->accounts, save->conn, &want.file.client_id, &save->account);
	if (rc != SR_OK)
		return rc;
	if ((rc = find(save, &want.file, &stmt, &row)) != SR_OK)
		return rc;
	if (row) {
		rc = save_known(save, stmt, &want, i);
	} else if (admit(save, i, SR_NULL_INTEGER, want.file.size)) {
		save->outcomes[i] = SR_ADDED;
		rc = add(save, &want, &save->ids[i]);
	}
	if (rc != SR_OK)
		return sr_fail_within(rc, "file %s", sr_save_named(&want.file));
	if (!save->inserting || !save->later[i])
		count(save, &want.file, save->outcomes[i]);
	return SR_OK;
}

/* ---- A call ---- */

/* What every client's share of the batch comes to: a row each, which those of a run extend. */
static sr_status settle(sr_saving *save)
{
	sr_activity_run alone, *run = &save->extended;
	sr_status rc = SR_OK;

	if (save->run != NULL)
		save->extended = *save->run;
	for (size_t i = 0; rc == SR_OK && i < save->accounts.count; i++) {
		if (save->run == NULL) {
			alone = (sr_activity_run){0, 0};
			run = &alone;
		}
		rc = sr_account_settle(save->conn, &save->accounts.list[i], save->now, run);
	}
	return rc;
}

static sr_status save_all(sr_conn *conn, void *arg)
{
	sr_saving *save = arg;
	sr_status rc = SR_OK;
	bool bulk = false;

	sr_saving_begin(save, conn);
	if (save->count >= BULK_LEAST)
		rc = sr_saving_may_insert(save, &bulk);
	if (rc == SR_OK && bulk)
		rc = sr_saving_insert(save);
	for (size_t i = 0; rc == SR_OK && i < save->count; i++)
		if (!bulk || save->later[i])
			rc = sr_saving_one(save, i);
	sr_saving_end(save);
	return rc == SR_OK ? settle(save) : rc;
}

/* Hands out what came of it. */
static sr_status report(sr_catalog *catalog, const sr_saving *save, sr_outcome *outcomes,
			sr_id *ids, sr_saved *saved)
{
	const sr_file *file = &save->files[save->first_refused];

	if (outcomes != NULL)
		memcpy(outcomes, save->outcomes, save->count * sizeof(*outcomes));
	if (ids != NULL)
		memcpy(ids, save->ids, save->count * sizeof(*ids));
	if (saved != NULL)
		*saved = save->saved;
	for (size_t i = 0; i < save->accounts.count; i++)
		sr_account_log(catalog, &save->accounts.list[i]);
	if (save->saved.refused == 0)
		return SR_OK;
	return sr_account_fail(&save->account_refused,
			       file->original_path.data ? file->original_path : file->name,
			       save->growth_refused, save->saved.refused);
}

sr_status sr_file_save(sr_catalog *catalog, const sr_file *files, size_t count,
		       sr_outcome *outcomes, sr_id *ids, sr_saved *saved)
{
	return sr_file_save_run(catalog, files, count, outcomes, ids, saved, NULL);
}

sr_status sr_file_save_run(sr_catalog *catalog, const sr_file *files, size_t count,
			   sr_outcome *outcomes, sr_id *ids, sr_saved *saved, sr_activity_run *run)
{
	sr_saving save = {.files = files,
			  .count = count,
			  .run = run,
			  .bulk = {.keys = SR_BUFFER_EMPTY},
			  .category = SR_BUFFER_EMPTY};
	sr_status rc = SR_OK;

	for (size_t i = 0; i < count; i++)
		if ((rc = sr_save_check(&files[i])) != SR_OK)
			goto err0;
	sr_time_format(sr_time_now(), save.now);
	if ((rc = sr_saving_new(&save)) != SR_OK)
		goto err1;
	if (count > LARGE)
		rc = sr_catalog_write_large(catalog, SR_HERE, save_all, &save);
	else if (count == 1 && run == NULL)
		rc = sr_catalog_write_together(catalog, SR_HERE, save_all, sr_saving_together,
					       &save);
	else if (count > 0)
		rc = sr_catalog_write(catalog, SR_HERE, save_all, &save);
	if (rc == SR_OK && count > 0 && run != NULL)
		*run = save.extended;
	if (rc == SR_OK) {
		sr_index_tend(catalog, save.saved.added + save.saved.changed);
		rc = report(catalog, &save, outcomes, ids, saved);
	}
err1:
	sr_saving_free(&save);
err0:
	return sr_return(rc);
}
