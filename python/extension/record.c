/*
 * Recording what is on a disk.
 */
#include <stdlib.h>

#include "module.h"

/* A list of strings for the library. */
typedef struct strings {
	const char **items;
	text_arg *texts;
	size_t count;
} strings;

static void strings_done(strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		text_done(&list->texts[i]);
	free(list->texts);
	free(list->items);
	*list = (strings){0};
}

/* For O&: from any sequence of texts but a text. */
static int arg_strings(PyObject *object, void *out)
{
	strings *list = out;
	PyObject *given;
	Py_ssize_t count;

	if (object == NULL) { /* PyArg_Parse cleans up. */
		strings_done(list);
		return 1;
	}
	*list = (strings){0};
	if (PyUnicode_Check(object) || PyBytes_Check(object)) {
		PyErr_Format(PyExc_TypeError, "a list of texts is needed, not %R alone", object);
		return 0;
	}
	if ((given = PySequence_Tuple(object)) == NULL)
		return 0;
	count = PyTuple_Size(given);
	list->items = calloc((size_t)count + 1, sizeof(*list->items));
	list->texts = calloc((size_t)count + 1, sizeof(*list->texts));
	if (list->items == NULL || list->texts == NULL) {
		PyErr_NoMemory();
		goto fail;
	}
	while ((Py_ssize_t)list->count < count) {
		text_arg *text = &list->texts[list->count];

		if (!arg_path(PyTuple_GetItem(given, (Py_ssize_t)list->count), text))
			goto fail;
		list->items[list->count++] = text->text.data;
	}
	Py_DECREF(given);
	return Py_CLEANUP_SUPPORTED;

fail:
	Py_DECREF(given);
	strings_done(list);
	return 0;
}

/* ---- What is told meanwhile ---- */

/* Who is called, and what was raised there: by `failure`, which may run in a thread of the
 * library's, so that the exception must be carried over. */
typedef struct listeners {
	PyObject *progress;
	PyObject *failure;
	PyObject *type, *value, *traceback;
} listeners;

static PyObject *summary_row(const sr_record_summary *s)
{
	return row(13, from_integer(s->scanned), from_integer(s->added), from_integer(s->changed),
		   from_integer(s->unchanged), from_integer(s->missing), from_integer(s->failed),
		   from_integer(s->over_quota), from_integer(s->special), from_integer(s->excluded),
		   from_integer(s->bytes), from_integer(s->read), from_real(s->seconds),
		   PyBool_FromLong(s->interrupted));
}

static bool tell_progress(void *arg, const sr_record_summary *so_far, const sr_record_ahead *ahead)
{
	listeners *l = arg;
	PyGILState_STATE state = PyGILState_Ensure();
	bool stop = l->type != NULL || PyErr_Occurred() != NULL || PyErr_CheckSignals() != 0;

	if (!stop && l->progress != NULL)
		stop = progress_ask(l->progress,
				    row(4, summary_row(so_far), from_integer(ahead->total_files),
					from_integer(ahead->total_bytes),
					ahead->seconds_left < 0 ? from_string(NULL)
								: from_real(ahead->seconds_left)));
	PyGILState_Release(state);
	return stop;
}

static void tell_failure(void *arg, sr_text path, const char *why)
{
	listeners *l = arg;
	PyGILState_STATE state;

	if (l->failure == NULL)
		return;
	state = PyGILState_Ensure();
	if (l->type == NULL && PyErr_Occurred() == NULL) {
		(void)progress_ask(l->failure, row(2, from_text(path), from_string(why)));
		PyErr_Fetch(&l->type, &l->value, &l->traceback);
	}
	PyGILState_Release(state);
}

/* ---- */

static sr_status run(sr_catalog *handle, const sr_id *client, const strings *paths,
		     const sr_record_options *options, sr_record_summary *summary)
{
	listeners *l = options->arg;
	sr_status rc;

	LIBRARY(rc = sr_record(handle, client, paths->items, paths->count, options, summary));
	if (l->type != NULL)
		PyErr_Restore(l->type, l->value, l->traceback);
	return rc;
}

/* record(client, paths, excludes=(), one_file_system=False, reread=False, threads=0,
 * progress=None, failure=None) -> summary; progress(summary, total_files, total_bytes,
 * seconds_left or None), failure(path, why). */
METHOD(record)
{
	static char *names[] = {"client",          "paths",   "excludes",
				"one_file_system", "reread",  "threads",
				"progress",        "failure", NULL};
	strings paths = {0}, excludes = {0};
	listeners l = {0};
	PyObject *result = NULL;
	sr_record_options options;
	sr_record_summary summary;
	int one_file_system = 0, reread = 0;
	sr_catalog *handle;
	sr_id client;

	sr_record_options_init(&options);
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&O&|O&ppiO&O&:record", names, arg_id,
					 &client, arg_strings, &paths, arg_strings, &excludes,
					 &one_file_system, &reread, &options.threads, arg_progress,
					 &l.progress, arg_progress, &l.failure))
		return NULL;
	options.excludes = excludes.items;
	options.exclude_count = excludes.count;
	options.one_file_system = one_file_system;
	options.reread = reread;
	options.progress = tell_progress;
	options.failure = tell_failure;
	options.arg = &l;
	if ((handle = catalog_enter(self)) != NULL) {
		sr_status rc = run(handle, &client, &paths, &options, &summary);

		if (!catalog_failed(self, rc))
			result = summary_row(&summary);
	}
	strings_done(&excludes);
	strings_done(&paths);
	return result;
}

int record_setup(PyObject *module)
{
	return module_add_fields(
		module, "RECORD_FIELDS",
		"scanned added changed unchanged missing failed over_quota special "
		"excluded bytes read seconds interrupted");
}
