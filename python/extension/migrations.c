/*
 * The schema's versions, and users' own migrations.
 */
#include "module.h"

/* ---- Status ---- */

static PyObject *migration_row(const sr_migration *m)
{
	return row(5, from_integer(m->version), from_string(m->description),
		   from_string(m->applied_at), from_string(m->up_sql), from_string(m->down_sql));
}

static PyObject *own_row(const sr_own_migration *own)
{
	return row(4, from_integer(own->version), from_string(own->description),
		   from_string(own->applied_at), from_string(own->down_sql));
}

static PyObject *migrations_tuple(const sr_migration_status *s)
{
	PyObject *tuple = PyTuple_New(s->total_migrations);

	for (int i = 0; tuple != NULL && i < s->total_migrations; i++) {
		PyObject *migration = migration_row(&s->migrations[i]);

		if (migration == NULL)
			Py_CLEAR(tuple);
		else
			PyTuple_SetItem(tuple, i, migration);
	}
	return tuple;
}

static PyObject *own_tuple(const sr_migration_status *s)
{
	PyObject *tuple = PyTuple_New((Py_ssize_t)s->own_count);

	for (size_t i = 0; tuple != NULL && i < s->own_count; i++) {
		PyObject *own = own_row(&s->own[i]);

		if (own == NULL)
			Py_CLEAR(tuple);
		else
			PyTuple_SetItem(tuple, (Py_ssize_t)i, own);
	}
	return tuple;
}

/* migration_status(options) -> MIGRATION_STATUS_FIELDS, of a database that need not be there */
PyObject *module_migration_status(PyObject *module, PyObject *args, PyObject *keywords)
{
	static char *names[] = {"options", NULL};
	sr_migration_status *status = NULL;
	PyObject *tuple = NULL;
	opening o = {0};
	sr_status rc;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:migration_status", names, arg_options,
					 &o))
		return NULL;
	LIBRARY(rc = sr_migration_status_get(&o.options, &status));
	if (!failed(rc))
		tuple = row(8, from_integer(status->current_version),
			    from_integer(status->latest_version),
			    from_integer(status->pending_migrations),
			    from_integer(status->total_migrations),
			    from_string(status->database_file),
			    PyBool_FromLong(status->database_exists), migrations_tuple(status),
			    own_tuple(status));
	sr_migration_status_free(status);
	opening_done(&o);
	return tuple;
}

/* ---- Up and down ---- */

/* migrate(to=None, accept_loss=False, full_check=False, up_only=False, progress=None)
 * -> (from, to, backup or None) */
METHOD(migrate)
{
	static char *names[] = {"to", "accept_loss", "full_check", "up_only", "progress", NULL};
	int64_t to = SR_NULL_INTEGER;
	int accept_loss = 0, full_check = 0, up_only = 0;
	sr_migrate_options options;
	sr_migrated migrated = {0};
	PyObject *progress = NULL;
	sr_catalog *handle;
	sr_status rc;

	sr_migrate_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O&$pppO&:migrate", names, arg_integer,
					 &to, &accept_loss, &full_check, &up_only, arg_progress,
					 &progress))
		return NULL;
	if (to != SR_NULL_INTEGER) /* -1 is the latest, and no number of a caller's. */
		options.to = to < 0 || to > INT_MAX ? INT_MAX : (int)to;
	options.accept_loss = accept_loss;
	options.full_check = full_check;
	options.up_only = up_only;
	options.progress = progress_call;
	options.progress_arg = progress;
	if ((handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_migrate(handle, &options, &migrated));
	if (catalog_failed(self, rc))
		return NULL;
	return row(3, from_integer(migrated.from), from_integer(migrated.to),
		   from_string(migrated.backup[0] != '\0' ? migrated.backup : NULL));
}

/* ---- Verifying ---- */

/* What is found, kept until the library is through: it calls without Python's lock. */
static void add_drift(void *arg, const char *kind, const char *object, const char *expected,
		      const char *found)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *list = arg;
	PyObject *drift = PyErr_Occurred() != NULL ? NULL
						   : row(4, from_string(kind), from_string(object),
							 from_string(expected), from_string(found));

	if (drift != NULL)
		(void)PyList_Append(list, drift);
	Py_XDECREF(drift);
	PyGILState_Release(state);
}

/* migrate_verify() -> (number of differences, [(kind, object, expected, found)]) */
METHOD(migrate_verify)
{
	static char *names[] = {NULL};
	int64_t differences = 0;
	sr_catalog *handle;
	PyObject *list;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":migrate_verify", names) ||
	    (list = PyList_New(0)) == NULL)
		return NULL;
	if ((handle = catalog_enter(self)) == NULL) {
		Py_DECREF(list);
		return NULL;
	}
	LIBRARY(rc = sr_migrate_verify(handle, add_drift, list, &differences));
	if (catalog_failed(self, rc)) {
		Py_DECREF(list);
		return NULL;
	}
	return row(2, from_integer(differences), list);
}

/* ---- Users' own ---- */

static PyObject *backup_of(const sr_own_migrated *migrated)
{
	return from_string(migrated->backup[0] != '\0' ? migrated->backup : NULL);
}

/* migrate_own(version, description, up_sql, down_sql=None) -> the backup's path, or None */
METHOD(migrate_own)
{
	static char *names[] = {"version", "description", "up_sql", "down_sql", NULL};
	text_arg description = {0}, up_sql = {0}, down_sql = {0};
	sr_own_migration migration = {0};
	sr_own_migrated migrated = {0};
	PyObject *result = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&O&|O&:migrate_own", names,
					 arg_integer, &migration.version, arg_path, &description,
					 arg_path, &up_sql, arg_path, &down_sql))
		return NULL;
	migration.description = description.text.data;
	migration.up_sql = up_sql.text.data;
	migration.down_sql = down_sql.text.data;
	if ((handle = catalog_enter(self)) != NULL) {
		LIBRARY(rc = sr_migrate_own(handle, &migration, &migrated));
		if (!catalog_failed(self, rc))
			result = backup_of(&migrated);
	}
	text_done(&description);
	text_done(&up_sql);
	text_done(&down_sql);
	return result;
}

/* migrate_own_down(version) -> the backup's path, or None */
METHOD(migrate_own_down)
{
	static char *names[] = {"version", NULL};
	sr_own_migrated migrated = {0};
	sr_catalog *handle;
	int64_t version;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&:migrate_own_down", names, arg_integer,
					 &version) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_migrate_own_down(handle, version, &migrated));
	return catalog_failed(self, rc) ? NULL : backup_of(&migrated);
}

int migrations_setup(PyObject *module)
{
	static const char *const fields[][2] = {
		{"MIGRATION_STATUS_FIELDS",
		 "current_version latest_version pending_migrations total_migrations database_file "
		 "database_exists migrations own"},
		{"MIGRATION_FIELDS", "version description applied_at up_sql down_sql"},
		{"OWN_MIGRATION_FIELDS", "version description applied_at down_sql"},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (module_add_fields(module, fields[i][0], fields[i][1]) != 0)
			return -1;
	}
	return 0;
}
