/*
 * The type Cursor: an iterator over rows of any kind, which come from the library one at a time.
 *
 * A cursor holds one of the catalog's readers until its last row or its close. It belongs to one
 * thread at a time; a second one gets an error.
 */
#include "module.h"

static PyTypeObject *cursor_type;

static void unlink_cursor(Cursor *self)
{
	if (self->previous != NULL)
		self->previous->next = self->next;
	else if (self->catalog->cursors == self)
		self->catalog->cursors = self->next;
	if (self->next != NULL)
		self->next->previous = self->previous;
	self->previous = NULL;
	self->next = NULL;
}

/* Gives the reader back. Nobody is in the cursor. */
static void release(Cursor *self)
{
	const cursor_kind *kind = self->kind;
	void *handle = self->handle;

	if (handle == NULL)
		return;
	self->handle = NULL;
	unlink_cursor(self);
	LIBRARY(kind->close(handle));
	catalog_leave(self->catalog);
}

PyObject *cursor_new(Catalog *catalog, const cursor_kind *kind, void *handle)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(cursor_type, Py_tp_alloc);
	Cursor *self = (Cursor *)allocate(cursor_type, 0);

	if (self == NULL) {
		LIBRARY(kind->close(handle));
		return NULL;
	}
	Py_INCREF((PyObject *)catalog);
	self->catalog = catalog;
	self->kind = kind;
	self->handle = handle;
	self->next = catalog->cursors;
	if (self->next != NULL)
		self->next->previous = self;
	catalog->cursors = self;
	catalog->calls++; /* Until release: the catalog cannot be freed beneath it. */
	return (PyObject *)self;
}

PyObject *cursor_opened(Catalog *catalog, sr_status status, const cursor_kind *kind, void *handle)
{
	PyObject *type, *value, *traceback;

	if (!failed(status))
		return cursor_new(catalog, kind, handle);
	if (handle != NULL) { /* Opened, and then came Ctrl-C. */
		PyErr_Fetch(&type, &value, &traceback);
		LIBRARY(kind->close(handle));
		PyErr_Restore(type, value, traceback);
	}
	return NULL;
}

void *cursor_handle(PyObject *object, const cursor_kind *kind)
{
	Cursor *self = (Cursor *)object;

	if (!PyObject_TypeCheck(object, cursor_type) || self->kind != kind) {
		PyErr_SetString(PyExc_TypeError, "this is no cursor of that kind");
		return NULL;
	}
	if (self->handle == NULL)
		raise_error(SR_CLOSED, "the cursor is closed");
	return self->handle;
}

void *cursor_use(PyObject *object, const cursor_kind *kind)
{
	Cursor *self = (Cursor *)object;
	void *handle = cursor_handle(object, kind);

	if (handle == NULL)
		return NULL;
	if (self->busy) {
		raise_error(SR_INVALID, "another thread is reading from this cursor");
		return NULL;
	}
	self->busy = true;
	return handle;
}

/* With an exception that is set or none. Whatever comes of it: where the catalog is being closed,
 * it waits for this cursor to be. */
void cursor_used(PyObject *object, bool at_end)
{
	Cursor *self = (Cursor *)object;
	PyObject *type, *value, *traceback;

	self->busy = false;
	if (!at_end && self->catalog->handle != NULL)
		return;
	PyErr_Fetch(&type, &value, &traceback);
	release(self);
	PyErr_Restore(type, value, traceback);
}

void cursors_close(Catalog *catalog)
{
	Cursor *self = catalog->cursors;

	while (self != NULL) {
		Cursor *next = self->next;

		if (!self->busy)
			release(self);
		self = next;
	}
}

/* ---- As an iterator ---- */

static PyObject *cursor_next(PyObject *object)
{
	Cursor *self = (Cursor *)object;
	PyObject *tuple = NULL;
	const void *item = NULL;
	sr_status rc;

	if (self->handle == NULL)
		return NULL;
	if (self->busy) {
		raise_error(SR_INVALID, "another thread is reading from this cursor");
		return NULL;
	}
	self->busy = true;
	LIBRARY(rc = self->kind->next(self->handle, &item));
	if (!failed(rc) && item != NULL)
		tuple = self->kind->row(self->handle, item);
	cursor_used(object, tuple == NULL);
	return tuple;
}

static PyObject *cursor_close(PyObject *object, PyObject *Py_UNUSED(none))
{
	Cursor *self = (Cursor *)object;

	if (self->busy) {
		raise_error(SR_INVALID, "another thread is reading from this cursor");
		return NULL;
	}
	release(self);
	Py_RETURN_NONE;
}

static void cursor_dealloc(PyObject *object)
{
	Cursor *self = (Cursor *)object;
	PyTypeObject *type = Py_TYPE(object);
	PyObject *error, *value, *traceback;
	freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);

	PyErr_Fetch(&error, &value, &traceback);
	release(self);
	Py_XDECREF((PyObject *)self->catalog);
	PyErr_Restore(error, value, traceback);
	free_object(object);
	Py_DECREF(type);
}

static PyMethodDef methods[] = {
	{"close", cursor_close, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
	{Py_tp_dealloc, cursor_dealloc},
	{Py_tp_iter, PyObject_SelfIter},
	{Py_tp_iternext, cursor_next},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec spec = {
	.name = "strongroom._strongroom.Cursor",
	.basicsize = sizeof(Cursor),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int cursor_setup(PyObject *module)
{
	cursor_type = (PyTypeObject *)PyType_FromSpec(&spec);
	if (cursor_type == NULL)
		return -1;
	return PyModule_AddObjectRef(module, "Cursor", (PyObject *)cursor_type);
}
