/*
 * How clients' AES keys are kept.
 */
#include "module.h"

static PyObject *master_row(const void *masters, size_t index)
{
	const sr_master_key *master = &((const sr_master_key *)masters)[index];

	return row(5, from_string(master->id), from_text(master->since),
		   PyBool_FromLong(master->current), PyBool_FromLong(master->in_ring),
		   from_integer(master->clients));
}

/* keys_status() -> status, the last of whose values is a tuple of master keys */
METHOD(keys_status)
{
	static char *names[] = {NULL};
	sr_keys_status *status = NULL;
	PyObject *result = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":keys_status", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_keys_status_get(handle, &status));
	if (!catalog_failed(self, rc))
		result = row(10, PyBool_FromLong(status->wrapping),
			     PyBool_FromLong(status->keep_plain), from_integer(status->wrapped),
			     from_integer(status->plain), from_integer(status->without),
			     from_text(status->ring), PyBool_FromLong(status->ring_read),
			     from_text(status->ring_says), from_text(status->cleaned),
			     from_each(master_row, status->masters, status->master_count));
	sr_keys_status_free(status);
	return result;
}

static PyObject *done_row(const sr_keys_done *done)
{
	return row(6, from_string(done->id[0] != '\0' ? done->id : NULL),
		   PyBool_FromLong(done->ring_made), PyBool_FromLong(done->begun),
		   from_integer(done->changed), PyBool_FromLong(done->cleaned),
		   from_string(done->why[0] != '\0' ? done->why : NULL));
}

/* keys_init(progress=None) -> what was done; progress(step, done, total) */
METHOD(keys_init)
{
	static char *names[] = {"progress", NULL};
	PyObject *progress = NULL;
	sr_keys_options options;
	sr_catalog *handle;
	sr_keys_done done;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&:keys_init", names, arg_progress,
					 &progress) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	sr_keys_options_init(&options);
	options.progress = progress_stage;
	options.progress_arg = progress;
	LIBRARY(rc = sr_keys_init(handle, &options, &done));
	return catalog_failed(self, rc) ? NULL : done_row(&done);
}

/* keys_unwrap() -> how many keys are plain now that were not */
METHOD(keys_unwrap)
{
	static char *names[] = {NULL};
	sr_catalog *handle;
	sr_keys_done done;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":keys_unwrap", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_keys_unwrap(handle, &done));
	return catalog_failed(self, rc) ? NULL : from_integer(done.changed);
}

/* Called without Python's lock. */
static void take_fault(void *arg, const sr_key_fault *fault)
{
	PyObject *list = arg, *item;
	PyGILState_STATE state = PyGILState_Ensure();

	item = row(4, from_id(&fault->client), from_text(fault->name),
		   from_string(sr_status_name(fault->status)), from_string(fault->message));
	/* Without memory there is an exception, which is seen at the end. */
	if (item != NULL)
		(void)PyList_Append(list, item);
	Py_XDECREF(item);
	PyGILState_Release(state);
}

/* keys_check() -> (how many wrapped keys there are, list of those that cannot be read) */
METHOD(keys_check)
{
	static char *names[] = {NULL};
	int64_t checked = 0, faults = 0;
	PyObject *list, *result = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":keys_check", names) ||
	    (list = PyList_New(0)) == NULL)
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_keys_check(handle, take_fault, list, &checked, &faults));
		if (!catalog_failed(self, rc) && !PyErr_Occurred())
			result = row(2, from_integer(checked), Py_NewRef(list));
	}
	Py_DECREF(list);
	return result;
}

int keys_setup(PyObject *module)
{
	if (module_add_fields(module, "KEYS_FIELDS",
			      "wrapping keep_plain wrapped plain without ring ring_read ring_says "
			      "cleaned masters") < 0 ||
	    module_add_fields(module, "KEYS_DONE_FIELDS",
			      "id ring_made begun changed cleaned why") < 0)
		return -1;
	return module_add_fields(module, "MASTER_KEY_FIELDS", "id since current in_ring clients");
}
