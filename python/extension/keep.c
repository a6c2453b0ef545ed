/*
 * Rules of what is kept, for versions and for backups.
 */
#include "module.h"

static bool keep_rule(sr_keep *keep, PyObject *rule, PyObject *value)
{
	PyObject *words = PyObject_Str(value);
	const char *name = PyUnicode_AsUTF8AndSize(rule, NULL);
	const char *text = words == NULL ? NULL : PyUnicode_AsUTF8AndSize(words, NULL);
	bool taken = name != NULL && text != NULL && !failed(sr_keep_set(keep, name, text));

	Py_XDECREF(words);
	return taken;
}

int arg_keep(PyObject *object, void *out)
{
	PyObject *rule, *value;
	Py_ssize_t position = 0;
	sr_keep *keep = out;

	sr_keep_init(keep);
	if (!PyDict_Check(object)) {
		PyErr_Format(PyExc_TypeError, "rules of what is kept are a dict, not %R", object);
		return 0;
	}
	while (PyDict_Next(object, &position, &rule, &value)) {
		if (!keep_rule(keep, rule, value))
			return 0;
	}
	return 1;
}

/* A number of a rule: None where it is not set, -1 for all. */
static PyObject *from_rule(int64_t number)
{
	return from_integer(number == 0 ? SR_NULL_INTEGER : number);
}

PyObject *from_keep(const sr_keep *keep)
{
	return row(6, from_rule(keep->last), from_rule(keep->daily), from_rule(keep->weekly),
		   from_rule(keep->monthly), from_rule(keep->yearly), from_rule(keep->within));
}

PyObject *from_kept(unsigned kept, const sr_keep *keep)
{
	char text[SR_KEPT_TEXT_SIZE];

	sr_kept_format(kept, keep, text);
	return from_string(text);
}

int keep_setup(PyObject *module)
{
	return module_add_fields(module, "KEEP_FIELDS", "last daily weekly monthly yearly within");
}
