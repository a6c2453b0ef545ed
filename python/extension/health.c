/*
 * The check-up, the database's size, and making it compact.
 */
#include "module.h"

/* ---- The check-up ---- */

static PyObject *finding_row(const sr_finding *finding)
{
	return row(6, from_string(finding->code), from_string(sr_severity_name(finding->severity)),
		   from_string(finding->subject), from_integer(finding->count),
		   from_string(finding->meaning), from_string(finding->cure));
}

static PyObject *findings_tuple(const sr_health *health)
{
	PyObject *tuple = PyTuple_New((Py_ssize_t)health->finding_count);

	for (size_t i = 0; tuple != NULL && i < health->finding_count; i++) {
		PyObject *finding = finding_row(&health->findings[i]);

		if (finding == NULL)
			Py_CLEAR(tuple);
		else
			PyTuple_SetItem(tuple, (Py_ssize_t)i, finding);
	}
	return tuple;
}

static PyObject *size_row(const sr_size_limits *size)
{
	return row(6, from_real(size->size_mb), from_integer(size->size_bytes),
		   from_string(size->status), from_real(size->threshold_warning_mb),
		   from_real(size->threshold_critical_mb), from_string(size->message));
}

static PyObject *pool_row(const sr_pool_health *pool)
{
	return row(10, PyBool_FromLong(pool->enabled), from_integer(pool->pool_size),
		   from_integer(pool->active_connections),
		   from_integer(pool->available_connections), from_real(pool->utilization_percent),
		   from_real(pool->health_score), from_integer(pool->exhaustion_events),
		   from_integer(pool->peak_active),
		   from_strings(pool->warnings, pool->warning_count),
		   from_strings(pool->recommendations, pool->recommendation_count));
}

static PyObject *health_row(const sr_health *h)
{
	return row(26, PyBool_FromLong(h->integrity_check), PyBool_FromLong(h->foreign_key_check),
		   from_integer(h->table_count), from_integer(h->index_count),
		   PyBool_FromLong(h->connection_pool_healthy),
		   from_strings(h->issues, h->issue_count), findings_tuple(h),
		   from_integer(h->errors), from_integer(h->warnings), from_integer(h->notes),
		   from_strings(h->unseen, h->unseen_count), PyBool_FromLong(h->opened),
		   PyBool_FromLong(h->full), from_integer(h->schema_version),
		   from_integer(h->latest_version), from_string(h->engine),
		   PyBool_FromLong(h->engine_at_risk), size_row(&h->size),
		   from_integer(h->free_bytes), from_integer(h->log_bytes),
		   from_real(h->oldest_reader),
		   from_integer(h->other_readers < 0 ? SR_NULL_INTEGER : h->other_readers),
		   pool_row(&h->pool), from_integer(h->stored_files),
		   from_integer(h->stored_failed), PyLong_FromUnsignedLongLong(h->seed));
}

/* health(full=False, verify_files=False, sample=100.0, seed=0, seconds=2.0, progress=None) */
METHOD(health)
{
	static char *names[] = {"full",    "verify_files", "sample", "seed",
				"seconds", "progress",     NULL};
	sr_health_options options;
	sr_health *health = NULL;
	PyObject *tuple = NULL;
	PyObject *progress = NULL;
	int full = 0, verify_files = 0;
	unsigned long long seed = 0;
	sr_catalog *handle;
	sr_status rc;

	sr_health_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$ppdKdO&:health", names, &full,
					 &verify_files, &options.sample, &seed, &options.seconds,
					 arg_progress, &progress))
		return NULL;
	options.full = full;
	options.verify_files = verify_files;
	options.seed = seed;
	options.progress = progress_call;
	options.progress_arg = progress;
	if ((handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_health_check(handle, &options, &health));
	if (!catalog_failed(self, rc))
		tuple = health_row(health);
	sr_health_free(health);
	return tuple;
}

/* health_look(options, full=False, progress=None): of a catalog that is not open */
PyObject *module_health_look(PyObject *module, PyObject *args, PyObject *keywords)
{
	static char *names[] = {"options", "full", "progress", NULL};
	sr_health_options options;
	sr_health *health = NULL;
	PyObject *tuple = NULL;
	PyObject *progress = NULL;
	opening o = {0};
	int full = 0;
	sr_status rc;

	(void)module;
	sr_health_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|pO&:health_look", names, arg_options,
					 &o, &full, arg_progress, &progress))
		return NULL;
	options.full = full;
	options.progress = progress_call;
	options.progress_arg = progress;
	LIBRARY(rc = sr_health_look(&o.options, &options, &health));
	if (!failed(rc))
		tuple = health_row(health);
	sr_health_free(health);
	opening_done(&o);
	return tuple;
}

METHOD(size_limits)
{
	static char *names[] = {NULL};
	sr_size_limits *limits = NULL;
	PyObject *tuple = NULL;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":size_limits", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_size_limits_get(handle, &limits));
	if (!catalog_failed(self, rc))
		tuple = size_row(limits);
	sr_size_limits_free(limits);
	return tuple;
}

/* ---- Optimize ---- */

static PyObject *errors_tuple(const sr_optimized *optimized)
{
	const char *errors[SR_OPTIMIZE_STEPS];

	for (size_t i = 0; i < optimized->error_count; i++)
		errors[i] = optimized->errors[i];
	return from_strings(errors, optimized->error_count);
}

static PyObject *optimized_row(const sr_optimized *o)
{
	return row(9, PyBool_FromLong(o->search_index_built), PyBool_FromLong(o->vacuum_performed),
		   PyBool_FromLong(o->analyze_performed), from_real(o->size_before_mb),
		   from_real(o->size_after_mb), from_real(o->space_saved_mb),
		   from_integer(o->size_before), from_integer(o->size_after), errors_tuple(o));
}

/* Gives the exception that is set an attribute `result`: what was done all the same. */
static void attach_result(const sr_optimized *optimized)
{
	PyObject *type, *value, *traceback;
	PyObject *result;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	result = optimized_row(optimized);
	if (result == NULL || value == NULL || PyObject_SetAttrString(value, "result", result) != 0)
		PyErr_Clear();
	Py_XDECREF(result);
	PyErr_Restore(type, value, traceback);
}

/* optimize(analyze_only=False, progress=None) -> OPTIMIZED_FIELDS; what it raises has them as
 * `result`. */
METHOD(optimize)
{
	static char *names[] = {"analyze_only", "progress", NULL};
	sr_optimize_options options;
	sr_optimized optimized = {0};
	PyObject *progress = NULL;
	int analyze_only = 0;
	sr_catalog *handle;
	sr_status rc;

	sr_optimize_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$pO&:optimize", names, &analyze_only,
					 arg_progress, &progress))
		return NULL;
	options.analyze_only = analyze_only;
	options.progress = progress_call;
	options.progress_arg = progress;
	if ((handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_optimize(handle, &options, &optimized));
	if (!catalog_failed(self, rc))
		return optimized_row(&optimized);
	attach_result(&optimized);
	return NULL;
}

/* optimize_needs() -> (size, compact, needed, available) in bytes */
METHOD(optimize_needs)
{
	static char *names[] = {NULL};
	sr_optimize_needs needs;
	sr_catalog *handle;
	sr_status rc;

	if (!PyArg_ParseTupleAndKeywords(args, keywords, ":optimize_needs", names) ||
	    (handle = catalog_enter(self)) == NULL)
		return NULL;
	LIBRARY(rc = sr_optimize_needs_get(handle, &needs));
	if (catalog_failed(self, rc))
		return NULL;
	return row(4, from_integer(needs.size), from_integer(needs.compact),
		   from_integer(needs.needed), from_integer(needs.available));
}

int health_setup(PyObject *module)
{
	static const char *const fields[][2] = {
		{"HEALTH_FIELDS",
		 "integrity_check foreign_key_check table_count index_count "
		 "connection_pool_healthy issues findings errors warnings notes unseen opened full "
		 "schema_version latest_version engine engine_at_risk size free_bytes log_bytes "
		 "oldest_reader other_readers pool stored_files stored_failed seed"},
		{"FINDING_FIELDS", "code severity subject count meaning cure"},
		{"SIZE_LIMITS_FIELDS", "size_mb size_bytes status threshold_warning_mb "
				       "threshold_critical_mb message"},
		{"POOL_HEALTH_FIELDS",
		 "enabled pool_size active_connections available_connections utilization_percent "
		 "health_score exhaustion_events peak_active warnings recommendations"},
		{"OPTIMIZED_FIELDS",
		 "search_index_built vacuum_performed analyze_performed size_before_mb "
		 "size_after_mb space_saved_mb size_before size_after errors"},
		{"OPTIMIZE_NEEDS_FIELDS", "size compact needed available"},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (module_add_fields(module, fields[i][0], fields[i][1]) != 0)
			return -1;
	}
	return 0;
}
