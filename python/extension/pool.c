/*
 * Transactions and the pool.
 */
#include "module.h"

METHOD(begin)
{
	static char *names[] = {"owner", NULL};
	const char *owner = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z:begin", names, &owner) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_begin(handle, owner));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *end(Catalog *self, sr_status (*how)(sr_catalog *))
{
	sr_catalog *handle = catalog_enter(self);
	sr_status rc;

	if (handle == NULL)
		return NULL;
	LIBRARY(rc = how(handle));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

METHOD(commit)
{
	static char *names[] = {NULL};

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":commit", names))
		return NULL;
	return end(self, sr_commit);
}

METHOD(rollback)
{
	static char *names[] = {NULL};

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":rollback", names))
		return NULL;
	return end(self, sr_rollback);
}

METHOD(in_transaction)
{
	static char *names[] = {NULL};
	sr_catalog *handle;
	bool inside;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":in_transaction", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(inside = sr_in_transaction(handle));
	catalog_leave(self);
	return PyBool_FromLong(inside);
}

METHOD(pool_statistics)
{
	static char *names[] = {NULL};
	sr_pool_statistics s = {0};
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":pool_statistics", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_pool_statistics_get(handle, &s));
	if (catalog_failed(self, rc))
		return NULL;
	return row(22, PyBool_FromLong(s.enabled), from_integer(s.size), from_integer(s.active),
		   from_integer(s.available), from_integer(s.waiting), from_integer(s.peak),
		   from_integer(s.created), from_integer(s.closed), from_integer(s.recycled),
		   from_integer(s.acquired), from_integer(s.waits), from_integer(s.timeouts),
		   from_integer(s.leaks), from_real(s.oldest), from_real(s.wait_p50),
		   from_real(s.wait_p95), from_real(s.wait_p99), from_real(s.wait_max),
		   from_integer(s.commits), from_integer(s.operations), from_integer(s.checkpoints),
		   from_integer(s.log_bytes));
}

int pool_setup(PyObject *module)
{
	return module_add_fields(module, "POOL_FIELDS",
				 "enabled size active available waiting peak created closed "
				 "recycled acquired waits timeouts leaks oldest wait_p50 wait_p95 "
				 "wait_p99 wait_max commits operations checkpoints log_bytes");
}
