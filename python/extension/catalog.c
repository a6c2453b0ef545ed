/*
 * The type Catalog: opening, closing, and who is inside.
 */
#include <unistd.h>

#include "module.h"

PyTypeObject *catalog_type;

/* ---- Who is inside ---- */

/* What a thread may call: of a catalog that is being closed only who is in a transaction, which
 * goes on to its end. */
static sr_catalog *open_to_thread(const Catalog *self)
{
	if (self->handle != NULL || self->closing == NULL || !sr_in_transaction(self->closing))
		return self->handle;
	return self->closing;
}

sr_catalog *catalog_enter(Catalog *self)
{
	sr_catalog *handle = open_to_thread(self);

	if (handle == NULL) {
		raise_error(SR_CLOSED, "the catalog is closed");
		return NULL;
	}
	if (call_is_running()) {
		raise_error(SR_INVALID, "a progress function or a signal's handler cannot use the "
					"catalog in the midst of a call that this thread makes");
		return NULL;
	}
	self->calls++;
	return handle;
}

/* Closes what nobody is in any more. */
static sr_status close_now(Catalog *self)
{
	sr_catalog *handle = self->closing;
	sr_status rc;

	self->closing = NULL;
	if (handle == NULL)
		return SR_OK;
	LIBRARY(rc = sr_close(handle));
	return rc;
}

void catalog_leave(Catalog *self)
{
	PyObject *type, *value, *traceback;

	self->calls--;
	if (self->calls > 0 || self->levels > 0 || self->closing == NULL)
		return;
	PyErr_Fetch(&type, &value, &traceback);
	if (failed(close_now(self)))
		PyErr_WriteUnraisable((PyObject *)self);
	PyErr_Restore(type, value, traceback);
}

bool catalog_failed(Catalog *self, sr_status status)
{
	bool bad = failed(status);

	catalog_leave(self);
	return bad;
}

/* ---- Opening ---- */

/* Settings that may be left to the environment: None is that. */
static int maybe_flag(PyObject *object, void *out)
{
	int *flag = out;

	*flag = object == Py_None ? -1 : PyObject_IsTrue(object);
	return object == Py_None || *flag >= 0;
}

static int durability(PyObject *object, void *out)
{
	sr_durability *chosen = out;

	if (object == Py_None)
		*chosen = SR_DURABILITY_DEFAULT;
	else if (PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, "full") == 0)
		*chosen = SR_DURABILITY_FULL;
	else if (PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, "normal") == 0)
		*chosen = SR_DURABILITY_NORMAL;
	else {
		PyErr_Format(PyExc_ValueError, "durability is 'full' or 'normal', not %R", object);
		return 0;
	}
	return 1;
}

static bool parse_options(opening *o, PyObject *args, PyObject *keywords)
{
	static char *names[] = {
		"path",       "config_file", "storage_dir",     "pool_size", "timeout",
		"durability", "read_only",   "create",          "migrate",   "direct",
		"backup",     "validate",    "block_dangerous", "base_dir",  "master_key_file",
		NULL};
	int read_only = 0, create = 0, migrate = 0, direct = 0;

	if (!PyArg_ParseTupleAndKeywords(
		    args, keywords, "|O&$O&O&idO&ppppO&O&O&O&O&:Catalog", names, arg_text, &o->path,
		    arg_text, &o->config_file, arg_text, &o->storage_dir, &o->options.pool_size,
		    &o->options.timeout, durability, &o->options.durability, &read_only, &create,
		    &migrate, &direct, maybe_flag, &o->options.backup, maybe_flag,
		    &o->options.validate, maybe_flag, &o->options.block_dangerous, arg_text,
		    &o->base_dir, arg_text, &o->master_key_file))
		return false;
	o->options.path = o->path.text.data;
	o->options.config_file = o->config_file.text.data;
	o->options.storage_dir = o->storage_dir.text.data;
	o->options.base_dir = o->base_dir.text.data;
	o->options.master_key_file = o->master_key_file.text.data;
	o->options.read_only = read_only;
	o->options.create = create;
	o->options.migrate = migrate;
	o->options.direct = direct;
	return true;
}

void opening_done(opening *o)
{
	text_done(&o->path);
	text_done(&o->config_file);
	text_done(&o->storage_dir);
	text_done(&o->base_dir);
	text_done(&o->master_key_file);
}

int arg_options(PyObject *object, void *out)
{
	opening *o = out;
	PyObject *nothing;
	bool taken;

	if (object == NULL) { /* PyArg_Parse cleans up. */
		opening_done(o);
		return 1;
	}
	*o = (opening){0};
	sr_options_init(&o->options);
	if (!PyDict_Check(object)) {
		PyErr_Format(PyExc_TypeError, "options are a dict, not %R", object);
		return 0;
	}
	if ((nothing = PyTuple_New(0)) == NULL)
		return 0;
	taken = parse_options(o, nothing, object);
	Py_DECREF(nothing);
	return taken ? Py_CLEANUP_SUPPORTED : 0;
}

static int catalog_init(PyObject *object, PyObject *args, PyObject *keywords)
{
	Catalog *self = (Catalog *)object;
	opening o = {0};
	sr_catalog *handle = NULL;
	int result = -1;
	sr_status rc;

	if (self->handle != NULL) {
		PyErr_SetString(PyExc_RuntimeError, "the catalog is open");
		return -1;
	}
	sr_options_init(&o.options);
	if (!parse_options(&o, args, keywords))
		return -1;
	LIBRARY(rc = sr_open(&handle, &o.options));
	if (!failed(rc)) {
		self->handle = handle;
		self->pid = (long)getpid();
		result = 0;
	} else if (rc == SR_OK) { /* Opened, and a signal's handler has raised. */
		LIBRARY((void)sr_close(handle));
	}
	opening_done(&o);
	return result;
}

/* ---- Closing ---- */

/* Other threads' calls end, and so do transactions, unless somebody has forgotten them. */
#define PATIENCE_MS 30000

static bool wait_for_others(Catalog *self)
{
	/* In a child the threads that were inside are not there any more. */
	if (self->pid != (long)getpid())
		self->calls = self->levels = 0;
	for (int waited = 0; self->closing != NULL; waited += 10) {
		if (self->calls == 0 && (self->levels == 0 || waited > PATIENCE_MS))
			break;
		LIBRARY(usleep(10000));
		if (PyErr_CheckSignals() != 0)
			return false;
	}
	return true;
}

/* Rolls back what this thread has open. */
static void end_transaction(Catalog *self)
{
	sr_catalog *handle = self->handle;
	sr_status rc = SR_OK;

	while (rc == SR_OK && sr_in_transaction(handle)) {
		LIBRARY(rc = sr_rollback(handle));
		self->levels -= self->levels > 0;
	}
}

static PyObject *catalog_close(Catalog *self, PyObject *Py_UNUSED(none))
{
	if (self->handle != NULL) {
		end_transaction(self);
		self->closing = self->handle;
		self->handle = NULL;
		cursors_close(self);
	}
	if (!wait_for_others(self))
		return NULL;
	if (failed(close_now(self)))
		return NULL;
	Py_RETURN_NONE;
}

static void catalog_dealloc(PyObject *object)
{
	Catalog *self = (Catalog *)object;
	PyTypeObject *type = Py_TYPE(object);
	PyObject *error, *value, *traceback;
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	PyErr_Fetch(&error, &value, &traceback);
	if (self->handle != NULL) {
		self->closing = self->handle;
		self->handle = NULL;
	}
	if (failed(close_now(self)))
		PyErr_WriteUnraisable(NULL);
	PyErr_Restore(error, value, traceback);
	release(object);
	Py_DECREF(type);
}

/* ---- What it is ---- */

static PyObject *catalog_path(Catalog *self, void *Py_UNUSED(closure))
{
	sr_catalog *handle = catalog_enter(self);
	PyObject *path;

	if (handle == NULL)
		return NULL;
	path = from_string(sr_catalog_path(handle));
	catalog_leave(self);
	return path;
}

static PyObject *catalog_closed(Catalog *self, void *Py_UNUSED(closure))
{
	return PyBool_FromLong(self->handle == NULL);
}

static PyObject *catalog_version(Catalog *self, PyObject *Py_UNUSED(none))
{
	sr_catalog *handle = catalog_enter(self);
	int version = 0;
	sr_status rc;

	if (handle == NULL)
		return NULL;
	LIBRARY(rc = sr_catalog_version(handle, &version));
	return catalog_failed(self, rc) ? NULL : PyLong_FromLong(version);
}

/* ---- The type ---- */

#define ENTRY(name)                                                                                \
	{                                                                                          \
#name, (PyCFunction)(void (*)(void))catalog_##name, METH_VARARGS | METH_KEYWORDS,  \
			NULL                                                                       \
	}

static PyMethodDef methods[] = {
	{"close", (PyCFunction)(void (*)(void))catalog_close, METH_NOARGS, NULL},
	{"version", (PyCFunction)(void (*)(void))catalog_version, METH_NOARGS, NULL},
	/* clients.c */
	ENTRY(client_save),
	ENTRY(client_by_id),
	ENTRY(client_by_name),
	ENTRY(client_update),
	ENTRY(client_delete),
	ENTRY(client_count),
	ENTRY(client_list),
	/* files.c */
	ENTRY(file_save),
	ENTRY(file_find),
	ENTRY(file_by_id),
	ENTRY(file_set_verified),
	ENTRY(file_verify),
	ENTRY(file_delete),
	ENTRY(file_delete_stored),
	ENTRY(file_list),
	/* statistics.c */
	ENTRY(statistics),
	ENTRY(total_list),
	ENTRY(file_sums),
	ENTRY(client_usage_list),
	/* metrics.c */
	ENTRY(metric_record),
	ENTRY(metric_list),
	ENTRY(metric_cleanup),
	/* health.c */
	ENTRY(health),
	ENTRY(size_limits),
	ENTRY(optimize),
	ENTRY(optimize_needs),
	/* pool.c */
	ENTRY(begin),
	ENTRY(commit),
	ENTRY(rollback),
	ENTRY(undo),
	ENTRY(in_transaction),
	ENTRY(transaction_take),
	ENTRY(lease),
	ENTRY(pool_statistics),
	/* sql.c */
	ENTRY(describe),
	ENTRY(execute),
	ENTRY(execute_fetch),
	ENTRY(execute_many),
	ENTRY(execute_more),
	ENTRY(execute_script),
	/* select.c */
	ENTRY(query),
	ENTRY(select),
	ENTRY(more),
	ENTRY(fetch),
	/* search.c */
	ENTRY(search),
	ENTRY(search_page),
	ENTRY(search_count),
	/* backup.c */
	ENTRY(backup),
	/* migrations.c */
	ENTRY(migrate),
	ENTRY(migrate_verify),
	ENTRY(migrate_own),
	ENTRY(migrate_own_down),
	/* record.c */
	ENTRY(record),
	/* versions.c */
	ENTRY(version_list),
	ENTRY(version_find),
	ENTRY(version_diff),
	ENTRY(version_activate),
	ENTRY(version_pin),
	/* prune.c */
	ENTRY(policy_set),
	ENTRY(policy_clear),
	ENTRY(policy_get),
	ENTRY(policy_list),
	ENTRY(prune),
	/* quotas.c */
	ENTRY(quota_set),
	ENTRY(quota_clear),
	ENTRY(quota_get),
	ENTRY(quota_list),
	ENTRY(quota_default_set),
	ENTRY(quota_default),
	ENTRY(quota_enforce_set),
	ENTRY(quota_enforce),
	/* keys.c */
	ENTRY(keys_status),
	ENTRY(keys_init),
	ENTRY(keys_unwrap),
	ENTRY(keys_check),
	/* activity.c */
	ENTRY(activity_list),
	ENTRY(activity_failed),
	ENTRY(activity_cleanup),
	ENTRY(transfer_list),
	/* categories.c */
	ENTRY(category_list),
	ENTRY(category_rules),
	ENTRY(category_of),
	ENTRY(category_add),
	ENTRY(category_update),
	ENTRY(category_delete),
	ENTRY(category_assign),
	ENTRY(category_classify),
	/* repair.c */
	ENTRY(repair),
	ENTRY(search_index_build),
	/* folders.c */
	ENTRY(folder),
	{NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
	{"path", (getter)catalog_path, NULL, NULL, NULL},
	{"closed", (getter)catalog_closed, NULL, NULL, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
	{Py_tp_new, PyType_GenericNew},   {Py_tp_init, catalog_init},
	{Py_tp_dealloc, catalog_dealloc}, {Py_tp_methods, methods},
	{Py_tp_getset, properties},       {0, NULL},
};

static PyType_Spec spec = {
	.name = "strongroom._strongroom.Catalog",
	.basicsize = sizeof(Catalog),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int catalog_setup(PyObject *module)
{
	catalog_type = (PyTypeObject *)PyType_FromSpec(&spec);
	if (catalog_type == NULL)
		return -1;
	return PyModule_AddObjectRef(module, "Catalog", (PyObject *)catalog_type);
}
