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

/* `object` as a value that borrows from it, or from what is added to owners. */
static bool value_take(PyObject *object, sr_value *value, PyObject *owners);

/* What the standard module adapts: dates, and whatever a program has registered an adapter for. */
static bool value_adapt(PyObject *object, sr_value *value, PyObject *owners)
{
	PyObject *sqlite = PyImport_ImportModule("sqlite3");
	PyObject *adapted = NULL;
	bool taken = false;

	if (sqlite == NULL)
		return false;
	adapted = PyObject_CallMethod(sqlite, "adapt", "O", object);
	Py_DECREF(sqlite);
	if (adapted == NULL) {
		PyErr_Clear();
	} else if (adapted != object) {
		taken = PyList_Append(owners, adapted) == 0 && value_take(adapted, value, owners);
	}
	Py_XDECREF(adapted);
	if (!taken && PyErr_Occurred() == NULL)
		PyErr_Format(PyExc_TypeError, "a value is None, int, float, str or bytes, not %R",
			     object);
	return taken;
}

static bool value_text(PyObject *object, sr_value *value, PyObject *owners)
{
	text_arg text;
	bool taken;

	if (!arg_text(object, &text))
		return false;
	/* A name that is not UTF-8 is stored as its bytes. */
	value->type = text.owner == object ? SR_TEXT : SR_BLOB;
	value->text = text.text;
	taken = PyList_Append(owners, text.owner) == 0;
	Py_XDECREF(text.owner);
	return taken;
}

static bool value_bytes(PyObject *object, sr_value *value, PyObject *owners)
{
	PyObject *bytes = PyBytes_FromObject(object);
	text_arg text;
	bool taken;

	if (bytes == NULL)
		return false;
	value->type = SR_BLOB;
	taken = text_of_bytes(bytes, &text) && PyList_Append(owners, bytes) == 0;
	value->text = text.text;
	Py_DECREF(bytes);
	return taken;
}

static bool value_take(PyObject *object, sr_value *value, PyObject *owners)
{
	*value = (sr_value){.type = SR_NULL};
	if (object == Py_None)
		return true;
	if (PyLong_Check(object)) {
		value->type = SR_INTEGER;
		value->integer = PyLong_AsLongLong(object);
		return value->integer != -1 || PyErr_Occurred() == NULL;
	}
	if (PyFloat_Check(object)) {
		value->type = SR_REAL;
		value->real = PyFloat_AsDouble(object);
		return true;
	}
	if (PyUnicode_Check(object))
		return value_text(object, value, owners);
	if (PyBytes_Check(object) || PyByteArray_Check(object) || PyMemoryView_Check(object))
		return value_bytes(object, value, owners);
	return value_adapt(object, value, owners);
}

static bool values_take_row(value_list *list, PyObject *given, size_t row_number, size_t columns)
{
	Py_ssize_t length = PySequence_Size(given);

	if (length < 0)
		return false;
	if ((size_t)length != columns) {
		PyErr_Format(PyExc_ValueError, "row %zu has %zd values, the first one %zu",
			     row_number + 1, length, columns);
		return false;
	}
	for (size_t i = 0; i < columns; i++) {
		PyObject *item = PySequence_GetItem(given, (Py_ssize_t)i);
		bool taken = item != NULL && PyList_Append(list->owners, item) == 0 &&
			     value_take(item, &list->values[list->count], list->owners);

		Py_XDECREF(item);
		if (!taken)
			return false;
		list->count++;
	}
	return true;
}

bool values_take(value_list *list, PyObject *const *rows, size_t row_count, size_t columns)
{
	*list = (value_list){.owners = PyList_New(0)};
	list->values = calloc(row_count * columns + 1, sizeof(*list->values));
	if (list->values == NULL || list->owners == NULL) {
		if (PyErr_Occurred() == NULL)
			PyErr_NoMemory();
		goto fail;
	}
	for (size_t i = 0; i < row_count; i++) {
		if (!values_take_row(list, rows[i], i, columns))
			goto fail;
	}
	return true;

fail:
	values_done(list);
	return false;
}

void values_done(value_list *list)
{
	free(list->values);
	Py_CLEAR(list->owners);
	*list = (value_list){0};
}
