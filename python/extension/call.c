/*
 * Calling the library: signals in, exceptions out.
 */
#include <unistd.h>

#include "module.h"

static PyObject *error_classes; /* By the short name of the status: strongroom.errors.BY_STATUS. */

/* Whether this thread is in a call: what runs then was called back by it. */
static _Thread_local int inside;

/* Python's handlers of signals run in the main thread, here and now: what they raise, ends the
 * call. */
static bool is_signalled(void *arg)
{
	PyGILState_STATE state = PyGILState_Ensure();
	bool stop = PyErr_Occurred() != NULL || PyErr_CheckSignals() != 0;

	(void)arg;
	PyGILState_Release(state);
	return stop;
}

void call_begins(void)
{
	static _Thread_local bool prepared;

	inside++;
	if (prepared)
		return;
	prepared = true;
	if (gettid() == getpid())
		sr_cancel_set(is_signalled, NULL);
}

void call_ends(void)
{
	inside--;
}

bool call_is_running(void)
{
	return inside > 0;
}

void raise_error(sr_status status, const char *message)
{
	PyObject *class = PyDict_GetItemString(error_classes, sr_status_name(status));
	PyObject *words = from_string(message);

	if (words == NULL)
		return;
	if (class == NULL) /* A status that errors.py has forgotten. */
		class = PyExc_RuntimeError;
	PyErr_SetObject(class, words);
	Py_DECREF(words);
}

bool failed(sr_status status)
{
	/* A signal's handler has raised; that goes before what the library says of it. */
	if (PyErr_Occurred() != NULL) {
		log_deliver();
		return true;
	}
	if (status == SR_OK) {
		log_deliver();
		return PyErr_Occurred() != NULL;
	}
	raise_error(status, sr_error_message());
	log_deliver();
	return true;
}

/* ---- Progress ---- */

bool progress_ask(PyObject *callable, PyObject *arguments)
{
	PyObject *result = arguments == NULL ? NULL : PyObject_CallObject(callable, arguments);
	int stop = result == NULL ? 1 : PyObject_IsTrue(result);

	Py_XDECREF(result);
	Py_XDECREF(arguments);
	return stop != 0;
}

bool progress_call(void *arg, int64_t done, int64_t total)
{
	PyGILState_STATE state = PyGILState_Ensure();
	/* An earlier call of this one may have raised already, and the library still be finishing.
	 */
	bool stop = PyErr_Occurred() != NULL || PyErr_CheckSignals() != 0;

	if (!stop && arg != NULL)
		stop = progress_ask(arg, Py_BuildValue("(LL)", (long long)done, (long long)total));
	PyGILState_Release(state);
	return stop;
}

bool progress_stage(void *arg, const char *step, int64_t done, int64_t total)
{
	PyGILState_STATE state = PyGILState_Ensure();
	bool stop = PyErr_Occurred() != NULL || PyErr_CheckSignals() != 0;

	if (!stop && arg != NULL)
		stop = progress_ask(
			arg, Py_BuildValue("(sLL)", step, (long long)done, (long long)total));
	PyGILState_Release(state);
	return stop;
}

int arg_progress(PyObject *object, void *out)
{
	PyObject **callable = out;

	if (object != Py_None && !PyCallable_Check(object)) {
		PyErr_Format(PyExc_TypeError, "progress is a callable or None, not %R", object);
		return 0;
	}
	*callable = object == Py_None ? NULL : object;
	return 1;
}

/* ---- */

/* STATUSES: the short names of all failures. */
static int add_statuses(PyObject *module)
{
	PyObject *list = PyList_New(0);
	int result = list == NULL ? -1 : 0;

	for (int status = SR_OK + 1; result == 0 && status <= SR_OUTCOME_UNKNOWN; status++) {
		PyObject *name = from_string(sr_status_name((sr_status)status));

		result = name == NULL ? -1 : PyList_Append(list, name);
		Py_XDECREF(name);
	}
	if (result == 0)
		result = PyModule_AddObjectRef(module, "STATUSES", list);
	Py_XDECREF(list);
	return result;
}

int call_setup(PyObject *module)
{
	PyObject *errors = PyImport_ImportModule("strongroom.errors");

	if (errors == NULL)
		return -1;
	error_classes = PyObject_GetAttrString(errors, "BY_STATUS");
	Py_DECREF(errors);
	return error_classes == NULL ? -1 : add_statuses(module);
}
