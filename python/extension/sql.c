/*
 * SQL of the caller's.
 */
#include "module.h"

bool statement_values(statement *given)
{
	Py_ssize_t count = given->parameters ? PySequence_Size(given->parameters) : 0;

	if (count < 0)
		return false;
	return values_take(&given->values, &given->parameters, count > 0 ? 1 : 0, (size_t)count);
}

static bool statement_take(statement *given, PyObject *args, PyObject *keywords, const char *format)
{
	static char *names[] = {"sql", "parameters", NULL};

	return PyArg_ParseTupleAndKeywords(args, keywords, format, names, &given->sql,
					   &given->parameters) &&
	       statement_values(given);
}

static PyObject *executed_row(const sr_executed *executed)
{
	return row(2, from_integer(executed->changes), from_integer(executed->last_row_id));
}

/* execute(sql, parameters=()) -> (changes, last_row_id) */
METHOD(execute)
{
	statement given = {0};
	sr_executed executed = {0};
	sr_catalog *handle;
	sr_status rc;

	if (!statement_take(&given, args, keywords, "s|O:execute"))
		return NULL;
	if ((handle = catalog_enter(self)) == NULL) {
		values_done(&given.values);
		return NULL;
	}
	LIBRARY(rc = sr_execute(handle, given.sql, given.values.values, given.values.count,
				&executed));
	values_done(&given.values);
	return catalog_failed(self, rc) ? NULL : executed_row(&executed);
}

typedef sr_status (*many_call)(sr_catalog *, const char *, const sr_value *, size_t, size_t,
			       sr_executed *);

static PyObject *run_many(Catalog *self, PyObject *args, PyObject *keywords, many_call call)
{
	static char *names[] = {"sql", "rows", NULL};
	const char *sql;
	PyObject *rows, *copy;
	PyObject *result = NULL;
	PyObject **items = NULL;
	value_list values = {0};
	sr_executed executed = {0};
	sr_catalog *handle;
	Py_ssize_t count, columns;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "sO:execute_many", names, &sql, &rows))
		return NULL;
	if ((copy = PySequence_Tuple(rows)) == NULL)
		return NULL;
	count = PyTuple_Size(copy);
	if (count == 0) {
		result = executed_row(&executed);
		goto err0;
	}
	if ((columns = PySequence_Size(PyTuple_GetItem(copy, 0))) < 0)
		goto err0;
	if ((items = PyMem_New(PyObject *, (size_t)count)) == NULL) {
		PyErr_NoMemory();
		goto err0;
	}
	for (Py_ssize_t i = 0; i < count; i++)
		items[i] = PyTuple_GetItem(copy, i);
	if (!values_take(&values, items, (size_t)count, (size_t)columns))
		goto err1;
	if ((handle = catalog_enter(self)) == NULL)
		goto err2;
	LIBRARY(rc = call(handle, sql, values.values, (size_t)count, (size_t)columns, &executed));
	if (!catalog_failed(self, rc))
		result = executed_row(&executed);

err2:
	values_done(&values);
err1:
	PyMem_Free(items);
err0:
	Py_DECREF(copy);
	return result;
}

/* execute_many(sql, list of rows) -> (changes, last_row_id) */
METHOD(execute_many)
{
	return run_many(self, args, keywords, sr_execute_many);
}

/* execute_more(sql, list of rows) -> (changes, last_row_id) */
METHOD(execute_more)
{
	return run_many(self, args, keywords, sr_execute_more);
}

static PyObject *table_rows(const sr_table *table)
{
	PyObject *list = PyList_New((Py_ssize_t)table->rows);

	for (size_t i = 0; list != NULL && i < table->rows; i++) {
		PyObject *tuple = values_row(table->values + i * table->columns, table->columns);

		if (tuple == NULL)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, (Py_ssize_t)i, tuple);
	}
	return list;
}

/* execute_fetch(sql, parameters=()) -> (changes, last_row_id, names, list of rows) */
METHOD(execute_fetch)
{
	statement given = {0};
	sr_executed executed = {0};
	sr_table *table = NULL;
	PyObject *result = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!statement_take(&given, args, keywords, "s|O:execute_fetch"))
		return NULL;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_execute_fetch(handle, given.sql, given.values.values,
					      given.values.count, &executed, &table));
		if (!catalog_failed(self, rc))
			result = row(4, from_integer(executed.changes),
				     from_integer(executed.last_row_id),
				     from_strings(table->names, table->columns), table_rows(table));
		LIBRARY(sr_table_free(table));
	}
	values_done(&given.values);
	return result;
}

METHOD(execute_script)
{
	static char *names[] = {"sql", NULL};
	const char *sql;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "s:execute_script", names, &sql) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_execute_script(handle, sql));
	if (catalog_failed(self, rc))
		return NULL;
	Py_RETURN_NONE;
}

/* ---- What a statement is ---- */

static const char *kind_name(sr_statement_kind kind)
{
	switch (kind) {
	case SR_STATEMENT_NONE:
		break;
	case SR_STATEMENT_READS:
		return "reads";
	case SR_STATEMENT_WRITES:
		return "writes";
	case SR_STATEMENT_DEFINES:
		return "defines";
	case SR_STATEMENT_PRAGMA:
		return "pragma";
	case SR_STATEMENT_BEGINS:
		return "begins";
	case SR_STATEMENT_COMMITS:
		return "commits";
	case SR_STATEMENT_ROLLS_BACK:
		return "rolls back";
	case SR_STATEMENT_SAVEPOINT:
		return "savepoint";
	case SR_STATEMENT_RELEASES:
		return "releases";
	case SR_STATEMENT_ROLLS_BACK_TO:
		return "rolls back to";
	}
	return "none";
}

/* describe(sql, lease=None) -> (kind, subject, inserts, names of parameters, names of columns) */
METHOD(describe)
{
	static char *names[] = {"sql", "lease", NULL};
	sr_description *found = NULL;
	PyObject *result = NULL;
	held_lease *lease = NULL;
	sr_catalog *handle;
	const char *sql;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|O&:describe", names, &sql, arg_lease,
					 &lease) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	lease = lease_hold(lease); /* Another thread may close it meanwhile. */
	if (lease != NULL)
		LIBRARY(rc = sr_lease_describe(lease->lease, sql, &found));
	else
		LIBRARY(rc = sr_describe(handle, sql, &found));
	if (!catalog_failed(self, rc))
		result = row(5, from_string(kind_name(found->kind)), from_string(found->subject),
			     PyBool_FromLong(found->inserts),
			     from_strings(found->parameter, found->parameters),
			     from_strings(found->column, found->columns));
	sr_description_free(found);
	lease_let_go(lease);
	return result;
}
