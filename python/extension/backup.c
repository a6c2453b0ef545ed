/*
 * Backups: making, verifying, rotating and restoring them.
 *
 * All but the first work on a catalog that is not open: `options` is a dictionary of what the type
 * Catalog takes.
 */
#include "module.h"

static PyObject *backed_up_row(const sr_backed_up *made)
{
	return row(10, from_string(made->path), from_integer(made->bytes),
		   from_integer(made->database_bytes), from_integer(made->tables),
		   from_integer(made->rows), PyLong_FromLong(made->schema_version),
		   PyBool_FromLong(made->compressed), PyBool_FromLong(made->encrypted),
		   from_real(made->seconds), from_real(made->seconds_copying));
}

/* backup(path=None, compress=False, key=None, progress=None); progress(step, done, total) */
METHOD(backup)
{
	static char *names[] = {"path", "compress", "key", "progress", NULL};
	text_arg path = {0}, key = {0};
	PyObject *progress = NULL;
	PyObject *result = NULL;
	sr_backup_options options;
	sr_catalog *handle;
	sr_backed_up made;
	int compress = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&pO&O&:backup", names, arg_path, &path,
					 &compress, arg_text, &key, arg_progress, &progress))
		return NULL;
	sr_backup_options_init(&options);
	options.path = path.text.data;
	options.compress = compress;
	options.key = key.text.data;
	options.key_length = key.text.length;
	options.progress = progress_stage;
	options.progress_arg = progress;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_backup(handle, &options, &made));
		if (!catalog_failed(self, rc))
			result = backed_up_row(&made);
	}
	text_done(&path);
	text_done(&key);
	return result;
}

/* ---- Reading one ---- */

/* What verify and restore take. */
typedef struct reading {
	opening options;
	text_arg path;
	text_arg key;
	sr_backup_read_options how;
} reading;

static bool reading_take(reading *r, PyObject *args, PyObject *keywords, const char *format)
{
	static char *names[] = {"options", "path", "key", "full_check", "progress", NULL};
	PyObject *progress = NULL;
	int full_check = 0;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, arg_options, &r->options,
					 arg_path, &r->path, arg_text, &r->key, &full_check,
					 arg_progress, &progress))
		return false;
	sr_backup_read_options_init(&r->how);
	r->how.key = r->key.text.data;
	r->how.key_length = r->key.text.length;
	r->how.full_check = full_check;
	r->how.progress = progress_stage;
	r->how.progress_arg = progress;
	return true;
}

static void reading_done(reading *r)
{
	opening_done(&r->options);
	text_done(&r->path);
	text_done(&r->key);
}

/* backup_verify(options, path, key=None, full_check=False, progress=None) */
PyObject *module_backup_verify(PyObject *module, PyObject *args, PyObject *keywords)
{
	PyObject *result = NULL;
	sr_backup_report report;
	reading r = {0};
	sr_status rc;

	(void)module;
	if (!reading_take(&r, args, keywords, "O&O&|O&pO&:backup_verify"))
		return NULL;
	LIBRARY(rc = sr_backup_verify(&r.options.options, r.path.text.data, &r.how, &report));
	if (!failed(rc))
		result = row(7, from_integer(report.bytes), from_integer(report.database_bytes),
			     from_integer(report.tables), from_integer(report.rows),
			     PyLong_FromLong(report.schema_version),
			     PyBool_FromLong(report.compressed), PyBool_FromLong(report.encrypted));
	reading_done(&r);
	return result;
}

/* A path of a result; "" is None. */
static PyObject *from_path(const char *path)
{
	return from_string(path[0] == '\0' ? NULL : path);
}

/* restore(options, path, key=None, full_check=False, progress=None) */
PyObject *module_restore(PyObject *module, PyObject *args, PyObject *keywords)
{
	PyObject *result = NULL;
	sr_restored restored;
	reading r = {0};
	sr_status rc;

	(void)module;
	if (!reading_take(&r, args, keywords, "O&O&|O&pO&:restore"))
		return NULL;
	LIBRARY(rc = sr_restore(&r.options.options, r.path.text.data, &r.how, &restored));
	if (!failed(rc))
		result =
			row(10, from_path(restored.path), from_path(restored.kept),
			    from_path(restored.set_aside), PyLong_FromLong(restored.from_version),
			    PyLong_FromLong(restored.version), from_integer(restored.tables),
			    from_integer(restored.rows), from_real(restored.seconds),
			    PyBool_FromLong(restored.keys_plain), from_integer(restored.keys_lost));
	reading_done(&r);
	return result;
}

/* ---- Rotating ---- */

/* The library's callback: adds a row to the list of `arg`. */
static void add_rotation(void *arg, const sr_rotation *backup)
{
	const kept_list *list = arg;
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *tuple = NULL;

	if (PyErr_Occurred() == NULL)
		tuple = row(4, from_string(backup->path), from_integer(backup->instant),
			    from_integer(backup->bytes), from_kept(backup->kept, list->keep));
	if (tuple != NULL)
		(void)PyList_Append(list->rows, tuple);
	Py_XDECREF(tuple);
	PyGILState_Release(state);
}

/* backup_rotate(options, folder, keep, dry_run=False) -> (kept, removed, bytes_removed, list of
 * (path, instant, bytes, why it is kept, or "")) */
PyObject *module_backup_rotate(PyObject *module, PyObject *args, PyObject *keywords)
{
	static char *names[] = {"options", "folder", "keep", "dry_run", NULL};
	opening options = {0};
	text_arg folder = {0};
	kept_list list = {0};
	PyObject *result = NULL;
	sr_rotated rotated;
	int dry_run = 0;
	sr_keep keep;
	sr_status rc;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&O&|p:backup_rotate", names,
					 arg_options, &options, arg_path, &folder, arg_keep, &keep,
					 &dry_run))
		return NULL;
	list.keep = &keep;
	if ((list.rows = PyList_New(0)) != NULL) {
		LIBRARY(rc = sr_backup_rotate(&options.options, folder.text.data, &keep, dry_run,
					      add_rotation, &list, &rotated));
		if (!failed(rc)) {
			Py_INCREF(list.rows);
			result = row(4, from_integer(rotated.kept), from_integer(rotated.removed),
				     from_integer(rotated.bytes_removed), list.rows);
		}
	}
	Py_XDECREF(list.rows);
	opening_done(&options);
	text_done(&folder);
	return result;
}

int backup_setup(PyObject *module)
{
	if (module_add_fields(module, "BACKED_UP_FIELDS",
			      "path bytes database_bytes tables rows schema_version compressed "
			      "encrypted seconds seconds_copying") != 0 ||
	    module_add_fields(module, "BACKUP_REPORT_FIELDS",
			      "bytes database_bytes tables rows schema_version compressed "
			      "encrypted") != 0 ||
	    module_add_fields(module, "RESTORED_FIELDS",
			      "path kept set_aside from_version version tables rows seconds "
			      "keys_plain keys_lost") != 0)
		return -1;
	return module_add_fields(module, "ROTATION_FIELDS", "path instant bytes kept");
}
