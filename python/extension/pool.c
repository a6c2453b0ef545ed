/*
 * Transactions and the pool.
 */
#include <stdlib.h>

#include "module.h"

/* ---- Transactions ----
 *
 * Python's signals come between two of its steps. So that what it knows of a transaction is always
 * what there is, the calls that begin and end levels keep the list of them, too, in the same step.
 */

/* Takes the last one off the list. */
static void levels_pop(PyObject *levels)
{
	Py_ssize_t count = levels == NULL ? 0 : PyList_Size(levels);
	PyObject *type, *value, *traceback;

	if (count == 0)
		return;
	PyErr_Fetch(&type, &value, &traceback);
	if (PyList_SetSlice(levels, count - 1, count, NULL) != 0)
		PyErr_WriteUnraisable(levels);
	PyErr_Restore(type, value, traceback);
}

/* begin(owner=None, levels=None, name=None): adds the name to the list. */
METHOD(begin)
{
	static char *names[] = {"owner", "levels", "name", NULL};
	const char *owner = NULL;
	PyObject *levels = NULL;
	PyObject *name = Py_None;
	sr_catalog *handle;
	bool bad;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|zO!O:begin", names, &owner, &PyList_Type,
					 &levels, &name) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_begin(handle, owner));
	bad = failed(rc) || (levels != NULL && PyList_Append(levels, name) != 0);
	/* Begun, and a signal's handler has raised: nobody would know of it. */
	if (bad && rc == SR_OK)
		LIBRARY(rc = sr_rollback(handle));
	if (!bad)
		self->levels++;
	catalog_leave(self);
	if (bad)
		return NULL;
	Py_RETURN_NONE;
}

/* The level is gone whatever comes of it. Not so where the call is not made at all, unless that is
 * because the catalog is closed. */
static PyObject *end(Catalog *self, PyObject *levels, sr_status (*how)(sr_catalog *))
{
	sr_catalog *handle = catalog_enter(self);
	sr_status rc;

	if (handle == NULL) {
		if (self->handle == NULL)
			levels_pop(levels);
		return NULL;
	}
	LIBRARY(rc = how(handle));
	self->levels -= self->levels > 0;
	levels_pop(levels);
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* commit(levels=None): takes the last one off the list. */
METHOD(commit)
{
	static char *names[] = {"levels", NULL};
	PyObject *levels = NULL;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O!:commit", names, &PyList_Type,
					 &levels))
		return NULL;
	return end(self, levels, sr_commit);
}

METHOD(rollback)
{
	static char *names[] = {"levels", NULL};
	PyObject *levels = NULL;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O!:rollback", names, &PyList_Type,
					 &levels))
		return NULL;
	return end(self, levels, sr_rollback);
}

/* undo(levels): rolls all of them back in one step. */
METHOD(undo)
{
	static char *names[] = {"levels", NULL};
	PyObject *levels;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!:undo", names, &PyList_Type, &levels))
		return NULL;
	while (PyList_Size(levels) > 0) {
		Py_ssize_t before = PyList_Size(levels);
		PyObject *none = end(self, levels, sr_rollback);

		if (none == NULL && (before == 1 || PyList_Size(levels) == before))
			return NULL;
		/* What the engine has undone already fails for all but the outermost. */
		PyErr_Clear();
		Py_XDECREF(none);
	}
	Py_RETURN_NONE;
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

/* transaction_take(thread, cursors=0): thread as threading.get_native_id() tells it. */
METHOD(transaction_take)
{
	static char *names[] = {"thread", "cursors", NULL};
	sr_catalog *handle;
	Py_ssize_t cursors = 0;
	long long thread;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "L|n:transaction_take", names, &thread,
					 &cursors) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_transaction_take(handle, thread, (size_t)cursors));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* ---- Leases ----
 *
 * A lease is a cursor without rows, so that it ends with its catalog as these do. */

static sr_status lease_next(void *handle, const void **item)
{
	(void)handle;
	*item = NULL;
	return SR_OK;
}

static void lease_close(void *handle)
{
	lease_let_go(handle);
}

static PyObject *lease_row(void *handle, const void *item)
{
	(void)handle;
	(void)item;
	return NULL;
}

static const cursor_kind leases = {lease_next, lease_close, lease_row};

held_lease *lease_hold(held_lease *lease)
{
	if (lease != NULL)
		atomic_fetch_add(&lease->users, 1);
	return lease;
}

void lease_let_go(held_lease *lease)
{
	if (lease == NULL || atomic_fetch_sub(&lease->users, 1) > 1)
		return;
	sr_lease_close(lease->lease);
	free(lease);
}

int arg_lease(PyObject *object, void *out)
{
	held_lease **lease = out;

	*lease = NULL;
	return object == Py_None || (*lease = cursor_handle(object, &leases)) != NULL;
}

/* lease(owner=None) -> a cursor that has no rows: it holds a reader until it is closed. */
METHOD(lease)
{
	static char *names[] = {"owner", NULL};
	held_lease *fresh = NULL;
	const char *owner = NULL;
	PyObject *cursor = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z:lease", names, &owner))
		return NULL;
	if ((fresh = calloc(1, sizeof(*fresh))) == NULL)
		return PyErr_NoMemory();
	atomic_init(&fresh->users, 1);
	if ((handle = catalog_enter(self)) == NULL) {
		free(fresh);
		return NULL;
	}
	LIBRARY(rc = sr_lease_open(handle, owner, false, &fresh->lease));
	if (!failed(rc))
		cursor = cursor_new(self, &leases, fresh);
	else if (rc == SR_OK) /* A signal's handler has raised. */
		LIBRARY(lease_let_go(fresh));
	else
		free(fresh);
	catalog_leave(self);
	return cursor;
}

/* ---- */

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
