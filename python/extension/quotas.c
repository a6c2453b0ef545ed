/*
 * Quotas.
 */
#include <math.h>

#include "module.h"

static PyObject *quota_row(const sr_quota *quota)
{
	return row(8, from_id(&quota->client_id), from_text(quota->client_name),
		   from_integer(quota->quota_bytes), from_integer(quota->available_bytes),
		   from_real(quota->used_percent), from_real(quota->warning_threshold),
		   from_integer(quota->used_bytes), from_string(sr_quota_state_name(quota->state)));
}

CURSOR_KIND(quota_rows, sr_quotas, sr_quota, quota_row);

static PyObject *owned_row(Catalog *self, sr_status rc, sr_quota *quota)
{
	PyObject *tuple = catalog_failed(self, rc) ? NULL : quota_row(quota);

	sr_quota_free(quota);
	return tuple;
}

/* quota_set(client, bytes, warning_threshold=None: as it is) -> quota */
METHOD(quota_set)
{
	static char *names[] = {"client", "bytes", "warning_threshold", NULL};
	sr_quota *quota = NULL;
	double threshold = NAN;
	sr_catalog *handle;
	long long bytes;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&L|O&:quota_set", names, arg_id, &client,
					 &bytes, arg_real, &threshold) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_set(handle, &client, bytes, threshold, &quota));
	return owned_row(self, rc, quota);
}

/* quota_clear(client) -> whether there was one */
METHOD(quota_clear)
{
	static char *names[] = {"client", NULL};
	bool cleared = false;
	sr_catalog *handle;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:quota_clear", names, arg_id,
					 &client) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_clear(handle, &client, &cleared));
	return catalog_failed(self, rc) ? NULL : PyBool_FromLong(cleared);
}

METHOD(quota_get)
{
	static char *names[] = {"client", NULL};
	sr_quota *quota = NULL;
	sr_catalog *handle;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:quota_get", names, arg_id, &client) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_get(handle, &client, &quota));
	return owned_row(self, rc, quota);
}

METHOD(quota_list)
{
	static char *names[] = {NULL};
	sr_quotas *quotas = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":quota_list", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_list(handle, &quotas));
	cursor = cursor_opened(self, rc, &quota_rows, quotas);
	catalog_leave(self);
	return cursor;
}

/* ---- For all ---- */

/* quota_default_set(bytes or None, warning_threshold=None) */
METHOD(quota_default_set)
{
	static char *names[] = {"bytes", "warning_threshold", NULL};
	int64_t bytes = SR_NULL_INTEGER;
	double threshold = NAN;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|O&:quota_default_set", names,
					 arg_integer, &bytes, arg_real, &threshold) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_default_set(handle, bytes, threshold));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* quota_default() -> (bytes or None, warning_threshold or None) */
METHOD(quota_default)
{
	static char *names[] = {NULL};
	sr_catalog *handle;
	double threshold;
	int64_t bytes;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":quota_default", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_default_get(handle, &bytes, &threshold));
	if (catalog_failed(self, rc))
		return NULL;
	return row(2, from_integer(bytes), from_real(threshold));
}

METHOD(quota_enforce_set)
{
	static char *names[] = {"enforce", NULL};
	sr_catalog *handle;
	int enforce;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "p:quota_enforce_set", names, &enforce) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_enforce_set(handle, enforce));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

METHOD(quota_enforce)
{
	static char *names[] = {NULL};
	sr_catalog *handle;
	bool enforce;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":quota_enforce", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_quota_enforce_get(handle, &enforce));
	return catalog_failed(self, rc) ? NULL : PyBool_FromLong(enforce);
}

int quotas_setup(PyObject *module)
{
	return module_add_fields(module, "QUOTA_FIELDS",
				 "client_id client_name quota_bytes available_bytes used_percent "
				 "warning_threshold used_bytes state");
}
