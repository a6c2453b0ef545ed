/*
 * Statistics: of the whole, files by category, size and day, and what clients use.
 */
#include "module.h"

static PyObject *text_at(const void *texts, size_t index)
{
	return from_text(((const sr_text *)texts)[index]);
}

static PyObject *statistics_row(const sr_statistics *s)
{
	return row(19, from_text(s->file_path), from_real(s->file_size_mb),
		   PyBool_FromLong(s->connection_pool_enabled), from_integer(s->pool_size),
		   from_text(s->directory), from_integer(s->stored_files),
		   from_real(s->stored_size_mb), from_integer(s->total_clients),
		   from_integer(s->clients_with_keys), from_real(s->average_days_since_seen),
		   from_integer(s->total_files), from_integer(s->verified_files),
		   from_real(s->verification_rate), from_real(s->average_file_size_mb),
		   from_real(s->total_size_gb), from_real(s->min_file_size_kb),
		   from_real(s->max_file_size_mb), from_integer(s->indexes_count),
		   from_each(text_at, s->indexes, (size_t)s->indexes_count));
}

METHOD(statistics)
{
	static char *names[] = {NULL};
	sr_statistics *statistics = NULL;
	PyObject *tuple = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":statistics", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_statistics_get(handle, &statistics));
	if (!catalog_failed(self, rc))
		tuple = statistics_row(statistics);
	sr_statistics_free(statistics);
	return tuple;
}

/* ---- Totals ---- */

static PyObject *total_row(const sr_total *total)
{
	return row(6, from_text(total->name), from_integer(total->size_from),
		   from_integer(total->size_below), from_integer(total->files),
		   from_integer(total->bytes), from_integer(total->verified_files));
}

CURSOR_KIND(total_rows, sr_totals, sr_total, total_row);

/* For O&: a word. */
static int total_by(PyObject *object, void *out)
{
	static const char *const words[] = {
		[SR_TOTAL_BY_CATEGORY] = "category", [SR_TOTAL_BY_SIZE] = "size",
		[SR_TOTAL_BY_DAY] = "day",           [SR_TOTAL_BY_MONTH] = "month",
		[SR_TOTAL_BY_RECORDED] = "recorded",
	};
	sr_total_by *by = out;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (PyUnicode_Check(object) &&
		    PyUnicode_CompareWithASCIIString(object, words[i]) == 0) {
			*by = (sr_total_by)i;
			return 1;
		}
	}
	PyErr_Format(PyExc_ValueError,
		     "totals are by 'category', 'size', 'day', 'month' or 'recorded', not %R",
		     object);
	return 0;
}

/* total_list(by) -> cursor */
METHOD(total_list)
{
	static char *names[] = {"by", NULL};
	sr_totals *totals = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	sr_total_by by;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:total_list", names, total_by, &by) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_total_list(handle, by, &totals));
	cursor = cursor_opened(self, rc, &total_rows, totals);
	catalog_leave(self);
	return cursor;
}

METHOD(file_sums)
{
	static char *names[] = {NULL};
	sr_file_sums s = {0};
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":file_sums", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_file_sums_get(handle, &s));
	if (catalog_failed(self, rc))
		return NULL;
	return row(6, from_integer(s.files), from_integer(s.sized_files), from_integer(s.bytes),
		   from_integer(s.verified_files), from_integer(s.verified_sized_files),
		   from_integer(s.verified_bytes));
}

/* ---- What clients use ---- */

static PyObject *usage_row(const sr_client_usage *usage)
{
	return row(9, from_id(&usage->id), from_text(usage->name), from_text(usage->last_seen),
		   from_integer(usage->files), from_integer(usage->bytes),
		   from_real(usage->share_percent), from_text(usage->last_activity),
		   from_integer(usage->growth_bytes), from_text(usage->growth_since));
}

CURSOR_KIND(usage_rows, sr_client_usages, sr_client_usage, usage_row);

/* client_usage_list(days=30) -> cursor */
METHOD(client_usage_list)
{
	static char *names[] = {"days", NULL};
	sr_client_usages *usages = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	int days = 30;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|i:client_usage_list", names, &days) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_client_usage_list(handle, days, &usages));
	cursor = cursor_opened(self, rc, &usage_rows, usages);
	catalog_leave(self);
	return cursor;
}

int statistics_setup(PyObject *module)
{
	if (module_add_fields(module, "STATISTICS_FIELDS",
			      "file_path file_size_mb connection_pool_enabled pool_size directory "
			      "stored_files stored_size_mb total_clients clients_with_keys "
			      "average_days_since_seen total_files verified_files "
			      "verification_rate average_file_size_mb total_size_gb "
			      "min_file_size_kb max_file_size_mb indexes_count indexes") != 0 ||
	    module_add_fields(module, "TOTAL_FIELDS",
			      "name size_from size_below files bytes verified_files") != 0 ||
	    module_add_fields(module, "FILE_SUMS_FIELDS",
			      "files sized_files bytes verified_files verified_sized_files "
			      "verified_bytes") != 0)
		return -1;
	return module_add_fields(module, "CLIENT_USAGE_FIELDS",
				 "id name last_seen files bytes share_percent last_activity "
				 "growth_bytes growth_since");
}
