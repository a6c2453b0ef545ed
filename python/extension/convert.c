/*
 * Values between Python and the library.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"

/* ---- To Python ---- */

PyObject *from_text(sr_text text)
{
	if (text.data == NULL)
		Py_RETURN_NONE;
	return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.length, "surrogateescape");
}

PyObject *from_string(const char *text)
{
	return from_text(sr_text_of(text));
}

PyObject *from_bytes(sr_text text)
{
	if (text.data == NULL)
		Py_RETURN_NONE;
	return PyBytes_FromStringAndSize(text.data, (Py_ssize_t)text.length);
}

PyObject *from_id(const sr_id *id)
{
	return PyBytes_FromStringAndSize((const char *)id->bytes, sizeof(id->bytes));
}

PyObject *from_integer(int64_t value)
{
	if (value == SR_NULL_INTEGER)
		Py_RETURN_NONE;
	return PyLong_FromLongLong(value);
}

PyObject *from_real(double value)
{
	if (isnan(value))
		Py_RETURN_NONE;
	return PyFloat_FromDouble(value);
}

PyObject *from_value(const sr_value *value)
{
	switch (value->type) {
	case SR_NULL:
		break;
	case SR_INTEGER:
		return PyLong_FromLongLong(value->integer);
	case SR_REAL:
		return PyFloat_FromDouble(value->real);
	case SR_TEXT:
		return from_text(value->text);
	case SR_BLOB:
		return PyBytes_FromStringAndSize(value->text.data, (Py_ssize_t)value->text.length);
	}
	Py_RETURN_NONE;
}

PyObject *from_each(PyObject *(*item)(const void *of, size_t index), const void *of, size_t count)
{
	PyObject *tuple = PyTuple_New((Py_ssize_t)count);

	for (size_t i = 0; tuple != NULL && i < count; i++) {
		PyObject *made = item(of, i);

		if (made == NULL)
			Py_CLEAR(tuple);
		else
			PyTuple_SetItem(tuple, (Py_ssize_t)i, made);
	}
	return tuple;
}

static PyObject *string_at(const void *strings, size_t index)
{
	return from_string(((const char *const *)strings)[index]);
}

PyObject *from_strings(const char *const *strings, size_t count)
{
	return from_each(string_at, (const void *)strings, count);
}

PyObject *row(Py_ssize_t count, ...)
{
	PyObject *tuple = PyTuple_New(count);
	bool whole = tuple != NULL;
	va_list items;

	va_start(items, count);
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *item = va_arg(items, PyObject *);

		if (item == NULL)
			whole = false;
		else if (tuple == NULL)
			Py_DECREF(item);
		else
			PyTuple_SetItem(tuple, i, item);
	}
	va_end(items);
	if (!whole)
		Py_CLEAR(tuple);
	return tuple;
}

/* ---- From Python ---- */

static bool text_of_bytes(PyObject *bytes, text_arg *text)
{
	char *data;
	Py_ssize_t length;

	if (PyBytes_AsStringAndSize(bytes, &data, &length) != 0)
		return false;
	text->text = (sr_text){data, (size_t)length};
	return true;
}

int arg_text(PyObject *object, void *out)
{
	text_arg *text = out;
	const char *utf8;
	Py_ssize_t length;

	if (object == NULL) { /* PyArg_Parse cleans up. */
		text_done(text);
		return 1;
	}
	*text = (text_arg){0};
	if (object == Py_None)
		return 1;
	text->owner = PyOS_FSPath(object); /* str and bytes stay what they are. */
	if (text->owner == NULL)
		return 0;
	if (PyBytes_Check(text->owner)) {
		if (text_of_bytes(text->owner, text))
			return Py_CLEANUP_SUPPORTED;
	} else if ((utf8 = PyUnicode_AsUTF8AndSize(text->owner, &length)) != NULL) {
		text->text = (sr_text){utf8, (size_t)length};
		return Py_CLEANUP_SUPPORTED;
	} else if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
		PyObject *bytes;

		PyErr_Clear();
		bytes = PyUnicode_AsEncodedString(text->owner, "utf-8", "surrogateescape");
		Py_DECREF(text->owner);
		text->owner = bytes;
		if (bytes != NULL && text_of_bytes(bytes, text))
			return Py_CLEANUP_SUPPORTED;
	}
	text_done(text);
	return 0;
}

void text_done(text_arg *text)
{
	Py_CLEAR(text->owner);
	text->text = (sr_text){0};
}

int arg_id(PyObject *object, void *out)
{
	sr_id *id = out;
	const char *digits;

	if (PyBytes_Check(object)) {
		char *data;
		Py_ssize_t length;

		if (PyBytes_AsStringAndSize(object, &data, &length) != 0)
			return 0;
		if (length != sizeof(id->bytes)) {
			PyErr_Format(PyExc_ValueError, "an id has 16 bytes, not %zd", length);
			return 0;
		}
		memcpy(id->bytes, data, sizeof(id->bytes));
		return 1;
	}
	if (!PyUnicode_Check(object)) {
		PyErr_Format(PyExc_TypeError, "an id is 16 bytes or 32 hex digits, not %R", object);
		return 0;
	}
	if ((digits = PyUnicode_AsUTF8AndSize(object, NULL)) == NULL)
		return 0;
	return !failed(sr_id_parse(digits, id));
}

int arg_maybe_id(PyObject *object, void *out)
{
	id_arg *id = out;

	id->given = object != Py_None;
	return !id->given || arg_id(object, &id->id);
}

int arg_integer(PyObject *object, void *out)
{
	int64_t *integer = out;

	*integer = SR_NULL_INTEGER;
	if (object == Py_None)
		return 1;
	*integer = PyLong_AsLongLong(object);
	return *integer != -1 || PyErr_Occurred() == NULL;
}

int arg_real(PyObject *object, void *out)
{
	double *real = out;

	*real = NAN;
	if (object == Py_None)
		return 1;
	*real = PyFloat_AsDouble(object);
	return *real != -1.0 || PyErr_Occurred() == NULL;
}

/* ---- Values of statements ---- */

static bool keep(value_list *list, PyObject *owner)
{
	if (list->owners == NULL && (list->owners = PyList_New(0)) == NULL)
		return false;
	return PyList_Append(list->owners, owner) == 0;
}

static bool value_text(PyObject *object, sr_value *value, value_list *list)
{
	Py_ssize_t length;
	const char *utf8 = PyUnicode_AsUTF8AndSize(object, &length);
	text_arg text;
	bool taken;

	if (utf8 != NULL) {
		value->type = SR_TEXT;
		value->text = (sr_text){utf8, (size_t)length};
		return true;
	}
	if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
		return false;
	PyErr_Clear();
	if (!arg_text(object, &text))
		return false;
	/* A name that is not UTF-8 is stored as its bytes. */
	value->type = SR_BLOB;
	value->text = text.text;
	taken = keep(list, text.owner);
	Py_XDECREF(text.owner);
	return taken;
}

/* Of bytearray, memoryview and the like; nobody can change the copy meanwhile. */
static bool value_buffer(PyObject *object, sr_value *value, value_list *list)
{
	PyObject *bytes = PyBytes_FromObject(object);
	text_arg text = {0};
	bool taken;

	if (bytes == NULL)
		return false;
	taken = text_of_bytes(bytes, &text) && keep(list, bytes);
	value->type = SR_BLOB;
	value->text = text.text;
	Py_DECREF(bytes);
	return taken;
}

static bool value_integer(PyObject *object, sr_value *value)
{
	value->type = SR_INTEGER;
	value->integer = PyLong_AsLongLong(object);
	return value->integer != -1 || PyErr_Occurred() == NULL;
}

/* What needs no look at the adapters. */
static bool is_plain(PyObject *object)
{
	return object == Py_None || PyLong_CheckExact(object) || PyFloat_CheckExact(object) ||
	       PyUnicode_CheckExact(object) || PyBytes_CheckExact(object) || PyBool_Check(object);
}

/* `object` as a value that borrows from it, or from what is added to the list's owners. */
static bool value_take(PyObject *object, sr_value *value, value_list *list)
{
	text_arg text;
	PyObject *name;

	*value = (sr_value){.type = SR_NULL};
	if (object == Py_None)
		return true;
	if (PyLong_Check(object))
		return value_integer(object, value);
	if (PyUnicode_Check(object))
		return value_text(object, value, list);
	if (PyFloat_Check(object)) {
		value->type = SR_REAL;
		value->real = PyFloat_AsDouble(object);
		return true;
	}
	if (PyBytes_Check(object)) {
		value->type = SR_BLOB;
		if (!text_of_bytes(object, &text))
			return false;
		value->text = text.text;
		return true;
	}
	if (PyObject_CheckBuffer(object))
		return value_buffer(object, value, list);
	name = PyType_GetName(Py_TYPE(object));
	if (name != NULL)
		PyErr_Format(PyExc_TypeError,
			     "Error binding parameter %zu: type '%U' is not supported; a value is "
			     "None, int, float, str, bytes, or what sqlite3 has an adapter for",
			     list->count + 1, name);
	Py_XDECREF(name);
	return false;
}

/* What the standard module adapts: dates, and whatever a program has registered an adapter for.
 * Everything else comes back as it was. A new reference. */
static PyObject *adapted(PyObject *object)
{
	static PyObject *adapt, *protocol;

	if (adapt == NULL) {
		PyObject *sqlite = PyImport_ImportModule("sqlite3");

		if (sqlite == NULL)
			return NULL;
		protocol = PyObject_GetAttrString(sqlite, "PrepareProtocol");
		adapt = protocol == NULL ? NULL : PyObject_GetAttrString(sqlite, "adapt");
		Py_DECREF(sqlite);
		if (adapt == NULL)
			return NULL;
	}
	return PyObject_CallFunctionObjArgs(adapt, object, protocol, object, NULL);
}

static bool value_adapt(PyObject *object, sr_value *value, value_list *list)
{
	PyObject *fit = adapted(object);
	bool taken;

	if (fit == NULL)
		return false;
	taken = (fit == object || keep(list, fit)) && value_take(fit, value, list);
	Py_DECREF(fit);
	return taken;
}

static bool values_take_row(value_list *list, PyObject *given, size_t row_number, size_t columns)
{
	PyObject *tuple; /* What keeps the items, whoever changes a list meanwhile. */
	bool taken = true;

	if (PyTuple_CheckExact(given)) {
		tuple = given;
		Py_INCREF(tuple);
	} else if ((tuple = PySequence_Tuple(given)) == NULL || !keep(list, tuple)) {
		Py_XDECREF(tuple);
		return false;
	}
	if ((size_t)PyTuple_Size(tuple) != columns) {
		PyErr_Format(PyExc_ValueError, "row %zu has %zd values, the first one %zu",
			     row_number + 1, PyTuple_Size(tuple), columns);
		taken = false;
	}
	for (size_t i = 0; taken && i < columns; i++) {
		PyObject *item = PyTuple_GetItem(tuple, (Py_ssize_t)i);
		sr_value *value = &list->values[list->count];

		taken = is_plain(item) ? value_take(item, value, list)
				       : value_adapt(item, value, list);
		if (taken)
			list->count++;
	}
	Py_DECREF(tuple);
	return taken;
}

bool values_take(value_list *list, PyObject *const *rows, size_t row_count, size_t columns)
{
	*list = (value_list){.values = calloc(row_count * columns + 1, sizeof(*list->values))};
	if (list->values == NULL) {
		PyErr_NoMemory();
		return false;
	}
	for (size_t i = 0; i < row_count; i++) {
		if (!values_take_row(list, rows[i], i, columns)) {
			values_done(list);
			return false;
		}
	}
	return true;
}

void values_done(value_list *list)
{
	free(list->values);
	Py_CLEAR(list->owners);
	*list = (value_list){0};
}
