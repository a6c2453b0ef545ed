/*
 * The module: what it holds, and how it comes up.
 */
#include "module.h"

int module_add_fields(PyObject *module, const char *name, const char *fields)
{
	PyObject *words = from_string(fields);
	PyObject *list = words == NULL ? NULL : PyObject_CallMethod(words, "split", NULL);
	PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);
	int result = tuple == NULL ? -1 : PyModule_AddObjectRef(module, name, tuple);

	Py_XDECREF(words);
	Py_XDECREF(list);
	Py_XDECREF(tuple);
	return result;
}

#define KEYWORDS(function)                                                                         \
	(PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS, NULL

static PyMethodDef functions[] = {
	{"set_log", module_set_log, METH_O, NULL},
	/* backup.c */
	{"backup_verify", KEYWORDS(module_backup_verify)},
	{"restore", KEYWORDS(module_restore)},
	{"backup_rotate", KEYWORDS(module_backup_rotate)},
	/* migrations.c */
	{"migration_status", KEYWORDS(module_migration_status)},
	/* health.c */
	{"health_look", KEYWORDS(module_health_look)},
	/* repair.c */
	{"salvage", KEYWORDS(module_salvage)},
	/* words.c */
	{"parse_when", module_parse_when, METH_VARARGS, NULL},
	{"parse_time", module_parse_time, METH_VARARGS, NULL},
	{"parse_size", module_parse_size, METH_VARARGS, NULL},
	{"parse_span", module_parse_span, METH_VARARGS, NULL},
	{"day_end", module_day_end, METH_VARARGS, NULL},
	{"format_time", module_format_time, METH_VARARGS, NULL},
	{"new_id", module_new_id, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "strongroom._strongroom",
	.m_doc = "libstrongroom, raw. Use the package strongroom.",
	.m_size = -1,
	.m_methods = functions,
};

static int add_versions(PyObject *module)
{
	if (PyModule_AddStringConstant(module, "LIBRARY_VERSION", sr_version()) != 0)
		return -1;
	return PyModule_AddStringConstant(module, "ENGINE_VERSION", sr_engine_version());
}

PyMODINIT_FUNC PyInit__strongroom(void)
{
	static int (*const setups[])(PyObject *) = {
		call_setup,     log_setup,    cursor_setup,     catalog_setup,  add_versions,
		clients_setup,  files_setup,  statistics_setup, metrics_setup,  health_setup,
		pool_setup,     search_setup, backup_setup,     keep_setup,     record_setup,
		versions_setup, prune_setup,  quotas_setup,     activity_setup, categories_setup,
		folders_setup,  repair_setup, migrations_setup, keys_setup,
	};
	PyObject *module = PyModule_Create(&definition);

	for (size_t i = 0; module != NULL && i < sizeof(setups) / sizeof(setups[0]); i++) {
		if (setups[i](module) != 0)
			Py_CLEAR(module);
	}
	return module;
}
