/*
 * Values that programs keep under a name.
 */
#include "module.h"

static PyObject *metric_row(const sr_metric *metric)
{
	return row(2, from_string(metric->timestamp), from_real(metric->value));
}

CURSOR_KIND(metric_rows, sr_metrics, sr_metric, metric_row);

/* metric_record(name, value) */
METHOD(metric_record)
{
	static char *names[] = {"name", "value", NULL};
	text_arg name = {0};
	sr_catalog *handle;
	double value;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&d:metric_record", names, arg_text,
					 &name, &value))
		return NULL;
	if ((handle = catalog_enter(self)) == NULL) {
		text_done(&name);
		return NULL;
	}
	LIBRARY(rc = sr_metric_record(handle, name.text, value));
	text_done(&name);
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* metric_list(name, hours=24) -> cursor */
METHOD(metric_list)
{
	static char *names[] = {"name", "hours", NULL};
	sr_metrics *metrics = NULL;
	PyObject *cursor = NULL;
	text_arg name = {0};
	sr_catalog *handle;
	long long hours = 24;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|L:metric_list", names, arg_text, &name,
					 &hours))
		return NULL;
	if ((handle = catalog_enter(self)) == NULL) {
		text_done(&name);
		return NULL;
	}
	LIBRARY(rc = sr_metric_list(handle, name.text, hours, &metrics));
	text_done(&name);
	cursor = cursor_opened(self, rc, &metric_rows, metrics);
	catalog_leave(self);
	return cursor;
}

/* metric_cleanup(days) -> how many went */
METHOD(metric_cleanup)
{
	static char *names[] = {"days", NULL};
	sr_catalog *handle;
	int64_t removed = 0;
	long long days;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "L:metric_cleanup", names, &days) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_metric_cleanup(handle, days, &removed));
	return catalog_failed(self, rc) ? NULL : from_integer(removed);
}

int metrics_setup(PyObject *module)
{
	return module_add_fields(module, "METRIC_FIELDS", "timestamp value");
}
