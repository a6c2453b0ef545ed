/* What was known below a folder, for those who look what is still there. */
#include <stdlib.h>
#include <string.h>

#include "ordered.h"

/* ---- Listing ---- */

typedef struct below {
	sr_reading reading; /* Zeroed once the last row was seen. */
	sr_ordered *ordered;
	sr_id client;
	size_t left;  /* Rows that may still be handed out. */
	sr_file file; /* What the last step handed out. */
} below;

static void below_end(below *list)
{
	sr_ordered_free(list->ordered);
	list->ordered = NULL;
	sr_reading_end(&list->reading);
	memset(&list->reading, 0, sizeof(list->reading));
}

static sr_status below_next(void *state, const sr_file **file)
{
	below *list = state;
	sr_stmt *row = NULL;
	sr_status rc = SR_OK;

	if (list->ordered == NULL)
		return SR_OK;
	if (list->left > 0)
		rc = sr_ordered_next(list->ordered, &row);
	if (rc != SR_OK || row == NULL) {
		below_end(list);
		return rc;
	}
	list->left--;
	sr_file_read(row, &list->file);
	if ((rc = sr_stmt_check(row)) != SR_OK) {
		below_end(list);
		return rc;
	}
	*file = &list->file;
	return SR_OK;
}

static void below_close(void *state)
{
	below_end(state);
	free(state);
}

static const sr_files_source below_source = {below_next, below_close};

static sr_status open_below(below *list, sr_text folder, sr_text after)
{
	sr_buffer prefix = SR_BUFFER_EMPTY;
	sr_buffer end = SR_BUFFER_EMPTY;
	sr_ordered_range range = {0};
	sr_status rc;

	while (folder.length > 0 && folder.data[folder.length - 1] == '/')
		folder.length--;
	sr_buffer_add_text(&prefix, folder);
	sr_buffer_add_string(&prefix, "/");
	if ((rc = sr_buffer_status(&prefix)) != SR_OK)
		goto err0;
	if ((rc = sr_prefix_end(sr_buffer_text(&prefix), &end)) != SR_OK)
		goto err0;
	range.from = sr_buffer_text(&prefix);
	range.until = sr_buffer_text(&end);
	if (after.data != NULL && sr_text_compare(after, range.from) >= 0) {
		range.from = after;
		range.after = true;
	}
	if ((rc = sr_ordered_new(&list->ordered, &list->reading, &list->client)) != SR_OK)
		goto err0;
	rc = sr_ordered_add(list->ordered, &range, false);

err0:
	sr_buffer_free(&end);
	sr_buffer_free(&prefix);
	return rc;
}

sr_status sr_file_list_below(sr_catalog *catalog, const sr_id *client, sr_text folder,
			     sr_text after, size_t limit, sr_files **cursor)
{
	below *list;
	sr_status rc;

	*cursor = NULL;
	if ((list = calloc(1, sizeof(*list))) == NULL)
		return sr_return(sr_fail_memory());
	list->client = *client;
	list->left = limit ? limit : SIZE_MAX;
	rc = sr_reading_begin(catalog, SR_HERE, &list->reading);
	if (rc == SR_OK)
		rc = sr_file_check_client(&list->reading, client);
	if (rc == SR_OK)
		rc = open_below(list, folder, after);
	if (rc == SR_OK)
		return sr_return(sr_files_new(cursor, &below_source, list));
	below_close(list);
	return sr_return(rc);
}

/* ---- Marking ---- */

typedef struct marking {
	const sr_id *client;
	const sr_text *paths;
	size_t count;
	char when[SR_TIME_TEXT_SIZE];
	int64_t marked; /* Of the run at hand. */
} marking;

static sr_status mark(sr_conn *conn, void *arg)
{
	marking *work = arg;
	sr_stmt *stmt;
	sr_status rc;

	work->marked = 0;
	rc = sr_prepare(conn,
			"UPDATE files SET MissingSince = $3"
			" WHERE ClientID = $1 AND OriginalPath = $2 AND MissingSince IS NULL",
			&stmt);
	if (rc != SR_OK)
		return rc;
	for (size_t i = 0; rc == SR_OK && i < work->count; i++) {
		sr_bind_id(stmt, 1, work->client);
		sr_bind_name(stmt, 2, work->paths[i]);
		sr_bind_text(stmt, 3, work->when);
		if ((rc = sr_run(stmt)) == SR_OK)
			work->marked += sr_conn_changes(conn);
	}
	return sr_stmt_end(stmt, rc);
}

sr_status sr_file_mark_missing(sr_catalog *catalog, const sr_id *client, const sr_text *paths,
			       size_t count, int64_t when, int64_t *marked)
{
	marking work = {.client = client, .paths = paths, .count = count};
	sr_status rc = SR_OK;

	sr_time_format(when, work.when);
	if (count > 0)
		rc = sr_catalog_write(catalog, SR_HERE, mark, &work);
	if (rc == SR_OK && marked != NULL)
		*marked = work.marked;
	return sr_return(rc);
}
