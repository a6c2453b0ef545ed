/*
 * Versions of files. A file is named by its client's id and its key, as sr_file_find does it.
 */
#include "module.h"

static PyObject *version_row(const sr_file_version *version)
{
	return row(11, from_integer(version->id), from_integer(version->number),
		   from_text(version->path), from_integer(version->size), from_text(version->date),
		   from_integer(version->crc), from_text(version->hash),
		   from_text(version->created), PyBool_FromLong(version->active),
		   from_integer(version->parent), PyBool_FromLong(version->pinned));
}

PyObject *from_version(const sr_file_version *version)
{
	return version_row(version);
}

CURSOR_KIND(version_rows, sr_versions, sr_file_version, version_row);

/* version_list(client, key) -> cursor, oldest first */
METHOD(version_list)
{
	static char *names[] = {"client", "key", NULL};
	sr_versions *versions = NULL;
	PyObject *cursor = NULL;
	text_arg key = {0};
	sr_catalog *handle;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&:version_list", names, arg_id,
					 &client, arg_text, &key))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_version_list(handle, &client, key.text, &versions));
		cursor = cursor_opened(self, rc, &version_rows, versions);
		catalog_leave(self);
	}
	text_done(&key);
	return cursor;
}

/* version_find(client, key, number) */
METHOD(version_find)
{
	static char *names[] = {"client", "key", "number", NULL};
	sr_file_version *version = NULL;
	PyObject *result = NULL;
	text_arg key = {0};
	sr_catalog *handle;
	long long number;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&L:version_find", names, arg_id,
					 &client, arg_text, &key, &number))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_version_find(handle, &client, key.text, number, &version));
		if (!catalog_failed(self, rc))
			result = version_row(version);
		sr_version_free(version);
	}
	text_done(&key);
	return result;
}

/* The names of what differs. */
static PyObject *difference(unsigned bits)
{
	static const char *const names[] = {"path", "size",    "date",  "crc",
					    "hash", "created", "pinned"};
	PyObject *list = PyList_New(0);

	for (size_t i = 0; list != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		PyObject *name;

		if ((bits & (1u << i)) == 0)
			continue;
		name = from_string(names[i]);
		if (name == NULL || PyList_Append(list, name) != 0)
			Py_CLEAR(list);
		Py_XDECREF(name);
	}
	return list;
}

/* version_diff(client, key, a, b) -> (version a, version b, list of the fields that differ) */
METHOD(version_diff)
{
	static char *names[] = {"client", "key", "a", "b", NULL};
	sr_file_version *a = NULL, *b = NULL;
	PyObject *result = NULL;
	text_arg key = {0};
	sr_catalog *handle;
	long long first, second;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&LL:version_diff", names, arg_id,
					 &client, arg_text, &key, &first, &second))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_version_find(handle, &client, key.text, first, &a));
		if (rc == SR_OK)
			LIBRARY(rc = sr_version_find(handle, &client, key.text, second, &b));
		if (!catalog_failed(self, rc))
			result = row(3, version_row(a), version_row(b),
				     difference(sr_version_diff(a, b)));
		sr_version_free(a);
		sr_version_free(b);
	}
	text_done(&key);
	return result;
}

/* version_activate(client, key, number) -> the new version's number */
METHOD(version_activate)
{
	static char *names[] = {"client", "key", "number", NULL};
	PyObject *result = NULL;
	text_arg key = {0};
	sr_catalog *handle;
	long long number;
	int64_t activated;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&L:version_activate", names, arg_id,
					 &client, arg_text, &key, &number))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_version_activate(handle, &client, key.text, number, &activated));
		if (!catalog_failed(self, rc))
			result = from_integer(activated);
	}
	text_done(&key);
	return result;
}

/* version_pin(client, key, number=None: the current one, pin=True) -> its number */
METHOD(version_pin)
{
	static char *names[] = {"client", "key", "number", "pin", NULL};
	int64_t number = SR_NULL_INTEGER;
	PyObject *result = NULL;
	text_arg key = {0};
	sr_catalog *handle;
	int pin = 1;
	sr_status rc;
	sr_id client;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&|O&p:version_pin", names, arg_id,
					 &client, arg_text, &key, arg_integer, &number, &pin))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_version_pin(handle, &client, key.text, number, pin, &number));
		if (!catalog_failed(self, rc))
			result = from_integer(number);
	}
	text_done(&key);
	return result;
}

int versions_setup(PyObject *module)
{
	return module_add_fields(module, "VERSION_FIELDS",
				 "id number path size date crc hash created active parent pinned");
}
