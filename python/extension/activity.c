/*
 * Who did what, and what was transferred.
 */
#include "module.h"

static PyObject *activity_row(const sr_activity *activity)
{
	return row(8, from_text(activity->type), from_text(activity->timestamp),
		   activity->has_client ? from_id(&activity->client_id) : from_string(NULL),
		   from_text(activity->client_name), PyBool_FromLong(activity->deleted),
		   from_integer(activity->files), from_integer(activity->bytes),
		   from_text(activity->detail));
}

CURSOR_KIND(activity_rows, sr_activities, sr_activity, activity_row);

/* activity_list(client=None, client_name=None, type=None, since=None, limit=100) -> cursor, newest
 * first; since is an instant. */
METHOD(activity_list)
{
	static char *names[] = {"client", "client_name", "type", "since", "limit", NULL};
	text_arg name = {0}, type = {0};
	id_arg client = {0};
	sr_activities *activities = NULL;
	PyObject *cursor = NULL;
	long long limit = 100;
	sr_activity_query query;
	sr_catalog *handle;
	sr_status rc;

	sr_activity_query_init(&query);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&O&O&O&L:activity_list", names,
					 arg_maybe_id, &client, arg_text, &name, arg_text, &type,
					 arg_integer, &query.since, &limit))
		return NULL;
	query.client = client.given ? &client.id : NULL;
	query.client_name = name.text;
	query.type = type.text;
	query.limit = limit;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_activity_list(handle, &query, &activities));
		cursor = cursor_opened(self, rc, &activity_rows, activities);
		catalog_leave(self);
	}
	text_done(&name);
	text_done(&type);
	return cursor;
}

/* activity_failed(client, count): transfers that failed before a file could be saved */
METHOD(activity_failed)
{
	static char *names[] = {"client", "count", NULL};
	sr_catalog *handle;
	long long count;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&L:activity_failed", names, arg_id,
					 &client, &count) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_activity_failed(handle, &client, count, NULL));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* activity_cleanup(before) -> how many rows went; before is an instant */
METHOD(activity_cleanup)
{
	static char *names[] = {"before", NULL};
	sr_catalog *handle;
	long long before;
	int64_t removed;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "L:activity_cleanup", names, &before) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_activity_cleanup(handle, before, &removed));
	return catalog_failed(self, rc) ? NULL : from_integer(removed);
}

/* ---- Transfers ---- */

static PyObject *transfer_row(const sr_transfer_day *day)
{
	return row(7, from_text(day->date), from_integer(day->total_files),
		   from_integer(day->total_bytes), from_integer(day->successful_transfers),
		   from_integer(day->failed_transfers), from_integer(day->average_file_size),
		   from_integer(day->peak_transfer_speed));
}

CURSOR_KIND(transfer_rows, sr_transfer_days, sr_transfer_day, transfer_row);

/* transfer_list(days=0: all that are known) -> cursor, oldest first */
METHOD(transfer_list)
{
	static char *names[] = {"days", NULL};
	sr_transfer_days *list = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	int days = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|i:transfer_list", names, &days) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_transfer_day_list(handle, days, &list));
	cursor = cursor_opened(self, rc, &transfer_rows, list);
	catalog_leave(self);
	return cursor;
}

int activity_setup(PyObject *module)
{
	if (module_add_fields(module, "ACTIVITY_FIELDS",
			      "type timestamp client_id client_name deleted files bytes detail") !=
	    0)
		return -1;
	return module_add_fields(module, "TRANSFER_FIELDS",
				 "date total_files total_bytes successful_transfers "
				 "failed_transfers average_file_size peak_transfer_speed");
}
