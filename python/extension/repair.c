/*
 * Mending a catalog, reading what is left of a damaged one, and building the search index.
 */
#include "module.h"

/* ---- Repair ---- */

static PyObject *step_row(const sr_repair_step *step)
{
	return row(6, from_string(step->code), from_string(step->subject),
		   from_integer(step->count), from_string(step->what), from_integer(step->done),
		   from_string(step->failure));
}

/* (list of steps, damage or None, backup or None) */
static PyObject *repair_row(const sr_repair *repair)
{
	PyObject *list = PyList_New((Py_ssize_t)repair->step_count);

	for (size_t i = 0; list != NULL && i < repair->step_count; i++) {
		PyObject *step = step_row(&repair->steps[i]);

		if (step == NULL)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, (Py_ssize_t)i, step);
	}
	return row(3, list, from_string(repair->damage), from_string(repair->backup));
}

/* repair(apply=False, backup=True, progress=None): what would be done, or was. */
METHOD(repair)
{
	static char *names[] = {"apply", "backup", "progress", NULL};
	PyObject *result = NULL;
	PyObject *progress = NULL;
	sr_repair *repair = NULL;
	int apply = 0, backup = 1;
	sr_repair_options options;
	sr_catalog *handle;
	sr_status rc;

	sr_repair_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|ppO&:repair", names, &apply, &backup,
					 arg_progress, &progress))
		return NULL;
	options.backup = backup;
	options.progress = progress_call;
	options.progress_arg = progress;
	if ((handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_repair_plan(handle, &options, &repair));
	if (rc == SR_OK && apply && PyErr_Occurred() == NULL)
		LIBRARY(rc = sr_repair_apply(handle, repair, &options));
	if (!catalog_failed(self, rc))
		result = repair_row(repair);
	sr_repair_free(repair);
	return result;
}

/* search_index_build(anew=False, progress=None) -> how many files were indexed */
METHOD(search_index_build)
{
	static char *names[] = {"anew", "progress", NULL};
	PyObject *progress = NULL;
	sr_catalog *handle;
	int64_t rows = 0;
	int anew = 0;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|pO&:search_index_build", names, &anew,
					 arg_progress, &progress) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_search_index_build(handle, anew, progress_call, progress, &rows));
	return catalog_failed(self, rc) ? NULL : from_integer(rows);
}

/* ---- Salvage ---- */

/* The library's callback: `arg` is a callable, or NULL. */
static void tell_refused(void *arg, const char *table, int64_t number, const char *why)
{
	PyGILState_STATE state;

	if (arg == NULL)
		return;
	state = PyGILState_Ensure();
	/* What it raises stops the work when progress is asked for next. */
	if (PyErr_Occurred() == NULL)
		(void)progress_ask(
			arg, row(3, from_string(table), from_integer(number), from_string(why)));
	PyGILState_Release(state);
}

static PyObject *salvaged_table_row(const sr_salvaged_table *table)
{
	return row(7, from_string(table->name), from_integer(table->saved),
		   from_integer(table->adrift), from_integer(table->refused),
		   from_integer(table->lost), PyBool_FromLong(table->exact),
		   from_integer(table->orphans));
}

static PyObject *salvaged_row(const sr_salvaged *salvaged)
{
	PyObject *tables = PyList_New((Py_ssize_t)salvaged->table_count);
	PyObject *notes = PyList_New((Py_ssize_t)salvaged->note_count);

	for (size_t i = 0; tables != NULL && i < salvaged->table_count; i++) {
		PyObject *table = salvaged_table_row(&salvaged->tables[i]);

		if (table == NULL)
			Py_CLEAR(tables);
		else
			PyList_SetItem(tables, (Py_ssize_t)i, table);
	}
	for (size_t i = 0; notes != NULL && i < salvaged->note_count; i++) {
		PyObject *note = from_string(salvaged->notes[i]);

		if (note == NULL)
			Py_CLEAR(notes);
		else
			PyList_SetItem(notes, (Py_ssize_t)i, note);
	}
	return row(9, from_string(salvaged->path), from_integer(salvaged->from_version),
		   from_integer(salvaged->version), from_integer(salvaged->saved),
		   from_integer(salvaged->refused), from_integer(salvaged->lost),
		   PyBool_FromLong(salvaged->exact), tables, notes);
}

/* salvage(damaged, fresh, progress=None, refused=None); refused(table, row, why) */
PyObject *module_salvage(PyObject *module, PyObject *args, PyObject *keywords)
{
	static char *names[] = {"damaged", "fresh", "progress", "refused", NULL};
	text_arg damaged = {0}, fresh = {0};
	PyObject *progress = NULL, *refused = NULL;
	PyObject *result = NULL;
	sr_salvaged *salvaged = NULL;
	sr_salvage_options options;
	sr_status rc;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&|O&O&:salvage", names, arg_path,
					 &damaged, arg_path, &fresh, arg_progress, &progress,
					 arg_progress, &refused))
		return NULL;
	sr_salvage_options_init(&options);
	options.progress = progress_call;
	options.progress_arg = progress;
	options.refused = tell_refused;
	options.refused_arg = refused;
	LIBRARY(rc = sr_salvage(damaged.text.data, fresh.text.data, &options, &salvaged));
	if (!failed(rc))
		result = salvaged_row(salvaged);
	sr_salvaged_free(salvaged);
	text_done(&damaged);
	text_done(&fresh);
	return result;
}

int repair_setup(PyObject *module)
{
	if (module_add_fields(module, "REPAIR_STEP_FIELDS",
			      "code subject count what done failure") != 0 ||
	    module_add_fields(module, "SALVAGED_TABLE_FIELDS",
			      "name saved adrift refused lost exact orphans") != 0)
		return -1;
	return module_add_fields(module, "SALVAGED_FIELDS",
				 "path from_version version saved refused lost exact tables notes");
}
